#include "sim/chain/table.h"

#include <string.h>

#include "sim/chain/sim_chain.h"

#define SIZE_MIN 64

uint64_t sim_table_key(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t key = len, word;

	for (size_t n; len; p += n, len -= n) {
		n = len < sizeof word ? len : sizeof word;
		word = 0;
		memcpy(&word, p, n);
		key = (key ^ word) * 0x9e3779b97f4a7c15u;
		key ^= key >> 32;
	}
	return key;
}

static struct sim_link **bucket_of(const struct sim_table *t, uint64_t key)
{
	return &t->at[key & (t->size - 1)];
}

static void put(struct sim_table *t, struct sim_link *l)
{
	struct sim_link **bucket = bucket_of(t, l->key);

	l->next = *bucket;
	*bucket = l;
}

/* What was the older stays the deeper: a bucket is moved from its end. */
static void move(struct sim_table *to, struct sim_link *l)
{
	struct sim_link *turned = NULL, *next;

	for (; l; l = next) {
		next = l->next;
		l->next = turned;
		turned = l;
	}
	for (; turned; turned = next) {
		next = turned->next;
		put(to, turned);
	}
}

static void grow(struct sim_chain *c, struct sim_table *t)
{
	struct sim_table old = *t;

	t->size = old.size ? 2 * old.size : SIZE_MIN;
	t->at = sim_chain_take(c, t->size * sizeof *t->at);
	for (size_t i = 0; i < old.size; i++)
		move(t, old.at[i]);
}

void sim_table_add(
    struct sim_chain *c, struct sim_table *t, struct sim_link *l, uint64_t key)
{
	if (t->n == t->size)
		grow(c, t);
	t->n++;
	l->key = key;
	put(t, l);
}

static struct sim_link *with_key(struct sim_link *l, uint64_t key)
{
	while (l && l->key != key)
		l = l->next;
	return l;
}

struct sim_link *sim_table_first(const struct sim_table *t, uint64_t key)
{
	return t->size ? with_key(*bucket_of(t, key), key) : NULL;
}

struct sim_link *sim_table_next(const struct sim_link *l)
{
	return with_key(l->next, l->key);
}
