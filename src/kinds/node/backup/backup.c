#include "kinds/node/backup/backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/backup/inside.h"
#include "kinds/node/reorgdb/reorgdb.h"

#define DATABASE "reorg_db"
#define LATEST "l2_snapshots_latest.dat.bak"
#define SUMS_BYTES_MAX 4096

/* -- what a copy is looked at for ------------------------------------------ */

enum err log_look(struct log_look *ret, const struct files *files, const char *path,
    struct judge *judge, struct fail *f)
{
	const struct l2_verdict *v;
	struct judgement g;
	struct l2_log *log;
	enum err e = l2_log_open(&log, files, path, f);

	*ret = (struct log_look){ 0 };
	if (e != ERR_OK)
		return e;
	e = judge_log(judge, log, &g, f);
	ret->blocks = g.blocks;
	if (e == ERR_OK && judgement_whole(&g, NULL, &v).len) {
		memcpy(ret->root, v->root, L2_HEX);
		ret->timestamp_ms = v->timestamp_ms;
		ret->failed = g.broken;
		ret->doubted = g.doubted != 0;
		snprintf(ret->why, sizeof ret->why, "%s", ret->doubted ? v->why : "");
		if (g.good)
			memcpy(ret->good_root, g.good_verdict.root, L2_HEX);
	} else if (e == ERR_OK && l2_log_size(log)) {
		e = fail_set(f, ERR_DAMAGED,
		    "no snapshot of %s holds: procedure 1, pawl node restore, puts the "
		    "newest copy of it in place",
		    path);
	}
	l2_log_close(log);
	return e;
}

struct looking {
	uint64_t n, bad;
	char first[400];
};

static void seen_block(void *ctx, uint64_t height, const char *hash)
{
	(void)height;
	(void)hash;
	((struct looking *)ctx)->n++;
}

static void seen_anchor(void *ctx, const struct anchor_record *a)
{
	(void)a;
	((struct looking *)ctx)->n++;
}

static void seen_event(void *ctx, const struct reorg_event *e)
{
	(void)e;
	((struct looking *)ctx)->n++;
}

static void seen_bad(void *ctx, const char *key, const char *why)
{
	struct looking *l = ctx;

	if (!l->bad++)
		snprintf(l->first, sizeof l->first, "%.200s: %.180s", key, why);
}

enum err database_look(const char *path, uint64_t *ret_values, struct fail *f)
{
	struct looking l = { 0 };
	const struct reorgdb_visitor v = { .ctx = &l,
		.block = seen_block,
		.anchor = seen_anchor,
		.event = seen_event,
		.bad = seen_bad };
	struct reorgdb *db;
	enum err e = reorgdb_open(&db, path, REORGDB_READ, f);

	if (e == ERR_OK)
		e = reorgdb_visit(db, &v, f);
	reorgdb_close(db);
	*ret_values = l.n;
	if (e != ERR_OK || !l.bad)
		return e;
	return fail_set(f, ERR_DAMAGED,
	    "%" PRIu64 " value%s of the reorg database %s %s not what %s should be; "
	    "the first is %s. To make it anew: procedure 3, pawl node rebuild-reorg-db",
	    l.bad, l.bad == 1 ? "" : "s", path, l.bad == 1 ? "is" : "are",
	    l.bad == 1 ? "it" : "they", l.first);
}

/* -- what is in the folder -------------------------------------------------- */

struct names {
	struct l2_backup_seen *at;
	size_t n;
	char **rest; /* what dead ones left */
	size_t rest_n;
};

static void names_release(struct names *n)
{
	for (size_t i = 0; i < n->rest_n; i++)
		mem_free(n->rest[i]);
	mem_free(n->rest);
	mem_free(n->at);
}

static bool is_rest(const char *name)
{
	return (!strncmp(name, "l2_snapshots_", 13) || !strncmp(name, "backup_", 7) ||
		   !strncmp(name, DATABASE "_", 9)) &&
	    (strstr(name, ".part") || strstr(name, ".checkpoint"));
}

