/* Lists that are paid among nodes of which one lies, or says nothing: what one node says
 * decides nothing. */
#include "chain/follower/follower_in.h"
#include "engine/quotes.h"
#include "payer.h"

/* One node's block holds our transaction, the quorum's has not. */
static void an_attempt_in_one_nodes_block_is_disowned(void **state_)
{
	struct block_facts lie = { 0 };
	struct seen_tx tx = { .status = TX_OK, .gas_used = 21000, .gas_price = GWEI };
	struct sql_attempt_get_out at;
	struct intent i;

	(void)state_;
	begin_still(3, 2);
	pay_rows(1);
	run_until(is_signed(1));
	i = intent(item(1).intent);
	assert_true(sql_attempt_get_one(
	    scene.journal, &(struct sql_attempt_get_in){ .id = i.attempt }, &at));
	memcpy(tx.hash.at, at.hash, sizeof at.hash);
	sim_pool_drop_all(scene.chain);
	sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	run(3000);
	assert_true(follower_head(chain()->follower, &lie.head));
	lie.tx = &tx;
	lie.tx_n = 1;
	account_adopted(runner, account(), &lie, 0);
	turn();
	assert_true(sql_attempt_get_one(
	    scene.journal, &(struct sql_attempt_get_in){ .id = i.attempt }, &at));
	assert_int_equal(at.state, ATTEMPT_INCLUDED);
	for (int k = 0; k < SCENE_DEPTH; k++)
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
	run(3000);
	assert_true(sql_attempt_get_one(
	    scene.journal, &(struct sql_attempt_get_in){ .id = i.attempt }, &at));
	assert_int_equal(at.state, ATTEMPT_SIGNED);
	assert_true(at.no_height);
	assert_true(live(1));
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* Of three nodes one lies: it neither raises nor lowers what is offered. */
static void one_node_does_not_make_the_fees(void **state_)
{
	static const uint64_t lies[] = { 40 * GWEI, 1 };

	(void)state_;
	for (uint32_t k = 0; k < 6; k++) {
		begin(3, 2);
		scene.node[0]->tip = scene.node[1]->tip = 2 * GWEI;
		scene.node[2]->tip = 3 * GWEI;
		scene.node[k / 2]->tip = lies[k % 2];
		run_until(chain()->id);
		pay_rows(1);
		run_until(is_signed(1));
		assert_in_range(chain()->market.tip, 2 * GWEI, 3 * GWEI);
		finish();
		end(NULL);
	}
}

/* Who says nothing has the next one asked, long before his time is over. */
static void a_node_that_hangs_keeps_nobody_waiting(void **state_)
{
	int64_t began_ms;

	(void)state_;
	begin(3, 2);
	scene.config.hedge_after_ms = 500;
	run_until(chain()->id);
	sim_world_force(
	    sim_world_of(scene.world), SIM_FAULT_HANG, "eth_maxPriorityFeePerGas", -1, 0);
	pay_rows(1);
	began_ms = world_now_ms(scene.world);
	run_until(chain()->has_market);
	assert_in_range(world_now_ms(scene.world) - began_ms, 0, 2000);
	assert_int_equal(sim_world_faults(sim_world_of(scene.world), SIM_FAULT_HANG), 1);
	finish();
}

/* Nor does it keep a list from being built: of code, and of gas. */
static void nor_rows_that_are_asked_about(void **state_)
{
	int64_t began_ms;

	(void)state_;
	begin_with_a_wallet(3, 2);
	scene.config.hedge_after_ms = 500;
	run_until(chain()->id);
	sim_world_force(sim_world_of(scene.world), SIM_FAULT_HANG, "eth_call", -1, 0);
	sim_world_force(
	    sim_world_of(scene.world), SIM_FAULT_HANG, "eth_estimateGas", -1, 0);
	pay_rows(3);
	began_ms = world_now_ms(scene.world);
	run_until(state() == OPERATION_DISTRIBUTING);
	assert_in_range(world_now_ms(scene.world) - began_ms, 0, 2900);
	assert_int_equal(sim_world_faults(sim_world_of(scene.world), SIM_FAULT_HANG), 2);
	finish();
}

/* Who asks goes away while all of them are asked. */
static void an_answer_outlives_its_question(void **state_)
{
	(void)state_;
	begin_with_a_wallet(5, 2);
	scene.config.hedge_after_ms = 1;
	run_until(chain()->id);
	for (int ms = 1; ms < 60; ms += 3) {
		if (ms == 1)
			pay_rows(3);
		run(ms);
		rise_again();
		run_until(chain()->id);
	}
	finish();
}

/* All are asked nearly at once. Two addresses of one provider say too much, in one voice;
 * and what comes when a round is over is no vote in the next. */
static void who_is_asked_beside_another_has_his_own_vote(void **state_)
{
	(void)state_;
	begin(5, 2);
	scene.endpoints[0].provider = scene.endpoints[1].provider = "one";
	scene.config.hedge_after_ms = 1;
	rise_again();
	for (uint32_t i = 0; i < 5; i++)
		scene.node[i]->tip = i < 2 ? 40 * GWEI : 2 * GWEI;
	pay_rows(3);
	for (int i = 0; i < 40; i++) {
		run_until(chain()->has_market);
		assert_in_range(chain()->market.tip, 2 * GWEI, 2 * GWEI + TAG_FEE_MAX);
		(void)quotes_get(runner, chain());
		chain()->has_market = false; /* ask again */
		run(300);
	}
	run_until(chain()->has_quote);
	assert_in_range(chain()->quote.level[QUOTE_FAST].tip, 2 * GWEI,
	    2 * GWEI + TAG_FEE_MAX); /* what our own paid, too */
	finish();
}

/* Headers are of one node's making: none makes a bump dearer. */
static void one_node_makes_no_base_fee(void **state_)
{
	(void)state_;
	for (int k = 0; k < 3; k++) {
		struct fee_row row[16];
		size_t n;

		begin_still(3, 2);
		pay_rows(1);
		run_until(is_signed(1));
		scene.node[k]->base_fee = 400 * GWEI;
		for (int i = 0; i < 8; i++) {
			sim_mine(scene.chain, &(struct sim_content){ .empty = true });
			run(1500);
		}
		n = attempts_of(item(1).intent, row);
		assert_in_range(row[n - 1].max_fee, GWEI, 10 * GWEI);
		assert_in_range(row[n - 1].tip, GWEI, 3 * GWEI);
		sim_mining(scene.chain, INTERVAL_MS);
		finish();
		end(NULL);
	}
}

/* Two of three answer: a liar can't raise it. */
static void a_node_that_is_down_keeps_no_fees_back(void **state_)
{
	(void)state_;
	begin(3, 2);
	scene.node[0]->tip = 40 * GWEI;
	scene.node[2]->down = true;
	run_until(chain()->id);
	pay_rows(1);
	run_until(is_signed(1));
	assert_int_equal(chain()->market.tip, GWEI);
	finish();
}

static enum err no_market(struct fee_market *ret, const struct head *head,
    const char *answer, size_t len, struct fail *f)
{
	(void)ret, (void)head, (void)answer, (void)len;
	return fail_set(f, ERR_BAD_ANSWER, "no fees");
}

static void fees_that_nobody_tells_are_asked_for_with_pauses(void **state_)
{
	static struct connector silent;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	silent = connector_evm;
	silent.market_read = no_market;
	chain()->connector = &silent;
	pay_rows(2);
	run(20000);
	assert_in_range(scene.node[0]->calls[SIM_eth_feeHistory], 5, 25);
	chain()->connector = &connector_evm;
	finish();
}

/* Whichever of three nodes it is. */
static void a_balance_is_a_quorums_word(void **state_)
{
	(void)state_;
	for (int k = 0; k < 3; k++) {
		begin(3, 2);
		scene.node[k]->boasts = true;
		run_until(chain()->id);
		keep_only("0.0001");
		pay_rows(6);
		run(20000);
		assert_int_equal(state(), OPERATION_AWAITING_FUNDS);
		assert_says(op()->waits_for, "are missing; send them to 0x");
		assert_true(amount_cmp(&account()->balance,
				&(struct amount){ { 1000000 * GWEI } }) < 0);
		end(NULL);
	}
}

static void one_node_voids_no_row(void **state_)
{
	(void)state_;
	for (int k = 0; k < 3; k++) {
		begin_with_a_wallet(3, 2);
		scene.node[k]->estimates_revert = true;
		pay_rows(3);
		finish();
		end(NULL);
	}
}

static void one_node_makes_no_estimate(void **state_)
{
	(void)state_;
	for (int k = 0; k < 3; k++) {
		begin_with_a_wallet(3, 2);
		scene.node[k]->estimate = 21000;
		scene.node[(k + 1) % 3]->hides_code = true;
		pay_rows(3);
		finish();
		end(NULL);
		begin_with_a_wallet(3, 2);
		scene.node[k]->estimate = UINT64_MAX;
		pay_rows(3);
		finish();
		assert_in_range(item(2).gas, 30000, 38000);
		end(NULL);
	}
}

static enum err no_estimate(uint64_t *ret_gas, struct node_word *ret_word, uint32_t n,
    const char *answer, size_t len, struct fail *f)
{
	(void)ret_gas, (void)ret_word, (void)n, (void)answer, (void)len;
	return fail_set(f, ERR_BAD_ANSWER, "no estimate here");
}

static void estimates_that_fail_are_asked_for_with_pauses(void **state_)
{
	static struct connector silent;

	(void)state_;
	begin_with_a_wallet(1, 1);
	silent = connector_evm;
	silent.estimate_read = no_estimate;
	chain()->connector = &silent;
	pay_rows(3);
	run(20000);
	assert_in_range(scene.node[0]->calls[SIM_eth_estimateGas], 5, 25);
	assert_says(op()->waits_for, "no estimate here");
	chain()->connector = &connector_evm;
	finish();
}

static uint64_t liar_heard;

/* The node that boasts has a transaction of ours in each block that nobody else has; the
 * others are heard after it. */
static enum err forged_block(struct block_facts *ret, struct node_word *w,
    const struct block_question *q, const char *answer, size_t len, struct fail *f)
{
	static uint32_t number;
	enum err e = connector_evm.block_read(ret, w, q, answer, len, f);
	struct amount much = amount_u64(1000 * GWEI);
	struct seen_tx *tx;

	assert_true(amount_mul_u64(&much, &much, GWEI));
	if (e || !ret->accounts_n || !ret->accounts[0].has_balance)
		return e;
	if (amount_cmp(&ret->accounts[0].balance, &much) < 0)
		return q->height <= liar_heard
		    ? e
		    : fail_set(f, ERR_NODE_BUSY, "the liar is heard first");
	liar_heard = q->height;
	tx = calloc(ret->tx_n + 8, sizeof *tx);
	if (ret->tx_n)
		memcpy(tx, ret->tx, ret->tx_n * sizeof *tx);
	free(ret->tx);
	ret->tx = tx;
	tx += ret->tx_n++;
	*tx = (struct seen_tx){
		.index = 999, .status = TX_OK, .gas_used = 21000, .gas_price = 7
	};
	number++;
	memcpy(tx->hash.at, &number, sizeof number);
	tx->hash.at[31] = 0x77;
	return ERR_OK;
}

/* It is heard first, and has another one in each block. */
static void strangers_of_one_node_keep_nothing_back(void **state_)
{
	static struct connector forges;

	(void)state_;
	for (uint32_t k = 0; k < 3; k++) {
		begin(3, 2);
		liar_heard = 0;
		forges = connector_evm;
		forges.block_read = forged_block;
		((struct follower *)chain()->follower)->s.connector = &forges;
		scene.node[k]->boasts = true;
		pay_rows(24);
		finish();
		end(NULL);
	}
}

/* Who said first that a row reverts has to say who he is when the next one says so; the
 * other node of his provider has said nothing. */
static enum err estimate_of_two(uint64_t *gas, struct node_word *word, uint32_t n,
    const char *answer, size_t len, struct fail *f)
{
	static int first;
	int asked = 0;

	for (int i = 0; i < 4; i++)
		asked += scene.node[i]->calls[SIM_eth_estimateGas] > 0;
	for (int i = 0; i < 4 && asked == 1; i++)
		if (scene.node[i]->calls[SIM_eth_estimateGas])
			first = i;
	if (asked == 2)
		((struct follower *)chain()->follower)->view[first].identified = false;
	return connector_evm.estimate_read(gas, word, n, answer, len, f);
}

static void a_row_of_which_nobody_says_its_gas_is_not_built(void **state_)
{
	static struct connector forges;

	(void)state_;
	begin(4, 2);
	scene.endpoints[0].provider = scene.endpoints[1].provider = "one";
	scene.endpoints[2].provider = scene.endpoints[3].provider = "two";
	rise_again();
	run_until(chain()->id);
	lists[0].rows = 3;
	rows_fill(&lists[0]);
	sim_account_code(scene.chain, &lists[0].to[2], SIM_CODE_REVERTS, 0);
	forges = connector_evm;
	forges.estimate_read = estimate_of_two;
	chain()->connector = &forges;
	pay_rows(3);
	run_until(ended());
	assert_int_equal(item(2).state, ITEM_VOID);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 2);
}

