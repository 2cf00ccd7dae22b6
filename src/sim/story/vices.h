/* vices.h - what nodes do wrong in a story, each vice for a while and with some of them.
 *
 * Who says what is not so never makes a quorum: the world stays one in which G0 holds.
 */
#ifndef PAWL_SIM_VICES_H
#define PAWL_SIM_VICES_H

#include "sim/node/vice.h"
#include "sim/random.h"

struct sim_vices {
	struct sim_random dice;
	uint32_t nodes[SIM_VICES];   /* a bit each */
	int64_t until_ms[SIM_VICES]; /* of the chain's clock; 0: nobody has it */
};

/* ms 0: to the end of the story, also when it has calmed down. */
void sim_vices_begin(struct sim_vices *v, struct sim_node *const *nodes,
    enum sim_vice vice, uint32_t which, int64_t ms);
/* Those whose time is over; all: every one that has a time. */
void sim_vices_end(struct sim_vices *v, struct sim_node *const *nodes, bool all);
int64_t sim_vices_due_ms(const struct sim_vices *v); /* INT64_MAX: nobody has any */

#endif
