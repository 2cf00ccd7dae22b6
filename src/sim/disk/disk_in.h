/* disk_in.h - the region of a disk, shared by its files alone.
 *
 * disk.c has the region, copies of it, cache and medium; disk_power.c and
 * disk_fault.c what happens to them; disk_wal.c and disk_tree.c read a journal on the
 * medium; disk_hold.c who holds what; disk_vfs.c and disk_files.c are what SQLite and the
 * journal see. All state is whole wherever a process may die.
 */
#ifndef PAWL_SIM_DISK_IN_H
#define PAWL_SIM_DISK_IN_H

#include <stdbool.h>

#include "sim/disk/disk.h"
#include "sim/random.h"

#define DISK_FILES 24
#define DISK_NAME 256
#define DISK_WRITES 65536
#define DISK_SECTOR 512
#define DISK_OPENS 64
#define DISK_SHM_PAGES 16
#define DISK_SHM_PAGE_SIZE 32768 /* as SQLite asks for it */

struct disk_file {
	char name[DISK_NAME]; /* "" when it was removed */
	char name_on_medium[DISK_NAME];
	int64_t size, size_on_medium;
	/* Cache and medium are the same but here. stale: a sync failed, and what was to
	 * be written by it may lie nowhere but in the cache. */
	int64_t differ, differ_end;
	bool stale;
	int64_t inode, born; /* a number is used again, a birth is not */
	int replaced_by;     /* its name went to that file + 1, on no medium yet; or 0 */
	int exchanged;       /* its name with that of that file + 1, on no medium yet */
};

/* A write that no sync has covered. len -1: the file was cut at `at`. */
struct disk_unsynced {
	int file;
	int64_t at, len;
	size_t data; /* in the pile, or DISK_IN_CACHE: as the cache has it, still */
};

#define DISK_IN_CACHE SIZE_MAX

/* What one open file of one process holds. */
struct disk_open {
	bool used, owns; /* owns: with the lock of the journal's owner */
	bool gone;       /* the disk was taken away: whatever it asks fails */
	bool sync_fails; /* the next one, for one by another failed: who has a file open
			    is told once, whoever asked */
	int process, file;
	int level;                  /* SQLITE_LOCK_ */
	bool has_shm;               /* its pages stay as long as one has them */
	unsigned shared, exclusive; /* locks of the -shm, a bit each */
};

/* The n-th page of a file's -shm. */
struct disk_shm_page {
	bool used;
	int file, n;
};

struct disk_sum {
	uint32_t a, b;
};

/* How far a database and its -wal were read on the medium. What is valid is as good as
 * read again. */
struct disk_reader {
	bool valid; /* all below, of a -wal that has a header */
	int db, wal;
	uint32_t page_size;
	bool big_endian;
	uint8_t salt[8];
	uint32_t frames; /* of transactions that ended */
	struct disk_sum sum;
	uint32_t cookie, table, index; /* of the schema; 0: not read */
};

struct sim_disk {
	struct sim_random random;
	size_t file_max, pile_max, pile;
	size_t unsynced; /* bytes, of which the pile has some */
	int64_t ops, die_at, syncs, fail_sync_at, reads, fail_read_at, fail_reads;
	int64_t room, inodes;
	bool spared; /* of errors when it is read */
	/* A folder was the one, is the other, and on no medium yet; "": none. */
	char moved_from[DISK_NAME], moved_to[DISK_NAME];
	uint64_t faults[SIM_DISK_FAULTS];
	struct disk_file files[DISK_FILES];
	struct disk_open opens[DISK_OPENS];
	int opens_n; /* none is used from here on */
	struct disk_shm_page shm[DISK_SHM_PAGES];
	struct disk_reader reader;
	size_t writes;
	struct disk_unsynced
	    list[DISK_WRITES]; /* from here on only what is in use counts */
	/* cache and medium of each file, the pile (of unsynced bytes that the cache has
	 * no more), the -shm pages, and which frame of its -wal the reader found each
	 * page in last */
	uint8_t bytes[];
};

