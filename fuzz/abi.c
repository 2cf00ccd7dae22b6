/* What contracts return: strings, reasons, and calls that are payments. */
#include <stdlib.h>
#include <string.h>

#include "codec/abi.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t to[20], again[ABI_TRANSFER_LEN];
	char symbol[32], reason[160];
	struct amount value;

	if (abi_string_decode(symbol, data, size))
		fuzz_check_text(symbol, sizeof symbol);
	abi_revert_reason(reason, data, size);
	fuzz_check_text(reason, sizeof reason);
	if (abi_transfer_decode(to, &value, data, size)) {
		CHECK(size == sizeof again);
		abi_transfer_encode(again, to, &value);
		CHECK(!memcmp(again, data, size));
	}
	if (size >= 32)
		(void)abi_word_address(to, data);
	return 0;
}
