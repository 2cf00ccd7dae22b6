/* The journal: one owner, lazy transactions, the event chain, migrations, damage. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>
#include <cmocka.h>

#include "base/crash.h"
#include "drawer.h"
#include "journal/driver.h"
#include "journal/files.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"
#include "journal/statement.h"
#include "outside.h"

/* -- helpers --------------------------------------------------------------- */

static int fresh(void **state)
{
	struct fail f = { 0 };

	(void)state;
	drawer_clean();
	if (journal_create(path, &f) != ERR_OK)
		fail_msg("%s", f.why);
	return 0;
}

static int empty(void **state)
{
	(void)state;
	drawer_clean();
	return 0;
}

/* As somebody with a SQLite shell would. */
static void tamper(const char *sql)
{
	outside_alter(path, sql);
}

static void overwrite(off_t at, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
	close(fd);
}

static void event(struct journal *j, int64_t operation, int64_t row, const char *to)
{
	journal_event(
	    j, &(struct event){ operation, row, "item", "pending", to, "why not" });
}

/* -- one journal, one owner ------------------------------------------------ */

static void makes_a_journal(void **state)
{
	char name[300];
	struct stat s;
	struct fail f = { 0 };
	struct journal *j;

	(void)state;
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	snprintf(name, sizeof(name), "%s-wal", path);
	assert_int_equal(stat(name, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	assert_int_equal(journal_create(path, &f), ERR_CONFLICT);
	j = own();
	assert_int_equal(journal_commit_no(j), 3); /* made, owned */
	assert_false(journal_writing(j));
	journal_close(j);
	assert_int_equal(stat(name, &s), 0); /* it outlives a close */
}

static void clears_what_a_dead_init_left(void **state)
{
	char name[300];
	struct fail f = { 0 };
	FILE *file;

	(void)state;
	snprintf(name, sizeof(name), "%s", beside("new-pawl.db"));
	file = fopen(name, "w");
	assert_non_null(file);
	fputs("half a database", file);
	fclose(file);
	assert_int_equal(journal_create(path, &f), ERR_OK);
	assert_int_equal(access(name, F_OK), -1);
	journal_close(own());
}

static void never_makes_one_silently(void **state)
{
	struct journal *j;
	struct fail f = { 0 };

	(void)state;
	refused(ERR_NO_JOURNAL, "pawl init");
	refused(ERR_NO_JOURNAL, path);
	assert_int_equal(journal_read(&j, path, &f), ERR_NO_JOURNAL);
	assert_int_equal(access(path, F_OK), -1);
}

static void misses_its_wal(void **state)
{
	char name[300];

	(void)state;
	snprintf(name, sizeof(name), "%s-wal", path);
	assert_int_equal(unlink(name), 0);
	refused(ERR_DAMAGED, "pawl.db-wal");
}

/* 0: refused as owned. */
static int try_in_a_child(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* a mere fork would inherit the lock */
		execl("/proc/self/exe", "test_journal", "own", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void has_one_owner(void **state)
{
	struct journal *j = own();
	struct owner o;
	bool held;

	(void)state;
	refused(ERR_OWNED, "4711");
	refused(ERR_OWNED, "lathe");
	assert_int_equal(try_in_a_child(), 0);
	assert_true(journal_owner(path, &o, &held));
	assert_true(held);
	assert_int_equal(o.pid, 4711);
	/* looking did not break the locks that SQLite holds for us */
	add_chain(j, 1);
	commit(j);
	assert_int_equal(try_in_a_child(), 0);
	journal_close(j);
	assert_true(journal_owner(path, &o, &held));
	assert_false(held);
	assert_int_equal(try_in_a_child(), 1);
}

/* Who lost its lock and does not know it, between two looks of who begins. */
static void robbed_commits(enum crash_point p)
{
	if (p != CRASH_owner_before_epoch)
		return;
	crash_hook = NULL;
	tamper("UPDATE owner SET commit_no = commit_no + 1");
}

static void does_not_begin_beside_a_writer(void **state)
{
	struct journal *j = own();

	(void)state;
	journal_close(j);
	crash_hook = robbed_commits;
	refused(ERR_OWNED, "another process writes to it");
	assert_null(crash_hook);
}

static void outlives_a_dead_owner(void **state)
{
	struct owner o;
	bool held;
	int ready[2], status;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct journal *j = own();

		add_chain(j, 7);
		commit(j);
		add_chain(j, 8);
		(void)!write(ready[1], "x", 1);
		pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	refused(ERR_OWNED, "lathe");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	struct journal *j = own();

	assert_true(has_chain(j, 7));
	assert_false(has_chain(j, 8));
	assert_true(journal_owner(path, &o, &held));
	assert_int_equal(o.epoch, 2);
	journal_close(j);
	close(ready[0]);
	close(ready[1]);
}

/* The exit code of what a child does with the journal. */
static int fate(void (*act)(struct journal *j))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct journal *j = own();

		assert_non_null(freopen("/dev/null", "w", stderr));
		act(j);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void lose_the_epoch(struct journal *j)
{
	add_chain(j, 1);
	commit(j);
	tamper("UPDATE owner SET epoch = 99");
	add_chain(j, 2);
}

static void miss_a_foreign_commit(struct journal *j)
{
	tamper("UPDATE owner SET commit_no = commit_no + 1");
	add_chain(j, 2);
}

static void break_a_constraint(struct journal *j)
{
	add_chain(j, 2);
	add_chain(j, 2);
}

static void read_a_short_hash(struct journal *j)
{
	tamper("INSERT INTO chain (id, kind, chain_id, genesis, name)"
	       " VALUES (9, 'evm', 3, x'00', '')");
	sql_chain_get_one(
	    j, &(struct sql_chain_get_in){ .id = 9 }, &(struct sql_chain_get_out){ 0 });
}

static void lose_its_place(struct journal *j)
{
	char other[300];

	snprintf(other, sizeof(other), "%s.away", path);
	assert_int_equal(rename(path, other), 0);
	add_chain(j, 2);
	commit(j);
}

static void be_replaced(struct journal *j)
{
	char command[1100];

	snprintf(command, sizeof(command), "cp %s %s.new && mv %s.new %s", path, path,
	    path, path);
	assert_int_equal(system(command), 0);
	add_chain(j, 2);
	commit(j);
}

static void lose_its_wal(struct journal *j)
{
	char name[300];

	snprintf(name, sizeof(name), "%s-wal", path);
	assert_int_equal(unlink(name), 0);
	add_chain(j, 2);
	commit(j);
}

static void ends_when_its_file_is_another(void **state)
{
	fresh(state);
	assert_int_equal(fate(lose_its_place), 3);
	fresh(state);
	assert_int_equal(fate(be_replaced), 3);
	fresh(state);
	assert_int_equal(fate(lose_its_wal), 3);
	refused(ERR_DAMAGED, "pawl restore");
}

static void ends_the_process_when_in_doubt(void **state)
{
	(void)state;
	assert_int_equal(fate(lose_the_epoch), 3);
	assert_int_equal(fate(miss_a_foreign_commit), 3);
	assert_int_equal(fate(break_a_constraint), 6);
	assert_int_equal(fate(read_a_short_hash), 6);
}

static void read_no_more(struct journal *j)
{
	drawer_reads_fail(1, INT64_MAX);
	for (int id = 1; id < 100; id++)
		(void)has_chain(j, id);
}

static void takes_a_dead_disk_for_no_damage(void **state)
{
	(void)state;
	assert_int_equal(fate(read_no_more), 3);
	drawer_reads_fail(1, INT64_MAX);
	refused(ERR_JOURNAL, "can't be read");
	drawer_reads_fail(0, 0);
	journal_close(own());
}

/* A backup beside an empty -wal, whichever read fails: SQLite closes a
 * -wal that it could not read before anybody can ask for the error. */
static void takes_one_read_that_fails_for_no_damage(void **state)
{
	char copy[300];
	struct journal_holds holds;
	int64_t failed = 1;

	(void)state;
	snprintf(copy, sizeof(copy), "%s.backup", path);
	for (int64_t n = 1; failed; n++) {
		struct journal *j;
		struct fail f = { 0 };

		fresh(state);
		j = own();
		add_chain(j, 1);
		commit(j);
		assert_int_equal(journal_backup(path, copy, &holds, &f), ERR_OK);
		journal_close(j);
		assert_int_equal(rename(copy, path), 0);
		assert_int_equal(truncate(beside("pawl.db-wal"), 0), 0);
		drawer_reads_fail(n, 1);
		if (journal_own(&j, path, &me, &f) == ERR_OK)
			journal_close(j);
		else
			assert_string_not_equal(err_name(f.err), "DAMAGED");
		failed = drawer_reads_fail(0, 0);
		assert_true(n < 1000);
	}
}

static int64_t does_not_say(const char *file)
{
	return strcmp(file, path) ? 0 : FILES_UNREADABLE;
}

static int64_t does_not_say_of_its_wal(const char *file)
{
	return strcmp(file, beside("pawl.db-wal")) ? 0 : FILES_UNREADABLE;
}

/* Not whether it is there, and not whether its -wal is: neither is missing. */
static void takes_a_dead_disk_for_no_empty_one(void **state)
{
	const struct journal_files *system = journal_files;
	struct journal_files dead = *system;

	(void)state;
	journal_close(own());
	journal_files = &dead;
	dead.size = does_not_say;
	refused(ERR_UNREADABLE, "does not say whether it is there");
	dead.size = does_not_say_of_its_wal;
	refused(ERR_UNREADABLE, "pawl.db-wal");
	journal_files = system;
	journal_close(own());
}

static void write_as_a_reader(struct journal *j)
{
	struct journal *r = reader();

	(void)j;
	add_chain(r, 1);
}

static void reads_beside_the_owner(void **state)
{
	struct journal *j = own(), *r = reader();

	(void)state;
	add_chain(j, 5);
	assert_false(has_chain(r, 5));
	commit(j);
	assert_true(has_chain(r, 5));
	journal_read_begin(r);
	assert_false(has_chain(r, 6));
	add_chain(j, 6);
	commit(j);
	assert_false(has_chain(r, 6)); /* one moment */
	journal_read_end(r);
	assert_true(has_chain(r, 6));
	journal_close(r);
	/* the reader's close took none of the owner's locks away */
	assert_int_equal(try_in_a_child(), 0);
	add_chain(j, 9);
	commit(j);
	journal_close(j);
	assert_int_equal(fate(write_as_a_reader), 128 + SIGABRT);
}

/* -- transactions ---------------------------------------------------------- */

static void begins_with_the_first_write(void **state)
{
	struct journal *j = own();
	int64_t before = journal_commit_no(j);

	(void)state;
	assert_false(has_chain(j, 1));
	assert_false(journal_writing(j));
	commit(j); /* nothing to do */
	assert_int_equal(journal_commit_no(j), before);
	add_chain(j, 1);
	assert_true(journal_writing(j));
	journal_rollback(j);
	assert_false(has_chain(j, 1));
	assert_int_equal(journal_commit_no(j), before);
	add_chain(j, 1);
	commit(j);
	assert_int_equal(journal_commit_no(j), before + 1);
	journal_close(j);
	j = own();
	assert_int_equal(journal_commit_no(j), before + 2);
	assert_true(has_chain(j, 1));
	journal_close(j);
}

static int64_t events_of(struct journal *j, int64_t operation)
{
	struct sql_event_from_out o;
	int64_t n = 0;

	sql_event_from_begin(j, &(struct sql_event_from_in){ .id = 0 });
	while (sql_event_from_next(j, &o))
		n += o.operation == operation;
	return n;
}

static void begins_nothing_for_an_empty_savepoint(void **state)
{
	struct journal *j = own();

	(void)state;
	journal_save(j);
	assert_false(has_chain(j, 1));
	journal_save_keep(j);
	journal_save(j);
	journal_save_drop(j);
	assert_false(journal_writing(j));
	journal_must_commit(j);
	assert_true(journal_writing(j));
	commit(j);
	journal_close(j);
}

static void drops_a_savepoint_whole(void **state)
{
	struct journal *j = own();
	int64_t operation;

	(void)state;
	event(j, 1, 1, "kept");
	journal_save(j);
	add_chain(j, 1);
	event(j, 1, 2, "dropped");
	event(j, 2, 1, "dropped");
	journal_save_drop(j);
	journal_save(j);
	add_chain(j, 2);
	event(j, 1, 3, "kept");
	journal_save_keep(j);
	commit(j);
	assert_false(has_chain(j, 1));
	assert_true(has_chain(j, 2));
	assert_int_equal(events_of(j, 1), 2);
	assert_int_equal(events_of(j, 2), 0);
	assert_int_equal(journal_check_events(j, &operation), 0);
	journal_close(j);
}

/* A row that is being read holds a transaction open; nothing else does. */
static void rests_between_its_statements(void **state)
{
	struct journal *j = own();
	struct sql_event_from_out o;

	(void)state;
	assert_true(journal_at_rest(j));
	event(j, 1, 1, "one");
	event(j, 1, 2, "two");
	assert_false(journal_at_rest(j));
	commit(j);
	assert_true(journal_at_rest(j));
	sql_event_from_begin(j, &(struct sql_event_from_in){ .id = 0 });
	assert_true(sql_event_from_next(j, &o));
	assert_false(journal_at_rest(j));
	sql_event_from_end(j);
	assert_true(journal_at_rest(j));
	assert_int_equal(events_of(j, 1), 2); /* read to the end */
	assert_true(journal_at_rest(j));
	assert_false(has_chain(j, 1));
	assert_true(journal_at_rest(j));
	journal_close(j);
}

/* The owner's row is held before it, whatever is dropped. */
static void drops_a_savepoint_that_wrote_first(void **state)
{
	struct journal *j = own();

	(void)state;
	for (int64_t i = 1; i <= 3; i++) {
		journal_save(j);
		add_chain(j, i);
		journal_save_drop(j);
		commit(j);
		assert_false(has_chain(j, i));
	}
	journal_close(j);
}

/* What was read stays so until it is written, or taken back. */
static void says_what_changed(void **state)
{
	struct journal *j = own();
	uint64_t mark = 0;

	(void)state;
	assert_true(journal_changed(j, &mark));
	assert_false(has_chain(j, 1));
	assert_false(journal_changed(j, &mark));
	add_chain(j, 1);
	assert_true(journal_changed(j, &mark));
	commit(j);
	assert_false(journal_changed(j, &mark));
	journal_save(j);
	add_chain(j, 2);
	assert_true(journal_changed(j, &mark));
	journal_save_drop(j);
	assert_true(journal_changed(j, &mark));
	journal_save(j);
	journal_save_drop(j);
	assert_false(journal_changed(j, &mark));
	journal_rollback(j);
	assert_true(journal_changed(j, &mark));
	journal_close(j);
}

static void keeps_null_apart(void **state)
{
	struct journal *j = own();
	struct sql_chain_get_out o;
	struct sql_chain_get_in id = { .id = 1 };

	(void)state;
	add_chain(j, 1);
	assert_true(sql_chain_get_one(j, &id, &o));
	assert_true(o.no_stopped && o.no_final_height && !o.stopped);
	assert_int_equal(
	    sql_chain_stop(j, &(struct sql_chain_stop_in){ .id = 1, .stopped = "" }), 1);
	assert_int_equal(sql_chain_final(j,
			     &(struct sql_chain_final_in){ .id = 1, .final_height = 9 }),
	    1);
	assert_int_equal(
	    sql_chain_stop(j, &(struct sql_chain_stop_in){ .id = 2, .no_stopped = true }),
	    0);
	assert_true(sql_chain_get_one(j, &id, &o));
	assert_false(o.no_stopped || o.no_final_height);
	assert_string_equal(o.stopped, "");
	assert_string_equal(o.kind, "evm");
	assert_int_equal(o.final_height, 9);
	sql_chain_stop(j, &(struct sql_chain_stop_in){ .id = 1, .no_stopped = true });
	assert_true(sql_chain_get_one(j, &id, &o));
	assert_true(o.no_stopped);
	journal_close(j);
}

static void moves_a_long_wal(void **state)
{
	struct journal *j = own();
	char name[300];
	struct stat s;

	(void)state;
	snprintf(name, sizeof(name), "%s-wal", path);
	for (int i = 0; i < 9000; i++) {
		journal_event(j, &(struct event){ 0, i, "item", "a", "b", path });
		if (i % 3 == 0) {
			commit(j);
			journal_tend(j);
		}
	}
	commit(j);
	assert_int_equal(stat(name, &s), 0);
	assert_true(s.st_size < 40 << 20);
	journal_close(j);
	journal_close(own()); /* database and -wal are of one age */
}

/* -- the event chain ------------------------------------------------------- */

static void three_commits(struct journal *j)
{
	for (int64_t c = 0; c < 3; c++) {
		for (int64_t row = 1; row <= 3; row++) {
			event(j, 2, row, "live"); /* mixed, as turns mix them */
			event(j, 1, row, "final");
		}
		commit(j);
	}
}

static void chains_its_events(void **state)
{
	struct journal *j = own(), *r;
	char tail[65], again[65];
	int64_t operation = -1;

	(void)state;
	journal_tail(j, 1, tail);
	assert_string_equal(tail, "");
	three_commits(j);
	journal_tail(j, 1, tail);
	assert_int_equal(strlen(tail), 64);
	r = reader();
	assert_int_equal(journal_check_events(r, &operation), 0);
	journal_tail(r, 1, again);
	assert_string_equal(tail, again);
	event(j, 1, 1, "void");
	commit(j);
	journal_tail(j, 1, again);
	assert_string_not_equal(tail, again);
	assert_int_equal(journal_check_events(j, &operation), 0);
	journal_close(r);
	journal_close(j);
}

/* Commits 1 and 2 made it and took it; 3, 4 and 5 have three events of two operations. */
static const struct {
	const char *sql;
	int64_t commit_no, operation;
} edits[] = {
	{ "UPDATE event SET what = '' WHERE (commit_no, operation, row) = (3, 1, 2)", 3,
	    1 },
	{ "UPDATE event SET why = 'wh' WHERE (commit_no, operation, row) = (4, 2, 3)", 4,
	    2 },
	{ "UPDATE event SET row = 9 WHERE (commit_no, operation, row) = (4, 2, 3)", 4,
	    2 },
	{ "UPDATE event SET operation = 3 WHERE (commit_no, operation, row) = (3, 2, 1)",
	    3, 2 },
	{ "UPDATE event SET commit_no = 4 WHERE (commit_no, operation, row) = (3, 2, 3)",
	    3, 1 },
	{ "DELETE FROM event WHERE commit_no = 4 AND operation = 1 AND row = 2", 4, 2 },
	{ "DELETE FROM event WHERE commit_no = 4", 5, 2 },
	{ "DELETE FROM event WHERE commit_no = 5", 5, 1 },
	{ "DELETE FROM event WHERE commit_no = 5; DELETE FROM link WHERE commit_no = 5",
	    5, 0 },
	{ "DELETE FROM link WHERE commit_no = 4 AND operation = 1", 4, 1 },
	{ "DELETE FROM link WHERE commit_no = 5 AND operation = 2", 5, 2 },
	{ "DELETE FROM link WHERE commit_no = 4 AND operation = 2", 4, 2 },
	{ "UPDATE link SET hash = zeroblob(32) WHERE commit_no = 3 AND operation = 1", 3,
	    1 },
	{ "INSERT INTO link VALUES (9, 4, zeroblob(32), 0)", 4, 9 },
	{ "UPDATE link SET operation = 9 WHERE commit_no = 4 AND operation = 2", 4, 2 },
	{ "UPDATE link SET operation = -1 WHERE commit_no = 4 AND operation = 1", 4, -1 },
	{ "INSERT INTO event SELECT max(id) + 1, 3, 1, 1, '', '', '', '' FROM event", 3,
	    1 },
	{ "INSERT INTO event VALUES (99, 5, 1, 1, '', '', '', '')", 5, 1 },
	{ "INSERT INTO event SELECT max(id) + 1, 5, 1, 1, '', '', '', '' FROM event", 5,
	    1 },
};

static void finds_each_edit(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct journal *j, *r;
		int64_t bad, operation;

		fresh(NULL);
		j = own();
		three_commits(j);
		journal_close(j);
		tamper(edits[i].sql);
		r = reader();
		bad = journal_check_events(r, &operation);
		if (bad != edits[i].commit_no || operation != edits[i].operation)
			fail_msg("%s: commit %lld, operation %lld", edits[i].sql,
			    (long long)bad, (long long)operation);
		journal_close(r);
	}
}

static void starts_on_no_cut_tail(void **state)
{
	struct journal *j;

	(void)state;
	j = own();
	add_operations(j, 2);
	three_commits(j);
	journal_close(j);
	tamper("UPDATE event SET why = '' WHERE commit_no = 5 AND row = 1");
	refused(ERR_DAMAGED, "commit 5");
	tamper("UPDATE event SET why = 'why not' WHERE commit_no = 5 AND row = 1");
	journal_close(own());
	tamper("DELETE FROM event WHERE id = (SELECT max(id) FROM event)");
	refused(ERR_DAMAGED, "event");
}

/* What would be planned anew, and paid again. */
static void starts_on_no_lost_operation(void **state)
{
	struct fail f = { 0 };
	struct journal *j = own();

	(void)state;
	add_operations(j, 2);
	three_commits(j);
	journal_close(j);
	journal_close(own());
	tamper("DELETE FROM operation WHERE id = 2");
	refused(ERR_DAMAGED, "name operation 2");
	j = reader();
	assert_int_equal(journal_check_past(j, &f), ERR_DAMAGED);
	journal_close(j);
	tamper("DELETE FROM operation");
	refused(ERR_DAMAGED, "name operation 2");
}

/* -- damage, and what is not ours ------------------------------------------ */

static void refuses_what_is_no_journal(void **state)
{
	(void)state;
	overwrite(0, "not a database, or no longer one", 32);
	refused(ERR_DAMAGED, "not a database");
	assert_int_equal(truncate(path, 0), 0);
	refused(ERR_DAMAGED, "empty");
}

/* SQLite would take it for a new database, and remove the -wal, which may hold all. */
static void keeps_the_wal_of_an_empty_file(void **state)
{
	char name[300];

	(void)state;
	snprintf(name, sizeof(name), "%s-wal", path);
	journal_close(own());
	assert_int_equal(truncate(path, 0), 0);
	refused(ERR_DAMAGED, "empty");
	assert_int_equal(access(name, F_OK), 0);
}

static void refuses_another_programs_database(void **state)
{
	(void)state;
	tamper("PRAGMA application_id = 7");
	refused(ERR_DAMAGED, "another program");
}

static void names_a_damaged_page(void **state)
{
	uint8_t junk[4096];

	(void)state;
	memset(junk, 0xa5, sizeof(junk));
	overwrite(4096, junk, sizeof(junk)); /* the root of the first table */
	refused(ERR_DAMAGED, "age 2");
}

static void checks_pages(void **state)
{
	struct journal *j = own();
	char why[200];

	(void)state;
	assert_true(journal_check_pages(j, why, sizeof(why)));
	journal_close(j);
	tamper(
	    "PRAGMA foreign_keys = OFF; INSERT INTO block (chain, height, hash, parent,"
	    " base_fee) VALUES (77, 1, zeroblob(32), zeroblob(32), 0)");
	j = reader();
	assert_false(journal_check_pages(j, why, sizeof(why)));
	assert_non_null(strstr(why, "block"));
	journal_close(j);
}

/* -- doubt ----------------------------------------------------------------- */

/* Away by mv or cp, and back again. */
static void there_and_back(const char *by)
{
	char command[1100];

	snprintf(command, sizeof(command), "%s %s %s.away && mv %s.away %s", by, path,
	    path, path, path);
	assert_int_equal(system(command), 0);
}

static void doubts_a_copied_file(void **state)
{
	struct journal *j = own(), *r;
	int64_t operation;

	(void)state;
	add_chain(j, 1);
	commit(j);
	assert_null(journal_doubt(j));
	journal_close(j);
	there_and_back("mv"); /* the very file: no doubt */
	j = own();
	assert_null(journal_doubt(j));
	journal_close(j);
	there_and_back("cp");
	j = own();
	assert_non_null(journal_doubt(j));
	assert_non_null(strstr(journal_doubt(j), "another file than commit 4"));
	journal_close(j); /* it is the journal now: doubted, and not again */
	j = own();
	assert_non_null(journal_doubt(j));
	r = reader();
	assert_string_equal(journal_doubt(r), journal_doubt(j));
	journal_close(r);
	journal_doubt_clear(j, "all accounts are fenced");
	commit(j);
	assert_null(journal_doubt(j));
	journal_close(j);
	j = own();
	assert_null(journal_doubt(j));
	assert_int_equal(journal_check_events(j, &operation), 0);
	journal_close(j);
}

/* Number and folder may be those of a file that is gone. */
static void a_number_used_again_is_another_file(void **state)
{
	struct journal *j = own();

	(void)state;
	journal_close(j);
	tamper("UPDATE journal SET born = born - 1000000000");
	j = own();
	assert_non_null(journal_doubt(j));
	journal_close(j);
	tamper("UPDATE journal SET born = 0, doubt = NULL"); /* once unknown: no other */
	j = own();
	assert_null(journal_doubt(j));
	journal_close(j);
}

static void doubts_a_marked_copy_once(void **state)
{
	struct journal *j;

	(void)state;
	journal_close(own());
	tamper("UPDATE journal SET marked = 1");
	j = own();
	assert_non_null(strstr(journal_doubt(j), "`pawl backup` made at commit 2"));
	journal_doubt_clear(j, "");
	commit(j);
	journal_close(j);
	j = own();
	assert_null(journal_doubt(j));
	journal_close(j);
}

static void a_doubt_is_told_once(void **state)
{
	struct journal *j = own();
	int64_t before;
	char *first;

	(void)state;
	journal_doubt_clear(j, "nothing to clear");
	assert_false(journal_writing(j));
	journal_doubt_add(j, "a forgotten attempt was seen at nonce 5");
	commit(j);
	before = journal_commit_no(j);
	journal_doubt_add(j, "a forgotten attempt was seen at nonce 5");
	assert_false(journal_writing(j));
	journal_doubt_add(j, "the -wal was lost");
	commit(j);
	assert_int_equal(journal_commit_no(j), before + 1);
	assert_string_equal(journal_doubt(j),
	    "a forgotten attempt was seen at nonce 5; the -wal was lost");
	first = strdup(journal_doubt(j));
	for (int i = 0; i < 40; i++) {
		char why[100];

		snprintf(why, sizeof(why), "a forgotten attempt was seen at nonce %d", i);
		journal_doubt_add(j, why);
	}
	commit(j);
	assert_non_null(strstr(journal_doubt(j), first));
	assert_true(strlen(journal_doubt(j)) < 1000);
	free(first);
	journal_close(j);
}

/* -- migrations ------------------------------------------------------------ */

static struct migration more[64];

static void know_one_more(void)
{
	memcpy(more, migrations, (size_t)migrations_count * sizeof(more[0]));
	more[migrations_count] = (struct migration){
		.id = migrations_count + 1,
		.name = "next",
		.sum = { 1, 2, 3 },
		.sqlite = "CREATE TABLE next (id INTEGER PRIMARY KEY) STRICT;"
			  "INSERT INTO next VALUES (42);",
		.postgres = "",
	};
	migrations = more;
	migrations_count++;
}

static const struct migration *known;
static int known_count;

static int remember(void **state)
{
	known = migrations;
	known_count = migrations_count;
	return fresh(state);
}

static int forget(void **state)
{
	(void)state;
	migrations = known;
	migrations_count = known_count;
	return 0;
}

static void migrates_what_it_has_backed_up(void **state)
{
	struct journal *j = own(), *r;
	struct fail f = { 0 };
	char name[80];
	int64_t operation;
	int schema = 0;

	(void)state;
	add_chain(j, 1);
	commit(j);
	snprintf(name, sizeof(name), "backup-%lld-schema-%d-pawl.db",
	    (long long)journal_commit_no(j) - 1, migrations_count);
	journal_close(j);
	know_one_more();
	assert_int_equal(journal_read(&r, path, &f), ERR_CONFLICT);
	assert_non_null(strstr(f.why, "pawl migrate"));
	j = own();
	assert_true(has_chain(j, 1));
	journal_close(j);
	assert_int_equal(outside_number(path, "SELECT id FROM next"), 42);
	assert_int_equal(outside_number(beside(name), "SELECT count(*) FROM chain"), 1);
	assert_int_equal(outside_number(beside(name), "SELECT id FROM next"), -1);
	assert_int_equal(journal_schema(path, &schema, &f), ERR_OK);
	assert_int_equal(schema, journal_schema_known());
	r = reader();
	assert_int_equal(journal_check_events(r, &operation), 0);
	journal_close(r);
}

static void migrates_by_hand(void **state)
{
	struct fail f = { 0 };
	struct stat s;
	char *backup = NULL;

	(void)state;
	assert_int_equal(journal_migrate(path, &backup, &f), ERR_OK);
	assert_null(backup);
	know_one_more();
	assert_int_equal(journal_migrate(path, &backup, &f), ERR_OK);
	assert_non_null(backup);
	assert_int_equal(stat(backup, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	free(backup);
	journal_close(own());
}

static void leaves_a_failed_migration_undone(void **state)
{
	struct journal *r;
	struct fail f = { 0 };

	(void)state;
	know_one_more();
	more[migrations_count - 1].sqlite =
	    "CREATE TABLE next (id INTEGER); CREATE TABLE chain (x);";
	refused(ERR_JOURNAL, "chain already exists");
	migrations_count--;
	assert_int_equal(journal_read(&r, path, &f), ERR_OK);
	journal_close(r);
	assert_int_equal(outside_number(path, "SELECT count(*) FROM next"), -1);
}

static void names_a_header_of_no_format(void **state)
{
	(void)state;
	overwrite(18, "\x82", 1);
	refused(ERR_DAMAGED, "format 130");
}

static void names_an_altered_migration(void **state)
{
	(void)state;
	tamper("UPDATE migration SET sum = zeroblob(32) WHERE id = 2");
	refused(ERR_DAMAGED, "migration 2 (engine) was made from another text");
}

static void refuses_a_newer_schema(void **state)
{
	struct journal *r;
	struct fail f = { 0 };

	(void)state;
	know_one_more();
	journal_close(own());
	migrations_count--;
	refused(ERR_NEWER_JOURNAL, "newer pawl");
	assert_int_equal(journal_read(&r, path, &f), ERR_NEWER_JOURNAL);
}

static void refuses_an_edited_migration(void **state)
{
	(void)state;
	know_one_more();
	journal_close(own());
	more[migrations_count - 1].sum[0] ^= 1;
	refused(ERR_DAMAGED, "next");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(makes_a_journal, fresh),
		cmocka_unit_test_setup(clears_what_a_dead_init_left, empty),
		cmocka_unit_test_setup(never_makes_one_silently, empty),
		cmocka_unit_test_setup(misses_its_wal, fresh),
		cmocka_unit_test_setup(has_one_owner, fresh),
		cmocka_unit_test_setup(does_not_begin_beside_a_writer, fresh),
		cmocka_unit_test_setup(outlives_a_dead_owner, fresh),
		cmocka_unit_test_setup(ends_the_process_when_in_doubt, fresh),
		cmocka_unit_test_setup(takes_a_dead_disk_for_no_damage, fresh),
		cmocka_unit_test_setup(takes_one_read_that_fails_for_no_damage, fresh),
		cmocka_unit_test_setup(takes_a_dead_disk_for_no_empty_one, fresh),
		cmocka_unit_test_setup(ends_when_its_file_is_another, empty),
		cmocka_unit_test_setup(reads_beside_the_owner, fresh),
		cmocka_unit_test_setup(begins_with_the_first_write, fresh),
		cmocka_unit_test_setup(begins_nothing_for_an_empty_savepoint, fresh),
		cmocka_unit_test_setup(drops_a_savepoint_whole, fresh),
		cmocka_unit_test_setup(rests_between_its_statements, fresh),
		cmocka_unit_test_setup(drops_a_savepoint_that_wrote_first, fresh),
		cmocka_unit_test_setup(says_what_changed, fresh),
		cmocka_unit_test_setup(keeps_null_apart, fresh),
		cmocka_unit_test_setup(moves_a_long_wal, fresh),
		cmocka_unit_test_setup(chains_its_events, fresh),
		cmocka_unit_test_setup(finds_each_edit, fresh),
		cmocka_unit_test_setup(starts_on_no_cut_tail, fresh),
		cmocka_unit_test_setup(starts_on_no_lost_operation, fresh),
		cmocka_unit_test_setup(refuses_what_is_no_journal, fresh),
		cmocka_unit_test_setup(keeps_the_wal_of_an_empty_file, fresh),
		cmocka_unit_test_setup(refuses_another_programs_database, fresh),
		cmocka_unit_test_setup(names_a_damaged_page, fresh),
		cmocka_unit_test_setup(checks_pages, fresh),
		cmocka_unit_test_setup(doubts_a_copied_file, fresh),
		cmocka_unit_test_setup(a_number_used_again_is_another_file, fresh),
		cmocka_unit_test_setup(doubts_a_marked_copy_once, fresh),
		cmocka_unit_test_setup(a_doubt_is_told_once, fresh),
		cmocka_unit_test_setup_teardown(
		    migrates_what_it_has_backed_up, remember, forget),
		cmocka_unit_test_setup_teardown(migrates_by_hand, remember, forget),
		cmocka_unit_test_setup_teardown(
		    leaves_a_failed_migration_undone, remember, forget),
		cmocka_unit_test_setup(names_an_altered_migration, fresh),
		cmocka_unit_test_setup(names_a_header_of_no_format, fresh),
		cmocka_unit_test_setup_teardown(refuses_a_newer_schema, remember, forget),
		cmocka_unit_test_setup_teardown(
		    refuses_an_edited_migration, remember, forget),
	};

	if (argc == 3 && strcmp(argv[1], "own") == 0) { /* the other process of a test */
		struct journal *j = NULL;
		enum err e = journal_own(&j, argv[2], &me, NULL);

		journal_close(j);
		return e == ERR_OWNED ? 0 : 1;
	}
	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
