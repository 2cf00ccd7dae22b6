/* What is asked of an operation, a chain or a key where a list is paid: a command that is
 * refused has changed nothing. */
#include "engine/repair.h"
#include "payer.h"
#include "serve/command/command.h"
#include "serve/command/suspect.h"
#include "sim/story/lender.h"

/* As the owner does what is asked over its socket; told is of the last one. */
static struct told told;
static struct fail why;

static enum err command(const struct request *q)
{
	struct sim_lender lender = { .config = &scene.config };
	struct serve_face face = sim_lender_face(&lender);
	struct command_at at = { .world = scene.world,
		.journal = scene.journal,
		.runner = runner,
		.face = &face };
	enum err e;

	command_prepare(&at, q);
	journal_save(scene.journal);
	e = command_do(&at, q, &told, &why);
	if (e == ERR_OK)
		journal_save_keep(scene.journal);
	else
		journal_save_drop(scene.journal);
	turn();
	return e;
}

/* Somebody paid row 3 by hand, and then a final block vanishes with it. */
static void begin_stopped_twice(void)
{
	begin_in_flight(3, 2, 3, 1);
	scene_mine(&scene, 1);
	run(1000);
	scene_spend(&scene, SIM_NONCE_NEXT, &lists[0].to[3], lists[0].amount[3], 0);
	scene_mine(&scene, SCENE_DEPTH + 3);
	run_until(account()->stopped);
	run_until(item(1).state == ITEM_FINAL);
	reorg(SCENE_DEPTH + 3, false);
	run_until(follower_stopped(chain()->follower));
	run(5000);
}

static void a_refused_resume_leaves_the_chain_stopped(void **state_)
{
	struct request resume = { .route = ROUTE_RESUME, .name = "wages" };
	struct request key = { .route = ROUTE_RESUME_KEY };
	uint64_t accepted;

	(void)state_;
	begin_stopped_twice();
	snprintf(key.name, sizeof key.name, "%s", account()->key_name);
	accepted = account()->accepted_height;
	assert_int_equal(command(&key), ERR_CONFLICT);
	resume.yes = word_told(why.why) ^ 1;
	assert_int_equal(command(&resume), ERR_CONFLICT);
	assert_says(why.why, "First: pawl resume chain:sim");
	assert_true(follower_stopped(chain()->follower));
	assert_true(account()->stopped);
	assert_int_equal(account()->accepted_height, accepted);
	assert_int_equal(item(1).state, ITEM_FINAL);
	rise_again();
	run(5000);
	assert_true(follower_stopped(chain()->follower));
	resume.yes ^= 1;
	assert_int_equal(command(&resume), ERR_OK);
	assert_false(follower_stopped(chain()->follower));
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* The line that it is told to type: what vanished with its block pays no row. */
static void the_chain_goes_first(void **state_)
{
	struct request resume = { .route = ROUTE_RESUME_CHAIN, .name = "sim" };

	(void)state_;
	begin_stopped_twice();
	assert_int_equal(command(&resume), ERR_OK);
	assert_true(told.moved);
	assert_false(follower_stopped(chain()->follower));
	assert_true(account()->stopped);
	resume = (struct request){ .route = ROUTE_RESUME, .name = "wages" };
	assert_int_equal(command(&resume), ERR_OK);
	assert_false(account()->stopped);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* All of its operations may have rows in the blocks that vanished, also what is ended:
 * they are there before the command begins, and stay when it is refused. */
static void a_refused_resume_keeps_what_it_loads(void **state_)
{
	struct request resume = { .route = ROUTE_RESUME_CHAIN, .name = "sim" };
	struct request open = { .route = ROUTE_RETRY, .name = "wages", .has_row = true };

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(3);
	finish();
	rise_again();
	run_until(chain()->id && account_of(runner, 1));
	assert_null(runner_operation(runner, lists[0].id));
	open.row = 1;
	assert_int_equal(command(&open), ERR_CONFLICT);
	assert_non_null(runner_operation(runner, lists[0].id));
	rise_again();
	run_until(chain()->id && account_of(runner, 1));
	reorg(SCENE_DEPTH + 3, false);
	run_until(follower_stopped(chain()->follower));
	run(5000);
	assert_null(runner_operation(runner, lists[0].id));
	assert_int_equal(
	    command(&resume), ERR_NO_QUORUM); /* its accounts are to be seen */
	assert_non_null(runner_operation(runner, lists[0].id));
	assert_int_equal(command(&resume), ERR_OK);
	finish();
}

/* Asked again while the nodes are. */
static enum err repair(const struct request *q)
{
	enum err e = ERR_NO_QUORUM;

	for (int i = 0; i < 500 && e == ERR_NO_QUORUM; i++) {
		e = command(q);
		run(e == ERR_NO_QUORUM ? 20 : 0);
	}
	return e;
}

/* Of a list that nobody has checked yet, row 3 is paid by hand. */
static struct request begin_paused(bool cut_short)
{
	struct request adopt = { .route = ROUTE_REPAIR,
		.name = "wages",
		.has_row = true,
		.row = 3,
		.repair = REPAIR_ADOPT,
		.has_hash = true };
	struct sim_tx *tx;

	begin(3, 2);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 6, .cut_short = cut_short });
	assert_int_equal(operation_pause(runner, op(), &why), ERR_OK);
	run_until(account()->known && account()->past_known);
	tx = scene_spend(
	    &scene, SIM_NONCE_NEXT, &lists[0].to[3], lists[0].amount[3], 60 * GWEI);
	after_blocks(2);
	memcpy(adopt.hash, tx->hash.at, sizeof adopt.hash);
	return adopt;
}

