#include "engine/intent.h"

#include <string.h>

#include "base/mutant.h"
#include "engine/account.h"
#include "engine/money.h"
#include "engine/operation.h"
#include "engine/sign.h"
#include "journal/sql.gen.h"

void intent_damaged(const struct journal *j, int64_t id, const char *what)
{
	journal_damaged(j, "intent %lld: %s", (long long)id, what);
}

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
	if (row.data_len > sizeof ret->payload.data)
		intent_damaged(j, id, "its data is longer than a payload's");
	ret->payload.data_len = (uint32_t)row.data_len;
	if (row.data_len)
		memcpy(ret->payload.data, row.data, row.data_len);
	sql_intent_get_end(j);
	return true;
}

bool intent_on(
    struct runner *r, const struct account *a, uint64_t nonce, struct intent *ret)
{
	struct sql_intent_by_nonce_in in = { .account = a->id, .nonce = (int64_t)nonce };
	struct sql_intent_by_nonce_out found;

	return sql_intent_by_nonce_one(r->s.journal, &in, &found) &&
	    intent_read(r->s.journal, found.id, ret);
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

	money_first_fees(&ret->fees, a, o, offer->row, offer->gas, money_fee_cap(a, o));
	ret->held = money_to_hold(
	    a->chain, &ret->fees, offer->empty ? HOLD_ITSELF : HOLD_RESERVE);
	if (!money_cost(&ret->cost, &offer->payload, &ret->fees))
		return RESERVE_NO_FUNDS; /* more than an amount can be */
	if (ret->fees.max_fee < a->chain->market.next_base_fee)
		return RESERVE_FEES;
	if (!money_covers(a, &offer->payload, &ret->cost))
		return RESERVE_NO_FUNDS;
	return money_cap_covers(o, &zero, &ret->held) ? RESERVE_DONE : RESERVE_CAP;
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
		.why = offer->why ? offer->why : "" });
}

/* Nothing of the row can pay it, and nothing did. */
static void owed_check(struct runner *r, const struct operation *o, int64_t row)
{
	struct sql_intent_not_void_in in = { .operation = o->id, .row = row };
	struct sql_intent_not_void_out not_void;

	if (sql_intent_not_void_one(r->s.journal, &in, &not_void) && not_void.n)
		journal_damaged(r->s.journal,
		    "operation %s: row %lld is pending, and has an intent that may pay "
		    "it, or did",
		    o->name, (long long)row);
}

enum reserve intent_reserve(
    struct runner *r, struct account *a, struct operation *o, const struct offer *offer)
{
	struct sql_intent_add_in in = {
		.operation = o->id, .row = offer->row, .account = a->id
	};
	struct sql_intent_added_out out;
	struct intent i = { .payload = offer->payload };
	const struct amount zero = AMOUNT_ZERO;
	struct price p;
	enum reserve would = price(&p, a, o, offer);

	if (would != RESERVE_DONE)
		return would;
	if (offer->row > 0)
		owed_check(r, o, offer->row);
	i.nonce = account_next_nonce(r, a);
	if (MUTANT(counter_in_memory))
		i.nonce = mutant_count(i.nonce);
	in.nonce = (int64_t)i.nonce;
	memcpy(in.recipient, offer->payload.to.at, sizeof in.recipient);
	in.value = offer->payload.value;
	in.data = offer->payload.data;
	in.data_len = offer->payload.data_len;
	in.cost = p.cost;
	in.held = p.held;
	if (!sql_intent_add(r->s.journal, &in) ||
	    !sql_intent_added_one(r->s.journal, &out))
		return RESERVE_DONE; /* numb journal: the turn is dropped */
	i.id = out.id;
	i.has_nonce = true;
	money_move(r, o, &zero, &p.held);
	money_take(a, &offer->payload, &p.cost);
	if (!offer->empty)
		a->last_operation = o->id;
	reserved(r, o, offer, i.id);
	sign_ask(r, a, &i, &p.fees, offer->empty);
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
	return o->kind->gas(r, o, i->row);
}

/* Fees of the day for a reserved intent, or as much of them as its room allows; false:
 * not even the next base fee. */
