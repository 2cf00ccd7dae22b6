/* repair.h - what the operator puts right of a row: its payment is on the chain already,
 * it shall not be paid, or its nonce is to be free again.
 *
 * Each decides and changes rows, and is refused where it could pay twice, or count a
 * payment for two rows. checked: what it went by, for the journal and for the person.
 * Row 0 is the service fee.
 */
#ifndef PAWL_ENGINE_REPAIR_H
#define PAWL_ENGINE_REPAIR_H

#include "engine/engine.h"

#define REPAIR_CHECKED_MAX 500

/* This transaction of the account is the row's payment: in a final block the row is
 * final, before that it is a watched attempt. What else of the row is live gets an empty
 * attempt. OK also where it was adopted for it before.
 * fails: NOT_FOUND (no such row, or transaction), CONFLICT;
 *        NO_QUORUM: the nodes are asked, come again in a later turn */
NODISCARD enum err repair_adopt(struct runner *r, struct operation *o, int64_t row,
    const struct hash *hash, char checked[REPAIR_CHECKED_MAX], struct fail *f);

/* The row is void from here on, and no fault: nothing of it may be live.
 * fails: NOT_FOUND, CONFLICT */
NODISCARD enum err repair_skip(struct runner *r, struct operation *o, int64_t row,
    char checked[REPAIR_CHECKED_MAX], struct fail *f);

/* Its nonce is given back, the row is pending again: no bytes of it are durable, or being
 * made.
 * fails: NOT_FOUND, CONFLICT */
NODISCARD enum err repair_release(struct runner *r, struct operation *o, int64_t row,
    char checked[REPAIR_CHECKED_MAX], struct fail *f);

/* Is a void row one that was skipped? And how many of an operation are? */
bool repair_skipped(const char *reason);
int64_t repair_skips(struct journal *j, const struct operation *o);

#endif
