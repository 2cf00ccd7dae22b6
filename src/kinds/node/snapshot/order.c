#include "kinds/node/snapshot/order.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/check.h"

#define FEW 40
#define MANY (1 << 19) /* are worth a thread */
#define RELOADS_MAX 4  /* texts that are equal for longer are compared */

uint64_t order_key(const char *text, size_t len, size_t from)
{
	uint64_t v = 0;
	size_t n = from >= len ? 0 : len - from;

	if (n >= 8) {
		memcpy(&v, text + from, 8);
		return __builtin_bswap64(v);
	}
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(uint8_t)text[from + i] << (56 - 8 * i);
	return v;
}

/* Does a stand behind b? Of equal texts the one with the higher ref does. */
static bool is_behind(
    const struct order *a, const struct order *b, const struct order_by *by)
{
	int c;

	if (a->key != b->key)
		return a->key > b->key;
	c = by->compare(by->ctx, a->ref, b->ref);
	return c ? c > 0 : a->ref > b->ref;
}

static bool is_sorted(const struct order *at, size_t n, const struct order_by *by)
{
	for (size_t i = 1; i < n; i++)
		if (is_behind(&at[i - 1], &at[i], by))
			return false;
	return true;
}

static void sort_few(struct order *at, size_t n, const struct order_by *by)
{
	for (size_t i = 1; i < n; i++) {
		struct order e = at[i];
		size_t j = i;

		for (; j && is_behind(&at[j - 1], &e, by); j--)
			at[j] = at[j - 1];
		at[j] = e;
	}
}

static void sink(struct order *at, size_t i, size_t n, const struct order_by *by)
{
	struct order e = at[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n && is_behind(&at[child + 1], &at[child], by))
			child++;
		if (!is_behind(&at[child], &e, by))
			break;
		at[i] = at[child];
		i = child;
	}
	at[i] = e;
}

/* A heap: no recursion, no memory, and no text makes it slow. */
static void sort_by_text(struct order *at, size_t n, const struct order_by *by)
{
	if (is_sorted(at, n, by))
		return;
	for (size_t i = n / 2; i-- > 0;)
		sink(at, i, n, by);
	for (size_t end = n; end-- > 1;) {
		struct order e = at[0];

		at[0] = at[end];
		at[end] = e;
		sink(at, 0, end, by);
	}
}

/* Each entry to the bucket of its byte, by swaps. ends[b]: behind the bucket b. */
static void spread(struct order *at, size_t n, unsigned shift, size_t ends[256])
{
	size_t next[256], sum = 0;

	memset(ends, 0, 256 * sizeof *ends);
	for (size_t i = 0; i < n; i++)
		ends[at[i].key >> shift & 0xff]++;
	for (unsigned b = 0; b < 256; b++) {
		next[b] = sum;
		sum += ends[b];
		ends[b] = sum;
	}
	for (unsigned b = 0; b < 256; b++) {
		while (next[b] < ends[b]) {
			struct order e = at[next[b]];
			unsigned to = (unsigned)(e.key >> shift & 0xff);

			while (to != b) {
				struct order other = at[next[to]];

				at[next[to]++] = e;
				e = other;
				to = (unsigned)(e.key >> shift & 0xff);
			}
			at[next[b]++] = e;
		}
	}
}

/* What is to be sorted yet. */
struct part {
	struct order *at;
	size_t n, from;
	unsigned reloads;
};

static void sort_part(struct part p, const struct order_by *by);

static void sort_equal_keys(struct part p, const struct order_by *by)
{
	if (p.reloads == RELOADS_MAX) {
		sort_by_text(p.at, p.n, by);
		return;
	}
	p.from += 8;
	p.reloads++;
	for (size_t i = 0; i < p.n; i++)
		p.at[i].key = by->key(by->ctx, p.at[i].ref, p.from);
	sort_part(p, by);
}

/* The highest bits in which keys differ: so far to the right that they are a byte; -1:
 * all are equal. */
static int shift_of(const struct part *p)
{
	uint64_t differ = 0;
	int high;

	for (size_t i = 1; i < p->n; i++)
		differ |= p->at[i].key ^ p->at[0].key;
	if (!differ)
		return -1;
	high = 63 - __builtin_clzll(differ);
	return high < 7 ? 0 : high - 7;
}

static void sort_part(struct part p, const struct order_by *by)
{
	size_t ends[256];
	size_t start = 0;
	int shift;

	if (p.n <= FEW) {
		sort_few(p.at, p.n, by);
		return;
	}
	shift = shift_of(&p);
	if (shift < 0) {
		sort_equal_keys(p, by);
		return;
	}
	spread(p.at, p.n, (unsigned)shift, ends);
	for (unsigned b = 0; b < 256; start = ends[b], b++) {
		struct part sub = p;

		sub.at = p.at + start;
		sub.n = ends[b] - start;
		if (sub.n > 1)
			sort_part(sub, by);
	}
}

/* -- two threads for many -------------------------------------------------------- */

struct share {
	struct part all;
	const struct order_by *by;
	const size_t *ends;
	unsigned from, to; /* buckets of the highest byte */
};

static void *sort_share(void *ctx)
{
	const struct share *s = ctx;

	for (unsigned b = s->from; b < s->to; b++) {
		size_t start = b ? s->ends[b - 1] : 0;
		struct part sub = s->all;

		sub.at += start;
		sub.n = s->ends[b] - start;
		if (sub.n > 1)
			sort_part(sub, s->by);
	}
	return NULL;
}

/* The caller's share is the first half, a thread's the second. */
static void sort_many(struct part all, const struct order_by *by)
{
	size_t ends[256];
	struct share own = { all, by, ends, 0, 0 }, other;
	sigset_t none, old;
	pthread_t thread;
	int shift = shift_of(&all);

	if (shift < 0) {
		sort_equal_keys(all, by);
		return;
	}
	spread(all.at, all.n, (unsigned)shift, ends);
	while (own.to < 256 && ends[own.to] <= all.n / 2)
		own.to++;
	other = own;
	other.from = own.to;
	other.to = 256;
	sigfillset(&none);
	pthread_sigmask(SIG_SETMASK, &none, &old);
	CHECK(pthread_create(&thread, NULL, sort_share, &other) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sort_share(&own);
	pthread_join(thread, NULL);
}

void order_sort(struct order *at, size_t n, size_t from, const struct order_by *by)
{
	struct part all = { .at = at, .n = n, .from = from };

	if (is_sorted(at, n, by))
		return;
	if (n >= MANY)
		sort_many(all, by);
	else
		sort_part(all, by);
}

size_t order_twice(const struct order *at, size_t n, const struct order_by *by)
{
	for (size_t i = 1; i < n; i++)
		if (at[i - 1].key == at[i].key &&
		    by->compare(by->ctx, at[i - 1].ref, at[i].ref) == 0)
			return i;
	return n;
}
