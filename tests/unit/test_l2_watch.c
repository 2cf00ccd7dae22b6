/* The start of a layer 2's node: what is said of a count that changes outrun, and whom it
 * asks for anchors. */
#include <unistd.h>

#include "base/hex.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/anchor/pegin_tx.h"
#include "kinds/node/backup/backup.h"
#include "kinds/node/reorgdb/mirror.h"
#include "kinds/node/state/book.h"
#include "kinds/node/watch/watch.h"
#include "own_folder.h"
#include "payer.h"

#define PEERS 30
#define PEGOUTS 2000 /* more than a turn asks for */

static void commit_it(void)
{
	struct fail f = { 0 };

	if (journal_commit(scene.journal, &f))
		fail_msg("%s", f.why);
}

static void change(const char *line)
{
	struct book *b = book_new(scene.journal, 1, BOOK_FOLLOWS_NONE);
	struct book_done done = { 0 };
	struct fail f = { 0 };

	if (book_lines(b, line, strlen(line), &done, &f) != ERR_OK)
		fail_msg("%s", f.why);
	book_settle(b);
	book_free(b);
	commit_it();
}

static void credit(int peer)
{
	char line[100];

	snprintf(line, sizeof line,
	    "{\"do\":\"credit\",\"peer\":\"p%d\",\"amount\":\"1\"}", peer);
	change(line);
}

static const struct l2_step_now *watched(struct l2_watch *w)
{
	static const struct watch_seen seen = { .pegins_moved = true };

	watch_turn(w, runner, &seen);
	commit_it();
	run(10);
	return &watch_figures(w)->steps[L2_STEP_STATE];
}

/* A node whose chain and files are of no matter: its rows alone are looked at. */
static const struct l2_node_config bare = { .chain = "none",
	.folder = "nowhere",
	.log = "nowhere/log",
	.reorg_db = "nowhere/db",
	.backups = "nowhere/backups" };

/* It is said, the start goes on without it, and it ends when they rest. */
static void a_count_that_changes_outrun_is_said(void **state_)
{
	const struct l2_step_now *step;
	struct l2_watch *w;

	(void)state_;
	begin(1, 1);
	for (int i = 0; i < PEERS; i++)
		credit(i);
	watch_rows_a_turn = 8;
	w = watch_new(scene.world, scene.journal, &bare);
	for (int i = 0; i < 5; i++) {
		step = watched(w);
		credit(i);
	}
	assert_int_equal(step->how, L2_WAITS);
	run(30000);
	step = watched(w);
	assert_int_equal(step->how, L2_TROUBLE);
	assert_says(step->said, "changes come faster");
	credit(1);
	for (int i = 0; i < 12 && step->how != L2_WELL; i++)
		step = watched(w);
	assert_int_equal(step->how, L2_WELL);
	assert_says(step->said, "recounted: root ");
	credit(2);
	assert_int_equal(watched(w)->how, L2_WELL);
	rest();
	watch_free(w);
}

/* -- who knows of anchors -------------------------------------------------- */

static char log_path[64], db_path[64], backups_path[64];

static struct hash anchor_hash(int n)
{
	struct hash h = { .at = { 7 } };

	memcpy(h.at + 1, &n, sizeof n);
	return h;
}

/* One good snapshot, and one with a peg-out on each of so many anchors. */
static void log_write(int pegouts)
{
	const struct l2_append how = { .version = 1 };
	char root[L2_HEX], id[24], hash[L2_HEX];
	struct l2_state s;
	struct fail f = { 0 };

	for (int n = 0; n <= pegouts; n += pegouts) {
		l2_state_init(&s);
		for (int i = 0; i < n; i++) {
			struct hash h = anchor_hash(i);
			struct l2_pegout p = { .status = 6, .burn = 2, .release = 1 };

			snprintf(id, sizeof id, "out-%06d", i);
			hex_format(hash, h.at, sizeof h.at);
			p.id = l2_text(id);
			p.source = p.dest = l2_text("a");
			p.anchor = l2_text(hash);
			l2_state_add(&s, L2_PEGOUTS, &p);
		}
		l2_state_root(&s, root);
		assert_int_equal(
		    l2_state_anchor(&s, root, 1 + (uint64_t)n, l2_text(""), NULL),
		    ERR_OK);
		if (l2_log_append(&files_of_system, log_path, &s, &how, &f))
			fail_msg("%s", f.why);
		l2_state_release(&s);
	}
}

