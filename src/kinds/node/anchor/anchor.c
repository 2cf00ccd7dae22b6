#include "kinds/node/anchor/anchor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/ids.h"
#include "base/mutant.h"
#include "engine/states.h"
#include "journal/sql.gen.h"
#include "kinds/node/state/book.h"

_Static_assert(ANCHOR_COUNTED == 100, "sql/node_anchor.sql counts up to there");
_Static_assert(ANCHOR_CONFIRMED == 1, "sql/node_archive.sql asks for it");

/* -- the one row ----------------------------------------------------------- */

static struct sql_node_watch_get_out watch_get(struct journal *j)
{
	struct sql_node_watch_get_out w = { .no_chain = true };

	(void)sql_node_watch_get_one(j, &w);
	return w;
}

static void watch_put(struct journal *j, const struct sql_node_watch_get_out *w)
{
	sql_node_watch_put(j,
	    &(struct sql_node_watch_put_in){ .chain = w->chain,
		.no_chain = w->no_chain,
		.reorgs = w->reorgs,
		.moves = w->moves });
}

int64_t anchors_moves(struct journal *j)
{
	return watch_get(j).moves;
}

int64_t anchors_move(struct journal *j)
{
	struct sql_node_watch_get_out w = watch_get(j);

	w.moves++;
	watch_put(j, &w);
	return w.moves;
}

bool anchors_chain(struct journal *j, int64_t chain)
{
	struct sql_node_watch_get_out w = watch_get(j);

	if (!w.no_chain)
		return w.chain == chain;
	w.no_chain = false;
	w.chain = chain;
	watch_put(j, &w);
	return true;
}

bool anchors_genesis(struct journal *j, struct hash *ret)
{
	struct sql_node_watch_get_out w = watch_get(j);
	struct sql_chain_get_in in = { .id = w.chain };
	struct sql_chain_get_out row;

	if (w.no_chain || !sql_chain_get_one(j, &in, &row))
		return false;
	memcpy(ret->at, row.genesis, sizeof ret->at);
	return true;
}

/* -- rows ------------------------------------------------------------------ */

bool anchor_read(struct journal *j, int64_t id, struct anchor *ret)
{
	struct sql_node_anchor_get_in in = { .id = id };
	struct sql_node_anchor_get_out row;

	if (!sql_node_anchor_get_one(j, &in, &row))
		return false;
	*ret = (struct anchor){ .id = row.id,
		.status = (int)row.status,
		.own = row.own != 0,
		.has_txid = !row.no_txid,
		.made_ms = row.made_ms,
		.broadcast_ms = row.no_broadcast_ms ? 0 : row.broadcast_ms,
		.retries = row.retries,
		.has_height = !row.no_height,
		.height = row.no_height ? 0 : (uint64_t)row.height,
		.in_block = !row.no_block_hash,
		.confirmations = (uint64_t)row.confirmations,
		.change = row.no_change ? 0 : row.change };
	memcpy(ret->hash.at, row.hash, sizeof ret->hash.at);
	memcpy(ret->root.at, row.root, sizeof ret->root.at);
	memcpy(ret->txid.at, row.txid, sizeof ret->txid.at);
	memcpy(ret->block_hash.at, row.block_hash, sizeof ret->block_hash.at);
	return true;
}

bool anchor_find(struct journal *j, const struct hash *hash, struct anchor *ret)
{
	struct sql_node_anchor_id_in in = { .hash = { 0 } };
	struct sql_node_anchor_id_out found;

	memcpy(in.hash, hash->at, sizeof in.hash);
	return sql_node_anchor_id_one(j, &in, &found) && anchor_read(j, found.id, ret);
}

bool anchor_stands(const struct anchor *a)
{
	return a->in_block ||
	    (a->has_height && !MUTANT(old_anchor_is_in_no_block) &&
		(a->status == ANCHOR_PENDING || a->status == ANCHOR_CONFIRMED));
}

