#include "journal/wal.h"

#include <string.h>

#include "base/mutant.h"

#define HEADER 32
#define FRAME_HEADER 24
#define AGE_AT 16
#define PAGE_MAX 65536
#define MAGIC 0x377f0682u /* its lowest bit: checksums are over big-endian words */
#define VERSION 3007000u

struct sum {
	uint32_t a, b;
};

struct frame {
	uint32_t page, commit; /* commit: pages of the database, if it ends one */
	uint32_t salt[2];
	struct sum told;
};

struct walk {
	const struct wal *w;
	bool big_endian;
	uint32_t salt[2];
	int64_t at; /* of the next frame */
	bool unread;
	uint8_t bytes[FRAME_HEADER + PAGE_MAX];
};

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static struct sum sum_be(struct sum s, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i + 8 <= len; i += 8) {
		s.a += get_be32(p + i) + s.b;
		s.b += get_be32(p + i + 4) + s.a;
	}
	return s;
}

static struct sum sum_le(struct sum s, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i + 8 <= len; i += 8) {
		s.a += get_le32(p + i) + s.b;
		s.b += get_le32(p + i + 4) + s.a;
	}
	return s;
}

static struct sum sum_add(struct sum s, const uint8_t *p, uint32_t len, bool big_endian)
{
	return big_endian ? sum_be(s, p, len) : sum_le(s, p, len);
}

static bool sum_same(struct sum x, struct sum y)
{
	return x.a == y.a && x.b == y.b;
}

static bool read(struct walk *k, uint8_t *to, uint32_t len, int64_t at)
{
	bool whole = k->w->read(k->w->ctx, to, (int)len, at);

	k->unread = k->unread || !whole;
	return whole;
}

/* false: there is no further whole frame. */
static bool next(struct walk *k, struct frame *ret)
{
	uint32_t size = FRAME_HEADER + k->w->page_size;
	const uint8_t *b = k->bytes;

	if (k->at + size > k->w->size || !read(k, k->bytes, size, k->at))
		return false;
	k->at += size;
	*ret = (struct frame){ get_be32(b), get_be32(b + 4),
		{ get_be32(b + 8), get_be32(b + 12) },
		{ get_be32(b + 16), get_be32(b + 20) } };
	return true;
}

/* What the frame that was read last must tell, where the one before told `before`. */
static struct sum sum_of(const struct walk *k, struct sum before)
{
	struct sum s = sum_add(before, k->bytes, 8, k->big_endian);

	return sum_add(s, k->bytes + FRAME_HEADER, k->w->page_size, k->big_endian);
}

static bool is_ours(const struct walk *k, const struct frame *f)
{
	return f->page && f->salt[0] == k->salt[0] && f->salt[1] == k->salt[1];
}

bool wal_age(const struct wal *w, uint32_t *ret)
{
	uint8_t salt[4] = { 0 };
	bool whole = w->read(w->ctx, salt, sizeof(salt), AGE_AT);

	*ret = get_be32(salt);
	return whole;
}

static bool begin(
    struct walk *k, const struct wal *w, struct wal_told *told, struct sum *ret)
{
	uint8_t h[HEADER];

	k->w = w;
	k->at = HEADER;
	k->unread = false;
	if (!read(k, h, HEADER, 0))
		return false;
	k->big_endian = get_be32(h) & 1;
	k->salt[0] = told->age = get_be32(h + AGE_AT);
	k->salt[1] = get_be32(h + AGE_AT + 4);
	told->first = get_be32(h + 12) == 0;
	*ret = sum_add((struct sum){ 0 }, h, HEADER - 8, k->big_endian);
	return (get_be32(h) & ~1u) == MAGIC && get_be32(h + 4) == VERSION &&
	    get_be32(h + 8) == w->page_size &&
	    sum_same(*ret, (struct sum){ get_be32(h + 24), get_be32(h + 28) });
}

/* What lies behind the place where reading ends. */
struct rest {
	uint32_t page;
	int64_t image,
	    image_now; /* of committed transactions; of the one that is walked */
	bool follows;  /* a transaction follows another one there */
	int commits;   /* of the same -wal, and before the first of them */
	bool torn;     /* is a frame that does not chain */
};

