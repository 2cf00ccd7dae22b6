/* sqlite_in.h - one connection to SQLite, shared by the files of its driver alone.
 *
 * sqlite.c has the statements and the table of the driver, sqlite_open.c the opening,
 * sqlite_spare.c a connection that was opened before, sqlite_medium.c the -wal and the
 * medium, sqlite_copy.c copies and checks. What the functions of the table do is said in
 * driver.h.
 */
#ifndef PAWL_JOURNAL_SQLITE_IN_H
#define PAWL_JOURNAL_SQLITE_IN_H

#include <sqlite3.h>

#include "journal/driver.h"
#include "journal/statement.h"

#define SQLITE_USUAL_N 7        /* texts that every turn executes */
#define OWNER_PATIENCE_MS 10000 /* for a reader of an old state */

struct stmt {
	struct db *db;
	sqlite3_stmt *s;
	sqlite3_destructor_type bound; /* STATIC: what is bound stays until its reset */
};

struct db {
	sqlite3 *c;
	struct stmt stmts[SQL_COUNT];
	sqlite3_stmt *usual[SQLITE_USUAL_N];
	int wal_pages;       /* in the -wal, as of the last commit */
	int wal_pages_tried; /* when we last tried to move them */
	uint32_t
	    own_page; /* that each commit writes: of the journal's row; 0: not asked */
	uint32_t page_size;
};

/* sqlite.c */
enum err sqlite_class(int rc);
/* What the last call on c failed with, never ERR_OK. */
enum err sqlite_failed(sqlite3 *c, const char *doing, struct fail *f);
enum err sqlite_run(sqlite3 *c, const char *sql, struct fail *f);
/* The first column of the first row; "" without a row. */
enum err sqlite_ask(sqlite3 *c, const char *sql, char *out, size_t len, struct fail *f);
void sqlite_close(struct db *d);

/* sqlite_open.c */
enum err sqlite_open(
    struct db **ret, const char *path, enum db_mode mode, struct fail *f);

/* sqlite_alone.c */
enum err sqlite_own_page(struct db *d, struct fail *f); /* 0: there is none */
bool sqlite_row_read(const uint8_t *page, size_t len, struct db_alone *ret);
enum err sqlite_alone(struct db *d, struct db_alone *ret, bool *ret_told, struct fail *f);

/* sqlite_spare.c */
void sqlite_spare_note(int sql);                 /* is prepared */
struct db *sqlite_spare_take(enum db_mode mode); /* NULL: there is none */

/* sqlite_medium.c */
enum err sqlite_force(struct db *d, bool again, struct fail *f);
enum err sqlite_tend(struct db *d, bool now, bool *all, struct fail *f);
enum err sqlite_age(struct db *d, int64_t *ret, struct fail *f);
enum err sqlite_uncut(struct db *d, struct fail *f);

/* sqlite_copy.c */
enum err sqlite_backup(struct db *d, const char *path, int then, struct fail *f);
enum err sqlite_check(struct db *d, char *why, size_t why_len);

#endif
