/* Messages in chats: what stands in them, what the answers mean, and the rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/json.h"
#include "drawer.h"
#include "mailbox.h"
#include "tell/channel/telegram.h"
#include "tell/subscriber/backlog.h"

#define TOKEN "123456789:AAExampleExampleExample_-0123456789"
#define URL "https://tg.example/bot" TOKEN
#define OK_7 "{\"ok\":true,\"result\":{\"message_id\":7,\"text\":\"x\"}}"
#define SLOW(s)                                                                        \
	"{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: retry " \
	"after " #s "\",\"parameters\":{\"retry_after\":" #s "}}"

static int begin(void **state)
{
	char token[] = TOKEN;

	assert_int_equal(mailbox_begin(state), 0);
	die();
	channels.telegram_token = secret_new(token, strlen(TOKEN));
	channels.telegram_api = "https://tg.example";
	rise();
	return 0;
}

static int end(void **state)
{
	struct secret *token = (struct secret *)(uintptr_t)channels.telegram_token;

	mailbox_end(state);
	secret_free(token);
	return 0;
}

static void tell_them(const struct subject *what, enum milestone m, const char *facts)
{
	struct fail f;
	json_t *o = facts ? json_read(facts, strlen(facts), &f) : NULL;

	runner->noted |= message_note(journal, what, m, 0, wall_ms(&fake.world), o);
}

static void told(const char *text)
{
	json_t *o = json_pack("{s:s}", "text", text);

	runner->noted |=
	    message_note(journal, &of, MILESTONE_TOLD, 0, wall_ms(&fake.world), o);
}

/* A word of what the message says; the caller copies it. */
static const char *said(int at, const char *member)
{
	static char out[4][8192];
	static int next;
	struct fail f;
	json_t *o = json_read(fake.hits[at].body, strlen(fake.hits[at].body), &f);
	const json_t *v = json_object_get(o, member);
	char *here = out[next++ % 4];

	assert_non_null(o);
	here[0] = '\0';
	if (json_is_string(v))
		snprintf(here, sizeof out[0], "%s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(here, sizeof out[0], "%lld", (long long)json_integer_value(v));
	json_decref(o);
	return here;
}

static void reads(int at, const char *word)
{
	if (!strstr(said(at, "text"), word))
		fail_msg("not there: %s, in: %s", word, said(at, "text"));
}

/* A life's first messages wait until whatever the life before sent is no matter. */
static void settle(void)
{
	later(60000);
}

static void refuse(int at, int code, const char *description)
{
	char body[400];

	snprintf(body, sizeof body,
	    "{\"ok\":false,\"error_code\":%d,\"description\":\"%s\"}", code, description);
	answer_with(at, code, body);
}

/* -- what it says ------------------------------------------------------------------ */

static void a_chat_reads_it(void **state)
{
	const struct subject run = { .kind = SUBJECT_OPERATION, .id = 1 };

	(void)state;
	message_subscribe(
	    journal, "telegram", "9007199254740993", &run, "<mine> & \"so\"");
	settle();
	tell_them(
	    &run, MILESTONE_COMPLETED, "{\"operation\":\"pay<1>\",\"chain\":\"main\"}");
	turn();
	assert_int_equal(fake.hits_n, 1);
	assert_string_equal(fake.hits[0].url, URL "/sendMessage");
	assert_string_equal(said(0, "chat_id"), "9007199254740993");
	assert_string_equal(said(0, "parse_mode"), "HTML");
	reads(0, "<b>Completed</b>: &lt;mine&gt; &amp; \"so\"\npay&lt;1&gt;");
	reads(0, "\n2023-11-14 22:14:21 UTC");
	answer_with(0, 200, OK_7);
	assert_row(1, 1, MESSAGE_ACCEPTED, 1, 0);
	later(3600000);
	assert_int_equal(fake.hits_n, 1);
	assert_int_equal(runner_wake_ms(runner), INT64_MAX);
}

static void it_is_no_longer_than_it_may_be(void **state)
{
	static char text[20000];

	(void)state;
	hears("telegram", "1");
	settle();
	for (int kind = 0; kind < 3; kind++) {
		const char *letter = kind == 0 ? "&"
		    : kind == 1                ? "\xf0\x9f\x98\x80"
					       : "x";
		size_t units = 0, bytes = 0;
		const char *sent;

		text[0] = '\0';
		for (size_t len = 0; len + 5 < sizeof text; len += strlen(letter))
			memcpy(text + len, letter, strlen(letter) + 1);
		text[15996] = '\0';
		told(text);
		turn();
		assert_int_equal(fake.hits_n, kind + 1);
		sent = said(kind, "text");
		for (const char *at = sent; *at; at++, bytes++)
			units += ((*at & 0xc0) != 0x80 ? 1u : 0) +
			    ((*at & 0xf8) == 0xf0 ? 1u : 0);
		assert_in_range(units, 3900, TELEGRAM_TEXT_MAX);
		assert_string_equal(sent + bytes - 5, "[...]");
		answer_with(kind, 200, OK_7);
		later(1000);
	}
}

#define HASH "0xabcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"

static void each_type_has_words(void **state)
{
	static const char facts[] =
	    "{\"hash\":\"" HASH "\",\"chain\":\"main\",\"block\":17,\"confirmations\":5,"
	    "\"of\":20,\"percent\":25,\"by\":\"0x99\"}";
	const struct subject run = { .kind = SUBJECT_OPERATION, .id = 1 };

	(void)state;
	message_subscribe(journal, "telegram", "5", &run, NULL);
	settle();
	tell_them(&run, MILESTONE_STUCK, facts);
	turn();
	reads(0,
	    "<b>Stuck</b>\n<code>" HASH "</code> main\nby <code>0x99</code>\n"
	    "block 17\n5 of 20 confirmations (25 %)\n");
}

static void each_milestone_has_words(void **state)
{
	static const char *const types[] = {
#define MILESTONE(name, code, word, when) word,
#include "engine/milestone.def"
#undef MILESTONE
	};

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		char body[100], bare[100];
		const struct event_text event = { .body = body };
		const struct parcel p = {
			.target = "1", .events = &event, .events_n = 1
		};
		size_t n;
		char *sent;

		snprintf(body, sizeof body, "{\"type\":\"%s\"}", types[i]);
		snprintf(bare, sizeof bare, "<b>%s</b>", types[i]);
		sent = telegram_compose(&p, &n);
		if (strstr(sent, bare))
			fail_msg(
			    "src/tell/channel/words.def has no row for %s", types[i]);
		mem_free(sent);
	}
}

