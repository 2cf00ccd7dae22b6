#include "sim/chain/mempool.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "chain/evm/tx.h"
#include "crypto/secp.h"
#include "sim/chain/execute.h"
#include "sim/node/net.h"

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

/* -- by itself, and by what its sender has ----------------------------------- */

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
static struct amount queued_cost(const struct sim_line *l, const struct sim_tx *but)
{
	struct amount sum = AMOUNT_ZERO, cost;

	for (const struct sim_wait *i = l ? l->first : NULL; i; i = i->next) {
		cost = sim_tx_cost(i->tx);
		if (i->tx != but && !amount_add(&sum, &sum, &cost))
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

static void judge_state(const struct sim_pool *p, const struct sim_block *tip,
    struct sim_word *w, const struct sim_tx *t)
{
	const struct sim_line *l = sim_line_find(p, t->from);
	uint64_t count = sim_count_of(p->chain, tip, t->from);
	struct amount has = sim_balance_of(p->chain, tip, NULL, t->from);
	struct amount queued = queued_cost(l, sim_line_at(l, t->nonce));
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
static void judge_delegated(const struct sim_pool *p, const struct sim_block *tip,
    struct sim_word *w, const struct sim_tx *t)
{
	const struct sim_line *l = sim_line_find(p, t->from);

	if (t->from->code != SIM_CODE_DELEGATED || sim_line_at(l, t->nonce))
		return;
	if (l && l->first)
		refuse(w, "in-flight transaction limit reached for delegated accounts");
	else if (t->nonce > sim_count_of(p->chain, tip, t->from))
		refuse(w, "gapped-nonce tx from delegated accounts");
}

/* -- by what else is there --------------------------------------------------- */

/* Does a lower nonce of its sender miss? */
static bool is_gapped(
    const struct sim_pool *p, const struct sim_block *tip, const struct sim_tx *t)
{
	return t->nonce > sim_pool_count(p, tip, &t->from->at);
}

static int by_worth(
    const struct sim_pool *p, const struct sim_tx *a, const struct sim_tx *b)
{
	uint64_t base_fee = sim_base_fee_next(p->chain, p->chain->head);
	uint64_t x = sim_tip_at(a, base_fee), y = sim_tip_at(b, base_fee);

	if (x == y) {
		x = a->max_fee;
		y = b->max_fee;
	}
	return (x > y) - (x < y);
}

/* Of the last ones of all other senders: no gap comes of it. */
static struct sim_tx *cheapest(const struct sim_pool *p, const struct sim_account *other)
{
	struct sim_tx *least = NULL;

	for (const struct sim_line *l = p->lines; l; l = l->next)
		if (l->first && l->from != other &&
		    (!least || by_worth(p, l->last->tx, least) < 0))
			least = l->last->tx;
	return least;
}

static void make_room(struct sim_pool *p, const struct sim_block *tip, struct sim_word *w,
    const struct sim_tx *t)
{
	struct sim_tx *least = cheapest(p, t->from);

	if (!least)
		refuse(w, "txpool is full");
	else if (by_worth(p, t, least) <= 0)
		refuse(w, "transaction underpriced");
	else if (is_gapped(p, tip, t) && !is_gapped(p, tip, least))
		refuse(w, "future transaction tries to replace pending transaction");
	else
		sim_pool_remove(p, least);
}

static void judge_place(struct sim_pool *p, const struct sim_block *tip,
    struct sim_word *w, const struct sim_tx *t)
{
	const struct sim_line *l = sim_line_find(p, t->from);
	struct sim_tx *old = sim_line_at(l, t->nonce);

	if (old && (!outbids(t->max_fee, old->max_fee) || !outbids(t->tip, old->tip)))
		refuse(w, "replacement transaction underpriced");
	else if (old)
		sim_pool_remove(p, old);
	else if (p->account_max && l && l->n >= p->account_max)
		refuse(w, "account limit exceeded: pooled %u txs", l->n);
	else if (p->max && p->n >= p->max)
		make_room(p, tip, w, t);
}

/* Behind a gap only so many are kept, and of the others nothing is said. */
static void gapped_drop(
    struct sim_pool *p, const struct sim_block *tip, const struct sim_account *from)
{
	const struct sim_line *l = sim_line_find(p, from);
	uint64_t next = sim_pool_count(p, tip, &from->at);
	uint32_t n = 0;

	for (const struct sim_wait *i = l->first; i; i = i->next)
		n += i->tx->nonce > next;
	for (; p->gapped_max && n > p->gapped_max; n--)
		sim_pool_remove(p, l->last->tx);
}

void sim_pool_take(struct sim_pool *p, const struct sim_block *tip, struct sim_word *ret,
    struct sim_tx *t)
{
	*ret = (struct sim_word){ .code = 0 };
	if (sim_pool_holds(p, t))
		refuse(ret, "already known");
	else
		judge_fields(p->chain, ret, t);
	if (!ret->code)
		judge_state(p, tip, ret, t);
	if (!ret->code)
		judge_delegated(p, tip, ret, t);
	if (!ret->code)
		judge_place(p, tip, ret, t);
	if (ret->code)
		return;
	sim_pool_insert(p, t);
	gapped_drop(p, tip, t->from);
}

/* -- coming in --------------------------------------------------------------- */

void sim_pool_send(struct sim_pool *p, const struct sim_block *tip, struct sim_word *ret,
    struct hash *ret_hash, const uint8_t *raw, size_t len)
{
	struct sim_tx *t;
	struct fail f;

	*ret = (struct sim_word){ .code = 0 };
	if (len > RAW_BYTES_MAX) {
		refuse(ret, "oversized data: transaction size %zu, limit %d", len,
		    RAW_BYTES_MAX);
		return;
	}
	t = sim_tx_add(p->chain, raw, len, &f);
	if (!t) {
		refuse(ret, "%s", len ? f.why : "typed transaction too short");
		return;
	}
	sim_pool_take(p, tip, ret, t);
	if (ret->code)
		return;
	sim_pool_tell(p, t);
	*ret_hash = t->hash;
}

/* -- another user of the key ------------------------------------------------- */

static uint64_t nonce_next(const struct sim_chain *c, const struct address *from)
{
	uint64_t next = 0, count;

	for (const struct sim_pool *p = c->pools; p; p = p->next) {
		count = sim_pool_count(p, c->head, from);
		next = count > next ? count : next;
	}
	return next;
}

static void job_complete(struct sim_chain *c, struct sign_job *job)
{
	struct address from;

	CHECK(secp_address(from.at, job->key, NULL) == ERR_OK);
	if (!job->chain_id)
		job->chain_id = c->options.chain_id;
	if (job->nonce == SIM_NONCE_NEXT)
		job->nonce = nonce_next(c, &from);
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
	struct sim_tx *t;

	job_complete(c, &whole);
	CHECK(evm_tx_sign(&raw, &whole, NULL) == ERR_OK);
	t = sim_tx_add(c, raw.raw, raw.raw_len, NULL);
	CHECK(t);
	t->foreign = true;
	for (struct sim_pool *p = c->pools; p; p = p->next)
		if (sim_pool_is_used(p))
			sim_pool_take(p, c->head, ret, t);
	return t;
}
