#include "kinds/node/snapshot/bins.h"

#include <pthread.h>
#include <signal.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/fast.h"
#include "kinds/node/snapshot/order.h"

#define BINS_MAX 512
#define FIRST 16384    /* lines that tell where bins part */
#define BIN_LINES 8192 /* of a bin, when all are as large */
#define CHUNK ((size_t)1 << 14)
#define SLAB_CHUNKS 64
#define MANY (1 << 19) /* are worth a thread */
#define SLOTS 4        /* bins that are sorted before they are told */

/* A line is two lengths, id, colon and rest. Where one of both is LONG or more, LONG
 * stands for each, and they follow in 8 bytes each. */
#define LONG 255
#define SHORT_HEAD 2
#define LONG_HEAD 18

struct chunk {
	struct chunk *next;
	char *end; /* behind its last line; of the last one of a bin, bin.at is */
	char lines[];
};

struct slab {
	struct slab *next;
};

struct bin {
	char *at, *end; /* room for lines */
	struct chunk *first, *last;
	char *latest; /* its latest line */
	uint64_t key; /* of that */
	size_t n;
	bool unsorted; /* they did not come in order */
	bool mixed;    /* one begins with something else than all the others */
};

struct bins {
	uint64_t n, expected;
	struct bin *bins;
	size_t bins_n;
	uint64_t *parts; /* bin i + 1 has keys from parts[i] on */
	/* What most ids begin with; keys are of what follows. */
	struct l2_bytes same;
	struct slab *slabs;
	size_t slab_chunks; /* of the next one */
	struct chunk *spare;
};

/* Of one bin: its lines, sorted. */
struct entries {
	struct order *at;
	size_t cap;
};

/* -- lines ------------------------------------------------------------------------ */

struct line {
	struct l2_bytes id;
	struct l2_bytes all; /* from the id to its end */
};

static inline struct line line_at(const char *p)
{
	uint64_t id = (uint8_t)p[0], rest = (uint8_t)p[1];

	p += SHORT_HEAD;
	if (id == LONG) {
		memcpy(&id, p, 8);
		memcpy(&rest, p + 8, 8);
		p += LONG_HEAD - SHORT_HEAD;
	}
	return (struct line){ { p, id }, { p, id + 1 + rest } };
}

static struct chunk *chunk_new(struct bins *b, size_t size)
{
	struct slab *slab;
	struct chunk *c = b->spare;
	size_t all = size;

	if (size <= CHUNK) {
		if (c) {
			b->spare = c->next;
			c->next = NULL;
			return c;
		}
		all = b->slab_chunks * CHUNK;
		if (b->slab_chunks < SLAB_CHUNKS)
			b->slab_chunks *= 2;
	}
	slab = mem_take(sizeof *slab + all);
	CHECK(slab);
	slab->next = b->slabs;
	b->slabs = slab;
	c = (struct chunk *)(slab + 1);
	for (size_t at = CHUNK; at < all && size <= CHUNK; at += CHUNK) {
		struct chunk *other = (struct chunk *)((char *)c + at);

		other->next = b->spare;
		b->spare = other;
	}
	c->next = NULL;
	return c;
}

/* Room for a line of so many bytes. */
static void bin_grow(struct bins *b, struct bin *bin, size_t len)
{
	size_t size = sizeof(struct chunk) + len;
	struct chunk *c;

	if (size < CHUNK)
		size = CHUNK;
	c = chunk_new(b, size);
	if (bin->last) {
		bin->last->end = bin->at;
		bin->last->next = c;
	} else {
		bin->first = c;
	}
	bin->last = c;
	bin->at = c->lines;
	bin->end = (char *)c + size;
}

/* The next line of a bin; NULL behind the last one. First *c is bin.first, p its lines.
 */
static const char *next_line(const struct bin *bin, struct chunk **c, const char *p)
{
	while (p == (*c == bin->last ? bin->at : (*c)->end)) {
		*c = (*c)->next;
		if (!*c)
			return NULL;
		p = (*c)->lines;
	}
	return p;
}

/* -- which bin -------------------------------------------------------------------- */

/* Keys are in the order of their ids, but for those that are equal. */
static uint64_t key_of(const struct bins *b, struct l2_bytes id, bool *outside)
{
	size_t n = b->same.len;

	*outside = id.len < n || (n && memcmp(id.at, b->same.at, n) != 0);
	if (*outside)
		return l2_compare(id, b->same) < 0 ? 0 : UINT64_MAX;
	return order_key(id.at, id.len, n);
}

static inline struct bin *bin_of(const struct bins *b, uint64_t key)
{
	const uint64_t *at = b->parts;
	size_t n = b->bins_n - 1;

	while (n) {
		size_t half = (n + 1) / 2;

		/* No branch: nobody could foresee it. */
		at += half & -(size_t)(at[half - 1] <= key);
		n -= half;
	}
	return &b->bins[at - b->parts];
}

