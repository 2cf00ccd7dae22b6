/* What ended long ago goes into a file, and what stays of it: nonces, hashes, rows that
 * must not be paid again, and a past that still verifies. */
#include "engine/archiver.h"
#include "engine/doubt.h"
#include "engine/message.h"
#include "engine/recount.h"
#include "journal/archive.h"
#include "journal/files.h"
#include "journal/inside.h"
#include "payer.h"

static const struct retention at_once[] = { { "airdrop", 1 }, { "track", 1 } };

static const struct kind *const counted[] = { &kind_airdrop };

/* Somebody moves the list in the turn of this number, while he can. */
static int64_t moves_at, turns, moved_commit;

static void meanwhile(void)
{
	struct archived a;

	if (++turns != moves_at || archive_of(scene.journal, lists[0].id, &a))
		return;
	journal_event(scene.journal,
	    &(struct event){ .operation = lists[0].id,
		.what = "operation",
		.from = "",
		.to = "",
		.why = "a command" });
	moved_commit = journal_commit_no(scene.journal);
}

/* All that is due, as a life does it. fails: what keeps it from that */
static int64_t archive_some_at(int64_t later_ms, struct fail *ret_why)
{
	struct archiver *a =
	    archiver_new(&(struct archiver_setup){ .journal = scene.journal,
		.keep = at_once,
		.keep_n = 2,
		.kinds = counted,
		.kinds_n = 1 });
	int64_t wall_ms = world_wall_ms(scene.world) + later_ms, done;
	struct fail f = { 0 };
	bool more = true;

	while (more && f.err == ERR_OK) {
		meanwhile();
		more = archiver_turn(a, wall_ms);
		if (journal_commit(scene.journal, &f))
			fail_msg("%s", f.why);
		more |= archiver_between(a, wall_ms, &f);
	}
	done = archiver_done(a);
	archiver_free(a);
	*ret_why = f;
	return done;
}

static int64_t archive_all_at(int64_t later_ms)
{
	struct fail f;
	int64_t done = archive_some_at(later_ms, &f);

	if (f.err != ERR_OK)
		fail_msg("%s", f.why);
	return done;
}

static int64_t archive_all(void)
{
	return archive_all_at(10);
}

static void is_sound(void)
{
	int64_t operation, commit = journal_check_events(scene.journal, &operation);
	struct fail f = { 0 };

	if (commit)
		fail_msg("the chain of operation %lld breaks at commit %lld",
		    (long long)operation, (long long)commit);
	for (size_t k = 0; k < lists_n; k++)
		if (recount_whole(scene.journal, lists[k].id, &kind_airdrop, &f))
			fail_msg("%s", f.why);
	if (archive_compare(scene.journal, lists[0].id, &f))
		fail_msg("%s", f.why);
}

static void is_sound_alone(void)
{
	int64_t operation;

	assert_int_equal(journal_check_events(scene.journal, &operation), 0);
}

static struct archived archived(void)
{
	struct archived a;

	assert_true(archive_of(scene.journal, lists[0].id, &a));
	assert_true(a.whole);
	return a;
}

static int lower_depth(void **state_)
{
	(void)state_;
	archive_depth = SCENE_DEPTH;
	return 0;
}

static void pay_and_archive(int rows)
{
	begin(1, 1);
	pay(&(struct list){ .rows = rows, .service_fee = 77 });
	finish();
	after_blocks(SCENE_DEPTH + 2);
	run(1000);
	assert_int_equal(archive_all(), 1);
}

/* In whichever turn of its archive: what is journaled of it tells of that. */
static void what_moves_meanwhile_is_not_archived(void **state_)
{
	struct archived a;
	struct fail f;
	int kept = 0;

	for (moves_at = 1; moves_at < 8; moves_at++) {
		begin(1, 1);
		pay(&(struct list){ .rows = 3, .service_fee = 77 });
		finish();
		after_blocks(SCENE_DEPTH + 2);
		run(1000);
		turns = moved_commit = 0;
		(void)archive_some_at(10, &f);
		if (!archive_of(scene.journal, lists[0].id, &a))
			kept++;
		else
			assert_true(a.commit_no >= moved_commit);
		is_sound_alone();
		end(state_);
	}
	moves_at = 0;
	assert_int_not_equal(kept, 0);
	begin(1, 1);
}

