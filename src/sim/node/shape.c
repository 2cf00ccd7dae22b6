#include "sim/node/shape.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "codec/abi.h"
#include "codec/rlp.h"
#include "sim/chain/execute.h"

#define ZEROS_8 "00000000"
#define ZEROS_64 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8
#define ZEROS_512 ZEROS_64 ZEROS_64 ZEROS_64 ZEROS_64 ZEROS_64 ZEROS_64 ZEROS_64 ZEROS_64
#define WORD_0 "\"0x" ZEROS_64 "\""
#define BLOOM_0 "\"0x" ZEROS_512 "\""

/* -- pieces ---------------------------------------------------------------- */

void sim_shape_u64(struct buf *out, uint64_t v)
{
	char digits[16];
	size_t n = sizeof digits;

	do {
		digits[--n] = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v);
	buf_add(out, "\"0x", 3);
	buf_add(out, digits + n, sizeof digits - n);
	buf_add_byte(out, '"');
}

void sim_shape_amount(struct buf *out, const struct amount *a)
{
	char text[67];

	amount_format_hex(text, a);
	buf_addf(out, "\"%s\"", text);
}

void sim_shape_bytes(struct buf *out, const void *data, size_t len)
{
	buf_add(out, "\"0x", 3);
	buf_add_hex(out, data, len);
	buf_add_byte(out, '"');
}

static void key(struct buf *out, const char *name)
{
	if (out->len && out->data[out->len - 1] != '{')
		buf_add_byte(out, ',');
	buf_add_byte(out, '"');
	buf_add_str(out, name);
	buf_add(out, "\":", 2);
}

static void member_u64(struct buf *out, const char *name, uint64_t v)
{
	key(out, name);
	sim_shape_u64(out, v);
}

static void member_hash(struct buf *out, const char *name, const struct hash *h)
{
	key(out, name);
	sim_shape_bytes(out, h->at, sizeof h->at);
}

static void member_address(struct buf *out, const char *name, const struct sim_account *a)
{
	key(out, name);
	if (a)
		sim_shape_bytes(out, a->at.at, sizeof a->at.at);
	else
		buf_add_str(out, "null");
}

static void member_json(struct buf *out, const char *name, const char *json)
{
	key(out, name);
	buf_add_str(out, json);
}

/* -- blocks ---------------------------------------------------------------- */

struct hash sim_told_hash(const struct sim_block *b, struct sim_slant slant)
{
	struct hash h = { { 0 } };

	if (!b)
		return h;
	h = b->hash;
	if (slant.other_genesis && b->height == 0)
		h.at[0] ^= 0xff;
	return h;
}

static void block_hashes(
    struct buf *out, const struct sim_block *b, struct sim_slant slant)
{
	struct hash own = sim_told_hash(b, slant),
		    parent = sim_told_hash(b->parent, slant);

	member_hash(out, "hash", &own);
	member_hash(out, "parentHash", &parent);
}

static void block_transactions(struct buf *out, const struct sim_block *b, bool whole)
{
	key(out, "transactions");
	buf_add_byte(out, '[');
	for (const struct sim_inclusion *i = b->first; i; i = i->next) {
		if (i != b->first)
			buf_add_byte(out, ',');
		if (whole)
			sim_shape_tx(out, i->tx, i);
		else
			sim_shape_bytes(out, i->tx->hash.at, sizeof i->tx->hash.at);
	}
	buf_add_byte(out, ']');
}

static void block_zeros(struct buf *out)
{
	member_json(out, "difficulty", "\"0x0\"");
	member_json(out, "extraData", "\"0x\"");
	member_json(out, "logsBloom", BLOOM_0);
	member_json(out, "miner", "\"0x" ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 "\"");
	member_json(out, "mixHash", WORD_0);
	member_json(out, "nonce", "\"0x" ZEROS_8 ZEROS_8 "\"");
	member_json(out, "receiptsRoot", WORD_0);
	member_json(out, "sha3Uncles", WORD_0);
	member_json(out, "size", "\"0x220\"");
	member_json(out, "stateRoot", WORD_0);
	member_json(out, "transactionsRoot", WORD_0);
	member_json(out, "uncles", "[]");
}

void sim_shape_block(
    struct buf *out, const struct sim_block *b, bool whole, struct sim_slant slant)
{
	buf_add_byte(out, '{');
	member_u64(out, "number", b->height);
	block_hashes(out, b, slant);
	member_u64(out, "timestamp", b->time_s);
	member_u64(out, "gasLimit", b->gas_limit);
	member_u64(out, "gasUsed", b->gas_used);
	member_u64(out, "baseFeePerGas", slant.base_fee ? slant.base_fee : b->base_fee);
	block_transactions(out, b, whole);
	if (!slant.lean)
		block_zeros(out);
	buf_add_byte(out, '}');
}

/* -- transactions ---------------------------------------------------------- */

