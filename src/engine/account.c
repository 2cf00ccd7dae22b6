#include "engine/account.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/attempt.h"
#include "engine/doubt.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "engine/past.h"
#include "engine/reading.h"
#include "engine/recount.h"
#include "engine/stranger.h"
#include "journal/sql.gen.h"

/* Nothing new is reserved before all blocks are read that a life finds, nor while more
 * than these are not read yet. */
#define UNREAD_MAX 16
/* New intents of one account in one turn: a turn stays short. */
#define FILL_MAX 256

/* -- loading --------------------------------------------------------------- */

struct account *account_of(struct runner *r, int64_t id)
{
	for (int c = 0; c < r->s.chains_n; c++)
		for (size_t i = 0; i < r->chains[c].accounts_n; i++)
			if (r->chains[c].accounts[i]->id == id)
				return r->chains[c].accounts[i];
	return NULL;
}

/* Before anything is reserved: a fence goes by the highest that were ever used. In a turn
 * of its own, and not where it is loaded: a command that is refused drops what it wrote.
 */
static void limits_raise(struct runner *r, struct account *a)
{
	const struct chain_config *c = a->chain->config;
	uint64_t in_flight = (uint64_t)c->max_in_flight;

	if (!a->used || a->limits_raised)
		return;
	a->limits_raised = true;
	if (a->in_flight_max >= in_flight && a->fee_cap_max >= c->max_fee_per_gas)
		return;
	if (a->in_flight_max < in_flight)
		a->in_flight_max = in_flight;
	if (a->fee_cap_max < c->max_fee_per_gas)
		a->fee_cap_max = c->max_fee_per_gas;
	sql_account_limits(r->s.journal,
	    &(struct sql_account_limits_in){ .id = a->id,
		.in_flight_max = (int64_t)a->in_flight_max,
		.fee_cap_max = (int64_t)a->fee_cap_max });
}

/* Intents that were reserved when the last life ended: their bytes are asked for
 * again. */
static void ask_unsigned(struct runner *r, struct account *a)
{
	struct sql_intent_unsigned_in in = { .account = a->id, .max = FILL_MAX };
	struct sql_intent_unsigned_out row;
	int64_t ids[FILL_MAX];
	size_t n = 0;

	a->unsigned_left = false;
	sql_intent_unsigned_begin(r->s.journal, &in);
	while (n < FILL_MAX && sql_intent_unsigned_next(r->s.journal, &row))
		if (!idset_has(&r->signing, row.id))
			ids[n++] = row.id;
	sql_intent_unsigned_end(r->s.journal);
	for (size_t k = 0; k < n; k++) {
		struct intent i;

		/* A rival's turn comes when the other is settled; in doubt a payload
		 * without bytes gives its nonce back. */
		if (!intent_read(r->s.journal, ids[k], &i) || i.emptied == 2 ||
		    (a->doubt[0] && !i.emptied))
			continue;
		intent_ask(r, a, &i);
		a->unsigned_left = true;
	}
}

struct account *account_load(struct runner *r, struct chain_run *c, int64_t id)
{
	struct account *a = account_of(r, id);
	struct sql_account_get_out row;
	struct sql_account_get_in in = { .id = id };
	struct sql_intent_last_operation_out last;
	struct sql_intent_shares_out shares;

