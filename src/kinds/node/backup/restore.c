#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/backup/inside.h"
#include "kinds/node/reorgdb/rebuild.h"

#define DATABASE "reorg_db"

struct putting {
	const struct l2_restore_plan *plan;
	struct l2_restored *ret;
	struct l2_backup_seen from;
	bool some_log;                                  /* some backup has one */
	char log[BACKUP_PATH_MAX], db[BACKUP_PATH_MAX]; /* copies; "": none */
	char db_part[BACKUP_PATH_MAX], db_between[BACKUP_PATH_MAX];
	char log_part[BACKUP_PATH_MAX]; /* it is this one's to remove; "" */
	struct sums sums;
	struct file *owned;       /* the log that is there, while it is replaced */
	struct reorgdb_held held; /* the same of the database */
};

/* -- which one -------------------------------------------------------------- */

static enum err none_such(const struct l2_restore_plan *plan,
    const struct l2_backup_seen *seen, size_t n, struct fail *f)
{
	if (!n)
		return fail_set(f, ERR_NOT_FOUND,
		    "there is no backup in %s; of one that is elsewhere: pawl node "
		    "restore --from DIR",
		    plan->folder);
	if (!plan->time)
		return fail_set(f, ERR_NOT_FOUND,
		    "none of the %zu backups in %s has a %s; the newest is %s. Of a copy "
		    "that is elsewhere: pawl node restore --from DIR%s",
		    n, plan->folder, plan->log ? "log" : "reorg database", seen[0].time,
		    plan->log
			? ", or --file FILE"
			: "; the database is made anew by: pawl node rebuild-reorg-db");
	return fail_set(f, ERR_NOT_FOUND,
	    "there is no backup %s in %s; the newest is %s, the oldest %s", plan->time,
	    plan->folder, seen[0].time, seen[n - 1].time);
}

/* Has it anything of what is asked for? */
static bool is_asked(const struct l2_restore_plan *plan, const struct l2_backup_seen *s)
{
	return (plan->log && s->log) || (plan->reorg_db && s->reorg_db);
}

/* The one of this time; else the newest of those asked for that has its sums, of this
 * journal or a copy; where there is none, one that nobody knows to be another's, and last
 * another's, which people are asked about. SIZE_MAX: none. */
static size_t pick(
    const struct l2_restore_plan *plan, const struct l2_backup_seen *seen, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (plan->time
			? !strcmp(seen[i].time, plan->time)
			: seen[i].sums && !seen[i].other && is_asked(plan, &seen[i]))
			return i;
	for (size_t i = 0; !plan->time && i < n; i++)
		if (!seen[i].other && is_asked(plan, &seen[i]))
			return i;
	for (size_t i = 0; !plan->time && i < n; i++)
		if (is_asked(plan, &seen[i]))
			return i;
	return SIZE_MAX;
}

static bool is_ahead(const struct l2_restore_plan *plan, const struct l2_backup_seen *s)
{
	return l2_backup_time_ahead(l2_backup_wall_ms(s->time), plan->wall_ms);
}

/* The clock that named it was wrong, or is: nobody can say which one is the newest. */
static enum err ahead(const struct l2_restore_plan *plan,
    const struct l2_backup_seen *seen, size_t n, size_t at, struct fail *f)
{
	size_t i = at;

	if (plan->time || !is_ahead(plan, &seen[at]) || MUTANT(restore_of_a_time_to_come))
		return ERR_OK;
	while (i < n &&
	    (!seen[i].sums || !seen[i].own || !is_asked(plan, &seen[i]) ||
		is_ahead(plan, &seen[i])))
		i++;
	return fail_set(f, ERR_CONFLICT,
	    "nothing was changed: the newest backup, %s, is of a time to come: the clock "
	    "of this machine was wrong when it was made, or is now (date shows it), so "
	    "one of an earlier time may be newer. pawl node restore %s takes it%s%s%s",
	    seen[at].time, seen[at].time, i < n ? ", pawl node restore " : "",
	    i < n ? seen[i].time : "", i < n ? " the newest that is not" : "");
}

/* None is passed over in silence: a newer one without sums is asked for, one that has
 * nothing of what is asked for is told. */
