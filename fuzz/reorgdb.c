/* Keys and values of the reorg database; the first byte chooses the reader. What is taken
 * is written as the same bytes, unless it is what we never write. */
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "kinds/node/reorgdb/record.h"

static void same(const struct buf *b, const char *value, size_t len)
{
	CHECK(b->len == len && !memcmp(buf_text(b), value, len));
}

static void fuzz_anchor(struct buf *b, const char *value, size_t len, struct fail *f)
{
	struct anchor_record a;

	if (anchor_parse(&a, NULL, value, len, f) != ERR_OK)
		return;
	CHECK(a.hash[0] && a.status < ANCHOR_STATUSES);
	fuzz_check_text(a.hash, sizeof a.hash);
	fuzz_check_text(a.txid, sizeof a.txid);
	fuzz_check_text(a.root, sizeof a.root);
	CHECK((anchor_format(b, &a, f) == ERR_OK) == !a.unread_there);
	if (!a.unread_there)
		same(b, value, len);
}

static void fuzz_event(struct buf *b, const char *value, size_t len, struct fail *f)
{
	struct reorg_event e;

	reorg_event_init(&e);
	if (event_parse(&e, value, len, f) == ERR_OK) {
		CHECK(event_format(b, &e, f) == ERR_OK);
		same(b, value, len);
	}
	reorg_event_release(&e);
}

static void fuzz_key(const char *key, size_t len, struct fail *f)
{
	char out[RECORD_KEY_MAX];
	enum key_kind kind;
	uint64_t number;

	if (key_read(&kind, &number, key, len, f) != ERR_OK)
		return;
	if (kind != KEY_BLOCK && kind != KEY_EVENT && kind != KEY_BELOW)
		return;
	if (kind == KEY_BLOCK)
		key_block(out, number);
	else if (kind == KEY_BELOW)
		key_below(out, number);
	else
		key_event(out, number);
	CHECK(strlen(out) == len && !memcmp(out, key, len));
}

static void fuzz_small(struct buf *b, const char *value, size_t len, struct fail *f)
{
	char hash[RECORD_TEXT_MAX + 1];
	struct record_mark m;
	uint64_t n;

	if (counter_parse(&n, value, len, f) == ERR_OK) {
		buf_add_u64(b, n);
		same(b, value, len);
	}
	buf_clear(b);
	if (block_parse(hash, value, len, f) == ERR_OK) {
		CHECK(block_format(b, hash, f) == ERR_OK);
		same(b, value, len);
	}
	buf_clear(b);
	if (mark_parse(&m, value, len, f) == ERR_OK) {
		mark_format(b, &m);
		same(b, value, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t which = fuzz_byte(&data, &size);
	struct fail f = { .err = ERR_OK };
	char *value = mem_new(size + 1);
	struct buf b;

	if (size)
		memcpy(value, data, size);
	buf_init(&b, RECORD_VALUE_MAX);
	if (which % 4 == 0)
		fuzz_anchor(&b, value, size, &f);
	else if (which % 4 == 1)
		fuzz_event(&b, value, size, &f);
	else if (which % 4 == 2)
		fuzz_key(value, size, &f);
	else
		fuzz_small(&b, value, size, &f);
	fuzz_check_text(f.why, sizeof f.why);
	buf_release(&b);
	mem_free(value);
	return 0;
}
