/* probe.h - what one node is and can do, asked of it alone: for doctor. */
#ifndef PAWL_CLI_ASK_PROBE_H
#define PAWL_CLI_ASK_PROBE_H

#include "cli/ask/ask.h"

#define PROBE_PATIENCE_MS 5000

struct probe {
	char name[64]; /* host:port */
	bool off;      /* marked so in the config: it was not asked */
	bool reachable;
	struct fail fail; /* why it is not, or not fit */
	struct identity identity;
	char client[CLIENT_MAX];
	int64_t latency_ms; /* of one small question */
	bool has_head, has_final;
	struct head head, final;
	bool block_receipts; /* eth_getBlockReceipts */
	bool state;          /* the state of a block by its hash or number; where nobody
				can be paid, what is in it */
	bool by_hash;        /* by its hash */
};

#define PROBE_ACCOUNTS_MAX 16

/* What one node says of some accounts at a block; zero where it says nothing. */
struct probe_seen {
	struct hash block, accounts; /* accounts: over counts, balances, transactions */
};

/* say: as of ask_waits. fails: STOPPED; all else is in the probe. */
NODISCARD enum err probe_node(struct world *w, const struct chain_config *c, int endpoint,
    ask_say_fn *say, void *ctx, struct probe *ret, struct fail *f);
/* In the way that the probe found. */
NODISCARD enum err probe_look(struct world *w, const struct chain_config *c, int endpoint,
    const struct probe *p, uint64_t height, const struct address *who, uint32_t n,
    struct probe_seen *ret, struct fail *f);

#endif
