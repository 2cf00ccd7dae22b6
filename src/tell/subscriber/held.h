/* held.h - what is not sent to who is suspended, and is due again when he is resumed.
 *
 * A backlog moves in steps, one a turn, its first message first: a turn is over soon
 * however much there is. The rest is found by the journal alone, in this life or the
 * next: what is due of who is suspended, or of who is back by a part. Nothing is sent to
 * him meanwhile, so that the order holds. Part of the open transaction.
 */
#ifndef PAWL_TELL_SUBSCRIBER_HELD_H
#define PAWL_TELL_SUBSCRIBER_HELD_H

#include <stdbool.h>

#include "journal/sql.gen.h"

#define HELD_STEP 1000

/* Nothing more is sent there; what is due of him is to be looked at. */
void held_suspend(struct journal *j, int64_t subscriber, const char *why);
/* He was suspended, and gets what he missed: the first step of it. */
void held_resume(struct journal *j, int64_t subscriber);

/* The next step of one that has something due. *ret_moved: so many messages did. true:
 * there is none. */
bool held_step(
    struct journal *j, const struct sql_message_due_next_out *row, int64_t *ret_moved);

#endif
