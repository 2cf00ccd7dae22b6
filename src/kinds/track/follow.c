/* follow.c - what blocks hold of what is followed. */
#include <string.h>

#include "base/check.h"
#include "base/ids.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/track/track_in.h"

/* Rows that one turn takes up, or moves on. */
#define ROWS_MAX 4096

/* -- who is followed ------------------------------------------------------- */

static void fingers_put(
    struct track_chain *t, const uint8_t hash[32], int64_t row, bool there)
{
	struct hash h;
	uint64_t print;

	memcpy(h.at, hash, sizeof h.at);
	print = finger_hash(&t->fingers, &h);
	fingers_drop(&t->fingers, print, row);
	if (there)
		fingers_add(&t->fingers, print, row);
}

static void fingers_nonce_put(struct track_chain *t, const uint8_t sender[20],
    int64_t nonce, int64_t row, bool there)
{
	struct address a;
	uint64_t print;

	memcpy(a.at, sender, sizeof a.at);
	print = finger_nonce(&t->fingers, &a, (uint64_t)nonce);
	fingers_drop(&t->fingers, print, row);
	if (there)
		fingers_add(&t->fingers, print, row);
}

void fingers_of_nonce(
    struct track_chain *t, const struct sql_tracked_get_out *row, bool there)
{
	if (!row->no_nonce && !row->no_sender)
		fingers_nonce_put(t, row->sender, row->nonce, row->id, there);
}

void fingers_of_row(
    struct track_chain *t, const struct sql_tracked_get_out *row, bool there)
{
	fingers_put(t, row->hash, row->id, there);
	fingers_of_nonce(t, row, there);
}

/* The follower knows it before the runner does. */
static int64_t chain_id(const struct track_chain *t)
{
	return follower_chain(t->chain->follower);
}

/* Rows whose blocks lie at or below a height, and are not settled yet. */
static struct ids open_upto(struct track_chain *t, uint64_t height)
{
	struct sql_tracked_upto_in in = { .chain = chain_id(t),
		.height = (int64_t)height };
	struct sql_tracked_upto_out found;
	struct ids ids = { .n = 0 };

	sql_tracked_upto_begin(t->track->journal, &in);
	while (sql_tracked_upto_next(t->track->journal, &found))
		ids_add(&ids, found.id);
	return ids;
}

/* Nodes are asked what became of it, and until that is known it gets no deeper. */
static void doubt_put(struct track_chain *t, int64_t row)
{
	if (MUTANT(doubt_gets_deeper))
		sql_tracked_looked(t->track->journal,
		    &(struct sql_tracked_looked_in){ .id = row, .looks = LOOKS_NEVER });
	else
		sql_tracked_doubt(t->track->journal,
		    &(struct sql_tracked_doubt_in){ .id = row, .looks = LOOKS_NEVER });
}

/* Blocks up to there are not read any more: nodes are asked what became of these. */
static void ask_upto(struct track_chain *t, uint64_t height)
{
	struct ids ids = open_upto(t, height);

	for (size_t i = 0; i < ids.n; i++)
		doubt_put(t, ids.at[i]);
	ids_release(&ids);
}

/* Blocks may have left the trail, or become final, that nobody here was told of. */
static void doubt_all(struct track_chain *t)
{
	struct head final = { 0 };

	(void)follower_final(t->chain->follower, &final);
	ask_upto(t, final.height);
	t->doubtful = true;
	t->doubt_above = final.height;
}

/* All of it, at a start. */
static void load(struct track_chain *t)
{
	struct sql_tracked_open_in in = { .chain = chain_id(t) };
	struct sql_tracked_open_out row;

	sql_tracked_open_begin(t->track->journal, &in);
	while (sql_tracked_open_next(t->track->journal, &row)) {
		fingers_put(t, row.hash, row.id, true);
		if (!row.no_nonce && !row.no_sender)
			fingers_nonce_put(t, row.sender, row.nonce, row.id, true);
	}
	t->loaded = true;
	doubt_all(t);
}

/* What came since: it may be in a block that was looked at already. Or what nobody wants
 * any more. */
