#include "sim/node.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "codec/abi.h"
#include "sim/execute.h"
#include "sim/mempool.h"
#include "sim/shape.h"

#define CODE_PARSE (-32700)
#define CODE_REQUEST (-32600)
#define CODE_NO_METHOD (-32601)
#define CODE_PARAMS (-32602)
#define CODE_SERVER (-32000)
#define CODE_REVERT 3
#define BATCH_MAX 1000
#define HISTORY_MAX 1024
#define DATA_BYTES_MAX 131072

struct call {
	struct sim_node *node;
	struct sim_chain *chain;
	struct sim_block *tip;
	const json_t *params;
	struct buf *out;
	int code; /* of the error; 0: none */
	char message[240];
	struct buf data; /* of the error */
};

static void PRINTF(3, 4) refuse(struct call *q, int code, const char *fmt, ...)
{
	va_list args;

	q->code = code;
	va_start(args, fmt);
	vsnprintf(q->message, sizeof q->message, fmt, args);
	va_end(args);
}

struct sim_node *sim_node_new(struct sim_chain *c)
{
	struct sim_node *n = sim_chain_take(c, sizeof *n);

	n->chain = c;
	return n;
}

struct sim_block *sim_node_head(const struct sim_node *n)
{
	struct sim_block *head = n->fork ? n->fork : n->chain->head;
	uint64_t lag = n->lag < head->height ? n->lag : head->height;

	return sim_block_at(n->chain, head, head->height - lag);
}

static struct sim_slant slant_of(const struct sim_node *n)
{
	return (struct sim_slant){ .other_genesis = n->other_genesis,
		.flipped = n->receipts == SIM_RECEIPTS_FLIPPED };
}

/* -- parameters ------------------------------------------------------------ */

static const char *param_text(struct call *q, size_t at)
{
	const char *text = json_string_value(json_array_get(q->params, at));

	if (!text)
		refuse(q, CODE_PARAMS, "missing value for required argument %zu", at);
	return text ? text : "";
}

static bool param_bytes(struct call *q, size_t at, void *out, size_t len)
{
	const char *text = param_text(q, at);

	if (!q->code && !hex_parse_0x(out, len, text))
		refuse(q, CODE_PARAMS,
		    "invalid argument %zu: hex string has wrong length", at);
	return !q->code;
}

/* Hex of any length up to the bound; the caller frees it. */
static uint8_t *bytes_of(struct call *q, const char *text, size_t *ret_len)
{
	size_t digits = strlen(text) > 2 ? strlen(text) - 2 : 0;
	uint8_t *bytes;

	*ret_len = digits / 2;
	if (digits % 2 || digits / 2 > DATA_BYTES_MAX) {
		refuse(q, CODE_PARAMS, "invalid argument 0: hex string of odd length");
		return NULL;
	}
	bytes = mem_new(digits / 2 + 1);
	if (hex_parse_0x(bytes, digits / 2, text))
		return bytes;
	refuse(q, CODE_PARAMS, "invalid argument 0: invalid hex string");
	free(bytes);
	return NULL;
}

/* What the node calls final; NULL: it knows none. */
static struct sim_block *finalized(const struct call *q)
{
	struct sim_finality f =
	    q->node->own_finality ? q->node->finality : q->chain->options.finality;
	uint64_t head = q->tip->height;

	switch (f.rule) {
	case SIM_FINAL_DEPTH:
		return sim_block_at(q->chain, q->tip, head > f.n ? head - f.n : 0);
	case SIM_FINAL_STUCK:
		return sim_block_at(q->chain, q->tip, head < f.n ? head : f.n);
	case SIM_FINAL_LATEST:
		return q->tip;
	case SIM_FINAL_NULL:
		return NULL;
	}
	return NULL;
}

static struct sim_block *block_by_hash(struct call *q, const char *text)
{
	struct sim_block *b;
	struct hash hash, told;

	if (!hex_parse_0x(hash.at, sizeof hash.at, text)) {
		refuse(q, CODE_PARAMS, "invalid argument: hex string has wrong length");
		return NULL;
	}
	b = sim_block_at(q->chain, q->tip, 0);
	told = sim_told_hash(b, slant_of(q->node));
	if (memcmp(&hash, &told, sizeof hash) == 0)
		return b;
	if (q->node->other_genesis && memcmp(&hash, &b->hash, sizeof hash) == 0)
		return NULL;
	b = sim_block_find(q->chain, &hash);
	if (!b || (!sim_on_path(q->chain, q->tip, b) && !q->node->keeps_orphans))
		return NULL;
	return b->height <= q->tip->height ? b : NULL;
}

