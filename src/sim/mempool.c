#include "sim/mempool.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "chain/evm/tx.h"
#include "crypto/secp.h"
#include "sim/execute.h"

#define CODE_SERVER (-32000)
#define RAW_BYTES_MAX 131072
#define FOREIGN_GAS 21000
#define FOREIGN_GAS_TOKEN 100000
#define FOREIGN_TIP 100000000000u

__extension__ typedef unsigned __int128 u128;

static void PRINTF(2, 3) refuse(struct sim_word *w, const char *fmt, ...)
{
	va_list args;

	w->code = CODE_SERVER;
	va_start(args, fmt);
	vsnprintf(w->text, sizeof w->text, fmt, args);
	va_end(args);
}

/* -- the lists ------------------------------------------------------------- */

static struct sim_tx *held(const struct sim_account *a, uint64_t nonce)
{
	struct sim_tx *t = a->pool;

	if (a->pool_last && a->pool_last->nonce < nonce)
		return NULL;
	while (t && t->nonce < nonce)
		t = t->pool_next;
	return t && t->nonce == nonce ? t : NULL;
}

static void insert(struct sim_chain *c, struct sim_tx *t)
{
	struct sim_account *a = t->from;
	struct sim_tx **at = &a->pool;

	if (a->pool_last && a->pool_last->nonce < t->nonce)
		at = &a->pool_last->pool_next;
	while (*at && (*at)->nonce < t->nonce)
		at = &(*at)->pool_next;
	t->pool_next = *at;
	*at = t;
	if (!t->pool_next)
		a->pool_last = t;
	t->pooled = true;
	c->pooled++;
}

void sim_pool_remove(struct sim_chain *c, struct sim_tx *t)
{
	struct sim_account *a = t->from;
	struct sim_tx **at = &a->pool, *before = NULL;

	while (*at != t) {
		CHECK(*at);
		before = *at;
		at = &before->pool_next;
	}
	*at = t->pool_next;
	if (a->pool_last == t)
		a->pool_last = before;
	t->pool_next = NULL;
	t->pooled = false;
	c->pooled--;
}

void sim_pool_return(struct sim_chain *c, struct sim_tx *t)
{
	if (!t->pooled && !held(t->from, t->nonce))
		insert(c, t);
}

/* -- going out ------------------------------------------------------------- */

void sim_pool_drop_all(struct sim_chain *c)
{
	for (struct sim_account *a = c->senders; a; a = a->next_sender)
		while (a->pool)
			sim_pool_remove(c, a->pool);
}

uint32_t sim_pool_drop_some(
    struct sim_chain *c, struct sim_random *random, uint32_t per_mille)
{
	uint32_t dropped = 0;
	struct sim_tx *next;

	for (struct sim_account *a = c->senders; a; a = a->next_sender)
		for (struct sim_tx *t = a->pool; t; t = next) {
			next = t->pool_next;
			if (!sim_random_hit(random, per_mille))
				continue;
			sim_pool_remove(c, t);
			dropped++;
		}
	return dropped;
}

static void tidy_sender(struct sim_chain *c, struct sim_account *a)
{
	uint64_t count = sim_count_of(c, c->head, a);
	struct amount has = sim_balance_of(c, c->head, NULL, a), cost;
	struct sim_tx *next;

	for (struct sim_tx *t = a->pool; t; t = next) {
		next = t->pool_next;
		cost = sim_tx_cost(t);
		if (t->nonce < count || amount_cmp(&cost, &has) > 0)
			sim_pool_remove(c, t);
	}
}

void sim_pool_tidy(struct sim_chain *c)
{
	for (struct sim_account *a = c->senders; a; a = a->next_sender)
		if (a->pool)
			tidy_sender(c, a);
}

