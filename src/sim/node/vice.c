#include "sim/node/vice.h"

#include <stdio.h>

#include "base/check.h"

/* -- the table --------------------------------------------------------------- */

static const struct {
	const char *name;
	uint64_t most;
	bool harmless;
} vices[] = {
#define VICE(name, word, means, most, harmless, ...) \
	[SIM_VICE_##name] = { word, most, harmless },
#include "sim/node/vice.def"
#undef VICE
};

const char *sim_vice_name(enum sim_vice vice)
{
	CHECK(vice < SIM_VICES);
	return vices[vice].name;
}

uint64_t sim_vice_most(enum sim_vice vice)
{
	CHECK(vice < SIM_VICES);
	return vices[vice].most;
}

bool sim_vice_is_harmless(enum sim_vice vice)
{
	CHECK(vice < SIM_VICES);
	return vices[vice].harmless;
}

/* -- what is more than a member ------------------------------------------------ */

static uint64_t depth_of(const struct sim_node *n, uint64_t by)
{
	return by < n->chain->head->height ? by : n->chain->head->height;
}

/* As high as the chain is: nothing but the hashes gives it away. */
static struct sim_block *fork_of(const struct sim_node *n, uint64_t by)
{
	uint64_t depth = depth_of(n, by);

	return by ? sim_side_branch(n->chain, depth, depth) : NULL;
}

static struct sim_branch *branch_of(struct sim_node *n, uint64_t by)
{
	uint64_t depth = depth_of(n, by);
	struct sim_branch *branch;

	if (n->branch)
		n->branch->grows = false;
	if (!by)
		return NULL;
	branch = sim_branch_new(n->chain, depth, depth);
	branch->grows = true;
	branch->pool = n->pool->node ? n->pool : NULL;
	return branch;
}

/* It goes slower from now on, and not back. */
static void head_set(struct sim_node *n, uint64_t by)
{
	n->head_ms = (int64_t)by;
	n->head_from_ms = n->chain->now_ms;
}

static void twin_set(struct sim_node *n, uint64_t by)
{
	if (by && !n->twin)
		n->twin = sim_node_twin(n);
	if (n->twin)
		n->twin->lag = by;
	n->twin_answers = by > 0;
}

static void denied_set(struct sim_node *n, uint64_t by)
{
	n->state_denied = by > 0;
	n->state_depth = by;
}

static void receipts_set(struct sim_node *n, uint64_t by, enum sim_receipts receipts)
{
	if (by || n->receipts == receipts)
		n->receipts = by ? receipts : SIM_RECEIPTS_TRUE;
}

static void final_set(struct sim_node *n, uint64_t by, enum sim_finality_rule rule)
{
	if (!by && n->finality.rule != rule)
		return;
	n->own_finality = by;
	n->finality = (struct sim_finality){ by ? rule : SIM_FINAL_DEPTH,
		rule == SIM_FINAL_STUCK ? n->chain->head->height : 0 };
}

static void filters_set(struct sim_node *n, uint64_t by)
{
	n->no_filters = by == 1;
	n->loses_filters = by == 2;
	n->hides_news = by == 3;
}

static void pool_set(struct sim_node *n, uint64_t by)
{
	n->pool->max = by ? (uint32_t)by : n->chain->options.pool_max;
}

static void refuses_set(struct sim_node *n, uint64_t by)
{
	static const char *const texts[SIM_REFUSALS + 1] = { "", "txpool is full",
		"already known", "nonce too low: next nonce 999999, tx nonce 0",
		"replacement transaction underpriced",
		"insufficient funds for gas * price + value", "internal error" };

	snprintf(n->refuses, sizeof n->refuses, "%s",
	    texts[by <= SIM_REFUSALS ? by : SIM_REFUSALS]);
}

/* -- setting them -------------------------------------------------------------- */

#define VICE(name, word, means, most, harmless, ...)            \
	static void set_##name(struct sim_node *n, uint64_t by) \
	{                                                       \
		__VA_ARGS__;                                    \
	}
#include "sim/node/vice.def"
#undef VICE

void sim_vice_set(struct sim_node *n, enum sim_vice vice, uint64_t by)
{
	static void (*const set[])(struct sim_node * n, uint64_t by) = {
#define VICE(name, ...) [SIM_VICE_##name] = set_##name,
#include "sim/node/vice.def"
#undef VICE
	};

	CHECK(vice < SIM_VICES);
	set[vice](n, by);
}

void sim_vice_clear(struct sim_node *n)
{
	for (int vice = 0; vice < SIM_VICES; vice++)
		sim_vice_set(n, (enum sim_vice)vice, 0);
}
