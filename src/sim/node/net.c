#include "sim/node/net.h"

#include "base/check.h"
#include "sim/node/node.h"

/* -- transactions from pool to pool ------------------------------------------ */

/* One that a pool will hear of. */
struct sim_heard {
	struct sim_heard *next;
	struct sim_tx *tx;
	int64_t at_ms;
};

bool sim_pool_is_apart(const struct sim_pool *p)
{
	return p->node && (p->node->down || p->node->cut);
}

/* In the order in which it was told: what comes over one line does not overtake. */
static void hear_later(struct sim_pool *p, struct sim_tx *t)
{
	struct sim_chain *c = p->chain;
	struct sim_heard *h = c->heard_free;
	const struct sim_node *n = p->node;
	int64_t at_ms = c->now_ms + (n ? n->gossip_ms + n->gossip_more_ms : 0);

	if (h)
		c->heard_free = h->next;
	else
		h = sim_chain_take(c, sizeof *h);
	if (p->heard && p->heard_last->at_ms > at_ms)
		at_ms = p->heard_last->at_ms;
	*h = (struct sim_heard){ .tx = t, .at_ms = at_ms };
	if (p->heard)
		p->heard_last->next = h;
	else
		p->heard = h;
	p->heard_last = h;
}

void sim_pool_tell(struct sim_pool *p, struct sim_tx *t)
{
	if (sim_pool_is_apart(p))
		return;
	for (struct sim_pool *other = p->chain->pools; other; other = other->next)
		if (other != p && other->users && !sim_pool_is_apart(other))
			hear_later(other, t);
}

static void tell_all(struct sim_pool *p, struct sim_pool *to)
{
	for (const struct sim_line *l = p->lines; l; l = l->next)
		for (const struct sim_wait *i = l->first; i; i = i->next)
			if (!sim_pool_holds(to, i->tx))
				hear_later(to, i->tx);
}

/* Back from a time apart: both sides tell what they have. */
static void meet(struct sim_pool *p)
{
	for (struct sim_pool *other = p->chain->pools; other; other = other->next) {
		if (other == p || !other->users || sim_pool_is_apart(other))
			continue;
		tell_all(p, other);
		tell_all(other, p);
	}
}

static void hear(struct sim_pool *p)
{
	struct sim_heard *h = p->heard;
	struct sim_word word;

	p->heard = h->next;
	h->next = p->chain->heard_free;
	p->chain->heard_free = h;
	if (!sim_pool_is_apart(p) && !(p->node && p->node->forgets))
		sim_pool_take(
		    p, p->node ? sim_node_head(p->node) : p->chain->head, &word, h->tx);
}

/* -- the clock --------------------------------------------------------------- */

static struct sim_pool *next_to_hear(const struct sim_chain *c)
{
	struct sim_pool *next = NULL;

	for (struct sim_pool *p = c->pools; p; p = p->next)
		if (p->heard && (!next || p->heard->at_ms < next->heard->at_ms))
			next = p;
	return next;
}

int64_t sim_chain_due_ms(const struct sim_chain *c)
{
	const struct sim_pool *p = next_to_hear(c);
	int64_t due_ms = p ? p->heard->at_ms : INT64_MAX;

	if (c->options.interval_ms && c->mine_at_ms < due_ms)
		due_ms = c->mine_at_ms;
	return due_ms;
}

/* What was apart and is not any more: its members are set by hand at any time. */
static void meetings(struct sim_chain *c)
{
	for (struct sim_pool *p = c->pools; p; p = p->next) {
		bool apart = sim_pool_is_apart(p);

		if (p->was_apart && !apart)
			meet(p);
		p->was_apart = apart;
	}
}

void sim_chain_until(struct sim_chain *c, int64_t at_ms)
{
	struct sim_pool *p;

	meetings(c);
	for (int64_t due_ms = sim_chain_due_ms(c); due_ms <= at_ms;
	     due_ms = sim_chain_due_ms(c)) {
		c->now_ms = due_ms > c->now_ms ? due_ms : c->now_ms;
		p = next_to_hear(c);
		if (p && p->heard->at_ms <= due_ms)
			hear(p);
		else
			sim_mine_due(c);
	}
	c->now_ms = at_ms > c->now_ms ? at_ms : c->now_ms;
}
