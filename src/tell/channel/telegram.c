/* A message in a chat, by Telegram's Bot API: docs/telegram.md. */
#include "tell/channel/telegram.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "base/utf8.h"
#include "chain/pool/redact.h"
#include "codec/json.h"

/* What its documentation says: 30 messages a second, one a second to a chat, 20 a minute
 * to a group; a channel counts as one. */
#define WINDOW_N 30
#define WINDOW_MS 1000
#define CHAT_MS 1000
#define GROUP_MS 3000
#define FOLD_FROM 4

#define TIMEOUT_MS 15000
#define ANSWER_MAX ((size_t)128 * 1024) /* it repeats the message, escaped */
#define RETRY_AFTER_MAX_S 86400
#define NAME_MAX 32
#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* -- the target ----------------------------------------------------------------- */

static bool is_name(const char *target)
{
	size_t len = strlen(target);

	return *target == '@' && len > 4 && len <= NAME_MAX + 1 &&
	    strspn(target + 1, LETTERS) > 0 &&
	    strspn(target + 1, LETTERS DIGITS "_") == len - 1;
}

static bool is_id(const char *target)
{
	const char *digits = target + (*target == '-');

	if (*digits < '1' || *digits > '9' || digits[strspn(digits, DIGITS)])
		return false;
	errno = 0;
	(void)strtoll(target, NULL, 10);
	return errno == 0;
}

static enum err telegram_check(const char *target, struct fail *f)
{
	if (is_id(target) || is_name(target))
		return ERR_OK;
	return fail_set(f, ERR_USAGE,
	    "telegram: its target is the number of a chat, as 123456789, or as -1001234 "
	    "for a group, or the @name of a channel");
}

static void telegram_lane(char out[LANE_NAME_MAX], const char *target)
{
	(void)target;
	memset(out, 0, LANE_NAME_MAX);
}

static int64_t telegram_pause_ms(const char *target)
{
	return *target == '-' || *target == '@' ? GROUP_MS : CHAT_MS;
}

/* -- the token ------------------------------------------------------------------- */

const char *telegram_token_fault(const struct secret *token)
{
	const char *text = (const char *)secret_bytes(token);
	size_t len = secret_len(token), id = 0, n;

	while (id < len && text[id] >= '0' && text[id] <= '9')
		id++;
	for (n = id + 1; n < len; n++)
		if (!strchr(LETTERS DIGITS "_-", text[n]) || !text[n])
			break;
	if (id == 0 || id > 18 || id == len || text[id] != ':' || n != len ||
	    len - id < 17 || len > TELEGRAM_TOKEN_MAX)
		return "it is no token of a bot: those are a number, ':' and at least 16 "
		       "letters, digits, '_' or '-', as @BotFather gives them";
	return NULL;
}

static enum err telegram_ready(const struct channel_config *c, struct fail *f)
{
	if (c->telegram_token)
		return ERR_OK;
	return fail_set(f, ERR_CONFIG,
	    "the config has no tell.telegram.token: set it to env:VAR or file:PATH; "
	    "@BotFather gives one to who asks for a bot");
}

void telegram_url(
    char out[LETTER_URL_MAX], const struct channel_config *c, const char *method)
{
	snprintf(out, LETTER_URL_MAX, "%s/bot%.*s/%s", c->telegram_api,
	    (int)secret_len(c->telegram_token),
	    (const char *)secret_bytes(c->telegram_token), method);
}

int64_t telegram_bot_id(const struct channel_config *c)
{
	char digits[20] = "";
	const uint8_t *text = secret_bytes(c->telegram_token);

	for (size_t i = 0; i < sizeof digits - 1 && text[i] != ':'; i++)
		digits[i] = (char)text[i];
	return strtoll(digits, NULL, 10);
}

static void telegram_write(struct letter *ret, const struct channel_config *c,
    const struct parcel *p, char *body, size_t len, int64_t wall_ms)
{
	(void)wall_ms;
	telegram_url(ret->url, c, p->edits ? "editMessageText" : "sendMessage");
	ret->request = (struct http_request){ .url = ret->url,
		.body = body,
		.body_len = len,
		.timeout_ms = TIMEOUT_MS,
		.answer_max = ANSWER_MAX,
		.once = true };
}

