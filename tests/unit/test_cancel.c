/* An operator who changes his mind: pauses, cancels, empty attempts on what is live. */
#include "payer.h"

static uint64_t paid_in_all(void)
{
	uint64_t n = 0;

	for (int i = 1; i <= lists[0].rows; i++) {
		assert_in_range(paid(&lists[0], i), 0, 1);
		n += paid(&lists[0], i);
	}
	return n;
}

static bool is_emptied(int64_t row)
{
	struct intent i = intent(item(row).intent);
	struct sql_attempt_get_out at;

	return sql_attempt_get_one(
		   scene.journal, &(struct sql_attempt_get_in){ .id = i.attempt }, &at) &&
	    at.empty;
}

static void cancel_now(void)
{
	struct fail f = { 0 };

	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
}

static void ends_unpaid(void)
{
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(paid_in_all(), 0);
	check_fees();
}

/* At thirty times the fee, and with a bump before it: each live intent holds enough for
 * its empty attempt. */
static void a_cancel_now_uses_the_room_that_is_held(void **state_)
{
	struct fee_row row[16];

	(void)state_;
	begin_in_flight(1, 1, 4, 4);
	cap_at_what_is_held();
	for (int i = 0; i < scene.config.bump_after; i++)
		mine_at(GWEI);
	assert_int_equal(attempts_of(item(1).intent, row), 2);
	mine_at(30 * GWEI);
	cancel_now();
	run(3000);
	for (int i = 1; i <= 4; i++)
		assert_true(is_emptied(i));
	scene.chain->base_fee_next = GWEI;
	ends_unpaid();
}

static void a_cancel_that_its_cap_holds_up_says_so(void **state_)
{
	(void)state_;
	begin_in_flight(1, 1, 4, 4);
	cap_at_what_is_held();
	cancel_now();
	run(2000);
	assert_true(is_emptied(1));
	for (int i = 0; i < 8; i++)
		mine_at(60 * GWEI); /* the empty ones are too cheap now */
	assert_int_equal(state(), OPERATION_CANCELLING);
	assert_says(op()->waits_for, "the cap on fees does not cover an empty attempt");
	assert_says(op()->waits_for, "pawl resume wages --max-total-fee AMOUNT");
	raise_cap("5");
	run(3000);
	assert_string_equal(op()->waits_for, "what is live to be final");
	ends_unpaid();
}

/* What it replaces is as dear as anything may be here, and no pool has it any more. */
static void a_cancel_now_ends_at_the_fee_cap(void **state_)
{
	struct fee_row row[16];

	(void)state_;
	begin_in_flight(1, 1, 4, 4);
	attempts_of(item(1).intent, row);
	scene.config.max_fee_per_gas = row[0].max_fee;
	sim_pool_drop_all(scene.chain);
	cancel_now();
	ends_unpaid();
}

/* And those that a pool still has pay, and are none that fail. */
static void a_cancel_at_the_fee_cap_takes_no_place(void **state_)
{
	struct fee_row row[16];

	(void)state_;
	begin_in_flight(1, 1, 4, 4);
	attempts_of(item(1).intent, row);
	scene.config.max_fee_per_gas = row[0].max_fee;
	cancel_now();
	run(2000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(paid_in_all(), op()->by_state[ITEM_FINAL].n);
	check_fees();
}

/* More than are looked at in one go, and behind others. */
static void a_cancel_now_empties_all_at_once(void **state_)
{
	(void)state_;
	begin(1, 1);
	scene.config.max_in_flight = 400;
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(ROWS_MAX);
	run_until(is_signed(ROWS_MAX));
	cancel_now();
	run(2000);
	for (int i = 1; i <= ROWS_MAX; i++)
		assert_true(is_emptied(i));
	ends_unpaid();
}

static void a_pause_reserves_nothing_new(void **state_)
{
	struct fail f = { 0 };
	int64_t pending;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(12);
	run_until(op()->by_state[ITEM_LIVE].n >= 3);
	assert_int_equal(operation_pause(runner, op(), &f), ERR_OK);
	pending = op()->by_state[ITEM_PENDING].n;
	run(40000);
	assert_int_equal(state(), OPERATION_PAUSED);
	assert_int_equal(op()->by_state[ITEM_PENDING].n, pending);
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
	rise_again();
	run(20000);
	assert_int_equal(op()->by_state[ITEM_PENDING].n, pending);
	resume();
	finish();
}

static void a_cancel_settles_what_is_live(void **state_)
{
	struct sim_ledger ledger;
	struct fail f = { 0 };
	int64_t open;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(12);
	run_until(op()->by_state[ITEM_LIVE].n >= 3);
	open = op()->by_state[ITEM_LIVE].n + op()->by_state[ITEM_FINAL].n;
	assert_int_equal(operation_cancel(runner, op(), false, &f), ERR_OK);
	run_until(ended());
	assert_int_equal(state(), OPERATION_CANCELLED);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, open);
	assert_int_equal(paid_in_all(), (uint64_t)open);
	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	assert_int_equal(ledger.empty, 0);
	check_fees();
}

