/* callers.h - who asks at the owner's socket, besides the operator: the `asks` and
 * `answered` of scenarios (life.h).
 *
 * A caller outlives the owner. What he was answered stays with him; what he only asked
 * for he looks at again, as the command line does.
 */
#ifndef PAWL_TESTS_CALLERS_H
#define PAWL_TESTS_CALLERS_H

#include "desk.h"

/* The second list is handed over, row by row, while the first one is paid; that is paused
 * once, and goes on. */
void callers_hand_over(struct stage *s, struct desk *d, struct runner *r);
void callers_handed(
    struct stage *s, const struct request *q, enum err e, const struct told *told);

/* A row is skipped, and a nonce without bytes is given back. */
#define CALLERS_SKIPPED 6
void callers_repair(struct stage *s, struct desk *d, struct runner *r);
void callers_repaired(
    struct stage *s, const struct request *q, enum err e, const struct told *told);
/* There is one: it was reserved, and its process ended. */
bool callers_may_release(const struct stage *s, struct journal *j);

#endif
