/* Which copies of a database were made amid a move of its -wal, and fit the next one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <sqlite3.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sim/disk/disk.h"

#define PATH "/disk/journal"
#define FILE_MAX ((size_t)4 << 20)
#define PAGE 4096

static struct sim_disk *disk;
static struct sim_disk_process user = { .id = 1 };

/* In a life of its own; what it moves is said in it. */
static void run(const char *sql)
{
	sqlite3 *db;
	int keep = 1;

	assert_int_equal(sqlite3_open_v2(PATH, &db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "disk"),
	    SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(
	    sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL))
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static sqlite3_file *database(sqlite3_vfs *vfs)
{
	sqlite3_file *f = mem_new((size_t)vfs->szOsFile);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB;

	assert_int_equal(vfs->xOpen(vfs, PATH, f, flags, &flags), SQLITE_OK);
	return f;
}

/* `now`, but for a page that is as it was before. */
static struct sim_disk_image *half(
    const struct sim_disk_image *now, const struct sim_disk_image *before, int number)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find("disk");
	sqlite3_int64 at = (sqlite3_int64)(number - 1) * PAGE;
	uint8_t page[PAGE];
	sqlite3_file *f;

	sim_disk_put_back(disk, before);
	f = database(vfs);
	assert_int_equal(f->pMethods->xRead(f, page, PAGE, at), SQLITE_OK);
	f->pMethods->xClose(f);
	mem_free(f);
	sim_disk_put_back(disk, now);
	f = database(vfs);
	assert_int_equal(f->pMethods->xWrite(f, page, PAGE, at), SQLITE_OK);
	f->pMethods->xClose(f);
	mem_free(f);
	return sim_disk_keep(disk);
}

/* The journal's row is in page 2, as in a journal, and the items in page 3. */
static void a_copy_amid_a_move_is_known(void **state)
{
	struct sim_disk_image *before, *moved, *no_items, *no_row;

	(void)state;
	run("CREATE TABLE journal (commit_no); CREATE TABLE item (what);"
	    "INSERT INTO journal VALUES (1); PRAGMA wal_checkpoint");
	run("BEGIN; UPDATE journal SET commit_no = 2; INSERT INTO item VALUES ('one');"
	    "COMMIT");
	before = sim_disk_keep(disk);
	run("PRAGMA wal_checkpoint");
	moved = sim_disk_keep(disk);
	no_items = half(moved, before, 3);
	no_row = half(moved, before, 2);
	sim_disk_put_back(disk, moved);
	assert_false(sim_disk_is_half_moved(disk, no_items, PATH)); /* it gets the rest */
	run("PRAGMA wal_checkpoint; UPDATE journal SET commit_no = 3");
	assert_true(sim_disk_is_half_moved(disk, no_items, PATH));
	assert_false(sim_disk_is_half_moved(disk, no_row, PATH)); /* which a start sees */
	assert_false(sim_disk_is_half_moved(disk, before, PATH));
	assert_false(sim_disk_is_half_moved(disk, moved, PATH));
	run("PRAGMA wal_checkpoint; UPDATE journal SET commit_no = 4");
	assert_false(sim_disk_is_half_moved(disk, no_items, PATH)); /* so is this */
	mem_free(before);
	mem_free(moved);
	mem_free(no_items);
	mem_free(no_row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_amid_a_move_is_known),
	};

	disk = mmap(NULL, sim_disk_size(FILE_MAX), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (disk == MAP_FAILED)
		return 1;
	disk = sim_disk_format(disk, FILE_MAX, 1);
	user.disk = disk;
	sim_disk_install();
	sim_disk_use(&user);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
