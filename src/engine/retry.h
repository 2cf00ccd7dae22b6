/* retry.h - void rows, tried again by the operator's word.
 *
 * A person may have paid one by hand meanwhile, with the key: then the account made a
 * payment that no row knows, and that equals what the row is to get. Such a row is paid
 * again only if he says that this payment was for something else, by the word that he was
 * told with it; else it is adopted (repair.h). Commands are journaled, and OK also when
 * there was nothing to do.
 */
#ifndef PAWL_ENGINE_RETRY_H
#define PAWL_ENGINE_RETRY_H

#include "crypto/word.h"
#include "engine/engine.h"

/* All void rows, but for those that were skipped; and a failed service fee. yes: the word
 * of all that seem to be paid, and by what, as it is now. fails: CONFLICT, with that
 * word, the rows, and what seems to pay them. */
NODISCARD enum err operation_retry(
    struct runner *r, struct operation *o, uint32_t yes, struct fail *f);

/* This one, also if it was skipped. fails: NOT_FOUND, CONFLICT */
NODISCARD enum err operation_retry_row(
    struct runner *r, struct operation *o, int64_t row, uint32_t yes, struct fail *f);

#endif
