/* A journal that is older than what was sent: its account is in doubt, and fenced. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/doubt.h"
#include "engine/recount.h"
#include "payer.h"

/* -- what is looked at --------------------------------------------------------- */

/* The newest fence, from the journal; false: there is none. */
static bool fence_of(struct operation *ret)
{
	struct sql_operation_all_out row;
	bool found = false;

	sql_operation_all_begin(scene.journal);
	while (sql_operation_all_next(scene.journal, &row)) {
		struct operation o;

		assert_true(operation_read(scene.journal, row.id, &o));
		if (strcmp(o.kind_name, "fence") != 0)
			continue;
		*ret = o;
		found = true;
	}
	return found;
}

static struct operation fence(void)
{
	struct operation o;

	assert_true(fence_of(&o));
	return o;
}

static uint64_t fenced_below(void)
{
	struct fence_facts f;

	assert_true(fence_read(scene.journal, fence().id, &f));
	return f.below;
}

static bool has_fence(void)
{
	struct operation o;

	return fence_of(&o);
}

static uint64_t count(void)
{
	return sim_count(scene.chain, scene.chain->head, &scene.sender);
}

static uint64_t empties(void)
{
	struct sim_ledger ledger;

	sim_ledger_read(&ledger, scene.chain, &scene.sender);
	return ledger.empty;
}

static bool signed_n(int n)
{
	int have = 0;

	for (int i = 1; i <= lists[0].rows; i++)
		have += item(i).state == ITEM_FINAL || is_signed(i);
	return have >= n;
}

/* -- a life that is forgotten --------------------------------------------------- */

/* Four rows are paid and final, and no more are begun: that is what a copy knows. Then
 * the next four are signed, are out, and in no block. */
static void begin_forgetful(uint32_t nodes, int quorum, int rows)
{
	begin(nodes, quorum);
	run_until(chain()->id);
	pay_rows(rows);
	run_until(op()->by_state[ITEM_FINAL].n >= 4);
	sim_mining(scene.chain, 0);
	run(5000);
	assert_int_equal(operation_pause(runner, op(), NULL), ERR_OK);
	run_until(op()->state == OPERATION_PAUSED);
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(!op()->by_state[ITEM_LIVE].n);
	sim_mining(scene.chain, 0);
	run(3000);
	keep();
	resume();
	run_until(signed_n((int)op()->by_state[ITEM_FINAL].n + 4));
	run(2000);
}

static void go_on(void)
{
	resume();
	sim_mining(scene.chain, INTERVAL_MS);
}

static void finish_fenced(void)
{
	finish();
	assert_int_equal(fence().state, OPERATION_COMPLETED);
	assert_false(account()->doubt[0]);
}

/* -- where the forgotten bytes are ------------------------------------------------ */

static void bytes_that_nobody_has_are_replaced(void **state_)
{
	uint64_t before;

	(void)state_;
	begin_forgetful(1, 1, 60);
	before = count();
	sim_pool_drop_all(scene.chain);
	forget();
	run_until(ended() || op()->state == OPERATION_PAUSED);
	go_on();
	run_until(has_fence());
	assert_int_equal(fenced_below(), before + 4);
	finish_fenced();
	assert_int_equal(empties(), 4);
}

static void bytes_in_a_pool_win_by_themselves(void **state_)
{
	(void)state_;
	begin_forgetful(1, 1, 60);
	forget();
	run_until(op()->state == OPERATION_PAUSED);
	go_on();
	finish_fenced();
	assert_int_equal(empties(), 0);
}

static void bytes_that_are_mined_are_adopted(void **state_)
{
	(void)state_;
	begin_forgetful(1, 1, 60);
	scene_mine(&scene, 1);
	forget();
	run_until(op()->state == OPERATION_PAUSED);
	go_on();
	finish_fenced();
	assert_int_equal(empties(), 4); /* of those above, that were never signed */
}

/* Each is in the events of its row. */
static void what_was_forgotten_is_told_in_one_line(void **state_)
{
	char path[] = "/tmp/pawl-log-XXXXXX";
	struct fail f = { 0 };

	(void)state_;
	begin_forgetful(1, 1, 60);
	scene_mine(&scene, 1);
	forget();
	run_until(op()->state == OPERATION_PAUSED);
	close(mkstemp(path));
	assert_int_equal(log_open(path, LOG_WARN, false, &f), ERR_OK);
	go_on();
	finish_fenced();
	assert_int_equal(
	    scene_logged(path, "transactions that this journal had forgotten", NULL), 1);
	assert_int_equal(scene_logged(path, "is adopted", NULL), 0);
	unlink(path);
	assert_int_equal(log_open("/dev/null", LOG_ERROR, false, &f), ERR_OK);
}

