#include "engine/repair.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/ids.h"
#include "base/mutant.h"
#include "codec/eip55.h"
#include "engine/account.h"
#include "engine/adopt.h"
#include "engine/attempt.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "engine/reading.h"
#include "journal/sql.gen.h"

/* No other reason is this: those of nodes have words before them. */
#define REASON_SKIPPED "skipped by the operator"

bool repair_skipped(const char *reason)
{
	return !strcmp(reason, REASON_SKIPPED);
}

int64_t repair_skips(struct journal *j, const struct operation *o)
{
	struct sql_item_void_for_in in = { .operation = o->id, .reason = REASON_SKIPPED };
	struct sql_item_void_for_out out;

	return o->by_state[ITEM_VOID].n && sql_item_void_for_one(j, &in, &out) ? out.n
									       : 0;
}

/* -- the row --------------------------------------------------------------- */

static enum err item_read(struct runner *r, const struct operation *o, int64_t row,
    struct sql_item_get_out *ret, struct fail *f)
{
	struct sql_item_get_in in = { .operation = o->id, .row = row };

	if (sql_item_get_one(r->s.journal, &in, ret))
		return ERR_OK;
	return fail_set(f, ERR_NOT_FOUND, "%s has %" PRId64 " rows, and no row %" PRId64,
	    o->name, o->items, row);
}

static enum err settled(const struct operation *o, int64_t row, int state, struct fail *f)
{
	return fail_set(f, ERR_CONFLICT,
	    "row %" PRId64 " of %s is %s: there is nothing to repair; see: pawl explain "
	    "%s %" PRId64,
	    row, o->name, state_name(MACHINE_ITEM, state), o->name, row);
}

static void command_event(struct runner *r, const struct operation *o, int64_t row,
    const char *what, const char *checked)
{
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.row = row,
		.what = "command",
		.from = "",
		.to = what,
		.why = checked });
}

/* The intents of a row: the live one without bytes, and whether another one is live. */
struct lives {
	bool bare, other;
	struct intent intent; /* the live one; the newest, where none is */
	bool any;
};

/* Nobody has bytes of it, and nobody makes them. */
static bool is_bare(const struct runner *r, const struct intent *i)
{
	return i->state == INTENT_RESERVED && i->has_nonce && !i->has_attempt &&
	    !i->emptied && !idset_has(&r->signing, i->id);
}

static void lives_take(struct runner *r, struct lives *l, int64_t id)
{
	struct intent i;
	bool live;

	if (!intent_read(r->s.journal, id, &i))
		return;
	live = i.state == INTENT_RESERVED || i.state == INTENT_SIGNED;
	if (live || !(l->bare || l->other))
		l->intent = i;
	l->any = true;
	l->bare |= live && is_bare(r, &i);
	l->other |= live && !is_bare(r, &i);
}

static struct lives lives_of(struct runner *r, const struct operation *o, int64_t row)
{
	struct sql_intent_by_row_in in = { .operation = o->id, .row = row };
	struct sql_intent_by_row_out out;
	struct lives l = { .any = false };
	struct ids ids = { .n = 0 };

	sql_intent_by_row_begin(r->s.journal, &in);
	while (sql_intent_by_row_next(r->s.journal, &out))
		ids_add(&ids, out.id);
	for (size_t k = 0; k < ids.n; k++)
		lives_take(r, &l, ids.at[k]);
	ids_release(&ids);
	return l;
}

/* -- adopt: what was read --------------------------------------------------- */

struct adoption {
	struct runner *r;
	struct account *a;
	struct claim claim;
	struct reading read;
	struct payment pay; /* what the transaction pays */
	char hash[67], who[CLAIM_NAME_MAX];
	bool final;  /* its block is */
	bool known;  /* `consumed` has it */
	bool shared; /* an intent holds its nonce */
};

/* An attempt of ours pays the row of its intent, and no other. */
static enum err attempt_check(
    struct adoption *d, const struct hash *hash, bool *ret_done, struct fail *f)
{
	struct sql_attempt_by_hash_in in = { .account = d->a->id };
	struct sql_attempt_by_hash_out at;
	struct sql_attempt_get_out whole;
	int64_t operation;
	struct intent i;
	bool shared;

