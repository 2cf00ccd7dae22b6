/* journal.h - the database in which everything that must survive is written.
 *
 * One file, one owner. The owner holds an operating system lock on the database
 * file, has the only writing connection, and compares its epoch first in every
 * transaction (G8). Everybody else opens it read-only beside the owner.
 *
 * A transaction begins by itself with the first write after a commit (BEGIN
 * IMMEDIATE, then the owner's row by its epoch: not exactly one row is FATAL).
 * Statements are not written here but named in the files of sql/; the generator turns
 * each into typed functions (journal/sql.gen.h).
 *
 * Failure. A read, write, sync or commit that errs has an unknown outcome: the
 * journal says so and ends the process (journal_die; exit 3, for damage 6).
 * Starting is recovering. No sync is ever tried again. So statements return no
 * error. One exception: the disk was full before any sync. Then the journal goes
 * numb: further statements of this transaction do nothing and return nothing, and
 * journal_commit rolls back and answers ERR_DISK_FULL; the caller drops all it has
 * cached, and tries again later.
 */
#ifndef PAWL_JOURNAL_JOURNAL_H
#define PAWL_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/amount.h"
#include "base/err.h"

struct journal;

/* Who is asking, for the owner's row: pid and host are only shown. */
struct owner {
	int64_t epoch, pid;
	char host[128];
	int64_t since_ms; /* wall */
};

/* Create an empty journal; ends with database, -wal and folder synced. Refuses an
 * existing file (ERR_CONFLICT) and file systems without true locks: nfs, cifs, 9p,
 * fuse (ERR_SYSTEM). Mode 0600. */
NODISCARD enum err journal_create(const char *path, struct fail *f);

/* Own it: lock (ERR_OWNED names pid and host; a lock of the dead is no lock),
 * checkpoint everything found to the medium, migrate if older (after a verified
 * backup beside it), commit our epoch. Only then may anything leave.
 * fails: NO_JOURNAL (names the path and `pawl init`), NEWER_JOURNAL, DAMAGED. */
NODISCARD enum err journal_own(
    struct journal **ret, const char *path, const struct owner *who, struct fail *f);

/* Read beside an owner; sees commits as they come. Every statement that writes is
 * a BUG on it. An older schema: ERR_CONFLICT, says `pawl migrate`. */
NODISCARD enum err journal_read(struct journal **ret, const char *path, struct fail *f);

void journal_close(struct journal *j);

/* The owner's row as the journal has it, and whether the lock is held now. */
bool journal_owner(const char *path, struct owner *ret, bool *ret_held);

bool journal_numb(const struct journal *j);    /* the disk was full: see above */
bool journal_writing(const struct journal *j); /* a transaction is open */
bool journal_at_rest(const struct journal *j); /* nor is one, for reading */

/* Which one it is, in hex, since it was made; a copy of it is the same one. */
#define JOURNAL_NAME 33
void journal_name(struct journal *j, char out[JOURNAL_NAME]);

int64_t journal_commit_no(const struct journal *j); /* of the open or the next one */

/* Was anything written, or taken back, since it was last asked with this mark, but for
 * what a commit adds of itself? While nothing was, what was read is what would be read:
 * its owner alone writes. A mark begins as 0, which is long ago. */
bool journal_changed(const struct journal *j, uint64_t *mark);

/* One fsync, if a transaction is open; else nothing. OK or ERR_DISK_FULL. */
NODISCARD enum err journal_commit(struct journal *j, struct fail *f);
void journal_rollback(struct journal *j);

/* This turn commits, even if no row changes: an owner that was robbed ends here. */
void journal_must_commit(struct journal *j);

/* One level of savepoint. Without a write in it, it costs and begins nothing. */
void journal_save(struct journal *j);
void journal_save_keep(struct journal *j);
void journal_save_drop(struct journal *j);

/* Between turns: move the -wal into the database when it has grown (bounded work,
 * outside of any COMMIT, so that its errors are seen). */
void journal_tend(struct journal *j);

/* Reads of one moment: a read transaction for the reports of a reader. */
void journal_read_begin(struct journal *j);
void journal_read_end(struct journal *j);

/* What the operator reads when the journal ends the process. Tests replace it; it
 * must not return. */
extern void (*journal_die)(enum err e, const char *why);

/* Rows that can be read contradict each other, or what only this program writes: nobody
 * can tell which of them is right. Ends the process (exit 6), the path in front. */
void journal_damaged(const struct journal *j, const char *fmt, ...) PRINTF(2, 3) NORETURN;

/* -- the event log ---------------------------------------------------------
 * Who moved what, from which state to which, and why: written in the commit that
 * moves it, never used to decide anything. Per operation one chain of hashes with
 * one link a commit: link = SHA-256(previous link || commit number || the events'
 * canonical bytes). journal_commit writes the links.
 */
struct event {
	int64_t operation; /* 0: the journal itself */
	int64_t row;       /* 0: the whole operation; rows count from 1 */
	const char *what;  /* "item", "intent 17", "attempt 0x3f2a..", "command", ... */
	const char *from, *to; /* names of states; may be "" */
	const char *why;       /* may be "" */
};

void journal_event(struct journal *j, const struct event *e);

/* Recompute the chains. 0: all intact; else the first damaged commit and operation. */
int64_t journal_check_events(struct journal *j, int64_t *ret_operation);

/* The tail of an operation's chain as hex, for reports. "" when it has none. */
void journal_tail(struct journal *j, int64_t operation, char out[65]);

/* A point of its past: a commit that has events of the journal itself, each owner's first
 * among them, and their link. A copy that went on by itself goes through others, and so
 * does a journal that was put back from an older copy. */
