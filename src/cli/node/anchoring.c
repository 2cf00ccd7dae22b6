#include "cli/node/anchoring.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "cli/node/database.h"
#include "cli/node/folder.h"
#include "cli/node/newest.h"
#include "cli/node/put.h"
#include "cli/node/reading.h"
#include "cli/node/refuse.h"
#include "cli/node/replace.h"
#include "cli/report/report.h"
#include "crypto/word.h"
#include "engine/states.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/state/book.h"
#include "kinds/node/state/dump.h"

struct anchoring {
	struct cli *cli;
	const struct anchoring_plan *plan;
	char database[SNAPSHOTS_PATH_MAX];
	struct journal *journal; /* to read */
	struct l2_state state;
	char is[L2_HEX];      /* the root of the journal's */
	bool found;           /* its snapshot was there */
	struct newest newest; /* its state where that is another */
	char doubt[300]; /* why no verification of its snapshot passes; "": it does */
	bool missing;    /* there is no log */
	int64_t lost;    /* anchors of the journal, while the log has no snapshot */
	struct anchored *ret;
};

/* -- the state ----------------------------------------------------------------- */

static enum err state_get(struct anchoring *a, struct fail *f)
{
	enum err e = ERR_OK;

	if (a->plan->file) {
		e = dump_read(&a->state, a->plan->file, f);
	} else {
		journal_read_begin(a->journal);
		book_read(a->journal, &a->state);
		journal_read_end(a->journal);
	}
	if (e == ERR_OK)
		e = MUTANT(anchored_for_nobody) ? ERR_OK : book_could_be(&a->state, f);
	if (e == ERR_OK)
		l2_state_root(&a->state, a->ret->root);
	return e;
}

static void known_take(struct anchored *ret, const struct anchor *a)
{
	ret->status = a->status;
	ret->sent = a->has_txid;
	ret->in_block = anchor_stands(a);
	ret->height = a->height;
}

static bool anchor_known(struct anchoring *a, const char *hash)
{
	struct anchor known;
	struct hash h;

	if (!hex_parse(h.at, sizeof h.at, hash, strlen(hash)) ||
	    !anchor_find(a->journal, &h, &known))
		return false;
	known_take(a->ret, &known);
	return true;
}

static void hash_of(char out[L2_HEX], const char *root, uint64_t made_ms)
{
	char payload[ANCHOR_PAYLOAD];
	uint8_t hash[32];

	(void)anchor_payload(payload, hash, l2_text(root), made_ms);
	hex_format(out, hash, sizeof hash);
}

/* -- its snapshot -------------------------------------------------------------- */

/* The newest whole one, if it is of this state, and its anchor still of use. */
static void newest_take(struct anchoring *a, const struct l2_verdict *v)
{
	char hash[L2_HEX];

	if (strcmp(v->root, a->ret->root) != 0 || !v->anchored || MUTANT(anchored_anew))
		return;
	hash_of(hash, v->root, v->anchored_ms);
	if (strcmp(hash, v->anchor_hash) != 0)
		return; /* another program's, with metadata */
	a->ret->known = anchor_known(a, hash);
	a->found = !a->ret->known || a->ret->status == ANCHOR_PENDING ||
	    a->ret->status == ANCHOR_CONFIRMED;
	a->ret->known = a->ret->known && a->found;
	/* The journal does not know it: who asked for another was killed behind it. */
	if (a->plan->again && a->ret->known && !MUTANT(again_is_no_word))
		a->ret->known = a->found = false;
	if (a->found) {
		a->ret->made_ms = v->anchored_ms;
		memcpy(a->ret->hash, hash, sizeof hash);
	}
}

/* Would a verification of its snapshot, behind all of the log, pass? */
static enum err doubt_look(struct anchoring *a, struct l2_log *log, struct fail *f)
{
	struct judge judge = { .journal = a->journal, .reorg_db = a->database };
	const struct l2_demand demand = { .stored = judge_knows, .ctx = &judge };
	struct l2_verdict v;
	enum err e;

	if (!a->state.pegouts_n || MUTANT(anchored_unverified))
		return ERR_OK;
	e = l2_log_backs(log, &a->state, &demand, &v, f);
	if (e == ERR_OK && v.fault != L2_HOLDS && !a->plan->doubted)
		e = judge_trouble(&judge, f);
	judge_release(&judge);
	snprintf(a->doubt, sizeof a->doubt, "%s", v.why);
	return e;
}

