#include "kinds/airdrop/airdrop.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "codec/eip55.h"
#include "engine/account.h"
#include "engine/adopt.h"
#include "engine/intent.h"
#include "engine/money.h"
#include "engine/operation.h"
#include "engine/recount.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/inside.h"

/* The brake: so many of the last attempts reverted. */
#define BRAKE_LAST 10
#define BRAKE_REVERTED 5

static void *airdrop_open(struct runner *r, struct operation *o)
{
	struct airdrop *a = mem_new(sizeof *a);

	if (!airdrop_read(r->s.journal, o->id, &a->facts) && !journal_numb(r->s.journal))
		operation_damaged(r, o, "what it pays is gone");
	a->last_state = -1;
	return a;
}

static void airdrop_close(void *of_kind)
{
	struct airdrop *a = of_kind;
	uint8_t unused[32];

	if (a->hash)
		plan_hash_end(a->hash, unused);
	rows_over(a->rows);
	mem_free(a);
}

static uint64_t airdrop_gas(struct runner *r, const struct operation *o, int64_t row)
{
	const struct airdrop *a = o->of_kind;

	(void)r;
	return row ? a->facts.gas : a->facts.fee_gas;
}

static bool airdrop_whole(const struct operation *o)
{
	const struct airdrop *a = o->of_kind;

	return a->facts.imported >= o->items;
}

static bool airdrop_token(const struct operation *o, struct address *ret)
{
	const struct airdrop *a = o->of_kind;

	if (a->facts.has_token)
		*ret = a->facts.token;
	return a->facts.has_token;
}

/* -- the service fee ------------------------------------------------------- */

/* VOID: it failed on the chain; another try is the operator's to ask for. */
enum fee_state { FEE_NONE_DUE, FEE_DUE, FEE_LIVE, FEE_FINAL, FEE_VOID };

/* Rows 0 and -1: what was tried, and what the operator gave up of it. That one is a fee
 * again when the final block of its failure vanishes. */
static enum fee_state fee_state_of(
    struct runner *r, const struct operation *o, int64_t number)
{
	struct sql_intent_states_of_row_in in = { .operation = o->id, .row = number };
	struct sql_intent_states_of_row_out row;
	enum fee_state state = FEE_DUE;

	sql_intent_states_of_row_begin(r->s.journal, &in);
	while (sql_intent_states_of_row_next(r->s.journal, &row)) {
		if (row.state == INTENT_FINAL)
			state = FEE_FINAL;
		else if (row.state != INTENT_VOID && state != FEE_FINAL)
			state = FEE_LIVE;
		else if (state == FEE_DUE && !row.no_proof && intent_failed(row.proof))
			state = FEE_VOID;
	}
	return state;
}

static enum fee_state fee_state(
    struct runner *r, const struct operation *o, const struct airdrop *a)
{
	enum fee_state now, given_up;
	struct archived archived;

	if (amount_is_zero(&a->facts.fee_amount))
		return FEE_NONE_DUE;
	now = fee_state_of(r, o, 0);
	given_up = fee_state_of(r, o, -1);
	if (now == FEE_DUE && o->state == OPERATION_COMPLETED &&
	    archive_of(r->s.journal, o->id, &archived))
		return FEE_FINAL; /* and what says so is in the archive */
	if (given_up == FEE_FINAL || (given_up == FEE_LIVE && now != FEE_FINAL))
		return given_up;
	return now;
}

static int airdrop_fee(struct runner *r, struct operation *o, const struct payment *p)
{
	static const int states[] = { [FEE_NONE_DUE] = -1,
		[FEE_DUE] = ITEM_PENDING,
		[FEE_LIVE] = ITEM_LIVE,
		[FEE_FINAL] = ITEM_FINAL,
		[FEE_VOID] = ITEM_VOID };
	const struct airdrop *a = o->of_kind;

	if (!address_same(&p->to, &a->facts.fee_to) ||
	    amount_cmp(&p->amount, &a->facts.fee_amount))
		return -1;
	return states[fee_state(r, o, a)];
}

/* -- offers ---------------------------------------------------------------- */

