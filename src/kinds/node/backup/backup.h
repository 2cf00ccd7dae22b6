/* backup.h - copies of a layer 2's files, made while they are written, and put back.
 *
 *   l2_snapshots_<time>.dat.bak      the log of snapshots, to the end of its last block
 *   reorg_db_<time>.tar.gz           the reorg database, as it is at one instant
 *   backup_<time>.sha256             their sums, as sha256sum -c reads them, and the root
 *   l2_snapshots_latest.dat.bak      a link to the newest of the first
 *   backup_failed.txt                why the last one failed; gone when one did not
 *
 * The time is UTC, 20261122_090000. A copy is read again before it is called one: its
 * newest valid block, each value of the database, and the archive to its end. Each file
 * gets its name when it is whole and on the medium, the sums last, so that who has them
 * has the others. Dying leaves parts, which the next one removes, and never fewer copies
 * than there were.
 *
 * Putting one back reads all of it first. What is in place then goes on under another
 * name, .before_<time>: both change names at once, and no instant has neither. Dying
 * between leaves a .swap_<noted> (world/files.h).
 */
#ifndef PAWL_KINDS_NODE_BACKUP_BACKUP_H
#define PAWL_KINDS_NODE_BACKUP_BACKUP_H

#include "journal/journal.h"
#include "kinds/node/judge/judge.h"
#include "kinds/node/snapshot/log.h"
#include "world/files.h"

#define L2_BACKUP_TIME 16 /* with its NUL */
#define L2_BACKUPS_KEPT 24

/* Paths of what is copied; either may be missing. */
struct l2_backup_plan {
	const struct files *files;
	const char *log, *reorg_db;
	const char *folder; /* where copies are; made if it is not there,.. */
	unsigned keep;      /* so many of each; at least 1 */
	int64_t wall_ms;
	bool elsewhere; /* ..unless it may be of a disk that is not mounted */
	/* Whose it is, in its sums, and how far that has come; those of others stay, and
	 * those of copies. NULL: not known. A reader's, which nobody else has meanwhile.
	 */
	struct journal *journal;
};

struct l2_backup {
	char time[L2_BACKUP_TIME];
	char log[64], reorg_db[64], sums[64]; /* names in the folder; "": none */
	uint64_t log_bytes, reorg_db_bytes;
	char root[L2_HEX];        /* of the newest whole snapshot (judge.h) */
	uint64_t snapshot_ms;     /* and its time */
	size_t snapshots, failed; /* blocks; newer ones than that one, which are broken */
	bool doubted;             /* that one is, beside the copy of the database */
	char why[300];            /* so it is */
	uint64_t values;          /* of the database */
	size_t removed;           /* files of older copies */
	size_t others, copies;    /* in the folder: l2_backup_whose */
	bool whole;               /* all that there was is copied, and has its sums */
};

/* fails: NOT_FOUND, there is nothing to copy; DAMAGED, no snapshot of the log is whole,
 * or the database has values that are not what they should be; OWNED, another one is
 * being made; and as files do. A database that can't be copied keeps no log back:
 * ret->sums names the sums of that then, and the sentence says what is missing. Older
 * copies are removed when this one is whole, and else stay. */
NODISCARD enum err l2_backup_make(
    const struct l2_backup_plan *plan, struct l2_backup *ret, struct fail *f);

/* The same files in another folder, and read again; nothing is removed there. CONFIG: the
 * folder is not there; none is made, because the disk that it should be on may not be
 * mounted. By a program, which gets their paths as arguments; SYSTEM: it did not
 * end with 0 within half an hour. */
NODISCARD enum err l2_backup_copy(const struct l2_backup_plan *plan,
    const struct l2_backup *b, const char *to, struct fail *f);
NODISCARD enum err l2_backup_command(const struct l2_backup_plan *plan,
    const struct l2_backup *b, const char *command, struct fail *f);

/* Times of the copies in a folder, newest first: freed with mem_free. */
struct l2_backup_seen {
	char time[L2_BACKUP_TIME];
	bool log, reorg_db, sums;
	bool own, other, copy; /* l2_backup_whose */
};
NODISCARD enum err l2_backup_list(const struct files *files, const char *folder,
    struct l2_backup_seen **ret, size_t *ret_n, struct fail *f);

/* Whose they are, by their sums. other: another journal's than that of this name
 * (journal_name). copy: they bear its name, and a point that it never passed: a copy of
 * the journal made them, or itself before it was put back from an older copy. own: all
 * else; where no name is known, or sums have none, nobody can say. j: NULL: it goes by
 * the name alone. */
void l2_backup_whose(const struct files *files, const char *folder, const char *name,
    struct journal *j, struct l2_backup_seen *seen, size_t n);