static struct sim_block *block_by_tag(struct call *q, const char *text)
{
	uint64_t height;

	if (strcmp(text, "latest") == 0 || strcmp(text, "pending") == 0)
		return q->tip;
	if (strcmp(text, "earliest") == 0)
		return sim_block_at(q->chain, q->tip, 0);
	if (strcmp(text, "finalized") == 0 || strcmp(text, "safe") == 0)
		return finalized(q);
	if (hex_parse_u64(&height, text))
		return sim_block_at(q->chain, q->tip, height);
	refuse(q, CODE_PARAMS, "invalid argument: hex string without 0x prefix");
	return NULL;
}

/* A tag, a height, a hash, or an object with one of the latter. */
static struct sim_block *param_block(struct call *q, size_t at)
{
	const json_t *v = json_array_get(q->params, at);
	const char *text = json_string_value(v);
	const char *hash = json_string_value(json_object_get(v, "blockHash"));
	const char *number = json_string_value(json_object_get(v, "blockNumber"));

	if (!v || json_is_null(v))
		return q->tip;
	if (text && strlen(text) == 66)
		hash = text;
	if (hash && q->node->no_hash_param) {
		refuse(q, CODE_PARAMS,
		    "invalid argument %zu: json: cannot unmarshal object into Go value "
		    "of type string",
		    at);
		return NULL;
	}
	if (hash)
		return block_by_hash(q, hash);
	if (!text && !number) {
		refuse(q, CODE_PARAMS, "invalid argument %zu: no block", at);
		return NULL;
	}
	return block_by_tag(q, text ? text : number);
}

/* The block whose state is asked for; NULL: refused. */
static struct sim_block *param_state(struct call *q, size_t at)
{
	struct sim_block *b = param_block(q, at);
	char hash[65];

	if (q->code)
		return NULL;
	if (!b) {
		refuse(q, CODE_SERVER, "header not found");
		return NULL;
	}
	if (q->node->state_depth && q->tip->height - b->height > q->node->state_depth) {
		hex_format(hash, b->hash.at, sizeof b->hash.at);
		refuse(q, CODE_SERVER,
		    "missing trie node %s (path ) state 0x%s is not available", hash,
		    hash);
		return NULL;
	}
	return b;
}

/* -- what it is ------------------------------------------------------------ */

static void do_web3_clientVersion(struct call *q)
{
	buf_add_str(q->out, "\"Simulated/v1.0.0/linux-amd64/c\"");
}

static uint64_t chain_id_told(const struct call *q)
{
	return q->node->chain_id ? q->node->chain_id : q->chain->options.chain_id;
}

static void do_net_version(struct call *q)
{
	buf_addf(q->out, "\"%" PRIu64 "\"", chain_id_told(q));
}

static void do_eth_chainId(struct call *q)
{
	sim_shape_u64(q->out, chain_id_told(q));
}

static void do_eth_blockNumber(struct call *q)
{
	sim_shape_u64(q->out, q->tip->height);
}

/* -- blocks, transactions, receipts ---------------------------------------- */

static void put_block(struct call *q, const struct sim_block *b)
{
	if (q->code)
		return;
	if (b)
		sim_shape_block(q->out, b, json_is_true(json_array_get(q->params, 1)),
		    slant_of(q->node));
	else
		buf_add_str(q->out, "null");
}

static void do_eth_getBlockByNumber(struct call *q)
{
	const char *text = param_text(q, 0);

	if (!q->code)
		put_block(q, block_by_tag(q, text));
}

static void do_eth_getBlockByHash(struct call *q)
{
	const char *text = param_text(q, 0);

	if (!q->code)
		put_block(q, block_by_hash(q, text));
}

static bool has_receipts(const struct call *q, const struct sim_block *b)
{
	const struct sim_node *n = q->node;
	uint64_t under = b->height < q->tip->height ? q->tip->height - b->height : 0;

	return n->receipts != SIM_RECEIPTS_NULL && under >= n->receipts_lag &&
	    (!n->receipts_depth || under <= n->receipts_depth);
}

