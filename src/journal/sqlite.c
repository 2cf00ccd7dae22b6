#include "base/mem.h"
#include "journal/sqlite_in.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mutant.h"

const char *db_sqlite_vfs;

/* Texts that every turn executes: prepared once. */
static const char *const usual[] = { "BEGIN IMMEDIATE", "BEGIN", "COMMIT", "ROLLBACK",
	"SAVEPOINT turn", "RELEASE turn", "ROLLBACK TO turn" };
_Static_assert(
    sizeof(usual) / sizeof(usual[0]) == SQLITE_USUAL_N, "one place for each of them");

/* -- what it says ---------------------------------------------------------- */

enum err sqlite_class(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return ERR_OK;
	case SQLITE_FULL:
		return ERR_DISK_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT: /* rows contradict what only this program writes */
		return ERR_DAMAGED;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return ERR_SYSTEM;
	default:
		break;
	}
	if (rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_DATA)
		return ERR_DAMAGED;
	return ERR_JOURNAL;
}

/* A disk that gives nothing is to SQLite one that gives garbage: "malformed". The system
 * said which it was, on the last call on the file that failed. */
static bool gives_nothing(sqlite3 *c, int which)
{
	sqlite3_file *file = NULL;
	int word = 0;

	if (sqlite3_file_control(c, "main", which, &file) || !file || !file->pMethods)
		return false;
	(void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &word);
	return word == EIO || word == ENXIO;
}

static bool is_unreadable(sqlite3 *c, int rc)
{
	int word = (rc & 0xff) == SQLITE_CANTOPEN ? sqlite3_system_errno(c) : 0;

	return rc == SQLITE_IOERR_CORRUPTFS || word == EIO || word == ENXIO ||
	    ((rc & 0xff) == SQLITE_CORRUPT &&
		(gives_nothing(c, SQLITE_FCNTL_FILE_POINTER) ||
		    gives_nothing(c, SQLITE_FCNTL_JOURNAL_POINTER)));
}

/* What SQLite says so that nobody knows what to do. */
static const char *meaning_of(int rc)
{
	if (rc == SQLITE_IOERR_SHMSIZE)
		return "the disk is full: there is no room for its -shm";
	switch (rc & 0xff) {
	case SQLITE_NOTADB:
		return "it is not a database: something else is in its place, or its "
		       "header is torn";
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
		return "it can't be opened: its folder is to be writable, also to read "
		       "it: its -wal and -shm are kept there";
	default:
		return NULL;
	}
}

/* Its file system is: errno says so then. */
static bool is_read_only(sqlite3 *c)
{
	const char *path = sqlite3_db_filename(c, "main");

	return path && *path && access(path, W_OK) != 0 && errno == EROFS;
}

enum err sqlite_failed(sqlite3 *c, const char *doing, struct fail *f)
{
	int rc = sqlite3_extended_errcode(c);
	const char *meaning = meaning_of(rc);
	enum err e = sqlite_class(rc);

	if (is_unreadable(c, rc) && !MUTANT(dead_disk_is_damage))
		return fail_set(f, ERR_JOURNAL,
		    "%s: an I/O error: the disk can't be read now, what is on it may be"
		    " whole",
		    doing);
	if (meaning && is_read_only(c))
		return fail_file(f, e, sqlite3_db_filename(c, "main"));
	if (meaning)
		return fail_set(f, e, "%s", meaning);
	return fail_set(f, e == ERR_OK ? ERR_JOURNAL : e, "%s: %s (%d)", doing,
	    sqlite3_errmsg(c), rc);
}

enum err sqlite_ask(sqlite3 *c, const char *sql, char *out, size_t len, struct fail *f)
{
	sqlite3_stmt *s = NULL;
	const unsigned char *text = NULL;
	enum err e = ERR_OK;
	int rc = sqlite3_prepare_v2(c, sql, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		text = sqlite3_column_text(s, 0);
	snprintf(out, len, "%s", text ? (const char *)text : "");
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		e = sqlite_failed(c, sql, f);
	sqlite3_finalize(s);
	return e;
}

enum err sqlite_run(sqlite3 *c, const char *sql, struct fail *f)
{
	if (sqlite3_exec(c, sql, NULL, NULL, NULL) == SQLITE_OK)
		return ERR_OK;
	return sqlite_failed(c, sql, f);
}

/* -- statements ------------------------------------------------------------ */

static enum err prepare_text(
    struct db *d, sqlite3_stmt **ret, const char *sql, struct fail *f)
{
	if (sqlite3_prepare_v3(d->c, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL))
		return sqlite_failed(d->c, "prepare", f);
	return ERR_OK;
}

static enum err exec_usual(struct db *d, size_t i, struct fail *f)
{
	enum err e = ERR_OK;

