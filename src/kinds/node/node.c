#include "kinds/node/node.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "chain/follower/feed.h"
#include "kinds/node/again.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/anchor/missed.h"
#include "kinds/node/anchor/pegin_tx.h"
#include "kinds/node/reorgdb/mirror.h"
#include "kinds/node/state/book.h"
#include "kinds/node/watch/watch.h"

/* Peg-ins that are counted in a turn. */
#define COUNTED_MAX 1024

struct l2_node {
	struct world *world;
	struct journal *journal;
	char *chain;
	struct mirror *mirror;
	struct again *again;
	struct l2_watch *watch;
	int reorgs;             /* in this life */
	bool asked, had_height; /* when it began, */
	uint64_t height_before; /* the block up to which the journal had read */
	uint64_t known, depth;  /* the chain's head, and what is final below it */
	bool look_again;        /* anchors came behind blocks that may have them */
	bool other_chain;       /* the journal's heights are not of this one */
	bool count;             /* peg-ins, whatever block is the highest */
	int64_t changes;        /* of the state, when it was looked at last */
	struct hash counted;    /* up to this block they were */
	bool pegins_moved;      /* or settled, since the watch was told */
	char trouble[200];
};

/* -- what a feed asks ------------------------------------------------------ */

static bool feed_top(void *ctx, uint64_t *ret_height)
{
	const struct l2_node *n = ctx;

	return anchors_top(n->journal, ret_height);
}

static bool feed_at(void *ctx, uint64_t height, struct hash *ret)
{
	const struct l2_node *n = ctx;

	return anchors_at(n->journal, height, ret);
}

static void reorg_tell(struct l2_node *n, const struct reorg *r)
{
	n->reorgs++;
	if (r->below)
		log_warn("node",
		    "a reorg at or below height %" PRIu64 ", at least %" PRIu64
		    " deep: none of the blocks that this journal knew is the chain's any "
		    "more, so where it began is not known",
		    r->height, r->deep);
	else
		log_warn("node", "a reorg at height %" PRIu64 ", %" PRIu64 " deep",
		    r->height, r->deep);
}

static void feed_removed(void *ctx, uint64_t above)
{
	struct l2_node *n = ctx;
	struct reorg r;

	anchors_removed(n->journal, above, world_wall_ms(n->world), &r);
	pegin_txs_removed(n->journal, above);
	missed_removed(n->journal, above);
	reorg_tell(n, &r);
}

static void feed_lost(void *ctx, const struct head *h, uint64_t lowest)
{
	struct l2_node *n = ctx;
	struct reorg r;

	anchors_lost(n->journal, h->height, lowest, world_wall_ms(n->world), &r);
	pegin_txs_removed(n->journal, h->height);
	missed_lost(n->journal, h->height, &h->hash);
	reorg_tell(n, &r);
}

/* Where all that was known gave way it begins where it began, or, on a chain that is not
 * as high now, with as many blocks as are kept. */
static bool feed_begins(void *ctx, uint64_t *ret_height)
{
	const struct l2_node *n = ctx;
	uint64_t top;

	if (!anchors_begin(n->journal, ret_height))
		return false;
	if (!anchors_top(n->journal, &top) && n->known < *ret_height + n->depth)
		*ret_height = n->known >= ANCHOR_BLOCKS_KEPT
		    ? n->known - ANCHOR_BLOCKS_KEPT + 1
		    : 0;
	return true;
}

static void feed_missed(void *ctx, uint64_t from, uint64_t to, const struct hash *hash)
{
	const struct l2_node *n = ctx;

	missed_add(n->journal, from, to, hash);
}

typedef void block_fn(struct journal *j, uint64_t height, const struct hash *hash,
    const struct hash *txids, size_t n);

static void tell(const struct l2_node *n, block_fn *fn, const struct block_facts *b)
{
	struct hash *txids = mem_array(b->every_n ? b->every_n : 1, sizeof *txids);

	for (uint32_t i = 0; i < b->every_n; i++)
		txids[i] = b->every[i].hash;
	fn(n->journal, b->head.height, &b->head.hash, txids, b->every_n);
	mem_free(txids);
}

