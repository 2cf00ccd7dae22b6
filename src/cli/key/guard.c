#include "cli/key/guard.h"

#include <inttypes.h>
#include <string.h>

#include "cli/ask/ask.h"
#include "cli/owner/loop.h"
#include "cli/owner/own.h"
#include "cli/report/report.h"
#include "engine/endpoint.h"
#include "journal/sql.gen.h"

struct guard {
	struct cli *cli;
	const char *name;
	const struct address *address;
	struct journal *journal;
	struct world *world;
};

static enum err kept(const struct guard *g, struct fail *f)
{
	return fail_wrap(f, ERR_CONFLICT, "key %s is kept", g->name);
}

/* -- what the journal knows of it ------------------------------------------ */

static enum err operation_check(const struct guard *g, int64_t account, struct fail *f)
{
	struct sql_report_open_of_account_in in = { .account = account };
	struct sql_report_open_of_account_out row;
	struct operation o;
	bool open = false;

	sql_report_open_of_account_begin(g->journal, &in);
	if (sql_report_open_of_account_next(g->journal, &row))
		open = operation_read(g->journal, row.id, &o);
	sql_report_open_of_account_end(g->journal);
	if (!open)
		return ERR_OK;
	fail_set(f, ERR_CONFLICT, "operation %s is %s; then: pawl cancel %s", o.name,
	    state_name(MACHINE_OPERATION, o.state), o.name);
	return kept(g, f);
}

static enum err live_check(const struct guard *g, int64_t account, struct fail *f)
{
	struct sql_report_live_of_account_in in = { .account = account };
	struct sql_report_live_of_account_out live = { 0 };

	if (sql_report_live_of_account_one(g->journal, &in, &live) && live.n == 0)
		return ERR_OK;
	fail_set(f, ERR_CONFLICT,
	    "%" PRId64 " nonces of it are live: their transactions may still be included",
	    live.n);
	return kept(g, f);
}

/* Every account of the address, and of keys that bore its name. */
static enum err journal_check(const struct guard *g, struct fail *f)
{
	struct sql_report_accounts_of_key_in in = { .key_name = g->name };
	struct sql_report_accounts_of_key_out row;
	const struct chain_config *chain;
	enum err e = ERR_OK;

	memcpy(in.address, g->address->at, sizeof in.address);
	sql_report_accounts_of_key_begin(g->journal, &in);
	while (e == ERR_OK && sql_report_accounts_of_key_next(g->journal, &row)) {
		e = live_check(g, row.id, f);
		if (e == ERR_OK)
			e = operation_check(g, row.id, f);
		if (e == ERR_OK &&
		    report_chain(g->cli->config, g->journal, row.chain, &chain, f))
			e = kept(g, f);
	}
	sql_report_accounts_of_key_end(g->journal);
	return e;
}

/* -- what the chains show -------------------------------------------------- */

static enum err holds(const struct guard *g, const char *chain,
    const struct amount *balance, unsigned decimals, const char *symbol, struct fail *f)
{
	char text[AMOUNT_TEXT_MAX];

	if (amount_is_zero(balance))
		return ERR_OK;
	amount_format(text, balance, decimals);
	fail_set(f, ERR_CONFLICT,
	    "it holds %s%s%s on chain %s: move all funds away first", text,
	    *symbol ? " " : "", symbol, chain);
	return kept(g, f);
}

/* The tokens that operations of this journal paid in, on this chain. */
static enum err tokens_check(
    const struct guard *g, struct ask *a, const struct chain_config *c, struct fail *f)
{
	struct sql_operation_all_out row;
	enum err e = ERR_OK;

	sql_operation_all_begin(g->journal);
	while (e == ERR_OK && sql_operation_all_next(g->journal, &row)) {
		struct report_account account;
		struct report_asset asset;
		struct token_facts token;
		struct operation o;

		if (!operation_read(g->journal, row.id, &o) ||
		    report_account(g->journal, &o, &account, NULL) ||
		    report_asset(g->journal, &o, &asset, NULL) || !asset.token ||
		    account.chain_id != c->chain_id)
			continue;
		e = ask_token(a, &asset.at, g->address, &token, f);
		if (e != ERR_OK)
			e = kept(g, f);
		else
			e = holds(
			    g, c->name, &token.balance, token.decimals, token.symbol, f);
	}
	sql_operation_all_end(g->journal);
	return e;
}

static enum err chain_check(const struct guard *g, const char *name, struct fail *f)
{
	const struct chain_config *c = NULL;
	struct account_seen seen;
	struct ask *a;
	enum err e = config_chain(g->cli->config, name, &c, f);

	if (e != ERR_OK)
		return kept(g, f);
	if (g->journal)
		endpoints_mark(g->journal, c);
	a = ask_new(g->world, c, ASK_PATIENCE_MS, true);
	ask_waits(a, cli_waits, g->cli);
	e = ask_account_agreed(a, g->address, &seen, f);
	if (e != ERR_OK) {
		fail_wrap(f, e, "its balance on chain %s is not known", name);
		e = kept(g, f);
	} else {
		e = holds(g, name, &seen.balance, chain_connector(c)->decimals, "", f);
	}
	if (e == ERR_OK)
		e = tokens_check(g, a, c, f);
	ask_free(a);
	return e;
}

enum err key_remove_check(
    struct cli *c, const char *name, const struct address *address, struct fail *f)
{
	struct guard g = { .cli = c, .name = name, .address = address };
	struct loop loop;
	enum err e = loop_open(&loop, c, f);

	g.journal = loop.journal;
	g.world = loop.world;
	if (e == ERR_OK)
		e = journal_check(&g, f);
	else if (e != ERR_OWNED)
		e = kept(&g, f);
	for (int i = 0; i < c->config->chains_n && e == ERR_OK; i++)
		if (chain_pays(&c->config->chains[i], NULL) == ERR_OK)
			e = chain_check(&g, c->config->chains[i].name, f);
	loop_close(&loop);
	return e;
}
