/* archiver.h - operations that ended long ago go into files (journal/archive.h), some
 * rows at a time: never a long transaction, and nothing is done before it is due.
 *
 * An operation is due when it ended longer ago than its kind is kept, nothing of it is
 * live, its account and chain are in no doubt, and each of its transactions is so far
 * below the final block that no resume of the chain can undo it. What comes of it later
 * is known by what stays: a payment of its rows by its tag is a second one, and stops the
 * account.
 *
 * So does what was told of transactions that are followed no more, and the changes of a
 * layer 2 (`node`) that came before a state of which an anchor is as deep in its chain.
 * What these were called by stays, and what they were; the state is in its rows.
 *
 * archiver_turn stands in a turn, and changes rows; archiver_between behind it, and
 * writes the file. A life that ends in between costs what was not journaled.
 */
#ifndef PAWL_ENGINE_ARCHIVER_H
#define PAWL_ENGINE_ARCHIVER_H

#include "engine/engine.h"

/* A resume of a chain goes back 4,352 blocks below its final one at most (what a second
 * one undoes of an archive stops the account). A test may lower it. */
#define ARCHIVE_DEPTH 4500
extern int64_t archive_depth;
/* Changes of a file, at most; those of one commit stay together. The same. */
extern int64_t archive_changes;

struct archiver;

struct archiver_setup {
	struct journal *journal;
	const struct retention *keep; /* borrowed, as runner_setup has it */
	int keep_n;
	int64_t only; /* this operation alone; 0: all that are due */
	/* By which operations are counted before they go (recount.h); of a kind that is
	 * not among them none is. */
	const struct kind *const *kinds;
	int kinds_n;
};

struct archiver *archiver_new(const struct archiver_setup *s);
void archiver_free(struct archiver *a);

/* wall_ms: now, by the wall. true: there is more to do at once. */
bool archiver_turn(struct archiver *a, int64_t wall_ms);
/* true: there is more to do at once. What fails is tried again in an hour; f says why,
 * ERR_OK: nothing did; DAMAGED: an operation that is due contradicts itself. */
bool archiver_between(struct archiver *a, int64_t wall_ms, struct fail *f);
/* The wall's time at which it looks again. */
int64_t archiver_look_ms(const struct archiver *a);
int64_t archiver_done(const struct archiver *a); /* operations, in this life */
/* Times of keeping have changed: nothing waits for its hour or day. */
void archiver_look_again(struct archiver *a);

/* How many would go besides operations, when kept for so long: transactions that are
 * followed no more, and changes of a layer 2. */
int64_t archiver_tracked_due(struct journal *j, int64_t keep_ms, int64_t wall_ms);
int64_t archiver_changes_due(struct journal *j, int64_t keep_ms, int64_t wall_ms);

/* Why an operation that ended is not archived yet, however long it is kept; "": it can
 * be. ret_height: of its highest block. */
#define ARCHIVER_WHY_MAX 200
void archiver_why_not(struct journal *j, int64_t operation, char why[ARCHIVER_WHY_MAX],
    int64_t *ret_height);

#endif