static void put(struct journal *j, const struct anchor *a)
{
	struct sql_node_anchor_put_in in = { .id = a->id,
		.status = a->status,
		.no_txid = !a->has_txid,
		.broadcast_ms = a->broadcast_ms,
		.no_broadcast_ms = !a->broadcast_ms,
		.retries = a->retries,
		.height = (int64_t)a->height,
		.no_height = !a->has_height,
		.no_block_hash = !a->in_block,
		.confirmations = (int64_t)a->confirmations,
		.moved = anchors_move(j) };

	memcpy(in.txid, a->txid.at, sizeof in.txid);
	memcpy(in.block_hash, a->block_hash.at, sizeof in.block_hash);
	sql_node_anchor_put(j, &in);
}

static void event(struct journal *j, const struct anchor *a, const char *from,
    const char *to, const char *why)
{
	char what[80] = "anchor ";

	hex_format(what + strlen(what), a->hash.at, sizeof a->hash.at);
	journal_event(
	    j, &(struct event){ .what = what, .from = from, .to = to, .why = why });
}

static void status_add(struct journal *j, int status)
{
	sql_node_status_add(
	    j, &(struct sql_node_status_add_in){ ANCHOR_STATUS_LIST, status });
}

/* The row is the caller's to put. */
static void turn_into(struct journal *j, struct anchor *a, int status, const char *why)
{
	struct sql_node_status_take_in less = { ANCHOR_STATUS_LIST, a->status };

	if (a->status == status)
		return;
	sql_node_status_take(j, &less);
	status_add(j, status);
	state_check(j, MACHINE_ANCHOR, a->status, status, 0, a->id);
	event(j, a, state_name(MACHINE_ANCHOR, a->status),
	    state_name(MACHINE_ANCHOR, status), why);
	a->status = status;
}

int64_t anchor_add(
    struct journal *j, const struct anchor *a, const void *payload, size_t len)
{
	struct sql_node_anchor_add_in in = { .payload = payload,
		.payload_len = len,
		.no_payload = !payload,
		.made_ms = a->made_ms,
		.status = a->status,
		.no_txid = !a->has_txid,
		.broadcast_ms = a->broadcast_ms,
		.no_broadcast_ms = !a->broadcast_ms,
		.retries = a->retries,
		.height = (int64_t)a->height,
		.no_height = !a->has_height,
		.no_block_hash = !a->in_block,
		.confirmations = (int64_t)a->confirmations,
		.change = a->change,
		.no_change = !a->change };
	struct anchor there;

	CHECK(len <= ANCHOR_PAYLOAD_MAX);
	if (anchor_find(j, &a->hash, &there))
		return there.id;
	memcpy(in.hash, a->hash.at, sizeof in.hash);
	memcpy(in.root, a->root.at, sizeof in.root);
	memcpy(in.txid, a->txid.at, sizeof in.txid);
	memcpy(in.block_hash, a->block_hash.at, sizeof in.block_hash);
	in.moved = anchors_move(j);
	sql_node_anchor_add(j, &in);
	status_add(j, a->status);
	event(j, a, "", state_name(MACHINE_ANCHOR, a->status),
	    payload ? "the state has this root" : "the reorg database had it");
	return anchor_find(j, &a->hash, &there) ? there.id : 0;
}

/* -- of states ------------------------------------------------------------- */

/* Others put metadata into the payload, and then its hash is another one. */
static bool is_plain(const struct anchor *a)
{
	char root[L2_HEX], payload[ANCHOR_PAYLOAD];
	uint8_t hash[32];

	hex_format(root, a->root.at, sizeof a->root.at);
	(void)anchor_payload(payload, hash, l2_text(root), (uint64_t)a->made_ms);
	return memcmp(hash, a->hash.at, sizeof hash) == 0;
}

