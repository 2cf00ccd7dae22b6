/* settle.c - the end of an intent, and its return when a final block vanished. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/claim.h"
#include "engine/intent.h"
#include "engine/money.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

struct operation *intent_operation(struct runner *r, const struct intent *i)
{
	struct operation *o;

	if (MUTANT(final_unloaded))
		return runner_operation(r, i->operation);
	o = operation_load(r, i->operation);
	if (!o && !journal_numb(r->s.journal))
		intent_damaged(
		    r->s.journal, i->id, "its operation is not one of this chain");
	return o;
}

static void settle(struct runner *r, const struct intent *i, int to, const char *proof)
{
	const struct amount zero = AMOUNT_ZERO;
	struct operation *o = intent_operation(r, i);

	state_check(r->s.journal, MACHINE_INTENT, i->state, to, i->operation, i->row);
	sql_intent_settle(r->s.journal,
	    &(struct sql_intent_settle_in){ .id = i->id,
		.from = i->state,
		.to = to,
		.held = zero,
		.proof = proof,
		.no_proof = !proof });
	if (o)
		money_move(r, o, &i->held, &zero);
	r->again = true;
}

/* The row that an intent carries; false: none, or the journal is numb. */
static bool item_read(
    struct runner *r, const struct intent *i, struct sql_item_get_out *ret)
{
	struct sql_item_get_in in = { .operation = i->operation, .row = i->row };

	return i->row > 0 && sql_item_get_one(r->s.journal, &in, ret);
}

bool intent_failed(const char *proof)
{
	return !strncmp(proof, PROOF_REVERTED, strlen(PROOF_REVERTED)) ||
	    !strncmp(proof, PROOF_NOTHING_SEEN, strlen(PROOF_NOTHING_SEEN));
}

/* -- several intents for one payment ---------------------------------------------- */

/* Calls see for each intent of a row, until it says true. */
static bool row_any(struct runner *r, int64_t operation, int64_t row,
    bool (*see)(void *ctx, const struct intent *i), void *ctx)
{
	struct sql_intent_by_row_in in = { .operation = operation, .row = row };
	struct sql_intent_by_row_out out;
	struct ids ids = { .n = 0 };
	bool found = false;

	sql_intent_by_row_begin(r->s.journal, &in);
	while (sql_intent_by_row_next(r->s.journal, &out))
		ids_add(&ids, out.id);
	for (size_t k = 0; k < ids.n && !found; k++) {
		struct intent i;

		found = intent_read(r->s.journal, ids.at[k], &i) && see(ctx, &i);
	}
	ids_release(&ids);
	return found;
}

static bool payment_any(struct runner *r, const struct intent *i,
    bool (*see)(void *ctx, const struct intent *i), void *ctx)
{
	if (i->row > 0)
		return row_any(r, i->operation, i->row, see, ctx);
	return row_any(r, i->operation, -1, see, ctx) ||
	    row_any(r, i->operation, 0, see, ctx);
}

static bool see_newest(void *ctx, const struct intent *i)
{
	int64_t *newest = ctx;

	/* One that was given back has nothing that can win. */
	if ((i->has_nonce || i->has_attempt) && i->id > *newest)
		*newest = i->id;
	return false;
}

int64_t intent_newest(struct runner *r, const struct intent *i)
{
	int64_t newest = i->id;

	if (i->row != ROW_HOLE)
		(void)payment_any(r, i, see_newest, &newest);
	return newest;
}

static bool see_older_live(void *ctx, const struct intent *i)
{
	const int64_t *newest = ctx;

	return i->id < *newest &&
	    (i->state == INTENT_RESERVED || i->state == INTENT_SIGNED);
}

static void unhold(struct runner *r, const struct intent *older, int64_t newest)
{
	struct account *a = account_of(r, older->account);

	sql_intent_unhold(r->s.journal, &(struct sql_intent_unhold_in){ .id = newest });
	CHECK(a);
	a->unsigned_left = true;
}

/* Contested, and this older one is settled. Its payload won: the newest gets an empty
 * attempt. It is dead: the newest goes on, if no other older one can still win. */
static void rival_settled(struct runner *r, const struct intent *i, bool won)
{
	int64_t newest = intent_newest(r, i);

	if (newest == i->id)
		return;
	if (won)
		sql_intent_empty(
		    r->s.journal, &(struct sql_intent_empty_in){ .id = newest });
	else if (!payment_any(r, i, see_older_live, &newest))
		unhold(r, i, newest);
}

