/* A final block that vanishes stops the chain, and what accepting it goes back to. */
#include "chain/follower/feed.h"
#include "watcher.h"

/* Transactions of ours that were told in final blocks. */
static uint32_t count_uses(size_t from)
{
	uint32_t n = 0;

	for (size_t i = from; i < told_n; i++)
		n += told[i].tale == FINAL ? told[i].tx_n : 0;
	return n;
}

static void a_final_block_that_vanishes_stops_the_chain(void **state)
{
	struct fail f;
	size_t from;
	uint64_t before;

	(void)state;
	begin_looking(3, 2);
	live(6);
	before = final();
	reorg(SCENE_DEPTH + 2, true);
	run(4000);
	assert_true(follower_stopped(eye));
	assert_says(waits_for(), "pawl resume chain:sim");
	assert_says(
	    waits_for(), "`; the highest final block that a quorum still has is ");
	assert_int_equal(final(), before);
	from = told_n;
	live(5);
	assert_int_equal(told_n, from);
	rise(); /* it stays so */
	run(4000);
	assert_true(follower_stopped(eye));
	assert_int_equal(told_n, from);
	assert_int_equal(follower_accept(eye, &f), ERR_OK);
	assert_int_equal(told[from].tale, RETRACTED);
	assert_int_equal(told[from + 1].tale, UNDONE);
	assert_int_equal(told[from + 1].height, before - 2);
	run(6000);
	assert_false(follower_stopped(eye));
	assert_true(on_chain());
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	check_trail();
}

/* What had been paid comes back in other blocks, and the program is away for long. */
static void an_absence_behind_a_vanished_block_is_exact(void **state)
{
	struct fail f;

	(void)state;
	begin_looking(1, 1);
	spend_and_bury();
	spend_and_bury();
	live(2);
	sim_reorg(scene.chain,
	    &(struct sim_reorg){ .depth = scene_height(&scene) - 10,
		.blocks = scene_height(&scene),
		.content = { .empty = true },
		.give_back = true });
	scene_mine(&scene, 1000); /* the payments are in the first of them */
	run(30000);
	assert_true(follower_stopped(eye));
	assert_int_equal(follower_accept(eye, &f), ERR_OK);
	run(30000);
	assert_true(on_chain());
	assert_non_null(told_at(FINAL, 33));
	assert_int_equal(told_at(FINAL, 33)->tx_n, 2);
	check_trail();
}

/* Two nodes of a provider are on two branches, as behind a reorg that one has not seen:
 * it has one vote, and left nothing. */
static void a_provider_of_two_minds_has_left_nothing(void **state)
{
	struct sim_block *fork;

	(void)state;
	begin(4, 2);
	scene.endpoints[2].provider = scene.endpoints[3].provider = "one";
	look();
	run(3000);
	live(6);
	fork = sim_side_branch(scene.chain, SCENE_DEPTH + 2, 6);
	scene.node[1]->fork = scene.node[3]->fork = fork;
	run(5000);
	scene_mine(&scene, 20); /* the one that stays reads what is between */
	run(5000);
	assert_false(follower_stopped(eye));
	scene.node[2]->fork = fork;
	run(20000);
	assert_true(follower_stopped(eye));
}

/* Two servers behind one address, and one of them has heard of nothing for a while: what
 * it shows now and then is what the other one knew before a reorg. Where it alone
 * answers, it is believed. */
static void an_address_of_two_minds_has_left_nothing(void **state)
{
	struct sim_node *late;

	(void)state;
	begin_looking(1, 1);
	live(6);
	late = scene.node[0]->twin = sim_node_twin(scene.node[0]);
	late->fork = sim_side_branch(scene.chain, SCENE_DEPTH + 2, SCENE_DEPTH);
	scene.node[0]->twin_answers = true;
	live(16);
	assert_false(follower_stopped(eye));
	assert_true(final() > late->fork->height);
	check_all();
	scene.node[0]->fork = late->fork;
	run(20000);
	assert_true(follower_stopped(eye));
}

