#include "chain/follower/feed.h"

#include "base/mem.h"
#include "base/mutant.h"

static bool has(const struct feed *feed, uint64_t height, const struct hash *hash)
{
	struct hash mine;

	return feed->at(feed->ctx, height, &mine) && hash_same(&mine, hash);
}

static uint64_t begin_of(const struct feed *feed)
{
	uint64_t height;

	return feed->begins(feed->ctx, &height) && !MUTANT(filled_from_below) ? height
									      : 0;
}

/* The highest block below this one up to which what he has is the chain's, as far as
 * that can be told: which blocks are, is known from the kept ones on. */
static uint64_t ancestor_of(const struct feed *feed, struct follower *f,
    const struct block_facts *b, uint64_t top, uint64_t lowest)
{
	uint64_t below = b->head.height - 1, at = top < below ? top : below;
	struct hash hash = b->head.parent;

	while (at && at >= lowest && (at == below || follower_kept(f, at, &hash)) &&
	    !has(feed, at, &hash))
		at--;
	return at;
}

static void put(const struct feed *feed, struct follower *f, const struct block_facts *b)
{
	uint64_t top, ancestor, lowest = begin_of(feed);

	if (has(feed, b->head.height, &b->head.hash))
		return;
	if (b->head.height < lowest) {
		feed->below(feed->ctx, b);
		return;
	}
	if (b->head.height && feed->top(feed->ctx, &top)) {
		ancestor = ancestor_of(feed, f, b, top, lowest);
		if (top > ancestor && !MUTANT(dead_branch_stays))
			feed->removed(feed->ctx, ancestor);
		if (ancestor + 1 < b->head.height)
			feed->missed(
			    feed->ctx, ancestor + 1, b->head.height - 1, &b->head.parent);
	}
	feed->added(feed->ctx, b);
}

void feed_final(const struct feed *feed, struct follower *f, const struct block_facts *b)
{
	if (b->has_every)
		put(feed, f, b);
}

void feed_turn(const struct feed *feed, struct follower *f)
{
	const struct block_facts *b, **list = NULL;
	uint64_t lowest = begin_of(feed);
	size_t n = 0;

	follower_every(f, true);
	b = follower_agreed(f);
	/* What he has is linked: from the first one down that he has, all is. */
	while (b && b->has_every && b->head.height >= lowest &&
	    !has(feed, b->head.height, &b->head.hash)) {
		list = mem_grow(list, n + 1, sizeof *list);
		list[n++] = b;
		b = b->head.height
		    ? follower_block(f, &b->head.parent, b->head.height - 1)
		    : NULL;
	}
	while (n > 0)
		put(feed, f, list[--n]);
	mem_free(list);
}

void feed_undone(const struct feed *feed, struct follower *f, uint64_t ancestor)
{
	uint64_t top, at = begin_of(feed);
	struct head anew;
	struct hash hash;

	/* Where the ancestor is known, what comes above it is compared. */
	if (!follower_anew(f, &anew) || anew.height != ancestor ||
	    !feed->top(feed->ctx, &top))
		return;
	if (at <= ancestor)
		at = ancestor + 1;
	while (at <= top && !(follower_kept(f, at, &hash) && has(feed, at, &hash)))
		at++;
	if (at <= top && !MUTANT(lost_is_kept))
		feed->lost(feed->ctx, &anew, at);
}
