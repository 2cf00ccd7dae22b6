#include "sim/story/region.h"

#include <jansson.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/mem.h"

#define CLASSES 64
#define SMALLEST_POWER 5
#define SMALLEST (1u << SMALLEST_POWER)

/* In front of each piece. */
struct piece {
	size_t class;
	struct piece *next; /* of those that were given back */
};

_Static_assert(sizeof(struct piece) == 16, "pieces are aligned for any type");

struct sim_region {
	uint8_t *at, *end; /* what was never taken */
	size_t pieces;
	struct piece *free[CLASSES];
	_Alignas(16) uint8_t bytes[];
};

static struct sim_region *in_use;

/* -- classes of sizes: two for each power of two ---------------------------- */

static size_t class_size(size_t class)
{
	size_t power = (size_t)SMALLEST << (class / 2);

	return class % 2 ? power + power / 2 : power;
}

static size_t class_of(size_t size)
{
	size_t most = size - 1, power, class;

	if (size <= SMALLEST)
		return 0;
	power = 63 - (size_t)__builtin_clzl(most);
	class = 2 * (power - SMALLEST_POWER) + (most >> (power - 1) & 1) + 1;
	CHECK(class < CLASSES);
	return class;
}

/* -- the source of memory --------------------------------------------------- */

static void *region_take(size_t size)
{
	struct sim_region *r = in_use;
	size_t class = class_of(size), whole = sizeof(struct piece) + class_size(class);
	struct piece *p = r->free[class];

	if (p) {
		r->free[class] = p->next;
	} else {
		if ((size_t)(r->end - r->at) < whole)
			return NULL;
		p = (struct piece *)(void *)r->at;
		r->at += whole;
		p->class = class;
	}
	r->pieces++;
	return p + 1;
}

static void region_give_back(void *at)
{
	struct sim_region *r = in_use;
	struct piece *p = (struct piece *)at - 1;

	CHECK((uint8_t *)p >= r->bytes && (uint8_t *)p < r->at && p->class < CLASSES);
	p->next = r->free[p->class];
	r->free[p->class] = p;
	r->pieces--;
}

static void *region_resize(void *at, size_t size)
{
	size_t had = class_size(((struct piece *)at - 1)->class);
	void *grown;

	if (size <= had)
		return at;
	grown = region_take(size);
	if (grown) {
		memcpy(grown, at, had);
		region_give_back(at);
	}
	return grown;
}

static const struct mem_source source = { region_take, region_resize, region_give_back };

/* -- SQLite wants to know the size of what it got ---------------------------- */

static void *sqlite_take(int size)
{
	return mem_take((size_t)size);
}

static void *sqlite_resize(void *at, int size)
{
	return mem_resize(at, (size_t)size);
}

static int sqlite_size(void *at)
{
	if (!at)
		return 0;
	return (int)(in_use ? class_size(((struct piece *)at - 1)->class)
			    : malloc_usable_size(at));
}

static int sqlite_round(int size)
{
	return (int)class_size(class_of((size_t)size));
}

static int sqlite_init(void *ctx)
{
	(void)ctx;
	return SQLITE_OK;
}

static void sqlite_shutdown(void *ctx)
{
	(void)ctx;
}

void sim_region_setup(void)
{
	static const sqlite3_mem_methods methods = { sqlite_take, mem_free, sqlite_resize,
		sqlite_size, sqlite_round, sqlite_init, sqlite_shutdown, NULL };

	CHECK(!in_use);
	CHECK(sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) == SQLITE_OK);
	CHECK(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK);
	CHECK(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK);
	/* memory of its own is no faster than a region, and more of it to copy */
	CHECK(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK);
	CHECK(sqlite3_initialize() == SQLITE_OK);
	json_set_alloc_funcs(mem_take, mem_free);
	json_object_seed(1); /* else it draws one */
}

/* -- regions ------------------------------------------------------------------ */

struct sim_region *sim_region_new(size_t max)
{
	size_t size = sizeof(struct sim_region) + max;
	struct sim_region *r = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(r != MAP_FAILED);
	r->end = r->bytes + max;
	sim_region_empty(r);
	return r;
}

void sim_region_free(struct sim_region *r)
{
	if (r)
		CHECK(munmap(r, (size_t)(r->end - (uint8_t *)r)) == 0);
}

struct sim_region *sim_region_use(struct sim_region *r)
{
	struct sim_region *was = in_use;

	in_use = r;
	mem_source_set(r ? &source : NULL);
	return was;
}

void sim_region_empty(struct sim_region *r)
{
	r->at = r->bytes;
	r->pieces = 0;
	memset(r->free, 0, sizeof r->free);
}

size_t sim_region_pieces(const struct sim_region *r)
{
	return r->pieces;
}

struct sim_region_image {
	size_t len;
	uint8_t bytes[];
};

struct sim_region_image *sim_region_keep(const struct sim_region *r)
{
	size_t len = (size_t)(r->at - (const uint8_t *)r);
	struct sim_region_image *i;

	CHECK(!in_use);
	i = mem_new(sizeof *i + len);
	i->len = len;
	memcpy(i->bytes, r, len);
	return i;
}

void sim_region_put_back(struct sim_region *r, const struct sim_region_image *i)
{
	memcpy(r, i->bytes, i->len);
}
