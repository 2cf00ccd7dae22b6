/* JSON: what is plain is read as jansson reads it. */
#include "codec/json_plain.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *ours = json_plain((const char *)data, size), *its;

	if (!ours)
		return 0;
	its = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	CHECK(json_equal(ours, its));
	json_decref(ours);
	json_decref(its);
	return 0;
}
