/* The journal is an older one than what was sent: what it forgot is seen in a block,
 * known by its payload or its tag, and counts for the row that it pays. */
#include "engine/doubt.h"
#include "engine/repair.h"
#include "engine/sign.h"
#include "payer.h"

static void lose(void)
{
	rest();
	scene_put_back(&scene);
	scene_rise(&scene);
	rise();
	run_until(runner_operation(runner, lists[0].id));
}

/* Signed by another life of this very journal, for a row, on a nonce. */
static void spend_for(int row, uint64_t nonce)
{
	(void)spend_tagged(row, nonce, 20 * GWEI);
}

static void check_stopped(void)
{
	assert_true(account()->stopped);
	assert_says(account()->why_stopped, "forgot a transaction");
	assert_says(account()->doubt, "forgotten");
}

/* The copy is made while four rows are live; they and the others are paid. */
static void pay_past_a_copy(int rows)
{
	pay_rows(rows);
	run_until(op()->by_state[ITEM_LIVE].n == 4);
	scene_keep(&scene);
	finish();
}

static void forget_most_of(int rows)
{
	pay_past_a_copy(rows);
	lose();
	run_until(op()->by_state[ITEM_FINAL].n == rows);
	check_stopped();
	check_exact();
}

static void payments_that_were_forgotten_are_the_rows(void **state_)
{
	(void)state_;
	begin(3, 2);
	forget_most_of(12);
	check_fees();
}

/* The tag of a transaction of the older type is in its price and its gas. */
static void the_same_of_legacy_fees(void **state_)
{
	(void)state_;
	begin(3, 2);
	scene.config.fee_type = CHAIN_FEE_LEGACY;
	forget_most_of(12);
	check_fees();
}

static void the_same_in_a_token(void **state_)
{
	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	forget_most_of(8);
}

/* Nothing of it is signed, the journal says; and it has forgotten what was. */
static void a_row_in_doubt_is_not_skipped(void **state_)
{
	char checked[REPAIR_CHECKED_MAX];
	struct fail why;

	(void)state_;
	begin(3, 2);
	pay_past_a_copy(12);
	forget();
	assert_int_equal(item(12).state, ITEM_PENDING);
	assert_int_equal(repair_skip(runner, op(), 12, checked, &why), ERR_CONFLICT);
	assert_says(why.why, "key treasury is in doubt");
	assert_int_equal(item(12).state, ITEM_PENDING);
	run_until(op()->by_state[ITEM_FINAL].n == 12);
	check_exact();
}

/* A copy from before the first nonce was taken: all of it is the past, but for the
 * tags. */
static void a_copy_without_a_first_nonce(void **state_)
{
	(void)state_;
	begin(3, 2);
	pay_rows(6);
	scene_keep(&scene);
	finish();
	lose();
	run_until(op()->by_state[ITEM_FINAL].n == 6);
	check_exact();
	check_fees();
	assert_says(account()->doubt, "forgotten");
}

/* A dearer attempt, signed after the copy was made. */
static void a_bump_that_was_forgotten_is_an_attempt(void **state_)
{
	struct fee_row fees[16];
	int64_t ids[8];

	(void)state_;
	begin_in_flight(1, 1, 1, 1);
	scene_keep(&scene);
	run(2000);
	mine_at(60 * GWEI);
	run(3000);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_true(attempts_of(item(1).intent ? item(1).intent : 1, fees) > 1);
	lose();
	run_until(op()->by_state[ITEM_FINAL].n == 1);
	assert_int_equal(intents_of(1, ids), 1);
	assert_int_equal(attempts_of(ids[0], fees), 2);
	check_stopped();
	check_exact();
}

/* Two copies run at once, and sign the same: what a block shows of the one, a worker of
 * the other brings in the same turn, or the other way round. */
static void the_same_bytes_are_put_once(void **state_)
{
	struct sql_attempt_of_intent_out at;
	struct attempt_new new = { .raw = (const uint8_t *)"", .fees.type = FEE_1559 };
	struct fee_row fees[16];
	struct intent i;
	int64_t ids[8];

	(void)state_;
	begin(1, 1);
	pay_rows(1);
	run_until(is_signed(1));
	assert_int_equal(intents_of(1, ids), 1);
	i = intent(ids[0]);
	assert_true(sql_attempt_of_intent_one(runner->s.journal,
	    &(struct sql_attempt_of_intent_in){ .intent = ids[0] }, &at));
	memcpy(new.hash.at, at.hash, sizeof new.hash.at);
	new.nonce = i.nonce;
	attempt_put(runner, account(), &i, &new);
	run_until(op()->by_state[ITEM_FINAL].n == 1);
	assert_int_equal(attempts_of(ids[0], fees), 1);
	check_exact();
}

