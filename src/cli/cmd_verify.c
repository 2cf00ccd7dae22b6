/* verify: was every planned row paid exactly once, by the chain's own word?
 *
 * The nonces of the account are walked from the operation's first to its last. For each,
 * the journal only says which hashes to ask for; what consumed it, whom it paid and how
 * much arrived is read from the nodes. A nonce that nothing explains may have paid
 * somebody, so it is a mismatch, as is every row that no final transaction pays: a void
 * row too. Then the journal is held against itself: plan hash, totals, event chain.
 *
 * Of an operation that is under way, or was cancelled, rows that are not paid yet, or not
 * any more, are no mismatches: they are counted apart, and it is not proven then either.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cli/look.h"
#include "cli/own.h"
#include "cli/report.h"
#include "journal/sql.gen.h"

#define MISMATCHES_MAX 1000
#define SHOWN_MAX 20 /* of them, to a person */
#define FINAL_PATIENCE_MS 5000

struct verify {
	struct cli *cli;
	struct world *world;
	struct journal *journal;
	const struct chain_config *chain;
	struct ask *ask;
	struct operation operation;
	struct report_account account;
	struct report_asset asset;
	struct airdrop_facts facts;
	uint64_t final_height, count;
	bool under_way; /* when it was begun: what is not there yet may still come */
	uint64_t last;  /* the highest nonce that was walked */
	uint8_t *paid;  /* a bit a row; 0 is the service fee */
	uint8_t *late;  /* the same: a transaction for it is not final yet */
	int64_t open;   /* rows that are not paid, where that is no mismatch */
	int64_t final;
	struct amount final_total;
	json_t *mismatches;
	int64_t more; /* beyond MISMATCHES_MAX */
};

/* A hash that the journal knows for a nonce. */
struct hint {
	uint64_t nonce;
	int64_t operation, row; /* operation 0: of nobody's intent */
	struct hash hash;
};

struct hints {
	struct hint *at;
	size_t n;
};

/* -- mismatches ------------------------------------------------------------ */

