#include "journal/journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "journal/inside.h"

/* -- the end --------------------------------------------------------------- */

static void die(enum err e, const char *why)
{
	log_error("journal", "%s", why);
	if (e == ERR_DAMAGED)
		log_error("journal",
		    "nothing more was sent. Keep the database and its -wal as they"
		    " are: `pawl doctor --journal` says what is whole, `pawl restore"
		    " FILE` puts a backup in its place");
	else
		log_error("journal",
		    "whether the last commit is on the disk is unknown, nothing of"
		    " it was sent; start again: starting is recovering");
	_exit(err_exit_code(e));
}

void (*journal_die)(enum err e, const char *why) = die;

/* Which page it is, as far as the database can still tell. */
static void name_damage(struct journal *j, struct fail *f)
{
	char text[480], page[200];

	if (!j->db || j->drv->check(j->db, page, sizeof(page)) == ERR_OK)
		return;
	snprintf(text, sizeof(text), "%.250s: %s", f->why, page);
	snprintf(f->why, sizeof(f->why), "%s", text);
}

void journal_failed(struct journal *j, enum err e, const char *fmt, ...)
{
	struct fail f = { .err = e };
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.why, sizeof(f.why), fmt, ap);
	va_end(ap);
	if (e == ERR_DAMAGED)
		name_damage(j, &f);
	if (e == ERR_JOURNAL && !j->reader)
		journal_mark_unsynced(j);
	if (j->starting) {
		if (j->start.err == ERR_OK)
			j->start = f;
		j->numb = true;
		return;
	}
	/* A full disk says so in a write, before the sync of its commit. Should the
	 * record have become readable all the same, the next commit overwrites it before
	 * anything leaves; and a restart that finds it finds a decision of which nothing
	 * was sent. */
	if ((e == ERR_DISK_FULL || MUTANT(failed_sync_goes_on)) && j->writing) {
		j->numb = true;
		return;
	}
	snprintf(text, sizeof(text), "%s: %.500s", j->path, f.why);
	journal_die(e == ERR_DAMAGED ? e : ERR_JOURNAL, text);
	BUG("journal_die returned");
}

void journal_damaged(const struct journal *j, const char *fmt, ...)
{
	char text[1000], why[800];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	snprintf(text, sizeof(text), "%.190s: %s", j->path, why);
	journal_die(ERR_DAMAGED, text);
	BUG("journal_die returned");
}

enum err journal_start_error(const struct journal *j, struct fail *f)
{
	if (j->start.err == ERR_OK)
		return ERR_OK;
	return fail_set(f, j->start.err, "%s", j->start.why);
}

/* -- opening --------------------------------------------------------------- */

/* What died in the middle is done again. Its copy is there, or it died twice. */
static bool in_restore(const char *path, struct fail *f)
{
	char copy[NAME_SIZE], old[NAME_SIZE];

	journal_name_beside(copy, path, "restored");
	journal_name_beside(old, path, "replaced-1");
	if (journal_files->size(copy) < 0 &&
	    (journal_files->size(path) >= 0 || journal_files->size(old) < 0))
		return false;
	fail_set(f, ERR_NO_JOURNAL,
	    "%s: is not whole: a `pawl restore` ended in its middle; type it again. What"
	    " was the journal lies beside it, as replaced-1-.. or with the next number",
	    path);
	return true;
}

static enum err refuse_none(const char *path, struct fail *f)
{
	if (in_restore(path, f))
		return ERR_NO_JOURNAL;
	return fail_set(f, ERR_NO_JOURNAL,
	    "%s: no journal is there; `pawl init` makes an empty one, and only that;"
	    " `pawl restore FILE` puts a backup there",
	    path);
}

/* Whether it is there. A disk that does not say must not be read as a no. */
static enum err look(const char *path, bool *ret, struct fail *f)
{
	int64_t size = journal_files->size(path);

	*ret = size >= 0;
	if (size != FILES_UNREADABLE)
		return ERR_OK;
	return fail_set(f, ERR_UNREADABLE,
	    "%s: an I/O error: the disk does not say whether it is there", path);
}

