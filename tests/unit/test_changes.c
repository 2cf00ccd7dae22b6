/* Changes of a layer 2 that are old go into files: what goes, what it takes, and what is
 * known of them for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>
#include <cmocka.h>

#include "base/hex.h"
#include "base/mem.h"
#include "drawer.h"
#include "engine/archiver.h"
#include "engine/states.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/state/book.h"
#include "lines.h"
#include "outside.h"

#define WALL INT64_C(1700000000000)
#define ROOT "aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11"
#define KEEP_MS 1000

static struct journal *j;
static struct fail why;
static struct book_done done;

static int fresh(void **state)
{
	(void)state;
	drawer_clean();
	archive_depth = 10;
	archive_changes = 65536;
	assert_int_equal(journal_create(path, NULL), ERR_OK);
	j = own();
	add_chain(j, 7);
	assert_true(anchors_chain(j, 1));
	commit(j);
	return 0;
}

static int over(void **state)
{
	(void)state;
	journal_close(j);
	return 0;
}

/* -- what is done ----------------------------------------------------------- */

/* Of one commit. */
static enum err do_lines(const char *lines)
{
	enum err e;

	done = (struct book_done){ 0 };
	e = lines_do(j, WALL, lines, &done, &why);
	commit(j);
	return e;
}

static void is_done(const char *lines)
{
	if (do_lines(lines) != ERR_OK)
		fail_msg("%s: %s", lines, why.why);
}

/* n of them, a commit each, from this number on. */
static void credits(int from, int n)
{
	char line[100];

	for (int i = from; i < from + n; i++) {
		snprintf(line, sizeof line,
		    "{'do':'credit','peer':'p%d','amount':'7','id':'id-%d'}", i, i);
		is_done(line);
	}
}

/* The state's anchor, with what comes before it in its commit. */
static void anchor(const char *before)
{
	static int n;
	char line[400];

	snprintf(line, sizeof line,
	    "%s{'do':'anchor','state_root':'" ROOT "','made_ms':'%lld'}", before,
	    (long long)WALL - 100 + n++ % 100);
	is_done(line);
}

/* The newest one: confirmed in this block, or whatever it is. */
static void anchor_is(int status, int64_t height)
{
	char sql[300];

	snprintf(sql, sizeof sql,
	    "UPDATE node_anchor SET status = %d, height = %lld, block_hash = %s,"
	    " confirmations = %s WHERE id = (SELECT MAX(id) FROM node_anchor)",
	    status, (long long)height, status == ANCHOR_CONFIRMED ? "root" : "NULL",
	    status == ANCHOR_CONFIRMED ? "100" : "0");
	journal_close(j);
	outside_alter(path, sql);
	j = own();
}

static void final_is(int64_t height)
{
	sql_chain_final(
	    j, &(struct sql_chain_final_in){ .id = 1, .final_height = height });
	commit(j);
}

/* A life's; how many files were done. */
static int64_t archived_at(int64_t wall_ms, struct fail *f)
{
	static const struct retention keep[] = { { "node", KEEP_MS } };
	struct archiver *a = archiver_new(
	    &(struct archiver_setup){ .journal = j, .keep = keep, .keep_n = 1 });
	bool more = true;
	int64_t n;

	*f = (struct fail){ 0 };
	while (more && f->err == ERR_OK) {
		more = archiver_turn(a, wall_ms);
		commit(j);
		more |= archiver_between(a, wall_ms, f);
	}
	n = archiver_done(a);
	archiver_free(a);
	return n;
}

static int64_t archived(void)
{
	struct fail f;
	int64_t n = archived_at(WALL + KEEP_MS, &f);

	if (f.err != ERR_OK)
		fail_msg("%s", f.why);
	return n;
}

/* -- what is there ---------------------------------------------------------- */

static int64_t lines_n(void)
{
	return outside_number(path, "SELECT COUNT(*) FROM node_change");
}

static int64_t lowest(void)
{
	return outside_number(path, "SELECT MIN(no) FROM node_change");
}

static void all_holds(void)
{
	char root[L2_HEX];
	struct fail f = { 0 };
	int64_t operation;

	if (book_check(j, root, &f) != ERR_OK || book_check_changes(j, &f) != ERR_OK ||
	    book_check_told(j, &f) != ERR_OK || archive_check_changes(j, &f) != ERR_OK)
		fail_msg("%s", f.why);
	assert_int_equal(journal_check_events(j, &operation), 0);
}

