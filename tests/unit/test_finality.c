/* When a block is final: by depth and by the tag of the nodes. */
#include "watcher.h"

static void a_higher_branch_is_adopted_but_not_final(void **state)
{
	struct sim_block *side;
	struct head h;
	uint64_t before;

	(void)state;
	begin_looking(3, 2);
	live(2);
	before = final();
	side = sim_side_branch(scene.chain, 2, 2 + SCENE_DEPTH + 2);
	scene.node[1]->fork = side;
	scene.node[0]->down = true; /* no quorum is on ours */
	run(5000);
	assert_true(follower_head(eye, &h));
	assert_true(hash_same(&h.hash, &side->hash));
	assert_int_equal(final(), before); /* the fork's own blocks are one node's word */
	scene.node[1]->fork = NULL;
	scene.node[0]->down = false;
	live(7);
	assert_true(on_chain());
	check_all();
}

static void depth_counts_on_each_node_of_the_quorum(void **state)
{
	(void)state;
	begin(3, 2);
	scene.node[1]->lag = scene.node[2]->lag = 2;
	look();
	run(3000);
	live(6);
	assert_int_equal(head(), 16);
	assert_int_equal(final(), 16 - 2 - SCENE_DEPTH);
	scene.node[1]->lag = 0;
	run(3000);
	assert_int_equal(final(), 16 - SCENE_DEPTH);
	check_all();
}

static void a_tag_moves_it(void **state)
{
	(void)state;
	begin(3, 2);
	by_tag(SIM_FINAL_DEPTH, 5);
	look();
	run(3000);
	live(8);
	assert_int_equal(head(), 18);
	assert_int_equal(final(), 13);
	check_all();
}

static void a_tag_that_is_stuck_or_null_ends_nothing(void **state)
{
	(void)state;
	begin(3, 2);
	by_tag(SIM_FINAL_STUCK, 4);
	look();
	run(3000);
	live(6);
	assert_int_equal(final(), 4);
	scene.chain->options.finality.rule = SIM_FINAL_NULL;
	live(6);
	assert_int_equal(final(), 4);
	assert_int_equal(head(), 22);
	check_all();
}

/* Finality that is the head itself is none: said, and never replaced by a depth. */
static void a_tag_that_is_the_head_is_said(void **state)
{
	(void)state;
	begin(3, 2);
	by_tag(SIM_FINAL_DEPTH, 4);
	look();
	run(3000);
	live(4);
	assert_int_equal(final(), 10);
	scene.chain->options.finality.rule = SIM_FINAL_LATEST;
	live(4);
	assert_int_equal(final(), 10);
	assert_says(waits_for(), "call their head finalized");
	scene.chain->options.finality.rule = SIM_FINAL_DEPTH;
	live(2);
	assert_int_equal(final(), 16);
	assert_null(follower_waits_for(eye));
}

static void one_node_that_lies_about_its_tag_is_alone(void **state)
{
	(void)state;
	begin(3, 2);
	by_tag(SIM_FINAL_DEPTH, 5);
	scene.node[0]->own_finality = true;
	scene.node[0]->finality = (struct sim_finality){ SIM_FINAL_STUCK, 1000000000 };
	look();
	run(3000);
	live(6);
	assert_int_equal(final(), 11);
	scene.node[0]->own_finality = false;
	live(3);
	assert_int_equal(final(), 14);
	check_all();
}

static void a_block_is_final_when_all_of_it_is_known(void **state)
{
	(void)state;
	begin_looking(1, 1);
	may_be_final = false;
	scene_mine(&scene, 6);
	run(20000);
	assert_null(told_at(FINAL, 11));
	may_be_final = true;
	run(20000);
	assert_non_null(told_at(FINAL, 11));
	assert_int_equal(head(), 16);
	check_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(a_higher_branch_is_adopted_but_not_final),
		T(depth_counts_on_each_node_of_the_quorum),
		T(a_block_is_final_when_all_of_it_is_known),
		T(a_tag_moves_it),
		T(a_tag_that_is_stuck_or_null_ends_nothing),
		T(a_tag_that_is_the_head_is_said),
		T(one_node_that_lies_about_its_tag_is_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
