/* files.h - files beside the journal: logs and copies that must survive a power cut.
 *
 * One table of functions, as the rest of the world is: the real one is the system's, the
 * simulated one (sim/disk) forgets what was not synced, tears writes, and dies at any of
 * them. Nothing here retries, and a sync that failed is not repeated: what it was to
 * write may be nowhere but in memory. Paths are as the caller gives them.
 */
#ifndef PAWL_WORLD_FILES_H
#define PAWL_WORLD_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct file; /* an open one */

enum file_how {
	FILE_READ, /* ERR_NOT_FOUND if it is not there */
	FILE_WRITE /* to read, too; made if it is not there, mode 0600 */
};

struct files {
	/* Regular files alone, and no symbolic link when it is to be written. */
	enum err (*open)(
	    struct file **ret, const char *path, enum file_how how, struct fail *f);
	void (*close)(struct file *file); /* ends its lock, too; NULL is fine */
	enum err (*size)(struct file *file, uint64_t *ret, struct fail *f);
	/* All of them, but where the file ends before: *ret_n says how many. Of the
	 * system's files two threads may read one at a time. */
	enum err (*read)(struct file *file, uint64_t at, void *to, size_t len,
	    size_t *ret_n, struct fail *f);
	/* It is going to be read: a hint. */
	void (*soon)(struct file *file, uint64_t at, size_t len);
	/* All or an error; then any part of them may be there. */
	enum err (*write)(struct file *file, uint64_t at, const void *bytes, size_t len,
	    struct fail *f);
	/* What was written there may begin to go to the medium: a hint. */
	void (*start)(struct file *file, uint64_t at, size_t len);
	enum err (*cut)(struct file *file, uint64_t size, struct fail *f);
	/* What was written is on the medium. ERR_JOURNAL: it may be or not. */
	enum err (*sync)(struct file *file, struct fail *f);
	/* The lock of its one writer, of the kernel: nobody waits (ERR_OWNED), and no
	 * lock outlives its process. ERR_STALE: the path has another file by now. */
	enum err (*own)(struct file *file, struct fail *f);
	/* In place of the one that is there: after a power cut the name has the one or
	 * the other. */
	enum err (*rename)(const char *from, const char *to, struct fail *f);
	/* Each gets the other's name; of folders, too. After a power cut either both did
	 * or none; both names are on the medium before. */
	enum err (*exchange)(const char *a, const char *b, struct fail *f);
	/* A symbolic link of this name, in place of whatever has it. */
	enum err (*point)(const char *target, const char *name, struct fail *f);
	enum err (*remove)(const char *path, struct fail *f); /* ERR_NOT_FOUND */
	/* That of what has this name, no other one's while it is there, and its own
	 * whatever it is called later. ERR_NOT_FOUND */
	enum err (*number)(const char *path, uint64_t *ret, struct fail *f);
	/* Mode 0700, made if it is not there. */
	enum err (*folder)(const char *path, struct fail *f);
	/* Whatever is in it, in any order, and perhaps not only once: names without their
	 * folder. ERR_NOT_FOUND */
	enum err (*each)(const char *folder, void (*one)(void *ctx, const char *name),
	    void *ctx, struct fail *f);
	/* Names made, moved and removed in the folder of path are on the medium. */
	enum err (*sync_folder)(const char *path, struct fail *f);
};

extern const struct files files_of_system;

/* The same for long work, until the process is asked to end: from then on nothing is read
 * or written through it (ERR_STOPPED), so that nobody waits for the rest of a large file.
 * Names, syncs and what is removed go on: who fails takes away what he began. */
extern const struct files files_until_stopped;
void files_stop(void); /* for good; from a signal's handler, too */
bool files_stopped(void);

/* What is at path, for a name to say it, so that a copy of the folder can be told, too:
 * the size of a file and its sum; of a folder, which is a database, those of its file
 * IDENTITY, which RocksDB makes at random. What can't be read has its number alone, as
 * all had with older programs, and in a copy nobody knows it by that. */
#define FILES_NOTED 56
NODISCARD enum err files_note(
    const struct files *files, const char *path, char out[FILES_NOTED], struct fail *f);

enum files_swap {
	FILES_SWAP_NONE,  /* it has no such name */
	FILES_SWAP_FRESH, /* it was to take the place, and did not */
	FILES_SWAP_OLD,   /* it was there, and another one took its place */
	FILES_SWAP_UNSURE /* neither is what was there, or both may be */
};
/* What `name` is, if that was noted of what was at path. A log may have grown since; of
 * two with the same bytes it does not matter which is called what. */
enum files_swap files_noted_is(
    const struct files *files, const char *path, const char *name, const char *noted);

/* What is whole and synced, under the name `fresh`, takes the place of what is at `path`,
 * in the same folder; that goes on as `aside`, which nothing is. Between the two calls,
 * and who is killed leaves that, there is a PATH.swap_NOTED: it says what was at PATH
 * when it began. A folder that is called so already is not replaced: one that is FRESH
 * nobody needs. */
NODISCARD enum err files_swap_begin(const struct files *files, const char *fresh,
    const char *path, char *between, size_t size, struct fail *f);
NODISCARD enum err files_swap_end(const struct files *files, const char *between,
    const char *path, const char *aside, struct fail *f);
NODISCARD enum err files_swap_name(
    const struct files *files, const char *path, char *out, size_t size, struct fail *f);
/* name: with its folder, as that of path. */
enum files_swap files_swap_look(
    const struct files *files, const char *path, const char *name);

/* Some process owns it, this one included. Of the system's files; who asks leaves no
 * trace. */
bool files_is_owned(const char *path);

/* The lock of a folder itself, which ends with its file descriptor, *ret, and with this
 * process; -1: there is no folder. A file system without such locks gives none, and says
 * nothing. OWNED: another process has it. */
NODISCARD enum err files_lock_folder(const char *path, int *ret, struct fail *f);
/* Whose it is, as far as the system tells; 0: nobody's, or it does not, as of a process
 * of another container. */
int files_locked_by(const char *path);
/* Has somebody it, and who? Where the system names nobody, it is tried for an instant.
 * *ret_pid: 0: not which. */
bool files_folder_is_locked(const char *path, int *ret_pid);

#endif
