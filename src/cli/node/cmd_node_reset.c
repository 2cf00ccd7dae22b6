/* node reset: the guide's last resort. Log and reorg database are begun anew from what
 * the journal knows, and the state, which is the journal's, is anchored again. What there
 * was is archived; who has to know is told first, and what is to happen is asked for.
 *
 * Killed, it is typed again, and asks again: what it had begun is told, and is finished
 * by another word, or taken back by --undo.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "cli/behalf.h"
#include "cli/node/anchoring.h"
#include "cli/node/folder.h"
#include "cli/node/newest.h"
#include "cli/node/reading.h"
#include "cli/node/refuse.h"
#include "cli/node/replace.h"
#include "cli/report/report.h"
#include "crypto/word.h"
#include "engine/states.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/backup/backup.h"
#include "kinds/node/link.h"
#include "kinds/node/reorgdb/reorgdb.h"

struct resetting {
	struct cli *cli;
	struct journal *journal;
	struct l2_reset files;
	struct l2_state state; /* of the journal */
	char root[L2_HEX];
	bool fresh; /* it has none */
	/* the log */
	size_t blocks;
	struct newest newest; /* empty: it can't be read */
	bool doubted;         /* that one is (judge.h) */
	bool foreign;         /* and that, to a journal that has a state */
	char unread[300];     /* why nobody knows what it has; "": it was read */
	uint64_t log_bytes;
	/* peg-outs that are not paid yet */
	size_t open;
	struct amount open_sum;
	/* The new log begins with the journal's: else a journal that has anchors, if only
	 * of a state without a row, is told to have lost it. */
	bool begun;
	struct anchored anchor;
};

/* -- what there is ---------------------------------------------------------------- */

static enum err state_look(struct resetting *r, struct fail *f)
{
	struct book_sums sums;
	enum err e;

	journal_read_begin(r->journal);
	e = book_check(r->journal, r->root, f);
	book_sums(r->journal, &sums);
	r->fresh = book_is_fresh(&sums);
	if (e == ERR_OK)
		book_read(r->journal, &r->state);
	journal_read_end(r->journal);
	for (size_t i = 0; i < r->state.pegouts_n; i++) {
		const struct l2_pegout *p = &r->state.pegouts[i];
		struct amount more = amount_u64(p->release);

		if (p->status != PEGOUT_BURNED && p->status != PEGOUT_PENDING)
			continue;
		r->open++;
		(void)!amount_add(&r->open_sum, &r->open_sum, &more);
	}
	return e;
}

/* It is set aside with the log in any case. */
static void snapshot_load(struct resetting *r, struct l2_log *log)
{
	if (newest_load(&r->newest, log, NULL) != ERR_OK) {
		l2_state_release(&r->newest.state);
		l2_state_init(&r->newest.state);
		return;
	}
	journal_read_begin(r->journal);
	r->foreign = !r->fresh && newest_is_foreign(&r->newest, r->journal);
	journal_read_end(r->journal);
}

/* What can't be read of it is no reason to stay: it is set aside as it is. */
static void log_look_at(struct resetting *r)
{
	struct judge judge = { .journal = r->journal,
		.reorg_db = r->files.reorg_db_path };
	struct fail why = { ERR_OK, "" };
	struct judgement g;
	struct l2_log *log;
	enum err e = reading_log(&log, r->cli, r->files.log_path, &why);

	if (e != ERR_OK && e != ERR_NOT_FOUND)
		snprintf(r->unread, sizeof r->unread, "%s", why.why);
	if (e != ERR_OK)
		return;
	r->log_bytes = l2_log_size(log);
	e = judge_log(&judge, log, &g, &why);
	if (e != ERR_OK)
		snprintf(r->unread, sizeof r->unread, "%s", why.why);
	if (e == ERR_OK) {
		r->blocks = g.blocks;
		newest_note(&r->newest, &g);
		r->doubted = g.doubted != 0;
		if (r->newest.number)
			snapshot_load(r, log);
	}
	judge_release(&judge);
	l2_log_close(log);
}

/* -- asking for it ----------------------------------------------------------------- */

static uint32_t word(const struct resetting *r)
{
	struct sha256 *s = sha256_begin();
	struct stat log;

	sha256_add(s, "reset", 5);
	sha256_add(s, r->root, sizeof r->root);
	sha256_add(s, &r->log_bytes, sizeof r->log_bytes);
	sha256_add(s, &r->blocks, sizeof r->blocks);
	if (r->foreign)
		sha256_add(s, r->newest.root, L2_HEX);
	if (r->files.unfinished) {
		sha256_add(s, r->files.part, strlen(r->files.part));
		sha256_add(s, &r->files.log, sizeof r->files.log);
		sha256_add(s, &r->files.reorg_db, sizeof r->files.reorg_db);
	} else if (stat(r->files.log_path, &log) == 0 && !MUTANT(reset_word_stays)) {
		/* of the new log, which may be of the same bytes, it is no word */
		sha256_add(s, &log.st_ino, sizeof log.st_ino);
	}
	return word_end(s);
}

