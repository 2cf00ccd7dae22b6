/* doubt.h - an account of a journal that may be older than what was sent from it.
 *
 * Bytes that the journal has forgotten may be in a block, in a pool, or nowhere. Until
 * that is settled the account is in doubt: nothing new is reserved on it.
 */
#ifndef PAWL_ENGINE_DOUBT_H
#define PAWL_ENGINE_DOUBT_H

#include "engine/engine.h"

/* From now on it is in doubt; durable with the turn. Why: a sentence for a person. The
 * first one stays. */
void account_doubt(struct runner *r, struct account *a, const char *why);

#endif
