/* The owner's socket: what is asked on it, in bytes nobody should send, and that answers
 * wait for the commit. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/node/state/book.h"
#include "own_folder.h"
#include "seen.h"
#include "serve/client.h"
#include "serve/serve.h"
#include "serve/submit/handover.h"
#include "serve/watch/wire.h"
#include "sim/story/lender.h"

#define PATIENCE_MS 20000

/* -- requests -------------------------------------------------------------- */

static enum err parse(
    struct request *q, const char *method, const char *path, const char *body)
{
	struct fail f = { 0 };
	enum err e = request_parse(q, method, path, body, strlen(body), &f);

	assert_true(e == ERR_OK || f.why[0]);
	return e;
}

static void requests_are_read(void **state)
{
	struct request q;

	(void)state;
	assert_int_equal(
	    parse(&q, "POST", "/v1/operations/a%2fb%C3%a9/cancel", "{\"now\":true}"),
	    ERR_OK);
	assert_int_equal(q.route, ROUTE_CANCEL);
	assert_string_equal(q.name, "a/b\xc3\xa9");
	assert_true(q.now);
	assert_int_equal(parse(&q, "POST", "/v1/endpoints/main%2fa.b%3A443/off",
			     "{\"by\":\"ada\",\"yes\":true}"),
	    ERR_OK);
	assert_int_equal(q.route, ROUTE_ENDPOINT_OFF);
	assert_string_equal(q.name, "main/a.b:443");
	assert_string_equal(q.by, "ada");
	assert_true(q.sure);
	assert_int_equal(parse(&q, "GET", "/v1/endpoints", ""), ERR_OK);
	assert_int_equal(q.route, ROUTE_ENDPOINTS);
	assert_int_equal(
	    parse(&q, "POST", "/v1/endpoints/x/on", "{\"yes\":true}"), ERR_USAGE);
	assert_int_equal(
	    parse(&q, "POST", "/v1/endpoints/x/off", "{\"by\":7}"), ERR_USAGE);
	assert_int_equal(
	    parse(&q, "POST", "/v1/endpoints/x/off", "{\"now\":true}"), ERR_USAGE);
	assert_int_equal(parse(&q, "POST", "/v1/keys/payer/resume", ""), ERR_OK);
	assert_int_equal(q.yes, WORD_NONE);
	assert_int_equal(
	    parse(&q, "POST", "/v1/keys/payer/resume", "{\"yes\":true}"), ERR_OK);
	assert_int_equal(q.yes, WORD_NONE); /* to what? */
	assert_int_equal(parse(&q, "POST", "/v1/operations/7/resume",
			     "{\"max_total_fee\":\"0.5\",\"yes\":\"2a11CAfe\"}"),
	    ERR_OK);
	assert_int_equal(q.yes, 0x2a11cafe);
	assert_string_equal(q.cap, "0.5");
	assert_int_equal(parse(&q, "GET", "/v1/operations/a/events", ""), ERR_OK);
	assert_int_equal(
	    parse(&q, "POST", "/v1/operations/a/repair", "{\"row\":0,\"do\":\"skip\"}"),
	    ERR_OK);
	assert_true(q.has_row && q.row == 0 && q.repair == REPAIR_SKIP && !q.has_hash);
	assert_int_equal(
	    parse(&q, "POST", "/v1/operations/a/retry", "{\"row\":7}"), ERR_OK);
	assert_true(q.has_row && q.row == 7 && q.yes == WORD_NONE);
	assert_int_equal(parse(&q, "POST", "/v1/operations/a/retry",
			     "{\"yes\":\"00000001\",\"row\":7}"),
	    ERR_OK);
	assert_true(q.has_row && q.row == 7 && q.yes == 1);
	assert_int_equal(parse(&q, "POST", "/v1/operations/a/run",
			     "{\"notify\":[\"webhook:http://b/\",\"x:y\"]}"),
	    ERR_OK);
	assert_string_equal(q.text, "webhook:http://b/\nx:y\n");
	assert_int_equal(parse(&q, "POST", "/v1/tell", "{\"text\":\"a\\nb\"}"), ERR_OK);
	assert_string_equal(q.text, "a\nb");
	assert_int_equal(parse(&q, "POST", "/v1/subscribers/3/resume", "{}"), ERR_OK);
	assert_string_equal(q.name, "3");
	assert_int_equal(request_body_max("GET", "/v1/operations/a"), 0);
	assert_int_equal(
	    request_body_max("POST", "/v1/operations/a/pause"), REQUEST_JSON_MAX);
	assert_int_equal(request_body_max("POST", "/v1"), 0);
}

/* What a client writes is what an owner reads. */
static void what_is_told_comes_back(void **state)
{
	struct request q = { .route = ROUTE_RUN, .has_plan = true }, back;
	struct buf body;

	(void)state;
	assert_int_equal(request_notify(&q, "webhook:http://a/?\"x\"", NULL), ERR_OK);
	assert_int_equal(request_notify(&q, "webhook:http://b/", NULL), ERR_OK);
	assert_int_equal(request_notify(&q, "a\nb", NULL), ERR_USAGE);
	assert_int_equal(request_notify(&q, "", NULL), ERR_USAGE);
	buf_init(&body, REQUEST_JSON_MAX);
	request_body(&body, &q);
	assert_int_equal(
	    parse(&back, "POST", "/v1/operations/a/run", buf_text(&body)), ERR_OK);
	assert_string_equal(back.text, q.text);
	buf_clear(&body);
	q = (struct request){ .route = ROUTE_TELL, .text = "\"so\", he\nsaid" };
	request_body(&body, &q);
	assert_int_equal(parse(&back, "POST", "/v1/tell", buf_text(&body)), ERR_OK);
	assert_string_equal(back.text, q.text);
	buf_release(&body);
}

static void what_is_no_request_is_refused(void **state)
{
	static const struct {
		enum err err;
		const char *method, *path, *body;
	} bad[] = {
		{ ERR_NOT_FOUND, "GET", "", "" },
		{ ERR_NOT_FOUND, "GET", "/", "" },
		{ ERR_NOT_FOUND, "GET", "/v1/operations/", "" },
		{ ERR_NOT_FOUND, "GET", "/v1/operations/a/", "" },
		{ ERR_NOT_FOUND, "GET", "/v1/operations/a/b", "" },
		{ ERR_NOT_FOUND, "POST", "/v1/operations//pause", "" },
		{ ERR_NOT_FOUND, "GET", "/v1/operations/%", "" },
		{ ERR_NOT_FOUND, "GET", "/v1/operations/%4", "" },
		{ ERR_NOT_FOUND, "GET", "/v1/operations/%zz", "" },
		{ ERR_NOT_FOUND, "GET", "/v1/operations/a%00b", "" },
		{ ERR_METHOD, "DELETE", "/v1/operations/a", "" },
		{ ERR_METHOD, "post", "/v1/operations/a/pause", "" },
		{ ERR_METHOD, "HEAD", "/v1/events", "" },
		{ ERR_USAGE, "GET", "/v1/operations/a", "{}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/pause", "[]" },
		{ ERR_USAGE, "POST", "/v1/operations/a/pause", "{" },
		{ ERR_USAGE, "POST", "/v1/operations/a/pause", "{\"now\":true}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/cancel", "{\"now\":1}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/cancel",
		    "{\"now\":true,\"now\":true}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/resume",
		    "{\"max_total_fee\":0.5}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/resume",
		    "{\"max_total_fee\":\"-1\"}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/resume", "{\"yes\":\"\"}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/resume", "{\"yes\":1}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/resume", "{\"yes\":\"2a11caf\"}" },
		{ ERR_USAGE, "POST", "/v1/keys/a/resume", "{\"yes\":\"2a11cafe0\"}" },
		{ ERR_USAGE, "POST", "/v1/keys/a/resume", "{\"yes\":\"00000000\"}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/retry", "{\"yes\":\"0x2a11ca\"}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/run", "{\"plan\":\"0x12\"}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/repair", "{\"row\":-1}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/repair", "{\"row\":\"1\"}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/repair", "{\"do\":\"pay\"}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/repair", "{\"hash\":\"0x12\"}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/retry", "{\"do\":\"skip\"}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/retry", "{\"yes\":1}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/repair", "{\"yes\":true}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/run", "{\"notify\":\"x:y\"}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/run", "{\"notify\":[1]}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/run", "{\"notify\":[\"\"]}" },
		{ ERR_USAGE, "POST", "/v1/operations/a/run", "{\"notify\":[\"a\\nb\"]}" },
		{ ERR_USAGE, "POST", "/v1/tell", "{\"text\":\"\"}" },
		{ ERR_USAGE, "POST", "/v1/tell", "{\"text\":1}" },
		{ ERR_USAGE, "POST", "/v1/subscribers/3/resume", "{\"yes\":true}" },
	};
	char name[2 * REQUEST_NAME_MAX];
	struct request q;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(
		    parse(&q, bad[i].method, bad[i].path, bad[i].body), bad[i].err);
	memset(name, 'a', sizeof name);
	memcpy(name, "/v1/operations/", 15);
	name[15 + REQUEST_NAME_MAX] = '\0';
	assert_int_equal(parse(&q, "GET", name, ""), ERR_NOT_FOUND);
	name[15 + REQUEST_NAME_MAX - 1] = '\0';
	assert_int_equal(parse(&q, "GET", name, ""), ERR_OK);
}

