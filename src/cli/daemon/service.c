#include "cli/daemon/service.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mutant.h"
#include "cli/daemon/backups.h"
#include "cli/daemon/reload.h"
#include "kinds/node/node.h"
#include "kinds/node/watch/watch.h"
#include "tell/tell.h"

#define DRAIN_MS 8000 /* a service manager waits for 10 s and more */

/* -- the end --------------------------------------------------------------- */

static bool at_rest(const struct loop *l)
{
	return l->runner->unknown <= 0 && !tell_busy(l->tell) &&
	    !(l->serve && serve_busy(l->serve));
}

static void said_what_is_left(const struct loop *l)
{
	if (l->runner->unknown > 0 || tell_busy(l->tell))
		log_info("serve",
		    "no answer yet to %d transactions and %d messages; the next start "
		    "goes on with them",
		    l->runner->unknown > 0 ? l->runner->unknown : 0, tell_busy(l->tell));
}

/* Nothing is begun any more. A second signal ends the waiting. */
static void drain(struct loop *l)
{
	int64_t until_ms = world_now_ms(l->world) + DRAIN_MS;
	struct fail f = { ERR_OK, "" };

	notify_stopping(&l->notify);
	if (l->serve)
		serve_stop(l->serve);
	door_close(&l->door);
	listener_close(&l->listener);
	while (l->runner->doubt_taken && !MUTANT(ends_undrained)) {
		if (l->serve)
			serve_turn(l->serve, l->runner);
		if (!runner_settle(l->runner, &f)) {
			log_warn("journal", "%s", f.why);
			return;
		}
		if (l->serve)
			serve_tell(l->serve, l->runner);
		if (at_rest(l) || world_now_ms(l->world) >= until_ms ||
		    world_signals(l->world).stops > 1)
			break;
		world_wait(l->world, l->runner->again ? 0 : until_ms);
	}
	said_what_is_left(l);
}

/* -- its life -------------------------------------------------------------- */

static void up(struct loop *l)
{
	struct fail f = { ERR_OK, "" };

	if (notify_open(&l->notify, getenv("NOTIFY_SOCKET"), getenv("WATCHDOG_USEC"),
		getenv("WATCHDOG_PID"), &f) != ERR_OK)
		log_warn("serve", "%s: no service manager is told of this one", f.why);
}

/* A database that is being made looks damaged: it is not copied before it is open, or
 * said not to be. */
static bool is_opening(const struct loop *l)
{
	return l->node &&
	    l2_node_figures(l->node)->steps[L2_STEP_DATABASE].how == L2_WAITS;
}

static int64_t backups_due(struct backups *b, struct loop *l)
{
	int64_t due_ms;
	const char *why;

	if (b && l->node)
		backups_noted(
		    b, (enum l2_backup_again)l2_node_figures(l->node)->look.backup_again);
	due_ms = is_opening(l) ? INT64_MAX : backups_turn(b, l->world);
	if (backups_ended(b, &why) && l->node)
		l2_node_backed(l->node, why);
	return due_ms;
}

enum err service_run(struct loop *l, struct backups *backups, struct fail *f)
{
	unsigned reloads = 0;
	bool ready = false;
	enum err e;

	up(l);
	while ((e = loop_turn(l, f)) == ERR_OK) {
		if (!ready)
			notify_ready(&l->notify);
		ready = true;
		if (world_signals(l->world).reloads < reloads)
			reloads = 0; /* another world, since the disk was full */
		loop_wait(l, backups_due(backups, l));
		if (world_signals(l->world).reloads > reloads)
			reload(l, backups);
		reloads = world_signals(l->world).reloads;
	}
	files_stop(); /* who waits for the workers waits for no large file */
	if (e != ERR_STOPPED)
		return e;
	drain(l);
	return ERR_OK;
}
