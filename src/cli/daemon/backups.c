#include "cli/daemon/backups.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "cli/config/within.h"

/* In one that is there: what is in none is never made. */
static bool is_in(const char *path, const char *dir)
{
	char in[PATH_MAX];

	return realpath(dir, in) && path_within(path, dir);
}

enum err backup_paths(struct backup_paths *ret, const struct node_keys *keys,
    const char *data_dir, struct fail *f)
{
	const char *dir = data_dir ? data_dir : keys->data_dir;
	const char *folder = data_dir ? NULL : keys->backup.folder;

	if (!*dir || strlen(dir) > BACKUP_NAME_MAX - 64 ||
	    (folder && strlen(folder) > BACKUP_NAME_MAX - 64))
		return fail_set(f, ERR_USAGE,
		    "the folder of the node: its path is empty or too long");
	ret->journal = NULL;
	snprintf(ret->log, sizeof ret->log, "%.960s/l2_snapshots.dat", dir);
	snprintf(ret->reorg_db, sizeof ret->reorg_db, "%.960s/reorg_db", dir);
	ret->elsewhere = folder && !is_in(folder, dir);
	if (folder)
		snprintf(ret->folder, sizeof ret->folder, "%s", folder);
	else
		snprintf(ret->folder, sizeof ret->folder, "%.960s/backups", dir);
	return ERR_OK;
}

static enum err both(enum err e, const struct fail *first, enum err other,
    const struct fail *second, struct fail *f)
{
	if (e != ERR_OK && other != ERR_OK)
		return fail_set(f, e, "%.490s; and %.490s", first->why, second->why);
	if (e != ERR_OK)
		return fail_set(f, e, "%s", first->why);
	return other != ERR_OK ? fail_set(f, other, "%s", second->why) : ERR_OK;
}

/* Each of the two, whatever became of the other. */
static enum err take_away(const struct l2_backup_plan *plan,
    const struct node_backup_config *config, const struct l2_backup *made, struct fail *f)
{
	enum err copied = ERR_OK, taken = ERR_OK;
	struct fail copy, take;

	if (config->copy_to)
		copied = l2_backup_copy(plan, made, config->copy_to, &copy);
	if (config->command)
		taken = l2_backup_command(plan, made, config->command, &take);
	return both(copied, &copy, taken, &take, f);
}

enum err backup_now(const struct backup_paths *paths,
    const struct node_backup_config *config, int64_t wall_ms, struct l2_backup *ret,
    struct fail *f)
{
	struct l2_backup_plan plan = { &files_until_stopped, paths->log, paths->reorg_db,
		paths->folder, config->keep, wall_ms, paths->elsewhere, paths->journal };
	struct fail here, there;
	enum err e = l2_backup_make(&plan, ret, &here), away = ERR_OK;

	/* What could be copied is taken away, whatever could not. */
	if (ret->sums[0])
		away = take_away(&plan, config, ret, &there);
	return both(e, &here, away, &there, f);
}

void backup_note(const struct backup_paths *paths, enum err e, const struct l2_backup *b,
    const struct fail *why)
{
	struct fail f;
	bool none = !b->sums[0];

	/* Another one says it; there is nothing to copy, or no folder for a note; the
	 * next start makes it. */
	if (MUTANT(backup_fails_unnoted) || e == ERR_OWNED ||
	    (none && (e == ERR_NOT_FOUND || e == ERR_CONFIG || e == ERR_STOPPED)))
		return;
	if (l2_backup_note(&files_of_system, paths->folder, e == ERR_OK ? NULL : why->why,
		none           ? L2_AGAIN_MAKE
		    : b->whole ? L2_AGAIN_AWAY
			       : L2_AGAIN_NOTHING,
		&f) != ERR_OK)
		log_warn(
		    "node", "that a backup failed, or did not, is not noted: %s", f.why);
}

/* The newest one again, where it could not be taken away when it was made. */
static enum err backup_away(const struct backup_paths *paths,
    const struct node_backup_config *config, struct l2_backup *ret, struct fail *f)
{
	struct l2_backup_plan plan = { .files = &files_until_stopped,
		.folder = paths->folder };
	enum err e = l2_backup_newest(plan.files, plan.folder, paths->journal, ret, f);

	ret->whole = e == ERR_OK;
	return e == ERR_OK ? take_away(&plan, config, ret, f) : e;
}

/* -- while a daemon runs ---------------------------------------------------- */

