#include "journal/driver.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "journal/statement.h"
#include "journal/wal.h"

#define APPLICATION_ID "1348564844" /* "Pawl" */
#define URI_LEN_MAX 16384
#define OWNER_PATIENCE_MS 10000
#define READER_PATIENCE_MS 2000
#define WAL_PAGES_MAX 4096 /* 16 MiB: then journal_tend moves it into the database */

const char *db_sqlite_vfs;

/* Texts that every turn executes: prepared once. */
static const char *const usual[] = { "BEGIN IMMEDIATE", "BEGIN", "COMMIT", "ROLLBACK",
	"SAVEPOINT turn", "RELEASE turn", "ROLLBACK TO turn" };
#define USUAL_N (sizeof(usual) / sizeof(usual[0]))

struct stmt {
	struct db *db;
	sqlite3_stmt *s;
	sqlite3_destructor_type bound; /* STATIC: what is bound stays until its reset */
};

struct db {
	sqlite3 *c;
	struct stmt stmts[SQL_COUNT];
	sqlite3_stmt *usual[USUAL_N];
	int wal_pages;       /* in the -wal, as of the last commit */
	int wal_pages_tried; /* when we last tried to move them */
};

/* -- errors ---------------------------------------------------------------- */

static enum err class_of(int rc)
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
		return ERR_DAMAGED;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return ERR_SYSTEM;
	default:
		break;
	}
	if (rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_DATA ||
	    rc == SQLITE_IOERR_CORRUPTFS)
		return ERR_DAMAGED;
	return ERR_JOURNAL;
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

static enum err failed(sqlite3 *c, const char *doing, struct fail *f)
{
	int rc = sqlite3_extended_errcode(c);
	const char *meaning = meaning_of(rc);
	enum err e = class_of(rc);

	if (meaning)
		return fail_set(f, e, "%s", meaning);
	return fail_set(f, e == ERR_OK ? ERR_JOURNAL : e, "%s: %s (%d)", doing,
	    sqlite3_errmsg(c), rc);
}

/* -- opening --------------------------------------------------------------- */

/* Every connection sets these and reads them back. NULL set: only read. */
struct pragma {
	const char *set, *read, *want;
};

static const struct pragma pragmas[] = {
	{ "PRAGMA foreign_keys=ON", "PRAGMA foreign_keys", "1" },
	{ "PRAGMA trusted_schema=OFF", "PRAGMA trusted_schema", "0" },
	{ "PRAGMA cell_size_check=ON", "PRAGMA cell_size_check", "1" },
	{ "PRAGMA temp_store=MEMORY", "PRAGMA temp_store", "2" },
	{ "PRAGMA synchronous=FULL", "PRAGMA synchronous", "2" },
	{ "PRAGMA wal_autocheckpoint=0", "PRAGMA wal_autocheckpoint", "0" },
	{ "PRAGMA cache_size=-16384", "PRAGMA cache_size", "-16384" },
	/* nothing in a journal is secret: what is deleted need not be wiped */
	{ "PRAGMA secure_delete=OFF", "PRAGMA secure_delete", "0" },
	{ "PRAGMA mmap_size=0", "PRAGMA mmap_size", "0" },
};

static const struct pragma created = { "PRAGMA application_id=" APPLICATION_ID,
	"PRAGMA application_id", APPLICATION_ID };
static const struct pragma wal = { "PRAGMA journal_mode=WAL", "PRAGMA journal_mode",
	"wal" };
static const struct pragma read_only = { "PRAGMA query_only=ON", "PRAGMA query_only",
	"1" };

/* The first column of the first row; "" without a row. */
static enum err ask(sqlite3 *c, const char *sql, char *out, size_t len, struct fail *f)
{
	sqlite3_stmt *s = NULL;
	const unsigned char *text = NULL;
	int rc = sqlite3_prepare_v2(c, sql, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		text = sqlite3_column_text(s, 0);
	snprintf(out, len, "%s", text ? (const char *)text : "");
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		failed(c, sql, f);
		sqlite3_finalize(s);
		return class_of(rc);
	}
	sqlite3_finalize(s);
	return ERR_OK;
}

