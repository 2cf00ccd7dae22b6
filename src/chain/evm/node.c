/* Who the node is, what gas costs, and what accounts and tokens are. */
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "chain/evm/evm.h"
#include "codec/abi.h"
#include "codec/json.h"

#define FEE_BLOCKS 10

/* -- identity -------------------------------------------------------------- */

enum { IDENTITY_CHAIN_ID, IDENTITY_GENESIS, IDENTITY_CALLS };

void evm_identity(struct buf *body)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	rpc_call(&b, "eth_chainId");
	rpc_call_end(&b);
	rpc_call(&b, "eth_getBlockByNumber");
	rpc_u64(&b, 0);
	rpc_json(&b, "false");
	rpc_call_end(&b);
	rpc_end(&b);
}

static enum err identity_parse(
    struct identity *ret, const struct rpc_reply *replies, struct fail *f)
{
	const struct rpc_reply *id = &replies[IDENTITY_CHAIN_ID];
	const struct rpc_reply *genesis = &replies[IDENTITY_GENESIS];

	if (!id->result)
		return outcome_fail(OF_READ, id->error, f);
	if (!genesis->result)
		return outcome_fail(OF_READ, genesis->error, f);
	if (!rpc_as_u64(id->result, &ret->chain_id) || ret->chain_id == 0)
		return fail_set(f, ERR_BAD_ANSWER, "the chain id is no number");
	if (!json_hex_bytes(
		genesis->result, "hash", ret->genesis.at, sizeof ret->genesis.at))
		return fail_set(f, ERR_BAD_ANSWER, "the node shows no block 0");
	return ERR_OK;
}

enum err evm_identity_read(
    struct identity *ret, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, IDENTITY_CALLS, answer, len, f);

	*ret = (struct identity){ .chain_id = 0 };
	if (err == ERR_OK)
		err = identity_parse(ret, a.replies, f);
	rpc_release(&a);
	return err;
}

void evm_client(struct buf *body)
{
	rpc_ask(body, "web3_clientVersion");
}

enum err evm_client_read(
    char ret[CLIENT_MAX], const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, 1, answer, len, f);
	const char *said = err ? NULL : json_string_value(a.replies[0].result);

	rpc_printable(ret, CLIENT_MAX, said ? said : "");
	rpc_release(&a);
	return err;
}

/* -- fees ------------------------------------------------------------------ */

enum { MARKET_HISTORY, MARKET_TIP, MARKET_CALLS };

void evm_market(struct buf *body, const struct head *head)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	if (head->has_base_fee) {
		rpc_call(&b, "eth_feeHistory");
		rpc_u64(&b, FEE_BLOCKS);
		rpc_text(&b, "latest");
		rpc_json(&b, "[50]");
		rpc_call_end(&b);
		rpc_call(&b, "eth_maxPriorityFeePerGas");
	} else {
		rpc_call(&b, "eth_gasPrice");
	}
	rpc_call_end(&b);
	rpc_end(&b);
}

/* The middle one of the medians of up to FEE_BLOCKS blocks; no rewards: 0. */
static bool median_reward(uint64_t *ret, const json_t *rewards)
{
	uint64_t sorted[FEE_BLOCKS] = { 0 };
	size_t n = json_array_size(rewards);

	*ret = 0;
	if (n > FEE_BLOCKS)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t v;
		size_t at = i;

		if (!rpc_as_u64(json_array_get(json_array_get(rewards, i), 0), &v))
			return false;
		for (; at > 0 && sorted[at - 1] > v; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = v;
	}
	if (n)
		*ret = sorted[n / 2];
	return true;
}

static bool history_parse(struct fee_market *ret, const json_t *history)
{
	const json_t *base = json_object_get(history, "baseFeePerGas");
	size_t n = json_array_size(base);

	return n > 0 && n <= FEE_BLOCKS + 1 &&
	    rpc_as_u64(json_array_get(base, n - 1), &ret->next_base_fee) &&
	    median_reward(&ret->tip, json_object_get(history, "reward"));
}

/* Where the node has no such method: the head's own, by the rule, and its word. */
static enum err market_plain(struct fee_market *ret, const struct head *head,
    const struct rpc_reply *tip, struct fail *f)
{
	if (!tip->result)
		return outcome_fail(OF_READ, tip->error, f);
	if (!rpc_as_u64(tip->result, &ret->tip))
		return fail_set(f, ERR_BAD_ANSWER, "the tip is malformed");
	ret->next_base_fee = head->next_base_fee;
	return ERR_OK;
}

static enum err market_1559(struct fee_market *ret, const struct head *head,
    const struct rpc_reply *replies, struct fail *f)
{
	const struct rpc_reply *history = &replies[MARKET_HISTORY];
	struct node_word word;
	uint64_t tip;

	ret->has_1559 = true;
	outcome_read(&word, OF_READ, history->error);
	if (!history->result && word.note == NOTE_NO_METHOD)
		return market_plain(ret, head, &replies[MARKET_TIP], f);
	if (!history->result)
		return outcome_fail(OF_READ, history->error, f);
	if (!history_parse(ret, history->result))
		return fail_set(f, ERR_BAD_ANSWER, "the fee history is malformed");
	if (rpc_as_u64(replies[MARKET_TIP].result, &tip) && tip > ret->tip)
		ret->tip = tip;
	return ERR_OK;
}

