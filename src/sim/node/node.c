#include "sim/node/node.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "sim/chain/mempool.h"
#include "sim/node/node_in.h"

#define BATCH_MAX 1000
#define INVENTED 0x66

static struct sim_node *node_with(struct sim_pool *pool)
{
	struct sim_node *n = sim_chain_take(pool->chain, sizeof *n);

	n->chain = pool->chain;
	n->next = n->chain->nodes;
	n->chain->nodes = n;
	n->pool = pool;
	pool->users++;
	return n;
}

struct sim_node *sim_node_new(struct sim_chain *c)
{
	return node_with(c->pools);
}

struct sim_node *sim_node_twin(struct sim_node *n)
{
	return node_with(n->pool);
}

void sim_node_own_pool(struct sim_node *n)
{
	struct sim_pool *shared = n->chain->pools, *own = sim_pool_new(n->chain);

	CHECK(n->pool == shared);
	own->node = n;
	own->users = 1;
	own->max = shared->max;
	own->account_max = shared->account_max;
	own->gapped_max = shared->gapped_max;
	shared->users--;
	n->pool = own;
}

static struct sim_block *head_unlagged(const struct sim_node *n)
{
	const struct sim_chain *c = n->chain;
	int64_t at_ms;

	if (n->fork || n->branch)
		return n->fork ? n->fork : n->branch->head;
	if (!n->head_ms)
		return c->head;
	at_ms = c->now_ms - n->head_ms;
	return sim_head_at(c, at_ms > n->head_from_ms ? at_ms : n->head_from_ms);
}

struct sim_block *sim_node_head(const struct sim_node *n)
{
	struct sim_block *head = head_unlagged(n);
	uint64_t lag = n->lag < head->height ? n->lag : head->height;

	return lag ? sim_block_at(n->chain, head, head->height - lag) : head;
}

struct sim_slant call_slant(const struct call *q)
{
	return (struct sim_slant){ .other_genesis = q->node->other_genesis,
		.base_fee = q->node->base_fee,
		.lean = q->chain->options.lean,
		.flipped = q->node->receipts == SIM_RECEIPTS_FLIPPED };
}

/* -- what it is ------------------------------------------------------------ */

void do_web3_clientVersion(struct call *q)
{
	buf_add_str(q->out, "\"Simulated/v1.0.0/linux-amd64/c\"");
}

static uint64_t chain_id_told(const struct call *q)
{
	return q->node->chain_id ? q->node->chain_id : q->chain->options.chain_id;
}

void do_net_version(struct call *q)
{
	buf_addf(q->out, "\"%" PRIu64 "\"", chain_id_told(q));
}

void do_eth_chainId(struct call *q)
{
	sim_shape_u64(q->out, chain_id_told(q));
}

void do_eth_blockNumber(struct call *q)
{
	sim_shape_u64(q->out, q->tip->height);
}

/* -- blocks, transactions, receipts ---------------------------------------- */

static void put_block(struct call *q, const struct sim_block *b)
{
	if (q->code)
		return;
	if (b)
		sim_shape_block(q->out, b, value_is(value_at(q->params, 1), VALUE_TRUE),
		    call_slant(q));
	else
		buf_add_str(q->out, "null");
}

/* A hash of its own making, that tells its height. */
static struct hash invent(struct sim_node *n, uint64_t height)
{
	struct hash h;

	memset(h.at, INVENTED, sizeof h.at);
	memcpy(h.at, &height, sizeof height);
	n->invents++;
	memcpy(h.at + sizeof height, &n->invents, sizeof n->invents);
	return h;
}

/* Like the one at its height, but for its parent, which is invented when it is asked
 * for. */
static void put_invented(struct call *q, const struct hash *hash, uint64_t height)
{
	const struct sim_block *like = sim_block_at(
	    q->chain, q->tip, height < q->tip->height ? height : q->tip->height);
	struct sim_block told = *like,
			 parent = { .hash = invent(q->node, height - 1),
				 .height = height - 1 };

	told.hash = *hash;
	told.height = height;
	told.parent = &parent;
	put_block(q, &told);
}

static bool is_invented(const struct call *q, const char *text, uint64_t *ret_height)
{
	struct hash h;

	if (!q->node->invents || !hex_parse_0x(h.at, sizeof h.at, text) ||
	    h.at[sizeof h.at - 1] != INVENTED || h.at[sizeof h.at / 2] != INVENTED)
		return false;
	memcpy(ret_height, h.at, sizeof *ret_height);
	return *ret_height > 0 && *ret_height <= q->tip->height;
}

void do_eth_getBlockByNumber(struct call *q)
{
	const char *text = param_text(q, 0);
	const struct sim_block *b = q->code ? NULL : param_block_by_tag(q, text);
	struct hash hash;

	if (b && b == q->tip && q->node->invents && b->height > 1) {
		hash = invent(q->node, b->height);
		put_invented(q, &hash, b->height);
	} else if (!q->code) {
		put_block(q, b);
	}
}