	if (a)
		return a;
	sql_account_get_begin(r->s.journal, &in);
	if (!sql_account_get_next(r->s.journal, &row))
		return NULL;
	a = mem_new(sizeof *a);
	a->id = id;
	a->chain = c;
	memcpy(a->address.at, row.address, sizeof a->address.at);
	snprintf(a->key_name, sizeof a->key_name, "%s", row.key_name);
	a->has_first_nonce = !row.no_first_nonce;
	a->first_nonce = row.no_first_nonce ? 0 : (uint64_t)row.first_nonce;
	a->has_final_count = !row.no_final_count;
	a->final_count = row.no_final_count ? 0 : (uint64_t)row.final_count;
	a->final_height = row.no_final_height ? 0 : (uint64_t)row.final_height;
	a->has_past = !row.no_past_from;
	a->past_from = row.no_past_from ? 0 : (uint64_t)row.past_from;
	a->accepted_height = (uint64_t)row.accepted_height;
	a->in_flight_max = (uint64_t)row.in_flight_max;
	a->fee_cap_max = (uint64_t)row.fee_cap_max;
	a->stopped = !row.no_stopped;
	snprintf(a->why_stopped, sizeof a->why_stopped, "%s",
	    row.no_stopped ? "" : row.stopped);
	snprintf(a->doubt, sizeof a->doubt, "%s", row.no_doubt ? "" : row.doubt);
	a->fence_measured = !row.no_fence_height;
	a->fence_height = row.no_fence_height || MUTANT(fence_height_not_kept)
	    ? 0
	    : (uint64_t)row.fence_height;
	sql_account_get_end(r->s.journal);
	a->past_known = a->has_past && !past_unread(r->s.journal, id);
	a->watch_at = WATCH_NOT;
	a->send_ready = a->unsigned_left = a->holes = true;
	if (sql_intent_last_operation_one(r->s.journal,
		&(struct sql_intent_last_operation_in){ .account = id }, &last))
		a->last_operation = last.operation;
	if (sql_intent_shares_one(
		r->s.journal, &(struct sql_intent_shares_in){ .account = id }, &shares))
		a->shares = shares.n > 0;
	c->accounts = mem_grow(c->accounts, c->accounts_n + 1, sizeof(struct account *));
	c->accounts[c->accounts_n++] = a;
	return a;
}

void account_use(struct runner *r, struct account *a)
{
	if (a->used)
		return;
	a->used = true;
	account_key_take(r, a);
}

struct account *account_begin(struct runner *r, struct chain_run *c, int64_t id)
{
	struct account *a = account_load(r, c, id);

	if (!a || a->used)
		return a;
	account_use(r, a);
	c->watch_changed = true;
	return a;
}

void account_free(struct account *a)
{
	if (!a)
		return;
	past_free(a);
	reading_free(a);
	mem_free(a->tokens);
	mem_free(a->strangers);
	mem_free(a->refusals);
	mem_free(a);
}

/* -- may it reserve -------------------------------------------------------- */

/* Heads below what a quorum has shown itself are no word of where the chain is. */
static bool heads_lag(const struct account *a)
{
	return follower_quorum_height(a->chain->follower) < a->height;
}

bool account_abreast(const struct account *a, int blocks)
{
	return a->known && !heads_lag(a) &&
	    a->height + (uint64_t)blocks >= follower_quorum_height(a->chain->follower);
}

/* Who fell behind, as a start or a machine that slept does, reads on to the block that
 * was the head then; a later one may be without its receipts yet, always. */
static void follow_up(struct account *a)
{
	if (!a->known || heads_lag(a))
		return;
	if (a->caught_up ? !account_abreast(a, UNREAD_MAX) : !a->catches_up) {
		a->caught_up = false;
		a->catches_up = true;
		a->up_to = follower_quorum_height(a->chain->follower);
	}
	if (a->catches_up && a->height >= a->up_to) {
		a->caught_up = true;
		a->catches_up = false;
	}
}

/* What keeps it back, but for what is in flight. */
static const char *waits_for(const struct account *a)
{
	const struct chain_run *c = a->chain;

	if (follower_waits_for(c->follower))
		return follower_waits_for(c->follower);
	if (a->stopped)
		return a->why_stopped;
	if (!a->key)
		return "its key, which can't be used; see: pawl doctor";
	if (!a->known || !a->has_first_nonce)
		return "the nodes to agree on the account's count";
	if (!a->past_known && !MUTANT(past_not_awaited))
		return past_says(a);
	if ((!a->caught_up || !account_abreast(a, UNREAD_MAX)) &&
	    !MUTANT(reserves_unread))
		return "the blocks that came meanwhile to be read";
	if (follower_unsettled(c->follower) && !MUTANT(reserves_unread))
		return "the nodes to agree on what is in the blocks that came last";
	if (a->strangers_n && !MUTANT(strangers_not_awaited))
		return "transactions of the account that are not read yet";
	if (!c->has_market)
		return "the fees of the day";
	return NULL;
}

