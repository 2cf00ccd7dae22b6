/* random.h - the simulator's own dice: small, seeded, the same on every machine.
 * SplitMix64. No secret ever comes from here. */
#ifndef PAWL_SIM_RANDOM_H
#define PAWL_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
	uint64_t state;
};

static inline uint64_t sim_random_next(struct sim_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 to n - 1; 0 for n 0. */
static inline uint64_t sim_random_below(struct sim_random *r, uint64_t n)
{
	return n ? sim_random_next(r) % n : 0;
}

static inline bool sim_random_hit(struct sim_random *r, uint32_t per_mille)
{
	return sim_random_below(r, 1000) < per_mille;
}

#endif
