#include "crypto/base64.h"

#include <sodium.h>

void base64_format(char *out, const void *data, size_t len)
{
	sodium_bin2base64(
	    out, BASE64_SIZE(len), data, len, sodium_base64_VARIANT_ORIGINAL);
}
