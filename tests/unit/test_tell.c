/* Messages that are due are sent, in order, until they are accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crash.h"
#include "base/mem.h"
#include "drawer.h"
#include "engine/message.h"
#include "journal/sql.gen.h"
#include "tell/tell.h"
#include "tell/webhook.h"

#define HITS_MAX 256
#define SECRET "0123456789abcdef0123456789abcdef"

/* -- a world that only takes requests ---------------------------------------- */

struct hit {
	char url[200], body[600], lines[2][LETTER_LINE_MAX];
	http_done_fn *done; /* NULL: it was answered */
	void *ctx;
};

static struct fake {
	struct world world;
	int64_t now_ms;
	struct hit hits[HITS_MAX];
	int hits_n;
} fake;

static int64_t now_ms(struct world *w)
{
	(void)w;
	return fake.now_ms;
}

static int64_t wall_ms(struct world *w)
{
	(void)w;
	return 1700000000000 + fake.now_ms;
}

/* The longest that luck may bring. */
static void luck(struct world *w, void *out, size_t len)
{
	const uint64_t most = 38400000 - 1; /* a multiple of each bound, less one */

	(void)w;
	assert_int_equal(len, sizeof most);
	memcpy(out, &most, len);
}

static void http(struct world *w, const struct http_request *q)
{
	struct hit *h = &fake.hits[fake.hits_n++];

	(void)w;
	assert_true(fake.hits_n < HITS_MAX);
	assert_true(q->once && q->answer_max <= 4096 && q->timeout_ms <= 10000);
	*h = (struct hit){ .done = q->done, .ctx = q->ctx };
	snprintf(h->url, sizeof h->url, "%s", q->url);
	snprintf(h->body, sizeof h->body, "%s", q->body);
	for (size_t i = 0; q->lines && q->lines[i]; i++)
		snprintf(h->lines[i], sizeof h->lines[i], "%s", q->lines[i]);
	mem_free(q->body);
}

static const struct world_ops fake_ops = {
	.now_ms = now_ms, .wall_ms = wall_ms, .random = luck, .http = http
};

/* -- who sends --------------------------------------------------------------- */

static struct journal *journal;
static struct runner *runner;
static struct tell *tell;
static struct secret *secret;
static const struct subject of = { .kind = SUBJECT_JOURNAL };

static void rise_with(const struct secret *with)
{
	struct channel_config channels = { .webhook_secret = with };

	journal = own();
	tell = tell_new(&fake.world, journal, &channels);
	runner = runner_new(&(struct runner_setup){ .world = &fake.world,
	    .journal = journal,
	    .tell = { .ctx = tell, .turn = tell_turn } });
}

/* Killed: what is on its way has no outcome. */
static void die(void)
{
	for (int i = 0; i < fake.hits_n; i++)
		if (fake.hits[i].done)
			fake.hits[i].done(fake.hits[i].ctx,
			    &(struct http_answer){ .end = HTTP_UNKNOWN });
	for (int i = 0; i < fake.hits_n; i++)
		fake.hits[i].done = NULL;
	runner_free(runner);
	tell_free(tell);
	journal_close(journal);
}

static int begin(void **state)
{
	char bytes[] = SECRET;

	(void)state;
	drawer_clean();
	fake = (struct fake){ .world = { .ops = &fake_ops }, .now_ms = 1000 };
	assert_int_equal(journal_create(path, NULL), ERR_OK);
	secret = secret_new(bytes, strlen(SECRET));
	rise_with(secret);
	return 0;
}

static int end(void **state)
{
	(void)state;
	die();
	secret_free(secret);
	return 0;
}

static void turn(void)
{
	struct fail f = { 0 };

	assert_true(runner_turn(runner, &f));
}

static int64_t hears(const char *target)
{
	return message_subscribe(journal, "webhook", target, &of, NULL);
}

static void note(int64_t nth)
{
	runner->noted |= message_note(
	    journal, &of, MILESTONE_COMPLETED, nth, wall_ms(&fake.world), NULL);
}

