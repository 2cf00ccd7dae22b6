/* seen.h - what came back for a request that a test made over a world: the last answer,
 * whose body is for the test to free, and the start of what came before it, in parts.
 */
#ifndef PAWL_TESTS_SEEN_H
#define PAWL_TESTS_SEEN_H

#include <stdlib.h>
#include <string.h>

#include "world/world.h"

struct seen {
	struct http_answer a;
	char parts[256];
	size_t parts_len;
	unsigned calls, parts_n;
};

/* The `done` of a request whose ctx is a seen. The answer before it is freed. */
static inline void seen_take(void *ctx, struct http_answer *a)
{
	struct seen *seen = ctx;

	free(seen->a.body);
	seen->a = *a;
	a->body = NULL; /* taken */
	seen->calls++;
}

/* And its `part`. */
static inline void seen_add(void *ctx, const char *bytes, size_t len)
{
	struct seen *seen = ctx;
	size_t room = sizeof seen->parts - 1 - seen->parts_len;

	if (len < room)
		room = len;
	memcpy(seen->parts + seen->parts_len, bytes, room);
	seen->parts_len += room;
	seen->parts_n++;
}

#endif
