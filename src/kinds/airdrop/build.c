/* build.c - the stage `building`: the journaled rows must be the plan, and what can fail
 * without a signature is tried before anything is reserved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "crypto/sha256.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/inside.h"

#define HASH_ROWS 4096
#define CODE_ROWS CHAIN_BATCH_MAX
#define ESTIMATE_ROWS 100

static uint64_t with_margin(uint64_t gas)
{
	return gas + gas / 4;
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

/* -- rows with code -------------------------------------------------------- */

struct rows_ask {
	struct fact fact;
	struct runner *runner;
	struct chain_run *chain;
	int64_t operation, built; /* built: once this answer is taken */
	uint32_t n;
	int64_t *row;
	struct address *to;
	struct amount *amount;
	uint8_t *has_code;
	uint64_t *gas;
	struct node_word *word;
	enum err err;
};

static void rows_free(struct fact *f)
{
	struct rows_ask *q = (struct rows_ask *)f;

	free(q->row);
	free(q->to);
	free(q->amount);
	free(q->has_code);
	free(q->gas);
	free(q->word);
	free(q);
}

static struct rows_ask *rows_new(
    struct runner *r, struct chain_run *c, struct operation *o, uint32_t max)
{
	struct rows_ask *q = mem_new(sizeof *q);

	q->fact.free = rows_free;
	q->runner = r;
	q->chain = c;
	q->operation = o->id;
	q->row = mem_array(max, sizeof *q->row);
	q->to = mem_array(max, sizeof *q->to);
	q->amount = mem_array(max, sizeof *q->amount);
	q->has_code = mem_array(max, 1);
	q->gas = mem_array(max, sizeof *q->gas);
	q->word = mem_array(max, sizeof *q->word);
	return q;
}

static struct operation *asked_for(
    struct runner *r, const struct rows_ask *q, struct airdrop **ret)
{
	struct operation *o = runner_operation(r, q->operation);

	if (!o)
		return NULL;
	*ret = o->of_kind;
	(*ret)->asked = false;
	r->again = true;
	return o;
}

static void built_put(
    struct runner *r, struct operation *o, struct airdrop *a, int64_t built)
{
	a->facts.built = built;
	sql_airdrop_built(r->s.journal,
	    &(struct sql_airdrop_built_in){
		.operation = o->id, .built = built, .frozen = a->facts.frozen });
}

/* A row whose own estimate reverts is void, with its reason and without a nonce. */
static void estimates_take(struct runner *r, struct fact *f)
{
	struct rows_ask *q = (struct rows_ask *)f;
	struct airdrop *a;
	struct operation *o = asked_for(r, q, &a);
	char reason[NODE_TEXT_MAX + 32];

	if (!o || q->err || o->state != OPERATION_BUILDING)
		return;
	for (uint32_t k = 0; k < q->n; k++)
		if (q->word[k].err && q->word[k].note != NOTE_REVERTED)
			return; /* asked again */
	for (uint32_t k = 0; k < q->n; k++) {
		if (q->word[k].err) {
			snprintf(reason, sizeof reason, "its estimate reverts: %s",
			    q->word[k].text);
			operation_item(r, o, q->row[k], &q->amount[k], ITEM_PENDING,
			    ITEM_VOID, 0, reason);
			continue;
		}
		sql_item_gas(r->s.journal,
		    &(struct sql_item_gas_in){ .operation = o->id,
			.row = q->row[k],
			.gas = (int64_t)with_margin(q->gas[k]) });
	}
	built_put(r, o, a, q->built);
}

static void estimates_done(void *ctx, struct pool_answer *answer)
{
	struct rows_ask *q = ctx;
	struct fail f;

	q->err = answer->err;
	if (!q->err)
		q->err = q->chain->connector->estimate_read(
		    q->gas, q->word, q->n, answer->answer, answer->len, &f);
	runner_fact(q->runner, &q->fact);
}

static bool node_for(struct runner *r, struct chain_run *c, int *ret)
{
	int64_t at_ms;

	*ret = pool_best(c->pool, 0, &at_ms);
	if (*ret < 0)
		runner_wake_at(r, at_ms);
	return *ret >= 0;
}

static void estimates_ask(struct runner *r, struct account *acct, struct operation *o,
    struct airdrop *a, struct rows_ask *q)
{
	struct payload *p = mem_array(q->n, sizeof *p);
	struct buf body;
	int node;

	for (uint32_t k = 0; k < q->n; k++)
		q->chain->connector->pay(
		    &p[k], &(struct payment){ .to = q->to[k], .amount = q->amount[k] });
	if (!node_for(r, q->chain, &node)) {
		rows_free(&q->fact);
		free(p);
		return;
	}
	(void)o;
	a->asked = true;
	q->fact.take = estimates_take;
	buf_init(&body, 1024 * 1024);
	q->chain->connector->estimate(&body, &acct->address, p, q->n);
	free(p);
	runner_ask(r, q->chain, node, &body, false, estimates_done, q);
}

