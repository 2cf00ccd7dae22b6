/* cmd_simulate.c - the program against a world that is made up, and against a judge.
 *
 * What is printed depends on the seed alone; times and rates go to standard error. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/nearest.h"
#include "cli/cli.h"
#include "sim/node/fault.h"
#include "sim/story/scenario.h"
#include "sim/story/shrink.h"
#include "sim/story/story.h"
#include "world/clock.h"

#define SEED_MAX ((uint64_t)INT64_MAX) /* what JSON can say */
#define LIVES_MAX 1000000000
#define DAYS_MAX 1000
#define LIFE_SECONDS 120  /* of real time; a day of --days may take as long */
#define SHOWN_MAX 5       /* stories that went wrong */
#define SHRINK_TELLS 2000 /* at most */
#define ACTS_MAX 100000
#define NUMBERS_MAX ((size_t)1 << 20)
#define MORE_MAX 240

struct total {
	uint64_t lives, wrong;
	struct sim_figures sum;
};

struct simulation {
	struct cli *cli;
	struct sim_story *story;
	uint64_t seed, lives, days;
	const struct sim_scenario *scenario; /* NULL: a story is drawn */
	const char *acts;                    /* NULL: all */
	bool shrinks;
	struct total total;
};

/* -- what was asked ------------------------------------------------------------ */

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

static enum err acts_check(const struct simulation *m, struct fail *f)
{
	const char *at = m->acts;
	uint64_t n;

	if (!at || !*at)
		return ERR_OK;
	while (digits(&at, ACTS_MAX, &n) && *at == ',')
		at++;
	if (*at || at[-1] == ',')
		return fail_set(f, ERR_USAGE,
		    "--acts: %.60s: must be numbers with commas between", m->acts);
	return m->lives == 1
	    ? ERR_OK
	    : fail_set(f, ERR_USAGE, "--acts is of one story, not --lives");
}

static enum err scenario(struct simulation *m, const char *name, struct fail *f)
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

static enum err asked(struct simulation *m, struct fail *f)
{
	const struct args *a = &m->cli->args;
	enum err e = number(a, "--seed", 0, SEED_MAX, &m->seed, f);

	if (e == ERR_OK)
		e = number(a, "--lives", 1, LIVES_MAX, &m->lives, f);
	if (e == ERR_OK)
		e = number(a, "--days", 1, DAYS_MAX, &m->days, f);
	if (e == ERR_OK && m->lives - 1 > SEED_MAX - m->seed)
		e = fail_set(f, ERR_USAGE,
		    "--lives: the last seed would be above %" PRIu64, SEED_MAX);
	m->acts = args_get(a, "--acts");
	m->shrinks = args_has(a, "--shrink");
	if (e == ERR_OK)
		e = acts_check(m, f);
	if (e == ERR_OK)
		e = scenario(m, args_get(a, "--scenario"), f);
	if (e == ERR_OK)
		e = mutant(args_get(a, "--mutant"), f);
	return e;
}

/* -- a story that ends the program ---------------------------------------------- */

static struct simulation *telling;

/* What it was asked for beside a seed. */
static void which(char *out, size_t size, const struct simulation *m)
{
	const char *defect = args_get(&m->cli->args, "--mutant");
	char days[32] = "";

	if (m->days)
		snprintf(days, sizeof days, " --days %" PRIu64, m->days);
	snprintf(out, size, "%s%s%s%s%s", m->scenario ? " --scenario " : "",
	    m->scenario ? m->scenario->name : "", days, defect ? " --mutant " : "",
	    defect ? defect : "");
}

static void on_end(int signal)
{
	char more[MORE_MAX], text[400 + MORE_MAX];
	uint64_t seed = telling->story->fate ? telling->story->fate->seed : 0;
	int len;

	which(more, sizeof more, telling);
	len = snprintf(text, sizeof text,
	    "pawl: seed %" PRIu64 ", step %" PRIu64
	    ": the program ended: %s; again: pawl simulate --seed %" PRIu64 "%s\n",
	    seed, telling->story->figures.steps,
	    signal == SIGALRM ? "it hung" : "a check failed", seed, more);
	if (write(STDERR_FILENO, text, (size_t)len) < 0)
		_exit(err_exit_code(ERR_SYSTEM));
	_exit(err_exit_code(ERR_MISMATCH));
}

/* -- what came of it ---------------------------------------------------------------- */

static void total_add(struct total *t, const struct sim_story *s)
{
	const struct sim_figures *f = &s->figures;

	t->lives++;
	t->wrong += s->why[0] != '\0';
	t->sum.steps += f->steps;
	t->sum.crashes += f->crashes;
	t->sum.power_cuts += f->power_cuts;
	t->sum.reorgs += f->reorgs;
	t->sum.sends += f->sends;
	t->sum.blocks += f->blocks;
	t->sum.rises += f->rises;
	t->sum.violations += f->violations;
	for (int i = 0; i < SIM_ACTS; i++)
		t->sum.acts[i] += f->acts[i];
	for (int i = 0; i < SIM_DEEDS; i++)
		t->sum.deeds[i] += f->deeds[i];
	for (int i = 0; i < SIM_DISK_FAULTS; i++)
		t->sum.disk[i] += f->disk[i];
	for (int i = SIM_FAULT_NONE + 1; i < SIM_FAULT_COUNT; i++) {
		t->sum.net[i] += f->net[i];
		t->sum.faults += f->net[i];
	}
}

