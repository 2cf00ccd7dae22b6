/* pawl.yaml: text of anybody's. */
#include <stdlib.h>
#include <string.h>

#include "cli/config/read.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *const env[] = { NULL };
	static const char *const keystores[] = { "payer" };
	struct config_input in = { .path = "pawl.yaml",
		.text = (const char *)data,
		.len = size,
		.env = env,
		.keystores = keystores,
		.keystores_n = 1 };
	struct config *config = NULL;
	struct fail f = { 0 };

	if (config_read(&config, &in, &f)) {
		CHECK(f.why[0]);
		return 0;
	}
	CHECK(config);
	config_free(config);
	return 0;
}
