#include "serve/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "serve/endpoint.h"
#include "serve/health.h"
#include "serve/intake.h"
#include "serve/keyed.h"
#include "serve/metrics.h"
#include "serve/request.h"
#include "serve/stream.h"
#include "serve/wire.h"
#include "world/server.h"

#define TURN_REQUESTS_MAX 8 /* the others are for the next turn */
#define ANSWER_MAX ((size_t)64 * 1024)
#define ENDPOINTS_MAX ((size_t)1024 * 1024) /* of 64 chains, with 16 nodes each */
#define TCP_CONNECTIONS_MAX 128u
#define STREAMS(max) ((max) / 2) /* of the connections: the others are for commands */

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
	struct pulse *pulse;
	struct intake *intakes;
};

/* -- answers --------------------------------------------------------------- */

/* An effect: it leaves behind the commit, or never. */
struct reply {
	struct exchange *exchange;
	int status;
	struct buf body;
	bool replayed; /* it was answered before */
};

static void reply_release(void *job)
{
	struct reply *a = job;

	if (a->replayed)
		exchange_more(a->exchange, "Idempotency-Replayed", "true");
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

static struct reply *reply_add(
    struct asked *q, struct runner *r, int status, struct buf *body)
{
	struct reply *a = mem_new(sizeof *a);

	CHECK(buf_ok(body));
	*a = (struct reply){ .exchange = q->exchange, .status = status, .body = *body };
	q->exchange = NULL;
	outbox_add(r->outbox,
	    &(struct effect){ .release = reply_release, .drop = reply_drop, .job = a });
	return a;
}

static void reply_fail(
    struct asked *q, struct runner *r, enum err e, const struct fail *f)
{
	struct buf body;

	buf_init(&body, ANSWER_MAX);
	wire_fail_encode(&body, e, f->why[0] ? f->why : err_text(e));
	(void)reply_add(q, r, wire_status(e), &body);
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
	(void)reply_add(q, r, 200, &body);
	return ERR_OK;
}

static void tell_endpoints(struct asked *q, struct runner *r)
{
	struct buf body;

	buf_init(&body, ENDPOINTS_MAX);
	endpoints_encode(&body, r);
	(void)reply_add(q, r, 200, &body);
}

static enum err stream_begin(
    struct asked *q, struct runner *r, const struct request *request, struct fail *f)
{
	struct operation o;
	enum err e = operation_find(q->serve, r, request, &o, f);

	if (e == ERR_OK)
		e = streams_add(
		    &q->serve->streams, q->exchange, &q->way->places, o.id, f);
	if (e == ERR_OK)
		q->exchange = NULL;
	return e;
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
	const struct keyed *keyed;
	struct buf *answer;
};

static enum err change_do(
    struct change *c, const struct command_at *at, struct told *told, struct fail *f)
{
	const struct request *request = c->request;
	size_t len;
	const char *body = exchange_body(c->asked->exchange, &len);

	if (request->route == ROUTE_CREATE)
		return intake_create(at, body, len, told, f);
	if (request->route == ROUTE_ROWS)
		return intake_rows(
		    &c->asked->serve->intakes, at, request, body, len, told, f);
	return command(at, c->asked, request, told, f);
}

/* Who it was is known to whoever reads the journal later. */
static void asked_event(struct journal *j, const struct change *c, const struct told *t)
{
	char how[KEYED_NAME_MAX + 16] = "";

	if (c->keyed->name)
		snprintf(how, sizeof how, "key %s", c->keyed->name);
	journal_event(j,
	    &(struct event){ .operation = t->operation,
		.what = "asked",
		.from = c->keyed->scope,
		.to = request_word(c->request->route),
		.why = how });
}

static enum err change(void *ctx, const struct command_at *at, struct fail *f)
{
	struct change *c = ctx;
	struct told told;
	bool settled; /* else it is asked again */
	enum err e = change_do(c, at, &told, f);

	if (e != ERR_OK)
		return e;
	wire_told_encode(c->answer, c->request, &told);
	settled = c->request->route != ROUTE_CREATE || told.operation;
	if (settled && c->keyed->scope[0])
		asked_event(at->journal, c, &told);
	if (settled)
		keyed_put(c->keyed, at->journal, told.operation, 200, buf_text(c->answer),
		    world_wall_ms(at->world));
	return ERR_OK;
}

/* What is done over TCP was done by who has the token. */
static void sign(struct request *request, const char *who)
{
	struct buf by;

	if (!who[0] || !request_of_endpoint(request->route))
		return;
	buf_init(&by, 4 * sizeof request->by);
	buf_addf(&by, "%.60s%s%s", who, request->by[0] ? ", for " : "", request->by);
	snprintf(request->by, sizeof request->by, "%.*s", (int)sizeof request->by - 1,
	    buf_text(&by));
	utf8_plain(request->by);
	buf_release(&by);
}

static enum err tell_change(
    struct asked *q, struct runner *r, struct request *request, struct fail *f)
{
	struct command_at at = { .world = q->serve->s.world,
		.journal = q->serve->s.journal,
		.runner = r,
		.face = q->serve->s.face };
	const char *who = exchange_who(q->exchange);
	struct keyed keyed;
	struct buf answer;
	struct change c = {
		.asked = q, .request = request, .keyed = &keyed, .answer = &answer
	};
	size_t len;
	const char *body = exchange_body(q->exchange, &len);
	int known = 0;
	enum err e = keyed_read(&keyed, who,
	    exchange_header(q->exchange, HEADER_IDEMPOTENCY_KEY), request, body, len, f);

	buf_init(&answer, ANSWER_MAX);
	if (e == ERR_OK)
		e = keyed_find(&keyed, at.journal, &answer, &known, f);
	sign(request, who);
	if (e == ERR_OK && !known)
		e = command_whole(&at, request, change, &c, f);
	if (e == ERR_OK)
		reply_add(q, r, known ? known : 200, &answer)->replayed = known;
	else
		buf_release(&answer);
	return e;
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

int64_t serve_wake_ms(const struct serve *s)
{
	return streams_wake_ms(&s->streams);
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

	streams_tell(&s->streams, r, now_ms);
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

	way->places.max = STREAMS(connections_max);
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
	streams_init(&s->streams, setup->world, setup->journal, setup->face);
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

void serve_stop(struct serve *s)
{
	for (int i = 0; i < WAYS; i++)
		if (s->ways[i].server)
			server_stop(s->ways[i].server);
	streams_stop(&s->streams, "the process ends, and what it was about goes on");
}

bool serve_busy(const struct serve *s)
{
	for (int i = 0; i < WAYS; i++)
		if (s->ways[i].server && server_busy(s->ways[i].server))
			return true;
	return false;
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
	if (!s)
		return;
	for (int i = 0; i < WAYS; i++)
		way_close(&s->ways[i]);
	streams_release(&s->streams);
	intake_free(s->intakes);
	pulse_free(s->pulse);
	mem_free(s);
}
