/* Answers of Telegram's Bot API, with the updates in them; the first byte chooses how the
 * request ended. */
#include <string.h>

#include "base/mem.h"
#include "codec/json.h"
#include "engine/message.h"
#include "fuzz.h"
#include "tell/bot/bot.h"
#include "tell/channel/telegram.h"

#define TOKEN "123456789:AAExampleExampleExample_-0123456789"

static void check_updates(const json_t *updates)
{
	const json_t *update;
	size_t i;

	json_array_foreach(updates, i, update)
	{
		struct bot_command c;

		if (!bot_command_parse(&c, update))
			continue;
		CHECK(c.chat != 0);
		CHECK(strlen(c.word) < sizeof c.word && strlen(c.hash) < sizeof c.hash);
		fuzz_check_text(c.word, sizeof c.word);
		fuzz_check_text(c.hash, sizeof c.hash);
		fuzz_check_text(c.chain, sizeof c.chain);
	}
}

static void check_answer(const struct channel_config *c, const uint8_t *data, size_t size)
{
	struct http_answer a = { .end = (enum http_end)(data[0] % 3),
		.status = data[0] & 4 ? 200 : 400 + data[0] / 8,
		.retry_after_ms = -1,
		.body = mem_new(size),
		.body_len = size - 1 };
	struct verdict v = { .delivery = DELIVERY_AGAIN },
		       w = { .delivery = DELIVERY_AGAIN };
	json_t *result;

	memcpy(a.body, data + 1, size - 1);
	telegram_judge(&v, c, &a, &result);
	CHECK(v.message >= 0 && (v.delivery != DELIVERY_MOVED || v.moved_to != 0));
	CHECK(v.retry_after_ms >= -1 && v.retry_after_ms <= 86400000);
	CHECK(v.delivery != DELIVERY_ACCEPTED || !v.unknown);
	CHECK(!strstr(v.why, strchr(TOKEN, ':') + 1));
	fuzz_check_text(v.why, sizeof v.why);
	check_updates(result);
	json_decref(result);
	channel_webhook.judge(&w, c, &a);
	fuzz_check_text(w.why, sizeof w.why);
	mem_free(a.body);
}

/* The same bytes as an event: what is sent of it is JSON, and no longer than it may be.
 */
static void check_event(const uint8_t *data, size_t size)
{
	char *body = mem_new(size + 1);
	struct event_text events[5];
	struct parcel p = { .target = "-1", .events = events, .events_n = 5 };
	struct fail f;
	size_t n;

	memcpy(body, data, size);
	for (size_t i = 0; i < 5; i++)
		events[i] =
		    (struct event_text){ body, i % 2 ? "a <label> & more" : NULL };
	for (int plain = 0; plain < 2; plain++) {
		char *sent;
		json_t *o;

		p.plain = plain;
		sent = telegram_compose(&p, &n);
		CHECK(n >= 1 && n <= 5);
		o = json_read(sent, strlen(sent), &f);
		CHECK(o && strlen(json_str(o, "text")) <= 4 * TELEGRAM_TEXT_MAX);
		json_decref(o);
		mem_free(sent);
	}
	mem_free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct secret *token;
	char bytes[] = TOKEN;
	struct channel_config c = { .telegram_api = "https://tg.example" };

	if (size == 0 || size > 65536)
		return 0;
	if (!token) {
		secret_setup();
		token = secret_new(bytes, strlen(TOKEN));
	}
	c.telegram_token = token;
	check_answer(&c, data, size);
	check_event(data + 1, size - 1);
	return 0;
}
