/* The follower on a chain that misbehaves, and among nodes that do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "chain/follower.h"
#include "journal/sql.gen.h"
#include "scene.h"

#define TOLD_MAX 32768
#define ASKS_MAX 256

/* -- who looks ------------------------------------------------------------------ */

enum tale { ADOPTED, RETRACTED, FINAL, UNDONE, PASSED };

struct told {
	enum tale tale;
	uint64_t height;
	struct hash hash;
	uint32_t tx_n;
	enum tx_status status; /* of the first */
	bool has_count;
	uint64_t count;
};

struct ask {
	int node;
	struct buf body;
	pool_done_fn *done;
	void *ctx;
};

static struct scene scene;
static struct pool *pool;
static struct follower *eye;
static const struct connector *connector = &connector_evm;
static struct told told[TOLD_MAX];
static size_t told_n;
static struct ask asks[ASKS_MAX];
static size_t asks_n;

static void tell(enum tale tale, uint64_t height, const struct block_facts *b)
{
	struct told *t = &told[told_n++];

	assert_true(told_n < TOLD_MAX);
	*t = (struct told){ .tale = tale, .height = height };
	if (!b)
		return;
	t->hash = b->head.hash;
	t->tx_n = b->tx_n;
	t->status = b->tx_n ? b->tx[0].status : TX_OK;
	t->has_count = b->accounts_n && b->accounts[0].has_count;
	t->count = t->has_count ? b->accounts[0].count : 0;
}

static void on_adopted(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	tell(ADOPTED, b->head.height, b);
}

static void on_retracted(void *ctx, uint64_t above)
{
	(void)ctx;
	tell(RETRACTED, above, NULL);
}

static bool may_be_final = true;

static bool on_may_final(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	(void)b;
	return may_be_final;
}

static void on_final(void *ctx, const struct block_facts *b)
{
	(void)ctx;
	tell(FINAL, b->head.height, b);
}

static void on_passed(void *ctx, uint64_t height)
{
	(void)ctx;
	tell(PASSED, height, NULL);
}

static void on_undone(void *ctx, uint64_t ancestor)
{
	(void)ctx;
	tell(UNDONE, ancestor, NULL);
}

static void on_ask(void *ctx, int node, struct buf *body, pool_done_fn *done, void *dctx)
{
	(void)ctx;
	assert_true(asks_n < ASKS_MAX);
	asks[asks_n++] =
	    (struct ask){ .node = node, .body = *body, .done = done, .ctx = dctx };
}

static const char *waits(void *ctx)
{
	const char *why = eye ? follower_waits_for(eye) : NULL;

	(void)ctx;
	return why ? why : "nothing";
}

/* The count that a journal would have: by what was told as final. */
static struct watched watched(void)
{
	struct watched w = {
		.account = scene.sender, .balance = true, .has_count = true
	};

	for (size_t i = 0; i < told_n; i++)
		w.count += told[i].tale == FINAL ? told[i].tx_n : 0;
	return w;
}

static void look(void)
{
	struct watched w = watched();

	pool = pool_new(scene.world, scene.config.endpoints, scene.config.endpoints_n,
	    scene.config.timeout_ms);
	eye = follower_new(&(struct follower_setup){
	    .config = &scene.config,
	    .connector = connector,
	    .pool = pool,
	    .world = scene.world,
	    .journal = scene.journal,
	    .told = { .adopted = on_adopted,
		.retracted = on_retracted,
		.may_final = on_may_final,
		.final = on_final,
		.passed = on_passed,
		.undone = on_undone },
	    .ask = on_ask,
	});
	follower_watch(eye, &w, 1);
}

static void look_away(void)
{
	scene_rest(&scene);
	follower_free(eye);
	pool_free(pool);
	eye = NULL;
	pool = NULL;
}

static void begin(uint32_t nodes, int quorum)
{
	scene_open(&scene, nodes, quorum);
	scene_say(waits, NULL);
	told_n = asks_n = 0;
}

static void rise(void)
{
	look_away();
	scene_rise(&scene);
	look();
}

static int end(void **state)
{
	(void)state;
	if (eye)
		look_away();
	if (scene.journal)
		scene_close(&scene);
	connector = &connector_evm;
	return 0;
}

static void turn(void)
{
	struct fail f;

	follower_turn(eye);
	if (journal_writing(scene.journal))
		assert_int_equal(journal_commit(scene.journal, &f), ERR_OK);
	for (size_t i = 0; i < asks_n; i++)
		pool_ask(pool, asks[i].node, &asks[i].body, asks[i].done, asks[i].ctx);
	asks_n = 0;
}

