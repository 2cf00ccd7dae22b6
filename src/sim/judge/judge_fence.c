/* judge_fence.c - how far a fence has to go at least, by what the nodes have shown since
 * an older journal is there (G8). */
#include <inttypes.h>
#include <string.h>

#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/fence/fence.h"
#include "sim/judge/judge_in.h"

#define STALE_BLOCKS 3 /* an answer may be so much older than its node's head */

/* -- what they show ------------------------------------------------------- */

static bool is_pooled(const struct judge_account *a)
{
	for (uint64_t n = 0; n < a->n; n++)
		for (const struct judge_bytes *b = a->at[n].bytes; b; b = b->older)
			if (b->tx->pooled)
				return true;
	return false;
}

static struct judge_least count_at(
    const struct sim_story *s, const struct sim_node *n, int key)
{
	struct sim_block *b = sim_node_head(n);
	uint64_t stale = s->per_mille[SIM_FAULT_STALE] ? STALE_BLOCKS : 0;

	if (stale)
		b = sim_block_at(s->chain, b, b->height > stale ? b->height - stale : 0);
	return (struct judge_least){ b, sim_count(s->chain, b, &s->key[key].address) };
}

/* The least that a node shows as the count, and where: it may see a head of some time
 * ago. Less than by its own head only where each has a machine behind it that lags: the
 * most that those show. */
static struct judge_least count_shown(const struct sim_story *s, int key)
{
	struct judge_least least = { .reach = UINT64_MAX }, most = { .reach = 0 };

	for (uint32_t i = 0; i < s->fate->nodes; i++) {
		const struct sim_node *n = s->nodes[i];
		struct judge_least own = count_at(s, n, key), late = own;

		if (n->twin_answers)
			late = count_at(s, n->twin, key);
		if (own.reach < least.reach)
			least = own;
		if (!most.block || late.reach > most.reach)
			most = late;
	}
	return most.reach < least.reach ? most : least;
}

static bool nodes_are_well(const struct sim_story *s)
{
	for (int k = 0; k < SIM_VICES; k++)
		if (s->vices.until_ms[k])
			return false;
	return !s->astray_until_ms && !s->per_mille[SIM_FAULT_STALE];
}

/* Of an account that the journal meets later they have to show something at all. */
static struct judge_least least_of(const struct sim_story *s, int key)
{
	const struct judge_account *a = &s->judge->account[key];
	struct judge_least l = count_shown(s, key);

	if (a->was_known || l.reach || (nodes_are_well(s) && is_pooled(a)))
		l.reach += (uint64_t)s->fate->in_flight;
	return l;
}

static bool is_on(const struct sim_story *s, struct sim_block *tip, struct sim_block *b)
{
	return tip->height >= b->height && sim_block_at(s->chain, tip, b->height) == b;
}

/* -- the least of it ------------------------------------------------------ */

/* Nothing below one that is there already says less. */
static void least_add(
    const struct sim_story *s, struct judge_account *a, struct judge_least l)
{
	struct judge_least *last = &a->least[JUDGE_LEASTS - 1];

	for (size_t i = 0; i < a->leasts; i++)
		if (a->least[i].reach <= l.reach &&
		    (!a->least[i].block || is_on(s, l.block, a->least[i].block)))
			return;
	if (a->leasts < JUDGE_LEASTS)
		a->least[a->leasts++] = l;
	else
		*last = (struct judge_least){ .reach = last->reach < l.reach ? last->reach
									     : l.reach };
}

/* Those that the owner has seen thrown out: what it measured by them it measures anew. */
static void leasts_drop(
    const struct sim_story *s, struct judge_account *a, struct sim_block *top)
{
	size_t n = 0;

	for (size_t i = 0; i < a->leasts; i++) {
		struct sim_block *b = a->least[i].block;

		if (!b || top->height < b->height || is_on(s, top, b))
			a->least[n++] = a->least[i];
	}
	a->leasts = n;
}

/* No fence is measured below what the journal itself follows, unless that vanishes. */
static void floor_look(struct sim_judge *j, struct sim_block *top)
{
	if (j->floor_due && top) {
		j->floor = top;
		j->floor_due = false;
	}
	if (j->floor && top && !is_on(j->story, top, j->floor))
		j->floor = NULL;
}

