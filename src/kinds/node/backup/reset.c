/* reset.c - log and database begun anew; what there was goes into a folder.
 *
 * What is new is made whole in that folder, under a name that ends with what files_note
 * says of what it is to take the place of. Then both change names at once. Whoever was
 * killed before or after that sees by it which of the two has that name, in a copy of the
 * folder, too; where nobody can tell, people say it. All of it can be taken back until it
 * has ended, in the same way; the folder's own name says which of both is under way.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "kinds/node/backup/inside.h"
#include "kinds/node/reorgdb/changes.h"

#define LOG "l2_snapshots.dat"
#define DATABASE "reorg_db"
#define FOLDER RESET_FOLDER
#define PART ".part"
#define BACK ".back" /* it is being taken back */
#define INSTEAD ".instead_of_"
#define AGAIN ".again_for_"

/* -- the folder ----------------------------------------------------------------- */

struct unfinished {
	char name[64];
	bool back;
};

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len > n && !strcmp(name + len - n, end);
}

static void note_unfinished(void *ctx, const char *name)
{
	struct unfinished *u = ctx;
	size_t len = strlen(name);

	if (strncmp(name, FOLDER, strlen(FOLDER)) != 0 || len >= sizeof u->name ||
	    (!ends_with(name, PART) && !ends_with(name, BACK)))
		return;
	memcpy(u->name, name, len + 1);
	u->back = ends_with(name, BACK);
}

int l2_reset_tell(
    char out[L2_RESET_TOLD], const struct files *files, const char *data_dir)
{
	struct unfinished u = { .name = "" };
	int pid;

	out[0] = '\0';
	if (files->each(data_dir, note_unfinished, &u, NULL) != ERR_OK || !u.name[0] ||
	    MUTANT(reset_hides))
		return 0;
	pid = l2_reset_runs(data_dir);
	if (pid)
		snprintf(out, L2_RESET_TOLD, "a reset %s, process %d (%.200s/%s)",
		    u.back ? "is being taken back" : "runs", pid, data_dir, u.name);
	else
		snprintf(out, L2_RESET_TOLD, "a reset was begun, and %s (%.200s/%s)",
		    u.back ? "is half taken back" : "did not end", data_dir, u.name);
	return pid;
}

static bool there(const struct files *files, const char *path)
{
	uint64_t number;

	return files->number(path, &number, NULL) == ERR_OK;
}

/* -- which of two is which ------------------------------------------------------- */

struct renewal {
	const struct l2_reset *reset;
	const char *name, *path;
	reset_make_fn *make;
	struct journal *journal;
	const struct l2_state *state;
	char kept[BACKUP_PATH_MAX];  /* in the folder */
	bool was;                    /* there was one: it is there */
	bool done;                   /* and what is in place is the new one */
	char made[BACKUP_PATH_MAX];  /* is to replace what there was; "": none yet */
	char fresh[BACKUP_PATH_MAX]; /* the same where nothing was; "": none yet */
	enum files_swap made_is;     /* OLD: they have changed names */
	/* The same on the way back: what there was, to replace what is in place. */
	char again[BACKUP_PATH_MAX];
	enum files_swap again_is;
};

/* NAME..end..noted, the folder's: its path, and what that is. */
static void note_named(const struct renewal *r, const char *name, const char *end,
    char path[BACKUP_PATH_MAX], enum files_swap *ret)
{
	size_t len = strlen(r->name), n = strlen(end);

	if (strncmp(name, r->name, len) != 0 || strncmp(name + len, end, n) != 0)
		return;
	snprintf(path, BACKUP_PATH_MAX, "%.920s/%.100s", r->reset->part, name);
	*ret = files_noted_is(r->reset->files, r->path, path, name + len + n);
	if (*ret == FILES_SWAP_NONE)
		*ret = FILES_SWAP_UNSURE;
}

static void note_made(void *ctx, const char *name)
{
	struct renewal *r = ctx;

	note_named(r, name, INSTEAD, r->made, &r->made_is);
	note_named(r, name, AGAIN, r->again, &r->again_is);
}

