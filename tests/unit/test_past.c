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
	assert_int_equal(past_unread(scene.journal, account()->id), 0);
	assert_string_equal(past_says(account()), "");
	assert_false(account()->stopped);
	finish();
}

/* Five of seven lie beyond it. */
static void read_as_far_as_lookback(void)
{
	begin_with_a_past(1, 1, 5, 70);
	spend(2);
	scene_mine(&scene, SCENE_DEPTH + 1);
	pay_rows(3);
	run_until(account()->past_known);
}

/* What is older than lookback is not read, and counted. */
static void what_is_not_read_is_said(void **state_)
{
	(void)state_;
	read_as_far_as_lookback();
	assert_int_equal(known_below(7), 2);
	assert_int_equal(past_unread(scene.journal, account()->id), 5);
	finish();
}

/* The next life may look back further: it reads what lies below, and that alone. */
static void a_larger_lookback_reads_on(void **state_)
{
	(void)state_;
	read_as_far_as_lookback();
	scene.config.lookback = 5000;
	rise_again();
	run_until(runner->operations_n && op()->by_state[ITEM_FINAL].n > 0);
	assert_true(account()->past_known);
	assert_int_equal(known_below(7), 7);
	assert_int_equal(past_unread(scene.journal, account()->id), 0);
	finish();
}

/* Far below the head, and the last of the nodes has no state as old as that. */
static void begin_with_an_old_past(uint32_t nodes)
{
	begin_with_a_past(nodes, (int)nodes, 5, 400);
	scene.config.lookback = 5000;
	scene.node[nodes - 1]->state_depth = 128;
}

static void it_is_read_whole(void)
{
	pay_rows(3);
	run_until(account()->past_known);
	assert_int_equal(known_below(5), 5);
	finish();
}

/* Nodes without the state of old blocks: each of them is read. */
static void a_past_is_read_without_old_state(void **state_)
{
	(void)state_;
	begin_with_an_old_past(1);
	it_is_read_whole();
}

/* One that has it can't be half of a quorum with one that has not: blocks are read. */
static void a_pruned_node_and_an_archive_read_a_past(void **state_)
{
	(void)state_;
	begin_with_an_old_past(2);
	it_is_read_whole();
}

/* Whatever their words for it are. */
static void a_past_is_read_where_old_state_is_denied(void **state_)
{
	(void)state_;
	begin_with_an_old_past(1);
	scene.node[0]->state_denied = true;
	it_is_read_whole();
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

static void nodes_hide(bool hide)
{
	for (uint32_t i = 0; i < scene.nodes; i++)
		scene.node[i]->hides_transactions = hide;
}

/* One node says that nothing was done in all these blocks, and is heard first: what is
 * not final yet is none of the past's. */
static void the_past_forgets_nothing_of_today(void **state_)
{
	struct head final;
	uint64_t block;

	(void)state_;
	begin_with_a_past(3, 2, 2, 20);
	nodes_hide(true);
	scene.node[0]->counts = 3;
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, SCENE_DEPTH);
	block = height() - SCENE_DEPTH + 1;
	pay_rows(3);
	run(10000);
	assert_int_equal(account()->strangers_n, 3);
	assert_true(follower_final(chain()->follower, &final));
	assert_in_range(final.height, 0, block - 1);
	nodes_hide(false);
	run_until(account()->past_known);
	assert_int_equal(known_below(3), 3);
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

/* Killed when half of a block is adopted, and nobody starts it for longer than lookback:
 * the other half is read, and the first has its end. */
static void what_was_adopted_is_settled_whenever_it_starts(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	scene.config.max_in_flight = 60; /* more than are read at once */
	pay_rows(60);
	run_until(ended());
	rest();
	scene_anew(&scene);
	lists_n = 0;
	rise();
	run_until(chain()->id);
	pay_rows(60);
	while (!op()->by_state[ITEM_LIVE].n) {
		assert_false(account()->past_known);
		world_wait(scene.world, runner_wake_ms(runner));
		turn();
	}
	rest();
	for (int i = 0; i < 10 * scene.config.lookback; i++)
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	scene_rise(&scene);
	rise();
	run_until(runner_operation(runner, lists[0].id) && account()->past_known);
	run(3000);
	if (account()->stopped)
		account_resume(runner, account());
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 60);
	check_exact();
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

/* It takes no coin by now, and was paid before: its estimate is no matter any more. */
static void an_adopted_row_is_not_estimated_away(void **state_)
{
	(void)state_;
	begin_with_a_past(1, 1, 1, 20);
	sim_account_code(scene.chain, &lists[0].to[1], SIM_CODE_REVERTS, 0);
	scene_mine(&scene, 1);
	pay(&(struct list){ .rows = 3, .adopt = true });
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 3);
	assert_int_equal(paid(&lists[0], 1), 0); /* by us, besides the one */
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

/* As `run` does, before it makes an operation. */
static void read_the_past(void)
{
	struct airdrop_new n = { .key_name = "treasury",
		.chain = chain()->id,
		.sender = scene.sender,
		.in_flight_max = scene.config.max_in_flight,
		.fee_cap = scene.config.max_fee_per_gas };

	(void)account_begin(runner, chain(), airdrop_account(scene.journal, &n));
	run_until(past_read(account()));
}

/* All of it was paid, but the journal is lost: nothing is paid again. */
static void a_service_fee_of_a_lost_journal_is_adopted(void **state_)
{
	(void)state_;
	begin(1, 1);
	pay(&(struct list){ .rows = 3, .service_fee = 5 });
	finish();
	rest();
	scene_anew(&scene);
	lists_n = 0;
	rise();
	run_until(chain()->id);
	read_the_past();
	pay(&(struct list){ .rows = 3, .service_fee = 5, .adopt = true });
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 3);
	assert_int_equal(fee_paid(), 1);
	check_exact();
}