uint64_t sim_pool_count(
    const struct sim_chain *c, const struct sim_block *tip, const struct address *at)
{
	const struct sim_account *a = sim_account_find(c, at);
	uint64_t count = sim_count(c, tip, at);

	for (const struct sim_tx *t = a ? a->pool : NULL; t; t = t->pool_next)
		if (t->nonce == count)
			count++;
	return count;
}

/* -- coming in ------------------------------------------------------------- */

/* What needs no state: geth asks it first. */
static void judge_fields(
    const struct sim_chain *c, struct sim_word *w, const struct sim_tx *t)
{
	uint64_t gas = sim_gas_intrinsic(t->data, t->data_len, !t->to);
	unsigned long long tip = t->tip, max_fee = t->max_fee;

	if (t->chain_id != c->options.chain_id)
		refuse(w, "invalid chain id for signer: have %llu want %llu",
		    (unsigned long long)t->chain_id,
		    (unsigned long long)c->options.chain_id);
	else if (t->gas > c->options.gas_limit)
		refuse(w, "exceeds block gas limit");
	else if (tip > max_fee)
		refuse(w,
		    "max priority fee per gas higher than max fee per gas: "
		    "maxPriorityFeePerGas: %llu, maxFeePerGas: %llu",
		    tip, max_fee);
	else if (t->gas < gas)
		refuse(w, "intrinsic gas too low: gas %llu, minimum needed %llu",
		    (unsigned long long)t->gas, (unsigned long long)gas);
	else if (t->tip < c->options.tip_min)
		refuse(w,
		    "transaction underpriced: gas tip cap %llu, minimum needed %llu", tip,
		    (unsigned long long)c->options.tip_min);
}

/* What the sender's other transactions in the pool could cost. */
static struct amount queued_cost(const struct sim_account *a, const struct sim_tx *but)
{
	struct amount sum = AMOUNT_ZERO, cost;

	for (const struct sim_tx *t = a->pool; t; t = t->pool_next) {
		cost = sim_tx_cost(t);
		if (t != but && !amount_add(&sum, &sum, &cost))
			break;
	}
	return sum;
}

static void refuse_funds(struct sim_word *w, const struct amount *has,
    const struct amount *queued, const struct amount *cost)
{
	char has_text[AMOUNT_TEXT_MAX], queued_text[AMOUNT_TEXT_MAX];
	char cost_text[AMOUNT_TEXT_MAX], over_text[AMOUNT_TEXT_MAX];
	struct amount over = *cost;

	if (!amount_add(&over, &over, queued) || !amount_sub(&over, &over, has))
		over = *cost;
	amount_format(has_text, has, 0);
	amount_format(queued_text, queued, 0);
	amount_format(cost_text, cost, 0);
	amount_format(over_text, &over, 0);
	w->code = CODE_SERVER;
	if (amount_is_zero(queued))
		refuse(w,
		    "insufficient funds for gas * price + value: balance %s, tx cost %s, "
		    "overshot %s",
		    has_text, cost_text, over_text);
	else
		refuse(w,
		    "insufficient funds for gas * price + value: balance %s, "
		    "queued cost %s, tx cost %s, overshot %s",
		    has_text, queued_text, cost_text, over_text);
}

static void judge_state(const struct sim_chain *c, const struct sim_block *tip,
    struct sim_word *w, const struct sim_tx *t)
{
	uint64_t count = sim_count_of(c, tip, t->from);
	struct amount has = sim_balance_of(c, tip, NULL, t->from);
	struct amount queued = queued_cost(t->from, held(t->from, t->nonce));
	struct amount cost = sim_tx_cost(t), sum;

	if (t->nonce < count)
		refuse(w, "nonce too low: next nonce %llu, tx nonce %llu",
		    (unsigned long long)count, (unsigned long long)t->nonce);
	else if (!amount_add(&sum, &cost, &queued) || amount_cmp(&has, &sum) < 0)
		refuse_funds(w, &has, &queued, &cost);
}

