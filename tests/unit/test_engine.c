/* Lists that are paid on a chain that misbehaves: one after another, beside each other,
 * through deaths and storms. */
#include "payer.h"

static void a_list_is_paid(void **state_)
{
	(void)state_;
	begin(3, 2);
	pay_rows(12);
	finish();
}

/* All is mined while it is away: nothing is sent again, and no block of the past makes
 * an attempt too cheap. */
static void what_was_mined_meanwhile_is_not_sent_again(void **state_)
{
	uint64_t sends;

	(void)state_;
	begin(1, 1);
	scene.config.max_in_flight = 12;
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	pay_rows(12);
	run_until(is_signed(12));
	run(1000);
	rest();
	scene_mine(&scene, 5);
	for (int k = 0; k < 40; k++) {
		scene.chain->base_fee_next = 90 * GWEI;
		scene_mine(&scene, 1);
	}
	for (int k = 0; k < 60; k++)
		scene_mine(&scene, 1);
	sends = scene.node[0]->calls[SIM_eth_sendRawTransaction];
	scene_rise(&scene);
	rise();
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(runner->operations_n);
	finish();
	assert_int_equal(scene.node[0]->calls[SIM_eth_sendRawTransaction], sends);
	for (int row = 1; row <= 12; row++) {
		struct fee_row fees[16];
		int64_t ids[8];

		assert_int_equal(intents_of(row, ids), 1);
		assert_int_equal(attempts_of(ids[0], fees), 1);
	}
}

static size_t attempts_in(int64_t intent_id, int attempt_state)
{
	struct sql_attempt_of_intent_in in = { .intent = intent_id };
	struct sql_attempt_of_intent_out row;
	size_t n = 0;

	sql_attempt_of_intent_begin(scene.journal, &in);
	while (sql_attempt_of_intent_next(scene.journal, &row))
		n += row.state == attempt_state;
	return n;
}

