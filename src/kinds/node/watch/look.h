/* look.h - the files of a layer 2 from outside: who may use them, and how large they are.
 *
 * A start asks it, a daemon every minute, `pawl node doctor` and `pawl status`. Folders
 * are read, and of files the sums of backups.
 */
#ifndef PAWL_KINDS_NODE_WATCH_LOOK_H
#define PAWL_KINDS_NODE_WATCH_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kinds/node/link.h"

/* More than these, and they are to be pruned. */
#define L2_LOG_LARGE_MB 5000
#define L2_DATABASE_LARGE_MB 1000
#define L2_MB ((uint64_t)1 << 20)
#define L2_DISK_LOW 10 /* of 100 */

struct l2_paths {
	const char *folder, *log, *reorg_db, *backups;
	const char
	    *journal;     /* whose owner runs the node; NULL: that of the folder does */
	const char *name; /* of the journal whose the backups are; "": not known */
	struct journal *past; /* and that itself; NULL: it goes by the name (backup.h) */
};

#define L2_FINDINGS_MAX 8
struct l2_finding {
	const char *of; /* the path that it is about; of the caller's */
	char why[300], remedy[L2_LINK_TOLD];
};

struct l2_look {
	size_t findings_n; /* of folder and files: what keeps them from being used */
	struct l2_finding findings[L2_FINDINGS_MAX];
	unsigned owner; /* who is to have it all: a user's number,.. */
	unsigned owners_group;
	bool other; /* the folder itself is another's: said, and of its files no more */
	bool has_folder, has_log, has_database;
	bool missing;     /* the folder is not there, which its first finding says.. */
	bool lost;        /* ..and what was in it is: l2_look_anchored */
	bool half_reset;  /* log and database may be those that a reset had begun */
	bool log_unseen;  /* nobody can say whether it is there: that is told */
	bool log_denied;  /* who runs this may not read it.. */
	size_t log_right; /* ..and number of the finding that says how he may; 0: none */
	uint64_t log_bytes, database_bytes; /* the latter as the disk has them */
	uint64_t log_file, log_changed_ns;  /* which file it is, and since when so */
	size_t backups;                     /* its own (backup.h) */
	int64_t backup_ms;       /* by the wall, of the newest; 0: there is none */
	char backup_failed[400]; /* why the last one did (backup.h); "": it did not */
	int backup_again;        /* what of it is tried again: enum l2_backup_again */
	int64_t disk_free, disk_size; /* bytes; -1: not known */
};

void l2_look(struct l2_look *ret, const struct l2_paths *paths);

#define L2_FOLDER_LOST                                                                \
	"is the disk that it was on mounted? Mount its disk first. Where it is gone " \
	"for good: pawl node init, which asks for a word; then pawl node restore "    \
	"--from a folder that has copies, or pawl node recover --latest-valid"
/* Of how many states the journal has anchors: a folder that is missing was theirs, and is
 * not to be made anew before somebody has looked for its disk. */
void l2_look_anchored(struct l2_look *l, int64_t n);

bool l2_log_is_large(const struct l2_look *l);
bool l2_database_is_large(const struct l2_look *l);
bool l2_disk_is_low(const struct l2_look *l);
/* Of a time to come: a clock was wrong when it was made, or is. */
#define L2_AHEAD                                                                        \
	"date shows the clock; one that is right: move the backups of that time away, " \
	"which else stay the newest ones"
bool l2_backup_is_ahead(const struct l2_look *l, int64_t wall_ms);

#endif
