/* reorgdb.h - the reorg database: a RocksDB folder that holds the hashes of blocks, the
 * anchors and the reorgs that were seen, key for key as the node of the guide has them
 * (record.h), so that either opens what the other wrote.
 *
 * It is derived: the journal has the truth, wins where they differ, and the database can
 * be made anew from it. What that node keeps besides (peer reputations, families that it
 * came to have later) is left as it is.
 *
 * Writes are batches: all of one or nothing of it, and synced before the call returns.
 * Nothing here is shared between threads, but the database of one process may be closed
 * by another thread than opened it. A file that is written here needs no compression to
 * be built into who reads it.
 *
 * Locked is who has the operating system's locks on the folder and on the file LOCK in
 * it: they go with their process, however that ends. The file always remains, means
 * nothing, and is deleted by nobody. Who deletes it lets no second process of ours write,
 * for there is the folder's; another program knows LOCK alone, so what finds it gone
 * before a batch writes nothing more (OWNED). So does what finds its folder moved: no
 * file of the one that has its place by now is touched.
 *
 * fails, all of them:
 *   OWNED       another process has it open for writing; names it where the system does
 *   DAMAGED     RocksDB says so, or a part is missing; names the file and the way out
 *   INPUT       a key or value is not what record.h has; names the key and the byte
 *   NOT_FOUND   there is none at this path
 *   UNREADABLE, DISK_FULL, SYSTEM   what the operating system said
 *   STALE       to read: whoever writes it never left its files as they were for so long
 * After a write that failed its outcome is unknown: the database is closed and opened
 * again, and what is in it is looked at.
 */
#ifndef PAWL_KINDS_NODE_REORGDB_REORGDB_H
#define PAWL_KINDS_NODE_REORGDB_REORGDB_H

#include "kinds/node/reorgdb/record.h"

#define REORGDB_BLOCKS_KEPT 1000 /* the highest ones, by default */

struct reorgdb;

enum reorgdb_mode {
	REORGDB_READ,  /* as it is now, beside whoever writes it; nothing is changed */
	REORGDB_WRITE, /* alone */
	REORGDB_CREATE /* alone; made where there is no folder, or an empty one (0700) */
};

NODISCARD enum err reorgdb_open(
    struct reorgdb **ret, const char *path, enum reorgdb_mode mode, struct fail *f);
void reorgdb_close(struct reorgdb *db); /* NULL is fine */
/* Is its folder where it was opened, and LOCK in it? OWNED: no; each batch asks it. */
NODISCARD enum err reorgdb_stands(const struct reorgdb *db, struct fail *f);
const char *reorgdb_path(const struct reorgdb *db);

/* -- reading --------------------------------------------------------------- */

NODISCARD enum err reorgdb_block(struct reorgdb *db, uint64_t height,
    char ret[RECORD_TEXT_MAX + 1], bool *ret_there, struct fail *f);
/* The highest one. */
NODISCARD enum err reorgdb_top(struct reorgdb *db, uint64_t *ret_height,
    char ret[RECORD_TEXT_MAX + 1], bool *ret_there, struct fail *f);
NODISCARD enum err reorgdb_anchor(struct reorgdb *db, const char *hash,
    struct anchor_record *ret, bool *ret_there, struct fail *f);
/* Is this the hash of an anchor that is stored? What is no hash is none. */
NODISCARD enum err reorgdb_has_anchor(
    struct reorgdb *db, const void *hash, size_t len, bool *ret_has, struct fail *f);
/* The number of the next event; none yet: 0. */
NODISCARD enum err reorgdb_counter(struct reorgdb *db, uint64_t *ret, struct fail *f);
/* Is the fork of this event unknown: so many blocks gave way at least. */
NODISCARD enum err reorgdb_below(struct reorgdb *db, uint64_t number, uint64_t *ret_deep,
    bool *ret_there, struct fail *f);
NODISCARD enum err reorgdb_mark(
    struct reorgdb *db, struct record_mark *ret, bool *ret_there, struct fail *f);

/* Those that are not NULL hear of all that there is, in the order of the keys; what they
 * get is borrowed. What is not as it should be goes to bad, once, and the rest goes on.
 */
struct reorgdb_visitor {
	void *ctx;
	void (*block)(void *ctx, uint64_t height, const char *hash);
	void (*anchor)(void *ctx, const struct anchor_record *a);
	void (*event)(void *ctx, const struct reorg_event *e);
	/* Of an event whose fork is unknown; told before all events. */
	void (*below)(void *ctx, uint64_t number, uint64_t deep);
	void (*bad)(void *ctx, const char *key, const char *why);
};

