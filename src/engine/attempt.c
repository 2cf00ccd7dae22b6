#include "engine/attempt_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/account.h"
#include "engine/adopt.h"
#include "engine/intent.h"
#include "engine/mutant.h"
#include "engine/operation.h"
#include "engine/sign.h"
#include "engine/stranger.h"
#include "journal/sql.gen.h"

/* Final blocks in a row whose count is ahead of the transactions seen: 3, or 18 that are
 * ahead by what the next one has. */
#define AHEAD_MAX 18
#define AHEAD_UNEXPLAINED 6

static void attempt_event(struct runner *r, const struct intent *i,
    const struct hash *hash, int from, int to, const char *why)
{
	char what[24], hex[65];

	if (from == to)
		return;
	state_check(r->s.journal, MACHINE_ATTEMPT, from, to, i->operation, i->row);
	hex_format(hex, hash->at, sizeof hash->at);
	snprintf(what, sizeof what, "attempt %.8s", hex);
	journal_event(r->s.journal,
	    &(struct event){ .operation = i->operation,
		.row = i->row,
		.what = what,
		.from = state_name(MACHINE_ATTEMPT, from),
		.to = state_name(MACHINE_ATTEMPT, to),
		.why = why });
}

/* -- included -------------------------------------------------------------- */

/* All attempts of an intent but one (0: all): their nonce went to other bytes, or came
 * back to them. */
static void siblings_move(struct runner *r, int64_t intent, int64_t but, bool replaced)
{
	struct sql_attempt_siblings_out row;
	struct sql_attempt_siblings_in in = { .intent = intent, .id = but };
	struct ids ids = { .n = 0 };

	sql_attempt_siblings_begin(r->s.journal, &in);
	while (sql_attempt_siblings_next(r->s.journal, &row)) {
		if (replaced ? row.state == ATTEMPT_REPLACED || row.state == ATTEMPT_FINAL
			     : row.state != ATTEMPT_REPLACED || MUTANT(replaced_for_ever))
			continue;
		ids_add(&ids, row.id);
	}
	for (size_t k = 0; k < ids.n; k++) {
		sql_attempt_back(
		    r->s.journal, &(struct sql_attempt_back_in){ .id = ids.at[k] });
		if (replaced)
			sql_attempt_state(r->s.journal,
			    &(struct sql_attempt_state_in){
				.id = ids.at[k], .state = ATTEMPT_REPLACED });
	}
	ids_release(&ids);
}

static struct sql_attempt_included_in included_row(struct account *a,
    const struct intent *i, int64_t id, bool empty, const struct block_facts *b,
    const struct seen_tx *tx)
{
	struct sql_attempt_included_in in = {
		.id = id,
		.state = tx->status == TX_OK ? ATTEMPT_INCLUDED : ATTEMPT_REVERTED,
		.height = (int64_t)b->head.height,
		.tx_index = tx->index,
		.status = tx->status,
		.gas_used = (int64_t)tx->gas_used,
		.gas_price = (int64_t)tx->gas_price,
		.no_paid = true,
	};

	memcpy(in.block_hash, b->head.hash.at, sizeof in.block_hash);
	if (!empty)
		in.no_paid = !a->chain->connector->paid(&in.paid, &i->payload, b, tx);
	return in;
}

static bool by_hash(struct runner *r, const struct account *a, const struct hash *hash,
    struct sql_attempt_by_hash_out *ret)
{
	struct sql_attempt_by_hash_in in = { .account = a->id };

	if (MUTANT(attempts_of_the_first))
		in.account = 1;
	memcpy(in.hash, hash->at, sizeof in.hash);
	return sql_attempt_by_hash_one(r->s.journal, &in, ret);
}

