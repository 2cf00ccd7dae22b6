/* sha256.h - SHA-256 in one call and in pieces (OpenSSL underneath). */
#ifndef PAWL_CRYPTO_SHA256_H
#define PAWL_CRYPTO_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256; /* opaque, freed by sha256_end */

void sha256(uint8_t out[32], const void *data, size_t len);
struct sha256 *sha256_begin(void);
void sha256_add(struct sha256 *s, const void *data, size_t len);
void sha256_end(struct sha256 *s, uint8_t out[32]);

#endif
