#include "kinds/airdrop/plan_hash.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "crypto/sha256.h"

struct plan_hash {
	struct sha256 *sha256;
	uint64_t rows;
};

static void uint_write(struct plan_hash *h, uint64_t v, size_t bytes)
{
	uint8_t big[8];

	for (size_t i = 0; i < bytes; i++)
		big[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	sha256_add(h->sha256, big, bytes);
}

static void amount_write(struct plan_hash *h, const struct amount *a)
{
	uint8_t big[32];

	amount_encode(big, a);
	sha256_add(h->sha256, big, sizeof big);
}

static void address_write(struct plan_hash *h, const struct address *a)
{
	sha256_add(h->sha256, a->at, sizeof a->at);
}

struct plan_hash *plan_hash_begin(const struct plan_header *header)
{
	static const char domain[] = "pawl plan 1";
	const struct address none = { 0 };
	struct plan_hash *h = mem_new(sizeof *h);
	bool fee = !amount_is_zero(&header->service_fee);

	h->sha256 = sha256_begin();
	sha256_add(h->sha256, domain, strlen(domain));
	uint_write(h, header->chain_id, 8);
	sha256_add(h->sha256, header->genesis.at, sizeof header->genesis.at);
	uint_write(h, header->token, 1);
	address_write(h, header->token ? &header->token_address : &none);
	uint_write(h, header->decimals, 1);
	address_write(h, &header->sender);
	amount_write(h, &header->service_fee);
	address_write(h, fee ? &header->service_fee_to : &none);
	return h;
}

void plan_hash_row(struct plan_hash *h, const struct address *to,
    const struct amount *amount, const char *memo, size_t memo_len)
{
	CHECK(memo_len <= UINT32_MAX && (memo || memo_len == 0));
	address_write(h, to);
	amount_write(h, amount);
	uint_write(h, memo != NULL, 1);
	uint_write(h, memo_len, 4);
	if (memo_len > 0)
		sha256_add(h->sha256, memo, memo_len);
	h->rows++;
}

void plan_hash_end(struct plan_hash *h, uint8_t out[32])
{
	uint_write(h, h->rows, 8);
	sha256_end(h->sha256, out);
	mem_free(h);
}
