/* shape.h - blocks, transactions and receipts as JSON, with the members that geth
 * sends. What pawl does not read (roots, blooms) is there too, as zeros, unless the
 * chain is lean. */
#ifndef PAWL_SIM_SHAPE_H
#define PAWL_SIM_SHAPE_H

#include "base/buf.h"
#include "sim/chain/sim_chain.h"

/* How a node tells it: block 0 and status words may be lies. */
struct sim_slant {
	bool other_genesis, flipped, lean;
	uint64_t base_fee; /* of every block; 0: the truth */
};

/* b NULL: zeros, as the parent of block 0. */
struct hash sim_told_hash(const struct sim_block *b, struct sim_slant slant);
void sim_shape_u64(struct buf *out, uint64_t v); /* "0x1f", with its quotes */
void sim_shape_amount(struct buf *out, const struct amount *a);
void sim_shape_bytes(struct buf *out, const void *data, size_t len);
void sim_shape_block(
    struct buf *out, const struct sim_block *b, bool whole, struct sim_slant slant);
/* i NULL: it waits in the pool. */
void sim_shape_tx(struct buf *out, const struct sim_tx *t, const struct sim_inclusion *i);
void sim_shape_receipt(
    struct buf *out, const struct sim_inclusion *i, struct sim_slant slant);

#endif
