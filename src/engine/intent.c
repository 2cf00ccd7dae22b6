#include "engine/intent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crash.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

/* Intents signed by one job of a worker. */
#define SIGN_BATCH 32

/* Bytes that were asked for: which intent, and the attempt it had then. The result is
 * dropped when the intent has moved on. */
struct sign_one {
	int64_t intent, had_attempt;
	bool empty;
	struct sign_job job;
	struct signed_bytes out;
	enum err err;
	struct fail fail;
};

struct sign_batch {
	struct runner *runner;
	struct sign_batch *next;
	enum err (*sign)(
	    struct signed_bytes *ret, const struct sign_job *job, struct fail *f);
	uint32_t n;
	struct sign_one one[SIGN_BATCH];
};

bool intent_read(struct journal *j, int64_t id, struct intent *ret)
{
	struct sql_intent_get_out row;
	struct sql_intent_get_in in = { .id = id };

	sql_intent_get_begin(j, &in);
	if (!sql_intent_get_next(j, &row))
		return false;
	*ret = (struct intent){
		.id = row.id,
		.operation = row.operation,
		.row = row.row,
		.account = row.account,
		.emptied = (int)row.emptied,
		.has_attempt = !row.no_attempt,
		.has_nonce = !row.no_nonce,
		.nonce = row.no_nonce ? 0 : (uint64_t)row.nonce,
		.state = (int)row.state,
		.cost = row.cost,
		.held = row.held,
		.attempt = row.no_attempt ? 0 : row.attempt,
	};
	memcpy(ret->payload.to.at, row.recipient, sizeof ret->payload.to.at);
	ret->payload.value = row.value;
	CHECK(row.data_len <= sizeof ret->payload.data);
	ret->payload.data_len = (uint32_t)row.data_len;
	if (row.data_len)
		memcpy(ret->payload.data, row.data, row.data_len);
	sql_intent_get_end(j);
	return true;
}

/* -- money -------------------------------------------------------------------- */

static struct amount gas_times(uint64_t gas, uint64_t fee)
{
	struct amount a = amount_u64(fee);

	CHECK(amount_mul_u64(&a, &a, gas));
	return a;
}

/* value + gas * max fee: what these bytes could take from the account. */
static bool cost_of(struct amount *ret, const struct payload *p, const struct fees *fees)
{
	struct amount gas = gas_times(fees->gas, fees->max_fee);

	return amount_add(ret, &p->value, &gas);
}

/* Whether the operation's cap still covers it when `held` takes the place of `was`. */
static bool cap_covers(
    const struct operation *o, const struct amount *was, const struct amount *held)
{
	struct amount sum;

	return amount_sub(&sum, &o->fees_held, was) && amount_add(&sum, &sum, held) &&
	    amount_add(&sum, &sum, &o->fees_final) && amount_cmp(&sum, &o->cap) <= 0;
}

/* What an attempt of this intent may cost: what it holds, and what the cap has left. */
static struct amount room_of(const struct operation *o, const struct intent *i)
{
	struct amount used, room;

	CHECK(amount_add(&used, &o->fees_held, &o->fees_final));
	if (!amount_sub(&room, &o->cap, &used) || !amount_add(&room, &room, &i->held))
		return i->held;
	return room;
}

/* What is held for an attempt: room for one bump and an empty one over that; where the
 * cap has not so much left, for an empty one over itself; or for itself alone. */
enum hold { HOLD_RESERVE, HOLD_EMPTY, HOLD_ITSELF };

static struct amount hold_for(
    const struct chain_run *c, const struct fees *fees, enum hold what)
{
	uint64_t cap = c->config->max_fee_per_gas;
	struct amount own = gas_times(fees->gas, fees->max_fee), over;

	if (what == HOLD_RESERVE)
		return gas_times(fees->gas, c->connector->fees_reserve(fees, cap));
	if (what == HOLD_ITSELF)
		return own;
	/* The tag of a legacy one is in its gas. */
	over = gas_times(fees->type == FEE_LEGACY ? fees->gas : EMPTY_GAS,
	    c->connector->fees_over(fees, cap));
	return amount_cmp(&over, &own) > 0 ? over : own;
}

