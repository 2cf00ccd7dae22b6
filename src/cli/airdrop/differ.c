/* In what a plan of the journal differs from one that is drafted. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/airdrop/draft.h"
#include "codec/eip55.h"
#include "journal/sql.gen.h"

/* -- all but the rows ------------------------------------------------------ */

static void asset_text(char out[DIFFERENCE_MAX], bool token, const struct address *at)
{
	char text[43];

	eip55_format(text, at->at);
	snprintf(out, DIFFERENCE_MAX, "%s", token ? text : "the native coin");
}

static void fee_text(char out[DIFFERENCE_MAX], const struct amount *fee,
    const struct address *to, unsigned decimals)
{
	char amount[AMOUNT_TEXT_MAX], text[43];

	amount_format(amount, fee, decimals);
	eip55_format(text, to->at);
	if (amount_is_zero(fee))
		snprintf(out, DIFFERENCE_MAX, "none");
	else
		snprintf(out, DIFFERENCE_MAX, "%s to %s", amount, text);
}

bool draft_header_differs(
    const struct draft *d, const struct plan_header *h, struct difference *ret)
{
	if (h->chain_id != d->chain->chain_id) {
		ret->what = "chain id";
		snprintf(ret->was, sizeof ret->was, "%" PRIu64, h->chain_id);
		snprintf(ret->is, sizeof ret->is, "%" PRIu64, d->chain->chain_id);
	} else if (h->token != d->has_token ||
	    (h->token && !address_same(&h->token_address, &d->token))) {
		ret->what = "asset";
		asset_text(ret->was, h->token, &h->token_address);
		asset_text(ret->is, d->has_token, &d->token);
	} else if (!address_same(&h->sender, &d->sender)) {
		ret->what = "sender";
		eip55_format(ret->was, h->sender.at);
		eip55_format(ret->is, d->sender.at);
	} else {
		return false;
	}
	return true;
}

bool draft_fee_differs(
    const struct draft *d, const struct plan_header *h, struct difference *ret)
{
	if (amount_cmp(&h->service_fee, &d->fee_amount) == 0 &&
	    (amount_is_zero(&h->service_fee) ||
		address_same(&h->service_fee_to, &d->fee_to)))
		return false;
	ret->what = "service fee";
	fee_text(ret->was, &h->service_fee, &h->service_fee_to, h->decimals);
	fee_text(ret->is, &d->fee_amount, &d->fee_to, d->decimals);
	return true;
}

/* -- rows ------------------------------------------------------------------ */

bool draft_row_same(const struct list_row *row, const struct sql_item_get_out *item)
{
	size_t len = item->no_memo ? 0 : strlen(item->memo);

	return memcmp(row->to.at, item->recipient, sizeof item->recipient) == 0 &&
	    amount_cmp(&row->amount, &item->amount) == 0 &&
	    (row->memo != NULL) == !item->no_memo &&
	    (!row->memo ||
		(row->memo_len == len && memcmp(row->memo, item->memo, len) == 0));
}

/* The first row of the list that the operation of this name has otherwise, or not. */
void draft_row_differs(struct draft *d, const struct list_row *row)
{
	struct sql_item_get_in in = { .operation = d->own_id, .row = row->row };
	struct sql_item_get_out item;

	if (!d->own_id || d->other_row)
		return;
	d->other_there = sql_item_get_one(d->journal, &in, &item);
	if (d->other_there && draft_row_same(row, &item))
		return;
	d->other_row = row->row;
	d->other_line = row->line;
}

void draft_differs(
    const struct draft *d, const struct operation *o, char *out, size_t size)
{
	struct difference differs;
	struct plan_header header;
	struct airdrop_facts a;

	if (airdrop_read(d->journal, o->id, &a) &&
	    airdrop_header(d->journal, o, &a, &header) &&
	    (draft_header_differs(d, &header, &differs) ||
		draft_fee_differs(d, &header, &differs)))
		snprintf(out, size, "its %s is %s, not %s", differs.what, differs.was,
		    differs.is);
	else if (d->other_row && d->other_there)
		snprintf(out, size, "row %" PRId64 ", line %" PRId64 ", differs",
		    d->other_row, d->other_line);
	else if (d->other_row)
		snprintf(out, size, "it has no row %" PRId64, d->other_row);
	else
		snprintf(out, size, "it has a row %" PRId64, d->sum.rows + 1);
}
