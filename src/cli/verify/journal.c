/* journal.c - the journal against itself, and against what was found paid. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "cli/verify/verify.h"
#include "engine/repair.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"

/* The journal is read after the chain, and may know more by now. */
static bool came_later(struct verify *v, int64_t row)
{
	struct sql_intent_by_row_in in = { .operation = v->operation.id, .row = row };
	struct sql_intent_by_row_out found;
	struct sql_intent_get_out i;
	bool later = v->late[row / 8] >> (row % 8) & 1;

	sql_intent_by_row_begin(v->journal, &in);
	while (!later && sql_intent_by_row_next(v->journal, &found))
		later = sql_intent_get_one(v->journal,
			    &(struct sql_intent_get_in){ .id = found.id }, &i) &&
		    !i.no_nonce && (uint64_t)i.nonce > v->last;
	sql_intent_by_row_end(v->journal);
	return later;
}

static void void_check(struct verify *v, const struct sql_item_from_out *item, bool paid)
{
	char reason[160];

	snprintf(reason, sizeof reason, "%s", item->no_reason ? "" : item->reason);
	utf8_plain(reason);
	verify_mismatch(v, item->row, -1, NULL, "%svoid%s: %s", paid ? "paid, and " : "",
	    paid ? " in the journal" : "", reason);
}

static void row_check(struct verify *v, const struct sql_item_from_out *item)
{
	bool paid = verify_paid(v, item->row);
	int state = (int)item->state;

	if (state == ITEM_VOID && !paid && !item->no_reason &&
	    repair_skipped(item->reason))
		v->skipped++;
	else if (state == ITEM_VOID)
		void_check(v, item, paid);
	else if (paid)
		return;
	else if (state == ITEM_FINAL && !(v->under_way && came_later(v, item->row)))
		verify_mismatch(v, item->row, -1, NULL,
		    "final in the journal, and no final transaction pays it");
	else if (!v->under_way && v->operation.state == OPERATION_COMPLETED)
		verify_mismatch(v, item->row, -1, NULL, "not paid: %s",
		    state_name(MACHINE_ITEM, state));
	else
		v->open++;
}

static void totals_check(struct verify *v, const struct totals counted[5])
{
	struct amount sum = AMOUNT_ZERO;
	bool whole = true;

	for (int i = 0; i < 5; i++) {
		const struct totals *t = &v->operation.by_state[i];

		whole = whole && amount_add(&sum, &sum, &counted[i].sum);
		if (t->n != counted[i].n || amount_cmp(&t->sum, &counted[i].sum) != 0)
			verify_mismatch(v, 0, -1, NULL,
			    "the operation's total of %s rows is not the sum of its rows",
			    state_name(MACHINE_ITEM, i));
	}
	if (!whole || amount_cmp(&sum, &v->operation.planned) != 0)
		verify_mismatch(
		    v, 0, -1, NULL, "the rows do not add up to what was planned");
}

static void plan_check(struct verify *v, struct plan_hash *h)
{
	uint8_t plan[32];

	plan_hash_end(h, plan);
	if (memcmp(plan, v->operation.plan, sizeof plan) != 0)
		verify_mismatch(
		    v, 0, -1, NULL, "the rows in the journal are not those of the plan");
}

static void rows_check(struct verify *v)
{
	struct sql_item_from_in in = { v->operation.id, 1, v->operation.items };
	struct sql_item_from_out item;
	struct totals counted[5] = { 0 };
	struct plan_header header;
	struct plan_hash *h;

	CHECK(airdrop_header(v->journal, &v->operation, &v->facts, &header));
	h = plan_hash_begin(&header);
	sql_item_from_begin(v->journal, &in);
	while (sql_item_from_next(v->journal, &item)) {
		struct totals *t;
		struct address to;

		if (item.row > v->operation.items || item.state < ITEM_PENDING ||
		    item.state > ITEM_REFUNDED) {
			verify_mismatch(v, item.row, -1, NULL,
			    "in no state, or not one of the rows of the plan");
			continue;
		}
		t = &counted[item.state];
		memcpy(to.at, item.recipient, sizeof to.at);
		plan_hash_row(h, &to, &item.amount, item.no_memo ? NULL : item.memo,
		    item.no_memo ? 0 : strlen(item.memo));
		t->n++;
		if (!amount_add(&t->sum, &t->sum, &item.amount))
			verify_mismatch(
			    v, item.row, -1, NULL, "the sum of rows is too large");
		row_check(v, &item);
	}
	if (!amount_is_zero(&v->facts.fee_amount) && !verify_paid(v, 0) &&
	    !v->under_way && v->operation.state == OPERATION_COMPLETED)
		verify_mismatch(v, 0, -1, NULL, "the service fee is not paid");
	plan_check(v, h);
	totals_check(v, counted);
}

/* A list that is still being read: nothing of it was reserved. */
static bool list_is_there(struct verify *v)
{
	if (airdrop_read(v->journal, v->operation.id, &v->facts) &&
	    v->facts.imported == v->operation.items)
		return true;
	v->open = v->operation.items;
	return false;
}

static void events_check(struct verify *v)
{
	int64_t operation = 0, commit = journal_check_events(v->journal, &operation);

	if (commit)
		verify_mismatch(v, 0, -1, NULL,
		    "the event chain of operation %" PRId64 " breaks at commit %" PRId64,
		    operation, commit);
}

/* One that is not there is no mismatch: nothing that is verified is in it alone. */
static void archive_see(struct verify *v)
{
	struct fail f = { ERR_OK, "" };
	enum err e = archive_compare(v->journal, v->operation.id, &f);

	if (e == ERR_NOT_FOUND)
		cli_warn(v->cli, "%s", f.why);
	else if (e != ERR_OK)
		verify_mismatch(v, 0, -1, NULL, "%s", f.why);
}

void verify_journal(struct verify *v)
{
	archive_see(v);
	if (list_is_there(v))
		rows_check(v);
	events_check(v);
}