void do_eth_getBlockByHash(struct call *q)
{
	const char *text = param_text(q, 0);
	struct hash hash;
	uint64_t height;

	if (!q->code && is_invented(q, text, &height) &&
	    hex_parse_0x(hash.at, sizeof hash.at, text))
		put_invented(q, &hash, height);
	else if (!q->code)
		put_block(q, param_block_by_hash(q, text));
}

static bool has_receipts(const struct call *q, const struct sim_block *b)
{
	const struct sim_node *n = q->node;
	uint64_t under = b->height < q->tip->height ? q->tip->height - b->height : 0;

	return n->receipts != SIM_RECEIPTS_NULL && under >= n->receipts_lag &&
	    (!n->receipts_depth || under <= n->receipts_depth);
}

void do_eth_getBlockReceipts(struct call *q)
{
	const struct sim_block *b;

	if (q->node->no_block_receipts) {
		call_refuse(q, CODE_NO_METHOD,
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
		if (q->node->receipts == SIM_RECEIPTS_EMPTY)
			break;
		if (i != b->first)
			buf_add_byte(q->out, ',');
		sim_shape_receipt(q->out, i, call_slant(q));
	}
	buf_add_byte(q->out, ']');
}

static void shape_as_read(
    struct call *q, const struct sim_tx *t, const struct sim_inclusion *i)
{
	struct sim_tx told = *t;

	if (q->node->reads == SIM_READS_TO_ITSELF)
		told.to = told.from;
	if (q->node->reads == SIM_READS_OTHER_TIP)
		told.tip++;
	if (q->node->reads == SIM_READS_OTHER_NONCE)
		told.nonce = told.nonce ? told.nonce - 1 : 1;
	sim_shape_tx(q->out, &told, i);
}

void do_eth_getTransactionByHash(struct call *q)
{
	const struct sim_inclusion *i;
	const struct sim_tx *t;
	struct hash hash;

	if (!param_bytes(q, 0, hash.at, sizeof hash.at))
		return;
	t = sim_tx_find(q->chain, &hash);
	i = t ? sim_inclusion_find(q->chain, q->tip, t) : NULL;
	if ((i || (t && sim_pool_holds(q->node->pool, t))) &&
	    !q->node->hides_transactions)
		shape_as_read(q, t, i);
	else
		buf_add_str(q->out, "null");
}

void do_eth_getTransactionReceipt(struct call *q)
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
		sim_shape_receipt(q->out, i, call_slant(q));
	else
		buf_add_str(q->out, "null");
}

/* -- state ----------------------------------------------------------------- */

/* Of whom, and at which block; NULL: it is refused. */
static struct sim_block *params_account(struct call *q, struct address *ret)
{
	return param_bytes(q, 0, ret->at, sizeof ret->at) ? param_state(q, 1) : NULL;
}

void do_eth_getTransactionCount(struct call *q)
{
	const char *tag = value_text(value_at(q->params, 1));
	struct address at;
	struct sim_block *b = params_account(q, &at);
	uint64_t count;

	if (!b)
		return;
	if (q->node->counts)
		count = q->node->counts;
	else if (tag && strcmp(tag, "pending") == 0)
		count = sim_pool_count(q->node->pool, b, &at);
	else
		count = sim_count(q->chain, b, &at);
	sim_shape_u64(q->out, count + q->node->counts_more);
}

static void shape_waiting(struct call *q, const struct sim_wait *from, uint64_t end)
{
	char nonce[32];

	buf_add_byte(q->out, '{');
	for (const struct sim_wait *i = from; i && i->tx->nonce < end; i = i->next) {
		snprintf(nonce, sizeof nonce, "%s\"%" PRIu64 "\":", i == from ? "" : ",",
		    i->tx->nonce);
		buf_add_str(q->out, nonce);
		sim_shape_tx(q->out, i->tx, NULL);
	}
	buf_add_byte(q->out, '}');
}

/* By geth's words: pending is what could be mined, queued what waits behind a gap. */
void do_txpool_contentFrom(struct call *q)
{
	const struct sim_wait *first;
	struct address at;
	uint64_t gap;

	if (!param_bytes(q, 0, at.at, sizeof at.at))
		return;
	if (q->node->hides_pool) {
		call_refuse(q, CODE_NO_METHOD,
		    "the method txpool_contentFrom does not exist/is not available");
		return;
	}
	first = sim_pool_first(q->node->pool, &at);
	gap = sim_pool_count(q->node->pool, q->tip, &at);
	buf_add_str(q->out, "{\"pending\":");
	shape_waiting(q, first, gap);
	while (first && first->tx->nonce < gap)
		first = first->next;
	buf_add_str(q->out, ",\"queued\":");
	shape_waiting(q, first, UINT64_MAX);
	buf_add_byte(q->out, '}');
}

