#include "sim/story/vices.h"

#include "base/check.h"

#define FOR_EVER INT64_MAX

static void set(
    struct sim_node *const *nodes, enum sim_vice vice, uint32_t which, uint64_t by)
{
	for (int i = 0; which >> i; i++)
		if (which >> i & 1)
			sim_vice_set(nodes[i], vice, by);
}

static void end(struct sim_vices *v, struct sim_node *const *nodes, enum sim_vice vice)
{
	set(nodes, vice, v->nodes[vice], 0);
	v->until_ms[vice] = 0;
}

void sim_vices_begin(struct sim_vices *v, struct sim_node *const *nodes,
    enum sim_vice vice, uint32_t which, int64_t ms)
{
	uint64_t by = 1 + sim_random_below(&v->dice, sim_vice_most(vice));

	CHECK(vice < SIM_VICES);
	if (v->until_ms[vice] == FOR_EVER)
		return;
	if (v->until_ms[vice])
		end(v, nodes, vice);
	v->nodes[vice] = which;
	v->until_ms[vice] = ms ? nodes[0]->chain->now_ms + ms : FOR_EVER;
	set(nodes, vice, which, by);
}

void sim_vices_end(struct sim_vices *v, struct sim_node *const *nodes, bool all)
{
	for (int i = 0; i < SIM_VICES; i++)
		if (v->until_ms[i] && v->until_ms[i] != FOR_EVER &&
		    (all || v->until_ms[i] <= nodes[0]->chain->now_ms))
			end(v, nodes, (enum sim_vice)i);
}

int64_t sim_vices_due_ms(const struct sim_vices *v)
{
	int64_t at_ms = INT64_MAX;

	for (int i = 0; i < SIM_VICES; i++)
		if (v->until_ms[i] && v->until_ms[i] < at_ms)
			at_ms = v->until_ms[i];
	return at_ms;
}
