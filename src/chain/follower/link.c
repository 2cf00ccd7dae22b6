/* link.c - a node's branch: from its head down to the trail, and what is read of
 * it. */
#include "chain/follower/follower_in.h"

#include "base/mutant.h"

/* So many polls between two questions about a disputed block. */
#define DISPUTED_POLLS 4

static void goal_choose(struct follower *f, int node)
{
	uint64_t final = f->trail[0].height;
	struct view *v = &f->view[node];

	if (whole_reads(f, node)) {
		whole_goal(f, node);
		return;
	}
	if (v->head.height <= final + WINDOW) {
		v->goal = v->head;
		v->has_goal = true;
		return;
	}
	/* Far: the goal is a block on the way, asked for by height. */
	if (v->has_goal && (v->goal.height <= final || v->goal.height > final + WINDOW))
		v->has_goal = false;
}

static void ask_goal(struct follower *f, int node)
{
	uint64_t final = f->trail[0].height, n = follower_window(f);
	uint64_t batch = (uint64_t)f->s.config->batch;

	if (follower_asks_headers(f, node))
		follower_ask_headers(
		    f, node, ASK_HEADERS, final + 1, final + (n < batch ? n : batch));
}

/* Walk from the node's goal down to the trail. Sets link and fork_height; queues the
 * question for a header that is missing on the way. */
void branch_link(struct follower *f, int node)
{
	struct view *v = &f->view[node];
	struct hash kept;
	struct head at;

	v->link = LINK_UNKNOWN;
	goal_choose(f, node);
	if (!v->has_goal) {
		ask_goal(f, node);
		return;
	}
	if (v->goal.height < f->trail[0].height) {
		v->link = trail_kept(f, v->goal.height, &kept) &&
			!hash_same(&kept, &v->goal.hash)
		    ? LINK_FORKED
		    : LINK_LAGS;
		return;
	}
	if (v->goal.height > f->trail[0].height ||
	    trail_has(f, &v->goal.hash, v->goal.height))
		sighting_add(f, &v->goal);
	for (at = v->goal; !trail_has(f, &at.hash, at.height);) {
		struct sighting *parent;

		if (at.height <= f->trail[0].height) {
			v->link = LINK_FORKED;
			return;
		}
		if (trail_has(f, &at.parent, at.height - 1)) {
			v->fork_height = at.height - 1;
			v->link = LINK_TRAIL;
			return;
		}
		parent = sighting_find(f, &at.parent, at.height - 1);
		if (parent) {
			at = parent->head;
			continue;
		}
		if (at.height - 1 <= f->trail[0].height) {
			v->link = LINK_FORKED;
			return;
		}
		if (!follower_asks_headers(f, node))
			return;
		if (!v->by_hash && at.height > f->trail[0].height + 2)
			follower_ask_headers(
			    f, node, ASK_HEADERS, f->trail[0].height + 1, at.height - 1);
		else
			follower_ask_header(f, node, &at.parent, at.height - 1);
		return;
	}
	v->fork_height = at.height;
	v->link = LINK_TRAIL;
}

bool opinion_of(const struct sighting *s, int node)
{
	for (int i = 0; i < s->opinions_n; i++)
		if (s->opinions[i].nodes >> node & 1)
			return true;
	return false;
}

/* While the nodes contradict each other and no quorum agrees, they are asked again: one
 * that was about to finish the next block may have mixed the two up. Where a quorum
 * agrees, who does not is, too, before it is named for it. */
static bool disputed(const struct follower *f, struct sighting *s, int node)
{
	int64_t pause_ms = DISPUTED_POLLS * (int64_t)f->s.config->poll_ms;
	const struct opinion *agreed = sighting_agreed(f, s);

	if (agreed && ((agreed->nodes >> node & 1) || f->view[node].fault))
		return false;
	return s->opinions_n > 1 &&
	    world_now_ms(f->s.world) >= s->asked_ms[node] + pause_ms;
}

/* It refused to say what is in it: asked again at once, since another server may have
 * answered, and from then on with its polls. */
static bool refused(const struct follower *f, const struct sighting *s, int node)
{
	return s->refused[node] > 1 &&
	    world_now_ms(f->s.world) < s->asked_ms[node] + f->s.config->poll_ms;
}

/* Of a path that goes down from a height, one block a step. */
struct sighting *sighting_on_path(
    struct follower *f, const struct hash *path, size_t at, uint64_t top)
{
	return sighting_find(f, &path[at], top - at);
}

/* Ask a node for what it says of the blocks on its branch, from the oldest on, or for the
 * newest alone; of what is disputed, one block a turn. */
static void read_branch(struct follower *f, int node)
{
	struct view *v = &f->view[node];
	struct hash *path = f->path;
	size_t n = 0;
	struct head at = v->goal;
	bool again = false, on_trail = false;
	int64_t at_ms;

	while (at.height > f->trail[0].height && n <= WINDOW) {
		struct sighting *s = sighting_find(f, &at.hash, at.height);
		struct head *parent;

		if (!s)
			s = sighting_add(f, &at);
		else if (on_trail)
			s->head.parent = at.parent; /* a liar may have shown another */
		path[n++] = at.hash;
		s = sighting_find(f, &at.parent, at.height - 1);
		parent = trail_at(f, at.height - 1);
		on_trail = parent && hash_same(&parent->hash, &at.parent) &&
		    !(s && MUTANT(first_parent_stays));
		if (on_trail)
			at = *parent;
		else if (s)
			at = s->head;
		else
			return;
	}
	if (f->trail_n == 1 && hash_same(&v->goal.hash, &f->trail[0].hash))
		path[n++] = v->goal.hash; /* the head itself is final: a young chain */
	if (branch_leaps(f, node, path, n))
		n = 1;
	while (n > 0 && v->blocks_busy < BLOCKS_BUSY_MAX) {
		struct sighting *s = sighting_on_path(f, path, --n, v->goal.height);

		if (!s || (s->asked >> node & 1) || refused(f, s, node))
			continue;
		if (!s->bare && is_deep(f, s->head.height) && !sighting_agreed(f, s))
			sighting_bare(s);
		if (opinion_of(s, node) && (again || !disputed(f, s, node)))
			continue;
		if (!pool_ready(f->s.pool, node, &at_ms))
			return;
		again = again || opinion_of(s, node);
		s->asked_ms[node] = world_now_ms(f->s.world);
		follower_ask_block(f, node, s);
	}
}

/* Since when its headers have led to no block of the trail. */
static void unlinked_count(struct follower *f, struct view *v)
{
	if (v->link == LINK_TRAIL || v->link == LINK_LAGS) {
		v->unlinked = v->forked = false;
		v->forked_polls = 0;
	} else if (!v->unlinked) {
		v->unlinked = true;
		v->unlinked_finals = 0;
		v->unlinked_ms = world_now_ms(f->s.world);
	}
	v->forked |= v->link == LINK_FORKED;
}

void branches_read(struct follower *f)
{
	for (int i = 0; i < f->nodes; i++) {
		if (!f->view[i].identified || !f->view[i].has_head)
			continue;
		branch_link(f, i);
		unlinked_count(f, &f->view[i]);
		if (f->view[i].link != LINK_TRAIL)
			continue;
		f->view[i].headers_asked = 0;
		if (hash_same(&f->view[i].goal.hash, &f->view[i].head.hash))
			undone_forget(&f->view[i]);
		if (!whole_reads(f, i) || f->view[i].goal.height > f->trail[0].height)
			read_branch(f, i);
		if (whole_reads(f, i))
			whole_ask(f, i);
	}
}
