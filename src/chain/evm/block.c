/* One block in one request: our transactions in it, our counts at it. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "chain/evm/evm.h"
#include "codec/abi.h"
#include "codec/json.h"
#include "crypto/sha256.h"

#define BLOCK_TX_MAX 100000 /* more is no block */
#define TRANSFERS_MAX 100000
#define NOT_ASKED UINT32_MAX

/* Which call of the batch asks for what. */
struct layout {
	uint32_t before, content, accounts, finalized, after;
	uint32_t calls;
};

static uint32_t account_calls(const struct block_question *q, uint32_t at)
{
	const struct watched *w = &q->watched[at];

	return q->bare ? 0 : 1U + w->balance + w->token_balance;
}

static struct layout layout_of(const struct block_question *q)
{
	struct layout l = {
		.before = NOT_ASKED, .finalized = NOT_ASKED, .after = NOT_ASKED
	};

	if (q->by_number)
		l.before = l.calls++;
	l.content = l.calls++;
	l.accounts = l.calls;
	for (uint32_t i = 0; i < q->watched_n; i++)
		l.calls += account_calls(q, i);
	if (q->finalized)
		l.finalized = l.calls++;
	if (q->by_number)
		l.after = l.calls++;
	return l;
}

/* -- asking ---------------------------------------------------------------- */

static void ask_header(struct rpc_batch *b, const struct block_question *q)
{
	rpc_call(b, "eth_getBlockByNumber");
	rpc_u64(b, q->height);
	rpc_json(b, "false");
	rpc_call_end(b);
}

static void ask_content(struct rpc_batch *b, const struct block_question *q)
{
	if (q->way == BLOCK_WHOLE) {
		rpc_call(b, "eth_getBlockByHash");
		rpc_bytes(b, q->hash.at, sizeof q->hash.at);
		rpc_json(b, "true");
	} else {
		rpc_call(b, "eth_getBlockReceipts");
		if (q->by_number)
			rpc_u64(b, q->height);
		else
			rpc_bytes(b, q->hash.at, sizeof q->hash.at);
	}
	rpc_call_end(b);
}

/* The block as a parameter of the calls that read state. */
static void param_block(struct rpc_batch *b, const struct block_question *q)
{
	char hex[65], json[96];

	if (q->by_number) {
		rpc_u64(b, q->height);
		return;
	}
	hex_format(hex, q->hash.at, sizeof q->hash.at);
	snprintf(json, sizeof json, "{\"blockHash\":\"0x%s\"}", hex);
	rpc_json(b, json);
}

static void ask_state(struct rpc_batch *b, const char *method,
    const struct block_question *q, const struct watched *w)
{
	rpc_call(b, method);
	rpc_bytes(b, w->account.at, sizeof w->account.at);
	param_block(b, q);
	rpc_call_end(b);
}

static void ask_token_balance(
    struct rpc_batch *b, const struct block_question *q, const struct watched *w)
{
	uint8_t call[36];
	char to[41], data[73], json[160];

	abi_balance_of_encode(call, w->account.at);
	hex_format(data, call, sizeof call);
	hex_format(to, w->token.at, sizeof w->token.at);
	snprintf(json, sizeof json, "{\"to\":\"0x%s\",\"data\":\"0x%s\"}", to, data);
	rpc_call(b, "eth_call");
	rpc_json(b, json);
	param_block(b, q);
	rpc_call_end(b);
}

static void ask_account(
    struct rpc_batch *b, const struct block_question *q, const struct watched *w)
{
	ask_state(b, "eth_getTransactionCount", q, w);
	if (w->balance)
		ask_state(b, "eth_getBalance", q, w);
	if (w->token_balance)
		ask_token_balance(b, q, w);
}

void evm_block(struct buf *body, const struct block_question *q)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	if (q->by_number)
		ask_header(&b, q);
	ask_content(&b, q);
	for (uint32_t i = 0; i < q->watched_n && !q->bare; i++)
		ask_account(&b, q, &q->watched[i]);
	if (q->finalized) {
		rpc_call(&b, "eth_getBlockByNumber");
		rpc_text(&b, "finalized");
		rpc_json(&b, "false");
		rpc_call_end(&b);
	}
	if (q->by_number)
		ask_header(&b, q);
	rpc_end(&b);
}