/* row 0, nonce -1, tx NULL: not about one. */
static void PRINTF(5, 6) mismatch(struct verify *v, int64_t row, int64_t nonce,
    const struct hash *tx, const char *fmt, ...)
{
	char why[400], hash[REPORT_HASH_MAX];
	va_list ap;
	json_t *o;

	if (json_array_size(v->mismatches) >= MISMATCHES_MAX) {
		v->more++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	o = json_object();
	if (row > 0)
		json_object_set_new(o, "row", json_integer(row));
	if (nonce >= 0)
		json_object_set_new(o, "nonce", json_integer(nonce));
	if (tx) {
		report_hash(hash, tx->at);
		json_object_set_new(o, "tx", json_string(hash));
	}
	json_object_set_new(o, "why", cli_text(why));
	json_array_append_new(v->mismatches, o);
}

static bool is_paid(const struct verify *v, int64_t row)
{
	return v->paid[row / 8] >> (row % 8) & 1;
}

static void late_mark(struct verify *v, const struct hint *h)
{
	if (h->operation == v->operation.id && h->row >= 0 &&
	    h->row <= v->operation.items)
		v->late[h->row / 8] |= (uint8_t)(1 << (h->row % 8));
}

/* -- one transaction ------------------------------------------------------- */

/* Who is to get what for a row; false: there is no such row. */
static bool wanted(struct verify *v, int64_t row, struct payment *ret)
{
	struct sql_item_get_in in = { .operation = v->operation.id, .row = row };
	struct sql_item_get_out item;

	*ret = (struct payment){ .token = v->asset.token, .asset = v->asset.at };
	if (row == 0) {
		ret->to = v->facts.fee_to;
		ret->amount = v->facts.fee_amount;
		return !amount_is_zero(&v->facts.fee_amount);
	}
	if (row > v->operation.items || !sql_item_get_one(v->journal, &in, &item))
		return false;
	memcpy(ret->to.at, item.recipient, sizeof ret->to.at);
	ret->amount = item.amount;
	return true;
}

static bool payment_same(const struct payment *a, const struct payment *b)
{
	return a->token == b->token &&
	    (!a->token || address_same(&a->asset, &b->asset)) &&
	    address_same(&a->to, &b->to) && amount_cmp(&a->amount, &b->amount) == 0;
}

/* It did what it asked for: mark the row. */
static void row_paid(struct verify *v, const struct hint *h, const struct looked *l)
{
	char got[AMOUNT_TEXT_MAX], want[AMOUNT_TEXT_MAX];
	int64_t nonce = (int64_t)h->nonce;

	if (is_paid(v, h->row)) {
		mismatch(v, h->row, nonce, &h->hash, "paid again");
		return;
	}
	v->paid[h->row / 8] |= (uint8_t)(1 << (h->row % 8));
	if (h->row && !amount_add(&v->final_total, &v->final_total, &l->amount))
		mismatch(
		    v, h->row, nonce, &h->hash, "the sum of what arrived is too large");
	if (amount_cmp(&l->amount, &l->payment.amount) == 0) {
		v->final += h->row > 0;
		return;
	}
	amount_format(got, &l->amount, v->asset.decimals);
	amount_format(want, &l->payment.amount, v->asset.decimals);
	mismatch(
	    v, h->row, nonce, &h->hash, "another amount arrived: %s of %s", got, want);
}

/* An intent of this operation consumed its nonce. Reverted and empty ones pay nothing,
 * and then the row is not paid by this one. */
static void ours_check(struct verify *v, const struct hint *h, const struct looked *l)
{
	struct payment want;

	if (!l->pays || l->status != TX_OK)
		return;
	if (!wanted(v, h->row, &want) || !payment_same(&want, &l->payment)) {
		mismatch(v, h->row, (int64_t)h->nonce, &h->hash,
		    "it pays something else than the row says");
		return;
	}
	if (l->arrived)
		row_paid(v, h, l);
}

/* A transaction that is no intent's: does it pay what a row says? */
static void stranger_check(struct verify *v, const struct hint *h, const struct looked *l)
{
	struct sql_report_row_equal_in in = { .operation = v->operation.id };
	struct sql_report_row_equal_out row;

	if (!l->arrived || l->payment.token != v->asset.token ||
	    (l->payment.token && !address_same(&l->payment.asset, &v->asset.at)))
		return;
	memcpy(in.recipient, l->payment.to.at, sizeof in.recipient);
	in.amount = l->payment.amount;
	if (sql_report_row_equal_one(v->journal, &in, &row))
		mismatch(v, row.row, (int64_t)h->nonce, &h->hash,
		    "a transaction that is none of this journal pays the same");
}

/* The block at its height is its own, and final. */
static bool settled(struct verify *v, const struct hint *h, const struct looked *l,
    const struct hash *block)
{
	int64_t nonce = (int64_t)h->nonce;

	if (!hash_same(block, &l->tx.block_hash))
		mismatch(v, h->row, nonce, &h->hash, "its block is not on the chain");
	else if (!l->receipt)
		mismatch(v, h->row, nonce, &h->hash, "it has no receipt in its block");
	else if (l->tx.height > v->final_height && v->under_way)
		late_mark(v, h);
	else if (l->tx.height > v->final_height)
		mismatch(v, h->row, nonce, &h->hash,
		    "block %" PRIu64 " is not final: the last final one is %" PRIu64,
		    l->tx.height, v->final_height);
	else
		return true;
	return false;
}

static void judge(struct verify *v, const struct hint *h, const struct looked *l,
    const struct hash *block)
{
	if (!address_same(&l->tx.from, &v->account.address) || l->tx.nonce != h->nonce)
		mismatch(v, h->row, (int64_t)h->nonce, &h->hash,
		    "it is not of this account and nonce");
	else if (!settled(v, h, l, block))
		return;
	else if (h->operation == v->operation.id)
		ours_check(v, h, l);
	else if (h->operation == 0)
		stranger_check(v, h, l);
}

/* -- hints from the journal ------------------------------------------------ */

static void hint_add(struct hints *l, uint64_t nonce, int64_t operation, int64_t row,
    const uint8_t hash[32])
{
	struct hint *h;

	if ((l->n & (l->n - 1)) == 0)
		l->at = mem_grow(l->at, l->n ? 2 * l->n : 1, sizeof *l->at);
	h = &l->at[l->n++];
	*h = (struct hint){ .nonce = nonce, .operation = operation, .row = row };
	memcpy(h->hash.at, hash, sizeof h->hash.at);
}

static void hints_read(struct verify *v, int64_t from, int64_t last, struct hints *ret)
{
	struct sql_report_nonces_in in = { v->operation.account, from, last };
	struct sql_report_nonces_out row;
	struct sql_report_consumed_in others = { v->operation.account, from, last };
	struct sql_report_consumed_out other;

	sql_report_nonces_begin(v->journal, &in);
	while (sql_report_nonces_next(v->journal, &row))
		if (!row.no_hash)
			hint_add(
			    ret, (uint64_t)row.nonce, row.operation, row.row, row.hash);
	sql_report_consumed_begin(v->journal, &others);
	while (sql_report_consumed_next(v->journal, &other))
		hint_add(ret, (uint64_t)other.nonce, 0, 0, other.hash);
}

/* -- a stretch of nonces --------------------------------------------------- */

static int height_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The blocks of what was found, once each: heights in order, and their hashes. */
static enum err blocks_find(struct verify *v, const struct looked *l, uint32_t n,
    uint64_t *heights, struct hash *hashes, uint32_t *ret_n, struct fail *f)
{
	uint32_t m = 0, k = 0;
	bool *known;
	enum err e;

	for (uint32_t i = 0; i < n; i++)
		if (l[i].tx.included)
			heights[m++] = l[i].tx.height;
	qsort(heights, m, sizeof *heights, height_order);
	for (uint32_t i = 0; i < m; i++)
		if (i == 0 || heights[i] != heights[k - 1])
			heights[k++] = heights[i];
	*ret_n = k;
	if (k == 0)
		return ERR_OK;
	known = mem_array(k, sizeof *known);
	e = look_blocks(v->ask, heights, k, hashes, known, f);
	for (uint32_t i = 0; i < k && e == ERR_OK; i++)
		if (!known[i])
			memset(&hashes[i], 0, sizeof hashes[i]);
	free(known);
	return e;
}

/* One batch of hints. explained: a byte a nonce from `from` on. */
static enum err batch_check(struct verify *v, const struct hint *hints, uint32_t n,
    uint64_t from, uint8_t *explained, struct fail *f)
{
	struct looked *looked = mem_array(n, sizeof *looked);
	struct hash *hashes = mem_array(2 * (size_t)n, sizeof *hashes);
	uint64_t *heights = mem_array(n, sizeof *heights), *at;
	uint32_t blocks = 0;
	enum err e;

	for (uint32_t i = 0; i < n; i++)
		hashes[i] = hints[i].hash;
	e = look_transactions(v->ask, hashes, n, looked, f);
	if (e == ERR_OK)
		e = blocks_find(v, looked, n, heights, hashes + n, &blocks, f);
	for (uint32_t i = 0; i < n && e == ERR_OK; i++) {
		if (!looked[i].tx.included) {
			late_mark(v, &hints[i]);
			continue;
		}
		at = bsearch(
		    &looked[i].tx.height, heights, blocks, sizeof *heights, height_order);
		CHECK(at);
		explained[hints[i].nonce - from] = 1;
		judge(v, &hints[i], &looked[i], &hashes[n + (size_t)(at - heights)]);
	}
	free(looked);
	free(hashes);
	free(heights);
	return e;
}

static enum err stretch_check(
    struct verify *v, uint64_t from, uint64_t last, struct fail *f)
{
	uint32_t batch = (uint32_t)v->chain->batch;
	uint8_t *explained = mem_new(last - from + 1);
	struct hints hints = { NULL, 0 };
	enum err e = ERR_OK;

	hints_read(v, (int64_t)from, (int64_t)last, &hints);
	for (size_t i = 0; i < hints.n && e == ERR_OK; i += batch) {
		size_t left = hints.n - i;

		e = batch_check(v, hints.at + i, left < batch ? (uint32_t)left : batch,
		    from, explained, f);
	}
	for (uint64_t nonce = from; nonce <= last && e == ERR_OK; nonce++) {
		if (explained[nonce - from] || (nonce >= v->count && v->under_way))
			continue;
		mismatch(v, 0, (int64_t)nonce, NULL,
		    nonce < v->count ? "it is consumed, and not by a transaction that "
				       "the journal knows"
				     : "it is not consumed yet: what was signed for it "
				       "may still be paid");
	}
	free(hints.at);
	free(explained);
	return e;
}

static enum err nonces_check(struct verify *v, struct fail *f)
{
	struct sql_report_nonce_range_in in = { .operation = v->operation.id };
	struct sql_report_nonce_range_out range;
	uint64_t step = (uint64_t)v->chain->batch, last;
	enum err e = ERR_OK;

	if (!sql_report_nonce_range_one(v->journal, &in, &range) || range.no_lowest ||
	    range.no_highest)
		return ERR_OK;
	last = v->last = (uint64_t)range.highest;
	for (uint64_t from = (uint64_t)range.lowest; from <= last && e == ERR_OK;
	     from += step)
		e = stretch_check(
		    v, from, from + step - 1 < last ? from + step - 1 : last, f);
	return e;
}

/* -- the journal against itself -------------------------------------------- */

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
	mismatch(v, item->row, -1, NULL, "%svoid%s: %s", paid ? "paid, and " : "",
	    paid ? " in the journal" : "", reason);
}

