#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/own.h"
#include "cli/report.h"
#include "engine/operation.h"

static void tell(const struct cli *c, const char *key, const char *name, bool was)
{
	if (c->args.json)
		cli_json(json_pack("{s:o, s:b}", key, cli_text(name), "resumed", was));
	else
		cli_say(c, "%s %s %s", key, name,
		    was ? "takes new intents again" : "was not stopped");
}

static void operation_tell(const struct cli *c, const struct told *t)
{
	char said[2 * OPERATION_NAME_MAX + 160];
	const char *state = state_name(MACHINE_OPERATION, t->state);

	if (operation_ended(&(struct operation){ .state = t->state }))
		snprintf(said, sizeof said, "%s is %s: there is nothing to resume",
		    t->name, state);
	else
		snprintf(said, sizeof said,
		    "%s is %s%s; pawl serve or the run's own command goes on with it",
		    t->name, state, t->moved ? " again" : "");
	utf8_plain(said);
	own_tell(c, t, said, NULL);
}

/* The account's or chain's name is behind a prefix; all else is an operation's. */
static enum err ask(struct cli *c, struct request *q, struct told *t, struct fail *f)
{
	const char *cap = args_get(&c->args, "--max-total-fee");
	enum err e = ERR_OK;

	q->yes = args_has(&c->args, "--yes");
	q->has_cap = cap != NULL;
	if (cap && q->route != ROUTE_RESUME)
		return fail_set(f, ERR_USAGE, "--max-total-fee is of an operation");
	if (cap)
		e = args_amount(
		    &q->cap, "--max-total-fee", cap, REPORT_NATIVE_DECIMALS, f);
	return e == ERR_OK ? own_command(c, q, t, f) : e;
}

enum err cmd_resume(struct cli *c, struct fail *f)
{
	const char *word = args_word(&c->args, 0);
	bool chain = strncmp(word, "chain:", 6) == 0, key = strncmp(word, "key:", 4) == 0;
	enum route route = chain ? ROUTE_RESUME_CHAIN
	    : key                ? ROUTE_RESUME_KEY
				 : ROUTE_RESUME;
	struct request q;
	struct told t;
	enum err e = own_request(&q, route, word + (chain ? 6 : key ? 4 : 0), f);

	if (e == ERR_OK)
		e = ask(c, &q, &t, f);
	if (e != ERR_OK)
		return e;
	if (route == ROUTE_RESUME)
		operation_tell(c, &t);
	else
		tell(c, chain ? "chain" : "key", q.name, t.moved);
	return ERR_OK;
}
