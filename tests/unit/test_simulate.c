/* How a story of the simulated world is told again, and the end of its trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/simulate/asked.h"
#include "cli/simulate/tail.h"
#include "sim/story/region.h"

static void read_line(struct simulate_asked *ret, const char *line)
{
	static char text[200];
	char *argv[ARGS_WORDS_MAX] = { NULL }, *save;
	struct args args;
	int argc = 0;

	snprintf(text, sizeof text, "%s", line);
	for (char *word = strtok_r(text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(word, "\"\"") != 0 ? word : word + 2;
	assert_int_equal(args_parse(&args, argc, argv, NULL), ERR_OK);
	assert_int_equal(simulate_asked_read(ret, &args, NULL), ERR_OK);
}

static void again_is(
    const char *line, uint64_t seed, const char *acts, const char *wanted)
{
	struct simulate_asked asked;
	struct buf again;

	buf_init(&again, 1000);
	read_line(&asked, line);
	simulate_again(&again, &asked, seed, acts);
	assert_string_equal(buf_text(&again), wanted);
	buf_release(&again);
}

static void what_is_told_again_can_be_typed(void **state)
{
	(void)state;
	again_is("pawl simulate --lives 9", 7, NULL, "pawl simulate --seed 7");
	again_is("pawl simulate --days 2 --shrink", 1, "3,7",
	    "pawl simulate --seed 1 --days 2 --acts 3,7");
	again_is("pawl simulate --seed 4 --acts 5", 4, NULL,
	    "pawl simulate --seed 4 --acts 5");
	again_is("pawl simulate --scenario wal-is-gone", 1, NULL,
	    "pawl simulate --seed 1 --scenario wal-is-gone");
}

/* A story that needs no act to go wrong. */
static void no_acts_can_be_typed_too(void **state)
{
	(void)state;
	again_is("pawl simulate --shrink", 1, "", "pawl simulate --seed 1 --acts \"\"");
	again_is(
	    "pawl simulate --acts \"\"", 1, NULL, "pawl simulate --seed 1 --acts \"\"");
}

static void the_last_lines_are_kept(void **state)
{
	struct tail *t = tail_new();

	(void)state;
	fputs("one\ntwo\nhalf", t->out);
	fflush(t->out);
	assert_int_equal(t->lines, 2);
	assert_int_equal(tail_first(t), 0);
	assert_string_equal(tail_line(t, 1), "two");
	fputs(" a line\n", t->out);
	for (int i = 0; i < 1000; i++)
		fprintf(t->out, "%d\n", i);
	fflush(t->out);
	assert_int_equal(t->lines, 1003);
	assert_int_equal(tail_first(t), 1003 - TAIL_LINES);
	assert_string_equal(tail_line(t, 1002), "999");
	assert_string_equal(tail_line(t, tail_first(t)), "980");
	tail_clear(t);
	fputs("anew\n", t->out);
	fflush(t->out);
	assert_int_equal(t->lines, 1);
	assert_string_equal(tail_line(t, 0), "anew");
	tail_free(t);
}

static void a_long_line_is_cut(void **state)
{
	struct tail *t = tail_new();

	(void)state;
	for (int i = 0; i < 3 * TAIL_LINE_MAX; i++)
		fputc('x', t->out);
	fputs("\nshort\n", t->out);
	fflush(t->out);
	assert_int_equal(strlen(tail_line(t, 0)), TAIL_LINE_MAX);
	assert_string_equal(tail_line(t, 1), "short");
	tail_free(t);
}

/* It outlives the simulated process that wrote to it. */
static void nothing_of_a_process_is_in_it(void **state)
{
	struct sim_region *r;
	struct tail *t = tail_new();

	(void)state;
	sim_region_setup();
	r = sim_region_new(1 << 20);
	(void)sim_region_use(r);
	fputs("a line\n", t->out);
	fflush(t->out);
	(void)sim_region_use(NULL);
	assert_int_equal(sim_region_pieces(r), 0);
	tail_free(t);
	sim_region_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_again_can_be_typed),
		cmocka_unit_test(no_acts_can_be_typed_too),
		cmocka_unit_test(the_last_lines_are_kept),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(nothing_of_a_process_is_in_it),
	};

	return cmocka_run_group_tests_name("simulate", tests, NULL, NULL);
}