/* -- what answers mean ----------------------------------------------------------------
 */

static void who_is_gone_is_suspended(void **state)
{
	static const struct {
		int code;
		const char *description;
	} gone[] = {
		{ 400, "Bad Request: chat not found" },
		{ 403, "Forbidden: bot was blocked by the user" },
		{ 403, "Forbidden: user is deactivated" },
		{ 403, "Forbidden: bot was kicked from the supergroup chat" },
		{ 400,
		    "Bad Request: not enough rights to send text messages to the chat" },
		{ 400, "Bad Request: group chat was upgraded to a supergroup chat" },
	};
	struct sql_subscriber_get_in in = { .id = 1 };
	struct sql_subscriber_get_out who;
	struct fail f = { 0 };
	bool moved;

	(void)state;
	hears("telegram", "-100123");
	settle();
	note(1);
	turn();
	for (int i = 0; i < (int)(sizeof gone / sizeof *gone); i++) {
		assert_int_equal(fake.hits_n, i + 1);
		refuse(i, gone[i].code, gone[i].description);
		assert_row(1, 1, MESSAGE_GONE, i + 1, 0);
		assert_true(sql_subscriber_get_one(journal, &in, &who));
		assert_string_equal(who.suspended, gone[i].description);
		later(3600000);
		assert_int_equal(fake.hits_n, i + 1);
		assert_int_equal(backlog_resume(journal, 1, &moved, &f), ERR_OK);
		runner->noted = true;
		later(5000);
	}
}

static void what_may_pass_is_tried_again(void **state)
{
	(void)state;
	hears("telegram", "1");
	settle();
	note(1);
	turn();
	refuse(0, 502, "Bad Gateway");
	assert_row(1, 1, MESSAGE_DUE, 1, 1);
	later(1000);
	answer_with(1, 502, "<html>bad gateway</html>");
	assert_row(1, 1, MESSAGE_DUE, 2, 2);
	later(2000);
	answer_after(2, HTTP_UNKNOWN, 0, -1);
	assert_row(1, 1, MESSAGE_DUE, 3, 3);
	later(4000);
	answer_after(3, HTTP_NOT_SENT, 0, -1);
	assert_row(1, 1, MESSAGE_DUE, 4, 3);
	later(8000);
	answer_with(4, 200, "<html>log in to this hotel's network</html>");
	assert_row(1, 1, MESSAGE_DUE, 5, 4);
	later(16000);
	refuse(5, 400, "Bad Request: nobody knows this one");
	assert_row(1, 1, MESSAGE_DUE, 6, 4);
	later(32000);
	answer_with(6, 200, OK_7);
	assert_row(1, 1, MESSAGE_ACCEPTED, 7, 4);
}

