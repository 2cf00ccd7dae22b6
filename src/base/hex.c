#include "base/hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

/* A digit's value and 1 more; 0: it is none. */
static const uint8_t values[256] = {
	['0'] = 1,
	['1'] = 2,
	['2'] = 3,
	['3'] = 4,
	['4'] = 5,
	['5'] = 6,
	['6'] = 7,
	['7'] = 8,
	['8'] = 9,
	['9'] = 10,
	['a'] = 11,
	['b'] = 12,
	['c'] = 13,
	['d'] = 14,
	['e'] = 15,
	['f'] = 16,
	['A'] = 11,
	['B'] = 12,
	['C'] = 13,
	['D'] = 14,
	['E'] = 15,
	['F'] = 16,
};

static int digit_value(char c)
{
	return values[(uint8_t)c] - 1;
}

void hex_format(char *out, const void *data, size_t len)
{
	const uint8_t *in = data;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = '\0';
}

size_t hex_span(const char *text, size_t max)
{
	size_t n = 0;

	while (n < max && digit_value(text[n]) >= 0)
		n++;
	return n;
}

bool hex_parse(void *out, size_t len, const char *text, size_t text_len)
{
	uint8_t *to = out;

	if (text_len % 2 || text_len / 2 != len)
		return false;
	for (size_t i = 0; i < text_len; i++)
		if (digit_value(text[i]) < 0)
			return false;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(digit_value(text[2 * i]) << 4 |
		    digit_value(text[2 * i + 1]));
	return true;
}

bool hex_parse_0x(void *out, size_t len, const char *text)
{
	if (text[0] != '0' || text[1] != 'x')
		return false;
	return hex_parse(out, len, text + 2, strlen(text + 2));
}

bool hex_parse_u64(uint64_t *ret, const char *text)
{
	uint64_t v = 0;
	size_t n = 0;

	if (text[0] != '0' || text[1] != 'x')
		return false;
	for (text += 2; text[n]; n++) {
		int d = digit_value(text[n]);

		if (d < 0 || n == 16)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	if (n == 0)
		return false;
	*ret = v;
	return true;
}
