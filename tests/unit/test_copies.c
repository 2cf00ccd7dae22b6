/* Backup and restore: what a copy holds, what is refused, what is kept, and the doubt. */
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
#include <unistd.h>

#include <sqlite3.h>
#include <cmocka.h>

#include "drawer.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"
#include "journal/statement.h"
#include "outside.h"

#define FRAME (24 + 4096) /* of a -wal */

static char copy[300];

/* -- helpers --------------------------------------------------------------- */

static void shell(const char *what, const char *from, const char *to)
{
	char command[900];

	snprintf(command, sizeof(command), "%s %s %s", what, from, to);
	assert_int_equal(system(command), 0);
}

/* A chain, and an event beside it. */
static void add_known(struct journal *j, int64_t id)
{
	add_chain(j, id);
	journal_event(j, &(struct event){ 0, id, "item", "live", "final", "so" });
}

/* Chain 1 is in it. */
static int fresh(void **state)
{
	struct fail f = { 0 };
	struct journal *j;

	(void)state;
	drawer_clean();
	snprintf(copy, sizeof(copy), "%s", beside("copy.db"));
	if (journal_create(path, &f) != ERR_OK)
		fail_msg("%s", f.why);
	j = own();
	add_known(j, 1);
	commit(j);
	journal_close(j);
	return 0;
}

static struct journal_holds back_up(const char *to)
{
	struct journal_holds holds;
	struct fail f = { 0 };

	if (journal_backup(path, to, &holds, &f) != ERR_OK)
		fail_msg("%s", f.why);
	return holds;
}

static void restore(const char *from, bool latest, struct journal_restored *ret)
{
	struct fail f = { 0 };

	if (journal_restore(path, from, latest, &me, ret, &f) != ERR_OK)
		fail_msg("%s", f.why);
}

static void release(struct journal_restored *r)
{
	free(r->replaced);
	free(r->doubt);
}

static void restore_refused(const char *from, enum err want, const char *word)
{
	struct journal_restored r;
	struct fail f = { 0 };
	enum err e = journal_restore(path, from, false, &me, &r, &f);

	says(e, &f, want, word, from);
	assert_false(there("replaced-1-pawl.db"));
}

static void backup_refused(const char *to, enum err want, const char *word)
{
	struct journal_holds holds;
	struct fail f = { 0 };
	enum err e = journal_backup(path, to, &holds, &f);

	says(e, &f, want, word, to);
	assert_false(there("unfinished-pawl.db"));
}

static void overwrite(const char *file, off_t at, size_t len)
{
	uint8_t junk[4096];
	int fd = open(file, O_WRONLY);

	memset(junk, 0xa5, sizeof(junk));
	assert_true(fd >= 0 && len <= sizeof(junk));
	assert_int_equal(pwrite(fd, junk, len, at), (ssize_t)len);
	close(fd);
}

