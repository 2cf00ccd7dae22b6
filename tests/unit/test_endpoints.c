/* Nodes that an operator switches off while a list is paid: they are asked nothing, have
 * no vote, and stay off in the next life. */
#include "engine/endpoint.h"
#include "payer.h"
#include "serve/command/command.h"
#include "serve/command/endpoint.h"
#include "sim/story/lender.h"

static struct told told;
static struct fail why;

/* As the owner does what is asked over its socket. */
static enum err ask(enum route route, uint32_t node, bool sure)
{
	struct sim_lender lender = { .config = &scene.config };
	struct serve_face face = sim_lender_face(&lender);
	struct command_at at = { .world = scene.world,
		.journal = scene.journal,
		.runner = runner,
		.face = &face };
	struct request q = { .route = route, .by = "ada", .sure = sure };
	enum err e;

	snprintf(q.name, sizeof q.name, "sim/node-%u.sim:80", node);
	journal_save(scene.journal);
	e = command_do(&at, &q, &told, &why);
	if (e == ERR_OK)
		journal_save_keep(scene.journal);
	else
		journal_save_drop(scene.journal);
	turn();
	return e;
}

static uint64_t asked(uint32_t node)
{
	return scene.node[node]->requests;
}

static void it_is_asked_nothing(void **state_)
{
	uint64_t before;

	(void)state_;
	begin_in_flight(3, 2, 20, 5);
	assert_int_equal(ask(ROUTE_ENDPOINT_OFF, 0, false), ERR_OK);
	assert_true(told.moved);
	run(100); /* what was under way has arrived */
	before = asked(0);
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(asked(0), before);
	assert_true(asked(1) > 0);
	assert_int_equal(ask(ROUTE_ENDPOINT_OFF, 0, false), ERR_OK);
	assert_false(told.moved); /* it was so already */
}

/* A liar and an honest node that is off: one honest one is no quorum. */
static void its_vote_is_not_counted(void **state_)
{
	uint64_t final;
	struct head head;

	(void)state_;
	begin(3, 2);
	pay_rows(3);
	run_until(follower_final(chain()->follower, &head));
	scene.node[2]->down = true;
	assert_int_equal(ask(ROUTE_ENDPOINT_OFF, 0, false), ERR_OK);
	run(10000);
	assert_true(follower_final(chain()->follower, &head));
	final = head.height;
	after_blocks(2 * SCENE_DEPTH);
	assert_true(follower_final(chain()->follower, &head));
	assert_int_equal(head.height, final);
	assert_says(follower_waits_for(chain()->follower), "1 of 2 votes");
	assert_int_equal(ask(ROUTE_ENDPOINT_ON, 0, false), ERR_OK);
	assert_true(told.moved);
	finish();
}

static void a_quorum_is_not_switched_off_unasked(void **state_)
{
	struct sql_chain_get_out row;
	struct sql_chain_get_in in;

	(void)state_;
	begin(2, 2);
	pay_rows(3);
	run_until(chain()->id);
	assert_int_equal(ask(ROUTE_ENDPOINT_OFF, 1, false), ERR_CONFLICT);
	assert_says(why.why, "has 1 of the 2 votes that a quorum needs");
	assert_says(why.why, "pawl endpoints off sim/node-1.sim:80 --yes");
	assert_false(pool_node(chain()->pool, 1)->off);
	assert_int_equal(ask(ROUTE_ENDPOINT_OFF, 1, true), ERR_OK);
	run(3000);
	in.id = chain()->id;
	assert_true(sql_chain_get_one(scene.journal, &in, &row));
	assert_says(row.nodes, "node-1.sim:80 is switched off");
	assert_says(follower_waits_for(chain()->follower), "1 of 2 votes");
	assert_int_equal(ask(ROUTE_ENDPOINT_ON, 1, false), ERR_OK);
	finish();
}