static void state_tell(struct buf *out, const struct resetting *r)
{
	char archive[L2_ARCHIVE_TOLD], word[SHELL_WORD_MAX];

	l2_archive_tell(archive, r->cli->config->node.data_dir);
	if (r->begun)
		buf_addf(out,
		    "The state stays: it is the journal's (root %.16s), and is anchored "
		    "again",
		    r->root);
	else if (!l2_state_is_empty(&r->newest.state))
		buf_addf(out,
		    "The journal has no state, so that of snapshot %zu (root %.16s) is "
		    "given up; it stays by: pawl node %s%s%s",
		    r->newest.number, r->newest.root,
		    r->doubted ? "import " : "recover --latest-valid",
		    r->doubted ? shell_word(word, sizeof word, r->files.log_path) : "",
		    archive);
	else
		buf_addf(out, "The state of the journal is empty, and is not anchored%s",
		    r->files.state ? "; the one of the log is kept" : archive);
}

/* That it goes, too, is said before all that may be cut off. */
static void foreign_tell(struct buf *out, const struct resetting *r)
{
	char told[NEWEST_TOLD];

	if (!r->foreign)
		return;
	newest_tell(&r->newest, true, r->files.log_path, told);
	buf_addf(out, "But %s: ", told);
	newest_lost_tell(out, &r->newest.state, &r->state);
	buf_add_str(
	    out, ". To go on from it instead: pawl node recover --latest-valid. ");
}

static void open_tell(struct buf *out, const struct resetting *r)
{
	char sum[AMOUNT_TEXT_MAX];

	if (!r->open)
		return;
	amount_format(sum, &r->open_sum, 0);
	buf_addf(out,
	    "; and who waits for %s%zu peg-out%s (%s satoshi), which %s paid later",
	    r->open == 1 ? "" : "one of ", r->open, r->open == 1 ? "" : "s", sum,
	    r->open == 1 ? "is" : "are");
}

/* What it will do, or had begun to. */
static void deed_tell(struct buf *out, const struct resetting *r)
{
	const struct l2_reset *a = &r->files;

	if (a->unfinished) {
		buf_addf(out,
		    "a reset was begun, and did not end (%.200s): so far %s set aside. "
		    "To take it back, so that all is in place as it was: pawl node reset "
		    "--undo. Finished, it begins both anew. ",
		    a->part,
		    a->log && a->reorg_db ? "the log and the reorg database are"
			: a->log          ? "the log is"
			: a->reorg_db     ? "the reorg database is"
					  : "nothing is");
		return;
	}
	buf_add_str(out, "a reset sets the log (");
	if (r->unread[0])
		buf_addf(
		    out, "it can't be read, and is set aside as it is: %s", r->unread);
	else if (!r->blocks && r->log_bytes)
		buf_addf(out, "%" PRIu64 " bytes, and no whole snapshot in them",
		    r->log_bytes);
	else
		buf_addf(out, "%zu snapshot%s", r->blocks, r->blocks == 1 ? "" : "s");
	buf_addf(out,
	    ") and the reorg database aside, into %.200s, and begins both anew. ",
	    a->folder);
}

/* The word is of no use while the node runs. */
static void held_warn(const struct resetting *r)
{
	struct reorgdb_held held = REORGDB_NOT_HELD;
	struct fail why = { ERR_OK, "" };

	if (reorgdb_hold(r->files.reorg_db_path, &held, &why) == ERR_OWNED)
		cli_warn(r->cli, "the node has to be stopped for a reset: %s", why.why);
	reorgdb_let_go(&held);
}

static enum err ask(const struct resetting *r, uint32_t yes, struct fail *f)
{
	const struct word_asked no = { yes, word(r), "When they know",
		"pawl node reset" };
	struct buf out;
	enum err e;

	if (yes == no.word || (r->files.unfinished && MUTANT(reset_goes_on_unasked)))
		return ERR_OK;
	buf_init(&out, 1400);
	deed_tell(&out, r);
	foreign_tell(&out, r);
	state_tell(&out, r);
	buf_addf(&out, ". First tell the other members of the federation%s",
	    r->begun ? ", whose anchors and snapshots are to be compared with the new "
		       "ones"
		     : "");
	open_tell(&out, r);
	e = refuse_word(f, &no, "%s", buf_text(&out));
	buf_release(&out);
	held_warn(r);
	return e;
}

