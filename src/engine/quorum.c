#include "engine/quorum.h"

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
