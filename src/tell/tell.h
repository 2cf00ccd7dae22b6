/* tell.h - messages that are due are sent, until they are accepted (G9).
 *
 * A part of the turn: what is due becomes a request in the runner's outbox, so that it
 * leaves behind the commit, and its outcome is a fact of a later turn. Each try is
 * counted before it leaves, as one of which nobody knows the answer, and counted back
 * when there is one. One message at a time to a subscriber, in the order in which they
 * were decided; whoever does not answer delays nobody else. Lives and ends with one
 * runner: world, runner, then this.
 */
#ifndef PAWL_TELL_TELL_H
#define PAWL_TELL_TELL_H

#include "engine/engine.h"
#include "tell/bot/bot.h"
#include "tell/channel/channel.h"

struct tell;

struct tell *tell_new(
    struct world *world, struct journal *journal, const struct channel_config *channels);
void tell_free(struct tell *t); /* NULL is fine */

/* Commands of chats are taken from now on, by these rules (bot.h). */
void tell_lend(
    struct tell *t, const struct bot_rules *rules, const struct bot_face *face);

/* A runner's `tell` (engine.h). */
void tell_turn(void *tell, struct runner *r);

/* What the channels need is another; what is on its way keeps what it had. */
void tell_channels(struct tell *t, const struct channel_config *channels);

/* What came of requests, in this life, for people. */
enum tell_outcome {
	TELL_ACCEPTED,
	TELL_REFUSED, /* not now, or not so: it is sent again */
	TELL_UNKNOWN, /* it may have arrived, and is sent again */
	TELL_GONE,
	TELL_OUTCOMES
};

/* A runner's; NULL: it tells nobody. */
const struct tell *tell_of(const struct runner *r);
int64_t tell_count(const struct tell *t, int channel, enum tell_outcome outcome);

/* So many are on their way. */
int tell_busy(const struct tell *t);

#endif
