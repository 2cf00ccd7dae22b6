#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/config/ref.h"
#include "cli/config/scalar.h"
#include "cli/node/database.h"
#include "cli/node/resync.h"
#include "codec/url.h"
#include "journal/journal.h"
#include "kinds/node/anchor/anchor.h"

#define TIMEOUT_MS 10000 /* as timeout_ms of a chain, unless the config says it */

/* The same one, however it is written: no slash behind it, or its host by name. */
static bool same_url(const char *a, const char *b)
{
	static const char name[] = "http://localhost:", number[] = "http://127.0.0.1:";
	size_t a_len, b_len;

	if (strncmp(a, name, sizeof name - 1) == 0 &&
	    strncmp(b, number, sizeof number - 1) == 0) {
		a += sizeof name - 1;
		b += sizeof number - 1;
	}
	a_len = strlen(a);
	b_len = strlen(b);
	a_len -= a_len && a[a_len - 1] == '/';
	b_len -= b_len && b[b_len - 1] == '/';
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool has_config(struct cli *c)
{
	return access(c->args.config, F_OK) == 0 && cli_config(c, NULL) == ERR_OK;
}

/* How long a request may take, and how deep a reorg may be. */
static void chain_rules(struct resync_plan *ret, const struct chain_config *chain)
{
	ret->timeout_ms = chain->timeout_ms;
	ret->depth = chain->finality.depth;
	ret->depth_of = "finality of its chain in the config";
}

/* The config's, where it is the one of the line: it says how it is asked. A config is not
 * needed for the rest. */
static bool node_of_config(struct resync_plan *ret, struct cli *c, const char *url)
{
	if (!has_config(c))
		return false;
	for (int i = 0; i < c->config->chains_n; i++) {
		const struct chain_config *chain = &c->config->chains[i];

		for (int k = 0; chain->kind == CHAIN_BITCOIN && k < chain->endpoints_n;
		     k++) {
			if (!same_url(url, chain->endpoints[k].url))
				continue;
			ret->node = chain->endpoints[k];
			chain_rules(ret, chain);
			return true;
		}
	}
	return false;
}

/* The node of the line; what it is asked with is never a part of the URL. */
static enum err node_of_line(
    struct node_config *ret, const struct cli *c, const char *url, struct fail *f)
{
	const char *login = args_get(&c->args, "--login"), *fault;
	struct ref ref;
	struct url u;
	enum err e;

	*ret = (struct node_config){
		.url = url, .weight = 1, .cookie = args_get(&c->args, "--cookie")
	};
	fault = config_url_fault(url);
	if (fault)
		return fail_set(f, ERR_USAGE,
		    "--bitcoin-rpc is a URL, as http://localhost:8332: %s", fault);
	url_split(&u, url);
	if (u.user)
		return fail_set(f, ERR_USAGE,
		    "--bitcoin-rpc has a user or password in its URL: say --cookie FILE, "
		    "or --login env:VAR");
	if (login && ret->cookie)
		return fail_set(f, ERR_USAGE, "--cookie or --login, not both");
	if (!login)
		return ERR_OK;
	e = ref_parse(&ref, login, REF_ENV | REF_FILE, f);
	if (e == ERR_OK)
		e = ref_read(&ret->login, &ref, f);
	return e == ERR_OK ? ERR_OK : fail_wrap(f, e, "--login");
}

static enum err node_of(struct resync_plan *ret, struct cli *c, struct fail *f)
{
	const char *url = args_get(&c->args, "--bitcoin-rpc");
	const struct chain_config *chain;
	enum err e;

	ret->timeout_ms = TIMEOUT_MS;
	ret->depth = ANCHOR_CONFIRMS;
	ret->depth_of = "what confirms an anchor, for want of a config that says more,";
	if (url && has_config(c) && c->config->node.chain &&
	    config_chain(c->config, c->config->node.chain, &chain, NULL) == ERR_OK)
		chain_rules(ret, chain);
	if (url && !args_get(&c->args, "--login") && !args_get(&c->args, "--cookie") &&
	    node_of_config(ret, c, url))
		return ERR_OK;
	if (url)
		return node_of_line(&ret->node, c, url, f);
	e = cli_config(c, f);
	if (e == ERR_OK && !c->config->node.chain)
		e = fail_set(f, ERR_USAGE,
		    "--bitcoin-rpc URL is needed: the config names no node.chain");
	if (e == ERR_OK)
		e = config_chain(c->config, c->config->node.chain, &chain, f);
	if (e != ERR_OK)
		return e;
	ret->node = chain->endpoints[0];
	chain_rules(ret, chain);
	return ERR_OK;
}

/* Which chain it must be, as far as a config and its journal say. */
static void chain_of(struct resync_plan *ret, struct cli *c)
{
	const struct chain_config *chain;
	struct fail f = { ERR_OK, "" };
	struct journal *j;
	enum err e;

	if (!has_config(c))
		return;
	if (c->config->node.chain &&
	    config_chain(c->config, c->config->node.chain, &chain, NULL) == ERR_OK)
		ret->chain_id = chain->chain_id;
	e = journal_read(&j, c->config->journal, &f);
	if (e != ERR_OK && e != ERR_NOT_FOUND)
		cli_warn(c, "the journal says nothing of the chain: %s", f.why);
	if (e != ERR_OK)
		return;
	journal_read_begin(j);
	ret->has_genesis = anchors_genesis(j, &ret->genesis);
	journal_read_end(j);
	journal_close(j);
}

/* From the highest block that is there, unless the line says. */
static enum err start_of(struct resync_plan *ret, struct fail *f)
{
	char hash[RECORD_TEXT_MAX + 1];
	bool there;

	return ret->given ? ERR_OK : reorgdb_top(ret->db, &ret->start, hash, &there, f);
}

static void tell(const struct cli *c, const struct resynced *r)
{
	if (c->args.json) {
		cli_json(json_pack("{s:I, s:I, s:I, s:I, s:I}", "from",
		    (json_int_t)r->from, "to", (json_int_t)r->to, "blocks",
		    (json_int_t)(r->to - r->from + 1), "other_branch",
		    (json_int_t)r->others, "anchors_in_it", (json_int_t)r->anchors));
		return;
	}
	printf("Resynced blocks %" PRIu64 " to %" PRIu64 ": %" PRIu64 " hash%s\n",
	    r->from, r->to, r->to - r->from + 1, r->to == r->from ? "" : "es");
	if (r->others)
		cli_say(c,
		    "A reorg: %" PRIu64 " hash%s of the database, from block %" PRIu64
		    " on, %s of another branch, and %s replaced.",
		    r->others, r->others == 1 ? "" : "es", r->lowest,
		    r->others == 1 ? "was" : "were", r->others == 1 ? "is" : "are");
	if (r->anchors)
		cli_warn(c,
		    "%" PRIu64 " anchor%s of the database %s in blocks from %" PRIu64
		    " on (pawl node anchors): whether the chain still has them pawl "
		    "serve says, which follows node.chain",
		    r->anchors, r->anchors == 1 ? "" : "s",
		    r->anchors == 1 ? "stands" : "stand", r->lowest);
}

enum err cmd_node_resync(struct cli *c, struct fail *f)
{
	const char *start = args_get(&c->args, "--start-height");
	struct resync_plan plan = { .cli = c, .given = start };
	struct resynced r;
	enum err e = args_yes(&plan.yes, &c->args, f);

	if (e == ERR_OK && start)
		e = args_number(&plan.start, "--start-height", start, 0, UINT32_MAX, f);
	if (e == ERR_OK)
		e = node_of(&plan, c, f);
	if (e == ERR_OK)
		e = database_open(&plan.db, c, "--db-path", REORGDB_WRITE, f);
	if (e != ERR_OK)
		goto end;
	e = start_of(&plan, f);
	if (e == ERR_OK)
		e = world_open(&plan.world, f);
	if (e == ERR_OK) {
		chain_of(&plan, c);
		e = resync(&r, &plan, f);
		world_free(plan.world);
	}
	reorgdb_close(plan.db);
	if (e == ERR_OK)
		tell(c, &r);
end:
	/* Else it is the config's. */
	if (args_get(&c->args, "--bitcoin-rpc") && args_get(&c->args, "--login"))
		secret_free(plan.node.login);
	return e;
}
