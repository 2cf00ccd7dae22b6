/* A final block vanished: a quorum is on a branch without it. The chain is stopped, each
 * node that left is asked what it still has of the blocks that are kept, and the operator
 * accepts it (G6). Where it has none of them, as on a chain that was set back to below
 * the journal's first block, the trail begins anew far below: nothing that was signed is
 * lost, and all that the chain holds of it is read there. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mutant.h"
#include "chain/follower/follower_in.h"
#include "journal/sql.gen.h"

/* Who shows less than was seen before is believed that it left the final block when it
 * has shown nothing else for so many polls. */
#define BEHIND_POLLS 16

/* While a quorum shows the final block, the journal says so that often. */
#define SHOWN_EVERY_MS 60000

static uint64_t kept_lowest(const struct follower *f)
{
	uint64_t final = f->trail[0].height;

	return final > KEPT_FINAL ? final - KEPT_FINAL : 0;
}

void undone_forget(struct view *v)
{
	if (MUTANT(fork_is_kept))
		return;
	v->has_ancestor = v->no_ancestor = v->has_anew = false;
	v->ancestor_asked = 0;
}

/* It has the final block, and a header that was made up parted its branch from the
 * trail: all that lead nowhere are asked for anew, and with its next poll, for that may
 * be itself. */
static void headers_lied(struct follower *f, struct view *v)
{
	v->has_ancestor = false;
	v->ancestor_asked = 0;
	v->headers_asked = HEADERS_MAX;
	for (size_t i = f->seen_n; i-- > 0;)
		if (f->seen[i].head.height > f->trail[0].height &&
		    !trail_has(f, &f->seen[i].head.hash, f->seen[i].head.height))
			sighting_drop(f, i);
}

/* A node forks below the final block: the highest kept block that it still has. */
static void take_ancestor(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];
	struct sql_block_from_in in = { .chain = f->chain,
		.height = (int64_t)q->heights[0] };
	struct sql_block_from_out row;

	v->header_busy = v->has_ancestor = false;
	if (q->err)
		return;
	v->ancestor_asked = q->heights[0];
	sql_block_from_begin(f->s.journal, &in);
	while (sql_block_from_next(f->s.journal, &row)) {
		uint64_t at = (uint64_t)row.height - q->heights[0];

		if (at >= q->n || !q->known[at])
			continue;
		if (memcmp(row.hash, q->heads[at].hash.at, sizeof row.hash) != 0)
			continue;
		v->ancestor = (uint64_t)row.height;
		v->has_ancestor = true;
	}
	v->no_ancestor = !v->has_ancestor && q->heights[0] <= kept_lowest(f);
	if (v->has_ancestor && v->ancestor == f->trail[0].height)
		headers_lied(f, v);
}

static void take_anew(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];

	v->header_busy = false;
	if (q->err || !q->known[0])
		return;
	v->anew = q->heads[0];
	v->has_anew = true;
}

void undone_take(struct follower *f, struct question *q)
{
	if (q->kind == ASK_ANCESTOR)
		take_ancestor(f, q);
	else
		take_anew(f, q);
}

static uint32_t nodes_of(const struct follower *f, enum link link)
{
	uint32_t nodes = 0;

	for (int i = 0; i < f->nodes; i++)
		if (f->view[i].identified && f->view[i].link == link)
			nodes |= 1u << i;
	return nodes;
}

/* What a node that left the final block still has of the kept ones; if nothing, where
 * its chain would be begun anew. */
static void ask_ancestor(struct follower *f, int node)
{
	struct view *v = &f->view[node];
	uint64_t lowest = kept_lowest(f);

	if (v->has_ancestor && v->ancestor < lowest)
		undone_forget(v); /* the others went on meanwhile */
	if (v->has_ancestor || v->has_anew || !follower_asks_headers(f, node))
		return;
	if (!v->no_ancestor) {
		follower_ask_headers(f, node, ASK_ANCESTOR, lowest,
		    v->ancestor_asked > lowest ? v->ancestor_asked - 1
					       : f->trail[0].height);
		return;
	}
	if (!trail_lowest(f, &lowest))
		return;
	lowest = lowest > ANEW_DEPTH ? lowest - ANEW_DEPTH : 0;
	follower_ask_headers(f, node, ASK_ANEW, lowest, lowest);
}

