/* changes.h - what is asked of the state of a layer 2 (kinds/node/state/book.h). */
#ifndef PAWL_SERVE_COMMAND_CHANGES_H
#define PAWL_SERVE_COMMAND_CHANGES_H

#include "base/buf.h"
#include "serve/command/command.h"

/* All lines, or none: what fails is dropped by the caller with its savepoint. ret->fresh
 * and known. fails: INPUT, CONFLICT, TOO_BIG (with the line); NO_QUORUM, it is being
 * looked up, ask again. */
NODISCARD enum err changes_do(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f);

/* What was told of changes once: is it so still? fails: CONFLICT, a restore took them
 * back, or another state may be without them, and who sends them again is not told that
 * they are done. */
NODISCARD enum err changes_stand(
    struct journal *j, const struct told *told, struct fail *f);

/* What is there in all, as one object. */
void changes_encode(struct buf *out, struct journal *j);

#endif
