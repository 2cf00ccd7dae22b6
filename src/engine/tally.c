#include "engine/tally.h"

#include <string.h>

#include "base/mutant.h"
#include "crypto/sha256.h"

static void add_u64(struct sha256 *s, uint64_t n)
{
	uint8_t bytes[8];

	for (int k = 0; k < 8; k++)
		bytes[k] = (uint8_t)(n >> (56 - 8 * k));
	sha256_add(s, bytes, sizeof bytes);
}

static void add_amount(struct sha256 *s, const struct amount *a)
{
	uint8_t bytes[32];

	amount_encode(bytes, a);
	sha256_add(s, bytes, sizeof bytes);
}

/* The tag is in them, and they are journaled with the attempt that it becomes. */
static void add_fees(struct sha256 *s, const struct fees *f)
{
	add_u64(s, (uint64_t)f->type);
	add_u64(s, f->gas);
	add_u64(s, f->max_fee);
	add_u64(s, f->tip);
}

static void add_tx(struct sha256 *s, const struct whole_tx *tx)
{
	add_u64(s, tx->known);
	if (!tx->known)
		return;
	add_u64(s, tx->nonce);
	add_u64(s, tx->creates);
	sha256_add(s, tx->from.at, sizeof tx->from.at);
	sha256_add(s, tx->payload.to.at, sizeof tx->payload.to.at);
	add_amount(s, &tx->payload.value);
	add_u64(s, tx->payload.data_len);
	sha256_add(s, tx->payload.data, sizeof tx->payload.data);
	if (!MUTANT(tag_by_one_node))
		add_fees(s, &tx->fees);
	add_u64(s, tx->included);
	if (tx->included) {
		add_u64(s, tx->height);
		sha256_add(s, tx->block_hash.at, sizeof tx->block_hash.at);
	}
}

static void add_receipt(struct sha256 *s, const struct receipt *t)
{
	add_u64(s, t->known);
	if (!t->known)
		return;
	sha256_add(s, t->block_hash.at, sizeof t->block_hash.at);
	add_u64(s, (uint64_t)t->status);
	add_u64(s, t->gas_used);
	add_u64(s, t->gas_price);
	add_u64(s, t->transfers);
	sha256_add(s, t->transfer.token.at, sizeof t->transfer.token.at);
	sha256_add(s, t->transfer.to.at, sizeof t->transfer.to.at);
	add_amount(s, &t->transfer.amount);
}

uint32_t tally_add(
    struct tally *t, int node, const struct whole_tx *tx, const struct receipt *receipt)
{
	struct sha256 *s = sha256_begin();
	uint32_t alike = 0;

	add_tx(s, tx);
	if (receipt)
		add_receipt(s, receipt);
	sha256_end(s, t->said[node]);
	t->readers |= 1u << node;
	for (int k = 0; k < POOL_NODES_MAX; k++)
		if ((t->readers & 1u << k) &&
		    !memcmp(t->said[k], t->said[node], sizeof t->said[k]))
			alike |= 1u << k;
	if (MUTANT(votes_taken_back) && alike != t->readers)
		t->readers = alike = 1u << node;
	return alike;
}
