#include "chain/follower_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "journal/sql.gen.h"

/* A node this many blocks behind the best one is left out until it is back. */
#define LAG_MAX 3
#define FAILURES_SAID 3
/* So many polls between two questions about a disputed block. */
#define DISPUTED_POLLS 4
/* How far below the head the trail of a new chain begins, where the nodes' own tag
 * decides what is final: nothing of ours can be below. */
#define TAG_START_DEPTH 64

struct follower *follower_new(const struct follower_setup *s)
{
	struct follower *f = mem_new(sizeof *f);

	f->s = *s;
	f->nodes = pool_size(s->pool);
	f->inbox_end = &f->inbox;
	return f;
}

void follower_free(struct follower *f)
{
	if (!f)
		return;
	while (f->inbox) {
		struct question *q = f->inbox;

		f->inbox = q->next;
		question_free(q);
	}
	sightings_forget(f);
	far_release(f);
	free(f->seen);
	free(f->trail);
	free(f->watched);
	free(f);
}

int64_t follower_chain(const struct follower *f)
{
	return f->chain;
}

static bool watches(const struct follower *f, const struct watched *w, uint32_t n)
{
	for (uint32_t i = 0; i < n && n == f->watched_n; i++) {
		const struct watched *old = &f->watched[i];

		if (!address_same(&w[i].account, &old->account) ||
		    !address_same(&w[i].token, &old->token) ||
		    w[i].balance != old->balance ||
		    w[i].token_balance != old->token_balance)
			return false;
	}
	return n == f->watched_n;
}

void follower_watch(struct follower *f, const struct watched *w, uint32_t n)
{
	if (watches(f, w, n))
		return;
	far_release(f);
	free(f->watched);
	f->watched = n ? mem_copy(w, n * sizeof *w) : NULL;
	f->watched_n = n;
	f->generation++;
	sightings_forget(f);
}

uint64_t follower_depth(const struct follower *f)
{
	return f->s.config->finality.tag ? TAG_START_DEPTH : f->s.config->finality.depth;
}

bool follower_head(const struct follower *f, struct head *ret)
{
	if (!f->trail_n)
		return false;
	*ret = f->trail[f->trail_n - 1];
	return true;
}

bool follower_final(const struct follower *f, struct head *ret)
{
	if (!f->trail_n)
		return false;
	*ret = f->trail[0];
	return true;
}

const char *follower_waits_for(const struct follower *f)
{
	return f->waits_for[0] ? f->waits_for : NULL;
}

uint64_t follower_quorum_height(const struct follower *f)
{
	return f->best;
}

const char *follower_trouble(const struct follower *f)
{
	return f->trouble[0] ? f->trouble : NULL;
}

bool follower_silent(const struct follower *f)
{
	return f->silent;
}

/* -- votes ------------------------------------------------------------------ */

/* One vote a provider, however many nodes of its are in the set. */
static int votes(const struct follower *f, uint32_t nodes)
{
	uint64_t providers = 0;

	for (int i = 0; i < f->nodes; i++) {
		const struct node_state *n = pool_node(f->s.pool, i);

		if ((nodes >> i & 1) && !n->off && f->view[i].identified)
			providers |= 1ull << (n->provider & 63);
	}
	return __builtin_popcountll(providers);
}

static bool quorum(const struct follower *f, uint32_t nodes)
{
	return votes(f, nodes) >= f->s.config->quorum;
}

bool follower_quorum(const struct follower *f, uint32_t nodes)
{
	return quorum(f, nodes);
}

static struct opinion *opinion_agreed(const struct follower *f, struct sighting *s)
{
	for (int i = 0; i < s->opinions_n; i++)
		if (quorum(f, s->opinions[i].nodes))
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
		    s && (s->told || i == 0) ? opinion_agreed(g, s) : NULL;

		if (o)
			agreed = &o->facts;
		else if (i)
			break;
	}
	return agreed;
}

static void leave_out(struct follower *f, int node, const char *why)
{
	struct view *v = &f->view[node];

	if (!strcmp(v->left_out, why))
		return;
	snprintf(v->left_out, sizeof v->left_out, "%s", why);
	pool_leave_out(f->s.pool, node, v->left_out[0] ? v->left_out : NULL);
	if (v->left_out[0])
		log_warn("chain", "%s: node %s left out: %s", f->s.config->name,
		    pool_node(f->s.pool, node)->name, v->left_out);
	else
		log_info("chain", "%s: node %s is back", f->s.config->name,
		    pool_node(f->s.pool, node)->name);
}

