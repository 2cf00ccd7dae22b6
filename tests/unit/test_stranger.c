/* Others use the key while a list is paid: their transactions are read and judged, their
 * nonces filled or left, and what looks like a payment of a row stops the account. */
#include "base/log.h"
#include "payer.h"

/* The payload moves only when the consumer is final, and the proof names it. */
static void a_stranger_on_our_nonce_costs_nobody_anything(void **state_)
{
	struct sql_intent_get_out was;
	struct sim_tx *tx;
	int64_t ids[8];
	uint64_t block;
	char hash[65];

	(void)state_;
	begin_in_flight(3, 2, 3, 3);
	tx =
	    scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	block = height();
	for (int i = 0; i < SCENE_DEPTH; i++) {
		run(3000);
		assert_true(live(1));
		assert_int_equal(intents_of(1, ids), 1);
		scene_mine(&scene, 1);
	}
	run(3000);
	assert_int_equal(intents_of(1, ids), 2);
	assert_true(sql_intent_get_one(
	    scene.journal, &(struct sql_intent_get_in){ .id = ids[0] }, &was));
	assert_int_equal(was.state, INTENT_VOID);
	for (size_t i = 0; i < 32; i++)
		snprintf(hash + 2 * i, 3, "%02x", tx->hash.at[i]);
	assert_says(was.proof, hash);
	assert_int_equal(intent(ids[1]).state == INTENT_VOID, false);
	assert_true(block + SCENE_DEPTH <= height());
	assert_false(account()->stopped);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* It used the nonce of a row and paid that very row: whoever signed it, that is its
 * payment, and an absent receipt of ours proves nothing. */
static void a_stranger_that_pays_the_row_of_its_nonce_is_its_payment(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_in_flight(3, 2, 3, 3);
	scene_spend(&scene, intent(item(1).intent).nonce, &lists[0].to[1],
	    lists[0].amount[1], 60 * GWEI);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(op()->by_state[ITEM_FINAL].n == 3);
	assert_int_equal(intents_of(1, ids), 1);
	assert_int_equal(paid(&lists[0], 1), 0); /* by us; the stranger's is there */
	assert_true(account()->stopped);
	assert_says(account()->why_stopped, "forgot a transaction");
}

static void a_stranger_in_a_block_that_vanishes_proves_nothing(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_in_flight(1, 1, 2, 2);
	scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	run(4000);
	scene_mine(&scene, 1);
	run(3000);
	reorg(2, false);
	run(3000);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(intents_of(1, ids), 1);
}

/* No operation of the account is open, but the chain is followed: its uses are read all
 * the same. */
static void what_happens_between_two_lists_is_read(void **state_)
{
	struct sql_consumed_since_out seen;
	struct list *later;

	(void)state_;
	begin(1, 1);
	pay_rows(2);
	finish();
	rise_again();
	run_until(chain()->id);
	after_blocks(2);
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
	after_blocks(SCENE_DEPTH + 3);
	later = pay(&(struct list){ .name = "later", .rows = 2 });
	run_until(operation_ended(op_of(later)));
	assert_true(sql_consumed_since_one(scene.journal,
	    &(struct sql_consumed_since_in){ .account = account()->id }, &seen));
	assert_int_equal(seen.n, 1);
}

/* Another program's transaction was below ours, and its block vanishes with it. */
static void begin_with_a_hole(int rows)
{
	begin_still(1, 1);
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	run(3000);
	scene.config.max_in_flight = 2;
	pay_rows(rows);
	run_until(is_signed(rows < 2 ? rows : 2));
	run(1000);
	assert_int_equal(intent(item(1).intent).nonce, 1);
	reorg(1, false);
	scene_mine(&scene, 1);
	run(3000);
}

static void a_nonce_that_comes_back_is_paid_with(void **state_)
{
	(void)state_;
	begin_with_a_hole(3);
	assert_int_equal(intent(item(3).intent).nonce, 0);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

static void a_nonce_that_comes_back_is_filled(void **state_)
{
	struct sql_intent_by_nonce_out at;

	(void)state_;
	begin_with_a_hole(2);
	assert_true(sql_intent_by_nonce_one(scene.journal,
	    &(struct sql_intent_by_nonce_in){ .account = account()->id }, &at));
	assert_int_equal(intent(at.id).row, ROW_HOLE);
	rise_again();
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* It is final on the chain, but for us it waits: a death must not forget it. */
static void a_stranger_that_nobody_shows_holds_its_block(void **state_)
{
	struct head final;
	int64_t ids[8];
	uint64_t block;

	(void)state_;
	begin_in_flight(1, 1, 3, 3);
	scene.node[0]->hides_transactions = true;
	scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	block = height();
	scene_mine(&scene, SCENE_DEPTH + 2);
	run(5000);
	for (int life = 0; life < 2; life++) {
		assert_true(follower_final(chain()->follower, &final));
		assert_in_range(final.height, 0, block - 1);
		assert_int_equal(intents_of(1, ids), 1);
		rise_again();
		run(5000);
	}
	scene.node[0]->hides_transactions = false;
	run_until(intents_of(1, ids) == 2);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* They come back by what is final, and nothing is final before it is read: so they are
 * asked, when the others are no quorum. */
static void who_is_left_out_reads_it_too(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_in_flight(3, 2, 3, 3);
	pool_leave_out(chain()->pool, 1, "for a test");
	pool_leave_out(chain()->pool, 2, "for a test");
	scene_spend(&scene, intent(item(1).intent).nonce, &stranger_to, 5, 60 * GWEI);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(intents_of(1, ids) == 2);
	finish();
}

/* What it did is not known yet: another payment of a row, perhaps. */
static void nothing_is_reserved_beside_an_unread_stranger(void **state_)
{
	int64_t pending;

	(void)state_;
	begin(1, 1);
	pay_rows(24);
	run_until(is_signed(4));
	scene.node[0]->hides_transactions = true;
	scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
	after_blocks(3);
	run(1000);
	pending = op()->by_state[ITEM_PENDING].n;
	assert_true(pending > 0);
	after_blocks(12);
	assert_int_equal(op()->by_state[ITEM_PENDING].n, pending);
	scene.node[0]->hides_transactions = false;
	finish();
}

/* While the missed blocks are read its count is that of long ago. */
static void use_one_meanwhile(uint64_t before, uint64_t after)
{
	struct sql_intent_by_nonce_in in;
	struct sql_intent_by_nonce_out found;

	begin(3, 2);
	scene.config.max_in_flight = 2;
	run_until(chain()->id);
	pay_rows(16);
	run_until(op()->by_state[ITEM_FINAL].n >= 3);
	rest();
	sim_mining(scene.chain, 0);
	scene_mine(&scene, before);
	in.nonce =
	    (int64_t)scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 0)->nonce;
	scene_mine(&scene, after);
	sim_mining(scene.chain, INTERVAL_MS);
	scene_rise(&scene);
	rise();
	run_until(runner->operations_n);
	finish();
	in.account = account()->id;
	assert_false(sql_intent_by_nonce_one(scene.journal, &in, &found));
}

static void a_start_takes_no_nonce_that_was_used_meanwhile(void **state_)
{
	(void)state_;
	use_one_meanwhile(60, 50);
}

/* However short it was away. */
static void nor_one_that_was_used_just_now(void **state_)
{
	(void)state_;
	use_one_meanwhile(2, 5);
}

/* The next nonce is another program's, in the first of blocks that no turn has seen. */
static int64_t begin_with_one_used(uint64_t blocks)
{
	int64_t nonce;

	begin(2, 2);
	scene.config.max_in_flight = 2;
	run_until(chain()->id);
	pay_rows(16);
	run_until(op()->by_state[ITEM_FINAL].n >= 3);
	sim_mining(scene.chain, 0);
	run(3000);
	nonce = (int64_t)scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 0)->nonce;
	scene_mine(&scene, blocks);
	return nonce;
}

static void finish_beside(int64_t nonce)
{
	struct sql_intent_by_nonce_in in = { .account = account()->id, .nonce = nonce };
	struct sql_intent_by_nonce_out found;

	sim_mining(scene.chain, INTERVAL_MS);
	run_until(runner->operations_n);
	finish();
	assert_false(sql_intent_by_nonce_one(scene.journal, &in, &found));
}

/* One of two nodes says that nothing was done since, and is heard first. */
static int64_t begin_with_one_denied(void)
{
	int64_t nonce = begin_with_one_used(6);
	struct head head;

	scene.node[0]->counts = account()->count;
	scene.node[1]->lag = 6;
	run_until(follower_head(chain()->follower, &head) && head.height == height());
	scene.node[1]->lag = 0;
	return nonce;
}

/* Who denies it does so for a second more, in which more could be reserved. */
static void finish_undenied(int64_t nonce)
{
	scene.config.max_in_flight = 8;
	run(1000);
	scene.node[0]->counts = 0;
	finish_beside(nonce);
}

static void nor_one_of_which_nodes_contradict_each_other(void **state_)
{
	int64_t nonce;

	(void)state_;
	nonce = begin_with_one_denied();
	run_until(follower_unsettled(chain()->follower));
	finish_undenied(nonce);
}

/* Nor before the other one has contradicted it. */
static void nor_one_of_which_one_node_alone_has_spoken(void **state_)
{
	int64_t nonce;

	(void)state_;
	nonce = begin_with_one_denied();
	finish_undenied(nonce);
}

/* The next nonce is another program's, in a block that is not read yet, and all nodes
 * show heads of nothing: there is no telling how much is unread. */
static void nor_one_below_heads_of_nothing(void **state_)
{
	int64_t nonce = begin_with_one_used(3);
	struct sql_intent_by_nonce_in in = { .account = account()->id, .nonce = nonce };
	struct sql_intent_by_nonce_out found;

	(void)state_;
	scene.node[0]->lag = scene.node[1]->lag = height();
	run(20000);
	assert_int_equal(follower_quorum_height(chain()->follower), 0);
	assert_true(account()->known);
	scene.config.max_in_flight = 8;
	run(20000);
	assert_false(sql_intent_by_nonce_one(scene.journal, &in, &found));
	scene.node[0]->lag = scene.node[1]->lag = 0;
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
}

/* The trail has its block, and all nodes show heads of long ago to the next life. */
static void nor_one_in_a_block_that_nobody_shows_again(void **state_)
{
	int64_t nonce;

	(void)state_;
	nonce = begin_with_one_used(2);
	scene.node[0]->hides_transactions = scene.node[1]->hides_transactions = true;
	run(3000);
	assert_int_equal(account()->strangers_n, 1);
	scene.node[0]->lag = scene.node[1]->lag = 2;
	scene.config.max_in_flight = 8;
	rise_again();
	run(20000);
	scene.node[0]->hides_transactions = scene.node[1]->hides_transactions = false;
	scene.node[0]->lag = scene.node[1]->lag = 0;
	finish_beside(nonce);
}

static void a_stranger_that_pays_a_row_stops_the_account(void **state_)
{
	(void)state_;
	begin_in_flight(3, 2, 12, 4);
	scene_spend(&scene, SIM_NONCE_NEXT, &lists[0].to[12], lists[0].amount[12], 0);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "pays row 12 of wages");
	assert_says(account()->why_stopped, "pawl resume key:treasury");
	sim_mining(scene.chain, INTERVAL_MS);
	run(60000);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
	rise_again(); /* it stays so */
	run(20000);
	assert_true(account()->stopped);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	resume();
	finish(); /* foreign payments are not the oracle's */
}

/* On the nonce of a live intent, and it pays a row: when the operator says that it was
 * for something else, it is a stranger like others, and its row is paid. */
static void a_suspect_that_is_cleared_settles_its_nonce(void **state_)
{
	int64_t ids[8];

	(void)state_;
	begin_in_flight(1, 1, 3, 3);
	scene_spend(&scene, intent(item(1).intent).nonce, &lists[0].to[2],
	    lists[0].amount[2], 60 * GWEI);
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	sim_mining(scene.chain, INTERVAL_MS);
	after_blocks(SCENE_DEPTH + 3);
	assert_true(live(1));
	sql_consumed_clear(
	    scene.journal, &(struct sql_consumed_clear_in){ .account = account()->id });
	turn();
	rise_again();
	run_until(runner->operations_n && account()->known);
	resume();
	run_until(ended());
	assert_int_equal(op()->state, OPERATION_COMPLETED);
	assert_int_equal(intents_of(1, ids), 2);
}

/* Whichever node it is that shows another recipient: the row that was paid is not paid
 * again. */
static void what_one_node_reads_decides_nothing(void **state_)
{
	for (int liar = 0; liar < 3; liar++) {
		begin_in_flight(3, 2, 12, 4);
		scene.node[liar]->reads = SIM_READS_TO_ITSELF;
		scene_spend(
		    &scene, SIM_NONCE_NEXT, &lists[0].to[12], lists[0].amount[12], 0);
		scene_mine(&scene, 1);
		sim_mining(scene.chain, INTERVAL_MS);
		run_until(account()->stopped || ended());
		assert_true(account()->stopped);
		assert_says(account()->why_stopped, "pays row 12 of wages");
		end(state_);
	}
}

/* Whichever two of five say something else, each its own. */
static void liars_between_take_no_votes_back(void **state_)
{
	for (int pair = 0; pair < 25; pair++) {
		int one = pair / 5, other = pair % 5;

		if (one == other)
			continue;
		begin_in_flight(5, 3, 6, 2);
		scene.node[one]->reads = SIM_READS_TO_ITSELF;
		scene.node[other]->reads = SIM_READS_OTHER_TIP;
		scene_spend(
		    &scene, SIM_NONCE_NEXT, &lists[0].to[6], lists[0].amount[6], 0);
		scene_mine(&scene, 1);
		run(5000);
		assert_true(account()->stopped);
		assert_says(account()->why_stopped, "pays row 6 of wages");
		end(state_);
	}
}

static void three_strangers_stop_and_a_resume_accepts_them(void **state_)
{
	(void)state_;
	begin(3, 2);
	scene.config.finality.depth = 6;
	scene.config.max_in_flight = 2;
	run_until(chain()->id);
	pay_rows(24);
	run_until(op()->by_state[ITEM_FINAL].n >= 1);
	for (int i = 0; i < 3; i++) {
		scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 7, 90 * GWEI);
		after_blocks(1);
		if (i < 1)
			assert_false(account()->stopped);
	}
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "another program");
	run(30000);
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
	assert_true(op()->by_state[ITEM_PENDING].n > 0);
	resume();
	run(6000);
	assert_false(account()->stopped);
	finish();
}

