/* figures.h - how long a node takes to answer, counted in a fixed number of boxes.
 *
 * Two counts of the same answers: all of them, which only grow and are for metrics, and
 * the recent ones, which are halved now and then and are what quantiles are read from.
 * Plain memory, copied at will.
 */
#ifndef PAWL_CHAIN_POOL_FIGURES_H
#define PAWL_CHAIN_POOL_FIGURES_H

#include <stdint.h>

#define LATENCY_BOXES 26

struct latency {
	int64_t n, sum_ms;             /* of all */
	int64_t box[LATENCY_BOXES];    /* all; each its own, not those below */
	int64_t recent[LATENCY_BOXES]; /* some hundreds */
	int64_t recent_n;
};

/* What is in box i took at most so long; INT64_MAX: the last one. */
int64_t latency_bound_ms(int i);

void latency_add(struct latency *l, int64_t ms);
/* So many of a hundred of the recent ones took at most this long; 0: there is none. */
int64_t latency_quantile_ms(const struct latency *l, int percent);

#endif