static bool airdrop_offer(struct runner *r, struct operation *o, struct offer *ret)
{
	struct airdrop *a = o->of_kind;
	struct payment pay = { .token = a->facts.has_token, .asset = a->facts.token };
	struct sql_item_next_pending_out row;

	if (!a->facts.frozen)
		return false;
	*ret = (struct offer){ .gas = a->facts.gas };
	if (o->state == OPERATION_PAYING_FEE) {
		if (fee_state(r, o, a) != FEE_DUE)
			return false;
		pay.to = a->facts.fee_to;
		pay.amount = a->facts.fee_amount;
		ret->gas = a->facts.fee_gas;
	} else {
		if (!o->by_state[ITEM_PENDING].n ||
		    !sql_item_next_pending_one(r->s.journal,
			&(struct sql_item_next_pending_in){ .operation = o->id }, &row))
			return false;
		ret->row = row.row;
		ret->amount = pay.amount = row.amount;
		memcpy(pay.to.at, row.recipient, sizeof pay.to.at);
		if (!row.no_gas)
			ret->gas = (uint64_t)row.gas;
	}
	runner_chain_by_id(r, o->chain)->connector->pay(&ret->payload, &pay);
	return true;
}

/* -- the stages ------------------------------------------------------------ */

static bool missing(struct amount *ret, const struct amount *need,
    const struct amount *taken, const struct amount *have)
{
	struct amount sum;

	if (!amount_add(&sum, need, taken))
		sum = *need; /* more than there can be, with or without */
	return amount_sub(ret, &sum, have) && !amount_is_zero(ret);
}

static void say_missing(struct operation *o, const struct account *acct,
    const struct amount *amount, unsigned decimals, const char *symbol)
{
	char text[AMOUNT_TEXT_MAX], address[43], line[WAITS_MAX];

	amount_format(text, amount, decimals);
	eip55_format(address, acct->address.at);
	snprintf(line, sizeof line, "funds: %.80s %s are missing; send them to %s", text,
	    symbol, address);
	operation_waits(o, line);
}

/* The rows are counted once: while it waits none is reserved. */
static const struct airdrop_left *left_of(
    struct runner *r, struct operation *o, struct airdrop *a)
{
	const struct totals *pending = &o->by_state[ITEM_PENDING];
	struct sql_item_own_gas_in in = { .operation = o->id };
	struct sql_item_own_gas_out own = { 0 };

	if (a->left_known && a->left.n == pending->n)
		return &a->left;
	(void)sql_item_own_gas_one(r->s.journal, &in, &own);
	a->left_known = true;
	a->left = (struct airdrop_left){ .n = pending->n,
		.own_n = own.n,
		.own_gas = (uint64_t)own.gas,
		.sum = pending->sum,
		.fee_due = fee_state(r, o, a) == FEE_DUE };
	return &a->left;
}

/* For all that is left, whatever its tags are. */
static void need(const struct airdrop *a, const struct airdrop_left *left,
    const struct account *acct, struct amount *ret_native, struct amount *ret_token)
{
	const struct chain_config *c = acct->chain->config;
	const struct fee_market *m = &acct->chain->market;
	bool legacy = c->fee_type == CHAIN_FEE_LEGACY ||
	    (c->fee_type == CHAIN_FEE_AUTO && !m->has_1559);
	uint64_t fee = airdrop_first_fee(c, m);

	if (fee > 0)
		fee += TAG_FEE_MAX;
	if (fee > c->max_fee_per_gas)
		fee = c->max_fee_per_gas;
	airdrop_need(
	    &a->facts, left, fee, legacy ? TAG_GAS_MAX : 0, ret_native, ret_token);
}

/* Rows with an estimate of their own count as all others: nothing is read. */
static void airdrop_coin(struct runner *r, const struct operation *o, struct amount *ret)
{
	const struct airdrop *a = o->of_kind;
	const struct account *acct = account_of(r, o->account);
	const struct totals *pending = &o->by_state[ITEM_PENDING];
	struct airdrop_left left = { .n = pending->n,
		.sum = pending->sum,
		.fee_due = fee_state(r, o, a) == FEE_DUE };
	struct amount token;

	*ret = AMOUNT_ZERO;
	if (acct && acct->chain->has_market && a->facts.imported >= o->items)
		need(a, &left, acct, ret, &token);
}

