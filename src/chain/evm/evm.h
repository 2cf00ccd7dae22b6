/* evm.h - the parts of the EVM connector, one file each; connector.c makes a table of
 * them. What each does is said in chain/chain.h.
 */
#ifndef PAWL_CHAIN_EVM_EVM_H
#define PAWL_CHAIN_EVM_EVM_H

#include "chain/chain.h"
#include "chain/evm/outcome.h"
#include "chain/rpc.h"

/* fees.c */
void evm_fees_first(struct fees *ret, const struct fee_market *m, uint64_t gas,
    enum fee_type type, uint64_t max_fee_cap, uint64_t tip_cap, const uint8_t tag[5]);
bool evm_fees_bump(struct fees *ret, const struct fees *old, const struct fee_market *m,
    uint64_t max_fee_cap, uint64_t tip_cap, const uint8_t tag[5]);
bool evm_fees_tagged(const struct fees *fees, const uint8_t tag[5]);
uint64_t evm_fees_over(const struct fees *now, uint64_t max_fee_cap);
uint64_t evm_fees_reserve(const struct fees *now, uint64_t max_fee_cap);

/* node.c: who the node is, fees, accounts, tokens */
void evm_identity(struct buf *body);
enum err evm_identity_read(
    struct identity *ret, const char *answer, size_t len, struct fail *f);
void evm_client(struct buf *body);
enum err evm_client_read(
    char ret[CLIENT_MAX], const char *answer, size_t len, struct fail *f);
void evm_market(struct buf *body, const struct head *head);
enum err evm_market_read(struct fee_market *ret, const struct head *head,
    const char *answer, size_t len, struct fail *f);
void evm_token(
    struct buf *body, const struct address *token, const struct address *holder);
enum err evm_token_read(
    struct token_facts *ret, const char *answer, size_t len, struct fail *f);
void evm_account(struct buf *body, const struct address *who);
enum err evm_account_read(uint64_t *ret_count, struct amount *ret_balance,
    const char *answer, size_t len, struct fail *f);
void evm_counts_at(
    struct buf *body, const struct address *account, const uint64_t *heights, uint32_t n);
enum err evm_counts_read(uint64_t *ret, bool *ret_known, uint32_t n, const char *answer,
    size_t len, struct fail *f);
void evm_pool(struct buf *body, const struct address *account);
enum err evm_pool_read(
    enum pool_shows *ret, const char *answer, size_t len, struct fail *f);

/* pending.c: what comes to a node's pool */
void evm_look(struct buf *body, const struct pending_filter *filter,
    const struct hash *hashes, uint32_t n);
enum err evm_look_read(struct whole_tx *ret, struct pending *ret_news,
    const struct pending_filter *filter, uint32_t n, const char *answer, size_t len,
    struct fail *f);

/* head.c */
void evm_poll(struct buf *body);
enum err evm_poll_read(struct head *ret, const char *answer, size_t len, struct fail *f);
void evm_finalized(struct buf *body);
void evm_header(struct buf *body, const struct hash *hash);
void evm_headers_at(struct buf *body, const uint64_t *heights, uint32_t n);
enum err evm_headers_read(struct head *ret, bool *ret_known, uint32_t n,
    const char *answer, size_t len, struct fail *f);
bool evm_head_parse(struct head *ret, const json_t *block);

/* block.c */
void evm_block(struct buf *body, const struct block_question *q);
enum err evm_block_read(struct block_facts *ret, struct node_word *ret_word,
    const struct block_question *q, const char *answer, size_t len, struct fail *f);

/* every.c: all transactions of a block, until its list and its receipts are one. */
struct evm_listed {
	struct passing_tx tx;
	uint32_t index; /* in the block */
};

struct evm_every {
	struct evm_listed *of;
	uint32_t n;
};

void evm_every_add(struct evm_every *every, const struct evm_listed *one);
void evm_every_release(struct evm_every *every);
/* Nonces from the list, states from the receipts. false: they are not of the same
 * transactions, or one is there twice. */
bool evm_every_match(struct block_facts *b, const struct evm_every *block,
    const struct evm_every *receipts);
/* Of the list alone: the receipts are still to come. false: one is there twice. */
bool evm_every_put(struct block_facts *b, const struct evm_every *block);

/* block_tx.c: what is asked for of a block's list, its receipts or its transactions, in
 * the block's order. */
struct evm_list {
	const struct block_question *q;
	struct block_facts *b;
	bool receipts;          /* it is one of receipts */
	bool ours;              /* ours are added to b->tx */
	struct evm_every every; /* if they are asked for */
	struct hash hash;       /* of the block: asked for, or that of the first entry */
	uint32_t n;
	int64_t last_index;
	const char *stands; /* for it in the text, when it is read already */
};

