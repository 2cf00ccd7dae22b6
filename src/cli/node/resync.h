/* resync.h - block hashes from one Bitcoin node into the reorg database. */
#ifndef PAWL_CLI_NODE_RESYNC_H
#define PAWL_CLI_NODE_RESYNC_H

#include "chain/chain.h"
#include "chain/pool/pool.h"
#include "kinds/node/reorgdb/reorgdb.h"

struct resynced {
	uint64_t from, to; /* heights that were asked for */
	uint64_t back;     /* blocks below the start that were of another branch */
};

/* What is known of the chain that the database is of, but for what stands in it. */
struct resync_chain {
	uint64_t chain_id;   /* of the config; 0: it says none */
	bool has_genesis;    /* the journal has blocks of one, */
	struct hash genesis; /* which began with this */
};

/* All from a height to the node's head, a batch of hashes a request, some of these under
 * way while others are written; each written batch is synced. Where the block below the
 * start is not the node's it begins as far down as they differ. Blocks above the head go;
 * a start above it is the head, and USAGE if somebody gave it.
 * What was written stays when it fails, and is right: again goes on.
 * fails: the node's (pool.h), WRONG_CHAIN (it serves no Bitcoin, or another than the
 * config, the journal or the database has: nothing is written), STOPPED (a signal), as
 * reorgdb_write */
NODISCARD enum err resync(struct resynced *ret, struct world *w,
    const struct node_config *node, const struct resync_chain *chain, struct reorgdb *db,
    uint64_t start, bool given, struct fail *f);

#endif