static void anchors_known(int n)
{
	for (int i = 0; i < n; i++) {
		struct anchor a = { .made_ms = 1, .hash = anchor_hash(i) };

		assert_true(anchor_add(scene.journal, &a, NULL, 0));
	}
	commit_it();
}

/* The start's step, with a reorg database that is in trouble. */
static struct l2_step_now judged(void)
{
	const struct l2_node_config config = { .chain = "none",
		.folder = own_folder,
		.log = log_path,
		.reorg_db = db_path,
		.backups = backups_path };
	static const struct watch_seen seen = { .database_trouble = "it is locked" };
	struct l2_watch *w = watch_new(scene.world, scene.journal, &config);
	const struct l2_step_now *step = &watch_figures(w)->steps[L2_STEP_SNAPSHOT];
	struct l2_step_now ret;

	for (int i = 0; i < 100 && step->how == L2_WAITS; i++) {
		watch_turn(w, runner, &seen);
		commit_it();
		run(10);
	}
	ret = *step;
	rest();
	watch_free(w);
	scene_rise(&scene);
	rise();
	return ret;
}

/* Whatever the database has or is: none, damage. One that nobody has is missed as before.
 */
static void the_journal_wins_over_the_database(void **state_)
{
	struct l2_step_now step;
	FILE *file;

	(void)state_;
	begin(1, 1);
	snprintf(log_path, sizeof log_path, "%s/log", own_folder);
	snprintf(db_path, sizeof db_path, "%s/db", own_folder);
	snprintf(backups_path, sizeof backups_path, "%s/backups", own_folder);
	assert_says(judged().said, "has none yet");
	anchors_known(PEGOUTS - 1);
	step = judged();
	assert_says(step.said, "the journal has anchored 1999 states: it is lost");
	assert_int_equal(step.how, L2_TROUBLE);
	log_write(PEGOUTS);
	step = judged();
	assert_int_equal(step.how, L2_TROUBLE);
	assert_says(step.said, "Peg-out out-001999 stands on no anchor");
	anchors_known(PEGOUTS);
	step = judged();
	assert_says(step.said, "the newest valid one is of 1970-01-01T00:00:00Z");
	assert_int_equal(step.how, L2_WELL);
	file = fopen(db_path, "we");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(judged().how, L2_WELL);
}

/* -- backups --------------------------------------------------------------- */

static const struct l2_figures *looked(struct l2_watch *w)
{
	run(60000);
	watched(w);
	watched(w);
	return watch_figures(w);
}

/* Who made it is another process, or was another life. */
static void a_backup_that_failed_is_known_behind_a_start(void **state_)
{
	const struct l2_node_config config = { .chain = "none",
		.folder = own_folder,
		.log = log_path,
		.reorg_db = db_path,
		.backups = backups_path };
	const char *why = "backup 20261122_120000 is in /b, and not in /c";
	struct l2_watch *w;

	(void)state_;
	begin(1, 1);
	snprintf(backups_path, sizeof backups_path, "%s/backups", own_folder);
	assert_int_equal(files_of_system.folder(backups_path, NULL), ERR_OK);
	assert_int_equal(
	    l2_backup_note(&files_of_system, backups_path, why, L2_AGAIN_AWAY, NULL),
	    ERR_OK);
	w = watch_new(scene.world, scene.journal, &config);
	assert_true(looked(w)->backup_failed);
	assert_string_equal(watch_figures(w)->backup_why, why);
	assert_int_equal(
	    l2_backup_note(&files_of_system, backups_path, NULL, L2_AGAIN_NOTHING, NULL),
	    ERR_OK);
	assert_false(looked(w)->backup_failed);
	/* its own, which could not be noted, stays */
	watch_backed(w, "the disk is full");
	assert_true(looked(w)->backup_failed);
	watch_backed(w, NULL);
	assert_false(looked(w)->backup_failed);
	rest();
	watch_free(w);
}

