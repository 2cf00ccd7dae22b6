/* look_ask.c - a round: one question to each node, and its answer read.
 *
 * Who asks is counted: an answer to another round is not looked at.
 */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kinds/track/look_in.h"

#define BODY_MAX ((size_t)64 * 1024)

/* One question to one node. */
struct question {
	struct fact fact; /* first */
	struct track_chain *chain;
	void (*done)(struct track_chain *t);
	uint32_t round;
	int node;
	enum look_stage stage;
	enum err err;
	uint32_t n;
	uint64_t final_height;
	struct hash hash[LOOK_MAX];
	struct look_said said[LOOK_MAX];
	bool has_filter; /* it is asked for what came to its pool, too */
	struct pending_filter filter;
	struct pending news; /* but for its hashes: */
	int64_t hint[LOOK_MAX];
	uint32_t hints_n;
};

/* -- answers --------------------------------------------------------------- */

static enum err whole_read(struct question *q, const struct pool_answer *a)
{
	const struct connector *c = q->chain->chain->connector;
	struct whole_tx *tx = mem_array(q->n, sizeof *tx);
	struct fail f;
	enum err e = q->has_filter
	    ? c->look_read(tx, &q->news, &q->filter, q->n, a->answer, a->len, &f)
	    : c->transactions_read(tx, q->n, a->answer, a->len, &f);

	for (uint32_t i = 0; i < q->n && e == ERR_OK; i++) {
		if (tx[i].known && !hash_same(&tx[i].hash, &q->hash[i]))
			e = ERR_BAD_ANSWER;
		q->said[i] = (struct look_said){ .known = tx[i].known,
			.included = tx[i].known && tx[i].included,
			.block_hash = tx[i].block_hash,
			.height = tx[i].height,
			.nonce = tx[i].nonce,
			.from = tx[i].from };
	}
	q->hints_n = hint_match(q->chain, &q->news, q->hint);
	mem_free(q->news.hash);
	q->news.hash = NULL;
	mem_free(tx);
	return e;
}

static enum err receipts_read(struct question *q, const struct pool_answer *a)
{
	const struct connector *c = q->chain->chain->connector;
	struct receipt *r = mem_array(q->n, sizeof *r);
	struct fail f;
	enum err e = c->receipts_read(r, NULL, q->n, a->answer, a->len, &f);

	for (uint32_t i = 0; i < q->n && e == ERR_OK; i++) {
		if (r[i].known && !hash_same(&r[i].hash, &q->hash[i]))
			e = ERR_BAD_ANSWER;
		q->said[i] = (struct look_said){ .known = r[i].known,
			.included = r[i].known,
			.ok = r[i].known && r[i].status == TX_OK,
			.block_hash = r[i].block_hash,
			.height = r[i].height };
	}
	mem_free(r);
	return e;
}

static enum err counts_read(struct question *q, const struct pool_answer *a)
{
	const struct connector *c = q->chain->chain->connector;
	uint64_t counts[LOOK_MAX];
	bool known[LOOK_MAX];
	struct fail f;
	enum err e = ERR_OK;

	e = c->counts_read(counts, known, q->n, a->answer, a->len, &f);
	for (uint32_t i = 0; i < q->n && e == ERR_OK; i++)
		q->said[i] = (struct look_said){ .known = known[i], .count = counts[i] };
	return e;
}

static void ask_take(struct runner *r, struct fact *f)
{
	struct question *q = (struct question *)f;
	struct look *l = q->chain->look;

	if (q->has_filter) {
		hint_answered(q->chain, q->node, &q->news, q->err);
		hint_add(q->chain, q->node, q->hint, q->hints_n);
	}
	if (!l || l->round != q->round || l->stage != q->stage)
		return;
	l->asked &= ~(1u << q->node);
	if (!q->err) {
		l->answered |= 1u << q->node;
		memcpy(l->said[q->node], q->said, sizeof q->said);
	}
	if (!l->asked)
		q->done(q->chain);
	r->again = true;
}

static void ask_done(void *ctx, struct pool_answer *a)
{
	struct question *q = ctx;

	q->err = a->err;
	if (!q->err && q->stage == LOOK_WHOLE)
		q->err = whole_read(q, a);
	else if (!q->err && q->stage == LOOK_RECEIPTS)
		q->err = receipts_read(q, a);
	else if (!q->err)
		q->err = counts_read(q, a);
	runner_fact(q->chain->runner, &q->fact);
}

/* -- questions ------------------------------------------------------------- */

static void body_write(struct buf *body, const struct question *q, const struct look *l)
{
	const struct connector *c = q->chain->chain->connector;
	uint64_t heights[LOOK_MAX];

	for (uint32_t i = 0; i < q->n; i++)
		heights[i] = q->final_height;
	if (q->stage == LOOK_WHOLE && q->has_filter)
		c->look(body, &q->filter, q->hash, q->n);
	else if (q->stage == LOOK_WHOLE)
		c->transactions(body, q->hash, q->n);
	else if (q->stage == LOOK_RECEIPTS)
		c->receipts(body, q->hash, q->n);
	else
		c->counts_at(body, l->sender, heights, q->n);
}

static void ask(struct track_chain *t, int node, void (*done)(struct track_chain *t))
{
	struct look *l = t->look;
	struct question *q = mem_new(sizeof *q);
	const struct pending_filter *filter =
	    l->stage == LOOK_WHOLE && !l->hinted ? hint_filter(t, node) : NULL;
	struct buf body;

	q->has_filter = filter != NULL;
	if (filter)
		q->filter = *filter;
	q->fact = (struct fact){ .take = ask_take };
	q->chain = t;
	q->done = done;
	q->round = l->round;
	q->node = node;
	q->stage = l->stage;
	q->n = l->n + l->has_known;
	q->final_height = l->final_height;
	memcpy(q->hash, l->hash, sizeof q->hash);
	buf_init(&body, BODY_MAX);
	body_write(&body, q, l);
	l->asked |= 1u << node;
	runner_ask(t->runner, t->chain, node, &body, false, ask_done, q);
}

bool look_ask(struct track_chain *t, void (*done)(struct track_chain *t))
{
	const struct pool *p = t->chain->pool;
	int64_t at_ms;

	t->look->asked = t->look->answered = 0;
	for (int i = 0; i < pool_size(p); i++)
		if (follower_knows(t->chain->follower, i) && !pool_node(p, i)->left_out &&
		    pool_ready(p, i, &at_ms))
			ask(t, i, done);
	return t->look->asked != 0;
}
