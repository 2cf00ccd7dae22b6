/* Far behind the chain, after a long absence. Blocks are read only where a count of a
 * watched account moved: the counts at a block that is final by now are compared with
 * those at our final block. Where they are the same, the final block moves there at once;
 * else the first block that moved one is found by halving, and from there on blocks are
 * read one by one, until they are quiet again.
 *
 * All of it is agreed as any fact is: a quorum gives the same hash and the same counts at
 * a height, each node of it shows that height as final, and still has our final block.
 * Where no quorum has the state of such a height, blocks are read one by one. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "chain/follower/follower_in.h"

/* Blocks in a row without a transaction of ours: counts are compared again. */
#define QUIET_BLOCKS 16
/* So many polls until nodes that did not agree are asked again. */
#define AGAIN_POLLS 4
#define DENIED_MAX 2

bool follower_is_far(const struct follower *f)
{
	return f->far.stage != FAR_NOT;
}

bool far_is_dense(const struct follower *f)
{
	return f->far.stage == FAR_DENSE;
}

uint64_t follower_window(const struct follower *f)
{
	return f->far.stage == FAR_DENSE && !f->far.stateless ? QUIET_BLOCKS : WINDOW;
}

void far_release(struct follower *f)
{
	for (int i = 0; i < POOL_NODES_MAX; i++) {
		mem_free(f->view[i].far.counts);
		f->view[i].far.counts = NULL;
		f->view[i].whole.refused = 0;
	}
	mem_free(f->far.target_counts);
	f->far = (struct far){ .round = f->far.round + 1 };
}

/* -- counts ---------------------------------------------------------------- */

bool watched_first(const struct follower *f, uint32_t at)
{
	for (uint32_t i = 0; i < at; i++)
		if (address_same(&f->watched[i].account, &f->watched[at].account))
			return false;
	return true;
}

/* Once for each account, however many tokens it is watched for. */
static bool compared(const struct follower *f, uint32_t at)
{
	return f->watched[at].has_count && watched_first(f, at);
}

static bool moved(const struct follower *f, const uint64_t *counts)
{
	for (uint32_t i = 0; i < f->watched_n; i++)
		if (compared(f, i) && counts[i] > f->watched[i].count)
			return true;
	return false;
}

static bool counts_same(const struct follower *f, const uint64_t *a, const uint64_t *b)
{
	for (uint32_t i = 0; i < f->watched_n; i++)
		if (compared(f, i) && a[i] != b[i] && !MUTANT(counts_believed))
			return false;
	return true;
}

void far_final(struct follower *f, const struct block_facts *b)
{
	f->far.quiet = b->tx_n ? 0 : f->far.quiet + 1;
	for (uint32_t i = 0; i < f->watched_n && i < b->accounts_n; i++) {
		struct watched *w = &f->watched[i];

		if (b->accounts[i].has_count) {
			w->count = b->accounts[i].count;
			w->has_count = w->exact = true;
			continue;
		}
		for (uint32_t k = 0; k < b->tx_n && w->has_count; k++)
			w->count += b->tx[k].account == i;
	}
}

/* -- what is final by now -------------------------------------------------- */

static bool shows_final(const struct follower *f, int node, uint64_t *ret)
{
	const struct view *v = &f->view[node];
	uint64_t depth = f->s.config->finality.depth;

	if (!v->identified || !v->has_head)
		return false;
	if (f->s.config->finality.tag) {
		*ret = v->finalized_height;
		return v->has_finalized && !v->finalized_is_head;
	}
	*ret = v->head.height > depth ? v->head.height - depth : 0;
	return true;
}

static uint32_t nodes_deep(const struct follower *f, uint64_t height)
{
	uint32_t nodes = 0;
	uint64_t shown;

	for (int i = 0; i < f->nodes; i++)
		if (shows_final(f, i, &shown) && shown >= height)
			nodes |= 1u << i;
	return nodes;
}

/* The highest block that each node of a quorum shows as final. */
static uint64_t final_by_now(const struct follower *f)
{
	uint64_t best = 0, shown;

	for (int i = 0; i < f->nodes; i++)
		if (shows_final(f, i, &shown) && shown > best &&
		    follower_quorum(f, nodes_deep(f, shown)))
			best = shown;
	return best;
}

/* -- a round: every node is asked about one height ------------------------- */

static void round_begin(struct follower *f, enum far_stage stage, uint64_t height)
{
	f->far.stage = stage;
	f->far.height = height;
	f->far.round++;
	f->far.again_at_ms =
	    world_now_ms(f->s.world) + AGAIN_POLLS * (int64_t)f->s.config->poll_ms;
	for (int i = 0; i < f->nodes; i++) {
		struct far_view *v = &f->view[i].far;

		mem_free(v->counts);
		*v = (struct far_view){ .counted = true };
		v->counts = mem_array(f->watched_n ? f->watched_n : 1, sizeof *v->counts);
	}
}

