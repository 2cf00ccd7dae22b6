#include "engine/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "journal/sql.gen.h"

/* The node of a row; -1: the configuration has it no more. */
static int node_of(const struct chain_config *c, const char *name)
{
	char own[NODE_NAME_MAX];

	for (int i = 0; i < c->endpoints_n; i++) {
		node_name(own, c->endpoints, i);
		if (strcmp(own, name) == 0)
			return i;
	}
	return -1;
}

void endpoints_load(struct journal *j, const struct chain_config *c, struct pool *p)
{
	struct sql_endpoint_off_list_in in = { .chain_id = (int64_t)c->chain_id };
	struct sql_endpoint_off_list_out row;
	struct node_off off[POOL_NODES_MAX];
	uint32_t nodes = 0;

	sql_endpoint_off_list_begin(j, &in);
	while (sql_endpoint_off_list_next(j, &row)) {
		int node = node_of(c, row.name);

		if (node < 0)
			continue;
		nodes |= 1u << node;
		off[node].since_ms = row.since_ms;
		snprintf(off[node].by, sizeof off[node].by, "%s", row.who);
	}
	for (int i = 0; i < c->endpoints_n; i++)
		pool_switch(p, i, nodes >> i & 1 ? &off[i] : NULL);
}

uint32_t endpoints_off(struct journal *j, const struct chain_config *c)
{
	struct sql_endpoint_off_list_in in = { .chain_id = (int64_t)c->chain_id };
	struct sql_endpoint_off_list_out row;
	uint32_t nodes = 0;

	sql_endpoint_off_list_begin(j, &in);
	while (sql_endpoint_off_list_next(j, &row)) {
		int node = node_of(c, row.name);

		if (node >= 0)
			nodes |= 1u << node;
	}
	return nodes;
}

void endpoints_mark(struct journal *j, const struct chain_config *c)
{
	uint32_t off = endpoints_off(j, c);

	for (int i = 0; i < c->endpoints_n; i++)
		c->endpoints[i].off = off >> i & 1;
}

enum err endpoint_find(
    const struct chain_config *c, const char *name, int *ret, struct fail *f)
{
	struct nearest near = { NULL, 0 };
	char own[POOL_NODES_MAX][NODE_NAME_MAX];

	*ret = node_of(c, name);
	if (*ret >= 0)
		return ERR_OK;
	for (int i = 0; i < c->endpoints_n; i++) {
		node_name(own[i], c->endpoints, i);
		nearest_add(&near, name, own[i]);
	}
	return fail_set(f, ERR_NOT_FOUND,
	    "chain %s has no endpoint %.60s%s%s%s; see: pawl endpoints", c->name, name,
	    near.best ? "; did you mean " : "", near.best ? near.best : "",
	    near.best ? "?" : "");
}

/* Providers with a node that is on: a vote each. */
static int votes_left(const struct chain_config *c, uint32_t off)
{
	int n = 0;

	for (int i = 0; i < c->endpoints_n; i++) {
		const char *mine = c->endpoints[i].provider;
		bool seen = off >> i & 1;

		for (int k = 0; mine && k < i && !seen; k++)
			seen = !(off >> k & 1) && c->endpoints[k].provider &&
			    strcmp(mine, c->endpoints[k].provider) == 0;
		n += !seen;
	}
	return n;
}

void endpoint_event(struct journal *j, const struct chain_config *c, int node,
    const char *from, const char *to, const char *by)
{
	char name[NODE_NAME_MAX], what[2 * NODE_NAME_MAX + 16], why[NODE_BY_MAX + 8];

	node_name(name, c->endpoints, node);
	snprintf(what, sizeof what, "endpoint %.60s/%s", c->name, name);
	snprintf(why, sizeof why, "by %s", by);
	journal_event(
	    j, &(struct event){ .what = what, .from = from, .to = to, .why = why });
}

enum err endpoint_switch(struct journal *j, const struct chain_config *c, int node,
    const struct node_off *off, const char *by, bool sure, bool *ret_moved,
    struct fail *f)
{
	uint32_t are_off = endpoints_off(j, c);
	int left = votes_left(c, are_off | 1u << node);
	char name[NODE_NAME_MAX];

	*ret_moved = (off != NULL) != (are_off >> node & 1);
	if (!*ret_moved)
		return ERR_OK;
	node_name(name, c->endpoints, node);
	if (off && left < c->quorum && !sure)
		return fail_set(f, ERR_CONFLICT,
		    "without %s chain %s has %d of the %d votes that a quorum needs: "
		    "nothing would go on there; to do it all the same: "
		    "pawl endpoints off %s/%s --yes",
		    name, c->name, left, c->quorum, c->name, name);
	if (off)
		sql_endpoint_off_add(j,
		    &(struct sql_endpoint_off_add_in){ .chain_id = (int64_t)c->chain_id,
			.name = name,
			.who = off->by,
			.since_ms = off->since_ms });
	else
		sql_endpoint_off_drop(j,
		    &(struct sql_endpoint_off_drop_in){
			.chain_id = (int64_t)c->chain_id, .name = name });
	endpoint_event(j, c, node, off ? "on" : "off", off ? "off" : "on", by);
	return ERR_OK;
}
