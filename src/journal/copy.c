#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "journal/inside.h"

#define SHOWN_MAX 200 /* of a path in a doubt */

static const char *const beside[] = { "-journal", "-wal", "-shm", "" };

/* The database last: what lies beside it must never meet another one. */
static void drop(const char *temp)
{
	char name[NAME_SIZE];

	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		journal_name_with(name, temp, beside[i]);
		journal_files->remove(name);
	}
}

/* An empty file under a name of our own. Whoever died with it left it, and its lock is
 * free; whoever lives holds it. */
static enum err claim(struct file_hold **ret, const char *temp, struct fail *f)
{
	enum err e = journal_files->make(temp, f);

	if (e == ERR_OK)
		e = journal_files->hold(ret, temp, true, f);
	if (e == ERR_OK) {
		drop(temp);
		journal_files->let_go(*ret, true);
		e = journal_files->make(temp, f);
		if (e == ERR_OK)
			e = journal_files->hold(ret, temp, true, f);
	}
	if (e == ERR_OWNED)
		e = fail_set(f, e, "%s: another process writes it; wait for it", temp);
	return e;
}

static enum err refuse_damage(enum err e, const char *path, struct fail *f)
{
	if (e == ERR_DAMAGED)
		return fail_wrap(f, e, "%s is damaged, and nothing was changed", path);
	return e == ERR_OK ? e : fail_wrap(f, e, "%s", path);
}

/* -- backup ---------------------------------------------------------------- */

/* Is the copy whole, and what does it hold? */
static enum err inspect(const char *copy, struct journal_holds *ret, struct fail *f)
{
	struct sql_journal_holds_out o = { 0 };
	struct journal *j;
	char why[200];
	enum err e = journal_open_file(&j, copy, DB_ALONE, false, f);

	if (e != ERR_OK)
		return e;
	e = journal_check_past(j, f);
	if (e == ERR_OK && !check_sums(j, why, sizeof(why)))
		e = fail_set(f, ERR_DAMAGED, "%s", why);
	if (e == ERR_OK)
		(void)sql_journal_holds_one(j, &o);
	if (e == ERR_OK || j->start.err != ERR_OK)
		e = journal_start_error(j, f);
	journal_close(j);
	*ret = (struct journal_holds){ o.commit_no, o.operations,
		journal_files->size(copy) };
	return e;
}

static enum err refuse_taken(const char *to, struct fail *f)
{
	if (strlen(to) > PATH_LEN_MAX)
		return fail_set(f, ERR_SYSTEM, "the name of the backup is too long");
	if (journal_files->size(to) >= 0)
		return fail_set(f, ERR_CONFLICT,
		    "%s: is there already; type the name of a file that is not", to);
	return ERR_OK;
}

/* In the folder of `to`, named after the journal: the next backup finds it. */
static void unfinished(char out[NAME_SIZE], const char *path, const char *to)
{
	const char *base = strrchr(path, '/'), *end = strrchr(to, '/');

	base = base ? base + 1 : path;
	snprintf(out, NAME_SIZE, "%.*sunfinished-%.*s", end ? (int)(end + 1 - to) : 0, to,
	    PATH_LEN_MAX / 2, base);
}

static enum err name_copy(const char *temp, const char *to, struct fail *f)
{
	enum err e = journal_files->sync_folder(temp, f);

	if (e == ERR_OK)
		e = journal_files->rename(temp, to, f);
	return e == ERR_OK ? journal_files->sync_folder(to, f) : e;
}

static enum err back_up(
    struct journal *j, const char *to, struct journal_holds *ret, struct fail *f)
{
	char temp[NAME_SIZE];
	struct file_hold *hold = NULL;
	enum err e;

	unfinished(temp, j->path, to);
	e = claim(&hold, temp, f);
	if (e == ERR_OK)
		e = refuse_damage(
		    j->drv->backup(j->db, temp,
			MUTANT(backup_not_marked) ? SQL_COUNT : SQL_JOURNAL_COPIED, f),
		    j->path, f);
	if (e == ERR_OK)
		e = refuse_damage(inspect(temp, ret, f), j->path, f);
	if (e == ERR_OK)
		e = name_copy(temp, to, f);
	if (e != ERR_OK && hold)
		drop(temp);
	journal_files->let_go(hold, true);
	return e;
}

