#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "cli/node/database.h"
#include "cli/node/doctor.h"
#include "cli/node/reading.h"
#include "cli/node/snapshots.h"
#include "engine/states.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/backup/backup.h"
#include "kinds/node/reorgdb/changes.h"
#include "kinds/node/watch/holder.h"

#define SHOWN 20

/* -- what the journal has of both ------------------------------------------ */

struct anchors_known {
	size_t lacking, others; /* of all else */
};

/* What the database has not, or has otherwise. */
static void anchors_known(
    struct journal *j, struct reorgdb *db, struct anchors_known *ret)
{
	struct changes c;

	*ret = (struct anchors_known){ 0 };
	changes_read(&c, j, 0);
	for (size_t i = 0; i < c.n; i++) {
		const char *key = c.at[i].key, *value = c.at[i].value;
		bool anchor = strncmp(key, "anchor:", 7) == 0, same = false;

		if (reorgdb_has(db, key, value, strlen(value), &same, NULL))
			same = false;
		*(anchor ? &ret->lacking : &ret->others) += !same;
	}
	changes_release(&c);
}

/* -- the log --------------------------------------------------------------- */

/* What a crash leaves is fenced off by the next append, and stays: it harms nothing. */
static bool is_harmless(enum l2_damage_kind kind)
{
	return kind == L2_TORN_TAIL || kind == L2_INCOMPLETE || kind == L2_STRAY;
}

static void mixed_tell(struct node_doctor *n, struct l2_log *log)
{
	char mixed[SNAPSHOTS_MIXED_MAX], word[SHELL_WORD_MAX], remedy[1800];
	const char *path = n->files.log;

	snapshots_mixed(log, mixed);
	if (!mixed[0])
		return;
	shell_word(word, sizeof word, path);
	snprintf(remedy, sizeof remedy,
	    "while nothing writes it: pawl node convert %s %s.one --to %d; then: mv "
	    "%s.one %s",
	    word, word, l2_log_version(log), word, word);
	doctor_finding(&n->d, "log", path, remedy, "%s", mixed);
}

static void damages_tell(struct node_doctor *n, struct l2_log *log)
{
	const char *path = n->files.log;
	size_t all = l2_log_damages(log);

	for (size_t i = 0; i < all && i < SHOWN; i++) {
		struct l2_damage d = l2_log_damage(log, i);
		uint64_t line = 0;

		if (l2_log_version(log) == 1 &&
		    l2_log_line(log, d.offset, &line, NULL) != ERR_OK)
			line = 0;
		if (is_harmless(d.kind)) {
			doctor_fine(&n->d, "log", path,
			    "byte %" PRIu64 ", line %" PRIu64 ": %s, %" PRIu64
			    " byte%s: passed over",
			    d.offset, line, l2_damage_name(d.kind), d.len,
			    d.len == 1 ? "" : "s");
			continue;
		}
		n->damaged = true;
		doctor_finding(&n->d, "log", path, L2_PROCEDURE_2,
		    "byte %" PRIu64 ", line %" PRIu64 ": %s, %" PRIu64 " byte%s",
		    d.offset, line, l2_damage_name(d.kind), d.len, d.len == 1 ? "" : "s");
	}
	if (all > SHOWN)
		doctor_fine(&n->d, "log", path, "and %zu more place%s like these",
		    all - SHOWN, all - SHOWN == 1 ? "" : "s");
}

/* Blocks that do not hold, newest first; those before the newest valid one are in
 * nobody's way. */
struct bad {
	size_t newer, older;
	char newest[500], other[500];
	struct l2_block doubted_block;
	struct l2_verdict doubted;
};

static void bad_note(struct node_doctor *n, struct bad *bad, struct l2_block b,
    const struct l2_verdict *v, size_t number, size_t all)
{
	char *why = n->newest.len ? bad->other : bad->newest;

	if (!n->newest.len && judge_of(v) == JUDGED_DOUBTED && !n->doubted) {
		n->doubted = number;
		bad->doubted_block = b;
		bad->doubted = *v;
		memcpy(n->doubted_root, v->root, L2_HEX);
		n->backing_hurt = v->backing_hurt;
		why = n->doubt;
		*why = '\0';
	}
	if (!*why)
		snprintf(why, 500, "number %zu of %zu, at byte %" PRIu64 ": %s", number,
		    all, b.offset, v->why);
	*(n->newest.len ? &bad->older : &bad->newer) += 1;
}

