/* snapshot_block.h - the block of Bitcoin that has the newest snapshot's anchor, and how
 * far that is behind.
 */
#ifndef PAWL_CLI_NODE_SNAPSHOT_BLOCK_H
#define PAWL_CLI_NODE_SNAPSHOT_BLOCK_H

#include "cli/cli.h"
#include "kinds/node/snapshot/state.h"

struct world;

struct snapshot_block {
	char anchor[L2_HEX]; /* of the newest valid snapshot */
	bool in_block;       /* by the reorg database, one has it: */
	uint64_t height;
	bool known; /* to that database: */
	int status;
	size_t lacks; /* else: database_lacks */
};

/* Why none has it, behind "the anchor .. ", and whether that needs a person. */
const char *snapshot_block_none(const struct snapshot_block *b, bool *ret_ill);

/* db_path NULL: the database that lies beside the file. fails: INPUT, no snapshot holds;
 * as snapshots_open, reorgdb_open. */
NODISCARD enum err snapshot_block(struct cli *c, const char *file, const char *db_path,
    struct snapshot_block *ret, struct fail *f);

/* The height that as many nodes of node.chain have reached as are a quorum. fails:
 * CONFIG, the config names no chain; NO_QUORUM, with what a node said; STOPPED. */
NODISCARD enum err bitcoin_block_now(
    struct cli *c, struct world *w, uint64_t *ret, struct fail *f);

#endif
