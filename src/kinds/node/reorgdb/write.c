/* write.c - the reorg database is written, a batch at a time. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/reorgdb/inside.h"

#define PRUNE_BATCH 10000

struct reorgdb_batch {
	rocksdb_writebatch_t *batch;
};

struct reorgdb_batch *reorgdb_batch_new(void)
{
	struct reorgdb_batch *b = mem_new(sizeof *b);

	b->batch = rocksdb_writebatch_create();
	return b;
}

void reorgdb_batch_free(struct reorgdb_batch *b)
{
	if (!b)
		return;
	rocksdb_writebatch_destroy(b->batch);
	mem_free(b);
}

void reorgdb_batch_clear(struct reorgdb_batch *b)
{
	rocksdb_writebatch_clear(b->batch);
}

size_t reorgdb_batch_n(const struct reorgdb_batch *b)
{
	return (size_t)rocksdb_writebatch_count(b->batch);
}

/* -- what may be written --------------------------------------------------- */

static enum err anchor_check(
    const char *key, const char *value, size_t len, struct fail *f)
{
	struct anchor_record a;
	enum err e = anchor_parse(&a, key + strlen("anchor:"), value, len, f);

	if (e == ERR_OK && a.unread_there && !MUTANT(reorgdb_empty_root))
		return fail_set(f, ERR_INPUT, "the state root is empty");
	return e;
}

static enum err event_check(const char *value, size_t len, struct fail *f)
{
	struct reorg_event event;
	enum err e;

	reorg_event_init(&event);
	e = event_parse(&event, value, len, f);
	reorg_event_release(&event);
	return e;
}

static enum err value_check(
    const char *key, const char *value, size_t len, struct fail *f)
{
	char hash[RECORD_TEXT_MAX + 1];
	struct record_mark mark;
	enum key_kind kind;
	uint64_t number;
	enum err e = key_read(&kind, &number, key, strlen(key), f);

	if (e != ERR_OK)
		return e;
	switch (kind) {
	case KEY_BLOCK:
		return block_parse(hash, value, len, f);
	case KEY_ANCHOR:
		return anchor_check(key, value, len, f);
	case KEY_EVENT:
		return event_check(value, len, f);
	case KEY_BELOW:
	case KEY_IS_COUNTER:
		return counter_parse(&number, value, len, f);
	case KEY_IS_MARK:
		return mark_parse(&mark, value, len, f);
	case KEY_OTHER:
		break;
	}
	return fail_set(f, ERR_INPUT, "it is no key of this database");
}

enum err reorgdb_put(struct reorgdb_batch *b, const char *key, const char *value,
    size_t len, struct fail *f)
{
	enum err e = value_check(key, value, len, f);

	if (e != ERR_OK)
		return fail_wrap(f, e, "%s", key);
	rocksdb_writebatch_put(b->batch, key, strlen(key), value, len);
	return ERR_OK;
}

void reorgdb_drop(struct reorgdb_batch *b, const char *key)
{
	rocksdb_writebatch_delete(b->batch, key, strlen(key));
}

void reorgdb_put_reputation(struct reorgdb *db, struct reorgdb_batch *b, const char *peer,
    size_t peer_len, const char *value, size_t len)
{
	CHECK(db->reputation);
	rocksdb_writebatch_put_cf(b->batch, db->reputation, peer, peer_len, value, len);
}

enum err reorgdb_write(struct reorgdb *db, struct reorgdb_batch *b, struct fail *f)
{
	char *said = NULL;
	enum err e;

	if (!reorgdb_batch_n(b))
		return ERR_OK;
	e = reorgdb_stands(db, f);
	if (e != ERR_OK && !MUTANT(reorgdb_lock_unseen))
		return e;
	if (MUTANT(reorgdb_unsynced))
		rocksdb_writeoptions_set_sync(db->writing, 0);
	rocksdb_write(db->db, db->writing, b->batch, &said);
	if (said)
		return reorgdb_said(db->path, said, f);
	rocksdb_writebatch_clear(b->batch);
	return ERR_OK;
}

/* -- pruning --------------------------------------------------------------- */

struct heights {
	uint64_t n, skip; /* so many there are; so many of the lowest are dropped */
	struct reorgdb *db;
	struct reorgdb_batch *batch;
	uint64_t dropped;
	enum err e;
	struct fail *f;
};

static void height_count(void *ctx, uint64_t height, const char *hash)
{
	struct heights *h = ctx;

	(void)height;
	(void)hash;
	h->n++;
}

static void height_drop(void *ctx, uint64_t height, const char *hash)
{
	struct heights *h = ctx;
	char key[RECORD_KEY_MAX];

	(void)hash;
	if (h->dropped == h->skip || h->e != ERR_OK)
		return;
	h->dropped++;
	key_block(key, height);
	reorgdb_drop(h->batch, key);
	if (reorgdb_batch_n(h->batch) == PRUNE_BATCH)
		h->e = reorgdb_write(h->db, h->batch, h->f);
}

enum err reorgdb_prune(
    struct reorgdb *db, uint64_t keep, uint64_t *ret_dropped, struct fail *f)
{
	struct heights h = { .db = db, .f = f };
	struct reorgdb_visitor v = { .ctx = &h, .block = height_count };
	enum err e = reorgdb_visit(db, &v, f);

	*ret_dropped = 0;
	if (e != ERR_OK)
		return e;
	h.skip = h.n > keep ? h.n - keep : 0;
	h.batch = reorgdb_batch_new();
	v.block = height_drop;
	e = reorgdb_visit(db, &v, f);
	if (e == ERR_OK)
		e = h.e;
	if (e == ERR_OK)
		e = reorgdb_write(db, h.batch, f);
	reorgdb_batch_free(h.batch);
	*ret_dropped = h.dropped;
	/* What is dropped takes room until its tables are written anew. */
	if (e == ERR_OK && !MUTANT(pruned_takes_room))
		rocksdb_compact_range(db->db, NULL, 0, NULL, 0);
	return e;
}
