/* chain.h - the connector contract: what Pawl must know of a kind of chain.
 *
 * A connector is a const table of pure functions. It writes requests and reads
 * answers; it never does I/O, keeps no state, and may run on a worker. What leaves,
 * when, and to which node is decided above (engine/) and carried below (pool.h).
 * Each pair `x` / `x_read` is one HTTP request and its answer. The effect of every
 * request is none, except `send`, which is idempotent: the same bytes again are OK.
 *
 * An answer is outside input: bounded, checked, and believed only as far as its own
 * hashes go. ERR_BAD_ANSWER (class UNKNOWN) is the reply to anything not understood.
 *
 * Units: fees in wei per gas (u64: caps keep them far below), gas in units, amounts
 * in base units (struct amount).
 */
#ifndef PAWL_CHAIN_CHAIN_H
#define PAWL_CHAIN_CHAIN_H

#include "base/amount.h"
#include "base/buf.h"
#include "crypto/secret.h"

#define CHAIN_BATCH_MAX 1000
#define CHAIN_CODE_MAX 2000 /* addresses that fit the 48 KiB of an init code */
#define PAYLOAD_DATA_MAX 68
#define NODE_TEXT_MAX 200

struct address {
	uint8_t at[20];
};

struct hash {
	uint8_t at[32];
};

static inline bool hash_same(const struct hash *a, const struct hash *b)
{
	return !__builtin_memcmp(a->at, b->at, sizeof a->at);
}

static inline bool address_same(const struct address *a, const struct address *b)
{
	return !__builtin_memcmp(a->at, b->at, sizeof a->at);
}

/* -- what is signed -------------------------------------------------------- */

/* What the recipient sees. A fee bump never changes it (G3). */
struct payload {
	struct address to;
	struct amount value;
	uint32_t data_len;
	uint8_t data[PAYLOAD_DATA_MAX]; /* none of native coin, else an ERC-20 transfer */
};

enum fee_type { FEE_LEGACY = 0, FEE_1559 = 2 };

/* The tag in the low bits of fees and gas adds less than this to either. */
#define TAG_FEE_MAX (1u << 24)
#define TAG_GAS_MAX (1u << 12)

struct fees {
	enum fee_type type;
	uint64_t gas;     /* limit */
	uint64_t max_fee; /* legacy: the gas price */
	uint64_t tip;     /* legacy: 0 */
};

struct sign_job {
	uint64_t chain_id, nonce;
	struct payload payload;
	struct fees fees;
	const struct secret *key; /* borrowed; outlives the job */
};

#define RAW_MAX 320

struct signed_bytes {
	struct hash hash;
	uint32_t raw_len;
	uint8_t raw[RAW_MAX];
};

/* -- what a chain shows ---------------------------------------------------- */

struct head {
	uint64_t height;
	struct hash hash, parent;
	bool used; /* its header says that gas was used in it */
	bool has_base_fee;
	uint64_t base_fee;      /* of this block; 0 where the chain has none */
	uint64_t next_base_fee; /* by the rule of EIP-1559 from this block */
};

/* A movement of a token away from a watched account, in a transaction of its. */
struct transfer {
	struct address token, to;
	struct amount amount;
	uint32_t log_index;
};

enum tx_status { TX_REVERTED = 0, TX_OK = 1 };

/* One transaction sent by a watched account, as a block holds it. */
struct seen_tx {
	struct hash hash;
	uint32_t account; /* index into the question's accounts */
	uint32_t index;   /* in the block */
	enum tx_status status;
	uint64_t gas_used, gas_price;    /* effective */
	uint32_t transfer_at, transfers; /* a run of block_facts.transfers */
};

/* One transaction of a block, by whomever, for who follows some by their hash, or by
 * sender and nonce. What nobody signed is none (`every`). */
struct passing_tx {
	struct hash hash;
	struct address from;
	uint64_t nonce;
	enum tx_status status;
};

struct seen_account {
	uint64_t count; /* transactions at this block: the next nonce */
	struct amount balance;
	struct amount token_balance; /* of the token asked for */
	bool has_count, has_balance,
	    has_token_balance; /* a node without old state has none */
};

struct watched {
	struct address account;
	bool balance;
	bool token_balance;
	struct address token;
	bool has_count; /* its count when it was last looked at: what a long absence */
	uint64_t count; /* is compared with (the follower's; no question asks for it) */
	bool exact;     /* and it is that at the final block */
};