	memcpy(in.hash, hash->at, sizeof in.hash);
	*ret_done = false;
	if (attempt_archived(d->r, d->a, hash, &operation, &shared))
		return fail_set(f, ERR_CONFLICT,
		    "%s is an attempt of operation %" PRId64
		    ", which is archived, and pays no other row",
		    d->hash, operation);
	if (!sql_attempt_by_hash_one(d->r->s.journal, &in, &at) ||
	    !intent_read(d->r->s.journal, at.intent, &i))
		return ERR_OK;
	*ret_done = i.operation == d->claim.operation->id && i.row == d->claim.row &&
	    sql_attempt_get_one(
		d->r->s.journal, &(struct sql_attempt_get_in){ .id = at.id }, &whole) &&
	    !whole.bytes;
	if (*ret_done)
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT,
	    "%s is an attempt of %s %" PRId64 " already, and pays no other row", d->hash,
	    i.row > 0 ? "row" : "a payment without a row,", i.row);
}

static enum err pays_other(
    const struct adoption *d, const struct payment *want, struct fail *f)
{
	char paid[AMOUNT_TEXT_MAX], wants[AMOUNT_TEXT_MAX], to[43], asset[43] = "coin";

	amount_format(paid, &d->pay.amount, 0);
	amount_format(wants, &want->amount, 0);
	eip55_format(to, d->pay.to.at);
	if (d->pay.token)
		eip55_format(asset, d->pay.asset.at);
	return fail_set(f, ERR_CONFLICT,
	    "%s pays %s base units of %s to %s, which is not what %s is to get (%s)",
	    d->hash, paid, asset, to, d->who, wants);
}

static enum err payment_check(struct adoption *d, struct fail *f)
{
	const struct operation *o = d->claim.operation;
	struct payment want = { .amount = d->claim.amount };
	struct sql_item_get_out item;
	enum err e = ERR_OK;

	want.token = o->kind->token(o, &want.asset);
	if (d->claim.row)
		e = item_read(d->r, o, d->claim.row, &item, f);
	else
		return claim_fee_owed(d->r, d->claim.operation, &d->pay)
		    ? ERR_OK
		    : fail_set(f, ERR_CONFLICT,
			  "%s does not owe what %s pays as its service fee", o->name,
			  d->hash);
	if (e != ERR_OK)
		return e;
	memcpy(want.to.at, item.recipient, sizeof want.to.at);
	if (d->pay.token == want.token && address_same(&d->pay.to, &want.to) &&
	    !amount_cmp(&d->pay.amount, &want.amount) &&
	    (!want.token || address_same(&d->pay.asset, &want.asset)))
		return ERR_OK;
	return pays_other(d, &want, f);
}

/* What arrived, by the receipt. A token may keep some of it: that is flagged, as of any
 * row's payment. */
static enum err effect_check(const struct adoption *d, struct fail *f)
{
	const struct receipt *t = &d->read.receipt;

	if (t->status != TX_OK)
		return fail_set(
		    f, ERR_CONFLICT, "%s failed on the chain: it paid nobody", d->hash);
	if (!d->pay.token)
		return ERR_OK;
	if (t->transfers && address_same(&t->transfer.token, &d->pay.asset) &&
	    address_same(&t->transfer.to, &d->pay.to))
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT,
	    "%s: its receipt shows no transfer to whom it pays", d->hash);
}

/* The journal has read it in a block that it follows: nodes that show it in none are
 * behind, or elsewhere. */
static enum err shown_check(
    const struct adoption *d, const struct hash *hash, struct fail *f)
{
	struct sql_consumed_by_hash_in in = { .account = d->a->id };
	struct sql_consumed_by_hash_out row;

	memcpy(in.hash, hash->at, sizeof in.hash);
	if ((d->read.tx.known && d->read.tx.included) ||
	    !sql_consumed_by_hash_one(d->r->s.journal, &in, &row) ||
	    MUTANT(behind_is_dropped))
		return ERR_OK;
	return fail_set(f, ERR_NO_QUORUM,
	    "%s is in block %" PRId64 ", which the nodes do not show now", d->hash,
	    row.height);
}

static enum err reading_check(struct adoption *d, struct fail *f)
{
	const struct whole_tx *tx = &d->read.tx;
	char from[43];
	enum err e;

