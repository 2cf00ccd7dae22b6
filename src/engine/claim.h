/* claim.h - what a payment of an account may be for: a row of an operation, or its
 * service fee. Each row has a tag, in the low bits of the fees of all that is signed for
 * it; who carries it was signed for it.
 */
#ifndef PAWL_ENGINE_CLAIM_H
#define PAWL_ENGINE_CLAIM_H

#include "engine/engine.h"

struct claim {
	struct operation *operation;
	int64_t row; /* 0: the service fee */
	int state;   /* of the item; of the fee, as of one */
	struct amount amount;
};

bool claim_is_tagged(const struct account *a, const struct operation *o, int64_t row,
    const struct fees *fees);

/* "row 3 of wages", "the service fee of wages" */
#define CLAIM_NAME_MAX (OPERATION_NAME_MAX + 40)
void claim_name(char out[CLAIM_NAME_MAX], const struct operation *o, int64_t row);

/* Is it a service fee that is not paid, of an operation that has not ended? */
bool claim_fee_owed(struct runner *r, struct operation *o, const struct payment *pay);

/* The row, or service fee, that its tag names, whatever became of it. Of all operations
 * of the account, also of those that are ended. */
bool claim_by_tag(struct runner *r, const struct account *a, const struct fees *fees,
    const struct payment *pay, struct claim *ret);

/* Who owes it, of the operations of the account: the first row that is not settled, or a
 * service fee. */
bool claim_owed(struct runner *r, const struct account *a, const struct payment *pay,
    struct claim *ret);

/* A pending row of an operation that it may pay: the one of its tag, or the first; else
 * its service fee. */
bool claim_in(struct runner *r, const struct account *a, struct operation *o,
    const struct fees *fees, bool tagged, const struct payment *pay, struct claim *ret);

#endif
