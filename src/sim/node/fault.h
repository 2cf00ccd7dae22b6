/* fault.h - what may happen to a request on its way to a node and back, by name. */
#ifndef PAWL_SIM_FAULT_H
#define PAWL_SIM_FAULT_H

#include <stdbool.h>

#include "base/buf.h"
#include "sim/random.h"

enum sim_fault {
	SIM_FAULT_NONE,
#define FAULT(name, ...) SIM_FAULT_##name,
#include "sim/node/fault.def"
#undef FAULT
	SIM_FAULT_COUNT
};

const char *sim_fault_name(enum sim_fault fault); /* "lost"; "none" */
bool sim_fault_executes(enum sim_fault fault);
/* Makes a right answer what the fault is; others leave it as it is. */
void sim_fault_mangle(
    enum sim_fault fault, struct buf *answer, struct sim_random *random);

#endif
