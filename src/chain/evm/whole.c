/* Transactions and receipts, each by its hash. */
#include <string.h>

#include "base/hex.h"
#include "chain/evm/evm.h"
#include "codec/abi.h"
#include "codec/json.h"

/* -- pieces that blocks share ---------------------------------------------- */

#define TOPICS_MAX 4

/* Of any log of any contract. */
static bool is_log(const json_t *entry)
{
	const json_t *topics = json_object_get(entry, "topics");
	const char *data = json_str(entry, "data");
	uint8_t word[32];
	size_t digits;

	if (!json_is_array(topics) || json_array_size(topics) > TOPICS_MAX ||
	    !json_hex_bytes(entry, "address", word, 20) || !data ||
	    strncmp(data, "0x", 2) != 0)
		return false;
	for (size_t i = 0; i < json_array_size(topics); i++)
		if (!rpc_as_bytes(json_array_get(topics, i), word, sizeof word))
			return false;
	digits = strlen(data + 2);
	return digits % 2 == 0 && hex_span(data + 2, digits) == digits;
}

/* The addresses of a transfer, of a log that is one. */
static bool topics_transfer(
    const json_t *topics, struct address *ret_from, struct address *ret_to)
{
	uint8_t word[3][32];

	if (json_array_size(topics) != 3)
		return false;
	for (size_t i = 0; i < 3; i++)
		if (!rpc_as_bytes(json_array_get(topics, i), word[i], sizeof word[i]))
			return false;
	return memcmp(word[0], abi_transfer_topic, sizeof word[0]) == 0 &&
	    abi_word_address(ret_from->at, word[1]) &&
	    abi_word_address(ret_to->at, word[2]);
}

enum evm_log evm_log_parse(
    struct transfer *ret, const json_t *entry, const struct address *from)
{
	uint64_t log_index;
	struct address who;
	uint8_t word[32];

	if (!is_log(entry))
		return EVM_LOG_MALFORMED;
	if (!topics_transfer(json_object_get(entry, "topics"), &who, &ret->to) ||
	    !address_same(&who, from) ||
	    !json_hex_bytes(entry, "data", word, sizeof word))
		return EVM_LOG_OTHER;
	if (!json_hex_bytes(entry, "address", ret->token.at, sizeof ret->token.at) ||
	    !json_hex_u64(entry, "logIndex", &log_index) || log_index > UINT32_MAX)
		return EVM_LOG_MALFORMED;
	ret->amount = amount_decode(word);
	ret->log_index = (uint32_t)log_index;
	return EVM_LOG_TRANSFER;
}

struct entry_text evm_entry(const json_t *entry, const char *hash_key)
{
	const json_t *logs = json_object_get(entry, "logs");

	return (struct entry_text){ .hash = json_str(entry, hash_key),
		.block_hash = json_str(entry, "blockHash"),
		.index = json_str(entry, "transactionIndex"),
		.from = json_str(entry, "from"),
		.height = json_str(entry, "blockNumber"),
		.nonce = json_str(entry, "nonce"),
		.status = json_str(entry, "status"),
		.gas_used = json_str(entry, "gasUsed"),
		.gas_price = json_str(entry, "effectiveGasPrice"),
		.logs = logs,
		.has_logs = json_is_array(logs) };
}

bool evm_status_of(enum tx_status *ret, const struct entry_text *receipt)
{
	uint64_t status;

	if (!receipt->status || !hex_parse_u64(&status, receipt->status) || status > 1)
		return false;
	*ret = status ? TX_OK : TX_REVERTED;
	return true;
}

bool evm_outcome_of(enum tx_status *ret_status, uint64_t *ret_gas_used,
    uint64_t *ret_gas_price, const struct entry_text *receipt)
{
	return evm_status_of(ret_status, receipt) && receipt->gas_used &&
	    hex_parse_u64(ret_gas_used, receipt->gas_used) && receipt->gas_price &&
	    hex_parse_u64(ret_gas_price, receipt->gas_price) && receipt->has_logs;
}