static void answer_after(int at, enum http_end how, int status, int64_t retry_after_ms)
{
	struct http_answer a = {
		.end = how, .status = status, .retry_after_ms = retry_after_ms
	};
	http_done_fn *done = fake.hits[at].done;

	fake.hits[at].done = NULL;
	done(fake.hits[at].ctx, &a);
	turn();
}

static void answer(int at, int status)
{
	answer_after(at, HTTP_ANSWERED, status, -1);
}

static void later(int64_t ms)
{
	fake.now_ms += ms;
	turn();
}

/* Of the nth notice, to its only subscriber or that one. */
static struct sql_message_of_notice_out row_of(int64_t notice, int64_t subscriber)
{
	struct sql_message_of_notice_in in = { .notice = notice };
	struct sql_message_of_notice_out row, found = { .state = -1 };

	sql_message_of_notice_begin(journal, &in);
	while (sql_message_of_notice_next(journal, &row))
		if (row.subscriber == subscriber)
			found = row;
	return found;
}

#define assert_row(notice, subscriber, state_, tries_, unknown_)                    \
	do {                                                                        \
		struct sql_message_of_notice_out row_ = row_of(notice, subscriber); \
		assert_int_equal(row_.state, state_);                               \
		assert_int_equal(row_.tries, tries_);                               \
		assert_int_equal(row_.unknown, unknown_);                           \
	} while (0)

/* -- tests ---------------------------------------------------------------------- */

static void it_is_sent_until_it_is_accepted(void **state)
{
	(void)state;
	hears("https://a.example/hook");
	note(1);
	turn();
	assert_int_equal(fake.hits_n, 1);
	assert_string_equal(fake.hits[0].url, "https://a.example/hook");
	answer(0, 503);
	assert_row(1, 1, MESSAGE_DUE, 1, 0);
	later(999);
	assert_int_equal(fake.hits_n, 1);
	later(1);
	assert_int_equal(fake.hits_n, 2);
	assert_string_equal(fake.hits[1].body, fake.hits[0].body);
	answer(1, 204);
	assert_row(1, 1, MESSAGE_ACCEPTED, 2, 0);
	later(3600000);
	assert_int_equal(fake.hits_n, 2);
	assert_false(journal_writing(journal));
	assert_int_equal(runner_wake_ms(runner), INT64_MAX);
}

static void each_try_is_counted_before_it_leaves(void **state)
{
	(void)state;
	hears("https://a.example/");
	note(1);
	turn();
	assert_row(1, 1, MESSAGE_DUE, 1, 1);
	die();
	rise_with(secret);
	turn();
	assert_int_equal(fake.hits_n, 2); /* nobody knows whether it arrived */
	assert_row(1, 1, MESSAGE_DUE, 2, 2);
	answer(1, 200);
	assert_row(1, 1, MESSAGE_ACCEPTED, 2, 1);
}

static jmp_buf killed;
static enum crash_point kill_at;

static void kill_there(enum crash_point p)
{
	if (p == kill_at)
		longjmp(killed, 1);
}

static void turn_and_die(enum crash_point at)
{
	kill_at = at;
	crash_hook = kill_there;
	if (!setjmp(killed))
		turn();
	crash_hook = NULL;
	if (journal_writing(journal))
		journal_rollback(journal);
	die();
	rise_with(secret);
}

/* Wherever a turn ends: what was not committed is not told, and what was, is. */
static void no_death_in_a_turn_loses_it(void **state)
{
	(void)state;
	hears("https://a.example/");
	commit(journal);
	note(1);
	turn_and_die(CRASH_turn_before_commit);
	turn();
	assert_int_equal(fake.hits_n, 0);
	assert_int_equal(row_of(1, 1).state, -1);
	note(1);
	turn_and_die(CRASH_turn_after_commit);
	assert_int_equal(fake.hits_n, 0);
	turn_and_die(CRASH_turn_after_effects);
	assert_int_equal(fake.hits_n, 1);
	turn();
	assert_int_equal(fake.hits_n, 2);
	assert_string_equal(fake.hits[1].body, fake.hits[0].body);
	answer(1, 200);
	assert_row(1, 1, MESSAGE_ACCEPTED, 3, 2);
}

