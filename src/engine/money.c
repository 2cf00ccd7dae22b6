#include "engine/money.h"

#include <string.h>

#include "base/check.h"
#include "base/mutant.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

static struct amount gas_times(uint64_t gas, uint64_t fee)
{
	struct amount a = amount_u64(fee);

	CHECK(amount_mul_u64(&a, &a, gas));
	return a;
}

bool money_cost(struct amount *ret, const struct payload *p, const struct fees *fees)
{
	struct amount gas = gas_times(fees->gas, fees->max_fee);

	return amount_add(ret, &p->value, &gas);
}

bool money_cap_covers(
    const struct operation *o, const struct amount *was, const struct amount *held)
{
	struct amount sum;

	return amount_sub(&sum, &o->fees_held, was) && amount_add(&sum, &sum, held) &&
	    amount_add(&sum, &sum, &o->fees_final) && amount_cmp(&sum, &o->cap) <= 0;
}

struct amount money_room(const struct operation *o, const struct intent *i)
{
	struct amount used, room;

	if (!amount_add(&used, &o->fees_held, &o->fees_final) ||
	    !amount_sub(&room, &o->cap, &used) || !amount_add(&room, &room, &i->held))
		return i->held;
	return room;
}

struct amount money_to_hold(
    const struct chain_run *c, const struct fees *fees, enum hold what)
{
	uint64_t cap = c->config->max_fee_per_gas;
	struct amount own = gas_times(fees->gas, fees->max_fee), over;

	if (what == HOLD_RESERVE)
		return gas_times(fees->gas, c->connector->fees_reserve(fees, cap));
	if (what == HOLD_ITSELF)
		return own;
	/* The tag of a legacy one is in its gas. */
	over = gas_times(fees->type == FEE_LEGACY ? fees->gas : c->connector->gas_coin,
	    c->connector->fees_over(fees, cap));
	return amount_cmp(&over, &own) > 0 ? over : own;
}

uint64_t money_fee_within(const struct chain_run *c, const struct amount *room,
    const struct fees *like, enum hold what)
{
	uint64_t low = 0, high = c->config->max_fee_per_gas;
	struct fees at = *like;

	while (low < high) {
		struct amount need;

		at.max_fee = high - (high - low) / 2;
		need = money_to_hold(c, &at, what);
		if (amount_cmp(&need, room) <= 0)
			low = at.max_fee;
		else
			high = at.max_fee - 1;
	}
	return low;
}

void money_move(const struct runner *r, struct operation *o, const struct amount *was,
    const struct amount *held)
{
	if (!amount_sub(&o->fees_held, &o->fees_held, was) ||
	    !amount_add(&o->fees_held, &o->fees_held, held))
		operation_damaged(
		    r, o, "the fees that it holds are not those of its live intents");
	o->dirty = true;
}

bool money_held_with(struct amount *ret, const struct chain_run *c,
    const struct operation *o, const struct intent *i, const struct fees *fees,
    bool empty)
{
	*ret = money_to_hold(c, fees, operation_fences(o) ? HOLD_ITSELF : HOLD_RESERVE);
	if (amount_cmp(ret, &i->held) < 0 && !MUTANT(cap_by_last_attempt))
		*ret = i->held;
	if (money_cap_covers(o, &i->held, ret))
		return true;
	*ret = money_to_hold(c, fees, empty ? HOLD_ITSELF : HOLD_EMPTY);
	if (amount_cmp(ret, &i->held) < 0)
		*ret = i->held;
	return money_cap_covers(o, &i->held, ret);
}

void money_hold(struct runner *r, struct operation *o, const struct intent *i,
    const struct amount *held)
{
	sql_intent_held(
	    r->s.journal, &(struct sql_intent_held_in){ .id = i->id, .held = *held });
	money_move(r, o, &i->held, held);
}

bool money_covers(struct account *a, const struct payload *p, const struct amount *cost)
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

void money_take(struct account *a, const struct payload *p, const struct amount *cost)
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

bool money_short(const struct account *a, struct amount *ret_lack)
{
	return a->known && a->has_balance &&
	    amount_cmp(&a->balance, &a->lowest_cost) < 0 &&
	    amount_sub(ret_lack, &a->outstanding, &a->balance);
}

static enum fee_type fee_type_of(const struct chain_run *c)
{
	if (c->config->fee_type == CHAIN_FEE_LEGACY)
		return FEE_LEGACY;
	if (c->config->fee_type == CHAIN_FEE_1559)
		return FEE_1559;
	return c->market.has_1559 ? FEE_1559 : FEE_LEGACY;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t money_fee_ceiling(const struct account *a)
{
	return a->fee_cap_max + a->fee_cap_max / 10 + 1;
}

uint64_t money_fee_cap(const struct account *a, const struct operation *o)
{
	return operation_fences(o) ? money_fee_ceiling(a)
				   : a->chain->config->max_fee_per_gas;
}

bool money_fees_doubled(
    struct fees *ret, const struct fees *old, const struct fee_market *m, uint64_t cap)
{
	uint64_t base = least(m->next_base_fee, cap), tip = least(m->tip, cap);

	*ret = *old;
	ret->max_fee = least(most(2 * old->max_fee + !old->max_fee, 2 * base + tip), cap);
	if (old->type == FEE_1559)
		ret->tip = least(most(2 * old->tip + !old->tip, tip), ret->max_fee);
	return ret->max_fee > old->max_fee || ret->tip > old->tip;
}

void money_first_fees(struct fees *ret, struct account *a, struct operation *o,
    int64_t row, uint64_t gas, uint64_t cap)
{
	struct chain_run *c = a->chain;
	uint8_t tag[5];

	operation_tag(o, row, tag);
	c->connector->fees_first(ret, &c->market, gas, fee_type_of(c), cap,
	    c->config->max_priority_fee_per_gas, tag);
}
