/* Pools of their own: what one node has, the others hear of, or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/secp.h"
#include "rig.h"
#include "sim/node/net.h"

/* -- three nodes, each with its own pool -------------------------------------- */

#define NODES 3

struct nodes {
	struct rig r;
	struct sim_node *at[NODES];
};

static void nodes_init(struct nodes *n, const struct sim_options *o)
{
	rig_init_with(&n->r, o);
	n->at[0] = n->r.node;
	for (int i = 1; i < NODES; i++)
		n->at[i] = sim_node_new(n->r.chain);
	for (int i = 0; i < NODES; i++)
		sim_node_own_pool(n->at[i]);
}

static struct signed_bytes send_to(struct nodes *n, int node, struct order o)
{
	struct rig there = n->r;
	struct signed_bytes raw = sign(&n->r, o);

	there.node = n->at[node];
	assert_int_equal(send_raw(&there, &raw).note, NOTE_ACCEPTED);
	return raw;
}

static bool has(const struct nodes *n, int node, const struct signed_bytes *raw)
{
	const struct sim_tx *t = sim_tx_find(n->r.chain, &raw->hash);

	return t && sim_pool_holds(n->at[node]->pool, t);
}

static void later(struct nodes *n, int64_t ms)
{
	sim_chain_until(n->r.chain, n->r.chain->now_ms + ms);
}

/* -- gossip ------------------------------------------------------------------- */

static void others_hear_after_their_delay(void **state)
{
	struct signed_bytes raw;
	struct nodes n;

	(void)state;
	nodes_init(&n, &(struct sim_options){ .chain_id = 0 });
	n.at[1]->gossip_ms = 300;
	n.at[2]->gossip_ms = 700;
	raw = send_to(&n, 0, (struct order){ .to = n.r.you });
	assert_true(has(&n, 0, &raw) && !has(&n, 1, &raw) && !has(&n, 2, &raw));
	assert_int_equal(sim_chain_due_ms(n.r.chain), 300);
	later(&n, 299);
	assert_false(has(&n, 1, &raw));
	later(&n, 1);
	assert_true(has(&n, 1, &raw) && !has(&n, 2, &raw));
	assert_int_equal(sim_pool_count(n.at[1]->pool, n.r.chain->head, &n.r.me), 1);
	assert_int_equal(sim_pool_count(n.at[2]->pool, n.r.chain->head, &n.r.me), 0);
	later(&n, 1000);
	assert_true(has(&n, 2, &raw));
	assert_int_equal(n.r.chain->now_ms, 1300);
	assert_int_equal(n.r.chain->pooled, 3);
	assert_int_equal(sim_chain_due_ms(n.r.chain), INT64_MAX);
	sim_mine(n.r.chain, NULL);
	assert_int_equal(n.r.chain->head->tx_n, 1);
	assert_int_equal(n.r.chain->pooled, 0);
	rig_release(&n.r);
}

static void who_was_cut_off_meets_the_others_again(void **state)
{
	struct signed_bytes inside, outside;
	struct nodes n;

	(void)state;
	nodes_init(&n, &(struct sim_options){ .chain_id = 0 });
	n.at[2]->cut = true;
	later(&n, 1);
	inside = send_to(&n, 0, (struct order){ .to = n.r.you });
	outside = send_to(&n, 2, (struct order){ .to = n.r.you, .nonce = 1 });
	later(&n, 10000);
	assert_true(has(&n, 1, &inside) && !has(&n, 2, &inside));
	assert_true(has(&n, 2, &outside) && !has(&n, 0, &outside));
	n.at[2]->cut = false;
	later(&n, 1);
	for (int i = 0; i < NODES; i++)
		assert_true(has(&n, i, &inside) && has(&n, i, &outside));
	rig_release(&n.r);
}

static void who_was_down_comes_back_empty(void **state)
{
	struct signed_bytes early, late;
	struct nodes n;

	(void)state;
	nodes_init(&n, &(struct sim_options){ .chain_id = 0 });
	n.at[1]->gossip_ms = n.at[0]->gossip_ms = 50;
	early = send_to(&n, 1, (struct order){ .to = n.r.you });
	n.at[1]->down = true;
	later(&n, 100);
	assert_true(has(&n, 0, &early)); /* it was told before */
	sim_pool_clear(n.at[1]->pool);
	late = send_to(&n, 0, (struct order){ .to = n.r.you, .nonce = 1 });
	later(&n, 100);
	assert_false(has(&n, 1, &early) || has(&n, 1, &late));
	n.at[1]->down = false;
	later(&n, 49);
	assert_false(has(&n, 1, &early));
	later(&n, 1);
	assert_true(has(&n, 1, &early) && has(&n, 1, &late));
	rig_release(&n.r);
}

