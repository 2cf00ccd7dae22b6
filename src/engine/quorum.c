#include "engine/quorum.h"

uint32_t quorum_beside(const struct chain_run *c, int node)
{
	int provider = pool_node(c->pool, node)->provider;
	uint32_t nodes = 0;

	for (int i = 0; i < pool_size(c->pool); i++)
		if (pool_node(c->pool, i)->provider == provider)
			nodes |= 1u << i;
	return nodes;
}

int quorum_next(struct chain_run *c, uint32_t asked, int64_t *ret_at_ms)
{
	for (int i = 0; i < pool_size(c->pool); i++)
		if (!follower_knows(c->follower, i))
			asked |= 1u << i;
	return pool_best(c->pool, asked, ret_at_ms);
}
