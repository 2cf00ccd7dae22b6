/* Each vice of a node is seen in what it answers, and gone when it is unset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/secp.h"
#include "rig.h"
#include "sim/node/net.h"
#include "sim/node/vice.h"

/* -- two nodes with pools of their own, and something that is mined ---------------- */

#define BLOCKS 140 /* more than a node keeps the state of */

static struct {
	struct rig r;
	struct sim_node *other;
	struct signed_bytes mined, waits;
} stage;

static void stage_open(void)
{
	struct sim_options options = { .finality = { SIM_FINAL_DEPTH, 3 } };

	rig_init_with(&stage.r, &options);
	stage.other = sim_node_new(stage.r.chain);
	sim_node_own_pool(stage.r.node);
	sim_node_own_pool(stage.other);
	stage.r.chain->miner = stage.r.node->pool;
	sim_account_code(stage.r.chain, &stage.r.you, SIM_CODE_WALLET, 0);
	stage.mined = sign(&stage.r, (struct order){ .to = stage.r.you, .wei = 5 });
	send_raw(&stage.r, &stage.mined);
	for (int i = 0; i < BLOCKS; i++) {
		stage.r.chain->now_ms += 1000;
		sim_mine(stage.r.chain, NULL);
	}
	stage.waits = sign(&stage.r, (struct order){ .to = stage.r.you, .nonce = 1 });
	send_raw(&stage.r, &stage.waits);
}

/* All that is asked of it, as one text; what happens at its door is asked of the
 * world. */
#define CALL(method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":[" params "]}"

static void ask_one(struct buf *out, const char *body)
{
	sim_node_answer(stage.r.node, out, body, strlen(body));
	buf_add_byte(out, '\n');
}

static void ask_of(struct buf *out, const char *fmt, ...) PRINTF(2, 3);