/* Whether the database is one of ours: else it is that which is to be said of it. */
static enum err refuse_other(const char *path, struct fail *f)
{
	struct journal *alone;
	enum err e = journal_open_file(&alone, path, DB_ALONE, false, f);

	if (e == ERR_OK)
		journal_close(alone);
	return e;
}

enum err journal_refuse_missing(const char *path, struct fail *f)
{
	char name[NAME_SIZE], word[SHELL_WORD_MAX];
	bool there;
	enum err e = look(path, &there, f);

	if (e != ERR_OK || !there)
		return e == ERR_OK ? refuse_none(path, f) : e;
	journal_name_with(name, path, "-wal");
	e = look(name, &there, f);
	if (e != ERR_OK || there)
		return e;
	if (in_restore(path, f))
		return ERR_NO_JOURNAL;
	e = refuse_other(path, f);
	if (e != ERR_OK)
		return e;
	return fail_set(f, ERR_DAMAGED,
	    "%s: is missing, and with it perhaps the last commits; what the database"
	    " holds is certain, and nothing was sent now. Put it back; if it is lost,"
	    " go on in doubt: pawl restore %s. Where that is refused, pawl doctor"
	    " --journal says why",
	    name, shell_word(word, sizeof word, path));
}

static enum err refuse(const char *path, enum db_mode mode, struct fail *f)
{
	bool there = true;
	enum err e = ERR_OK;

	if (strlen(path) > PATH_LEN_MAX)
		return fail_set(f, ERR_SYSTEM, "the journal's path is too long");
	if (mode == DB_CREATE)
		return ERR_OK;
	if (mode == DB_ALONE) {
		e = look(path, &there, f);
		return e == ERR_OK && !there ? refuse_none(path, f) : e;
	}
	return journal_refuse_missing(path, f);
}

enum err journal_advise(enum err e, struct fail *f)
{
	char why[400];

	if (e != ERR_DAMAGED || !f || strstr(f->why, "pawl restore"))
		return e;
	snprintf(why, sizeof(why), "%.399s", f->why);
	return fail_set(f, e,
	    "%s. Nothing was sent. `pawl doctor --journal` says what is whole,"
	    " `pawl restore FILE` puts a backup in its place",
	    why);
}

enum err journal_open_file(
    struct journal **ret, const char *path, enum db_mode mode, bool own, struct fail *f)
{
	struct journal *j;
	enum err e = refuse(path, mode, f);

	if (e != ERR_OK)
		return e;
	j = mem_new(sizeof(*j));
	j->drv = &db_sqlite;
	j->path = mem_str(path);
	j->reader = !own;
	j->alone = mode == DB_ALONE;
	j->starting = true;
	events_init(&j->events);
	if (mode != DB_ALONE)
		e = journal_files->hold(&j->hold, path, own, f);
	if (e == ERR_OK) {
		e = j->drv->open(&j->db, path, mode, f);
		if (e != ERR_OK)
			fail_wrap(f, e, "%s", path);
	}
	if (e != ERR_OK) {
		journal_close(j);
		return e == ERR_OWNED ? owner_name(path, f) : e;
	}
	*ret = j;
	return ERR_OK;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->writing)
		journal_rollback(j);
	if (j->db)
		j->drv->close(j->db);
	if (j->hold)
		journal_files->let_go(j->hold, !j->reader);
	for (size_t i = 0; i < SQL_COUNT; i++) {
		for (size_t k = 0; k < RUN_KEEP_MAX; k++)
			mem_free(j->kept[i][k].p);
	}
	events_release(&j->events);
	mem_free(j->path);
	mem_free(j);
}

enum err journal_read(struct journal **ret, const char *path, struct fail *f)
{
	struct journal *j;
	int have;
	enum err e = journal_open_file(&j, path, DB_READ, false, f);

