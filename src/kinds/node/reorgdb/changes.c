#include "kinds/node/reorgdb/changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/ids.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "journal/sql.gen.h"

/* -- reading --------------------------------------------------------------- */

static void add(struct changes *c, const char *key, const struct buf *value)
{
	if (!(c->n & (c->n - 1)))
		c->at = mem_grow(c->at, c->n ? 2 * c->n : 1, sizeof *c->at);
	c->at[c->n++] = (struct change_pair){ mem_str(key), mem_str(buf_text(value)) };
}

static void hex_of(char out[RECORD_TEXT_MAX + 1], const uint8_t at[32], bool none)
{
	out[0] = '\0';
	if (!none)
		hex_format(out, at, 32);
}

static int height_order(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void blocks(struct changes *c, struct journal *j, int64_t after, struct buf *b)
{
	struct sql_node_blocks_moved_in in = { .after = after };
	struct sql_node_blocks_moved_out row;
	char key[RECORD_KEY_MAX];

	sql_node_blocks_moved_begin(j, &in);
	while (sql_node_blocks_moved_next(j, &row)) {
		buf_clear(b);
		buf_add_hex(b, row.hash, sizeof row.hash);
		key_block(key, (uint64_t)row.height);
		add(c, key, b);
		if (!(c->heights_n & (c->heights_n - 1)))
			c->heights = mem_grow(c->heights,
			    c->heights_n ? 2 * c->heights_n : 1, sizeof *c->heights);
		c->heights[c->heights_n++] = (uint64_t)row.height;
	}
}

static void anchor(struct changes *c, const struct anchor *a, struct buf *b)
{
	struct anchor_record r = { .height = a->height,
		.confirmations = a->confirmations,
		.broadcast_ms = (uint64_t)a->broadcast_ms,
		.retries = (uint64_t)a->retries,
		.status = a->status };
	char key[RECORD_KEY_MAX];

	hex_of(r.hash, a->hash.at, false);
	hex_of(r.txid, a->txid.at, !a->has_txid);
	hex_of(r.root, a->root.at, false);
	buf_clear(b);
	CHECK(anchor_format(b, &r, NULL) == ERR_OK);
	key_anchor(key, r.hash);
	add(c, key, b);
}

static void anchors(struct changes *c, struct journal *j, int64_t after, struct buf *b)
{
	struct sql_node_anchors_moved_in in = { .after = after };
	struct sql_node_anchors_moved_out row;
	struct ids ids = { .n = 0 };
	struct anchor a;

	sql_node_anchors_moved_begin(j, &in);
	while (sql_node_anchors_moved_next(j, &row))
		ids_add(&ids, row.id);
	for (size_t i = 0; i < ids.n; i++)
		if (anchor_read(j, ids.at[i], &a))
			anchor(c, &a, b);
	ids_release(&ids);
}

/* That its fork is unknown has no place in its own record. */
static void below(struct changes *c, uint64_t number, int64_t deep, struct buf *b)
{
	char key[RECORD_KEY_MAX];

	buf_clear(b);
	buf_add_u64(b, (uint64_t)deep);
	key_below(key, number);
	add(c, key, b);
}

static void event(
    struct changes *c, struct journal *j, struct reorg_event *e, struct buf *b)
{
	struct sql_node_reorg_anchors_in in = { .reorg = (int64_t)e->number };
	struct sql_node_reorg_anchors_out row;
	char hash[RECORD_TEXT_MAX + 1], key[RECORD_KEY_MAX];

	sql_node_reorg_anchors_begin(j, &in);
	while (
	    sql_node_reorg_anchors_next(j, &row) && e->anchors_n < RECORD_ANCHORS_MAX) {
		hex_of(hash, row.hash, false);
		CHECK(reorg_event_add(e, hash, NULL) == ERR_OK);
	}
	sql_node_reorg_anchors_end(j);
	buf_clear(b);
	CHECK(event_format(b, e, NULL) == ERR_OK);
	key_event(key, e->number);
	add(c, key, b);
}

static void events(struct changes *c, struct journal *j, int64_t after, struct buf *b)
{
	struct sql_node_reorgs_moved_in in = { .after = after };
	struct sql_node_reorgs_moved_out row;
	struct reorg_event *list = NULL;
	size_t n = 0;

	sql_node_reorgs_moved_begin(j, &in);
	while (sql_node_reorgs_moved_next(j, &row)) {
		struct change_event one = { .height = (uint64_t)row.height,
			.below = row.below };
		struct reorg_event *e;

		list = mem_grow(list, n + 1, sizeof *list);
		c->events = mem_grow(c->events, n + 1, sizeof *c->events);
		e = &list[n];
		reorg_event_init(e);
		e->number = (uint64_t)row.number;
		e->height = (uint64_t)row.height;
		e->detected_ms = (uint64_t)row.detected_ms;
		hex_of(e->old_hash, row.old_hash, row.no_old_hash);
		hex_of(e->new_hash, row.new_hash, row.no_new_hash);
		one.below_at = c->n;
		if (row.below)
			below(c, e->number, row.deep, b);
		c->events[n++] = one;
	}
	for (size_t i = 0; i < n; i++) {
		c->events[i].at = c->n;
		event(c, j, &list[i], b);
		reorg_event_release(&list[i]);
	}
	c->events_n = n;
	mem_free(list);
}

void changes_read(struct changes *ret, struct journal *j, int64_t after)
{
	struct sql_node_watch_get_out w = { .no_chain = true };
	uint64_t begin;
	struct buf b;

	*ret = (struct changes){ .n = 0 };
	buf_init(&b, RECORD_VALUE_MAX);
	journal_name(j, ret->mark.journal);
	(void)sql_node_watch_get_one(j, &w);
	ret->mark.change = (uint64_t)w.moves;
	ret->has_top = anchors_top(j, &ret->top);
	if (!ret->has_top && anchors_begin(j, &begin) && begin) {
		ret->has_top = true;
		ret->top = begin - 1; /* all that was known gave way */
	}
	anchors(ret, j, after, &b);
	events(ret, j, after, &b);
	blocks(ret, j, ret->events_n ? 0 : after, &b);
	if (ret->heights_n)
		qsort(ret->heights, ret->heights_n, sizeof *ret->heights, height_order);
	if (w.reorgs) {
		buf_clear(&b);
		buf_add_u64(&b, (uint64_t)w.reorgs);
		add(ret, KEY_COUNTER, &b);
	}
	buf_release(&b);
}

void changes_release(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		mem_free(c->at[i].key);
		mem_free(c->at[i].value);
	}
	mem_free(c->at);
	mem_free(c->events);
	mem_free(c->heights);
	*c = (struct changes){ .n = 0 };
}

