/* net.h - what goes on between the nodes of a chain while its clock moves: blocks by the
 * interval, and transactions told from pool to pool.
 *
 * A pool tells all others of what it takes, and each hears of it after its own node's
 * delay. A node that is down or cut off hears and tells nothing; when it is back, it and
 * the others tell each other all they have. All of it lies in the chain's region.
 */
#ifndef PAWL_SIM_NET_H
#define PAWL_SIM_NET_H

#include "sim/chain/mempool.h"

bool sim_pool_is_apart(const struct sim_pool *p);
/* p has taken t, and the others hear of it. */
void sim_pool_tell(struct sim_pool *p, struct sim_tx *t);

/* When the next thing happens by itself; INT64_MAX: never. */
int64_t sim_chain_due_ms(const struct sim_chain *c);
/* Let all of it happen up to at_ms, each at its time. No step back. */
void sim_chain_until(struct sim_chain *c, int64_t at_ms);

#endif
