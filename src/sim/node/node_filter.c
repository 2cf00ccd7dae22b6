/* Filters of what comes to a pool, in geth's words. Transactions behind a gap are told
 * like all others, and a filter lasts until SIM_FILTERS newer ones are made: geth tells
 * the former later, and forgets who does not ask for five minutes. */
#include "base/hex.h"
#include "sim/node/node_in.h"

static bool has_filters(struct call *q, const char *method)
{
	if (q->node->no_filters)
		call_refuse(q, CODE_NO_METHOD,
		    "the method %s does not exist/is not available", method);
	return !q->node->no_filters;
}

void do_eth_newPendingTransactionFilter(struct call *q)
{
	struct sim_node *n = q->node;
	struct sim_filter *f;

	if (!has_filters(q, "eth_newPendingTransactionFilter"))
		return;
	f = &n->filter[q->chain->filters++ % SIM_FILTERS];
	*f = (struct sim_filter){ .id = q->chain->filters, .next = n->pool->news_n };
	sim_shape_u64(q->out, f->id);
}

static struct sim_filter *filter_find(struct sim_node *n, uint64_t id)
{
	for (size_t i = 0; i < SIM_FILTERS && id && !n->loses_filters; i++)
		if (n->filter[i].id == id)
			return &n->filter[i];
	return NULL;
}

void do_eth_getFilterChanges(struct call *q)
{
	const struct sim_pool *p = q->node->pool;
	const char *text = param_text(q, 0);
	struct sim_filter *f;
	uint64_t id = 0;

	if (q->code || !has_filters(q, "eth_getFilterChanges"))
		return;
	f = hex_parse_u64(&id, text) ? filter_find(q->node, id) : NULL;
	if (!f) {
		call_refuse(q, CODE_SERVER, "filter not found");
		return;
	}
	if (p->news_n > f->next + SIM_NEWS)
		f->next = p->news_n - SIM_NEWS;
	if (q->node->hides_news)
		f->next = p->news_n;
	buf_add_byte(q->out, '[');
	for (uint64_t at = f->next; at < p->news_n; at++) {
		const struct sim_tx *t = p->news[at % SIM_NEWS];

		if (at > f->next)
			buf_add_byte(q->out, ',');
		sim_shape_bytes(q->out, t->hash.at, sizeof t->hash.at);
	}
	buf_add_byte(q->out, ']');
	f->next = p->news_n;
}
