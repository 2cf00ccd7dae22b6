/* engine.h - the runner: one journal, its chains, accounts and operations.
 *
 * It knows no kind of operation by name: kinds come as a table (struct kind). It is
 * one loop over one thread (turn.c); everything it holds besides the journal is a
 * cache that a start rebuilds and a failed commit drops.
 *
 *   turn.c       the loop: facts in, decide, commit, effects out
 *   watch.c      what is watched on a chain, and who hears of it
 *   outbox.c     what wants to leave waits for the commit
 *   states.c     the durable states, from states.def
 *   operation.c  operations: states, totals, commands
 *   account.c    accounts: what the chain says of them, when they reserve
 *   nonce.c      which nonce is next
 *   key.c        which key it signs with, and what that is called now
 *   stop.c       why it takes no new intents, and when it does again
 *   doubt.c      accounts of a journal that may be older than what was sent
 *   endpoint.c   nodes that an operator has switched off
 *   late.c       accounts that it comes to know after that
 *   intent.c     intents: reserve, empty, bump
 *   settle.c     the end of an intent, and its return
 *   money.c      what an attempt may cost, and what is held for it
 *   sign.c       bytes for intents, by the workers
 *   attempt.c    attempts: included, retracted, final
 *   undone.c     the same of a final block that vanished
 *   past.c       what an account did before the journal knew it
 *   stranger.c   transactions of the account that no attempt knows
 *   judge.c      what such a one is
 *   claim.c      what a payment may be for
 *   adopt.c      a transaction that no attempt knew becomes one
 *   tally.c      which nodes say the same of it
 *   reading.c    a transaction that the operator names
 *   repair.c     what the operator puts right of a row; retry.c: a void one again
 *   scrap.c      which operation ends starts in a row
 *   send.c       bytes to nodes, in nonce order, again and again
 *   bump.c       dearer attempts on the same nonce
 *   market.c     the fees of the day
 *   quotes.c     what a transaction costs, for people
 *   message.c    what subscribers are told, once
 *   quorum.c     which node is asked next
 *   recount.c    rows against what the journal says of them; recount_signed.c: bytes
 *   reason.c     why a payload reverted, in words
 *   idset.c      what is under way in memory
 */
#ifndef PAWL_ENGINE_ENGINE_H
#define PAWL_ENGINE_ENGINE_H

#include "base/amount.h"
#include "chain/follower/follower.h"
#include "chain/quote.h"
#include "engine/idset.h"
#include "engine/outbox.h"
#include "engine/states.h"
#include "engine/tally.h"
#include "journal/journal.h"
#include "world/world.h"

#define OPERATION_NAME_MAX 128
#define WAITS_MAX 1000

struct runner;
struct chain_run;
struct account;
struct recount;

/* -- keys ------------------------------------------------------------------ */

/* Where secrets come from. get resolves a name once and keeps it; OK and NULL: this
 * command signs nothing. called is what the configuration calls the key of that address
 * now, which was `name`: that, another name, or NULL. called may be NULL. */
struct keyring_face {
	void *ctx;
	enum err (*get)(
	    void *ctx, const char *name, const struct secret **ret, struct fail *f);
	const char *(*called)(void *ctx, const char *name, const struct address *address);
};

/* -- operations ------------------------------------------------------------ */

/* Counts and sums of an operation; planned = pending + live + final + void + refunded
 * at every commit (G10). */
struct totals {
	int64_t n;
	struct amount sum;
};

struct operation {
	int64_t id;
	char kind_name[16];
	const struct kind *kind;
	void *of_kind; /* the kind's own cache */
	char name[OPERATION_NAME_MAX];
	uint8_t plan[32];
	int64_t again, chain, account;
	int state, back_to;
	char waits_for[WAITS_MAX]; /* "" : nothing */
	struct amount cap, planned, fees_final, fees_held;
	int64_t items;
	struct totals by_state[5]; /* by ITEM_* */
	int64_t started_ms, ended_ms;
	struct recount *recount; /* under way (recount.h) */
	bool recounted, proved;  /* its rows were, in this life; and its events */
	bool dirty;
	int64_t stuck_look_ms; /* by the wall: 0 now; INT64_MAX not in this stage */
	bool pinched;          /* the cap had no room when bumps were looked at last */
	bool passed_over; /* in this turn's round: its next payment can't be reserved */
	const char *blocked; /* why that was so in the last round; static text, or NULL */
};

