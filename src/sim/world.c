#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/mem.h"
#include "sim/mempool.h"
#include "sim/random.h"

#define NODES_MAX 64
#define FORCED_MAX 32
#define ANSWER_MAX ((size_t)256 << 20)
#define STILL_MAX 1000000 /* waits in a row that find nothing and move no clock */
#define WIRE_FAR_PER_MILLE 125
#define WIRE_FAR_MS 60000
#define SEND_METHOD "eth_sendRawTransaction"

/* One transaction under way, in the chain's region. */
struct sim_wire {
	struct sim_wire *next;
	struct sim_tx *tx;
	uint64_t request; /* 0: of an earlier life */
};

struct request {
	struct sim_node *node; /* NULL: no such host */
	uint64_t id;
	enum sim_fault fault;
	char *body;
	size_t len, answer_max;
	http_done_fn *done;
	void *ctx;
	struct buf answer;
	int events; /* that still need it */
};

enum event_kind { EVENT_ARRIVE, EVENT_DELIVER, EVENT_WORK, EVENT_CALL, EVENT_WIRE };

struct event {
	int64_t at_ms;
	uint64_t dice, number; /* order within an instant */
	enum event_kind kind;
	struct request *request;
	work_fn *run;
	void (*done)(void *ctx); /* of work, or the call itself */
	void *ctx;
	struct sim_tx *tx;
};

struct forced {
	enum sim_fault fault;
	const char *method;
	int node;
	uint32_t skip;
};

struct sim_world {
	struct world base;
	struct sim_world_options o;
	struct sim_node *nodes[NODES_MAX];
	struct sim_random dice, handed; /* own; what world_random gives */
	struct event *heap;
	size_t heap_n, heap_cap;
	uint64_t number, requests, trace;
	uint32_t pending, forced_n, still;
	struct forced forced[FORCED_MAX];
	uint64_t faults[SIM_FAULT_COUNT];
	int signal;
	int64_t wall_jump_ms;
};

const char *sim_fault_name(enum sim_fault f)
{
	static const char *const names[] = { "none", "not-sent", "reset", "hang", "late",
		"lost", "gateway", "limited", "cut", "stale" };

	CHECK(f < SIM_FAULT_COUNT);
	return names[f];
}

/* -- the queue ------------------------------------------------------------- */

static bool sooner(const struct event *a, const struct event *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	if (a->dice != b->dice)
		return a->dice < b->dice;
	return a->number < b->number;
}

static void heap_swap(struct event *a, struct event *b)
{
	struct event t = *a;

	*a = *b;
	*b = t;
}

