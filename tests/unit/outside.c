#include "outside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <sqlite3.h>
#include <cmocka.h>

void outside_alter(const char *file, const char *sql)
{
	sqlite3 *c;
	char *why = NULL;

	assert_int_equal(
	    sqlite3_open_v2(file, &c, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_db_config(c, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (sqlite3_exec(c, sql, NULL, NULL, &why))
		fail_msg("%s: %s", sql, why);
	sqlite3_close(c);
}

int64_t outside_number(const char *file, const char *sql)
{
	sqlite3 *c;
	sqlite3_stmt *s;
	int64_t n = -1;

	assert_int_equal(
	    sqlite3_open_v2(file, &c, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(c, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(c);
	return n;
}
