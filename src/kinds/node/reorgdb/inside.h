/* inside.h - what the parts of the reorg database share.
 *
 *   record.c   keys and values
 *   open.c     opening, closing, and what RocksDB's words mean
 *   read.c     one key, all keys
 *   write.c    batches
 *   lock.c     who may write it
 *   sight.c    whether its files are others by now
 *   checkpoint.c  a copy of it
 */
#ifndef PAWL_KINDS_NODE_REORGDB_INSIDE_H
#define PAWL_KINDS_NODE_REORGDB_INSIDE_H

#include <rocksdb/c.h>

#include "kinds/node/reorgdb/reorgdb.h"

struct reorgdb {
	char *path;
	/* The same for RocksDB, which goes by paths, and removes files by them: of the
	 * folder that is locked, wherever it was moved. */
	char *at;
	rocksdb_t *db;
	rocksdb_options_t *options;
	rocksdb_readoptions_t *reading;
	rocksdb_writeoptions_t *writing;
	rocksdb_column_family_handle_t **families; /* each that there is */
	size_t families_n;
	rocksdb_column_family_handle_t *main, *reputation; /* of these */
	int folder;      /* locked; -1: it is open to read */
	bool lock_there; /* the file LOCK, and which one it was */
	uint64_t lock_inode;
};

/* The lock of the folder: *ret, which is closed to end it; -1: there is none. OWNED,
 * STALE: another folder has its place by now. */
enum err reorgdb_folder_lock(const char *path, int *ret, struct fail *f);
/* Which file LOCK it has. */
void reorgdb_lock_note(struct reorgdb *db);

/* Which tables and logs its folder has. Who opened it to read, or failed to, while these
 * became others has a part of the one and a part of the other: what he lacks is neither
 * lost nor damaged. So often he tries again, and then it is STALE. */
#define REORGDB_TRIES 50
enum err reorgdb_see(const char *path, uint64_t *ret, struct fail *f);
enum err reorgdb_restless(const char *path, struct fail *f);

/* OWNED, with who has it. */
enum err reorgdb_owned(const char *path, struct fail *f);
/* What RocksDB said, which is freed; said is not NULL. */
enum err reorgdb_said(const char *path, char *said, struct fail *f);

#endif
