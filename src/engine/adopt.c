#include "engine/adopt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/attempt.h"
#include "engine/doubt.h"
#include "engine/judge.h"
#include "engine/operation.h"
#include "engine/sign.h"
#include "journal/sql.gen.h"

/* What the block that holds it says of it, as of any attempt. */
static void recalled(struct runner *r, struct account *a, const struct stranger *s)
{
	const struct block_facts *b =
	    follower_block(a->chain->follower, &s->block_hash, s->height);

	for (uint32_t k = 0; b && k < b->tx_n; k++)
		if (hash_same(&b->tx[k].hash, &s->hash))
			(void)attempt_seen(r, a, b, &b->tx[k]);
}

void adopt_attempt(struct runner *r, struct account *a, const struct stranger *s,
    const struct intent *i, bool empty)
{
	static const uint8_t no_bytes[1];

	attempt_put(r, a, i,
	    &(struct attempt_new){ .hash = s->hash,
		.nonce = s->tx.nonce,
		.raw = no_bytes,
		.empty = empty,
		.fees = s->tx.fees });
	if (s->past)
		sql_account_adopted_from(r->s.journal,
		    &(struct sql_account_adopted_from_in){
			.id = a->id, .height = (int64_t)s->height });
	recalled(r, a, s);
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
	struct ids ids = { .n = 0 };

	sql_intent_by_row_begin(r->s.journal, &in);
	while (sql_intent_by_row_next(r->s.journal, &row))
		ids_add(&ids, row.id);
	for (size_t k = 0; k < ids.n && !MUTANT(rival_not_emptied); k++)
		sql_intent_empty(
		    r->s.journal, &(struct sql_intent_empty_in){ .id = ids.at[k] });
	ids_release(&ids);
	a->bumped_height = 0;
}

