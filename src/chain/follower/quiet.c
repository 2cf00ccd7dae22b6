/* quiet.c - blocks that a node need not be asked for.
 *
 * A count only grows. Where a node shows the same counts at a block as further down, and
 * nothing of ours in it, it has said that nothing of ours is in those between. Then that
 * is its opinion of each of them, the same as if it were read without its state. So the
 * newest block of many is asked for first: after a start, and after an absence. Not where
 * all transactions of each block are wanted: counts say nothing of those of others.
 */
#include "chain/follower/follower_in.h"

#include "base/mem.h"
#include "base/mutant.h"

/* Fewer are read in their order: they have something of ours mostly. */
#define LEAP_MIN 4

static const struct block_facts *said_of(const struct sighting *s, int node)
{
	for (int i = 0; s && i < s->opinions_n; i++)
		if (s->opinions[i].nodes >> node & 1)
			return &s->opinions[i].facts;
	return NULL;
}

static bool shows_counts(const struct block_facts *b)
{
	for (uint32_t i = 0; i < b->accounts_n; i++)
		if (!b->accounts[i].has_count)
			return false;
	return true;
}

/* below NULL: the final block. */
static bool unmoved(const struct follower *f, const struct block_facts *above,
    const struct block_facts *below)
{
	for (uint32_t i = 0; i < f->watched_n && !MUTANT(leaps_over_uses); i++) {
		const struct watched *w = &f->watched[i];

		if (!watched_first(f, i) || (i && MUTANT(leaps_by_one_account)))
			continue;
		if (!below && !w->exact)
			return false;
		if (above->accounts[i].count !=
		    (below ? below->accounts[i].count : w->count))
			return false;
	}
	return true;
}

/* Nobody is heard of its state: an opinion without it can be a quorum's. */
static bool may_be_quiet(const struct sighting *s, int node)
{
	return !opinion_of(s, node) && (s->bare || (!s->opinions_n && !s->asked));
}

static void opinion_quiet(struct follower *f, struct sighting *s, int node)
{
	struct block_facts b = { .head = s->head, .accounts_n = f->watched_n };

	b.accounts = mem_array(f->watched_n ? f->watched_n : 1, sizeof *b.accounts);
	block_facts_digest(&b);
	if (!s->bare)
		sighting_bare(s);
	opinion_take(s, node, &b);
	block_facts_release(&b);
}

/* Of the blocks below the newest, down to the first one that it shows the counts of. */
static void quiet_below(struct follower *f, int node, const struct hash *path, size_t n,
    const struct block_facts *newest)
{
	uint64_t top = f->view[node].goal.height;
	const struct block_facts *below = NULL;
	size_t floor = 1;

	for (; floor < n; floor++) {
		below = said_of(sighting_on_path(f, path, floor, top), node);
		if (below && shows_counts(below))
			break;
		below = NULL;
	}
	if (newest->tx_n || !shows_counts(newest) || !unmoved(f, newest, below))
		return;
	for (size_t i = 1; i < floor; i++) {
		struct sighting *s = sighting_on_path(f, path, i, top);

		if (s && may_be_quiet(s, node))
			opinion_quiet(f, s, node);
	}
}

/* Nothing above the final block was read: is it known what its counts were? */
static bool has_floor(const struct follower *f)
{
	for (uint32_t i = 0; i < f->watched_n; i++)
		if (watched_first(f, i) && !f->watched[i].exact)
			return false;
	return true;
}

bool branch_leaps(struct follower *f, int node, const struct hash *path, size_t n)
{
	uint64_t top = f->view[node].goal.height;
	struct sighting *newest = sighting_on_path(f, path, 0, top), *s;
	size_t left = 0;

	if (n < 2 || !newest || newest->bare || is_deep(f, top))
		return false;
	if (f->every && !MUTANT(quiet_not_read))
		return false;
	if (opinion_of(newest, node)) {
		quiet_below(f, node, path, n, said_of(newest, node));
		return false;
	}
	if (newest->asked_ms[node] && !(newest->asked >> node & 1))
		return false; /* once was enough: it may not be ready to show it */
	for (size_t i = 1; i < n; i++) {
		s = sighting_on_path(f, path, i, top);
		left += s && may_be_quiet(s, node);
	}
	return left >= LEAP_MIN || (left == n - 1 && has_floor(f));
}