static void name_seen(void *ctx, const char *name)
{
	struct names *n = ctx;
	char time[L2_BACKUP_TIME];
	enum backup_file file;
	size_t i = 0;

	if (!backup_name_parse(name, &file, time)) {
		if (!is_rest(name))
			return;
		n->rest = mem_grow(n->rest, n->rest_n + 1, sizeof *n->rest);
		n->rest[n->rest_n++] = mem_str(name);
		return;
	}
	while (i < n->n && strcmp(n->at[i].time, time) != 0)
		i++;
	if (i == n->n) {
		n->at = mem_grow(n->at, n->n + 1, sizeof *n->at);
		n->at[n->n] = (struct l2_backup_seen){ 0 };
		memcpy(n->at[n->n++].time, time, sizeof time);
	}
	n->at[i].log |= file == BACKUP_LOG;
	n->at[i].reorg_db |= file == BACKUP_DB;
	n->at[i].sums |= file == BACKUP_SUMS;
}

static int newest_first(const void *a, const void *b)
{
	const struct l2_backup_seen *one = a, *other = b;

	return strcmp(other->time, one->time);
}

static enum err names_read(
    struct names *n, const struct files *files, const char *folder, struct fail *f)
{
	enum err e;

	*n = (struct names){ 0 };
	e = files->each(folder, name_seen, n, f);
	if (n->n)
		qsort(n->at, n->n, sizeof *n->at, newest_first);
	return e;
}

enum err l2_backup_list(const struct files *files, const char *folder,
    struct l2_backup_seen **ret, size_t *ret_n, struct fail *f)
{
	struct names n;
	enum err e = names_read(&n, files, folder, f);

	*ret = n.at;
	*ret_n = n.n;
	n.at = NULL;
	names_release(&n);
	return e;
}

enum err l2_backup_newest(const struct files *files, const char *folder,
    struct journal *j, struct l2_backup *ret, struct fail *f)
{
	const struct l2_backup_seen *seen;
	char name[JOURNAL_NAME] = "";
	struct names n;
	size_t i = 0;
	enum err e = names_read(&n, files, folder, f);

	*ret = (struct l2_backup){ 0 };
	if (j)
		journal_name(j, name);
	l2_backup_whose(files, folder, name, j, n.at, n.n);
	while (i < n.n && (!n.at[i].sums || !n.at[i].own))
		i++;
	if (e == ERR_OK && i == n.n)
		e = fail_set(f, ERR_NOT_FOUND, "no backup in %s has its sums", folder);
	if (e == ERR_OK) {
		seen = &n.at[i];
		memcpy(ret->time, seen->time, sizeof ret->time);
		backup_name(ret->sums, BACKUP_SUMS, seen->time);
		if (seen->log)
			backup_name(ret->log, BACKUP_LOG, seen->time);
		if (seen->reorg_db)
			backup_name(ret->reorg_db, BACKUP_DB, seen->time);
	}
	names_release(&n);
	return e;
}

/* -- a copy ----------------------------------------------------------------- */

struct making {
	const struct l2_backup_plan *plan;
	struct l2_backup *ret;
	struct names names;
	struct sums sums;
	char checkpoint[BACKUP_PATH_MAX];
	bool has_db; /* the checkpoint is there, and whole */
	enum err db; /* how the database went: the log is copied all the same */
	struct fail db_fail;
};

static void sweep(struct making *m)
{
	const struct files *files = m->plan->files;
	char path[BACKUP_PATH_MAX];

	for (size_t i = 0; i < m->names.rest_n; i++) {
		const char *name = m->names.rest[i];

		if (backup_path(path, m->plan->folder, name, NULL) != ERR_OK)
			continue;
		if (strstr(name, ".checkpoint"))
			reorgdb_remove(path);
		else
			(void)!files->remove(path, NULL);
	}
}

