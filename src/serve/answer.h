/* answer.h - what an owner answers to what is asked, in a turn; only serve.c asks it to.
 *
 * An answer is an effect: it leaves behind the commit, or never. What is asked is moved
 * on, changed or looked up here, and streams begin.
 */
#ifndef PAWL_SERVE_ANSWER_H
#define PAWL_SERVE_ANSWER_H

#include <sys/queue.h>

#include "serve/feed.h"
#include "serve/intake.h"
#include "serve/serve.h"
#include "serve/stream.h"
#include "serve/vital.h"
#include "world/server.h"

STAILQ_HEAD(asked_list, asked);

struct asked {
	struct fact fact; /* first */
	STAILQ_ENTRY(asked) link;
	struct serve *serve;
	struct way *way;
	struct exchange *exchange; /* NULL: it is answered */
};

/* A way in, with places of its own. */
struct way {
	struct serve *serve;
	struct server *server;              /* NULL: it is not there */
	struct asked_list waiting, curious; /* curious: of vitals, between turns */
	struct places places;               /* for those who watch */
};

enum { WAY_SOCKET, WAY_TCP, WAYS };

struct serve {
	struct serve_setup s;
	struct way ways[WAYS];
	struct streams streams;
	struct feeds feeds;
	struct pulse *pulse;
	struct intake *intakes;
};

/* It is answered, or in a stream's hands, or refused. */
void answer(struct asked *q, struct runner *r);

#endif