/* Blocks that were missed hold more of them than may be in flight: the fence goes up from
 * the head, not from what is read so far. */
static void a_fence_begins_at_the_head(void **state_)
{
	uint64_t before;

	(void)state_;
	begin_forgetful(1, 1, 60);
	for (int i = 0; i < 2; i++) {
		scene_mine(&scene, 1);
		run_until(signed_n((int)op()->by_state[ITEM_FINAL].n + 4));
		run(3000);
	}
	before = count();
	forget();
	go_on();
	run_until(has_fence());
	assert_int_equal(fenced_below(), before + 4);
	finish_fenced();
	assert_int_equal(empties(), 0);
}

/* Nothing told that it is a copy, but a block does; the operator looks, and resumes. */
static void a_forgotten_transaction_begins_a_fence(void **state_)
{
	(void)state_;
	begin_forgetful(1, 1, 60);
	scene_mine(&scene, 1);
	rest();
	scene_put_back(&scene);
	scene_rise(&scene);
	rise();
	run_until(runner_operation(runner, lists[0].id) && account()->stopped);
	go_on();
	account_resume(runner, account());
	run_until(account()->doubt[0]);
	assert_says(journal_older(scene.journal), "has forgotten a transaction");
	finish_fenced();
}

/* The copy has a fence under way, for what it had forgotten then. */
static void a_copy_of_a_journal_in_doubt_is_fenced_anew(void **state_)
{
	uint64_t before, first;

	(void)state_;
	begin_forgetful(1, 1, 60);
	forget();
	run_until(has_fence());
	first = fenced_below();
	keep();
	go_on();
	run_until(count() >= first + 6);
	sim_mining(scene.chain, 0);
	run(3000);
	before = count();
	forget();
	go_on();
	run_until(fenced_below() > first);
	assert_int_equal(fenced_below(), before + 4);
	finish_fenced();
}

/* So it is where no block tells of what came behind that fence: it is whole, and bytes
 * above it may still come. */
static void a_fence_for_an_older_doubt_settles_no_other(void **state_)
{
	uint64_t first;

	(void)state_;
	begin_forgetful(1, 1, 60);
	forget();
	run_until(has_fence());
	first = fenced_below();
	keep();
	go_on();
	run_until(fence().state == OPERATION_COMPLETED);
	sim_mining(scene.chain, 0);
	run_until(signed_n((int)op()->by_state[ITEM_FINAL].n + 4));
	run(2000);
	assert_int_equal(count(), first);
	sim_pool_drop_all(scene.chain);
	forget();
	go_on();
	run_until(fenced_below() > first);
	assert_int_equal(fenced_below(), first + 4);
	finish_fenced();
}

/* They are in a pool, but no block takes them for as long as a final one is deep. */
static void bytes_that_come_late_lose_to_empty_ones(void **state_)
{
	(void)state_;
	begin_forgetful(1, 1, 60);
	forget();
	resume();
	for (int i = 0; i < 2 * SCENE_DEPTH; i++) {
		sim_mine(scene.chain, &(struct sim_content){ .empty = true });
		run(3000);
	}
	sim_mining(scene.chain, INTERVAL_MS);
	finish_fenced();
	assert_int_equal(empties(), 4);
}

/* -- nonces ------------------------------------------------------------------------ */

/* The copy has the first two rows reserved, and no bytes of them. The life that it forgot
 * had given the nonces the other way round. */
static enum err sign_nothing(
    struct signed_bytes *ret, const struct sign_job *job, struct fail *f)
{
	(void)ret;
	(void)job;
	return fail_set(f, ERR_KEY, "the signer refuses");
}

/* More of them than one turn gives back: no worker is asked for the rest. */
static void all_nonces_without_bytes_are_given_back(void **state_)
{
	struct connector refuses = connector_evm;
	int64_t ids[8];

	(void)state_;
	begin_still(1, 1);
	scene.config.max_in_flight = 0;
	refuses.sign = sign_nothing;
	chain()->connector = &refuses;
	pay_rows(ROWS_MAX);
	pay(&(struct list){ .name = "bonus", .rows = ROWS_MAX });
	run_until(op()->state == OPERATION_DISTRIBUTING &&
	    op_of(&lists[1])->state == OPERATION_DISTRIBUTING);
	scene.config.max_in_flight = 2 * ROWS_MAX;
	while (
	    op()->by_state[ITEM_PENDING].n + op_of(&lists[1])->by_state[ITEM_PENDING].n)
		turn();
	run(1000);
	chain()->connector = &connector_evm;
	account_doubt(runner, account(), "the test says so");
	resume();
	run(5000);
	for (int row = 1; row <= ROWS_MAX; row++) {
		assert_int_equal(item(row).state, ITEM_PENDING);
		assert_int_equal(intents_of(row, ids), 1);
		assert_false(intent(ids[0]).has_attempt);
	}
	assert_int_equal(op_of(&lists[1])->by_state[ITEM_LIVE].n, 0);
}

