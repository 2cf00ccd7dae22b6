#include "serve/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "serve/door/door.h"
#include "serve/watch/wire.h"

#define ANSWER_MAX ((size_t)1024 * 1024)
#define NO_END_MS INT32_MAX
#define PATIENCE_MS 30000        /* for nodes that the owner waits for */
#define PAST_PATIENCE_MS 3600000 /* for thousands of blocks, one by one */
#define AGAIN_MS 200
#define SILENCE_TOLD 200

struct client {
	struct door door;
	struct world *world;
	int64_t pid; /* whose it is; 0: nobody knows */

	/* the waiting */
	int64_t after_ms, patience_ms;
	client_say_fn *say; /* NULL: nobody listens */
	void *say_ctx;
	bool silent; /* it came to its end */

	/* the question under way */
	bool answered;
	struct http_answer answer;

	/* the stream */
	struct buf text; /* what has come and is no whole event yet */
	standing_fn *each;
	void *ctx;
	bool ended;
	enum err end;
	struct fail fail;
};

enum err client_open(struct client **ret, const char *journal, struct fail *f)
{
	struct client *c = mem_new(sizeof *c);
	enum err e = door_find(&c->door, journal, f);

	if (e == ERR_OK && !door_answers(&c->door, &c->pid))
		e = fail_set(f, ERR_NOT_SENT, "nobody listens at %s", c->door.name);
	if (e == ERR_OK)
		e = world_open(&c->world, f);
	if (e == ERR_OK) {
		buf_init(&c->text, ANSWER_MAX);
		c->patience_ms = CLIENT_PATIENCE_MS;
		*ret = c;
		return ERR_OK;
	}
	door_close(&c->door);
	mem_free(c);
	return e;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	world_free(c->world);
	mem_free(c->answer.body);
	buf_release(&c->text);
	door_close(&c->door);
	mem_free(c);
}

struct world *client_world(struct client *c)
{
	return c->world;
}

void client_waits(struct client *c, int64_t after_ms, int64_t patience_ms,
    client_say_fn *say, void *ctx)
{
	c->after_ms = after_ms;
	c->patience_ms = patience_ms;
	c->say = say;
	c->say_ctx = ctx;
}

bool client_lost(const struct client *c, enum err e)
{
	return c && (e == ERR_UNANSWERED || e == ERR_NOT_SENT) &&
	    (!c->silent || MUTANT(silent_owner_is_asked_again));
}

/* -- one question ---------------------------------------------------------- */

static void on_answer(void *ctx, struct http_answer *a)
{
	struct client *c = ctx;

	mem_free(c->answer.body);
	c->answer = *a;
	a->body = NULL; /* taken */
	c->answered = true;
}

/* The path's memory is freed, the body's given away. */
static void send_off(struct client *c, enum route route, const char *name,
    struct buf *body, http_part_fn *part)
{
	struct http_request q = { .unix_socket = c->door.name,
		.timeout_ms = NO_END_MS, /* await has its own */
		.answer_max = ANSWER_MAX,
		.once = true,
		.done = on_answer,
		.part = part,
		.ctx = c };
	struct buf url;

	buf_init(&url, 4096);
	buf_add_str(&url, "http://pawl");
	request_path(&url, route, name);
	CHECK(buf_ok(&url));
	q.url = buf_text(&url);
	if (body) {
		buf_add_str(body, "");
		CHECK(buf_ok(body));
		q.body = (char *)buf_take(body, &q.body_len);
	}
	c->answered = false;
	world_http(c->world, &q);
	buf_release(&url);
}

static void silence_tell(const struct client *c, char out[SILENCE_TOLD])
{
	if (c->pid)
		snprintf(out, SILENCE_TOLD,
		    "process %" PRId64 ", which owns the journal, does not answer (if a "
		    "signal stopped it, this lets it go on: kill -CONT %" PRId64 ")",
		    c->pid, c->pid);
	else
		snprintf(out, SILENCE_TOLD,
		    "the process that owns the journal does not answer");
}