static void what_ended_is_archived(void **state_)
{
	struct sql_archive_event_first_in in;
	struct sql_archive_event_first_out event;
	int64_t ids[8];

	(void)state_;
	pay_and_archive(70);
	for (int row = 0; row <= 70; row++)
		assert_int_equal(intents_of(row, ids), 0);
	in.operation = lists[0].id;
	assert_true(sql_archive_event_first_one(scene.journal, &in, &event));
	assert_true(event.no_id);
	assert_int_equal(item(70).state, ITEM_FINAL);
	is_sound();
	assert_int_equal(archive_all(), 0);
	rise_again();
	run(3000);
	is_sound();
}

/* Who reports sees all of it, from the file. */
static void a_reader_is_shown_it(void **state_)
{
	struct sql_report_events_in in = { .row = 3 };
	struct sql_report_events_out e;
	struct fee_row fees[16];
	struct journal *owners;
	struct fail f = { 0 };
	int64_t ids[8], events = 0;

	(void)state_;
	pay_and_archive(5);
	owners = scene.journal;
	if (journal_read(&scene.journal, "/disk/pawl.db", &f) ||
	    archive_show(scene.journal, lists[0].id, &f))
		fail_msg("%s", f.why);
	assert_int_equal(intents_of(3, ids), 1);
	assert_int_equal(intent(ids[0]).state, INTENT_FINAL);
	assert_int_equal(attempts_of(ids[0], fees), 1);
	assert_int_equal(intents_of(0, ids), 1);
	in.operation = lists[0].id;
	sql_report_events_begin(scene.journal, &in);
	while (sql_report_events_next(scene.journal, &e)) {
		assert_false(e.no_at_ms);
		events++;
	}
	assert_true(events >= 4);
	journal_close(scene.journal);
	scene.journal = owners;
	assert_int_equal(intents_of(3, ids), 0);
}

/* Its nonces are used, and whoever comes next begins behind them. */
static void the_next_list_begins_behind_it(void **state_)
{
	(void)state_;
	pay_and_archive(6);
	rise_again();
	run_until(chain()->id);
	pay(&(struct list){ .name = "more", .rows = 4, .others = true });
	run_until(runner_operation(runner, lists[1].id) && ended() == false);
	run_until(operation_ended(op_of(&lists[1])));
	check_exact();
	assert_false(account()->stopped);
	is_sound();
	after_blocks(SCENE_DEPTH + 2);
	run(1000);
	assert_int_equal(archive_all(), 1);
	is_sound();
}

/* A file of it would be all that is left, and say that it was so. */
static void what_was_edited_is_not_archived(void **state_)
{
	struct archived a;
	struct fail f;

	(void)state_;
	begin(1, 1);
	pay(&(struct list){ .rows = 20 });
	finish();
	after_blocks(SCENE_DEPTH + 2);
	run(1000);
	assert_int_equal(journal_exec(scene.journal,
			     "UPDATE item SET reason = 'as agreed', state = 3"
			     " WHERE row = 3"),
	    ERR_OK);
	assert_int_equal(archive_some_at(10, &f), 0);
	assert_int_equal(f.err, ERR_DAMAGED);
	assert_says(f.why, "operation wages: row 3 ");
	assert_false(archive_of(scene.journal, lists[0].id, &a));
	is_sound_alone();
}

/* Its totals, and all that it has of its past, say the same. */
static void a_row_that_its_file_contradicts(void **state_)
{
	static const char *const edits[] = {
		"UPDATE item SET state = 0, intent = NULL WHERE row = 3",
		"UPDATE item SET reason = 'as agreed' WHERE row = 70",
		"DELETE FROM item WHERE row = 70",
		"INSERT INTO item (operation, row, line, recipient, amount, state)"
		" SELECT operation, 71, 71, recipient, amount, state FROM item"
		" WHERE row = 70",
	};
	struct fail f = { 0 };

	(void)state_;
	pay_and_archive(70);
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		assert_int_equal(archive_compare(scene.journal, lists[0].id, &f), ERR_OK);
		assert_int_equal(journal_exec(scene.journal, "SAVEPOINT edit"), ERR_OK);
		assert_int_equal(journal_exec(scene.journal, edits[i]), ERR_OK);
		if (archive_compare(scene.journal, lists[0].id, &f) != ERR_DAMAGED)
			fail_msg("nobody says so: %s", edits[i]);
		assert_int_equal(journal_exec(scene.journal, "ROLLBACK TO edit"), ERR_OK);
		assert_int_equal(journal_exec(scene.journal, "RELEASE edit"), ERR_OK);
	}
}

