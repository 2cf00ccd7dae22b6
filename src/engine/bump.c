/* bump.c - dearer attempts on the same nonce: when the next base fee is above what an
 * attempt offers, when the lowest has waited too long, and the empty attempts of a
 * cancel. Bumps come before new intents (G10). */
#include <string.h>

#include "engine/account.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

/* Live intents looked at from the lowest on, once a block; the next ones only while these
 * want something, or a cancel is under way. */
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

	if (l->intent.nonce != a->lowest || a->lowest != a->count)
		return false;
	if (a->refused && a->refused_nonce == l->intent.nonce)
		return height > l->signed_height;
	return height >= since + (uint64_t)a->chain->config->bump_after;
}

/* -- a cap that is in the way ------------------------------------------------ */

static bool cancelling(struct runner *r, const struct account *a)
{
	for (size_t k = 0; k < r->operations_n; k++)
		if (r->operations[k]->account == a->id &&
		    r->operations[k]->state == OPERATION_CANCELLING)
			return true;
	return false;
}

static void caps_forget(struct runner *r, const struct account *a)
{
	for (size_t k = 0; k < r->operations_n; k++)
		if (r->operations[k]->account == a->id)
			r->operations[k]->pinched = false;
}

/* What was said of a cap while it was in the way; where it goes on its kind says what it
 * waits for. */
static void caps_unsay(struct runner *r, const struct account *a)
{
	for (size_t k = 0; k < r->operations_n; k++) {
		struct operation *o = r->operations[k];

		if (o->account == a->id && !o->pinched && o->state == OPERATION_PAUSED)
			operation_waits(o, NULL);
	}
}

static void say(struct runner *r, const struct intent *i, enum bump bump, bool empty)
{
	struct operation *o = runner_operation(r, i->operation);

	if (!o)
		return;
	if (bump == BUMP_OVER_CAP) {
		operation_pinched(r, o, empty ? "an empty attempt" : "a dearer attempt");
	} else if (bump == BUMP_OVER_FEES && o->state == OPERATION_CANCELLING) {
		o->pinched = true;
		operation_waits(o,
		    "what is live to be mined: max_fee_per_gas and "
		    "max_priority_fee_per_gas of the chain allow no dearer attempt");
	}
}

/* -- bumps ------------------------------------------------------------------- */

/* Whether it wanted a dearer attempt. emptied 2 wants none: nothing of it is sent. */
static bool bump_one(
    struct runner *r, struct account *a, const struct looked *l, const struct head *head)
{
	bool empty = l->intent.emptied == 1;

	if (l->intent.emptied == 2 ||
	    ((!empty || l->empty) && l->max_fee >= a->chain->market.next_base_fee &&
		!waited_long(a, l, head->height)))
		return false;
	say(r, &l->intent, intent_bump(r, a, &l->intent, empty), empty);
	return true;
}

/* From a->bump_from on; whether there is more to look at. */
static bool bump_some(struct runner *r, struct account *a, const struct head *head)
{
	struct sql_intent_live_from_in in = {
		.account = a->id, .nonce = (int64_t)a->bump_from, .max = LOOK_MAX
	};
	struct sql_intent_live_from_out row;
	int64_t ids[LOOK_MAX];
	bool wanted = false;
	size_t n = 0;

	sql_intent_live_from_begin(r->s.journal, &in);
	while (n < LOOK_MAX && sql_intent_live_from_next(r->s.journal, &row)) {
		ids[n++] = row.id;
		a->bump_from = (uint64_t)row.nonce + 1;
	}
	sql_intent_live_from_end(r->s.journal);
	for (size_t k = 0; k < n; k++) {
		struct looked l;

		if (look(r, ids[k], &l) && bump_one(r, a, &l, head))
			wanted = true;
	}
	return n == LOOK_MAX && (wanted || cancelling(r, a));
}

void account_bump(struct runner *r, struct account *a)
{
	struct head head;

	if (!a->key || !a->chain->has_market ||
	    !follower_head(a->chain->follower, &head) ||
	    !account_abreast(a, a->chain->config->bump_after) ||
	    (!a->bump_more && a->bumped_height == head.height && !a->refused))
		return;
	if (!a->bump_more) {
		a->bumped_height = head.height;
		a->bump_from = a->count;
		caps_forget(r, a);
	}
	do
		a->bump_more = bump_some(r, a, &head);
	while (a->bump_more && !runner_turn_long(r));
	if (a->bump_more)
		return;
	caps_unsay(r, a);
	a->refused = false;
}
