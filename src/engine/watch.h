/* watch.h - whom the follower of a chain watches, and who hears what it tells. */
#ifndef PAWL_ENGINE_WATCH_H
#define PAWL_ENGINE_WATCH_H

#include "engine/engine.h"

/* Its accounts hear first, then the runner's `blocks`. */
struct follower_told watch_told(struct chain_run *c);

/* Each account, once for each token that it pays in: what it watched before is forgotten,
 * and what an account knows of the agreed block is read anew. */
void watch_put(struct runner *r, struct chain_run *c);

#endif
