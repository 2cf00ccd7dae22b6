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
#include "sim/disk/disk.h"
#include "sim/random.h"
#include "world/files.h"

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

/* Who had them open is dead, or on another disk. */
static void forget_all(void)
{
	for (int i = 0; i < FILES; i++)
		mem_free(open_files[i]);
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

static void of_two_writes_the_first_alone_may_be_there(void **state)
{
	static const uint8_t first[4096] = { 1 }, other[1024] = { 2 };
	bool seen[3] = { false };
	uint8_t is;

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		sqlite3_file *f;

		format(seed);
		f = open_files[0];
		f->pMethods->xWrite(f, first, sizeof(first), 0);
		f->pMethods->xWrite(f, other, sizeof(other), 0);
		close_all();
		sim_disk_lose_power(disk, SIM_LOSE_LAST);
		open_all();
		is = 0;
		open_files[0]->pMethods->xRead(open_files[0], &is, 1, 0);
		assert_in_range(is, 0, 2);
		seen[is] = true;
		close_all();
	}
	assert_true(seen[0] && seen[1] && seen[2]);
}

static void read_all(uint8_t was[FILES][FILE_MAX])
{
	for (int i = 0; i < FILES; i++)
		open_files[i]->pMethods->xRead(open_files[i], was[i], FILE_MAX, 0);
}

/* The medium of a file is its cache; and it is what is there when that is written
 * over. */
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
		assert_false(sim_disk_is_unsure(disk, path_of(0)));
		open_files[0]->pMethods->xSync(open_files[0], SQLITE_SYNC_NORMAL);
		assert_true(sim_disk_is_unsure(disk, path_of(0)));
		assert_false(sim_disk_is_unsure(disk, path_of(1)));
		happen(&r, (int)sim_random_below(&r, 20));
		image = sim_disk_keep(disk);
		forget_all();
		for (int k = 0; k < 2; k++)
			put_back_and_lose(
			    sim_disk_format(regions[k], FILE_MAX, 0), image, was[k]);
		assert_memory_equal(was[0], was[1], sizeof(was[0]));
		lost += memcmp(was[0][0], model[0].cache, FILE_MAX) != 0;
		mem_free(image);
	}
	assert_true(lost > 50);
}

/* -- faults ---------------------------------------------------------------- */

/* What was lost is lost to all who have the file open, and each of them is told once. */
static void a_sync_that_fails_is_told_to_all(void **state)
{
	sqlite3_file *other;

	(void)state;
	format(1);
	other = open_file(path_of(0));
	sim_disk_fail_sync_at(disk, 1);
	assert_int_equal(
	    open_files[0]->pMethods->xSync(open_files[0], 0), SQLITE_IOERR_FSYNC);
	assert_int_equal(open_files[1]->pMethods->xSync(open_files[1], 0), SQLITE_OK);
	assert_int_equal(open_files[0]->pMethods->xSync(open_files[0], 0), SQLITE_OK);
	assert_int_equal(other->pMethods->xSync(other, 0), SQLITE_IOERR_FSYNC);
	assert_int_equal(other->pMethods->xSync(other, 0), SQLITE_OK);
	close_file(other);
	close_all();
}

static void expect_faults(enum sim_disk_fault fault, uint64_t n)
{
	assert_int_equal(sim_disk_faults(disk, fault), n);
}

static int write_some(sqlite3_file *f, int len, sqlite3_int64 at, uint8_t with)
{
	static uint8_t data[FILE_MAX];

	memset(data, with, sizeof(data));
	return f->pMethods->xWrite(f, data, len, at);
}

