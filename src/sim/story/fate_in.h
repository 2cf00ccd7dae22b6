/* fate_in.h - how a fate is drawn, shared by its files alone.
 *
 *   fate.c        in which order, and how long it takes
 *   fate_world.c  rows, nodes, fees: what there is
 *   fate_acts.c   acts of one kind, as often as it comes
 *   fate_plots.c  acts that belong together, so that rare things meet
 *   fate_subscribers.c, fate_archives.c
 *                 who hears of it; how long it is kept
 */
#ifndef PAWL_SIM_FATE_IN_H
#define PAWL_SIM_FATE_IN_H

#include "sim/random.h"
#include "sim/story/fate.h"

#define DAY_MS (24 * 3600 * 1000ll)

/* Each purpose has luck of its own: what is added to one leaves the others as they
 * were. */
enum purpose {
	OF_WORLD = 1,
	OF_DEATHS,
	OF_DISK,
	OF_CHAIN,
	OF_NET,
	OF_PEOPLE,
	OF_PROCESSES,
	OF_COPIES,
	OF_HANDS,
	OF_MONEY,
	OF_VICES,
	OF_PROVIDERS,
	OF_WORK,
	OF_UNDONE,
	OF_CROWD,
	OF_MEETINGS,
	OF_READS,
	OF_FLIPS,
	OF_FRONTS,
	OF_BESIDES,
	OF_PASTS,
	OF_ABSENCES,
	OF_FORGOTTEN,
	OF_HANDOVERS,
	OF_MEDDLERS,
	OF_CONTESTS,
	OF_LEAVING,
	OF_FILES,
	OF_LOCKS,
	OF_MISTAKES,
	OF_STUMBLES,
	OF_LIARS,
	OF_LISTS,
	OF_POOLS,
	OF_SUBSCRIBERS,
	OF_SWITCHES,
	OF_FOLLOWED,
	OF_CHATS,
	OF_FILTERS,
	OF_ARCHIVES,
	OF_ALONE,
	OF_SPEEDS,
	OF_LENGTHS
};

struct draw {
	struct sim_random dice;
	struct sim_fate *fate;
	int64_t span_ms; /* in which things happen */
	uint64_t times;  /* as often as in a short story */
};

static inline int64_t from_to(struct draw *d, int64_t least, int64_t most)
{
	return least + (int64_t)sim_random_below(&d->dice, (uint64_t)(most - least + 1));
}

static inline bool hit(struct draw *d, uint32_t per_mille)
{
	return sim_random_hit(&d->dice, per_mille);
}

/* Small numbers mostly, large ones at times. */
static inline int64_t skewed(struct draw *d, int64_t most)
{
	return from_to(d, 1, from_to(d, 1, from_to(d, 1, most)));
}

static inline void begin(struct draw *d, enum purpose purpose)
{
	d->dice.state = d->fate->seed ^ ((uint64_t)purpose << 56);
	sim_random_next(&d->dice);
}

/* How often, if at all in this story. */
static inline uint64_t often(struct draw *d, uint32_t per_mille, int64_t most)
{
	return hit(d, per_mille) ? (uint64_t)skewed(d, most) * d->times : 0;
}

/* At any time. */
void act_draw(struct draw *d, enum sim_act_kind kind, int64_t a, int64_t b, int64_t c);

/* Its parameters are drawn in one order, whatever the compiler's is: the last one
 * first. */
#define ACT_DRAW(d, kind, a, b, c)                    \
	do {                                          \
		int64_t c_ = (c), b_ = (b), a_ = (a); \
		act_draw((d), (kind), a_, b_, c_);    \
	} while (0)

void fate_world(struct draw *d);
void fate_acts(struct draw *d);
void fate_plots(struct draw *d);
/* What looks at all that will happen, and moves or adds to it. */
void fate_meetings(struct draw *d);
/* Nodes that are switched off and on; the numbers of all other acts stay. */
void fate_switches(struct draw *d);
/* Who hears of lists; the numbers of all other acts stay. */
void fate_subscribers(struct draw *d);
/* Of those who hear of lists, some in chats; the same. */
void fate_chats(struct draw *d);
/* What ended goes into files; behind all acts. */
void fate_archives(struct draw *d);
/* Who resumes a chain; behind those. */
void fate_alone(struct draw *d);
/* Of those who hear, some are slow, and some of what is said is long; behind those. */
void fate_paces(struct draw *d);

#endif
