/* The simulated node: a chain in memory, and virtual time. */
#include <stdlib.h>

#include "base/check.h"
#include "ground.h"
#include "sim/world/sim_world.h"

#define CHAIN_BYTES ((size_t)64 << 20)

static void mine(struct ground *g, uint32_t blocks)
{
	while (blocks-- > 0)
		sim_mine(g->chain, NULL);
}

static void mark(struct ground *g)
{
	g->marked = g->chain->head->height;
}

static void undo(struct ground *g, uint32_t blocks)
{
	sim_reorg(g->chain,
	    &(struct sim_reorg){ .depth = g->chain->head->height - g->marked,
		.blocks = blocks,
		.content = { .empty = true } });
}

static void fund(struct ground *g)
{
	struct amount coin, tokens = amount_u64(1000000000000);
	const struct address at = { { 0x70, 0x4b } };

	CHECK(amount_parse(&coin, "10000", 5, 18) == AMOUNT_OK);
	g->token = at;
	sim_token_add(g->chain, &at, SIM_TOKEN_PLAIN, 18, "PLN");
	for (int i = 0; i < 2; i++)
		sim_fund(g->chain, &g->account[i], NULL, &coin);
	sim_fund(g->chain, &g->account[PAYER], sim_token_find(g->chain, &at), &tokens);
}

void ground_simulate(struct ground *g)
{
	struct sim_options o = { .chain_id = CHAIN_ID,
		.heights_max = 16384,
		.finality = { SIM_FINAL_DEPTH, 64 } };
	void *region = aligned_alloc(64, CHAIN_BYTES);
	struct sim_node *node;

	CHECK(region);
	g->mine = mine;
	g->mark = mark;
	g->undo = undo;
	g->chain = sim_chain_init(region, CHAIN_BYTES, &o);
	fund(g);
	node = sim_node_new(g->chain);
	g->world = sim_world_open(&(struct sim_world_options){
	    .chain = g->chain, .nodes = &node, .nodes_n = 1, .seed = 7 });
}
