/* Backup, restore and migration on a disk that forgets: they die at every op, the power
 * goes or not. What is found then is the old journal, or the new one, or an error that
 * says to type it again; and typing it again works. A backup is there whole, or not at
 * all.
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

#include "base/mem.h"
#include "journal/files.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"
#include "journal/statement.h"
#include "mortal.h"

#define FILE_MAX ((size_t)2 << 20)
#define BACKUP "/disk/backup.db"
#define NEW "/disk/new.db"
#define OLD_ROWS 3 /* of the backup.. */
#define ROWS 6     /* ..and of the journal */

static struct sim_disk_image *begin;

static void add_rows(int64_t first, int64_t last)
{
	struct fail f = { 0 };
	struct journal *j;

	mortal_must(journal_own(&j, PATH, &me, &f), &f);
	for (int64_t n = first; n <= last; n++) {
		struct sql_chain_add_in in = {
			.kind = "evm", .chain_id = n, .name = "n"
		};
		struct sql_chain_add_out out;

		sql_chain_add_one(j, &in, &out);
		journal_event(j, &(struct event){ 0, n, "item", "live", "final", "" });
		mortal_must(journal_commit(j, &f), &f);
	}
}

/* -- what processes do ----------------------------------------------------- */

/* It ends as a crash does: the last commits are in the -wal alone. */
static void prepare(void)
{
	struct fail f = { 0 };

	mortal_must(journal_create(PATH, &f), &f);
	add_rows(1, OLD_ROWS);
}

static void prepare_backup(void)
{
	struct journal_holds holds;
	struct fail f = { 0 };

	mortal_must(journal_backup(PATH, BACKUP, &holds, &f), &f);
	add_rows(OLD_ROWS + 1, ROWS);
}

static void back_up(void)
{
	struct journal_holds holds;
	struct fail f = { 0 };

	mortal_must(journal_backup(PATH, NEW, &holds, &f), &f);
}

static void restore(const char *from)
{
	struct journal_restored r;
	struct fail f = { 0 };

	mortal_must(journal_restore(PATH, from, false, &me, &r, &f), &f);
}

static void restore_backup(void)
{
	restore(BACKUP);
}

static void restore_new(void)
{
	restore(NEW);
}

static void restore_itself(void)
{
	restore(journal_files->size(PATH) >= 0 ? PATH : "/disk/replaced-1-pawl.db");
}

static void lose_the_wal(void)
{
	struct fail f = { 0 };

	journal_files->remove(PATH "-wal");
	mortal_must(journal_files->sync_folder(PATH, &f), &f);
}

static void mismatch(int64_t n, const char *doubt)
{
	char why[100];

	snprintf(why, sizeof(why), "%lld rows, %.50s", (long long)n,
	    doubt ? doubt : "no doubt");
	mortal_say(ERR_MISMATCH, why);
}

/* The old journal, or the new one in doubt, whole; or what says what to type. */
static void look(void)
{
	struct fail f = { 0 };
	struct journal *j;
	int64_t operation;
	char why[200];
	int64_t n;

	if (journal_own(&j, PATH, &me, &f) != ERR_OK) {
		if (strstr(f.why, "type it again") || strstr(f.why, "pawl restore " PATH))
			return;
		mortal_say(f.err, f.why);
	}
	n = rows(j);
	if (journal_doubt(j) ? n != OLD_ROWS : n != ROWS)
		mismatch(n, journal_doubt(j));
	if (journal_check_events(j, &operation) ||
	    !journal_check_pages(j, why, sizeof(why)))
		mortal_say(ERR_DAMAGED, "what is there is not whole");
	journal_close(j);
}

static void look_at_old(void)
{
	struct fail f = { 0 };
	struct journal *j;

	mortal_must(journal_own(&j, PATH, &me, &f), &f);
	if (rows(j) != ROWS || journal_doubt(j))
		mismatch(rows(j), journal_doubt(j));
}

static void look_at_new(void)
{
	struct fail f = { 0 };
	struct journal *j;

	mortal_must(journal_own(&j, PATH, &me, &f), &f);
	if (!journal_doubt(j))
		mismatch(rows(j), NULL);
	if (rows(j) != OLD_ROWS)
		mismatch(rows(j), journal_doubt(j));
}

/* -- the runs -------------------------------------------------------------- */

static void expect(int is, int want, const char *when, int64_t n)
{
	if (is != want)
		fail_msg(
		    "%s, op %lld: exit %d: %s", when, (long long)n, is, mortal_why());
}

static bool dies(void (*act)(void), int64_t n, uint64_t seed, bool power)
{
	int code;

	sim_disk_put_back(disk, begin);
	sim_disk_seed(disk, seed);
	code = mortal_run(act, n);
	if (code == 0)
		return false;
	expect(code, DEATH, "the death", n);
	if (power)
		sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
	return true;
}

