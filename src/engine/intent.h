/* intent.h - intents: reserved with a nonce, signed, settled. */
#ifndef PAWL_ENGINE_INTENT_H
#define PAWL_ENGINE_INTENT_H

#include "engine/engine.h"

/* How proofs of a failure on the chain begin. */
#define PROOF_REVERTED "reverted"
/* The reason of a void item until a node told more (reason.c). */
#define REASON_REVERTED "reverted"
/* The flag of a row that is final by two payments. */
#define REASON_TWICE "paid twice"
#define PROOF_NOTHING_SEEN "no transfer seen"

struct intent {
	int64_t id, operation, row, account;
	bool has_nonce, has_attempt;
	int emptied; /* 1: only empty attempts; 2: nothing, its rival is not settled */
	uint64_t nonce;
	int state;
	struct payload payload;
	struct amount cost, held;
	int64_t attempt;
};

NODISCARD bool intent_read(struct journal *j, int64_t id, struct intent *ret);
/* What the journal says of it can't be: see journal_damaged. */
void intent_damaged(const struct journal *j, int64_t id, const char *what) NORETURN;

/* Blocks are told of all accounts, whoever's turn it is: what they move of an operation
 * that is not loaded yet loads it. NULL: the journal is numb. */
struct operation *intent_operation(struct runner *r, const struct intent *i);

/* The intent that holds a nonce. */
NODISCARD bool intent_on(
    struct runner *r, const struct account *a, uint64_t nonce, struct intent *ret);

enum reserve {
	RESERVE_DONE,
	RESERVE_NO_FUNDS, /* the balance does not cover it with all that is live */
	RESERVE_CAP,      /* the operation's cap does not cover it and what is held */
	RESERVE_FEES      /* the fee caps do not allow a first attempt now */
};

/* Would it be reserved? NO_FUNDS: ret_lack is the native coin that is missing; zero where
 * a token is. */
enum reserve intent_would(struct account *a, struct operation *o,
    const struct offer *offer, struct amount *ret_lack);

/* Take the next nonce for an offer, hold its fees, ask for its bytes. One commit with
 * the item's move (G2). */
enum reserve intent_reserve(
    struct runner *r, struct account *a, struct operation *o, const struct offer *offer);

/* Ask for bytes of a reserved intent again (after a start), at the fees of the day or at
 * as much of them as it holds and the cap has left; where that is below the next base fee
 * its operation stops, and it stays reserved. */
void intent_ask(struct runner *r, struct account *a, const struct intent *i);

enum bump {
	BUMP_DONE,
	BUMP_UNDER_WAY, /* bytes are asked for already, or can't be */
	BUMP_OVER_FEES, /* the caps per gas allow no replacement */
	BUMP_OVER_CAP   /* neither what it holds nor the operation's cap covers one */
};

/* Ask for an attempt with higher fees. empty: 0 to ourselves, and no payload ever after
 * (G3); it uses what the intent holds for it. */
enum bump intent_bump(
    struct runner *r, struct account *a, const struct intent *i, bool empty);

/* -- settle.c -------------------------------------------------------------- */

/* Settle along the edge, release what it held, move its item. */
void intent_final(
    struct runner *r, const struct intent *i, const char *proof, const char *flag);
/* A final row, or service fee (0), has a second payment: said, and a row is flagged for
 * ever. */
void item_paid_twice(struct runner *r, const struct operation *o, int64_t row);
void intent_void(struct runner *r, const struct intent *i, bool item_void,
    const char *proof, const char *reason);
/* Nobody has bytes of it: its nonce is free, its item pending. The caller has checked
 * that none are being made. */
void intent_give_back(struct runner *r, const struct intent *i);
/* A proof that says that the payload itself failed on the chain, and was not merely
 * overtaken by other bytes. */
bool intent_failed(const char *proof);

/* The newest intent for what this one pays; itself, when it is that. What has no row is
 * one payment, its given up tries (row -1) among them. */
int64_t intent_newest(struct runner *r, const struct intent *i);

/* The block that held it left the trail. If it was adopted, the own payment of its row,
 * on a lower nonce, may win now: until that is settled nothing of this one is sent. Where
 * its operation is cancelled, or its account in doubt and the payment a person's, only
 * empty attempts go on its nonce. */
void intent_retracted(struct runner *r, const struct intent *i);

/* Another payment of its row is in a final block. */
bool intent_paid_by_another(struct runner *r, const struct intent *i);

/* The final block of its proof vanished: it is live again, and holds what its bytes may
 * cost. contest: but its payload has moved on, or another one has paid it: only empty
 * attempts are signed and sent on its nonce. */
void intent_contest(struct runner *r, const struct intent *i, const char *why);
void intent_reopen(struct runner *r, const struct intent *i, const char *why);

#endif