static void run(int64_t ms)
{
	int64_t until = world_now_ms(scene.world) + ms, wake;

	while (world_now_ms(scene.world) < until) {
		turn();
		wake = follower_wake_ms(eye);
		world_wait(scene.world, wake < until ? wake : until);
	}
	turn();
}

static uint64_t head(void)
{
	struct head h;

	return follower_head(eye, &h) ? h.height : 0;
}

static uint64_t final(void)
{
	struct head h;

	return follower_final(eye, &h) ? h.height : 0;
}

static bool on_chain(void)
{
	struct head h;

	return follower_head(eye, &h) && hash_same(&h.hash, &scene.chain->head->hash);
}

/* Blocks, one after the other, each seen. */
static void live(int blocks)
{
	while (blocks-- > 0) {
		scene_mine(&scene, 1);
		run(1500);
	}
}

static size_t count_told(enum tale tale, size_t from)
{
	size_t n = 0;

	for (size_t i = from; i < told_n; i++)
		n += told[i].tale == tale;
	return n;
}

static const char *left_out(int node)
{
	const char *why = pool_node(pool, node)->left_out;

	return why ? why : "";
}

#define assert_says(text, part)                                             \
	do {                                                                \
		if (!strstr(text, part))                                    \
			fail_msg("\"%s\" does not say \"%s\"", text, part); \
	} while (0)

/* -- what must always hold --------------------------------------------------------- */

/* Told is a walk along a chain: adopted in order, never twice but after a retraction,
 * final once and in order, each on what was adopted. */
static void check_told(void)
{
	static struct hash at[TOLD_MAX];
	static bool has[TOLD_MAX];
	uint64_t low = 0;

	memset(has, 0, sizeof has);
	for (size_t i = 0; i < told_n; i++) {
		const struct told *t = &told[i];

		assert_true(t->height < TOLD_MAX);
		switch (t->tale) {
		case ADOPTED:
			at[t->height] = t->hash;
			has[t->height] = true;
			break;
		case RETRACTED:
			for (uint64_t h = t->height + 1; h < TOLD_MAX; h++)
				has[h] = false;
			break;
		case FINAL:
			assert_true(has[t->height]);
			assert_true(hash_same(&at[t->height], &t->hash));
			assert_true(!low || t->height == low + 1);
			low = t->height;
			break;
		case UNDONE:
			low = t->height;
			break;
		case PASSED:
			assert_true(t->height > low);
			low = t->height;
			break;
		}
	}
}

/* The journal's trail is dense and linked by hash, from the final block to the head. */
static void check_trail(void)
{
	struct sql_block_from_in in = { .chain = follower_chain(eye),
		.height = (int64_t) final() };
	struct sql_block_from_out row;
	uint8_t last[32] = { 0 };
	int64_t height = -1;

	sql_block_from_begin(scene.journal, &in);
	while (sql_block_from_next(scene.journal, &row)) {
		if (height >= 0) {
			assert_int_equal(row.height, height + 1);
			assert_memory_equal(row.parent, last, 32);
		}
		height = row.height;
		memcpy(last, row.hash, 32);
	}
	assert_int_equal(height, head());
}

static void check_final_is_canonical(void)
{
	for (size_t i = 0; i < told_n; i++)
		if (told[i].tale == FINAL)
			assert_memory_equal(&told[i].hash,
			    &sim_block_at(scene.chain, scene.chain->head, told[i].height)
				 ->hash,
			    32);
}

static void check_all(void)
{
	check_told();
	check_trail();
	check_final_is_canonical();
}

/* -- the trail -------------------------------------------------------------------- */

static void the_trail_is_dense_and_by_hash(void **state)
{
	(void)state;
	begin(1, 1);
	look();
	run(3000);
	assert_int_equal(head(), 10);
	assert_int_equal(final(), 10 - SCENE_DEPTH);
	live(3);
	scene_mine(&scene, 5); /* several between two polls */
	run(3000);
	assert_true(on_chain());
	assert_int_equal(final(), 18 - SCENE_DEPTH);
	check_all();
}

