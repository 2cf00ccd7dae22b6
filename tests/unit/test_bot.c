/* Commands of chats: each is handled once, in the commit that says so, and who may is
 * looked at first. */
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
#include "tell/channel/telegram.h"

#define TOKEN "123456789:AAExampleExampleExample_-0123456789"
#define OK_7 "{\"ok\":true,\"result\":{\"message_id\":7}}"

static const int64_t named[] = { 41, 42, -77 };
static struct bot_rules rules;
static struct bot_face face;
static char done[400]; /* by the face */
static bool fees_known;

static void face_do(const char *what, const struct bot_asked *q, struct buf *out)
{
	size_t len = strlen(done);

	snprintf(done + len, sizeof done - len, "%s %s '%s' '%s'; ", what, q->target,
	    q->hash, q->chain);
	buf_addf(out, "done <%s>", what);
}

static void face_track(
    void *ctx, struct runner *r, const struct bot_asked *q, struct buf *out, bool *table)
{
	(void)ctx;
	(void)r;
	(void)table;
	face_do("track", q, out);
}

static void face_fees(
    void *ctx, struct runner *r, const struct bot_asked *q, struct buf *out, bool *table)
{
	(void)ctx;
	(void)r;
	*table = true;
	face_do("fees", q, out);
}

static bool face_fees_known(void *ctx, struct runner *r, const char *chain)
{
	(void)ctx;
	(void)r;
	(void)chain;
	return fees_known;
}

static void rise_lent(void)
{
	rise();
	tell_lend(tell, &rules, &face);
}

static int begin(void **state)
{
	char token[] = TOKEN;

	assert_int_equal(mailbox_begin(state), 0);
	die();
	channels.telegram_token = secret_new(token, strlen(TOKEN));
	channels.telegram_api = "https://tg.example";
	rules = (struct bot_rules){ .allow = named, .allow_n = 3, .max_users = 3 };
	face = (struct bot_face){
		.track = face_track, .fees = face_fees, .fees_known = face_fees_known
	};
	fees_known = true;
	done[0] = '\0';
	rise_lent();
	return 0;
}

static int end(void **state)
{
	struct secret *token = (struct secret *)(uintptr_t)channels.telegram_token;

	mailbox_end(state);
	secret_free(token);
	return 0;
}

/* The poll that is under way; -1: none. */
static int polling(void)
{
	int at = -1;

	for (int i = 0; i < fake.hits_n; i++)
		if (fake.hits[i].done && strstr(fake.hits[i].url, "/getUpdates")) {
			assert_int_equal(at, -1);
			at = i;
		}
	return at;
}

static int64_t offset(void)
{
	const char *at;

	assert_int_not_equal(polling(), -1);
	at = strstr(fake.hits[polling()].body, "\"offset\":");
	assert_non_null(at);
	return strtoll(at + 9, NULL, 10);
}

static const char *update(int64_t id, int64_t chat, const char *text)
{
	static char out[4][700];
	static int next;
	char *here = out[next++ % 4];

	snprintf(here, sizeof out[0],
	    "{\"update_id\":%lld,\"message\":{\"chat\":{\"id\":%lld,\"type\":\"%s\"},"
	    "\"from\":{\"id\":%lld},\"text\":\"%s\"}}",
	    (long long)id, (long long)chat, chat < 0 ? "supergroup" : "private",
	    (long long)(chat < 0 ? 5 : chat), text);
	return here;
}

static void updates_after(const char *updates, bool turns)
{
	static char body[9000];
	struct http_answer a = { .end = HTTP_ANSWERED, .status = 200 };
	int at = polling();
	http_done_fn *ends;

	snprintf(body, sizeof body, "{\"ok\":true,\"result\":[%s]}", updates);
	if (turns) {
		answer_with(at, 200, body);
		return;
	}
	a.body = body;
	a.body_len = strlen(body);
	ends = fake.hits[at].done;
	fake.hits[at].done = NULL;
	ends(fake.hits[at].ctx, &a);
}

static void updates(const char *list)
{
	updates_after(list, true);
}

static void one(int64_t id, int64_t chat, const char *text)
{
	updates(update(id, chat, text));
}

/* The messages that are under way: answered as Telegram does, and counted. */
static int sent(const char *word)
{
	int n = 0, before;

	later(60000);
	for (before = fake.hits_n; before;
	     before = fake.hits_n > before ? fake.hits_n : 0)
		for (int i = 0; i < before; i++) {
			if (!fake.hits[i].done || !strstr(fake.hits[i].url, "/sendM"))
				continue;
			if (word && !strstr(fake.hits[i].body, word))
				fail_msg("not there: %s in %s", word, fake.hits[i].body);
			answer_with(i, 200, OK_7);
			later(3000);
			n++;
		}
	return n;
}

