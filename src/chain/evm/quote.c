/* What blocks cost, for people: now, and in the blocks before. Nothing is signed by it
 * (that is node.c's market), but it is judged as strictly: an answer that is too short,
 * or of other blocks, says nothing. */
#include "base/mutant.h"
#include "chain/evm/evm.h"
#include "codec/json.h"

#define NOW_BLOCKS 20
#define SPAN_BLOCKS_MAX 1024 /* what nodes give in one answer */
/* A batch is no single moment: blocks come in between its calls. */
#define APART_BLOCKS 16

static bool fee_parse(uint64_t *ret, const json_t *v)
{
	return rpc_as_u64(v, ret) && *ret <= FEE_SAID_MAX;
}

/* -- eth_feeHistory -------------------------------------------------------- */

struct history {
	uint64_t oldest;
	size_t n;             /* blocks */
	const json_t *base;   /* n + 1 of them: the last is of the block to come */
	const json_t *reward; /* n of them, or none at all */
};

/* Lists of different lengths would lay one block's figures upon another. */
static bool history_parse(struct history *ret, const json_t *v, size_t blocks_max)
{
	const json_t *used = json_object_get(v, "gasUsedRatio");

	*ret = (struct history){ .n = json_array_size(used),
		.base = json_object_get(v, "baseFeePerGas"),
		.reward = json_object_get(v, "reward") };
	return json_is_array(used) && ret->n <= blocks_max &&
	    json_hex_u63(v, "oldestBlock", &ret->oldest) &&
	    json_array_size(ret->base) == ret->n + 1;
}

/* One block's rewards, which never fall from one share of its gas to the next. */
static bool rewards_parse(uint64_t ret[QUOTES], const json_t *block)
{
	if (json_array_size(block) != QUOTES)
		return false;
	for (size_t i = 0; i < QUOTES; i++)
		if (!fee_parse(&ret[i], json_array_get(block, i)) ||
		    (i && ret[i] < ret[i - 1] && !MUTANT(rewards_fall)))
			return false;
	return true;
}

static void sorted_put(uint64_t *sorted, size_t n, uint64_t v)
{
	for (; n > 0 && sorted[n - 1] > v; n--)
		sorted[n] = sorted[n - 1];
	sorted[n] = v;
}

/* Of each share the middle one of all blocks in which anybody paid a tip: an empty one
 * tells nothing of what is needed. */
static bool tips_parse(struct fee_said *ret, const struct history *h)
{
	uint64_t sorted[QUOTES][NOW_BLOCKS] = { 0 }, block[QUOTES];
	size_t n = 0;

	if (h->n == 0 || (json_array_size(h->reward) != h->n && !MUTANT(rewards_short)))
		return false;
	for (size_t i = 0; i < h->n && i < json_array_size(h->reward); i++) {
		if (!rewards_parse(block, json_array_get(h->reward, i)))
			return false;
		if (block[QUOTE_FAST] == 0 && !MUTANT(empty_blocks_count))
			continue;
		for (int k = 0; k < QUOTES; k++)
			sorted_put(sorted[k], n, block[k]);
		n++;
	}
	for (int k = 0; k < QUOTES; k++)
		ret->tip[k] = sorted[k][n / 2];
	ret->blocks = (uint32_t)h->n;
	return true;
}

static bool near(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= APART_BLOCKS;
}

static bool now_parse(struct fee_said *ret, const json_t *v)
{
	struct history h;

	return history_parse(&h, v, NOW_BLOCKS) && tips_parse(ret, &h) &&
	    near(h.oldest + h.n - 1, ret->height) &&
	    fee_parse(&ret->next_base_fee, json_array_get(h.base, h.n));
}

/* -- now ------------------------------------------------------------------- */

enum { NOW_BLOCK, NOW_WORD, NOW_HISTORY, NOW_CALLS };