/* -- the digest ------------------------------------------------------------ */

static void digest_u64(struct sha256 *s, uint64_t v)
{
	uint8_t be[8];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(v >> (56 - 8 * i));
	sha256_add(s, be, sizeof be);
}

static void digest_balance(struct sha256 *s, bool has, const struct amount *balance)
{
	uint8_t bytes[32];

	amount_encode(bytes, balance);
	digest_u64(s, has);
	sha256_add(s, bytes, sizeof bytes);
}

static void digest_transfer(struct sha256 *s, const struct transfer *t)
{
	uint8_t amount[32];

	amount_encode(amount, &t->amount);
	sha256_add(s, t->token.at, sizeof t->token.at);
	sha256_add(s, t->to.at, sizeof t->to.at);
	sha256_add(s, amount, sizeof amount);
	digest_u64(s, t->log_index);
}

static void digest_tx(
    struct sha256 *s, const struct block_facts *b, const struct seen_tx *tx)
{
	sha256_add(s, tx->hash.at, sizeof tx->hash.at);
	digest_u64(s, tx->status == TX_OK);
	digest_u64(s, tx->gas_used);
	digest_u64(s, tx->gas_price);
	digest_u64(s, tx->transfers);
	for (uint32_t i = 0; i < tx->transfers; i++)
		digest_transfer(s, &b->transfers[tx->transfer_at + i]);
}

static void digest(struct block_facts *b)
{
	struct sha256 *s = sha256_begin();

	digest_u64(s, b->head.height);
	sha256_add(s, b->head.hash.at, sizeof b->head.hash.at);
	digest_u64(s, b->accounts_n);
	for (uint32_t i = 0; i < b->accounts_n; i++) {
		const struct seen_account *a = &b->accounts[i];

		digest_u64(s, a->has_count);
		digest_u64(s, a->count);
		digest_balance(s, a->has_balance, &a->balance);
		digest_balance(s, a->has_token_balance, &a->token_balance);
	}
	digest_u64(s, b->tx_n);
	for (uint32_t i = 0; i < b->tx_n; i++)
		digest_tx(s, b, &b->tx[i]);
	sha256_end(s, b->digest.at);
}

void block_facts_release(struct block_facts *b)
{
	free(b->tx);
	free(b->transfers);
	free(b->accounts);
	*b = (struct block_facts){ .tx = NULL };
}

/* -- reading --------------------------------------------------------------- */

/* Room for one more of n elements: the capacity doubles at powers of two. */
static void *one_more(void *p, uint32_t n, size_t size)
{
	if (n & (n - 1))
		return p;
	return mem_grow(p, n ? 2 * (size_t)n : 1, size);
}

static enum err malformed(struct fail *f, const char *what)
{
	return fail_set(f, ERR_BAD_ANSWER, "%s is malformed or of another block", what);
}

/* The first thing that the node would not answer is what the caller hears of. */
static enum err refused(struct node_word *word, enum outcome_of of,
    const struct rpc_reply *reply, struct fail *f)
{
	struct node_word said;

	outcome_read(&said, of, reply->error);
	if (word->note == NOTE_NONE)
		*word = said;
	return outcome_fail(of, reply->error, f);
}

