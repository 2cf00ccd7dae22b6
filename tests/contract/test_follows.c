/* The follower on a node of any make: blocks, reorganizations, finality, absences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/teller.h"
#include "ground.h"

#define ASKS_MAX 64
#define PATIENCE_MS 20000
#define ABSENCE 400

struct ask {
	int node;
	struct buf body;
	pool_done_fn *done;
	void *ctx;
};

static struct ground ground;
static struct follower *eye;
static struct ask asks[ASKS_MAX];
static size_t asks_n;
static int requests, calls; /* without the polls, which are a call each */
static const struct address friend = { { 0xf1, 0x1e, 0x4d } };

/* -- who looks ------------------------------------------------------------- */

static int calls_in(const struct buf *body)
{
	int n = 0;

	for (const char *at = buf_text(body); (at = strstr(at, "\"method\"")); at++)
		n++;
	return n;
}

static void on_ask(void *ctx, int node, struct buf *body, pool_done_fn *done, void *dctx)
{
	(void)ctx;
	assert_true(asks_n < ASKS_MAX);
	if (buf_text(body)[0] == '[') {
		requests++;
		calls += calls_in(body);
	}
	asks[asks_n++] = (struct ask){ node, *body, done, dctx };
}

static uint64_t count_now(void)
{
	struct amount balance;
	struct fail f = { .why = "" };
	struct buf body;
	uint64_t count;
	size_t len;
	char *text;

	buf_init(&body, 1 << 20);
	ground.connector->account(&body, &ground.account[PAYER]);
	text = ground_ask(&ground, &body, &len);
	if (ground.connector->account_read(&count, &balance, text, len, &f))
		fail_msg("no count: %s", f.why);
	free(text);
	return count;
}

static struct head head_now(void)
{
	struct fail f = { .why = "" };
	struct buf body;
	struct head h;
	size_t len;
	char *text;

	buf_init(&body, 1 << 20);
	ground.connector->poll(&body);
	text = ground_ask(&ground, &body, &len);
	if (ground.connector->poll_read(&h, text, len, &f))
		fail_msg("no head: %s", f.why);
	free(text);
	return h;
}

static void look(void)
{
	struct watched w = { .account = ground.account[PAYER],
		.balance = true,
		.has_count = true,
		.count = count_now() };

	eye = follower_new(&(struct follower_setup){
	    .config = &ground.config,
	    .connector = ground.connector,
	    .pool = ground.pool,
	    .world = ground.world,
	    .journal = ground.journal,
	    .told = teller,
	    .ask = on_ask,
	});
	follower_watch(eye, &w, 1);
	told_n = 0;
	requests = calls = 0;
}

static void turn(void)
{
	struct fail f;

	follower_turn(eye);
	if (journal_writing(ground.journal))
		assert_int_equal(journal_commit(ground.journal, &f), ERR_OK);
	for (size_t i = 0; i < asks_n; i++)
		pool_ask(
		    ground.pool, asks[i].node, &asks[i].body, asks[i].done, asks[i].ctx);
	asks_n = 0;
}

/* Turns until it is so. */
static void until(bool (*so)(void), const char *what)
{
	int64_t end_ms = world_now_ms(ground.world) + PATIENCE_MS, wake_ms;
	const char *why;

	for (;;) {
		turn();
		if (so())
			return;
		if (world_now_ms(ground.world) > end_ms)
			break;
		wake_ms = follower_wake_ms(eye);
		world_wait(ground.world, wake_ms < end_ms ? wake_ms : end_ms + 1);
	}
	why = follower_waits_for(eye);
	fail_msg("not so: %s; it waits for %s", what, why ? why : "nothing");
}

/* Its questions under way are answered, so that nobody writes to it any more. */
static bool is_at_rest(void)
{
	return pool_node(ground.pool, 0)->in_flight == 0;
}

static int look_away(void **state)
{
	(void)state;
	if (!eye)
		return 0;
	while (!is_at_rest())
		world_wait(ground.world, world_now_ms(ground.world) + 1000);
	follower_free(eye);
	eye = NULL;
	ground.config.finality = (struct finality){ .depth = 2 };
	ground.config.chain_id = CHAIN_ID;
	return 0;
}

static struct head wanted;

static bool has_caught_up(void)
{
	struct head top, last;
	const struct block_facts *agreed = follower_agreed(eye);

	return follower_head(eye, &top) && hash_same(&top.hash, &wanted.hash) &&
	    follower_final(eye, &last) && agreed &&
	    agreed->head.height == wanted.height &&
	    (ground.config.finality.tag || last.height + 2 == wanted.height);
}