	if (e != ERR_OK)
		return journal_advise(e, f);
	e = migrate_compare(j, &have, f);
	if (e == ERR_OK && have < migrations_count)
		e = fail_set(f, ERR_CONFLICT,
		    "it has schema %d, this pawl reads %d: run `pawl migrate`", have,
		    migrations_count);
	if (e == ERR_OK && !journal_files->owned(path))
		e = check_files(j, have, f);
	if (e == ERR_DAMAGED && journal_files->owned(path))
		e = ERR_OK; /* an owner began meanwhile, and has compared them itself */
	if (e != ERR_OK) {
		journal_close(j);
		return journal_advise(fail_wrap(f, e, "%s", path), f);
	}
	j->starting = false;
	*ret = j;
	return ERR_OK;
}

/* -- the transaction ------------------------------------------------------- */

enum err journal_exec(struct journal *j, const char *sql)
{
	struct fail f = { 0 };
	enum err e = j->drv->exec(j->db, sql, &f);

	if (e != ERR_OK)
		journal_failed(j, e, "%s", f.why);
	return e;
}

/* The epoch first: a journal that another process took is not ours to write. */
static void hold_epoch(struct journal *j)
{
	struct sql_owner_hold_in in = {
		.epoch = j->epoch, .before = j->commit_no, .commit_no = j->commit_no + 1
	};

	if (sql_owner_hold(j, &in) != 1 && !j->numb && !MUTANT(robbed_goes_on))
		journal_failed(j, ERR_JOURNAL,
		    "another process has taken it (we are epoch %lld,"
		    " commit %lld)",
		    (long long)j->epoch, (long long)j->commit_no);
}

/* The hold is a write too, and none of a savepoint's: dropping that must not undo it. */
static void begin(struct journal *j)
{
	bool saved = j->saved;

	CHECK(!j->reader);
	j->writing = true;
	j->saved = saved && MUTANT(hold_in_savepoint);
	if (journal_exec(j, "BEGIN IMMEDIATE") == ERR_OK && !j->taking)
		hold_epoch(j);
	j->saved = saved;
}

bool journal_begin(struct journal *j)
{
	if (!j->writing && !j->numb)
		begin(j);
	if (j->saved && !j->save_written && !j->numb) {
		j->save_written = true;
		journal_exec(j, "SAVEPOINT turn");
	}
	return !j->numb;
}

void journal_must_commit(struct journal *j)
{
	(void)journal_begin(j);
}

void journal_name(struct journal *j, char out[JOURNAL_NAME])
{
	struct sql_journal_get_out row;

	out[0] = '\0';
	if (sql_journal_get_one(j, &row))
		hex_format(out, row.name, sizeof row.name);
}

bool journal_numb(const struct journal *j)
{
	return j->numb;
}

bool journal_writing(const struct journal *j)
{
	return j->writing;
}

bool journal_at_rest(const struct journal *j)
{
	return !j->writing && j->drv->at_rest(j->db);
}

bool journal_changed(const struct journal *j, uint64_t *mark)
{
	bool changed = *mark != j->changes + 1 || j->numb;

	*mark = j->changes + 1;
	return changed;
}

int64_t journal_commit_no(const struct journal *j)
{
	return j->commit_no + 1;
}

/* An owner who finds a -wal that has nothing whole in it holds that against the one of
 * the last commit: check_files. */
static int64_t age(struct journal *j)
{
	struct fail f = { 0 };
	int64_t age = 0;
	enum err e = j->numb ? ERR_OK : j->drv->age(j->db, &age, &f);

	if (e != ERR_OK)
		journal_failed(j, e, "%s", f.why);
	return age;
}

static void mark(struct journal *j, const uint8_t link[32])
{
	struct sql_journal_mark_in in = {
		.commit_no = j->commit_no + 1,
		.events = j->events_n + (int64_t)j->events.n,
		.inode = j->id.inode,
		.device = j->id.device,
		.boot = j->id.boot,
		.base = j->base,
		.born = j->id.born,
		.age = age(j),
	};

	memcpy(in.link, link, 32);
	sql_journal_mark(j, &in);
}

static void over(struct journal *j)
{
	events_truncate(&j->events, 0);
	j->writing = j->saved = false;
}

