/* Long absences: blocks that nobody used are passed unread, all others are exact. */
#include "watcher.h"

#define ABSENCE 7200
#define HIDER_BASE_FEE 667

/* So many blocks while nobody looks, with a payment in each of these. */
static void be_away(uint64_t blocks, const uint64_t *at, size_t n)
{
	size_t next = 0;

	look_away();
	for (uint64_t i = 1; i <= blocks; i++) {
		if (next < n && at[next] == i) {
			scene_spend(
			    &scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
			next++;
		}
		scene_mine(&scene, 1);
	}
	assert_int_equal(next, n);
	scene_rise(&scene);
	look();
}

/* Until the final block is where it will stay. */
static uint64_t calls_to_catch_up(void)
{
	uint64_t goal = scene_height(&scene) - SCENE_DEPTH - 256;
	uint64_t calls = scene_calls(&scene);
	int64_t until = world_now_ms(scene.world) + 1200000;

	while (final() < goal && world_now_ms(scene.world) < until)
		run(5);
	assert_true(final() >= goal);
	return scene_calls(&scene) - calls;
}

/* All that the account ever did was told as final, once, and nothing else. */
static void check_exact(uint64_t payments)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < told_n; i++)
		seen += told[i].tale == FINAL ? told[i].tx_n : 0;
	assert_int_equal(seen, payments);
	assert_int_equal(
	    sim_count(scene.chain, scene.chain->head, &scene.sender), payments);
	assert_true(on_chain());
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	assert_null(follower_waits_for(eye));
	check_all();
}

static void an_absence_without_use_costs_ten_calls(void **state)
{
	(void)state;
	begin_looking(1, 1);
	spend_and_bury();
	be_away(ABSENCE, NULL, 0);
	assert_in_range(calls_to_catch_up(), 1, 10);
	run(5000);
	assert_int_equal(count_told(PASSED, 0), 1);
	assert_int_equal(count_told(RETRACTED, 0), 1); /* what stood in the trail */
	live(2);
	check_exact(1);
}

static void an_absence_with_uses_is_exact(void **state)
{
	static const uint64_t at[] = { 1, 2, 40, 2999, 3000, 3001, 6000, 7199 };

	(void)state;
	begin(3, 2);
	scene.node[1]->receipts = SIM_RECEIPTS_FLIPPED;
	look();
	run(3000);
	be_away(ABSENCE, at, 8);
	assert_in_range(calls_to_catch_up(), 100, 3000);
	run(20000);
	live(SCENE_DEPTH);
	check_exact(8);
	assert_in_range(count_told(FINAL, 0), 8, 600);
}

/* It has looked, and then it is down while its key is used twice. */
static void be_away_for_two_uses(void)
{
	static const uint64_t at[] = { 700, 1300 };

	look();
	run(3000);
	be_away(2000, at, 2);
}

static void check_both_uses(void)
{
	live(SCENE_DEPTH);
	check_exact(2);
}

/* The count at a recent block is there: only that of old ones is not. */
static void without_old_state_an_unused_key_costs_no_more(void **state)
{
	(void)state;
	begin(1, 1);
	scene.node[0]->state_depth = 128;
	look();
	run(3000);
	spend_and_bury();
	be_away(ABSENCE, NULL, 0);
	assert_in_range(calls_to_catch_up(), 1, 10);
	live(2);
	check_exact(1);
}

static void without_old_state_blocks_are_read_one_by_one(void **state)
{
	uint64_t requests, calls;

	(void)state;
	begin(1, 1);
	scene.node[0]->state_depth = 128;
	be_away_for_two_uses();
	requests = scene_requests(&scene);
	calls = scene_calls(&scene);
	run(2000);
	assert_says(waits_for(), "blocks that were missed");
	calls_to_catch_up();
	/* Up to the last use: header and transactions in one call. */
	assert_in_range(scene_calls(&scene) - calls, 1300, 1350);
	assert_in_range(scene_requests(&scene) - requests, 1300, 1350);
	check_both_uses();
}

/* Not even of the newest final block: there is nothing to compare, and no block is asked
 * for again and again. */
static void without_any_state_blocks_are_read_one_by_one(void **state)
{
	uint64_t calls;

	(void)state;
	begin(1, 1);
	scene.node[0]->state_depth = 1;
	be_away_for_two_uses();
	calls = scene_calls(&scene);
	calls_to_catch_up();
	assert_in_range(scene_calls(&scene) - calls, 1700, 1800);
	check_both_uses();
}

/* -- who shows no whole blocks ------------------------------------------------ */

static enum err (*whole_bent)(struct block_facts *ret, struct fail *f);

static enum err bent_block(struct block_facts *ret, struct node_word *ret_word,
    const struct block_question *q, const char *answer, size_t len, struct fail *f)
{
	enum err e = connector_evm.block_read(ret, ret_word, q, answer, len, f);

	return e || !q->at_height ? e : whole_bent(ret, f);
}

