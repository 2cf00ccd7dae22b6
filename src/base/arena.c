#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define ALIGN 16
#define BLOCK_SIZE 65536

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(ALIGN) uint8_t data[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){ .max = max };
}

static void blocks_free(struct arena_block *b)
{
	while (b) {
		struct arena_block *next = b->next;

		mem_free(b);
		b = next;
	}
}

void arena_release(struct arena *a)
{
	blocks_free(a->blocks);
	a->blocks = NULL;
	a->used = 0;
}

static struct arena_block *block_new(size_t size)
{
	struct arena_block *b = mem_take(sizeof *b + size);

	CHECK(b);
	b->next = NULL;
	b->used = 0;
	b->size = size;
	return b;
}

/* A block with room. One that is as large as its only piece goes behind the first,
 * whose rest stays in use. */
static struct arena_block *block_for(struct arena *a, size_t size)
{
	struct arena_block *first = a->blocks, *b;

	if (first && first->size - first->used >= size)
		return first;
	b = block_new(size > BLOCK_SIZE ? size : BLOCK_SIZE);
	if (first && size > BLOCK_SIZE) {
		b->next = first->next;
		first->next = b;
	} else {
		b->next = first;
		a->blocks = b;
	}
	return b;
}

void *arena_take(struct arena *a, size_t size)
{
	struct arena_block *b;
	uint8_t *p;

	if (size > a->max - a->used)
		return NULL;
	size = size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	if (size > a->max - a->used)
		return NULL;
	b = block_for(a, size);
	p = b->data + b->used;
	b->used += size;
	a->used += size;
	memset(p, 0, size);
	return p;
}

char *arena_strn(struct arena *a, const char *s, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_take(a, len + 1) : NULL;

	if (copy && len)
		memcpy(copy, s, len);
	return copy;
}
