#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/utf8.h"

#define CAP_MIN 64

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
	mem_free(b->data);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->over = false;
	if (b->data)
		b->data[0] = '\0';
}

bool buf_ok(const struct buf *b)
{
	return !b->over;
}

const char *buf_text(const struct buf *b)
{
	return b->data ? (const char *)b->data : "";
}

uint8_t *buf_take(struct buf *b, size_t *ret_len)
{
	uint8_t *data = b->data ? b->data : mem_new(1);

	*ret_len = b->len;
	buf_init(b, b->max);
	return data;
}

/* Where len more bytes go, counted already and with the NUL behind them; NULL over
 * the bound. */
static uint8_t *room(struct buf *b, size_t len)
{
	uint8_t *at;

	if (b->over || len > b->max - b->len) {
		b->over = true;
		return NULL;
	}
	if (b->len + len >= b->cap) {
		size_t cap = b->cap ? b->cap : CAP_MIN;

		while (cap <= b->len + len)
			cap *= 2;
		if (cap - 1 > b->max)
			cap = b->max + 1;
		b->data = mem_grow(b->data, cap, 1);
		b->cap = cap;
	}
	at = b->data + b->len;
	b->len += len;
	at[len] = '\0';
	return at;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	uint8_t *at = room(b, len);

	if (at && len)
		memcpy(at, data, len);
}

void buf_add_byte(struct buf *b, uint8_t byte)
{
	uint8_t *at = room(b, 1);

	if (at)
		*at = byte;
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, digits + at, sizeof digits - at);
}

void buf_add_hex(struct buf *b, const void *data, size_t len)
{
	uint8_t *at;

	if (len > SIZE_MAX / 2) {
		b->over = true;
		return;
	}
	at = room(b, 2 * len);
	if (at)
		hex_format((char *)at, data, len);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	uint8_t *at;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	CHECK(len >= 0);
	at = room(b, (size_t)len);
	if (at)
		vsnprintf((char *)at, (size_t)len + 1, fmt, again);
	va_end(again);
}

static void add_json_ascii(struct buf *b, char c)
{
	static const char short_form[] = "b\bf\fn\nr\rt\t\"\"\\\\";

	for (size_t i = 0; i + 1 < sizeof short_form; i += 2) {
		if (c == short_form[i + 1]) {
			buf_add_byte(b, '\\');
			buf_add_byte(b, (uint8_t)short_form[i]);
			return;
		}
	}
	if ((uint8_t)c < 0x20)
		buf_addf(b, "\\u%04x", (unsigned)c);
	else
		buf_add_byte(b, (uint8_t)c);
}

void buf_add_json_bytes(struct buf *b, const char *s, size_t len)
{
	buf_add_byte(b, '"');
	while (len && !b->over) {
		size_t n = utf8_next(s, len);

		if (n == 0)
			buf_add_str(b, "\xef\xbf\xbd");
		else if (n == 1)
			add_json_ascii(b, *s);
		else
			buf_add(b, s, n);
		s += n ? n : 1;
		len -= n ? n : 1;
	}
	buf_add_byte(b, '"');
}

void buf_add_json(struct buf *b, const char *s)
{
	buf_add_json_bytes(b, s, strlen(s));
}