/* The account came to be known above its payment, which was in no final block yet, and
 * the row has it; then nobody looked for long. */
static void what_was_adopted_before_an_absence_is_not_passed(void **state_)
{
	(void)state_;
	begin_with_a_past(1, 1, 1, 1);
	sim_mining(scene.chain, 0);
	run(3000);
	read_the_past();
	pay(&(struct list){ .rows = 1, .adopt = true });
	run_until(live(1));
	assert_int_equal(account()->first_nonce, 1);
	assert_false(account()->has_final_count);
	rest();
	scene_mine(&scene, 600);
	scene_rise(&scene);
	rise();
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(runner->operations_n);
	run_until(ended());
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 1);
	assert_int_equal(paid(&lists[0], 1), 0); /* by us, besides the one */
}

/* And somebody else's, of whom no row says that it is there. */
static void a_use_at_first_sight_is_not_passed(void **state_)
{
	(void)state_;
	begin_with_a_past(1, 1, 0, 1);
	sim_mining(scene.chain, 0);
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	run(3000);
	read_the_past();
	assert_int_equal(account()->first_nonce, 1);
	assert_false(account()->has_final_count);
	assert_int_equal(known_below(1), 1);
	rest();
	scene_mine(&scene, 600);
	scene_rise(&scene);
	rise();
	pay(&(struct list){ .rows = 1 });
	run_until(is_signed(1));
	assert_int_equal(known_below(1), 1);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(ended());
}

static void pay_row_3(void)
{
	scene_spend(&scene, 0, &lists[0].to[3], lists[0].amount[3], 60 * GWEI);
	scene_mine(&scene, 1);
	run(3000);
}

/* Below the first nonce that the journal saw free. Its block was gone when the list was
 * planned; then the very bytes are in a block again. */
static void a_past_payment_that_comes_back_is_suspect(void **state_)
{
	(void)state_;
	begin_with_a_past(1, 1, 0, 1);
	sim_mining(scene.chain, 0);
	pay_row_3();
	read_the_past();
	assert_int_equal(account()->first_nonce, 1);
	reorg(1, false);
	run_until(account()->known && !account()->count);
	pay_rows(3);
	run_until(op()->state == OPERATION_DISTRIBUTING);
	pay_row_3();
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "pays row 3 of wages");
}

/* In an asset, to whom the first row is to be paid, and as much. */
static void spend_token(const struct list *l, const struct sim_token *asset)
{
	struct payment p = { .token = true,
		.asset = asset->at,
		.to = l->to[1],
		.amount = amount_u64(l->amount[1]) };
	struct sign_job job = { .key = scene.key, .nonce = SIM_NONCE_NEXT };
	struct sim_word word;

	connector_evm.pay(&job.payload, &p);
	assert_non_null(sim_pool_send_foreign(scene.chain, &word, &job));
	scene_mine(&scene, 1);
}

static void begin_with_a_list_in_a_token(void)
{
	begin_token(SIM_TOKEN_PLAIN);
	lists[0].rows = 3;
	rows_fill(&lists[0]);
}

/* Each row is paid, whatever was done by hand. */
static void adopt_nothing(void)
{
	scene_mine(&scene, 20);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 3, .adopt = true });
	finish();
	assert_int_equal(paid(&lists[0], 1), 1);
}