	if (!tx->known)
		return fail_set(f, ERR_NOT_FOUND,
		    "the nodes know no transaction %s; is the hash right?", d->hash);
	eip55_format(from, tx->from.at);
	if (!address_same(&tx->from, &d->a->address))
		return fail_set(f, ERR_CONFLICT,
		    "%s was sent by %s, and not from the account of key %s", d->hash,
		    from, d->a->key_name);
	if (!tx->included)
		return fail_set(f, ERR_CONFLICT,
		    "%s is in no block: it may be dropped, and pays nobody before",
		    d->hash);
	if (tx->creates || !d->a->chain->connector->payment(&d->pay, &tx->payload))
		return fail_set(f, ERR_CONFLICT, "%s is no payment", d->hash);
	e = MUTANT(repair_adopts_anything) ? ERR_OK : payment_check(d, f);
	return e == ERR_OK ? effect_check(d, f) : e;
}

/* -- adopt: where it stands ------------------------------------------------- */

/* In a block that the journal follows, or in a final one. */
static enum err block_check(struct adoption *d, struct fail *f)
{
	const struct whole_tx *tx = &d->read.tx;
	struct head final;

	d->final =
	    follower_final(d->a->chain->follower, &final) && tx->height <= final.height;
	if (d->final ||
	    follower_block(d->a->chain->follower, &tx->block_hash, tx->height))
		return ERR_OK;
	return fail_set(f, ERR_NO_QUORUM,
	    "%s is in block %" PRIu64 ", which is not read yet", d->hash, tx->height);
}

/* Its nonce: known by this very transaction, or from before the journal's first. */
static enum err nonce_check(struct adoption *d, struct fail *f)
{
	const struct whole_tx *tx = &d->read.tx;
	struct sql_consumed_get_in in = { .account = d->a->id,
		.nonce = (int64_t)tx->nonce };
	struct sql_consumed_get_out used;
	struct intent on;

	d->known = sql_consumed_get_one(d->r->s.journal, &in, &used);
	d->shared = intent_on(d->r, d->a, tx->nonce, &on);
	if (d->known
		? !memcmp(used.hash, tx->hash.at, sizeof used.hash)
		: !d->shared && d->a->has_first_nonce && tx->nonce < d->a->first_nonce)
		return ERR_OK;
	return fail_set(f, ERR_NO_QUORUM,
	    "%s consumed nonce %" PRIu64 ", and the journal has not read that yet",
	    d->hash, tx->nonce);
}

/* Not while it is among those that are read: it would be judged as well. */
static enum err read_check(const struct adoption *d, struct fail *f)
{
	const struct account *a = d->a;
	bool unread = !d->known && !a->past_known;

	for (size_t i = 0; i < a->strangers_n; i++)
		unread |= hash_same(&a->strangers[i].hash, &d->read.tx.hash);
	if (!unread)
		return ERR_OK;
	return fail_set(f, ERR_NO_QUORUM,
	    "what the account of key %s did is still being read", a->key_name);
}

static void adopt_do(struct adoption *d, const char *checked)
{
	const struct whole_tx *tx = &d->read.tx;
	struct stranger s = { .hash = tx->hash,
		.block_hash = tx->block_hash,
		.height = tx->height,
		.gas_used = d->read.receipt.gas_used,
		.gas_price = d->read.receipt.gas_price,
		.tx = *tx };

	if (d->shared)
		sql_consumed_adopted(d->r->s.journal,
		    &(struct sql_consumed_adopted_in){
			.account = d->a->id, .nonce = (int64_t)tx->nonce });
	else if (d->known)
		sql_consumed_drop(d->r->s.journal,
		    &(struct sql_consumed_drop_in){
			.account = d->a->id, .nonce = (int64_t)tx->nonce });
	adopt_payment(d->r, d->a, &s, &d->claim, d->shared, checked);
	if (d->final)
		attempt_was_final(d->r, d->a, &s,
		    d->pay.token ? &d->read.receipt.transfer.amount : &d->pay.amount);
	d->a->strangers_settled = false;
	d->r->again = true;
}

static enum err claim_take(
    struct adoption *d, struct operation *o, int64_t row, struct fail *f)
{
	struct sql_item_get_out item;
	enum err e;

