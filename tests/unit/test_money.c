/* What payments cost: dearer attempts, the caps on fees, funds that are missing. */
#include "payer.h"
#include "sim/chain/execute.h"

static size_t check_rule(int64_t intent_id)
{
	struct fee_row row[16];
	size_t n = attempts_of(intent_id, row);

	for (size_t i = 0; i < n; i++) {
		assert_true(row[i].max_fee <= scene.config.max_fee_per_gas);
		assert_true(row[i].tip <= scene.config.max_priority_fee_per_gas);
		if (!i)
			continue;
		assert_true(row[i].max_fee * 10 > row[i - 1].max_fee * 11);
		assert_true(row[i].tip * 10 > row[i - 1].tip * 11);
	}
	return n;
}

static void a_base_fee_above_what_it_offers_bumps_it(void **state_)
{
	struct fee_row row[16];
	int64_t id;
	size_t n;

	(void)state_;
	begin_still(1, 1);
	pay_rows(3);
	run_until(is_signed(3));
	id = item(1).intent;
	assert_int_equal(attempts_of(id, row), 1);
	scene.chain->base_fee_next = 30 * GWEI;
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	scene.chain->base_fee_next = 30 * GWEI;
	run(5000);
	n = check_rule(id);
	assert_int_equal(n, 2);
	attempts_of(id, row);
	assert_true(row[1].max_fee >= 30 * GWEI);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* Only the lowest, and only after bump_after blocks. */
static void the_lowest_that_waits_is_bumped(void **state_)
{
	int64_t first, second;
	struct fee_row row[16];

	(void)state_;
	begin_still(1, 1);
	pay_rows(3);
	run_until(is_signed(3));
	first = item(1).intent;
	second = item(2).intent;
	for (int i = 0; i < scene.config.bump_after - 1; i++) {
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
		run(2000);
		assert_int_equal(attempts_of(first, row), 1);
	}
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	run(2000);
	assert_int_equal(check_rule(first), 2);
	assert_int_equal(attempts_of(second, row), 1);
	for (int i = 0; i < 40; i++) {
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
		run(2000);
	}
	assert_in_range(check_rule(first), 5, 16);
	assert_int_equal(attempts_of(second, row), 1);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static void no_bump_passes_the_caps_per_gas(void **state_)
{
	struct fee_row row[16];

	(void)state_;
	begin(1, 1);
	scene.config.max_fee_per_gas = 8 * GWEI;
	scene.config.max_priority_fee_per_gas = 2 * GWEI;
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(6);
	run_until(is_signed(4));
	for (int i = 0; i < 30; i++) {
		scene.chain->base_fee_next = 20 * GWEI;
		sim_mine(scene.chain, NULL);
		run(1500);
	}
	check_rule(item(1).intent);
	assert_true(op()->by_state[ITEM_PENDING].n == 2);
	assert_int_equal(state(), OPERATION_DISTRIBUTING);
	scene.chain->base_fee_next = GWEI;
	sim_mine(scene.chain, NULL);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	for (int64_t i = 1; i <= 6; i++)
		assert_true(attempts_of(item(i).intent, row) <= 16);
}

static void the_cap_stops_it_and_a_higher_one_lets_it_go_on(void **state_)
{
	struct amount cap;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 10, .cap = "0.0002" });
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "--max-total-fee");
	assert_says(op()->waits_for, "pawl resume wages");
	assert_true(op()->by_state[ITEM_FINAL].n > 0);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	run(20000);
	assert_int_equal(state(), OPERATION_NEEDS_OPERATOR);
	assert_int_equal(amount_parse(&cap, "1", 1, 18), AMOUNT_OK);
	operation_cap(runner, op(), &cap);
	resume();
	finish();
}

