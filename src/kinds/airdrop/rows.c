#include "kinds/airdrop/rows.h"

#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/operation.h"

#define ASK_PAUSE_MS 1000

/* -- its life -------------------------------------------------------------- */

struct rows *rows_new(struct chain_run *c, struct operation *o,
    const struct question *question, uint32_t max)
{
	struct rows *q = mem_new(sizeof *q);

	if (o->items < max)
		max = (uint32_t)o->items;
	q->chain = c;
	q->question = question;
	q->operation = o->id;
	q->row = mem_array(max, sizeof *q->row);
	q->pay = mem_array(max, sizeof *q->pay);
	q->verdict = mem_array(max, sizeof *q->verdict);
	return q;
}

void rows_add(struct rows *q, int64_t row, const struct payment *pay)
{
	q->row[q->n] = row;
	q->pay[q->n++] = *pay;
}

void rows_over(struct rows *q)
{
	if (!q)
		return;
	q->over = true;
	if (q->answers)
		return;
	mem_free(q->row);
	mem_free(q->pay);
	mem_free(q->verdict);
	mem_free(q);
}

/* It is over for who wanted it. */
static struct rows *rows_end(struct airdrop *a)
{
	struct rows *q = a->rows;

	a->rows = NULL;
	return q;
}

/* -- one answer ------------------------------------------------------------ */

static void said_free(struct fact *f)
{
	struct rows_said *s = (struct rows_said *)f;

	if (!s->taken)
		hedge_heard(&s->of->hedge);
	s->of->answers--;
	if (s->of->over)
		rows_over(s->of);
	mem_free(s->has_code);
	mem_free(s->gas);
	mem_free(s->word);
	mem_free(s);
}

static void said_take(struct runner *r, struct fact *f);

static struct rows_said *said_new(struct runner *r, struct rows *q, int node)
{
	struct rows_said *s = mem_new(sizeof *s);

	s->fact = (struct fact){ .take = said_take, .free = said_free };
	s->runner = r;
	s->of = q;
	q->answers++;
	s->node = node;
	s->has_code = mem_array(q->n, 1);
	s->gas = mem_array(q->n, sizeof *s->gas);
	s->word = mem_array(q->n, sizeof *s->word);
	return s;
}

static void said_done(void *ctx, struct pool_answer *answer)
{
	struct rows_said *s = ctx;

	s->err = answer->err;
	s->fail = answer->fail;
	if (!s->err)
		s->err = s->of->question->read(s, answer->answer, answer->len);
	runner_fact(s->runner, &s->fact);
}

/* A provider has one voice, by whichever of its addresses. */
static void hear(struct rows *q, struct rows_said *s)
{
	if (q->said >> s->node & 1)
		return;
	if (!s->err && q->question->take(q, s)) {
		q->said |= quorum_beside(q->chain, s->node);
		q->asked |= q->said;
	} else {
		q->err = s->err;
		q->fail = s->fail;
	}
}

static void said_take(struct runner *r, struct fact *f)
{
	struct rows_said *s = (struct rows_said *)f;
	struct rows *q = s->of;
	struct operation *o = runner_operation(r, q->operation);
	struct airdrop *a;

	s->taken = true;
	hedge_heard(&q->hedge);
	if (q->over)
		return;
	CHECK(o);
	a = o->of_kind;
	if (o->state != OPERATION_BUILDING) {
		rows_over(rows_end(a));
		return;
	}
	hear(q, s);
	if (!follower_quorum(q->chain->follower, q->said)) {
		rows_go_on(r, o, a);
		return;
	}
	if (q->question->settled(q)) {
		q->question->settle(r, o, a, rows_end(a));
		rows_over(q);
	} else {
		rows_go_on(r, o, a);
	}
	r->again = true;
}

/* -- all of them ----------------------------------------------------------- */

static void ask(struct runner *r, struct rows *q, const struct account *acct, int node)
{
	struct buf body;

	q->asked |= 1u << node;
	hedge_asked(&q->hedge, q->chain, node);
	buf_init(&body, 1024 * 1024);
	q->question->ask(q, acct, &body);
	runner_ask(r, q->chain, node, &body, false, said_done, said_new(r, q, node));
}

void rows_pause(
    struct runner *r, struct operation *o, struct airdrop *a, const struct rows *q)
{
	char line[WAITS_MAX];

	a->ask_at_ms = world_now_ms(r->s.world) + ASK_PAUSE_MS;
	runner_wake_at(r, a->ask_at_ms);
	snprintf(line, sizeof line, "a quorum of nodes to estimate its gas%s%.200s",
	    q->err ? ": " : "", q->err ? q->fail.why : "");
	operation_waits(o, line);
}

/* Nobody is left who could be asked. */
static void last_said(struct runner *r, struct operation *o, struct airdrop *a)
{
	struct rows *q = rows_end(a);

	if (follower_quorum(q->chain->follower, q->said))
		q->question->settle(r, o, a, q);
	else if (q->asked)
		rows_pause(r, o, a, q);
	rows_over(q);
}

/* It waits for a node that may be asked later: were it dropped, whoever is asked seldom
 * would be asked from the start each time. */
void rows_go_on(struct runner *r, struct operation *o, struct airdrop *a)
{
	const struct account *acct = account_of(r, o->account);
	struct rows *q = a->rows;
	int64_t at_ms = INT64_MAX;
	int node = -1;

	if (hedge_waits(r, q->chain, &q->hedge))
		return;
	if (acct)
		node = quorum_next(q->chain, q->asked, &at_ms);
	if (node >= 0)
		ask(r, q, acct, node);
	else if (at_ms < INT64_MAX)
		runner_wake_at(r, at_ms);
	else if (!q->hedge.under_way)
		last_said(r, o, a);
}

void rows_begin(struct runner *r, struct operation *o, struct rows *q)
{
	struct airdrop *a = o->of_kind;

	CHECK(!a->rows);
	a->rows = q;
	rows_go_on(r, o, a);
}