static enum err newest_look(struct anchoring *a, struct fail *f)
{
	struct judge judge = { .journal = a->journal, .reorg_db = a->database };
	const struct l2_verdict *v;
	char mixed[SNAPSHOTS_MIXED_MAX];
	struct judgement g;
	struct l2_log *log;
	enum err e = reading_log(&log, a->cli, a->ret->log, f);

	if (e == ERR_NOT_FOUND) {
		a->missing = true;
		a->lost = anchors_n(a->journal);
		return doubt_look(a, NULL, f);
	}
	if (e != ERR_OK)
		return e;
	e = judge_log(&judge, log, &g, f);
	judge_release(&judge);
	if (e == ERR_OK)
		snapshots_mixed(log, mixed);
	if (e == ERR_OK && mixed[0])
		cli_warn(a->cli, "%s: %s", a->ret->log, mixed);
	newest_note(&a->newest, &g);
	(void)judgement_whole(&g, NULL, &v);
	if (e == ERR_OK && !g.blocks)
		a->lost = anchors_n(a->journal);
	if (e == ERR_OK && a->newest.number) {
		newest_take(a, v);
		if (strcmp(v->root, a->ret->root) != 0)
			e = newest_load(&a->newest, log, f);
	}
	if (e == ERR_OK && a->found)
		snprintf(a->doubt, sizeof a->doubt, "%s", v->why);
	else if (e == ERR_OK)
		e = doubt_look(a, log, f);
	l2_log_close(log);
	return e;
}

/* The state was anchored before, and the log has lost it: the snapshot bears that anchor
 * again. */
static bool journal_look(struct anchoring *a)
{
	struct anchor was;
	struct hash root;
	bool found;

	if (!hex_parse(root.at, sizeof root.at, a->ret->root, L2_HEX - 1))
		return false;
	journal_read_begin(a->journal);
	found = anchor_of_root(a->journal, &root, &was);
	journal_read_end(a->journal);
	if (found) {
		a->ret->made_ms = (uint64_t)was.made_ms;
		known_take(a->ret, &was);
	}
	return found;
}

static enum err snapshot_write(struct anchoring *a, struct fail *f)
{
	static const struct l2_append how = { .version = 1 };
	enum err e;

	a->ret->known = !a->plan->again && journal_look(a);
	if (!a->ret->known) {
		a->ret->status = ANCHOR_PENDING;
		a->ret->made_ms = (uint64_t)clock_wall_ms();
	}
	a->ret->written = true;
	hash_of(a->ret->hash, a->ret->root, a->ret->made_ms);
	a->state.timestamp_ms = a->ret->made_ms;
	e = l2_state_anchor(
	    &a->state, a->ret->root, a->ret->made_ms, (struct l2_bytes){ "", 0 }, f);
	return e == ERR_OK
	    ? l2_log_append(&files_of_system, a->ret->log, &a->state, &how, f)
	    : e;
}

/* -- what it would be put on top of -------------------------------------------- */

static uint32_t word(const struct anchoring *a)
{
	struct sha256 *s = sha256_begin();

	sha256_add(s, "anchor", 6);
	sha256_add(s, a->ret->root, L2_HEX);
	sha256_add(s, a->newest.root, L2_HEX);
	sha256_add(s, a->is, L2_HEX);
	sha256_add(s, a->doubt, strlen(a->doubt));
	if (a->lost)
		sha256_add(s, &a->lost, sizeof a->lost);
	return word_end(s);
}

/* The same line, and the word for all that is told of it. */
static struct word_asked asked(
    const struct anchoring *a, const char *unless, char line[REFUSE_LINE_MAX])
{
	const char *file = a->plan->file;

	return (struct word_asked){ .said = a->plan->yes,
		.word = word(a),
		.unless = unless,
		.line = refuse_line(line,
		    file ? "pawl node create-anchor --l2-state-file"
			 : "pawl node create-anchor",
		    file) };
}

/* It is anchored with what no verification passes by a word alone. */
static enum err ask_of_doubt(struct anchoring *a, struct fail *f)
{
	char line[REFUSE_LINE_MAX];
	struct word_asked r = asked(a, "Only if that is meant", line);