static void reorg(uint64_t depth, bool give_back)
{
	sim_reorg(
	    scene.chain, &(struct sim_reorg){ .depth = depth, .give_back = give_back });
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
	begin(1, 1);
	look();
	run(3000);
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
	begin(1, 1);
	look();
	run(3000);
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

/* A start tells what is above the final block again. */
static void a_start_tells_it_again(void **state)
{
	size_t from;

	(void)state;
	begin(1, 1);
	look();
	run(3000);
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
	begin(3, 2);
	look();
	run(3000);
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
	begin(3, 2);
	look();
	run(3000);
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

static void a_higher_branch_is_adopted_but_not_final(void **state)
{
	struct sim_block *side;
	struct head h;
	uint64_t before;

	(void)state;
	begin(3, 2);
	look();
	run(3000);
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

/* -- finality ---------------------------------------------------------------------- */

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

static void by_tag(enum sim_finality_rule rule, uint64_t n)
{
	scene.config.finality = (struct finality){ .tag = true };
	scene.chain->options.finality = (struct sim_finality){ .rule = rule, .n = n };
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
	assert_says(waits(NULL), "call their head finalized");
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

/* -- nodes that lie, lag, and serve something else ---------------------------------- */

static struct told *told_at(enum tale tale, uint64_t height)
{
	for (size_t i = told_n; i-- > 0;)
		if (told[i].tale == tale && told[i].height == height)
			return &told[i];
	return NULL;
}

static uint64_t spend_and_bury(void)
{
	uint64_t at = scene_height(&scene) + 1;

	scene_spend(&scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
	live(SCENE_DEPTH + 2);
	return at;
}

/* Transactions of ours that were told in final blocks. */
static uint32_t count_uses(size_t from)
{
	uint32_t n = 0;

	for (size_t i = from; i < told_n; i++)
		n += told[i].tale == FINAL ? told[i].tx_n : 0;
	return n;
}

static void flipped_receipts_of_one_are_outvoted(void **state)
{
	const struct told *t;

	(void)state;
	begin(3, 2);
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	look();
	run(3000);
	t = told_at(FINAL, spend_and_bury());
	assert_non_null(t);
	assert_int_equal(t->tx_n, 1);
	assert_int_equal(t->status, TX_OK);
	check_all();
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
	begin(3, 2);
	look();
	run(3000);
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
	begin(3, 2);
	look();
	run(3000);
	scene.node[0]->receipts = SIM_RECEIPTS_FLIPPED;
	scene_spend(&scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
	live(2);
	scene.node[0]->receipts = SIM_RECEIPTS_TRUE;
	run(10000);
	live(SCENE_DEPTH);
	assert_string_equal(left_out(0), "");
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
}

static void null_receipts_of_one_are_no_facts(void **state)
{
	const struct told *t;

	(void)state;
	begin(3, 2);
	scene.node[0]->receipts = SIM_RECEIPTS_NULL;
	look();
	run(3000);
	t = told_at(FINAL, spend_and_bury());
	assert_non_null(t);
	assert_int_equal(t->tx_n, 1);
	check_all();
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
	begin(3, 2);
	look();
	run(3000);
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
	begin(2, 2);
	look();
	run(3000);
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

static void a_block_is_final_when_all_of_it_is_known(void **state)
{
	(void)state;
	begin(1, 1);
	look();
	run(3000);
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

static void a_node_that_lags_is_named_until_it_is_back(void **state)
{
	(void)state;
	begin(3, 2);
	look();
	run(3000);
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

/* Another server may answer at an address that was silent. */
static void identity_is_asked_for_again_after_a_failure(void **state)
{
	(void)state;
	begin(3, 2);
	look();
	run(3000);
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
	begin(3, 2);
	look();
	run(3000);
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
	begin(3, 2);
	look();
	run(3000);
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
	begin(3, 2);
	look();
	run(3000);
	live(3);
	before = final();
	scene.node[0]->down = scene.node[1]->down = true;
	live(6);
	assert_says(waits(NULL), "1 of 2 votes");
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
	assert_says(waits(NULL), "quorum");
	assert_int_equal(head(), 0);
	scene.node[2]->down = false;
	run(90000);
	assert_int_equal(head(), 10);
}

/* -- nodes that can't do everything -------------------------------------------------- */

static void a_node_without_block_receipts_will_do(void **state)
{
	const struct told *t;

	(void)state;
	begin(1, 1);
	scene.node[0]->no_block_receipts = true;
	look();
	run(3000);
	t = told_at(FINAL, spend_and_bury());
	assert_non_null(t);
	assert_int_equal(t->tx_n, 1);
	assert_int_equal(t->count, 1);
	check_all();
}

static void a_node_that_refuses_hashes_will_do(void **state)
{
	const struct told *t;

	(void)state;
	begin(1, 1);
	scene.node[0]->no_block_receipts = true;
	scene.node[0]->no_hash_param = true;
	look();
	run(3000);
	t = told_at(FINAL, spend_and_bury());
	assert_non_null(t);
	assert_int_equal(t->tx_n, 1);
	assert_int_equal(t->count, 1);
	check_all();
}

static void a_node_without_old_state_will_do(void **state)
{
	(void)state;
	begin(2, 2);
	scene.node[0]->state_depth = scene.node[1]->state_depth = 128;
	look();
	run(3000);
	live(2);
	look_away();
	scene_spend(&scene, SIM_NONCE_NEXT, &(struct address){ { 9 } }, 1, 0);
	scene_mine(&scene, 200);
	scene_rise(&scene);
	look();
	run(60000);
	assert_true(on_chain());
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	assert_int_equal(told_at(FINAL, 13)->tx_n, 1);
	check_all();
}

/* -- a long absence -------------------------------------------------------- */

#define ABSENCE 7200

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
	begin(1, 1);
	look();
	run(3000);
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
	static const uint64_t at[] = { 700, 1300 };
	uint64_t requests, calls;

	(void)state;
	begin(1, 1);
	scene.node[0]->state_depth = 128;
	look();
	run(3000);
	be_away(2000, at, 2);
	requests = scene_requests(&scene);
	calls = scene_calls(&scene);
	run(2000);
	assert_says(waits(NULL), "blocks that were missed");
	calls_to_catch_up();
	/* Up to the last use: its header in a batch of many, and its receipts. */
	assert_in_range(scene_calls(&scene) - calls, 2 * 1300, 3100);
	assert_in_range(scene_requests(&scene) - requests, 1300, 1400);
	live(SCENE_DEPTH);
	check_exact(2);
}

/* One node has old state and one has not, and both are needed: the blocks are read. */
static void a_pruned_node_and_an_archive_make_a_quorum(void **state)
{
	static const uint64_t at[] = { 700, 1300 };

	(void)state;
	begin(2, 2);
	scene.node[0]->state_depth = 128;
	look();
	run(3000);
	be_away(2000, at, 2);
	calls_to_catch_up();
	live(SCENE_DEPTH);
	check_exact(2);
}

/* Enough others have it: the one that has not is not waited for, nor asked each time. */
static void two_archives_need_no_pruned_node(void **state)
{
	static const uint64_t at[] = { 700, 1300 };
	uint64_t calls;

	(void)state;
	begin(3, 2);
	scene.node[0]->state_depth = 128;
	look();
	run(3000);
	be_away(2000, at, 2);
	calls = scene.node[0]->calls[SIM_eth_getTransactionCount];
	assert_in_range(calls_to_catch_up(), 100, 1500);
	live(SCENE_DEPTH);
	check_exact(2);
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
	assert_says(waits(NULL), said);
	by_tag(SIM_FINAL_DEPTH, SCENE_DEPTH);
	run(60000);
	live(2);
	check_exact(1);
}

static void what_was_in_the_trail_may_be_gone_when_it_is_back(void **state)
{
	(void)state;
	begin(1, 1);
	look();
	run(3000);
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
	begin(3, 2);
	look();
	run(3000);
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
	begin(3, 2);
	look();
	run(3000);
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
	begin(3, 2);
	look();
	run(3000);
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
	begin(3, 2);
	look();
	run(3000);
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
	assert_says(waits(NULL), "stayed at 8");
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
	begin(1, 1);
	look();
	run(3000);
	scene_rest(&scene);
	follower_free(eye);
	pool_free(pool);
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

/* -- what it costs --------------------------------------------------------- */

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
	uint64_t requests;

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

/* -- beyond the bound ------------------------------------------------------ */

static void a_final_block_that_vanishes_stops_the_chain(void **state)
{
	struct fail f;
	size_t from;
	uint64_t before;

	(void)state;
	begin(3, 2);
	look();
	run(3000);
	live(6);
	before = final();
	reorg(SCENE_DEPTH + 2, true);
	run(4000);
	assert_true(follower_stopped(eye));
	assert_says(waits(NULL), "pawl resume chain:sim");
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
	begin(1, 1);
	look();
	run(3000);
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

static void accepting_needs_a_quorum(void **state)
{
	struct fail f = { 0 };

	(void)state;
	begin(1, 1);
	look();
	run(3000);
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
static void accepting_goes_back_to_what_a_quorum_has(void **state)
{
	struct fail f;
	size_t from;

	(void)state;
	begin(3, 2);
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
}

/* Nothing that the journal has of the chain is left: begun anew, at what a quorum has,
 * and all of it is read. */
static void a_reorg_below_the_first_block_begins_anew(void **state)
{
	struct fail f;
	uint64_t first;
	size_t from;

	(void)state;
	begin(3, 2);
	look();
	run(3000);
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

/* Only one node knows another past: the others' block is not given up for it. */
static void beginning_anew_needs_a_quorum(void **state)
{
	struct fail f;

	(void)state;
	begin(3, 2);
	look();
	run(3000);
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

/* Set back to a height below our final block, and not above it for long. */
static void a_chain_that_was_set_back_stops(void **state)
{
	struct fail f;
	uint64_t before;

	(void)state;
	begin(3, 2);
	look();
	run(3000);
	live(12);
	before = final();
	sim_reorg(scene.chain, &(struct sim_reorg){ .depth = 10, .blocks = 2 });
	assert_true(scene_height(&scene) < before);
	run(5000);
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
	begin(3, 2);
	look();
	run(3000);
	live(12);
	scene.node[1]->lag = scene.node[2]->lag = 10;
	run(5000);
	assert_false(follower_stopped(eye));
	assert_says(left_out(1), "");
	scene.node[1]->lag = scene.node[2]->lag = 0;
	live(2);
	assert_int_equal(final(), scene_height(&scene) - SCENE_DEPTH);
	check_all();
}

/* The branch comes back while nobody looks: it is still the operator who decides. */
static void a_stop_outlives_its_cause(void **state)
{
	struct fail f;
	uint64_t before;

	(void)state;
	begin(3, 2);
	look();
	run(3000);
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
		T(the_trail_is_dense_and_by_hash),
		T(a_reorg_retracts_and_adopts),
		T(a_reorg_while_it_was_down_is_seen),
		T(a_start_tells_it_again),
		T(one_node_that_flaps_moves_nothing),
		T(a_branch_of_equal_height_needs_a_quorum),
		T(a_higher_branch_is_adopted_but_not_final),
		T(depth_counts_on_each_node_of_the_quorum),
		T(headers_of_one_that_make_no_chain_are_his_own),
		T(a_height_of_one_is_never_the_final_one),
		T(a_minority_on_a_longer_branch_stops_nothing),
		T(a_block_is_final_when_all_of_it_is_known),
		T(a_tag_moves_it),
		T(a_tag_that_is_stuck_or_null_ends_nothing),
		T(a_tag_that_is_the_head_is_said),
		T(one_node_that_lies_about_its_tag_is_alone),
		T(flipped_receipts_of_one_are_outvoted),
		T(a_liar_is_named_until_it_says_the_truth),
		T(who_lied_once_is_not_named),
		T(null_receipts_of_one_are_no_facts),
		T(counts_ahead_of_receipts_wait),
		T(a_liar_is_final_for_nobody),
		T(who_lied_once_is_asked_again),
		T(a_node_that_lags_is_named_until_it_is_back),
		T(a_node_of_another_chain_is_named_until_it_is_back),
		T(identity_is_asked_for_again_after_a_failure),
		T(who_is_left_out_is_asked_who_it_is),
		T(a_node_that_forks_below_the_final_block_is_named),
		T(without_a_quorum_it_waits_and_says_so),
		T(two_nodes_of_one_provider_have_one_vote),
		T(a_node_without_block_receipts_will_do),
		T(a_node_that_refuses_hashes_will_do),
		T(a_node_without_old_state_will_do),
		T(an_absence_without_use_costs_ten_calls),
		T(an_absence_with_uses_is_exact),
		T(without_old_state_an_unused_key_costs_no_more),
		T(without_old_state_blocks_are_read_one_by_one),
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
		T(without_a_block_it_only_polls),
		T(a_block_costs_a_fixed_number_of_requests),
		T(a_final_block_that_vanishes_stops_the_chain),
		T(an_absence_behind_a_vanished_block_is_exact),
		T(accepting_needs_a_quorum),
		T(accepting_goes_back_to_what_a_quorum_has),
		T(a_reorg_below_the_first_block_begins_anew),
		T(beginning_anew_needs_a_quorum),
		T(a_chain_that_was_set_back_stops),
		T(who_lags_below_the_final_block_has_not_left_it),
		T(a_stop_outlives_its_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
