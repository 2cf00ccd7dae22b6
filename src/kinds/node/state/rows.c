/* rows.c - the tables of the state. No row moves but by row_put and rows_clear, so that
 * sums, counts and hashes follow. */
#include "kinds/node/state/book_in.h"

#include <string.h>

#include "base/check.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "engine/states.h"
#include "kinds/node/anchor/pegin_tx.h"

/* -- sums ------------------------------------------------------------------ */

static void be64(uint8_t out[8], uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = (uint8_t)v;
}

/* Over its list, and each field with its length. */
static void record_hash(uint8_t out[32], enum l2_list list, const void *record)
{
	const struct l2_kind *kind = &l2_kinds[list];
	struct sha256 *h = sha256_begin();
	uint8_t number[8];

	sha256_add(h, &(uint8_t){ (uint8_t)list }, 1);
	for (size_t i = 0; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];
		struct l2_bytes text = { NULL, 0 };

		if (field->type == L2_TEXT)
			text = l2_field_text(record, field);
		be64(number,
		    field->type == L2_TEXT ? text.len : l2_field_number(record, field));
		sha256_add(h, number, sizeof number);
		if (text.len)
			sha256_add(h, text.at, text.len);
	}
	sha256_end(h, out);
}

/* Modulo 2^256: the order in which rows come and go is no matter. */
static void digest_move(struct amount *digest, const struct amount *by, bool in)
{
	unsigned long long carry = 0;

	for (int i = 0; i < 4; i++) {
		unsigned long long at = digest->limb[i], more = by->limb[i];
		bool over;

		if (in) {
			over = __builtin_add_overflow(at, more, &at);
			over |= __builtin_add_overflow(at, carry, &at);
		} else {
			over = __builtin_sub_overflow(at, more, &at);
			over |= __builtin_sub_overflow(at, carry, &at);
		}
		carry = over;
		digest->limb[i] = at;
	}
}

static uint64_t worth(enum l2_list list, const void *record)
{
	if (list == L2_BALANCES)
		return ((const struct l2_balance *)record)->amount;
	return list == L2_ESCROWS ? ((const struct l2_escrow *)record)->amount : 0;
}

void row_count(struct book *b, enum l2_list list, const void *record, bool in)
{
	struct amount is = amount_u64(worth(list, record)), hash;
	uint8_t bytes[32];

	record_hash(bytes, list, record);
	hash = amount_decode(bytes);
	digest_move(&b->digest, &hash, in);
	if (in)
		CHECK(amount_add(&b->sums[list], &b->sums[list], &is));
	else if (!amount_sub(&b->sums[list], &b->sums[list], &is) || !b->n[list])
		journal_damaged(b->journal, "its %s are more than they are in all",
		    l2_kinds[list].many);
	b->n[list] += in ? 1 : -1;
}

/* -- one row --------------------------------------------------------------- */

#define BLOB(field) .field = is->field.at, .field##_len = is->field.len
#define KEPT(field) .field = { (const char *)row.field, row.field##_len }

/* What the statements that read one and all have alike. */
#define ESCROW                                                                   \
	(struct l2_escrow)                                                       \
	{                                                                        \
		KEPT(task), KEPT(client), .amount = (uint64_t)row.amount,        \
					  .locked = row.locked,                  \
					  .created_ms = (uint64_t)row.created_ms \
	}
#define PEGIN                                                                         \
	(struct l2_pegin)                                                             \
	{                                                                             \
		KEPT(id), KEPT(btc_tx), .vout = (uint32_t)row.vout,                   \
					.amount = (uint64_t)row.amount, KEPT(source), \
					KEPT(dest), .status = (int32_t)row.status,    \
					.confirmations = (uint64_t)row.confirmations, \
					.initiated_s = (uint64_t)row.initiated_s,     \
					.completed_s = (uint64_t)row.completed_s      \
	}
#define PEGOUT                                                                    \
	(struct l2_pegout)                                                        \
	{                                                                         \
		KEPT(id), KEPT(source), KEPT(dest),                               \
		    .burn = (uint64_t)row.burn, .release = (uint64_t)row.release, \
		    .status = (int32_t)row.status, KEPT(anchor),                  \
		    .initiated_s = (uint64_t)row.initiated_s,                     \
		    .completed_s = (uint64_t)row.completed_s                      \
	}