/* Bumps come before new intents, and what they need is held. */
static void the_cap_stops_bumps_with_what_is_live(void **state_)
{
	struct amount cap;

	(void)state_;
	begin_still(1, 1);
	pay(&(struct list){ .rows = 4, .cap = "0.002" });
	run_until(is_signed(1));
	run(500);
	for (int i = 0; i < 30 && state() != OPERATION_NEEDS_OPERATOR; i++) {
		scene.chain->base_fee_next = 400 * GWEI;
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
		run(1500);
	}
	assert_int_equal(state(), OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "--max-total-fee");
	assert_true(op()->by_state[ITEM_LIVE].n > 0);
	assert_int_equal(amount_parse(&cap, "5", 1, 18), AMOUNT_OK);
	operation_cap(runner, op(), &cap);
	resume();
	scene.chain->base_fee_next = 20 * GWEI;
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* The dearest one may still win, also when the newest is an empty one that costs less. */
static void an_intent_holds_its_dearest_attempt(void **state_)
{
	struct fee_row row[16];
	struct fail f = { 0 };
	struct intent before, now;

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	run_until(chain()->id);
	pay_rows(1);
	run_until(state() == OPERATION_DISTRIBUTING);
	sim_mining(scene.chain, 0);
	run_until(is_signed(1));
	run(1000);
	before = intent(item(1).intent);
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	run(3000);
	now = intent(before.id);
	assert_int_equal(attempts_of(before.id, row), 2);
	assert_true(now.attempt != before.attempt);
	assert_true(amount_cmp(&now.held, &before.held) >= 0);
	assert_int_equal(amount_cmp(&now.held, &op()->fees_held), 0);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
	check_fees();
}

static void funds_that_are_missing_are_named_and_awaited(void **state_)
{
	struct amount coin;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	keep_only("0.0001");
	pay_rows(6);
	run(20000);
	assert_int_equal(state(), OPERATION_AWAITING_FUNDS);
	assert_says(op()->waits_for, "are missing; send them to 0x");
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
	assert_int_equal(amount_parse(&coin, "2", 1, 18), AMOUNT_OK);
	sim_fund(scene.chain, &scene.sender, NULL, &coin);
	finish();
}

static void what_is_live_and_not_funded_is_said(void **state_)
{
	struct amount lack;
	const char *at;

	(void)state_;
	begin_still(1, 1);
	pay_rows(3);
	run_until(op()->by_state[ITEM_LIVE].n == 3);
	run(2000);
	assert_says(op()->waits_for, "what is live to be final");
	sim_balance_put(scene.chain, scene.chain->head, NULL,
	    sim_account_get(scene.chain, &scene.sender), &AMOUNT_ZERO);
	scene_mine(&scene, 1);
	run(5000);
	assert_int_equal(state(), OPERATION_DISTRIBUTING);
	assert_says(op()->waits_for, "for what is live, are missing; send them to 0x");
	at = op()->waits_for + strlen("funds: ");
	assert_int_equal(amount_parse(&lack, at, strcspn(at, " "), 18), AMOUNT_OK);
	assert_int_equal(amount_cmp(&lack, &account()->outstanding), 0);
	assert_int_equal(amount_cmp(&lack, &account()->lowest_cost), 1);
	sim_fund(scene.chain, &scene.sender, NULL, &lack);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static size_t stages(void)
{
	struct sql_report_stages_in in = { .operation = lists[0].id };
	struct sql_report_stages_out row;
	size_t n = 0;

	sql_report_stages_begin(scene.journal, &in);
	while (sql_report_stages_next(scene.journal, &row))
		n++;
	return n;
}

/* The balance is enough for a plain payment, and the row's recipient is a contract that
 * takes more: it goes back to waiting once, and says what is missing for it. */
static void funds_for_the_next_item_are_awaited_once(void **state_)
{
	struct amount coin = amount_u64(GWEI);

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	keep_only("0.0001");
	sim_mining(scene.chain, 0);
	lists[0].rows = 1;
	rows_fill(&lists[0]);
	sim_account_code(scene.chain, &lists[0].to[1], SIM_CODE_WALLET, 100000);
	pay_rows(1);
	run(20000);
	assert_int_equal(state(), OPERATION_AWAITING_FUNDS);
	assert_int_equal(stages(), 4);
	assert_says(op()->waits_for, "are missing; send them to 0x");
	assert_true(amount_mul_u64(&coin, &coin, GWEI));
	sim_fund(scene.chain, &scene.sender, NULL, &coin);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(stages(), 6);
}

/* What it says is missing is enough, to the end: also where every tag adds to the fee,
 * which is a multiple of 2^24 without one. */
static void what_is_said_to_be_missing_suffices(void **state_)
{
	const uint64_t base = 306783378; /* the next one is 2^28 */
	struct amount lack;
	const char *at;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	scene.node[0]->tip = 1 << 30;
	keep_only("0.0001");
	sim_mining(scene.chain, 0);
	pay_rows(10);
	mine_at(base);
	run(5000);
	assert_int_equal(chain()->market.next_base_fee, 1 << 28);
	assert_int_equal(state(), OPERATION_AWAITING_FUNDS);
	at = op()->waits_for + strlen("funds: ");
	assert_int_equal(amount_parse(&lack, at, strcspn(at, " "), 18), AMOUNT_OK);
	sim_fund(scene.chain, &scene.sender, NULL, &lack);
	scene.config.max_in_flight = ROWS_MAX;
	mine_at(base);
	run(5000);
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 10);
	scene.chain->base_fee_next = 0;
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* Row 3 was reserved when the life ended, and its cap is what was held for it then. */
static void begin_reserved_at_its_cap(void)
{
	begin_still(1, 1);
	refuse_to_sign();
	pay_rows(3);
	run_until(account()->stopped);
	cap_at_what_is_held();
	turn();
	rest();
	assert_int_equal(intent(item(3).intent).state, INTENT_RESERVED);
}

/* What is asked for again fits what was held: check_turn looks. */
static void bytes_asked_for_again_stay_within_the_cap(void **state_)
{
	struct fee_row row[16];

	(void)state_;
	begin_reserved_at_its_cap();
	scene.chain->base_fee_next = 5 * GWEI / 4;
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	scene_rise(&scene);
	rise();
	run_until(is_signed(3));
	assert_int_equal(state(), OPERATION_DISTRIBUTING);
	assert_int_equal(attempts_of(item(3).intent, row), 1);
	assert_true(row[0].max_fee >= 5 * GWEI / 4);
	resume();
	raise_cap("5");
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static void bytes_that_do_not_fit_the_cap_stop_it(void **state_)
{
	uint64_t nonce;

	(void)state_;
	begin_reserved_at_its_cap();
	nonce = intent(item(3).intent).nonce;
	scene.chain->base_fee_next = 30 * GWEI;
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	scene.chain->base_fee_next = 30 * GWEI;
	scene_rise(&scene);
	rise();
	run_until(chain()->id && state() == OPERATION_NEEDS_OPERATOR);
	run(10000);
	assert_says(op()->waits_for, "pawl resume wages --max-total-fee AMOUNT");
	assert_int_equal(intent(item(3).intent).state, INTENT_RESERVED);
	assert_int_equal(intent(item(3).intent).nonce, nonce);
	raise_cap("5");
	resume();
	run_until(is_signed(3));
	assert_int_equal(intent(item(3).intent).nonce, nonce);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* Of either type, as the operator says and not as the node would have it. */
static void the_type_of_fees_is_what_the_config_says(void **state_)
{
	static const struct {
		enum chain_fee_type says;
		enum fee_type is;
	} types[] = { { CHAIN_FEE_LEGACY, FEE_LEGACY }, { CHAIN_FEE_1559, FEE_1559 } };

	for (size_t i = 0; i < 2; i++) {
		begin(1, 1);
		scene.config.fee_type = types[i].says;
		run_until(chain()->id);
		sim_mining(scene.chain, 0);
		pay(&(struct list){ .rows = 4, .service_fee = 7 });
		run_until(is_signed(3));
		mine_at(30 * GWEI); /* and each is replaced */
		run(5000);
		sim_mining(scene.chain, INTERVAL_MS);
		finish();
		for (struct sim_tx *t = scene.chain->all; t; t = t->next_all)
			assert_int_equal(t->type, types[i].is);
		end(state_);
	}
}

/* More of them than one look takes. */
static void all_that_wait_are_bumped(void **state_)
{
	struct fee_row row[16];

	(void)state_;
	begin_in_flight(1, 1, ROWS_MAX, ROWS_MAX);
	run(3000);
	mine_at(30 * GWEI);
	run(5000);
	for (int i = 1; i <= ROWS_MAX; i++)
		assert_int_equal(attempts_of(item(i).intent, row), 2);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(all_that_wait_are_bumped),
		T(the_type_of_fees_is_what_the_config_says),
		T(a_base_fee_above_what_it_offers_bumps_it),
		T(the_lowest_that_waits_is_bumped),
		T(no_bump_passes_the_caps_per_gas),
		T(the_cap_stops_it_and_a_higher_one_lets_it_go_on),
		T(the_cap_stops_bumps_with_what_is_live),
		T(an_intent_holds_its_dearest_attempt),
		T(funds_that_are_missing_are_named_and_awaited),
		T(what_is_live_and_not_funded_is_said),
		T(funds_for_the_next_item_are_awaited_once),
		T(what_is_said_to_be_missing_suffices),
		T(bytes_asked_for_again_stay_within_the_cap),
		T(bytes_that_do_not_fit_the_cap_stop_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
