/* backlog.h - what subscribers have not got yet, asked of the journal alone.
 */
#ifndef PAWL_TELL_SUBSCRIBER_BACKLOG_H
#define PAWL_TELL_SUBSCRIBER_BACKLOG_H

#include "base/err.h"
#include "journal/journal.h"

/* What a subscriber that was suspended did not get is due again. Part of the open
 * transaction. fails: NOT_FOUND. *ret_moved: he was suspended. */
NODISCARD enum err backlog_resume(
    struct journal *j, int64_t subscriber, bool *ret_moved, struct fail *f);

/* Messages about an operation (0: about whatever) that are due, but for suspended
 * subscribers. effect: none. */
int64_t backlog_due(struct journal *j, int64_t operation);

#endif
