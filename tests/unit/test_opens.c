/* What no journal is opened at, made beside, or believed of: names, files that are none,
 * and rows that this program did not write. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>
#include <cmocka.h>

#include "drawer.h"
#include "journal/driver.h"
#include "journal/files.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"
#include "outside.h"

/* -- helpers --------------------------------------------------------------- */

static int empty(void **state)
{
	(void)state;
	drawer_clean();
	return 0;
}

/* Two owners had it, and the first left an event. */
static int fresh(void **state)
{
	struct fail f = { 0 };
	struct journal *j;

	empty(state);
	if (journal_create(path, &f) != ERR_OK)
		fail_msg("%s", f.why);
	j = own();
	journal_event(j, &(struct event){ 0, 1, "item", "live", "final", "so" });
	commit(j);
	journal_close(j);
	return 0;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* -- the database alone ------------------------------------------------------ */

#define PAGE 4096
#define HEADER 10
#define CELL 32 /* bytes of it that are looked at before what it says */

static off_t own_page(void)
{
	return outside_number(
	    path, "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'");
}

static bool tells(struct db *d, struct db_alone *ret)
{
	bool told;

	assert_int_equal(db_sqlite.alone(d, ret, &told, NULL), ERR_OK);
	return told;
}

/* Each other value of one byte; how many of them tell something. */
static int tell(struct db *d, int fd, off_t at, const uint8_t *was)
{
	struct db_alone alone;
	int told = 0;

	for (int flip = 1; flip < 256; flip++) {
		uint8_t is = (uint8_t)(*was ^ flip);

		assert_int_equal(pwrite(fd, &is, 1, at), 1);
		told += tells(d, &alone);
	}
	assert_int_equal(pwrite(fd, was, 1, at), 1);
	return told;
}

static void a_torn_page_tells_nothing(void **state)
{
	uint8_t page[PAGE];
	off_t begin = (own_page() - 1) * PAGE, cell;
	int fd = open(path, O_RDWR), told = 0;
	struct db_alone alone, again;
	struct db *d;

	(void)state;
	assert_int_equal(db_sqlite.open(&d, path, DB_READ, NULL), ERR_OK);
	assert_int_equal(pread(fd, page, PAGE, begin), PAGE);
	assert_true(tells(d, &alone));
	assert_true(alone.commit_no > 0);
	cell = (off_t)page[8] << 8 | page[9];
	assert_int_equal(tell(d, fd, begin, &page[0]), 0);
	assert_int_equal(tell(d, fd, begin + 4, &page[4]), 0);
	for (off_t at = 0; at < HEADER; at++)
		(void)tell(d, fd, begin + at, &page[at]);
	for (off_t at = cell; at < cell + CELL; at++)
		told += tell(d, fd, begin + at, &page[at]);
	assert_true(told < CELL * 255);
	assert_true(tells(d, &again));
	assert_memory_equal(again.name, alone.name, sizeof(alone.name));
	db_sqlite.close(d);
	close(fd);
}

/* Whatever stands before it, and nothing where an older pawl wrote the row. */
static void the_row_alone_tells_which_wal_it_is_in(void **state)
{
	static const char *const ways[] = {
		"UPDATE journal SET doubt = 'short'; PRAGMA wal_checkpoint",
		"UPDATE journal SET doubt = hex(zeroblob(499)), older = doubt;"
		"PRAGMA wal_checkpoint",
		"UPDATE journal SET doubt = NULL; PRAGMA wal_checkpoint",
	};
	struct db_alone alone;
	struct db *d;

	(void)state;
	assert_int_equal(db_sqlite.open(&d, path, DB_READ, NULL), ERR_OK);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		outside_alter(path, ways[i]);
		assert_true(tells(d, &alone));
		assert_true(alone.age > 0);
		assert_int_equal(
		    alone.age, outside_number(path, "SELECT age FROM journal"));
	}
	outside_alter(path, "ALTER TABLE journal DROP COLUMN age; PRAGMA wal_checkpoint");
	assert_true(tells(d, &alone));
	assert_int_equal(alone.age, 0);
	db_sqlite.close(d);
}

/* -- names ----------------------------------------------------------------- */

