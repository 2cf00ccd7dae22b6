/* What leads to a transaction: gas, who has code, and the sending itself. */
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "chain/evm/evm.h"
#include "codec/json.h"

/* -- gas ------------------------------------------------------------------- */

/* A payment as the parameter of a call. */
static void payment_param(
    struct rpc_batch *b, const struct address *from, const struct payload *p)
{
	char from_hex[41], to[41], value[67], data[2 * PAYLOAD_DATA_MAX + 1], json[512];

	CHECK(p->data_len <= PAYLOAD_DATA_MAX);
	hex_format(from_hex, from->at, sizeof from->at);
	hex_format(to, p->to.at, sizeof p->to.at);
	hex_format(data, p->data, p->data_len);
	amount_format_hex(value, &p->value);
	snprintf(json, sizeof json,
	    "{\"from\":\"0x%s\",\"to\":\"0x%s\",\"value\":\"%s\",\"data\":\"0x%s\"}",
	    from_hex, to, value, data);
	rpc_json(b, json);
}

void evm_estimate(
    struct buf *body, const struct address *from, const struct payload *p, uint32_t n)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	for (uint32_t i = 0; i < n; i++) {
		rpc_call(&b, "eth_estimateGas");
		payment_param(&b, from, &p[i]);
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

static void gas_read(uint64_t *ret, struct node_word *word, const struct rpc_reply *reply)
{
	*ret = 0;
	if (!reply->result)
		outcome_read(word, OF_CALL, reply->error);
	else if (!rpc_as_u64(reply->result, ret) || *ret == 0)
		outcome_bad(word, "the estimate is malformed");
	else
		*word = (struct node_word){ .err = ERR_OK, .note = NOTE_NONE };
}

enum err evm_estimate_read(uint64_t *ret_gas, struct node_word *ret_word, uint32_t n,
    const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, n, answer, len, f);

	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		gas_read(&ret_gas[i], &ret_word[i], &a.replies[i]);
	rpc_release(&a);
	return err;
}

/* -- why it reverted --------------------------------------------------------- */

void evm_try(struct buf *body, const struct address *from, const struct payload *p,
    uint64_t height)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	rpc_call(&b, "eth_call");
	payment_param(&b, from, p);
	rpc_u64(&b, height);
	rpc_call_end(&b);
	rpc_end(&b);
}

enum err evm_try_read(
    struct node_word *ret, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, 1, answer, len, f);

	if (err == ERR_OK && a.replies[0].result)
		*ret = (struct node_word){ .err = ERR_OK, .note = NOTE_NONE };
	else if (err == ERR_OK)
		outcome_read(ret, OF_CALL, a.replies[0].error);
	rpc_release(&a);
	return err;
}

/* -- code ------------------------------------------------------------------ */

/* Init code that is never deployed: an eth_call without `to` runs it, and what it
 * "deploys" is the answer. It walks over the addresses appended behind it, p from the
 * end of the code on, and writes one byte for each behind memory word 0, at q. */