static bool ask_fees(struct fees *ret, struct runner *r, struct account *a,
    struct operation *o, const struct intent *i)
{
	struct chain_run *c = a->chain;
	uint64_t gas = i->emptied == 1 ? c->connector->gas_coin : gas_of(r, o, i);
	enum hold what = i->emptied == 1 ? HOLD_ITSELF : HOLD_RESERVE;
	struct amount room = money_room(o, i), need;

	money_first_fees(ret, a, o, i->row, gas, money_fee_cap(a, o));
	need = money_to_hold(c, ret, what);
	if (amount_cmp(&need, &room) <= 0)
		return true;
	money_first_fees(ret, a, o, i->row, gas, money_fee_within(c, &room, ret, what));
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
	    !money_held_with(&held, a->chain, o, i, &fees, empty)) {
		operation_pinched(r, o, "a payment that is reserved");
		return;
	}
	money_hold(r, o, i, &held);
	sign_ask(r, a, i, &fees, empty);
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
	struct amount room = money_room(o, i);
	uint8_t tag[5];

	operation_tag(o, i->row, tag);
	if (!c->connector->fees_bump(ret, old, &c->market, cap, tip_cap, tag))
		return BUMP_OVER_FEES;
	if (money_held_with(held, c, o, i, ret, empty))
		return BUMP_DONE;
	cap = money_fee_within(c, &room, ret, empty ? HOLD_ITSELF : HOLD_EMPTY);
	if (!c->connector->fees_bump(ret, old, &c->market, cap, tip_cap, tag) ||
	    (!empty && ret->max_fee < c->market.next_base_fee) ||
	    !money_held_with(held, c, o, i, ret, empty))
		return BUMP_OVER_CAP;
	return BUMP_DONE;
}

/* Of a fence: whatever this program could have signed for the nonce is replaced before
 * the ceiling. Never 10 % over our own, which would climb past it, or freeze the tip. */
static enum bump bump_doubled(struct fees *ret, struct amount *held, struct account *a,
    const struct operation *o, const struct intent *i, const struct fees *old)
{
	if (!money_fees_doubled(ret, old, &a->chain->market, money_fee_cap(a, o)))
		return BUMP_OVER_FEES;
	return money_held_with(held, a->chain, o, i, ret, true) ? BUMP_DONE
								: BUMP_OVER_CAP;
}

/* Nothing dearer is allowed. Only a block has shown its bytes, which vanished; or it is
 * given up, and who has lost the payload gets it from nobody: bytes at the fees of the
 * day are sent for whoever has nothing on this nonce. */
static bool is_anew(const struct account *a, const struct operation *o,
    const struct sql_attempt_get_out *at, bool empty)
{
	return !at->bytes ||
	    (empty && !at->empty &&
		money_fee_cap(a, o) >= a->chain->market.next_base_fee);
}

static enum bump bump_anew(struct fees *ret, struct amount *held, struct runner *r,
    struct account *a, struct operation *o, const struct intent *i, bool empty)
{
	return ask_fees(ret, r, a, o, i) &&
		money_held_with(held, a->chain, o, i, ret, empty)
	    ? BUMP_DONE
	    : BUMP_OVER_CAP;
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
	if (at.fee_type != FEE_1559 && at.fee_type != FEE_LEGACY)
		intent_damaged(r->s.journal, i->id, "its attempt is of no type");
	old = (struct fees){ .type = (enum fee_type)at.fee_type,
		.gas = empty ? a->chain->connector->gas_coin : (uint64_t)at.gas,
		.max_fee = (uint64_t)at.max_fee,
		.tip = (uint64_t)at.tip };
	if (operation_fences(o))
		bump = bump_doubled(&fees, &held, a, o, i, &old);
	else
		bump = bump_fees(&fees, &held, a, o, i, &old, empty);
	if (bump == BUMP_OVER_FEES && is_anew(a, o, &at, empty))
		bump = bump_anew(&fees, &held, r, a, o, i, empty);
	if (bump != BUMP_DONE)
		return bump;
	money_hold(r, o, i, &held);
	sign_ask(r, a, i, &fees, empty);
	return BUMP_DONE;
}