static void take_new(struct track_chain *t)
{
	struct sql_tracked_new_in in = { .chain = t->chain->id, .max = ROWS_MAX };
	struct sql_tracked_new_out row;
	struct sql_tracked_looked_in *taken = NULL;
	size_t n = 0;

	sql_tracked_new_begin(t->track->journal, &in);
	while (sql_tracked_new_next(t->track->journal, &row)) {
		fingers_put(t, row.hash, row.id, !row.ended);
		if (!row.no_nonce && !row.no_sender)
			fingers_nonce_put(t, row.sender, row.nonce, row.id, !row.ended);
		if (!row.ended) {
			t->has_done = false;
			t->look_height = 0; /* asked for at once, once */
		}
		taken = mem_grow(taken, n + 1, sizeof *taken);
		taken[n++] = (struct sql_tracked_looked_in){
			.id = row.id, .looks = LOOKS_NEVER, .no_looks = row.ended
		};
	}
	for (size_t i = 0; i < n; i++)
		sql_tracked_looked(t->track->journal, &taken[i]);
	if (n == ROWS_MAX)
		t->runner->again = true;
	mem_free(taken);
}

/* -- a block --------------------------------------------------------------- */

/* Any attempt of an intent of ours is as good as the one that was named. */
bool row_is_own(
    struct journal *j, const struct sql_tracked_get_out *row, const struct hash *hash)
{
	struct sql_intent_get_in get = { .id = row->intent };
	struct sql_intent_get_out intent;
	struct sql_attempt_by_hash_in in;
	struct sql_attempt_by_hash_out attempt;

	if (!memcmp(row->hash, hash->at, sizeof row->hash))
		return true;
	if (row->no_intent || !sql_intent_get_one(j, &get, &intent))
		return false;
	in.account = intent.account;
	memcpy(in.hash, hash->at, sizeof in.hash);
	return sql_attempt_by_hash_one(j, &in, &attempt) &&
	    attempt.intent == row->intent && !attempt.empty;
}

static bool is_rival(const struct sql_tracked_get_out *row, const struct passing_tx *tx)
{
	return !row->no_nonce && !row->no_sender &&
	    !memcmp(row->sender, tx->from.at, sizeof row->sender) &&
	    (uint64_t)row->nonce == tx->nonce;
}

static void hit(struct track_chain *t, int64_t id, const struct block_facts *b,
    const struct passing_tx *tx)
{
	struct sql_tracked_get_out row;
	bool itself;

	if (!row_get(t->track->journal, id, &row) || !row.no_ended_ms)
		return;
	itself = !memcmp(row.hash, tx->hash.at, sizeof row.hash);
	if (itself && !is_rival(&row, tx) && !MUTANT(sender_of_pools_alone))
		row_sender(t, &row, &tx->from, tx->nonce);
	if (itself || is_rival(&row, tx))
		row_in_block(t, &row, &b->head, &tx->hash,
		    row_is_own(t->track->journal, &row, &tx->hash), tx->status);
}

/* Those of one print; rows move while they are found, so they are collected first. */
static void hits(struct track_chain *t, uint64_t print, const struct block_facts *b,
    const struct passing_tx *tx)
{
	struct ids ids = { .n = 0 };
	size_t at = 0;
	int64_t id;

	while ((id = fingers_next(&t->fingers, print, &at)))
		ids_add(&ids, id);
	for (size_t i = 0; i < ids.n; i++)
		hit(t, ids.at[i], b, tx);
	ids_release(&ids);
}

static void block_take(struct track_chain *t, const struct block_facts *b)
{
	for (uint32_t i = 0; i < b->every_n && t->fingers.n; i++) {
		const struct passing_tx *tx = &b->every[i];

		hits(t, finger_hash(&t->fingers, &tx->hash), b, tx);
		if (!MUTANT(rivals_not_looked_for))
			hits(t, finger_nonce(&t->fingers, &tx->from, tx->nonce), b, tx);
	}
}

/* -- the agreed blocks ----------------------------------------------------- */