static void do_eth_getBlockReceipts(struct call *q)
{
	const struct sim_block *b;

	if (q->node->no_block_receipts) {
		refuse(q, CODE_NO_METHOD,
		    "the method eth_getBlockReceipts does not exist/is not available");
		return;
	}
	b = param_block(q, 0);
	if (q->code)
		return;
	if (!b || !has_receipts(q, b)) {
		buf_add_str(q->out, "null");
		return;
	}
	buf_add_byte(q->out, '[');
	for (const struct sim_inclusion *i = b->first; i; i = i->next) {
		if (i != b->first)
			buf_add_byte(q->out, ',');
		sim_shape_receipt(q->out, i, slant_of(q->node));
	}
	buf_add_byte(q->out, ']');
}

static void do_eth_getTransactionByHash(struct call *q)
{
	const struct sim_inclusion *i;
	const struct sim_tx *t;
	struct hash hash;

	if (!param_bytes(q, 0, hash.at, sizeof hash.at))
		return;
	t = sim_tx_find(q->chain, &hash);
	i = t ? sim_inclusion_find(q->chain, q->tip, t) : NULL;
	if (i || (t && t->pooled))
		sim_shape_tx(q->out, t, i);
	else
		buf_add_str(q->out, "null");
}

static void do_eth_getTransactionReceipt(struct call *q)
{
	const struct sim_inclusion *i = NULL;
	const struct sim_tx *t;
	struct hash hash;

	if (!param_bytes(q, 0, hash.at, sizeof hash.at))
		return;
	t = sim_tx_find(q->chain, &hash);
	if (t)
		i = sim_inclusion_find(q->chain, q->tip, t);
	if (i && has_receipts(q, i->block))
		sim_shape_receipt(q->out, i, slant_of(q->node));
	else
		buf_add_str(q->out, "null");
}

/* -- state ----------------------------------------------------------------- */

static void do_eth_getTransactionCount(struct call *q)
{
	const char *tag = json_string_value(json_array_get(q->params, 1));
	struct sim_block *b;
	struct address at;

	if (!param_bytes(q, 0, at.at, sizeof at.at))
		return;
	b = param_state(q, 1);
	if (!b)
		return;
	if (tag && strcmp(tag, "pending") == 0)
		sim_shape_u64(q->out, sim_pool_count(q->chain, b, &at));
	else
		sim_shape_u64(q->out, sim_count(q->chain, b, &at));
}

static void do_eth_getBalance(struct call *q)
{
	struct amount balance;
	struct sim_block *b;
	struct address at;

	if (!param_bytes(q, 0, at.at, sizeof at.at))
		return;
	b = param_state(q, 1);
	if (!b)
		return;
	balance = sim_balance(q->chain, b, NULL, &at);
	sim_shape_amount(q->out, &balance);
}

static enum sim_code code_at(const struct call *q, const struct address *at)
{
	const struct sim_account *a = sim_account_find(q->chain, at);

	return a ? a->code : SIM_CODE_NONE;
}

static void do_eth_getCode(struct call *q)
{
	static const char *const text[] = { [SIM_CODE_NONE] = "\"0x\"",
		[SIM_CODE_WALLET] = "\"0x00\"",
		[SIM_CODE_DELEGATED] =
		    "\"0xef01001111111111111111111111111111111111111111\"",
		[SIM_CODE_REVERTS] = "\"0x5f5ffd\"",
		[SIM_CODE_TOKEN] = "\"0x60806040\"" };
	struct address at;

	if (param_bytes(q, 0, at.at, sizeof at.at) && param_state(q, 1))
		buf_add_str(q->out, text[code_at(q, &at)]);
}

/* -- calls ----------------------------------------------------------------- */

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
	free(m->data);
	m->data = NULL;
}

static bool message_address(
    struct call *q, const json_t *o, const char *name, struct address *ret)
{
	const char *text = json_string_value(json_object_get(o, name));

	if (text && !hex_parse_0x(ret->at, sizeof ret->at, text))
		refuse(q, CODE_PARAMS, "invalid argument 0: hex string has wrong length");
	return text != NULL;
}

static bool message_parse(struct call *q, struct message *m)
{
	const json_t *o = json_array_get(q->params, 0);
	const char *value = json_string_value(json_object_get(o, "value"));
	const char *data = json_string_value(json_object_get(o, "data"));
	const char *input = json_string_value(json_object_get(o, "input"));

	*m = (struct message){ .creates = false };
	if (!json_is_object(o))
		refuse(q, CODE_PARAMS, "missing value for required argument 0");
	message_address(q, o, "from", &m->from);
	m->creates = !message_address(q, o, "to", &m->to);
	if (value && !amount_parse_hex(&m->value, value))
		refuse(q, CODE_PARAMS, "invalid argument 0: invalid hex string");
	if (!q->code)
		m->data = bytes_of(q, input ? input : data ? data : "0x", &m->len);
	return !q->code;
}

