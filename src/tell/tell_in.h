/* tell_in.h - inside what sends messages.
 *
 *   tell.c     who has something due, and what leaves
 *   outcome.c  what came of it
 *
 * subscriber/target.c is whom to ask next, held.c what waits for who is suspended,
 * posted.c what a chat shows, and may be rewritten.
 */
#ifndef PAWL_TELL_TELL_IN_H
#define PAWL_TELL_TELL_IN_H

#include "engine/message.h"
#include "tell/subscriber/posted.h"
#include "tell/subscriber/target.h"
#include "tell/tell.h"

#define FOLD_MAX 64 /* events in one message */

struct tell {
	struct world *world;
	struct journal *journal;
	struct channel_config channels;
	struct roster roster;
	struct bot *bot;
	size_t lane_at; /* the lane whose turn it is */
	bool look;      /* at who has something due, from the first on */
	bool looking;   /* behind `after` */
	int64_t after;  /* the subscriber that was looked at last */
	bool unready;   /* and it was said */
	bool closed;    /* a service can't be used, and it was said */
	int64_t counts[CHANNELS_MAX][TELL_OUTCOMES];
};

/* A message on its way: an effect, then a fact. */
struct sending {
	struct fact fact; /* first */
	struct tell *tell;
	struct runner *runner;
	const struct channel *channel;
	int64_t subscriber, tries;
	struct subject of; /* of the first.. */
	enum showing showing;
	int64_t notices[FOLD_MAX]; /* ..of those that it holds */
	struct subject subjects[FOLD_MAX];
	size_t n;
	char *target, *body;
	int64_t edits;
	struct verdict verdict;
};

/* -- tell.c ------------------------------------------------------------------ */

/* Something is due of it: it is asked for from then on, and not while an answer of the
 * bot's is held back. */
void tell_wait(struct tell *t, struct target *target, int64_t ready_ms);

/* -- outcome.c --------------------------------------------------------------- */

/* A fact's `take`, of a sending that was judged. */
void outcome_take(struct runner *r, struct fact *fact);
/* All that it holds is marked as accepted. */
void outcome_accepted(const struct sending *s);

#endif