struct journal_point {
	int64_t commit_no;
	char link[65]; /* as hex; "": there is none */
};
void journal_point(struct journal *j, struct journal_point *ret); /* the newest one */
bool journal_passed(struct journal *j, const struct journal_point *p);

/* -- the events of one operation -------------------------------------------
 * Read in their order and held against its links, some at a time, between transactions;
 * what is committed meanwhile is read, too. What take gets is proved.
 */
struct journal_walk;
typedef void journal_walk_fn(void *ctx, const struct event *e);

/* from_end: those that are there already are passed over, unproved. */
struct journal_walk *journal_walk_new(
    struct journal *j, int64_t operation, bool from_end);
void journal_walk_free(struct journal_walk *w);
/* At most *left events, whosever they are, are read and taken off it. whole: to the end.
 * fails: DAMAGED, and names the commit */
NODISCARD enum err journal_walk_next(struct journal_walk *w, int64_t *left,
    journal_walk_fn *take, void *ctx, bool *ret_whole, struct fail *f);

/* -- doubt -----------------------------------------------------------------
 * Why the journal may be older than what was sent: a sentence for a person, NULL when
 * nothing says so. A start finds it, and it is journaled with the epoch: before
 * anything is reserved. Who sees later that something was forgotten adds it; who has
 * fenced every account clears it. Both are events, in the open transaction.
 */
const char *journal_doubt(struct journal *j); /* until the next call */
/* The same of what it came to know after its doubt: accounts that are used first may
 * have sent more than it knows. It stays, until a restore is said to be of the latest. */
const char *journal_older(struct journal *j);
/* What it says already, it is not told again. */
void journal_doubt_add(struct journal *j, const char *why);
void journal_doubt_clear(struct journal *j, const char *why); /* no doubt: nothing */

/* Pages (integrity_check) and foreign keys; false: why says which. */
bool journal_check_pages(struct journal *j, char *why, size_t why_len);
/* The owner's: what is not sound, or can't be read, ends the process. */
void journal_trust_pages(struct journal *j);

/* The same, and that it ends with what the journal's own row says; DAMAGED names it. */
NODISCARD enum err journal_check_past(struct journal *j, struct fail *f);

/* Rows of an operation, counted by the states of items (G10). */
#define JOURNAL_SUMS 5
struct journal_sums {
	struct journal_sum {
		int64_t n;
		struct amount sum;
	} by_state[JOURNAL_SUMS];
};

/* false: it is in no state, or they are more than an amount can be. */
bool journal_sums_add(struct journal_sums *s, int64_t state, const struct amount *a);
bool journal_sums_sub(struct journal_sums *s, int64_t state, const struct amount *a);
/* Its totals are these, and the sum of them is what was planned. */
bool journal_sums_hold(
    struct journal *j, int64_t operation, const struct journal_sums *s);

/* A reader for whom damage is an answer, of a journal too that no start would take: what
 * can't be read is noted, and does not end the process. Without its -wal the database
 * is read alone. fails: as journal_own, but for what the checks below say. */
NODISCARD enum err journal_examine(
    struct journal **ret, const char *path, struct fail *f);
/* What was noted since the last call. ERR_OK: all could be read. */
enum err journal_noted(struct journal *j, struct fail *f);
/* Database and -wal: both there, of one age, and nothing that was synced missing. */
enum err journal_check_files(struct journal *j, struct fail *f);
/* The migrations are those that this program knows. CONFLICT: fewer. */
enum err journal_check_schema(struct journal *j, struct fail *f);

struct journal_place {
	bool marked;     /* a copy that `pawl backup` made */
	bool other_file; /* not the one that its last commit was written to */
	int64_t commit_no, events;
};

void journal_place(struct journal *j, struct journal_place *ret);

/* -- copies ----------------------------------------------------------------
 * A copy is one file, marked, which no start takes for the journal without a doubt.
 */
struct journal_holds {
	int64_t commit_no, operations, bytes;
};

/* Copy it to `to`, where no file may be, while its owner goes on. What is there at the
 * end is whole, verified (pages, events, sums) and synced; who died before left a file
 * `unfinished-..` beside it, which the next backup clears.
 * fails: CONFLICT (exists; an older schema), DAMAGED, DISK_FULL. */
NODISCARD enum err journal_backup(
    const char *path, const char *to, struct journal_holds *ret, struct fail *f);

/* Both texts are for mem_free(). */
struct journal_restored {
	struct journal_holds holds;
	char *replaced; /* the name that the old one has now; NULL: there was none */
	bool wal_kept;  /* the old -wal is beside it */
	char *doubt;    /* why it may be older than what was sent; NULL: it is not */
};

/* What `from` holds becomes the journal: verified first, in doubt, but for latest. What
 * was the journal moves aside with its -wal and -shm, as `replaced-N-..`. `from` may be
 * the journal itself: what is certain of it goes on. Dying in it leaves the old one, or
 * none and who looks is told to type it again, or the new one.
 * fails: OWNED (the journal, or from), NO_JOURNAL, NEWER_JOURNAL, DAMAGED. */
NODISCARD enum err journal_restore(const char *path, const char *from, bool latest,
    const struct owner *who, struct journal_restored *ret, struct fail *f);

/* -- migrations ------------------------------------------------------------ */
int journal_schema_known(void); /* the newest migration compiled in */
NODISCARD enum err journal_schema(
    const char *path, int *ret, struct fail *f); /* of a file */
/* Lock, back up beside itself, migrate. ret_backup: the copy's name (mem_free() it), or
 * NULL when nothing was to do. */
NODISCARD enum err journal_migrate(const char *path, char **ret_backup, struct fail *f);

#endif