/* The highest fee per gas at which this fits the room. */
static uint64_t fee_within(const struct chain_run *c, const struct amount *room,
    const struct fees *like, enum hold what)
{
	uint64_t low = 0, high = c->config->max_fee_per_gas;
	struct fees at = *like;

	while (low < high) {
		struct amount need;

		at.max_fee = high - (high - low) / 2;
		need = hold_for(c, &at, what);
		if (amount_cmp(&need, room) <= 0)
			low = at.max_fee;
		else
			high = at.max_fee - 1;
	}
	return low;
}

static void hold(struct operation *o, const struct amount *was, const struct amount *held)
{
	CHECK(amount_sub(&o->fees_held, &o->fees_held, was));
	CHECK(amount_add(&o->fees_held, &o->fees_held, held));
	o->dirty = true;
}

/* What the intent holds once an attempt at these fees is signed. false: the cap has no
 * room for it. */
static bool held_for(struct amount *ret, const struct chain_run *c,
    const struct operation *o, const struct intent *i, const struct fees *fees,
    bool empty)
{
	*ret = hold_for(c, fees, HOLD_RESERVE);
	if (amount_cmp(ret, &i->held) < 0)
		*ret = i->held;
	if (cap_covers(o, &i->held, ret))
		return true;
	*ret = hold_for(c, fees, empty ? HOLD_ITSELF : HOLD_EMPTY);
	if (amount_cmp(ret, &i->held) < 0)
		*ret = i->held;
	return cap_covers(o, &i->held, ret);
}

/* At once: the next one of this turn must not spend the same room again. */
static void hold_now(struct runner *r, struct operation *o, const struct intent *i,
    const struct amount *held)
{
	sql_intent_held(
	    r->s.journal, &(struct sql_intent_held_in){ .id = i->id, .held = *held });
	hold(o, &i->held, held);
}

static bool funds_cover(
    struct account *a, const struct payload *p, const struct amount *cost)
{
	struct payment pay;
	struct amount sum;

	if (!a->has_balance || !amount_add(&sum, &a->outstanding, cost) ||
	    amount_cmp(&sum, &a->balance) > 0)
		return false;
	if (!a->chain->connector->payment(&pay, p) || !pay.token)
		return true;
	for (size_t i = 0; i < a->tokens_n; i++) {
		struct token_held *t = &a->tokens[i];

		if (memcmp(t->token.at, pay.asset.at, sizeof t->token.at) != 0)
			continue;
		return t->known && amount_add(&sum, &t->outstanding, &pay.amount) &&
		    amount_cmp(&sum, &t->balance) <= 0;
	}
	return false;
}

static void funds_take(
    struct account *a, const struct payload *p, const struct amount *cost)
{
	struct payment pay;

	CHECK(amount_add(&a->outstanding, &a->outstanding, cost));
	if (!a->chain->connector->payment(&pay, p) || !pay.token)
		return;
	for (size_t i = 0; i < a->tokens_n; i++)
		if (!memcmp(a->tokens[i].token.at, pay.asset.at, sizeof pay.asset.at))
			CHECK(amount_add(&a->tokens[i].outstanding,
			    &a->tokens[i].outstanding, &pay.amount));
}

/* -- asking for bytes ----------------------------------------------------------- */

static enum fee_type fee_type_of(const struct chain_run *c)
{
	if (c->config->fee_type == CHAIN_FEE_LEGACY)
		return FEE_LEGACY;
	if (c->config->fee_type == CHAIN_FEE_1559)
		return FEE_1559;
	return c->market.has_1559 ? FEE_1559 : FEE_LEGACY;
}

static void first_fees(struct fees *ret, struct account *a, struct operation *o,
    int64_t row, uint64_t gas, uint64_t cap)
{
	struct chain_run *c = a->chain;
	uint8_t tag[5];

	operation_tag(o, row, tag);
	c->connector->fees_first(ret, &c->market, gas, fee_type_of(c), cap,
	    c->config->max_priority_fee_per_gas, tag);
}

/* -- the batch on its way to a worker ------------------------------------------- */

static void batch_run(void *job)
{
	struct sign_batch *b = job;

	CRASH_POINT(sign_before);
	for (uint32_t i = 0; i < b->n; i++)
		b->one[i].err = b->sign(&b->one[i].out, &b->one[i].job, &b->one[i].fail);
	CRASH_POINT(sign_after);
}