static void a_nonce_without_bytes_is_given_back(void **state_)
{
	uint64_t nonce;
	int64_t ids[8];

	(void)state_;
	begin_still(1, 1);
	scene.config.max_in_flight = 2;
	pay_rows(6);
	while (!live(1)) {
		world_wait(scene.world, runner_wake_ms(runner));
		turn();
	}
	assert_false(is_signed(1));
	nonce = intent(item(1).intent).nonce;
	keep();
	forget();
	run_until(account()->doubt[0]);
	spend_tagged(1, nonce + 1, 29 * GWEI); /* 2 was on nonce: nobody has it */
	run(3000);
	assert_int_equal(intents_of(1, ids), 1);
	assert_int_equal(intent(ids[0]).state, INTENT_VOID);
	assert_false(intent(ids[0]).has_nonce);
	assert_int_equal(item(1).state, ITEM_PENDING);
	sim_mining(scene.chain, INTERVAL_MS);
	finish_fenced();
	assert_int_equal(paid(&lists[0], 1), 1);
}

/* What a copy knows as signed keeps its nonce. */
static void bytes_that_are_known_go_on(void **state_)
{
	uint64_t nonce;

	(void)state_;
	begin_still(1, 1);
	pay_rows(9);
	run_until(is_signed(4));
	nonce = intent(item(3).intent).nonce;
	keep();
	sim_pool_drop_all(scene.chain);
	forget();
	assert_true(is_signed(3));
	sim_mining(scene.chain, INTERVAL_MS);
	run_until(!live(3));
	assert_int_equal(item(3).state, ITEM_FINAL);
	assert_int_equal(paid(&lists[0], 3), 1);
	assert_true(nonce < fenced_below());
	finish_fenced();
	assert_int_equal(empties(), 0);
}

static void a_node_that_is_ahead_moves_the_fence(void **state_)
{
	uint64_t before;

	(void)state_;
	begin_forgetful(3, 2, 60);
	before = count();
	sim_pool_drop_all(scene.chain);
	scene.node[2]->counts = before + 2;
	forget();
	go_on();
	run_until(has_fence());
	assert_int_equal(fenced_below(), before + 6);
	scene.node[2]->counts = 0;
	finish_fenced();
	assert_int_equal(empties(), 6);
}

static enum err no_market(struct fee_market *ret, const struct head *head,
    const char *answer, size_t len, struct fail *f)
{
	(void)ret, (void)head, (void)answer, (void)len;
	return fail_set(f, ERR_BAD_ANSWER, "no fees");
}

/* It has asked the nodes how far they are, and its fence waits for a market. */
static void forget_without_a_fence(void)
{
	static struct connector silent;

	forget();
	silent = connector_evm;
	silent.market_read = no_market;
	chain()->connector = &silent;
	run_until(account()->known && account()->node_counted);
}

/* Payments of two blocks more are forgotten, and no pool has any others. */
static uint64_t begin_far_ahead(uint32_t nodes, int quorum)
{
	begin_forgetful(nodes, quorum, 60);
	for (int i = 0; i < 2; i++) {
		scene_mine(&scene, 1);
		run_until(signed_n((int)op()->by_state[ITEM_FINAL].n + 4));
		run(3000);
	}
	sim_pool_drop_all(scene.chain);
	return count();
}

/* All that is shown is old: what comes to light above the fence moves it. */
static void a_fence_is_measured_anew_when_it_is_outgrown(void **state_)
{
	uint64_t before = begin_far_ahead(1, 1);

	(void)state_;
	scene.node[0]->lag = 2;
	forget();
	go_on();
	run_until(has_fence());
	assert_int_equal(fenced_below(), before - 4);
	run_until(account()->count == before);
	finish_fenced();
	assert_int_equal(fenced_below(), before + 4);
	assert_int_equal(empties(), 4);
}

/* All of it comes to light at once, and is final by then: what is above it, too. */
static void so_it_is_when_all_of_that_is_final(void **state_)
{
	uint64_t below;

	(void)state_;
	begin_forgetful(2, 2, 60);
	sim_pool_drop_all(scene.chain);
	forget();
	go_on();
	run_until(has_fence());
	below = fenced_below();
	run_until(account_next_nonce(runner, account()) == below);
	sim_mining(scene.chain, 0);
	run(3000);
	scene.node[1]->receipts = SIM_RECEIPTS_NULL;
	retracts = true; /* what one node shows alone is in flight */
	scene_spend(&scene, below, &stranger_to, 5, 60 * GWEI);
	scene_mine(&scene, SCENE_DEPTH + 3);
	run(20000);
	assert_true(account()->count < below);
	scene.node[1]->receipts = SIM_RECEIPTS_TRUE;
	run_until(account()->final_count > below);
	sim_mining(scene.chain, INTERVAL_MS);
	finish_fenced();
	assert_int_equal(fenced_below(), below + 1 + 4);
}

