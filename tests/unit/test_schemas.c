/* Journals of every past schema, with data in each of their tables: a start takes all of
 * it over. A migration that fails leaves the old journal as it was, and says what to do.
 *
 * Each table of each schema is filled by what its columns are. A new migration whose
 * tables have constraints that this does not meet fails here, until `fitting` knows the
 * columns; so does one that loses or changes what was there, until `moved` says why.
 */
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
#include "journal/archive_in.h"
#include "journal/journal.h"
#include "journal/statement.h"
#include "outside.h"

#define TEXT 2400

static int newest;

/* -- a journal of the past ------------------------------------------------- */

/* What a CHECK wants of a column that is not as all others are. */
static const struct {
	const char *table, *column, *value;
} fitting[] = {
	{ "operation", "live_n", "0" },
	{ "operation", "final_n", "0" },
	{ "operation", "void_n", "0" },
	{ "operation", "refunded_n", "0" },
	{ "node_pegin_tx", "tx", "CAST(hex(zeroblob(32)) AS BLOB)" },
	{ "node_restore", "after", "0" },
	{ "tracked", "sender", "CAST(substr(hex(zeroblob(20)), 1, 20) AS BLOB)" },
};

/* What a start of today changes of a row that it found: nothing that is the operator's.
 */
static const struct {
	const char *table, *column, *why;
} moved[] = {
	{ "owner", NULL, "its epoch, and who it is" },
	{ "journal", NULL, "its last commit, and the file that it is in" },
	{ "migration", NULL, "more of them" },
	{ "node_root", NULL, "no statement ever wrote it, and it is dropped" },
	{ "node_total", "unsure", "it follows from node_restore, and is dropped" },
};

/* A column of it; NULL: all of it. */
static bool is_moved(const char *table, const char *column)
{
	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
		if (!strcmp(moved[i].table, table) &&
		    (!moved[i].column || (column && !strcmp(moved[i].column, column))))
			return true;
	return false;
}

