/* branch.c - which branch the trail follows. */
#include "chain/follower/follower_in.h"

#include "base/log.h"

/* The tip of the part of a node's branch on which somebody's facts are known. */
static uint64_t branch_known(
    struct follower *f, const struct view *v, struct hash *ret_tip)
{
	struct hash *path = f->path;
	size_t n = 0;
	struct head at = v->goal;
	uint64_t height = v->fork_height;

	while (at.height > v->fork_height && n <= WINDOW) {
		struct sighting *s = sighting_find(f, &at.hash, at.height);

		if (!s)
			return v->fork_height;
		path[n++] = at.hash;
		s = sighting_find(f, &at.parent, at.height - 1);
		if (!s || at.height - 1 <= v->fork_height)
			break;
		at = s->head;
	}
	while (n > 0) {
		struct sighting *s = sighting_on_path(f, path, --n, v->goal.height);

		if (!s || !s->opinions_n || s->head.height != height + 1)
			break;
		*ret_tip = s->head.hash;
		height++;
	}
	return height;
}

static bool has_branch(const struct view *v)
{
	return v->identified && v->has_head && v->link == LINK_TRAIL;
}

/* The first block of its branch that is not on the trail. */
static bool parts_at(struct follower *f, const struct view *v, struct hash *ret)
{
	struct head at = v->goal;

	while (at.height > v->fork_height + 1) {
		struct sighting *s = sighting_find(f, &at.parent, at.height - 1);

		if (!s)
			return false;
		at = s->head;
	}
	*ret = at.hash;
	return at.height == v->fork_height + 1;
}

/* Nodes on one side of a fork, and how high the highest of them goes. */
struct side {
	uint32_t nodes;
	uint64_t height;
};

static void side_add(struct side *s, int node, const struct view *v)
{
	s->nodes |= 1u << node;
	if (v->goal.height > s->height)
		s->height = v->goal.height;
}

/* Both sides as they are for all whose branch parts there, whichever tip is looked at:
 * two tips that each win over the other would be adopted in turn for ever. */
static struct side side_ours(const struct follower *f, uint64_t fork)
{
	struct side ours = { 0 };

	for (int i = 0; i < f->nodes; i++)
		if (has_branch(&f->view[i]) && f->view[i].fork_height > fork)
			side_add(&ours, i, &f->view[i]);
	return ours;
}

static struct side side_of(struct follower *f, const struct view *v)
{
	struct side theirs = { 0 };
	struct hash first, other;

	if (!parts_at(f, v, &first))
		return theirs;
	for (int i = 0; i < f->nodes; i++) {
		const struct view *w = &f->view[i];

		if (has_branch(w) && w->fork_height == v->fork_height &&
		    w->goal.height > w->fork_height && parts_at(f, w, &other) &&
		    hash_same(&first, &other))
			side_add(&theirs, i, w);
	}
	return theirs;
}

/* Nodes whose own head is on a branch that does not have our head, and not merely
 * behind on ours. */
static uint32_t nodes_off_trail(struct follower *f)
{
	uint32_t off = 0;

	for (int i = 0; i < f->nodes; i++) {
		const struct view *v = &f->view[i];

		if (has_branch(v) && v->fork_height < trail_top(f)->height &&
		    v->goal.height > v->fork_height)
			off |= 1u << i;
	}
	return off;
}

/* Which side of its fork is followed: the one of a quorum, for nothing of the other could
 * become final; else the higher one, as soon as more of it is known than of ours. What no
 * node has any more is left when a quorum is elsewhere. */
static bool wins(struct follower *f, const struct view *v, uint64_t known)
{
	struct side ours = side_ours(f, v->fork_height), theirs = side_of(f, v);
	bool higher = known > trail_top(f)->height;

	if (follower_quorum(f, ours.nodes) != follower_quorum(f, theirs.nodes))
		return follower_quorum(f, theirs.nodes);
	if (!ours.nodes)
		return higher || follower_quorum(f, nodes_off_trail(f));
	return higher && theirs.height > ours.height;
}

/* Headers that do not fit together: all above are shown and read again. */
static void sightings_lied(struct follower *f, uint64_t above)
{
	for (size_t i = f->seen_n; i-- > 0;)
		if (f->seen[i].head.height > above)
			sighting_drop(f, i);
}

/* false: the headers do not fit together, nothing was adopted. */
static bool adopt(struct follower *f, uint64_t fork, uint64_t tip_height, struct hash tip)
{
	struct hash *path = f->path;
	uint64_t top = tip_height;
	size_t n = 0;

	while (tip_height > fork && n <= WINDOW) {
		struct sighting *s = sighting_find(f, &tip, tip_height);

		/* The first header that was shown of a hash may have been a lie. */
		if (!s) {
			sightings_lied(f, fork);
			return false;
		}
		path[n++] = tip;
		tip = s->head.parent;
		tip_height--;
	}
	if (tip_height != fork || !trail_has(f, &tip, fork)) {
		sightings_lied(f, fork);
		return false;
	}
	if (fork < trail_top(f)->height) {
		log_info("chain", "%s: reorganization of %llu blocks above %llu",
		    f->s.config->name, (unsigned long long)(trail_top(f)->height - fork),
		    (unsigned long long)fork);
		for (size_t i = 0; i < f->seen_n; i++)
			if (f->seen[i].head.height > fork)
				f->seen[i].told = false;
		trail_cut(f, fork);
		f->s.told.retracted(f->s.told.ctx, fork);
	}
	while (n > 0)
		trail_push(f, &sighting_on_path(f, path, --n, top)->head);
	return true;
}

void branch_choose(struct follower *f)
{
	for (int i = 0; i < f->nodes; i++) {
		struct view *v = &f->view[i];
		struct hash tip;
		uint64_t height;

		if (!v->identified || v->link != LINK_TRAIL ||
		    v->fork_height < f->trail[0].height)
			continue;
		height = branch_known(f, v, &tip);
		if (height <= v->fork_height)
			continue;
		if (v->fork_height < trail_top(f)->height && !wins(f, v, height))
			continue;
		if (!adopt(f, v->fork_height, height, tip))
			return;
		v->fork_height = height;
		for (int k = 0; k < f->nodes; k++)
			if (k != i && f->view[k].link == LINK_TRAIL)
				branch_link(f, k);
	}
}
