#include "sim/world/sim_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/disk/disk.h"
#include "sim/node/net.h"
#include "sim/world/world_in.h"

#define STILL_MAX 1000000 /* waits in a row that find nothing and move no clock */

/* -- the trace ------------------------------------------------------------- */

static void trace_bytes(struct sim_world *w, const void *data, size_t len)
{
	w->trace = (w->trace ^ sim_table_key(data, len)) * 0x100000001b3u;
}

static void trace_event(struct sim_world *w, const struct sim_event *e)
{
	const struct sim_request *q = e->request;
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

/* -- the clock ------------------------------------------------------------- */

void sim_event_add(struct sim_world *w, int64_t after_ms, struct sim_event e)
{
	e.at_ms = w->o.chain->now_ms + after_ms;
	e.dice = sim_random_next(&w->dice);
	sim_queue_add(&w->queue, e);
}

static void stuck(struct sim_world *w, const char *why)
{
	if (!w->o.stuck)
		BUG(why);
	w->o.stuck(w->o.ctx, why);
}

static void clock_to(struct sim_world *w, int64_t at_ms)
{
	struct sim_chain *c = w->o.chain;

	if (at_ms > c->now_ms)
		w->still = 0;
	sim_chain_until(c, at_ms);
}

/* Is something handed to the caller by it? */
static bool event_run(struct sim_world *w, struct sim_event *e)
{
	if (w->o.before)
		w->o.before(w->o.ctx);
	trace_event(w, e);
	w->still = 0;
	switch (e->kind) {
	case EVENT_ARRIVE:
		sim_request_arrive(w, e->request);
		break;
	case EVENT_ACT:
		sim_request_act(w, e->request);
		break;
	case EVENT_DELIVER:
		sim_request_deliver(w, e->request);
		break;
	case EVENT_WORK:
		e->run(e->ctx);
		e->done(e->ctx);
		break;
	case EVENT_CALL:
		e->done(e->ctx);
		break;
	case EVENT_WIRE:
		sim_wire_arrive(w, e->node, e->tx);
		break;
	}
	if (e->request)
		sim_request_unuse(e->request);
	return e->kind != EVENT_ARRIVE && e->kind != EVENT_ACT && e->kind != EVENT_WIRE;
}

static int64_t next_ms(const struct sim_world *w)
{
	int64_t chain_ms = sim_chain_due_ms(w->o.chain);
	int64_t own_ms = w->queue.n ? w->queue.at[0].at_ms : INT64_MAX;

	return own_ms < chain_ms ? own_ms : chain_ms;
}

/* Everything due at this instant; true when the caller got something. */
static bool drain(struct sim_world *w)
{
	bool handed = false;
	struct sim_event e;

	while (w->queue.n && w->queue.at[0].at_ms <= w->o.chain->now_ms) {
		e = sim_queue_take(&w->queue);
		handed |= event_run(w, &e);
	}
	w->gives |= handed;
	return handed;
}

static bool is_over(struct sim_world *w, int64_t until_ms)
{
	if (until_ms == INT64_MAX && !w->queue.n)
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
	struct sim_world *w = sim_world_of(base);
	int64_t until, at_ms;

	w->gives = false;
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
	struct sim_world *w = sim_world_of(base);

	return w->o.chain->now_ms + w->o.clock_ms;
}

static int64_t sim_wall_ms(struct world *base)
{
	struct sim_world *w = sim_world_of(base);

	return w->o.chain->options.genesis_s * 1000 + w->o.chain->now_ms +
	    w->wall_jump_ms;
}

static void sim_give_random(struct world *base, void *out, size_t len)
{
	struct sim_world *w = sim_world_of(base);
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)sim_random_next(&w->handed);
}

static void sim_work(struct world *base, work_fn *run, work_fn *done, void *job)
{
	struct sim_world *w = sim_world_of(base);
	uint64_t ms = sim_random_below(&w->dice, (uint64_t)w->o.work_ms + 1);

	sim_event_add(w, (int64_t)ms,
	    (struct sim_event){
		.kind = EVENT_WORK, .run = run, .done = done, .ctx = job });
}

static void sim_http(struct world *base, const struct http_request *r)
{
	sim_request_add(sim_world_of(base), r);
}

static int sim_signalled(struct world *base)
{
	return sim_world_of(base)->signal;
}

/* What never came is UNKNOWN; jobs are done, so that nobody loses them. */
static void sim_free(struct world *base)
{
	struct sim_world *w = sim_world_of(base);
	struct sim_event e;

	while (w->queue.n) {
		e = sim_queue_take(&w->queue);
		if (e.kind == EVENT_DELIVER) {
			e.request->fault = SIM_FAULT_HANG;
			sim_request_deliver(w, e.request);
		} else if (e.kind == EVENT_WORK) {
			e.run(e.ctx);
			e.done(e.ctx);
		}
		if (e.request)
			sim_request_unuse(e.request);
	}
	sim_queue_release(&w->queue);
	mem_free(w);
}

static const struct world_ops sim_ops = {
	.files = &sim_disk_files,
	.now_ms = sim_now_ms,
	.wall_ms = sim_wall_ms,
	.random = sim_give_random,
	.http = sim_http,
	.work = sim_work,
	.wait = sim_wait,
	.signalled = sim_signalled,
	.free = sim_free,
};

struct sim_world *sim_world_of(struct world *w)
{
	CHECK(w->ops == &sim_ops);
	return (struct sim_world *)(void *)w;
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
	w->requests = w->o.chain->lives << 40;
	w->handed.state = sim_random_next(&w->dice);
	w->trace = 0xcbf29ce484222325u;
	sim_wire_resume(w);
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
	sim_event_add(
	    w, ms, (struct sim_event){ .kind = EVENT_CALL, .done = fn, .ctx = ctx });
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

int64_t sim_world_due_ms(const struct sim_world *w)
{
	if (w->gives)
		return w->o.chain->now_ms + w->o.clock_ms;
	return w->queue.n ? w->queue.at[0].at_ms + w->o.clock_ms : INT64_MAX;
}

uint64_t sim_world_trace(const struct sim_world *w)
{
	return w->trace;
}

uint64_t sim_world_faults(const struct sim_world *w, enum sim_fault fault)
{
	return w->faults[fault];
}
