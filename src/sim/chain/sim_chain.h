/* sim_chain.h - a simulated EVM chain that outlives whoever uses it.
 *
 * All of it lives in one region of memory that the caller hands in: blocks, accounts,
 * pools, every transaction ever shown to it. With a region that is mapped shared
 * before a fork, the chain goes on when the process that paid through it is killed.
 * Memory is only taken, never given back; a region that is full is a CHECK. Each call
 * is atomic: nobody dies inside it.
 *
 * State is kept by block, so that any block of any branch can be asked. Times are
 * virtual milliseconds. The user mines, pays and reorganizes by the calls below; the
 * program under test only meets the nodes (node.h).
 */
#ifndef PAWL_SIM_CHAIN_H
#define PAWL_SIM_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/amount.h"
#include "chain/chain.h"
#include "sim/chain/table.h"

#define SIM_REGION_MIN (4u << 20)
#define SIM_LOGS_MAX 2

/* Which block the `finalized` tag names. */
enum sim_finality_rule {
	SIM_FINAL_DEPTH,  /* n blocks below the head */
	SIM_FINAL_STUCK,  /* height n, whatever the head does */
	SIM_FINAL_LATEST, /* the head itself, as Hardhat says */
	SIM_FINAL_NULL    /* none: the answer is null */
};

struct sim_finality {
	enum sim_finality_rule rule;
	uint64_t n;
};

/* All-zero is valid: each 0 stands for the default behind it. */
struct sim_options {
	uint64_t chain_id;    /* 31,337 */
	uint64_t salt;        /* another salt, another genesis */
	uint64_t gas_limit;   /* of a block; 30,000,000 */
	uint64_t base_fee;    /* of the genesis block; 1,000,000,000 */
	uint64_t tip_min;     /* that the pool takes; 1 */
	bool is_free;         /* no fees: all of these are 0 */
	bool lean;            /* answers leave out what pawl does not read */
	uint32_t heights_max; /* 65,536 */
	uint32_t pool_max;    /* transactions; 20,000 */
	int64_t interval_ms;  /* a block each; 0: only when told */
	int64_t genesis_s;    /* Unix time of the genesis block; 1,700,000,000 */
	struct sim_finality finality;
};

enum sim_code {
	SIM_CODE_NONE,
	SIM_CODE_WALLET,    /* a contract that takes coin, for extra_gas over 21,000 */
	SIM_CODE_DELEGATED, /* an EIP-7702 delegation; costs as a wallet */
	SIM_CODE_REVERTS,   /* reverts whatever it gets */
	SIM_CODE_TOKEN
};

enum sim_token_kind {
	SIM_TOKEN_PLAIN,
	SIM_TOKEN_NO_RETURN, /* moves, and returns nothing */
	SIM_TOKEN_FEE,       /* the recipient gets fee_per_mille less */
	SIM_TOKEN_FALSE,     /* returns false: status 1, no log, nothing moved */
	SIM_TOKEN_FRONT      /* what it moves is another token, in that one's log */
};

struct sim_token {
	struct sim_token *next;
	struct address at;
	enum sim_token_kind kind;
	uint8_t decimals;
	char symbol[16];
	uint32_t fee_per_mille;
	const struct sim_token *behind; /* of a front */
	bool paused;                    /* transfers revert while it is set */
	bool refuses;                   /* transfers to `refused` revert */
	struct address refused;
	const char *says; /* of that; NULL: "recipient refused" */
};

struct sim_block;
struct sim_line;

struct sim_version { /* a value, from this block on */
	struct sim_version *older;
	const struct sim_block *block;
	uint64_t count;
	struct amount amount;
};

struct sim_holding {
	struct sim_holding *next;
	const struct sim_token *token;
	struct sim_version *newest;
};

struct sim_account {
	struct sim_link link;
	struct address at;
	enum sim_code code;
	uint64_t extra_gas;
	struct sim_version *newest; /* count and native coin */
	struct sim_holding *holdings;
	struct sim_line *lines; /* what it has in pools */
};