/* None of its files is there yet. */
static void time_choose(struct making *m)
{
	int64_t at_ms = m->plan->wall_ms;
	bool taken = true;

	while (taken) {
		backup_time(m->ret->time, at_ms);
		taken = false;
		for (size_t i = 0; i < m->names.n; i++)
			taken |= !strcmp(m->names.at[i].time, m->ret->time);
		at_ms += 1000;
	}
	memcpy(m->sums.time, m->ret->time, L2_BACKUP_TIME);
}

static enum err db_copy(struct making *m, struct fail *f)
{
	char name[64];
	enum err e;

	snprintf(name, sizeof name, DATABASE "_%s.checkpoint", m->ret->time);
	e = backup_path(m->checkpoint, m->plan->folder, name, f);
	if (e == ERR_OK)
		e = reorgdb_checkpoint(m->plan->reorg_db, m->checkpoint, f);
	if (e == ERR_OK)
		e = database_look(m->checkpoint, &m->ret->values, f);
	m->has_db = e == ERR_OK;
	return e;
}

/* As an archive, which is read again to its end. */
static enum err db_pack(struct making *m, struct fail *f)
{
	char path[BACKUP_PATH_MAX], packed[SUM_TEXT], again[SUM_TEXT];
	const struct files *files = m->plan->files;
	struct part p;
	enum err e;

	backup_name(m->ret->reorg_db, BACKUP_DB, m->ret->time);
	e = backup_path(path, m->plan->folder, m->ret->reorg_db, f);
	if (e != ERR_OK)
		return e;
	e = part_begin(&p, files, path, f);
	if (e == ERR_OK)
		e = tar_pack(&p, m->checkpoint, DATABASE, packed, f);
	e = part_keep(&p, e, m->sums.sum[BACKUP_DB], f);
	if (e != ERR_OK)
		return e;
	e = tar_read(files, p.path, DATABASE, NULL, again, f);
	if (e == ERR_OK && strcmp(packed, again) != 0)
		e = fail_set(
		    f, ERR_DAMAGED, "%s: what was written is not what is read", p.path);
	m->ret->reorg_db_bytes = p.size;
	return part_settle(&p, e, f);
}

static enum err copy_same(
    const struct making *m, const struct part *p, struct log_look *look, struct fail *f)
{
	struct judge judge = { .reorg_db = m->has_db ? m->checkpoint : NULL };
	char again[SUM_TEXT];
	uint64_t len;
	enum err e = file_sum(m->plan->files, p->path, again, &len, f);

	if (e == ERR_OK && strcmp(again, m->sums.sum[BACKUP_LOG]) != 0)
		e = fail_set(
		    f, ERR_DAMAGED, "%s: what was written is not what is read", p->path);
	if (e == ERR_OK)
		e = log_look(look, m->plan->files, p->path, &judge, f);
	judge_release(&judge);
	return e;
}

/* How much of it is whole blocks; of a log without any, and of none: 0. */
static enum err log_end(const struct l2_backup_plan *plan, uint64_t *ret, struct fail *f)
{
	struct l2_block last;
	struct l2_log *log;
	size_t n;
	enum err e = l2_log_open(&log, plan->files, plan->log, f);

	*ret = 0;
	if (e != ERR_OK)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	e = l2_log_survey(log, f);
	n = e == ERR_OK ? l2_log_n(log) : 0;
	last = n ? l2_log_at(log, n - 1) : (struct l2_block){ 0 };
	*ret = last.offset + last.len;
	for (size_t i = 0; n && i < l2_log_damages(log); i++) {
		struct l2_damage d = l2_log_damage(log, i);

		if (d.kind == L2_DAMAGED)
			*ret = d.offset + d.len;
	}
	if (e == ERR_OK && !n && l2_log_size(log))
		e = fail_set(f, ERR_DAMAGED,
		    "%s has no whole snapshot: procedure 1, pawl node restore",
		    plan->log);
	l2_log_close(log);
	return e;
}

static enum err log_copy(struct making *m, uint64_t end, struct part *p, struct fail *f)
{
	char path[BACKUP_PATH_MAX];
	enum err e;

