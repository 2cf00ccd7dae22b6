/* keccak.h - Keccak-256 with the original padding (0x01), as Ethereum uses it.
 * Not SHA3-256, which pads with 0x06; no library of Debian 12 has it in usable form. */
#ifndef PAWL_CRYPTO_KECCAK_H
#define PAWL_CRYPTO_KECCAK_H

#include <stddef.h>
#include <stdint.h>

void keccak256(uint8_t out[32], const void *data, size_t len);

#endif
