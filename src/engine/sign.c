/* sign.c - bytes for intents: asked of the workers, and made durable when they come. */
#include "engine/sign.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/crash.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/attempt.h"
#include "engine/money.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

/* Intents signed by one job of a worker. */
#define SIGN_BATCH 32

/* Bytes that were asked for: which intent, and the attempt it had then. The result is
 * dropped when the intent has moved on. */
struct sign_one {
	int64_t intent, had_attempt;
	bool empty;
	struct sign_job job;
	struct signed_bytes out;
	enum err err;
	struct fail fail;
};

struct sign_batch {
	struct runner *runner;
	struct sign_batch *next;
	enum err (*sign)(
	    struct signed_bytes *ret, const struct sign_job *job, struct fail *f);
	uint32_t n;
	struct sign_one one[SIGN_BATCH];
};

/* -- the batch on its way to a worker ------------------------------------------- */

static void batch_run(void *job)
{
	struct sign_batch *b = job;

	CRASH_POINT(sign_before);
	for (uint32_t i = 0; i < b->n; i++)
		b->one[i].err = b->sign(&b->one[i].out, &b->one[i].job, &b->one[i].fail);
	CRASH_POINT(sign_after);
}

static void batch_done(void *job)
{
	struct sign_batch *b = job;
	struct runner *r = b->runner;

	*r->signed_end = b;
	r->signed_end = &b->next;
}

static void batch_release(void *job)
{
	struct sign_batch *b = job;

	world_work(b->runner->s.world, batch_run, batch_done, b);
}

static void batch_drop(void *job)
{
	mem_free(job);
}

void sign_flush(struct runner *r)
{
	struct sign_batch *b = r->filling;

	if (!b)
		return;
	r->filling = NULL;
	outbox_add(r->outbox,
	    &(struct effect){ .release = batch_release,
		.drop = batch_drop,
		.job = b,
		.commits = true });
}

void sign_free(struct runner *r)
{
	mem_free(r->filling);
	r->filling = NULL;
	while (r->signed_in) {
		struct sign_batch *b = r->signed_in;

		r->signed_in = b->next;
		mem_free(b);
	}
	r->signed_end = &r->signed_in;
}

void sign_ask(struct runner *r, struct account *a, const struct intent *i,
    const struct fees *fees, bool empty)
{
	struct sign_one *one;

	CHECK(i->has_nonce && a->key);
	if (!r->filling) {
		r->filling = mem_new(sizeof *r->filling);
		r->filling->runner = r;
		r->filling->sign = a->chain->connector->sign;
	}
	one = &r->filling->one[r->filling->n++];
	*one = (struct sign_one){
		.intent = i->id,
		.had_attempt = i->attempt,
		.empty = empty,
		.job = { .chain_id = a->chain->config->chain_id,
		    .nonce = i->nonce,
		    .payload = i->payload,
		    .fees = *fees,
		    .key = a->key },
	};
	if (empty)
		one->job.payload = (struct payload){ .to = a->address };
	if (MUTANT(bump_new_nonce) && i->has_attempt)
		one->job.nonce++;
	idset_add(&r->signing, i->id);
	if (r->filling->n == SIGN_BATCH)
		sign_flush(r);
}

/* -- bytes came back ------------------------------------------------------------ */

static void put_event(
    struct runner *r, const struct intent *i, const struct attempt_new *new)
{
	char what[24], why[200], hash[65];

	hex_format(hash, new->hash.at, sizeof new->hash.at);
	snprintf(what, sizeof what, "attempt %.8s", hash);
	snprintf(why, sizeof why, "nonce %llu, %smax fee %llu, tip %llu wei, gas %llu",
	    (unsigned long long)new->nonce, new->empty ? "empty, " : "",
	    (unsigned long long)new->fees.max_fee, (unsigned long long)new->fees.tip,
	    (unsigned long long)new->fees.gas);
	journal_event(r->s.journal,
	    &(struct event){ .operation = i->operation,
		.row = i->row,
		.what = what,
		.from = new->raw_len ? "" : "forgotten",
		.to = "signed",
		.why = why });
}

/* Its row; 0: it is there already, or the journal is numb. Two copies that run at once
 * sign the same, and so do two lives: a block may have shown what we sign now, and then
 * its row gets the bytes. What has no attempt yet, and is not in doubt, was never shown.
 */
