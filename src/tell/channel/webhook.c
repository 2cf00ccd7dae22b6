/* A POST of a milestone as JSON, signed: docs/webhooks.md tells receivers how to check
 * it. */
#include "tell/channel/webhook.h"

#include <ctype.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "codec/url.h"
#include "engine/message.h"
#include "tell/channel/channel.h"
#include "world/address.h"

#define TIMEOUT_MS 10000
#define ANSWER_MAX 4096
#define BODY_MAX ((size_t)32 * 1024)

void webhook_sign(char out[WEBHOOK_SIGNATURE_MAX], const struct secret *secret,
    const char *timestamp, const char *body, size_t len)
{
	crypto_auth_hmacsha256_state state;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];

	crypto_auth_hmacsha256_init(&state, secret_bytes(secret), secret_len(secret));
	crypto_auth_hmacsha256_update(
	    &state, (const unsigned char *)timestamp, strlen(timestamp));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, len);
	crypto_auth_hmacsha256_final(&state, mac);
	secret_wipe(&state, sizeof state);
	memcpy(out, "v1=", 3);
	hex_format(out + 3, mac, sizeof mac);
}

/* What is wrong with it is said with as much of it as is no secret. */
static enum err webhook_check(const char *target, struct fail *f)
{
	const char *fault = url_fault(target);
	char shown[URL_SHOWN_MAX];
	struct url u;

	url_split(&u, target);
	url_shown(shown, target);
	if (!fault && u.user)
		fault = "a URL with user or password is refused: who receives it checks "
			"its signature";
	if (!fault && strlen(target) >= TARGET_MAX)
		fault = "a URL of more than 1023 bytes";
	if (!fault && strchr(target, '#'))
		fault = "a URL with '#': what stands behind it is never sent";
	if (!fault)
		return ERR_OK;
	if (!*shown)
		channel_word(shown, target);
	return fail_set(
	    f, ERR_USAGE, "webhook:%s%s%s", shown, *shown ? ": " : " ", fault);
}

_Static_assert(TARGET_MAX == 1024, "as it is said");

static enum err webhook_ready(const struct channel_config *c, struct fail *f)
{
	if (c->webhook_secret)
		return ERR_OK;
	return fail_set(f, ERR_CONFIG,
	    "webhooks are signed, and the config has no tell.webhook.secret: set it to "
	    "env:VAR or file:PATH (openssl rand -hex 32 makes one), and give it to who "
	    "receives them");
}

/* What a name leads to is known when it is asked for: this is an address as it stands. */
static enum err webhook_may(
    const struct channel_config *c, const char *target, struct fail *f)
{
	struct url u;

	url_split(&u, target);
	if (c->webhook_private || MUTANT(private_waits_for_ever) ||
	    !host_private(u.host, u.host_len))
		return ERR_OK;
	return fail_set(f, ERR_USAGE,
	    "webhook: %.*s is an address of this machine or of the network around it, "
	    "where nothing is sent; if that is meant, the config says it: "
	    "tell.webhook.allow_private: true",
	    (int)u.host_len, u.host);
}

static void webhook_lane(char out[LANE_NAME_MAX], const char *target)
{
	struct url u;
	size_t len;

	url_split(&u, target);
	len = u.host_port_len < LANE_NAME_MAX ? u.host_port_len : LANE_NAME_MAX - 1;
	memset(out, 0, LANE_NAME_MAX);
	for (size_t i = 0; i < len; i++)
		out[i] = (char)tolower((unsigned char)u.host[i]);
}

static int64_t webhook_pause_ms(const char *target)
{
	(void)target;
	return 0;
}

/* The same for all subscribers, but for the word that each has for it. */
static char *webhook_compose(const struct parcel *p, size_t *ret_n)
{
	const struct event_text *e = &p->events[0];
	struct fail f;
	struct buf text;
	json_t *body;
	size_t len;

	*ret_n = 1;
	if (!e->label)
		return mem_str(e->body);
	body = json_read(e->body, strlen(e->body), &f);
	if (!body)
		return mem_str(e->body);
	(void)json_object_set_new(body, "label", json_string(e->label));
	buf_init(&text, BODY_MAX);
	json_line_add(&text, body);
	CHECK(buf_ok(&text) && text.len > 0);
	text.data[text.len - 1] = '\0'; /* the end of the line */
	return (char *)buf_take(&text, &len);
}

static void webhook_write(struct letter *ret, const struct channel_config *c,
    const struct parcel *p, char *body, size_t len, int64_t wall_ms)
{
	char signature[WEBHOOK_SIGNATURE_MAX], timestamp[24];

	snprintf(timestamp, sizeof timestamp, "%" PRId64, wall_ms / 1000);
	webhook_sign(signature, c->webhook_secret, timestamp, body, len);
	snprintf(ret->line[0], sizeof ret->line[0], "Pawl-Timestamp: %s", timestamp);
	snprintf(ret->line[1], sizeof ret->line[1], "Pawl-Signature: %s", signature);
	ret->lines[0] = ret->line[0];
	ret->lines[1] = ret->line[1];
	ret->lines[2] = NULL;
	ret->request = (struct http_request){ .url = p->target,
		.body = body,
		.body_len = len,
		.lines = ret->lines,
		.timeout_ms = TIMEOUT_MS,
		.answer_max = ANSWER_MAX,
		.once = true,
		.public_only = !c->webhook_private,
		.brief = !MUTANT(long_answer_is_none) };
}

static void webhook_judge(
    struct verdict *ret, const struct channel_config *c, const struct http_answer *a)
{
	int status = a->status;

	(void)c;
	ret->retry_after_ms = a->retry_after_ms;
	ret->unknown = a->end == HTTP_UNKNOWN;
	ret->delivery = DELIVERY_AGAIN;
	if (a->end != HTTP_ANSWERED) {
		snprintf(ret->why, sizeof ret->why, "%s%s", a->why,
		    a->end == HTTP_NOT_SENT && strstr(a->why, "not one of the internet's")
			? " (tell.webhook.allow_private)"
			: "");
		return;
	}
	snprintf(ret->why, sizeof ret->why, "it answered %d", status);
	if (status >= 200 && status < 300)
		ret->delivery = DELIVERY_ACCEPTED;
	else if (status == 403 || status == 404 || status == 410)
		ret->delivery = DELIVERY_GONE;
}

const struct channel channel_webhook = { .name = "webhook",
	.busy_max = 8,
	.hosts = true,
	.check = webhook_check,
	.ready = webhook_ready,
	.may = webhook_may,
	.lane = webhook_lane,
	.pause_ms = webhook_pause_ms,
	.compose = webhook_compose,
	.write = webhook_write,
	.judge = webhook_judge };
