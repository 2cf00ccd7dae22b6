/* A log that grows while others read it: at each instant it is whole, or ends in what is
 * being written. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kinds/node/snapshot/log.h"
#include "l2_sample.h"
#include "own_folder.h"

#define APPENDS 200

static char path[64];
static pid_t writer; /* 0: none */

/* Balances of about so many bytes, each time others. */
static void append(int version, uint64_t round, uint64_t bytes)
{
	struct l2_append how = { .version = version,
		.compress = round % 3 == 1,
		.anchor = true,
		.anchored_ms = round,
		.metadata = l2_text("m") };
	struct l2_state s;
	struct fail f = { 0 };

	l2_state_init(&s);
	s.timestamp_ms = round;
	for (uint64_t i = 0; i < bytes / 40; i++) {
		char id[40];
		struct l2_balance one;

		snprintf(id, sizeof id, "peer-%020llu", (unsigned long long)i);
		one = (struct l2_balance){ l2_text(id), round + i };
		l2_state_add(&s, L2_BALANCES, &one);
	}
	if (l2_log_append(&files_of_system, path, &s, &how, &f)) {
		fprintf(stderr, "# append: %s\n", f.why);
		_exit(1);
	}
	l2_state_release(&s);
}

static void write_all(int version)
{
	for (uint64_t i = 1; i <= APPENDS; i++)
		append(version, i, i % 10 ? 900 * (i % 13) : 700000);
	_exit(0);
}

static void failed(void *ctx, struct l2_block block, const struct l2_verdict *v)
{
	(void)ctx;
	fail_msg("byte %llu, %llu bytes: %s", (unsigned long long)block.offset,
	    (unsigned long long)block.len, v->why);
}

/* The time of the newest one: it never goes back. */
static uint64_t look(uint64_t before)
{
	struct l2_demand demand = { .anchor_needed = true };
	struct l2_block block;
	struct l2_verdict v;
	struct l2_log *log;
	struct l2_end end;
	struct fail f = { 0 };

	if (l2_log_open(&log, &files_of_system, path, &f))
		fail_msg("%s", f.why);
	if (l2_log_newest(log, &demand, &block, &v, failed, NULL, &f))
		fail_msg("%s", f.why);
	assert_true(block.len);
	assert_true(v.anchored_ms >= before);
	if (l2_log_survey(log, &f))
		fail_msg("%s", f.why);
	for (size_t i = 0; i < l2_log_damages(log); i++)
		assert_int_equal(l2_log_damage(log, i).kind, L2_TORN_TAIL);
	l2_log_close(log);
	if (l2_log_end(&end, &files_of_system, path, &demand, L2_END_ALL, &f))
		fail_msg("%s", f.why);
	assert_int_equal(end.failed, 0);
	assert_true(end.verdict.anchored_ms >= v.anchored_ms);
	return v.anchored_ms;
}

static void readers_see_it_whole(void **state)
{
	uint64_t looks = 0;

	(void)state;
	snprintf(path, sizeof path, "%s/log", own_folder);
	for (int version = 1; version <= 2; version++) {
		uint64_t seen = 0;
		int status;

		append(version, 1, 100);
		writer = fork();
		if (!writer)
			write_all(version);
		while (!waitpid(writer, &status, WNOHANG)) {
			seen = look(seen);
			looks++;
		}
		writer = 0;
		assert_int_equal(status, 0);
		assert_int_equal(look(seen), APPENDS);
		assert_int_equal(unlink(path), 0);
	}
	print_message("# %llu looks\n", (unsigned long long)looks);
}

static int over(void **state)
{
	if (writer) {
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
	}
	return own_folder_remove(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    readers_see_it_whole, own_folder_make, over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