struct sim_tx {
	struct sim_link link;
	struct sim_tx *next_all; /* newest first */
	struct hash hash;
	struct sim_account *from;
	struct sim_account *to; /* NULL: creates a contract */
	enum fee_type type;
	uint64_t chain_id, nonce, gas, max_fee, tip; /* legacy: tip = max_fee = price */
	struct amount value;
	uint8_t *data;
	uint32_t data_len;
	uint8_t *raw;
	uint32_t raw_len;
	bool foreign;    /* not by the program under test */
	uint32_t pooled; /* pools that hold it */
	struct sim_inclusion *newest;
};

struct sim_log {
	const struct sim_token *token;
	struct address to;
	struct amount amount;
};

/* A transaction in a block; the same one may be in several branches. */
struct sim_inclusion {
	struct sim_inclusion *older; /* of the transaction */
	struct sim_inclusion *next;  /* of the block */
	struct sim_tx *tx;
	struct sim_block *block;
	uint32_t index, first_log, log_n;
	enum tx_status status;
	uint64_t gas_used, gas_used_before, gas_price;
	struct sim_log log[SIM_LOGS_MAX];
};

struct sim_credit { /* coin from nowhere, in the block that took it */
	struct sim_credit *next;
	struct sim_account *account;
	const struct sim_token *token;
	struct amount amount;
};

struct sim_block {
	struct sim_link link;
	struct sim_block *parent;
	struct hash hash;
	uint64_t height, base_fee, gas_used, gas_limit, time_s, branch;
	struct sim_inclusion *first, *last;
	uint32_t tx_n, log_n;
	struct sim_credit *credits;
};

struct sim_move { /* what the chain's head was from a time on */
	struct sim_move *older;
	int64_t at_ms;
	struct sim_block *head;
};

/* A branch beside the chain, for nodes that are on a fork of their own (node.h). */
struct sim_branch {
	struct sim_branch *next;
	struct sim_block *head;
	const struct sim_pool *pool; /* its blocks take from it; NULL: they are empty */
	bool grows;                  /* with the chain, by the interval */
	uint64_t salt;
};

struct sim_wire; /* sends under way, see world_wire.c */
struct sim_node;
struct sim_pool;
struct sim_wait;
struct sim_heard;

struct sim_chain {
	uint8_t *at, *end; /* what is left of the region */
	struct sim_options options;
	struct sim_block **trail; /* by height, up to head */
	struct sim_block *head, *genesis;
	struct sim_move *moves; /* of the head, the last one first */
	struct sim_branch *branches;
	uint64_t branch;        /* salt of the blocks mined now */
	uint64_t sides;         /* branches made beside it */
	uint64_t base_fee_next; /* set by hand for the next block; 0: by rule */
	int64_t now_ms, mine_at_ms;
	struct sim_table accounts, txs, blocks;
	struct sim_table known; /* senders, by the hash of their bytes */
	struct sim_table raws;  /* transactions, by their bytes */
	struct sim_tx *all;
	struct sim_node *nodes;
	struct sim_token *tokens;
	struct sim_credit *credits; /* for the next block */
	struct sim_pool *pools;     /* the first is the shared one */
	struct sim_pool *miner;     /* blocks take from it; NULL: from each in its turn */
	uint32_t pooled;            /* places taken in all of them */
	struct sim_wait *waits_free;
	struct sim_heard *heard_free;
	struct sim_wire *wire, *wire_free;
	uint64_t lives;   /* worlds opened on it */
	uint64_t filters; /* that its nodes ever made */
};

/* region is aligned for any type. */
struct sim_chain *sim_chain_init(
    void *region, size_t size, const struct sim_options *options);
void *sim_chain_take(struct sim_chain *c, size_t size); /* zeroed; of the region */
const char *sim_chain_text(struct sim_chain *c, const char *text); /* a copy there */

/* -- what it holds --------------------------------------------------------- */

struct sim_account *sim_account_get(struct sim_chain *c, const struct address *at);
/* NULL when nobody has touched it. */
const struct sim_account *sim_account_find(
    const struct sim_chain *c, const struct address *at);
void sim_account_code(struct sim_chain *c, const struct address *at, enum sim_code code,
    uint64_t extra_gas);
/* From the next block on; while there is only the genesis block, in that one. token
 * NULL: native coin. */
void sim_fund(struct sim_chain *c, const struct address *at,
    const struct sim_token *token, const struct amount *amount);
struct sim_token *sim_token_add(struct sim_chain *c, const struct address *at,
    enum sim_token_kind kind, uint8_t decimals, const char *symbol);