/* -- what is handed over --------------------------------------------------- */

static const struct handover plan = { .name = "payroll",
	.key = "payer",
	.chain = "local",
	.chain_id = 31337,
	.sender = { { 1 } },
	.rows = 2,
	.planned = { { 30 } },
	.cap = { { 1000 } },
	.facts = { .decimals = 18, .symbol = "", .file = "/a/list.csv", .gas = 21000 } };

static enum err decode(struct handover *ret, const char *text)
{
	struct fail f = { 0 };
	enum err e = handover_decode(ret, text, strlen(text), &f);

	assert_true(e == ERR_OK || (e == ERR_USAGE && f.why[0]));
	return e;
}

static void plans_come_back_as_they_went(void **state)
{
	struct handover h = plan, same;
	struct buf text;

	(void)state;
	h.facts.has_token = true;
	h.facts.fee_amount = amount_u64(7);
	h.facts.fee_to.at[3] = 9;
	buf_init(&text, REQUEST_JSON_MAX);
	assert_true(handover_encode(&text, &h));
	h.facts.fee_gas = h.facts.gas; /* which does not travel */
	assert_int_equal(decode(&same, buf_text(&text)), ERR_OK);
	assert_memory_equal(&same, &h, sizeof h);
	buf_release(&text);
}

/* The word is in the text once: with another it is no plan any more. */
static void refused_with(const char *text, const char *word, const char *other)
{
	const char *at = strstr(text, word);
	struct handover h;
	struct buf bad;

	assert_non_null(at);
	buf_init(&bad, REQUEST_JSON_MAX);
	buf_add(&bad, text, (size_t)(at - text));
	buf_add_str(&bad, other);
	buf_add_str(&bad, at + strlen(word));
	assert_int_equal(decode(&h, buf_text(&bad)), ERR_USAGE);
	buf_release(&bad);
}

static void what_is_no_plan_is_refused(void **state)
{
	static const char *const bad[][2] = { { "\"payroll\"", "\"\"" },
		{ "\"payroll\"", "\"17\"" }, { "\"payroll\"", "\"-x\"" },
		{ "\"payroll\"", "\"..\"" }, { "\"payroll\"", "\"a b\"" },
		{ "\"payroll\"", "\"a\xe2\x80\xae\"" }, { "\"payroll\"", "7" },
		{ "\"rows\":2", "\"rows\":0" }, { "\"rows\":2", "\"rows\":-1" },
		{ "\"rows\":2", "\"rows\":10000001" }, { "\"rows\":2", "\"rows\":\"2\"" },
		{ "31337", "0" }, { "\"gas\":21000", "\"gas\":0" },
		{ "\"gas\":21000", "\"gas\":30000001" },
		{ "\"decimals\":18", "\"decimals\":256" }, { "\"30\"", "\"-30\"" },
		{ "\"30\"", "\"1e3\"" }, { "\"30\"", "30" },
		{ "\"30\"",
		    "\"57896044618658097711785492504343953926634992332820282019728"
		    "792003956564819968\"" },
		{ "\"genesis\":\"0x00", "\"genesis\":\"0x" }, { "\"key\"", "\"kay\"" },
		{ "\"adopt\":false", "\"adopt\":1" },
		{ "\"adopt\":false", "\"adopt\":false,\"refund\":true" } };
	struct handover h;
	struct buf text;

	(void)state;
	buf_init(&text, REQUEST_JSON_MAX);
	assert_true(handover_encode(&text, &plan));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refused_with(buf_text(&text), bad[i][0], bad[i][1]);
	assert_int_equal(decode(&h, "[]"), ERR_USAGE);
	assert_int_equal(decode(&h, ""), ERR_USAGE);
	buf_release(&text);
}

static enum err row_count(void *ctx, const struct list_row *row, struct fail *f)
{
	int64_t *n = ctx;

	(void)f;
	assert_int_equal(row->row, ++*n);
	return ERR_OK;
}

static enum err rows(const char *text, int64_t *ret_n)
{
	struct fail f = { 0 };

	*ret_n = 0;
	return handover_rows_decode(text, strlen(text), row_count, ret_n, &f);
}

static void rows_are_read_line_by_line(void **state)
{
#define TO "\"to\":\"0x0102030405060708090a0b0c0d0e0f1011121314\""
	static const char *const bad[] = { "{}\n", "[]\n", "{\n", "\n",
		"{\"row\":1,\"line\":2," TO ",\"amount\":\"5\"}",
		"{\"row\":0,\"line\":2," TO ",\"amount\":\"5\"}\n",
		"{\"row\":1,\"line\":2," TO ",\"amount\":\"0\"}\n",
		"{\"row\":1,\"line\":2," TO ",\"amount\":5}\n",
		"{\"row\":1,\"line\":2,\"to\":\"0x01\",\"amount\":\"5\"}\n",
		"{\"row\":1,\"line\":2," TO ",\"amount\":\"5\",\"memo\":\"\"}\n",
		"{\"row\":1,\"line\":2," TO ",\"amount\":\"5\",\"memo\":\"a\\u0000\"}\n",
		"{\"row\":1,\"line\":2," TO ",\"amount\":\"5\",\"after\":9}\n" };
	struct list_row row = { .row = 1, .line = 2, .amount = { { 5 } } };
	struct buf text;
	int64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(rows(bad[i], &n), ERR_USAGE);
	buf_init(&text, REQUEST_LINES_MAX);
	for (row.row = 1; row.row <= HANDOVER_ROWS_MAX; row.row++) {
		row.memo = row.row % 2 ? "\"memo\"\n, and more" : NULL;
		row.memo_len = row.memo ? 7 : 0;
		handover_row_encode(&text, &row);
	}
	assert_int_equal(rows(buf_text(&text), &n), ERR_OK);
	assert_int_equal(n, HANDOVER_ROWS_MAX);
	handover_row_encode(&text, &row);
	assert_int_equal(rows(buf_text(&text), &n), ERR_USAGE);
	buf_release(&text);
}

/* -- answers --------------------------------------------------------------- */

static void refusals_keep_their_error(void **state)
{
	(void)state;
	for (int e = 1; e < ERR_COUNT; e++) {
		struct fail f = { 0 };
		struct buf text;
		json_t *o;

		buf_init(&text, 1000);
		wire_fail_encode(&text, (enum err)e, "it is \"so\"");
		o = json_loads(buf_text(&text), 0, NULL);
		assert_int_equal(wire_fail_decode(o, &f), e);
		assert_string_equal(f.why, "it is \"so\"");
		assert_true(wire_status((enum err)e) >= 400);
		json_decref(o);
		buf_release(&text);
	}
	assert_int_equal(wire_fail_decode(NULL, NULL), ERR_BAD_ANSWER);
}

/* A journal may hold names that no JSON can. */
static void odd_names_are_told_plainly(void **state)
{
	struct request q = { .route = ROUTE_PAUSE };
	struct told told = {
		.operation = 3, .name = "a\xff\x1b", .state = OPERATION_PAUSED
	};
	struct told same;
	struct buf text;
	json_t *o;

	(void)state;
	buf_init(&text, 1000);
	wire_told_encode(&text, &q, &told);
	o = json_loads(buf_text(&text), 0, NULL);
	assert_true(wire_told_decode(o, &same));
	assert_string_equal(same.name, "a??");
	assert_int_equal(same.state, OPERATION_PAUSED);
	json_decref(o);
	buf_release(&text);
}

