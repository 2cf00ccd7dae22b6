/* node recover: the log goes back to a snapshot that holds, and log and journal have the
 * same state again.
 *
 * The journal is the truth. Where it has a state, and no older one is asked for by its
 * number, the log gets a snapshot of that state; where it has none, the state is taken
 * from the snapshot. Each step is on the medium before the next, and is seen to be done
 * by what is there: killed between two, the command is typed again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "cli/daemon/backups.h"
#include "cli/node/anchoring.h"
#include "cli/node/database.h"
#include "cli/node/folder.h"
#include "cli/node/newest.h"
#include "cli/node/reading.h"
#include "cli/node/refuse.h"
#include "cli/node/replace.h"
#include "cli/report/node.h"
#include "cli/report/report.h"
#include "engine/states.h"
#include "kinds/node/anchor/anchor.h"

struct recovery {
	struct cli *cli;
	struct backup_paths paths;
	struct journal *journal; /* to read; NULL: there is none */
	struct judge judge;
	uint64_t number; /* 0: the newest that holds */
	uint32_t yes;
	bool fresh; /* it has no state */
	char is[L2_HEX];
	struct l2_recovered log;
	bool log_missing;
	int64_t lost; /* anchors of the journal, while it has no snapshot at all */
	struct replaced state;
	bool anchored;
	bool gives_up; /* whole snapshots that are doubted, by a word */
	struct anchored anchor;
};

/* -- what the journal has ------------------------------------------------------ */

static enum err journal_look(struct recovery *r, struct fail *f)
{
	struct book_sums sums;
	enum err e = report_open(r->cli, &r->journal, f);

	if (e != ERR_OK) {
		r->journal = NULL;
		return e == ERR_NO_JOURNAL ? ERR_OK : e;
	}
	journal_read_begin(r->journal);
	e = book_check(r->journal, r->is, f);
	book_sums(r->journal, &sums);
	journal_read_end(r->journal);
	r->fresh = book_is_fresh(&sums);
	return e;
}

/* Is it one of those that the journal went through, or anchored? */
static bool journal_had(
    const struct recovery *r, const char *anchor, const struct l2_state *s)
{
	bool had;

	journal_read_begin(r->journal);
	had = node_had_state(r->journal, s, anchor);
	journal_read_end(r->journal);
	return had;
}

static bool is_foreign(const struct recovery *r, const struct newest *n)
{
	bool is;

	if (!r->journal)
		return newest_is_foreign(n, NULL);
	journal_read_begin(r->journal);
	is = newest_is_foreign(n, r->journal);
	journal_read_end(r->journal);
	return is;
}

/* -- the state of the snapshot --------------------------------------------------- */

/* A state that a reset has kept is a way back, too. */
static void archive_tell(const struct recovery *r, char out[L2_ARCHIVE_TOLD])
{
	l2_archive_tell(out, r->cli->config->node.data_dir);
}

static enum err none_holds(const struct recovery *r, struct fail *f)
{
	char archive[L2_ARCHIVE_TOLD];

	archive_tell(r, archive);
	return fail_set(f, ERR_DAMAGED,
	    "no snapshot of %s holds, and %s: procedure 1, pawl node restore, puts the "
	    "newest copy of it in place%s",
	    r->paths.log, r->journal ? "the journal has no state" : "there is no journal",
	    archive);
}

/* A word is of a state that is replaced. */
static enum err no_journal_to_ask(
    const struct recovery *r, const struct l2_recovered *log, struct fail *f)
{
	return fail_set(f, ERR_CONFLICT,
	    "snapshot %zu of %.200s is whole, but not verified: %s, and there is no "
	    "journal %.200s that could take its state. Nothing was changed. To have one: "
	    "pawl init; then type this again",
	    log->number, r->paths.log, log->doubt.why, r->cli->config->journal);
}

