#include "engine/stranger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/adopt.h"
#include "engine/attempt.h"
#include "engine/intent.h"
#include "engine/judge.h"
#include "engine/operation.h"
#include "engine/quorum.h"
#include "journal/sql.gen.h"

#define ASKED_MAX 50
#define ASK_PAUSE_MS 500
/* Foreign transactions within a finality period that stop new intents. */
#define FOREIGN_MAX 3

static struct stranger *stranger_find(struct account *a, const struct hash *hash)
{
	for (size_t i = 0; i < a->strangers_n; i++)
		if (hash_same(&a->strangers[i].hash, hash))
			return &a->strangers[i];
	return NULL;
}

static void stranger_forget(struct account *a, struct stranger *s)
{
	*s = a->strangers[--a->strangers_n];
}

static bool consumed_at(
    struct runner *r, const struct account *a, const struct hash *hash, uint64_t height)
{
	struct sql_consumed_by_hash_in in = { .account = a->id };
	struct sql_consumed_by_hash_out known;

	memcpy(in.hash, hash->at, sizeof in.hash);
	return sql_consumed_by_hash_one(r->s.journal, &in, &known) &&
	    (uint64_t)known.height == height;
}

void stranger_seen(struct runner *r, struct account *a, const struct block_facts *b,
    const struct seen_tx *tx, bool past)
{
	struct stranger *s = stranger_find(a, &tx->hash);

	if (consumed_at(r, a, &tx->hash, b->head.height))
		return;
	if (!s) {
		a->strangers =
		    mem_grow(a->strangers, a->strangers_n + 1, sizeof *a->strangers);
		s = &a->strangers[a->strangers_n++];
		*s = (struct stranger){ .hash = tx->hash, .past = past };
	}
	s->block_hash = b->head.hash;
	s->height = b->head.height;
	s->failed = tx->status != TX_OK;
}

/* -- settling -------------------------------------------------------------- */

/* What the consumer of a nonce is, for the proof of the payload that did not get it. */
static const char *consumer_is(int judgement)
{
	switch (judgement) {
	case JUDGEMENT_ADOPTED:
		return "pays another row, which is adopted";
	case JUDGEMENT_FORGOTTEN:
		return "pays again what was paid";
	default:
		return "pays none of the items";
	}
}

/* In a final block, by the quorum: the payload on this nonce is dead, unless the
 * stranger may be its payment. */
static void settle(struct runner *r, struct account *a, int64_t nonce, int judgement,
    const uint8_t *hash, uint64_t height)
{
	struct operation *o;
	struct intent i;
	struct hash by;
	char hex[65], proof[240];

	memcpy(by.at, hash, sizeof by.at);
	shared_settled(r, a, (uint64_t)nonce, &by, height);
	if (!intent_on(r, a, (uint64_t)nonce, &i) ||
	    (i.state != INTENT_RESERVED && i.state != INTENT_SIGNED))
		return;
	o = operation_load(r, i.operation);
	if (judgement == JUDGEMENT_SUSPECT) {
		if (o)
			operation_stop(r, o,
			    "a transaction that this journal does not know "
			    "consumed a nonce and pays one of the rows");
		return;
	}
	hex_format(hex, hash, 32);
	snprintf(proof, sizeof proof,
	    "another transaction consumed nonce %lld: 0x%s in final block %llu, read "
	    "whole, %s",
	    (long long)nonce, hex, (unsigned long long)height, consumer_is(judgement));
	intent_void(r, &i, false, proof, "another transaction consumed the nonce");
}

/* -- reading --------------------------------------------------------------- */

struct stranger_ask {
	struct fact fact;
	struct runner *runner;
	struct chain_run *chain;
	int64_t account;
	int node;
	uint32_t n;
	struct hash hash[ASKED_MAX];
	struct whole_tx tx[ASKED_MAX];
	enum err err;
};

/* One node's reading; the quorum's is the one that counts. */
static void take_reading(
    struct runner *r, struct account *a, int node, const struct whole_tx *tx)
{
	struct stranger *s = stranger_find(a, &tx->hash);
	uint32_t alike;

	/* Only as part of the very block that we follow. */
	if (!s || !tx->known || !tx->included ||
	    !hash_same(&tx->block_hash, &s->block_hash) ||
	    !address_same(&tx->from, &a->address))
		return;
	alike = tally_add(&s->tally, node, tx, NULL);
	if (!follower_quorum(a->chain->follower, alike) && !MUTANT(reading_by_one))
		return;
	s->tx = *tx;
	stranger_judge(r, a, s);
	stranger_forget(a, s);
	r->again = true;
}

