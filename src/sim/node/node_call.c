#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "codec/abi.h"
#include "sim/chain/execute.h"
#include "sim/node/node_in.h"

enum sim_code call_code_at(const struct call *q, const struct address *at)
{
	const struct sim_account *a = sim_account_find(q->chain, at);

	return a ? a->code : SIM_CODE_NONE;
}

/* The first parameter of eth_call and eth_estimateGas. */
struct message {
	struct address from, to;
	bool creates;
	struct amount value;
	uint8_t *data;
	size_t len;
};

static void message_release(struct message *m)
{
	mem_free(m->data);
	m->data = NULL;
}

static bool message_address(
    struct call *q, const struct value *o, const char *name, struct address *ret)
{
	const char *text = value_text(value_of(o, name));

	if (text && !hex_parse_0x(ret->at, sizeof ret->at, text))
		call_refuse(
		    q, CODE_PARAMS, "invalid argument 0: hex string has wrong length");
	return text != NULL;
}

static bool message_parse(struct call *q, struct message *m)
{
	const struct value *o = value_at(q->params, 0);
	const char *value = value_text(value_of(o, "value"));
	const char *data = value_text(value_of(o, "data"));
	const char *input = value_text(value_of(o, "input"));

	*m = (struct message){ .creates = false };
	if (!value_is(o, VALUE_OBJECT))
		call_refuse(q, CODE_PARAMS, "missing value for required argument 0");
	message_address(q, o, "from", &m->from);
	m->creates = !message_address(q, o, "to", &m->to);
	if (value && !amount_parse_hex(&m->value, value))
		call_refuse(q, CODE_PARAMS, "invalid argument 0: invalid hex string");
	if (!q->code)
		m->data = param_hex(q, input ? input : data ? data : "0x", &m->len);
	return !q->code;
}

static void put_word(struct call *q, const struct amount *a)
{
	uint8_t word[32];

	amount_encode(word, a);
	sim_shape_bytes(q->out, word, sizeof word);
}

#define STRING_MAX 4096
#define STRING_BYTES (64 + STRING_MAX)

/* A dynamic string: offset, length, text padded to words. Returns how long that is. */
static size_t string_encode(uint8_t out[STRING_BYTES], const char *text)
{
	size_t len = strlen(text);

	len = len < STRING_MAX ? len : STRING_MAX;
	memset(out, 0, STRING_BYTES);
	out[31] = 32;
	out[62] = (uint8_t)(len >> 8);
	out[63] = (uint8_t)len;
	memcpy(out + 64, text, len);
	return 64 + (len + 31) / 32 * 32;
}

/* Error(string), as Solidity's revert does. */
static void refuse_revert(struct call *q, const char *reason)
{
	static const uint8_t selector[] = { 0x08, 0xc3, 0x79, 0xa0 };
	uint8_t text[STRING_BYTES];
	size_t len;

	call_refuse(q, CODE_REVERT, "execution reverted%s%s", reason ? ": " : "",
	    reason ? reason : "");
	if (!reason) {
		buf_add_str(&q->data, "\"0x\"");
		return;
	}
	len = string_encode(text, reason);
	buf_add_str(&q->data, "\"0x");
	buf_add_hex(&q->data, selector, sizeof selector);
	buf_add_hex(&q->data, text, len);
	buf_add_byte(&q->data, '"');
}

static void call_transfer(struct call *q, const struct sim_block *b,
    const struct sim_token *t, struct message *m)
{
	struct amount yes = amount_u64(t->kind != SIM_TOKEN_FALSE);
	struct sim_outcome o;

	sim_try(q->chain, b, &o, &m->from, &m->to, &m->value, m->data, m->len);
	if (o.status == TX_REVERTED)
		refuse_revert(q, o.reason);
	else if (t->kind == SIM_TOKEN_NO_RETURN)
		buf_add_str(q->out, "\"0x\"");
	else
		put_word(q, &yes);
}

static void call_decimals(struct call *q, const struct sim_token *t)
{
	bool wrong = q->node->wrong_decimals > 0;
	struct amount decimals = amount_u64((uint64_t)t->decimals - wrong);

	q->node->wrong_decimals -= wrong;
	put_word(q, &decimals);
}

static void call_symbol(struct call *q, const struct sim_token *t)
{
	uint8_t text[STRING_BYTES];
	size_t len = string_encode(text, t->symbol);

	sim_shape_bytes(q->out, text, len);
}

static void call_token(struct call *q, const struct sim_block *b,
    const struct sim_token *t, struct message *m)
{
	uint8_t holder_call[36];
	struct address holder = { { 0 } };
	struct amount balance;

	if (m->len == sizeof holder_call)
		memcpy(holder.at, m->data + 16, sizeof holder.at);
	abi_balance_of_encode(holder_call, holder.at);
	if (m->len == sizeof holder_call && memcmp(m->data, holder_call, m->len) == 0) {
		balance = sim_balance(q->chain, b, t, &holder);
		put_word(q, &balance);
	} else if (m->len == 4 && memcmp(m->data, abi_decimals_call, 4) == 0) {
		call_decimals(q, t);
	} else if (m->len == 4 && memcmp(m->data, abi_symbol_call, 4) == 0) {
		call_symbol(q, t);
	} else {
		call_transfer(q, b, t, m);
	}
}

/* Init code that begins by pushing its own length, with addresses of 20 bytes behind it:
 * the answer has a byte for each, whether it has code. That is all init code that is
 * understood here. */
static void call_init_code(struct call *q, const struct message *m)
{
	struct address at;

	if (m->len < 2 || m->data[0] != 0x60 || m->data[1] > m->len ||
	    (m->len - m->data[1]) % sizeof at.at) {
		call_refuse(q, CODE_SERVER, "invalid opcode: INVALID");
		return;
	}
	buf_add_str(q->out, "\"0x");
	for (size_t i = m->data[1]; i < m->len; i += sizeof at.at) {
		memcpy(at.at, m->data + i, sizeof at.at);
		buf_add_str(q->out,
		    q->node->hides_code || call_code_at(q, &at) == SIM_CODE_NONE ? "00"
										 : "01");
	}
	buf_add_byte(q->out, '"');
}

void do_eth_call(struct call *q)
{
	struct sim_block *b = param_state(q, 1);
	const struct sim_token *t;
	struct message m;

	if (!b || !message_parse(q, &m))
		return;
	t = m.creates ? NULL : sim_token_find(q->chain, &m.to);
	if (m.creates)
		call_init_code(q, &m);
	else if (t)
		call_token(q, b, t, &m);
	else if (call_code_at(q, &m.to) == SIM_CODE_REVERTS)
		refuse_revert(q, "no coin here");
	else
		buf_add_str(q->out, "\"0x\"");
	message_release(&m);
}

void do_eth_estimateGas(struct call *q)
{
	struct sim_block *b = param_state(q, 1);
	struct sim_outcome o;
	struct amount has;
	struct message m;

	if (!b || !message_parse(q, &m))
		return;
	has = sim_balance(q->chain, b, NULL, &m.from);
	sim_try(
	    q->chain, b, &o, &m.from, m.creates ? NULL : &m.to, &m.value, m.data, m.len);
	if (amount_cmp(&has, &m.value) < 0)
		call_refuse(q, CODE_SERVER, "insufficient funds for transfer");
	else if (q->node->estimates_revert)
		refuse_revert(q, "says this node");
	else if (q->node->estimate)
		sim_shape_u64(q->out, q->node->estimate);
	else if (o.status == TX_REVERTED)
		refuse_revert(q, o.reason);
	else
		sim_shape_u64(q->out, o.gas);
	message_release(&m);
}