static void ask(struct follower *f, int node)
{
	struct far_view *v = &f->view[node].far;
	const uint64_t heights[] = { f->trail[0].height, f->far.height };

	v->asked = true;
	v->left = 1;
	follower_ask_far_headers(f, node, heights, 2);
	if (f->view[node].pruned && is_deep(f, f->far.height)) {
		v->counted = false;
		return;
	}
	for (uint32_t i = 0; i < f->watched_n; i++) {
		if (!compared(f, i))
			continue;
		v->left++;
		follower_ask_far_count(f, node, i, f->far.height);
	}
}

static void take_headers(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];

	if (!q->known[0] || !q->known[1]) {
		v->far.failed = true;
		return;
	}
	if (hash_same(&q->heads[0].hash, &f->trail[0].hash)) {
		v->link = LINK_UNKNOWN;
		v->far.head = q->heads[1];
		return;
	}
	v->link = LINK_FORKED;
	v->has_goal = false; /* it is of the branch that it left */
	v->far.failed = true;
}

/* Nodes have many words for a state that they do not keep, also those for a block that
 * they do not know. But its header they show, far below their head: who refuses twice has
 * no state of it. */
static bool denies_state(struct follower *f, const struct question *q)
{
	struct view *v = &f->view[q->node];

	if (!is_refusal(q->err) || q->kind != ASK_FAR_COUNT || !is_deep(f, f->far.height))
		return false;
	return ++v->denied >= DENIED_MAX;
}

void far_take(struct follower *f, struct question *q)
{
	struct far_view *v = &f->view[q->node].far;

	if (q->round != f->far.round)
		return;
	v->left--;
	if (q->err && denies_state(f, q)) {
		v->counted = false;
		f->view[q->node].pruned = true;
	} else if (q->err) {
		v->failed = true;
	} else if (q->kind == ASK_FAR_HEADERS) {
		take_headers(f, q);
	} else if (q->known[0]) {
		if (is_deep(f, f->far.height))
			f->view[q->node].denied = 0;
		v->counts[q->account] = q->counts[0];
	} else {
		v->counted = false;
		f->view[q->node].pruned |= is_deep(f, f->far.height);
	}
}

static bool answered(const struct follower *f, int node)
{
	const struct far_view *v = &f->view[node].far;

	return v->asked && !v->left && !v->failed && f->view[node].identified;
}

/* Two nodes say the same of the height that was asked about; counted: also that no more
 * and no less was used. */
static bool alike(const struct follower *f, int i, int k, bool counted)
{
	const struct far_view *a = &f->view[i].far, *b = &f->view[k].far;

	return answered(f, i) && answered(f, k) &&
	    hash_same(&a->head.hash, &b->head.hash) &&
	    (!counted ||
		(a->counted && b->counted && counts_same(f, a->counts, b->counts)));
}

/* A node of a quorum that says the same; -1: none. */
static int agreed(const struct follower *f, bool counted)
{
	uint32_t at_depth = nodes_deep(f, f->far.height);

	for (int i = 0; i < f->nodes; i++) {
		uint32_t same = 0;

		for (int k = 0; k < f->nodes; k++)
			if (alike(f, i, k, counted))
				same |= 1u << k;
		if (follower_quorum(f, same & at_depth) ||
		    (same && MUTANT(absence_by_one_node)))
			return i;
	}
	return -1;
}

/* The quorum lacks somebody who has the state: waiting for it is of no use. */
static bool state_is_missing(const struct follower *f)
{
	int node = agreed(f, false);

	for (int k = 0; k < f->nodes && node >= 0; k++)
		if (alike(f, node, k, false) && !f->view[k].far.counted)
			return true;
	return false;
}

static bool under_way(const struct follower *f)
{
	for (int i = 0; i < f->nodes; i++)
		if (f->view[i].far.left)
			return true;
	return false;
}

/* -- what follows from it -------------------------------------------------- */

/* Nothing of ours is between the final block and this one: it is the final one now. */
static void jump(struct follower *f, const struct head *to)
{
	uint64_t from = f->trail[0].height;

	log_info("chain", "%s: nothing of ours in the blocks %llu to %llu",
	    f->s.config->name, (unsigned long long)from + 1,
	    (unsigned long long)to->height);
	if (f->trail_n > 1) {
		trail_cut(f, from);
		f->s.told.retracted(f->s.told.ctx, from);
	}
	trail_begin(f, to);
	f->s.told.passed(f->s.told.ctx, to->height);
	while (f->seen_n)
		sighting_drop(f, f->seen_n - 1);
	for (int i = 0; i < f->nodes; i++) {
		f->view[i].link = LINK_UNKNOWN;
		f->view[i].has_goal = f->view[i].by_hash = false;
	}
}