static bool is_empty(const struct files *files, const char *path)
{
	struct file *file = NULL;
	uint64_t size = 1;

	if (files->open(&file, path, FILE_READ, NULL) != ERR_OK)
		return false;
	if (files->size(file, &size, NULL) != ERR_OK)
		size = 1;
	files->close(file);
	return !size;
}

/* People say what nobody else can. */
static enum err unsure(const struct renewal *r, const char *named, struct fail *f)
{
	bool log = strcmp(r->name, LOG) == 0;
	const char *look = log ? "pawl node verify" : "pawl node reorgs";
	char is[SHELL_WORD_MAX], to[SHELL_WORD_MAX], name[SHELL_WORD_MAX];
	char aside[BACKUP_PATH_MAX];

	shell_word(is, sizeof is, named);
	/* nothing is lost by who errs */
	snprintf(aside, sizeof aside, "%.900s.before%.60s", r->path,
	    strrchr(r->reset->folder, '_'));
	return fail_set(f, ERR_CONFLICT,
	    "what %.300s has for %s is that of before the reset, or the new one, and "
	    "nobody can tell: the folder was copied, or one of the two was written "
	    "since. Nothing was changed. What it is: %s %s %s; what is in place: %s. If "
	    "it is that of before: mv %s %s; if it is the new one: mv %s %s; then type "
	    "this again",
	    r->reset->part, r->name, look, log ? "--snapshot" : "--db-path", is, look, is,
	    shell_word(to, sizeof to, r->kept), is, shell_word(name, sizeof name, aside));
}

/* An empty one was made, whatever its name says: it is nothing that anybody had. On the
 * way back it is either. */
static enum err renewal_look(struct renewal *r, struct fail *f)
{
	const struct files *files = r->reset->files;
	enum err e = files->each(r->reset->part, note_made, r, f);

	snprintf(r->kept, sizeof r->kept, "%.960s/%s", r->reset->part, r->name);
	r->was = there(files, r->kept);
	if (e != ERR_OK || MUTANT(reset_copied_is_sure))
		return e;
	if (r->made_is == FILES_SWAP_UNSURE && !is_empty(files, r->made))
		return unsure(r, r->made, f);
	return r->again_is == FILES_SWAP_UNSURE ? unsure(r, r->again, f) : ERR_OK;
}

/* What the folder has. */
static enum err progress(struct l2_reset *ret, struct fail *f)
{
	struct renewal log = { .reset = ret, .name = LOG, .path = ret->log_path };
	struct renewal db = {
		.reset = ret, .name = DATABASE, .path = ret->reorg_db_path
	};
	char state[BACKUP_PATH_MAX];
	enum err e = renewal_look(&log, f);

	if (e == ERR_OK)
		e = renewal_look(&db, f);
	snprintf(state, sizeof state, "%.960s/l2_state.jsonl", ret->part);
	ret->log = log.was || log.made_is == FILES_SWAP_OLD;
	ret->reorg_db = db.was || db.made_is == FILES_SWAP_OLD;
	ret->state = there(ret->files, state);
	return e;
}

enum err l2_reset_look(struct l2_reset *ret, const struct files *files,
    const char *data_dir, int64_t wall_ms, struct fail *f)
{
	struct unfinished u = { .name = "" };
	enum err e = files->each(data_dir, note_unfinished, &u, f);

	*ret = (struct l2_reset){ .files = files,
		.unfinished = u.name[0],
		.back = u.back,
		.half = u.name[0],
		.lock = -1,
		.mark = -1 };
	if (e == ERR_OK && strlen(data_dir) > BACKUP_PATH_MAX - 160)
		e = fail_set(
		    f, ERR_USAGE, "the folder of the node: its path is too long");
	if (e != ERR_OK)
		return e;
	snprintf(ret->log_path, BACKUP_PATH_MAX, "%.860s/" LOG, data_dir);
	snprintf(ret->reorg_db_path, BACKUP_PATH_MAX, "%.860s/" DATABASE, data_dir);
	(void)!files->number(ret->log_path, &ret->log_number, NULL);
	if (u.name[0]) {
		snprintf(ret->part, BACKUP_PATH_MAX, "%.860s/%s", data_dir, u.name);
		snprintf(ret->folder, BACKUP_PATH_MAX, "%.*s",
		    (int)(strlen(ret->part) - strlen(PART)), ret->part);
		return progress(ret, f);
	}
	for (int64_t s = wall_ms / 1000; !ret->folder[0] || there(files, ret->folder);
	     s++)
		snprintf(ret->folder, BACKUP_PATH_MAX, "%.860s/" FOLDER "%" PRId64,
		    data_dir, s);
	snprintf(ret->part, BACKUP_PATH_MAX, "%.1000s" PART, ret->folder);
	return ERR_OK;
}

