#include "engine/retry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/operation.h"
#include "engine/repair.h"
#include "journal/sql.gen.h"

/* Rows that are told with the payment that seems to be theirs; the others are counted. */
#define PAID_TOLD 2

static enum err retry_check(const struct operation *o, struct fail *f)
{
	if (o->state == OPERATION_CANCELLING || o->state == OPERATION_CANCELLED)
		return fail_set(f, ERR_CONFLICT, "%s is %s: its rows are not tried again",
		    o->name, state_name(MACHINE_OPERATION, o->state));
	return ERR_OK;
}

/* -- what a person paid meanwhile ------------------------------------------- */

struct paid {
	int64_t n, row; /* how many rows; the last one */
	uint8_t told[PAID_TOLD][32];
	struct buf lines;
	struct sha256 *all; /* also those that there is no room to tell */
};

static bool is_told(const struct paid *p, const uint8_t *hash)
{
	for (int64_t k = 0; k < p->n && k < PAID_TOLD; k++)
		if (!memcmp(p->told[k], hash, sizeof p->told[k]))
			return true;
	return false;
}

/* Each row once, and each payment with one of the rows that it equals, while they are
 * told; behind that all rows that equal one. */
static void paid_add(
    struct paid *p, const struct operation *o, int64_t row, const uint8_t *hash)
{
	if (p->row == row || is_told(p, hash))
		return;
	p->row = row;
	if (p->n < PAID_TOLD) {
		memcpy(p->told[p->n], hash, sizeof p->told[p->n]);
		buf_addf(&p->lines, "%spawl repair %s %" PRId64 " adopt 0x",
		    p->n ? "; " : "", o->name, row);
		buf_add_hex(&p->lines, hash, sizeof p->told[p->n]);
	}
	p->n++;
}

static void paid_find(
    struct runner *r, const struct operation *o, int64_t row, struct paid *p)
{
	struct sql_consumed_of_void_in in = { .operation = o->id,
		.account = o->account,
		.first = row ? row : 1,
		.last = row ? row : o->items };
	struct sql_consumed_of_void_out out;
	struct address token;

	in.native = !o->kind->token(o, &token);
	if (!in.native)
		memcpy(in.asset, token.at, sizeof in.asset);
	sql_consumed_of_void_begin(r->s.journal, &in);
	while (sql_consumed_of_void_next(r->s.journal, &out))
		if (row || out.no_reason || !repair_skipped(out.reason)) {
			sha256_add(p->all, &out.row, sizeof out.row);
			sha256_add(p->all, out.hash, sizeof out.hash);
			paid_add(p, o, out.row, out.hash);
		}
	sql_consumed_of_void_end(r->s.journal);
}

static enum err paid_refuse(const struct operation *o, int64_t row, const struct paid *p,
    uint32_t word, bool again, struct fail *f)
{
	bool more = p->n > 1;
	char one[24] = "";

	if (row)
		snprintf(one, sizeof one, " %" PRId64, row);
	return fail_set(f, ERR_CONFLICT,
	    "%s%" PRId64
	    " void row%s of %s seem%s to be paid: the account paid as much to "
	    "the same recipient, for no row. What was a row's payment is adopted: %s%s. "
	    "Only if it was for something else, to pay again: pawl retry %s%s "
	    "--yes=%08" PRIx32,
	    again ? "That is not the word for this, or it was told before more came, or "
		    "some went. "
		  : "",
	    p->n, more ? "s" : "", o->name, more ? "" : "s", buf_text(&p->lines),
	    p->n > PAID_TOLD ? "; ..." : "", o->name, one, word);
}

/* row 0: all. *ret_accepted: some are paid, and it is said that they are not. fails:
 * CONFLICT */