/* -- writing --------------------------------------------------------------- */

static enum err put(struct reorgdb *db, struct reorgdb_batch *b, const char *key,
    const char *value, struct fail *f)
{
	bool same;
	enum err e = reorgdb_has(db, key, value, strlen(value), &same, f);

	if (e != ERR_OK || same)
		return e;
	e = reorgdb_put(b, key, value, strlen(value), f);
	if (e == ERR_OK && MUTANT(reorg_in_pieces))
		e = reorgdb_write(db, b, f);
	return e;
}

static enum err is_told(
    struct reorgdb *db, const struct change_pair *pair, bool *ret_told, struct fail *f)
{
	return reorgdb_has(db, pair->key, pair->value, strlen(pair->value), ret_told, f);
}

/* From which height on blocks go, and below which, for reorgs that it does not know yet.
 */
static enum err doubtful(const struct changes *c, struct reorgdb *db, uint64_t *ret_from,
    uint64_t *ret_below, struct fail *f)
{
	struct record_mark mark;
	bool told;
	enum err e = reorgdb_mark(db, &mark, &told, f);

	*ret_from = UINT64_MAX;
	*ret_below = 0;
	if (e != ERR_OK || !told || strcmp(mark.journal, c->mark.journal) != 0 ||
	    MUTANT(doubtful_stay))
		return e == ERR_INPUT ? ERR_OK : e;
	for (size_t i = 0; i < c->events_n && e == ERR_OK; i++) {
		const struct change_event *event = &c->events[i];

		e = is_told(db, &c->at[event->at], &told, f);
		if (!told && event->height < *ret_from)
			*ret_from = event->height;
		if (e == ERR_OK && event->below)
			e = is_told(db, &c->at[event->below_at], &told, f);
		if (!told && event->below && event->height > *ret_below)
			*ret_below = event->height;
	}
	return e;
}