/* -- the newest snapshot's anchor -------------------------------------------- */

static const char *anchor_why(struct l2_watch *w)
{
	static const struct watch_seen seen = { .database_trouble = "it is locked" };

	for (int i = 0; i < 4 || !watch_figures(w)->has_snapshot; i++) {
		assert_true(i < 100);
		watch_turn(w, runner, &seen);
		commit_it();
		run(10);
	}
	return watch_figures(w)->anchor_why;
}

static struct l2_watch *anchored_watch(struct anchor *ret)
{
	const struct l2_node_config config = { .chain = "none",
		.folder = own_folder,
		.log = log_path,
		.reorg_db = db_path,
		.backups = backups_path,
		.max_divergence = 100 };
	struct l2_end end;

	begin(1, 1);
	*ret = (struct anchor){ .made_ms = 1 };
	assert_int_equal(
	    l2_log_end(&end, &files_of_system, log_path,
		&(struct l2_demand){ .anchor_needed = true }, L2_END_ALL, NULL),
	    ERR_OK);
	assert_true(hex_parse(ret->hash.at, 32, end.verdict.anchor_hash, 64));
	return watch_new(scene.world, scene.journal, &config);
}

/* The figures say it as long as it is so: health and metrics have it from there. */
static void an_anchor_that_lost_its_block_is_in_the_figures(void **state_)
{
	struct hash txid = anchor_hash(2), block = anchor_hash(3);
	struct l2_watch *w;
	struct reorg reorg;
	struct anchor a;

	(void)state_;
	w = anchored_watch(&a);
	a.id = anchor_add(scene.journal, &a, NULL, 0);
	anchor_broadcast(scene.journal, &a, &txid, 1);
	anchors_added(scene.journal, 10, &block, &txid, 1);
	commit_it();
	assert_string_equal(anchor_why(w), "");
	anchors_removed(scene.journal, 9, 1, &reorg);
	assert_says(anchor_why(w), "is INVALIDATED_REORG: a reorg took its");
	assert_says(anchor_why(w), "pawl node create-anchor");
	anchors_added(scene.journal, 10, &block, &txid, 1);
	assert_string_equal(anchor_why(w), "");
	rest();
	watch_free(w);
}

/* Up to this block Bitcoin is followed. */
static const struct l2_figures *at_head(struct l2_watch *w, uint64_t head)
{
	const struct watch_seen seen = {
		.database_trouble = "it is locked", .has_head = true, .head = head
	};

	watch_turn(w, runner, &seen);
	commit_it();
	run(10);
	return watch_figures(w);
}

/* What was seen above the head, or on a branch that may be dead, tells no distance. */
static void no_distance_is_told_from_a_block_that_is_gone(void **state_)
{
	struct sql_chain_stop_in stop = { .stopped = "gone" };
	struct l2_watch *w;
	struct anchor a;

	(void)state_;
	w = anchored_watch(&a);
	run_until(chain()->id);
	stop.id = chain()->id;
	assert_true(anchors_chain(scene.journal, stop.id));
	a.has_height = true; /* as a reorg database had it */
	a.height = 10;
	a.status = ANCHOR_CONFIRMED;
	assert_true(anchor_add(scene.journal, &a, NULL, 0));
	(void)anchor_why(w);
	assert_true(at_head(w, 111)->diverged);
	assert_int_equal(watch_figures(w)->divergence, 101);
	assert_false(at_head(w, 9)->has_divergence);
	assert_false(watch_figures(w)->diverged);
	assert_true(at_head(w, 10)->has_divergence);
	sql_chain_stop(scene.journal, &stop);
	assert_false(at_head(w, 111)->has_divergence);
	assert_false(watch_figures(w)->diverged);
	stop.no_stopped = true;
	sql_chain_stop(scene.journal, &stop);
	assert_true(at_head(w, 111)->diverged);
	rest();
	watch_free(w);
}