static enum err null_block(struct fail *f)
{
	return fail_set(f, ERR_NODE_BUSY, "the node does not have this block");
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

static bool same_hash(const json_t *object, const char *key, const struct hash *want)
{
	struct hash h;

	return json_hex_bytes(object, key, h.at, sizeof h.at) &&
	    memcmp(h.at, want->at, sizeof h.at) == 0;
}

static bool add_transfers(struct block_facts *b, struct seen_tx *tx,
    const struct address *from, const json_t *logs)
{
	tx->transfer_at = b->transfers_n;
	for (size_t i = 0; i < json_array_size(logs); i++) {
		struct transfer t;

		if (!evm_transfer_parse(&t, json_array_get(logs, i), from))
			continue;
		if (b->transfers_n == TRANSFERS_MAX)
			return false;
		b->transfers = one_more(b->transfers, b->transfers_n, sizeof t);
		b->transfers[b->transfers_n++] = t;
		tx->transfers++;
	}
	return true;
}

/* What a receipt says of a transaction that is known to be ours. */
static bool fill(struct block_facts *b, struct seen_tx *tx,
    const struct block_question *q, const struct entry_text *receipt)
{
	const struct address *from = &q->watched[tx->account].account;
	uint64_t height;

	return receipt->height && hex_parse_u64(&height, receipt->height) &&
	    height == q->height &&
	    evm_outcome_of(&tx->status, &tx->gas_used, &tx->gas_price, receipt) &&
	    add_transfers(b, tx, from, receipt->logs);
}

static bool is_hash(const char *text, const struct hash *want)
{
	struct hash h;

	return text && hex_parse_0x(h.at, sizeof h.at, text) && hash_same(&h, want);
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

static void add_tx(struct block_facts *b, const struct seen_tx *tx)
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
	if (l->receipts && !fill(l->b, &tx, l->q, e))
		return false;
	add_tx(l->b, &tx);
	return true;
}

static struct list list_of(
    struct block_facts *b, const struct block_question *q, bool receipts)
{
	return (struct list){ .q = q, .b = b, .receipts = receipts, .last_index = -1 };
}

static bool list_parse(struct list *l, const json_t *entries)
{
	size_t n = json_array_size(entries);

	if (!json_is_array(entries) || n > BLOCK_TX_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct entry_text e = evm_entry(
		    json_array_get(entries, i), l->receipts ? "transactionHash" : "hash");

		if (!entry_add(l, &e))
			return false;
	}
	return true;
}

static enum err content_read(struct block_facts *b, struct node_word *word,
    const struct block_question *q, const struct rpc_reply *reply, struct fail *f)
{
	struct list l = list_of(b, q, q->way == BLOCK_RECEIPTS);

	if (!reply->result)
		return refused(word, OF_READ, reply, f);
	if (json_is_null(reply->result))
		return null_block(f);
	if (q->way == BLOCK_RECEIPTS)
		return list_parse(&l, reply->result) ? ERR_OK : malformed(f, "a receipt");
	if (!evm_head_parse(&b->head, reply->result) || b->head.height != q->height ||
	    memcmp(b->head.hash.at, q->hash.at, sizeof q->hash.at) != 0 ||
	    !list_parse(&l, json_object_get(reply->result, "transactions")))
		return malformed(f, "the block");
	b->incomplete = b->tx_n > 0;
	return ERR_OK;
}

/* The height must have had this hash before and after the calls that went by number. */
static enum err place_read(struct block_facts *b, struct node_word *word,
    const struct block_question *q, const struct rpc_reply *reply, struct fail *f)
{
	struct head head;

	if (!reply->result)
		return refused(word, OF_READ, reply, f);
	if (json_is_null(reply->result))
		return null_block(f);
	if (!evm_head_parse(&head, reply->result) || head.height != q->height)
		return malformed(f, "a header");
	if (memcmp(head.hash.at, q->hash.at, sizeof q->hash.at) != 0)
		return fail_set(f, ERR_NODE_BUSY, "the node has another block there now");
	b->head = head;
	return ERR_OK;
}

/* A node that dropped the state of the block has no count: a gap in the facts, and no
 * failure. Any other refusal is one. */
static enum err state_refused(
    struct node_word *word, const struct rpc_reply *reply, struct fail *f)
{
	struct node_word said;

