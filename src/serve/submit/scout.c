#include "serve/submit/scout.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/quorum.h"

#define KEPT_MS 60000
#define AGAIN_MS 1000 /* where the nodes did not agree */
#define SCOUTS_MAX 64 /* then the oldest is forgotten */
#define BODY_MAX ((size_t)64 * 1024)
#define GAS_MAX 30000000

enum step { STEP_CODE, STEP_TOKEN, STEP_GAS, STEP_DONE };

/* What nodes say, who say the same. */
struct said {
	uint32_t nodes;
	enum err err; /* OK, or a REJECT */
	struct fail fail;
	uint8_t has_code;
	struct token_facts token;
	uint64_t gas;
};

struct scout {
	struct scout *next;
	int64_t number, chain;
	struct address sender, token;
	bool has_token, under_way;
	enum step step;
	uint32_t asked;
	int said_n;
	struct said said[POOL_NODES_MAX];
	struct fail why; /* what a node did not say */
	int64_t at_ms;   /* known since, or not asked before */
	struct scouted found;
	enum err err; /* of STEP_DONE */
};

/* A question on its way; its scout may be forgotten meanwhile. */
struct scout_ask {
	struct fact fact;
	struct scouts *scouts;
	struct runner *runner;
	struct chain_run *chain;
	int64_t number;
	enum step step;
	int node;
	struct said said;
};

static int64_t numbers; /* of all scouts of this life */

static void scout_drop(struct scouts *s, struct scout *t)
{
	struct scout **at = &s->list;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	mem_free(t);
}

void scouts_release(struct scouts *s)
{
	while (s->list)
		scout_drop(s, s->list);
}

/* -- one question ---------------------------------------------------------- */

static struct payment payment_of(const struct scout *t, struct runner *r)
{
	struct payment pay = {
		.token = true, .asset = t->token, .amount = amount_u64(1)
	};

	/* To a holder whom nobody has seen, which costs the most. */
	world_random(r->s.world, pay.to.at, sizeof pay.to.at);
	return pay;
}

static void question_write(
    const struct scout *t, struct runner *r, struct chain_run *c, struct buf *body)
{
	struct payment pay;
	struct payload p;

	if (t->step == STEP_CODE) {
		c->connector->code(body, &t->sender, 1);
	} else if (t->step == STEP_TOKEN) {
		c->connector->token(body, &t->token, &t->sender);
	} else {
		pay = payment_of(t, r);
		c->connector->pay(&p, &pay);
		c->connector->estimate(body, &t->sender, &p, 1);
	}
}

static enum err answer_read(struct scout_ask *q, const char *answer, size_t len)
{
	const struct connector *k = q->chain->connector;
	struct said *s = &q->said;
	struct node_word word;
	enum err e;

	if (q->step == STEP_CODE)
		return k->code_read(&s->has_code, 1, answer, len, &s->fail);
	if (q->step == STEP_TOKEN)
		return k->token_read(&s->token, answer, len, &s->fail);
	e = k->estimate_read(&s->gas, &word, 1, answer, len, &s->fail);
	if (e == ERR_OK && word.err != ERR_OK)
		s->gas = 0; /* an account without any can't be estimated for: guessed */
	return e;
}

static void on_answer(void *ctx, struct pool_answer *a)
{
	struct scout_ask *q = ctx;

	q->said.err = a->err;
	q->said.fail = a->fail;
	if (a->err == ERR_OK)
		q->said.err = answer_read(q, a->answer, a->len);
	runner_fact(q->runner, &q->fact);
}

/* -- what comes of it ------------------------------------------------------ */

static bool is_same(enum step step, const struct said *a, const struct said *b)
{
	if (a->err != b->err)
		return false;
	if (a->err != ERR_OK || step == STEP_GAS)
		return true;
	if (step == STEP_CODE)
		return !a->has_code == !b->has_code;
	return a->token.has_code == b->token.has_code &&
	    a->token.decimals == b->token.decimals &&
	    strcmp(a->token.symbol, b->token.symbol) == 0;
}

static struct said *said_add(struct scout *t, const struct scout_ask *q)
{
	uint32_t nodes = quorum_beside(q->chain, q->node);

	for (int i = 0; i < t->said_n; i++)
		if (is_same(t->step, &t->said[i], &q->said)) {
			t->said[i].nodes |= nodes;
			return &t->said[i];
		}
	t->said[t->said_n] = q->said;
	t->said[t->said_n].nodes = nodes;
	return &t->said[t->said_n++];
}

static void done(struct scout *t, enum err e, const char *why, int64_t now_ms)
{
	t->step = STEP_DONE;
	t->at_ms = now_ms;
	t->err = e;
	if (e != ERR_OK)
		fail_set(&t->why, e, "token: %s", why);
}