bool attempt_archived(struct runner *r, const struct account *a, const struct hash *hash,
    int64_t *ret_operation, bool *ret_shared)
{
	struct sql_archived_attempt_by_hash_in in = { .account = a->id };
	struct sql_archived_attempt_by_hash_out at;

	memcpy(in.hash, hash->at, sizeof in.hash);
	if (!sql_archived_attempt_by_hash_one(r->s.journal, &in, &at) ||
	    MUTANT(archived_are_strangers))
		return false;
	*ret_operation = at.operation;
	*ret_shared = at.shared;
	return true;
}

bool attempt_known(struct runner *r, const struct account *a, const struct hash *hash)
{
	struct sql_attempt_by_hash_out at;
	int64_t operation;
	bool shared;

	return by_hash(r, a, hash, &at) ||
	    attempt_archived(r, a, hash, &operation, &shared);
}

bool attempt_shares(struct runner *r, const struct account *a, const struct hash *hash)
{
	struct sql_attempt_by_hash_out at;
	int64_t operation;
	struct intent i;
	bool shared;

	if (by_hash(r, a, hash, &at))
		return intent_read(r->s.journal, at.intent, &i) && !i.has_nonce;
	return attempt_archived(r, a, hash, &operation, &shared) && shared;
}

/* The journal has it all there already. */
static bool included_there(
    const struct sql_attempt_by_hash_out *at, const struct sql_attempt_included_in *in)
{
	return at->state == in->state && !at->no_height && at->height == in->height &&
	    !memcmp(at->block_hash, in->block_hash, sizeof at->block_hash) &&
	    at->gas_used == in->gas_used && at->gas_price == in->gas_price &&
	    at->no_paid == in->no_paid &&
	    (in->no_paid || !amount_cmp(&at->paid, &in->paid));
}

/* Nothing that a block says moves it any more. */
static bool is_settled(int64_t state)
{
	return state == ATTEMPT_FINAL ||
	    (state == ATTEMPT_REPLACED && MUTANT(replaced_for_ever));
}

/* It is in this block; returns its state. What one node said of its gas when the block
 * came is put right when the quorum's word comes. */
static int seen(struct runner *r, struct account *a,
    const struct sql_attempt_by_hash_out *at, const struct intent *i,
    const struct block_facts *b, const struct seen_tx *tx)
{
	struct sql_attempt_included_in in = included_row(a, i, at->id, at->empty, b, tx);
	char why[64];

	if (included_there(at, &in))
		return (int)in.state;
	sql_attempt_included(r->s.journal, &in);
	snprintf(why, sizeof why, "block %llu", (unsigned long long)b->head.height);
	attempt_event(r, i, &tx->hash, (int)at->state, (int)in.state, why);
	siblings_move(r, i->id, at->id, true);
	return (int)in.state;
}

bool attempt_seen(struct runner *r, struct account *a, const struct block_facts *b,
    const struct seen_tx *tx)
{
	struct sql_attempt_by_hash_out at;
	int64_t operation;
	struct intent i;
	bool shared;

	if (!by_hash(r, a, &tx->hash, &at))
		return attempt_archived(r, a, &tx->hash, &operation, &shared) && !shared;
	if (at.empty && MUTANT(empty_is_not_ours))
		return false;
	if (!intent_read(r->s.journal, at.intent, &i))
		return true;
	if (!is_settled(at.state))
		(void)seen(r, a, &at, &i, b, tx);
	return i.has_nonce;
}

void attempts_replaced(struct runner *r, int64_t intent, bool replaced)
{
	siblings_move(r, intent, 0, replaced);
}

/* -- retracted ------------------------------------------------------------- */

static void row_ids_add(struct row_ids *l, int64_t id, int64_t intent, int64_t state)
{
	l->id = mem_grow(l->id, l->n + 1, sizeof *l->id);
	l->intent = mem_grow(l->intent, l->n + 1, sizeof *l->intent);
	l->state = mem_grow(l->state, l->n + 1, sizeof *l->state);
	l->id[l->n] = id;
	l->intent[l->n] = intent;
	l->state[l->n++] = state;
}

