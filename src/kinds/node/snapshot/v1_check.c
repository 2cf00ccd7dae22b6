/* A block of text is checked line by line as it is read: what its root is made of goes
 * to bins. */
#include <endian.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/check.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "kinds/node/snapshot/bins.h"
#include "kinds/node/snapshot/check.h"
#include "kinds/node/snapshot/fast.h"
#include "kinds/node/snapshot/v1.h"

/* One list at a time. */
struct checked {
	struct v1_reader r;
	struct l2_verdict *v;
	struct v1_place place, pegouts; /* of the list that is read; of that one */
	struct bins *bins;
	struct buf rest;
	struct root *root;
};

/* -- a list is read ------------------------------------------------------------- */

/* The last place in a line where eight bytes are looked at begins no further behind. */
#define LINE_TAIL V1_BEHIND

/* Where a text's plain part ends, or what makes it ambiguous stands; NULL: not far enough
 * before `end`. */
static inline const char *plain_end(const char *p, const char *end)
{
	for (; end - p >= LINE_TAIL; p += 8) {
		uint64_t v, found;

		memcpy(&v, p, 8);
		v = le64toh(v);
		found = fast_is(v, '"') | fast_is(v, '\\') | fast_is(v, '\n') |
		    fast_is(v, ':');
		if (found)
			return p + __builtin_ctzll(found) / 8;
	}
	return NULL;
}

/* Behind the digits from p on, of which there are 19 at most: the largest number has one
 * more. */
static inline const char *digits_end(const char *p)
{
	for (int i = 0; i < 3; i++, p += 8) {
		uint64_t v, other;

		memcpy(&v, p, 8);
		v = le64toh(v) ^ FAST_EACH * '0';
		other =
		    (((v & FAST_EACH * 0x7f) + FAST_EACH * 0x76) | v) & FAST_EACH << 7;
		if (other)
			return p + __builtin_ctzll(other) / 8;
	}
	return p;
}

/* The next line, if it is a balance of the common sort. Whatever is uncommon, or wrong,
 * is left to the reader. */
static inline bool take_common(
    struct v1_reader *r, struct l2_bytes *ret_id, struct l2_bytes *ret_rest)
{
	static const char tag[] = "balance \"";
	const char *id = r->at + sizeof tag - 1, *p, *digits;

	if (r->limit - r->at < LINE_TAIL || r->at == r->end ||
	    memcmp(r->at, tag, sizeof tag - 1) != 0)
		return false;
	p = plain_end(id, r->limit);
	if (!p || p[0] != '"' || p[1] != ' ')
		return false;
	*ret_id = (struct l2_bytes){ id, (size_t)(p - id) };
	digits = p + 2;
	p = digits_end(digits);
	if (p >= r->end || *p != '\n' || p == digits || p - digits > 19 ||
	    (*digits == '0' && p - digits > 1))
		return false;
	*ret_rest = (struct l2_bytes){ digits, (size_t)(p + 1 - digits) };
	r->at = p + 1;
	r->line++;
	r->left--;
	return true;
}

static void keep(struct checked *k)
{
	const struct l2_kind *kind = &l2_kinds[k->r.list];

	buf_clear(&k->rest);
	root_rest(&k->rest, k->r.list, &k->r.record);
	bins_add(k->bins, l2_field_text(&k->r.record, &kind->fields[0]),
	    (struct l2_bytes){ (char *)k->rest.data, k->rest.len });
}

/* -- half of many balances is read by a thread ---------------------------------- */

#define MANY_BYTES ((uint64_t)1 << 20)

/* What is behind the middle of the block, from the beginning of a line on, as far as its
 * lines are balances of the common sort. Whether that is where a balance begins is known
 * when all before it is read: it is taken then, or read again. */
struct ahead {
	struct v1_reader r;
	uint64_t from, n;
	struct bins *bins; /* NULL: nobody reads ahead */
	pthread_t thread;
};

