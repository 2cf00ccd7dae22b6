/* server.h - an HTTP server on the loop of the production world.
 *
 * libmicrohttpd reads and writes HTTP; what is asked it does not know. A request is
 * handed out whole, from world_wait, as an exchange, and whoever gets it answers when
 * it likes: once, or as a stream of which only the newest unsent piece is kept. All
 * that comes from outside is bounded in size, number and time, and a client that is
 * slow, silent or gone holds nothing but its own connection.
 */
#ifndef PAWL_WORLD_SERVER_H
#define PAWL_WORLD_SERVER_H

#include "base/buf.h"
#include "world/world.h"

#define SERVER_CONNECTIONS_MAX 512u
#define SERVER_HEADERS_MAX 64 /* of one request; all its bytes fit 16 KiB */

struct server;
struct exchange;

/* What is kept of the head for whoever answers. */
enum server_header { HEADER_IDEMPOTENCY_KEY, HEADER_LAST_EVENT_ID, HEADER_ALL };

/* The head of a request; NULL: it does not have that. */
struct server_head {
	const char *method, *path, *host, *origin, *authorization;
};

struct server_setup {
	struct world *world; /* the production world */
	int listen_fd;       /* borrowed: it listens, does not block, and stays open */
	/* For a client to say its request, and to take an answer that is no stream; 0:
	 * 30 s. */
	int64_t request_ms;
	/* 0: SERVER_CONNECTIONS_MAX. Of the last eighth of them whoever has taken longest
	 * to say his request, or to take its answer, gives way, from a quarter of a
	 * second on; and an answer is the last one. But not of who is known. */
	unsigned connections_max;
	/* May he ask? 0, and who it is (borrowed, copied at once), or the status of the
	 * refusal, whose body (JSON) is in why. Called from inside the loop, before a
	 * body is read. NULL: everybody may. */
	int (*admit)(void *ctx, const struct server_head *head, const char **ret_who,
	    struct buf *why);
	void *admit_ctx;
	/* How long the body of such a request may be. Called from inside the loop: it
	 * looks at its arguments only. */
	size_t (*body_max)(const char *method, const char *path);
	/* From world_wait. The callee owns x now, until it replies, ends or drops. */
	void (*asked)(void *ctx, struct exchange *x);
	void *ctx;
};

/* fails: SYSTEM. */
NODISCARD enum err server_open(
    struct server **ret, const struct server_setup *s, struct fail *f);
/* Nobody new is let in, and who has not said what he wants is shown the door: what was
 * asked is still answered, as the last of its connection. The caller closes listen_fd. */
void server_stop(struct server *s);
/* Is there somebody who has asked, and has not got his whole answer? A stream is none. */
bool server_busy(const struct server *s);
/* Before world_free. Connections end; an exchange that somebody holds stays valid, and
 * what is said to it goes nowhere. */
void server_close(struct server *s);

/* What was said to exchanges leaves now, as far as it can without waiting, and not only
 * when the world is waited on: behind a turn the next one may begin at once. Not from
 * inside the loop. */
void server_flush(struct server *s);

const char *exchange_method(const struct exchange *x);
const char *exchange_path(const struct exchange *x);  /* raw: nothing is unescaped */
const char *exchange_query(const struct exchange *x); /* a=b&c=d, as raw; "": none */
const char *exchange_who(const struct exchange *x);   /* "": nobody in particular */
/* NULL: it was not said; ", " between two of one name */
const char *exchange_header(const struct exchange *x, enum server_header which);
const char *exchange_body(const struct exchange *x, size_t *ret_len); /* NUL behind it */

/* A header of the answer, besides; two at most. name must stay. */
void exchange_more(struct exchange *x, const char *name, const char *value);
/* The one answer; takes x over, and the memory of body. */
void exchange_reply(struct exchange *x, int status, const char *type, struct buf *body);
void exchange_drop(struct exchange *x); /* no answer: the connection ends */

/* A stream of 200: head now, then pieces, then its end (which takes x over). */
void exchange_stream(struct exchange *x, const char *type);
/* A piece that was not begun to be sent is replaced. false: nobody listens any more. */
bool exchange_send(struct exchange *x, const char *piece);
/* The last piece was begun to be sent: another one replaces nothing. */
bool exchange_taken(const struct exchange *x);
/* Nobody listens any more, by the kernel's word, whether something is sent or not. */
bool exchange_gone(const struct exchange *x);
void exchange_end(struct exchange *x);

#endif
