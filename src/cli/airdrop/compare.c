/* `airdrop run` of a name that the journal has: is it the same plan? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "cli/airdrop/cmd_airdrop_run.h"
#include "codec/eip55.h"
#include "engine/operation.h"
#include "engine/recount.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"

#define SHOWN_MAX 5
#define MEMO_SHOWN 40

/* -- all but the rows ------------------------------------------------------ */

static enum err other(const struct run *r, const struct difference *d, struct fail *f)
{
	return fail_set(f, ERR_CONFLICT,
	    "%s is another plan already: its %s is %s, not %s; to go on with it, give it "
	    "what it began with; for a list of its own, choose another --name",
	    r->name, d->what, d->was, d->is);
}

/* The genesis is the journal's: nodes may be silent now, and the follower compares it. */
static enum err header_compare(struct run *r, const struct plan_header *h, struct fail *f)
{
	struct draft *d = &r->draft;
	struct difference differs;

	if (draft_header_differs(d, h, &differs))
		return other(r, &differs, f);
	d->genesis = h->genesis;
	d->decimals = h->decimals;
	d->identified = true;
	return ERR_OK;
}

static enum err fee_compare(struct run *r, const struct plan_header *h, struct fail *f)
{
	struct difference differs;
	enum err e = draft_service_fee(&r->draft, f);

	if (e == ERR_OK && draft_fee_differs(&r->draft, h, &differs))
		e = other(r, &differs, f);
	return e;
}

/* -- the rows -------------------------------------------------------------- */

struct compare {
	struct run *run;
	int64_t imported;  /* rows that the journal has */
	int64_t different; /* also those that it has not */
	int64_t changed;   /* that it has otherwise */
};

static void side_tell(const char *who, const uint8_t to[20], const struct amount *amount,
    unsigned decimals, const char *memo, size_t memo_len)
{
	char address[43], text[AMOUNT_TEXT_MAX];

	eip55_format(address, to);
	amount_format(text, amount, decimals);
	fprintf(stderr, "  %s  %s  %s", who, address, text);
	if (memo) {
		char shown[MEMO_SHOWN + 1];
		size_t n = memo_len < MEMO_SHOWN ? memo_len : MEMO_SHOWN;

		for (size_t i = 0; i < n; i++)
			shown[i] = memo[i] >= 0x20 && memo[i] < 0x7f ? memo[i] : '?';
		shown[n] = '\0';
		fprintf(stderr, "  \"%s\"", shown);
	}
	fputc('\n', stderr);
}

static void item_tell(const struct sql_item_get_out *item, unsigned decimals)
{
	side_tell("journal", item->recipient, &item->amount, decimals,
	    item->no_memo ? NULL : item->memo, item->no_memo ? 0 : strlen(item->memo));
}

static enum err row_compare(void *ctx, const struct list_row *row, struct fail *f)
{
	struct compare *c = ctx;
	const struct draft *d = &c->run->draft;
	struct sql_item_get_in in = { .operation = c->run->operation, .row = row->row };
	struct sql_item_get_out item;
	bool have =
	    row->row <= c->imported && sql_item_get_one(c->run->journal, &in, &item);

	(void)f;
	if (have ? draft_row_same(row, &item) : c->imported == 0)
		return ERR_OK;
	c->changed += have;
	if (c->different++ >= SHOWN_MAX)
		return ERR_OK;
	fprintf(stderr, "%s:%" PRId64 ": row %" PRId64 " differs\n", d->file, row->line,
	    row->row);
	if (have)
		item_tell(&item, d->decimals);
	else
		fprintf(stderr, "  journal  (no such row)\n");
	side_tell(
	    "file   ", row->to.at, &row->amount, d->decimals, row->memo, row->memo_len);
	return ERR_OK;
}

/* The file ends before the journal's rows do. */
static void missing_tell(const struct compare *c, int64_t rows)
{
	const struct run *r = c->run;
	struct sql_item_get_in in = { .operation = r->operation, .row = rows + 1 };
	struct sql_item_get_out item;

	if (!sql_item_get_one(r->journal, &in, &item))
		return;
	fprintf(stderr, "%s: row %" PRId64 " is missing\n", r->draft.file, rows + 1);
	item_tell(&item, r->draft.decimals);
	if (c->imported > rows + 1)
		fprintf(stderr, "  and %" PRId64 " behind it\n", c->imported - rows - 1);
}

