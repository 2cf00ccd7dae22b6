/* What is on the medium: forced there, moved out of the -wal, and missed. */
#include "journal/sqlite_in.h"

#include <string.h>

#include "base/mutant.h"
#include "journal/wal.h"

#define WAL_PAGES_MAX 4096 /* 16 MiB: then journal_tend moves it into the database */

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
	    f, sqlite_class(rc), "the -wal can't be written to the medium (%d)", rc);
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
		return sqlite_failed(d->c, "checkpoint", f);
	if (how == SQLITE_CHECKPOINT_RESTART && in_wal != moved)
		return fail_set(
		    f, ERR_JOURNAL, "checkpoint: %d of %d pages moved", moved, in_wal);
	*all = in_wal >= 0 && in_wal == moved;
	return ERR_OK;
}

enum err sqlite_force(struct db *d, bool again, struct fail *f)
{
	sqlite3_file *w = NULL;
	bool all = false;
	enum err e = ERR_OK;

	if (sqlite3_file_control(d->c, "main", SQLITE_FCNTL_JOURNAL_POINTER, &w))
		return sqlite_failed(d->c, "-wal", f);
	if (again && w && w->pMethods && !MUTANT(start_without_rewrite))
		e = write_again(w, f);
	if (again && MUTANT(normal_after_a_failed_sync))
		(void)sqlite3_exec(d->c, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
	return e == ERR_OK ? checkpoint(d, SQLITE_CHECKPOINT_RESTART, &all, f) : e;
}

/* A reader may hold an old state for long: tried again only when as much has come. */
enum err sqlite_tend(struct db *d, bool now, bool *all, struct fail *f)
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

/* Whether the database has the page as the -wal has it at. */
static bool has_image(struct db *d, const struct wal *w, int64_t at)
{
	static uint8_t in_wal[65536], in_database[65536];
	sqlite3_file *file = NULL;
	int len = (int)w->page_size;

	if (sqlite3_file_control(d->c, "main", SQLITE_FCNTL_FILE_POINTER, &file))
		return false;
	return w->read(w->ctx, in_wal, len, at) &&
	    read_file(file, in_database, len, (int64_t)(d->own_page - 1) * len) &&
	    memcmp(in_wal, in_database, w->page_size) == 0;
}

/* The database against the row that its -wal had at, before that began anew. */
static enum err has_commits(struct db *d, const struct wal *w, int64_t at, struct fail *f)
{
	static uint8_t page[65536];
	struct db_alone has, had;
	bool told;
	enum err e = sqlite_alone(d, &has, &told, f);

	if (e != ERR_OK)
		return e;
	if (!w->read(w->ctx, page, (int)w->page_size, at))
		return fail_set(f, ERR_JOURNAL, "its -wal can't be read");
	if (!told || !sqlite_row_read(page, w->page_size, &had) ||
	    (!memcmp(has.name, had.name, sizeof(has.name)) &&
		has.commit_no >= had.commit_no))
		return ERR_OK;
	return fail_set(f, ERR_DAMAGED,
	    "the database (commit %lld) is an older copy, or another: the one whose -wal"
	    " this is had commit %lld",
	    (long long)has.commit_no, (long long)had.commit_no);
}

/* A commit tells which -wal it is in, and one begins when all of the one before is in the
 * database. One that began from nothing has any number. */
static enum err is_of_age(struct db *d, const struct wal_told *w, struct fail *f)
{
	struct db_alone has;
	bool told;
	enum err e = w->first ? ERR_OK : sqlite_alone(d, &has, &told, f);

	if (e != ERR_OK || w->first || !told || !has.age ||
	    w->age - (uint32_t)has.age <= 1 || MUTANT(age_not_compared))
		return e;
	return fail_set(f, ERR_DAMAGED,
	    "the database (commit %lld) is not the one that its -wal was begun on: one"
	    " of them is an older copy",
	    (long long)has.commit_no);
}

/* Is the database the one that it began on? */
static enum err began_on(
    struct db *d, const struct wal *w, const struct wal_told *told, struct fail *f)
{
	enum err e = is_of_age(d, told, f);

	return e == ERR_OK && told->image >= 0 ? has_commits(d, w, told->image, f) : e;
}

/* ERR_OK with no context: there is nothing to look at. */
static enum err wal_of(struct db *d, struct wal *ret, struct fail *f)
{
	sqlite3_file *file = NULL;
	sqlite3_int64 len = 0;
	enum err e = sqlite_own_page(d, f);

	if (e != ERR_OK)
		return e;
	if (sqlite3_file_control(d->c, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file))
		return sqlite_failed(d->c, "-wal", f);
	*ret = (struct wal){ .read = read_file, .page_size = d->page_size };
	if (!file || !file->pMethods)
		return ERR_OK;
	if (file->pMethods->xFileSize(file, &len))
		return fail_set(f, ERR_JOURNAL, "the size of the -wal can't be read");
	ret->ctx = file;
	ret->size = len;
	return ERR_OK;
}

/* Whether a commit begins it anew is decided when its first page is written. */
enum err sqlite_age(struct db *d, int64_t *ret, struct fail *f)
{
	struct wal w;
	uint32_t age = 0;
	int rc = MUTANT(age_of_before) ? SQLITE_OK : sqlite3_db_cacheflush(d->c);
	enum err e = rc == SQLITE_OK
	    ? wal_of(d, &w, f)
	    : fail_set(f, sqlite_class(rc), "its -wal: %s (%d)", sqlite3_errstr(rc), rc);

	if (e == ERR_OK && w.ctx && w.size > 0 && !wal_age(&w, &age))
		e = fail_set(f, ERR_JOURNAL, "its -wal can't be read");
	*ret = age;
	return e;
}

enum err sqlite_uncut(struct db *d, struct fail *f)
{
	struct wal w;
	enum wal_state s;
	struct wal_told told;
	enum err e = wal_of(d, &w, f);

	if (e != ERR_OK || !w.ctx)
		return e;
	s = d->own_page ? wal_check(&w, d->own_page, &told) : WAL_WHOLE;
	if (s == WAL_UNREAD)
		return fail_set(f, ERR_JOURNAL, "its -wal can't be read");
	if (s == WAL_WHOLE || MUTANT(cut_wal_believed))
		return ERR_OK;
	if (s == WAL_ANEW)
		return began_on(d, &w, &told, f);
	if (told.image >= 0 && has_image(d, &w, told.image))
		return ERR_OK;
	return fail_set(f, ERR_DAMAGED,
	    s == WAL_CUT
		? "its -wal is damaged in the middle: commits behind that are lost"
		: "the header of its -wal is damaged: the commits in it are lost");
}
