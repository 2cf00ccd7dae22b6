/* missed.h - blocks that a node of a layer 2 has not read, and is to: as the journal has
 * them.
 *
 * A chain is followed on while nobody wants what is in its blocks, and passed over where
 * it is long; and a peg-in may name a block of before. Such blocks are kept here as runs
 * and read again (again.h), from the highest one down. Its hash is that of a block that a
 * quorum agreed on; each one's header names the one below, and its list is that of its
 * header: so one node is enough, and can't tell of other blocks.
 *
 * Where the lowest one does not stand on the block that was read before it, that one is
 * of a dead branch: the run goes on below, until it stands on one that is known.
 */
#ifndef PAWL_KINDS_NODE_ANCHOR_MISSED_H
#define PAWL_KINDS_NODE_ANCHOR_MISSED_H

#include "chain/chain.h"
#include "journal/journal.h"

/* So far below what was read somebody may ask for blocks. */
#define MISSED_BELOW_MAX 10000

struct missed_run {
	uint64_t top, bottom;
	struct hash hash; /* of the one at top, which is read next */
	bool has_reorg;
	int64_t reorg;
};

/* The one to be read next; false: there is none. */
bool missed_next(struct journal *j, struct missed_run *ret);
/* Blocks above this height are to be read, so it may yet be of a dead branch. */
bool missed_above(struct journal *j, uint64_t height);
/* Nobody read these; the hash of the highest. */
void missed_add(struct journal *j, uint64_t from, uint64_t to, const struct hash *hash);
/* A reorg: those above are the chain's no more. */
void missed_removed(struct journal *j, uint64_t above);
/* The same where the fork is not known: the highest block that is the chain's. What was
 * to be read below it is still. */
void missed_lost(struct journal *j, uint64_t above, const struct hash *hash);
/* A block that somebody names is to be read, and all between it and what was read.
 * fails: INPUT (it is too far below, or nothing was read yet) */
NODISCARD enum err missed_want(struct journal *j, uint64_t height, struct fail *f);

/* The highest one of the run was read: the block below it, and its transactions. */
void missed_read(struct journal *j, const struct missed_run *run,
    const struct hash *parent, const struct hash *txids, size_t n, int64_t wall_ms);

#endif
