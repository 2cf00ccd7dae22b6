/* checkpoint.c - a copy of the reorg database, beside whoever writes it. */
#include <ftw.h>
#include <stdio.h>

#include "base/mutant.h"
#include "kinds/node/reorgdb/inside.h"

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
	enum err e = reorgdb_see(path, &before, f), seen;

	*ret_again = false;
	if (e != ERR_OK)
		return e;
	e = reorgdb_open(&db, path, REORGDB_READ, f);
	if (e == ERR_OK)
		e = copy(db, to, f);
	reorgdb_close(db);
	seen = reorgdb_see(path, &behind, e == ERR_OK ? f : NULL);
	*ret_again = seen == ERR_OK && before != behind && !MUTANT(checkpoint_amid);
	return e == ERR_OK ? seen : e;
}

enum err reorgdb_checkpoint(const char *path, const char *to, struct fail *f)
{
	enum err e = ERR_OK;
	bool again = true;

	for (int i = 0; i < REORGDB_TRIES && again; i++)
		e = try_copy(path, to, &again, f);
	if (again)
		e = reorgdb_restless(path, f);
	if (e != ERR_OK)
		clear(to);
	return e;
}