static enum err half_back(const struct resetting *r, struct fail *f)
{
	return fail_set(f, ERR_CONFLICT,
	    "a reset is half taken back (%.200s), and no longer to be finished. Nothing "
	    "was changed now. The rest of the way back: pawl node reset --undo",
	    r->files.part);
}

/* -- telling it ---------------------------------------------------------------------- */

static void tell_json(const struct resetting *r)
{
	json_t *o = json_pack("{s:o, s:b, s:b, s:b, s:b, s:I}", "archive",
	    cli_text(r->files.folder), "log", r->files.log, "reorg_db", r->files.reorg_db,
	    "state", r->files.state, "went_on", r->files.unfinished, "peg_outs_waiting",
	    (json_int_t)r->open);

	if (r->begun)
		json_object_set_new(o, "anchored",
		    json_pack("{s:s, s:s, s:s}", "root", r->anchor.root, "anchor",
			r->anchor.hash, "status", anchor_status_name(r->anchor.status)));
	cli_json(o);
}

static void tell_archive(const struct resetting *r)
{
	const struct l2_reset *a = &r->files;

	printf("Archived: %s%s%s%s\n", a->folder, a->log ? ", the log" : "",
	    a->reorg_db ? ", the reorg database" : "",
	    !a->state      ? ""
		: r->fresh ? ", the state of the newest whole snapshot"
			   : ", the state");
	if (!a->log)
		printf("There was no log\n");
	if (!a->reorg_db)
		printf("There was no reorg database\n");
	if (!a->state)
		printf("There was no state but the empty one, in the journal or a whole "
		       "snapshot of the log\n");
}

static void aside_tell(const char *what, const char *path)
{
	if (path[0])
		printf("The %s that the reset had begun is kept: %s\n", what, path);
}

static void undone_tell(const struct resetting *r)
{
	const struct l2_reset *a = &r->files;

	if (r->cli->args.json) {
		cli_json(json_pack("{s:b, s:o, s:o}", "undone", true, "log_kept",
		    cli_text(a->log_aside[0] ? a->log_aside : NULL), "reorg_db_kept",
		    cli_text(a->reorg_db_aside[0] ? a->reorg_db_aside : NULL)));
		return;
	}
	printf("The reset is taken back: log and reorg database are those of before\n");
	aside_tell("log", a->log_aside);
	aside_tell("reorg database", a->reorg_db_aside);
	cli_say(r->cli, "What they are like: pawl node doctor.");
}

static void state_of_snapshot_tell(const struct resetting *r)
{
	char path[SNAPSHOTS_PATH_MAX], word[SHELL_WORD_MAX];

	snprintf(path, sizeof path, "%s/l2_state.jsonl", r->files.folder);
	cli_say(r->cli,
	    "The journal has no state yet. That of the snapshot: pawl node import %s",
	    shell_word(word, sizeof word, path));
}

static void tell(const struct resetting *r)
{
	if (args_has(&r->cli->args, "--undo")) {
		undone_tell(r);
		return;
	}
	if (r->cli->args.json) {
		tell_json(r);
		return;
	}
	tell_archive(r);
	printf("Log and reorg database are begun anew, the database from the journal\n");
	if (r->fresh && r->files.state)
		state_of_snapshot_tell(r);
	else if (!r->begun)
		cli_say(r->cli,
		    "The state of the journal is empty, and not anchored: pawl node "
		    "import, or apply.");
	else
		printf("The state of the journal is the newest snapshot: root %s\n"
		       "Anchor: %s %s\n",
		    r->anchor.root, r->anchor.hash, anchor_status_name(r->anchor.status));
	cli_say(r->cli,
	    "Block hashes that the journal does not have come back by: pawl node resync "
	    "--start-height HEIGHT. Then start the node%s.",
	    r->begun ? ", and tell the other members of the federation the anchor" : "");
}

/* -- doing it, or taking it back ------------------------------------------------------
 */

static enum err none_to_undo(const char *data_dir, struct fail *f)
{
	char path[SNAPSHOTS_PATH_MAX], word[SHELL_WORD_MAX];

	snprintf(path, sizeof path, "%.960s/recovery_SECONDS/" SNAPSHOTS_NAME, data_dir);
	return fail_set(f, ERR_NOT_FOUND,
	    "%.300s has no reset that was begun and did not end. What an ended one has "
	    "set aside: pawl node restore --file %s",
	    data_dir, shell_word(word, sizeof word, path));
}

