/* mem.h - allocation that can't fail: out of memory ends the process.
 *
 * What comes from here goes back by mem_free. It is the C library's, unless a source is
 * set: the simulator gives each of its processes memory of its own, which goes with the
 * process at whatever instant that dies.
 */
#ifndef PAWL_BASE_MEM_H
#define PAWL_BASE_MEM_H

#include <stddef.h>

void *mem_new(size_t size);                     /* zeroed */
void *mem_array(size_t n, size_t size);         /* zeroed; checked for overflow */
void *mem_grow(void *p, size_t n, size_t size); /* to n * size bytes; NULL: a new one */
char *mem_str(const char *s);
char *mem_strn(const char *s, size_t len);
void *mem_copy(const void *p, size_t len);
void mem_free(void *p); /* NULL is fine */

/* Sizes are not 0; what it gives is not zeroed, and NULL when it has no more. */
struct mem_source {
	void *(*take)(size_t size);
	void *(*resize)(void *p, size_t size); /* p is not NULL */
	void (*give_back)(void *p);            /* p is not NULL */
};

/* Static; of this thread. NULL: the C library. What was taken from one source goes back
 * to that one: who sets it sets it back. */
void mem_source_set(const struct mem_source *source);

/* As malloc, realloc and free: for libraries that let their user say where from. */
void *mem_take(size_t size);
void *mem_resize(void *p, size_t size);

#endif
