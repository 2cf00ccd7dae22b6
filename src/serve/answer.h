/* answer.h - what an owner answers to what is asked, in a turn; only serve.c asks it to.
 *
 * An answer is an effect: it leaves behind the commit, or never. What is asked is moved
 * on, changed or looked up here, and streams begin.
 */
#ifndef PAWL_SERVE_ANSWER_H
#define PAWL_SERVE_ANSWER_H

#include <sys/queue.h>

#include "serve/serve.h"
#include "serve/submit/intake.h"
#include "serve/submit/scout.h"
#include "serve/vital/health.h"
#include "serve/watch/feed.h"
#include "serve/watch/stream.h"
#include "world/server.h"

STAILQ_HEAD(asked_list, asked);

struct asked {
	struct fact fact; /* first */
	STAILQ_ENTRY(asked) link;
	struct serve *serve;
	struct way *way;
	struct exchange *exchange; /* NULL: it is answered, or waits */
	int64_t until_ms;          /* it waits no longer; 0: it has not begun to */
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
	struct scouts scouts;
	struct asked_list held; /* for what the nodes have not said yet */
	int64_t held_ms;        /* when they are looked at again */
	struct pulse *pulse;
	struct due_kept due;
	struct intake *intakes;
};

#define HELD_LOOK_MS 50

/* It is answered, or in a stream's hands, or refused, or held. */
void answer(struct asked *q, struct runner *r);

#endif
