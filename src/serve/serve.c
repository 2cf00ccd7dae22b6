#include "serve/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "serve/endpoint.h"
#include "serve/health.h"
#include "serve/intake.h"
#include "serve/metrics.h"
#include "serve/request.h"
#include "serve/standing.h"
#include "serve/wire.h"
#include "world/server.h"

#define TURN_REQUESTS_MAX 8 /* the others are for the next turn */
#define ANSWER_MAX ((size_t)64 * 1024)
#define ENDPOINTS_MAX ((size_t)1024 * 1024) /* of 64 chains, with 16 nodes each */
#define TCP_CONNECTIONS_MAX 128u
#define STREAMS(max) ((max) / 2) /* of the connections: the others are for commands */
#define STREAM_PAUSE_MS 200      /* between two pieces */
#define STREAM_ALIVE_MS 5000     /* the same again: so a client that is gone is noticed */

STAILQ_HEAD(asked_list, asked);
LIST_HEAD(stream_list, stream);

struct asked {
	struct fact fact; /* first */
	STAILQ_ENTRY(asked) link;
	struct serve *serve;
	struct way *way;
	struct exchange *exchange; /* NULL: it is answered */
};

struct stream {
	LIST_ENTRY(stream) link;
	struct serve *serve;
	struct way *way;
	struct exchange *exchange;
	int64_t operation;
	struct standing told;
	int64_t told_ms, due_ms;
};

/* A way in, with places of its own. */
struct way {
	struct serve *serve;
	struct server *server;              /* NULL: it is not there */
	struct asked_list waiting, curious; /* curious: of vitals, between turns */
	unsigned streams_n, streams_max;
};

enum { WAY_SOCKET, WAY_TCP, WAYS };

struct serve {
	struct serve_setup s;
	struct way ways[WAYS];
	struct stream_list streams;
	struct pulse *pulse;
	struct intake *intakes;
};

/* -- answers --------------------------------------------------------------- */

/* An effect: it leaves behind the commit, or never. */
struct reply {
	struct exchange *exchange;
	int status;
	struct buf body;
};

static void reply_release(void *job)
{
	struct reply *a = job;

	exchange_reply(a->exchange, a->status, "application/json", &a->body);
	mem_free(a);
}

static void reply_drop(void *job)
{
	struct reply *a = job;

	exchange_drop(a->exchange);
	buf_release(&a->body);
	mem_free(a);
}

static void reply_add(struct asked *q, struct runner *r, int status, struct buf *body)
{
	struct reply *a = mem_new(sizeof *a);

	CHECK(buf_ok(body));
	*a = (struct reply){ .exchange = q->exchange, .status = status, .body = *body };
	q->exchange = NULL;
	outbox_add(r->outbox,
	    &(struct effect){ .release = reply_release, .drop = reply_drop, .job = a });
}

static void reply_fail(
    struct asked *q, struct runner *r, enum err e, const struct fail *f)
{
	struct buf body;

	buf_init(&body, ANSWER_MAX);
	wire_fail_encode(&body, e, f->why[0] ? f->why : err_text(e));
	reply_add(q, r, wire_status(e), &body);
}

/* -- reading --------------------------------------------------------------- */

static enum err operation_find(struct serve *s, struct runner *r, const struct request *q,
    struct operation *ret, struct fail *f)
{
	enum err e = command_operation(s->s.journal, q->name, ret, f);
	const struct operation *loaded =
	    e == ERR_OK ? runner_operation(r, ret->id) : NULL;

	if (loaded)
		*ret = *loaded;
	return e;
}

static enum err tell_operation(
    struct asked *q, struct runner *r, const struct request *request, struct fail *f)
{
	struct operation o;
	struct buf body;
	enum err e = operation_find(q->serve, r, request, &o, f);

	if (e != ERR_OK)
		return e;
	buf_init(&body, ANSWER_MAX);
	wire_operation_encode(&body, &o);
	reply_add(q, r, 200, &body);
	return ERR_OK;
}

static void tell_endpoints(struct asked *q, struct runner *r)
{
	struct buf body;

	buf_init(&body, ENDPOINTS_MAX);
	endpoints_encode(&body, r);
	reply_add(q, r, 200, &body);
}

/* Its head leaves when something is told: behind a commit. */
static enum err stream_begin(
    struct asked *q, struct runner *r, const struct request *request, struct fail *f)
{
	struct stream *stream;
	struct operation o;
	enum err e = operation_find(q->serve, r, request, &o, f);

