#include "crypto/secp.h"

#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "crypto/keccak.h"

/* More than the library takes of the stack with a key on it, which it leaves there; last
 * of all, because a function that is called for the first time saves registers there. */
#define STACK_USED 16384

static secp256k1_context *ctx;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Blinded, so that the time and power that signing takes say less about the key. */
static void context_make(void)
{
	struct secret *seed = secret_random(32);

	ctx = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	CHECK(ctx);
	CHECK(secp256k1_context_randomize(ctx, secret_bytes(seed)));
	secret_free(seed);
}

void secp_setup(void)
{
	CHECK(pthread_once(&once, context_make) == 0);
}

static void address_of(uint8_t address[20], const secp256k1_pubkey *key)
{
	uint8_t point[65], hash[32]; /* 04, x, y */
	size_t len = sizeof point;

	secp256k1_ec_pubkey_serialize(ctx, point, &len, key, SECP256K1_EC_UNCOMPRESSED);
	keccak256(hash, point + 1, sizeof point - 1);
	memcpy(address, hash + 12, 20);
}

enum err secp_address(uint8_t address[20], const struct secret *key, struct fail *f)
{
	secp256k1_pubkey public;

	CHECK(ctx);
	if (secret_len(key) != 32 ||
	    !secp256k1_ec_pubkey_create(ctx, &public, secret_bytes(key)))
		return fail_set(f, ERR_KEY, "not a private key of secp256k1");
	address_of(address, &public);
	sodium_stackzero(STACK_USED);
	return ERR_OK;
}

void secp_sign(uint8_t r[32], uint8_t s[32], int *parity, const struct secret *key,
    const uint8_t hash[32])
{
	secp256k1_ecdsa_recoverable_signature sig;
	uint8_t both[64];

	CHECK(ctx && secret_len(key) == 32);
	CHECK(secp256k1_ecdsa_sign_recoverable(
	    ctx, &sig, hash, secret_bytes(key), NULL, NULL));
	secp256k1_ecdsa_recoverable_signature_serialize_compact(ctx, both, parity, &sig);
	sodium_stackzero(STACK_USED);
	CHECK(*parity == 0 || *parity == 1); /* 2 and 3 take 2^128 tries */
	memcpy(r, both, 32);
	memcpy(s, both + 32, 32);
}

enum err secp_recover(uint8_t address[20], const uint8_t r[32], const uint8_t s[32],
    int parity, const uint8_t hash[32], struct fail *f)
{
	secp256k1_ecdsa_recoverable_signature sig;
	secp256k1_pubkey public;
	uint8_t both[64];

	CHECK(ctx);
	memcpy(both, r, 32);
	memcpy(both + 32, s, 32);
	if ((parity != 0 && parity != 1) ||
	    !secp256k1_ecdsa_recoverable_signature_parse_compact(
		ctx, &sig, both, parity) ||
	    !secp256k1_ecdsa_recover(ctx, &public, &sig, hash))
		return fail_set(f, ERR_INPUT, "no key can have made this signature");
	address_of(address, &public);
	return ERR_OK;
}
