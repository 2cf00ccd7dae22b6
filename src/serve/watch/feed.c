#include "serve/watch/feed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "journal/sql.gen.h"
#include "serve/watch/wire.h"

#define PIECE_MAX ((size_t)60 * 1024)
#define PIECE_FULL ((size_t)32 * 1024) /* with room for one event more */
#define EVENTS_MAX 256                 /* of a piece */
#define WINDOW_EVENTS 10000            /* so many are looked at for it */
#define TELL_MS 20                     /* then the next turn is due */
#define MORE_MS 1
#define SLOW_MS 20      /* until it is looked again whether he has read */
#define ALIVE_MS 10000  /* so a client that is gone is noticed */
#define SILENT_MS 20000 /* who has not read for so long is dropped */

struct feed {
	TAILQ_ENTRY(feed) link;
	struct places *places;
	struct exchange *exchange;
	int64_t operation; /* 0: all */
	int64_t at;        /* what was told up to here */
	bool begun;
	int64_t told_ms, due_ms;
};

void feeds_init(struct feeds *s, struct world *w, struct journal *j)
{
	*s = (struct feeds){ .world = w, .journal = j };
	TAILQ_INIT(&s->list);
}

static void feed_end(struct feeds *s, struct feed *t)
{
	TAILQ_REMOVE(&s->list, t, link);
	t->places->n--;
	exchange_drop(t->exchange);
	mem_free(t);
}

void feeds_release(struct feeds *s)
{
	while (!TAILQ_EMPTY(&s->list))
		feed_end(s, TAILQ_FIRST(&s->list));
}

/* A piece that nobody has taken yet is not replaced: he goes on behind what he has. */
void feeds_stop(struct feeds *s, const char *why)
{
	struct buf piece;

	buf_init(&piece, PIECE_MAX);
	wire_stopping_encode(&piece, why);
	while (!TAILQ_EMPTY(&s->list)) {
		struct feed *t = TAILQ_FIRST(&s->list);

		if (t->begun && exchange_taken(t->exchange))
			(void)exchange_send(t->exchange, buf_text(&piece));
		feed_end(s, t);
	}
	buf_release(&piece);
}

static int64_t newest(struct journal *j)
{
	struct sql_event_last_in in = { .max = 1 };
	struct sql_event_last_out row;

	return sql_event_last_one(j, &in, &row) ? row.id : 0;
}

static enum err last_read(int64_t *ret, const char *text, struct fail *f)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 18 || text[digits])
		return fail_set(f, ERR_USAGE, "Last-Event-ID: no id of an event");
	*ret = strtoll(text, NULL, 10);
	return ERR_OK;
}

/* Who left is noticed when something is sent to him; who comes then needs his place. */
static void leavers_end(struct feeds *s, const struct places *places)
{
	struct feed *t, *next;

	for (t = TAILQ_FIRST(&s->list); t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->places == places && exchange_gone(t->exchange))
			feed_end(s, t);
	}
}

enum err feeds_add(struct feeds *s, struct exchange *x, struct places *places,
    int64_t operation, int64_t after, const char *last, struct fail *f)
{
	int64_t end = newest(s->journal);
	enum err e = last && *last ? last_read(&after, last, f) : ERR_OK;
	struct feed *t;

	if (e != ERR_OK)
		return e;
	if (after > end)
		return fail_set(f, ERR_CONFLICT,
		    "the journal ends with event %" PRId64
		    ": an older copy was put back since; begin anew, with ?after=0",
		    end);
	if (places->n == places->max && !MUTANT(leavers_keep_places))
		leavers_end(s, places);
	if (places->n == places->max)
		return fail_set(
		    f, ERR_STOPPED, "%u follow already; try again later", places->max);
	t = mem_new(sizeof *t);
	*t = (struct feed){ .places = places,
		.exchange = x,
		.operation = operation,
		.at = after < 0 ? end : after };
	TAILQ_INSERT_TAIL(&s->list, t, link);
	places->n++;
	return ERR_OK;
}

/* -- what is told ---------------------------------------------------------- */

