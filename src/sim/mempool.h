/* mempool.h - transactions that wait, by geth's rules and in geth's words.
 *
 * Per sender one transaction a nonce; gaps are allowed and wait. A replacement must
 * raise both fees to floor(old * 110 / 100) at least, and strictly. A delegated sender
 * has one transaction in it at most. All nodes share one pool.
 */
#ifndef PAWL_SIM_MEMPOOL_H
#define PAWL_SIM_MEMPOOL_H

#include "sim/chain.h"
#include "sim/random.h"

struct sim_word {
	int code; /* 0: accepted */
	char text[200];
};

/* tip: the block whose state the asked node sees. ret_hash is set when accepted. */
void sim_pool_send(struct sim_chain *c, const struct sim_block *tip, struct sim_word *ret,
    struct hash *ret_hash, const uint8_t *raw, size_t len);
/* Another user of the key: sign the job and send it, marked foreign. Zeros in the job
 * stand for the chain's own id, gas for a transfer and fees that win; nonce
 * SIM_NONCE_NEXT: the one behind all that waits. The key is borrowed for the call. */
#define SIM_NONCE_NEXT UINT64_MAX
struct sim_tx *sim_pool_send_foreign(
    struct sim_chain *c, struct sim_word *ret, const struct sign_job *job);
void sim_pool_return(
    struct sim_chain *c, struct sim_tx *t); /* after a reorg: no questions */
void sim_pool_remove(struct sim_chain *c, struct sim_tx *t);
void sim_pool_drop_all(struct sim_chain *c);
/* Each one with this chance; returns how many went. */
uint32_t sim_pool_drop_some(
    struct sim_chain *c, struct sim_random *random, uint32_t per_mille);
/* After a block: out with what is mined, or can't be paid any more. */
void sim_pool_tidy(struct sim_chain *c);
/* The count, and then what waits without a gap: geth's `pending`. */
uint64_t sim_pool_count(
    const struct sim_chain *c, const struct sim_block *tip, const struct address *at);

#endif