/* -- once -------------------------------------------------------------------------- */

static void a_command_is_answered_once(void **state)
{
	(void)state;
	turn();
	assert_int_equal(offset(), 0);
	assert_non_null(strstr(fake.hits[0].body, "\"allowed_updates\":[\"message\"]"));
	assert_non_null(strstr(fake.hits[0].body, "\"timeout\":50"));
	one(700, 41, "/track 0xab main");
	assert_string_equal(done, "track 41 '0xab' 'main'; ");
	assert_int_equal(offset(), 701);
	assert_row(1, 1, MESSAGE_DUE, 0, 0);
	assert_int_equal(sent("done &lt;track&gt;"), 1);
	assert_int_equal(row_of(1, 1).state, -1); /* it fills no journal */
	one(700, 41, "/track 0xab main");         /* it says it again */
	later(1000);
	assert_int_equal(offset(), 701);
	assert_int_equal(sent(NULL), 0);
	die();
	rise_lent();
	turn();
	assert_int_equal(offset(), 701);
	one(699, 41, "/track 0xab main");
	assert_string_equal(done, "track 41 '0xab' 'main'; ");
	later(1000);
	one(702, 41, "/FEES@pawl_bot main");
	assert_int_equal(offset(), 703);
	assert_string_equal(done, "track 41 '0xab' 'main'; fees 41 '' 'main'; ");
	assert_int_equal(sent("<pre>done &lt;fees&gt;</pre>"), 1);
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
	struct fail f;

	kill_at = at;
	crash_hook = kill_there;
	if (!setjmp(killed))
		assert_true(runner_turn(runner, &f));
	crash_hook = NULL;
	if (journal_writing(journal))
		journal_rollback(journal);
	die();
	rise_lent();
	turn();
}

static void no_death_in_a_turn_handles_it_twice(void **state)
{
	(void)state;
	turn();
	updates_after(update(700, 41, "/track 0xab"), false);
	turn_and_die(CRASH_turn_before_commit);
	assert_int_equal(offset(), 0);
	updates_after(update(700, 41, "/track 0xab"), false);
	turn_and_die(CRASH_turn_after_commit);
	assert_int_equal(offset(), 701);
	updates(update(700, 41, "/track 0xab"));
	assert_string_equal(done, "track 41 '0xab' ''; track 41 '0xab' ''; ");
	later(1000);
	assert_int_equal(sent("done"), 1); /* the first was rolled back */
}

static void another_bot_begins_anew(void **state)
{
	static char token[] = "987654321:AAExampleExampleExample_-0123456789";
	struct secret *first = (struct secret *)(uintptr_t)channels.telegram_token;

	(void)state;
	turn();
	one(700, 41, "/track 0xab");
	die();
	secret_free(first);
	channels.telegram_token = secret_new(token, strlen(token));
	rise_lent();
	turn();
	assert_int_equal(offset(), 0);
	one(700, 41, "/track 0xab");
	assert_int_equal(offset(), 701);
	assert_int_equal(sent("done"), 2);
}

/* As Telegram does after a week in which nobody wrote. */
static void lower_numbers_are_new_ones(void **state)
{
	(void)state;
	turn();
	one(727334707, 41, "/track 0xab");
	assert_int_equal(offset(), 727334708);
	updates(update(727334000, 41, "/track 0xab")); /* an old one, said again */
	later(1000);
	assert_int_equal(offset(), 727334708);
	one(117314199, 41, "/fees");
	assert_int_equal(offset(), 117314200);
	one(117314199, 41, "/fees");
	later(1000);
	assert_string_equal(done, "track 41 '0xab' ''; fees 41 '' ''; ");
	one(727334707, 41, "/fees"); /* its number has an answer that waits */
	assert_int_equal(sent("done"), 2);
}

/* -- who ------------------------------------------------------------------------------
 */

static int64_t users(void)
{
	struct sql_bot_users_out row;

	assert_true(sql_bot_users_one(journal, &row));
	return row.n;
}

