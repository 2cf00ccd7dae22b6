#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static _Thread_local const struct mem_source *source;

void mem_source_set(const struct mem_source *s)
{
	source = s;
}

void *mem_take(size_t size)
{
	return source ? source->take(size) : malloc(size);
}

void *mem_resize(void *p, size_t size)
{
	if (!p)
		return mem_take(size);
	return source ? source->resize(p, size) : realloc(p, size);
}

void mem_free(void *p)
{
	if (!p)
		return;
	if (source)
		source->give_back(p);
	else
		free(p);
}

/* malloc(0) may give NULL, which would look like the end of memory. */
static size_t at_least_one(size_t size)
{
	return size ? size : 1;
}

/* The C library knows which memory is zero already. */
static void *take_zeroed(size_t size)
{
	void *p = source ? source->take(size) : calloc(1, size);

	CHECK(p);
	if (source)
		memset(p, 0, size);
	return p;
}

static void *take(size_t size)
{
	void *p = mem_take(at_least_one(size));

	CHECK(p);
	return p;
}

void *mem_new(size_t size)
{
	return take_zeroed(at_least_one(size));
}

void *mem_array(size_t n, size_t size)
{
	size_t bytes;

	CHECK(!__builtin_mul_overflow(n, size, &bytes));
	return take_zeroed(at_least_one(bytes));
}

void *mem_grow(void *p, size_t n, size_t size)
{
	size_t bytes;
	void *grown;

	CHECK(!__builtin_mul_overflow(n, size, &bytes));
	grown = mem_resize(p, at_least_one(bytes));
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
	copy = take(len + 1);
	if (len)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void *mem_copy(const void *p, size_t len)
{
	void *copy = take(len);

	if (len)
		memcpy(copy, p, len);
	return copy;
}