/* The row of an intent that pays nobody: its nonce would be a hole. */
#define ROW_HOLE (-2)

/* A payment that an operation would like to make next. */
struct offer {
	int64_t row;     /* 0: no item (a service fee) */
	bool empty;      /* 0 to ourselves, from the first attempt on */
	const char *why; /* it is that, for the event */
	struct payload payload;
	uint64_t gas;
	struct amount amount; /* of the item */
};

/* A kind of operation: its table. advance and offer do no I/O; they read the journal
 * and the runner's facts, change rows and queue effects. Level-triggered. */
struct kind {
	const char *name;
	/* Load what the kind keeps in memory; called once when the operation is
	 * loaded. */
	void *(*open)(struct runner *r, struct operation *o);
	void (*close)(void *of_kind);
	/* Move it on. Not OK: its rows and effects of this turn are dropped, and it is
	 * set aside with f's sentence. */
	enum err (*advance)(struct runner *r, struct operation *o, struct fail *f);
	/* The next payment in the order of the journal; false: none now. */
	bool (*offer)(struct runner *r, struct operation *o, struct offer *ret);
	/* The gas limit of a row's payment (0: the one without a row), unless its item
	 * has an estimate of its own. */
	uint64_t (*gas)(struct runner *r, const struct operation *o, int64_t row);
	/* Coin for what is pending of it and for its fees, as those are today: for
	 * people. NULL: none. */
	void (*need)(struct runner *r, const struct operation *o, struct amount *ret);
	/* A void row is tried again by the operator (0: what has no row). */
	void (*retry)(struct runner *r, struct operation *o, int64_t row);
	/* Are all of its items in the journal? What is not whole is made anew, and pays
	 * nobody. NULL: always. */
	bool (*whole)(const struct operation *o);
	/* Are its rows those of its plan? All of them, in their order; the end frees it,
	 * too. NULL: its plan is of no rows. */
	void *(*plan_begin)(struct journal *j, const struct operation *o);
	void (*plan_row)(void *plan, const struct address *to,
	    const struct amount *amount, const char *memo);
	bool (*plan_end)(void *plan, const struct operation *o);
	/* What became of this, as of an item, if it is its payment besides its items (a
	 * service fee): PENDING while it is due. -1: it is none of its. */
	int (*fee)(struct runner *r, struct operation *o, const struct payment *p);
	/* What the account must be watched for: a token's balance (false: native
	 * only). */
	bool (*token)(const struct operation *o, struct address *ret);
	/* The operator lets it go on, and accepts what it asked for. NULL: nothing to
	 * do. */
	void (*resumed)(struct runner *r, struct operation *o);
	/* Uses of its account's nonces from here on left the trail: what comes there next
	 * may be anything. NULL: nothing to do. */
	void (*freed)(struct runner *r, struct operation *o, uint64_t nonce);
	/* Of a fence alone (NULL: it is none): begin one on an account in doubt, or raise
	 * the one that is under way; each nonce below is to be consumed. The operation's
	 * id; 0: the journal is numb. */
	int64_t (*fence)(struct runner *r, struct account *a, uint64_t below);
	/* The doubt that it settles, as the account had it. */
	const char *(*settles)(const struct operation *o);
};

/* -- accounts -------------------------------------------------------------- */

/* A transaction of the account that no attempt knows: to be read whole, by a quorum. */
struct stranger {
	struct hash hash, block_hash;
	uint64_t height;
	bool past;                    /* read back, far below the trail */
	bool failed;                  /* it reverted, by whoever showed its block */
	uint64_t gas_used, gas_price; /* 0: not known */
	uint32_t asked;               /* nodes */
	struct tally tally;
	struct whole_tx tx; /* as a quorum read it */
};

/* What others used in a turn, to be told in one line. */
struct strangers_told {
	uint64_t n, nonce, nonce_last, height, height_last;
};

/* A token that an operation of the account pays in. */
struct token_held {
	struct address token;
	struct amount balance, outstanding;
	bool known;
};

