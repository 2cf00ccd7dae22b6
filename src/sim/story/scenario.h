/* scenario.h - stories that were written down, one for each crash window
 * (docs/crash-windows.md) that the simulated world can show.
 *
 * A scenario is a small world and what happens in it, at its times. The seed decides the
 * rest: latencies, what a power cut takes, and, where the schedule says so, at which
 * instant it dies: `pawl simulate --scenario NAME --lives 100` tries a hundred of them.
 */
#ifndef PAWL_SIM_SCENARIO_H
#define PAWL_SIM_SCENARIO_H

#include "sim/story/fate.h"

#define SIM_SCENARIO_ACTS 10

struct sim_scenario {
	const char *name;
	const char *says;      /* in the trace of some of its stories: it did happen */
	struct sim_fate world; /* what is 0 has a default */
	struct sim_act acts[SIM_SCENARIO_ACTS]; /* up to the first without a time */
};

extern const struct sim_scenario sim_scenarios[];
extern const size_t sim_scenarios_n;

const struct sim_scenario *sim_scenario_find(const char *name); /* NULL: none */
/* The fate is released as one that was drawn. */
void sim_scenario_fate(
    struct sim_fate *ret, const struct sim_scenario *from, uint64_t seed);

#endif
