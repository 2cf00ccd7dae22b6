#include "codec/abi.h"

#include <stdio.h>
#include <string.h>

#define WORD 32
#define SELECTOR 4

static const uint8_t transfer_call[SELECTOR] = { 0xa9, 0x05, 0x9c, 0xbb };
static const uint8_t balance_of_call[SELECTOR] = { 0x70, 0xa0, 0x82, 0x31 };
const uint8_t abi_decimals_call[SELECTOR] = { 0x31, 0x3c, 0xe5, 0x67 };
const uint8_t abi_symbol_call[SELECTOR] = { 0x95, 0xd8, 0x9b, 0x41 };

static const uint8_t error_selector[SELECTOR] = { 0x08, 0xc3, 0x79, 0xa0 };
static const uint8_t panic_selector[SELECTOR] = { 0x4e, 0x48, 0x7b, 0x71 };

const uint8_t abi_transfer_topic[WORD] = { 0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b,
	0x69, 0xc2, 0xb0, 0x68, 0xfc, 0x37, 0x8d, 0xaa, 0x95, 0x2b, 0xa7, 0xf1, 0x63,
	0xc4, 0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef };

static void word_of_address(uint8_t word[WORD], const uint8_t address[20])
{
	memset(word, 0, 12);
	memcpy(word + 12, address, 20);
}

bool abi_word_address(uint8_t out[20], const uint8_t word[WORD])
{
	for (int i = 0; i < 12; i++)
		if (word[i])
			return false;
	memcpy(out, word + 12, 20);
	return true;
}

void abi_transfer_encode(
    uint8_t out[ABI_TRANSFER_LEN], const uint8_t to[20], const struct amount *value)
{
	memcpy(out, transfer_call, SELECTOR);
	word_of_address(out + SELECTOR, to);
	amount_encode(out + SELECTOR + WORD, value);
}

bool abi_transfer_decode(
    uint8_t to[20], struct amount *value, const uint8_t *data, size_t len)
{
	if (len != ABI_TRANSFER_LEN || memcmp(data, transfer_call, SELECTOR) != 0 ||
	    !abi_word_address(to, data + SELECTOR))
		return false;
	*value = amount_decode(data + SELECTOR + WORD);
	return true;
}

void abi_balance_of_encode(uint8_t out[36], const uint8_t who[20])
{
	memcpy(out, balance_of_call, SELECTOR);
	word_of_address(out + SELECTOR, who);
}

static bool size_read(size_t *ret, const uint8_t word[WORD])
{
	struct amount a = amount_decode(word);
	uint64_t v;

	if (!amount_to_u64(&a, &v) || v > SIZE_MAX)
		return false;
	*ret = (size_t)v;
	return true;
}

/* A dynamic string that is the only value in data. */
static bool string_find(
    const uint8_t **ret, size_t *ret_len, const uint8_t *data, size_t len)
{
	size_t offset, size;

	if (len < 2 * WORD || !size_read(&offset, data) || offset > len - WORD ||
	    !size_read(&size, data + offset) || size > len - WORD - offset)
		return false;
	*ret = data + offset + WORD;
	*ret_len = size;
	return true;
}

static void printable(char *out, size_t size, const uint8_t *text, size_t len)
{
	size_t n = len < size ? len : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = text[i] >= 0x20 && text[i] < 0x7f ? (char)text[i] : '?';
	out[n] = '\0';
}

bool abi_string_decode(char out[32], const uint8_t *data, size_t len)
{
	const uint8_t *text = data;
	size_t text_len;

	if (len == WORD)
		text_len = strnlen((const char *)data, WORD);
	else if (!string_find(&text, &text_len, data, len))
		return false;
	printable(out, 32, text, text_len);
	return true;
}

/* What the compiler of Solidity means by its codes. */
static const struct {
	uint8_t code;
	const char *text;
} panics[] = {
	{ 0x00, "generic" },
	{ 0x01, "assertion failed" },
	{ 0x11, "arithmetic overflow" },
	{ 0x12, "division by zero" },
	{ 0x21, "no such enum value" },
	{ 0x22, "bad storage encoding" },
	{ 0x31, "pop from an empty array" },
	{ 0x32, "index out of bounds" },
	{ 0x41, "too much memory" },
	{ 0x51, "call of an unset function" },
};

static void panic_reason(char out[160], const uint8_t word[WORD])
{
	struct amount code = amount_decode(word);
	char hex[67];

	for (size_t i = 0; i < sizeof panics / sizeof *panics; i++) {
		struct amount known = amount_u64(panics[i].code);

		if (amount_cmp(&code, &known) == 0) {
			snprintf(out, 160, "panic 0x%02x (%s)", panics[i].code,
			    panics[i].text);
			return;
		}
	}
	amount_format_hex(hex, &code);
	snprintf(out, 160, "panic %s", hex);
}

void abi_revert_reason(char out[160], const uint8_t *data, size_t len)
{
	const uint8_t *text;
	size_t text_len;

	if (len < SELECTOR) {
		snprintf(out, 160, "no reason");
		return;
	}
	if (memcmp(data, error_selector, SELECTOR) == 0 &&
	    string_find(&text, &text_len, data + SELECTOR, len - SELECTOR)) {
		printable(out, 160, text, text_len);
		if (text_len == 0)
			snprintf(out, 160, "no reason");
		return;
	}
	if (memcmp(data, panic_selector, SELECTOR) == 0 && len == SELECTOR + WORD) {
		panic_reason(out, data + SELECTOR);
		return;
	}
	snprintf(
	    out, 160, "error 0x%02x%02x%02x%02x", data[0], data[1], data[2], data[3]);
}
