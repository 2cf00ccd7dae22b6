/* Backups of a layer 2 while a daemon runs: when one is due, what is tried again and how
 * soon, and what stays. The hours are a clock's of this test, the files the system's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/daemon/backups.h"
#include "own_folder.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define NOON INT64_C(1795348800000) /* 2026-11-22 12:00:00 UTC */
#define KEEP 2

static struct {
	struct world world;
	int64_t now_ms;
	work_fn *run, *done;
	void *job;
} fake;

static int64_t now_ms(struct world *w)
{
	(void)w;
	return fake.now_ms;
}

static int64_t wall_ms(struct world *w)
{
	(void)w;
	return NOON + fake.now_ms;
}

static void work(struct world *w, work_fn *run, work_fn *done, void *job)
{
	(void)w;
	assert_null(fake.job); /* one at a time */
	fake.run = run;
	fake.done = done;
	fake.job = job;
}

static const struct world_ops ops = {
	.now_ms = now_ms, .wall_ms = wall_ms, .work = work
};

static char data_dir[64], folder[80], log_path[90], away[64], note[100];
static struct node_keys keys;
static struct backups *backups;

static void log_copy(const char *vector)
{
	char path[512];
	struct fail f = { 0 };

	snprintf(path, sizeof path, "%s/%s", getenv("L2_VECTORS"), vector);
	if (l2_log_copy(&files_of_system, path, log_path, &f))
		fail_msg("%s", f.why);
}

static int begin(void **state)
{
	if (own_folder_make(state))
		return 1;
	snprintf(data_dir, sizeof data_dir, "%s/l2", own_folder);
	snprintf(folder, sizeof folder, "%s/backups", data_dir);
	snprintf(note, sizeof note, "%s/backup_failed.txt", folder);
	snprintf(log_path, sizeof log_path, "%s/l2_snapshots.dat", data_dir);
	snprintf(away, sizeof away, "%s/away", own_folder);
	keys = (struct node_keys){ .chain = "btc", .data_dir = data_dir };
	keys.backup = (struct node_backup_config){ .every = HOUR, .keep = KEEP };
	memset(&fake, 0, sizeof fake);
	fake.world.ops = &ops;
	return log_open("/dev/null", LOG_ERROR, false, NULL) != ERR_OK ||
	    mkdir(data_dir, 0700) != 0;
}

static int end(void **state)
{
	backups_free(backups);
	backups = NULL;
	return own_folder_remove(state);
}

/* Until then, each time that it asks for: so many were tried, one at a time. */
static int until(int64_t when_ms, const char **ret_why)
{
	const char *why;
	int64_t due_ms;
	int tried = 0;

	while (true) {
		due_ms = backups_turn(backups, &fake.world);
		if (fake.job) {
			assert_int_equal(due_ms, INT64_MAX);
			assert_int_equal(backups_turn(backups, &fake.world), INT64_MAX);
			fake.run(fake.job);
			fake.done(fake.job);
			fake.job = NULL;
			tried++;
			assert_true(backups_ended(backups, &why));
			if (ret_why)
				*ret_why = why;
			assert_int_equal(why != NULL, access(note, F_OK) == 0);
			continue;
		}
		assert_true(due_ms > fake.now_ms);
		if (due_ms > when_ms) {
			fake.now_ms = when_ms;
			return tried;
		}
		fake.now_ms = due_ms;
	}
}

static size_t there(const char *path, char newest[L2_BACKUP_TIME])
{
	struct l2_backup_seen *seen;
	size_t n, whole = 0;

	if (l2_backup_list(&files_of_system, path, &seen, &n, NULL) != ERR_OK)
		return 0;
	for (size_t i = 0; i < n; i++)
		whole += seen[i].sums && seen[i].log;
	if (newest && n)
		memcpy(newest, seen[0].time, L2_BACKUP_TIME);
	mem_free(seen);
	return whole;
}

