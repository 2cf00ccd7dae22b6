#include "cli/owner/own.h"
#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "cli/ask/ask.h"
#include "cli/config/ref.h"
#include "cli/report/report.h"
#include "journal/sql.gen.h"

#define OWNER_LOOKS 20
#define OWNER_LOOK_MS 50
#define LOST_MAX 5 /* owners that end while they are asked */
#define AGAIN_MS 200
#define SILENCE_SAID_MS 3000

/* -- who owns it ----------------------------------------------------------- */

/* Who has it: the row of an owner that has just begun is still that of the one before. */
static bool owner_named(const char *path, const char *host, struct owner *ret)
{
	for (int n = 0; n < OWNER_LOOKS; n++) {
		bool held;

		if (journal_owner(path, ret, &held) && ret->pid > 0 &&
		    (strcmp(ret->host, host) != 0 || kill((pid_t)ret->pid, 0) == 0 ||
			errno == EPERM))
			return true;
		poll(NULL, 0, OWNER_LOOK_MS);
	}
	return false;
}

enum err own_refused(const char *path, const char *host, struct fail *f)
{
	struct owner other;

	if (!owner_named(path, host, &other))
		return fail_set(f, ERR_OWNED,
		    "%s is owned by another process, which has just begun; see: pawl "
		    "status",
		    path);
	return fail_set(f, ERR_OWNED,
	    "%s is owned by process %lld on %.100s; to stop it, which is safe: kill %lld",
	    path, (long long)other.pid, other.host, (long long)other.pid);
}

enum err own_reach(struct client **ret, struct cli *c, struct fail *f)
{
	enum err e = client_open(ret, c->config->journal, f);

	if (e == ERR_OK)
		client_waits(
		    *ret, SILENCE_SAID_MS, CLIENT_PATIENCE_MS, cli_waits_owner, c);
	return e;
}

enum err own_or_reach(struct loop *l, struct client **ret, struct cli *c,
    int64_t patience_ms, struct fail *f)
{
	int64_t until_ms = clock_wall_ms() + patience_ms;

	for (;;) {
		enum err e = loop_open(l, c, f);

		*ret = NULL;
		if (e != ERR_OWNED)
			return e;
		loop_close(l);
		if (own_reach(ret, c, NULL) == ERR_OK)
			return ERR_OK;
		if (clock_wall_ms() >= until_ms)
			return e;
		poll(NULL, 0, OWNER_LOOK_MS);
	}
}

enum err own_do(struct cli *c, const struct deed *d, struct fail *f)
{
	for (int tries = 0;; tries++) {
		struct client *client = NULL;
		struct loop l;
		enum err e = own_or_reach(&l, &client, c, d->patience_ms, f);
		bool lost;

		if (e == ERR_OK)
			e = client ? d->there(d->ctx, client, f) : d->here(d->ctx, &l, f);
		lost = client_lost(client, e);
		if (client)
			client_close(client);
		else
			loop_close(&l);
		if (!lost || (tries == LOST_MAX && !d->lasts))
			return e;
	}
}

struct watch {
	struct progress progress;
	struct world *world;
};

static void show(void *ctx, const struct standing *s)
{
	struct watch *w = ctx;

	progress_tell(&w->progress, s, world_now_ms(w->world));
}

enum err own_follow(
    struct cli *c, struct client *client, int64_t operation, struct fail *f)
{
	struct watch w = { .world = client_world(client) };
	char id[24];
	enum err e;

	progress_init(&w.progress, c->args.quiet || c->args.json ? NULL : stderr);
	snprintf(id, sizeof id, "%" PRId64, operation);
	e = client_follow(client, id, show, &w, f);
	progress_end(&w.progress);
	return e;
}

/* -- a command ------------------------------------------------------------- */

enum err own_request(
    struct request *ret, enum route route, const char *word, struct fail *f)
{
	char shown[REF_SHOWN_MAX];
	size_t len = strlen(word);

	*ret = (struct request){ .route = route };
	if (!len || len >= sizeof ret->name)
		return fail_set(f, ERR_NOT_FOUND, "there is nothing called %s",
		    ref_shown(shown, word));
	memcpy(ret->name, word, len);
	return ERR_OK;
}

