#include "engine/market.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "chain/quote.h"
#include "engine/quorum.h"

/* How often the fees of the day are asked for, while something is to be signed. */
#define MARKET_BLOCKS 5
#define MARKET_MS 10000
/* Nodes may be so many blocks apart; and behind so many the rule allows anything. */
#define MARKET_SLACK_BLOCKS 2
#define MARKET_MOVED_BLOCKS 256
/* After a round in which no quorum answered. */
#define MARKET_PAUSE_MS 1000

struct market_ask {
	struct fact fact;
	struct chain_run *chain;
	int node;
	uint32_t number;  /* of its round */
	struct head head; /* of the node, when it was asked */
	struct fee_market market;
	enum err err;
};

/* -- what the nodes say ------------------------------------------------------ */

/* The figures of those that see the same kind of chain; false: they are no quorum. */
static bool agree(struct fee_market *ret, const struct chain_run *c, bool has_1559)
{
	const struct market_round *m = &c->market_round;
	uint64_t base[POOL_NODES_MAX], tip[POOL_NODES_MAX];
	uint32_t nodes = 0;
	int n = 0;

	for (int i = 0; i < m->of.n; i++) {
		if (m->said[i].has_1559 != has_1559)
			continue;
		base[n] = m->said[i].next_base_fee;
		tip[n++] = m->said[i].tip;
		nodes |= 1u << m->node[i];
	}
	if (n < c->config->quorum || !follower_quorum(c->follower, nodes))
		return false;
	*ret = (struct fee_market){ .has_1559 = has_1559,
		.next_base_fee = quote_figure(base, n, c->config->quorum),
		.tip = quote_figure(tip, n, c->config->quorum) };
	return true;
}

static void market_take(struct runner *r, struct fact *f)
{
	struct market_ask *q = (struct market_ask *)f;
	struct chain_run *c = q->chain;
	struct market_round *m = &c->market_round;
	uint64_t was = c->market.next_base_fee;

	if (!round_heard(r, c, &m->of, q->node, q->number, q->err))
		return;
	m->node[m->of.n] = q->node;
	m->said[m->of.n++] = q->market;
	if (!agree(&c->market, c, true) && !agree(&c->market, c, false))
		return;
	m->agreed = c->has_market = true;
	c->market_base = c->market.next_base_fee;
	for (size_t i = 0; i < c->accounts_n && c->market_base > was; i++)
		c->accounts[i]->bumped_height = 0; /* bumps are looked at again */
	c->market_height = follower_quorum_height(c->follower);
}

/* -- rounds ------------------------------------------------------------------ */

static void market_done(void *ctx, struct pool_answer *answer)
{
	struct market_ask *q = ctx;
	struct fail f;

	q->err = answer->err;
	if (!q->err)
		q->err = q->chain->connector->market_read(
		    &q->market, &q->head, answer->answer, answer->len, &f);
	runner_fact(q->chain->runner, &q->fact);
}

static void ask(struct runner *r, struct chain_run *c, int node)
{
	struct market_ask *q = mem_new(sizeof *q);
	struct buf body;

	q->fact = (struct fact){ .take = market_take };
	q->chain = c;
	q->node = node;
	(void)follower_shown(c->follower, node, &q->head);
	q->number = c->market_round.of.number;
	round_asked(&c->market_round.of, c, node);
	buf_init(&body, 64 * 1024);
	c->connector->market(&body, &q->head);
	runner_ask(r, c, node, &body, false, market_done, q);
}

/* Between two rounds the base fee is the head's, which is one node's word: as far as the
 * rule of EIP-1559 can have moved it from the quorum's. false: it is said to be beyond,
 * and the quorum is asked. A head that is still behind the others tells nothing of today.
 */
static bool base_follow(struct chain_run *c, const struct head *head)
{
	uint64_t low = c->market_base, high = low, blocks = MARKET_SLACK_BLOCKS;

	if (!c->has_market || !head->next_base_fee)
		return true;
	if (head->height + MARKET_SLACK_BLOCKS < c->market_height)
		return true;
	if (head->height > c->market_height)
		blocks += head->height - c->market_height;
	for (uint64_t i = 0; i < blocks && i < MARKET_MOVED_BLOCKS; i++) {
		low -= low / 8;
		high += high < UINT64_MAX / 2 ? high / 8 + 1 : 0;
	}
	c->market.next_base_fee = head->next_base_fee;
	if (head->next_base_fee < low)
		c->market.next_base_fee = low;
	if (head->next_base_fee > high)
		c->market.next_base_fee = high;
	return c->market.next_base_fee == head->next_base_fee;
}

static bool due(
    struct runner *r, const struct chain_run *c, uint64_t height, bool follows)
{
	int64_t now = world_now_ms(r->s.world);

	if (now < c->market_not_before_ms) {
		runner_wake_at(r, c->market_not_before_ms);
		return false;
	}
	if (!c->has_market)
		return true;
	return height != c->market_height &&
	    (!follows || height >= c->market_height + MARKET_BLOCKS ||
		now - c->market_at_ms >= MARKET_MS);
}

/* All that could be asked were asked. */
static void round_end(struct runner *r, struct chain_run *c)
{
	int64_t now = world_now_ms(r->s.world);

	c->market_at_ms = now;
	if (!c->market_round.agreed) {
		c->market_not_before_ms = now + MARKET_PAUSE_MS;
		runner_wake_at(r, c->market_not_before_ms);
	}
	c->market_round =
	    (struct market_round){ .of.number = c->market_round.of.number + 1 };
}

void market_turn(struct runner *r, struct chain_run *c)
{
	uint64_t height = follower_quorum_height(c->follower);
	struct round *o = &c->market_round.of;
	enum round_step step;
	struct head head;
	bool follows;
	int node;

	if (!c->accounts_n || !follower_head(c->follower, &head))
		return;
	follows = base_follow(c, &head);
	if (hedge_waits(r, c, &o->hedge) || (!o->asked && !due(r, c, height, follows)))
		return;
	step = round_next(r, c, o, &node);
	if (step == ROUND_ASKS)
		ask(r, c, node);
	else if (step == ROUND_ENDS)
		round_end(r, c);
}
