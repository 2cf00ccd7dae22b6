/* rig.h - a simulated chain with one node and a key with money, for tests of the
 * simulator itself. A rig with a world has HTTP to that node in virtual time.
 */
#ifndef PAWL_TESTS_RIG_H
#define PAWL_TESTS_RIG_H

#include "base/buf.h"
#include "sim/chain/mempool.h"
#include "sim/world/sim_world.h"

#define GWEI 1000000000u

struct rig {
	void *region;
	struct sim_chain *chain;
	struct sim_node *node;
	struct secret *key;
	struct address me, you;
};

struct order { /* a transaction to be; zeros stand for something sensible */
	struct address to;
	uint64_t nonce, wei, gas, max_fee, tip, chain_id;
	bool legacy;
	const struct sim_token *token;
};

struct world_rig {
	struct rig r;
	struct world *w;
	struct sim_world *sim;
};

struct heard {
	int times, status;
	enum http_end end;
	int64_t retry_after_ms, at_ms;
	char body[4096];
	struct world *w;
};

struct secret *key_of(uint8_t last);
struct address address_of(uint8_t last);
struct amount coins(uint64_t n);
void rig_init_with(struct rig *r, const struct sim_options *o);
void rig_init(struct rig *r);
void rig_release(struct rig *r);
struct signed_bytes sign(const struct rig *r, struct order o);
/* What a node answers, through the real connector's eyes. body is taken. */
char *ask(struct sim_node *n, struct buf *body, size_t *ret_len);
struct buf fresh(void);
struct node_word send_raw(struct rig *r, const struct signed_bytes *raw);
struct node_word rig_send(struct rig *r, struct order o);
struct receipt receipt_for(
    struct sim_node *n, const struct hash *hash, const struct payment *want);
struct receipt receipt_of(struct sim_node *n, const struct hash *hash);
uint64_t wei_at(const struct rig *r, const struct sim_block *tip);
uint64_t wei_of(const struct rig *r);
/* One call by hand; the answer must contain `text`. */
void says(struct sim_node *n, const char *method, const char *params, const char *text);
/* Another world over the same chain. */
void world_rig_open(struct world_rig *k, uint64_t seed);
void world_rig_init(struct world_rig *k, const struct sim_options *o);
void world_rig_release(struct world_rig *k);
/* ctx: a struct heard */
void hear(void *ctx, struct http_answer *a);
void ask_world(struct world *w, struct buf *body, struct heard *h);
/* Waits for the answer. */
struct heard send_world(struct world_rig *k, struct order o);

#endif
