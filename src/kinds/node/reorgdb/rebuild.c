#include "kinds/node/reorgdb/rebuild.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/reorgdb/changes.h"

#define BATCH_MAX 10000
#define NAMES_MAX 1000

/* What the old one has, on its way into the new one. */
struct salvage {
	struct reorgdb *to;
	struct reorgdb_batch *batch;
	struct rebuilt *told;
	enum err e;
	struct fail *f;
};

static void put(struct salvage *s, const char *key, const char *value, size_t len)
{
	struct fail why;

	/* What could not be read back is not carried over. */
	if (s->e != ERR_OK || reorgdb_put(s->batch, key, value, len, &why) != ERR_OK)
		return;
	s->told->salvaged++;
	if (reorgdb_batch_n(s->batch) >= BATCH_MAX)
		s->e = reorgdb_write(s->to, s->batch, s->f);
}

static void salvage_block(void *ctx, uint64_t height, const char *hash)
{
	char key[RECORD_KEY_MAX];

	key_block(key, height);
	put(ctx, key, hash, strlen(hash));
}

static void salvage_anchor(void *ctx, const struct anchor_record *a)
{
	char key[RECORD_KEY_MAX];
	struct buf b;

	buf_init(&b, RECORD_VALUE_MAX);
	key_anchor(key, a->hash);
	if (anchor_format(&b, a, NULL) == ERR_OK)
		put(ctx, key, buf_text(&b), b.len);
	buf_release(&b);
}

static void salvage_event(void *ctx, const struct reorg_event *e)
{
	char key[RECORD_KEY_MAX], next[24];
	struct buf b;

	buf_init(&b, RECORD_VALUE_MAX);
	key_event(key, e->number);
	if (event_format(&b, e, NULL) == ERR_OK && e->number < UINT64_MAX) {
		put(ctx, key, buf_text(&b), b.len);
		buf_clear(&b);
		buf_add_u64(&b, e->number + 1);
		snprintf(next, sizeof next, "%s", buf_text(&b));
		put(ctx, KEY_COUNTER, next, strlen(next));
	}
	buf_release(&b);
}

static void salvage_below(void *ctx, uint64_t number, uint64_t deep)
{
	char key[RECORD_KEY_MAX], value[24];

	key_below(key, number);
	snprintf(value, sizeof value, "%" PRIu64, deep);
	put(ctx, key, value, strlen(value));
}

static void salvage_peer(
    void *ctx, const char *peer, size_t peer_len, const char *value, size_t len)
{
	struct salvage *s = ctx;

	if (s->e != ERR_OK)
		return;
	reorgdb_put_reputation(s->to, s->batch, peer, peer_len, value, len);
	s->told->salvaged++;
	if (reorgdb_batch_n(s->batch) >= BATCH_MAX)
		s->e = reorgdb_write(s->to, s->batch, s->f);
}

static void cut_short(struct rebuilt *told, const struct fail *why)
{
	told->cut_short = true;
	snprintf(told->why, sizeof told->why, "%s", why->why);
}

/* As far as it can be read. */
static enum err salvage(
    struct rebuilt *ret, struct reorgdb *from, struct reorgdb *to, struct fail *f)
{
	struct salvage s = {
		.to = to, .batch = reorgdb_batch_new(), .told = ret, .f = f
	};
	const struct reorgdb_visitor v = { .ctx = &s,
		.block = salvage_block,
		.anchor = salvage_anchor,
		.event = salvage_event,
		.below = salvage_below };
	struct fail why;
	enum err e = reorgdb_visit(from, &v, &why);

	if (e == ERR_OK)
		e = reorgdb_reputations(from, salvage_peer, &s, &why);
	if (e == ERR_STOPPED)
		s.e = fail_set(f, e, "%s; nothing was changed", why.why);
	else if (e != ERR_OK)
		cut_short(ret, &why);
	if (s.e == ERR_OK)
		s.e = reorgdb_write(to, s.batch, f);
	reorgdb_batch_free(s.batch);
	return s.e;
}

/* How much of the journal it knew: so blocks of before a reorg are told from those that a
 * resync brought behind it. */
static enum err salvage_mark(struct reorgdb *from, struct reorgdb *to, struct fail *f)
{
	struct reorgdb_batch *batch = reorgdb_batch_new();
	struct record_mark mark;
	struct buf b;
	bool there;
	enum err e = ERR_OK;

	buf_init(&b, RECORD_VALUE_MAX);
	if (reorgdb_mark(from, &mark, &there, NULL) == ERR_OK && there) {
		mark_format(&b, &mark);
		e = reorgdb_put(batch, KEY_MARK, buf_text(&b), b.len, f);
	}
	if (e == ERR_OK)
		e = reorgdb_write(to, batch, f);
	buf_release(&b);
	reorgdb_batch_free(batch);
	return e;
}

/* -- what is in it at the end ---------------------------------------------- */

static void count_block(void *ctx, uint64_t height, const char *hash)
{
	struct rebuilt *r = ctx;

	(void)height;
	(void)hash;
	r->blocks++;
}

static void count_anchor(void *ctx, const struct anchor_record *a)
{
	struct rebuilt *r = ctx;

	(void)a;
	r->anchors++;
}

static void count_event(void *ctx, const struct reorg_event *e)
{
	struct rebuilt *r = ctx;

	(void)e;
	r->events++;
}

static enum err fill(struct rebuilt *ret, struct reorgdb *to, struct reorgdb *from,
    struct journal *j, struct fail *f)
{
	const struct reorgdb_visitor v = { .ctx = ret,
		.block = count_block,
		.anchor = count_anchor,
		.event = count_event };
	struct changes c;
	size_t written;
	enum err e = from ? salvage(ret, from, to, f) : ERR_OK;