static enum err undo(struct resetting *r, struct fail *f)
{
	enum err e;

	if (!r->files.unfinished)
		return none_to_undo(r->cli->config->node.data_dir, f);
	e = l2_reset_take(&r->files, clock_wall_ms(), f);
	if (e == ERR_OK)
		e = l2_reset_undo(&r->files, clock_wall_ms(), f);
	return e;
}

/* What can't be opened can't be set aside either: no word would do it. */
static enum err log_opens(const struct resetting *r, struct fail *f)
{
	struct fail why = { ERR_OK, "" };
	struct file *file = NULL;
	enum err e = files_of_system.open(&file, r->files.log_path, FILE_READ, &why);

	files_of_system.close(file);
	if (e == ERR_OK || e == ERR_NOT_FOUND)
		return ERR_OK;
	return fail_set(f, e,
	    "%.400s. Nothing was changed. First: let this user read and write it, or "
	    "move it away; then: pawl node reset",
	    why.why);
}

/* What is in place may be old or new: it says how to go on from there. */
static enum err half_tell(const struct resetting *r, enum err e, struct fail *f)
{
	return fail_wrap(f, e,
	    "the reset did not end (%.200s): once what is said here is mended, pawl node "
	    "reset finishes it, and pawl node reset --undo takes it back",
	    r->files.part);
}

static enum err both_anew(struct resetting *r, struct fail *f)
{
	enum err e = l2_reset_files(&r->files, r->journal, r->fresh ? NULL : &r->state,
	    l2_state_is_empty(&r->newest.state) ? NULL : &r->newest.state,
	    clock_wall_ms(), f);

	if (e == ERR_OK && r->begun)
		e = anchoring_do(r->cli,
		    &(struct anchoring_plan){ .agreed = true, .doubted = true },
		    &r->anchor, f);
	return e == ERR_OK ? l2_reset_end(&r->files, f) : e;
}

static enum err reset(struct resetting *r, uint32_t yes, struct fail *f)
{
	enum err e = state_look(r, f);

	if (e == ERR_OK)
		e = log_opens(r, f);
	if (e != ERR_OK)
		return e;
	log_look_at(r);
	r->begun = !r->fresh ||
	    (!r->files.state && l2_state_is_empty(&r->newest.state) &&
		anchors_n(r->journal) && !MUTANT(reset_begins_with_nothing));
	e = ask(r, yes, f);
	if (e == ERR_OK)
		e = l2_reset_take(&r->files, clock_wall_ms(), f);
	if (e != ERR_OK)
		return e;
	e = both_anew(r, f);
	return e == ERR_OK || !r->files.half ? e : half_tell(r, e, f);
}

static enum err look(struct resetting *r, struct fail *f)
{
	const char *dir = r->cli->config->node.data_dir;
	char log[1024], db[1024];
	enum err e;

	snprintf(log, sizeof log, "%.960s/" SNAPSHOTS_NAME, dir);
	snprintf(db, sizeof db, "%.960s/reorg_db", dir);
	e = folder_of(r->cli, log, "log and reorg database", f);
	if (e == ERR_OK)
		e = folder_ours(r->cli, log, f);
	if (e == ERR_OK)
		e = l2_itself(log, f);
	if (e == ERR_OK)
		e = l2_itself(db, f);
	if (e == ERR_OK)
		e = behalf_of(r->cli, log, f);
	return e == ERR_OK
	    ? l2_reset_look(&r->files, &files_of_system, dir, clock_wall_ms(), f)
	    : e;
}

static enum err run(struct resetting *r, struct fail *f)
{
	uint32_t yes;
	enum err e = args_yes(&yes, &r->cli->args, f);

	if (e == ERR_OK)
		e = cli_config(r->cli, f);
	if (e == ERR_OK)
		e = look(r, f);
	if (e != ERR_OK)
		return e;
	if (args_has(&r->cli->args, "--undo"))
		return undo(r, f);
	if (r->files.back)
		return half_back(r, f);
	e = report_open(r->cli, &r->journal, f);
	if (e == ERR_OK) {
		e = reset(r, yes, f);
		journal_close(r->journal);
	}
	return e;
}

enum err cmd_node_reset(struct cli *c, struct fail *f)
{
	struct resetting *r = mem_new(sizeof *r);
	enum err e;

	r->cli = c;
	l2_state_init(&r->state);
	l2_state_init(&r->newest.state);
	r->files.lock = r->files.mark = -1;
	e = run(r, f);
	l2_reset_leave(&r->files);
	if (e == ERR_OK)
		tell(r);
	l2_state_release(&r->newest.state);
	l2_state_release(&r->state);
	mem_free(r);
	return e;
}