/* A transaction of the account in a block, as a follower tells it. */
static void its_transactions_are_no_strangers(void **state_)
{
	int64_t operation;
	bool shared;
	int known = 0;

	(void)state_;
	pay_and_archive(6);
	for (struct sim_tx *tx = scene.chain->all; tx; tx = tx->next_all) {
		if (!address_same(&tx->from->at, &scene.sender))
			continue;
		assert_true(attempt_known(runner, account(), &tx->hash));
		assert_true(
		    attempt_archived(runner, account(), &tx->hash, &operation, &shared));
		assert_int_equal(operation, lists[0].id);
		known++;
	}
	assert_int_equal(known, 7);
	assert_int_equal(account_above(runner, account()), 7);
}

/* Another copy of the journal runs, and pays a row again. */
static void a_second_payment_stops_it(void **state_)
{
	(void)state_;
	pay_and_archive(6);
	(void)spend_tagged(2, 7, 20 * GWEI);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "forgot a transaction");
	assert_int_equal(paid(&lists[0], 2), 2);
	assert_int_equal(item(2).state, ITEM_FINAL);
	is_sound();
}

/* While a resume of the chain could undo it, and while anything of it is in doubt. */
static void it_stays_while_it_can_vanish(void **state_)
{
	char why[ARCHIVER_WHY_MAX];
	int64_t block;

	(void)state_;
	begin(1, 1);
	pay_rows(3);
	run_until(op()->by_state[ITEM_LIVE].n == 3);
	archiver_why_not(scene.journal, lists[0].id, why, &block);
	assert_says(why, "it is distributing");
	finish();
	archiver_why_not(scene.journal, lists[0].id, why, &block);
	assert_says(why, "is kept until block");
	assert_int_equal(archive_all(), 0);
	after_blocks(SCENE_DEPTH + 2);
	run(1000);
	account_doubt(runner, account(), "a test says so");
	turn();
	archiver_why_not(scene.journal, lists[0].id, why, &block);
	assert_says(why, "in doubt");
	assert_int_equal(archive_all(), 0);
}

static void edit(const char *what, void (*alter)(void))
{
	int64_t operation;
	struct fail f = { 0 };

	alter();
	if (journal_commit(scene.journal, &f))
		fail_msg("%s", f.why);
	if (!journal_check_events(scene.journal, &operation))
		fail_msg("nobody sees it: %s", what);
}

static void add_an_archive(void)
{
	sql_archive_add(scene.journal,
	    &(struct sql_archive_add_in){ .operation = lists[1].id,
		.file = "none",
		.commit_no = INT64_MAX,
		.at_ms = 1 });
}

static void forget_ids(void)
{
	struct sql_archived_event_from_in in = { .first = 1 };
	struct sql_archived_event_from_out out;

	for (; in.first < 10000; in.first++)
		if (sql_archived_event_from_one(scene.journal, &in, &out)) {
			sql_archived_event_drop(scene.journal,
			    &(struct sql_archived_event_drop_in){ in.first });
			return;
		}
	fail_msg("there are no ids that went");
}

static void drop_others_events(void)
{
	struct sql_archive_event_first_in in = { .operation = lists[1].id };
	struct sql_archive_event_first_out first;

	assert_true(sql_archive_event_first_one(scene.journal, &in, &first));
	sql_archive_drop_events(
	    scene.journal, &(struct sql_archive_drop_events_in){ first.id, first.id });
	sql_archived_event_add(
	    scene.journal, &(struct sql_archived_event_add_in){ first.id, first.id });
}

/* What is archived hides no edit of what is not. */
static void each_edit_beside_it_is_seen(void **state_)
{
	void (*const edits[])(void) = { add_an_archive, forget_ids, drop_others_events };

	(void)state_;
	for (size_t k = 0; k < 3; k++) {
		pay_and_archive(3);
		pay(&(struct list){ .name = "more", .rows = 2, .others = true });
		run_until(operation_ended(op_of(&lists[1])));
		is_sound();
		edit(k == 0 ? "an archive" : k == 1 ? "ids" : "events", edits[k]);
		end(state_);
	}
}

