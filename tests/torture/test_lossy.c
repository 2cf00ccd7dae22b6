/* The journal alone on a disk that forgets: at every op it dies, or the power goes, or a
 * sync fails; and again while it rises. What was committed stays, what was seen after a
 * start stays, and nothing half is ever read. The disk itself is tested too: without
 * syncs it does forget.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "journal/files.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"
#include "mortal.h"

#define FILE_MAX ((size_t)4 << 20)
#define COMMITS 6
#define READS 72 /* that a start needs at least */

/* What the processes tell us; it lies beside the disk and forgets nothing. */
struct told {
	bool made;     /* journal_create answered OK */
	int64_t acked; /* commits that were answered with OK */
	int64_t seen;  /* highest number that a started owner saw */
};

static struct told *told;

static void format(uint64_t seed)
{
	disk = sim_disk_format(disk, FILE_MAX, seed);
	memset(told, 0, sizeof(*told));
}

static bool exists(void)
{
	return journal_files->size(PATH) >= 0;
}

/* -- what a process does: make the journal if there is none, own it, write - */

static void make(struct fail *f)
{
	if (exists())
		return;
	if (told->made)
		mortal_say(ERR_DAMAGED, "the journal is gone");
	if (journal_create(PATH, f) != ERR_OK)
		mortal_say(f->err, f->why);
	told->made = true;
}

/* Every other event is of this one. */
static void add_operation(struct journal *j, int64_t chain)
{
	struct sql_account_add_in account = { .chain = chain, .key_name = "k" };
	struct sql_account_add_out account_out;
	struct sql_operation_add_in in = {
		.kind = "airdrop", .name = "wages", .chain = chain
	};
	struct sql_operation_add_out out;

	sql_account_add_one(j, &account, &account_out);
	in.account = account_out.id;
	sql_operation_add_one(j, &in, &out);
}

static void commit(struct journal *j, int64_t n)
{
	struct sql_chain_add_in in = { .kind = "evm", .chain_id = n, .name = "n" };
	struct sql_chain_add_out out;
	struct fail f = { 0 };

	sql_chain_add_one(j, &in, &out);
	if (n == 1)
		add_operation(j, out.id);
	journal_event(j, &(struct event){ n % 2, n, "item", "live", "final", "" });
	if (journal_commit(j, &f) != ERR_OK)
		mortal_say(f.err, f.why);
	told->acked = n;
	if (n % 3 == 0)
		journal_tend(j);
}

static void differ(int64_t n)
{
	char why[100];

	snprintf(why, sizeof(why), "%lld rows, %lld were committed, %lld were seen",
	    (long long)n, (long long)told->acked, (long long)told->seen);
	mortal_say(ERR_MISMATCH, why);
}

static struct journal *rise(void)
{
	struct fail f = { 0 };
	struct journal *j;
	int64_t operation, n;
	char why[200];

	make(&f);
	if (journal_own(&j, PATH, &me, &f) != ERR_OK)
		mortal_say(f.err, f.why);
	n = rows(j);
	if (n < told->acked || n < told->seen || n > told->acked + 1)
		differ(n);
	told->seen = told->acked = n;
	if (journal_check_events(j, &operation))
		mortal_say(ERR_MISMATCH, "the event chain is broken");
	if (!journal_check_pages(j, why, sizeof(why)))
		mortal_say(ERR_MISMATCH, why);
	return j;
}

static void live(void)
{
	struct journal *j = rise();

	for (int64_t n = told->seen + 1; n <= COMMITS; n++)
		commit(j, n);
	journal_close(j);
}

static void rise_and_close(void)
{
	journal_close(rise());
}

static void expect(int is, int want, const char *when, int64_t n, uint64_t seed)
{
	if (is != want)
		fail_msg("%s, op %lld, seed %llu: exit %d: %s", when, (long long)n,
		    (unsigned long long)seed, is, mortal_why());
}

/* -- deaths ---------------------------------------------------------------- */

/* power: after the first death, after the second. again: the op of the second death. */
static bool die_twice(int64_t n, uint64_t seed, bool power1, int64_t again, bool power2)
{
	int exit1;

	format(seed);
	exit1 = mortal_run(live, n);
	if (exit1 == 0)
		return false;
	expect(exit1, DEATH, "first life", n, seed);
	if (power1)
		sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
	if (again) {
		int exit2 = mortal_run(live, again);

		if (exit2 != 0)
			expect(exit2, DEATH, "second life", again, seed);
		if (power2)
			sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
	}
	expect(mortal_run(live, 0), 0, "last life", n, seed);
	sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
	expect(mortal_run(live, 0), 0, "after all", n, seed);
	assert_int_equal(told->acked, COMMITS);
	return true;
}

static void survives_death_at_every_op(void **state)
{
	int64_t n = 1;

	(void)state;
	for (; die_twice(n, (uint64_t)n, false, 0, false); n++)
		;
	assert_true(n > 60);
}

static void survives_power_loss_at_every_op(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2; seed++) {
		for (int64_t n = 1;
		     die_twice(n, seed * 1000 + (uint64_t)n, true, 0, false); n++)
			;
	}
}

/* A process that dies amid a commit, one that rises and dies, and then the power: a start
 * that acted on what it could merely read would be found out here. */
static void survives_death_then_power_loss(void **state)
{
	(void)state;
	for (int64_t n = 1; die_twice(n, (uint64_t)n, false, 1 + n % 23, true); n++)
		;
	for (int64_t n = 1; die_twice(n, (uint64_t)n, true, 1 + n % 17, true); n++)
		;
}

/* -- syncs that fail ------------------------------------------------------- */

