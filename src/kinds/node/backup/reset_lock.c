/* reset_lock.c - one reset at a time, and the way back is one, too.
 *
 * The lock of the data folder, which is a daemon's else, is held from before anything is
 * written to after the last name has changed; that of the reset's own folder, which stays
 * the same whatever that is called meanwhile, tells others which of both has it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mutant.h"
#include "kinds/node/backup/inside.h"

struct running {
	const char *data_dir;
	int pid;
};

static void note_running(void *ctx, const char *name)
{
	struct running *r = ctx;
	char path[BACKUP_PATH_MAX];

	if (r->pid || strncmp(name, RESET_FOLDER, strlen(RESET_FOLDER)) != 0)
		return;
	snprintf(path, sizeof path, "%.860s/%.100s", r->data_dir, name);
	r->pid = files_locked_by(path);
}

int l2_reset_runs(const char *data_dir)
{
	struct running r = { .data_dir = data_dir };

	if (files_of_system.each(data_dir, note_running, &r, NULL) != ERR_OK)
		return 0;
	return r.pid;
}

static bool is_as_it_was(const struct l2_reset *a, const struct l2_reset *b)
{
	return a->unfinished == b->unfinished && a->back == b->back && a->log == b->log &&
	    a->reorg_db == b->reorg_db && a->log_number == b->log_number &&
	    (!a->unfinished || strcmp(a->part, b->part) == 0);
}

enum err l2_reset_take(struct l2_reset *r, int64_t wall_ms, struct fail *f)
{
	char dir[BACKUP_PATH_MAX];
	char who[40] = "another process";
	struct l2_reset now;
	enum err e;
	int pid;

	snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(r->log_path, '/') - r->log_path),
	    r->log_path);
	if (MUTANT(reset_unlocked))
		return ERR_OK;
	e = files_lock_folder(dir, &r->lock, f);
	if (e == ERR_OWNED) {
		pid = files_locked_by(dir);
		if (pid)
			snprintf(who, sizeof who, "process %d", pid);
		return fail_set(f, ERR_OWNED,
		    "%s has the data folder %.400s: the node has to be stopped "
		    "for a reset, and there is one at a time. Nothing was changed. "
		    "Stop the node, or wait for that reset to end; then: pawl node reset",
		    who, dir);
	}
	if (e == ERR_OK)
		e = l2_reset_look(&now, r->files, dir, wall_ms, f);
	if (e == ERR_OK && !is_as_it_was(r, &now))
		e = fail_set(f, ERR_STALE,
		    "another command changed %.400s while this one looked at it. Nothing "
		    "was changed by this one: pawl node reset says how it is now",
		    dir);
	if (e != ERR_OK)
		l2_reset_leave(r);
	return e;
}

enum err reset_mark(struct l2_reset *r, struct fail *f)
{
	return r->lock < 0 ? ERR_OK : files_lock_folder(r->part, &r->mark, f);
}

void l2_reset_leave(struct l2_reset *r)
{
	if (r->lock >= 0)
		close(r->lock);
	if (r->mark >= 0)
		close(r->mark);
	r->lock = r->mark = -1;
}