static void a_full_disk_takes_what_fits(void **state)
{
	sqlite3_file *f;
	uint8_t is[1000];

	(void)state;
	format(1);
	f = open_files[0];
	sim_disk_room(disk, 1000);
	assert_int_equal(write_some(f, 700, 0, 1), SQLITE_OK);
	assert_int_equal(write_some(f, 600, 500, 2), SQLITE_FULL);
	assert_int_equal(journal_files->size(path_of(0)), 1000);
	assert_int_equal(f->pMethods->xRead(f, is, 1000, 0), SQLITE_OK);
	assert_int_equal(is[499], 1);
	assert_int_equal(is[999], 2);
	assert_int_equal(write_some(f, 1000, 0, 3), SQLITE_OK);
	assert_int_equal(write_some(f, 1, 1000, 3), SQLITE_FULL);
	assert_int_equal(write_some(f, 10, 2000, 3), SQLITE_FULL);
	expect_faults(SIM_DISK_DID_FULL, 3);
	sim_disk_room(disk, -1);
	assert_int_equal(write_some(f, 600, 1000, 4), SQLITE_OK);
	assert_int_equal(journal_files->size(path_of(0)), 1600);
	close_all();
}

static void reads_fail_so_many_times(void **state)
{
	static const int want[] = { SQLITE_OK, SQLITE_IOERR_CORRUPTFS,
		SQLITE_IOERR_CORRUPTFS, SQLITE_OK, SQLITE_OK };
	uint8_t is[10];

	(void)state;
	format(1);
	assert_int_equal(write_some(open_files[0], 10, 0, 1), SQLITE_OK);
	sim_disk_fail_reads(disk, 2, 2);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(
		    open_files[0]->pMethods->xRead(open_files[0], is, 10, 0), want[i]);
	expect_faults(SIM_DISK_DID_READ_FAILED, 2);
	close_all();
}

static int bits_of(uint8_t byte)
{
	int n = 0;

	for (; byte; byte = (uint8_t)(byte & (byte - 1)))
		n++;
	return n;
}

static void a_bit_flips_at_rest(void **state)
{
	struct sim_random r = { 4 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint8_t is[3000];
		int flipped = 0;

		format(1);
		assert_false(sim_disk_flip(disk, path_of(0), 1));
		assert_int_equal(write_some(open_files[0], 3000, 0, 0), SQLITE_OK);
		sync_both(0);
		assert_true(sim_disk_flip(disk, path_of(0), sim_random_next(&r)));
		for (int k = 1; k <= 2; k++) {
			open_files[0]->pMethods->xRead(open_files[0], is, 3000, 0);
			for (int at = 0; at < 3000; at++)
				flipped += bits_of(is[at]);
			assert_int_equal(flipped, k);
			assert_int_equal(
			    write_some(open_files[0], 3000, 0, 0), SQLITE_OK);
			close_all();
			sim_disk_lose_power(disk, SIM_LOSE_ALL);
			open_all();
		}
		close_all();
		expect_faults(SIM_DISK_DID_BIT_FLIPPED, 1);
	}
}

static uint8_t first_byte(sqlite3_file *f)
{
	uint8_t is = 0;

	f->pMethods->xRead(f, &is, 1, 0);
	return is;
}

/* The file that stands there now, whoever has another one open. */
static uint8_t first_byte_there(void)
{
	sqlite3_file *f = open_file(path_of(0));
	uint8_t is = first_byte(f);

	close_file(f);
	return is;
}

static void a_file_is_set_back(void **state)
{
	struct sim_disk_image *old;
	struct file_id was;
	struct fail f = { 0 };

	(void)state;
	for (int anew = 0; anew <= 1; anew++) {
		format(1);
		assert_int_equal(write_some(open_files[0], 500, 0, 1), SQLITE_OK);
		old = sim_disk_keep(disk);
		assert_int_equal(write_some(open_files[0], 900, 0, 2), SQLITE_OK);
		assert_int_equal(journal_files->id(&was, path_of(0), &f), ERR_OK);
		assert_false(sim_disk_set_back(disk, old, PATH, anew));
		assert_true(sim_disk_set_back(disk, old, path_of(0), anew));
		assert_int_equal(journal_files->same(path_of(0), &was), !anew);
		assert_int_equal(first_byte_there(), 1);
		assert_int_equal(first_byte(open_files[0]), anew ? 2 : 1);
		close_all();
		sim_disk_lose_power(disk, SIM_LOSE_ALL);
		assert_int_equal(journal_files->size(path_of(0)), 500);
		assert_int_equal(first_byte_there(), 1);
		expect_faults(SIM_DISK_DID_SET_BACK, 1);
		mem_free(old);
	}
}

