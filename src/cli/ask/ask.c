#include "cli/ask/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"

#define BODY_MAX (1024 * 1024)
#define AGAIN_MS 250 /* before a node that failed, or disagrees, is asked again */
#define SAY_AFTER_MS 1000
#define SAY_EACH_AFTER_MS 3000 /* one that is slow is told of in the answer */
#define GRACE_MS 500
#define HASTY_FAILURES 3 /* a node that was away so often stays it */

enum phase { PHASE_TO_ASK, PHASE_ASKED, PHASE_SAID };

struct node {
	struct ask *ask;
	enum phase phase;
	bool busy;  /* a request is under way */
	bool stale; /* it is of a former question */
	bool off;   /* by an operator: it is not asked */
	bool wrong; /* so; or it serves another chain, or was no part of its quorum */
	char wrong_why[96];
	bool heard;    /* it answered the question, if only once */
	int away;      /* it was out of reach, or let nobody in, so often in a row */
	int64_t at_ms; /* not to be asked before */
	enum err err;
	struct fail fail;
	void *fact;
};

struct ask {
	struct world *world;
	const struct chain_config *config;
	const struct connector *connector;
	struct pool *pool;
	int64_t patience_ms;
	bool hasty, identified;
	ask_say_fn *say; /* NULL: nobody listens, or it was said */
	void *say_ctx;
	const struct ask_question *question; /* under way; NULL: none */
	struct node nodes[POOL_NODES_MAX];
	int n;
};

static void node_init(struct node *n, struct ask *a, bool off)
{
	n->ask = a;
	n->off = n->wrong = off;
	snprintf(n->wrong_why, sizeof n->wrong_why, "%s", off ? "switched off" : "");
}

struct ask *ask_new(
    struct world *w, const struct chain_config *c, int64_t patience_ms, bool hasty)
{
	struct ask *a = mem_new(sizeof *a);

	a->world = w;
	a->config = c;
	a->connector = chain_connector(c);
	a->pool = pool_new(w, c->endpoints, c->endpoints_n, c->timeout_ms);
	a->patience_ms = patience_ms;
	a->hasty = hasty;
	a->n = pool_size(a->pool);
	for (int i = 0; i < a->n; i++)
		node_init(&a->nodes[i], a, c->endpoints[i].off);
	return a;
}

void ask_waits(struct ask *a, ask_say_fn *say, void *ctx)
{
	a->say = say;
	a->say_ctx = ctx;
}

/* A closed pool calls nobody back, so what is under way does no harm. */
void ask_free(struct ask *a)
{
	if (!a)
		return;
	pool_free(a->pool);
	for (int i = 0; i < a->n; i++)
		mem_free(a->nodes[i].fact);
	mem_free(a);
}

/* -- one request ----------------------------------------------------------- */

static void said(struct node *n, enum err err, bool away, const struct fail *f)
{
	bool again = err != ERR_OK && err_class(err) != CLASS_REJECT;

	n->err = err;
	n->heard |= err == ERR_OK;
	n->fail = *f;
	n->phase = again ? PHASE_TO_ASK : PHASE_SAID;
	n->at_ms = world_now_ms(n->ask->world) + AGAIN_MS;
	n->away = away ? n->away + 1 : 0;
}

static void answered(void *ctx, struct pool_answer *answer)
{
	struct node *n = ctx;
	const struct ask_question *q = n->ask->question;
	struct fail f = answer->fail;
	enum err err = answer->err;
	/* A refusal of HTTP is a door's, and not the node's word. */
	bool door = err == ERR_NODE_REFUSED && !MUTANT(refused_is_asked_on);

	n->busy = false;
	if (n->stale || !q) {
		n->stale = false;
		return;
	}
	if (err == ERR_OK)
		err = q->read(q, n->fact, answer->answer, answer->len, &f);
	else if (err == ERR_NODE_REFUSED)
		err = ERR_NODE_BUSY;
	said(n, err, door || err == ERR_NOT_SENT, &f);
}

static void send_to(struct ask *a, int node)
{
	struct node *n = &a->nodes[node];
	struct buf body;

	memset(n->fact, 0, a->question->size);
	buf_init(&body, BODY_MAX);
	a->question->write(a->question, &body);
	CHECK(buf_ok(&body));
	n->phase = PHASE_ASKED;
	n->busy = true;
	pool_ask(a->pool, node, &body, answered, n);
}