static enum err pass_over(const struct l2_restore_plan *plan,
    const struct l2_backup_seen *seen, size_t n, size_t at, struct l2_restored *ret,
    struct fail *f)
{
	for (size_t i = 0; i < at && !plan->time && !MUTANT(restore_passes_over); i++)
		if (seen[i].other)
			ret->others++;
		else if (is_asked(plan, &seen[i]))
			return fail_set(f, ERR_CONFLICT,
			    "nothing was changed: the backup %s is newer, and has no "
			    "sums, so nobody knows whether it is whole; pawl node "
			    "restore %s takes it, pawl node restore %s the newest one "
			    "that has them",
			    seen[i].time, seen[i].time, seen[at].time);
	for (size_t i = n; i-- > 0;)
		if (i != at && seen[i].reorg_db && seen[i].sums && seen[i].own)
			memcpy(ret->has_db, seen[i].time, L2_BACKUP_TIME);
	for (size_t i = at; i-- > 0 && !plan->time;)
		if (seen[i].own)
			memcpy(ret->lacking, seen[i].time, L2_BACKUP_TIME);
	return ERR_OK;
}

/* It may be what was lost with the newest journal, or another node's: people know. */
static enum err of_a_copy(const struct l2_restore_plan *plan,
    const struct l2_backup_seen *seen, size_t n, size_t at, struct fail *f)
{
	size_t i = at;

	if (plan->time || !seen[at].copy)
		return ERR_OK;
	while (i < n && (!seen[i].sums || !seen[i].own || !is_asked(plan, &seen[i])))
		i++;
	return fail_set(f, ERR_CONFLICT,
	    "nothing was changed: the newest backup, %s, is of this journal by its name, "
	    "and not of its past: a copy of this node made it, or this one did before "
	    "its journal was put back from an older copy. pawl node restore %s takes "
	    "it%s%s%s",
	    seen[at].time, seen[at].time, i < n ? ", pawl node restore " : "",
	    i < n ? seen[i].time : "",
	    i < n ? " the newest that this journal made for certain" : "");
}

static enum err choose(struct putting *p, struct fail *f)
{
	const struct l2_restore_plan *plan = p->plan;
	struct l2_backup_seen *seen = NULL;
	size_t n = 0, at;
	enum err e = l2_backup_list(plan->files, plan->folder, &seen, &n, f);

	if (e == ERR_NOT_FOUND)
		e = ERR_OK;
	l2_backup_whose(plan->files, plan->folder, plan->name, plan->journal, seen, n);
	at = pick(plan, seen, n);
	if (e == ERR_OK && at == SIZE_MAX)
		e = none_such(plan, seen, n, f);
	if (e == ERR_OK)
		e = pass_over(plan, seen, n, at, p->ret, f);
	if (e == ERR_OK)
		e = of_a_copy(plan, seen, n, at, f);
	if (e == ERR_OK)
		e = ahead(plan, seen, n, at, f);
	if (e == ERR_OK)
		p->from = seen[at];
	for (size_t i = 0; i < n; i++)
		p->some_log |= seen[i].log;
	mem_free(seen);
	return e;
}

/* A log is asked for by name when the backup has none, and so is a database whose sum was
 * noted: it was there. */
static enum err parts_check(const struct putting *p, struct fail *f)
{
	const struct l2_restore_plan *plan = p->plan;

	if (!p->log[0] && !p->db[0])
		return fail_set(f, ERR_NOT_FOUND,
		    "the backup %s has nothing of what is asked for", p->from.time);
	if (plan->log && !p->log[0] && !MUTANT(restore_passes_over))
		return fail_set(f, ERR_NOT_FOUND,
		    "nothing was changed: the backup %s has %s log%s; pawl node restore "
		    "%s--only reorg-db %s%s the database of this one",
		    p->from.time, p->sums.sum[BACKUP_LOG][0] ? "lost its" : "no",
		    p->some_log ? "" : ", and no other has one",
		    p->some_log ? "--only log takes the newest one that there is, " : "",
		    p->from.time, p->some_log ? "" : " takes");
	if (plan->reorg_db && !p->db[0] && p->sums.sum[BACKUP_DB][0])
		return fail_set(f, ERR_NOT_FOUND,
		    "nothing was changed: the backup %s has lost its reorg database; "
		    "pawl node restore --only log %s takes its log, and pawl node "
		    "rebuild-reorg-db makes the database anew",
		    p->from.time, p->from.time);
	return ERR_OK;
}

static enum err copy_named(
    struct putting *p, enum backup_file file, char out[BACKUP_PATH_MAX], struct fail *f)
{
	char name[64];

	backup_name(name, file, p->from.time);
	return backup_path(out, p->plan->folder, name, f);
}

static enum err sums_find(struct putting *p, const char *path, struct fail *f)
{
	enum err e = sums_read(&p->sums, p->plan->files, path, f);