	if (e != ERR_OK)
		return e;
	if (q->way->streams_n == q->way->streams_max)
		return fail_set(f, ERR_STOPPED,
		    "%u processes watch already; it goes on all the same: pawl status",
		    q->way->streams_max);
	stream = mem_new(sizeof *stream);
	stream->serve = q->serve;
	stream->way = q->way;
	stream->exchange = q->exchange;
	stream->operation = o.id;
	LIST_INSERT_HEAD(&q->serve->streams, stream, link);
	q->way->streams_n++;
	q->exchange = NULL;
	return ERR_OK;
}

/* -- commands -------------------------------------------------------------- */

/* It is moved on from now, also by an owner that was begun for another operation. */
static enum err take(
    struct serve *s, struct runner *r, const struct operation *o, struct fail *f)
{
	const struct chain_config *chain;
	enum err e = ERR_OK;

	if (!runner_chain_by_id(r, o->chain))
		e = s->s.face->chain(s->s.face->ctx, s->s.journal, o->chain, &chain, f);
	if (e != ERR_OK)
		return e;
	if (!runner_chain_by_id(r, o->chain))
		(void)command_chain(r, chain);
	if (r->s.only_operation)
		runner_only(r, o->id);
	else if (operation_load(r, o->id))
		account_key(r, o->account);
	return ERR_OK;
}

/* What is run or cancelled is moved on here: who asked for it waits. */
static enum err command(const struct command_at *at, struct asked *q,
    const struct request *request, struct told *told, struct fail *f)
{
	enum err e = command_do(at, request, told, f);
	struct operation o;

	if (e != ERR_OK ||
	    (request->route != ROUTE_RUN && request->route != ROUTE_CANCEL))
		return e;
	if (!operation_read(at->journal, told->operation, &o))
		return fail_set(f, ERR_NOT_FOUND, "the operation is gone");
	return take(q->serve, at->runner, &o, f);
}

struct change {
	struct asked *asked;
	const struct request *request;
	struct told told;
};

static enum err change(void *ctx, const struct command_at *at, struct fail *f)
{
	struct change *c = ctx;
	const struct request *request = c->request;
	size_t len;
	const char *body = exchange_body(c->asked->exchange, &len);

	if (request->route == ROUTE_CREATE)
		return intake_create(at, body, len, &c->told, f);
	if (request->route == ROUTE_ROWS)
		return intake_rows(
		    &c->asked->serve->intakes, at, request, body, len, &c->told, f);
	return command(at, c->asked, request, &c->told, f);
}

static enum err tell_change(
    struct asked *q, struct runner *r, const struct request *request, struct fail *f)
{
	struct command_at at = { .world = q->serve->s.world,
		.journal = q->serve->s.journal,
		.runner = r,
		.face = q->serve->s.face };
	struct change c = { .asked = q, .request = request };
	struct buf body;
	enum err e = command_whole(&at, request, change, &c, f);

	if (e != ERR_OK)
		return e;
	buf_init(&body, ANSWER_MAX);
	wire_told_encode(&body, request, &c.told);
	reply_add(q, r, 200, &body);
	return ERR_OK;
}

static enum err answer(struct asked *q, struct runner *r, struct fail *f)
{
	const char *method = exchange_method(q->exchange);
	struct request request;
	size_t len;
	const char *body = exchange_body(q->exchange, &len);
	enum err e =
	    request_parse(&request, method, exchange_path(q->exchange), body, len, f);

	if (e != ERR_OK)
		return e;
	switch (request.route) {
	case ROUTE_OPERATION:
		return tell_operation(q, r, &request, f);
	case ROUTE_ENDPOINTS:
		tell_endpoints(q, r);
		return ERR_OK;
	case ROUTE_EVENTS:
		return stream_begin(q, r, &request, f);
	case ROUTE_CREATE:
	case ROUTE_ROWS:
	case ROUTE_RUN:
	case ROUTE_PAUSE:
	case ROUTE_RESUME:
	case ROUTE_RETRY:
	case ROUTE_REPAIR:
	case ROUTE_CANCEL:
	case ROUTE_ENDPOINT_OFF:
	case ROUTE_ENDPOINT_ON:
	case ROUTE_ENDPOINT_RESET:
	case ROUTE_RESUME_CHAIN:
	case ROUTE_RESUME_KEY:
	case ROUTE_TELL:
	case ROUTE_RESUME_NOTIFY:
		return tell_change(q, r, &request, f);
	case ROUTE_COUNT:
		break;
	}
	BUG("a route that nobody answers");
}

/* -- the turn -------------------------------------------------------------- */

static bool anybody_waits(const struct serve *s)
{
	for (int i = 0; i < WAYS; i++)
		if (!STAILQ_EMPTY(&s->ways[i].waiting))
			return true;
	return false;
}

