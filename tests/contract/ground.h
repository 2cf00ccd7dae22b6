/* ground.h - what the contract suite stands on: one node of some make, a world that leads
 * to it, an empty journal that is owned, and two accounts that have coin and have used
 * their nonce 0. The same tests run on the simulated node, in virtual time, and on real
 * ones; what a make has not, or says in other words, is a field here and no name in a
 * test. One ground a process; it lives as long as that.
 */
#ifndef PAWL_TESTS_CONTRACT_GROUND_H
#define PAWL_TESTS_CONTRACT_GROUND_H

#include "chain/config.h"
#include "journal/journal.h"
#include "world/world.h"

#define PAYER 0 /* has tokens as well */
#define OTHER 1
#define CHAIN_ID 31337
#define GWEI 1000000000ull

/* What such a node is known to have. */
struct make {
	const char *name;
	enum chain_kind kind;
	const char *client;  /* part of what it calls itself */
	bool block_receipts; /* eth_getBlockReceipts */
	bool state_by_hash;
	bool head_is_final;   /* its tag says so */
	bool tells_apart;     /* the same bytes again, other bytes on a nonce, a price too
				 low: else all are underpriced */
	bool pool_shown;      /* txpool_contentFrom */
	bool estimates_money; /* an estimate needs what it would cost */
};

struct ground {
	struct make make;
	struct world *world;
	struct journal *journal;
	struct node_config endpoint;
	struct chain_config config;
	const struct connector *connector; /* of the make's kind of chain */
	struct pool *pool;
	struct secret *key[2];
	struct address account[2], token;
	/* the rest is of the make's own file */
	void (*mine)(struct ground *g, uint32_t blocks);
	void (*mark)(struct ground *g);
	/* Back to the mark, and so many other blocks, empty ones. Once a mark. */
	void (*undo)(struct ground *g, uint32_t blocks);
	struct sim_chain *chain;
	uint64_t marked;
};

/* words: MAKE [URL TOKEN], of the program's arguments. */
void ground_open(struct ground *g, int n, char **words);

/* Asks the node through the pool, and waits; no answer fails the test. body is taken. The
 * text is the caller's. */
char *ground_ask(struct ground *g, struct buf *body, size_t *ret_len);

/* -- parts ------------------------------------------------------------------ */

void ground_simulate(struct ground *g);                /* ground_sim.c */
void ground_meet(struct ground *g, const char *token); /* ground_node.c */

#endif
