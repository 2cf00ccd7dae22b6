#include "serve/submit/intake.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "engine/past.h"
#include "journal/sql.gen.h"
#include "serve/submit/handover.h"

/* Who began to send a list goes on, unless nothing came of it for so long. */
#define SILENCE_MS 3000

struct intake {
	struct intake *next;
	int64_t operation, rows; /* so many have come */
	int64_t last_ms;
	struct amount sum;
};

static void told_put(struct told *ret, const struct operation *o, int64_t imported)
{
	*ret = (struct told){ .operation = o->id,
		.state = o->state,
		.rows = o->items,
		.imported = imported };
	snprintf(ret->name, sizeof ret->name, "%s", o->name);
}

/* -- the operation --------------------------------------------------------- */

/* Nothing came since the plan was compared with all that is paid here. */
static enum err compared(struct journal *j, const struct handover *h, struct fail *f)
{
	struct sql_operation_newest_out newest;
	struct sql_operation_by_name_in in = { .name = h->name };
	struct sql_operation_by_name_out found;

	if (sql_operation_newest_one(j, &newest) && !newest.no_id &&
	    newest.id != h->seen && !MUTANT(handed_over_unseen))
		return fail_set(
		    f, ERR_STALE, "another operation came while %s was planned", h->name);
	if (sql_operation_by_name_one(j, &in, &found))
		return fail_set(f, ERR_STALE, "%s is there already", h->name);
	return ERR_OK;
}

static enum err chain_check(const struct command_at *at, const struct handover *h,
    struct chain_run **ret, struct fail *f)
{
	const struct chain_config *config;
	struct sql_chain_get_out row;
	enum err e = at->face->chain_named(at->face->ctx, h->chain, &config, f);

	if (e == ERR_OK)
		e = chain_pays(config, f);
	if (e != ERR_OK)
		return e;
	*ret = command_chain(at->runner, config);
	if (!(*ret)->id)
		return fail_set(
		    f, ERR_NO_QUORUM, "chain %s: its nodes do not answer", config->name);
	if (!sql_chain_get_one(
		at->journal, &(struct sql_chain_get_in){ .id = (*ret)->id }, &row))
		journal_damaged(at->journal, "chain %s is gone", config->name);
	if (config->chain_id == h->chain_id &&
	    memcmp(row.genesis, h->genesis.at, sizeof row.genesis) == 0)
		return ERR_OK;
	return fail_set(f, ERR_WRONG_CHAIN,
	    "the process that owns the journal knows another chain as %s", config->name);
}

/* Is all read that the account did before the journal knew it? */
static enum err past_look(const struct command_at *at, struct chain_run *c,
    const struct airdrop_new *n, bool *ret, struct fail *f)
{
	int64_t id = airdrop_account(at->journal, n);
	struct account *a = id ? account_begin(at->runner, c, id) : NULL;

	if (!a)
		return fail_set(f, ERR_DISK_FULL, "the disk is full");
	*ret = past_read(a);
	return ERR_OK;
}

enum err intake_create(const struct command_at *at, const char *body, size_t len,
    struct told *ret, struct fail *f)
{
	struct handover h;
	struct chain_run *c;
	struct airdrop_new n;
	struct operation o;
	int64_t id = 0;
	bool known = false;
	enum err e = handover_decode(&h, body, len, f);

	if (e == ERR_OK)
		e = compared(at->journal, &h, f);
	if (e == ERR_OK)
		e = chain_check(at, &h, &c, f);
	if (e == ERR_OK)
		e = at->face->key_usable(at->face->ctx, h.key, &h.sender, f);
	if (e != ERR_OK)
		return e;
	n = handover_plan(&h, c->id, c->config, world_wall_ms(at->world));
	e = past_look(at, c, &n, &known, f);
	if (e != ERR_OK || !known)
		return e; /* who asked asks again */
	if (h.past != past_payments(at->journal, airdrop_account(at->journal, &n)))
		return fail_set(
		    f, ERR_STALE, "payments of key %s were read meanwhile", h.key);
	id = airdrop_create(at->journal, &n);
	if (!id || !operation_read(at->journal, id, &o))
		return fail_set(f, ERR_DISK_FULL, "the disk is full");
	told_put(ret, &o, 0);
	return ERR_OK;
}