/* The newest of its own that has its sums: its time and names alone. NOT_FOUND */
NODISCARD enum err l2_backup_newest(const struct files *files, const char *folder,
    struct journal *j, struct l2_backup *ret, struct fail *f);

/* For who asks later: the last one failed, and why, or a copy of it did, and what a
 * daemon is to try again; why NULL: it went well. "": it did. */
#define L2_BACKUP_NOTED 400
enum l2_backup_again { L2_AGAIN_NOTHING, L2_AGAIN_AWAY, L2_AGAIN_MAKE };
NODISCARD enum err l2_backup_note(const struct files *files, const char *folder,
    const char *why, enum l2_backup_again again, struct fail *f);
enum l2_backup_again l2_backup_noted(
    const struct files *files, const char *folder, char out[L2_BACKUP_NOTED]);

/* Its files are what their sums say. fails: NOT_FOUND, there are no sums; DAMAGED */
NODISCARD enum err l2_backup_check(
    const struct files *files, const char *folder, const char *time, struct fail *f);
int64_t l2_backup_wall_ms(const char *time); /* since 1970; 0: it is none */
/* Of a time to come: a clock was wrong when it was made, or is. */
bool l2_backup_time_ahead(int64_t backup_ms, int64_t wall_ms);

/* Which parts of a copy are put back. */
struct l2_restored;
struct l2_restore_plan {
	const struct files *files;
	/* time NULL: the newest one that has any of what is asked for, and its sums;
	 * where none has sums the newest. Not one of a time to come. */
	const char *folder, *time;
	const char *log_file;       /* a copy of a log alone, by its path, instead */
	const char *log, *reorg_db; /* where they go; NULL: not this one */
	const char *store;          /* the database that is there; NULL: as reorg_db */
	struct journal *journal;    /* asked for anchors, too; NULL: there is none */
	int64_t wall_ms;
	/* Whose backups are meant where no time is given: newer ones of another journal
	 * are told, and not taken, and one of those is for `agree` where there is no
	 * other; one of a copy is to be named. "": anybody's. */
	char name[JOURNAL_NAME];
	/* Asked once all of it is read, before anything changes; log: the copy of it; "":
	 * there is none. Who does not agree leaves all as it was. NULL: it is agreed. */
	enum err (*agree)(
	    void *ctx, const struct l2_restored *r, const char *log, struct fail *f);
	void *ctx;
};

struct l2_restored {
	char time[L2_BACKUP_TIME]; /* "" of a log_file */
	/* The newest backup, where that has nothing of what was asked for; "". */
	char lacking[L2_BACKUP_TIME];
	/* The newest other one that has a database, and its sums; "": none. */
	char has_db[L2_BACKUP_TIME];
	bool log, reorg_db; /* what was put back */
	bool summed;        /* sums were there, and are theirs */
	/* And they are the plan's journal's; another one's; a copy's: l2_backup_whose */
	bool own, other, copy;
	size_t others; /* newer ones of another, which were not taken */
	char root[L2_HEX];
	uint64_t snapshot_ms;
	size_t failed;
	bool doubted;  /* the newest whole one, beside the database that is there then */
	char why[300]; /* so it is */
	char log_kept[1024], reorg_db_kept[1024]; /* what was there; "": nothing */
};

/* fails: NOT_FOUND, also when it has no log and that is asked for, or lost a part;
 * CONFLICT, no time was given, and a newer one has no sums, is of a time to come, or of
 * a copy;
 * DAMAGED, the copy is not what was copied, and nothing was changed; OWNED, a process
 * writes what is to be replaced. */
NODISCARD enum err l2_backup_restore(
    const struct l2_restore_plan *plan, struct l2_restored *ret, struct fail *f);

/* What is behind a snapshot of the log goes: it is the newest one then, and those before
 * it stay. The log as it was is kept, as a restore keeps it. */
struct l2_recovered {
	size_t blocks, number; /* so many there were; it is this one, from 1; 0: none */
	char root[L2_HEX], anchor[L2_HEX];
	uint64_t snapshot_ms, anchored_ms;
	bool changed; /* false: it is the last one, and nothing is behind it */
	char kept[1024];
	/* One that is doubted: that number itself, where one is asked for, else a newer
	 * one than this. */
	size_t doubted;   /* its number; 0: none */
	size_t doubted_n; /* where no number is asked for: newer ones that are doubted */
	struct l2_block doubted_block;
	struct l2_verdict doubt;
};
struct l2_recover_plan {
	const struct files *files;
	const char *log;
	struct judge *judge; /* NULL: of the log alone */
	uint64_t number;     /* 0: the newest that is good */
	int64_t wall_ms;
	/* Asked once it is chosen, while nobody else writes the log, before anything of
	 * it changes; who does not agree leaves it as it was. block: of r->number; len 0:
	 * none holds, and all of the log is to go. NULL: it is as if agreed, but that
	 * none holds, or one that is asked for is doubted, is DAMAGED. */
	enum err (*agree)(void *ctx, const struct l2_recovered *r, struct l2_log *log,
	    struct l2_block block, struct fail *f);
	void *ctx;
};
/* fails: NOT_FOUND, there is no such one; DAMAGED, it does not hold, or none does; OWNED,
 * the log is written; as judge_trouble; and as agree does. */
