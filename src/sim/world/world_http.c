#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/world/world_in.h"

#define ANSWER_MAX ((size_t)256 << 20)
#define EARLY_MS 30000 /* within which it is done then */

static enum sim_fault forced_take(
    struct sim_world *w, const struct sim_request *q, int node)
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

static enum sim_fault fault_of(struct sim_world *w, const struct sim_request *q, int node)
{
	enum sim_fault fault = forced_take(w, q, node);
	uint64_t dice = sim_random_below(&w->dice, 1000), sum = 0;

	if (node < 0 || q->node->down)
		return SIM_FAULT_NOT_SENT;
	if (fault != SIM_FAULT_COUNT)
		return fault;
	for (int f = 1; f < SIM_FAULT_COUNT; f++) {
		sum += w->o.per_mille[f] + q->node->per_mille[f];
		if (dice < sum)
			return (enum sim_fault)f;
	}
	return SIM_FAULT_NONE;
}

static int64_t latency(struct sim_world *w)
{
	return 1 + (int64_t)sim_random_below(&w->dice, (uint64_t)w->o.latency_ms);
}

static void event_of(struct sim_world *w, struct sim_request *q, enum sim_event_kind kind,
    int64_t after_ms)
{
	q->events++;
	sim_event_add(w, after_ms, (struct sim_event){ .kind = kind, .request = q });
}

static void schedule(struct sim_world *w, struct sim_request *q, int64_t timeout_ms)
{
	int64_t there = latency(w), back = there + latency(w);
	bool hangs = q->fault == SIM_FAULT_HANG || q->fault == SIM_FAULT_LATE;

	if (q->fault == SIM_FAULT_LATE)
		there += timeout_ms +
		    (int64_t)sim_random_below(&w->dice, 2 * (uint64_t)timeout_ms);
	if (!sim_fault_executes(q->fault))
		back = there;
	if (hangs || back > timeout_ms) {
		back = timeout_ms;
		if (!hangs)
			q->fault = sim_fault_executes(q->fault) ? SIM_FAULT_LATE
								: SIM_FAULT_HANG;
	}
	if (q->fault != SIM_FAULT_NOT_SENT)
		sim_wire_put(w, q, sim_fault_executes(q->fault));
	if (sim_fault_executes(q->fault)) {
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

/* The luck of nodes is none of its. */
static void schedule_hosted(struct sim_world *w, struct sim_request *q)
{
	q->events++;
	sim_queue_add(&w->queue,
	    (struct sim_event){ .at_ms = w->o.chain->now_ms + q->reply.after_ms,
		.dice = q->reply.dice,
		.kind = EVENT_DELIVER,
		.request = q });
}

void sim_request_add(struct sim_world *w, const struct http_request *r)
{
	struct sim_request *q = mem_new(sizeof *q);
	int node = node_of(w, r->url);

	CHECK(r->timeout_ms > 0 && r->done);
	q->node = node >= 0 ? w->nodes[node] : NULL;
	q->id = ++w->requests;
	q->body = r->body ? r->body : mem_str("");
	q->len = r->body ? r->body_len : 0;
	q->answer_max = r->answer_max;
	q->brief = r->brief;
	q->done = r->done;
	q->ctx = r->ctx;
	buf_init(&q->answer, ANSWER_MAX);
	q->hosted = node < 0 && w->o.host && w->o.host(w->o.ctx, r, &q->reply);
	if (q->hosted) {
		schedule_hosted(w, q);
		return;
	}
	if (node >= 0 && w->o.asked)
		w->o.asked(w->o.ctx, node);
	q->fault = fault_of(w, q, node);
	w->faults[q->fault]++;
	if (w->o.faults)
		w->o.faults[q->fault]++;
	schedule(w, q, r->timeout_ms);
}

void sim_request_unuse(struct sim_request *q)
{
	if (--q->events)
		return;
	mem_free(q->body);
	buf_release(&q->answer);
	mem_free(q);
}

void sim_request_arrive(struct sim_world *w, struct sim_request *q)
{
	uint64_t stale = q->fault == SIM_FAULT_STALE ? w->o.stale_blocks : 0;
	bool early = q->fault == SIM_FAULT_EARLY;

	if (q->node->twin_answers && sim_random_hit(&w->dice, 500))
		q->node = q->node->twin;
	if (!early)
		sim_wire_end(w, q);
	q->node->lag += stale;
	q->node->pretends = early;
	sim_node_answer(q->node, &q->answer, q->body, q->len);
	q->node->pretends = false;
	q->node->lag -= stale;
	sim_fault_mangle(q->fault, &q->answer, &w->dice);
	CHECK(buf_ok(&q->answer));
	if (early)
		event_of(
		    w, q, EVENT_ACT, 1 + (int64_t)sim_random_below(&w->dice, EARLY_MS));
}

void sim_request_act(struct sim_world *w, struct sim_request *q)
{
	struct buf answer;

	sim_wire_end(w, q);
	buf_init(&answer, ANSWER_MAX);
	if (!q->node->down)
		sim_node_answer(q->node, &answer, q->body, q->len);
	buf_release(&answer);
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

static void answer_right(struct http_answer *a, const struct sim_request *q)
{
	if (q->answer.len > q->answer_max)
		end_as(a, HTTP_UNKNOWN, "answer over %zu bytes", q->answer_max);
	else
		answer_with(a, 200, buf_text(&q->answer), q->answer.len);
}

static void answer_fill(
    const struct sim_world *w, struct http_answer *a, struct sim_request *q)
{
	static const char timed_out[] = "<html>504 Gateway Time-out</html>";
	static const char slowly[] = "{\"error\":\"too many requests\"}";
	static const char away[] = "<html>503 Service Unavailable</html>";
	static const char broken[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":"
				     "{\"code\":-32603,\"message\":\"Internal error\"}}";

	switch ((int)q->fault) {
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
	case SIM_FAULT_INTERNAL:
		answer_with(a, 500, broken, strlen(broken));
		return;
	case SIM_FAULT_UNAVAILABLE:
		answer_with(a, 503, away, strlen(away));
		return;
	case SIM_FAULT_LIMITED:
		a->retry_after_ms = w->o.retry_after_ms;
		answer_with(a, 429, slowly, strlen(slowly));
		return;
	default:
		answer_right(a, q);
		return;
	}
}

static void answer_hosted(
    const struct sim_world *w, struct http_answer *a, struct sim_request *q)
{
	const struct sim_reply *y = &q->reply;

	bool too_long = y->len > q->answer_max;

	if (y->end == HTTP_ANSWERED && too_long && !q->brief) {
		end_as(a, HTTP_UNKNOWN, "answer over %zu bytes", q->answer_max);
	} else if (y->end == HTTP_ANSWERED) {
		for (size_t i = 0; i < y->len && !too_long; i++)
			buf_add(&q->answer, y->body ? y->body + i : "x", 1);
		answer_with(a, y->status, buf_text(&q->answer), q->answer.len);
		a->retry_after_ms = y->retry_after_ms;
	} else {
		end_as(a, y->end, "%s",
		    y->end == HTTP_NOT_SENT ? "no connection" : "no answer came");
	}
	if (w->o.answered)
		w->o.answered(w->o.ctx, y->of, y->end == HTTP_ANSWERED);
}

void sim_request_deliver(struct sim_world *w, struct sim_request *q)
{
	struct http_answer a = { .retry_after_ms = -1 };

	if (q->hosted && q->fault != SIM_FAULT_HANG)
		answer_hosted(w, &a, q);
	else
		answer_fill(w, &a, q);
	q->done(q->ctx, &a);
	mem_free(a.body);
}