/* How many nonces it may take until so many are in flight as its chain's limit says. */
static uint64_t room_of(struct runner *r, struct account *a)
{
	uint64_t in_flight = account_next_nonce(r, a) - a->count;
	uint64_t limit = (uint64_t)a->chain->config->max_in_flight;

	return in_flight < limit ? limit - in_flight : 0;
}

const char *account_keeps_back(struct runner *r, struct account *a)
{
	const char *why = waits_for(a);

	return why || room_of(r, a) ? why : "what is in flight";
}

bool account_reserves(struct runner *r, struct account *a, const char **ret_why)
{
	*ret_why = account_keeps_back(r, a);
	if (!*ret_why && a->doubt[0])
		*ret_why = doubt_waits(a);
	return !*ret_why;
}

/* -- what the chain says --------------------------------------------------- */

void account_adopted(
    struct runner *r, struct account *a, const struct block_facts *b, uint32_t at)
{
	for (uint32_t k = 0; k < b->tx_n; k++)
		if (b->tx[k].account == at && !attempt_seen(r, a, b, &b->tx[k]))
			stranger_seen(r, a, b, &b->tx[k], false);
	attempts_disown(r, a, b, at);
	strangers_disown(a, b, at, false);
}

void account_retracted(struct runner *r, struct account *a, uint64_t above)
{
	attempts_retracted(r, a, above);
	strangers_retracted(r, a, above);
	doubt_retracted(r, a, above);
	account_send_again(a, 0);
}

static void outstanding_put(
    const struct account *a, struct amount *sum, const struct amount *more)
{
	if (!amount_add(sum, sum, more))
		journal_damaged(a->chain->runner->s.journal,
		    "what the live intents of key %s cost is more than an amount can be",
		    a->key_name);
}

static void outstanding_add(
    struct account *a, const struct sql_intent_outstanding_out *row)
{
	struct payload p = { .data_len = (uint32_t)row->data_len };
	struct payment pay;

	outstanding_put(a, &a->outstanding, &row->cost);
	if (!row->data_len || row->data_len > sizeof p.data)
		return;
	memcpy(p.to.at, row->recipient, sizeof p.to.at);
	memcpy(p.data, row->data, row->data_len);
	if (!a->chain->connector->payment(&pay, &p))
		return;
	for (size_t i = 0; i < a->tokens_n; i++)
		if (!memcmp(a->tokens[i].token.at, pay.asset.at, sizeof pay.asset.at))
			outstanding_put(a, &a->tokens[i].outstanding, &pay.amount);
}

/* What live intents that this block does not hold yet may take from the balance. */
static void outstanding_sum(struct runner *r, struct account *a)
{
	struct sql_intent_outstanding_in in = { .account = a->id,
		.nonce = (int64_t)a->count };
	struct sql_intent_outstanding_out row;

	a->outstanding = a->lowest_cost = AMOUNT_ZERO;
	for (size_t i = 0; i < a->tokens_n; i++)
		a->tokens[i].outstanding = AMOUNT_ZERO;
	sql_intent_outstanding_begin(r->s.journal, &in);
	while (sql_intent_outstanding_next(r->s.journal, &row)) {
		if (amount_is_zero(&a->outstanding))
			a->lowest_cost = row.cost;
		outstanding_add(a, &row);
	}
}

static void take_agreed(struct runner *r, struct account *a)
{
	const struct block_facts *b = follower_agreed(a->chain->follower);
	const struct seen_account *s;

	if (!b || a->watch_at >= b->accounts_n) {
		a->known = false;
		return;
	}
	s = &b->accounts[a->watch_at];
	if (a->known && hash_same(&a->agreed, &b->head.hash))
		return;
	if (!s->has_count)
		return;
	if (!a->known || s->count != a->count)
		a->send_ready = true;
	a->holes |= s->count < a->count;
	a->known = true;
	a->agreed = b->head.hash;
	a->count = s->count;
	a->height = b->head.height;
	a->has_balance = s->has_balance;
	a->balance = s->balance;
	for (size_t i = 0; i < a->tokens_n; i++) {
		const struct seen_account *t = &b->accounts[a->watch_at + i];

		a->tokens[i].known = t->has_token_balance;
		a->tokens[i].balance = t->token_balance;
	}
	outstanding_sum(r, a);
	if (!a->has_first_nonce) {
		a->has_first_nonce = true;
		a->first_nonce = a->count;
		sql_account_first_nonce(r->s.journal,
		    &(struct sql_account_first_nonce_in){
			.id = a->id, .first_nonce = (int64_t)a->count });
	}
}

