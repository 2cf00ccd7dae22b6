#include "chain/quote.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/mutant.h"

#define GWEI_DECIMALS 9
#define SHOWN_MILLI_GWEI 1000000 /* below it a gwei has all its digits */

/* -- by a quorum ----------------------------------------------------------- */

uint64_t quote_figure(const uint64_t *said, int n, int quorum)
{
	for (int i = 0; i < n; i++) {
		int at_least = 0, above = 0;

		for (int k = 0; k < n; k++) {
			at_least += said[k] >= said[i];
			above += said[k] > said[i];
		}
		if (at_least >= quorum && above < quorum)
			return said[i];
	}
	BUG("no figure of a quorum");
}

/* Those of one kind, and of them those that go on. */
static int gather(struct fee_said *ret, const struct fee_said *said, int n, int quorum,
    bool has_1559, int *ret_behind)
{
	uint64_t time_s[QUOTE_NODES_MAX] = { 0 }, newest;
	int all = 0, kept = 0;

	for (int i = 0; i < n; i++)
		if (said[i].has_1559 == has_1559) {
			time_s[all] = said[i].time_s;
			ret[all++] = said[i];
		}
	if (all < quorum)
		return 0;
	newest = quote_figure(time_s, all, quorum);
	for (int i = 0; i < all; i++)
		if (ret[i].time_s + QUOTE_BEHIND_S >= newest || MUTANT(old_fees_count))
			ret[kept++] = ret[i];
	*ret_behind = all - kept;
	return kept;
}

static uint64_t height_of(const struct fee_said *s, int level)
{
	(void)level;
	return s->height;
}

static uint64_t time_of(const struct fee_said *s, int level)
{
	(void)level;
	return s->time_s;
}

static uint64_t base_of(const struct fee_said *s, int level)
{
	(void)level;
	return s->next_base_fee;
}

static uint64_t tip_of(const struct fee_said *s, int level)
{
	return s->tip[level];
}

typedef uint64_t of_fn(const struct fee_said *s, int level);

static uint64_t agreed(
    const struct fee_said *said, int n, int quorum, of_fn *of, int level)
{
	uint64_t v[QUOTE_NODES_MAX] = { 0 };

	for (int i = 0; i < n; i++)
		v[i] = of(&said[i], level);
	return quote_figure(v, n, MUTANT(fees_of_one_node) ? 1 : quorum);
}

/* Rounded up; all figures are at most FEE_SAID_MAX, and so is their sum far below 64
 * bits. */
static uint64_t buffered(uint64_t price, unsigned percent)
{
	struct amount v = amount_u64(price);
	uint64_t rest, ret = UINT64_MAX;

	CHECK(amount_mul_u64(&v, &v, 100 + percent));
	v = amount_div_u64(&v, 100, &rest);
	return amount_to_u64(&v, &ret) && ret < UINT64_MAX ? ret + (rest > 0)
							   : UINT64_MAX;
}

bool quote_make(struct quote *ret, const struct fee_said *said, int n, int quorum,
    unsigned buffer_percent)
{
	struct fee_said of[QUOTE_NODES_MAX];
	int behind = 0, kept;

	CHECK(n <= QUOTE_NODES_MAX && quorum > 0 && buffer_percent <= QUOTE_BUFFER_MAX);
	kept = gather(of, said, n, quorum, true, &behind);
	if (!kept)
		kept = gather(of, said, n, quorum, false, &behind);
	if (!kept)
		return false;
	*ret = (struct quote){ .has_1559 = of[0].has_1559,
		.height = agreed(of, kept, quorum, height_of, 0),
		.time_s = agreed(of, kept, quorum, time_of, 0),
		.base_fee = agreed(of, kept, quorum, base_of, 0),
		.buffer_percent = buffer_percent,
		.blocks = of[0].blocks,
		.nodes = kept,
		.behind = behind };
	for (int i = 0; i < kept; i++)
		if (of[i].blocks < ret->blocks)
			ret->blocks = of[i].blocks;
	for (int i = 0; i < QUOTES; i++) {
		ret->level[i].tip = agreed(of, kept, quorum, tip_of, i);
		ret->level[i].price = ret->base_fee + ret->level[i].tip;
		ret->level[i].max_fee = buffered(ret->level[i].price, buffer_percent);
	}
	return true;
}