static void catch_up(void)
{
	wanted = head_now();
	until(has_caught_up, "it has the node's head, and what is final");
}

static void live(int blocks)
{
	while (blocks-- > 0) {
		ground.mine(&ground, 1);
		catch_up();
	}
}

static void pay(void)
{
	struct sign_job job = { .chain_id = CHAIN_ID,
		.nonce = count_now(),
		.payload = { .to = friend, .value = amount_u64(7) },
		.fees = { FEE_1559, 21000, 10 * GWEI, GWEI },
		.key = ground.key[PAYER] };
	struct signed_bytes raw;
	const struct signed_bytes *at = &raw;
	struct node_word word;
	struct fail f;
	struct buf body;
	size_t len;
	char *text;

	assert_int_equal(ground.connector->sign(&raw, &job, &f), ERR_OK);
	buf_init(&body, 1 << 20);
	ground.connector->send(&body, &at, 1);
	text = ground_ask(&ground, &body, &len);
	ground.connector->send_read(&word, 1, text, len);
	assert_int_equal(word.note, NOTE_ACCEPTED);
	free(text);
}

/* The last tale of that height; NULL: there is none. */
static const struct told *last_told(enum tale tale, uint64_t height)
{
	for (size_t i = told_n; i-- > 0;)
		if (told[i].tale == tale && told[i].height == height)
			return &told[i];
	return NULL;
}

static size_t times_told(enum tale tale)
{
	size_t n = 0;

	for (size_t i = 0; i < told_n; i++)
		n += told[i].tale == tale;
	return n;
}

/* -- tests ----------------------------------------------------------------- */

static void a_payment_is_seen_and_final(void **state)
{
	uint64_t count = count_now();
	const struct told *t;
	struct head at;
	char witnesses[100];

	(void)state;
	look();
	catch_up();
	pay();
	live(1);
	at = head_now();
	t = last_told(ADOPTED, at.height);
	assert_non_null(t);
	assert_int_equal(t->tx_n, 1);
	assert_int_equal(t->count, count + 1);
	assert_null(last_told(FINAL, at.height));
	live(2);
	t = last_told(FINAL, at.height);
	assert_non_null(t);
	assert_int_equal(t->tx_n, 1);
	assert_int_equal(t->status, TX_OK);
	assert_int_equal(t->count, count + 1);
	follower_witnesses(eye, follower_agreed(eye), witnesses, sizeof witnesses);
	assert_string_equal(witnesses, pool_node(ground.pool, 0)->name);
}

/* Nobody is watched: who follows hashes has what is in each block all the same, also in
 * those that came while nobody looked. */
static void all_of_each_block_is_told(void **state)
{
	struct head before;
	int asked;

	(void)state;
	look();
	follower_watch(eye, NULL, 0);
	follower_every(eye, true);
	catch_up();
	assert_true(follower_head(eye, &before));
	look_away(NULL);
	for (int i = 0; i < 2; i++) {
		pay();
		ground.mine(&ground, 3);
	}
	look();
	follower_watch(eye, NULL, 0);
	follower_every(eye, true);
	catch_up();
	pay();
	asked = requests;
	live(1);
	/* the block, and its receipts where they have to be asked for */
	assert_int_equal(requests - asked, ground.make.block_receipts ? 1 : 2);
	assert_int_equal(head_now().height, before.height + 7);
	for (uint64_t h = before.height + 1; h <= before.height + 7; h++) {
		const struct told *t = last_told(ADOPTED, h);
		uint32_t n = (h - before.height) % 3 == 1;

		assert_non_null(t);
		assert_true(t->has_every);
		assert_int_equal(t->every_n, n);
		assert_int_equal(t->every_ok, n);
		assert_int_equal(t->tx_n, 0);
	}
}

static void a_start_goes_on_where_it_was(void **state)
{
	struct head before, after;

	(void)state;
	look();
	catch_up();
	assert_true(follower_final(eye, &before));
	look_away(NULL);
	ground.mine(&ground, 5);
	look();
	catch_up();
	assert_true(follower_final(eye, &after));
	assert_int_equal(after.height, before.height + 5);
	for (uint64_t h = before.height + 1; h <= after.height; h++)
		assert_non_null(last_told(FINAL, h));
}

