/* arena.h - memory of one turn, request or command: taken piecewise, given back
 * at once. A cap bounds what hostile input can take: beyond it arena_take returns
 * NULL, and the caller answers ERR_TOO_BIG.
 */
#ifndef PAWL_BASE_ARENA_H
#define PAWL_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t used, max;
};

void arena_init(struct arena *a, size_t max);
void arena_release(struct arena *a); /* all is given back; it may be used again */
void *arena_take(struct arena *a, size_t size); /* zeroed, aligned; NULL over the cap */
char *arena_strn(struct arena *a, const char *s, size_t len);

#endif
