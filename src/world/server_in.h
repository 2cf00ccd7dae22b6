/* server_in.h - inside of the HTTP server: its connections, and what is asked over them.
 *
 * server.c speaks with libmicrohttpd, and owns all of it; exchange.c is what is asked and
 * answered. An exchange outlives its connection while somebody holds it.
 */
#ifndef PAWL_WORLD_SERVER_IN_H
#define PAWL_WORLD_SERVER_IN_H

#include <microhttpd.h>

#include "world/loop.h"
#include "world/said.h"
#include "world/server.h"

#define PIECE_BYTES 4096

LIST_HEAD(exchange_list, exchange);
LIST_HEAD(caller_list, caller);

/* A connection, from the first byte on. */
struct caller {
	LIST_ENTRY(caller) link;
	struct MHD_Connection *connection;
	int64_t until_ms; /* for a whole request; 0: it is said */
	int64_t look_ms;  /* whether he is still there */
	bool asks;        /* the head of one is read, and not all of its answer sent */
	bool known;       /* who asks: by a token, or the server is for nobody else */
	bool stays;  /* one of his is being said, or one of anybody is not answered */
	bool leaves; /* he was shown the door */
};

struct exchange {
	LIST_ENTRY(exchange) link;
	struct outcome outcome;
	struct server *server;             /* NULL: it is closed */
	struct MHD_Connection *connection; /* NULL: it ended */
	struct caller *caller;
	char *method, *path;
	struct said said;
	struct buf body;
	size_t spilt;   /* what came of it beyond its bound */
	bool whole;     /* the request is said, and was posted */
	bool held;      /* somebody has it, or will: the answer is his to give */
	bool suspended; /* the connection */

	/* the answer */
	struct MHD_Response *response; /* NULL: none yet */
	int status;
	bool streams, ended;
	struct buf now, next; /* pieces: on its way, and the newest */
	size_t now_at;
};

struct server {
	struct server_setup s;
	struct uv_world *world;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t timer;
	int handles; /* that are not closed */
	struct exchange_list exchanges;
	struct caller_list callers;
	unsigned callers_n; /* of them, who does not leave */
	bool one_left;      /* in this run of libmicrohttpd */
	bool soon;          /* something is to leave */
	bool stopped;
};

/* Nobody holds it, or its connection ended: whichever comes last frees it. */
void exchange_let_go(struct exchange *x);
void exchange_wait(struct exchange *x);  /* its connection is suspended.. */
void exchange_go_on(struct exchange *x); /* ..and resumed, when it is */
void exchange_hand_out(void *of);        /* an outcome's deliver */

/* libmicrohttpd is run soon. */
void server_soon(struct server *s);

#endif