/* A backup that is there is restored, and is the journal as it was. */
static void after_backup(int64_t n)
{
	expect(mortal_run(look_at_old, 0), 0, "the journal", n);
	if (journal_files->size(NEW) < 0) {
		expect(mortal_run(back_up, 0), 0, "backup again", n);
		assert_int_equal(journal_files->size("/disk/unfinished-pawl.db"), -1);
	}
	expect(mortal_run(restore_new, 0), 0, "restore of what it made", n);
}

static void a_backup_is_whole_or_not_there(void **state)
{
	int64_t n;

	(void)state;
	for (int power = 0; power <= 1; power++) {
		for (n = 1; dies(back_up, n, (uint64_t)(n + 999 * power), power); n++)
			after_backup(n);
		assert_true(n > 30);
	}
}

static void a_restore_is_old_or_new(void **state)
{
	int64_t n;

	(void)state;
	for (int power = 0; power <= 1; power++) {
		for (n = 1; dies(restore_backup, n, (uint64_t)(n + 999 * power), power);
		     n++) {
			expect(mortal_run(look, 0), 0, "what is there", n);
			expect(mortal_run(restore_backup, 0), 0, "restore again", n);
			expect(mortal_run(look_at_new, 0), 0, "the new one", n);
		}
		assert_true(n > 30);
	}
}

/* Killed twice: typing it again is no weaker than typing it. */
static void a_restore_dies_twice(void **state)
{
	(void)state;
	for (int64_t n = 1; dies(restore_backup, n, (uint64_t)n, n % 2); n++) {
		int code = mortal_run(restore_backup, 1 + n * 7 % 60);

		if (code != 0)
			expect(code, DEATH, "the second death", n);
		sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
		expect(mortal_run(look, 0), 0, "what is there", n);
		expect(mortal_run(restore_backup, 0), 0, "restore again", n);
		expect(mortal_run(look_at_new, 0), 0, "the new one", n);
	}
}

/* -- migrations ------------------------------------------------------------- */

static struct migration more[100];

/* What it does to its rows is seen by their names. */
static void know_one_more(void)
{
	memcpy(more, migrations, (size_t)migrations_count * sizeof(more[0]));
	more[migrations_count] = (struct migration){
		.id = migrations_count + 1,
		.name = "next",
		.sum = { 1 },
		.sqlite = "CREATE TABLE next (id INTEGER PRIMARY KEY, fat BLOB) STRICT;"
			  "UPDATE chain SET name = 'm' WHERE chain_id % 2 = 0;"
			  "INSERT INTO next SELECT chain_id, zeroblob(20000) FROM chain;"
			  "UPDATE chain SET name = 'm';",
		.postgres = "",
	};
	migrations = more;
	migrations_count++;
}

static int64_t named(struct journal *j, const char *name)
{
	struct sql_report_chains_out row;
	int64_t n = 0;

	sql_report_chains_begin(j);
	while (sql_report_chains_next(j, &row))
		n += !strcmp(row.name, name);
	return n;
}

static void migrate(void)
{
	struct fail f = { 0 };
	char *backup = NULL;

	know_one_more();
	mortal_must(journal_migrate(PATH, &backup, &f), &f);
}

/* Who knows no more finds all as it was, or is told that it is newer. */
static void look_at_unmigrated(void)
{
	struct fail f = { 0 };
	struct journal *j;
	enum err e = journal_own(&j, PATH, &me, &f);

	if (e == ERR_NEWER_JOURNAL)
		return;
	mortal_must(e, &f);
	if (rows(j) != ROWS || named(j, "n") != ROWS)
		mismatch(named(j, "n"), journal_doubt(j));
}

static void look_at_migrated(void)
{
	struct fail f = { 0 };
	struct journal *j;

	know_one_more();
	mortal_must(journal_own(&j, PATH, &me, &f), &f);
	if (rows(j) != ROWS || named(j, "m") != ROWS || journal_doubt(j))
		mismatch(named(j, "m"), journal_doubt(j));
}

static void a_migration_is_old_or_new(void **state)
{
	int64_t n;

	(void)state;
	for (int power = 0; power <= 1; power++) {
		for (n = 1; dies(migrate, n, (uint64_t)(n + 999 * power), power);
		     n += 1 + power) {
			expect(mortal_run(look_at_unmigrated, 0), 0, "the old one", n);
			expect(mortal_run(look_at_migrated, 0), 0, "the new one", n);
		}
		assert_true(n > 30);
	}
}

/* A disk that is full at any of its bytes: all is as it was, it is said what to do, and
 * with room the same start goes on. */
static void a_migration_finds_the_disk_full(void **state)
{
	int64_t room = 0;
	int code;

	(void)state;
	for (; room < 1 << 20; room += 70000) {
		sim_disk_put_back(disk, begin);
		sim_disk_room(disk, room);
		code = mortal_run(migrate, 0);
		if (code == 0)
			break;
		expect(code, 3, "a full disk", room);
		if (!strstr(mortal_why(), "is full"))
			fail_msg("%lld bytes: %s", (long long)room, mortal_why());
		sim_disk_room(disk, -1);
		expect(mortal_run(look_at_unmigrated, 0), 0, "the old one", room);
		expect(mortal_run(look_at_migrated, 0), 0, "the new one", room);
	}
	sim_disk_room(disk, -1);
	assert_true(room > 90000 && room < 1 << 20);
}