#define TASK                                                                            \
	(struct l2_task)                                                                \
	{                                                                               \
		KEPT(id), .type = (int32_t)row.type, .priority = (int32_t)row.priority, \
			  KEPT(submitter), .submitted_ms = (uint64_t)row.submitted_ms,  \
			  KEPT(payload_hash), KEPT(anchor)                              \
	}

uint64_t balance_get(struct book *b, struct l2_bytes peer)
{
	struct sql_node_balance_get_in in = { .peer = peer.at, .peer_len = peer.len };
	struct sql_node_balance_get_out row;

	return sql_node_balance_get_one(b->journal, &in, &row) ? (uint64_t)row.amount : 0;
}

bool escrow_get(struct book *b, struct l2_bytes task, struct l2_escrow *ret)
{
	struct sql_node_escrow_get_in in = { .task = task.at, .task_len = task.len };
	struct sql_node_escrow_get_out row;

	if (!sql_node_escrow_get_one(b->journal, &in, &row))
		return false;
	*ret = ESCROW;
	return true;
}

bool pegin_get(struct book *b, struct l2_bytes id, struct l2_pegin *ret)
{
	struct sql_node_pegin_get_in in = { .id = id.at, .id_len = id.len };
	struct sql_node_pegin_get_out row;

	if (!sql_node_pegin_get_one(b->journal, &in, &row))
		return false;
	*ret = PEGIN;
	return true;
}

bool pegout_get(struct book *b, struct l2_bytes id, struct l2_pegout *ret)
{
	struct sql_node_pegout_get_in in = { .id = id.at, .id_len = id.len };
	struct sql_node_pegout_get_out row;

	if (!sql_node_pegout_get_one(b->journal, &in, &row))
		return false;
	*ret = PEGOUT;
	return true;
}

bool task_get(struct book *b, struct l2_bytes id, struct l2_task *ret)
{
	struct sql_node_task_get_in in = { .id = id.at, .id_len = id.len };
	struct sql_node_task_get_out row;

	if (!sql_node_task_get_one(b->journal, &in, &row))
		return false;
	*ret = TASK;
	return true;
}

static void balance_row_put(struct journal *j, const struct l2_balance *is)
{
	sql_node_balance_put(j,
	    &(struct sql_node_balance_put_in){
		BLOB(peer), .amount = (int64_t)is->amount });
}

static void escrow_row_put(struct journal *j, const struct l2_escrow *is)
{
	sql_node_escrow_put(j,
	    &(struct sql_node_escrow_put_in){ BLOB(task), BLOB(client),
		.amount = (int64_t)is->amount, .locked = is->locked,
		.created_ms = (int64_t)is->created_ms });
}

static void pegin_row_put(struct journal *j, const struct l2_pegin *is)
{
	sql_node_pegin_put(j,
	    &(struct sql_node_pegin_put_in){ BLOB(id), BLOB(btc_tx), .vout = is->vout,
		.amount = (int64_t)is->amount, BLOB(source), BLOB(dest),
		.status = is->status, .confirmations = (int64_t)is->confirmations,
		.initiated_s = (int64_t)is->initiated_s,
		.completed_s = (int64_t)is->completed_s });
}

static void pegout_row_put(struct journal *j, const struct l2_pegout *is)
{
	sql_node_pegout_put(j,
	    &(struct sql_node_pegout_put_in){ BLOB(id), BLOB(source), BLOB(dest),
		.burn = (int64_t)is->burn, .release = (int64_t)is->release,
		.status = is->status, BLOB(anchor),
		.initiated_s = (int64_t)is->initiated_s,
		.completed_s = (int64_t)is->completed_s });
}

static void task_row_put(struct journal *j, const struct l2_task *is)
{
	sql_node_task_put(j,
	    &(struct sql_node_task_put_in){ BLOB(id), .type = is->type,
		.priority = is->priority, BLOB(submitter),
		.submitted_ms = (int64_t)is->submitted_ms, BLOB(payload_hash),
		BLOB(anchor) });
}

