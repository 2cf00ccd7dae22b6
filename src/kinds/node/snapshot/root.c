#include "kinds/node/snapshot/root.h"

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/sha256.h"

#define PIECE 65536
#define NUMBER_MAX 21 /* 20 digits, or a sign and fewer */

struct root {
	struct sha256 *sha;
	size_t n;
	char piece[PIECE];
};

struct root *root_begin(void)
{
	struct root *r = mem_take(sizeof *r);

	r->sha = sha256_begin();
	memcpy(r->piece, "L2STATE|v1\n", 11);
	r->n = 11;
	return r;
}

static void flush(struct root *r)
{
	sha256_add(r->sha, r->piece, r->n);
	r->n = 0;
}

static void add(struct root *r, const char *bytes, size_t len)
{
	if (len > sizeof r->piece - r->n) {
		flush(r);
		if (len > sizeof r->piece) {
			sha256_add(r->sha, bytes, len);
			return;
		}
	}
	if (len)
		memcpy(r->piece + r->n, bytes, len);
	r->n += len;
}

static void add_number(struct root *r, uint64_t v, bool negative)
{
	char digits[NUMBER_MAX], *p = digits + sizeof digits;

	if (negative)
		v = -v;
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	if (negative)
		*--p = '-';
	add(r, p, (size_t)(digits + sizeof digits - p));
}

void root_list(struct root *r, enum l2_list list, uint64_t n)
{
	const char *name = l2_kinds[list].many;

	add(r, name, strlen(name));
	add(r, ":", 1);
	add_number(r, n, false);
	add(r, "\n", 1);
}

void root_record(struct root *r, enum l2_list list, const void *record)
{
	const struct l2_kind *kind = &l2_kinds[list];

	add(r, kind->one, strlen(kind->one));
	for (size_t i = 0; i < kind->fields_n; i++) {
		const struct l2_field *field = &kind->fields[i];

		add(r, ":", 1);
		if (field->type == L2_TEXT) {
			struct l2_bytes text = l2_field_text(record, field);

			add(r, text.at, text.len);
		} else {
			uint64_t v = l2_field_number(record, field);

			add_number(r, v, field->type == L2_INT && v >> 63);
		}
	}
	add(r, "\n", 1);
}

void root_balance(struct root *r, struct l2_bytes peer, struct l2_bytes amount)
{
	size_t len = 8 + peer.len + 1 + amount.len + 1;
	char *p;

	if (len > sizeof r->piece - r->n)
		flush(r);
	if (len > sizeof r->piece) {
		add(r, "balance:", 8);
		add(r, peer.at, peer.len);
		add(r, ":", 1);
		add(r, amount.at, amount.len);
		add(r, "\n", 1);
		return;
	}
	p = r->piece + r->n;
	memcpy(p, "balance:", 8);
	if (peer.len)
		memcpy(p + 8, peer.at, peer.len);
	p += 8 + peer.len;
	*p++ = ':';
	memcpy(p, amount.at, amount.len);
	p[amount.len] = '\n';
	r->n += len;
}

void root_end(struct root *r, char out[L2_HEX])
{
	uint8_t hash[32];

	flush(r);
	sha256_end(r->sha, hash);
	hex_format(out, hash, sizeof hash);
	mem_free(r);
}