static void batch_done(void *job)
{
	struct sign_batch *b = job;
	struct runner *r = b->runner;

	*r->signed_end = b;
	r->signed_end = &b->next;
}

static void batch_release(void *job)
{
	struct sign_batch *b = job;

	world_work(b->runner->s.world, batch_run, batch_done, b);
}

static void batch_drop(void *job)
{
	free(job);
}

void intent_flush(struct runner *r)
{
	struct sign_batch *b = r->filling;

	if (!b)
		return;
	r->filling = NULL;
	outbox_add(r->outbox,
	    &(struct effect){ .release = batch_release,
		.drop = batch_drop,
		.job = b,
		.commits = true });
}

void sign_batches_free(struct runner *r)
{
	free(r->filling);
	r->filling = NULL;
	while (r->signed_in) {
		struct sign_batch *b = r->signed_in;

		r->signed_in = b->next;
		free(b);
	}
	r->signed_end = &r->signed_in;
}

static void ask_for_bytes(struct runner *r, struct account *a, const struct intent *i,
    const struct fees *fees, bool empty)
{
	struct sign_one *one;

	CHECK(i->has_nonce && a->key);
	if (!r->filling) {
		r->filling = mem_new(sizeof *r->filling);
		r->filling->runner = r;
		r->filling->sign = a->chain->connector->sign;
	}
	one = &r->filling->one[r->filling->n++];
	*one = (struct sign_one){
		.intent = i->id,
		.had_attempt = i->attempt,
		.empty = empty,
		.job = { .chain_id = a->chain->config->chain_id,
		    .nonce = i->nonce,
		    .payload = i->payload,
		    .fees = *fees,
		    .key = a->key },
	};
	if (empty)
		one->job.payload = (struct payload){ .to = a->address };
	idset_add(&r->signing, i->id);
	if (r->filling->n == SIGN_BATCH)
		intent_flush(r);
}

/* What a reservation costs and holds, and whether that is there. */
struct price {
	struct fees fees;
	struct amount cost, held;
};

static enum reserve price(
    struct price *ret, struct account *a, struct operation *o, const struct offer *offer)
{
	const struct amount zero = AMOUNT_ZERO;

	first_fees(
	    &ret->fees, a, o, offer->row, offer->gas, a->chain->config->max_fee_per_gas);
	ret->held =
	    hold_for(a->chain, &ret->fees, offer->empty ? HOLD_ITSELF : HOLD_RESERVE);
	CHECK(cost_of(&ret->cost, &offer->payload, &ret->fees));
	if (ret->fees.max_fee < a->chain->market.next_base_fee)
		return RESERVE_FEES;
	if (!funds_cover(a, &offer->payload, &ret->cost))
		return RESERVE_NO_FUNDS;
	return cap_covers(o, &zero, &ret->held) ? RESERVE_DONE : RESERVE_CAP;
}

enum reserve intent_would(struct account *a, struct operation *o,
    const struct offer *offer, struct amount *ret_lack)
{
	struct price p;
	struct amount sum;
	enum reserve would = price(&p, a, o, offer);

	if (!amount_add(&sum, &a->outstanding, &p.cost) ||
	    !amount_sub(ret_lack, &sum, &a->balance))
		*ret_lack = AMOUNT_ZERO;
	return would;
}

static void reserved(
    struct runner *r, struct operation *o, const struct offer *offer, int64_t id)
{
	if (offer->row > 0) {
		operation_item(
		    r, o, offer->row, &offer->amount, ITEM_PENDING, ITEM_LIVE, id, NULL);
		return;
	}
	if (offer->empty)
		sql_intent_empty(r->s.journal, &(struct sql_intent_empty_in){ .id = id });
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.what = offer->empty ? "hole" : "service fee",
		.from = "pending",
		.to = "live",
		.why = offer->empty ? "a stranger's nonce came back" : "" });
}

enum reserve intent_reserve(
    struct runner *r, struct account *a, struct operation *o, const struct offer *offer)
{
	struct sql_intent_add_in in = {
		.operation = o->id, .row = offer->row, .account = a->id
	};
	struct sql_intent_add_out out;
	struct intent i = { .payload = offer->payload };
	const struct amount zero = AMOUNT_ZERO;
	struct price p;
	enum reserve would = price(&p, a, o, offer);

