/* nonce.c - which nonce is next: from the journal alone, each time anew (G2). */
#include <stdlib.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "engine/recount.h"
#include "journal/sql.gen.h"

static uint64_t above_journaled(struct runner *r, const struct account *a)
{
	struct sql_intent_highest_out ours = { 0 };
	struct sql_consumed_highest_out others = { 0 };
	struct sql_archived_attempt_highest_out archived = { 0 };
	uint64_t next = 0;

	if (sql_intent_highest_one(r->s.journal,
		&(struct sql_intent_highest_in){ .account = a->id }, &ours) &&
	    !ours.no_nonce)
		next = (uint64_t)ours.nonce + 1;
	if (sql_consumed_highest_one(r->s.journal,
		&(struct sql_consumed_highest_in){ .account = a->id }, &others) &&
	    !others.no_nonce && (uint64_t)others.nonce >= next)
		next = (uint64_t)others.nonce + 1;
	if (sql_archived_attempt_highest_one(r->s.journal,
		&(struct sql_archived_attempt_highest_in){ .account = a->id },
		&archived) &&
	    !archived.no_nonce && (uint64_t)archived.nonce >= next)
		next = (uint64_t)archived.nonce + 1;
	return next;
}

uint64_t account_above(struct runner *r, struct account *a)
{
	uint64_t next;

	if (journal_changed(r->s.journal, &a->read.next_mark))
		a->read.next = above_journaled(r, a);
	next = a->read.next > a->first_nonce ? a->read.next : a->first_nonce;
	return next > a->count ? next : a->count;
}

/* The next nonce from `at` on that no stranger consumed. */
static uint64_t past_strangers(struct runner *r, const struct account *a, uint64_t at)
{
	struct sql_consumed_get_in in = { .account = a->id, .nonce = (int64_t)at };
	struct sql_consumed_get_out row;

	for (; sql_consumed_get_one(r->s.journal, &in, &row); in.nonce++)
		at++;
	return at;
}

/* The lowest nonce that is neither consumed nor an intent's. */
static uint64_t lowest_free(struct runner *r, const struct account *a)
{
	struct sql_intent_nonces_in in = { .account = a->id, .nonce = (int64_t)a->count };
	struct sql_intent_nonces_out row;
	uint64_t at = past_strangers(r, a, a->count);

	sql_intent_nonces_begin(r->s.journal, &in);
	while (sql_intent_nonces_next(r->s.journal, &row)) {
		if (row.no_nonce || (uint64_t)row.nonce < at)
			continue;
		if ((uint64_t)row.nonce > at)
			break;
		at = past_strangers(r, a, at + 1);
	}
	sql_intent_nonces_end(r->s.journal);
	return at;
}

uint64_t account_next_nonce(struct runner *r, struct account *a)
{
	uint64_t highest = account_above(r, a), lowest;

	if (!a->holes || MUTANT(hole_not_filled))
		return highest;
	lowest = lowest_free(r, a);
	a->holes = lowest < highest;
	return lowest;
}

struct operation *account_hole(struct runner *r, struct account *a, struct offer *ret)
{
	struct sql_intent_live_from_in in = { .account = a->id, .max = 1 };
	struct sql_intent_live_from_out above;
	struct operation *o;
	struct intent i;

	in.nonce = (int64_t)account_next_nonce(r, a);
	if (!a->holes || !sql_intent_live_from_one(r->s.journal, &in, &above) ||
	    !intent_read(r->s.journal, above.id, &i))
		return NULL;
	*ret = (struct offer){
		.row = ROW_HOLE,
		.empty = true,
		.why = "a stranger's nonce came back",
		.payload = { .to = a->address },
		.gas = a->chain->connector->gas_coin,
	};
	o = runner_operation(r, i.operation);
	return o && (recounted(o) || operation_ended(o)) ? o : NULL;
}
