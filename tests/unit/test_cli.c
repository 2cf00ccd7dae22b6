/* The table of commands, the line by it, and what a person sees of progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/term/term.h"

/* -- the table ------------------------------------------------------------- */

static void options_of_one_name_are_of_one_kind(void **state)
{
	(void)state;
	for (int i = 0; i < commands_n; i++) {
		for (const struct option *o = commands[i].options; o->name; o++) {
			for (const struct option *g = global_options; g->name; g++)
				assert_string_not_equal(o->name, g->name);
			for (int k = 0; k < commands_n; k++)
				for (const struct option *p = commands[k].options;
				     p->name; p++)
					if (strcmp(o->name, p->name) == 0)
						assert_int_equal(option_takes_next(o),
						    option_takes_next(p));
		}
		assert_null(commands[i].options[ARGS_OPTIONS_MAX - 1].name);
	}
}

static void rows_are_whole(void **state)
{
	(void)state;
	for (int i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];

		assert_non_null(c->run);
		assert_int_equal(strncmp(c->example, "pawl ", 5), 0);
		assert_int_equal(strncmp(c->example + 5, c->words, strlen(c->words)), 0);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(commands[k].words, c->words);
	}
}

/* -- the line -------------------------------------------------------------- */

static enum err parse(struct args *a, const char *line, struct fail *f)
{
	static char words[4 * ARGS_WORDS_MAX];
	char *argv[2 * ARGS_WORDS_MAX] = { (char[]){ "pawl" } }, *rest = words;
	int argc = 1;

	snprintf(words, sizeof words, "%s", line);
	while (rest)
		argv[argc++] = strsep(&rest, " ");
	return args_parse(a, argc, argv, f);
}

static void options_stand_anywhere(void **state)
{
	static const char *const lines[] = {
		"key new payer --password env:A --config c.yaml --json",
		"--json --config c.yaml --password env:A key new payer",
		"key --json --password=env:A new --config=c.yaml payer",
		"key --password env:A --json --config c.yaml new -- payer",
	};
	struct args a;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		assert_int_equal(parse(&a, lines[i], NULL), ERR_OK);
		assert_string_equal(a.command->words, "key new");
		assert_string_equal(args_get(&a, "--password"), "env:A");
		assert_string_equal(args_word(&a, 0), "payer");
		assert_null(args_word(&a, 1));
		assert_string_equal(a.config, "c.yaml");
		assert_true(a.json);
		assert_false(a.quiet);
	}
	assert_int_equal(parse(&a, "migrate --check", NULL), ERR_OK);
	assert_true(args_has(&a, "--check"));
	assert_int_equal(parse(&a, "migrate", NULL), ERR_OK);
	assert_false(args_has(&a, "--check"));
	assert_int_equal(parse(&a, "retry --yes payroll", NULL), ERR_OK);
	assert_string_equal(args_get(&a, "--yes"), "");
	assert_string_equal(args_word(&a, 0), "payroll");
	assert_int_equal(parse(&a, "retry --yes=2a11cafe payroll", NULL), ERR_OK);
	assert_string_equal(args_get(&a, "--yes"), "2a11cafe");
	assert_int_equal(parse(&a, "key remove --yes=1 a", NULL), ERR_USAGE);
	assert_string_equal(a.config, "pawl.yaml");
}

static void words_behind_two_dashes_are_no_options(void **state)
{
	char many[2 * ARGS_WORDS_MAX + 3];
	struct args a;
	struct fail f;

	(void)state;
	assert_int_equal(parse(&a, "key new -- --json", NULL), ERR_OK);
	assert_string_equal(args_word(&a, 0), "--json");
	assert_false(a.json);
	for (int i = 0; i <= ARGS_WORDS_MAX; i++)
		memcpy(many + 2 * i, "a ", 3);
	many[2 * ARGS_WORDS_MAX + 1] = '\0';
	assert_int_equal(parse(&a, many, &f), ERR_USAGE);
	assert_string_equal(f.why, "too many arguments");
}

static void how_to_tell_is_known_of_a_bad_line(void **state)
{
	struct args a;

	(void)state;
	assert_int_equal(
	    parse(&a, "nonsense --nonsense --json --quiet", NULL), ERR_USAGE);
	assert_true(a.json);
	assert_true(a.quiet);
}

static void addresses_and_amounts(void **state)
{
	struct address address;
	struct amount amount;
	struct fail f;

	(void)state;
	assert_int_equal(args_address(&address, "--token",
			     "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23", NULL),
	    ERR_OK);
	assert_int_equal(address.at[0], 0x2c);
	assert_int_equal(args_address(&address, "--token",
			     "0x2C7536E3605D9C16a7a3D7b1898e529396a65c23", &f),
	    ERR_USAGE);
	assert_non_null(strstr(f.why, "--token: "));
	assert_non_null(strstr(f.why, "wrong checksum"));
	assert_int_equal(args_address(&address, "--token", "0x2c", &f), ERR_USAGE);
	assert_int_equal(args_amount(&amount, "--max", "1.5", 18, NULL), ERR_OK);
	assert_true(amount.limb[0] == 1500000000000000000u);
	assert_int_equal(args_amount(&amount, "--max", "1.5", 0, &f), ERR_USAGE);
	assert_int_equal(strncmp(f.why, "--max: '1.5': ", 14), 0);
}

