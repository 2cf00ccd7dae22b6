#include "serve/watch/stream.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/operation.h"
#include "serve/watch/standing.h"
#include "serve/watch/wire.h"

#define PIECE_MAX ((size_t)64 * 1024)
#define PAUSE_MS 200  /* between two pieces */
#define ALIVE_MS 5000 /* the same again: so a client that is gone is noticed */

struct stream {
	LIST_ENTRY(stream) link;
	struct places *places;
	struct exchange *exchange;
	int64_t operation;
	struct standing told;
	int64_t told_ms, due_ms;
};

void streams_init(
    struct streams *s, struct world *w, struct journal *j, const struct serve_face *face)
{
	*s = (struct streams){ .world = w, .journal = j, .face = face };
	LIST_INIT(&s->list);
}

static void stream_free(struct stream *t)
{
	LIST_REMOVE(t, link);
	t->places->n--;
	mem_free(t);
}

void streams_release(struct streams *s)
{
	struct stream *t;

	while ((t = LIST_FIRST(&s->list))) {
		exchange_drop(t->exchange);
		stream_free(t);
	}
}

/* Who left is noticed when something is sent to him; who comes then needs his place. */
static void leavers_end(struct streams *s, const struct places *places)
{
	struct stream *t, *next;

	for (t = LIST_FIRST(&s->list); t; t = next) {
		next = LIST_NEXT(t, link);
		if (t->places != places || !exchange_gone(t->exchange))
			continue;
		exchange_drop(t->exchange);
		stream_free(t);
	}
}

enum err streams_add(struct streams *s, struct exchange *x, struct places *places,
    int64_t operation, struct fail *f)
{
	struct stream *t;

	if (places->n == places->max && !MUTANT(leavers_keep_places))
		leavers_end(s, places);
	if (places->n == places->max)
		return fail_set(f, ERR_STOPPED,
		    "%u processes watch already; it goes on all the same: pawl status",
		    places->max);
	t = mem_new(sizeof *t);
	t->places = places;
	t->exchange = x;
	t->operation = operation;
	LIST_INSERT_HEAD(&s->list, t, link);
	places->n++;
	return ERR_OK;
}

/* It does not go on by itself: the stream ends with why, as a run would. */
static bool stream_end(struct streams *s, struct runner *r, struct stream *t,
    const struct operation *loaded, const struct operation *o)
{
	bool ended = operation_ended(o) && (!loaded || !r->reasons);
	struct fail f = { ERR_OK, "" };
	enum err e = ended ? ERR_OK : s->face->stuck(s->face->ctx, r, o, &f);
	struct buf piece;

	if (e == ERR_OK && !ended)
		return false;
	buf_init(&piece, PIECE_MAX);
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

	buf_init(&piece, PIECE_MAX);
	wire_standing_encode(&piece, &t->told);
	heard = exchange_send(t->exchange, buf_text(&piece));
	buf_release(&piece);
	t->told_ms = now_ms;
	t->due_ms = now_ms + ALIVE_MS;
	if (heard)
		return;
	exchange_drop(t->exchange);
	stream_free(t);
}

static void stream_tell(
    struct streams *s, struct runner *r, struct stream *t, int64_t now_ms)
{
	const struct operation *loaded = runner_operation(r, t->operation), *o = loaded;
	struct operation read;
	struct standing now;
	bool changed;

	if (!o && operation_read(s->journal, t->operation, &read))
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
	if (now_ms >= (changed ? t->told_ms + PAUSE_MS : t->due_ms))
		stream_send(t, now_ms);
	else if (changed)
		t->due_ms = t->told_ms + PAUSE_MS;
}

void streams_tell(struct streams *s, struct runner *r, int64_t now_ms)
{
	struct stream *t, *next;

	for (t = LIST_FIRST(&s->list); t; t = next) {
		next = LIST_NEXT(t, link);
		stream_tell(s, r, t, now_ms);
	}
}

void streams_stop(struct streams *s, const char *why)
{
	struct stream *t;
	struct buf piece;

	buf_init(&piece, PIECE_MAX);
	wire_stopping_encode(&piece, why);
	while ((t = LIST_FIRST(&s->list))) {
		if (!t->told_ms)
			exchange_stream(t->exchange, "text/event-stream");
		(void)exchange_send(t->exchange, buf_text(&piece));
		exchange_end(t->exchange);
		stream_free(t);
	}
	buf_release(&piece);
}

int64_t streams_wake_ms(const struct streams *s)
{
	int64_t due_ms = INT64_MAX;
	const struct stream *t;

	LIST_FOREACH(t, &s->list, link)
	if (t->due_ms < due_ms)
		due_ms = t->due_ms;
	return due_ms;
}