/* Nodes that refused the bytes on a nonce as too cheap. */
struct refusal {
	uint64_t nonce;
	struct hash hash;
	uint32_t nodes;
};

struct past;
struct reading_wish;

#define WATCH_NOT UINT32_MAX /* of watch_at: not in the set yet */

struct account {
	int64_t id;
	struct chain_run *chain;
	struct address address;
	char key_name[64];        /* as the configuration has it */
	bool renamed;             /* and the journal does not yet */
	bool used;                /* by an operation that is loaded; else it is watched */
	const struct secret *key; /* NULL: not resolved */
	bool has_first_nonce, has_final_count;
	uint64_t first_nonce, final_count, final_height, accepted_height;
	uint64_t ahead; /* the last final block's count, above final_count */
	int ahead_sum;  /* of final blocks in a row that are so: how odd that is */
	bool stopped;
	char why_stopped[WAITS_MAX];
	uint64_t in_flight_max, fee_cap_max; /* the highest limits ever used */
	bool limits_raised;                  /* to those of this life */

	/* in doubt (doubt.h) */
	char doubt[WAITS_MAX];  /* why; "": it is not */
	char fenced[WAITS_MAX]; /* what its fence waits for, for those who wait for it */
	bool still_known;       /* the figures below are there */
	uint64_t still_count;   /* its count.. */
	uint64_t still_since;   /* ..and the height since which it is that */
	bool fence_measured;    /* by a block that no reorg has thrown out.. */
	uint64_t fence_height;  /* ..at this height */
	uint64_t node_count[POOL_NODES_MAX]; /* by each node's own head, in this life */
	uint32_t node_counted;
	uint64_t behind_until; /* a node counts far more, up to there; 0: none does */
	uint64_t trail_until;  /* the journal follows blocks up to there; 0: not asked */
	struct refusal *refusals;
	size_t refusals_n;

	/* from the agreed block */
	bool known;      /* the figures below are there */
	bool catches_up; /* up_to what was the head when it fell behind */
	bool caught_up;  /* it did; it may fall behind a little since */
	uint64_t up_to;
	uint64_t count, height; /* count at that block */
	struct hash agreed;     /* that block */
	struct hash counted;    /* the one at which strangers were counted */
	struct amount balance;
	bool has_balance;
	struct amount outstanding; /* coin that live intents not yet in it may take */
	struct amount lowest_cost; /* what the lowest of them may; 0: none */
	struct token_held *tokens;
	size_t tokens_n;
	uint32_t watch_at; /* its first entry in the follower's watched set */
	bool has_past;     /* it was read once, above past_from */
	uint64_t past_from;
	bool past_known;   /* as far back as lookback says in this life */
	struct past *past; /* while it is read (past.c) */
	struct {
		bool busy, shown, hidden;
		uint32_t asked, said; /* nodes, of what their pools show */
	} late;                       /* late.c */
	struct stranger *strangers;
	size_t strangers_n;
	struct strangers_told strangers_told;
	struct strangers_told adopted_told; /* the same of what was ours, and forgotten */
	bool strangers_asked, strangers_settled;
	struct reading_wish *reading; /* NULL: the operator names none (reading.h) */
	int64_t strangers_at_ms;
	bool shares;        /* intents were adopted from nonces of others */
	bool holes;         /* there may be free nonces below those that are taken */
	bool unsigned_left; /* reserved in a former life, bytes not asked for yet */

	/* What the journal said, by its mark (journal_changed). */
	struct {
		uint64_t next_mark, next; /* above all nonces that it knows */
		uint64_t live_mark, live; /* the lowest of a live intent */
		uint64_t hole_mark, hole_of;
		bool is_hole; /* hole_of, a nonce, is one of a live intent */
		uint64_t unsigned_mark;
		bool is_unsigned; /* intents without bytes are there */
	} read;

	int64_t last_operation; /* of the highest nonce: the round goes on behind it */

