/* book.h - the state of a layer 2, in the journal: what becomes of it by each change.
 *
 * The tables of sql/migrations (node_*) are the state: there is no other, so what a start
 * finds is what the last commit left, in-flight changes since the last anchor included. A
 * change is done whole or refused with a sentence, and by its id it is done once.
 *
 * A struct book is the totals of one open transaction. Who ends it settles it first:
 * supply, which is what was minted less what was burned, is what lies in balances and
 * escrows, or the process ends (exit 6). Who drops the transaction drops the book.
 *
 * The totals bear a sum over the hashes of all rows, and the event of each commit the
 * one of that commit: rows that were altered from outside contradict it.
 */
#ifndef PAWL_KINDS_NODE_STATE_BOOK_H
#define PAWL_KINDS_NODE_STATE_BOOK_H

#include "journal/journal.h"
#include "kinds/node/state/change.h"

#define PEGIN_DEEP 6      /* blocks, its own included */
#define PEGIN_COUNTED 100 /* blocks are counted up to there */
#define PEGIN_LEAST 10000 /* satoshi, as all of these */
#define PEGIN_MOST UINT64_C(10000000000)
#define PEGOUT_DEEP 100
#define PEG_FEE 1000

struct book;

/* Who opens it says whether this node follows Bitcoin, as its config has it: a journal
 * that has read no block yet can't know. Then what no block has is by nobody's word
 * there but by_hand. One that has read some knows, and needs nobody to say so. */
enum book_chain { BOOK_FOLLOWS_NONE, BOOK_FOLLOWS };

/* Of an owner; wall_ms: what is not dated by its change is dated so. Totals that
 * contradict each other end the process. */
struct book *book_new(struct journal *j, int64_t wall_ms, enum book_chain chain);
/* Who says of an anchor that is new whether somebody has its state, and of a peg-out's
 * that the journal has not (pegout_anchor) whether somebody else has it (judge/rooted.h).
 * Without him there may be no new one, and nobody has the other. fails: INPUT: nobody;
 * and what its door asks again for. */
typedef enum err book_rooted_fn(void *ctx, const struct change *anchor, struct fail *f);
void book_rooted_by(struct book *b, book_rooted_fn *rooted, void *ctx);
/* Before the commit, if nothing was refused: totals, and an event. */
void book_settle(struct book *b);
void book_free(struct book *b); /* NULL is fine */

struct book_done {
	int64_t fresh, known; /* changes: done now, done before */
	int64_t last;         /* the newest one of all these; 0: there was none */
};

/* One change. What is refused may have moved rows: the caller drops the transaction, or
 * its savepoint, and the book. fails: INPUT (its rules), CONFLICT (its id). */
NODISCARD enum err book_do(
    struct book *b, const struct change *c, struct book_done *done, struct fail *f);

/* Lines, one change each; empty ones are passed over. The sentence has the number of the
 * one that is refused. fails: as book_do, change_parse. */
NODISCARD enum err book_lines(
    struct book *b, const char *text, size_t len, struct book_done *done, struct fail *f);

/* Peg-ins that are not minted, as the blocks have them of which `top` is the highest
 * (anchor/pegin_tx.h): up to so many that stood otherwise. How many there were. */
size_t book_pegins(struct book *b, uint64_t top, size_t most);

/* Peg-ins that were minted, and whose transaction is in no block any more: what was
 * minted of them has nothing behind it. Nothing takes that back but people, who say so by
 * a change (pegin_settle); it holds as long as that change is one of those that led to
 * the state, and no block has had the transaction again. */
struct uncovered {
	struct l2_bytes id, dest; /* the journal's until the next one */
	uint64_t amount, minted;  /* the latter: without its fee */
	int64_t change;           /* by which it was settled; 0: it is not.. */
	/* ..but was by this one, until a block had it, or a restore took that back; and
	 * by which people looked at that block. 0: none. */
	int64_t before, looked;
	int64_t at_ms; /* it was settled, the last time,.. */
	struct l2_bytes why;
};
typedef void uncovered_fn(void *ctx, const struct uncovered *u);
void book_uncovered(struct journal *j, uncovered_fn *each, void *ctx);
/* With a state from elsewhere (book_taken) come peg-ins that were minted there: those of
 * which no block was read here, and what was minted by hand since. Whether these have a
 * block nobody knows, until one is read (the change pegin_look) or people have looked
 * (pegin_settle). Of a state of the journal's own there are none. */
void book_unseen(struct journal *j, uncovered_fn *each, void *ctx);
/* And in a state of its own, what was minted of which no block was read: it stands on the
 * word of who said so, which is in the changes. */
void book_by_word(struct journal *j, uncovered_fn *each, void *ctx);
/* Settled when they had lost their block, and a block has them again: who was debited for
 * one may lack the money. Until people say by the same change that they looked at it, or
 * no block has it any more: then what was settled before counts no longer. */
void book_settled_again(struct journal *j, uncovered_fn *each, void *ctx);

/* What the anchor of a state is a hash of, without metadata: "root:time:". Its length. */
#define ANCHOR_PAYLOAD 96
int anchor_payload(
    char out[ANCHOR_PAYLOAD], uint8_t hash[32], struct l2_bytes root, uint64_t made_ms);