static void put(struct bins *b, struct l2_bytes id, struct l2_bytes rest)
{
	bool outside, is_long = id.len >= LONG || rest.len >= LONG;
	uint64_t key = key_of(b, id, &outside), lens[2] = { id.len, rest.len };
	struct bin *bin = bin_of(b, key);
	size_t len = (is_long ? LONG_HEAD : SHORT_HEAD) + id.len + 1 + rest.len;
	char *p;

	if (len > (size_t)(bin->end - bin->at))
		bin_grow(b, bin, len);
	if (!bin->unsorted && bin->n &&
	    (key < bin->key ||
		(key == bin->key && l2_compare(line_at(bin->latest).id, id) >= 0)))
		bin->unsorted = true;
	bin->mixed |= outside;
	bin->key = key;
	bin->latest = p = bin->at;
	bin->n++;
	if (is_long) {
		*p++ = (char)LONG;
		*p++ = (char)LONG;
		memcpy(p, lens, sizeof lens);
		p += sizeof lens;
	} else {
		*p++ = (char)id.len;
		*p++ = (char)rest.len;
	}
	p = fast_copy(p, id.at, id.len);
	*p++ = ':';
	bin->at = p = fast_copy(p, rest.at, rest.len);
	/* It is long until this bin has its next line. */
	__builtin_prefetch(p + 64, 1);
}

/* -- the bins are parted ------------------------------------------------------------ */

static uint64_t key_at(void *ctx, uint64_t ref, size_t from)
{
	struct l2_bytes id = line_at((const char *)(uintptr_t)ref).id;

	(void)ctx;
	return order_key(id.at, id.len, from);
}

static int compare_at(void *ctx, uint64_t a, uint64_t b)
{
	(void)ctx;
	return l2_compare(line_at((const char *)(uintptr_t)a).id,
	    line_at((const char *)(uintptr_t)b).id);
}

static const struct order_by by_id = { key_at, compare_at, NULL };

static size_t common(struct l2_bytes a, struct l2_bytes b)
{
	size_t n = 0;

	while (n < a.len && n < b.len && a.at[n] == b.at[n])
		n++;
	return n;
}

/* What all of a bin begin with. */
static struct l2_bytes same_in(const struct bin *bin)
{
	struct chunk *c = bin->first;
	const char *p = c->lines;
	struct l2_bytes same = line_at(p).id;

	while (same.len && (p = next_line(bin, &c, p))) {
		struct line line = line_at(p);

		same.len = common(same, line.id);
		p = line.all.at + line.all.len;
	}
	return same;
}

static void sort_bin(const struct bins *b, const struct bin *bin, struct entries *e)
{
	size_t from = bin->mixed ? 0 : b->same.len, n = 0;
	struct chunk *c = bin->first;
	const char *p = c->lines;

	if (e->cap < bin->n) {
		mem_free(e->at);
		e->cap = bin->n + bin->n / 8;
		e->at = mem_take(e->cap * sizeof *e->at);
		CHECK(e->at);
	}
	while ((p = next_line(bin, &c, p))) {
		struct line line = line_at(p);

		e->at[n++] = (struct order){ order_key(line.id.at, line.id.len, from),
			(uintptr_t)p };
		p = line.all.at + line.all.len;
	}
	CHECK(n == bin->n);
	order_sort(e->at, n, from, &by_id);
}

/* From one bin to many. */
static void part(struct bins *b)
{
	struct bin old = b->bins[0];
	struct entries e = { 0 };
	struct chunk *c = old.first;
	const char *p = c->lines;
	size_t n = b->expected / BIN_LINES;

	n = n < BINS_MAX ? n : BINS_MAX;
	b->same = same_in(&old);
	b->parts = mem_array(n, sizeof *b->parts);
	sort_bin(b, &old, &e);
	for (size_t i = 1; i < n; i++)
		b->parts[i - 1] = e.at[i * old.n / n].key;
	mem_free(e.at);
	mem_free(b->bins);
	b->bins = mem_array(n, sizeof *b->bins);
	b->bins_n = n;
	while ((p = next_line(&old, &c, p))) {
		struct line line = line_at(p);
		size_t before = line.id.len + 1;

		put(b, line.id,
		    (struct l2_bytes){ line.all.at + before, line.all.len - before });
		p = line.all.at + line.all.len;
	}
}

/* -- from outside ------------------------------------------------------------------ */

struct bins *bins_new(uint64_t n)
{
	struct bins *b = mem_new(sizeof *b);

	b->expected = n;
	b->slab_chunks = 1;
	b->bins = mem_array(1, sizeof *b->bins);
	b->bins_n = 1;
	return b;
}

void bins_free(struct bins *b)
{
	if (!b)
		return;
	while (b->slabs) {
		struct slab *slab = b->slabs;

		b->slabs = slab->next;
		mem_free(slab);
	}
	mem_free(b->parts);
	mem_free(b->bins);
	mem_free(b);
}

void bins_add(struct bins *b, struct l2_bytes id, struct l2_bytes rest)
{
	if (b->n++ == FIRST && b->expected >= 2 * FIRST)
		part(b);
	put(b, id, rest);
}