static void what_is_forgotten_is_nowhere(void **state)
{
	struct signed_bytes raw;
	struct nodes n;

	(void)state;
	nodes_init(&n, &(struct sim_options){ .chain_id = 0 });
	n.at[0]->forgets = true;
	raw = send_to(&n, 0, (struct order){ .to = n.r.you });
	later(&n, 1000);
	assert_int_equal(n.r.chain->pooled, 0);
	raw = send_to(&n, 1, (struct order){ .to = n.r.you });
	later(&n, 1000);
	assert_true(has(&n, 2, &raw) && !has(&n, 0, &raw));
	rig_release(&n.r);
}

static void blocks_take_from_pools_in_turn(void **state)
{
	struct sim_tx *t;
	struct nodes n;
	int taken = 0;

	(void)state;
	nodes_init(&n, &(struct sim_options){ .chain_id = 0 });
	n.at[0]->cut = n.at[1]->cut = n.at[2]->cut = true;
	later(&n, 1);
	send_to(&n, 1, (struct order){ .to = n.r.you });
	sim_mine(n.r.chain, NULL); /* nobody is in touch */
	assert_int_equal(n.r.chain->head->tx_n, 0);
	n.r.chain->miner = n.at[1]->pool;
	sim_mine(n.r.chain, NULL);
	assert_int_equal(n.r.chain->head->tx_n, 1);
	n.r.chain->miner = NULL;
	for (uint64_t i = 1; i <= 60; i++) {
		struct signed_bytes raw;

		n.at[0]->cut = n.at[1]->cut = n.at[2]->cut = true;
		raw = send_to(&n, 1, (struct order){ .to = n.r.you, .nonce = i });
		n.at[0]->cut = n.at[1]->cut = n.at[2]->cut = false;
		t = sim_tx_find(n.r.chain, &raw.hash);
		sim_mine(n.r.chain, NULL);
		taken += n.r.chain->head->tx_n == 1;
		for (int more = 0; more < 100 && !t->newest; more++)
			sim_mine(n.r.chain, NULL);
	}
	assert_in_range(taken, 8, 35); /* a third */
	rig_release(&n.r);
}

/* -- what a node sees, and what a reorg undoes -------------------------------- */

static void a_node_that_lags_keeps_what_is_mined(void **state)
{
	struct signed_bytes raw;
	struct nodes n;

	(void)state;
	nodes_init(&n, &(struct sim_options){ .chain_id = 0 });
	n.at[2]->lag = 1;
	raw = send_to(&n, 0, (struct order){ .to = n.r.you });
	later(&n, 1);
	sim_mine(n.r.chain, NULL);
	assert_true(!has(&n, 0, &raw) && has(&n, 2, &raw));
	sim_mine(n.r.chain, NULL);
	assert_false(has(&n, 2, &raw));
	rig_release(&n.r);
}

static void a_reorg_gives_back_to_some(void **state)
{
	struct sim_reorg r = { .depth = 1, .give_back = true, .content = { .empty = 1 } };
	struct signed_bytes raw;
	struct nodes n;

	(void)state;
	nodes_init(&n, &(struct sim_options){ .chain_id = 0 });
	n.at[1]->loses_undone = true;
	raw = send_to(&n, 0, (struct order){ .to = n.r.you });
	sim_mine(n.r.chain, NULL);
	for (int more = 0; more < 100 && n.r.chain->head->tx_n == 0; more++)
		sim_mine(n.r.chain, NULL);
	assert_int_equal(n.r.chain->pooled, 0);
	sim_reorg(n.r.chain, &r);
	assert_true(has(&n, 0, &raw) && !has(&n, 1, &raw) && has(&n, 2, &raw));
	rig_release(&n.r);
}

/* -- bounds ------------------------------------------------------------------- */

static void somebody_else(struct rig *r, struct rig *ret)
{
	struct amount much = coins(1000);

	*ret = *r;
	ret->key = key_of(7);
	assert_int_equal(secp_address(ret->me.at, ret->key, NULL), ERR_OK);
	sim_fund(r->chain, &ret->me, NULL, &much);
}

