/* What does not fit, kept for the telling. */
#include <stdarg.h>
#include <stdio.h>

#include "cli/verify/verify.h"

#define MISMATCHES_MAX 1000

void verify_mismatch(struct verify *v, int64_t row, int64_t nonce, const struct hash *tx,
    const char *fmt, ...)
{
	char why[400], hash[REPORT_HASH_MAX];
	va_list ap;
	json_t *o;

	if (json_array_size(v->mismatches) >= MISMATCHES_MAX) {
		v->more++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	o = json_object();
	if (row > 0)
		json_object_set_new(o, "row", json_integer(row));
	if (nonce >= 0)
		json_object_set_new(o, "nonce", json_integer(nonce));
	if (tx) {
		report_hash(hash, tx->at);
		json_object_set_new(o, "tx", json_string(hash));
	}
	json_object_set_new(o, "why", cli_text(why));
	json_array_append_new(v->mismatches, o);
}

bool verify_paid(const struct verify *v, int64_t row)
{
	return v->paid[row / 8] >> (row % 8) & 1;
}
