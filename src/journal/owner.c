#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "journal/inside.h"

void journal_name_beside(char out[NAME_SIZE], const char *path, const char *prefix)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	snprintf(out, NAME_SIZE, "%.*s%s-%.*s", (int)(base - path), path, prefix,
	    PATH_LEN_MAX, base);
}

void journal_name_with(char out[NAME_SIZE], const char *path, const char *suffix)
{
	snprintf(out, NAME_SIZE, "%.*s%s", PATH_LEN_MAX, path, suffix);
}

/* -- a new journal --------------------------------------------------------- */

static void write_first(struct journal *j)
{
	struct sql_journal_add_in in = { .inode = j->id.inode, .device = j->id.device };

	j->drv->random(j->db, in.name, sizeof(in.name));
	in.boot = j->id.boot;
	migrate_up(j, 0);
	sql_journal_add(j, &in);
	sql_owner_add(j);
	journal_event(j,
	    &(struct event){
		.what = "journal", .from = "", .to = "made", .why = PAWL_VERSION });
}

/* Which files they are, the database and its -wal. */
static enum err identify(struct journal *j, struct fail *f)
{
	char name[NAME_SIZE];
	enum err e = journal_files->id(&j->id, j->path, f);

	journal_name_with(name, j->path, "-wal");
	return e == ERR_OK ? journal_files->id(&j->wal_id, name, f) : e;
}

static enum err fill(struct journal *j, struct fail *f)
{
	enum err e = identify(j, f);

	if (e != ERR_OK)
		return e;
	j->taking = true;
	if (journal_begin(j))
		write_first(j);
	e = journal_commit(j, f);
	return e == ERR_OK ? j->drv->force(j->db, false, f) : e;
}

/* Left over by an init that died: under the lock nobody else can mean it. */
static enum err clear(struct journal **ret, const char *temp, struct fail *f)
{
	char name[NAME_SIZE];
	struct file_hold *h;
	enum err e = journal_files->make(temp, f);

	if (e == ERR_OK)
		e = journal_files->hold(&h, temp, true, f);
	if (e != ERR_OK)
		return e;
	if (journal_files->size(temp) > 0) {
		journal_files->remove(temp);
		e = journal_files->make(temp, f);
	}
	journal_name_with(name, temp, "-wal");
	journal_files->remove(name);
	journal_name_with(name, temp, "-shm");
	journal_files->remove(name);
	journal_files->let_go(h, true);
	return e == ERR_OK ? journal_open_file(ret, temp, DB_CREATE, true, f) : e;
}

/* The -wal is there before the database: never one without the other. */
enum err owner_publish(const char *temp, const char *path, struct fail *f)
{
	char name[NAME_SIZE];
	enum err e;

	journal_name_with(name, path, "-wal");
	e = journal_files->make(name, f);
	if (e == ERR_OK)
		e = journal_files->sync_folder(path, f);
	if (e == ERR_OK)
		e = journal_files->rename(temp, path, f);
	if (e == ERR_OK)
		e = journal_files->sync_folder(path, f);
	journal_name_with(name, temp, "-wal");
	journal_files->remove(name);
	journal_name_with(name, temp, "-shm");
	journal_files->remove(name);
	return e;
}

static enum err refuse_existing(const char *path, struct fail *f)
{
	char name[NAME_SIZE];

	if (strlen(path) > PATH_LEN_MAX)
		return fail_set(f, ERR_SYSTEM, "the journal's path is too long");
	journal_name_with(name, path, "-wal");
	if (journal_files->size(path) >= 0)
		return fail_set(f, ERR_CONFLICT, "%s: a journal is there already", path);
	if (journal_files->size(name) > 0)
		return fail_set(f, ERR_CONFLICT,
		    "%s: is there without its database; move it away if that is lost",
		    name);
	journal_name_beside(name, path, "restored");
	if (journal_files->size(name) >= 0)
		return fail_set(f, ERR_CONFLICT,
		    "%s: is there: a `pawl restore` ended in its middle; type it again",
		    name);
	return ERR_OK;
}

enum err journal_create(const char *path, struct fail *f)
{
	char temp[NAME_SIZE];
	struct journal *j = NULL;
	enum err e = refuse_existing(path, f);

	if (e != ERR_OK)
		return e;
	journal_name_beside(temp, path, "new");
	e = clear(&j, temp, f);
	if (e == ERR_OK)
		e = fill(j, f);
	if (e == ERR_OK)
		e = owner_publish(temp, path, f);
	journal_close(j);
	return e;
}

/* -- owning ---------------------------------------------------------------- */

/* The events of the last commit against their links. */
static enum err compare_last_commit(struct journal *j, struct fail *f)
{
	struct sql_event_last_out o;
	int64_t first = 1, commit_no = 0, operation = 0, bad = 0;