static void ask_of(struct buf *out, const char *fmt, ...)
{
	char body[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(body, sizeof body, fmt, args);
	va_end(args);
	ask_one(out, body);
}

static void ask_plain(struct buf *out)
{
	ask_one(out, CALL("eth_chainId", ""));
	ask_one(out, CALL("eth_getBlockByNumber", "\"latest\",false"));
	ask_one(out, CALL("eth_getBlockByNumber", "\"0x0\",false"));
	ask_one(out, CALL("eth_getBlockByNumber", "\"finalized\",false"));
	ask_one(out, CALL("eth_getBlockReceipts", "\"0x1\""));
	ask_one(out, "[" CALL("eth_chainId", "") "," CALL("net_version", "") "]");
}

static void ask_state(struct buf *out)
{
	static const char *const blocks[] = { "latest", "pending", "0x0", "0x1" };
	char me[41], you[41];

	hex_format(me, stage.r.me.at, 20);
	hex_format(you, stage.r.you.at, 20);
	for (int i = 0; i < 4; i++) {
		ask_of(out, CALL("eth_getTransactionCount", "\"0x%s\",\"%s\""), me,
		    blocks[i]);
		ask_of(out, CALL("eth_getBalance", "\"0x%s\",\"%s\""), me, blocks[i]);
	}
	ask_of(out, CALL("eth_getCode", "\"0x%s\",\"latest\""), you);
	ask_of(
	    out, CALL("eth_estimateGas", "{\"from\":\"0x%s\",\"to\":\"0x%s\"}"), me, you);
}

static void ask_code(struct buf *out)
{
	struct buf body = fresh();

	connector_evm.code(&body, &stage.r.you, 1);
	ask_one(out, buf_text(&body));
	buf_release(&body);
}

static void ask_by_hash(struct buf *out)
{
	char hash[65];

	hex_format(hash, stage.mined.hash.at, 32);
	ask_of(out, CALL("eth_getTransactionByHash", "\"0x%s\""), hash);
	ask_of(out, CALL("eth_getTransactionReceipt", "\"0x%s\""), hash);
	hex_format(hash, stage.waits.hash.at, 32);
	ask_of(out, CALL("eth_getTransactionByHash", "\"0x%s\""), hash);
	hex_format(hash, stage.r.chain->head->hash.at, 32);
	ask_of(out, CALL("eth_getBlockReceipts", "\"0x%s\""), hash);
	ask_of(out, CALL("eth_getBalance", "\"0x%s\",{\"blockHash\":\"0x%s\"}"),
	    "7e5f4552091a69125d5dfcb7b8c2659029395bdf", hash);
}

static char *all_it_says(void)
{
	struct buf out = fresh();
	size_t len;

	ask_plain(&out);
	ask_state(&out);
	ask_code(&out);
	ask_by_hash(&out);
	return (char *)buf_take(&out, &len);
}

/* -- every row, by what it says ---------------------------------------------------- */

/* Those that are seen in other ways: each has its own test. */
static bool is_seen_elsewhere(enum sim_vice v)
{
	return v == SIM_VICE_DOWN || v == SIM_VICE_CUT || v == SIM_VICE_LATE_GOSSIP ||
	    v == SIM_VICE_LOSES_UNDONE || v == SIM_VICE_FORGETS ||
	    v == SIM_VICE_SMALL_POOL || v == SIM_VICE_REFUSES ||
	    v == SIM_VICE_TWO_HEADS || v == SIM_VICE_EMPTY ||
	    v == SIM_VICE_LATE_RECEIPTS || v == SIM_VICE_LATE_HEADS ||
	    v == SIM_VICE_FILTERS;
}

static void each_is_seen_and_goes(void **state)
{
	char *right, *now;

	(void)state;
	stage_open();
	right = all_it_says();
	for (int v = 0; v < SIM_VICES; v++) {
		if (is_seen_elsewhere((enum sim_vice)v))
			continue;
		for (uint64_t by = 1; by <= sim_vice_most((enum sim_vice)v); by += 7) {
			char *then;

			sim_vice_set(stage.r.node, (enum sim_vice)v,
			    v == SIM_VICE_SMALL_BATCHES ? 1 : by);
			then = all_it_says();
			if (strcmp(right, then) == 0)
				fail_msg("%s %ju: is not seen",
				    sim_vice_name((enum sim_vice)v), (uintmax_t)by);
			mem_free(then);
		}
		sim_vice_set(stage.r.node, (enum sim_vice)v, 0);
		now = all_it_says();
		if (strcmp(now, right) != 0)
			fail_msg("%s: is not gone", sim_vice_name((enum sim_vice)v));
		mem_free(now);
	}
	mem_free(right);
	rig_release(&stage.r);
}

static void all_go_at_once(void **state)
{
	char *right, *now;

	(void)state;
	stage_open();
	right = all_it_says();
	for (int v = 0; v < SIM_VICES; v++)
		if (v != SIM_VICE_EMPTY)
			sim_vice_set(stage.r.node, (enum sim_vice)v,
			    sim_vice_most((enum sim_vice)v));
	assert_true(stage.r.node->down && stage.r.node->cut && stage.r.node->forgets);
	sim_vice_clear(stage.r.node);
	now = all_it_says();
	assert_string_equal(now, right);
	assert_false(stage.r.node->down || stage.r.node->cut || stage.r.node->forgets ||
	    stage.r.node->twin_answers || stage.r.node->loses_undone);
	assert_int_equal(stage.r.node->pool->max, stage.r.chain->options.pool_max);
	assert_string_equal(stage.r.node->refuses, "");
	mem_free(right);
	mem_free(now);
	rig_release(&stage.r);
}

static void each_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int v = 0; v < SIM_VICES; v++) {
		assert_true(sim_vice_most((enum sim_vice)v) > 0);
		for (int w = 0; w < v; w++)
			assert_string_not_equal(sim_vice_name((enum sim_vice)v),
			    sim_vice_name((enum sim_vice)w));
	}
	assert_true(sim_vice_is_harmless(SIM_VICE_LAG));
	assert_false(sim_vice_is_harmless(SIM_VICE_COUNTS_MORE));
}

/* -- those that are seen elsewhere --------------------------------------------------- */

static void counts_more_than_there_are(void **state)
{
	struct buf body = fresh();
	uint64_t heights[] = { 1, 140 }, count[2];
	bool known[2];
	char *answer;
	size_t len;

	(void)state;
	stage_open();
	sim_vice_set(stage.r.node, SIM_VICE_COUNTS_MORE, 3);
	connector_evm.counts_at(&body, &stage.r.me, heights, 2);
	answer = ask(stage.r.node, &body, &len);
	assert_int_equal(
	    connector_evm.counts_read(count, known, 2, answer, len, NULL), ERR_OK);
	assert_int_equal(count[0], 4);
	assert_int_equal(count[1], 4);
	mem_free(answer);
	rig_release(&stage.r);
}

