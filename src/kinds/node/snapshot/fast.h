/* fast.h - what is done to each record of millions: numbers in decimal, copies, and
 * looking for a byte. */
#ifndef PAWL_KINDS_NODE_SNAPSHOT_FAST_H
#define PAWL_KINDS_NODE_SNAPSHOT_FAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_MAX 20

/* How many digits a number has. */
static inline size_t digits_n(uint64_t v)
{
	static const uint64_t tens[DIGITS_MAX] = { 0, 10, 100, 1000, 10000, 100000,
		1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
		1000000000000, 10000000000000, 100000000000000, 1000000000000000,
		10000000000000000, 100000000000000000, 1000000000000000000,
		10000000000000000000u };
	/* of the bits, times log10(2) */
	size_t n = (64 - (size_t)__builtin_clzll(v | 1)) * 1233 >> 12;

	return n + (v >= tens[n]);
}

/* Behind the last digit that was written at p; no NUL. Each goes to its place at once: a
 * copy of bytes that were just written one by one would wait for them. */
static inline char *digits_put(char *p, uint64_t v)
{
	static const char pairs[] =
	    "00010203040506070809101112131415161718192021222324252627"
	    "28293031323334353637383940414243444546474849505152535455"
	    "56575859606162636465666768697071727374757677787980818283"
	    "84858687888990919293949596979899";
	char *end = p + digits_n(v), *at = end;

	for (; v >= 100; v /= 100)
		memcpy(at -= 2, pairs + v % 100 * 2, 2);
	if (v >= 10)
		memcpy(at - 2, pairs + v * 2, 2);
	else
		at[-1] = (char)('0' + v);
	return end;
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
