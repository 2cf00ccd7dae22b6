/* reading.h - a transaction that the operator names: whole and with its receipt, as a
 * quorum has it.
 *
 * One at a time for an account, and whoever asks for another one waits for some seconds
 * at most. The questions leave with the turns; what came of them is given out once, and
 * soon, or forgotten: nobody acts on an old reading.
 */
#ifndef PAWL_ENGINE_READING_H
#define PAWL_ENGINE_READING_H

#include "engine/engine.h"

struct reading {
	struct whole_tx tx;     /* known false: a quorum has no such transaction */
	struct receipt receipt; /* known false: it is in no block */
};

/* fails: NO_QUORUM: it is asked for, come again in a later turn. */
NODISCARD enum err reading_take(struct runner *r, struct account *a,
    const struct hash *hash, struct reading *ret, struct fail *f);

/* Each turn: ask the next node. */
void reading_turn(struct runner *r, struct account *a);
void reading_free(struct account *a);

#endif