static void row_check(struct verify *v, const struct sql_item_from_out *item)
{
	bool paid = is_paid(v, item->row);
	int state = (int)item->state;

	if (state == ITEM_VOID)
		void_check(v, item, paid);
	else if (paid)
		return;
	else if (state == ITEM_FINAL && !(v->under_way && came_later(v, item->row)))
		mismatch(v, item->row, -1, NULL,
		    "final in the journal, and no final transaction pays it");
	else if (!v->under_way && v->operation.state == OPERATION_COMPLETED)
		mismatch(v, item->row, -1, NULL, "not paid: %s",
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
			mismatch(v, 0, -1, NULL,
			    "the operation's total of %s rows is not the sum of its rows",
			    state_name(MACHINE_ITEM, i));
	}
	if (!whole || amount_cmp(&sum, &v->operation.planned) != 0)
		mismatch(v, 0, -1, NULL, "the rows do not add up to what was planned");
}

static void plan_check(struct verify *v, struct plan_hash *h)
{
	uint8_t plan[32];

	plan_hash_end(h, plan);
	if (memcmp(plan, v->operation.plan, sizeof plan) != 0)
		mismatch(
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
		struct totals *t = &counted[item.state < 5 ? item.state : 0];
		struct address to;

		memcpy(to.at, item.recipient, sizeof to.at);
		plan_hash_row(h, &to, &item.amount, item.no_memo ? NULL : item.memo,
		    item.no_memo ? 0 : strlen(item.memo));
		t->n++;
		if (!amount_add(&t->sum, &t->sum, &item.amount))
			mismatch(v, item.row, -1, NULL, "the sum of rows is too large");
		row_check(v, &item);
	}
	if (!amount_is_zero(&v->facts.fee_amount) && !is_paid(v, 0) && !v->under_way &&
	    v->operation.state == OPERATION_COMPLETED)
		mismatch(v, 0, -1, NULL, "the service fee is not paid");
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
		mismatch(v, 0, -1, NULL,
		    "the event chain of operation %" PRId64 " breaks at commit %" PRId64,
		    operation, commit);
}

