/* What was adopted has an end, whatever becomes of its blocks and of its rivals. */
#include "payer.h"

static void spend_for(int row, uint64_t nonce)
{
	(void)spend_tagged(row, nonce, 20 * GWEI);
}

/* So many rows are signed, and their bytes are nowhere. */
static void begin_signed(int rows, int in_flight)
{
	begin_in_flight(1, 1, rows, in_flight);
	sim_pool_drop_all(scene.chain);
}

static void go_on(void)
{
	sim_mining(scene.chain, INTERVAL_MS);
	if (account()->stopped)
		account_resume(runner, account());
}

/* Two lives signed for one nonce; but each row is paid once, and nothing is left. */
static void finish_each_once(void)
{
	run_until(ended() && !account()->doubt[0]);
	for (size_t k = 0; k < lists_n; k++) {
		const struct list *l = &lists[k];

		assert_int_equal(op_of(l)->state, OPERATION_COMPLETED);
		assert_int_equal(op_of(l)->by_state[ITEM_FINAL].n, l->rows);
		assert_true(amount_is_zero(&op_of(l)->fees_held));
		for (int row = 1; row <= l->rows; row++)
			if (paid(l, row) != 1)
				fail_msg("row %d of %s: paid %d times", row, l->name,
				    (int)paid(l, row));
	}
}

/* Its block vanishes, and another one has it again: what held its nonce is dead all the
 * same. */
static void an_adopted_payment_whose_block_came_again(void **state_)
{
	uint64_t nonce;

	(void)state_;
	begin_signed(2, 1);
	nonce = intent(item(1).intent).nonce;
	spend_for(2, nonce);
	scene_mine(&scene, 1);
	run_until(live(2));
	reorg(1, true);
	run(3000);
	go_on();
	finish_each_once();
}

/* The other life gave each nonce to the row before: all are live here, and each dies
 * before what pays it is final. */
static void rows_that_moved_up_by_one(void **state_)
{
	(void)state_;
	begin_signed(4, 2);
	spend_for(3, 0);
	scene_mine(&scene, 1);
	spend_for(1, 1);
	scene_mine(&scene, 1);
	spend_for(2, 2);
	scene_mine(&scene, 1);
	run(3000);
	go_on();
	finish_each_once();
}

/* The same, in one block. */
static void rows_that_moved_up_in_one_block(void **state_)
{
	(void)state_;
	begin_signed(4, 2);
	spend_for(3, 0);
	spend_for(1, 1);
	spend_for(2, 2);
	scene_mine(&scene, 1);
	run(3000);
	go_on();
	finish_each_once();
}

/* All that is known of it is what a block showed, and that one vanished: at the price
 * limit, too. */
static void bytes_that_only_a_block_had(void **state_)
{
	(void)state_;
	begin_signed(2, 2);
	scene_mine(&scene, 1);
	/* a dearer one of the other life, at the limit */
	spend_tagged(1, 0, 499 * GWEI);
	scene.chain->base_fee_next = GWEI;
	scene_mine(&scene, 1);
	run(3000);
	reorg(1, false);
	sim_pool_drop_all(scene.chain);
	go_on();
	finish_each_once();
}

/* On a nonce of its own, with its block gone: only its fees are known. */
static void an_adopted_one_at_the_limit_lost_its_block(void **state_)
{
	(void)state_;
	begin_still(1, 1);
	pay_rows(2);
	assert_int_equal(operation_pause(runner, op(), NULL), ERR_OK);
	run(3000);
	spend_tagged(2, 0, 499 * GWEI);
	scene_mine(&scene, 1);
	run_until(live(2));
	reorg(1, false);
	sim_pool_drop_all(scene.chain);
	resume();
	go_on();
	finish_each_once();
}

/* A payment by hand that took the nonce of another list's row. */
static void a_payment_on_a_nonce_that_was_held_is_adopted(void **state_)
{
	(void)state_;
	begin_signed(1, 1);
	lists[1].rows = 3;
	rows_fill(&lists[1]);
	scene_spend(&scene, 0, &lists[1].to[2], lists[1].amount[2], 60 * GWEI);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(op()->by_state[ITEM_FINAL].n == 1);
	pay(&(struct list){ .name = "more", .rows = 3, .adopt = true });
	run_until(ended());
	assert_int_equal(op_of(&lists[1])->by_state[ITEM_FINAL].n, 3);
	assert_int_equal(paid(&lists[1], 1), 1);
	assert_int_equal(paid(&lists[1], 2), 0); /* by us */
	assert_int_equal(paid(&lists[1], 3), 1);
}