enum err l2_reset_end(struct l2_reset *r, struct fail *f)
{
	enum err e = r->files->rename(r->part, r->folder, f);

	return e == ERR_OK && !MUTANT(reset_ends_unsynced)
	    ? r->files->sync_folder(r->folder, f)
	    : e;
}

struct archives {
	const char *data_dir;
	uint64_t newest; /* 0: none */
};

static void state_path(char out[BACKUP_PATH_MAX], const char *data_dir, uint64_t seconds)
{
	snprintf(out, BACKUP_PATH_MAX, "%.250s/" FOLDER "%" PRIu64 "/l2_state.jsonl",
	    data_dir, seconds);
}

static void note_archive(void *ctx, const char *name)
{
	struct archives *a = ctx;
	char path[BACKUP_PATH_MAX];
	uint64_t seconds;

	if (strncmp(name, FOLDER, strlen(FOLDER)) != 0)
		return;
	seconds = strtoull(name + strlen(FOLDER), NULL, 10);
	state_path(path, a->data_dir, seconds);
	if (seconds > a->newest && there(&files_of_system, path))
		a->newest = seconds;
}

void l2_archive_tell(char out[L2_ARCHIVE_TOLD], const char *data_dir)
{
	struct archives a = { .data_dir = data_dir };
	char path[BACKUP_PATH_MAX], word[SHELL_WORD_MAX];

	out[0] = '\0';
	if (files_of_system.each(data_dir, note_archive, &a, NULL) != ERR_OK || !a.newest)
		return;
	state_path(path, data_dir, a.newest);
	snprintf(out, L2_ARCHIVE_TOLD,
	    "; the state that a reset has kept: pawl node import %s",
	    shell_word(word, sizeof word, path));
}

/* -- one takes the place of the other --------------------------------------------- */

static enum err moved(
    const struct renewal *r, const char *from, const char *to, struct fail *f)
{
	const struct files *files = r->reset->files;
	enum err e = files->rename(from, to, f);

	if (e == ERR_OK)
		e = files->sync_folder(to, f);
	return e == ERR_OK ? files->sync_folder(from, f) : e;
}

/* old: one is there. */
static enum err make(struct renewal *r, bool old, struct fail *f)
{
	char fresh[BACKUP_PATH_MAX], noted[FILES_NOTED];
	enum err e;

	snprintf(fresh, sizeof fresh, "%.960s/%s.fresh", r->reset->part, r->name);
	reorgdb_remove(fresh);
	e = r->make(r->reset, r->journal, r->state, fresh, f);
	if (e == ERR_OK && !old)
		memcpy(r->fresh, fresh, sizeof fresh);
	if (e == ERR_OK && old)
		e = files_note(r->reset->files, r->path, noted, f);
	if (e != ERR_OK || !old)
		return e;
	snprintf(r->made, sizeof r->made, "%.920s/%s" INSTEAD "%s", r->reset->part,
	    r->name, noted);
	return moved(r, fresh, r->made, f);
}

