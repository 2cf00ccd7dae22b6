#include "codec/eip55.h"

#include <stdbool.h>
#include <string.h>

#include "base/hex.h"
#include "crypto/keccak.h"

#define DIGITS 40

/* In place: a letter is upper case where the hash of the lower-case digits has a digit
 * of 8 or more. */
static void checksum(char digits[DIGITS])
{
	uint8_t hash[32];

	keccak256(hash, digits, DIGITS);
	for (int i = 0; i < DIGITS; i++) {
		int nibble = i % 2 ? hash[i / 2] & 15 : hash[i / 2] >> 4;

		if (digits[i] >= 'a' && nibble >= 8)
			digits[i] = (char)(digits[i] - 'a' + 'A');
	}
}

void eip55_format(char out[43], const uint8_t address[20])
{
	memcpy(out, "0x", 2);
	hex_format(out + 2, address, 20);
	checksum(out + 2);
}

static bool is_mixed(const char digits[DIGITS])
{
	bool lower = false, upper = false;

	for (int i = 0; i < DIGITS; i++) {
		lower |= digits[i] >= 'a';
		upper |= digits[i] >= 'A' && digits[i] <= 'F';
	}
	return lower && upper;
}

enum eip55_fault eip55_parse(uint8_t out[20], const char *text, size_t len)
{
	uint8_t address[20];
	char right[43];

	if (len != 2 + DIGITS || text[0] != '0' || text[1] != 'x' ||
	    !hex_parse(address, sizeof address, text + 2, DIGITS))
		return EIP55_NOT_AN_ADDRESS;
	if (is_mixed(text + 2)) {
		eip55_format(right, address);
		if (memcmp(right + 2, text + 2, DIGITS) != 0)
			return EIP55_BAD_CHECKSUM;
	}
	memcpy(out, address, sizeof address);
	return EIP55_OK;
}
