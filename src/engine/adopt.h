/* adopt.h - a transaction that no attempt knew becomes one: of an intent, or of an item
 * whose payment it is. From here on it is followed, settled and replaced as all others
 * are; its bytes are not known. An attempt has one intent and an intent one item: one
 * payment on the chain is at most one item's.
 */
#ifndef PAWL_ENGINE_ADOPT_H
#define PAWL_ENGINE_ADOPT_H

#include "engine/claim.h"
#include "engine/intent.h"

/* An attempt of this intent; empty: 0 to ourselves. */
void adopt_attempt(struct runner *r, struct account *a, const struct stranger *s,
    const struct intent *i, bool empty);

/* The payment of a claim. What else of it is live gets an empty attempt. shared: another
 * intent holds its nonce. Why: for the journal and the log. */
void adopt_payment(struct runner *r, struct account *a, const struct stranger *s,
    const struct claim *c, bool shared, const char *why);

#define NONCE_NONE UINT64_MAX

/* How far it came; begins as zero, and may at any time begin anew. */
struct adopted_to {
	bool begun, untagged;
	uint64_t nonce;
};

/* Payments that no item knows are those of an operation's rows: k of them adopt k pending
 * rows, first those that they are tagged for. Without the operator's word, those alone,
 * and of nonces that were used since the journal knows the account: then its list was not
 * whole when they were judged. Those of nonces from `since` on that pay its rows, and
 * carry no tag, are suspect. Nothing of it is live yet. false: not at the end, call it
 * again in the next turn. */
bool adopt_past(struct runner *r, struct operation *o, struct adopted_to *to,
    bool by_word, uint64_t since);

/* A final block has a transaction on this nonce: a payment that was adopted from another
 * one on the same nonce is dead. */
void shared_settled(struct runner *r, struct account *a, uint64_t nonce,
    const struct hash *hash, uint64_t height);

#endif
