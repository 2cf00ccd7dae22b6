/* The trail: what the follower tells of blocks that come and leave, what it costs, and
 * which nodes will do. */
#include "watcher.h"

static void the_trail_is_dense_and_by_hash(void **state)
{
	(void)state;
	begin_looking(1, 1);
	assert_int_equal(head(), 10);
	assert_int_equal(final(), 10 - SCENE_DEPTH);
	live(3);
	scene_mine(&scene, 5); /* several between two polls */
	run(3000);
	assert_true(on_chain());
	assert_int_equal(final(), 18 - SCENE_DEPTH);
	check_all();
}

static void reorg_is_told(uint64_t depth, bool give_back)
{
	struct address to = { { 9 } };
	size_t from, at;

	live(SCENE_DEPTH);
	scene_spend(&scene, SIM_NONCE_NEXT, &to, 1, 0);
	scene_mine(&scene, 1);
	run(2000);
	from = told_n;
	reorg(depth, give_back);
	run(3000);
	assert_true(on_chain());
	assert_int_equal(count_told(RETRACTED, from), 1);
	for (at = from; told[at].tale != RETRACTED; at++) /* what is below it is deeper */
		assert_int_equal(told[at].tale, FINAL);
	assert_int_equal(told[at].height, scene_height(&scene) - depth - 1);
	assert_int_equal(count_told(ADOPTED, at), depth + 1);
	check_all();
}

static void a_reorg_retracts_and_adopts(void **state)
{
	(void)state;
	begin_looking(1, 1);
	for (uint64_t depth = 1; depth <= SCENE_DEPTH; depth++) {
		reorg_is_told(depth, false);
		reorg_is_told(depth, true);
	}
	assert_false(follower_stopped(eye));
}

static void a_reorg_while_it_was_down_is_seen(void **state)
{
	size_t from;

	(void)state;
	begin_looking(1, 1);
	live(2);
	look_away();
	reorg(3, false);
	scene_rise(&scene);
	look();
	from = told_n;
	run(4000);
	assert_true(on_chain());
	assert_int_equal(count_told(RETRACTED, from), 1);
	check_all();
}

/* Where the trail begins is asked again, until a quorum says the same. */
static void a_start_among_forks_begins_when_they_end(void **state)
{
	(void)state;
	begin(3, 2);
	for (int k = 1; k < 3; k++)
		scene.node[k]->fork =
		    sim_side_branch(scene.chain, SCENE_DEPTH + 2, SCENE_DEPTH + 2);
	look();
	run(5000);
	assert_int_equal(head(), 0);
	scene.node[1]->fork = scene.node[2]->fork = NULL;
	live(2);
	run(5000);
	assert_true(on_chain());
	check_trail();
}

/* A start tells what is above the final block again. */
static void a_start_tells_it_again(void **state)
{
	size_t from;

	(void)state;
	begin_looking(1, 1);
	live(2);
	rise();
	from = told_n;
	run(3000);
	assert_int_equal(count_told(ADOPTED, from), SCENE_DEPTH);
	assert_int_equal(count_told(RETRACTED, from), 0);
	check_all();
}

static void one_node_that_flaps_moves_nothing(void **state)
{
	(void)state;
	begin_looking(3, 2);
	live(2);
	for (int i = 0; i < 4; i++) {
		scene.node[2]->fork = sim_side_branch(scene.chain, 1, 1);
		run(2500);
		scene.node[2]->fork = NULL;
		run(2500);
	}
	assert_int_equal(count_told(RETRACTED, 0), 0);
	assert_true(on_chain());
	live(2);
	check_all();
}

static void a_branch_of_equal_height_needs_a_quorum(void **state)
{
	struct sim_block *side;
	struct head h;

	(void)state;
	begin_looking(3, 2);
	live(2);
	side = sim_side_branch(scene.chain, 1, 1);
	scene.node[1]->fork = side;
	run(3000);
	assert_true(on_chain());
	scene.node[2]->fork = side;
	run(3000);
	assert_true(follower_head(eye, &h));
	assert_true(hash_same(&h.hash, &side->hash));
	assert_int_equal(count_told(RETRACTED, 0), 1);
	check_told();
}

/* Six blocks, and then some nodes are elsewhere: none of that makes it go to and fro. */
static void check_split(uint32_t nodes, void (*split)(void))
{
	begin_looking(nodes, 2);
	live(6);
	split();
	scene_mine(&scene, 1);
	run(20000);
	assert_in_range(count_told(RETRACTED, 0), 0, 2);
	assert_true(on_chain());
	scene.node[0]->fork = scene.node[1]->fork = NULL;
	live(2);
	check_all();
}

static void split_in_three(void)
{
	scene.node[0]->fork = sim_side_branch(scene.chain, 2, 2);
	scene.node[1]->fork = sim_side_branch(scene.chain, 2, 1);
}

static void split_in_halves(void)
{
	scene.node[0]->fork = scene.node[1]->fork = sim_side_branch(scene.chain, 2, 2);
}

/* Each of three nodes is on a branch of its own: two of them are no quorum for any. */
static void a_split_in_three_is_followed_once(void **state)
{
	(void)state;
	check_split(3, split_in_three);
}

/* A quorum on each of two branches: the higher one is followed. */
static void two_quorums_are_followed_once(void **state)
{
	(void)state;
	check_split(4, split_in_halves);
}

/* From the first look on: a use of the key is told as it was. */
static void check_a_use(void)
{
	const struct told *t;

	look();
	run(3000);
	t = told_at(FINAL, spend_and_bury());
	assert_non_null(t);
	assert_int_equal(t->tx_n, 1);
	assert_int_equal(t->count, 1);
	check_all();
}

