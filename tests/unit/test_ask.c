/* Questions to several nodes: what a quorum is, and what is said where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "cli/ask/ask.h"
#include "sim/world/sim_world.h"

#define REGION ((size_t)64 << 20)
#define CHAIN_ID 31337
#define NODES 3
#define PATIENCE_MS 5000

struct rig {
	void *region;
	struct sim_chain *chain;
	struct sim_node *nodes[NODES];
	struct node_config endpoints[NODES];
	struct chain_config config;
	struct world *w;
	struct ask *ask;
	struct address token, holder;
};

static void rig_init_seed(struct rig *r, int quorum, uint64_t seed)
{
	static const char *const urls[NODES] = { "http://node-0.sim/",
		"http://node-1.sim/", "http://node-2.sim/" };
	struct sim_world_options o = {
		.nodes = r->nodes, .nodes_n = NODES, .seed = seed
	};

	memset(r, 0, sizeof *r);
	r->region = mmap(NULL, REGION, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(r->region, MAP_FAILED);
	r->chain = sim_chain_init(r->region, REGION, &(struct sim_options){ .salt = 1 });
	for (int i = 0; i < NODES; i++) {
		r->nodes[i] = sim_node_new(r->chain);
		r->endpoints[i] = (struct node_config){ .url = urls[i], .weight = 1 };
	}
	memset(r->token.at, 0x70, sizeof r->token.at);
	memset(r->holder.at, 0x11, sizeof r->holder.at);
	sim_token_add(r->chain, &r->token, SIM_TOKEN_PLAIN, 6, "TOK");
	r->config = (struct chain_config){ .name = "sim",
		.chain_id = CHAIN_ID,
		.endpoints = r->endpoints,
		.endpoints_n = NODES,
		.quorum = quorum,
		.timeout_ms = 1000 };
	o.chain = r->chain;
	r->w = sim_world_open(&o);
	r->ask = ask_new(r->w, &r->config, PATIENCE_MS, false);
}

static void rig_init(struct rig *r, int quorum)
{
	rig_init_seed(r, quorum, 7);
}

static void rig_release(struct rig *r)
{
	ask_free(r->ask);
	world_free(r->w);
	munmap(r->region, REGION);
}

static void a_quorum_is_enough(void **state)
{
	struct identity who;
	struct token_facts t;
	struct rig r;
	bool has;

	(void)state;
	rig_init(&r, 2);
	r.nodes[1]->down = true;
	assert_int_equal(ask_identity(r.ask, &who, NULL), ERR_OK);
	assert_int_equal(who.chain_id, CHAIN_ID);
	assert_int_equal(ask_token(r.ask, &r.token, &r.holder, &t, NULL), ERR_OK);
	assert_true(t.has_code);
	assert_int_equal(t.decimals, 6);
	assert_string_equal(t.symbol, "TOK");
	assert_int_equal(ask_code(r.ask, &r.token, &has, NULL), ERR_OK);
	assert_true(has);
	rig_release(&r);
}

static void too_few_nodes_are_named(void **state)
{
	struct identity who;
	struct fail f = { ERR_OK, "" };
	struct rig r;
	int64_t began_ms;

	(void)state;
	rig_init(&r, 2);
	r.nodes[0]->down = r.nodes[1]->down = true;
	began_ms = world_now_ms(r.w);
	assert_int_equal(ask_identity(r.ask, &who, &f), ERR_NO_QUORUM);
	assert_true(world_now_ms(r.w) - began_ms >= PATIENCE_MS);
	assert_non_null(strstr(f.why, "(2 needed, 1 answered): node-0.sim:80: no"));
	assert_non_null(strstr(f.why, "node-1.sim:80: no"));
	assert_null(strstr(f.why, "node-2.sim")); /* it is not to blame */
	rig_release(&r);
}

static void who_disagrees_is_named(void **state)
{
	struct token_facts t;
	struct fail f = { ERR_OK, "" };
	struct rig r;

	(void)state;
	rig_init(&r, 2);
	r.nodes[0]->wrong_decimals = 1000;
	r.nodes[1]->down = true;
	assert_int_equal(ask_token(r.ask, &r.token, &r.holder, &t, &f), ERR_NO_QUORUM);
	assert_non_null(strstr(f.why, "(2 needed, 2 answered)"));
	assert_non_null(
	    strstr(f.why, "node-0.sim:80: answers, but not as the others do"));
	assert_non_null(strstr(f.why, "node-1.sim:80: no connection"));
	assert_non_null(
	    strstr(f.why, "node-2.sim:80: answers, but not as the others do"));
	rig_release(&r);
}

/* Hasty: refused connections are enough of an answer. */
static void haste_does_not_wait(void **state)
{
	struct identity who;
	struct rig r;
	int64_t began_ms;

	(void)state;
	rig_init(&r, 2);
	for (int i = 0; i < NODES; i++)
		r.nodes[i]->down = true;
	ask_free(r.ask);
	r.ask = ask_new(r.w, &r.config, PATIENCE_MS, true);
	began_ms = world_now_ms(r.w);
	assert_int_equal(ask_identity(r.ask, &who, NULL), ERR_NO_QUORUM);
	assert_true(world_now_ms(r.w) - began_ms < PATIENCE_MS);
	rig_release(&r);
}