static void put(struct journal *j, enum l2_list list, const void *is)
{
	switch (list) {
	case L2_BALANCES:
		balance_row_put(j, is);
		return;
	case L2_ESCROWS:
		escrow_row_put(j, is);
		return;
	case L2_PEGINS:
		pegin_row_put(j, is);
		return;
	case L2_PEGOUTS:
		pegout_row_put(j, is);
		return;
	case L2_TASKS:
		task_row_put(j, is);
		return;
	case L2_LISTS:
		break;
	}
	BUG("a list that is none");
}

static void drop(struct journal *j, enum l2_list list, const void *was)
{
	struct l2_bytes id = l2_field_text(was, &l2_kinds[list].fields[0]);

	if (list == L2_BALANCES)
		sql_node_balance_drop(j,
		    &(struct sql_node_balance_drop_in){
			.peer = id.at, .peer_len = id.len });
	else if (list == L2_ESCROWS)
		sql_node_escrow_drop(j,
		    &(struct sql_node_escrow_drop_in){
			.task = id.at, .task_len = id.len });
	else if (list == L2_TASKS)
		sql_node_task_drop(
		    j, &(struct sql_node_task_drop_in){ .id = id.at, .id_len = id.len });
	else
		BUG("a peg that goes");
}

/* One that is new, or begins anew, is looked for in blocks. */
static void pegin_want(
    struct journal *j, const struct l2_pegin *was, const struct l2_pegin *is)
{
	if (!was || is->status == PEGIN_INITIATED)
		pegin_tx_want(j, is->btc_tx);
}

static int64_t status_of(enum l2_list list, const void *record)
{
	return list == L2_PEGINS ? ((const struct l2_pegin *)record)->status
				 : ((const struct l2_pegout *)record)->status;
}

/* How many there are of each, for people. */
static void statuses_move(
    struct journal *j, enum l2_list list, const void *was, const void *is)
{
	struct sql_node_status_take_in less = { .list = list };
	struct sql_node_status_add_in more = { .list = list };

	if (list != L2_PEGINS && list != L2_PEGOUTS)
		return;
	if (was && is && status_of(list, was) == status_of(list, is))
		return;
	if (was) {
		less.status = status_of(list, was);
		sql_node_status_take(j, &less);
	}
	if (is) {
		more.status = status_of(list, is);
		sql_node_status_add(j, &more);
	}
}

void row_put(struct book *b, enum l2_list list, const void *was, const void *is)
{
	statuses_move(b->journal, list, was, is);
	if (was)
		row_count(b, list, was, false);
	if (is)
		row_count(b, list, is, true);
	if (is)
		put(b->journal, list, is);
	else
		drop(b->journal, list, was);
	if (list == L2_PEGINS)
		pegin_want(b->journal, was, is);
}

void balance_put(struct book *b, struct l2_bytes peer, uint64_t was, uint64_t is)
{
	const struct l2_balance before = { peer, was }, after = { peer, is };

	row_put(b, L2_BALANCES, was ? &before : NULL,
	    is || (was && MUTANT(empty_balance_stays)) ? &after : NULL);
}

void rows_clear(struct book *b)
{
	sql_node_balances_clear(b->journal);
	sql_node_escrows_clear(b->journal);
	sql_node_pegins_clear(b->journal);
	sql_node_pegouts_clear(b->journal);
	sql_node_tasks_clear(b->journal);
	sql_node_status_clear(
	    b->journal, &(struct sql_node_status_clear_in){ .list = L2_PEGINS });
	sql_node_status_clear(
	    b->journal, &(struct sql_node_status_clear_in){ .list = L2_PEGOUTS });
	for (int i = 0; i < L2_LISTS; i++) {
		b->sums[i] = AMOUNT_ZERO;
		b->n[i] = 0;
	}
	b->digest = AMOUNT_ZERO;
}

/* -- all of them ----------------------------------------------------------- */

static void balances_each(struct journal *j, book_record_fn *each, void *ctx)
{
	struct sql_node_balances_out row;

	sql_node_balances_begin(j);
	while (sql_node_balances_next(j, &row))
		each(ctx, L2_BALANCES,
		    &(struct l2_balance){ KEPT(peer), .amount = (uint64_t)row.amount });
}

static void escrows_each(struct journal *j, book_record_fn *each, void *ctx)
{
	struct sql_node_escrows_out row;

	sql_node_escrows_begin(j);
	while (sql_node_escrows_next(j, &row))
		each(ctx, L2_ESCROWS, &ESCROW);
}

