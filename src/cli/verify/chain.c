/* chain.c - by the chain's own word: what consumed each nonce, and what it
 * paid. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "cli/verify/verify.h"
#include "engine/past.h"
#include "journal/sql.gen.h"

#define LOOKS_AGAIN 2

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

	if (verify_paid(v, h->row)) {
		verify_mismatch(v, h->row, nonce, &h->hash, "paid again");
		return;
	}
	v->paid[h->row / 8] |= (uint8_t)(1 << (h->row % 8));
	if (h->row && !amount_add(&v->final_total, &v->final_total, &l->amount))
		verify_mismatch(
		    v, h->row, nonce, &h->hash, "the sum of what arrived is too large");
	if (amount_cmp(&l->amount, &l->payment.amount) == 0) {
		v->final += h->row > 0;
		return;
	}
	amount_format(got, &l->amount, v->asset.decimals);
	amount_format(want, &l->payment.amount, v->asset.decimals);
	verify_mismatch(
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
		verify_mismatch(v, h->row, (int64_t)h->nonce, &h->hash,
		    "it pays something else than the row says");
		return;
	}
	if (l->arrived)
		row_paid(v, h, l);
}

/* A transaction that is no intent's: does it pay what a row says, or the service
 * fee? */
static void stranger_check(struct verify *v, const struct hint *h, const struct looked *l)
{
	struct sql_report_row_equal_in in = { .operation = v->operation.id };
	struct sql_report_row_equal_out row;
	struct payment fee;

	if (!l->arrived || l->payment.token != v->asset.token ||
	    (l->payment.token && !address_same(&l->payment.asset, &v->asset.at)))
		return;
	memcpy(in.recipient, l->payment.to.at, sizeof in.recipient);
	in.amount = l->payment.amount;
	if (sql_report_row_equal_one(v->journal, &in, &row))
		verify_mismatch(v, row.row, (int64_t)h->nonce, &h->hash,
		    "a transaction that is none of this journal pays the same");
	else if (wanted(v, 0, &fee) && payment_same(&fee, &l->payment))
		verify_mismatch(v, 0, (int64_t)h->nonce, &h->hash,
		    "a transaction that is none of this journal pays the service fee");
}

/* The block at its height is its own, and final. */
static bool settled(struct verify *v, const struct hint *h, const struct looked *l,
    const struct hash *block)
{
	int64_t nonce = (int64_t)h->nonce;

	if (!hash_same(block, &l->tx.block_hash))
		verify_mismatch(
		    v, h->row, nonce, &h->hash, "its block is not on the chain");
	else if (!l->receipt)
		verify_mismatch(
		    v, h->row, nonce, &h->hash, "it has no receipt in its block");
	else if (l->tx.height > v->final_height && v->under_way)
		late_mark(v, h);
	else if (l->tx.height > v->final_height)
		verify_mismatch(v, h->row, nonce, &h->hash,
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
		verify_mismatch(v, h->row, (int64_t)h->nonce, &h->hash,
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
	mem_free(known);
	return e;
}

/* Servers behind one address may be some blocks apart, and a node may still show as
 * pending what it has in a block: what no block has is asked for again before anybody is
 * alarmed. */
static enum err looked_again(struct verify *v, const struct hash *hashes, uint32_t n,
    struct looked *looked, struct fail *f)
{
	struct hash *missing = mem_array(n, sizeof *missing);
	struct looked *again = mem_array(n, sizeof *again);
	uint32_t *at = mem_array(n, sizeof *at), m = 0;
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < n; i++)
		if (!looked[i].tx.included) {
			missing[m] = hashes[i];
			at[m++] = i;
		}
	if (m)
		e = look_transactions(v->ask, missing, m, again, f);
	for (uint32_t i = 0; i < m && e == ERR_OK; i++)
		looked[at[i]] = again[i];
	mem_free(missing);
	mem_free(again);
	mem_free(at);
	return e;
}

/* One batch of hints. explained: a byte a nonce from `from` on; NULL: none is asked. */
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
	for (int k = 0; k < LOOKS_AGAIN && e == ERR_OK; k++)
		e = looked_again(v, hashes, n, looked, f);
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
		if (explained)
			explained[hints[i].nonce - from] = 1;
		judge(v, &hints[i], &looked[i], &hashes[n + (size_t)(at - heights)]);
	}
	mem_free(looked);
	mem_free(hashes);
	mem_free(heights);
	return e;
}

static enum err hints_check(struct verify *v, const struct hints *l, uint64_t from,
    uint8_t *explained, struct fail *f)
{
	size_t batch = (size_t)v->chain->batch;
	enum err e = ERR_OK;

	for (size_t i = 0; i < l->n && e == ERR_OK; i += batch) {
		size_t left = l->n - i;

		e = batch_check(v, l->at + i, (uint32_t)(left < batch ? left : batch),
		    from, explained, f);
	}
	return e;
}

static enum err stretch_check(
    struct verify *v, uint64_t from, uint64_t last, struct fail *f)
{
	uint8_t *explained = mem_new(last - from + 1);
	struct hints hints = { NULL, 0 };
	enum err e;

	hints_read(v, (int64_t)from, (int64_t)last, &hints);
	e = hints_check(v, &hints, from, explained, f);
	for (uint64_t nonce = from; nonce <= last && e == ERR_OK; nonce++) {
		if (explained[nonce - from] || (nonce >= v->count && v->under_way))
			continue;
		verify_mismatch(v, 0, (int64_t)nonce, NULL,
		    nonce < v->count ? "it is consumed, and not by a transaction that "
				       "the journal knows"
				     : "it is not consumed yet: what was signed for it "
				       "may still be paid");
	}
	mem_free(hints.at);
	mem_free(explained);
	return e;
}

/* What the journal suspects is looked at wherever it is; and what it can't know is
 * counted. */
static enum err suspects_check(struct verify *v, bool walked, struct fail *f)
{
	struct sql_report_suspects_in in = { .account = v->operation.account };
	struct sql_report_suspects_out row;
	struct hints hints = { NULL, 0 };
	enum err e;

	sql_report_suspects_begin(v->journal, &in);
	while (sql_report_suspects_next(v->journal, &row)) {
		uint64_t nonce = (uint64_t)row.nonce;

		v->suspects++;
		if (!walked || nonce < v->first || nonce > v->last)
			hint_add(&hints, nonce, 0, 0, row.hash);
	}
	e = hints_check(v, &hints, 0, NULL, f);
	mem_free(hints.at);
	return e;
}

enum err verify_chain(struct verify *v, struct fail *f)
{
	struct sql_report_nonce_range_in in = { .operation = v->operation.id };
	struct sql_report_nonce_range_out range;
	uint64_t step = (uint64_t)v->chain->batch, last;
	bool walks = sql_report_nonce_range_one(v->journal, &in, &range) &&
	    !range.no_lowest && !range.no_highest;
	enum err e = ERR_OK;

	v->first = walks ? (uint64_t)range.lowest : 0;
	last = v->last = walks ? (uint64_t)range.highest : 0;
	for (uint64_t from = v->first; walks && from <= last && e == ERR_OK; from += step)
		e = stretch_check(
		    v, from, from + step - 1 < last ? from + step - 1 : last, f);
	v->unseen = past_unread(v->journal, v->operation.account);
	return e == ERR_OK ? suspects_check(v, walks, f) : e;
}