/* Its file is another one: nothing of it is read as if it were not. */
static void another_file_is_named(void **state_)
{
	char path[400];
	struct fail f = { 0 };
	struct journal *j;

	(void)state_;
	pay_and_archive(3);
	snprintf(path, sizeof(path), "/disk/%s", archived().file);
	assert_int_equal(journal_files->append(path, "x", 1, &f), ERR_OK);
	assert_int_equal(journal_read(&j, "/disk/pawl.db", &f), ERR_OK);
	assert_int_equal(archive_show(j, lists[0].id, &f), ERR_DAMAGED);
	assert_says(f.why, "SHA-256");
	journal_files->remove(path);
	assert_int_equal(archive_show(j, lists[0].id, &f), ERR_NOT_FOUND);
	assert_says(f.why, "put it back");
	journal_close(j);
}

/* An operation that ended, in a file that is not journaled. */
static struct archive *archive_written(void)
{
	struct archive *a;
	int64_t left = INT64_MAX;
	struct fail f = { 0 };
	bool done;

	begin(1, 1);
	pay_rows(3);
	finish();
	after_blocks(SCENE_DEPTH + 2);
	run(1000);
	a = archive_new(scene.journal, ARCHIVE_OPERATION, lists[0].id);
	if (archive_some(a, &left, &done, &f) || !done)
		fail_msg("%s", f.why);
	return a;
}

/* A file that a former life left without journaling it is taken. */
static void a_file_that_is_there_is_taken(void **state_)
{
	(void)state_;
	archive_finish(archive_written());
	assert_int_equal(archive_all(), 1);
	assert_null(strstr(archived().file, "-2-"));
	is_sound();
}

/* One that is not whole is not: it is said what to do, and nothing goes. */
static void a_file_that_is_cut_is_not(void **state_)
{
	struct archive *a;
	char path[400], half[60];
	int64_t left = INT64_MAX, ids[8];
	struct fail f = { 0 };
	bool done;

	(void)state_;
	a = archive_written();
	snprintf(path, sizeof(path), "%s", archive_path(a));
	archive_finish(a);
	assert_int_equal(journal_files->read(path, 0, half, sizeof(half)), sizeof(half));
	journal_files->remove(path);
	assert_int_equal(journal_files->make(path, &f), ERR_OK);
	assert_int_equal(journal_files->append(path, half, sizeof(half), &f), ERR_OK);
	a = archive_new(scene.journal, ARCHIVE_OPERATION, lists[0].id);
	left = INT64_MAX;
	assert_int_equal(archive_some(a, &left, &done, &f), ERR_CONFLICT);
	assert_says(f.why, "is not whole; move it away");
	archive_finish(a);
	assert_int_equal(journal_files->size(path), sizeof(half));
	assert_int_equal(intents_of(1, ids), 1);
}

/* -- transactions that are followed ------------------------------------------- */

static const char *body_of(int64_t notice)
{
	static char body[500];
	struct sql_notice_from_in in = { .id = notice };
	struct sql_notice_from_out row;

	assert_true(sql_notice_from_one(scene.journal, &in, &row));
	assert_int_equal(row.id, notice);
	snprintf(body, sizeof(body), "%s", row.body);
	return body;
}

static void commit_it(void)
{
	struct fail f = { 0 };

	if (journal_commit(scene.journal, &f))
		fail_msg("%s", f.why);
}

/* One that was told as final, to one who has heard it. */
static int64_t follow(uint8_t tag, int64_t height, bool heard)
{
	struct sql_tracked_add_in in = { .chain = chain()->id,
		.no_intent = true,
		.confirmations = 3,
		.no_sender = true,
		.no_nonce = true,
		.since_ms = 1 };
	struct sql_tracked_id_in name = { .chain = chain()->id };
	struct sql_tracked_id_out row;
	struct subject of = { .kind = SUBJECT_HASH };
	struct fail f = { 0 };

	in.hash[0] = name.hash[0] = tag;
	sql_tracked_add(scene.journal, &in);
	assert_true(sql_tracked_id_one(scene.journal, &name, &row));
	of.id = row.id;
	assert_true(message_subscribe(
	    scene.journal, "webhook", "https://example.org/", &of, "mine"));
	assert_true(message_note(scene.journal, &of, MILESTONE_FINAL, 1, 5,
	    json_pack("{s:s}", "hash", "0x1")));
	if (heard)
		assert_int_equal(
		    sql_message_accepted(scene.journal,
			&(struct sql_message_accepted_in){
			    .notice = tag, .subscriber = 1, .accepted_ms = 5 }),
		    1);
	sql_tracked_put(scene.journal,
	    &(struct sql_tracked_put_in){ .id = row.id,
		.state = TRACKED_FINAL,
		.confirmations = 3,
		.no_sender = true,
		.no_nonce = true,
		.height = height,
		.no_by_hash = true,
		.no_due = true,
		.no_looks = true,
		.since_ms = 1,
		.ended_ms = world_wall_ms(scene.world) });
	if (journal_commit(scene.journal, &f))
		fail_msg("%s", f.why);
	return row.id;
}