static void event_add(struct sim_world *w, struct event e)
{
	size_t i = w->heap_n++;

	if (w->heap_n > w->heap_cap) {
		w->heap_cap = w->heap_cap ? 2 * w->heap_cap : 64;
		w->heap = mem_grow(w->heap, w->heap_cap, sizeof *w->heap);
	}
	e.dice = sim_random_next(&w->dice);
	e.number = w->number++;
	w->heap[i] = e;
	for (; i && sooner(&w->heap[i], &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap_swap(&w->heap[i], &w->heap[(i - 1) / 2]);
}

static struct event event_take(struct sim_world *w)
{
	struct event first = w->heap[0];
	size_t i = 0, least;

	w->heap[0] = w->heap[--w->heap_n];
	for (;; i = least) {
		least = i;
		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < w->heap_n; k++)
			if (sooner(&w->heap[k], &w->heap[least]))
				least = k;
		if (least == i)
			return first;
		heap_swap(&w->heap[i], &w->heap[least]);
	}
}

/* -- the trace ------------------------------------------------------------- */

static void trace_bytes(struct sim_world *w, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		w->trace = (w->trace ^ p[i]) * 0x100000001b3u;
}

static void trace_event(struct sim_world *w, const struct event *e)
{
	const struct request *q = e->request;
	uint64_t words[] = { (uint64_t)w->o.chain->now_ms, (uint64_t)e->kind, 0, 0 };

	if (q) {
		words[2] = (uint64_t)q->fault;
		words[3] = q->id;
	}
	trace_bytes(w, words, sizeof words);
	if (q && e->kind == EVENT_ARRIVE)
		trace_bytes(w, q->body, q->len);
	if (q && e->kind == EVENT_DELIVER)
		trace_bytes(w, buf_text(&q->answer), q->answer.len);
}

/* -- the wire -------------------------------------------------------------- */

static void wire_add(struct sim_world *w, const struct request *q, struct sim_tx *t)
{
	struct sim_chain *c = w->o.chain;
	struct sim_wire *i = c->wire_free;

	if (i)
		c->wire_free = i->next;
	else
		i = sim_chain_take(c, sizeof *i);
	*i = (struct sim_wire){ .next = c->wire, .tx = t, .request = q->id };
	c->wire = i;
}

static void wire_end(struct sim_chain *c, const struct request *q, const struct sim_tx *t)
{
	struct sim_wire **at = &c->wire, *i;

	while ((i = *at)) {
		if (q ? i->request != q->id : (i->tx != t || i->request != 0)) {
			at = &i->next;
			continue;
		}
		*at = i->next;
		i->next = c->wire_free;
		c->wire_free = i;
	}
}

/* Every raw transaction in the body: a quoted "0x..." behind the method's name. */
static void wire_put(struct sim_world *w, const struct request *q)
{
	static const char open[] = "\"0x";
	const char *at = q->body, *end = q->body + q->len, *close;
	uint8_t raw[RAW_MAX];
	struct sim_tx *t;
	size_t len;

	while ((at = memmem(at, (size_t)(end - at), SEND_METHOD, strlen(SEND_METHOD)))) {
		at = memmem(at, (size_t)(end - at), open, strlen(open));
		close = at ? memchr(at + 1, '"', (size_t)(end - at - 1)) : NULL;
		if (!close)
			return;
		at += strlen(open);
		len = (size_t)(close - at) / 2;
		if (len > sizeof raw || !hex_parse(raw, len, at, (size_t)(close - at)))
			continue;
		t = sim_tx_add(w->o.chain, raw, len, NULL);
		if (t)
			wire_add(w, q, t);
	}
}

/* What an earlier life had sent arrives now, much later, or never. */
static void wire_resume(struct sim_world *w)
{
	struct sim_chain *c = w->o.chain;
	struct sim_wire **at = &c->wire, *i;
	uint64_t within_ms;

	while ((i = *at)) {
		i->request = 0;
		if (!sim_random_hit(&w->dice, w->o.wire_per_mille)) {
			*at = i->next;
			i->next = c->wire_free;
			c->wire_free = i;
			continue;
		}
		within_ms = sim_random_hit(&w->dice, WIRE_FAR_PER_MILLE)
		    ? WIRE_FAR_MS
		    : (uint64_t)w->o.latency_ms;
		event_add(w,
		    (struct event){ .kind = EVENT_WIRE,
			.tx = i->tx,
			.at_ms = c->now_ms + 1 +
			    (int64_t)sim_random_below(&w->dice, within_ms) });
		at = &i->next;
	}
}

static void wire_arrive(struct sim_world *w, struct sim_tx *t)
{
	struct sim_word word;
	struct hash hash;

	wire_end(w->o.chain, NULL, t);
	sim_pool_send(w->o.chain, w->o.chain->head, &word, &hash, t->raw, t->raw_len);
}

/* -- a request's way ------------------------------------------------------- */

static enum sim_fault forced_take(struct sim_world *w, const struct request *q, int node)
{
	enum sim_fault fault = SIM_FAULT_COUNT;

	for (uint32_t i = 0; i < w->forced_n; i++) {
		struct forced *f = &w->forced[i];

		if ((f->node >= 0 && f->node != node) ||
		    (f->method && !memmem(q->body, q->len, f->method, strlen(f->method))))
			continue;
		if (f->skip) {
			f->skip--;
			continue;
		}
		fault = f->fault;
		memmove(f, f + 1, (--w->forced_n - i) * sizeof *f);
		break;
	}
	return fault;
}

static enum sim_fault fault_of(struct sim_world *w, const struct request *q, int node)
{
	enum sim_fault fault = forced_take(w, q, node);
	uint64_t dice = sim_random_below(&w->dice, 1000), sum = 0;

	if (node < 0 || q->node->down)
		return SIM_FAULT_NOT_SENT;
	if (fault != SIM_FAULT_COUNT)
		return fault;
	for (int f = 1; f < SIM_FAULT_COUNT; f++) {
		sum += w->o.per_mille[f];
		if (dice < sum)
			return (enum sim_fault)f;
	}
	return SIM_FAULT_NONE;
}

static int64_t latency(struct sim_world *w)
{
	return 1 + (int64_t)sim_random_below(&w->dice, (uint64_t)w->o.latency_ms);
}

static void event_of(
    struct sim_world *w, struct request *q, enum event_kind kind, int64_t after_ms)
{
	q->events++;
	event_add(w,
	    (struct event){
		.kind = kind, .request = q, .at_ms = w->o.chain->now_ms + after_ms });
}

static bool is_executed(enum sim_fault f)
{
	return f == SIM_FAULT_NONE || f == SIM_FAULT_LATE || f == SIM_FAULT_LOST ||
	    f == SIM_FAULT_GATEWAY || f == SIM_FAULT_CUT || f == SIM_FAULT_STALE;
}

static void schedule(struct sim_world *w, struct request *q, int64_t timeout_ms)
{
	int64_t there = latency(w), back = there + latency(w);
	bool hangs = q->fault == SIM_FAULT_HANG || q->fault == SIM_FAULT_LATE;

	if (q->fault == SIM_FAULT_LATE)
		there += timeout_ms +
		    (int64_t)sim_random_below(&w->dice, 2 * (uint64_t)timeout_ms);
	if (!is_executed(q->fault))
		back = there;
	if (hangs || back > timeout_ms) {
		back = timeout_ms;
		if (!hangs)
			q->fault =
			    is_executed(q->fault) ? SIM_FAULT_LATE : SIM_FAULT_HANG;
	}
	if (is_executed(q->fault)) {
		wire_put(w, q);
		event_of(w, q, EVENT_ARRIVE, there);
	}
	event_of(w, q, EVENT_DELIVER, back);
}

static int node_of(const struct sim_world *w, const char *url)
{
	static const char before[] = "http://node-", behind[] = ".sim/";
	uint32_t n = 0;

	if (strncmp(url, before, strlen(before)) != 0)
		return -1;
	url += strlen(before);
	if (*url < '0' || *url > '9')
		return -1;
	for (; *url >= '0' && *url <= '9' && n < NODES_MAX; url++)
		n = 10 * n + (uint32_t)(*url - '0');
	return n < w->o.nodes_n && strncmp(url, behind, strlen(behind)) == 0 ? (int)n
									     : -1;
}

static struct sim_world *own(struct world *w);

static void sim_http(struct world *base, const struct http_request *r)
{
	struct sim_world *w = own(base);
	struct request *q = mem_new(sizeof *q);
	int node = node_of(w, r->url);

	CHECK(r->timeout_ms > 0 && r->done);
	q->node = node >= 0 ? w->nodes[node] : NULL;
	q->id = ++w->requests + (w->o.chain->lives << 40);
	q->body = r->body ? r->body : mem_str("");
	q->len = r->body ? r->body_len : 0;
	q->answer_max = r->answer_max;
	q->done = r->done;
	q->ctx = r->ctx;
	buf_init(&q->answer, ANSWER_MAX);
	q->fault = fault_of(w, q, node);
	w->faults[q->fault]++;
	w->pending++;
	schedule(w, q, r->timeout_ms);
}

static void request_unuse(struct request *q)
{
	if (--q->events)
		return;
	free(q->body);
	buf_release(&q->answer);
	free(q);
}

static void arrive(struct sim_world *w, struct request *q)
{
	uint64_t stale = q->fault == SIM_FAULT_STALE ? w->o.stale_blocks : 0;

	wire_end(w->o.chain, q, NULL);
	q->node->lag += stale;
	sim_node_answer(q->node, &q->answer, q->body, q->len);
	q->node->lag -= stale;
	CHECK(buf_ok(&q->answer));
}

static void PRINTF(3, 4)
    end_as(struct http_answer *a, enum http_end end, const char *fmt, ...)
{
	va_list args;

	a->end = end;
	va_start(args, fmt);
	vsnprintf(a->why, sizeof a->why, fmt, args);
	va_end(args);
}

static void answer_with(struct http_answer *a, int status, const char *body, size_t len)
{
	a->end = HTTP_ANSWERED;
	a->status = status;
	a->body = mem_strn(body, len);
	a->body_len = len;
}

static void answer_fill(
    const struct sim_world *w, struct http_answer *a, struct request *q)
{
	static const char timed_out[] = "<html>504 Gateway Time-out</html>";
	static const char slowly[] = "{\"error\":\"too many requests\"}";
	size_t len = q->answer.len;

	switch (q->fault) {
	case SIM_FAULT_NONE:
	case SIM_FAULT_STALE:
	case SIM_FAULT_CUT:
		len = q->fault == SIM_FAULT_CUT ? len / 2 : len;
		if (len > q->answer_max)
			end_as(a, HTTP_UNKNOWN, "answer over %zu bytes", q->answer_max);
		else
			answer_with(a, 200, buf_text(&q->answer), len);
		return;
	case SIM_FAULT_NOT_SENT:
		end_as(a, HTTP_NOT_SENT, "no connection");
		return;
	case SIM_FAULT_RESET:
	case SIM_FAULT_LOST:
		end_as(a, HTTP_UNKNOWN, "connection reset by peer");
		return;
	case SIM_FAULT_HANG:
	case SIM_FAULT_LATE:
		end_as(a, HTTP_UNKNOWN, "timed out");
		return;
	case SIM_FAULT_GATEWAY:
		answer_with(a, 504, timed_out, strlen(timed_out));
		return;
	case SIM_FAULT_LIMITED:
		a->retry_after_ms = w->o.retry_after_ms;
		answer_with(a, 429, slowly, strlen(slowly));
		return;
	case SIM_FAULT_COUNT:
		break;
	}
	BUG("no such fault");
}

static void deliver(struct sim_world *w, struct request *q)
{
	struct http_answer a = { .retry_after_ms = -1 };

	answer_fill(w, &a, q);
	w->pending--;
	q->done(q->ctx, &a);
	free(a.body);
}

/* -- the clock ------------------------------------------------------------- */

static void stuck(struct sim_world *w, const char *why)
{
	if (!w->o.stuck)
		BUG(why);
	w->o.stuck(w->o.ctx, why);
}

static void clock_to(struct sim_world *w, int64_t at_ms)
{
	struct sim_chain *c = w->o.chain;

	if (at_ms <= c->now_ms)
		return;
	c->now_ms = at_ms;
	w->still = 0;
	sim_mine_due(c);
}

/* Is something handed to the caller by it? */
static bool event_run(struct sim_world *w, struct event *e)
{
	if (w->o.before)
		w->o.before(w->o.ctx);
	trace_event(w, e);
	w->still = 0;
	switch (e->kind) {
	case EVENT_ARRIVE:
		arrive(w, e->request);
		break;
	case EVENT_DELIVER:
		deliver(w, e->request);
		break;
	case EVENT_WORK:
		e->run(e->ctx);
		e->done(e->ctx);
		break;
	case EVENT_CALL:
		e->done(e->ctx);
		break;
	case EVENT_WIRE:
		wire_arrive(w, e->tx);
		break;
	}
	if (e->request)
		request_unuse(e->request);
	return e->kind != EVENT_ARRIVE && e->kind != EVENT_WIRE;
}

static int64_t next_ms(const struct sim_world *w)
{
	const struct sim_chain *c = w->o.chain;
	int64_t at_ms = w->heap_n ? w->heap[0].at_ms : INT64_MAX;

	if (c->options.interval_ms && c->mine_at_ms < at_ms)
		at_ms = c->mine_at_ms;
	return at_ms;
}

/* Everything due at this instant; true when the caller got something. */
static bool drain(struct sim_world *w)
{
	bool handed = false;
	struct event e;

	while (w->heap_n && w->heap[0].at_ms <= w->o.chain->now_ms) {
		e = event_take(w);
		handed |= event_run(w, &e);
	}
	return handed;
}

static bool is_over(struct sim_world *w, int64_t until_ms)
{
	if (until_ms == INT64_MAX && !w->heap_n)
		stuck(w, "a wait for ever, and nothing is due");
	else if (w->o.last_ms && w->o.chain->now_ms > w->o.last_ms)
		stuck(w, "the time that the simulation has is over");
	else if (++w->still > STILL_MAX)
		stuck(w, "the clock does not move");
	else
		return false;
	return true;
}

static void sim_wait(struct world *base, int64_t until_ms)
{
	struct sim_world *w = own(base);
	int64_t until, at_ms;

	if (w->signal || is_over(w, until_ms))
		return;
	until = until_ms == INT64_MAX ? INT64_MAX : until_ms - w->o.clock_ms;
	do {
		at_ms = next_ms(w);
		clock_to(w, at_ms < until ? at_ms : until);
	} while (!drain(w) && !w->signal && w->o.chain->now_ms < until &&
	    !is_over(w, until_ms));
}

/* -- the table ------------------------------------------------------------- */

static int64_t sim_now_ms(struct world *base)
{
	struct sim_world *w = own(base);

	return w->o.chain->now_ms + w->o.clock_ms;
}

static int64_t sim_wall_ms(struct world *base)
{
	struct sim_world *w = own(base);

	return w->o.chain->options.genesis_s * 1000 + w->o.chain->now_ms +
	    w->wall_jump_ms;
}

static void sim_give_random(struct world *base, void *out, size_t len)
{
	struct sim_world *w = own(base);
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)sim_random_next(&w->handed);
}

