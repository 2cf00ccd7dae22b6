/* sign.h - bytes for intents: asked of the workers behind a commit, and made durable when
 * they come. What comes for an intent that has moved on meanwhile is dropped. */
#ifndef PAWL_ENGINE_SIGN_H
#define PAWL_ENGINE_SIGN_H

#include "engine/intent.h"

/* Queue bytes with its payload, or empty ones. It has a nonce, and its account a key. */
void sign_ask(struct runner *r, struct account *a, const struct intent *i,
    const struct fees *fees, bool empty);
void sign_flush(struct runner *r); /* the batch that was filled in this turn */

/* What a block says of fees may be out of all range: it only has to fit a column. */
static inline int64_t fitting(uint64_t v)
{
	return v < INT64_MAX ? (int64_t)v : INT64_MAX;
}

/* An attempt becomes durable, and its intent signed. Without bytes: this journal has
 * forgotten them, and a block shows the rest. */
struct attempt_new {
	struct hash hash;
	uint64_t nonce;
	const uint8_t *raw; /* never NULL */
	uint32_t raw_len;
	bool empty;
	struct fees fees;
};

/* One that is known already changes nothing. */
void attempt_put(struct runner *r, struct account *a, const struct intent *i,
    const struct attempt_new *new);

/* What the workers brought. */
void sign_take(struct runner *r);

void sign_free(struct runner *r);

#endif
