/* hex.h - bytes as hexadecimal text and back. */
#ifndef PAWL_BASE_HEX_H
#define PAWL_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * len lower-case digits and a NUL. */
void hex_format(char *out, const void *data, size_t len);

/* Exactly 2 * len digits of either case (no 0x); false on anything else. */
bool hex_parse(void *out, size_t len, const char *text, size_t text_len);

/* How many digits the text begins with, of at most max bytes that it has. */
size_t hex_span(const char *text, size_t max);

/* "0x" and exactly 2 * len digits. */
bool hex_parse_0x(void *out, size_t len, const char *text);

/* "0x" quantity of a JSON-RPC node: 1 to 16 digits; leading zeros are tolerated
 * (some nodes send them). */
bool hex_parse_u64(uint64_t *ret, const char *text);

#endif