/* A resume is refused until that is a row's payment, or none: so it can be said. */
static void a_row_is_repaired_before_its_list_is_checked(void **state_)
{
	struct request resume = { .route = ROUTE_RESUME, .name = "wages" };
	struct request adopt = begin_paused(false);

	(void)state_;
	run_until(account()->stopped);
	assert_int_equal(command(&resume), ERR_CONFLICT);
	assert_says(why.why, "pawl repair wages 3 adopt 0x");
	assert_int_equal(repair(&adopt), ERR_OK);
	assert_string_equal(told.then, "pawl resume wages");
	assert_true(live(3) || item(3).state == ITEM_FINAL);
	assert_int_equal(command(&resume), ERR_OK);
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 6);
	assert_int_equal(paid(&lists[0], 3), 0); /* by us */
}

/* What is read again is another row. */
static void a_row_of_half_a_list_is_not_repaired(void **state_)
{
	struct request adopt = begin_paused(true);

	(void)state_;
	assert_int_equal(repair(&adopt), ERR_CONFLICT);
	assert_says(why.why, "not read to its end: run the same command again");
	import_rest(&lists[0]);
	assert_int_equal(repair(&adopt), ERR_OK);
}

/* The same on a nonce that had another use when the list began, which a reorg took. */
static void a_freed_nonce_is_compared(void **state_)
{
	const struct list *l = &lists[1];

	(void)state_;
	begin(3, 2);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 1, .name = "first" });
	finish();
	sim_mining(scene.chain, 0);
	scene_spend(&scene, SIM_NONCE_NEXT, &lists[0].to[1], 7, 60 * GWEI);
	scene_mine(&scene, 1);
	run(5000);
	pay(&(struct list){ .rows = 6, .others = true, .cut_short = true });
	reorg(1, false);
	run(5000);
	scene_spend(&scene, SIM_NONCE_NEXT, &l->to[3], l->amount[3], 60 * GWEI);
	scene_mine(&scene, 2);
	run(5000);
	import_rest(&lists[1]);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "pays row 3 of wages");
}

/* Nobody could hold it against a row that was not there; when all are, somebody does. */
static struct request begin_read_to_its_end(void)
{
	struct request resume = { .route = ROUTE_RESUME, .name = "wages" };
	struct request adopt = begin_paused(true);

