/* node.h - a node of a layer 2, as far as a runner is one: it follows a Bitcoin chain for
 * the anchors and the peg-ins of its state, and keeps its reorg database.
 *
 * Blocks come in their order, as a quorum agrees on them (feed.h), and move rows
 * (anchor/anchor.h, anchor/pegin_tx.h) in the commit of the turn; the database is told
 * behind that commit (reorgdb/mirror.h).
 */
#ifndef PAWL_KINDS_NODE_NODE_H
#define PAWL_KINDS_NODE_NODE_H

#include "engine/engine.h"

struct l2_node;
struct l2_figures; /* watch/watch.h */

struct l2_node_config {
	const char *chain; /* of the runner, by the config's name */
	const char *folder, *log, *reorg_db, *backups; /* paths */
	int64_t backup_every_ms;                       /* 0: none are made */
	uint64_t max_divergence;                       /* blocks */
};

/* Lives and ends with one runner: world, runner, then this. config is copied. */
struct l2_node *l2_node_new(
    struct world *w, struct journal *j, const struct l2_node_config *config);
void l2_node_free(struct l2_node *n); /* NULL is fine */
/* For a runner's setup. */
struct block_watcher l2_node_watcher(struct l2_node *n);

/* Between two turns: how often it is copied (0: never), and how far behind it may be. */
void l2_node_configure(
    struct l2_node *n, int64_t backup_every_ms, uint64_t max_divergence);

/* How its start went, and how it is. */
const struct l2_figures *l2_node_figures(const struct l2_node *n);
/* Who makes its backups says how the last one went; NULL: well. */
void l2_node_backed(struct l2_node *n, const char *why);

#endif
