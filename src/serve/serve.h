/* serve.h - the owner's side of its socket, and of the HTTP API.
 *
 * What is asked becomes a fact of the next turn: it is decided there, and the answer is
 * an effect that leaves behind the commit, as everything does. Streams tell what was
 * committed, between two turns. The caller owns all that it passes, and takes the
 * turns; before there is a runner, who asks waits.
 */
#ifndef PAWL_SERVE_SERVE_H
#define PAWL_SERVE_SERVE_H

#include "serve/command/command.h"
#include "serve/door/door.h"
#include "serve/door/gate.h"
#include "serve/door/listener.h"

struct serve;
struct l2_figures; /* kinds/node/watch/watch.h */

struct serve_setup {
	struct world *world; /* the production world */
	struct journal *journal;
	const struct door *door; /* open; NULL: only TCP */
	const struct serve_face *face;
	/* TCP, besides, behind its gate; NULL: none. Whatever comes there takes no place
	 * that a client of the socket needs. */
	const struct listener *listener;
	struct gate *gate;
	const char *version;   /* of the program */
	int64_t since_wall_ms; /* when this life began */
	/* Of the journal's file system, in bytes. NULL: not known. */
	void (*disk)(void *ctx, int64_t *ret_free, int64_t *ret_size);
	void *disk_ctx;
	/* Of the node of a layer 2. NULL, or it gives NULL: it is none. */
	const struct l2_figures *(*node)(void *ctx);
	void *node_ctx;
};

/* fails: SYSTEM. */
NODISCARD enum err serve_open(
    struct serve **ret, const struct serve_setup *s, struct fail *f);
/* Before the world and the runner are freed; NULL is fine. Who waits is told nothing. */
void serve_close(struct serve *s);

/* Before a turn: what was asked is among its facts. */
void serve_turn(struct serve *s, struct runner *r);
/* Behind its commit: streams, and what it tells of itself (vitals.def). */
void serve_tell(struct serve *s, struct runner *r);
/* Of a turn that found the disk full, in which nothing can be decided: who asks how it is
 * is told so. */
void serve_full(struct serve *s, const char *why);
/* The process ends: nobody new is let in, streams end with a word. What was asked is
 * answered by further turns; the caller closes door and listener. */
void serve_stop(struct serve *s);
/* Is there somebody who has asked, and not got his answer? */
bool serve_busy(const struct serve *s);
/* When a stream is due to be told again; INT64_MAX: none. */
int64_t serve_wake_ms(const struct serve *s);

#endif