/* A dearer attempt of the other life: a block showed it, and vanished with all pools. */
static void lose_a_bump(struct attempt_new *ret, uint8_t raw[512])
{
	struct sql_intent_to_send_in in = { .account = account()->id, .max = 1 };
	struct sql_intent_to_send_out row;

	scene_keep(&scene);
	run(2000);
	mine_at(60 * GWEI);
	run(3000);
	assert_true(sql_intent_to_send_one(runner->s.journal, &in, &row));
	memcpy(raw, row.raw, row.raw_len);
	*ret = (struct attempt_new){ .raw = raw, .raw_len = (uint32_t)row.raw_len };
	memcpy(ret->hash.at, row.hash, sizeof row.hash);
	scene_mine(&scene, 1);
	mine_at(GWEI / 2);
	lose();
	run_until(account()->doubt[0]);
	reorg(2, false);
	sim_pool_drop_all(scene.chain);
	turn();
}

/* What a worker brings then are the same bytes, in doubt or not: they leave. */
static void bytes_that_only_a_block_showed_are_made_again(void **state_)
{
	struct attempt_new new;
	struct sql_attempt_get_out at;
	struct fee_row fees[16];
	struct intent i;
	uint8_t raw[512];
	int64_t ids[8];

	for (int doubted = 0; doubted < 2; doubted++) {
		begin_in_flight(1, 1, 1, 1);
		lose_a_bump(&new, raw);
		assert_int_equal(intents_of(1, ids), 1);
		assert_int_equal(attempts_of(ids[0], fees), 2);
		if (!doubted)
			account_trust(runner, account(), "for this test");
		new.fees = (struct fees){
			.type = FEE_1559, .max_fee = fees[1].max_fee, .tip = fees[1].tip
		};
		i = intent(ids[0]);
		attempt_put(runner, account(), &i, &new);
		i = intent(ids[0]);
		attempt_put(runner, account(), &i, &new);
		assert_int_equal(attempts_of(ids[0], fees), 2);
		assert_true(sql_attempt_get_one(runner->s.journal,
		    &(struct sql_attempt_get_in){ .id = intent(ids[0]).attempt }, &at));
		assert_memory_equal(at.hash, new.hash.at, sizeof at.hash);
		assert_int_equal(at.bytes, new.raw_len);
		end(state_);
	}
}

/* The other life gave row 1's nonce to another row. */
static void spend_the_nonce_of_row_1_for(int row)
{
	uint64_t nonce = intent(item(1).intent).nonce;

	sim_pool_drop_all(scene.chain);
	spend_for(row, nonce);
}

/* Both rows are paid, each once. */
static void a_nonce_that_two_lives_gave_away(void **state_)
{
	(void)state_;
	begin_in_flight(3, 2, 4, 2);
	spend_the_nonce_of_row_1_for(3);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(live(3));
	check_stopped();
	run_until(item(3).state == ITEM_FINAL);
	run_until(item(1).state == ITEM_PENDING);
	assert_int_equal(paid(&lists[0], 3), 1);
	assert_int_equal(paid(&lists[0], 1), 0);
}

/* Whichever node it is that shows other fees, and so another tag. */
static void a_tag_is_a_quorums_word(void **state_)
{
	for (int liar = 0; liar < 3; liar++) {
		begin_in_flight(3, 2, 4, 2);
		scene.node[liar]->reads = SIM_READS_OTHER_TIP;
		spend_the_nonce_of_row_1_for(3);
		sim_mining(scene.chain, INTERVAL_MS);
		run_until(account()->stopped);
		check_stopped();
		run_until(item(3).state == ITEM_FINAL);
		end(state_);
	}
}

/* The row's own payment is under way on another nonce: an empty attempt takes it. */
static void a_row_that_is_live_is_not_paid_twice(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_in_flight(3, 2, 2, 2);
	spend_the_nonce_of_row_1_for(2);
	scene_mine(&scene, 1);
	run(5000);
	assert_int_equal(intents_of(2, ids), 2);
	assert_int_equal(intent(ids[0]).emptied, 1);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(item(2).state == ITEM_FINAL);
	run_until(intent(ids[0]).state == INTENT_VOID);
	assert_int_equal(paid(&lists[0], 2), 1);
}

/* What it was given before is dead before the payment that is adopted is final: the row
 * is live all the same. */
static void a_row_is_live_while_a_payment_of_its_may_win(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_in_flight(3, 2, 1, 1);
	scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	run(3000);
	spend_for(1, 1);
	scene_mine(&scene, 1);
	run_until(intents_of(1, ids) == 2);
	scene_mine(&scene, SCENE_DEPTH - 1);
	run_until(intent(ids[0]).state == INTENT_VOID);
	assert_int_equal(intent(ids[1]).state, INTENT_SIGNED);
	assert_true(live(1));
	resume();
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(item(1).state == ITEM_FINAL);
	after_blocks(SCENE_DEPTH + 3);
	assert_int_equal(paid(&lists[0], 1), 1);
}

/* Its block vanishes and the nonce goes to the row that this life gave it to. */
static void an_adopted_payment_that_lost_its_block(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_in_flight(1, 1, 2, 1);
	spend_the_nonce_of_row_1_for(2);
	scene_mine(&scene, 1);
	run_until(live(2));
	check_stopped();
	assert_int_equal(intents_of(2, ids), 1);
	assert_false(intent(ids[0]).has_nonce);
	reorg(1, false);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(item(1).state == ITEM_FINAL);
	run_until(item(2).state == ITEM_PENDING);
	assert_int_equal(intent(ids[0]).state, INTENT_VOID);
}