bool anchor_of_root(struct journal *j, const struct hash *root, struct anchor *ret)
{
	struct sql_node_anchor_of_root_in in;
	struct sql_node_anchor_of_root_out row;
	struct ids ids = { .n = 0 };
	bool found = false;

	memcpy(in.root, root->at, sizeof in.root);
	sql_node_anchor_of_root_begin(j, &in);
	while (sql_node_anchor_of_root_next(j, &row))
		ids_add(&ids, row.id);
	for (size_t i = 0; i < ids.n && !found; i++)
		found = anchor_read(j, ids.at[i], ret) && is_plain(ret) &&
		    (ret->status == ANCHOR_PENDING || ret->status == ANCHOR_CONFIRMED);
	ids_release(&ids);
	return found;
}

static bool is_lost(int64_t status)
{
	return status == ANCHOR_INVALIDATED_REORG || status == ANCHOR_FAILED_ORPHANED;
}

bool anchor_is_lost(const struct anchor *a)
{
	return is_lost(a->status);
}

static int64_t lost_or_all(struct journal *j, bool lost_alone)
{
	struct sql_node_statuses_in in = { .list = ANCHOR_STATUS_LIST };
	struct sql_node_statuses_out row;
	int64_t ret = 0;

	sql_node_statuses_begin(j, &in);
	while (sql_node_statuses_next(j, &row))
		ret += lost_alone && !is_lost(row.status) ? 0 : row.n;
	return ret;
}

int64_t anchors_n(struct journal *j)
{
	return lost_or_all(j, false);
}

int64_t anchors_lost_n(struct journal *j)
{
	return lost_or_all(j, true);
}

size_t anchors_leave(struct journal *j, const struct hash *root,
    anchor_is_later_fn *is_later, void *ctx, bool give_up, size_t *ret_waiting)
{
	struct sql_node_anchors_out row;
	struct ids ids = { .n = 0 };
	struct anchor a;
	size_t n = 0;

	*ret_waiting = 0;
	sql_node_anchors_begin(j);
	while (sql_node_anchors_next(j, &row))
		ids_add(&ids, row.id);
	for (size_t i = 0; i < ids.n; i++) {
		if (!anchor_read(j, ids.at[i], &a) || hash_same(&a.root, root) ||
		    !is_later(ctx, &a))
			continue;
		n++;
		if (a.status != ANCHOR_PENDING || a.has_txid || a.in_block)
			continue;
		++*ret_waiting;
		if (!give_up || MUTANT(anchor_of_nothing_waits))
			continue;
		turn_into(j, &a, ANCHOR_FAILED_ORPHANED, "its state was given up");
		put(j, &a);
	}
	ids_release(&ids);
	return n;
}

void anchor_broadcast(
    struct journal *j, struct anchor *a, const struct hash *txid, int64_t wall_ms)
{
	char why[96] = "in transaction ";

	if (a->has_txid && hash_same(&a->txid, txid))
		return;
	hex_format(why + strlen(why), txid->at, sizeof txid->at);
	a->retries += a->has_txid;
	a->has_txid = true;
	a->txid = *txid;
	a->broadcast_ms = wall_ms;
	event(j, a, state_name(MACHINE_ANCHOR, a->status),
	    state_name(MACHINE_ANCHOR, a->status), why);
	put(j, a);
}

/* -- blocks ---------------------------------------------------------------- */

bool anchors_top(struct journal *j, uint64_t *ret_height)
{
	struct sql_node_block_top_out top;

	if (!sql_node_block_top_one(j, &top))
		return false;
	*ret_height = (uint64_t)top.height;
	return true;
}

bool anchors_at(struct journal *j, uint64_t height, struct hash *ret)
{
	struct sql_node_block_get_in in = { .height = (int64_t)height };
	struct sql_node_block_get_out row;

	if (height > INT64_MAX || !sql_node_block_get_one(j, &in, &row))
		return false;
	memcpy(ret->at, row.hash, sizeof ret->at);
	return true;
}

static struct ids anchors_from(struct journal *j, uint64_t height)
{
	struct sql_node_anchor_from_in in = { .height = (int64_t)height };
	struct sql_node_anchor_from_out row;
	struct ids ids = { .n = 0 };