void do_eth_getBalance(struct call *q)
{
	struct amount balance;
	struct address at;
	struct sim_block *b = params_account(q, &at);

	if (!b)
		return;
	balance = sim_balance(q->chain, b, NULL, &at);
	if (q->node->boasts)
		CHECK(amount_mul_u64(&balance, &balance, 1000));
	sim_shape_amount(q->out, &balance);
}

void do_eth_getCode(struct call *q)
{
	static const char *const text[] = { [SIM_CODE_NONE] = "\"0x\"",
		[SIM_CODE_WALLET] = "\"0x00\"",
		[SIM_CODE_DELEGATED] =
		    "\"0xef01001111111111111111111111111111111111111111\"",
		[SIM_CODE_REVERTS] = "\"0x5f5ffd\"",
		[SIM_CODE_TOKEN] = "\"0x60806040\"" };
	struct address at;

	if (params_account(q, &at))
		buf_add_str(q->out, text[call_code_at(q, &at)]);
}

/* -- sends ----------------------------------------------------------------- */

void sim_node_send(struct sim_node *n, struct sim_word *ret, struct hash *ret_hash,
    const uint8_t *raw, size_t len)
{
	struct sim_tx *t;

	*ret = (struct sim_word){ .code = 0 };
	if (n->refuses[0]) {
		ret->code = CODE_SERVER;
		snprintf(ret->text, sizeof ret->text, "%s", n->refuses);
	} else if ((n->forgets || n->pretends) &&
	    (t = sim_tx_add(n->chain, raw, len, NULL))) {
		*ret_hash = t->hash;
	} else {
		sim_pool_send(n->pool, sim_node_head(n), ret, ret_hash, raw, len);
	}
}

static void send_bytes(struct call *q, const uint8_t *raw, size_t len)
{
	struct sim_word word;
	struct hash hash;

	sim_node_send(q->node, &word, &hash, raw, len);
	if (word.code)
		call_refuse(q, word.code, "%s", word.text);
	else
		sim_shape_bytes(q->out, hash.at, sizeof hash.at);
}

void do_eth_sendRawTransaction(struct call *q)
{
	const char *text = param_text(q, 0);
	size_t len = 0;
	uint8_t *raw = q->code ? NULL : param_hex(q, text, &len);

	if (raw)
		send_bytes(q, raw, len);
	mem_free(raw);
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

static void put_id(struct buf *out, const struct value *id)
{
	if (value_is(id, VALUE_NUMBER))
		buf_addf(out, "%" PRId64, id->number);
	else if (value_is(id, VALUE_TEXT))
		buf_addf(out, "\"%s\"", id->text);
	else
		buf_add_str(out, "null");
}

static void put_error(struct buf *out, const struct value *id, const struct call *q)
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
	call_refuse(q, CODE_NO_METHOD,
	    "the method %.100s does not exist/is not available", method);
}

static void answer_call(struct sim_node *n, struct buf *out, const struct value *request)
{
	const struct value *id = value_of(request, "id");
	const char *method = value_text(value_of(request, "method"));
	struct call q = {
		.node = n, .chain = n->chain, .tip = sim_node_head(n), .out = out
	};
	size_t begin = out->len;

	buf_init(&q.data, 16384);
	q.params = value_of(request, "params");
	buf_add_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	put_id(out, id);
	buf_add_str(out, ",\"result\":");
	if (method)
		run(&q, method);
	else
		call_refuse(&q, CODE_REQUEST, "invalid request");
	buf_add_byte(out, '}');
	if (q.code) {
		out->len = begin;
		put_error(out, id, &q);
	}
	buf_release(&q.data);
}

static void answer_batch(struct sim_node *n, struct buf *out, const struct value *batch)
{
	size_t calls = batch->n, max = n->batch_max ? n->batch_max : BATCH_MAX;
	struct call q = { .code = 0 };

	if (calls == 0)
		call_refuse(&q, CODE_REQUEST, "empty batch");
	else if (calls > max)
		call_refuse(&q, CODE_REQUEST, "batch too large");
	if (q.code) {
		put_error(out, NULL, &q);
		return;
	}
	buf_add_byte(out, '[');
	for (size_t i = 0; i < calls; i++) {
		if (i)
			buf_add_byte(out, ',');
		answer_call(n, out, value_at(batch, n->shuffles ? calls - 1 - i : i));
	}
	buf_add_byte(out, ']');
}

void sim_node_answer(struct sim_node *n, struct buf *out, const char *body, size_t len)
{
	char *text = mem_strn(body, len);
	struct value *request = values_read(text, len);
	struct call q = { .code = 0 };

	n->requests++;
	if (value_is(request, VALUE_ARRAY)) {
		answer_batch(n, out, request);
	} else if (value_is(request, VALUE_OBJECT)) {
		answer_call(n, out, request);
	} else {
		call_refuse(&q, CODE_PARSE, "parse error");
		put_error(out, NULL, &q);
	}
	mem_free(request);
	mem_free(text);
}
