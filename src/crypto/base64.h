/* base64.h - bytes as base64, of RFC 4648, padded. */
#ifndef PAWL_CRYPTO_BASE64_H
#define PAWL_CRYPTO_BASE64_H

#include <stddef.h>

#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)

/* out: BASE64_SIZE(len) bytes, with the NUL. */
void base64_format(char *out, const void *data, size_t len);

#endif