/* -- what was minted --------------------------------------------------------- */

#define TX "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"

static char peg[65];

static void take_id(void *ctx, enum l2_list list, const void *record)
{
	const struct l2_pegin *p = record;

	(void)ctx;
	(void)list;
	snprintf(peg, sizeof peg, "%.64s", p->id.at);
}

static void change_of_peg(const char *what)
{
	char line[200];

	snprintf(line, sizeof line, "{\"do\":\"%.100s,\"peg\":\"%s\"}", what, peg);
	change(line);
}

/* As the final block was that vanished, and whose successor was accepted. */
static void block_has_it(bool has)
{
	struct hash txid, block = anchor_hash(1);

	assert_true(hex_parse(txid.at, sizeof txid.at, TX, 64));
	if (has)
		pegin_txs_added(scene.journal, 10, &block, &txid, 1);
	else
		pegin_txs_removed(scene.journal, 9);
	commit_it();
}

/* At each start, and in between when it begins and ends. */
static void what_was_minted_with_nothing_behind_it_is_trouble(void **state_)
{
	const struct l2_step_now *step;
	struct l2_watch *w;

	(void)state_;
	begin(1, 1);
	watch_rows_a_turn = 8192;
	change("{\"do\":\"pegin\",\"txid\":\"" TX "\",\"vout\":0,\"amount\":50000,"
	       "\"source\":\"s\",\"dest\":\"a\"}");
	book_each(scene.journal, L2_PEGINS, take_id, NULL);
	change_of_peg("pegin_confirmations\",\"confirmations\":\"6\"");
	change_of_peg("pegin_mint\"");
	block_has_it(true);
	block_has_it(false);
	for (int life = 0; life < 2; life++) {
		w = watch_new(scene.world, scene.journal, &bare);
		step = watched(w);
		for (int i = 0; i < 5 && step->how == L2_WAITS; i++)
			step = watched(w);
		assert_int_equal(step->how, L2_TROUBLE);
		assert_says(step->said, "1 peg-in of 50000 satoshi was minted");
		assert_says(step->said, peg);
		assert_says(step->said, "debit (pawl node apply)");
		block_has_it(true);
		step = watched(w);
		assert_int_equal(step->how, L2_WELL);
		assert_says(step->said, "recounted: root ");
		block_has_it(false);
		assert_int_equal(watched(w)->how, L2_TROUBLE);
		change_of_peg("pegin_settle\",\"why\":\"Ann: debited\"");
		assert_int_equal(watched(w)->how, L2_WELL);
		block_has_it(true);
		step = watched(w);
		assert_int_equal(step->how, L2_TROUBLE);
		assert_says(step->said, "1 peg-in of 50000 satoshi was settled when no ");
		assert_says(step->said, "pawl node settle PEGIN --why TEXT");
		change_of_peg("pegin_settle\",\"why\":\"Ann: credited\"");
		assert_int_equal(watched(w)->how, L2_WELL);
		block_has_it(false);
		assert_int_equal(watched(w)->how, L2_TROUBLE);
		rest();
		watch_free(w);
		scene_rise(&scene);
		rise();
	}
}