static const struct connector *bent(enum err (*bend)(struct block_facts *, struct fail *))
{
	static struct connector c;

	c = connector_evm;
	c.block_read = bent_block;
	whole_bent = bend;
	return &c;
}

static enum err refuse(struct block_facts *ret, struct fail *f)
{
	block_facts_release(ret);
	return fail_set(f, ERR_NODE_REFUSED, "too large");
}

static void who_shows_no_whole_blocks_is_asked_for_headers(void **state)
{
	uint64_t calls;

	(void)state;
	connector = bent(refuse);
	begin(1, 1);
	scene.node[0]->state_depth = 128;
	be_away_for_two_uses();
	calls = scene_calls(&scene);
	calls_to_catch_up();
	assert_in_range(scene_calls(&scene) - calls, 2 * 1300, 3100);
	check_both_uses();
}

/* It is known by its base fee. */
static enum err hide(struct block_facts *ret, struct fail *f)
{
	(void)f;
	if (ret->head.base_fee != HIDER_BASE_FEE)
		return ERR_OK;
	ret->tx_n = 0;
	ret->incomplete = false;
	block_facts_digest(ret);
	return ERR_OK;
}

static void one_that_hides_our_transactions_is_outvoted(void **state)
{
	static const uint64_t at[] = { 200, 500 };

	(void)state;
	connector = bent(hide);
	begin(3, 2);
	for (int i = 0; i < 3; i++)
		scene.node[i]->state_depth = 128;
	look();
	run(3000);
	be_away(900, at, 2);
	scene.node[0]->base_fee = HIDER_BASE_FEE;
	run(300000);
	scene.node[0]->base_fee = 0;
	live(SCENE_DEPTH);
	check_exact(2);
}

/* Some nodes call a block unknown of which they have no state, though they show it. */
static void who_denies_an_old_block_has_no_state_of_it(void **state)
{
	(void)state;
	begin(1, 1);
	scene.node[0]->state_depth = 128;
	scene.node[0]->state_denied = true;
	be_away_for_two_uses();
	calls_to_catch_up();
	check_both_uses();
}

/* One node has old state and one has not, and both are needed: the blocks are read. */
static void a_pruned_node_and_an_archive_make_a_quorum(void **state)
{
	(void)state;
	begin(2, 2);
	scene.node[0]->state_depth = 128;
	be_away_for_two_uses();
	calls_to_catch_up();
	check_both_uses();
}

/* Enough others have it: the one that has not is not waited for, nor asked each time. */
static void two_archives_need_no_pruned_node(void **state)
{
	uint64_t calls;

	(void)state;
	begin(3, 2);
	scene.node[0]->state_depth = 128;
	be_away_for_two_uses();
	calls = scene.node[0]->calls[SIM_eth_getTransactionCount];
	assert_in_range(calls_to_catch_up(), 100, 1500);
	check_both_uses();
	assert_in_range(
	    scene.node[0]->calls[SIM_eth_getTransactionCount] - calls, 1, 300);
	assert_in_range(count_told(FINAL, 0), 2, 400);
}

/* Final is what is so deep that no node has its state: no use asking for it. */
static void a_tag_that_is_stuck_deep_is_reached_and_said(void **state)
{
	static const uint64_t at[] = { 500 };
	uint64_t calls;
	char said[64];

	(void)state;
	begin(2, 2);
	by_tag(SIM_FINAL_DEPTH, SCENE_DEPTH);
	scene.node[0]->state_depth = scene.node[1]->state_depth = 128;
	look();
	run(3000);
	be_away(2000, at, 1);
	by_tag(SIM_FINAL_STUCK, 700);
	calls = scene_calls(&scene);
	run(120000);
	assert_int_equal(final(), 700);
	assert_in_range(scene_calls(&scene) - calls, 700, 6000);
	snprintf(said, sizeof said, "stayed at 700 while the head went to %llu",
	    (unsigned long long)scene_height(&scene));
	assert_says(waits_for(), said);
	by_tag(SIM_FINAL_DEPTH, SCENE_DEPTH);
	run(60000);
	live(2);
	check_exact(1);
}

