/* feed.h - those who follow the journal's log of events, of all operations or of one.
 *
 * What is told is read from the journal, between two turns, so it is committed; an event
 * has the id that it has there, and who knows the last one that he heard goes on behind
 * it, in this life or another. Nothing is kept for a slow reader but two pieces: he is
 * told as fast as he reads, and dropped when he does not.
 */
#ifndef PAWL_SERVE_WATCH_FEED_H
#define PAWL_SERVE_WATCH_FEED_H

#include "serve/watch/stream.h"

struct feed;

struct feeds {
	struct world *world;
	struct journal *journal;
	TAILQ_HEAD(feed_list, feed) list;
};

void feeds_init(struct feeds *s, struct world *w, struct journal *j);
void feeds_release(struct feeds *s);
/* The process ends: who reads is told so, and where to go on. */
void feeds_stop(struct feeds *s, const char *why);

/* Takes x over, and one of the places. From the event behind `after` on, of an operation
 * (0: of all); last: the id that the header of x names, or NULL, goes before `after`, and
 * -1 is from now on. fails: USAGE, STOPPED (no place is left), CONFLICT (the journal has
 * no event of that id). */
NODISCARD enum err feeds_add(struct feeds *s, struct exchange *x, struct places *places,
    int64_t operation, int64_t after, const char *last, struct fail *f);

/* Behind a commit. */
void feeds_tell(struct feeds *s, int64_t now_ms);
/* When one is due to be told more; INT64_MAX: none. */
int64_t feeds_wake_ms(const struct feeds *s);

#endif
