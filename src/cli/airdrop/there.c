/* `airdrop run` while another process owns the journal: the list is read and planned
 * here, paid there, and watched. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/airdrop/cmd_airdrop_run.h"
#include "journal/sql.gen.h"

/* -- the rows -------------------------------------------------------------- */

struct sending {
	struct run *run;
	struct buf lines;
	int64_t n;
};

static enum err part_send(struct sending *s, struct fail *f)
{
	enum err e = client_rows(s->run->client, s->run->name, &s->lines, f);

	buf_release(&s->lines);
	buf_init(&s->lines, REQUEST_LINES_MAX);
	s->n = 0;
	return e;
}

/* The last part stays: it leaves when the file is known to be the one that was
 * planned. */
static enum err row_send(void *ctx, const struct list_row *row, struct fail *f)
{
	struct sending *s = ctx;
	bool full = s->n == HANDOVER_ROWS_MAX || s->lines.len > HANDOVER_PART_MAX;
	enum err e = full ? part_send(s, f) : ERR_OK;

	handover_row_encode(&s->lines, row);
	s->n++;
	return e;
}

static enum err rows_send(struct run *r, struct fail *f)
{
	struct list_rules rules = draft_rules(&r->draft);
	struct sending s = { .run = r };
	struct list_sum sum;
	enum err e;

	rules.judge = false;
	buf_init(&s.lines, REQUEST_LINES_MAX);
	e = list_read(&sum, NULL, r->draft.file, &rules, row_send, &s, f);
	if (e == ERR_OK &&
	    memcmp(sum.file_hash, r->draft.sum.file_hash, sizeof sum.file_hash) != 0)
		e = fail_set(f, ERR_INPUT, "%s: it changed while it was being read",
		    r->draft.file);
	if (e == ERR_OK)
		e = part_send(&s, f);
	buf_release(&s.lines);
	return e;
}

/* -- the operation --------------------------------------------------------- */

static void owner_tell(const struct run *r, const char *what)
{
	struct owner owner;
	bool held;

	if (journal_owner(r->cli->config->journal, &owner, &held) && held)
		cli_say(r->cli, "Process %lld owns the journal and %s.",
		    (long long)owner.pid, what);
}

static enum err create(struct run *r, struct fail *f)
{
	struct told told;
	enum err e = run_plan(r, f);

	if (e == ERR_OK)
		e = client_create(r->client, &r->plan, &told, f);
	if (e == ERR_OK)
		r->operation = told.operation;
	return e;
}

static enum err ask_to_run(struct run *r, struct told *told, struct fail *f)
{
	struct request q = { .route = ROUTE_RUN, .has_plan = true };

	if (r->has_cap)
		amount_format(q.cap, &r->cap, draft_coin_decimals(&r->draft));
	snprintf(q.name, sizeof q.name, "%s", r->name);
	memcpy(q.plan, r->draft.plan, sizeof q.plan);
	memcpy(q.text, r->notify, sizeof q.text);
	return client_command(r->client, &q, told, f);
}

static enum err compare(struct run *r, bool *ret_ended, struct fail *f)
{
	struct airdrop_facts a;
	struct operation o;
	enum err e = run_compare(r, f);

	if (e != ERR_OK)
		return e;
	CHECK(operation_read(r->journal, r->operation, &o));
	CHECK(airdrop_read(r->journal, r->operation, &a));
	*ret_ended = operation_ended(&o);
	if (r->has_cap && amount_cmp(&o.cap, &r->cap) != 0)
		run_cap_tell(r, &o);
	if (a.imported < o.items)
		run_moved_tell(r, &a);
	return ERR_OK;
}

static enum err verdict(struct run *r, struct fail *f)
{
	struct operation o;

	CHECK(operation_read(r->journal, r->operation, &o));
	return run_verdict(r->journal, &o, f);
}

enum err run_there(struct run *r, struct fail *f)
{
	struct sql_operation_by_name_in in = { .name = r->name };
	struct sql_operation_by_name_out found;
	bool known = sql_operation_by_name_one(r->journal, &in, &found), ended = false;
	struct told told;
	enum err e;

	if (known)
		r->operation = found.id;
	e = known ? compare(r, &ended, f) : create(r, f);
	if (e == ERR_OK)
		e = ask_to_run(r, &told, f);
	if (e == ERR_OK && told.imported < told.rows)
		e = rows_send(r, f);
	if (e != ERR_OK || ended)
		return e == ERR_OK ? verdict(r, f) : e;
	owner_tell(r, known ? "pays this list" : "pays this list now");
	e = own_follow(r->cli, r->client, r->operation, f);
	return e == ERR_OK ? verdict(r, f) : e;
}