static void a_payment_in_another_asset_is_not_adopted(void **state_)
{
	const struct address at = { .at = { 0x70, 0x6c } };
	const struct amount much = amount_u64(100000000);
	struct sim_token *other;

	(void)state_;
	begin_with_a_list_in_a_token();
	other = sim_token_add(scene.chain, &at, SIM_TOKEN_PLAIN, 18, "OTH");
	sim_fund(scene.chain, &scene.sender, other, &much);
	scene_mine(&scene, 1);
	spend(1);
	spend_token(&lists[0], other);
	adopt_nothing();
}

/* Its status says that it succeeded, and nothing arrived. */
static void a_payment_without_effect_is_not_adopted(void **state_)
{
	(void)state_;
	begin_with_a_list_in_a_token();
	token->kind = SIM_TOKEN_FALSE;
	spend_token(&lists[0], token);
	token->kind = SIM_TOKEN_PLAIN;
	adopt_nothing();
}

static void adopted_row(struct sql_item_get_out *ret)
{
	struct sql_item_get_in in = { .operation = lists[1].id, .row = 1 };

	assert_true(sql_item_get_one(scene.journal, &in, ret));
}

/* A list whose first row was paid by hand, in a block that is not final. */
static void begin_with_an_adopted_row(enum sim_code code)
{
	struct sql_item_get_out row;

	begin(1, 1);
	pay_rows(1);
	finish();
	run(3000);
	sim_mining(scene.chain, 0);
	lists[1].rows = 3;
	rows_fill(&lists[1]);
	scene_spend(
	    &scene, SIM_NONCE_NEXT, &lists[1].to[1], lists[1].amount[1], 60 * GWEI);
	scene_mine(&scene, 1);
	if (code)
		sim_account_code(scene.chain, &lists[1].to[1], code, 9000);
	run(3000);
	pay(&(struct list){ .name = "later", .rows = 3, .adopt = true });
	run(5000);
	adopted_row(&row);
	assert_int_equal(row.state, ITEM_LIVE);
	assert_int_equal(paid(&lists[1], 1), 0);
}

/* And goes with it: then the row is paid. */
static void an_adopted_payment_is_final_with_its_block(void **state_)
{
	(void)state_;
	begin_with_an_adopted_row(0);
	reorg(1, false);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(paid(&lists[1], 1), 1);
}

/* Its payment is undone, and the nonce used for something else: it is paid like any
 * other, and needs more gas than most. */
static void an_adopted_row_has_its_gas(void **state_)
{
	(void)state_;
	begin_with_an_adopted_row(SIM_CODE_WALLET);
	reorg(1, false);
	scene_spend(&scene, 1, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(paid(&lists[1], 1), 1);
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
		cmocka_unit_test_teardown(a_larger_lookback_reads_on, end),
		cmocka_unit_test_teardown(a_past_is_read_without_old_state, end),
		cmocka_unit_test_teardown(a_pruned_node_and_an_archive_read_a_past, end),
		cmocka_unit_test_teardown(a_past_is_read_where_old_state_is_denied, end),
		cmocka_unit_test_teardown(a_long_past_costs_little, end),
		cmocka_unit_test_teardown(the_past_forgets_nothing_of_today, end),
		cmocka_unit_test_teardown(a_start_in_the_middle_reads_it_again, end),
		cmocka_unit_test_teardown(
		    what_was_adopted_is_settled_whenever_it_starts, end),
		cmocka_unit_test_teardown(as_many_are_adopted_as_were_paid, end),
		cmocka_unit_test_teardown(an_adopted_row_is_not_estimated_away, end),
		cmocka_unit_test_teardown(a_list_of_a_lost_journal_is_fenced, end),
		cmocka_unit_test_teardown(
		    a_service_fee_of_a_lost_journal_is_adopted, end),
		cmocka_unit_test_teardown(
		    what_was_adopted_before_an_absence_is_not_passed, end),
		cmocka_unit_test_teardown(a_use_at_first_sight_is_not_passed, end),
		cmocka_unit_test_teardown(a_past_payment_that_comes_back_is_suspect, end),
		cmocka_unit_test_teardown(nothing_is_adopted_unasked, end),
		cmocka_unit_test_teardown(a_payment_in_another_asset_is_not_adopted, end),
		cmocka_unit_test_teardown(a_payment_without_effect_is_not_adopted, end),
		cmocka_unit_test_teardown(
		    an_adopted_payment_is_final_with_its_block, end),
		cmocka_unit_test_teardown(an_adopted_row_has_its_gas, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
