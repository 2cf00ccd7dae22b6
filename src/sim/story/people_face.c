/* people_face.c - what the program around the owner lends: config and keys. */
#include <string.h>

#include "kinds/fence/fence.h"
#include "sim/story/story.h"

static enum err face_chain(void *ctx, struct journal *j, int64_t chain,
    const struct chain_config **ret, struct fail *f)
{
	struct sim_story *s = ctx;

	(void)j;
	(void)chain;
	(void)f;
	*ret = &s->config;
	return ERR_OK;
}

static enum err face_chain_named(
    void *ctx, const char *name, const struct chain_config **ret, struct fail *f)
{
	struct sim_story *s = ctx;

	*ret = &s->config;
	return strcmp(name, s->config.name) ? fail_set(f, ERR_CONFIG, "no such chain")
					    : ERR_OK;
}

static enum err face_key_peek(
    void *ctx, const char *name, struct address *ret, struct fail *f)
{
	struct sim_story *s = ctx;

	for (int i = 0; i < s->fate->keys; i++)
		if (!strcmp(name, s->key[i].name)) {
			*ret = s->key[i].address;
			return ERR_OK;
		}
	return fail_set(f, ERR_CONFIG, "there is no key %s", name);
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

static enum err face_stuck(
    void *ctx, struct runner *r, const struct operation *o, struct fail *f)
{
	(void)ctx;
	(void)r;
	return o->state == OPERATION_PAUSED ? fail_set(f, ERR_OPERATOR, "it is paused")
					    : ERR_OK;
}

static const struct kind *const kinds[] = { &kind_airdrop, &kind_fence };

const struct serve_face sim_people_face = { .kinds = kinds,
	.kinds_n = 2,
	.chain = face_chain,
	.chain_named = face_chain_named,
	.key_peek = face_key_peek,
	.key_usable = face_key_usable,
	.stuck = face_stuck };
