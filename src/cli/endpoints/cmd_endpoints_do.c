/* endpoints off, on, reset: what an operator says of one node. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/owner/own.h"
#include "engine/endpoint.h"

#define NAMES_MAX 400

/* Who is at the terminal, for whoever reads it later. */
static void who(char out[NODE_BY_MAX])
{
	const struct passwd *p = getpwuid(getuid());

	if (p && p->pw_name[0])
		snprintf(out, NODE_BY_MAX, "%s", p->pw_name);
	else
		snprintf(out, NODE_BY_MAX, "uid %u", (unsigned)getuid());
	utf8_plain(out);
}

struct search {
	const char *word;
	int found;
	char name[REQUEST_NAME_MAX];
	char names[NAMES_MAX]; /* all of them, each with its chain */
};

static void search_chain(struct search *s, const struct chain_config *c)
{
	size_t len = strlen(s->names);
	char name[NODE_NAME_MAX];

	for (int i = 0; i < c->endpoints_n; i++) {
		node_name(name, c->endpoints, i);
		if (strcmp(name, s->word) != 0)
			continue;
		snprintf(s->name, sizeof s->name, "%.60s/%s", c->name, name);
		snprintf(s->names + len, sizeof s->names - len, "%s%s", len ? ", " : "",
		    s->name);
		s->found++;
	}
}

/* The node of whichever chain has it, if it is one alone. */
static enum err find(struct cli *c, struct search *s, struct fail *f)
{
	const struct chain_config *chain;
	char shown[REF_SHOWN_MAX];

	for (int i = 0; i < c->config->chains_n; i++)
		if (config_chain(c->config, c->config->chains[i].name, &chain, NULL) ==
		    ERR_OK)
			search_chain(s, chain);
	if (s->found == 1)
		return ERR_OK;
	if (s->found > 1)
		return fail_set(
		    f, ERR_USAGE, "several chains have it: say which, of %s", s->names);
	return fail_set(f, ERR_NOT_FOUND,
	    "no chain of the config has an endpoint %s; see: pawl endpoints",
	    ref_shown(shown, s->word));
}

/* CHAIN/NAME. A reset switches nothing on. */
static bool is_off(struct cli *c, const char *name)
{
	const struct chain_config *chain;
	struct journal *j;
	bool off = false;
	int node;

	if (journal_read(&j, c->config->journal, NULL) != ERR_OK)
		return false;
	for (int i = 0; i < c->config->chains_n; i++) {
		size_t len = strlen(c->config->chains[i].name);

		if (strncmp(name, c->config->chains[i].name, len) == 0 &&
		    name[len] == '/' &&
		    config_chain(c->config, c->config->chains[i].name, &chain, NULL) ==
			ERR_OK &&
		    endpoint_find(chain, name + len + 1, &node, NULL) == ERR_OK)
			off |= endpoints_off(j, chain) >> node & 1;
	}
	journal_close(j);
	return off;
}

static void tell(struct cli *c, const struct request *q, const struct told *t)
{
	static const char *const said[][2] = {
		{ "was off already", "is off: it is asked nothing, and has no vote" },
		{ "was on already", "is on again" },
		{ "is followed by nobody now: there is nothing to forget",
		    "is asked at once" },
	};
	int row = q->route == ROUTE_ENDPOINT_OFF ? 0
	    : q->route == ROUTE_ENDPOINT_ON      ? 1
						 : 2;

	if (c->args.json)
		cli_json(json_pack(
		    "{s:o, s:b}", "endpoint", cli_text(q->name), "moved", t->moved));
	else if (q->route == ROUTE_ENDPOINT_RESET && is_off(c, q->name))
		cli_say(c,
		    "%s is off, and stays so; to ask it again: pawl endpoints on %s",
		    q->name, q->name);
	else
		cli_say(c, "%s %s", q->name, said[row][t->moved]);
}

static enum err command(struct cli *c, enum route route, struct fail *f)
{
	struct search s = { .word = args_word(&c->args, 0) };
	struct request q;
	struct told t;
	enum err e = cli_config(c, f);

	if (e == ERR_OK && !strchr(s.word, '/'))
		e = find(c, &s, f);
	if (e == ERR_OK)
		e = own_request(&q, route, s.found ? s.name : s.word, f);
	if (e != ERR_OK)
		return e;
	who(q.by);
	q.sure = route == ROUTE_ENDPOINT_OFF && args_has(&c->args, "--yes");
	e = own_command(c, &q, &t, f);
	if (e == ERR_OK)
		tell(c, &q, &t);
	return e;
}

enum err cmd_endpoints_off(struct cli *c, struct fail *f)
{
	return command(c, ROUTE_ENDPOINT_OFF, f);
}

enum err cmd_endpoints_on(struct cli *c, struct fail *f)
{
	return command(c, ROUTE_ENDPOINT_ON, f);
}

enum err cmd_endpoints_reset(struct cli *c, struct fail *f)
{
	return command(c, ROUTE_ENDPOINT_RESET, f);
}