/* All nodes lag, and the journal itself follows blocks that are above what they show. */
static void a_fence_begins_where_the_journal_was(void **state_)
{
	(void)state_;
	begin(1, 1);
	run_until(chain()->id);
	pay_rows(60);
	run_until(op()->by_state[ITEM_FINAL].n >= 4);
	sim_mining(scene.chain, 0);
	run(5000);
	keep();
	scene_mine(&scene, 1);
	run(3000);
	sim_pool_drop_all(scene.chain);
	scene.node[0]->lag = 3;
	retracts = true; /* what is in blocks that are not shown is in flight */
	forget();
	run_until(account()->known && account()->node_counted && chain()->has_market);
	assert_true(account()->count < count());
	run(60000);
	assert_false(has_fence());
	scene.node[0]->lag = 0;
	go_on();
	run_until(has_fence());
	assert_int_equal(fenced_below(), count() + 4);
	finish_fenced();
}

/* It said how far it was before a block came that is not read yet. */
static void a_fence_begins_when_the_head_is_read(void **state_)
{
	uint64_t before;

	(void)state_;
	begin_forgetful(1, 1, 60);
	before = count();
	forget_without_a_fence();
	scene.node[0]->receipts_lag = 1;
	scene_mine(&scene, 1);
	chain()->connector = &connector_evm;
	run(60000);
	assert_int_equal(count(), before + 4);
	assert_int_equal(account()->count, before);
	assert_false(has_fence());
	scene.node[0]->receipts_lag = 0;
	go_on();
	run_until(has_fence());
	assert_int_equal(fenced_below(), before + 8);
	finish_fenced();
}

/* It was asked, and has not answered: it may be the one that has seen the most. */
static void a_node_that_may_answer_is_awaited(void **state_)
{
	static struct connector silent;

	(void)state_;
	begin_forgetful(3, 2, 60);
	sim_pool_drop_all(scene.chain);
	forget();
	silent = connector_evm;
	silent.market_read = no_market;
	chain()->connector = &silent; /* nor is there a fence as yet */
	run_until(account()->greeted[2] == GREET_DONE);
	account()->greeted[2] = GREET_ASKED;
	chain()->connector = &connector_evm;
	go_on();
	run_until(chain()->has_market);
	run(30000);
	assert_false(has_fence());
	account()->greeted[2] = GREET_NOT;
	account()->send_ready = true;
	run_until(has_fence());
	finish_fenced();
	assert_int_equal(empties(), 4);
}

/* Nobody asks it, so it will not answer: what the others say has to do. */
static void a_node_that_is_off_is_not_awaited(void **state_)
{
	static struct connector silent;
	static const struct node_off by_ada = { .by = "ada", .since_ms = 1 };

	(void)state_;
	begin_forgetful(3, 2, 60);
	sim_pool_drop_all(scene.chain);
	forget();
	silent = connector_evm;
	silent.market_read = no_market;
	chain()->connector = &silent; /* nor is there a fence as yet */
	run_until(account()->greeted[2] == GREET_DONE);
	account()->greeted[2] = GREET_ASKED;
	chain()->connector = &connector_evm;
	go_on();
	run_until(chain()->has_market);
	run(30000);
	assert_false(has_fence());
	pool_switch(chain()->pool, 2, &by_ada);
	run_until(has_fence());
	assert_int_equal(account()->greeted[2], GREET_ASKED);
	pool_switch(chain()->pool, 2, NULL);
	finish_fenced();
	assert_int_equal(empties(), 4);
}

static void a_node_that_counts_a_billion_is_left_out(void **state_)
{
	uint64_t before;

	(void)state_;
	begin_forgetful(3, 2, 60);
	before = count();
	sim_pool_drop_all(scene.chain);
	scene.node[2]->counts = 1000000000;
	forget();
	go_on();
	run_until(has_fence());
	assert_int_equal(fenced_below(), before + 4);
	finish_fenced();
}

/* The count that is followed is of an old block; that of the node's other head is not
 * left out, for it is all the nodes that there are. */
