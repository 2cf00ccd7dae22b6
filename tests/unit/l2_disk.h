/* l2_disk.h - logs of snapshots on the disk that forgets, for their tests. */
#ifndef PAWL_TESTS_UNIT_L2_DISK_H
#define PAWL_TESTS_UNIT_L2_DISK_H

#include "base/buf.h"
#include "kinds/node/snapshot/log.h"
#include "sim/disk/disk.h"
#include "world/files.h"

#define LOG_PATH "/disk/l2_snapshots.dat"

extern struct sim_disk *l2_disk;
extern struct sim_disk_process l2_user;

/* Group set-up: the disk is made, and used. */
int l2_disk_begin(void **state);
/* All files of it are gone. */
void l2_disk_clear(void);

/* The process does that, and dies at this op of the disk; of four rounds the power goes
 * in three, and what no sync covered with it. What it had in memory is gone, too. false:
 * it was done before. */
bool l2_dies(void (*deed)(void), int64_t op, unsigned round);

/* A file as a whole, durable. */
void l2_put(const char *path, const void *bytes, size_t len);
char *l2_get(const char *path, size_t *ret_len); /* freed with mem_free */

/* Append a state of so many balances, with an anchor; its root. version is that of a new
 * log. */
void l2_grow(const char *path, int version, uint64_t balances, char root[L2_HEX]);

/* The root of the newest block that holds; empty when there is none. */
struct l2_found {
	char root[L2_HEX];
	size_t failed; /* newer blocks that do not hold */
	size_t damages, blocks;
	struct l2_block block;
};
struct l2_found l2_find(const char *path);
/* Its end alone tells the same; of some that are found it is asked by itself. */
void l2_find_from_the_end(const char *path, const struct l2_found *found);

/* What the older program's reader takes of a text: the lines of the last block that has
 * an end. false: it finds none. */
bool l2_older_reader(struct buf *ret, const char *bytes, size_t len);

#endif