/* What a reservation would say of the next item: else it would be sent back at once. */
static bool next_is_covered(struct runner *r, struct operation *o, struct account *acct)
{
	struct amount lack;
	struct offer offer;

	if (!airdrop_offer(r, o, &offer) ||
	    intent_would(acct, o, &offer, &lack) != RESERVE_NO_FUNDS)
		return true;
	say_missing(
	    o, acct, &lack, acct->chain->connector->decimals, "of the native coin");
	return false;
}

/* What was paid before needs no funds. All that the account did is read by now, so that
 * nothing is taken that a reorg still moves. */
static bool adopts(
    struct runner *r, struct operation *o, struct airdrop *a, const struct account *acct)
{
	if (a->adopts_no_more || (a->facts.frozen && !a->facts.adopt))
		return false;
	if ((!acct->past_known && !MUTANT(past_not_awaited)) || acct->strangers_n) {
		operation_waits(o, "the account's past to be read");
		return true;
	}
	if (!adopt_past(r, o, &a->adopted, a->facts.adopt,
		a->facts.compares && !MUTANT(meanwhile_not_compared) ? a->facts.compared
								     : NONCE_NONE))
		return true;
	a->adopts_no_more = true;
	if (a->facts.adopt || a->facts.compares)
		sql_airdrop_adopted(
		    r->s.journal, &(struct sql_airdrop_adopted_in){ .operation = o->id });
	a->facts.adopt = a->facts.compares = false;
	return false;
}

static void await_funds(struct runner *r, struct operation *o, struct airdrop *a)
{
	struct account *acct = account_of(r, o->account);
	struct amount native, token, lack;

	if (!airdrop_whole(o)) {
		operation_waits(
		    o, "its list, not read to the end: run the same command again");
		return;
	}
	if (!acct->known || !acct->has_balance || !acct->chain->has_market) {
		operation_waits(o,
		    follower_waits_for(acct->chain->follower)
			? follower_waits_for(acct->chain->follower)
			: "the nodes to tell the balance");
		return;
	}
	if (adopts(r, o, a, acct))
		return;
	need(a, left_of(r, o, a), acct, &native, &token);
	for (size_t i = 0; i < acct->tokens_n && a->facts.has_token; i++) {
		const struct token_held *t = &acct->tokens[i];

		if (!address_same(&t->token, &a->facts.token))
			continue;
		if (!t->known)
			return;
		if (missing(&lack, &token, &t->outstanding, &t->balance)) {
			say_missing(o, acct, &lack, a->facts.decimals, a->facts.symbol);
			return;
		}
	}
	if (missing(&lack, &native, &acct->outstanding, &acct->balance)) {
		say_missing(o, acct, &lack, acct->chain->connector->decimals,
		    "of the native coin");
		return;
	}
	if (!next_is_covered(r, o, acct))
		return;
	operation_move(r, o,
	    a->facts.frozen ? OPERATION_DISTRIBUTING : OPERATION_BUILDING,
	    "the funds are there");
}

/* 5 of the last 10 attempts reverted: stop before a paused token burns the gas of all. */
static bool brake(
    struct runner *r, struct operation *o, struct airdrop *a, struct account *acct)
{
	struct sql_attempt_last_included_in in = { .account = acct->id,
		.nonce = (int64_t)a->brake_from,
		.above = (int64_t)a->brake_above,
		.agreed = (int64_t)acct->height,
		.max = BRAKE_LAST };
	struct sql_attempt_last_included_out row;
	struct head final = { .height = 0 };
	int reverted = 0;

	if (!a->brake_set) {
		a->brake_set = true;
		a->brake_from = account_next_nonce(r, acct);
		(void)follower_final(acct->chain->follower, &final);
		a->brake_above = final.height;
		return false;
	}
	if (hash_same(&a->brake_seen, &acct->agreed))
		return false; /* nothing is in a block that was in none before */
	a->brake_seen = acct->agreed;
	sql_attempt_last_included_begin(r->s.journal, &in);
	while (sql_attempt_last_included_next(r->s.journal, &row))
		reverted +=
		    !row.no_status && row.status == TX_REVERTED && row.operation == o->id;
	if (reverted < BRAKE_REVERTED)
		return false;
	operation_stop(r, o, "5 of the last 10 attempts reverted: look at the token");
	return true;
}

