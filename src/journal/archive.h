/* archive.h - an operation's rows in a file, and what stays of them.
 *
 * An operation that ended long ago takes room that nothing needs any more. Its rows are
 * written to a file beside the journal: gzip, one JSON object a line. The file is synced,
 * read back, compared with what was written, and its events with their links, before it
 * has its name; that name and its sum are journaled, with an event that seals them; and
 * only then the rows go, some at a time. Who dies in between leaves the rows, the file,
 * or both, and the next life goes on from there.
 *
 * Gone are intents, attempts, events, and what messages said. For ever stay the
 * operation, its totals, stages and plan hash, its items (a list that pays the same is
 * held against them), the links of its events, the hashes and nonces of its attempts, and
 * the keys of its messages. Whoever reports reads the rest from the file (archive_show).
 *
 * What was told of transactions, and the changes of a layer 2, go the same way.
 */
#ifndef PAWL_JOURNAL_ARCHIVE_H
#define PAWL_JOURNAL_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct journal;
struct archive;

#define ARCHIVE_NAME_MAX 300

/* What a file holds the rows of, and by which id. */
enum archive_what {
	ARCHIVE_OPERATION, /* an operation */
	ARCHIVE_TRACKED,   /* transactions that are followed no more: of track_archive */
	ARCHIVE_CHANGES,   /* changes of a layer 2: of node_archive */
};

struct archived {
	char file[ARCHIVE_NAME_MAX]; /* its name, beside the journal */
	uint8_t sum[32], link[32];
	int64_t size, commit_no, height, at_ms;
	bool whole; /* false: its rows are still going */
};

/* false: it is not archived, or the journal is older than archives. */
bool archive_of(struct journal *j, int64_t operation, struct archived *ret);

/* -- writing ----------------------------------------------------------------
 * Of an operation that ended, or of what a row of track_archive or node_archive was
 * given; between transactions. Nothing of it is in the journal before archive_put; an
 * archive that is freed before that may leave its file, which the next one finds and
 * takes.
 */
struct archive *archive_new(struct journal *j, enum archive_what what, int64_t id);
void archive_finish(struct archive *a); /* archive_free is a name of libarchive */
/* About *left rows more, taken off it. done: the file is there, whole and compared.
 * fails: DISK_FULL; JOURNAL (a sync, or it reads otherwise than it was written);
 * CONFLICT: the operation moved meanwhile; DAMAGED: changes are not those that their
 * events tell of. Then it is only to be freed. */
NODISCARD enum err archive_some(
    struct archive *a, int64_t *left, bool *ret_done, struct fail *f);
/* Nothing of the operation has moved since it was begun, in the open transaction either:
 * what is asked for behind the last step may have. effect: none. */
bool archive_is_current(const struct archive *a);
/* Of one that is done: where its file is. */
const char *archive_path(const struct archive *a);
/* Of one that is done: into the journal, in the open transaction. height: of its highest
 * block, of an operation. */
void archive_put(struct archive *a, int64_t height, int64_t at_ms);

/* -- what goes ---------------------------------------------------------------
 * Some rows of an archived operation, in the open transaction; true when all are gone.
 * *at begins as 0, in each life.
 */
bool archive_drop(struct journal *j, int64_t operation, int64_t *at);

/* What was told of transactions, all at once. */
void archive_drop_tracked(struct journal *j, int64_t track_archive);

/* Some changes; true when all are gone. What they were called by stays, with their
 * hashes. Changes that are not those of the file end the process. */
bool archive_drop_changes(struct journal *j, int64_t node_archive);

/* One change more: SHA-256 over all of them, from 32 bytes of 0 on. */
void archive_link_next(
    uint8_t link[32], int64_t no, int64_t at_ms, const void *line, size_t len);

/* -- reading ----------------------------------------------------------------- */

/* Is its file there, and what was journaled? fails: NOT_FOUND (with its name), DAMAGED.
 */
NODISCARD enum err archive_check(struct journal *j, int64_t operation, struct fail *f);
/* That, and does it say of its operation's items what the journal says? fails: as
 * archive_check; DAMAGED. */
NODISCARD enum err archive_compare(struct journal *j, int64_t operation, struct fail *f);
/* Are all files of changes there, and what was journaled? fails: as archive_check. */
NODISCARD enum err archive_check_changes(struct journal *j, struct fail *f);
/* For a reader, until it is closed: intents, attempts and events are those of the file,
 * and of this operation alone. fails: as archive_check. */
NODISCARD enum err archive_show(struct journal *j, int64_t operation, struct fail *f);

#endif