/* Once the files were looked at again. */
static const struct l2_step_now *looked_again(struct l2_watch *w, enum l2_how wanted)
{
	const struct l2_step_now *step = watched(w);

	watch_backed(w, NULL);
	for (int i = 0; i < 100 && step->how != wanted; i++)
		step = watched(w);
	assert_int_equal(step->how, wanted);
	return step;
}

static void pegouts_on_an_anchor_without_a_block_are_trouble(void **state_)
{
	struct hash txid = anchor_hash(2), block = anchor_hash(3);
	struct anchor a = { .made_ms = 1, .hash = anchor_hash(1) };
	char hash[65], line[200];
	const struct l2_step_now *step;
	struct reorg reorg;
	struct l2_watch *w;

	(void)state_;
	begin(1, 1);
	watch_rows_a_turn = 8192;
	hex_format(hash, a.hash.at, 32);
	a.id = anchor_add(scene.journal, &a, NULL, 0);
	anchor_broadcast(scene.journal, &a, &txid, 1);
	change("{\"do\":\"credit\",\"peer\":\"a\",\"amount\":\"5000\"}");
	snprintf(line, sizeof line,
	    "{\"do\":\"pegout\",\"source\":\"a\",\"dest\":\"d\",\"amount\":5000,"
	    "\"anchor\":\"%s\"}",
	    hash);
	change(line);
	w = watch_new(scene.world, scene.journal, &bare);
	for (int life = 0; life < 2; life++) {
		anchors_added(scene.journal, 10, &block, &txid, 1);
		commit_it();
		(void)looked_again(w, L2_WELL);
		anchors_removed(scene.journal, 9, 1, &reorg);
		commit_it();
		step = looked_again(w, L2_TROUBLE);
		assert_says(step->said, "1 peg-out, 0 of them completed, stands on an");
		assert_says(step->said, hash);
		assert_says(step->said, "pegout_anchor (pawl node apply)");
	}
	rest();
	watch_free(w);
}

/* -- the database of a node that runs ---------------------------------------- */

static void mirrored(struct mirror *m, int64_t ms)
{
	run(ms);
	for (int i = 0; i < 6; i++) {
		mirror_turn(m, runner);
		commit_it();
		run(10);
	}
}

/* Nothing is to be written meanwhile, as between two blocks. */
static void a_database_that_was_moved_away_is_missed_soon(void **state_)
{
	char path[64], moved[80];
	struct mirror *m;

	(void)state_;
	begin(1, 1);
	snprintf(path, sizeof path, "%s/mirrored", own_folder);
	snprintf(moved, sizeof moved, "%s.corrupted", path);
	m = mirror_new(scene.world, scene.journal, path);
	mirrored(m, 10);
	assert_true(mirror_whole(m));
	mirrored(m, 70000);
	assert_true(mirror_whole(m));
	assert_null(mirror_trouble(m));
	assert_int_equal(rename(path, moved), 0);
	mirrored(m, 70000);
	assert_int_equal(access(path, F_OK), 0); /* and is made anew */
	assert_true(mirror_whole(m));
	assert_null(mirror_trouble(m));
	rest();
	mirror_free(m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_count_that_changes_outrun_is_said, end),
		cmocka_unit_test_teardown(
		    a_database_that_was_moved_away_is_missed_soon, end),
		cmocka_unit_test_teardown(the_journal_wins_over_the_database, end),
		cmocka_unit_test_teardown(
		    a_backup_that_failed_is_known_behind_a_start, end),
		cmocka_unit_test_teardown(
		    an_anchor_that_lost_its_block_is_in_the_figures, end),
		cmocka_unit_test_teardown(
		    no_distance_is_told_from_a_block_that_is_gone, end),
		cmocka_unit_test_teardown(
		    what_was_minted_with_nothing_behind_it_is_trouble, end),
		cmocka_unit_test_teardown(
		    pegouts_on_an_anchor_without_a_block_are_trouble, end),
	};

	return cmocka_run_group_tests(tests, own_folder_make, own_folder_remove);
}