/* fails: DAMAGED, UNREADABLE: what lies behind was not reached; STOPPED (files_stop). */
NODISCARD enum err reorgdb_visit(
    struct reorgdb *db, const struct reorgdb_visitor *v, struct fail *f);
/* Events alone, the newest first, at most max. */
NODISCARD enum err reorgdb_history(
    struct reorgdb *db, size_t max, const struct reorgdb_visitor *v, struct fail *f);
/* Block hashes alone, from this height down, until take says that it is enough; what is
 * no hash of a block is passed over. */
NODISCARD enum err reorgdb_blocks_down(struct reorgdb *db, uint64_t from,
    bool (*take)(void *ctx, uint64_t height, const char *hash), void *ctx,
    struct fail *f);
/* What that node keeps of its peers, as it is. */
NODISCARD enum err reorgdb_reputations(struct reorgdb *db,
    void (*take)(
	void *ctx, const char *peer, size_t peer_len, const char *value, size_t len),
    void *ctx, struct fail *f);

/* -- writing --------------------------------------------------------------- */

struct reorgdb_batch;

struct reorgdb_batch *reorgdb_batch_new(void);
void reorgdb_batch_free(struct reorgdb_batch *b); /* NULL is fine */
void reorgdb_batch_clear(struct reorgdb_batch *b);
size_t reorgdb_batch_n(const struct reorgdb_batch *b);

/* Only what the readers of record.h take, and that node reads back: nothing is added
 * when it fails (INPUT, names the key). */
NODISCARD enum err reorgdb_put(struct reorgdb_batch *b, const char *key,
    const char *value, size_t len, struct fail *f);
void reorgdb_drop(struct reorgdb_batch *b, const char *key);
void reorgdb_put_reputation(struct reorgdb *db, struct reorgdb_batch *b, const char *peer,
    size_t peer_len, const char *value, size_t len);

/* All of it, synced; it is empty then. An empty one writes nothing. */
NODISCARD enum err reorgdb_write(
    struct reorgdb *db, struct reorgdb_batch *b, struct fail *f);

/* Block hashes above a height, however they came there, in the batch. */
NODISCARD enum err reorgdb_drop_above(
    struct reorgdb *db, struct reorgdb_batch *b, uint64_t height, struct fail *f);
/* Is this the value of the key already? */
NODISCARD enum err reorgdb_has(struct reorgdb *db, const char *key, const char *value,
    size_t len, bool *ret, struct fail *f);

/* -- as files -------------------------------------------------------------- */

/* A database of its own at `to`, which is removed first: what is in it at one instant of
 * this call, while whoever writes it goes on. Its tables are the same files, where both
 * are on one file system. fails: also STALE, it changed all the time. */
NODISCARD enum err reorgdb_checkpoint(const char *path, const char *to, struct fail *f);
void reorgdb_remove(const char *path); /* the folder of such a copy, and a half one */

/* Nobody opens it to write meanwhile: its locks, by themselves. OWNED: somebody has.
 * Where there is none nothing is held. Not for who has it open himself. */
struct reorgdb_held {
	int folder, lock; /* -1: there is none */
	const char *made; /* an empty folder, for its lock; NULL */
};
#define REORGDB_NOT_HELD ((struct reorgdb_held){ -1, -1, NULL })
NODISCARD enum err reorgdb_hold(
    const char *path, struct reorgdb_held *ret, struct fail *f);
/* And nobody makes one meanwhile: where there is none its place is held, by an empty
 * folder that goes with the lock, if it is still there. path is borrowed until then. */
NODISCARD enum err reorgdb_hold_place(
    const char *path, struct reorgdb_held *ret, struct fail *f);
void reorgdb_let_go(struct reorgdb_held *held);

/* Has a process it open to write? Asked of the system, and nothing is locked for it; pid
 * 0: not which. Not for who has it open himself. */
bool reorgdb_holder(const char *path, int *ret_pid);

/* Only the highest so many blocks stay, and what others took on the disk is free again.
 * Dying in it leaves some more. */
NODISCARD enum err reorgdb_prune(
    struct reorgdb *db, uint64_t keep, uint64_t *ret_dropped, struct fail *f);

#endif