static enum err turn(struct loop *l, struct fail *f)
{
	if (world_signalled(l->world))
		return fail_set(f, ERR_STOPPED, "stopped; nothing was changed");
	return runner_turn(l->runner, f) ? ERR_OK : ERR_DISK_FULL;
}

/* The nodes must say something first, so turns are taken, with keys that sign nothing. */
static enum err do_with_turns(struct loop *l, struct command_at *at,
    const struct request *q, struct told *ret, struct fail *f)
{
	int64_t until_ms = world_now_ms(l->world) + ASK_PATIENCE_MS;
	enum err e, turned;

	loop_start(l, NULL, 0, LOOP_NONE);
	l->runner->s.keys = command_no_keys;
	l->runner->s.tell.turn = NULL;
	for (int i = 0; i < l->runner->s.blocks_n; i++)
		l->runner->s.blocks[i].turn = NULL; /* nothing is looked for */
	at->runner = l->runner;
	command_prepare(at, q);
	while ((e = command_do(at, q, ret, f)) == ERR_NO_QUORUM) {
		int64_t now_ms = world_now_ms(l->world);

		turned = now_ms < until_ms ? turn(l, f) : e;
		if (turned != ERR_OK)
			return turned;
		world_wait(l->world, now_ms + AGAIN_MS);
		command_prepare(at, q);
	}
	return e == ERR_OK ? turn(l, f) : e;
}

struct asked {
	const struct request *q;
	struct told *ret;
};

static enum err command_here(void *ctx, struct loop *l, struct fail *f)
{
	struct asked *a = ctx;
	struct command_at at = {
		.world = l->world, .journal = l->journal, .face = &l->face
	};
	enum err e = command_do(&at, a->q, a->ret, f);

	if (e == ERR_NO_QUORUM) {
		journal_rollback(l->journal);
		e = do_with_turns(l, &at, a->q, a->ret, f);
	}
	return e == ERR_OK ? journal_commit(l->journal, f) : e;
}

static enum err command_there(void *ctx, struct client *client, struct fail *f)
{
	struct asked *a = ctx;

	return client_command(client, a->q, a->ret, f);
}

/* The nearest name, which an owner does not look for. */
static void name_nearest(struct cli *c, const struct request *q, struct fail *f)
{
	struct operation o;
	struct journal *j;

	if (q->route == ROUTE_RESUME_CHAIN || q->route == ROUTE_RESUME_KEY ||
	    q->route == ROUTE_RESUME_NOTIFY || q->route == ROUTE_TRACK ||
	    q->route == ROUTE_UNTRACK || q->route == ROUTE_NODE_CHANGES ||
	    request_of_endpoint(q->route) || report_open(c, &j, NULL) != ERR_OK)
		return;
	(void)!report_find(j, q->name, &o, f);
	journal_close(j);
}

enum err own_command(
    struct cli *c, const struct request *q, struct told *ret, struct fail *f)
{
	struct asked a = { q, ret };
	enum err e = own_do(c,
	    &(struct deed){ .here = command_here,
		.there = command_there,
		.ctx = &a,
		.patience_ms = OWNER_PATIENCE_MS },
	    f);

	if (e == ERR_NOT_FOUND)
		name_nearest(c, q, f);
	return e;
}

/* -- what came of it ------------------------------------------------------- */

void own_tell(const struct cli *c, const struct told *t, const char *said, json_t *more)
{
	json_t *told;

	if (!c->args.json) {
		cli_say(c, "%s", said);
		json_decref(more);
		return;
	}
	told = json_pack("{s:o, s:s}", "operation", cli_text(t->name), "state",
	    state_name(MACHINE_OPERATION, t->state));
	CHECK(told);
	if (more)
		json_object_update(told, more);
	json_decref(more);
	cli_json(told);
}

void own_then_tell(const struct cli *c, struct told *t)
{
	utf8_plain(t->then);
	if (t->then[0])
		cli_say(c, "Then: %s", t->then);
}
