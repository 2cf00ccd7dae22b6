#include "kinds/node/judge/rooted.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/judge/judge.h"
#include "kinds/node/state/book.h"

#define KEPT_MS 10000
#define ROOTERS_MAX 64 /* then others wait */
#define READING_MAX 2  /* at once */

struct rooting {
	const char *path;
	char root[L2_HEX], hash[L2_HEX]; /* of the anchor that it would be */
	uint64_t made_ms;
	bool found;
	uint64_t other_ms; /* a snapshot has the root, and an anchor of this time */
	bool has_other;
};

static struct rooting rooting_of(const char *log, const struct change *anchor)
{
	struct rooting r = { .path = log, .made_ms = anchor->made_ms };
	char payload[ANCHOR_PAYLOAD];
	uint8_t hash[32];

	snprintf(r.root, sizeof r.root, "%.*s", (int)anchor->state_root.len,
	    anchor->state_root.at);
	(void)anchor_payload(payload, hash, anchor->state_root, anchor->made_ms);
	hex_format(r.hash, hash, sizeof hash);
	return r;
}

/* -- in the log ---------------------------------------------------------------- */

static void see(struct rooting *r, const struct l2_verdict *v)
{
	if (judge_of(v) == JUDGED_BROKEN || strcmp(r->root, v->root) != 0)
		return;
	if (!v->anchored || strcmp(v->anchor_hash, r->hash) == 0) {
		r->found = true;
	} else if (!r->has_other) {
		r->has_other = true;
		r->other_ms = v->anchored_ms;
	}
}

static bool any(void *ctx, struct l2_bytes hash)
{
	(void)ctx;
	(void)hash;
	return true;
}

static const struct l2_demand demand = { .anchor_needed = false, .stored = any };

static enum err look_at_all(struct rooting *r, const struct files *files, struct fail *f)
{
	struct l2_verdict v;
	struct l2_log *log;
	enum err e = l2_log_open(&log, files, r->path, f);

	if (e != ERR_OK)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	e = l2_log_survey(log, f);
	for (size_t i = e == ERR_OK ? l2_log_n(log) : 0;
	     e == ERR_OK && !r->found && i-- > 0;) {
		e = l2_log_check(log, l2_log_at(log, i), &demand, &v, f);
		if (e == ERR_OK)
			see(r, &v);
	}
	l2_log_close(log);
	return e;
}

/* Mostly it is of the newest one: no more is read for that than it takes. */
static enum err look(struct rooting *r, const struct files *files, struct fail *f)
{
	struct l2_end end;
	enum err e = l2_log_end(&end, files, r->path, &demand, l2_log_end_least, f);

	if (e != ERR_OK)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	if (end.block.len)
		see(r, &end.verdict);
	return r->found ? ERR_OK : look_at_all(r, files, f);
}

static enum err answered(const struct rooting *r, struct fail *f)
{
	if (r->found || MUTANT(anchored_without_snapshot))
		return ERR_OK;
	if (r->has_other)
		return fail_set(f, ERR_INPUT,
		    "made_ms: %" PRIu64 " is not the time of the anchor that the "
		    "snapshot of state %.40s.. has in %s: that is %" PRIu64,
		    r->made_ms, r->root, r->path, r->other_ms);
	return fail_set(f, ERR_INPUT,
	    "state_root: no snapshot of %s is of state %.40s.., and an anchor whose "
	    "state nobody has is of no use: pawl node create-anchor writes the "
	    "snapshot of a state and its anchor",
	    r->path, r->root);
}

enum err l2_rooted(const struct files *files, const char *log,
    const struct change *anchor, struct fail *f)
{
	struct rooting r = rooting_of(log, anchor);
	enum err e = look(&r, files, f);

	return e == ERR_OK ? answered(&r, f) : e;
}

/* -- by workers ---------------------------------------------------------------- */

struct l2_rooter {
	struct l2_rooter *next;
	struct world *world;
	char path[L2_ROOTER_PATH];
	struct rooting of;
	bool reading;
	int64_t until_ms; /* it is so until then */
	enum err err;
	struct fail fail;
};

static void job_run(void *job)
{
	struct l2_rooter *t = job;

	t->err = look(&t->of, &files_until_stopped, &t->fail);
}

static void job_done(void *job)
{
	struct l2_rooter *t = job;

	t->reading = false;
	t->until_ms = world_now_ms(t->world) + KEPT_MS;
}

/* What is over goes; of the others, how many read. */
static size_t sweep(struct l2_rooters *r, int64_t now_ms)
{
	size_t reading = 0;

	for (struct l2_rooter **at = &r->list; *at;) {
		struct l2_rooter *t = *at;

		reading += t->reading;
		if (t->reading || now_ms < t->until_ms) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		r->n--;
		mem_free(t);
	}
	return reading;
}

static void begin(
    struct l2_rooters *r, struct world *w, const struct rooting *of, const char *log)
{
	struct l2_rooter *t = mem_new(sizeof *t);

	t->next = r->list;
	t->world = w;
	t->of = *of;
	snprintf(t->path, sizeof t->path, "%s", log);
	t->of.path = t->path;
	t->reading = true;
	r->list = t;
	r->n++;
	world_work(w, job_run, job_done, t);
}

enum err l2_rooters_ask(struct l2_rooters *r, struct world *w, const char *log,
    const struct change *anchor, struct fail *f)
{
	struct rooting of = rooting_of(log, anchor);
	size_t reading = sweep(r, world_now_ms(w));
	struct l2_rooter *t = r->list;
	enum err e;

	while (t && strcmp(t->of.hash, of.hash) != 0)
		t = t->next;
	if (t && !t->reading) {
		e = t->err == ERR_OK ? answered(&t->of, f)
				     : fail_set(f, t->err, "%s", t->fail.why);
		if (e != ERR_OK)
			t->until_ms = 0;
		return e;
	}
	if (!t && reading < READING_MAX && r->n < ROOTERS_MAX)
		begin(r, w, &of, log);
	return fail_set(f, ERR_NO_QUORUM,
	    "the log of snapshots is being read for the state of an anchor");
}

void l2_rooters_release(struct l2_rooters *r)
{
	while (r->list) {
		struct l2_rooter *t = r->list;

		r->list = t->next;
		mem_free(t);
	}
	r->n = 0;
}