static void a_wrong_token_suspends_nobody(void **state)
{
	(void)state;
	hears("telegram", "1");
	hears("telegram", "2");
	settle();
	note(1);
	turn();
	assert_int_equal(fake.hits_n, 2);
	refuse(0, 401, "Unauthorized");
	refuse(1, 404, "Not Found");
	assert_row(1, 1, MESSAGE_DUE, 1, 0);
	assert_row(1, 2, MESSAGE_DUE, 1, 0);
	hears("telegram", "3");
	note(2);
	later(59999);
	assert_int_equal(fake.hits_n, 2);
	later(1);
	assert_int_equal(fake.hits_n, 5);
}

static void the_token_is_never_said(void **state)
{
	struct sql_message_of_notice_in in = { .notice = 1 };
	struct sql_message_of_notice_out row;

	(void)state;
	hears("telegram", "1");
	settle();
	note(1);
	turn();
	refuse(0, 400, "Bad Request: no such thing as bot" TOKEN " here");
	assert_true(sql_message_of_notice_one(journal, &in, &row));
	assert_non_null(strstr(row.why, "no such thing"));
	assert_null(strstr(row.why, "AAExample"));
}

static void what_has_bad_markup_is_sent_without(void **state)
{
	static const char bad[] =
	    "Bad Request: can't parse entities: Unsupported start tag "
	    "\\\"x\\\" at byte offset 3";

	(void)state;
	hears("telegram", "1");
	settle();
	note(1);
	turn();
	refuse(0, 400, bad);
	assert_row(1, 1, MESSAGE_DUE, 1, 0);
	later(1000);
	assert_int_equal(fake.hits_n, 2);
	assert_string_equal(said(1, "parse_mode"), "");
	assert_null(strstr(said(1, "text"), "<b>"));
	refuse(1, 400, bad);
	later(1999);
	assert_int_equal(fake.hits_n, 2);
	later(1);
	answer_with(2, 200, OK_7);
	note(2);
	later(1000);
	assert_string_equal(said(3, "parse_mode"), "HTML");
}

static void a_group_that_has_another_number_is_followed(void **state)
{
	static const char moved[] =
	    "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: group chat "
	    "was upgraded to a supergroup chat\","
	    "\"parameters\":{\"migrate_to_chat_id\":-10077}}";

	(void)state;
	hears("telegram", "-5");
	settle();
	note(1);
	turn();
	answer_with(0, 400, moved);
	later(3000);
	assert_int_equal(fake.hits_n, 2);
	assert_string_equal(said(1, "chat_id"), "-10077");
	answer_with(1, 200, OK_7);
	assert_row(1, 1, MESSAGE_ACCEPTED, 2, 0);
	/* another one that becomes the same */
	hears("telegram", "-6");
	note(2);
	later(3000);
	assert_int_equal(fake.hits_n, 4);
	answer_with(2, 200, OK_7);
	answer_with(3, 400, moved);
	later(3000);
	assert_int_equal(fake.hits_n, 4);
	assert_row(2, 1, MESSAGE_ACCEPTED, 1, 0);
	assert_row(2, 2, MESSAGE_GONE, 1, 0);
}

/* -- how fast
 * ----------------------------------------------------------------------------- */

static void a_chat_hears_once_a_second(void **state)
{
	(void)state;
	hears("telegram", "1");
	hears("telegram", "-1");
	settle();
	note(1);
	note(2);
	turn();
	assert_int_equal(fake.hits_n, 2);
	later(500);
	answer_with(0, 200, OK_7);
	answer_with(1, 200, OK_7);
	later(999);
	assert_int_equal(fake.hits_n, 2);
	later(1);
	assert_int_equal(fake.hits_n, 3);
	assert_string_equal(said(2, "chat_id"), "1");
	later(1999);
	assert_int_equal(fake.hits_n, 3);
	later(1);
	assert_int_equal(fake.hits_n, 4);
	assert_string_equal(said(3, "chat_id"), "-1");
}

