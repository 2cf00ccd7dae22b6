/* scout.h - what only the nodes know of a sender and a token, asked for in turns: has the
 * sender code, what are the token's decimals and symbol, what gas does a payment take.
 *
 * A quorum agrees on all but the gas, which one node's word will do for: what is signed
 * is bounded by the cap. Level-triggered: whoever wants to know asks again in a later
 * turn. Kept in memory for a minute; nothing of it is durable.
 */
#ifndef PAWL_SERVE_SUBMIT_SCOUT_H
#define PAWL_SERVE_SUBMIT_SCOUT_H

#include "engine/engine.h"

struct scout;

struct scouts {
	struct scout *list;
};

struct scouted {
	bool has_code; /* the sender: others may spend from it (EIP-7702) */
	unsigned decimals;
	char symbol[32]; /* "" for the native coin */
	uint64_t gas;    /* of a payment */
};

void scouts_release(struct scouts *s);

/* token: NULL for the native coin. c: is known. fails: NO_QUORUM (they are being asked),
 * INPUT (by a quorum this is no token). */
NODISCARD enum err scout_find(struct scouts *s, struct runner *r, struct chain_run *c,
    const struct address *sender, const struct address *token, struct scouted *ret,
    struct fail *f);

#endif