/* Ask whoever is due; returns when the next one is. */
static int64_t send_due(struct ask *a, int64_t until_ms)
{
	int64_t now = world_now_ms(a->world), at;

	for (int i = 0; i < a->n; i++) {
		struct node *n = &a->nodes[i];

		if (n->wrong || n->busy || n->phase != PHASE_TO_ASK)
			continue;
		if (!pool_ready(a->pool, i, &at) || n->at_ms > now) {
			at = at > n->at_ms ? at : n->at_ms;
			until_ms = at < until_ms ? at : until_ms;
			continue;
		}
		send_to(a, i);
	}
	return until_ms;
}

/* -- what they say together ------------------------------------------------ */

static bool agree(const struct ask *a, const struct node *x, const struct node *y)
{
	if (y->wrong || y->phase != PHASE_SAID || x->err != y->err)
		return false;
	if (x->err != ERR_OK || x == y)
		return true;
	return a->question->same && a->question->same(a->question, x->fact, y->fact);
}

/* One vote a provider. */
static int votes(const struct ask *a, const struct node *x)
{
	uint64_t providers = 0;

	for (int i = 0; i < a->n; i++)
		if (agree(a, x, &a->nodes[i]))
			providers |= 1ull << (pool_node(a->pool, i)->provider & 63);
	return __builtin_popcountll(providers);
}

static bool all_said(const struct ask *a)
{
	for (int i = 0; i < a->n; i++)
		if (!a->nodes[i].wrong && a->nodes[i].phase != PHASE_SAID)
			return false;
	return true;
}

/* A node that speaks for the quorum; NULL: none yet. Refusals count when nobody is left
 * who might say better. */
static const struct node *speaker(const struct ask *a)
{
	bool complete = all_said(a);

	for (int i = 0; i < a->n; i++) {
		const struct node *n = &a->nodes[i];
		bool one_will_do = n->err == ERR_OK && !a->question->same;

		if (n->wrong || n->phase != PHASE_SAID || (n->err != ERR_OK && !complete))
			continue;
		if (one_will_do || votes(a, n) >= a->config->quorum)
			return n;
	}
	return NULL;
}

static bool all_away(const struct ask *a)
{
	for (int i = 0; i < a->n; i++)
		if (!a->nodes[i].wrong && a->nodes[i].away < HASTY_FAILURES)
			return false;
	return true;
}

/* All have spoken and no quorum came of it: they may stand at different blocks. */
static void ask_again(struct ask *a)
{
	for (int i = 0; i < a->n; i++)
		if (a->nodes[i].phase == PHASE_SAID)
			a->nodes[i].phase = PHASE_TO_ASK;
}

/* Providers that answered this question, now or before. */
static int heard(const struct ask *a)
{
	uint64_t providers = 0;

	for (int i = 0; i < a->n; i++)
		if (a->nodes[i].heard && !a->nodes[i].wrong)
			providers |= 1ull << (pool_node(a->pool, i)->provider & 63);
	return __builtin_popcountll(providers);
}

/* Why there is no quorum for its sake; NULL: it is not to blame. */
static const char *blame(const struct node *n, bool enough)
{
	if (n->wrong)
		return n->wrong_why;
	if (n->heard)
		return enough ? "answers, but not as the others do" : NULL;
	return n->fail.why[0] ? n->fail.why : "no answer yet";
}

static enum err no_quorum(const struct ask *a, struct fail *f)
{
	int answered = heard(a);
	char words[400] = "";
	size_t len = 0;

	for (int i = 0; i < a->n && len < sizeof words - 1; i++) {
		const char *why = blame(&a->nodes[i], answered >= a->config->quorum);

		if (why)
			len += (size_t)snprintf(words + len, sizeof words - len,
			    "%s%s: %.90s", len ? "; " : "", pool_node(a->pool, i)->name,
			    why);
	}
	return fail_set(f, ERR_NO_QUORUM,
	    "too few nodes agree (%d needed, %d answered): %s", a->config->quorum,
	    answered, words);
}

/* -- a question ------------------------------------------------------------ */