/* -- an owner -------------------------------------------------------------- */

struct rig {
	struct world *world;
	struct journal *journal;
	struct runner *runner;
	struct door door;
	struct listener listener;
	struct gate *gate;
	char host[60];
	struct serve *serve;
	struct sim_key key;
	struct sim_lender lender;
	struct serve_face face;
	char path[64];
	int64_t operation;
};

static struct node_config node = { .url = "http://127.0.0.1:9", .provider = "p" };
static const struct chain_config chain = { .name = "local",
	.chain_id = 31337,
	.endpoints = &node,
	.endpoints_n = 1,
	.quorum = 1,
	.finality = { .depth = 2 },
	.max_in_flight = 10,
	.max_fee_per_gas = 1000000000,
	.poll_ms = 1000,
	.timeout_ms = 1000 };

static void journal_fill(struct rig *t)
{
	struct sql_chain_add_in in = {
		.kind = "evm", .chain_id = 31337, .name = "local"
	};
	struct airdrop_new n = handover_plan(&plan, 1, &chain, 1);

	assert_true(sql_chain_add_one(t->journal, &in, &(struct sql_chain_add_out){ 0 }));
	t->operation = airdrop_create(t->journal, &n);
	assert_true(t->operation);
	assert_int_equal(journal_commit(t->journal, NULL), ERR_OK);
}

static void owner_rise(struct rig *t)
{
	struct owner me = { .pid = 1 };

	t->key = (struct sim_key){ .name = plan.key, .address = plan.sender };
	t->lender = (struct sim_lender){ &chain, &t->key, 1 };
	t->face = sim_lender_face(&t->lender);
	assert_int_equal(world_open(&t->world, NULL), ERR_OK);
	assert_int_equal(journal_own(&t->journal, t->path, &me, NULL), ERR_OK);
	t->runner = runner_new(&(struct runner_setup){ .world = t->world,
	    .journal = t->journal,
	    .chains_room = 1,
	    .keys = command_no_keys,
	    .kinds = t->face.kinds,
	    .kinds_n = t->face.kinds_n });
	assert_int_equal(door_open(&t->door, t->path, NULL), ERR_OK);
	assert_int_equal(listener_open(&t->listener, "127.0.0.1:0", NULL), ERR_OK);
	t->gate = gate_new(&t->listener);
	assert_int_equal(serve_open(&t->serve,
			     &(struct serve_setup){ .world = t->world,
				 .journal = t->journal,
				 .door = &t->door,
				 .face = &t->face,
				 .listener = &t->listener,
				 .gate = t->gate },
			     NULL),
	    ERR_OK);
}

static void owner_rest(struct rig *t)
{
	serve_close(t->serve);
	world_free(t->world);
	runner_free(t->runner);
	door_close(&t->door);
	listener_close(&t->listener);
	gate_free(t->gate);
	journal_close(t->journal);
}

static int rig_up(void **state)
{
	struct rig *t = mem_new(sizeof *t);

	assert_int_equal(own_folder_make(NULL), 0);
	snprintf(t->path, sizeof t->path, "%s/pawl.db", own_folder);
	assert_int_equal(journal_create(t->path, NULL), ERR_OK);
	owner_rise(t);
	journal_fill(t);
	*state = t;
	return 0;
}

static int rig_down(void **state)
{
	struct rig *t = *state;

	owner_rest(t);
	free(t);
	return own_folder_remove(NULL);
}

static void ask(struct rig *t, struct seen *seen, const char *path, const char *body)
{
	char url[200];

	snprintf(url, sizeof url, "http://pawl%s", path);
	world_http(t->world,
	    &(struct http_request){ .url = url,
		.unix_socket = t->door.name,
		.body = body ? mem_str(body) : NULL,
		.body_len = body ? strlen(body) : 0,
		.timeout_ms = PATIENCE_MS,
		.answer_max = 1 << 20,
		.done = seen_take,
		.part = body ? NULL : seen_add,
		.ctx = seen });
}

static void wait_ms(struct rig *t, int64_t ms)
{
	int64_t end_ms = world_now_ms(t->world) + ms;

	while (world_now_ms(t->world) < end_ms)
		world_wait(t->world, end_ms);
}

static void turn(struct rig *t)
{
	serve_turn(t->serve, t->runner);
	assert_true(runner_turn(t->runner, NULL));
	serve_tell(t->serve, t->runner);
}

/* Turns until it is answered. */
static void until(struct rig *t, const unsigned *number, unsigned n)
{
	int64_t end_ms = world_now_ms(t->world) + PATIENCE_MS;

	while (*number < n && world_now_ms(t->world) < end_ms) {
		world_wait(t->world, world_now_ms(t->world) + 20);
		turn(t);
	}
	assert_true(*number >= n);
}

static int status(struct rig *t, const char *path, const char *body, const char *part)
{
	struct seen seen = { .calls = 0 };

	ask(t, &seen, path, body);
	until(t, &seen.calls, 1);
	assert_int_equal(seen.a.end, HTTP_ANSWERED);
	if (!strstr(seen.a.body, part))
		fail_msg("no %s in %s", part, seen.a.body);
	free(seen.a.body);
	return seen.a.status;
}

static int state_of(const struct rig *t)
{
	struct operation o;

	assert_true(operation_read(t->journal, t->operation, &o));
	return o.state;
}

static void an_answer_waits_for_its_turn(void **state)
{
	struct rig *t = *state;
	struct seen seen = { .calls = 0 };

	ask(t, &seen, "/v1/operations/payroll/pause", "{}");
	wait_ms(t, 200);
	assert_int_equal(seen.calls, 0);
	assert_int_equal(state_of(t), OPERATION_AWAITING_FUNDS);
	serve_turn(t->serve, t->runner);
	wait_ms(t, 100);
	assert_int_equal(seen.calls, 0);
	until(t, &seen.calls, 1);
	assert_int_equal(seen.a.status, 200);
	free(seen.a.body);
	assert_false(journal_writing(t->journal));
	assert_int_equal(state_of(t), OPERATION_PAUSED);
}

static void commands_need_no_node(void **state)
{
	struct rig *t = *state;

	assert_int_equal(
	    status(t, "/v1/operations/payroll/pause", "", "\"paused\""), 200);
	assert_int_equal(
	    status(t, "/v1/operations/1/resume", "{}", "\"moved\":true"), 200);
	assert_int_equal(
	    status(t, "/v1/operations/payroll/retry", "{}", "\"retried\":0"), 200);
	assert_int_equal(status(t, "/v1/operations/payroll", NULL, "\"rows\":2"), 200);
	assert_int_equal(status(t, "/v1/operations/x/pause", "{}", "NOT_FOUND"), 404);
	assert_int_equal(status(t, "/v1/operations/1/pause", "{\"a\":1}", "USAGE"), 400);
	assert_int_equal(
	    status(t, "/v1/operations/payroll/cancel", "{}", "\"cancelling\""), 200);
	assert_int_equal(
	    status(t, "/v1/operations/payroll/pause", "{}", "CONFLICT"), 409);
	assert_int_equal(status(t, "/v1/keys/nobody/resume", "{}", "CONFIG"), 400);
}

/* A refused command leaves no trace in rows or memory. */
static void what_is_refused_changes_nothing(void **state)
{
	struct rig *t = *state;
	int64_t commit_no = journal_commit_no(t->journal);

	t->key.address.at[0] ^= 1;
	assert_int_equal(
	    status(t, "/v1/operations/payroll/run",
		"{\"plan\":\"0x0000000000000000000000000000000000000000000000000000000000"
		"000000\",\"max_total_fee\":\"9\"}",
		"\"KEY\""),
	    400);
	assert_int_equal(status(t, "/v1/operations/payroll/run", "{}", "CONFLICT"), 409);
	turn(t);
	assert_int_equal(journal_commit_no(t->journal), commit_no);
}

