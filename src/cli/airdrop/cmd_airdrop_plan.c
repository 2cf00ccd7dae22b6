#include "cli/airdrop/draft.h"

#define PATIENCE_MS 10000

/* What can't be asked is left out of the plan, and said. A signal and a token that is
 * none end it. */
static enum err ask(struct draft *d, struct fail *f)
{
	struct world *w;
	struct fail why = { ERR_OK, "" };
	enum err e = world_open(&w, f);

	if (e != ERR_OK)
		return e;
	e = draft_ask(d, w, PATIENCE_MS, true, &why);
	world_free(w);
	if (e == ERR_INPUT || e == ERR_STOPPED || e == ERR_WRONG_CHAIN)
		return fail_set(f, e, "%s", why.why);
	if (e != ERR_OK)
		cli_warn(d->cli, "%s", why.why);
	return ERR_OK;
}

/* A plan needs no journal; what is there is compared with. */
static void journal_get(struct draft *d)
{
	struct fail f = { ERR_OK, "" };
	enum err e = journal_read(&d->journal, d->cli->config->journal, &f);

	if (e == ERR_OK)
		return;
	d->journal = NULL;
	d->no_journal = e == ERR_NO_JOURNAL;
	if (e != ERR_NO_JOURNAL)
		cli_warn(d->cli, "%s; earlier operations are not compared with", f.why);
}

static enum err plan(struct draft *d, struct fail *f)
{
	struct list_rules rules;
	struct amount cap;
	enum err e = ask(d, f);

	if (e == ERR_OK)
		draft_remember(d);
	if (e == ERR_OK && (!d->has_token || d->identified))
		e = draft_service_fee(d, f);
	if (e != ERR_OK)
		return e;
	rules = draft_rules(d);
	e = draft_list(d, &rules, NULL, NULL, f);
	if (e != ERR_OK)
		return e;
	cap = draft_cap(d);
	draft_tell(d, &cap);
	return ERR_OK;
}

enum err cmd_airdrop_plan(struct cli *c, struct fail *f)
{
	struct draft d;
	enum err e = draft_args(&d, c, f);

	if (e != ERR_OK)
		return e;
	journal_get(&d);
	draft_name(&d, d.name);
	d.plans = true;
	e = plan(&d, f);
	journal_close(d.journal);
	return e;
}
