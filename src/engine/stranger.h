/* stranger.h - transactions of an account that no attempt of this journal knows.
 *
 * A consumed nonce is known by the transaction that consumed it, read whole and judged
 * (G8.2). Until the last one is read, nothing new is reserved on the account. A quorum
 * must read the same. Its place in a final block is the quorum's word as well: only then
 * it is a proof of death for an intent on its nonce (G5), unless it pays one of our
 * items.
 */
#ifndef PAWL_ENGINE_STRANGER_H
#define PAWL_ENGINE_STRANGER_H

#include "engine/engine.h"

/* A block of the trail holds a transaction that no attempt knows; past: one far below it
 * does, which is read back (past.h). */
void stranger_seen(struct runner *r, struct account *a, const struct block_facts *b,
    const struct seen_tx *tx, bool past);

/* Ask for what is not read yet; three in a finality period stop the account. */
void strangers_turn(struct runner *r, struct account *a);

/* It is said anew what is in this block: forget what one node had put there. Who reads
 * the past looks at blocks above it, too, and has no say in them. */
void strangers_disown(
    struct account *a, const struct block_facts *b, uint32_t at, bool past);

/* Is each transaction of the account in this block, which a quorum has as final, ours or
 * judged? It was told as adopted with the same facts. Else the block waits: what is not
 * judged when it is final would be forgotten with this process. */
bool strangers_read(const struct account *a, const struct block_facts *b, uint32_t at);

/* A block is final by the quorum's facts: settle what strangers consumed in it, forget
 * those that the quorum does not have. */
void strangers_final(
    struct runner *r, struct account *a, const struct block_facts *b, uint32_t at);

/* Likewise of a block that is read back: nothing of it is left to be settled. */
void strangers_past_final(
    struct runner *r, struct account *a, const struct block_facts *b);

/* Looking back, all up to here is read: forget what one node had put there. */
void strangers_past(struct account *a, uint64_t height);

/* Blocks above left the trail: their nonces are open again. */
void strangers_retracted(struct runner *r, struct account *a, uint64_t above);

#endif