static enum err run(sqlite3 *c, const char *sql, struct fail *f)
{
	if (sqlite3_exec(c, sql, NULL, NULL, NULL) == SQLITE_OK)
		return ERR_OK;
	return failed(c, sql, f);
}

static enum err pragma_set(sqlite3 *c, const struct pragma *p, struct fail *f)
{
	char is[64];
	enum err e = run(c, p->set, f);

	if (e == ERR_OK)
		e = ask(c, p->read, is, sizeof(is), f);
	if (e != ERR_OK)
		return e;
	/* a VFS without memory mapping has no mmap_size at all */
	if (!*is && strcmp(p->want, "0") == 0)
		return ERR_OK;
	if (strcmp(is, p->want) != 0)
		return fail_set(f, ERR_JOURNAL, "%s: it is \"%s\"", p->set, is);
	return ERR_OK;
}

/* psow=0: a power cut amid a write may damage what lies in the same sector, so each
 * commit is padded to one. */
static enum err uri_of(
    struct buf *uri, const char *path, enum db_mode mode, struct fail *f)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_./";

	buf_init(uri, URI_LEN_MAX);
	buf_add_str(uri, "file:");
	for (; *path; path++) {
		if (strchr(plain, *path))
			buf_add_byte(uri, (uint8_t)*path);
		else
			buf_addf(uri, "%%%02x", (unsigned char)*path);
	}
	buf_add_str(uri, mode == DB_ALONE ? "?psow=0&immutable=1" : "?psow=0");
	if (buf_ok(uri))
		return ERR_OK;
	return fail_set(f, ERR_SYSTEM, "the path of the journal is too long");
}

static int pages_in_wal(void *ctx, sqlite3 *c, const char *name, int pages)
{
	struct db *d = ctx;

	(void)c;
	(void)name;
	d->wal_pages = pages;
	return SQLITE_OK;
}

/* -wal survives the last close, so that a missing one is damage; psow is off. */
static enum err file_controls(sqlite3 *c, struct fail *f)
{
	int persist = 1, psow = -1, is = -1;

	if (sqlite3_file_control(c, "main", SQLITE_FCNTL_PERSIST_WAL, &persist) ||
	    sqlite3_file_control(c, "main", SQLITE_FCNTL_PERSIST_WAL, &is) || is != 1)
		return fail_set(f, ERR_JOURNAL, "the -wal file can't be made to persist");
	if (sqlite3_file_control(c, "main", SQLITE_FCNTL_POWERSAFE_OVERWRITE, &psow) ||
	    psow)
		return fail_set(f, ERR_JOURNAL, "power-safe overwrite is assumed");
	return ERR_OK;
}

static bool reads(enum db_mode mode)
{
	return mode == DB_READ || mode == DB_ALONE;
}