static void ask_take(struct runner *r, struct fact *f)
{
	struct stranger_ask *q = (struct stranger_ask *)f;
	struct account *a = account_of(r, q->account);

	CHECK(a);
	a->strangers_asked = false;
	a->strangers_at_ms = world_now_ms(r->s.world) + ASK_PAUSE_MS;
	for (uint32_t k = 0; k < q->n; k++) {
		struct stranger *s = stranger_find(a, &q->hash[k]);

		if (s)
			s->asked |= 1u << q->node;
		if (!q->err && hash_same(&q->tx[k].hash, &q->hash[k]))
			take_reading(r, a, q->node, &q->tx[k]);
	}
}

static void ask_done(void *ctx, struct pool_answer *answer)
{
	struct stranger_ask *q = ctx;
	struct fail f;

	q->err = answer->err;
	if (!q->err)
		q->err = q->chain->connector->transactions_read(
		    q->tx, q->n, answer->answer, answer->len, &f);
	runner_fact(q->runner, &q->fact);
}

/* The next node in turn for the first stranger; when all were asked, once more. */
static int node_for(struct account *a, int64_t *ret_at_ms)
{
	struct stranger *s = &a->strangers[0];
	int node = quorum_best(a->chain, s->asked, ret_at_ms);

	if (node < 0 && s->asked) {
		s->asked = 0;
		node = quorum_best(a->chain, s->tally.readers, ret_at_ms);
		if (node < 0)
			node = quorum_best(a->chain, 0, ret_at_ms);
	}
	return node;
}

static void ask(struct runner *r, struct account *a)
{
	struct stranger_ask *q;
	struct buf body;
	int64_t at_ms;
	int node;

	if (!a->strangers_n || a->strangers_asked)
		return;
	if (a->strangers[0].asked && a->strangers_at_ms > world_now_ms(r->s.world)) {
		runner_wake_at(r, a->strangers_at_ms);
		return;
	}
	node = node_for(a, &at_ms);
	if (node < 0) {
		runner_wake_at(r, at_ms);
		return;
	}
	q = mem_new(sizeof *q);
	q->fact = (struct fact){ .take = ask_take };
	q->runner = r;
	q->chain = a->chain;
	q->account = a->id;
	q->node = node;
	while (q->n < a->strangers_n && q->n < ASKED_MAX) {
		q->hash[q->n] = a->strangers[q->n].hash;
		q->n++;
	}
	a->strangers_asked = true;
	buf_init(&body, 1024 * 1024);
	a->chain->connector->transactions(&body, q->hash, q->n);
	runner_ask(r, a->chain, node, &body, false, ask_done, q);
}

static void count(struct runner *r, struct account *a)
{
	uint64_t depth = follower_depth(a->chain->follower);
	uint64_t since = a->height > depth ? a->height - depth : 0;
	struct sql_consumed_since_out row;

	/* Nonces that a stranger could be in the way of are taken neither in doubt nor
	 * before the first operation. */
	if (a->stopped || a->doubt[0] || !a->last_operation || !a->known ||
	    hash_same(&a->counted, &a->agreed))
		return;
	a->counted = a->agreed;
	if (since < a->accepted_height)
		since = a->accepted_height;
	if (sql_consumed_since_one(r->s.journal,
		&(struct sql_consumed_since_in){ .account = a->id,
		    .nonce = (int64_t)a->first_nonce,
		    .height = (int64_t)since },
		&row) &&
	    row.n >= FOREIGN_MAX)
		account_stop(r, a,
		    "another program uses it: three foreign transactions in a short "
		    "time");
}

/* Once a life, and a resume: what an operator said of final ones settles what they left
 * live. */
static void settle_all(struct runner *r, struct account *a)
{
	uint64_t height = MUTANT(settled_at_a_start) ? a->height : a->final_height;
	struct sql_consumed_final_in in = { .account = a->id, .height = (int64_t)height };
	struct sql_consumed_final_out row, *rows = NULL;
	size_t n = 0;

	if (a->strangers_settled || !a->known || !a->has_final_count)
		return;
	a->strangers_settled = true;
	sql_consumed_final_begin(r->s.journal, &in);
	while (sql_consumed_final_next(r->s.journal, &row)) {
		rows = mem_grow(rows, n + 1, sizeof *rows);
		rows[n++] = row;
	}
	for (size_t k = 0; k < n; k++)
		settle(r, a, rows[k].nonce, (int)rows[k].judgement, rows[k].hash,
		    (uint64_t)rows[k].height);
	mem_free(rows);
}

static void range_format(char out[64], const char *what, uint64_t first, uint64_t last)
{
	if (first == last)
		snprintf(out, 64, "%s %" PRIu64, what, first);
	else
		snprintf(out, 64, "%ss %" PRIu64 " to %" PRIu64, what, first, last);
}