static void pegins_each(struct journal *j, book_record_fn *each, void *ctx)
{
	struct sql_node_pegins_out row;

	sql_node_pegins_begin(j);
	while (sql_node_pegins_next(j, &row))
		each(ctx, L2_PEGINS, &PEGIN);
}

static void pegouts_each(struct journal *j, book_record_fn *each, void *ctx)
{
	struct sql_node_pegouts_out row;

	sql_node_pegouts_begin(j);
	while (sql_node_pegouts_next(j, &row))
		each(ctx, L2_PEGOUTS, &PEGOUT);
}

static void tasks_each(struct journal *j, book_record_fn *each, void *ctx)
{
	struct sql_node_tasks_out row;

	sql_node_tasks_begin(j);
	while (sql_node_tasks_next(j, &row))
		each(ctx, L2_TASKS, &TASK);
}

void book_each(struct journal *j, enum l2_list list, book_record_fn *each, void *ctx)
{
	static void (*const all[L2_LISTS])(
	    struct journal * j, book_record_fn * each, void *ctx) = {
		[L2_BALANCES] = balances_each,
		[L2_ESCROWS] = escrows_each,
		[L2_PEGINS] = pegins_each,
		[L2_PEGOUTS] = pegouts_each,
		[L2_TASKS] = tasks_each,
	};

	CHECK(list < L2_LISTS);
	all[list](j, each, ctx);
}

/* -- some of them ---------------------------------------------------------- */

#define FROM .after = after.at, .after_len = after.len, .n = n

static void balances_from(
    struct journal *j, struct l2_bytes after, int64_t n, book_record_fn *each, void *ctx)
{
	struct sql_node_balances_from_in in = { FROM };
	struct sql_node_balances_from_out row;

	sql_node_balances_from_begin(j, &in);
	while (sql_node_balances_from_next(j, &row))
		each(ctx, L2_BALANCES,
		    &(struct l2_balance){ KEPT(peer), .amount = (uint64_t)row.amount });
}

static void escrows_from(
    struct journal *j, struct l2_bytes after, int64_t n, book_record_fn *each, void *ctx)
{
	struct sql_node_escrows_from_in in = { FROM };
	struct sql_node_escrows_from_out row;

	sql_node_escrows_from_begin(j, &in);
	while (sql_node_escrows_from_next(j, &row))
		each(ctx, L2_ESCROWS, &ESCROW);
}

static void pegins_from(
    struct journal *j, struct l2_bytes after, int64_t n, book_record_fn *each, void *ctx)
{
	struct sql_node_pegins_from_in in = { FROM };
	struct sql_node_pegins_from_out row;

	sql_node_pegins_from_begin(j, &in);
	while (sql_node_pegins_from_next(j, &row))
		each(ctx, L2_PEGINS, &PEGIN);
}

static void pegouts_from(
    struct journal *j, struct l2_bytes after, int64_t n, book_record_fn *each, void *ctx)
{
	struct sql_node_pegouts_from_in in = { FROM };
	struct sql_node_pegouts_from_out row;

	sql_node_pegouts_from_begin(j, &in);
	while (sql_node_pegouts_from_next(j, &row))
		each(ctx, L2_PEGOUTS, &PEGOUT);
}

static void tasks_from(
    struct journal *j, struct l2_bytes after, int64_t n, book_record_fn *each, void *ctx)
{
	struct sql_node_tasks_from_in in = { FROM };
	struct sql_node_tasks_from_out row;

	sql_node_tasks_from_begin(j, &in);
	while (sql_node_tasks_from_next(j, &row))
		each(ctx, L2_TASKS, &TASK);
}

void rows_from(struct journal *j, enum l2_list list, struct l2_bytes after, int64_t n,
    book_record_fn *each, void *ctx)
{
	static void (*const all[L2_LISTS])(struct journal * j, struct l2_bytes after,
	    int64_t n, book_record_fn * each, void *ctx) = {
		[L2_BALANCES] = balances_from,
		[L2_ESCROWS] = escrows_from,
		[L2_PEGINS] = pegins_from,
		[L2_PEGOUTS] = pegouts_from,
		[L2_TASKS] = tasks_from,
	};

	CHECK(list < L2_LISTS);
	all[list](j, after, n, each, ctx);
}