static void a_full_pool_drops_the_cheapest(void **state)
{
	struct sim_options options = { .pool_max = 2 };
	struct order o = { .max_fee = 50ull * GWEI, .tip = GWEI };
	struct signed_bytes cheap;
	struct node_word word;
	struct rig r, other;

	(void)state;
	rig_init_with(&r, &options);
	somebody_else(&r, &other);
	assert_int_equal(rig_send(&r, o).note, NOTE_ACCEPTED);
	o.nonce = 1;
	cheap = sign(&r, o);
	assert_int_equal(send_raw(&r, &cheap).note, NOTE_ACCEPTED);
	o.nonce = 2;
	word = rig_send(&r, o);
	assert_int_equal(word.note, NOTE_POOL_FULL);
	assert_string_equal(word.text, "txpool is full");
	o.nonce = 0;
	word = rig_send(&other, o);
	assert_int_equal(word.note, NOTE_UNDERPRICED);
	assert_string_equal(word.text, "transaction underpriced");
	o.tip++;
	o.nonce = 1;
	word = rig_send(&other, o);
	assert_int_equal(word.note, NOTE_NONCE_GAP);
	o.nonce = 0;
	assert_int_equal(rig_send(&other, o).note, NOTE_ACCEPTED);
	assert_int_equal(r.chain->pooled, 2);
	assert_false(sim_pool_holds(r.node->pool, sim_tx_find(r.chain, &cheap.hash)));
	secret_free(other.key);
	rig_release(&r);
}

static void a_sender_has_only_so_much_room(void **state)
{
	struct node_word word;
	struct rig r;

	(void)state;
	rig_init(&r);
	r.node->pool->account_max = 2;
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 0 }).note, NOTE_ACCEPTED);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 1 }).note, NOTE_ACCEPTED);
	word = rig_send(&r, (struct order){ .nonce = 2 });
	assert_int_equal(word.note, NOTE_POOL_FULL);
	assert_string_equal(word.text, "account limit exceeded: pooled 2 txs");
	assert_int_equal(
	    rig_send(&r,
		(struct order){ .nonce = 1, .max_fee = 30ull * GWEI, .tip = 2 * GWEI })
		.note,
	    NOTE_ACCEPTED);
	rig_release(&r);
}

/* It says yes, and keeps the first ones. */
static void behind_a_gap_little_is_kept(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	r.node->pool->gapped_max = 2;
	for (uint64_t i = 1; i < 6; i++)
		assert_int_equal(
		    rig_send(&r, (struct order){ .nonce = i }).note, NOTE_ACCEPTED);
	assert_int_equal(r.chain->pooled, 2);
	assert_int_equal(rig_send(&r, (struct order){ .nonce = 0 }).note, NOTE_ACCEPTED);
	assert_int_equal(
	    sim_pool_count(r.node->pool, r.chain->head, &r.me), 3); /* no gap any more */
	for (uint64_t i = 3; i < 6; i++)
		assert_int_equal(
		    rig_send(&r, (struct order){ .nonce = i }).note, NOTE_ACCEPTED);
	assert_int_equal(r.chain->pooled, 6);
	rig_release(&r);
}

/* -- the wire ----------------------------------------------------------------- */

static void what_was_sent_arrives_where_it_was_sent(void **state)
{
	struct world_rig k;
	struct sim_node *other;
	struct heard h = { .times = 0 };
	struct buf body = fresh();
	const struct signed_bytes *p;
	struct signed_bytes raw;

	(void)state;
	rig_init(&k.r);
	other = sim_node_new(k.r.chain);
	sim_node_own_pool(k.r.node);
	sim_node_own_pool(other);
	other->cut = true;
	world_rig_open(&k, 1);
	raw = sign(&k.r, (struct order){ .to = k.r.you });
	p = &raw;
	connector_evm.send(&body, &p, 1);
	ask_world(k.w, &body, &h);
	world_free(k.w);
	world_rig_open(&k, 2);
	world_wait(k.w, world_now_ms(k.w) + 61000);
	assert_int_equal(k.r.node->pool->n, 1);
	assert_int_equal(other->pool->n, 0);
	assert_null(k.r.chain->wire);
	world_rig_release(&k);
}

