/* fees.h - what a transaction costs, as it is told to whoever asks: one object a chain.
 *
 * {"chain","block","age_s","stale","nodes","behind","blocks","base_fee","buffer_percent",
 * "slow","normal","fast","hours"}: a level is {"tip","price","max_fee","cost"}, and cost
 * is {"transfer","token","bridge"} at its max_fee. All amounts are text, in base units.
 */
#ifndef PAWL_SERVE_FEES_H
#define PAWL_SERVE_FEES_H

#include <jansson.h>

#include "engine/quotes.h"

/* hours: QUOTE_HOURS of them; those that are not known are left out. */
json_t *fees_encode(const char *chain, const struct quote *q,
    const struct fee_hour *hours, int64_t wall_ms);

/* All chains that the runner follows, as {"fees":[..]}; where nothing was heard yet,
 * {"chain","waits_for"}. */
void fees_all_encode(struct buf *out, struct runner *r);

#endif
