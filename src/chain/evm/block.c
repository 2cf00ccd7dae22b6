/* One block in one request: our transactions in it, our counts at it. */
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "chain/evm/evm.h"
#include "codec/abi.h"

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
	if (q->at_height) {
		rpc_call(b, "eth_getBlockByNumber");
		rpc_u64(b, q->height);
		rpc_json(b, "true");
	} else if (q->way == BLOCK_WHOLE) {
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

/* -- reading --------------------------------------------------------------- */

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

static enum err whole_read(struct block_facts *b, const struct block_question *q,
    const json_t *block, struct fail *f)
{
	struct block_question its = *q;

	if (!evm_head_parse(&b->head, block) || b->head.height != q->height)
		return malformed(f, "the block");
	if (q->at_height)
		its.hash = b->head.hash;
	if (!hash_same(&b->head.hash, &its.hash) ||
	    !evm_list_parse(b, &its, json_object_get(block, "transactions")))
		return malformed(f, "the block");
	b->incomplete = b->tx_n > 0;
	return ERR_OK;
}

/* Some nodes give an empty list while they have no receipts yet. Only the block itself
 * can say that there is nothing in it, as on chains that hide their own transactions. */
static enum err left_out(struct node_word *word, struct fail *f)
{
	*word = (struct node_word){ .err = ERR_NODE_BUSY, .note = NOTE_NO_METHOD };
	return fail_set(
	    f, ERR_NODE_BUSY, "the node gives no receipts of a block that used gas");
}

static enum err content_read(struct block_facts *b, struct node_word *word,
    const struct block_question *q, const struct rpc_reply *reply, struct fail *f)
{
	if (!reply->result)
		return refused(word, OF_READ, reply, f);
	if (json_is_null(reply->result))
		return null_block(f);
	if (q->way == BLOCK_RECEIPTS && q->used && !json_array_size(reply->result) &&
	    json_is_array(reply->result) && !MUTANT(empty_list_believed))
		return left_out(word, f);
	if (q->way == BLOCK_RECEIPTS)
		return evm_list_parse(b, q, reply->result) ? ERR_OK
							   : malformed(f, "a receipt");
	return whole_read(b, q, reply->result, f);
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
		ret->has_count = rpc_as_u63(replies->result, &ret->count);
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
		block_facts_digest(b);
	return err;
}

/* walked: the text that stands for the list, which the facts have already; NULL: none. */
static enum err answer_read(struct block_facts *b, struct node_word *ret_word,
    const struct block_question *q, const char *walked, const char *answer, size_t len,
    struct fail *f)
{
	struct block_question its = *q;
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
		its.used = false;
	}
	if (err == ERR_OK)
		err = facts_read(b, ret_word, &its, a.replies, f);
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
	char *text = mem_strn(answer, len), *list = strstr(text, begin), *rest = NULL;
	size_t before, behind;
	bool good;

	if (list) {
		list += strlen("\"result\":");
		rest = evm_list_walk(b, q, list);
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
	mem_free(text);
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