/* From the agreed one down to what was done, or to the final one. */
static size_t blocks_since(struct track_chain *t, const struct block_facts *agreed,
    const struct block_facts ***ret)
{
	const struct block_facts *b = agreed, **list = NULL;
	const struct follower *f = t->chain->follower;
	size_t n = 0;

	while (b &&
	    !(t->has_done && b->head.height == t->done_height &&
		hash_same(&b->head.hash, &t->done))) {
		list = mem_grow(list, n + 1, sizeof *list);
		list[n++] = b;
		b = b->head.height
		    ? follower_block(f, &b->head.parent, b->head.height - 1)
		    : NULL;
	}
	*ret = list;
	return n;
}

/* What is told to have left the trail may have been there all the same, after a long
 * absence. Gone is what has another block in its place. */
static void doubt_settle(struct track_chain *t, const struct block_facts **list, size_t n)
{
	struct sql_tracked_above_in in = { .chain = t->chain->id,
		.height = (int64_t)t->doubt_above };
	struct sql_tracked_above_out found;
	struct ids ids = { .n = 0 };
	struct sql_tracked_get_out row;

	t->doubtful = false;
	sql_tracked_above_begin(t->track->journal, &in);
	while (sql_tracked_above_next(t->track->journal, &found))
		ids_add(&ids, found.id);
	for (size_t i = 0; i < ids.n && !MUTANT(reorg_not_followed); i++) {
		uint64_t top = list[0]->head.height;

		if (!row_get(t->track->journal, ids.at[i], &row) || row.no_height ||
		    row.state == TRACKED_UNTRACKED)
			continue;
		t->doubtful |= (uint64_t)row.height > top;
		if ((uint64_t)row.height > top || (uint64_t)row.height + n <= top)
			continue;
		if (memcmp(row.block_hash, list[top - (uint64_t)row.height]->head.hash.at,
			sizeof row.block_hash) != 0)
			row_retract(t, &row);
	}
	ids_release(&ids);
}

static void deepen(struct track_chain *t, uint64_t height)
{
	struct sql_tracked_due_in in = { .chain = t->chain->id, .due = (int64_t)height };
	struct sql_tracked_due_out due;
	struct ids ids = { .n = 0 };
	struct sql_tracked_get_out row;

	sql_tracked_due_begin(t->track->journal, &in);
	while (sql_tracked_due_next(t->track->journal, &due) && ids.n < ROWS_MAX)
		ids_add(&ids, due.id);
	sql_tracked_due_end(t->track->journal);
	for (size_t i = 0; i < ids.n; i++)
		if (row_get(t->track->journal, ids.at[i], &row))
			row_deeper(t, &row, height);
	if (ids.n == ROWS_MAX)
		t->runner->again = true;
	ids_release(&ids);
}

/* Who was followed when its block was final already: that block is of the trail, and
 * told as final by nobody any more. */
static void settle_final(struct track_chain *t, const struct head *lowest)
{
	struct head final;
	struct ids ids;
	struct sql_tracked_get_out row;

	if (!follower_final(t->chain->follower, &final) ||
	    lowest->height > final.height || MUTANT(final_block_is_asked))
		return;
	ids = open_upto(t, final.height);
	for (size_t i = 0; i < ids.n; i++)
		if (row_get(t->track->journal, ids.at[i], &row) &&
		    !memcmp(row.block_hash, final.hash.at, sizeof row.block_hash))
			row_final(t, &row, follower_quorum_height(t->chain->follower));
	ids_release(&ids);
}

static void take_agreed(struct track_chain *t)
{
	const struct block_facts *agreed = follower_agreed(t->chain->follower);
	const struct block_facts **list;
	size_t n;

	if (!agreed || !agreed->has_every)
		return;
	n = blocks_since(t, agreed, &list);
	for (size_t i = n; i > 0; i--)
		block_take(t, list[i - 1]);
	if (t->doubtful && n)
		doubt_settle(t, list, n);
	if (n)
		settle_final(t, &list[n - 1]->head);
	mem_free(list);
	t->has_done = true;
	t->done_height = agreed->head.height;
	t->done = agreed->head.hash;
	deepen(t, agreed->head.height);
}