static struct judge_least floored(
    const struct sim_story *s, int key, struct judge_least l)
{
	struct sim_block *floor = s->judge->floor;
	uint64_t n;

	/* 0: it was never used, as far as anybody shows, and gets no fence */
	if (!l.reach || !floor || !l.block || !is_on(s, floor, l.block))
		return l;
	n = sim_count(s->chain, floor, &s->key[key].address) +
	    (uint64_t)s->fate->in_flight;
	return n > l.reach ? (struct judge_least){ floor, n } : l;
}

void judge_older(struct sim_life *l)
{
	l->story->judge->floor_due = true;
	l->story->judge->floor = NULL;
	for (int k = 0; k < l->story->fate->keys; k++) {
		struct judge_account *a = &l->story->judge->account[k];

		a->was_known = judge_account_id(l, k) != 0;
		a->reach = UINT64_MAX;
		a->leasts = 0;
		a->unseen = a->doubted = false;
	}
}

/* -- in each turn --------------------------------------------------------- */

/* Its fence is not whole. */
static bool is_in_doubt(struct sim_life *l, int key)
{
	struct sql_account_get_in in = { .id = judge_account_id(l, key) };
	struct sql_account_get_out row;

	return !sql_account_get_one(l->journal, &in, &row) || !row.no_doubt;
}

static bool shows_none(const struct sim_story *s, const struct sim_node *n, int key)
{
	return !sim_count(s->chain, sim_node_head(n), &s->key[key].address);
}

/* By each of them a machine can answer at whose head nothing was ever sent. */
static bool all_may_show_none(const struct sim_story *s, int key)
{
	for (uint32_t i = 0; i < s->fate->nodes; i++) {
		const struct sim_node *n = s->nodes[i];

		if (!shows_none(s, n, key) &&
		    !(n->twin_answers && shows_none(s, n->twin, key)))
			return false;
	}
	return true;
}

static bool has_doubt(struct sim_life *l, int key)
{
	struct sql_account_get_in in = { .id = judge_account_id(l, key) };
	struct sql_account_get_out row;

	return sql_account_get_one(l->journal, &in, &row) && !row.no_doubt;
}

/* An account that the journal met later, and no node may have shown that it was used: it
 * was in no doubt. */
static void unseen_look(struct sim_life *l, int key)
{
	struct sim_story *s = l->story;
	struct judge_account *a = &s->judge->account[key];

	a->doubted = a->doubted || has_doubt(l, key);
	a->unseen = !a->was_known && !a->doubted &&
	    (a->unseen || (count_shown(s, key).reach && all_may_show_none(s, key)));
}

/* So far a fence goes at least, whenever it begins: in each turn. */
void judge_reach(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct sim_block *top = judge_followed(l);

	floor_look(s->judge, top);
	if (s->judge->floor_due)
		return; /* it has not met its chain yet, and measures nothing */
	for (int k = 0; k < s->fate->keys; k++) {
		struct judge_account *a = &s->judge->account[k];

		if (s->broken != SIM_GROUND_NEWEST)
			a->reach = 0;
		if (!a->reach)
			continue;
		unseen_look(l, k);
		least_add(s, a, floored(s, k, least_of(s, k)));
		if (top && is_in_doubt(l, k))
			leasts_drop(s, a, top);
		a->reach = UINT64_MAX;
		for (size_t i = 0; i < a->leasts; i++)
			if (a->least[i].reach < a->reach)
				a->reach = a->least[i].reach;
	}
}

/* G8: what is outgrown is measured anew before it can be whole. */
void judge_fence_ends(struct sim_life *l, int64_t operation)
{
	struct sim_story *s = l->story;
	struct sim_block *top = judge_followed(l);
	struct sql_account_get_in in;
	struct sql_account_get_out row;
	struct fence_facts fence;
	struct operation o;
	struct address at;
	uint64_t n;

	if (s->broken & ~(uint32_t)SIM_GROUND_NEWEST || !top ||
	    !operation_read(l->journal, operation, &o) ||
	    !fence_read(l->journal, operation, &fence))
		return;
	in.id = o.account;
	if (!sql_account_get_one(l->journal, &in, &row) || row.no_final_height)
		return;
	memcpy(at.at, row.address, sizeof at.at);
	n = sim_count(
	    s->chain, sim_block_at(s->chain, top, (uint64_t)row.final_height), &at);
	if (n > fence.below)
		sim_story_wrong(s,
		    "%s goes up to nonce %" PRIu64 ", and ends where %" PRIu64
		    " are used in final blocks",
		    o.name, fence.below, n);
}
