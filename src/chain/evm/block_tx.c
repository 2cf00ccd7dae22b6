/* Our transactions in a block: found in its list, and what their receipts say. */
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "chain/evm/evm.h"
#include "codec/json.h"

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

static bool logs_take(struct block_facts *b, struct seen_tx *tx,
    const struct address *from, const struct entry_text *receipt)
{
	json_t *read;
	bool good;

	if (!receipt->logs_text)
		return transfers_add(b, tx, from, receipt->logs);
	read = json_read(receipt->logs_text, receipt->logs_len, NULL);
	good = read && transfers_add(b, tx, from, read);
	json_decref(read);
	return good;
}

static bool receipt_take(struct block_facts *b, struct seen_tx *tx,
    const struct block_question *q, const struct entry_text *receipt)
{
	const struct address *from = &q->watched[tx->account].account;
	uint64_t height;

	return receipt->height && hex_parse_u64(&height, receipt->height) &&
	    height == q->height &&
	    evm_outcome_of(&tx->status, &tx->gas_used, &tx->gas_price, receipt) &&
	    logs_take(b, tx, from, receipt);
}

/* -- the list of a block: its receipts, or its transactions ---------------- */

void evm_list_init(struct evm_list *l, struct block_facts *b,
    const struct block_question *q, bool receipts)
{
	*l = (struct evm_list){ .q = q,
		.b = b,
		.receipts = receipts,
		.ours = true,
		.hash = q->hash,
		.last_index = -1 };
}

/* Of this block, and behind the one before: none can come at two places. */
static bool place_take(struct evm_list *l, const struct entry_text *e, uint32_t *ret)
{
	uint64_t index;

	if (l->q->at_height && l->n == 1 &&
	    (!e->block_hash ||
		!hex_parse_0x(l->hash.at, sizeof l->hash.at, e->block_hash)))
		return false;
	if (!is_hash(e->block_hash, &l->hash) || !e->index ||
	    !hex_parse_u64(&index, e->index) || index > UINT32_MAX ||
	    (int64_t)index <= l->last_index)
		return false;
	l->last_index = (int64_t)index;
	*ret = (uint32_t)index;
	return true;
}

static void tx_add(struct block_facts *b, const struct seen_tx *tx)
{
	b->tx = one_more(b->tx, b->tx_n, sizeof *b->tx);
	b->tx[b->tx_n++] = *tx;
}

static bool ours_add(
    struct evm_list *l, const struct evm_listed *one, const struct entry_text *e)
{
	struct seen_tx tx = { .hash = one->tx.hash, .index = one->index };

	if (!watched_find(l->q, &one->tx.from, &tx.account))
		return true;
	if (l->receipts && !receipt_take(l->b, &tx, l->q, e))
		return false;
	tx_add(l->b, &tx);
	return true;
}

static bool every_add(
    struct evm_list *l, struct evm_listed *one, const struct entry_text *e)
{
	struct passing_tx *tx = &one->tx;
	bool good = l->receipts
	    ? evm_status_of(&tx->status, e)
	    : e->nonce && hex_parse_u64(&tx->nonce, e->nonce) && tx->nonce <= INT64_MAX;

	if (good)
		evm_every_add(&l->every, one);
	return good;
}

/* Nobody has its key. */
static bool is_nobody(const struct address *who)
{
	static const struct address zero;

	return address_same(who, &zero);
}

/* One transaction or receipt of the list. false: malformed. */
static bool entry_add(void *ctx, const struct entry_text *e)
{
	struct evm_list *l = ctx;
	struct evm_listed one = { .index = 0 };
	struct passing_tx *tx = &one.tx;

	if (l->n++ == BLOCK_TX_MAX || !place_take(l, e, &one.index) || !e->from ||
	    !hex_parse_0x(tx->from.at, sizeof tx->from.at, e->from) || !e->hash ||
	    !hex_parse_0x(tx->hash.at, sizeof tx->hash.at, e->hash))
		return false;
	if (l->q->every && is_nobody(&tx->from))
		return true;
	return (!l->q->every || every_add(l, &one, e)) &&
	    (!l->ours || ours_add(l, &one, e));
}

static const char *hash_key(const struct evm_list *l)
{
	return l->receipts ? "transactionHash" : "hash";
}

