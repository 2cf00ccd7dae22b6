#include "cli/daemon/backups.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum err backup_paths(struct backup_paths *ret, const struct node_keys *keys,
    const char *data_dir, struct fail *f)
{
	const char *dir = data_dir ? data_dir : keys->data_dir;
	const char *folder = data_dir ? NULL : keys->backup.folder;

	if (!*dir || strlen(dir) > BACKUP_NAME_MAX - 64 ||
	    (folder && strlen(folder) > BACKUP_NAME_MAX - 64))
		return fail_set(f, ERR_USAGE,
		    "the folder of the node: its path is empty or too long");
	snprintf(ret->log, sizeof ret->log, "%.960s/l2_snapshots.dat", dir);
	snprintf(ret->reorg_db, sizeof ret->reorg_db, "%.960s/reorg_db", dir);
	if (folder)
		snprintf(ret->folder, sizeof ret->folder, "%s", folder);
	else
		snprintf(ret->folder, sizeof ret->folder, "%.960s/backups", dir);
	return ERR_OK;
}

enum err backup_now(const struct backup_paths *paths,
    const struct node_backup_config *config, int64_t wall_ms, struct l2_backup *ret,
    struct fail *f)
{
	struct l2_backup_plan plan = { &files_of_system, paths->log, paths->reorg_db,
		paths->folder, config->keep, wall_ms };
	enum err e = l2_backup_make(&plan, ret, f);

	if (e == ERR_OK && config->copy_to)
		e = l2_backup_copy(&plan, ret, config->copy_to, f);
	if (e == ERR_OK && config->command)
		e = l2_backup_command(&plan, ret, config->command, f);
	return e;
}

/* -- while a daemon runs ---------------------------------------------------- */

struct backups {
	struct node_backup_config config;
	struct backup_paths paths;
	char *copy_to, *command;
	struct world *world; /* whose worker has the job */
	bool known, running, ended;
	int64_t due_ms;
	/* the job's */
	int64_t wall_ms;
	struct l2_backup made;
	enum err e;
	struct fail fail;
};

struct backups *backups_new(const struct node_keys *keys)
{
	struct backups *b;
	struct fail f;

	if (!keys->chain || !keys->backup.every)
		return NULL;
	b = mem_new(sizeof *b);
	if (backup_paths(&b->paths, keys, NULL, &f) != ERR_OK) {
		log_warn("node", "no backups: %s", f.why);
		mem_free(b);
		return NULL;
	}
	b->config = keys->backup;
	b->copy_to = keys->backup.copy_to ? mem_str(keys->backup.copy_to) : NULL;
	b->command = keys->backup.command ? mem_str(keys->backup.command) : NULL;
	b->config.folder = NULL;
	b->config.copy_to = b->copy_to;
	b->config.command = b->command;
	return b;
}

void backups_free(struct backups *b)
{
	if (!b)
		return;
	mem_free(b->copy_to);
	mem_free(b->command);
	mem_free(b);
}

/* How long until the newest one is old. */
static int64_t left_ms(const struct backups *b, struct world *w)
{
	struct l2_backup_seen *seen = NULL;
	int64_t age_ms = b->config.every;
	size_t n = 0;

	if (l2_backup_list(&files_of_system, b->paths.folder, &seen, &n, NULL) ==
		ERR_OK &&
	    n)
		age_ms = world_wall_ms(w) - l2_backup_wall_ms(seen[0].time);
	mem_free(seen);
	return age_ms < 0 || age_ms >= b->config.every ? 0 : b->config.every - age_ms;
}

static void job_run(void *job)
{
	struct backups *b = job;

	b->e = backup_now(&b->paths, &b->config, b->wall_ms, &b->made, &b->fail);
}

static void job_done(void *job)
{
	struct backups *b = job;

	b->running = false;
	b->ended = true;
	if (b->e == ERR_NOT_FOUND)
		log_info("node", "no backup: %s", b->fail.why);
	else if (b->e != ERR_OK)
		log_error("node", "no backup: %s", b->fail.why);
	else
		log_info("node",
		    "backup %s in %s: %" PRIu64 " bytes of snapshots, root %s; %" PRIu64
		    " values of the reorg database",
		    b->made.time, b->paths.folder, b->made.log_bytes,
		    b->made.root[0] ? b->made.root : "none", b->made.values);
	if (b->e == ERR_OK && b->made.failed)
		log_warn("node",
		    "the newest %zu snapshots of %s do not hold: pawl node verify",
		    b->made.failed, b->paths.log);
}

bool backups_ended(struct backups *b, const char **ret_why)
{
	bool ended = b && b->ended;

	*ret_why = NULL;
	if (!ended)
		return false;
	if (b->e != ERR_OK && b->e != ERR_NOT_FOUND) /* that is: nothing to copy */
		*ret_why = b->fail.why;
	b->ended = false;
	return true;
}

int64_t backups_turn(struct backups *b, struct world *w)
{
	if (!b)
		return INT64_MAX;
	if (b->world != w) { /* the one before has waited for its workers */
		b->world = w;
		b->running = b->known = false;
	}
	if (!b->known)
		b->due_ms = world_now_ms(w) + left_ms(b, w);
	b->known = true;
	if (!b->running && world_now_ms(w) >= b->due_ms) {
		b->running = true;
		b->due_ms = world_now_ms(w) + b->config.every;
		b->wall_ms = world_wall_ms(w);
		world_work(w, job_run, job_done, b);
	}
	return b->due_ms;
}
