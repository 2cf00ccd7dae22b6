/* split.c - where the simulator's time goes.
 *
 * usage: split SEED LIVES
 *
 * Tells so many stories, from that seed on, while a timer of its own CPU time interrupts
 * it, and notes each time who had called whom. Prints a line with
 * {"lives","rows","crashes","reorgs","blocks"}, rows of all lists; then a line for each
 * sample: the innermost frame first, each as FILE+0xOFFSET.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/check.h"
#include "sim/story/story.h"

#define SAMPLES_MAX 60000
#define DEPTH_MAX 24
#define PERIOD_US 1000

static struct sample {
	int n;
	void *at[DEPTH_MAX];
} samples[SAMPLES_MAX];
static volatile sig_atomic_t samples_n;

static void on_tick(int signal)
{
	struct sample *s = &samples[samples_n];

	(void)signal;
	if (samples_n == SAMPLES_MAX)
		return;
	s->n = backtrace(s->at, DEPTH_MAX);
	samples_n++;
}

static void timer_set(int us)
{
	struct itimerval every = { .it_interval = { .tv_usec = us },
		.it_value = { .tv_usec = us } };

	CHECK(setitimer(ITIMER_PROF, &every, NULL) == 0);
}

/* The first call loads what it needs, which no handler may do. */
static void sampling_begin(void)
{
	struct sigaction act = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	void *at[1];

	CHECK(backtrace(at, 1) == 1);
	CHECK(sigaction(SIGPROF, &act, NULL) == 0);
	timer_set(PERIOD_US);
}

static void tell(uint64_t first, uint64_t lives)
{
	struct sim_story *s = sim_story_new(false);
	uint64_t rows = 0, crashes = 0, reorgs = 0, blocks = 0;
	struct sim_fate fate;

	sampling_begin();
	for (uint64_t i = 0; i < lives; i++) {
		sim_fate_draw(&fate, first + i, 0);
		if (!sim_story_tell(s, &fate, NULL))
			fprintf(stderr, "seed %" PRIu64 ": %s\n", first + i, s->why);
		rows += (uint64_t)(fate.rows * fate.lists);
		crashes += s->figures.crashes;
		reorgs += s->figures.reorgs;
		blocks += s->figures.blocks;
		sim_fate_release(&fate);
	}
	timer_set(0);
	s->fate = NULL;
	sim_story_free(s);
	printf("{\"lives\": %" PRIu64 ", \"rows\": %" PRIu64 ", \"crashes\": %" PRIu64
	       ", \"reorgs\": %" PRIu64 ", \"blocks\": %" PRIu64 "}\n",
	    lives, rows, crashes, reorgs, blocks);
}

static void sample_print(const struct sample *s)
{
	Dl_info of;

	for (int i = 0; i < s->n; i++)
		if (dladdr(s->at[i], &of) && of.dli_fname)
			printf("%s+0x%zx ", of.dli_fname,
			    (size_t)((char *)s->at[i] - (char *)of.dli_fbase));
	putchar('\n');
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: split SEED LIVES\n");
		return 1;
	}
	tell(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
	for (int i = 0; i < samples_n; i++)
		sample_print(&samples[i]);
	return 0;
}
