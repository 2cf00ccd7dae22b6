/* Rows that somebody edited: a start counts them before it reserves more, and names what
 * does not fit. */
#include "engine/recount.h"

#include "journal/inside.h"
#include "leaks.h"
#include "payer.h"
#include "serve/command/command.h"
#include "sim/story/lender.h"

#define ROWS 100

static void (*died)(enum err e, const char *why);
static jmp_buf death;
static char why_dead[1200];
static int64_t turn_max;
static struct request asked; /* before it goes on; of the plan that the list has */

static void dies(enum err e, const char *why)
{
	assert_int_equal(e, ERR_DAMAGED);
	snprintf(why_dead, sizeof why_dead, "%s", why);
	longjmp(death, 1);
}

static void ask(void)
{
	struct sim_lender lender = { .config = &scene.config };
	struct serve_face face = sim_lender_face(&lender);
	struct command_at at = { .world = scene.world,
		.journal = scene.journal,
		.runner = runner,
		.face = &face };
	struct told told;
	struct fail f = { 0 };

	assert_int_equal(command_do(&at, &asked, &told, &f), ERR_OK);
}

/* As run does, but the sums that payer.h checks are what was edited. */
static void go(int64_t ms)
{
	int64_t until = world_now_ms(scene.world) + ms, wake;
	struct fail f = { 0 };

	while (world_now_ms(scene.world) < until) {
		assert_true(runner_turn(runner, &f));
		wake = runner_wake_ms(runner);
		world_wait(scene.world, wake < until ? wake : until);
	}
}

static __attribute__((noinline)) bool dies_within(int64_t ms)
{
	died = journal_die;
	journal_die = dies;
	leaks_are_told(false);
	if (setjmp(death)) {
		leaks_are_told(true);
		journal_die = died;
		for (int sql = 0; sql < SQL_COUNT; sql++)
			run_end(scene.journal, (enum sql)sql);
		return true;
	}
	if (asked.has_plan)
		ask();
	go(ms);
	leaks_are_told(true);
	journal_die = died;
	return false;
}

static int64_t intents_n(void)
{
	struct sql_intent_added_out last;

	return sql_intent_added_one(scene.journal, &last) ? last.id : 0;
}

/* Rows in every state but void, and the program is at rest. */
static void half_paid(void)
{
	begin(1, 1);
	pay_rows(ROWS);
	run_until(op()->by_state[ITEM_FINAL].n >= 2 && op()->by_state[ITEM_LIVE].n >= 2);
	assert_int_equal(item(1).state, ITEM_FINAL);
	assert_int_equal(item(ROWS).state, ITEM_PENDING);
	rest();
	scene_rise(&scene);
}

static int put_back(void **state_)
{
	recount_turn_max = turn_max;
	return end(state_);
}

#define ONE "0000000000000000000000000000000000000000000000000000000000000001"
#define FFS "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define OF_ROW(n) "(SELECT id FROM intent WHERE row = " #n ")"

#define A_COPY_OF_ROW_1(row, state)                                                      \
	"INSERT INTO intent (operation, row, account, nonce, state, emptied, recipient," \
	" value, data, cost, held) SELECT operation, " row                               \
	", account, nonce + 5000, " state                                                \
	", 0, recipient, value, data, cost, zeroblob(32) FROM intent WHERE row = 1"