static enum err market_legacy(
    struct fee_market *ret, const struct rpc_reply *price, struct fail *f)
{
	if (!price->result)
		return outcome_fail(OF_READ, price->error, f);
	if (!rpc_as_u64(price->result, &ret->tip))
		return fail_set(f, ERR_BAD_ANSWER, "the gas price is malformed");
	return ERR_OK;
}

enum err evm_market_read(struct fee_market *ret, const struct head *head,
    const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err =
	    rpc_read(&a, head->has_base_fee ? MARKET_CALLS : 1, answer, len, f);

	*ret = (struct fee_market){ .tip = 0 };
	if (err == ERR_OK)
		err = head->has_base_fee ? market_1559(ret, head, a.replies, f)
					 : market_legacy(ret, a.replies, f);
	rpc_release(&a);
	return err;
}

/* -- tokens ---------------------------------------------------------------- */

enum { TOKEN_DECIMALS, TOKEN_SYMBOL, TOKEN_BALANCE, TOKEN_CODE, TOKEN_CALLS };

#define STRING_MAX 1024

static void token_call(
    struct rpc_batch *b, const struct address *token, const void *data, size_t len)
{
	char to[41], call[73], json[160];

	CHECK(len <= 36);
	hex_format(to, token->at, sizeof token->at);
	hex_format(call, data, len);
	snprintf(json, sizeof json, "{\"to\":\"0x%s\",\"data\":\"0x%s\"}", to, call);
	rpc_call(b, "eth_call");
	rpc_json(b, json);
	rpc_text(b, "latest");
	rpc_call_end(b);
}

void evm_token(
    struct buf *body, const struct address *token, const struct address *holder)
{
	struct rpc_batch b;
	uint8_t balance_of[36];

	abi_balance_of_encode(balance_of, holder->at);
	rpc_begin(&b, body);
	token_call(&b, token, abi_decimals_call, sizeof abi_decimals_call);
	token_call(&b, token, abi_symbol_call, sizeof abi_symbol_call);
	token_call(&b, token, balance_of, sizeof balance_of);
	rpc_call(&b, "eth_getCode");
	rpc_bytes(&b, token->at, sizeof token->at);
	rpc_text(&b, "latest");
	rpc_call_end(&b);
	rpc_end(&b);
}

/* One word of an eth_call; longer answers are no number. */
static bool word_parse(struct amount *ret, const json_t *v)
{
	uint8_t word[32];

	if (!rpc_as_bytes(v, word, sizeof word))
		return false;
	*ret = amount_decode(word);
	return true;
}

static void symbol_parse(char out[32], const json_t *v)
{
	const char *hex = json_string_value(v);
	uint8_t data[STRING_MAX];
	size_t len = hex ? strlen(hex) : 0;

	out[0] = '\0';
	if (len < 2 || len / 2 - 1 > sizeof data || !hex_parse_0x(data, len / 2 - 1, hex))
		return;
	if (!abi_string_decode(out, data, len / 2 - 1))
		out[0] = '\0';
}

static enum err number_read(
    struct amount *ret, const struct rpc_reply *reply, const char *what, struct fail *f)
{
	if (!reply->result) {
		enum err err = outcome_fail(OF_CALL, reply->error, f);

		return fail_wrap(f, err, "%s", what);
	}
	if (!word_parse(ret, reply->result))
		return fail_set(f, ERR_BAD_ANSWER, "%s is not one word", what);
	return ERR_OK;
}

static enum err token_parse(
    struct token_facts *ret, const struct rpc_reply *replies, struct fail *f)
{
	const char *code = json_string_value(replies[TOKEN_CODE].result);
	struct amount decimals;
	uint64_t small;
	enum err err;

	if (!code)
		return outcome_fail(OF_READ, replies[TOKEN_CODE].error, f);
	ret->has_code = strlen(code) > 2;
	if (!ret->has_code)
		return ERR_OK;
	err = number_read(&decimals, &replies[TOKEN_DECIMALS], "decimals()", f);
	if (err != ERR_OK)
		return err;
	if (!amount_to_u64(&decimals, &small) || small > UINT8_MAX)
		return fail_set(f, ERR_BAD_ANSWER, "decimals() is above 255");
	ret->decimals = (uint8_t)small;
	symbol_parse(ret->symbol, replies[TOKEN_SYMBOL].result);
	return number_read(&ret->balance, &replies[TOKEN_BALANCE], "balanceOf()", f);
}

enum err evm_token_read(
    struct token_facts *ret, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, TOKEN_CALLS, answer, len, f);

	*ret = (struct token_facts){ .decimals = 0 };
	if (err == ERR_OK)
		err = token_parse(ret, a.replies, f);
	rpc_release(&a);
	return err;
}

/* -- accounts -------------------------------------------------------------- */

enum { ACCOUNT_COUNT, ACCOUNT_BALANCE, ACCOUNT_CALLS };