static void who_is_not_named_is_told_how(void **state)
{
	(void)state;
	turn();
	one(700, 99, "/track 0xab");
	one(701, 99, "/track 0xab");
	one(702, 99, "/start");
	assert_int_equal(sent("give him this number: 99 "), 0); /* a life begins slowly */
	one(703, 99, "/start");
	assert_int_equal(sent("give him this number: 99 "), 1);
	one(704, 99, "/start");
	assert_int_equal(sent("give him this number: 99 "), 0);
	later(600000);
	one(705, 98, "/start");
	one(706, 99, "/start"); /* one a second, whoever asks */
	assert_int_equal(sent("give him this number: 98 "), 1);
	assert_string_equal(done, "");
	assert_int_equal(users(), 0);
	/* in a group he is asked, too */
	one(707, -77, "/track 0xcd");
	assert_string_equal(done, "track -77 '0xcd' ''; ");
}

static void nobody_is_named_at_first(void **state)
{
	(void)state;
	rules.allow_n = 0;
	die();
	rise_lent();
	later(2000);
	one(700, 41, "/track 0xab");
	assert_int_equal(sent("tell.telegram.allow"), 1);
	assert_int_equal(users(), 0);
}

static void there_are_not_too_many(void **state)
{
	(void)state;
	rules.allow_n = 0;
	rules.anyone = true;
	die();
	rise_lent();
	later(2000);
	for (int64_t chat = 1; chat <= 4; chat++)
		one(700 + chat, chat, "/track 0xab");
	assert_string_equal(
	    done, "track 1 '0xab' ''; track 2 '0xab' ''; track 3 '0xab' ''; ");
	assert_int_equal(users(), 3);
	assert_int_equal(sent(NULL), 4);
	one(710, 1, "/track 0xef");
	assert_non_null(strstr(done, "0xef"));
}

static void who_says_too_much_waits(void **state)
{
	char list[8000] = "";

	(void)state;
	later(2000);
	for (int i = 0; i < 20; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s",
		    i ? "," : "", update(700 + i, 41, "/fees"));
	updates(list);
	one(720, 41, "/track 0xab");
	one(721, 41, "/track 0xab");
	one(722, 42, "/track 0xcd");
	assert_null(strstr(done, "0xab"));
	assert_non_null(strstr(done, "track 42 '0xcd'"));
	assert_int_equal(sent(NULL), 22);
	one(730, 41, "/track 0xef");
	assert_non_null(strstr(done, "track 41 '0xef'"));
}

static void who_writes_is_there_again(void **state)
{
	struct sql_subscriber_get_in in = { .id = 1 };
	struct sql_subscriber_get_out who;

	(void)state;
	hears("telegram", "41");
	later(2000);
	note(1);
	turn();
	answer_with(fake.hits_n - 1, 403,
	    "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: blocked\"}");
	assert_true(sql_subscriber_get_one(journal, &in, &who));
	assert_false(who.no_suspended);
	one(700, 41, "/start");
	assert_true(sql_subscriber_get_one(journal, &in, &who));
	assert_true(who.no_suspended);
	assert_int_equal(sent(NULL), 2); /* what he missed, and the help */
	assert_row(1, 1, MESSAGE_ACCEPTED, 2, 0);
}

/* -- what else comes ---------------------------------------------------------------- */

static void what_is_no_command_is_passed(void **state)
{
	static const char *const lists[] = { "{}", "7", "[]", "null",
		"{\"update_id\":\"700\"}", "{\"update_id\":9223372036854775807}",
		"{\"update_id\":-1}" };
	static const char *const passed[] = { "{\"update_id\":700}",
		"{\"update_id\":701,\"message\":[]}",
		"{\"update_id\":702,\"message\":{\"text\":\"/track 0xab\"}}",
		"{\"update_id\":703,\"message\":{\"text\":\"/track 0xab\",\"chat\":"
		"{\"id\":\"41\",\"type\":\"private\"}}}",
		"{\"update_id\":704,\"message\":{\"text\":\"/track 0xab\",\"chat\":"
		"{\"id\":41}}}",
		"{\"update_id\":705,\"edited_message\":{\"text\":\"/track 0xab\","
		"\"chat\":{\"id\":41,\"type\":\"private\"}}}" };

	(void)state;
	later(2000);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		updates(lists[i]);
		later(1000);
		assert_int_equal(offset(), 0);
	}
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
		updates(passed[i]);
		assert_int_equal(offset(), 701 + (int64_t)i);
	}
	one(710, -77, "good morning /track 0xab");
	one(711, -77, "/weather");
	assert_string_equal(done, "");
	assert_int_equal(sent(NULL), 0);
	one(712, 41, "hello");
	one(713, 41, "/track");
	one(714, 41, "/untrack 0xab");
	assert_int_equal(sent(NULL), 3);
	assert_string_equal(done, "");
}