static void tell_wrong(const struct simulation *m, uint64_t seed, const char *acts)
{
	const struct sim_story *s = m->story;
	char more[MORE_MAX];
	struct buf again;

	which(more, sizeof more, m);
	buf_init(&again, NUMBERS_MAX);
	buf_addf(&again, "pawl simulate --seed %" PRIu64 "%s%s%s", seed, more,
	    acts ? " --acts " : "", acts ? acts : "");
	if (m->cli->args.json)
		cli_json(json_pack("{s:s, s:I, s:I, s:s}", "wrong", s->why, "seed",
		    (json_int_t)seed, "step", (json_int_t)s->figures.steps, "again",
		    buf_text(&again)));
	else
		printf("seed %" PRIu64 ", step %" PRIu64 ": %s\nagain: %s\n", seed,
		    s->figures.steps, s->why, buf_text(&again));
	buf_release(&again);
}

/* What came to pass, by kind: name() is of number[from] to number[n - 1]. */
struct kinds {
	const char *what;
	const uint64_t *number;
	int from, n;
	const char *(*name)(int kind);
};

static const char *act_name(int kind)
{
	return sim_act_name((enum sim_act_kind)kind);
}

static const char *deed_name(int kind)
{
	return sim_deed_name((enum sim_deed)kind);
}

static const char *fault_name(int kind)
{
	return sim_fault_name((enum sim_fault)kind);
}

static const char *disk_name(int kind)
{
	return sim_disk_fault_name((enum sim_disk_fault)kind);
}

#define KINDS 4

static void kinds_of(struct kinds ret[KINDS], const struct sim_figures *f)
{
	ret[0] = (struct kinds){ "acts", f->acts, 0, SIM_ACTS, act_name };
	ret[1] = (struct kinds){ "seen", f->deeds, 0, SIM_DEEDS, deed_name };
	ret[2] = (struct kinds){ "requests", f->net, SIM_FAULT_NONE + 1, SIM_FAULT_COUNT,
		fault_name };
	ret[3] = (struct kinds){ "disk", f->disk, 0, SIM_DISK_FAULTS, disk_name };
}

static json_t *kinds_json(const struct kinds *k)
{
	json_t *o = json_object();

	CHECK(o);
	for (int i = k->from; i < k->n; i++)
		json_object_set_new(
		    o, k->name(i), json_integer((json_int_t)k->number[i]));
	return o;
}

static void kinds_print(const struct kinds *k)
{
	const char *between = ": ";

	for (int i = k->from; i < k->n; i++) {
		if (!k->number[i])
			continue;
		printf("%s%s%" PRIu64 " %s", *between == ':' ? k->what : "", between,
		    k->number[i], k->name(i));
		between = ", ";
	}
	if (*between == ',')
		putchar('\n');
}

static void tell_json(const struct simulation *m)
{
	const struct sim_figures *f = &m->total.sum;
	struct kinds kinds[KINDS];
	json_t *o;

	kinds_of(kinds, f);
	o = json_pack("{s:I, s:I, s:I}", "lives", (json_int_t)m->total.lives, "blocks",
	    (json_int_t)f->blocks, "starts", (json_int_t)f->rises);
	CHECK(o);
	for (int i = 0; i < KINDS; i++)
		json_object_set_new(o, kinds[i].what, kinds_json(&kinds[i]));
	cli_json(o);
	cli_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "seed",
	    (json_int_t)m->seed, "steps", (json_int_t)f->steps, "crashes",
	    (json_int_t)f->crashes, "power_cuts", (json_int_t)f->power_cuts, "reorgs",
	    (json_int_t)f->reorgs, "sends", (json_int_t)f->sends, "faults",
	    (json_int_t)f->faults, "violations", (json_int_t)f->violations));
}

static void tell_total(const struct simulation *m)
{
	const struct sim_figures *f = &m->total.sum;
	struct kinds kinds[KINDS];

	if (m->cli->args.json) {
		tell_json(m);
		return;
	}
	printf("%" PRIu64 " lives, %" PRIu64 " steps, %" PRIu64 " blocks, %" PRIu64
	       " starts, %" PRIu64 " crashes, %" PRIu64 " power cuts, %" PRIu64
	       " reorgs, %" PRIu64 " sends, %" PRIu64 " faults\n",
	    m->total.lives, f->steps, f->blocks, f->rises, f->crashes, f->power_cuts,
	    f->reorgs, f->sends, f->faults);
	kinds_of(kinds, f);
	for (int i = 0; i < KINDS; i++)
		kinds_print(&kinds[i]);
	puts(m->total.wrong ? "something was wrong" : "nothing was wrong");
}

