/* A block of text is checked where it lies. */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "kinds/node/snapshot/check.h"
#include "kinds/node/snapshot/order.h"
#include "kinds/node/snapshot/root.h"
#include "kinds/node/snapshot/v1.h"

#define AHEAD 24 /* lines that are fetched before they are needed */

/* One list at a time. An entry's ref is the place of its line in the block. */
struct checked {
	const char *block;
	struct v1_reader r;
	struct v1_reader again; /* of lines that were read before */
	struct l2_verdict *v;
	struct order *order;
	size_t n, id_at; /* where the quotes of the id open in a line */
	size_t same;     /* so many bytes begin all ids of the list */
	struct l2_bytes first;
	size_t pegouts_at; /* the line of the first one */
	struct root *root;
};

/* Does the text behind these quotes have no backslash? Then it is as it stands. */
static bool is_plain(const char *quotes, struct l2_bytes *ret)
{
	const char *p = quotes + 1;

	while (*p != '"' && *p != '\\')
		p++;
	*ret = (struct l2_bytes){ quotes + 1, (size_t)(p - quotes - 1) };
	return *p == '"';
}

/* The next byte of a quoted text; -1 at its end. */
static int next_byte(const char **p)
{
	if (**p == '"')
		return -1;
	if (**p == '\\')
		++*p;
	return (unsigned char)*(*p)++;
}

static uint64_t key_of_quoted(const char *p, size_t from)
{
	uint64_t key = 0;
	int c = 0;

	while (from-- && c >= 0)
		c = next_byte(&p);
	for (unsigned shift = 64; shift && c >= 0;) {
		c = next_byte(&p);
		shift -= 8;
		if (c >= 0)
			key |= (uint64_t)(unsigned)c << shift;
	}
	return key;
}

static uint64_t key_at(void *ctx, uint64_t ref, size_t from)
{
	struct checked *k = ctx;
	const char *quotes = k->block + ref + k->id_at;
	struct l2_bytes id;

	if (is_plain(quotes, &id))
		return order_key(id.at, id.len, from);
	return key_of_quoted(quotes + 1, from);
}

static int compare_at(void *ctx, uint64_t a, uint64_t b)
{
	struct checked *k = ctx;
	const char *pa = k->block + a + k->id_at, *pb = k->block + b + k->id_at;
	struct l2_bytes ia, ib;
	int ca, cb;

	if (is_plain(pa, &ia) && is_plain(pb, &ib))
		return l2_compare(ia, ib);
	pa++;
	pb++;
	do {
		ca = next_byte(&pa);
		cb = next_byte(&pb);
	} while (ca == cb && ca >= 0);
	return (ca > cb) - (ca < cb);
}

/* -- a list is read ------------------------------------------------------------- */

static void shrink_same(struct checked *k, struct l2_bytes id)
{
	size_t n = 0;

	while (n < k->same && n < id.len && id.at[n] == k->first.at[n])
		n++;
	if (n == k->same)
		return;
	k->same = n;
	for (size_t i = 0; i < k->n; i++)
		k->order[i].key = key_at(k, k->order[i].ref, n);
}

static void note(struct checked *k, struct l2_bytes id)
{
	uint64_t ref = (uint64_t)(k->r.record_at - k->block);

	/* The first id tells what all may begin with. */
	if (!k->n) {
		k->first = id;
		k->same = id.len;
	} else if (id.len < k->same ||
	    (k->same && memcmp(id.at, k->first.at, k->same) != 0)) {
		shrink_same(k, id);
	}
	k->order[k->n++] = (struct order){ order_key(id.at, id.len, k->same), ref };
}

/* One with backslashes is compared from its first byte on, and so are all others. */
static void note_quoted(struct checked *k)
{
	uint64_t ref = (uint64_t)(k->r.record_at - k->block);

	shrink_same(k, (struct l2_bytes){ 0 });
	k->order[k->n++] = (struct order){ key_at(k, ref, 0), ref };
}

/* What ends the plain part of a text, or makes it ambiguous; and what ends a number. */
static const bool special[256] = {
	['"'] = true, ['\\'] = true, ['\n'] = true, [':'] = true
};

/* The next line, if it is a balance of the common sort. Whatever is uncommon, or wrong,
 * is left to the reader. */
static bool take_common(struct v1_reader *r, struct l2_bytes *ret)
{
	static const char tag[] = "balance \"";
	const char *p = r->at, *digits;

	/* A block goes on behind its balances: no look below goes beyond it. */
	if ((size_t)(r->end - p) < sizeof tag || memcmp(p, tag, sizeof tag - 1) != 0)
		return false;
	p += sizeof tag - 1;
	ret->at = p;
	while (p < r->end && !special[(uint8_t)*p])
		p++;
	if (r->end - p < 24 || p[0] != '"' || p[1] != ' ')
		return false;
	ret->len = (size_t)(p - ret->at);
	digits = p += 2;
	while (*p >= '0' && *p <= '9' && p - digits < 20)
		p++;
	if (*p != '\n' || p == digits || p - digits > 19 ||
	    (*digits == '0' && p - digits > 1))
		return false;
	r->record_at = r->at;
	r->at = p + 1;
	r->line++;
	r->left--;
	return true;
}

static enum v1_part read_list(struct checked *k)
{
	enum v1_part part = V1_RECORD;
	uint64_t n = k->r.left;
	bool balances = k->r.list == L2_BALANCES;
	struct l2_bytes id;