static void any_name_that_a_file_can_have(void **state)
{
	static const char *const names[] = { "two words.db", "100%20.db", "what?.db",
		"a#b&c=d.db", "\xc3\xa9.db" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct fail f = { 0 };
		struct stat s;

		snprintf(path, PATH_BYTES, "%s", beside(names[i]));
		if (journal_create(path, &f) != ERR_OK)
			fail_msg("%s", f.why);
		journal_close(own());
		assert_int_equal(stat(path, &s), 0);
		assert_true(s.st_size > 0);
	}
}

static void names_that_are_too_long(void **state)
{
	static char name[4100], to[4100];
	struct journal_restored r;
	struct journal_holds holds;
	struct fail f = { 0 };
	struct journal *j;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	memset(to, 'y', sizeof(to) - 1);
	says(journal_create(name, &f), &f, ERR_SYSTEM, "too long", "create");
	says(journal_own(&j, name, &me, &f), &f, ERR_SYSTEM, "too long", "own");
	says(journal_read(&j, name, &f), &f, ERR_SYSTEM, "too long", "read");
	says(journal_backup(path, to, &holds, &f), &f, ERR_SYSTEM, "too long", "backup");
	says(journal_restore(path, to, false, &me, &r, &f), &f, ERR_SYSTEM, "too long",
	    "restore from");
	says(journal_restore(name, path, false, &me, &r, &f), &f, ERR_SYSTEM, "too long",
	    "restore to");
}

static void is_no_file(void **state)
{
	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(ERR_SYSTEM, "is no file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	refused(ERR_SYSTEM, "open");
}

static void none_is_made_beside_a_wal(void **state)
{
	char name[320];
	struct fail f = { 0 };

	(void)state;
	snprintf(name, sizeof(name), "%s-wal", path);
	put(name, "the last commits");
	says(journal_create(path, &f), &f, ERR_CONFLICT, "without its database", "init");
	assert_int_equal(access(path, F_OK), -1);
}

static void none_is_made_where_there_is_no_folder(void **state)
{
	struct fail f = { 0 };

	(void)state;
	snprintf(path, PATH_BYTES, "%s", beside("nowhere/pawl.db"));
	says(journal_create(path, &f), &f, ERR_SYSTEM, "nowhere", "init");
}

static void nothing_is_named_over(void **state)
{
	struct fail f = { 0 };

	(void)state;
	put(beside("one"), "1");
	put(beside("two"), "2");
	says(journal_files->rename(beside("one"), beside("two"), &f), &f, ERR_CONFLICT,
	    "exists already", "a file");
	says(journal_files->rename(beside("none"), beside("three"), &f), &f, ERR_SYSTEM,
	    "rename", "no file");
	says(journal_files->sync_folder(beside("none/file"), &f), &f, ERR_SYSTEM, "open",
	    "no folder");
	assert_int_not_equal(
	    journal_files->id(&(struct file_id){ 0 }, beside("none"), &f), ERR_OK);
}

/* -- rows ------------------------------------------------------------------ */

/* A table without what its schema forbids. */
#define LOOSE(table)                                                       \
	"CREATE TABLE loose AS SELECT * FROM " table "; DROP TABLE " table \
	"; ALTER TABLE loose RENAME TO " table ";"

static const struct {
	const char *sql, *word;
} edits[] = {
	{ "DELETE FROM journal", "its own row is missing" },
	{ "DELETE FROM owner", "its own row is missing" },
	{ "UPDATE journal SET link = zeroblob(32)", "its last event is not the one" },
	{ "UPDATE journal SET events = events + 1", "its last event is not the one" },
	{ "UPDATE journal SET commit_no = 2", "its events end with commit" },
	{ "DELETE FROM link", "its events end with commit 3, their links with 0" },
	{ "DELETE FROM migration WHERE id = 2", "migration 2 is not recorded" },
	{ "DELETE FROM migration", "no migration is recorded" },
	{ "DROP TABLE link", "the schema was altered" },
	{ LOOSE("owner") "UPDATE owner SET epoch = NULL", "column epoch is empty" },
	{ LOOSE("owner") "UPDATE owner SET host = NULL", "column host is empty" },
	{ LOOSE("journal") "UPDATE journal SET marked = 2",
	    "column marked is neither 0 nor 1" },
	{ LOOSE("journal") "UPDATE journal SET link = NULL",
	    "column link is of another length" },
	{ LOOSE("journal") "UPDATE journal SET link = x'00'",
	    "column link is of another length" },
};

static void rows_that_it_did_not_write(void **state)
{
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		fresh(state);
		outside_alter(path, edits[i].sql);
		refused(ERR_DAMAGED, edits[i].word);
	}
}

