/* execute.h - what a transaction does to the chain: gas, coin, tokens, logs. */
#ifndef PAWL_SIM_EXECUTE_H
#define PAWL_SIM_EXECUTE_H

#include "sim/chain/sim_chain.h"

/* What a call would do on top of `tip`, without doing it. */
struct sim_outcome {
	enum tx_status status;
	uint64_t gas;       /* used when the limit allows it */
	const char *reason; /* of a revert, NULL: none given */
	uint32_t log_n;
	struct sim_log log[SIM_LOGS_MAX];
};

void sim_try(const struct sim_chain *c, const struct sim_block *tip,
    struct sim_outcome *ret, const struct address *from, const struct address *to,
    const struct amount *value, const uint8_t *data, size_t len);

uint64_t sim_gas_intrinsic(const uint8_t *data, size_t len, bool creates);
struct amount sim_tx_cost(const struct sim_tx *t); /* gas at max_fee, plus value */

void sim_balance_put(struct sim_chain *c, const struct sim_block *b,
    const struct sim_token *token, struct sim_account *a, const struct amount *amount);

/* Is it next for its sender, payable, and does it fit into b (the head, being made)? */
bool sim_executable(
    const struct sim_chain *c, const struct sim_block *b, const struct sim_tx *t);
void sim_execute(struct sim_chain *c, struct sim_block *b, struct sim_tx *t);
/* What a block of this base fee gets of it. */
uint64_t sim_tip_at(const struct sim_tx *t, uint64_t base_fee);
/* All that is executable in the pool: per sender by nonce, the best tip first. It stays
 * there until the pool is tidy. p NULL: nothing. */
struct sim_pool;
void sim_execute_pool(struct sim_chain *c, struct sim_block *b, const struct sim_pool *p);

#endif