	sql_node_anchor_from_begin(j, &in);
	while (sql_node_anchor_from_next(j, &row))
		ids_add(&ids, row.id);
	return ids;
}

static void invalidate(struct journal *j, int64_t reorg, int64_t id)
{
	struct sql_node_reorg_anchor_add_in in = { .reorg = reorg };
	struct anchor a;

	if (!anchor_read(j, id, &a) || a.status == ANCHOR_INVALIDATED_REORG)
		return;
	a.in_block = false;
	a.confirmations = 0;
	turn_into(j, &a, ANCHOR_INVALIDATED_REORG, "a reorg took its block");
	put(j, &a);
	memcpy(in.hash, a.hash.at, sizeof in.hash);
	sql_node_reorg_anchor_add(j, &in);
}

void anchors_removed(
    struct journal *j, uint64_t above, int64_t wall_ms, struct reorg *ret)
{
	struct ids ids = anchors_from(j, above + 1);

	reorg_add(j, above, wall_ms, ret);
	for (size_t i = 0; i < ids.n && !MUTANT(anchor_outlives_block); i++)
		invalidate(j, ret->number, ids.at[i]);
	ids_release(&ids);
	sql_node_block_drop_above(
	    j, &(struct sql_node_block_drop_above_in){ .height = (int64_t)above });
}

void anchors_lost(struct journal *j, uint64_t above, uint64_t lowest, int64_t wall_ms,
    struct reorg *ret)
{
	sql_node_block_drop_below(
	    j, &(struct sql_node_block_drop_below_in){ .height = (int64_t)lowest });
	anchors_removed(j, above, wall_ms, ret);
}

bool anchors_begin(struct journal *j, uint64_t *ret_height)
{
	struct sql_node_block_lowest_out lowest;

	if (!sql_node_block_lowest_one(j, &lowest))
		return reorg_waits(j, ret_height);
	*ret_height = (uint64_t)lowest.height;
	return true;
}

static void seen(struct journal *j, int64_t id, uint64_t height, const struct hash *hash)
{
	struct anchor a;

	if (!anchor_read(j, id, &a) ||
	    (a.in_block && a.height == height && hash_same(&a.block_hash, hash)))
		return;
	a.has_height = a.in_block = true;
	a.height = height;
	a.block_hash = *hash;
	a.confirmations = 0;
	if (a.status != ANCHOR_CONFIRMED && !MUTANT(anchor_stays_dead))
		turn_into(j, &a, ANCHOR_PENDING, "a block has its transaction");
	put(j, &a);
}

static void txid_seen(
    struct journal *j, uint64_t height, const struct hash *hash, const struct hash *txid)
{
	struct sql_node_anchor_by_tx_in in = { .txid = { 0 } };
	struct sql_node_anchor_by_tx_out row;
	struct ids ids = { .n = 0 };

	memcpy(in.txid, txid->at, sizeof in.txid);
	sql_node_anchor_by_tx_begin(j, &in);
	while (sql_node_anchor_by_tx_next(j, &row))
		ids_add(&ids, row.id);
	for (size_t i = 0; i < ids.n; i++)
		seen(j, ids.at[i], height, hash);
	ids_release(&ids);
}

static void count(struct journal *j, int64_t id, uint64_t top)
{
	uint64_t deep = ANCHOR_COUNTED;
	struct anchor a;

	if (!anchor_read(j, id, &a) || !a.in_block || a.height > top)
		return;
	if (top - a.height < ANCHOR_COUNTED)
		deep = top - a.height + 1;
	if (a.confirmations == deep)
		return;
	a.confirmations = deep;
	if (a.status == ANCHOR_PENDING &&
	    deep >= ANCHOR_CONFIRMS - (MUTANT(anchor_confirmed_early) ? 1 : 0))
		turn_into(j, &a, ANCHOR_CONFIRMED, "its confirmations are there");
	put(j, &a);
}

