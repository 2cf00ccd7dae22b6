/* resync.h - block hashes from one Bitcoin node into the reorg database. */
#ifndef PAWL_CLI_NODE_RESYNC_H
#define PAWL_CLI_NODE_RESYNC_H

#include "chain/chain.h"
#include "chain/pool/pool.h"
#include "kinds/node/reorgdb/reorgdb.h"

struct cli;

struct resynced {
	uint64_t from, to; /* heights that were asked for */
	/* Hashes that the database had of another branch, and the lowest of them. */
	uint64_t others, lowest;
	/* Anchors that it has in blocks of these heights, and not as taken by a reorg:
	 * nothing is done to them. */
	uint64_t anchors;
};

struct resync_plan {
	struct cli *cli; /* is told while nobody answers */
	struct world *world;
	struct node_config node;
	int64_t timeout_ms; /* of a request */
	struct reorgdb *db;
	uint64_t start;
	bool given; /* the start, by who asked */
	/* What is known of the chain that the database is of, but for what stands in it.
	 */
	uint64_t chain_id;   /* of the config; 0: it says none */
	bool has_genesis;    /* the journal has blocks of one, */
	struct hash genesis; /* which began with this */
	/* So many of its hashes may be of another branch, and who says so; else this word
	 * is of what was told. */
	uint64_t depth;
	const char *depth_of;
	uint32_t yes;
};

/* All from a height to the node's head, a batch of hashes a request, some of these under
 * way while others are written; each written batch is synced. First what the database has
 * is compared, from its highest block down to one that is the node's, too: what is of
 * another branch is a reorg of that depth, and replaced from its lowest block on. Blocks
 * above the head go, and count as such; a start above it is the head, and USAGE if
 * somebody gave it. What was written stays when it fails, and is right: again goes on.
 * fails: the node's (pool.h), which names it; CONFLICT (a reorg that is deeper than may
 * be, with the word) and WRONG_CHAIN (it serves no Bitcoin, or another than the config,
 * the journal or the database has): nothing is written; STOPPED (a signal); as
 * reorgdb_write */
NODISCARD enum err resync(
    struct resynced *ret, const struct resync_plan *plan, struct fail *f);

#endif
