/* A connection that is there before anybody opens a journal. */
#include "journal/sqlite_in.h"

#include "base/check.h"

static struct db *spare;
/* what connections of this program have prepared, a worker's among them */
static _Atomic bool usual[SQL_COUNT];

void sqlite_spare_note(int sql)
{
	usual[sql] = true;
}

static void prepare_usual(struct db *d)
{
	struct stmt *s;

	for (int sql = 0; sql < SQL_COUNT; sql++)
		CHECK(!usual[sql] || db_sqlite.prepare(d, &s, sql, NULL) == ERR_OK);
}

/* No -wal is open then, and no page is kept: a database of any state can be under it. */
static void leave_wal(sqlite3 *c)
{
	int persist = 0;

	CHECK(!sqlite3_file_control(c, "main", SQLITE_FCNTL_PERSIST_WAL, &persist));
	CHECK(sqlite_run(c, "PRAGMA journal_mode=DELETE", NULL) == ERR_OK);
	persist = 1;
	CHECK(!sqlite3_file_control(c, "main", SQLITE_FCNTL_PERSIST_WAL, &persist));
	CHECK(!sqlite3_db_release_memory(c));
}

struct db *db_sqlite_spare_new(const char *path)
{
	struct db *d;

	CHECK(db_sqlite.open(&d, path, DB_WRITE, NULL) == ERR_OK);
	prepare_usual(d);
	leave_wal(d->c);
	return d;
}

void db_sqlite_spare_set(struct db *d)
{
	spare = d;
}

struct db *sqlite_spare_take(enum db_mode mode)
{
	struct db *d = mode == DB_WRITE ? spare : NULL;

	if (!d)
		return NULL;
	spare = NULL;
	CHECK(!sqlite3_file_control(d->c, "main", DB_FILE_AGAIN, NULL));
	return d;
}