static void refuses_with_words_that_are_known(void **state)
{
	static const enum node_note notes[SIM_REFUSALS] = { NOTE_POOL_FULL, NOTE_KNOWN,
		NOTE_NONCE_LOW, NOTE_REPLACEMENT, NOTE_FUNDS, NOTE_OTHER };

	(void)state;
	stage_open();
	for (uint64_t by = 1; by <= SIM_REFUSALS; by++) {
		sim_vice_set(stage.r.node, SIM_VICE_REFUSES, by);
		assert_int_equal(
		    rig_send(&stage.r, (struct order){ .nonce = 2 }).note, notes[by - 1]);
	}
	sim_vice_set(stage.r.node, SIM_VICE_REFUSES, 0);
	assert_int_equal(
	    rig_send(&stage.r, (struct order){ .nonce = 2 }).note, NOTE_ACCEPTED);
	rig_release(&stage.r);
}

static void receipts_come_late(void **state)
{
	(void)state;
	rig_init(&stage.r);
	stage.mined = sign(&stage.r, (struct order){ .to = stage.r.you });
	send_raw(&stage.r, &stage.mined);
	sim_vice_set(stage.r.node, SIM_VICE_LATE_RECEIPTS, 2);
	sim_mine(stage.r.chain, NULL);
	sim_mine(stage.r.chain, NULL);
	assert_false(receipt_of(stage.r.node, &stage.mined.hash).known);
	sim_mine(stage.r.chain, NULL);
	assert_true(receipt_of(stage.r.node, &stage.mined.hash).known);
	rig_release(&stage.r);
}

static void gossip_comes_later_than_it_does(void **state)
{
	const struct sim_tx *t;
	struct signed_bytes raw;

	(void)state;
	stage_open();
	stage.other->gossip_ms = 100;
	sim_vice_set(stage.other, SIM_VICE_LATE_GOSSIP, 500);
	raw = sign(&stage.r, (struct order){ .to = stage.r.you, .nonce = 2 });
	send_raw(&stage.r, &raw);
	t = sim_tx_find(stage.r.chain, &raw.hash);
	sim_chain_until(stage.r.chain, stage.r.chain->now_ms + 599);
	assert_false(sim_pool_holds(stage.other->pool, t));
	sim_chain_until(stage.r.chain, stage.r.chain->now_ms + 1);
	assert_true(sim_pool_holds(stage.other->pool, t));
	sim_vice_set(stage.other, SIM_VICE_LATE_GOSSIP, 0);
	assert_int_equal(stage.other->gossip_ms, 100);
	rig_release(&stage.r);
}

static void heads_come_late_and_none_is_forgotten(void **state)
{
	const struct sim_block *head;

	(void)state;
	stage_open();
	head = stage.r.chain->head;
	sim_vice_set(stage.r.node, SIM_VICE_LATE_HEADS, 3000);
	assert_ptr_equal(sim_node_head(stage.r.node), head);
	sim_mining(stage.r.chain, 1000);
	sim_chain_until(stage.r.chain, stage.r.chain->now_ms + 3000);
	assert_ptr_equal(sim_node_head(stage.r.node), head);
	sim_chain_until(stage.r.chain, stage.r.chain->now_ms + 1000);
	assert_ptr_equal(sim_node_head(stage.r.node)->parent, head);
	sim_vice_set(stage.r.node, SIM_VICE_LATE_HEADS, 0);
	assert_ptr_equal(sim_node_head(stage.r.node), stage.r.chain->head);
	rig_release(&stage.r);
}

static struct pending news_of(const struct pending_filter *filter)
{
	struct buf body = fresh();
	struct pending news;
	size_t len;
	char *answer;

	connector_evm.look(&body, filter, NULL, 0);
	answer = ask(stage.r.node, &body, &len);
	(void)connector_evm.look_read(NULL, &news, filter, 0, answer, len, NULL);
	free(news.hash);
	free(answer);
	return news;
}

static void what_came_is_not_told(void **state)
{
	static const enum node_note notes[] = { NOTE_NO_METHOD, NOTE_FILTER_LOST,
		NOTE_NONE };
	const struct pending_filter none = { .id = "" };
	struct pending_filter filter;

	(void)state;
	rig_init(&stage.r);
	filter = news_of(&none).filter;
	for (uint64_t by = 1; by <= sim_vice_most(SIM_VICE_FILTERS); by++) {
		struct pending news;

		sim_vice_set(stage.r.node, SIM_VICE_FILTERS, by);
		rig_send(&stage.r, (struct order){ .nonce = by - 1 });
		news = news_of(&filter);
		assert_int_equal(news.n, 0);
		assert_int_equal(news.word.note, notes[by - 1]);
	}
	sim_vice_set(stage.r.node, SIM_VICE_FILTERS, 0);
	rig_send(&stage.r, (struct order){ .nonce = 3 });
	assert_int_equal(news_of(&filter).n, 1);
	rig_release(&stage.r);
}