static void a_lost_answer_is_counted(void **state)
{
	(void)state;
	hears("https://a.example/");
	note(1);
	turn();
	answer_after(0, HTTP_UNKNOWN, 0, -1);
	assert_row(1, 1, MESSAGE_DUE, 1, 1);
	later(1000);
	answer_after(1, HTTP_NOT_SENT, 0, -1);
	assert_row(1, 1, MESSAGE_DUE, 2, 1);
	later(2000);
	answer(2, 200);
	assert_row(1, 1, MESSAGE_ACCEPTED, 3, 1);
}

static void they_are_sent_in_order(void **state)
{
	(void)state;
	hears("https://a.example/");
	for (int64_t nth = 1; nth <= 3; nth++)
		note(nth);
	turn();
	later(5000);
	assert_int_equal(fake.hits_n, 1);
	answer(0, 500);
	note(4);
	turn();
	assert_int_equal(fake.hits_n, 1);
	later(1000);
	for (int i = 1; i <= 4; i++) {
		assert_int_equal(fake.hits_n, i + 1);
		answer(i, 200);
		assert_row(i, 1, MESSAGE_ACCEPTED, i == 1 ? 2 : 1, 0);
	}
	assert_int_equal(fake.hits_n, 5);
}

static void who_is_silent_delays_nobody(void **state)
{
	int64_t other;

	(void)state;
	hears("https://a.example/");
	other = hears("https://b.example/");
	for (int64_t nth = 1; nth <= 3; nth++)
		note(nth);
	turn();
	assert_int_equal(fake.hits_n, 2);
	for (int i = 1; i <= 3; i++)
		answer(i, 200);
	assert_int_equal(fake.hits_n, 4);
	for (int64_t notice = 1; notice <= 3; notice++)
		assert_row(notice, other, MESSAGE_ACCEPTED, 1, 0);
	assert_row(1, 1, MESSAGE_DUE, 1, 1);
}

static void it_waits_longer_each_time(void **state)
{
	int64_t wait_ms = 1000;

	(void)state;
	hears("https://a.example/");
	note(1);
	turn();
	for (int i = 0; i < 14; i++) {
		answer(i, 500);
		later(wait_ms - 1);
		assert_int_equal(fake.hits_n, i + 1);
		later(1);
		assert_int_equal(fake.hits_n, i + 2);
		wait_ms = wait_ms < 300000 ? 2 * wait_ms : 600000;
	}
}

static void it_waits_as_long_as_it_is_told(void **state)
{
	(void)state;
	hears("https://a.example/");
	note(1);
	turn();
	answer_after(0, HTTP_ANSWERED, 429, 90000);
	later(89999);
	assert_int_equal(fake.hits_n, 1);
	later(1);
	assert_int_equal(fake.hits_n, 2);
}

static void who_is_gone_is_suspended(void **state)
{
	static const int gone[] = { 403, 404, 410 };
	struct fail f = { 0 };
	bool moved;

	(void)state;
	hears("https://a.example/");
	note(1);
	note(2);
	turn();
	for (int i = 0; i < 3; i++) {
		answer(i, gone[i]);
		assert_row(1, 1, MESSAGE_GONE, i + 1, 0);
		later(3600000);
		assert_int_equal(fake.hits_n, i + 1);
		assert_int_equal(tell_resume(journal, 1, &moved, &f), ERR_OK);
		assert_true(moved);
		runner->noted = true;
		turn();
		assert_int_equal(fake.hits_n, i + 2);
	}
	answer(3, 200);
	assert_string_equal(fake.hits[3].body, fake.hits[0].body);
	answer(4, 200);
	assert_row(1, 1, MESSAGE_ACCEPTED, 4, 0);
	assert_row(2, 1, MESSAGE_ACCEPTED, 1, 0);
	assert_int_equal(tell_resume(journal, 1, &moved, &f), ERR_OK);
	assert_false(moved);
	assert_int_equal(tell_resume(journal, 7, &moved, &f), ERR_NOT_FOUND);
}

