#include "cli/config/chain.h"

#include <string.h>

#include "cli/config/table.h"
#include "codec/url.h"

static int providers_count(const struct chain_config *chain)
{
	int n = 0;

	for (int i = 0; i < chain->endpoints_n; i++) {
		const char *mine = chain->endpoints[i].provider;
		bool seen = false;

		for (int k = 0; mine && k < i && !seen; k++) {
			const char *other = chain->endpoints[k].provider;

			seen = other && strcmp(mine, other) == 0;
		}
		n += !seen;
	}
	return n;
}

/* What stands there for a kind of chain that it says nothing to. */
static void only_check(
    struct reader *r, const struct chain_config *chain, const struct doc *d)
{
	const char *kind = chain_connector(chain)->name;

	for (int i = 0; i < config_rows_n; i++) {
		const char *key = config_rows[i].name;
		const struct doc *at = doc_get(d, key);
		size_t path;

		if (config_rows[i].group != GROUP_CHAIN ||
		    config_key_of(chain->kind, key))
			continue;
		path = path_push(r, key);
		if (at || twin_get(r))
			problem_key(r, at ? at : d,
			    "a chain of the kind %s has no such key", kind);
		path_pop(r, path);
	}
}

static void key_missing(struct reader *r, const char *key, const struct doc *d)
{
	size_t path = path_push(r, key);

	problem_key(r, d, "this key is required");
	path_pop(r, path);
}

static void network_read(
    struct reader *r, struct chain_config *chain, const struct doc *d)
{
	const struct chain_name *at = chain_connector(chain)->names;
	struct nearest near = { NULL, 0 };
	const struct doc *blamed = doc_get(d, "network");
	size_t path;
	char out[REF_SHOWN_MAX];

	if (!chain->network) {
		key_missing(r, "network", d);
		return;
	}
	for (; at->name && strcmp(at->name, chain->network) != 0; at++)
		nearest_add(&near, chain->network, at->name);
	chain->chain_id = at->chain_id;
	path = path_push(r, "network");
	if (!at->name)
		problem(r, blamed ? blamed : d, "there is no network %s%s%s%s",
		    ref_shown(out, chain->network), near.best ? "; did you mean " : "",
		    near.best ? near.best : "", near.best ? "?" : "");
	path_pop(r, path);
}

/* Bitcoin has proof of work alone; what a node knows of who asks is no part of a URL. */
static void bitcoin_check(
    struct reader *r, const struct chain_config *chain, const struct doc *d)
{
	const struct doc *finality = doc_get(d, "finality");

	if (chain->finality.tag)
		problem_key(r, finality ? finality : d,
		    "the nodes of a bitcoin chain call no block final: {depth: 6} counts "
		    "blocks");
	for (int i = 0; i < chain->endpoints_n; i++) {
		struct url u = { .user = NULL };

		if (chain->endpoints[i].url)
			url_split(&u, chain->endpoints[i].url);
		if (u.user)
			problem_key(r, d,
			    "endpoint %d has a user or password in its URL: say "
			    "cookie, or user and password",
			    i + 1);
	}
}

static void identity_finish(
    struct reader *r, struct chain_config *chain, const struct doc *d)
{
	const struct doc *key =
	    doc_get(d, chain_connector(chain)->names ? "network" : "chain_id");

	only_check(r, chain, d);
	if (chain_connector(chain)->names)
		network_read(r, chain, d);
	else if (!chain->chain_id && !key)
		key_missing(r, "chain_id", d);
	if (chain->kind == CHAIN_BITCOIN)
		bitcoin_check(r, chain, d);
	for (const struct chain_config *at = r->c->chains; at != chain; at++) {
		if (!at->chain_id || at->chain_id != chain->chain_id)
			continue;
		if (chain->network)
			problem_key(r, key ? key : d, "network %s is already that of %s",
			    chain->network, at->name);
		else
			problem_key(r, key ? key : d,
			    "chain_id %llu is already that of %s",
			    (unsigned long long)chain->chain_id, at->name);
	}
}

/* What follows from several keys, and what only fits together. */
void chain_finish(struct reader *r, struct chain_config *chain, const struct doc *d)
{
	int providers = providers_count(chain);
	const struct doc *quorum = doc_get(d, "quorum");
	const struct doc *tip = doc_get(d, "max_priority_fee_per_gas");

	identity_finish(r, chain, d);
	if (!chain->confirmations)
		chain->confirmations = track_confirmations(chain->chain_id);
	if (!chain->quorum)
		chain->quorum = providers / 2 + 1;
	if (providers && chain->quorum > providers)
		problem_key(r, quorum ? quorum : d,
		    "quorum is %d, and there are only %d providers", chain->quorum,
		    providers);
	if (tip && chain->max_fee_per_gas &&
	    chain->max_priority_fee_per_gas > chain->max_fee_per_gas)
		problem_key(r, tip, "max_priority_fee_per_gas is above max_fee_per_gas");
	else if (chain->max_priority_fee_per_gas > chain->max_fee_per_gas)
		chain->max_priority_fee_per_gas = chain->max_fee_per_gas;
}