static const struct {
	const char *sql, *says;
} edits[] = {
	{ "UPDATE item SET state = 0 WHERE row = 1",
	    "row 1 is pending or void, and has an intent that may pay it, or did" },
	{ "UPDATE item SET state = 3 WHERE row = 100",
	    "its totals are not the sums of its rows" },
	{ "UPDATE event SET to_state = 'pending' WHERE row = 1 AND what = 'item'"
	  " AND to_state = 'final'",
	    "the event chain of operation 1 breaks at commit" },
	{ "UPDATE event SET why = 'never' WHERE id = (SELECT MIN(id) FROM event"
	  " WHERE operation = 1)",
	    "the event chain of operation 1 breaks at commit" },
	{ "DELETE FROM event WHERE id = (SELECT MAX(id) - 3 FROM event)",
	    "the event chain of operation 1 breaks at commit" },
	{ "DELETE FROM link WHERE operation = 1 AND commit_no = (SELECT"
	  " MIN(commit_no) FROM link WHERE operation = 1)",
	    "the event chain of operation 1 breaks at commit" },
	{ "UPDATE item SET recipient = (SELECT recipient FROM item WHERE row = 1) WHERE"
	  " row = 100",
	    "its rows are not those of its plan" },
	{ "UPDATE airdrop SET fee_recipient = zeroblob(20), fee_amount = x'" ONE "'",
	    "its rows are not those of its plan" },
	{ "UPDATE intent SET nonce = 999 WHERE id = (SELECT MAX(intent) FROM item"
	  " WHERE state = 1)",
	    "has an attempt on another nonce" },
	{ "UPDATE intent SET recipient = zeroblob(20) WHERE id = (SELECT MAX(intent)"
	  " FROM item WHERE state = 1)",
	    "pays something else than its row" },
	{ "UPDATE attempt SET empty = 1 WHERE intent = (SELECT MAX(intent) FROM item"
	  " WHERE state = 1)",
	    "has an attempt that pays something else" },
	{ "UPDATE attempt SET raw = zeroblob(100) WHERE intent = (SELECT MAX(intent)"
	  " FROM item WHERE state = 1)",
	    "has an attempt whose hash is not that of its bytes" },
	{ "UPDATE item SET amount = zeroblob(32) WHERE row = 100",
	    "its totals are not the sums of its rows" },
	{ "UPDATE operation SET final_n = final_n - 1, pending_n = pending_n + 1",
	    "its totals are not the sums of its rows" },
	{ "UPDATE operation SET fees_held = zeroblob(32)",
	    "the fees that it holds are not those of its live intents" },
	{ "UPDATE operation SET state = 8",
	    "it is needs_operator, and its events say that it is distributing" },
	{ "INSERT INTO item SELECT operation, 0, line, recipient, amount, memo, 0,"
	  " NULL, NULL, NULL FROM item WHERE row = 1",
	    "row 0 stands where row 1 of 100 should be" },
	{ "INSERT INTO item SELECT operation, 101, line, recipient, amount, memo,"
	  " 0, NULL, NULL, NULL FROM item WHERE row = 1",
	    "row 101 stands where row 101 of 100 should be" },
	{ "DELETE FROM item WHERE row = 99",
	    "row 100 stands where row 99 of 100 should be" },
	{ "UPDATE intent SET state = 3 WHERE row = 1",
	    "(row 1) is void, and an attempt of it paid" },
	{ "UPDATE intent SET state = 1 WHERE row = 1",
	    "(row 1) is live, and an attempt of it is final" },
	{ "UPDATE intent SET row = 100 WHERE row = 1",
	    "row 1 is final, and no intent of it is" },
	{ "UPDATE intent SET row = 777 WHERE row = 1",
	    "row 1 is final, and no intent of it is" },
	{ "UPDATE attempt SET state = 0 WHERE intent = " OF_ROW(1),
	    "(row 1) is final, and none of its attempts paid" },
	{ "UPDATE attempt SET empty = 1 WHERE intent = " OF_ROW(1),
	    "(row 1) is final, and none of its attempts paid" },
	{ "UPDATE intent SET attempt = (SELECT attempt FROM intent WHERE row = 2)"
	  " WHERE row = 1",
	    "(row 1) sends an attempt that is not its own" },
	{ "UPDATE item SET intent = " OF_ROW(1) " WHERE row = (SELECT MAX(row) FROM"
						" item WHERE state = 1)",
	    "is live, and no live intent of its own carries it" },
	{ "UPDATE intent SET state = 3 WHERE id = (SELECT intent FROM item WHERE"
	  " row = (SELECT MAX(row) FROM item WHERE state = 1))",
	    "is live, and no live intent of its own carries it" },
	{ "PRAGMA ignore_check_constraints = ON;"
	  "UPDATE intent SET state = 7 WHERE row = 1",
	    "(row 1) is in no state" },
	{ "UPDATE intent SET emptied = 5 WHERE row = 1", "(row 1) is in no state" },
	{ "PRAGMA foreign_keys = OFF;"
	  "UPDATE intent SET account = account + 1 WHERE row = 1",
	    "(row 1) is of another account" },
	{ A_COPY_OF_ROW_1("1", "0"),
	    "is final, and has an intent that would pay it again" },
	{ A_COPY_OF_ROW_1("777", "3"), "(row 777) carries a row that there is not" },
	{ "UPDATE item SET amount = x'" FFS "' WHERE row >= 99",
	    "row 99 is more than can be added" },
	{ "UPDATE intent SET data = zeroblob(69) WHERE id = (SELECT MAX(intent) FROM"
	  " item WHERE state = 1)",
	    "has data that is longer than a payload's" },
};