/* What is final, by the last word of the nodes, as others read it in the journal. */
static bool unshown(void)
{
	struct sql_chain_get_out row;

	assert_true(sql_chain_get_one(scene.journal,
	    &(struct sql_chain_get_in){ .id = follower_chain(eye) }, &row));
	return row.unshown;
}

/* When a quorum showed last what is final, as others read it in the journal: since so
 * long ago; -1: never. */
static int64_t shown_ago(void)
{
	struct sql_chain_get_out row;

	assert_true(sql_chain_get_one(scene.journal,
	    &(struct sql_chain_get_in){ .id = follower_chain(eye) }, &row));
	return row.no_shown_ms ? -1 : world_wall_ms(scene.world) - row.shown_ms;
}

/* The other one made blocks final whose followers are not read yet: lower than what was
 * shown is the late one, though it is higher than what was read. */
static void what_was_shown_counts_before_it_is_read(void **state)
{
	struct sim_block *late;
	struct head read;
	uint64_t left;

	(void)state;
	begin_looking(1, 1);
	live(6);
	left = scene_height(&scene);
	late = sim_side_branch(scene.chain, 2, SCENE_DEPTH);
	scene_mine(&scene, 16);
	for (int i = 0; i < 1000 && final() <= left - 2; i++)
		run(5);
	assert_true(final() > left - 2);
	assert_true(follower_head(eye, &read) && read.height < late->height);
	scene.node[0]->fork = late;
	run(2000);
	assert_false(follower_stopped(eye));
	assert_true(unshown());
	scene.node[0]->fork = NULL;
	run(20000);
	assert_false(follower_stopped(eye));
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	check_all();
}

static void accepting_needs_a_quorum(void **state)
{
	struct fail f = { 0 };

	(void)state;
	begin_looking(1, 1);
	live(6);
	reorg(SCENE_DEPTH + 2, true);
	run(4000);
	assert_true(follower_stopped(eye));
	rise();
	while (!follower_stopped(eye)) /* it is, as soon as the chain is known */
		run(5);
	assert_int_equal(follower_accept(eye, &f), ERR_NO_QUORUM);
	run(5000);
	assert_true(follower_stopped(eye));
	assert_int_equal(follower_accept(eye, &f), ERR_OK);
	run(9000);
	assert_true(on_chain());
	check_trail();
}

/* Two left the final block, on branches of their own: back to what both still have. */
static void goes_back(int batch)
{
	struct fail f;
	size_t from;

	begin(3, 2);
	scene.config.batch = batch;
	look();
	run(3000);
	live(6);
	scene.node[1]->fork = sim_side_branch(scene.chain, SCENE_DEPTH + 2, 6);
	scene.node[2]->fork = sim_side_branch(scene.chain, SCENE_DEPTH + 4, 8);
	run(5000);
	assert_true(follower_stopped(eye));
	from = told_n;
	assert_int_equal(follower_accept(eye, &f), ERR_OK);
	assert_int_equal(told[from + 1].tale, UNDONE);
	assert_int_equal(told[from + 1].height, scene_height(&scene) - SCENE_DEPTH - 4);
	end(NULL);
}

/* Also where a request holds few of the blocks that are kept. */
static void accepting_goes_back_to_what_a_quorum_has(void **state)
{
	(void)state;
	goes_back(100);
	goes_back(2);
}

/* What a node had left in a fork of its own, long ago, is not where all go back to. */
static void a_fork_that_is_over_is_forgotten(void **state)
{
	struct fail f;
	uint64_t ancestor;

	(void)state;
	begin_looking(3, 2);
	live(6);
	for (int k = 1; k < 3; k++) {
		scene.node[k]->fork = sim_side_branch(scene.chain, SCENE_DEPTH + 2, 6);
		run(5000);
		assert_false(follower_stopped(eye));
		scene.node[k]->fork = NULL;
		live(SCENE_DEPTH + 3);
	}
	for (int i = 0; i < 10; i++) {
		scene_mine(&scene, 30);
		run(5000);
	}
	ancestor = final() - 2;
	scene.node[1]->fork = scene.node[2]->fork =
	    sim_side_branch(scene.chain, SCENE_DEPTH + 2, 6);
	run(5000);
	assert_true(follower_stopped(eye));
	assert_int_equal(follower_accept(eye, &f), ERR_OK);
	assert_int_equal(final(), ancestor);
}

