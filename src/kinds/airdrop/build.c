/* build.c - the stage `building`: the journaled rows must be the plan, and what can fail
 * without a signature is tried before anything is reserved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/rows.h"

#define HASH_ROWS 4096
#define CODE_ROWS CHAIN_CODE_MAX
#define ESTIMATE_ROWS 100
/* More is no payment. */
#define GAS_MAX 30000000

static uint64_t with_margin(uint64_t gas)
{
	gas += gas / 4;
	return gas < GAS_MAX ? gas : GAS_MAX;
}

/* -- the hash over the journaled rows -------------------------------------- */

static enum err hash_rows(
    struct runner *r, struct operation *o, struct airdrop *a, struct fail *f)
{
	struct sql_item_from_in in = {
		.operation = o->id, .row = a->hashed + 1, .max = HASH_ROWS
	};
	struct sql_item_from_out row;
	uint8_t plan[32];

	if (!a->hash) {
		struct plan_header header;

		if (!airdrop_header(r->s.journal, o, &a->facts, &header))
			return fail_set(f, ERR_DAMAGED,
			    "the chain or account of %s is missing", o->name);
		a->hash = plan_hash_begin(&header);
		a->hashed = 0;
		in.row = 1;
	}
	sql_item_from_begin(r->s.journal, &in);
	while (sql_item_from_next(r->s.journal, &row)) {
		struct address to;

		memcpy(to.at, row.recipient, sizeof to.at);
		plan_hash_row(a->hash, &to, &row.amount, row.no_memo ? NULL : row.memo,
		    row.no_memo ? 0 : strlen(row.memo));
		a->hashed++;
	}
	if (a->hashed < o->items) {
		r->again = true;
		return ERR_OK;
	}
	plan_hash_end(a->hash, plan);
	a->hash = NULL;
	if (memcmp(plan, o->plan, sizeof plan) != 0)
		return fail_set(
		    f, ERR_CONFLICT, "the rows in the journal are not the plan");
	a->hash_right = true;
	return ERR_OK;
}

static void built_put(
    struct runner *r, struct operation *o, struct airdrop *a, int64_t built)
{
	a->facts.built = built;
	operation_waits(o, NULL);
	sql_airdrop_built(r->s.journal,
	    &(struct sql_airdrop_built_in){
		.operation = o->id, .built = built, .frozen = a->facts.frozen });
}

/* -- estimates -------------------------------------------------------------- */

static void estimates_ask(
    const struct rows *q, const struct account *acct, struct buf *body)
{
	struct payload *p = mem_array(q->n, sizeof *p);

	for (uint32_t k = 0; k < q->n; k++)
		q->chain->connector->pay(&p[k], &q->pay[k]);
	q->chain->connector->estimate(body, &acct->address, p, q->n);
	mem_free(p);
}

static enum err estimates_read(struct rows_said *s, const char *answer, size_t len)
{
	return s->of->chain->connector->estimate_read(
	    s->gas, s->word, s->of->n, answer, len, &s->fail);
}

static bool estimates_take(struct rows *q, struct rows_said *s)
{
	for (uint32_t k = 0; k < q->n; k++)
		if (s->word[k].err && s->word[k].note != NOTE_REVERTED) {
			s->err =
			    fail_set(&s->fail, s->word[k].err, "%s", s->word[k].text);
			return false;
		}
	for (uint32_t k = 0; k < q->n; k++) {
		struct verdict *v = &q->verdict[k];

		if (s->word[k].err) {
			v->reverts |= 1u << s->node;
			memcpy(v->reason, s->word[k].text, sizeof v->reason);
		} else if (s->gas[k] > GAS_MAX) {
			v->absurd = s->gas[k];
		} else {
			v->pays |= 1u << s->node;
			if (s->gas[k] > v->gas)
				v->gas = s->gas[k];
		}
	}
	return true;
}

static bool reverts(const struct rows *q, uint32_t k)
{
	return follower_quorum(q->chain->follower, q->verdict[k].reverts);
}

static bool estimates_settled(const struct rows *q)
{
	for (uint32_t k = 0; k < q->n; k++)
		if (!reverts(q, k) &&
		    !follower_quorum(q->chain->follower, q->verdict[k].pays))
			return false;
	return true;
}