static void token_take(struct scout *t, const struct said *s, int64_t now_ms)
{
	if (s->err != ERR_OK || !s->token.has_code) {
		done(t, ERR_INPUT,
		    s->err != ERR_OK ? s->fail.why
				     : "there is no contract at this address",
		    now_ms);
		return;
	}
	t->found.decimals = s->token.decimals;
	memcpy(t->found.symbol, s->token.symbol, sizeof t->found.symbol);
	utf8_plain(t->found.symbol);
	t->step = STEP_GAS;
}

static void settle(struct scout *t, const struct said *s, int64_t now_ms)
{
	if (t->step == STEP_TOKEN) {
		token_take(t, s, now_ms);
	} else if (t->step == STEP_GAS) {
		if (s->err == ERR_OK && s->gas && s->gas <= GAS_MAX)
			t->found.gas = s->gas + s->gas / 4;
		done(t, ERR_OK, "", now_ms);
	} else if (s->err == ERR_OK) {
		t->found.has_code = s->has_code;
		t->step = STEP_TOKEN;
		if (!t->has_token)
			done(t, ERR_OK, "", now_ms);
	}
	t->asked = 0;
	t->said_n = 0;
}

static void answer_take(struct runner *r, struct fact *fact)
{
	struct scout_ask *q = (struct scout_ask *)fact;
	int64_t now_ms = world_now_ms(r->s.world);
	struct scout *t = q->scouts->list;
	const struct said *s;

	while (t && t->number != q->number)
		t = t->next;
	if (!t || t->step != q->step)
		return;
	t->under_way = false;
	r->again = true;
	if (q->said.err != ERR_OK && err_class(q->said.err) != CLASS_REJECT) {
		t->why = q->said.fail;
		return;
	}
	t->asked |= quorum_beside(q->chain, q->node);
	s = said_add(t, q);
	if (t->step == STEP_GAS || follower_quorum(q->chain->follower, s->nodes))
		settle(t, s, now_ms);
}

/* -- asking ---------------------------------------------------------------- */

static void ask_next(
    struct scouts *s, struct runner *r, struct chain_run *c, struct scout *t)
{
	int64_t now_ms = world_now_ms(r->s.world), at_ms;
	struct scout_ask *q;
	struct buf body;
	int node;

	if (now_ms < t->at_ms)
		return;
	node = quorum_next(c, t->asked, &at_ms);
	if (node < 0 && at_ms == INT64_MAX) { /* all were asked: anew, behind a pause */
		t->asked = 0;
		t->said_n = 0;
		t->at_ms = now_ms + AGAIN_MS;
	}
	if (node < 0)
		return;
	q = mem_new(sizeof *q);
	q->fact.take = answer_take;
	q->scouts = s;
	q->runner = r;
	q->chain = c;
	q->number = t->number;
	q->step = t->step;
	q->node = node;
	t->asked |= 1u << node;
	t->under_way = true;
	buf_init(&body, BODY_MAX);
	question_write(t, r, c, &body);
	runner_ask(r, c, node, &body, false, on_answer, q);
}

static struct scout *scout_new(struct scouts *s, const struct chain_run *c,
    const struct address *sender, const struct address *token)
{
	struct scout *t = mem_new(sizeof *t), *last = s->list;
	int n = 0;

	for (struct scout *i = s->list; i; i = i->next, n++)
		last = i;
	if (n >= SCOUTS_MAX)
		scout_drop(s, last);
	t->number = ++numbers;
	t->chain = c->id;
	t->sender = *sender;
	t->has_token = token != NULL;
	if (token)
		t->token = *token;
	t->found.decimals = c->connector->decimals;
	t->found.gas = token ? c->connector->gas_token : c->connector->gas_coin;
	t->next = s->list;
	s->list = t;
	return t;
}

static struct scout *scout_get(struct scouts *s, struct runner *r,
    const struct chain_run *c, const struct address *sender, const struct address *token)
{
	int64_t now_ms = world_now_ms(r->s.world);
	struct scout *t = s->list, *next;

	for (; t; t = next) {
		next = t->next;
		if (t->chain != c->id || !address_same(&t->sender, sender) ||
		    t->has_token != (token != NULL) ||
		    (token && !address_same(&t->token, token)))
			continue;
		if (t->step != STEP_DONE || now_ms - t->at_ms < KEPT_MS)
			return t;
		scout_drop(s, t);
	}
	return scout_new(s, c, sender, token);
}

enum err scout_find(struct scouts *s, struct runner *r, struct chain_run *c,
    const struct address *sender, const struct address *token, struct scouted *ret,
    struct fail *f)
{
	struct scout *t = scout_get(s, r, c, sender, token);

	if (t->step != STEP_DONE && !t->under_way)
		ask_next(s, r, c, t);
	if (t->step != STEP_DONE)
		return fail_set(f, ERR_NO_QUORUM,
		    "chain %s: its nodes are being asked%s%.300s", c->config->name,
		    t->why.why[0] ? ": " : "", t->why.why);
	if (t->err != ERR_OK)
		return fail_set(f, t->err, "%s", t->why.why);
	*ret = t->found;
	return ERR_OK;
}
