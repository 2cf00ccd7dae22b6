/* whole.c - blocks far below the head, of which nodes have no state.
 *
 * They are asked for by height, whole: header and transactions come in one call, and the
 * receipts are asked for where one is ours. What is said of a block is what was said of
 * it by its hash, and its place is that of its parents, as everywhere. A node that does
 * not show them so is asked for headers, and then for each block.
 */
#include "base/check.h"
#include "chain/follower/follower_in.h"

#define REFUSALS_MAX 2

bool whole_reads(const struct follower *f, int node)
{
	return far_is_dense(f) && f->view[node].whole.refused < REFUSALS_MAX;
}

/* What a node said of the block at a height; of two the one on this parent. */
static struct sighting *said_at(
    struct follower *f, int node, uint64_t height, const struct hash *parent)
{
	struct sighting *found = NULL;

	for (size_t i = 0; i < f->seen_n; i++) {
		struct sighting *s = &f->seen[i];

		if (s->head.height != height || !opinion_of(s, node))
			continue;
		if (hash_same(&s->head.parent, parent))
			return s;
		found = s;
	}
	return found;
}

void whole_goal(struct follower *f, int node)
{
	struct view *v = &f->view[node];
	const struct sighting *s;
	bool links = true;

	v->goal = f->trail[0];
	v->has_goal = true;
	while (links && (s = said_at(f, node, v->goal.height + 1, &v->goal.hash))) {
		links = hash_same(&s->head.parent, &v->goal.hash);
		v->goal = s->head;
	}
}

static bool under_way(const struct view *v, uint64_t height)
{
	for (int i = 0; i < BLOCKS_BUSY_MAX; i++)
		if (v->whole.busy[i] == height)
			return true;
	return false;
}

static void busy_put(struct view *v, uint64_t from, uint64_t to)
{
	for (int i = 0; i < BLOCKS_BUSY_MAX; i++)
		if (v->whole.busy[i] == from) {
			v->whole.busy[i] = to;
			return;
		}
	BUG("a block that nobody asked for");
}

void whole_ask(struct follower *f, int node)
{
	struct view *v = &f->view[node];
	uint64_t last = f->trail[0].height + follower_window(f);
	int64_t at_ms;

	if (world_now_ms(f->s.world) < v->whole.not_before_ms)
		return;
	for (uint64_t h = v->goal.height + 1; h <= last && is_deep(f, h); h++) {
		if (v->blocks_busy >= BLOCKS_BUSY_MAX ||
		    !pool_ready(f->s.pool, node, &at_ms))
			return;
		if (under_way(v, h) || said_at(f, node, h, &v->goal.hash))
			continue;
		busy_put(v, 0, h);
		follower_ask_whole(f, node, h);
	}
}

void whole_take(struct follower *f, const struct question *q)
{
	struct view *v = &f->view[q->node];
	struct sighting *s;

	busy_put(v, q->block.height, 0);
	if (q->err) {
		v->whole.refused += is_refusal(q->err);
		v->whole.not_before_ms = world_now_ms(f->s.world) + f->s.config->poll_ms;
		return;
	}
	if (q->generation != f->generation || q->block.height <= f->trail[0].height)
		return;
	s = sighting_add(f, &q->facts.head);
	if (!s->bare && !sighting_agreed(f, s))
		sighting_bare(s);
	v->whole.refused = s->bare ? 0 : REFUSALS_MAX;
}