/* -- figures and progress -------------------------------------------------- */

static void figures(void **state)
{
	char out[32];

	(void)state;
	term_count(out, 0);
	assert_string_equal(out, "0");
	term_count(out, 999);
	assert_string_equal(out, "999");
	term_count(out, 1000);
	assert_string_equal(out, "1,000");
	term_count(out, -123456);
	assert_string_equal(out, "-123,456");
	term_duration(out, 119);
	assert_string_equal(out, "119 s");
	term_duration(out, 130);
	assert_string_equal(out, "2 min 10 s");
	term_duration(out, 11100);
	assert_string_equal(out, "3 h 5 min");
}

struct shown {
	FILE *file;
	char *text;
	size_t len;
};

static void shown_open(struct shown *s)
{
	s->file = open_memstream(&s->text, &s->len);
	assert_non_null(s->file);
}

static void plain_lines_only_when_something_changed(void **state)
{
	struct progress_facts facts = { "distributing", 0, 2000, 0, 0, NULL, false };
	struct progress p;
	struct shown s;

	(void)state;
	shown_open(&s);
	progress_init(&p, s.file);
	facts.waits = "chain main: 0 of 1 votes"; /* of a start: not worth a word */
	progress_show(&p, &facts, 0);
	facts.waits = NULL;
	for (int64_t ms = 100; ms <= 20000; ms += 100) /* nothing happens: one line */
		progress_show(&p, &facts, ms);
	facts.done = 1000;
	facts.unknown = 3;
	facts.waits = "a block";
	progress_show(&p, &facts, 21000);
	facts.done = 1001;
	progress_show(&p, &facts, 21100); /* too soon after the last line */
	facts.done = 2000;
	facts.unknown = 0;
	facts.waits = NULL;
	progress_show(&p, &facts, 22000); /* complete: said at once */
	progress_end(&p);
	fclose(s.file);
	assert_string_equal(s.text,
	    "distributing: 0 of 2,000 (0 %); safe to stop\n"
	    "distributing: 1,000 of 2,000 (50 %), 66.6/s, 16 s left; safe to stop; "
	    "3 unknown, being looked up; waits for a block\n"
	    "distributing: 2,000 of 2,000 (100 %), 133.3/s; safe to stop\n");
	free(s.text);
}

static void no_speed_of_what_is_cancelled(void **state)
{
	struct progress_facts facts = { "cancelling", 0, 2000, 0, 0, NULL, true };
	struct progress p;
	struct shown s;

	(void)state;
	shown_open(&s);
	progress_init(&p, s.file);
	progress_show(&p, &facts, 0);
	facts.done = 1000;
	facts.waits = "what is live to be final";
	progress_show(&p, &facts, 21000);
	progress_end(&p);
	fclose(s.file);
	assert_string_equal(s.text,
	    "cancelling: 0 of 2,000 (0 %); safe to stop\n"
	    "cancelling: 1,000 of 2,000 (50 %); safe to stop; waits for what is live to "
	    "be final\n");
	free(s.text);
}

static void ends_with(const char *text, const char *end)
{
	assert_true(strlen(text) >= strlen(end));
	assert_string_equal(text + strlen(text) - strlen(end), end);
}

static void rates(void **state)
{
	struct progress_facts facts = { "x", 0, 1000000, 0, 0, NULL, false };
	struct progress p;
	struct shown s;

	(void)state;
	shown_open(&s);
	progress_init(&p, s.file);
	progress_show(&p, &facts, 5);
	fflush(s.file);
	assert_string_equal(s.text, "x: 0 of 1,000,000 (0 %); safe to stop\n");
	facts.done = 300;
	progress_show(&p, &facts, 6005);
	fflush(s.file);
	ends_with(
	    s.text, "x: 300 of 1,000,000 (0 %), 50.0/s, 5 h 33 min left; safe to stop\n");
	/* old moments are forgotten: it stands still now */
	for (int64_t ms = 7005; ms < 30000; ms += 1000)
		progress_show(&p, &facts, ms);
	progress_end(&p);
	fclose(s.file);
	ends_with(s.text, "x: 300 of 1,000,000 (0 %); safe to stop\n");
	free(s.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_one_name_are_of_one_kind),
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(words_behind_two_dashes_are_no_options),
		cmocka_unit_test(how_to_tell_is_known_of_a_bad_line),
		cmocka_unit_test(addresses_and_amounts),
		cmocka_unit_test(figures),
		cmocka_unit_test(plain_lines_only_when_something_changed),
		cmocka_unit_test(no_speed_of_what_is_cancelled),
		cmocka_unit_test(rates),
	};

	unsetenv("PAWL_CONFIG");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