static void a_count_that_is_behind_is_awaited(void **state_)
{
	uint64_t before, height;

	(void)state_;
	begin_forgetful(1, 1, 60);
	before = count();
	sim_pool_drop_all(scene.chain);
	forget_without_a_fence();
	account()->node_count[0] += 9;
	chain()->connector = &connector_evm;
	height = account()->height;
	go_on();
	run_until(has_fence());
	assert_in_range(account()->height, height + SCENE_DEPTH, height + 60);
	assert_int_equal(fenced_below(), before + 4);
	finish_fenced();
}

/* Machines that lag are behind a quorum; the one node that shows the head counts far
 * more, and is no liar. */
static void a_count_that_one_node_knows_is_awaited(void **state_)
{
	uint64_t before = begin_far_ahead(3, 2);

	(void)state_;
	scene.node[0]->lag = scene.node[1]->lag = 3;
	forget();
	go_on();
	run_until(has_fence());
	assert_int_equal(fenced_below(), before + 4);
	finish_fenced();
}

/* -- it ends in final blocks ---------------------------------------------- */

/* The empty attempts are in a block; the other branch has what was forgotten. */
static void a_reorg_during_the_fence_pays_nobody_twice(void **state_)
{
	struct sim_bytes forgotten[4];
	struct sim_tx *tx[4], *t;
	size_t n = 0;
	uint64_t before;

	(void)state_;
	begin_forgetful(1, 1, 60);
	before = count();
	for (t = scene.chain->all; t; t = t->next_all)
		if (t->pooled) {
			assert_in_range(t->nonce, before, before + 3);
			tx[t->nonce - before] = t;
			n++;
		}
	assert_int_equal(n, 4);
	for (size_t i = 0; i < 4; i++)
		forgotten[i] =
		    (struct sim_bytes){ .at = tx[i]->raw, .len = tx[i]->raw_len };
	sim_pool_drop_all(scene.chain);
	forget();
	resume();
	while (count() < before + 4) {
		scene_mine(&scene, 1);
		run(3000);
	}
	assert_true(account()->doubt[0]);
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
	retracts = true;
	sim_reorg(scene.chain,
	    &(struct sim_reorg){
		.depth = 1, .content = { .first = forgotten, .first_n = 4 } });
	for (size_t i = 0; i < 4; i++)
		tx[i]->foreign = false;
	sim_mining(scene.chain, INTERVAL_MS);
	finish_fenced();
	assert_int_equal(empties(), 0);
}

/* Four forgotten ones in a block that the node does not show when the fence is measured,
 * which reaches just so far; and four above them that nobody has any more. */
static uint64_t begin_fenced_on_a_fork(void)
{
	uint64_t before;

	begin_forgetful(1, 1, 60);
	before = count();
	for (int n = 8; n <= 12; n += 4) {
		scene_mine(&scene, 1);
		run_until(signed_n((int)before + n));
		run(2000);
	}
	sim_pool_drop_all(scene.chain);
	scene.node[0]->fork = sim_side_branch(scene.chain, 1, 1);
	forget();
	run_until(account()->doubt[0] && fence_of(&(struct operation){ 0 }));
	assert_int_equal(fenced_below(), before + 8);
	retracts = true;
	return before;
}

static void a_fence_is_measured_anew_behind_a_reorg(void **state_)
{
	uint64_t before = begin_fenced_on_a_fork();

	(void)state_;
	scene.node[0]->fork = NULL;
	go_on();
	finish_fenced();
	assert_true(fenced_below() >= before + 12);
}

/* The node is back on its chain when the next life begins, which dies when it saw that.
 */
static void and_so_it_is_by_the_next_life(void **state_)
{
	uint64_t before = begin_fenced_on_a_fork();

	(void)state_;
	rest();
	scene.node[0]->fork = NULL;
	scene_rise(&scene);
	rise();
	run_until(runner->operations_n && !account()->fence_measured);
	rise_again();
	run_until(runner->operations_n);
	go_on();
	finish_fenced();
	assert_true(fenced_below() >= before + 12);
}

/* It was whole; then its final blocks vanish, and what it had settled with them. */
static void a_fence_whose_final_blocks_vanish_is_not_whole(void **state_)
{
	uint64_t before;

	(void)state_;
	begin_forgetful(1, 1, 60);
	sim_pool_drop_all(scene.chain);
	before = height();
	forget();
	go_on();
	run_until(has_fence() && fence().state == OPERATION_COMPLETED);
	assert_false(account()->doubt[0]);
	sim_mining(scene.chain, 0);
	reorg(height() - before, false);
	resume_chain();
	run_until(fence().state == OPERATION_DISTRIBUTING);
	assert_true(account()->doubt[0]);
	sim_mining(scene.chain, INTERVAL_MS);
	finish_fenced();
	assert_int_equal(empties(), 4);
}

