/* A follower that tells all transactions of each block, for who follows hashes. */
#include "watcher.h"

/* Nobody is watched, as when hashes alone are followed. */
static void begin_to_follow(uint32_t nodes, int quorum)
{
	begin(nodes, quorum);
	look();
	follower_watch(eye, NULL, 0);
	follower_every(eye, true);
	run(3000);
}

static void rise_to_follow(void)
{
	rise();
	follower_watch(eye, NULL, 0);
	follower_every(eye, true);
}

/* Somebody spends, in the next block. */
static uint64_t others_spend(int n)
{
	while (n-- > 0)
		scene_spend(&scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
	live(1);
	return scene_height(&scene);
}

static uint32_t of_block(uint64_t height)
{
	const struct sim_block *b = sim_block_at(scene.chain, scene.chain->head, height);
	uint32_t n = 0;

	for (const struct sim_inclusion *i = b->first; i; i = i->next)
		n++;
	return n;
}

/* Each block from there to the head was told with all of it, and once since `since`. */
static void check_whole(uint64_t from, size_t since)
{
	for (uint64_t h = from; h <= scene_height(&scene); h++) {
		const struct told *t = told_at(ADOPTED, h);
		int times = 0;

		assert_non_null(t);
		assert_true(t->has_every);
		assert_int_equal(t->every_n, of_block(h));
		assert_int_equal(t->every_ok, of_block(h));
		for (size_t i = since; i < told_n; i++)
			times += told[i].tale == ADOPTED && told[i].height == h;
		assert_int_equal(times, 1);
	}
}

static void each_block_is_told_whole_once(void **state)
{
	uint64_t from;

	(void)state;
	begin_to_follow(3, 2);
	from = scene_height(&scene) + 1;
	for (int n = 0; n < 6; n++)
		others_spend(n);
	check_whole(from, 0);
	live(SCENE_DEPTH + 1);
	assert_true(final() >= from + 5);
	assert_true(told_at(FINAL, from + 5)->has_every);
	check_whole(from, 0);
	check_all();
}

/* It has the facts of the transaction, as the chain has them. */
static void its_sender_and_nonce_are_told(void **state)
{
	struct block_facts const *b;
	uint64_t at;

	(void)state;
	begin_to_follow(1, 1);
	others_spend(1);
	at = others_spend(2);
	b = follower_block(eye, &scene.chain->head->hash, at);
	assert_non_null(b);
	assert_int_equal(b->every_n, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(address_same(&b->every[i].from, &scene.sender));
		assert_int_equal(b->every[i].nonce, i + 1);
		assert_int_equal(b->every[i].status, TX_OK);
		assert_non_null(sim_tx_find(scene.chain, &b->every[i].hash));
	}
}

/* Whose counts are watched moved in none of them. */
static void quiet_blocks_are_read_after_a_start(void **state)
{
	struct watched quiet = {
		.account = { { 0x77 } }, .has_count = true, .exact = true
	};
	uint64_t from;
	size_t since;

	(void)state;
	for (int watching = 0; watching < 2; watching++) {
		begin_to_follow(2, 2);
		look_away();
		from = scene_height(&scene) + 1;
		for (int i = 0; i < 40; i++) {
			if (i % 3 == 0)
				scene_spend(&scene, SIM_NONCE_NEXT,
				    &(struct address){ { 9 } }, 1, 0);
			scene_mine(&scene, 1);
		}
		scene_rise(&scene);
		since = told_n;
		look();
		follower_watch(eye, &quiet, watching ? 1 : 0);
		follower_every(eye, true);
		run(20000);
		assert_true(on_chain());
		check_whole(from, since);
		check_all();
		end(NULL);
	}
}

static void a_branch_that_comes_anew_is_told_whole(void **state)
{
	uint64_t from;
	size_t since;

	(void)state;
	begin_to_follow(2, 2);
	others_spend(3);
	others_spend(1);
	from = scene_height(&scene) - 1;
	since = told_n;
	reorg(2, true);
	live(2);
	assert_int_equal(count_told(RETRACTED, since), 1);
	check_whole(from, since);
	check_all();
}

/* Wanted: the blocks above the final one are read again. Wanted no more: for some time
 * that makes no difference. */
static void a_change_reads_again(void **state)
{
	size_t since;

	(void)state;
	begin_looking(2, 2);
	others_spend(2);
	assert_false(told_at(ADOPTED, scene_height(&scene))->has_every);
	since = told_n;
	follower_every(eye, true);
	follower_every(eye, true);
	run(3000);
	check_whole(final() + 1, since);
	since = told_n;
	follower_every(eye, false);
	live(1);
	follower_every(eye, true);
	follower_every(eye, false);
	run(3000);
	assert_int_equal(count_told(ADOPTED, since), 1);
	assert_true(told_at(ADOPTED, scene_height(&scene))->has_every);
	for (int i = 0; i < 26; i++) {
		scene_mine(&scene, 10);
		run(5000);
	}
	assert_false(told_at(ADOPTED, scene_height(&scene))->has_every);
	since = told_n;
	run(3000);
	assert_int_equal(told_n, since);
	check_all();
}

/* What others' transactions came to is a quorum's word, too. */
static void one_node_does_not_say_what_came_of_others(void **state)
{
	const struct block_facts *b;
	uint64_t at;

	(void)state;
	for (int liar = 0; liar < 2; liar++) {
		begin(2, 2);
		scene.node[liar]->receipts = SIM_RECEIPTS_FLIPPED;
		look();
		follower_watch(eye, NULL, 0);
		follower_every(eye, true);
		run(3000);
		at = others_spend(1);
		live(SCENE_DEPTH + 2);
		b = follower_agreed(eye);
		assert_true(b && b->head.height == at - 1);
		assert_true(follower_unsettled(eye));
		assert_int_equal(final(), at - 1);
		scene.node[liar]->receipts = SIM_RECEIPTS_TRUE;
		run(10000);
		assert_true(final() > at);
		assert_int_equal(told_at(FINAL, at)->every_ok, 1);
		end(NULL);
	}
}

static void a_liar_about_others_is_outvoted(void **state)
{
	uint64_t at;

	(void)state;
	begin(3, 2);
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	look();
	follower_watch(eye, NULL, 0);
	follower_every(eye, true);
	run(3000);
	at = others_spend(1);
	live(SCENE_DEPTH + 1);
	assert_int_equal(told_at(FINAL, at)->every_n, 1);
	assert_int_equal(told_at(FINAL, at)->every_ok, 1);
	assert_says(left_out(0), "says otherwise than a quorum");
	check_all();
}

/* What so many blocks cost, one after the other, with one transaction in each. */
static uint64_t requests_of(int blocks, bool every)
{
	uint64_t before;

	follower_every(eye, every);
	run(5000);
	before = scene_requests(&scene);
	for (int i = 0; i < blocks; i++)
		others_spend(1);
	return scene_requests(&scene) - before;
}

/* A poll a second and a request a block, and its receipts where they have to be asked
 * for. */
static void it_costs_no_more_requests(void **state)
{
	const int blocks = 20;

	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		uint64_t without, with;

		begin(2, 2);
		scene.node[0]->no_block_receipts = scene.node[1]->no_block_receipts =
		    whole;
		look();
		run(3000);
		without = requests_of(blocks, false);
		with = requests_of(blocks, true);
		assert_true(with <= without);
		assert_in_range(with, 2 * blocks, 2 * blocks * (whole ? 4 : 3));
		end(NULL);
	}
}

