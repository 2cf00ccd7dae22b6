/* quorum.h - asking one node after the other, until a quorum has answered. One vote a
 * provider; nodes are bits.
 */
#ifndef PAWL_ENGINE_QUORUM_H
#define PAWL_ENGINE_QUORUM_H

#include "engine/engine.h"

/* The best node to ask next that serves our chain and was not asked yet; -1: none now,
 * *ret_at_ms says when. */
int quorum_next(struct chain_run *c, uint32_t asked, int64_t *ret_at_ms);
/* The same of any chain. */
int quorum_best(struct chain_run *c, uint32_t asked, int64_t *ret_at_ms);

/* Of rounds that ask one node after the other: fees, and what rows cost. What blocks,
 * counts and finality are is asked of every node anyway, and so is all by commands
 * (ask.h).
 *
 * Hedged: who does not answer a question of a round for longer than he is used to has
 * his turn taken by the next one, and his vote, which is nobody else's, when it comes. */
void hedge_asked(struct hedge *h, const struct chain_run *c, int node);
void hedge_heard(struct hedge *h);
/* Nothing more is to be asked yet: somebody is in time. The runner wakes when he is late.
 */
bool hedge_waits(struct runner *r, const struct chain_run *c, const struct hedge *h);

/* A round: no more nodes are asked than are sure to hold a quorum of honest answers. */
enum round_step { ROUND_WAITS, ROUND_ASKS, ROUND_ENDS };

/* What is next of one that is under way, or is to begin; hedge_waits says first whether
 * anything is. ASKS: *ret_node. WAITS: the runner wakes when a node can be asked. */
enum round_step round_next(
    struct runner *r, struct chain_run *c, const struct round *o, int *ret_node);
void round_asked(struct round *o, const struct chain_run *c, int node);
/* What a node answered to the round of this number; true: it is a vote, and o->n is to
 * grow by it. */
bool round_heard(struct runner *r, const struct chain_run *c, struct round *o, int node,
    uint32_t number, enum err err);

/* The nodes that have shown no head yet: which kind of chain theirs is, is not known. */
uint32_t quorum_headless(const struct chain_run *c);

/* The nodes that have this one's vote, itself among them: they need not be asked. */
uint32_t quorum_beside(const struct chain_run *c, int node);

#endif
