#include "engine/claim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ids.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

static bool pays_in(struct operation *o, const struct payment *pay)
{
	struct address token;
	bool has = o->kind->token(o, &token);

	return (has == pay->token && (!has || address_same(&token, &pay->asset))) ||
	    MUTANT(asset_not_compared);
}

static bool is_whole(const struct operation *o)
{
	return !o->kind->whole || o->kind->whole(o);
}

bool claim_is_tagged(const struct account *a, const struct operation *o, int64_t row,
    const struct fees *fees)
{
	uint8_t tag[5];

	operation_tag(o, row, tag);
	return a->chain->connector->fees_tagged(fees, tag);
}

/* Rows of all operations of the account that pay as much to the same recipient. */
static struct claim *rows_alike(
    struct runner *r, const struct account *a, const struct payment *pay, size_t *ret_n)
{
	struct sql_item_alike_in in = { .account = a->id, .amount = pay->amount };
	struct sql_item_alike_out row;
	struct claim *rows = NULL;
	int64_t *operations = NULL;
	size_t n = 0, kept = 0;

	memcpy(in.recipient, pay->to.at, sizeof in.recipient);
	sql_item_alike_begin(r->s.journal, &in);
	while (sql_item_alike_next(r->s.journal, &row)) {
		rows = mem_grow(rows, n + 1, sizeof *rows);
		operations = mem_grow(operations, n + 1, sizeof *operations);
		operations[n] = row.operation;
		rows[n++] = (struct claim){
			.row = row.row, .state = (int)row.state, .amount = pay->amount
		};
	}
	for (size_t k = 0; k < n; k++) {
		rows[k].operation = operation_load(r, operations[k]);
		if (rows[k].operation && is_whole(rows[k].operation) &&
		    pays_in(rows[k].operation, pay))
			rows[kept++] = rows[k];
	}
	mem_free(operations);
	*ret_n = kept;
	return rows;
}

static bool is_owed(const struct claim *c)
{
	return c->state == ITEM_PENDING || c->state == ITEM_LIVE;
}

void claim_name(char out[CLAIM_NAME_MAX], const struct operation *o, int64_t row)
{
	if (row > 0)
		snprintf(out, CLAIM_NAME_MAX, "row %" PRId64 " of %s", row, o->name);
	else
		snprintf(out, CLAIM_NAME_MAX, "the service fee of %s", o->name);
}

/* -- service fees ----------------------------------------------------------- */

bool claim_fee_owed(struct runner *r, struct operation *o, const struct payment *pay)
{
	int state = pays_in(o, pay) ? o->kind->fee(r, o, pay) : -1;

	return state >= 0 && state != ITEM_FINAL && !operation_ended(o);
}

/* The operation whose service fee the tag names; 0: none. They are not loaded for this:
 * most have ended. */
static int64_t fee_tagged(
    struct runner *r, const struct account *a, const struct fees *fees)
{
	struct sql_operation_of_account_in in = { .account = a->id };
	struct sql_operation_of_account_out row;
	struct operation o;
	int64_t found = 0;

	sql_operation_of_account_begin(r->s.journal, &in);
	while (!found && sql_operation_of_account_next(r->s.journal, &row))
		if (operation_read(r->s.journal, row.id, &o) &&
		    claim_is_tagged(a, &o, 0, fees))
			found = row.id;
	sql_operation_of_account_end(r->s.journal);
	return found;
}

static bool fee_by_tag(struct runner *r, const struct account *a, const struct fees *fees,
    const struct payment *pay, struct claim *ret)
{
	int64_t id = fee_tagged(r, a, fees);
	struct operation *o = id ? operation_load(r, id) : NULL;

	if (!o || !pays_in(o, pay))
		return false;
	*ret = (struct claim){
		.operation = o, .state = o->kind->fee(r, o, pay), .amount = pay->amount
	};
	return ret->state >= 0 &&
	    (ret->state != ITEM_FINAL || !MUTANT(second_fee_is_foreign));
}

/* Of all that are under way, whether or not this life runs them. */
static bool fee_owed_by_any(struct runner *r, const struct account *a,
    const struct payment *pay, struct claim *ret)
{
	struct sql_operation_of_account_in in = { .account = a->id };
	struct sql_operation_of_account_out row;
	struct operation o;
	struct ids ids = { .n = 0 };
	bool owed = false;

	sql_operation_of_account_begin(r->s.journal, &in);
	while (sql_operation_of_account_next(r->s.journal, &row))
		if (operation_read(r->s.journal, row.id, &o) && !operation_ended(&o))
			ids_add(&ids, row.id);
	for (size_t k = 0; k < ids.n && !owed; k++) {
		*ret = (struct claim){ .operation = operation_load(r, ids.at[k]),
			.amount = pay->amount };
		owed = ret->operation && claim_fee_owed(r, ret->operation, pay);
	}
	ids_release(&ids);
	return owed;
}

/* -- by its tag, or without -------------------------------------------------- */

bool claim_by_tag(struct runner *r, const struct account *a, const struct fees *fees,
    const struct payment *pay, struct claim *ret)
{
	size_t n;
	struct claim *rows = rows_alike(r, a, pay, &n);
	bool found = false;

	for (size_t k = 0; k < n && !found; k++) {
		found = claim_is_tagged(a, rows[k].operation, rows[k].row, fees) ||
		    MUTANT(adopted_without_tag);
		*ret = rows[k];
	}
	mem_free(rows);
	return found || fee_by_tag(r, a, fees, pay, ret);
}

bool claim_owed(struct runner *r, const struct account *a, const struct payment *pay,
    struct claim *ret)
{
	size_t n;
	struct claim *rows = rows_alike(r, a, pay, &n);
	bool owed = false;

	for (size_t k = 0; k < n && !owed; k++) {
		owed = is_owed(&rows[k]) && !operation_ended(rows[k].operation);
		*ret = rows[k];
	}
	mem_free(rows);
	return owed || fee_owed_by_any(r, a, pay, ret);
}

/* Its service fee, if it pays that and nothing was tried for it yet. */
static bool fee_in(struct runner *r, const struct account *a, struct operation *o,
    const struct fees *fees, bool tagged, const struct payment *pay, struct claim *ret)
{
	struct sql_intent_by_row_in in = { .operation = o->id, .row = 0 };
	struct sql_intent_by_row_out tried;

	*ret = (struct claim){ .operation = o, .amount = pay->amount };
	return claim_fee_owed(r, o, pay) && !MUTANT(fee_not_adopted) &&
	    (!tagged || claim_is_tagged(a, o, 0, fees)) &&
	    !sql_intent_by_row_one(r->s.journal, &in, &tried);
}

bool claim_in(struct runner *r, const struct account *a, struct operation *o,
    const struct fees *fees, bool tagged, const struct payment *pay, struct claim *ret)
{
	size_t n;
	struct claim *rows = rows_alike(r, a, pay, &n);
	bool found = false;

	for (size_t k = 0; k < n && !found; k++) {
		found = rows[k].operation == o && rows[k].state == ITEM_PENDING &&
		    (!tagged || claim_is_tagged(a, o, rows[k].row, fees));
		*ret = rows[k];
	}
	mem_free(rows);
	return found || fee_in(r, a, o, fees, tagged, pay, ret);
}
