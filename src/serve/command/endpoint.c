#include "serve/command/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "engine/endpoint.h"

/* -- what is told ---------------------------------------------------------- */

void endpoint_of(
    const struct chain_run *c, int64_t now_ms, int node, struct endpoint_told *ret)
{
	struct pool_figures at;
	struct head head;

	pool_figures(c->pool, node, &at);
	*ret = (struct endpoint_told){ .weight = at.weight,
		.in_flight = at.in_flight,
		.has_figures = true,
		.p50_ms = at.p50_ms,
		.p95_ms = at.p95_ms,
		.requests = at.asked };
	snprintf(ret->chain, sizeof ret->chain, "%s", c->config->name);
	snprintf(ret->name, sizeof ret->name, "%s", at.name);
	snprintf(ret->state, sizeof ret->state, "%s", node_standing_name(at.standing));
	if (at.until_ms > now_ms)
		ret->for_ms = at.until_ms - now_ms;
	if (at.off) {
		ret->since_ms = at.off->since_ms;
		snprintf(ret->by, sizeof ret->by, "%s", at.off->by);
	} else {
		snprintf(ret->why, sizeof ret->why, "%s", at.why);
	}
	for (int i = 0; i < FAILURE_COUNT; i++) {
		ret->failed[i] = at.failed[i];
		ret->errors += at.failed[i];
	}
	ret->has_head = follower_shown(c->follower, node, &head);
	ret->head = ret->has_head ? (int64_t)head.height : 0;
}

void endpoints_lag(struct endpoint_told *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n && rows[i].has_head; k++)
			if (rows[k].has_head &&
			    strcmp(rows[k].chain, rows[i].chain) == 0 &&
			    rows[k].head - rows[i].head > rows[i].lag)
				rows[i].lag = rows[k].head - rows[i].head;
}

static void text_add(json_t *o, const char *key, const char *text)
{
	CHECK(json_object_set_new(o, key, json_text(text)) == 0);
}

static void number_add(json_t *o, const char *key, int64_t v)
{
	CHECK(json_object_set_new(o, key, json_integer(v)) == 0);
}

static void figures_add(json_t *o, const struct endpoint_told *e)
{
	json_t *failed = json_object();

	CHECK(failed);
	number_add(o, "p50_ms", e->p50_ms);
	number_add(o, "p95_ms", e->p95_ms);
	number_add(o, "requests", e->requests);
	number_add(o, "errors", e->errors);
	number_add(o, "in_flight", e->in_flight);
	for (int i = 0; i < FAILURE_COUNT; i++)
		number_add(failed, node_failure_name((enum node_failure)i), e->failed[i]);
	CHECK(json_object_set_new(o, "failed", failed) == 0);
}

json_t *endpoint_encode(const struct endpoint_told *e)
{
	json_t *o = json_object();

	CHECK(o);
	text_add(o, "chain", e->chain);
	text_add(o, "endpoint", e->name);
	number_add(o, "weight", e->weight);
	text_add(o, "state", e->state);
	if (e->why[0])
		text_add(o, "why", e->why);
	if (e->for_ms)
		number_add(o, "for_ms", e->for_ms);
	if (e->by[0])
		text_add(o, "by", e->by);
	if (e->since_ms)
		number_add(o, "since_ms", e->since_ms);
	if (e->has_head) {
		number_add(o, "head", e->head);
		number_add(o, "lag", e->lag);
	}
	if (e->has_figures)
		figures_add(o, e);
	return o;
}

static void text_get(char *out, size_t size, const json_t *o, const char *key)
{
	const char *text = json_str(o, key);

	snprintf(out, size, "%s", text ? text : "");
	utf8_plain(out);
}