/* It is said once that it takes long. */
static void await_until(struct client *c, int64_t say_ms, int64_t until_ms)
{
	bool said = !c->say || MUTANT(silent_owner_unnamed);
	int64_t now_ms = world_now_ms(c->world);
	char why[SILENCE_TOLD];

	while (!c->answered && !world_signalled(c->world) && now_ms < until_ms) {
		if (!said && now_ms >= say_ms) {
			silence_tell(c, why);
			c->say(c->say_ctx, why, until_ms - now_ms);
			said = true;
		}
		world_wait(c->world, said ? until_ms : say_ms);
		now_ms = world_now_ms(c->world);
	}
}

/* lasts: what it is asked for comes bit by bit, and may take for ever. */
static enum err await(struct client *c, bool lasts, struct fail *f)
{
	int64_t now_ms = world_now_ms(c->world);
	char why[SILENCE_TOLD];

	if (lasts)
		await_until(c, INT64_MAX, INT64_MAX);
	else
		await_until(c, now_ms + c->after_ms, now_ms + c->patience_ms);
	c->silent = !c->answered && !world_signalled(c->world);
	if (c->silent) {
		silence_tell(c, why);
		return fail_set(f, ERR_UNANSWERED,
		    "%s. That was awaited for %" PRId64 " s: it may have done what was "
		    "asked, or do it when it goes on; type the same again then",
		    why, c->patience_ms / 1000);
	}
	if (!c->answered)
		return fail_set(f, ERR_STOPPED,
		    "stopped while the process that owns the journal was asked, which "
		    "may have done it; type it again");
	if (c->answer.end == HTTP_NOT_SENT)
		return fail_set(f, ERR_NOT_SENT, "%s", c->answer.why);
	if (c->answer.end == HTTP_UNKNOWN)
		return fail_set(f, ERR_UNANSWERED,
		    "the process that owns the journal does not answer: %s",
		    c->answer.why);
	return ERR_OK;
}

/* OK: *ret is an object, the caller's. */
static enum err answer_read(const struct client *c, json_t **ret, struct fail *f)
{
	json_t *o =
	    json_read(c->answer.body ? c->answer.body : "", c->answer.body_len, f);
	enum err e = ERR_BAD_ANSWER;

	if (!o)
		return e;
	if (c->answer.status == 200 && json_is_object(o)) {
		*ret = o;
		return ERR_OK;
	}
	e = wire_fail_decode(o, f);
	json_decref(o);
	return e == ERR_OK ? ERR_BAD_ANSWER : e;
}

static enum err ask(struct client *c, enum route route, const char *name,
    struct buf *body, json_t **ret, struct fail *f)
{
	enum err e;

	send_off(c, route, name, body, NULL);
	e = await(c, false, f);
	return e == ERR_OK ? answer_read(c, ret, f) : e;
}

/* What answers with what came of it; where the nodes must say something first, it is
 * asked again for a while. body is kept. */
static enum err ask_told(struct client *c, const struct request *q,
    const struct buf *body, struct told *ret, struct fail *f)
{
	int64_t until_ms = world_now_ms(c->world) + PATIENCE_MS;

	for (;;) {
		json_t *o = NULL;
		struct buf copy;
		int64_t now_ms;
		enum err e;

		buf_init(&copy, body->len + 1);
		buf_add(&copy, body->data, body->len);
		e = ask(c, q->route, q->name, &copy, &o, f);
		if (e == ERR_OK && !wire_told_decode(o, ret))
			e = fail_set(
			    f, ERR_BAD_ANSWER, "the owner's answer is not understood");
		json_decref(o);
		now_ms = world_now_ms(c->world);
		if (e != ERR_NO_QUORUM || now_ms >= until_ms)
			return e;
		world_wait(c->world, now_ms + AGAIN_MS);
		if (world_signalled(c->world))
			return fail_set(f, ERR_STOPPED, "stopped; nothing was changed");
	}
}

enum err client_command(
    struct client *c, const struct request *q, struct told *ret, struct fail *f)
{
	struct buf body;
	enum err e;

	buf_init(&body, REQUEST_LINES_MAX);
	request_body(&body, q);
	e = ask_told(c, q, &body, ret, f);
	buf_release(&body);
	return e;
}

