/* The power goes at every write, sync and name while a log is appended to, pruned or
 * converted: before it, after it or amid it, and then any part of what no sync covered is
 * lost. What was there before is there still, or what was to come; both programs read
 * it; and the next snapshot is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "l2_disk.h"
#include "l2_sample.h"

/* -- deeds -------------------------------------------------------------------------- */

static char was[L2_HEX], is[L2_HEX];

static void append(int version)
{
	l2_grow(LOG_PATH, version, 60, is);
}

static void append_v1(void)
{
	append(1);
}

static void append_v2(void)
{
	append(2);
}

static void prune(void)
{
	struct l2_pruned pruned;

	assert_int_equal(l2_log_prune(&sim_disk_files, LOG_PATH, 1, "/disk/pruned",
			     &pruned, NULL, NULL),
	    ERR_OK);
}

static void convert(struct l2_append how)
{
	size_t n;

	assert_int_equal(l2_log_convert(&sim_disk_files, LOG_PATH, "/disk/pruned", &how,
			     &n, NULL, NULL),
	    ERR_OK);
}

static void to_text(void)
{
	convert((struct l2_append){ .version = 1 });
}

static void to_records(void)
{
	convert((struct l2_append){ .version = 2 });
}

static void to_packed(void)
{
	convert((struct l2_append){ .version = 2, .compress = true });
}

static const struct deed {
	const char *name;
	int version;
	void (*run)(void);
	size_t copied; /* into another file: so many snapshots; the log stays as it is */
} deeds[] = {
	{ "append v1", 1, append_v1, 0 },
	{ "append v2", 2, append_v2, 0 },
	{ "prune v1", 1, prune, 1 },
	{ "prune v2", 2, prune, 1 },
	{ "v1 to v2", 1, to_records, 2 },
	{ "v1 to packed v2", 1, to_packed, 2 },
	{ "v2 to v1", 2, to_text, 2 },
	{ "v2 to packed v2", 2, to_packed, 2 },
};

/* With a torn end every other time. */
static void prepare(const struct deed *d, unsigned round)
{
	char root[L2_HEX];
	struct l2_found found;
	size_t len;
	char *bytes;

	l2_disk_clear();
	sim_disk_seed(l2_disk, 1000 + round);
	l2_grow(LOG_PATH, d->version, 30, root);
	l2_grow(LOG_PATH, d->version, 40, was);
	if (round % 2 == 0)
		return;
	l2_grow(LOG_PATH, d->version, 50, root);
	bytes = l2_get(LOG_PATH, &len);
	found = l2_find(LOG_PATH);
	l2_put(LOG_PATH, bytes, found.block.offset + found.block.len - 30 - round % 300);
	mem_free(bytes);
}

static void older_program_is_well(const struct deed *d, const char *newest)
{
	static const struct l2_rules anchored = { .anchor_needed = true };
	struct l2_verdict v;
	struct buf block;
	size_t len;
	char *bytes = l2_get(LOG_PATH, &len);

	buf_init(&block, SIZE_MAX / 2);
	if (d->version == 1) {
		assert_true(l2_older_reader(&block, bytes, len));
		v1_check(&v, (char *)block.data, block.len, &anchored);
		if (v.fault)
			fail_msg("%s: the older program: %s", d->name, v.why);
		assert_string_equal(v.root, newest);
	}
	buf_release(&block);
	mem_free(bytes);
}

static bool is_there(const char *path)
{
	struct file *file;

	if (sim_disk_files.open(&file, path, FILE_READ, NULL))
		return false;
	sim_disk_files.close(file);
	return true;
}

static void judge(const struct deed *d, bool died)
{
	struct l2_found found = l2_find(LOG_PATH), copy = l2_find("/disk/pruned");
	char root[L2_HEX];

	assert_int_equal(found.failed, 0);
	if (d->copied || strcmp(found.root, is) != 0)
		assert_string_equal(found.root, was);
	if (!died)
		assert_string_equal(
		    d->copied ? copy.root : found.root, d->copied ? was : is);
	/* It has its name when it is whole, and not before. */
	if (is_there("/disk/pruned")) {
		assert_string_equal(copy.root, was);
		assert_int_equal(copy.blocks, d->copied);
		assert_int_equal(copy.failed + copy.damages, 0);
	}
	older_program_is_well(d, found.root);
	l2_grow(LOG_PATH, d->version, 70, root);
	assert_string_equal(l2_find(LOG_PATH).root, root);
	older_program_is_well(d, root);
}

static void the_power_goes_anywhere(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof deeds / sizeof *deeds; k++) {
		unsigned whole = 0, deaths = 0;

		for (unsigned round = 0; round < 48; round++) {
			bool died = true;

			for (int64_t op = 1; died; op++) {
				prepare(&deeds[k], round);
				died = l2_dies(deeds[k].run, op, round);
				judge(&deeds[k], died);
				deaths += died;
			}
			whole++;
		}
		assert_int_equal(whole, 48);
		assert_true(deaths >= 48 * 4);
	}
}

/* What a sync that failed was to bring may be nowhere: it is told, and the next one is
 * written as if the power had gone. */
static void a_sync_fails(void **state)
{
	struct l2_append how = { .version = 1 };
	char root[L2_HEX];
	struct l2_state s;
	struct fail f;

	(void)state;
	for (int64_t n = 1; n <= 2; n++) {
		l2_disk_clear();
		l2_grow(LOG_PATH, 1, 40, was);
		l2_state_init(&s);
		sample_anchor(&s);
		sim_disk_fail_sync_at(l2_disk, n);
		assert_int_equal(
		    l2_log_append(&sim_disk_files, LOG_PATH, &s, &how, &f), ERR_JOURNAL);
		sim_disk_lose_power(l2_disk, SIM_LOSE_ALL);
		if (strcmp(l2_find(LOG_PATH).root, SAMPLE_ROOT) != 0)
			assert_string_equal(l2_find(LOG_PATH).root, was);
		l2_grow(LOG_PATH, 1, 70, root);
		assert_string_equal(l2_find(LOG_PATH).root, root);
		l2_state_release(&s);
	}
}

static void a_full_disk(void **state)
{
	struct l2_append how = { .version = 1 };
	struct l2_state s;
	char root[L2_HEX];
	struct fail f;

	(void)state;
	for (int64_t room = 0; room < 600; room += 37) {
		l2_disk_clear();
		l2_grow(LOG_PATH, 1, 40, was);
		l2_state_init(&s);
		sample_anchor(&s);
		sim_disk_room(l2_disk, room);
		assert_int_equal(l2_log_append(&sim_disk_files, LOG_PATH, &s, &how, &f),
		    ERR_DISK_FULL);
		assert_string_equal(l2_find(LOG_PATH).root, was);
		sim_disk_room(l2_disk, -1);
		l2_grow(LOG_PATH, 1, 70, root);
		assert_string_equal(l2_find(LOG_PATH).root, root);
		l2_state_release(&s);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_power_goes_anywhere),
		cmocka_unit_test(a_sync_fails),
		cmocka_unit_test(a_full_disk),
	};

	return cmocka_run_group_tests(tests, l2_disk_begin, NULL);
}
