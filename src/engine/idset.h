/* idset.h - a set of row numbers: what is under way in memory right now. */
#ifndef PAWL_ENGINE_IDSET_H
#define PAWL_ENGINE_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All-zero is valid and empty. Ids are positive. */
struct idset {
	int64_t *slots;
	size_t n, cap;
};

void idset_release(struct idset *s);
bool idset_has(const struct idset *s, int64_t id);
void idset_add(struct idset *s, int64_t id);
void idset_remove(struct idset *s, int64_t id);

#endif