static void sim_work(struct world *base, work_fn *run, work_fn *done, void *job)
{
	struct sim_world *w = own(base);
	uint64_t ms = sim_random_below(&w->dice, (uint64_t)w->o.work_ms + 1);

	event_add(w,
	    (struct event){ .kind = EVENT_WORK,
		.run = run,
		.done = done,
		.ctx = job,
		.at_ms = w->o.chain->now_ms + (int64_t)ms });
}

static int sim_signalled(struct world *base)
{
	return own(base)->signal;
}

/* What never came is UNKNOWN; jobs are done, so that nobody loses them. */
static void sim_free(struct world *base)
{
	struct sim_world *w = own(base);
	struct event e;

	while (w->heap_n) {
		e = event_take(w);
		if (e.kind == EVENT_DELIVER) {
			e.request->fault = SIM_FAULT_HANG;
			deliver(w, e.request);
		} else if (e.kind == EVENT_WORK) {
			e.run(e.ctx);
			e.done(e.ctx);
		}
		if (e.request)
			request_unuse(e.request);
	}
	free(w->heap);
	free(w);
}

static const struct world_ops sim_ops = {
	.now_ms = sim_now_ms,
	.wall_ms = sim_wall_ms,
	.random = sim_give_random,
	.http = sim_http,
	.work = sim_work,
	.wait = sim_wait,
	.signalled = sim_signalled,
	.free = sim_free,
};

