/* A snapshot as a record. Its sums keep most of what is hostile away, so the target mends
 * them: the first byte says whether. */
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "record.h"

/* A whole record around a body, with a head that tells of it. */
static uint8_t *wrap(
    const uint8_t *body, size_t len, bool packed, size_t raw, size_t *ret_len)
{
	uint8_t *r;

	*ret_len = record_len(len);
	r = mem_array(*ret_len, 1);
	memcpy(r, V2_MAGIC, V2_MAGIC_LEN);
	record_put(r + 8, packed, 4);
	record_put(r + 16, len, 8);
	record_put(r + 24, packed ? raw : len, 8);
	record_put(r + 32, 1, 8);
	record_put(r + 48, V2_NOWHERE, 8);
	if (len)
		memcpy(r + V2_HEAD, body, len);
	record_seal(r, len);
	return r;
}

static void look(const uint8_t *record, size_t len)
{
	static const struct l2_rules any = { 0 };
	struct l2_verdict v;
	struct l2_state s;
	struct fail f = { 0 };
	char root[L2_HEX];
	enum err e;

	v2_check(&v, (const char *)record, len, NULL, &any);
	fuzz_check_text(v.why, sizeof v.why);
	l2_state_init(&s);
	e = v2_load(&s, (const char *)record, len, &f);
	if (e)
		fuzz_check_text(f.why, sizeof f.why);
	if (v.fault != L2_MALFORMED) {
		CHECK(!e);
		l2_state_root(&s, root);
		CHECK(strcmp(root, v.root) == 0);
	}
	l2_state_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_byte(&data, &size);
	uint8_t *record;
	size_t len, raw = 0;

	if (!(how & 1)) {
		look(data, size);
		return 0;
	}
	if (how & 2) {
		raw = fuzz_byte(&data, &size);
		raw |= (size_t)fuzz_byte(&data, &size) << 8;
	}
	record = wrap(data, size, how & 2, raw, &len);
	look(record, len);
	mem_free(record);
	return 0;
}