static void event_add(struct buf *out, const struct sql_feed_events_out *e)
{
	json_t *o = json_pack("{s:I, s:I, s:o, s:I, s:s, s:o, s:o, s:o, s:o}", "id",
	    (json_int_t)e->id, "commit", (json_int_t)e->commit_no, "operation",
	    json_text(e->no_name ? NULL : e->name), "row", (json_int_t)e->row, "what",
	    e->what, "from", json_text(e->from_state), "to", json_text(e->to_state),
	    "why", json_text(e->why), "at_ms",
	    e->no_at_ms ? json_null() : json_integer(e->at_ms));

	buf_addf(out, "id: %" PRId64 "\nevent: event\ndata: ", e->id);
	json_line_add(out, o);
	buf_add_str(out, "\n");
}

/* true: there is more. */
static bool piece_fill(struct feeds *s, struct feed *t, int64_t end, struct buf *out)
{
	int64_t last = t->at + WINDOW_EVENTS < end ? t->at + WINDOW_EVENTS : end;
	struct sql_feed_events_in in = {
		.after = t->at, .last = last, .operation = t->operation, .max = EVENTS_MAX
	};
	struct sql_feed_events_out e;
	int n = 0;

	sql_feed_events_begin(s->journal, &in);
	while (sql_feed_events_next(s->journal, &e)) {
		event_add(out, &e);
		n++;
		last = e.id;
		if (out->len >= PIECE_FULL) {
			sql_feed_events_end(s->journal);
			n = EVENTS_MAX;
			break;
		}
	}
	/* all of the window was looked at */
	t->at = n == EVENTS_MAX ? last : in.last;
	return t->at < end;
}

/* Who comes again without a word of any event goes on here all the same. */
static void begin(struct feed *t, struct buf *out)
{
	exchange_stream(t->exchange, "text/event-stream");
	buf_addf(out, "retry: 1000\nid: %" PRId64 "\n\n", t->at);
	t->begun = true;
}

/* false: it is gone. */
static bool feed_tell(struct feeds *s, struct feed *t, int64_t end, int64_t now_ms)
{
	struct buf out;
	bool more, heard = true;

	if (!exchange_taken(t->exchange) && !MUTANT(pieces_replaced)) {
		t->due_ms = now_ms + SLOW_MS;
		return now_ms - t->told_ms < SILENT_MS;
	}
	buf_init(&out, PIECE_MAX);
	if (!t->begun)
		begin(t, &out);
	more = t->at < end && piece_fill(s, t, end, &out);
	if (!out.len && now_ms - t->told_ms >= ALIVE_MS)
		buf_add_str(&out, ": alive\n\n");
	CHECK(buf_ok(&out));
	if (out.len) {
		heard = exchange_send(t->exchange, buf_text(&out));
		t->told_ms = now_ms;
	}
	buf_release(&out);
	t->due_ms = more ? now_ms + MORE_MS : t->told_ms + ALIVE_MS;
	return heard;
}

/* Who was told goes behind the others: a long way back keeps nobody waiting. */
void feeds_tell(struct feeds *s, int64_t now_ms)
{
	int64_t end = TAILQ_EMPTY(&s->list) ? 0 : newest(s->journal);
	struct feed *last = TAILQ_LAST(&s->list, feed_list), *t, *next;
	bool is_last = false;

	for (t = TAILQ_FIRST(&s->list); t && !is_last; t = next) {
		next = TAILQ_NEXT(t, link);
		is_last = t == last;
		if (t->begun && t->at == end && now_ms < t->due_ms)
			continue;
		TAILQ_REMOVE(&s->list, t, link);
		TAILQ_INSERT_TAIL(&s->list, t, link);
		if (!feed_tell(s, t, end, now_ms))
			feed_end(s, t);
		if (world_now_ms(s->world) - now_ms >= TELL_MS)
			break;
	}
}

int64_t feeds_wake_ms(const struct feeds *s)
{
	int64_t due_ms = INT64_MAX;
	const struct feed *t;

	TAILQ_FOREACH(t, &s->list, link)
	if (t->due_ms < due_ms)
		due_ms = t->due_ms;
	return due_ms;
}