static int rows_status(struct rig *t, int from, int to, int amount, const char *part)
{
	struct buf text;
	int s;

	buf_init(&text, REQUEST_LINES_MAX);
	for (int i = from; i <= to; i++)
		handover_row_encode(&text,
		    &(struct list_row){ .row = i,
			.line = i + 1,
			.amount = amount_u64((uint64_t)amount) });
	s = status(t, "/v1/operations/payroll/rows", buf_text(&text), part);
	buf_release(&text);
	return s;
}

static void rows_come_in_their_order(void **state)
{
	struct rig *t = *state;
	struct sql_item_get_out item;
	struct airdrop_facts a;

	assert_int_equal(rows_status(t, 2, 2, 15, "STALE"), 503);
	assert_int_equal(rows_status(t, 1, 1, 31, "INPUT"), 400);
	assert_int_equal(rows_status(t, 1, 2, 14, "INPUT"), 400);
	assert_int_equal(rows_status(t, 1, 3, 10, "STALE"), 503);
	assert_true(airdrop_read(t->journal, t->operation, &a));
	assert_int_equal(a.imported, 0);
	assert_false(sql_item_get_one(t->journal,
	    &(struct sql_item_get_in){ .operation = t->operation, .row = 1 }, &item));
	assert_int_equal(rows_status(t, 1, 1, 15, "\"imported\":1"), 200);
	assert_int_equal(rows_status(t, 1, 1, 10, "another process"), 503);
	assert_int_equal(rows_status(t, 2, 2, 16, "INPUT"), 400);
	wait_ms(t, 3100);
	assert_int_equal(rows_status(t, 1, 1, 10, "\"imported\":1"), 200);
	assert_int_equal(rows_status(t, 2, 2, 20, "\"imported\":2"), 200);
	assert_int_equal(rows_status(t, 1, 2, 15, "there already"), 503);
	assert_true(airdrop_read(t->journal, t->operation, &a));
	assert_int_equal(a.imported, 2);
}

static void lists_come_in_pages(void **state)
{
	struct rig *t = *state;
	struct airdrop_new n = handover_plan(&plan, 1, &chain, 1);
	char name[8];

	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "more%d", i);
		n.name = name;
		assert_true(airdrop_create(t->journal, &n));
	}
	assert_int_equal(journal_commit(t->journal, NULL), ERR_OK);
	assert_int_equal(
	    status(t, "/v1/operations/more4/pause", "{}", "\"paused\""), 200);
	assert_int_equal(status(t, "/v1/operations", NULL, "\"next\":null"), 200);
	assert_int_equal(status(t, "/v1/operations?limit=2", NULL,
			     "[{\"operation\":\"more4\",\"id\":6,"),
	    200);
	assert_int_equal(status(t, "/v1/operations?limit=2", NULL, "\"next\":5}"), 200);
	assert_int_equal(status(t, "/v1/operations?limit=2&before=5", NULL,
			     "[{\"operation\":\"more2\",\"id\":4,"),
	    200);
	assert_int_equal(
	    status(t, "/v1/operations?before=2&limit=1", NULL, "payroll"), 200);
	assert_int_equal(status(t, "/v1/operations?before=1", NULL,
			     "{\"operations\":[],\"next\":null}"),
	    200);
	assert_int_equal(status(t, "/v1/operations?state=paused&kind=airdrop", NULL,
			     "[{\"operation\":\"more4\""),
	    200);
	assert_int_equal(
	    status(t, "/v1/operations?state=paused&kind=fence", NULL, "[]"), 200);
	assert_int_equal(
	    status(t, "/v1/operations?kind=airdrop&before=6&limit=1", NULL, "more3"),
	    200);
	assert_int_equal(
	    status(t, "/v1/operations?state=lost", NULL, "no such state"), 400);
	assert_int_equal(
	    status(t, "/v1/operations?limit=0", NULL, "from 1 to 1000"), 400);
	assert_int_equal(status(t, "/v1/operations?limit=1001", NULL, "to 1000"), 400);
	assert_int_equal(status(t, "/v1/operations?limit=+1", NULL, "not a whole"), 400);
	assert_int_equal(
	    status(t, "/v1/operations?before=9999999999999999999", NULL, "before="), 400);
	assert_int_equal(status(t, "/v1/operations?after=1", NULL, "?after"), 400);
	assert_int_equal(status(t, "/v1/operations/1?limit=1", NULL, "?limit"), 400);
	assert_int_equal(status(t, "/v1/operations?%zz", NULL, "USAGE"), 400);
}

/* Whatever the state that is looked for, a page is a bounded work. */
static void rows_come_in_pages(void **state)
{
	struct rig *t = *state;

	assert_int_equal(rows_status(t, 1, 2, 15, "\"imported\":2"), 200);
	assert_int_equal(status(t, "/v1/operations/payroll", NULL,
			     "\"amounts\":{\"planned\":\"0.00000000000000003\""),
	    200);
	assert_int_equal(
	    status(t, "/v1/operations/1/items?limit=1", NULL,
		"\"amount\":\"0.000000000000000015\",\"state\":\"pending\"}],"
		"\"next\":1}"),
	    200);
	assert_int_equal(status(t, "/v1/operations/1/items?limit=1&after=1", NULL,
			     "[{\"row\":2,\"line\":3,"),
	    200);
	assert_int_equal(
	    status(t, "/v1/operations/1/items?limit=1&after=1", NULL, "\"next\":null}"),
	    200);
	assert_int_equal(status(t, "/v1/operations/1/items?state=void", NULL,
			     "\"items\":[],\"next\":null}"),
	    200);
	assert_int_equal(
	    status(t, "/v1/operations/1/items?after=9223372036854775807", NULL, "after="),
	    400);
	assert_int_equal(
	    status(t, "/v1/operations/1/items?after=999999999999999999", NULL, "[]"),
	    200);
	assert_int_equal(
	    status(t, "/v1/operations/1/items?state=paused", NULL, "no such state"), 400);
	assert_int_equal(status(t, "/v1/operations/9/items", NULL, "NOT_FOUND"), 404);
}

static void a_new_one_is_planned_against_all(void **state)
{
	struct rig *t = *state;
	struct handover h = plan;
	struct buf text;

	buf_init(&text, REQUEST_JSON_MAX);
	assert_true(handover_encode(&text, &h));
	assert_int_equal(
	    status(t, "/v1/handover", buf_text(&text), "another operation came"), 503);
	buf_clear(&text);
	h.seen = t->operation;
	assert_true(handover_encode(&text, &h));
	assert_int_equal(status(t, "/v1/handover", buf_text(&text), "STALE"), 503);
	buf_clear(&text);
	snprintf(h.name, sizeof h.name, "other");
	assert_true(handover_encode(&text, &h));
	assert_int_equal(status(t, "/v1/handover", buf_text(&text), "NO_QUORUM"), 503);
	buf_release(&text);
}

static void a_stream_ends_with_the_operation(void **state)
{
	struct rig *t = *state;
	struct seen seen = { .calls = 0 };

	ask(t, &seen, "/v1/operations/payroll/events", NULL);
	until(t, &seen.parts_n, 1);
	assert_int_equal(seen.calls, 0);
	assert_true(serve_wake_ms(t->serve) < INT64_MAX);
	assert_int_equal(
	    status(t, "/v1/operations/payroll/pause", "{}", "\"paused\""), 200);
	until(t, &seen.calls, 1);
	assert_int_equal(seen.a.end, HTTP_ANSWERED);
	assert_int_equal(serve_wake_ms(t->serve), INT64_MAX);
	free(seen.a.body);
}

