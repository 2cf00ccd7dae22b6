/* bump.c - dearer attempts on the same nonce: when the next base fee is above what an
 * attempt offers, when the lowest has waited too long, and the empty attempts of a
 * cancel. Bumps come before new intents (G10). */
#include <string.h>

#include "engine/account.h"
#include "engine/intent.h"
#include "journal/sql.gen.h"

/* Live intents looked at from the lowest on, once a block. */
#define LOOK_MAX 64

struct looked {
	struct intent intent;
	uint64_t max_fee, signed_height;
	bool empty;
};

static bool look(struct runner *r, int64_t id, struct looked *ret)
{
	struct sql_attempt_get_out at;

	if (!intent_read(r->s.journal, id, &ret->intent) || !ret->intent.has_attempt ||
	    !sql_attempt_get_one(r->s.journal,
		&(struct sql_attempt_get_in){ .id = ret->intent.attempt }, &at))
		return false;
	ret->max_fee = (uint64_t)at.max_fee;
	ret->signed_height = (uint64_t)at.signed_height;
	ret->empty = at.empty;
	return true;
}

static bool waited_long(const struct account *a, const struct looked *l, uint64_t height)
{
	uint64_t since = a->lowest_since_height > l->signed_height
	    ? a->lowest_since_height
	    : l->signed_height;

	if (l->intent.nonce != a->lowest)
		return false;
	if (a->refused && a->refused_nonce == l->intent.nonce)
		return height > l->signed_height;
	return height >= since + (uint64_t)a->chain->config->bump_after;
}

void account_bump(struct runner *r, struct account *a)
{
	struct sql_intent_live_from_in in = { .account = a->id, .max = LOOK_MAX };
	struct sql_intent_live_from_out row;
	int64_t ids[LOOK_MAX];
	struct head head;
	size_t n = 0;

	if (!a->key || !a->chain->has_market ||
	    !follower_head(a->chain->follower, &head) ||
	    (a->bumped_height == head.height && !a->refused))
		return;
	a->bumped_height = head.height;
	in.nonce = a->known ? (int64_t)a->count : 0;
	sql_intent_live_from_begin(r->s.journal, &in);
	while (n < LOOK_MAX && sql_intent_live_from_next(r->s.journal, &row))
		ids[n++] = row.id;
	sql_intent_live_from_end(r->s.journal);
	for (size_t k = 0; k < n; k++) {
		struct looked l;

		if (!look(r, ids[k], &l))
			continue;
		if (l.intent.emptied && !l.empty)
			intent_bump(r, a, &l.intent, true);
		else if (l.max_fee < head.next_base_fee ||
		    waited_long(a, &l, head.height))
			intent_bump(r, a, &l.intent, l.empty);
	}
	a->refused = false;
}