static enum err paid_check(struct runner *r, const struct operation *o, int64_t row,
    uint32_t yes, bool *ret_accepted, struct fail *f)
{
	struct paid p = { .all = sha256_begin() };
	enum err e = ERR_OK;
	uint32_t word;

	buf_init(&p.lines, PAID_TOLD * 512);
	sha256_add(p.all, &o->id, sizeof o->id);
	paid_find(r, o, row, &p);
	word = word_end(p.all);
	*ret_accepted = p.n && (yes == word || (yes && MUTANT(retry_takes_all)));
	if (p.n && !*ret_accepted && !MUTANT(retry_pays_again))
		e = paid_refuse(o, row, &p, word, yes != WORD_NONE, f);
	buf_release(&p.lines);
	return e;
}

/* -- another try ------------------------------------------------------------ */

static void retry_event(struct runner *r, const struct operation *o, int64_t row,
    bool accepted, const char *why)
{
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.row = row,
		.what = "command",
		.from = "",
		.to = accepted ? "retry --yes" : "retry",
		.why = why });
}

static void retry_row(
    struct runner *r, struct operation *o, int64_t row, const struct amount *amount)
{
	o->kind->retry(r, o, row);
	operation_item(r, o, row, amount, ITEM_VOID, ITEM_PENDING, 0,
	    "the operator asked for another try");
}

static void retry_move(struct runner *r, struct operation *o)
{
	if (o->state == OPERATION_COMPLETED || o->state == OPERATION_PAYING_FEE)
		operation_move(r, o, OPERATION_DISTRIBUTING, "void rows are tried again");
}

enum err operation_retry_row(
    struct runner *r, struct operation *o, int64_t row, uint32_t yes, struct fail *f)
{
	struct sql_item_get_in in = { .operation = o->id, .row = row };
	struct sql_item_get_out item;
	enum err e = retry_check(o, f);
	bool accepted;

	if (e != ERR_OK)
		return e;
	if (!sql_item_get_one(r->s.journal, &in, &item))
		return fail_set(f, ERR_NOT_FOUND, "%s has %lld rows, and no row %lld",
		    o->name, (long long)o->items, (long long)row);
	if (item.state == ITEM_PENDING || item.state == ITEM_LIVE)
		return ERR_OK; /* it is tried already */
	if (item.state != ITEM_VOID)
		return fail_set(f, ERR_CONFLICT,
		    "row %lld of %s is %s: only what is void is tried again",
		    (long long)row, o->name, state_name(MACHINE_ITEM, (int)item.state));
	e = paid_check(r, o, row, yes, &accepted, f);
	if (e != ERR_OK)
		return e;
	retry_event(r, o, row, accepted, "a void row is tried again");
	retry_row(r, o, row, &item.amount);
	retry_move(r, o);
	return ERR_OK;
}

struct void_row {
	int64_t row;
	struct amount amount;
};

static struct void_row *voids_list(
    struct runner *r, const struct operation *o, size_t *ret_n)
{
	struct sql_item_void_list_in in = { .operation = o->id };
	struct sql_item_void_list_out row;
	struct void_row *rows = NULL;

	*ret_n = 0;
	sql_item_void_list_begin(r->s.journal, &in);
	while (sql_item_void_list_next(r->s.journal, &row)) {
		if (!row.no_reason && repair_skipped(row.reason))
			continue;
		rows = mem_grow(rows, *ret_n + 1, sizeof *rows);
		rows[(*ret_n)++] =
		    (struct void_row){ .row = row.row, .amount = row.amount };
	}
	return rows;
}

enum err operation_retry(
    struct runner *r, struct operation *o, uint32_t yes, struct fail *f)
{
	struct void_row *rows;
	size_t n;
	bool accepted = false;
	enum err e = retry_check(o, f);

	if (e == ERR_OK)
		e = paid_check(r, o, 0, yes, &accepted, f);
	if (e != ERR_OK)
		return e;
	rows = voids_list(r, o, &n);
	if (n)
		retry_event(r, o, 0, accepted, "void rows are tried again");
	o->kind->retry(r, o, 0);
	for (size_t k = 0; k < n; k++)
		retry_row(r, o, rows[k].row, &rows[k].amount);
	mem_free(rows);
	if (n)
		retry_move(r, o);
	return ERR_OK;
}
