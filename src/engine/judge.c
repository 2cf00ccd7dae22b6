#include "engine/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/adopt.h"
#include "engine/attempt.h"
#include "engine/doubt.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "engine/sign.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"

/* In doubt already, that is what it looks for. What was forgotten of one account may have
 * been forgotten of each. */
static void forgotten_stop(struct runner *r, struct account *a)
{
	if (a->doubt[0])
		return;
	journal_doubt_add(
	    r->s.journal, "it has forgotten a transaction that it had sent");
	doubt_take(r);
	account_stop(r, a,
	    "this journal forgot a transaction that it had sent: another copy of it is "
	    "running, or it is an old one; man pawl, DOUBT");
}

static void told_add(struct strangers_told *t, const struct stranger *s)
{
	uint64_t nonce = s->tx.nonce;

	if (!t->n++) {
		t->nonce = t->nonce_last = nonce;
		t->height = t->height_last = s->height;
	}
	t->nonce = nonce < t->nonce ? nonce : t->nonce;
	t->nonce_last = nonce > t->nonce_last ? nonce : t->nonce_last;
	t->height = s->height < t->height ? s->height : t->height;
	t->height_last = s->height > t->height_last ? s->height : t->height_last;
}

/* -- ours ------------------------------------------------------------------ */

bool payload_same(const struct payload *x, const struct payload *y)
{
	return address_same(&x->to, &y->to) && !amount_cmp(&x->value, &y->value) &&
	    x->data_len == y->data_len && x->data_len <= PAYLOAD_DATA_MAX &&
	    !memcmp(x->data, y->data, x->data_len);
}

/* 0 to ourselves, as our empty attempts are. */
static bool is_empty(const struct account *a, const struct whole_tx *tx)
{
	return !tx->creates && address_same(&tx->payload.to, &a->address) &&
	    amount_is_zero(&tx->payload.value) && !tx->payload.data_len;
}

/* The same payload on the same nonce needs no tag: it is the payment itself. */
static bool is_forgotten(struct runner *r, struct account *a, const struct stranger *s)
{
	const struct whole_tx *tx = &s->tx;
	struct operation *o;
	struct intent i;
	bool empty;

	if (tx->creates || !intent_on(r, a, tx->nonce, &i))
		return false;
	o = operation_load(r, i.operation);
	empty = is_empty(a, tx) && o && claim_is_tagged(a, o, i.row, &tx->fees);
	if ((i.state != INTENT_RESERVED && i.state != INTENT_SIGNED) ||
	    (!payload_same(&i.payload, &tx->payload) && !empty))
		return false;
	told_add(&a->adopted_told, s);
	log_debug("account",
	    "key %s: nonce %" PRIu64 " in block %" PRIu64
	    " was used by an attempt of row %" PRId64
	    " of %s that this journal has forgotten",
	    a->key_name, tx->nonce, s->height, i.row, o ? o->name : "an operation");
	adopt_attempt(r, a, s, &i, empty);
	forgotten_stop(r, a);
	return true;
}

/* -- others ---------------------------------------------------------------- */

static void consumed_put(struct runner *r, struct account *a, const struct stranger *s,
    const struct payment *pay, int judgement)
{
	const struct whole_tx *tx = &s->tx;
	struct sql_consumed_add_in in = { .account = a->id,
		.nonce = (int64_t)tx->nonce,
		.judgement = judgement,
		.height = (int64_t)s->height,
		.no_recipient = tx->creates,
		.value = tx->payload.value,
		.data = tx->payload.data };
	struct intent i;

	in.fee_type = tx->fees.type;
	in.gas = fitting(tx->fees.gas);
	in.max_fee = fitting(tx->fees.max_fee);
	in.tip = fitting(tx->fees.tip);
	in.no_asset = !pay || !pay->token;
	in.no_payee = in.no_amount = !pay;
	if (pay) {
		memcpy(in.asset, pay->asset.at, sizeof in.asset);
		memcpy(in.payee, pay->to.at, sizeof in.payee);
		in.amount = pay->amount;
	}
	in.data_len = tx->payload.data_len < PAYLOAD_DATA_MAX ? tx->payload.data_len
							      : PAYLOAD_DATA_MAX;
	memcpy(in.hash, tx->hash.at, sizeof in.hash);
	memcpy(in.block_hash, s->block_hash.at, sizeof in.block_hash);
	memcpy(in.recipient, tx->payload.to.at, sizeof in.recipient);
	sql_consumed_add(r->s.journal, &in);
	if (intent_on(r, a, tx->nonce, &i))
		attempts_replaced(r, i.id, true);
}

/* Read back from before the journal knew the account, and without a tag: no row of its is
 * meant, but a later plan may pay the same. One that a block has again, which was gone
 * meanwhile, was held against no plan that came since. */
static void judge_past(struct runner *r, struct account *a, const struct stranger *s,
    const struct payment *pay)
{
	consumed_put(r, a, s, pay, JUDGEMENT_FOREIGN);
}

