#include <inttypes.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/mem.h"
#include "sim/chain/mempool.h"
#include "sim/node/node_in.h"

#define HISTORY_MAX 1024

static uint64_t tip_told(const struct call *q)
{
	if (q->node->tip || q->chain->options.is_free)
		return q->node->tip;
	return 1000000000;
}

void do_eth_maxPriorityFeePerGas(struct call *q)
{
	sim_shape_u64(q->out, tip_told(q));
}

void do_eth_gasPrice(struct call *q)
{
	sim_shape_u64(q->out, sim_base_fee_next(q->chain, q->tip) + tip_told(q));
}

static int by_tip(const void *a, const void *b)
{
	const struct sim_inclusion *const *i = a, *const *k = b;
	uint64_t x = (*i)->gas_price, y = (*k)->gas_price;

	return (x > y) - (x < y);
}

/* The tip below which that share of the block's gas paid. */
static uint64_t reward(const struct sim_block *b,
    const struct sim_inclusion *const *sorted, uint64_t percent)
{
	uint64_t want = b->gas_used * percent / 100, gas = 0;

	for (uint32_t i = 0; i < b->tx_n; i++) {
		gas += sorted[i]->gas_used;
		if (gas >= want || i + 1 == b->tx_n)
			return sorted[i]->gas_price - b->base_fee;
	}
	return 0;
}

static void put_rewards(
    struct call *q, const struct sim_block *b, const struct value *percents)
{
	const struct sim_inclusion **sorted = mem_array(b->tx_n + 1, sizeof *sorted);
	int64_t percent;
	uint32_t n = 0;

	for (const struct sim_inclusion *i = b->first; i; i = i->next)
		sorted[n++] = i;
	qsort(sorted, n, sizeof *sorted, by_tip);
	buf_add_byte(q->out, '[');
	for (size_t i = 0; i < percents->n; i++) {
		const struct value *v = value_at(percents, i);

		percent = value_is(v, VALUE_NUMBER) ? v->number : 0;
		if (percent < 0 || percent > 100)
			call_refuse(q, CODE_SERVER, "invalid reward percentile");
		if (i)
			buf_add_byte(q->out, ',');
		sim_shape_u64(q->out, q->code ? 0 : reward(b, sorted, (uint64_t)percent));
	}
	buf_add_byte(q->out, ']');
	mem_free(sorted);
}

/* A share of the limit with 6 digits. */
static void put_ratio(struct call *q, const struct sim_block *b)
{
	uint64_t millionths = b->gas_used * 1000000 / b->gas_limit;

	if (millionths >= 1000000)
		buf_add_str(q->out, "1");
	else
		buf_addf(q->out, "0.%06" PRIu64, millionths);
}

static void put_history(struct call *q, struct sim_block *newest, uint64_t n)
{
	const struct value *percents = value_at(q->params, 2);
	uint64_t first = newest->height + 1 - n, at;

	buf_add_str(q->out, "{\"oldestBlock\":");
	sim_shape_u64(q->out, first);
	buf_add_str(q->out, ",\"baseFeePerGas\":[");
	for (at = first; at < first + n; at++) {
		sim_shape_u64(q->out, sim_block_at(q->chain, newest, at)->base_fee);
		buf_add_byte(q->out, ',');
	}
	sim_shape_u64(q->out, sim_base_fee_next(q->chain, newest));
	buf_add_str(q->out, "],\"gasUsedRatio\":[");
	for (at = first; at < first + n; at++) {
		if (at > first)
			buf_add_byte(q->out, ',');
		put_ratio(q, sim_block_at(q->chain, newest, at));
	}
	buf_add_byte(q->out, ']');
	if (value_is(percents, VALUE_ARRAY) && percents->n) {
		buf_add_str(q->out, ",\"reward\":[");
		for (at = first; at < first + n; at++) {
			if (at > first)
				buf_add_byte(q->out, ',');
			put_rewards(q, sim_block_at(q->chain, newest, at), percents);
		}
		buf_add_byte(q->out, ']');
	}
	buf_add_byte(q->out, '}');
}

void do_eth_feeHistory(struct call *q)
{
	const struct value *count = value_at(q->params, 0);
	struct sim_block *newest = param_block(q, 1);
	uint64_t n = 0;

	if (q->code)
		return;
	if (value_is(count, VALUE_NUMBER) && count->number > 0)
		n = (uint64_t)count->number;
	else if (value_is(count, VALUE_TEXT) && !hex_parse_u64(&n, count->text))
		call_refuse(q, CODE_PARAMS, "invalid argument 0: invalid hex string");
	if (!newest || n == 0)
		call_refuse(q, CODE_SERVER, "block not found");
	if (q->code)
		return;
	n = n < HISTORY_MAX ? n : HISTORY_MAX;
	put_history(q, newest, n <= newest->height + 1 ? n : newest->height + 1);
}
