/* Every named statement against the migrated schema on SQLite: it compiles, has the
 * declared parameters and columns by their names, and reads no whole table unless it
 * says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>
#include <cmocka.h>

#include "journal/statement.h"

static sqlite3 *db;

static int migrate(void **state)
{
	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (int i = 0; i < migrations_count; i++) {
		char *why = NULL;

		if (sqlite3_exec(db, migrations[i].sqlite, NULL, NULL, &why))
			fail_msg("migration %d (%s): %s", migrations[i].id,
			    migrations[i].name, why);
	}
	return 0;
}

static int close_db(void **state)
{
	(void)state;
	return sqlite3_close(db) != SQLITE_OK;
}

static sqlite3_stmt *prepare(const struct statement *s, const char *before)
{
	char text[8192];
	sqlite3_stmt *ret;

	snprintf(text, sizeof(text), "%s%s", before, s->sqlite);
	if (sqlite3_prepare_v2(db, text, -1, &ret, NULL))
		fail_msg("%s: %s", s->name, sqlite3_errmsg(db));
	return ret;
}

static void compiles_as_declared(void **state)
{
	(void)state;
	assert_true(SQL_COUNT > 10);
	for (int i = 0; i < SQL_COUNT; i++) {
		const struct statement *s = &statements[i];
		sqlite3_stmt *p = prepare(s, "");

		if (sqlite3_bind_parameter_count(p) != s->params)
			fail_msg("%s: %d parameters, %d are declared", s->name,
			    sqlite3_bind_parameter_count(p), s->params);
		if (sqlite3_column_count(p) != s->columns)
			fail_msg("%s: %d columns, %d are declared", s->name,
			    sqlite3_column_count(p), s->columns);
		if (!sqlite3_stmt_readonly(p) != s->writes)
			fail_msg("%s: whether it writes is misjudged", s->name);
		sqlite3_finalize(p);
	}
}

/* Columns are read by their place: this catches two that were exchanged. */
static void names_its_columns(void **state)
{
	(void)state;
	for (int i = 0; i < SQL_COUNT; i++) {
		const struct statement *s = &statements[i];
		sqlite3_stmt *p = prepare(s, "");

		for (int k = 0; k < s->columns; k++) {
			if (strcmp(sqlite3_column_name(p, k), s->column_names[k]) != 0)
				fail_msg("%s: column %d is \"%s\", declared as \"%s\"",
				    s->name, k + 1, sqlite3_column_name(p, k),
				    s->column_names[k]);
		}
		sqlite3_finalize(p);
	}
}

/* "SCAN item", "SCAN item USING INDEX ..": but no SCAN of a constant or a subquery. */
static bool whole_table(const char *step)
{
	const char *scan = strstr(step, "SCAN ");

	return scan && scan[5] != '(' && strncmp(scan + 5, "CONSTANT ROW", 12) != 0 &&
	    !strstr(scan, "-ROW VALUES CLAUSE");
}

static void reads_no_whole_table_unsaid(void **state)
{
	int bad = 0;

	(void)state;
	for (int i = 0; i < SQL_COUNT; i++) {
		const struct statement *s = &statements[i];
		sqlite3_stmt *p = prepare(s, "EXPLAIN QUERY PLAN ");
		bool scans = false;

		while (sqlite3_step(p) == SQLITE_ROW) {
			const char *step = (const char *)sqlite3_column_text(p, 3);

			if (whole_table(step) && !s->scan)
				print_error("%s: %s\n", s->name, step);
			scans = scans || whole_table(step);
		}
		bad += scans && !s->scan;
		sqlite3_finalize(p);
	}
	assert_int_equal(bad, 0);
}

/* It is asked for each row of a list, of an account that may have paid as many. */
static void finds_payments_by_payee(void **state)
{
	sqlite3_stmt *p = prepare(&statements[SQL_CONSUMED_EQUAL], "EXPLAIN QUERY PLAN ");

	(void)state;
	assert_int_equal(sqlite3_step(p), SQLITE_ROW);
	assert_non_null(
	    strstr((const char *)sqlite3_column_text(p, 3), "consumed_by_payee"));
	sqlite3_finalize(p);
}

static void plan_is(const struct statement *s, const char *const steps[])
{
	sqlite3_stmt *p = prepare(s, "EXPLAIN QUERY PLAN ");

	for (; *steps; steps++) {
		assert_int_equal(sqlite3_step(p), SQLITE_ROW);
		assert_string_equal((const char *)sqlite3_column_text(p, 3), *steps);
	}
	assert_int_equal(sqlite3_step(p), SQLITE_DONE);
	sqlite3_finalize(p);
}

/* Ten thousand may hear of one transaction, each by a number of his own: none is looked
 * at for another one. What is due is counted by its index, since whoever asks how it is
 * asks that. */
static void many_hearers_are_looked_at_once(void **state)
{
	static const char *const by_number[] = {
		"SEARCH u USING COVERING INDEX subscription_number "
		"(subject_kind=? AND subject=? AND confirmations=?)",
		"SEARCH s USING INTEGER PRIMARY KEY (rowid=?)", NULL
	};
	static const char *const counted[] = {
		"SCAN message USING COVERING INDEX message_due", NULL
	};

	(void)state;
	plan_is(&statements[SQL_MESSAGE_ADD_BY], by_number);
	plan_is(&statements[SQL_METRIC_DUE], counted);
	assert_null(strstr(statements[SQL_REPORT_HEARERS].sqlite, "SELECT COUNT(*)"));
}

/* Whom to send to is looked for behind each commit: among those messages that are due,
 * and by who is next, however many wait for those who are suspended. */
static void looks_at_what_is_due_alone(void **state)
{
	static const char *const steps[] = {
		"SEARCH m USING COVERING INDEX message_due (subscriber>?)",
		"SEARCH s USING INTEGER PRIMARY KEY (rowid=?)", NULL
	};
	const struct statement *s = &statements[SQL_MESSAGE_DUE_NEXT];

	(void)state;
	plan_is(s, steps);
	assert_null(strstr(strstr(s->sqlite, "WHERE"), "suspended"));
}

/* And what one missed, when he comes back. */
static void finds_what_is_held(void **state)
{
	sqlite3_stmt *p = prepare(&statements[SQL_MESSAGE_BACK], "EXPLAIN QUERY PLAN ");

	(void)state;
	assert_int_equal(sqlite3_step(p), SQLITE_ROW);
	assert_non_null(strstr((const char *)sqlite3_column_text(p, 3), "message_held"));
	sqlite3_finalize(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compiles_as_declared),
		cmocka_unit_test(names_its_columns),
		cmocka_unit_test(reads_no_whole_table_unsaid),
		cmocka_unit_test(finds_payments_by_payee),
		cmocka_unit_test(looks_at_what_is_due_alone),
		cmocka_unit_test(many_hearers_are_looked_at_once),
		cmocka_unit_test(finds_what_is_held),
	};

	return cmocka_run_group_tests(tests, migrate, close_db);
}