/* disk.c */
uint64_t disk_draw(struct sim_disk *d, uint64_t below);
uint8_t *disk_cache(struct sim_disk *d, int file);
uint8_t *disk_medium(struct sim_disk *d, int file);
uint8_t *disk_shm(struct sim_disk *d, int page);
uint32_t *disk_page_frames(struct sim_disk *d);
uint32_t disk_pages_max(const struct sim_disk *d);
int disk_find(const struct sim_disk *d, const char *name); /* -1: not there */
int disk_add(struct sim_disk *d, const char *name);
void disk_name_sync(struct sim_disk *d, int file); /* its name is on the medium */
void disk_names_sync(struct sim_disk *d);          /* so are all */
void disk_write(struct sim_disk *d, int file, int64_t at, const void *data, int64_t len);
void disk_cut(struct sim_disk *d, int file, int64_t at);
void disk_apply(struct sim_disk *d, const struct disk_unsynced *w);
/* Before the cache of a file changes there: what is unsynced of it goes to the pile. */
void disk_pile_up(struct sim_disk *d, int file, int64_t from, int64_t to);
/* Take the writes of a file off the list (-1: of all). chance: of 256, how many of them
 * reach the medium. */
void disk_settle(struct sim_disk *d, int file, uint64_t chance);
void disk_differ(struct sim_disk *d, int file, int64_t from, int64_t to);
/* What is on the medium is what is read from now on. */
void disk_reread(struct sim_disk *d, int file);

/* What an image has of a file; NULL: nothing. */
const uint8_t *disk_image_file(
    const struct sim_disk_image *i, const char *name, int64_t *ret_size);
int64_t disk_image_births(const struct sim_disk_image *i); /* by then */

/* disk_fault.c */
void disk_fault(struct sim_disk *d, enum sim_disk_fault fault);
bool disk_sync_fails(struct sim_disk *d);
bool disk_read_fails(struct sim_disk *d);
/* How much of a write fits. */
int64_t disk_room_take(struct sim_disk *d, int file, int64_t at, int64_t len);

/* disk_wal.c. The medium of a file changed, from `at` on or there. */
void disk_touched(struct sim_disk *d, int file, int64_t at);
/* What came since is read. false: there is no database. */
bool disk_reader_open(struct sim_disk *d, const char *path);
const uint8_t *disk_page(struct sim_disk *d, uint32_t n); /* NULL: it is not there */

/* disk_power.c. Each op begins with the one, which says whether it is the last of its
 * process, and ends with the other. */
bool disk_op(struct sim_disk *d);
void disk_op_end(bool last);
int disk_make(struct sim_disk *d, const char *name);
/* The name goes to this file, from whichever has it. */
void disk_replace(struct sim_disk *d, int file, const char *name);
void disk_exchange(struct sim_disk *d, int file, int other);
/* A folder is there while something is in it; the first of these, -1: none. */
int disk_in_folder(const struct sim_disk *d, const char *folder);
void disk_folder_move(struct sim_disk *d, const char *from, const char *to);
void disk_name(struct sim_disk *d, int file, const char *name); /* "": removed */

/* disk_hold.c. An open file is a place in opens. */
const struct sim_disk_process *disk_user(void);
int disk_open_add(int file);
void disk_open_drop(struct sim_disk *d, int open);
void disk_drop_all(struct sim_disk *d);
bool disk_is_open(const struct sim_disk *d, int file);
bool disk_is_owned(const struct sim_disk *d, int file);
bool disk_lock(struct sim_disk *d, int open, int level);
void disk_unlock(struct sim_disk *d, int open, int level);
bool disk_is_reserved(const struct sim_disk *d, int open); /* by itself, too */
void *disk_shm_map(struct sim_disk *d, int open, int n, bool extend);
bool disk_shm_lock(struct sim_disk *d, int open, unsigned bits, bool shared);
void disk_shm_unlock(struct sim_disk *d, int open, unsigned bits, bool shared);
void disk_shm_leave(struct sim_disk *d, int open);

/* disk_vfs.c, disk_files.c; disk_world.c is in disk.h */
void disk_vfs_install(void);
void disk_files_install(void);

#endif