static void *read_ahead(void *ctx)
{
	struct ahead *a = ctx;
	struct l2_bytes id, rest;

	for (;;) {
		if (take_common(&a->r, &id, &rest)) {
			bins_add(a->bins, id, rest);
			a->n++;
		} else if (a->r.at != a->r.end || !v1_more(&a->r) ||
		    a->r.at == a->r.end) {
			return NULL;
		}
	}
}

/* false: later, when it is known how the bins part. */
static bool ahead_begin(struct ahead *a, const struct checked *k)
{
	struct bins *bins = bins_beside(k->bins);
	uint64_t at = v1_offset(&k->r), left = k->r.len - at;
	struct v1_place middle = { L2_BALANCES, UINT64_MAX, at + left / 2, 1 };
	sigset_t all, old;

	if (!bins)
		return false;
	v1_reader_again(&a->r, &k->r, &middle);
	if (!v1_skip_line(&a->r)) {
		bins_free(bins);
		return true;
	}
	a->from = v1_offset(&a->r);
	a->bins = bins;
	/* Signals are for the thread that waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	CHECK(pthread_create(&a->thread, NULL, read_ahead, a) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return true;
}

/* k is where the thread began. */
static void ahead_take(struct ahead *a, struct checked *k)
{
	pthread_join(a->thread, NULL);
	if (a->n <= k->r.left || MUTANT(l2_ahead_believed)) {
		v1_take_over(&k->r, &a->r, a->n);
		bins_join(k->bins, a->bins);
	} else {
		bins_free(a->bins);
	}
	a->bins = NULL;
}

static void ahead_end(struct ahead *a)
{
	if (a->bins)
		pthread_join(a->thread, NULL);
	bins_free(a->bins);
	v1_reader_release(&a->r);
}

static bool read_list(struct checked *k)
{
	struct ahead ahead = { 0 };
	bool balances = k->r.list == L2_BALANCES, good = true;
	bool begun = !balances || k->r.len < MANY_BYTES;
	struct l2_bytes id, rest;

	k->v->records[k->r.list] = k->r.left;
	while (k->r.left) {
		if (ahead.bins && v1_offset(&k->r) == ahead.from) {
			ahead_take(&ahead, k);
			continue;
		}
		if (balances && take_common(&k->r, &id, &rest)) {
			bins_add(k->bins, id, rest);
			continue;
		}
		/* The first line of each piece that is read comes by here, too. */
		good = v1_next(&k->r) == V1_RECORD;
		if (!good)
			break;
		keep(k);
		begun = begun || ahead_begin(&ahead, k);
	}
	ahead_end(&ahead);
	return good;
}

/* -- and told, by id ------------------------------------------------------------- */

static void refuse(struct checked *k, uint64_t offset, uint64_t line, const char *why)
{
	k->v->fault = L2_MALFORMED;
	k->v->offset = offset;
	k->v->line = line;
	snprintf(k->v->why, sizeof k->v->why, "%s", why);
	utf8_plain(k->v->why);
}

/* What the reader stopped at. */
static enum err stopped(struct checked *k, const struct v1_reader *r, struct fail *f)
{
	if (r->e)
		return fail_set(f, r->e, "%s", r->why);
	refuse(k, r->offset, r->line, r->why);
	return ERR_OK;
}

/* An id that is there twice has no place in an order: its lines are looked for. */
static enum err refuse_twice(struct checked *k, struct l2_bytes id, struct fail *f)
{
	const struct l2_kind *kind = &l2_kinds[k->place.list];
	struct v1_reader r;
	uint64_t first = 0;
	char why[120];
	enum err e = ERR_OK;

	v1_reader_again(&r, &k->r, &k->place);
	for (;;) {
		uint64_t offset = r.offset, line = r.line;

		if (!r.left || v1_next(&r) != V1_RECORD) {
			e = r.e ? stopped(k, &r, f)
				: fail_set(f, ERR_STALE,
				      "the block became another while it was read");
			break;
		}
		if (!l2_same(l2_field_text(&r.record, &kind->fields[0]), id))
			continue;
		if (first) {
			snprintf(why, sizeof why,
			    "a %s of this id is there already, in line %" PRIu64,
			    kind->one, first);
			refuse(k, offset, line, why);
			break;
		}
		first = line;
	}
	v1_reader_release(&r);
	return e;
}

/* ERR_OK: it was read, or the verdict says what is wrong with it. */
static enum err check_list(struct checked *k, struct fail *f)
{
	enum l2_list list = k->r.list;
	struct l2_bytes twice;
	enum err e = ERR_OK;

	k->place = v1_place(&k->r);
	if (list == L2_PEGOUTS)
		k->pegouts = k->place;
	k->bins = bins_new(k->place.n);
	if (read_list(k)) {
		root_list(k->root, list, k->place.n);
		if (bins_tell(k->bins, list, k->root, &twice) &&
		    !MUTANT(l2_twice_believed))
			e = refuse_twice(k, twice, f);
	} else {
		e = stopped(k, &k->r, f);
	}
	bins_free(k->bins);
	return e;
}

/* They stand before the anchor on which they may stand: read once more. */
static enum err check_pegouts(
    struct checked *k, const struct l2_rules *rules, struct fail *f)
{
	struct v1_reader r;
	enum err e = ERR_OK;

	v1_reader_again(&r, &k->r, &k->pegouts);
	while (!e && r.left) {
		if (v1_next(&r) == V1_RECORD)
			l2_check_pegout(k->v, &r.record.pegout, &k->r.anchor, rules);
		else
			e = fail_set(f, r.e ? r.e : ERR_STALE, "%s",
			    r.e ? r.why : "the block became another while it was read");
	}
	v1_reader_release(&r);
	return e;
}

/* Texts of the anchor are as they are until the next part is read. */
static enum err check_rest(
    struct checked *k, const struct l2_rules *rules, struct fail *f)
{
	enum err e;

	k->v->timestamp_ms = k->r.timestamp_ms;
	l2_check_anchor(k->v, &k->r.anchor, rules);
	e = check_pegouts(k, rules, f);
	if (!e && v1_next(&k->r) != V1_DONE)
		e = stopped(k, &k->r, f);
	return e;
}

static enum err check(struct checked *k, const struct l2_rules *rules, struct fail *f)
{
	enum v1_part part = V1_BAD;
	enum err e = ERR_OK;

	while (!e && !k->v->fault && (part = v1_next(&k->r)) == V1_LIST)
		e = check_list(k, f);
	root_end(k->root, k->v->root);
	if (!e && !k->v->fault)
		e = part == V1_ANCHOR ? check_rest(k, rules, f) : stopped(k, &k->r, f);
	if (k->v->fault == L2_MALFORMED)
		k->v->root[0] = '\0';
	k->v->ambiguous = k->r.ambiguous;
	k->v->ambiguous_offset = k->r.ambiguous_offset;
	k->v->ambiguous_line = k->r.ambiguous_line;
	v1_reader_release(&k->r);
	buf_release(&k->rest);
	return e;
}

void v1_check(
    struct l2_verdict *v, const char *block, size_t len, const struct l2_rules *rules)
{
	struct checked k = { .v = v, .root = root_begin() };

	*v = (struct l2_verdict){ 0 };
	v1_reader_init(&k.r, block, len);
	buf_init(&k.rest, SIZE_MAX / 2);
	CHECK(!check(&k, rules, NULL));
}

enum err v1_check_source(struct l2_verdict *v, const struct v1_source *source,
    const struct l2_rules *rules, struct fail *f)
{
	struct checked k = { .v = v, .root = root_begin() };

	*v = (struct l2_verdict){ 0 };
	v1_reader_open(&k.r, source);
	buf_init(&k.rest, SIZE_MAX / 2);
	return check(&k, rules, f);
}
