#include "sim/chain/mempool.h"

#include "base/check.h"
#include "sim/chain/execute.h"
#include "sim/node/node.h"

/* -- the lines of a pool ---------------------------------------------------- */

struct sim_line *sim_line_find(const struct sim_pool *p, const struct sim_account *from)
{
	struct sim_line *l = from->lines;

	while (l && l->pool != p)
		l = l->next_other;
	return l;
}

struct sim_tx *sim_line_at(const struct sim_line *l, uint64_t nonce)
{
	const struct sim_wait *i = l ? l->first : NULL;

	if (!i || l->last->tx->nonce < nonce)
		return NULL;
	while (i && i->tx->nonce < nonce)
		i = i->next;
	return i && i->tx->nonce == nonce ? i->tx : NULL;
}

bool sim_pool_holds(const struct sim_pool *p, const struct sim_tx *t)
{
	return t->pooled && sim_line_at(sim_line_find(p, t->from), t->nonce) == t;
}

static struct sim_line *line_get(struct sim_pool *p, struct sim_account *from)
{
	struct sim_line *l = sim_line_find(p, from);

	if (!l) {
		l = sim_chain_take(p->chain, sizeof *l);
		*l = (struct sim_line){
			.pool = p, .from = from, .next_other = from->lines
		};
		from->lines = l;
	}
	if (!l->listed) {
		l->listed = true;
		l->next = p->lines;
		p->lines = l;
	}
	return l;
}

static struct sim_wait *wait_new(struct sim_chain *c, struct sim_tx *t)
{
	struct sim_wait *i = c->waits_free;

	if (i)
		c->waits_free = i->next;
	else
		i = sim_chain_take(c, sizeof *i);
	*i = (struct sim_wait){ .tx = t };
	return i;
}

void sim_pool_insert(struct sim_pool *p, struct sim_tx *t)
{
	struct sim_line *l = line_get(p, t->from);
	struct sim_wait **at = &l->first, *i = wait_new(p->chain, t);

	if (l->last && l->last->tx->nonce < t->nonce)
		at = &l->last->next;
	while (*at && (*at)->tx->nonce < t->nonce)
		at = &(*at)->next;
	i->next = *at;
	*at = i;
	if (!i->next)
		l->last = i;
	l->n++;
	p->n++;
	p->news[p->news_n++ % SIM_NEWS] = t;
	t->pooled++;
	p->chain->pooled++;
}

/* at: its place in the line, behind `before`. */
static void unlink_at(struct sim_line *l, struct sim_wait **at, struct sim_wait *before)
{
	struct sim_chain *c = l->pool->chain;
	struct sim_wait *i = *at;

	*at = i->next;
	if (l->last == i)
		l->last = before;
	i->tx->pooled--;
	i->next = c->waits_free;
	c->waits_free = i;
	l->n--;
	l->pool->n--;
	c->pooled--;
}

void sim_pool_remove(struct sim_pool *p, struct sim_tx *t)
{
	struct sim_line *l = sim_line_find(p, t->from);
	struct sim_wait **at, *before = NULL;

	CHECK(l);
	for (at = &l->first; *at && (*at)->tx != t; at = &before->next)
		before = *at;
	CHECK(*at);
	unlink_at(l, at, before);
}

const struct sim_tx *sim_pool_lowest(const struct sim_account *from)
{
	const struct sim_tx *lowest = NULL, *t;

	for (const struct sim_line *l = from->lines; l; l = l->next_other) {
		t = l->first ? l->first->tx : NULL;
		if (t && (!lowest || t->nonce < lowest->nonce))
			lowest = t;
	}
	return lowest;
}

struct sim_pool *sim_pool_new(struct sim_chain *c)
{
	struct sim_pool *p = sim_chain_take(c, sizeof *p), **end = &c->pools;

	p->chain = c;
	p->max = c->options.pool_max;
	while (*end)
		end = &(*end)->next;
	*end = p;
	return p;
}

bool sim_pool_is_used(const struct sim_pool *p)
{
	return p->users || (p == p->chain->pools && !p->next);
}

/* -- going out ------------------------------------------------------------- */

void sim_pool_return(struct sim_chain *c, struct sim_tx *t)
{
	for (struct sim_pool *p = c->pools; p; p = p->next)
		if (sim_pool_is_used(p) && !(p->node && p->node->loses_undone) &&
		    !sim_line_at(sim_line_find(p, t->from), t->nonce))
			sim_pool_insert(p, t);
}

void sim_pool_clear(struct sim_pool *p)
{
	for (struct sim_line *l = p->lines; l; l = l->next)
		while (l->first)
			unlink_at(l, &l->first, NULL);
}

void sim_pool_drop_all(struct sim_chain *c)
{
	for (struct sim_pool *p = c->pools; p; p = p->next)
		sim_pool_clear(p);
}

static uint32_t drop_some_of(
    struct sim_line *l, struct sim_random *random, uint32_t per_mille)
{
	struct sim_wait **at = &l->first, *before = NULL;
	uint32_t dropped = 0;

	while (*at)
		if (sim_random_hit(random, per_mille)) {
			unlink_at(l, at, before);
			dropped++;
		} else {
			before = *at;
			at = &before->next;
		}
	return dropped;
}

uint32_t sim_pool_drop_some(
    struct sim_chain *c, struct sim_random *random, uint32_t per_mille)
{
	uint32_t dropped = 0;

	for (struct sim_pool *p = c->pools; p; p = p->next)
		for (struct sim_line *l = p->lines; l; l = l->next)
			dropped += drop_some_of(l, random, per_mille);
	return dropped;
}

static void line_tidy(struct sim_line *l, const struct sim_block *tip)
{
	const struct sim_chain *c = l->pool->chain;
	uint64_t count = sim_count_of(c, tip, l->from);
	struct amount has = sim_balance_of(c, tip, NULL, l->from), cost;
	struct sim_wait **at = &l->first, *before = NULL;

	while (*at) {
		cost = sim_tx_cost((*at)->tx);
		if ((*at)->tx->nonce < count || amount_cmp(&cost, &has) > 0) {
			unlink_at(l, at, before);
		} else {
			before = *at;
			at = &before->next;
		}
	}
}

static void pool_tidy(struct sim_pool *p)
{
	const struct sim_block *tip = p->node ? sim_node_head(p->node) : p->chain->head;
	struct sim_line **at = &p->lines, *l;

	while ((l = *at)) {
		if (l->first)
			line_tidy(l, tip);
		l->listed = l->first != NULL;
		if (l->listed)
			at = &l->next;
		else
			*at = l->next;
	}
}

void sim_pool_tidy(struct sim_chain *c)
{
	for (struct sim_pool *p = c->pools; p; p = p->next)
		if (p->lines)
			pool_tidy(p);
}

const struct sim_wait *sim_pool_first(const struct sim_pool *p, const struct address *at)
{
	const struct sim_account *a = sim_account_find(p->chain, at);
	const struct sim_line *l = a ? sim_line_find(p, a) : NULL;

	return l ? l->first : NULL;
}

uint64_t sim_pool_count(
    const struct sim_pool *p, const struct sim_block *tip, const struct address *at)
{
	const struct sim_account *a = sim_account_find(p->chain, at);
	const struct sim_line *l = a ? sim_line_find(p, a) : NULL;
	uint64_t count = a ? sim_count_of(p->chain, tip, a) : 0;

	for (const struct sim_wait *i = l ? l->first : NULL; i; i = i->next)
		if (i->tx->nonce == count)
			count++;
	return count;
}