	outcome_read(&said, OF_READ, reply->error);
	if (said.note != NOTE_NO_STATE)
		return refused(word, OF_READ, reply, f);
	if (word->note == NOTE_NONE)
		*word = said;
	return ERR_OK;
}

static enum err token_balance_read(struct seen_account *ret, struct node_word *word,
    const struct rpc_reply *reply, struct fail *f)
{
	uint8_t bytes[32];

	if (!reply->result)
		return state_refused(word, reply, f);
	if (json_is_string(reply->result) &&
	    strcmp(json_string_value(reply->result), "0x") == 0)
		return ERR_OK; /* the token was not there yet at that block */
	if (!rpc_as_bytes(reply->result, bytes, sizeof bytes))
		return fail_set(f, ERR_BAD_ANSWER, "balanceOf() is not one word");
	ret->token_balance = amount_decode(bytes);
	ret->has_token_balance = true;
	return ERR_OK;
}

static enum err balance_read(struct seen_account *ret, struct node_word *word,
    const struct rpc_reply *reply, struct fail *f)
{
	if (!reply->result)
		return state_refused(word, reply, f);
	if (!rpc_as_amount(reply->result, &ret->balance))
		return fail_set(f, ERR_BAD_ANSWER, "a balance is malformed");
	ret->has_balance = true;
	return ERR_OK;
}

static enum err account_read(struct seen_account *ret, struct node_word *word,
    const struct watched *w, const struct rpc_reply *replies, struct fail *f)
{
	enum err err;

	if (!replies->result) {
		err = state_refused(word, replies, f);
	} else {
		ret->has_count = rpc_as_u64(replies->result, &ret->count);
		err = ret->has_count
		    ? ERR_OK
		    : fail_set(f, ERR_BAD_ANSWER, "a count is malformed");
	}
	replies++;
	if (err == ERR_OK && w->balance)
		err = balance_read(ret, word, replies++, f);
	if (err == ERR_OK && w->token_balance)
		err = token_balance_read(ret, word, replies, f);
	return err;
}

static enum err accounts_read(struct block_facts *b, struct node_word *word,
    const struct block_question *q, const struct rpc_reply *replies, struct fail *f)
{
	enum err err = ERR_OK;

	b->accounts = mem_array(q->watched_n ? q->watched_n : 1, sizeof *b->accounts);
	b->accounts_n = q->watched_n;
	for (uint32_t i = 0; i < q->watched_n && !q->bare && err == ERR_OK; i++) {
		err = account_read(&b->accounts[i], word, &q->watched[i], replies, f);
		replies += account_calls(q, i);
	}
	return err;
}

/* Nodes without the tag refuse it or say null: then there is none. */
static void finalized_read(struct block_facts *b, const struct rpc_reply *reply)
{
	struct head head;

	if (!evm_head_parse(&head, reply->result))
		return;
	b->has_finalized = true;
	b->finalized_height = head.height;
	b->finalized_hash = head.hash;
}

static enum err facts_read(struct block_facts *b, struct node_word *word,
    const struct block_question *q, const struct rpc_reply *replies, struct fail *f)
{
	struct layout l = layout_of(q);
	enum err err = ERR_OK;

	b->head.height = q->height;
	b->head.hash = q->hash;
	if (q->by_number)
		err = place_read(b, word, q, &replies[l.before], f);
	if (err == ERR_OK && q->by_number)
		err = place_read(b, word, q, &replies[l.after], f);
	if (err == ERR_OK)
		err = content_read(b, word, q, &replies[l.content], f);
	if (err == ERR_OK)
		err = accounts_read(b, word, q, &replies[l.accounts], f);
	if (err == ERR_OK && q->finalized)
		finalized_read(b, &replies[l.finalized]);
	if (err == ERR_OK && !b->incomplete)
		digest(b);
	return err;
}

/* walked: the text that stands for the list, which the facts have already; NULL: none. */
static enum err answer_read(struct block_facts *b, struct node_word *ret_word,
    const struct block_question *q, const char *walked, const char *answer, size_t len,
    struct fail *f)
{
	struct layout l = layout_of(q);
	json_t *empty = json_array();
	struct rpc_answer a;
	enum err err = rpc_read(&a, l.calls, answer, len, f);

