/* A snapshot as text: checked and read, by two readers that must agree. */
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "kinds/node/snapshot/check.h"
#include "kinds/node/snapshot/v1.h"

/* What is written from it is what it has, and holds as it did. */
static void write_again(const struct l2_state *s, const struct l2_verdict *v)
{
	static const struct l2_rules any = { 0 };
	struct l2_verdict again;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	v1_format(&b, s);
	v1_check(&again, (const char *)b.data, b.len, &any);
	CHECK(again.fault == v->fault && strcmp(again.root, v->root) == 0);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct l2_rules any = { 0 };
	const char *block = (const char *)data;
	struct l2_verdict v;
	struct l2_state s;
	struct fail f = { 0 };
	char root[L2_HEX];
	enum err e;

	v1_check(&v, block, size, &any);
	CHECK(v.offset <= size);
	fuzz_check_text(v.why, sizeof v.why);
	fuzz_check_text(v.anchor_hash, sizeof v.anchor_hash);
	l2_state_init(&s);
	e = v1_load(&s, block, size, &f);
	if (v.fault == L2_MALFORMED) {
		/* Values alone may be there twice. */
		CHECK(v.why[0] && !v.root[0] && (e || l2_state_check(&s, NULL)));
	} else {
		CHECK(!e);
		l2_state_root(&s, root);
		CHECK(strcmp(root, v.root) == 0);
		CHECK(!l2_state_check(&s, NULL) == !v.ambiguous);
		write_again(&s, &v);
	}
	if (e)
		fuzz_check_text(f.why, sizeof f.why);
	l2_state_release(&s);
	return 0;
}
