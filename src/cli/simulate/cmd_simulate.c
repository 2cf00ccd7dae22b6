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
#include "cli/cli.h"
#include "cli/simulate/asked.h"
#include "cli/simulate/tail.h"
#include "sim/node/fault.h"
#include "sim/story/shrink.h"
#include "sim/story/story.h"
#include "world/clock.h"

#define LIFE_SECONDS 120  /* of real time; a day of --days may take as long */
#define SHOWN_MAX 5       /* stories that went wrong */
#define SHRINK_TELLS 2000 /* at most */
#define NUMBERS_MAX ((size_t)1 << 20)

struct total {
	uint64_t lives;
	struct sim_figures sum;
};

struct simulation {
	struct cli *cli;
	struct sim_story *story;
	struct simulate_asked asked;
	struct tail *tail; /* of the story's trace */
	struct buf again;  /* how to tell it again */
	struct total total;
};

/* -- a story that ends the program ---------------------------------------------- */

static struct simulation *telling;

static void again(struct simulation *m, uint64_t seed, const char *acts)
{
	buf_clear(&m->again);
	simulate_again(&m->again, &m->asked, seed, acts);
}

static void on_end(int signal)
{
	char text[200];
	uint64_t seed = telling->story->fate ? telling->story->fate->seed : 0;
	int len = snprintf(text, sizeof text,
	    "pawl: seed %" PRIu64 ", step %" PRIu64 ": the program ended: %s; again: ",
	    seed, telling->story->figures.steps,
	    signal == SIGALRM ? "it hung" : "a check failed");

	if (write(STDERR_FILENO, text, (size_t)len) < 0 ||
	    write(STDERR_FILENO, buf_text(&telling->again), telling->again.len) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0)
		_exit(err_exit_code(ERR_SYSTEM));
	_exit(err_exit_code(ERR_MISMATCH));
}

/* -- what came of it ---------------------------------------------------------------- */

static void total_add(struct total *t, const struct sim_story *s)
{
	const struct sim_figures *f = &s->figures;

	t->lives++;
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
	for (int i = 0; i < SIM_DISK_FAULTS; i++) {
		t->sum.disk[i] += f->disk[i];
		t->sum.faults += f->disk[i];
	}
	for (int i = SIM_FAULT_NONE + 1; i < SIM_FAULT_COUNT; i++) {
		t->sum.net[i] += f->net[i];
		t->sum.faults += f->net[i];
	}
}

static json_t *trace_json(const struct simulation *m)
{
	json_t *o = json_array();

	CHECK(o);
	for (uint64_t i = tail_first(m->tail); i < m->tail->lines; i++)
		json_array_append_new(o, cli_text(tail_line(m->tail, i)));
	return o;
}

static void trace_print(const struct simulation *m)
{
	uint64_t first = tail_first(m->tail);

	if (first)
		printf("(%" PRIu64 " lines before these: --trace)\n", first);
	for (uint64_t i = first; i < m->tail->lines; i++)
		puts(tail_line(m->tail, i));
}

/* shown: its trace was printed. */
static void tell_wrong(const struct simulation *m, uint64_t seed, bool shown)
{
	const struct sim_story *s = m->story;

	if (m->cli->args.json) {
		cli_json(json_pack("{s:s, s:I, s:I, s:o, s:s}", "wrong", s->why, "seed",
		    (json_int_t)seed, "step", (json_int_t)s->figures.steps, "trace",
		    trace_json(m), "again", buf_text(&m->again)));
		return;
	}
	if (!shown)
		trace_print(m);
	printf("seed %" PRIu64 ", step %" PRIu64 ": %s\nagain: %s\n", seed,
	    s->figures.steps, s->why, buf_text(&m->again));
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
	    (json_int_t)m->asked.seed, "steps", (json_int_t)f->steps, "crashes",
	    (json_int_t)f->crashes, "power_cuts", (json_int_t)f->power_cuts, "reorgs",
	    (json_int_t)f->reorgs, "sends", (json_int_t)f->sends, "faults",
	    (json_int_t)f->faults, "violations", (json_int_t)f->violations));
}

/* "1 life, ", "2 lives, " */
static void counted(uint64_t n, const char *one, const char *many, const char *behind)
{
	printf("%" PRIu64 " %s%s", n, n == 1 ? one : many, behind);
}

static void tell_total(const struct simulation *m)
{
	const struct sim_figures *f = &m->total.sum;
	struct kinds kinds[KINDS];

	if (m->cli->args.json) {
		tell_json(m);
		return;
	}
	counted(m->total.lives, "life", "lives", ", ");
	counted(f->steps, "step", "steps", ", ");
	counted(f->blocks, "block", "blocks", ", ");
	counted(f->rises, "start", "starts", ", ");
	counted(f->crashes, "crash", "crashes", ", ");
	counted(f->power_cuts, "power cut", "power cuts", ", ");
	counted(f->reorgs, "reorg", "reorgs", ", ");
	counted(f->sends, "send", "sends", ", ");
	counted(f->faults, "fault", "faults", "\n");
	kinds_of(kinds, f);
	for (int i = 0; i < KINDS; i++)
		kinds_print(&kinds[i]);
	if (f->violations)
		counted(f->violations, "violation", "violations", "\n");
	else
		puts("nothing was wrong");
}