/* Without an operation: the owner reads first what the account did before. */
static enum err create(struct client *c, const struct request *q, const struct buf *body,
    struct told *ret, struct fail *f)
{
	int64_t until_ms = world_now_ms(c->world) + PAST_PATIENCE_MS;
	enum err e = ask_told(c, q, body, ret, f);

	while (e == ERR_OK && !ret->operation) {
		int64_t now_ms = world_now_ms(c->world);

		if (now_ms >= until_ms)
			return fail_set(f, ERR_NO_QUORUM,
			    "the past of the key can't be read; see: pawl doctor");
		world_wait(c->world, now_ms + AGAIN_MS);
		if (world_signalled(c->world))
			return fail_set(f, ERR_STOPPED, "stopped; nothing was changed");
		e = ask_told(c, q, body, ret, f);
	}
	return e;
}

enum err client_create(
    struct client *c, const struct handover *h, struct told *ret, struct fail *f)
{
	struct request q = { .route = ROUTE_CREATE };
	struct buf body;
	enum err e;

	buf_init(&body, REQUEST_JSON_MAX);
	if (handover_encode(&body, h))
		e = create(c, &q, &body, ret, f);
	else
		e = fail_set(f, ERR_USAGE,
		    "%.60s: only what is UTF-8 can be handed to the owner of the journal",
		    h->facts.file);
	buf_release(&body);
	return e;
}

enum err client_rows(
    struct client *c, const char *operation, struct buf *lines, struct fail *f)
{
	json_t *o = NULL;
	enum err e = ask(c, ROUTE_ROWS, operation, lines, &o, f);

	json_decref(o);
	return e;
}

enum err client_endpoints(struct client *c, json_t **ret, struct fail *f)
{
	return ask(c, ROUTE_ENDPOINTS, "", NULL, ret, f);
}

/* -- a stream of events ---------------------------------------------------- */

static void data_take(struct client *c, bool end, const char *data, size_t len)
{
	struct standing s;
	json_t *o = json_read(data, len, NULL);

	if (end) {
		c->ended = true;
		c->end = wire_fail_decode(o, &c->fail);
	} else if (wire_standing_decode(o, &s)) {
		c->each(c->ctx, &s);
	}
	json_decref(o);
}

/* "event: NAME\ndata: JSON": as an owner writes it, and nothing else. */
static void event_take(struct client *c, const char *text, size_t len)
{
	static const char standing[] = "event: standing\ndata: ";
	static const char end[] = "event: end\ndata: ";
	size_t standing_len = sizeof standing - 1, end_len = sizeof end - 1;

	if (len > standing_len && memcmp(text, standing, standing_len) == 0)
		data_take(c, false, text + standing_len, len - standing_len);
	else if (len > end_len && memcmp(text, end, end_len) == 0)
		data_take(c, true, text + end_len, len - end_len);
}

static void on_part(void *ctx, const char *bytes, size_t len)
{
	struct client *c = ctx;
	const char *at, *stop;
	struct buf rest;

	buf_add(&c->text, bytes, len);
	if (!buf_ok(&c->text))
		buf_clear(&c->text);
	at = buf_text(&c->text);
	while ((stop = strstr(at, "\n\n"))) {
		event_take(c, at, (size_t)(stop - at));
		at = stop + 2;
	}
	buf_init(&rest, ANSWER_MAX);
	buf_add_str(&rest, at);
	buf_release(&c->text);
	c->text = rest;
}

enum err client_follow(
    struct client *c, const char *operation, standing_fn *each, void *ctx, struct fail *f)
{
	json_t *o;
	enum err e;

	c->each = each;
	c->ctx = ctx;
	c->ended = false;
	buf_clear(&c->text);
	send_off(c, ROUTE_EVENTS, operation, NULL, on_part);
	e = await(c, true, f);
	if (e == ERR_OK && c->answer.status != 200)
		return answer_read(c, &o, f);
	if (e == ERR_OK && c->answer.body_len)
		on_part(c, c->answer.body, c->answer.body_len);
	if (e == ERR_STOPPED)
		return fail_set(
		    f, e, "stopped; the process that owns the journal goes on with it");
	if (!c->ended)
		return fail_set(f, ERR_UNANSWERED,
		    "the process that owns the journal ended or let go");
	if (f)
		*f = c->fail;
	return c->end;
}