static void survives_failed_syncs(void **state)
{
	int failed = 0;

	(void)state;
	for (int64_t n = 1; n <= 60; n++) {
		int first;

		format((uint64_t)n);
		expect(mortal_run(rise_and_close, 0), 0, "made", n, 0);
		sim_disk_fail_sync_at(disk, n);
		first = mortal_run(live, 0);
		sim_disk_fail_sync_at(disk, 0);
		failed += first != 0;
		if (first != 0)
			expect(first, 3, mortal_why(), n, 0);
		/* its pages are clean now: readable, and not on the medium */
		mortal_run(live, 1 + n % 29);
		sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
		expect(mortal_run(live, 0), 0, "after a failed sync", n, 0);
		assert_int_equal(told->acked, COMMITS);
	}
	assert_true(failed > 5);
}

/* -- reads that fail ------------------------------------------------------- */

/* Each once, or for as long as the process lives: it says so and ends, and nothing is
 * lost. What the database says without its -wal is a second opinion: it may be torn, so
 * who can't read it once goes on. */
static void survives_failed_reads(void **state)
{
	int went_on = 0;

	(void)state;
	for (int64_t n = 1; n <= READS; n++) {
		int first;

		format((uint64_t)n);
		expect(mortal_run(rise_and_close, 0), 0, "made", n, 0);
		expect(mortal_run(live, 40), DEATH, "killed", n, 0);
		sim_disk_fail_reads(disk, n, n % 2 ? 1 : INT64_MAX);
		first = mortal_run(live, 0);
		sim_disk_fail_reads(disk, 0, 0);
		went_on += first == 0;
		if (first != 0 && !strstr(mortal_why(), "unable to get the page") &&
		    !strstr(mortal_why(), "failed to get page"))
			expect(first, 3, "a failed read", n, 0);
		sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
		expect(mortal_run(live, 0), 0, "after a failed read", n, 0);
		assert_int_equal(told->acked, COMMITS);
	}
	assert_in_range(went_on, 0, READS / 20);
}

/* -- a full disk ----------------------------------------------------------- */

static bool has_event(struct journal *j, const char *why)
{
	struct sql_event_from_out o;
	bool found = false;

	sql_event_from_begin(j, &(struct sql_event_from_in){ .id = 1 });
	while (sql_event_from_next(j, &o))
		found = found || strcmp(o.why, why) == 0;
	return found;
}

static void fill_the_disk(int64_t room)
{
	struct fail f = { 0 };
	struct journal *j = rise();
	int64_t before, operation;

	commit(j, 1);
	before = journal_commit_no(j);
	sim_disk_room(disk, room);
	journal_save(j);
	for (int64_t row = 1; row <= 200; row++)
		journal_event(
		    j, &(struct event){ 1, row, "item", "live", "final", "lost" });
	journal_save_keep(j);
	if (journal_commit(j, &f) != ERR_DISK_FULL || journal_writing(j))
		mortal_say(ERR_MISMATCH, "the full disk was not seen");
	if (!strstr(f.why, "make room"))
		mortal_say(ERR_MISMATCH, f.why);
	if (journal_commit_no(j) != before || has_event(j, "lost"))
		mortal_say(ERR_MISMATCH, "what did not fit is there");
	sim_disk_room(disk, -1);
	commit(j, 2);
	if (journal_check_events(j, &operation))
		mortal_say(ERR_MISMATCH, "the event chain is broken");
	journal_close(j);
}

static void fill_at_once(void)
{
	fill_the_disk(0);
}

static void fill_amid_a_commit(void)
{
	fill_the_disk(9000);
}

static void goes_on_after_a_full_disk(void **state)
{
	(void)state;
	format(1);
	expect(mortal_run(fill_at_once, 0), 0, "full", 0, 1);
	sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
	expect(mortal_run(live, 0), 0, "after a full disk", 0, 1);
	format(2);
	expect(mortal_run(fill_amid_a_commit, 0), 0, "full amid", 0, 2);
	sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
	expect(mortal_run(live, 0), 0, "after a full disk", 0, 2);
}

/* A first start on a full disk says so, and harms nothing; a later one has the room of
 * its -wal. */
static void starts_when_there_is_room(void **state)
{
	(void)state;
	format(3);
	sim_disk_room(disk, 0);
	expect(mortal_run(rise_and_close, 0), 3, "a full disk", 0, 3);
	assert_non_null(strstr(mortal_why(), "DISK_FULL"));
	sim_disk_room(disk, -1);
	expect(mortal_run(live, 0), 0, "room again", 0, 3);
}

/* -- the disk itself ------------------------------------------------------- */

static void write_without_sync(void)
{
	struct fail f = { 0 };

	if (journal_files->make("/disk/a", &f) != ERR_OK)
		mortal_say(f.err, f.why);
}

static void forgets_what_was_not_synced(void **state)
{
	int kept = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 64; seed++) {
		format(seed);
		expect(mortal_run(write_without_sync, 0), 0, "make", 0, seed);
		assert_int_equal(journal_files->size("/disk/a"), 0);
		sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
		kept += journal_files->size("/disk/a") == 0;
	}
	assert_in_range(kept, 8, 56);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives_death_at_every_op),
		cmocka_unit_test(survives_power_loss_at_every_op),
		cmocka_unit_test(survives_death_then_power_loss),
		cmocka_unit_test(survives_failed_syncs),
		cmocka_unit_test(survives_failed_reads),
		cmocka_unit_test(goes_on_after_a_full_disk),
		cmocka_unit_test(starts_when_there_is_room),
		cmocka_unit_test(forgets_what_was_not_synced),
	};

	told = mortal_share(sizeof(*told));
	if (!mortal_begin(FILE_MAX) || !told)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