static const char *file_of(int64_t id)
{
	struct sql_node_archive_get_in in = { .id = id };
	struct sql_node_archive_get_out row;

	assert_true(sql_node_archive_get_one(j, &in, &row));
	assert_true(row.whole);
	return beside(row.file);
}

/* So many lines of the file are changes, the first and the last of these numbers. */
static void file_has(int64_t id, int64_t first, int64_t last)
{
	char line[2000], want[60];
	gzFile z = gzopen(file_of(id), "rb");
	int64_t no = first;

	assert_non_null(z);
	while (gzgets(z, line, sizeof line)) {
		if (!strstr(line, "\"of\":\"change\""))
			continue;
		snprintf(want, sizeof want, "\"no\":%lld,", (long long)no++);
		if (!strstr(line, want) || !strstr(line, "\\\"do\\\":"))
			fail_msg("%s: not %s", line, want);
	}
	gzclose(z);
	assert_int_equal(no - 1, last);
}

/* -- the tests -------------------------------------------------------------- */

/* All that a state on Bitcoin has, and its ids are known for ever. */
static void they_go_before_a_final_anchor(void **state)
{
	(void)state;
	assert_int_equal(archived(), 0); /* there is no state at all */
	credits(1, 40);
	anchor("");
	credits(41, 5);
	anchor_is(ANCHOR_CONFIRMED, 100);
	final_is(110);
	assert_int_equal(archived(), 1);
	assert_int_equal(lowest(), 41);
	assert_int_equal(lines_n(), 6);
	all_holds();
	file_has(1, 1, 40);
	assert_int_equal(archived(), 0);
	credits(1, 45);
	assert_int_equal(lines_n(), 6);
	assert_int_equal(done.known, 1);
	assert_int_equal(do_lines("{'do':'credit','peer':'p1','amount':'8','id':'id-1'}"),
	    ERR_CONFLICT);
	assert_non_null(strstr(why.why, "in an archive"));
	assert_int_equal(
	    do_lines("{'do':'credit','peer':'p1','amount':'8','id':'id-41'}"),
	    ERR_CONFLICT);
	assert_non_null(strstr(why.why, "p41"));
	/* and again, by another life */
	credits(46, 5);
	anchor("");
	anchor_is(ANCHOR_CONFIRMED, 120);
	final_is(130);
	assert_int_equal(archived(), 1);
	assert_int_equal(lowest(), 52);
	all_holds();
	file_has(2, 41, 51);
	credits(40, 11);
	assert_int_equal(lines_n(), 1);
}

static void nothing_goes_before(int status, int64_t height, int64_t wall_ms)
{
	struct fail f;

	anchor_is(status, height);
	if (archived_at(wall_ms, &f) || lowest() != 1)
		fail_msg("status %d, height %lld: they went", status, (long long)height);
}

/* Each thing that it takes. */
static void none_goes_before_all_is_final(void **state)
{
	(void)state;
	credits(1, 3);
	final_is(110);
	assert_int_equal(archived(), 0);
	anchor("");
	assert_int_equal(archived(), 0);
	nothing_goes_before(ANCHOR_CONFIRMED, 101, WALL + KEEP_MS);
	nothing_goes_before(ANCHOR_PENDING, 100, WALL + KEEP_MS);
	nothing_goes_before(ANCHOR_INVALIDATED_REORG, 100, WALL + KEEP_MS);
	nothing_goes_before(ANCHOR_CONFIRMED, 100, WALL + KEEP_MS - 101);
	sql_chain_stop(j, &(struct sql_chain_stop_in){ .id = 1, .stopped = "gone" });
	commit(j);
	nothing_goes_before(ANCHOR_CONFIRMED, 100, WALL + KEEP_MS);
	sql_chain_stop(j, &(struct sql_chain_stop_in){ .id = 1, .no_stopped = true });
	commit(j);
	assert_int_equal(archived(), 1);
	assert_int_equal(lowest(), 4);
}

