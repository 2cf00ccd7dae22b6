#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#include "base/mutant.h"

/* Unicode 15, table 3-7: what may follow a first byte. Only the second byte has bounds
 * of its own; they are what excludes overlong forms, surrogates and the far end. */
static const struct {
	uint8_t first, last, second_min, second_max, len;
} forms[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static bool tail_valid(const uint8_t *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if ((s[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t utf8_next(const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (len < forms[i].len || s[1] < forms[i].second_min ||
		    s[1] > forms[i].second_max)
			return 0;
		return tail_valid(s, 2, forms[i].len) ? forms[i].len : 0;
	}
	return 0;
}

bool utf8_valid(const char *text, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = utf8_next(text + at, len - at);
		if (n == 0)
			return false;
	}
	return true;
}

/* Of what turns around how others are shown, and of lines: U+061C, U+200E and U+200F,
 * U+2028 to U+202E, U+2066 to U+2069. */
static bool is_turn(const uint8_t *c, size_t n)
{
	if (MUTANT(text_turns_around) || n < 2)
		return false;
	if (n == 2)
		return c[0] == 0xd8 && c[1] == 0x9c;
	if (n != 3 || c[0] != 0xe2)
		return false;
	return c[1] == 0x80
	    ? c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae)
	    : c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

/* Of a whole character of n bytes. C1 is U+0080 to U+009F. */
static bool is_control(const char *s, size_t n)
{
	const uint8_t *c = (const uint8_t *)s;

	if (n == 1)
		return c[0] < 0x20 || c[0] == 0x7f;
	return (n == 2 && c[0] == 0xc2 && c[1] < 0xa0) || is_turn(c, n);
}

bool utf8_speaks(const char *text)
{
	size_t len = strlen(text);

	for (size_t at = 0, n; at < len; at += n ? n : 1) {
		n = utf8_next(text + at, len - at);
		if (n && is_control(text + at, n))
			return true;
	}
	return false;
}

void utf8_plain(char *text)
{
	size_t len = strlen(text);

	for (size_t at = 0, n; at < len; at += n) {
		n = utf8_next(text + at, len - at);
		if (n && !is_control(text + at, n))
			continue;
		n = n ? n : 1;
		memset(text + at, '?', n);
	}
}