/* On the way down from the journal's highest block. */
struct doubt {
	const struct changes *c;
	struct reorgdb_batch *batch;
	uint64_t from, below;
};

static bool doubt_block(void *ctx, uint64_t height, const char *hash)
{
	const struct doubt *d = ctx;
	const struct changes *c = d->c;
	char key[RECORD_KEY_MAX];

	(void)hash;
	if (height < d->from && !d->below)
		return false;
	if ((height >= d->from || height < d->below) &&
	    !(c->heights_n &&
		bsearch(
		    &height, c->heights, c->heights_n, sizeof height, height_order))) {
		key_block(key, height);
		reorgdb_drop(d->batch, key);
	}
	return true;
}

static enum err doubtful_drop(
    const struct changes *c, struct reorgdb *db, struct reorgdb_batch *b, struct fail *f)
{
	struct doubt d = { .c = c, .batch = b };
	enum err e = doubtful(c, db, &d.from, &d.below, f);

	if (e != ERR_OK || (d.from > c->top && !d.below))
		return e;
	return reorgdb_blocks_down(db, c->top, doubt_block, &d, f);
}

enum err changes_write(
    const struct changes *c, struct reorgdb *db, size_t *ret_written, struct fail *f)
{
	struct reorgdb_batch *b = reorgdb_batch_new();
	struct buf mark;
	enum err e = doubtful_drop(c, db, b, f);

	buf_init(&mark, RECORD_VALUE_MAX);
	mark_format(&mark, &c->mark);
	for (size_t i = 0; i < c->n && e == ERR_OK; i++)
		e = put(db, b, c->at[i].key, c->at[i].value, f);
	if (e == ERR_OK && c->has_top)
		e = reorgdb_drop_above(db, b, c->top, f);
	if (e == ERR_OK)
		e = put(db, b, KEY_MARK, buf_text(&mark), f);
	*ret_written = reorgdb_batch_n(b);
	if (e == ERR_OK)
		e = reorgdb_write(db, b, f);
	reorgdb_batch_free(b);
	buf_release(&mark);
	return e;
}

/* -- the other way --------------------------------------------------------- */

static void hold_anchor(void *ctx, const struct anchor_record *a)
{
	struct holdings *h = ctx;

	if (!(h->anchors_n & (h->anchors_n - 1)))
		h->anchors = mem_grow(
		    h->anchors, h->anchors_n ? 2 * h->anchors_n : 1, sizeof *h->anchors);
	h->anchors[h->anchors_n++] = *a;
}

static void hold_event(void *ctx, const struct reorg_event *e)
{
	struct holdings *h = ctx;
	struct reorg_event *copy;

	h->events = mem_grow(h->events, h->events_n + 1, sizeof *h->events);
	copy = &h->events[h->events_n++];
	*copy = *e;
	copy->anchors = NULL;
	copy->anchors_n = 0;
	for (size_t i = 0; i < e->anchors_n; i++)
		CHECK(reorg_event_add(copy, e->anchors[i], NULL) == ERR_OK);
}

static void hold_bad(void *ctx, const char *key, const char *why)
{
	struct holdings *h = ctx;

	if (!h->bad_n++)
		snprintf(h->first_bad, sizeof h->first_bad, "%s: %s", key, why);
}

enum err holdings_read(struct holdings *ret, struct reorgdb *db, struct fail *f)
{
	const struct reorgdb_visitor v = {
		.ctx = ret, .anchor = hold_anchor, .event = hold_event, .bad = hold_bad
	};
	enum err e;

