/* The sums of a backup: what is taken is written again as it stands. */
#include <string.h>

#include "fuzz.h"
#include "kinds/node/backup/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fail f = { 0 };
	struct buf again;
	struct sums s;

	if (sums_parse(&s, (const char *)data, len, &f)) {
		CHECK(f.why[0]);
		return 0;
	}
	buf_init(&again, 4096);
	sums_format(&again, &s);
	/* lines may stand in another order */
	CHECK(buf_ok(&again) && again.len == len);
	buf_release(&again);
	return 0;
}
