/* doubt.h - an account of a journal that may be older than what was sent from it.
 *
 * Bytes that the journal has forgotten may be in a block, in a pool, or nowhere. Until
 * that is settled the account is in doubt, and nothing new is reserved on it but by its
 * fence (struct kind): an operation that sees to it that every nonce which could have
 * such bytes is consumed, by whatever, in a final block. Bytes that the journal knows go
 * on being sent; a nonce that is reserved and has none is given back, for the life that
 * was lost may have given it to another payload.
 */
#ifndef PAWL_ENGINE_DOUBT_H
#define PAWL_ENGINE_DOUBT_H

#include "engine/engine.h"

/* From now on it is in doubt; durable with the turn. Why: a sentence for a person. The
 * first one stays. */
void account_doubt(struct runner *r, struct account *a, const char *why);
/* Its fence is whole. */
void account_trust(struct runner *r, struct account *a, const char *why);

/* The journal's own doubt becomes that of all its accounts. A start does it by itself,
 * before anything is reserved; who finds a doubt later calls it. */
void doubt_take(struct runner *r);

/* Each turn, level-triggered: nonces are given back, and it gets its fence as soon as
 * the nodes said how far they are. */
void doubt_turn(struct runner *r, struct account *a);
/* Blocks above it left the trail: a fence that was measured there is measured anew, in
 * this life or the next. */
void doubt_retracted(struct runner *r, struct account *a, uint64_t above);
/* More was used than a fence of its can have been measured by. */
void doubt_outgrown(struct runner *r, struct account *a);

/* What those wait for who can't reserve. */
const char *doubt_waits(const struct account *a);

/* Its count has not moved for two blocks: what is still out does not win by itself. */
bool doubt_still(const struct account *a);

/* A node's word about bytes; and whether all nodes refused those as too cheap that were
 * sent last on a nonce. */
void doubt_word(struct account *a, int node, uint64_t nonce, const struct hash *hash,
    enum node_note note);
bool doubt_refused(const struct account *a, uint64_t nonce, const struct hash *hash);

#endif
