/* Nodes that lie, lag, and serve something else: what one node says is its own. */
#include "watcher.h"

#include <unistd.h>

#include "base/log.h"

/* What is told of a final block while one of three nodes shows its receipts so. */
static const struct told *final_while_one_shows(enum sim_receipts receipts)
{
	const struct told *t;

	begin(3, 2);
	scene.node[0]->receipts = receipts;
	look();
	run(3000);
	t = told_at(FINAL, spend_and_bury());
	assert_non_null(t);
	assert_int_equal(t->tx_n, 1);
	check_all();
	return t;
}

static void flipped_receipts_of_one_are_outvoted(void **state)
{
	(void)state;
	assert_int_equal(final_while_one_shows(SIM_RECEIPTS_FLIPPED)->status, TX_OK);
}

/* Who is left out, and why, as others read it in the journal. */
static const char *standing(void)
{
	static struct sql_chain_get_out row;

	assert_true(sql_chain_get_one(scene.journal,
	    &(struct sql_chain_get_in){ .id = follower_chain(eye) }, &row));
	return row.no_nodes ? "" : row.nodes;
}

/* And for some time after. */
static void a_liar_is_named_until_it_says_the_truth(void **state)
{
	char named[80];

	(void)state;
	begin_looking(3, 2);
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	snprintf(named, sizeof named, "says otherwise than a quorum of block %d",
	    (int)spend_and_bury());
	assert_says(left_out(0), named);
	spend_and_bury();
	assert_says(left_out(0), named);
	scene.node[0]->receipts = SIM_RECEIPTS_TRUE;
	live(8);
	assert_says(left_out(0), named);
	assert_says(standing(), "node-0.sim:80 says otherwise");
	live(16);
	assert_string_equal(left_out(0), "");
	assert_string_equal(standing(), "");
	scene.node[1]->boasts = true;
	live(SCENE_DEPTH + 1);
	assert_says(left_out(1), "says otherwise");
	assert_string_equal(left_out(0), "");
	assert_string_equal(left_out(2), "");
}

