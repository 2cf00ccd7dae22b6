/* RLP: lists in lists, integers, and what is read can be written again. */
#include <stdlib.h>
#include <string.h>

#include "codec/rlp.h"
#include "fuzz.h"

#define DEPTH_MAX 32

static void walk(const uint8_t *data, size_t size, int depth)
{
	struct rlp r, before;
	struct rlp_item item;
	struct amount amount;
	uint64_t number;

	rlp_init(&r, data, size);
	for (;;) {
		before = r;
		if (rlp_next_u64(&r, &number)) {
			struct buf out;

			buf_init(&out, 64);
			rlp_add_u64(&out, number);
			CHECK(out.len == (size_t)(r.at - before.at));
			CHECK(!memcmp(out.data, before.at, out.len));
			buf_release(&out);
		}
		r = before;
		(void)rlp_next_amount(&r, &amount);
		r = before;
		if (!rlp_next(&r, &item))
			break;
		CHECK(item.data >= data && item.data + item.len <= data + size);
		CHECK(r.at > before.at && r.at <= data + size);
		if (item.list && depth < DEPTH_MAX)
			walk(item.data, item.len, depth + 1);
	}
	CHECK(r.at == before.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	walk(data, size, 0);
	return 0;
}