/* -- its rows -------------------------------------------------------------- */

struct part {
	struct journal *journal;
	struct intake *intake;
	int64_t now_ms;
	const struct operation *operation;
};

static struct intake *intake_get(struct intake **all, int64_t operation)
{
	struct intake *i = *all;

	while (i && i->operation != operation)
		i = i->next;
	if (i)
		return i;
	i = mem_new(sizeof *i);
	*i = (struct intake){ .next = *all, .operation = operation };
	*all = i;
	return i;
}

static void intake_drop(struct intake **all, struct intake *i)
{
	while (*all != i)
		all = &(*all)->next;
	*all = i->next;
	mem_free(i);
}

static enum err row_take(void *ctx, const struct list_row *row, struct fail *f)
{
	struct part *p = ctx;
	struct intake *i = p->intake;

	if (row->row == 1 && i->rows > 0 && p->now_ms < i->last_ms + SILENCE_MS)
		return fail_set(f, ERR_STALE, "another process is sending the list of %s",
		    p->operation->name);
	if (row->row == 1) {
		airdrop_rows_drop(p->journal, p->operation->id);
		i->rows = 0;
		i->sum = AMOUNT_ZERO;
	}
	if (row->row != i->rows + 1 || row->row > p->operation->items)
		return fail_set(
		    f, ERR_STALE, "row %lld was awaited", (long long)i->rows + 1);
	if (!amount_add(&i->sum, &i->sum, &row->amount) ||
	    amount_cmp(&i->sum, &p->operation->planned) > 0)
		return fail_set(f, ERR_INPUT, "the rows are more than the plan's total");
	i->rows++;
	airdrop_row_put(p->journal, p->operation->id, row);
	return ERR_OK;
}

/* What the kind keeps in memory is read again. */
static void refresh(struct runner *r, int64_t id)
{
	struct operation *o = runner_operation(r, id);

	if (!o)
		return;
	o->kind->close(o->of_kind);
	o->of_kind = o->kind->open(r, o);
	r->again = true;
}

static enum err rows_take(const struct command_at *at, struct intake *i,
    const struct operation *o, const char *body, size_t len, struct fail *f)
{
	struct part p = { .journal = at->journal,
		.intake = i,
		.now_ms = world_now_ms(at->world),
		.operation = o };
	enum err e = handover_rows_decode(body, len, row_take, &p, f);

	if (e == ERR_OK && i->rows == o->items && amount_cmp(&i->sum, &o->planned) != 0)
		e = fail_set(f, ERR_INPUT, "the rows are less than the plan's total");
	if (e != ERR_OK)
		return e;
	i->last_ms = p.now_ms;
	airdrop_rows_are(at->journal, o->id, i->rows);
	refresh(at->runner, o->id);
	return ERR_OK;
}

enum err intake_rows(struct intake **all, const struct command_at *at,
    const struct request *q, const char *body, size_t len, struct told *ret,
    struct fail *f)
{
	struct airdrop_facts a;
	struct intake *i, before;
	struct operation o;
	enum err e = command_operation(at->journal, q->name, &o, f);

	if (e != ERR_OK)
		return e;
	if (!airdrop_read(at->journal, o.id, &a) || a.imported >= o.items || a.frozen)
		return fail_set(f, ERR_STALE, "the list of %s is there already", o.name);
	i = intake_get(all, o.id);
	before = *i;
	e = rows_take(at, i, &o, body, len, f);
	told_put(ret, &o, i->rows);
	if (e != ERR_OK)
		*i = before;
	else if (i->rows == o.items)
		intake_drop(all, i);
	return e;
}

void intake_free(struct intake *all)
{
	while (all) {
		struct intake *next = all->next;

		mem_free(all);
		all = next;
	}
}