static void feed_added(void *ctx, const struct block_facts *b)
{
	const struct l2_node *n = ctx;

	if (b->head.height)
		anchors_base(n->journal, b->head.height - 1, &b->head.parent);
	tell(ctx, anchors_added, b);
	tell(ctx, pegin_txs_added, b);
}

static void feed_below(void *ctx, const struct block_facts *b)
{
	tell(ctx, anchors_below, b);
	tell(ctx, pegin_txs_added, b);
}

static struct feed feed_of(struct l2_node *n, const struct follower *f)
{
	n->known = follower_quorum_height(f);
	n->depth = follower_depth(f);
	return (struct feed){ .ctx = n,
		.begins = feed_begins,
		.below = feed_below,
		.lost = feed_lost,
		.top = feed_top,
		.at = feed_at,
		.removed = feed_removed,
		.missed = feed_missed,
		.added = feed_added };
}

/* -- what the runner tells ------------------------------------------------- */

/* Is it the chain that the journal's heights are of? */
static bool is_mine(struct l2_node *n, const struct chain_run *c)
{
	if (strcmp(c->config->name, n->chain) != 0 || !c->id)
		return false;
	if (anchors_chain(n->journal, c->id)) {
		n->other_chain = false;
		return true;
	}
	snprintf(n->trouble, sizeof n->trouble,
	    "the anchors of this journal are on another chain than %s: give node.chain "
	    "the one that it was, or begin with another journal",
	    n->chain);
	if (!n->other_chain)
		log_error("node", "%s", n->trouble);
	n->other_chain = true;
	return false;
}

static void told_nothing(void *ctx, struct chain_run *c, uint64_t height)
{
	(void)ctx;
	(void)c;
	(void)height;
}

static void told_final(void *ctx, struct chain_run *c, const struct block_facts *b)
{
	struct l2_node *n = ctx;
	const struct feed feed = feed_of(n, c->follower);

	if (is_mine(n, c))
		feed_final(&feed, c->follower, b);
}

static void told_undone(void *ctx, struct chain_run *c, uint64_t ancestor)
{
	struct l2_node *n = ctx;
	const struct feed feed = feed_of(n, c->follower);

	if (is_mine(n, c))
		feed_undone(&feed, c->follower, ancestor);
}

/* All that is kept of the agreed branch. false: nodes agree on none now. */
static bool look_again(struct l2_node *n, const struct chain_run *c)
{
	const struct block_facts *b = follower_agreed(c->follower);

	if (!b || !b->has_every)
		return false;
	for (; b && b->has_every; b = b->head.height
		 ? follower_block(c->follower, &b->head.parent, b->head.height - 1)
		 : NULL)
		tell(n, anchors_again, b);
	n->look_again = false;
	return true;
}

/* Peg-ins that came behind the blocks that may have them. */
static void look_for_pegins(struct l2_node *n, const struct chain_run *c)
{
	const struct block_facts *b = follower_agreed(c->follower);
	struct pegin_wanted *w;
	struct hash mine;

	if (!b || !b->has_every || !pegin_txs_wanted(n->journal))
		return;
	w = pegin_wanted_new(n->journal);
	for (; b && b->has_every; b = b->head.height
		 ? follower_block(c->follower, &b->head.parent, b->head.height - 1)
		 : NULL)
		for (uint32_t i = 0; i < b->every_n; i++)
			if (pegin_wanted_has(w, &b->every[i].hash) &&
			    anchors_at(n->journal, b->head.height, &mine) &&
			    hash_same(&mine, &b->head.hash))
				pegin_txs_added(n->journal, b->head.height, &mine,
				    &b->every[i].hash, 1);
	pegin_wanted_free(w);
	pegin_txs_looked(n->journal);
	n->count = true;
}

/* How deep they are changes with each block. */
static void count_pegins(struct l2_node *n, struct runner *r)
{
	struct book *b;
	struct hash top;
	uint64_t height;
	size_t moved;

	if (!anchors_top(n->journal, &height) || !anchors_at(n->journal, height, &top) ||
	    (!n->count && hash_same(&top, &n->counted)))
		return;
	b = book_new(n->journal, world_wall_ms(n->world), BOOK_FOLLOWS);
	moved = book_pegins(b, height, COUNTED_MAX);
	if (!journal_numb(n->journal))
		book_settle(b);
	book_free(b);
	n->counted = top;
	n->count = moved == COUNTED_MAX;
	r->again |= n->count;
	n->pegins_moved = true;
}