/* -- taking answers ---------------------------------------------------------- */

/* The journal's row of the chain is found or made once a quorum names one genesis. */
static void chain_settle(struct follower *f)
{
	for (int i = 0; i < f->nodes && !f->chain; i++) {
		struct sql_chain_by_identity_in in = {
			.chain_id = (int64_t)f->s.config->chain_id
		};
		struct sql_chain_by_identity_out row;
		uint32_t same = 0;

		for (int k = 0; k < f->nodes; k++)
			if (f->view[k].identified && f->view[i].identified &&
			    hash_same(&f->view[k].genesis, &f->view[i].genesis))
				same |= 1u << k;
		if (!quorum(f, same))
			continue;
		f->genesis = f->view[i].genesis;
		memcpy(in.genesis, f->genesis.at, sizeof in.genesis);
		if (sql_chain_by_identity_one(f->s.journal, &in, &row)) {
			f->chain = row.id;
			f->stopped = !row.no_stopped;
			sql_chain_named(f->s.journal,
			    &(struct sql_chain_named_in){
				.id = row.id, .name = f->s.config->name });
			if (!row.no_final_height)
				trail_load(f, row.final_height);
			continue;
		}
		struct sql_chain_add_in add = { .kind = f->s.connector->name,
			.chain_id = in.chain_id,
			.name = f->s.config->name };
		struct sql_chain_add_out added = { 0 };

		memcpy(add.genesis, in.genesis, sizeof add.genesis);
		if (sql_chain_add_one(f->s.journal, &add, &added))
			f->chain = added.id;
	}
}

/* It serves another chain: it has no vote, is sent nothing, and is asked again later. */
static void refuse(struct follower *f, int node, const char *why)
{
	struct view *v = &f->view[node];

	v->identified = false;
	v->poll_at_ms = world_now_ms(f->s.world) + 10 * f->s.config->poll_ms;
	leave_out(f, node, why);
}

static void refuse_strangers(struct follower *f)
{
	for (int i = 0; i < f->nodes && f->chain; i++)
		if (f->view[i].identified && !hash_same(&f->view[i].genesis, &f->genesis))
			refuse(f, i, "serves a chain of another genesis");
}

static void take_identity(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];
	char why[96];

	v->identity_busy = false;
	if (q->err)
		return;
	if (q->identity.chain_id != f->s.config->chain_id) {
		snprintf(why, sizeof why, "serves chain id %llu, not %llu",
		    (unsigned long long)q->identity.chain_id,
		    (unsigned long long)f->s.config->chain_id);
		refuse(f, q->node, why);
		return;
	}
	v->genesis = q->identity.genesis;
	v->identified = true;
	if (!f->chain)
		chain_settle(f);
	refuse_strangers(f);
}

bool follower_knows(const struct follower *f, int node)
{
	return f->chain && f->view[node].identified;
}

static void take_poll(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];

	v->poll_busy = false;
	v->poll_at_ms = world_now_ms(f->s.world) + f->s.config->poll_ms;
	if (q->err) {
		/* Another server may answer at this address next time. */
		v->identified = false;
		return;
	}
	v->head = q->heads[0];
	v->has_head = true;
}

static void take_headers(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];

	v->header_busy = false;
	if (q->err)
		return;
	for (uint32_t i = 0; i < q->n; i++) {
		if (!q->known[i])
			continue;
		if (f->trail_n && q->heads[i].height > f->trail[0].height)
			sighting_add(f, &q->heads[i]);
		else if (f->trail_n &&
		    trail_has(f, &q->heads[i].hash, q->heads[i].height))
			v->fork_height = q->heads[i].height;
		if (!f->trail_n || (q->kind == ASK_HEADERS && i + 1 == q->n)) {
			v->goal = q->heads[i];
			v->has_goal = true;
		}
	}
	/* By height and by hash must meet; where they don't, the node moved in between.
	 */
	v->by_hash = q->kind == ASK_HEADERS;
}

/* The place of an opinion that nobody holds any more, else a new one: who says something
 * else each time fills no memory. */
static struct opinion *opinion_room(struct sighting *s)
{
	for (int i = 0; i < s->opinions_n; i++)
		if (!s->opinions[i].nodes && !(s->told && s->told_as == i)) {
			block_facts_release(&s->opinions[i].facts);
			return &s->opinions[i];
		}
	s->opinions =
	    mem_grow(s->opinions, (size_t)s->opinions_n + 1, sizeof *s->opinions);
	return &s->opinions[s->opinions_n++];
}