	import_rest(&lists[0]);
	assert_false(account()->stopped);
	assert_int_equal(command(&resume), ERR_OK);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "pays row 3 of wages");
	return adopt;
}

static void what_was_paid_while_its_list_was_read(void **state_)
{
	struct request resume = { .route = ROUTE_RESUME, .name = "wages" };
	struct request adopt = begin_read_to_its_end();

	(void)state_;
	assert_int_equal(command(&resume), ERR_CONFLICT);
	assert_int_equal(repair(&adopt), ERR_OK);
	assert_int_equal(command(&resume), ERR_OK);
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 6);
	assert_int_equal(paid(&lists[0], 3), 0); /* by us */
}

/* Once: whoever says that it was for something else is not asked again. */
static void what_was_for_something_else_is_asked_once(void **state_)
{
	struct request resume = { .route = ROUTE_RESUME, .name = "wages" };
	struct airdrop_facts a;

	(void)state_;
	(void)begin_read_to_its_end();
	assert_int_equal(command(&resume), ERR_CONFLICT);
	resume.yes = word_told(why.why);
	assert_int_equal(command(&resume), ERR_OK);
	assert_true(airdrop_read(scene.journal, op()->id, &a));
	assert_false(a.compares);
	rise_again();
	run_until(ended());
	assert_int_equal(paid(&lists[0], 3), 1);
}

/* Rows 1 and 2 are owed the same, and both are live: the first is paid in a block that is
 * not final, so what somebody paid by hand, on the nonce of row 3, is the other one's. */
static void the_line_names_a_row_that_is_not_paid(void **state_)
{
	char line[SUSPECT_LINE_MAX];

	(void)state_;
	begin_still(3, 2);
	scene.config.max_in_flight = 1;
	pay(&(struct list){ .rows = 3, .alike = 2 });
	run_until(is_signed(1));
	run(1000);
	scene.config.max_in_flight = 3;
	scene_mine(&scene, 1);
	run_until(is_signed(3));
	run(1000);
	sim_pool_drop_all(scene.chain);
	scene_spend(&scene, 1, &stranger_to, 1, 0);
	scene_spend(&scene, 2, &lists[0].to[1], lists[0].amount[1], 0);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	assert_true(live(1) && live(2));
	suspects_next(scene.journal, account()->id, line);
	assert_says(line, "pawl repair wages 2 adopt 0x");
}

static void by_hand(int row)
{
	scene_spend(
	    &scene, SIM_NONCE_NEXT, &lists[0].to[row], lists[0].amount[row], 60 * GWEI);
}

/* The first row of some is in a block. */
static void begin_with_one(int rows)
{
	begin_still(3, 2);
	scene.config.max_in_flight = 1;
	pay_rows(rows);
	run_until(is_signed(1));
	run(1000);
	scene_mine(&scene, 1);
	run(1000);
}

/* He is told of one, and while he looks at that there are more. */
static void what_nobody_was_shown_is_not_accepted(void **state_)
{
	struct request resume = { .route = ROUTE_RESUME_KEY };

	(void)state_;
	begin_with_one(5);
	snprintf(resume.name, sizeof resume.name, "%s", account()->key_name);
	by_hand(3);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	assert_int_equal(command(&resume), ERR_CONFLICT);
	assert_says(why.why, "1 transaction that this journal does not know");
	resume.yes = word_told(why.why);
	for (int row = 4; row <= 5; row++)
		by_hand(row);
	scene_mine(&scene, 1);
	run(5000);
	assert_int_equal(command(&resume), ERR_CONFLICT);
	assert_says(why.why, "told before more came");
	assert_says(why.why, "3 transactions that this journal does not know");
	assert_true(account()->stopped);
	resume.yes = word_told(why.why);
	assert_int_equal(command(&resume), ERR_OK);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	for (int row = 3; row <= 5; row++)
		assert_int_equal(paid(&lists[0], row), 1); /* by us */
}