/* q lives until the question is over. */
static void begin(struct ask *a, struct ask_question *q)
{
	q->connector = a->connector;
	a->question = q;
	for (int i = 0; i < a->n; i++) {
		struct node *n = &a->nodes[i];

		n->phase = PHASE_TO_ASK;
		n->stale = n->busy;
		n->away = 0;
		n->heard = false;
		n->at_ms = 0;
		n->err = ERR_OK;
		n->fail = (struct fail){ ERR_OK, "" };
		mem_free(n->fact);
		n->fact = mem_new(q->size);
	}
}

/* One round of asking and waiting. */
static enum err wait_for_words(struct ask *a, int64_t until_ms, struct fail *f)
{
	if (world_signalled(a->world))
		return fail_set(f, ERR_STOPPED, "stopped while the nodes were asked");
	world_wait(a->world, send_due(a, until_ms));
	return ERR_OK;
}

/* Nobody should look at a silent terminal. Returns when to look again. */
static int64_t say_waiting(struct ask *a, int64_t after_ms, int64_t until_ms)
{
	int64_t now = world_now_ms(a->world);
	int64_t at_ms = until_ms - a->patience_ms + after_ms;
	struct fail why;

	if (!a->say || at_ms > until_ms)
		return until_ms;
	if (now < at_ms)
		return at_ms;
	(void)no_quorum(a, &why);
	a->say(a->say_ctx, why.why, until_ms - now);
	a->say = NULL;
	return until_ms;
}

static enum err gather(struct ask *a, const struct node **ret, struct fail *f)
{
	int64_t until_ms = world_now_ms(a->world) + a->patience_ms;
	enum err e = ERR_OK;

	while (e == ERR_OK && !(*ret = speaker(a))) {
		if (world_now_ms(a->world) >= until_ms || (a->hasty && all_away(a)))
			return no_quorum(a, f);
		if (all_said(a))
			ask_again(a);
		e = wait_for_words(a, say_waiting(a, SAY_AFTER_MS, until_ms), f);
	}
	return e;
}

/* grace_ms: how long the others may take to be heard, too. */
static enum err ask_run(struct ask *a, const struct ask_question *q, int64_t grace_ms,
    void *ret, struct fail *f)
{
	struct ask_question asked = *q;
	const struct node *n = NULL;
	int64_t until_ms;
	enum err e;

	begin(a, &asked);
	e = gather(a, &n, f);
	until_ms = world_now_ms(a->world) + grace_ms;
	while (e == ERR_OK && !all_said(a) && world_now_ms(a->world) < until_ms)
		e = wait_for_words(a, until_ms, f);
	a->question = NULL;
	if (e != ERR_OK)
		return e;
	if (n->err != ERR_OK)
		return fail_set(f, n->err, "%s", n->fail.why);
	memcpy(ret, n->fact, q->size);
	return ERR_OK;
}

enum err ask_quorum(
    struct ask *a, const struct ask_question *q, void *ret, struct fail *f)
{
	struct identity identity;
	enum err e = a->identified ? ERR_OK : ask_identity(a, &identity, f);

	return e == ERR_OK ? ask_run(a, q, 0, ret, f) : e;
}

enum err ask_each(struct ask *a, const struct ask_question *q, struct fail *f)
{
	int64_t until_ms = world_now_ms(a->world) + a->patience_ms;
	struct ask_question asked = *q;
	enum err e = ERR_OK;

	begin(a, &asked);
	while (e == ERR_OK && !all_said(a) && world_now_ms(a->world) < until_ms &&
	    !(a->hasty && all_away(a)))
		e = wait_for_words(a, say_waiting(a, SAY_EACH_AFTER_MS, until_ms), f);
	a->question = NULL;
	return e;
}

/* A quorum has answered since when; 0: none has yet. */
static int64_t enough_ms(const struct ask *a, int64_t since_ms)
{
	if (since_ms || heard(a) < a->config->quorum)
		return since_ms;
	return world_now_ms(a->world);
}

enum err ask_enough(struct ask *a, const struct ask_question *q, struct fail *f)
{
	int64_t until_ms = world_now_ms(a->world) + a->patience_ms, since_ms = 0;
	struct ask_question asked = *q;
	enum err e = ERR_OK;

