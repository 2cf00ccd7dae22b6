/* ids.h - the ids of rows that a statement found: it has ended before they are moved. */
#ifndef PAWL_BASE_IDS_H
#define PAWL_BASE_IDS_H

#include <stddef.h>
#include <stdint.h>

/* All zero is empty; ends with ids_release. */
struct ids {
	int64_t *at;
	size_t n, cap;
};

void ids_add(struct ids *ids, int64_t id);
void ids_release(struct ids *ids);

#endif
