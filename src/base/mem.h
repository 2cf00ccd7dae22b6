/* mem.h - allocation that can't fail: out of memory ends the process. */
#ifndef PAWL_BASE_MEM_H
#define PAWL_BASE_MEM_H

#include <stddef.h>

void *mem_new(size_t size);                     /* zeroed; freed with free() */
void *mem_array(size_t n, size_t size);         /* zeroed; checked for overflow */
void *mem_grow(void *p, size_t n, size_t size); /* realloc of n * size bytes */
char *mem_str(const char *s);
char *mem_strn(const char *s, size_t len);
void *mem_copy(const void *p, size_t len);

#endif