static int watcher_open(const struct rig *t)
{
	static const char text[] =
	    "GET /v1/operations/payroll/events HTTP/1.1\r\nHost: pawl\r\n\r\n";
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(a.sun_path, t->door.name, sizeof a.sun_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	return fd;
}

/* However many watch, a command gets in. */
static void watchers_keep_no_command_out(void **state)
{
	struct rig *t = *state;
	int fds[600];

	for (int i = 0; i < 600; i++) {
		fds[i] = watcher_open(t);
		world_wait(t->world, world_now_ms(t->world));
		turn(t);
	}
	assert_int_equal(
	    status(t, "/v1/operations/payroll/events", NULL, "watch already"), 503);
	assert_int_equal(
	    status(t, "/v1/operations/payroll/pause", "{}", "\"paused\""), 200);
	for (int i = 0; i < 600; i++)
		close(fds[i]);
}

static void who_waits_when_it_ends_is_told_nothing(void **state)
{
	struct rig *t = *state;
	struct seen seen[3] = { { .calls = 0 } };

	ask(t, &seen[0], "/v1/operations/payroll/events", NULL);
	until(t, &seen[0].parts_n, 1);
	ask(t, &seen[1], "/v1/operations/payroll/pause", "{}");
	wait_ms(t, 100);
	serve_turn(t->serve, t->runner); /* a fact of a turn that never comes */
	ask(t, &seen[2], "/v1/operations/payroll/pause", "{}");
	wait_ms(t, 100);
	owner_rest(t);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(seen[i].calls, 1);
		assert_int_equal(seen[i].a.end, HTTP_UNKNOWN);
	}
	owner_rise(t);
	assert_int_equal(state_of(t), OPERATION_AWAITING_FUNDS);
}

/* -- TCP ------------------------------------------------------------------- */

#define TOKEN "b0d1f3a5c7e9-._~+/=="
#define PAUSE "POST /v1/operations/payroll/pause HTTP/1.1\r\nContent-Length: 0\r\n"

static void token_add(const struct rig *t, const char *text)
{
	char *mine = mem_str(text);
	struct secret *token = secret_new(mine, strlen(mine));

	gate_token(t->gate, "ops", token);
	secret_free(token);
	mem_free(mine);
}

static int tcp_open(const struct rig *t)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)t->listener.port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What it is told until the connection ends. */
static const char *heard(struct rig *t, int fd)
{
	static char text[8192];
	int64_t end_ms = world_now_ms(t->world) + PATIENCE_MS;
	size_t len = 0;

	text[0] = '\0';
	while (world_now_ms(t->world) < end_ms) {
		ssize_t n = recv(fd, text + len, sizeof text - 1 - len, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return text;
		len += n > 0 ? (size_t)n : 0;
		text[len] = '\0';
		world_wait(t->world, world_now_ms(t->world) + 10);
		turn(t);
	}
	fail_msg("the connection does not end: %s", text);
	return NULL;
}

/* Over TCP: the head of a request without its last line, and what the answer has. */
static void told(struct rig *t, const char *head, const char *line, const char *part)
{
	int fd = tcp_open(t);
	const char *text;

	say(fd, head);
	say(fd, "Connection: close\r\n\r\n");
	text = heard(t, fd);
	close(fd);
	if (strncmp(text, line, strlen(line)) != 0 || !strstr(text, part))
		fail_msg("%s%s: %s", head, part, text);
}

#define HOST "Host: 127.0.0.1\r\n"

/* The same, asked by the name that t->host has. */
static void told_of(struct rig *t, const char *what, const char *line, const char *part)
{
	char head[200];

	snprintf(head, sizeof head, "%s HTTP/1.1\r\n%s", what, t->host);
	told(t, head, line, part);
}

static void tcp_needs_a_token(void **state)
{
	static const char *const bad[] = { "Bearer " TOKEN "x",
		"Bearer b0d1f3a5c7e9-._~+/=", "Bearer", "Bearer ", "Basic " TOKEN, TOKEN,
		"Bearer a " TOKEN };
	struct rig *t = *state;
	char head[400];

	told(t, PAUSE HOST, "HTTP/1.1 401", "tokens: {NAME: env:VAR}");
	told(t, PAUSE HOST "Authorization: Bearer \r\n", "HTTP/1.1 401", "env:VAR");
	token_add(t, "another one, of somebody else");
	token_add(t, TOKEN);
	told(t, PAUSE HOST, "HTTP/1.1 401", "WWW-Authenticate: Bearer realm=\"pawl\"\r");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(
		    head, sizeof head, "%sAuthorization: %s\r\n", PAUSE HOST, bad[i]);
		told(t, head, "HTTP/1.1 401", "error=\"invalid_token\"");
	}
	told(t, "GET /nowhere HTTP/1.1\r\n" HOST, "HTTP/1.1 401", "USAGE");
	assert_int_equal(state_of(t), OPERATION_AWAITING_FUNDS);
	told(t, PAUSE HOST "Authorization: bearer " TOKEN "\r\n", "HTTP/1.1 200",
	    "\"paused\"");
	assert_int_equal(state_of(t), OPERATION_PAUSED);
	assert_int_equal(
	    status(t, "/v1/operations/payroll/resume", "{}", "\"moved\""), 200);
}

/* -- keys ------------------------------------------------------------------ */

static int post_begin(
    const struct rig *t, const char *path, const char *headers, const char *body)
{
	int fd = tcp_open(t);
	char text[1200];

	snprintf(text, sizeof text,
	    "POST %s HTTP/1.1\r\n" HOST "Authorization: Bearer " TOKEN
	    "\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
	    path, headers, strlen(body), body);
	say(fd, text);
	return fd;
}

/* line: that the answer begins with; part: that is in it. */
static void posted(struct rig *t, const char *path, const char *headers, const char *body,
    int expected, const char *part)
{
	int fd = post_begin(t, path, headers, body);
	const char *text = heard(t, fd);

	close(fd);
	if (strtol(text + strlen("HTTP/1.1 "), NULL, 10) != expected ||
	    !strstr(text, part))
		fail_msg("%s %s %s: no %s in %s", path, headers, body, part, text);
}

static int64_t events_n(const struct rig *t, const char *what, const char *to)
{
	struct sql_event_from_in in = { .id = 1 };
	struct sql_event_from_out e;
	int64_t n = 0;

	sql_event_from_begin(t->journal, &in);
	while (sql_event_from_next(t->journal, &e))
		n += strcmp(e.what, what) == 0 && strcmp(e.to_state, to) == 0;
	return n;
}

#define P "/v1/operations/payroll"
#define KEY(name) "Idempotency-Key: " name "\r\n"
#define REPLAYED "Idempotency-Replayed: true\r"

static void a_key_is_done_once(void **state)
{
	struct rig *t = *state;

	token_add(t, TOKEN);
	posted(t, P "/pause", KEY("a-1"), "", 200, "\"moved\":true");
	posted(t, P "/resume", "", "", 200, "\"awaiting_funds\"");
	posted(t, P "/pause", KEY("a-1"), "{}", 200, REPLAYED);
	posted(t, P "/pause", KEY("a-1"), "{ }", 200,
	    "\"state\":\"awaiting_funds\",\"moved\":true");
	assert_int_equal(state_of(t), OPERATION_AWAITING_FUNDS);
	assert_int_equal(events_n(t, "command", "pause"), 1);
	assert_int_equal(events_n(t, "asked", "PAUSE"), 1);
	/* Another token's, and who has none of it, is another key. */
	assert_int_equal(status(t, P "/pause", "{}", "\"moved\":true"), 200);
}

static void a_key_is_of_its_command(void **state)
{
	struct rig *t = *state;

	token_add(t, TOKEN);
	posted(t, P "/resume", KEY("b"), "{\"max_total_fee\":\"1.50\"}", 200, "payroll");
	posted(t, P "/resume", KEY("b"), "{\"max_total_fee\" : \"1\\u002e5\"}", 200,
	    REPLAYED);
	posted(t, P "/resume", KEY("b"), "{\"max_total_fee\":\"1.05\"}", 409,
	    "in `max_total_fee`");
	posted(t, P "/resume", KEY("b"), "{}", 409, "in `max_total_fee`");
	posted(t, P "/pause", KEY("b"), "", 409, "in `path`");
	posted(t, P "/cancel", KEY("c"), "{\"now\":false}", 200, "cancelling");
	posted(t, P "/cancel", KEY("c"), "", 200, REPLAYED);
	posted(t, P "/cancel", KEY("c"), "{\"now\":true}", 409, "in `now`");
	assert_int_equal(events_n(t, "asked", "CANCEL"), 1);
}

#define PAY(to) "{\"do\":\"transfer\",\"from\":\"x\",\"to\":\"" to "\",\"amount\":\"1\"}"

#define SOME_ROOT "c8113438d69a00d3e8efc6ce769d3bfe325b498060fb9a2070a38456b00a0005"