static void count_all(struct journal *j, uint64_t top)
{
	struct sql_node_anchor_counting_out row;
	struct ids ids = { .n = 0 };

	sql_node_anchor_counting_begin(j);
	while (sql_node_anchor_counting_next(j, &row))
		ids_add(&ids, row.id);
	for (size_t i = 0; i < ids.n; i++)
		count(j, ids.at[i], top);
	ids_release(&ids);
}

static void block_put(struct journal *j, uint64_t height, const struct hash *hash)
{
	struct sql_node_block_put_in in = { .height = (int64_t)height };

	CHECK(height <= INT64_MAX);
	in.moved = anchors_move(j);
	memcpy(in.hash, hash->at, sizeof in.hash);
	sql_node_block_put(j, &in);
}

void anchors_base(struct journal *j, uint64_t height, const struct hash *hash)
{
	struct hash there;

	if (!anchors_at(j, height, &there))
		block_put(j, height, hash);
}

void anchors_added(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n)
{
	struct sql_node_missed_next_out unread;

	block_put(j, height, hash);
	reorg_settle(j, height, hash);
	for (size_t i = 0; i < n; i++)
		txid_seen(j, height, hash, &txids[i]);
	count_all(j, height);
	/* What stands below blocks that nobody has read yet is compared with them. */
	if (height >= ANCHOR_BLOCKS_KEPT && !sql_node_missed_next_one(j, &unread))
		sql_node_block_drop_below(j,
		    &(struct sql_node_block_drop_below_in){
			.height = (int64_t)(height - ANCHOR_BLOCKS_KEPT + 1) });
}

void anchors_below(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n)
{
	uint64_t top;

	for (size_t i = 0; i < n; i++)
		txid_seen(j, height, hash, &txids[i]);
	if (anchors_top(j, &top))
		count_all(j, top);
}

void anchors_late(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n)
{
	struct hash was;
	uint64_t top;

	if (!anchors_top(j, &top))
		return;
	if (height + ANCHOR_BLOCKS_KEPT > top || anchors_at(j, height, &was))
		block_put(j, height, hash);
	if (!MUTANT(late_block_settles_nothing))
		reorg_settle(j, height, hash);
	anchors_below(j, height, hash, txids, n);
}

int64_t anchors_replaced(struct journal *j, uint64_t height, const struct hash *hash,
    const int64_t *reorg, int64_t wall_ms)
{
	int64_t number = reorg_replace(j, height, hash, reorg, wall_ms);
	struct ids ids = anchors_from(j, height);
	struct anchor a;

	for (size_t i = 0; i < ids.n; i++)
		if (anchor_read(j, ids.at[i], &a) && a.height == height && a.in_block &&
		    !hash_same(&a.block_hash, hash))
			invalidate(j, number, a.id);
	ids_release(&ids);
	return number;
}

void anchors_again(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n)
{
	struct hash mine;

	if (anchors_at(j, height, &mine) && hash_same(&mine, hash))
		anchors_below(j, height, hash, txids, n);
}

bool anchors_wait(struct journal *j)
{
	struct sql_node_anchor_waiting_out row;

	return sql_node_anchor_waiting_one(j, &row);
}

void anchors_turn(struct journal *j, int64_t wall_ms)
{
	struct sql_node_anchor_late_in in = { .before = wall_ms - ANCHOR_PENDING_MS };
	struct sql_node_anchor_late_out row;
	struct ids ids = { .n = 0 };
	struct anchor a;

	sql_node_anchor_late_begin(j, &in);
	while (sql_node_anchor_late_next(j, &row))
		ids_add(&ids, row.id);
	for (size_t i = 0; i < ids.n; i++) {
		if (!anchor_read(j, ids.at[i], &a))
			continue;
		turn_into(j, &a, ANCHOR_FAILED_ORPHANED, "no block has it for an hour");
		put(j, &a);
	}
	ids_release(&ids);
}
