/* Rows that can't be paid: recipients that refuse, and tokens that lie. */
#include "payer.h"

static void a_row_whose_estimate_reverts_is_void_without_a_nonce(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_with_a_refusal();
	run_until(ended());
	assert_int_equal(item(3).state, ITEM_VOID);
	assert_string_equal(item(3).reason, "its estimate reverts: no coin here");
	assert_int_equal(intents_of(3, ids), 0);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 4);
	assert_int_equal(op()->by_state[ITEM_VOID].n, 1);
	assert_int_equal(sim_count(scene.chain, scene.chain->head, &scene.sender), 4);
	check_fees();
}

static void an_absurd_estimate_stops_it(void **state_)
{
	(void)state_;
	begin_with_a_wallet(1, 1);
	scene.node[0]->estimate = 30000001;
	pay_rows(3);
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "row 2 would need 30000001 gas");
	assert_says(op()->waits_for, "pawl resume wages");
	scene.node[0]->estimate = 0;
	resume();
	finish();
}

static void a_token_with_a_fee_is_final_and_flagged(void **state_)
{
	(void)state_;
	begin_token(SIM_TOKEN_FEE);
	token->fee_per_mille = 100;
	pay_rows(5);
	run_until(ended());
	assert_int_equal(state(), OPERATION_COMPLETED);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(item(i).state, ITEM_FINAL);
		assert_says(item(i).reason, "another amount arrived");
		assert_int_equal(paid(&lists[0], i), 1);
	}
	check_fees();
}

static void a_token_that_does_nothing_is_void(void **state_)
{
	(void)state_;
	begin_token(SIM_TOKEN_FALSE);
	pay_rows(3);
	run_until(ended());
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(item(i).state, ITEM_VOID);
		assert_string_equal(item(i).reason, "no transfer seen");
		assert_int_equal(paid(&lists[0], i), 0);
	}
	check_fees();
}

static void a_token_without_a_return_value_is_paid(void **state_)
{
	(void)state_;
	begin_token(SIM_TOKEN_NO_RETURN);
	pay_rows(7);
	finish();
}

static void a_refused_recipient_is_void_and_can_be_tried_again(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	lists[0].rows = 6;
	rows_fill(&lists[0]);
	token->refuses = true;
	token->refused = lists[0].to[2];
	pay_rows(6);
	run_until(ended());
	assert_int_equal(item(2).state, ITEM_VOID);
	run(2000);
	assert_string_equal(item(2).reason, "reverted: recipient refused");
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 5);
	check_fees();
	token->refuses = false;
	assert_int_equal(operation_retry(runner, op(), WORD_NONE, &f), ERR_OK);
	turn();
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 6);
	for (int i = 1; i <= 6; i++)
		assert_int_equal(paid(&lists[0], i), 1);
	check_fees();
}

/* What it needs is more than any node's estimate said. */
static void a_row_that_ran_out_of_gas_gets_twice_as_much(void **state_)
{
	struct fail f = { 0 };
	int64_t ids[8];

	(void)state_;
	begin_with_a_wallet(1, 1);
	scene.node[0]->estimate = 21000;
	pay_rows(3);
	run_until(ended());
	assert_int_equal(item(2).state, ITEM_VOID);
	assert_string_equal(item(2).reason, "out_of_gas");
	assert_int_equal(operation_retry_row(runner, op(), 2, WORD_NONE, &f), ERR_OK);
	assert_int_equal(operation_retry_row(runner, op(), 2, WORD_NONE, &f), ERR_OK);
	assert_int_equal(item(2).gas, 2 * 26250);
	turn();
	finish();
	assert_int_equal(intents_of(2, ids), 2);
	assert_int_equal(
	    operation_retry_row(runner, op(), 2, WORD_NONE, &f), ERR_CONFLICT);
	assert_says(f.why, "row 2 of wages is final");
	assert_int_equal(
	    operation_retry_row(runner, op(), 4, WORD_NONE, &f), ERR_NOT_FOUND);
	assert_says(f.why, "has 3 rows, and no row 4");
}

/* All rows share the reason: none is void for it. */
static void a_token_that_would_revert_stops_it(void **state_)
{
	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	token->paused = true;
	pay_rows(3);
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "a transfer of the token would revert");
	assert_int_equal(op()->by_state[ITEM_PENDING].n, 3);
	token->paused = false;
	scene.node[0]->estimate = 30000001;
	resume();
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "would need 30000001 gas");
	scene.node[0]->estimate = 0;
	resume();
	finish();
}

/* A token that is paused for a while must not burn the gas of all rows. */
static void the_brake_stops_a_token_that_reverts(void **state_)
{
	struct sim_ledger ledger;

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	scene.config.max_in_flight = 2;
	pay_rows(20);
	run_until(op()->by_state[ITEM_FINAL].n >= 1);
	token->paused = true;
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "5 of the last 10");
	run(30000);
	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	assert_in_range(ledger.failed, 5, 9);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	token->paused = false;
	resume();
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_VOID].n, (int64_t)ledger.failed);
	check_fees();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(a_row_whose_estimate_reverts_is_void_without_a_nonce),
		T(an_absurd_estimate_stops_it),
		T(a_token_with_a_fee_is_final_and_flagged),
		T(a_token_that_does_nothing_is_void),
		T(a_token_without_a_return_value_is_paid),
		T(a_refused_recipient_is_void_and_can_be_tried_again),
		T(a_row_that_ran_out_of_gas_gets_twice_as_much),
		T(a_token_that_would_revert_stops_it),
		T(the_brake_stops_a_token_that_reverts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