	backup_name(m->ret->log, BACKUP_LOG, m->ret->time);
	e = backup_path(path, m->plan->folder, m->ret->log, f);
	if (e != ERR_OK)
		return e;
	e = part_begin(p, m->plan->files, path, f);
	if (e == ERR_OK)
		e = part_copy(p, m->plan->log, end, f);
	return part_keep(p, e, m->sums.sum[BACKUP_LOG], f);
}

static enum err log_finish(struct making *m, const struct part *p, struct fail *f)
{
	struct log_look look;
	enum err e = copy_same(m, p, &look, f);

	if (e != ERR_OK && !MUTANT(backup_unchecked)) {
		(void)!m->plan->files->remove(p->path, NULL);
		return e;
	}
	memcpy(m->ret->root, look.root, L2_HEX);
	memcpy(m->sums.root, look.root, L2_HEX);
	m->ret->snapshot_ms = look.timestamp_ms;
	m->ret->snapshots = look.blocks;
	m->ret->failed = look.failed;
	m->ret->doubted = look.doubted && m->has_db;
	memcpy(m->ret->why, look.why, sizeof m->ret->why);
	m->ret->log_bytes = p->size;
	return m->plan->files->rename(p->path, p->name, f);
}

static enum err sums_write(struct making *m, struct fail *f)
{
	char path[BACKUP_PATH_MAX], sum[SUM_TEXT];
	struct buf text;
	struct part p;
	enum err e;

	backup_name(m->ret->sums, BACKUP_SUMS, m->ret->time);
	e = backup_path(path, m->plan->folder, m->ret->sums, f);
	if (e != ERR_OK)
		return e;
	buf_init(&text, SUMS_BYTES_MAX);
	/* Behind the copy: all that is in it had happened. */
	if (m->plan->journal)
		journal_point(m->plan->journal, &m->sums.point);
	sums_format(&text, &m->sums);
	e = part_begin(&p, m->plan->files, path, f);
	if (e == ERR_OK)
		e = part_add(&p, buf_text(&text), text.len, f);
	e = part_end(&p, e, sum, f);
	buf_release(&text);
	if (e != ERR_OK)
		m->ret->sums[0] = '\0';
	return e;
}

/* Without sums it would be a copy of which nobody can say what it is. */
static void take_back(struct making *m)
{
	char *const names[] = { m->ret->log, m->ret->reorg_db };
	char path[BACKUP_PATH_MAX];

	for (size_t i = 0; i < 2 && !MUTANT(half_a_backup_stays); i++) {
		if (names[i][0] &&
		    backup_path(path, m->plan->folder, names[i], NULL) == ERR_OK)
			(void)!m->plan->files->remove(path, NULL);
		names[i][0] = '\0';
	}
}

/* -- older ones ------------------------------------------------------------- */

static enum err one_remove(
    struct making *m, enum backup_file file, const char *time, struct fail *f)
{
	char path[BACKUP_PATH_MAX], name[64];
	enum err e;

	backup_name(name, file, time);
	e = backup_path(path, m->plan->folder, name, f);
	if (e == ERR_OK)
		e = m->plan->files->remove(path, f);
	m->ret->removed += e == ERR_OK;
	return e;
}

/* So many of each kind stay, of this journal; sums, while one of their files does. */
static enum err old_remove(struct making *m, struct fail *f)
{
	unsigned keep = m->plan->keep ? m->plan->keep : 1;
	unsigned logs = m->ret->log[0] != 0, dbs = m->ret->reorg_db[0] != 0;
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < m->names.n; i++) {
		const struct l2_backup_seen *s = &m->names.at[i];
		bool log, db;

		if (!s->own && !MUTANT(backups_of_another_go))
			continue;
		log = s->log && logs++ < keep;
		db = s->reorg_db && dbs++ < keep;
		if (s->log && !log)
			e = one_remove(m, BACKUP_LOG, s->time, f);
		if (e == ERR_OK && s->reorg_db && !db)
			e = one_remove(m, BACKUP_DB, s->time, f);
		if (e == ERR_OK && s->sums && !log && !db)
			e = one_remove(m, BACKUP_SUMS, s->time, f);
	}
	return e;
}