/* -- the turn -------------------------------------------------------------- */

void account_turn(struct runner *r, struct account *a)
{
	limits_raise(r, a);
	account_name_put(r, a);
	take_agreed(r, a);
	follow_up(a);
	past_turn(r, a);
	strangers_turn(r, a);
	reading_turn(r, a);
	doubt_turn(r, a);
	account_bump(r, a);
	if (a->unsigned_left && a->chain->has_market)
		ask_unsigned(r, a);
}

/* The operation after this one in the round, that may reserve and has something: a fence
 * on an account in doubt, and only there. Who can't reserve it keeps nobody else from it.
 */
static struct operation *next_offer(
    struct runner *r, struct account *a, struct offer *ret)
{
	size_t start = 0;

	while (start < r->operations_n && r->operations[start]->id <= a->last_operation)
		start++;
	for (size_t k = 0; k < r->operations_n; k++) {
		struct operation *o = r->operations[(start + k) % r->operations_n];

		if (o->account == a->id && !o->passed_over && operation_reserves(o) &&
		    recounted(o) && operation_fences(o) == (a->doubt[0] != '\0') &&
		    o->kind->offer(r, o, ret))
			return o;
	}
	return NULL;
}

static void pass_over(struct runner *r, struct operation *o, enum reserve why)
{
	o->passed_over = true;
	switch (why) {
	case RESERVE_NO_FUNDS:
		o->blocked = "the account to be funded";
		if (o->state == OPERATION_DISTRIBUTING)
			operation_move(r, o, OPERATION_AWAITING_FUNDS,
			    "the balance does not cover the next item");
		return;
	case RESERVE_CAP:
		o->blocked = "what is live to be final: the cap on fees has no more room";
		if (amount_is_zero(&o->fees_held))
			operation_pinched(r, o, "the next item");
		return;
	case RESERVE_FEES:
		o->blocked = "the base fee to fall below max_fee_per_gas";
		return;
	case RESERVE_DONE:
		break;
	}
	BUG("passed over what was reserved");
}

/* With nothing to pay, an empty attempt fills it. */
static bool fill_hole(struct runner *r, struct account *a)
{
	struct offer offer;
	struct operation *o = a->doubt[0] ? NULL : account_hole(r, a, &offer);

	switch (o ? intent_reserve(r, a, o, &offer) : RESERVE_NO_FUNDS) {
	case RESERVE_DONE:
		return true;
	case RESERVE_CAP:
		operation_pinched(r, o, "an empty attempt for a nonce that came back");
		return false;
	case RESERVE_NO_FUNDS:
	case RESERVE_FEES:
		break;
	}
	return false;
}

enum fill { FILL_NOTHING, FILL_PASSED_OVER, FILL_RESERVED };

static enum fill fill_one(struct runner *r, struct account *a)
{
	struct offer offer;
	struct operation *o = next_offer(r, a, &offer);
	enum reserve why;

	if (!o)
		return fill_hole(r, a) ? FILL_RESERVED : FILL_NOTHING;
	why = intent_reserve(r, a, o, &offer);
	if (why == RESERVE_DONE) {
		o->blocked = NULL;
		return FILL_RESERVED;
	}
	pass_over(r, o, why);
	return FILL_PASSED_OVER;
}

void account_fill(struct runner *r, struct account *a)
{
	uint64_t room;

	if (a->unsigned_left)
		return;
	for (size_t k = 0; k < r->operations_n; k++)
		if (r->operations[k]->account == a->id)
			r->operations[k]->passed_over = false;
	if (waits_for(a))
		return;
	room = room_of(r, a);
	for (int n = 0; room && !waits_for(a); n++) {
		enum fill fill = n < FILL_MAX ? fill_one(r, a) : FILL_NOTHING;

		r->again |= n == FILL_MAX;
		if (fill == FILL_NOTHING)
			return;
		/* above a hole nonces are taken: only the journal knows how many */
		if (fill == FILL_RESERVED)
			room = a->holes ? room_of(r, a) : room - 1;
	}
}
