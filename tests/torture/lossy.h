/* lossy.h - a disk that forgets what was not synced.
 *
 * A SQLite VFS and the journal's file table over files in one region of memory. The test
 * gives the region; mapped MAP_SHARED before a fork it outlives the child as a disk does.
 * Each file has what a reader sees (the page cache) and what is on the medium; between
 * the two stands the list of writes that no sync has covered yet.
 *
 * Two sorts of death. The end of a process loses nothing of this (only the -shm, which
 * is ordinary memory of the process). Power loss keeps, drops or tears each unsynced
 * write, sector by sector and in any order, may damage the rest of a sector that was
 * partly written, and keeps or forgets each name that was made, changed or removed since
 * its folder was synced. A sync that fails leaves clean pages: readable, and never on
 * the medium unless written again.
 *
 * Everything is drawn from one generator in the region: same seed, same story.
 */
#ifndef PAWL_TESTS_LOSSY_H
#define PAWL_TESTS_LOSSY_H

#include <stddef.h>
#include <stdint.h>

#define LOSSY_DEATH 99 /* exit code of a process that died here */

struct lossy;

/* How large a region must be for files of at most file_max bytes. It is only touched
 * where it is used (map it with MAP_NORESERVE). */
size_t lossy_size(size_t file_max);

/* An empty disk. The region must keep its address (fork, no exec). */
struct lossy *lossy_format(void *region, size_t file_max, uint64_t seed);
void lossy_seed(struct lossy *l, uint64_t seed);

/* All of a disk, its luck too, to be put back any number of times; freed with free. Of
 * the same region, or of one as large. */
struct lossy_image;
struct lossy_image *lossy_keep(struct lossy *l);
void lossy_put_back(struct lossy *l, struct lossy_image *i);

/* In a process that was just forked: what is in use is mapped at once, and not with a
 * fault for each page. */
void lossy_warm(struct lossy *l);

/* Register the VFS, and put it and its file table under the journal of this process and
 * of its children. Any path will do: folders are not looked at. */
void lossy_install(struct lossy *l);

/* An op is a write, truncation, sync, or a name made, changed or removed. */
int64_t lossy_ops(const struct lossy *l); /* since the last lossy_die_at */
/* The process dies at its n-th op from now on (1 is the next; 0: it lives): before it,
 * after it, or amid it if it is a write. */
void lossy_die_at(struct lossy *l, int64_t n);
/* The n-th sync from now on fails with EIO (0: none). */
void lossy_fail_sync_at(struct lossy *l, int64_t n);
/* So many more bytes fit (-1: no bound). */
void lossy_room(struct lossy *l, int64_t bytes);

/* Called by whoever outlives the process that used the disk. */
void lossy_lose_power(struct lossy *l);

/* How the process dies: _exit(LOSSY_DEATH), unless a test sets another. */
extern void (*lossy_die)(void);

#endif