static void opinion_add(struct sighting *s, struct question *q)
{
	uint32_t bit = 1u << q->node;

	for (int i = 0; i < s->opinions_n; i++)
		s->opinions[i].nodes &= ~bit;
	q->facts.head = s->head;
	for (int i = 0; i < s->opinions_n; i++)
		if (hash_same(&s->opinions[i].facts.digest, &q->facts.digest)) {
			s->opinions[i].nodes |= bit;
			return;
		}
	*opinion_room(s) = (struct opinion){ .facts = q->facts, .nodes = bit };
	memset(&q->facts, 0, sizeof q->facts);
}

static void take_finalized(struct view *v, const struct question *q)
{
	if (q->err || !q->facts.has_finalized)
		return;
	v->has_finalized = true;
	v->finalized_height = q->facts.finalized_height;
	v->finalized_is_head = v->head.height && v->finalized_height >= v->head.height;
}

/* Returns false when q lives on as the question for the receipts. */
static bool take_block(struct follower *f, struct question *q)
{
	struct view *v = &f->view[q->node];
	struct sighting *s;

	if (!q->err && q->generation == f->generation && q->facts.incomplete &&
	    q->kind == ASK_BLOCK) {
		follower_ask_receipts(f, q);
		return false;
	}
	v->blocks_busy--;
	if (q->generation != f->generation)
		return true;
	s = sighting_find(f, &q->block.hash, q->block.height);
	if (s)
		s->asked &= ~(1u << q->node);
	if (q->word.note == NOTE_NO_METHOD && v->way == BLOCK_RECEIPTS)
		v->way = BLOCK_WHOLE;
	else if (q->word.note == NOTE_NO_HASH_PARAM)
		v->by_number = true;
	take_finalized(v, q);
	if (!q->err && s && s->bare == q->block.bare)
		opinion_add(s, q);
	return true;
}

static void take(struct follower *f)
{
	while (f->inbox) {
		struct question *q = f->inbox;
		bool done = true;

		f->inbox = q->next;
		if (!f->inbox)
			f->inbox_end = &f->inbox;
		switch (q->kind) {
		case ASK_IDENTITY:
			take_identity(f, q);
			break;
		case ASK_POLL:
			take_poll(f, q);
			break;
		case ASK_HEADER:
		case ASK_HEADERS:
			take_headers(f, q);
			break;
		case ASK_ANCESTOR:
		case ASK_ANEW:
			undone_take(f, q);
			break;
		case ASK_BLOCK:
		case ASK_RECEIPTS:
			done = take_block(f, q);
			break;
		case ASK_FINALIZED:
			f->view[q->node].finalized_busy = false;
			take_finalized(&f->view[q->node], q);
			break;
		case ASK_FAR_HEADERS:
		case ASK_FAR_COUNT:
			far_take(f, q);
			break;
		}
		if (done)
			question_free(q);
	}
}

/* -- linking a node's branch to the trail ------------------------------------- */

static void goal_choose(struct follower *f, struct view *v)
{
	uint64_t final = f->trail[0].height;

	if (v->head.height <= final + WINDOW) {
		v->goal = v->head;
		v->has_goal = true;
		return;
	}
	/* Far: the goal is a block on the way, asked for by height. */
	if (v->has_goal && (v->goal.height <= final || v->goal.height > final + WINDOW))
		v->has_goal = false;
}

/* Walk from the node's goal down to the trail. Sets link and fork_height; queues the
 * question for a header that is missing on the way. */
