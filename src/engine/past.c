#include "engine/past.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/account.h"
#include "engine/attempt.h"
#include "engine/late.h"
#include "engine/quorum.h"
#include "engine/stranger.h"
#include "journal/sql.gen.h"

/* The count before the first block is asked for so often, with a pause: without it more
 * blocks are read, and that is all. */
#define ROUNDS_MAX 3
#define ROUND_PAUSE_MS 1000

/* What one node said of the count before the first block. */
struct said {
	bool known;
	uint64_t count;
	uint32_t nodes;
};

struct past {
	struct runner *runner;
	struct account *account;
	uint64_t from, to;         /* heights; blocks above `from` are read */
	struct follower *follower; /* NULL: the count at `from` is asked for */
	uint32_t asked;
	bool busy, done;
	int rounds;
	int64_t ask_at_ms;
	struct said said[POOL_NODES_MAX];
	int said_n;
	char says[120];
};

/* -- what the blocks hold --------------------------------------------------- */

static void told_adopted(void *ctx, const struct block_facts *b)
{
	struct past *p = ctx;

	strangers_disown(p->account, b, 0, true);
	for (uint32_t k = 0; k < b->tx_n && b->head.height <= p->to; k++)
		if (!attempt_known(p->runner, p->account, &b->tx[k].hash))
			stranger_seen(p->runner, p->account, b, &b->tx[k], true);
}

static void told_retracted(void *ctx, uint64_t above)
{
	(void)ctx;
	(void)above; /* what is read here was final before */
}

static bool told_may_final(void *ctx, const struct block_facts *b)
{
	const struct past *p = ctx;

	return b->head.height > p->to || strangers_read(p->account, b, 0);
}

static void told_passed(void *ctx, uint64_t height)
{
	struct past *p = ctx;

	strangers_past(p->account, height);
	p->done |= height >= p->to;
	snprintf(p->says, sizeof p->says,
	    "its past to be read: block %" PRIu64 " of %" PRIu64 " to %" PRIu64, height,
	    p->from, p->to);
}

/* What was adopted meanwhile is settled here: nobody tells of this block again. */
static void told_final(void *ctx, const struct block_facts *b)
{
	struct past *p = ctx;

	strangers_past_final(p->runner, p->account, b);
	for (uint32_t k = 0; k < b->tx_n && b->head.height <= p->to; k++)
		attempt_settle(p->runner, p->account, b, &b->tx[k]);
	told_passed(ctx, b->head.height);
}

static void past_asks(
    void *ctx, int node, struct buf *body, pool_done_fn *done, void *done_ctx)
{
	struct past *p = ctx;

	runner_ask(p->runner, p->account->chain, node, body, false, done, done_ctx);
}

static void follow(struct past *p, bool known, uint64_t count)
{
	const struct chain_run *c = p->account->chain;
	struct watched w = { .account = p->account->address,
		.has_count = true,
		.count = known ? count : 0 };

	p->follower = follower_new(&(struct follower_setup){
	    .config = c->config,
	    .connector = c->connector,
	    .pool = c->pool,
	    .world = p->runner->s.world,
	    .genesis = *follower_genesis(c->follower),
	    .start = p->from,
	    .told = { .ctx = p,
		.adopted = told_adopted,
		.retracted = told_retracted,
		.may_final = told_may_final,
		.final = told_final,
		.passed = told_passed },
	    .ask = past_asks,
	    .ask_ctx = p,
	});
	follower_watch(p->follower, &w, 1);
}

/* -- the count before ------------------------------------------------------- */

struct count_ask {
	struct fact fact;
	struct runner *runner;
	int64_t account;
	struct chain_run *chain;
	int node;
	enum err err;
	bool known;
	uint64_t count;
};

/* A quorum says the same; a node that has the state no more says nothing. */
static void count_take(struct runner *r, struct fact *f)
{
	struct count_ask *q = (struct count_ask *)f;
	struct account *a = account_of(r, q->account);
	struct past *p = a ? a->past : NULL;
	int i = 0;

	if (!p)
		return;
	p->busy = false;
	r->again = true;
	if (q->err)
		return;
	while (i < p->said_n &&
	    (p->said[i].known != q->known || p->said[i].count != q->count))
		i++;
	if (i == p->said_n)
		p->said[p->said_n++] =
		    (struct said){ .known = q->known, .count = q->count };
	p->said[i].nodes |= 1u << q->node;
	if (!p->follower && follower_quorum(q->chain->follower, p->said[i].nodes))
		follow(p, q->known, q->count);
}

static void count_done(void *ctx, struct pool_answer *answer)
{
	struct count_ask *q = ctx;
	struct fail f;

	q->err = answer->err;
	if (!q->err)
		q->err = q->chain->connector->counts_read(
		    &q->count, &q->known, 1, answer->answer, answer->len, &f);
	if (!q->known)
		q->count = 0;
	runner_fact(q->runner, &q->fact);
}

static void count_ask(struct runner *r, struct account *a, int node)
{
	struct past *p = a->past;
	struct count_ask *q = mem_new(sizeof *q);
	struct buf body;

	q->fact = (struct fact){ .take = count_take };
	q->runner = r;
	q->account = a->id;
	q->chain = a->chain;
	q->node = node;
	p->busy = true;
	p->asked |= 1u << node;
	buf_init(&body, 4096);
	a->chain->connector->counts_at(&body, &a->address, &p->from, 1);
	runner_ask(r, a->chain, node, &body, false, count_done, q);
}