void journal_rollback(struct journal *j)
{
	CHECK(!j->busy_n);
	if (!j->writing)
		return;
	over(j);
	j->changes++;
	journal_exec(j, "ROLLBACK");
	j->numb = j->starting && j->start.err != ERR_OK;
}

/* What the database has without its -wal is what a -wal may begin on. */
static enum err tend(struct journal *j, bool now, struct fail *f)
{
	bool all = false;
	enum err e = j->drv->tend(j->db, now, &all, f);

	if (e == ERR_OK && all)
		j->base = j->commit_no;
	return e;
}

/* The -wal itself may fill the disk: what is in it can move into the database, and its
 * room be used again. */
static void make_room(struct journal *j)
{
	struct fail f;
	enum err e = tend(j, true, &f);

	if (e != ERR_OK && e != ERR_DISK_FULL)
		journal_failed(j, e, "%s", f.why);
}

/* What lies under our names now is what the next start will find. If that is not what
 * we write, nothing that we say of ourselves is worth anything to it. */
static void stay_in_place(struct journal *j)
{
	char name[NAME_SIZE];

	journal_name_with(name, j->path, "-wal");
	if (j->numb || MUTANT(moved_goes_on))
		return;
	if (!journal_files->same(j->path, &j->id))
		journal_failed(j, ERR_JOURNAL,
		    "it was moved, removed or replaced while this process owned it");
	else if (!journal_files->same(name, &j->wal_id))
		journal_failed(j, ERR_JOURNAL,
		    "its -wal was moved, removed or replaced while this process"
		    " owned it");
}

enum err journal_commit(struct journal *j, struct fail *f)
{
	uint64_t changes = j->changes;
	uint8_t link[32];

	if (!j->writing)
		return ERR_OK;
	CHECK(!j->saved && !j->busy_n);
	memcpy(link, j->link, sizeof(link));
	stay_in_place(j);
	if (!j->numb)
		events_write(j, link);
	mark(j, link);
	if (!j->numb)
		journal_exec(j, "COMMIT");
	if (j->numb) {
		journal_rollback(j);
		if (j->starting)
			return journal_start_error(j, f);
		make_room(j);
		return fail_set(f, ERR_DISK_FULL,
		    "%s: the disk is full, and nothing of this was written: make room",
		    j->path);
	}
	j->commit_no++;
	j->events_n += (int64_t)j->events.n;
	memcpy(j->link, link, sizeof(link));
	j->changes = changes;
	over(j);
	return ERR_OK;
}

void journal_save(struct journal *j)
{
	CHECK(!j->saved && !j->busy_n);
	j->saved = true;
	j->save_written = false;
	j->saved_events = j->events.n;
}

void journal_save_keep(struct journal *j)
{
	CHECK(j->saved && !j->busy_n);
	j->saved = false;
	if (j->save_written && !j->numb)
		journal_exec(j, "RELEASE turn");
}

void journal_save_drop(struct journal *j)
{
	CHECK(j->saved && !j->busy_n);
	j->saved = false;
	j->changes += j->save_written;
	events_truncate(&j->events, j->saved_events);
	if (j->save_written && !j->numb && journal_exec(j, "ROLLBACK TO turn") == ERR_OK)
		journal_exec(j, "RELEASE turn");
}

void journal_tend(struct journal *j)
{
	struct fail f = { 0 };
	enum err e;

	CHECK(!j->writing && !j->reader);
	e = tend(j, false, &f);
	/* while the disk is full the -wal just stays as it is */
	if (e != ERR_OK && e != ERR_DISK_FULL)
		journal_failed(j, e, "%s", f.why);
}

void journal_read_begin(struct journal *j)
{
	CHECK(j->reader && !j->snapshot);
	j->snapshot = true;
	journal_exec(j, "BEGIN");
}

void journal_read_end(struct journal *j)
{
	CHECK(j->snapshot && !j->busy_n);
	j->snapshot = false;
	journal_exec(j, "COMMIT");
}