/* -- what is there ----------------------------------------------------------- */

struct book_sums {
	struct amount minted, burned, balances, escrows;
	int64_t n[L2_LISTS];
	int64_t changes; /* the newest one, counted from 1 */
};

void book_sums(struct journal *j, struct book_sums *ret);
/* Has it no row, and never had money? */
bool book_is_fresh(const struct book_sums *s);
/* Minted less burned. */
struct amount book_supply(const struct book_sums *s);

/* A record; its texts are the journal's until the next one. */
typedef void book_record_fn(void *ctx, enum l2_list list, const void *record);
/* All of a list, by their ids. A reader wants a read transaction around several. */
void book_each(struct journal *j, enum l2_list list, book_record_fn *each, void *ctx);

/* All rows, read once: the root of the state, and that they are what the totals say. At
 * rest, or in a read transaction. fails: DAMAGED, and names what is altered. */
NODISCARD enum err book_check(struct journal *j, char ret_root[L2_HEX], struct fail *f);
/* The totals are those that the event of their commit tells of. At rest. fails: DAMAGED.
 */
NODISCARD enum err book_check_told(struct journal *j, struct fail *f);
/* Both at once, some rows at a time, for who may not be kept waiting: a change between
 * two calls begins it anew. */
struct book_recount;
struct book_recount *book_recount_new(struct journal *j);
void book_recount_free(struct book_recount *c); /* NULL is fine */
struct book_counted {
	bool done;
	int64_t anew; /* so often it was begun anew */
	/* When it is done: behind which change, and what there is then. */
	char root[L2_HEX];
	struct book_sums sums;
};
/* At most so many rows are read. fails: DAMAGED */
NODISCARD enum err book_recount_some(
    struct book_recount *c, int64_t rows, struct book_counted *ret, struct fail *f);
/* The changes are those that were done, in their order. fails: DAMAGED. */
NODISCARD enum err book_check_changes(struct journal *j, struct fail *f);

/* -- states from elsewhere --------------------------------------------------- */

/* The whole state, sorted; the caller's to release. */
void book_read(struct journal *j, struct l2_state *ret);

struct book_restored {
	char root[L2_HEX];
	/* Behind which change the journal had this very state last, by its events; -1: it
	 * never had. Changes that did not lead to it can be sent again, and those that
	 * did are known by their ids, also where an earlier restore had taken them back;
	 * where nobody knows which are part of it, what has one of the ids that were used
	 * so far is refused. */
	int64_t after;
	/* Changes that are taken back by it (after -1: that may be, all that there were);
	 * and those that were, and are part of it again. */
	int64_t dropped, returned;
};

/* Behind which change the journal had this very state last, as book_restored.after. */
int64_t book_had(struct journal *j, const struct l2_state *s);

/* With the state behind that change in place of the one that is: how many changes are
 * taken back, and how many that were are part of it again. */
void book_way(struct journal *j, int64_t after, int64_t *ret_left, int64_t *ret_back);

/* The name of a journal that has a state, or anchored one (journal_name); "" of a new
 * one, to which what was lost may come back. */
void book_name(struct journal *j, char out[JOURNAL_NAME]);

/* The change by which a state came that the journal never had, and which the one that is
 * comes from: ids of what made that are not known. 0: there is none. */
int64_t book_taken(struct journal *j);
/* Is what a change of this journal did part of the state that is; else by which restore
 * it is not, or that of a state from elsewhere, of which nobody can say. change 0: it is
 * one of which the number was not kept; nobody can say behind any restore. */
enum book_stands { BOOK_STANDS, BOOK_MAY_STAND, BOOK_TAKEN_BACK };
enum book_stands book_stands(struct journal *j, int64_t change, int64_t *ret_by);
/* The same of the state that there was behind a change. */
enum book_stands book_stood(struct journal *j, int64_t change, int64_t behind);
/* When a change is dated; -1: it is not here, but in an archive, or there is none. */
int64_t book_dated(struct journal *j, int64_t change);

/* What is money, and would be there no more with a state in place of another. Both are
 * sorted. */
struct book_lost {
	size_t pegouts, pegins;          /* completed ones; minted ones */
	struct amount released, minted;  /* of these, in satoshi */
	struct amount supply, supply_to; /* before and after */
	size_t others[L2_LISTS];         /* records that differ, where these are equal */
};
void book_lost(
    struct book_lost *ret, const struct l2_state *is, const struct l2_state *will);

/* May a node have this state? One check for all who would take it over, or anchor it.
 * fails: INPUT, and names what no change could have led to. */
NODISCARD enum err book_could_be(const struct l2_state *s, struct fail *f);

/* The state is this one from now on, in the open transaction; its root is checked again
 * over the rows. Anchor and time of it are not kept. fails: as book_could_be, and then
 * the transaction is dropped by the caller. */
NODISCARD enum err book_restore(struct journal *j, const struct l2_state *s,
    int64_t wall_ms, struct book_restored *ret, struct fail *f);

#endif
