#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/owner/own.h"
#include "cli/report/report.h"
#include "engine/operation.h"

/* NULL: nothing was stopped that a resume accepts. */
static json_t *accepted_json(const struct told *t)
{
	return t->accepted[0] ? json_pack("{s:o}", "accepted", cli_text(t->accepted))
			      : NULL;
}

static void accepted_tell(const struct cli *c, struct told *t)
{
	utf8_plain(t->accepted);
	if (t->accepted[0])
		cli_say(c, "Accepted: %s", t->accepted);
}

/* Of a chain that is read, and not paid on, there are no intents. */
static bool is_read(const struct cli *c, const char *key, const char *name)
{
	const struct chain_config *chain;

	return strcmp(key, "chain") == 0 &&
	    config_chain(c->config, name, &chain, NULL) == ERR_OK &&
	    !chain_connector(chain)->pays;
}

static void tell(const struct cli *c, const char *key, const char *name, struct told *t)
{
	json_t *o;

	accepted_tell(c, t);
	if (!c->args.json && strcmp(key, "notify") == 0) {
		cli_say(c, "Subscriber %s %s", name,
		    t->moved ? "is told again, what it missed first: pawl serve sends it"
			     : "was not suspended");
		return;
	}
	if (!c->args.json && is_read(c, key, name)) {
		cli_say(c, "chain %s %s", name,
		    t->moved ? "is read again: pawl serve goes on from the branch that "
			       "its nodes are on"
			     : "was not stopped: it is read already");
		return;
	}
	if (!c->args.json) {
		cli_say(c, "%s %s %s", key, name,
		    t->moved ? "takes new intents again"
			     : "takes new intents already: it was not stopped");
		return;
	}
	o = json_pack("{s:o, s:b}", key, cli_text(name), "resumed", t->moved);
	if (t->accepted[0])
		json_object_set_new(o, "accepted", cli_text(t->accepted));
	cli_json(o);
}

static void operation_tell(const struct cli *c, struct told *t)
{
	char said[2 * OPERATION_NAME_MAX + 160];
	const char *state = state_name(MACHINE_OPERATION, t->state);

	if (operation_ended(&(struct operation){ .state = t->state }))
		snprintf(said, sizeof said,
		    "%s is %s already: there is nothing to resume", t->name, state);
	else
		snprintf(said, sizeof said,
		    "%s is %s%s; pawl serve or the run's own command goes on with it",
		    t->name, state, t->moved ? " again" : " already");
	utf8_plain(said);
	accepted_tell(c, t);
	own_tell(c, t, said, accepted_json(t));
	own_then_tell(c, t);
}

/* The account's or chain's name is behind a prefix; all else is an operation's. */
static enum err ask(struct cli *c, struct request *q, struct told *t, struct fail *f)
{
	const char *cap = args_get(&c->args, "--max-total-fee");
	enum err e = args_yes(&q->yes, &c->args, f);

	if (e != ERR_OK)
		return e;
	if (cap && q->route != ROUTE_RESUME)
		return fail_set(f, ERR_USAGE, "--max-total-fee is of an operation");
	if (cap && (!*cap || strlen(cap) >= sizeof q->cap))
		return fail_set(f, ERR_USAGE, "--max-total-fee: no amount");
	snprintf(q->cap, sizeof q->cap, "%s", cap ? cap : "");
	return own_command(c, q, t, f);
}

/* What stands before the name, if anything does; *word is behind it. */
static const char *prefix_find(enum route *ret, const char **word)
{
	static const struct {
		const char *name;
		enum route route;
	} prefixes[] = { { "chain", ROUTE_RESUME_CHAIN }, { "key", ROUTE_RESUME_KEY },
		{ "notify", ROUTE_RESUME_NOTIFY } };

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t len = strlen(prefixes[i].name);

		if (strncmp(*word, prefixes[i].name, len) != 0 || (*word)[len] != ':')
			continue;
		*word += len + 1;
		*ret = prefixes[i].route;
		return prefixes[i].name;
	}
	return NULL;
}

enum err cmd_resume(struct cli *c, struct fail *f)
{
	const char *word = args_word(&c->args, 0);
	enum route route = ROUTE_RESUME;
	const char *what = prefix_find(&route, &word);
	struct request q;
	struct told t;
	enum err e = own_request(&q, route, word, f);

	if (e == ERR_OK)
		e = ask(c, &q, &t, f);
	if (e != ERR_OK)
		return e;
	if (route == ROUTE_RESUME)
		operation_tell(c, &t);
	else
		tell(c, what, q.name, &t);
	return ERR_OK;
}