static bool see_rival(void *ctx, const struct intent *i)
{
	const struct intent *newer = ctx;

	return i->id < newer->id && i->nonce < newer->nonce &&
	    (i->state == INTENT_RESERVED || i->state == INTENT_SIGNED);
}

/* A payment that was adopted, and of which nobody here has bytes. */
static bool has_no_bytes(struct runner *r, const struct intent *i)
{
	struct sql_attempt_get_in in = { .id = i->attempt };
	struct sql_attempt_get_out at;

	return i->has_attempt && sql_attempt_get_one(r->s.journal, &in, &at) && !at.bytes;
}

/* By its tag: what was forgotten of its nonce can be no other payload. */
static bool is_tagged(struct runner *r, const struct account *a, const struct intent *i)
{
	const struct operation *o = intent_operation(r, i);
	struct sql_attempt_get_in in = { .id = i->attempt };
	struct sql_attempt_get_out at;

	return o && sql_attempt_get_one(r->s.journal, &in, &at) &&
	    claim_is_tagged(a, o, i->row,
		&(struct fees){ .type = (enum fee_type)at.fee_type,
		    .gas = (uint64_t)at.gas,
		    .max_fee = (uint64_t)at.max_fee,
		    .tip = (uint64_t)at.tip });
}

/* A person's payment that was adopted, on a nonce of which the journal may have forgotten
 * what it had signed for it. */
static bool hides_forgotten(struct runner *r, const struct intent *i)
{
	const struct account *a = account_of(r, i->account);

	return a && a->doubt[0] && !is_tagged(r, a, i) &&
	    !MUTANT(signed_beside_forgotten);
}

static bool is_cancelled(struct runner *r, const struct intent *i)
{
	const struct operation *o = intent_operation(r, i);

	return o && (o->state == OPERATION_CANCELLING || o->state == OPERATION_CANCELLED);
}

void intent_retracted(struct runner *r, const struct intent *i)
{
	struct intent newer = *i;

	if (i->has_nonce && !i->emptied && has_no_bytes(r, i) &&
	    ((is_cancelled(r, i) && !MUTANT(cancelled_is_paid_anew)) ||
		hides_forgotten(r, i))) {
		sql_intent_empty(
		    r->s.journal, &(struct sql_intent_empty_in){ .id = i->id });
		return;
	}
	if (i->has_nonce && !i->emptied && payment_any(r, i, see_rival, &newer))
		sql_intent_hold(
		    r->s.journal, &(struct sql_intent_hold_in){ .id = i->id });
}

struct others {
	int64_t than;
	int final;
};

static bool see_other_final(void *ctx, const struct intent *i)
{
	struct others *o = ctx;

	o->final += i->id != o->than && i->state == INTENT_FINAL;
	return false;
}

static int others_final(struct runner *r, const struct intent *i)
{
	struct others o = { .than = i->id };

	if (i->row != ROW_HOLE)
		(void)payment_any(r, i, see_other_final, &o);
	return o.final;
}

bool intent_paid_by_another(struct runner *r, const struct intent *i)
{
	return others_final(r, i) > 0;
}

void item_paid_twice(struct runner *r, const struct operation *o, int64_t row)
{
	char what[CLAIM_NAME_MAX], word[24] = "fee";

	claim_name(what, o, row);
	if (row)
		snprintf(word, sizeof word, "%lld", (long long)row);
	log_error("intent", "%s was paid twice: pawl explain %s %s", what, o->name, word);
	if (row)
		sql_item_reason(r->s.journal,
		    &(struct sql_item_reason_in){
			.operation = o->id, .row = row, .reason = REASON_TWICE });
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.row = row,
		.what = row ? "item" : "service fee",
		.from = "final",
		.to = REASON_TWICE,
		.why = "two payments of it are in final blocks" });
}

void intent_final(
    struct runner *r, const struct intent *i, const char *proof, const char *flag)
{
	struct operation *o = intent_operation(r, i);
	struct sql_item_get_out item;

	settle(r, i, INTENT_FINAL, proof);
	if (i->row <= 0)
		rival_settled(r, i, true);
	if (o && i->row <= 0 && others_final(r, i))
		item_paid_twice(r, o, 0);
	if (!o || !item_read(r, i, &item))
		return;
	if (item.state != ITEM_LIVE) {
		if (item.state != ITEM_FINAL)
			operation_damaged(r, o, "a row that is not live was paid");
		item_paid_twice(r, o, i->row);
		return;
	}
	if (item.intent != i->id)
		rival_settled(r, i, true);
	operation_item(r, o, i->row, &item.amount, ITEM_LIVE, ITEM_FINAL, 0, flag);
}

