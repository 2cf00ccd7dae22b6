/* Fees of first attempts and of replacements, and the tag in their low bits.
 *
 * A replacement has to pass the pools of all clients: geth and Erigon want 10 % more in
 * both fields (geth: strictly more), Nethermind 10 % more in both, and Besu 10 % more of
 * the price that would really be paid at today's base fee. */
#include "base/check.h"
#include "chain/evm/evm.h"

#define TAG_MAX_FEE_BITS 24
#define TAG_TIP_BITS 16
#define TAG_PRICE_BITS 16
#define TAG_GAS_BITS 12

_Static_assert(1u << TAG_MAX_FEE_BITS == TAG_FEE_MAX, "what a tag adds to a fee");
_Static_assert(1u << TAG_GAS_BITS == TAG_GAS_MAX, "what a tag adds to gas");

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A tenth, rounded up. */
static uint64_t tenth(uint64_t v)
{
	return v / 10 + (v % 10 != 0);
}

/* More than 1.1 times v, by every way of rounding. */
static uint64_t raised(uint64_t v)
{
	return add_capped(add_capped(v, tenth(v)), 1);
}

/* A sum that ran into the end of the range fits no cap. */
static bool fits(uint64_t v, uint64_t cap)
{
	return v <= cap && v < UINT64_MAX;
}

/* -- the tag --------------------------------------------------------------- */

struct low_bits {
	uint64_t bits;
	unsigned n;
};

static struct low_bits tag_max_fee(const uint8_t tag[5])
{
	return (struct low_bits){ (uint64_t)tag[0] << 16 | (uint64_t)tag[1] << 8 | tag[2],
		TAG_MAX_FEE_BITS };
}

static struct low_bits tag_tip(const uint8_t tag[5])
{
	return (struct low_bits){ (uint64_t)tag[3] << 8 | tag[4], TAG_TIP_BITS };
}

static struct low_bits tag_price(const uint8_t tag[5])
{
	return (struct low_bits){ (uint64_t)tag[0] << 8 | tag[1], TAG_PRICE_BITS };
}

static struct low_bits tag_gas(const uint8_t tag[5])
{
	return (struct low_bits){ (uint64_t)tag[2] << 4 | tag[3] >> 4, TAG_GAS_BITS };
}

static bool carries(uint64_t v, struct low_bits t)
{
	return (v & ((1ULL << t.n) - 1)) == t.bits;
}

/* The least value with these low bits in [v, cap], else the greatest in [floor, v];
 * false: there is none. */
static bool tag_put(
    uint64_t *ret, uint64_t v, uint64_t floor, uint64_t cap, struct low_bits t)
{
	uint64_t step = 1ULL << t.n;
	uint64_t below = (v & ~(step - 1)) | t.bits; /* in the step of v */

	if (below < v && below <= UINT64_MAX - step)
		below += step;
	if (below >= v && below <= cap) {
		*ret = below;
		return true;
	}
	if (below > cap) {
		if (below < step || below - step > cap)
			return false;
		below -= step;
	}
	*ret = below;
	return below >= floor;
}

/* Nodes without fees (a private chain) get none: there is no balance to pay a tag. */
static bool is_free(const struct fee_market *m)
{
	return m->next_base_fee == 0 && m->tip == 0;
}

/* -- first attempts -------------------------------------------------------- */

/* Where the chain knows no base fee, the tip of the market is its gas price. */
static void wanted(struct fees *ret, const struct fee_market *m, enum fee_type type,
    uint64_t max_fee_cap, uint64_t tip_cap)
{
	uint64_t tip = m->has_1559 ? least(m->tip, tip_cap) : m->tip;
	uint64_t base2 = add_capped(m->next_base_fee, m->next_base_fee);

	ret->max_fee = least(add_capped(base2, tip), max_fee_cap);
	ret->tip = type == FEE_1559 ? least(least(tip, tip_cap), ret->max_fee) : 0;
}

void evm_fees_first(struct fees *ret, const struct fee_market *m, uint64_t gas,
    enum fee_type type, uint64_t max_fee_cap, uint64_t tip_cap, const uint8_t tag[5])
{
	*ret = (struct fees){ .type = type, .gas = gas };
	wanted(ret, m, type, max_fee_cap, tip_cap);
	if (is_free(m))
		return;
	if (type == FEE_LEGACY) {
		uint64_t price = ret->max_fee;

		if (tag_put(&price, price, 0, max_fee_cap, tag_price(tag)))
			ret->max_fee = price;
		if (tag_put(&gas, gas, gas, UINT64_MAX, tag_gas(tag)))
			ret->gas = gas;
		return;
	}
	uint64_t max_fee = ret->max_fee, tip = ret->tip;

	if (tag_put(&max_fee, max_fee, 0, max_fee_cap, tag_max_fee(tag)))
		ret->max_fee = max_fee;
	ret->tip = least(ret->tip, ret->max_fee);
	if (tag_put(&tip, ret->tip, 0, least(tip_cap, ret->max_fee), tag_tip(tag)))
		ret->tip = tip;
}

/* -- replacements ---------------------------------------------------------- */