/* How a node gives the transactions of a block: one request where it has
 * eth_getBlockReceipts, else the block whole and then the receipts of our hits. */
enum block_way { BLOCK_RECEIPTS, BLOCK_WHOLE };
/* Of an account in a node's pool. Hidden: it does not show what waits behind a gap. */
enum pool_shows { POOL_NOTHING, POOL_SOMETHING, POOL_HIDDEN };

struct block_question {
	struct hash hash;
	uint64_t height;
	enum block_way way;
	bool by_number; /* the node refuses a hash as parameter: ask by number, and for
			   the block's hash before and after, in the same batch */
	bool finalized; /* ask for the finalized tag as well */
	bool bare;      /* ask for no state: it is too old for most nodes */
	bool used;      /* a header says that there is a transaction in it */
	uint32_t batch; /* receipts in a request; 0: all */
	bool at_height; /* bare, and whichever is there: its hash comes with the facts,
			   and is to be set before the second half */
	/* All of its transactions are asked for: who follows hashes looks for them. Then
	 * it is the block's list and the receipts, in one request where the node has
	 * eth_getBlockReceipts, else the list and then the receipts of all. Both must
	 * name the same ones, in the same places, or it is no answer. A receipt without a
	 * status, as before EIP-658, is none either: what became of it is unknown. */
	bool every;
	const struct watched *watched;
	uint32_t watched_n;
};

struct block_facts {
	struct head head;
	struct seen_tx *tx;
	uint32_t tx_n;
	struct transfer *transfers;
	uint32_t transfers_n;
	struct seen_account *accounts; /* watched_n of them */
	uint32_t accounts_n;
	/* All transactions of the block in its order, if they were asked for; but none
	 * from the zero address, which has no key. Such are a chain's own (the state
	 * syncs of Polygon), and one node has them in the list of a block, another only
	 * among its receipts, a third in neither: nodes could not agree on them. */
	struct passing_tx *every;
	uint32_t every_n;
	bool has_every;
	bool has_finalized;
	uint64_t finalized_height;
	/* Receipts are still to be read, from this one on: of every[] if that was asked
	 * for, else of tx[]. The node gives none of a whole block: BLOCK_WHOLE, or, where
	 * `every` was asked for by BLOCK_RECEIPTS, NOTE_NO_METHOD says so. */
	bool incomplete;
	uint32_t receipts_n;
	struct hash
	    digest; /* over height, hash, counts, balances and all of tx,
		       transfers and every: what a quorum compares. Zero until whole */
};

void block_facts_release(struct block_facts *b);
void block_facts_digest(struct block_facts *b); /* sets it: the facts are whole */

/* A transaction read whole, by its hash: what consumed a nonce. */
struct whole_tx {
	struct hash hash;
	bool known; /* false: the node does not know it (never part of a proof) */
	struct address from;
	bool creates;           /* no `to` */
	struct payload payload; /* data beyond its room: data_len tells, content cut */
	struct fees fees;
	uint64_t nonce;
	bool included;
	struct hash block_hash;
	uint64_t height;
};

struct receipt {
	struct hash hash;
	bool known;
	struct hash block_hash;
	uint64_t height;
	uint32_t index;
	struct address from;
	enum tx_status status;
	uint64_t gas_used, gas_price;
	struct transfer transfer; /* the first one from `from`, if any */
	uint32_t transfers;
	/* Of a payment in a token that was asked for: what moved from `from` to its
	 * recipient, in all. */
	bool arrived;
	struct amount amount;
};

struct fee_market {
	uint64_t next_base_fee,
	    tip; /* tip: the larger of the median reward and the node's own word */
	bool has_1559;
};

/* What blocks cost now, as one node says it: of its newest block, and of those before.
 * Each figure is at most FEE_SAID_MAX: who says more says nothing. */
#define FEE_SAID_MAX UINT64_C(1000000000000000000) /* a coin for a unit of gas */
enum { QUOTE_SLOW, QUOTE_NORMAL, QUOTE_FAST, QUOTES };

struct fee_said {
	uint64_t height;
	uint64_t time_s; /* of the newest block, by its own word: Unix */
	bool has_1559;
	uint64_t next_base_fee;
	uint64_t tip[QUOTES]; /* never falling; without a base fee the price alone */
	uint32_t blocks; /* whose transactions it goes by; 0: the node's word alone */
};

