#include "engine/quotes.h"

#include <string.h>

#include "base/mem.h"
#include "engine/quorum.h"
#include "journal/sql.gen.h"

#define FIRST_MS 30000
#define AGAIN_MS 300000
#define FAILED_MS 60000 /* after a round in which no quorum answered */
#define WANTED_MS 10000 /* who wants to know gets no older figures for long */
#define HOUR_MS 3600000
#define HOURS_KEPT 48

struct quote_ask {
	struct fact fact;
	struct chain_run *chain;
	int node;
	uint32_t number;  /* of its round */
	struct head head; /* of the node: which kind of fees its chain has */
	struct fee_said said;
	enum err err;
};

/* -- the hours ------------------------------------------------------------- */

static uint64_t sample_of(const struct quote *q)
{
	return q->has_1559 ? q->base_fee : q->level[QUOTE_NORMAL].price;
}

static void hour_put(struct runner *r, const struct chain_run *c)
{
	int64_t chain_id = (int64_t)c->config->chain_id,
		v = (int64_t)sample_of(&c->quote);
	int64_t hour = world_wall_ms(r->s.world) / HOUR_MS;
	struct sql_fee_hour_get_in in = { .chain_id = chain_id, .hour = hour };
	struct sql_fee_hour_get_out was;
	struct sql_fee_hour_put_in put = { .chain_id = chain_id,
		.hour = hour,
		.low = v,
		.mean = v,
		.high = v,
		.samples = 1 };

	if (sql_fee_hour_get_one(r->s.journal, &in, &was)) {
		put.low = was.low < v ? was.low : v;
		put.high = was.high > v ? was.high : v;
		put.samples = was.samples + 1;
		put.mean = was.mean + (v - was.mean) / put.samples;
	} else {
		sql_fee_hour_drop(r->s.journal,
		    &(struct sql_fee_hour_drop_in){
			.chain_id = chain_id, .before = hour - HOURS_KEPT });
	}
	sql_fee_hour_put(r->s.journal, &put);
}

void quotes_hours(struct journal *j, uint64_t chain_id, int64_t wall_ms,
    struct fee_hour ret[QUOTE_HOURS])
{
	int64_t first = wall_ms / HOUR_MS - QUOTE_HOURS + 1;
	struct sql_fee_hour_list_in in = { .chain_id = (int64_t)chain_id,
		.first = first };
	struct sql_fee_hour_list_out row;

	for (int i = 0; i < QUOTE_HOURS; i++)
		ret[i] = (struct fee_hour){ .hour = first + i };
	sql_fee_hour_list_begin(j, &in);
	while (sql_fee_hour_list_next(j, &row))
		if (row.hour < first + QUOTE_HOURS)
			ret[row.hour - first] =
			    (struct fee_hour){ row.hour, true, (uint64_t)row.low,
				    (uint64_t)row.mean, (uint64_t)row.high };
}

/* -- rounds ---------------------------------------------------------------- */

static void quote_take(struct runner *r, struct fact *f)
{
	struct quote_ask *q = (struct quote_ask *)f;
	struct quote_round *m = &q->chain->quote_round;

	if (round_heard(r, q->chain, &m->of, q->node, q->number, q->err))
		m->said[m->of.n++] = q->said;
}

static void quote_done(void *ctx, struct pool_answer *answer)
{
	struct quote_ask *q = ctx;
	struct fail f;

	q->err = answer->err;
	if (!q->err)
		q->err = q->chain->connector->quote_read(
		    &q->said, &q->head, answer->answer, answer->len, &f);
	runner_fact(q->chain->runner, &q->fact);
}

static void ask(struct runner *r, struct chain_run *c, int node)
{
	struct quote_ask *q = mem_new(sizeof *q);
	struct buf body;

	q->fact = (struct fact){ .take = quote_take };
	q->chain = c;
	q->node = node;
	(void)follower_shown(c->follower, node, &q->head);
	q->number = c->quote_round.of.number;
	round_asked(&c->quote_round.of, c, node);
	buf_init(&body, 4096);
	c->connector->quote(&body, &q->head);
	runner_ask(r, c, node, &body, false, quote_done, q);
}

static void round_end(struct runner *r, struct chain_run *c)
{
	struct quote_round *m = &c->quote_round;
	int64_t now = world_now_ms(r->s.world);
	bool made = quote_make(
	    &c->quote, m->said, m->of.n, c->config->quorum, r->s.quotes.buffer_percent);

	if (made && r->s.quotes.keep)
		hour_put(r, c);
	c->has_quote |= made;
	c->quote_at_ms = now;
	c->quote_due_ms = now + (made ? AGAIN_MS : FAILED_MS);
	c->quote_wanted = false;
	*m = (struct quote_round){ .of.number = m->of.number + 1 };
}

static bool due(struct runner *r, struct chain_run *c)
{
	int64_t now = world_now_ms(r->s.world);

	if (c->quote_wanted)
		return true;
	if (!r->s.quotes.keep)
		return false;
	if (!c->quote_due_ms)
		c->quote_due_ms = now + FIRST_MS;
	if (now >= c->quote_due_ms)
		return true;
	runner_wake_at(r, c->quote_due_ms);
	return false;
}

void quotes_turn(struct runner *r, struct chain_run *c)
{
	struct round *o = &c->quote_round.of;
	enum round_step step;
	struct head head;
	int node;

	if (!c->connector->pays || !c->id || !follower_head(c->follower, &head) ||
	    hedge_waits(r, c, &o->hedge) || (!o->asked && !due(r, c)))
		return;
	step = round_next(r, c, o, &node);
	if (step == ROUND_ASKS)
		ask(r, c, node);
	else if (step == ROUND_ENDS)
		round_end(r, c);
}

/* -- who asks -------------------------------------------------------------- */

static bool is_fresh(const struct runner *r, const struct chain_run *c)
{
	return c->quote_at_ms && world_now_ms(r->s.world) < c->quote_at_ms + WANTED_MS;
}

bool quotes_fresh(const struct runner *r, const char *chain)
{
	for (int i = 0; i < r->s.chains_n; i++)
		if ((!chain || !strcmp(chain, r->chains[i].config->name)) &&
		    !is_fresh(r, &r->chains[i]))
			return false;
	return true;
}

const struct quote *quotes_get(struct runner *r, struct chain_run *c)
{
	if (!is_fresh(r, c)) {
		c->quote_wanted = true;
		r->again = true;
	}
	return c->has_quote ? &c->quote : NULL;
}

bool quotes_text(struct runner *r, const char *chain, struct buf *out)
{
	int64_t wall_ms = world_wall_ms(r->s.world);
	bool found = false;

	for (int i = 0; i < r->s.chains_n; i++) {
		struct chain_run *c = &r->chains[i];
		const struct quote *q;

		if ((chain && strcmp(chain, c->config->name) != 0) || !c->connector->pays)
			continue;
		if (found)
			buf_add_byte(out, '\n');
		found = true;
		q = quotes_get(r, c);
		if (q)
			quote_text(
			    out, c->config->name, q, c->connector->decimals, wall_ms);
		else
			buf_addf(out, "%s: its nodes are being asked; ask again\n",
			    c->config->name);
	}
	return found;
}