static void tell(struct account *a)
{
	const struct strangers_told t = a->strangers_told;
	/* Before its first payment nothing tells a lost journal of ours from others. */
	bool first = !a->last_operation;
	const char *who =
	    first ? "a journal that is lost, or another program," : "another program";
	const char *how = first ? "; payments of it that are a list's: --adopt" : "";
	char nonces[64], blocks[64];

	if (!t.n)
		return;
	range_format(nonces, "nonce", t.nonce, t.nonce_last);
	range_format(blocks, "block", t.height, t.height_last);
	if (t.n == 1)
		log_warn("account", "%s used key %s: %s in %s%s", who, a->key_name,
		    nonces, blocks, how);
	else
		log_warn("account", "%s used key %s %" PRIu64 " times: %s in %s%s", who,
		    a->key_name, t.n, nonces, blocks, how);
	a->strangers_told.n = 0;
}

/* A journal that is old finds many of them: each is in its row's events. */
static void tell_adopted(struct account *a)
{
	const struct strangers_told t = a->adopted_told;
	char nonces[64], blocks[64];

	if (!t.n)
		return;
	range_format(nonces, "nonce", t.nonce, t.nonce_last);
	range_format(blocks, "block", t.height, t.height_last);
	log_warn("account",
	    "key %s: %" PRIu64 " transaction%s that this journal had forgotten %s of its "
	    "rows: %s in %s. Each is in pawl explain and pawl export",
	    a->key_name, t.n, t.n == 1 ? "" : "s", t.n == 1 ? "is" : "are", nonces,
	    blocks);
	a->adopted_told.n = 0;
}

void strangers_turn(struct runner *r, struct account *a)
{
	tell(a);
	tell_adopted(a);
	settle_all(r, a);
	ask(r, a);
	count(r, a);
}

/* -- final, retracted ------------------------------------------------------ */

static const struct seen_tx *block_tx(
    const struct block_facts *b, uint32_t at, const uint8_t *hash)
{
	for (uint32_t k = 0; k < b->tx_n; k++)
		if (b->tx[k].account == at && !memcmp(b->tx[k].hash.at, hash, 32))
			return &b->tx[k];
	return NULL;
}

static bool block_has(const struct block_facts *b, uint32_t at, const uint8_t *hash)
{
	return block_tx(b, at, hash) != NULL;
}

struct consumed_row {
	int64_t nonce;
	int judgement;
	uint8_t hash[32];
	bool pays;
	struct payload payload;
	struct fees fees;
};

static struct consumed_row *consumed_list(
    struct runner *r, const struct account *a, uint64_t height, size_t *ret_n)
{
	struct sql_consumed_at_in in = { .account = a->id, .height = (int64_t)height };
	struct sql_consumed_at_out row;
	struct consumed_row *rows = NULL;

	*ret_n = 0;
	sql_consumed_at_begin(r->s.journal, &in);
	while (sql_consumed_at_next(r->s.journal, &row)) {
		rows = mem_grow(rows, *ret_n + 1, sizeof *rows);
		rows[*ret_n] = (struct consumed_row){ .nonce = row.nonce,
			.judgement = (int)row.judgement,
			.pays = !row.no_payee,
			.payload = { .value = row.value,
			    .data_len = (uint32_t)row.data_len },
			.fees = { .type = (enum fee_type)row.fee_type,
			    .gas = (uint64_t)row.gas,
			    .max_fee = (uint64_t)row.max_fee,
			    .tip = (uint64_t)row.tip } };
		if (row.data_len <= PAYLOAD_DATA_MAX) /* longer data pays nobody */
			memcpy(rows[*ret_n].payload.data, row.data, row.data_len);
		memcpy(rows[*ret_n].payload.to.at, row.recipient, sizeof row.recipient);
		memcpy(rows[(*ret_n)++].hash, row.hash, sizeof row.hash);
	}
	return rows;
}

static bool other_arrived(
    const struct account *a, const struct payload *p, const struct amount *paid)
{
	struct payment want;

	return a->chain->connector->payment(&want, p) && amount_cmp(&want.amount, paid);
}

/* What the journal had forgotten pays again what is final. */
static void twice_look(
    struct runner *r, const struct account *a, const struct consumed_row *c)
{
	struct payment pay;
	struct claim claim;

	if (a->chain->connector->payment(&pay, &c->payload) &&
	    claim_by_tag(r, a, &c->fees, &pay, &claim) && claim.state == ITEM_FINAL)
		item_paid_twice(r, claim.operation, claim.row);
}