	if (e == ERR_OK && strcmp(p->sums.time, p->from.time) != 0)
		e = fail_set(
		    f, ERR_DAMAGED, "%s: is of the backup %s", path, p->sums.time);
	if (e == ERR_OK && p->plan->name[0] && p->sums.journal[0]) {
		enum sums_of of = sums_whose(&p->sums, p->plan->name, p->plan->journal);

		p->ret->own = of == SUMS_OWN;
		p->ret->other = of == SUMS_OTHER;
		p->ret->copy = of == SUMS_COPY;
	}
	return e;
}

/* A file that has the name of a backup's log: the sums of that lie beside it, or none. */
static enum err find_file(struct putting *p, struct fail *f)
{
	const char *path = p->plan->log_file, *slash = strrchr(path, '/');
	size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
	char name[64], sums[BACKUP_PATH_MAX];
	enum backup_file file;
	enum err e = backup_path(p->log, "", path, f);

	if (e != ERR_OK || MUTANT(restore_file_unsummed) ||
	    !backup_name_parse(path + folder, &file, p->from.time) || file != BACKUP_LOG)
		return e;
	backup_name(name, BACKUP_SUMS, p->from.time);
	snprintf(sums, sizeof sums, "%.*s%s", (int)folder, path, name);
	e = sums_find(p, sums, f);
	p->from.sums = e == ERR_OK;
	p->ret->summed = p->from.sums;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err find(struct putting *p, struct fail *f)
{
	const struct l2_restore_plan *plan = p->plan;
	char sums[BACKUP_PATH_MAX];
	enum err e;

	if (plan->log_file)
		return find_file(p, f);
	e = choose(p, f);
	if (e == ERR_OK && plan->log && p->from.log)
		e = copy_named(p, BACKUP_LOG, p->log, f);
	if (e == ERR_OK && plan->reorg_db && p->from.reorg_db)
		e = copy_named(p, BACKUP_DB, p->db, f);
	if (e == ERR_OK && p->from.sums) {
		e = copy_named(p, BACKUP_SUMS, sums, f);
		if (e == ERR_OK)
			e = sums_find(p, sums, f);
	}
	if (e == ERR_OK)
		e = parts_check(p, f);
	memcpy(p->ret->time, p->from.time, L2_BACKUP_TIME);
	p->ret->summed = p->from.sums;
	return e;
}

/* -- is it what was copied? -------------------------------------------------- */

static enum err sum_check(
    struct putting *p, const char *path, enum backup_file file, struct fail *f)
{
	const char *want = p->sums.sum[file];
	char sum[SUM_TEXT];
	uint64_t len;
	enum err e;

	if (!p->from.sums)
		return ERR_OK;
	e = file_sum(p->plan->files, path, sum, &len, f);
	if (e == ERR_OK && strcmp(sum, want) != 0 && !MUTANT(restore_unsummed))
		e = fail_set(f, ERR_DAMAGED,
		    "%s is not what was copied: its SHA-256 is %s, and %s was noted. "
		    "Nothing was changed; older copies: pawl node restore TIME",
		    path, sum, want[0] ? want : "none");
	return e;
}

/* A copy by hand has it from the one that it was made of, and is told from that by it:
 * where none is, the next one to write the database makes one. */
static enum err identity_drop(struct putting *p, struct fail *f)
{
	char path[BACKUP_PATH_MAX];
	enum err e;

	snprintf(path, sizeof path, "%.1000s/IDENTITY", p->db_part);
	e = p->plan->files->remove(path, f);
	return e == ERR_OK       ? p->plan->files->sync_folder(path, f)
	    : e == ERR_NOT_FOUND ? ERR_OK
				 : e;
}

static enum err db_prepare(struct putting *p, struct fail *f)
{
	const struct l2_restore_plan *plan = p->plan;
	char digest[SUM_TEXT];
	uint64_t values;
	enum err e;

	if (!p->db[0])
		return ERR_OK;
	e = sum_check(p, p->db, BACKUP_DB, f);
	if (e != ERR_OK)
		return e;
	snprintf(p->db_part, sizeof p->db_part, "%.990s.part", plan->reorg_db);
	reorgdb_remove(p->db_part);
	e = tar_read(plan->files, p->db, DATABASE, p->db_part, digest, f);
	if (e == ERR_OK && !MUTANT(restored_by_its_name))
		e = identity_drop(p, f);
	if (e == ERR_OK)
		e = database_look(p->db_part, &values, f);
	return e;
}

static enum err log_check(struct putting *p, struct fail *f)
{
	const struct l2_restore_plan *plan = p->plan;
	struct judge judge = { .journal = plan->journal,
		.reorg_db = p->db[0] ? p->db_part
		    : plan->reorg_db ? plan->reorg_db
				     : plan->store };
	struct log_look look;
	enum err e;