/* The last three items of the raw list. */
static void signature_of(
    const struct sim_tx *t, uint64_t *v, struct amount *r, struct amount *s)
{
	size_t typed = t->type == FEE_1559;
	struct rlp outer, items;
	struct rlp_item list, item;
	const uint8_t *at[16];
	int n = 0;

	rlp_init(&outer, t->raw + typed, t->raw_len - typed);
	CHECK(rlp_next(&outer, &list));
	rlp_init(&items, list.data, list.len);
	do {
		CHECK(n < 16);
		at[n++] = items.at;
	} while (rlp_next(&items, &item));
	CHECK(n > 3);
	items.at = at[n - 4];
	CHECK(rlp_next_u64(&items, v) && rlp_next_amount(&items, r) &&
	    rlp_next_amount(&items, s));
}

static void tx_place(struct buf *out, const struct sim_inclusion *i)
{
	if (!i) {
		member_json(out, "blockHash", "null");
		member_json(out, "blockNumber", "null");
		member_json(out, "transactionIndex", "null");
		return;
	}
	member_hash(out, "blockHash", &i->block->hash);
	member_u64(out, "blockNumber", i->block->height);
	member_u64(out, "transactionIndex", i->index);
}

static void tx_fees(
    struct buf *out, const struct sim_tx *t, const struct sim_inclusion *i)
{
	member_u64(out, "gas", t->gas);
	member_u64(out, "gasPrice", i ? i->gas_price : t->max_fee);
	if (t->type == FEE_LEGACY)
		return;
	member_u64(out, "maxFeePerGas", t->max_fee);
	member_u64(out, "maxPriorityFeePerGas", t->tip);
	member_json(out, "accessList", "[]");
}

static void tx_signature(struct buf *out, const struct sim_tx *t)
{
	struct amount r, s;
	uint64_t v;

	signature_of(t, &v, &r, &s);
	member_u64(out, "v", v);
	if (t->type == FEE_1559)
		member_u64(out, "yParity", v);
	key(out, "r");
	sim_shape_amount(out, &r);
	key(out, "s");
	sim_shape_amount(out, &s);
}

void sim_shape_tx(struct buf *out, const struct sim_tx *t, const struct sim_inclusion *i)
{
	buf_add_byte(out, '{');
	member_hash(out, "hash", &t->hash);
	tx_place(out, i);
	member_address(out, "from", t->from);
	member_address(out, "to", t->to);
	member_u64(out, "nonce", t->nonce);
	key(out, "value");
	sim_shape_amount(out, &t->value);
	key(out, "input");
	sim_shape_bytes(out, t->data, t->data_len);
	member_u64(out, "type", t->type);
	member_u64(out, "chainId", t->chain_id);
	tx_fees(out, t, i);
	tx_signature(out, t);
	buf_add_byte(out, '}');
}

/* -- receipts -------------------------------------------------------------- */

static void topic_address(struct buf *out, const struct address *a)
{
	buf_add_str(out, ",\"0x" ZEROS_8 ZEROS_8 ZEROS_8);
	buf_add_hex(out, a->at, sizeof a->at);
	buf_add_byte(out, '"');
}

static void receipt_log(struct buf *out, const struct sim_inclusion *i, uint32_t n)
{
	const struct sim_log *log = &i->log[n];
	uint8_t word[32];

	amount_encode(word, &log->amount);
	buf_add_byte(out, '{');
	key(out, "address");
	sim_shape_bytes(out, log->token->at.at, sizeof log->token->at.at);
	key(out, "topics");
	buf_add_byte(out, '[');
	sim_shape_bytes(out, abi_transfer_topic, sizeof abi_transfer_topic);
	topic_address(out, &i->tx->from->at);
	topic_address(out, &log->to);
	buf_add_byte(out, ']');
	key(out, "data");
	sim_shape_bytes(out, word, sizeof word);
	member_hash(out, "blockHash", &i->block->hash);
	member_u64(out, "blockNumber", i->block->height);
	member_u64(out, "blockTimestamp", i->block->time_s);
	member_hash(out, "transactionHash", &i->tx->hash);
	member_u64(out, "transactionIndex", i->index);
	member_u64(out, "logIndex", i->first_log + n);
	member_json(out, "removed", "false");
	buf_add_byte(out, '}');
}

void sim_shape_receipt(
    struct buf *out, const struct sim_inclusion *i, struct sim_slant slant)
{
	bool ok = (i->status == TX_OK) != slant.flipped;

	buf_add_byte(out, '{');
	member_hash(out, "transactionHash", &i->tx->hash);
	tx_place(out, i);
	member_address(out, "from", i->tx->from);
	member_address(out, "to", i->tx->to);
	member_u64(out, "status", ok);
	member_u64(out, "type", i->tx->type);
	member_u64(out, "gasUsed", i->gas_used);
	member_u64(out, "cumulativeGasUsed", i->gas_used_before + i->gas_used);
	member_u64(out, "effectiveGasPrice", i->gas_price);
	if (!slant.lean) {
		member_json(out, "contractAddress", "null");
		member_json(out, "logsBloom", BLOOM_0);
	}
	key(out, "logs");
	buf_add_byte(out, '[');
	for (uint32_t n = 0; ok && n < i->log_n; n++) {
		if (n)
			buf_add_byte(out, ',');
		receipt_log(out, i, n);
	}
	buf_add_byte(out, ']');
	buf_add_byte(out, '}');
}
