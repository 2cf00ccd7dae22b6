#include "kinds/node/snapshot/v2.h"

#include <stdio.h>
#include <zstd.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/crc32c.h"
#include "crypto/sha256.h"
#include "kinds/node/snapshot/v2_in.h"

#define PACKED 1u
#define ANCHORED 2u
#define FOOT_MAGIC "L2SNAP2\x89"
#define WORD_LEN 7
#define LEVEL 3

/* -- head and foot -------------------------------------------------------------- */

static void put_u32(char *to, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		to[i] = (char)(v >> 8 * i);
}

static void put_u64(char *to, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		to[i] = (char)(v >> 8 * i);
}

static uint32_t get_u32(const char *from)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v |= (uint32_t)(uint8_t)from[i] << 8 * i;
	return v;
}

static uint64_t get_u64(const char *from)
{
	return get_u32(from) | (uint64_t)get_u32(from + 4) << 32;
}

static void put_head(char out[V2_HEAD], const struct v2_head *h)
{
	memset(out, 0, V2_HEAD);
	memcpy(out, V2_MAGIC, V2_MAGIC_LEN);
	put_u32(out + 8, (h->packed ? PACKED : 0) | (h->anchored ? ANCHORED : 0));
	put_u32(out + 12, h->body_sum);
	put_u64(out + 16, h->body_len);
	put_u64(out + 24, h->raw_len);
	put_u64(out + 32, h->number);
	put_u64(out + 40, h->timestamp_ms);
	put_u64(out + 48, h->before);
	memcpy(out + 56, h->before_hash, 32);
	memcpy(out + 88, h->root, 32);
	memcpy(out + 120, h->anchor_hash, 32);
	put_u32(out + V2_HEAD - 4, crc32c(out, V2_HEAD - 4));
}

bool v2_head_parse(struct v2_head *h, const char *bytes, size_t len)
{
	uint32_t flags;

	if (len < V2_HEAD || memcmp(bytes, V2_MAGIC, V2_MAGIC_LEN) != 0 ||
	    get_u32(bytes + V2_HEAD - 4) != crc32c(bytes, V2_HEAD - 4))
		return false;
	flags = get_u32(bytes + 8);
	*h = (struct v2_head){ .packed = flags & PACKED,
		.anchored = flags & ANCHORED,
		.body_sum = get_u32(bytes + 12),
		.body_len = get_u64(bytes + 16),
		.raw_len = get_u64(bytes + 24),
		.number = get_u64(bytes + 32),
		.timestamp_ms = get_u64(bytes + 40),
		.before = get_u64(bytes + 48) };
	memcpy(h->before_hash, bytes + 56, 32);
	memcpy(h->root, bytes + 88, 32);
	memcpy(h->anchor_hash, bytes + 120, 32);
	return !(flags & ~(PACKED | ANCHORED)) && h->body_len < UINT64_MAX / 2 &&
	    (h->packed || h->raw_len == h->body_len);
}

uint64_t v2_len(const struct v2_head *h)
{
	uint64_t len = V2_HEAD + h->body_len + V2_FOOT;

	return (len + V2_SECTOR - 1) / V2_SECTOR * V2_SECTOR;
}

bool v2_foot_parse(struct v2_foot *t, const char *bytes, size_t len)
{
	if (len < V2_FOOT || memcmp(bytes + 48, FOOT_MAGIC, V2_MAGIC_LEN) != 0 ||
	    get_u32(bytes + V2_FOOT - 4) != crc32c(bytes, V2_FOOT - 4) ||
	    get_u32(bytes + 56))
		return false;
	t->offset = get_u64(bytes);
	t->len = get_u64(bytes + 8);
	memcpy(t->hash, bytes + 16, 32);
	return t->len >= V2_HEAD + V2_FOOT;
}

/* Over the head and body that b has, from `start` on. */
static void add_foot(struct buf *b, size_t start, uint64_t offset)
{
	char foot[V2_FOOT] = { 0 };
	size_t len;

	while ((b->len - start + V2_FOOT) % V2_SECTOR)
		buf_add_byte(b, 0);
	len = b->len - start;

	put_u64(foot, offset);
	put_u64(foot + 8, len + V2_FOOT);
	sha256((uint8_t *)foot + 16, b->data + start, len);
	memcpy(foot + 48, FOOT_MAGIC, V2_MAGIC_LEN);
	put_u32(foot + V2_FOOT - 4, crc32c(foot, V2_FOOT - 4));
	buf_add(b, foot, sizeof foot);
}

static void set_before(struct v2_head *h, const struct v2_place *after)
{
	h->number = after ? after->number + 1 : 1;
	h->before = after ? after->offset : V2_NOWHERE;
	memset(h->before_hash, 0, 32);
	if (after)
		memcpy(h->before_hash, after->hash, 32);
}

/* -- body ------------------------------------------------------------------------ */

static void add_u64(struct buf *b, uint64_t v)
{
	char bytes[8];

	put_u64(bytes, v);
	buf_add(b, bytes, sizeof bytes);
}