/* Those of them that were asked, and do not show the final block. */
static uint32_t left_final(const struct follower *f, uint32_t forked)
{
	uint32_t left = 0;

	for (int i = 0; i < f->nodes; i++) {
		const struct view *v = &f->view[i];

		if (v->has_ancestor || v->no_ancestor || v->ancestor_asked)
			left |= forked & 1u << i;
	}
	return left;
}

/* Has another node of its provider not left it, or not shown yet where it is? That one
 * has a vote on the other side, and this one may only be behind. */
static bool is_of_two_minds(const struct follower *f, int node)
{
	int provider = pool_node(f->s.pool, node)->provider;

	for (int i = 0; i < f->nodes; i++)
		if (i != node && pool_node(f->s.pool, i)->provider == provider &&
		    f->view[i].has_head && !f->view[i].forked &&
		    f->view[i].link != LINK_LAGS)
			return true;
	return false;
}

/* One of several servers behind its address may have heard of nothing for a while, and
 * shows what the others knew before a reorg. Blocks that a quorum showed may not be read
 * yet, and have made others final. */
static bool is_behind(struct follower *f, int node)
{
	const struct view *v = &f->view[node];
	uint64_t seen = trail_top(f)->height;

	if (f->highest > seen && !MUTANT(only_what_is_read_was_seen))
		seen = f->highest;
	return v->head.height < seen && v->forked_polls < BEHIND_POLLS &&
	    !MUTANT(late_server_is_believed);
}

static uint32_t left_whole(struct follower *f, uint32_t forked)
{
	for (int i = 0; i < f->nodes; i++)
		if ((forked >> i & 1) && (is_of_two_minds(f, i) || is_behind(f, i)))
			forked &= ~(1u << i);
	return forked;
}

/* A quorum left the final block: nothing new on this chain until it is accepted. */
void undone_turn(struct follower *f)
{
	uint32_t forked = nodes_of(f, LINK_FORKED);

	for (int i = 0; i < f->nodes && f->s.journal; i++)
		if (forked >> i & 1)
			ask_ancestor(f, i);
	if (f->s.journal)
		forked = left_final(f, forked);
	if (f->stopped || !forked || !follower_quorum(f, left_whole(f, forked)))
		return;
	f->stopped = true;
	if (!f->s.journal)
		return; /* the one that follows says it */
	sql_chain_stop(f->s.journal,
	    &(struct sql_chain_stop_in){
		.id = f->chain, .stopped = "a final block vanished" });
	log_error("chain",
	    "%s: a final block vanished: a quorum is on a branch without block %llu",
	    f->s.config->name, (unsigned long long)f->trail[0].height);
}

bool follower_stopped(const struct follower *f)
{
	return f->stopped;
}

/* The highest kept block that each node of a quorum has, or has one above it. */
static bool find_ancestor(const struct follower *f, uint64_t *ret)
{
	bool found = false;

	for (int i = 0; i < f->nodes; i++) {
		uint32_t have = 0;

		for (int k = 0; k < f->nodes; k++)
			if (f->view[k].has_ancestor && f->view[i].has_ancestor &&
			    f->view[k].ancestor >= f->view[i].ancestor)
				have |= 1u << k;
		if (follower_quorum(f, have) && (!found || f->view[i].ancestor > *ret)) {
			*ret = f->view[i].ancestor;
			found = true;
		}
	}
	if (!found && f->trail_n && follower_quorum(f, nodes_of(f, LINK_TRAIL))) {
		*ret = f->trail[0].height; /* they came back by themselves */
		found = true;
	}
	return found;
}

/* A quorum has none of the kept blocks: the one far below that all of it show. */
static const struct head *find_anew(const struct follower *f)
{
	for (int i = 0; i < f->nodes; i++) {
		uint32_t same = 0;

		for (int k = 0; k < f->nodes; k++)
			if (f->view[k].has_anew && f->view[i].has_anew &&
			    hash_same(&f->view[k].anew.hash, &f->view[i].anew.hash))
				same |= 1u << k;
		if (follower_quorum(f, same))
			return &f->view[i].anew;
	}
	return NULL;
}