static void a_node_without_block_receipts_will_do(void **state)
{
	(void)state;
	begin(1, 1);
	scene.node[0]->no_block_receipts = true;
	check_a_use();
}

static void a_node_that_refuses_hashes_will_do(void **state)
{
	(void)state;
	begin(1, 1);
	scene.node[0]->no_block_receipts = true;
	scene.node[0]->no_hash_param = true;
	check_a_use();
}

/* So many uses at once, in the first of so many blocks that nobody looks at. */
static void be_away(uint32_t uses, uint64_t blocks)
{
	look();
	run(3000);
	live(2);
	look_away();
	for (uint32_t i = 0; i < uses; i++)
		scene_spend(&scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
	scene_mine(&scene, blocks);
	scene_rise(&scene);
	look();
	run(60000);
	assert_true(on_chain());
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	assert_int_equal(told_at(FINAL, 13)->tx_n, uses);
	check_all();
}

static void a_node_without_old_state_will_do(void **state)
{
	(void)state;
	begin(2, 2);
	scene.node[0]->state_depth = scene.node[1]->state_depth = 128;
	be_away(1, 200);
}

/* It refuses more calls in one request than the config says. */
static void small_batches(bool whole)
{
	begin(1, 1);
	scene.node[0]->no_block_receipts = whole;
	scene.node[0]->batch_max = 7;
	scene.config.batch = 7;
	be_away(20, 100);
	end(NULL);
}

static void a_node_of_small_batches_will_do(void **state)
{
	(void)state;
	small_batches(false);
	small_batches(true);
}

static void without_a_block_it_only_polls(void **state)
{
	uint64_t calls, requests;

	(void)state;
	begin(3, 2);
	look();
	run(5000);
	calls = scene_calls(&scene);
	requests = scene_requests(&scene);
	run(20000);
	assert_in_range(scene_requests(&scene) - requests, 3 * 18, 3 * 21);
	assert_int_equal(scene_calls(&scene) - calls, scene_requests(&scene) - requests);
}

static uint64_t requests_of(int blocks, int payments, bool whole)
{
	uint64_t requests = 0;

	begin(1, 1);
	scene.node[0]->no_block_receipts = whole;
	look();
	run(5000);
	for (int i = 0; i < blocks; i++) {
		for (int k = 0; k < payments; k++)
			scene_spend(
			    &scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
		scene_mine(&scene, 1);
		if (i == 0) { /* the way was found out */
			run(5000);
			requests = scene_requests(&scene) -
			    scene.node[0]->calls[SIM_eth_getBlockByNumber];
			continue;
		}
		run(1500);
	}
	requests = scene_requests(&scene) -
	    scene.node[0]->calls[SIM_eth_getBlockByNumber] - requests;
	end(NULL);
	return requests;
}

/* The poll is the only call by number; all else is counted. */
static void a_block_costs_a_fixed_number_of_requests(void **state)
{
	(void)state;
	assert_int_equal(requests_of(11, 0, false), 10);
	assert_int_equal(requests_of(11, 1, false), 10);
	assert_int_equal(requests_of(11, 20, false), 10);
	assert_int_equal(requests_of(11, 0, true), 10);
	assert_int_equal(requests_of(11, 1, true), 20);
	assert_int_equal(requests_of(11, 20, true), 20);
}

/* Its receipts are more than is read between two turns: a worker reads them. */
static void a_large_block_is_read(void **state)
{
	struct address to = { { 9 } };

	(void)state;
	begin_looking(2, 2);
	for (uint64_t i = 0; i < 600; i++)
		scene_spend(&scene, i, &to, 1, 60 * GWEI);
	scene_mine(&scene, 1);
	assert_int_equal(scene.chain->head->tx_n, 600);
	live(SCENE_DEPTH);
	run(5000);
	assert_int_equal(final(), 11);
	assert_int_equal(told_at(FINAL, 11)->tx_n, 600);
	check_all();
}

static int polls_read;

static enum err counting(struct head *ret, const char *answer, size_t len, struct fail *f)
{
	polls_read++;
	return connector_evm.poll_read(ret, answer, len, f);
}

static void a_head_that_stays_is_read_once(void **state)
{
	static struct connector evm;
	int read;

	(void)state;
	evm = connector_evm;
	evm.poll_read = counting;
	connector = &evm;
	begin_looking(1, 1);
	read = polls_read;
	run(20000);
	assert_int_equal(polls_read, read);
	for (int i = 1; i <= 3; i++) {
		if (i == 2)
			reorg(1, false);
		else
			scene_mine(&scene, 1);
		run(5000);
		assert_int_equal(polls_read, read + i);
		assert_true(on_chain());
	}
	check_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(a_large_block_is_read),
		T(the_trail_is_dense_and_by_hash),
		T(a_reorg_retracts_and_adopts),
		T(a_reorg_while_it_was_down_is_seen),
		T(a_start_among_forks_begins_when_they_end),
		T(a_start_tells_it_again),
		T(one_node_that_flaps_moves_nothing),
		T(a_branch_of_equal_height_needs_a_quorum),
		T(a_split_in_three_is_followed_once),
		T(two_quorums_are_followed_once),
		T(a_node_without_block_receipts_will_do),
		T(a_node_that_refuses_hashes_will_do),
		T(a_node_without_old_state_will_do),
		T(a_node_of_small_batches_will_do),
		T(without_a_block_it_only_polls),
		T(a_head_that_stays_is_read_once),
		T(a_block_costs_a_fixed_number_of_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
