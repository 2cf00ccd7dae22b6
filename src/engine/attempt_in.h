/* attempt_in.h - inside attempts: what attempt.c and undone.c share. */
#ifndef PAWL_ENGINE_ATTEMPT_IN_H
#define PAWL_ENGINE_ATTEMPT_IN_H

#include "engine/attempt.h"

struct row_ids {
	int64_t *id, *intent, *state;
	size_t n;
};

/* Those in blocks above a height; row_ids_release. */
struct row_ids attempts_above(struct runner *r, struct account *a, uint64_t above);
void row_ids_release(struct row_ids *l);

/* In no block that we follow, again. */
void attempt_back(struct runner *r, int64_t id, const char *why);

#endif
