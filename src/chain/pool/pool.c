#include "chain/pool/pool.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "chain/pool/answer.h"
#include "chain/pool/auth.h"
#include "chain/pool/limit.h"
#include "chain/pool/redact.h"
#include "codec/url.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 5000
#define BREAKER_FAILURES 5
#define BREAKER_SHUT_MS 60000
#define RETRY_AFTER_DEFAULT_MS 1000
#define RETRY_AFTER_MAX_MS 3600000 /* a node may not send us to sleep for ever */
#define ANSWER_MAX_BYTES (64 << 20)
#define HTTP_WHO_ASKS 401
#define LATE_LEAST_MS 50    /* sooner nothing is late, whatever a node is used to */
#define LATENCY_FLOOR_MS 20 /* below it, nodes are equally near */
struct node {
	struct node_state state;
	char *url;
	struct auth auth;
	struct node_off off;
	int weight;
	struct bucket bucket;
	struct latency latency;
	int64_t failed[FAILURE_COUNT];
	int64_t wait_until_ms; /* backoff, which an answer ends */
	int64_t held_until_ms; /* Retry-After, which nothing shortens */
	int64_t shut_until_ms; /* the breaker; counts while failures_in_a_row say so */
};

struct pool {
	struct world *world;
	int64_t timeout_ms;
	struct node nodes[POOL_NODES_MAX];
	int n;
	int64_t in_flight;
	bool closed; /* freed by its owner; lives until the last answer */
};

struct ask {
	struct pool *pool;
	int node;
	int64_t asked_ms;
	pool_done_fn *done;
	void *ctx;
};

/* -- chance ---------------------------------------------------------------- */

/* 0 to n - 1. The bias of the modulo is below n / 2^64. */
static int64_t random_below(struct pool *p, int64_t n)
{
	uint64_t r;

	world_random(p->world, &r, sizeof r);
	return n > 0 ? (int64_t)(r % (uint64_t)n) : 0;
}

/* Full jitter: anything from nothing to twice as much as last time. */
static int64_t backoff_ms(struct pool *p, int failures)
{
	int64_t span = BACKOFF_FIRST_MS;

	for (int i = 1; i < failures && span < BACKOFF_MAX_MS; i++)
		span *= 2;
	if (span > BACKOFF_MAX_MS)
		span = BACKOFF_MAX_MS;
	return random_below(p, span + 1);
}

/* -- standing -------------------------------------------------------------- */

static bool is_shut(const struct node *n)
{
	return n->shut_until_ms > 0;
}

