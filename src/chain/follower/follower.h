/* follower.h - one per chain: heads, reorganizations, finality.
 *
 * It polls every node, reads each new block of each node by its hash, keeps the
 * trail (height, hash, parent; dense from the last final block to the head) in the
 * journal before anybody acts on it, and compares hashes, never heights.
 *
 * What it tells (struct follower_told) is level-triggered: after a start, or when
 * other accounts are watched, the blocks above the final one are read and told again.
 * All of it is called inside a turn, with the journal open for writing.
 *
 *   adopted    a block joined the trail, with what one node says of it; again when a
 *              quorum says something else
 *   retracted  the blocks above a height left the trail
 *   may_final  a quorum has this block as final: is all known that final needs? false:
 *              it stays where it is, and the next turn asks again
 *   final      a block is final, with what a quorum says of it, whole
 *   passed     the final block moved up to a height over blocks that were not read: no
 *              count of a watched account moved in them (after a long absence)
 *   undone     final blocks above a height are none any more: a quorum left them, the
 *              chain was stopped for it, and the operator accepted it (G6)
 *
 * A fact is agreed when `quorum` providers give the same digest of the same block
 * hash; it is final when each of them shows the depth above it on its own head, or
 * its own finalized tag at or above it. A node that lags, serves another chain, forks
 * below the final block or says otherwise than the quorum of one that is final, twice of
 * it or of two of them, is left out and named (pool_leave_out) until it is well again.
 */
#ifndef PAWL_CHAIN_FOLLOWER_FOLLOWER_H
#define PAWL_CHAIN_FOLLOWER_FOLLOWER_H

#include "chain/chain.h"
#include "chain/config.h"
#include "chain/pool/pool.h"
#include "journal/journal.h"
#include "world/world.h"

struct follower;

struct follower_told {
	void *ctx;
	void (*adopted)(void *ctx, const struct block_facts *b);
	void (*retracted)(void *ctx, uint64_t above);
	bool (*may_final)(void *ctx, const struct block_facts *b);
	void (*final)(void *ctx, const struct block_facts *b);
	void (*passed)(void *ctx, uint64_t height);
	void (*undone)(void *ctx, uint64_t ancestor);
};

struct follower_setup {
	const struct chain_config *config;
	const struct connector *connector;
	struct pool *pool;
	struct world *world;
	/* NULL: one that looks back. It keeps nothing, and its trail begins at `start` on
	 * the chain of this genesis. */
	struct journal *journal;
	struct hash genesis;
	uint64_t start;
	struct follower_told told;
	/* Queue a request; it leaves after the commit (or never: then done is not called
	 * and the turn was dropped with everything cached). */
	void (*ask)(
	    void *ctx, int node, struct buf *body, pool_done_fn *done, void *done_ctx);
	void *ask_ctx;
};

struct follower *follower_new(const struct follower_setup *s);
void follower_free(struct follower *f);
/* Nothing that it asked is under way: it can be freed before its world. */
bool follower_idle(const struct follower *f);

/* The journal's row of this chain; 0 until a quorum told chain id and genesis. */
int64_t follower_chain(const struct follower *f);
const struct hash *follower_genesis(const struct follower *f); /* once it has a chain */

/* Whom to watch; a changed set reads the blocks above the final one again. Copied. A
 * count is that of a final block of the past; an account without one has nothing to miss
 * in blocks before it is seen first. */
void follower_watch(struct follower *f, const struct watched *w, uint32_t n);

/* Whether each block is wanted with all of its transactions (block_facts.every): for who
 * follows some by their hash, whoever sends them. A change reads the blocks above the
 * final one again, and has `adopted` told of each again; so when they are wanted no
 * more, they are told for another 256 blocks, lest it be done for each that is followed.
 *
 * While it is wanted, each block that is told as adopted or final has them. None above
 * the final block is left unread because no watched account moved in it, and none where
 * nobody is watched. Not told with them, and to be looked up by who follows hashes:
 *   - what is at or below the final block that this journal has when it is wanted first
 *   - after a long absence (more than 256 final blocks), what is at or below the height
 *     that `passed` tells
 *   - what a chain says for itself, from the zero address
 * Per new block and node that is one request, as without it, where the node has
 * eth_getBlockReceipts, and else the block and its receipts, `batch` of them a request.
 */
void follower_every(struct follower *f, bool wanted);

/* Take what the nodes said since the last turn, move the trail, tell, and queue the
 * next requests. */
void follower_turn(struct follower *f);

/* When it wants the next turn, if nothing arrives before (monotonic). */
int64_t follower_wake_ms(const struct follower *f);

bool follower_head(const struct follower *f, struct head *ret); /* of the trail */
/* The one that this node showed last; false: none yet. */
bool follower_shown(const struct follower *f, int node, struct head *ret);
bool follower_final(const struct follower *f, struct head *ret);
uint64_t follower_depth(
    const struct follower *f); /* as many blocks as finality is deep */

/* The highest block of the trail up to which a quorum agrees on the facts of each; NULL:
 * none yet, or far behind. Borrowed until the next turn. */
const struct block_facts *follower_agreed(const struct follower *f);

/* Above it is a block of the trail of which nobody has said yet in this life what is in
 * it, or several have, and not the same, or too few for a quorum have, by its counts or
 * without its state: what was done there may not be told. */
bool follower_unsettled(const struct follower *f);

/* What is told of a block of the trail, by a quorum or as yet by one node; NULL: it is
 * not in the trail, or not read. Borrowed until the next turn. */
const struct block_facts *follower_block(
    const struct follower *f, const struct hash *hash, uint64_t height);

/* Which block of the chain is at this height: of the trail, and of final blocks as far as
 * they are kept. */
bool follower_kept(struct follower *f, uint64_t height, struct hash *ret);

/* The highest height that the heads of a quorum have reached: what is still to be read
 * lies between the agreed block and this. */
uint64_t follower_quorum_height(const struct follower *f);

/* What it waits for, for status; NULL: nothing. Static or owned by f. */
const char *follower_waits_for(const struct follower *f);
/* Nodes that failed several times in a row, and why; NULL: none. Only for people. */
const char *follower_trouble(const struct follower *f);
bool follower_silent(const struct follower *f); /* and the others are no quorum */

bool follower_stopped(const struct follower *f);

/* The operator's resume after `undone`: back to the common ancestor, or, where a quorum
 * has none of the blocks that are kept, to one far below them all (told as retracted and
 * undone), and on from there. OK also when nothing was stopped.
 * fails: NO_QUORUM  no quorum shows such a block (yet) */
NODISCARD enum err follower_accept(struct follower *f, struct fail *fail);
/* While `undone` is told: the block far below, where it is that one. */
bool follower_anew(const struct follower *f, struct head *ret);

/* Does this node serve our chain, as it said when it was asked last? Nothing that is
 * signed may go to another. */
bool follower_knows(const struct follower *f, int node);
/* "serves chain id 5, not 1", as it said when it was asked last; NULL: it did not. */
const char *follower_stranger(const struct follower *f, int node);

/* Whether these nodes (a bit each) make a quorum: one vote a provider. */
bool follower_quorum(const struct follower *f, uint32_t nodes);

/* Which nodes saw the final block this way: "host:port, host:port", for proofs. */
void follower_witnesses(
    const struct follower *f, const struct block_facts *b, char *out, size_t len);

#endif