/* Whatever the one before sent: a life begins with nothing left of the rates. */
/* He is resumed at once: the service counts what he refused, too. */
static void nor_sooner_when_he_is_back(void **state)
{
	struct fail f = { 0 };
	bool moved;

	(void)state;
	hears("telegram", "1");
	settle();
	note(1);
	turn();
	refuse(0, 403, "Forbidden: bot was blocked by the user");
	assert_int_equal(backlog_resume(journal, 1, &moved, &f), ERR_OK);
	runner->noted = true;
	turn();
	later(999);
	assert_int_equal(fake.hits_n, 1);
	later(1);
	assert_int_equal(fake.hits_n, 2);
}

static void a_life_begins_slowly(void **state)
{
	(void)state;
	hears("telegram", "1");
	hears("telegram", "-1");
	note(1);
	turn();
	assert_int_equal(fake.hits_n, 0);
	later(999);
	assert_int_equal(fake.hits_n, 0);
	later(1);
	assert_int_equal(fake.hits_n, 1);
	later(2000);
	assert_int_equal(fake.hits_n, 2);
	die();
	rise();
	later(999);
	assert_int_equal(fake.hits_n, 2);
	later(1);
	assert_int_equal(fake.hits_n, 3);
}

/* At most 30 that may arrive within any second: none leaves before the answer of the
 * one 30 before it is a second old. */
static void all_hear_thirty_a_second(void **state)
{
	static int64_t answered_ms[400];
	char chat[24];
	int answered = 0;
	int64_t began_ms;

	(void)state;
	for (int i = 1; i <= 300; i++) {
		snprintf(chat, sizeof chat, "%d", i);
		hears("telegram", chat);
	}
	settle();
	note(1);
	turn();
	began_ms = fake.now_ms;
	assert_int_equal(fake.hits_n, 30);
	while (answered < 300) {
		assert_true(fake.hits_n - answered <= 30);
		if (answered < fake.hits_n &&
		    fake.now_ms - fake.hits[answered].at_ms >= 5) {
			answered_ms[answered] = fake.now_ms;
			answer_with(answered++, 200, OK_7);
		} else {
			later(1);
		}
	}
	for (int i = 30; i < 300; i++)
		assert_true(fake.hits[i].at_ms >= answered_ms[i - 30] + 1000);
	assert_true(fake.now_ms - began_ms < 9 * 1010);
}

/* A hundred events of one chat, too long to be folded, and one that all hear. */
static void who_has_much_delays_nobody(void **state)
{
	const struct subject his = { .kind = SUBJECT_OPERATION, .id = 9 };
	static char facts[3100];
	char chat[24];
	int others = 0, all;

	(void)state;
	snprintf(facts, sizeof facts, "{\"text\":\"%03000d\"}", 7);
	message_subscribe(journal, "telegram", "1", &his, NULL);
	settle();
	for (int nth = 1; nth <= 100; nth++)
		tell_them(&his, MILESTONE_STUCK, facts);
	for (int i = 2; i <= 20; i++) {
		snprintf(chat, sizeof chat, "%d", i);
		hears("telegram", chat);
	}
	turn();
	assert_int_equal(fake.hits_n, 1);
	answer_with(0, 200, OK_7);
	for (int s = 1; s <= 100; s++) {
		later(1000);
		if (s % 10 == 0)
			tell_them(&of, MILESTONE_COMPLETED, NULL);
		turn();
		all = fake.hits_n;
		for (int i = 0; i < all; i++) {
			if (!fake.hits[i].done)
				continue;
			if (strcmp(said(i, "chat_id"), "1") != 0)
				others++;
			answer_with(i, 200, OK_7);
		}
		assert_int_equal(others, s / 10 * 19); /* each at once */
		assert_int_equal(fake.hits_n, all);
		if (s == 50)
			assert_row(60, 1, MESSAGE_DUE, 0, 0);
	}
	assert_row(100, 1, MESSAGE_ACCEPTED, 1, 0);
}

static void the_rate_of_one_is_his_own(void **state)
{
	(void)state;
	hears("telegram", "1");
	hears("telegram", "2");
	settle();
	note(1);
	note(2);
	turn();
	answer_with(0, 429, SLOW(30));
	answer_with(1, 200, OK_7);
	assert_row(1, 1, MESSAGE_DUE, 1, 0);
	later(1000);
	assert_int_equal(fake.hits_n, 3);
	assert_string_equal(said(2, "chat_id"), "2");
	answer_with(2, 200, OK_7);
	later(28999);
	assert_int_equal(fake.hits_n, 3);
	later(1);
	assert_int_equal(fake.hits_n, 4);
	assert_string_equal(said(3, "chat_id"), "1");
}

