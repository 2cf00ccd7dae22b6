/* stream.h - those who follow an operation, until it does not go on by itself.
 *
 * They are told between two turns, so only of what is committed. Each way in has places
 * of its own for them: who watches keeps no command out.
 */
#ifndef PAWL_SERVE_WATCH_STREAM_H
#define PAWL_SERVE_WATCH_STREAM_H

#include <sys/queue.h>

#include "serve/command/command.h"
#include "world/server.h"

struct stream;

struct places {
	unsigned n, max;
};

struct streams {
	struct world *world;
	struct journal *journal;
	const struct serve_face *face;
	LIST_HEAD(stream_list, stream) list;
};

void streams_init(
    struct streams *s, struct world *w, struct journal *j, const struct serve_face *face);
void streams_release(struct streams *s); /* who listens is told nothing */

/* Takes x over, and one of the places (which outlive it); its head leaves when something
 * is told. fails: STOPPED, when none is left. */
NODISCARD enum err streams_add(struct streams *s, struct exchange *x,
    struct places *places, int64_t operation, struct fail *f);

/* Behind a commit. */
void streams_tell(struct streams *s, struct runner *r, int64_t now_ms);
/* The process ends: so all are told, and so they end. Who follows from another process
 * goes on by itself. */
void streams_stop(struct streams *s, const char *why);
/* When one is due to be told again; INT64_MAX: none. */
int64_t streams_wake_ms(const struct streams *s);

#endif