/* -- what it buys ---------------------------------------------------------- */

static const char *const level_names[QUOTES] = { "slow", "normal", "fast" };

static const struct {
	const char *name;
	uint64_t gas;
} buys[BUYS] = {
	[BUY_TRANSFER] = { "transfer", GAS_TRANSFER },
	[BUY_TOKEN] = { "token", GAS_TOKEN },
	[BUY_BRIDGE] = { "bridge", GAS_BRIDGE },
};

const char *quote_level_name(int level)
{
	CHECK(level >= 0 && level < QUOTES);
	return level_names[level];
}

const char *quote_buy_name(int buy)
{
	CHECK(buy >= 0 && buy < BUYS);
	return buys[buy].name;
}

uint64_t quote_gas(int buy)
{
	CHECK(buy >= 0 && buy < BUYS);
	return buys[buy].gas;
}

struct amount quote_cost(uint64_t gas, uint64_t fee)
{
	struct amount v = amount_u64(gas);

	CHECK(amount_mul_u64(&v, &v, fee));
	return v;
}

uint64_t quote_age_s(const struct quote *q, int64_t wall_ms)
{
	uint64_t now_s = wall_ms > 0 ? (uint64_t)wall_ms / 1000 : 0;

	return now_s > q->time_s ? now_s - q->time_s : 0;
}

bool quote_is_stale(const struct quote *q, int64_t wall_ms)
{
	return quote_age_s(q, wall_ms) > QUOTE_STALE_S && !MUTANT(old_fees_not_said);
}

/* -- words ----------------------------------------------------------------- */

/* To a multiple of step, upwards. */
static void round_up(struct amount *v, uint64_t step)
{
	uint64_t rest;
	struct amount n = amount_div_u64(v, step, &rest), one = amount_u64(1);

	if (rest && amount_add(&n, &n, &one) && amount_mul_u64(&n, &n, step))
		*v = n;
}

void quote_gwei(char out[AMOUNT_TEXT_MAX], uint64_t wei)
{
	struct amount v = amount_u64(wei);

	if (wei >= SHOWN_MILLI_GWEI)
		round_up(&v, SHOWN_MILLI_GWEI);
	amount_format(out, &v, GWEI_DECIMALS);
}

void quote_coin(char out[AMOUNT_TEXT_MAX], const struct amount *cost, unsigned decimals)
{
	struct amount v = *cost;
	uint64_t step = 1;

	for (unsigned i = GWEI_DECIMALS; i < decimals && i < 2 * GWEI_DECIMALS; i++)
		step *= 10;
	round_up(&v, step);
	amount_format(out, &v, decimals);
}

void quote_age(char out[32], uint64_t age_s)
{
	if (age_s < 120)
		snprintf(out, 32, "%" PRIu64 " s", age_s);
	else if (age_s < 7200)
		snprintf(out, 32, "%" PRIu64 " min", age_s / 60);
	else
		snprintf(out, 32, "%" PRIu64 " h", age_s / 3600);
}

void quote_text(struct buf *out, const char *chain, const struct quote *q,
    unsigned decimals, int64_t wall_ms)
{
	char age[32], fee[AMOUNT_TEXT_MAX], cost[AMOUNT_TEXT_MAX];

	quote_age(age, quote_age_s(q, wall_ms));
	buf_addf(out, "%s, block %" PRIu64 ", %s old%s\n", chain, q->height, age,
	    quote_is_stale(q, wall_ms) ? ": STALE, these are no fees of today" : "");
	for (int i = 0; i < QUOTES; i++) {
		quote_gwei(fee, q->level[i].max_fee);
		buf_addf(out, "%s: %s gwei", level_names[i], fee);
		for (int k = 0; k < BUYS; k++) {
			struct amount v = quote_cost(buys[k].gas, q->level[i].max_fee);

			quote_coin(cost, &v, decimals);
			buf_addf(out, ", %s %s", buys[k].name, cost);
		}
		buf_add_byte(out, '\n');
	}
	buf_addf(
	    out, "Costs in coin, at most: with a buffer of %u %%.\n", q->buffer_percent);
}