static void a_reorganization_is_told(void **state)
{
	uint64_t count = count_now(), fork;

	(void)state;
	look();
	live(1);
	fork = head_now().height;
	ground.mark(&ground);
	pay();
	live(2);
	assert_int_equal(last_told(ADOPTED, fork + 1)->tx_n, 1);
	ground.undo(&ground, 3);
	catch_up();
	assert_non_null(last_told(RETRACTED, fork));
	assert_int_equal(last_told(ADOPTED, fork + 1)->tx_n, 0);
	assert_int_equal(last_told(ADOPTED, fork + 3)->count, count);
	assert_int_equal(times_told(UNDONE), 0);
	assert_false(follower_stopped(eye));
}

static bool is_stopped(void)
{
	return follower_stopped(eye);
}

static bool is_accepted(void)
{
	struct fail f;

	return follower_accept(eye, &f) == ERR_OK;
}

static void a_final_block_that_vanishes_stops_it(void **state)
{
	struct head last;

	(void)state;
	look();
	live(1);
	ground.mark(&ground);
	pay(); /* empty blocks might come again as they were */
	live(4);
	assert_true(follower_final(eye, &last));
	ground.undo(&ground, 6);
	until(is_stopped, "it is stopped");
	until(is_accepted, "a quorum shows where to go on");
	catch_up();
	assert_int_equal(times_told(UNDONE), 1);
	live(2);
}

static void requests_of_a_block_are_few(void **state)
{
	int before;

	(void)state;
	look();
	pay();
	live(2); /* how it wants to be asked is known by now */
	before = requests;
	live(5);
	assert_int_equal(requests - before, 5);
	before = requests;
	for (int i = 0; i < 5; i++) {
		pay();
		live(1);
	}
	assert_int_equal(requests - before, ground.make.block_receipts ? 5 : 10);
}

static bool says_head_is_final(void)
{
	const char *why = follower_waits_for(eye);

	return why && strstr(why, "call their head finalized");
}

static bool follows_the_tag(void)
{
	struct head last;

	return follower_final(eye, &last) && last.height + 64 == wanted.height;
}

static void the_tag_decides_or_is_said_to_be_none(void **state)
{
	struct head before, after;

	(void)state;
	look();
	catch_up();
	look_away(NULL);
	ground.config.finality = (struct finality){ .tag = true };
	look();
	live(2);
	assert_true(follower_final(eye, &before));
	ground.mine(&ground, 80);
	wanted = head_now();
	if (!ground.make.head_is_final) {
		until(follows_the_tag, "the final block is the node's");
		return;
	}
	catch_up();
	until(says_head_is_final, "that the tag means nothing");
	assert_true(follower_final(eye, &after));
	assert_int_equal(after.height, before.height);
}

static bool has_passed(void)
{
	return times_told(PASSED) > 0;
}

static void an_absence_costs_ten_calls(void **state)
{
	(void)state;
	look();
	catch_up();
	look_away(NULL);
	ground.mine(&ground, ABSENCE);
	look();
	until(has_passed, "the blocks that were missed are passed");
	assert_in_range(calls, 1, 10);
	catch_up();
	assert_int_equal(times_told(PASSED), 1);
	assert_true(times_told(FINAL) < ABSENCE);
	pay();
	live(3);
	assert_int_equal(last_told(FINAL, wanted.height - 2)->tx_n, 1);
}

static bool is_left_out(void)
{
	return pool_node(ground.pool, 0)->left_out != NULL;
}

static void another_chain_is_named(void **state)
{
	(void)state;
	ground.config.chain_id = 5;
	look();
	until(is_left_out, "it is left out");
	assert_non_null(
	    strstr(pool_node(ground.pool, 0)->left_out, "serves chain id 31337, not 5"));
	assert_false(follower_knows(eye, 0));
	assert_int_equal(follower_chain(eye), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_payment_is_seen_and_final, look_away),
		cmocka_unit_test_teardown(all_of_each_block_is_told, look_away),
		cmocka_unit_test_teardown(a_start_goes_on_where_it_was, look_away),
		cmocka_unit_test_teardown(a_reorganization_is_told, look_away),
		cmocka_unit_test_teardown(
		    a_final_block_that_vanishes_stops_it, look_away),
		cmocka_unit_test_teardown(requests_of_a_block_are_few, look_away),
		cmocka_unit_test_teardown(
		    the_tag_decides_or_is_said_to_be_none, look_away),
		cmocka_unit_test_teardown(an_absence_costs_ten_calls, look_away),
		cmocka_unit_test_teardown(another_chain_is_named, look_away),
	};

	ground_open(&ground, argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
