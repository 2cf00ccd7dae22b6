/* What else happens to a disk: errors, a bit that flips, files that are older or gone. */
#include "sim/disk/disk_in.h"

#include <string.h>

#include "base/check.h"

void disk_fault(struct sim_disk *d, enum sim_disk_fault fault)
{
	d->faults[fault]++;
}

uint64_t sim_disk_faults(const struct sim_disk *d, enum sim_disk_fault fault)
{
	return d->faults[fault];
}

const char *sim_disk_fault_name(enum sim_disk_fault fault)
{
	static const char *const names[SIM_DISK_FAULTS] = {
#define FAULT(name, word, means) [SIM_DISK_DID_##name] = (word),
#include "sim/disk/disk_fault.def"
#undef FAULT
	};

	return names[fault];
}

/* -- errors ---------------------------------------------------------------- */

void sim_disk_fail_sync_at(struct sim_disk *d, int64_t n)
{
	d->syncs = 0;
	d->fail_sync_at = n;
}

bool disk_sync_fails(struct sim_disk *d)
{
	if (++d->syncs != d->fail_sync_at)
		return false;
	disk_fault(d, SIM_DISK_DID_SYNC_FAILED);
	return true;
}

void sim_disk_fail_reads(struct sim_disk *d, int64_t n, int64_t times)
{
	d->reads = 0;
	d->fail_read_at = n;
	d->fail_reads = times;
}

void sim_disk_spare(struct sim_disk *d, bool spared)
{
	d->spared = spared;
}

bool disk_read_fails(struct sim_disk *d)
{
	if (d->spared || ++d->reads < d->fail_read_at || d->fail_reads <= 0)
		return false;
	d->fail_reads--;
	disk_fault(d, SIM_DISK_DID_READ_FAILED);
	return true;
}

void sim_disk_room(struct sim_disk *d, int64_t bytes)
{
	d->room = bytes;
}

int64_t disk_room_take(struct sim_disk *d, int file, int64_t at, int64_t len)
{
	int64_t more = at + len - d->files[file].size;

	if (more <= 0 || d->room < 0)
		return len;
	if (more > d->room) {
		disk_fault(d, SIM_DISK_DID_FULL);
		len -= more - d->room;
		more = len > 0 ? d->room : 0;
	}
	d->room -= more;
	return len > 0 ? len : 0;
}

/* -- what is at rest ------------------------------------------------------- */

bool sim_disk_flip(struct sim_disk *d, const char *path, uint64_t where)
{
	int file = disk_find(d, path);
	uint64_t size = file < 0 ? 0 : (uint64_t)d->files[file].size_on_medium;
	uint8_t bit = (uint8_t)(1u << where % 8);

	if (!size)
		return false;
	where = where / 8 % size;
	disk_touched(d, file, (int64_t)where);
	disk_pile_up(d, file, (int64_t)where, (int64_t)where + 1);
	disk_medium(d, file)[where] ^= bit;
	if ((int64_t)where < d->files[file].size)
		disk_cache(d, file)[where] ^= bit;
	disk_fault(d, SIM_DISK_DID_BIT_FLIPPED);
	return true;
}

bool sim_disk_is_unsure(const struct sim_disk *d, const char *path)
{
	int file = disk_find(d, path);

	return file >= 0 && d->files[file].stale;
}

static void unlink_for_good(struct sim_disk *d, int file)
{
	d->files[file].name[0] = d->files[file].name_on_medium[0] = 0;
}

bool sim_disk_remove(struct sim_disk *d, const char *path)
{
	int file = disk_find(d, path);

	if (file < 0)
		return false;
	unlink_for_good(d, file);
	disk_fault(d, SIM_DISK_DID_REMOVED);
	return true;
}

/* Another file in place of this one, which nobody has open: it may get its number. */
static int replaced(struct sim_disk *d, const char *path, int file)
{
	bool again = file >= 0 && !disk_is_open(d, file) && disk_draw(d, 2);
	int64_t number = again ? d->files[file].inode : 0;

	if (file >= 0)
		unlink_for_good(d, file);
	file = disk_add(d, path);
	if (again)
		d->files[file].inode = number;
	return file;
}

/* Durably, whoever has it open. */
static void fill(struct sim_disk *d, int file, const uint8_t *bytes, int64_t size)
{
	struct disk_file *f = &d->files[file];

	disk_settle(d, file, 0);
	f->size = f->size_on_medium = size;
	disk_name_sync(d, file);
	memcpy(disk_medium(d, file), bytes, (size_t)size);
	memcpy(disk_cache(d, file), bytes, (size_t)size);
	f->differ = f->differ_end = 0;
	f->stale = false;
	d->reader.valid = false;
	disk_fault(d, SIM_DISK_DID_SET_BACK);
}

/* The disk itself may have been set back to before the image was made: time was not. */
static void born_behind(struct sim_disk *d, const struct sim_disk_image *image)
{
	int64_t births = disk_image_births(image);

	if (d->inodes < births)
		d->inodes = births;
}

bool sim_disk_set_back(struct sim_disk *d, const struct sim_disk_image *image,
    const char *path, bool new_inode)
{
	int64_t size;
	const uint8_t *bytes = disk_image_file(image, path, &size);
	int file = disk_find(d, path);

	if (!bytes || (size_t)size > d->file_max)
		return false;
	born_behind(d, image);
	if (file < 0 || new_inode)
		file = replaced(d, path, file);
	fill(d, file, bytes, size);
	return true;
}

bool sim_disk_copy(struct sim_disk *d, const char *from, const char *to)
{
	int source = from ? disk_find(d, from) : -1, file = disk_find(d, to);

	if (file < 0 || (from && source < 0))
		return false;
	fill(d, file, from ? disk_cache(d, source) : (const uint8_t *)"",
	    from ? d->files[source].size : 0);
	return true;
}
