/* tally.h - which nodes say the same of a transaction, whatever others say in between.
 *
 * Kept for each node is the hash of what it said last, over all that decides: what a
 * quorum says alike is then what the one says who completes it. Who says something else
 * takes nobody's vote but his own back.
 */
#ifndef PAWL_ENGINE_TALLY_H
#define PAWL_ENGINE_TALLY_H

#include <stdint.h>

#include "chain/chain.h"
#include "chain/pool/pool.h"

struct tally {
	uint32_t readers; /* who has said anything; bits, as all sets of nodes */
	uint8_t said[POOL_NODES_MAX][32];
};

/* A node says this, and no longer what it said before: all who say so, itself too.
 * receipt NULL: nobody was asked for it. */
uint32_t tally_add(
    struct tally *t, int node, const struct whole_tx *tx, const struct receipt *receipt);

#endif
