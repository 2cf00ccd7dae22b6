/* states.h - the durable states (states.def) as enums, their names and edges. */
#ifndef PAWL_ENGINE_STATES_H
#define PAWL_ENGINE_STATES_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"

enum {
#define STATE(machine, name, code, promise) machine##_##name = (code),
#define EDGE(machine, from, to, why)
#include "engine/states.def"
#undef STATE
#undef EDGE
};

enum machine {
	MACHINE_ITEM,
	MACHINE_INTENT,
	MACHINE_ATTEMPT,
	MACHINE_OPERATION,
	MACHINE_JUDGEMENT,
	MACHINE_TRACKED,
	MACHINE_PEGIN,
	MACHINE_PEGOUT,
	MACHINE_ANCHOR
};

const char *state_name(enum machine m, int state);   /* "needs_operator" */
int state_by_name(enum machine m, const char *name); /* -1: there is none */
bool state_there(enum machine m, int state);
bool state_edge(enum machine m, int from, int to);
/* What is not along an edge is damage: `from` is what the journal says. Of a row; 0: of
 * the operation itself. */
void state_check(const struct journal *j, enum machine m, int from, int to,
    int64_t operation, int64_t row);

#endif
