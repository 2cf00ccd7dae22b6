#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <zstd.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/crc32c.h"
#include "crypto/sha256.h"
#include "kinds/node/snapshot/fast.h"
#include "kinds/node/snapshot/root.h"
#include "kinds/node/snapshot/v2_in.h"

/* A record of four bytes or more is packed into no less than so many times fewer. */
#define RATIO_MAX 65536

/* A body as it is read. why is set once. */
struct body {
	const char *start, *at, *end;
	char *own; /* memory of an unpacked one */
	const char *why;
};

static bool bad(struct body *b, const char *why)
{
	if (!b->why)
		b->why = why;
	return false;
}

static bool take(struct body *b, size_t len, const char **ret)
{
	if ((size_t)(b->end - b->at) < len)
		return bad(b, "the body ends too early");
	*ret = b->at;
	b->at += len;
	return true;
}

static bool take_number(struct body *b, size_t width, uint64_t *ret)
{
	const char *p;

	if (!take(b, width, &p))
		return false;
	*ret = 0;
	for (size_t i = 0; i < width; i++)
		*ret |= (uint64_t)(uint8_t)p[i] << 8 * i;
	return true;
}

static bool take_text(struct body *b, struct l2_bytes *ret)
{
	uint64_t len;

	*ret = (struct l2_bytes){ 0 };
	if (!take_number(b, 4, &len) || !take(b, len, &ret->at))
		return false;
	ret->len = len;
	return !len || !memchr(ret->at, '\n', len) || bad(b, "a text has a line feed");
}

static bool take_record(
    struct body *b, const struct l2_kind *kind, void *record, bool *colon)
{
	for (size_t i = 0; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];
		struct l2_bytes text;
		uint64_t v;

		if (field->type == L2_TEXT) {
			if (!take_text(b, &text))
				return false;
			*colon |= text.len && memchr(text.at, ':', text.len);
			memcpy((char *)record + field->at, &text, sizeof text);
			continue;
		}
		if (!take_number(b, v2_width(field->type), &v))
			return false;
		if (field->type == L2_BOOL && v > 1)
			return bad(b, "a flag is neither 0 nor 1");
		l2_field_put(record, field, v);
	}
	return true;
}

static bool take_anchor(struct body *b, struct l2_anchor *a)
{
	uint64_t there;

	*a = (struct l2_anchor){ 0 };
	if (!take_number(b, 1, &there) || there > 1)
		return bad(b, "a flag is neither 0 nor 1");
	a->there = there;
	return !there ||
	    (take_text(b, &a->root) && take_number(b, 8, &a->timestamp_ms) &&
		take_text(b, &a->metadata) && take_text(b, &a->payload) &&
		take_text(b, &a->hash));
}

typedef void record_fn(void *ctx, enum l2_list list, const void *record);

/* All of a body: one is called for each record, each list for its count before. */
struct body_to {
	void (*list)(void *ctx, enum l2_list list, uint64_t n);
	record_fn *record;
	void *ctx;
};

/* The usual balance; false: it is another, or does not fit, and nothing was taken. */
static bool take_balance(struct body *b, struct l2_balance *one, bool *colon)
{
	size_t left = (size_t)(b->end - b->at), len;
	const char *p = b->at;
	uint32_t n;

	if (left < 12)
		return false;
	memcpy(&n, p, 4);
	len = le32toh(n);
	if (len > left - 12 || fast_has(p + 4, len, '\n', ':'))
		return false;
	memcpy(&one->amount, p + 4 + len, 8);
	one->amount = le64toh(one->amount);
	one->peer = (struct l2_bytes){ p + 4, len };
	*colon = false;
	b->at = p + 12 + len;
	return true;
}

static bool read_list(
    struct body *b, enum l2_list list, const struct body_to *to, struct l2_verdict *v)
{
	const struct l2_kind *kind = &l2_kinds[list];
	struct l2_bytes id, before = { 0 };
	union l2_record record;
	uint64_t n;

	if (!take_number(b, 8, &n))
		return false;
	to->list(to->ctx, list, n);
	v->records[list] = n;
	for (uint64_t i = 0; i < n; i++) {
		bool colon = false;
		uint64_t at = (uint64_t)(b->at - b->start);

		if (!(list == L2_BALANCES && take_balance(b, &record.balance, &colon)) &&
		    !take_record(b, kind, &record, &colon))
			return false;
		id = l2_field_text(&record, &kind->fields[0]);
		if (i && l2_compare(before, id) >= 0)
			return bad(b, "the ids of a list are not in their order");
		before = id;
		if (colon && !v->ambiguous++)
			v->ambiguous_offset = V2_HEAD + at;
		to->record(to->ctx, list, &record);
	}
	return true;
}

static bool read_body(struct body *b, const struct body_to *to, struct l2_anchor *anchor,
    struct l2_verdict *v)
{
	for (enum l2_list list = 0; list < L2_LISTS; list++)
		if (!read_list(b, list, to, v))
			return false;
	if (!take_anchor(b, anchor))
		return false;
	return b->at == b->end || bad(b, "there is more behind the end of the body");
}

static bool unpack(struct body *b, const struct v2_head *h, const char *packed)
{
	size_t n;

	if (h->raw_len / RATIO_MAX > h->body_len)
		return bad(b, "the body says that it unpacks to more than it can");
	b->own = mem_take(h->raw_len ? h->raw_len : 1);
	if (!b->own)
		return bad(b, "the body says that it unpacks to more than memory holds");
	n = ZSTD_decompress(b->own, h->raw_len, packed, h->body_len);
	if (ZSTD_isError(n) || n != h->raw_len)
		return bad(b, "the body does not unpack");
	b->start = b->at = b->own;
	b->end = b->own + n;
	return true;
}