	if (would != RESERVE_DONE)
		return would;
	i.nonce = account_next_nonce(r, a);
	in.nonce = (int64_t)i.nonce;
	memcpy(in.recipient, offer->payload.to.at, sizeof in.recipient);
	in.value = offer->payload.value;
	in.data = offer->payload.data;
	in.data_len = offer->payload.data_len;
	in.cost = p.cost;
	in.held = p.held;
	if (!sql_intent_add_one(r->s.journal, &in, &out))
		return RESERVE_DONE; /* numb journal: the turn is dropped */
	i.id = out.id;
	i.has_nonce = true;
	hold(o, &zero, &p.held);
	funds_take(a, &offer->payload, &p.cost);
	if (!offer->empty)
		a->last_operation = o->id;
	reserved(r, o, offer, i.id);
	ask_for_bytes(r, a, &i, &p.fees, offer->empty);
	return RESERVE_DONE;
}

static uint64_t gas_of(
    struct runner *r, const struct operation *o, const struct intent *i)
{
	if (i->row) {
		struct sql_item_get_out item;

		if (sql_item_get_one(r->s.journal,
			&(struct sql_item_get_in){
			    .operation = i->operation, .row = i->row },
			&item) &&
		    !item.no_gas)
			return (uint64_t)item.gas;
	}
	return o->kind->gas(o, i->row);
}

/* Fees of the day for a reserved intent, or as much of them as its room allows; false:
 * not even the next base fee. */
static bool ask_fees(struct fees *ret, struct runner *r, struct account *a,
    struct operation *o, const struct intent *i)
{
	uint64_t gas = i->emptied == 1 ? EMPTY_GAS : gas_of(r, o, i);
	enum hold what = i->emptied == 1 ? HOLD_ITSELF : HOLD_RESERVE;
	struct chain_run *c = a->chain;
	struct amount room = room_of(o, i), need;

	first_fees(ret, a, o, i->row, gas, c->config->max_fee_per_gas);
	need = hold_for(c, ret, what);
	if (amount_cmp(&need, &room) <= 0)
		return true;
	first_fees(ret, a, o, i->row, gas, fee_within(c, &room, ret, what));
	return ret->max_fee >= c->market.next_base_fee;
}

void intent_ask(struct runner *r, struct account *a, const struct intent *i)
{
	struct operation *o = runner_operation(r, i->operation);
	bool empty = i->emptied == 1;
	struct amount held;
	struct fees fees;

	if (!o || !a->key || i->emptied == 2 || idset_has(&r->signing, i->id))
		return;
	if (!ask_fees(&fees, r, a, o, i) ||
	    !held_for(&held, a->chain, o, i, &fees, empty)) {
		operation_pinched(r, o, "a payment that is reserved");
		return;
	}
	hold_now(r, o, i, &held);
	ask_for_bytes(r, a, i, &fees, empty);
}

/* Fees of a replacement: those of the day, or as much as the room allows. A payload below
 * the next base fee would only use it up; an empty attempt still takes the payload's
 * place in the pools. */
static enum bump bump_fees(struct fees *ret, struct amount *held, struct account *a,
    struct operation *o, const struct intent *i, const struct fees *old, bool empty)
{
	struct chain_run *c = a->chain;
	uint64_t cap = c->config->max_fee_per_gas;
	uint64_t tip_cap = c->config->max_priority_fee_per_gas;
	struct amount room = room_of(o, i);
	uint8_t tag[5];

	operation_tag(o, i->row, tag);
	if (!c->connector->fees_bump(ret, old, &c->market, cap, tip_cap, tag))
		return BUMP_OVER_FEES;
	if (held_for(held, c, o, i, ret, empty))
		return BUMP_DONE;
	cap = fee_within(c, &room, ret, empty ? HOLD_ITSELF : HOLD_EMPTY);
	if (!c->connector->fees_bump(ret, old, &c->market, cap, tip_cap, tag) ||
	    (!empty && ret->max_fee < c->market.next_base_fee) ||
	    !held_for(held, c, o, i, ret, empty))
		return BUMP_OVER_CAP;
	return BUMP_DONE;
}

