/* secp.h - the one face of libsecp256k1 that EVM chains need.
 *
 * Deterministic (RFC 6979): the same key and hash give the same signature.
 * Thread-safe after secp_setup.
 */
#ifndef PAWL_CRYPTO_SECP_H
#define PAWL_CRYPTO_SECP_H

#include <stdint.h>

#include "crypto/secret.h"

void secp_setup(void); /* once; idempotent */

/* ERR_KEY when the 32 bytes are no valid private key. address: the last 20 bytes
 * of the Keccak-256 of the public key. */
NODISCARD enum err secp_address(
    uint8_t address[20], const struct secret *key, struct fail *f);

/* low-s signature; parity is the recovery id, 0 or 1. key is valid (CHECK). */
void secp_sign(uint8_t r[32], uint8_t s[32], int *parity, const struct secret *key,
    const uint8_t hash[32]);

/* Who signed; ERR_INPUT when nobody can have. */
NODISCARD enum err secp_recover(uint8_t address[20], const uint8_t r[32],
    const uint8_t s[32], int parity, const uint8_t hash[32], struct fail *f);

#endif