/* One that is doubted is no reason to go back to an older state. */
static enum err doubted(
    const struct recovery *r, const struct l2_recovered *log, struct fail *f)
{
	char word[SHELL_WORD_MAX], archive[L2_ARCHIVE_TOLD];
	char older[200] = "none of the older ones holds";

	archive_tell(r, archive);
	if (log->number)
		snprintf(older, sizeof older,
		    "to give it up for snapshot %zu: pawl node recover --to %zu",
		    log->number, log->number);
	return fail_set(f, ERR_CONFLICT,
	    "snapshot %zu of %.200s is whole, but not verified: %s, and %s. Nothing was "
	    "changed. Its anchors come back, where a copy has them, by: pawl node "
	    "restore --only %s, or pawl node rebuild-reorg-db%s. Its state as it "
	    "is, which is asked for: pawl node import %s; %s",
	    log->doubted, r->paths.log, log->doubt.why,
	    r->journal ? "the journal has no state" : "there is no journal",
	    log->doubt.backing_hurt ? "log" : "reorg-db", archive,
	    shell_word(word, sizeof word, r->paths.log), older);
}

static enum err unknown(
    const struct recovery *r, size_t number, const char *root, bool holds, struct fail *f)
{
	char taken[SNAPSHOTS_PATH_MAX], word[SHELL_WORD_MAX];

	if (holds)
		snprintf(taken, sizeof taken, "recover --to %zu", number);
	else
		snprintf(taken, sizeof taken, "import %s",
		    shell_word(word, sizeof word, r->paths.log));
	return fail_set(f, ERR_CONFLICT,
	    "snapshot %zu of %s, the newest that %s, is of a state (root %.16s) that "
	    "this journal never had: is the journal an older copy of itself, or the log "
	    "of another node? Nothing was changed. Each of these says first what is "
	    "given up. To go on with the state of the journal (root %.16s), as a "
	    "snapshot on top: pawl node create-anchor. With that of the snapshot: pawl "
	    "node %s",
	    number, r->paths.log, holds ? "holds" : "is whole", root, r->is, taken);
}

/* The newest whole one, where that is another; number 0: it is none. */
static enum err newer_load(struct recovery *r, struct l2_log *log, struct l2_block block,
    struct newest *newer, struct fail *f)
{
	struct judgement g;
	enum err e = judge_log(&r->judge, log, &g, f);

	newest_note(newer, &g);
	if (e == ERR_OK)
		e = judge_trouble(&r->judge, f);
	if (newer->block.offset <= block.offset || MUTANT(doubted_is_passed_over))
		newer->number = 0;
	return e == ERR_OK && newer->number ? newest_load(newer, log, f) : e;
}

static enum err take(struct recovery *r, const struct l2_recovered *log,
    struct l2_log *file, struct l2_block block, struct l2_state *s,
    const struct newest *newer, struct fail *f)
{
	char what[BACKUP_NAME_MAX + 64], line[64], keep[BACKUP_NAME_MAX + 32], doubt[400];
	const struct replacing replacing = { .state = s,
		.since_ms = log->anchor[0] ? log->anchored_ms : log->snapshot_ms,
		.log = file,
		.block = block,
		.newer = newer,
		.doubt = log->doubted && !MUTANT(recovered_undoubted) ? doubt : NULL,
		.what = what,
		.line = line,
		.keep = keep,
		.yes = r->yes };

	snprintf(what, sizeof what, "snapshot %zu of %s", log->number, r->paths.log);
	snprintf(line, sizeof line, "pawl node recover --to %zu", log->number);
	snprintf(doubt, sizeof doubt, "that snapshot is whole, but not verified: %s",
	    log->doubt.why);
	snprintf(keep, sizeof keep, "%s/l2_state.jsonl", r->cli->config->node.data_dir);
	return replace_state(r->cli, &replacing, &r->state, f);
}

static uint32_t cut_word(
    const struct recovery *r, const struct l2_recovered *log, const struct newest *newer)
{
	struct sha256 *s = sha256_begin();

	sha256_add(s, "cut", 3);
	sha256_add(s, r->is, L2_HEX);
	sha256_add(s, log->root, L2_HEX);
	sha256_add(s, newer->root, L2_HEX);
	return word_end(s);
}

