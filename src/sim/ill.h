/* ill.h - what is wrong with some of the nodes for a while.
 *
 * Each sort of it is with a set of nodes until its time is over, or until it calms down.
 * Who lies is never a quorum: the world stays one in which G0 holds.
 */
#ifndef PAWL_SIM_ILL_H
#define PAWL_SIM_ILL_H

#include "sim/node.h"
#include "sim/random.h"

enum sim_ill {
#define ILL(name, ...) SIM_ILL_##name,
#include "sim/ills.def"
#undef ILL
	SIM_ILLS
};

struct sim_ills {
	struct sim_random dice;
	uint32_t nodes[SIM_ILLS];   /* a bit each */
	int64_t until_ms[SIM_ILLS]; /* of the chain's clock; 0: nobody has it */
};

const char *sim_ill_name(enum sim_ill ill);
bool sim_ill_lies(enum sim_ill ill);

/* Of these nodes; depth: of finality. */
void sim_ill_begin(struct sim_ills *s, struct sim_node *const *nodes, enum sim_ill ill,
    uint32_t which, int64_t ms, uint64_t depth);
/* Those whose time is over; all: every one. */
void sim_ills_end(struct sim_ills *s, struct sim_node *const *nodes, bool all);
int64_t sim_ills_due_ms(const struct sim_ills *s); /* INT64_MAX: nobody is ill */

#endif