void evm_quote(struct buf *body, const struct head *head)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	rpc_call(&b, "eth_getBlockByNumber");
	rpc_text(&b, "latest");
	rpc_json(&b, "false");
	rpc_call_end(&b);
	rpc_call(&b, head->has_base_fee ? "eth_maxPriorityFeePerGas" : "eth_gasPrice");
	rpc_call_end(&b);
	if (head->has_base_fee) {
		rpc_call(&b, "eth_feeHistory");
		rpc_u64(&b, NOW_BLOCKS);
		rpc_text(&b, "latest");
		rpc_json(&b, "[10,50,90]");
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

static enum err block_parse(struct fee_said *ret, const struct head *head,
    const struct rpc_reply *reply, struct fail *f)
{
	struct head at;

	if (!reply->result)
		return outcome_fail(OF_READ, reply->error, f);
	if (!evm_head_parse(&at, reply->result) || at.next_base_fee > FEE_SAID_MAX ||
	    !json_hex_u63(reply->result, "timestamp", &ret->time_s))
		return fail_set(f, ERR_BAD_ANSWER, "the newest block is malformed");
	if (at.has_base_fee != head->has_base_fee)
		return fail_set(
		    f, ERR_BAD_ANSWER, "the newest block has another kind of fees");
	ret->height = at.height;
	ret->has_1559 = at.has_base_fee;
	ret->next_base_fee = at.next_base_fee;
	return ERR_OK;
}

/* What blocks paid, but for a normal one no less than the node's own word: the blocks
 * may have been empty. Where it keeps no history, its word stands for all. */
static enum err tips_read(struct fee_said *ret, uint64_t word, bool has_word,
    const struct rpc_reply *history, struct fail *f)
{
	struct node_word refused;

	outcome_read(&refused, OF_READ, history->error);
	if (!history->result && refused.note != NOTE_NO_METHOD)
		return outcome_fail(OF_READ, history->error, f);
	if (!history->result && !has_word)
		return fail_set(
		    f, ERR_BAD_ANSWER, "neither a fee history nor a word of its own");
	if (history->result && !now_parse(ret, history->result))
		return fail_set(f, ERR_BAD_ANSWER, "the fee history is malformed");
	if (!history->result)
		ret->tip[QUOTE_SLOW] = word;
	for (int i = QUOTE_NORMAL; i < QUOTES && has_word; i++)
		if (ret->tip[i] < word)
			ret->tip[i] = word;
	return ERR_OK;
}

static enum err now_read(struct fee_said *ret, const struct head *head,
    const struct rpc_reply *replies, struct fail *f)
{
	uint64_t word = 0;
	bool has_word = fee_parse(&word, replies[NOW_WORD].result);
	enum err e = block_parse(ret, head, &replies[NOW_BLOCK], f);

	if (e != ERR_OK)
		return e;
	if (ret->has_1559)
		return tips_read(ret, word, has_word, &replies[NOW_HISTORY], f);
	if (!replies[NOW_WORD].result)
		return outcome_fail(OF_READ, replies[NOW_WORD].error, f);
	if (!has_word)
		return fail_set(f, ERR_BAD_ANSWER, "the gas price is malformed");
	for (int i = 0; i < QUOTES; i++)
		ret->tip[i] = word;
	return ERR_OK;
}

enum err evm_quote_read(struct fee_said *ret, const struct head *head, const char *answer,
    size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err =
	    rpc_read(&a, head->has_base_fee ? NOW_CALLS : NOW_CALLS - 1, answer, len, f);

	*ret = (struct fee_said){ .height = 0 };
	if (err == ERR_OK)
		err = now_read(ret, head, a.replies, f);
	rpc_release(&a);
	return err;
}

/* -- before ---------------------------------------------------------------- */

void evm_spans(struct buf *body, const uint64_t *newest, uint32_t n, uint32_t blocks)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	for (uint32_t i = 0; i < n; i++) {
		rpc_call(&b, "eth_feeHistory");
		rpc_u64(&b, blocks < SPAN_BLOCKS_MAX ? blocks : SPAN_BLOCKS_MAX);
		rpc_u64(&b, newest[i]);
		rpc_json(&b, "[]");
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

/* The base fee of the block behind the newest is not of the span, and Anvil gives that
 * of the block to come. */
static bool span_parse(struct fee_span *ret, const json_t *v)
{
	struct amount sum = AMOUNT_ZERO, one;
	struct history h;
	uint64_t fee, rest;

	if (!history_parse(&h, v, SPAN_BLOCKS_MAX))
		return false;
	ret->low = FEE_SAID_MAX;
	for (size_t i = 0; i < h.n; i++) {
		if (!fee_parse(&fee, json_array_get(h.base, i)))
			return false;
		ret->low = fee < ret->low ? fee : ret->low;
		ret->high = fee > ret->high ? fee : ret->high;
		one = amount_u64(fee);
		if (!amount_add(&sum, &sum, &one))
			return false;
	}
	ret->known = h.n > 0;
	if (!ret->known)
		return true;
	sum = amount_div_u64(&sum, h.n, &rest);
	return amount_to_u64(&sum, &ret->mean);
}

/* A node that has forgotten so old a block says so in many ways: then it is not known. */
enum err evm_spans_read(
    struct fee_span *ret, uint32_t n, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, n, answer, len, f);

	for (uint32_t i = 0; i < n && err == ERR_OK; i++) {
		ret[i] = (struct fee_span){ .known = false };
		if (!a.replies[i].result && !a.replies[i].error)
			err = outcome_fail(OF_READ, NULL, f);
		else if (a.replies[i].result && !span_parse(&ret[i], a.replies[i].result))
			err = fail_set(f, ERR_BAD_ANSWER, "the fee history is malformed");
	}
	rpc_release(&a);
	return err;
}

void evm_times(struct buf *body, const uint64_t *heights, uint32_t n)
{
	evm_headers_at(body, heights, n);
}

static enum err time_read(
    uint64_t *ret_s, bool *ret_known, const struct rpc_reply *reply, struct fail *f)
{
	*ret_known = false;
	if (!reply->result)
		return outcome_fail(OF_READ, reply->error, f);
	if (json_is_null(reply->result))
		return ERR_OK;
	if (!json_hex_u63(reply->result, "timestamp", ret_s))
		return fail_set(f, ERR_BAD_ANSWER, "a header is malformed");
	*ret_known = true;
	return ERR_OK;
}

enum err evm_times_read(uint64_t *ret_s, bool *ret_known, uint32_t n, const char *answer,
    size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, n, answer, len, f);

	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		err = time_read(&ret_s[i], &ret_known[i], &a.replies[i], f);
	rpc_release(&a);
	return err;
}