/* Nobody tells what is final, or goes on, while the nodes are silent. why NULL: it waits
 * for nothing but them. */
static void paying_waits(struct operation *o, const struct account *acct, const char *why)
{
	const struct follower *f = acct->chain->follower;
	const char *trouble = why || follower_silent(f) ? follower_trouble(f) : NULL;
	char line[WAITS_MAX];

	if (!why)
		why = trouble ? "the nodes to answer" : o->blocked;
	if (why == follower_waits_for(f) || !trouble) {
		operation_waits(o, why); /* it names them itself */
		return;
	}
	snprintf(line, sizeof line, "%.150s; %.200s", why, trouble);
	operation_waits(o, line);
}

/* As above, of what waits for blocks: none takes what the account can't pay for. */
static void live_waits(struct operation *o, const struct account *acct, const char *why)
{
	const struct follower *f = acct->chain->follower;
	struct amount lack;

	if (!acct->stopped && !follower_waits_for(f) && !follower_silent(f) &&
	    money_short(acct, &lack))
		say_missing(o, acct, &lack, acct->chain->connector->decimals,
		    "of the native coin, for what is live,");
	else
		paying_waits(o, acct, why);
}

static bool anything_live(struct runner *r, const struct operation *o)
{
	struct sql_intent_live_of_operation_in in = { .operation = o->id };
	struct sql_intent_live_of_operation_out row;
	bool live;

	sql_intent_live_of_operation_begin(r->s.journal, &in);
	live = sql_intent_live_of_operation_next(r->s.journal, &row);
	sql_intent_live_of_operation_end(r->s.journal);
	return live;
}

/* All is paid; but a nonce that is not settled, such as a rival's, would be a hole that
 * nobody fills. */
static void complete(struct runner *r, struct operation *o, const char *why)
{
	if (anything_live(r, o))
		live_waits(o, account_of(r, o->account), "what is live to be final");
	else if (recount_proved(o))
		operation_move(r, o, OPERATION_COMPLETED, why);
	else
		operation_waits(o, RECOUNT_UNPROVED);
}

static void distribute(struct runner *r, struct operation *o, struct airdrop *a)
{
	struct account *acct = account_of(r, o->account);
	const char *why;

	if (acct->known && brake(r, o, a, acct))
		return;
	if (!o->by_state[ITEM_PENDING].n && !o->by_state[ITEM_LIVE].n) {
		enum fee_state fee = fee_state(r, o, a);

		if (fee == FEE_NONE_DUE || fee == FEE_FINAL)
			complete(r, o, "every item is settled");
		else
			operation_move(
			    r, o, OPERATION_PAYING_FEE, "every item is settled");
		return;
	}
	if (o->by_state[ITEM_PENDING].n && !account_reserves(r, acct, &why) &&
	    acct->known)
		live_waits(o, acct, why);
	else if (!o->by_state[ITEM_PENDING].n)
		live_waits(o, acct, "what is live to be final");
	else
		live_waits(o, acct, NULL);
}

static void fee_stop(struct runner *r, struct operation *o)
{
	char why[OPERATION_NAME_MAX + 80];

	snprintf(why, sizeof why,
	    "the service fee failed on the chain; to pay it again: pawl retry %s",
	    o->name);
	operation_stop(r, o, why);
}

static void pay_fee(struct runner *r, struct operation *o, struct airdrop *a)
{
	struct account *acct = account_of(r, o->account);
	enum fee_state fee = fee_state(r, o, a);
	const char *why;

	if (o->by_state[ITEM_PENDING].n || o->by_state[ITEM_LIVE].n)
		operation_move(
		    r, o, OPERATION_DISTRIBUTING, "items are not settled any more");
	else if (fee == FEE_FINAL)
		complete(r, o, "the service fee is final");
	else if (fee == FEE_VOID)
		fee_stop(r, o);
	else if (fee == FEE_LIVE)
		live_waits(o, acct, "the service fee to be final");
	else
		operation_waits(o, account_reserves(r, acct, &why) ? o->blocked : why);
}

