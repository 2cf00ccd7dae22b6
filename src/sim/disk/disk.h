/* disk.h - a disk that forgets what was not synced, and what its kernel holds for those
 * that use it.
 *
 * A SQLite VFS and the journal's file table over files in one region of memory, which the
 * user gives: it outlives processes as a disk does, a forked one too if it is mapped
 * MAP_SHARED. Each file has what a reader sees (the page cache) and what is on the
 * medium; between the two stands the list of writes that no sync has covered yet.
 *
 * Two sorts of death. The end of a process loses nothing of this; the kernel takes back
 * its locks, and the -shm when nobody else has it. Power loss keeps, drops or tears each
 * unsynced write, sector by sector and in any order, may damage the rest of a sector that
 * was partly written, and keeps or forgets each name that was made, changed or removed
 * since its folder was synced. A sync that fails leaves clean pages: readable, and never
 * on the medium unless written again.
 *
 * Everything is drawn from one generator in the region: same seed, same story. Files are
 * known by their whole path; a folder is where they are, and moves with all of them.
 */
#ifndef PAWL_SIM_DISK_H
#define PAWL_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_disk;
struct files;

/* How large a region must be for files of at most file_max bytes. It is only touched
 * where it is used (map it with MAP_NORESERVE). */
size_t sim_disk_size(size_t file_max);

/* An empty disk that nobody uses. The region must keep its address. */
struct sim_disk *sim_disk_format(void *region, size_t file_max, uint64_t seed);
void sim_disk_seed(struct sim_disk *d, uint64_t seed);

/* All of a disk: its luck too, and what is held of it. To be put back any number of times
 * into the same region, or one as large; freed with mem_free. Who used it then uses it
 * again: end those whose memory is not put back as well. */
struct sim_disk_image;
struct sim_disk_image *sim_disk_keep(struct sim_disk *d);
void sim_disk_put_back(struct sim_disk *d, const struct sim_disk_image *i);

/* In a process that was just forked: what is in use is mapped at once, and not with a
 * fault for each page. */
void sim_disk_warm(struct sim_disk *d);

/* -- who uses it ----------------------------------------------------------- */

/* A process. Several may use one disk, or one each. */
struct sim_disk_process {
	struct sim_disk *disk;
	int id;                 /* another for each that uses this disk at one time */
	void (*die)(void *ctx); /* how it dies at an op; does not return */
	void *ctx;
};

/* Put the disks below the journal of this program: once, before any journal is opened. */
void sim_disk_install(void);
/* What is asked from now on is asked by p, which is borrowed. A connection stays on the
 * disk that it was opened on. */
void sim_disk_use(const struct sim_disk_process *p);
/* It is dead: what it held is free. Its connections must never be touched again. SQLite
 * draws the seed of its own luck anew, from the disk that is used then: a story begins
 * with this. */
void sim_disk_process_end(const struct sim_disk_process *p);
/* It lives, and what it owns is free. gone: another machine has the disk now, so that
 * whatever it asks of its files fails. */
void sim_disk_rob(const struct sim_disk_process *p, bool gone);

/* The world's files (world/files.h) on the disk of whoever uses it. */
extern const struct files sim_disk_files;

/* -- what happens ---------------------------------------------------------- */

enum sim_disk_fault {
#define FAULT(name, word, means) SIM_DISK_DID_##name,
#include "sim/disk/disk_fault.def"
#undef FAULT
	SIM_DISK_FAULTS
};

/* How often it happened since the disk was formatted; nothing puts this back. */
uint64_t sim_disk_faults(const struct sim_disk *d, enum sim_disk_fault fault);
const char *sim_disk_fault_name(enum sim_disk_fault fault);

/* An op is a write, truncation, sync, or a name made, changed or removed. */
int64_t sim_disk_ops(const struct sim_disk *d); /* since the last sim_disk_die_at */
/* The process dies at its n-th op from now on (1 is the next; 0: it lives): before it,
 * after it, or amid it if it is a write. */
void sim_disk_die_at(struct sim_disk *d, int64_t n);

/* The n-th sync from now on fails with EIO (0: none). */
void sim_disk_fail_sync_at(struct sim_disk *d, int64_t n);
/* The n-th read of a file from now on fails with EIO, and those behind it, so many
 * times (0: none). */
void sim_disk_fail_reads(struct sim_disk *d, int64_t n, int64_t times);
/* Who only looks on reads what is there, and is not counted. */
void sim_disk_spare(struct sim_disk *d, bool spared);
/* So many more bytes fit (-1: no bound). Of a write that does not fit the beginning is
 * there. */
void sim_disk_room(struct sim_disk *d, int64_t bytes);

/* What becomes of the writes and names that no sync has covered. */
enum sim_disk_loss {
	SIM_LOSE_DRAWN, /* one of the others; of names each has its own luck */
	SIM_LOSE_NOTHING,
	SIM_LOSE_LAST, /* of the writes those since some point */
	SIM_LOSE_SOME, /* any of them, or parts, in any order */
	SIM_LOSE_ALL
};

/* Whoever used it is dead, too. */
void sim_disk_lose_power(struct sim_disk *d, enum sim_disk_loss loss);

/* A bit of a file at rest is another one: false if the file has none. */
bool sim_disk_flip(struct sim_disk *d, const char *path, uint64_t where);

/* By hands that know nothing of journals, and durable: a file is as an image has it (of
 * this or another disk; false: it has none), over the one that is there or, with another
 * number, in place of it; or it is gone. A journal is two files, PATH and PATH-wal: what
 * of them is old, gone or as it was is the caller's to choose. Who has the file open
 * keeps the one that he has. */
bool sim_disk_set_back(struct sim_disk *d, const struct sim_disk_image *image,
    const char *path, bool new_inode);
/* As cp does it, over the one that is there; from NULL: it is emptied. */
bool sim_disk_copy(struct sim_disk *d, const char *from, const char *to);
bool sim_disk_remove(struct sim_disk *d, const char *path); /* false: it is not there */
/* Was the image made amid a move of the -wal into its database, so that this has the row
 * of a commit without all that came with it, and is the -wal here the one that began
 * next, of which that row says that nothing is missing? */
bool sim_disk_is_half_moved(
    struct sim_disk *d, const struct sim_disk_image *image, const char *path);

/* Has the -wal of this database just begun from nothing, with nothing whole in it yet?
 * It tells of no database. */
bool sim_disk_wal_tells_nothing(struct sim_disk *d, const char *path);

/* -- what is on the medium ------------------------------------------------- */

/* Would these bytes of a transaction be in the journal, in the row of their hash, if the
 * power went now, and every unsynced write and name with it? Read apart from SQLite; what
 * was read before is not read again. */
bool sim_disk_holds(struct sim_disk *d, const char *path, const void *bytes, size_t len);
/* Did a sync of it fail, so that what is read of it may be on no medium, and no other
 * sync brings it there? */
bool sim_disk_is_unsure(const struct sim_disk *d, const char *path);

#endif