	if (e == ERR_OK && from)
		e = salvage_mark(from, to, f);
	if (e != ERR_OK)
		return e;
	changes_read(&c, j, 0);
	e = changes_write(&c, to, &written, f);
	changes_release(&c);
	return e == ERR_OK ? reorgdb_visit(to, &v, f) : e;
}

/* -- folders --------------------------------------------------------------- */

static enum err folder_clear(const char *path, struct fail *f)
{
	DIR *d = opendir(path);
	struct dirent *entry;

	if (!d)
		return errno == ENOENT ? ERR_OK : fail_file(f, ERR_SYSTEM, path);
	while ((entry = readdir(d)) != NULL)
		(void)unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	return rmdir(path) == 0 ? ERR_OK : fail_file(f, ERR_SYSTEM, path);
}

/* What a rebuild that died left: one that lives has its locks. Its name is ours alone,
 * and it has no folders in it. */
static enum err leftover_clear(const char *path, struct fail *f)
{
	struct reorgdb_held held = REORGDB_NOT_HELD;
	enum err e = MUTANT(rebuilt_by_two) ? ERR_OK : reorgdb_hold(path, &held, f);

	if (e == ERR_OK)
		e = folder_clear(path, f);
	reorgdb_let_go(&held);
	return e;
}

enum err reorgdb_swap_clear(const char *path, struct fail *f)
{
	char left[PATH_MAX];
	enum err e = files_swap_name(&files_of_system, path, left, sizeof left, f);

	if (e == ERR_OK &&
	    files_swap_look(&files_of_system, path, left) != FILES_SWAP_FRESH &&
	    !MUTANT(swap_unsure_goes))
		return fail_set(f, ERR_CONFLICT,
		    "a command that was killed has left %.400s, and nobody can tell "
		    "whether it is the database of before. Nothing was changed. What to "
		    "do with it: pawl node doctor",
		    left);
	return e == ERR_OK ? leftover_clear(left, f) : e;
}

static enum err aside_name(char out[PATH_MAX], const char *path, struct fail *f)
{
	for (int i = 1; i <= NAMES_MAX; i++) {
		int n = i == 1 ? snprintf(out, PATH_MAX, "%s.corrupted", path)
			       : snprintf(out, PATH_MAX, "%s.corrupted.%d", path, i);

		if (n < 0 || n >= PATH_MAX)
			break;
		if (access(out, F_OK) != 0)
			return ERR_OK;
	}
	return fail_set(
	    f, ERR_CONFLICT, "no name is left beside %s: remove old copies", path);
}

enum err reorgdb_take_place(const struct files *files, const char *fresh,
    const char *path, const char *aside, struct fail *f)
{
	char between[PATH_MAX];
	enum err e;

	if (!aside) {
		e = files->rename(fresh, path, f);
		return e == ERR_OK ? files->sync_folder(path, f) : e;
	}
	e = files_swap_begin(files, fresh, path, between, sizeof between, f);
	return e == ERR_OK ? files_swap_end(files, between, path, aside, f) : e;
}

static enum err swap(
    struct rebuilt *ret, const char *path, const char *fresh, struct fail *f)
{
	char aside[PATH_MAX];
	bool there = access(path, F_OK) == 0;
	struct reorgdb_held held = REORGDB_NOT_HELD;
	enum err e = aside_name(aside, path, f);

	/* It was closed, and is to stay so. */
	if (e == ERR_OK)
		e = reorgdb_hold(path, &held, f);
	if (e == ERR_OK && there)
		e = reorgdb_swap_clear(path, f);
	if (e == ERR_OK)
		e = reorgdb_take_place(
		    &files_of_system, fresh, path, there ? aside : NULL, f);
	if (e == ERR_OK && there)
		ret->aside = mem_str(aside);
	reorgdb_let_go(&held);
	return e;
}

enum err reorgdb_rebuild(
    struct rebuilt *ret, struct journal *j, const char *path, struct fail *f)
{
	char fresh[PATH_MAX];
	struct reorgdb *old, *to;
	struct reorgdb_held held = REORGDB_NOT_HELD;
	struct fail why = { .err = ERR_OK };
	bool begun;
	enum err e;
	int n = snprintf(fresh, sizeof fresh, "%s.new", path);

	*ret = (struct rebuilt){ .blocks = 0 };
	if (n < 0 || (size_t)n >= sizeof fresh)
		return fail_set(
		    f, ERR_INPUT, "the path of the reorg database is too long");
	/* Nobody may write it meanwhile: it stays open, where it can be opened. */
	e = reorgdb_open(&old, path, REORGDB_WRITE, &why);
	if (e == ERR_OWNED)
		return fail_set(f, e, "%s", why.why);
	/* A right that lacks is no damage: nothing of it would be in the new one. */
	if (e == ERR_SYSTEM && strstr(why.why, strerror(EACCES)) &&
	    !MUTANT(rebuilt_without_a_right))
		return fail_set(f, e, "nothing was changed: %s", why.why);
	if (e != ERR_OK && e != ERR_NOT_FOUND)
		cut_short(ret, &why);
	e = leftover_clear(fresh, f);
	begun = e == ERR_OK;
	if (e == ERR_OK)
		e = reorgdb_open(&to, fresh, REORGDB_CREATE, f);
	if (e == ERR_OK) {
		e = fill(ret, to, old, j, f);
		reorgdb_close(to);
	}
	reorgdb_close(old);
	if (e == ERR_OK)
		e = reorgdb_hold(fresh, &held, f);
	if (e == ERR_OK)
		e = swap(ret, path, fresh, f);
	reorgdb_let_go(&held);
	if (e != ERR_OK && e != ERR_OWNED && begun)
		(void)leftover_clear(fresh, NULL);
	return e;
}
