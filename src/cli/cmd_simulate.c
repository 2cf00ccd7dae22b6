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
#include "cli/cli.h"
#include "sim/story.h"
#include "world/clock.h"

#define LIVES_MAX 1000000000
#define DAYS_MAX 1000
#define LIFE_SECONDS 120 /* of real time; a day of --days may take as long */
#define SHOWN_MAX 5      /* stories that went wrong */

struct total {
	uint64_t lives, wrong;
	struct sim_figures sum;
};

/* -- a number ---------------------------------------------------------------- */

static enum err number(const struct args *a, const char *option, uint64_t most,
    uint64_t *ret, struct fail *f)
{
	const char *text = args_get(a, option);
	uint64_t n = 0;

	if (!text)
		return ERR_OK;
	for (const char *at = text; *at; at++) {
		if (*at < '0' || *at > '9' || __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n) || n > most)
			return fail_set(f, ERR_USAGE,
			    "%s: %.40s: must be a number up to %" PRIu64, option, text,
			    most);
	}
	if (!*text)
		return fail_set(f, ERR_USAGE, "%s: is empty", option);
	*ret = n;
	return ERR_OK;
}

/* -- a story that ends the program ---------------------------------------------- */

static struct sim_story *telling;
static uint64_t telling_seed;
static int telling_days;

static void line_again(char *out, size_t size, uint64_t seed, int days)
{
	char more[32] = "";

	if (days)
		snprintf(more, sizeof more, " --days %d", days);
	snprintf(out, size, "pawl simulate --seed %" PRIu64 "%s", seed, more);
}

static void on_end(int signal)
{
	char line[96], text[256];
	int len;

	line_again(line, sizeof line, telling_seed, telling_days);
	len = snprintf(text, sizeof text,
	    "pawl: seed %" PRIu64 ", step %" PRIu64
	    ": the program ended: %s; again: %s\n",
	    telling_seed, telling->figures.steps,
	    signal == SIGALRM ? "it hung" : "a check failed", line);
	if (write(STDERR_FILENO, text, (size_t)len) < 0)
		_exit(err_exit_code(ERR_SYSTEM));
	_exit(err_exit_code(ERR_MISMATCH));
}

/* -- stories ------------------------------------------------------------------------ */

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
	t->sum.faults += f->faults;
	t->sum.violations += f->violations;
	for (int i = 0; i < SIM_ACTS; i++)
		t->sum.acts[i] += f->acts[i];
	for (int i = 0; i < SIM_FAULT_COUNT; i++)
		t->sum.net[i] += f->net[i];
}

static void tell_wrong(const struct sim_story *s, uint64_t seed, int days)
{
	char line[96];

	line_again(line, sizeof line, seed, days);
	printf(
	    "seed %" PRIu64 ", step %" PRIu64 ": %s\n", seed, s->figures.steps, s->why);
	printf("again: %s\n", line);
}

/* What of the schedules came to pass, by kind. */
static void tell_acts(const struct sim_figures *f)
{
	const char *between = "acts: ";

	for (int i = 0; i < SIM_ACTS; i++) {
		if (!f->acts[i])
			continue;
		printf("%s%" PRIu64 " %s", between, f->acts[i],
		    sim_act_name((enum sim_act_kind)i));
		between = ", ";
	}
	if (*between == ',')
		putchar('\n');
}

static void tell_total(const struct cli *c, const struct total *t, uint64_t seed)
{
	const struct sim_figures *f = &t->sum;

	if (c->args.json) {
		cli_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		    "seed", (json_int_t)seed, "lives", (json_int_t)t->lives, "steps",
		    (json_int_t)f->steps, "crashes", (json_int_t)f->crashes, "power_cuts",
		    (json_int_t)f->power_cuts, "reorgs", (json_int_t)f->reorgs, "sends",
		    (json_int_t)f->sends, "faults", (json_int_t)f->faults, "violations",
		    (json_int_t)f->violations));
		return;
	}
	printf("%" PRIu64 " lives, %" PRIu64 " steps, %" PRIu64 " blocks, %" PRIu64
	       " starts, %" PRIu64 " crashes, %" PRIu64 " power cuts, %" PRIu64
	       " reorgs, %" PRIu64 " sends, %" PRIu64 " faults\n",
	    t->lives, f->steps, f->blocks, f->rises, f->crashes, f->power_cuts, f->reorgs,
	    f->sends, f->faults);
	tell_acts(f);
	if (t->wrong)
		printf("%" PRIu64 " stories went wrong\n", t->wrong);
	else
		puts("nothing was wrong");
}

static void tell_rate(const struct total *t, int64_t ms)
{
	ms = ms > 0 ? ms : 1;
	fprintf(stderr, "%" PRId64 ".%03d s, %" PRIu64 " lives/s, %" PRIu64 " blocks/s\n",
	    ms / 1000, (int)(ms % 1000), t->lives * 1000 / (uint64_t)ms,
	    t->sum.blocks * 1000 / (uint64_t)ms);
}

enum err cmd_simulate(struct cli *c, struct fail *f)
{
	uint64_t seed = 1, lives = 1, days = 0;
	struct total total = { .lives = 0 };
	int64_t begun_ms = system_wall_ms();
	enum err e = number(&c->args, "--seed", UINT64_MAX, &seed, f);

	if (e == ERR_OK)
		e = number(&c->args, "--lives", LIVES_MAX, &lives, f);
	if (e == ERR_OK)
		e = number(&c->args, "--days", DAYS_MAX, &days, f);
	if (e != ERR_OK)
		return e;
	telling = sim_story_new();
	telling_days = (int)days;
	signal(SIGABRT, on_end);
	signal(SIGALRM, on_end);
	for (uint64_t i = 0; i < lives; i++) {
		bool listens = lives == 1 && !c->args.json && !c->args.quiet;
		struct sim_fate fate;

		telling_seed = seed + i;
		alarm(LIFE_SECONDS * (unsigned)(days + 1));
		sim_fate_draw(&fate, telling_seed, (int)days);
		if (!sim_story_tell(telling, &fate, listens ? stdout : NULL) &&
		    total.wrong < SHOWN_MAX)
			tell_wrong(telling, telling_seed, (int)days);
		total_add(&total, telling);
		sim_fate_release(&fate);
	}
	alarm(0);
	signal(SIGABRT, SIG_DFL);
	clock_set(system_wall_ms);
	tell_total(c, &total, seed);
	tell_rate(&total, system_wall_ms() - begun_ms);
	sim_story_free(telling);
	c->told = c->args.json;
	return total.wrong
	    ? fail_set(f, ERR_MISMATCH, "%" PRIu64 " stories went wrong", total.wrong)
	    : ERR_OK;
}
