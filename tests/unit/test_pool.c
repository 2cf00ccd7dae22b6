/* The pool of nodes, in a world where time stands until it is told to move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "chain/pool/limit.h"
#include "chain/pool/pool.h"
#include "crypto/secret.h"

#define QUEUE 64
#define MINUTE_MS 60000

/* -- a world in one struct ------------------------------------------------- */

struct fake {
	struct world world;
	int64_t now_ms;
	uint64_t chance;
	struct http_request asked[QUEUE];
	int first, asked_n;
};

static struct fake fake;

static int64_t fake_now_ms(struct world *w)
{
	(void)w;
	return fake.now_ms;
}

static void fake_random(struct world *w, void *out, size_t len)
{
	uint8_t *at = out;

	(void)w;
	for (size_t i = 0; i < len; i++) {
		fake.chance =
		    fake.chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
		at[i] = (uint8_t)(fake.chance >> 56);
	}
}

static void fake_http(struct world *w, const struct http_request *q)
{
	(void)w;
	assert_in_range(fake.asked_n, 0, QUEUE - 1);
	fake.asked[fake.asked_n++] = *q;
}

static const struct world_ops ops = {
	.now_ms = fake_now_ms,
	.wall_ms = fake_now_ms,
	.random = fake_random,
	.http = fake_http,
};

/* The oldest request gets its answer. */
static void answer(struct http_answer a)
{
	struct http_request *q = &fake.asked[fake.first++];

	assert_true(fake.first <= fake.asked_n);
	a.body = a.body ? mem_str(a.body) : NULL;
	a.body_len = a.body ? strlen(a.body) : 0;
	free(q->body);
	q->done(q->ctx, &a);
	free(a.body);
	if (fake.first == fake.asked_n)
		fake.first = fake.asked_n = 0;
}

#define RPC "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"0x1\"}"

static struct http_answer status(int code, const char *body)
{
	return (struct http_answer){ .end = HTTP_ANSWERED,
		.status = code,
		.retry_after_ms = -1,
		.body = (char *)(uintptr_t)body };
}

static const struct http_answer lost = {
	.end = HTTP_UNKNOWN, .retry_after_ms = -1, .why = "timeout"
};

static struct pool_answer got;
static char *got_text;
static int answers;

static void keep(void *ctx, struct pool_answer *a)
{
	assert_ptr_equal(ctx, &fake);
	free(got_text);
	got = *a;
	got_text = a->answer;
	a->answer = NULL;
	answers++;
}

static void put(struct pool *p, int node)
{
	struct buf body;

	buf_init(&body, 100);
	buf_add_str(&body, "{}");
	pool_ask(p, node, &body, keep, &fake);
	assert_null(body.data);
}

static void ask(struct pool *p, int node, struct http_answer a)
{
	put(p, node);
	answer(a);
}

static struct pool *pool_of(int n)
{
	static const struct node_config nodes[] = { { .url = "http://a:1/" },
		{ .url = "http://b:2/" }, { .url = "http://c:3/" } };

	fake = (struct fake){ .world = { &ops }, .now_ms = 1000000, .chance = 7 };
	answers = 0;
	return pool_new(&fake.world, nodes, n, 5000);
}

static void release(struct pool *p)
{
	pool_free(p);
	free(got_text);
	got_text = NULL;
}

static bool ready(const struct pool *p, int node)
{
	int64_t at;

	return pool_ready(p, node, &at);
}

/* -- answers --------------------------------------------------------------- */