enum bump intent_bump(
    struct runner *r, struct account *a, const struct intent *i, bool empty)
{
	struct operation *o = runner_operation(r, i->operation);
	struct sql_attempt_get_out at;
	struct fees old, fees;
	struct amount held;
	enum bump bump;

	if (!o || !a->key || !i->has_attempt || idset_has(&r->signing, i->id))
		return BUMP_UNDER_WAY;
	if (!sql_attempt_get_one(
		r->s.journal, &(struct sql_attempt_get_in){ .id = i->attempt }, &at))
		return BUMP_UNDER_WAY;
	old = (struct fees){ .type = (enum fee_type)at.fee_type,
		.gas = empty ? EMPTY_GAS : (uint64_t)at.gas,
		.max_fee = (uint64_t)at.max_fee,
		.tip = (uint64_t)at.tip };
	bump = bump_fees(&fees, &held, a, o, i, &old, empty);
	if (bump != BUMP_DONE)
		return bump;
	hold_now(r, o, i, &held);
	ask_for_bytes(r, a, i, &fees, empty);
	return BUMP_DONE;
}

/* -- bytes came back ------------------------------------------------------------ */

static void signed_event(
    struct runner *r, const struct intent *i, const struct sign_one *one)
{
	char what[24], why[200], hash[65];

	hex_format(hash, one->out.hash.at, sizeof one->out.hash.at);
	snprintf(what, sizeof what, "attempt %.8s", hash);
	snprintf(why, sizeof why, "nonce %llu, %smax fee %llu, tip %llu wei, gas %llu",
	    (unsigned long long)i->nonce, one->empty ? "empty, " : "",
	    (unsigned long long)one->job.fees.max_fee,
	    (unsigned long long)one->job.fees.tip, (unsigned long long)one->job.fees.gas);
	journal_event(r->s.journal,
	    &(struct event){ .operation = i->operation,
		.row = i->row,
		.what = what,
		.from = "",
		.to = "signed",
		.why = why });
}

static void attempt_put(struct runner *r, struct account *a, const struct intent *i,
    const struct sign_one *one)
{
	struct operation *o = runner_operation(r, i->operation);
	const struct fees *fees = &one->job.fees;
	struct chain_run *c = a->chain;
	struct sql_attempt_add_in in = {
		.intent = i->id,
		.account = a->id,
		.raw = one->out.raw,
		.raw_len = one->out.raw_len,
		.empty = one->empty,
		.fee_type = fees->type,
		.gas = (int64_t)fees->gas,
		.max_fee = (int64_t)fees->max_fee,
		.tip = (int64_t)fees->tip,
	};
	struct sql_attempt_add_out out;
	struct amount cost, held;
	struct head head;

	if (follower_head(c->follower, &head))
		in.signed_height = (int64_t)head.height;
	memcpy(in.hash, one->out.hash.at, sizeof in.hash);
	CHECK(cost_of(&cost, &one->job.payload, fees));
	if (amount_cmp(&cost, &i->cost) < 0)
		cost = i->cost;
	held = i->held;
	if (o)
		(void)held_for(
		    &held, c, o, i, fees, one->empty); /* signed: held anyway */
	if (!sql_attempt_add_one(r->s.journal, &in, &out))
		return;
	sql_intent_signed(r->s.journal,
	    &(struct sql_intent_signed_in){
		.id = i->id, .attempt = out.id, .cost = cost, .held = held });
	if (o)
		hold(o, &i->held, &held);
	signed_event(r, i, one);
	a->send_ready = true;
	if (i->has_attempt)
		account_send_again(a, i->nonce);
}

static void take_one(struct runner *r, const struct sign_one *one)
{
	struct account *a;
	struct intent i;

	idset_remove(&r->signing, one->intent);
	if (!intent_read(r->s.journal, one->intent, &i))
		return;
	a = account_of(r, i.account);
	if (!a)
		return;
	if (one->err) {
		log_error("sign", "intent %lld: %s", (long long)i.id, one->fail.why);
		account_stop(r, a, "signing failed"); /* a resume asks again */
		return;
	}
	/* The row may have moved on while the worker was busy. */
	if ((i.state != INTENT_RESERVED && i.state != INTENT_SIGNED) ||
	    i.attempt != one->had_attempt || (i.emptied && !one->empty)) {
		/* Its nonce still wants bytes: empty ones. */
		a->unsigned_left |= i.state == INTENT_RESERVED;
		return;
	}
	attempt_put(r, a, &i, one);
}