void row_ids_release(struct row_ids *l)
{
	mem_free(l->id);
	mem_free(l->intent);
	mem_free(l->state);
}

struct row_ids attempts_above(struct runner *r, struct account *a, uint64_t above)
{
	struct sql_attempt_above_in in = { .account = a->id, .height = (int64_t)above };
	struct sql_attempt_above_out row;
	struct row_ids l = { 0 };

	sql_attempt_above_begin(r->s.journal, &in);
	while (sql_attempt_above_next(r->s.journal, &row))
		row_ids_add(&l, row.id, row.intent, row.state);
	return l;
}

void attempt_back(struct runner *r, int64_t id, const char *why)
{
	struct sql_attempt_get_out at;
	struct intent i;
	struct hash hash;

	if (!sql_attempt_get_one(
		r->s.journal, &(struct sql_attempt_get_in){ .id = id }, &at) ||
	    !intent_read(r->s.journal, at.intent, &i))
		return;
	memcpy(hash.at, at.hash, sizeof hash.at);
	attempt_event(r, &i, &hash, (int)at.state, ATTEMPT_SIGNED, why);
	sql_attempt_back(r->s.journal, &(struct sql_attempt_back_in){ .id = id });
	siblings_move(r, i.id, id, false);
	intent_retracted(r, &i);
	if (MUTANT(retracted_is_dropped))
		mutant_give_up(r, i.account, i.nonce, i.nonce + 1);
}

void attempts_retracted(struct runner *r, struct account *a, uint64_t above)
{
	struct row_ids l = attempts_above(r, a, above);

	for (size_t k = 0; k < l.n; k++)
		if (l.state[k] != ATTEMPT_FINAL)
			attempt_back(r, l.id[k], "its block vanished");
	row_ids_release(&l);
}

/* -- final ----------------------------------------------------------------- */

struct settled {
	const struct block_facts *b;
	const struct seen_tx *tx;
	char proof[400];
};

static void proof_write(
    struct runner *r, struct account *a, struct settled *s, const char *what)
{
	char hash[65], block[65], nodes[160];

	(void)r;
	hex_format(hash, s->tx->hash.at, sizeof s->tx->hash.at);
	hex_format(block, s->b->head.hash.at, sizeof s->b->head.hash.at);
	follower_witnesses(a->chain->follower, s->b, nodes, sizeof nodes);
	snprintf(s->proof, sizeof s->proof, "%s: 0x%s in final block %llu 0x%.16s%s%s",
	    what, hash, (unsigned long long)s->b->head.height, block,
	    nodes[0] ? " by " : ", read back", nodes);
}

static void spend(
    struct runner *r, const struct intent *i, uint64_t gas_used, uint64_t gas_price)
{
	struct operation *o = intent_operation(r, i);
	struct amount cost = amount_u64(gas_price);

	if (!o)
		return;
	if (!amount_mul_u64(&cost, &cost, gas_used) ||
	    !amount_add(&o->fees_final, &o->fees_final, &cost))
		operation_damaged(r, o, "its fees are more than an amount can be");
	o->dirty = true;
}

/* It is paid, and final; another amount than planned gives it a flag. */
static void settle_paid(struct runner *r, const struct account *a, const struct intent *i,
    const struct amount *paid, const char *proof)
{
	char got[AMOUNT_TEXT_MAX], flag[AMOUNT_TEXT_MAX + 64];
	struct payment want;

	if (!a->chain->connector->payment(&want, &i->payload) ||
	    !amount_cmp(&want.amount, paid)) {
		intent_final(r, i, proof, NULL);
		return;
	}
	amount_format(got, paid, 0);
	snprintf(flag, sizeof flag, "another amount arrived: %s base units", got);
	intent_final(r, i, proof, flag);
}

/* The payload itself is in the final block: what did it do? */
static void settle_payload(struct runner *r, struct account *a, const struct intent *i,
    struct settled *s, uint64_t gas)
{
	struct amount paid;

