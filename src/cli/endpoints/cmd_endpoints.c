/* endpoints: how the nodes are, by who follows their chains; where nobody does, this
 * command asks each of them itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "cli/ask/probe.h"
#include "cli/cli.h"
#include "cli/owner/own.h"
#include "cli/report/report.h"
#include "engine/endpoint.h"
#include "serve/command/endpoint.h"

struct rows {
	struct endpoint_told *row;
	size_t n;
};

static struct endpoint_told *row_add(struct rows *t)
{
	t->row = mem_grow(t->row, t->n + 1, sizeof *t->row);
	t->row[t->n] = (struct endpoint_told){ .weight = 0 };
	return &t->row[t->n++];
}

/* -- by the owner of the journal ------------------------------------------- */

static enum err owner_read(struct rows *t, struct client *client, struct fail *f)
{
	json_t *o = NULL, *one;
	enum err e = client_endpoints(client, &o, f);
	size_t i;

	if (e != ERR_OK)
		return e;
	json_array_foreach(json_object_get(o, "endpoints"), i, one)
	{
		if (e == ERR_OK && !endpoint_decode(one, row_add(t)))
			e = fail_set(
			    f, ERR_BAD_ANSWER, "the owner's answer is not understood");
	}
	json_decref(o);
	return e;
}

/* -- by ourselves ---------------------------------------------------------- */

static void probe_tell(
    struct endpoint_told *ret, const struct chain_config *c, const struct probe *p)
{
	bool other = p->reachable && p->identity.chain_id != c->chain_id;
	char called[CHAIN_OTHER_MAX];

	ret->p50_ms = p->latency_ms;
	ret->has_head = p->has_head && !other;
	ret->head = (int64_t)p->head.height;
	chain_other(called, chain_connector(c), p->identity.chain_id, c->chain_id);
	if (other)
		snprintf(ret->why, sizeof ret->why, "serves %s", called);
	else if (!p->reachable)
		snprintf(ret->why, sizeof ret->why, "%.*s", (int)sizeof ret->why - 1,
		    p->fail.why);
	else if (!p->has_head)
		snprintf(ret->why, sizeof ret->why, "it shows no head");
	snprintf(ret->state, sizeof ret->state, "%s",
	    node_standing_name(!ret->why[0] ? NODE_WELL
		    : other                 ? NODE_LEFT_OUT
					    : NODE_TROUBLED));
}

/* One that is off is not asked. */
static enum err node_read(struct endpoint_told *ret, struct world *w,
    const struct chain_config *c, struct pool *pool, int node, struct fail *f)
{
	struct pool_figures at;
	struct probe p;
	enum err e = ERR_OK;

	pool_figures(pool, node, &at);
	*ret = (struct endpoint_told){ .weight = at.weight };
	snprintf(ret->chain, sizeof ret->chain, "%s", c->name);
	snprintf(ret->name, sizeof ret->name, "%s", at.name);
	if (at.off) {
		snprintf(
		    ret->state, sizeof ret->state, "%s", node_standing_name(NODE_OFF));
		snprintf(ret->by, sizeof ret->by, "%s", at.off->by);
		ret->since_ms = at.off->since_ms;
		return ERR_OK;
	}
	e = probe_node(w, c, node, NULL, NULL, &p, f);
	if (e == ERR_OK)
		probe_tell(ret, c, &p);
	return e;
}

static enum err chain_read(struct rows *t, struct world *w, struct journal *j,
    const struct chain_config *c, struct fail *f)
{
	struct pool *pool = pool_new(w, c->endpoints, c->endpoints_n, c->timeout_ms);
	size_t first = t->n;
	enum err e = ERR_OK;

	if (j)
		endpoints_load(j, c, pool);
	for (int i = 0; i < c->endpoints_n && e == ERR_OK; i++)
		e = node_read(row_add(t), w, c, pool, i, f);
	endpoints_lag(t->row + first, t->n - first);
	pool_free(pool);
	return e;
}

static enum err nodes_read(struct rows *t, struct cli *c, struct fail *f)
{
	const struct chain_config *chain;
	struct journal *j = NULL;
	struct fail why = { ERR_OK, "" };
	struct world *w = NULL;
	enum err e = world_open(&w, f);

	if (e == ERR_OK && journal_read(&j, c->config->journal, &why) != ERR_OK)
		cli_warn(c, "%s: which nodes are switched off is not known", why.why);
	for (int i = 0; i < c->config->chains_n && e == ERR_OK; i++) {
		if (config_chain(c->config, c->config->chains[i].name, &chain, &why) ==
		    ERR_OK)
			e = chain_read(t, w, j, chain, f);
		else
			cli_warn(c, "%s", why.why);
	}
	if (j)
		journal_close(j);
	world_free(w);
	return e;
}

/* -- telling --------------------------------------------------------------- */

static void number(char out[32], bool known, int64_t n)
{
	snprintf(out, 32, known ? "%" PRId64 : "-", n);
}

/* Why it is as it is, and until when. */
static void more_tell(const struct endpoint_told *e)
{
	char since[REPORT_TIME_MAX];

	if (e->by[0]) {
		report_time(since, e->since_ms);
		printf("%-12s by %s, since %s\n", "", e->by, since);
	} else if (e->why[0] && e->for_ms) {
		printf("%-12s for %" PRId64 " s more: %s\n", "", (e->for_ms + 999) / 1000,
		    e->why);
	} else if (e->why[0]) {
		printf("%-12s %s\n", "", e->why);
	}
}

static void row_tell(const struct endpoint_told *e)
{
	char head[32], lag[32], p50[32], p95[32], errors[32], asked[32];

	number(head, e->has_head, e->head);
	number(lag, e->has_head, e->lag);
	number(p50, e->p50_ms > 0, e->p50_ms);
	number(p95, e->p95_ms > 0, e->p95_ms);
	number(errors, e->has_figures, e->errors);
	number(asked, e->has_figures, e->requests);
	printf("%-12s %-28s %6" PRId64 " %-10s %10s %5s %7s %7s %7s %9s\n", e->chain,
	    e->name, e->weight, e->state, head, lag, p50, p95, errors, asked);
	more_tell(e);
}

static void tell(struct cli *c, const struct rows *t, bool owner)
{
	for (size_t i = 0; i < t->n; i++) {
		if (c->args.json)
			cli_json(endpoint_encode(&t->row[i]));
		else if (i == 0)
			printf("%-12s %-28s %6s %-10s %10s %5s %7s %7s %7s %9s\n",
			    "CHAIN", "ENDPOINT", "WEIGHT", "STATE", "HEAD", "LAG",
			    "P50 MS", "P95 MS", "ERRORS", "REQUESTS");
		if (!c->args.json)
			row_tell(&t->row[i]);
	}
	if (t->n == 0)
		cli_say(c, "There is no chain in the config: pawl help config");
	else if (owner)
		cli_say(c, "By the process that owns the journal, since it started.");
	else
		cli_say(c,
		    "Nobody follows the chains now: the nodes were asked once, by this "
		    "command.");
}

enum err cmd_endpoints(struct cli *c, struct fail *f)
{
	struct client *client = NULL;
	struct rows t = { .n = 0 };
	bool owner = false;
	enum err e = cli_config(c, f);

	if (e != ERR_OK)
		return e;
	if (own_reach(&client, c, NULL) == ERR_OK) {
		e = owner_read(&t, client, f);
		owner = !client_lost(client, e);
		client_close(client);
	}
	if (!owner) {
		t.n = 0;
		e = nodes_read(&t, c, f);
	}
	if (e == ERR_OK)
		tell(c, &t, owner);
	mem_free(t.row);
	return e;
}