static void tell_rate(const struct total *t, int64_t ms)
{
	ms = ms > 0 ? ms : 1;
	fprintf(stderr, "%" PRId64 ".%03d s, %" PRIu64 " lives/s, %" PRIu64 " blocks/s\n",
	    ms / 1000, (int)(ms % 1000), t->lives * 1000 / (uint64_t)ms,
	    t->sum.blocks * 1000 / (uint64_t)ms);
}

/* -- stories ------------------------------------------------------------------------ */

static void acts_keep(struct sim_fate *fate, const char *acts)
{
	bool *keep = mem_array(ACTS_MAX + 1, sizeof *keep);
	uint64_t n;

	while (digits(&acts, ACTS_MAX, &n)) {
		keep[n] = true;
		acts += *acts == ',';
	}
	sim_fate_keep(fate, keep);
	mem_free(keep);
}

/* The story again, with as little as it needs, aloud. */
static void shrink(struct simulation *m, struct sim_fate *fate, FILE *out)
{
	struct buf acts;

	buf_init(&acts, NUMBERS_MAX);
	sim_shrink(m->story, fate, SHRINK_TELLS);
	(void)sim_story_tell(m->story, fate, out);
	sim_fate_numbers(&acts, fate);
	tell_wrong(m, fate->seed, buf_text(&acts));
	buf_release(&acts);
}

/* A number that no act has would look like a story that is well again. */
static enum err acts_known(const char *acts, const struct sim_fate *fate, struct fail *f)
{
	uint64_t n;

	while (acts && digits(&acts, ACTS_MAX, &n)) {
		bool known = false;

		for (size_t i = 0; i < fate->acts_n; i++)
			known |= fate->acts[i].number == n;
		if (!known)
			return fail_set(f, ERR_USAGE,
			    "--acts: seed %" PRIu64 " has no act %" PRIu64, fate->seed,
			    n);
		acts += *acts == ',';
	}
	return ERR_OK;
}

static enum err tell(struct simulation *m, uint64_t seed, struct fail *f)
{
	bool quiet = m->cli->args.json || m->cli->args.quiet;
	FILE *out = m->lives == 1 && !quiet ? stdout : NULL;
	struct sim_fate fate;
	enum err e;
	bool well;

	if (m->scenario)
		sim_scenario_fate(&fate, m->scenario, seed);
	else
		sim_fate_draw(&fate, seed, (int)m->days);
	e = acts_known(m->acts, &fate, f);
	if (e != ERR_OK) {
		sim_fate_release(&fate);
		return e;
	}
	if (m->acts)
		acts_keep(&fate, m->acts);
	alarm(m->shrinks ? 0 : LIFE_SECONDS * (unsigned)(m->days + 1));
	well = sim_story_tell(m->story, &fate, m->shrinks ? NULL : out);
	total_add(&m->total, m->story);
	if (!well && m->total.wrong <= SHOWN_MAX) {
		if (m->shrinks)
			shrink(m, &fate, out);
		else
			tell_wrong(m, seed, m->acts);
	}
	sim_fate_release(&fate);
	m->story->fate = NULL;
	return ERR_OK;
}

/* Ctrl-C: the story under way is told to its end, and what was told counts. Again: it
 * ends at once. */
static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void stop_begin(void)
{
	struct sigaction a = { .sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND };

	stopped = 0;
	CHECK(sigaction(SIGINT, &a, NULL) == 0 && sigaction(SIGTERM, &a, NULL) == 0);
}

enum err cmd_simulate(struct cli *c, struct fail *f)
{
	struct simulation m = { .cli = c, .seed = 1, .lives = 1 };
	int64_t begun_ms = system_wall_ms();
	enum err e = asked(&m, f);

	if (e != ERR_OK)
		return e;
	m.story = sim_story_new(args_has(&c->args, "--loud"));
	telling = &m;
	signal(SIGABRT, on_end);
	signal(SIGALRM, on_end);
	stop_begin();
	while (e == ERR_OK && m.total.lives < m.lives && !stopped && !ferror(stdout))
		e = tell(&m, m.seed + m.total.lives, f);
	alarm(0);
	signal(SIGABRT, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	clock_set(system_wall_ms);
	if (e == ERR_OK)
		tell_total(&m);
	if (e == ERR_OK && !c->args.quiet)
		tell_rate(&m.total, system_wall_ms() - begun_ms);
	sim_story_free(m.story);
	if (e != ERR_OK)
		return e;
	c->told = c->args.json;
	if (m.total.wrong)
		return fail_set(
		    f, ERR_MISMATCH, "stories that went wrong: %" PRIu64, m.total.wrong);
	if (m.total.lives < m.lives)
		return fail_set(f, ERR_STOPPED,
		    "stopped after %" PRIu64 " stories; on from there: --seed %" PRIu64,
		    m.total.lives, m.seed + m.total.lives);
	return ERR_OK;
}
