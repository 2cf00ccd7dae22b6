/* Each scenario of src/sim/story/scenario.c over some seeds: nothing is wrong in any of
 * its stories, and what it is about does happen in some of them. LIVES=N tells more of
 * them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/story/scenario.h"
#include "sim/story/story.h"

#define LIVES 8
#define SEEDS_APART 13 /* so that few of them try instants that lie apart */

struct outcome {
	bool well, said;
	struct sim_figures sum; /* of what the schedule asks for */
	uint64_t seed;          /* of the first that went wrong */
	char why[SIM_WHY_MAX];
};

static void tell(struct outcome *ret, struct sim_story *s, const struct sim_scenario *sc,
    uint64_t seed)
{
	struct sim_fate fate;
	size_t len;
	char *trace;
	FILE *out = open_memstream(&trace, &len);

	CHECK(out);
	sim_scenario_fate(&fate, sc, seed);
	if (!sim_story_tell(s, &fate, out) && ret->well) {
		ret->well = false;
		ret->seed = seed;
		snprintf(ret->why, sizeof ret->why, "%s", s->why);
	}
	sim_fate_release(&fate);
	CHECK(fclose(out) == 0);
	ret->said |= !sc->says || strstr(trace, sc->says);
	free(trace);
	ret->sum.crashes += s->figures.crashes;
	ret->sum.power_cuts += s->figures.power_cuts;
	ret->sum.reorgs += s->figures.reorgs;
	for (int k = 0; k < SIM_ACTS; k++)
		ret->sum.acts[k] += s->figures.acts[k];
}

static bool dies(const struct sim_act *a)
{
	return a->kind == SIM_DIE_OP || a->kind == SIM_DIE_POINT ||
	    a->kind == SIM_DIE_EVENT;
}

/* Not only that it was asked for. */
static bool did_happen(const struct sim_figures *sum, const struct sim_act *a)
{
	if (!sum->acts[a->kind] || (a->kind == SIM_REORG && !sum->reorgs))
		return false;
	return !dies(a) || (sum->crashes && (!a->b || sum->power_cuts));
}

static const char *missing(const struct outcome *o, const struct sim_scenario *sc)
{
	for (int i = 0; i < SIM_SCENARIO_ACTS && sc->acts[i].at_ms; i++)
		if (!did_happen(&o->sum, &sc->acts[i]))
			return sim_act_name(sc->acts[i].kind);
	return o->said ? NULL : sc->says;
}

static bool test(
    struct sim_story *s, const struct sim_scenario *sc, int lives, int number)
{
	struct outcome outcome = { .well = true };
	const char *not_there;
	bool ok;

	for (int i = 0; i < lives; i++)
		tell(&outcome, s, sc, 1 + (uint64_t)i * SEEDS_APART);
	not_there = missing(&outcome, sc);
	ok = outcome.well && !not_there;
	printf("%sok %d - %s\n", ok ? "" : "not ", number, sc->name);
	if (!outcome.well)
		printf("# pawl simulate --scenario %s --seed %" PRIu64 "\n# %s\n",
		    sc->name, outcome.seed, outcome.why);
	if (not_there)
		printf("# in no story: %s\n", not_there);
	fflush(stdout);
	return ok;
}

int main(int argc, char **argv)
{
	const char *more = getenv("LIVES");
	int lives = more ? atoi(more) : LIVES, failed = 0, n = 0;
	struct sim_story *s = sim_story_new(false);

	for (size_t i = 0; i < sim_scenarios_n; i++)
		if (argc < 2 || !strcmp(argv[1], sim_scenarios[i].name))
			failed += !test(s, &sim_scenarios[i], lives, ++n);
	printf("1..%d\n", n);
	sim_story_free(s);
	return failed || !n;
}
