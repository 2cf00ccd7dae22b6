#include "serve/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "serve/answer.h"
#include "serve/request/openapi.h"
#include "serve/vital/health.h"
#include "serve/vital/metrics.h"

/* The others are for the next turn. */
#define TURN_REQUESTS_MAX 128
#define TURN_BYTES_MAX ((size_t)512 * 1024) /* of their bodies, but for the first */
#define TURN_HELD_MAX 8
#define TCP_CONNECTIONS_MAX 128u
#define STREAMS(max) ((max) / 2) /* of the connections: the others are for commands */

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

	answer(q, r);
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

static void held_turn(struct serve *s, struct runner *r)
{
	int64_t now_ms = world_now_ms(s->s.world);

	if (now_ms < s->held_ms)
		return;
	s->held_ms = now_ms + HELD_LOOK_MS;
	for (int n = 0; n < TURN_HELD_MAX && !STAILQ_EMPTY(&s->held); n++) {
		struct asked *q = STAILQ_FIRST(&s->held);

		STAILQ_REMOVE_HEAD(&s->held, link);
		runner_fact(r, &q->fact);
	}
}

/* The ways take turns: who comes in masses keeps nobody of the other one waiting. */
void serve_turn(struct serve *s, struct runner *r)
{
	size_t bytes = 0, len;

	held_turn(s, r);
	for (int n = 0; n < TURN_REQUESTS_MAX && bytes <= TURN_BYTES_MAX; n++) {
		struct way *way = &s->ways[n % WAYS];
		struct asked *q = STAILQ_FIRST(&way->waiting);

		if (!q)
			continue;
		STAILQ_REMOVE_HEAD(&way->waiting, link);
		(void)exchange_body(q->exchange, &len);
		bytes += len;
		runner_fact(r, &q->fact);
	}
}

int64_t serve_wake_ms(const struct serve *s)
{
	int64_t streams_ms = streams_wake_ms(&s->streams);
	int64_t feeds_ms = feeds_wake_ms(&s->feeds);

	int64_t wake_ms = streams_ms < feeds_ms ? streams_ms : feeds_ms;

	return !STAILQ_EMPTY(&s->held) && s->held_ms < wake_ms ? s->held_ms : wake_ms;
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
	case VITAL_OPENAPI:
		buf_add(&body, openapi_text, openapi_len);
		status = 200;
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
	at->due = &s->due;
	at->world = s->s.world;
	at->journal = s->s.journal;
	at->pulse = s->pulse;
	at->version = s->s.version ? s->s.version : "";
	at->since_wall_ms = s->s.since_wall_ms;
	at->disk_free = at->disk_size = -1;
	if (s->s.disk)
		s->s.disk(s->s.disk_ctx, &at->disk_free, &at->disk_size);
	at->node = s->s.node && at->runner ? s->s.node(s->s.node_ctx) : NULL;
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
	feeds_tell(&s->feeds, now_ms);
	pulse_turn(s->pulse, r, now_ms);
	if (anybody_is_curious(s))
		vitals_tell(s, &at);
	for (int i = 0; i < WAYS; i++)
		if (s->ways[i].server)
			server_flush(s->ways[i].server);
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
	feeds_init(&s->feeds, setup->world, setup->journal);
	STAILQ_INIT(&s->held);
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
	feeds_stop(
	    &s->feeds, "the process ends; the next one has all that comes, and more");
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
	asked_drop(&s->held);
	scouts_release(&s->scouts);
	feeds_release(&s->feeds);
	streams_release(&s->streams);
	intake_free(s->intakes);
	pulse_free(s->pulse);
	mem_free(s);
}