	d->claim = (struct claim){ .operation = o, .row = row };
	claim_name(d->who, o, row);
	if (!row)
		return ERR_OK;
	e = item_read(d->r, o, row, &item, f);
	if (e != ERR_OK)
		return e;
	d->claim.state = (int)item.state;
	d->claim.amount = item.amount;
	return ERR_OK;
}

/* Where a final block vanished, what its nodes show now is on no block that we follow. */
static enum err chain_check(const struct chain_run *c, struct fail *f)
{
	if (!follower_stopped(c->follower) || MUTANT(repair_on_stopped_chain))
		return ERR_OK;
	return fail_set(f, ERR_OPERATOR,
	    "chain %s is stopped, for a final block vanished: look at it first, and "
	    "then: pawl resume chain:%s",
	    c->config->name, c->config->name);
}

static enum err adopt_check(struct adoption *d, const struct hash *hash, struct fail *f)
{
	enum err e = chain_check(d->a->chain, f);

	if (e != ERR_OK)
		return e;
	if (d->claim.state == ITEM_FINAL || d->claim.state == ITEM_REFUNDED)
		return settled(d->claim.operation, d->claim.row, d->claim.state, f);
	e = reading_take(d->r, d->a, hash, &d->read, f);
	if (e == ERR_OK)
		e = shown_check(d, hash, f);
	if (e == ERR_OK)
		e = reading_check(d, f);
	if (e == ERR_OK)
		e = block_check(d, f);
	if (e == ERR_OK)
		e = nonce_check(d, f);
	return e == ERR_OK ? read_check(d, f) : e;
}

enum err repair_adopt(struct runner *r, struct operation *o, int64_t row,
    const struct hash *hash, char checked[REPAIR_CHECKED_MAX], struct fail *f)
{
	struct adoption d = { .r = r, .a = account_of(r, o->account), .hash = "0x" };
	enum err e = claim_take(&d, o, row, f);
	bool done = false;

	hex_format(d.hash + 2, hash->at, sizeof hash->at);
	if (e == ERR_OK)
		e = attempt_check(&d, hash, &done, f);
	if (e == ERR_OK && !done)
		e = adopt_check(&d, hash, f);
	if (e != ERR_OK)
		return e;
	if (done) {
		snprintf(checked, REPAIR_CHECKED_MAX, "%s is its payment already: %s",
		    d.hash, d.who);
		return ERR_OK;
	}
	snprintf(checked, REPAIR_CHECKED_MAX,
	    "%s of key %s, nonce %" PRIu64 ", in %sblock %" PRIu64
	    ", read whole by a quorum, pays what %s is to get, and is no other row's",
	    d.hash, d.a->key_name, d.read.tx.nonce, d.final ? "final " : "",
	    d.read.tx.height, d.who);
	command_event(r, o, row, "repair adopt", checked);
	adopt_do(&d, "adopted as its payment, by the operator's word");
	return ERR_OK;
}

/* -- release ----------------------------------------------------------------- */

static void release(struct runner *r, const struct intent *i)
{
	struct account *a = account_of(r, i->account);

	intent_give_back(r, i);
	CHECK(a);
	a->holes = true;
}

static enum err not_bare(
    const struct operation *o, const struct lives *l, const char *who, struct fail *f)
{
	if (!l->other)
		return fail_set(f, ERR_CONFLICT, "%s has no nonce to give back", who);
	if (l->intent.has_attempt)
		return fail_set(f, ERR_CONFLICT,
		    "%s: bytes are signed for its nonce %" PRIu64
		    ", and can be mined at any time; it is given back when an empty "
		    "attempt has consumed it: pawl cancel %s --now",
		    who, l->intent.nonce, o->name);
	return fail_set(f, ERR_CONFLICT,
	    "%s: nonce %" PRIu64
	    " can't be given back now: its bytes are being made, or it gets an empty "
	    "attempt",
	    who, l->intent.nonce);
}