static const uint8_t code_probe[] = {
	/*  0 */ 0x60, 0x2c, /* PUSH1 44       p: the end of this code */
	/*  2 */ 0x60, 0x20, /* PUSH1 32       q: behind word 0 */
	/*  4 */ 0x5b,       /* JUMPDEST       loop:                  p q */
	/*  5 */ 0x81,       /* DUP2 */
	/*  6 */ 0x38,       /* CODESIZE */
	/*  7 */ 0x14,       /* EQ             all read? */
	/*  8 */ 0x60, 0x24, /* PUSH1 end */
	/* 10 */ 0x57,       /* JUMPI */
	/* 11 */ 0x60, 0x14, /* PUSH1 20 */
	/* 13 */ 0x82,       /* DUP3 */
	/* 14 */ 0x60, 0x0c, /* PUSH1 12 */
	/* 16 */ 0x39,       /* CODECOPY       word 0 = the address */
	/* 17 */ 0x60, 0x00, /* PUSH1 0 */
	/* 19 */ 0x51,       /* MLOAD */
	/* 20 */ 0x3b,       /* EXTCODESIZE */
	/* 21 */ 0x15,       /* ISZERO */
	/* 22 */ 0x15,       /* ISZERO         size != 0 */
	/* 23 */ 0x81,       /* DUP2 */
	/* 24 */ 0x53,       /* MSTORE8        memory[q] = it */
	/* 25 */ 0x60, 0x01, /* PUSH1 1 */
	/* 27 */ 0x01,       /* ADD            q + 1 */
	/* 28 */ 0x90,       /* SWAP1 */
	/* 29 */ 0x60, 0x14, /* PUSH1 20 */
	/* 31 */ 0x01,       /* ADD            p + 20 */
	/* 32 */ 0x90,       /* SWAP1 */
	/* 33 */ 0x60, 0x04, /* PUSH1 loop */
	/* 35 */ 0x56,       /* JUMP */
	/* 36 */ 0x5b,       /* JUMPDEST       end:                   p q */
	/* 37 */ 0x60, 0x20, /* PUSH1 32 */
	/* 39 */ 0x90,       /* SWAP1 */
	/* 40 */ 0x03,       /* SUB            q - 32 bytes */
	/* 41 */ 0x60, 0x20, /* PUSH1 32       from 32 on */
	/* 43 */ 0xf3,       /* RETURN */
};

_Static_assert(sizeof code_probe + 20 * CHAIN_CODE_MAX <= 49152, "EIP-3860");

void evm_code(struct buf *body, const struct address *who, uint32_t n)
{
	struct rpc_batch b;

	CHECK(n > 0 && n <= CHAIN_CODE_MAX);
	rpc_begin(&b, body);
	rpc_call(&b, "eth_call");
	rpc_json(&b, "{\"data\":\"0x");
	buf_add_hex(body, code_probe, sizeof code_probe);
	for (uint32_t i = 0; i < n; i++)
		buf_add_hex(body, who[i].at, sizeof who[i].at);
	buf_add_str(body, "\"}");
	rpc_text(&b, "latest");
	rpc_call_end(&b);
	rpc_end(&b);
}

static enum err code_parse(
    uint8_t *ret, uint32_t n, const struct rpc_reply *reply, struct fail *f)
{
	if (!reply->result)
		return outcome_fail(OF_CALL, reply->error, f);
	if (!rpc_as_bytes(reply->result, ret, n))
		return fail_set(f, ERR_BAD_ANSWER, "not one byte for each address");
	for (uint32_t i = 0; i < n; i++)
		if (ret[i] > 1)
			return fail_set(f, ERR_BAD_ANSWER, "a byte is neither 0 nor 1");
	return ERR_OK;
}

enum err evm_code_read(
    uint8_t *ret, uint32_t n, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, 1, answer, len, f);

	if (err == ERR_OK)
		err = code_parse(ret, n, &a.replies[0], f);
	rpc_release(&a);
	return err;
}

/* -- sending --------------------------------------------------------------- */

void evm_send(struct buf *body, const struct signed_bytes *const *raw, uint32_t n)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	for (uint32_t i = 0; i < n; i++) {
		CHECK(raw[i]->raw_len <= RAW_MAX);
		rpc_call(&b, "eth_sendRawTransaction");
		rpc_bytes(&b, raw[i]->raw, raw[i]->raw_len);
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

static void send_reply(struct node_word *ret, const struct rpc_reply *reply)
{
	struct hash hash;

	if (!reply->result)
		outcome_read(ret, OF_SEND, reply->error);
	else if (!rpc_as_bytes(reply->result, hash.at, sizeof hash.at))
		outcome_bad(ret, "accepted, but the hash is malformed");
	else
		*ret = (struct node_word){ .err = ERR_OK, .note = NOTE_ACCEPTED };
}

void evm_send_read(struct node_word *ret, uint32_t n, const char *answer, size_t len)
{
	struct fail f = { .err = ERR_OK };
	struct rpc_answer a;
	enum err err = rpc_read(&a, n, answer, len, &f);

	for (uint32_t i = 0; i < n; i++) {
		if (err == ERR_OK)
			send_reply(&ret[i], &a.replies[i]);
		else
			outcome_bad(&ret[i], f.why);
	}
	rpc_release(&a);
}
