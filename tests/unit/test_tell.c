/* Messages that are due are sent, in order, until they are accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crash.h"
#include "drawer.h"
#include "mailbox.h"
#include "tell/channel/webhook.h"
#include "tell/subscriber/backlog.h"
#include "tell/subscriber/held.h"
#include "tell/subscriber/target.h"

/* -- tests ---------------------------------------------------------------------- */

static void it_is_sent_until_it_is_accepted(void **state)
{
	(void)state;
	hears("webhook", "https://a.example/hook");
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
	hears("webhook", "https://a.example/");
	note(1);
	turn();
	assert_row(1, 1, MESSAGE_DUE, 1, 1);
	die();
	rise();
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
	rise();
}

/* Wherever a turn ends: what was not committed is not told, and what was, is. */
static void no_death_in_a_turn_loses_it(void **state)
{
	(void)state;
	hears("webhook", "https://a.example/");
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
	hears("webhook", "https://a.example/");
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

/* For people: each request, by what came of it; and what is on its way is said. */
static void what_came_of_it_is_counted(void **state)
{
	const int webhook = channel_number(&channel_webhook);
	const struct tell *t = tell_of(runner);
	static const int64_t want[TELL_OUTCOMES] = { [TELL_ACCEPTED] = 2,
		[TELL_REFUSED] = 1,
		[TELL_UNKNOWN] = 1,
		[TELL_GONE] = 1 };

	(void)state;
	assert_ptr_equal(t, tell);
	hears("webhook", "https://a.example/");
	for (int64_t nth = 1; nth <= 3; nth++)
		note(nth);
	turn();
	assert_int_equal(tell_busy(t), 1);
	answer_after(0, HTTP_UNKNOWN, 0, -1);
	assert_int_equal(tell_busy(t), 0);
	later(1000);
	answer(1, 503);
	later(2000);
	answer(2, 200);
	answer(3, 200);
	answer(4, 410);
	for (int i = 0; i < TELL_OUTCOMES; i++)
		assert_int_equal(tell_count(t, webhook, (enum tell_outcome)i), want[i]);
	assert_int_equal(
	    tell_count(t, channel_number(&channel_telegram), TELL_ACCEPTED), 0);
	assert_null(channel_at(CHANNELS_MAX));
}

static void they_are_sent_in_order(void **state)
{
	(void)state;
	hears("webhook", "https://a.example/");
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
	hears("webhook", "https://a.example/");
	other = hears("webhook", "https://b.example/");
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
	hears("webhook", "https://a.example/");
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
	hears("webhook", "https://a.example/");
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
	hears("webhook", "https://a.example/");
	note(1);
	note(2);
	turn();
	for (int i = 0; i < 3; i++) {
		answer(i, gone[i]);
		assert_row(1, 1, MESSAGE_GONE, i + 1, 0);
		later(3600000);
		assert_int_equal(fake.hits_n, i + 1);
		assert_int_equal(backlog_resume(journal, 1, &moved, &f), ERR_OK);
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
	assert_int_equal(backlog_resume(journal, 1, &moved, &f), ERR_OK);
	assert_false(moved);
	assert_int_equal(backlog_resume(journal, 7, &moved, &f), ERR_NOT_FOUND);
}

/* What was accepted stays, what is on its way may arrive, and all else is forgotten: due
 * at once, after a failure, or when he is resumed. Others hear all of it. */
static void who_left_is_sent_nothing(void **state)
{
	const struct subject other = { .kind = SUBJECT_OPERATION, .id = 8 };
	struct fail f = { 0 };
	bool moved;

	(void)state;
	hears("webhook", "https://a.example/");
	hears("webhook", "https://b.example/");
	(void)message_subscribe(journal, "webhook", "https://a.example/", &other, NULL);
	note(1);
	note(2);
	runner->noted |= message_note(journal, &other, MILESTONE_COMPLETED, 1, 0, NULL);
	turn();
	assert_int_equal(fake.hits_n, 2);
	answer(0, 200);
	assert_true(message_unsubscribe(journal, 1, &of)); /* 2 of a is on its way */
	turn();
	assert_row(1, 1, MESSAGE_ACCEPTED, 1, 0);
	assert_int_equal(row_of(2, 1).state, -1);
	answer(2, 503);
	later(1000);
	assert_int_equal(fake.hits_n, 4); /* what he still hears of */
	answer(3, 410);
	assert_row(3, 1, MESSAGE_GONE, 1, 0);
	assert_true(message_silence(journal, 1));
	assert_int_equal(backlog_resume(journal, 1, &moved, &f), ERR_OK);
	runner->noted = true;
	turn();
	later(3600000);
	assert_int_equal(fake.hits_n, 4);
	answer(1, 503);
	message_unsubscribe_all(journal, &of);
	turn();
	later(3600000);
	assert_int_equal(fake.hits_n, 4);
	assert_int_equal(backlog_due(journal, 0), 0);
	hears("webhook", "https://b.example/");
	message_again(journal, &of, 2);
	runner->noted = true;
	turn();
	assert_int_equal(fake.hits_n, 5); /* who is back is told where it stands */
	assert_row(2, 2, MESSAGE_DUE, 1, 1);
}

/* Who is there, and hears of anything. */
static void what_is_said_to_all_is_for_those(void **state)
{
	const struct subject all = { .kind = SUBJECT_JOURNAL };
	json_t *facts = json_pack("{s:s}", "text", "at noon");
	struct fail f = { 0 };
	bool moved;

	(void)state;
	hears("webhook", "https://gone.example/");
	note(1);
	turn();
	answer(0, 410);
	assert_true(
	    message_unsubscribe(journal, hears("webhook", "https://left.example/"), &of));
	hears("webhook", "https://good.example/");
	runner->noted |=
	    message_note(journal, &all, MILESTONE_TOLD, 0, wall_ms(&fake.world), facts);
	turn();
	answer(1, 200);
	assert_string_equal(fake.hits[1].url, "https://good.example/");
	assert_int_equal(backlog_resume(journal, 1, &moved, &f), ERR_OK);
	runner->noted = true;
	turn();
	answer(2, 200); /* what he missed, which that was not */
	later(1000);
	assert_int_equal(fake.hits_n, 3);
	assert_non_null(strstr(fake.hits[2].body, "\"completed\""));
}

/* Those that are due can all be sent, however much waits for who is gone. */
static void what_is_held_is_not_looked_at(void **state)
{
	struct sql_message_due_next_in in = { .after = 0 };
	struct sql_message_due_next_out row;
	struct sql_report_unreached_out gone;
	struct fail f = { 0 };
	bool moved;

	(void)state;
	hears("webhook", "https://gone.example/");
	note(1);
	note(2);
	turn();
	answer(0, 410);
	note(3);
	turn();
	for (int64_t notice = 1; notice <= 3; notice++)
		assert_row(notice, 1, MESSAGE_GONE, notice == 1, 0);
	assert_false(sql_message_due_next_one(journal, &in, &row));
	assert_int_equal(backlog_due(journal, 0), 0);
	assert_true(sql_report_unreached_one(journal, &gone));
	assert_int_equal(gone.due, 3);
	hears("webhook", "https://good.example/");
	note(4);
	turn();
	assert_int_equal(fake.hits_n, 2);
	assert_true(sql_message_due_next_one(journal, &in, &row));
	assert_int_equal(row.subscriber, 2);
	assert_int_equal(backlog_resume(journal, 1, &moved, &f), ERR_OK);
	runner->noted = true;
	turn();
	for (int i = 1; i <= 5; i++)
		answer(i, 200);
	for (int64_t notice = 1; notice <= 4; notice++)
		assert_row(notice, 1, MESSAGE_ACCEPTED, notice == 1 ? 2 : 1, 0);
}

#define BACKLOG 100000

/* And nothing after it: little of a backlog moves, and what came now. */
static int64_t one_turn(int64_t *due)
{
	int64_t was = *due;
	struct fail f = { 0 };

	assert_true(runner_turn(runner, &f));
	*due = backlog_due(journal, 0);
	assert_true(llabs(*due - was) <= 2 * HELD_STEP + 2);
	return *due;
}

static void answer_only(int at, int status)
{
	http_done_fn *done = fake.hits[at].done;

	fake.hits[at].done = NULL;
	done(fake.hits[at].ctx,
	    &(struct http_answer){
		.end = HTTP_ANSWERED, .status = status, .retry_after_ms = -1 });
}

/* In the next turn, whatever else moves. */
static void good_hears(int64_t nth, int64_t *due)
{
	int from = fake.hits_n;

	note(nth);
	(void)one_turn(due);
	assert_int_equal(fake.hits_n, from + 1);
	assert_string_equal(fake.hits[from].url, "https://good.example/");
	answer_only(from, 200);
	(void)one_turn(due);
}

static void a_backlog_moves_in_steps(void **state)
{
	struct fail f = { 0 };
	int from, turns = 0;
	int64_t due = BACKLOG;
	bool moved;

	(void)state;
	hears("webhook", "https://gone.example/");
	for (int64_t nth = 1; nth <= BACKLOG; nth++)
		note(nth);
	hears("webhook", "https://good.example/");
	turn();
	assert_int_equal(fake.hits_n, 1);
	answer_only(0, 410);
	(void)one_turn(&due);
	good_hears(BACKLOG + 1, &due);
	die();
	rise();
	for (turns = 3; one_turn(&due) > 0; turns++)
		assert_true(turns < 2 * BACKLOG / HELD_STEP);
	assert_true(turns >= BACKLOG / HELD_STEP - 1);
	assert_row(1, 1, MESSAGE_GONE, 1, 0);
	assert_row(BACKLOG, 1, MESSAGE_GONE, 0, 0);
	/* he is there again: what is new comes behind all that he missed */
	assert_int_equal(backlog_resume(journal, 1, &moved, &f), ERR_OK);
	due = backlog_due(journal, 0);
	assert_int_equal(due, HELD_STEP);
	runner->noted = true;
	good_hears(BACKLOG + 2, &due);
	die();
	rise();
	from = fake.hits_n;
	for (turns = 0; fake.hits_n == from; turns++) {
		assert_true(turns < 2 * BACKLOG / HELD_STEP);
		(void)one_turn(&due);
	}
	assert_int_equal(due, BACKLOG + 2);
	assert_string_equal(fake.hits[from].url, "https://gone.example/");
	assert_string_equal(fake.hits[from].body, fake.hits[0].body);
}

static void hosts_hear(const char *prefix, int hosts, int each)
{
	char target[100];

	for (int i = 0; i < hosts; i++)
		for (int k = 0; k < each; k++) {
			snprintf(target, sizeof target, "https://%s%d.example/%d", prefix,
			    i, k);
			hears("webhook", target);
		}
}

/* Of those who were not asked before: it is asked now. */
static bool is_asked(int from, const char *url)
{
	for (int i = from; i < fake.hits_n; i++)
		if (strcmp(fake.hits[i].url, url) == 0)
			return true;
	return false;
}

static void what_is_under_way_is_bounded(void **state)
{
	(void)state;
	hosts_hear("one", 1, 40);
	note(1);
	turn();
	assert_int_equal(fake.hits_n, 1); /* until it has answered */
	answer(0, 200);
	assert_int_equal(fake.hits_n, 1 + 8);
	hosts_hear("h", 100, 1);
	note(2);
	turn();
	assert_int_equal(fake.hits_n, 1 + 8 + LANE_NEW_MAX);
	for (int i = 1; i < fake.hits_n; i++)
		answer(i, 200);
	assert_int_equal(fake.hits_n, 40 + 140); /* each got all that it hears of */
}

/* Nobody answers, or all do and hang from then on: who does answer is asked at once. */
static void hosts_that_hang_delay_nobody(void **state)
{
	int from;

	(void)state;
	hosts_hear("hangs", 16, 16);
	hears("webhook", "https://good.example/");
	note(1);
	turn();
	assert_true(is_asked(0, "https://good.example/"));
	assert_int_equal(fake.hits_n, 16 + 1);
	answer(16, 200);
	for (int round = 0; round < 4; round++) {
		from = fake.hits_n;
		note(2 + round);
		later(1000);
		assert_true(is_asked(from, "https://good.example/"));
		for (int i = from; i < fake.hits_n; i++)
			if (strcmp(fake.hits[i].url, "https://good.example/") == 0)
				answer(i, 200);
	}
	for (int i = 0; i < 16; i++)
		answer_after(i, HTTP_UNKNOWN, 0, -1);
	assert_int_equal(tell_busy(tell), LANE_SLOW_MAX);
}

/* Their first request is answered at once, and no other one. */
static void begin_to_hang(int hosts, int each, int busy)
{
	hosts_hear("hangs", hosts, each);
	note(1);
	turn();
	for (int i = 0; i < fake.hits_n; i++)
		if (strstr(fake.hits[i].url, "example/0"))
			answer(i, 200);
	assert_int_equal(tell_busy(tell), busy);
}

static void hosts_that_begin_to_hang_delay_nobody(void **state)
{
	int from;

	(void)state;
	begin_to_hang(16, 16, LANE_QUICK_EACH + 12);
	from = fake.hits_n;
	hears("webhook", "https://good.example/");
	for (int nth = 2; nth < 5; nth++) {
		note(nth);
		turn();
		assert_int_equal(fake.hits_n, from + 1);
		assert_true(is_asked(from, "https://good.example/"));
		answer(from++, 200);
	}
	/* and those that hang get on with it as soon as it is known of them */
	assert_int_equal(runner_wake_ms(runner), fake.now_ms + LANE_SLOW_MS);
}

static void hosts_that_begin_to_hang_delay_nobody_for_long(void **state)
{
	int from;

	(void)state;
	begin_to_hang(LANE_QUICK_MAX, 2, LANE_QUICK_MAX);
	hears("webhook", "https://good.example/");
	from = fake.hits_n;
	note(2);
	note(3);
	turn();
	assert_true(is_asked(from, "https://good.example/"));
	answer(from++, 200);
	assert_int_equal(fake.hits_n, from);
	assert_int_equal(runner_wake_ms(runner), fake.now_ms + LANE_SLOW_MS);
	later(LANE_SLOW_MS);
	assert_true(is_asked(from, "https://good.example/"));
}

/* A host of many people's hooks, of which some hang for good: the others wait for each of
 * those once, and never again. */
static void who_hangs_does_not_hold_his_host(void **state)
{
	int from;

	(void)state;
	hosts_hear("many", 1, 4);
	hears("webhook", "https://many0.example/good");
	note(1);
	turn();
	for (int i = 0; i < 4; i++)
		later(LANE_SLOW_MS);
	assert_true(is_asked(4, "https://many0.example/good"));
	answer(4, 200);
	for (int round = 0; round < 3; round++) {
		from = fake.hits_n;
		note(2 + round);
		turn();
		assert_true(is_asked(from, "https://many0.example/good"));
		for (int i = from; i < fake.hits_n; i++)
			if (strstr(fake.hits[i].url, "good"))
				answer(i, 200);
	}
	/* nor when they are asked again, and hang */
	for (int i = 0; i < 4; i++)
		answer_after(i, HTTP_UNKNOWN, 0, -1);
	later(20 * 60 * 1000);
	from = fake.hits_n;
	note(8);
	turn();
	assert_true(is_asked(from, "https://many0.example/good"));
}

static void without_a_secret_it_waits(void **state)
{
	(void)state;
	die();
	channels.webhook_secret = NULL;
	rise();
	hears("webhook", "https://a.example/");
	note(1);
	turn();
	assert_int_equal(fake.hits_n, 0);
	assert_row(1, 1, MESSAGE_DUE, 0, 0);
	commit(journal);
	die();
	channels.webhook_secret = secret;
	rise();
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
	hears("webhook", "https://a.example/");
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
	hears("webhook", "https://b.example/");
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
		"webhook:http://:80/", "webhook:https://a\n.example", "pigeon:home", "",
		"webhook:https://a.example:99999/secret", "webhook:http://a.example:0/",
		"webhook:http://[::1", "webhook:https://-/", "webhook:https://a..b/",
		"webhook:http://u:p/secret@a.example/" };
	const struct channel *c;
	const char *target;
	struct fail f = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(channel_parse(&c, &target, bad[i], &f), ERR_USAGE);
		assert_null(strstr(f.why, "u:p"));
		assert_null(strstr(f.why, "secret"));
	}
	assert_int_equal(
	    channel_parse(&c, &target, "webhook:http://a.example:99999/x", &f),
	    ERR_USAGE);
	assert_string_equal(
	    f.why, "webhook:http://a.example:99999/...: its port is none: 1 to 65535");
	assert_int_equal(
	    channel_parse(&c, &target, "webhook:HTTPS://A.example", &f), ERR_OK);
	assert_int_equal(
	    channel_parse(&c, &target, "webhook:https://a.example:8443/x?k=@", &f),
	    ERR_OK);
	assert_string_equal(target, "https://a.example:8443/x?k=@");
}

