/* chains.c - chains that are read, and not paid on: no operation tells of them. */
#include <inttypes.h>

#include "base/utf8.h"
#include "chain/config.h"
#include "cli/report/report.h"
#include "codec/json.h"
#include "journal/sql.gen.h"

struct read_chain {
	char name[64], nodes[REPORT_STOP_MAX];
	bool stopped, known; /* known: a block of it is final */
	int64_t height, final;
};

static bool chain_read(struct read_chain *ret, struct journal *j, int64_t id)
{
	struct sql_chain_get_in in = { .id = id };
	struct sql_block_top_in top_in = { .chain = id };
	struct sql_chain_get_out row;
	struct sql_block_top_out top;
	const struct connector *connector;

	if (!sql_chain_get_one(j, &in, &row))
		return false;
	connector = chain_connector_find(row.kind);
	if (!connector || connector->pays)
		return false;
	*ret = (struct read_chain){ .stopped = !row.no_stopped,
		.known = !row.no_final_height,
		.final = row.final_height };
	snprintf(ret->name, sizeof ret->name, "%s", row.name);
	snprintf(ret->nodes, sizeof ret->nodes, "%s", row.no_nodes ? "" : row.nodes);
	utf8_plain(ret->name);
	utf8_plain(ret->nodes);
	ret->height = sql_block_top_one(j, &top_in, &top) ? top.height : 0;
	return true;
}

static void chain_show(const struct cli *c, const struct read_chain *s)
{
	char nodes[REPORT_STOP_MAX + 8] = "";

	if (s->nodes[0])
		snprintf(nodes, sizeof nodes, "; %s", s->nodes);
	if (c->args.json)
		cli_json(json_pack("{s:{s:o, s:o, s:o, s:b, s:o}}", "chain", "name",
		    cli_text(s->name), "height",
		    s->known ? json_integer(s->height) : json_null(), "final",
		    s->known ? json_integer(s->final) : json_null(), "stopped",
		    s->stopped, "nodes", s->nodes[0] ? cli_text(s->nodes) : json_null()));
	else if (!s->known)
		cli_say(c, "Chain %s: no block of it is known yet%s.", s->name, nodes);
	else if (s->stopped)
		cli_say(c,
		    "Chain %s is stopped at block %" PRId64
		    ": a final block vanished; look at it, then `pawl resume "
		    "chain:%s`%s.",
		    s->name, s->final, s->name, nodes);
	else
		cli_say(c,
		    "Chain %s is read up to block %" PRId64 ", final %" PRId64 "%s.",
		    s->name, s->height, s->final, nodes);
}

bool read_chains_show(const struct cli *c, struct journal *j)
{
	struct sql_report_chains_out row;
	struct read_chain s;
	bool any = false;

	sql_report_chains_begin(j);
	while (sql_report_chains_next(j, &row)) {
		if (!chain_read(&s, j, row.id))
			continue;
		any = true;
		chain_show(c, &s);
	}
	sql_report_chains_end(j);
	return any;
}