	if (!a->doubt[0])
		return ERR_OK;
	if (a->plan->doubted || r.said == r.word) {
		cli_warn(a->cli, "%s: a verification of this snapshot fails", a->doubt);
		return ERR_OK;
	}
	return refuse_word(f, &r,
	    "%s: a verification of this snapshot would fail (root %.16s). " ANCHORS_BACK,
	    a->doubt, a->ret->root);
}

static enum err refuse(struct anchoring *a, const char *why, const struct l2_state *is,
    const char *instead, struct fail *f)
{
	const char *file = a->plan->file;
	char line[REFUSE_LINE_MAX];
	struct word_asked r = asked(a, "Only if that is meant", line);
	struct buf out;
	enum err e;

	if (r.said == r.word)
		return ERR_OK; /* what is doubted was told with it */
	buf_init(&out, 1000);
	newest_lost_tell(&out, is, &a->state);
	if (a->doubt[0])
		buf_addf(&out, "; and a verification of it would fail: %s", a->doubt);
	e = refuse_word(f, &r,
	    "%s. With a snapshot of %s%.120s (root %.16s) on top the newest one has %s. "
	    "%s",
	    why, file ? "" : "the state of the journal", file ? file : "", a->ret->root,
	    buf_text(&out), instead);
	buf_release(&out);
	return e;
}

/* Why the state of a file is not what the node goes on from. */
static void other_tell(
    struct anchoring *a, const struct book_sums *sums, int64_t had, char out[400])
{
	int64_t left, back;

	if (had < 0) {
		snprintf(out, 400,
		    "%.200s has a state that the journal (root %.16s) never had: which "
		    "of its %" PRId64 " changes are not in it nobody can say",
		    a->plan->file, a->is, sums->changes);
		return;
	}
	book_way(a->journal, had, &left, &back);
	snprintf(out, 400,
	    "%.200s has an older state, that behind change %" PRId64
	    " of the journal, which has root %.16s now: %" PRId64
	    " change%s since, transfers among them, %s not in it",
	    a->plan->file, had, a->is, left, left == 1 ? "" : "s",
	    left == 1 ? "is" : "are");
}

/* The journal has a state, and not this one: never, or not any more. */
static enum err ask_of_state(struct anchoring *a, struct fail *f)
{
	struct book_sums sums;
	struct l2_state is;
	char why[400], instead[600], word[SHELL_WORD_MAX];
	enum err e = ERR_OK;
	int64_t had;

	book_sums(a->journal, &sums);
	if (book_is_fresh(&sums) || strcmp(a->is, a->ret->root) == 0)
		return ERR_OK;
	had = book_had(a->journal, &a->state);
	if (had >= 0 && MUTANT(older_state_on_top))
		return ERR_OK;
	other_tell(a, &sums, had, why);
	snprintf(instead, sizeof instead,
	    "To anchor the state of the journal: pawl node create-anchor. To make this "
	    "one the state of the node: pawl node import %s",
	    shell_word(word, sizeof word, a->plan->file));
	book_read(a->journal, &is);
	e = refuse(a, why, &is, instead, f);
	l2_state_release(&is);
	return e;
}

static enum err ask_of_newest(struct anchoring *a, struct fail *f)
{
	char why[NEWEST_TOLD], instead[600], word[SHELL_WORD_MAX];

	newest_tell(&a->newest, true, a->ret->log, why);
	snprintf(instead, sizeof instead,
	    "To go on from that snapshot: pawl node recover --latest-valid, where the "
	    "journal has no state, else pawl node import %s",
	    shell_word(word, sizeof word, a->ret->log));
	return refuse(a, why, &a->newest.state, instead, f);
}

/* A new log would hide that the old one is gone. An empty one somebody has put there. */
static enum err ask_of_lost(const struct anchoring *a, struct fail *f)
{
	const char *many = a->lost == 1 ? "" : "s";
	char line[REFUSE_LINE_MAX];
	struct word_asked r =
	    asked(a, "Only if it is meant that a new log begins with this one", line);

