#include "base/amount.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"

__extension__ typedef unsigned __int128 u128;

#define CHUNK_DIGITS 19 /* the most decimal digits that always fit a limb */
#define DIGITS_MAX 78   /* of 2^256 - 1 */

struct amount amount_u64(uint64_t v)
{
	return (struct amount){ { v, 0, 0, 0 } };
}

bool amount_is_zero(const struct amount *a)
{
	return (a->limb[0] | a->limb[1] | a->limb[2] | a->limb[3]) == 0;
}

int amount_cmp(const struct amount *a, const struct amount *b)
{
	for (int i = 3; i >= 0; i--)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	return 0;
}

bool amount_add(struct amount *ret, const struct amount *a, const struct amount *b)
{
	struct amount sum;
	uint64_t carry = 0;

	for (int i = 0; i < 4; i++) {
		u128 v = (u128)a->limb[i] + b->limb[i] + carry;

		sum.limb[i] = (uint64_t)v;
		carry = (uint64_t)(v >> 64);
	}
	if (carry)
		return false;
	*ret = sum;
	return true;
}

bool amount_sub(struct amount *ret, const struct amount *a, const struct amount *b)
{
	struct amount rest;
	uint64_t borrow = 0;

	for (int i = 0; i < 4; i++) {
		u128 v = (u128)a->limb[i] - b->limb[i] - borrow;

		rest.limb[i] = (uint64_t)v;
		borrow = (uint64_t)(v >> 64) & 1;
	}
	if (borrow)
		return false;
	*ret = rest;
	return true;
}

/* a * b + c */
static bool mul_add(struct amount *ret, const struct amount *a, uint64_t b, uint64_t c)
{
	struct amount product;
	uint64_t carry = c;

	for (int i = 0; i < 4; i++) {
		u128 v = (u128)a->limb[i] * b + carry;

		product.limb[i] = (uint64_t)v;
		carry = (uint64_t)(v >> 64);
	}
	if (carry)
		return false;
	*ret = product;
	return true;
}

bool amount_mul_u64(struct amount *ret, const struct amount *a, uint64_t b)
{
	return mul_add(ret, a, b, 0);
}

struct amount amount_div_u64(const struct amount *a, uint64_t b, uint64_t *ret_rest)
{
	struct amount quotient;
	uint64_t rest = 0;

	CHECK(b != 0);
	for (int i = 3; i >= 0; i--) {
		u128 v = (u128)rest << 64 | a->limb[i];

		quotient.limb[i] = (uint64_t)(v / b);
		rest = (uint64_t)(v % b);
	}
	if (ret_rest)
		*ret_rest = rest;
	return quotient;
}

bool amount_to_u64(const struct amount *a, uint64_t *ret)
{
	if (a->limb[1] | a->limb[2] | a->limb[3])
		return false;
	*ret = a->limb[0];
	return true;
}

void amount_encode(uint8_t out[32], const struct amount *a)
{
	for (size_t i = 0; i < 4; i++) {
		uint64_t be = htobe64(a->limb[3 - i]);

		memcpy(out + 8 * i, &be, sizeof be);
	}
}

struct amount amount_decode(const uint8_t in[32])
{
	struct amount a = AMOUNT_ZERO;

	for (size_t i = 0; i < 4; i++) {
		uint64_t be;

		memcpy(&be, in + 8 * i, sizeof be);
		a.limb[3 - i] = be64toh(be);
	}
	return a;
}

bool amount_parse_hex(struct amount *ret, const char *text)
{
	char padded[64];
	uint8_t bytes[32];
	size_t len;

	if (text[0] != '0' || text[1] != 'x')
		return false;
	len = strnlen(text + 2, sizeof padded + 1);
	if (len == 0 || len > sizeof padded)
		return false;
	memset(padded, '0', sizeof padded - len);
	memcpy(padded + sizeof padded - len, text + 2, len);
	if (!hex_parse(bytes, sizeof bytes, padded, sizeof padded))
		return false;
	*ret = amount_decode(bytes);
	return true;
}