/* A node that has no such method is asked the other way, and loses no answer by it. */
static void nodes_of_both_kinds_agree(void **state)
{
	uint64_t from;

	(void)state;
	begin(3, 3);
	scene.node[1]->no_block_receipts = true;
	scene.node[2]->no_hash_param = true;
	look();
	follower_watch(eye, NULL, 0);
	follower_every(eye, true);
	run(5000);
	from = scene_height(&scene) + 1;
	for (int n = 0; n < 4; n++)
		others_spend(n);
	check_whole(from, 0);
	live(SCENE_DEPTH);
	assert_true(final() >= from + 3);
	/* as many as were under way when it said so */
	assert_in_range(scene.node[1]->calls[SIM_eth_getBlockReceipts], 1, 4);
	check_all();
}

/* More blocks than are read: what is passed is said, and the rest told whole. */
static void a_long_absence_is_passed(void **state)
{
	uint64_t passed = 0;

	(void)state;
	begin_to_follow(2, 2);
	look_away();
	for (int i = 0; i < 400; i++) {
		if (i % 7 == 0)
			scene_spend(
			    &scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
		scene_mine(&scene, 1);
	}
	rise_to_follow();
	run(30000);
	assert_true(on_chain());
	for (size_t i = 0; i < told_n; i++)
		if (told[i].tale == PASSED)
			passed = told[i].height;
	assert_int_equal(passed, scene_height(&scene) - SCENE_DEPTH);
	check_whole(passed + 1, 0);
	check_all();
}

/* Where blocks of an absence are read one by one, each is told whole. */
static void a_stateless_absence_is_told_whole(void **state)
{
	struct watched w = { .account = scene.sender, .has_count = true, .exact = true };
	uint64_t from;
	size_t since;

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		begin_to_follow(2, 2);
		from = scene_height(&scene) + 1;
		look_away();
		for (int i = 0; i < 400; i++) {
			if (i % 7 == 0)
				scene_spend(&scene, SIM_NONCE_NEXT,
				    &(struct address){ { 9 } }, 1, 0);
			scene_mine(&scene, 1);
		}
		for (int i = 0; i < 2; i++) {
			scene.node[i]->state_depth = 64;
			scene.node[i]->no_block_receipts = kind;
		}
		scene_rise(&scene);
		since = told_n;
		look();
		w.account = scene.sender;
		follower_watch(eye, &w, 1);
		follower_every(eye, true);
		run(300000);
		assert_true(on_chain());
		assert_int_equal(count_told(PASSED, since), 0);
		for (uint64_t h = from; h <= scene_height(&scene); h++) {
			const struct told *t = told_at(ADOPTED, h);

			assert_non_null(t);
			assert_true(t->has_every);
			assert_int_equal(t->every_n, of_block(h));
		}
		check_all();
		end(NULL);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_block_is_told_whole_once, end),
		cmocka_unit_test_teardown(its_sender_and_nonce_are_told, end),
		cmocka_unit_test_teardown(quiet_blocks_are_read_after_a_start, end),
		cmocka_unit_test_teardown(a_branch_that_comes_anew_is_told_whole, end),
		cmocka_unit_test_teardown(a_change_reads_again, end),
		cmocka_unit_test_teardown(one_node_does_not_say_what_came_of_others, end),
		cmocka_unit_test_teardown(a_liar_about_others_is_outvoted, end),
		cmocka_unit_test_teardown(it_costs_no_more_requests, end),
		cmocka_unit_test_teardown(nodes_of_both_kinds_agree, end),
		cmocka_unit_test_teardown(a_long_absence_is_passed, end),
		cmocka_unit_test_teardown(a_stateless_absence_is_told_whole, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
