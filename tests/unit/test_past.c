/* The account was used before the journal knew it: its past is read back before anything
 * is reserved, as far as lookback goes. */
#include "engine/past.h"
#include "payer.h"

#define SPENT_MAX 16

/* Row 1 is paid by hand, so many times, each in a block of its own. */
static void spend(int times)
{
	for (int i = 0; i < times; i++) {
		scene_spend(&scene, SIM_NONCE_NEXT, &lists[0].to[1], lists[0].amount[1],
		    60 * GWEI);
		scene_mine(&scene, 1);
	}
}

/* A list is known before the journal has it: its rows are what was paid by hand. */
static void begin_with_a_past(uint32_t nodes, int quorum, int times, uint64_t since)
{
	begin(nodes, quorum);
	lists[0].rows = 3;
	rows_fill(&lists[0]);
	spend(times);
	scene_mine(&scene, since);
	run_until(chain()->id);
}

static int64_t known_below(uint64_t nonce)
{
	struct sql_consumed_below_in in = { .account = account()->id,
		.nonce = (int64_t)nonce };
	struct sql_consumed_below_out row;

	assert_true(sql_consumed_below_one(scene.journal, &in, &row));
	return row.n;
}

static void the_past_is_read_before_anything_is_reserved(void **state_)
{
	(void)state_;
	begin_with_a_past(3, 2, 5, 20);
	pay_rows(3);
	while (!account()->past_known) {
		assert_int_equal(op()->by_state[ITEM_PENDING].n, 3);
		run(20);
	}
	assert_int_equal(known_below(5), 5);
	assert_int_equal(past_unread(runner, account()), 0);
	assert_string_equal(past_says(account()), "");
	assert_false(account()->stopped);
	finish();
}

/* What is older than lookback is not read, and counted. */
static void what_is_not_read_is_said(void **state_)
{
	(void)state_;
	begin_with_a_past(1, 1, 5, 70);
	spend(2);
	scene_mine(&scene, SCENE_DEPTH + 1);
	pay_rows(3);
	run_until(account()->past_known);
	assert_int_equal(known_below(7), 2);
	assert_int_equal(past_unread(runner, account()), 5);
	finish();
}

/* Nodes without the state of old blocks: each of them is read. */
static void a_past_is_read_without_old_state(void **state_)
{
	(void)state_;
	begin_with_a_past(1, 1, 5, 400);
	scene.config.lookback = 5000;
	scene.node[0]->state_depth = 128;
	pay_rows(3);
	run_until(account()->past_known);
	assert_int_equal(known_below(5), 5);
	finish();
}

/* With it, few are. */
static void a_long_past_costs_little(void **state_)
{
	uint64_t calls;

	(void)state_;
	begin_with_a_past(1, 1, 2, 3000);
	scene.config.lookback = 5000;
	pay_rows(3);
	calls = scene_calls(&scene);
	run_until(account()->past_known);
	assert_int_equal(known_below(2), 2);
	assert_in_range(scene_calls(&scene) - calls, 1, 250);
	finish();
}

static void a_start_in_the_middle_reads_it_again(void **state_)
{
	(void)state_;
	begin_with_a_past(1, 1, 5, 30);
	pay_rows(3);
	run_until(account()->past);
	for (int i = 0; i < 10 && !account()->past_known; i++) {
		run(60);
		rise_again();
		run_until(runner_operation(runner, lists[0].id) && account()->known);
	}
	run_until(account()->past_known);
	assert_int_equal(known_below(5), 5);
	finish();
}

/* Two payments by hand, three rows that equal them: two are adopted, one is paid. */
static void as_many_are_adopted_as_were_paid(void **state_)
{
	(void)state_;
	begin_with_a_past(3, 2, 2, 20);
	pay(&(struct list){ .rows = 5, .alike = 3, .adopt = true });
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 5);
	assert_int_equal(paid(&lists[0], 1), 1); /* by us, besides the two */
	assert_int_equal(paid(&lists[0], 4), 1);
	assert_int_equal(paid(&lists[0], 5), 1);
	assert_string_equal(account()->doubt, "");
}

/* What was paid under the list's own name was paid by a journal that is lost: what it
 * may have in the pools is fenced off. */
static void a_list_of_a_lost_journal_is_fenced(void **state_)
{
	(void)state_;
	begin(1, 1);
	pay_rows(6);
	run_until(op()->by_state[ITEM_FINAL].n >= 2);
	rest();
	scene_anew(&scene);
	lists_n = 0;
	rise();
	run_until(chain()->id);
	pay(&(struct list){ .rows = 6, .adopt = true });
	run_until(account()->doubt[0]);
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 6);
	check_exact();
}

/* Nobody asked for it: what was paid before is paid again. */
static void nothing_is_adopted_unasked(void **state_)
{
	(void)state_;
	begin_with_a_past(3, 2, 2, 20);
	pay_rows(3);
	finish();
	assert_int_equal(paid(&lists[0], 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    the_past_is_read_before_anything_is_reserved, end),
		cmocka_unit_test_teardown(what_is_not_read_is_said, end),
		cmocka_unit_test_teardown(a_past_is_read_without_old_state, end),
		cmocka_unit_test_teardown(a_long_past_costs_little, end),
		cmocka_unit_test_teardown(a_start_in_the_middle_reads_it_again, end),
		cmocka_unit_test_teardown(as_many_are_adopted_as_were_paid, end),
		cmocka_unit_test_teardown(a_list_of_a_lost_journal_is_fenced, end),
		cmocka_unit_test_teardown(nothing_is_adopted_unasked, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