	if (s->tx->status != TX_OK) {
		proof_write(r, a, s, PROOF_REVERTED);
		if (s->tx->gas_used >= gas) {
			intent_void(r, i, true, s->proof, "out_of_gas");
			return;
		}
		intent_void(r, i, true, s->proof, REASON_REVERTED);
		reason_ask(r, a, i, s->b->head.height);
		return;
	}
	if (!a->chain->connector->paid(&paid, &i->payload, s->b, s->tx)) {
		proof_write(r, a, s, PROOF_NOTHING_SEEN);
		intent_void(r, i, true, s->proof, "no transfer seen");
		return;
	}
	proof_write(r, a, s, "paid");
	settle_paid(r, a, i, &paid, s->proof);
}

/* A transaction of ours is in a final block. */
static void settle_ours(struct runner *r, struct account *a, struct settled *s)
{
	struct sql_attempt_by_hash_out at;
	struct intent i;
	int state;

	if (!by_hash(r, a, &s->tx->hash, &at) || is_settled(at.state) ||
	    !intent_read(r->s.journal, at.intent, &i))
		return;
	state = seen(r, a, &at, &i, s->b, s->tx);
	attempt_event(r, &i, &s->tx->hash, state, ATTEMPT_FINAL, "");
	sql_attempt_state(r->s.journal,
	    &(struct sql_attempt_state_in){ .id = at.id, .state = ATTEMPT_FINAL });
	if (s->tx->status == TX_OK || !MUTANT(failed_costs_nothing))
		spend(r, &i, s->tx->gas_used, s->tx->gas_price);
	if (i.has_nonce)
		shared_settled(r, a, i.nonce, &s->tx->hash, s->b->head.height);
	if (i.state != INTENT_SIGNED)
		return;
	if (at.empty) {
		proof_write(r, a, s, "an empty attempt consumed the nonce");
		intent_void(r, &i, false, s->proof, "cancelled by an empty attempt");
		return;
	}
	settle_payload(r, a, &i, s, (uint64_t)at.gas);
}

void attempt_settle(struct runner *r, struct account *a, const struct block_facts *b,
    const struct seen_tx *tx)
{
	struct settled s = { .b = b, .tx = tx };

	settle_ours(r, a, &s);
}

/* Looks from *next on, and sets it behind: most attempts come in the block's order. */
static bool block_has(
    const struct block_facts *b, uint32_t account, const uint8_t hash[32], uint32_t *next)
{
	for (uint32_t n = 0; n < b->tx_n; n++) {
		uint32_t k = (*next + n) % b->tx_n;

		if (b->tx[k].account != account ||
		    memcmp(b->tx[k].hash.at, hash, 32) != 0)
			continue;
		*next = k + 1;
		return true;
	}
	return false;
}

void attempt_was_final(struct runner *r, struct account *a, const struct stranger *s,
    const struct amount *paid)
{
	struct sql_attempt_included_in in = { .state = ATTEMPT_INCLUDED,
		.height = (int64_t)s->height,
		.status = TX_OK,
		.gas_used = fitting(s->gas_used),
		.gas_price = fitting(s->gas_price),
		.paid = *paid };
	struct sql_attempt_by_hash_out at;
	struct intent i;
	char proof[200], hash[65];

	if (!by_hash(r, a, &s->hash, &at) || !intent_read(r->s.journal, at.intent, &i))
		return;
	in.id = at.id;
	memcpy(in.block_hash, s->block_hash.at, sizeof in.block_hash);
	sql_attempt_included(r->s.journal, &in);
	attempt_event(r, &i, &s->hash, (int)at.state, ATTEMPT_INCLUDED, "");
	attempt_event(r, &i, &s->hash, ATTEMPT_INCLUDED, ATTEMPT_FINAL, "");
	sql_attempt_state(r->s.journal,
	    &(struct sql_attempt_state_in){ .id = at.id, .state = ATTEMPT_FINAL });
	spend(r, &i, s->gas_used, s->gas_price);
	hex_format(hash, s->hash.at, sizeof s->hash.at);
	snprintf(proof, sizeof proof, "adopted: paid by 0x%s in final block %llu", hash,
	    (unsigned long long)s->height);
	settle_paid(r, a, &i, paid, proof);
}