/* However soon it says, or where it does not say: a group is not asked sooner than its
 * twenty messages a minute let it be. */
static void who_slows_down_is_paused_too(void **state)
{
	static const char unsaid[] =
	    "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests\"}";

	(void)state;
	hears("telegram", "-1001");
	settle();
	note(1);
	turn();
	answer_with(0, 429, SLOW(1));
	later(2999);
	assert_int_equal(fake.hits_n, 1);
	later(1);
	assert_int_equal(fake.hits_n, 2);
	answer_with(1, 429, unsaid);
	later(2999);
	assert_int_equal(fake.hits_n, 2);
	later(1);
	assert_int_equal(fake.hits_n, 3);
}

static void two_in_a_row_are_the_services(void **state)
{
	(void)state;
	hears("telegram", "1");
	hears("telegram", "2");
	settle();
	note(1);
	turn();
	answer_with(0, 429, SLOW(3));
	answer_with(1, 429, SLOW(20));
	hears("telegram", "3");
	note(2);
	later(19999);
	assert_int_equal(fake.hits_n, 2);
	later(1);
	assert_int_equal(fake.hits_n, 5);
}

/* -- many at once, and one that goes on ------------------------------------------------
 */

static void what_waited_is_one_message(void **state)
{
	char text[40];

	(void)state;
	hears("telegram", "1");
	settle();
	for (int i = 1; i <= 3; i++) {
		snprintf(text, sizeof text, "number %d.", i);
		told(text);
	}
	turn();
	reads(0, "number 1.");
	assert_null(strstr(said(0, "text"), "number 2."));
	answer_with(0, 200, OK_7);
	for (int i = 4; i <= 6; i++) {
		snprintf(text, sizeof text, "number %d.", i);
		told(text);
	}
	later(1000);
	assert_int_equal(fake.hits_n, 2);
	reads(1, "<b>5 messages that waited, in their order</b>\n1. ");
	for (int i = 2; i <= 6; i++) {
		snprintf(text, sizeof text, "number %d.", i);
		reads(1, text);
		assert_row(i, 1, MESSAGE_DUE, 1, 1);
	}
	answer_with(1, 500, "");
	assert_row(6, 1, MESSAGE_DUE, 1, 1);
	later(1000);
	assert_string_equal(fake.hits[2].body, fake.hits[1].body);
	answer_with(2, 200, OK_7);
	for (int i = 2; i <= 6; i++)
		assert_row(i, 1, MESSAGE_ACCEPTED, 2, 1);
	later(5000);
	assert_int_equal(fake.hits_n, 3);
}

/* More than one message holds: in order, none left out, none twice. */
static void a_flood_is_told_whole(void **state)
{
	static char text[1100];
	int nth = 0;

	(void)state;
	hears("telegram", "1");
	settle();
	for (int i = 1; i <= 200; i++) {
		int len = i % 10 ? 20 : 900;

		memset(text, 'x', sizeof text);
		text[len] = '\0';
		text[snprintf(text, 8, "<%03d>", i % 1000)] = ' ';
		told(text);
	}
	turn();
	for (int i = 0; i < fake.hits_n; i++) {
		for (const char *at = said(i, "text"); (at = strstr(at, "&lt;")); at++)
			assert_int_equal(atoi(at + 4), ++nth);
		answer_with(i, 200, OK_7);
		later(1000);
	}
	assert_int_equal(nth, 200);
	assert_in_range(fake.hits_n, 6, 30);
	for (int i = 1; i <= 200; i++)
		assert_row(i, 1, MESSAGE_ACCEPTED, 1, 0);
}

static const struct subject payment = { .kind = SUBJECT_HASH, .id = 44 };

static void goes_on(enum milestone m)
{
	tell_them(&payment, m, "{\"hash\":\"0x99\",\"chain\":\"main\"}");
	later(1000);
}

static void taken_as(int at, int64_t message)
{
	char body[100];

	snprintf(body, sizeof body, "{\"ok\":true,\"result\":{\"message_id\":%lld}}",
	    (long long)message);
	answer_with(at, 200, body);
}

