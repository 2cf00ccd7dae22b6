#include "base/hex.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
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
