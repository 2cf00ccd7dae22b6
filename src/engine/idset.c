#include "engine/idset.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

/* Open addressing, linear probing, at most half full; 0 is a free slot. */
static size_t slot_of(const struct idset *s, int64_t id)
{
	uint64_t h = (uint64_t)id * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(h >> 20) & (s->cap - 1);

	while (s->slots[at] && s->slots[at] != id)
		at = (at + 1) & (s->cap - 1);
	return at;
}

void idset_release(struct idset *s)
{
	mem_free(s->slots);
	memset(s, 0, sizeof *s);
}

bool idset_has(const struct idset *s, int64_t id)
{
	return s->cap && s->slots[slot_of(s, id)] == id;
}

static void grow(struct idset *s)
{
	struct idset bigger = { .cap = s->cap ? s->cap * 2 : 64 };

	bigger.slots = mem_array(bigger.cap, sizeof *bigger.slots);
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i])
			idset_add(&bigger, s->slots[i]);
	mem_free(s->slots);
	*s = bigger;
}

void idset_add(struct idset *s, int64_t id)
{
	size_t at;

	CHECK(id > 0);
	if (s->n * 2 >= s->cap)
		grow(s);
	at = slot_of(s, id);
	if (s->slots[at])
		return;
	s->slots[at] = id;
	s->n++;
}

void idset_remove(struct idset *s, int64_t id)
{
	size_t hole, at;

	if (!idset_has(s, id))
		return;
	hole = slot_of(s, id);
	s->slots[hole] = 0;
	s->n--;
	/* Move up what was pushed past the hole. */
	for (at = (hole + 1) & (s->cap - 1); s->slots[at]; at = (at + 1) & (s->cap - 1)) {
		int64_t moved = s->slots[at];

		s->slots[at] = 0;
		s->slots[slot_of(s, moved)] = moved;
	}
}
