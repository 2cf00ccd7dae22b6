/* The VFS of SQLite. */
#include "sim/disk/disk_in.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "journal/driver.h"

#define LOCKS 8 /* of a -shm */

/* One connection's view of a file. */
struct handle {
	sqlite3_file base;
	struct sim_disk *d;
	int file, open;
	const char *name; /* SQLite's, as long as it is open */
	bool journal;     /* or -wal: its first sync makes its name durable */
	bool persist;
	int last_errno; /* of the last read that failed */
};

static struct handle *of(sqlite3_file *f)
{
	return (struct handle *)(void *)f;
}

/* Another machine has the disk. */
static bool is_gone(const struct handle *h)
{
	return h->d->opens[h->open].gone;
}

/* -- reading and writing --------------------------------------------------- */

static int read_at(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
	struct handle *h = of(file);
	int64_t size = h->d->files[h->file].size, have = size - at;

	if (is_gone(h) || disk_read_fails(h->d)) {
		h->last_errno = errno = EIO;
		return SQLITE_IOERR_CORRUPTFS; /* as that of unix does */
	}
	if (have < 0)
		have = 0;
	if (have > len)
		have = len;
	memcpy(out, disk_cache(h->d, h->file) + at, (size_t)have);
	memset((uint8_t *)out + have, 0, (size_t)(len - have));
	return have == len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

/* The page cache takes whole sectors: a write that is broken off ends with one. */
static int broken_off(struct sim_disk *d, int64_t at, int len)
{
	int64_t end =
	    (at + (int64_t)disk_draw(d, (uint64_t)len + 1)) / DISK_SECTOR * DISK_SECTOR;

	return end > at ? (int)(end - at) : 0;
}

static int write_at(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
	struct handle *h = of(file);
	bool last;
	int fits;

	if (is_gone(h))
		return SQLITE_IOERR_WRITE;
	last = disk_op(h->d);
	fits = (int)disk_room_take(h->d, h->file, at, len);
	if (fits && last && disk_draw(h->d, 2))
		fits = broken_off(h->d, at, fits);
	if (fits)
		disk_write(h->d, h->file, at, data, fits);
	disk_op_end(last);
	return fits == len ? SQLITE_OK : SQLITE_FULL;
}

static int truncate_at(sqlite3_file *file, sqlite3_int64 size)
{
	struct handle *h = of(file);
	bool last;

	if (is_gone(h))
		return SQLITE_IOERR_TRUNCATE;
	last = disk_op(h->d);
	disk_cut(h->d, h->file, size);
	disk_op_end(last);
	return SQLITE_OK;
}

/* As Linux tells it: each who has the file open learns once that its pages were lost. */
static bool sync_fails(struct handle *h)
{
	struct disk_open *own = &h->d->opens[h->open];
	bool told = own->sync_fails;

	own->sync_fails = false;
	if (!disk_sync_fails(h->d))
		return told;
	disk_settle(h->d, h->file, 64);
	for (int i = 0; i < DISK_OPENS; i++)
		if (h->d->opens[i].used && h->d->opens[i].file == h->file && i != h->open)
			h->d->opens[i].sync_fails = true;
	return true;
}

static int sync_file(sqlite3_file *file, int flags)
{
	struct handle *h = of(file);
	bool last;

	(void)flags;
	if (is_gone(h))
		return SQLITE_IOERR_FSYNC;
	last = disk_op(h->d);
	if (sync_fails(h)) {
		disk_op_end(last);
		return SQLITE_IOERR_FSYNC;
	}
	disk_settle(h->d, h->file, 256);
	if (h->journal)
		disk_name_sync(h->d, h->file);
	disk_op_end(last);
	return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	struct handle *h = of(file);

	*ret = h->d->files[h->file].size;
	return SQLITE_OK;
}

/* The memory of this process is older than its life. */
static int open_again(struct handle *h)
{
	h->d = disk_user()->disk;
	h->file = disk_find(h->d, h->name);
	if (h->file < 0)
		return SQLITE_CANTOPEN;
	h->open = disk_open_add(h->file);
	return SQLITE_OK;
}

static int control(sqlite3_file *file, int op, void *arg)
{
	struct handle *h = of(file);
	int *flag = arg;

	if (op == DB_FILE_AGAIN)
		return open_again(h);
	if (op == SQLITE_FCNTL_PERSIST_WAL) {
		if (*flag >= 0)
			h->persist = *flag > 0;
		*flag = h->persist;
		return SQLITE_OK;
	}
	if (op == SQLITE_FCNTL_POWERSAFE_OVERWRITE) {
		*flag = 0;
		return SQLITE_OK;
	}
	if (op == SQLITE_FCNTL_LAST_ERRNO) {
		*flag = h->last_errno;
		return SQLITE_OK;
	}
	return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *file)
{
	(void)file;
	return DISK_SECTOR;
}

static int characteristics(sqlite3_file *file)
{
	(void)file;
	return 0;
}

/* -- locks ----------------------------------------------------------------- */

static int lock(sqlite3_file *file, int level)
{
	struct handle *h = of(file);

	if (is_gone(h))
		return SQLITE_IOERR_LOCK;
	return disk_lock(h->d, h->open, level) ? SQLITE_OK : SQLITE_BUSY;
}

static int unlock(sqlite3_file *file, int level)
{
	struct handle *h = of(file);

	disk_unlock(h->d, h->open, level);
	return SQLITE_OK;
}

static int is_locked(sqlite3_file *file, int *ret)
{
	struct handle *h = of(file);

	*ret = disk_is_reserved(h->d, h->open);
	return SQLITE_OK;
}

static int shm_map(
    sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	struct handle *h = of(file);

	CHECK(size == DISK_SHM_PAGE_SIZE);
	if (is_gone(h))
		return SQLITE_IOERR_SHMMAP;
	*ret = disk_shm_map(h->d, h->open, page, extend);
	return SQLITE_OK;
}

static int shm_lock(sqlite3_file *file, int at, int n, int flags)
{
	struct handle *h = of(file);
	unsigned bits = ((1u << n) - 1) << at;
	bool shared = flags & SQLITE_SHM_SHARED;

	CHECK(at + n <= LOCKS);
	if (is_gone(h) && !(flags & SQLITE_SHM_UNLOCK))
		return SQLITE_IOERR_SHMLOCK;
	if (flags & SQLITE_SHM_UNLOCK)
		disk_shm_unlock(h->d, h->open, bits, shared);
	else if (!disk_shm_lock(h->d, h->open, bits, shared))
		return SQLITE_BUSY;
	return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *file)
{
	(void)file; /* one thread has them all */
}

static int shm_unmap(sqlite3_file *file, int delete_it)
{
	struct handle *h = of(file);

	(void)delete_it;
	disk_shm_leave(h->d, h->open);
	return SQLITE_OK;
}

static int close_file(sqlite3_file *file)
{
	struct handle *h = of(file);

	disk_open_drop(h->d, h->open);
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = close_file,
	.xRead = read_at,
	.xWrite = write_at,
	.xTruncate = truncate_at,
	.xSync = sync_file,
	.xFileSize = file_size,
	.xLock = lock,
	.xUnlock = unlock,
	.xCheckReservedLock = is_locked,
	.xFileControl = control,
	.xSectorSize = sector_size,
	.xDeviceCharacteristics = characteristics,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

/* -- names ----------------------------------------------------------------- */

static int open_file(
    sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct handle *h = of(file);
	struct sim_disk *d = disk_user()->disk;
	int at = name ? disk_find(d, name) : -1;

	(void)v;
	*h = (struct handle){ .d = d, .name = name };
	if (at < 0 && (!name || !(flags & SQLITE_OPEN_CREATE)))
		return SQLITE_CANTOPEN;
	h->file = at < 0 ? disk_make(d, name) : at;
	h->open = disk_open_add(h->file);
	h->journal = !(flags & SQLITE_OPEN_MAIN_DB);
	h->base.pMethods = &methods;
	if (ret_flags)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int delete_file(sqlite3_vfs *v, const char *name, int sync_folder)
{
	struct sim_disk *d = disk_user()->disk;
	int file = disk_find(d, name);

	(void)v;
	if (file < 0)
		return SQLITE_IOERR_DELETE_NOENT;
	disk_name(d, file, "");
	if (sync_folder)
		d->files[file].name_on_medium[0] = 0;
	return SQLITE_OK;
}

static int access_file(sqlite3_vfs *v, const char *name, int flags, int *ret)
{
	struct sim_disk *d = disk_user()->disk;
	int file = disk_find(d, name);

	(void)v;
	*ret = file >= 0 && (flags != SQLITE_ACCESS_EXISTS || d->files[file].size > 0);
	return SQLITE_OK;
}

static int full_name(sqlite3_vfs *v, const char *name, int len, char *out)
{
	(void)v;
	snprintf(out, (size_t)len, "%s", name);
	return SQLITE_OK;
}

/* -- the rest -------------------------------------------------------------- */

static int randomness(sqlite3_vfs *v, int len, char *out)
{
	(void)v;
	for (int i = 0; i < len; i++)
		out[i] = disk_user() ? (char)disk_draw(disk_user()->disk, 256) : 0;
	return len;
}

static int nap(sqlite3_vfs *v, int us)
{
	(void)v;
	return us;
}

static int current_time(sqlite3_vfs *v, sqlite3_int64 *ret)
{
	(void)v;
	*ret = 212000000000000;
	return SQLITE_OK;
}

static int last_error(sqlite3_vfs *v, int len, char *out)
{
	(void)v;
	if (len > 0)
		out[0] = 0;
	return errno; /* as that of unix does */
}

void disk_vfs_install(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 2,
		.szOsFile = sizeof(struct handle),
		.mxPathname = DISK_NAME - 8,
		.zName = "disk",
		.xOpen = open_file,
		.xDelete = delete_file,
		.xAccess = access_file,
		.xFullPathname = full_name,
		.xRandomness = randomness,
		.xSleep = nap,
		.xGetLastError = last_error,
		.xCurrentTimeInt64 = current_time,
	};

	/* the default one, too: SQLite asks that for its randomness */
	CHECK(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
	db_sqlite_vfs = vfs.zName;
}