static void asked_take(struct runner *r, struct fact *fact)
{
	struct asked *q = (struct asked *)fact;
	struct fail f = { ERR_OK, "" };
	enum err e = answer(q, r, &f);

	if (e != ERR_OK)
		reply_fail(q, r, e, &f);
	if (anybody_waits(q->serve))
		r->again = true;
}

static void asked_free(struct fact *fact)
{
	struct asked *q = (struct asked *)fact;

	if (q->exchange)
		exchange_drop(q->exchange);
	mem_free(q);
}

/* From world_wait. */
static void on_asked(void *ctx, struct exchange *x)
{
	struct way *way = ctx;
	struct asked *q = mem_new(sizeof *q);

	q->fact.take = asked_take;
	q->fact.free = asked_free;
	q->serve = way->serve;
	q->way = way;
	q->exchange = x;
	if (vital_find(exchange_method(x), exchange_path(x)) != VITAL_COUNT)
		STAILQ_INSERT_TAIL(&way->curious, q, link);
	else
		STAILQ_INSERT_TAIL(&way->waiting, q, link);
}

/* The ways take turns: who comes in masses keeps nobody of the other one waiting. */
void serve_turn(struct serve *s, struct runner *r)
{
	for (int n = 0; n < TURN_REQUESTS_MAX; n++) {
		struct way *way = &s->ways[n % WAYS];
		struct asked *q = STAILQ_FIRST(&way->waiting);

		if (!q)
			continue;
		STAILQ_REMOVE_HEAD(&way->waiting, link);
		runner_fact(r, &q->fact);
	}
}

/* -- streams --------------------------------------------------------------- */

static void stream_free(struct stream *t)
{
	LIST_REMOVE(t, link);
	t->way->streams_n--;
	mem_free(t);
}

/* It does not go on by itself: the stream ends with why, as a run would. */
static bool stream_end(struct serve *s, struct runner *r, struct stream *t,
    const struct operation *loaded, const struct operation *o)
{
	bool ended = operation_ended(o) && (!loaded || !r->reasons);
	struct fail f = { ERR_OK, "" };
	enum err e = ended ? ERR_OK : s->s.face->stuck(s->s.face->ctx, r, o, &f);
	struct buf piece;

	if (e == ERR_OK && !ended)
		return false;
	buf_init(&piece, ANSWER_MAX);
	wire_standing_encode(&piece, &t->told);
	wire_end_encode(&piece, e, f.why[0] ? f.why : err_text(e));
	(void)exchange_send(t->exchange, buf_text(&piece));
	exchange_end(t->exchange);
	buf_release(&piece);
	stream_free(t);
	return true;
}

static void stream_send(struct stream *t, int64_t now_ms)
{
	struct buf piece;
	bool heard;

	buf_init(&piece, ANSWER_MAX);
	wire_standing_encode(&piece, &t->told);
	heard = exchange_send(t->exchange, buf_text(&piece));
	buf_release(&piece);
	t->told_ms = now_ms;
	t->due_ms = now_ms + STREAM_ALIVE_MS;
	if (heard)
		return;
	exchange_drop(t->exchange);
	stream_free(t);
}

static void stream_tell(
    struct serve *s, struct runner *r, struct stream *t, int64_t now_ms)
{
	const struct operation *loaded = runner_operation(r, t->operation), *o = loaded;
	struct operation read;
	struct standing now;
	bool changed;

	if (!o && operation_read(s->s.journal, t->operation, &read))
		o = &read;
	if (!o)
		return;
	standing_of(r, o, &now);
	changed = memcmp(&now, &t->told, sizeof now) != 0;
	if (!t->told_ms)
		exchange_stream(t->exchange, "text/event-stream");
	t->told = now;
	if (stream_end(s, r, t, loaded, o))
		return;
	if (now_ms >= (changed ? t->told_ms + STREAM_PAUSE_MS : t->due_ms))
		stream_send(t, now_ms);
	else if (changed)
		t->due_ms = t->told_ms + STREAM_PAUSE_MS;
}

int64_t serve_wake_ms(const struct serve *s)
{
	int64_t due_ms = INT64_MAX;
	const struct stream *t;

	LIST_FOREACH(t, &s->streams, link)
	if (t->due_ms < due_ms)
		due_ms = t->due_ms;
	return due_ms;
}

/* -- vitals ---------------------------------------------------------------- */