NODISCARD enum err l2_log_recover(
    const struct l2_recover_plan *plan, struct l2_recovered *ret, struct fail *f);

/* A log as it is now, whatever is in it, under another name. NOT_FOUND */
NODISCARD enum err l2_log_copy(
    const struct files *files, const char *from, const char *to, struct fail *f);

/* A state as lines of JSON (state/dump.h), in a file beside path that no other has, as a
 * restore keeps what it replaces: path.before_<time>, and in `kept`. Sorted. */
NODISCARD enum err l2_state_aside(const struct files *files, const char *path,
    const struct l2_state *s, int64_t wall_ms, char kept[1024], struct fail *f);
/* The same under just this name, in place of whatever has it. */
NODISCARD enum err l2_state_write(const struct files *files, const char *path,
    const struct l2_state *s, int64_t wall_ms, struct fail *f);

/* -- all anew ----------------------------------------------------------------- */

/* A folder recovery_<seconds> beside the log gets what there was: log, reorg database,
 * and the state as lines of JSON. Until l2_reset_end its name ends with .part: who was
 * killed finds it, and goes on with it, or takes it back. */
struct l2_reset {
	const struct files *files;
	char folder[1024];         /* as it will be called */
	bool unfinished;           /* it was there.. */
	bool back;                 /* ..and is taken back: nothing goes on with it */
	bool half;                 /* what was begun now, or before, is there */
	bool log, reorg_db, state; /* it has what was there of these */
	char log_path[1024], part[1024];
	/* On files of the system alone; "" for a test that has others: it is left out. */
	char reorg_db_path[1024];
	/* Taken back: where what the reset had begun is now; "": nothing of it was. */
	char log_aside[1024], reorg_db_aside[1024];
	uint64_t log_number; /* of the log in place; 0: there is none */
	int lock, mark;      /* of who took it (reset_lock.c); -1 */
};
/* Looks, and changes nothing. */
NODISCARD enum err l2_reset_look(struct l2_reset *ret, const struct files *files,
    const char *data_dir, int64_t wall_ms, struct fail *f);
/* From here to l2_reset_leave no daemon has the folder, and no other reset. On files of
 * the system alone. fails: OWNED, one has; STALE, it is no longer as it was looked at */
NODISCARD enum err l2_reset_take(struct l2_reset *r, int64_t wall_ms, struct fail *f);
void l2_reset_leave(struct l2_reset *r);
/* Of the process that resets the node of this folder, or takes that back; 0: none does.
 */
int l2_reset_runs(const char *data_dir);
/* A log, of old snapshots those alone whose anchors peg-outs of the state stand on and
 * the journal does not know, and a database of what the journal knows, take their places,
 * each at one instant. s: the state; NULL: there is none, and `instead` is archived in
 * its place; that may be NULL, too. Both are made before either takes its place: one that
 * fails until then leaves nothing, and says so; else r->half. fails: OWNED, a process has
 * one of them open to write; and as files do. */
struct journal;
NODISCARD enum err l2_reset_files(struct l2_reset *r, struct journal *j,
    const struct l2_state *s, const struct l2_state *instead, int64_t wall_ms,
    struct fail *f);
NODISCARD enum err l2_reset_end(struct l2_reset *r, struct fail *f);
/* Of one that is unfinished: what there was takes its place again, each at one instant,
 * and the folder goes. What is in place meanwhile goes on as .before_<time>. Who was
 * killed in it finds r->back, and calls it again. fails: as l2_reset_files */
NODISCARD enum err l2_reset_undo(struct l2_reset *r, int64_t wall_ms, struct fail *f);
/* One that is not finished: "a reset was begun, and did not end (FOLDER)"; or that runs,
 * with the process, which is the result then; 0: none runs. "": none is. */
#define L2_RESET_TOLD 360
int l2_reset_tell(
    char out[L2_RESET_TOLD], const struct files *files, const char *data_dir);
/* The newest one that has kept a state: "; the state that a reset has kept: pawl node
 * import FILE". "": none has. */
#define L2_ARCHIVE_TOLD 500
void l2_archive_tell(char out[L2_ARCHIVE_TOLD], const char *data_dir);

#endif