enum err repair_release(struct runner *r, struct operation *o, int64_t row,
    char checked[REPAIR_CHECKED_MAX], struct fail *f)
{
	struct lives l = lives_of(r, o, row);
	char who[CLAIM_NAME_MAX];
	struct sql_item_get_out item;
	enum err e = row ? item_read(r, o, row, &item, f) : ERR_OK;

	claim_name(who, o, row);
	if (e != ERR_OK)
		return e;
	if (row && item.state == ITEM_PENDING) {
		snprintf(checked, REPAIR_CHECKED_MAX,
		    "%s is pending already, and has no nonce", who);
		return ERR_OK;
	}
	if (!l.bare || l.other)
		return not_bare(o, &l, who, f);
	snprintf(checked, REPAIR_CHECKED_MAX,
	    "no bytes are signed for nonce %" PRIu64 ", and none are being made: %s is "
	    "pending again, the nonce free",
	    l.intent.nonce, who);
	command_event(r, o, row, "repair release", checked);
	release(r, &l.intent);
	return ERR_OK;
}

/* -- skip -------------------------------------------------------------------- */

static enum err still_live(
    const struct operation *o, int64_t row, const struct lives *l, struct fail *f)
{
	return fail_set(f, ERR_CONFLICT,
	    "row %" PRId64 " of %s is live: what was signed for nonce %" PRIu64
	    " can still pay it; wait until it is settled, or: pawl cancel %s --now",
	    row, o->name, l->intent.nonce, o->name);
}

/* What was sent, and this journal has not, may pay it before all nonces below are
 * used. */
static enum err not_forgotten(
    struct runner *r, const struct operation *o, int64_t row, struct fail *f)
{
	const struct account *a = account_of(r, o->account);

	CHECK(a);
	if (!a->doubt[0] && !journal_doubt(r->s.journal))
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT,
	    "key %s is in doubt: what its journal may have forgotten can still pay row "
	    "%" PRId64 " of %s; wait until the key is fenced: pawl status",
	    a->key_name, row, o->name);
}

/* Why nothing of it can be paid any more. */
static void death_text(struct runner *r, const struct lives *l, char *out, size_t size)
{
	struct sql_intent_get_in in = { .id = l->intent.id };
	struct sql_intent_get_out i;

	if (l->bare)
		snprintf(out, size, "no bytes were signed for its nonce, which is free");
	else if (l->any && sql_intent_get_one(r->s.journal, &in, &i) && !i.no_proof)
		snprintf(out, size, "what was signed for it is dead: %.300s", i.proof);
	else
		snprintf(out, size, "nothing was ever signed for it");
}

static void skip_do(struct runner *r, struct operation *o,
    const struct sql_item_get_out *item, const char *checked)
{
	if (item->state != ITEM_VOID) {
		operation_item(r, o, item->row, &item->amount, (int)item->state,
		    ITEM_VOID, 0, REASON_SKIPPED);
		return;
	}
	sql_item_reason(r->s.journal,
	    &(struct sql_item_reason_in){
		.operation = o->id, .row = item->row, .reason = REASON_SKIPPED });
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.row = item->row,
		.what = "item",
		.from = "void",
		.to = "skipped",
		.why = checked });
}

enum err repair_skip(struct runner *r, struct operation *o, int64_t row,
    char checked[REPAIR_CHECKED_MAX], struct fail *f)
{
	struct lives l = lives_of(r, o, row);
	struct sql_item_get_out item;
	char why[400];
	enum err e = ERR_OK;

	if (!row)
		return fail_set(f, ERR_CONFLICT,
		    "the service fee is part of the plan, and can't be skipped; to end "
		    "without it: pawl cancel %s",
		    o->name);
	e = item_read(r, o, row, &item, f);
	if (e != ERR_OK)
		return e;
	if (item.state == ITEM_FINAL || item.state == ITEM_REFUNDED)
		return settled(o, row, (int)item.state, f);
	if (l.other && !MUTANT(skip_of_a_live_row))
		return still_live(o, row, &l, f);
	death_text(r, &l, why, sizeof why);
	snprintf(checked, REPAIR_CHECKED_MAX, "row %" PRId64 ": %s", row, why);
	if (item.state == ITEM_VOID && !item.no_reason && repair_skipped(item.reason)) {
		snprintf(checked, REPAIR_CHECKED_MAX,
		    "row %" PRId64 " is skipped already: %s", row, why);
		return ERR_OK;
	}
	e = not_forgotten(r, o, row, f);
	if (e != ERR_OK)
		return e;
	command_event(r, o, row, "repair skip", checked);
	if (l.bare) {
		release(r, &l.intent);
		item.state = ITEM_PENDING;
	}
	skip_do(r, o, &item, checked);
	r->again = true;
	return ERR_OK;
}