/* The names of peers are what they are, also where they look like hex. */
static void a_key_of_changes_is_exact(void **state)
{
	struct rig *t = *state;

	token_add(t, TOKEN);
	posted(t, "/v1/node/changes", "",
	    "{\"do\":\"credit\",\"peer\":\"x\",\"amount\":\"9\"}", 200,
	    "{\"known\":0,\"fresh\":1,\"change\":1}");
	posted(t, "/v1/node/changes", KEY("n"), PAY("a"), 200, "\"fresh\":1");
	posted(t, "/v1/node/changes", KEY("n"), PAY("a"), 200, REPLAYED);
	posted(t, "/v1/node/changes", KEY("n "), PAY("a") "\n\n", 200, REPLAYED);
	posted(t, "/v1/node/changes", KEY("n"), PAY("A"), 409, "CONFLICT");
	posted(
	    t, "/v1/node/changes", KEY("m"), PAY("x"), 400, "line 1: to: it is the peer");
	posted(t, "/v1/node/changes", KEY("o"),
	    "{\"do\":\"anchor\",\"state_root\":\"" SOME_ROOT "\",\"made_ms\":\"5\"}", 400,
	    "no anchor is made where nobody reads the log");
}

#define CREDIT(n) "{\"do\":\"credit\",\"peer\":\"x\",\"amount\":\"" n "\"}"
#define NAMED "{\"do\":\"credit\",\"peer\":\"x\",\"amount\":\"3\",\"id\":\"i\"}"
#define CHANGES "/v1/node/changes"

static void restored(const struct rig *t, const struct l2_state *s)
{
	struct book_restored r;
	struct fail f = { 0 };

	if (book_restore(t->journal, s, 1, &r, &f) != ERR_OK ||
	    journal_commit(t->journal, &f) != ERR_OK)
		fail_msg("%s", f.why);
}

/* Neither lost behind a success, nor done twice. */
static void a_key_of_what_was_taken_back_is_refused(void **state)
{
	struct rig *t = *state;
	struct l2_state one, two, theirs;

	token_add(t, TOKEN);
	posted(t, CHANGES, KEY("1"), CREDIT("9"), 200, "\"change\":1}");
	book_read(t->journal, &one);
	posted(t, CHANGES, KEY("2"), CREDIT("5") "\n" CREDIT("6"), 200,
	    "\"fresh\":2,\"change\":3}");
	posted(t, CHANGES, KEY("0"), "\n", 200, "\"fresh\":0,\"change\":0}");
	book_read(t->journal, &two);
	restored(t, &one); /* as change 4 */
	posted(t, CHANGES, KEY("2"), CREDIT("5") "\n" CREDIT("6"), 409,
	    "Key 2: what it did, changes 2 to 3, was taken back by change 4,");
	posted(t, CHANGES, KEY("1"), CREDIT("9"), 200, REPLAYED);
	posted(t, CHANGES, KEY("0"), "\n", 200, REPLAYED);
	posted(t, CHANGES, KEY("3"), CREDIT("5"), 200, "\"fresh\":1,\"change\":5}");
	/* that brings it back, and takes back what came in its place */
	restored(t, &two);
	posted(t, CHANGES, KEY("2"), CREDIT("5") "\n" CREDIT("6"), 200, REPLAYED);
	posted(t, CHANGES, KEY("3"), CREDIT("5"), 409,
	    "Key 3: what it did, change 5, was taken back by change 6,");
	/* one that found it done already; and the line comes again by its id */
	posted(t, CHANGES, "", NAMED, 200, "\"fresh\":1,\"change\":7}");
	posted(
	    t, CHANGES, KEY("4"), NAMED, 200, "{\"known\":1,\"fresh\":0,\"change\":7}");
	restored(t, &two);
	posted(t, CHANGES, KEY("4"), NAMED, 409,
	    "Key 4: what it found done, change 7, was taken back by change 8,");
	posted(t, CHANGES, KEY("3"), CREDIT("5"), 409,
	    "Key 3: what it did, change 5, was taken back by change 6,");
	posted(t, CHANGES, KEY("5"), NAMED, 200, "\"fresh\":1,\"change\":9}");
	/* what a state from elsewhere has nobody can say */
	l2_state_init(&theirs);
	l2_state_add(&theirs, L2_BALANCES, &(struct l2_balance){ l2_text("z"), 7 });
	restored(t, &theirs); /* as change 10 */
	posted(t, CHANGES, "", CREDIT("1"), 200, "\"change\":11}");
	posted(t, CHANGES, KEY("2"), CREDIT("5") "\n" CREDIT("6"), 409,
	    "Key 2: what it did, changes 2 to 3, was before the state was replaced by "
	    "one from elsewhere, by change 10;");
	restored(t, &two);
	posted(t, CHANGES, KEY("2"), CREDIT("5") "\n" CREDIT("6"), 200, REPLAYED);
	l2_state_release(&one);
	l2_state_release(&two);
	l2_state_release(&theirs);
}

static void what_is_refused_leaves_its_key_free(void **state)
{
	struct rig *t = *state;
	char key[400] = "Idempotency-Key: ";

	token_add(t, TOKEN);
	posted(t, "/v1/operations/x/pause", KEY("d"), "", 404, "NOT_FOUND");
	posted(t, P "/pause", KEY("d"), "{\"a\":1}", 400, "USAGE");
	posted(t, P "/pause", KEY("d"), "", 200, "\"paused\"");
	posted(t, P "/resume", KEY("e") KEY("f"), "", 400, "said once");
	posted(t, P "/resume", "Idempotency-Key:\r\n", "", 400, "1 to 255 visible");
	posted(t, P "/resume", KEY("a b"), "", 400, "1 to 255 visible");
	memset(key + 17, 'k', 256);
	memcpy(key + 17 + 256, "\r\n", 3);
	posted(t, P "/resume", key, "", 400, "1 to 255 visible");
	memcpy(key + 17 + 255, "\r\n", 3);
	posted(t, P "/resume", key, "", 200, "\"moved\":true");
	posted(t, P "/resume", key, "", 200, REPLAYED);
}

/* Both are asked before the first is committed. */
static void two_at_once_have_one_outcome(void **state)
{
	struct rig *t = *state;
	int fds[2];
	unsigned replayed = 0;

	token_add(t, TOKEN);
	for (int i = 0; i < 2; i++)
		fds[i] = post_begin(t, P "/pause", KEY("g"), "");
	wait_ms(t, 200);
	for (int i = 0; i < 2; i++) {
		const char *text = heard(t, fds[i]);

		assert_non_null(strstr(text, "\"moved\":true"));
		replayed += strstr(text, REPLAYED) != NULL;
		close(fds[i]);
	}
	assert_int_equal(replayed, 1);
	assert_int_equal(events_n(t, "command", "pause"), 1);
}

/* Whoever owned the journal when it was asked. */
static void a_key_outlives_its_owner(void **state)
{
	struct rig *t = *state;

	token_add(t, TOKEN);
	posted(t, P "/pause", KEY("h"), "", 200, "\"moved\":true");
	owner_rest(t);
	owner_rise(t);
	token_add(t, TOKEN);
	posted(t, P "/pause", KEY("h"), "", 200, REPLAYED);
	posted(t, P "/resume", KEY("h"), "", 409, "in `path`");
}

/* -- the log --------------------------------------------------------------- */

#define LOG_BYTES (1 << 22)

struct reader {
	int fd;
	char *text;
	size_t len;
};

static void reader_open(
    struct rig *t, struct reader *r, const char *query, const char *header)
{
	char head[300];

	*r = (struct reader){ .fd = tcp_open(t), .text = mem_new(LOG_BYTES) };
	snprintf(head, sizeof head,
	    "GET /v1/events%s HTTP/1.1\r\n" HOST "Authorization: Bearer " TOKEN
	    "\r\n%s\r\n",
	    query, header);
	say(r->fd, head);
}

static void reader_close(struct reader *r)
{
	close(r->fd);
	free(r->text);
}

