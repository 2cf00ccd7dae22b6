/* What the disk says of a transaction, at any instant: it is in the journal on the medium
 * exactly if SQLite finds it there after the worst power cut at that instant. The file is
 * one that SQLite alone writes, in all the ways that it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <sqlite3.h>
#include <cmocka.h>

#include "base/mem.h"
#include "crypto/keccak.h"
#include "journal/files.h"
#include "sim/disk/disk.h"
#include "sim/random.h"

#define FILE_MAX ((size_t)4 << 20)
#define PATH "/disk/pawl.db"
#define RAWS_MAX 600
#define RAW_MAX 9000
#define STORIES 120
#define STEPS 40
#define ASKED 6

struct raw {
	uint8_t bytes[RAW_MAX];
	size_t len;
};

static struct sim_disk *disk;
static struct sim_disk_process writer = { .id = 1 }, reader = { .id = 2 };
static struct sim_random dice = { 1 };
static sqlite3 *db;
static struct sim_disk_image *old;
static struct raw raws[RAWS_MAX];
static size_t raws_n;
static uint64_t instants, held, lost;

static uint64_t throw(uint64_t n)
{
	return sim_random_below(&dice, n);
}

static void run(const char *sql)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	if (rc)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* -- the truth ------------------------------------------------------------- */

static bool finds(sqlite3 *c, const struct raw *r)
{
	sqlite3_stmt *s;
	bool found;

	if (sqlite3_prepare_v2(c, "SELECT 1 FROM attempt WHERE raw = ?", -1, &s, NULL))
		return false; /* there is no table yet */
	sqlite3_bind_blob(s, 1, r->bytes, (int)r->len, SQLITE_STATIC);
	found = sqlite3_step(s) == SQLITE_ROW;
	assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
	return found;
}

static void expect(const struct raw *asked[ASKED], const bool said[ASKED])
{
	sqlite3 *c;
	int rc = sqlite3_open_v2(PATH, &c, SQLITE_OPEN_READWRITE, "disk");

	for (int i = 0; i < ASKED; i++) {
		bool found = rc == SQLITE_OK && finds(c, asked[i]);

		if (found != said[i])
			fail_msg("instant %llu: it %s, and the disk says that it %s",
			    (unsigned long long)instants, found ? "is there" : "is not",
			    said[i] ? "is" : "is not");
		held += found;
		lost += !found && asked[i]->len;
	}
	sqlite3_close(c);
	for (int i = 0; i < ASKED; i++)
		assert_int_equal(
		    sim_disk_holds(disk, PATH, asked[i]->bytes, asked[i]->len), said[i]);
}

static const struct raw *pick(int i)
{
	static const struct raw none = { .len = 0 };

	if (!raws_n || i == 0)
		return &none;
	if (i < 4)
		return &raws[raws_n - 1 - throw(raws_n < 5 ? raws_n : 5)];
	return &raws[throw(raws_n)];
}

static void ask(const struct raw *asked[ASKED], bool said[ASKED])
{
	for (int i = 0; i < ASKED; i++) {
		asked[i] = pick(i);
		said[i] = sim_disk_holds(disk, PATH, asked[i]->bytes, asked[i]->len);
	}
}

/* Ask, cut the power, look; and then nothing of it has happened. */
static void compare(void)
{
	const struct raw *asked[ASKED];
	struct sim_disk_image *now;
	bool said[ASKED];

	instants++;
	ask(asked, said);
	now = sim_disk_keep(disk);
	sim_disk_lose_power(disk, SIM_LOSE_ALL);
	sim_disk_use(&reader);
	expect(asked, said);
	sim_disk_put_back(disk, now);
	sim_disk_use(&writer);
	mem_free(now);
}

/* What is asked more often than it is compared goes on from what was read before. */
static void look(uint64_t one_in)
{
	const struct raw *asked[ASKED];
	bool said[ASKED];

	if (throw(one_in) == 0)
		compare();
	else
		ask(asked, said);
}