const struct sim_token *sim_token_find(
    const struct sim_chain *c, const struct address *at);

/* As of the block tip, which may be on any branch. */
uint64_t sim_count(
    const struct sim_chain *c, const struct sim_block *tip, const struct address *at);
struct amount sim_balance(const struct sim_chain *c, const struct sim_block *tip,
    const struct sim_token *token, const struct address *at);
bool sim_on_path(const struct sim_chain *c, const struct sim_block *tip,
    const struct sim_block *b); /* is b the block tip, or under it */
struct sim_block *sim_block_at(
    const struct sim_chain *c, struct sim_block *tip, uint64_t height);
struct sim_block *sim_block_find(const struct sim_chain *c, const struct hash *hash);
struct sim_tx *sim_tx_find(const struct sim_chain *c, const struct hash *hash);
/* Where tip's branch has it; NULL: nowhere. */
const struct sim_inclusion *sim_inclusion_find(
    const struct sim_chain *c, const struct sim_block *tip, const struct sim_tx *t);
uint64_t sim_base_fee_next(const struct sim_chain *c, const struct sim_block *tip);

/* Who signed the bytes with this hash is told, and need not be recovered from them. */
void sim_sender_known(
    struct sim_chain *c, const struct hash *hash, const struct address *from);

/* -- what happens to it ---------------------------------------------------- */

struct sim_bytes {
	const uint8_t *at;
	size_t len;
};

/* Which transactions a new block takes. All-zero: what the pool has. */
struct sim_content {
	const struct sim_bytes *first; /* these before all else, marked foreign */
	size_t first_n;
	bool empty; /* nothing from the pool */
};

/* NULL: the pool's. Returns the new head. */
struct sim_block *sim_mine(struct sim_chain *c, const struct sim_content *content);
/* A block each interval_ms from now on; 0: none until told. What was missed in a pause
 * is not caught up. */
void sim_mining(struct sim_chain *c, int64_t interval_ms);
/* Mine what the interval asks for up to c->now_ms. */
void sim_mine_due(struct sim_chain *c);

struct sim_reorg {
	uint64_t depth;  /* blocks undone */
	uint64_t blocks; /* of the new branch; 0: depth + 1 */
	bool give_back;  /* what was in the undone blocks returns to the pool */
	struct sim_content content; /* of the first new block; `empty` holds for all */
};

void sim_reorg(struct sim_chain *c, const struct sim_reorg *r);

/* A side branch of n empty blocks above the head's ancestor `depth` below: for nodes
 * on a fork. The chain itself does not move. */
struct sim_block *sim_side_branch(struct sim_chain *c, uint64_t depth, uint64_t n);
/* The same as a branch that can be mined on, by hand or with the chain. */
struct sim_branch *sim_branch_new(struct sim_chain *c, uint64_t depth, uint64_t n);
struct sim_block *sim_branch_mine(struct sim_chain *c, struct sim_branch *branch);
/* The chain goes over to the branch that ends in tip, longer or not. What only the
 * undone blocks have returns to the pools, or is lost. */
void sim_adopt(struct sim_chain *c, struct sim_block *tip, bool give_back);

/* -- used by the simulator's own parts ------------------------------------- */

/* A new block above parent, wherever that is; it is nobody's head yet. */
struct sim_block *sim_block_make(struct sim_chain *c, struct sim_block *parent,
    const struct sim_content *content, const struct sim_pool *pool,
    struct sim_credit *credits);
void sim_head_put(struct sim_chain *c, struct sim_block *b); /* above the trail's */
struct sim_block *sim_head_at(const struct sim_chain *c, int64_t at_ms);
void sim_branches_grow(struct sim_chain *c);
/* Decode, recover the sender, keep. NULL: not a transaction, f says why. */
struct sim_tx *sim_tx_add(
    struct sim_chain *c, const uint8_t *raw, size_t len, struct fail *f);
/* Of accounts at hand, without looking them up. */
uint64_t sim_count_of(
    const struct sim_chain *c, const struct sim_block *tip, const struct sim_account *a);
struct amount sim_balance_of(const struct sim_chain *c, const struct sim_block *tip,
    const struct sim_token *token, const struct sim_account *a);
void sim_version_put(struct sim_chain *c, struct sim_version **newest,
    const struct sim_block *b, uint64_t count, const struct amount *amount);

#endif
