#include "cli/owner/channels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/config/scalar.h"
#include "tell/channel/telegram.h"

#define SECRET_MIN 16

static void webhook_load(struct channels *c, const struct ref *ref)
{
	struct fail f = { ERR_OK, "" };

	if (ref->kind == REF_NONE)
		return;
	if (ref_read(&c->webhook_secret, ref, &f) == ERR_OK &&
	    secret_len(c->webhook_secret) < SECRET_MIN) {
		fail_set(&f, ERR_CONFIG, "shorter than %d bytes", SECRET_MIN);
		secret_free(c->webhook_secret);
		c->webhook_secret = NULL;
	}
	if (c->webhook_secret)
		return;
	snprintf(
	    c->no_webhook, sizeof c->no_webhook, "tell.webhook.secret: %.160s", f.why);
	log_warn("tell", "%s; webhooks wait", c->no_webhook);
}

/* NULL: fine. The URL may hold a secret, so nothing repeats it. */
static const char *api_put(struct channels *c, const char *api)
{
	const char *url = strncmp(api, "env:", 4) == 0 ? getenv(api + 4) : api, *fault;
	size_t len;

	if (!url || !*url)
		return "its variable is not set";
	fault = config_url_fault(url);
	if (fault)
		return fault;
	len = strlen(url);
	while (len && url[len - 1] == '/')
		len--;
	if (len >= sizeof c->telegram_api || strpbrk(url, "?#"))
		return "a URL that is too long, or has '?' or '#'";
	memcpy(c->telegram_api, url, len);
	return NULL;
}

static void telegram_load(struct channels *c, const struct telegram_config *t)
{
	struct fail f = { ERR_OK, "" };
	const char *fault = NULL;

	if (t->token.kind == REF_NONE)
		return;
	if (ref_read(&c->telegram_token, &t->token, &f) == ERR_OK) {
		fault = telegram_token_fault(c->telegram_token);
		if (fault)
			fail_set(&f, ERR_CONFIG, "%s", fault);
	}
	if (c->telegram_token && !fault) {
		fault = api_put(c, t->api);
		if (!fault)
			return;
		snprintf(c->no_telegram, sizeof c->no_telegram, "tell.telegram.api: %s",
		    fault);
	} else {
		snprintf(c->no_telegram, sizeof c->no_telegram,
		    "tell.telegram.token: %.170s", f.why);
	}
	secret_free(c->telegram_token);
	c->telegram_token = NULL;
	log_warn("tell", "%s; messages of Telegram wait", c->no_telegram);
}

void channels_load(struct channels *c, const struct config *config)
{
	if (c->read)
		return;
	c->read = true;
	webhook_load(c, &config->tell.webhook.secret);
	telegram_load(c, &config->tell.telegram);
	c->config = (struct channel_config){ .webhook_secret = c->webhook_secret,
		.webhook_private = config->tell.webhook.allow_private,
		.telegram_token = c->telegram_token,
		.telegram_api = c->telegram_api };
}

void channels_release(struct channels *c)
{
	secret_free(c->webhook_secret);
	secret_free(c->telegram_token);
	*c = (struct channels){ 0 };
}

static enum err may(const struct channel *channel, const struct channel_config *c,
    const char *target, struct fail *f)
{
	return channel->may ? channel->may(c, target, f) : ERR_OK;
}

enum err channels_ready(
    const struct channels *c, const char *name, const char *target, struct fail *f)
{
	enum err e;

	const struct channel *channel = channel_named(name);
	const char *why = channel == &channel_webhook ? c->no_webhook
	    : channel == &channel_telegram            ? c->no_telegram
						      : "";

	if (*why)
		return fail_set(f, ERR_CONFIG, "%s", why);
	e = channel->ready(&c->config, f);
	return e == ERR_OK ? may(channel, &c->config, target, f) : e;
}

enum err channels_named(const struct config *config, const struct channel *channel,
    const char *target, struct fail *f)
{
	const struct channel_config c = { .webhook_private =
					      config->tell.webhook.allow_private };
	const struct ref *needs = channel == &channel_telegram
	    ? &config->tell.telegram.token
	    : &config->tell.webhook.secret;

	if (needs->kind == REF_NONE)
		return channel->ready(&c, f);
	return may(channel, &c, target, f);
}

enum err channels_sound(const struct channels *c, struct fail *f)
{
	if (c->no_webhook[0])
		return fail_set(f, ERR_CONFIG, "%s", c->no_webhook);
	if (c->no_telegram[0])
		return fail_set(f, ERR_CONFIG, "%s", c->no_telegram);
	return ERR_OK;
}

void channels_renew(struct channels *c, struct channels *others)
{
	channels_release(c);
	*c = *others;
	c->config.telegram_api = c->telegram_api;
	*others = (struct channels){ 0 };
}

bool channels_any(const struct channels *c)
{
	return c->webhook_secret || c->telegram_token;
}