static void what_was_in_the_trail_may_be_gone_when_it_is_back(void **state)
{
	(void)state;
	begin_looking(1, 1);
	scene_spend(&scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
	live(2);
	look_away();
	reorg(2, true); /* the payment is in another block now */
	scene_rise(&scene);
	look();
	be_away(ABSENCE, NULL, 0);
	run(30000);
	live(SCENE_DEPTH);
	check_exact(1);
}

static void far_behind_a_quorum_is_needed_too(void **state)
{
	static const uint64_t at[] = { 500 };

	(void)state;
	begin_looking(3, 2);
	look_away();
	scene.node[1]->down = scene.node[2]->down = true;
	scene_rise(&scene);
	look();
	be_away(2000, at, 1);
	run(20000);
	assert_int_equal(count_told(PASSED, 0), 0);
	assert_non_null(follower_waits_for(eye));
	scene.node[1]->down = false;
	while (!final())
		run(5);
	scene.node[1]->down = true; /* one vote, in the midst of it */
	run(20000);
	assert_int_equal(count_told(PASSED, 0), 0);
	scene.node[1]->down = false;
	run(200000);
	live(SCENE_DEPTH);
	check_exact(1);
}

/* It says that nothing happened, or another thing: nobody follows it. */
static void far_behind_a_node_on_a_fork_is_named(void **state)
{
	static const uint64_t at[] = { 500 };

	(void)state;
	begin_looking(3, 2);
	live(2);
	be_away(2000, at, 1);
	scene.node[0]->fork = sim_side_branch(scene.chain, 2004, 2010);
	run(60000);
	assert_says(left_out(0), "forks below the final block");
	live(SCENE_DEPTH);
	check_exact(1);
	assert_false(follower_stopped(eye));
}

/* It is on a branch from above our final block, in which the key was not used. */
static void far_behind_one_that_saw_nothing_is_outvoted(void **state)
{
	static const uint64_t at[] = { 500 };

	(void)state;
	begin_looking(3, 2);
	live(2);
	be_away(2000, at, 1);
	scene.node[0]->fork = sim_side_branch(scene.chain, 1999, 1999);
	run(60000);
	live(SCENE_DEPTH);
	check_exact(1);
	assert_says(left_out(0), "forks below the final block");
}

static void far_behind_a_quorum_that_left_stops_the_chain(void **state)
{
	struct sim_block *side;

	(void)state;
	begin_looking(3, 2);
	live(2);
	be_away(2000, NULL, 0);
	side = sim_side_branch(scene.chain, 2004, 2010);
	scene.node[0]->fork = scene.node[2]->fork = side;
	run(20000);
	assert_true(follower_stopped(eye));
	assert_int_equal(count_told(PASSED, 0), 0);
}

static void far_behind_by_the_tag(void **state)
{
	static const uint64_t at[] = { 900 };

	(void)state;
	begin(3, 2);
	by_tag(SIM_FINAL_DEPTH, SCENE_DEPTH);
	look();
	run(3000);
	be_away(2000, at, 1);
	run(30000);
	live(SCENE_DEPTH);
	check_exact(1);
	assert_in_range(count_told(FINAL, 0), 1, 300);
}

/* The tag stood still for more blocks than are read ahead, and then moves on. */
static void a_tag_that_stood_still_for_long_is_said_and_followed(void **state)
{
	(void)state;
	begin(1, 1);
	by_tag(SIM_FINAL_STUCK, 8);
	look();
	run(3000);
	scene_mine(&scene, 600);
	run(20000);
	assert_int_equal(final(), 8);
	assert_says(waits_for(), "stayed at 8");
	by_tag(SIM_FINAL_DEPTH, SCENE_DEPTH);
	run(20000);
	live(2);
	check_exact(0);
}

/* What an account did before the journal knew it is not looked for. */
static void who_has_no_count_has_missed_nothing(void **state)
{
	struct watched w = { .account = { { 9 } } };

	(void)state;
	begin_looking(1, 1);
	look_away();
	scene_mine(&scene, ABSENCE);
	scene_rise(&scene);
	look();
	follower_watch(eye, &w, 1);
	run(5000);
	live(2);
	assert_true(on_chain());
	assert_int_equal(count_told(PASSED, 0), 1);
	check_all();
}

/* Whichever of three it is that says the count has not moved: what was used is read. */
static void one_that_hides_uses_is_outvoted(void **state)
{
	(void)state;
	for (int liar = 0; liar < 3; liar++) {
		begin_looking(3, 2);
		spend_and_bury();
		scene.node[liar]->counts = 1;
		look_away();
		scene_rise(&scene);
		be_away_for_two_uses();
		(void)calls_to_catch_up();
		run(20000);
		live(SCENE_DEPTH);
		check_exact(3);
		end(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(one_that_hides_uses_is_outvoted),
		T(an_absence_without_use_costs_ten_calls),
		T(an_absence_with_uses_is_exact),
		T(without_old_state_an_unused_key_costs_no_more),
		T(without_old_state_blocks_are_read_one_by_one),
		T(who_shows_no_whole_blocks_is_asked_for_headers),
		T(one_that_hides_our_transactions_is_outvoted),
		T(who_denies_an_old_block_has_no_state_of_it),
		T(without_any_state_blocks_are_read_one_by_one),
		T(a_pruned_node_and_an_archive_make_a_quorum),
		T(two_archives_need_no_pruned_node),
		T(a_tag_that_is_stuck_deep_is_reached_and_said),
		T(what_was_in_the_trail_may_be_gone_when_it_is_back),
		T(far_behind_a_quorum_is_needed_too),
		T(far_behind_a_node_on_a_fork_is_named),
		T(far_behind_one_that_saw_nothing_is_outvoted),
		T(far_behind_a_quorum_that_left_stops_the_chain),
		T(far_behind_by_the_tag),
		T(a_tag_that_stood_still_for_long_is_said_and_followed),
		T(who_has_no_count_has_missed_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
