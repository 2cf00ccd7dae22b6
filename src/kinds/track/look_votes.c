/* look_votes.c - what nodes said in a round, counted. */
#include "base/mutant.h"
#include "kinds/track/look_in.h"

/* A quorum of them says the same of where it is as this one. */
static bool agreed(const struct track_chain *t, uint32_t at, const struct look_said *one)
{
	const struct look *l = t->look;
	uint32_t alike = 0;

	for (int i = 0; i < POOL_NODES_MAX; i++) {
		const struct look_said *s = &l->said[i][at];

		if (((l->answered >> i) & 1) && s->included && s->ok == one->ok &&
		    s->height == one->height &&
		    hash_same(&s->block_hash, &one->block_hash))
			alike |= 1u << i;
	}
	return follower_quorum(t->chain->follower, alike);
}

const struct look_said *look_best(
    const struct track_chain *t, uint32_t at, bool *ret_agreed)
{
	const struct look *l = t->look;
	const struct look_said *any = NULL;

	*ret_agreed = false;
	for (int i = 0; i < POOL_NODES_MAX && !*ret_agreed; i++) {
		const struct look_said *s = &l->said[i][at];

		if (!((l->answered >> i) & 1) || !s->known)
			continue;
		*ret_agreed = s->included && agreed(t, at, s);
		if (!any || *ret_agreed)
			any = s;
	}
	return any;
}

uint32_t look_known(const struct track_chain *t, uint32_t at)
{
	const struct look *l = t->look;
	uint32_t known = 0;

	for (int i = 0; i < POOL_NODES_MAX; i++)
		if (((l->answered >> i) & 1) && l->said[i][at].known)
			known |= 1u << i;
	return known;
}

uint32_t look_finds(const struct track_chain *t)
{
	const struct look *l = t->look;

	if (MUTANT(blind_are_believed) || t->chain->config->batch < LOOK_BATCH_MIN)
		return l->answered;
	return l->has_known ? look_known(t, l->n) : 0;
}

static bool says_alike(const struct look_said *a, const struct look_said *b)
{
	return address_same(&a->from, &b->from) && a->nonce == b->nonce;
}

const struct look_said *look_sender(const struct track_chain *t, uint32_t at)
{
	const struct look *l = t->look;
	uint32_t known = look_known(t, at);

	for (int i = 0; i < POOL_NODES_MAX; i++) {
		const struct look_said *s = &l->said[i][at];
		uint32_t same = 0;

		for (int k = 0; k < POOL_NODES_MAX && ((known >> i) & 1); k++)
			if (((known >> k) & 1) && says_alike(s, &l->said[k][at]))
				same |= 1u << k;
		if (MUTANT(one_denies_the_sender) && same != known)
			return NULL;
		if (follower_quorum(t->chain->follower, same) ||
		    (MUTANT(one_names_the_sender) && same))
			return s;
	}
	return NULL;
}

uint32_t look_above(const struct track_chain *t, uint32_t at, uint64_t count)
{
	const struct look *l = t->look;
	uint32_t above = 0;

	for (int i = 0; i < POOL_NODES_MAX; i++)
		if (((l->answered >> i) & 1) && l->said[i][at].known &&
		    l->said[i][at].count > count)
			above |= 1u << i;
	return above;
}
