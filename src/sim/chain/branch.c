#include "base/check.h"
#include "sim/chain/mempool.h"
#include "sim/chain/sim_chain.h"

/* -- the chain goes another way ---------------------------------------------- */

static void credits_return(struct sim_chain *c, const struct sim_block *b)
{
	for (const struct sim_credit *k = b->credits; k; k = k->next) {
		struct sim_credit *copy = sim_chain_take(c, sizeof *copy);

		*copy = *k;
		copy->next = c->credits;
		c->credits = copy;
	}
}

/* From the head down to that block, which is on the trail and is the head then. */
static void undo(struct sim_chain *c, struct sim_block *to, bool give_back)
{
	struct sim_block *old = c->head;

	c->head = to;
	for (struct sim_block *b = old; b != to; b = b->parent) {
		credits_return(c, b);
		for (struct sim_inclusion *i = b->first; give_back && i; i = i->next)
			sim_pool_return(c, i->tx);
	}
}

void sim_reorg(struct sim_chain *c, const struct sim_reorg *r)
{
	struct sim_content later = { .empty = r->content.empty };
	uint64_t blocks = r->blocks ? r->blocks : r->depth + 1;

	CHECK(r->depth <= c->head->height);
	c->branch++;
	undo(c, c->trail[c->head->height - r->depth], r->give_back);
	for (uint64_t i = 0; i < blocks; i++)
		sim_mine(c, i ? &later : &r->content);
}

void sim_adopt(struct sim_chain *c, struct sim_block *tip, bool give_back)
{
	struct sim_block *meet = tip;

	CHECK(tip->height < c->options.heights_max);
	while (meet->height > c->head->height || c->trail[meet->height] != meet)
		meet = meet->parent;
	undo(c, meet, give_back);
	for (struct sim_block *b = tip; b != meet; b = b->parent)
		c->trail[b->height] = b;
	sim_head_put(c, tip);
	sim_pool_tidy(c);
}

/* -- beside it --------------------------------------------------------------- */

struct sim_branch *sim_branch_new(struct sim_chain *c, uint64_t depth, uint64_t n)
{
	struct sim_branch *b = sim_chain_take(c, sizeof *b);

	CHECK(depth <= c->head->height);
	b->head = c->trail[c->head->height - depth];
	b->salt = UINT64_MAX - c->sides++;
	b->next = c->branches;
	c->branches = b;
	for (uint64_t i = 0; i < n; i++)
		sim_branch_mine(c, b);
	return b;
}

struct sim_block *sim_branch_mine(struct sim_chain *c, struct sim_branch *branch)
{
	uint64_t salt = c->branch;

	c->branch = branch->salt;
	branch->head = sim_block_make(c, branch->head, NULL, branch->pool, NULL);
	c->branch = salt;
	sim_pool_tidy(c);
	return branch->head;
}

void sim_branches_grow(struct sim_chain *c)
{
	for (struct sim_branch *b = c->branches; b; b = b->next)
		if (b->grows)
			sim_branch_mine(c, b);
}

struct sim_block *sim_side_branch(struct sim_chain *c, uint64_t depth, uint64_t n)
{
	return sim_branch_new(c, depth, n)->head;
}
