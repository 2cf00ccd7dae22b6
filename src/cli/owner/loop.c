#include "cli/owner/loop.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/ask/ask.h"
#include "cli/config/keys.h"
#include "cli/owner/bot_face.h"
#include "cli/owner/own.h"
#include "cli/report/report.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "engine/past.h"
#include "engine/scrap.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "kinds/fence/fence.h"
#include "kinds/node/node.h"
#include "kinds/node/watch/holder.h"
#include "serve/vital/health.h"
#include "tell/subscriber/backlog.h"
#include "tell/tell.h"

#define DISK_FULL_PAUSE_MS 5000
#define DELIVER_MS 10000

static const struct kind *const kinds[] = { &kind_airdrop, &kind_fence };

const struct kind *loop_kind(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

static enum err key_get(
    void *ctx, const char *name, const struct secret **ret, struct fail *f)
{
	return keyring_get(ctx, name, ret, NULL, f);
}

static const char *key_called(void *ctx, const char *name, const struct address *address)
{
	return keyring_called(ctx, name, address);
}

static enum err own(struct loop *l, struct fail *f)
{
	struct owner who = { .pid = getpid(), .since_ms = world_wall_ms(l->world) };
	const char *path = l->cli->config->journal;
	enum err e;

	if (gethostname(who.host, sizeof who.host - 1))
		snprintf(who.host, sizeof who.host, "unknown");
	e = journal_own(&l->journal, path, &who, f);
	return e == ERR_OWNED ? own_refused(path, who.host, f) : e;
}

/* -- what the socket's side asks ------------------------------------------- */

static enum err face_chain(void *ctx, struct journal *j, int64_t chain,
    const struct chain_config **ret, struct fail *f)
{
	const struct loop *l = ctx;

	return report_chain(l->cli->config, j, chain, ret, f);
}

static enum err face_chain_named(
    void *ctx, const char *name, const struct chain_config **ret, struct fail *f)
{
	const struct loop *l = ctx;

	return config_chain(l->cli->config, name, ret, f);
}

static enum err face_chain_at(
    void *ctx, int at, const struct chain_config **ret, struct fail *f)
{
	const struct loop *l = ctx;

	if (at >= l->cli->config->chains_n)
		return fail_set(f, ERR_NOT_FOUND, "there are no more chains");
	return config_chain(l->cli->config, l->cli->config->chains[at].name, ret, f);
}

static enum err face_key_peek(
    void *ctx, const char *name, struct address *ret, struct fail *f)
{
	const struct loop *l = ctx;

	return keyring_peek(l->cli->keyring, name, ret, f);
}

/* Who asks is told what to do, since it is not his process that lacks something. */
static enum err face_key_usable(
    void *ctx, const char *name, const struct address *address, struct fail *f)
{
	const struct loop *l = ctx;
	bool asks = keyring_asks(l->cli->keyring, false);
	const char *called = keyring_called(l->cli->keyring, name, address);
	const struct secret *secret;
	struct address found;
	struct fail why = { ERR_OK, "" };
	enum err e =
	    keyring_get(l->cli->keyring, called ? called : name, &secret, &found, &why);

	keyring_asks(l->cli->keyring, asks);
	if (e == ERR_OK && address_same(&found, address))
		return ERR_OK;
	return fail_set(f, ERR_KEY,
	    "process %lld owns the journal, and can't use it: %.200s; start it where it "
	    "can, or stop it, which is safe (kill %lld), and run this again",
	    (long long)getpid(),
	    e == ERR_OK ? "its key of this name is another one" : why.why,
	    (long long)getpid());
}

static enum err face_channel_ready(
    void *ctx, const char *name, const char *target, struct fail *f)
{
	struct loop *l = ctx;

	channels_load(&l->channels, l->cli->config);
	return channels_ready(&l->channels, name, target, f);
}

static enum err face_rooted(void *ctx, const struct change *anchor, struct fail *f)
{
	struct loop *l = ctx;
	struct l2_rooter_paths at;
	enum err e = l2_rooter_paths_in(&at, l->cli->config->node.data_dir, f);

	return e == ERR_OK ? l2_rooters_ask(&l->rooters, l->world, &at, anchor, f) : e;
}

static enum err face_stuck(
    void *ctx, struct runner *r, const struct operation *o, struct fail *f);

static struct serve_face face_of(struct loop *l)
{
	return (struct serve_face){ .ctx = l,
		.kinds = kinds,
		.kinds_n = (int)(sizeof kinds / sizeof *kinds),
		.chain = face_chain,
		.chain_named = face_chain_named,
		.chain_at = face_chain_at,
		.key_peek = face_key_peek,
		.key_usable = face_key_usable,
		.channel_ready = face_channel_ready,
		.rooted = face_rooted,
		.node_chain =
		    l->cli->config->node.chain ? BOOK_FOLLOWS : BOOK_FOLLOWS_NONE,
		.stuck = face_stuck };
}

static void disk_of(void *ctx, int64_t *ret_free, int64_t *ret_size)
{
	const struct loop *l = ctx;
	struct statvfs s;

	if (statvfs(l->cli->config->journal, &s))
		return;
	*ret_free = (int64_t)(s.f_bavail * s.f_frsize);
	*ret_size = (int64_t)(s.f_blocks * s.f_frsize);
}

static const struct l2_figures *node_of(void *ctx)
{
	const struct loop *l = ctx;

	return l->node && l->setup.only_operation == 0 ? l2_node_figures(l->node) : NULL;
}

static void serve_again(struct loop *l)
{
	struct fail f = { ERR_OK, "" };
	struct serve_setup setup = { .world = l->world,
		.journal = l->journal,
		.door = l->door.listen_fd >= 0 ? &l->door : NULL,
		.face = &l->face,
		.version = PAWL_VERSION,
		.since_wall_ms = l->since_wall_ms,
		.disk = disk_of,
		.disk_ctx = l,
		.node = node_of,
		.node_ctx = l,
		.listener = l->listener.fd >= 0 ? &l->listener : NULL,
		.gate = l->gate };

	if ((setup.door || setup.listener) && serve_open(&l->serve, &setup, &f) != ERR_OK)
		log_warn("serve", "%s", f.why);
}

void loop_listen(struct loop *l)
{
	struct fail f = { ERR_OK, "" };

	if (door_open(&l->door, l->cli->config->journal, &f) != ERR_OK)
		log_warn(
		    "serve", "%s; until then no other command can join this one", f.why);
	serve_again(l);
}

/* -- its life -------------------------------------------------------------- */

enum err loop_open(struct loop *l, struct cli *c, struct fail *f)
{
	bool silent = c->args.quiet || c->args.json;
	enum err e = cli_keyring(c, f);

	*l = (struct loop){ .cli = c,
		.node_folder = -1,
		.door = { .folder_fd = -1, .listen_fd = -1 },
		.listener = { .fd = -1 },
		.notify = { .fd = -1 } };
	if (e == ERR_OK)
		l->face = face_of(l);
	progress_init(&l->progress, silent ? NULL : stderr);
	if (e == ERR_OK)
		e = world_open(&l->world, f);
	if (e == ERR_OK)
		l->since_wall_ms = world_wall_ms(l->world);
	if (e == ERR_OK)
		e = own(l, f);
	return e;
}

/* The world first: it ends every request, and nothing comes back after it. */
static void runner_drop(struct loop *l)
{
	serve_close(l->serve);
	l->serve = NULL;
	world_free(l->world);
	l2_rooters_release(&l->rooters);
	l->world = NULL;
	runner_free(l->runner);
	l->runner = NULL;
	tell_free(l->tell);
	l->tell = NULL;
	track_free(l->track);
	l->track = NULL;
	l2_node_free(l->node);
	l->node = NULL;
}

void loop_close(struct loop *l)
{
	progress_end(&l->progress);
	if (l->runner)
		scrap_clear();
	runner_drop(l);
	door_close(&l->door);
	listener_close(&l->listener);
	gate_free(l->gate);
	notify_close(&l->notify);
	l2_folder_leave(&l->node_folder);
	if (l->journal)
		journal_close(l->journal);
	l->journal = NULL;
	channels_release(&l->channels);
	if (l->reloaded)
		config_free(l->reloaded);
	l->reloaded = NULL;
}

void loop_tracking(struct loop *l, const struct track_keys *k)
{
	l->tracking = (struct track_config){ .expire_after_ms = k->expire_after,
		.percents_n = k->milestones.n };
	for (int i = 0; i < k->milestones.n; i++)
		l->tracking.percents[i] = k->milestones.at[i];
	if (l->track)
		track_configure(l->track, &l->tracking);
}

/* Who serves is the node of a layer 2, where the config says so. Any other life may
 * accept that blocks vanished, and tells it of that. */
static void node_make(struct loop *l)
{
	struct block_watcher *watcher = &l->setup.blocks[l->setup.blocks_n];
	const struct node_keys *keys = &l->cli->config->node;
	struct l2_node_config config = { .chain = keys->chain,
		.folder = keys->data_dir,
		.backup_every_ms = keys->backup.every,
		.max_divergence = keys->max_divergence };
	struct buf log, reorg_db, backups;

	if (!keys->chain)
		return;
	buf_init(&log, PATH_MAX);
	buf_init(&reorg_db, PATH_MAX);
	buf_init(&backups, PATH_MAX);
	buf_addf(&log, "%s/l2_snapshots.dat", keys->data_dir);
	buf_addf(&reorg_db, "%s/reorg_db", keys->data_dir);
	if (keys->backup.folder)
		buf_add_str(&backups, keys->backup.folder);
	else
		buf_addf(&backups, "%s/backups", keys->data_dir);
	config.log = buf_text(&log);
	config.reorg_db = buf_text(&reorg_db);
	config.backups = buf_text(&backups);
	l->node = l2_node_new(l->world, l->journal, &config);
	buf_release(&log);
	buf_release(&reorg_db);
	buf_release(&backups);
	*watcher = l2_node_watcher(l->node);
	if (l->setup.only_operation != 0)
		watcher->turn = NULL;
	l->setup.blocks_n++;
}

static void runner_make(struct loop *l)
{
	l->tell = tell_new(l->world, l->journal, &l->channels.config);
	l->track = track_new(l->world, l->journal, &l->tracking);
	l->setup.blocks[0] = track_watcher(l->track);
	l->setup.blocks_n = 1;
	node_make(l);
	if (l->setup.only_operation == 0)
		bot_face_lend(l);
	l->setup.world = l->world;
	l->setup.tell.ctx = l->tell;
	l->setup.tell.turn = tell_turn;
	l->runner = runner_new(&l->setup);
}

void loop_start(
    struct loop *l, const struct chain_config *chains, int chains_n, int64_t only)
{
	l->setup = (struct runner_setup){ .journal = l->journal,
		.chains = chains,
		.chains_n = chains_n,
		.chains_room = l->cli->config->chains_n,
		.keys = { l->cli->keyring, key_get, key_called },
		.kinds = kinds,
		.kinds_n = (int)(sizeof kinds / sizeof *kinds),
		.only_operation = only,
		.quotes = { only == 0, l->cli->config->fees.buffer_percent },
		.stuck_after_ms = l->cli->config->tell.stuck_after,
		.retention = l->retention,
		.retention_n =
		    only ? 0 : (int)(sizeof l->retention / sizeof *l->retention),
		.set_aside = scrap_arm(l->cli->config->journal) };
	loop_retention(l, &l->cli->config->retention);
	channels_load(&l->channels, l->cli->config);
	loop_tracking(l, &l->cli->config->track);
	runner_make(l);
}

/* An event for whoever reads the journal later; nothing depends on it, and a full disk
 * may swallow it. */
static void stop_event(struct loop *l)
{
	struct fail f;

	journal_event(l->journal,
	    &(struct event){ .operation = l->setup.only_operation,
		.what = "command",
		.from = "",
		.to = "stop",
		.why = world_signalled(l->world) == SIGINT ? "SIGINT" : "SIGTERM" });
	if (journal_commit(l->journal, &f))
		log_debug("journal", "%s", f.why);
}

static enum err stopped(struct loop *l, struct fail *f)
{
	stop_event(l);
	return fail_set(
	    f, ERR_STOPPED, "stopped; it is safe: the same command goes on from here");
}

/* All that was cached is worth nothing now. */
static enum err disk_full(struct loop *l, const struct fail *why, struct fail *f)
{
	int64_t until_ms;
	enum err e;

	progress_end(&l->progress);
	log_warn(
	    "journal", "%s; tried again every %d s", why->why, DISK_FULL_PAUSE_MS / 1000);
	if (l->serve)
		serve_full(l->serve, why->why);
	runner_drop(l);
	e = world_open(&l->world, f);
	if (e != ERR_OK)
		return e;
	serve_again(l);
	until_ms = world_now_ms(l->world) + DISK_FULL_PAUSE_MS;
	while (!world_signalled(l->world) && world_now_ms(l->world) < until_ms) {
		int64_t turned_ms = notify_wake_ms(&l->notify);

		world_wait(l->world, turned_ms < until_ms ? turned_ms : until_ms);
		if (l->serve)
			serve_full(l->serve, why->why);
		notify_turned(&l->notify, world_now_ms(l->world), why->why);
	}
	runner_make(l);
	return ERR_OK;
}

/* What is told to a service manager says that turns end, and so only a turn says it. */
static void turned(struct loop *l)
{
	char line[NOTIFY_STATUS_MAX];

	if (l->notify.fd < 0)
		return;
	health_line(line, sizeof line, l->runner);
	notify_turned(&l->notify, world_now_ms(l->world), line);
}

enum err loop_turn(struct loop *l, struct fail *f)
{
	struct fail why = { ERR_OK, "" };

	if (world_signalled(l->world))
		return stopped(l, f);
	if (l->serve)
		serve_turn(l->serve, l->runner);
	if (!runner_turn(l->runner, &why))
		return disk_full(l, &why, f);
	if (l->serve)
		serve_tell(l->serve, l->runner);
	turned(l);
	return ERR_OK;
}

void loop_wait(struct loop *l, int64_t until_ms)
{
	int64_t wake_ms = runner_wake_ms(l->runner);
	int64_t tell_ms = l->serve ? serve_wake_ms(l->serve) : INT64_MAX;
	int64_t turned_ms = notify_wake_ms(&l->notify);

	if (wake_ms < until_ms)
		until_ms = wake_ms;
	if (turned_ms < until_ms)
		until_ms = turned_ms;
	world_wait(l->world, tell_ms < until_ms ? tell_ms : until_ms);
}

void loop_retention(struct loop *l, const struct retention_config *c)
{
	l->retention[0] = (struct retention){ "airdrop", c->airdrop };
	l->retention[1] = (struct retention){ "fence", c->fence };
	l->retention[2] = (struct retention){ "track", c->track };
	l->retention[3] = (struct retention){ "node", c->node };
}

void loop_stuck_after(struct loop *l, int64_t ms)
{
	l->setup.stuck_after_ms = l->runner->s.stuck_after_ms = ms;
	for (size_t i = 0; i < l->runner->operations_n; i++)
		l->runner->operations[i]->stuck_look_ms = 0;
}

enum err loop_step(struct loop *l, int64_t ms, struct fail *f)
{
	int64_t until_ms = world_now_ms(l->world) + ms;
	enum err e = loop_turn(l, f);

	if (e == ERR_OK)
		loop_wait(l, until_ms);
	return e;
}

void loop_take(struct loop *l, int64_t operation)
{
	l->setup.only_operation = operation;
	runner_only(l->runner, operation);
	CHECK(runner_operation(l->runner, operation));
}

enum err loop_stuck(struct loop *l, const struct operation *o, struct fail *f)
{
	char why[REPORT_STOP_MAX];

	if (o->state == OPERATION_NEEDS_OPERATOR) {
		report_stop(l->cli, l->journal, o, why);
		return fail_set(
		    f, ERR_OPERATOR, "%s needs an operator: %s", o->name, why);
	}
	if (o->state == OPERATION_PAUSED)
		return fail_set(f, ERR_OPERATOR, "%s is paused; then: pawl resume %s",
		    o->name, o->name);
	return ERR_OK;
}

/* The fence of its account does not go on by itself; OK: it does, or there is none. */
static enum err fence_stuck(
    struct loop *l, const struct runner *r, const struct operation *o, struct fail *f)
{
	enum err e = ERR_OK;

	if (!operation_wants_more(o))
		return ERR_OK; /* what it has signed needs no fence */
	for (size_t i = 0; i < r->operations_n && e == ERR_OK; i++)
		if (r->operations[i]->account == o->account &&
		    operation_fences(r->operations[i]))
			e = loop_stuck(l, r->operations[i], f);
	return e;
}

/* Its chain was stopped, or is another one than its nodes serve. */
static enum err chain_stuck(struct runner *r, const struct operation *o, struct fail *f)
{
	for (int i = 0; i < r->s.chains_n; i++) {
		const struct chain_run *c = &r->chains[i];

		if (follower_stopped(c->follower) && o->chain == c->id)
			return fail_set(f, ERR_OPERATOR, "%s",
			    follower_waits_for(c->follower)
				? follower_waits_for(c->follower)
				: "the chain was stopped");
		if (c->id && o->chain != c->id && r->s.chains_n == 1)
			return fail_set(f, ERR_WRONG_CHAIN,
			    "the nodes of %s serve another chain than the operation's: "
			    "its genesis differs; correct its endpoints in pawl.yaml",
			    c->config->name);
	}
	return ERR_OK;
}

/* The operation, its account or its chain was stopped; that of the chain is to be lifted
 * first. */
static enum err face_stuck(
    void *ctx, struct runner *r, const struct operation *o, struct fail *f)
{
	const struct account *a = account_of(r, o->account);
	char why[SUSPECT_STOP_MAX];
	enum err e = chain_stuck(r, o, f);

	if (e == ERR_OK && a && a->stopped) {
		suspects_stop(r->s.journal, a->id, a->why_stopped, why);
		return fail_set(f, ERR_OPERATOR, "%s", why);
	}
	if (e == ERR_OK)
		e = fence_stuck(ctx, r, o, f);
	return e == ERR_OK ? loop_stuck(ctx, o, f) : e;
}

enum err loop_operation(struct loop *l, int64_t operation, struct fail *f)
{
	int64_t pause_ms = progress_pause_ms(&l->progress);

	for (;;) {
		const struct operation *loaded;
		struct operation o;
		struct standing now;
		int64_t now_ms;
		enum err e = loop_turn(l, f);

		if (e != ERR_OK)
			return e;
		loaded = runner_operation(l->runner, operation);
		now_ms = world_now_ms(l->world);
		if (loaded)
			o = *loaded;
		else
			CHECK(operation_read(l->journal, operation, &o));
		standing_of(l->runner, &o, &now);
		progress_tell(&l->progress, &now, now_ms);
		if (loaded && operation_ended(&o) && !l->runner->reasons)
			return ERR_OK;
		e = face_stuck(l, l->runner, &o, f);
		if (e != ERR_OK)
			return e;
		loop_wait(l, pause_ms == INT64_MAX ? INT64_MAX : now_ms + pause_ms);
	}
}

void loop_deliver(struct loop *l, int64_t operation)
{
	int64_t until_ms = world_now_ms(l->world) + DELIVER_MS, left;

	while ((left = backlog_due(l->journal, operation)) > 0 &&
	    channels_any(&l->channels) && !world_signalled(l->world) &&
	    world_now_ms(l->world) < until_ms && loop_turn(l, NULL) == ERR_OK)
		loop_wait(l, until_ms);
	if (!left)
		return;
	progress_end(&l->progress);
	cli_say(l->cli,
	    "%lld message%s to subscribers %s not delivered yet: pawl serve goes on with "
	    "that, or the same command again.",
	    (long long)left, left == 1 ? "" : "s", left == 1 ? "is" : "are");
}