static void link_node(struct follower *f, int node)
{
	struct view *v = &f->view[node];
	struct hash kept;
	struct head at;

	v->link = LINK_UNKNOWN;
	goal_choose(f, v);
	if (!v->has_goal) {
		if (!v->header_busy)
			follower_ask_headers(f, node, ASK_HEADERS, f->trail[0].height + 1,
			    f->trail[0].height + follower_window(f));
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
		if (v->header_busy)
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

static bool opinion_of(const struct sighting *s, int node)
{
	for (int i = 0; i < s->opinions_n; i++)
		if (s->opinions[i].nodes >> node & 1)
			return true;
	return false;
}

/* While the nodes contradict each other and no quorum agrees, they are asked again: one
 * that was about to finish the next block may have mixed the two up. */
static bool disputed(const struct follower *f, struct sighting *s, int node)
{
	int64_t pause_ms = DISPUTED_POLLS * (int64_t)f->s.config->poll_ms;

	return s->opinions_n > 1 && !opinion_agreed(f, s) &&
	    world_now_ms(f->s.world) >= s->asked_ms[node] + pause_ms;
}

/* Of a path that goes down from a height, one block a step. */
static struct sighting *path_at(
    struct follower *f, const struct hash *path, size_t at, uint64_t top)
{
	return sighting_find(f, &path[at], top - at);
}

/* Ask a node for what it says of the blocks on its branch, from the oldest on; of what is
 * disputed, one block a turn. */
static void read_branch(struct follower *f, int node)
{
	struct view *v = &f->view[node];
	struct hash path[WINDOW + 1];
	size_t n = 0;
	struct head at = v->goal;
	bool again = false;
	int64_t at_ms;

	while (at.height > f->trail[0].height && n <= WINDOW) {
		struct sighting *s = sighting_find(f, &at.hash, at.height);
		struct head *parent;

		if (!s)
			s = sighting_add(f, &at);
		path[n++] = at.hash;
		s = sighting_find(f, &at.parent, at.height - 1);
		parent = trail_at(f, at.height - 1);
		if (s)
			at = s->head;
		else if (parent && hash_same(&parent->hash, &at.parent))
			at = *parent;
		else
			return;
	}
	if (f->trail_n == 1 && hash_same(&v->goal.hash, &f->trail[0].hash))
		path[n++] = v->goal.hash; /* the head itself is final: a young chain */
	while (n > 0 && v->blocks_busy < BLOCKS_BUSY_MAX) {
		struct sighting *s = path_at(f, path, --n, v->goal.height);

		if (!s || (s->asked >> node & 1))
			continue;
		if (!s->bare && is_deep(f, s->head.height) && !opinion_agreed(f, s))
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

/* -- the trail ---------------------------------------------------------------- */

/* The tip of the part of a node's branch on which somebody's facts are known. */
static uint64_t branch_known(
    struct follower *f, const struct view *v, struct hash *ret_tip)
{
	struct hash path[WINDOW + 1];
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
		struct sighting *s = path_at(f, path, --n, v->goal.height);

		if (!s || !s->opinions_n || s->head.height != height + 1)
			break;
		*ret_tip = s->head.hash;
		height++;
	}
	return height;
}

/* Nodes whose own head is on a branch that does not have our head, and not merely
 * behind on ours. */
static uint32_t nodes_off_trail(struct follower *f)
{
	uint32_t off = 0;

	for (int i = 0; i < f->nodes; i++) {
		struct view *v = &f->view[i];

		if (v->identified && v->has_head && v->link == LINK_TRAIL &&
		    v->fork_height < trail_top(f)->height &&
		    v->goal.height > v->fork_height)
			off |= 1u << i;
	}
	return off;
}

/* A higher branch is left aside while a quorum stays on ours: its own nodes are fewer,
 * and nothing of it could become final. */
static bool quorum_stays(const struct follower *f, uint64_t fork)
{
	uint32_t stay = 0, leave = 0;

	for (int i = 0; i < f->nodes; i++) {
		const struct view *v = &f->view[i];

		if (!v->identified || !v->has_head || v->link != LINK_TRAIL)
			continue;
		if (v->fork_height > fork)
			stay |= 1u << i;
		else if (v->fork_height == fork && v->goal.height > fork)
			leave |= 1u << i;
	}
	return quorum(f, stay) && !quorum(f, leave);
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
	struct hash path[WINDOW + 1];
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
		trail_push(f, &path_at(f, path, --n, top)->head);
	return true;
}

static void choose_branch(struct follower *f)
{
	uint32_t off = nodes_off_trail(f);

	for (int i = 0; i < f->nodes; i++) {
		struct view *v = &f->view[i];
		struct hash tip;
		uint64_t height;
		bool forks;

		if (!v->identified || v->link != LINK_TRAIL ||
		    v->fork_height < f->trail[0].height)
			continue;
		height = branch_known(f, v, &tip);
		if (height <= v->fork_height)
			continue;
		forks = v->fork_height < trail_top(f)->height;
		if (forks && height <= trail_top(f)->height &&
		    !((off >> i & 1) && quorum(f, off)))
			continue;
		if (forks && quorum_stays(f, v->fork_height))
			continue;
		if (!adopt(f, v->fork_height, height, tip))
			return;
		v->fork_height = height;
		off = 0;
		for (int k = 0; k < f->nodes; k++)
			if (k != i && f->view[k].link == LINK_TRAIL)
				link_node(f, k);
	}
}

static void tell_as(struct follower *f, struct sighting *s, int opinion)
{
	if (s->told && s->told_as == opinion)
		return;
	s->told = true;
	s->told_as = opinion;
	f->s.told.adopted(f->s.told.ctx, &s->opinions[opinion].facts);
}

/* The first opinion is told at once, and the quorum's when it is another one. */
static void tell(struct follower *f)
{
	for (size_t i = 1; i < f->trail_n; i++) {
		struct sighting *s =
		    sighting_find(f, &f->trail[i].hash, f->trail[i].height);
		struct opinion *o;

		if (!s || !s->opinions_n)
			break;
		o = opinion_agreed(f, s);
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
		if (quorum(f, deep) || (deep && MUTANT(final_by_one_node)))
			return &s->opinions[i];
	}
	return NULL;
}

static void finalize(struct follower *f)
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

/* -- the turn ----------------------------------------------------------------- */

/* Where the trail of a new chain begins: far enough down that all agree. */
static void begin(struct follower *f)
{
	uint32_t same[POOL_NODES_MAX] = { 0 };
	uint64_t depth = follower_depth(f);

	for (int i = 0; i < f->nodes && !f->has_start; i++) {
		struct view *v = &f->view[i];
		uint32_t not_below = 0;

		for (int k = 0; k < f->nodes; k++)
			if (f->view[k].has_head &&
			    f->view[k].head.height >= v->head.height)
				not_below |= 1u << k;
		if (!v->has_head || !quorum(f, not_below))
			continue;
		f->start = v->head.height > depth ? v->head.height - depth : 0;
		f->has_start = true;
	}
	for (int i = 0; i < f->nodes && f->has_start; i++) {
		struct view *v = &f->view[i];

		if (!v->has_goal && v->has_head && !v->header_busy)
			follower_ask_headers(f, i, ASK_HEADERS, f->start, f->start);
		for (int k = 0; k < f->nodes && v->has_goal; k++)
			if (f->view[k].has_goal &&
			    hash_same(&f->view[k].goal.hash, &v->goal.hash))
				same[i] |= 1u << k;
		if (v->has_goal && quorum(f, same[i])) {
			trail_begin(f, &v->goal);
			return;
		}
	}
}

/* The highest height that a quorum's heads have reached: one liar does not move it. */
static uint64_t quorum_height(const struct follower *f)
{
	uint64_t best = 0;

	for (int i = 0; i < f->nodes; i++) {
		uint32_t at_least = 0;

		for (int k = 0; k < f->nodes; k++)
			if (f->view[k].has_head &&
			    f->view[k].head.height >= f->view[i].head.height)
				at_least |= 1u << k;
		if (f->view[i].has_head && quorum(f, at_least) &&
		    f->view[i].head.height > best)
			best = f->view[i].head.height;
	}
	return best;
}

static void judge_standing(struct follower *f)
{
	uint64_t best = f->best;
	char why[96];

	for (int i = 0; i < f->nodes; i++) {
		struct view *v = &f->view[i];

		if (!v->identified || !v->has_head)
			continue;
		if (v->link == LINK_FORKED) {
			leave_out(f, i, "forks below the final block");
		} else if (v->head.height + LAG_MAX < best) {
			snprintf(why, sizeof why, "lags by %llu blocks",
			    (unsigned long long)(best - v->head.height) / LAG_MAX *
				LAG_MAX);
			leave_out(f, i, why);
		} else {
			leave_out(f, i, "");
		}
	}
}

/* It comes with each block that is read; far above the trail none is. */
static bool wants_tag(const struct follower *f, const struct view *v)
{
	return f->s.config->finality.tag && f->trail_n && v->has_head &&
	    v->head.height > f->trail[0].height + WINDOW && !v->finalized_busy &&
	    v->finalized_at != v->head.height;
}

static void schedule(struct follower *f)
{
	int64_t now = world_now_ms(f->s.world), at_ms;

	for (int i = 0; i < f->nodes; i++) {
		struct view *v = &f->view[i];

		if (pool_node(f->s.pool, i)->off || !pool_ready(f->s.pool, i, &at_ms))
			continue;
		if (!v->identified && !v->identity_busy && v->poll_at_ms <= now)
			follower_ask_identity(f, i);
		if (v->identified && !v->poll_busy && v->poll_at_ms <= now)
			follower_ask_poll(f, i);
		if (v->identified && wants_tag(f, v))
			follower_ask_finalized(f, i);
	}
}

/* What the nodes call final is of no use: said, and never replaced by a depth. */
static void say_tag(struct follower *f)
{
	uint32_t is_head = 0;

	for (int i = 0; i < f->nodes; i++)
		if (f->view[i].has_finalized && f->view[i].finalized_is_head)
			is_head |= 1u << i;
	if (quorum(f, is_head))
		snprintf(f->waits_for, sizeof f->waits_for,
		    "chain %s: a finality that means something: its nodes call their "
		    "head finalized (finality: {depth: N} counts blocks)",
		    f->s.config->name);
	else if (f->best > f->trail[0].height + WINDOW)
		snprintf(f->waits_for, sizeof f->waits_for,
		    "chain %s: the finalized block, which stayed at %llu while the head "
		    "went to %llu",
		    f->s.config->name, (unsigned long long)f->trail[0].height,
		    (unsigned long long)f->best);
}

/* Once or twice is nobody's news. */
static void say_trouble(struct follower *f)
{
	uint32_t answering = 0;
	size_t len = 0;

	f->trouble[0] = '\0';
	for (int i = 0; i < f->nodes; i++) {
		const struct node_state *n = pool_node(f->s.pool, i);

		if (n->failures_in_a_row < FAILURES_SAID)
			answering |= 1u << i;
		else if (!n->off && len < sizeof f->trouble)
			len += (size_t)snprintf(f->trouble + len, sizeof f->trouble - len,
			    "%s%s does not answer (%.60s)", len ? ", " : "", n->name,
			    n->last_error);
	}
	f->silent = f->trouble[0] && !quorum(f, answering);
}

static void say_waits(struct follower *f)
{
	uint32_t up = 0;

	say_trouble(f);
	for (int i = 0; i < f->nodes; i++)
		if (f->view[i].identified && f->view[i].has_head &&
		    !f->view[i].left_out[0])
			up |= 1u << i;
	f->waits_for[0] = '\0';
	if (f->stopped)
		snprintf(f->waits_for, sizeof f->waits_for,
		    "a final block of chain %s vanished: look at it, then "
		    "`pawl resume chain:%s`",
		    f->s.config->name, f->s.config->name);
	else if (!quorum(f, up))
		snprintf(f->waits_for, sizeof f->waits_for,
		    "chain %s: %d of %d votes that a quorum needs%s%s", f->s.config->name,
		    votes(f, up), f->s.config->quorum, f->trouble[0] ? "; " : "",
		    f->trouble);
	else if (!f->trail_n)
		snprintf(f->waits_for, sizeof f->waits_for,
		    "chain %s: the nodes to agree on a block", f->s.config->name);
	else if (follower_is_far(f))
		far_say(f, f->waits_for, sizeof f->waits_for);
	else if (f->s.config->finality.tag)
		say_tag(f);
}

void follower_turn(struct follower *f)
{
	take(f);
	f->best = quorum_height(f);
	schedule(f);
	if (f->chain && !f->trail_n)
		begin(f);
	if (f->chain && f->trail_n && far_turn(f)) {
		undone_turn(f);
	} else if (f->chain && f->trail_n) {
		for (int i = 0; i < f->nodes; i++) {
			if (!f->view[i].identified || !f->view[i].has_head)
				continue;
			link_node(f, i);
			if (f->view[i].link == LINK_TRAIL)
				read_branch(f, i);
		}
		undone_turn(f);
		if (!f->stopped) {
			choose_branch(f);
			tell(f);
			finalize(f);
		}
	}
	judge_standing(f);
	say_waits(f);
}

int64_t follower_wake_ms(const struct follower *f)
{
	int64_t wake = INT64_MAX;

	for (int i = 0; i < f->nodes; i++) {
		const struct view *v = &f->view[i];
		int64_t at = v->poll_at_ms, ready_ms;

		if (pool_node(f->s.pool, i)->off || v->identity_busy || v->poll_busy)
			continue;
		if (!pool_ready(f->s.pool, i, &ready_ms) && ready_ms > at)
			at = ready_ms;
		if (at < wake)
			wake = at;
	}
	return wake;
}