	*ret_word = (struct node_word){ .err = ERR_OK, .note = NOTE_NONE };
	if (err == ERR_OK && walked) {
		const char *stands = json_string_value(a.replies[l.content].result);

		if (!stands || strcmp(stands, walked) != 0)
			err = malformed(f, "the answer");
		a.replies[l.content].result = empty;
	}
	if (err == ERR_OK)
		err = facts_read(b, ret_word, q, a.replies, f);
	rpc_release(&a);
	json_decref(empty);
	return err;
}

static bool has(const char *text, size_t len, const char *what)
{
	return memmem(text, len, what, strlen(what)) != NULL;
}

/* The list of receipts is read from the text, the rest of the answer as any other. false:
 * it is not as nodes write it, and the parser has to read it all. */
static bool walked_read(struct block_facts *b, struct node_word *ret_word,
    const struct block_question *q, const char *answer, size_t len)
{
	static const char begin[] = "\"result\":[{", walked[] = "walked";
	struct list l = list_of(b, q, true);
	char *text = mem_strn(answer, len), *list = strstr(text, begin), *rest = NULL;
	size_t before, behind;
	bool good;

	if (list) {
		list += strlen("\"result\":");
		rest = evm_receipts_walk(list, entry_add, &l);
	}
	before = rest ? (size_t)(list - text) : 0;
	behind = rest ? (size_t)(text + len - rest) : 0;
	/* nothing else may read as what stands for the list */
	good = rest && !has(text, before, "\\") && !has(rest, behind, "\\") &&
	    !has(text, before, walked) && !has(rest, behind, walked);
	if (good) {
		size_t n =
		    (size_t)snprintf(list, (size_t)(rest - list), "\"%s\"", walked);

		memmove(list + n, rest, behind);
		good = answer_read(b, ret_word, q, walked, text, before + n + behind,
			   NULL) == ERR_OK;
	}
	free(text);
	return good;
}

enum err evm_block_read(struct block_facts *ret, struct node_word *ret_word,
    const struct block_question *q, const char *answer, size_t len, struct fail *f)
{
	enum err err;

	*ret = (struct block_facts){ .tx = NULL };
	if (q->way == BLOCK_RECEIPTS && walked_read(ret, ret_word, q, answer, len))
		return ERR_OK;
	block_facts_release(ret);
	err = answer_read(ret, ret_word, q, NULL, answer, len, f);
	if (err != ERR_OK)
		block_facts_release(ret);
	return err;
}

/* -- the second half of a whole block -------------------------------------- */

void evm_block_receipts(struct buf *body, const struct block_facts *facts)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	for (uint32_t i = 0; i < facts->tx_n; i++) {
		rpc_call(&b, "eth_getTransactionReceipt");
		rpc_bytes(&b, facts->tx[i].hash.at, sizeof facts->tx[i].hash.at);
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

static enum err block_receipt_read(struct block_facts *b, struct seen_tx *tx,
    const struct block_question *q, const struct rpc_reply *reply, struct fail *f)
{
	struct address from;
	struct entry_text receipt;

	if (!reply->result)
		return outcome_fail(OF_READ, reply->error, f);
	if (json_is_null(reply->result))
		return fail_set(f, ERR_NODE_BUSY, "the node has no receipt for it yet");
	if (!same_hash(reply->result, "blockHash", &b->head.hash) ||
	    !same_hash(reply->result, "transactionHash", &tx->hash) ||
	    !json_hex_bytes(reply->result, "from", from.at, sizeof from.at) ||
	    memcmp(from.at, q->watched[tx->account].account.at, sizeof from.at) != 0)
		return malformed(f, "a receipt");
	tx->transfers = 0;
	receipt = evm_entry(reply->result, "transactionHash");
	return fill(b, tx, q, &receipt) ? ERR_OK : malformed(f, "a receipt");
}

enum err evm_block_receipts_read(struct block_facts *facts,
    const struct block_question *q, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err;

	CHECK(facts->incomplete);
	err = rpc_read(&a, facts->tx_n, answer, len, f);
	facts->transfers_n = 0;
	for (uint32_t i = 0; i < facts->tx_n && err == ERR_OK; i++)
		err = block_receipt_read(facts, &facts->tx[i], q, &a.replies[i], f);
	rpc_release(&a);
	if (err != ERR_OK)
		return err;
	facts->incomplete = false;
	digest(facts);
	return ERR_OK;
}