/* Fences of the journal that are open. */
static int fences_open(void)
{
	int n = 0;

	for (size_t k = 0; k < runner->operations_n; k++)
		n += operation_fences(runner->operations[k]) &&
		    !operation_ended(runner->operations[k]);
	return n;
}

/* The same, while another one is under way for a later doubt: the first of them that is
 * whole settles no more than its own. */
static void a_doubt_ends_with_the_last_of_its_fences(void **state_)
{
	uint64_t before, below;

	(void)state_;
	begin_forgetful(1, 1, 60);
	sim_pool_drop_all(scene.chain);
	before = height();
	forget();
	go_on();
	run_until(has_fence() && fence().state == OPERATION_COMPLETED);
	keep();
	run_until(count() >= fenced_below() + 6);
	sim_mining(scene.chain, 0);
	run(3000);
	forget();
	run_until(fence().state == OPERATION_DISTRIBUTING);
	below = fenced_below();
	reorg(height() - before, false);
	resume_chain();
	run_until(fences_open() == 2);
	go_on();
	run_until(fences_open() < 2);
	assert_true(!fences_open() || account()->doubt[0]);
	run_until(!fences_open());
	assert_true(count() >= below);
	finish_fenced();
}

/* -- its price ------------------------------------------------------------- */

static void begin_dear(void)
{
	begin_forgetful(1, 1, 60);
	sim_pool_drop_all(scene.chain);
	scene.config.fence_max_fee = amount_u64(1000);
	forget();
	go_on();
	run_until(has_fence() && fence().state == OPERATION_NEEDS_OPERATOR);
	run(20000);
	assert_int_equal(fence().state, OPERATION_NEEDS_OPERATOR);
	assert_int_equal(empties(), 0);
	assert_says(fence().waits_for, "4 nonces, likely for 0.000");
	assert_says(fence().waits_for, "then: pawl resume key:treasury");
	assert_says(op()->waits_for, "then: pawl resume key:treasury");
}

static void a_dear_fence_waits_for_the_operator(void **state_)
{
	(void)state_;
	begin_dear();
	sql_fence_accept(
	    scene.journal, &(struct sql_fence_accept_in){ .operation = fence().id });
	assert_int_equal(journal_commit(scene.journal, NULL), ERR_OK);
	rise_again();
	run_until(runner_operation(runner, lists[0].id));
	finish_fenced();
	assert_int_equal(empties(), 4);
}

/* What it waits to be allowed to replace is mined after all: nothing is left to pay. */
static void a_dear_fence_that_costs_nothing_any_more(void **state_)
{
	struct sim_bytes forgotten[4];
	uint64_t before;

	(void)state_;
	begin_dear();
	before = count();
	for (struct sim_tx *t = scene.chain->all; t; t = t->next_all)
		if (t->nonce >= before && t->nonce < before + 4)
			forgotten[t->nonce - before] =
			    (struct sim_bytes){ .at = t->raw, .len = t->raw_len };
	sim_mine(scene.chain, &(struct sim_content){ .first = forgotten, .first_n = 4 });
	for (struct sim_tx *t = scene.chain->all; t; t = t->next_all)
		t->foreign = false;
	finish_fenced();
	assert_int_equal(empties(), 0);
}

static void resuming_a_fence_accepts_its_price(void **state_)
{
	(void)state_;
	begin_dear();
	assert_int_equal(
	    operation_resume(runner, runner_operation(runner, fence().id), NULL), ERR_OK);
	finish_fenced();
}

/* Each block at most once, and no further than what could have been signed here. */
static void empty_ones_double_up_to_the_ceiling(void **state_)
{
	uint64_t ceiling = 550 * GWEI + 1;
	struct fee_row fees[16];
	int64_t ids[8];
	size_t n;

	(void)state_;
	begin_forgetful(1, 1, 60);
	sim_pool_drop_all(scene.chain);
	snprintf(scene.node[0]->refuses, sizeof scene.node[0]->refuses,
	    "replacement transaction underpriced");
	forget();
	go_on();
	run_until(has_fence() && fence().state == OPERATION_NEEDS_OPERATOR);
	assert_says(fence().waits_for, "could not have signed hold nonce");
	assert_says(fence().waits_for, "then: pawl resume key:treasury");
	{
		struct sql_intent_by_row_in in = { .operation = fence().id,
			.row = ROW_HOLE };
		struct sql_intent_by_row_out out;

		assert_true(sql_intent_by_row_one(scene.journal, &in, &out));
		ids[0] = out.id;
	}
	n = attempts_of(ids[0], fees);
	assert_in_range(n, 5, 12);
	for (size_t i = 1; i < n; i++)
		assert_true(fees[i].max_fee > fees[i - 1].max_fee
			? fees[i].max_fee == 2 * fees[i - 1].max_fee ||
			    fees[i].max_fee == ceiling
			: fees[i].tip > fees[i - 1].tip);
	assert_int_equal(fees[n - 1].max_fee, ceiling);
	assert_int_equal(fees[n - 1].tip, ceiling);
	scene.node[0]->refuses[0] = '\0';
	assert_int_equal(
	    operation_resume(runner, runner_operation(runner, fence().id), NULL), ERR_OK);
	account_send_again(account(), 0);
	finish_fenced();
}