/* What is in one commit with the anchor stays with it: an event tells of all of it. */
static void commits_stay_together(void **state)
{
	(void)state;
	credits(1, 3);
	anchor("{'do':'credit','peer':'x','amount':'1'}\n"
	       "{'do':'credit','peer':'y','amount':'1'}\n");
	anchor_is(ANCHOR_CONFIRMED, 100);
	final_is(110);
	assert_int_equal(archived(), 1);
	assert_int_equal(lowest(), 4);
	all_holds();
}

/* In several files, and what is more than one has is of one commit. */
static void a_file_has_so_many(void **state)
{
	char lines[60 * 60] = "";
	size_t at = 0;

	(void)state;
	archive_changes = 10;
	credits(1, 25);
	for (int i = 0; i < 30; i++)
		at += (size_t)snprintf(lines + at, sizeof lines - at,
		    "{'do':'credit','peer':'m%d','amount':'1'}\n", i);
	is_done(lines);
	anchor("");
	anchor_is(ANCHOR_CONFIRMED, 100);
	final_is(110);
	assert_int_equal(archived(), 4);
	file_has(1, 1, 10);
	file_has(2, 11, 20);
	file_has(3, 21, 25);
	file_has(4, 26, 55);
	assert_int_equal(lowest(), 56);
	all_holds();
}

/* More than go in a turn. */
static void many_go_in_steps(void **state)
{
	static char lines[3000 * 60];
	size_t at = 0;

	(void)state;
	for (int i = 0; i < 2500; i++)
		at += (size_t)snprintf(lines + at, sizeof lines - at,
		    "{'do':'credit','peer':'m%d','amount':'1','id':'%d'}\n", i % 9, i);
	is_done(lines);
	anchor("");
	anchor_is(ANCHOR_CONFIRMED, 100);
	final_is(110);
	assert_int_equal(archived(), 1);
	assert_int_equal(lowest(), 2501);
	all_holds();
	file_has(1, 1, 2500);
	is_done(lines);
	assert_int_equal(done.known, 2500);
}

/* Of a journal in which ids had no hashes yet. */
static void ids_of_before_are_known(void **state)
{
	(void)state;
	credits(1, 6);
	anchor("");
	journal_close(j);
	outside_alter(path, "UPDATE node_key SET hash = NULL WHERE change < 5");
	j = own();
	anchor_is(ANCHOR_CONFIRMED, 100);
	final_is(110);
	credits(1, 6);
	assert_int_equal(done.known, 1);
	assert_int_equal(archived(), 1);
	credits(1, 6);
	assert_int_equal(done.known, 1);
	assert_int_equal(do_lines("{'do':'credit','peer':'p1','amount':'8','id':'id-1'}"),
	    ERR_CONFLICT);
	assert_int_equal(
	    outside_number(path, "SELECT COUNT(*) FROM node_key WHERE hash IS NULL"), 0);
	all_holds();
}

/* What somebody edited would be all that is left of it. */
static void altered_ones_stay(void **state)
{
	struct fail f = { 0 };

	(void)state;
	credits(1, 6);
	anchor("");
	anchor_is(ANCHOR_CONFIRMED, 100);
	final_is(110);
	journal_close(j);
	outside_alter(path, "UPDATE node_change SET at_ms = at_ms + 1 WHERE no = 3");
	j = own();
	assert_int_equal(archived_at(WALL + KEEP_MS, &f), 0);
	assert_int_equal(f.err, ERR_DAMAGED);
	assert_non_null(strstr(f.why, "changes 1 to 6"));
	assert_int_equal(lines_n(), 7);
	assert_int_equal(book_check_changes(j, NULL), ERR_DAMAGED);
	journal_close(j);
	outside_alter(path, "UPDATE node_change SET at_ms = at_ms - 1 WHERE no = 3");
	j = own();
	assert_int_equal(archived(), 1);
	all_holds();
}

static void what_is_altered_behind_it_is_seen(void **state)
{
	static const char *const edits[][2] = {
		{ "UPDATE node_total SET base = base - 1", "6 is gone" },
		{ "UPDATE node_total SET base = base + 1", "was altered" },
		{ "UPDATE node_total SET base_link = link", "was altered" },
		{ "UPDATE node_change SET line = x'7b7d'", "was altered" },
	};
	struct fail f;

	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		journal_close(j);
		fresh(state);
		credits(1, 6);
		anchor("");
		anchor_is(ANCHOR_CONFIRMED, 100);
		final_is(110);
		assert_int_equal(archived(), 1);
		all_holds();
		journal_close(j);
		outside_alter(path, edits[i][0]);
		j = own();
		assert_int_equal(book_check_changes(j, &f), ERR_DAMAGED);
		if (!strstr(f.why, edits[i][1]))
			fail_msg("%s: %s", edits[i][0], f.why);
	}
}