/* Who resumes for the first reason would accept the second unseen, and pay twice. */
static void a_second_reason_to_stop_is_said(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	refuse_to_sign();
	pay_rows(12);
	run_until(account()->stopped);
	run(20000);
	scene_spend(&scene, SIM_NONCE_NEXT, &lists[0].to[12], lists[0].amount[12], 0);
	run(30000);
	assert_says(account()->why_stopped, "pays row 12 of wages");
	assert_says(account()->why_stopped, "signing failed");
	rise_again();
	run(5000);
	assert_says(account()->why_stopped, "pays row 12 of wages");
}

/* A nonce went without a transaction. */
static void a_resume_accepts_a_count_ahead(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	scene.config.max_in_flight = 1;
	retracts = true;
	pay_rows(40);
	run_until(op()->by_state[ITEM_FINAL].n >= 2);
	account()->final_count--;
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "without a transaction");
	for (int life = 0; life < 3; life++) {
		resume();
		turn();
		rise_again();
		run_until(runner->operations_n);
		run(14000);
		assert_false(account()->stopped);
	}
	finish();
}

/* A node that is about to show the next block counts what is in it: as long as that is
 * so for each block, no nonce went without a transaction. */
static void counts_of_the_block_after_stop_nothing(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	scene.config.poll_ms = 4 * INTERVAL_MS;
	scene.config.max_in_flight = 40;
	scene.chain->options.gas_limit =
	    3 * 21000; /* so that one after the other has some */
	scene.node[0]->state_after = true;
	pay_rows(60);
	run_until(account()->stopped || op()->by_state[ITEM_FINAL].n >= 50);
	assert_false(account()->stopped);
	finish();
}

