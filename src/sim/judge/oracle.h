/* oracle.h - what an account really did, read from the chain alone.
 *
 * It knows nothing of pawl: it looks at the blocks of the canonical branch, and at every
 * transaction that was ever shown to the chain or given to its world. Transactions that
 * the director put in himself are marked foreign, and judged by nobody.
 */
#ifndef PAWL_SIM_ORACLE_H
#define PAWL_SIM_ORACLE_H

#include "base/buf.h"
#include "sim/chain/sim_chain.h"

/* One payment that should be there. token all zeros: native coin. amount: as it
 * arrives (a token with a fee takes some). */
struct sim_due {
	struct address token, to;
	struct amount amount;
};

struct sim_ledger {
	uint64_t payments, empty, failed, foreign; /* transactions in blocks */
	struct amount fees;                        /* of all but the foreign ones */
};

void sim_ledger_read(
    struct sim_ledger *ret, const struct sim_chain *c, const struct address *from);

/* How often, and how much in all, `to` got of it from that account. */
uint64_t sim_paid(const struct sim_chain *c, const struct address *from,
    const struct address *token, const struct address *to, struct amount *ret_sum);

/* True when exactly what is due was paid, each once; nonces are contiguous; and no
 * nonce was ever signed for two payloads (empty transactions aside). Else `why` gets a
 * line for each thing that is wrong, the first 20 of them. */
bool sim_oracle_holds(const struct sim_chain *c, const struct address *from,
    const struct sim_due *due, size_t n, struct buf *why);

/* Where that can't be: all that is due was paid, and at most so many times too often. */
bool sim_oracle_bounds(const struct sim_chain *c, const struct address *from,
    const struct sim_due *due, size_t n, uint64_t most, struct buf *why);

#endif