bool evm_list_parse(struct evm_list *l, const json_t *list)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > BLOCK_TX_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct entry_text e = evm_entry(json_array_get(list, i), hash_key(l));

		if (!entry_add(l, &e))
			return false;
	}
	return true;
}

char *evm_list_walk(struct evm_list *l, char *list)
{
	return evm_walk(list, hash_key(l), entry_add, l);
}

/* -- the second half of a whole block -------------------------------------- */

/* How many there are in all, and how many are asked for next. */
static uint32_t all_of(const struct block_facts *facts)
{
	return facts->has_every ? facts->every_n : facts->tx_n;
}

static uint32_t part_of(const struct block_question *q, const struct block_facts *facts)
{
	uint32_t left = all_of(facts) - facts->receipts_n;

	return q->batch && q->batch < left ? q->batch : left;
}

static const struct hash *hash_at(const struct block_facts *facts, uint32_t i)
{
	return facts->has_every ? &facts->every[i].hash : &facts->tx[i].hash;
}

void evm_block_receipts(
    struct buf *body, const struct block_question *q, const struct block_facts *facts)
{
	uint32_t first = facts->receipts_n, n = part_of(q, facts);
	struct rpc_batch b;

	rpc_begin(&b, body);
	for (uint32_t i = first; i < first + n; i++) {
		rpc_call(&b, "eth_getTransactionReceipt");
		rpc_bytes(&b, hash_at(facts, i)->at, sizeof(struct hash));
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

/* Of this transaction, in this block, and from whom we know it to be. */
static bool receipt_is(const struct entry_text *receipt, const struct hash *hash,
    const struct address *who, const struct block_question *q)
{
	struct address from;

	return is_hash(receipt->block_hash, &q->hash) && is_hash(receipt->hash, hash) &&
	    receipt->from && hex_parse_0x(from.at, sizeof from.at, receipt->from) &&
	    address_same(&from, who);
}

/* NULL: it is not ours. */
static struct seen_tx *ours_find(struct block_facts *b, const struct passing_tx *tx)
{
	for (uint32_t i = 0; i < b->tx_n; i++)
		if (hash_same(&b->tx[i].hash, &tx->hash))
			return &b->tx[i];
	return NULL;
}

static bool receipt_put(struct block_facts *b, uint32_t at,
    const struct block_question *q, const struct entry_text *receipt)
{
	struct passing_tx *tx = b->has_every ? &b->every[at] : NULL;
	struct seen_tx *own = tx ? ours_find(b, tx) : &b->tx[at];
	const struct address *who = tx ? &tx->from : &q->watched[own->account].account;

	if (!receipt_is(receipt, hash_at(b, at), who, q) ||
	    (tx && !evm_status_of(&tx->status, receipt)))
		return false;
	if (!own)
		return true;
	own->transfers = 0;
	return receipt_take(b, own, q, receipt);
}

static enum err receipt_read(struct block_facts *b, uint32_t at,
    const struct block_question *q, const struct rpc_reply *reply, struct fail *f)
{
	struct entry_text receipt;

	if (!reply->result)
		return outcome_fail(OF_READ, reply->error, f);
	if (json_is_null(reply->result))
		return fail_set(f, ERR_NODE_BUSY, "the node has no receipt for it yet");
	receipt = evm_entry(reply->result, "transactionHash");
	if (receipt_put(b, at, q, &receipt))
		return ERR_OK;
	return fail_set(f, ERR_BAD_ANSWER, "a receipt is malformed or of another block");
}

enum err evm_block_receipts_read(struct block_facts *facts,
    const struct block_question *q, const char *answer, size_t len, struct fail *f)
{
	uint32_t n = part_of(q, facts), before = facts->transfers_n;
	struct rpc_answer a;
	enum err err;

	CHECK(facts->incomplete);
	err = rpc_read(&a, n, answer, len, f);
	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		err = receipt_read(facts, facts->receipts_n + i, q, &a.replies[i], f);
	rpc_release(&a);
	if (err != ERR_OK) {
		facts->transfers_n = before;
		return err;
	}
	facts->receipts_n += n;
	facts->incomplete = facts->receipts_n < all_of(facts);
	if (!facts->incomplete)
		block_facts_digest(facts);
	return ERR_OK;
}
