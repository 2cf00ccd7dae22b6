#include "serve/answer.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "serve/command/changes.h"
#include "serve/command/endpoint.h"
#include "serve/command/tracking.h"
#include "serve/fees.h"
#include "serve/listing.h"
#include "serve/request/keyed.h"
#include "serve/request/request.h"
#include "serve/submit/submit.h"
#include "serve/watch/standing.h"
#include "serve/watch/wire.h"

#define ANSWER_MAX ((size_t)64 * 1024)
#define HOLD_MS 10000
#define ENDPOINTS_MAX ((size_t)1024 * 1024) /* of 64 chains, with 16 nodes each */

/* -- answers --------------------------------------------------------------- */

/* An effect: it leaves behind the commit, or never. */
struct reply {
	struct exchange *exchange;
	int status;
	struct buf body;
	bool replayed;     /* it was answered before */
	const char *allow; /* of 405: what may be asked there */
};

static void reply_release(void *job)
{
	struct reply *a = job;

	if (a->status == 503)
		exchange_more(a->exchange, "Retry-After", "1");
	if (a->allow)
		exchange_more(a->exchange, "Allow", a->allow);
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

static const char *allow_of(const char *path)
{
	return vital_find("GET", path) != VITAL_COUNT ? "GET, HEAD" : request_allow(path);
}

static void reply_fail(
    struct asked *q, struct runner *r, enum err e, const struct fail *f)
{
	const char *allow = e == ERR_METHOD ? allow_of(exchange_path(q->exchange)) : NULL;
	struct buf body;

	buf_init(&body, ANSWER_MAX);
	wire_fail_encode(&body, e, f->why[0] ? f->why : err_text(e));
	reply_add(q, r, wire_status(e), &body)->allow = allow;
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

/* What a run would end with, else what it says itself. */
static void whole_encode(
    struct buf *out, struct serve *s, struct runner *r, const struct operation *o)
{
	struct fail f = { ERR_OK, "" };
	struct standing now;
	bool stuck =
	    !operation_ended(o) && s->s.face->stuck(s->s.face->ctx, r, o, &f) != ERR_OK;

	standing_of(r, o, &now);
	listing_operation(out, s->s.journal, o, stuck ? f.why : now.waits);
}

static enum err tell_listed(
    struct asked *q, struct runner *r, const struct request *request, struct fail *f)
{
	struct serve *s = q->serve;
	struct operation o;
	struct buf body;
	enum err e =
	    request->route == ROUTE_LIST ? ERR_OK : operation_find(s, r, request, &o, f);

	if (e != ERR_OK)
		return e;
	buf_init(&body, LISTING_BYTES_MAX);
	if (request->route == ROUTE_LIST)
		listing_operations(&body, s->s.journal, request);
	else if (request->route == ROUTE_ITEMS)
		listing_items(&body, s->s.journal, &o, request);
	else
		whole_encode(&body, s, r, &o);
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

static void tell_fees(struct asked *q, struct runner *r)
{
	struct buf body;

	buf_init(&body, ENDPOINTS_MAX);
	fees_all_encode(&body, r);
	(void)reply_add(q, r, 200, &body);
}

static void tell_node(struct asked *q, struct runner *r)
{
	struct buf body;

	buf_init(&body, ANSWER_MAX);
	changes_encode(&body, q->serve->s.journal);
	(void)reply_add(q, r, 200, &body);
}

static enum err tell_tracked(
    struct asked *q, struct runner *r, const struct request *request, struct fail *f)
{
	struct buf body;
	enum err e;

	buf_init(&body, ANSWER_MAX);
	e = tracking_encode(&body, q->serve->s.journal, request->name, f);
	if (e == ERR_OK)
		(void)reply_add(q, r, 200, &body);
	else
		buf_release(&body);
	return e;
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

static enum err feed_begin(struct asked *q, const struct request *request, struct fail *f)
{
	struct serve *s = q->serve;
	struct operation o = { .id = 0 };
	enum err e = request->name[0]
	    ? command_operation(s->s.journal, request->name, &o, f)
	    : ERR_OK;

	if (e == ERR_OK)
		e = feeds_add(&s->feeds, q->exchange, &q->way->places, o.id,
		    request->after, exchange_header(q->exchange, HEADER_LAST_EVENT_ID),
		    f);
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

struct changing {
	struct asked *asked;
	const struct request *request;
	const struct keyed *keyed;
	struct buf *answer;
	int status;
	bool settled; /* else it is asked again */
};

/* All of it was written in this turn: no former life, and no damage, can have had a part
 * in it. Its rows are still hashed before they are paid. */
static void made_here(struct operation *o)
{
	if (o)
		o->recounted = o->proved = true;
}

static enum err submit(struct changing *c, const struct command_at *at, const char *body,
    size_t len, struct told *told, struct fail *f)
{
	struct serve *s = c->asked->serve;
	struct operation o;
	bool made = false;
	enum err e = submit_do(&s->scouts, at, body, len, told, &made, f);

	if (e != ERR_OK || !told->operation)
		return e;
	c->status = made ? 201 : 200;
	if (!operation_read(at->journal, told->operation, &o))
		return fail_set(f, ERR_NOT_FOUND, "the operation is gone");
	e = take(s, at->runner, &o, f);
	if (e == ERR_OK && made)
		made_here(runner_operation(at->runner, o.id));
	return e;
}

static enum err change_do(
    struct changing *c, const struct command_at *at, struct told *told, struct fail *f)
{
	const struct request *request = c->request;
	size_t len;
	const char *body = exchange_body(c->asked->exchange, &len);

	if (request->route == ROUTE_SUBMIT)
		return submit(c, at, body, len, told, f);
	if (request->route == ROUTE_CREATE)
		return intake_create(at, body, len, told, f);
	if (request->route == ROUTE_ROWS)
		return intake_rows(
		    &c->asked->serve->intakes, at, request, body, len, told, f);
	return command(at, c->asked, request, told, f);
}

/* Who it was is known to whoever reads the journal later. */
static void asked_event(struct journal *j, const struct changing *c, const struct told *t)
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
	struct changing *c = ctx;
	bool waits =
	    c->request->route == ROUTE_CREATE || c->request->route == ROUTE_SUBMIT;
	struct told told;
	enum err e = change_do(c, at, &told, f);

	if (e != ERR_OK)
		return e;
	wire_told_encode(c->answer, c->request, &told);
	c->settled = !waits || told.operation;
	if (c->settled && c->keyed->scope[0])
		asked_event(at->journal, c, &told);
	if (c->settled)
		keyed_put(c->keyed, at->journal, told.operation, c->status,
		    buf_text(c->answer), world_wall_ms(at->world));
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

/* Who asked is answered in a later turn, if it is not too late then. */
static enum err hold(struct asked *q, int64_t now_ms, struct fail *f)
{
	struct asked *later;

	if (!q->until_ms)
		q->until_ms = now_ms + HOLD_MS;
	if (now_ms >= q->until_ms)
		return fail_wrap(
		    f, ERR_NO_QUORUM, "nothing was journaled yet, send it again");
	later = mem_copy(q, sizeof *q);
	q->exchange = NULL;
	STAILQ_INSERT_TAIL(&q->serve->held, later, link);
	q->serve->held_ms = now_ms + HELD_LOOK_MS;
	return ERR_OK;
}

/* Nobody hears again of a success that a restore took back since. */
static enum err stands(const struct request *q, const char *key, struct journal *j,
    const struct buf *answer, struct fail *f)
{
	json_t *o;
	struct told told;
	enum err e;

	if (q->route != ROUTE_NODE_CHANGES)
		return ERR_OK;
	o = json_read(buf_text(answer), answer->len, NULL);
	if (!o || !wire_told_decode(o, &told))
		journal_damaged(j, "an answer to a request is none of changes");
	json_decref(o);
	e = changes_stand(j, &told, f);
	return e == ERR_OK ? e : fail_wrap(f, e, "Idempotency-Key %s", key);
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
	struct changing c = { .asked = q,
		.request = request,
		.keyed = &keyed,
		.answer = &answer,
		.status = 200 };
	size_t len;
	const char *body = exchange_body(q->exchange, &len);
	int known = 0;
	enum err e = keyed_read(&keyed, who,
	    exchange_header(q->exchange, HEADER_IDEMPOTENCY_KEY), request, body, len, f);

	buf_init(&answer, ANSWER_MAX);
	if (e == ERR_OK)
		e = keyed_find(&keyed, at.journal, &answer, &known, f);
	if (e == ERR_OK && known)
		e = stands(request, keyed.name, at.journal, &answer, f);
	sign(request, who);
	if (e == ERR_OK && !known)
		e = command_whole(&at, request, change, &c, f);
	if (e == ERR_OK && !known && !c.settled && request->route == ROUTE_SUBMIT)
		e = hold(q, world_now_ms(at.world), f);
	if (e == ERR_NO_QUORUM && request->route == ROUTE_NODE_CHANGES)
		e = hold(q, world_now_ms(at.world), f); /* the log is being read */
	if (e == ERR_OK && q->exchange)
		reply_add(q, r, known ? known : c.status, &answer)->replayed = known;
	else
		buf_release(&answer);
	return e;
}

static enum err answer_with(struct asked *q, struct runner *r, struct fail *f)
{
	const char *method = exchange_method(q->exchange);
	struct request request;
	size_t len;
	const char *body = exchange_body(q->exchange, &len);
	const char *path = exchange_path(q->exchange);
	enum err e = vital_find("GET", path) != VITAL_COUNT
	    ? fail_set(f, ERR_METHOD, "%.40s: not with the method %.40s, but GET, HEAD",
		  path, method)
	    : request_parse(&request, method, path, body, len, f);

	if (e == ERR_OK)
		e = request_query(&request, exchange_query(q->exchange), f);
	if (e != ERR_OK)
		return e;
	switch (request.route) {
	case ROUTE_LIST:
	case ROUTE_OPERATION:
	case ROUTE_ITEMS:
		return tell_listed(q, r, &request, f);
	case ROUTE_ENDPOINTS:
		tell_endpoints(q, r);
		return ERR_OK;
	case ROUTE_FEES:
		tell_fees(q, r);
		return ERR_OK;
	case ROUTE_NODE:
		tell_node(q, r);
		return ERR_OK;
	case ROUTE_FEED:
		return feed_begin(q, &request, f);
	case ROUTE_TRACKED:
		return tell_tracked(q, r, &request, f);
	case ROUTE_EVENTS:
		return stream_begin(q, r, &request, f);
	case ROUTE_SUBMIT:
	case ROUTE_CREATE:
	case ROUTE_ROWS:
	case ROUTE_RUN:
	case ROUTE_PAUSE:
	case ROUTE_RESUME:
	case ROUTE_RETRY:
	case ROUTE_REPAIR:
	case ROUTE_CANCEL:
	case ROUTE_TRACK:
	case ROUTE_UNTRACK:
	case ROUTE_NODE_CHANGES:
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

void answer(struct asked *q, struct runner *r)
{
	struct fail f = { ERR_OK, "" };
	enum err e = answer_with(q, r, &f);

	if (e != ERR_OK)
		reply_fail(q, r, e, &f);
}
