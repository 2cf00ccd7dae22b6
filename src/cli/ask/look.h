/* look.h - what verify reads of a chain, by the nodes' own word and a quorum of them.
 *
 * Nothing of the journal enters here but hashes and heights: hints where to look.
 */
#ifndef PAWL_CLI_ASK_LOOK_H
#define PAWL_CLI_ASK_LOOK_H

#include "cli/ask/ask.h"

/* A transaction read whole, and what it did. Zero but for tx where no block has it. */
struct looked {
	struct whole_tx tx;
	bool receipt; /* there, and of the transaction's own block */
	enum tx_status status;
	bool pays; /* it asks for a payment */
	struct payment payment;
	bool arrived; /* done, and for a token a Transfer to the recipient is in its logs
		       */
	struct amount amount; /* what arrived */
};

/* n at most CHAIN_BATCH_MAX. fails: as ask_quorum. */
NODISCARD enum err look_transactions(struct ask *a, const struct hash *hashes, uint32_t n,
    struct looked *ret, struct fail *f);

/* The blocks that the chain has at these heights; ret_known false: none yet. */
NODISCARD enum err look_blocks(struct ask *a, const uint64_t *heights, uint32_t n,
    struct hash *ret, bool *ret_known, struct fail *f);

/* The highest block that is final for a quorum of providers, each by its own head. */
NODISCARD enum err look_final(
    struct ask *a, const struct chain_config *c, uint64_t *ret_height, struct fail *f);

/* The head of a node, or its finalized block. */
extern const struct ask_question look_head_question;  /* struct head */
extern const struct ask_question look_final_question; /* struct head */

#endif