/* By hand: row 1 of the second list, in the token. */
static void pay_by_hand(uint64_t nonce, uint64_t gas)
{
	struct sign_job job = { .key = scene.key, .nonce = nonce };
	struct sim_word word;
	struct payment p;

	lists[1].rows = 2;
	rows_fill(&lists[1]);
	p = (struct payment){ .token = true,
		.asset = token->at,
		.to = lists[1].to[1],
		.amount = amount_u64(lists[1].amount[1]) };
	connector_evm.pay(&job.payload, &p);
	job.fees = (struct fees){
		.type = FEE_1559, .gas = gas, .max_fee = 60 * GWEI, .tip = GWEI
	};
	assert_non_null(sim_pool_send_foreign(scene.chain, &word, &job));
}

/* With too little gas. */
static void fail_to_pay(uint64_t nonce)
{
	pay_by_hand(nonce, 25000);
	after_blocks(2 * SCENE_DEPTH);
	run(3000);
}

static void adopt_flagged(void)
{
	pay(&(struct list){ .name = "more", .rows = 2, .adopt = true });
	run_until(ended());
	for (int row = 1; row <= 2; row++) {
		struct sql_item_get_in in = { .operation = lists[1].id, .row = row };
		struct sql_item_get_out i;

		assert_true(sql_item_get_one(scene.journal, &in, &i));
		assert_int_equal(i.state, ITEM_FINAL);
		assert_false(i.no_reason);
		assert_says(i.reason, "another amount arrived");
		assert_int_equal(paid(&lists[1], row), row > 1); /* by us */
	}
}

static void begin_token_that_takes_a_fee(void)
{
	begin_token(SIM_TOKEN_FEE);
	token->fee_per_mille = 100;
	run_until(chain()->id);
}

/* Beside a list of one row that was paid before. */
static void pay_by_hand_too(uint64_t blocks)
{
	begin_token_that_takes_a_fee();
	pay_rows(1);
	run_until(op()->by_state[ITEM_FINAL].n == 1);
	pay_by_hand(1, 90000);
	after_blocks(blocks);
	run(3000);
}

/* Less arrived than the row was to get: final, with the flag of any such row. */
static void an_adopted_payment_with_a_fee_is_flagged(void **state_)
{
	(void)state_;
	pay_by_hand_too(2 * SCENE_DEPTH);
	adopt_flagged();
}

static void so_is_one_of_the_past(void **state_)
{
	(void)state_;
	begin_token_that_takes_a_fee();
	pay_by_hand(0, 90000);
	after_blocks(2 * SCENE_DEPTH);
	pay_rows(1);
	run_until(op()->by_state[ITEM_FINAL].n == 1);
	adopt_flagged();
}

static void and_one_whose_block_is_not_final(void **state_)
{
	(void)state_;
	pay_by_hand_too(1);
	adopt_flagged();
}

/* A payment by hand that failed paid nobody. */
static void a_payment_that_failed_is_not_adopted(void **state_)
{
	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	run_until(chain()->id);
	pay_rows(1);
	run_until(op()->by_state[ITEM_FINAL].n == 1);
	fail_to_pay(1);
	pay(&(struct list){ .name = "more", .rows = 2, .adopt = true });
	finish_each_once();
}

static void nor_is_one_of_the_past(void **state_)
{
	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	run_until(chain()->id);
	fail_to_pay(0);
	pay_rows(1);
	run_until(op()->by_state[ITEM_FINAL].n == 1);
	pay(&(struct list){ .name = "more", .rows = 2, .adopt = true });
	finish_each_once();
}

static void blocks_without_ours(int n)
{
	for (int k = 0; k < n; k++) {
		run(2000);
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	}
}

/* What was adopted for row 2, which is live, lost its block, and another one took its
 * nonce for good. */