void attempts_disown(
    struct runner *r, struct account *a, const struct block_facts *b, uint32_t at)
{
	struct sql_attempt_at_in in = { .account = a->id,
		.height = (int64_t)b->head.height };
	struct sql_attempt_at_out row;
	struct row_ids l = { 0 };
	uint32_t next = 0;

	sql_attempt_at_begin(r->s.journal, &in);
	while (sql_attempt_at_next(r->s.journal, &row)) {
		if (row.state != ATTEMPT_FINAL && !block_has(b, at, row.hash, &next))
			row_ids_add(&l, row.id, row.intent, row.state);
	}
	for (size_t k = 0; k < l.n; k++)
		attempt_back(r, l.id[k], "the quorum's block does not have it");
	row_ids_release(&l);
}

static void final_put(
    struct runner *r, struct account *a, uint64_t count, uint64_t height)
{
	a->final_count = count;
	a->final_height = height;
	sql_account_final_count(r->s.journal,
	    &(struct sql_account_final_count_in){ .id = a->id,
		.final_count = (int64_t)a->final_count,
		.final_height = (int64_t)a->final_height });
}

/* The count must grow by the account's transactions and by nothing else. A node may
 * answer with the state of the block after, and be ahead by what is ours in that one;
 * only a count that stays ahead otherwise means that a nonce went without a transaction
 * (EIP-7702 can do that). */
static void count_final(struct runner *r, struct account *a, const struct block_facts *b,
    uint64_t count, uint64_t ours)
{
	uint64_t expected = a->final_count + ours;
	bool gap = a->has_final_count && a->final_height + 1 < b->head.height;

	if (gap && count > expected)
		account_stop(r, a, "its nonces were used in blocks that nobody read");
	if (!a->has_final_count || a->final_height + 1 != b->head.height ||
	    count < expected) {
		expected = count;
		a->ahead = 0;
		a->ahead_sum = 0;
	}
	if (a->ahead)
		a->ahead_sum += a->ahead == ours ? 1 : AHEAD_UNEXPLAINED;
	a->ahead = count - expected;
	if (!a->ahead)
		a->ahead_sum = 0;
	if (a->ahead_sum >= AHEAD_MAX) {
		account_stop(
		    r, a, "a nonce was consumed without a transaction of the account");
		expected = count; /* said once; a resume accepts it */
		a->ahead = 0;
		a->ahead_sum = 0;
	}
	a->has_final_count = true;
	final_put(r, a, expected, b->head.height);
}

void attempts_passed(struct runner *r, struct account *a, uint64_t height)
{
	if (a->has_final_count)
		final_put(r, a, a->final_count, height);
}

void attempts_final(
    struct runner *r, struct account *a, const struct block_facts *b, uint32_t at)
{
	struct settled s = { .b = b };
	uint64_t ours = 0;

	for (uint32_t k = 0; k < b->tx_n; k++) {
		if (b->tx[k].account != at)
			continue;
		ours++;
		s.tx = &b->tx[k];
		settle_ours(r, a, &s);
	}
	if (MUTANT(missing_receipt_is_proof))
		mutant_give_up(r, a->id, a->first_nonce, b->accounts[at].count);
	attempts_disown(r, a, b, at);
	strangers_final(r, a, b, at);
	if (at < b->accounts_n && b->accounts[at].has_count)
		count_final(r, a, b, b->accounts[at].count, ours);
	else if (a->has_final_count && a->final_height + 1 == b->head.height)
		final_put(r, a, a->final_count + ours, b->head.height);
}