void amount_format_hex(char out[67], const struct amount *a)
{
	char digits[65];
	uint8_t bytes[32];
	const char *first = digits;

	amount_encode(bytes, a);
	hex_format(digits, bytes, sizeof bytes);
	while (*first == '0' && first[1])
		first++;
	memcpy(out, "0x", 2);
	memcpy(out + 2, first, strlen(first) + 1);
}

/* Digits with at most one point that has digits on both sides. *ret_places: how many
 * stand behind it. */
static enum amount_fault shape_check(const char *text, size_t len, size_t *ret_places)
{
	size_t point = len;

	if (len == 0)
		return AMOUNT_EMPTY;
	for (size_t i = 0; i < len; i++) {
		if (text[i] >= '0' && text[i] <= '9')
			continue;
		if (text[i] != '.' || point != len)
			return AMOUNT_NOT_PLAIN;
		point = i;
	}
	if (point == 0 || point + 1 == len)
		return AMOUNT_NOT_PLAIN;
	*ret_places = point == len ? 0 : len - point - 1;
	return AMOUNT_OK;
}

enum amount_fault amount_parse(
    struct amount *ret, const char *text, size_t len, unsigned decimals)
{
	struct amount a = AMOUNT_ZERO;
	size_t places = 0;
	enum amount_fault fault = shape_check(text, len, &places);

	CHECK(decimals <= AMOUNT_DECIMALS_MAX);
	if (fault != AMOUNT_OK)
		return fault;
	if (places > decimals)
		return AMOUNT_TOO_PRECISE;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.')
			continue;
		if (!mul_add(&a, &a, 10, (uint64_t)(text[i] - '0')))
			return AMOUNT_OVERFLOW;
	}
	for (; places < decimals; places++)
		if (!amount_mul_u64(&a, &a, 10))
			return AMOUNT_OVERFLOW;
	*ret = a;
	return AMOUNT_OK;
}

const char *amount_fault_text(enum amount_fault fault)
{
	switch (fault) {
	case AMOUNT_OK:
		return "fine";
	case AMOUNT_EMPTY:
		return "no amount";
	case AMOUNT_NOT_PLAIN:
		return "not a plain decimal number";
	case AMOUNT_TOO_PRECISE:
		return "more decimals than the asset has";
	case AMOUNT_OVERFLOW:
		return "larger than any amount can be (2^256 - 1 base units)";
	}
	BUG("no such fault");
}

/* The decimal digits of a, right-aligned in DIGITS_MAX places filled up with zeros. */
static void digits_write(char out[DIGITS_MAX], struct amount a)
{
	size_t at = DIGITS_MAX;

	memset(out, '0', DIGITS_MAX);
	while (!amount_is_zero(&a)) {
		uint64_t chunk;

		a = amount_div_u64(&a, 10000000000000000000u, &chunk);
		for (int i = 0; i < CHUNK_DIGITS && at > 0; i++) {
			out[--at] = (char)('0' + chunk % 10);
			chunk /= 10;
		}
	}
}

void amount_format(char out[AMOUNT_TEXT_MAX], const struct amount *a, unsigned decimals)
{
	char all[AMOUNT_DECIMALS_MAX + 1 + DIGITS_MAX];
	size_t point = sizeof all - decimals, from = 0, to = sizeof all, len;

	CHECK(decimals <= AMOUNT_DECIMALS_MAX);
	memset(all, '0', sizeof all - DIGITS_MAX);
	digits_write(all + sizeof all - DIGITS_MAX, *a);
	while (from + 1 < point && all[from] == '0')
		from++;
	while (to > point && all[to - 1] == '0')
		to--;
	len = point - from;
	memcpy(out, all + from, len);
	if (to > point) {
		out[len++] = '.';
		memcpy(out + len, all + point, to - point);
		len += to - point;
	}
	out[len] = '\0';
}