/* Nothing that the journal has of the chain is left: begun anew, at what a quorum has,
 * and all of it is read. */
static void a_reorg_below_the_first_block_begins_anew(void **state)
{
	struct fail f;
	uint64_t first;
	size_t from;

	(void)state;
	begin_looking(3, 2);
	first = final();
	spend_and_bury();
	sim_reorg(scene.chain,
	    &(struct sim_reorg){ .depth = scene_height(&scene) - first + 3,
		.blocks = 40,
		.content = { .empty = true },
		.give_back = true });
	run(5000);
	assert_true(follower_stopped(eye));
	from = told_n;
	assert_int_equal(follower_accept(eye, &f), ERR_OK);
	assert_int_equal(told[from + 1].tale, UNDONE);
	assert_true(told[from + 1].height < first - 3);
	live(8); /* the payment is in the first of them */
	run(30000);
	assert_false(follower_stopped(eye));
	assert_true(on_chain());
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	assert_int_equal(count_uses(from), 1);
	check_trail();
}

/* -- who keeps a trail of his own ------------------------------------------------------
 */

static struct {
	struct hash hash[4096];
	uint64_t begin,
	    top; /* of what he has; top < begin: nothing, and it begins there */
	bool began;
	uint64_t lost_above, lost_from, below_n;
	int removed, lost, missed;
} own;

static bool own_top(void *ctx, uint64_t *ret)
{
	(void)ctx;
	*ret = own.top;
	return own.began && own.top >= own.begin;
}

static bool own_at(void *ctx, uint64_t height, struct hash *ret)
{
	(void)ctx;
	*ret = own.hash[height % 4096];
	return own.began && height >= own.begin && height <= own.top;
}

static bool own_begins(void *ctx, uint64_t *ret)
{
	(void)ctx;
	*ret = own.begin;
	return own.began;
}

static void own_removed(void *ctx, uint64_t above)
{
	(void)ctx;
	own.top = above;
	own.removed++;
}

static void own_lost(void *ctx, const struct head *h, uint64_t lowest)
{
	(void)ctx;
	own.lost++;
	own.lost_above = h->height;
	own.lost_from = own.begin = lowest;
	own.top = lowest - 1;
}

static void own_missed(void *ctx, uint64_t from, uint64_t to, const struct hash *hash)
{
	(void)ctx;
	(void)from;
	(void)to;
	(void)hash;
	own.missed++;
}

static void own_below(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	assert_true(b->head.height < own.begin && b->has_every);
	own.below_n++;
}

static void own_added(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	if (!own.began)
		own.begin = b->head.height;
	own.began = true;
	own.top = b->head.height;
	own.hash[own.top % 4096] = b->head.hash;
}

static const struct feed feed = { .top = own_top,
	.at = own_at,
	.begins = own_begins,
	.removed = own_removed,
	.lost = own_lost,
	.missed = own_missed,
	.below = own_below,
	.added = own_added };

static void fed_final(void *ctx, const struct block_facts *b)
{
	teller.final(ctx, b);
	feed_final(&feed, eye, b);
}

static void fed_undone(void *ctx, uint64_t ancestor)
{
	teller.undone(ctx, ancestor);
	feed_undone(&feed, eye, ancestor);
}

static void run_fed(int turns)
{
	while (turns-- > 0) {
		run(500);
		feed_turn(&feed, eye);
		turn();
	}
}