static void put_word(struct call *q, const struct amount *a)
{
	uint8_t word[32];

	amount_encode(word, a);
	sim_shape_bytes(q->out, word, sizeof word);
}

/* A dynamic string: offset, length, text padded to a word. */
static void string_encode(uint8_t out[96], const char *text)
{
	memset(out, 0, 96);
	out[31] = 32;
	out[63] = (uint8_t)strlen(text);
	memcpy(out + 64, text, strlen(text));
}

/* Error(string), as Solidity's revert does. */
static void refuse_revert(struct call *q, const char *reason)
{
	static const uint8_t selector[] = { 0x08, 0xc3, 0x79, 0xa0 };
	uint8_t text[96];

	refuse(q, CODE_REVERT, "execution reverted%s%s", reason ? ": " : "",
	    reason ? reason : "");
	if (!reason) {
		buf_add_str(&q->data, "\"0x\"");
		return;
	}
	CHECK(strlen(reason) <= 32);
	string_encode(text, reason);
	buf_add_str(&q->data, "\"0x");
	buf_add_hex(&q->data, selector, sizeof selector);
	buf_add_hex(&q->data, text, sizeof text);
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
	uint8_t text[96];

	string_encode(text, t->symbol);
	sim_shape_bytes(q->out, text, sizeof text);
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
		refuse(q, CODE_SERVER, "invalid opcode: INVALID");
		return;
	}
	buf_add_str(q->out, "\"0x");
	for (size_t i = m->data[1]; i < m->len; i += sizeof at.at) {
		memcpy(at.at, m->data + i, sizeof at.at);
		buf_add_str(q->out, code_at(q, &at) == SIM_CODE_NONE ? "00" : "01");
	}
	buf_add_byte(q->out, '"');
}

static void do_eth_call(struct call *q)
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
	else if (code_at(q, &m.to) == SIM_CODE_REVERTS)
		refuse_revert(q, "no coin here");
	else
		buf_add_str(q->out, "\"0x\"");
	message_release(&m);
}

static void do_eth_estimateGas(struct call *q)
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
		refuse(q, CODE_SERVER, "insufficient funds for transfer");
	else if (o.status == TX_REVERTED)
		refuse_revert(q, o.reason);
	else
		sim_shape_u64(q->out, o.gas);
	message_release(&m);
}

/* -- fees ------------------------------------------------------------------ */

static uint64_t tip_told(const struct call *q)
{
	return q->node->tip ? q->node->tip : 1000000000;
}

static void do_eth_maxPriorityFeePerGas(struct call *q)
{
	sim_shape_u64(q->out, tip_told(q));
}

static void do_eth_gasPrice(struct call *q)
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

