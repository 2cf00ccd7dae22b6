#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "chain/config.h"

static const struct connector *const connectors[] = {
	[CHAIN_EVM] = &connector_evm,
	[CHAIN_BITCOIN] = &connector_bitcoin,
};
#define CONNECTORS_N (sizeof connectors / sizeof *connectors)

const struct connector *chain_connector(const struct chain_config *c)
{
	CHECK((size_t)c->kind < CONNECTORS_N);
	return connectors[c->kind];
}

const struct connector *chain_connector_find(const char *name)
{
	for (size_t i = 0; i < CONNECTORS_N; i++)
		if (strcmp(connectors[i]->name, name) == 0)
			return connectors[i];
	return NULL;
}

static const char *name_of(const struct connector *c, uint64_t id)
{
	const struct chain_name *at = c->names;

	while (at->name && at->chain_id != id)
		at++;
	return at->name ? at->name : "a chain that pawl does not know";
}

void chain_other(char out[CHAIN_OTHER_MAX], const struct connector *c, uint64_t serves,
    uint64_t wanted)
{
	if (c->names)
		snprintf(out, CHAIN_OTHER_MAX, "%s, not %s", name_of(c, serves),
		    name_of(c, wanted));
	else
		snprintf(out, CHAIN_OTHER_MAX, "chain id %llu, not %llu",
		    (unsigned long long)serves, (unsigned long long)wanted);
}

enum err chain_pays(const struct chain_config *c, struct fail *f)
{
	const struct connector *connector = chain_connector(c);

	if (connector->pays)
		return ERR_OK;
	return fail_set(f, ERR_INPUT,
	    "%s is a chain of the kind %s, which pawl reads and does not pay on", c->name,
	    connector->name);
}

enum err chain_tracks(const struct chain_config *c, struct fail *f)
{
	const struct connector *connector = chain_connector(c);

	if (connector->tracks)
		return ERR_OK;
	return fail_set(f, ERR_INPUT,
	    "%s is a chain of the kind %s, on which pawl follows blocks and no single "
	    "transactions",
	    c->name, connector->name);
}