/* The base fees of some blocks in a row, the newest of which is asked for. */
struct fee_span {
	bool known; /* the node has them */
	uint64_t low, mean, high;
};

struct identity {
	uint64_t chain_id;
	struct hash genesis;
};

#define CLIENT_MAX 64

struct token_facts {
	uint8_t decimals;
	char symbol[32];
	struct amount balance; /* of the account asked for */
	bool has_code;
};

/* What a node said about one request of a batch. err is a policy (err.def):
 *   OK            done, or known already: look for it on the chain
 *   NODE_REFUSED  REJECT: one node's word about one attempt (G4)
 *   others        RETRY or UNKNOWN
 * note says what to look at next; no state moves on it. */
enum node_note {
	NOTE_NONE,
	NOTE_ACCEPTED,
	NOTE_KNOWN,       /* the pool has it already */
	NOTE_NONCE_LOW,   /* the count may be above: maybe mined, look */
	NOTE_NONCE_GAP,   /* lower nonces are missing in this pool */
	NOTE_UNDERPRICED, /* below the node's floor or the next base fee */
	NOTE_REPLACEMENT, /* other bytes hold this nonce there: bump */
	NOTE_FUNDS,       /* not enough balance now */
	NOTE_FEE_CAP,     /* over the node's own fee cap */
	NOTE_GAS,         /* gas limit too low, or over the block's */
	NOTE_POOL_FULL,
	NOTE_DELEGATED,     /* limits for senders with EIP-7702 code */
	NOTE_REVERTED,      /* a call or estimate that reverts */
	NOTE_NO_METHOD,     /* the node does not have the method */
	NOTE_NO_STATE,      /* pruned: it has not the state of that block */
	NOTE_NO_HASH_PARAM, /* it refuses a block hash as parameter */
	NOTE_INDEXING,      /* its transaction index is not there yet */
	NOTE_CHAIN_ID,      /* bytes for another chain id */
	NOTE_FILTER_LOST,   /* it does not have that filter (any more): make another */
	NOTE_OTHER
};

struct node_word {
	enum err err;
	enum node_note note;
	char text[NODE_TEXT_MAX]; /* what it said, printable */
};

/* A node's list of what its pool took since it was asked last. It forgets the list when
 * it is not asked for some minutes (geth: 5), and another server behind its address never
 * heard of it. So it is a hint about when to look, and its silence says nothing. */
#define FILTER_MAX 68
#define PENDING_MAX 100000

struct pending_filter {
	char id[FILTER_MAX]; /* "0x" and digits of hex; "": there is none yet */
};

struct pending {
	/* Else nothing is known, and word.note may say why: NOTE_NO_METHOD,
	 * NOTE_FILTER_LOST. More than PENDING_MAX at once: BAD_ANSWER. */
	enum err err;
	struct node_word word;
	struct pending_filter filter; /* to be asked from now on */
	struct hash *hash;            /* what is new; mem_free() it */
	uint32_t n;
};

/* What a payload is, in the terms of a payment. */
struct payment {
	bool token; /* false: the native coin */
	struct address asset, to;
	struct amount amount;
};

/* A chain that people know by a name: what stands for its id. */
struct chain_name {
	const char *name;
	uint64_t chain_id;
};

struct connector {
	const char *name;  /* the journal has it, too: never changed */
	unsigned decimals; /* of the native coin, in which fees and caps are told */
	/* The chains of its kind, where these have names and no ids of their own: the
	 * last has none. NULL: they have ids. */
	const struct chain_name *names;
	/* Whether accounts of its can pay (chain_pays), and whether transactions can be
	 * looked up by their hash (chain_tracks). Where not, nobody calls what it takes,
	 * and it is NULL: all from `pay` to `fees_reserve` and from `counts_at` on but
	 * `client`; and with transactions also their receipts and the pool's filter. What
	 * blocks hold is followed all the same. */
	bool pays, tracks;
	/* The gas of a payment of the native coin to who has no code, of which an empty
	 * attempt is one; and what a token's is taken for until one can be estimated. */
	uint64_t gas_coin, gas_token;

