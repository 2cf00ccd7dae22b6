#include "engine/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/attempt.h"
#include "engine/doubt.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "engine/sign.h"
#include "journal/sql.gen.h"

/* -- what it says of this journal ------------------------------------------ */

/* In doubt already, that is what it looks for. */
static void forgotten_stop(struct runner *r, struct account *a)
{
	if (a->doubt[0])
		return;
	account_doubt(r, a, "it has forgotten a transaction that it had sent");
	account_stop(r, a,
	    "this journal forgot a transaction that it had sent: another copy of it is "
	    "running, or it is an old one; man pawl, DAMAGE");
}

/* -- who is paid ----------------------------------------------------------- */

/* An item that it may pay, or (row 0) a service fee. */
struct claim {
	struct operation *operation;
	int64_t row;
	int state;
	int64_t intent; /* LIVE: that carries it */
	struct amount amount;
};

static bool pays_in(struct operation *o, const struct payment *pay)
{
	struct address token;
	bool has = o->kind->token(o, &token);

	return has == pay->token && (!has || address_same(&token, &pay->asset));
}

static bool is_tagged(const struct account *a, const struct operation *o, int64_t row,
    const struct fees *fees)
{
	uint8_t tag[5];

	operation_tag(o, row, tag);
	return a->chain->connector->fees_tagged(fees, tag);
}

/* Rows of all operations of the account that pay as much to the same recipient. */
static struct claim *rows_alike(
    struct runner *r, const struct account *a, const struct payment *pay, size_t *ret_n)
{
	struct sql_item_alike_in in = { .account = a->id, .amount = pay->amount };
	struct sql_item_alike_out row;
	struct claim *rows = NULL;
	int64_t *operations = NULL;
	size_t n = 0, kept = 0;

	memcpy(in.recipient, pay->to.at, sizeof in.recipient);
	sql_item_alike_begin(r->s.journal, &in);
	while (sql_item_alike_next(r->s.journal, &row)) {
		rows = mem_grow(rows, n + 1, sizeof *rows);
		operations = mem_grow(operations, n + 1, sizeof *operations);
		operations[n] = row.operation;
		rows[n++] = (struct claim){ .row = row.row,
			.state = (int)row.state,
			.intent = row.no_intent ? 0 : row.intent,
			.amount = pay->amount };
	}
	for (size_t k = 0; k < n; k++) {
		rows[k].operation = operation_load(r, operations[k]);
		if (rows[k].operation && pays_in(rows[k].operation, pay))
			rows[kept++] = rows[k];
	}
	free(operations);
	*ret_n = kept;
	return rows;
}

static bool is_owed(const struct claim *c)
{
	return c->state == ITEM_PENDING || c->state == ITEM_LIVE;
}

/* The row that its tag names, whatever became of it; else the tag of a service fee that
 * is still owed. */
static bool claim_by_tag(struct runner *r, const struct account *a,
    const struct whole_tx *tx, const struct payment *pay, struct claim *ret)
{
	size_t n;
	struct claim *rows = rows_alike(r, a, pay, &n);
	bool found = false;

	for (size_t k = 0; k < n && !found; k++) {
		found = is_tagged(a, rows[k].operation, rows[k].row, &tx->fees);
		*ret = rows[k];
	}
	free(rows);
	for (size_t k = 0; k < r->operations_n && !found; k++) {
		struct operation *o = r->operations[k];

		found = o->account == a->id && pays_in(o, pay) &&
		    o->kind->owes(r, o, pay) && is_tagged(a, o, 0, &tx->fees);
		*ret = (struct claim){ .operation = o, .amount = pay->amount };
	}
	return found;
}

/* Does it pay what an operation of this account still owes: an item that is not settled,
 * or a service fee? */
static bool pays_an_item(
    struct runner *r, const struct account *a, const struct payment *pay)
{
	size_t n;
	struct claim *rows = rows_alike(r, a, pay, &n);
	bool pays = false;

	for (size_t k = 0; k < n; k++)
		pays |= is_owed(&rows[k]) && !operation_ended(rows[k].operation);
	free(rows);
	for (size_t k = 0; k < r->operations_n && !pays; k++) {
		struct operation *o = r->operations[k];

		pays = o->account == a->id && pays_in(o, pay) && o->kind->owes(r, o, pay);
	}
	return pays;
}

