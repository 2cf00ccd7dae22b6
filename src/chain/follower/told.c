/* told.c - what is told of the blocks of the trail: by one node, by a quorum,
 * and as final. */
#include "chain/follower/follower_in.h"

#include <stdio.h>

#include "base/mutant.h"

/* Refusals in a row to say what is in a block until it counts, and final blocks on which
 * a node has to agree with a quorum until its fault is forgotten. */
#define REFUSALS_MAX 3
#define FAULT_BLOCKS 16

struct opinion *sighting_agreed(const struct follower *f, struct sighting *s)
{
	for (int i = 0; i < s->opinions_n; i++)
		if (follower_quorum(f, s->opinions[i].nodes))
			return &s->opinions[i];
	return NULL;
}

const struct block_facts *follower_agreed(const struct follower *f)
{
	struct follower *g = (struct follower *)(uintptr_t)f;
	const struct block_facts *agreed = NULL;

	if (f->stopped || follower_is_far(f))
		return NULL;
	for (size_t i = 0; i < f->trail_n; i++) {
		struct sighting *s =
		    sighting_find(g, &f->trail[i].hash, f->trail[i].height);
		struct opinion *o =
		    s && (s->told || i == 0) ? sighting_agreed(g, s) : NULL;

		if (o)
			agreed = &o->facts;
		else if (i)
			break;
	}
	return agreed;
}

const struct block_facts *follower_block(
    const struct follower *f, const struct hash *hash, uint64_t height)
{
	struct sighting *s = sighting_find((struct follower *)(uintptr_t)f, hash, height);

	return s && s->told ? &s->opinions[s->told_as].facts : NULL;
}

static void tell_as(struct follower *f, struct sighting *s, int opinion)
{
	if (s->told && s->told_as == opinion)
		return;
	s->told = true;
	s->told_as = opinion;
	f->s.told.adopted(f->s.told.ctx, &s->opinions[opinion].facts);
}

static bool is_contradicted(const struct sighting *s)
{
	int held = 0;

	for (int i = 0; i < s->opinions_n; i++)
		held += s->opinions[i].nodes != 0;
	return held > 1;
}

/* The first opinion is told at once, and the quorum's when it is another one. */
void blocks_tell(struct follower *f)
{
	f->unsettled = false;
	for (size_t i = 1; i < f->trail_n; i++) {
		struct sighting *s =
		    sighting_find(f, &f->trail[i].hash, f->trail[i].height);
		struct opinion *o;

		if (!s || !s->opinions_n) {
			f->unsettled = true;
			break;
		}
		o = sighting_agreed(f, s);
		f->unsettled |= !o && (s->bare || is_contradicted(s));
		if (o || !s->told)
			tell_as(f, s, o ? (int)(o - s->opinions) : 0);
	}
}

/* Does this node itself show the block as final? */
static bool node_deep(const struct follower *f, int node, uint64_t height)
{
	const struct view *v = &f->view[node];

	if (!v->has_head || v->link != LINK_TRAIL || v->fork_height < height)
		return false;
	if (MUTANT(final_when_included))
		return true;
	if (f->s.config->finality.tag)
		return v->has_finalized && !v->finalized_is_head &&
		    v->finalized_height >= height;
	if (MUTANT(quorum_is_a_block) && f->nodes > 1)
		height--;
	return v->head.height >= height + f->s.config->finality.depth;
}

static struct opinion *opinion_final(struct follower *f, struct sighting *s)
{
	for (int i = 0; i < s->opinions_n; i++) {
		uint32_t deep = 0;

		for (int k = 0; k < f->nodes; k++)
			if ((s->opinions[i].nodes >> k & 1) &&
			    node_deep(f, k, s->head.height))
				deep |= 1u << k;
		if (follower_quorum(f, deep) || (deep && MUTANT(final_by_one_node)))
			return &s->opinions[i];
	}
	return NULL;
}

/* What a node is blamed for at a final block; NULL: nothing. */
static const char *fault_of(
    const struct follower *f, const struct sighting *s, uint32_t agree, int node)
{
	if ((agree >> node & 1) || MUTANT(liar_not_named))
		return NULL;
	if (opinion_of(s, node))
		return "says otherwise than a quorum of block";
	return s->refused[node] >= REFUSALS_MAX && node_deep(f, node, s->head.height)
	    ? "does not show what is in block"
	    : NULL;
}

/* It may have mixed two blocks up: it said so twice, or of two blocks. */
static bool is_sure(const struct view *v, const struct sighting *s, int node)
{
	return !opinion_of(s, node) || s->again >> node & 1 || v->fault ||
	    (v->differed && s->head.height <= v->differed + FAULT_BLOCKS) ||
	    MUTANT(mixed_up_is_named);
}

/* Who says otherwise than the quorum, or shows nothing of a block that is deep on its own
 * head, is named until it has said the same for some time. */
static void judge_facts(struct follower *f, const struct sighting *s, uint32_t agree)
{
	for (int i = 0; i < f->nodes; i++) {
		const char *fault = fault_of(f, s, agree, i);
		struct view *v = &f->view[i];

		v->unlinked_finals += v->unlinked;
		if (fault && !is_sure(v, s, i)) {
			v->differed = s->head.height;
			continue;
		}
		if (fault && !v->fault)
			v->fault_first = s->head.height;
		if (fault)
			v->fault_last = s->head.height;
		if (fault ||
		    ((agree >> i & 1) && s->head.height > v->fault_last + FAULT_BLOCKS))
			v->fault = fault;
	}
}

void blocks_finalize(struct follower *f)
{
	while (f->trail_n > 1) {
		struct sighting *s =
		    sighting_find(f, &f->trail[1].hash, f->trail[1].height);
		struct opinion *o = s && s->told ? opinion_final(f, s) : NULL;
		uint64_t height;

		if (!o)
			return;
		tell_as(f, s, (int)(o - s->opinions));
		if (!f->s.told.may_final(f->s.told.ctx, &o->facts))
			return;
		height = s->head.height;
		judge_facts(f, s, o->nodes);
		f->s.told.final(f->s.told.ctx, &o->facts);
		far_final(f, &o->facts);
		trail_final_advance(f);
		/* What was said of the final block itself is kept: it may be the head. */
		for (size_t i = f->seen_n; i-- > 0;)
			if (f->seen[i].head.height <= height &&
			    !hash_same(&f->seen[i].head.hash, &f->trail[0].hash))
				sighting_drop(f, i);
	}
}

void follower_witnesses(
    const struct follower *f, const struct block_facts *b, char *out, size_t len)
{
	struct sighting *s =
	    sighting_find((struct follower *)(uintptr_t)f, &b->head.hash, b->head.height);
	size_t at = 0;

	out[0] = '\0';
	for (int i = 0; s && i < s->opinions_n; i++) {
		if (&s->opinions[i].facts != b)
			continue;
		for (int k = 0; k < f->nodes; k++) {
			int n;

			if (!(s->opinions[i].nodes >> k & 1))
				continue;
			n = snprintf(out + at, len - at, "%s%s", at ? ", " : "",
			    pool_node(f->s.pool, k)->name);
			if (n < 0 || (size_t)n >= len - at)
				return;
			at += (size_t)n;
		}
	}
}
