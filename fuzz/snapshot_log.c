/* A log of snapshots, of text, of records, or of both: the first byte says whether the
 * sums of records are mended, which keep most of what is hostile away, and how much of
 * its end is looked at first. What the whole log and its end alone tell is the same, and
 * what is chosen holds. */
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "kinds/node/snapshot/log.h"
#include "record.h"

/* -- a file that is its bytes ------------------------------------------------------- */

struct file {
	const uint8_t *bytes;
	size_t len;
};

static struct file input;

static enum err open_input(
    struct file **ret, const char *path, enum file_how how, struct fail *f)
{
	(void)path;
	(void)f;
	CHECK(how == FILE_READ);
	*ret = &input;
	return ERR_OK;
}

static void close_input(struct file *file)
{
	(void)file;
}

static enum err size_of(struct file *file, uint64_t *ret, struct fail *f)
{
	(void)f;
	*ret = file->len;
	return ERR_OK;
}

static enum err read_of(
    struct file *file, uint64_t at, void *to, size_t len, size_t *ret_n, struct fail *f)
{
	size_t left = at < file->len ? file->len - (size_t)at : 0;

	(void)f;
	*ret_n = len < left ? len : left;
	if (*ret_n)
		memcpy(to, file->bytes + at, *ret_n);
	return ERR_OK;
}

static void soon_of(struct file *file, uint64_t at, size_t len)
{
	(void)file;
	(void)at;
	(void)len;
}

static const struct files memory = { .open = open_input,
	.close = close_input,
	.size = size_of,
	.read = read_of,
	.soon = soon_of };

/* -- sums ----------------------------------------------------------------------- */

static uint64_t get(const uint8_t *from, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)from[i] << 8 * i;
	return v;
}

/* Its place and what it says of the one before it stay as they are. */
static size_t mend_one(uint8_t *r, size_t left)
{
	uint64_t len;

	if (left < V2_HEAD + V2_FOOT)
		return 1;
	len = get(r + 16, 8);
	if (len > left || record_len(len) > left)
		return 1;
	record_seal(r, len);
	return record_len(len);
}

static void mend(uint8_t *bytes, size_t len)
{
	uint8_t *at = bytes;

	while ((at = memmem(at, len - (size_t)(at - bytes), V2_MAGIC, V2_MAGIC_LEN)))
		at += mend_one(at, len - (size_t)(at - bytes));
}

/* -- what must hold of it --------------------------------------------------------- */

static void count(void *ctx, struct l2_block block, const struct l2_verdict *v)
{
	CHECK(v->fault != L2_HOLDS && v->why[0]);
	fuzz_check_text(v->why, sizeof v->why);
	CHECK(block.offset + block.len <= input.len && v->offset <= block.len);
	++*(size_t *)ctx;
}

/* Blocks in their order, apart from each other; damages within the log. */
static void in_order(const struct l2_log *log)
{
	uint64_t at = 0;

	for (size_t i = 0; i < l2_log_n(log); i++) {
		struct l2_block b = l2_log_at(log, i);

		CHECK(b.len && b.offset >= at && b.offset + b.len <= input.len);
		at = b.offset + b.len;
	}
	for (size_t i = 0; i < l2_log_damages(log); i++) {
		struct l2_damage d = l2_log_damage(log, i);

		CHECK(d.len && d.offset + d.len <= input.len);
		CHECK(d.kind != L2_DAMAGED || (d.why && d.fault <= d.len));
	}
}

static void each_block(
    struct l2_log *log, const struct l2_demand *demand, struct l2_block newest)
{
	for (size_t i = 0; i < l2_log_n(log); i++) {
		struct l2_block b = l2_log_at(log, i);
		struct l2_place place;
		struct l2_verdict v;
		struct l2_state s;
		char root[L2_HEX];

		CHECK(!l2_log_check(log, b, demand, &v, NULL));
		CHECK(!l2_log_place(log, b, &v, &place, NULL));
		CHECK(place.offset <= input.len && (b.record || place.line));
		CHECK(newest.len ? b.offset <= newest.offset || v.fault : v.fault);
		CHECK(!newest.len || b.offset != newest.offset || !v.fault);
		l2_state_init(&s);
		if (!l2_log_load(log, b, &s, NULL) && v.fault == L2_HOLDS) {
			l2_state_root(&s, root);
			CHECK(strcmp(root, v.root) == 0);
		} else {
			CHECK(v.fault != L2_HOLDS);
		}
		l2_state_release(&s);
	}
}

static void look(uint64_t least, bool strict)
{
	const struct l2_demand demand = { .anchor_needed = true,
		.strict_upstream = strict };
	size_t failed = 0;
	struct l2_block newest;
	struct l2_verdict v;
	struct l2_log *log;
	struct l2_end end;
	uint64_t other;

	CHECK(!l2_log_open(&log, &memory, "log", NULL));
	CHECK(!l2_log_newest(log, &demand, &newest, &v, count, &failed, NULL));
	CHECK(!l2_log_survey(log, NULL));
	in_order(log);
	each_block(log, &demand, newest);
	(void)l2_log_is_mixed(log, &other);
	l2_log_end_least = least;
	CHECK(!l2_log_end(&end, &memory, "log", &demand, L2_END_ALL, NULL));
	CHECK(end.block.len == newest.len && end.block.offset == newest.offset);
	CHECK(end.failed == failed && end.size == input.len);
	CHECK(!newest.len || strcmp(end.verdict.root, v.root) == 0);
	fuzz_check_text(end.why, sizeof end.why);
	CHECK(!newest.len || end.torn <= input.len - newest.offset - newest.len);
	l2_log_close(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t least[] = { 7, 300, 5000, (uint64_t)64 << 20 };
	uint8_t how = fuzz_byte(&data, &size);
	uint8_t *bytes = mem_array(size ? size : 1, 1);

	if (size)
		memcpy(bytes, data, size);
	if (how & 4)
		mend(bytes, size);
	input = (struct file){ bytes, size };
	look(least[how & 3], how & 8);
	mem_free(bytes);
	return 0;
}