/* The log alone goes back, and with it a state that nobody else has. */
static enum err foreign_agree(struct recovery *r, const struct l2_recovered *log,
    const struct l2_state *s, const struct newest *newer, struct fail *f)
{
	char line[64], why[NEWEST_TOLD];
	const struct word_asked no = { r->yes, cut_word(r, log, newer),
		"Only if that is meant", line };
	struct buf lost;
	enum err e;

	if (no.said == no.word || MUTANT(foreign_cut_silently))
		return ERR_OK;
	snprintf(line, sizeof line, "pawl node recover --to %zu", log->number);
	newest_tell(newer, r->journal != NULL, r->paths.log, why);
	buf_init(&lost, 1000);
	newest_lost_tell(&lost, &newer->state, s);
	e = refuse_word(f, &no,
	    "%s. With a log that ends with snapshot %zu (root %.16s) the newest one has "
	    "%s. To go on from snapshot %zu, which says first what that gives up: pawl "
	    "node recover --to %zu",
	    why, log->number, log->root, buf_text(&lost), newer->number, newer->number);
	buf_release(&lost);
	return e;
}

static enum err state_agree(struct recovery *r, const struct l2_recovered *log,
    struct l2_log *file, struct l2_block block, struct l2_state *s, struct fail *f)
{
	bool alone = !r->journal || strcmp(log->root, r->is) == 0, foreign;
	struct newest newer;
	enum err e = newer_load(r, file, block, &newer, f);

	(void)l2_state_sort(s);
	foreign = e == ERR_OK && is_foreign(r, &newer);
	if (e == ERR_OK && !alone)
		e = take(r, log, file, block, s,
		    foreign || (r->fresh && newer.number) ? &newer : NULL, f);
	else if (foreign)
		e = foreign_agree(r, log, s, &newer, f);
	l2_state_release(&newer.state);
	return e;
}

static uint32_t word(const struct recovery *r, const struct l2_recovered *log)
{
	struct sha256 *s = sha256_begin();

	sha256_add(s, "recover", 7);
	sha256_add(s, r->is, L2_HEX);
	sha256_add(s, log->doubt.root, L2_HEX);
	sha256_add(s, &log->doubted_n, sizeof log->doubted_n);
	sha256_add(s, &log->number, sizeof log->number);
	return word_end(s);
}

/* The journal has a state: whole ones that are doubted are cut off by a word alone. */
static enum err cut_agree(
    struct recovery *r, const struct l2_recovered *log, struct fail *f)
{
	const struct word_asked no = { r->yes, word(r, log),
		"Only if it is meant that they go", "pawl node recover --latest-valid" };

	r->gives_up = log->doubted != 0;
	if (!log->doubted || no.said == no.word || MUTANT(doubted_cut_silently))
		return ERR_OK;
	return refuse_word(f, &no,
	    "%zu whole snapshot%s of %.200s %s not verified, the newest, number %zu: %s. "
	    "What is behind snapshot %zu would go, and the state of the journal (root "
	    "%.16s) be the next one. " ANCHORS_BACK,
	    log->doubted_n, log->doubted_n == 1 ? "" : "s", r->paths.log,
	    log->doubted_n == 1 ? "is" : "are", log->doubted, log->doubt.why, log->number,
	    r->is);
}

/* The journal's state goes on top: what was the newest is to be known to it. */
static enum err known_agree(struct recovery *r, const struct l2_recovered *log,
    struct l2_log *file, struct l2_block block, struct fail *f)
{
	const char *root = log->doubted ? log->doubt.root : log->root;
	struct l2_state s;
	enum err e;

	if (log->doubted)
		block = log->doubted_block;
	if (!block.len || strcmp(root, r->is) == 0)
		return cut_agree(r, log, f);
	l2_state_init(&s);
	e = l2_log_load(file, block, &s, f);
	if (e == ERR_OK &&
	    !journal_had(r, log->doubted ? log->doubt.anchor_hash : log->anchor, &s))
		e = unknown(
		    r, log->doubted ? log->doubted : log->number, root, !log->doubted, f);
	l2_state_release(&s);
	return e == ERR_OK ? cut_agree(r, log, f) : e;
}

