#include "engine/archiver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/operation.h"
#include "engine/recount.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"

#define LOOK_MS 60000
#define AGAIN_MS 3600000        /* after what failed */
#define TRACKED_MAX 500         /* transactions of a file */
#define TRACKED_LOOK_MS 3600000 /* a file an hour, if it is not full */
#define CHANGES_LOOK_MS 86400000
#define BETWEEN_MAX 1024 /* rows of a step */
/* What is due keeps its transaction here for so much longer, and is given up then. */
#define GIVE_UP_MS ((int64_t)30 * 86400 * 1000)

int64_t archive_depth = ARCHIVE_DEPTH, archive_changes = 65536;

struct archiver {
	struct archiver_setup s;
	int64_t look_ms;   /* by the wall; 0: now */
	int kind;          /* that is looked at.. */
	int64_t after;     /* ..and behind which of its operations */
	int64_t operation; /* that is under way; 0: none */
	int64_t height;
	struct recount *count; /* before its file is; NULL: it was counted */
	struct archive *file;  /* being written; NULL: it is journaled, and its rows go */
	bool whole;            /* the file is there, and not journaled */
	int64_t drop_at, done;
	enum archive_what what; /* whose id operation is */
	int64_t track_look_ms, changes_look_ms;
};

struct archiver *archiver_new(const struct archiver_setup *s)
{
	struct archiver *a = mem_new(sizeof *a);

	a->s = *s;
	return a;
}

static void give_up(struct archiver *a)
{
	archive_finish(a->file);
	a->file = NULL;
	recount_free(a->count);
	a->count = NULL;
	a->whole = false;
	a->operation = a->drop_at = 0;
	a->what = ARCHIVE_OPERATION;
}

void archiver_free(struct archiver *a)
{
	if (!a)
		return;
	archive_finish(a->file);
	recount_free(a->count);
	mem_free(a);
}

void archiver_look_again(struct archiver *a)
{
	a->look_ms = a->track_look_ms = a->changes_look_ms = 0;
}

int64_t archiver_look_ms(const struct archiver *a)
{
	return a->look_ms;
}

int64_t archiver_done(const struct archiver *a)
{
	return a->done;
}

/* -- what is due -------------------------------------------------------------- */

static int64_t highest_of(struct journal *j, int64_t operation)
{
	struct sql_attempt_range_in in = { .operation = operation };
	struct sql_attempt_range_out range;

	return sql_attempt_range_one(j, &in, &range) ? range.height_last : 0;
}

static bool has_live(struct journal *j, const struct operation *o)
{
	struct sql_intent_live_of_operation_in in = { .operation = o->id };
	struct sql_intent_live_of_operation_out row;

	return o->by_state[ITEM_LIVE].n || sql_intent_live_of_operation_one(j, &in, &row);
}

static void account_why_not(
    struct journal *j, const struct operation *o, char why[ARCHIVER_WHY_MAX])
{
	struct sql_account_get_in in = { .id = o->account };
	struct sql_account_get_out a;

	if (journal_doubt(j) ||
	    (sql_account_get_one(j, &in, &a) && (!a.no_doubt || !a.no_stopped)))
		snprintf(why, ARCHIVER_WHY_MAX, "its account is in doubt or was stopped");
}

static void height_why_not(struct journal *j, const struct operation *o,
    char why[ARCHIVER_WHY_MAX], int64_t height)
{
	struct sql_chain_get_in in = { .id = o->chain };
	struct sql_chain_get_out c = { .no_final_height = true };
	int64_t final = 0;

	if (sql_chain_get_one(j, &in, &c) && !c.no_final_height)
		final = c.final_height;
	if (!c.no_stopped)
		snprintf(why, ARCHIVER_WHY_MAX, "its chain was stopped");
	else if (height && height > final - archive_depth &&
	    !MUTANT(archive_before_finality))
		snprintf(why, ARCHIVER_WHY_MAX,
		    "its last transaction is in block %" PRId64
		    ", and it is kept until block %" PRId64 " is final",
		    height, height + archive_depth);
}

void archiver_why_not(
    struct journal *j, int64_t operation, char why[ARCHIVER_WHY_MAX], int64_t *ret_height)
{
	struct operation o;

