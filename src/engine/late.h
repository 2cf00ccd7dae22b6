/* late.h - an account that the journal comes to know after its doubt.
 *
 * A life that the journal has forgotten may have used it too, and its bytes be in a pool.
 * So it begins in doubt, where the chain or a node's pool shows that it ever sent
 * something, or a node does not show all that waits there; else there is nothing to
 * settle, and no fence to pay for. That goes for each account that is used first, until a
 * restore is said to be of the latest.
 */
#ifndef PAWL_ENGINE_LATE_H
#define PAWL_ENGINE_LATE_H

#include "engine/engine.h"

/* Level-triggered, once its count is known, and before its past is (past.h): nothing is
 * reserved until then. false: not yet, nodes are asked. */
bool late_judged(struct runner *r, struct account *a);

#endif