static int64_t attempt_row(struct runner *r, const struct account *a,
    const struct intent *i, const struct attempt_new *new)
{
	struct sql_attempt_add_in in = {
		.intent = i->id,
		.account = a->id,
		.raw = new->raw,
		.raw_len = new->raw_len,
		.empty = new->empty,
		.fee_type = new->fees.type,
		.gas = fitting(new->fees.gas),
		.max_fee = fitting(new->fees.max_fee),
		.tip = fitting(new->fees.tip),
	};
	struct sql_attempt_by_hash_in hash = { .account = a->id };
	struct sql_attempt_by_hash_out at;
	struct sql_attempt_added_out out;
	struct head head;

	memcpy(hash.hash, new->hash.at, sizeof hash.hash);
	if ((!new->raw_len || i->has_attempt || a->doubt[0]) &&
	    sql_attempt_by_hash_one(r->s.journal, &hash, &at))
		return new->raw_len &&at.intent ==
			i->id &&sql_attempt_bytes(r->s.journal,
			    &(struct sql_attempt_bytes_in){
				.id = at.id, .raw = new->raw, .raw_len = new->raw_len })
		    ? at.id
		    : 0;
	if (follower_head(a->chain->follower, &head))
		in.signed_height = (int64_t)head.height;
	memcpy(in.hash, new->hash.at, sizeof in.hash);
	return sql_attempt_add(r->s.journal, &in) &&
		sql_attempt_added_one(r->s.journal, &out)
	    ? out.id
	    : 0;
}

void attempt_put(struct runner *r, struct account *a, const struct intent *i,
    const struct attempt_new *new)
{
	struct operation *o = intent_operation(r, i);
	struct payload empty = { .to = a->address };
	struct amount cost, held = i->held;
	int64_t id = attempt_row(r, a, i, new);

	if (!id)
		return;
	if (!money_cost(&cost, new->empty ? &empty : &i->payload, &new->fees))
		intent_damaged(r->s.journal, i->id, "its cost is more than can be added");
	if (amount_cmp(&cost, &i->cost) < 0)
		cost = i->cost;
	if (o)
		(void)money_held_with(&held, a->chain, o, i, &new->fees,
		    new->empty); /* signed: held anyway */
	/* Bytes that are known go on being sent, not those that only a block has
	 * shown. */
	sql_intent_signed(r->s.journal,
	    &(struct sql_intent_signed_in){ .id = i->id,
		.attempt = new->raw_len || !i->has_attempt ? id : i->attempt,
		.cost = cost,
		.held = held });
	if (o)
		money_move(r, o, &i->held, &held);
	put_event(r, i, new);
	a->send_ready = true;
	if (i->has_attempt && new->raw_len)
		account_send_again(a, i->nonce);
}

static void take_one(struct runner *r, const struct sign_one *one)
{
	struct account *a;
	struct intent i;

	idset_remove(&r->signing, one->intent);
	if (!intent_read(r->s.journal, one->intent, &i))
		return;
	a = account_of(r, i.account);
	CHECK(a);
	if (one->err) {
		log_error("sign", "intent %lld: %s", (long long)i.id, one->fail.why);
		account_stop(r, a, "signing failed"); /* a resume asks again */
		return;
	}
	/* The row may have moved on while the worker was busy. */
	if ((i.state != INTENT_RESERVED && i.state != INTENT_SIGNED) ||
	    (i.attempt != one->had_attempt && !MUTANT(no_generation)) ||
	    (i.emptied && !one->empty && !MUTANT(emptied_not_looked_at))) {
		/* Its nonce still wants bytes: empty ones. */
		a->unsigned_left |= i.state == INTENT_RESERVED;
		return;
	}
	attempt_put(r, a, &i,
	    &(struct attempt_new){ .hash = one->out.hash,
		.nonce = i.nonce,
		.raw = one->out.raw,
		.raw_len = one->out.raw_len,
		.empty = one->empty,
		.fees = one->job.fees });
}

void sign_take(struct runner *r)
{
	while (r->signed_in && !runner_turn_long(r)) {
		struct sign_batch *b = r->signed_in;

		r->signed_in = b->next;
		if (!r->signed_in)
			r->signed_end = &r->signed_in;
		for (uint32_t i = 0; i < b->n; i++)
			take_one(r, &b->one[i]);
		mem_free(b);
	}
}