/* Also where the whole disk was set back to before the copy was made. */
static void a_copy_is_born_after_what_it_is_of(void **state)
{
	struct sim_disk_image *first, *copied;
	struct file_id was, is;
	struct fail f = { 0 };

	(void)state;
	format(1);
	assert_int_equal(write_some(open_files[0], 500, 0, 1), SQLITE_OK);
	first = sim_disk_keep(disk);
	assert_true(sim_disk_set_back(disk, first, path_of(0), true));
	assert_int_equal(journal_files->id(&was, path_of(0), &f), ERR_OK);
	copied = sim_disk_keep(disk);
	sim_disk_put_back(disk, first);
	assert_true(sim_disk_set_back(disk, copied, path_of(0), true));
	assert_int_equal(journal_files->id(&is, path_of(0), &f), ERR_OK);
	assert_true(is.born > was.born);
	close_all();
	mem_free(copied);
	mem_free(first);
}

static void a_file_is_removed(void **state)
{
	struct file_id was;
	struct fail f = { 0 };

	(void)state;
	format(1);
	assert_int_equal(write_some(open_files[0], 500, 0, 1), SQLITE_OK);
	assert_int_equal(journal_files->id(&was, path_of(0), &f), ERR_OK);
	assert_true(sim_disk_remove(disk, path_of(0)));
	assert_false(sim_disk_remove(disk, path_of(0)));
	assert_int_equal(first_byte_there(), 0); /* that made another one */
	assert_false(journal_files->same(path_of(0), &was));
	assert_int_equal(first_byte(open_files[0]), 1);
	assert_true(sim_disk_remove(disk, path_of(0)));
	close_all();
	sim_disk_lose_power(disk, SIM_LOSE_NOTHING);
	assert_int_equal(journal_files->size(path_of(0)), -1);
	expect_faults(SIM_DISK_DID_REMOVED, 2);
}

/* -- deaths ---------------------------------------------------------------- */

static jmp_buf alive;

static void die(void *ctx)
{
	(void)ctx;
	longjmp(alive, 1);
}

/* The size of a file of 300 bytes, when who makes it 2300 dies of that. */
static int64_t size_after_death(void)
{
	assert_int_equal(write_some(open_files[0], 300, 0, 1), SQLITE_OK);
	sim_disk_die_at(disk, 1);
	if (!setjmp(alive)) {
		write_some(open_files[0], 2000, 300, 2);
		fail_msg("it lives");
	}
	sim_disk_process_end(&process);
	forget_all();
	return journal_files->size(path_of(0));
}

/* Before the write, after it, or amid it: then with whole sectors. */
static void a_write_dies(void **state)
{
	int64_t before = 0, after = 0, amid = 0;

	(void)state;
	process.die = die;
	for (uint64_t seed = 0; seed < 64; seed++) {
		int64_t size;

		format(seed);
		size = size_after_death();
		expect_faults(SIM_DISK_DID_DIED, 1);
		before += size == 300;
		after += size == 2300;
		amid += size % 512 == 0;
	}
	assert_true(before > 8 && after > 8 && amid > 4);
	assert_int_equal(before + after + amid, 64);
	process.die = NULL;
}

/* -- who holds what -------------------------------------------------------- */

static struct sim_disk_process second = { .id = 2 };

static void begin_two(sqlite3_file *f[2])
{
	format(1);
	second.disk = disk;
	f[0] = open_file(PATH);
	sim_disk_use(&second);
	f[1] = open_file(PATH);
}