/* What it is written as, and not what a name leads to. */
static void what_is_never_sent_is_refused(void **state)
{
	static const char *const bad[] = { "http://127.0.0.1:9000/x", "https://10.1.2.3",
		"http://[::1]:80/", "http://[fe80::1%25eth0]/", "http://127.1/",
		"http://0x7f.1/", "http://2130706433/",
		"http://[::ffff:192.168.0.1]?key=secret" };
	static const char *const good[] = { "http://1.1.1.1/", "https://localhost/",
		"https://10.example/", "http://[2606:4700::1111]:80/",
		"https://a.example" };
	const struct channel_config open = { .webhook_private = true };
	struct fail f = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(channel_webhook.check(bad[i], &f), ERR_OK);
		assert_int_equal(channel_webhook.may(&channels, bad[i], &f), ERR_USAGE);
		assert_non_null(strstr(f.why, "tell.webhook.allow_private: true"));
		assert_null(strstr(f.why, "secret"));
		assert_int_equal(channel_webhook.may(&open, bad[i], &f), ERR_OK);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(channel_webhook.may(&channels, good[i], &f), ERR_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, mailbox_begin, mailbox_end)
	const struct CMUnitTest tests[] = {
		T(it_is_sent_until_it_is_accepted),
		T(each_try_is_counted_before_it_leaves),
		T(no_death_in_a_turn_loses_it),
		T(a_lost_answer_is_counted),
		T(what_came_of_it_is_counted),
		T(they_are_sent_in_order),
		T(who_is_silent_delays_nobody),
		T(it_waits_longer_each_time),
		T(it_waits_as_long_as_it_is_told),
		T(who_is_gone_is_suspended),
		T(who_left_is_sent_nothing),
		T(what_is_said_to_all_is_for_those),
		T(what_is_held_is_not_looked_at),
		T(a_backlog_moves_in_steps),
		T(what_is_under_way_is_bounded),
		T(hosts_that_hang_delay_nobody),
		T(hosts_that_begin_to_hang_delay_nobody),
		T(hosts_that_begin_to_hang_delay_nobody_for_long),
		T(who_hangs_does_not_hold_his_host),
		T(without_a_secret_it_waits),
		T(it_is_signed),
		T(the_label_is_the_subscribers_own),
		T(what_is_no_target_is_refused),
		T(what_is_never_sent_is_refused),
	};

	secret_setup();
	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