	/* sending: per node whether its own count was asked for in this life, the next
	 * nonce, and the batches under way */
	enum { GREET_NOT, GREET_ASKED, GREET_DONE } greeted[POOL_NODES_MAX];
	uint64_t send_next[POOL_NODES_MAX];
	int sends_busy[POOL_NODES_MAX];
	int64_t send_at_ms[POOL_NODES_MAX];
	/* the lowest nonce that it refused, and how many times in a row */
	uint64_t send_refused_at[POOL_NODES_MAX];
	int send_refusals[POOL_NODES_MAX];
	bool send_ready;
	/* when nothing moves, all is sent again */
	uint64_t lowest; /* the lowest nonce that may need its bytes; UINT64_MAX: none */
	uint64_t lowest_since_height;
	bool refused; /* a node refused the lowest as too cheap */
	uint64_t refused_nonce;
	int64_t stalled_since_ms;
	uint64_t stalled_since_height;
	int stalled_times;
	uint64_t bumped_height; /* the head at which bumps were last looked at */
	bool bump_more;         /* not yet at all of them: from bump_from on */
	uint64_t bump_from;
};

/* Questions of a round that are under way: one, and when that is late another one. */
struct hedge {
	int under_way;
	int64_t late_ms; /* when the newest of them is late */
};

/* The nodes are asked one after the other, until enough have answered (quorum.h). */
struct round {
	uint32_t number; /* an answer to an older one is none to this */
	struct hedge hedge;
	uint32_t asked; /* nodes, and those of the same providers */
	uint32_t heard; /* those whose provider has answered */
	int n;          /* answers */
};

/* For the fees of the day (market.c). */
struct market_round {
	struct round of;
	bool agreed; /* a quorum has answered */
	int node[POOL_NODES_MAX];
	struct fee_market said[POOL_NODES_MAX];
};

/* For what a transaction costs, for people (quotes.c). */
struct quote_round {
	struct round of;
	struct fee_said said[POOL_NODES_MAX];
};

/* What came of sending signed bytes to a node, for people. */
enum { SENDS_ACCEPTED, SENDS_KNOWN, SENDS_REFUSED, SENDS_UNKNOWN, SENDS };

struct chain_run {
	struct runner *runner;
	const struct chain_config *config;
	const struct connector *connector;
	struct pool *pool;
	struct follower *follower;
	int64_t id;               /* the journal's; 0: not yet known */
	int64_t begun_ms;         /* it was asked from then on (monotonic) */
	struct fee_market market; /* of today: the quorum's, and the head's base fee */
	uint64_t market_base;     /* the quorum's */
	bool has_market;
	struct market_round market_round;
	int64_t market_at_ms, market_not_before_ms;
	uint64_t market_height;
	struct quote quote; /* what was heard last */
	bool has_quote, quote_wanted;
	struct quote_round quote_round;
	int64_t quote_at_ms, quote_due_ms; /* when it was; when it is next; 0: never */
	bool watch_changed;                /* accounts or tokens came */
	int64_t sends[SENDS], reorgs;      /* in this life, for people */
	int64_t last_send_wall_ms;         /* that a node took; 0: none in this life */
	struct account **accounts;
	size_t accounts_n;
};

/* -- the runner ------------------------------------------------------------ */

/* How long the rows of operations of a kind stay in the journal behind their end. */
struct retention {
	const char *kind;
	int64_t keep_ms; /* 0: for ever */
};

/* Who follows blocks besides the accounts: called inside the turn, as the follower tells
 * (follower.h), with the journal open for writing; behind all of that, turn. Where turn
 * is NULL, nothing is followed in this life, and only undone is told. Who keeps a trail
 * of his own is told of it by a feed (chain/follower/feed.h), from final and turn. */
#define BLOCK_WATCHERS_MAX 4

struct block_watcher {
	void *ctx;
	void (*retracted)(void *ctx, struct chain_run *c, uint64_t above);
	void (*undone)(void *ctx, struct chain_run *c, uint64_t ancestor);
	void (*final)(void *ctx, struct chain_run *c, const struct block_facts *b);
	void (*passed)(void *ctx, struct chain_run *c, uint64_t height);
	void (*turn)(void *ctx, struct runner *r);
};

