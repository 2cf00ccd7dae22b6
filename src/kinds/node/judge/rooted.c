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

/* An anchor that is to be made, or, with a root of "", one that is to be known. */
struct wanted {
	char root[L2_HEX], hash[L2_HEX];
	uint64_t made_ms;
};

/* What the database has is one with a root of "". */
struct l2_rooted_one {
	char root[L2_HEX], hash[L2_HEX];
	bool anchored;
	uint64_t made_ms;
};

enum err l2_rooter_paths_in(
    struct l2_rooter_paths *ret, const char *data_dir, struct fail *f)
{
	int log = snprintf(ret->log, sizeof ret->log, "%s/l2_snapshots.dat", data_dir),
	    db = snprintf(ret->reorg_db, sizeof ret->reorg_db, "%s/reorg_db", data_dir);

	if (log >= (int)sizeof ret->log || db >= (int)sizeof ret->reorg_db)
		return fail_set(f, ERR_CONFIG, "node.data_dir: its path is too long");
	return ERR_OK;
}

static struct wanted wanted_of(const struct change *c)
{
	struct wanted w = { .made_ms = c->made_ms };
	char payload[ANCHOR_PAYLOAD];
	uint8_t hash[32];

	if (c->kind != CHANGE_ANCHOR) {
		snprintf(w.hash, sizeof w.hash, "%.*s", (int)c->anchor.len, c->anchor.at);
		return w;
	}
	snprintf(w.root, sizeof w.root, "%.*s", (int)c->state_root.len, c->state_root.at);
	(void)anchor_payload(payload, hash, c->state_root, c->made_ms);
	hex_format(w.hash, hash, sizeof hash);
	return w;
}

static bool is_of(const struct l2_rooted_one *one, const struct wanted *w)
{
	if (!w->root[0])
		return one->anchored && !strcmp(one->hash, w->hash);
	return !strcmp(one->root, w->root) &&
	    (!one->anchored || !strcmp(one->hash, w->hash));
}

static bool has(const struct l2_sight *s, const struct wanted *w)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_of(&s->at[i], w))
			return true;
	return false;
}

/* -- in the log ---------------------------------------------------------------- */

static void add(struct l2_sight *s, const struct l2_rooted_one *one)
{
	if (!(s->n & (s->n - 1)))
		s->at = mem_grow(s->at, s->n ? 2 * s->n : 1, sizeof *s->at);
	s->at[s->n++] = *one;
}

static void see(struct l2_sight *s, const struct l2_verdict *v)
{
	struct l2_rooted_one one = { .anchored = v->anchored, .made_ms = v->anchored_ms };

	if (judge_of(v) == JUDGED_BROKEN)
		return;
	memcpy(one.root, v->root, sizeof one.root);
	memcpy(one.hash, v->anchor_hash, sizeof one.hash);
	add(s, &one);
}

static bool any(void *ctx, struct l2_bytes hash)
{
	(void)ctx;
	(void)hash;
	return true;
}

static const struct l2_demand demand = { .anchor_needed = false, .stored = any };

/* The newest first, down to one that has what is wanted; NULL: all. */
static enum err see_all(struct l2_sight *s, const struct wanted *until,
    const struct files *files, const char *path, struct fail *f)
{
	struct l2_verdict v;
	struct l2_log *log;
	enum err e = l2_log_open(&log, files, path, f);

	s->n = 0;
	if (e != ERR_OK)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	e = l2_log_survey(log, f);
	for (size_t i = e == ERR_OK ? l2_log_n(log) : 0; e == ERR_OK &&
	     !(until && s->n && is_of(&s->at[s->n - 1], until)) && i-- > 0;) {
		e = l2_log_check(log, l2_log_at(log, i), &demand, &v, f);
		if (e == ERR_OK)
			see(s, &v);
	}
	l2_log_close(log);
	return e;
}

/* Mostly it is of the newest one: no more is read for that than it takes. */
static enum err look_in_log(struct l2_sight *s, const struct wanted *w, bool all,
    const struct files *files, const char *path, struct fail *f)
{
	struct l2_end end;
	enum err e = l2_log_end(&end, files, path, &demand, l2_log_end_least, f);

	s->n = 0;
	if (e != ERR_OK)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	if (end.block.len)
		see(s, &end.verdict);
	return has(s, w) ? ERR_OK : see_all(s, all ? NULL : w, files, path, f);
}

/* The database first: it has them all, mostly. What it can't say the log may. */
static enum err look(struct l2_sight *s, const struct wanted *w, bool all,
    const struct files *files, const struct l2_rooter_paths *paths, struct fail *f)
{
	struct judge judge = { .reorg_db = paths->reorg_db };
	struct l2_rooted_one stored = { .anchored = true };
	enum err e = ERR_OK;

	if (!w->root[0] && judge_knows(&judge, l2_text(w->hash))) {
		memcpy(stored.hash, w->hash, sizeof stored.hash);
		add(s, &stored);
	} else {
		e = look_in_log(s, w, all, files, paths->log, f);
	}
	if (e == ERR_OK && !has(s, w))
		e = judge_trouble(&judge, f);
	judge_release(&judge);
	return e;
}

