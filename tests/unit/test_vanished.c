/* Blocks that vanish: within the bound nothing changes, beyond it what was final reopens,
 * and who is contested is paid once. */
#include "payer.h"

static void reorgs_within_the_bound_change_nothing(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin(3, 2);
	run_until(chain()->id);
	pay_rows(16);
	for (uint64_t i = 0; i < 6; i++) {
		after_blocks(3);
		reorg(1 + i % SCENE_DEPTH, i % 2);
	}
	finish();
	for (int64_t i = 1; i <= 16; i++)
		assert_int_equal(intents_of(i, ids), 1); /* the same bytes */
}

static void a_reorg_while_it_is_down(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(12);
	run_until(op()->by_state[ITEM_FINAL].n >= 1);
	rest();
	reorg(SCENE_DEPTH, false);
	scene_rise(&scene);
	rise();
	finish();
}

static void beyond_the_bound_items_reopen_and_end_exact(void **state_)
{
	int64_t was, ids[8];

	(void)state_;
	begin(3, 2);
	run_until(chain()->id);
	pay_rows(12);
	run_until(op()->by_state[ITEM_FINAL].n >= 6);
	was = op()->by_state[ITEM_FINAL].n;
	reorg(SCENE_DEPTH + 4, false);
	run_until(follower_stopped(chain()->follower));
	run(20000);
	assert_says(follower_waits_for(chain()->follower), "pawl resume chain:sim");
	rise_again();
	run(20000);
	assert_true(follower_stopped(chain()->follower));
	assert_in_range(op()->by_state[ITEM_FINAL].n, was, 12);
	resume();
	turn();
	assert_true(op()->by_state[ITEM_FINAL].n < was);
	finish();
	for (int64_t i = 1; i <= 12; i++)
		assert_int_equal(intents_of(i, ids), 1);
}

static void beyond_the_bound_a_completed_list_reopens(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 4, .service_fee = 50 });
	finish();
	reorg(SCENE_DEPTH + 4, false);
	resume_chain();
	run(10);
	finish();
	assert_int_equal(fee_paid(), 1);
}

/* It is void by a revert, and tried again. */
static void try_row_2_again(void)
{
	struct fail f = { 0 };

	begin_token(SIM_TOKEN_PLAIN);
	lists[0].rows = 3;
	rows_fill(&lists[0]);
	token->refuses = true;
	token->refused = lists[0].to[2];
	pay_rows(3);
	run_until(ended());
	assert_int_equal(item(2).state, ITEM_VOID);
	token->refuses = false;
	sim_mining(scene.chain, 0);
	assert_int_equal(operation_retry(runner, op(), WORD_NONE, &f), ERR_OK);
	turn();
}

static void pay_row_2_on_its_second_try(int64_t ids[8])
{
	try_row_2_again();
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(intents_of(2, ids), 2);
	assert_int_equal(paid(&lists[0], 2), 1);
}

/* And both blocks vanish; nobody gives anything back. */
static void begin_contested(int64_t ids[8])
{
	pay_row_2_on_its_second_try(ids);
	sim_mining(scene.chain, 0);
	reorg(height() - 11, false);
	resume_chain();
}

/* Row 2 was void by a revert and paid on its second try; then both blocks vanish, and
 * the first bytes would succeed now. */