static void flip(const char *file, off_t at)
{
	int fd = open(file, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* -- backup ---------------------------------------------------------------- */

static void copies_beside_the_owner(void **state)
{
	struct journal *j = own();
	struct journal_holds holds;
	struct stat s;

	(void)state;
	add_known(j, 2);
	commit(j);
	add_known(j, 3); /* under way: not in the copy */
	holds = back_up(copy);
	commit(j); /* the owner was not disturbed */
	journal_close(j);
	assert_int_equal(stat(copy, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	assert_int_equal(s.st_size, holds.bytes);
	assert_int_equal(holds.operations, 0);
	assert_int_equal(holds.commit_no, 5);
	assert_int_equal(outside_number(copy, "SELECT commit_no FROM journal"), 5);
	assert_int_equal(outside_number(copy, "SELECT count(*) FROM chain"), 2);
	assert_int_equal(outside_number(copy, "SELECT marked FROM journal"), 1);
	assert_int_equal(outside_number(path, "SELECT marked FROM journal"), 0);
	assert_false(there("unfinished-pawl.db"));
	assert_false(there("copy.db-wal")); /* one file, which stands alone */
}

static void copies_over_nothing(void **state)
{
	(void)state;
	back_up(copy);
	backup_refused(copy, ERR_CONFLICT, "copy.db: is there already");
	backup_refused(path, ERR_CONFLICT, "pawl.db: is there already");
	backup_refused(beside("no/such/copy.db"), ERR_SYSTEM, "no/such");
}

static void clears_what_a_dead_backup_left(void **state)
{
	static const char *const left[] = { "unfinished-pawl.db",
		"unfinished-pawl.db-journal", "unfinished-pawl.db-wal" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		FILE *file = fopen(beside(left[i]), "w");

		assert_non_null(file);
		fputs("half of something", file);
		fclose(file);
	}
	back_up(copy);
	for (size_t i = 0; i < 3; i++)
		assert_false(there(left[i]));
	assert_int_equal(outside_number(copy, "SELECT count(*) FROM chain"), 1);
}

/* Two rows that are paid, and one that is not. */
static const char with_an_operation[] =
    "CREATE TEMP TABLE n AS SELECT zeroblob(32) AS z,"
    " x'0000000000000000000000000000000000000000000000000000000000000001' AS one,"
    " x'0000000000000000000000000000000000000000000000000000000000000002' AS two,"
    " x'0000000000000000000000000000000000000000000000000000000000000003' AS three,"
    " x'0000000000000000000000000000000000000000000000000000000000000004' AS four,"
    " x'0000000000000000000000000000000000000000000000000000000000000007' AS all_;"
    "INSERT INTO account (id, chain, address, key_name, in_flight_max, fee_cap_max,"
    " accepted_height) VALUES (1, 1, x'', 'payer', 0, 0, 0);"
    "INSERT INTO operation SELECT 1, 'airdrop', 'a', z, 0, 1, 1, 2, 2, NULL, z, 3, all_,"
    " 1, four, 0, z, 2, three, 0, z, 0, z, z, z, 0, NULL FROM n;"
    "INSERT INTO item (operation, row, line, recipient, amount, state)"
    " SELECT 1, 1, 1, zeroblob(20), one, 2 FROM n"
    " UNION SELECT 1, 2, 2, zeroblob(20), two, 2 FROM n"
    " UNION SELECT 1, 3, 3, zeroblob(20), four, 0 FROM n";

static void copies_no_damage(void **state)
{
	(void)state;
	outside_alter(path, "UPDATE event SET why = 'I never did' WHERE id = 1");
	backup_refused(copy, ERR_DAMAGED, "commit 1");
	assert_false(there("copy.db"));
}

static void copies_no_wrong_sums(void **state)
{
	(void)state;
	outside_alter(path, with_an_operation);
	assert_int_equal(back_up(copy).operations, 1);
	outside_alter(path, "UPDATE item SET amount = zeroblob(32) WHERE row = 2");
	backup_refused(beside("other.db"), ERR_DAMAGED, "totals of operation 1");
}

/* -- restore --------------------------------------------------------------- */

static void puts_a_backup_back(void **state)
{
	struct journal *j;
	struct journal_restored r;
	int64_t operation;

	(void)state;
	back_up(copy);
	j = own();
	add_known(j, 2);
	commit(j);
	journal_close(j);
	restore(copy, false, &r);
	assert_string_equal(r.replaced, beside("replaced-1-pawl.db"));
	assert_non_null(strstr(r.doubt, "restored from"));
	assert_non_null(strstr(r.doubt, "commit 3"));
	assert_true(there("replaced-1-pawl.db-wal"));
	assert_false(there("restored-pawl.db"));
	assert_false(there("restored-pawl.db-wal"));
	j = own();
	assert_true(has_chain(j, 1) && !has_chain(j, 2));
	assert_string_equal(
	    journal_doubt(j), r.doubt); /* once, and not of the file too */
	assert_int_equal(journal_check_events(j, &operation), 0);
	journal_close(j);
	release(&r);
	/* what was replaced is a journal still, and can be had back */
	restore(beside("replaced-1-pawl.db"), false, &r);
	assert_string_equal(r.replaced, beside("replaced-2-pawl.db"));
	j = own();
	assert_true(has_chain(j, 2));
	journal_close(j);
	release(&r);
	assert_int_equal(
	    outside_number(copy, "SELECT marked FROM journal"), 1); /* untouched */
}

static void the_latest_is_not_doubted(void **state)
{
	struct journal *j;
	struct journal_restored r;

	(void)state;
	back_up(copy);
	assert_int_equal(unlink(path), 0); /* lost; its -wal is left */
	restore(copy, true, &r);
	assert_null(r.doubt);
	assert_true(there("replaced-1-pawl.db-wal"));
	release(&r);
	j = own();
	assert_null(journal_doubt(j));
	assert_null(journal_older(j));
	journal_close(j);
	assert_int_equal(
	    outside_number(path, "SELECT count(*) FROM event WHERE to_state = 'latest'"),
	    1);
}

static void a_copy_by_hand_is_doubted(void **state)
{
	struct journal *j;

	(void)state;
	back_up(copy);
	shell("mv", copy, path);
	shell("cp", "/dev/null", beside("pawl.db-wal"));
	shell("rm", "-f", beside("pawl.db-shm"));
	j = own();
	assert_non_null(strstr(journal_doubt(j), "`pawl backup` made at commit 3"));
	journal_close(j);
	assert_int_equal(outside_number(path, "SELECT marked FROM journal"), 0);
}

static void restores_under_no_owner(void **state)
{
	struct journal *j = own();

	(void)state;
	back_up(copy);
	restore_refused(copy, ERR_OWNED, "4711");
	restore_refused(path, ERR_OWNED, "4711");
	journal_close(j);
}

static void restores_no_damage(void **state)
{
	const char *edited = beside("edited.db"), *torn = beside("torn.db");
	const char *header = beside("header.db"), *foreign = beside("foreign.db");
	struct journal *j;

	(void)state;
	back_up(edited);
	outside_alter(edited, "UPDATE event SET why = 'I never did' WHERE id = 1");
	restore_refused(edited, ERR_DAMAGED, "commit 1");
	back_up(torn);
	overwrite(torn, 4096, 4096);
	restore_refused(torn, ERR_DAMAGED, "torn.db");
	back_up(header);
	overwrite(header, 0, 16);
	restore_refused(header, ERR_DAMAGED, "not a database");
	back_up(foreign);
	outside_alter(foreign, "PRAGMA application_id = 7");
	restore_refused(foreign, ERR_DAMAGED, "another program");
	restore_refused(beside("none.db"), ERR_NO_JOURNAL, "none.db: is not there");
	assert_false(there("restored-pawl.db"));
	j = own(); /* nothing of it touched the journal */
	assert_true(has_chain(j, 1));
	assert_null(journal_doubt(j));
	journal_close(j);
}

static void restores_nothing_newer(void **state)
{
	const char *newer = beside("newer.db");

	(void)state;
	back_up(newer);
	outside_alter(
	    newer, "INSERT INTO migration VALUES (99, 'x', zeroblob(32), 0, '9')");
	restore_refused(newer, ERR_NEWER_JOURNAL, "newer pawl");
}

/* As a pawl of so many migrations left it. */
static void make_old(const char *file, int schema)
{
	char sql[900];
	sqlite3 *c;

	assert_int_equal(sqlite3_open(file, &c), SQLITE_OK);
	for (int i = 0; i < schema; i++) {
		char sum[65];

		for (size_t k = 0; k < 32; k++)
			snprintf(sum + 2 * k, 3, "%02x", migrations[i].sum[k]);
		assert_int_equal(
		    sqlite3_exec(c, migrations[i].sqlite, NULL, NULL, NULL), SQLITE_OK);
		snprintf(sql, sizeof(sql),
		    "INSERT INTO migration VALUES (%d, 'x', x'%s', 0, '0')", i + 1, sum);
		assert_int_equal(sqlite3_exec(c, sql, NULL, NULL, NULL), SQLITE_OK);
	}
	sqlite3_close(c);
	outside_alter(file,
	    "PRAGMA application_id = 1348564844; PRAGMA journal_mode = WAL;"
	    "INSERT INTO journal (id, name, commit_no, events, link, device, inode, boot)"
	    " VALUES (1, zeroblob(16), 5, 0, zeroblob(32), 1, 1, '');"
	    "INSERT INTO owner VALUES (1, 1, 5, 1, '', 0)");
}

/* Before there were marks: the doubt is that of a restore. */
static void restores_what_is_older(void **state)
{
	struct journal_restored r;
	struct journal *j;

	(void)state;
	make_old(copy, 3);
	restore(copy, false, &r);
	assert_non_null(strstr(r.doubt, "commit 5"));
	release(&r);
	assert_false(there("backup-5-schema-3-restored-pawl.db"));
	j = own();
	assert_int_equal(journal_commit_no(j), 8);
	journal_close(j);
}

/* A chain, and another one of the same id; on each an account with an intent. */
static void add_accounts(const char *file)
{
	char sql[1600];

	for (int i = 1; i <= 2; i++) {
		snprintf(sql, sizeof(sql),
		    "INSERT INTO chain (id, kind, chain_id, genesis, name)"
		    " VALUES (%d, 'evm', 1, x'%02x', 'main');"
		    "INSERT INTO account (id, chain, address, key_name, in_flight_max,"
		    " fee_cap_max, accepted_height) VALUES (%d, %d, x'', 'k', 1, 1, 0);"
		    "INSERT INTO operation SELECT %d, 'airdrop', 'o%d', z, 0, %d, %d, 0,"
		    " 0, NULL, z, 0, z, 0, z, 0, z, 0, z, 0, z, 0, z, z, z, 0, NULL"
		    " FROM (SELECT zeroblob(32) AS z);"
		    "INSERT INTO intent (id, operation, row, account, nonce, state,"
		    " emptied, recipient, value, data, cost, held)"
		    " VALUES (%d, %d, 1, %d, 0, 1, 0, x'', x'', x'', x'', x'')",
		    i, i, i, i, i, i, i, i, i, i, i);
		outside_alter(file, sql);
	}
}

#define ATTEMPT                                                                  \
	"INSERT INTO attempt (id, intent, account, hash, raw, empty, fee_type, " \
	"gas, max_fee, tip, signed_height, state, word) VALUES "

/* Its attempts go to another table: nothing of them is lost. */
static void attempts_of_an_older_one_are_kept(void **state)
{
	struct journal_restored r;

	(void)state;
	make_old(copy, 12);
	add_accounts(copy);
	outside_alter(copy,
	    ATTEMPT "(7, 1, 1, x'aa', x'01', 0, 2, 3, 4, 5, 6, 0, 'a word'),"
		    " (9, 1, 1, x'bb', x'02', 1, 2, 3, 4, 5, 6, 4, NULL)");
	restore(copy, false, &r);
	release(&r);
	journal_close(own());
	assert_int_equal(outside_number(path,
			     "SELECT count(*) FROM attempt WHERE raw = x'01' AND"
			     " hash = x'aa' AND word = 'a word' AND tip = 5"),
	    1);
	assert_int_equal(outside_number(path, "SELECT sum(id) FROM attempt"), 16);
	outside_alter(path, ATTEMPT "(10, 2, 2, x'aa', x'01', 0, 2, 3, 4, 5, 6, 0, '')");
	assert_int_equal(outside_number(path, "SELECT count(*) FROM attempt"), 3);
}

static void a_journal_without_its_wal_goes_on(void **state)
{
	struct journal *j;
	struct journal_restored r;
	struct fail f = { 0 };

	(void)state;
	assert_int_equal(unlink(beside("pawl.db-wal")), 0);
	assert_int_equal(journal_own(&j, path, &me, &f), ERR_DAMAGED);
	assert_non_null(strstr(f.why, "pawl restore"));
	restore(path, false, &r);
	release(&r);
	j = own();
	assert_non_null(journal_doubt(j));
	assert_false(has_chain(j, 1)); /* it was in the -wal alone */
	journal_close(j);
}

/* -- a database and a -wal ------------------------------------------------- */

/* So many commits, each with a large event; `moved`: then all go into the database. */
static void live(int64_t first, int64_t n, bool moved)
{
	struct journal *j = own();

	for (int64_t i = first; i < first + n; i++) {
		add_known(j, i);
		commit(j);
	}
	journal_close(j);
	if (moved)
		journal_close(own()); /* a start moves it */
}

/* cp over the database: the very inode, and its -wal is left. */
static void an_old_database_under_a_newer_wal(void **state)
{
	struct journal_restored r;
	struct fail f = { 0 };

	(void)state;
	shell("cp", path, copy);
	live(2, 5, true);
	live(7, 3, false);
	shell("cp", copy, path);
	refused(ERR_DAMAGED, "do not belong together");
	refused(ERR_DAMAGED, "pawl restore"); /* looking took nothing away */
	assert_int_equal(journal_restore(path, path, false, &me, &r, &f), ERR_DAMAGED);
	assert_non_null(strstr(f.why, "do not belong together"));
	/* the advice: without the -wal it is a copy as any other */
	shell("mv", beside("pawl.db-wal"), beside("away"));
	restore(path, false, &r);
	release(&r);
	journal_close(own());
}

/* Its next owner died before he had committed anything: the -wal holds nothing whole, and
 * what it held before is in the database that was there. */
static void an_old_database_under_a_wal_that_began_anew(void **state)
{
	struct journal_restored r;
	struct journal *j;

	(void)state;
	live(2, 3, false);
	shell("cp", path, copy);
	live(5, 5, false);
	journal_close(own());
	flip(beside("pawl.db-wal"), 32 + 24 + 100);
	shell("cp", path, beside("newer.db"));
	shell("cp", copy, path);
	refused(ERR_DAMAGED, "is an older copy");
	refused(ERR_DAMAGED, "pawl restore");
	shell("cp", beside("newer.db"), path);
	j = own();
	assert_true(has_chain(j, 9));
	assert_null(journal_doubt(j));
	journal_close(j);
	journal_close(own());
	flip(beside("pawl.db-wal"), 32 + 24 + 100);
	shell("cp", copy, path);
	restore(path, false, &r); /* the line that was told */
	release(&r);
	journal_close(own());
}

/* The frame of the database's first page in the first transaction of the -wal; -1: there
 * is none. */
static int first_page(void)
{
	FILE *f = fopen(beside("pawl.db-wal"), "r");
	uint8_t h[8] = { 0 };
	int at = -1;

	assert_non_null(f);
	for (int i = 0; at < 0 && memcmp(h + 4, "\0\0\0", 4) == 0; i++) {
		assert_int_equal(fseek(f, 32 + i * FRAME, SEEK_SET), 0);
		assert_int_equal(fread(h, 1, sizeof(h), f), sizeof(h));
		at = memcmp(h, "\0\0\0\1", 4) == 0 ? i : -1;
	}
	fclose(f);
	return at;
}

/* A power cut tore it. */
static void tear(int frame)
{
	flip(beside("pawl.db-wal"), 32 + frame * FRAME + 24 + 100);
}

/* A start commits its epoch, and the database grows by that, so that its first page goes
 * before the row of the journal. A power cut tears that page alone. */
static void a_start_that_was_torn_in_its_first_page(void **state)
{
	int torn = 0;

	(void)state;
	for (int i = 0; i < 300 && torn < 2; i++) {
		int at;

		journal_close(own());
		at = first_page();
		if (at < 0)
			continue;
		tear(at);
		torn++;
	}
	assert_int_equal(torn, 2);
	journal_close(own());
}

/* The header of a -wal shares a sector with the first page of its first transaction: a
 * power cut tears that, and a page behind it. Damage of the header alone leaves the pages
 * whole, and is missed. */
static void a_start_that_was_torn_in_its_header(void **state)
{
	const off_t sum_of_header = 24;

	(void)state;
	for (int page = 1; page <= 3; page++) {
		struct journal *j;

		journal_close(own());
		flip(beside("pawl.db-wal"), sum_of_header);
		tear(page);
		j = own();
		assert_true(has_chain(j, 1));
		assert_null(journal_doubt(j));
		journal_close(j);
	}
	flip(beside("pawl.db-wal"), sum_of_header);
	refused(ERR_DAMAGED, "header of its -wal");
}

static void start_at_once(int times)
{
	for (int i = 0; i < times; i++)
		journal_close(own());
}

/* Starts that committed their epoch alone, and the last one not even that: what is left
 * of what the -wal held tells nothing of the commits that came before. */
static void an_old_database_under_a_wal_without_a_past(void **state)
{
	struct journal_restored r;
	struct journal *j;

	(void)state;
	live(2, 3, true);
	shell("cp", path, copy);
	for (int starts = 2; starts < 6; starts++) {
		start_at_once(starts);
		tear(0);
		shell("cp", path, beside("newer.db"));
		shell("cp", copy, path);
		refused(ERR_DAMAGED, "is an older copy");
		refused(ERR_DAMAGED, "pawl restore"); /* looking took nothing away */
		shell("cp", beside("newer.db"), path);
		j = own();
		assert_true(has_chain(j, 4));
		assert_null(journal_doubt(j));
		journal_close(j);
	}
	tear(0);
	shell("cp", copy, path);
	restore(path, false, &r); /* the line that was told */
	release(&r);
	journal_close(own());
}

/* It is the database that lost its own: this one is of a life that is long over. */
static void a_wal_without_a_past_over_a_newer_database(void **state)
{
	(void)state;
	start_at_once(2);
	tear(0);
	shell("cp", beside("pawl.db-wal"), copy);
	start_at_once(3);
	shell("cp", copy, beside("pawl.db-wal"));
	refused(ERR_DAMAGED, "is an older copy");
}

/* However often, and wherever a journal came from. */
static void a_torn_beginning_is_no_damage(void **state)
{
	struct journal_restored r;

	(void)state;
	for (int i = 0; i < 6; i++) {
		start_at_once(i % 3);
		tear(i % 2);
		journal_close(own());
		if (i != 3)
			continue;
		shell("rm -f", copy, "");
		(void)back_up(copy);
		restore(copy, false, &r);
		release(&r);
	}
	shell("cp", path, beside("alone.db"));
	shell("mv", beside("pawl.db-wal"), beside("away"));
	restore(path, false, &r);
	release(&r);
	for (int i = 0; i < 3; i++) {
		journal_close(own());
		tear(0);
	}
	journal_close(own());
}

/* Another program moves it while its owner lives, which begins it anew with the owner's
 * next commit, or, while somebody reads, does not. */
static void who_else_moves_it_does_no_damage(void **state)
{
	(void)state;
	for (int reads = 0; reads <= 1; reads++) {
		struct journal *j = own(), *reader = NULL;
		struct fail f = { 0 };
		sqlite3 *other;

		add_known(j, 10 + 10 * reads);
		commit(j);
		if (reads) {
			assert_int_equal(journal_read(&reader, path, &f), ERR_OK);
			journal_read_begin(reader);
			assert_true(has_chain(reader, 20));
		}
		assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
		assert_int_equal(sqlite3_wal_checkpoint_v2(
				     other, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL),
		    SQLITE_OK);
		add_known(j, 11 + 10 * reads);
		commit(j);
		if (reads)
			journal_read_end(reader);
		journal_close(reader);
		sqlite3_close(other);
		journal_close(j);
		start_at_once(1);
		tear(0);
		j = own();
		assert_true(has_chain(j, 11 + 10 * reads));
		journal_close(j);
	}
}

/* One read of the disk fails, whichever: that is said, and nothing is believed. */
static void a_failed_read_hides_no_misfit(void **state)
{
	int64_t failed = 1;

	(void)state;
	shell("cp", path, copy);
	live(2, 5, true);
	live(7, 3, false);
	shell("cp", copy, path);
	for (int64_t n = 1; failed; n++) {
		struct journal *j;
		enum err e;

		drawer_reads_fail(n, 1);
		e = journal_own(&j, path, &me, NULL);
		failed = drawer_reads_fail(0, 0);
		if (e != ERR_DAMAGED && e != ERR_JOURNAL)
			fail_msg("read %lld failed, and it ends as %d", (long long)n, e);
	}
}

static void an_old_wal_over_a_newer_database(void **state)
{
	(void)state;
	live(2, 3, false);
	shell("cp", beside("pawl.db-wal"), beside("old-wal"));
	live(5, 3, true);
	shell("cp", beside("old-wal"), beside("pawl.db-wal"));
	refused(ERR_DAMAGED, "do not belong together");
}

static void a_wal_of_another_journal(void **state)
{
	struct fail f = { 0 };
	struct journal *j;

	(void)state;
	live(2, 3, false);
	assert_int_equal(journal_create(copy, &f), ERR_OK);
	assert_int_equal(journal_own(&j, copy, &me, &f), ERR_OK);
	journal_close(j);
	assert_int_equal(journal_own(&j, copy, &me, &f), ERR_OK);
	journal_close(j);
	shell("cp", copy, path);
	refused(ERR_DAMAGED, "do not belong together");
}

/* As the pair was: a copied file, and no more. */
static void a_pair_that_was_moved_together(void **state)
{
	struct journal *j;

	(void)state;
	live(2, 3, false);
	shell("mv", path, copy);
	shell("mv", beside("pawl.db-wal"), beside("copy.db-wal"));
	shell("mv", copy, path);
	shell("mv", beside("copy.db-wal"), beside("pawl.db-wal"));
	j = own();
	assert_true(has_chain(j, 4));
	assert_null(journal_doubt(j));
	journal_close(j);
}

/* Nothing makes it empty once an owner was there: what it held is gone. */
static void a_wal_that_was_emptied_is_missed(void **state)
{
	char wal[400];
	struct fail f = { 0 };
	struct journal *j = NULL;

	(void)state;
	live(2, 8, false);
	snprintf(wal, sizeof(wal), "%s", beside("pawl.db-wal"));
	assert_int_equal(truncate(wal, 0), 0);
	assert_int_equal(journal_own(&j, path, &me, &f), ERR_DAMAGED);
	assert_non_null(strstr(f.why, "is empty"));
	assert_int_equal(journal_read(&j, path, &f), ERR_DAMAGED);
	assert_non_null(strstr(f.why, "pawl restore"));
}

static void emptied_is_missed(void)
{
	struct fail f = { 0 };
	struct journal *j = NULL;

	assert_int_equal(truncate(beside("pawl.db-wal"), 0), 0);
	assert_int_equal(journal_own(&j, path, &me, &f), ERR_DAMAGED);
	assert_non_null(strstr(f.why, "is empty"));
}

/* All that was ever committed is in it: the database must know that it was owned. */
static void a_first_wal_that_was_emptied_is_missed(void **state)
{
	(void)state;
	emptied_is_missed();
}

static void the_first_one_behind_a_restore_too(void **state)
{
	struct journal_restored r;

	(void)state;
	(void)back_up(copy);
	restore(copy, true, &r);
	release(&r);
	live(2, 8, false);
	emptied_is_missed();
}

/* A bit of the -wal, at each of many places: what is synced is either read, or missed
 * loudly; only the last transaction may go without a word. */
static void a_bit_of_the_wal_is_missed(void **state)
{
	const char *wal = beside("pawl.db-wal");
	int cut = 0, headless = 0;
	struct stat s;

	(void)state;
	live(2, 8, false);
	shell("cp", path, copy);
	shell("cp", wal, beside("copy.db-wal"));
	assert_int_equal(stat(wal, &s), 0);
	for (off_t at = 0; at < s.st_size; at += at < 64 ? 1 : 997) {
		char name[400];
		struct fail f = { 0 };
		struct journal *j = NULL;
		enum err e;

		snprintf(name, sizeof(name), "%s", beside("pawl.db-wal"));
		shell("cp", copy, path);
		shell("cp", beside("copy.db-wal"), name);
		flip(name, at);
		e = journal_own(&j, path, &me, &f);
		if (e == ERR_OK && !has_chain(j, 8))
			fail_msg("byte %lld: commits are lost", (long long)at);
		if (e != ERR_OK && e != ERR_DAMAGED)
			fail_msg("byte %lld: %s", (long long)at, f.why);
		cut += strstr(f.why, "in the middle") != NULL;
		headless += strstr(f.why, "header of its -wal") != NULL;
		journal_close(j);
	}
	assert_true(cut > 50);
	assert_true(headless > 20);
}

static void page_move(const char *from, const char *to, int64_t page)
{
	enum { SIZE = 4096 };
	uint8_t bytes[SIZE];
	off_t at = (off_t)(page - 1) * SIZE;
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY);

	assert_true(in >= 0 && out >= 0);
	assert_int_equal(pread(in, bytes, SIZE, at), SIZE);
	assert_int_equal(pwrite(out, bytes, SIZE, at), SIZE);
	close(in);
	close(out);
}

/* On a disk that was full two of its pages were moved into the database, and not those
 * that it grew by: what it has by itself is no database. */
static void move_in_part(void)
{
	static const char root[] =
	    "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'";

	shell("cp", path, copy);
	shell("cp", beside("pawl.db-wal"), beside("copy.db-wal"));
	outside_alter(copy, "PRAGMA wal_checkpoint");
	page_move(copy, path, 1);
	page_move(copy, path, outside_number(path, root));
	shell("cp", path, copy);
	assert_int_equal(unlink(beside("copy.db-wal")), 0);
	assert_int_equal(outside_number(copy, root), -1);
}

/* Its -wal has the rest; where that is cut, it is missed. */
static void a_wal_of_which_a_part_was_moved(void **state)
{
	struct journal *j = own();
	struct stat s;

	(void)state;
	for (int64_t i = 2; i <= 401; i++) {
		add_known(j, i);
		if (i % 50 == 1)
			commit(j);
	}
	journal_close(j);
	move_in_part();
	shell("cp", beside("pawl.db-wal"), beside("copy.db-wal"));
	assert_int_equal(stat(beside("pawl.db-wal"), &s), 0);
	flip(beside("pawl.db-wal"), s.st_size / 2);
	refused(ERR_DAMAGED, "do not belong together");
	shell("cp", copy, path);
	shell("cp", beside("copy.db-wal"), beside("pawl.db-wal"));
	j = own();
	assert_true(has_chain(j, 401));
	journal_close(j);
}

/* -- a restore that died ---------------------------------------------------- */

static void says_to_type_it_again(void **state)
{
	struct journal_restored r;
	struct journal *j;
	struct fail f = { 0 };

	(void)state;
	back_up(copy);
	assert_int_equal(rename(path, beside("replaced-1-pawl.db")), 0);
	assert_int_equal(
	    rename(beside("pawl.db-wal"), beside("replaced-1-pawl.db-wal")), 0);
	assert_int_equal(journal_own(&j, path, &me, &f), ERR_NO_JOURNAL);
	assert_non_null(strstr(f.why, "type it again"));
	fclose(fopen(beside("restored-pawl.db"), "w"));
	assert_int_equal(journal_create(path, &f), ERR_CONFLICT);
	assert_non_null(strstr(f.why, "type it again"));
	restore(copy, false, &r);
	assert_null(r.replaced);
	release(&r);
	journal_close(own());
}

static void restores_no_leftover_of_its_own(void **state)
{
	const char *left = beside("restored-pawl.db");

	(void)state;
	back_up(left);
	restore_refused(left, ERR_CONFLICT, "ended in its middle");
	assert_true(there("restored-pawl.db"));
}

static void goes_on_with_the_same_number(void **state)
{
	struct journal_restored r;
	struct journal *j;
	struct fail f = { 0 };

	(void)state;
	back_up(copy);
	assert_int_equal(
	    rename(beside("pawl.db-wal"), beside("replaced-1-pawl.db-wal")), 0);
	assert_int_equal(journal_own(&j, path, &me, &f), ERR_DAMAGED);
	restore(copy, false, &r);
	assert_string_equal(r.replaced, beside("replaced-1-pawl.db"));
	release(&r);
	journal_close(own());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(copies_beside_the_owner, fresh),
		cmocka_unit_test_setup(copies_over_nothing, fresh),
		cmocka_unit_test_setup(clears_what_a_dead_backup_left, fresh),
		cmocka_unit_test_setup(copies_no_damage, fresh),
		cmocka_unit_test_setup(copies_no_wrong_sums, fresh),
		cmocka_unit_test_setup(puts_a_backup_back, fresh),
		cmocka_unit_test_setup(the_latest_is_not_doubted, fresh),
		cmocka_unit_test_setup(a_copy_by_hand_is_doubted, fresh),
		cmocka_unit_test_setup(restores_under_no_owner, fresh),
		cmocka_unit_test_setup(restores_no_damage, fresh),
		cmocka_unit_test_setup(restores_nothing_newer, fresh),
		cmocka_unit_test_setup(restores_what_is_older, fresh),
		cmocka_unit_test_setup(attempts_of_an_older_one_are_kept, fresh),
		cmocka_unit_test_setup(a_journal_without_its_wal_goes_on, fresh),
		cmocka_unit_test_setup(an_old_database_under_a_newer_wal, fresh),
		cmocka_unit_test_setup(
		    an_old_database_under_a_wal_that_began_anew, fresh),
		cmocka_unit_test_setup(a_start_that_was_torn_in_its_first_page, fresh),
		cmocka_unit_test_setup(a_start_that_was_torn_in_its_header, fresh),
		cmocka_unit_test_setup(an_old_database_under_a_wal_without_a_past, fresh),
		cmocka_unit_test_setup(a_wal_without_a_past_over_a_newer_database, fresh),
		cmocka_unit_test_setup(a_torn_beginning_is_no_damage, fresh),
		cmocka_unit_test_setup(who_else_moves_it_does_no_damage, fresh),
		cmocka_unit_test_setup(a_failed_read_hides_no_misfit, fresh),
		cmocka_unit_test_setup(an_old_wal_over_a_newer_database, fresh),
		cmocka_unit_test_setup(a_wal_of_another_journal, fresh),
		cmocka_unit_test_setup(a_pair_that_was_moved_together, fresh),
		cmocka_unit_test_setup(a_wal_that_was_emptied_is_missed, fresh),
		cmocka_unit_test_setup(a_first_wal_that_was_emptied_is_missed, fresh),
		cmocka_unit_test_setup(the_first_one_behind_a_restore_too, fresh),
		cmocka_unit_test_setup(a_wal_of_which_a_part_was_moved, fresh),
		cmocka_unit_test_setup(a_bit_of_the_wal_is_missed, fresh),
		cmocka_unit_test_setup(says_to_type_it_again, fresh),
		cmocka_unit_test_setup(restores_no_leftover_of_its_own, fresh),
		cmocka_unit_test_setup(goes_on_with_the_same_number, fresh),
	};

	return cmocka_run_group_tests(tests, drawer_open, drawer_close);
}
