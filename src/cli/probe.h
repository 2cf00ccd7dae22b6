/* probe.h - what one node is and can do, asked of it alone: for doctor. */
#ifndef PAWL_CLI_PROBE_H
#define PAWL_CLI_PROBE_H

#include "cli/ask.h"

#define PROBE_PATIENCE_MS 5000

struct probe {
	char name[64]; /* host:port */
	bool reachable;
	struct fail fail; /* why it is not, or not fit */
	struct identity identity;
	int64_t latency_ms; /* of one small question */
	bool has_head, has_final;
	struct head head, final;
	bool block_receipts; /* eth_getBlockReceipts */
	bool state;          /* the state of a block by its hash or number */
	bool by_hash;        /* by its hash */
};

/* fails: STOPPED; all else is in the probe. */
NODISCARD enum err probe_node(struct world *w, const struct chain_config *c, int endpoint,
    struct probe *ret, struct fail *f);

#endif