static void what_is_under_way_is_bounded(void **state)
{
	char target[100];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(target, sizeof target, "https://one.example/%d", i);
		hears(target);
	}
	note(1);
	turn();
	assert_int_equal(fake.hits_n, 8);
	for (int i = 0; i < 100; i++) {
		snprintf(target, sizeof target, "https://h%d.example/", i);
		hears(target);
	}
	note(2);
	turn();
	assert_int_equal(fake.hits_n, 64);
	for (int i = 0; i < fake.hits_n; i++)
		answer(i, 200);
	assert_int_equal(fake.hits_n, 40 + 140); /* each got all that it hears of */
}

static void without_a_secret_it_waits(void **state)
{
	(void)state;
	die();
	rise_with(NULL);
	hears("https://a.example/");
	note(1);
	turn();
	assert_int_equal(fake.hits_n, 0);
	assert_row(1, 1, MESSAGE_DUE, 0, 0);
	commit(journal);
	die();
	rise_with(secret);
	turn();
	assert_int_equal(fake.hits_n, 1);
}

static void it_is_signed(void **state)
{
	char signature[WEBHOOK_SIGNATURE_MAX], line[LETTER_LINE_MAX];

	(void)state;
	webhook_sign(signature, secret, "1700000000", "{\"schema\":1}", 12);
	assert_string_equal(signature,
	    "v1=cd47d8d343a0fb8240532990216e441ff5b8e99a5a14b48252472dd66495d77c");
	hears("https://a.example/");
	note(1);
	turn();
	webhook_sign(signature, secret, "1700000001", fake.hits[0].body,
	    strlen(fake.hits[0].body));
	assert_string_equal(fake.hits[0].lines[0], "Pawl-Timestamp: 1700000001");
	snprintf(line, sizeof line, "Pawl-Signature: %s", signature);
	assert_string_equal(fake.hits[0].lines[1], line);
}

static void the_label_is_the_subscribers_own(void **state)
{
	(void)state;
	message_subscribe(journal, "webhook", "https://a.example/", &of, "mine");
	hears("https://b.example/");
	note(1);
	turn();
	assert_non_null(strstr(fake.hits[0].body, "\"label\":\"mine\""));
	assert_null(strstr(fake.hits[1].body, "label"));
	assert_memory_equal(fake.hits[0].body, fake.hits[1].body, 60); /* event_id */
}

static void what_is_no_target_is_refused(void **state)
{
	static const char *const bad[] = { "webhook:", "webhook:ftp://a/",
		"webhook:https://", "webhook:https://u:p@a.example/",
		"webhook:https://a.example/ b", "webhook:https://a.example/#x",
		"webhook:http://:80/", "webhook:https://a\n.example", "pigeon:home", "" };
	const struct channel *c;
	const char *target;
	struct fail f = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(channel_parse(&c, &target, bad[i], &f), ERR_USAGE);
		assert_null(strstr(f.why, "u:p"));
	}
	assert_int_equal(
	    channel_parse(&c, &target, "webhook:https://a.example:8443/x?k=@", &f),
	    ERR_OK);
	assert_string_equal(target, "https://a.example:8443/x?k=@");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(it_is_sent_until_it_is_accepted),
		T(each_try_is_counted_before_it_leaves),
		T(no_death_in_a_turn_loses_it),
		T(a_lost_answer_is_counted),
		T(they_are_sent_in_order),
		T(who_is_silent_delays_nobody),
		T(it_waits_longer_each_time),
		T(it_waits_as_long_as_it_is_told),
		T(who_is_gone_is_suspended),
		T(what_is_under_way_is_bounded),
		T(without_a_secret_it_waits),
		T(it_is_signed),
		T(the_label_is_the_subscribers_own),
		T(what_is_no_target_is_refused),
	};

	secret_setup();
	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