/* An equal payment without the tag is nobody's until the operator says so. */
static void an_equal_payment_without_the_tag_is_not_adopted(void **state_)
{
	(void)state_;
	begin_in_flight(3, 2, 3, 1);
	scene_mine(&scene, 1);
	run(1000);
	scene_spend(
	    &scene, SIM_NONCE_NEXT, &lists[0].to[3], lists[0].amount[3], 60 * GWEI);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "does not know");
	assert_string_equal(account()->doubt, "");
	run(60000);
	assert_int_equal(item(3).state, ITEM_PENDING);
}

/* A third life pays again what is final: said, and nothing follows from it. */
static void a_second_payment_is_said(void **state_)
{
	(void)state_;
	begin(1, 1);
	pay_rows(3);
	run_until(item(1).state == ITEM_FINAL);
	spend_for(1, 3);
	run_until(account()->stopped);
	check_stopped();
	run_until(op()->by_state[ITEM_FINAL].n == 3);
	assert_int_equal(paid(&lists[0], 1), 2);
	run_until(!item(1).no_reason);
	assert_string_equal(item(1).reason, REASON_TWICE);
}

/* Is it an event of the service fee that it was paid twice? */
static bool fee_twice(void)
{
	struct sql_report_events_in in = { .operation = lists[0].id, .row = 0 };
	struct sql_report_events_out row;
	bool said = false;

	sql_report_events_begin(scene.journal, &in);
	while (sql_report_events_next(scene.journal, &row))
		said |= !strcmp(row.what, "service fee") &&
		    !strcmp(row.to_state, REASON_TWICE);
	sql_report_events_end(scene.journal);
	return said;
}

/* Also of a list that has ended, and that no life of this journal looks at. */
static void a_second_service_fee_is_said(void **state_)
{
	for (int anew = 0; anew < 2; anew++) {
		begin(1, 1);
		pay(&(struct list){ .rows = 2, .service_fee = 77 });
		finish();
		lists[0].to[0] = fee_to;
		lists[0].amount[0] = 77;
		sim_mining(scene.chain, 0);
		spend_for(0, 3);
		if (anew)
			rise_again();
		sim_mining(scene.chain, INTERVAL_MS);
		run_until(chain()->accounts_n && account()->stopped);
		check_stopped();
		assert_false(fee_twice());
		run_until(fee_twice());
		assert_int_equal(fee_paid(), 2);
		end(state_);
	}
}

/* Both lives pay it before either's is final. */
static void a_service_fee_of_two_lives_is_said(void **state_)
{
	(void)state_;
	begin_paying_fee();
	scene_mine(&scene, 1);
	run(1000);
	lists[0].to[0] = fee_to;
	lists[0].amount[0] = 77;
	spend_for(0, 3);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	check_stopped();
	assert_false(fee_twice());
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(fee_twice());
	assert_int_equal(fee_paid(), 2);
}

/* Its block vanishes, and it with it: the row was paid once. */
static void a_second_payment_that_vanishes_is_none(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(1);
	run_until(item(1).state == ITEM_FINAL);
	sim_mining(scene.chain, 0);
	run(3000);
	spend_for(1, 1);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	check_stopped();
	reorg(1, false);
	sim_pool_drop_all(scene.chain);
	scene_mine(&scene, SCENE_DEPTH + 3);
	run(5000);
	assert_int_equal(paid(&lists[0], 1), 1);
	assert_true(item(1).no_reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(payments_that_were_forgotten_are_the_rows, end),
		cmocka_unit_test_teardown(the_same_of_legacy_fees, end),
		cmocka_unit_test_teardown(the_same_in_a_token, end),
		cmocka_unit_test_teardown(a_row_in_doubt_is_not_skipped, end),
		cmocka_unit_test_teardown(a_copy_without_a_first_nonce, end),
		cmocka_unit_test_teardown(a_bump_that_was_forgotten_is_an_attempt, end),
		cmocka_unit_test_teardown(the_same_bytes_are_put_once, end),
		cmocka_unit_test_teardown(
		    bytes_that_only_a_block_showed_are_made_again, end),
		cmocka_unit_test_teardown(a_nonce_that_two_lives_gave_away, end),
		cmocka_unit_test_teardown(a_tag_is_a_quorums_word, end),
		cmocka_unit_test_teardown(a_row_that_is_live_is_not_paid_twice, end),
		cmocka_unit_test_teardown(
		    a_row_is_live_while_a_payment_of_its_may_win, end),
		cmocka_unit_test_teardown(an_adopted_payment_that_lost_its_block, end),
		cmocka_unit_test_teardown(
		    an_equal_payment_without_the_tag_is_not_adopted, end),
		cmocka_unit_test_teardown(a_second_payment_is_said, end),
		cmocka_unit_test_teardown(a_second_service_fee_is_said, end),
		cmocka_unit_test_teardown(a_service_fee_of_two_lives_is_said, end),
		cmocka_unit_test_teardown(a_second_payment_that_vanishes_is_none, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
