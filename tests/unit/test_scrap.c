/* The scrap file: which operation ends starts in a row. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/scrap.h"
#include "own_folder.h"

static char journal[64];

static int setup(void **state)
{
	if (own_folder_make(state))
		return -1;
	snprintf(journal, sizeof journal, "%s/pawl.db", own_folder);
	return 0;
}

/* One start; returns what scrap_arm said, dies by a signal in the named operation. */
static int64_t start(int64_t operation, int signal)
{
	int out[2], status;
	int64_t culprit = -1;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		culprit = scrap_arm(journal);
		if (write(out[1], &culprit, sizeof culprit) < 0)
			_exit(1);
		if (operation)
			scrap_enter(operation);
		if (signal)
			raise(signal);
		scrap_clear();
		_exit(0);
	}
	assert_int_equal(read(out[0], &culprit, sizeof culprit), sizeof culprit);
	waitpid(pid, &status, 0);
	assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, signal);
	close(out[0]);
	close(out[1]);
	return culprit;
}

static void three_deaths_in_a_row_name_it(void **state)
{
	(void)state;
	assert_int_equal(start(7, SIGABRT), 0);
	assert_int_equal(start(7, SIGSEGV), 0);
	assert_int_equal(start(7, SIGABRT), 0);
	assert_int_equal(start(0, 0), 7);
	assert_int_equal(start(0, 0), 0);
}

static void another_operation_begins_anew(void **state)
{
	(void)state;
	assert_int_equal(start(7, SIGABRT), 0);
	assert_int_equal(start(7, SIGABRT), 0);
	assert_int_equal(start(8, SIGABRT), 0);
	assert_int_equal(start(7, SIGABRT), 0);
	assert_int_equal(start(0, 0), 0);
}

static void being_killed_is_no_such_death(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(start(7, SIGKILL), 0);
	assert_int_equal(start(0, 0), 0);
}

static void a_death_elsewhere_counts_for_nobody(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(start(0, SIGABRT), 0);
	assert_int_equal(start(0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_deaths_in_a_row_name_it),
		cmocka_unit_test(another_operation_begins_anew),
		cmocka_unit_test(being_killed_is_no_such_death),
		cmocka_unit_test(a_death_elsewhere_counts_for_nobody),
	};

	return cmocka_run_group_tests_name("scrap", tests, setup, own_folder_remove);
}