/* -- all of it -------------------------------------------------------------- */

static enum err files_make(struct making *m, struct fail *f)
{
	struct part log = { 0 };
	uint64_t end;
	enum err e = log_end(m->plan, &end, f);

	if (e == ERR_OK && end)
		e = log_copy(m, end, &log, f);
	if (e != ERR_OK)
		return e;
	/* Behind the log: its anchors are in it. */
	m->db = db_copy(m, &m->db_fail);
	if (!end && m->db == ERR_NOT_FOUND)
		return fail_set(f, ERR_NOT_FOUND,
		    "there is nothing to copy: neither snapshots in %s nor a reorg "
		    "database at %s",
		    m->plan->log, m->plan->reorg_db);
	if (end)
		e = log_finish(m, &log, f);
	if (e == ERR_OK && m->db == ERR_OK)
		e = db_pack(m, f);
	return e;
}

static enum err names_settle(struct making *m, struct fail *f)
{
	char at[BACKUP_PATH_MAX];
	enum err e = backup_path(at, m->plan->folder, LATEST, f);

	if (e == ERR_OK)
		e = m->plan->files->sync_folder(at, f);
	if (e == ERR_OK)
		e = sums_write(m, f);
	if (e == ERR_OK && m->ret->log[0])
		e = m->plan->files->point(m->ret->log, at, f);
	if (e == ERR_OK && !MUTANT(backup_removed_early))
		e = m->plan->files->sync_folder(at, f);
	return e == ERR_OK ? old_remove(m, f) : e;
}

/* Who does not know whose this one is removes none that is somebody's. */
static void whose(struct making *m)
{
	struct journal *j = m->plan->journal;
	char name[JOURNAL_NAME] = "-";

	if (j) {
		journal_name(j, name);
		memcpy(m->sums.journal, name, JOURNAL_NAME);
	}
	l2_backup_whose(
	    m->plan->files, m->plan->folder, name, j, m->names.at, m->names.n);
	for (size_t i = 0; j && i < m->names.n; i++) {
		m->ret->others += m->names.at[i].other;
		m->ret->copies += m->names.at[i].copy;
	}
}

static enum err make(struct making *m, struct fail *f)
{
	enum err e = names_read(&m->names, m->plan->files, m->plan->folder, f);

	if (e != ERR_OK)
		return e;
	whose(m);
	sweep(m);
	time_choose(m);
	e = files_make(m, f);
	if (e == ERR_OK && (m->ret->log[0] || m->ret->reorg_db[0]))
		e = names_settle(m, f);
	if (e != ERR_OK && !m->ret->sums[0])
		take_back(m);
	if (m->checkpoint[0])
		reorgdb_remove(m->checkpoint);
	if (e != ERR_OK || m->db == ERR_OK || m->db == ERR_NOT_FOUND)
		return e;
	return fail_set(f, m->db, "%s%s", m->ret->log[0] ? "the log is copied; " : "",
	    m->db_fail.why);
}

enum err l2_backup_make(
    const struct l2_backup_plan *plan, struct l2_backup *ret, struct fail *f)
{
	struct making m = { .plan = plan, .ret = ret };
	char lock[BACKUP_PATH_MAX];
	struct file *file = NULL;
	enum err e;

	*ret = (struct l2_backup){ 0 };
	e = plan->elsewhere ? folder_there(plan->files, plan->folder, f)
			    : plan->files->folder(plan->folder, f);
	if (e == ERR_OK)
		e = backup_path(lock, plan->folder, "backup.lock", f);
	if (e == ERR_OK)
		e = plan->files->open(&file, lock, FILE_WRITE, f);
	if (e == ERR_OK)
		e = plan->files->own(file, f);
	if (e == ERR_OWNED)
		e = fail_set(f, e, "another process makes a backup in %s", plan->folder);
	if (e == ERR_OK)
		e = make(&m, f);
	names_release(&m.names);
	plan->files->close(file);
	ret->whole = e == ERR_OK;
	return e;
}