/* The same, of what is copied: a backup of it would be believed. */
static void no_backup_is_made_of_them(void **state)
{
	struct journal_holds holds;
	struct fail f = { 0 };

	(void)state;
	outside_alter(path, "UPDATE journal SET link = zeroblob(32)");
	says(journal_backup(path, beside("copy"), &holds, &f), &f, ERR_DAMAGED,
	    "its last event is not the one", "backup");
	assert_int_equal(access(beside("copy"), F_OK), -1);
}

/* A copy that somebody edited becomes no journal. */
static void nothing_is_restored_from_them(void **state)
{
	struct journal_restored r;
	struct journal_holds holds;
	struct fail f = { 0 };

	(void)state;
	assert_int_equal(journal_backup(path, beside("copy"), &holds, &f), ERR_OK);
	outside_alter(beside("copy"), "DELETE FROM journal");
	says(journal_restore(path, beside("copy"), false, &me, &r, &f), &f, ERR_DAMAGED,
	    "its own row is missing", "restore");
	journal_close(own());
}

/* -- what is under way ------------------------------------------------------- */

static void one_backup_at_a_time(void **state)
{
	struct journal_holds holds;
	struct file_hold *other;
	struct fail f = { 0 };

	(void)state;
	put(beside("unfinished-pawl.db"), "");
	assert_int_equal(
	    journal_files->hold(&other, beside("unfinished-pawl.db"), true, &f), ERR_OK);
	says(journal_backup(path, beside("copy"), &holds, &f), &f, ERR_OWNED,
	    "another process writes it", "backup");
	journal_files->let_go(other, true);
	assert_int_equal(journal_backup(path, beside("copy"), &holds, &f), ERR_OK);
}

/* One of its two rows is there. */
static void a_list_that_is_being_read_is_copied(void **state)
{
	struct journal *j = own();
	struct sql_chain_add_in chain = { .kind = "evm", .chain_id = 1, .name = "one" };
	struct sql_chain_add_out chain_out;
	struct sql_account_add_in account = { .key_name = "k" };
	struct sql_account_add_out account_out;
	struct sql_operation_add_in list = {
		.kind = "airdrop", .name = "wages", .items = 2, .planned = { { 2 } }
	};
	struct sql_operation_add_out list_out;
	struct sql_item_add_in row = { .row = 1, .amount = { { 1 } }, .no_memo = true };
	struct journal_holds holds;
	struct fail f = { 0 };

	(void)state;
	assert_true(sql_chain_add_one(j, &chain, &chain_out));
	account.chain = list.chain = chain_out.id;
	assert_true(sql_account_add_one(j, &account, &account_out));
	list.account = account_out.id;
	assert_true(sql_operation_add_one(j, &list, &list_out));
	row.operation = list_out.id;
	sql_item_add(j, &row);
	commit(j);
	journal_close(j);
	if (journal_backup(path, beside("copy"), &holds, &f) != ERR_OK)
		fail_msg("%s", f.why);
	assert_int_equal(holds.operations, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_torn_page_tells_nothing, fresh),
		cmocka_unit_test_setup(the_row_alone_tells_which_wal_it_is_in, fresh),
		cmocka_unit_test_setup(any_name_that_a_file_can_have, empty),
		cmocka_unit_test_setup(names_that_are_too_long, fresh),
		cmocka_unit_test_setup(is_no_file, fresh),
		cmocka_unit_test_setup(none_is_made_beside_a_wal, empty),
		cmocka_unit_test_setup(none_is_made_where_there_is_no_folder, empty),
		cmocka_unit_test_setup(nothing_is_named_over, empty),
		cmocka_unit_test_setup(rows_that_it_did_not_write, empty),
		cmocka_unit_test_setup(no_backup_is_made_of_them, fresh),
		cmocka_unit_test_setup(nothing_is_restored_from_them, fresh),
		cmocka_unit_test_setup(one_backup_at_a_time, fresh),
		cmocka_unit_test_setup(a_list_that_is_being_read_is_copied, fresh),
	};

	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