/* -- ours ------------------------------------------------------------------ */

/* What the block that holds it says of it, as of any attempt. */
static void recalled(struct runner *r, struct account *a, const struct stranger *s)
{
	const struct block_facts *b =
	    follower_block(a->chain->follower, &s->block_hash, s->height);

	for (uint32_t k = 0; b && k < b->tx_n; k++)
		if (hash_same(&b->tx[k].hash, &s->hash))
			(void)attempt_seen(r, a, b, &b->tx[k]);
}

static void recall(struct runner *r, struct account *a, const struct stranger *s,
    const struct intent *i, bool empty)
{
	static const uint8_t no_bytes[1];

	attempt_put(r, a, i,
	    &(struct attempt_new){ .hash = s->hash,
		.nonce = s->tx.nonce,
		.raw = no_bytes,
		.empty = empty,
		.fees = s->tx.fees });
	recalled(r, a, s);
	forgotten_stop(r, a);
}

static bool payload_same(const struct payload *x, const struct payload *y)
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
	empty = is_empty(a, tx) && o && is_tagged(a, o, i.row, &tx->fees);
	if ((i.state != INTENT_RESERVED && i.state != INTENT_SIGNED) ||
	    (!payload_same(&i.payload, &tx->payload) && !empty))
		return false;
	log_warn("account",
	    "key %s: nonce %" PRIu64 " in block %" PRIu64
	    " was used by an attempt of row %" PRId64
	    " of %s that this journal has forgotten",
	    a->key_name, tx->nonce, s->height, i.row, o ? o->name : "an operation");
	recall(r, a, s, &i, empty);
	return true;
}

static int64_t intent_adopt(struct runner *r, const struct account *a,
    const struct claim *c, const struct whole_tx *tx, bool shared)
{
	struct sql_intent_adopt_in in = { .operation = c->operation->id,
		.row = c->row,
		.account = a->id,
		.nonce = (int64_t)tx->nonce,
		.no_nonce = shared,
		.shared_nonce = (int64_t)tx->nonce,
		.no_shared_nonce = !shared,
		.value = tx->payload.value,
		.data = tx->payload.data,
		.data_len = tx->payload.data_len,
		.cost = tx->payload.value };
	struct sql_intent_adopt_out out;

	memcpy(in.recipient, tx->payload.to.at, sizeof in.recipient);
	return sql_intent_adopt_one(r->s.journal, &in, &out) ? out.id : 0;
}

/* Its own payment is under way on another nonce: from here on only an empty attempt goes
 * there. */
static void rivals_empty(struct runner *r, struct account *a, const struct claim *c)
{
	struct sql_intent_by_row_in in = { .operation = c->operation->id, .row = c->row };
	struct sql_intent_by_row_out row;
	int64_t *ids = NULL;
	size_t n = 0;

	sql_intent_by_row_begin(r->s.journal, &in);
	while (sql_intent_by_row_next(r->s.journal, &row)) {
		ids = mem_grow(ids, n + 1, sizeof *ids);
		ids[n++] = row.id;
	}
	for (size_t k = 0; k < n && !MUTANT(rival_not_emptied); k++)
		sql_intent_empty(
		    r->s.journal, &(struct sql_intent_empty_in){ .id = ids[k] });
	free(ids);
	a->bumped_height = 0;
}

