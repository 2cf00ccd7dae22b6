/* judge_turn.c - what must hold behind each turn and when bytes leave: what is terminal
 * is final on the chain, what could land stays within its cap, no bytes leave above a
 * nonce that has none. What the events of the turn name is looked at, and no more. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "engine/account.h"
#include "journal/sql.gen.h"
#include "sim/judge.h"
#include "sim/judge_in.h"

/* -- terminal means final (G5, G6) ------------------------------------------------- */

#define HASH_TEXT 66

/* "... 0xHASH in final block N ...": the chain has it there, and so deep. */
static void proof_see(struct sim_story *s, int64_t row, const char *proof)
{
	static const char in_final[] = " in final block ";
	const char *at = strstr(proof, in_final);
	const struct sim_inclusion *i = NULL;
	const struct sim_tx *t;
	char text[HASH_TEXT + 1] = "";
	struct hash hash;
	uint64_t height;

	if (!at || at - proof < HASH_TEXT)
		return;
	memcpy(text, at - HASH_TEXT, HASH_TEXT);
	height = strtoull(at + strlen(in_final), NULL, 10);
	t = hex_parse_0x(hash.at, sizeof hash.at, text) ? sim_tx_find(s->chain, &hash)
							: NULL;
	if (t)
		i = sim_inclusion_find(s->chain, s->chain->head, t);
	if (!i || i->block->height != height ||
	    height + s->fate->depth > s->chain->head->height)
		sim_story_wrong(s,
		    "row %" PRId64 " is settled: %s. The chain has it at %" PRId64
		    ", and its head is %" PRIu64,
		    row, proof, i ? (int64_t)i->block->height : -1,
		    s->chain->head->height);
}

static void row_see(struct sim_life *l, int64_t operation, int64_t row)
{
	struct sql_intent_by_row_in in = { .operation = operation, .row = row };
	struct sql_intent_by_row_out of;
	struct sql_intent_get_out i;

	sql_intent_by_row_begin(l->journal, &in);
	while (sql_intent_by_row_next(l->journal, &of))
		if (sql_intent_get_one(
			l->journal, &(struct sql_intent_get_in){ .id = of.id }, &i) &&
		    i.state >= INTENT_FINAL && !i.no_proof)
			proof_see(l->story, row, i.proof);
}

/* -- the cap (G10) ------------------------------------------------------------------- */

/* What the dearest attempt of an intent could cost. */
static void dearest_add(struct sim_life *l, int64_t intent, struct amount *sum)
{
	struct sql_attempt_of_intent_in in = { .intent = intent };
	struct sql_attempt_of_intent_out a;
	struct amount most = AMOUNT_ZERO;

	sql_attempt_of_intent_begin(l->journal, &in);
	while (sql_attempt_of_intent_next(l->journal, &a)) {
		struct amount cost = amount_u64((uint64_t)a.max_fee);

		if (amount_mul_u64(&cost, &cost, (uint64_t)a.gas) &&
		    amount_cmp(&cost, &most) > 0)
			most = cost;
	}
	CHECK(amount_add(sum, sum, &most));
}

static void cap_see(struct sim_life *l, int64_t operation)
{
	struct sql_intent_live_of_operation_in in = { .operation = operation };
	struct sql_intent_live_of_operation_out of;
	char could[AMOUNT_TEXT_MAX], cap[AMOUNT_TEXT_MAX];
	struct operation o;
	struct amount sum;

	if (!operation_read(l->journal, operation, &o) || strcmp(o.kind_name, "airdrop"))
		return;
	sum = o.fees_final;
	sql_intent_live_of_operation_begin(l->journal, &in);
	while (sql_intent_live_of_operation_next(l->journal, &of))
		dearest_add(l, of.id, &sum);
	if (amount_cmp(&sum, &o.cap) <= 0)
		return;
	amount_format(could, &sum, 0);
	amount_format(cap, &o.cap, 0);
	sim_story_wrong(l->story, "%s: its cap is %s, and what is signed could cost %s",
	    o.name, cap, could);
}

/* -- the events of a turn ------------------------------------------------------------ */

static bool settles(const struct sql_event_from_out *e)
{
	if (!strncmp(e->what, "attempt", strlen("attempt")))
		return !strcmp(e->to_state, "final");
	return !strcmp(e->what, "item") &&
	    (!strcmp(e->to_state, "final") || !strcmp(e->to_state, "void") ||
		(!strcmp(e->from_state, "live") && !strcmp(e->to_state, "pending")));
}

void judge_events(struct sim_life *l)
{
	struct sim_notes *n = &l->story->notes;
	struct sql_event_from_in in = { .id = n->events + 1 };
	struct sql_event_from_out e;
	int64_t signed_for = 0;

	sql_event_from_begin(l->journal, &in);
	while (sql_event_from_next(l->journal, &e)) {
		n->events = e.id;
		if (settles(&e))
			row_see(l, e.operation, e.row);
		if (strcmp(e.to_state, "signed") || e.operation == signed_for)
			continue;
		signed_for = e.operation;
		cap_see(l, signed_for);
	}
}

/* -- when bytes leave (G2) ------------------------------------------------------------
 */

/* What neither the chain nor the program takes for used. */
void judge_order(struct sim_life *l, const struct sim_tx *t)
{
	const struct sim_chain *c = l->story->chain;
	uint64_t count = sim_count_of(c, c->head, t->from);

	for (size_t i = 0; i < l->runner->chains[0].accounts_n; i++) {
		const struct account *a = l->runner->chains[0].accounts[i];
		struct sql_intent_unsigned_in in = { .account = a->id, .max = 1 };
		struct sql_intent_unsigned_out bare;

		if (!address_same(&a->address, &t->from->at))
			continue;
		in.nonce = (int64_t)(a->known && a->count > count ? a->count : count);
		if (sql_intent_unsigned_one(l->journal, &in, &bare) &&
		    (uint64_t)bare.nonce < t->nonce)
			sim_story_wrong(l->story,
			    "bytes of nonce %" PRIu64 " left, and nonce %" PRId64
			    " has none",
			    t->nonce, bare.nonce);
	}
}