static void a_minority_mines_its_own(void **state)
{
	const struct sim_block *head;

	(void)state;
	stage_open();
	sim_mining(stage.r.chain, 1000);
	sim_vice_set(stage.r.node, SIM_VICE_MINORITY, 2);
	head = sim_node_head(stage.r.node);
	assert_int_equal(head->height, BLOCKS);
	assert_ptr_not_equal(head, stage.r.chain->head);
	sim_chain_until(stage.r.chain, stage.r.chain->now_ms + 3000);
	assert_ptr_equal(sim_node_head(stage.r.node)->parent->parent->parent, head);
	assert_int_equal(sim_node_head(stage.other)->height, BLOCKS + 3);
	sim_vice_set(stage.r.node, SIM_VICE_MINORITY, 0);
	assert_ptr_equal(sim_node_head(stage.r.node), stage.r.chain->head);
	rig_release(&stage.r);
}

static void one_url_has_two_heads(void **state)
{
	struct world_rig k;
	int old = 0;

	(void)state;
	world_rig_init(&k, &(struct sim_options){ .chain_id = 0 });
	for (int i = 0; i < 9; i++)
		sim_mine(k.r.chain, NULL);
	sim_vice_set(k.r.node, SIM_VICE_TWO_HEADS, 4);
	for (int i = 0; i < 40; i++) {
		struct heard h = { .times = 0 };
		struct buf body = fresh();

		connector_evm.poll(&body);
		ask_world(k.w, &body, &h);
		while (!h.times)
			world_wait(k.w, INT64_MAX);
		old += strstr(h.body, "\"number\":\"0x5\"") != NULL;
		assert_true(strstr(h.body, "\"number\":\"0x5\"") ||
		    strstr(h.body, "\"number\":\"0x9\""));
	}
	assert_in_range(old, 8, 32);
	send_world(&k, (struct order){ .nonce = 0 }); /* one pool behind both */
	assert_int_equal(k.r.chain->pooled, 1);
	world_rig_release(&k);
}

static void a_node_has_chances_of_its_own(void **state)
{
	struct world_rig k;

	(void)state;
	world_rig_init(&k, &(struct sim_options){ .chain_id = 0 });
	k.r.node->per_mille[SIM_FAULT_LOST] = 1000;
	assert_int_equal(send_world(&k, (struct order){ .nonce = 0 }).end, HTTP_UNKNOWN);
	assert_int_equal(k.r.chain->pooled, 1);
	k.r.node->per_mille[SIM_FAULT_LOST] = 0;
	assert_int_equal(send_world(&k, (struct order){ .nonce = 1 }).status, 200);
	assert_int_equal(sim_world_faults(k.sim, SIM_FAULT_LOST), 1);
	world_rig_release(&k);
}

/* Until it is done it is nowhere but on the wire, where a death leaves it. */
static void what_was_answered_early_survives_its_sender(void **state)
{
	struct world_rig k;
	struct heard h;

	(void)state;
	rig_init(&k.r);
	world_rig_open(&k, 1);
	sim_world_force(k.sim, SIM_FAULT_EARLY, NULL, -1, 0);
	h = send_world(&k, (struct order){ .nonce = 0 });
	assert_int_equal(h.status, 200);
	assert_int_equal(k.r.chain->pooled, 0);
	assert_non_null(k.r.chain->wire);
	world_free(k.w);
	world_rig_open(&k, 2);
	world_wait(k.w, world_now_ms(k.w) + 61000);
	assert_int_equal(k.r.chain->pooled, 1);
	assert_null(k.r.chain->wire);
	world_rig_release(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_seen_and_goes),
		cmocka_unit_test(all_go_at_once),
		cmocka_unit_test(each_has_a_name_of_its_own),
		cmocka_unit_test(counts_more_than_there_are),
		cmocka_unit_test(refuses_with_words_that_are_known),
		cmocka_unit_test(receipts_come_late),
		cmocka_unit_test(gossip_comes_later_than_it_does),
		cmocka_unit_test(heads_come_late_and_none_is_forgotten),
		cmocka_unit_test(what_came_is_not_told),
		cmocka_unit_test(a_minority_mines_its_own),
		cmocka_unit_test(one_url_has_two_heads),
		cmocka_unit_test(a_node_has_chances_of_its_own),
		cmocka_unit_test(what_was_answered_early_survives_its_sender),
	};

	secret_setup();
	secp_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
