/* changes.h - what the journal has to tell the reorg database, as its keys and values.
 *
 * Read from the journal at one moment, all rows that moved since another; written later,
 * by whomever, in one batch. It can be written twice, or when more has moved since.
 */
#ifndef PAWL_KINDS_NODE_REORGDB_CHANGES_H
#define PAWL_KINDS_NODE_REORGDB_CHANGES_H

#include "journal/journal.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/reorgdb/reorgdb.h"

struct changes {
	struct record_mark mark; /* the journal, and the move that it ends with */
	bool has_top;
	uint64_t top; /* no block stands above this one */
	/* Reorgs. When one is told to a database that this journal fed before it came,
	 * blocks from its height on that the journal lacks go; those below, too, where
	 * its fork is unknown. */
	size_t events_n;
	struct change_event {
		uint64_t height;
		size_t at; /* its own pair, and the one that says so of its fork */
		bool below;
		size_t below_at;
	} * events;
	uint64_t *heights; /* of the blocks: with a reorg each that the journal has */
	size_t heights_n;
	size_t n;
	struct change_pair {
		char *key, *value;
	} * at;
};

/* Rows that moved after this move (0: all), and the counter. */
void changes_read(struct changes *ret, struct journal *j, int64_t after);
void changes_release(struct changes *c);

/* All of it, the mark with it, synced; where it is there already nothing is written.
 * ret_written: keys. fails: as reorgdb_write */
NODISCARD enum err changes_write(
    const struct changes *c, struct reorgdb *db, size_t *ret_written, struct fail *f);

/* -- the other way --------------------------------------------------------- */

/* What a database has, for a journal that knows less. */
struct holdings {
	bool marked; /* by this journal, or another */
	struct record_mark mark;
	size_t anchors_n, events_n, bad_n;
	struct anchor_record *anchors;
	struct reorg_event *events;
	char first_bad[400];
};

NODISCARD enum err holdings_read(
    struct holdings *ret, struct reorgdb *db, struct fail *f);
void holdings_release(struct holdings *h);

struct adopted {
	size_t anchors, events; /* the journal has them now */
	size_t unfit;           /* anchors that are no hashes: they stay where they are */
};

/* Anchors that the journal does not know, and reorgs above its own, in the open
 * transaction. What it knows, it knows better. */
void holdings_adopt(
    struct adopted *ret, struct journal *j, const struct holdings *h, int64_t wall_ms);

#endif