/* Until this is there; what came before it, too. */
static void reads(struct rig *t, struct reader *r, const char *part)
{
	int64_t end_ms = world_now_ms(t->world) + PATIENCE_MS;
	size_t from = 0;

	while (!strstr(r->text + from, part) && world_now_ms(t->world) < end_ms) {
		ssize_t n =
		    recv(r->fd, r->text + r->len, LOG_BYTES - 1 - r->len, MSG_DONTWAIT);

		from = r->len > 100 ? r->len - 100 : 0;
		r->len += n > 0 ? (size_t)n : 0;
		r->text[r->len] = '\0';
		world_wait(t->world, world_now_ms(t->world) + 1);
		turn(t);
	}
	if (!strstr(r->text + from, part))
		fail_msg("no %s in %.3000s", part, r->text + from);
}

/* Each event once, and in order. */
static int64_t events_of(const struct reader *r, int64_t first)
{
	int64_t next = first;
	const char *at = r->text;

	while ((at = strstr(at, "\nevent: event\ndata: {\"id\":"))) {
		at += strlen("\nevent: event\ndata: {\"id\":");
		assert_int_equal(strtoll(at, NULL, 10), next);
		next++;
	}
	return next - first;
}

/* So long that no kernel takes all of them for who does not read. */
static void many_events(const struct rig *t, int n)
{
	char why[1000];

	memset(why, 'y', sizeof why - 1);
	why[sizeof why - 1] = '\0';
	for (int i = 0; i < n; i++)
		journal_event(t->journal,
		    &(struct event){ .operation = t->operation,
			.what = "test",
			.from = "",
			.to = "",
			.why = why });
	assert_int_equal(journal_commit(t->journal, NULL), ERR_OK);
}

static void the_log_is_followed_and_resumed(void **state)
{
	struct rig *t = *state;
	struct reader all, some;
	char header[60];
	int64_t n;

	token_add(t, TOKEN);
	reader_open(t, &all, "?after=0", "");
	reader_open(t, &some, "", "");
	reads(t, &all, "\"to\":\"awaiting_funds\"");
	reads(t, &some, "id: ");
	assert_int_equal(status(t, P "/pause", "{}", "\"paused\""), 200);
	reads(t, &all, "\"to\":\"pause\"");
	reads(t, &some, "\"to\":\"pause\"");
	assert_null(strstr(some.text, "\"to\":\"awaiting_funds\""));
	n = events_of(&all, 1);
	reader_close(&all);
	reader_close(&some);
	assert_int_equal(status(t, P "/resume", "{}", "\"moved\":true"), 200);
	owner_rest(t);
	owner_rise(t);
	token_add(t, TOKEN);
	snprintf(header, sizeof header, "Last-Event-ID: %lld\r\n", (long long)n);
	reader_open(t, &all, "?after=0", header);
	reads(t, &all, "\"to\":\"resume\"");
	assert_true(events_of(&all, n + 1) > 0);
	reader_close(&all);
	reader_open(t, &some, "?after=0&operation=payroll", "");
	reads(t, &some, "\"to\":\"resume\"");
	assert_null(strstr(some.text, "\"what\":\"owner\""));
	reader_close(&some);
	assert_int_equal(status(t, "/v1/events?after=99999", NULL, "put back"), 409);
	assert_int_equal(status(t, "/v1/events?operation=x", NULL, "NOT_FOUND"), 404);
	assert_int_equal(status(t, "/v1/events?operation=", NULL, "USAGE"), 400);
	assert_int_equal(status(t, "/v1/events?after=-1", NULL, "after="), 400);
}

/* Whoever reads slowly misses nothing, and what he has not read yet is kept for nobody:
 * the others are told meanwhile. */
