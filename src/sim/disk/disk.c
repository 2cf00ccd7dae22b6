#include "sim/disk/disk_in.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/mem.h"

#define HEAD_SIZE offsetof(struct sim_disk, list)
#define WARM_SLACK (96 * 1024)

/* -- the region ------------------------------------------------------------ */

size_t sim_disk_size(size_t file_max)
{
	return sizeof(struct sim_disk) + (2 * DISK_FILES + 4) * file_max +
	    (size_t)DISK_SHM_PAGES * DISK_SHM_PAGE_SIZE + (file_max / 512 + 1) * 4;
}

void sim_disk_seed(struct sim_disk *d, uint64_t seed)
{
	d->random.state = seed;
}

struct sim_disk *sim_disk_format(void *region, size_t file_max, uint64_t seed)
{
	struct sim_disk *d = region;

	CHECK(file_max % 4096 == 0);
	memset(d, 0, HEAD_SIZE);
	d->file_max = file_max;
	d->pile_max = 4 * file_max;
	d->room = -1;
	sim_disk_seed(d, seed);
	return d;
}

uint64_t disk_draw(struct sim_disk *d, uint64_t below)
{
	return sim_random_below(&d->random, below);
}

uint8_t *disk_cache(struct sim_disk *d, int file)
{
	return d->bytes + (size_t)file * 2 * d->file_max;
}

uint8_t *disk_medium(struct sim_disk *d, int file)
{
	return disk_cache(d, file) + d->file_max;
}

static uint8_t *pile(struct sim_disk *d)
{
	return d->bytes + 2 * DISK_FILES * d->file_max;
}

uint8_t *disk_shm(struct sim_disk *d, int page)
{
	return pile(d) + d->pile_max + (size_t)page * DISK_SHM_PAGE_SIZE;
}

/* Of pages as small as can be. */
uint32_t disk_pages_max(const struct sim_disk *d)
{
	return (uint32_t)(d->file_max / DISK_SECTOR) + 1;
}

uint32_t *disk_page_frames(struct sim_disk *d)
{
	return (uint32_t *)(void *)disk_shm(d, DISK_SHM_PAGES);
}

/* -- a copy ---------------------------------------------------------------- */

struct sim_disk_image {
	size_t len;
	uint8_t bytes[];
};

/* Where the next piece goes to, or comes from. */
struct reel {
	uint8_t *to;
	const uint8_t *from;
	size_t at;
};

typedef void (*piece_fn)(struct reel *r, void *p, size_t len);

/* How much of what differs is on the medium. */
static size_t differs(const struct disk_file *f)
{
	int64_t end =
	    f->differ_end < f->size_on_medium ? f->differ_end : f->size_on_medium;

	return end > f->differ ? (size_t)(end - f->differ) : 0;
}

/* All that is in use, piece by piece, in one order for both ways: each tells how long
 * those behind it are. */
static void each_piece(struct sim_disk *d, struct reel *r, piece_fn piece)
{
	piece(r, d, HEAD_SIZE);
	piece(r, d->list, d->writes * sizeof(*d->list));
	for (int i = 0; i < DISK_FILES; i++) {
		piece(r, disk_cache(d, i), (size_t)d->files[i].size);
		piece(r, disk_medium(d, i) + d->files[i].differ, differs(&d->files[i]));
	}
	piece(r, pile(d), d->pile);
	for (int i = 0; i < DISK_SHM_PAGES; i++)
		piece(r, disk_shm(d, i), d->shm[i].used ? DISK_SHM_PAGE_SIZE : 0);
}

static void piece_measure(struct reel *r, void *p, size_t len)
{
	(void)p;
	r->at += len;
}

static void piece_keep(struct reel *r, void *p, size_t len)
{
	if (len)
		memcpy(r->to + r->at, p, len);
	r->at += len;
}

static void piece_put(struct reel *r, void *p, size_t len)
{
	if (len)
		memcpy(p, r->from + r->at, len);
	r->at += len;
}

struct sim_disk_image *sim_disk_keep(struct sim_disk *d)
{
	struct sim_disk_image *ret;
	struct reel r = { .at = 0 };

	each_piece(d, &r, piece_measure);
	ret = mem_take(sizeof(*ret) + r.at);
	ret->len = r.at;
	r = (struct reel){ .to = ret->bytes };
	each_piece(d, &r, piece_keep);
	return ret;
}