/* Head, foot and sums: after this, what is read is what was written. */
static bool open_record(struct body *b, struct v2_head *h, const char *record, size_t len)
{
	struct v2_foot foot;
	uint8_t hash[32];

	if (!v2_head_parse(h, record, len))
		return bad(b, "its head is damaged");
	if (len < V2_HEAD + V2_FOOT || v2_len(h) != len ||
	    !v2_foot_parse(&foot, record + len - V2_FOOT, V2_FOOT) || foot.len != len)
		return bad(b, "its foot is damaged");
	if (crc32c(record + V2_HEAD, h->body_len) != h->body_sum &&
	    !MUTANT(l2_sum_not_compared))
		return bad(b, "its body is damaged");
	sha256(hash, record, len - V2_FOOT);
	if (memcmp(hash, foot.hash, 32) != 0 && !MUTANT(l2_sum_not_compared))
		return bad(b, "its hash is not that of its head and body");
	if (h->packed)
		return unpack(b, h, record + V2_HEAD);
	b->start = b->at = record + V2_HEAD;
	b->end = record + V2_HEAD + h->body_len;
	return true;
}

/* -- checked ---------------------------------------------------------------------- */

static void tell_list(void *ctx, enum l2_list list, uint64_t n)
{
	root_list(ctx, list, n);
}

static void tell_record(void *ctx, enum l2_list list, const void *record)
{
	root_record(ctx, list, record);
}

static void skip_list(void *ctx, enum l2_list list, uint64_t n)
{
	(void)ctx;
	(void)list;
	(void)n;
}

struct pegouts {
	struct l2_verdict *v;
	const struct l2_anchor *anchor;
	const struct l2_rules *rules;
};

static void ask_pegout(void *ctx, enum l2_list list, const void *record)
{
	const struct pegouts *p = ctx;

	if (list == L2_PEGOUTS)
		l2_check_pegout(p->v, record, p->anchor, p->rules);
}

static bool heads_agree(struct body *b, const struct v2_head *h,
    const struct l2_verdict *v, const struct l2_anchor *anchor)
{
	char hex[L2_HEX];
	uint8_t hash[32] = { 0 };

	hex_format(hex, h->root, 32);
	if (strcmp(hex, v->root) != 0)
		return bad(b, "its head names another root than its body has");
	if (anchor->there)
		(void)!hex_parse(hash, 32, anchor->hash.at, anchor->hash.len);
	if (h->anchored != anchor->there || memcmp(hash, h->anchor_hash, 32) != 0)
		return bad(b, "its head names another anchor than its body has");
	return true;
}

/* The peg-outs stand before the anchor: the body is read once more if it has any. */
static void check_rules(struct body *b, const struct l2_anchor *anchor,
    const struct l2_rules *rules, struct l2_verdict *v)
{
	struct pegouts p = { v, anchor, rules };
	struct body_to to = { skip_list, ask_pegout, &p };
	struct l2_verdict again = { 0 };
	struct body second = { .start = b->start, .at = b->start, .end = b->end };
	struct l2_anchor same;

	l2_check_anchor(v, anchor, rules);
	if (v->records[L2_PEGOUTS])
		CHECK(read_body(&second, &to, &same, &again));
}

static void check_body(struct body *b, const struct v2_head *h,
    const struct l2_rules *rules, struct l2_verdict *v)
{
	struct root *root = root_begin();
	struct body_to to = { tell_list, tell_record, root };
	struct l2_anchor anchor;
	bool whole = read_body(b, &to, &anchor, v);

	root_end(root, v->root);
	if (whole && heads_agree(b, h, v, &anchor))
		check_rules(b, &anchor, rules, v);
}

void v2_check(struct l2_verdict *v, const char *record, size_t len,
    const uint8_t *before_hash, const struct l2_rules *rules)
{
	struct body b = { 0 };
	struct v2_head h;

	*v = (struct l2_verdict){ 0 };
	if (open_record(&b, &h, record, len)) {
		v->timestamp_ms = h.timestamp_ms;
		if (before_hash && memcmp(before_hash, h.before_hash, 32) != 0 &&
		    !MUTANT(l2_chain_not_compared))
			bad(&b,
			    "the record before it is not the one that it was "
			    "written behind");
		else
			check_body(&b, &h, rules, v);
	}
	if (b.why) {
		v->fault = L2_MALFORMED;
		v->root[0] = '\0';
		v->offset = b.at ? V2_HEAD + (uint64_t)(b.at - b.start) : 0;
		snprintf(v->why, sizeof v->why, "the record can't be read: %s", b.why);
	}
	mem_free(b.own);
}

/* -- as values -------------------------------------------------------------------- */

static void keep_record(void *ctx, enum l2_list list, const void *record)
{
	l2_state_add(ctx, list, record);
}

enum err v2_load(struct l2_state *s, const char *record, size_t len, struct fail *f)
{
	struct body_to to = { skip_list, keep_record, s };
	struct l2_verdict v = { 0 };
	struct body b = { 0 };
	struct v2_head h;
	struct l2_anchor a;

	if (open_record(&b, &h, record, len) && read_body(&b, &to, &a, &v)) {
		s->timestamp_ms = h.timestamp_ms;
		s->anchor = a;
		s->anchor.root = l2_state_keep(s, a.root);
		s->anchor.metadata = l2_state_keep(s, a.metadata);
		s->anchor.payload = l2_state_keep(s, a.payload);
		s->anchor.hash = l2_state_keep(s, a.hash);
	}
	mem_free(b.own);
	return b.why ? fail_set(f, ERR_INPUT, "the record can't be read: %s", b.why)
		     : ERR_OK;
}
