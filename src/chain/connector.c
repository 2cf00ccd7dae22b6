#include "base/check.h"
#include "chain/config.h"

const struct connector *chain_connector(const struct chain_config *c)
{
	switch (c->kind) {
	case CHAIN_EVM:
		return &connector_evm;
	}
	BUG("no such kind of chain");
}
