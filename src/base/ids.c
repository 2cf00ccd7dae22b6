#include "base/ids.h"

#include "base/mem.h"

void ids_add(struct ids *ids, int64_t id)
{
	if (ids->n == ids->cap) {
		ids->cap = ids->cap ? 2 * ids->cap : 8;
		ids->at = mem_grow(ids->at, ids->cap, sizeof *ids->at);
	}
	ids->at[ids->n++] = id;
}

void ids_release(struct ids *ids)
{
	mem_free(ids->at);
	*ids = (struct ids){ .n = 0 };
}
