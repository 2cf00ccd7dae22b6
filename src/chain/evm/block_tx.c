/* Our transactions in a block: found in its list, and what their receipts say. */
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "chain/evm/evm.h"

#define BLOCK_TX_MAX 100000 /* more is no block */
#define TRANSFERS_MAX 100000

/* Room for one more of n elements: the capacity doubles at powers of two. */
static void *one_more(void *p, uint32_t n, size_t size)
{
	if (n & (n - 1))
		return p;
	return mem_grow(p, n ? 2 * (size_t)n : 1, size);
}

static bool watched_find(
    const struct block_question *q, const struct address *who, uint32_t *ret)
{
	for (uint32_t i = 0; i < q->watched_n; i++) {
		if (memcmp(q->watched[i].account.at, who->at, sizeof who->at) != 0)
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static bool is_hash(const char *text, const struct hash *want)
{
	struct hash h;

	return text && hex_parse_0x(h.at, sizeof h.at, text) && hash_same(&h, want);
}

static bool transfers_add(struct block_facts *b, struct seen_tx *tx,
    const struct address *from, const json_t *logs)
{
	tx->transfer_at = b->transfers_n;
	for (size_t i = 0; i < json_array_size(logs); i++) {
		struct transfer t;
		enum evm_log log = evm_log_parse(&t, json_array_get(logs, i), from);

		if (log == EVM_LOG_OTHER)
			continue;
		if (log == EVM_LOG_MALFORMED || b->transfers_n == TRANSFERS_MAX)
			return false;
		b->transfers = one_more(b->transfers, b->transfers_n, sizeof t);
		b->transfers[b->transfers_n++] = t;
		tx->transfers++;
	}
	return true;
}

static bool receipt_take(struct block_facts *b, struct seen_tx *tx,
    const struct block_question *q, const struct entry_text *receipt)
{
	const struct address *from = &q->watched[tx->account].account;
	uint64_t height;

	return receipt->height && hex_parse_u64(&height, receipt->height) &&
	    height == q->height &&
	    evm_outcome_of(&tx->status, &tx->gas_used, &tx->gas_price, receipt) &&
	    transfers_add(b, tx, from, receipt->logs);
}

/* The list of a block: its receipts, or its transactions. */
struct list {
	const struct block_question *q;
	struct block_facts *b;
	bool receipts;
	uint32_t n;
	int64_t last_index;
};

/* One transaction or receipt of the block's list: is it ours? The list must be in the
 * block's order, so none can come twice. false: malformed. */
static bool entry_look(
    struct list *l, const struct entry_text *e, struct seen_tx *ret, bool *ret_ours)
{
	struct address from;
	uint64_t index;

	*ret = (struct seen_tx){ .index = 0 };
	*ret_ours = false;
	if (!is_hash(e->block_hash, &l->q->hash) || !e->index ||
	    !hex_parse_u64(&index, e->index) || index > UINT32_MAX ||
	    (int64_t)index <= l->last_index || !e->from ||
	    !hex_parse_0x(from.at, sizeof from.at, e->from) || !e->hash ||
	    !hex_parse_0x(ret->hash.at, sizeof ret->hash.at, e->hash))
		return false;
	l->last_index = (int64_t)index;
	ret->index = (uint32_t)index;
	*ret_ours = watched_find(l->q, &from, &ret->account);
	return true;
}

static void tx_add(struct block_facts *b, const struct seen_tx *tx)
{
	b->tx = one_more(b->tx, b->tx_n, sizeof *b->tx);
	b->tx[b->tx_n++] = *tx;
}

static bool entry_add(void *ctx, const struct entry_text *e)
{
	struct list *l = ctx;
	struct seen_tx tx;
	bool ours;

	if (l->n++ == BLOCK_TX_MAX || !entry_look(l, e, &tx, &ours))
		return false;
	if (!ours)
		return true;
	if (l->receipts && !receipt_take(l->b, &tx, l->q, e))
		return false;
	tx_add(l->b, &tx);
	return true;
}

static struct list list_of(struct block_facts *b, const struct block_question *q)
{
	return (struct list){
		.q = q, .b = b, .receipts = q->way == BLOCK_RECEIPTS, .last_index = -1
	};
}

bool evm_list_parse(
    struct block_facts *b, const struct block_question *q, const json_t *list)
{
	struct list l = list_of(b, q);
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > BLOCK_TX_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct entry_text e = evm_entry(
		    json_array_get(list, i), l.receipts ? "transactionHash" : "hash");

		if (!entry_add(&l, &e))
			return false;
	}
	return true;
}

char *evm_list_walk(struct block_facts *b, const struct block_question *q, char *list)
{
	struct list l = list_of(b, q);

	CHECK(l.receipts);
	return evm_receipts_walk(list, entry_add, &l);
}

/* -- the second half of a whole block -------------------------------------- */

/* How many are asked for next. */
static uint32_t part_of(const struct block_question *q, const struct block_facts *facts)
{
	uint32_t left = facts->tx_n - facts->receipts_n;

	return q->batch && q->batch < left ? q->batch : left;
}

void evm_block_receipts(
    struct buf *body, const struct block_question *q, const struct block_facts *facts)
{
	uint32_t first = facts->receipts_n, n = part_of(q, facts);
	struct rpc_batch b;

	rpc_begin(&b, body);
	for (uint32_t i = first; i < first + n; i++) {
		rpc_call(&b, "eth_getTransactionReceipt");
		rpc_bytes(&b, facts->tx[i].hash.at, sizeof facts->tx[i].hash.at);
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

/* Of this transaction, in this block, and from whom we know it to be. */
static bool receipt_is(const struct entry_text *receipt, const struct seen_tx *tx,
    const struct block_question *q)
{
	const struct address *who = &q->watched[tx->account].account;
	struct address from;

	return is_hash(receipt->block_hash, &q->hash) &&
	    is_hash(receipt->hash, &tx->hash) && receipt->from &&
	    hex_parse_0x(from.at, sizeof from.at, receipt->from) &&
	    address_same(&from, who);
}

static enum err receipt_read(struct block_facts *b, struct seen_tx *tx,
    const struct block_question *q, const struct rpc_reply *reply, struct fail *f)
{
	struct entry_text receipt;

	if (!reply->result)
		return outcome_fail(OF_READ, reply->error, f);
	if (json_is_null(reply->result))
		return fail_set(f, ERR_NODE_BUSY, "the node has no receipt for it yet");
	receipt = evm_entry(reply->result, "transactionHash");
	tx->transfers = 0;
	if (receipt_is(&receipt, tx, q) && receipt_take(b, tx, q, &receipt))
		return ERR_OK;
	return fail_set(f, ERR_BAD_ANSWER, "a receipt is malformed or of another block");
}

enum err evm_block_receipts_read(struct block_facts *facts,
    const struct block_question *q, const char *answer, size_t len, struct fail *f)
{
	struct seen_tx *tx = &facts->tx[facts->receipts_n];
	uint32_t n = part_of(q, facts), before = facts->transfers_n;
	struct rpc_answer a;
	enum err err;

	CHECK(facts->incomplete);
	err = rpc_read(&a, n, answer, len, f);
	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		err = receipt_read(facts, &tx[i], q, &a.replies[i], f);
	rpc_release(&a);
	if (err != ERR_OK) {
		facts->transfers_n = before;
		return err;
	}
	facts->receipts_n += n;
	facts->incomplete = facts->receipts_n < facts->tx_n;
	if (!facts->incomplete)
		block_facts_digest(facts);
	return ERR_OK;
}