static void a_fence_that_cant_be_paid_says_what_is_missing(void **state_)
{
	struct amount coin;

	(void)state_;
	begin_forgetful(1, 1, 60);
	sim_pool_drop_all(scene.chain);
	forget();
	sim_mining(scene.chain, INTERVAL_MS);
	keep_only("0.000043");
	resume();
	run_until(has_fence() && fence().state == OPERATION_AWAITING_FUNDS);
	run(10000);
	assert_int_equal(fence().state, OPERATION_AWAITING_FUNDS);
	assert_says(fence().waits_for, "are missing on key treasury");
	assert_int_equal(amount_parse(&coin, "50", 2, 18), AMOUNT_OK);
	sim_fund(scene.chain, &scene.sender, NULL, &coin);
	finish_fenced();
}

/* -- who waits for it ------------------------------------------------------ */

static void a_run_of_one_list_fences_its_account(void **state_)
{
	(void)state_;
	begin_forgetful(1, 1, 60);
	sim_pool_drop_all(scene.chain);
	forget();
	rest();
	scene_rise(&scene);
	rise_for(lists[0].id);
	run_until(runner_operation(runner, lists[0].id));
	go_on();
	finish_fenced();
}

static void a_fence_is_not_cancelled(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin_forgetful(1, 1, 60);
	forget();
	go_on();
	run_until(has_fence());
	assert_int_equal(
	    operation_cancel(runner, runner_operation(runner, fence().id), true, &f),
	    ERR_CONFLICT);
	assert_says(f.why, "is a fence");
	finish_fenced();
}

/* After its end no start would look at its events again. */
static void a_fence_ends_when_its_events_are_proved(void **state_)
{
	int64_t turn_max = recount_turn_max;

	(void)state_;
	begin_forgetful(1, 1, 60);
	sim_pool_drop_all(scene.chain);
	forget();
	go_on();
	run_until(has_fence());
	recount_turn_max = 0;
	rest();
	scene_rise(&scene);
	rise();
	run_until(has_fence());
	while (!runner_operation(runner, fence().id) ||
	    !runner_operation(runner, fence().id)->recounted) {
		recount_turn_max = 1;
		turn();
		recount_turn_max = 0;
		run(20);
	}
	run(120000);
	recount_turn_max = turn_max;
	assert_int_equal(fence().state, OPERATION_DISTRIBUTING);
	assert_says(fence().waits_for, "its events to be compared");
	finish_fenced();
}

/* -- an account that the journal met after the copy was made -------------- */

/* Four rows of a list are signed, and are out; the copy knows neither list nor
 * account. */
static void begin_unknown(void)
{
	begin(3, 2);
	run_until(chain()->id);
	keep();
	sim_mining(scene.chain, 0);
	pay_rows(8);
	run_until(is_signed(4));
	run(2000);
}

/* Other rows take the nonces of those that are forgotten. */
static void forget_the_list(void)
{
	unlink(lists[--lists_n].file);
	forget();
	sim_mining(scene.chain, INTERVAL_MS);
	pay(&(struct list){ .name = "more", .rows = 20, .others = true });
}

static void finish_other_rows(void)
{
	run_until(ended() && !account()->doubt[0]);
	for (int row = 1; row <= lists[0].rows; row++)
		assert_int_equal(paid(&lists[0], row), 1);
	assert_false(account()->stopped);
}

static void an_account_that_comes_later_is_fenced(void **state_)
{
	(void)state_;
	begin_unknown();
	scene_mine(&scene, 1);
	forget_the_list();
	run_until(account()->doubt[0]);
	assert_says(account()->doubt, "is used first");
	assert_int_equal(op()->by_state[ITEM_LIVE].n, 0);
	run_until(has_fence());
	finish_other_rows();
	assert_int_equal(fence().state, OPERATION_COMPLETED);
}

/* Nothing is mined, so no count says that it was used. */
static void one_that_only_a_pool_shows_is_fenced(void **state_)
{
	(void)state_;
	begin_unknown();
	forget_the_list();
	run_until(account()->doubt[0]);
	finish_other_rows();
}