/* The medium, but for what differs. */
static void mirror(struct sim_disk *d, int file)
{
	const struct disk_file *f = &d->files[file];
	int64_t before = f->differ < f->size_on_medium ? f->differ : f->size_on_medium;
	int64_t behind = f->size_on_medium - f->differ_end;

	memcpy(disk_medium(d, file), disk_cache(d, file), (size_t)before);
	if (behind > 0)
		memcpy(disk_medium(d, file) + f->differ_end,
		    disk_cache(d, file) + f->differ_end, (size_t)behind);
}

void sim_disk_put_back(struct sim_disk *d, const struct sim_disk_image *i)
{
	struct reel r = { .from = i->bytes };
	uint64_t faults[SIM_DISK_FAULTS];

	memcpy(faults, d->faults, sizeof(faults));
	each_piece(d, &r, piece_put);
	memcpy(d->faults, faults, sizeof(faults));
	CHECK(r.at == i->len);
	for (int k = 0; k < DISK_FILES; k++)
		mirror(d, k);
	d->reader.valid = false;
}

int64_t disk_image_births(const struct sim_disk_image *i)
{
	return ((const struct sim_disk *)(const void *)i->bytes)->inodes;
}

const uint8_t *disk_image_file(
    const struct sim_disk_image *i, const char *name, int64_t *ret_size)
{
	const struct sim_disk *d = (const void *)i->bytes;
	const uint8_t *at = i->bytes + HEAD_SIZE + d->writes * sizeof(*d->list);

	for (int k = 0; k < DISK_FILES; k++) {
		const struct disk_file *f = &d->files[k];

		*ret_size = f->size;
		if (strcmp(f->name, name) == 0)
			return at;
		at += (size_t)f->size + differs(f);
	}
	return NULL;
}

static void warm(void *at, int64_t len)
{
	uintptr_t from = (uintptr_t)at & ~(uintptr_t)4095;

	madvise((void *)from, (size_t)((uintptr_t)at - from) + (size_t)len + WARM_SLACK,
	    MADV_POPULATE_WRITE);
}

void sim_disk_warm(struct sim_disk *d)
{
	warm(d, 0);
	for (int i = 0; i < DISK_FILES; i++) {
		if (!*d->files[i].name)
			continue;
		warm(disk_cache(d, i), d->files[i].size);
		warm(disk_medium(d, i), d->files[i].size_on_medium);
	}
	warm(pile(d), 0);
}

/* -- names ----------------------------------------------------------------- */

int disk_find(const struct sim_disk *d, const char *name)
{
	for (int i = 0; i < DISK_FILES; i++) {
		if (*name && strcmp(d->files[i].name, name) == 0)
			return i;
	}
	return -1;
}

int disk_add(struct sim_disk *d, const char *name)
{
	CHECK(strlen(name) < DISK_NAME);
	for (int i = 0; i < DISK_FILES; i++) {
		struct disk_file *f = &d->files[i];

		if (*f->name || *f->name_on_medium || disk_is_open(d, i))
			continue;
		disk_settle(d, i, 0);
		memset(f, 0, sizeof(*f));
		f->inode = f->born = ++d->inodes;
		snprintf(f->name, DISK_NAME, "%s", name);
		return i;
	}
	BUG("the disk has no room for another file");
}

void disk_name_sync(struct sim_disk *d, int file)
{
	struct disk_file *f = &d->files[file];

	for (int i = 0; i < DISK_FILES && *f->name; i++) {
		if (strcmp(d->files[i].name_on_medium, f->name) == 0)
			d->files[i].name_on_medium[0] = 0;
	}
	if (*f->name)
		memcpy(f->name_on_medium, f->name, DISK_NAME);
}

void disk_names_sync(struct sim_disk *d)
{
	for (int i = 0; i < DISK_FILES; i++) {
		memcpy(d->files[i].name_on_medium, d->files[i].name, DISK_NAME);
		d->files[i].replaced_by = d->files[i].exchanged = 0;
	}
	d->moved_from[0] = '\0';
}

/* -- cache and medium ------------------------------------------------------ */