	/* A payment as a payload, and back (false: the payload is no payment, as
	 * empty). */
	void (*pay)(struct payload *ret, const struct payment *p);
	bool (*payment)(struct payment *ret, const struct payload *p);
	/* What the recipient got by the chain's own word: false when nothing of it is
	 * seen. */
	bool (*paid)(struct amount *ret, const struct payload *p,
	    const struct block_facts *b, const struct seen_tx *tx);

	/* same input, same bytes. Runs on a worker. */
	enum err (*sign)(
	    struct signed_bytes *ret, const struct sign_job *job, struct fail *f);
	/* The job of signed bytes, but for its key, and their hash; not whose they are.
	 * fails: INPUT */
	enum err (*signed_job)(struct sign_job *ret, struct hash *ret_hash,
	    const uint8_t *raw, size_t len, struct fail *f);

	/* Fees. first: 2 x next base fee + tip, clamped by the caps. bump: the least that
	 * replaces `old` by every node's rule, and not below `first`; false when the caps
	 * don't allow it. Both round up to the tag (40 bits, low bits of the fees), and
	 * the caps hold for the rounded values. */
	void (*fees_first)(struct fees *ret, const struct fee_market *m, uint64_t gas,
	    enum fee_type type, uint64_t max_fee_cap, uint64_t tip_cap,
	    const uint8_t tag[5]);
	bool (*fees_bump)(struct fees *ret, const struct fees *old,
	    const struct fee_market *m, uint64_t max_fee_cap, uint64_t tip_cap,
	    const uint8_t tag[5]);
	/* Do these carry the tag? False also where the caps had no room for it, and where
	 * a chain knows no fees. */
	bool (*fees_tagged)(const struct fees *fees, const uint8_t tag[5]);
	/* The most that an empty attempt over these could cost per gas, by the rule. */
	uint64_t (*fees_over)(const struct fees *now, uint64_t max_fee_cap);
	/* The most that one bump and one empty attempt over it could cost per gas. */
	uint64_t (*fees_reserve)(const struct fees *now, uint64_t max_fee_cap);

	void (*identity)(struct buf *body);
	enum err (*identity_read)(
	    struct identity *ret, const char *answer, size_t len, struct fail *f);
	/* Which program it is, for people: printable, cut; "": it does not say. */
	void (*client)(struct buf *body);
	enum err (*client_read)(
	    char ret[CLIENT_MAX], const char *answer, size_t len, struct fail *f);

	void (*poll)(struct buf *body); /* the head: one call, no batch */
	enum err (*poll_read)(
	    struct head *ret, const char *answer, size_t len, struct fail *f);
	/* The last block that the node itself calls final; poll_read reads it. */
	void (*finalized)(struct buf *body);
	/* Headers by hash (walking back) or by height (height_n of them). */
	void (*header)(struct buf *body, const struct hash *hash);
	void (*headers_at)(struct buf *body, const uint64_t *heights, uint32_t n);
	/* Nodes that know of their head, and of a height, no more than the hash: this
	 * reads the answers to `poll` and `headers_at`, and `headers` asks for what it
	 * names. NULL: their headers come at once, and poll_read and headers_read read
	 * them. */
	enum err (*hashes_read)(struct hash *ret, bool *ret_known, uint32_t n,
	    const char *answer, size_t len, struct fail *f);
	void (*headers)(struct buf *body, const struct hash *hashes, uint32_t n);
	enum err (*headers_read)(struct head *ret, bool *ret_known, uint32_t n,
	    const char *answer, size_t len, struct fail *f);

	void (*block)(struct buf *body, const struct block_question *q);
	enum err (*block_read)(struct block_facts *ret, struct node_word *ret_word,
	    const struct block_question *q, const char *answer, size_t len,
	    struct fail *f);
	/* The rest of incomplete facts: receipts, as many as fit a request, until it is
	 * not incomplete any more; then digest is set. */
	void (*block_receipts)(struct buf *body, const struct block_question *q,
	    const struct block_facts *facts);
	enum err (*block_receipts_read)(struct block_facts *facts,
	    const struct block_question *q, const char *answer, size_t len,
	    struct fail *f);

