/* What the node of a resync is asked, and for how long. */
#include <inttypes.h>

#include "base/mem.h"
#include "chain/bitcoin/bitcoin.h"
#include "cli/cli.h"
#include "cli/node/resync_in.h"

#define TRIES 5
#define SILENT_MS 3000 /* then it is said who is waited for */
#define AGAIN_MS 30000 /* and said again */

/* Who types it sees at once that nobody answers, and who that is. */
static int64_t silence_tell(struct resync_run *r)
{
	int64_t now_ms = world_now_ms(r->world), silent_ms = now_ms - r->since_ms;
	int64_t next_ms = r->told_ms ? r->told_ms + AGAIN_MS : r->since_ms + SILENT_MS;

	if (now_ms < next_ms)
		return next_ms;
	cli_warn(r->plan->cli,
	    "waiting for %s: no answer for %" PRId64 " s; a request may take %" PRId64
	    " s, and is sent %d times",
	    r->node, silent_ms / 1000, r->plan->timeout_ms / 1000, TRIES);
	r->told_ms = now_ms;
	return now_ms + AGAIN_MS;
}

static enum err stopped(struct resync_run *r)
{
	return world_signalled(r->world)
	    ? fail_set(r->f, ERR_STOPPED,
		  "stopped; what was written stays, and the same command goes on")
	    : ERR_OK;
}

static void answered(void *ctx, struct pool_answer *a)
{
	struct slot *s = ctx;

	s->got = *a;
	a->answer = NULL;
	s->answered = true;
}

static enum err await(struct resync_run *r, const struct slot *s)
{
	while (!s->answered) {
		world_wait(r->world, silence_tell(r));
		if (stopped(r) != ERR_OK)
			return ERR_STOPPED;
	}
	if (s->got.err == ERR_OK) {
		r->since_ms = world_now_ms(r->world);
		r->told_ms = 0;
	}
	return ERR_OK;
}

/* When its node may be asked. */
static enum err ask(struct resync_run *r, struct slot *s, struct buf *body)
{
	int64_t at_ms;

	while (!pool_ready(r->pool, 0, &at_ms)) {
		int64_t tell_ms = silence_tell(r);

		world_wait(r->world, at_ms < tell_ms ? at_ms : tell_ms);
		if (stopped(r) != ERR_OK) {
			buf_release(body);
			return ERR_STOPPED;
		}
	}
	s->busy = true;
	s->answered = false;
	pool_ask(r->pool, 0, body, answered, s);
	/* It leaves now, and not when somebody waits for it. */
	world_wait(r->world, world_now_ms(r->world));
	return ERR_OK;
}

void resync_clear(struct slot *s)
{
	mem_free(s->got.answer);
	s->got.answer = NULL;
	s->busy = s->answered = false;
}

static bool may_come(enum err e)
{
	return err_class(e) == CLASS_RETRY || err_class(e) == CLASS_UNKNOWN;
}

/* What came to nothing names who was asked. */
static enum err named(struct resync_run *r, enum err e, int tries)
{
	if (e == ERR_OK)
		return e;
	if (!may_come(e))
		return fail_wrap(r->f, e, "%s", r->node);
	return fail_wrap(r->f, e,
	    "%s, asked %d time%s (a request may take %" PRId64
	    " ms, as timeout_ms of its chain in the config says, else 10000)",
	    r->node, tries, tries == 1 ? "" : "s", r->plan->timeout_ms);
}

/* -- one question ---------------------------------------------------------- */

typedef enum err read_fn(struct resync_run *r, const char *answer, size_t len, void *ret);

/* By itself, tried some times. */
static enum err asked(
    struct resync_run *r, void (*write)(struct buf *body), read_fn *read, void *ret)
{
	enum err e = ERR_OK;
	int i;

	for (i = 0; i < TRIES; i++) {
		struct slot s = { .n = 0 };
		struct buf body;

		buf_init(&body, 4096);
		write(&body);
		e = ask(r, &s, &body);
		if (e == ERR_OK)
			e = await(r, &s);
		if (e != ERR_OK)
			return e;
		e = s.got.err;
		if (e == ERR_OK)
			e = read(r, s.got.answer, s.got.len, ret);
		else
			(void)fail_set(r->f, e, "%s", s.got.fail.why);
		resync_clear(&s);
		if (!may_come(e))
			break;
	}
	return named(r, e, i);
}

static enum err identity_take(
    struct resync_run *r, const char *answer, size_t len, void *ret)
{
	return bitcoin_identity_read(ret, answer, len, r->f);
}

enum err resync_identity(struct resync_run *r, struct identity *ret)
{
	return asked(r, bitcoin_identity, identity_take, ret);
}

static enum err count_take(
    struct resync_run *r, const char *answer, size_t len, void *ret)
{
	return bitcoin_count_read(ret, answer, len, r->f);
}

enum err resync_head(struct resync_run *r, uint64_t *ret)
{
	return asked(r, bitcoin_count, count_take, ret);
}

/* -- hashes ---------------------------------------------------------------- */

void resync_span(struct slot *s, uint64_t from, uint32_t n)
{
	s->n = n;
	for (uint32_t i = 0; i < n; i++)
		s->heights[i] = from + i;
}

enum err resync_ask(struct resync_run *r, struct slot *s)
{
	struct buf body;

	buf_init(&body, 1 << 20);
	bitcoin_headers_at(&body, s->heights, s->n);
	return ask(r, s, &body);
}

enum err resync_take(struct resync_run *r, struct slot *s)
{
	enum err e;

	for (;;) {
		e = await(r, s);
		if (e != ERR_OK)
			return e;
		e = s->got.err;
		if (e == ERR_OK)
			e = bitcoin_hashes_read(
			    r->hashes, r->known, s->n, s->got.answer, s->got.len, r->f);
		else
			(void)fail_set(r->f, e, "%s", s->got.fail.why);
		resync_clear(s);
		if (!may_come(e) || ++s->tries == TRIES)
			return named(r, e, s->tries);
		e = resync_ask(r, s);
		if (e != ERR_OK)
			return e;
	}
}

enum err resync_few(struct resync_run *r, struct slot *s)
{
	enum err e = resync_ask(r, s);

	return e == ERR_OK ? resync_take(r, s) : e;
}
