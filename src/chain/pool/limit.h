/* limit.h - what providers of nodes say of their limits, by the host of a URL.
 *
 * One table (limits.def). It is what they grant without a contract: who has one says his
 * own `rate` in the config. A host that is not in it has no limit until it answers 429.
 */
#ifndef PAWL_CHAIN_POOL_LIMIT_H
#define PAWL_CHAIN_POOL_LIMIT_H

#include "chain/pool/bucket.h"

/* rate and burst are the config's, in calls a second and calls; 0: not said there. A rate
 * without a burst has a second of it; a burst without a rate means nothing. */
struct rate limit_of(const char *url, int rate, int burst);

#endif
