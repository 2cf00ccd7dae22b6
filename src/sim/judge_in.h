/* judge_in.h - inside the judge, shared by its files.
 *
 *   judge.c       a life begins; is all done; the end, by journal and chain
 *   judge_turn.c  each turn, and when bytes leave
 */
#ifndef PAWL_SIM_JUDGE_IN_H
#define PAWL_SIM_JUDGE_IN_H

#include "sim/story.h"

void judge_events(struct sim_life *l); /* those of the turns since it was asked last */
void judge_order(struct sim_life *l, const struct sim_tx *t);

#endif