void evm_list_init(struct evm_list *l, struct block_facts *b,
    const struct block_question *q, bool receipts);
/* false: malformed, or of another block. */
bool evm_list_parse(struct evm_list *l, const json_t *list);
/* The same of one that is text still: evm_walk. */
char *evm_list_walk(struct evm_list *l, char *list);
void evm_block_receipts(
    struct buf *body, const struct block_question *q, const struct block_facts *facts);
enum err evm_block_receipts_read(struct block_facts *facts,
    const struct block_question *q, const char *answer, size_t len, struct fail *f);

/* One entry of a block's list, a transaction or its receipt, as text that is borrowed;
 * NULL: it has no such member. */
struct entry_text {
	const char *hash, *block_hash, *index, *from, *height;
	const char *nonce;                         /* of a transaction */
	const char *status, *gas_used, *gas_price; /* of a receipt, */
	bool has_logs;                             /* a list of logs, which is */
	const json_t *logs;                        /* this one, */
	const char *logs_text;                     /* or text still; NULL: not so */
	size_t logs_len;
};

struct entry_text evm_entry(const json_t *entry, const char *hash_key);
bool evm_status_of(enum tx_status *ret, const struct entry_text *receipt);
/* status, gasUsed and effectiveGasPrice of a receipt that has its logs. */
bool evm_outcome_of(enum tx_status *ret_status, uint64_t *ret_gas_used,
    uint64_t *ret_gas_price, const struct entry_text *receipt);

/* walk.c */
typedef bool entry_fn(void *ctx, const struct entry_text *e);
/* Calls each for each entry of the list of transactions or receipts that begins here,
 * until it says no; hash_key: what their hash is called. Returns where the list ends;
 * NULL: it is not plain, or was refused. The text, which has a NUL behind it, is written
 * over. */
char *evm_walk(char *list, const char *hash_key, entry_fn *each, void *ctx);

/* whole.c: transactions and receipts by their hash */
void evm_by_hash(
    struct rpc_batch *b, const char *method, const struct hash *hashes, uint32_t n);
enum err evm_transaction_reply(
    struct whole_tx *ret, const struct rpc_reply *reply, struct fail *f);
void evm_transactions(struct buf *body, const struct hash *hashes, uint32_t n);
enum err evm_transactions_read(
    struct whole_tx *ret, uint32_t n, const char *answer, size_t len, struct fail *f);
void evm_receipts(struct buf *body, const struct hash *hashes, uint32_t n);
enum err evm_receipts_read(struct receipt *ret, const struct payment *wants, uint32_t n,
    const char *answer, size_t len, struct fail *f);
/* A log of a receipt. What is not well formed could have been the transfer that is
 * looked for: then the receipt says nothing. */
enum evm_log { EVM_LOG_MALFORMED, EVM_LOG_OTHER, EVM_LOG_TRANSFER };

/* A transfer is one away from `from`. */
enum evm_log evm_log_parse(
    struct transfer *ret, const json_t *entry, const struct address *from);

/* quote.c: what blocks cost, for people */
void evm_quote(struct buf *body, const struct head *head);
enum err evm_quote_read(struct fee_said *ret, const struct head *head, const char *answer,
    size_t len, struct fail *f);
void evm_spans(struct buf *body, const uint64_t *newest, uint32_t n, uint32_t blocks);
enum err evm_spans_read(
    struct fee_span *ret, uint32_t n, const char *answer, size_t len, struct fail *f);
void evm_times(struct buf *body, const uint64_t *heights, uint32_t n);
enum err evm_times_read(uint64_t *ret_s, bool *ret_known, uint32_t n, const char *answer,
    size_t len, struct fail *f);

/* send.c: what leads to a transaction */
void evm_estimate(
    struct buf *body, const struct address *from, const struct payload *p, uint32_t n);
enum err evm_estimate_read(uint64_t *ret_gas, struct node_word *ret_word, uint32_t n,
    const char *answer, size_t len, struct fail *f);
void evm_try(struct buf *body, const struct address *from, const struct payload *p,
    uint64_t height);
enum err evm_try_read(
    struct node_word *ret, const char *answer, size_t len, struct fail *f);
void evm_code(struct buf *body, const struct address *who, uint32_t n);
enum err evm_code_read(
    uint8_t *ret, uint32_t n, const char *answer, size_t len, struct fail *f);
void evm_send(struct buf *body, const struct signed_bytes *const *raw, uint32_t n);
void evm_send_read(struct node_word *ret, uint32_t n, const char *answer, size_t len);

#endif
