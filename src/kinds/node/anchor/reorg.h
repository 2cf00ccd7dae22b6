/* reorg.h - reorgs of the chain that the anchors are on: as the journal has them.
 *
 * A row is one reorg: the lowest height that is known to have another block now, and how
 * many blocks are known to have given way. What stood below is known as a rule, for the
 * fork is found by comparing hashes. Where it is not, for none of the blocks that the
 * journal had is the chain's any more, the fork may lie further down: it was that deep at
 * least, and no block below is said to have changed. Blocks are kept from that height on
 * again.
 *
 * All in the open transaction.
 */
#ifndef PAWL_KINDS_NODE_ANCHOR_REORG_H
#define PAWL_KINDS_NODE_ANCHOR_REORG_H

#include "chain/chain.h"
#include "journal/journal.h"

struct reorg {
	int64_t number;
	uint64_t height; /* the lowest that is known to have another block */
	uint64_t deep;   /* so many blocks are known to have given way; 0: not counted */
	bool below;      /* the fork may lie further down */
};

/* The blocks above this height, of which there are some, are the chain's no more. Where
 * nothing came yet in place of those that the newest one took, that goes further down. */
void reorg_add(struct journal *j, uint64_t above, int64_t wall_ms, struct reorg *ret);
/* At this height is another block than was read; the newest reorg, or that of this
 * number. Its number. */
int64_t reorg_replace(struct journal *j, uint64_t height, const struct hash *hash,
    const int64_t *number, int64_t wall_ms);
/* It was followed down to its height, and nothing known stands below. */
void reorg_unfounded(struct journal *j, int64_t number);
/* This block came: in place of what the newest one took, or, where it was read late, one
 * before those that came above it? */
void reorg_settle(struct journal *j, uint64_t height, const struct hash *hash);

/* Nothing is kept since the newest one, whose fork is not known: from this height on
 * blocks were. */
bool reorg_waits(struct journal *j, uint64_t *ret_height);

#endif
