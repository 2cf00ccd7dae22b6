/* fence.h - the kind `fence`: what settles the doubt of an account.
 *
 * A journal that may be older than what was sent (engine/doubt.h) can't know which
 * payloads are out on nonces that it never gave. So each nonce that could have one, all
 * below `below`, must be consumed in a final block, and its consumer judged. Forgotten
 * bytes that move are left to win by themselves. When the count stands still, the nonces
 * that nothing of ours is on get empty attempts.
 *
 * A fence has no items, and can't be cancelled. The engine begins it, and its price is
 * said before it signs: above the chain's fence_max_fee it waits for the operator.
 */
#ifndef PAWL_KINDS_FENCE_H
#define PAWL_KINDS_FENCE_H

#include "engine/engine.h"

struct fence_facts {
	uint64_t below; /* every nonce below it must be consumed */
	char why[WAITS_MAX];
	bool reopened; /* in this life: it was whole once */
	bool has_accepted;
	struct amount asked, accepted; /* of the operator, in fees */
};

/* false: it is no fence. */
NODISCARD bool fence_read(struct journal *j, int64_t operation, struct fence_facts *ret);

extern const struct kind kind_fence;

#endif