#define AGAIN_MS 60000
#define AGAIN_DOUBLED 4 /* times */

struct backups {
	struct node_keys keys; /* as the config has them, which is lent */
	struct backup_paths paths;
	const char *journal; /* its path; NULL: not known */
	bool wanted;
	struct world *world; /* whose worker has the job */
	bool known, running, ended;
	int64_t due_ms;
	unsigned failed; /* so often in a row */
	int64_t away_ms; /* the newest is here, and taken away again then */
	/* One that somebody typed failed, or one of before a restart: tried again then.
	 */
	enum l2_backup_again noted;
	int64_t noted_ms;
	char said[400]; /* what the log has of it */
	/* the job's, and its own: */
	struct node_backup_config config;
	char *copy_to, *command;
	int64_t wall_ms;
	bool away_alone;
	struct l2_backup made;
	enum err e;
	struct fail fail;
};

struct backups *backups_new(const struct node_keys *keys)
{
	struct backups *b = mem_new(sizeof *b);
	struct fail f;

	b->away_ms = b->noted_ms = INT64_MAX;
	backups_configure(b, keys);
	b->wanted = keys->chain != NULL;
	if (b->wanted && backup_paths(&b->paths, keys, NULL, &f) != ERR_OK) {
		log_warn("node", "no backups: %s", f.why);
		b->wanted = false;
	}
	return b;
}

void backups_of(struct backups *b, const char *journal)
{
	b->journal = journal;
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
	journal_close(b->paths.journal); /* of one that was not told that it ended */
	mem_free(b->copy_to);
	mem_free(b->command);
	mem_free(b);
}

/* How long until the newest one is old. */
static int64_t left_ms(const struct backups *b, struct world *w)
{
	struct l2_backup_seen *seen = NULL;
	struct journal *j = NULL;
	char name[JOURNAL_NAME] = "";
	int64_t every = b->keys.backup.every, age_ms = every;
	size_t n = 0, i = 0;

	if (l2_backup_list(&files_of_system, b->paths.folder, &seen, &n, NULL) != ERR_OK)
		n = 0;
	if (b->journal && journal_read(&j, b->journal, NULL) == ERR_OK)
		journal_name(j, name);
	else
		j = NULL;
	l2_backup_whose(&files_of_system, b->paths.folder, name, j, seen, n);
	journal_close(j);
	/* Without sums: who made it was killed. */
	while (
	    i < n && (!seen[i].own || (!seen[i].sums && !MUTANT(half_a_backup_counts))))
		i++;
	if (i < n)
		age_ms = world_wall_ms(w) - l2_backup_wall_ms(seen[i].time);
	mem_free(seen);
	return age_ms < 0 || age_ms >= every ? 0 : every - age_ms;
}

static void job_run(void *job)
{
	struct backups *b = job;

	/* One that names no journal is anybody's: where that can't be read none is made.
	 */
	if (b->e == ERR_OK)
		b->e = b->away_alone
		    ? backup_away(&b->paths, &b->config, &b->made, &b->fail)
		    : backup_now(&b->paths, &b->config, b->wall_ms, &b->made, &b->fail);
	backup_note(&b->paths, b->e, &b->made, &b->fail);
}

/* -- how it went -------------------------------------------------------------- */

static bool was_nothing(const struct backups *b)
{
	return b->e == ERR_NOT_FOUND && !b->made.sums[0];
}

/* Each other failure; the same one, tried again, is no news. */
static void failure_tell(struct backups *b)
{
	if (b->e == ERR_STOPPED) {
		log_info("node", "%s: %s",
		    b->made.whole ? "a backup is not taken away" : "no backup",
		    b->fail.why);
		return;
	}
	if (!strncmp(b->said, b->fail.why, sizeof b->said - 1))
		return;
	snprintf(b->said, sizeof b->said, "%.399s", b->fail.why);
	if (was_nothing(b))
		log_info("node", "no backup: %s", b->fail.why);
	else if (b->made.whole)
		log_error("node", "%s", b->fail.why);
	else
		log_error("node", "%s: %s",
		    b->made.sums[0] ? "half a backup" : "no backup", b->fail.why);
}