	sql_event_last_begin(j, &(struct sql_event_last_in){ .max = INT64_MAX });
	while (sql_event_last_next(j, &o) && (!commit_no || o.commit_no == commit_no)) {
		first = o.id;
		commit_no = o.commit_no;
	}
	sql_event_last_end(j);
	if (commit_no)
		bad = events_check(j, first, commit_no, &operation);
	if (journal_start_error(j, f) != ERR_OK)
		return j->start.err;
	if (bad)
		return fail_set(f, ERR_DAMAGED,
		    "the events of commit %lld, operation %lld, were"
		    " altered",
		    (long long)bad, (long long)operation);
	return ERR_OK;
}

static enum err compare(struct journal *j, struct fail *f)
{
	struct sql_journal_get_out o;
	struct sql_owner_get_out owner;
	enum err e;

	/* the owner's first: whatever is committed behind that is seen by take() */
	if (!sql_owner_get_one(j, &owner) || !sql_journal_get_one(j, &o)) {
		e = journal_start_error(j, f);
		return e != ERR_OK ? e
				   : fail_set(f, ERR_DAMAGED, "its own row is missing");
	}
	e = check_tail(j, &o, f);
	if (e == ERR_OK)
		e = compare_last_commit(j, f);
	if (e == ERR_OK)
		e = identify(j, f);
	if (e != ERR_OK)
		return e;
	j->commit_no = j->base = o.commit_no;
	j->events_n = o.events;
	memcpy(j->link, o.link, 32);
	j->epoch = owner.epoch;
	j->written = owner.commit_no;
	return ERR_OK;
}

static enum err back_up(struct journal *j, int have, char **ret_backup, struct fail *f)
{
	char prefix[80], name[NAME_SIZE];
	enum err e;

	snprintf(prefix, sizeof(prefix), "backup-%lld-schema-%d", (long long)j->commit_no,
	    have);
	journal_name_beside(name, j->path, prefix);
	journal_files->remove(name);
	e = journal_files->make(name, f);
	if (e == ERR_OK)
		e = j->drv->backup(j->db, name, SQL_COUNT, f);
	if (e == ERR_OK)
		e = journal_files->sync_folder(name, f);
	if (e != ERR_OK)
		return fail_wrap(f, e, "%s", name);
	log_info("journal", "schema %d becomes %d; before that all was copied to %s",
	    have, migrations_count, name);
	if (ret_backup)
		*ret_backup = mem_str(name);
	return ERR_OK;
}

static void take(struct journal *j, const struct owner *who)
{
	struct sql_owner_take_in in = {
		.before = j->epoch,
		.written = j->written,
		.epoch = j->epoch + 1,
		.commit_no = j->commit_no + 1,
		.pid = who->pid,
		.host = who->host,
		.since_ms = who->since_ms,
	};
	char from[32], to[32], why[200];

	/* without the lock: it was lost, as by a disk that came back */
	if (sql_owner_take(j, &in) != 1 && !j->numb && !MUTANT(begins_beside_a_writer))
		journal_failed(j, ERR_OWNED,
		    "another process writes to it, and does not hold its lock: end that "
		    "one first");
	snprintf(from, sizeof(from), "epoch %lld", (long long)j->epoch);
	snprintf(to, sizeof(to), "epoch %lld", (long long)j->epoch + 1);
	snprintf(why, sizeof(why), "pid %lld on %s", (long long)who->pid, who->host);
	journal_event(
	    j, &(struct event){ .what = "owner", .from = from, .to = to, .why = why });
}

/* A sync failed. The mark needs none itself: what it warns of is the kernel's cache,
 * and a power cut takes both. */
void journal_mark_unsynced(struct journal *j)
{
	char name[NAME_SIZE];

	journal_name_beside(name, j->path, "unsynced");
	if (journal_files->make(name, NULL) != ERR_OK)
		log_warn("journal", "%s can't be made", name);
}

/* What can be read is forced to the medium, the journal's own name too: an init may have
 * died before it synced the folder. */
static enum err force(struct journal *j, struct fail *f)
{
	char name[NAME_SIZE];
	enum err e;

	journal_name_beside(name, j->path, "unsynced");
	e = j->drv->force(j->db, journal_files->size(name) >= 0, f);
	if (e == ERR_OK)
		e = journal_files->sync_folder(j->path, f);
	if (e == ERR_JOURNAL)
		journal_mark_unsynced(j);
	if (e == ERR_OK)
		journal_files->remove(name);
	return e;
}

static enum err own_commit(struct journal *j, struct fail *f)
{
	enum err e = journal_commit(j, f);