/* Nobody else could be asked: such a node is never shut. */
static bool is_last(const struct pool *p, int node)
{
	for (int i = 0; i < p->n; i++) {
		const struct node *n = &p->nodes[i];

		if (i != node && !n->state.off && !n->state.left_out && !is_shut(n))
			return false;
	}
	return true;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* INT64_MAX: not by waiting. */
static int64_t ready_at_ms(const struct pool *p, int node)
{
	const struct node *n = &p->nodes[node];
	int64_t at = later(n->wait_until_ms, n->held_until_ms);

	if (n->state.off)
		return INT64_MAX;
	if (is_shut(n) && !is_last(p, node)) {
		at = later(at, n->shut_until_ms);
		if (n->state.in_flight > 0) /* half open: one probe at a time */
			return INT64_MAX;
	}
	return later(at, bucket_at_ms(&n->bucket));
}

/* What status shows follows from the rest. */
static void refresh(struct pool *p)
{
	for (int i = 0; i < p->n; i++)
		p->nodes[i].state.not_before_ms = ready_at_ms(p, i);
}

static void note_success(struct node *n)
{
	n->state.failures_in_a_row = 0;
	n->wait_until_ms = 0;
	n->shut_until_ms = 0;
}

static void note_failure(struct pool *p, int node)
{
	struct node *n = &p->nodes[node];
	int64_t now = world_now_ms(p->world);

	n->state.failed++;
	n->state.failures_in_a_row++;
	n->wait_until_ms = now + backoff_ms(p, n->state.failures_in_a_row);
	if (n->state.failures_in_a_row >= BREAKER_FAILURES && !is_last(p, node))
		n->shut_until_ms = now + BREAKER_SHUT_MS;
}

/* -- birth and death ------------------------------------------------------- */

/* host:port of a URL: user, password, path and query may be secrets. */
static void name_format(char *out, size_t size, const char *url)
{
	bool tls = strncmp(url, "https", 5) == 0;
	struct url u;

	url_split(&u, url);
	snprintf(out, size, "%.*s%s", (int)(u.host_port_len < 48 ? u.host_port_len : 48),
	    u.host, u.port ? "" : (tls ? ":443" : ":80"));
}

void node_name(char out[NODE_NAME_MAX], const struct node_config *nodes, int node)
{
	char plain[NODE_NAME_MAX], other[NODE_NAME_MAX];
	int same = 1;

	name_format(plain, sizeof plain, nodes[node].url);
	for (int i = 0; i < node; i++) {
		name_format(other, sizeof other, nodes[i].url);
		same += strcmp(plain, other) == 0;
	}
	if (same > 1)
		snprintf(out, NODE_NAME_MAX, "%.56s#%d", plain, same % 100);
	else
		memcpy(out, plain, sizeof plain);
}

static int provider_of(const struct node_config *nodes, int node)
{
	for (int i = 0; i < node && nodes[node].provider; i++)
		if (nodes[i].provider &&
		    strcmp(nodes[i].provider, nodes[node].provider) == 0)
			return i;
	return node;
}

struct pool *pool_new(
    struct world *w, const struct node_config *nodes, int n, int64_t timeout_ms)
{
	struct pool *p = mem_new(sizeof *p);
	struct rate rate;

	CHECK(n > 0 && n <= POOL_NODES_MAX);
	p->world = w;
	p->timeout_ms = timeout_ms;
	p->n = n;
	for (int i = 0; i < n; i++) {
		p->nodes[i].url = mem_str(nodes[i].url);
		auth_init(&p->nodes[i].auth, nodes[i].cookie, nodes[i].login);
		p->nodes[i].weight = nodes[i].weight > 0 ? nodes[i].weight : 1;
		p->nodes[i].state.provider = provider_of(nodes, i);
		rate = limit_of(nodes[i].url, nodes[i].rate, nodes[i].burst);
		bucket_init(&p->nodes[i].bucket, &rate, world_now_ms(w));
		node_name(p->nodes[i].state.name, nodes, i);
	}
	return p;
}

void pool_rates(struct pool *p, const struct node_config *nodes)
{
	for (int i = 0; i < p->n; i++) {
		struct rate rate = limit_of(nodes[i].url, nodes[i].rate, nodes[i].burst);
		struct bucket *b = &p->nodes[i].bucket;

		if (rate.calls != b->told.calls || rate.per_ms != b->told.per_ms ||
		    rate.burst != b->told.burst)
			bucket_init(b, &rate, world_now_ms(p->world));
	}
}

static void destroy(struct pool *p)
{
	for (int i = 0; i < p->n; i++) {
		auth_release(&p->nodes[i].auth);
		mem_free(p->nodes[i].url);
	}
	mem_free(p);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	p->closed = true;
	if (p->in_flight == 0)
		destroy(p);
}

int pool_size(const struct pool *p)
{
	return p->n;
}

const struct node_state *pool_node(const struct pool *p, int node)
{
	CHECK(node >= 0 && node < p->n);
	return &p->nodes[node].state;
}

void pool_leave_out(struct pool *p, int node, const char *why)
{
	CHECK(node >= 0 && node < p->n);
	p->nodes[node].state.left_out = why;
	refresh(p);
}

/* -- what an operator says ------------------------------------------------- */

void pool_switch(struct pool *p, int node, const struct node_off *off)
{
	CHECK(node >= 0 && node < p->n);
	p->nodes[node].state.off = off != NULL;
	p->nodes[node].off = off ? *off : (struct node_off){ .since_ms = 0 };
	refresh(p);
}

void pool_reset(struct pool *p, int node)
{
	struct node *n;

	CHECK(node >= 0 && node < p->n);
	n = &p->nodes[node];
	note_success(n);
	n->held_until_ms = 0;
	bucket_reset(&n->bucket);
	refresh(p);
}

/* -- figures --------------------------------------------------------------- */

static const char *const failure_names[FAILURE_COUNT] = {
	[FAILURE_NOT_SENT] = "not_sent",
	[FAILURE_UNANSWERED] = "unanswered",
	[FAILURE_BAD_ANSWER] = "bad_answer",
	[FAILURE_REFUSED] = "refused",
	[FAILURE_BUSY] = "busy",
	[FAILURE_LIMITED] = "rate_limited",
};

static const char *const standing_names[] = {
	[NODE_WELL] = "well",
	[NODE_TROUBLED] = "in trouble",
	[NODE_HELD] = "held",
	[NODE_SHUT] = "open",
	[NODE_LEFT_OUT] = "left out",
	[NODE_OFF] = "off",
};

const char *node_failure_name(enum node_failure kind)
{
	return failure_names[kind];
}

const char *node_standing_name(enum node_standing where)
{
	return standing_names[where];
}

static enum node_standing standing_of(
    const struct pool *p, int node, int64_t now, int64_t *ret_until_ms)
{
	const struct node *n = &p->nodes[node];
	int64_t held = later(n->held_until_ms, bucket_at_ms(&n->bucket));

	*ret_until_ms = 0;
	if (n->state.off)
		return NODE_OFF;
	if (n->state.left_out)
		return NODE_LEFT_OUT;
	*ret_until_ms = n->shut_until_ms;
	if (is_shut(n) && !is_last(p, node))
		return NODE_SHUT;
	*ret_until_ms = held;
	if (held > now)
		return NODE_HELD;
	*ret_until_ms = n->wait_until_ms > now ? n->wait_until_ms : 0;
	return n->state.failures_in_a_row ? NODE_TROUBLED : NODE_WELL;
}

/* Who is held asked for patience himself, or is asked as often as he may be. */
static const char *why_of(const struct node *n, enum node_standing where, int64_t now)
{
	if (where == NODE_WELL)
		return "";
	if (where == NODE_HELD && n->held_until_ms <= now)
		return "as many calls as its rate allows";
	return n->state.left_out ? n->state.left_out : n->state.last_error;
}

void pool_figures(const struct pool *p, int node, struct pool_figures *ret)
{
	int64_t now = world_now_ms(p->world);
	const struct node *n;

	CHECK(node >= 0 && node < p->n);
	n = &p->nodes[node];
	*ret = (struct pool_figures){ .name = n->state.name,
		.weight = n->weight,
		.provider = n->state.provider,
		.in_flight = n->state.in_flight,
		.off = n->state.off ? &n->off : NULL,
		.asked = n->state.asked,
		.p50_ms = latency_quantile_ms(&n->latency, 50),
		.p95_ms = latency_quantile_ms(&n->latency, 95),
		.latency = &n->latency };
	memcpy(ret->failed, n->failed, sizeof ret->failed);
	ret->standing = standing_of(p, node, now, &ret->until_ms);
	ret->why = why_of(n, ret->standing, now);
}

/* -- whom to ask ----------------------------------------------------------- */

bool pool_ready(const struct pool *p, int node, int64_t *ret_at_ms)
{
	CHECK(node >= 0 && node < p->n);
	*ret_at_ms = ready_at_ms(p, node);
	return *ret_at_ms <= world_now_ms(p->world);
}

int64_t pool_late_ms(const struct pool *p, int node, int64_t most_ms)
{
	int64_t usual_ms;

	CHECK(node >= 0 && node < p->n);
	usual_ms = latency_quantile_ms(&p->nodes[node].latency, 95);
	if (usual_ms == 0 || usual_ms > most_ms)
		return most_ms;
	return usual_ms > LATE_LEAST_MS ? usual_ms : LATE_LEAST_MS;
}

/* Its share of the questions: more for a weight, less for what is under way and slow. */
static int64_t share(const struct node *n)
{
	int64_t load = n->state.in_flight + 1;
	int64_t away = n->state.latency_ms + LATENCY_FLOOR_MS;

	return 1 + n->weight * (int64_t)1000000000 / (load * away);
}

static int best(struct pool *p, uint32_t except, bool left_out, int64_t *ret_at_ms)
{
	int64_t shares[POOL_NODES_MAX] = { 0 }, sum = 0, at, chosen;

	*ret_at_ms = INT64_MAX;
	for (int i = 0; i < p->n; i++) {
		if (except >> i & 1 || (p->nodes[i].state.left_out != NULL) != left_out)
			continue;
		if (pool_ready(p, i, &at))
			shares[i] = share(&p->nodes[i]);
		else if (at < *ret_at_ms)
			*ret_at_ms = at;
		sum += shares[i];
	}
	if (sum == 0)
		return -1;
	chosen = random_below(p, sum);
	for (int i = 0; i < p->n; i++) {
		chosen -= shares[i];
		if (chosen < 0)
			return i;
	}
	BUG("a share of nobody");
}

int pool_best(struct pool *p, uint32_t except, int64_t *ret_at_ms)
{
	return best(p, except, false, ret_at_ms);
}

int pool_best_left_out(struct pool *p, uint32_t except, int64_t *ret_at_ms)
{
	return best(p, except, true, ret_at_ms);
}

/* -- asking ---------------------------------------------------------------- */

static int64_t retry_after_ms(const struct http_answer *h)
{
	int64_t ms = h->retry_after_ms;

	if (ms < 0)
		ms = h->status == 429 ? RETRY_AFTER_DEFAULT_MS : 0;
	return ms < RETRY_AFTER_MAX_MS ? ms : RETRY_AFTER_MAX_MS;
}

static void note_latency(struct node_state *s, int64_t ms)
{
	s->latency_ms = s->latency_ms ? (7 * s->latency_ms + ms) / 8 : ms;
}

static enum node_failure kind_of(enum err err)
{
	if (err == ERR_NOT_SENT)
		return FAILURE_NOT_SENT;
	if (err == ERR_BAD_ANSWER)
		return FAILURE_BAD_ANSWER;
	if (err == ERR_NODE_REFUSED)
		return FAILURE_REFUSED;
	if (err == ERR_NODE_BUSY)
		return FAILURE_BUSY;
	return err == ERR_RATE_LIMITED ? FAILURE_LIMITED : FAILURE_UNANSWERED;
}

static void note_answer(struct pool *p, const struct ask *q, const struct http_answer *h,
    enum err err, const struct fail *f)
{
	struct node *n = &p->nodes[q->node];
	int64_t now = world_now_ms(p->world);

	if (err == ERR_OK) {
		note_latency(&n->state, now - q->asked_ms);
		latency_add(&n->latency, now - q->asked_ms);
		note_success(n);
	} else {
		n->failed[kind_of(err)]++;
		snprintf(n->state.last_error, sizeof n->state.last_error, "%.*s",
		    (int)sizeof n->state.last_error - 1, f->why);
	}
	if (err == ERR_RATE_LIMITED) {
		n->state.rate_limited++;
		bucket_limited(&n->bucket, now);
	} else if (err != ERR_OK) {
		note_failure(p, q->node);
	}
	if (err != ERR_OK && h->end == HTTP_ANSWERED)
		n->held_until_ms = later(n->held_until_ms, now + retry_after_ms(h));
	refresh(p);
}

/* What is secret of a node does not come back. */
static void clean(struct node *n, struct http_answer *h)
{
	if (h->body) {
		redact(h->body, h->body_len, n->url);
		auth_redact(&n->auth, h->body, h->body_len);
	}
	redact(h->why, strlen(h->why), n->url);
	auth_redact(&n->auth, h->why, strlen(h->why));
}

static void answered(void *ctx, struct http_answer *h)
{
	struct ask *q = ctx;
	struct pool *p = q->pool;
	struct pool_answer a = { .node = q->node };

	p->in_flight--;
	p->nodes[q->node].state.in_flight--;
	if (p->closed) {
		if (p->in_flight == 0)
			destroy(p);
		mem_free(q);
		return;
	}
	clean(&p->nodes[q->node], h);
	a.err = answer_judge(h, &a.fail);
	if (a.err == ERR_NODE_REFUSED && h->status == HTTP_WHO_ASKS)
		fail_set(&a.fail, a.err, "HTTP %d: %s", h->status,
		    auth_refused(&p->nodes[q->node].auth));
	note_answer(p, q, h, a.err, &a.fail);
	if (a.err == ERR_OK) {
		a.answer = h->body;
		a.len = h->body_len;
		h->body = NULL;
	}
	q->done(q->ctx, &a);
	mem_free(a.answer);
	mem_free(q);
}

/* Of a body that was written here (rpc.h); who counts them counts each of a batch. */
static int64_t calls_count(const struct buf *body)
{
	static const char begin[] = "{\"jsonrpc\":";
	const char *at = (const char *)body->data, *end = at + body->len;
	int64_t n = 0;

	while ((at = memmem(at, (size_t)(end - at), begin, sizeof begin - 1))) {
		at += sizeof begin - 1;
		n++;
	}
	return n > 0 ? n : 1;
}

void pool_ask(struct pool *p, int node, struct buf *body, pool_done_fn *done, void *ctx)
{
	struct http_request r = { .timeout_ms = p->timeout_ms };
	const char *lines[] = { NULL, NULL };
	struct ask *q = mem_new(sizeof *q);
	struct node *n;

	CHECK(node >= 0 && node < p->n && buf_ok(body));
	n = &p->nodes[node];
	*q = (struct ask){ p, node, world_now_ms(p->world), done, ctx };
	bucket_take(
	    &n->bucket, n->bucket.told.calls ? calls_count(body) : 1, q->asked_ms);
	n->state.asked++;
	n->state.in_flight++;
	p->in_flight++;
	r.url = n->url;
	lines[0] = auth_line(&n->auth);
	r.lines = lines[0] ? lines : NULL;
	r.body = (char *)buf_take(body, &r.body_len);
	r.answer_max = ANSWER_MAX_BYTES;
	r.done = answered;
	r.ctx = q;
	world_http(p->world, &r);
}