/* The node is the quorum, and gives no receipts of a block that used gas, as if nothing
 * were in it. */
static void receipts_that_are_left_out_are_missed(void **state_)
{
	(void)state_;
	begin(1, 1);
	scene.node[0]->receipts = SIM_RECEIPTS_EMPTY;
	pay_rows(3);
	finish();
}

/* The header of such a block was seen by the life before. */
static void receipts_that_are_left_out_later_are_missed(void **state_)
{
	(void)state_;
	begin_in_flight(1, 1, 3, 3);
	scene_mine(&scene, 1);
	run(3000);
	scene_mine(&scene, 2);
	run(3000);
	rest();
	scene.node[0]->receipts = SIM_RECEIPTS_EMPTY;
	scene_rise(&scene);
	rise();
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* One request a second, and the code of the rows takes the first. */
static void who_is_asked_seldom_makes_an_estimate(void **state_)
{
	(void)state_;
	begin_with_a_wallet(1, 1);
	sim_world_force(sim_world_of(scene.world), SIM_FAULT_LIMITED, NULL, 0, 0);
	pay_rows(3);
	run_until(state() == OPERATION_BUILDING);
	run(10000);
	assert_int_not_equal(state(), OPERATION_BUILDING);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(an_attempt_in_one_nodes_block_is_disowned),
		T(one_node_does_not_make_the_fees),
		T(a_node_that_hangs_keeps_nobody_waiting),
		T(nor_rows_that_are_asked_about),
		T(an_answer_outlives_its_question),
		T(who_is_asked_beside_another_has_his_own_vote),
		T(one_node_makes_no_base_fee),
		T(a_node_that_is_down_keeps_no_fees_back),
		T(fees_that_nobody_tells_are_asked_for_with_pauses),
		T(a_balance_is_a_quorums_word),
		T(one_node_voids_no_row),
		T(one_node_makes_no_estimate),
		T(a_row_of_which_nobody_says_its_gas_is_not_built),
		T(estimates_that_fail_are_asked_for_with_pauses),
		T(who_is_asked_seldom_makes_an_estimate),
		T(strangers_of_one_node_keep_nothing_back),
		T(receipts_that_are_left_out_are_missed),
		T(receipts_that_are_left_out_later_are_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