static void watch(struct l2_node *n, struct runner *r)
{
	struct watch_seen seen = { .database_trouble = mirror_trouble(n->mirror),
		.database_whole = mirror_whole(n->mirror),
		.database_written = mirror_written(n->mirror),
		.pegins_moved = n->pegins_moved,
		.had_height = n->had_height,
		.height_before = n->height_before,
		.reorgs = n->reorgs };
	struct chain_run *c = runner_chain(r, n->chain);
	uint64_t known;

	seen.chain_trouble = c ? follower_waits_for(c->follower) : NULL;
	if (again_trouble(n->again))
		seen.chain_trouble = again_trouble(n->again);
	if (n->other_chain)
		seen.chain_trouble = n->trouble;
	seen.has_head = c && !n->other_chain && anchors_top(n->journal, &seen.head);
	known = c ? follower_quorum_height(c->follower) : 0;
	seen.at_head = seen.has_head && known && seen.head >= known;
	watch_turn(n->watch, r, &seen);
	n->pegins_moved = false;
}

static bool changes_came(struct l2_node *n)
{
	struct book_sums sums;
	int64_t before = n->changes;

	book_sums(n->journal, &sums);
	n->changes = sums.changes;
	return n->changes != before;
}

static void told_turn(void *ctx, struct runner *r)
{
	struct l2_node *n = ctx;
	struct feed feed;

	if (!n->asked)
		n->had_height = anchors_top(n->journal, &n->height_before);
	n->asked = true;
	for (int i = 0; i < r->s.chains_n; i++)
		if (is_mine(n, &r->chains[i])) {
			feed = feed_of(n, r->chains[i].follower);
			feed_turn(&feed, r->chains[i].follower);
			again_turn(n->again, r, &r->chains[i]);
			n->count |= again_read(n->again);
			look_for_pegins(n, &r->chains[i]);
			count_pegins(n, r);
		}
	anchors_turn(n->journal, world_wall_ms(n->world));
	mirror_turn(n->mirror, r);
	n->look_again |= mirror_took(n->mirror);
	if (changes_came(n)) {
		/* Somebody told of a transaction: the blocks at hand may have it. */
		n->look_again |= anchors_wait(n->journal);
		n->pegins_moved = true; /* or settled, or brought back */
	}
	for (int i = 0; i < r->s.chains_n && n->look_again; i++)
		if (is_mine(n, &r->chains[i]) && look_again(n, &r->chains[i]))
			r->again = true; /* the database is told of it */
	watch(n, r);
}

struct block_watcher l2_node_watcher(struct l2_node *n)
{
	/* What left is told by the feed, with what came in its place, if that is known.
	 */
	return (struct block_watcher){ .ctx = n,
		.retracted = told_nothing,
		.undone = told_undone,
		.final = told_final,
		.passed = told_nothing,
		.turn = told_turn };
}

const struct l2_figures *l2_node_figures(const struct l2_node *n)
{
	return watch_figures(n->watch);
}

void l2_node_configure(
    struct l2_node *n, int64_t backup_every_ms, uint64_t max_divergence)
{
	watch_configure(n->watch, backup_every_ms, max_divergence);
}

void l2_node_backed(struct l2_node *n, const char *why)
{
	watch_backed(n->watch, why);
}

/* -- its life -------------------------------------------------------------- */

struct l2_node *l2_node_new(
    struct world *w, struct journal *j, const struct l2_node_config *config)
{
	struct l2_node *n = mem_new(sizeof *n);

	n->world = w;
	n->journal = j;
	n->chain = mem_str(config->chain);
	n->count = n->pegins_moved = true;
	n->again = again_new();
	n->mirror = mirror_new(w, j, config->reorg_db);
	n->watch = watch_new(w, j, config);
	return n;
}

void l2_node_free(struct l2_node *n)
{
	if (!n)
		return;
	mirror_free(n->mirror);
	watch_free(n->watch);
	again_free(n->again);
	mem_free(n->chain);
	mem_free(n);
}
