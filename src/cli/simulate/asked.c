#include "cli/simulate/asked.h"

#include <inttypes.h>
#include <string.h>

#include "base/mutant.h"
#include "base/nearest.h"

#define SEED_MAX ((uint64_t)INT64_MAX) /* what JSON can say */
#define LIVES_MAX 1000000000
#define DAYS_MAX 1000

/* Up to what is no digit. */
static bool digits(const char **at, uint64_t most, uint64_t *ret)
{
	const char *from = *at;
	uint64_t n = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(**at - '0'), &n) || n > most)
			return false;
	*ret = n;
	return *at > from;
}

static enum err number(const struct args *a, const char *option, uint64_t least,
    uint64_t most, uint64_t *ret, struct fail *f)
{
	const char *text = args_get(a, option), *at = text;

	if (!text || (digits(&at, most, ret) && !*at && *ret >= least))
		return ERR_OK;
	return fail_set(f, ERR_USAGE,
	    "%s: %.40s: must be a number from %" PRIu64 " to %" PRIu64, option, text,
	    least, most);
}

bool simulate_acts_next(const char **at, uint64_t *ret)
{
	if (!digits(at, SIMULATE_ACTS_MAX, ret))
		return false;
	*at += **at == ',' && (*at)[1];
	return true;
}

static enum err acts_check(const struct simulate_asked *m, struct fail *f)
{
	const char *at = m->acts;
	uint64_t n;

	if (!at)
		return ERR_OK;
	while (simulate_acts_next(&at, &n))
		;
	if (*at)
		return fail_set(f, ERR_USAGE,
		    "--acts: %.60s: must be numbers with commas between", m->acts);
	return ERR_OK;
}

/* A story that somebody wrote or cut down is there to be looked at. */
static enum err of_one(struct simulate_asked *m, bool json, struct fail *f)
{
	if (m->lives > 1 && (m->acts || m->traces))
		return fail_set(f, ERR_USAGE, "%s is of one story, not --lives",
		    m->acts ? "--acts" : "--trace");
	if (m->traces && json)
		return fail_set(f, ERR_USAGE, "--trace is of lines, not --json");
	m->traces |= m->lives == 1 && (m->acts || m->scenario || m->shrinks);
	return ERR_OK;
}

static enum err scenario(struct simulate_asked *m, const char *name, struct fail *f)
{
	struct nearest near = { NULL, 0 };

	m->scenario = name ? sim_scenario_find(name) : NULL;
	if (!name || m->scenario)
		return m->scenario && m->days
		    ? fail_set(f, ERR_USAGE, "--scenario has its own time, not --days")
		    : ERR_OK;
	for (size_t i = 0; i < sim_scenarios_n; i++)
		nearest_add(&near, name, sim_scenarios[i].name);
	return fail_set(f, ERR_USAGE, "--scenario: there is no %.40s%s%s%s", name,
	    near.best ? "; did you mean " : "; docs/crash-windows.md names them",
	    near.best ? near.best : "", near.best ? "?" : "");
}

static enum err mutant(const char *name, struct fail *f)
{
#ifdef PAWL_MUTANTS
	if (!name || mutant_set(name))
		return ERR_OK;
	return fail_set(f, ERR_USAGE, "--mutant: %.60s: there is no such defect", name);
#else
	return name
	    ? fail_set(f, ERR_USAGE,
		  "--mutant: this program was built without defects (-Dmutants=true)")
	    : ERR_OK;
#endif
}

enum err simulate_asked_read(
    struct simulate_asked *ret, const struct args *a, struct fail *f)
{
	enum err e;

	*ret = (struct simulate_asked){ .seed = 1,
		.lives = 1,
		.acts = args_get(a, "--acts"),
		.shrinks = args_has(a, "--shrink"),
		.traces = args_has(a, "--trace") };
	e = number(a, "--seed", 0, SEED_MAX, &ret->seed, f);
	if (e == ERR_OK)
		e = number(a, "--lives", 1, LIVES_MAX, &ret->lives, f);
	if (e == ERR_OK)
		e = number(a, "--days", 1, DAYS_MAX, &ret->days, f);
	if (e == ERR_OK && ret->lives - 1 > SEED_MAX - ret->seed)
		e = fail_set(f, ERR_USAGE,
		    "--lives: the last seed would be above %" PRIu64, SEED_MAX);
	if (e == ERR_OK)
		e = acts_check(ret, f);
	if (e == ERR_OK)
		e = scenario(ret, args_get(a, "--scenario"), f);
	if (e == ERR_OK)
		e = of_one(ret, a->json, f);
	if (e == ERR_OK)
		e = mutant(args_get(a, "--mutant"), f);
	return e;
}

/* That is on, by the option or by the environment. */
static const char *defect_name(void)
{
#ifdef PAWL_MUTANTS
	return mutant_name();
#else
	return NULL;
#endif
}

void simulate_again(
    struct buf *out, const struct simulate_asked *a, uint64_t seed, const char *acts)
{
	const char *defect = defect_name();

	acts = acts ? acts : a->acts;
	buf_addf(out, "pawl simulate --seed %" PRIu64, seed);
	if (a->scenario)
		buf_addf(out, " --scenario %s", a->scenario->name);
	if (a->days)
		buf_addf(out, " --days %" PRIu64, a->days);
	if (defect)
		buf_addf(out, " --mutant %s", defect);
	if (acts)
		buf_addf(out, " --acts %s", *acts ? acts : "\"\"");
}