/* One says other decimals for a while: outvoted by two, but not by one. */
static void a_liar_is_outvoted(void **state)
{
	struct token_facts t;
	struct rig r;

	(void)state;
	rig_init(&r, 2);
	r.nodes[0]->wrong_decimals = 1000;
	assert_int_equal(ask_token(r.ask, &r.token, &r.holder, &t, NULL), ERR_OK);
	assert_int_equal(t.decimals, 6);
	rig_release(&r);

	rig_init(&r, 2);
	r.nodes[0]->wrong_decimals = 1000;
	r.nodes[1]->down = true;
	assert_int_equal(ask_token(r.ask, &r.token, &r.holder, &t, NULL), ERR_NO_QUORUM);
	rig_release(&r);
}

/* A node that disagrees for one answer is asked again. */
static void who_disagrees_is_asked_again(void **state)
{
	struct token_facts t;
	struct rig r;

	(void)state;
	rig_init(&r, 3);
	r.nodes[2]->wrong_decimals = 1;
	assert_int_equal(ask_token(r.ask, &r.token, &r.holder, &t, NULL), ERR_OK);
	assert_int_equal(t.decimals, 6);
	rig_release(&r);
}

static void another_chain_has_no_vote(void **state)
{
	struct identity who;
	struct token_facts t;
	struct fail f = { ERR_OK, "" };
	struct rig r;

	(void)state;
	for (uint64_t seed = 1; seed < 10; seed++) { /* whoever is first */
		rig_init_seed(&r, 1, seed);
		r.nodes[0]->chain_id = 5;
		assert_int_equal(ask_token(r.ask, &r.token, &r.holder, &t, NULL), ERR_OK);
		assert_int_equal(r.nodes[0]->calls[SIM_eth_call], 0);
		rig_release(&r);
	}

	rig_init(&r, 2);
	for (int i = 0; i < NODES; i++)
		r.nodes[i]->chain_id = 5;
	assert_int_equal(ask_identity(r.ask, &who, &f), ERR_WRONG_CHAIN);
	assert_non_null(strstr(f.why, ": it serves chain id 5")); /* each by its name */
	assert_non_null(strstr(strstr(f.why, "; "), ": it serves chain id 5"));
	rig_release(&r);

	rig_init(&r, 2);
	r.nodes[NODES - 1]->chain_id = 5;
	assert_int_equal(ask_token(r.ask, &r.token, &r.holder, &t, NULL), ERR_OK);
	assert_int_equal(ask_answering(r.ask), NODES - 1);
	rig_release(&r);

	rig_init(&r, 2);
	r.nodes[0]->other_genesis = r.nodes[1]->down = true;
	assert_int_equal(ask_identity(r.ask, &who, NULL), ERR_NO_QUORUM);
	rig_release(&r);
}

static void a_provider_has_one_vote(void **state)
{
	struct identity who;
	struct rig r;

	(void)state;
	rig_init(&r, 2);
	ask_free(r.ask);
	r.endpoints[0].provider = r.endpoints[1].provider = "one";
	r.nodes[2]->down = true;
	r.ask = ask_new(r.w, &r.config, PATIENCE_MS, false);
	assert_int_equal(ask_identity(r.ask, &who, NULL), ERR_NO_QUORUM);
	rig_release(&r);
}

/* One node's word ends a question; what the others say of it comes when the next one is
 * under way, and is not taken for an answer to that. */
static void a_late_answer_is_dropped(void **state)
{
	struct amount one = amount_u64(1);
	struct account_seen seen;
	struct rig r;

	(void)state;
	rig_init(&r, 1);
	sim_fund(r.chain, &r.holder, NULL, &one);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ask_account(r.ask, &r.holder, &seen, NULL), ERR_OK);
		assert_int_equal(amount_cmp(&seen.balance, &one), 0);
		assert_int_equal(ask_account(r.ask, &r.token, &seen, NULL), ERR_OK);
		assert_true(amount_is_zero(&seen.balance));
	}
	rig_release(&r);
}

static void each_node_speaks_for_itself(void **state)
{
	struct ask_said said;
	struct rig r;

	(void)state;
	rig_init(&r, 2);
	r.nodes[0]->chain_id = 5;
	r.nodes[1]->down = true;
	assert_int_equal(ask_each(r.ask, &ask_identity_question, NULL), ERR_OK);
	ask_said(r.ask, 0, &said);
	assert_int_equal(((const struct identity *)said.fact)->chain_id, 5);
	ask_said(r.ask, 1, &said);
	assert_false(said.answered);
	assert_int_equal(said.err, ERR_NOT_SENT);
	ask_said(r.ask, 2, &said);
	assert_non_null(said.fact);
	rig_release(&r);
}

static void a_signal_ends_it(void **state)
{
	struct identity who;
	struct rig r;

	(void)state;
	rig_init(&r, 2);
	for (int i = 0; i < NODES; i++)
		r.nodes[i]->down = true;
	sim_world_signal(sim_world_of(r.w), 2);
	assert_int_equal(ask_identity(r.ask, &who, NULL), ERR_STOPPED);
	rig_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quorum_is_enough),
		cmocka_unit_test(too_few_nodes_are_named),
		cmocka_unit_test(who_disagrees_is_named),
		cmocka_unit_test(haste_does_not_wait),
		cmocka_unit_test(a_liar_is_outvoted),
		cmocka_unit_test(who_disagrees_is_asked_again),
		cmocka_unit_test(another_chain_has_no_vote),
		cmocka_unit_test(a_provider_has_one_vote),
		cmocka_unit_test(a_late_answer_is_dropped),
		cmocka_unit_test(each_node_speaks_for_itself),
		cmocka_unit_test(a_signal_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