/* Both names may be of a process that was killed: they are on the medium first. */
static enum err change_names(
    const struct renewal *r, const char *in_folder, bool have, struct fail *f)
{
	const struct files *files = r->reset->files;
	enum err e = files->sync_folder(in_folder, f);

	if (e == ERR_OK)
		e = files->sync_folder(r->path, f);
	if (e == ERR_OK && !have)
		e = files->exchange(in_folder, r->path, f);
	return e == ERR_OK ? files->sync_folder(r->path, f) : e;
}

/* Another one took the place of what was to be replaced: it is the one that is. */
static void made_drop(struct renewal *r)
{
	reorgdb_remove(r->made);
	r->made[0] = '\0';
}

/* All that takes room. */
static enum err renewal_make(struct renewal *r, struct fail *f)
{
	const struct files *files = r->reset->files;
	bool old = there(files, r->path);
	enum err e = renewal_look(r, f);

	r->done = r->was && old && !MUTANT(reset_forgets);
	if (e != ERR_OK || r->done)
		return e;
	if (r->made[0] && r->made_is == FILES_SWAP_UNSURE)
		made_drop(r);
	return r->made[0] ? ERR_OK : make(r, old, f);
}

static enum err renewal_place(struct renewal *r, struct fail *f)
{
	enum err e;

	if (r->done)
		return ERR_OK;
	if (r->fresh[0])
		return moved(r, r->fresh, r->path, f);
	e = change_names(
	    r, r->made, r->made_is == FILES_SWAP_OLD && !MUTANT(reset_changes_twice), f);
	if (e == ERR_OK)
		e = moved(r, r->made, r->kept, f);
	r->was = e == ERR_OK;
	return e;
}

/* It is what is new, and nobody needs it. But where its name has a number alone, another
 * file may have got that in a copy: nothing that somebody may have had is removed. */
static enum err made_keep(
    struct renewal *r, int64_t wall_ms, char aside[BACKUP_PATH_MAX], struct fail *f)
{
	enum err e;

	if (!r->made[0] || is_empty(r->reset->files, r->made) ||
	    MUTANT(reset_made_is_removed))
		return ERR_OK;
	e = name_free(r->reset->files, wall_ms, r->path, aside, f);
	return e == ERR_OK ? moved(r, r->made, aside, f) : e;
}

/* What there was has its place again, and what is there goes on under another name. */
static enum err put_back(
    struct renewal *r, int64_t wall_ms, char aside[BACKUP_PATH_MAX], struct fail *f)
{
	const struct files *files = r->reset->files;
	char noted[FILES_NOTED];
	enum err e = renewal_look(r, f);
	const char *old = r->again[0]      ? r->again
	    : r->was                       ? r->kept
	    : r->made_is == FILES_SWAP_OLD ? r->made
					   : NULL;

	if (e == ERR_OK && !old)
		return made_keep(r, wall_ms, aside, f);
	if (e != ERR_OK)
		return e;
	if (!there(files, r->path))
		return moved(r, old, r->path, f);
	if (!r->again[0]) {
		e = files_note(files, r->path, noted, f);
		if (e != ERR_OK)
			return e;
		snprintf(r->again, sizeof r->again, "%.920s/%s" AGAIN "%s",
		    r->reset->part, r->name, noted);
		e = moved(r, old, r->again, f);
	}
	if (e == ERR_OK)
		e = change_names(r, r->again,
		    r->again_is == FILES_SWAP_OLD && !MUTANT(undo_changes_twice), f);
	if (e == ERR_OK)
		e = name_free(files, wall_ms, r->path, aside, f);
	return e == ERR_OK ? moved(r, r->again, aside, f) : e;
}

/* Nobody else writes either of them meanwhile. */
struct held {
	struct file *log;
	struct reorgdb_held db;
};

static enum err hold(struct held *h, const struct l2_reset *r, struct fail *f)
{
	enum err e = ERR_OK;

	if (r->reorg_db_path[0])
		e = reorgdb_hold(r->reorg_db_path, &h->db, f);
	if (e != ERR_OK || !there(r->files, r->log_path))
		return e;
	e = r->files->open(&h->log, r->log_path, FILE_WRITE, f);
	return e == ERR_OK ? r->files->own(h->log, f) : e;
}

