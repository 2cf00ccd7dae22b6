/* book_in.h - inside the book.
 *
 *   book.c     totals, ids, the log of changes
 *   rows.c     the five tables, with their sums and hashes
 *   ledger.c   balances, escrows, tasks: their rules
 *   bridge.c   peg-ins and peg-outs
 *   pegins.c   how deep the transactions of peg-ins are
 *   settled.c  peg-ins that were minted, and have nothing behind them
 *   anchored.c anchors of it
 *   path.c     which changes led to a state
 *   check.c    all rows against the totals
 *   restore.c  a state from elsewhere, and the whole of this one
 *   lost.c     what one state has that another does not
 *   taken.c    that a state came from elsewhere
 */
#ifndef PAWL_KINDS_NODE_STATE_BOOK_IN_H
#define PAWL_KINDS_NODE_STATE_BOOK_IN_H

#include "journal/sql.gen.h"
#include "kinds/node/state/book.h"

struct book {
	struct journal *journal;
	enum book_chain chain;
	book_rooted_fn *rooted; /* NULL: no anchor is made */
	void *rooted_ctx;
	int64_t wall_ms, at_ms; /* at_ms: of the change that is being done */
	int64_t first;          /* changes before it */
	struct amount minted, burned;
	struct amount sums[L2_LISTS]; /* of balances and escrows; else zero */
	int64_t n[L2_LISTS];
	struct amount digest; /* modulo 2^256 */
	uint8_t link[32];
	int64_t changes;
	/* Those up to this one went into archives, and SHA-256 over them. */
	int64_t base;
	uint8_t base_link[32];
};

/* -- rows.c ---------------------------------------------------------------- */

/* The texts of what was got are the journal's until the next of its list is. */
uint64_t balance_get(struct book *b, struct l2_bytes peer); /* 0: there is none */
void balance_put(struct book *b, struct l2_bytes peer, uint64_t was, uint64_t is);

bool escrow_get(struct book *b, struct l2_bytes task, struct l2_escrow *ret);
bool pegin_get(struct book *b, struct l2_bytes id, struct l2_pegin *ret);
bool pegout_get(struct book *b, struct l2_bytes id, struct l2_pegout *ret);
bool task_get(struct book *b, struct l2_bytes id, struct l2_task *ret);

/* was: what row_get gave, NULL: it is new. is: NULL: it goes; its id is that of was. */
void row_put(struct book *b, enum l2_list list, const void *was, const void *is);

/* Into the sums, or out of them. */
void row_count(struct book *b, enum l2_list list, const void *record, bool in);
void rows_clear(struct book *b);
/* The next n behind an id. */
void rows_from(struct journal *j, enum l2_list list, struct l2_bytes after, int64_t n,
    book_record_fn *each, void *ctx);

/* -- ledger.c -------------------------------------------------------------- */

/* Into a balance, or out of it. fails: INPUT. */
NODISCARD enum err ledger_credit(
    struct book *b, struct l2_bytes peer, uint64_t amount, struct fail *f);
NODISCARD enum err ledger_debit(
    struct book *b, struct l2_bytes peer, uint64_t amount, struct fail *f);
/* The same of what was not there, or is there no more. */
NODISCARD enum err ledger_mint(
    struct book *b, struct l2_bytes peer, uint64_t amount, struct fail *f);
NODISCARD enum err ledger_burn(
    struct book *b, struct l2_bytes peer, uint64_t amount, struct fail *f);

NODISCARD enum err ledger_do(struct book *b, const struct change *c, struct fail *f);
NODISCARD enum err task_do(struct book *b, const struct change *c, struct fail *f);

/* -- bridge.c -------------------------------------------------------------- */

NODISCARD enum err bridge_do(struct book *b, const struct change *c, struct fail *f);

/* -- pegins.c -------------------------------------------------------------- */

/* Somebody says how deep its transaction is; and it is to be minted. fails: INPUT, where
 * blocks say otherwise, or nothing and by_hand is not said. */
NODISCARD enum err pegin_word(
    struct book *b, const struct l2_pegin *was, const struct change *c, struct fail *f);
NODISCARD enum err pegin_is_final(
    struct book *b, const struct l2_pegin *was, const struct change *c, struct fail *f);

/* Is what was final still there, as far as anybody knows? done: what is not, else. fails:
 * INPUT. */
struct bitcoin_final;
NODISCARD enum err final_shown(const struct book *b, const struct bitcoin_final *final,
    const char *done, struct fail *f);

/* -- settled.c ------------------------------------------------------------- */

/* Of one that was settled and has a block again: it was looked at. fails: INPUT, where
 * there is nothing to settle, or it is settled. */
NODISCARD enum err pegin_settle(struct book *b, const struct change *c, struct fail *f);
/* A block is to be read that may have it. fails: INPUT, as missed_want; or one has it. */
NODISCARD enum err pegin_look(struct book *b, const struct change *c, struct fail *f);

/* -- anchored.c ------------------------------------------------------------ */

NODISCARD enum err anchor_do(struct book *b, const struct change *c, struct fail *f);
NODISCARD enum err anchor_sent(struct book *b, const struct change *c, struct fail *f);

/* -- path.c ---------------------------------------------------------------- */

/* The restore at which the path to what there was behind the last one begins, as that was
 * of a state which the journal never had; 0: all of its changes are known. */
int64_t path_begins(struct journal *j, int64_t last);
/* Did it lead there? Of what was no change of that state nobody knows whether it is part
 * of what that began with. */
enum on_path { PATH_LACKS, PATH_MAY_HAVE, PATH_HAS };
enum on_path path_on(struct journal *j, int64_t last, int64_t change);
/* How many changes of the path to one state are not of that to another one, restores not
 * counted; and the other way round. */
void path_compare(
    struct journal *j, int64_t is, int64_t will, int64_t *ret_left, int64_t *ret_back);

/* -- book.c ---------------------------------------------------------------- */

/* One more line of the log; what it is called by, where that is not empty. */
void log_add(struct book *b, const char *line, size_t len, struct l2_bytes id);
/* Minted less burned, and all that is there. */
bool totals_hold(const struct book *b);
bool totals_get(struct book *b); /* false: there are none yet: all is zero */
/* What an event says of them. */
#define TOLD_MAX 160
void totals_tell(const struct book *b, char out[TOLD_MAX]);

#endif