static struct sim_world *own(struct world *w)
{
	CHECK(w->ops == &sim_ops);
	return (struct sim_world *)(void *)w;
}

struct sim_world *sim_world_of(struct world *w)
{
	return own(w);
}

struct world *sim_world_open(const struct sim_world_options *options)
{
	struct sim_world *w = mem_new(sizeof *w);

	CHECK(options->nodes_n <= NODES_MAX);
	w->base.ops = &sim_ops;
	w->o = *options;
	w->o.latency_ms = w->o.latency_ms ? w->o.latency_ms : 20;
	w->o.work_ms = w->o.work_ms ? w->o.work_ms : 2;
	w->o.retry_after_ms = w->o.retry_after_ms ? w->o.retry_after_ms : 1000;
	w->o.stale_blocks = w->o.stale_blocks ? w->o.stale_blocks : 3;
	w->o.wire_per_mille = w->o.wire_per_mille ? w->o.wire_per_mille : 500;
	if (options->nodes_n)
		memcpy(w->nodes, options->nodes, options->nodes_n * sizeof *w->nodes);
	w->dice.state = w->o.seed ^ (++w->o.chain->lives * 0x9e3779b97f4a7c15u);
	w->handed.state = sim_random_next(&w->dice);
	w->trace = 0xcbf29ce484222325u;
	wire_resume(w);
	return &w->base;
}

