/* abi.h - the few pieces of the Solidity ABI that a payment needs. */
#ifndef PAWL_CODEC_ABI_H
#define PAWL_CODEC_ABI_H

#include "base/amount.h"
#include "base/buf.h"

#define ABI_TRANSFER_LEN 68

/* transfer(address,uint256): selector a9059cbb */
void abi_transfer_encode(
    uint8_t out[ABI_TRANSFER_LEN], const uint8_t to[20], const struct amount *value);
bool abi_transfer_decode(
    uint8_t to[20], struct amount *value, const uint8_t *data, size_t len);

/* balanceOf(address): 70a08231; decimals(): 313ce567; symbol(): 95d89b41 */
void abi_balance_of_encode(uint8_t out[36], const uint8_t who[20]);
extern const uint8_t abi_decimals_call[4], abi_symbol_call[4];

/* topic 0 of Transfer(address,address,uint256) */
extern const uint8_t abi_transfer_topic[32];

/* A word as an address (upper 12 bytes zero), else false. */
bool abi_word_address(uint8_t out[20], const uint8_t word[32]);

/* A string result: dynamic string, or the bytes32 of old tokens. Printable
 * ASCII only, at most 31 bytes kept, others become '?'. */
bool abi_string_decode(char out[32], const uint8_t *data, size_t len);

/* The reason of a revert: Error(string), Panic(uint256), else the selector in
 * hex. Printable ASCII, bounded. Never fails. */
void abi_revert_reason(char out[160], const uint8_t *data, size_t len);

#endif