/* What a person wanted is to add rows, or to change some. */
static enum err conflict(
    const struct compare *c, const struct operation *o, int64_t rows, struct fail *f)
{
	const struct draft *d = &c->run->draft;
	char token[43] = "";

	/* its rows are the file's: which of the two plans is not of them? */
	if (!c->different && rows == o->items) {
		enum err e = recount_plan(c->run->journal, o->id, &kind_airdrop, f);

		if (e != ERR_OK)
			return fail_wrap(f, e, "%s", o->name);
	}
	if (c->changed || rows <= o->items)
		return fail_set(f, ERR_CONFLICT,
		    "%s is another plan already, with %" PRId64
		    " rows (the file has %" PRId64
		    "); give it the list as it began, or this one another --name",
		    o->name, o->items, rows);
	if (d->has_token)
		eip55_format(token, d->token.at);
	return fail_set(f, ERR_CONFLICT,
	    "%s is another plan already, with %" PRId64 " rows (the file has %" PRId64
	    "); put the new rows into a file of their own: pawl airdrop run NEW.csv "
	    "--chain %s --from %s%s%s",
	    o->name, o->items, rows, d->chain->name, d->key_name,
	    *token ? " --token " : "", token);
}

static enum err rows_show(struct run *r, const struct operation *o,
    const struct airdrop_facts *a, const struct list_rules *rules, struct fail *f)
{
	struct compare c = { .run = r, .imported = a->imported };
	struct list_sum sum;
	enum err e = list_read(&sum, NULL, r->draft.file, rules, row_compare, &c, f);

	if (e != ERR_OK)
		return e;
	if (c.different > SHOWN_MAX)
		fprintf(stderr, "  and %" PRId64 " rows more\n", c.different - SHOWN_MAX);
	missing_tell(&c, sum.rows);
	return conflict(&c, o, sum.rows, f);
}

/* -- what is asked of a list that is new ------------------------------------ */

/* Payments are taken as its rows' when it begins; and these are rows that it would
 * pay. */
static enum err adopt_refuse(const struct run *r, const struct operation *o,
    const struct airdrop_facts *a, struct fail *f)
{
	struct sql_consumed_of_rows_in in = {
		.operation = o->id, .account = o->account, .native = !a->has_token
	};
	struct sql_consumed_of_rows_out row, first = { 0 };
	char hash[65];
	int64_t n = 0;

	memcpy(in.asset, a->token.at, sizeof in.asset);
	sql_consumed_of_rows_begin(r->journal, &in);
	while (sql_consumed_of_rows_next(r->journal, &row))
		if (n++ == 0)
			first = row;
	if (!n)
		return ERR_OK;
	hex_format(hash, first.hash, sizeof first.hash);
	return fail_set(f, ERR_CONFLICT,
	    "%s is under way already, and --adopt is of a list that begins: %" PRId64
	    " payments that no row knows equal rows that it is to pay. To take one as a "
	    "row's: pawl pause %s, and pawl repair %s %" PRId64 " adopt 0x%s; without "
	    "--adopt these rows are paid",
	    o->name, n, o->name, o->name, first.row, hash);
}

/* A run that was killed is typed again with all that it had: only what would not be done
 * is refused. */
static enum err flags_judge(const struct run *r, const struct operation *o,
    const struct airdrop_facts *a, struct fail *f)
{
	const char *state = state_name(MACHINE_OPERATION, o->state);

	if (r->consented)
		return ERR_OK; /* it began with them, a moment ago */
	if (args_has(&r->cli->args, "--again"))
		cli_warn(r->cli,
		    "%s is %s already: it is paid once under this name; to pay the list "
		    "again, give --again another --name",
		    o->name, state);
	if (!args_has(&r->cli->args, "--adopt") || a->adopt)
		return ERR_OK;
	if (!operation_ended(o) && adopt_refuse(r, o, a, f) != ERR_OK)
		return ERR_CONFLICT;
	cli_warn(r->cli,
	    "%s is %s already: --adopt takes no more, and no other payment equals a row "
	    "that it is to pay",
	    o->name, state);
	return ERR_OK;
}

/* -- the whole ---------------------------------------------------------------- */

static enum err plan_compare(struct run *r, const struct operation *o,
    const struct airdrop_facts *a, struct fail *f)
{
	struct list_rules rules = draft_rules(&r->draft);
	enum err e;

	/* It was read for another owner, who ended. */
	if (r->draft.hashed && memcmp(r->draft.plan, o->plan, sizeof o->plan) == 0)
		return ERR_OK;
	rules.judge = false;
	e = draft_list(&r->draft, &rules, NULL, NULL, f);
	if (e != ERR_OK || memcmp(r->draft.plan, o->plan, sizeof o->plan) == 0)
		return e;
	return rows_show(r, o, a, &rules, f);
}

enum err run_compare(struct run *r, struct fail *f)
{
	struct plan_header header;
	struct airdrop_facts a;
	struct operation o;
	enum err e;

	if (!operation_read(r->journal, r->operation, &o) ||
	    !airdrop_read(r->journal, r->operation, &a) ||
	    !airdrop_header(r->journal, &o, &a, &header))
		return fail_set(f, ERR_CONFLICT, "%s is no airdrop", r->name);
	e = header_compare(r, &header, f);
	if (e == ERR_OK)
		e = fee_compare(r, &header, f);
	if (e == ERR_OK)
		e = plan_compare(r, &o, &a, f);
	return e == ERR_OK ? flags_judge(r, &o, &a, f) : e;
}
