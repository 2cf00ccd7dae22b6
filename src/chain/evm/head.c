/* Heads: the poll, and headers by hash or height. */
#include "base/check.h"
#include "chain/evm/evm.h"
#include "codec/json.h"

#define ELASTICITY 2
#define CHANGE_DENOMINATOR 8

__extension__ typedef unsigned __int128 u128;

/* EIP-1559: the base fee of the next block moves with the fill of this one. */
static uint64_t next_base_fee(uint64_t base, uint64_t gas_limit, uint64_t gas_used)
{
	uint64_t target = gas_limit / ELASTICITY;
	u128 step;

	if (target == 0 || gas_used == target)
		return base;
	if (gas_used < target) {
		step = (u128)base * (target - gas_used) / target / CHANGE_DENOMINATOR;
		return base - (uint64_t)step;
	}
	step = (u128)base * (gas_used - target) / target / CHANGE_DENOMINATOR;
	if (step == 0)
		step = 1;
	return step > UINT64_MAX - base ? UINT64_MAX : base + (uint64_t)step;
}

bool evm_head_parse(struct head *ret, const json_t *block)
{
	uint64_t gas_limit, gas_used;

	*ret = (struct head){ .height = 0 };
	if (!json_is_object(block) || !json_hex_u63(block, "number", &ret->height) ||
	    !json_hex_bytes(block, "hash", ret->hash.at, sizeof ret->hash.at) ||
	    !json_hex_bytes(block, "parentHash", ret->parent.at, sizeof ret->parent.at) ||
	    !json_hex_u64(block, "gasLimit", &gas_limit) ||
	    !json_hex_u64(block, "gasUsed", &gas_used) || gas_used > gas_limit)
		return false;
	ret->used = gas_used > 0;
	if (rpc_is_null(json_object_get(block, "baseFeePerGas")))
		return true;
	if (!json_hex_u64(block, "baseFeePerGas", &ret->base_fee))
		return false;
	ret->has_base_fee = true;
	ret->next_base_fee = next_base_fee(ret->base_fee, gas_limit, gas_used);
	return true;
}

void evm_poll(struct buf *body)
{
	struct rpc_batch b;

	rpc_begin_single(&b, body);
	rpc_call(&b, "eth_getBlockByNumber");
	rpc_text(&b, "latest");
	rpc_json(&b, "false");
	rpc_call_end(&b);
	rpc_end(&b);
}

void evm_finalized(struct buf *body)
{
	struct rpc_batch b;

	rpc_begin_single(&b, body);
	rpc_call(&b, "eth_getBlockByNumber");
	rpc_text(&b, "finalized");
	rpc_json(&b, "false");
	rpc_call_end(&b);
	rpc_end(&b);
}

enum err evm_poll_read(struct head *ret, const char *answer, size_t len, struct fail *f)
{
	bool known;
	enum err err = evm_headers_read(ret, &known, 1, answer, len, f);

	if (err == ERR_OK && !known)
		return fail_set(f, ERR_BAD_ANSWER, "the node shows no head");
	return err;
}

void evm_header(struct buf *body, const struct hash *hash)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	rpc_call(&b, "eth_getBlockByHash");
	rpc_bytes(&b, hash->at, sizeof hash->at);
	rpc_json(&b, "false");
	rpc_call_end(&b);
	rpc_end(&b);
}

void evm_headers_at(struct buf *body, const uint64_t *heights, uint32_t n)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	for (uint32_t i = 0; i < n; i++) {
		rpc_call(&b, "eth_getBlockByNumber");
		rpc_u64(&b, heights[i]);
		rpc_json(&b, "false");
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

static enum err header_read(
    struct head *ret, bool *ret_known, const struct rpc_reply *reply, struct fail *f)
{
	*ret_known = false;
	if (!reply->result)
		return outcome_fail(OF_READ, reply->error, f);
	if (json_is_null(reply->result))
		return ERR_OK;
	if (!evm_head_parse(ret, reply->result))
		return fail_set(f, ERR_BAD_ANSWER, "a header is malformed");
	*ret_known = true;
	return ERR_OK;
}

enum err evm_headers_read(struct head *ret, bool *ret_known, uint32_t n,
    const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, n, answer, len, f);

	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		err = header_read(&ret[i], &ret_known[i], &a.replies[i], f);
	rpc_release(&a);
	return err;
}