static void adopt(struct runner *r, struct account *a, const struct stranger *s,
    const struct claim *c, bool shared)
{
	struct intent i;
	char why[160];
	int64_t id;

	rivals_empty(r, a, c);
	id = intent_adopt(r, a, c, &s->tx, shared);
	snprintf(why, sizeof why,
	    "nonce %" PRIu64 " in block %" PRIu64
	    ": a payment by its tag, which this journal has forgotten",
	    s->tx.nonce, s->height);
	log_warn("account", "key %s: row %" PRId64 " of %s is adopted: %s", a->key_name,
	    c->row, c->operation->name, why);
	if (c->row > 0 && (c->state == ITEM_PENDING || c->state == ITEM_VOID))
		operation_item(
		    r, c->operation, c->row, &c->amount, c->state, ITEM_LIVE, id, why);
	else
		journal_event(r->s.journal,
		    &(struct event){ .operation = c->operation->id,
			.row = c->row,
			.what = c->row ? "item" : "service fee",
			.from = "",
			.to = "adopted",
			.why = why });
	a->shares |= shared;
	if (id && intent_read(r->s.journal, id, &i))
		recall(r, a, s, &i, false);
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

/* From before the journal knew the account: no row of its can be meant, but a later plan
 * may pay the same. */
static void judge_past(struct runner *r, struct account *a, const struct stranger *s,
    const struct payment *pay)
{
	consumed_put(r, a, s, s->failed ? NULL : pay, JUDGEMENT_FOREIGN);
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

static void judge_other(struct runner *r, struct account *a, const struct stranger *s,
    const struct payment *pay)
{
	bool suspect = pay && pays_an_item(r, a, pay);

	consumed_put(r, a, s, pay, suspect ? JUDGEMENT_SUSPECT : JUDGEMENT_FOREIGN);
	told_add(&a->strangers_told, s);
	if (suspect)
		account_stop(r, a,
		    "a transaction that this journal does not know pays one of its "
		    "rows: another copy of this journal is running, or this one is "
		    "old; look first: pawl verify, man pawl (DAMAGE)");
}

/* It pays again what is paid. */
static void judge_second(struct runner *r, struct account *a, const struct stranger *s,
    const struct payment *pay, const struct claim *c)
{
	char hex[65];

	consumed_put(r, a, s, pay, JUDGEMENT_FORGOTTEN);
	hex_format(hex, s->hash.at, sizeof s->hash.at);
	log_error("account", "row %" PRId64 " of %s was paid a second time, by 0x%s",
	    c->row, c->operation->name, hex);
	forgotten_stop(r, a);
}

void stranger_judge(struct runner *r, struct account *a, const struct stranger *s)
{
	const struct whole_tx *tx = &s->tx;
	struct payment pay;
	struct intent on;
	struct claim c;
	bool is_payment =
	    !tx->creates && a->chain->connector->payment(&pay, &tx->payload);

	if (is_forgotten(r, a, s))
		return;
	if (tx->nonce < a->first_nonce) {
		judge_past(r, a, s, is_payment ? &pay : NULL);
	} else if (!is_payment || MUTANT(forgotten_is_foreign) ||
	    !claim_by_tag(r, a, tx, &pay, &c)) {
		judge_other(r, a, s, is_payment ? &pay : NULL);
	} else if (c.state == ITEM_FINAL || c.state == ITEM_REFUNDED) {
		judge_second(r, a, s, &pay, &c);
	} else if (intent_on(r, a, tx->nonce, &on)) {
		consumed_put(r, a, s, &pay, JUDGEMENT_ADOPTED);
		adopt(r, a, s, &c, true);
	} else {
		adopt(r, a, s, &c, false);
	}
}

/* -- adopted from a nonce that another intent holds ------------------------- */

static bool has_attempt(struct runner *r, int64_t intent, const struct hash *hash)
{
	struct sql_attempt_by_hash_in in;
	struct sql_attempt_by_hash_out at;

	memcpy(in.hash, hash->at, sizeof in.hash);
	return sql_attempt_by_hash_one(r->s.journal, &in, &at) && at.intent == intent;
}

void shared_settled(struct runner *r, struct account *a, uint64_t nonce,
    const struct hash *hash, uint64_t height)
{
	struct sql_intent_shared_in in = { .account = a->id, .nonce = (int64_t)nonce };
	struct sql_intent_shared_out row;
	char proof[200], hex[65];
	int64_t *ids = NULL;
	size_t n = 0;

	if (!a->shares)
		return;
	sql_intent_shared_begin(r->s.journal, &in);
	while (sql_intent_shared_next(r->s.journal, &row)) {
		ids = mem_grow(ids, n + 1, sizeof *ids);
		ids[n++] = row.id;
	}
	hex_format(hex, hash->at, sizeof hash->at);
	snprintf(proof, sizeof proof,
	    "another transaction consumed nonce %" PRIu64
	    ": 0x%s in final block %" PRIu64,
	    nonce, hex, height);
	for (size_t k = 0; k < n; k++) {
		struct intent i;

		if (!has_attempt(r, ids[k], hash) &&
		    intent_read(r->s.journal, ids[k], &i))
			intent_void(r, &i, false, proof,
			    "another transaction consumed the nonce");
	}
	free(ids);
}