static void each_edit_ends_the_start(void **state_)
{
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		int64_t intents;

		half_paid();
		assert_int_equal(journal_exec(scene.journal, edits[i].sql), ERR_OK);
		intents = intents_n();
		rise();
		if (!dies_within(60000))
			fail_msg("it goes on: %s", edits[i].sql);
		assert_says(why_dead, "operation wages: ");
		if (!strstr(why_dead, edits[i].says))
			fail_msg("%s\n  says: %s", edits[i].sql, why_dead);
		assert_int_equal(intents_n(), intents);
		end(state_);
	}
}

/* Its last rows are gone: no turn looks for them for ever. */
static void rows_that_are_gone_end_the_start(void **state_)
{
	(void)state_;
	half_paid();
	assert_int_equal(
	    journal_exec(scene.journal, "DELETE FROM item WHERE row > 90"), ERR_OK);
	recount_turn_max = 8;
	rise();
	assert_true(dies_within(60000));
	assert_says(why_dead, "its totals are not the sums of its rows");
}

/* What no count of rows sees before it is met. */
static const struct {
	bool at_rest; /* else while it runs, and was counted */
	const char *sql, *says;
} contradictions[] = {
	{ true, "UPDATE operation SET state = 99",
	    "operation wages: it is in a stage that an airdrop does not have" },
	{ true, "DELETE FROM airdrop", "operation wages: what it pays is gone" },
	{ true, "DELETE FROM block WHERE height = (SELECT final_height FROM chain)",
	    "is not whole from its final block" },
	{ true, "UPDATE block SET parent = zeroblob(32)",
	    "is not whole from its final block" },
	{ false, "UPDATE intent SET held = x'" FFS "' WHERE state IN (0, 1)",
	    "the fees that it holds are not those of its live intents" },
	{ false, "UPDATE item SET amount = x'" FFS "' WHERE state = 1",
	    "its totals are not the sums of its rows" },
	{ false, "UPDATE intent SET data = zeroblob(69) WHERE state IN (0, 1)",
	    "its data is longer than a payload's" },
	{ false, "UPDATE attempt SET raw = zeroblob(321)", "are no transaction of ours" },
	{ false, "UPDATE attempt SET state = 4 WHERE state = 0",
	    "an attempt that is dropped can't become" },
	{ false, "UPDATE item SET state = 0, intent = NULL WHERE state = 1",
	    "a row that is not live was paid" },
	{ false, "UPDATE item SET state = 0 WHERE state = 2",
	    "row 1 is pending, and has an intent that may pay it, or did" },
};

static void what_contradicts_itself_ends_it(void **state_)
{
	for (size_t i = 0; i < sizeof contradictions / sizeof *contradictions; i++) {
		half_paid();
		if (!contradictions[i].at_rest) {
			rise();
			while (!runner->operations_n || !op()->recounted)
				go(20);
			sim_mining(scene.chain, 0);
			go(2 * INTERVAL_MS);
			sim_pool_drop_all(scene.chain);
			sim_mining(scene.chain, INTERVAL_MS);
		}
		assert_int_equal(
		    journal_exec(scene.journal, contradictions[i].sql), ERR_OK);
		if (!runner)
			rise();
		if (!dies_within(600000))
			fail_msg("it goes on: %s", contradictions[i].sql);
		if (!strstr(why_dead, contradictions[i].says))
			fail_msg("%s\n  says: %s", contradictions[i].sql, why_dead);
		end(state_);
	}
}

static void known_bytes_are_sent_before_rows_are_counted(void **state_)
{
	int64_t intents;

	(void)state_;
	half_paid();
	intents = intents_n();
	recount_turn_max = 0;
	rise();
	sim_pool_drop_all(scene.chain);
	while (!runner->operations_n || op()->by_state[ITEM_LIVE].n)
		go(20);
	go(60000);
	assert_false(op()->recounted);
	assert_int_equal(intents_n(), intents);
	recount_turn_max = turn_max;
	finish();
}