static enum err blocks_check(
    struct node_doctor *n, struct l2_log *log, struct bad *bad, struct fail *f)
{
	struct store store;
	const struct l2_demand demand = {
		.anchor_needed = true, .stored = store_knows, .ctx = &store
	};
	struct l2_verdict v;
	enum err e = store_init(&store, n->d.cli, NULL, n->files.log, f);

	if (e == ERR_OK)
		store_lend(&store, n->d.journal);
	for (size_t i = l2_log_n(log); e == ERR_OK && i-- > 0;) {
		struct l2_block b = l2_log_at(log, i);

		e = l2_log_check(log, b, &demand, &v, f);
		if (e != ERR_OK)
			break;
		if (v.fault != L2_HOLDS) {
			bad_note(n, bad, b, &v, i + 1, l2_log_n(log));
		} else if (!n->newest.len) {
			n->newest = b;
			n->verdict = v;
			n->unsure = n->doubted && store.judge.err != ERR_OK;
		}
	}
	if (!n->newest.len)
		n->unsure = n->doubted && store.judge.err != ERR_OK;
	store_close(&store);
	return e;
}

/* The journal went through the state of the one that is doubted. */
static bool doubted_is_had(struct node_doctor *n, const struct bad *bad)
{
	bool had;

	if (!n->d.journal || n->fresh)
		return false;
	journal_read_begin(n->d.journal);
	had = node_had(n->d.journal, n->files.log, bad->doubted_block, &bad->doubted);
	journal_read_end(n->d.journal);
	return had;
}

/* One that is whole comes before what is older, and holds. */
static void doubted_tell(struct node_doctor *n, const struct bad *bad)
{
	char word[SHELL_WORD_MAX], remedy[1600];
	bool had = doubted_is_had(n, bad);

	n->damaged = true;
	if (n->unsure)
		snprintf(remedy, sizeof remedy,
		    "first " L2_PROCEDURE_3 "; then look again: pawl node doctor");
	else
		snprintf(remedy, sizeof remedy, "%s%s%s%s",
		    n->backing_hurt
			? "pawl node restore --only log, where a copy has the one at "
			  "that byte whole; "
			: "pawl node restore --only reorg-db, where a copy has its "
			  "anchors; ",
		    n->fresh ? ""
			     : "else a peg-out of the journal gets another anchor by "
			       "pegout_anchor (with \"by_hand\":true where it is "
			       "completed), then: pawl node create-anchor",
		    had            ? ""
			: n->fresh ? "to take its state as it is: pawl node import "
				   : "; to take its state as it is: pawl node import ",
		    had ? "" : shell_word(word, sizeof word, n->files.log));
	doctor_finding(&n->d, "log", n->files.log, remedy, "%s, and not verified: %s",
	    n->unsure ? "a snapshot is whole, while the anchors can't be asked for"
		      : "a snapshot is whole",
	    n->doubt);
}

/* A log that was lost, and begun anew, is whole. */
static void fewer_tell(struct node_doctor *n, size_t blocks)
{
	int64_t known = 0, fewer;

	if (n->d.journal) {
		journal_read_begin(n->d.journal);
		known = anchors_n(n->d.journal);
		journal_read_end(n->d.journal);
	}
	fewer = known - (int64_t)blocks;
	if (fewer > 0 && !MUTANT(older_snapshots_unmissed))
		doctor_fine(&n->d, "log", n->files.log,
		    "the journal has %" PRId64 " anchor%s, so snapshots of %" PRId64
		    " are not in it: pruned, given up, or lost with a log; copies that "
		    "are older may have them: %s",
		    known, known == 1 ? "" : "s", fewer, n->files.backups);
}

static void blocks_tell(
    struct node_doctor *n, const struct l2_log *log, const struct bad *bad)
{
	const char *path = n->files.log,
		   *none = n->fresh ? L2_PROCEDURE_1 : L2_PROCEDURE_2;
	size_t all = l2_log_n(log);