/* He has what the chain has, from where he began to its head. */
static void check_own(void)
{
	assert_int_equal(own.top, scene_height(&scene));
	for (uint64_t h = own.begin; h <= own.top; h++)
		assert_true(hash_same(&own.hash[h % 4096],
		    &sim_block_at(scene.chain, scene.chain->head, h)->hash));
}

/* What he has is dead, and nobody knows from where on: he is told so at once, and begins
 * again where he had begun, with what lies below told by and by. */
static void what_lies_below_all_that_is_known_is_not_his(void **state)
{
	struct fail f;
	uint64_t first, below;

	(void)state;
	memset(&own, 0, sizeof own);
	begin(3, 2);
	told_by.final = fed_final;
	told_by.undone = fed_undone;
	scene_mine(&scene, 30);
	look();
	follower_watch(eye, NULL, 0);
	run_fed(10);
	first = own.begin;
	scene_mine(&scene, 4);
	run_fed(6);
	check_own();
	sim_reorg(scene.chain,
	    &(struct sim_reorg){ .depth = scene_height(&scene) - 2,
		.blocks = scene_height(&scene) + 10,
		.content = { .empty = true } });
	run_fed(12);
	assert_true(follower_stopped(eye));
	assert_says(waits_for(), "a quorum has none of the blocks from ");
	assert_int_equal(own.lost + own.removed, 0);
	assert_int_equal(follower_accept(eye, &f), ERR_OK);
	assert_int_equal(own.lost, 1);
	assert_int_equal(own.lost_from, first);
	below = own.lost_above;
	assert_true(below < first);
	run_fed(60);
	check_own();
	assert_int_equal(own.begin, first);
	assert_int_equal(own.below_n, first - below - 1);
	assert_int_equal(own.removed + own.missed, 0);
}

/* Only one node knows another past: the others' block is not given up for it. */
static void beginning_anew_needs_a_quorum(void **state)
{
	struct fail f;

	(void)state;
	begin_looking(3, 2);
	live(4);
	scene.node[1]->fork = sim_side_branch(scene.chain, scene_height(&scene) - 2, 30);
	scene.node[2]->fork = sim_side_branch(scene.chain, scene_height(&scene) - 1, 30);
	run(5000);
	assert_true(follower_stopped(eye));
	scene.node[2]->down = true;
	rise();
	run(5000);
	assert_int_equal(follower_accept(eye, &f), ERR_NO_QUORUM);
	assert_true(follower_stopped(eye));
}

/* One was on a branch of its own, and has told what it has of that; then it comes back,
 * to a chain that has lost its final block meanwhile. */
static void who_comes_from_a_branch_is_asked_again(void **state)
{
	struct fail f;

	(void)state;
	begin_looking(2, 2);
	live(6);
	scene.node[1]->fork = sim_side_branch(scene.chain, scene_height(&scene) - 2, 30);
	run(5000);
	assert_false(follower_stopped(eye));
	scene.node[1]->fork = NULL;
	reorg(SCENE_DEPTH + 2, true);
	run(30000);
	assert_true(follower_stopped(eye));
	(void)!follower_accept(eye, &f);
	run(5000);
	assert_int_equal(follower_accept(eye, &f), ERR_OK);
	live(6);
	assert_false(follower_stopped(eye));
	assert_true(on_chain());
	check_trail();
}

/* Set back to a height below our final block, and not above it for long. */
static void a_chain_that_was_set_back_stops(void **state)
{
	struct fail f;
	uint64_t before;

	(void)state;
	begin_looking(3, 2);
	live(12);
	before = final();
	sim_reorg(scene.chain, &(struct sim_reorg){ .depth = 10, .blocks = 2 });
	assert_true(scene_height(&scene) < before);
	run(5000); /* they may only be behind: held up, and not stopped */
	assert_says(waits_for(), "0 of 2 votes");
	run(15000);
	assert_true(follower_stopped(eye));
	assert_int_equal(follower_accept(eye, &f), ERR_OK);
	live(6);
	assert_true(on_chain());
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	check_trail();
}

