#include "cli/node/rehearse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/reorgdb/changes.h"
#include "kinds/node/state/book.h"

#define BELOW 6 /* blocks that stay, at least */

struct mined {
	struct hash anchor, txid;
	uint64_t height;
};

struct playing {
	struct journal *journal;
	struct reorgdb *db;
	int64_t wall_ms;
	uint64_t base, top; /* what is above base gives way */
	struct mined *at;   /* anchors there */
	size_t n;
};

/* -- blocks ---------------------------------------------------------------------- */

static struct hash made_up(const char *what, uint64_t n)
{
	char text[64];
	struct hash h;

	snprintf(text, sizeof text, "rehearsal %s %" PRIu64, what, n);
	sha256(h.at, text, strlen(text));
	return h;
}

static void block_add(struct playing *p, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n)
{
	anchors_added(p->journal, height, hash, txids, n);
}

/* Of the database, where it has one that is a hash. */
static enum err block_of_db(
    struct playing *p, uint64_t height, struct hash *ret, struct fail *f)
{
	char text[RECORD_TEXT_MAX + 1];
	bool there;
	enum err e = reorgdb_block(p->db, height, text, &there, f);

	*ret = made_up("old", height);
	if (e == ERR_OK && there &&
	    !hex_parse(ret->at, sizeof ret->at, text, strlen(text)))
		*ret = made_up("old", height);
	return e;
}

static enum err told(struct playing *p, struct fail *f)
{
	struct changes c;
	size_t written;
	enum err e = journal_commit(p->journal, f);

	if (e != ERR_OK)
		return e;
	changes_read(&c, p->journal, 0);
	e = changes_write(&c, p->db, &written, f);
	changes_release(&c);
	return e;
}

/* -- what must be so --------------------------------------------------------------- */

static enum err one_is(struct playing *p, const struct mined *m, int status,
    const char *when, struct fail *f)
{
	struct anchor_record r;
	struct anchor a;
	char hex[L2_HEX];
	bool there = false;
	enum err e;

	hex_format(hex, m->anchor.at, sizeof m->anchor.at);
	e = reorgdb_anchor(p->db, hex, &r, &there, f);
	if (e != ERR_OK)
		return e;
	if (there && r.status == status && anchor_find(p->journal, &m->anchor, &a) &&
	    a.status == status)
		return ERR_OK;
	return fail_set(f, ERR_DAMAGED,
	    "%s: anchor %s is %s in the reorg database, not %s", when, hex,
	    there ? anchor_status_name(r.status) : "not there",
	    anchor_status_name(status));
}

static enum err all_are(struct playing *p, int status, const char *when, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < p->n && e == ERR_OK; i++)
		e = one_is(p, &p->at[i], status, when, f);
	return e;
}

struct newest {
	bool seen;
	uint64_t height;
	size_t anchors;
};

static void note_newest(void *ctx, const struct reorg_event *e)
{
	*(struct newest *)ctx = (struct newest){ true, e->height, e->anchors_n };
}

static enum err event_is(struct playing *p, struct fail *f)
{
	struct newest n = { false, 0, 0 };
	const struct reorgdb_visitor v = { .ctx = &n, .event = note_newest };
	enum err e = reorgdb_history(p->db, 1, &v, f);

	if (e != ERR_OK || (n.seen && n.height == p->base + 1 && n.anchors == p->n))
		return e;
	return fail_set(f, ERR_DAMAGED,
	    "behind the reorg at height %" PRIu64
	    ": the reorg database tells of one at %" PRIu64 " with %zu anchor%s, not %zu",
	    p->base + 1, n.height, n.anchors, n.anchors == 1 ? "" : "s", p->n);
}

static enum err blocks_are(struct playing *p, struct fail *f)
{
	char text[RECORD_TEXT_MAX + 1], want[L2_HEX];
	enum err e = ERR_OK;
	bool there;

	for (uint64_t h = p->base + 1; h <= p->top + 1 && e == ERR_OK; h++) {
		struct hash hash = made_up("new", h);

		hex_format(want, hash.at, sizeof hash.at);
		e = reorgdb_block(p->db, h, text, &there, f);
		if (e == ERR_OK && (!there || strcmp(text, want) != 0))
			e = fail_set(f, ERR_DAMAGED,
			    "behind the reorg: block %" PRIu64
			    " of the reorg database is one of the dead branch",
			    h);
	}
	return e;
}

/* -- the three acts ------------------------------------------------------------------ */

static enum err grows(struct playing *p, struct fail *f)
{
	uint64_t from = p->base > BELOW ? p->base - BELOW : 1;
	struct hash *txids = mem_array(p->n ? p->n : 1, sizeof *txids), hash;
	enum err e = ERR_OK;

	for (uint64_t h = from; h <= p->top && e == ERR_OK; h++) {
		size_t n = 0;

		for (size_t i = 0; i < p->n; i++)
			if (p->at[i].height == h)
				txids[n++] = p->at[i].txid;
		e = block_of_db(p, h, &hash, f);
		block_add(p, h, &hash, txids, n);
	}
	mem_free(txids);
	return e == ERR_OK ? told(p, f) : e;
}

