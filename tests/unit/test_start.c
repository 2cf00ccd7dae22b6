/* What a start asks before it pays on: of blocks in which nothing of ours can be only the
 * newest, the fees once, and never less than it needs. */
#include "crypto/secret.h"
#include "payer.h"

#define CALLS_MAX 10
#define MISSED 20

static uint64_t asked(enum sim_method m)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < scene.nodes; i++)
		n += scene.node[i]->calls[m];
	return n;
}

/* Half of a list is paid, all of that is final and seen, and the other half waits. */
static void pay_half(uint32_t nodes, int quorum)
{
	struct fail f;

	begin(nodes, quorum);
	run_until(chain()->id);
	pay_rows(30);
	run_until(op()->by_state[ITEM_FINAL].n);
	assert_int_equal(operation_pause(runner, op(), &f), ERR_OK);
	run_until(!op()->by_state[ITEM_LIVE].n);
	sim_mining(scene.chain, 0);
	run(5000);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	rest();
}

static void go_on(void)
{
	struct fail f;

	scene_rise(&scene);
	rise();
	run_until(runner_operation(runner, lists[0].id));
	assert_int_equal(operation_resume(runner, op(), &f), ERR_OK);
}

static void nothing_missed_costs_ten_calls(void **state_)
{
	uint64_t before, sends;

	(void)state_;
	pay_half(1, 1);
	before = scene_calls(&scene);
	sends = asked(SIM_eth_sendRawTransaction);
	go_on();
	run_until(asked(SIM_eth_sendRawTransaction) > sends);
	before += asked(SIM_eth_sendRawTransaction) - sends;
	assert_in_range(scene_calls(&scene) - before, 1, CALLS_MAX);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static void of_unused_blocks_the_newest_is_read(void **state_)
{
	uint64_t reads, fees;

	(void)state_;
	pay_half(3, 2);
	scene_mine(&scene, MISSED);
	reads = asked(SIM_eth_getBlockReceipts);
	fees = asked(SIM_eth_feeHistory);
	go_on();
	run_until(account()->known && account()->height == height());
	run(2000);
	assert_in_range(asked(SIM_eth_getBlockReceipts) - reads, 3, 3);
	assert_in_range(asked(SIM_eth_feeHistory) - fees, 2, 3);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* One of them holds a use of the key: it is found, also where the newest has none. */
static void a_use_among_them_is_read(void **state_)
{
	struct sql_consumed_since_out row;

	(void)state_;
	pay_half(1, 1);
	scene_mine(&scene, MISSED / 2);
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 0);
	scene_mine(&scene, MISSED / 2);
	go_on();
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_true(sql_consumed_since_one(scene.journal,
	    &(struct sql_consumed_since_in){ .account = account()->id }, &row));
	assert_int_equal(row.n, 1);
	assert_false(account()->stopped);
}

/* What is not shown of the newest block is not waited for. */
static void a_node_without_the_newest_receipts_will_do(void **state_)
{
	(void)state_;
	pay_half(1, 1);
	scene_mine(&scene, MISSED);
	scene.node[0]->receipts_lag = 3;
	go_on();
	run_until(account()->known && account()->height + 3 == height());
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* A node that has not the newest block, and one that counts too little: the others are
 * the quorum, and nothing is paid twice. */
static void nodes_of_several_minds_end_exact(void **state_)
{
	uint64_t count;

	(void)state_;
	pay_half(3, 2);
	count = sim_count(scene.chain, scene.chain->head, &scene.sender);
	scene_mine(&scene, MISSED / 2);
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 0);
	scene_mine(&scene, MISSED / 2);
	scene.node[1]->lag = 1;
	scene.node[2]->counts = count;
	go_on();
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* Old blocks tell nothing of the fees of the day. */
static void fees_are_not_asked_for_with_old_blocks(void **state_)
{
	int64_t began_ms;
	uint64_t fees;

	(void)state_;
	pay_half(1, 1);
	scene.node[0]->state_depth = 128;
	scene_mine(&scene, 900);
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 0);
	scene_mine(&scene, 300);
	fees = asked(SIM_eth_feeHistory);
	go_on();
	began_ms = world_now_ms(scene.world);
	run_until(account()->known && account()->height == height());
	fees = asked(SIM_eth_feeHistory) - fees;
	assert_in_range(
	    fees, 1, 1 + (uint64_t)(world_now_ms(scene.world) - began_ms) / 10000);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* What is final while only another key's list is run. */
static void what_is_final_while_another_key_is_run(void **state_)
{
	(void)state_;
	begin_in_flight(1, 1, 4, 2);
	rest();
	scene_rise(&scene);
	rise_for(999);
	run_until(chain()->id);
	sim_mining(scene.chain, INTERVAL_MS);
	after_blocks(SCENE_DEPTH + 4);
	run(3000);
	rise_again();
	run_until(runner->operations_n);
	finish();
}

/* Its nodes show another genesis: nobody moves it on, and it says so. */
static void check_elsewhere(void)
{
	struct operation o;

	assert_null(runner_operation(runner, lists[0].id));
	assert_true(operation_read(scene.journal, lists[0].id, &o));
	assert_says(o.waits_for, "another genesis");
}

/* All nodes have another genesis now, and blocks that hold what is signed for the first
 * one: the bytes are valid there, too. They end nothing of it, and are a past to others.
 */
static void what_another_genesis_holds_ends_nothing(void **state_)
{
	(void)state_;
	begin_in_flight(1, 1, 4, 2);
	rest();
	scene_mine(&scene, SCENE_DEPTH + 1);
	sim_mining(scene.chain, INTERVAL_MS);
	scene.node[0]->other_genesis = true;
	scene_rise(&scene);
	rise();
	pay(&(struct list){ .name = "bonus", .rows = 2, .others = true });
	run_until(operation_ended(op_of(&lists[1])));
	check_elsewhere();
	assert_int_equal(item(1).state, ITEM_LIVE);
	assert_int_equal(item(2).state, ITEM_LIVE);
	rest();
	scene.node[0]->other_genesis = false;
	scene_rise(&scene);
	rise();
	run_until(runner->operations_n);
	assert_null(strstr(op()->waits_for, "genesis"));
	run_until(operation_ended(op()));
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 4);
	check_exact();
}

/* Of two geneses, over the same blocks: the list of the second one pays the rows of the
 * first one, on the same nonces, and then the first one is back. */
static void pay_on_both(bool is_free)
{
	begin(1, 1);
	scene.chain->options.is_free = is_free;
	after_blocks(2);
	sim_mining(scene.chain, 0);
	pay_rows(2);
	run_until(is_signed(2));
	rest();
	scene.node[0]->other_genesis = true;
	scene_rise(&scene);
	rise();
	pay(&(struct list){ .name = "bonus", .rows = 2, .same = true });
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(operation_ended(op_of(&lists[1])));
	assert_int_equal(op_of(&lists[1])->by_state[ITEM_FINAL].n, 2);
	assert_int_equal(item(1).state, ITEM_LIVE);
	check_elsewhere();
	rest();
	scene.node[0]->other_genesis = false;
	scene_rise(&scene);
	rise();
	run_until(runner->operations_n);
	run_until(operation_ended(op()));
	assert_int_equal(op()->by_state[ITEM_FINAL].n, 2);
	assert_int_equal(paid(&lists[0], 1), 1);
	assert_int_equal(paid(&lists[0], 2), 1);
}

/* Without fees nothing tells the bytes apart: each genesis has its own attempt. */
static void two_geneses_may_have_the_same_bytes(void **state_)
{
	(void)state_;
	pay_on_both(true);
}

/* Bytes that were signed for another genesis are forgotten ones here. */
static void bytes_of_another_genesis_are_judged(void **state_)
{
	(void)state_;
	pay_on_both(false);
}

/* It ended three starts in a row: the others go on without it. */
static void what_ended_three_starts_is_set_aside(void **state_)
{
	(void)state_;
	begin(1, 1);
	pay_rows(3);
	pay(&(struct list){ .name = "bonus", .rows = 3 });
	rest();
	scene_rise(&scene);
	rise();
	runner->s.set_aside = lists[0].id;
	run_until(runner->operations_n == 2);
	assert_int_equal(state(), OPERATION_NEEDS_OPERATOR);
	assert_says(op()->waits_for, "three starts in a row ended while it was advanced");
	run_until(op_of(&lists[1])->state == OPERATION_COMPLETED);
	assert_int_equal(op()->by_state[ITEM_PENDING].n, 3);
	resume();
	finish();
}

static bool (*fails_when)(void);

static enum err failing_advance(struct runner *r, struct operation *o, struct fail *f)
{
	enum err e = kind_airdrop.advance(r, o, f);

	if (e || !fails_when || !fails_when())
		return e;
	fails_when = NULL;
	account_stop(r, account(), "nobody knows why");
	return fail_set(f, ERR_CONFLICT, "it failed behind all that");
}

static bool is_frozen(void)
{
	return state() == OPERATION_DISTRIBUTING;
}

static bool journaled_as_frozen(void)
{
	struct airdrop_facts facts;

	assert_true(airdrop_read(scene.journal, op()->id, &facts));
	return facts.frozen;
}

/* It froze the plan and stopped the account, and failed then: neither is remembered. */
static void an_advance_that_failed_left_nothing(void **state_)
{
	static struct kind failing;

	(void)state_;
	begin_with_a_wallet(1, 1);
	pay_rows(3);
	failing = kind_airdrop;
	failing.advance = failing_advance;
	op()->kind = &failing;
	fails_when = is_frozen;
	run_until(state() == OPERATION_NEEDS_OPERATOR);
	assert_null(fails_when);
	assert_false(account()->stopped);
	assert_string_equal(account()->why_stopped, "");
	assert_false(journaled_as_frozen());
	resume();
	run_until(state() == OPERATION_DISTRIBUTING);
	assert_true(journaled_as_frozen());
	finish();
}

static void check_limits(int64_t in_flight, uint64_t fee_cap)
{
	struct sql_account_get_in in = { .id = account()->id };
	struct sql_account_get_out row;

	assert_true(sql_account_get_one(scene.journal, &in, &row));
	assert_int_equal(row.in_flight_max, in_flight);
	assert_int_equal(row.fee_cap_max, fee_cap);
}

/* A fence goes by the highest that the account was ever used with. */
static void its_limits_only_grow(void **state_)
{
	static const struct {
		int in_flight;
		uint64_t fee_cap;
	} configs[] = { { 7, 400 }, { 7, 900 }, { 9, 300 }, { 3, 900 } };
	int in_flight = 0;
	uint64_t fee_cap = 0;
	struct fail f = { 0 };

	(void)state_;
	begin(1, 1);
	for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
		scene.config.max_in_flight = configs[i].in_flight;
		scene.config.max_fee_per_gas = configs[i].fee_cap * GWEI;
		if (configs[i].in_flight > in_flight)
			in_flight = configs[i].in_flight;
		if (configs[i].fee_cap > fee_cap)
			fee_cap = configs[i].fee_cap;
		if (i)
			rise_again();
		else
			pay_rows(6);
		run_until(runner->operations_n);
		if (!i)
			assert_int_equal(operation_pause(runner, op(), &f), ERR_OK);
		after_blocks(2);
		check_limits(in_flight, fee_cap * GWEI);
	}
	resume();
	finish();
}