static enum err configure(sqlite3 *c, enum db_mode mode, struct fail *f)
{
	sqlite3_extended_result_codes(c, 1);
	sqlite3_busy_timeout(c, reads(mode) ? READER_PATIENCE_MS : OWNER_PATIENCE_MS);
	sqlite3_db_config(c, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(c, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(c, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	/* a checkpoint at close swallows its errors; the next start makes its own */
	sqlite3_db_config(c, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
		enum err e = pragma_set(c, &pragmas[i], f);

		if (e != ERR_OK)
			return e;
	}
	if (MUTANT(synchronous_normal))
		(void)run(c, "PRAGMA synchronous=NORMAL", f);
	return file_controls(c, f);
}

/* The first read of the file: is it a database at all, and one of ours? */
static enum err identify(sqlite3 *c, enum db_mode mode, struct fail *f)
{
	char id[32], pages[32];
	enum err e;

	if (mode == DB_CREATE) {
		e = pragma_set(c, &wal, f);
		return e == ERR_OK ? pragma_set(c, &created, f) : e;
	}
	e = ask(c, "PRAGMA page_count", pages, sizeof(pages), f);
	if (e == ERR_OK)
		e = ask(c, created.read, id, sizeof(id), f);
	if (e != ERR_OK)
		return e;
	if (strcmp(pages, "0") == 0)
		return fail_set(f, ERR_DAMAGED, "the file is empty");
	if (strcmp(id, APPLICATION_ID) != 0)
		return fail_set(f, ERR_CONFIG,
		    "it is a database of another program"
		    " (application id %s)",
		    id);
	return pragma_set(c, reads(mode) ? &read_only : &wal, f);
}

static void db_close(struct db *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(d->stmts[i].s);
	for (size_t i = 0; i < USUAL_N; i++)
		sqlite3_finalize(d->usual[i]);
	CHECK(sqlite3_close(d->c) == SQLITE_OK);
	free(d);
}

/* Counting each byte that SQLite takes costs two locks an allocation. Refused once the
 * library runs, which is as well. */
static void uncounted(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static bool is_empty(const char *path)
{
	struct stat at;

	return !stat(path, &at) && !at.st_size;
}

static enum err db_open(
    struct db **ret, const char *path, enum db_mode mode, struct fail *f)
{
	static const int flags[] = {
		[DB_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		[DB_WRITE] = SQLITE_OPEN_READWRITE,
		[DB_READ] = SQLITE_OPEN_READONLY,
		[DB_ALONE] = SQLITE_OPEN_READONLY,
	};
	struct db *d = mem_new(sizeof(*d));
	struct buf uri;
	enum err e = uri_of(&uri, path, mode, f);

	uncounted();
	/* SQLite takes an empty file for a new one, and removes the -wal beside it. */
	if (e == ERR_OK && mode != DB_CREATE && is_empty(path))
		e = fail_set(f, ERR_DAMAGED, "the file is empty");
	if (e == ERR_OK &&
	    sqlite3_open_v2(buf_text(&uri), &d->c,
		flags[mode] | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, db_sqlite_vfs))
		e = failed(d->c, "open", f);
	buf_release(&uri);
	if (e == ERR_OK)
		e = configure(d->c, mode, f);
	if (e == ERR_OK)
		e = identify(d->c, mode, f);
	if (e != ERR_OK) {
		db_close(d);
		return e;
	}
	sqlite3_wal_hook(d->c, pages_in_wal, d);
	*ret = d;
	return ERR_OK;
}

/* -- statements ------------------------------------------------------------ */

static enum err prepare_text(
    struct db *d, sqlite3_stmt **ret, const char *sql, struct fail *f)
{
	if (sqlite3_prepare_v3(d->c, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL))
		return failed(d->c, "prepare", f);
	return ERR_OK;
}

static enum err exec_usual(struct db *d, size_t i, struct fail *f)
{
	enum err e = ERR_OK;

	if (!d->usual[i])
		e = prepare_text(d, &d->usual[i], usual[i], f);
	if (e == ERR_OK && sqlite3_step(d->usual[i]) != SQLITE_DONE)
		e = failed(d->c, usual[i], f);
	if (d->usual[i])
		sqlite3_reset(d->usual[i]);
	return e;
}

static enum err db_exec(struct db *d, const char *sql, struct fail *f)
{
	/* SQLite itself rolls back after some errors, a full disk among them */
	if (strcmp(sql, "ROLLBACK") == 0 && sqlite3_get_autocommit(d->c))
		return ERR_OK;
	for (size_t i = 0; i < USUAL_N; i++) {
		if (strcmp(sql, usual[i]) == 0)
			return exec_usual(d, i, f);
	}
	if (sqlite3_exec(d->c, sql, NULL, NULL, NULL))
		return failed(d->c, "execute", f);
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
	return failed(s->db->c, "step", f);
}

static void reset(struct stmt *s)
{
	sqlite3_reset(s->s);
	sqlite3_clear_bindings(s->s);
}

static int64_t changed(struct db *d)
{
	return sqlite3_changes64(d->c);
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

/* -- the medium ------------------------------------------------------------ */

/* Write the -wal over itself. A sync that failed may have left its pages clean in the
 * kernel's cache and absent from the medium: readable, and never written again by
 * themselves. Only then: a power cut amid it could cost a disk without power-safe
 * overwrite a sector that was good. */
static enum err write_again(sqlite3_file *w, struct fail *f)
{
	static uint8_t piece[65536];
	sqlite3_int64 size = 0, at = 0;
	int rc = w->pMethods->xFileSize(w, &size);

	for (; rc == SQLITE_OK && at < size; at += (sqlite3_int64)sizeof(piece)) {
		int len = size - at < (sqlite3_int64)sizeof(piece) ? (int)(size - at)
								   : (int)sizeof(piece);

		rc = w->pMethods->xRead(w, piece, len, at);
		if (rc == SQLITE_OK)
			rc = w->pMethods->xWrite(w, piece, len, at);
	}
	if (rc == SQLITE_OK && size > 0)
		rc = w->pMethods->xSync(w, SQLITE_SYNC_NORMAL);
	if (rc == SQLITE_OK)
		return ERR_OK;
	return fail_set(
	    f, class_of(rc), "the -wal can't be written to the medium (%d)", rc);
}

static enum err checkpoint(struct db *d, int how, bool *all, struct fail *f)
{
	int in_wal = -1, moved = -1;
	int rc = sqlite3_wal_checkpoint_v2(d->c, "main", how, &in_wal, &moved);

	if (rc == SQLITE_BUSY)
		return fail_set(f, ERR_JOURNAL,
		    "checkpoint: a reader holds an old state for"
		    " more than %d s",
		    OWNER_PATIENCE_MS / 1000);
	if (rc)
		return failed(d->c, "checkpoint", f);
	if (how == SQLITE_CHECKPOINT_RESTART && in_wal != moved)
		return fail_set(
		    f, ERR_JOURNAL, "checkpoint: %d of %d pages moved", moved, in_wal);
	*all = in_wal >= 0 && in_wal == moved;
	return ERR_OK;
}

static enum err force(struct db *d, bool again, struct fail *f)
{
	sqlite3_file *w = NULL;
	bool all = false;
	enum err e = ERR_OK;

	if (sqlite3_file_control(d->c, "main", SQLITE_FCNTL_JOURNAL_POINTER, &w))
		return failed(d->c, "-wal", f);
	if (again && w && w->pMethods && !MUTANT(start_without_rewrite))
		e = write_again(w, f);
	return e == ERR_OK ? checkpoint(d, SQLITE_CHECKPOINT_RESTART, &all, f) : e;
}

/* A reader may hold an old state for long: tried again only when as much has come. */
static enum err tend(struct db *d, bool now, bool *all, struct fail *f)
{
	if (d->wal_pages < d->wal_pages_tried)
		d->wal_pages_tried = 0; /* the -wal began anew */
	if (!now && d->wal_pages - d->wal_pages_tried < WAL_PAGES_MAX)
		return ERR_OK;
	d->wal_pages_tried = d->wal_pages;
	return checkpoint(d, SQLITE_CHECKPOINT_PASSIVE, all, f);
}

static bool read_file(void *ctx, void *to, int len, int64_t at)
{
	sqlite3_file *file = ctx;

	return file->pMethods->xRead(file, to, len, at) == SQLITE_OK;
}

/* The page that every commit writes, and whether the database has it as the -wal at. */
static uint32_t page_of_journal(sqlite3 *c)
{
	char root[32] = "";

	(void)ask(c, "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'", root,
	    sizeof(root), NULL);
	return (uint32_t)strtoul(root, NULL, 10);
}

static bool has_image(struct db *d, const struct wal *w, uint32_t page, int64_t at)
{
	static uint8_t in_wal[65536], in_database[65536];
	sqlite3_file *file = NULL;
	int len = (int)w->page_size;

	if (sqlite3_file_control(d->c, "main", SQLITE_FCNTL_FILE_POINTER, &file))
		return false;
	return w->read(w->ctx, in_wal, len, at) &&
	    read_file(file, in_database, len, (int64_t)(page - 1) * len) &&
	    memcmp(in_wal, in_database, w->page_size) == 0;
}

/* ERR_OK with no context: there is nothing to look at. */
static enum err wal_of(struct db *d, struct wal *ret, struct fail *f)
{
	sqlite3_file *file = NULL;
	sqlite3_int64 len = 0;
	char size[32];
	enum err e = ask(d->c, "PRAGMA page_size", size, sizeof(size), f);

	if (e != ERR_OK)
		return e;
	if (sqlite3_file_control(d->c, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file))
		return failed(d->c, "-wal", f);
	*ret = (struct wal){ .read = read_file };
	if (!file || !file->pMethods)
		return ERR_OK;
	if (file->pMethods->xFileSize(file, &len))
		return fail_set(f, ERR_JOURNAL, "the size of the -wal can't be read");
	ret->ctx = file;
	ret->size = len;
	ret->page_size = (uint32_t)strtoul(size, NULL, 10);
	return ERR_OK;
}

static enum err uncut(struct db *d, struct fail *f)
{
	struct wal w;
	enum wal_state s;
	uint32_t page;
	int64_t image;
	enum err e = wal_of(d, &w, f);

	if (e != ERR_OK || !w.ctx)
		return e;
	page = page_of_journal(d->c);
	s = page ? wal_check(&w, page, &image) : WAL_WHOLE;
	if (s == WAL_WHOLE || MUTANT(cut_wal_believed) ||
	    (image >= 0 && has_image(d, &w, page, image)))
		return ERR_OK;
	return fail_set(f, ERR_DAMAGED,
	    s == WAL_CUT
		? "its -wal is damaged in the middle: commits behind that are lost"
		: "the header of its -wal is damaged: the commits in it are lost");
}

/* -- copies and checks ----------------------------------------------------- */

static bool sound(sqlite3 *c, char *why, size_t why_len)
{
	static const char heading[] = "*** in database main ***\n";
	struct fail f = { 0 };
	char text[160];

	if (ask(c, "PRAGMA integrity_check(1)", why, why_len, &f) != ERR_OK)
		snprintf(why, why_len, "%s", f.why);
	if (strncmp(why, heading, strlen(heading)) == 0)
		memmove(why, why + strlen(heading), strlen(why + strlen(heading)) + 1);
	if (strcmp(why, "ok") != 0)
		return false;
	if (ask(c,
		"SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' points to no '"
		" || \"parent\" FROM pragma_foreign_key_check LIMIT 1",
		text, sizeof(text), &f) != ERR_OK)
		snprintf(text, sizeof(text), "%.150s", f.why);
	snprintf(why, why_len, "%s", text);
	return !*text;
}

static bool check(struct db *d, char *why, size_t why_len)
{
	return sound(d->c, why, why_len);
}

static enum err copy(sqlite3 *from, sqlite3 *to, int then, struct fail *f)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	char why[200];
	enum err e;

	if (!b)
		return failed(to, "backup", f);
	sqlite3_backup_step(b, -1);
	if (sqlite3_backup_finish(b))
		return failed(to, "backup", f);
	/* one file that stands alone, until it is a journal again */
	e = run(to, "PRAGMA journal_mode=DELETE", f);
	if (e == ERR_OK && then != SQL_COUNT)
		e = run(to, statements[then].sqlite, f);
	if (e == ERR_OK && !sound(to, why, sizeof(why)))
		e = fail_set(f, ERR_DAMAGED, "its pages are not sound: %s", why);
	return e;
}

static enum err backup(struct db *d, const char *path, int then, struct fail *f)
{
	sqlite3 *to = NULL;
	enum err e;

	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, db_sqlite_vfs)) {
		e = failed(to, "backup", f);
	} else {
		sqlite3_extended_result_codes(to, 1);
		e = copy(d->c, to, then, f);
	}
	sqlite3_close(to);
	return e;
}

const struct db_driver db_sqlite = {
	.name = "sqlite",
	.open = db_open,
	.close = db_close,
	.exec = db_exec,
	.prepare = db_prepare,
	.bind_i64 = bind_i64,
	.bind_blob = bind_blob,
	.bind_text = bind_text,
	.bind_null = bind_null,
	.step = step,
	.reset = reset,
	.changed = changed,
	.is_null = is_null,
	.i64 = get_i64,
	.blob = get_blob,
	.text = get_text,
	.force = force,
	.tend = tend,
	.uncut = uncut,
	.backup = backup,
	.check = check,
};