enum err journal_backup(
    const char *path, const char *to, struct journal_holds *ret, struct fail *f)
{
	struct journal *j;
	enum err e = refuse_taken(to, f);

	if (e == ERR_OK)
		e = journal_read(&j, path, f);
	if (e != ERR_OK)
		return e;
	e = back_up(j, to, ret, f);
	journal_close(j);
	return e;
}

/* -- restore: the copy ----------------------------------------------------- */

/* What a backup left stands alone; a journal has its -wal, if that is not what was
 * lost. */
static enum err open_source(struct journal **ret, const char *from, struct fail *f)
{
	char name[NAME_SIZE];
	int have;
	enum err e;

	if (journal_files->size(from) < 0)
		return fail_set(f, ERR_NO_JOURNAL, "%s: is not there", from);
	journal_name_with(name, from, "-wal");
	e = journal_open_file(
	    ret, from, journal_files->size(name) > 0 ? DB_READ : DB_ALONE, false, f);
	if (e != ERR_OK)
		return e == ERR_DAMAGED ? fail_wrap(f, e, "nothing was changed") : e;
	e = migrate_compare(*ret, &have, f);
	if (e == ERR_OK)
		e = check_pair(*ret, have, f);
	return refuse_damage(e, from, f);
}

/* A journal of its own under the name temp, as it will be, and ours. */
static enum err own_copy(struct journal **ret, const char *temp, struct fail *f)
{
	char name[NAME_SIZE];
	enum err e;

	journal_name_with(name, temp, "-wal");
	e = journal_files->make(name, f);
	return e == ERR_OK ? journal_open_file(ret, temp, DB_WRITE, true, f) : e;
}

static enum err make_certain(struct journal *j, const struct owner *who, bool latest,
    const char *from, struct fail *f)
{
	char why[SHOWN_MAX + 100], bad[200];
	struct sql_journal_holds_out o;
	int have;
	enum err e = journal_check_past(j, f);

	if (e == ERR_OK)
		e = migrate_compare(j, &have, f);
	if (e != ERR_OK)
		return e;
	if (!sql_journal_holds_one(j, &o))
		return journal_start_error(j, f);
	snprintf(why, sizeof(why),
	    "it was restored from %.*s, which ends with commit %lld", SHOWN_MAX, from,
	    (long long)o.commit_no);
	utf8_plain(why);
	e = owner_take_copy(j, who, have, latest, why, f);
	if (e == ERR_OK && !check_sums(j, bad, sizeof(bad)))
		e = fail_set(f, ERR_DAMAGED, "%s", bad);
	return e == ERR_OK ? journal_start_error(j, f) : e;
}

/* -- restore: the names ---------------------------------------------------- */

static bool is_there(const char *path, const char *suffix)
{
	char name[NAME_SIZE];

	journal_name_with(name, path, suffix);
	return journal_files->size(name) >= 0;
}

/* The lowest number whose names are free. One that has only a -wal was begun by a
 * restore that died, and goes on. To be freed. */
static char *aside_name(const char *path)
{
	char name[NAME_SIZE], prefix[40];

	for (int n = 1;; n++) {
		snprintf(prefix, sizeof(prefix), "replaced-%d", n);
		journal_name_beside(name, path, prefix);
		if (!is_there(name, "") &&
		    !(is_there(name, "-wal") && is_there(path, "-wal")))
			return mem_str(name);
	}
}

static enum err move_one(
    const char *path, const char *aside, const char *suffix, struct fail *f)
{
	char from[NAME_SIZE], to[NAME_SIZE];
	enum err e;

	if (!is_there(path, suffix) ||
	    (MUTANT(restore_keeps_wal) && strcmp(suffix, "-wal") == 0))
		return ERR_OK;
	journal_name_with(from, path, suffix);
	journal_name_with(to, aside, suffix);
	if (strcmp(suffix, "-shm") == 0)
		journal_files->remove(to);
	e = journal_files->rename(from, to, f);
	return e == ERR_OK ? journal_files->sync_folder(path, f) : e;
}

/* The -wal before its database: alone, that is refused as damaged; under another
 * database the -wal would be read into it. A -shm says nothing without the two. */
static enum err move_aside(const char *path, const char *aside, struct fail *f)
{
	static const char *const order[] = { "-shm", "-wal", "" };
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && e == ERR_OK; i++)
		e = move_one(path, aside, order[i], f);
	return e;
}

