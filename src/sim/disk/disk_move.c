/* A database that has the newer image of one page of its -wal and the older one of
 * another: who moved it died amid that, or the power went. Whoever opens the two together
 * moves the rest; beside the -wal that began when all had been moved nobody does. */
#include "sim/disk/disk_in.h"

#include <stdio.h>
#include <string.h>

#include "journal/wal.h"

#define HEADER 32
#define AGE_AT 16 /* the first salt: one more in each -wal */
#define FRAME_HEADER 24
#define COMMIT_AT 4 /* not 0: it ends a transaction */
#define SALT_AT 8
#define PAGE 4096
#define FRAME (FRAME_HEADER + PAGE)
#define PAGES_MAX 4096
#define OWN_PAGE 2 /* of the journal's row, which each commit writes */

struct pair {
	const uint8_t *db, *wal;
	int64_t db_size, wal_size;
	int64_t frames;
};

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static const uint8_t *frame_get(const struct pair *p, int64_t frame)
{
	return p->wal + HEADER + frame * FRAME;
}

static bool pair_of(
    struct pair *ret, const struct sim_disk_image *i, const char *path, const char *wal)
{
	*ret = (struct pair){ .frames = 0 };
	ret->db = disk_image_file(i, path, &ret->db_size);
	ret->wal = disk_image_file(i, wal, &ret->wal_size);
	if (!ret->db || !ret->wal || ret->wal_size < HEADER)
		return false;
	while (HEADER + (ret->frames + 1) * FRAME <= ret->wal_size &&
	    !memcmp(frame_get(ret, ret->frames) + SALT_AT, ret->wal + AGE_AT, 8))
		ret->frames++;
	return true;
}

/* Does the database have what is in the frame? */
static bool has(const struct pair *p, int64_t frame)
{
	const uint8_t *f = frame_get(p, frame);
	int64_t at = ((int64_t)get_be32(f) - 1) * PAGE;

	return at >= 0 && at + PAGE <= p->db_size &&
	    !memcmp(p->db + at, f + FRAME_HEADER, PAGE);
}

/* The row of the last commit is there, and another page of the -wal is not. */
static bool lacks_a_page(const struct pair *p)
{
	bool seen[PAGES_MAX] = { false };
	int64_t at = p->frames - 1;
	bool lacks = false;

	while (at >= 0 && !get_be32(frame_get(p, at) + COMMIT_AT))
		at--;
	for (; at >= 0; at--) {
		uint32_t page = get_be32(frame_get(p, at));

		if (page >= PAGES_MAX || seen[page])
			continue;
		seen[page] = true;
		if (page == OWN_PAGE && !has(p, at))
			return false;
		lacks = lacks || !has(p, at);
	}
	return lacks && seen[OWN_PAGE];
}

bool sim_disk_is_half_moved(
    struct sim_disk *d, const struct sim_disk_image *image, const char *path)
{
	char name[DISK_NAME];
	struct pair p;
	int now;

	snprintf(name, sizeof name, "%s-wal", path);
	now = disk_find(d, name);
	return now >= 0 && d->files[now].size >= HEADER &&
	    pair_of(&p, image, path, name) &&
	    get_be32(disk_cache(d, now) + AGE_AT) == get_be32(p.wal + AGE_AT) + 1 &&
	    lacks_a_page(&p);
}

struct cached {
	struct sim_disk *d;
	int file;
};

static bool cache_read(void *ctx, void *to, int len, int64_t at)
{
	const struct cached *c = ctx;

	if (at + len > c->d->files[c->file].size)
		return false;
	memcpy(to, disk_cache(c->d, c->file) + at, (size_t)len);
	return true;
}

bool sim_disk_wal_tells_nothing(struct sim_disk *d, const char *path)
{
	char name[DISK_NAME];
	struct cached c = { .d = d };
	struct wal w = { .read = cache_read, .ctx = &c, .page_size = PAGE };
	struct wal_told told;

	snprintf(name, sizeof name, "%s-wal", path);
	c.file = disk_find(d, name);
	if (c.file < 0)
		return false;
	w.size = d->files[c.file].size;
	return w.size >= HEADER && wal_check(&w, OWN_PAGE, &told) == WAL_ANEW &&
	    told.first && told.image < 0;
}
