/* eip55.h - Ethereum addresses as text, with the checksum of EIP-55. */
#ifndef PAWL_CODEC_EIP55_H
#define PAWL_CODEC_EIP55_H

#include <stddef.h>
#include <stdint.h>

enum eip55_fault { EIP55_OK, EIP55_NOT_AN_ADDRESS, EIP55_BAD_CHECKSUM };

/* 0x and 40 digits. All lower or all upper case carries no checksum and is fine;
 * mixed case must match. */
enum eip55_fault eip55_parse(uint8_t out[20], const char *text, size_t len);
void eip55_format(char out[43], const uint8_t address[20]);

#endif