/* A copy of this journal, perhaps: it is no proof that the fee is not paid. */
static void a_stranger_that_pays_the_service_fee_is_suspect(void **state_)
{
	(void)state_;
	begin_paying_fee();
	scene_spend(&scene, 2, &fee_to, 77, 60 * GWEI);
	sim_mining(scene.chain, INTERVAL_MS);
	run(60000);
	assert_int_equal(fee_paid(), 0); /* by us */
	assert_true(account()->stopped);
}

/* Also before a life has taken up the list: it runs what is handed to it alone. */
static void so_is_one_before_its_list_is_taken_up(void **state_)
{
	(void)state_;
	begin_paying_fee();
	rest();
	scene_spend(&scene, SIM_NONCE_NEXT, &fee_to, 77, 60 * GWEI);
	scene_mine(&scene, 1);
	scene_rise(&scene);
	rise_for(-1);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(chain()->accounts_n && account()->stopped);
	assert_says(account()->why_stopped, "pays the service fee of wages");
}

/* The bytes for a nonce that came back leave at once. */
static void bytes_for_a_hole_leave_at_once(void **state_)
{
	(void)state_;
	begin_with_a_hole(2);
	run(1500);
	assert_int_equal(scene.chain->pooled, 3);
}

/* Somebody uses the key so many times; what is said of it, once. */
static void told_of(int times, char last[512])
{
	char path[] = "/tmp/pawl-log-XXXXXX";
	struct fail f = { 0 };

	sim_mining(scene.chain, 0);
	close(mkstemp(path));
	assert_int_equal(log_open(path, LOG_WARN, false, &f), ERR_OK);
	for (int i = 0; i < times; i++)
		scene_spend(&scene, SIM_NONCE_NEXT, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, 1);
	run(10000);
	assert_int_equal(scene_logged(path, "used key", last), 1);
	unlink(path);
	assert_int_equal(log_open("/dev/null", LOG_ERROR, false, &f), ERR_OK);
}

