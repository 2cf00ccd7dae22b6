/* past.h - what an account did before the journal knew it.
 *
 * When an account is used first and its count is not 0, the last `lookback` blocks are
 * read back, by a follower of their own that keeps nothing, and each transaction of the
 * account in them is read whole and judged as any stranger (stranger.h). Until that is
 * done nothing is reserved on the account. What lies below is not known, and said; a
 * life with a larger lookback reads on there.
 *
 * Being killed meanwhile costs the reading: the next start begins it again.
 */
#ifndef PAWL_ENGINE_PAST_H
#define PAWL_ENGINE_PAST_H

#include "engine/engine.h"

/* Level-triggered; a->past_known when it is done. */
void past_turn(struct runner *r, struct account *a);
void past_free(struct account *a);

/* Is all known that the account did, up to now? */
bool past_read(const struct account *a);
/* Payments of it that no item knows: what a plan is compared with. */
int64_t past_payments(struct journal *j, int64_t account);

/* How far it is, for people: "" when it is done. */
const char *past_says(const struct account *a);

/* Nonces below the journal's first that no transaction is known for. */
uint64_t past_unread(struct journal *j, int64_t account);

#endif
