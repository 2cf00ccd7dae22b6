/* attempt.h - what the chain shows of our attempts. */
#ifndef PAWL_ENGINE_ATTEMPT_H
#define PAWL_ENGINE_ATTEMPT_H

#include "engine/engine.h"

struct intent;

/* A transaction of ours in a block of the trail. False: no attempt of this account has
 * this hash, or it was adopted from a nonce that another intent holds, to which it is a
 * stranger. */
bool attempt_seen(struct runner *r, struct account *a, const struct block_facts *b,
    const struct seen_tx *tx);

/* Has an attempt of this account this hash? And was it adopted from a nonce that another
 * intent holds? */
/* One of an archived operation: which; shared: another intent's nonce. */
bool attempt_archived(struct runner *r, const struct account *a, const struct hash *hash,
    int64_t *ret_operation, bool *ret_shared);
/* Of an archived operation, too. */
bool attempt_known(struct runner *r, const struct account *a, const struct hash *hash);
bool attempt_shares(struct runner *r, const struct account *a, const struct hash *hash);

/* Blocks above left the trail. */
void attempts_retracted(struct runner *r, struct account *a, uint64_t above);

/* One transaction of a final block, if it is an attempt's. */
void attempt_settle(struct runner *r, struct account *a, const struct block_facts *b,
    const struct seen_tx *tx);

/* An adopted one, in a block that was final before; what was paid is known. */
void attempt_was_final(struct runner *r, struct account *a, const struct stranger *s,
    const struct amount *paid);

/* A block is final: settle what it consumed, by the quorum's facts. */
void attempts_final(
    struct runner *r, struct account *a, const struct block_facts *b, uint32_t at);

/* A quorum says what is in this block: attempts that a lying or mistaken node had put
 * there are not. */
void attempts_disown(
    struct runner *r, struct account *a, const struct block_facts *b, uint32_t at);

/* All up to this height is final, and the account's count is what it was. */
void attempts_passed(struct runner *r, struct account *a, uint64_t height);

/* Final blocks above vanished, accepted by the operator. */
void attempts_undone(struct runner *r, struct account *a, uint64_t ancestor);

/* All attempts of an intent: other bytes consumed its nonce, or did not after all. */
void attempts_replaced(struct runner *r, int64_t intent, bool replaced);

/* The final block that proved an intent's end vanished: it is live again; when its
 * payload has moved on, it is contested: neither payload is sent, the older nonce gets
 * an empty attempt, and whichever becomes final first decides (G6). */
void attempts_reopen(struct runner *r, const struct intent *i);

/* reason.c: ask a node why a payload reverted, for people alone; it may stay unknown. */
void reason_ask(
    struct runner *r, struct account *a, const struct intent *i, uint64_t height);

#endif
