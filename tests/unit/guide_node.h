/* guide_node.h - the reorg database as the node of the guide reads and writes it.
 *
 * RocksDB's own API and that node's formats, and nothing of ours: what its streams skip,
 * stop at and lose, this skips, stops at and loses too.
 */
#ifndef PAWL_TESTS_GUIDE_NODE_H
#define PAWL_TESTS_GUIDE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUIDE_TEXT 80
#define GUIDE_VALUE 1000
#define GUIDE_LIST 8

struct guide_anchor {
	char hash[GUIDE_TEXT], txid[GUIDE_TEXT], root[GUIDE_TEXT];
	uint64_t height, confirmations, broadcast, retries;
	int status;
};

struct guide_event {
	uint64_t height, detected;
	char old_hash[GUIDE_TEXT], new_hash[GUIDE_TEXT];
	size_t anchors_n;
	char anchors[GUIDE_LIST][GUIDE_TEXT];
};

struct guide_node;

struct guide_node *guide_open(const char *path, char *why, size_t why_len); /* NULL: no */
void guide_close(struct guide_node *g);
void guide_flush(struct guide_node *g); /* into .sst files */

void guide_track(struct guide_node *g, uint64_t height, const char *hash);
void guide_register(struct guide_node *g, const struct guide_anchor *a);
/* A block at a height; true: another was there, and a reorg is what it makes of it. */
bool guide_detect(struct guide_node *g, uint64_t height, const char *hash, uint64_t at);
void guide_reputation(struct guide_node *g, const char *peer, const char *value);
void guide_put(struct guide_node *g, const char *key, const char *value);

bool guide_block(struct guide_node *g, uint64_t height, char out[GUIDE_VALUE]);
bool guide_anchor(struct guide_node *g, const char *hash, struct guide_anchor *ret);
/* By status, in the order of the keys; -1: all. At most GUIDE_LIST. */
size_t guide_anchors(struct guide_node *g, int status, struct guide_anchor *ret);
/* The newest first. */
size_t guide_history(struct guide_node *g, struct guide_event *ret);
size_t guide_blocks(struct guide_node *g);
bool guide_get(struct guide_node *g, const char *key, char out[GUIDE_VALUE]);
bool guide_peer(struct guide_node *g, const char *peer, char out[GUIDE_VALUE]);

#endif