static void who_else_asks_is_said(void **state)
{
	(void)state;
	turn();
	answer_with(polling(), 409,
	    "{\"ok\":false,\"error_code\":409,\"description\":\"Conflict: another\"}");
	later(29999);
	assert_int_equal(polling(), -1);
	later(1);
	answer_with(polling(), 401,
	    "{\"ok\":false,\"error_code\":401,\"description\":\"Unauthorized\"}");
	later(59999);
	assert_int_equal(polling(), -1);
	later(1);
	answer_after(polling(), HTTP_UNKNOWN, 0, -1);
	later(4000);
	one(700, 41, "/track 0xab");
	assert_int_equal(offset(), 701);
}

static void a_flood_is_read_one_by_one(void **state)
{
	struct http_answer a = { .end = HTTP_UNKNOWN,
		.why = "answer over 1048576 bytes" };
	http_done_fn *ends;
	int at;

	(void)state;
	turn();
	at = polling();
	assert_non_null(strstr(fake.hits[at].body, "\"limit\":20"));
	ends = fake.hits[at].done;
	fake.hits[at].done = NULL;
	ends(fake.hits[at].ctx, &a);
	turn();
	later(1000);
	assert_non_null(strstr(fake.hits[polling()].body, "\"limit\":1,"));
	one(700, 41, "/track 0xab");
	assert_non_null(strstr(fake.hits[polling()].body, "\"limit\":20"));
}

/* Nothing is asked for each turn, and nothing wakes the loop while a poll is out. */
static void it_is_quiet(void **state)
{
	(void)state;
	turn();
	for (int i = 0; i < 10; i++)
		turn();
	assert_int_equal(fake.hits_n, 1);
	assert_int_equal(runner_wake_ms(runner), INT64_MAX);
	assert_false(journal_writing(journal));
	updates("");
	assert_int_equal(polling(), -1);
	later(1000);
	assert_int_equal(fake.hits_n, 2);
	die();
	rise(); /* to nobody it is lent */
	later(100000);
	assert_int_equal(polling(), -1);
}

/* How many of these have left, and were not answered. */
static int leaving(const char *word)
{
	int n = 0;

	for (int i = 0; i < fake.hits_n; i++)
		n += fake.hits[i].done && strstr(fake.hits[i].url, "/sendM") &&
		    strstr(fake.hits[i].body, word);
	return n;
}

/* What the nodes say when they are asked is told, and not what was heard before; for
 * some seconds, and nobody else waits. */
static void an_answer_waits_for_what_it_says(void **state)
{
	(void)state;
	turn();
	later(60000);
	fees_known = false;
	one(700, 41, "/fees");
	one(701, 42, "/track 0xab");
	later(4000);
	assert_int_equal(leaving("fees"), 0);
	assert_int_equal(leaving("track"), 1);
	assert_string_equal(done, "fees 41 '' ''; track 42 '0xab' ''; ");
	fees_known = true;
	turn();
	assert_string_equal(done, "fees 41 '' ''; track 42 '0xab' ''; fees  '' ''; ");
	assert_int_equal(leaving("<pre>done &lt;fees&gt;</pre>"), 1);
	assert_int_equal(sent("done"), 2);
	fees_known = false;
	done[0] = '\0';
	one(702, 41, "/fees main");
	later(4999);
	assert_int_equal(leaving("fees"), 0);
	later(1);
	assert_int_equal(leaving("<pre>done &lt;fees&gt;</pre>"), 1);
	assert_string_equal(done, "fees 41 '' 'main'; ");
	assert_int_equal(sent("fees"), 1);
	one(703, 41, "/fees");
	later(1000);
	assert_int_equal(leaving("fees"), 0);
	die();
	rise_lent();
	later(2000);
	assert_int_equal(leaving("<pre>done &lt;fees&gt;</pre>"), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(a_command_is_answered_once),
		T(no_death_in_a_turn_handles_it_twice),
		T(another_bot_begins_anew),
		T(lower_numbers_are_new_ones),
		T(who_is_not_named_is_told_how),
		T(nobody_is_named_at_first),
		T(there_are_not_too_many),
		T(who_says_too_much_waits),
		T(who_writes_is_there_again),
		T(what_is_no_command_is_passed),
		T(who_else_asks_is_said),
		T(a_flood_is_read_one_by_one),
		T(an_answer_waits_for_what_it_says),
		T(it_is_quiet),
	};

	secret_setup();
	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