	*ret = (struct holdings){ .anchors_n = 0 };
	e = reorgdb_mark(db, &ret->mark, &ret->marked, f);
	if (e == ERR_INPUT) {
		ret->marked = false; /* it is told as bad below, and written anew */
		e = ERR_OK;
	}
	return e == ERR_OK ? reorgdb_visit(db, &v, f) : e;
}

void holdings_release(struct holdings *h)
{
	for (size_t i = 0; i < h->events_n; i++)
		reorg_event_release(&h->events[i]);
	mem_free(h->events);
	mem_free(h->anchors);
	*h = (struct holdings){ .anchors_n = 0 };
}

static bool hash_of(struct hash *ret, const char *text)
{
	return hex_parse(ret->at, sizeof ret->at, text, strlen(text));
}

static bool fits(uint64_t v)
{
	return v <= INT64_MAX;
}

/* As its record has it; in no block until one says so. */
static bool anchor_of(struct anchor *ret, const struct anchor_record *r, int64_t wall_ms)
{
	*ret = (struct anchor){ .status = r->status,
		.has_txid = r->txid[0] != '\0',
		.made_ms = wall_ms,
		.broadcast_ms = (int64_t)r->broadcast_ms,
		.retries = (int64_t)r->retries,
		.has_height = r->height != 0,
		.height = r->height,
		.confirmations = r->confirmations };
	return hash_of(&ret->hash, r->hash) && hash_of(&ret->root, r->root) &&
	    (!ret->has_txid || hash_of(&ret->txid, r->txid)) && fits(r->broadcast_ms) &&
	    fits(r->retries) && fits(r->height) && fits(r->confirmations);
}

static void adopt_event(struct adopted *ret, struct journal *j,
    struct sql_node_watch_get_out *w, const struct reorg_event *e)
{
	struct sql_node_reorg_add_in in = { .number = (int64_t)e->number,
		.height = (int64_t)e->height,
		.no_old_hash = !e->old_hash[0],
		.no_new_hash = !e->new_hash[0],
		.detected_ms = (int64_t)e->detected_ms };
	struct hash old = { { 0 } }, now = { { 0 } }, one;

	if (!fits(e->number) || e->number < (uint64_t)w->reorgs || !fits(e->height) ||
	    !fits(e->detected_ms) || e->number == INT64_MAX)
		return;
	if ((!in.no_old_hash && !hash_of(&old, e->old_hash)) ||
	    (!in.no_new_hash && !hash_of(&now, e->new_hash)))
		return;
	memcpy(in.old_hash, old.at, sizeof in.old_hash);
	memcpy(in.new_hash, now.at, sizeof in.new_hash);
	in.moved = ++w->moves;
	w->reorgs = (int64_t)e->number + 1;
	sql_node_reorg_add(j, &in);
	for (size_t i = 0; i < e->anchors_n; i++) {
		struct sql_node_reorg_anchor_add_in hit = { .reorg = in.number };

		if (!hash_of(&one, e->anchors[i]))
			continue;
		memcpy(hit.hash, one.at, sizeof hit.hash);
		sql_node_reorg_anchor_add(j, &hit);
	}
	ret->events++;
}

void holdings_adopt(
    struct adopted *ret, struct journal *j, const struct holdings *h, int64_t wall_ms)
{
	struct sql_node_watch_get_out w = { .no_chain = true };
	struct anchor a, there;

	*ret = (struct adopted){ 0 };
	for (size_t i = 0; i < h->anchors_n; i++) {
		if (!anchor_of(&a, &h->anchors[i], wall_ms)) {
			ret->unfit++;
		} else if (!anchor_find(j, &a.hash, &there)) {
			(void)anchor_add(j, &a, NULL, 0);
			ret->anchors++;
		}
	}
	(void)sql_node_watch_get_one(j, &w);
	for (size_t i = 0; i < h->events_n; i++)
		adopt_event(ret, j, &w, &h->events[i]);
	if (ret->events)
		sql_node_watch_put(j,
		    &(struct sql_node_watch_put_in){ .chain = w.chain,
			.no_chain = w.no_chain,
			.reorgs = w.reorgs,
			.moves = w.moves });
}