/* What another program does all the time does not flood the log. */
static void many_strangers_are_told_in_a_line(void **state_)
{
	char last[512] = "";

	(void)state_;
	begin(1, 1);
	pay_rows(1);
	finish();
	told_of(40, last);
	assert_says(
	    last, "another program used key treasury 40 times: nonces 1 to 40 in block ");
}

/* A journal that is lost, and whose list comes next, would be as likely. */
static void before_the_first_payment_it_may_be_ours(void **state_)
{
	char last[512] = "";

	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(1);
	assert_int_equal(operation_pause(runner, op(), NULL), ERR_OK);
	run(3000);
	told_of(2, last);
	assert_says(last, "a journal that is lost, or another program, used key");
	assert_says(last, "--adopt");
}

/* It would pay a row, and reverts: it paid nobody, and the nonce that it took is dead. */
static void a_suspect_that_failed_pays_nobody(void **state_)
{
	struct sign_job job = { .nonce = 0 };
	struct payment p = { .token = true };
	struct sim_word word;
	int64_t ids[8];

	(void)state_;
	begin_token(SIM_TOKEN_PLAIN);
	sim_mining(scene.chain, 0);
	scene.config.max_in_flight = 2;
	pay_rows(4);
	run_until(is_signed(2));
	token->refuses = true;
	token->refused = lists[0].to[4];
	p.asset = token->at;
	p.to = lists[0].to[4];
	p.amount = amount_u64(lists[0].amount[4]);
	connector_evm.pay(&job.payload, &p);
	job.key = scene.key;
	job.nonce = intent(item(1).intent).nonce;
	job.fees = (struct fees){
		.type = FEE_1559, .gas = 100000, .max_fee = 90 * GWEI, .tip = 45 * GWEI
	};
	assert_non_null(sim_pool_send_foreign(scene.chain, &word, &job));
	scene_mine(&scene, 1);
	run_until(account()->stopped);
	assert_says(account()->why_stopped, "pays row 4 of wages");
	token->refuses = false;
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(intents_of(1, ids) == 1 && intent(ids[0]).state == INTENT_VOID);
	resume();
	finish();
	assert_int_equal(intents_of(1, ids), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_suspect_that_failed_pays_nobody, end),
		cmocka_unit_test_teardown(who_is_left_out_reads_it_too, end),
		cmocka_unit_test_teardown(nor_one_below_heads_of_nothing, end),
		cmocka_unit_test_teardown(what_happens_between_two_lists_is_read, end),
#define T(name) cmocka_unit_test_teardown(name, end)
		T(a_stranger_on_our_nonce_costs_nobody_anything),
		T(before_the_first_payment_it_may_be_ours),
		T(a_stranger_that_pays_the_row_of_its_nonce_is_its_payment),
		T(a_stranger_in_a_block_that_vanishes_proves_nothing),
		T(a_nonce_that_comes_back_is_paid_with),
		T(a_nonce_that_comes_back_is_filled),
		T(a_stranger_that_nobody_shows_holds_its_block),
		T(nothing_is_reserved_beside_an_unread_stranger),
		T(a_start_takes_no_nonce_that_was_used_meanwhile),
		T(nor_one_that_was_used_just_now),
		T(nor_one_of_which_nodes_contradict_each_other),
		T(nor_one_of_which_one_node_alone_has_spoken),
		T(nor_one_in_a_block_that_nobody_shows_again),
		T(a_stranger_that_pays_a_row_stops_the_account),
		T(a_suspect_that_is_cleared_settles_its_nonce),
		T(what_one_node_reads_decides_nothing),
		T(liars_between_take_no_votes_back),
		T(three_strangers_stop_and_a_resume_accepts_them),
		T(a_second_reason_to_stop_is_said),
		T(a_resume_accepts_a_count_ahead),
		T(counts_of_the_block_after_stop_nothing),
		T(a_stranger_that_pays_the_service_fee_is_suspect),
		T(so_is_one_before_its_list_is_taken_up),
		T(bytes_for_a_hole_leave_at_once),
		T(many_strangers_are_told_in_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