static bool outbids(uint64_t fee, uint64_t old)
{
	u128 floor = (u128)old * 110 / 100;

	return fee > old && fee >= floor;
}

/* A sender with code of EIP-7702 may be drained by others: one at a time. */
static void judge_delegated(const struct sim_chain *c, const struct sim_block *tip,
    struct sim_word *w, const struct sim_tx *t)
{
	if (t->from->code != SIM_CODE_DELEGATED || held(t->from, t->nonce))
		return;
	if (t->from->pool)
		refuse(w, "in-flight transaction limit reached for delegated accounts");
	else if (t->nonce > sim_count_of(c, tip, t->from))
		refuse(w, "gapped-nonce tx from delegated accounts");
}

static void judge_place(struct sim_chain *c, struct sim_word *w, struct sim_tx *t)
{
	struct sim_tx *old = held(t->from, t->nonce);

	if (old && (!outbids(t->max_fee, old->max_fee) || !outbids(t->tip, old->tip)))
		refuse(w, "replacement transaction underpriced");
	else if (!old && c->pooled >= c->options.pool_max)
		refuse(w, "txpool is full");
	else if (old)
		sim_pool_remove(c, old);
}

/* NULL: refused as it stands. */
static struct sim_tx *pool_read(
    struct sim_chain *c, struct sim_word *ret, const uint8_t *raw, size_t len)
{
	struct fail f;
	struct sim_tx *t;

	*ret = (struct sim_word){ .code = 0 };
	if (len > RAW_BYTES_MAX) {
		refuse(ret, "oversized data: transaction size %zu, limit %d", len,
		    RAW_BYTES_MAX);
		return NULL;
	}
	t = sim_tx_add(c, raw, len, &f);
	if (!t)
		refuse(ret, "%s", len ? f.why : "typed transaction too short");
	else if (t->pooled)
		refuse(ret, "already known");
	return ret->code ? NULL : t;
}

void sim_pool_send(struct sim_chain *c, const struct sim_block *tip, struct sim_word *ret,
    struct hash *ret_hash, const uint8_t *raw, size_t len)
{
	struct sim_tx *t = pool_read(c, ret, raw, len);

	if (!t)
		return;
	judge_fields(c, ret, t);
	if (!ret->code)
		judge_state(c, tip, ret, t);
	if (!ret->code)
		judge_delegated(c, tip, ret, t);
	if (!ret->code)
		judge_place(c, ret, t);
	if (ret->code)
		return;
	insert(c, t);
	*ret_hash = t->hash;
}

static void job_complete(struct sim_chain *c, struct sign_job *job)
{
	struct address from;

	CHECK(secp_address(from.at, job->key, NULL) == ERR_OK);
	if (!job->chain_id)
		job->chain_id = c->options.chain_id;
	if (job->nonce == SIM_NONCE_NEXT)
		job->nonce = sim_pool_count(c, c->head, &from);
	if (!job->fees.gas)
		job->fees.gas = job->payload.data_len ? FOREIGN_GAS_TOKEN : FOREIGN_GAS;
	if (job->fees.max_fee)
		return;
	job->fees.type = FEE_1559;
	job->fees.tip = FOREIGN_TIP;
	job->fees.max_fee = 2 * sim_base_fee_next(c, c->head) + FOREIGN_TIP;
}

struct sim_tx *sim_pool_send_foreign(
    struct sim_chain *c, struct sim_word *ret, const struct sign_job *job)
{
	struct sign_job whole = *job;
	struct signed_bytes raw;
	struct hash hash;
	struct sim_tx *t;

	job_complete(c, &whole);
	CHECK(evm_tx_sign(&raw, &whole, NULL) == ERR_OK);
	t = sim_tx_add(c, raw.raw, raw.raw_len, NULL);
	CHECK(t);
	t->foreign = true;
	sim_pool_send(c, c->head, ret, &hash, raw.raw, raw.raw_len);
	return t;
}