/* Before anything of the log goes: the commit comes first, and decides. */
static enum err agree(void *ctx, const struct l2_recovered *log, struct l2_log *file,
    struct l2_block block, struct fail *f)
{
	struct recovery *r = ctx;
	char mixed[SNAPSHOTS_MIXED_MAX];
	struct l2_state s;
	enum err e = ERR_OK;

	reading_end();
	snapshots_mixed(file, mixed);
	if (mixed[0])
		cli_warn(r->cli, "%s: %s", r->paths.log, mixed);
	if (r->journal && !r->fresh && !r->number)
		return known_agree(r, log, file, block, f);
	if (log->doubted && !r->number && !MUTANT(doubted_is_passed_over))
		return doubted(r, log, f);
	if (!block.len)
		return none_holds(r, f);
	if (log->doubted && !r->journal)
		return no_journal_to_ask(r, log, f);
	l2_state_init(&s);
	e = l2_log_load(file, block, &s, f);
	if (e == ERR_OK)
		e = state_agree(r, log, file, block, &s, f);
	l2_state_release(&s);
	return e;
}

/* -- log, then journal ------------------------------------------------------------ */

static enum err recover(struct recovery *r, struct fail *f)
{
	const struct l2_recover_plan plan = { .files =
						  reading_begin(r->cli, r->paths.log),
		.log = r->paths.log,
		.judge = &r->judge,
		.number = r->number,
		.wall_ms = clock_wall_ms(),
		.agree = agree,
		.ctx = r };
	bool of_journal = r->journal && !r->fresh;
	enum err e;

	r->judge.journal = r->journal;
	r->judge.reorg_db = r->paths.reorg_db;
	e = l2_log_recover(&plan, &r->log, f);
	reading_end();
	judge_release(&r->judge);
	if (e != ERR_OK && r->state.moved)
		(void)fail_wrap(f, e,
		    "the state of the journal is that of snapshot %zu by now, and the "
		    "log ends behind it when this is typed again",
		    r->log.number);
	r->log_missing = e == ERR_NOT_FOUND && !r->log.blocks;
	if (r->log_missing && of_journal && !r->number)
		e = ERR_OK;
	if (e == ERR_OK && of_journal && !r->log.blocks)
		r->lost = anchors_n(r->journal);
	if (e != ERR_OK || !of_journal || r->number ||
	    (r->log.number && strcmp(r->log.root, r->is) == 0)) {
		if (e == ERR_OK && r->journal)
			database_follow(r->cli, r->journal);
		return e;
	}
	r->anchored = true;
	return anchoring_do(r->cli,
	    &(struct anchoring_plan){ .agreed = true, .doubted = r->gives_up },
	    &r->anchor, f);
}

/* -- telling it -------------------------------------------------------------------- */

/* The one that it went back to. */
static bool is_doubted(const struct recovery *r)
{
	return r->log.number && r->log.doubted == r->log.number;
}

static void tell_json(const struct recovery *r)
{
	const struct l2_recovered *log = &r->log;
	json_t *o = json_pack("{s:o, s:I, s:b, s:I, s:o, s:I, s:b, s:o, s:b, s:o}", "log",
	    cli_text(r->paths.log), "number", (json_int_t)log->number, "doubted",
	    is_doubted(r), "snapshots", (json_int_t)log->blocks, "root",
	    cli_text(log->number ? log->root : NULL), "timestamp_ms",
	    (json_int_t)log->snapshot_ms, "changed", log->changed, "kept",
	    cli_text(log->kept[0] ? log->kept : NULL), "state_moved", r->state.moved,
	    "state_kept", cli_text(r->state.kept[0] ? r->state.kept : NULL));

	if (r->state.moved) {
		json_object_set_new(o, "after", json_integer(r->state.done.after));
		json_object_set_new(o, "dropped", json_integer(r->state.done.dropped));
		json_object_set_new(o, "returned", json_integer(r->state.done.returned));
	}
	if (r->anchored)
		json_object_set_new(o, "anchored",
		    json_pack("{s:s, s:s, s:s}", "root", r->anchor.root, "anchor",
			r->anchor.hash, "status", anchor_status_name(r->anchor.status)));
	cli_json(o);
}