/* Another intent of the row that may still pay it carries it from here on. */
static bool hand_on(struct runner *r, const struct intent *i)
{
	struct sql_intent_live_of_row_in in = { .operation = i->operation,
		.row = i->row };
	struct sql_intent_live_of_row_out heir;

	if (MUTANT(row_not_handed_on) ||
	    !sql_intent_live_of_row_one(r->s.journal, &in, &heir))
		return false;
	sql_item_carried(r->s.journal,
	    &(struct sql_item_carried_in){
		.operation = i->operation, .row = i->row, .intent = heir.id });
	return true;
}

void intent_void(struct runner *r, const struct intent *i, bool item_void,
    const char *proof, const char *reason)
{
	struct operation *o = intent_operation(r, i);
	struct sql_item_get_out item;

	settle(r, i, INTENT_VOID, proof);
	if (i->row <= 0)
		rival_settled(r, i, false);
	if (!o || !item_read(r, i, &item) || item.state != ITEM_LIVE)
		return;
	if (item.intent != i->id || hand_on(r, i)) {
		rival_settled(r, i, false);
		return;
	}
	operation_item(r, o, i->row, &item.amount, ITEM_LIVE,
	    item_void ? ITEM_VOID : ITEM_PENDING, 0, reason);
}

void intent_give_back(struct runner *r, const struct intent *i)
{
	char proof[100];

	snprintf(proof, sizeof proof, "no bytes of it were signed; nonce %llu is free",
	    (unsigned long long)i->nonce);
	intent_void(r, i, false, proof, NULL);
	sql_intent_give_back(
	    r->s.journal, &(struct sql_intent_give_back_in){ .id = i->id });
}

/* What its bytes may cost is held again: they can win. */
static struct amount hold_again(struct runner *r, const struct intent *i)
{
	struct operation *o = intent_operation(r, i);
	struct amount held;

	if (!amount_sub(&held, &i->cost, &i->payload.value))
		intent_damaged(r->s.journal, i->id, "its cost is less than its value");
	if (o)
		money_move(r, o, &i->held, &held);
	return held;
}

/* Its row is live, carried by it or by a newer one: nothing else may be reserved. */
static void item_reopen(struct runner *r, const struct intent *i, const char *why)
{
	struct operation *o = intent_operation(r, i);
	struct sql_item_get_out item;

	if (!o || !item_read(r, i, &item))
		return;
	if (item.state != ITEM_LIVE)
		operation_item(
		    r, o, i->row, &item.amount, (int)item.state, ITEM_LIVE, i->id, why);
	else if (item.intent != i->id)
		sql_item_carried(r->s.journal,
		    &(struct sql_item_carried_in){
			.operation = i->operation, .row = i->row, .intent = i->id });
}

/* It stays final, by another one; of two payments one is left. */
static void paid_once(struct runner *r, const struct intent *i, const char *why)
{
	if (others_final(r, i) > 1)
		return;
	sql_item_reason(r->s.journal,
	    &(struct sql_item_reason_in){
		.operation = i->operation, .row = i->row, .no_reason = true });
	journal_event(r->s.journal,
	    &(struct event){ .operation = i->operation,
		.row = i->row,
		.what = "item",
		.from = REASON_TWICE,
		.to = "paid once",
		.why = why });
}

/* A row that is final may have been paid by another one, whose block still stands; else
 * a newer one carries it, if it can still pay. */
void intent_contest(struct runner *r, const struct intent *i, const char *why)
{
	struct sql_item_get_out item;

	sql_intent_contest(r->s.journal,
	    &(struct sql_intent_contest_in){ .id = i->id, .held = hold_again(r, i) });
	if (!item_read(r, i, &item) || item.state == ITEM_LIVE)
		return;
	if (item.state == ITEM_FINAL &&
	    (intent_paid_by_another(r, i) || MUTANT(contested_stays_final))) {
		if (i->state == INTENT_FINAL && !item.no_reason &&
		    !strcmp(item.reason, REASON_TWICE))
			paid_once(r, i, why);
		return;
	}
	item_reopen(r, i, why);
	if (item.state == ITEM_FINAL)
		(void)hand_on(r, i);
}

void intent_reopen(struct runner *r, const struct intent *i, const char *why)
{
	int to = i->has_attempt ? INTENT_SIGNED : INTENT_RESERVED;

	state_check(r->s.journal, MACHINE_INTENT, i->state, to, i->operation, i->row);
	sql_intent_settle(r->s.journal,
	    &(struct sql_intent_settle_in){ .id = i->id,
		.from = i->state,
		.to = to,
		.held = hold_again(r, i),
		.no_proof = true });
	item_reopen(r, i, why);
}