/* -- what it answers --------------------------------------------------------------- */

static const struct answer {
	int code;
	const char *text;
	enum delivery delivery;
} answers[] = {
#define ANSWER(code, text, delivery) { code, text, DELIVERY_##delivery },
#include "tell/channel/telegram.def"
#undef ANSWER
};

static enum delivery delivery_of(int64_t code, const char *description)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i].code == code && strstr(description, answers[i].text))
			return answers[i].delivery;
	return DELIVERY_AGAIN;
}

static void why_put(struct verdict *ret, const struct channel_config *c, const char *text)
{
	char url[LETTER_URL_MAX];

	snprintf(ret->why, sizeof ret->why, "%s", text);
	utf8_plain(ret->why);
	telegram_url(url, c, "");
	redact(ret->why, strlen(ret->why), url);
	secret_wipe(url, sizeof url);
}

static void refusal_read(
    struct verdict *ret, const struct channel_config *c, const json_t *body, int status)
{
	const char *description = json_str(body, "description");
	const json_t *more = json_object_get(body, "parameters");
	int64_t code = status, seconds, chat;

	(void)json_i64(body, "error_code", &code);
	ret->delivery = delivery_of(code, description ? description : "");
	ret->unknown = code >= 500;
	if (json_i64(more, "retry_after", &seconds) && seconds >= 0 &&
	    !MUTANT(retry_after_ignored))
		ret->retry_after_ms =
		    1000 * (seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S);
	if (ret->delivery == DELIVERY_MOVED) {
		ret->delivery = DELIVERY_GONE;
		if (json_i64(more, "migrate_to_chat_id", &chat) && chat != 0) {
			ret->delivery = DELIVERY_MOVED;
			ret->moved_to = chat;
		}
	}
	if (ret->delivery == DELIVERY_SLOW && MUTANT(slow_is_gone))
		ret->delivery = DELIVERY_GONE;
	why_put(ret, c, description ? description : "it refused, and does not say why");
}

static void answer_read(struct verdict *ret, const struct channel_config *c,
    const struct http_answer *a, json_t **ret_result)
{
	struct fail f = { ERR_OK, "" };
	json_t *body = a->body ? json_read(a->body, a->body_len, &f) : NULL;
	json_t *result = json_object_get(body, "result");
	bool ok;

	if (!json_bool(body, "ok", &ok)) {
		/* Whoever this is, it is not Telegram. */
		ret->delivery = DELIVERY_AGAIN;
		ret->unknown = a->status < 300 || a->status >= 500;
		ret->retry_after_ms = a->retry_after_ms;
		snprintf(ret->why, sizeof ret->why,
		    "it answered %d, and nothing that Telegram says", a->status);
	} else if (!ok) {
		refusal_read(ret, c, body, a->status);
	} else {
		ret->delivery = DELIVERY_ACCEPTED;
		if (!json_i64(result, "message_id", &ret->message) || ret->message < 0)
			ret->message = 0;
		if (ret_result)
			*ret_result = json_incref(result);
	}
	json_decref(body);
}

void telegram_judge(struct verdict *ret, const struct channel_config *c,
    const struct http_answer *a, json_t **ret_result)
{
	if (ret_result)
		*ret_result = NULL;
	ret->retry_after_ms = a->retry_after_ms;
	if (a->end == HTTP_ANSWERED) {
		answer_read(ret, c, a, ret_result);
		return;
	}
	ret->delivery = DELIVERY_AGAIN;
	ret->unknown = a->end == HTTP_UNKNOWN;
	why_put(ret, c, a->why);
}

static void message_judge(
    struct verdict *ret, const struct channel_config *c, const struct http_answer *a)
{
	telegram_judge(ret, c, a, NULL);
}

const struct channel channel_telegram = { .name = "telegram",
	.busy_max = WINDOW_N,
	.window_n = WINDOW_N,
	.window_ms = WINDOW_MS,
	.fold_from = FOLD_FROM,
	.check = telegram_check,
	.ready = telegram_ready,
	.lane = telegram_lane,
	.pause_ms = telegram_pause_ms,
	.showing = telegram_showing,
	.compose = telegram_compose,
	.write = telegram_write,
	.judge = message_judge };
