/* driver.h - what a database must do for a journal, and no more.
 *
 * Statements come from the generated table (both texts of each are there); a
 * prepared one is cached by its number for the life of the connection. Only
 * journal/ calls this; sqlite.c is the one driver that there is.
 */
#ifndef PAWL_JOURNAL_DRIVER_H
#define PAWL_JOURNAL_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db;   /* one connection */
struct stmt; /* one prepared statement of it */

/* DB_ALONE: to read the database without its -wal; nothing is locked or made. */
enum db_mode { DB_CREATE, DB_WRITE, DB_READ, DB_ALONE };

/* The row of the journal. */
struct db_alone {
	uint8_t name[16];
	int64_t commit_no;
	int64_t age; /* 0: it does not tell */
};

struct db_driver {
	const char *name;
	enum err (*open)(
	    struct db **ret, const char *path, enum db_mode mode, struct fail *f);
	void (*close)(struct db *d);
	/* Migrations, BEGIN, COMMIT, ...; a ROLLBACK of what is rolled back already is
	 * OK. */
	enum err (*exec)(struct db *d, const char *sql, struct fail *f);
	enum err (*prepare)(
	    struct db *d, struct stmt **ret, int sql, struct fail *f); /* enum sql */

	void (*bind_i64)(struct stmt *s, int at, int64_t v);
	/* Copied, but for a statement without columns: it borrows until its reset. */
	void (*bind_blob)(struct stmt *s, int at, const void *p, size_t len);
	void (*bind_text)(struct stmt *s, int at, const char *text);
	void (*bind_null)(struct stmt *s, int at);
	enum err (*step)(struct stmt *s, bool *ret_row, struct fail *f);
	void (*reset)(struct stmt *s);
	int64_t (*changed)(struct db *d);
	/* Is no transaction open, not for a row that is being read either? */
	bool (*at_rest)(struct db *d);
	/* For a name that no other journal has; no secret comes from it. */
	void (*random)(struct db *d, void *out, size_t len);

	bool (*is_null)(struct stmt *s, int at);
	int64_t (*i64)(struct stmt *s, int at);
	const void *(*blob)(
	    struct stmt *s, int at, size_t *ret_len); /* until the next step */
	const char *(*text)(struct stmt *s, int at);

	/* Everything that can be read is on the medium when it returns OK. again: a sync
	 * failed in an earlier life, so what is readable may have to be written anew. */
	enum err (*force)(struct db *d, bool again, struct fail *f);
	/* Bounded housekeeping between transactions. all becomes true when the database
	 * has all that was committed, without its -wal. */
	enum err (*tend)(struct db *d, bool now, bool *all, struct fail *f);
	/* Which -wal the open transaction is in, by SQLite's number of it; 0: there is
	 * none. What was changed so far is written by that, for only then it is certain.
	 */
	enum err (*age)(struct db *d, int64_t *ret, struct fail *f);
	/* What was synced is there to be read; else DAMAGED, and what is not. Before
	 * anything is forced: that would take the traces away. */
	enum err (*uncut)(struct db *d, struct fail *f);
	/* What the database itself has, without what was not moved into it yet. Not told:
	 * it tells nothing, as one that is torn amid such a move. */
	enum err (*alone)(
	    struct db *d, struct db_alone *ret, bool *ret_told, struct fail *f);
	/* A whole copy under another name, of one moment, its pages checked, synced; it
	 * stands alone. The file is there, empty. then: a statement that the copy
	 * executes; SQL_COUNT: none. */
	enum err (*backup)(struct db *d, const char *to, int then, struct fail *f);
	/* Pages, indexes and foreign keys. fails: DAMAGED, why names the first fault;
	 * JOURNAL, where one can't be read now. */
	enum err (*check)(struct db *d, char *why, size_t why_len);
};

extern const struct db_driver db_sqlite;
extern const char *db_sqlite_vfs; /* NULL: SQLite's own; tests set theirs */

/* For many processes in one: a connection to the journal at path, with the statements
 * that were needed so far prepared, and nothing of the file kept. Whoever has a copy of
 * the memory that it is in sets it, and the next that opens a journal to write has it,
 * instead of a new one; of its VFS the control DB_FILE_AGAIN is asked then, to open the
 * same name anew. */
#define DB_FILE_AGAIN 0x5041574c
struct db *db_sqlite_spare_new(const char *path);
void db_sqlite_spare_set(struct db *d); /* NULL: none */

#endif
