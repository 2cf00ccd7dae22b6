/* `airdrop run` of a name that the journal has: is it the same plan? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/cmd_airdrop_run.h"
#include "codec/eip55.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

#define SHOWN_MAX 5
#define MEMO_SHOWN 40

/* -- all but the rows ------------------------------------------------------ */

static enum err other(const struct run *r, const struct difference *d, struct fail *f)
{
	return fail_set(f, ERR_CONFLICT,
	    "%s is another plan already: its %s is %s, not %s; choose another --name",
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

enum err run_compare(struct run *r, struct fail *f)
{
	struct plan_header header;
	struct airdrop_facts a;
	struct list_rules rules;
	struct operation o;
	enum err e;

	if (!operation_read(r->journal, r->operation, &o) ||
	    !airdrop_read(r->journal, r->operation, &a) ||
	    !airdrop_header(r->journal, &o, &a, &header))
		return fail_set(f, ERR_CONFLICT, "%s is no airdrop", r->name);
	e = header_compare(r, &header, f);
	if (e == ERR_OK)
		e = fee_compare(r, &header, f);
	if (e != ERR_OK)
		return e;
	/* It was read for another owner, who ended. */
	if (r->draft.hashed && memcmp(r->draft.plan, o.plan, sizeof o.plan) == 0)
		return ERR_OK;
	rules = draft_rules(&r->draft);
	rules.judge = false;
	e = draft_list(&r->draft, &rules, NULL, NULL, f);
	if (e != ERR_OK || memcmp(r->draft.plan, o.plan, sizeof o.plan) == 0)
		return e;
	return rows_show(r, &o, &a, &rules, f);
}