	if (!d->usual[i])
		e = prepare_text(d, &d->usual[i], usual[i], f);
	if (e == ERR_OK && sqlite3_step(d->usual[i]) != SQLITE_DONE)
		e = sqlite_failed(d->c, usual[i], f);
	if (d->usual[i])
		sqlite3_reset(d->usual[i]);
	return e;
}

static enum err db_exec(struct db *d, const char *sql, struct fail *f)
{
	/* SQLite itself rolls back after some errors, a full disk among them */
	if (strcmp(sql, "ROLLBACK") == 0 && sqlite3_get_autocommit(d->c))
		return ERR_OK;
	for (size_t i = 0; i < SQLITE_USUAL_N; i++) {
		if (strcmp(sql, usual[i]) == 0)
			return exec_usual(d, i, f);
	}
	if (sqlite3_exec(d->c, sql, NULL, NULL, NULL))
		return sqlite_failed(d->c, "execute", f);
	return ERR_OK;
}

static enum err db_prepare(struct db *d, struct stmt **ret, int sql, struct fail *f)
{
	struct stmt *s = &d->stmts[sql];
	enum err e = ERR_OK;

	if (!s->s) {
		s->db = d;
		s->bound = statements[sql].columns ? SQLITE_TRANSIENT : SQLITE_STATIC;
		e = prepare_text(d, &s->s, statements[sql].sqlite, f);
		sqlite_spare_note(sql);
	}
	/* all of them compile against our schema (a test), so the schema is not ours */
	if (e == ERR_JOURNAL && sqlite3_errcode(d->c) == SQLITE_ERROR)
		e = fail_wrap(f, ERR_DAMAGED, "the schema was altered");
	*ret = s;
	return e;
}

static void bind_i64(struct stmt *s, int at, int64_t v)
{
	CHECK(sqlite3_bind_int64(s->s, at, v) == SQLITE_OK);
}

/* An empty blob must not become NULL. */
static void bind_blob(struct stmt *s, int at, const void *p, size_t len)
{
	CHECK(sqlite3_bind_blob64(s->s, at, len ? p : "", len, s->bound) == SQLITE_OK);
}

static void bind_text(struct stmt *s, int at, const char *text)
{
	CHECK(sqlite3_bind_text(s->s, at, text, -1, s->bound) == SQLITE_OK);
}

static void bind_null(struct stmt *s, int at)
{
	CHECK(sqlite3_bind_null(s->s, at) == SQLITE_OK);
}

static enum err step(struct stmt *s, bool *ret_row, struct fail *f)
{
	int rc = sqlite3_step(s->s);

	*ret_row = rc == SQLITE_ROW;
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		return ERR_OK;
	return sqlite_failed(s->db->c, "step", f);
}

static void reset(struct stmt *s)
{
	if (!MUTANT(reads_stay_open) || !sqlite3_stmt_readonly(s->s))
		sqlite3_reset(s->s);
	sqlite3_clear_bindings(s->s);
}

static int64_t changed(struct db *d)
{
	return sqlite3_changes64(d->c);
}

static bool at_rest(struct db *d)
{
	return sqlite3_txn_state(d->c, NULL) == SQLITE_TXN_NONE;
}

static void random_fill(struct db *d, void *out, size_t len)
{
	(void)d;
	sqlite3_randomness((int)len, out);
}

static bool is_null(struct stmt *s, int at)
{
	return sqlite3_column_type(s->s, at) == SQLITE_NULL;
}

static int64_t get_i64(struct stmt *s, int at)
{
	return sqlite3_column_int64(s->s, at);
}

static const void *get_blob(struct stmt *s, int at, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(s->s, at);

	*ret_len = (size_t)sqlite3_column_bytes(s->s, at);
	return p;
}

static const char *get_text(struct stmt *s, int at)
{
	return (const char *)sqlite3_column_text(s->s, at);
}

void sqlite_close(struct db *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(d->stmts[i].s);
	for (size_t i = 0; i < SQLITE_USUAL_N; i++)
		sqlite3_finalize(d->usual[i]);
	CHECK(sqlite3_close(d->c) == SQLITE_OK);
	mem_free(d);
}

const struct db_driver db_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.exec = db_exec,
	.prepare = db_prepare,
	.bind_i64 = bind_i64,
	.bind_blob = bind_blob,
	.bind_text = bind_text,
	.bind_null = bind_null,
	.step = step,
	.reset = reset,
	.changed = changed,
	.at_rest = at_rest,
	.random = random_fill,
	.is_null = is_null,
	.i64 = get_i64,
	.blob = get_blob,
	.text = get_text,
	.force = sqlite_force,
	.tend = sqlite_tend,
	.age = sqlite_age,
	.uncut = sqlite_uncut,
	.alone = sqlite_alone,
	.backup = sqlite_backup,
	.check = sqlite_check,
};