static void end_two(sqlite3_file *f[2])
{
	sim_disk_process_end(&second);
	mem_free(f[1]);
	sim_disk_use(&process);
	close_file(f[0]);
	close_all();
}

#define LOCK (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE)
#define SHARE (SQLITE_SHM_LOCK | SQLITE_SHM_SHARED)

static void locks_go_with_their_process(void **state)
{
	sqlite3_file *f[2];
	const sqlite3_io_methods *m;
	int reserved;

	(void)state;
	begin_two(f);
	m = f[0]->pMethods;
	assert_int_equal(m->xLock(f[1], SQLITE_LOCK_SHARED), SQLITE_OK);
	assert_int_equal(m->xLock(f[1], SQLITE_LOCK_RESERVED), SQLITE_OK);
	assert_int_equal(m->xLock(f[0], SQLITE_LOCK_SHARED), SQLITE_OK);
	assert_int_equal(m->xLock(f[0], SQLITE_LOCK_RESERVED), SQLITE_BUSY);
	assert_int_equal(m->xLock(f[1], SQLITE_LOCK_EXCLUSIVE), SQLITE_BUSY);
	m->xUnlock(f[0], SQLITE_LOCK_NONE);
	assert_int_equal(m->xLock(f[0], SQLITE_LOCK_SHARED), SQLITE_BUSY);
	assert_int_equal(m->xLock(f[1], SQLITE_LOCK_EXCLUSIVE), SQLITE_OK);
	m->xCheckReservedLock(f[0], &reserved);
	assert_true(reserved);
	sim_disk_process_end(&second);
	m->xCheckReservedLock(f[0], &reserved);
	assert_false(reserved);
	assert_int_equal(m->xLock(f[0], SQLITE_LOCK_SHARED), SQLITE_OK);
	assert_int_equal(m->xLock(f[0], SQLITE_LOCK_EXCLUSIVE), SQLITE_OK);
	end_two(f);
}

static void the_shm_is_of_all_and_goes_with_the_last(void **state)
{
	sqlite3_file *f[2];
	const sqlite3_io_methods *m;
	void volatile *page[2];

	(void)state;
	begin_two(f);
	m = f[0]->pMethods;
	for (int i = 0; i < 2; i++)
		m->xShmMap(f[i], 0, 32768, 1, &page[i]);
	assert_ptr_equal(page[0], page[1]);
	*(volatile uint8_t *)page[1] = 7;
	assert_int_equal(m->xShmLock(f[1], 0, 1, LOCK), SQLITE_OK);
	assert_int_equal(m->xShmLock(f[1], 3, 1, SHARE), SQLITE_OK);
	assert_int_equal(m->xShmLock(f[0], 0, 1, SHARE), SQLITE_BUSY);
	assert_int_equal(m->xShmLock(f[0], 3, 1, SHARE), SQLITE_OK);
	assert_int_equal(m->xShmLock(f[0], 2, 3, LOCK), SQLITE_BUSY);
	sim_disk_process_end(&second);
	assert_int_equal(m->xShmLock(f[0], 0, 1, LOCK), SQLITE_OK);
	assert_int_equal(m->xShmLock(f[0], 3, 1, LOCK), SQLITE_OK);
	assert_int_equal(*(volatile uint8_t *)page[0], 7);
	m->xShmUnmap(f[0], 0);
	m->xShmMap(f[0], 0, 32768, 0, &page[0]);
	assert_null(page[0]);
	end_two(f);
}

static void an_owner_is_alone_until_it_ends(void **state)
{
	struct file_hold *h, *h2;
	struct fail f = { 0 };
	sqlite3_file *files[2];

	(void)state;
	begin_two(files);
	assert_false(journal_files->owned(PATH));
	assert_int_equal(journal_files->hold(&h, PATH, true, &f), ERR_OK);
	sim_disk_use(&process);
	assert_true(journal_files->owned(PATH));
	assert_int_equal(journal_files->hold(&h2, PATH, true, &f), ERR_OWNED);
	assert_int_equal(journal_files->hold(&h2, PATH, false, &f), ERR_OK);
	journal_files->let_go(h2, false);
	assert_true(journal_files->owned(PATH));
	sim_disk_process_end(&second);
	mem_free(h);
	assert_false(journal_files->owned(PATH));
	assert_int_equal(journal_files->hold(&h2, PATH, true, &f), ERR_OK);
	journal_files->let_go(h2, true);
	assert_false(journal_files->owned(PATH));
	end_two(files);
}

