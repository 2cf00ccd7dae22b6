
#include "base/mem.h"
#include "base/mutant.h"
#include "chain/chain.h"
#include "crypto/sha256.h"

void block_facts_release(struct block_facts *b)
{
	mem_free(b->tx);
	mem_free(b->transfers);
	mem_free(b->accounts);
	mem_free(b->every);
	*b = (struct block_facts){ .tx = NULL };
}

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

/* Nothing where nobody asked: then the digest is that of the other facts alone. */
static void digest_every(struct sha256 *s, const struct block_facts *b)
{
	if (!b->has_every || MUTANT(every_not_agreed))
		return;
	digest_u64(s, b->every_n);
	for (uint32_t i = 0; i < b->every_n; i++) {
		const struct passing_tx *tx = &b->every[i];

		sha256_add(s, tx->hash.at, sizeof tx->hash.at);
		sha256_add(s, tx->from.at, sizeof tx->from.at);
		digest_u64(s, tx->nonce);
		digest_u64(s, tx->status == TX_OK);
	}
}

void block_facts_digest(struct block_facts *b)
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
	digest_every(s, b);
	sha256_end(s, b->digest.at);
}
