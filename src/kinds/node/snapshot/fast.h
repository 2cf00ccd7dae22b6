/* fast.h - what is done to each record of millions: numbers in decimal, copies, and
 * looking for a byte. */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_FAST_H
#define PAWL_KINDS_NODE_SNAPSHOT_FAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_MAX 20

/* Behind the last digit that was written at p; no NUL. */
static inline char *digits_put(char *p, uint64_t v)
{
	static const char pairs[] =
	    "00010203040506070809101112131415161718192021222324252627"
	    "28293031323334353637383940414243444546474849505152535455"
	    "56575859606162636465666768697071727374757677787980818283"
	    "84858687888990919293949596979899";
	char digits[DIGITS_MAX], *at = digits + DIGITS_MAX;

	for (; v >= 100; v /= 100)
		memcpy(at -= 2, pairs + v % 100 * 2, 2);
	if (v >= 10)
		memcpy(at -= 2, pairs + v * 2, 2);
	else
		*--at = (char)('0' + v);
	memcpy(p, at, (size_t)(digits + DIGITS_MAX - at));
	return p + (digits + DIGITS_MAX - at);
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

#define FAST_EACH 0x0101010101010101u

/* High bits of those of eight bytes that are this one; of bits above the lowest one that
 * is set, none is of use. */
static inline uint64_t fast_is(uint64_t v, char byte)
{
	v ^= FAST_EACH * (uint8_t)byte;
	return (v - FAST_EACH) & ~v & FAST_EACH << 7;
}

/* Has a text one of three bytes? Eight at a time; the last eight overlap those before. */
static inline bool fast_has3(const char *text, size_t len, char a, char b, char c)
{
	uint64_t v;

	if (len < 8) {
		for (size_t i = 0; i < len; i++)
			if (text[i] == a || text[i] == b || text[i] == c)
				return true;
		return false;
	}
	for (size_t i = 0;; i += 8) {
		if (i + 8 > len)
			i = len - 8;
		memcpy(&v, text + i, 8);
		if (fast_is(v, a) | fast_is(v, b) | fast_is(v, c))
			return true;
		if (i + 8 == len)
			return false;
	}
}

static inline bool fast_has(const char *text, size_t len, char a, char b)
{
	return fast_has3(text, len, a, b, b);
}

#endif