static void one_an_hour_and_two_stay(void **state)
{
	char newest[L2_BACKUP_TIME], sums[160];

	(void)state;
	log_copy("ok.dat");
	backups = backups_new(&keys);
	assert_int_equal(until(0, NULL), 1);
	assert_int_equal(there(folder, newest), 1);
	assert_string_equal(newest, "20261122_120000");
	assert_int_equal(until(HOUR - 1, NULL), 0);
	assert_int_equal(until(HOUR, NULL), 1);
	assert_int_equal(there(folder, newest), 2);
	assert_string_equal(newest, "20261122_130000");
	assert_int_equal(until(3 * HOUR, NULL), 2);
	assert_int_equal(there(folder, newest), KEEP);
	assert_string_equal(newest, "20261122_150000");
	/* another start, and a config that wants them sooner */
	backups_free(backups);
	backups = backups_new(&keys);
	assert_int_equal(until(4 * HOUR - 1, NULL), 0);
	keys.backup.every = HOUR / 4;
	backups_configure(backups, &keys);
	assert_int_equal(until(5 * HOUR - 1, NULL), 5);
	/* the newest was not made to its end: it is none */
	(void)there(folder, newest);
	snprintf(sums, sizeof sums, "%s/backup_%s.sha256", folder, newest);
	assert_int_equal(unlink(sums), 0);
	backups_free(backups);
	backups = backups_new(&keys);
	assert_int_equal(until(5 * HOUR, NULL), 1);
}

static void what_is_not_there_yet_is_awaited(void **state)
{
	const char *why = "";

	(void)state;
	backups = backups_new(&keys);
	assert_int_equal(until(30 * MINUTE, &why), 31);
	assert_null(why);
	log_copy("ok.dat");
	assert_int_equal(until(31 * MINUTE, &why), 1);
	assert_int_equal(there(folder, NULL), 1);
	assert_int_equal(until(91 * MINUTE - 1, &why), 0);
}

static void what_failed_is_tried_again_soon(void **state)
{
	const char *why = NULL;

	(void)state;
	log_copy("crlf.dat");
	backups = backups_new(&keys);
	/* behind 1, 2, 4, 8, and 16 minutes */
	assert_int_equal(until(31 * MINUTE, &why), 6);
	assert_non_null(why);
	assert_int_equal(there(folder, NULL), 0);
	assert_int_equal(until(47 * MINUTE - 1, &why), 0);
	assert_int_equal(unlink(log_path), 0);
	log_copy("ok.dat");
	assert_int_equal(until(47 * MINUTE, &why), 1);
	assert_null(why);
	assert_int_equal(there(folder, NULL), 1);
	assert_int_equal(until(107 * MINUTE - 1, &why), 0);
}

/* No other backup is made for it: so many stay, and these would be of the last minutes.
 */
static void what_could_not_be_taken_is_taken_soon(void **state)
{
	char newest[L2_BACKUP_TIME], also[L2_BACKUP_TIME];
	const char *why = NULL;

	(void)state;
	log_copy("ok.dat");
	keys.backup.copy_to = away;
	backups = backups_new(&keys);
	assert_int_equal(until(0, &why), 1);
	assert_non_null(why);
	assert_non_null(strstr(why, "is not there, and none is made: mount"));
	assert_int_equal(until(3 * MINUTE, &why), 2);
	assert_int_equal(access(away, F_OK), -1);
	assert_int_equal(there(folder, newest), 1);
	assert_int_equal(mkdir(away, 0700), 0);
	assert_int_equal(until(7 * MINUTE, &why), 1);
	assert_null(why);
	assert_int_equal(there(folder, NULL), 1);
	assert_int_equal(there(away, also), 1);
	assert_string_equal(newest, also);
	assert_int_equal(until(HOUR - 1, &why), 0);
	assert_int_equal(until(HOUR, &why), 1);
	assert_int_equal(there(folder, NULL), 2);
	assert_int_equal(there(away, NULL), 2);
	/* gone for good: one an hour is made all the same, and the newest is taken */
	keys.backup.copy_to = "/nowhere/at/all";
	backups_configure(backups, &keys);
	until(3 * HOUR, &why);
	assert_non_null(why);
	assert_int_equal(there(folder, newest), KEEP);
	assert_string_equal(newest, "20261122_150000");
	keys.backup.copy_to = away;
	backups_configure(backups, &keys);
	assert_int_equal(until(fake.now_ms, &why), 1);
	assert_null(why);
	assert_int_equal(there(away, also), 3);
	assert_string_equal(newest, also);
}

