/* keystore.h - Web3 Secret Storage version 3: a private key under a password.
 *
 * scrypt and pbkdf2 (hmac-sha256), aes-128-ctr, Keccak MAC. Parameters from the
 * file are bounded before anything is allocated: a hostile file must not eat the
 * memory (scrypt: 128 * n * r at most 512 MiB, r at most 1,024, p at most 16; pbkdf2:
 * at most 10,000,000 rounds; dklen 32, salt 1 to 128 bytes). Duplicate keys, other
 * versions and ciphers are refused, and an address that is not the key's.
 *
 * Both take a second and up to 512 MiB: they belong on a worker. They call secp_setup.
 */
#ifndef PAWL_CRYPTO_KEYSTORE_H
#define PAWL_CRYPTO_KEYSTORE_H

#include "base/buf.h"
#include "crypto/secret.h"

#define KEYSTORE_FILE_MAX 65536

/* Fails with ERR_KEY: malformed, out of bounds, wrong password (and says which). */
NODISCARD enum err keystore_decrypt(struct secret **ret, const char *json, size_t len,
    const struct secret *password, struct fail *f);

/* A fresh v3 file (scrypt n = 262144, r = 8, p = 1) for a valid key. */
NODISCARD enum err keystore_encrypt(struct buf *out, const struct secret *key,
    const struct secret *password, struct fail *f);

#endif