	if (e != ERR_OK)
		return e;
	j->taking = false;
	j->epoch++;
	if (MUTANT(lock_let_go) && j->hold) {
		journal_files->let_go(j->hold, false);
		j->hold = NULL;
	}
	CRASH_POINT(owner_after_epoch);
	return ERR_OK;
}

/* Behind `init`, behind a restore, or beside a copy that was put there by hand. */
static bool begins_wal(const struct journal *j)
{
	char name[NAME_SIZE];

	journal_name_with(name, j->path, "-wal");
	return journal_files->size(name) == 0;
}

/* The database itself tells from here on that there was a -wal: check_begun. */
static enum err wal_is_begun(struct journal *j, struct fail *f)
{
	enum err e = force(j, f);

	if (e == ERR_OK)
		j->base = j->commit_no;
	return e;
}

/* All of them are one transaction, which is gone. */
static enum err not_migrated(struct journal *j, int have, enum err e, struct fail *f)
{
	struct fail why = *f;

	return fail_set(f, e,
	    "its migration from schema %d to %d failed, and nothing of it was kept: the"
	    " pawl that it had before goes on with it; backup-%lld-schema-%d-.. beside it"
	    " is a copy%s: %.300s",
	    have, migrations_count, (long long)j->commit_no, have,
	    e == ERR_DISK_FULL ? "; make room for as much again, and start it again" : "",
	    why.why);
}

/* have migrations are there; the rest, and our epoch, are one commit. */
enum err owner_take(struct journal *j, const struct owner *who, int have,
    char **ret_backup, struct fail *f)
{
	bool begins = begins_wal(j);
	enum err e;

	CRASH_POINT(owner_before_checkpoint);
	e = check_files(j, have, f);
	if (e == ERR_OK && !MUTANT(start_without_force))
		e = force(j, f);
	if (e == ERR_OK)
		e = compare(j, f);
	if (e == ERR_OK && have < migrations_count)
		e = back_up(j, have, ret_backup, f);
	if (e != ERR_OK)
		return e;
	CRASH_POINT(owner_before_epoch);
	if (MUTANT(start_without_epoch))
		return ERR_OK;
	j->taking = true;
	if (journal_begin(j)) {
		migrate_up(j, have);
		doubt_find(j);
		take(j, who);
	}
	e = own_commit(j, f);
	if (e != ERR_OK && have < migrations_count)
		return not_migrated(j, have, e, f);
	return e == ERR_OK && begins ? wal_is_begun(j, f) : e;
}

enum err owner_take_copy(struct journal *j, const struct owner *who, int have,
    bool latest, const char *why, struct fail *f)
{
	enum err e = compare(j, f);

	if (e != ERR_OK)
		return e;
	j->base = j->commit_no + 1; /* what this commit writes lies in the database */
	j->taking = true;
	if (journal_begin(j)) {
		migrate_up(j, have);
		doubt_restored(j, latest, why);
		take(j, who);
	}
	e = own_commit(j, f);
	return e == ERR_OK ? force(j, f) : e;
}

enum err owner_name(const char *path, struct fail *f)
{
	struct owner o;
	bool held;

	if (!journal_owner(path, &o, &held))
		return ERR_OWNED;
	return fail_set(f, ERR_OWNED,
	    "%s: is owned by process %lld on %s; stop it with SIGTERM (kill %lld), "
	    "it is safe",
	    path, (long long)o.pid, *o.host ? o.host : "this host", (long long)o.pid);
}

enum err journal_own(
    struct journal **ret, const char *path, const struct owner *who, struct fail *f)
{
	struct journal *j;
	int have;
	enum err e = journal_open_file(&j, path, DB_WRITE, true, f);

	if (e != ERR_OK)
		return journal_advise(e, f);
	e = migrate_compare(j, &have, f);
	if (e == ERR_OK)
		e = owner_take(j, who, have, NULL, f);
	if (e != ERR_OK) {
		journal_close(j);
		return journal_advise(fail_wrap(f, e, "%s", path), f);
	}
	j->starting = false;
	*ret = j;
	return ERR_OK;
}

bool journal_owner(const char *path, struct owner *ret, bool *ret_held)
{
	struct sql_owner_get_out o;
	struct journal *j;
	bool found;

	*ret_held = journal_files->size(path) >= 0 && journal_files->owned(path);
	if (journal_open_file(&j, path, DB_READ, false, NULL) != ERR_OK)
		return false;
	found = sql_owner_get_one(j, &o);
	if (found) {
		*ret = (struct owner){
			.epoch = o.epoch, .pid = o.pid, .since_ms = o.since_ms
		};
		snprintf(ret->host, sizeof(ret->host), "%s", o.host);
	}
	journal_close(j);
	return found;
}