/* -- telling --------------------------------------------------------------- */

static void mismatch_tell(const json_t *m)
{
	const json_t *row = json_object_get(m, "row");
	const json_t *nonce = json_object_get(m, "nonce");
	const json_t *tx = json_object_get(m, "tx");

	if (row)
		printf("row %" JSON_INTEGER_FORMAT ": ", json_integer_value(row));
	if (nonce)
		printf("nonce %" JSON_INTEGER_FORMAT ": ", json_integer_value(nonce));
	printf("%s%s%s\n", json_string_value(json_object_get(m, "why")), tx ? ": " : "",
	    tx ? json_string_value(tx) : "");
}

static void tell_people(
    const struct verify *v, const char *planned, const char *final, bool as_planned)
{
	const json_t *m;
	size_t i;

	json_array_foreach(v->mismatches, i, m)
	{
		if (i < SHOWN_MAX)
			mismatch_tell(m);
	}
	if (i > SHOWN_MAX)
		printf("and %" PRId64 " more: pawl verify %s --json\n",
		    (int64_t)(i - SHOWN_MAX) + v->more, v->operation.name);
	printf("%s: %" PRId64 " of %" PRId64 " rows paid exactly once, %s of %s%s%s%s\n",
	    v->operation.name, v->final, v->operation.items, final, planned,
	    v->asset.symbol[0] ? " " : "", v->asset.symbol,
	    as_planned ? "" : "; this is not as planned");
	cli_say(v->cli,
	    "Read from %d nodes of chain %s, up to its final block %" PRIu64 ".",
	    v->chain->endpoints_n, v->chain->name, v->final_height);
}

/* Mismatches go before all else; without them, why it is not proven all the same. */
static enum err verdict(const struct verify *v, int64_t mismatches, struct fail *f)
{
	const struct operation *o = &v->operation;

	if (mismatches)
		return fail_set(f, ERR_MISMATCH, "%s: %" PRId64 " mismatch%s", o->name,
		    mismatches, mismatches == 1 ? "" : "es");
	if (v->under_way && operation_ended(o))
		return fail_set(f, ERR_STOPPED, "%s has ended meanwhile: pawl verify %s",
		    o->name, o->name);
	if (v->under_way)
		return fail_set(f, ERR_STOPPED,
		    "%s is %s: %" PRId64 " of %" PRId64
		    " rows are not final yet; what is final is as planned",
		    o->name, state_name(MACHINE_OPERATION, o->state), v->open, o->items);
	if (v->open)
		return fail_set(f, ERR_OPERATOR,
		    "%s was cancelled: %" PRId64 " of %" PRId64
		    " rows are not paid; what is paid is as planned",
		    o->name, v->open, o->items);
	return ERR_OK;
}

