/* attempt.h - what the chain shows of our attempts. */
#ifndef PAWL_ENGINE_ATTEMPT_H
#define PAWL_ENGINE_ATTEMPT_H

#include "engine/engine.h"

/* A transaction of ours in a block of the trail. False: no attempt has this hash. */
bool attempt_seen(struct runner *r, struct account *a, const struct block_facts *b,
    const struct seen_tx *tx);

/* Blocks above left the trail. */
void attempts_retracted(struct runner *r, struct account *a, uint64_t above);

/* A block is final: settle what it consumed, by the quorum's facts. */
void attempts_final(
    struct runner *r, struct account *a, const struct block_facts *b, uint32_t at);

/* Final blocks above vanished, accepted by the operator. */
void attempts_undone(struct runner *r, struct account *a, uint64_t ancestor);

/* A stranger's transaction was read whole: journal the consumer of the nonce. */
void stranger_judge(struct runner *r, struct account *a, const struct whole_tx *tx);

#endif
