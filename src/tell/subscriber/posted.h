/* posted.h - rows of what was sent: which message of a chat tells of a subject, and
 * where a subscriber is now. Part of the open transaction.
 */
#ifndef PAWL_TELL_SUBSCRIBER_POSTED_H
#define PAWL_TELL_SUBSCRIBER_POSTED_H

#include "engine/message.h"
#include "tell/channel/channel.h"

/* The one that later milestones rewrite; 0: none. */
int64_t posted_get(struct journal *j, int64_t subscriber, const struct subject *of);
void posted_forget(struct journal *j, int64_t subscriber, const struct subject *of);
/* A message that told of these n subjects was accepted; message: its number there, or 0
 * where the service does not say it. */
void posted_keep(struct journal *j, int64_t subscriber, const struct subject *of,
    size_t n, enum showing how, int64_t message);

/* The answer to a command was accepted: its rows go, so that questions fill no journal.
 */
void answer_forget(struct journal *j, int64_t notice);

/* The target has another name now. Where another subscriber has that already, he hears
 * of what this one heard, and gets what this one did not; this one is suspended. */
void subscriber_follow(
    struct journal *j, int64_t subscriber, const char *channel, const char *to);

#endif