static enum err answered(
    const struct l2_sight *s, const struct wanted *w, const char *path, struct fail *f)
{
	if (has(s, w) || (w->root[0] && MUTANT(anchored_without_snapshot)))
		return ERR_OK;
	if (!w->root[0])
		return fail_set(f, ERR_INPUT,
		    "neither %s nor the reorg database has anchor %s", path, w->hash);
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->at[i].root, w->root))
			return fail_set(f, ERR_INPUT,
			    "made_ms: %" PRIu64
			    " is not the time of the anchor that the snapshot of state "
			    "%.40s.. has in %s: that is %" PRIu64,
			    w->made_ms, w->root, path, s->at[i].made_ms);
	return fail_set(f, ERR_INPUT,
	    "state_root: no snapshot of %s is of state %.40s.., and an anchor whose "
	    "state nobody has is of no use: pawl node create-anchor writes the "
	    "snapshot of a state and its anchor",
	    path, w->root);
}

enum err l2_rooted(struct l2_sight *s, const struct files *files,
    const struct l2_rooter_paths *paths, const struct change *asked, struct fail *f)
{
	struct wanted w = wanted_of(asked);
	enum err e = ERR_OK;

	if (!has(s, &w) || MUTANT(log_read_for_each_line))
		e = look(s, &w, s->looks++ > 0, files, paths, f);
	return e == ERR_OK ? answered(s, &w, paths->log, f) : e;
}

void l2_sight_release(struct l2_sight *s)
{
	mem_free(s->at);
	*s = (struct l2_sight){ .n = 0 };
}

/* -- by workers ---------------------------------------------------------------- */

struct l2_rooter {
	struct l2_rooter *next;
	struct world *world;
	struct l2_rooter_paths paths;
	struct wanted of;
	struct l2_sight sight;
	bool reading;
	int64_t until_ms; /* it is so until then */
	enum err err;
	struct fail fail;
};

static void job_run(void *job)
{
	struct l2_rooter *t = job;

	t->err = look(&t->sight, &t->of, !MUTANT(log_read_for_each_anchor),
	    &files_until_stopped, &t->paths, &t->fail);
}

static void job_done(void *job)
{
	struct l2_rooter *t = job;

	t->reading = false;
	t->until_ms = world_now_ms(t->world) + KEPT_MS;
}

static void rooter_free(struct l2_rooter *t)
{
	l2_sight_release(&t->sight);
	mem_free(t);
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
		rooter_free(t);
	}
	return reading;
}

static void begin(struct l2_rooters *r, struct world *w, const struct wanted *of,
    const struct l2_rooter_paths *paths)
{
	struct l2_rooter *t = mem_new(sizeof *t);

	t->next = r->list;
	t->world = w;
	t->of = *of;
	t->paths = *paths;
	t->reading = true;
	r->list = t;
	r->n++;
	world_work(w, job_run, job_done, t);
}

/* Who was asked for it, or has seen it for another one. */
static struct l2_rooter *find(const struct l2_rooters *r, const struct wanted *w)
{
	struct l2_rooter *own = NULL;

	for (struct l2_rooter *t = r->list; t; t = t->next) {
		if (!t->reading && t->err == ERR_OK && has(&t->sight, w))
			return t;
		if (!strcmp(t->of.hash, w->hash) && !strcmp(t->of.root, w->root))
			own = t;
	}
	return own;
}

enum err l2_rooters_ask(struct l2_rooters *r, struct world *w,
    const struct l2_rooter_paths *paths, const struct change *asked, struct fail *f)
{
	struct wanted of = wanted_of(asked);
	size_t reading = sweep(r, world_now_ms(w));
	struct l2_rooter *t = find(r, &of);
	enum err e;

	if (t && !t->reading) {
		e = t->err == ERR_OK ? answered(&t->sight, &of, t->paths.log, f)
				     : fail_set(f, t->err, "%s", t->fail.why);
		if (e != ERR_OK)
			t->until_ms = 0;
		return e;
	}
	if (!t && reading < READING_MAX && r->n < ROOTERS_MAX)
		begin(r, w, &of, paths);
	return fail_set(f, ERR_NO_QUORUM,
	    "the log of snapshots is being read for the state of an anchor");
}

void l2_rooters_release(struct l2_rooters *r)
{
	while (r->list) {
		struct l2_rooter *t = r->list;

		r->list = t->next;
		rooter_free(t);
	}
	r->n = 0;
}
