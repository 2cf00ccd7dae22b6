/* checkpoint.c - a copy of the reorg database, beside whoever writes it. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/reorgdb/inside.h"
#include "world/files.h"

#define TRIES 50

/* -- what its folder has --------------------------------------------------- */

/* Files that come, go and change when tables are written, in any order. */
struct sight {
	const char *path;
	uint64_t sum;
};

static bool is_counted(const char *name)
{
	const char *dot = strrchr(name, '.');

	return !strncmp(name, "MANIFEST-", 9) || !strcmp(name, "CURRENT") ||
	    (dot && (!strcmp(dot, ".sst") || !strcmp(dot, ".log")));
}

static void sight_add(void *ctx, const char *name)
{
	struct sight *s = ctx;
	uint64_t h = UINT64_C(14695981039346656037);
	char file[4096];
	struct stat st;

	if (!is_counted(name))
		return;
	for (const char *p = name; *p; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
	snprintf(file, sizeof file, "%s/%s", s->path, name);
	if (!strncmp(name, "MANIFEST-", 9) && !stat(file, &st))
		h = (h ^ (uint64_t)st.st_size) * UINT64_C(1099511628211);
	s->sum += h;
}

static enum err see(const char *path, uint64_t *ret, struct fail *f)
{
	struct sight s = { path, 0 };
	enum err e = files_of_system.each(path, sight_add, &s, f);

	*ret = s.sum;
	return e;
}

/* -- the copy -------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void clear(const char *path)
{
	char part[4096];

	snprintf(part, sizeof part, "%s.tmp", path);
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	nftw(part, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void reorgdb_remove(const char *path)
{
	clear(path);
}

static enum err copy(struct reorgdb *db, const char *to, struct fail *f)
{
	rocksdb_checkpoint_t *point;
	char *said = NULL;

	clear(to);
	point = rocksdb_checkpoint_object_create(db->db, &said);
	if (!said)
		rocksdb_checkpoint_create(point, to, 0, &said);
	if (point)
		rocksdb_checkpoint_object_destroy(point);
	return said ? reorgdb_said(db->path, said, f) : ERR_OK;
}

/* As it was opened, and with all that was written ahead since. Another process may move
 * from one file to the next meanwhile; then the copy lacks what lay between, or could
 * not be made: *ret_again. */
static enum err try_copy(
    const char *path, const char *to, bool *ret_again, struct fail *f)
{
	uint64_t before, behind;
	struct reorgdb *db;
	enum err e = see(path, &before, f), seen;

	*ret_again = false;
	if (e != ERR_OK)
		return e;
	e = reorgdb_open(&db, path, REORGDB_READ, f);
	if (e == ERR_OK)
		e = copy(db, to, f);
	reorgdb_close(db);
	seen = see(path, &behind, e == ERR_OK ? f : NULL);
	*ret_again = seen == ERR_OK && before != behind && !MUTANT(checkpoint_amid);
	return e == ERR_OK ? seen : e;
}

enum err reorgdb_checkpoint(const char *path, const char *to, struct fail *f)
{
	enum err e = ERR_OK;
	bool again = true;

	for (int i = 0; i < TRIES && again; i++)
		e = try_copy(path, to, &again, f);
	if (again)
		e = fail_set(f, ERR_STALE,
		    "the reorg database %s is rewritten all the time: it could not be "
		    "copied as a whole; type it again later",
		    path);
	if (e != ERR_OK)
		clear(to);
	return e;
}