static enum err gives_way(struct playing *p, struct fail *f)
{
	struct reorg r;
	enum err e;

	if (!MUTANT(rehearsal_without_a_reorg))
		anchors_removed(p->journal, p->base, p->wall_ms, &r);
	for (uint64_t h = p->base + 1; h <= p->top + 1; h++) {
		struct hash hash = made_up("new", h);

		block_add(p, h, &hash, NULL, 0);
	}
	e = told(p, f);
	if (e == ERR_OK)
		e = all_are(p, ANCHOR_INVALIDATED_REORG, "behind the reorg", f);
	if (e == ERR_OK)
		e = event_is(p, f);
	return e == ERR_OK ? blocks_are(p, f) : e;
}

static enum err comes_back(struct playing *p, struct fail *f)
{
	struct hash *txids = mem_array(p->n, sizeof *txids);
	enum err e;

	for (size_t i = 0; i < p->n; i++)
		txids[i] = p->at[i].txid;
	for (uint64_t i = 0; i < ANCHOR_CONFIRMS; i++) {
		struct hash hash = made_up("new", p->top + 2 + i);

		block_add(p, p->top + 2 + i, &hash, txids, i ? 0 : p->n);
		if (i)
			continue;
		e = told(p, f);
		if (e == ERR_OK)
			e = all_are(p, ANCHOR_PENDING, "in a block again", f);
		if (e != ERR_OK)
			break;
	}
	mem_free(txids);
	if (e == ERR_OK)
		e = told(p, f);
	return e == ERR_OK ? all_are(p, ANCHOR_CONFIRMED, "at the end", f) : e;
}

/* -- beginning -------------------------------------------------------------------------
 */

static void mined_add(struct playing *p, const struct mined *m)
{
	p->at = mem_grow(p->at, p->n + 1, sizeof *p->at);
	p->at[p->n++] = *m;
}

static void mined_find(struct playing *p, const struct holdings *h)
{
	for (size_t i = 0; i < h->anchors_n; i++) {
		const struct anchor_record *a = &h->anchors[i];
		struct mined m = { .height = a->height };

		if (a->height > p->base && a->height <= p->top &&
		    hex_parse(
			m.anchor.at, sizeof m.anchor.at, a->hash, strlen(a->hash)) &&
		    hex_parse(m.txid.at, sizeof m.txid.at, a->txid, strlen(a->txid)))
			mined_add(p, &m);
	}
}

/* An anchor of nothing, in the lowest block that gives way. */
static void mined_make(struct playing *p)
{
	struct anchor a = { .status = ANCHOR_PENDING,
		.made_ms = p->wall_ms,
		.root = made_up("root", 0) };
	struct mined m = { .txid = made_up("transaction", 0), .height = p->base + 1 };
	char root[L2_HEX], payload[ANCHOR_PAYLOAD];
	int64_t id;
	int n;

	hex_format(root, a.root.at, sizeof a.root.at);
	n = anchor_payload(payload, a.hash.at, l2_text(root), (uint64_t)p->wall_ms);
	m.anchor = a.hash;
	id = anchor_add(p->journal, &a, payload, (size_t)n);
	CHECK(anchor_read(p->journal, id, &a));
	anchor_broadcast(p->journal, &a, &m.txid, p->wall_ms);
	mined_add(p, &m);
}

/* What the journal does not know it takes over, as a node does. */
static enum err begin(
    struct playing *p, uint64_t depth, bool *ret_made_up, struct fail *f)
{
	char hash[RECORD_TEXT_MAX + 1];
	struct holdings h;
	struct adopted a;
	bool there = false;
	enum err e = holdings_read(&h, p->db, f);

	if (e == ERR_OK)
		e = reorgdb_top(p->db, &p->top, hash, &there, f);
	if (e == ERR_OK && (!there || p->top < depth + BELOW || p->top > INT64_MAX / 2))
		p->top = depth + BELOW;
	p->base = p->top - depth;
	if (e == ERR_OK) {
		holdings_adopt(&a, p->journal, &h, p->wall_ms);
		mined_find(p, &h);
		*ret_made_up = !p->n;
		if (!p->n)
			mined_make(p);
		e = journal_commit(p->journal, f);
	}
	holdings_release(&h);
	return e;
}

enum err rehearse_reorg(struct journal *j, const char *reorg_db, uint64_t depth,
    int64_t wall_ms, struct rehearsed *ret, struct fail *f)
{
	struct playing p = { .journal = j, .wall_ms = wall_ms };
	enum err e = reorgdb_open(&p.db, reorg_db, REORGDB_CREATE, f);

	*ret = (struct rehearsed){ .height = 0 };
	if (e != ERR_OK)
		return e;
	e = begin(&p, depth, &ret->made_up, f);
	if (e == ERR_OK)
		e = grows(&p, f);
	if (e == ERR_OK)
		e = gives_way(&p, f);
	if (e == ERR_OK)
		e = comes_back(&p, f);
	ret->height = p.base + 1;
	ret->anchors = p.n;
	reorgdb_close(p.db);
	mem_free(p.at);
	return e;
}