static bool outcome_parse(enum tx_status *ret_status, uint64_t *ret_gas_used,
    uint64_t *ret_gas_price, const json_t *receipt)
{
	struct entry_text e = evm_entry(receipt, "transactionHash");

	return evm_outcome_of(ret_status, ret_gas_used, ret_gas_price, &e);
}

void evm_by_hash(
    struct rpc_batch *b, const char *method, const struct hash *hashes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		rpc_call(b, method);
		rpc_bytes(b, hashes[i].at, sizeof hashes[i].at);
		rpc_call_end(b);
	}
}

static void by_hash(
    struct buf *body, const char *method, const struct hash *hashes, uint32_t n)
{
	struct rpc_batch b;

	rpc_begin(&b, body);
	evm_by_hash(&b, method, hashes, n);
	rpc_end(&b);
}

/* -- transactions ---------------------------------------------------------- */

void evm_transactions(struct buf *body, const struct hash *hashes, uint32_t n)
{
	by_hash(body, "eth_getTransactionByHash", hashes, n);
}

static bool payload_parse(struct whole_tx *ret, const json_t *tx)
{
	const json_t *to = json_object_get(tx, "to");
	const char *input = json_str(tx, "input");
	size_t digits, kept;

	/* one that is left out may have been anybody: that is no contract's creation */
	ret->creates = json_is_null(to);
	if (!ret->creates &&
	    !rpc_as_bytes(to, ret->payload.to.at, sizeof ret->payload.to.at))
		return false;
	if (!json_hex_amount(tx, "value", &ret->payload.value))
		return false;
	if (!input || strncmp(input, "0x", 2) != 0)
		return false;
	digits = strlen(input + 2);
	if (digits % 2 || digits / 2 > UINT32_MAX)
		return false;
	ret->payload.data_len = (uint32_t)(digits / 2);
	kept = digits / 2 < PAYLOAD_DATA_MAX ? digits / 2 : PAYLOAD_DATA_MAX;
	return hex_parse(ret->payload.data, kept, input + 2, 2 * kept);
}

static bool has(const json_t *tx, const char *name)
{
	return !rpc_is_null(json_object_get(tx, name));
}

static bool fee_parse(const json_t *tx, const char *name, uint64_t *ret, bool *ret_fits)
{
	struct amount a;

	if (!rpc_as_amount(json_object_get(tx, name), &a))
		return false;
	*ret = a.limb[0];
	*ret_fits &= !(a.limb[1] | a.limb[2] | a.limb[3]);
	return true;
}

/* Zero where they are none that we would sign: such a transaction carries no tag. false:
 * they are not as nodes write them, and may have had one. */
static bool fees_parse(struct fees *ret, const json_t *tx)
{
	uint64_t type = FEE_LEGACY;
	bool dynamic, whole, fits = true;

	if (has(tx, "type") && !json_hex_u64(tx, "type", &type))
		return false;
	/* Some nodes leave it out: then only the other kind has these members. */
	dynamic = has(tx, "type")
	    ? type == FEE_1559
	    : has(tx, "maxFeePerGas") || has(tx, "maxPriorityFeePerGas");
	*ret = (struct fees){ .type = dynamic ? FEE_1559 : FEE_LEGACY };
	whole = fee_parse(tx, "gas", &ret->gas, &fits) &&
	    fee_parse(tx, dynamic ? "maxFeePerGas" : "gasPrice", &ret->max_fee, &fits) &&
	    (!dynamic || fee_parse(tx, "maxPriorityFeePerGas", &ret->tip, &fits));
	if (!whole || !fits)
		*ret = (struct fees){ .type = ret->type };
	return whole || type > FEE_1559;
}

static bool transaction_parse(struct whole_tx *ret, const json_t *tx)
{
	if (!json_hex_bytes(tx, "hash", ret->hash.at, sizeof ret->hash.at) ||
	    !json_hex_bytes(tx, "from", ret->from.at, sizeof ret->from.at) ||
	    !json_hex_u63(tx, "nonce", &ret->nonce) || !payload_parse(ret, tx) ||
	    !fees_parse(&ret->fees, tx))
		return false;
	ret->known = true;
	ret->included = !rpc_is_null(json_object_get(tx, "blockHash"));
	if (!ret->included)
		return true;
	return json_hex_bytes(
		   tx, "blockHash", ret->block_hash.at, sizeof ret->block_hash.at) &&
	    json_hex_u63(tx, "blockNumber", &ret->height);
}