/* Some rows and events at a time, while blocks come that settle what was counted. */
static void what_moves_meanwhile_is_followed(void **state_)
{
	(void)state_;
	for (int64_t n = 1; n < 250; n = 2 * n + 1) {
		half_paid();
		recount_turn_max = 0;
		rise();
		while (!runner->operations_n || !op()->recounted) {
			recount_turn_max = n;
			turn();
			recount_turn_max = 0;
			go(INTERVAL_MS / 4);
		}
		recount_turn_max = turn_max;
		finish();
		end(state_);
	}
}

/* After its end no start would look at them again. */
static void it_ends_when_its_events_are_proved(void **state_)
{
	(void)state_;
	half_paid();
	assert_int_equal(journal_exec(scene.journal,
			     "UPDATE event SET why = 'never' WHERE id ="
			     " (SELECT MIN(id) FROM event WHERE operation = 1)"),
	    ERR_OK);
	recount_turn_max = 0;
	rise();
	while (!runner->operations_n || !op()->recounted) {
		recount_turn_max = 1;
		turn();
		recount_turn_max = 0;
		go(INTERVAL_MS / 4);
	}
	run_until(op()->by_state[ITEM_FINAL].n == op()->items);
	go(60000);
	assert_false(ended());
	assert_says(op()->waits_for, "its events to be compared");
	recount_turn_max = turn_max;
	assert_true(dies_within(60000));
	assert_says(why_dead, "the event chain of operation 1 breaks at commit");
}

static void what_has_ended_is_counted_when_it_goes_on(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin_with_a_refusal();
	run_until(ended());
	rest();
	scene_rise(&scene);
	assert_int_equal(journal_exec(scene.journal,
			     "UPDATE item SET amount = zeroblob(32)"
			     " WHERE row = 5"),
	    ERR_OK);
	rise_for(lists[0].id);
	assert_false(dies_within(60000));
	assert_false(op()->recounted);
	assert_int_equal(operation_retry(runner, op(), WORD_NONE, &f), ERR_OK);
	assert_true(dies_within(60000));
	assert_says(why_dead, "its totals are not the sums of its rows");
}

/* Who runs the list again is told of the damage, and not that it is another one. */
static void a_damaged_plan_is_no_other_plan(void **state_)
{
	(void)state_;
	begin(1, 1);
	pay_rows(4);
	finish();
	asked = (struct request){ .route = ROUTE_RUN, .name = "wages", .has_plan = true };
	memcpy(asked.plan, op()->plan, sizeof asked.plan);
	rest();
	scene_rise(&scene);
	assert_int_equal(
	    journal_exec(scene.journal, "UPDATE operation SET plan = x'" ONE "'"),
	    ERR_OK);
	rise();
	(void)operation_load(runner, lists[0].id);
	assert_true(dies_within(1000));
	assert_says(why_dead, "its rows are not those of its plan");
	asked.has_plan = false;
}

/* The rows are whole, and something else is not, as an index that does not find one any
 * more: what was forgotten would be taken for foreign, and the row paid again. */
static void pages_are_not_believed_in_doubt(void **state_)
{
	(void)state_;
	half_paid();
	assert_int_equal(
	    journal_exec(scene.journal,
		"UPDATE account SET doubt = 'a copy'; PRAGMA foreign_keys = OFF;"
		"UPDATE stage SET operation = 777 WHERE operation = 1"),
	    ERR_OK);
	rise();
	assert_true(dies_within(60000));
	assert_says(why_dead, "stage");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, put_back)
		T(pages_are_not_believed_in_doubt),
		T(a_damaged_plan_is_no_other_plan),
		T(each_edit_ends_the_start),
		T(rows_that_are_gone_end_the_start),
		T(what_contradicts_itself_ends_it),
		T(known_bytes_are_sent_before_rows_are_counted),
		T(what_moves_meanwhile_is_followed),
		T(it_ends_when_its_events_are_proved),
		T(what_has_ended_is_counted_when_it_goes_on),
	};

	turn_max = recount_turn_max;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