static void put_rewards(struct call *q, const struct sim_block *b, const json_t *percents)
{
	const struct sim_inclusion **sorted = mem_array(b->tx_n + 1, sizeof *sorted);
	json_int_t percent;
	uint32_t n = 0;

	for (const struct sim_inclusion *i = b->first; i; i = i->next)
		sorted[n++] = i;
	qsort(sorted, n, sizeof *sorted, by_tip);
	buf_add_byte(q->out, '[');
	for (size_t i = 0; i < json_array_size(percents); i++) {
		percent = json_integer_value(json_array_get(percents, i));
		if (percent < 0 || percent > 100)
			refuse(q, CODE_SERVER, "invalid reward percentile");
		if (i)
			buf_add_byte(q->out, ',');
		sim_shape_u64(q->out, q->code ? 0 : reward(b, sorted, (uint64_t)percent));
	}
	buf_add_byte(q->out, ']');
	free(sorted);
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
	const json_t *percents = json_array_get(q->params, 2);
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
	if (json_array_size(percents)) {
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

static void do_eth_feeHistory(struct call *q)
{
	const json_t *count = json_array_get(q->params, 0);
	struct sim_block *newest = param_block(q, 1);
	uint64_t n = 0;

	if (q->code)
		return;
	if (json_is_integer(count) && json_integer_value(count) > 0)
		n = (uint64_t)json_integer_value(count);
	else if (json_is_string(count) && !hex_parse_u64(&n, json_string_value(count)))
		refuse(q, CODE_PARAMS, "invalid argument 0: invalid hex string");
	if (!newest || n == 0)
		refuse(q, CODE_SERVER, "block not found");
	if (q->code)
		return;
	n = n < HISTORY_MAX ? n : HISTORY_MAX;
	put_history(q, newest, n <= newest->height + 1 ? n : newest->height + 1);
}

/* -- sends ----------------------------------------------------------------- */

static void send_bytes(struct call *q, const uint8_t *raw, size_t len)
{
	struct sim_word word = { .code = 0 };
	struct sim_tx *t;
	struct hash hash;

	if (q->node->refuses[0]) {
		refuse(q, CODE_SERVER, "%s", q->node->refuses);
		return;
	}
	if (q->node->forgets && (t = sim_tx_add(q->chain, raw, len, NULL)))
		hash = t->hash;
	else
		sim_pool_send(q->chain, q->tip, &word, &hash, raw, len);
	if (word.code)
		refuse(q, word.code, "%s", word.text);
	else
		sim_shape_bytes(q->out, hash.at, sizeof hash.at);
}

static void do_eth_sendRawTransaction(struct call *q)
{
	const char *text = param_text(q, 0);
	size_t len = 0;
	uint8_t *raw = q->code ? NULL : bytes_of(q, text, &len);

	if (raw)
		send_bytes(q, raw, len);
	free(raw);
}

/* -- one call, one body ---------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(struct call *q);
} methods[] = {
#define M(method) [SIM_##method] = { #method, do_##method },
	SIM_METHODS
#undef M
};

const char *sim_method_name(enum sim_method m)
{
	return methods[m].name;
}

static void put_id(struct buf *out, const json_t *id)
{
	if (json_is_integer(id))
		buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
	else if (json_is_string(id))
		buf_add_json(out, json_string_value(id));
	else
		buf_add_str(out, "null");
}

static void put_error(struct buf *out, const json_t *id, const struct call *q)
{
	buf_add_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	put_id(out, id);
	buf_addf(out, ",\"error\":{\"code\":%d,\"message\":", q->code);
	buf_add_json(out, q->message);
	if (q->data.len) {
		buf_add_str(out, ",\"data\":");
		buf_add_str(out, buf_text(&q->data));
	}
	buf_add_str(out, "}}");
}

static void run(struct call *q, const char *method)
{
	for (size_t m = 0; m < SIM_METHOD_COUNT; m++)
		if (strcmp(methods[m].name, method) == 0) {
			q->node->calls[m]++;
			methods[m].run(q);
			return;
		}
	refuse(q, CODE_NO_METHOD, "the method %.100s does not exist/is not available",
	    method);
}

static void answer_call(struct sim_node *n, struct buf *out, const json_t *request)
{
	const json_t *id = json_object_get(request, "id");
	const char *method = json_string_value(json_object_get(request, "method"));
	struct call q = {
		.node = n, .chain = n->chain, .tip = sim_node_head(n), .out = out
	};
	size_t begin = out->len;

	buf_init(&q.data, 1024);
	q.params = json_object_get(request, "params");
	buf_add_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	put_id(out, id);
	buf_add_str(out, ",\"result\":");
	if (method)
		run(&q, method);
	else
		refuse(&q, CODE_REQUEST, "invalid request");
	buf_add_byte(out, '}');
	if (q.code) {
		out->len = begin;
		put_error(out, id, &q);
	}
	buf_release(&q.data);
}

static void answer_batch(struct sim_node *n, struct buf *out, const json_t *batch)
{
	size_t calls = json_array_size(batch),
	       max = n->batch_max ? n->batch_max : BATCH_MAX;
	struct call q = { .code = 0 };

	if (calls == 0)
		refuse(&q, CODE_REQUEST, "empty batch");
	else if (calls > max)
		refuse(&q, CODE_REQUEST, "batch too large");
	if (q.code) {
		put_error(out, NULL, &q);
		return;
	}
	buf_add_byte(out, '[');
	for (size_t i = 0; i < calls; i++) {
		if (i)
			buf_add_byte(out, ',');
		answer_call(
		    n, out, json_array_get(batch, n->shuffles ? calls - 1 - i : i));
	}
	buf_add_byte(out, ']');
}

void sim_node_answer(struct sim_node *n, struct buf *out, const char *body, size_t len)
{
	json_t *request = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	struct call q = { .code = 0 };

	n->requests++;
	if (json_is_array(request)) {
		answer_batch(n, out, request);
	} else if (json_is_object(request)) {
		answer_call(n, out, request);
	} else {
		refuse(&q, CODE_PARSE, "parse error");
		put_error(out, NULL, &q);
	}
	json_decref(request);
}
