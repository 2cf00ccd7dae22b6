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
	uint32_t before, block, receipts, accounts, finalized, after;
	uint32_t calls;
};

static bool wants_receipts(const struct block_question *q)
{
	return q->way == BLOCK_RECEIPTS && (!q->at_height || q->every);
}

static bool wants_block(const struct block_question *q)
{
	return q->way == BLOCK_WHOLE || q->at_height || q->every;
}

static uint32_t account_calls(const struct block_question *q, uint32_t at)
{
	const struct watched *w = &q->watched[at];

	return q->bare ? 0 : 1U + w->balance + w->token_balance;
}

static struct layout layout_of(const struct block_question *q)
{
	struct layout l = { .before = NOT_ASKED,
		.block = NOT_ASKED,
		.receipts = NOT_ASKED,
		.finalized = NOT_ASKED,
		.after = NOT_ASKED };

	if (q->by_number)
		l.before = l.calls++;
	if (wants_block(q))
		l.block = l.calls++;
	if (wants_receipts(q))
		l.receipts = l.calls++;
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

static void ask_block(struct rpc_batch *b, const struct block_question *q)
{
	if (q->at_height) {
		rpc_call(b, "eth_getBlockByNumber");
		rpc_u64(b, q->height);
	} else {
		rpc_call(b, "eth_getBlockByHash");
		rpc_bytes(b, q->hash.at, sizeof q->hash.at);
	}
	rpc_json(b, "true");
	rpc_call_end(b);
}

static void ask_receipts(struct rpc_batch *b, const struct block_question *q)
{
	rpc_call(b, "eth_getBlockReceipts");
	if (q->at_height || q->by_number)
		rpc_u64(b, q->height);
	else
		rpc_bytes(b, q->hash.at, sizeof q->hash.at);
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
	if (wants_block(q))
		ask_block(&b, q);
	if (wants_receipts(q))
		ask_receipts(&b, q);
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

/* An answer that is being read. */
struct reading {
	const struct block_question *q;
	struct block_facts *b;
	struct node_word *word;
	struct evm_list block, receipts;
};

static void reading_init(struct reading *r, struct block_facts *b, struct node_word *word,
    const struct block_question *q)
{
	*r = (struct reading){ .q = q, .b = b, .word = word };
	*b = (struct block_facts){ .tx = NULL };
	*word = (struct node_word){ .err = ERR_OK, .note = NOTE_NONE };
	evm_list_init(&r->block, b, q, false);
	evm_list_init(&r->receipts, b, q, true);
	r->block.ours = !wants_receipts(q);
}

static void reading_release(struct reading *r, enum err err)
{
	evm_every_release(&r->block.every);
	evm_every_release(&r->receipts.every);
	if (err != ERR_OK)
		block_facts_release(r->b);
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

/* A list that was read from its text has something that stands for it in what is left. */
static bool list_read(struct evm_list *l, const json_t *list)
{
	const char *text = json_string_value(list);

	if (l->stands)
		return text && strcmp(text, l->stands) == 0;
	return evm_list_parse(l, list);
}

/* Each list is of one block: this one. */
static bool of_block(const struct evm_list *l, const struct hash *hash)
{
	return !l->n || hash_same(&l->hash, hash);
}

static enum err block_read(
    struct reading *r, const struct rpc_reply *reply, struct fail *f)
{
	struct head *head = &r->b->head;

	if (!reply->result)
		return refused(r->word, OF_READ, reply, f);
	if (json_is_null(reply->result))
		return null_block(f);
	if (!evm_head_parse(head, reply->result) || head->height != r->q->height ||
	    (!r->q->at_height && !hash_same(&head->hash, &r->q->hash)) ||
	    !list_read(&r->block, json_object_get(reply->result, "transactions")) ||
	    !of_block(&r->block, &head->hash))
		return malformed(f, "the block");
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

/* Who has the block's list, too, can do without: its transactions are asked for one by
 * one then. */
static enum err receipts_given(
    struct reading *r, const struct rpc_reply *reply, bool *ret, struct fail *f)
{
	bool every = r->q->every,
	     empty = json_is_array(reply->result) && !json_array_size(reply->result);
	struct node_word said;

	*ret = true;
	if (!reply->result) {
		outcome_read(&said, OF_READ, reply->error);
		if (!every || said.note != NOTE_NO_METHOD)
			return refused(r->word, OF_READ, reply, f);
		*r->word = said;
		*ret = false;
		return ERR_OK;
	}
	if (json_is_null(reply->result))
		return null_block(f);
	if (empty && every)
		*ret = false;
	else if (empty && r->q->used && !MUTANT(empty_list_believed))
		return left_out(r->word, f);
	return ERR_OK;
}

static enum err every_put(struct reading *r, bool given, struct fail *f)
{
	struct block_facts *b = r->b;
	bool good = given ? evm_every_match(b, &r->block.every, &r->receipts.every)
			  : evm_every_put(b, &r->block.every);

	if (!good)
		return fail_set(f, ERR_BAD_ANSWER,
		    "the transactions of the block and its receipts are not the same");
	b->incomplete = !given && b->every_n > 0;
	if (b->incomplete && wants_receipts(r->q))
		r->word->note = NOTE_NO_METHOD;
	return ERR_OK;
}

static enum err content_read(struct reading *r, const struct layout *l,
    const struct rpc_reply *replies, struct fail *f)
{
	bool given = false;
	enum err err = ERR_OK;

	if (wants_receipts(r->q))
		err = receipts_given(r, &replies[l->receipts], &given, f);
	r->block.ours = !given;
	if (err == ERR_OK && wants_block(r->q))
		err = block_read(r, &replies[l->block], f);
	if (err == ERR_OK && given &&
	    (!list_read(&r->receipts, replies[l->receipts].result) ||
		!of_block(&r->receipts, &r->b->head.hash)))
		err = malformed(f, "a receipt");
	if (err == ERR_OK && r->q->every)
		return every_put(r, given, f);
	r->b->incomplete = !given && r->b->tx_n > 0;
	return err;
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

static enum err facts_read(
    struct reading *r, const struct rpc_reply *replies, struct fail *f)
{
	const struct block_question *q = r->q;
	struct layout l = layout_of(q);
	struct block_facts *b = r->b;
	enum err err = ERR_OK;

	b->head.height = q->height;
	b->head.hash = q->hash;
	if (q->by_number)
		err = place_read(b, r->word, q, &replies[l.before], f);
	if (err == ERR_OK && q->by_number)
		err = place_read(b, r->word, q, &replies[l.after], f);
	if (err == ERR_OK)
		err = content_read(r, &l, replies, f);
	if (err == ERR_OK)
		err = accounts_read(b, r->word, q, &replies[l.accounts], f);
	if (err == ERR_OK && q->finalized)
		finalized_read(b, &replies[l.finalized]);
	if (err == ERR_OK && !b->incomplete)
		block_facts_digest(b);
	return err;
}

static enum err answer_read(
    struct reading *r, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, layout_of(r->q).calls, answer, len, f);

	if (err == ERR_OK)
		err = facts_read(r, a.replies, f);
	rpc_release(&a);
	return err;
}

/* -- reading from the text -------------------------------------------------- */

#define STANDS "walked"

static bool has(const char *text, const char *what, int times)
{
	while ((text = strstr(text, what)) != NULL) {
		text++;
		times--;
	}
	return times == 0;
}

/* begin: how the list does, with its first entry. false: it is not there, or not as nodes
 * write it. */
static bool list_walk(struct evm_list *l, char *text, const char *begin)
{
	char *list = strstr(text, begin), *rest = NULL;
	size_t n;

	if (list) {
		list += strlen(begin) - strlen("[{");
		rest = evm_list_walk(l, list);
	}
	if (!rest)
		return false;
	l->stands = l->receipts ? STANDS " receipts" : STANDS " transactions";
	n = (size_t)snprintf(list, (size_t)(rest - list), "\"%s\"", l->stands);
	memmove(list + n, rest, strlen(rest) + 1);
	return true;
}

/* The lists are read from the text, the rest of the answer as any other. false: they are
 * not as nodes write them, and the parser has to read it all. */
static bool walked_read(struct reading *r, const char *answer, size_t len)
{
	char *text = mem_strn(answer, len);
	bool good = strlen(text) == len;
	int lists = 0;

	if (good && wants_receipts(r->q)) {
		good = list_walk(&r->receipts, text, "\"result\":[{");
		lists++;
	}
	if (good && wants_block(r->q)) {
		good = list_walk(&r->block, text, "\"transactions\":[{");
		lists++;
	}
	/* nothing else may read as what stands for a list */
	good = good && has(text, "\\", 0) && has(text, STANDS, lists) &&
	    answer_read(r, text, strlen(text), NULL) == ERR_OK;
	mem_free(text);
	return good;
}

enum err evm_block_read(struct block_facts *ret, struct node_word *ret_word,
    const struct block_question *q, const char *answer, size_t len, struct fail *f)
{
	struct reading r;
	enum err err = ERR_OK;

	reading_init(&r, ret, ret_word, q);
	if (!walked_read(&r, answer, len)) {
		reading_release(&r, ERR_BAD_ANSWER);
		reading_init(&r, ret, ret_word, q);
		err = answer_read(&r, answer, len, f);
	}
	reading_release(&r, err);
	return err;
}