/* -- filters ------------------------------------------------------------------ */

static struct pending_filter filter_of(struct sim_node *n)
{
	struct buf body = fresh();
	struct pending_filter none = { .id = "" };
	struct pending p;
	size_t len;
	char *answer;

	connector_evm.look(&body, &none, NULL, 0);
	answer = ask(n, &body, &len);
	(void)connector_evm.look_read(NULL, &p, &none, 0, answer, len, NULL);
	assert_int_equal(p.err, ERR_OK);
	free(answer);
	return p.filter;
}

/* How much is new; the first of it in ret. */
static uint32_t news(struct sim_node *n, const struct pending_filter *f, struct hash *ret,
    enum node_note *ret_note)
{
	struct buf body = fresh();
	struct pending p;
	size_t len;
	char *answer;

	connector_evm.look(&body, f, NULL, 0);
	answer = ask(n, &body, &len);
	(void)connector_evm.look_read(NULL, &p, f, 0, answer, len, NULL);
	*ret_note = p.word.note;
	if (p.n)
		*ret = p.hash[0];
	free(p.hash);
	free(answer);
	return p.n;
}

static void what_a_pool_hears_is_told_once(void **state)
{
	struct pending_filter first, other;
	struct signed_bytes raw;
	enum node_note note;
	struct hash hash;
	struct nodes n;

	(void)state;
	nodes_init(&n, &(struct sim_options){ .chain_id = 0 });
	n.at[1]->gossip_ms = 300;
	first = filter_of(n.at[0]);
	other = filter_of(n.at[1]);
	raw = send_to(&n, 0, (struct order){ .to = n.r.you });
	assert_int_equal(news(n.at[0], &first, &hash, &note), 1);
	assert_true(hash_same(&hash, &raw.hash));
	assert_int_equal(news(n.at[0], &first, &hash, &note), 0);
	assert_int_equal(note, NOTE_NONE);
	assert_int_equal(news(n.at[1], &other, &hash, &note), 0);
	sim_mine(n.r.chain, NULL);
	later(&n, 300);
	assert_int_equal(news(n.at[0], &other, &hash, &note), 0);
	assert_int_equal(note, NOTE_FILTER_LOST);
	for (uint64_t i = 1; i < SIM_NEWS + 9; i++)
		send_to(&n, 0, (struct order){ .to = n.r.you, .nonce = i });
	assert_int_equal(news(n.at[0], &first, &hash, &note), SIM_NEWS);
	rig_release(&n.r);
}

static void a_node_forgets_its_filters(void **state)
{
	struct pending_filter first;
	enum node_note note;
	struct hash hash;
	struct rig r;

	(void)state;
	rig_init(&r);
	first = filter_of(r.node);
	for (int i = 1; i < SIM_FILTERS; i++)
		filter_of(r.node);
	news(r.node, &first, &hash, &note);
	assert_int_equal(note, NOTE_NONE);
	filter_of(r.node);
	news(r.node, &first, &hash, &note);
	assert_int_equal(note, NOTE_FILTER_LOST);
	first = filter_of(r.node);
	r.node->loses_filters = true;
	news(r.node, &first, &hash, &note);
	assert_int_equal(note, NOTE_FILTER_LOST);
	r.node->no_filters = true;
	news(r.node, &first, &hash, &note);
	assert_int_equal(note, NOTE_NO_METHOD);
	says(r.node, "eth_newPendingTransactionFilter", "[]", "-32601");
	rig_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_hear_after_their_delay),
		cmocka_unit_test(what_a_pool_hears_is_told_once),
		cmocka_unit_test(a_node_forgets_its_filters),
		cmocka_unit_test(who_was_cut_off_meets_the_others_again),
		cmocka_unit_test(who_was_down_comes_back_empty),
		cmocka_unit_test(what_is_forgotten_is_nowhere),
		cmocka_unit_test(blocks_take_from_pools_in_turn),
		cmocka_unit_test(a_node_that_lags_keeps_what_is_mined),
		cmocka_unit_test(a_reorg_gives_back_to_some),
		cmocka_unit_test(a_full_pool_drops_the_cheapest),
		cmocka_unit_test(a_sender_has_only_so_much_room),
		cmocka_unit_test(behind_a_gap_little_is_kept),
		cmocka_unit_test(what_was_sent_arrives_where_it_was_sent),
	};

	secret_setup();
	secp_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
