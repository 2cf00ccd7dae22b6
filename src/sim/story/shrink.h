/* shrink.h - the least that still goes wrong. */
#ifndef PAWL_SIM_SHRINK_H
#define PAWL_SIM_SHRINK_H

#include "sim/story/story.h"

/* Leaves out of a story that goes wrong what it needs not to; it is told again and again
 * (tells, at most so often). */
void sim_shrink(struct sim_story *s, struct sim_fate *fate, int tells);

#endif