struct bins *bins_beside(const struct bins *b)
{
	struct bins *beside;

	if (b->bins_n == 1)
		return NULL;
	beside = bins_new(0);
	mem_free(beside->bins);
	beside->bins = mem_array(b->bins_n, sizeof *b->bins);
	beside->bins_n = b->bins_n;
	beside->same = b->same;
	beside->parts = mem_copy(b->parts, b->bins_n * sizeof *b->parts);
	return beside;
}

static void bin_join(struct bin *bin, const struct bin *behind)
{
	if (!behind->n)
		return;
	if (!bin->n) {
		*bin = *behind;
		return;
	}
	if (l2_compare(line_at(bin->latest).id, line_at(behind->first->lines).id) >= 0)
		bin->unsorted = true;
	bin->unsorted |= behind->unsorted;
	bin->mixed |= behind->mixed;
	bin->last->end = bin->at;
	bin->last->next = behind->first;
	bin->last = behind->last;
	bin->at = behind->at;
	bin->end = behind->end;
	bin->latest = behind->latest;
	bin->key = behind->key;
	bin->n += behind->n;
}

void bins_join(struct bins *b, struct bins *others)
{
	struct slab **last = &b->slabs;

	CHECK(b->bins_n == others->bins_n);
	for (size_t i = 0; i < b->bins_n; i++)
		bin_join(&b->bins[i], &others->bins[i]);
	b->n += others->n;
	while (*last)
		last = &(*last)->next;
	*last = others->slabs;
	others->slabs = NULL;
	bins_free(others);
}

/* -- told -------------------------------------------------------------------------- */

/* A bin without lines is one in order. */
static void tell_in_order(const struct bin *bin, enum l2_list list, struct root *r)
{
	struct chunk *c = bin->first;
	const char *p = c ? c->lines : NULL;

	while (c && (p = next_line(bin, &c, p))) {
		struct line line = line_at(p);

		root_line(r, list, line.all);
		p = line.all.at + line.all.len;
	}
}

static void tell_sorted(
    const struct bin *bin, const struct entries *e, enum l2_list list, struct root *r)
{
	for (size_t i = 0; i < bin->n; i++)
		root_line(r, list, line_at((const char *)(uintptr_t)e->at[i].ref).all);
}

/* -- sorted by one thread, told by another ------------------------------------------- */

struct ahead {
	const struct bins *b;
	struct entries slots[SLOTS];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	size_t sorted, told; /* bins so far */
};

static void *sort_ahead(void *ctx)
{
	struct ahead *a = ctx;

	for (size_t i = 0; i < a->b->bins_n; i++) {
		const struct bin *bin = &a->b->bins[i];

		pthread_mutex_lock(&a->lock);
		while (i - a->told == SLOTS)
			pthread_cond_wait(&a->moved, &a->lock);
		pthread_mutex_unlock(&a->lock);
		if (bin->unsorted)
			sort_bin(a->b, bin, &a->slots[i % SLOTS]);
		pthread_mutex_lock(&a->lock);
		a->sorted = i + 1;
		pthread_cond_signal(&a->moved);
		pthread_mutex_unlock(&a->lock);
	}
	return NULL;
}

static void ahead_begin(struct ahead *a)
{
	sigset_t all, old;

	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->moved, NULL);
	/* Signals are for the thread that waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	CHECK(pthread_create(&a->thread, NULL, sort_ahead, a) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Bin i is sorted; those before it are told. */
static void ahead_wait(struct ahead *a, size_t i)
{
	pthread_mutex_lock(&a->lock);
	a->told = i;
	pthread_cond_signal(&a->moved);
	while (a->sorted <= i)
		pthread_cond_wait(&a->moved, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

static void ahead_end(struct ahead *a)
{
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->moved);
	pthread_mutex_destroy(&a->lock);
}

bool bins_tell(struct bins *b, enum l2_list list, struct root *r, struct l2_bytes *ret_id)
{
	struct ahead a = { .b = b };
	bool twice = false, many = b->n >= MANY;

	if (many)
		ahead_begin(&a);
	for (size_t i = 0; i < b->bins_n; i++) {
		const struct bin *bin = &b->bins[i];
		struct entries *e = &a.slots[i % SLOTS];
		size_t at;

		if (many)
			ahead_wait(&a, i);
		else if (bin->unsorted)
			sort_bin(b, bin, e);
		if (!bin->unsorted || MUTANT(l2_bins_unsorted)) {
			tell_in_order(bin, list, r);
			continue;
		}
		at = order_twice(e->at, bin->n, &by_id);
		if (at < bin->n && !twice) {
			twice = true;
			*ret_id = line_at((const char *)(uintptr_t)e->at[at].ref).id;
		}
		tell_sorted(bin, e, list, r);
	}
	if (many)
		ahead_end(&a);
	for (size_t i = 0; i < SLOTS; i++)
		mem_free(a.slots[i].at);
	return twice;
}
