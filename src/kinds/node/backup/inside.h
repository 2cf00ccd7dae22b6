/* inside.h - what makes and takes backups shares.
 *
 *   part.c      a file that gets its name when it is whole
 *   sums.c      names, and the file of sums
 *   tar.c       a folder as one file, and back
 *   backup.c    making one
 *   away.c      taking it somewhere else
 *   restore.c   putting one in place
 *   recover.c   a log to one of its snapshots
 *   keep.c      a state as a file
 *   note.c      what went wrong with the last one
 *   reset.c     log and database begun anew, those that were archived
 *   reset_new.c   what takes their place
 *   reset_lock.c  one of these at a time
 */
#ifndef PAWL_KINDS_NODE_BACKUP_INSIDE_H
#define PAWL_KINDS_NODE_BACKUP_INSIDE_H

#include "crypto/sha256.h"
#include "kinds/node/backup/backup.h"
#include "kinds/node/judge/judge.h"
#include "kinds/node/snapshot/log.h"

#define BACKUP_PATH_MAX 1024
#define SUM_TEXT 65

/* -- part.c ---------------------------------------------------------------- */

struct part {
	const struct files *files;
	struct file *file;
	char path[BACKUP_PATH_MAX], name[BACKUP_PATH_MAX]; /* now, and in the end */
	uint64_t size;
	struct sha256 *sum;
};

/* Valid for part_end in any case. */
NODISCARD enum err part_begin(
    struct part *p, const struct files *files, const char *name, struct fail *f);
NODISCARD enum err part_add(
    struct part *p, const void *bytes, size_t len, struct fail *f);
/* e: how it went. What is whole is synced, and has its name; its folder is not synced. */
NODISCARD enum err part_end(
    struct part *p, enum err e, char sum[SUM_TEXT], struct fail *f);
/* The same, and the name stays the one of a part. */
NODISCARD enum err part_keep(
    struct part *p, enum err e, char sum[SUM_TEXT], struct fail *f);
/* Of one that was kept, and read again: e says how that went. It has its name, or is
 * gone. */
NODISCARD enum err part_settle(struct part *p, enum err e, struct fail *f);

/* The first `len` bytes of a file. */
NODISCARD enum err part_copy(
    struct part *p, const char *from, uint64_t len, struct fail *f);
NODISCARD enum err file_sum(const struct files *files, const char *path,
    char sum[SUM_TEXT], uint64_t *ret_len, struct fail *f);

/* -- sums.c ---------------------------------------------------------------- */

enum backup_file { BACKUP_LOG, BACKUP_DB, BACKUP_SUMS, BACKUP_FILES };

/* Without its folder; with it. */
void backup_name(char out[64], enum backup_file file, const char *time);
NODISCARD enum err backup_path(
    char out[BACKUP_PATH_MAX], const char *folder, const char *name, struct fail *f);
/* Of which kind a name is, and its time. false: of none. */
bool backup_name_parse(
    const char *name, enum backup_file *ret, char ret_time[L2_BACKUP_TIME]);
void backup_time(char out[L2_BACKUP_TIME], int64_t wall_ms);

struct sums {
	char time[L2_BACKUP_TIME];
	char sum[2][SUM_TEXT];      /* of BACKUP_LOG, BACKUP_DB; "": there is none */
	char root[L2_HEX];          /* of the newest valid snapshot; "" without a log */
	char journal[JOURNAL_NAME]; /* whose it is; "": older programs did not say.. */
	struct journal_point point; /* ..nor how far that had come */
};

void sums_format(struct buf *out, const struct sums *s);
/* INPUT names the line. */
NODISCARD enum err sums_parse(
    struct sums *ret, const char *text, size_t len, struct fail *f);
NODISCARD enum err sums_read(
    struct sums *ret, const struct files *files, const char *path, struct fail *f);
/* As l2_backup_whose. */
enum sums_of { SUMS_OWN, SUMS_OTHER, SUMS_COPY };
enum sums_of sums_whose(const struct sums *s, const char *name, struct journal *j);

/* -- tar.c ----------------------------------------------------------------- */

/* All files of a folder of the system as NAME/.. of an archive, by gzip. digest: of all
 * that is in it. */
NODISCARD enum err tar_pack(struct part *to, const char *folder, const char *name,
    char digest[SUM_TEXT], struct fail *f);
/* To its end: what tar_pack makes, or tar -cz of such a folder; anything else is DAMAGED.
 * folder: where the files go, synced; NULL: nowhere. */
NODISCARD enum err tar_read(const struct files *files, const char *archive,
    const char *name, const char *folder, char digest[SUM_TEXT], struct fail *f);

/* -- away.c ---------------------------------------------------------------- */

/* A folder that is not made: the disk that it should be on may not be mounted. fails:
 * CONFIG, it is not there. */
NODISCARD enum err folder_there(
    const struct files *files, const char *folder, struct fail *f);

/* -- restore.c ------------------------------------------------------------- */

/* A name beside it that nothing has: path.before_<time>. */
NODISCARD enum err name_free(const struct files *files, int64_t wall_ms, const char *path,
    char out[BACKUP_PATH_MAX], struct fail *f);
/* PATH.part, whole and synced, gets the name; what had it goes on as kept. */
NODISCARD enum err place(const struct files *files, int64_t wall_ms, const char *path,
    bool there, char kept[BACKUP_PATH_MAX], struct fail *f);

/* -- backup.c -------------------------------------------------------------- */

/* Whatever there is of a log; its newest whole block, which is the same whatever the
 * judge knows. root is empty and e OK where it has no block at all. DAMAGED: none is
 * whole. */
struct log_look {
	size_t blocks;
	char root[L2_HEX];
	uint64_t timestamp_ms;
	size_t failed; /* newer ones */
	bool doubted;
	char why[300];          /* it is */
	char good_root[L2_HEX]; /* of the newest good one; "": none */
};
NODISCARD enum err log_look(struct log_look *ret, const struct files *files,
    const char *path, struct judge *judge, struct fail *f);
/* All values of a database, by its path: DAMAGED where one is not what it should be. */
NODISCARD enum err database_look(const char *path, uint64_t *ret_values, struct fail *f);

/* -- reset_new.c: whole and synced, at path, which nothing is --------------- */

typedef enum err reset_make_fn(const struct l2_reset *r, struct journal *j,
    const struct l2_state *s, const char *path, struct fail *f);
/* Empty, but for what the state stands on. */
NODISCARD reset_make_fn reset_log_make;
/* What the journal has. */
NODISCARD reset_make_fn reset_database_make;

/* -- reset_lock.c ---------------------------------------------------------- */

#define RESET_FOLDER "recovery_"

/* Of a reset that was taken: its folder is there by now, and says so. */
NODISCARD enum err reset_mark(struct l2_reset *r, struct fail *f);

#endif