static void add_text(struct buf *b, struct l2_bytes text)
{
	char bytes[4];

	CHECK(text.len <= UINT32_MAX);
	put_u32(bytes, (uint32_t)text.len);
	buf_add(b, bytes, sizeof bytes);
	if (text.len)
		buf_add(b, text.at, text.len);
}

static void add_record(struct buf *b, const struct l2_kind *kind, const void *record)
{
	char bytes[8];

	for (size_t i = 0; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];

		if (field->type == L2_TEXT) {
			add_text(b, l2_field_text(record, field));
			continue;
		}
		put_u64(bytes, l2_field_number(record, field));
		buf_add(b, bytes, v2_width(field->type));
	}
}

static void add_body(struct buf *b, const struct l2_state *s)
{
	for (enum l2_list list = 0; list < L2_LISTS; list++) {
		size_t n = l2_state_n(s, list);

		add_u64(b, n);
		for (size_t i = 0; i < n; i++)
			add_record(b, &l2_kinds[list], l2_state_at(s, list, i));
	}
	buf_add_byte(b, s->anchor.there);
	if (!s->anchor.there)
		return;
	add_text(b, s->anchor.root);
	add_u64(b, s->anchor.timestamp_ms);
	add_text(b, s->anchor.metadata);
	add_text(b, s->anchor.payload);
	add_text(b, s->anchor.hash);
}

size_t v2_width(enum l2_type type)
{
	static const uint8_t widths[] = {
		[L2_U64] = 8, [L2_U32] = 4, [L2_INT] = 4, [L2_BOOL] = 1
	};

	CHECK(type != L2_TEXT);
	return widths[type];
}

static void pack(struct buf *b, const struct buf *raw)
{
	size_t most = ZSTD_compressBound(raw->len), n;
	char *to = mem_take(most);

	CHECK(to);
	n = ZSTD_compress(to, most, raw->data, raw->len, LEVEL);
	CHECK(!ZSTD_isError(n));
	buf_add(b, to, n);
	mem_free(to);
}

/* Where nothing may be read as a head or foot. */
static bool has_word(const struct buf *b, size_t from)
{
	return memmem(b->data + from, b->len - from, V2_WORD, WORD_LEN) &&
	    !MUTANT(record_within_a_record);
}

/* A frame of zstd (RFC 8878) of blocks that are not packed. One ends behind the first
 * three bytes of each word, and the three that say how long the next one is part it: the
 * last of these is 8 at most, and the first never the word's last byte. */
static void part(struct buf *b, const struct buf *raw)
{
	static const uint8_t begin[] = { 0x28, 0xb5, 0x2f, 0xfd, 0xe0 };
	const size_t most = 1 << 16, split = 3;
	size_t at = 0;

	buf_add(b, begin, sizeof begin);
	add_u64(b, raw->len);
	while (at < raw->len) {
		const uint8_t *from = raw->data + at, *word;
		size_t n = raw->len - at < most ? raw->len - at : most;
		char head[4];

		word = memmem(from, n, V2_WORD, split);
		if (word)
			n = (size_t)(word - from) + split;
		at += n;
		put_u32(head, (uint32_t)n << 3 | (at == raw->len));
		buf_add(b, head, 3);
		buf_add(b, from, n);
	}
}

void v2_format(struct buf *b, const struct l2_state *s, const char root[L2_HEX],
    bool compress, uint64_t offset, const struct v2_place *after)
{
	struct v2_head h = { .packed = compress,
		.anchored = s->anchor.there,
		.timestamp_ms = s->timestamp_ms };
	char head[V2_HEAD] = { 0 };
	size_t start = b->len, body = start + V2_HEAD;
	struct buf raw;

	CHECK(hex_parse(h.root, 32, root, L2_HEX - 1));
	if (s->anchor.there)
		(void)!hex_parse(
		    h.anchor_hash, 32, s->anchor.hash.at, s->anchor.hash.len);
	set_before(&h, after);
	buf_add(b, head, sizeof head);
	buf_init(&raw, SIZE_MAX / 2);
	add_body(compress ? &raw : b, s);
	h.raw_len = compress ? raw.len : b->len - body;
	if (compress)
		pack(b, &raw);
	if (has_word(b, body)) {
		if (!compress)
			buf_add(&raw, b->data + body, b->len - body);
		b->len = body;
		part(b, &raw);
		h.packed = true;
	}
	buf_release(&raw);
	h.body_len = b->len - body;
	h.body_sum = crc32c(b->data + body, h.body_len);
	put_head((char *)b->data + start, &h);
	add_foot(b, start, offset);
}

void v2_move(struct buf *b, const char *record, size_t len, uint64_t offset,
    const struct v2_place *after)
{
	size_t start = b->len;
	struct v2_head h;

	CHECK(v2_head_parse(&h, record, len));
	set_before(&h, after);
	buf_add(b, record, V2_HEAD + h.body_len);
	put_head((char *)b->data + start, &h);
	add_foot(b, start, offset);
}
