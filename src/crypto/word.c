#include "crypto/word.h"

#include "base/hex.h"

static uint32_t word_of(const uint8_t at[4])
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
	    at[3];
}

uint32_t word_end(struct sha256 *s)
{
	uint8_t hash[32];
	uint32_t word;

	sha256_end(s, hash);
	word = word_of(hash);
	return word == WORD_NONE ? 1 : word;
}

bool word_parse(uint32_t *ret, const char *text, size_t len)
{
	uint8_t at[4];

	if (!hex_parse(at, sizeof at, text, len))
		return false;
	*ret = word_of(at);
	return *ret != WORD_NONE;
}
