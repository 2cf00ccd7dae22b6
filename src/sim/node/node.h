/* node.h - one node over a simulated chain: JSON-RPC bytes in, JSON-RPC bytes out.
 *
 * Several nodes may serve one chain, each with its own view and its own faults, all
 * set by writing its members at any time. All-zero faults: an honest node. They share
 * the chain's pool, unless one gets its own. A node lives in the chain's region, as long
 * as the chain.
 */
#ifndef PAWL_SIM_NODE_H
#define PAWL_SIM_NODE_H

#include "base/buf.h"
#include "sim/chain/mempool.h"
#include "sim/node/fault.h"

#define SIM_METHODS                        \
	M(web3_clientVersion)              \
	M(net_version)                     \
	M(eth_chainId)                     \
	M(eth_blockNumber)                 \
	M(eth_getBlockByNumber)            \
	M(eth_getBlockByHash)              \
	M(eth_getBlockReceipts)            \
	M(eth_getTransactionByHash)        \
	M(eth_getTransactionReceipt)       \
	M(eth_getTransactionCount)         \
	M(eth_getBalance)                  \
	M(eth_getCode)                     \
	M(eth_call)                        \
	M(eth_estimateGas)                 \
	M(eth_feeHistory)                  \
	M(eth_maxPriorityFeePerGas)        \
	M(eth_gasPrice)                    \
	M(eth_sendRawTransaction)          \
	M(txpool_contentFrom)              \
	M(eth_newPendingTransactionFilter) \
	M(eth_getFilterChanges)

enum sim_method {
#define M(name) SIM_##name,
	SIM_METHODS
#undef M
	    SIM_METHOD_COUNT
};

/* What it shows of a transaction by its hash: as it is, as one to the sender itself, with
 * another tip, or with another nonce: the one before, which its sender used. */
enum sim_reads {
	SIM_READS_TRUE,
	SIM_READS_TO_ITSELF,
	SIM_READS_OTHER_TIP,
	SIM_READS_OTHER_NONCE
};

/* Of what came to its pool. A node keeps the newest of them. */
#define SIM_FILTERS 8

struct sim_filter {
	uint64_t id, next; /* of the pool's news */
};

enum sim_receipts {
	SIM_RECEIPTS_TRUE,
	SIM_RECEIPTS_FLIPPED,
	SIM_RECEIPTS_NULL,
	SIM_RECEIPTS_EMPTY /* a list of none, as if nothing were in the block */
};

struct sim_node {
	struct sim_chain *chain;
	struct sim_node *next;
	struct sim_pool *pool;

	/* what it sees */
	uint64_t lag;              /* blocks behind its head */
	int64_t head_ms;           /* it hears so much later of the chain's head, */
	int64_t head_from_ms;      /* but has not forgotten what it knew then */
	struct sim_branch *branch; /* whose head is its own; NULL: the chain's */
	struct sim_block *fork;    /* its head, which stays; NULL: as above */
	bool keeps_orphans; /* blocks off its branch are shown by hash, as geth does */

	/* what it says it is */
	uint64_t chain_id; /* 0: the truth */
	bool other_genesis;
	bool own_finality; /* `finality` holds instead of the chain's */
	struct sim_finality finality;
	uint64_t tip; /* that it advises; 0: 1,000,000,000 */

	/* what it lies about, or has not */
	enum sim_receipts receipts;
	enum sim_reads reads;
	uint64_t receipts_lag;   /* none yet in the newest n blocks; counts are there */
	uint64_t receipts_depth; /* none any more under n blocks; 0: all */
	uint64_t state_depth;    /* state of n blocks; 0: all */
	bool state_denied;       /* and it says of others that there is no such block */
	bool state_after; /* a block's state is that of the one after, if there is one */
	uint64_t batch_max; /* calls; 0: 1,000 */
	bool no_block_receipts, no_hash_param, shuffles;
	uint32_t wrong_decimals; /* so many answers more say 1 less */
	uint64_t counts;         /* transactions of everybody; 0: the truth */
	uint64_t counts_more;    /* that nobody made, on top of it */
	bool boasts;             /* balances are a thousand times as large */
	bool estimates_revert;
	uint64_t estimate;       /* of whatever is estimated; 0: the truth */
	uint64_t base_fee;       /* in its headers; 0: the truth */
	bool hides_code;         /* nobody has any */
	uint64_t invents;        /* heads that lead nowhere: so many by now; 0: none */
	bool hides_transactions; /* it knows none by its hash */
	bool hides_pool;         /* what waits there is nobody's business */
	bool no_filters;         /* nor is what comes */
	bool loses_filters;      /* it knows none that it made, */
	bool hides_news;         /* or says that nothing came */

	bool down; /* connections are refused, other nodes' too */
	bool cut;  /* it hears and tells nothing of other nodes' transactions */

	/* transactions: refused with this text, or accepted and forgotten; after what
	 * time a pool of its own hears what others took; is what a reorg undid lost? */
	char refuses[120];
	bool forgets;
	int64_t gossip_ms, gossip_more_ms;
	bool loses_undone;

	/* on the way to it and back: the chance of each fault, besides the world's */
	uint32_t per_mille[SIM_FAULT_COUNT];
	/* behind the same URL: then half of all requests are answered by this one */
	struct sim_node *twin;
	bool twin_answers;
	bool pretends; /* sends are answered as accepted, and not done: of one request */

	struct sim_filter filter[SIM_FILTERS]; /* the newest; id 0: none */

	/* figures */
	uint64_t requests, calls[SIM_METHOD_COUNT];
};

struct sim_node *sim_node_new(struct sim_chain *c);
/* From now on it has a pool of its own, empty, with the bounds of the shared one. */
void sim_node_own_pool(struct sim_node *n);
/* Another one with the same pool; it serves no URL of its own. */
struct sim_node *sim_node_twin(struct sim_node *n);
/* What arrives there as a send; ret_hash is set when it is accepted. */
void sim_node_send(struct sim_node *n, struct sim_word *ret, struct hash *ret_hash,
    const uint8_t *raw, size_t len);

/* The block that it calls latest. */
struct sim_block *sim_node_head(const struct sim_node *n);

/* Appends the answer to one HTTP body (HTTP 200). effect: sends enter the mempool. */
void sim_node_answer(struct sim_node *n, struct buf *out, const char *body, size_t len);

const char *sim_method_name(enum sim_method m);

#endif