void adopt_payment(struct runner *r, struct account *a, const struct stranger *s,
    const struct claim *c, bool shared, const char *why)
{
	struct intent i;
	int64_t id;

	rivals_empty(r, a, c);
	id = intent_adopt(r, a, c, &s->tx, shared);
	log_debug("account", "key %s: row %" PRId64 " of %s is adopted: %s", a->key_name,
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
	if (c->state == ITEM_LIVE && id)
		sql_item_carried(r->s.journal,
		    &(struct sql_item_carried_in){
			.operation = c->operation->id, .row = c->row, .intent = id });
	a->shares |= shared;
	if (id && intent_read(r->s.journal, id, &i))
		adopt_attempt(r, a, s, &i, false);
}

/* -- by the operator's word ------------------------------------------------- */

/* Payments looked at between two looks at the clock. */
#define LOOK_MAX 256

struct unclaimed {
	struct stranger tx;
	struct payment pay;
	struct amount arrived;
};

static struct unclaimed unclaimed_row(const struct sql_consumed_payments_out *row)
{
	struct unclaimed u = {
		.tx = { .height = (uint64_t)row->height,
		    .tx = { .nonce = (uint64_t)row->nonce,
			.payload = { .value = row->value,
			    .data_len = (uint32_t)row->data_len },
			.fees = { .type = (enum fee_type)row->fee_type,
			    .gas = (uint64_t)row->gas,
			    .max_fee = (uint64_t)row->max_fee,
			    .tip = (uint64_t)row->tip } } },
		.pay = { .token = !row->no_asset, .amount = row->amount },
		.arrived = row->no_arrived ? row->amount : row->arrived,
	};

	memcpy(u.tx.hash.at, row->hash, sizeof row->hash);
	memcpy(u.tx.tx.hash.at, row->hash, sizeof row->hash);
	memcpy(u.tx.block_hash.at, row->block_hash, sizeof row->block_hash);
	memcpy(u.tx.tx.payload.to.at, row->recipient, sizeof row->recipient);
	if (row->data_len <= PAYLOAD_DATA_MAX) /* longer data pays nobody */
		memcpy(u.tx.tx.payload.data, row->data, row->data_len);
	if (!row->no_asset)
		memcpy(u.pay.asset.at, row->asset, sizeof row->asset);
	memcpy(u.pay.to.at, row->payee, sizeof row->payee);
	return u;
}

static struct unclaimed *unclaimed_list(
    struct runner *r, const struct account *a, uint64_t nonce, size_t *ret_n)
{
	struct sql_consumed_payments_in in = {
		.account = a->id, .nonce = (int64_t)nonce, .max = LOOK_MAX
	};
	struct sql_consumed_payments_out row;
	struct unclaimed *list = NULL;

	*ret_n = 0;
	sql_consumed_payments_begin(r->s.journal, &in);
	while (sql_consumed_payments_next(r->s.journal, &row)) {
		list = mem_grow(list, *ret_n + 1, sizeof *list);
		list[(*ret_n)++] = unclaimed_row(&row);
	}
	return list;
}

/* It is no stranger's any more. In a final block it is the row's end. */
static void take_over(struct runner *r, struct account *a, const struct unclaimed *u,
    const struct claim *c, bool tagged)
{
	struct operation *o = c->operation;
	struct head final;
	struct intent on;
	bool shared = intent_on(r, a, u->tx.tx.nonce, &on);
	char why[120];

	if (shared)
		sql_consumed_adopted(r->s.journal,
		    &(struct sql_consumed_adopted_in){
			.account = a->id, .nonce = (int64_t)u->tx.tx.nonce });
	else
		sql_consumed_drop(r->s.journal,
		    &(struct sql_consumed_drop_in){
			.account = a->id, .nonce = (int64_t)u->tx.tx.nonce });
	snprintf(why, sizeof why,
	    "nonce %" PRIu64 " in block %" PRIu64 ": its payment, by %s", u->tx.tx.nonce,
	    u->tx.height, tagged ? "its tag" : "the operator's word");
	adopt_payment(r, a, &u->tx, c, shared, why);
	if (follower_final(a->chain->follower, &final) &&
	    (u->tx.height <= final.height || MUTANT(adopted_is_final)))
		attempt_was_final(r, a, &u->tx, &u->arrived);
	if (MUTANT(adoption_without_count)) {
		struct claim more;

		while (claim_in(r, a, o, NULL, false, &u->pay, &more) && more.row)
			operation_item(r, o, more.row, &more.amount, ITEM_PENDING,
			    ITEM_VOID, 0, "paid, as an equal row");
	}
	if (tagged)
		account_doubt(r, a, "payments of its plan are of a journal that is lost");
}

/* Some of them, from to->nonce on; whether there are more. */
static bool adopt_some(struct runner *r, struct account *a, struct operation *o,
    struct adopted_to *to, uint64_t since)
{
	size_t n, k;
	struct unclaimed *list = unclaimed_list(r, a, to->nonce, &n);
	bool tagged = !to->untagged;
	struct claim c;

	for (k = 0; k < n && (!k || !runner_turn_long(r)); k++) {
		if (claim_in(r, a, o, &list[k].tx.tx.fees, tagged, &list[k].pay, &c))
			take_over(r, a, &list[k], &c, tagged);
		else if (list[k].tx.tx.nonce >= since &&
		    claim_in(r, a, o, NULL, false, &list[k].pay, &c))
			stranger_suspect(r, a, &list[k].tx, &c);
		to->nonce = list[k].tx.tx.nonce + 1;
	}
	mem_free(list);
	return k < n || n == LOOK_MAX;
}

/* What the operator wants to know once, not of each row: at this time all that is known
 * of its rows was adopted. */
static void tell_adopted(struct runner *r, const struct operation *o, bool by_word)
{
	struct sql_attempt_range_in in = { .operation = o->id };
	struct sql_attempt_range_out all;

	if (!sql_attempt_range_one(r->s.journal, &in, &all) || !(all.n || by_word))
		return;
	if (all.n)
		log_warn("operation",
		    "%s: %" PRId64 " payments that the account had made are its rows': "
		    "nonces %" PRId64 " to %" PRId64 ", in blocks %" PRId64 " to %" PRId64
		    "; %" PRId64 " of its %" PRId64
		    " rows are left to be paid. Each is in "
		    "pawl explain and pawl export",
		    o->name, all.n, all.nonce, all.nonce_last, all.height,
		    all.height_last, o->by_state[ITEM_PENDING].n, o->items);
	else
		log_warn("operation",
		    "%s: no payment that the account had made is left for its rows: "
		    "--adopt took none, and all are paid",
		    o->name);
}

bool adopt_past(struct runner *r, struct operation *o, struct adopted_to *to,
    bool by_word, uint64_t since)
{
	struct account *a = account_of(r, o->account);

	if (!to->begun)
		*to = (struct adopted_to){ .begun = true,
			.nonce = by_word ? 0 : a->first_nonce };
	while (adopt_some(r, a, o, to, by_word ? NONCE_NONE : since))
		if (runner_turn_long(r))
			return false;
	if (by_word && !to->untagged) {
		*to = (struct adopted_to){ .begun = true, .untagged = true };
		r->again = true;
		return false;
	}
	if (by_word)
		account_accept(r, a);
	tell_adopted(r, o, by_word);
	return true;
}

/* -- adopted from a nonce that another intent holds ------------------------- */

static bool has_attempt(
    struct runner *r, const struct account *a, int64_t intent, const struct hash *hash)
{
	struct sql_attempt_by_hash_in in = { .account = a->id };
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
	struct ids ids = { .n = 0 };

	if (!a->shares)
		return;
	sql_intent_shared_begin(r->s.journal, &in);
	while (sql_intent_shared_next(r->s.journal, &row))
		ids_add(&ids, row.id);
	hex_format(hex, hash->at, sizeof hash->at);
	snprintf(proof, sizeof proof,
	    "another transaction consumed nonce %" PRIu64
	    ": 0x%s in final block %" PRIu64,
	    nonce, hex, height);
	for (size_t k = 0; k < ids.n; k++) {
		struct intent i;

		if (!has_attempt(r, a, ids.at[k], hash) &&
		    intent_read(r->s.journal, ids.at[k], &i))
			intent_void(r, &i, false, proof,
			    "another transaction consumed the nonce");
	}
	ids_release(&ids);
}