static struct secret *other_key;
static bool has_key;

static enum err other_get(
    void *ctx, const char *name, const struct secret **ret, struct fail *f)
{
	(void)ctx;
	*ret = other_key;
	return has_key ? ERR_OK : fail_set(f, ERR_KEY, "there is no key %s", name);
}

/* Another one by its name, or none: nothing of its account is signed, and all is seen. */
static void without_its_key_it_waits(void **state_)
{
	uint8_t bytes[32] = { 7 };

	(void)state_;
	begin(1, 1);
	pay_rows(30);
	run_until(op()->by_state[ITEM_LIVE].n >= 2);
	other_key = secret_new(bytes, sizeof bytes);
	for (int k = 0; k < 2; k++) {
		has_key = k;
		rest();
		scene_rise(&scene);
		rise();
		runner->s.keys.get = other_get;
		run_until(runner->operations_n);
		run(20000);
		assert_null(account()->key);
		assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
		assert_true(op()->by_state[ITEM_PENDING].n > 0);
		assert_says(op()->waits_for, "its key, which can't be used");
	}
	secret_free(other_key);
	rise_again();
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(without_its_key_it_waits),
		T(its_limits_only_grow),
		T(what_ended_three_starts_is_set_aside),
		T(an_advance_that_failed_left_nothing),
		T(what_is_final_while_another_key_is_run),
		T(what_another_genesis_holds_ends_nothing),
		T(two_geneses_may_have_the_same_bytes),
		T(bytes_of_another_genesis_are_judged),
		T(nothing_missed_costs_ten_calls),
		T(of_unused_blocks_the_newest_is_read),
		T(a_use_among_them_is_read),
		T(a_node_without_the_newest_receipts_will_do),
		T(fees_are_not_asked_for_with_old_blocks),
		T(nodes_of_several_minds_end_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