	*ret_height = 0;
	why[0] = '\0';
	if (!operation_read(j, operation, &o))
		snprintf(why, ARCHIVER_WHY_MAX, "there is none");
	else if (!operation_ended(&o))
		snprintf(why, ARCHIVER_WHY_MAX, "it is %s",
		    state_name(MACHINE_OPERATION, o.state));
	else if (has_live(j, &o))
		snprintf(why, ARCHIVER_WHY_MAX, "something of it is still live");
	else
		account_why_not(j, &o, why);
	if (why[0])
		return;
	*ret_height = highest_of(j, operation);
	height_why_not(j, &o, why, *ret_height);
}

static bool half_gone(struct archiver *a)
{
	struct sql_archive_half_out half;

	if (!sql_archive_half_one(a->s.journal, &half))
		return false;
	a->operation = half.operation;
	return true;
}

/* What somebody edited would be all that is left of it. */
static struct recount *count_of(const struct archiver *a, const struct operation *o)
{
	for (int i = 0; i < a->s.kinds_n && !MUTANT(archived_uncounted); i++)
		if (!strcmp(a->s.kinds[i]->name, o->kind_name))
			return recount_new(a->s.journal, o->id, a->s.kinds[i], false);
	return NULL;
}

static bool is_next(struct archiver *a, int64_t operation)
{
	char why[ARCHIVER_WHY_MAX];
	struct operation o;

	archiver_why_not(a->s.journal, operation, why, &a->height);
	if (why[0] || !operation_read(a->s.journal, operation, &o))
		return false;
	a->operation = operation;
	a->count = count_of(a, &o);
	a->file = archive_new(a->s.journal, ARCHIVE_OPERATION, operation);
	return true;
}

static void choose(struct archiver *a, const int64_t *ids, size_t n, int64_t wall_ms)
{
	struct sql_track_archive_add_in in = { .at_ms = wall_ms };
	struct sql_track_archive_add_out added;
	int64_t given_up = 0;

	if (!sql_track_archive_add_one(a->s.journal, &in, &added))
		return;
	for (size_t i = 0; i < n; i++) {
		sql_tracked_archive(
		    a->s.journal, &(struct sql_tracked_archive_in){ ids[i], added.id });
		given_up += sql_tracked_give_up(
		    a->s.journal, &(struct sql_tracked_give_up_in){ ids[i] });
	}
	if (given_up)
		log_warn("archive",
		    "%" PRId64 " messages of transactions that were not accepted for 30 "
		    "days longer than these are kept are given up; see: pawl status",
		    given_up);
}

static struct sql_tracked_old_in tracked_due(int64_t keep_ms, int64_t wall_ms)
{
	int64_t before_ms = wall_ms - keep_ms;

	return (struct sql_tracked_old_in){ before_ms, archive_depth,
		before_ms - (MUTANT(due_is_given_up_at_once) ? 0 : GIVE_UP_MS),
		INT64_MAX };
}

int64_t archiver_tracked_due(struct journal *j, int64_t keep_ms, int64_t wall_ms)
{
	struct sql_tracked_old_in in = tracked_due(keep_ms, wall_ms);
	struct sql_tracked_old_out row;
	int64_t n = 0;

	sql_tracked_old_begin(j, &in);
	while (sql_tracked_old_next(j, &row))
		n++;
	return n;
}

/* Which go into the next file is journaled before that is written. */
static bool tracked_chosen(struct archiver *a, int64_t keep_ms, int64_t wall_ms)
{
	struct sql_tracked_old_in in = tracked_due(keep_ms, wall_ms);
	struct sql_tracked_old_out row;
	int64_t ids[TRACKED_MAX];
	size_t n = 0;

	in.max = TRACKED_MAX;
	sql_tracked_old_begin(a->s.journal, &in);
	while (n < TRACKED_MAX && sql_tracked_old_next(a->s.journal, &row))
		ids[n++] = row.id;
	sql_tracked_old_end(a->s.journal);
	if (n)
		choose(a, ids, n, wall_ms);
	a->track_look_ms = n == TRACKED_MAX ? 0 : wall_ms + TRACKED_LOOK_MS;
	return n > 0;
}

/* A file that was begun is ended, by whichever life. */
static bool tracked_begun(struct archiver *a)
{
	struct sql_track_archive_open_out open;

	if (!sql_track_archive_open_one(a->s.journal, &open))
		return false;
	a->operation = open.id;
	a->what = ARCHIVE_TRACKED;
	if (open.no_file)
		a->file = archive_new(a->s.journal, ARCHIVE_TRACKED, open.id);
	return true;
}

