/* every.c - all transactions of a block: its list has their nonces, its receipts what
 * became of them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "chain/evm/evm.h"

void evm_every_add(struct evm_every *every, const struct evm_listed *one)
{
	uint32_t n = every->n;

	if (!(n & (n - 1))) /* the capacity doubles at powers of two */
		every->of = mem_grow(every->of, n ? 2 * (size_t)n : 1, sizeof *every->of);
	every->of[every->n++] = *one;
}

void evm_every_release(struct evm_every *every)
{
	mem_free(every->of);
	*every = (struct evm_every){ .of = NULL };
}

static int by_hash(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hash));
}

static bool has_twice(const struct evm_every *every)
{
	struct hash *hash = mem_array(every->n + 1, sizeof *hash);
	bool twice = false;

	for (uint32_t i = 0; i < every->n; i++)
		hash[i] = every->of[i].tx.hash;
	qsort(hash, every->n, sizeof *hash, by_hash);
	for (uint32_t i = 1; i < every->n; i++)
		twice |= hash_same(&hash[i - 1], &hash[i]);
	mem_free(hash);
	return twice;
}

bool evm_every_put(struct block_facts *b, const struct evm_every *block)
{
	if (has_twice(block))
		return false;
	b->every = mem_array(block->n ? block->n : 1, sizeof *b->every);
	b->every_n = block->n;
	b->has_every = true;
	for (uint32_t i = 0; i < block->n; i++)
		b->every[i] = block->of[i].tx;
	return true;
}

static bool same(const struct evm_listed *tx, const struct evm_listed *receipt)
{
	return tx->index == receipt->index &&
	    hash_same(&tx->tx.hash, &receipt->tx.hash) &&
	    address_same(&tx->tx.from, &receipt->tx.from);
}

bool evm_every_match(struct block_facts *b, const struct evm_every *block,
    const struct evm_every *receipts)
{
	if (block->n != receipts->n || !evm_every_put(b, block))
		return false;
	for (uint32_t i = 0; i < block->n; i++) {
		const struct evm_listed *receipt = &receipts->of[i];

		if (!same(&block->of[i], receipt))
			return false;
		if (MUTANT(status_of_another))
			receipt = &receipts->of[0];
		b->every[i].status = receipt->tx.status;
	}
	return true;
}
