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
	struct fail why;
	enum err e = l2_backup_make(&plan, ret, f), away = ERR_OK;

	/* What could be copied is taken away, whatever could not. */
	if (ret->sums[0] && config->copy_to)
		away = l2_backup_copy(&plan, ret, config->copy_to, &why);
	if (ret->sums[0] && away == ERR_OK && config->command)
		away = l2_backup_command(&plan, ret, config->command, &why);
	return e == ERR_OK && away != ERR_OK ? fail_set(f, away, "%s", why.why) : e;
}

/* -- while a daemon runs ---------------------------------------------------- */

struct backups {
	struct node_keys keys; /* as the config has them, which is lent */
	struct backup_paths paths;
	bool wanted;
	struct world *world; /* whose worker has the job */
	bool known, running, ended;
	int64_t due_ms;
	/* the job's, and its own: */
	struct node_backup_config config;
	char *copy_to, *command;
	int64_t wall_ms;
	struct l2_backup made;
	enum err e;
	struct fail fail;
};

struct backups *backups_new(const struct node_keys *keys)
{
	struct backups *b = mem_new(sizeof *b);
	struct fail f;

	backups_configure(b, keys);
	b->wanted = keys->chain != NULL;
	if (b->wanted && backup_paths(&b->paths, keys, NULL, &f) != ERR_OK) {
		log_warn("node", "no backups: %s", f.why);
		b->wanted = false;
	}
	return b;
}

void backups_configure(struct backups *b, const struct node_keys *keys)
{
	b->keys = *keys;
	b->known = false;
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
	int64_t every = b->keys.backup.every, age_ms = every;
	size_t n = 0;

	if (l2_backup_list(&files_of_system, b->paths.folder, &seen, &n, NULL) ==
		ERR_OK &&
	    n)
		age_ms = world_wall_ms(w) - l2_backup_wall_ms(seen[0].time);
	mem_free(seen);
	return age_ms < 0 || age_ms >= every ? 0 : every - age_ms;
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
		log_error("node", "%s: %s",
		    b->made.sums[0] ? "half a backup" : "no backup", b->fail.why);
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

static char *own(char **mine, const char *text)
{
	mem_free(*mine);
	*mine = text ? mem_str(text) : NULL;
	return *mine;
}

/* The config may be another one before it ends. */
static void job_begin(struct backups *b, struct world *w)
{
	b->running = true;
	b->due_ms = world_now_ms(w) + b->keys.backup.every;
	b->wall_ms = world_wall_ms(w);
	b->config = b->keys.backup;
	b->config.folder = NULL; /* it is among the paths */
	b->config.copy_to = own(&b->copy_to, b->keys.backup.copy_to);
	b->config.command = own(&b->command, b->keys.backup.command);
	world_work(w, job_run, job_done, b);
}

int64_t backups_turn(struct backups *b, struct world *w)
{
	if (!b || !b->wanted || !b->keys.backup.every)
		return INT64_MAX;
	if (b->world != w) { /* the one before has waited for its workers */
		b->world = w;
		b->running = b->known = false;
	}
	if (!b->known)
		b->due_ms = world_now_ms(w) + left_ms(b, w);
	b->known = true;
	if (!b->running && world_now_ms(w) >= b->due_ms)
		job_begin(b, w);
	return b->due_ms;
}
