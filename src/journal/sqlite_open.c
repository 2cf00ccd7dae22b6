/* A connection: opened, its PRAGMAs set and read back, its file known as one of ours. */
#include "journal/sqlite_in.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "journal/files.h"

#define APPLICATION_ID "1348564844" /* "Pawl" */
#define URI_LEN_MAX 16384
#define READER_PATIENCE_MS 2000

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

static enum err pragma_set(sqlite3 *c, const struct pragma *p, struct fail *f)
{
	char is[64];
	enum err e = sqlite_run(c, p->set, f);

	if (e == ERR_OK)
		e = sqlite_ask(c, p->read, is, sizeof(is), f);
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
		(void)sqlite_run(c, "PRAGMA synchronous=NORMAL", f);
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
	e = sqlite_ask(c, "PRAGMA page_count", pages, sizeof(pages), f);
	if (e == ERR_OK)
		e = sqlite_ask(c, created.read, id, sizeof(id), f);
	if (e != ERR_OK)
		return e;
	if (strcmp(pages, "0") == 0)
		return fail_set(f, ERR_DAMAGED, "the file is empty");
	if (strcmp(id, APPLICATION_ID) != 0)
		return fail_set(f, ERR_DAMAGED,
		    "it is no journal, but a database of another program"
		    " (application id %s)",
		    id);
	return pragma_set(c, reads(mode) ? &read_only : &wal, f);
}

/* Counting each byte that SQLite takes costs two locks an allocation. Refused once the
 * library runs, which is as well. */
static void uncounted(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* What its header says of its length, at 16 and 28; 0: it says nothing. */
static uint64_t length_told(const char *path)
{
	uint8_t head[32] = { 0 };
	uint64_t page;

	if (!journal_files->head(path, head, sizeof(head)) ||
	    memcmp(head, "SQLite format 3", 16) != 0)
		return 0;
	page = (uint64_t)head[16] << 8 | head[17];
	return (page == 1 ? 65536 : page) *
	    ((uint64_t)head[28] << 24 | (uint64_t)head[29] << 16 |
		(uint64_t)head[30] << 8 | head[31]);
}

/* SQLite only says that it is malformed. */
static enum err name_damage(const char *path, struct fail *f)
{
	uint64_t told = length_told(path);
	int64_t size = journal_files->size(path);

	if (size < 0 || (uint64_t)size >= told)
		return ERR_DAMAGED;
	return fail_set(f, ERR_DAMAGED,
	    "the file is cut short: %llu bytes of its %llu are there",
	    (unsigned long long)size, (unsigned long long)told);
}

/* A format of files that does not exist yet: SQLite reads it, and writes nothing to
 * it. */
static enum err refuse_sealed(sqlite3 *c, const char *path, struct fail *f)
{
	uint8_t head[19] = { 0 };

	if (sqlite3_db_readonly(c, "main") != 1 ||
	    !journal_files->head(path, head, sizeof(head)) || head[18] <= 2)
		return ERR_OK;
	return fail_set(f, ERR_DAMAGED,
	    "its header says that it is written in format %d, of which there are two",
	    head[18]);
}

static enum err connect(
    struct db **ret, const char *path, enum db_mode mode, struct fail *f)
{
	static const int flags[] = {
		[DB_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		[DB_WRITE] = SQLITE_OPEN_READWRITE,
		[DB_READ] = SQLITE_OPEN_READONLY,
		[DB_ALONE] = SQLITE_OPEN_READONLY,
	};
	struct db *d = *ret = mem_new(sizeof(*d));
	struct buf uri;
	enum err e = uri_of(&uri, path, mode, f);

	uncounted();
	if (e == ERR_OK &&
	    sqlite3_open_v2(buf_text(&uri), &d->c,
		flags[mode] | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, db_sqlite_vfs))
		e = sqlite_failed(d->c, "open", f);
	buf_release(&uri);
	return e == ERR_OK ? configure(d->c, mode, f) : e;
}

/* Of a -wal that can't be read nobody can ask which error it was: it is closed again when
 * SQLite calls it malformed. The system has said so last. */
static enum err name_failure(struct fail *f)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(db_sqlite_vfs);
	int word = vfs && vfs->xGetLastError ? vfs->xGetLastError(vfs, 0, NULL) : 0;

	if ((word != EIO && word != ENXIO) || MUTANT(dead_disk_is_damage))
		return ERR_DAMAGED;
	return fail_set(f, ERR_JOURNAL,
	    "its -wal: an I/O error: the disk can't be read now, what is on it may be"
	    " whole");
}

enum err sqlite_open(struct db **ret, const char *path, enum db_mode mode, struct fail *f)
{
	struct db *d = NULL;
	enum err e = ERR_OK;

	/* SQLite takes an empty file for a new one, and removes the -wal beside it. */
	if (mode != DB_CREATE && journal_files->size(path) == 0)
		e = fail_set(f, ERR_DAMAGED, "the file is empty");
	else if (!(d = sqlite_spare_take(mode)))
		e = connect(&d, path, mode, f);
	errno = 0;
	if (e == ERR_OK) {
		e = identify(d->c, mode, f);
		if (e == ERR_DAMAGED)
			e = name_failure(f);
	}
	if (e == ERR_OK && mode == DB_WRITE)
		e = refuse_sealed(d->c, path, f);
	if (e != ERR_OK) {
		sqlite_close(d);
		return e == ERR_DAMAGED ? name_damage(path, f) : e;
	}
	sqlite3_wal_hook(d->c, pages_in_wal, d);
	*ret = d;
	return ERR_OK;
}
