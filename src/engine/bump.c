/* bump.c - dearer attempts on the same nonce: when the next base fee is above what an
 * attempt offers, when the lowest has waited too long, and the empty attempts of a
 * cancel. Bumps come before new intents (G10). */
#include <stdio.h>
#include <string.h>

#include "engine/account.h"
#include "engine/doubt.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

/* Live intents looked at from the lowest on, once a block; the next ones only while these
 * want something, or a cancel is under way. */
#define LOOK_MAX 64

struct looked {
	struct intent intent;
	struct hash hash;
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
	memcpy(ret->hash.at, at.hash, sizeof ret->hash.at);
	ret->max_fee = (uint64_t)at.max_fee;
	ret->signed_height = (uint64_t)at.signed_height;
	ret->empty = at.empty;
	return true;
}

static bool is_lowest(const struct account *a, const struct looked *l)
{
	return l->intent.nonce == a->lowest && a->lowest == a->count;
}

static bool lowest_for_long(
    const struct account *a, const struct looked *l, uint64_t height)
{
	uint64_t since = a->lowest_since_height > l->signed_height
	    ? a->lowest_since_height
	    : l->signed_height;

	return is_lowest(a, l) &&
	    height >= since + (uint64_t)a->chain->config->bump_after;
}

static bool waited_long(const struct account *a, const struct looked *l, uint64_t height)
{
	if (a->refused && a->refused_nonce == l->intent.nonce && is_lowest(a, l))
		return height > l->signed_height;
	return lowest_for_long(a, l, height);
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

/* The ceiling of a fence is above all that was ever signed here. */
static void say_ceiling(
    struct runner *r, struct operation *o, const struct account *a, uint64_t nonce)
{
	char why[120], how[80];

	snprintf(why, sizeof why,
	    "bytes that this program could not have signed hold nonce %llu",
	    (unsigned long long)nonce);
	snprintf(how, sizeof how, "pawl resume key:%.60s", a->key_name);
	operation_stop_how(r, o, why, how);
}

static void say(
    struct runner *r, const struct account *a, const struct looked *l, enum bump bump)
{
	struct operation *o = runner_operation(r, l->intent.operation);
	bool empty = l->intent.emptied == 1;

	if (!o)
		return;
	if (bump == BUMP_OVER_FEES && operation_fences(o)) {
		if (doubt_refused(a, l->intent.nonce, &l->hash))
			say_ceiling(r, o, a, l->intent.nonce);
	} else if (bump == BUMP_OVER_CAP) {
		operation_pinched(r, o, empty ? "an empty attempt" : "a dearer attempt");
	} else if (bump == BUMP_OVER_FEES && o->state == OPERATION_CANCELLING) {
		o->pinched = true;
		operation_waits(o,
		    "what is live to be mined: max_fee_per_gas and "
		    "max_priority_fee_per_gas of the chain allow no dearer attempt");
	}
}

/* -- bumps ------------------------------------------------------------------- */

/* An empty attempt of a fence: all nodes refuse it, not one of them, or it waits. Once a
 * block. */
static bool fence_wants(
    const struct account *a, const struct looked *l, const struct head *head)
{
	return head->height > l->signed_height &&
	    (doubt_refused(a, l->intent.nonce, &l->hash) ||
		lowest_for_long(a, l, head->height));
}

static bool wants(struct runner *r, const struct account *a, const struct looked *l,
    const struct head *head)
{
	const struct operation *o = runner_operation(r, l->intent.operation);

	if (l->max_fee < a->chain->market.next_base_fee)
		return true;
	return o && operation_fences(o) ? fence_wants(a, l, head)
					: waited_long(a, l, head->height);
}

/* Whether it wanted a dearer attempt. emptied 2 wants none: nothing of it is sent. */
static bool bump_one(
    struct runner *r, struct account *a, const struct looked *l, const struct head *head)
{
	bool empty = l->intent.emptied == 1;

	if (l->intent.emptied == 2 || ((!empty || l->empty) && !wants(r, a, l, head)))
		return false;
	say(r, a, l, intent_bump(r, a, &l->intent, empty));
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
