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

/* The nodes that have shown no head yet: which kind of chain theirs is, is not known. */
uint32_t quorum_headless(const struct chain_run *c);

/* The nodes that have this one's vote, itself among them: they need not be asked. */
uint32_t quorum_beside(const struct chain_run *c, int node);

#endif