static void a_contested_row_is_paid_once(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_contested(ids);
	turn();
	assert_int_equal(item(2).state, ITEM_LIVE);
	assert_int_equal(intent(ids[0]).emptied, 1);
	assert_int_equal(intent(ids[1]).emptied, 2);
	run(5000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	for (int i = 1; i <= 3; i++)
		assert_int_equal(paid(&lists[0], i), 1);
	check_fees();
}

/* The same where the nodes put the first bytes back by themselves: they win, and the
 * second payload never leaves again. */
static void a_contested_row_whose_old_bytes_win_is_paid_once(void **state_)
{
	int64_t ids[8];

	(void)state_;
	pay_row_2_on_its_second_try(ids);
	sim_mining(scene.chain, 0);
	retracts = true;
	sim_reorg(scene.chain,
	    &(struct sim_reorg){ .depth = height() - 11,
		.give_back = true,
		.content = { .empty = true } }); /* both are in the pool again */
	resume_chain();
	turn();
	assert_int_equal(intent(ids[0]).emptied, 1);
	assert_int_equal(intent(ids[1]).emptied, 2);
	run(5000); /* an empty attempt replaces the older one in the pool */
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(paid(&lists[0], 2), 1);
	check_fees();
}

/* The second try is out, and in no block that could vanish, too. */
static void a_second_try_is_held_that_is_in_no_block(void **state_)
{
	int64_t ids[8];

	(void)state_;
	try_row_2_again();
	run_until(is_signed(2));
	run(2000);
	assert_int_equal(intents_of(2, ids), 2);
	reorg(height() - 11, false);
	resume_chain();
	turn();
	assert_int_equal(item(2).state, ITEM_LIVE);
	assert_int_equal(intent(ids[0]).emptied, 1);
	assert_int_equal(intent(ids[1]).emptied, 2);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(paid(&lists[0], 2), 1);
	check_fees();
}

/* Three tries: the last one is held until no older one can win. */
static void a_row_contested_thrice_waits_for_all_older(void **state_)
{
	struct fail f = { 0 };
	struct intent first;
	int64_t ids[8];

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	lists[0].rows = 2;
	rows_fill(&lists[0]);
	token->refuses = true;
	token->refused = lists[0].to[2];
	pay_rows(2);
	run_until(ended());
	assert_int_equal(operation_retry(runner, op(), WORD_NONE, &f), ERR_OK);
	turn();
	run_until(ended());
	token->refuses = false;
	assert_int_equal(operation_retry(runner, op(), WORD_NONE, &f), ERR_OK);
	turn();
	run_until(ended());
	assert_int_equal(intents_of(2, ids), 3);
	sim_mining(scene.chain, 0);
	reorg(height() - 11, false);
	resume_chain();
	turn();
	first = intent(ids[0]);
	scene_spend(&scene, first.nonce, &stranger_to, 5, 60 * GWEI);
	intent_void(runner, &first, false, "another transaction consumed the nonce", "");
	turn();
	assert_int_equal(intent(ids[2]).emptied, 2);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(paid(&lists[0], 2), 1);
	check_fees();
}

/* The service fee failed, was tried again and paid; then both blocks vanish, and the
 * first bytes would succeed now. give_back: the nodes put them back by themselves. */
static void fee_is_contested(bool give_back)
{
	struct fail f = { 0 };
	struct intent old, new;
	int64_t ids[8];

	begin(1, 1);
	run_until(chain()->id);
	sim_account_code(scene.chain, &fee_to, SIM_CODE_REVERTS, 0);
	pay(&(struct list){ .rows = 2, .service_fee = 77 });
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "the service fee failed");
	sim_account_code(scene.chain, &fee_to, SIM_CODE_NONE, 0);
	assert_int_equal(operation_retry(runner, op(), WORD_NONE, &f), ERR_OK);
	resume();
	run_until(ended());
	assert_int_equal(fee_paid(), 1);
	assert_int_equal(intents_of(-1, ids), 1);
	old = intent(ids[0]);
	assert_int_equal(intents_of(0, ids), 1);
	new = intent(ids[0]);
	sim_mining(scene.chain, 0);
	retracts = true;
	sim_reorg(scene.chain,
	    &(struct sim_reorg){ .depth = height() - 11,
		.give_back = give_back,
		.content = { .empty = true } });
	resume_chain();
	turn();
	assert_int_equal(intent(old.id).emptied, 1);
	assert_int_equal(intent(new.id).emptied, 2);
	run(5000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	assert_int_equal(fee_paid(), 1);
	check_fees();
}

static void a_contested_service_fee_is_paid_once(void **state_)
{
	(void)state_;
	fee_is_contested(false);
	end(NULL);
	fee_is_contested(true);
}

/* Given up, and the new try not begun: the old one is the fee again. */
static void a_service_fee_that_is_live_again_is_paid_once(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	sim_account_code(scene.chain, &fee_to, SIM_CODE_REVERTS, 0);
	pay(&(struct list){ .rows = 2, .service_fee = 77 });
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	sim_account_code(scene.chain, &fee_to, SIM_CODE_NONE, 0);
	assert_int_equal(operation_retry(runner, op(), WORD_NONE, &f), ERR_OK);
	turn();
	reorg(height() - 11, false);
	resume_chain();
	run_until(ended());
	assert_int_equal(fee_paid(), 1);
	check_fees();
}

/* A stranger's block was final, the payload moved, and the block vanished. */
static void a_row_that_moved_for_a_stranger_is_paid_once(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_in_flight(1, 1, 2, 2);
	scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(intents_of(1, ids), 2);
	sim_mining(scene.chain, 0);
	reorg(height() - 10, false);
	resume_chain();
	turn();
	assert_int_equal(item(1).state, ITEM_LIVE);
	run(5000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	for (int i = 1; i <= 2; i++)
		assert_int_equal(paid(&lists[0], i), 1);
	check_fees();
}

/* The bytes of a payload that were out already. */
static void send_old_bytes(int64_t intent_id)
{
	struct intent i = intent(intent_id);
	struct sql_attempt_get_out at;
	struct sim_word word;
	struct sign_job job = {
		.key = scene.key, .nonce = i.nonce, .payload = i.payload
	};

	assert_true(sql_attempt_get_one(
	    scene.journal, &(struct sql_attempt_get_in){ .id = i.attempt }, &at));
	job.chain_id = 31337;
	job.fees = (struct fees){ .type = (enum fee_type)at.fee_type,
		.gas = (uint64_t)at.gas,
		.max_fee = (uint64_t)at.max_fee,
		.tip = (uint64_t)at.tip };
	assert_non_null(sim_pool_send_foreign(scene.chain, &word, &job));
}

/* The older payload won: the newer one's nonce is a hole until its empty attempt is
 * final, in this life or the next. */
static void a_rival_that_lost_is_settled_too(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_contested(ids);
	scene.config.max_fee_per_gas = 1; /* no empty attempt yet */
	turn();
	run(3000);
	send_old_bytes(ids[0]);
	for (int k = 0; k < SCENE_DEPTH + 2; k++) {
		scene_mine(&scene, 1);
		run(3000);
	}
	assert_int_equal(item(2).state, ITEM_FINAL);
	assert_int_equal(intent(ids[1]).emptied, 1);
	assert_int_equal(intent(ids[1]).state, INTENT_SIGNED);
	scene.config.max_fee_per_gas = 500 * GWEI;
	rise_again();
	run_until(chain()->id);
	sim_mining(scene.chain, INTERVAL_MS);
	pay(&(struct list){ .rows = 2, .name = "bonus" });
	run_until(op_of(&lists[1])->state == OPERATION_COMPLETED);
	run_until(op_of(&lists[0])->state == OPERATION_COMPLETED);
	assert_int_equal(paid(&lists[0], 2), 0); /* but by the bytes that were out */
	assert_int_equal(intent(ids[1]).state, INTENT_VOID);
	assert_true(amount_is_zero(&op_of(&lists[0])->fees_held));
}

/* Both payloads may win: each holds what its dearest attempt costs. */
static void what_is_contested_holds_its_fees(void **state_)
{
	int64_t ids[8];
	struct amount sum = AMOUNT_ZERO, fees;

	(void)state_;
	begin_contested(ids);
	turn();
	for (int k = 0; k < 2; k++) {
		struct intent i = intent(ids[k]);

		assert_true(amount_sub(&fees, &i.cost, &i.payload.value));
		assert_true(amount_cmp(&i.held, &fees) >= 0);
		assert_true(amount_add(&sum, &sum, &i.held));
	}
	for (int row = 1; row <= 3; row += 2) {
		struct intent i = intent(item(row).intent);

		assert_true(amount_add(&sum, &sum, &i.held));
	}
	assert_int_equal(amount_cmp(&sum, &op()->fees_held), 0);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	check_fees();
}

/* Its blocks vanish while only another key's list is run. */
static void rows_of_an_ended_list_are_not_lost(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(2);
	finish();
	sim_mining(scene.chain, 0);
	reorg(height() - 10, false);
	rise_again();
	runner->s.only_operation = 999; /* another key's list is run */
	run_until(chain()->id && follower_stopped(chain()->follower));
	run(5000);
	assert_int_equal(follower_accept(chain()->follower, &f), ERR_OK);
	turn();
	run(2000);
	assert_true(live(1));
	rise_again();
	run_until(runner->operations_n);
	scene.config.max_fee_per_gas = 1;
	run(500);
	scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 90 * GWEI);
	scene_mine(&scene, 1);
	scene_mine(&scene, SCENE_DEPTH + 1);
	run(10000);
	scene.config.max_fee_per_gas = 500 * GWEI;
	sim_mining(scene.chain, INTERVAL_MS);
	run(60000);
	assert_int_equal(item(1).state, ITEM_FINAL);
	finish();
}

/* It had no bytes when a stranger took its nonce, whose final block vanishes. */
static void what_is_reserved_again_is_asked_for(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	refuse_to_sign();
	pay_rows(4);
	run_until(account()->stopped);
	run(20000);
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
	run(30000);
	assert_int_equal(item(3).state, ITEM_PENDING);
	sign_again();
	resume();
	finish();
	assert_int_equal(intents_of(3, ids), 2);
	sim_mining(scene.chain, 0);
	reorg(height() - 10, false);
	resume_chain();
	turn();
	assert_int_equal(intent(ids[0]).state, INTENT_RESERVED);
	run(5000);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	for (int i = 1; i <= 4; i++)
		assert_int_equal(paid(&lists[0], i), 1);
	check_fees();
}

/* Whoever had both gives them back: the row is paid twice, and says so. */
static void a_contested_row_that_both_bytes_pay_is_said(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_contested(ids);
	scene.config.max_fee_per_gas = 1; /* no empty attempt is in time */
	turn();
	run(3000);
	send_old_bytes(ids[0]);
	send_old_bytes(ids[1]);
	for (int k = 0; k < SCENE_DEPTH + 2; k++) {
		scene_mine(&scene, 1);
		run(3000);
	}
	assert_int_equal(item(2).state, ITEM_FINAL);
	assert_string_equal(item(2).reason, REASON_TWICE);
	assert_int_equal(intent(ids[0]).state, INTENT_FINAL);
	assert_int_equal(intent(ids[1]).state, INTENT_FINAL);
}

/* The rows were final when the service fee was begun. */
static void rows_come_before_the_service_fee_again(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 4, .service_fee = 50 });
	run_until(state() == OPERATION_PAYING_FEE);
	sim_mining(scene.chain, 0);
	reorg(height() - 10, false);
	resume_chain();
	run_until(state() == OPERATION_DISTRIBUTING);
	assert_true(op()->by_state[ITEM_LIVE].n > 0);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(fee_paid(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(a_contested_row_that_both_bytes_pay_is_said),
		T(rows_come_before_the_service_fee_again),
		T(reorgs_within_the_bound_change_nothing),
		T(a_reorg_while_it_is_down),
		T(beyond_the_bound_items_reopen_and_end_exact),
		T(beyond_the_bound_a_completed_list_reopens),
		T(a_contested_row_is_paid_once),
		T(a_contested_row_whose_old_bytes_win_is_paid_once),
		T(a_second_try_is_held_that_is_in_no_block),
		T(a_row_contested_thrice_waits_for_all_older),
		T(a_contested_service_fee_is_paid_once),
		T(a_service_fee_that_is_live_again_is_paid_once),
		T(a_row_that_moved_for_a_stranger_is_paid_once),
		T(a_rival_that_lost_is_settled_too),
		T(what_is_contested_holds_its_fees),
		T(rows_of_an_ended_list_are_not_lost),
		T(what_is_reserved_again_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