	if (!p->log[0])
		return ERR_OK;
	e = sum_check(p, p->log, BACKUP_LOG, f);
	if (e != ERR_OK)
		return e;
	e = log_look(&look, plan->files, p->log, &judge, f);
	judge_release(&judge);
	if (e == ERR_OK && !look.root[0])
		e = fail_set(f, ERR_DAMAGED, "%s has no snapshot", p->log);
	/* Older programs noted that of the newest good one. */
	if (e == ERR_OK && p->from.sums && strcmp(look.root, p->sums.root) != 0 &&
	    strcmp(look.good_root, p->sums.root) != 0)
		e = fail_set(f, ERR_DAMAGED,
		    "the newest whole snapshot of %s has the root %s, and %s was noted",
		    p->log, look.root, p->sums.root);
	if (e != ERR_OK)
		return fail_wrap(f, e, "the backup; nothing was changed");
	memcpy(p->ret->root, look.root, L2_HEX);
	p->ret->snapshot_ms = look.timestamp_ms;
	p->ret->failed = look.failed;
	p->ret->doubted = look.doubted;
	memcpy(p->ret->why, look.why, sizeof look.why);
	return ERR_OK;
}

static enum err log_prepare(struct putting *p, struct fail *f)
{
	char sum[SUM_TEXT], again[SUM_TEXT], want[SUM_TEXT];
	struct part part;
	uint64_t len, got;
	enum err e;

	if (!p->log[0])
		return ERR_OK;
	e = file_sum(p->plan->files, p->log, want, &len, f);
	if (e != ERR_OK)
		return e;
	e = part_begin(&part, p->plan->files, p->plan->log, f);
	if (e == ERR_OK)
		e = part_copy(&part, p->log, len, f);
	e = part_keep(&part, e, sum, f);
	if (e != ERR_OK)
		return e;
	e = file_sum(p->plan->files, part.path, again, &got, f);
	if (e == ERR_OK && (strcmp(sum, want) != 0 || strcmp(sum, again) != 0))
		e = fail_set(f, ERR_STALE,
		    "%s changed while it was read; nothing was changed: type it again",
		    p->log);
	if (e != ERR_OK)
		(void)!p->plan->files->remove(part.path, NULL);
	else
		memcpy(p->log_part, part.path, sizeof p->log_part);
	return e;
}

/* -- in place ---------------------------------------------------------------- */

struct taken {
	const char *name;
	bool is;
};

static void note_taken(void *ctx, const char *name)
{
	struct taken *t = ctx;

	t->is |= !strcmp(name, t->name);
}

/* What is there gets this name; nothing has it yet. */
enum err name_free(const struct files *files, int64_t wall_ms, const char *path,
    char out[BACKUP_PATH_MAX], struct fail *f)
{
	const char *slash = strrchr(path, '/');
	char folder[BACKUP_PATH_MAX], time[L2_BACKUP_TIME];
	struct taken t = { .is = true };
	int64_t at_ms = wall_ms;
	enum err e = ERR_OK;

	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1,
	    slash ? path : ".");
	while (e == ERR_OK && t.is) {
		backup_time(time, at_ms);
		snprintf(out, BACKUP_PATH_MAX, "%.990s.before_%s", path, time);
		t = (struct taken){ slash ? out + (slash - path) + 1 : out, false };
		e = files->each(*folder ? folder : "/", note_taken, &t, f);
		at_ms += 1000;
	}
	return e;
}

static enum err swap_end(const struct files *files, int64_t wall_ms, const char *between,
    const char *path, char kept[BACKUP_PATH_MAX], struct fail *f)
{
	enum err e = name_free(files, wall_ms, path, kept, f);

	return e == ERR_OK ? files_swap_end(files, between, path, kept, f) : e;
}

enum err place(const struct files *files, int64_t wall_ms, const char *path, bool there,
    char kept[BACKUP_PATH_MAX], struct fail *f)
{
	char part[BACKUP_PATH_MAX], between[BACKUP_PATH_MAX] = "";
	enum err e;

	kept[0] = '\0';
	snprintf(part, sizeof part, "%.990s.part", path);
	if (there && !MUTANT(restore_keeps_nothing)) {
		e = files_swap_begin(files, part, path, between, sizeof between, f);
		if (e == ERR_OK)
			e = swap_end(files, wall_ms, between, path, kept, f);
		if (e != ERR_OK &&
		    files_swap_look(files, path, between) == FILES_SWAP_FRESH)
			(void)!files->remove(between, NULL);
		return e;
	}
	e = files->rename(part, path, f);
	return e == ERR_OK ? files->sync_folder(path, f) : e;
}