static void dense_begin(struct follower *f)
{
	f->far.stage = FAR_DENSE;
	f->far.quiet = 0;
	for (int i = 0; i < f->nodes; i++)
		f->view[i].has_goal = false;
}

static void halve(struct follower *f)
{
	if (f->far.high > f->far.low.height + 1) {
		round_begin(f, FAR_HALVING,
		    f->far.low.height + (f->far.high - f->far.low.height) / 2);
		return;
	}
	if (f->far.low.height > f->trail[0].height)
		jump(f, &f->far.low);
	dense_begin(f);
}

static void take_target(struct follower *f, const struct far_view *v)
{
	if (!moved(f, v->counts)) {
		jump(f, &v->head);
		f->far.stage = FAR_NOT;
		return;
	}
	f->far.target = v->head;
	mem_free(f->far.target_counts);
	f->far.target_counts = mem_copy(v->counts, f->watched_n * sizeof *v->counts);
	f->far.low = f->trail[0];
	f->far.high = v->head.height;
	if (f->far.stateless)
		dense_begin(f);
	else
		halve(f);
}

static void take_half(struct follower *f, const struct far_view *v)
{
	if (moved(f, v->counts))
		f->far.high = f->far.height;
	else
		f->far.low = v->head;
	halve(f);
}

static void ask_round(struct follower *f)
{
	uint32_t deep = nodes_deep(f, f->far.height);
	int64_t at_ms;
	int node;

	for (int i = 0; i < f->nodes; i++)
		if (!f->view[i].far.asked && (deep >> i & 1) &&
		    pool_ready(f->s.pool, i, &at_ms))
			ask(f, i);
	node = agreed(f, true);
	if (node >= 0 && f->far.stage == FAR_TARGET) {
		take_target(f, &f->view[node].far);
	} else if (node >= 0) {
		take_half(f, &f->view[node].far);
	} else if (!under_way(f) && state_is_missing(f)) {
		f->far.stateless = true;
		f->far.blind = !is_deep(f, f->far.height);
		dense_begin(f);
	} else if (!under_way(f) && world_now_ms(f->s.world) >= f->far.again_at_ms) {
		round_begin(f, FAR_TARGET, final_by_now(f));
	}
}

/* Blocks are read one by one: for how long? */
static void ask_dense(struct follower *f, uint64_t now)
{
	uint64_t final = f->trail[0].height;
	bool has_target = f->far.target_counts && f->far.target.height > final;

	if (has_target && !moved(f, f->far.target_counts)) {
		jump(f, &f->far.target);
		f->far.stage = FAR_NOT;
	} else if (f->far.stateless ? !has_target && !f->far.blind && !is_deep(f, now)
				    : f->far.quiet >= QUIET_BLOCKS) {
		round_begin(f, FAR_TARGET, now);
	}
}

/* Where accounts have no counts, and all transactions are wanted, each block is read. */
static bool skips_nothing(const struct follower *f)
{
	return f->every && !f->s.connector->counts_at && !MUTANT(blocks_jumped_over);
}

bool far_turn(struct follower *f)
{
	uint64_t now = final_by_now(f);

	if (f->stopped || skips_nothing(f) || now <= f->trail[0].height + WINDOW) {
		if (f->far.stage != FAR_NOT && !f->stopped && now < f->trail[0].height)
			return f->far.stage != FAR_DENSE; /* a quorum is not heard now */
		if (f->far.stage != FAR_NOT)
			far_release(f);
		return false;
	}
	if (f->far.stage == FAR_NOT) {
		f->far.from = f->trail[0].height;
		round_begin(f, FAR_TARGET, now);
	} else if (f->far.stage == FAR_DENSE) {
		ask_dense(f, now);
	}
	if (f->far.stage == FAR_TARGET || f->far.stage == FAR_HALVING) {
		ask_round(f);
		return f->far.stage != FAR_DENSE;
	}
	return false;
}

void far_say(const struct follower *f, char *out, size_t len)
{
	uint64_t now = final_by_now(f);

	if (f->far.stage != FAR_NOT)
		snprintf(out, len,
		    "chain %s: the blocks that were missed, %llu of %llu are read",
		    f->s.config->name,
		    (unsigned long long)(f->trail[0].height - f->far.from),
		    (unsigned long long)(now > f->far.from ? now - f->far.from : 0));
}