/* Empty attempts on every nonce; a payload that is out already may still win. */
static void a_cancel_now_empties_what_is_live(void **state_)
{
	struct sim_ledger ledger;

	(void)state_;
	begin_in_flight(1, 1, 12, 4);
	cancel_now();
	run(5000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(state(), OPERATION_CANCELLED);
	assert_int_equal(paid_in_all(), 0);
	assert_int_equal(op()->by_state[ITEM_PENDING].n, 12);
	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	assert_int_equal(ledger.empty, 4);
	check_fees();
}

/* Four in a row would be three too many, if they were anybody else's. */
static void empty_attempts_are_our_own(void **state_)
{
	struct sql_consumed_highest_out foreign = { .no_nonce = true };

	(void)state_;
	begin_in_flight(3, 2, 4, 4);
	cancel_now();
	run(3000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_false(account()->stopped);
	sql_consumed_highest_one(scene.journal,
	    &(struct sql_consumed_highest_in){ .account = account()->id }, &foreign);
	assert_true(foreign.no_nonce);
	check_fees();
}

/* It is cancelled while a worker signs its payload: that attempt never comes to be. */
static void a_cancel_overtakes_the_signing(void **state_)
{
	struct sql_attempt_of_intent_in in;
	struct sql_attempt_of_intent_out row;
	size_t n = 0;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(1);
	while (!live(1)) {
		turn();
		if (!live(1))
			world_wait(scene.world, runner_wake_ms(runner));
	}
	in.intent = item(1).intent;
	assert_false(intent(in.intent).has_attempt);
	cancel_now();
	run_until(ended());
	sql_attempt_of_intent_begin(scene.journal, &in);
	for (; sql_attempt_of_intent_next(scene.journal, &row); n++)
		assert_true(row.empty);
	assert_true(n > 0);
	assert_int_equal(paid(&lists[0], 1), 0);
}

/* Decided is decided: while no empty attempt can be paid for, the payload is not sent
 * again either, though nobody has it any more. */
static void a_cancelled_payload_is_never_sent_again(void **state_)
{
	(void)state_;
	begin_in_flight(1, 1, 3, 3);
	assert_int_equal(scene.chain->pooled, 3);
	scene.config.max_fee_per_gas = 1;
	cancel_now();
	sim_pool_drop_all(scene.chain);
	run(120000);
	assert_int_equal(scene.chain->pooled, 0);
	rise_again();
	run(120000);
	assert_int_equal(scene.chain->pooled, 0);
	scene.config.max_fee_per_gas = 500 * GWEI;
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(state(), OPERATION_CANCELLED);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(paid(&lists[0], i), 0);
	check_fees();
}

static void a_payload_may_win_over_its_cancel(void **state_)
{
	struct sim_ledger ledger;

	(void)state_;
	begin_in_flight(1, 1, 12, 4);
	cancel_now();
	turn();
	scene_mine(&scene, 1); /* the empty ones are not there yet */
	run(3000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(state(), OPERATION_CANCELLED);
	assert_int_equal(paid_in_all(), 4);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 4);
	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	assert_int_equal(ledger.empty, 0);
	check_fees();
}

/* Neither all rows nor one of them. */
static void what_is_cancelled_is_not_tried_again(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin_in_flight(1, 1, 6, 2);
	assert_int_equal(operation_cancel(runner, op(), false, &f), ERR_OK);
	cancel_now();
	assert_int_equal(state(), OPERATION_CANCELLING);
	assert_int_equal(operation_retry(runner, op(), WORD_NONE, &f), ERR_CONFLICT);
	assert_says(f.why, "its rows are not tried again");
	assert_int_equal(
	    operation_retry_row(runner, op(), 5, WORD_NONE, &f), ERR_CONFLICT);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(
	    operation_retry_row(runner, op(), 5, WORD_NONE, &f), ERR_CONFLICT);
	assert_says(f.why, "wages is cancelled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(what_is_cancelled_is_not_tried_again),
		T(a_cancel_now_uses_the_room_that_is_held),
		T(a_cancel_that_its_cap_holds_up_says_so),
		T(a_cancel_now_ends_at_the_fee_cap),
		T(a_cancel_at_the_fee_cap_takes_no_place),
		T(a_cancel_now_empties_all_at_once),
		T(a_pause_reserves_nothing_new),
		T(a_cancel_settles_what_is_live),
		T(a_cancel_now_empties_what_is_live),
		T(empty_attempts_are_our_own),
		T(a_cancel_overtakes_the_signing),
		T(a_cancelled_payload_is_never_sent_again),
		T(a_payload_may_win_over_its_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