/* -- the director's hand --------------------------------------------------- */

void sim_world_force(struct sim_world *w, enum sim_fault fault, const char *method,
    int node, uint32_t skip)
{
	CHECK(w->forced_n < FORCED_MAX && fault < SIM_FAULT_COUNT);
	w->forced[w->forced_n++] = (struct forced){
		.fault = fault, .method = method, .node = node, .skip = skip
	};
}

void sim_world_chance(struct sim_world *w, enum sim_fault fault, uint32_t per_mille)
{
	CHECK(fault > SIM_FAULT_NONE && fault < SIM_FAULT_COUNT);
	w->o.per_mille[fault] = per_mille;
}

void sim_world_after(struct sim_world *w, int64_t ms, sim_event_fn *fn, void *ctx)
{
	event_add(w,
	    (struct event){ .kind = EVENT_CALL,
		.done = fn,
		.ctx = ctx,
		.at_ms = w->o.chain->now_ms + ms });
}

void sim_world_signal(struct sim_world *w, int signal)
{
	if (!w->signal)
		w->signal = signal;
}

void sim_world_jump(struct sim_world *w, int64_t wall_ms)
{
	w->wall_jump_ms += wall_ms;
}

uint64_t sim_world_trace(const struct sim_world *w)
{
	return w->trace;
}

uint64_t sim_world_faults(const struct sim_world *w, enum sim_fault fault)
{
	return w->faults[fault];
}

uint32_t sim_world_pending(const struct sim_world *w)
{
	return w->pending;
}