	n->damaged |= bad->newer > 0;
	if (!all && n->look.log_bytes) {
		n->damaged = true;
		doctor_finding(&n->d, "log", path, none, "it has no whole snapshot");
	} else if (!all) {
		doctor_fine(&n->d, "log", path, "it is empty");
	} else if (n->doubted) {
		doubted_tell(n, bad);
	} else if (!n->newest.len) {
		doctor_finding(&n->d, "log", path, none,
		    "none of its %zu snapshot%s holds; the newest, %s", all,
		    all == 1 ? "" : "s", bad->newest);
	} else if (bad->newer) {
		doctor_finding(&n->d, "log", path, L2_PROCEDURE_2,
		    "%zu of its newest snapshot%s do%s not hold: %s", bad->newer,
		    bad->newer == 1 ? "" : "s", bad->newer == 1 ? "es" : "", bad->newest);
	}
	if (bad->older && !n->unsure)
		doctor_finding(&n->d, "log", path,
		    "nothing at once, newer ones hold: pawl node prune --keep N leaves "
		    "them out",
		    "%zu older snapshot%s do%s not hold: %s", bad->older,
		    bad->older == 1 ? "" : "s", bad->older == 1 ? "es" : "", bad->other);
	if (n->newest.len)
		doctor_fine(&n->d, "log", path,
		    "%zu snapshot%s; the newest valid one is at byte %" PRIu64
		    ", root %s",
		    all, all == 1 ? "" : "s", n->newest.offset, n->verdict.root);
	fewer_tell(n, all);
}

/* Snapshots that there were: the journal has their anchors, or a backup has them. */
static bool lost_tell(struct node_doctor *n)
{
	const char *path = n->files.log;
	struct l2_backup_seen *seen = NULL;
	struct l2_trouble trouble;
	size_t n_seen = 0;
	bool copied = false;

	if (n->d.journal && trouble_of_lost(&trouble, n->d.journal, &n->look)) {
		n->damaged = true;
		doctor_trouble(n, "log", path, &trouble);
		return true;
	}
	if (!n->look.has_log &&
	    l2_backup_list(&files_of_system, n->files.backups, &seen, &n_seen, NULL) !=
		ERR_OK)
		n_seen = 0;
	l2_backup_whose(&files_of_system, n->files.backups, n->files.name, n->d.journal,
	    seen, n_seen);
	for (size_t i = 0; i < n_seen; i++)
		copied |= seen[i].log && !seen[i].other;
	mem_free(seen);
	if (copied) {
		n->damaged = true;
		doctor_finding(&n->d, "log", path, L2_PROCEDURE_1,
		    "there is none, and a backup has one: it is lost");
	}
	return copied;
}

void doctor_log(struct node_doctor *n)
{
	struct l2_log *log;
	struct bad bad = { .newer = 0 };
	struct fail f = { ERR_OK, "" };
	struct l2_trouble trouble;
	enum err e;

	if (n->look.log_unseen)
		return;
	if (!n->look.log_bytes && lost_tell(n))
		return;
	if (!n->look.has_log) {
		doctor_fine(&n->d, "log", n->files.log,
		    "there is none yet: the first snapshot makes it");
		return;
	}
	e = reading_log(&log, n->d.cli, n->files.log, &f);
	if (e == ERR_OK) {
		e = l2_log_survey(log, &f);
		if (e == ERR_OK) {
			mixed_tell(n, log);
			damages_tell(n, log);
			e = blocks_check(n, log, &bad, &f);
		}
		if (e == ERR_OK)
			blocks_tell(n, log, &bad);
		l2_log_close(log);
	}
	if (trouble_of_reading(&trouble, e, &f, &n->look))
		doctor_trouble(n, "log", n->files.log, &trouble);
}

/* -- the database ---------------------------------------------------------- */

struct content {
	uint64_t blocks, top, events, bad;
	uint64_t anchors[ANCHOR_STATUSES];
	char first[400];
};

static void see_block(void *ctx, uint64_t height, const char *hash)
{
	struct content *c = ctx;

	(void)hash;
	c->blocks++;
	c->top = height;
}

static void see_anchor(void *ctx, const struct anchor_record *a)
{
	((struct content *)ctx)->anchors[a->status]++;
}

static void see_event(void *ctx, const struct reorg_event *e)
{
	(void)e;
	((struct content *)ctx)->events++;
}

