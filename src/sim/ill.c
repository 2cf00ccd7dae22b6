#include "sim/ill.h"

#include <stdio.h>

#include "base/check.h"

static const struct {
	const char *name;
	bool lies;
} ills[] = {
#define ILL(name, word, lies) [SIM_ILL_##name] = { word, lies },
#include "sim/ills.def"
#undef ILL
};

const char *sim_ill_name(enum sim_ill ill)
{
	CHECK(ill < SIM_ILLS);
	return ills[ill].name;
}

bool sim_ill_lies(enum sim_ill ill)
{
	CHECK(ill < SIM_ILLS);
	return ills[ill].lies;
}

/* -- one node ----------------------------------------------------------------- */

/* How much of it, and where; the same for all that have it at a time. */
struct measure {
	uint64_t n;
	struct sim_block *fork;
};

static void refuses(struct sim_node *n, bool on, const char *text)
{
	snprintf(n->refuses, sizeof n->refuses, "%s", on ? text : "");
}

static void put(struct sim_node *n, enum sim_ill ill, bool on, const struct measure *m)
{
	switch (ill) {
	case SIM_ILL_DOWN:
		n->down = on;
		return;
	case SIM_ILL_LAGS:
		n->lag = on ? m->n : 0;
		return;
	case SIM_ILL_ASTRAY:
		n->fork = on ? m->fork : NULL;
		return;
	case SIM_ILL_LATE:
		n->receipts_lag = on ? m->n : 0;
		return;
	case SIM_ILL_SILENT:
		n->receipts = on ? SIM_RECEIPTS_NULL : SIM_RECEIPTS_TRUE;
		return;
	case SIM_ILL_PRUNED:
		n->state_depth = on ? m->n : 0;
		return;
	case SIM_ILL_DENIES:
		n->state_depth = on ? m->n : 0;
		n->state_denied = on;
		return;
	case SIM_ILL_FORGETS:
		n->forgets = on;
		return;
	case SIM_ILL_POOR:
		refuses(n, on, "insufficient funds for gas * price + value");
		return;
	case SIM_ILL_CHEAP:
		refuses(n, on, "replacement transaction underpriced");
		return;
	case SIM_ILL_HIDES:
		n->hides_transactions = on;
		return;
	case SIM_ILL_ELSEWHERE:
		n->chain_id = on ? 1 : 0;
		return;
	case SIM_ILL_FLIPPED:
		n->receipts = on ? SIM_RECEIPTS_FLIPPED : SIM_RECEIPTS_TRUE;
		return;
	case SIM_ILL_COUNTS:
		n->counts = on ? m->n : 0;
		return;
	case SIM_ILL_AHEAD:
		n->state_after = on;
		return;
	case SIM_ILL_MISREADS:
		n->reads = on ? SIM_READS_TO_ITSELF : SIM_READS_TRUE;
		return;
	case SIM_ILL_MISTAGS:
		n->reads = on ? SIM_READS_OTHER_TIP : SIM_READS_TRUE;
		return;
	case SIM_ILL_BOASTS:
		n->boasts = on;
		return;
	case SIM_ILL_REVERTS:
		n->estimates_revert = on;
		return;
	case SIM_ILL_NAKED:
		n->hides_code = on;
		return;
	case SIM_ILL_DEAR:
		n->base_fee = on ? 5000000000000u : 0;
		return;
	case SIM_ILLS:
		break;
	}
	BUG("no such ill");
}

static void put_all(struct sim_node *const *nodes, enum sim_ill ill, uint32_t which,
    bool on, const struct measure *m)
{
	for (int i = 0; which >> i; i++)
		if (which >> i & 1)
			put(nodes[i], ill, on, m);
}

/* -- all of them ---------------------------------------------------------------- */

static uint64_t from_to(struct sim_ills *s, uint64_t least, uint64_t most)
{
	return least + sim_random_below(&s->dice, most - least + 1);
}

/* A branch that ends no higher than the chain, and so makes nothing final sooner. */
static struct sim_block *astray(struct sim_ills *s, struct sim_chain *c, uint64_t depth)
{
	uint64_t below = from_to(s, 1, depth);

	if (below >= c->head->height)
		below = c->head->height - 1;
	return sim_side_branch(c, below, from_to(s, 1, below));
}

static void end(struct sim_ills *s, struct sim_node *const *nodes, enum sim_ill ill)
{
	put_all(nodes, ill, s->nodes[ill], false, NULL);
	s->until_ms[ill] = 0;
}

void sim_ill_begin(struct sim_ills *s, struct sim_node *const *nodes, enum sim_ill ill,
    uint32_t which, int64_t ms, uint64_t depth)
{
	struct sim_chain *c = nodes[0]->chain;
	struct measure m = { .n = from_to(s, 1, 12) };

	CHECK(ill < SIM_ILLS);
	if (s->until_ms[ill])
		end(s, nodes, ill);
	if (ill == SIM_ILL_ASTRAY)
		m.fork = astray(s, c, depth);
	s->nodes[ill] = which;
	s->until_ms[ill] = c->now_ms + ms;
	put_all(nodes, ill, which, true, &m);
}

void sim_ills_end(struct sim_ills *s, struct sim_node *const *nodes, bool all)
{
	for (int i = 0; i < SIM_ILLS; i++)
		if (s->until_ms[i] && (all || s->until_ms[i] <= nodes[0]->chain->now_ms))
			end(s, nodes, (enum sim_ill)i);
}

int64_t sim_ills_due_ms(const struct sim_ills *s)
{
	int64_t at_ms = INT64_MAX;

	for (int i = 0; i < SIM_ILLS; i++)
		if (s->until_ms[i] && s->until_ms[i] < at_ms)
			at_ms = s->until_ms[i];
	return at_ms;
}
