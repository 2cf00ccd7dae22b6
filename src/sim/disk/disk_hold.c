/* Who holds what of a disk: open files, locks and -shm pages. A real kernel's, so it
 * outlives whoever dies without a word, and takes back what that held. */
#include "sim/disk/disk_in.h"

#include <sqlite3.h>
#include <string.h>

#include "base/check.h"

#define PENDING (SQLITE_LOCK_EXCLUSIVE - 1)

static const struct sim_disk_process *user;

void sim_disk_use(const struct sim_disk_process *p)
{
	user = p;
}

const struct sim_disk_process *disk_user(void)
{
	return user;
}

void sim_disk_install(void)
{
	disk_vfs_install();
	disk_files_install();
}

/* -- open files ------------------------------------------------------------ */

int disk_open_add(int file)
{
	struct sim_disk *d = user->disk;

	for (int i = 0; i < DISK_OPENS; i++) {
		if (d->opens[i].used)
			continue;
		d->opens[i] =
		    (struct disk_open){ .used = true, .process = user->id, .file = file };
		if (i >= d->opens_n)
			d->opens_n = i + 1;
		return i;
	}
	BUG("too many files are open on the disk");
}

void disk_open_drop(struct sim_disk *d, int open)
{
	if (d->opens[open].has_shm)
		disk_shm_leave(d, open);
	d->opens[open] = (struct disk_open){ .used = false };
	while (d->opens_n && !d->opens[d->opens_n - 1].used)
		d->opens_n--;
}

void disk_drop_all(struct sim_disk *d)
{
	memset(d->opens, 0, sizeof(d->opens));
	memset(d->shm, 0, sizeof(d->shm));
	d->opens_n = 0;
}

bool disk_is_open(const struct sim_disk *d, int file)
{
	for (int i = 0; i < d->opens_n; i++) {
		if (d->opens[i].used && d->opens[i].file == file)
			return true;
	}
	return false;
}

bool disk_is_owned(const struct sim_disk *d, int file)
{
	for (int i = 0; i < d->opens_n; i++) {
		if (d->opens[i].owns && d->opens[i].file == file)
			return true;
	}
	return false;
}

void sim_disk_process_end(const struct sim_disk_process *p)
{
	struct sim_disk *d = p->disk;

	sqlite3_randomness(0, NULL);
	for (int i = d->opens_n - 1; i >= 0; i--) {
		if (d->opens[i].used && d->opens[i].process == p->id)
			disk_open_drop(d, i);
	}
}

void sim_disk_rob(const struct sim_disk_process *p, bool gone)
{
	for (int i = 0; i < p->disk->opens_n; i++) {
		struct disk_open *o = &p->disk->opens[i];

		if (!o->used || o->process != p->id)
			continue;
		o->owns = false;
		if (!gone)
			continue;
		o->gone = true;
		o->level = SQLITE_LOCK_NONE;
		o->shared = o->exclusive = 0;
	}
}

/* -- SQLite's locks on a file ---------------------------------------------- */

static int highest_of_others(const struct sim_disk *d, int open)
{
	int ret = SQLITE_LOCK_NONE;

	for (int i = 0; i < d->opens_n; i++) {
		const struct disk_open *o = &d->opens[i];

		if (i != open && o->file == d->opens[open].file && o->level > ret)
			ret = o->level;
	}
	return ret;
}

bool disk_lock(struct sim_disk *d, int open, int level)
{
	struct disk_open *o = &d->opens[open];
	int others = highest_of_others(d, open);

	if (o->level >= level)
		return true;
	if (others >= (level == SQLITE_LOCK_SHARED ? PENDING : SQLITE_LOCK_RESERVED))
		return false;
	if (level == SQLITE_LOCK_EXCLUSIVE && others >= SQLITE_LOCK_SHARED) {
		o->level = PENDING;
		return false;
	}
	o->level = level;
	return true;
}

void disk_unlock(struct sim_disk *d, int open, int level)
{
	if (d->opens[open].level > level)
		d->opens[open].level = level;
}

bool disk_is_reserved(const struct sim_disk *d, int open)
{
	return d->opens[open].level >= SQLITE_LOCK_RESERVED ||
	    highest_of_others(d, open) >= SQLITE_LOCK_RESERVED;
}

/* -- the -shm -------------------------------------------------------------- */

static int page_find(const struct sim_disk *d, int file, int n)
{
	for (int i = 0; i < DISK_SHM_PAGES; i++) {
		if (d->shm[i].used && d->shm[i].file == file && d->shm[i].n == n)
			return i;
	}
	return -1;
}

static int page_add(struct sim_disk *d, int file, int n)
{
	for (int i = 0; i < DISK_SHM_PAGES; i++) {
		if (d->shm[i].used)
			continue;
		d->shm[i] = (struct disk_shm_page){ .used = true, .file = file, .n = n };
		memset(disk_shm(d, i), 0, DISK_SHM_PAGE_SIZE);
		return i;
	}
	BUG("too many -shm pages");
}

void *disk_shm_map(struct sim_disk *d, int open, int n, bool extend)
{
	struct disk_open *o = &d->opens[open];
	int page = page_find(d, o->file, n);

	o->has_shm = true;
	if (page < 0 && extend)
		page = page_add(d, o->file, n);
	return page < 0 ? NULL : disk_shm(d, page);
}

bool disk_shm_lock(struct sim_disk *d, int open, unsigned bits, bool shared)
{
	struct disk_open *o = &d->opens[open];

	for (int i = 0; i < d->opens_n; i++) {
		const struct disk_open *other = &d->opens[i];

		if (i != open && other->file == o->file &&
		    (bits & (other->exclusive | (shared ? 0 : other->shared))))
			return false;
	}
	if (shared)
		o->shared |= bits;
	else
		o->exclusive |= bits;
	return true;
}

void disk_shm_unlock(struct sim_disk *d, int open, unsigned bits, bool shared)
{
	if (shared)
		d->opens[open].shared &= ~bits;
	else
		d->opens[open].exclusive &= ~bits;
}

void disk_shm_leave(struct sim_disk *d, int open)
{
	struct disk_open *o = &d->opens[open];
	bool stays = false;

	o->has_shm = false;
	o->shared = o->exclusive = 0;
	for (int i = 0; i < d->opens_n; i++)
		stays |= d->opens[i].has_shm && d->opens[i].file == o->file;
	for (int i = 0; i < DISK_SHM_PAGES && !stays; i++) {
		if (d->shm[i].file == o->file)
			d->shm[i].used = false;
	}
}
