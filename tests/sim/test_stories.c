/* Stories of the simulated world, a seed each: the program lives through all that they
 * hold, and the judge finds nothing wrong.
 *
 * usage: stories FROM COUNT    the seeds from FROM on
 *        stories FILE          those in it, a line each: SEED  what it was
 *
 * One test for each hundred stories, or for each line. What it is linked with has no
 * clock and no network: see test_pure.py.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "sim/story/story.h"

#define A_TEST 100 /* stories */
#define LINE_MAX_BYTES 400

static struct sim_story *story;
static uint64_t told; /* the seed */
static int tests, failed;

/* A check of the program failed: which story it was. */
static void on_abort(int signal)
{
	char text[80];
	int len = snprintf(
	    text, sizeof text, "Bail out! a check failed: seed %" PRIu64 "\n", told);

	(void)signal;
	if (write(STDOUT_FILENO, text, (size_t)len) < 0)
		_exit(2);
	_exit(1);
}

static void result(bool ok, const char *what)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, what);
	fflush(stdout);
	failed += !ok;
}

static bool tell_fate(const struct sim_fate *fate, const char *how)
{
	if (sim_story_tell(story, fate, NULL))
		return true;
	printf("# %s\n", story->why);
	printf("# again%s: pawl simulate --seed %" PRIu64 "\n", how, fate->seed);
	return false;
}

static bool tell(uint64_t seed)
{
	struct sim_fate fate;
	bool well;

	told = seed;
	sim_fate_draw(&fate, seed, 0);
	well = tell_fate(&fate, "");
	sim_fate_release(&fate);
	return well;
}

/* As it was before anybody heard of anything, too. */
static bool tell_both(uint64_t seed)
{
	struct sim_fate fate;
	bool well = tell(seed);

	sim_fate_draw(&fate, seed, 0);
	if (sim_fate_unheard(&fate))
		well = tell_fate(&fate, ", without subscribers") && well;
	sim_fate_release(&fate);
	return well;
}

static void tell_range(uint64_t from, uint64_t n)
{
	char what[80];

	while (n) {
		uint64_t part = n < A_TEST ? n : A_TEST;
		bool well = true;

		for (uint64_t i = 0; i < part; i++)
			well = tell(from + i) && well;
		snprintf(what, sizeof what, "the stories %" PRIu64 " to %" PRIu64, from,
		    from + part - 1);
		result(well, what);
		from += part;
		n -= part;
	}
}

static void tell_file(const char *path)
{
	char line[LINE_MAX_BYTES], *end;
	FILE *file = fopen(path, "r");

	CHECK(file);
	while (fgets(line, sizeof line, file)) {
		uint64_t seed = strtoull(line, &end, 10);

		if (end == line)
			continue;
		line[strcspn(line, "\n")] = '\0';
		result(tell_both(seed), line);
	}
	fclose(file);
}

/* All that a story shows, in one number. */
static void the_same_again(uint64_t seed)
{
	uint64_t first, steps;

	(void)tell(seed);
	first = story->trace;
	steps = story->figures.steps;
	(void)tell(seed + 1);
	(void)tell(seed);
	result(story->trace == first && story->figures.steps == steps,
	    "a story is the same after another one");
}

static uint64_t trace_of(uint64_t seed)
{
	(void)tell(seed);
	return story->trace;
}

/* But for reads that fail, which are counted. */
static void the_same_with_its_own(uint64_t from)
{
	bool same = true;

	for (uint64_t seed = from; seed < from + 10; seed++) {
		struct sim_region_image *begun = story->life[0].begun;
		uint64_t trace = trace_of(seed);

		if (story->figures.acts[SIM_READ_FAILS])
			continue;
		story->life[0].begun = NULL;
		same = trace_of(seed) == trace && same;
		story->life[0].begun = begun;
	}
	result(same, "a process that connects by itself does the same");
}

int main(int argc, char **argv)
{
	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: stories FROM COUNT | stories FILE\n");
		return 1;
	}
	signal(SIGABRT, on_abort);
	story = sim_story_new(false);
	if (argc == 3) {
		tell_range(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
		the_same_again(strtoull(argv[1], NULL, 10));
		the_same_with_its_own(strtoull(argv[1], NULL, 10));
	} else {
		tell_file(argv[1]);
	}
	printf("1..%d\n", tests);
	sim_story_free(story);
	return failed ? 1 : 0;
}