/* Of the rows asked about, those with code are estimated one by one, some at a time. */
static void code_take(struct runner *r, struct fact *f)
{
	struct rows_ask *q = (struct rows_ask *)f, *more;
	struct airdrop *a;
	struct operation *o = asked_for(r, q, &a);
	struct account *acct;

	if (!o || q->err || o->state != OPERATION_BUILDING)
		return;
	acct = account_of(r, o->account);
	more = rows_new(r, q->chain, o, ESTIMATE_ROWS);
	more->built = q->built;
	for (uint32_t k = 0; k < q->n; k++) {
		if (!q->has_code[k])
			continue;
		if (more->n == ESTIMATE_ROWS) {
			more->built = q->row[k] - 1;
			break;
		}
		more->row[more->n] = q->row[k];
		more->to[more->n] = q->to[k];
		more->amount[more->n++] = q->amount[k];
	}
	if (acct && more->n) {
		estimates_ask(r, acct, o, a, more);
		return;
	}
	rows_free(&more->fact);
	built_put(r, o, a, q->built);
}

static void code_done(void *ctx, struct pool_answer *answer)
{
	struct rows_ask *q = ctx;
	struct fail f;

	q->err = answer->err;
	if (!q->err)
		q->err = q->chain->connector->code_read(
		    q->has_code, q->n, answer->answer, answer->len, &f);
	runner_fact(q->runner, &q->fact);
}

static void code_ask(
    struct runner *r, struct account *acct, struct operation *o, struct airdrop *a)
{
	struct sql_item_from_in in = {
		.operation = o->id, .row = a->facts.built + 1, .max = CODE_ROWS
	};
	struct sql_item_from_out row;
	struct rows_ask *q;
	struct buf body;
	int node;

	if (!node_for(r, acct->chain, &node))
		return;
	q = rows_new(r, acct->chain, o, CODE_ROWS);
	sql_item_from_begin(r->s.journal, &in);
	while (sql_item_from_next(r->s.journal, &row)) {
		q->row[q->n] = row.row;
		q->amount[q->n] = row.amount;
		memcpy(q->to[q->n++].at, row.recipient, sizeof q->to->at);
		q->built = row.row;
	}
	q->fact.take = code_take;
	a->asked = true;
	buf_init(&body, 1024 * 1024);
	q->chain->connector->code(&body, q->to, q->n);
	runner_ask(r, q->chain, node, &body, false, code_done, q);
}

/* -- a token's gas --------------------------------------------------------- */

static void token_gas_take(struct runner *r, struct fact *f)
{
	struct rows_ask *q = (struct rows_ask *)f;
	struct airdrop *a;
	struct operation *o = asked_for(r, q, &a);
	char why[NODE_TEXT_MAX + 64];

	if (!o || q->err || o->state != OPERATION_BUILDING)
		return;
	if (q->word[0].note == NOTE_REVERTED) {
		/* It voids no row: all share it. */
		snprintf(why, sizeof why, "a transfer of the token would revert: %s",
		    q->word[0].text);
		operation_stop(r, o, why);
		return;
	}
	if (q->word[0].err)
		return;
	a->gas_known = true;
	a->facts.gas = a->facts.fee_gas = with_margin(q->gas[0]);
	sql_airdrop_gas(r->s.journal,
	    &(struct sql_airdrop_gas_in){ .operation = o->id,
		.gas = (int64_t)a->facts.gas,
		.fee_gas = (int64_t)a->facts.fee_gas });
}

/* One estimate for all: a transfer of the first row's amount to a fresh holder, who costs
 * the most. */
static void token_gas_ask(
    struct runner *r, struct account *acct, struct operation *o, struct airdrop *a)
{
	struct payment pay = { .token = true, .asset = a->facts.token };
	struct sql_item_next_pending_out row;
	struct payload p;
	struct rows_ask *q;
	struct buf body;
	uint8_t fresh[32];
	int node;

	if (!node_for(r, acct->chain, &node) ||
	    !sql_item_next_pending_one(r->s.journal,
		&(struct sql_item_next_pending_in){ .operation = o->id }, &row))
		return;
	q = rows_new(r, acct->chain, o, 1);
	q->n = 1;
	q->fact.take = token_gas_take;
	sha256(fresh, o->plan, sizeof o->plan);
	memcpy(pay.to.at, fresh, sizeof pay.to.at);
	pay.amount = row.amount;
	acct->chain->connector->pay(&p, &pay);
	a->asked = true;
	buf_init(&body, 64 * 1024);
	acct->chain->connector->estimate(&body, &acct->address, &p, 1);
	runner_ask(r, q->chain, node, &body, false, estimates_done, q);
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
	if (a->asked || !acct || !acct->known)
		return ERR_OK;
	if (a->facts.has_token && !a->gas_known) {
		token_gas_ask(r, acct, o, a);
		return ERR_OK;
	}
	if (!a->facts.has_token && a->facts.built < o->items) {
		code_ask(r, acct, o, a);
		return ERR_OK;
	}
	if (!a->hash_right)
		return ERR_OK;
	a->facts.frozen = true;
	built_put(r, o, a, o->items);
	operation_move(r, o, OPERATION_DISTRIBUTING, "the plan is frozen");
	return ERR_OK;
}
