#include "kinds/airdrop/list_part.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define SLOTS_MIN 1024U

struct list_seen_entry {
	struct address who;
	uint32_t line;
};

_Static_assert(sizeof(struct list_seen_entry) == 24, "list.h promises bytes per row");
_Static_assert(LIST_ROWS_MAX < UINT32_MAX / 4, "positions and slots are 32 bits");

void list_seen_init(struct list_seen *s)
{
	CHECK(sodium_init() >= 0);
	*s = (struct list_seen){ 0 };
	randombytes_buf(s->key, sizeof s->key);
}

void list_seen_release(struct list_seen *s)
{
	mem_free(s->entries);
	mem_free(s->slots);
	*s = (struct list_seen){ 0 };
}

/* The slot that holds who, or the free one where it belongs. */
static uint32_t *slot_find(const struct list_seen *s, const struct address *who)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint32_t at;

	crypto_shorthash(hash, who->at, sizeof who->at, s->key);
	memcpy(&at, hash, sizeof at);
	for (at &= s->slots_n - 1; s->slots[at] != 0; at = (at + 1) & (s->slots_n - 1))
		if (memcmp(&s->entries[s->slots[at] - 1].who, who, sizeof *who) == 0)
			break;
	return &s->slots[at];
}

/* The index holds nothing that the entries don't, so the old one goes before the new
 * one comes: the two are never in memory at once. */
static void slots_double(struct list_seen *s)
{
	s->slots_n = s->slots_n == 0 ? SLOTS_MIN : 2 * s->slots_n;
	mem_free(s->slots);
	s->slots = mem_array(s->slots_n, sizeof *s->slots);
	for (uint32_t i = 0; i < s->n; i++)
		*slot_find(s, &s->entries[i].who) = i + 1;
}

uint32_t list_seen_put(struct list_seen *s, const struct address *who, uint32_t line)
{
	uint32_t *slot;

	CHECK(line != 0 && s->n <= LIST_ROWS_MAX);
	if (s->n >= s->slots_n / 4 * 3)
		slots_double(s);
	slot = slot_find(s, who);
	if (*slot != 0)
		return s->entries[*slot - 1].line;
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? SLOTS_MIN : s->cap + s->cap / 2;
		s->entries = mem_grow(s->entries, s->cap, sizeof *s->entries);
	}
	s->entries[s->n++] = (struct list_seen_entry){ .who = *who, .line = line };
	*slot = s->n;
	return 0;
}