/* A life of many days takes more than a second. */
static void tell_rate(const struct total *t, int64_t ms)
{
	uint64_t tenths;

	ms = ms > 0 ? ms : 1;
	tenths = t->lives * 10000 / (uint64_t)ms;
	fprintf(stderr,
	    "%" PRId64 ".%03d s, %" PRIu64 ".%d lives/s, %" PRIu64 " blocks/s\n",
	    ms / 1000, (int)(ms % 1000), tenths / 10, (int)(tenths % 10),
	    t->sum.blocks * 1000 / (uint64_t)ms);
}

/* -- stories ------------------------------------------------------------------------ */

static void acts_keep(struct sim_fate *fate, const char *acts)
{
	bool *keep = mem_array(SIMULATE_ACTS_MAX + 1, sizeof *keep);
	uint64_t n;

	while (simulate_acts_next(&acts, &n))
		keep[n] = true;
	sim_fate_keep(fate, keep);
	mem_free(keep);
}

/* A number that no act has would look like a story that is well again. */
static enum err acts_known(const char *acts, const struct sim_fate *fate, struct fail *f)
{
	uint64_t n;

	while (acts && simulate_acts_next(&acts, &n)) {
		bool known = false;

		for (size_t i = 0; i < fate->acts_n; i++)
			known |= fate->acts[i].number == n;
		if (!known)
			return fail_set(f, ERR_USAGE,
			    "--acts: seed %" PRIu64 " has no act %" PRIu64, fate->seed,
			    n);
	}
	return ERR_OK;
}

static bool story_tell(struct simulation *m, const struct sim_fate *fate, bool whole)
{
	bool well;

	tail_clear(m->tail);
	well = sim_story_tell(m->story, fate, whole ? stdout : m->tail->out);
	fflush(m->tail->out);
	return well;
}

/* The story again, with as little as it needs. */
static void shrink(struct simulation *m, struct sim_fate *fate, bool whole)
{
	struct buf acts;

	buf_init(&acts, NUMBERS_MAX);
	sim_shrink(m->story, fate, SHRINK_TELLS);
	sim_fate_numbers(&acts, fate);
	again(m, fate->seed, buf_text(&acts));
	(void)story_tell(m, fate, whole);
	buf_release(&acts);
}

static enum err fate_of(
    struct sim_fate *ret, const struct simulate_asked *a, uint64_t seed, struct fail *f)
{
	enum err e;

	if (a->scenario)
		sim_scenario_fate(ret, a->scenario, seed);
	else
		sim_fate_draw(ret, seed, (int)a->days);
	e = acts_known(a->acts, ret, f);
	if (e != ERR_OK)
		sim_fate_release(ret);
	else if (a->acts)
		acts_keep(ret, a->acts);
	return e;
}

static enum err tell(struct simulation *m, uint64_t seed, struct fail *f)
{
	const struct simulate_asked *a = &m->asked;
	bool whole = a->traces && !m->cli->args.json && !m->cli->args.quiet;
	struct sim_fate fate;
	enum err e = fate_of(&fate, a, seed, f);
	bool well;

	if (e != ERR_OK)
		return e;
	again(m, seed, NULL);
	alarm(a->shrinks ? 0 : LIFE_SECONDS * (unsigned)(a->days + 1));
	well = story_tell(m, &fate, whole && !a->shrinks);
	if (!well && a->shrinks)
		shrink(m, &fate, whole);
	total_add(&m->total, m->story);
	if (!well && m->total.sum.violations <= SHOWN_MAX)
		tell_wrong(m, seed, whole);
	else if (a->lives == 1 && !whole && !m->cli->args.json && !m->cli->args.quiet)
		puts(tail_line(m->tail, m->tail->lines - 1)); /* its hash */
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

static enum err tell_all(struct simulation *m, struct fail *f)
{
	enum err e = ERR_OK;

	telling = m;
	signal(SIGABRT, on_end);
	signal(SIGALRM, on_end);
	stop_begin();
	while (
	    e == ERR_OK && m->total.lives < m->asked.lives && !stopped && !ferror(stdout))
		e = tell(m, m->asked.seed + m->total.lives, f);
	alarm(0);
	signal(SIGABRT, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	clock_set(system_wall_ms);
	return e;
}

/* How it ended. */
static enum err outcome(const struct simulation *m, struct fail *f)
{
	const struct total *t = &m->total;

	if (t->sum.violations)
		return fail_set(f, ERR_MISMATCH, "stories that went wrong: %" PRIu64,
		    t->sum.violations);
	if (t->lives < m->asked.lives)
		return fail_set(f, ERR_STOPPED,
		    "stopped after %" PRIu64 " stories; on from there: --seed %" PRIu64,
		    t->lives, m->asked.seed + t->lives);
	return ERR_OK;
}

enum err cmd_simulate(struct cli *c, struct fail *f)
{
	struct simulation m = { .cli = c };
	int64_t begun_ms = system_wall_ms();
	enum err e = simulate_asked_read(&m.asked, &c->args, f);

	if (e != ERR_OK)
		return e;
	m.story = sim_story_new(args_has(&c->args, "--loud"));
	m.tail = tail_new();
	buf_init(&m.again, NUMBERS_MAX);
	e = tell_all(&m, f);
	if (e == ERR_OK) {
		tell_total(&m);
		c->told = c->args.json;
	}
	if (e == ERR_OK && !c->args.quiet)
		tell_rate(&m.total, system_wall_ms() - begun_ms);
	buf_release(&m.again);
	tail_free(m.tail);
	sim_story_free(m.story);
	return e == ERR_OK ? outcome(&m, f) : e;
}