static void it_outlives_a_start(void **state_)
{
	struct endpoint_told at;
	uint64_t before;

	(void)state_;
	begin_in_flight(3, 2, 10, 5);
	assert_int_equal(ask(ROUTE_ENDPOINT_OFF, 2, false), ERR_OK);
	run(100);
	before = asked(2);
	rise_again();
	sim_mining(scene.chain, INTERVAL_MS);
	finish();
	assert_int_equal(asked(2), before);
	endpoint_of(chain(), world_now_ms(scene.world), 2, &at);
	assert_string_equal(at.state, "off");
	assert_string_equal(at.by, "ada");
	assert_true(at.since_ms > 0);
	assert_int_equal(ask(ROUTE_ENDPOINT_ON, 2, false), ERR_OK);
	run(3000);
	assert_true(asked(2) > before);
	endpoint_of(chain(), world_now_ms(scene.world), 2, &at);
	assert_string_equal(at.state, "well");
	assert_true(at.has_head);
}

static void a_reset_forgives(void **state_)
{
	struct endpoint_told at;

	(void)state_;
	begin(2, 1);
	run_until(chain()->id);
	scene.node[0]->down = true;
	run_until(pool_node(chain()->pool, 0)->failures_in_a_row >= 5);
	endpoint_of(chain(), world_now_ms(scene.world), 0, &at);
	assert_string_equal(at.state, "open");
	assert_true(at.for_ms > 0);
	assert_true(at.errors >= 5);
	scene.node[0]->down = false;
	assert_int_equal(ask(ROUTE_ENDPOINT_RESET, 0, false), ERR_OK);
	assert_true(told.moved);
	run(5000);
	endpoint_of(chain(), world_now_ms(scene.world), 0, &at);
	assert_string_equal(at.state, "well");
}

static void what_is_no_node_is_refused(void **state_)
{
	struct request q = { .route = ROUTE_ENDPOINT_OFF, .name = "sim/node-0.sim:81" };
	struct sim_lender lender = { .config = &scene.config };
	struct serve_face face;
	struct command_at at = { .face = &face };

	(void)state_;
	begin(1, 1);
	face = sim_lender_face(&lender);
	at.world = scene.world;
	at.journal = scene.journal;
	at.runner = runner;
	assert_int_equal(command_do(&at, &q, &told, &why), ERR_NOT_FOUND);
	assert_says(why.why, "did you mean node-0.sim:80?");
	snprintf(q.name, sizeof q.name, "node-0.sim:80");
	assert_int_equal(command_do(&at, &q, &told, &why), ERR_NOT_FOUND);
	snprintf(q.name, sizeof q.name, "other/node-0.sim:80");
	assert_int_equal(command_do(&at, &q, &told, &why), ERR_CONFIG);
}

/* Over the socket and back; a hostile owner's text is made plain. */
static void rows_come_back_as_they_went(void **state_)
{
	struct endpoint_told rows[3] = {
		{ .chain = "sim",
		    .name = "a:1",
		    .state = "well",
		    .has_head = true,
		    .head = 90 },
		{ .chain = "sim",
		    .name = "b:2",
		    .state = "off",
		    .by = "ada",
		    .since_ms = 7 },
		{ .chain = "sim",
		    .name = "c:3",
		    .state = "open",
		    .why = "time\nout",
		    .for_ms = 5,
		    .has_head = true,
		    .head = 93,
		    .has_figures = true,
		    .requests = 8,
		    .errors = 5,
		    .failed = { 2, 3 } },
	};
	struct endpoint_told back;
	json_t *o;

	(void)state_;
	endpoints_lag(rows, 3);
	assert_int_equal(rows[0].lag, 3);
	assert_int_equal(rows[2].lag, 0);
	o = endpoint_encode(&rows[2]);
	assert_true(endpoint_decode(o, &back));
	json_decref(o);
	assert_string_equal(back.why, "time?out");
	assert_int_equal(back.failed[FAILURE_UNANSWERED], 3);
	assert_int_equal(back.head, 93);
	o = endpoint_encode(&rows[1]);
	assert_true(endpoint_decode(o, &back));
	json_decref(o);
	assert_string_equal(back.by, "ada");
	assert_int_equal(back.since_ms, 7);
	assert_false(back.has_head);
	assert_false(back.has_figures);
	o = json_object();
	assert_false(endpoint_decode(o, &back));
	json_decref(o);
}

#define test(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(it_is_asked_nothing),
		test(its_vote_is_not_counted),
		test(a_quorum_is_not_switched_off_unasked),
		test(it_outlives_a_start),
		test(a_reset_forgives),
		test(what_is_no_node_is_refused),
		cmocka_unit_test(rows_come_back_as_they_went),
	};

	return cmocka_run_group_tests_name("endpoints", tests, NULL, NULL);
}