static enum err both_renew(
    struct l2_reset *reset, struct journal *j, const struct l2_state *s, struct fail *f)
{
	struct renewal log = { .reset = reset,
		.name = LOG,
		.path = reset->log_path,
		.make = reset_log_make,
		.journal = j,
		.state = s };
	struct renewal db = { .reset = reset,
		.name = DATABASE,
		.path = reset->reorg_db_path,
		.make = reset_database_make,
		.journal = j };
	bool with_db = reset->reorg_db_path[0];
	enum err e = renewal_make(&log, f);

	if (e == ERR_OK && with_db)
		e = renewal_make(&db, f);
	if (e == ERR_OK)
		reset->half = true;
	if (e == ERR_OK)
		e = renewal_place(&log, f);
	if (e == ERR_OK && with_db)
		e = renewal_place(&db, f);
	reset->log = log.was;
	reset->reorg_db = db.was;
	return e;
}

static enum err folder_fill(
    struct l2_reset *r, const struct l2_state *s, int64_t wall_ms, struct fail *f)
{
	char state[BACKUP_PATH_MAX];
	enum err e = r->files->folder(r->part, f);

	snprintf(state, sizeof state, "%.960s/l2_state.jsonl", r->part);
	if (e == ERR_OK)
		e = reset_mark(r, f);
	if (e == ERR_OK)
		e = r->files->sync_folder(r->part, f);
	if (e == ERR_OK && s && !there(r->files, state))
		e = l2_state_write(r->files, state, s, wall_ms, f);
	r->state = e == ERR_OK && there(r->files, state);
	return e;
}

enum err l2_reset_files(struct l2_reset *r, struct journal *j, const struct l2_state *s,
    const struct l2_state *instead, int64_t wall_ms, struct fail *f)
{
	struct held held = { .db = REORGDB_NOT_HELD };
	bool begun = false;
	enum err e = hold(&held, r, f);

	if (e == ERR_OK) {
		begun = true;
		e = folder_fill(r, s ? s : instead, wall_ms, f);
	}
	if (e == ERR_OK)
		e = both_renew(r, j, s, f);
	if (e != ERR_OK && begun && !r->half && !MUTANT(reset_begun_stays)) {
		reorgdb_remove(r->part);
		e = fail_wrap(f, e,
		    "all is in place as it was, and what the reset had begun is gone");
	}
	r->files->close(held.log);
	reorgdb_let_go(&held.db);
	return e;
}

/* -- taken back ---------------------------------------------------------------------- */

/* From here on nothing finishes it. */
static enum err turn_back(struct l2_reset *r, struct fail *f)
{
	char part[BACKUP_PATH_MAX];
	enum err e;

	if (r->back)
		return ERR_OK;
	memcpy(part, r->part, sizeof part);
	snprintf(r->part, BACKUP_PATH_MAX, "%.1000s" BACK, r->folder);
	e = r->files->rename(part, r->part, f);
	r->back = e == ERR_OK;
	return e == ERR_OK ? r->files->sync_folder(r->part, f) : e;
}

enum err l2_reset_undo(struct l2_reset *r, int64_t wall_ms, struct fail *f)
{
	struct renewal log = { .reset = r, .name = LOG, .path = r->log_path };
	struct renewal db = { .reset = r, .name = DATABASE, .path = r->reorg_db_path };
	struct held held = { .db = REORGDB_NOT_HELD };
	enum err e = hold(&held, r, f);

	if (e == ERR_OK)
		e = reset_mark(r, f);
	if (e == ERR_OK)
		e = turn_back(r, f);
	if (e == ERR_OK)
		e = put_back(&log, wall_ms, r->log_aside, f);
	if (e == ERR_OK && r->reorg_db_path[0])
		e = put_back(&db, wall_ms, r->reorg_db_aside, f);
	r->files->close(held.log);
	reorgdb_let_go(&held.db);
	if (e != ERR_OK)
		return e;
	/* What is left in it was made of what is in place again. */
	reorgdb_remove(r->part);
	return r->files->sync_folder(r->folder, f);
}