static enum err tell(struct verify *v, struct fail *f)
{
	char planned[AMOUNT_TEXT_MAX], final[AMOUNT_TEXT_MAX], more[48];
	int64_t n = (int64_t)json_array_size(v->mismatches) + v->more;
	enum err e;

	utf8_plain(v->operation.name);
	e = verdict(v, n, f);
	amount_format(planned, &v->operation.planned, v->asset.decimals);
	amount_format(final, &v->final_total, v->asset.decimals);
	v->cli->told = true;
	if (!v->cli->args.json) {
		tell_people(v, planned, final, n == 0);
		return e;
	}
	if (v->more) {
		snprintf(more, sizeof more, "and %" PRId64 " more", v->more);
		json_array_append_new(v->mismatches, json_pack("{s:s}", "why", more));
	}
	cli_json(json_pack("{s:b, s:I, s:I, s:O, s:s, s:s}", "ok", e == ERR_OK, "rows",
	    (json_int_t)v->operation.items, "final", (json_int_t)v->final, "mismatches",
	    v->mismatches, "planned_total", planned, "final_total", final));
	return e;
}

/* -- the command ----------------------------------------------------------- */

static enum err load(struct verify *v, struct fail *f)
{
	struct journal *j = v->journal;
	enum err e = report_find(j, args_word(&v->cli->args, 0), &v->operation, f);

	if (e == ERR_OK)
		e = report_account(j, &v->operation, &v->account, f);
	if (e == ERR_OK)
		e = report_asset(j, &v->operation, &v->asset, f);
	if (e == ERR_OK && !airdrop_read(j, v->operation.id, &v->facts))
		e = fail_set(f, ERR_DAMAGED, "the airdrop's facts are missing");
	if (e == ERR_OK)
		e = own_chain(v->cli->config, j, v->operation.chain, &v->chain, f);
	v->under_way = !operation_ended(&v->operation);
	return e;
}

/* The right chain, how far it is final, and how many nonces are consumed. */
static enum err meet(struct verify *v, struct fail *f)
{
	struct ask *quick = ask_new(v->world, v->chain, FINAL_PATIENCE_MS, true);
	struct identity identity;
	struct account_seen seen = { 0 };
	enum err e = ask_identity(v->ask, &identity, f);

	if (e == ERR_OK && !hash_same(&identity.genesis, &v->account.genesis))
		e = fail_set(f, ERR_WRONG_CHAIN,
		    "the nodes of %s serve another chain than the operation's: its "
		    "genesis differs; correct its endpoints in pawl.yaml",
		    v->chain->name);
	if (e == ERR_OK)
		e = look_final(quick, v->chain, &v->final_height, f);
	if (e == ERR_OK)
		e = ask_account(v->ask, &v->account.address, &seen, f);
	v->count = seen.count;
	ask_free(quick);
	return e;
}

static enum err verify(struct verify *v, struct fail *f)
{
	enum err e = load(v, f);

	if (e == ERR_OK)
		e = world_open(&v->world, f);
	if (e != ERR_OK)
		return e;
	v->ask = ask_new(v->world, v->chain, ASK_PATIENCE_MS, true);
	ask_waits(v->ask, cli_waits, v->cli);
	v->paid = mem_new((size_t)v->operation.items / 8 + 1);
	v->late = mem_new((size_t)v->operation.items / 8 + 1);
	v->mismatches = json_array();
	e = meet(v, f);
	if (e == ERR_OK)
		e = nonces_check(v, f);
	if (e != ERR_OK)
		return e;
	/* The rows and totals of one moment, as they are now. */
	journal_read_begin(v->journal);
	if (operation_read(v->journal, v->operation.id, &v->operation)) {
		if (list_is_there(v))
			rows_check(v);
		events_check(v);
	}
	journal_read_end(v->journal);
	return tell(v, f);
}

enum err cmd_verify(struct cli *c, struct fail *f)
{
	struct verify v = { .cli = c };
	enum err e = report_open(c, &v.journal, f);

	if (e == ERR_OK)
		e = verify(&v, f);
	world_free(v.world);
	ask_free(v.ask);
	if (v.journal)
		journal_close(v.journal);
	free(v.paid);
	free(v.late);
	json_decref(v.mismatches);
	return e;
}