void intent_take_signed(struct runner *r)
{
	while (r->signed_in && !runner_turn_long(r)) {
		struct sign_batch *b = r->signed_in;

		r->signed_in = b->next;
		if (!r->signed_in)
			r->signed_end = &r->signed_in;
		for (uint32_t i = 0; i < b->n; i++)
			take_one(r, &b->one[i]);
		free(b);
	}
}

/* -- settling -------------------------------------------------------------------- */

static void settle(struct runner *r, const struct intent *i, int to, const char *proof)
{
	const struct amount zero = AMOUNT_ZERO;
	struct operation *o = runner_operation(r, i->operation);

	state_check(MACHINE_INTENT, i->state, to);
	sql_intent_settle(r->s.journal,
	    &(struct sql_intent_settle_in){ .id = i->id,
		.from = i->state,
		.to = to,
		.held = zero,
		.proof = proof,
		.no_proof = !proof });
	if (o)
		hold(o, &i->held, &zero);
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
	int64_t *ids = NULL;
	size_t n = 0;
	bool found = false;

	sql_intent_by_row_begin(r->s.journal, &in);
	while (sql_intent_by_row_next(r->s.journal, &out)) {
		ids = mem_grow(ids, n + 1, sizeof *ids);
		ids[n++] = out.id;
	}
	for (size_t k = 0; k < n && !found; k++) {
		struct intent i;

		found = intent_read(r->s.journal, ids[k], &i) && see(ctx, &i);
	}
	free(ids);
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

	if (i->id > *newest)
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
		sql_intent_unhold(
		    r->s.journal, &(struct sql_intent_unhold_in){ .id = newest });
}

void intent_final(
    struct runner *r, const struct intent *i, const char *proof, const char *flag)
{
	struct operation *o = runner_operation(r, i->operation);
	struct sql_item_get_out item;

	settle(r, i, INTENT_FINAL, proof);
	if (i->row <= 0)
		rival_settled(r, i, true);
	if (!o || !item_read(r, i, &item))
		return;
	if (item.state != ITEM_LIVE) {
		log_error("intent", "row %lld of %s was paid twice: see pawl explain",
		    (long long)i->row, o->name);
		return;
	}
	if (item.intent != i->id)
		rival_settled(r, i, true);
	operation_item(r, o, i->row, &item.amount, ITEM_LIVE, ITEM_FINAL, 0, flag);
}

void intent_void(struct runner *r, const struct intent *i, bool item_void,
    const char *proof, const char *reason)
{
	struct operation *o = runner_operation(r, i->operation);
	struct sql_item_get_out item;

	settle(r, i, INTENT_VOID, proof);
	if (i->row <= 0)
		rival_settled(r, i, false);
	if (!o || !item_read(r, i, &item) || item.state != ITEM_LIVE)
		return;
	if (item.intent != i->id) {
		rival_settled(r, i, false);
		return;
	}
	operation_item(r, o, i->row, &item.amount, ITEM_LIVE,
	    item_void ? ITEM_VOID : ITEM_PENDING, 0, reason);
}

void intent_reopen(struct runner *r, const struct intent *i, const char *why)
{
	struct operation *o = runner_operation(r, i->operation);
	int to = i->has_attempt ? INTENT_SIGNED : INTENT_RESERVED;
	struct sql_item_get_out item;
	struct amount held;

	state_check(MACHINE_INTENT, i->state, to);
	CHECK(amount_sub(&held, &i->cost, &i->payload.value));
	sql_intent_settle(r->s.journal,
	    &(struct sql_intent_settle_in){ .id = i->id,
		.from = i->state,
		.to = to,
		.held = held,
		.no_proof = true });
	if (!o)
		return;
	CHECK(amount_add(&o->fees_held, &o->fees_held, &held));
	o->dirty = true;
	if (item_read(r, i, &item) && item.state != ITEM_LIVE)
		operation_item(
		    r, o, i->row, &item.amount, (int)item.state, ITEM_LIVE, i->id, why);
}
