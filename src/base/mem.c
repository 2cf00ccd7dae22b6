#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* malloc(0) may give NULL, which would look like the end of memory. */
static size_t at_least_one(size_t size)
{
	return size ? size : 1;
}

void *mem_new(size_t size)
{
	void *p = calloc(1, at_least_one(size));

	CHECK(p);
	return p;
}

void *mem_array(size_t n, size_t size)
{
	void *p = calloc(at_least_one(n), at_least_one(size)); /* refuses an overflow */

	CHECK(p);
	return p;
}

void *mem_grow(void *p, size_t n, size_t size)
{
	size_t bytes;
	void *grown;

	CHECK(!__builtin_mul_overflow(n, size, &bytes));
	grown = realloc(p, at_least_one(bytes));
	CHECK(grown);
	return grown;
}

char *mem_str(const char *s)
{
	return mem_strn(s, strlen(s));
}

char *mem_strn(const char *s, size_t len)
{
	char *copy;

	CHECK(len < SIZE_MAX);
	copy = malloc(len + 1);
	CHECK(copy);
	if (len)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void *mem_copy(const void *p, size_t len)
{
	void *copy = malloc(at_least_one(len));

	CHECK(copy);
	if (len)
		memcpy(copy, p, len);
	return copy;
}
