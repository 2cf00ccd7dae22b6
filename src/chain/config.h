/* config.h - one chain as the operator describes it in pawl.yaml.
 *
 * Plain and complete: every default is filled in, every bound is checked, nothing
 * here changes while the program runs, but for the rates of endpoints. Owned by the
 * config (cli/config/config.h), which outlives everybody who borrows it.
 */
#ifndef PAWL_CHAIN_CONFIG_H
#define PAWL_CHAIN_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "chain/chain.h"
#include "chain/pool/pool.h"

enum chain_kind { CHAIN_EVM, CHAIN_BITCOIN };
enum chain_fee_type { CHAIN_FEE_AUTO, CHAIN_FEE_1559, CHAIN_FEE_LEGACY };

/* When a block is final: by the nodes' own `finalized`, or so many blocks deep. The
 * depth is also the deepest reorg that is followed. */
struct finality {
	bool tag;
	uint64_t depth; /* 0: the head itself is final */
};

struct chain_config {
	const char *name;
	enum chain_kind kind;
	uint64_t chain_id;
	const char *network; /* its name, where its kind goes by names; or NULL */
	struct node_config *endpoints; /* 1 to POOL_NODES_MAX */
	int endpoints_n;
	struct finality finality;
	int quorum; /* votes, one a provider; 1 to the number of providers */
	enum chain_fee_type fee_type;
	uint64_t max_fee_per_gas, max_priority_fee_per_gas; /* wei */
	struct amount fence_max_fee;                        /* of one, likely */
	int max_in_flight; /* signed and not final, per account */
	int batch;         /* calls in one request; at most CHAIN_BATCH_MAX */
	int bump_after;    /* blocks */
	int confirmations; /* that a followed transaction takes */
	int lookback;      /* blocks of an account's past that are read at first sight */
	int poll_ms, timeout_ms;
	int hedge_after_ms; /* 0: never */
};

/* The one that speaks to chains of its kind. */
const struct connector *chain_connector(const struct chain_config *c);
/* By its name, which the journal has of a chain; NULL: there is none. */
const struct connector *chain_connector_find(const char *name);

/* What a node serves in place of what is wanted: "chain id 1, not 31337", or "testnet3,
 * not mainnet". */
#define CHAIN_OTHER_MAX 80
void chain_other(char out[CHAIN_OTHER_MAX], const struct connector *c, uint64_t serves,
    uint64_t wanted);

/* What can't be done on a chain of its kind, said to who asks for it. fails: INPUT */
NODISCARD enum err chain_pays(const struct chain_config *c, struct fail *f);
NODISCARD enum err chain_tracks(const struct chain_config *c, struct fail *f);

#endif
