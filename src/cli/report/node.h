/* node.h - the node of a layer 2, where the config names one: its files, and what status
 * tells of it. */
#ifndef PAWL_CLI_REPORT_NODE_H
#define PAWL_CLI_REPORT_NODE_H

#include "cli/cli.h"
#include "journal/journal.h"
#include "kinds/node/watch/look.h"

/* Where they are, by the config; paths longer than 1,000 bytes are cut, and so are found
 * to be missing. */
struct node_files {
	char log[1024], reorg_db[1024], backups[1024];
	struct l2_paths paths;
};
void node_files(struct node_files *ret, const struct node_keys *k);

/* false: there is none, and nothing is said. One without a chain is, while a reset of it
 * is half done. */
bool node_show(const struct cli *c, struct journal *j);

#endif
