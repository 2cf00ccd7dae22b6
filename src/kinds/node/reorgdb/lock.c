/* lock.c - who may write the reorg database: the lock of its folder, which is that of all
 * our own processes, and RocksDB's of the file LOCK in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mutant.h"
#include "kinds/node/reorgdb/inside.h"
#include "world/files.h"

#define PATH_ROOM 4096
#define LOCK "LOCK"
#define PLACE_TRIES 20

/* -- who has it -------------------------------------------------------------- */

bool reorgdb_holder(const char *path, int *ret_pid)
{
	char lock[PATH_ROOM];
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd;

	snprintf(lock, sizeof lock, "%s/" LOCK, path);
	fd = open(lock, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fcntl(fd, F_GETLK, &l) != 0)
		l.l_type = F_UNLCK;
	if (fd >= 0)
		close(fd);
	*ret_pid = l.l_type != F_UNLCK && l.l_pid > 0 ? l.l_pid : files_locked_by(path);
	return l.l_type != F_UNLCK || *ret_pid;
}

enum err reorgdb_owned(const char *path, struct fail *f)
{
	char who[64] = "another process";
	int pid;

	(void)reorgdb_holder(path, &pid);
	if (pid)
		snprintf(who, sizeof who, "process %d", pid);
	return fail_set(f, ERR_OWNED,
	    "the reorg database %s is open in %s, which has the operating system's "
	    "lock on it. The lock goes with that process; the file %s/" LOCK
	    " stays, and "
	    "is never to be deleted. Stop the process, or wait",
	    path, who, path);
}

/* -- the folder's -------------------------------------------------------------- */

static enum err replaced(const char *path, struct fail *f)
{
	return fail_set(f, ERR_STALE,
	    "the reorg database %s was replaced just now; type it again", path);
}

enum err reorgdb_folder_lock(const char *path, int *ret, struct fail *f)
{
	struct stat mine, there;
	int fd;
	/* A file system that has no such locks has that of LOCK. */
	enum err e = files_lock_folder(path, &fd, f);

	*ret = -1;
	if (e == ERR_OWNED)
		return MUTANT(reorgdb_folder_unlocked) ? ERR_OK : reorgdb_owned(path, f);
	if (e != ERR_OK || fd < 0)
		return e;
	if (fstat(fd, &mine) != 0 || stat(path, &there) != 0 ||
	    mine.st_ino != there.st_ino || mine.st_dev != there.st_dev) {
		close(fd);
		return replaced(path, f);
	}
	*ret = fd;
	return ERR_OK;
}

static bool lock_stat(const struct reorgdb *db, struct stat *st)
{
	return fstatat(db->folder, LOCK, st, AT_SYMLINK_NOFOLLOW) == 0;
}

void reorgdb_lock_note(struct reorgdb *db)
{
	struct stat st;

	db->lock_there = db->folder >= 0 && lock_stat(db, &st);
	db->lock_inode = db->lock_there ? st.st_ino : 0;
}

static bool is_moved(const struct reorgdb *db)
{
	struct stat mine, there;

	return db->folder >= 0 && !MUTANT(reorgdb_moved_unseen) &&
	    fstat(db->folder, &mine) == 0 &&
	    (stat(db->path, &there) != 0 || mine.st_ino != there.st_ino ||
		mine.st_dev != there.st_dev);
}

enum err reorgdb_stands(const struct reorgdb *db, struct fail *f)
{
	struct stat st;

	if (is_moved(db))
		return fail_set(f, ERR_OWNED,
		    "the reorg database %s was moved or removed while this process had "
		    "it open. It is closed, and what is there now opened, or one made "
		    "anew",
		    db->path);
	if (!db->lock_there || (lock_stat(db, &st) && st.st_ino == db->lock_inode))
		return ERR_OK;
	return fail_set(f, ERR_OWNED,
	    "%s/" LOCK " was deleted while this process had the reorg database open: a "
	    "program that knows no other lock may write it, too. Nothing was written; it "
	    "is closed, and opened again with a lock of its own. Never delete " LOCK,
	    db->path);
}

/* -- both, without the database ------------------------------------------------- */

enum err reorgdb_hold(const char *path, struct reorgdb_held *ret, struct fail *f)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char lock[PATH_ROOM];
	enum err e;

	*ret = REORGDB_NOT_HELD;
	snprintf(lock, sizeof lock, "%s/" LOCK, path);
	e = reorgdb_folder_lock(path, &ret->folder, f);
	if (e != ERR_OK || ret->folder < 0)
		return e;
	ret->lock = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (ret->lock < 0 && errno != ENOENT)
		e = fail_file(f, ERR_SYSTEM, lock);
	else if (ret->lock >= 0 && fcntl(ret->lock, F_SETLK, &l) != 0)
		e = reorgdb_owned(path, f);
	if (e != ERR_OK)
		reorgdb_let_go(ret);
	return e;
}

enum err reorgdb_hold_place(const char *path, struct reorgdb_held *ret, struct fail *f)
{
	for (int i = 0; i < PLACE_TRIES; i++) {
		bool made = mkdir(path, 0700) == 0;
		bool can_be = made || errno == EEXIST;
		enum err e = reorgdb_hold(path, ret, f);

		if (e == ERR_OK && made)
			ret->made = path;
		/* Else one went between, as that of another who held the place. */
		if (e != ERR_OK || ret->folder >= 0 || !can_be)
			return e;
	}
	return replaced(path, f);
}

void reorgdb_let_go(struct reorgdb_held *held)
{
	if (held->made)
		(void)rmdir(held->made);
	if (held->lock >= 0)
		close(held->lock);
	if (held->folder >= 0)
		close(held->folder);
	*held = REORGDB_NOT_HELD;
}
