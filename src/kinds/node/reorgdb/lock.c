/* lock.c - who may write the reorg database: the lock of its folder, which is that of all
 * our own processes, and RocksDB's of the file LOCK in it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mutant.h"
#include "kinds/node/reorgdb/inside.h"

#define PATH_ROOM 4096
#define LOCK "LOCK"

/* -- who has it -------------------------------------------------------------- */

/* Of the file in it, as the system knows it; 0: nobody, or it does not say. */
static int file_holder(const char *path)
{
	char lock[PATH_ROOM];
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd, got;

	snprintf(lock, sizeof lock, "%s/" LOCK, path);
	fd = open(lock, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	got = fcntl(fd, F_GETLK, &l);
	close(fd);
	return got == 0 && l.l_type != F_UNLCK && l.l_pid > 0 ? l.l_pid : 0;
}

/* The process of a line of the system's list of locks, if that is one of this folder:
 * "1: FLOCK ADVISORY WRITE 123 fe:01:4567 0 EOF". */
static int line_holder(const char *line, const struct stat *st)
{
	const char *words[6], *at = line;
	unsigned long major, minor, pid;
	char *end;

	for (size_t i = 0; i < 6; i++) {
		words[i] = at += strspn(at, " ");
		at += strcspn(at, " ");
	}
	if (strncmp(words[1], "FLOCK ", 6) != 0 || strncmp(words[3], "WRITE ", 6) != 0)
		return 0;
	pid = strtoul(words[4], NULL, 10);
	major = strtoul(words[5], &end, 16);
	minor = strtoul(*end ? end + 1 : end, &end, 16);
	return major == major(st->st_dev) && minor == minor(st->st_dev) &&
		strtoull(*end ? end + 1 : end, NULL, 10) == st->st_ino && pid < INT_MAX
	    ? (int)pid
	    : 0;
}

static int folder_holder(const char *path)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[256];
	struct stat st;
	int ret = 0;

	if (locks && stat(path, &st) == 0)
		while (!ret && fgets(line, sizeof line, locks))
			ret = line_holder(line, &st);
	if (locks)
		fclose(locks);
	return ret;
}

enum err reorgdb_owned(const char *path, struct fail *f)
{
	char who[64] = "another process";
	int pid = file_holder(path);

	if (!pid)
		pid = folder_holder(path);
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

enum err reorgdb_folder_lock(const char *path, int *ret, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat mine, there;

	*ret = -1;
	if (fd < 0)
		return errno == ENOENT ? ERR_OK : fail_file(f, ERR_SYSTEM, path);
	/* A file system that has no such locks has that of LOCK. */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK &&
	    !MUTANT(reorgdb_folder_unlocked)) {
		close(fd);
		return reorgdb_owned(path, f);
	}
	if (fstat(fd, &mine) != 0 || stat(path, &there) != 0 ||
	    mine.st_ino != there.st_ino || mine.st_dev != there.st_dev) {
		close(fd);
		return fail_set(f, ERR_STALE,
		    "the reorg database %s was replaced just now; type it again", path);
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

enum err reorgdb_lock_check(const struct reorgdb *db, struct fail *f)
{
	struct stat st;

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

void reorgdb_let_go(struct reorgdb_held *held)
{
	if (held->lock >= 0)
		close(held->lock);
	if (held->folder >= 0)
		close(held->folder);
	*held = REORGDB_NOT_HELD;
}
