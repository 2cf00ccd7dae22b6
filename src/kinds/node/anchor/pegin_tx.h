/* pegin_tx.h - the transactions of peg-ins, and the blocks that have them: as the journal
 * has them.
 *
 * What a peg-in comes from is a transaction on Bitcoin. Each that the state names has a
 * row here; blocks that a quorum agreed on say where it is, and a reorg that takes its
 * block says that none has it now. That it was seen once is never forgotten: from then on
 * blocks alone say how deep it is, and nobody's word does (state/pegins.c).
 */
#ifndef PAWL_KINDS_NODE_ANCHOR_PEGIN_TX_H
#define PAWL_KINDS_NODE_ANCHOR_PEGIN_TX_H

#include "chain/chain.h"
#include "journal/journal.h"
#include "kinds/node/snapshot/state.h"

struct pegin_tx {
	bool seen; /* a block had it, this high.. */
	uint64_t height;
	bool in_block; /* ..and has it still: this one */
	struct hash block;
};

/* false: it is no transaction of a peg-in. tx: as nodes print it. */
bool pegin_tx_get(struct journal *j, struct l2_bytes tx, struct pegin_tx *ret);
/* A peg-in names it: the blocks at hand are to be asked for it. What no node could print
 * is in no block. */
void pegin_tx_want(struct journal *j, struct l2_bytes tx);

/* -- what blocks say ------------------------------------------------------- */

void pegin_txs_added(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n);
void pegin_txs_removed(struct journal *j, uint64_t above);

/* At this height is this block, whatever was read before. */
void pegin_txs_replaced(struct journal *j, uint64_t height, const struct hash *hash);

/* Those that came behind the blocks that are at hand: are there any, and which. */
bool pegin_txs_wanted(struct journal *j);
struct pegin_wanted *pegin_wanted_new(struct journal *j);
bool pegin_wanted_has(const struct pegin_wanted *w, const struct hash *txid);
void pegin_wanted_free(struct pegin_wanted *w);
/* These blocks were looked through. */
void pegin_txs_looked(struct journal *j);

/* -- whether it may be minted ---------------------------------------------- */

struct bitcoin_final {
	bool followed;    /* this journal follows a chain, or did */
	bool stopped;     /* a final block of it vanished, and nobody accepted that */
	bool unshown;     /* no quorum of its nodes showed what is final, last */
	int64_t shown_ms; /* wall clock: when one showed it; 0: none has yet */
	bool behind;      /* that chain is read no more as far as it is final */
	bool has_height;  /* blocks are final.. */
	uint64_t height;  /* ..up to this one */
};

void bitcoin_final(struct journal *j, struct bitcoin_final *ret);

#endif