static void exec(sqlite3 *c, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(c, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

/* Its -wal stays. */
static sqlite3 *look_into(const char *file)
{
	sqlite3 *c;
	int keep = 1;

	assert_int_equal(sqlite3_open(file, &c), SQLITE_OK);
	assert_int_equal(
	    sqlite3_file_control(c, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep), SQLITE_OK);
	return c;
}

static sqlite3_stmt *ask(sqlite3 *c, const char *sql)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(c, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(c));
	return s;
}

static const char *text_of(sqlite3_stmt *s, int at)
{
	const unsigned char *text = sqlite3_column_text(s, at);

	return text ? (const char *)text : "";
}

static void put(char *to, const char *more)
{
	size_t len = strlen(to);

	assert_true(len + strlen(more) < TEXT);
	memcpy(to + len, more, strlen(more) + 1);
}

/* Of a column: 1, which every row has that others refer to; 32 bytes, or a text, of
 * which its name is a part. */
static void value_of(char *to, const char *table, const char *column, const char *type)
{
	char one[300];

	for (size_t i = 0; i < sizeof(fitting) / sizeof(fitting[0]); i++)
		if (!strcmp(fitting[i].table, table) &&
		    !strcmp(fitting[i].column, column)) {
			put(to, fitting[i].value);
			return;
		}
	if (!strcmp(type, "BLOB"))
		snprintf(one, sizeof(one),
		    "CAST(substr('%s' || hex(zeroblob(20)), 1, 32) AS BLOB)", column);
	else if (!strcmp(type, "TEXT"))
		snprintf(one, sizeof(one), "'%s of %s'", column, table);
	else
		snprintf(one, sizeof(one), "1");
	put(to, one);
}

/* Who owns it and what it is called is there already, and so are its events. */
static void fill(sqlite3 *c, const char *table)
{
	char sql[TEXT] = "", values[TEXT] = "", info[300];
	sqlite3_stmt *s;

	snprintf(
	    info, sizeof(info), "SELECT name, type FROM pragma_table_info('%s')", table);
	snprintf(sql, sizeof(sql), "INSERT INTO %s (", table);
	s = ask(c, info);
	while (sqlite3_step(s) == SQLITE_ROW) {
		put(sql, *values ? ", " : "");
		put(values, *values ? ", " : "");
		put(sql, text_of(s, 0));
		value_of(values, table, text_of(s, 0), text_of(s, 1));
	}
	sqlite3_finalize(s);
	put(sql, ") VALUES (");
	put(sql, values);
	put(sql, ")");
	exec(c, sql);
}

static void fill_all(sqlite3 *c)
{
	sqlite3_stmt *s = ask(c, "SELECT name FROM sqlite_schema WHERE type = 'table'");

	while (sqlite3_step(s) == SQLITE_ROW)
		if (!is_moved(text_of(s, 0), NULL) &&
		    strcmp(text_of(s, 0), "event") != 0 &&
		    strcmp(text_of(s, 0), "link") != 0)
			fill(c, text_of(s, 0));
	sqlite3_finalize(s);
	s = ask(c, "PRAGMA foreign_key_check");
	if (sqlite3_step(s) == SQLITE_ROW)
		fail_msg("%s refers to nobody", text_of(s, 0));
	sqlite3_finalize(s);
}

/* As a pawl of so many migrations left it, a row in each of its tables. */
static void make_past(const char *file, int schema)
{
	char sql[900], sum[65];
	sqlite3 *c = look_into(file);

	exec(c,
	    "PRAGMA application_id = 1348564844; PRAGMA journal_mode = WAL;"
	    " PRAGMA synchronous = OFF");
	for (int i = 0; i < schema; i++) {
		for (size_t k = 0; k < 32; k++)
			snprintf(sum + 2 * k, 3, "%02x", migrations[i].sum[k]);
		exec(c, migrations[i].sqlite);
		snprintf(sql, sizeof(sql),
		    "INSERT INTO migration VALUES (%d, 'x', x'%s', 0, '0')", i + 1, sum);
		exec(c, sql);
	}
	exec(c,
	    "INSERT INTO journal (id, name, commit_no, events, link, device, inode, boot)"
	    " VALUES (1, zeroblob(16), 5, 0, zeroblob(32), 1, 1, '');"
	    "INSERT INTO owner VALUES (1, 1, 5, 1, '', 0)");
	fill_all(c);
	assert_int_equal(sqlite3_close(c), SQLITE_OK);
}

/* -- what a start makes of it ---------------------------------------------- */

/* Columns of a table that both have, one after the other. */
static void columns_of(sqlite3 *c, const char *table, char to[TEXT])
{
	char sql[300];
	sqlite3_stmt *s;

	snprintf(
	    sql, sizeof(sql), "SELECT name FROM pragma_table_info('%s', 'old')", table);
	to[0] = 0;
	s = ask(c, sql);
	while (sqlite3_step(s) == SQLITE_ROW) {
		if (is_moved(table, text_of(s, 0)))
			continue;
		put(to, *to ? ", " : "");
		put(to, text_of(s, 0));
	}
	sqlite3_finalize(s);
}

static void is_there_still(sqlite3 *c, const char *table, int schema)
{
	char columns[TEXT], sql[3 * TEXT];
	sqlite3_stmt *s;

	columns_of(c, table, columns);
	snprintf(sql, sizeof(sql),
	    "SELECT (SELECT count(*) FROM (SELECT %s FROM old.%s EXCEPT SELECT %s FROM"
	    " main.%s)), (SELECT count(*) FROM old.%s)",
	    columns, table, columns, table, table);
	s = ask(c, sql);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	if (sqlite3_column_int(s, 0) || !sqlite3_column_int(s, 1))
		fail_msg("schema %d: what was in %s is not what it was", schema, table);
	sqlite3_finalize(s);
}

static void all_is_there(const char *file, const char *past, int schema)
{
	char sql[600];
	sqlite3 *c = look_into(file);
	sqlite3_stmt *s;
	int tables = 0;

	snprintf(sql, sizeof(sql), "ATTACH '%s' AS old", past);
	exec(c, sql);
	s = ask(c, "SELECT name FROM old.sqlite_schema WHERE type = 'table'");
	while (sqlite3_step(s) == SQLITE_ROW) {
		if (is_moved(text_of(s, 0), NULL) || !strcmp(text_of(s, 0), "event") ||
		    !strcmp(text_of(s, 0), "link"))
			continue;
		is_there_still(c, text_of(s, 0), schema);
		tables++;
	}
	sqlite3_finalize(s);
	assert_true(schema < 2 || tables >= 8);
	sqlite3_close(c);
}

/* Tables, columns, indexes and constraints: those of a journal that was made today. */
static void is_of_today(const char *file, const char *today, int schema)
{
	char sql[900];
	sqlite3 *c = look_into(file);
	sqlite3_stmt *s;

	snprintf(sql, sizeof(sql), "ATTACH '%s' AS new", today);
	exec(c, sql);
	s = ask(c,
	    "SELECT name FROM (SELECT type, name, tbl_name, sql FROM new.sqlite_schema"
	    " EXCEPT SELECT type, name, tbl_name, sql FROM main.sqlite_schema)"
	    " UNION SELECT name FROM (SELECT type, name, tbl_name, sql FROM"
	    " main.sqlite_schema EXCEPT SELECT type, name, tbl_name, sql FROM"
	    " new.sqlite_schema)");
	if (sqlite3_step(s) == SQLITE_ROW)
		fail_msg(
		    "schema %d: %s is not what a new journal has", schema, text_of(s, 0));
	sqlite3_finalize(s);
	sqlite3_close(c);
}

/* The schema that it has is what is asked of the file, and not of its name. */
static void opens(int schema)
{
	struct fail f = { 0 };
	struct journal *j;
	int64_t operation;
	char why[200];
	int is = 0;

	assert_int_equal(journal_schema(path, &is, &f), ERR_OK);
	assert_int_equal(is, schema);
	if (schema < newest) {
		assert_int_equal(journal_read(&j, path, &f), ERR_CONFLICT);
		assert_non_null(strstr(f.why, "pawl migrate"));
	}
	j = own();
	assert_int_equal(journal_check_events(j, &operation), 0);
	if (!journal_check_pages(j, why, sizeof(why)))
		fail_msg("schema %d: %s", schema, why);
	journal_close(j);
	journal_close(own());
	assert_int_equal(journal_schema(path, &is, &f), ERR_OK);
	assert_int_equal(is, newest);
}

static void copy_file(const char *from, const char *to)
{
	char command[900];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static void each_past_schema_opens(void **state)
{
	struct fail f = { 0 };

	(void)state;
	newest = migrations_count;
	assert_string_equal(migrations[ARCHIVE_SCHEMA - 1].name, "archive");
	drawer_clean();
	assert_int_equal(journal_create(beside("today.db"), &f), ERR_OK);
	for (int schema = 1; schema <= newest; schema++) {
		char name[20];

		snprintf(name, sizeof(name), "pawl-%d.db", schema);
		snprintf(path, sizeof(path), "%s", beside(name));
		make_past(path, schema);
		copy_file(path, beside("past.db"));
		opens(schema);
		all_is_there(path, beside("past.db"), schema);
		is_of_today(path, beside("today.db"), schema);
	}
}

/* -- what a migration moves ---------------------------------------------------- */

#define RESTORE(no, after)                                          \
	", (" #no ", 1, CAST('{\"do\":\"restore\",\"root\":\"" ROOT \
	"\",\"after\":" #after "}' AS BLOB))"
#define RESTORES RESTORE(4, -1) RESTORE(5, 3) RESTORE(6, 2) RESTORE(7, -1) RESTORE(12, 10)
#define ROOT "c8113438d69a00d3e8efc6ce769d3bfe325b498060fb9a2070a38456b00a0005"

/* Of the schema before a migration rows that it moves, and rows that are like them and
 * stay; what a reader of today then sees. */
static const struct {
	const char *migration, *past, *asked, *seen;
} movings[] = {
	{ "held",
	    "INSERT INTO subscriber (id, channel, target) VALUES (2, 'webhook', 'b');"
	    "INSERT INTO notice VALUES (2, 1, 1, 1, 2, '', 1), (3, 1, 1, 1, 3, '', 1);"
	    "INSERT INTO message (notice, subscriber, state, tries, unknown) VALUES"
	    " (2, 1, 0, 3, 1), (3, 1, 0, 0, 0), (2, 2, 0, 0, 0);",
	    "SELECT group_concat(notice || '-' || subscriber || ':' || state || tries"
	    " || unknown, ' ') FROM (SELECT * FROM message ORDER BY notice, subscriber)",
	    "1-1:111 2-1:231 2-2:000 3-1:200" },
	{ "senders",
	    "INSERT INTO tracked (id, chain, hash, state, guess, confirmations, sender,"
	    " nonce, round, percent, misses, since_ms, ended_ms) VALUES"
	    " (2, 1, zeroblob(32), 1, 0, 1, zeroblob(20), 7, 0, 0, 0, 1, NULL),"
	    " (3, 1, randomblob(32), 1, 0, 1, zeroblob(20), 8, 0, 0, 0, 1, 1)",
	    "SELECT group_concat(id || ':' || ifnull(nonce, '-') || (sender IS NULL),"
	    " ' ') FROM (SELECT * FROM tracked ORDER BY id)",
	    "1:10 2:-1 3:80" },
	{ "tracked-totals",
	    "INSERT INTO tracked (id, chain, hash, state, guess, confirmations, round,"
	    " percent, misses, since_ms) VALUES"
	    " (2, 1, zeroblob(32), 1, 0, 1, 0, 0, 0, 1),"
	    " (3, 1, randomblob(32), 3, 0, 1, 0, 0, 0, 1)",
	    "SELECT group_concat(chain || ':' || state || ':' || n, ' ') FROM"
	    " (SELECT * FROM tracked_total ORDER BY chain, state)",
	    "1:1:2 1:3:1" },
	{ "branches-begin", "UPDATE node_total SET unsure = 6",
	    "SELECT group_concat(no || ':' || ifnull(after, '-'), ' ') FROM"
	    " (SELECT * FROM node_restore ORDER BY no)",
	    "1:0 7:-" },
	{ "restores-known",
	    "INSERT INTO node_restore (no, after) VALUES (5, 3), (7, NULL);"
	    "INSERT INTO node_change (no, at_ms, line) VALUES"
	    " (2, 1, CAST('{\"do\":\"credit\",\"peer\":\"restore\"}' AS BLOB))" RESTORES,
	    "SELECT group_concat(no || ':' || ifnull(after, '-'), ' ') FROM"
	    " (SELECT * FROM node_restore ORDER BY no)",
	    "1:0 4:- 5:3 6:2 7:- 12:10" },
	{ "final-unshown",
	    "UPDATE chain SET nodes = 'a:1 forks below the final block, no quorum shows"
	    " block 14, which was final'",
	    "SELECT group_concat(unshown, ' ') FROM chain", "1" },
};

static void what_it_moves_is_as_it_says(void **state)
{
	(void)state;
	newest = migrations_count;
	for (size_t i = 0; i < sizeof(movings) / sizeof(movings[0]); i++) {
		int before = 0;
		sqlite3 *c;
		sqlite3_stmt *s;

		while (strcmp(migrations[before].name, movings[i].migration) != 0)
			assert_true(++before < newest);
		drawer_clean();
		make_past(path, before);
		c = look_into(path);
		exec(c, movings[i].past);
		assert_int_equal(sqlite3_close(c), SQLITE_OK);
		opens(before);
		c = look_into(path);
		s = ask(c, movings[i].asked);
		assert_int_equal(sqlite3_step(s), SQLITE_ROW);
		assert_string_equal(text_of(s, 0), movings[i].seen);
		sqlite3_finalize(s);
		assert_int_equal(sqlite3_close(c), SQLITE_OK);
	}
}

/* -- what fails ------------------------------------------------------------ */

static struct migration more[100];
static const struct migration *known;

static int know_one_more(void **state)
{
	(void)state;
	known = migrations;
	newest = migrations_count;
	memcpy(more, migrations, (size_t)newest * sizeof(more[0]));
	more[newest] =
	    (struct migration){ .id = newest + 1, .name = "next", .postgres = "" };
	migrations = more;
	drawer_clean();
	make_past(path, newest);
	copy_file(path, beside("past.db"));
	return 0;
}

static int forget(void **state)
{
	(void)state;
	migrations = known;
	migrations_count = newest;
	return 0;
}

/* It is refused with this and what to do; who knows no more goes on with what he had. */
static void fails_with(const char *sql, enum err e, const char *word)
{
	char *backup = NULL;
	struct fail f = { 0 };

	more[newest].sqlite = sql;
	migrations_count = newest + 1;
	refused(e, word);
	refused(e, "migration");
	refused(e, "nothing of it was kept: the pawl that it had before goes on");
	assert_int_equal(journal_migrate(path, &backup, &f), e);
	free(backup);
	assert_non_null(strstr(f.why, "nothing of it was kept"));
	migrations_count = newest;
	all_is_there(path, beside("past.db"), newest);
	is_of_today(path, beside("past.db"), newest);
	journal_close(own());
	all_is_there(path, beside("past.db"), newest);
}

static void a_migration_that_is_no_sql(void **state)
{
	(void)state;
	fails_with(
	    "CREATE TABLE next (id INTEGER PRIMARY KEY) STRICT; DROP TABLE message;"
	    " DELETE FROM item; CREATE TABEL later (id)",
	    ERR_JOURNAL, "syntax error");
}

static void a_migration_that_breaks_a_constraint(void **state)
{
	(void)state;
	fails_with("UPDATE item SET recipient = x'00';"
		   " INSERT INTO message SELECT * FROM message;",
	    ERR_DAMAGED, "UNIQUE");
}

static void a_migration_that_leaves_nobody_to_refer_to(void **state)
{
	(void)state;
	fails_with("DELETE FROM account;", ERR_DAMAGED, "FOREIGN KEY");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_past_schema_opens),
		cmocka_unit_test(what_it_moves_is_as_it_says),
		cmocka_unit_test_setup_teardown(
		    a_migration_that_is_no_sql, know_one_more, forget),
		cmocka_unit_test_setup_teardown(
		    a_migration_that_breaks_a_constraint, know_one_more, forget),
		cmocka_unit_test_setup_teardown(
		    a_migration_that_leaves_nobody_to_refer_to, know_one_more, forget),
	};

	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
