#include "sim/story/lender.h"

#include <string.h>

#include "kinds/airdrop/airdrop.h"
#include "kinds/fence/fence.h"
#include "tell/channel/channel.h"

static const struct sim_key *key_find(const struct sim_lender *l, const char *name)
{
	for (int i = 0; i < l->keys; i++)
		if (!strcmp(name, l->key[i].name))
			return &l->key[i];
	return NULL;
}

static enum err key_get(
    void *ctx, const char *name, const struct secret **ret, struct fail *f)
{
	const struct sim_key *k = key_find(ctx, name);

	if (!k)
		return fail_set(f, ERR_KEY, "there is no key %s", name);
	*ret = k->secret;
	return ERR_OK;
}

static enum err face_chain(void *ctx, struct journal *j, int64_t chain,
    const struct chain_config **ret, struct fail *f)
{
	struct sim_lender *l = ctx;

	(void)j;
	(void)chain;
	(void)f;
	*ret = l->config;
	return ERR_OK;
}

static enum err face_chain_named(
    void *ctx, const char *name, const struct chain_config **ret, struct fail *f)
{
	struct sim_lender *l = ctx;

	*ret = l->config;
	return strcmp(name, l->config->name) ? fail_set(f, ERR_CONFIG, "no such chain")
					     : ERR_OK;
}

static enum err face_key_peek(
    void *ctx, const char *name, struct address *ret, struct fail *f)
{
	const struct sim_key *k = key_find(ctx, name);

	if (!k)
		return fail_set(f, ERR_CONFIG, "there is no key %s", name);
	*ret = k->address;
	return ERR_OK;
}

static enum err face_key_usable(
    void *ctx, const char *name, const struct address *address, struct fail *f)
{
	struct address found;
	enum err e = face_key_peek(ctx, name, &found, f);

	if (e == ERR_OK && !address_same(&found, address))
		return fail_set(f, ERR_KEY, "it is another one");
	return e;
}

static enum err face_channel_ready(
    void *ctx, const char *channel, const char *target, struct fail *f)
{
	(void)ctx;
	(void)target;
	return strcmp(channel, channel_webhook.name) != 0 &&
		strcmp(channel, channel_telegram.name) != 0
	    ? fail_set(f, ERR_CONFIG, "no such channel")
	    : ERR_OK;
}

static enum err face_stuck(
    void *ctx, struct runner *r, const struct operation *o, struct fail *f)
{
	(void)ctx;
	(void)r;
	return o->state == OPERATION_PAUSED ? fail_set(f, ERR_OPERATOR, "it is paused")
					    : ERR_OK;
}

struct serve_face sim_lender_face(struct sim_lender *l)
{
	static const struct kind *const kinds[] = { &kind_airdrop, &kind_fence };

	return (struct serve_face){ .ctx = l,
		.kinds = kinds,
		.kinds_n = 2,
		.chain = face_chain,
		.chain_named = face_chain_named,
		.key_peek = face_key_peek,
		.key_usable = face_key_usable,
		.channel_ready = face_channel_ready,
		.stuck = face_stuck };
}

struct keyring_face sim_lender_keyring(struct sim_lender *l)
{
	return (struct keyring_face){ .ctx = l, .get = key_get };
}
