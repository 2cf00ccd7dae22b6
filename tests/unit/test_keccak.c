/* Keccak-256: published vectors, another wallet's, and two libraries that share no code
 * with ours. nettle has the permutation, to which the sponge below is added; wolfSSL's
 * SHA3 has a flag for the older padding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <nettle/sha3.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/sha3.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/keccak.h"

static void hash_is(const void *data, size_t len, const char *expected)
{
	uint8_t hash[32];
	char text[65];

	keccak256(hash, data, len);
	hex_format(text, hash, sizeof hash);
	assert_string_equal(text, expected);
}

static void published(void **state)
{
	(void)state;
	hash_is(
	    NULL, 0, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
	hash_is(
	    "abc", 3, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
	hash_is("The quick brown fox jumps over the lazy dog", 43,
	    "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15");
	hash_is("Transfer(address,address,uint256)", 33,
	    "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
}

static const struct {
	const char *message, *hash;
} ethers[] = {
#define KECCAK(...) { __VA_ARGS__ },
#include "../vectors/ethers.def"
};

static void as_ethers(void **state)
{
	uint8_t message[512];

	(void)state;
	for (size_t i = 0; i < sizeof ethers / sizeof *ethers; i++) {
		size_t len = strlen(ethers[i].message) / 2 - 1;

		assert_true(hex_parse_0x(message, len, ethers[i].message));
		hash_is(message, len, ethers[i].hash + 2);
	}
}

/* The plainest sponge there is: a byte at a time into a state of 200 bytes. */
static void nettle_keccak256(uint8_t out[32], const uint8_t *data, size_t len)
{
	struct sha3_state state = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		state.a[at / 8] ^= (uint64_t)data[i] << 8 * (at % 8);
		if (++at == 136) {
			sha3_permute(&state);
			at = 0;
		}
	}
	state.a[at / 8] ^= (uint64_t)1 << 8 * (at % 8);
	state.a[16] ^= (uint64_t)0x80 << 56;
	sha3_permute(&state);
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(state.a[i / 8] >> 8 * (i % 8));
}

static void as_two_libraries(void **state)
{
	uint64_t random = 0x9e3779b97f4a7c15;
	uint8_t *message = mem_new(3000), ours[32], theirs[32];
	wc_Sha3 wolf;

	(void)state;
	for (size_t len = 0; len < 3000; len++) {
		for (size_t i = 0; i < len; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			message[i] = (uint8_t)(random >> 32);
		}
		keccak256(ours, message, len);
		nettle_keccak256(theirs, message, len);
		assert_memory_equal(ours, theirs, 32);
		assert_int_equal(wc_InitSha3_256(&wolf, NULL, INVALID_DEVID), 0);
		assert_int_equal(wc_Sha3_SetFlags(&wolf, WC_HASH_SHA3_KECCAK256), 0);
		assert_int_equal(wc_Sha3_256_Update(&wolf, message, (word32)len), 0);
		assert_int_equal(wc_Sha3_256_Final(&wolf, theirs), 0);
		assert_memory_equal(ours, theirs, 32);
	}
	free(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published),
		cmocka_unit_test(as_ethers),
		cmocka_unit_test(as_two_libraries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