static void account_call(
    struct rpc_batch *b, const char *method, const struct address *who)
{
	rpc_call(b, method);
	rpc_bytes(b, who->at, sizeof who->at);
	rpc_text(b, "latest");
	rpc_call_end(b);
}

void evm_account(struct buf *body, const struct address *who)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	account_call(&b, "eth_getTransactionCount", who);
	account_call(&b, "eth_getBalance", who);
	rpc_end(&b);
}

static enum err account_parse(uint64_t *ret_count, struct amount *ret_balance,
    const struct rpc_reply *replies, struct fail *f)
{
	for (int i = 0; i < ACCOUNT_CALLS; i++)
		if (!replies[i].result)
			return outcome_fail(OF_READ, replies[i].error, f);
	if (!rpc_as_u63(replies[ACCOUNT_COUNT].result, ret_count) ||
	    !rpc_as_amount(replies[ACCOUNT_BALANCE].result, ret_balance))
		return fail_set(f, ERR_BAD_ANSWER, "count or balance is malformed");
	return ERR_OK;
}

enum err evm_account_read(uint64_t *ret_count, struct amount *ret_balance,
    const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, ACCOUNT_CALLS, answer, len, f);

	if (err == ERR_OK)
		err = account_parse(ret_count, ret_balance, a.replies, f);
	rpc_release(&a);
	return err;
}

void evm_counts_at(
    struct buf *body, const struct address *account, const uint64_t *heights, uint32_t n)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	for (uint32_t i = 0; i < n; i++) {
		rpc_call(&b, "eth_getTransactionCount");
		rpc_bytes(&b, account->at, sizeof account->at);
		rpc_u64(&b, heights[i]);
		rpc_call_end(&b);
	}
	rpc_end(&b);
}

/* A node without the state of that height has no count, and that is no failure. */
static enum err count_read(
    uint64_t *ret, bool *ret_known, const struct rpc_reply *reply, struct fail *f)
{
	struct node_word word;

	*ret_known = false;
	if (!reply->result) {
		outcome_read(&word, OF_READ, reply->error);
		if (word.note == NOTE_NO_STATE)
			return ERR_OK;
		return outcome_fail(OF_READ, reply->error, f);
	}
	if (!rpc_as_u63(reply->result, ret))
		return fail_set(f, ERR_BAD_ANSWER, "a count is malformed");
	*ret_known = true;
	return ERR_OK;
}

enum err evm_counts_read(uint64_t *ret, bool *ret_known, uint32_t n, const char *answer,
    size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, n, answer, len, f);

	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		err = count_read(&ret[i], &ret_known[i], &a.replies[i], f);
	rpc_release(&a);
	return err;
}

/* -- a pool ------------------------------------------------------------------ */

/* The count shows what could be in the next block, the other call what waits behind a
 * gap too: geth's, and what erigon, nethermind and reth have of it. */
void evm_pool(struct buf *body, const struct address *account)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	rpc_call(&b, "eth_getTransactionCount");
	rpc_bytes(&b, account->at, sizeof account->at);
	rpc_text(&b, "pending");
	rpc_call_end(&b);
	rpc_call(&b, "txpool_contentFrom");
	rpc_bytes(&b, account->at, sizeof account->at);
	rpc_call_end(&b);
	rpc_end(&b);
}

/* By nonce: what can be mined, and what waits behind a gap; erigon has a third group. */
static enum pool_shows content_shows(const json_t *content)
{
	const json_t *pending = json_object_get(content, "pending"),
		     *queued = json_object_get(content, "queued");

	if (json_object_size(pending) || json_object_size(queued) ||
	    json_object_size(json_object_get(content, "baseFee")))
		return POOL_SOMETHING;
	return json_is_object(pending) && json_is_object(queued) ? POOL_NOTHING
								 : POOL_HIDDEN;
}

/* Only who is busy is asked again: whatever else it says, its pool is not seen. */
static enum err content_read(
    enum pool_shows *ret, const struct rpc_reply *reply, struct fail *f)
{
	struct node_word word;

	*ret = POOL_HIDDEN;
	if (reply->result) {
		*ret = content_shows(reply->result);
		return ERR_OK;
	}
	outcome_read(&word, OF_READ, reply->error);
	if (reply->error && word.err != ERR_NODE_BUSY)
		return ERR_OK;
	return outcome_fail(OF_READ, reply->error, f);
}

enum err evm_pool_read(
    enum pool_shows *ret, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	uint64_t count = 0;
	bool known;
	enum err err = rpc_read(&a, 2, answer, len, f);

	if (err == ERR_OK)
		err = count_read(&count, &known, &a.replies[0], f);
	if (err == ERR_OK)
		err = content_read(ret, &a.replies[1], f);
	if (MUTANT(gap_not_looked_into))
		*ret = POOL_NOTHING;
	if (err == ERR_OK && count)
		*ret = POOL_SOMETHING;
	if (err == ERR_OK && !known && *ret == POOL_NOTHING)
		*ret = POOL_HIDDEN;
	rpc_release(&a);
	return err;
}