static void vital_answer(const struct health_at *at, struct exchange *x)
{
	const char *type = "application/json";
	struct buf body;
	int status;

	buf_init(&body, METRICS_MAX);
	switch (vital_find(exchange_method(x), exchange_path(x))) {
	case VITAL_HEALTH:
		status = health_encode(&body, at);
		break;
	case VITAL_READY:
		status = ready_encode(&body, at);
		break;
	case VITAL_METRICS:
		metrics_encode(&body, at);
		status = 200;
		type = METRICS_TYPE;
		break;
	case VITAL_COUNT:
	default:
		BUG("a vital that nobody tells");
	}
	CHECK(buf_ok(&body));
	exchange_reply(x, status, type, &body);
}

static void vitals_tell(struct serve *s, struct health_at *at)
{
	at->world = s->s.world;
	at->journal = s->s.journal;
	at->pulse = s->pulse;
	at->version = s->s.version ? s->s.version : "";
	at->since_wall_ms = s->s.since_wall_ms;
	at->disk_free = at->disk_size = -1;
	if (s->s.disk)
		s->s.disk(s->s.disk_ctx, &at->disk_free, &at->disk_size);
	for (int i = 0; i < WAYS; i++) {
		struct asked_list *list = &s->ways[i].curious;

		while (!STAILQ_EMPTY(list)) {
			struct asked *q = STAILQ_FIRST(list);

			STAILQ_REMOVE_HEAD(list, link);
			vital_answer(at, q->exchange);
			mem_free(q);
		}
	}
}

static bool anybody_is_curious(const struct serve *s)
{
	for (int i = 0; i < WAYS; i++)
		if (!STAILQ_EMPTY(&s->ways[i].curious))
			return true;
	return false;
}

void serve_tell(struct serve *s, struct runner *r)
{
	int64_t now_ms = world_now_ms(s->s.world);
	struct health_at at = { .runner = r };
	struct stream *t, *next;

	for (t = LIST_FIRST(&s->streams); t; t = next) {
		next = LIST_NEXT(t, link);
		stream_tell(s, r, t, now_ms);
	}
	pulse_turn(s->pulse, r, now_ms);
	if (anybody_is_curious(s))
		vitals_tell(s, &at);
}

void serve_full(struct serve *s, const char *why)
{
	struct health_at at = { .full = why };

	if (anybody_is_curious(s))
		vitals_tell(s, &at);
}

/* -- its life -------------------------------------------------------------- */

static enum err way_open(
    struct serve *s, int number, int listen_fd, unsigned connections_max, struct fail *f)
{
	struct way *way = &s->ways[number];
	bool gated = number == WAY_TCP;

	way->streams_max = STREAMS(connections_max);
	return server_open(&way->server,
	    &(struct server_setup){ .world = s->s.world,
		.listen_fd = listen_fd,
		.connections_max = connections_max,
		.admit = gated ? gate_admit : NULL,
		.admit_ctx = s->s.gate,
		.body_max = request_body_max,
		.asked = on_asked,
		.ctx = way },
	    f);
}

enum err serve_open(struct serve **ret, const struct serve_setup *setup, struct fail *f)
{
	struct serve *s = mem_new(sizeof *s);
	enum err e = ERR_OK;

	s->s = *setup;
	s->pulse = pulse_new();
	LIST_INIT(&s->streams);
	for (int i = 0; i < WAYS; i++) {
		s->ways[i].serve = s;
		STAILQ_INIT(&s->ways[i].waiting);
		STAILQ_INIT(&s->ways[i].curious);
	}
	if (setup->door)
		e = way_open(
		    s, WAY_SOCKET, setup->door->listen_fd, SERVER_CONNECTIONS_MAX, f);
	if (e == ERR_OK && setup->listener)
		e = way_open(s, WAY_TCP, setup->listener->fd, TCP_CONNECTIONS_MAX, f);
	if (e == ERR_OK)
		*ret = s;
	else
		serve_close(s);
	return e;
}

static void asked_drop(struct asked_list *list)
{
	while (!STAILQ_EMPTY(list)) {
		struct asked *q = STAILQ_FIRST(list);

		STAILQ_REMOVE_HEAD(list, link);
		asked_free(&q->fact);
	}
}

static void way_close(struct way *way)
{
	server_close(way->server);
	asked_drop(&way->waiting);
	asked_drop(&way->curious);
}

void serve_close(struct serve *s)
{
	struct stream *t;

	if (!s)
		return;
	for (int i = 0; i < WAYS; i++)
		way_close(&s->ways[i]);
	while ((t = LIST_FIRST(&s->streams))) {
		exchange_drop(t->exchange);
		stream_free(t);
	}
	intake_free(s->intakes);
	pulse_free(s->pulse);
	mem_free(s);
}