/* A figure above what a block holds, and no quorum with another. */
static bool absurd(struct runner *r, struct operation *o, const struct rows *q)
{
	char why[160];

	for (uint32_t k = 0; k < q->n; k++) {
		const struct verdict *v = &q->verdict[k];

		if (!v->absurd || reverts(q, k) ||
		    follower_quorum(q->chain->follower, v->pays))
			continue;
		snprintf(why, sizeof why,
		    "row %lld would need %llu gas by a node's estimate, and more than "
		    "%llu is refused",
		    (long long)q->row[k], (unsigned long long)v->absurd,
		    (unsigned long long)GAS_MAX);
		operation_stop(r, o, why);
		return true;
	}
	return false;
}

/* Not all who said that it reverts may count any more: then no quorum says so, and nobody
 * has said what it costs. */
static bool is_unsaid(const struct rows *q)
{
	for (uint32_t k = 0; k < q->n; k++)
		if (!q->verdict[k].pays && !reverts(q, k))
			return true;
	return false;
}

/* It may have been adopted or skipped since it was asked about. */
static bool is_pending(struct runner *r, const struct operation *o, int64_t row)
{
	struct sql_item_get_in in = { .operation = o->id, .row = row };
	struct sql_item_get_out item;

	return MUTANT(estimate_of_any_row) ||
	    (sql_item_get_one(r->s.journal, &in, &item) && item.state == ITEM_PENDING);
}

/* A row whose own estimate reverts is void, with its reason and without a nonce. One that
 * was adopted has its gas, too: its payment may come undone. */
static void estimates_settle(
    struct runner *r, struct operation *o, struct airdrop *a, const struct rows *q)
{
	char reason[NODE_TEXT_MAX + 32];

	if (absurd(r, o, q))
		return;
	if (is_unsaid(q)) {
		rows_pause(r, o, a, q);
		return;
	}
	for (uint32_t k = 0; k < q->n; k++) {
		const struct verdict *v = &q->verdict[k];

		if (reverts(q, k)) {
			if (!is_pending(r, o, q->row[k]))
				continue;
			snprintf(
			    reason, sizeof reason, "its estimate reverts: %s", v->reason);
			operation_item(r, o, q->row[k], &q->pay[k].amount, ITEM_PENDING,
			    ITEM_VOID, 0, reason);
			continue;
		}
		sql_item_gas(r->s.journal,
		    &(struct sql_item_gas_in){ .operation = o->id,
			.row = q->row[k],
			.gas = (int64_t)with_margin(v->gas) });
	}
	built_put(r, o, a, q->built);
}

static const struct question estimates = { .ask = estimates_ask,
	.read = estimates_read,
	.take = estimates_take,
	.settled = estimates_settled,
	.settle = estimates_settle };

/* -- rows with code -------------------------------------------------------- */

static void code_ask(const struct rows *q, const struct account *acct, struct buf *body)
{
	struct address *to = mem_array(q->n, sizeof *to);

	(void)acct;
	for (uint32_t k = 0; k < q->n; k++)
		to[k] = q->pay[k].to;
	q->chain->connector->code(body, to, q->n);
	mem_free(to);
}

static enum err code_read(struct rows_said *s, const char *answer, size_t len)
{
	return s->of->chain->connector->code_read(
	    s->has_code, s->of->n, answer, len, &s->fail);
}

static bool code_take(struct rows *q, struct rows_said *s)
{
	for (uint32_t k = 0; k < q->n; k++)
		q->verdict[k].has_code |= s->has_code[k] != 0;
	return true;
}

static bool code_settled(const struct rows *q)
{
	(void)q;
	return true;
}

/* Of the rows asked about, those with code by any word are estimated one by one, some at
 * a time. */
static void code_settle(
    struct runner *r, struct operation *o, struct airdrop *a, const struct rows *q)
{
	struct rows *more = rows_new(q->chain, o, &estimates, ESTIMATE_ROWS);

	more->built = q->built;
	for (uint32_t k = 0; k < q->n; k++) {
		if (!q->verdict[k].has_code)
			continue;
		if (more->n == ESTIMATE_ROWS) {
			more->built = q->row[k] - 1;
			break;
		}
		rows_add(more, q->row[k], &q->pay[k]);
	}
	if (more->n) {
		rows_begin(r, o, more);
		return;
	}
	rows_over(more);
	built_put(r, o, a, q->built);
}

static const struct question code = { .ask = code_ask,
	.read = code_read,
	.take = code_take,
	.settled = code_settled,
	.settle = code_settle };

