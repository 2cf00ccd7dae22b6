#include "codec/rlp.h"

#include <string.h>

/* The first byte: itself below BYTES; then kind + length up to SHORT_MAX; then
 * kind + SHORT_MAX + the bytes that the length takes. */
#define BYTES 0x80
#define LIST 0xc0
#define SHORT_MAX 55

_Static_assert(sizeof(size_t) == 8, "a length takes up to 8 bytes");

static void add_head(struct buf *out, uint8_t kind, size_t len)
{
	uint8_t head[9];
	size_t at = sizeof head;

	if (len <= SHORT_MAX) {
		buf_add_byte(out, (uint8_t)(kind + len));
		return;
	}
	for (; len; len >>= 8)
		head[--at] = (uint8_t)len;
	at--;
	head[at] = (uint8_t)(kind + SHORT_MAX + (sizeof head - 1 - at));
	buf_add(out, head + at, sizeof head - at);
}

void rlp_add_bytes(struct buf *out, const void *data, size_t len)
{
	if (len != 1 || *(const uint8_t *)data >= BYTES)
		add_head(out, BYTES, len);
	buf_add(out, data, len);
}

void rlp_add_u64(struct buf *out, uint64_t v)
{
	struct amount a = amount_u64(v);

	rlp_add_amount(out, &a);
}

void rlp_add_amount(struct buf *out, const struct amount *a)
{
	uint8_t bytes[32];
	size_t zeros = 0;

	amount_encode(bytes, a);
	while (zeros < sizeof bytes && bytes[zeros] == 0)
		zeros++;
	rlp_add_bytes(out, bytes + zeros, sizeof bytes - zeros);
}

void rlp_add_list(struct buf *out, const struct buf *items)
{
	if (!buf_ok(items)) {
		out->over = true;
		return;
	}
	add_head(out, LIST, items->len);
	buf_add(out, items->data, items->len);
}

void rlp_init(struct rlp *r, const void *data, size_t len)
{
	r->at = data;
	r->end = len ? r->at + len : r->at;
}

/* The length behind a long head: n bytes, no leading zero, and longer than the short
 * form could say. */
static bool length_read(const struct rlp *r, size_t n, size_t *ret)
{
	const uint8_t *at = r->at + 1;
	size_t len = 0;

	if (n > (size_t)(r->end - at) || at[0] == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		len = len << 8 | at[i];
	*ret = len;
	return len > SHORT_MAX;
}

bool rlp_next(struct rlp *r, struct rlp_item *ret)
{
	struct rlp_item item;
	size_t head = 1, len;
	uint8_t kind;

	if (r->at == r->end)
		return false;
	kind = *r->at >= LIST ? LIST : BYTES;
	if (*r->at < BYTES) {
		head = 0;
		len = 1;
	} else if (*r->at <= kind + SHORT_MAX) {
		len = (size_t)(*r->at - kind);
	} else {
		size_t n = (size_t)(*r->at - kind - SHORT_MAX);

		if (!length_read(r, n, &len))
			return false;
		head += n;
	}
	if (len > (size_t)(r->end - r->at) - head)
		return false;
	item = (struct rlp_item){ kind == LIST, r->at + head, len };
	if (head && !item.list && len == 1 && item.data[0] < BYTES)
		return false;
	r->at = item.data + len;
	*ret = item;
	return true;
}

bool rlp_next_amount(struct rlp *r, struct amount *ret)
{
	struct rlp after = *r;
	struct rlp_item item;
	uint8_t bytes[32] = { 0 };

	if (!rlp_next(&after, &item) || item.list || item.len > sizeof bytes ||
	    (item.len && item.data[0] == 0))
		return false;
	memcpy(bytes + sizeof bytes - item.len, item.data, item.len);
	*ret = amount_decode(bytes);
	*r = after;
	return true;
}

bool rlp_next_u64(struct rlp *r, uint64_t *ret)
{
	struct rlp after = *r;
	struct amount a;

	if (!rlp_next_amount(&after, &a) || !amount_to_u64(&a, ret))
		return false;
	*r = after;
	return true;
}