static void a_file_that_is_missing_is_named(void **state)
{
	struct fail f = { 0 };
	const char *file;

	(void)state;
	credits(1, 6);
	anchor("");
	anchor_is(ANCHOR_CONFIRMED, 100);
	final_is(110);
	assert_int_equal(archived(), 1);
	file = file_of(1);
	assert_int_equal(rename(file, beside("elsewhere")), 0);
	assert_int_equal(archive_check_changes(j, &f), ERR_NOT_FOUND);
	assert_non_null(strstr(f.why, "archive-changes-1"));
	assert_int_equal(rename(beside("elsewhere"), file), 0);
	all_holds();
	assert_int_equal(truncate(file, 30), 0);
	assert_int_equal(archive_check_changes(j, &f), ERR_DAMAGED);
	journal_close(j);
	outside_alter(path, "UPDATE node_archive SET size = 30, sum = zeroblob(32)");
	j = own();
	assert_int_equal(archive_check_changes(j, &f), ERR_DAMAGED);
	assert_non_null(strstr(f.why, "was altered"));
}

/* A state of before them comes back: what is taken back can come again, though its line
 * is in a file. */
static void a_state_of_before_them_comes_back(void **state)
{
	struct book_restored r;
	struct fail f = { 0 };
	struct l2_state s;

	(void)state;
	credits(1, 3);
	book_read(j, &s);
	credits(4, 3);
	anchor("");
	anchor_is(ANCHOR_CONFIRMED, 100);
	final_is(110);
	assert_int_equal(archived(), 1);
	assert_int_equal(book_restore(j, &s, WALL, &r, &f), ERR_OK);
	commit(j);
	assert_int_equal(r.after, 3);
	credits(1, 3);
	assert_int_equal(done.known, 1);
	credits(4, 3);
	assert_int_equal(done.fresh, 1);
	all_holds();
	l2_state_release(&s);
}

/* Doctor tells it for ever. */
static void where_a_state_came_from_stays_known(void **state)
{
	struct book_restored r;
	struct fail f = { 0 };
	struct l2_state s;

	(void)state;
	l2_state_init(&s);
	l2_state_add(
	    &s, L2_BALANCES, &(struct l2_balance){ .peer = l2_text("a"), .amount = 5 });
	assert_int_equal(book_taken(j), 0);
	assert_int_equal(book_restore(j, &s, WALL - 1000, &r, &f), ERR_OK);
	commit(j);
	assert_true(r.after < 0 && book_taken(j) == 1);
	assert_int_equal(book_dated(j, 1), WALL - 1000);
	credits(1, 6);
	anchor("");
	anchor_is(ANCHOR_CONFIRMED, 100);
	final_is(110);
	assert_int_equal(archived(), 1);
	assert_true(lowest() > 1);
	assert_int_equal(book_taken(j), 1);
	assert_int_equal(book_dated(j, 1), -1);
	l2_state_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    they_go_before_a_final_anchor, fresh, over),
		cmocka_unit_test_setup_teardown(
		    none_goes_before_all_is_final, fresh, over),
		cmocka_unit_test_setup_teardown(commits_stay_together, fresh, over),
		cmocka_unit_test_setup_teardown(a_file_has_so_many, fresh, over),
		cmocka_unit_test_setup_teardown(many_go_in_steps, fresh, over),
		cmocka_unit_test_setup_teardown(ids_of_before_are_known, fresh, over),
		cmocka_unit_test_setup_teardown(altered_ones_stay, fresh, over),
		cmocka_unit_test_setup_teardown(
		    what_is_altered_behind_it_is_seen, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_file_that_is_missing_is_named, fresh, over),
		cmocka_unit_test_setup_teardown(
		    a_state_of_before_them_comes_back, fresh, over),
		cmocka_unit_test_setup_teardown(
		    where_a_state_came_from_stays_known, fresh, over),
	};

	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