	k->n = k->same = 0;
	k->id_at = strlen(l2_kinds[k->r.list].one) + 1;
	k->order = mem_array(n ? n : 1, sizeof *k->order);
	order_large_pages(k->order, n * sizeof *k->order);
	for (uint64_t i = 0; i < n && part == V1_RECORD; i++) {
		if (balances && take_common(&k->r, &id)) {
			note(k, id);
			continue;
		}
		part = v1_next(&k->r);
		if (part == V1_RECORD && is_plain(k->r.record_at + k->id_at, &id))
			note(k, id);
		else if (part == V1_RECORD)
			note_quoted(k);
	}
	return part;
}

/* -- and told, by id ------------------------------------------------------------- */

static void tell_balance(struct checked *k, const char *line)
{
	struct l2_bytes id, amount;
	const char *p;

	if (!is_plain(line + k->id_at, &id)) {
		v1_again(&k->again, L2_BALANCES, line);
		root_record(k->root, L2_BALANCES, &k->again.record);
		return;
	}
	p = amount.at = id.at + id.len + 2;
	while (*p != '\n')
		p++;
	amount.len = (size_t)(p - amount.at);
	root_balance(k->root, id, amount);
}

static void tell_list(struct checked *k, enum l2_list list)
{
	root_list(k->root, list, k->n);
	for (size_t i = 0; i < k->n; i++) {
		const char *line = k->block + k->order[i].ref;

		if (i + AHEAD < k->n) {
			__builtin_prefetch(k->block + k->order[i + AHEAD].ref);
			__builtin_prefetch(k->block + k->order[i + AHEAD].ref + 64);
		}
		if (list == L2_BALANCES) {
			tell_balance(k, line);
			continue;
		}
		v1_again(&k->again, list, line);
		root_record(k->root, list, &k->again.record);
	}
}

static void refuse(struct checked *k, size_t offset, uint64_t line, const char *why)
{
	k->v->fault = L2_MALFORMED;
	k->v->offset = offset;
	k->v->line = line;
	snprintf(k->v->why, sizeof k->v->why, "%s", why);
	utf8_plain(k->v->why);
}

static uint64_t line_of(const char *block, uint64_t offset)
{
	uint64_t n = 1;

	for (uint64_t i = 0; i < offset; i++)
		n += block[i] == '\n';
	return n;
}

/* An id that is there twice has no place in an order. */
static bool is_once(struct checked *k, enum l2_list list)
{
	struct order_by by = { key_at, compare_at, k };
	size_t at = order_twice(k->order, k->n, &by);
	uint64_t offset;
	char why[120];

	if (at == k->n || MUTANT(l2_twice_believed))
		return true;
	offset = k->order[at].ref;
	snprintf(why, sizeof why, "a %s of this id is there already, in line %" PRIu64,
	    l2_kinds[list].one, line_of(k->block, k->order[at - 1].ref));
	refuse(k, offset, line_of(k->block, offset), why);
	return false;
}

static bool check_list(struct checked *k)
{
	struct order_by by = { key_at, compare_at, k };
	enum l2_list list = k->r.list;
	bool good = read_list(k) == V1_RECORD;

	if (good) {
		k->v->records[list] = k->n;
		if (list == L2_PEGOUTS && k->n)
			k->pegouts_at = k->order[0].ref;
		order_sort(k->order, k->n, k->same, &by);
		good = is_once(k, list);
		if (good)
			tell_list(k, list);
	} else {
		refuse(k, k->r.offset, k->r.line, k->r.why);
	}
	mem_free(k->order);
	return good;
}

/* They stand before the anchor on which they may stand: read once more. */
static void check_pegouts(struct checked *k, const struct l2_rules *rules)
{
	const char *line = k->block + k->pegouts_at;

	for (uint64_t i = 0; i < k->v->records[L2_PEGOUTS]; i++) {
		v1_again(&k->again, L2_PEGOUTS, line);
		l2_check_pegout(k->v, &k->again.record.pegout, &k->r.anchor, rules);
		line = k->again.at;
	}
}

static bool read_all(struct checked *k)
{
	enum v1_part part;

	while ((part = v1_next(&k->r)) == V1_LIST)
		if (!check_list(k))
			return false;
	if (part == V1_ANCHOR)
		return true;
	refuse(k, k->r.offset, k->r.line, k->r.why);
	return false;
}

static void check_whole(struct checked *k, const struct l2_rules *rules)
{
	struct v1_reader rest;

	k->v->timestamp_ms = k->r.timestamp_ms;
	l2_check_anchor(k->v, &k->r.anchor, rules);
	check_pegouts(k, rules);
	/* Texts of the anchor are as they are until the next part is read. */
	rest = k->r;
	if (v1_next(&rest) != V1_DONE)
		refuse(k, rest.offset, rest.line, rest.why);
}

void v1_check(
    struct l2_verdict *v, const char *block, size_t len, const struct l2_rules *rules)
{
	struct checked k = { .block = block, .v = v, .root = root_begin() };
	bool whole;

	*v = (struct l2_verdict){ 0 };
	v1_reader_init(&k.r, block, len);
	v1_reader_init(&k.again, block, len);
	whole = read_all(&k);
	root_end(k.root, v->root);
	if (whole)
		check_whole(&k, rules);
	if (v->fault == L2_MALFORMED)
		v->root[0] = '\0';
	v->ambiguous = k.r.ambiguous;
	v->ambiguous_offset = k.r.ambiguous_offset;
	v->ambiguous_line = k.r.ambiguous_line;
	v1_reader_release(&k.r);
	v1_reader_release(&k.again);
}
