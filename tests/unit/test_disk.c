/* The simulated disk, beside a plain model of one: what is read, what is on the medium,
 * and who holds what. */
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
#include "journal/files.h"
#include "sim/disk.h"
#include "sim/random.h"

#define FILE_MAX ((size_t)64 << 10)
#define FILES 3
#define PATH "/disk/pawl.db"

/* A file of the model: all that is read, and all that a sync has covered. */
struct model {
	uint8_t cache[FILE_MAX], medium[FILE_MAX];
	int64_t size, size_on_medium;
};

static void *regions[2];
static struct sim_disk *disk;
static struct sim_disk_process process = { .id = 1 };
static struct model model[FILES];
static sqlite3_file *open_files[FILES];

static void use(struct sim_disk *d)
{
	process.disk = disk = d;
	sim_disk_use(&process);
}

static void *reserve(void)
{
	void *p = mmap(NULL, sim_disk_size(FILE_MAX), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static const char *path_of(int file)
{
	static const char *const paths[FILES] = { "/disk/a", "/disk/b", "/disk/c" };

	return paths[file];
}

static sqlite3_file *open_file(const char *path)
{
	sqlite3_vfs *v = sqlite3_vfs_find("disk");
	sqlite3_file *f = mem_new((size_t)v->szOsFile);

	assert_int_equal(
	    v->xOpen(v, path, f,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB, NULL),
	    SQLITE_OK);
	return f;
}

static void close_file(sqlite3_file *f)
{
	f->pMethods->xClose(f);
	mem_free(f);
}

static void open_all(void)
{
	for (int i = 0; i < FILES; i++)
		open_files[i] = open_file(path_of(i));
}

static void close_all(void)
{
	for (int i = 0; i < FILES; i++)
		close_file(open_files[i]);
}

static void format(uint64_t seed)
{
	struct fail f = { 0 };

	use(sim_disk_format(regions[0], FILE_MAX, seed));
	memset(model, 0, sizeof(model));
	open_all();
	assert_int_equal(journal_files->sync_folder(PATH, &f), ERR_OK);
}

/* -- what happens to a file, on the disk and in the model ------------------ */

static void write_both(struct sim_random *r, int file)
{
	struct model *m = &model[file];
	uint8_t data[6000];
	int64_t at = (int64_t)sim_random_below(r, FILE_MAX - sizeof(data));
	int len = 1 + (int)sim_random_below(r, sizeof(data));

	memset(data, (int)sim_random_below(r, 256), sizeof(data));
	memcpy(m->cache + at, data, (size_t)len);
	m->size = at + len > m->size ? at + len : m->size;
	assert_int_equal(open_files[file]->pMethods->xWrite(
			     open_files[file], data, len, (sqlite3_int64)at),
	    SQLITE_OK);
}

static void cut_both(struct sim_random *r, int file)
{
	struct model *m = &model[file];
	int64_t at = (int64_t)sim_random_below(r, FILE_MAX);

	if (at < m->size) {
		memset(m->cache + at, 0, FILE_MAX - (size_t)at);
		m->size = at;
	}
	open_files[file]->pMethods->xTruncate(open_files[file], (sqlite3_int64)at);
}

static void sync_both(int file)
{
	struct model *m = &model[file];

	memcpy(m->medium, m->cache, FILE_MAX);
	m->size_on_medium = m->size;
	assert_int_equal(
	    open_files[file]->pMethods->xSync(open_files[file], SQLITE_SYNC_NORMAL),
	    SQLITE_OK);
}

static void happen(struct sim_random *r, int n)
{
	while (n-- > 0) {
		int file = (int)sim_random_below(r, FILES);
		uint64_t what = sim_random_below(r, 10);

		if (what < 7)
			write_both(r, file);
		else if (what < 8)
			cut_both(r, file);
		else
			sync_both(file);
	}
}

static void expect_file(int file, const uint8_t *bytes, int64_t size)
{
	static uint8_t read[FILE_MAX];
	sqlite3_int64 is;

	assert_int_equal(open_files[file]->pMethods->xFileSize(open_files[file], &is), 0);
	assert_int_equal(is, size);
	open_files[file]->pMethods->xRead(open_files[file], read, (int)size, 0);
	assert_memory_equal(read, bytes, (size_t)size);
}

static void expect_cache(void)
{
	for (int i = 0; i < FILES; i++)
		expect_file(i, model[i].cache, model[i].size);
}

static void expect_medium(void)
{
	for (int i = 0; i < FILES; i++)
		expect_file(i, model[i].medium, model[i].size_on_medium);
}

/* -- cache and medium ------------------------------------------------------ */

static void what_was_not_synced_is_lost(void **state)
{
	struct sim_random r = { 1 };

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		format(seed);
		happen(&r, 40);
		expect_cache();
		close_all();
		sim_disk_lose_power(disk, SIM_LOSE_ALL);
		open_all();
		expect_medium();
		close_all();
	}
}

static void all_may_have_been_written_in_time(void **state)
{
	struct sim_random r = { 2 };

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		format(seed);
		happen(&r, 40);
		close_all();
		sim_disk_lose_power(disk, SIM_LOSE_NOTHING);
		open_all();
		expect_cache();
		close_all();
	}
}

static void read_all(uint8_t was[FILES][FILE_MAX])
{
	for (int i = 0; i < FILES; i++)
		open_files[i]->pMethods->xRead(open_files[i], was[i], FILE_MAX, 0);
}

/* The medium of a file is its cache; and it is what is there when that is written over.
 */
static void expect_medium_as_read(void)
{
	static uint8_t was[FILES][FILE_MAX], is[FILES][FILE_MAX], other[FILE_MAX] = { 1 };

	read_all(was);
	for (int i = 0; i < FILES; i++)
		open_files[i]->pMethods->xWrite(open_files[i], other, FILE_MAX, 0);
	close_all();
	sim_disk_lose_power(disk, SIM_LOSE_ALL);
	open_all();
	read_all(is);
	assert_memory_equal(is, was, sizeof(is));
}

/* What is there after the power went. */
static void put_back_and_lose(
    struct sim_disk *d, const struct sim_disk_image *image, uint8_t was[FILES][FILE_MAX])
{
	use(d);
	sim_disk_put_back(disk, image);
	sim_disk_process_end(&process);
	open_all();
	expect_cache();
	close_all();
	sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
	open_all();
	read_all(was);
	expect_medium_as_read();
	close_all();
}

/* Of files that were cut, written beside each other, and whose syncs failed. */
static void a_copy_is_the_same_disk(void **state)
{
	static uint8_t was[2][FILES][FILE_MAX];
	struct sim_random r = { 3 };
	uint64_t lost = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct sim_disk_image *image;

		format(seed);
		happen(&r, 20);
		sim_disk_fail_sync_at(disk, 1);
		open_files[0]->pMethods->xSync(open_files[0], SQLITE_SYNC_NORMAL);
		happen(&r, (int)sim_random_below(&r, 20));
		image = sim_disk_keep(disk);
		for (int k = 0; k < 2; k++)
			put_back_and_lose(
			    sim_disk_format(regions[k], FILE_MAX, 0), image, was[k]);
		assert_memory_equal(was[0], was[1], sizeof(was[0]));
		lost += memcmp(was[0][0], model[0].cache, FILE_MAX) != 0;
		mem_free(image);
	}
	assert_true(lost > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_synced_is_lost),
		cmocka_unit_test(all_may_have_been_written_in_time),
		cmocka_unit_test(a_copy_is_the_same_disk),
	};

	for (int i = 0; i < 2; i++)
		regions[i] = reserve();
	sim_disk_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