/* One that reverted, or had no effect, paid nobody: it is no row's, and no plan's. */
static void paid_look(struct runner *r, struct account *a, struct consumed_row *c,
    const struct block_facts *b, const struct seen_tx *tx)
{
	struct amount paid;

	if (!c->pays || MUTANT(failed_is_payment))
		return;
	if (a->chain->connector->paid(&paid, &c->payload, b, tx)) {
		if (c->judgement == JUDGEMENT_FORGOTTEN)
			twice_look(r, a, c);
		if (other_arrived(a, &c->payload, &paid))
			sql_consumed_arrived(r->s.journal,
			    &(struct sql_consumed_arrived_in){
				.account = a->id, .nonce = c->nonce, .arrived = paid });
		return;
	}
	sql_consumed_unpaid(r->s.journal,
	    &(struct sql_consumed_unpaid_in){ .account = a->id, .nonce = c->nonce });
	if (c->judgement == JUDGEMENT_SUSPECT)
		c->judgement = JUDGEMENT_FOREIGN;
}

void strangers_past_final(
    struct runner *r, struct account *a, const struct block_facts *b)
{
	size_t n;
	struct consumed_row *rows = consumed_list(r, a, b->head.height, &n);

	for (size_t k = 0; k < n; k++) {
		const struct seen_tx *tx = block_tx(b, 0, rows[k].hash);

		if (tx)
			paid_look(r, a, &rows[k], b, tx);
	}
	mem_free(rows);
}

static void consumed_forget(struct runner *r, struct account *a, int64_t nonce)
{
	struct intent i;

	if (intent_on(r, a, (uint64_t)nonce, &i))
		attempts_replaced(r, i.id, false);
	a->holes = true;
	sql_consumed_drop(r->s.journal,
	    &(struct sql_consumed_drop_in){ .account = a->id, .nonce = nonce });
}

void strangers_disown(
    struct account *a, const struct block_facts *b, uint32_t at, bool past)
{
	for (size_t i = a->strangers_n; i-- > 0;)
		if (a->strangers[i].past == past &&
		    hash_same(&a->strangers[i].block_hash, &b->head.hash) &&
		    !block_has(b, at, a->strangers[i].hash.at))
			stranger_forget(a, &a->strangers[i]);
}

bool strangers_read(const struct account *a, const struct block_facts *b, uint32_t at)
{
	for (size_t i = 0; i < a->strangers_n; i++)
		if (block_has(b, at, a->strangers[i].hash.at))
			return false;
	return true;
}

static void below_forget(struct account *a, uint64_t height, bool past)
{
	for (size_t i = a->strangers_n; i-- > 0;)
		if (a->strangers[i].past == past && a->strangers[i].height <= height)
			stranger_forget(a, &a->strangers[i]);
}

void strangers_final(
    struct runner *r, struct account *a, const struct block_facts *b, uint32_t at)
{
	size_t n;
	struct consumed_row *rows = consumed_list(r, a, b->head.height, &n);

	for (size_t k = 0; k < n; k++) {
		const struct seen_tx *tx = block_tx(b, at, rows[k].hash);

		if (!tx) {
			consumed_forget(r, a, rows[k].nonce);
			continue;
		}
		paid_look(r, a, &rows[k], b, tx);
		settle(
		    r, a, rows[k].nonce, rows[k].judgement, rows[k].hash, b->head.height);
	}
	mem_free(rows);
	/* All that the block has is judged: what is left below it was one node's word. */
	below_forget(a, b->head.height, false);
}

void strangers_past(struct account *a, uint64_t height)
{
	below_forget(a, height, true);
}

static void reopen(struct runner *r, struct account *a, int64_t nonce)
{
	struct intent i;

	if (!intent_on(r, a, (uint64_t)nonce, &i))
		return;
	attempts_replaced(r, i.id, false);
	if (i.state == INTENT_VOID && operation_load(r, i.operation))
		attempts_reopen(r, &i);
}

static void freed(struct runner *r, const struct account *a, uint64_t nonce)
{
	for (size_t k = 0; k < r->operations_n; k++) {
		struct operation *o = r->operations[k];

		if (o->account == a->id && o->kind->freed && !operation_ended(o))
			o->kind->freed(r, o, nonce);
	}
}

void strangers_retracted(struct runner *r, struct account *a, uint64_t above)
{
	struct sql_consumed_above_in in = { .account = a->id, .height = (int64_t)above };
	struct sql_consumed_above_out row;
	int64_t *nonces = NULL;
	size_t n = 0;

	for (size_t i = a->strangers_n; i-- > 0;)
		if (a->strangers[i].height > above)
			stranger_forget(a, &a->strangers[i]);
	sql_consumed_above_begin(r->s.journal, &in);
	while (sql_consumed_above_next(r->s.journal, &row)) {
		nonces = mem_grow(nonces, n + 1, sizeof *nonces);
		nonces[n++] = row.nonce;
	}
	for (size_t k = 0; k < n; k++)
		reopen(r, a, nonces[k]);
	a->holes |= n > 0;
	if (n) {
		sql_consumed_drop_above(r->s.journal,
		    &(struct sql_consumed_drop_above_in){
			.account = a->id, .height = (int64_t)above });
		freed(r, a, (uint64_t)nonces[0]);
	}
	mem_free(nonces);
}
