/* vice.h - how a node can go wrong for a time, by name and by a number, so that it can be
 * drawn, written down and counted. All of it is in the node's own members (node.h). */
#ifndef PAWL_SIM_VICE_H
#define PAWL_SIM_VICE_H

#include "sim/node/node.h"

#define SIM_REFUSALS 6 /* texts that a node can refuse sends with */

enum sim_vice {
#define VICE(name, ...) SIM_VICE_##name,
#include "sim/node/vice.def"
#undef VICE
	SIM_VICES
};

const char *sim_vice_name(enum sim_vice vice); /* "stale-fork" */
uint64_t sim_vice_most(enum sim_vice vice);
bool sim_vice_is_harmless(enum sim_vice vice);

/* by 0: not any more. */
void sim_vice_set(struct sim_node *n, enum sim_vice vice, uint64_t by);
void sim_vice_clear(struct sim_node *n); /* all of them */

#endif