static int64_t kept_ms(const struct archiver *a, const char *kind)
{
	for (int i = 0; i < a->s.keep_n; i++)
		if (!strcmp(a->s.keep[i].kind, kind))
			return a->s.keep[i].keep_ms;
	return 0;
}

static bool tracked_look(struct archiver *a, int64_t wall_ms)
{
	int64_t keep_ms = kept_ms(a, "track");

	return tracked_begun(a) ||
	    (keep_ms && wall_ms >= a->track_look_ms &&
		tracked_chosen(a, keep_ms, wall_ms));
}

/* -- changes of a layer 2 ------------------------------------------------------- */

/* Where a commit ended, of which an event tells: from first on, and not behind last.
 * false: none did. */
static bool commit_end(struct archiver *a, int64_t first, int64_t last,
    struct sql_node_archive_before_out *ret)
{
	struct sql_node_archive_before_in in = { first, first + archive_changes - 1 };
	struct sql_node_archive_behind_in behind = { first, last };
	struct sql_node_archive_behind_out row;

	if (in.last > last)
		in.last = last;
	if (sql_node_archive_before_one(a->s.journal, &in, ret))
		return true;
	if (!sql_node_archive_behind_one(a->s.journal, &behind, &row))
		return false;
	ret->row = row.row;
	ret->why = row.why;
	return true;
}

/* What its event says that all changes were up to there. */
static bool link_of(uint8_t link[32], const char *why)
{
	return !strncmp(why, "link ", 5) && strlen(why) > 5 + 64 &&
	    hex_parse(link, 32, why + 5, 64);
}

/* Those before the newest state that is on Bitcoin for good. false: there are none. */
static bool changes_due(struct journal *j, int64_t keep_ms, int64_t wall_ms,
    int64_t *ret_first, int64_t *ret_last)
{
	struct sql_node_archive_due_in in = { wall_ms - keep_ms,
		MUTANT(changes_before_finality) ? -archive_depth : archive_depth };
	struct sql_node_archive_due_out due = { .no_change = true };
	struct sql_node_base_get_out is;

	if (!sql_node_archive_due_one(j, &in, &due) || due.no_change ||
	    !sql_node_base_get_one(j, &is))
		return false;
	*ret_first = is.base + 1;
	*ret_last = due.change - 1;
	return *ret_first <= *ret_last;
}

int64_t archiver_changes_due(struct journal *j, int64_t keep_ms, int64_t wall_ms)
{
	struct sql_node_archive_before_in in;
	struct sql_node_archive_before_out end;

	if (!changes_due(j, keep_ms, wall_ms, &in.first, &in.last) ||
	    !sql_node_archive_before_one(j, &in, &end))
		return 0;
	return end.row - in.first + 1;
}

static bool changes_chosen(struct archiver *a, int64_t keep_ms, int64_t wall_ms)
{
	struct sql_node_archive_add_in add = { .at_ms = wall_ms };
	struct sql_node_archive_before_out end;
	int64_t last;

	a->changes_look_ms = wall_ms + CHANGES_LOOK_MS;
	if (!changes_due(a->s.journal, keep_ms, wall_ms, &add.first, &last) ||
	    !commit_end(a, add.first, last, &end) || !link_of(add.link, end.why))
		return false;
	add.last = end.row;
	sql_node_archive_add(a->s.journal, &add);
	a->changes_look_ms = 0;
	return true;
}

static bool changes_begun(struct archiver *a)
{
	struct sql_node_archive_open_out open;

	if (!sql_node_archive_open_one(a->s.journal, &open))
		return false;
	a->operation = open.id;
	a->what = ARCHIVE_CHANGES;
	if (open.no_file)
		a->file = archive_new(a->s.journal, ARCHIVE_CHANGES, open.id);
	return true;
}

static bool changes_look(struct archiver *a, int64_t wall_ms)
{
	int64_t keep_ms = kept_ms(a, "node");

	return changes_begun(a) ||
	    (keep_ms && wall_ms >= a->changes_look_ms &&
		changes_chosen(a, keep_ms, wall_ms));
}

/* -- all of them ------------------------------------------------------------------ */