/* Of a damaged frame either what it told is right, or what is computed of it. The last
 * page of a transaction may be there twice, to fill its sector; what of that copy lies
 * behind the sector is synced with the next transaction, and ends none. */
static void walk_rest(struct walk *k, const struct frame *last, const struct frame *bad,
    struct sum computed, struct rest *r)
{
	struct sum before = bad->told, other = computed;
	bool ended = bad->commit && !last->commit, broken = false;
	struct frame f;

	for (; next(k, &f); before = other = f.told) {
		bool again = ended; /* a copy of a last page */
		bool chained = is_ours(k, &f) &&
		    (sum_same(sum_of(k, before), f.told) ||
			sum_same(sum_of(k, other), f.told));

		r->follows = r->follows || (chained && ended && !f.commit);
		ended = chained && f.commit;
		broken = broken || !chained;
		if (chained && f.page == r->page)
			r->image_now = k->at - k->w->page_size;
		if (!ended)
			continue;
		r->image = r->image_now;
		r->commits += !again;
		r->torn = r->torn || (r->commits == 1 && broken);
	}
}

/* The first transaction shares the header's sector: a power cut that tore it while it was
 * written may have torn both. Damage of the header alone leaves its frames whole. */
static bool is_torn_start(const struct rest *r)
{
	return r->commits == 1 && r->torn && !MUTANT(torn_start_is_damage);
}

/* The salts of the second frame, for the first one may share the header's sector. */
static void walk_headless(struct walk *k, struct rest *r)
{
	struct frame first, f;

	k->big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	if (!next(k, &first) || !next(k, &f))
		return;
	memcpy(k->salt, f.salt, sizeof(k->salt));
	k->at = HEADER + FRAME_HEADER + k->w->page_size;
	walk_rest(k, &first, &first, first.told, r);
}

/* What it held before it began anew: all of that is in the database, and what is not
 * written over yet tells what it was. A transaction that another one follows: the last
 * may have met a full disk, and was taken back. The frame before the first that chains
 * can be torn. */
static void walk_before(struct walk *k, struct rest *r)
{
	struct frame f, before = { 0 };
	int64_t ended = -1;

	r->image = r->image_now = -1; /* what was torn never was a commit */
	k->at = HEADER;
	k->salt[0]--;
	for (; next(k, &f); before = f) {
		bool chained = f.salt[0] == k->salt[0] && before.salt[0] == f.salt[0] &&
		    before.salt[1] == f.salt[1] &&
		    sum_same(sum_of(k, before.told), f.told);

		if (!chained || (before.commit && !f.commit)) {
			if (chained && ended >= 0)
				r->image = ended;
			r->image_now = ended = -1;
		}
		if (chained && f.page == r->page)
			r->image_now = k->at - k->w->page_size;
		if (chained && f.commit)
			ended = r->image_now;
	}
}

enum wal_state wal_check(const struct wal *w, uint32_t page, struct wal_told *ret)
{
	static struct walk k; /* large; one at a time */
	struct rest r = { .page = page, .image = -1, .image_now = -1 };
	enum wal_state state = WAL_WHOLE;
	struct sum sum, computed;
	struct frame f, last = { 0 };
	bool holds = false;

	*ret = (struct wal_told){ .image = -1 };
	if (w->size < HEADER || w->page_size > PAGE_MAX)
		return state;
	if (begin(&k, w, ret, &sum)) {
		while (next(&k, &f)) {
			computed = sum_of(&k, sum);
			if (!is_ours(&k, &f) || !sum_same(computed, f.told)) {
				walk_rest(&k, &last, &f, computed, &r);
				break;
			}
			sum = computed;
			last = f;
			holds = holds || f.commit;
		}
		if (!holds && !r.follows)
			walk_before(&k, &r);
		state = r.follows ? WAL_CUT : holds ? WAL_WHOLE : WAL_ANEW;
	} else {
		walk_headless(&k, &r);
		state = r.image >= 0 && !is_torn_start(&r) ? WAL_HEADLESS : WAL_WHOLE;
	}
	ret->image = r.image;
	return k.unread && !MUTANT(unread_wal_believed) ? WAL_UNREAD : state;
}