struct runner_setup {
	struct world *world;
	struct journal *journal;
	const struct chain_config *chains;
	int chains_n;
	int chains_room; /* how many there may be, those of runner_chain_add too */
	struct keyring_face keys;
	const struct kind *const *kinds;
	int kinds_n;
	/* Which operation is advanced: one and whatever shares its account, or all
	 * (0). */
	int64_t only_operation;
	/* Three starts died of it: set aside, the others go on (scrap.h); 0: none. */
	int64_t set_aside;
	/* What is due is sent by this part of the turn; NULL: it stays due. */
	struct {
		void *ctx;
		void (*turn)(void *ctx, struct runner *r);
	} tell;
	/* What a transaction costs. keep: it is asked for every few minutes, and kept by
	 * the hour; else when somebody wants to know. */
	struct {
		bool keep;
		unsigned buffer_percent; /* on top of it */
	} quotes;
	struct block_watcher blocks[BLOCK_WATCHERS_MAX];
	int blocks_n;
	/* Subscribers are told of a stage that takes longer; 0: they are not. */
	int64_t stuck_after_ms;
	/* What ended goes into archives (archiver.h), with nothing else to follow it; of
	 * a kind that is not told of nothing does. Borrowed. */
	const struct retention *retention;
	int retention_n;
};

struct sign_batch;

struct runner {
	struct runner_setup s;
	int64_t *taken; /* operations of runner_only */
	size_t taken_n;
	struct idset mine; /* their accounts: what shares one is moved on */
	struct outbox *outbox;
	struct archiver *archiver; /* NULL: nothing is archived */
	struct chain_run *chains;
	struct operation **operations; /* by id */
	size_t operations_n;
	struct idset signing; /* intents with bytes asked for right now */
	struct sign_batch *filling;
	struct sign_batch *signed_in, **signed_end; /* results for the next turn */
	struct fact *facts, **facts_end;            /* other outcomes for the next turn */
	int64_t turn_ms;                            /* when this turn began */
	bool again;                                 /* more to do at once */
	bool noted;                                 /* there are messages to send */
	bool doubt_taken;                           /* the journal's, in this life */
	int64_t wake_ms;
	int unknown; /* requests to send under way or lost: outcomes not known yet */
	int reasons; /* nodes that were asked why a payload reverted */
};

/* A fact: an outcome that a later turn takes. take runs in the turn, then frees it. */
struct fact {
	struct fact *next;
	void (*take)(struct runner *r, struct fact *f);
	void (*free)(struct fact *f); /* NULL: it is one piece of memory */
};

void runner_fact(struct runner *r, struct fact *f);

/* Queue a question to a node; done is called with the answer (or ERR_NOT_SENT when the
 * turn is dropped). commits: it is a send. */
void runner_ask(struct runner *r, struct chain_run *c, int node, struct buf *body,
    bool commits, pool_done_fn *done, void *ctx);

/* From here on this operation is moved on, with whatever shares its account, as soon as
 * its chain is known. The other open ones of its chain are followed and settled, for a
 * final block is told once; their keys are not touched. More than one may be taken. */
void runner_only(struct runner *r, int64_t operation);
/* Must it be, as far as this runner goes? */
bool runner_moves_on(const struct runner *r, int64_t account);

/* One chain more, within s.chains_room (CHECK); config is borrowed. */
struct chain_run *runner_chain_add(struct runner *r, const struct chain_config *config);

struct runner *runner_new(const struct runner_setup *s);
void runner_free(struct runner *r);

/* One pass: take what arrived, decide, commit, release. Returns false when the disk
 * was full: all was dropped, the caller makes a new runner later. */
NODISCARD bool runner_turn(struct runner *r, struct fail *f);

/* A turn that begins nothing, before the process ends: outcomes of what is out are taken
 * in, what was asked is answered. Only behind a turn. Returns as runner_turn. */
NODISCARD bool runner_settle(struct runner *r, struct fail *f);

/* A turn handles what fits its time; the rest is for the next one (true, and it comes at
 * once). */
bool runner_turn_long(struct runner *r);

/* When the next turn is due if nothing arrives before. */
int64_t runner_wake_ms(const struct runner *r);
void runner_wake_at(struct runner *r, int64_t at_ms); /* at the latest */

struct operation *runner_operation(struct runner *r, int64_t id);   /* NULL: not loaded */
struct chain_run *runner_chain(struct runner *r, const char *name); /* by config's name */
struct chain_run *runner_chain_by_id(struct runner *r, int64_t id);

#endif