	if (!a->lost || !a->missing || r.said == r.word || MUTANT(lost_log_forgotten))
		return ERR_OK;
	return refuse_word(f, &r,
	    "there is no %.300s, and the journal has anchored %" PRId64
	    " state%s, each with a snapshot: it is lost. Is the disk that it was on "
	    "mounted? If it is lost for good, put the newest backup of it back: pawl "
	    "node restore --only log. Where there is none, the state of the journal "
	    "becomes its only snapshot by: pawl node recover --latest-valid%s%.200s",
	    a->ret->log, a->lost, many,
	    a->doubt[0] ? ". A verification of this one would fail: " : "", a->doubt);
}

/* What an empty one had before; a snapshot that bears its old anchor is in it again. */
static void lost_tell(const struct anchoring *a)
{
	int64_t n = a->lost - a->ret->known;
	bool one = n == 1;

	if (n <= 0 || a->missing || a->plan->agreed)
		return;
	cli_warn(a->cli,
	    "%.300s had no snapshot, and begins with this one. The journal has %" PRId64
	    " older anchor%s, whose snapshot%s not in this log. If a backup has %s, "
	    "type: pawl node restore --only log (with --from DIR, where backups are in "
	    "another folder), then: pawl node create-anchor",
	    a->ret->log, n, one ? "" : "s", one ? " is" : "s are", one ? "it" : "them");
}

static enum err ask(struct anchoring *a, struct fail *f)
{
	const struct newest *n = &a->newest;
	enum err e = ask_of_lost(a, f);

	if (e != ERR_OK)
		return e;
	journal_read_begin(a->journal);
	e = book_check(a->journal, a->is, f);
	(void)l2_state_sort(&a->state);
	if (e == ERR_OK && strcmp(n->root, a->ret->root) != 0 &&
	    newest_is_foreign(n, a->journal))
		e = ask_of_newest(a, f);
	else if (e == ERR_OK && a->plan->file)
		e = ask_of_state(a, f);
	journal_read_end(a->journal);
	return e;
}

/* -- its anchor ---------------------------------------------------------------- */

static void line_of(const struct anchoring *a, char out[400])
{
	CHECK(snprintf(out, 400,
		  "{\"do\":\"anchor\",\"id\":\"anchor/%s\",\"state_root\":\"%s\","
		  "\"made_ms\":%" PRIu64 "}",
		  a->ret->hash, a->ret->root, a->ret->made_ms) < 400);
}

static enum err anchor_put(struct anchoring *a, struct fail *f)
{
	char line[400];

	line_of(a, line);
	return put_lines(a->cli, line, f);
}

static enum err anchor(struct anchoring *a, struct fail *f)
{
	enum err e = newest_look(a, f);

	if (e == ERR_OK && !a->found && !a->plan->agreed && !MUTANT(anchored_on_top))
		e = ask(a, f);
	if (e == ERR_OK)
		e = ask_of_doubt(a, f);
	if (e == ERR_OK && !a->found)
		e = snapshot_write(a, f);
	if (e == ERR_OK && !a->ret->known)
		e = anchor_put(a, f);
	if (e == ERR_OK)
		lost_tell(a);
	if (e == ERR_OK)
		database_follow(a->cli, a->journal);
	return e;
}

static enum err run(struct anchoring *a, struct fail *f)
{
	enum err e =
	    snapshots_path(a->cli, "node.data_dir", NULL, SNAPSHOTS_NAME, a->ret->log, f);

	if (e == ERR_OK && !a->plan->agreed)
		e = folder_to_write(a->cli, a->ret->log, "the log of snapshots", f);
	if (e == ERR_OK)
		e = snapshots_path(
		    a->cli, "node.data_dir", NULL, "reorg_db", a->database, f);
	if (e == ERR_OK)
		e = state_get(a, f);
	return e == ERR_OK ? anchor(a, f) : e;
}

enum err anchoring_do(struct cli *c, const struct anchoring_plan *plan,
    struct anchored *ret, struct fail *f)
{
	struct anchoring *a = mem_new(sizeof *a);
	enum err e = report_open(c, &a->journal, f);

	*ret = (struct anchored){ .status = ANCHOR_PENDING };
	a->cli = c;
	a->plan = plan;
	a->ret = ret;
	l2_state_init(&a->state);
	l2_state_init(&a->newest.state);
	if (e == ERR_OK) {
		e = run(a, f);
		journal_close(a->journal);
	}
	l2_state_release(&a->newest.state);
	l2_state_release(&a->state);
	mem_free(a);
	return e;
}
