/* undone.c - a final block vanished, and what had ended in it goes on (G6). */
#include "engine/attempt_in.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/log.h"
#include "engine/account.h"
#include "engine/intent.h"
#include "engine/mutant.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

static void unspend(
    struct runner *r, const struct intent *i, const struct sql_attempt_get_out *at)
{
	struct operation *o = intent_operation(r, i);
	struct amount cost = amount_u64((uint64_t)at->gas_price);

	if (!o || at->no_gas_price || at->no_gas_used)
		return;
	if (!amount_mul_u64(&cost, &cost, (uint64_t)at->gas_used) ||
	    !amount_sub(&o->fees_final, &o->fees_final, &cost))
		operation_damaged(
		    r, o, "its fees are less than those of one of its attempts");
	o->dirty = true;
}

void attempts_reopen(struct runner *r, const struct intent *i)
{
	struct account *a = account_of(r, i->account);
	int64_t newer = intent_newest(r, i);
	static const char why[] = "the final block vanished";

	CHECK(a);
	if (!i->has_attempt)
		a->unsigned_left = true;
	if (newer == i->id &&
	    (!intent_paid_by_another(r, i) || MUTANT(paid_row_reopened))) {
		intent_reopen(r, i, why);
		return;
	}
	intent_contest(r, i, why);
	if (newer == i->id)
		return; /* what has paid it still stands */
	if (!MUTANT(contest_not_held))
		sql_intent_hold(
		    r->s.journal, &(struct sql_intent_hold_in){ .id = newer });
	journal_event(r->s.journal,
	    &(struct event){ .operation = i->operation,
		.row = i->row,
		.what = "item",
		.from = "live",
		.to = "contested",
		.why = "its payload had moved when a final block vanished" });
	log_error("chain",
	    "%s %lld of operation %lld is contested: two payments of it may be out",
	    i->row > 0 ? "row" : "service fee", (long long)i->row,
	    (long long)i->operation);
}

/* Of what is archived nothing can be sent again: it was too deep for that. */
static void archived_undone(struct runner *r, struct account *a, uint64_t ancestor)
{
	struct sql_archive_above_in in = { .account = a->id,
		.height = (int64_t)ancestor };
	struct sql_archive_above_out row;
	char why[WAITS_MAX];

	if (!sql_archive_above_one(r->s.journal, &in, &row))
		return;
	snprintf(why, sizeof why,
	    "final blocks vanished down to %" PRIu64
	    ", and payments of %.100s were in them, which is archived in %.100s: what"
	    " its rows got is for a person to compare",
	    ancestor, row.name, row.file);
	account_stop(r, a, why);
}

void attempts_undone(struct runner *r, struct account *a, uint64_t ancestor)
{
	struct row_ids l = attempts_above(r, a, ancestor);

	for (size_t k = 0; k < l.n; k++) {
		struct sql_attempt_get_out at;
		struct intent i;

		if (!sql_attempt_get_one(r->s.journal,
			&(struct sql_attempt_get_in){ .id = l.id[k] }, &at) ||
		    !intent_read(r->s.journal, l.intent[k], &i))
			continue;
		operation_load(r, i.operation);
		if (at.state == ATTEMPT_FINAL)
			unspend(r, &i, &at);
		attempt_back(r, l.id[k], "its final block vanished");
		if (i.state == INTENT_FINAL || i.state == INTENT_VOID)
			attempts_reopen(r, &i);
	}
	row_ids_release(&l);
	a->has_final_count = false;
	archived_undone(r, a, ancestor);
}