	begin(a, &asked);
	while (e == ERR_OK && !all_said(a) && world_now_ms(a->world) < until_ms &&
	    !(a->hasty && all_away(a))) {
		since_ms = enough_ms(a, since_ms);
		if (since_ms && since_ms + GRACE_MS < until_ms)
			until_ms = since_ms + GRACE_MS;
		e = wait_for_words(a, until_ms, f);
	}
	a->question = NULL;
	if (e == ERR_OK && heard(a) < a->config->quorum)
		return no_quorum(a, f);
	return e;
}

int ask_provider(const struct ask *a, int node)
{
	return pool_node(a->pool, node)->provider;
}

int ask_answering(const struct ask *a)
{
	int n = 0;

	for (int i = 0; i < pool_size(a->pool); i++) {
		const struct node_state *node = pool_node(a->pool, i);

		n += node->asked > 0 && !node->failures_in_a_row && !a->nodes[i].wrong;
	}
	return n;
}

const struct connector *ask_connector(const struct ask *a)
{
	return a->connector;
}

void ask_said(const struct ask *a, int node, struct ask_said *ret)
{
	const struct node *n;

	CHECK(node >= 0 && node < a->n);
	n = &a->nodes[node];
	*ret = (struct ask_said){ .node = pool_node(a->pool, node)->name,
		.answered = n->phase == PHASE_SAID,
		.err = n->err,
		.why = n->fail.why };
	if (ret->answered && n->err == ERR_OK)
		ret->fact = n->fact;
}

/* -- identity -------------------------------------------------------------- */

static void identity_write(const struct ask_question *q, struct buf *body)
{
	q->connector->identity(body);
}

/* ctx: the chain id that is wanted; NULL: any. */
static enum err identity_read(const struct ask_question *q, void *fact,
    const char *answer, size_t len, struct fail *f)
{
	const uint64_t *chain_id = q->ctx;
	struct identity *i = fact;
	enum err e = q->connector->identity_read(i, answer, len, f);
	char other[CHAIN_OTHER_MAX];

	if (e != ERR_OK || !chain_id || i->chain_id == *chain_id)
		return e;
	chain_other(other, q->connector, i->chain_id, *chain_id);
	return fail_set(f, ERR_WRONG_CHAIN, "it serves %s", other);
}

static bool identity_same(const struct ask_question *q, const void *a, const void *b)
{
	const struct identity *x = a, *y = b;

	(void)q;
	return x->chain_id == y->chain_id && hash_same(&x->genesis, &y->genesis);
}

const struct ask_question ask_identity_question = { .write = identity_write,
	.read = identity_read,
	.same = identity_same,
	.size = sizeof(struct identity) };

/* Each by its name: which endpoint is to be corrected. */
static enum err name_wrong(const struct ask *a, struct fail *f)
{
	char words[400] = "";
	size_t len = 0;

	for (int i = 0; i < a->n && len < sizeof words - 1; i++)
		if (a->nodes[i].phase == PHASE_SAID && a->nodes[i].err == ERR_WRONG_CHAIN)
			len += (size_t)snprintf(words + len, sizeof words - len,
			    "%s%s: %.90s", len ? "; " : "", pool_node(a->pool, i)->name,
			    a->nodes[i].fail.why);
	return fail_set(f, ERR_WRONG_CHAIN, "%s", words);
}

enum err ask_identity(struct ask *a, struct identity *ret, struct fail *f)
{
	struct ask_question q = ask_identity_question;
	enum err e;

	for (int i = 0; i < a->n; i++)
		a->nodes[i].wrong = a->nodes[i].off;
	q.ctx = &a->config->chain_id;
	e = ask_run(a, &q, GRACE_MS, ret, f);
	if (e == ERR_WRONG_CHAIN)
		name_wrong(a, f);
	if (e != ERR_OK)
		return fail_wrap(f, e, "chain %s", a->config->name);
	for (int i = 0; i < a->n; i++) {
		struct node *n = &a->nodes[i];
		bool says = n->phase == PHASE_SAID && n->err == ERR_OK;

		if (n->off)
			continue;
		n->wrong = !says || !identity_same(NULL, n->fact, ret);
		snprintf(n->wrong_why, sizeof n->wrong_why, "%s",
		    says                 ? "another chain"
			: n->fail.why[0] ? n->fail.why
					 : "no answer");
	}
	a->identified = true;
	return ERR_OK;
}