static void is_offered_to(int row, int other)
{
	struct request resume = { .route = ROUTE_RESUME, .name = "wages" };
	char first[64], second[64];

	snprintf(first, sizeof first, "adopted: pawl repair wages %d adopt 0x", row);
	snprintf(second, sizeof second, "; pawl repair wages %d adopt 0x", other);
	assert_int_equal(command(&resume), ERR_CONFLICT);
	assert_says(why.why, first);
	assert_says(strstr(why.why, first), second);
}

/* Row 1 is paid in a block, row 2 is out, row 3 waits; two payments by hand equal them.
 */
static void what_is_out_comes_behind_what_waits(void **state_)
{
	char checked[REPAIR_CHECKED_MAX];

	(void)state_;
	begin_still(3, 2);
	scene.config.max_in_flight = 1;
	pay(&(struct list){ .rows = 3, .alike = 3 });
	run_until(is_signed(1));
	run(1000);
	scene_mine(&scene, 1);
	run_until(is_signed(2));
	run(1000);
	sim_pool_drop_all(scene.chain);
	scene_spend(&scene, 1, &stranger_to, 5, 0);
	for (uint64_t nonce = 2; nonce <= 3; nonce++)
		scene_spend(&scene, nonce, &lists[0].to[1], lists[0].amount[1], 0);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	run(1000);
	is_offered_to(3, 2);
	assert_int_equal(repair_skip(runner, op(), 3, checked, &why), ERR_OK);
	turn();
	is_offered_to(2, 1);
}

/* What the first one paid is skipped: no row may be its any more. The second one's is
 * what would be paid again. */
static void lines_that_name_a_row_come_first(void **state_)
{
	char line[SUSPECT_LINE_MAX], checked[REPAIR_CHECKED_MAX];
	struct fail f = { 0 };

	(void)state_;
	begin_with_one(4);
	for (int row = 3; row <= 4; row++)
		by_hand(row);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	suspects_next(scene.journal, account()->id, line);
	assert_says(line, "pawl repair wages 3 adopt 0x");
	assert_int_equal(repair_skip(runner, op(), 3, checked, &f), ERR_OK);
	turn();
	suspects_next(scene.journal, account()->id, line);
	assert_says(line, "pawl repair wages 4 adopt 0x");
}

/* In a turn in which a row has moved, of which the journal has no event as yet. */
static void another_plan_is_no_damage(void **state_)
{
	struct request other = { .route = ROUTE_RUN, .name = "wages", .has_plan = true };
	char checked[REPAIR_CHECKED_MAX];

	(void)state_;
	begin_with_one(3);
	assert_int_equal(repair_skip(runner, op(), 3, checked, &why), ERR_OK);
	memset(other.plan, 0xed, sizeof other.plan);
	assert_int_equal(command(&other), ERR_CONFLICT);
	assert_says(why.why, "is another plan already");
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_refused_resume_leaves_the_chain_stopped, end),
		cmocka_unit_test_teardown(the_chain_goes_first, end),
		cmocka_unit_test_teardown(the_line_names_a_row_that_is_not_paid, end),
		cmocka_unit_test_teardown(what_is_out_comes_behind_what_waits, end),
		cmocka_unit_test_teardown(lines_that_name_a_row_come_first, end),
		cmocka_unit_test_teardown(another_plan_is_no_damage, end),
		cmocka_unit_test_teardown(what_nobody_was_shown_is_not_accepted, end),
		cmocka_unit_test_teardown(
		    a_row_is_repaired_before_its_list_is_checked, end),
		cmocka_unit_test_teardown(a_row_of_half_a_list_is_not_repaired, end),
		cmocka_unit_test_teardown(a_freed_nonce_is_compared, end),
		cmocka_unit_test_teardown(what_was_paid_while_its_list_was_read, end),
		cmocka_unit_test_teardown(what_was_for_something_else_is_asked_once, end),
		cmocka_unit_test_teardown(a_refused_resume_keeps_what_it_loads, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