/* However many: when one is mined all the others are replaced, and come back with it. */
static void all_attempts_of_a_nonce_move_together(void **state_)
{
	int64_t id;

	(void)state_;
	begin(1, 1);
	scene.config.bump_after = 1;
	scene.node[0]->tip = 1;
	run_until(chain()->id);
	sim_mining(scene.chain, 0);
	scene.chain->base_fee_next = 7;
	pay_rows(1);
	run_until(is_signed(1));
	id = item(1).intent;
	for (int i = 0; i < 80; i++) {
		scene.chain->base_fee_next = 7;
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
		run(1500);
	}
	assert_in_range(attempts_in(id, ATTEMPT_SIGNED), 70, 90);
	scene.chain->base_fee_next = 7;
	sim_mine(scene.chain, NULL);
	run(1500);
	assert_int_equal(attempts_in(id, ATTEMPT_INCLUDED), 1);
	assert_int_equal(attempts_in(id, ATTEMPT_SIGNED), 0);
	reorg(1, false);
	run(3000);
	assert_int_equal(attempts_in(id, ATTEMPT_REPLACED), 0);
	scene.chain->base_fee_next = 0;
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static uint64_t sends(void)
{
	return scene.node[0]->calls[SIM_eth_sendRawTransaction];
}

/* The lowest nonce has no bytes that may leave: those above it would only wait for it. */
static void nothing_leaves_above_a_hole(void **state_)
{
	uint64_t before;

	(void)state_;
	begin_in_flight(1, 1, 3, 3);
	scene.config.max_fee_per_gas = 1; /* so that it gets no empty attempt */
	sql_intent_empty(
	    scene.journal, &(struct sql_intent_empty_in){ .id = item(1).intent });
	sim_pool_drop_all(scene.chain);
	before = sends();
	run(120000);
	rise_again();
	run(120000);
	assert_int_equal(sends(), before);
	scene.config.max_fee_per_gas = 500 * GWEI;
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static bool has_left(uint64_t nonce)
{
	for (const struct sim_tx *t = scene.chain->all; t; t = t->next_all)
		if (t->nonce == nonce)
			return true;
	return false;
}

static void rise_beside_a_signer_that_refuses(void)
{
	rise_again();
	run_until(chain()->id);
	refuse_to_sign();
}

static void sign_and_finish(void)
{
	assert_false(has_left(3));
	scene.node[1]->counts_more = 0;
	sign_again();
	resume();
	finish();
}

/* A node that is asked what it has had counts one that has no bytes yet. */
static void what_a_node_has_had_makes_no_hole(void **state_)
{
	(void)state_;
	begin(2, 2);
	scene.config.max_in_flight = 4;
	run_until(chain()->id);
	refuse_to_sign();
	pay_rows(8);
	run_until(account()->stopped);
	run(20000);
	scene.node[1]->counts_more = 1;
	rise_beside_a_signer_that_refuses();
	run(20000);
	sign_and_finish();
}

/* It counts one that is not even reserved. */
static void nor_does_what_is_taken_later(void **state_)
{
	(void)state_;
	begin_in_flight(2, 2, 8, 2);
	scene.node[1]->counts_more = 3;
	rise_beside_a_signer_that_refuses();
	run(2000);
	scene.node[1]->counts_more = 0;
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(account()->stopped);
	run(20000);
	assert_true(is_signed(4));
	sign_and_finish();
}

/* Who is wrong about where a row is moves nothing. */
static void rows_move_only_from_where_they_are(void **state_)
{
	const struct amount zero = AMOUNT_ZERO;
	struct sql_item_move_in move = { .from = ITEM_LIVE,
		.to = ITEM_FINAL,
		.row = 1,
		.no_intent = true,
		.no_reason = true };
	struct sql_intent_settle_in settle = {
		.from = INTENT_SIGNED, .to = INTENT_VOID, .held = zero, .no_proof = true
	};

	(void)state_;
	begin(1, 1);
	pay_rows(2);
	move.operation = op()->id;
	assert_int_equal(sql_item_move(scene.journal, &move), 0);
	assert_int_equal(item(1).state, ITEM_PENDING);
	run_until(live(1));
	settle.id = item(1).intent;
	finish();
	assert_int_equal(sql_intent_settle(scene.journal, &settle), 0);
	assert_int_equal(sql_intent_empty(scene.journal,
			     &(struct sql_intent_empty_in){ .id = settle.id }),
	    0);
	assert_int_equal(sql_intent_signed(scene.journal,
			     &(struct sql_intent_signed_in){
				 .id = settle.id, .attempt = intent(settle.id).attempt }),
	    0);
	assert_int_equal(intent(settle.id).state, INTENT_FINAL);
	turn();
}

/* The second bytes were asked for before the first were there: they come for an intent
 * that has moved on, and are nobody's. */
static void bytes_of_another_generation_are_dropped(void **state_)
{
	struct fee_row row[16];
	struct intent i;

	(void)state_;
	begin_in_flight(1, 1, 1, 1);
	i = intent(item(1).intent);
	assert_int_equal(intent_bump(runner, account(), &i, false), BUMP_DONE);
	idset_remove(&runner->signing, i.id);
	i = intent(i.id);
	chain()->market.next_base_fee *= 4;
	assert_int_equal(intent_bump(runner, account(), &i, false), BUMP_DONE);
	run(1000);
	assert_int_equal(attempts_of(i.id, row), 2);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static void the_service_fee_is_paid_once_and_last(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay(&(struct list){ .rows = 9, .service_fee = 77 });
	run_until(op()->by_state[ITEM_FINAL].n == 9);
	assert_int_equal(fee_paid(), 0);
	run_until(state() == OPERATION_PAYING_FEE);
	rise_again();
	finish();
	assert_int_equal(fee_paid(), 1);
}

static void two_lists_of_one_account_take_turns(void **state_)
{
	const struct list *a, *b;

	(void)state_;
	begin_still(1, 1);
	a = pay(&(struct list){ .rows = 8, .name = "wages" });
	b = pay(&(struct list){ .rows = 8, .name = "bonus" });
	run_until(op_of(a)->state == OPERATION_DISTRIBUTING &&
	    op_of(b)->state == OPERATION_DISTRIBUTING);
	for (int i = 0; i < 3; i++) {
		scene_mine(&scene, 1);
		run(3000);
		assert_in_range(op_of(a)->by_state[ITEM_PENDING].n -
			op_of(b)->by_state[ITEM_PENDING].n + 4,
		    0, 8);
	}
	assert_true(op_of(b)->by_state[ITEM_PENDING].n < 8);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* The cap of one has room for a single row; the other gets the rest of what may be in
 * flight, in the same turn. */
static void who_cannot_reserve_keeps_nobody_back(void **state_)
{
	struct list *a, *b;

	(void)state_;
	begin_still(1, 1);
	a = pay(&(struct list){ .rows = 4, .name = "wages", .cap = "0.00005" });
	b = pay(&(struct list){ .rows = 4, .name = "bonus" });
	run_until(op_of(b)->state == OPERATION_DISTRIBUTING);
	run(3000);
	assert_int_equal(op_of(a)->by_state[ITEM_LIVE].n, 1);
	assert_int_equal(op_of(b)->by_state[ITEM_LIVE].n, 3);
	assert_says(op_of(a)->waits_for, "in flight");
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(op_of(b)->state == OPERATION_COMPLETED);
	operation_cap(runner, op_of(a), &op_of(b)->cap);
	resume();
	finish();
}

/* What is signed below goes on, nothing above it leaves. */
static void a_signer_that_refuses_stops_the_account(void **state_)
{
	int64_t commits;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	refuse_to_sign();
	pay_rows(8);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "pawl resume key:treasury");
	commits = journal_commit_no(scene.journal);
	run(40000);
	assert_int_equal(sim_count(scene.chain, scene.chain->head, &scene.sender), 2);
	/* It is not asked again and again: what is committed is the blocks. */
	assert_in_range(journal_commit_no(scene.journal) - commits, 1, 150);
	sign_again();
	resume();
	finish();
}

/* It comes between two turns, and the block that is told next was read without it. */
static void an_account_that_comes_later_is_not_another(void **state_)
{
	struct sql_account_add_in in = { .key_name = "other", .in_flight_max = 1 };
	struct sql_account_add_out out;
	struct account *b;
	int64_t until;

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(12);
	run_until(op()->by_state[ITEM_FINAL].n >= 5);
	sim_mining(scene.chain, 0);
	run(3000);
	scene_mine(&scene, 1);
	world_wait(scene.world, world_now_ms(scene.world) + 900);
	in.chain = chain()->id;
	memset(in.address, 0x31, sizeof in.address);
	assert_true(sql_account_add_one(scene.journal, &in, &out));
	until = world_now_ms(scene.world) + 8000;
	b = account_load(runner, chain(), out.id);
	assert_non_null(b);
	while (world_now_ms(scene.world) < until) {
		turn();
		world_wait(scene.world, runner_wake_ms(runner));
		assert_true(!b->has_final_count || b->final_count == 0);
		assert_int_equal(b->strangers_n, 0);
	}
}

/* A list that has ended is loaded by a command that is refused: what the account may do
 * from here on is journaled all the same. */
static void limits_outlive_a_refused_command(void **state_)
{
	struct sql_account_get_in in;
	struct sql_account_get_out row;

	(void)state_;
	begin(1, 1);
	pay_rows(2);
	finish();
	in.id = account()->id;
	rest();
	scene_rise(&scene);
	scene.config.max_in_flight += 7;
	rise();
	run_until(chain()->id);
	assert_null(runner_operation(runner, lists[0].id));
	journal_save(scene.journal);
	assert_non_null(operation_load(runner, lists[0].id));
	journal_save_drop(scene.journal);
	run(1000);
	assert_true(sql_account_get_one(scene.journal, &in, &row));
	assert_int_equal(row.in_flight_max, scene.config.max_in_flight);
}

static void shallow_finality_and_one_in_flight(void **state_)
{
	(void)state_;
	for (int depth = 0; depth < 2; depth++)
		for (int in_flight = 1; in_flight < 3; in_flight++) {
			begin(3, 2);
			scene.config.finality.depth = (uint64_t)depth;
			scene.config.max_in_flight = in_flight;
			run_until(chain()->id);
			pay(&(struct list){ .rows = 7, .service_fee = 5 });
			run_until(op()->by_state[ITEM_FINAL].n >= 2);
			scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
			after_blocks(2);
			rise_again();
			run_until(runner->operations_n);
			scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
			finish();
			end(NULL);
		}
}

/* -- all of it at once, by dice ---------------------------------------------- */

#define STORMS 60
#define STORM_STEPS 40

static uint64_t dice;

static uint64_t roll(uint64_t n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice % n;
}

static void help_with(struct operation *o)
{
	struct amount more = amount_u64(300000 * GWEI);
	struct fail f = { 0 };

	if (o->state != OPERATION_NEEDS_OPERATOR && o->state != OPERATION_PAUSED)
		return;
	assert_true(amount_add(&more, &more, &o->cap));
	if (strstr(o->waits_for, "--max-total-fee"))
		operation_cap(runner, o, &more);
	assert_int_equal(operation_retry(runner, o, WORD_NONE, &f), ERR_OK);
	assert_int_equal(operation_resume(runner, o, &f), ERR_OK);
}

/* The operator answers whatever it waits for. */
static void help(void)
{
	for (size_t k = 0; k < runner->operations_n; k++)
		help_with(runner->operations[k]);
	for (size_t i = 0; i < chain()->accounts_n; i++)
		if (chain()->accounts[i]->stopped)
			account_resume(runner, chain()->accounts[i]);
}

static void storm_nodes(void)
{
	struct sim_node *n = scene.node[roll(scene.nodes)];

	n->down = roll(2);
	n->lag = roll(3);
	n->receipts_lag = roll(2);
	n->hides_transactions = roll(2);
	if (scene.nodes < 3)
		return;
	n = scene.node[0]; /* the only one that lies */
	n->boasts = roll(2);
	n->forgets = roll(2);
	n->base_fee = roll(2) * 900 * GWEI;
	n->tip = roll(2) * 900 * GWEI;
	n->receipts = roll(2) ? SIM_RECEIPTS_FLIPPED : SIM_RECEIPTS_TRUE;
}

static void calm(void)
{
	for (uint32_t k = 0; k < scene.nodes; k++) {
		struct sim_node *n = scene.node[k];

		n->down = n->hides_transactions = n->boasts = n->forgets = false;
		n->lag = n->receipts_lag = n->base_fee = n->tip = 0;
		n->receipts = SIM_RECEIPTS_TRUE;
	}
	scene.chain->base_fee_next = GWEI;
}

static void storm_step(void)
{
	uint64_t next = sim_count(scene.chain, scene.chain->head, &scene.sender);
	struct fail f = { 0 };

	switch (roll(10)) {
	case 0:
	case 1:
		reorg(1 + roll(SCENE_DEPTH - 1), roll(2));
		break;
	case 2:
		scene_spend(
		    &scene, SIM_NONCE_NEXT, &stranger_to, 1 + roll(99), 60 * GWEI);
		break;
	case 3:
		scene_spend(&scene, next, &stranger_to, 1 + roll(99), 200 * GWEI);
		break;
	case 4:
		rise_again();
		break;
	case 5:
		sim_pool_drop_all(scene.chain);
		break;
	case 6:
		scene.chain->base_fee_next = (1 + roll(40)) * GWEI;
		break;
	case 7:
		for (size_t k = 0; k < runner->operations_n; k++)
			if (!operation_ended(runner->operations[k]))
				assert_int_equal(
				    operation_pause(runner, runner->operations[k], &f),
				    ERR_OK);
		break;
	default:
		storm_nodes();
	}
}

/* Reorgs within the bound, others with the key, deaths, pools that forget, fees that
 * jump, nodes that fail and one that lies, a cap that is too low: nobody is paid twice,
 * and in the end everybody once. */
static void storms_end_exact(void **state_)
{
	(void)state_;
	for (uint64_t seed = 1; seed <= STORMS; seed++) {
		dice = seed * 0x9e3779b97f4a7c15u;
		if (seed % 2)
			begin(3, 2);
		else
			begin(1, 1);
		retracts = true;
		scene.config.max_in_flight = 1 + (int)roll(5);
		run_until(chain()->id);
		pay(&(struct list){ .rows = 8, .service_fee = 7, .cap = "0.0003" });
		pay(&(struct list){ .rows = 4, .name = "bonus" });
		for (int i = 0; i < STORM_STEPS; i++) {
			storm_step();
			run((int64_t)roll(4000));
			help();
		}
		calm();
		for (int i = 0; i < 1000 && !(chain()->id && ended()); i++) {
			run(500);
			help();
			for (size_t k = 0; k < lists_n && chain()->id; k++)
				operation_load(runner, lists[k].id);
		}
		finish();
		end(NULL);
	}
}

/* Three lists of one account, in two tokens and in coin. */
static void tokens_of_one_account_are_told_apart(void **state_)
{
	struct address at = { .at = { 0x70, 0x6c } };
	struct amount much = amount_u64(100000000);
	struct sim_token *one, *two;

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	one = token;
	two = sim_token_add(scene.chain, &at, SIM_TOKEN_PLAIN, 18, "TWO");
	pay_rows(5);
	token = two;
	pay(&(struct list){ .name = "bonus", .rows = 5 });
	run_until(op_of(&lists[0])->state == OPERATION_COMPLETED);
	assert_int_equal(op_of(&lists[1])->state, OPERATION_AWAITING_FUNDS);
	assert_says(op_of(&lists[1])->waits_for, "TKN are missing");
	sim_fund(scene.chain, &scene.sender, two, &much);
	run_until(ended());
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(paid(&lists[1], i), 1);
		token = one;
		assert_int_equal(paid(&lists[0], i), 1);
		token = two;
	}
	check_fees();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(tokens_of_one_account_are_told_apart),
		T(a_list_is_paid),
		T(what_was_mined_meanwhile_is_not_sent_again),
		T(all_attempts_of_a_nonce_move_together),
		T(nothing_leaves_above_a_hole),
		T(what_a_node_has_had_makes_no_hole),
		T(nor_does_what_is_taken_later),
		T(rows_move_only_from_where_they_are),
		T(bytes_of_another_generation_are_dropped),
		T(the_service_fee_is_paid_once_and_last),
		T(two_lists_of_one_account_take_turns),
		T(who_cannot_reserve_keeps_nobody_back),
		T(a_signer_that_refuses_stops_the_account),
		T(an_account_that_comes_later_is_not_another),
		T(limits_outlive_a_refused_command),
		T(shallow_finality_and_one_in_flight),
		T(storms_end_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
