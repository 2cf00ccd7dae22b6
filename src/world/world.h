/* world.h - all that is outside, as one table of functions.
 *
 * Clock, randomness, HTTP, worker threads, signals and files. The production world is
 * libuv and libcurl (world/uv.c); the simulated one is a queue in virtual time
 * with a chain behind the same HTTP bytes (sim/). The code above can't tell.
 *
 * One thread. Nothing calls back but world_wait: outcomes are delivered there,
 * and the callbacks only note them. Work functions alone run elsewhere; they see
 * their job and nothing else.
 */
#ifndef PAWL_WORLD_WORLD_H
#define PAWL_WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "world/files.h"

struct world;

/* How a request ended. Which one is decided by whether bytes left, never guessed. */
enum http_end {
	HTTP_ANSWERED, /* a whole answer: status and body */
	HTTP_NOT_SENT, /* no byte of it left (no route, refused, bad name, no turn) */
	HTTP_UNKNOWN   /* bytes left and no whole answer came (timeout, reset) */
};

struct http_answer {
	enum http_end end;
	int status;             /* 0 unless ANSWERED */
	int64_t retry_after_ms; /* of Retry-After, either form, at most a day; -1: none */
	char *body; /* NUL behind it; the callee may take it (set it to NULL) */
	size_t body_len;
	char why[160]; /* for a person; empty when ANSWERED. Never the URL's secrets */
};

typedef void http_done_fn(void *ctx, struct http_answer *a);
typedef void http_part_fn(void *ctx, const char *bytes, size_t len);

struct http_request {
	const char *url; /* copied */
	/* Connect to this socket of the machine, whatever the URL says; copied. NULL: to
	 * whom the URL names. */
	const char *unix_socket;
	char *body; /* taken; freed by the world. NULL: GET, else POST */
	size_t body_len;
	const char *content_type; /* copied; NULL: application/json */
	/* More lines of the header, "Name: value", without line ends; copied. NULL: none
	 */
	const char *const *lines; /* ended by NULL */
	int64_t timeout_ms;       /* of the whole request */
	size_t answer_max; /* a longer body ends it as UNKNOWN, "answer over N bytes" */
	bool once;         /* never silently repeated on another connection */
	bool public_only;  /* no address that is not the internet's is connected to */
	bool brief; /* its status is all that is asked for: a body that is too long, or
		     * does not come to its end, makes it no less of an answer */
	http_done_fn *done; /* exactly once, from world_wait (or world_free: UNKNOWN) */
	/* A stream: what has come of an answer of 200, from world_wait, before done; the
	 * rest is done's body. NULL: done gets it all. answer_max bounds what waits. */
	http_part_fn *part;
	void *ctx;
};

typedef void work_fn(void *job);

/* How many came so far. */
struct world_signals {
	unsigned stops;   /* SIGINT and SIGTERM */
	unsigned reloads; /* SIGHUP */
};

struct world_ops {
	const struct files *files;           /* world/files.h; NULL: the system's */
	int64_t (*now_ms)(struct world *w);  /* monotonic */
	int64_t (*wall_ms)(struct world *w); /* since 1970, for display only */
	void (*random)(struct world *w, void *out, size_t len);
	/* effect: as the request's content: the caller has committed before. A bounded
	 * number of requests to one host is under way, the others wait in line for as
	 * long as their timeout lets them. Redirects are not followed. */
	void (*http)(struct world *w, const struct http_request *q);
	/* run on a worker thread, then done on the loop. world_free waits for all. */
	void (*work)(struct world *w, work_fn *run, work_fn *done, void *job);
	/* Deliver what has arrived; when nothing has, wait for it until until_ms (now_ms'
	 * clock; INT64_MAX: for ever). A signal that asks to stop, or to reload, ends
	 * the wait that it falls into, or the next one; later ones keep their time. */
	void (*wait)(struct world *w, int64_t until_ms);
	int (*signalled)(struct world *w); /* the first SIGINT or SIGTERM seen, else 0 */
	const struct world_signals *(*signals)(struct world *w); /* NULL: none comes */
	void (*free)(struct world *w);
};

struct world {
	const struct world_ops *ops;
};

/* The production world. Workers: one thread a core, 2 to 4 (UV_THREADPOOL_SIZE
 * is respected). Handles SIGINT, SIGTERM (noted), SIGHUP (log_reopen, and noted),
 * SIGPIPE. */
NODISCARD enum err world_open(struct world **ret, struct fail *f);

static inline int64_t world_now_ms(struct world *w)
{
	return w->ops->now_ms(w);
}

static inline int64_t world_wall_ms(struct world *w)
{
	return w->ops->wall_ms(w);
}

static inline void world_http(struct world *w, const struct http_request *q)
{
	w->ops->http(w, q);
}

static inline void world_work(struct world *w, work_fn *run, work_fn *done, void *job)
{
	w->ops->work(w, run, done, job);
}

static inline void world_wait(struct world *w, int64_t until_ms)
{
	w->ops->wait(w, until_ms);
}

static inline int world_signalled(struct world *w)
{
	return w->ops->signalled(w);
}

static inline struct world_signals world_signals(struct world *w)
{
	return w->ops->signals ? *w->ops->signals(w) : (struct world_signals){ 0 };
}

static inline const struct files *world_files(struct world *w)
{
	return w->ops->files ? w->ops->files : &files_of_system;
}

static inline void world_random(struct world *w, void *out, size_t len)
{
	w->ops->random(w, out, len);
}

static inline void world_free(struct world *w)
{
	if (w)
		w->ops->free(w);
}

#endif