static void a_slow_reader_misses_nothing(void **state)
{
	struct rig *t = *state;
	struct reader slow, quick;
	int64_t first = events_n(t, "test", ""), before;
	const int small = 16384; /* what the kernel takes for him */

	assert_int_equal(first, 0);
	assert_int_equal(
	    setsockopt(t->listener.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	token_add(t, TOKEN);
	reader_open(t, &slow, "?after=0", "");
	reader_open(t, &quick, "?after=0", "");
	reads(t, &quick, "\"to\":\"awaiting_funds\"");
	before = events_of(&quick, 1);
	for (int i = 0; i < 5; i++) {
		many_events(t, 150);
		wait_ms(t, 20);
		turn(t);
	}
	assert_int_equal(status(t, P "/pause", "{}", "\"paused\""), 200);
	reads(t, &quick, "\"to\":\"pause\"");
	reads(t, &slow, "\"to\":\"pause\"");
	assert_true(events_of(&quick, 1) > before + 750);
	assert_int_equal(events_of(&slow, 1), events_of(&quick, 1));
	reader_close(&slow);
	reader_close(&quick);
}

/* A proxy that begins anew has its places at once. */
static void who_left_keeps_no_place(void **state)
{
	struct rig *t = *state;
	struct reader them[64], one;

	token_add(t, TOKEN);
	for (int i = 0; i < 64; i++) {
		reader_open(t, &them[i], "", "");
		reads(t, &them[i], "id: ");
	}
	reader_open(t, &one, "", "");
	reads(t, &one, "64 follow already");
	reader_close(&one);
	for (int i = 0; i < 64; i++)
		reader_close(&them[i]);
	reader_open(t, &one, "", "");
	reads(t, &one, "\r\n\r\n");
	assert_non_null(strstr(one.text, "HTTP/1.1 200 "));
	reader_close(&one);
}

/* -- pages ----------------------------------------------------------------- */

/* %: the port of the listener. */
static void from_origin(
    struct rig *t, const char *origin, const char *line, const char *part)
{
	const char *hole = strchr(origin, '%');
	char head[400];

	if (hole)
		snprintf(head, sizeof head,
		    PAUSE HOST "Authorization: Bearer " TOKEN "\r\nOrigin: %.*s%u%s\r\n",
		    (int)(hole - origin), origin, t->listener.port, hole + 1);
	else
		snprintf(head, sizeof head,
		    PAUSE HOST "Authorization: Bearer " TOKEN "\r\nOrigin: %s\r\n",
		    origin);
	told(t, head, line, part);
}

static void pages_of_others_are_refused(void **state)
{
	static const char *const bad[] = { "http://evil.example", "null",
		"http://127.0.0.1", "https://127.0.0.1:%",
		"http://127.0.0.1:%.evil.example", "http://evil.example:%" };
	static const char *const own[] = { "http://127.0.0.1:%", "http://localhost:%",
		"http://[::1]:%" };
	struct rig *t = *state;

	token_add(t, TOKEN);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		from_origin(t, bad[i], "HTTP/1.1 403", "another origin");
	assert_int_equal(state_of(t), OPERATION_AWAITING_FUNDS);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		from_origin(t, own[i], "HTTP/1.1 200", "\"paused\"");
}

/* Hundreds that say nothing, or too slowly, and more than may watch: the socket of the
 * owner is as free as ever, and so is TCP when they are gone. */
static void tcp_takes_no_place_of_the_socket(void **state)
{
	struct rig *t = *state;
	int fds[220];

	token_add(t, TOKEN);
	for (int i = 0; i < 220; i++) {
		fds[i] = tcp_open(t);
		if (i < 100)
			say(fds[i],
			    "GET /v1/operations/payroll/events HTTP/1.1\r\n" HOST
			    "Authorization: Bearer " TOKEN "\r\n\r\n");
		else
			say(fds[i], "GET /v1/operations/pay");
		world_wait(t->world, world_now_ms(t->world));
		turn(t);
	}
	assert_int_equal(
	    status(t, "/v1/operations/payroll/pause", "{}", "\"paused\""), 200);
	assert_int_equal(
	    status(t, "/v1/operations/payroll/events", NULL, "event: end"), 200);
	for (int i = 0; i < 220; i++)
		close(fds[i]);
	told(t, PAUSE HOST "Authorization: Bearer " TOKEN "\r\n", "HTTP/1.1 200",
	    "\"paused\"");
}

static void its_health_needs_no_token(void **state)
{
	struct rig *t = *state;

	told(t, "GET /health HTTP/1.1\r\nHost: evil.example:80\r\n", "HTTP/1.1 403",
	    "USAGE");
	snprintf(t->host, sizeof t->host, "Host: localhost:%u\r\n", t->listener.port);
	told_of(t, "GET /health", "HTTP/1.1 200", "{\"status\":\"healthy\"");
	told_of(t, "GET /ready", "HTTP/1.1 200", "{\"ready\":true}");
	told_of(t, "POST /health", "HTTP/1.1 401", "");
	told_of(t, "GET /healthy", "HTTP/1.1 401", "");
	assert_int_equal(status(t, "/health", NULL, ""), 200);
	assert_int_equal(status(t, "/health", "", "METHOD"), 405);
}

static void its_metrics_need_one(void **state)
{
	struct rig *t = *state;

	snprintf(t->host, sizeof t->host, "Host: localhost:%u\r\n", t->listener.port);
	told_of(t, "GET /metrics", "HTTP/1.1 401", "");
	gate_open_metrics(t->gate);
	told_of(t, "GET /metrics", "HTTP/1.1 200",
	    "\npawl_operations{kind=\"airdrop\",state=\"awaiting_funds\"} 1\n");
	told_of(t, "GET /v1/operations/payroll", "HTTP/1.1 401", "");
	assert_int_equal(
	    status(t, "/metrics", NULL, "\npawl_items{state=\"pending\"} 2\n"), 200);
}

/* In which no turn can be taken. */
static void a_full_disk_is_unhealthy(void **state)
{
	static const char *const paths[] = { "/health", "/ready" };
	struct rig *t = *state;

	for (int i = 0; i < 2; i++) {
		struct seen seen = { .calls = 0 };
		int64_t end_ms = world_now_ms(t->world) + PATIENCE_MS;

		ask(t, &seen, paths[i], NULL);
		while (!seen.calls && world_now_ms(t->world) < end_ms) {
			world_wait(t->world, world_now_ms(t->world) + 20);
			serve_full(t->serve, "the disk of pawl.db is full");
		}
		assert_int_equal(seen.a.status, 503);
		assert_non_null(strstr(seen.a.body, "the disk of pawl.db is full"));
		free(seen.a.body);
	}
}

static void addresses_are_read(void **state)
{
	static const char *const bad[] = { "", ":", ":8080", "8080", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
		"127.0.0.1:080800", "127.1:80", "example.org:80", "::1:8080", "[::1]",
		"[::1]8080", "[]:80", "[:80", "[127.0.0.1]:80", " 127.0.0.1:80",
		"127.0.0.1:80 ",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:80" };
	struct listener l, other;
	struct fail f = { 0 };
	int unread = 0;
	socklen_t unread_len = sizeof unread;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_non_null(listener_fault(bad[i]));
		assert_int_equal(listener_open(&l, bad[i], &f), ERR_CONFIG);
		listener_close(&l);
	}
	assert_int_equal(listener_open(&l, "localhost:0", &f), ERR_OK);
	assert_true(l.loopback && l.port);
	assert_int_equal(
	    getsockopt(l.fd, SOL_SOCKET, SO_SNDBUF, &unread, &unread_len), 0);
	assert_true(unread <= 512 * 1024); /* and does not grow, once it is said */
	assert_int_equal(listener_open(&other, l.at, &f), ERR_CONFIG);
	assert_non_null(strstr(f.why, "in use by another program"));
	listener_close(&other);
	listener_close(&l);
	assert_int_equal(listener_open(&l, "0.0.0.0:0", &f), ERR_OK);
	assert_false(l.loopback);
	listener_close(&l);
	assert_int_equal(listener_open(&l, "192.0.2.1:0", &f), ERR_CONFIG);
	assert_non_null(strstr(f.why, "no address of this machine"));
	listener_close(&l);
	assert_null(listener_fault("[::1]:8080"));
}

/* -- who asks --------------------------------------------------------------- */

struct heard {
	unsigned n;
	char why[300];
	int64_t left_ms;
};

static void hear(void *ctx, const char *why, int64_t left_ms)
{
	struct heard *h = ctx;

	h->n++;
	h->left_ms = left_ms;
	snprintf(h->why, sizeof h->why, "%s", why);
}

/* He takes no turns. */
static void a_silent_owner_is_named_and_asked_once(void **state)
{
	struct rig *t = *state;
	struct request q = { .route = ROUTE_PAUSE, .name = "payroll" };
	struct heard heard = { .n = 0 };
	struct client *c = NULL;
	struct fail f = { .err = ERR_OK };
	struct told told;
	char me[60];

	snprintf(me, sizeof me, "kill -CONT %d", (int)getpid());
	assert_int_equal(client_open(&c, t->path, NULL), ERR_OK);
	client_waits(c, 1, 300, hear, &heard);
	assert_int_equal(client_command(c, &q, &told, &f), ERR_UNANSWERED);
	assert_int_equal(heard.n, 1);
	assert_non_null(strstr(heard.why, me));
	assert_in_range(heard.left_ms, 1, 299);
	assert_non_null(strstr(f.why, me));
	assert_non_null(strstr(f.why, "may have done what was asked, or do it when it"));
	assert_false(client_lost(c, ERR_UNANSWERED));
	client_close(c);
}

/* -- the door -------------------------------------------------------------- */

static void a_dead_socket_is_replaced(void **state)
{
	struct rig *t = *state;
	struct door other;
	struct fail f = { 0 };
	struct stat s;
	char path[80];

	snprintf(path, sizeof path, "%s.sock", t->path);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	assert_true(door_answers(&t->door, NULL));
	assert_int_equal(door_open(&other, t->path, &f), ERR_CONFLICT);
	door_close(&other);
	assert_int_equal(stat(path, &s), 0);
	serve_close(t->serve);
	t->serve = NULL;
	close(t->door.listen_fd); /* as a death does */
	t->door.listen_fd = -1;
	assert_false(door_answers(&t->door, NULL));
	assert_int_equal(door_open(&other, t->path, &f), ERR_OK);
	assert_true(door_answers(&other, NULL));
	door_close(&other);
	assert_int_equal(stat(path, &s), -1);
	/* What is no socket is nobody's to remove. */
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(door_open(&other, t->path, &f), ERR_CONFLICT);
	door_close(&other);
	assert_int_equal(stat(path, &s), 0);
}

static void a_name_may_be_too_long(void **state)
{
	char path[300] = "/tmp/";
	struct fail f = { 0 };
	struct door d;

	(void)state;
	memset(path + 5, 'x', 100);
	assert_int_equal(door_open(&d, path, &f), ERR_CONFIG);
	assert_non_null(strstr(f.why, "call the journal by a name"));
	door_close(&d);
}

#define RIG(test) cmocka_unit_test_setup_teardown(test, rig_up, rig_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(what_is_told_comes_back),
		cmocka_unit_test(what_is_no_request_is_refused),
		cmocka_unit_test(plans_come_back_as_they_went),
		cmocka_unit_test(what_is_no_plan_is_refused),
		cmocka_unit_test(rows_are_read_line_by_line),
		cmocka_unit_test(refusals_keep_their_error),
		cmocka_unit_test(odd_names_are_told_plainly),
		RIG(an_answer_waits_for_its_turn),
		RIG(commands_need_no_node),
		RIG(what_is_refused_changes_nothing),
		RIG(rows_come_in_their_order),
		RIG(lists_come_in_pages),
		RIG(rows_come_in_pages),
		RIG(a_new_one_is_planned_against_all),
		RIG(a_stream_ends_with_the_operation),
		RIG(watchers_keep_no_command_out),
		RIG(who_waits_when_it_ends_is_told_nothing),
		RIG(tcp_needs_a_token),
		RIG(a_key_is_done_once),
		RIG(a_key_is_of_its_command),
		RIG(a_key_of_changes_is_exact),
		RIG(a_key_of_what_was_taken_back_is_refused),
		RIG(what_is_refused_leaves_its_key_free),
		RIG(two_at_once_have_one_outcome),
		RIG(a_key_outlives_its_owner),
		RIG(the_log_is_followed_and_resumed),
		RIG(a_slow_reader_misses_nothing),
		RIG(who_left_keeps_no_place),
		RIG(pages_of_others_are_refused),
		RIG(tcp_takes_no_place_of_the_socket),
		RIG(its_health_needs_no_token),
		RIG(its_metrics_need_one),
		RIG(a_full_disk_is_unhealthy),
		cmocka_unit_test(addresses_are_read),
		RIG(a_silent_owner_is_named_and_asked_once),
		RIG(a_dead_socket_is_replaced),
		cmocka_unit_test(a_name_may_be_too_long),
	};

	secret_setup();
	return cmocka_run_group_tests_name("serve", tests, NULL, NULL);
}
