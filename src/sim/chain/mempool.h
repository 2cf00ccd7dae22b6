/* mempool.h - transactions that wait, by geth's rules and in geth's words.
 *
 * Per sender one transaction a nonce; gaps are allowed and wait. A replacement must
 * raise both fees to floor(old * 110 / 100) at least, and strictly. A delegated sender
 * has one transaction in it at most. A full pool lets the cheapest go, or refuses what
 * is cheaper still.
 *
 * Nodes share the chain's pool, each unless it has one of its own (sim_node_own_pool).
 * What a pool takes is told to the others after a while (net.h).
 */
#ifndef PAWL_SIM_MEMPOOL_H
#define PAWL_SIM_MEMPOOL_H

#include "sim/chain/sim_chain.h"
#include "sim/random.h"

struct sim_node;

struct sim_wait { /* a transaction in a pool */
	struct sim_wait *next;
	struct sim_tx *tx;
};

struct sim_line {                    /* what one sender has in one pool, by nonce */
	struct sim_line *next;       /* of the pool */
	struct sim_line *next_other; /* of the sender, in another pool */
	struct sim_pool *pool;
	struct sim_account *from;
	struct sim_wait *first, *last;
	uint32_t n;
	bool listed; /* by the pool: it had something when this was last tidy */
};

struct sim_heard; /* a transaction on its way to a pool, see net.c */

#define SIM_NEWS 256

struct sim_pool {
	struct sim_pool *next; /* of the chain */
	struct sim_chain *chain;
	const struct sim_node *node; /* whose it is; NULL: it is shared */
	uint32_t users;              /* nodes */
	struct sim_line *lines;
	uint32_t n;
	/* transactions: in all, of a sender, of a sender behind a gap; 0: no bound */
	uint32_t max, account_max, gapped_max;
	const struct sim_tx *news[SIM_NEWS];  /* the last that came, in a ring */
	uint64_t news_n;                      /* that ever came */
	struct sim_heard *heard, *heard_last; /* by time */
	bool was_apart;
};

struct sim_word {
	int code; /* 0: accepted */
	char text[200];
};

struct sim_pool *sim_pool_new(struct sim_chain *c);
/* Does any node look into it? The chain's only pool is used by whoever looks. */
bool sim_pool_is_used(const struct sim_pool *p);
bool sim_pool_holds(const struct sim_pool *p, const struct sim_tx *t);
/* The sender's lowest in any pool; NULL: nothing of it waits. */
const struct sim_tx *sim_pool_lowest(const struct sim_account *from);

/* tip: the block whose state the asked node sees. ret_hash is set when accepted. */
void sim_pool_send(struct sim_pool *p, const struct sim_block *tip, struct sim_word *ret,
    struct hash *ret_hash, const uint8_t *raw, size_t len);
/* Another user of the key: sign the job and send it to each pool, marked foreign. Zeros
 * in the job stand for the chain's own id, gas for a transfer and fees that win; nonce
 * SIM_NONCE_NEXT: the one behind all that waits. The key is borrowed for the call. ret:
 * what the last pool said. */
#define SIM_NONCE_NEXT UINT64_MAX
struct sim_tx *sim_pool_send_foreign(
    struct sim_chain *c, struct sim_word *ret, const struct sign_job *job);

/* Into all pools that take back what a reorg undid: no questions. */
void sim_pool_return(struct sim_chain *c, struct sim_tx *t);
void sim_pool_clear(struct sim_pool *p);
void sim_pool_drop_all(struct sim_chain *c); /* of all pools */
/* Each one with this chance; returns how many went. */
uint32_t sim_pool_drop_some(
    struct sim_chain *c, struct sim_random *random, uint32_t per_mille);
/* After a block: out of every pool with what its node sees mined, or unpayable. */
void sim_pool_tidy(struct sim_chain *c);
/* The count, and then what waits without a gap: geth's `pending`. */
const struct sim_wait *sim_pool_first(const struct sim_pool *p, const struct address *at);
uint64_t sim_pool_count(
    const struct sim_pool *p, const struct sim_block *tip, const struct address *at);

/* -- between its files ------------------------------------------------------ */

struct sim_line *sim_line_find(const struct sim_pool *p, const struct sim_account *from);
struct sim_tx *sim_line_at(const struct sim_line *l, uint64_t nonce); /* l may be NULL */
void sim_pool_insert(struct sim_pool *p, struct sim_tx *t); /* its nonce is free */
void sim_pool_remove(struct sim_pool *p, struct sim_tx *t); /* it is there */
/* sim_pool_send of what is read already: also when it comes from another node. */
void sim_pool_take(struct sim_pool *p, const struct sim_block *tip, struct sim_word *ret,
    struct sim_tx *t);

#endif