static void answers_are_judged(void **state)
{
	static const struct {
		int code;
		const char *body;
		enum err err;
	} rows[] = {
		{ 200, RPC, ERR_OK },
		{ 200, " \n[]", ERR_OK },
		{ 200, "<html>", ERR_BAD_ANSWER },
		{ 200, "", ERR_BAD_ANSWER },
		{ 500, RPC, ERR_OK }, /* nodes answer errors so */
		{ 400, RPC, ERR_OK },
		{ 500, "{\"message\":\"sorry\"}", ERR_UNANSWERED },
		{ 502, "<html>", ERR_UNANSWERED },
		{ 504, "", ERR_UNANSWERED },
		{ 429, RPC, ERR_RATE_LIMITED },
		{ 401, "{\"message\":\"no\"}", ERR_NODE_REFUSED },
		{ 302, "", ERR_NODE_REFUSED },
		{ 408, "", ERR_NODE_BUSY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pool *p = pool_of(1);

		ask(p, 0, status(rows[i].code, rows[i].body));
		assert_int_equal(got.err, rows[i].err);
		assert_int_equal(answers, 1);
		if (rows[i].err == ERR_OK)
			assert_string_equal(got_text, rows[i].body);
		else
			assert_null(got_text);
		release(p);
	}
}

static void lost_answers_are_unknown(void **state)
{
	struct pool *p = pool_of(1);
	struct http_answer unsent = {
		.end = HTTP_NOT_SENT, .retry_after_ms = -1, .why = "refused"
	};

	(void)state;
	ask(p, 0, lost);
	assert_int_equal(err_class(got.err), CLASS_UNKNOWN);
	assert_string_equal(pool_node(p, 0)->last_error, "timeout");
	ask(p, 0, unsent);
	assert_int_equal(got.err, ERR_NOT_SENT);
	release(p);
}

/* -- backoff and breaker --------------------------------------------------- */

/* Full jitter: all of 0 to the bound, which doubles, and never more than 5 s. */
static void backoff_grows_with_jitter(void **state)
{
	int64_t bound = 100;

	(void)state;
	for (int failures = 1; failures < 12; failures++) {
		int64_t least = INT64_MAX, most = 0;

		for (uint64_t world = 0; world < 200; world++) {
			struct pool *p = pool_of(1);
			int64_t at;

			fake.chance = world * 99991;
			for (int i = 0; i < failures; i++)
				ask(p, 0, lost);
			pool_ready(p, 0, &at);
			at -= fake.now_ms;
			least = at < least ? at : least;
			most = at > most ? at : most;
			release(p);
		}
		assert_in_range(most, bound * 9 / 10, bound);
		assert_in_range(least, 0, bound / 10);
		bound = 2 * bound < 5000 ? 2 * bound : 5000;
	}
}

static void five_failures_shut_a_node(void **state)
{
	struct pool *p = pool_of(2);
	int64_t at;

	(void)state;
	for (int i = 0; i < 4; i++)
		ask(p, 0, lost);
	fake.now_ms += 5000;
	assert_true(ready(p, 0));
	ask(p, 0, lost);
	assert_false(pool_ready(p, 0, &at));
	assert_int_equal(at, fake.now_ms + MINUTE_MS);
	assert_int_equal(pool_node(p, 0)->not_before_ms, at);
	fake.now_ms += MINUTE_MS - 1;
	assert_false(ready(p, 0));
	fake.now_ms++;
	assert_true(ready(p, 0)); /* half open: one probe */
	put(p, 0);
	assert_false(ready(p, 0));
	answer(lost);
	assert_false(pool_ready(p, 0, &at));
	assert_int_equal(at, fake.now_ms + MINUTE_MS); /* shut again */
	fake.now_ms += MINUTE_MS;
	ask(p, 0, status(200, RPC));
	assert_true(ready(p, 0));
	put(p, 0);
	assert_true(ready(p, 0)); /* open */
	answer(status(200, RPC));
	assert_int_equal(pool_node(p, 0)->failures_in_a_row, 0);
	release(p);
}

static void the_last_node_is_never_shut(void **state)
{
	struct pool *p = pool_of(2);
	int64_t at;

	(void)state;
	for (int i = 0; i < 5; i++)
		ask(p, 0, lost);
	for (int i = 0; i < 30; i++) {
		ask(p, 1, lost);
		pool_ready(p, 1, &at);
		assert_in_range(at, fake.now_ms, fake.now_ms + 5000);
	}
	assert_false(ready(p, 0));
	/* the other one goes: now the shut one is the last */
	pool_leave_out(p, 1, "behind");
	fake.now_ms += 5000;
	assert_true(ready(p, 0));
	pool_leave_out(p, 1, NULL);
	assert_false(ready(p, 0));
	release(p);
}

/* -- rate limits ----------------------------------------------------------- */

static void a_429_is_honoured_and_no_failure(void **state)
{
	struct pool *p = pool_of(2);
	struct http_answer slow = status(429, "");
	int64_t at;

	(void)state;
	ask(p, 0, slow);
	assert_false(pool_ready(p, 0, &at));
	assert_int_equal(at, fake.now_ms + 1000); /* without Retry-After */
	slow.retry_after_ms = 30000;
	for (int i = 0; i < 9; i++)
		ask(p, 0, slow);
	assert_false(pool_ready(p, 0, &at));
	assert_int_equal(at, fake.now_ms + 30000);
	assert_int_equal(pool_node(p, 0)->failures_in_a_row, 0);
	assert_int_equal(pool_node(p, 0)->rate_limited, 10);
	slow.retry_after_ms = INT64_MAX; /* not for ever */
	ask(p, 0, slow);
	assert_false(pool_ready(p, 0, &at));
	assert_int_equal(at, fake.now_ms + 3600000);
	release(p);
}

/* An answer to what was asked before the 429 does not end the wait. */
static void a_429_holds_whatever_else_comes(void **state)
{
	struct pool *p = pool_of(1);
	struct http_answer slow = status(429, "");
	int64_t at;

	(void)state;
	slow.retry_after_ms = 30000;
	put(p, 0);
	put(p, 0);
	put(p, 0);
	answer(slow);
	answer(status(200, RPC));
	assert_false(pool_ready(p, 0, &at));
	assert_int_equal(at, fake.now_ms + 30000);
	slow.retry_after_ms = 10;
	answer(slow);
	assert_false(pool_ready(p, 0, &at));
	assert_int_equal(at, fake.now_ms + 30000);
	release(p);
}

/* Whoever says when to come back: a 503 is a failure, and waited for as well. */
static void a_503_that_says_when_is_waited_for(void **state)
{
	struct pool *p = pool_of(2);
	struct http_answer away = status(503, "");
	int64_t at;

	(void)state;
	away.retry_after_ms = 20000;
	ask(p, 0, away);
	assert_false(pool_ready(p, 0, &at));
	assert_int_equal(at, fake.now_ms + 20000);
	assert_int_equal(pool_node(p, 0)->failures_in_a_row, 1);
	assert_int_equal(pool_best(p, 0, &at), 1); /* the next endpoint, at once */
	fake.now_ms += 20000;
	assert_true(ready(p, 0));
	release(p);
}

/* After a 429 at ten a second, five a second; each quiet second gives one more. */
static void a_429_slows_down(void **state)
{
	struct pool *p = pool_of(1);
	struct http_answer slow = status(429, "");
	int asked = 0;

	(void)state;
	slow.retry_after_ms = 0;
	for (int i = 0; i < 9; i++)
		ask(p, 0, status(200, RPC));
	ask(p, 0, slow);
	for (int ms = 0; ms < 1000; ms += 10) {
		fake.now_ms += 10;
		if (!ready(p, 0))
			continue;
		ask(p, 0, status(200, RPC));
		asked++;
	}
	assert_in_range(asked, 4, 6);
	for (int ms = 0; ms < 2000; ms += 10) {
		fake.now_ms += 10;
		if (!ready(p, 0))
			continue;
		ask(p, 0, status(200, RPC));
		asked++;
	}
	assert_in_range(asked, 16, 22);
	release(p);
}

static void put_batch(struct pool *p, int node, int calls)
{
	struct buf body;

	buf_init(&body, 10000);
	for (int i = 0; i < calls; i++)
		buf_add_str(&body,
		    i ? ",{\"jsonrpc\":\"2.0\",\"id\":1}"
		      : "[{\"jsonrpc\":\"2.0\",\"id\":0}");
	pool_ask(p, node, &body, keep, &fake);
	answer(status(200, RPC));
}

static struct pool *pool_with(const char *url, int rate, int burst)
{
	struct node_config node = { .url = url, .rate = rate, .burst = burst };

	fake = (struct fake){ .world = { &ops }, .now_ms = 1000000, .chance = 7 };
	return pool_new(&fake.world, &node, 1, 5000);
}

/* How many single calls can leave in so long, when one does whenever it may. */
static int asked_in(struct pool *p, int64_t ms)
{
	int64_t until_ms = fake.now_ms + ms, at = 0;
	int n = 0;

	while (fake.now_ms < until_ms) {
		if (pool_ready(p, 0, &at)) {
			put_batch(p, 0, 1);
			assert_in_range(++n, 1, 20000);
		} else {
			fake.now_ms = at;
		}
	}
	return n;
}

static void a_rate_that_is_told_is_kept(void **state)
{
	struct pool *p = pool_with("http://a/", 10, 5);

	(void)state;
	assert_int_equal(asked_in(p, 1), 5);
	assert_int_equal(asked_in(p, 10000), 100);
	fake.now_ms += 3600000; /* a long pause gives the burst, and no more */
	assert_int_equal(asked_in(p, 1), 5);
	release(p);
	p = pool_with("http://a/", 7, 0); /* the burst is a second of it */
	assert_int_equal(asked_in(p, 1), 7);
	assert_int_equal(asked_in(p, 60000), 420);
	release(p);
}

/* It may leave a debt, which is waited for. */
static void each_call_of_a_batch_counts(void **state)
{
	struct pool *p = pool_with("http://a/", 10, 20);
	struct pool_figures figures;
	int64_t at;

	(void)state;
	put_batch(p, 0, 20);
	assert_false(pool_ready(p, 0, &at));
	assert_int_equal(at, fake.now_ms + 100);
	fake.now_ms = at;
	assert_true(ready(p, 0));
	put_batch(p, 0, 100);
	assert_false(pool_ready(p, 0, &at));
	assert_int_equal(at, fake.now_ms + 10000);
	pool_figures(p, 0, &figures);
	assert_int_equal(figures.standing, NODE_HELD);
	assert_int_equal(figures.until_ms, at);
	assert_string_equal(figures.why, "as many calls as its rate allows");
	pool_reset(p, 0);
	assert_true(ready(p, 0));
	release(p);
}

/* In no such time more than the provider says, also from a start on. */
static void limits_of_providers_are_known(void **state)
{
	static const struct {
		const char *url;
		int most, ms;
	} rows[] = {
		{ "https://bsc-dataseed1.bnbchain.org/", 10000, 300000 },
		{ "https://BSC-DATASEED.binance.org", 10000, 300000 },
		{ "https://rpc.ankr.com/eth/0123456789", 30, 1000 },
		{ "https://eth.drpc.org", 2520, 60000 },
		{ "https://eth-mainnet.g.alchemy.com/v2/key", 192, 10000 },
		{ "https://u:p@mainnet.infura.io:443/v3/key", 6, 1000 },
		{ "https://ethereum-mainnet.core.chainstack.com/key", 25, 1000 },
	};
	static const char *const others[] = { "http://127.0.0.1:8545",
		"https://notbnbchain.org", "https://infura.io.example/",
		"https://example/infura.io", "http://[::1]:8545/", "" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pool *p = pool_with(rows[i].url, 0, 0);

		assert_in_range(
		    asked_in(p, rows[i].ms), rows[i].most * 8 / 10, rows[i].most);
		release(p);
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_int_equal(limit_of(others[i], 0, 0).calls, 0);
	/* who has a contract says his own */
	assert_int_equal(limit_of("https://mainnet.infura.io/", 500, 0).calls, 500);
}

/* -- whom to ask ----------------------------------------------------------- */

static void weights_count(void **state)
{
	static const struct node_config nodes[] = { { .url = "http://a/", .weight = 1 },
		{ .url = "http://b/", .weight = 3 } };
	int hits[2] = { 0 };
	struct pool *p;
	int64_t at;

	(void)state;
	fake = (struct fake){ .world = { &ops }, .now_ms = 1, .chance = 3 };
	p = pool_new(&fake.world, nodes, 2, 5000);
	for (int i = 0; i < 4000; i++)
		hits[pool_best(p, 0, &at)]++;
	assert_in_range(hits[1], 2900, 3100);
	/* what is under way makes a node less likely */
	put(p, 1);
	put(p, 1);
	memset(hits, 0, sizeof hits);
	for (int i = 0; i < 4000; i++)
		hits[pool_best(p, 0, &at)]++;
	assert_in_range(hits[1], 1900, 2100);
	answer(status(200, RPC));
	answer(status(200, RPC));
	release(p);
}

static void the_best_is_in_good_standing(void **state)
{
	struct pool *p = pool_of(3);
	int64_t at;

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(pool_best(p, 1 << 0 | 1 << 2, &at), 1);
	pool_leave_out(p, 0, "behind");
	pool_leave_out(p, 1, "behind");
	for (int i = 0; i < 100; i++)
		assert_int_equal(pool_best(p, 0, &at), 2);
	ask(p, 2, status(429, ""));
	assert_int_equal(pool_best(p, 0, &at), -1);
	assert_int_equal(at, fake.now_ms + 1000);
	release(p);
}

static void names_show_no_secret(void **state)
{
	static const struct node_config nodes[] = {
		{ .url = "https://user:pass@rpc.example/v3/0123456789abcdef?key=s#t" },
		{ .url = "https://rpc.example/other", .provider = "x" },
		{ .url = "http://u:p@w@127.0.0.1:8545", .provider = "y" },
		{ .url = "http://[::1]/", .provider = "x" },
		{ .url = "http://[::1]:99/secret@host" },
		{ .url = "http://host?key=secret" },
	};
	static const char *const names[] = { "rpc.example:443", "rpc.example:443#2",
		"127.0.0.1:8545", "[::1]:80", "[::1]:99", "host:80" };
	struct pool *p;

	(void)state;
	fake = (struct fake){ .world = { &ops } };
	p = pool_new(&fake.world, nodes, 6, 5000);
	for (int i = 0; i < 6; i++)
		assert_string_equal(pool_node(p, i)->name, names[i]);
	assert_int_equal(pool_node(p, 1)->provider, pool_node(p, 3)->provider);
	assert_int_not_equal(pool_node(p, 1)->provider, pool_node(p, 2)->provider);
	assert_int_not_equal(pool_node(p, 0)->provider, pool_node(p, 5)->provider);
	release(p);
}

/* Providers quote the key that came with a request. */
static void answers_quote_no_secret(void **state)
{
	static const struct node_config config[] = {
		{ .url = "https://user-name:a-long-password-0@a.example/v3/"
			 "0123456789abcdef0123456789abcdef?key=zyxwvutsrqponmlkji" },
	};
	struct pool *p = pool_new(&fake.world, config, 1, 1000);

	(void)state;
	ask(p, 0,
	    status(200,
		"{\"jsonrpc\":\"2.0\",\"error\":\"a-long-password-0, v3, a.example, "
		"0123456789abcdef0123456789abcdef, 0123456789abcdef, "
		"zyxwvutsrqponmlkji\"}"));
	assert_int_equal(got.err, ERR_OK);
	assert_string_equal(got_text,
	    "{\"jsonrpc\":\"2.0\",\"error\":\"*****************, v3, a.example, "
	    "********************************, 0123456789abcdef, "
	    "******************\"}");
	release(p);
}

/* Answers may come after the pool was given up: they find no one. */
static void a_pool_outlives_its_questions(void **state)
{
	struct pool *p = pool_of(2);

	(void)state;
	put(p, 0);
	put(p, 1);
	pool_free(p);
	answer(status(200, RPC));
	answer(lost);
	assert_int_equal(answers, 0);
}

/* -- figures --------------------------------------------------------------- */

static void quantiles_are_of_what_is_recent(void **state)
{
	struct latency l = { 0 };

	(void)state;
	assert_int_equal(latency_quantile_ms(&l, 50), 0);
	for (int i = 0; i < 100; i++)
		latency_add(&l, i < 90 ? 40 : 900);
	assert_in_range(latency_quantile_ms(&l, 50), 31, 50);
	assert_in_range(latency_quantile_ms(&l, 90), 31, 50);
	assert_in_range(latency_quantile_ms(&l, 95), 701, 1000);
	assert_int_equal(l.n, 100);
	assert_int_equal(l.sum_ms, 90 * 40 + 10 * 900);
	/* it became fast: soon that is what is told, and nothing was forgotten */
	for (int i = 0; i < 2000; i++)
		latency_add(&l, 4);
	assert_in_range(latency_quantile_ms(&l, 95), 4, 5);
	assert_int_equal(l.n, 2100);
	latency_add(&l, 0);
	latency_add(&l, INT64_MAX / 4);
	assert_int_equal(l.box[0], 1);
	assert_int_equal(l.box[LATENCY_BOXES - 1], 1);
}

static void figures_tell_of_a_node(void **state)
{
	struct pool *p = pool_of(2);
	struct http_answer unsent = {
		.end = HTTP_NOT_SENT, .retry_after_ms = -1, .why = "refused"
	};
	struct pool_figures at;

	(void)state;
	pool_figures(p, 0, &at);
	assert_int_equal(at.standing, NODE_WELL);
	assert_string_equal(at.name, "a:1");
	assert_string_equal(at.why, "");
	put(p, 0);
	fake.now_ms += 120;
	answer(status(200, RPC));
	pool_figures(p, 0, &at);
	assert_int_equal(at.asked, 1);
	assert_in_range(at.p50_ms, 101, 150);
	assert_int_equal(at.latency->n, 1);
	ask(p, 0, unsent);
	pool_figures(p, 0, &at);
	assert_int_equal(at.standing, NODE_TROUBLED);
	assert_string_equal(at.why, "refused");
	for (int i = 0; i < 2; i++)
		ask(p, 0, lost);
	ask(p, 0, status(200, "<html>"));
	ask(p, 0, status(404, ""));
	pool_figures(p, 0, &at);
	assert_int_equal(at.standing, NODE_SHUT);
	assert_int_equal(at.until_ms, fake.now_ms + MINUTE_MS);
	assert_int_equal(at.failed[FAILURE_NOT_SENT], 1);
	assert_int_equal(at.failed[FAILURE_UNANSWERED], 2);
	assert_int_equal(at.failed[FAILURE_BAD_ANSWER], 1);
	assert_int_equal(at.failed[FAILURE_REFUSED], 1);
	assert_int_equal(at.failed[FAILURE_BUSY], 0);
	ask(p, 1, status(408, ""));
	ask(p, 1, status(429, ""));
	pool_figures(p, 1, &at);
	assert_int_equal(at.standing, NODE_HELD);
	assert_int_equal(at.until_ms, fake.now_ms + 1000);
	assert_int_equal(at.failed[FAILURE_BUSY], 1);
	assert_int_equal(at.failed[FAILURE_LIMITED], 1);
	pool_leave_out(p, 1, "lags by 3 blocks or more");
	pool_figures(p, 1, &at);
	assert_int_equal(at.standing, NODE_LEFT_OUT);
	assert_string_equal(at.why, "lags by 3 blocks or more");
	assert_string_equal(node_standing_name(at.standing), "left out");
	assert_string_equal(node_failure_name(FAILURE_LIMITED), "rate_limited");
	release(p);
}

static void one_that_is_off_is_nobody(void **state)
{
	static const struct node_off off = { .by = "ada", .since_ms = 7 };
	struct pool *p = pool_of(2);
	struct pool_figures at;
	int64_t at_ms;

	(void)state;
	pool_switch(p, 0, &off);
	assert_false(pool_ready(p, 0, &at_ms));
	assert_int_equal(at_ms, INT64_MAX);
	for (int i = 0; i < 100; i++)
		assert_int_equal(pool_best(p, 0, &at_ms), 1);
	assert_int_equal(pool_best(p, 2, &at_ms), -1);
	assert_int_equal(at_ms, INT64_MAX);
	assert_int_equal(pool_best_left_out(p, 2, &at_ms), -1);
	pool_figures(p, 0, &at);
	assert_int_equal(at.standing, NODE_OFF);
	assert_string_equal(at.off->by, "ada");
	for (int i = 0; i < 9; i++) /* the other one is the last now */
		ask(p, 1, lost);
	pool_ready(p, 1, &at_ms);
	assert_in_range(at_ms, fake.now_ms, fake.now_ms + 5000);
	pool_switch(p, 0, NULL);
	assert_true(ready(p, 0));
	release(p);
}

static void a_reset_ends_each_wait(void **state)
{
	struct pool *p = pool_of(2);
	struct http_answer slow = status(429, "");

	(void)state;
	slow.retry_after_ms = 60000;
	for (int i = 0; i < 5; i++)
		ask(p, 0, lost);
	ask(p, 0, slow);
	assert_false(ready(p, 0));
	pool_reset(p, 0);
	assert_true(ready(p, 0));
	assert_int_equal(pool_node(p, 0)->failures_in_a_row, 0);
	release(p);
}

/* What a node or the way to it says is shown: without the key that it quotes. */
static void figures_tell_no_secret(void **state)
{
	static const struct node_config config[] = {
		{ .url = "https://a.example/v3/0123456789abcdef0123456789abcdef" },
	};
	struct pool *p = pool_new(&fake.world, config, 1, 1000);
	struct http_answer why = { .end = HTTP_NOT_SENT,
		.retry_after_ms = -1,
		.why = "no way to /v3/0123456789abcdef0123456789abcdef" };
	struct pool_figures at;

	(void)state;
	ask(p, 0, why);
	pool_figures(p, 0, &at);
	assert_string_equal(at.name, "a.example:443");
	assert_string_equal(at.why, "no way to /v3/********************************");
	assert_null(strstr(got.fail.why, "0123456789abcdef"));
	assert_null(strstr(pool_node(p, 0)->last_error, "0123456789abcdef"));
	release(p);
}

/* -- who asks --------------------------------------------------------------- */

static void cookie_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* The line is borrowed until the request is made: it is compared as it is asked. */
static char line_seen[200];

static void line_http(struct world *w, const struct http_request *q)
{
	snprintf(line_seen, sizeof line_seen, "%s", q->lines ? q->lines[0] : "none");
	fake_http(w, q);
}

static void a_cookie_is_read_anew_when_it_is_refused(void **state)
{
	struct world_ops spy = ops;
	char path[] = "/tmp/pawl-cookie-XXXXXX";
	struct node_config node = { .url = "http://a:1/", .cookie = path };
	struct pool *p;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	spy.http = line_http;
	pool_free(pool_of(1));
	fake.world.ops = &spy;
	p = pool_new(&fake.world, &node, 1, 5000);
	ask(p, 0, status(401, ""));
	assert_string_equal(line_seen, "none");
	assert_int_equal(got.err, ERR_NODE_REFUSED);
	assert_non_null(strstr(got.fail.why, "it is no file with user:password"));
	cookie_write(path, "__cookie__:0011223344556677\n");
	ask(p, 0, status(200, RPC));
	assert_string_equal(
	    line_seen, "Authorization: Basic X19jb29raWVfXzowMDExMjIzMzQ0NTU2Njc3");
	assert_int_equal(got.err, ERR_OK);
	/* the node starts again, and writes another */
	cookie_write(path, "__cookie__:8899aabbccddeeff");
	ask(p, 0, status(401, "{\"error\":\"8899\"}"));
	assert_string_equal(
	    line_seen, "Authorization: Basic X19jb29raWVfXzowMDExMjIzMzQ0NTU2Njc3");
	assert_non_null(strstr(got.fail.why, "does not accept the cookie"));
	ask(p, 0, status(200, RPC));
	assert_string_equal(
	    line_seen, "Authorization: Basic X19jb29raWVfXzo4ODk5YWFiYmNjZGRlZWZm");
	/* and it quotes what it was asked with */
	ask(p, 0,
	    status(200,
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"message\":\"who is "
		"8899aabbccddeeff or X19jb29raWVfXzo4ODk5YWFiYmNjZGRlZWZm\"}}"));
	assert_null(strstr(got_text, "8899aabb"));
	assert_null(strstr(got_text, "X19jb29raWVfXzo4"));
	assert_non_null(strstr(got_text, "who is ****"));
	remove(path);
	release(p);
}

static void a_login_goes_with_each_request(void **state)
{
	struct world_ops spy = ops;
	char text[] = "anna:sesame";
	struct secret *login = secret_new(text, strlen(text));
	struct node_config node = { .url = "http://a:1/", .login = login };
	struct pool *p;

	(void)state;
	spy.http = line_http;
	pool_free(pool_of(1));
	fake.world.ops = &spy;
	p = pool_new(&fake.world, &node, 1, 5000);
	for (int i = 0; i < 2; i++) {
		ask(p, 0, status(401, ""));
		assert_string_equal(line_seen, "Authorization: Basic YW5uYTpzZXNhbWU=");
		assert_non_null(
		    strstr(got.fail.why, "does not accept user and password"));
	}
	release(p);
	secret_free(login);
}

/* bitcoind speaks JSON-RPC 1.0: an error comes with an HTTP status of its own. */
static void an_error_of_old_is_an_answer(void **state)
{
	struct pool *p = pool_of(1);

	(void)state;
	ask(p, 0,
	    status(500,
		"{\"result\":null,\"error\":{\"code\":-28,\"message\":\"Verifying "
		"blocks...\"},\"id\":0}"));
	assert_int_equal(got.err, ERR_OK);
	ask(p, 0, status(503, "Work queue depth exceeded"));
	assert_int_equal(got.err, ERR_UNANSWERED);
	ask(p, 0, status(403, ""));
	assert_int_equal(got.err, ERR_NODE_REFUSED);
	release(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_judged),
		cmocka_unit_test(a_cookie_is_read_anew_when_it_is_refused),
		cmocka_unit_test(a_login_goes_with_each_request),
		cmocka_unit_test(an_error_of_old_is_an_answer),
		cmocka_unit_test(lost_answers_are_unknown),
		cmocka_unit_test(backoff_grows_with_jitter),
		cmocka_unit_test(five_failures_shut_a_node),
		cmocka_unit_test(the_last_node_is_never_shut),
		cmocka_unit_test(a_429_is_honoured_and_no_failure),
		cmocka_unit_test(a_429_holds_whatever_else_comes),
		cmocka_unit_test(a_503_that_says_when_is_waited_for),
		cmocka_unit_test(a_429_slows_down),
		cmocka_unit_test(a_rate_that_is_told_is_kept),
		cmocka_unit_test(each_call_of_a_batch_counts),
		cmocka_unit_test(limits_of_providers_are_known),
		cmocka_unit_test(weights_count),
		cmocka_unit_test(the_best_is_in_good_standing),
		cmocka_unit_test(names_show_no_secret),
		cmocka_unit_test(answers_quote_no_secret),
		cmocka_unit_test(a_pool_outlives_its_questions),
		cmocka_unit_test(quantiles_are_of_what_is_recent),
		cmocka_unit_test(figures_tell_of_a_node),
		cmocka_unit_test(figures_tell_no_secret),
		cmocka_unit_test(one_that_is_off_is_nobody),
		cmocka_unit_test(a_reset_ends_each_wait),
	};

	secret_setup();
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
