#include "sim/story/scenario.h"

#include <string.h>

#include "sim/disk/disk.h"
#include "sim/node/vice.h"
#include "sim/random.h"
#include "sim/story/story.h"

#define BLOCK_MS 2000
#define GWEI 1000000000ull
#define CALM_BLOCKS 6 /* behind the last act */

/* -- how they are written ------------------------------------------------------- */

/* A number of an act that the seed decides, up to so many. */
#define UP_TO(most) (-(most))

/* In the middle of the n-th block of the story. */
#define AT(block) .at_ms = (block)*BLOCK_MS + BLOCK_MS / 2

#define DIES(how, most) .kind = SIM_DIE_##how, .a = UP_TO(most)
#define WITH_POWER .b = 1 + SIM_LOSE_DRAWN
#define ALL_UNSYNCED .b = 1 + SIM_LOSE_ALL
#define TEARS .b = 1 + SIM_LOSE_SOME
#define LOSES(fault, chance, blocks) \
	.kind = SIM_NET, .a = SIM_FAULT_##fault, .b = (chance), .c = (blocks)*BLOCK_MS

/* So many of the nodes, the first ones. */
#define ARE(vice, n, blocks)                                         \
	.kind = SIM_VICE, .a = SIM_VICE_##vice, .b = (1 << (n)) - 1, \
	.c = (blocks)*BLOCK_MS
/* All but the first of three. */
#define OTHERS_ARE(vice, blocks) \
	.kind = SIM_VICE, .a = SIM_VICE_##vice, .b = 2 | 4, .c = (blocks)*BLOCK_MS
/* Between the others, for ever. */
#define TWO_ARE(vice) .kind = SIM_VICE, .a = SIM_VICE_##vice, .b = 1 | 1 << 2
#define KEPT(what) .kind = SIM_KEEP, .a = SIM_KEEP_##what
#define PUT_BACK(how) .kind = SIM_BACK, .a = SIM_BACK_##how

#define TAKES_BACK(depth) .kind = SIM_REORG, .a = (depth), .b = 1
#define LOSES_BLOCKS(depth) .kind = SIM_REORG, .a = (depth)
#define ANOTHER_SPENDS .kind = SIM_FOREIGN
#define ANOTHER_COLLIDES .kind = SIM_FOREIGN, .b = 1

#define WANTS_IT_TOO(blocks) .kind = SIM_SECOND, .a = (blocks)*BLOCK_MS
#define STANDS_STILL(most, blocks) \
	.kind = SIM_STAND, .a = UP_TO(most), .b = (blocks)*BLOCK_MS

#define HEARS(receiver) .kind = SIM_SUBSCRIBE, .b = (receiver)
#define RECEIVES(how, receiver, blocks)                                 \
	.kind = SIM_RECEIVER, .a = (receiver), .b = SIM_RECEIVES_##how, \
	.c = (blocks)*BLOCK_MS
#define SAYS .kind = SIM_SAY
#define SAYS_MUCH SAYS, .a = 1500
#define FOLLOWS_NEWEST .kind = SIM_TRACK, .b = 1
#define FOLLOWS_OLD(newer) .kind = SIM_TRACK, .c = (newer)

const struct sim_scenario sim_scenarios[] = {
#define SCENARIO(name, ...) { #name, __VA_ARGS__ },
#include "sim/story/scenarios.def"
#undef SCENARIO
};

const size_t sim_scenarios_n = sizeof sim_scenarios / sizeof *sim_scenarios;

/* -- how they are told ------------------------------------------------------------- */

const struct sim_scenario *sim_scenario_find(const char *name)
{
	for (size_t i = 0; i < sim_scenarios_n; i++)
		if (!strcmp(sim_scenarios[i].name, name))
			return &sim_scenarios[i];
	return NULL;
}

static void world_fill(struct sim_fate *f)
{
	f->rows = f->rows ? f->rows : 10;
	f->lists = f->lists ? f->lists : 1;
	f->keys = f->keys ? f->keys : 1;
	f->nodes = f->nodes ? f->nodes : 1;
	f->own = f->nodes;
	f->quorum = (int)(f->nodes / 2 + 1);
	f->depth = f->depth ? f->depth : 3;
	f->interval_ms = BLOCK_MS;
	f->poll_ms = BLOCK_MS / 2;
	f->in_flight = f->in_flight ? f->in_flight : 4;
	f->bump_after = f->bump_after ? f->bump_after : 3;
	f->base_fee = GWEI;
	f->gas_limit = f->gas_limit ? f->gas_limit : 30000000;
	f->latency_ms = f->latency_ms ? f->latency_ms : 20;
	f->hidden = f->seed % 4 == 3; /* the first one's pool, in each fourth story */
}

static void seeded(int64_t *number, uint64_t luck)
{
	if (*number < 0)
		*number = 1 + (int64_t)(luck % (uint64_t) - *number);
}

static bool creates(const struct sim_fate *f, int list)
{
	for (size_t i = 0; i < f->acts_n; i++)
		if (f->acts[i].kind == SIM_CREATE && f->acts[i].a == list)
			return true;
	return false;
}

void sim_scenario_fate(
    struct sim_fate *ret, const struct sim_scenario *from, uint64_t seed)
{
	struct sim_random dice = { .state = seed };

	*ret = from->world;
	ret->seed = seed;
	world_fill(ret);
	for (int i = 0; i < SIM_SCENARIO_ACTS && from->acts[i].at_ms; i++) {
		struct sim_act act = from->acts[i];

		seeded(&act.at_ms, sim_random_next(&dice));
		if (act.kind != SIM_JUMP)
			seeded(&act.a, i ? sim_random_next(&dice) : seed);
		sim_fate_add(ret, act);
	}
	for (int list = 0; list < ret->lists; list++)
		if (!creates(ret, list))
			sim_fate_add(
			    ret, (struct sim_act){ .kind = SIM_CREATE, .a = list });
	for (size_t i = 0; i < ret->acts_n; i++)
		ret->acts[i].number = (uint32_t)i + 1;
	ret->calm_ms = ret->acts[ret->acts_n - 1].at_ms + CALM_BLOCKS * BLOCK_MS;
}
