/* The pages of a database as the medium has them: what SQLite would find if the power
 * went now, and every unsynced write and name with it. Read apart from SQLite and from
 * the journal, who are judged by it. */
#include "sim/disk/disk_in.h"

#include <stdio.h>
#include <string.h>

#define HEADER 32
#define FRAME_HEADER 24
#define MAGIC 0x377f0682u /* its lowest bit: sums are over big-endian words */
#define VERSION 3007000u
#define PAGE_MIN 512
#define PAGE_MAX 65536

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static struct disk_sum sum_be(struct disk_sum s, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		s.a += get_be32(p + i) + s.b;
		s.b += get_be32(p + i + 4) + s.a;
	}
	return s;
}

static struct disk_sum sum_le(struct disk_sum s, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		s.a += get_le32(p + i) + s.b;
		s.b += get_le32(p + i + 4) + s.a;
	}
	return s;
}

static struct disk_sum sum_add(
    const struct disk_reader *r, struct disk_sum s, const uint8_t *p, size_t len)
{
	return r->big_endian ? sum_be(s, p, len) : sum_le(s, p, len);
}

static bool sum_is(struct disk_sum s, const uint8_t *p)
{
	return s.a == get_be32(p) && s.b == get_be32(p + 4);
}

static bool is_page_size(uint32_t n)
{
	return n >= PAGE_MIN && n <= PAGE_MAX && (n & (n - 1)) == 0;
}

/* -- the -wal -------------------------------------------------------------- */

static size_t frame_at(const struct disk_reader *r, uint32_t frame)
{
	return HEADER + (size_t)frame * (FRAME_HEADER + r->page_size);
}

/* NULL: the medium does not have all of it. */
static const uint8_t *frame_get(struct sim_disk *d, uint32_t frame)
{
	const struct disk_reader *r = &d->reader;

	if (frame_at(r, frame + 1) > (size_t)d->files[r->wal].size_on_medium)
		return NULL;
	return disk_medium(d, r->wal) + frame_at(r, frame);
}

static void wal_begin(struct sim_disk *d)
{
	struct disk_reader *r = &d->reader;
	const uint8_t *h = disk_medium(d, r->wal);

	if (d->files[r->wal].size_on_medium < HEADER)
		return;
	r->big_endian = get_be32(h) & 1;
	r->page_size = get_be32(h + 8);
	memcpy(r->salt, h + 16, sizeof(r->salt));
	r->sum = sum_add(r, (struct disk_sum){ 0 }, h, HEADER - 8);
	r->valid = (get_be32(h) & ~1u) == MAGIC && get_be32(h + 4) == VERSION &&
	    is_page_size(r->page_size) && sum_is(r->sum, h + HEADER - 8);
}

static bool frame_follows(
    const struct disk_reader *r, const uint8_t *f, struct disk_sum *sum)
{
	if (!get_be32(f) || memcmp(f + 8, r->salt, sizeof(r->salt)) != 0)
		return false;
	*sum = sum_add(r, *sum, f, 8);
	*sum = sum_add(r, *sum, f + FRAME_HEADER, r->page_size);
	return sum_is(*sum, f + 16);
}

/* The frames of a transaction that ended are where their pages are found from now on. */
static void commit(struct sim_disk *d, uint32_t end, struct disk_sum sum)
{
	struct disk_reader *r = &d->reader;

	for (; r->frames < end; r->frames++) {
		uint32_t page = get_be32(frame_get(d, r->frames));

		if (page < disk_pages_max(d))
			disk_page_frames(d)[page] = r->frames;
	}
	r->sum = sum;
}

static void wal_read(struct sim_disk *d)
{
	struct disk_reader *r = &d->reader;
	struct disk_sum sum = r->sum;
	uint32_t at = r->frames;
	const uint8_t *f;

	while ((f = frame_get(d, at)) && frame_follows(r, f, &sum)) {
		at++;
		if (get_be32(f + 4))
			commit(d, at, sum);
	}
}

/* -- the reader ------------------------------------------------------------ */

static int find_on_medium(const struct sim_disk *d, const char *name)
{
	for (int i = 0; i < DISK_FILES; i++) {
		if (strcmp(d->files[i].name_on_medium, name) == 0)
			return i;
	}
	return -1;
}

static uint32_t page_size_of(const uint8_t *database)
{
	uint32_t n = (uint32_t)database[16] << 8 | database[17];

	return n == 1 ? PAGE_MAX : n;
}

void disk_touched(struct sim_disk *d, int file, int64_t at)
{
	struct disk_reader *r = &d->reader;

	if (r->valid && file == r->wal && (size_t)at < frame_at(r, r->frames))
		r->valid = false;
}

/* Where the files are, and whether what was read of the -wal is there yet. */
static void find_files(struct sim_disk *d, const char *path)
{
	struct disk_reader *r = &d->reader;
	char name[DISK_NAME];
	int db = find_on_medium(d, path), wal;

	snprintf(name, sizeof(name), "%s-wal", path);
	wal = find_on_medium(d, name);
	if (!r->valid || db != r->db || wal != r->wal ||
	    frame_at(r, r->frames) > (size_t)d->files[wal].size_on_medium)
		*r = (struct disk_reader){ .db = db, .wal = wal };
}

bool disk_reader_open(struct sim_disk *d, const char *path)
{
	struct disk_reader *r = &d->reader;

	find_files(d, path);
	/* beside an empty file SQLite removes what it takes for a stray -wal */
	if (r->db < 0 || d->files[r->db].size_on_medium < PAGE_MIN)
		return false;
	if (!r->valid && r->wal >= 0)
		wal_begin(d);
	if (r->valid)
		wal_read(d);
	else
		r->page_size = page_size_of(disk_medium(d, r->db));
	return is_page_size(r->page_size);
}

const uint8_t *disk_page(struct sim_disk *d, uint32_t n)
{
	const struct disk_reader *r = &d->reader;
	uint32_t frame = n && n < disk_pages_max(d) ? disk_page_frames(d)[n] : UINT32_MAX;

	if (r->valid && frame < r->frames && get_be32(frame_get(d, frame)) == n)
		return frame_get(d, frame) + FRAME_HEADER;
	if (!n || (int64_t)n * r->page_size > d->files[r->db].size_on_medium)
		return NULL;
	return disk_medium(d, r->db) + (size_t)(n - 1) * r->page_size;
}
