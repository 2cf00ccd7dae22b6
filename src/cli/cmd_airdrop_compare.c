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

static enum err other(const struct run *r, const char *what, struct fail *f)
{
	return fail_set(f, ERR_CONFLICT,
	    "%s is another plan already: its %s differs; choose another --name", r->name,
	    what);
}

/* The genesis is the journal's: nodes may be silent now, and the follower compares it. */
static enum err header_compare(struct run *r, const struct plan_header *h, struct fail *f)
{
	struct draft *d = &r->draft;

	if (h->chain_id != d->chain->chain_id)
		return other(r, "chain", f);
	if (h->token != d->has_token ||
	    (h->token && !address_same(&h->token_address, &d->token)))
		return other(r, "asset", f);
	if (!address_same(&h->sender, &d->sender))
		return other(r, "sender", f);
	d->genesis = h->genesis;
	d->decimals = h->decimals;
	d->identified = true;
	return ERR_OK;
}

static enum err fee_compare(struct run *r, const struct plan_header *h, struct fail *f)
{
	const struct draft *d = &r->draft;
	bool none = amount_is_zero(&h->service_fee);
	enum err e = draft_service_fee(&r->draft, f);

	if (e != ERR_OK)
		return e;
	if (amount_cmp(&h->service_fee, &d->fee_amount) != 0 ||
	    (!none && !address_same(&h->service_fee_to, &d->fee_to)))
		return other(r, "service fee", f);
	return ERR_OK;
}

/* -- the rows -------------------------------------------------------------- */

struct compare {
	struct run *run;
	int64_t imported; /* rows that the journal has */
	int64_t different;
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

static bool row_same(const struct list_row *row, const struct sql_item_get_out *item)
{
	size_t len = item->no_memo ? 0 : strlen(item->memo);

	return memcmp(row->to.at, item->recipient, sizeof item->recipient) == 0 &&
	    amount_cmp(&row->amount, &item->amount) == 0 &&
	    (row->memo != NULL) == !item->no_memo &&
	    (!row->memo ||
		(row->memo_len == len && memcmp(row->memo, item->memo, len) == 0));
}

static enum err row_compare(void *ctx, const struct list_row *row, struct fail *f)
{
	struct compare *c = ctx;
	const struct draft *d = &c->run->draft;
	struct sql_item_get_in in = { .operation = c->run->operation, .row = row->row };
	struct sql_item_get_out item;
	bool have =
	    row->row <= c->imported && sql_item_get_one(c->run->loop.journal, &in, &item);

	(void)f;
	if (have ? row_same(row, &item) : c->imported < row->row && c->imported == 0)
		return ERR_OK;
	if (c->different++ >= SHOWN_MAX)
		return ERR_OK;
	fprintf(stderr, "%s:%" PRId64 ": row %" PRId64 " differs\n", d->file, row->line,
	    row->row);
	if (have)
		side_tell("journal", item.recipient, &item.amount, d->decimals,
		    item.no_memo ? NULL : item.memo,
		    item.no_memo ? 0 : strlen(item.memo));
	else
		fprintf(stderr, "  journal  (no such row)\n");
	side_tell(
	    "file   ", row->to.at, &row->amount, d->decimals, row->memo, row->memo_len);
	return ERR_OK;
}

static enum err rows_show(struct run *r, const struct operation *o,
    const struct airdrop_facts *a, const struct list_rules *rules, struct fail *f)
{
	struct compare c = { .run = r, .imported = a->imported };
	char token[43] = "";
	struct list_sum sum;
	enum err e = list_read(&sum, NULL, r->draft.file, rules, row_compare, &c, f);

	if (e != ERR_OK)
		return e;
	if (c.different > SHOWN_MAX)
		fprintf(stderr, "  and %" PRId64 " rows more\n", c.different - SHOWN_MAX);
	if (r->draft.has_token)
		eip55_format(token, r->draft.token.at);
	return fail_set(f, ERR_CONFLICT,
	    "%s is another plan already, with %" PRId64 " rows (the file has %" PRId64
	    "); put the new rows into a file of their own: pawl airdrop run NEW.csv "
	    "--chain %s --from %s%s%s",
	    o->name, o->items, sum.rows, r->draft.chain->name, r->draft.key_name,
	    *token ? " --token " : "", token);
}

enum err run_compare(struct run *r, struct fail *f)
{
	struct plan_header header;
	struct airdrop_facts a;
	struct list_rules rules;
	struct operation o;
	enum err e;

	if (!operation_read(r->loop.journal, r->operation, &o) ||
	    !airdrop_read(r->loop.journal, r->operation, &a) ||
	    !airdrop_header(r->loop.journal, &o, &a, &header))
		return fail_set(f, ERR_CONFLICT, "%s is no airdrop", r->name);
	e = header_compare(r, &header, f);
	if (e == ERR_OK)
		e = fee_compare(r, &header, f);
	if (e != ERR_OK)
		return e;
	rules = draft_rules(&r->draft);
	rules.judge = false;
	e = draft_list(&r->draft, &rules, NULL, NULL, f);
	if (e != ERR_OK || memcmp(r->draft.plan, o.plan, sizeof o.plan) == 0)
		return e;
	return rows_show(r, &o, &a, &rules, f);
}