static void cancel(struct runner *r, struct operation *o)
{
	const struct account *acct = account_of(r, o->account);

	if (!anything_live(r, o) && !recount_proved(o))
		operation_waits(o, RECOUNT_UNPROVED);
	else if (!anything_live(r, o))
		operation_move(r, o, OPERATION_CANCELLED, "nothing is live any more");
	else if (o->pinched)
		return; /* it says what it waits for */
	else if (!acct->key)
		paying_waits(o, acct,
		    "what is live to be final; its key can't be used to replace it");
	else
		paying_waits(o, acct, "what is live to be final");
}

/* A final block vanished under an operation that had ended. */
static void reopen(struct runner *r, struct operation *o)
{
	if (!anything_live(r, o))
		return;
	operation_reopen(r, o,
	    o->state == OPERATION_CANCELLED ? OPERATION_CANCELLING
					    : OPERATION_DISTRIBUTING);
}

static enum err airdrop_advance(struct runner *r, struct operation *o, struct fail *f)
{
	struct airdrop *a = o->of_kind;

	if (a->last_state != o->state) {
		a->last_state = o->state;
		a->brake_set = a->left_known = false;
		o->blocked = NULL;
	}
	switch (o->state) {
	case OPERATION_AWAITING_FUNDS:
		await_funds(r, o, a);
		break;
	case OPERATION_BUILDING:
		return airdrop_build(r, o, f);
	case OPERATION_DISTRIBUTING:
		distribute(r, o, a);
		break;
	case OPERATION_PAYING_FEE:
		pay_fee(r, o, a);
		break;
	case OPERATION_CANCELLING:
		cancel(r, o);
		break;
	case OPERATION_COMPLETED:
	case OPERATION_CANCELLED:
		reopen(r, o);
		break;
	case OPERATION_PAUSED:
	case OPERATION_NEEDS_OPERATOR:
		break;
	default:
		operation_damaged(r, o, "it is in a stage that an airdrop does not have");
	}
	return ERR_OK;
}

/* A row that ran out of gas gets twice as much; a failed service fee is due again. */
static void airdrop_retry(struct runner *r, struct operation *o, int64_t row)
{
	const struct airdrop *a = o->of_kind;
	struct sql_item_get_in in = { .operation = o->id, .row = row };
	struct sql_item_get_out item;

	if (!row) {
		sql_intent_disown_void(r->s.journal,
		    &(struct sql_intent_disown_void_in){ .operation = o->id, .row = 0 });
		return;
	}
	if (!sql_item_get_one(r->s.journal, &in, &item) || item.no_reason ||
	    strcmp(item.reason, "out_of_gas") != 0)
		return;
	sql_item_gas(r->s.journal,
	    &(struct sql_item_gas_in){ .operation = o->id,
		.row = row,
		.gas = 2 * (item.no_gas ? (int64_t)a->facts.gas : item.gas) });
}

/* -- its plan, again ------------------------------------------------------- */

static void *airdrop_plan_begin(struct journal *j, const struct operation *o)
{
	struct plan_header header;
	struct airdrop_facts facts;

	return airdrop_read(j, o->id, &facts) && airdrop_header(j, o, &facts, &header)
	    ? plan_hash_begin(&header)
	    : NULL;
}

static void airdrop_plan_row(
    void *plan, const struct address *to, const struct amount *amount, const char *memo)
{
	plan_hash_row(plan, to, amount, memo, memo ? strlen(memo) : 0);
}

static bool airdrop_plan_end(void *plan, const struct operation *o)
{
	uint8_t is[32];

	plan_hash_end(plan, is);
	return !memcmp(is, o->plan, sizeof is);
}

const struct kind kind_airdrop = {
	.name = "airdrop",
	.open = airdrop_open,
	.close = airdrop_close,
	.advance = airdrop_advance,
	.offer = airdrop_offer,
	.gas = airdrop_gas,
	.retry = airdrop_retry,
	.whole = airdrop_whole,
	.need = airdrop_coin,
	.plan_begin = airdrop_plan_begin,
	.plan_row = airdrop_plan_row,
	.plan_end = airdrop_plan_end,
	.fee = airdrop_fee,
	.token = airdrop_token,
	.freed = airdrop_freed,
};