static void one_that_nothing_shows_costs_nothing(void **state_)
{
	(void)state_;
	begin_unknown();
	sim_pool_drop_all(scene.chain);
	forget_the_list();
	finish_other_rows();
	assert_false(has_fence());
	assert_int_equal(empties(), 0);
}

/* A block undone takes the first of them out of the pool for good, and what is left waits
 * behind the gap: the first rows of another list would let it through. */
static void one_that_only_a_gap_hides_is_fenced(void **state_)
{
	struct sim_tx *first;

	(void)state_;
	begin_unknown();
	first = (struct sim_tx *)(uintptr_t)sim_pool_lowest(
	    sim_account_find(scene.chain, &scene.sender));
	sim_pool_remove(scene.node[0]->pool, first);
	forget_the_list();
	run_until(account()->doubt[0]);
	finish_other_rows();
	assert_int_equal(fence().state, OPERATION_COMPLETED);
}

/* Nobody can tell what waits behind a gap there. */
static void one_whose_pool_is_hidden_is_fenced(void **state_)
{
	(void)state_;
	begin_unknown();
	sim_pool_drop_all(scene.chain);
	scene.node[1]->hides_pool = true;
	forget_the_list();
	run_until(account()->doubt[0]);
	assert_says(account()->doubt, "a node's pool is hidden");
	finish_other_rows();
}

/* Nothing of it is signed meanwhile. There are no rows of it to be tried again. */
static void a_fence_is_paused_as_any_other(void **state_)
{
	struct fail f = { 0 };

	(void)state_;
	begin_forgetful(1, 1, 60);
	sim_pool_drop_all(scene.chain);
	forget();
	go_on();
	run_until(has_fence());
	assert_int_equal(
	    operation_pause(runner, runner_operation(runner, fence().id), &f), ERR_OK);
	run(60000);
	assert_int_equal(fence().state, OPERATION_PAUSED);
	assert_int_equal(empties(), 0);
	assert_true(account()->doubt[0]);
	assert_int_equal(
	    operation_retry(runner, runner_operation(runner, fence().id), WORD_NONE, &f),
	    ERR_OK);
	assert_int_equal(
	    operation_resume(runner, runner_operation(runner, fence().id), &f), ERR_OK);
	finish_fenced();
	assert_int_equal(empties(), 4);
}

#define T(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_fence_is_paused_as_any_other),
		T(one_that_only_a_gap_hides_is_fenced),
		T(one_whose_pool_is_hidden_is_fenced),
		T(bytes_that_nobody_has_are_replaced),
		T(bytes_in_a_pool_win_by_themselves),
		T(bytes_that_are_mined_are_adopted),
		T(what_was_forgotten_is_told_in_one_line),
		T(a_fence_begins_at_the_head),
		T(a_fence_begins_when_the_head_is_read),
		T(a_fence_begins_where_the_journal_was),
		T(a_fence_is_measured_anew_when_it_is_outgrown),
		T(so_it_is_when_all_of_that_is_final),
		T(a_forgotten_transaction_begins_a_fence),
		T(a_copy_of_a_journal_in_doubt_is_fenced_anew),
		T(a_fence_for_an_older_doubt_settles_no_other),
		T(bytes_that_come_late_lose_to_empty_ones),
		T(all_nonces_without_bytes_are_given_back),
		T(a_nonce_without_bytes_is_given_back),
		T(bytes_that_are_known_go_on),
		T(a_node_that_is_ahead_moves_the_fence),
		T(a_node_that_may_answer_is_awaited),
		T(a_node_that_is_off_is_not_awaited),
		T(a_node_that_counts_a_billion_is_left_out),
		T(a_count_that_is_behind_is_awaited),
		T(a_count_that_one_node_knows_is_awaited),
		T(a_reorg_during_the_fence_pays_nobody_twice),
		T(a_fence_is_measured_anew_behind_a_reorg),
		T(and_so_it_is_by_the_next_life),
		T(a_fence_whose_final_blocks_vanish_is_not_whole),
		T(a_doubt_ends_with_the_last_of_its_fences),
		T(a_dear_fence_waits_for_the_operator),
		T(a_dear_fence_that_costs_nothing_any_more),
		T(resuming_a_fence_accepts_its_price),
		T(empty_ones_double_up_to_the_ceiling),
		T(a_fence_that_cant_be_paid_says_what_is_missing),
		T(a_run_of_one_list_fences_its_account),
		T(a_fence_is_not_cancelled),
		T(a_fence_ends_when_its_events_are_proved),
		T(an_account_that_comes_later_is_fenced),
		T(one_that_only_a_pool_shows_is_fenced),
		T(one_that_nothing_shows_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