/* The trail ends, or begins, at a block that a quorum has: all is linked to it again. */
static void accepted(struct follower *f)
{
	f->stopped = false;
	f->highest = 0;
	sql_chain_stop(f->s.journal,
	    &(struct sql_chain_stop_in){ .id = f->chain, .no_stopped = true });
	while (f->seen_n)
		sighting_drop(f, f->seen_n - 1);
	for (uint32_t i = 0; i < f->watched_n; i++) {
		f->watched[i].has_count = true; /* anything may have come back: */
		f->watched[i].exact = false;
		f->watched[i].count = 0; /* a long absence reads it all */
	}
	for (int i = 0; i < f->nodes; i++) {
		struct view *v = &f->view[i];

		v->link = LINK_UNKNOWN;
		v->has_goal = false;
		undone_forget(v);
	}
}

/* A node may have left the branch of which it said what it has; who has yet to say is
 * not interrupted. */
static void ask_again(struct follower *f)
{
	for (int i = 0; i < f->nodes; i++)
		if (f->view[i].has_ancestor || f->view[i].has_anew)
			undone_forget(&f->view[i]);
}

/* What accepting it goes on from, as far as that is known. */
void undone_say(struct follower *f, char *out, size_t len)
{
	const struct head *anew;
	uint64_t height;

	out[0] = '\0';
	if (!f->stopped)
		return;
	if (find_ancestor(f, &height)) {
		snprintf(out, len,
		    "the highest final block that a quorum still has is %llu",
		    (unsigned long long)height);
		return;
	}
	anew = find_anew(f);
	if (anew && trail_lowest(f, &height))
		snprintf(out, len,
		    "a quorum has none of the blocks from %llu on, and below nothing is "
		    "known: it is read again from %llu",
		    (unsigned long long)height, (unsigned long long)anew->height);
}

bool follower_anew(const struct follower *f, struct head *ret)
{
	const struct head *h = find_anew(f);
	uint64_t height;

	if (!h || find_ancestor(f, &height))
		return false;
	*ret = *h;
	return true;
}

enum err follower_accept(struct follower *f, struct fail *fail)
{
	const struct head *anew = NULL;
	uint64_t height = 0;

	if (!f->stopped)
		return ERR_OK;
	if (!find_ancestor(f, &height)) {
		anew = find_anew(f);
		if (!anew) {
			if (!MUTANT(branch_is_for_ever))
				ask_again(f);
			return fail_set(fail, ERR_NO_QUORUM,
			    "chain %s: no quorum shows a block to go on from; its nodes "
			    "are asked again",
			    f->s.config->name);
		}
		height = anew->height;
	}
	f->s.told.retracted(f->s.told.ctx, height);
	f->s.told.undone(f->s.told.ctx, height);
	if (anew)
		trail_anew(f, anew);
	else
		CHECK(trail_back_to(f, height));
	accepted(f);
	return ERR_OK;
}

/* -- whether it is shown --------------------------------------------------- */

static void shown_put(struct follower *f)
{
	int64_t now = world_now_ms(f->s.world);

	if (!f->s.journal || !f->chain || now < f->shown_again_ms)
		return;
	f->shown_again_ms = now + SHOWN_EVERY_MS;
	sql_chain_shown(f->s.journal,
	    &(struct sql_chain_shown_in){
		.id = f->chain, .shown_ms = world_wall_ms(f->s.world) });
}

void final_look(struct follower *f)
{
	uint32_t show = 0, lack = 0;
	bool was = f->unshown;

	for (int i = 0; i < f->nodes && f->trail_n; i++) {
		const struct view *v = &f->view[i];
		bool below = v->head.height < f->trail[0].height;

		if (v->has_head && (below || v->link == LINK_FORKED))
			lack |= 1u << i;
		else if (v->has_head && v->link == LINK_TRAIL)
			show |= 1u << i;
	}
	if (follower_quorum(f, show))
		f->unshown = false;
	else if (follower_quorum(f, lack))
		f->unshown = true;
	if (f->unshown != was && f->s.journal)
		sql_chain_unshown(f->s.journal,
		    &(struct sql_chain_unshown_in){
			.id = f->chain, .unshown = f->unshown });
	if (follower_quorum(f, show) || MUTANT(silence_shows_final))
		shown_put(f);
}