static void is_edit(int at, const char *message)
{
	assert_string_equal(
	    fake.hits[at].url, *message ? URL "/editMessageText" : URL "/sendMessage");
	assert_string_equal(said(at, "message_id"), message);
}

/* In one message as long as it goes on, through lives; what counts is a new one. */
static void what_goes_on_is_one_message(void **state)
{
	(void)state;
	message_subscribe(journal, "telegram", "1", &payment, NULL);
	settle();
	goes_on(MILESTONE_SEEN);
	taken_as(0, 70);
	goes_on(MILESTONE_INCLUDED);
	is_edit(1, "");
	taken_as(1, 71);
	goes_on(MILESTONE_PROGRESS);
	is_edit(2, "71");
	answer_with(2, 200, "{\"ok\":true,\"result\":true}");
	commit(journal);
	die();
	rise();
	settle();
	goes_on(MILESTONE_PROGRESS);
	is_edit(3, "71");
	refuse(3, 400, "Bad Request: message is not modified: the same");
	goes_on(MILESTONE_CONFIRMED);
	is_edit(4, "");
	taken_as(4, 72);
	goes_on(MILESTONE_RETRACTED);
	taken_as(5, 73);
	goes_on(MILESTONE_PROGRESS); /* of a message that is over: a new one.. */
	is_edit(6, "");
	taken_as(6, 74);
	goes_on(MILESTONE_PROGRESS); /* ..which goes on */
	is_edit(7, "74");
	refuse(7, 400, "Bad Request: message to edit not found");
	later(1000);
	is_edit(8, "");
	taken_as(8, 75);
	goes_on(MILESTONE_PROGRESS);
	is_edit(9, "75");
	for (int64_t notice = 1; notice <= 8; notice++)
		assert_row(notice, 1, MESSAGE_ACCEPTED, notice == 8 ? 2 : 1, 0);
}

static void what_is_no_target_is_refused(void **state)
{
	static const char *const bad[] = { "telegram:", "telegram:0", "telegram:-",
		"telegram:01", "telegram:12x", "telegram:99999999999999999999",
		"telegram:@", "telegram:@abc", "telegram:@9abcdef", "telegram:@a/../b",
		"telegram:t.me/x" };
	static const char *const good[] = { "telegram:1", "telegram:-1001234567890",
		"telegram:9223372036854775807", "telegram:@pawl_news" };
	const struct channel *c;
	const char *target;
	struct fail f = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (channel_parse(&c, &target, bad[i], &f) != ERR_USAGE)
			fail_msg("taken: %s", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(channel_parse(&c, &target, good[i], &f), ERR_OK);
	assert_ptr_equal(c, &channel_telegram);
}

static void what_is_no_token_is_refused(void **state)
{
	static const char *const bad[] = { "", ":", "123456789", "123456789:short",
		":AAExampleExampleExample", "12a:AAExampleExampleExample",
		"123:AAExample/../Example_x", "123:AAExampleExampleExample\n",
		"1234567890123456789:AAExampleExampleExample" };
	struct secret *token;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char bytes[64];

		snprintf(bytes, sizeof bytes, "%s", bad[i]);
		token = secret_new(bytes, strlen(bad[i]));
		if (!telegram_token_fault(token))
			fail_msg("taken: %s", bad[i]);
		secret_free(token);
	}
	assert_null(telegram_token_fault(channels.telegram_token));
	assert_int_equal(telegram_bot_id(&channels), 123456789);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(a_chat_reads_it),
		T(it_is_no_longer_than_it_may_be),
		T(each_type_has_words),
		T(each_milestone_has_words),
		T(who_is_gone_is_suspended),
		T(what_may_pass_is_tried_again),
		T(a_wrong_token_suspends_nobody),
		T(the_token_is_never_said),
		T(what_has_bad_markup_is_sent_without),
		T(a_group_that_has_another_number_is_followed),
		T(a_chat_hears_once_a_second),
		T(nor_sooner_when_he_is_back),
		T(a_life_begins_slowly),
		T(all_hear_thirty_a_second),
		T(who_has_much_delays_nobody),
		T(the_rate_of_one_is_his_own),
		T(who_slows_down_is_paused_too),
		T(two_in_a_row_are_the_services),
		T(what_waited_is_one_message),
		T(a_flood_is_told_whole),
		T(what_goes_on_is_one_message),
		T(what_is_no_target_is_refused),
		T(what_is_no_token_is_refused),
	};

	secret_setup();
	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