	/* Counts of accounts at heights (by number: below the final block hashes don't
	 * move). */
	void (*counts_at)(struct buf *body, const struct address *account,
	    const uint64_t *heights, uint32_t n);
	enum err (*counts_read)(uint64_t *ret, bool *ret_known, uint32_t n,
	    const char *answer, size_t len, struct fail *f);
	void (*pool)(struct buf *body, const struct address *account);
	enum err (*pool_read)(
	    enum pool_shows *ret, const char *answer, size_t len, struct fail *f);

	void (*transactions)(struct buf *body, const struct hash *hashes, uint32_t n);
	enum err (*transactions_read)(struct whole_tx *ret, uint32_t n,
	    const char *answer, size_t len, struct fail *f);
	/* The same, and what came to its pool, by hash alone: one call more of the same
	 * batch. Where there is no filter it makes one, which has an effect on the node
	 * that is harmless, and tells of nothing yet. n may be 0. The result is that of
	 * the transactions; ret_news has its own. */
	void (*look)(struct buf *body, const struct pending_filter *filter,
	    const struct hash *hashes, uint32_t n);
	enum err (*look_read)(struct whole_tx *ret, struct pending *ret_news,
	    const struct pending_filter *filter, uint32_t n, const char *answer,
	    size_t len, struct fail *f);
	void (*receipts)(struct buf *body, const struct hash *hashes, uint32_t n);
	/* wants: the payments that they may be of; NULL: none. */
	enum err (*receipts_read)(struct receipt *ret, const struct payment *wants,
	    uint32_t n, const char *answer, size_t len, struct fail *f);

	/* head: the one that this node showed last. */
	void (*market)(struct buf *body, const struct head *head);
	enum err (*market_read)(struct fee_market *ret, const struct head *head,
	    const char *answer, size_t len, struct fail *f);

	/* For people, who want to know what it costs now, and what it did cost. head: the
	 * node's, or another's of the same chain: which kind of fees it has. */
	void (*quote)(struct buf *body, const struct head *head);
	enum err (*quote_read)(struct fee_said *ret, const struct head *head,
	    const char *answer, size_t len, struct fail *f);
	/* n spans of at most so many blocks each; a chain without base fees has none. */
	void (*spans)(
	    struct buf *body, const uint64_t *newest, uint32_t n, uint32_t blocks);
	enum err (*spans_read)(struct fee_span *ret, uint32_t n, const char *answer,
	    size_t len, struct fail *f);
	/* When blocks were made, by their own word: Unix. */
	void (*times)(struct buf *body, const uint64_t *heights, uint32_t n);
	enum err (*times_read)(uint64_t *ret_s, bool *ret_known, uint32_t n,
	    const char *answer, size_t len, struct fail *f);

	/* Gas for payloads from an account; word[i].note NOTE_REVERTED: its reason in
	 * text. */
	void (*estimate)(struct buf *body, const struct address *from,
	    const struct payload *p, uint32_t n);
	enum err (*estimate_read)(uint64_t *ret_gas, struct node_word *ret_word,
	    uint32_t n, const char *answer, size_t len, struct fail *f);
	/* What a payload would do after that block, for its reason in words: it settles
	 * nothing. */
	void (*try)(struct buf *body, const struct address *from, const struct payload *p,
	    uint64_t height);
	enum err (*try_read)(
	    struct node_word *ret, const char *answer, size_t len, struct fail *f);
	/* One byte each: has code. At most CHAIN_CODE_MAX addresses, one eth_call. */
	void (*code)(struct buf *body, const struct address *who, uint32_t n);
	enum err (*code_read)(
	    uint8_t *ret, uint32_t n, const char *answer, size_t len, struct fail *f);
	void (*token)(
	    struct buf *body, const struct address *token, const struct address *holder);
	enum err (*token_read)(
	    struct token_facts *ret, const char *answer, size_t len, struct fail *f);
	/* Count and balance of an account at a node's own head, by tag: it settles
	 * nothing. */
	void (*account)(struct buf *body, const struct address *who);
	enum err (*account_read)(uint64_t *ret_count, struct amount *ret_balance,
	    const char *answer, size_t len, struct fail *f);

	/* effect: idempotent. */
	void (*send)(struct buf *body, const struct signed_bytes *const *raw, uint32_t n);
	/* word[i] for each; those whose answer is missing or foreign: UNKNOWN. */
	void (*send_read)(
	    struct node_word *ret, uint32_t n, const char *answer, size_t len);
};

extern const struct connector connector_evm, connector_bitcoin;

#endif