/* -- what the follower tells ----------------------------------------------- */

static struct track_chain *chain_of(struct track *k, struct chain_run *c)
{
	struct track_chain *t;
	uint64_t mix;

	for (size_t i = 0; i < k->chains_n; i++)
		if (k->chains[i]->chain == c)
			return k->chains[i];
	t = mem_new(sizeof *t);
	t->track = k;
	t->runner = c->runner;
	t->chain = c;
	world_random(k->world, &mix, sizeof mix);
	fingers_init(&t->fingers, mix);
	k->chains = mem_grow(k->chains, k->chains_n + 1, sizeof *k->chains);
	k->chains[k->chains_n++] = t;
	return t;
}

static void told_retracted(void *ctx, struct chain_run *c, uint64_t above)
{
	struct track_chain *t = chain_of(ctx, c);

	if (!t->doubtful || above < t->doubt_above)
		t->doubt_above = above;
	t->doubtful = true;
	t->has_done = false; /* all of the trail is looked at again */
}

/* These are gone for sure. */
static void told_undone(void *ctx, struct chain_run *c, uint64_t ancestor)
{
	struct track_chain *t = chain_of(ctx, c);
	struct sql_tracked_above_in in = { .chain = chain_id(t),
		.height = (int64_t)ancestor };
	struct sql_tracked_above_out found;
	struct ids ids = { .n = 0 };
	struct sql_tracked_get_out row;

	sql_tracked_above_begin(t->track->journal, &in);
	while (sql_tracked_above_next(t->track->journal, &found))
		ids_add(&ids, found.id);
	for (size_t i = 0; i < ids.n; i++)
		if (row_get(t->track->journal, ids.at[i], &row) &&
		    row.state != TRACKED_UNTRACKED)
			row_retract(t, &row);
	ids_release(&ids);
	t->has_done = false;
}

static void told_passed(void *ctx, struct chain_run *c, uint64_t height)
{
	ask_upto(chain_of(ctx, c), height);
}

static void told_final(void *ctx, struct chain_run *c, const struct block_facts *b)
{
	struct track_chain *t = chain_of(ctx, c);
	uint64_t head = follower_quorum_height(c->follower);
	struct ids ids;
	struct sql_tracked_get_out row;

	if (!t->loaded)
		load(t);
	block_take(t, b);
	ids = open_upto(t, b->head.height);
	for (size_t i = 0; i < ids.n; i++) {
		if (!row_get(t->track->journal, ids.at[i], &row))
			continue;
		if (!memcmp(row.block_hash, b->head.hash.at, sizeof row.block_hash))
			row_final(t, &row, head);
		else if (row.no_looks)
			doubt_put(t, row.id);
	}
	ids_release(&ids);
}

static void told_turn(void *ctx, struct runner *r)
{
	struct track *k = ctx;

	for (int i = 0; i < r->s.chains_n; i++) {
		struct track_chain *t = chain_of(k, &r->chains[i]);

		if (!t->chain->id || !t->chain->connector->tracks)
			continue;
		if (!t->loaded)
			load(t);
		take_new(t);
		follower_every(t->chain->follower, t->fingers.n > 0);
		if (!t->fingers.n)
			continue;
		take_agreed(t);
		look_turn(t);
	}
}

/* -- its life -------------------------------------------------------------- */

struct track *track_new(
    struct world *w, struct journal *j, const struct track_config *config)
{
	struct track *k = mem_new(sizeof *k);

	k->world = w;
	k->journal = j;
	k->config = *config;
	return k;
}

void track_configure(struct track *k, const struct track_config *config)
{
	k->config = *config;
}

void track_free(struct track *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->chains_n; i++) {
		fingers_release(&k->chains[i]->fingers);
		mem_free(k->chains[i]->look);
		mem_free(k->chains[i]);
	}
	mem_free(k->chains);
	mem_free(k);
}

struct block_watcher track_watcher(struct track *k)
{
	return (struct block_watcher){ .ctx = k,
		.retracted = told_retracted,
		.undone = told_undone,
		.final = told_final,
		.passed = told_passed,
		.turn = told_turn };
}