/* Somebody has typed one beside the daemon, whose own went well. */
static void what_failed_elsewhere_is_tried_again(void **state)
{
	char was[L2_BACKUP_NOTED], line[200], newest[L2_BACKUP_TIME];
	const char *why = NULL;
	struct fail f;

	(void)state;
	log_copy("ok.dat");
	keys.backup.copy_to = away;
	assert_int_equal(mkdir(away, 0700), 0);
	backups = backups_new(&keys);
	assert_int_equal(until(0, &why), 1);
	snprintf(line, sizeof line, "rm %s/*", away);
	assert_int_equal(system(line), 0);
	assert_int_equal(
	    l2_backup_note(&files_of_system, folder, "full: \xc3\xa4", L2_AGAIN_AWAY, &f),
	    ERR_OK);
	backups_noted(backups, l2_backup_noted(&files_of_system, folder, was));
	assert_string_equal(was, "full: \xc3\xa4");
	assert_int_equal(until(MINUTE - 1, &why), 0);
	assert_int_equal(until(MINUTE, &why), 1);
	assert_null(why);
	assert_int_equal(there(away, NULL), 1);
	assert_int_equal(until(2 * MINUTE, &why), 0);
	/* one that could not be made */
	assert_int_equal(
	    l2_backup_note(&files_of_system, folder, "full", L2_AGAIN_MAKE, &f), ERR_OK);
	backups_noted(backups, l2_backup_noted(&files_of_system, folder, was));
	assert_int_equal(until(3 * MINUTE, &why), 1);
	assert_int_equal(there(folder, newest), 2);
	assert_string_equal(newest, "20261122_120300");
	/* half of one waits for its time */
	assert_int_equal(
	    l2_backup_note(&files_of_system, folder, "half", L2_AGAIN_NOTHING, &f),
	    ERR_OK);
	backups_noted(backups, l2_backup_noted(&files_of_system, folder, was));
	assert_int_equal(until(63 * MINUTE - 1, &why), 0);
	assert_int_equal(until(63 * MINUTE, &why), 1);
}

static void owned_once(const char *path, int64_t pid)
{
	struct journal *j;
	struct fail f;

	if (journal_own(&j, path, &(struct owner){ .pid = pid, .host = "here" }, &f))
		fail_msg("%s", f.why);
	journal_close(j);
}

/* A journal and a copy of it, each with an owner since: what both have come from is the
 * past of each, what the other one made since is not. */
static void a_copy_of_its_journal_is_another(void **state)
{
	char one[90], two[90], line[400];
	const char *why = NULL;
	struct fail f;

	(void)state;
	log_copy("ok.dat");
	snprintf(one, sizeof one, "%s/one.db", own_folder);
	snprintf(two, sizeof two, "%s/two.db", own_folder);
	assert_int_equal(journal_create(one, &f), ERR_OK);
	backups = backups_new(&keys);
	backups_of(backups, one);
	assert_int_equal(until(0, &why), 1);
	snprintf(line, sizeof line, "cp %s %s && cp %s-wal %s-wal", one, two, one, two);
	assert_int_equal(system(line), 0);
	owned_once(one, 1);
	owned_once(two, 2);
	assert_int_equal(until(HOUR, &why), 1);
	assert_int_equal(there(folder, NULL), 2);
	/* the newest is not its own: one is due */
	backups_free(backups);
	backups = backups_new(&keys);
	backups_of(backups, two);
	assert_int_equal(until(HOUR, &why), 1);
	assert_int_equal(until(3 * HOUR, &why), 2);
	assert_null(why);
	assert_int_equal(there(folder, NULL), KEEP + 1);
	/* one that names no journal would be anybody's */
	snprintf(line, sizeof line, "rm %s", two);
	assert_int_equal(system(line), 0);
	assert_int_equal(until(4 * HOUR, &why), 1);
	assert_non_null(why);
	assert_non_null(strstr(why, two));
	assert_int_equal(there(folder, NULL), KEEP + 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_an_hour_and_two_stay, begin, end),
		cmocka_unit_test_setup_teardown(
		    what_is_not_there_yet_is_awaited, begin, end),
		cmocka_unit_test_setup_teardown(
		    what_failed_is_tried_again_soon, begin, end),
		cmocka_unit_test_setup_teardown(
		    what_could_not_be_taken_is_taken_soon, begin, end),
		cmocka_unit_test_setup_teardown(
		    what_failed_elsewhere_is_tried_again, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_copy_of_its_journal_is_another, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
