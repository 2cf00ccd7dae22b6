#include "engine/quorum.h"

#include "base/check.h"
#include "base/mutant.h"

uint32_t quorum_beside(const struct chain_run *c, int node)
{
	int provider = pool_node(c->pool, node)->provider;
	uint32_t nodes = 0;

	for (int i = 0; i < pool_size(c->pool); i++)
		if (pool_node(c->pool, i)->provider == provider)
			nodes |= 1u << i;
	return nodes;
}

uint32_t quorum_headless(const struct chain_run *c)
{
	uint32_t nodes = 0;
	struct head head;

	for (int i = 0; i < pool_size(c->pool); i++)
		if (!follower_shown(c->follower, i, &head))
			nodes |= 1u << i;
	return nodes;
}

void hedge_asked(struct hedge *h, const struct chain_run *c, int node)
{
	const struct chain_config *config = c->config;
	int64_t now_ms = world_now_ms(c->runner->s.world);

	h->under_way++;
	h->late_ms = config->hedge_after_ms && !MUTANT(nobody_is_late)
	    ? now_ms + pool_late_ms(c->pool, node, config->hedge_after_ms)
	    : INT64_MAX;
}

void hedge_heard(struct hedge *h)
{
	CHECK(h->under_way > 0);
	h->under_way--;
}

bool hedge_waits(struct runner *r, const struct chain_run *c, const struct hedge *h)
{
	if (h->under_way == 0 || world_now_ms(c->runner->s.world) >= h->late_ms)
		return false;
	runner_wake_at(r, h->late_ms);
	return true;
}

void round_asked(struct round *o, const struct chain_run *c, int node)
{
	hedge_asked(&o->hedge, c, node);
	o->asked |= 1u << node;
}

bool round_heard(struct runner *r, const struct chain_run *c, struct round *o, int node,
    uint32_t number, enum err err)
{
	if (number != o->number && !MUTANT(old_round_counts))
		return false;
	hedge_heard(&o->hedge);
	r->again = true;
	if (err || (o->heard >> node & 1 && !MUTANT(hedge_votes_twice)))
		return false;
	o->heard |= quorum_beside(c, node);
	o->asked |= o->heard;
	return true;
}

enum round_step round_next(
    struct runner *r, struct chain_run *c, const struct round *o, int *ret_node)
{
	bool enough = o->n >= 2 * c->config->quorum - 1;
	int64_t at_ms = INT64_MAX;

	*ret_node = enough ? -1 : quorum_next(c, o->asked | quorum_headless(c), &at_ms);
	if (*ret_node >= 0)
		return ROUND_ASKS;
	if (o->asked && (!o->hedge.under_way || enough))
		return ROUND_ENDS;
	runner_wake_at(r, at_ms);
	return ROUND_WAITS;
}

/* Who is left out may be one of the quorum all the same, and comes back only by what is
 * agreed: asked when the others are not enough. */
int quorum_best(struct chain_run *c, uint32_t asked, int64_t *ret_at_ms)
{
	int node = pool_best(c->pool, asked, ret_at_ms);

	if (node >= 0 || *ret_at_ms < INT64_MAX || MUTANT(left_out_not_asked))
		return node;
	return pool_best_left_out(c->pool, asked, ret_at_ms);
}

int quorum_next(struct chain_run *c, uint32_t asked, int64_t *ret_at_ms)
{
	for (int i = 0; i < pool_size(c->pool); i++)
		if (!follower_knows(c->follower, i))
			asked |= 1u << i;
	return quorum_best(c, asked, ret_at_ms);
}