/* To who reads JSON, too. */
static void lost_warn(const struct recovery *r)
{
	/* that of the state itself is in it again */
	int64_t n = r->lost - (r->anchored && r->anchor.known);

	if (n > 0)
		cli_warn(r->cli,
		    "%s is begun anew, with this snapshot alone, and the journal has "
		    "%" PRId64 " other anchor%s; a backup may have the snapshot%s: "
		    "pawl node restore --only log",
		    r->paths.log, n, n == 1 ? "" : "s", n == 1 ? " of it" : "s of these");
}

static void tell_log(const struct recovery *r)
{
	const struct l2_recovered *log = &r->log;

	if (r->log_missing)
		printf("There is no %s\n", r->paths.log);
	else if (!log->number)
		printf("No snapshot of %s holds\n", r->paths.log);
	else
		printf("Found %s: number %zu of %zu, root %s\n",
		    is_doubted(r) ? "whole snapshot, which is not verified"
				  : "valid snapshot",
		    log->number, log->blocks, log->root);
	if (log->changed)
		printf("What was behind it is gone from %s; the log as it was is kept: "
		       "%s\n",
		    r->paths.log, log->kept);
	else if (log->number)
		printf("It is the newest of %s, and nothing is behind it: the log stays "
		       "as it is\n",
		    r->paths.log);
}

static void tell_state(const struct recovery *r)
{
	const struct replaced *s = &r->state;
	char told[REPLACED_TOLD];

	replaced_tell(&s->done, told);
	if (s->moved && s->fresh)
		cli_say(
		    r->cli, "The journal had no state: it has that of the snapshot now.");
	else if (s->moved && s->done.after >= 0)
		cli_say(r->cli, "The state is that of the snapshot, %s.", told);
	else if (s->moved)
		cli_say(r->cli,
		    "The state is that of the snapshot, which this journal never had: "
		    "ids that it knows are refused from now on.");
	if (s->kept[0])
		printf("The state as it was is kept: %s\n", s->kept);
	if (r->anchored)
		printf("The state of the journal is its newest snapshot: root %s\n"
		       "Anchor: %s %s\n",
		    r->anchor.root, r->anchor.hash, anchor_status_name(r->anchor.status));
	else if (r->journal)
		printf("Its state is that of the journal\n");
	else
		cli_warn(r->cli,
		    "there is no journal %s: to go on from this snapshot, pawl init, and "
		    "type this again",
		    r->cli->config->journal);
}

enum err cmd_node_recover(struct cli *c, struct fail *f)
{
	const char *to = args_get(&c->args, "--to");
	struct recovery r = { .cli = c };
	enum err e = cli_config(c, f);

	if (e == ERR_OK && !to == !args_has(&c->args, "--latest-valid"))
		e = fail_set(f, ERR_USAGE, "--to N or --latest-valid: one of the two");
	if (e == ERR_OK && to)
		e = args_number(&r.number, "--to", to, 1, SIZE_MAX, f);
	if (e == ERR_OK)
		e = args_yes(&r.yes, &c->args, f);
	if (e == ERR_OK)
		e = backup_paths(&r.paths, &c->config->node, NULL, f);
	if (e == ERR_OK)
		e = folder_to_write(c, r.paths.log, "the log of snapshots", f);
	if (e == ERR_OK)
		e = journal_look(&r, f);
	if (e == ERR_OK)
		e = recover(&r, f);
	if (e == ERR_OK)
		lost_warn(&r);
	if (e == ERR_OK && c->args.json) {
		tell_json(&r);
	} else if (e == ERR_OK) {
		tell_log(&r);
		tell_state(&r);
	}
	if (r.journal)
		journal_close(r.journal);
	return e;
}