/* Who stopped for one already is told of the others when he resumes. */
static void suspect_stop(
    struct runner *r, struct account *a, const struct stranger *s, const struct claim *c)
{
	static const char what[] = "a transaction that this journal does not know pays ";
	char row[24] = "fee", hex[65], why[WAITS_MAX];

	if (c->row)
		snprintf(row, sizeof row, "%" PRId64, c->row);
	hex_format(hex, s->hash.at, sizeof s->hash.at);
	snprintf(why, sizeof why,
	    "%s%s%s of %s (0x%s): another copy of this journal is running, or this one "
	    "is old, or a person paid it; man pawl, DOUBT",
	    what, c->row ? "row " : "the service ", row, c->operation->name, hex);
	if (a->stopped && strstr(a->why_stopped, what))
		log_error("account", "%s", why);
	else
		account_stop(r, a, why);
}

void stranger_suspect(
    struct runner *r, struct account *a, const struct stranger *s, const struct claim *c)
{
	sql_consumed_suspect(r->s.journal,
	    &(struct sql_consumed_suspect_in){
		.account = a->id, .nonce = (int64_t)s->tx.nonce });
	suspect_stop(r, a, s, c);
}

static void judge_other(struct runner *r, struct account *a, const struct stranger *s,
    const struct payment *pay)
{
	struct claim c;
	bool suspect = pay && claim_owed(r, a, pay, &c) && !MUTANT(by_hand_is_foreign);

	consumed_put(r, a, s, pay, suspect ? JUDGEMENT_SUSPECT : JUDGEMENT_FOREIGN);
	told_add(&a->strangers_told, s);
	if (suspect)
		suspect_stop(r, a, s, &c);
}

static bool is_settled(int state)
{
	return state == ITEM_FINAL || state == ITEM_REFUNDED;
}

/* Nothing is moved on of an operation whose rows are in an archive. */
static bool is_archived(struct runner *r, const struct claim *c)
{
	struct archived archived;

	return archive_of(r->s.journal, c->operation->id, &archived);
}

/* It pays again what is paid: the row is flagged when its block is final. */
static void judge_second(struct runner *r, struct account *a, const struct stranger *s,
    const struct payment *pay, const struct claim *c)
{
	char hex[65], what[CLAIM_NAME_MAX];

	consumed_put(r, a, s, pay, JUDGEMENT_FORGOTTEN);
	hex_format(hex, s->hash.at, sizeof s->hash.at);
	claim_name(what, c->operation, c->row);
	log_error("account", "%s was %s %s, by 0x%s", what, s->failed ? "tried" : "paid",
	    is_settled(c->state) ? "a second time" : "after it was archived", hex);
	forgotten_stop(r, a);
}

/* Adopted before, from a nonce that another intent holds, and in a block again. */
static bool is_adopted(struct runner *r, struct account *a, const struct stranger *s,
    const struct payment *pay)
{
	if (!attempt_shares(r, a, &s->hash))
		return false;
	consumed_put(r, a, s, pay, JUDGEMENT_ADOPTED);
	return true;
}

static void judge_ours(struct runner *r, struct account *a, const struct stranger *s,
    const struct payment *pay, const struct claim *c)
{
	struct intent on;
	bool shared = intent_on(r, a, s->tx.nonce, &on);
	char why[120], what[CLAIM_NAME_MAX];

	snprintf(why, sizeof why,
	    "nonce %" PRIu64 " in block %" PRIu64
	    ": a payment by its tag, which this journal has forgotten",
	    s->tx.nonce, s->height);
	if (shared)
		consumed_put(r, a, s, pay, JUDGEMENT_ADOPTED);
	claim_name(what, c->operation, c->row);
	told_add(&a->adopted_told, s);
	log_debug("account", "key %s: %s is adopted: %s", a->key_name, what, why);
	adopt_payment(r, a, s, c, shared, why);
	forgotten_stop(r, a);
}

void stranger_judge(struct runner *r, struct account *a, const struct stranger *s)
{
	const struct whole_tx *tx = &s->tx;
	struct payment pay;
	struct claim c;
	bool is_payment =
	    !tx->creates && a->chain->connector->payment(&pay, &tx->payload);

	if (is_adopted(r, a, s, is_payment ? &pay : NULL) || is_forgotten(r, a, s))
		return;
	if (!is_payment || MUTANT(forgotten_is_foreign) ||
	    !claim_by_tag(r, a, &tx->fees, &pay, &c)) {
		if (tx->nonce < a->first_nonce && (s->past || MUTANT(back_is_past)))
			judge_past(r, a, s, is_payment ? &pay : NULL);
		else
			judge_other(r, a, s, is_payment ? &pay : NULL);
	} else if (is_settled(c.state) || is_archived(r, &c)) {
		judge_second(r, a, s, &pay, &c);
	} else {
		judge_ours(r, a, s, &pay, &c);
	}
}