/* Asked again before it is final, it says what the others say. */
static void who_lied_once_is_not_named(void **state)
{
	(void)state;
	begin_looking(3, 2);
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	scene_spend(&scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
	live(2);
	scene.node[0]->receipts = SIM_RECEIPTS_TRUE;
	run(10000);
	live(SCENE_DEPTH);
	assert_string_equal(left_out(0), "");
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
}

/* It was final before anybody could ask again: one answer is no fault, two blocks are. */
static void who_was_wrong_once_is_not_named(void **state)
{
	(void)state;
	begin_looking(3, 2);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(left_out(0), "");
		scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
		scene_spend(&scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
		scene_mine(&scene, 1);
		run(1500);
		scene.node[0]->receipts = SIM_RECEIPTS_TRUE;
		scene_mine(&scene, SCENE_DEPTH);
		run(1500);
		assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	}
	assert_says(left_out(0), "says otherwise than a quorum");
}

static void null_receipts_of_one_are_no_facts(void **state)
{
	(void)state;
	(void)final_while_one_shows(SIM_RECEIPTS_NULL);
	assert_says(left_out(0), "does not show what is in block");
	scene.node[0]->receipts = SIM_RECEIPTS_TRUE;
	live(SCENE_DEPTH + 17);
	assert_string_equal(left_out(0), "");
}

/* Counts are there, receipts are not yet: nothing is told before both are. */
static void counts_ahead_of_receipts_wait(void **state)
{
	size_t heard = 0;

	(void)state;
	begin(1, 1);
	scene.node[0]->receipts_lag = 2;
	look();
	run(3000);
	assert_null(told_at(ADOPTED, 10));
	assert_int_equal(spend_and_bury(), 11);
	for (size_t i = 0; i < told_n; i++) {
		if (told[i].height != 11)
			continue;
		assert_int_equal(told[i].tx_n, 1);
		assert_int_equal(told[i].count, 1);
		heard++;
	}
	assert_int_equal(heard, 2); /* adopted and final, once each */
	check_all();
}

/* The liar is heard first: what it says is told, and becomes nothing. One honest node is
 * no quorum against it, two are. */
static void a_liar_is_final_for_nobody(void **state)
{
	const struct told *t;

	(void)state;
	begin_looking(3, 2);
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	scene.node[1]->down = scene.node[2]->down = true;
	spend_and_bury();
	t = told_at(ADOPTED, 11);
	assert_non_null(t);
	assert_int_equal(t->status, TX_REVERTED);
	assert_null(told_at(FINAL, 11));
	scene.node[1]->down = false;
	run(90000);
	assert_null(told_at(FINAL, 11));
	assert_true(final() < 11);
	scene.node[2]->down = false;
	run(90000);
	assert_int_equal(told_at(ADOPTED, 11)->status, TX_OK);
	assert_non_null(told_at(FINAL, 11));
	assert_int_equal(told_at(FINAL, 11)->status, TX_OK);
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	check_all();
}

/* Two nodes that must agree, one lied once: asked again, it goes on. */
static void who_lied_once_is_asked_again(void **state)
{
	(void)state;
	begin_looking(2, 2);
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	spend_and_bury();
	assert_true(final() < 11);
	scene.node[0]->receipts = SIM_RECEIPTS_TRUE;
	run(30000);
	live(1);
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	assert_int_equal(told_at(FINAL, 11)->status, TX_OK);
	check_all();
}

/* Headers are what one node says: who says nonsense is alone with it. It is known by its
 * base fee. */
#define LIAR_BASE_FEE 666
static void (*bend)(struct head *h);

static enum err bent_poll(
    struct head *ret, const char *answer, size_t len, struct fail *f)
{
	enum err e = connector_evm.poll_read(ret, answer, len, f);

	if (!e && ret->base_fee == LIAR_BASE_FEE)
		bend(ret);
	return e;
}

static enum err bent_headers(struct head *ret, bool *ret_known, uint32_t n,
    const char *answer, size_t len, struct fail *f)
{
	enum err e = connector_evm.headers_read(ret, ret_known, n, answer, len, f);

	for (uint32_t i = 0; !e && i < n; i++)
		if (ret_known[i] && ret[i].base_fee == LIAR_BASE_FEE)
			bend(&ret[i]);
	return e;
}

static void bend_own_parent(struct head *h)
{
	memset(h->hash.at, 0x66, sizeof h->hash.at);
	h->parent = h->hash;
}

static void bend_circle(struct head *h)
{
	uint8_t odd = h->hash.at[0] & 1;

	memset(h->hash.at, 0x66 + odd, sizeof h->hash.at);
	memset(h->parent.at, 0x67 - odd, sizeof h->parent.at);
}

static void bend_height(struct head *h)
{
	if (h->height < scene_height(&scene))
		h->height = 1000000000;
}

static void bend_orphan(struct head *h)
{
	memset(h->parent.at, 0x66, sizeof h->parent.at);
	if (h->height < scene_height(&scene))
		memset(h->hash.at, 0x66, sizeof h->hash.at), h->height = 1000000000;
}

static void headers_of_one_that_make_no_chain_are_his_own(void **state)
{
	static void (*const bends[])(
	    struct head *) = { bend_own_parent, bend_circle, bend_height, bend_orphan };
	static struct connector bent;

	(void)state;
	bent = connector_evm;
	bent.poll_read = bent_poll;
	bent.headers_read = bent_headers;
	for (size_t k = 0; k < 12; k++) {
		bend = bends[k / 3];
		connector = &bent;
		begin(3, 2);
		look();
		run(3000);
		scene.node[k % 3]->base_fee = LIAR_BASE_FEE;
		scene_mine(&scene, 2);
		live(SCENE_DEPTH + 4);
		assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
		assert_true(on_chain());
		check_all();
		run(20000);
		live(2);
		for (size_t i = 0; i < 3; i++) /* of the others its facts are true */
			assert_int_equal(*left_out((int)i) != 0, i == k % 3 && k < 6);
		scene.node[k % 3]->base_fee = 0;
		live(SCENE_DEPTH + 2);
		assert_string_equal(left_out((int)k % 3), "");
		end(NULL);
	}
}

/* The first block above the final one. */
static void bend_first(struct head *h)
{
	if (h->height == scene_height(&scene) - SCENE_DEPTH + 1)
		memset(h->parent.at, 0x66, sizeof h->parent.at);
}

/* The hash of a block comes with the parent that one node says, be it first or last:
 * others who show that block have not left the final one for it. */
static void a_parent_that_one_node_says_moves_nobody(void **state)
{
	static struct connector bent;

	(void)state;
	bent = connector_evm;
	bent.headers_read = bent_headers;
	bend = bend_first;
	for (size_t k = 0; k < 2; k++) {
		connector = &bent;
		begin(2, 2);
		scene.node[k]->base_fee = LIAR_BASE_FEE;
		look();
		run(20000);
		assert_false(follower_stopped(eye));
		scene.node[k]->base_fee = 0;
		live(SCENE_DEPTH + 2);
		assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
		check_all();
		end(NULL);
	}
}

static uint64_t bent_height;

static void bend_that(struct head *h)
{
	if (h->height == bent_height)
		memset(h->parent.at, 0x66, sizeof h->parent.at);
}

/* Of a block that the journal's trail has: what a quorum said of it before holds. */
static void a_parent_that_one_node_says_unlinks_no_trail(void **state)
{
	static struct connector bent;

	(void)state;
	bent = connector_evm;
	bent.headers_read = bent_headers;
	bend = bend_that;
	for (size_t k = 0; k < 2; k++) {
		connector = &bent;
		begin(2, 2);
		look();
		live(SCENE_DEPTH + 2);
		bent_height = final() + 1;
		look_away();
		scene_mine(&scene, SCENE_DEPTH + 20);
		scene.node[k]->base_fee = LIAR_BASE_FEE;
		scene_rise(&scene);
		look();
		run(20000);
		scene.node[k]->base_fee = 0;
		live(SCENE_DEPTH + 2);
		assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
		check_all();
		end(NULL);
	}
}

/* Neither where the trail begins nor where it goes on after an absence is one node's
 * word. */
static void a_height_of_one_is_never_the_final_one(void **state)
{
	static struct connector bent;

	(void)state;
	bent = connector_evm;
	bent.poll_read = bent_poll;
	bent.headers_read = bent_headers;
	bend = bend_height;
	for (size_t k = 0; k < 3; k++) {
		connector = &bent;
		begin(3, 2);
		scene.node[k]->base_fee = LIAR_BASE_FEE;
		look();
		live(3);
		assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
		look_away();
		scene_mine(&scene, 1000);
		scene_rise(&scene);
		look();
		run(30000);
		live(3);
		assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
		end(NULL);
	}
}

/* A minority is on a longer branch and stays there: the quorum's side is the chain. */
static void a_minority_on_a_longer_branch_stops_nothing(void **state)
{
	(void)state;
	for (size_t k = 0; k < 3; k++) {
		begin(3, 2);
		look();
		run(3000);
		live(2);
		scene.node[k]->fork = sim_side_branch(scene.chain, 2, 40);
		live(12);
		assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
		assert_true(on_chain());
		check_all();
		end(NULL);
	}
}

static void a_node_that_lags_is_named_until_it_is_back(void **state)
{
	(void)state;
	begin_looking(3, 2);
	scene.node[2]->lag = 8;
	live(6);
	assert_says(left_out(2), "lags by");
	assert_null(follower_waits_for(eye));
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	scene.node[2]->lag = 0;
	run(3000);
	assert_string_equal(left_out(2), "");
	check_all();
}

static void a_node_of_another_chain_is_named_until_it_is_back(void **state)
{
	(void)state;
	begin(3, 2);
	scene.node[1]->chain_id = 5;
	scene.node[2]->other_genesis = true;
	look();
	run(3000);
	assert_says(left_out(1), "serves chain id 5, not 31337");
	assert_int_equal(head(), 0);
	assert_non_null(follower_waits_for(eye));
	scene.node[1]->chain_id = 0;
	run(15000);
	live(2);
	assert_string_equal(left_out(1), "");
	assert_says(left_out(2), "genesis");
	assert_null(follower_waits_for(eye));
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	scene.node[2]->other_genesis = false;
	run(30000);
	live(2);
	assert_string_equal(left_out(2), "");
	check_all();
}

/* When a life begins, and no quorum names one genesis: who lied may stop. */
static void two_geneses_are_asked_for_again(void **state)
{
	(void)state;
	begin(2, 2);
	scene.node[1]->other_genesis = true;
	look();
	run(15000);
	assert_int_equal(head(), 0);
	assert_non_null(follower_waits_for(eye));
	scene.node[1]->other_genesis = false;
	run(15000);
	live(2);
	assert_null(follower_waits_for(eye));
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	check_all();
}

/* Another server may answer at an address that was silent. */
static void identity_is_asked_for_again_after_a_failure(void **state)
{
	(void)state;
	begin_looking(3, 2);
	scene.node[1]->down = true;
	run(3000);
	scene.node[1]->down = false;
	scene.node[1]->chain_id = 5;
	run(90000);
	assert_says(left_out(1), "serves chain id 5, not 31337");
	assert_null(follower_waits_for(eye));
	scene.node[1]->chain_id = 0;
	run(30000);
	assert_string_equal(left_out(1), "");
	live(2);
	check_all();
}

/* Behind one address, and over one connection, there may be another server. */
static void who_is_left_out_is_asked_who_it_is(void **state)
{
	(void)state;
	begin_looking(3, 2);
	scene.node[2]->chain_id = 5;
	live(2);
	assert_string_equal(left_out(2), "");
	scene.node[2]->lag = 8;
	live(12);
	assert_says(left_out(2), "serves chain id 5, not 31337");
	scene.node[2]->chain_id = 0;
	scene.node[2]->lag = 0;
	live(12);
	assert_string_equal(left_out(2), "");
	check_all();
}

static void a_node_that_forks_below_the_final_block_is_named(void **state)
{
	(void)state;
	begin_looking(3, 2);
	live(4);
	scene.node[2]->fork = sim_side_branch(scene.chain, SCENE_DEPTH + 3, 9);
	run(4000);
	assert_says(left_out(2), "forks below the final block");
	assert_false(follower_stopped(eye));
	live(3);
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	scene.node[2]->fork = NULL;
	run(4000);
	assert_string_equal(left_out(2), "");
	live(2);
	check_all();
}

static void without_a_quorum_it_waits_and_says_so(void **state)
{
	uint64_t before;

	(void)state;
	begin_looking(3, 2);
	live(3);
	before = final();
	scene.node[0]->down = scene.node[1]->down = true;
	live(6);
	assert_says(waits_for(), "1 of 2 votes");
	assert_int_equal(final(), before);
	scene.node[0]->down = scene.node[1]->down = false;
	run(90000);
	assert_null(follower_waits_for(eye));
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	check_all();
}

static void two_nodes_of_one_provider_have_one_vote(void **state)
{
	(void)state;
	begin(3, 2);
	scene.endpoints[0].provider = scene.endpoints[1].provider = "one";
	scene.node[2]->down = true;
	look();
	run(3000);
	assert_says(waits_for(), "quorum");
	assert_int_equal(head(), 0);
	scene.node[2]->down = false;
	run(90000);
	assert_int_equal(head(), 10);
}

/* So many lines of each in the log. */
static void logged(const char *path, size_t lacks, size_t back)
{
	char last[512] = "";

	assert_int_equal(scene_logged(path, "is back, after ", last), back);
	assert_int_equal(scene_logged(path, "no quorum of its nodes for ", last), lacks);
	if (lacks)
		assert_says(last, "of 2 votes; node-0.sim:80 does not answer (");
}

/* A line when it is lost for long, and one when it is back; from the start on, too. */
static void without_a_quorum_the_log_says_so_once(void **state)
{
	char path[] = "/tmp/pawl-log-XXXXXX";
	struct fail f = { 0 };

	(void)state;
	begin(3, 2);
	close(mkstemp(path));
	assert_int_equal(log_open(path, LOG_INFO, false, &f), ERR_OK);
	scene.node[0]->down = scene.node[1]->down = scene.node[2]->down = true;
	look();
	assert_int_equal(follower_chain(eye), 0);
	logged(path, 0, 0);
	run(60000);
	logged(path, 1, 0);
	scene.node[0]->down = scene.node[1]->down = scene.node[2]->down = false;
	run(90000);
	live(3);
	logged(path, 1, 1);
	scene.node[0]->down = true; /* the others are a quorum */
	run(60000);
	logged(path, 1, 1);
	scene.node[1]->down = true;
	run(60000);
	logged(path, 2, 1);
	scene.node[0]->down = scene.node[1]->down = false;
	run(90000);
	logged(path, 2, 2);
	unlink(path);
	assert_int_equal(log_open("/dev/null", LOG_ERROR, false, &f), ERR_OK);
	check_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, end)
		T(headers_of_one_that_make_no_chain_are_his_own),
		T(a_parent_that_one_node_says_moves_nobody),
		T(a_parent_that_one_node_says_unlinks_no_trail),
		T(a_height_of_one_is_never_the_final_one),
		T(a_minority_on_a_longer_branch_stops_nothing),
		T(flipped_receipts_of_one_are_outvoted),
		T(a_liar_is_named_until_it_says_the_truth),
		T(who_lied_once_is_not_named),
		T(null_receipts_of_one_are_no_facts),
		T(counts_ahead_of_receipts_wait),
		T(a_liar_is_final_for_nobody),
		T(who_lied_once_is_asked_again),
		T(who_was_wrong_once_is_not_named),
		T(a_node_that_lags_is_named_until_it_is_back),
		T(a_node_of_another_chain_is_named_until_it_is_back),
		T(two_geneses_are_asked_for_again),
		T(identity_is_asked_for_again_after_a_failure),
		T(who_is_left_out_is_asked_who_it_is),
		T(a_node_that_forks_below_the_final_block_is_named),
		T(without_a_quorum_it_waits_and_says_so),
		T(without_a_quorum_the_log_says_so_once),
		T(two_nodes_of_one_provider_have_one_vote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
