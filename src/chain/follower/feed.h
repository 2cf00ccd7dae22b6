/* feed.h - the blocks of a chain in their order, for who keeps a trail of his own.
 *
 * He has heights and hashes in tables of his own, and says what he has; he is told what
 * to add and what to take back, so that what he has is what a quorum agrees on, and each
 * block that is told stands on the one below it. It is level-triggered: nothing is kept
 * here, and after a start, or a turn that was dropped, it goes on from what he has.
 *
 * All of it is called inside a turn, with the journal open for writing, so that what he
 * has moves with the follower's own trail. Nobody else may call follower_every for this
 * chain.
 */
#ifndef PAWL_CHAIN_FOLLOWER_FEED_H
#define PAWL_CHAIN_FOLLOWER_FEED_H

#include "chain/follower/follower.h"

struct feed {
	void *ctx;
	/* The highest block that he has; false: none yet, and he begins with whichever
	 * is told first. */
	bool (*top)(void *ctx, uint64_t *ret_height);
	bool (*at)(void *ctx, uint64_t height, struct hash *ret);
	/* The quorum has other blocks in place of those above; told before these. */
	void (*removed)(void *ctx, uint64_t above);
	/* These are the chain's, and nobody read what is in them: the chain was followed
	 * without him. They are not told otherwise. The hash of the highest. */
	void (*missed)(void *ctx, uint64_t from, uint64_t to, const struct hash *hash);
	/* With all of its transactions. */
	void (*added)(void *ctx, const struct block_facts *b);

	/* Where what he has begins, or is to begin again. false: nowhere yet. A final
	 * block below is compared with nothing, and only told as `below`. */
	bool (*begins)(void *ctx, uint64_t *ret_height);
	void (*below)(void *ctx, const struct block_facts *b);
	/* The quorum's branch parts from his at a height that nobody knows: this block is
	 * its, and none of his from `lowest` on is. What lies between is told anew. */
	void (*lost)(void *ctx, const struct head *h, uint64_t lowest);
};

/* Behind the follower's turn: a watcher's `turn` (engine.h). */
void feed_turn(const struct feed *feed, struct follower *f);

/* A watcher's `final`: a block may become final in the turn in which it is read. */
void feed_final(const struct feed *feed, struct follower *f, const struct block_facts *b);
/* A watcher's `undone`. */
void feed_undone(const struct feed *feed, struct follower *f, uint64_t ancestor);

#endif