/* One is looked at in a turn; true: look again at once. */
static bool look(struct archiver *a, int64_t wall_ms)
{
	struct sql_archive_due_in in = { .after = a->after };
	struct sql_archive_due_out due;

	if (half_gone(a) ||
	    (!a->s.only && (tracked_look(a, wall_ms) || changes_look(a, wall_ms))))
		return true;
	if (a->s.only) {
		a->look_ms = INT64_MAX;
		return is_next(a, a->s.only);
	}
	for (; a->kind < a->s.keep_n; a->kind++, a->after = in.after = 0) {
		const struct retention *k = &a->s.keep[a->kind];

		in.kind = k->kind;
		in.before_ms = wall_ms - k->keep_ms;
		if (!k->keep_ms || !sql_archive_due_one(a->s.journal, &in, &due))
			continue;
		a->after = due.id;
		(void)is_next(a, due.id);
		return true;
	}
	a->kind = 0;
	a->look_ms = wall_ms + LOOK_MS;
	return false;
}

/* -- its turns ------------------------------------------------------------------ */

/* Commands came since it was chosen, the last of them in this very turn. */
static bool has_moved(struct archiver *a)
{
	char why[ARCHIVER_WHY_MAX];

	if (a->what != ARCHIVE_OPERATION || MUTANT(moved_is_archived))
		return false;
	archiver_why_not(a->s.journal, a->operation, why, &a->height);
	return why[0] || !archive_is_current(a->file);
}

static void put(struct archiver *a, int64_t wall_ms)
{
	if (has_moved(a)) {
		give_up(a);
		return;
	}
	archive_put(a->file, a->height, wall_ms);
	archive_finish(a->file);
	a->file = NULL;
	a->whole = false;
}

static void drop(struct archiver *a)
{
	if (a->what == ARCHIVE_TRACKED)
		archive_drop_tracked(a->s.journal, a->operation);
	else if (a->what == ARCHIVE_CHANGES &&
	    !archive_drop_changes(a->s.journal, a->operation))
		return;
	if (a->what == ARCHIVE_CHANGES)
		log_info("archive", "file %" PRId64 " of changes: they are in it alone",
		    a->operation);
	if (a->what != ARCHIVE_OPERATION) {
		a->done++;
		give_up(a);
		return;
	}
	if (!archive_drop(a->s.journal, a->operation, &a->drop_at))
		return;
	a->done++;
	log_info("archive", "operation %" PRId64 ": its rows are in its archive alone",
	    a->operation);
	give_up(a);
}

bool archiver_turn(struct archiver *a, int64_t wall_ms)
{
	if (a->operation && a->file && a->whole)
		put(a, wall_ms);
	else if (a->operation && !a->file)
		drop(a);
	else if (!a->operation)
		return wall_ms >= a->look_ms && look(a, wall_ms);
	return true;
}

static enum err count_some(struct archiver *a, int64_t *left, struct fail *f)
{
	char what[sizeof f->why];
	struct operation o;
	bool done;
	enum err e = recount_some(a->count, left, &done, f);

	if (e != ERR_OK && operation_read(a->s.journal, a->operation, &o)) {
		memcpy(what, f->why, sizeof what);
		return fail_set(f, e, "operation %s: %s", o.name, what);
	}
	if (done) {
		recount_free(a->count);
		a->count = NULL;
	}
	return e;
}

static enum err some(struct archiver *a, int64_t left, struct fail *f)
{
	return a->count ? count_some(a, &left, f)
			: archive_some(a->file, &left, &a->whole, f);
}

static const char *const names[] = { [ARCHIVE_OPERATION] = "operation",
	[ARCHIVE_TRACKED] = "file of transactions",
	[ARCHIVE_CHANGES] = "file of changes" };

bool archiver_between(struct archiver *a, int64_t wall_ms, struct fail *f)
{
	f->err = ERR_OK;
	if (!a->file || a->whole)
		return a->operation != 0;
	if (some(a, BETWEEN_MAX, f) == ERR_OK)
		return true;
	if (f->err == ERR_DAMAGED)
		log_error("archive",
		    "%s; it stays in the journal: %ssee: pawl doctor --journal", f->why,
		    a->what == ARCHIVE_OPERATION ? "pawl verify it, and " : "");
	else
		log_warn("archive", "%s %" PRId64 " stays as it is for now: %s",
		    names[a->what], a->operation, f->why);
	give_up(a);
	a->after = 0;
	a->look_ms = a->s.only ? INT64_MAX : wall_ms + AGAIN_MS;
	return false;
}