/* A node that merely syncs is on our branch, however low. */
static void who_lags_below_the_final_block_has_not_left_it(void **state)
{
	(void)state;
	begin_looking(3, 2);
	live(12);
	scene.node[1]->lag = scene.node[2]->lag = 10;
	run(5000);
	assert_false(follower_stopped(eye));
	assert_says(left_out(1), "");
	assert_true(unshown());
	scene.node[1]->lag = scene.node[2]->lag = 0;
	live(2);
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	assert_false(unshown());
	check_all();
}

/* Who is not heard says nothing: neither that it is there, nor that it is not. */
static void what_nodes_showed_last_counts(void **state)
{
	(void)state;
	begin_looking(3, 2);
	live(12);
	scene.node[1]->lag = scene.node[2]->lag = 10;
	run(5000);
	assert_true(unshown());
	scene.node[1]->lag = scene.node[2]->lag = 0;
	scene.node[1]->down = true;
	scene.node[2]->down = true;
	run(5000);
	assert_true(unshown());
	look_away();
	scene.node[1]->down =
	    false; /* two tell which chain it is, and one of them lags */
	scene.node[1]->lag = 10;
	scene_rise(&scene);
	look();
	run(5000);
	assert_true(follower_chain(eye) && unshown());
	scene.node[1]->lag = 0;
	run(5000);
	assert_false(unshown());
	scene.node[0]->down = scene.node[1]->down = true;
	run(5000);
	assert_false(unshown());
	check_all();
}

/* It is said each minute while they do, and no more once they are silent: nobody knows
 * then whether that block is still there. */
static void when_nodes_showed_it_last_is_known(void **state)
{
	(void)state;
	begin_looking(3, 2);
	live(12);
	for (int i = 0; i < 10; i++) {
		run(30000);
		assert_in_range(shown_ago(), 0, 61000);
	}
	scene.node[1]->down = scene.node[2]->down = true;
	run(600000);
	assert_false(unshown());
	assert_true(shown_ago() > 500000);
	scene.node[1]->down = false;
	run(60000);
	assert_in_range(shown_ago(), 0, 61000);
	scene.node[1]->lag = scene.node[2]->lag = 10;
	run(300000);
	assert_true(shown_ago() > 200000);
	check_all();
}

/* The branch comes back while nobody looks: it is still the operator who decides. */
static void a_stop_outlives_its_cause(void **state)
{
	struct fail f;
	uint64_t before;

	(void)state;
	begin_looking(3, 2);
	live(6);
	before = final();
	scene.node[1]->fork = scene.node[2]->fork =
	    sim_side_branch(scene.chain, SCENE_DEPTH + 2, 6);
	run(4000);
	assert_true(follower_stopped(eye));
	look_away();
	scene.node[1]->fork = scene.node[2]->fork = NULL;
	scene_rise(&scene);
	look();
	live(3);
	assert_true(follower_stopped(eye));
	assert_int_equal(final(), before);
	assert_int_equal(follower_accept(eye, &f), ERR_OK);
	live(2);
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	check_trail();
	check_final_is_canonical();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(a_final_block_that_vanishes_stops_the_chain),
		T(an_absence_behind_a_vanished_block_is_exact),
		T(a_provider_of_two_minds_has_left_nothing),
		T(an_address_of_two_minds_has_left_nothing),
		T(what_was_shown_counts_before_it_is_read),
		T(accepting_needs_a_quorum),
		T(accepting_goes_back_to_what_a_quorum_has),
		T(a_fork_that_is_over_is_forgotten),
		T(a_reorg_below_the_first_block_begins_anew),
		T(what_lies_below_all_that_is_known_is_not_his),
		T(beginning_anew_needs_a_quorum),
		T(who_comes_from_a_branch_is_asked_again),
		T(a_chain_that_was_set_back_stops),
		T(who_lags_below_the_final_block_has_not_left_it),
		T(what_nodes_showed_last_counts),
		T(when_nodes_showed_it_last_is_known),
		T(a_stop_outlives_its_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
