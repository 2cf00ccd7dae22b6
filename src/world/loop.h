/* loop.h - inside of the production world: one libuv loop, and what hangs on it.
 *
 * Nothing of the caller's runs inside a callback of libuv or libcurl. A callback
 * posts an outcome; world_wait hands out all that were posted when the loop is idle.
 */
#ifndef PAWL_WORLD_LOOP_H
#define PAWL_WORLD_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include <curl/curl.h>
#include <uv.h>

#include "world/world.h"

struct uv_world;

/* Something that arrived. Embedded in what it is about; deliver may free that. */
struct outcome {
	STAILQ_ENTRY(outcome) link;
	void (*deliver)(void *of);
	void *of;
};

STAILQ_HEAD(outcome_list, outcome);
TAILQ_HEAD(request_list, request);
TAILQ_HEAD(host_list, host);

/* libcurl's multi handle driven by the loop (curl_loop.c). */
struct curl_loop {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	bool due; /* libcurl asked to be called at once */
	void (*ended)(CURL *easy, CURLcode code);
};

struct http {
	struct uv_world *world;
	struct curl_loop curl;
	struct curl_slist *json; /* the header lines of a usual POST */
	char *no_proxy;
	struct host_list hosts;   /* those with requests */
	struct request_list open; /* all requests that have not ended */
	CURL *idle[64];
	unsigned idle_count;
};

struct uv_world {
	struct world world;
	uv_loop_t loop;
	uv_timer_t until;
	uv_signal_t on_int, on_term, on_hup;
	struct outcome_list arrived;
	size_t arrived_count; /* since the start */
	size_t jobs;          /* given to the workers and not posted yet */
	struct http http;
	int signalled;
	struct world_signals signals;
	bool woken;   /* a signal came since the last wait */
	bool closing; /* world_free has begun */
};

void world_post(struct uv_world *w, struct outcome *o);

/* ended is called outside of libcurl's callbacks, for each transfer that is over. */
NODISCARD bool curl_loop_open(
    struct curl_loop *c, uv_loop_t *loop, void (*ended)(CURL *easy, CURLcode code));
void curl_loop_kick(struct curl_loop *c); /* do now what libcurl wants done at once */
void curl_loop_close(struct curl_loop *c);

NODISCARD bool http_open(struct http *h, struct uv_world *w);
void http_add(struct http *h, const struct http_request *q);
void http_abort(struct http *h); /* ends every request as UNKNOWN */
void http_close(struct http *h); /* none is open any more */

/* Before the first job: how many threads there will be. */
void workers_init(void);
void workers_add(struct uv_world *w, work_fn *run, work_fn *done, void *job);

#endif