enum err evm_transaction_reply(
    struct whole_tx *ret, const struct rpc_reply *reply, struct fail *f)
{
	*ret = (struct whole_tx){ .known = false };
	if (!reply->result)
		return outcome_fail(OF_READ, reply->error, f);
	if (json_is_null(reply->result))
		return ERR_OK;
	if (!transaction_parse(ret, reply->result))
		return fail_set(f, ERR_BAD_ANSWER, "a transaction is malformed");
	return ERR_OK;
}

enum err evm_transactions_read(
    struct whole_tx *ret, uint32_t n, const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, n, answer, len, f);

	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		err = evm_transaction_reply(&ret[i], &a.replies[i], f);
	rpc_release(&a);
	return err;
}

/* -- receipts -------------------------------------------------------------- */

void evm_receipts(struct buf *body, const struct hash *hashes, uint32_t n)
{
	by_hash(body, "eth_getTransactionReceipt", hashes, n);
}

/* false: more than an amount can hold, and so nothing that is believed. */
static bool arrived_add(
    struct receipt *ret, const struct transfer *t, const struct payment *want)
{
	if (!want || !want->token || !address_same(&t->token, &want->asset) ||
	    !address_same(&t->to, &want->to))
		return true;
	ret->arrived = amount_add(&ret->amount, &ret->amount, &t->amount);
	return ret->arrived;
}

static bool transfers_parse(
    struct receipt *ret, const struct payment *want, const json_t *logs)
{
	struct transfer t;

	for (size_t i = 0; i < json_array_size(logs); i++) {
		enum evm_log log = evm_log_parse(&t, json_array_get(logs, i), &ret->from);

		if (log == EVM_LOG_MALFORMED)
			return false;
		if (log == EVM_LOG_OTHER)
			continue;
		if (ret->transfers++ == 0)
			ret->transfer = t;
		if (!arrived_add(ret, &t, want))
			want = NULL;
	}
	return true;
}

static bool receipt_parse(
    struct receipt *ret, const struct payment *want, const json_t *r)
{
	uint64_t index;

	if (!json_hex_bytes(r, "transactionHash", ret->hash.at, sizeof ret->hash.at) ||
	    !json_hex_bytes(
		r, "blockHash", ret->block_hash.at, sizeof ret->block_hash.at) ||
	    !json_hex_bytes(r, "from", ret->from.at, sizeof ret->from.at) ||
	    !json_hex_u63(r, "blockNumber", &ret->height) ||
	    !json_hex_u64(r, "transactionIndex", &index) || index > UINT32_MAX ||
	    !outcome_parse(&ret->status, &ret->gas_used, &ret->gas_price, r))
		return false;
	ret->known = true;
	ret->index = (uint32_t)index;
	return transfers_parse(ret, want, json_object_get(r, "logs"));
}

static enum err receipt_read(struct receipt *ret, const struct payment *want,
    const struct rpc_reply *reply, struct fail *f)
{
	*ret = (struct receipt){ .known = false };
	if (!reply->result)
		return outcome_fail(OF_READ, reply->error, f);
	if (json_is_null(reply->result))
		return ERR_OK;
	if (!receipt_parse(ret, want, reply->result))
		return fail_set(f, ERR_BAD_ANSWER, "a receipt is malformed");
	return ERR_OK;
}

enum err evm_receipts_read(struct receipt *ret, const struct payment *wants, uint32_t n,
    const char *answer, size_t len, struct fail *f)
{
	struct rpc_answer a;
	enum err err = rpc_read(&a, n, answer, len, f);

	for (uint32_t i = 0; i < n && err == ERR_OK; i++)
		err = receipt_read(&ret[i], wants ? &wants[i] : NULL, &a.replies[i], f);
	rpc_release(&a);
	return err;
}