/* All were asked, and no quorum said the same: some may have the state no more. */
static void round_end(struct runner *r, struct past *p)
{
	p->asked = 0;
	p->said_n = 0;
	if (++p->rounds == ROUNDS_MAX) {
		follow(p, false, 0);
		r->again = true;
		return;
	}
	p->ask_at_ms = world_now_ms(r->s.world) + ROUND_PAUSE_MS;
	runner_wake_at(r, p->ask_at_ms);
}

static void counts_turn(struct runner *r, struct account *a)
{
	struct past *p = a->past;
	int64_t at_ms = p->ask_at_ms;
	int node = -1;

	if (p->busy)
		return;
	if (world_now_ms(r->s.world) >= p->ask_at_ms)
		node = quorum_next(a->chain, p->asked, &at_ms);
	if (node >= 0)
		count_ask(r, a, node);
	else if (p->asked)
		round_end(r, p);
	else
		runner_wake_at(r, at_ms);
}

/* -- the turn --------------------------------------------------------------- */

bool past_read(const struct account *a)
{
	return a->past_known && !a->strangers_n && account_abreast(a, 0);
}

int64_t past_payments(struct journal *j, int64_t account)
{
	struct sql_consumed_payments_count_in in = { .account = account };
	struct sql_consumed_payments_count_out row;

	return sql_consumed_payments_count_one(j, &in, &row) ? row.n : 0;
}

uint64_t past_unread(struct journal *j, int64_t account)
{
	struct sql_account_get_in in = { .id = account };
	struct sql_account_get_out row;
	struct sql_consumed_below_in below = { .account = account };
	struct sql_consumed_below_out read;
	struct sql_archived_attempt_below_in archived = { .account = account };
	struct sql_archived_attempt_below_out gone = { .n = 0 };

	if (!sql_account_get_one(j, &in, &row) || row.no_first_nonce)
		return 0;
	below.nonce = archived.nonce = row.first_nonce;
	(void)sql_archived_attempt_below_one(j, &archived, &gone);
	return sql_consumed_below_one(j, &below, &read) &&
		read.n + gone.n < row.first_nonce
	    ? (uint64_t)(row.first_nonce - read.n - gone.n)
	    : 0;
}

static void known(struct runner *r, struct account *a, uint64_t from)
{
	uint64_t unread;

	if (!late_judged(r, a))
		return;
	a->has_past = a->past_known = true;
	a->past_from = from;
	sql_account_past(r->s.journal,
	    &(struct sql_account_past_in){ .id = a->id, .past_from = (int64_t)from });
	unread = past_unread(r->s.journal, a->id);
	if (unread)
		log_warn("account",
		    "key %s: %" PRIu64
		    " transactions of its account are in blocks below %" PRIu64
		    ", which were not read (lookback)",
		    a->key_name, unread, from);
}

/* What was adopted from a block that was not told as final when a life ended is settled
 * when that one is read again, however long it has been. */
static uint64_t begin_below(struct runner *r, const struct account *a, uint64_t from)
{
	struct sql_account_get_in in = { .id = a->id };
	struct sql_account_get_out row;

	if (!sql_account_get_one(r->s.journal, &in, &row) || row.no_adopted_from ||
	    (uint64_t)row.adopted_from > from)
		return from;
	return row.adopted_from > 0 ? (uint64_t)row.adopted_from - 1 : 0;
}

/* What was read once is not read again: lookback may be larger now. */
static void begin(struct runner *r, struct account *a)
{
	uint64_t lookback = (uint64_t)a->chain->config->lookback, from, to;
	struct head final;

	if (!follower_final(a->chain->follower, &final))
		return;
	to = a->has_past ? a->past_from : final.height;
	from = final.height > lookback ? final.height - lookback : 0;
	if (a->has_past && from >= to) {
		a->past_known = true;
		return;
	}
	if (!a->first_nonce || !lookback || !final.height) {
		known(r, a, final.height);
		return;
	}
	a->past = mem_new(sizeof *a->past);
	a->past->runner = r;
	a->past->account = a;
	a->past->to = to;
	a->past->from = a->has_past ? from : begin_below(r, a, from);
	snprintf(a->past->says, sizeof a->past->says, "its past to be read");
	r->again = true;
}

/* What it asked must be answered before it can go. */
static void let_go(struct account *a)
{
	if (a->past && (!a->past->follower || follower_idle(a->past->follower)))
		past_free(a);
}

void past_turn(struct runner *r, struct account *a)
{
	struct past *p = a->past;

	if (a->past_known || (p && p->follower && follower_stopped(p->follower))) {
		let_go(a);
		return;
	}
	if (!a->used || !a->known || !a->has_first_nonce)
		return;
	if (!p) {
		begin(r, a);
		return;
	}
	if (!p->follower) {
		counts_turn(r, a);
		return;
	}
	follower_turn(p->follower);
	runner_wake_at(r, follower_wake_ms(p->follower));
	if (p->done)
		known(r, a, p->from);
}

void past_free(struct account *a)
{
	if (a->past)
		follower_free(a->past->follower);
	mem_free(a->past);
	a->past = NULL;
}

const char *past_says(const struct account *a)
{
	return a->past ? a->past->says : a->past_known ? "" : "its past to be read";
}
