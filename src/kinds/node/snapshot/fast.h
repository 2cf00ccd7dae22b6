/* fast.h - what is done to each record of millions: numbers in decimal, copies, and
 * looking for a byte. */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_FAST_H
#define PAWL_KINDS_NODE_SNAPSHOT_FAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_MAX 20

#define DIGITS_EIGHT 100000000u /* what has more than eight of them */

/* Eight digits as they stand in memory, each a number yet: halves, then pairs, then
 * digits are divided side by side, by products and shifts that are exact so far. */
static inline uint64_t digits_eight(uint64_t v)
{
	uint64_t halves = v / 10000 | v % 10000 << 32;
	uint64_t hundreds = halves * 10486 >> 20 & 0x0000007f0000007f;
	uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
	uint64_t tens = pairs * 103 >> 10 & 0x000f000f000f000f;

	return tens | (pairs - tens * 10) << 8;
}

static inline char *digits_put_eight(char *p, uint64_t v)
{
	v = digits_eight(v) | 0x3030303030303030;
	memcpy(p, &v, 8);
	return p + 8;
}

/* Without the zeros before the first one: as many bytes behind the last are of no use. */
static inline char *digits_put_few(char *p, uint64_t v)
{
	uint64_t eight = digits_eight(v);
	/* the last one stands, be it a zero */
	int zeros = __builtin_ctzll(eight | (uint64_t)1 << 56) / 8;

	eight = (eight | 0x3030303030303030) >> zeros * 8;
	memcpy(p, &eight, 8);
	return p + 8 - zeros;
}

/* Behind the last digit that was written at p, where is room for DIGITS_MAX; no NUL. */
static inline char *digits_put(char *p, uint64_t v)
{
	uint64_t high = v / DIGITS_EIGHT;

	if (!high)
		return digits_put_few(p, v);
	if (high < DIGITS_EIGHT)
		p = digits_put_few(p, high);
	else
		p = digits_put_eight(
		    digits_put_few(p, high / DIGITS_EIGHT), high % DIGITS_EIGHT);
	return digits_put_eight(p, v % DIGITS_EIGHT);
}

/* Most texts are short: no call is worth it. Behind the last byte that was written. */
static inline char *fast_copy(char *to, const char *from, size_t n)
{
	size_t i = 0;

	if (n < 8) {
		for (; i < n; i++)
			to[i] = from[i];
	} else if (n < 64) {
		for (; i + 8 < n; i += 8)
			memcpy(to + i, from + i, 8);
		memcpy(to + n - 8, from + n - 8, 8);
	} else {
		memcpy(to, from, n);
	}
	return to + n;
}

/* As memcmp, a shorter one before those that it begins. Most texts differ early. */
static inline bool fast_is_before(const char *a, size_t an, const char *b, size_t bn)
{
	size_t n = an < bn ? an : bn;
	uint64_t v, w;
	int c;

	for (size_t i = 0; i + 8 <= n; i += 8) {
		memcpy(&v, a + i, 8);
		memcpy(&w, b + i, 8);
		if (v != w)
			return __builtin_bswap64(v) < __builtin_bswap64(w);
	}
	c = n % 8 ? memcmp(a + n / 8 * 8, b + n / 8 * 8, n % 8) : 0;
	return c ? c < 0 : an < bn;
}

#define FAST_EACH 0x0101010101010101u

/* High bits of those of eight bytes that are this one; of bits above the lowest one that
 * is set, none is of use. */
static inline uint64_t fast_is(uint64_t v, char byte)
{
	v ^= FAST_EACH * (uint8_t)byte;
	return (v - FAST_EACH) & ~v & FAST_EACH << 7;
}

/* As many bytes of two texts are equal, or fewer: less than the first word that differs.
 */
static inline size_t fast_common(const char *a, const char *b, size_t n)
{
	uint64_t v, w;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		memcpy(&v, a + i, 8);
		memcpy(&w, b + i, 8);
		if (v != w)
			break;
	}
	return i;
}

/* Two words at once, as most processors have it. */
typedef uint64_t fast_pair __attribute__((vector_size(16)));
typedef uint8_t fast_bytes __attribute__((vector_size(16)));

static inline bool fast_pair_has3(uint64_t v, uint64_t w, char a, char b, char c)
{
	fast_bytes bytes = (fast_bytes)(fast_pair){ v, w };
	fast_pair found = (fast_pair)(bytes == (uint8_t)a) |
	    (fast_pair)(bytes == (uint8_t)b) | (fast_pair)(bytes == (uint8_t)c);

	return found[0] | found[1];
}

/* Has a text one of three bytes? The last words overlap those before. */
static inline bool fast_has3(const char *text, size_t len, char a, char b, char c)
{
	uint64_t v, w;

	if (len < 8) {
		for (size_t i = 0; i < len; i++)
			if (text[i] == a || text[i] == b || text[i] == c)
				return true;
		return false;
	}
	for (size_t i = 0; i + 16 < len; i += 16) {
		memcpy(&v, text + i, 8);
		memcpy(&w, text + i + 8, 8);
		if (fast_pair_has3(v, w, a, b, c))
			return true;
	}
	memcpy(&v, text + (len < 16 ? 0 : len - 16), 8);
	memcpy(&w, text + len - 8, 8);
	return fast_pair_has3(v, w, a, b, c);
}

static inline bool fast_has(const char *text, size_t len, char a, char b)
{
	return fast_has3(text, len, a, b, b);
}

#endif