static enum err log_own(struct putting *p, bool *ret_there, struct fail *f)
{
	const struct files *files = p->plan->files;
	struct file *file = NULL;
	enum err e = files->open(&file, p->plan->log, FILE_READ, f);

	*ret_there = e == ERR_OK;
	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	files->close(file);
	if (e == ERR_OK)
		e = files->open(&p->owned, p->plan->log, FILE_WRITE, f);
	if (e != ERR_OK)
		return fail_wrap(f, e,
		    "nothing was changed: what is in place can't be opened, to be kept "
		    "under another name. Let this user read and write it (pawl node "
		    "doctor names the line), or move it away");
	return files->own(p->owned, f);
}

static void note_any(void *ctx, const char *name)
{
	(void)name;
	*(bool *)ctx = true;
}

static enum err log_put(struct putting *p, struct fail *f)
{
	bool there;
	enum err e;

	if (!p->log[0])
		return ERR_OK;
	e = log_own(p, &there, f);
	if (e == ERR_OK)
		e = place(p->plan->files, p->plan->wall_ms, p->plan->log, there,
		    p->ret->log_kept, f);
	p->ret->log = e == ERR_OK;
	return e;
}

/* Before the log is replaced: who is killed between finds it beside the database. */
static enum err db_begin(struct putting *p, struct fail *f)
{
	const struct l2_restore_plan *plan = p->plan;
	bool any = false;
	enum err e;

	if (!p->db[0])
		return ERR_OK;
	e = plan->files->each(plan->reorg_db, note_any, &any, f);
	if (e == ERR_OK && !any)
		return ERR_OK;
	if (e == ERR_OK)
		e = reorgdb_swap_clear(plan->reorg_db, f);
	return e == ERR_OK ? files_swap_begin(plan->files, p->db_part, plan->reorg_db,
				 p->db_between, sizeof p->db_between, f)
			   : e;
}

static enum err db_put(struct putting *p, struct fail *f)
{
	const struct l2_restore_plan *plan = p->plan;
	enum err e;

	if (!p->db[0])
		return ERR_OK;
	if (p->db_between[0])
		e = swap_end(plan->files, plan->wall_ms, p->db_between, plan->reorg_db,
		    p->ret->reorg_db_kept, f);
	else
		e = place(plan->files, plan->wall_ms, plan->reorg_db, false,
		    p->ret->reorg_db_kept, f);
	p->ret->reorg_db = e == ERR_OK;
	return e;
}

static void parts_drop(const struct putting *p)
{
	const struct l2_restore_plan *plan = p->plan;

	if (p->log_part[0] && !p->ret->log && !MUTANT(restore_leaves_a_part))
		(void)!plan->files->remove(p->log_part, NULL);
	if (p->db_part[0])
		reorgdb_remove(p->db_part);
	if (p->db_between[0] &&
	    files_swap_look(plan->files, plan->reorg_db, p->db_between) ==
		FILES_SWAP_FRESH)
		reorgdb_remove(p->db_between);
}

enum err l2_backup_restore(
    const struct l2_restore_plan *plan, struct l2_restored *ret, struct fail *f)
{
	struct putting p = { .plan = plan, .ret = ret, .held = REORGDB_NOT_HELD };
	char path[BACKUP_PATH_MAX];
	enum err e;

	*ret = (struct l2_restored){ 0 };
	e = backup_path(path, "", plan->log ? plan->log : "", f);
	if (e == ERR_OK)
		e = backup_path(path, "", plan->reorg_db ? plan->reorg_db : "", f);
	if (e == ERR_OK)
		e = find(&p, f);
	/* The database is held by the process that is the node, the log while it is
	 * written alone. */
	if (e == ERR_OK && plan->reorg_db)
		e = p.db[0] && !MUTANT(restore_beside_another)
		    ? reorgdb_hold_place(plan->reorg_db, &p.held, f)
		    : reorgdb_hold(plan->reorg_db, &p.held, f);
	if (e == ERR_OK)
		e = db_prepare(&p, f);
	if (e == ERR_OK)
		e = log_check(&p, f);
	if (e == ERR_OK && plan->agree)
		e = plan->agree(plan->ctx, ret, p.log, f);
	if (e == ERR_OK)
		e = log_prepare(&p, f);
	if (e == ERR_OK)
		e = db_begin(&p, f);
	if (e == ERR_OK)
		e = log_put(&p, f);
	if (e == ERR_OK)
		e = db_put(&p, f);
	if (e != ERR_OK)
		parts_drop(&p);
	plan->files->close(p.owned);
	reorgdb_let_go(&p.held);
	return e;
}
