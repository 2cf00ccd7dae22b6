/* files.h - the little that the journal asks of the file system beside its database.
 *
 * One table of functions, so that the torture suite can put its lossy disk below. The
 * real one locks the database file itself (an open-file-description lock on a byte that
 * SQLite never uses): it ends with its process, can be asked after without being taken,
 * and a deleted lock file can't give two holders.
 *
 * POSIX drops all locks of a process on a file when any descriptor of it is closed,
 * SQLite's too. So a file is held open once per process, before SQLite opens it, and
 * closed after.
 */
#ifndef PAWL_JOURNAL_FILES_H
#define PAWL_JOURNAL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FILES_UNREADABLE (-2) /* the disk does not say whether there is such a file */

struct file_hold;

struct file_id {
	int64_t inode, device;
	int64_t born;  /* ns, so that a number used again is no other file; 0: unknown */
	char boot[40]; /* of the running kernel */
};

struct journal_files {
	/* Hold an existing file. own: with the owner's lock (ERR_OWNED). Refuses file
	 * systems without true locks (ERR_SYSTEM). */
	enum err (*hold)(
	    struct file_hold **ret, const char *path, bool own, struct fail *f);
	void (*let_go)(struct file_hold *h, bool own); /* as it was held; NULL is fine */
	bool (*owned)(const char *path);               /* by anybody, this process too */

	int64_t (*size)(const char *path); /* -1: no such file; or FILES_UNREADABLE */
	bool (*head)(const char *path, void *to, size_t len); /* its first bytes, all */
	enum err (*id)(struct file_id *ret, const char *path, struct fail *f);
	bool (*same)(const char *path, const struct file_id *id); /* the file is there */
	/* Make an empty file, mode 0600; an existing one is left as it is. */
	enum err (*make)(const char *path, struct fail *f);
	/* Never over an existing file (ERR_CONFLICT). */
	enum err (*rename)(const char *from, const char *to, struct fail *f);
	void (*remove)(const char *path);
	/* Of a file that no database is in, and that nobody holds: behind its end; what
	 * is there of it is on the medium; so many of its bytes at most, from there on
	 * (-1: they can't be read; 0: it ends there). */
	enum err (*append)(const char *path, const void *p, size_t len, struct fail *f);
	enum err (*sync)(const char *path, struct fail *f);
	int64_t (*read)(const char *path, int64_t at, void *to, size_t len);
	/* Names made and removed in the folder of path are on the medium. */
	enum err (*sync_folder)(const char *path, struct fail *f);
};

extern const struct journal_files *journal_files; /* the one in use */

#endif
