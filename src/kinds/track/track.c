#include "kinds/track/track.h"

#include <string.h>

#include "base/mem.h"
#include "kinds/track/track_in.h"

#define CONFIRMATIONS 20 /* of Ethereum; and of who is not known */

int track_confirmations(uint64_t chain_id)
{
	static const struct {
		uint64_t chain_id;
		int confirmations;
	} known[] = {
		{ 1, CONFIRMATIONS }, /* Ethereum */
		{ 56, 25 },           /* BNB Smart Chain */
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].chain_id == chain_id)
			return known[i].confirmations;
	return CONFIRMATIONS;
}

static void tracked_of(struct tracked *ret, const struct sql_tracked_get_out *row)
{
	*ret = (struct tracked){ .id = row->id,
		.chain = row->chain,
		.state = (int)row->state,
		.guess = row->guess,
		.confirmations = (uint32_t)row->confirmations,
		.has_sender = !row->no_sender,
		.in_block = !row->no_height,
		.height = row->no_height ? 0 : (uint64_t)row->height,
		.percent = (int)row->percent,
		.misses = row->misses,
		.unasked = !row->no_looks && row->looks == LOOKS_NEVER && row->round > 0,
		.has_by = !row->no_by_hash,
		.since_ms = row->since_ms,
		.ended_ms = row->no_ended_ms ? 0 : row->ended_ms };
	memcpy(ret->hash.at, row->hash, sizeof ret->hash.at);
	memcpy(ret->block_hash.at, row->block_hash, sizeof ret->block_hash.at);
	memcpy(ret->by.at, row->by_hash, sizeof ret->by.at);
}

bool track_read(struct journal *j, int64_t id, struct tracked *ret)
{
	struct sql_tracked_get_out row;

	if (!row_get(j, id, &row))
		return false;
	tracked_of(ret, &row);
	return true;
}

size_t track_find(
    struct journal *j, const struct hash *hash, struct tracked *ret, size_t max)
{
	struct sql_tracked_by_hash_in in = { .hash = { 0 } };
	struct sql_tracked_by_hash_out found;
	size_t n = 0, kept = 0;

	memcpy(in.hash, hash->at, sizeof in.hash);
	sql_tracked_by_hash_begin(j, &in);
	while (sql_tracked_by_hash_next(j, &found))
		if (n++ < max)
			ret[n - 1].id = found.id;
	for (size_t i = 0; i < n && i < max; i++)
		if (track_read(j, ret[i].id, &ret[kept]))
			kept++;
	return kept;
}

bool track_ended(const struct tracked *t)
{
	return t->ended_ms != 0;
}

bool track_there(const struct tracked *t)
{
	return !t->guess &&
	    (t->state == TRACKED_MEMPOOL || t->state == TRACKED_INCLUDED ||
		t->state == TRACKED_CONFIRMED || t->state == TRACKED_FINAL ||
		t->state == TRACKED_REVERTED);
}

/* The row of this hash on this chain; 0: there is none. */
static int64_t row_of(struct journal *j, const struct hash *hash, int64_t chain)
{
	struct sql_tracked_id_in in = { .chain = chain };
	struct sql_tracked_id_out found;

	memcpy(in.hash, hash->at, sizeof in.hash);
	return sql_tracked_id_one(j, &in, &found) ? found.id : 0;
}

/* An intent's sender and nonce are known before any node is asked. */
static void intent_of(
    struct journal *j, const struct track_wish *w, struct sql_tracked_add_in *in)
{
	struct sql_intent_get_in get = { .id = w->intent };
	struct sql_intent_get_out intent;
	struct sql_account_get_out account;

	in->no_intent = in->no_sender = in->no_nonce = true;
	if (!w->intent || !sql_intent_get_one(j, &get, &intent) || intent.no_nonce ||
	    !sql_account_get_one(
		j, &(struct sql_account_get_in){ .id = intent.account }, &account))
		return;
	in->no_intent = in->no_sender = in->no_nonce = false;
	in->intent = w->intent;
	in->nonce = intent.nonce;
	memcpy(in->sender, account.address, sizeof in->sender);
}

static int64_t row_new(struct journal *j, const struct track_wish *w, int64_t wall_ms)
{
	struct sql_tracked_add_in in = { .chain = w->chain,
		.guess = w->guess,
		.confirmations = w->confirmations,
		.since_ms = wall_ms };
	int64_t id;

	memcpy(in.hash, w->hash.at, sizeof in.hash);
	intent_of(j, w, &in);
	sql_tracked_add(j, &in);
	id = row_of(j, &w->hash, w->chain);
	if (!id)
		return 0;
	sql_tracked_total_add(
	    j, &(struct sql_tracked_total_add_in){ in.chain, TRACKED_UNSEEN });
	row_event(j, id, in.hash, "", TRACKED_UNSEEN, "it was asked for");
	return id;
}

/* It was asked for by its hash, and now as a payment of ours: the runner is told whose
 * nonce it has. */
static void intent_adopt(
    struct journal *j, struct sql_tracked_get_out *row, const struct track_wish *w)
{
	struct sql_tracked_add_in in = { .hash = { 0 } };

	intent_of(j, w, &in);
	if (!row->no_intent || in.no_intent)
		return;
	row->no_intent = row->no_sender = row->no_nonce = false;
	row->intent = in.intent;
	row->nonce = in.nonce;
	memcpy(row->sender, in.sender, sizeof row->sender);
	row->looks = LOOKS_NEW;
	row->no_looks = !row->no_ended_ms;
}

int64_t track_add(struct journal *j, const struct track_wish *w, int64_t wall_ms)
{
	int64_t id = row_of(j, &w->hash, w->chain);
	struct sql_tracked_get_out row;

	if (!id || !row_get(j, id, &row))
		return row_new(j, w, wall_ms);
	intent_adopt(j, &row, w);
	row_again(j, &row, w, wall_ms);
	return id;
}

bool track_drop(struct journal *j, int64_t id, int64_t wall_ms)
{
	const struct subject of = { .kind = SUBJECT_HASH, .id = id };
	struct sql_tracked_get_out row;

	message_unsubscribe_all(j, &of);
	if (!row_get(j, id, &row) || !row.no_ended_ms)
		return false;
	row_untrack(j, &row, wall_ms);
	return true;
}