/* What Besu asks of the tip: the price paid at this base fee grows by a tenth. The plain
 * form holds at every lower base fee as well; the exact one serves where the caps forbid
 * that and the old attempt is held down by its own max fee. */
static uint64_t tip_besu(const struct fees *old, uint64_t base)
{
	return add_capped(add_capped(old->tip, tenth(add_capped(base, old->tip))), 1);
}

static uint64_t tip_besu_exact(const struct fees *old, uint64_t base)
{
	uint64_t price = raised(least(old->max_fee, add_capped(base, old->tip)));

	return price > base ? price - base : 0;
}

static bool put_both(struct fees *ret, uint64_t need_tip, uint64_t need_max,
    uint64_t max_fee_cap, uint64_t tip_cap, const uint8_t tag[5])
{
	uint64_t max_fee = most(most(ret->max_fee, need_max), need_tip);
	uint64_t tip = most(ret->tip, need_tip);

	need_max = most(need_max, need_tip);
	if (!fits(need_max, max_fee_cap) || !fits(need_tip, tip_cap))
		return false;
	if (!tag_put(&max_fee, least(max_fee, max_fee_cap), need_max, max_fee_cap,
		tag_max_fee(tag)))
		return false;
	tip_cap = least(tip_cap, max_fee);
	if (!tag_put(&tip, least(tip, tip_cap), need_tip, tip_cap, tag_tip(tag)))
		return false;
	ret->max_fee = max_fee;
	ret->tip = tip;
	return true;
}

static bool bump_1559(struct fees *ret, const struct fees *old, uint64_t base,
    uint64_t max_fee_cap, uint64_t tip_cap, const uint8_t tag[5])
{
	uint64_t tip = raised(old->tip), need_max = raised(old->max_fee);

	return put_both(ret, most(tip, tip_besu(old, base)), need_max, max_fee_cap,
		   tip_cap, tag) ||
	    put_both(ret, most(tip, tip_besu_exact(old, base)), need_max, max_fee_cap,
		tip_cap, tag);
}

static bool bump_legacy(
    struct fees *ret, const struct fees *old, uint64_t max_fee_cap, const uint8_t tag[5])
{
	uint64_t need = raised(old->max_fee);
	uint64_t price = least(most(ret->max_fee, need), max_fee_cap);

	ret->tip = 0;
	return fits(need, max_fee_cap) &&
	    tag_put(&ret->max_fee, price, need, max_fee_cap, tag_price(tag)) &&
	    tag_put(&ret->gas, old->gas, old->gas, UINT64_MAX, tag_gas(tag));
}

/* No tag where fees are nothing, unless the old attempt carries it already. */
static bool bump_untagged(
    struct fees *ret, const struct fees *old, uint64_t max_fee_cap, uint64_t tip_cap)
{
	ret->max_fee = raised(old->max_fee);
	ret->tip = old->type == FEE_1559 ? raised(old->tip) : 0;
	ret->max_fee = most(ret->max_fee, ret->tip);
	return fits(ret->max_fee, max_fee_cap) && fits(ret->tip, tip_cap);
}

bool evm_fees_bump(struct fees *ret, const struct fees *old, const struct fee_market *m,
    uint64_t max_fee_cap, uint64_t tip_cap, const uint8_t tag[5])
{
	struct low_bits mark = old->type == FEE_1559 ? tag_max_fee(tag) : tag_price(tag);
	struct fees new = { .type = old->type, .gas = old->gas };
	bool ok;

	CHECK(old->type == FEE_1559 || old->type == FEE_LEGACY);
	wanted(&new, m, old->type, max_fee_cap, tip_cap);
	if (is_free(m) && !carries(old->max_fee, mark))
		ok = bump_untagged(&new, old, max_fee_cap, tip_cap);
	else if (old->type == FEE_1559)
		ok = bump_1559(&new, old, m->next_base_fee, max_fee_cap, tip_cap, tag);
	else
		ok = bump_legacy(&new, old, max_fee_cap, tag);
	if (ok)
		*ret = new;
	return ok;
}

bool evm_fees_tagged(const struct fees *fees, const uint8_t tag[5])
{
	if (fees->type == FEE_LEGACY)
		return carries(fees->max_fee, tag_price(tag)) &&
		    carries(fees->gas, tag_gas(tag));
	return carries(fees->max_fee, tag_max_fee(tag)) &&
	    carries(fees->tip, tag_tip(tag));
}

/* Each replacement by the rule, and rounded to the tag. */
static uint64_t replaced(const struct fees *now, int times, uint64_t max_fee_cap)
{
	uint64_t step =
	    1ULL << (now->type == FEE_1559 ? TAG_MAX_FEE_BITS : TAG_PRICE_BITS);
	uint64_t fee = now->max_fee;

	for (int i = 0; i < times; i++)
		fee = add_capped(raised(fee), step);
	return most(least(fee, max_fee_cap), now->max_fee);
}

uint64_t evm_fees_over(const struct fees *now, uint64_t max_fee_cap)
{
	return replaced(now, 1, max_fee_cap);
}

uint64_t evm_fees_reserve(const struct fees *now, uint64_t max_fee_cap)
{
	return replaced(now, 2, max_fee_cap);
}
