/* Crash windows of the field (tests/windows.def) that no other suite has a scene for. */
#include "payer.h"

static uint64_t sends_of(int node)
{
	return scene.node[node]->calls[SIM_eth_sendRawTransaction];
}

static void refuse(const char *text)
{
	for (uint32_t i = 0; i < scene.nodes; i++)
		snprintf(
		    scene.node[i]->refuses, sizeof scene.node[i]->refuses, "%s", text);
}

static void check_untouched(int rows)
{
	int64_t ids[8];

	for (int row = 1; row <= rows; row++) {
		assert_int_equal(intents_of(row, ids), 1);
		assert_int_equal(intent(ids[0]).state, INTENT_SIGNED);
		assert_true(live(row));
	}
}

/* -- what nodes refuse -------------------------------------------------------- */

static const char *const refusals[] = {
	"tx fee (1.05 ether) exceeds the configured cap (1.00 ether)",
	"intrinsic gas too low",
	"insufficient funds for gas * price + value",
	"it is Saturday",
};

/* The first of three has rules of its own: what it refuses the others mine. */
static void what_one_node_refuses_is_paid(void **state_)
{
	int64_t ids[8];

	(void)state_;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		begin(3, 2);
		snprintf(scene.node[0]->refuses, sizeof scene.node[0]->refuses, "%s",
		    refusals[i]);
		pay_rows(6);
		finish();
		for (int row = 1; row <= 6; row++)
			assert_int_equal(intents_of(row, ids), 1);
		end(NULL);
	}
}

/* For as long as it takes: nothing moves, and nobody is asked again and again. */
static void what_all_nodes_refuse_is_neither_dead_nor_stormed(void **state_)
{
	(void)state_;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		begin(3, 2);
		run_until(chain()->id);
		refuse(refusals[i]);
		pay_rows(4);
		run_until(is_signed(4));
		run(600000);
		check_untouched(4);
		for (int node = 0; node < 3; node++)
			assert_in_range(sends_of(node), 8, 1000);
		refuse("");
		finish();
		end(NULL);
	}
}

/* -- who is wrong about everything ---------------------------------------------- */

static void a_liar_makes_no_first_nonce(void **state_)
{
	(void)state_;
	begin(3, 2);
	scene.node[0]->counts = 510;
	pay_rows(6);
	run_until(is_signed(1));
	assert_int_equal(intent(item(1).intent).nonce, 0);
	finish();
}

static void lie(uint64_t counts)
{
	for (uint32_t i = 0; i < scene.nodes; i++)
		scene.node[i]->counts = counts;
}

/* A quorum lies, once, and says the truth from then on: what was signed above the true
 * count waits, the nonces below it are filled, and everybody is paid. */
static void a_first_nonce_that_all_lied_about_is_no_end(void **state_)
{
	(void)state_;
	begin(3, 2);
	retracts = true; /* the count goes back, and with it what is in flight */
	lie(6);
	pay_rows(8);
	run_until(is_signed(1));
	assert_int_equal(intent(item(1).intent).nonce, 6);
	run(5000);
	lie(0);
	run(20000);
	finish();
}

static void a_clock_that_jumps_moves_nothing(void **state_)
{
	static const int64_t decade_ms = 10 * 365 * 86400000ll;
	struct fee_row fees[16];
	int64_t ids[8];

	(void)state_;
	begin(3, 2);
	pay_rows(12);
	for (int i = 0; i < 8; i++) {
		run(1500);
		run(200); /* nothing is under way */
		sim_world_jump(
		    sim_world_of(scene.world), i % 2 ? -2 * decade_ms : decade_ms);
	}
	finish();
	for (int row = 1; row <= 12; row++) {
		assert_int_equal(intents_of(row, ids), 1);
		assert_int_equal(attempts_of(ids[0], fees), 1);
	}
}

/* -- what is not there any more ------------------------------------------------------ */

/* All is mined while it is away, and when it is back no node has those receipts. They
 * prove nothing by that: it waits, and says for what. Then one is found that has them. */
static void receipts_that_are_pruned_prove_nothing(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_in_flight(1, 1, 4, 4);
	rest();
	scene_mine(&scene, 40);
	scene.node[0]->receipts_depth = 5;
	scene_rise(&scene);
	rise();
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(runner->operations_n);
	run(120000);
	for (int row = 1; row <= 4; row++) {
		assert_int_equal(intents_of(row, ids), 1);
		assert_true(live(row));
	}
	scene.node[0]->receipts_depth = 0;
	finish();
}

/* -- a sender, and a list, that are not what they were -------------------- */

/* In mid-run its key gets code: pools take one at a time from then on. */
static void a_sender_that_is_delegated_meanwhile(void **state_)
{
	(void)state_;
	begin_in_flight(1, 1, 12, 4);
	sim_account_code(scene.chain, &scene.sender, SIM_CODE_DELEGATED, 0);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* The bytes are good for ever: a cancel does not end before each of their nonces is used,
 * and the money for that may come much later. */
static void a_cancel_without_funds_ends_when_they_come(void **state_)
{
	struct amount coin = amount_u64(1000000000 * GWEI);
	struct fail f = { 0 };

	(void)state_;
	begin_in_flight(1, 1, 4, 4);
	sim_pool_drop_all(scene.chain);
	sim_mining(scene.chain, INTERVAL_MS);
	keep_only("0.00005");
	assert_int_equal(operation_cancel(runner, op(), true, &f), ERR_OK);
	run(300000);
	assert_int_equal(state(), OPERATION_CANCELLING);
	sim_fund(scene.chain, &scene.sender, NULL, &coin);
	run_until(ended());
	assert_int_equal(state(), OPERATION_CANCELLED);
	assert_int_equal(sim_count(scene.chain, scene.chain->head, &scene.sender), 4);
	for (int row = 1; row <= 4; row++)
		assert_int_equal(
		    paid(&lists[0], row), item(row).state == ITEM_FINAL ? 1 : 0);
	check_fees();
}

/* Finality takes long; what is in a block makes room for the next rows all the same. */
static void what_is_included_makes_room(void **state_)
{
	(void)state_;
	begin(1, 1);
	scene.config.finality.depth = 60;
	scene.config.max_in_flight = 2;
	pay_rows(12);
	run_until(sim_count(scene.chain, scene.chain->head, &scene.sender) == 12);
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 0);
	finish();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		TEST(what_one_node_refuses_is_paid),
		TEST(what_all_nodes_refuse_is_neither_dead_nor_stormed),
		TEST(a_liar_makes_no_first_nonce),
		TEST(a_first_nonce_that_all_lied_about_is_no_end),
		TEST(a_clock_that_jumps_moves_nothing),
		TEST(receipts_that_are_pruned_prove_nothing),
		TEST(a_sender_that_is_delegated_meanwhile),
		TEST(a_cancel_without_funds_ends_when_they_come),
		TEST(what_is_included_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