/* -- without a -wal ---------------------------------------------------------- */

/* The way on without a -wal: the database as it is, in doubt. */
static void what_lost_its_wal_goes_on_in_doubt(void **state)
{
	struct sim_disk_image *whole = begin;

	(void)state;
	sim_disk_put_back(disk, whole);
	expect(mortal_run(lose_the_wal, 0), 0, "lose the -wal", 0);
	begin = sim_disk_keep(disk);
	expect(mortal_run(look_at_old, 0), 6, "without a -wal", 0);
	for (int64_t n = 1; dies(restore_itself, n, (uint64_t)n, n % 2); n++) {
		expect(mortal_run(restore_itself, 0), 0, "restore again", n);
		expect(mortal_run(look_at_new, 0), 0, "the new one", n);
	}
	mem_free(begin);
	begin = whole;
}

/* -- what others put in its place ------------------------------------------ */

/* A file as it was left last, as it was before, empty, or gone. */
enum age { NOW, OLD, EMPTY, GONE, AGES };

#define SAYS(n) (20 + (n)) /* of the process that looks: so many rows, and.. */
#define DOUBTS 20          /* ..the journal doubts itself */

static struct sim_disk_image *ages[AGES];

static void look_at_any(void)
{
	struct fail f = { 0 };
	struct journal *j;
	int64_t operation;
	char why[200];

	mortal_must(journal_own(&j, PATH, &me, &f), &f);
	if (journal_check_events(j, &operation) ||
	    !journal_check_pages(j, why, sizeof(why)))
		mortal_say(ERR_MISMATCH, "what is there is not whole");
	_exit(SAYS((int)rows(j)) + (journal_doubt(j) ? DOUBTS : 0));
}

static void put(const char *path, enum age age, bool anew)
{
	if (age == GONE)
		assert_true(sim_disk_remove(disk, path));
	else
		assert_true(sim_disk_set_back(disk, ages[age], path, anew));
}

/* A database and a -wal that were one journal once are read as that: with a file that is
 * another one in doubt, else a forgotten transaction will have to show it. */
static void what_others_put_there_is_whole_or_named(void **state)
{
	static const int ends[AGES][AGES] = {
		[NOW] = { SAYS(ROWS), SAYS(OLD_ROWS), 6, 6 },
		[OLD] = { 6, SAYS(OLD_ROWS), 6, 6 },
		[EMPTY] = { 6, 6, 6, 6 },
		[GONE] = { 1, 1, 1, 1 },
	};

	(void)state;
	for (int k = 0; k < 2 * AGES * AGES; k++) {
		enum age file = k / AGES % AGES, wal = k % AGES;
		bool anew = k / AGES / AGES, opens = ends[file][wal] >= SAYS(0);
		int64_t size;

		sim_disk_put_back(disk, begin);
		put(PATH, file, anew);
		put(PATH "-wal", wal, anew);
		size = journal_files->size(PATH "-wal");
		expect(mortal_run(look_at_any, 0),
		    ends[file][wal] + (anew && opens ? DOUBTS : 0), "what stands there",
		    k);
		if (!opens)
			assert_int_equal(journal_files->size(PATH "-wal"), size);
	}
}

static int make_disk(void **state)
{
	struct fail f = { 0 };

	(void)state;
	disk = sim_disk_format(disk, FILE_MAX, 1);
	assert_int_equal(journal_files->make(PATH, &f), ERR_OK);
	assert_int_equal(journal_files->make(PATH "-wal", &f), ERR_OK);
	ages[EMPTY] = sim_disk_keep(disk);
	disk = sim_disk_format(disk, FILE_MAX, 1);
	expect(mortal_run(prepare, 0), 0, "prepare", 0);
	ages[OLD] = sim_disk_keep(disk);
	expect(mortal_run(prepare_backup, 0), 0, "prepare", 0);
	begin = ages[NOW] = sim_disk_keep(disk);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backup_is_whole_or_not_there),
		cmocka_unit_test(a_restore_is_old_or_new),
		cmocka_unit_test(a_restore_dies_twice),
		cmocka_unit_test(a_migration_is_old_or_new),
		cmocka_unit_test(a_migration_finds_the_disk_full),
		cmocka_unit_test(what_lost_its_wal_goes_on_in_doubt),
		cmocka_unit_test(what_others_put_there_is_whole_or_named),
	};
	int failed;

	if (!mortal_begin(FILE_MAX))
		return 1;
	failed = cmocka_run_group_tests(tests, make_disk, NULL);
	for (int i = 0; i < AGES; i++)
		mem_free(ages[i]);
	return failed;
}