static int64_t tracked_due(void)
{
	return archiver_tracked_due(scene.journal, 1, world_wall_ms(scene.world) + 1);
}

/* What was told goes; that it was told stays, and who asks later is told it anew. */
static void what_was_told_of_transactions(void **state_)
{
	struct sql_track_archive_get_in in = { .id = 1 };
	struct sql_track_archive_get_out file;
	struct subject of = { .kind = SUBJECT_HASH };
	char path[400];

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	after_blocks(SCENE_DEPTH + 6);
	run(1000);
	of.id = follow(1, 2, true);
	(void)follow(2, (int64_t)height(), true);
	(void)follow(3, 2, false);
	assert_int_equal(tracked_due(), 1);
	assert_int_equal(archive_all(), 1);
	assert_int_equal(tracked_due(), 0);
	assert_string_equal(body_of(1), "");
	assert_says(body_of(2), "0x1");
	assert_says(body_of(3), "0x1");
	assert_true(sql_track_archive_get_one(scene.journal, &in, &file));
	assert_true(file.whole && file.size > 0);
	snprintf(path, sizeof(path), "/disk/%s", file.file);
	assert_int_equal(journal_files->size(path), file.size);
	assert_false(message_note(scene.journal, &of, MILESTONE_FINAL, 1, 6,
	    json_pack("{s:s}", "hash", "0x2")));
	commit_it();
	assert_says(body_of(1), "0x2");
	assert_int_equal(archive_all(), 0);
	is_sound_alone();
}

static int64_t state_of(int64_t notice)
{
	struct sql_message_of_notice_in in = { .notice = notice };
	struct sql_message_of_notice_out row;

	assert_true(sql_message_of_notice_one(scene.journal, &in, &row));
	return row.state;
}

/* What was for one who is suspended keeps nothing here, and what is due for a time. */
static void what_nobody_takes_is_archived(void **state_)
{
	const int64_t days_30_ms = (int64_t)30 * 86400 * 1000;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	after_blocks(SCENE_DEPTH + 6);
	run(1000);
	(void)follow(1, 2, false);
	assert_int_equal(archive_all_at(days_30_ms - 1000), 0);
	assert_int_equal(state_of(1), MESSAGE_DUE);
	assert_int_equal(archive_all_at(days_30_ms + 1000), 1);
	assert_int_equal(state_of(1), MESSAGE_GONE);
	assert_string_equal(body_of(1), "");
	(void)follow(2, 2, false);
	sql_message_hold(scene.journal,
	    &(struct sql_message_hold_in){
		.subscriber = 1, .why = "it answered 410", .most = 10 });
	commit_it();
	assert_int_equal(archive_all(), 1);
	assert_string_equal(body_of(2), "");
	/* and what nothing is left of is not sent, when he comes back */
	assert_int_equal(
	    sql_message_back(scene.journal,
		&(struct sql_message_back_in){ .subscriber = 1, .upto = INT64_MAX }),
	    0);
	commit_it();
	is_sound_alone();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_ended_is_archived, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    what_moves_meanwhile_is_not_archived, lower_depth, end),
		cmocka_unit_test_setup_teardown(a_reader_is_shown_it, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    a_row_that_its_file_contradicts, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    what_was_edited_is_not_archived, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    the_next_list_begins_behind_it, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    its_transactions_are_no_strangers, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    a_second_payment_stops_it, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    it_stays_while_it_can_vanish, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    each_edit_beside_it_is_seen, lower_depth, end),
		cmocka_unit_test_setup_teardown(another_file_is_named, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    a_file_that_is_cut_is_not, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    what_was_told_of_transactions, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    what_nobody_takes_is_archived, lower_depth, end),
		cmocka_unit_test_setup_teardown(
		    a_file_that_is_there_is_taken, lower_depth, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