static void put_file(const char *path)
{
	struct file *file;

	assert_int_equal(sim_disk_files.open(&file, path, FILE_WRITE, NULL), ERR_OK);
	assert_int_equal(sim_disk_files.write(file, 0, "x", 1, NULL), ERR_OK);
	assert_int_equal(sim_disk_files.sync(file, NULL), ERR_OK);
	sim_disk_files.close(file);
}

static bool is_there(const char *path)
{
	uint64_t number;

	return sim_disk_files.number(path, &number, NULL) == ERR_OK;
}

/* With all that is in it, or not at all; what a sync of names covers stays. */
static void a_folder_moves_as_one(void **state)
{
	int moved = 0, made = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 64; seed++) {
		bool synced = seed % 4 == 0;

		format(seed);
		put_file("/disk/f.part/a");
		put_file("/disk/f.part/b");
		assert_int_equal(
		    sim_disk_files.sync_folder("/disk/f.part/a", NULL), ERR_OK);
		assert_int_equal(
		    sim_disk_files.rename("/disk/f.part", "/disk/f", NULL), ERR_OK);
		assert_true(is_there("/disk/f") && !is_there("/disk/f.part"));
		if (synced)
			assert_int_equal(
			    sim_disk_files.sync_folder("/disk/f", NULL), ERR_OK);
		put_file("/disk/f/c");
		sim_disk_lose_power(disk, SIM_LOSE_DRAWN);
		forget_all();
		assert_true(is_there("/disk/f") != is_there("/disk/f.part"));
		assert_true(is_there("/disk/f/a") == is_there("/disk/f/b"));
		assert_true(is_there("/disk/f.part/a") == is_there("/disk/f.part/b"));
		assert_true(is_there("/disk/f/a") || !synced);
		moved += !synced && is_there("/disk/f/a");
		made += is_there("/disk/f/c") || is_there("/disk/f.part/c");
	}
	assert_in_range(moved, 10, 38);
	assert_in_range(made, 1, 64);
	format(1);
	put_file("/disk/f/a");
	put_file("/disk/g/a");
	assert_int_equal(sim_disk_files.rename("/disk/f", "/disk/g", NULL), ERR_SYSTEM);
	assert_int_equal(
	    sim_disk_files.rename("/disk/h", "/disk/i", NULL), ERR_NOT_FOUND);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_synced_is_lost),
		cmocka_unit_test(all_may_have_been_written_in_time),
		cmocka_unit_test(of_two_writes_the_first_alone_may_be_there),
		cmocka_unit_test(a_copy_is_the_same_disk),
		cmocka_unit_test(a_sync_that_fails_is_told_to_all),
		cmocka_unit_test(a_full_disk_takes_what_fits),
		cmocka_unit_test(reads_fail_so_many_times),
		cmocka_unit_test(a_bit_flips_at_rest),
		cmocka_unit_test(a_file_is_set_back),
		cmocka_unit_test(a_copy_is_born_after_what_it_is_of),
		cmocka_unit_test(a_file_is_removed),
		cmocka_unit_test(a_write_dies),
		cmocka_unit_test(locks_go_with_their_process),
		cmocka_unit_test(the_shm_is_of_all_and_goes_with_the_last),
		cmocka_unit_test(an_owner_is_alone_until_it_ends),
		cmocka_unit_test(a_folder_moves_as_one),
	};

	for (int i = 0; i < 2; i++)
		regions[i] = reserve();
	sim_disk_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