static void see_bad(void *ctx, const char *key, const char *why)
{
	struct content *c = ctx;

	if (!c->bad++)
		snprintf(c->first, sizeof c->first, "%.200s: %.180s", key, why);
}

/* The lock is the system's: a file that is there says nothing. true: a process has it. */
static bool lock_tell(struct node_doctor *n)
{
	const char *path = n->files.reorg_db;
	struct l2_trouble trouble;
	struct l2_holder holder;

	l2_holder_look(&holder, &n->files.paths);
	if (trouble_of_holder(&trouble, &n->files.paths, &holder))
		doctor_trouble(n, "files", n->files.paths.folder, &trouble);
	else if (holder.reset)
		doctor_fine(&n->d, "database", path,
		    "a reset, process %d, has the data folder until it ends", holder.pid);
	else if (holder.there)
		doctor_fine(&n->d, "database", path,
		    "the daemon of this journal, process %d, has its lock, which is the "
		    "operating system's: its file LOCK stays, and is never to be deleted",
		    holder.pid);
	else if (n->look.has_database)
		doctor_fine(&n->d, "database", path,
		    "no process has it open; its file LOCK means nothing then, stays, "
		    "and is never to be deleted");
	return holder.there;
}

/* Has the journal told it all? Asked while nobody does that. */
static void behind_check(struct node_doctor *n, struct reorgdb *db)
{
	const char *path = n->files.reorg_db;
	struct anchors_known known;

	if (!anchors_moves(n->d.journal))
		return;
	anchors_known(n->d.journal, db, &known);
	if (!known.lacking && !known.others)
		doctor_fine(&n->d, "database", path, "it has all that the journal has");
	else
		doctor_finding(&n->d, "database", path,
		    "start pawl serve, which writes it, or pawl node rebuild-reorg-db",
		    "it is behind the journal: it lacks %zu anchor%s and %zu other "
		    "value%s, or has others in their place",
		    known.lacking, known.lacking == 1 ? "" : "s", known.others,
		    known.others == 1 ? "" : "s");
}

static void content_tell(
    struct node_doctor *n, struct reorgdb *db, bool open, struct fail *f)
{
	struct content c = { .blocks = 0 };
	const struct reorgdb_visitor v = { .ctx = &c,
		.block = see_block,
		.anchor = see_anchor,
		.event = see_event,
		.bad = see_bad };
	const char *path = n->files.reorg_db;
	struct l2_trouble trouble;
	enum err e;

	e = reorgdb_visit(db, &v, f);
	if (trouble_of_database(&trouble, e, f)) {
		n->damaged |= e == ERR_DAMAGED;
		doctor_trouble(n, "database", path, &trouble);
		return;
	}
	if (trouble_of_values(&trouble, c.bad, c.first)) {
		n->damaged = true;
		doctor_trouble(n, "database", path, &trouble);
	}
	doctor_fine(&n->d, "database", path,
	    "%" PRIu64 " block%s up to %" PRIu64 ", %" PRIu64 " reorg%s; anchors: "
	    "%" PRIu64 " pending, %" PRIu64 " confirmed, %" PRIu64
	    " invalidated, %" PRIu64 " orphaned",
	    c.blocks, c.blocks == 1 ? "" : "s", c.top, c.events, c.events == 1 ? "" : "s",
	    c.anchors[ANCHOR_PENDING], c.anchors[ANCHOR_CONFIRMED],
	    c.anchors[ANCHOR_INVALIDATED_REORG], c.anchors[ANCHOR_FAILED_ORPHANED]);
	if (!open && n->d.journal)
		behind_check(n, db);
}

void doctor_database(struct node_doctor *n)
{
	const char *path = n->files.reorg_db;
	struct fail f = { ERR_OK, "" };
	struct reorgdb *db;
	struct l2_trouble trouble;
	bool open = lock_tell(n);
	enum err e = reorgdb_open(&db, path, REORGDB_READ, &f);

	if (e == ERR_OK) {
		content_tell(n, db, open, &f);
		reorgdb_close(db);
		return;
	}
	n->damaged |= e == ERR_DAMAGED;
	if (trouble_of_database(&trouble, e, &f))
		doctor_trouble(n, "database", path, &trouble);
}