static void code_begin(
    struct runner *r, struct account *acct, struct operation *o, struct airdrop *a)
{
	struct rows *q = rows_new(acct->chain, o, &code, CODE_ROWS);
	struct sql_item_from_in in = {
		.operation = o->id, .row = a->facts.built + 1, .max = CODE_ROWS
	};
	struct sql_item_from_out row;

	sql_item_from_begin(r->s.journal, &in);
	while (sql_item_from_next(r->s.journal, &row)) {
		struct payment pay = { .amount = row.amount };

		memcpy(pay.to.at, row.recipient, sizeof pay.to.at);
		rows_add(q, row.row, &pay);
		q->built = row.row;
	}
	rows_begin(r, o, q);
}

/* -- a token's gas --------------------------------------------------------- */

/* What reverts voids no row: all share it. */
static void token_gas_settle(
    struct runner *r, struct operation *o, struct airdrop *a, const struct rows *q)
{
	char why[NODE_TEXT_MAX + 64];

	if (absurd(r, o, q))
		return;
	if (reverts(q, 0)) {
		snprintf(why, sizeof why, "a transfer of the token would revert: %s",
		    q->verdict[0].reason);
		operation_stop(r, o, why);
		return;
	}
	a->gas_known = true;
	a->facts.gas = a->facts.fee_gas = with_margin(q->verdict[0].gas);
	sql_airdrop_gas(r->s.journal,
	    &(struct sql_airdrop_gas_in){ .operation = o->id,
		.gas = (int64_t)a->facts.gas,
		.fee_gas = (int64_t)a->facts.fee_gas });
}

static const struct question token_gas = { .ask = estimates_ask,
	.read = estimates_read,
	.take = estimates_take,
	.settled = estimates_settled,
	.settle = token_gas_settle };

/* One estimate for all: a transfer of the first row's amount to a fresh holder, who costs
 * the most. */
static void token_gas_begin(
    struct runner *r, struct account *acct, struct operation *o, struct airdrop *a)
{
	struct payment pay = { .token = true, .asset = a->facts.token };
	struct sql_item_next_pending_out row;
	struct rows *q;
	uint8_t fresh[32];

	if (!sql_item_next_pending_one(r->s.journal,
		&(struct sql_item_next_pending_in){ .operation = o->id }, &row))
		return;
	q = rows_new(acct->chain, o, &token_gas, 1);
	sha256(fresh, o->plan, sizeof o->plan);
	memcpy(pay.to.at, fresh, sizeof pay.to.at);
	pay.amount = row.amount;
	rows_add(q, row.row, &pay);
	rows_begin(r, o, q);
}

/* -- the stage ------------------------------------------------------------- */

enum err airdrop_build(struct runner *r, struct operation *o, struct fail *f)
{
	struct airdrop *a = o->of_kind;
	struct account *acct = account_of(r, o->account);

	if (!a->hash_right) {
		enum err e = hash_rows(r, o, a, f);

		if (e)
			return e;
	}
	if (!acct || !acct->known)
		return ERR_OK;
	if (world_now_ms(r->s.world) < a->ask_at_ms) {
		runner_wake_at(r, a->ask_at_ms);
		return ERR_OK;
	}
	if (a->rows) {
		rows_go_on(r, o, a);
		return ERR_OK;
	}
	if (a->facts.has_token && !a->gas_known && o->by_state[ITEM_PENDING].n) {
		token_gas_begin(r, acct, o, a);
		return ERR_OK;
	}
	if (!a->facts.has_token && a->facts.built < o->items) {
		code_begin(r, acct, o, a);
		return ERR_OK;
	}
	if (!a->hash_right)
		return ERR_OK;
	a->facts.frozen = true;
	built_put(r, o, a, o->items);
	operation_move(r, o, OPERATION_DISTRIBUTING, "the plan is frozen");
	return ERR_OK;
}

void airdrop_freed(struct runner *r, struct operation *o, uint64_t nonce)
{
	struct airdrop *a = o->of_kind;

	if (!a->facts.compares || nonce >= a->facts.compared ||
	    MUTANT(freed_not_compared))
		return;
	a->facts.compared = nonce;
	sql_airdrop_compare(r->s.journal,
	    &(struct sql_airdrop_compare_in){
		.operation = o->id, .compared = (int64_t)nonce });
}