bool endpoint_decode(const json_t *o, struct endpoint_told *ret)
{
	const json_t *failed = json_object_get(o, "failed");

	*ret = (struct endpoint_told){ .weight = 0 };
	text_get(ret->chain, sizeof ret->chain, o, "chain");
	text_get(ret->name, sizeof ret->name, o, "endpoint");
	text_get(ret->state, sizeof ret->state, o, "state");
	text_get(ret->why, sizeof ret->why, o, "why");
	text_get(ret->by, sizeof ret->by, o, "by");
	(void)json_i64(o, "since_ms", &ret->since_ms);
	(void)json_i64(o, "for_ms", &ret->for_ms);
	(void)json_i64(o, "weight", &ret->weight);
	(void)json_i64(o, "in_flight", &ret->in_flight);
	ret->has_head = json_i64(o, "head", &ret->head) && json_i64(o, "lag", &ret->lag);
	(void)json_i64(o, "p50_ms", &ret->p50_ms);
	(void)json_i64(o, "p95_ms", &ret->p95_ms);
	(void)json_i64(o, "errors", &ret->errors);
	ret->has_figures = json_i64(o, "requests", &ret->requests);
	for (int i = 0; i < FAILURE_COUNT; i++)
		(void)json_i64(
		    failed, node_failure_name((enum node_failure)i), &ret->failed[i]);
	return ret->chain[0] && ret->name[0] && ret->state[0];
}

void endpoints_encode(struct buf *out, const struct runner *r)
{
	int64_t now_ms = world_now_ms(r->s.world);
	json_t *o = json_object(), *list = json_array();

	CHECK(o && list);
	for (int i = 0; i < r->s.chains_n; i++) {
		struct endpoint_told rows[POOL_NODES_MAX];
		int n = pool_size(r->chains[i].pool);

		for (int k = 0; k < n; k++)
			endpoint_of(&r->chains[i], now_ms, k, &rows[k]);
		endpoints_lag(rows, (size_t)n);
		for (int k = 0; k < n; k++)
			CHECK(
			    json_array_append_new(list, endpoint_encode(&rows[k])) == 0);
	}
	CHECK(json_object_set_new(o, "endpoints", list) == 0);
	json_line_add(out, o);
}

/* -- commands -------------------------------------------------------------- */

static enum err endpoint_named(const struct command_at *at, const char *name,
    const struct chain_config **ret, int *ret_node, struct fail *f)
{
	const char *slash = strchr(name, '/');
	char chain[REQUEST_NAME_MAX];
	enum err e;

	if (!slash)
		return fail_set(
		    f, ERR_NOT_FOUND, "%.60s: an endpoint is CHAIN/HOST:PORT here", name);
	snprintf(chain, sizeof chain, "%.*s", (int)(slash - name), name);
	e = at->face->chain_named(at->face->ctx, chain, ret, f);
	return e == ERR_OK ? endpoint_find(*ret, slash + 1, ret_node, f) : e;
}

enum err endpoint_do(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	const struct chain_config *c = NULL;
	struct chain_run *run;
	struct node_off off = { .since_ms = world_wall_ms(at->world) };
	const char *by = q->by[0] ? q->by : "nobody who said who";
	int node = 0;
	enum err e = endpoint_named(at, q->name, &c, &node, f);

	if (e != ERR_OK)
		return e;
	snprintf(off.by, sizeof off.by, "%s", by);
	run = at->runner ? runner_chain(at->runner, c->name) : NULL;
	if (q->route == ROUTE_ENDPOINT_RESET) {
		ret->moved = run != NULL;
		if (run)
			endpoint_event(at->journal, c, node, "", "reset", by);
	} else {
		e = endpoint_switch(at->journal, c, node,
		    q->route == ROUTE_ENDPOINT_OFF ? &off : NULL, by, q->sure,
		    &ret->moved, f);
	}
	if (e != ERR_OK || !run)
		return e;
	if (q->route == ROUTE_ENDPOINT_RESET)
		pool_reset(run->pool, node);
	else
		endpoints_load(at->journal, c, run->pool);
	return ERR_OK;
}