static void put(uint8_t *to, int64_t *size, int64_t at, const void *data, int64_t len)
{
	if (at > *size)
		memset(to + *size, 0, (size_t)(at - *size));
	memcpy(to + at, data, (size_t)len);
	if (at + len > *size)
		*size = at + len;
}

static void cut(int64_t *size, int64_t at)
{
	if (at < *size)
		*size = at;
}

static const uint8_t *bytes_of(struct sim_disk *d, const struct disk_unsynced *w)
{
	return w->data == DISK_IN_CACHE ? disk_cache(d, w->file) + w->at
					: pile(d) + w->data;
}

void disk_apply(struct sim_disk *d, const struct disk_unsynced *w)
{
	int64_t *size = &d->files[w->file].size_on_medium;

	disk_touched(d, w->file, w->at < *size ? w->at : *size);
	if (w->len < 0)
		cut(size, w->at);
	else
		put(disk_medium(d, w->file), size, w->at, bytes_of(d, w), w->len);
}

static void settled(struct disk_file *f, uint64_t chance)
{
	f->stale |= chance < 256;
	if (!f->stale)
		f->differ = f->differ_end = 0;
}

void disk_settle(struct sim_disk *d, int file, uint64_t chance)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->writes; i++) {
		if (file >= 0 && d->list[i].file != file)
			d->list[kept++] = d->list[i];
		else if (chance == 256 || (chance && disk_draw(d, 256) < chance))
			disk_apply(d, &d->list[i]);
	}
	d->writes = kept;
	if (!kept)
		d->pile = d->unsynced = 0;
	for (int i = 0; i < DISK_FILES; i++) {
		if (file < 0 || file == i)
			settled(&d->files[i], chance);
	}
}

void disk_differ(struct sim_disk *d, int file, int64_t from, int64_t to)
{
	struct disk_file *f = &d->files[file];

	if (from >= to)
		return;
	if (f->differ == f->differ_end)
		f->differ = f->differ_end = from;
	f->differ = from < f->differ ? from : f->differ;
	f->differ_end = to > f->differ_end ? to : f->differ_end;
}

void disk_reread(struct sim_disk *d, int file)
{
	struct disk_file *f = &d->files[file];

	f->size = f->size_on_medium;
	if (differs(f))
		memcpy(disk_cache(d, file) + f->differ, disk_medium(d, file) + f->differ,
		    differs(f));
	f->differ = f->differ_end = 0;
	f->stale = false;
}

static void pile_add(struct sim_disk *d, struct disk_unsynced *w)
{
	CHECK(d->pile + (size_t)w->len <= d->pile_max);
	memcpy(pile(d) + d->pile, bytes_of(d, w), (size_t)w->len);
	w->data = d->pile;
	d->pile += (size_t)w->len;
}

void disk_pile_up(struct sim_disk *d, int file, int64_t from, int64_t to)
{
	const struct disk_file *f = &d->files[file];

	if (to <= f->differ || from >= f->differ_end)
		return;
	for (size_t i = 0; i < d->writes; i++) {
		struct disk_unsynced *w = &d->list[i];

		if (w->file == file && w->data == DISK_IN_CACHE && w->at < to &&
		    from < w->at + w->len)
			pile_add(d, w);
	}
}

static void note(struct sim_disk *d, int file, int64_t at, int64_t len)
{
	size_t size = len > 0 ? (size_t)len : 0;

	/* a kernel may write back what it likes at any time */
	if (d->writes == DISK_WRITES || d->unsynced + size > d->pile_max)
		disk_settle(d, -1, 256);
	d->list[d->writes++] = (struct disk_unsynced){
		.file = file, .at = at, .len = len, .data = size ? DISK_IN_CACHE : 0
	};
	d->unsynced += size;
}

void disk_write(struct sim_disk *d, int file, int64_t at, const void *data, int64_t len)
{
	CHECK((size_t)(at + len) <= d->file_max);
	disk_pile_up(d, file, at, at + len);
	note(d, file, at, len);
	disk_differ(d, file, at, at + len);
	put(disk_cache(d, file), &d->files[file].size, at, data, len);
}

void disk_cut(struct sim_disk *d, int file, int64_t at)
{
	int64_t size = d->files[file].size;

	if (at >= size)
		return;
	disk_pile_up(d, file, at, size);
	disk_differ(d, file, at, size);
	cut(&d->files[file].size, at);
	note(d, file, at, -1);
}
