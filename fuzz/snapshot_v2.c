/* A snapshot as a record. Its sums keep most of what is hostile away, so the target mends
 * them: the first byte says whether. */
#include <string.h>

#include "base/mem.h"
#include "codec/crc32c.h"
#include "crypto/sha256.h"
#include "fuzz.h"
#include "kinds/node/snapshot/v2.h"

static void put(uint8_t *to, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

/* A whole record around a body, with a head that tells of it. */
static uint8_t *wrap(
    const uint8_t *body, size_t len, bool packed, size_t raw, size_t *ret_len)
{
	size_t all = (V2_HEAD + len + V2_FOOT + V2_SECTOR - 1) / V2_SECTOR * V2_SECTOR;
	uint8_t *r = mem_array(all, 1), *foot = r + all - V2_FOOT;

	memcpy(r, V2_MAGIC, V2_MAGIC_LEN);
	put(r + 8, packed, 4);
	put(r + 12, crc32c(body, len), 4);
	put(r + 16, len, 8);
	put(r + 24, packed ? raw : len, 8);
	put(r + 32, 1, 8);
	put(r + 48, V2_NOWHERE, 8);
	if (len)
		memcpy(r + V2_HEAD, body, len);
	put(r + V2_HEAD - 4, crc32c(r, V2_HEAD - 4), 4);
	put(foot + 8, all, 8);
	sha256(foot + 16, r, all - V2_FOOT);
	memcpy(foot + 48, "L2SNAP2\x89", 8);
	put(foot + V2_FOOT - 4, crc32c(foot, V2_FOOT - 4), 4);
	*ret_len = all;
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