/* -- restore --------------------------------------------------------------- */

struct restoring {
	const char *path, *from;
	char *temp, *aside;
	struct file_hold *old, *claimed;
	struct journal *source, *copy;
};

static enum err refuse_owned(const char *path, struct fail *f)
{
	if (journal_files->size(path) < 0 || !journal_files->owned(path))
		return ERR_OK;
	return owner_name(path, f);
}

static enum err lock_old(struct restoring *r, struct fail *f)
{
	enum err e = refuse_owned(r->path, f);

	if (e == ERR_OK)
		e = refuse_owned(r->from, f);
	if (e == ERR_OK && journal_files->size(r->path) >= 0)
		e = journal_files->hold(&r->old, r->path, true, f);
	return e == ERR_OWNED && !r->old ? owner_name(r->path, f) : e;
}

static enum err fill_copy(
    struct restoring *r, bool latest, const struct owner *who, struct fail *f)
{
	struct journal *s = r->source;
	enum err e = s->drv->backup(s->db, r->temp, SQL_COUNT, f);

	journal_files->let_go(r->claimed, true);
	if (e == ERR_OK)
		e = own_copy(&r->copy, r->temp, f);
	if (e == ERR_OK)
		e = make_certain(r->copy, who, latest, r->from, f);
	if (e != ERR_OK)
		drop(r->temp);
	return refuse_damage(e, r->from, f);
}

/* Our copy is written over what has its name. */
static enum err refuse_leftover(const struct restoring *r, struct fail *f)
{
	struct file_id from;

	if (journal_files->size(r->temp) < 0 ||
	    journal_files->id(&from, r->from, f) != ERR_OK ||
	    !journal_files->same(r->temp, &from))
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT,
	    "%s: was left by a restore that ended in its middle, and may be half; type"
	    " that one again, or give it another name first",
	    r->from);
}

static enum err make_copy(
    struct restoring *r, bool latest, const struct owner *who, struct fail *f)
{
	enum err e = refuse_leftover(r, f);

	if (e == ERR_OK)
		e = open_source(&r->source, r->from, f);
	if (e == ERR_OK)
		e = claim(&r->claimed, r->temp, f);
	return e == ERR_OK ? fill_copy(r, latest, who, f) : e;
}

static void tell(struct restoring *r, bool replaced, struct journal_restored *ret)
{
	struct sql_journal_holds_out o = { 0 };
	const char *doubt = journal_doubt(r->copy);

	(void)sql_journal_holds_one(r->copy, &o);
	ret->holds = (struct journal_holds){ o.commit_no, o.operations,
		journal_files->size(r->path) };
	ret->doubt = doubt ? mem_str(doubt) : NULL;
	ret->replaced = replaced ? mem_str(r->aside) : NULL;
	ret->wal_kept = is_there(r->aside, "-wal");
}

static void restore_begin(struct restoring *r, const char *path, const char *from)
{
	char temp[NAME_SIZE];

	journal_name_beside(temp, path, "restored");
	*r = (struct restoring){ .path = path, .from = from, .temp = mem_str(temp) };
	r->aside = aside_name(path);
}

static void restore_end(struct restoring *r)
{
	journal_close(r->source);
	journal_close(r->copy);
	journal_files->let_go(r->old, true);
	mem_free(r->temp);
	mem_free(r->aside);
}

enum err journal_restore(const char *path, const char *from, bool latest,
    const struct owner *who, struct journal_restored *ret, struct fail *f)
{
	bool any = is_there(path, "") || is_there(path, "-wal");
	struct restoring r;
	enum err e;

	*ret = (struct journal_restored){ .replaced = NULL };
	if (strlen(path) > PATH_LEN_MAX || strlen(from) > PATH_LEN_MAX)
		return fail_set(f, ERR_SYSTEM, "the name of the journal is too long");
	restore_begin(&r, path, from);
	e = lock_old(&r, f);
	if (e == ERR_OK)
		e = make_copy(&r, latest, who, f);
	if (e == ERR_OK)
		e = move_aside(path, r.aside, f);
	if (e == ERR_OK)
		e = owner_publish(r.temp, path, f);
	if (e == ERR_OK)
		tell(&r, any, ret);
	restore_end(&r);
	return e;
}