/* -- instants: SQLite is watched at its files ------------------------------ */

static sqlite3_io_methods watched;
static const sqlite3_io_methods *plain;

static int write_and_look(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int rc = plain->xWrite(f, p, n, at);

	look(32);
	return rc;
}

static int sync_and_look(sqlite3_file *f, int flags)
{
	int rc;

	look(8);
	rc = plain->xSync(f, flags);
	look(8);
	return rc;
}

static int cut_and_look(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = plain->xTruncate(f, size);

	look(2);
	return rc;
}

static void watch(int which)
{
	sqlite3_file *f = NULL;

	sqlite3_file_control(db, "main", which, &f);
	if (!f || !f->pMethods || f->pMethods == &watched)
		return;
	plain = f->pMethods;
	watched = *plain;
	watched.xWrite = write_and_look;
	watched.xSync = sync_and_look;
	watched.xTruncate = cut_and_look;
	f->pMethods = &watched;
}

/* -- the traffic ----------------------------------------------------------- */

static void rise(void)
{
	struct fail f = { 0 };
	int keep = 1;

	assert_int_equal(sqlite3_open_v2(PATH, &db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "disk"),
	    SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	run("PRAGMA journal_mode=WAL");
	/* else a rollback journal may come back, and undo all */
	assert_int_equal(journal_files->sync_folder(PATH, &f), ERR_OK);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	run("PRAGMA wal_autocheckpoint=0");
	run("PRAGMA cache_size=8"); /* so that it writes before it commits */
	run("CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, what TEXT)");
	run("CREATE TABLE IF NOT EXISTS attempt (id INTEGER PRIMARY KEY, intent, account,"
	    " hash BLOB NOT NULL, raw BLOB NOT NULL, state, UNIQUE (hash, account))");
	watch(SQLITE_FCNTL_FILE_POINTER);
	watch(SQLITE_FCNTL_JOURNAL_POINTER);
}

static void insert(void)
{
	struct raw *r = &raws[raws_n++];
	uint8_t hash[32];
	sqlite3_stmt *s;

	r->len = 1 + throw(throw(20) ? 300 : RAW_MAX);
	for (size_t i = 0; i < r->len; i++)
		r->bytes[i] = (uint8_t) throw(256);
	keccak256(hash, r->bytes, r->len);
	assert_int_equal(sqlite3_prepare_v2(db,
			     "INSERT INTO attempt (intent, account, hash, raw, state)"
			     " VALUES (?, 1, ?, ?, 0)",
			     -1, &s, NULL),
	    SQLITE_OK);
	sqlite3_bind_int64(s, 1, (sqlite3_int64) throw(100000));
	sqlite3_bind_blob(s, 2, hash, sizeof(hash), SQLITE_STATIC);
	sqlite3_bind_blob(s, 3, r->bytes, (int)r->len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
}

/* As it is when the process is killed here: what closing does is taken back. */
static void die(bool power)
{
	struct sim_disk_image *now = sim_disk_keep(disk);

	sqlite3_close(db);
	sim_disk_put_back(disk, now);
	mem_free(now);
	sim_disk_process_end(&writer);
	if (power)
		sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
	look(2);
	rise();
}

static void transaction(void)
{
	run(throw(4) ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
	run("BEGIN");
	for (uint64_t n = throw(6); n-- > 0 && raws_n < RAWS_MAX;)
		insert();
	if (throw(3) == 0)
		run("UPDATE attempt SET state = state + 1 WHERE id % 5 = 0");
	if (throw(9) == 0)
		run("DELETE FROM attempt WHERE id % 7 = 3");
	if (throw(3) == 0)
		run("INSERT INTO item (what) VALUES (hex(randomblob(3000)))");
	if (throw(15) == 0)
		run("CREATE INDEX IF NOT EXISTS more ON attempt (state)");
	if (throw(15) == 0)
		run("DROP INDEX IF EXISTS more");
	look(2);
	if (throw(6) == 0)
		die(true);
	else
		run(throw(8) ? "COMMIT" : "ROLLBACK");
}

static void checkpoint(void)
{
	static const int ways[] = { SQLITE_CHECKPOINT_PASSIVE, SQLITE_CHECKPOINT_FULL,
		SQLITE_CHECKPOINT_RESTART, SQLITE_CHECKPOINT_TRUNCATE };

	assert_int_equal(
	    sqlite3_wal_checkpoint_v2(db, "main", ways[throw(4)], NULL, NULL), SQLITE_OK);
}

/* Each tree gets another root. */
static void move(void)
{
	run("PRAGMA temp_store=MEMORY");
	run("DROP TABLE item");
	run("VACUUM");
	run("CREATE TABLE item (id INTEGER PRIMARY KEY, what TEXT)");
}

/* A sync that fails: the process ends of it, and the power goes, for who goes on with
 * pages that are clean and nowhere has a database that is damaged. */
static void fail_a_sync(void)
{
	sim_disk_fail_sync_at(disk, 1 + (int64_t) throw(3));
	run("BEGIN");
	if (raws_n < RAWS_MAX)
		insert();
	if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		sqlite3_wal_checkpoint_v2(
		    db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	sim_disk_fail_sync_at(disk, 0);
	die(true);
}

/* To what it was some time ago. */
static void set_back(void)
{
	sqlite3_close(db);
	if (old)
		sim_disk_put_back(disk, old);
	mem_free(old);
	sim_disk_process_end(&writer);
	look(2);
	rise();
	old = sim_disk_keep(disk);
}

static void step(void)
{
	switch (throw(12)) {
	case 0:
	case 1:
		checkpoint();
		break;
	case 2:
		die(false);
		break;
	case 3:
		die(true);
		break;
	case 4:
		fail_a_sync();
		break;
	case 5:
		if (throw(3) == 0)
			move();
		break;
	case 6:
		if (throw(3) == 0)
			set_back();
		break;
	default:
		transaction();
		break;
	}
	look(2);
}

static void it_says_what_sqlite_finds(void **state)
{
	(void)state;
	for (uint64_t story = 0; story < STORIES; story++) {
		disk = sim_disk_format(disk, FILE_MAX, story);
		raws_n = 0;
		rise();
		for (int i = 0; i < STEPS; i++)
			step();
		sqlite3_close(db);
		sim_disk_process_end(&writer);
	}
	mem_free(old);
	print_message("# %llu instants, %llu there, %llu not\n",
	    (unsigned long long)instants, (unsigned long long)held,
	    (unsigned long long)lost);
	assert_true(instants > 4000 && held > 8000 && lost > 4000);
}

static void a_file_without_its_name_holds_nothing(void **state)
{
	struct fail f = { 0 };

	(void)state;
	disk = sim_disk_format(disk, FILE_MAX, 1);
	raws_n = 0;
	rise();
	insert();
	for (int i = 0; i < 2; i++)
		assert_true(sim_disk_holds(disk, PATH, raws[0].bytes, raws[0].len));
	assert_int_equal(journal_files->rename(PATH, "/disk/new.db", &f), ERR_OK);
	assert_true(sim_disk_holds(disk, PATH, raws[0].bytes, raws[0].len));
	assert_int_equal(journal_files->sync_folder(PATH, &f), ERR_OK);
	assert_false(sim_disk_holds(disk, PATH, raws[0].bytes, raws[0].len));
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_sqlite_finds),
		cmocka_unit_test(a_file_without_its_name_holds_nothing),
	};

	disk = mmap(NULL, sim_disk_size(FILE_MAX), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (disk == MAP_FAILED)
		return 1;
	writer.disk = reader.disk = disk;
	sim_disk_install();
	sim_disk_use(&writer);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
