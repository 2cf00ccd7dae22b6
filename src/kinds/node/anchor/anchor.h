/* anchor.h - anchors of a layer 2 on Bitcoin, the blocks that they are in, and reorgs: as
 * the journal has them.
 *
 * The journal is the truth of it; the reorg database is told of it afterwards
 * (reorgdb/mirror.h).
 * An anchor is a root of the state whose payload's hash is in a transaction of the chain,
 * or is to be. What moves it are blocks that a quorum agreed on:
 *
 *   a block has its transaction      it counts the blocks from that one on
 *   so many as confirm it are there  PENDING becomes CONFIRMED, and stays so
 *   that block leaves the chain      INVALIDATED_REORG, whatever it was
 *   a block has it again             PENDING, and counted from there
 *   none had it for long             PENDING becomes FAILED_ORPHANED, until one has
 *
 * A reorg is one row with the anchors that it invalidated, in the commit in which these
 * move. How deep one may be is the finality of the chain: a deeper one stops the chain
 * (follower.h), and nothing here moves until an operator has accepted it.
 *
 * Times are by the wall, and decide one thing: when an anchor that was broadcast, and is
 * in no block, is called orphaned. Nothing is sent for it, and a block that has it says
 * otherwise.
 */
#ifndef PAWL_KINDS_NODE_ANCHOR_ANCHOR_H
#define PAWL_KINDS_NODE_ANCHOR_ANCHOR_H

#include "chain/chain.h"
#include "journal/journal.h"
#include "kinds/node/anchor/reorg.h"

#define ANCHOR_CONFIRMS 6  /* blocks, its own included */
#define ANCHOR_COUNTED 100 /* blocks are counted up to there: a peg-out takes as many */
#define ANCHOR_PENDING_MS INT64_C(3600000)
#define ANCHOR_BLOCKS_KEPT 1000
#define ANCHOR_PAYLOAD_MAX 65536
#define ANCHOR_STATUS_LIST 5 /* of node_status: those of the state are lists of it */

struct anchor {
	int64_t id;
	struct hash hash, root;
	bool own;      /* of a state of this journal; else a reorg database had it */
	int status;    /* states.def, ANCHOR */
	bool has_txid; /* else it waits for its transaction */
	struct hash txid;
	int64_t made_ms, broadcast_ms; /* 0: it was not */
	int64_t retries;
	bool has_height; /* a block had it.. */
	uint64_t height;
	bool in_block; /* ..and has it still: this one */
	struct hash block_hash;
	uint64_t confirmations;
	int64_t change; /* by which it came; 0: by none, or that is not known */
};

/* All that is known of it, in the open transaction; one that is there stays as it is.
 * payload: what its hash is of; NULL: it is known by its hash alone. The id; 0: the
 * journal is numb. */
int64_t anchor_add(
    struct journal *j, const struct anchor *a, const void *payload, size_t len);
/* This transaction carries it, and was broadcast. */
void anchor_broadcast(
    struct journal *j, struct anchor *a, const struct hash *txid, int64_t wall_ms);

bool anchor_read(struct journal *j, int64_t id, struct anchor *ret);
bool anchor_find(struct journal *j, const struct hash *hash, struct anchor *ret);
/* Does a block have it: one that was read, or one that was too old for that, by the word
 * of the reorg database which it was taken over from? */
bool anchor_stands(const struct anchor *a);

/* Is it one that no block has (any more), and nobody waits for: INVALIDATED_REORG or
 * FAILED_ORPHANED? */
bool anchor_is_lost(const struct anchor *a);
/* How many of these there are. */
int64_t anchors_lost_n(struct journal *j);

/* The newest one of a state that is of use: PENDING or CONFIRMED, and its payload is
 * root and time alone. */
bool anchor_of_root(struct journal *j, const struct hash *root, struct anchor *ret);

/* How many there are, whatever became of them: each is of a state that had a snapshot. */
int64_t anchors_n(struct journal *j);

/* The state becomes one of this root: anchors of states that came later are of none that
 * it will have. *ret_waiting of them wait for a transaction; give_up: these become
 * FAILED_ORPHANED, so that nobody sends one. How many there are. */
typedef bool anchor_is_later_fn(void *ctx, const struct anchor *a);
size_t anchors_leave(struct journal *j, const struct hash *root,
    anchor_is_later_fn *is_later, void *ctx, bool give_up, size_t *ret_waiting);

/* -- what blocks say: the answers that feed.h of the follower wants, one chain's -------
 */

/* The chain that the node's heights are of, by the journal's id. false: they are of
 * another one, and nothing may be told of this. */
bool anchors_chain(struct journal *j, int64_t chain);
/* The first block of that chain. false: none is known yet. */
bool anchors_genesis(struct journal *j, struct hash *ret);

bool anchors_top(struct journal *j, uint64_t *ret_height);
bool anchors_at(struct journal *j, uint64_t height, struct hash *ret);
/* A reorg: what stands above this height is the chain's no more. */
void anchors_removed(
    struct journal *j, uint64_t above, int64_t wall_ms, struct reorg *ret);
/* The same where the fork is not known: the block at `above` is the chain's, none from
 * `lowest` on is, and nothing is known of those between. Anchors above it are in no block
 * until one has them again. */
void anchors_lost(struct journal *j, uint64_t above, uint64_t lowest, int64_t wall_ms,
    struct reorg *ret);
/* No block below this height is kept. false: there is none yet, nor was one. */
bool anchors_begin(struct journal *j, uint64_t *ret_height);
/* The block on which the next one stands: its hash alone, where nobody read it, so that
 * it is known where a reorg began. */
void anchors_base(struct journal *j, uint64_t height, const struct hash *hash);
/* This block is the highest; its transactions, n of them. */
void anchors_added(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n);
/* The same of a block below the highest, which nobody had read. */
void anchors_late(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n);
/* Below the highest, this block is in the place of the one that was read: a reorg of
 * before, by its number, or a new one (NULL). Its number. */
int64_t anchors_replaced(struct journal *j, uint64_t height, const struct hash *hash,
    const int64_t *reorg, int64_t wall_ms);
/* The transactions of a block below all that are kept. */
void anchors_below(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n);
/* The same of a block that it has, for anchors that came later. */
void anchors_again(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n);
/* There are some that were broadcast, and are in no block. */
bool anchors_wait(struct journal *j);
/* Who is in no block for too long. */
void anchors_turn(struct journal *j, int64_t wall_ms);

/* -- for the reorg database ------------------------------------------------ */

/* Each move of a row has a number, the next higher; the highest so far, and the next. */
int64_t anchors_moves(struct journal *j);
int64_t anchors_move(struct journal *j);

#endif