static void lose_what_was_adopted(int64_t ids[8])
{
	begin_signed(2, 2);
	spend_for(2, 0);
	scene_mine(&scene, 1);
	run_until(intents_of(2, ids) == 2);
	assert_int_equal(item(2).intent, ids[1]);
	reorg(1, false);
	sim_pool_drop_all(scene.chain);
	scene_spend(&scene, 0, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	blocks_without_ours(SCENE_DEPTH + 1);
	run_until(intent(ids[1]).state == INTENT_VOID);
}

/* The row is its own try's again, which may still win. */
static void a_row_goes_back_to_its_own_try(void **state_)
{
	int64_t ids[8];

	(void)state_;
	lose_what_was_adopted(ids);
	assert_int_equal(intent(ids[0]).state, INTENT_SIGNED);
	assert_true(live(2));
	assert_int_equal(item(2).intent, ids[0]);
	go_on();
	finish_each_once();
}

/* That died too, and the final block of its death vanishes: nothing else pays the row
 * while it may win. */
static void and_again_when_its_death_is_undone(void **state_)
{
	int64_t ids[8];

	(void)state_;
	lose_what_was_adopted(ids);
	run(2000);
	scene_mine(&scene, 1);
	blocks_without_ours(SCENE_DEPTH + 1);
	run_until(intent(ids[0]).state == INTENT_VOID);
	assert_int_equal(item(2).state, ITEM_PENDING);
	reorg(SCENE_DEPTH + 2, false);
	resume_chain();
	turn();
	assert_int_equal(intent(ids[0]).state, INTENT_SIGNED);
	assert_int_equal(intent(ids[1]).state, INTENT_VOID);
	assert_true(live(2));
	go_on();
	finish_each_once();
}

/* A copy made while the list was read: what the life that it forgot has paid is not paid
 * again when the list is read anew. */
static void a_copy_of_half_a_list(void **state_)
{
	(void)state_;
	begin(1, 1);
	pay(&(struct list){ .rows = 6, .cut_short = true });
	run_until(account()->past_known);
	keep();
	import_rest(&lists[0]);
	finish();
	forget();
	run_until(
	    account()->doubt[0] && account()->count == 6 && !account()->strangers_n);
	run(3000);
	assert_int_equal(op()->by_state[ITEM_PENDING].n, 6);
	import_rest(&lists[0]);
	finish_each_once();
}

/* Said while it runs: what a suspect one has left live is settled then, not at the next
 * start. */
static void a_suspect_that_was_accepted_is_a_proof(void **state_)
{
	(void)state_;
	begin_signed(3, 1);
	scene_spend(&scene, 0, &lists[0].to[3], lists[0].amount[3], 60 * GWEI);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	sql_consumed_clear(
	    scene.journal, &(struct sql_consumed_clear_in){ .account = account()->id });
	resume();
	finish_each_once();
}

static void some_turns(int n)
{
	while (n-- > 0) {
		world_wait(scene.world, runner_wake_ms(runner));
		turn();
	}
}

/* A journal made anew adopts what the lost one paid, and is killed twice meanwhile. */
static void adoption_outlives_its_deaths(void **state_)
{
	static const struct list wages = { .rows = 10, .alike = 4, .service_fee = 5 };

	for (int n = 1; n < 150; n += 12) {
		struct list anew = wages;

		begin(1, 1);
		pay(&wages);
		run_until(op()->by_state[ITEM_FINAL].n >= 3);
		rest();
		scene_anew(&scene);
		unlink(lists[--lists_n].file);
		rise();
		run_until(chain()->id);
		anew.adopt = true;
		pay(&anew);
		some_turns(n);
		rise_again();
		some_turns(n / 3);
		rise_again();
		run_until(runner_operation(runner, lists[0].id));
		run(30000);
		go_on(); /* what was mined meanwhile stops it */
		run_until(ended() && !account()->doubt[0]);
		check_exact();
		assert_int_equal(fee_paid(), 1);
		end(state_);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(adoption_outlives_its_deaths, end),
		cmocka_unit_test_teardown(a_suspect_that_was_accepted_is_a_proof, end),
		cmocka_unit_test_teardown(a_row_goes_back_to_its_own_try, end),
		cmocka_unit_test_teardown(and_again_when_its_death_is_undone, end),
		cmocka_unit_test_teardown(an_adopted_payment_whose_block_came_again, end),
		cmocka_unit_test_teardown(rows_that_moved_up_by_one, end),
		cmocka_unit_test_teardown(rows_that_moved_up_in_one_block, end),
		cmocka_unit_test_teardown(bytes_that_only_a_block_had, end),
		cmocka_unit_test_teardown(
		    an_adopted_one_at_the_limit_lost_its_block, end),
		cmocka_unit_test_teardown(
		    a_payment_on_a_nonce_that_was_held_is_adopted, end),
		cmocka_unit_test_teardown(an_adopted_payment_with_a_fee_is_flagged, end),
		cmocka_unit_test_teardown(so_is_one_of_the_past, end),
		cmocka_unit_test_teardown(and_one_whose_block_is_not_final, end),
		cmocka_unit_test_teardown(a_payment_that_failed_is_not_adopted, end),
		cmocka_unit_test_teardown(nor_is_one_of_the_past, end),
		cmocka_unit_test_teardown(a_copy_of_half_a_list, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