static void success_tell(struct backups *b)
{
	b->said[0] = '\0';
	if (b->away_alone) {
		log_info("node", "backup %s is taken away, too", b->made.time);
		return;
	}
	log_info("node",
	    "backup %s in %s: %" PRIu64 " bytes of snapshots, root %s; %" PRIu64
	    " values of the reorg database",
	    b->made.time, b->paths.folder, b->made.log_bytes,
	    b->made.root[0] ? b->made.root : "none", b->made.values);
	if (b->made.others || b->made.copies)
		log_warn("node",
		    "%zu of the backups in %s are another journal's, %zu a copy's of "
		    "this one, and stay: pawl node doctor",
		    b->made.others, b->paths.folder, b->made.copies);
	if (b->made.failed)
		log_warn("node",
		    "the newest %zu snapshots of %s do not hold: pawl node verify",
		    b->made.failed, b->paths.log);
}

/* In a minute, two, four and so on; of what is not there yet in one. */
static int64_t again_ms(struct backups *b)
{
	int64_t every = b->keys.backup.every, wait = AGAIN_MS;

	if (!was_nothing(b))
		wait <<= b->failed < AGAIN_DOUBLED ? b->failed++ : AGAIN_DOUBLED;
	return world_now_ms(b->world) + (wait < every ? wait : every);
}

/* Half of one takes the place of an old whole one, so it is made no sooner again. */
static void plan_next(struct backups *b)
{
	b->away_ms = INT64_MAX;
	if (b->e == ERR_OK || MUTANT(backup_waits_an_hour))
		b->failed = 0;
	else if (b->made.whole && !MUTANT(backup_never_taken))
		b->away_ms = again_ms(b);
	else if (!b->made.sums[0])
		b->due_ms = again_ms(b);
}

static void job_done(void *job)
{
	struct backups *b = job;

	journal_close(b->paths.journal);
	b->paths.journal = NULL;
	b->running = false;
	b->ended = true;
	b->noted = L2_AGAIN_NOTHING; /* until the files are looked at again */
	b->noted_ms = INT64_MAX;
	if (b->e == ERR_OK)
		success_tell(b);
	else
		failure_tell(b);
	plan_next(b);
}

bool backups_ended(struct backups *b, const char **ret_why)
{
	bool ended = b && b->ended;

	*ret_why = NULL;
	if (!ended)
		return false;
	if (b->e != ERR_OK && !was_nothing(b))
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
	b->away_alone = world_now_ms(w) < b->due_ms &&
	    !(world_now_ms(w) >= b->noted_ms && b->noted == L2_AGAIN_MAKE);
	if (!b->away_alone)
		b->due_ms = world_now_ms(w) + b->keys.backup.every;
	b->wall_ms = world_wall_ms(w);
	b->config = b->keys.backup;
	b->config.folder = NULL; /* it is among the paths */
	b->config.copy_to = own(&b->copy_to, b->keys.backup.copy_to);
	b->config.command = own(&b->command, b->keys.backup.command);
	b->made = (struct l2_backup){ .time = "" };
	b->e =
	    b->journal ? journal_read(&b->paths.journal, b->journal, &b->fail) : ERR_OK;
	world_work(w, job_run, job_done, b);
}

static int64_t next_ms(const struct backups *b)
{
	int64_t own_ms = b->away_ms < b->due_ms ? b->away_ms : b->due_ms;

	return b->noted_ms < own_ms ? b->noted_ms : own_ms;
}

void backups_noted(struct backups *b, enum l2_backup_again again)
{
	b->noted = MUTANT(typed_backup_never_taken) ? L2_AGAIN_NOTHING : again;
}

/* Not where one of this daemon failed: it has its own time. */
static void noted_plan(struct backups *b)
{
	if (b->noted == L2_AGAIN_NOTHING || b->failed)
		b->noted_ms = INT64_MAX;
	else if (b->noted_ms == INT64_MAX)
		b->noted_ms = world_now_ms(b->world) + AGAIN_MS;
}

int64_t backups_turn(struct backups *b, struct world *w)
{
	if (!b || !b->wanted || !b->keys.backup.every)
		return INT64_MAX;
	if (b->world != w) { /* the one before has waited for its workers */
		b->world = w;
		b->running = b->known = false;
	}
	if (!b->known) {
		b->due_ms = world_now_ms(w) + left_ms(b, w);
		b->away_ms = b->away_ms == INT64_MAX ? INT64_MAX : 0;
	}
	b->known = true;
	if (!b->running)
		noted_plan(b);
	if (!b->running && world_now_ms(w) >= next_ms(b))
		job_begin(b, w);
	return b->running ? INT64_MAX : next_ms(b);
}
