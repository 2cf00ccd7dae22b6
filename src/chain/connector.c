#include <string.h>

#include "base/check.h"
#include "chain/config.h"

static const struct connector *const connectors[] = {
	[CHAIN_EVM] = &connector_evm,
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
