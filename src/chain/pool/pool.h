/* pool.h - the nodes of one chain: who is asked, how fast, and who is left alone.
 *
 * Per node: exponential backoff with full jitter, a circuit breaker (5 failures in
 * a row: 60 s shut, then one probe; a 429 with its Retry-After is no failure; the
 * last node that a chain has is never shut, but probed at most every 5 s), the rate of
 * the config or of its provider, a pace learned from 429s and Retry-After (bucket.h), and
 * figures for status and metrics.
 *
 * The pool asks and reports; it never asks twice by itself. Who needs an answer asks
 * again (level-triggered), perhaps another node. Nothing here is durable.
 */
#ifndef PAWL_CHAIN_POOL_POOL_H
#define PAWL_CHAIN_POOL_POOL_H

#include "base/buf.h"
#include "chain/pool/figures.h"
#include "world/world.h"

#define POOL_NODES_MAX 16
#define NODE_NAME_MAX 64
#define NODE_BY_MAX 64

struct node_config {
	const char *url;      /* secrets may be in it: never shown whole */
	const char *provider; /* one vote each; NULL: its own */
	int weight;           /* 1 to 100; default 1 */
	int rate, burst;      /* calls a second, and at once; 0: as limit.h knows them */
	/* Who asks (auth.h): a file that has it, or two references, as env:VAR, and what
	 * stands there. NULL: none. */
	const char *cookie, *user, *password;
	struct secret *login; /* "user:password" */
	bool off; /* marked from the journal, for who asks by himself (ask.h) */
};

struct node_state {
	char name[NODE_NAME_MAX]; /* as node_name */
	int provider;             /* nodes of one provider share the number */
	bool off;             /* by an operator: it is asked nothing, and has no vote */
	const char *left_out; /* why the follower leaves it out; NULL: in good standing */
	int failures_in_a_row;
	int64_t not_before_ms; /* monotonic: backoff, breaker, Retry-After */
	int in_flight;
	int64_t asked, failed, rate_limited;
	int64_t latency_ms; /* moving */
	char last_error[160];
};

/* In what kinds what was asked of a node came to nothing. */
enum node_failure {
	FAILURE_NOT_SENT,   /* no connection: nothing left */
	FAILURE_UNANSWERED, /* a timeout, a reset, a 5xx */
	FAILURE_BAD_ANSWER, /* what is no JSON */
	FAILURE_REFUSED,    /* a 3xx or 4xx */
	FAILURE_BUSY,       /* a 408 */
	FAILURE_LIMITED,    /* a 429 */
	FAILURE_COUNT
};

enum node_standing {
	NODE_WELL,
	NODE_TROUBLED, /* it failed, and waits a moment before the next question */
	NODE_HELD,     /* it asked for patience, or its rate is used up */
	NODE_SHUT,     /* the breaker is open, or half open with its probe under way */
	NODE_LEFT_OUT, /* by the follower */
	NODE_OFF       /* by an operator */
};

/* Who switched it off, and when by the wall: for people. */
struct node_off {
	char by[NODE_BY_MAX];
	int64_t since_ms;
};

/* What is told of a node: to status, doctor and metrics. Nothing of it is a secret. */
struct pool_figures {
	const char *name, *why; /* why: of the standing, or its last error; "" */
	int weight, provider, in_flight;
	enum node_standing standing;
	const struct node_off *off; /* NULL: it is on */
	int64_t until_ms; /* monotonic: when it changes by itself; 0: it doesn't */
	int64_t asked;
	int64_t failed[FAILURE_COUNT];
	int64_t p50_ms, p95_ms;        /* of the recent answers; 0: there is none */
	const struct latency *latency; /* of all answers */
};

/* effect: as the body's. err OK: answer is a whole JSON text (HTTP 200, or an error
 * status whose body is JSON-RPC). Else err is NOT_SENT, UNANSWERED (a timeout, a 5xx),
 * RATE_LIMITED, NODE_BUSY or NODE_REFUSED (4xx), and f says so. answer may be taken
 * (set to NULL). */
struct pool_answer {
	int node;
	enum err err;
	struct fail fail;
	char *answer;
	size_t len;
};

typedef void pool_done_fn(void *ctx, struct pool_answer *a);

struct pool;

/* host:port of its URL, and #2 where that is another's before it: safe to show. */
void node_name(char out[NODE_NAME_MAX], const struct node_config *nodes, int node);

struct pool *pool_new(
    struct world *w, const struct node_config *nodes, int n, int64_t timeout_ms);
void pool_free(struct pool *p);
int pool_size(const struct pool *p);
const struct node_state *pool_node(const struct pool *p, int node);
void pool_leave_out(
    struct pool *p, int node, const char *why); /* static text; NULL: take back in */

/* Borrowed until the pool is asked anything, or freed. */
void pool_figures(const struct pool *p, int node, struct pool_figures *ret);
const char *node_failure_name(enum node_failure kind);    /* "not_sent" */
const char *node_standing_name(enum node_standing where); /* "left out" */

/* off NULL: on again. What is under way to it still comes back. */
void pool_switch(struct pool *p, int node, const struct node_off *off);
/* The rates of those that it was made of, which may be others now. */
void pool_rates(struct pool *p, const struct node_config *nodes);
/* What it did wrong is forgiven: backoff, breaker, Retry-After, and the pace after it. */
void pool_reset(struct pool *p, int node);

/* May this node be asked now? else *ret_at_ms says when to try again; INT64_MAX: not by
 * waiting. */
bool pool_ready(const struct pool *p, int node, int64_t *ret_at_ms);
/* What a question to this node may take before it is late: longer than 95 of 100 of its
 * recent answers did, and at most so long. */
int64_t pool_late_ms(const struct pool *p, int node, int64_t most_ms);
/* The best node to ask now (weights, in flight, latency, standing), not in `except`
 * (a bit set); -1 when none is ready, *ret_at_ms then says when. */
int pool_best(struct pool *p, uint32_t except, int64_t *ret_at_ms);
/* The same of those that are left out: for who needs the word of a quorum, and compares
 * it. */
int pool_best_left_out(struct pool *p, uint32_t except, int64_t *ret_at_ms);

/* body's memory is taken. node: from pool_best. done is called once, from world_wait. */
void pool_ask(struct pool *p, int node, struct buf *body, pool_done_fn *done, void *ctx);

#endif
