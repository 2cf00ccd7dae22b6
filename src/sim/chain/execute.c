#include "sim/chain/execute.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "codec/abi.h"
#include "sim/chain/mempool.h"

#define GAS_BASE 21000
#define GAS_CREATE 32000
#define GAS_REVERT 2600
#define GAS_TOKEN_HOLDER 13600 /* the recipient holds some already */
#define GAS_TOKEN_FRESH 30700

uint64_t sim_gas_intrinsic(const uint8_t *data, size_t len, bool creates)
{
	uint64_t gas = creates ? GAS_BASE + GAS_CREATE : GAS_BASE;

	for (size_t i = 0; i < len; i++)
		gas += data[i] ? 16 : 4;
	return gas;
}

struct amount sim_tx_cost(const struct sim_tx *t)
{
	struct amount cost = amount_u64(t->max_fee), all;

	/* Two factors of 64 bits fit; a value near 2^256 can't be paid by anybody. */
	CHECK(amount_mul_u64(&cost, &cost, t->gas));
	all = (struct amount){ { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
	return amount_add(&cost, &cost, &t->value) ? cost : all;
}

uint64_t sim_tip_at(const struct sim_tx *t, uint64_t base_fee)
{
	uint64_t room = t->max_fee > base_fee ? t->max_fee - base_fee : 0;

	return t->tip < room ? t->tip : room;
}

/* -- what a call would do -------------------------------------------------- */

static void reverts(struct sim_outcome *o, const char *reason)
{
	o->status = TX_REVERTED;
	o->reason = reason;
	o->gas += GAS_REVERT;
	o->log_n = 0;
}

static void log_add(struct sim_outcome *o, const struct sim_token *t,
    const struct address *to, const struct amount *amount)
{
	o->log[o->log_n++] = (struct sim_log){ .token = t, .to = *to, .amount = *amount };
}

/* A fee goes to the token itself, in a log of its own. */
static void transfer(struct sim_outcome *o, const struct sim_token *t,
    const struct address *to, const struct amount *amount)
{
	struct amount fee, net;
	uint64_t rest;

	if (t->kind == SIM_TOKEN_FALSE)
		return;
	if (t->kind == SIM_TOKEN_FRONT)
		t = t->behind;
	if (!amount_mul_u64(&fee, amount, t->fee_per_mille))
		fee = AMOUNT_ZERO;
	fee = amount_div_u64(&fee, 1000, &rest);
	CHECK(amount_sub(&net, amount, &fee));
	log_add(o, t, to, &net);
	if (!amount_is_zero(&fee))
		log_add(o, t, &t->at, &fee);
}

static void try_token(const struct sim_chain *c, const struct sim_block *tip,
    struct sim_outcome *o, const struct sim_token *t, const struct address *from,
    const struct amount *value, const uint8_t *data, size_t len)
{
	const struct sim_token *moved = t->kind == SIM_TOKEN_FRONT ? t->behind : t;
	struct amount amount, held = sim_balance(c, tip, moved, from), has;
	struct address to;

	if (!amount_is_zero(value) || len != ABI_TRANSFER_LEN ||
	    !abi_transfer_decode(to.at, &amount, data, len)) {
		reverts(o, NULL);
		return;
	}
	if (t->paused) {
		reverts(o, "Pausable: paused");
		return;
	}
	if (t->refuses && memcmp(&to, &t->refused, sizeof to) == 0) {
		reverts(o, t->says ? t->says : "recipient refused");
		return;
	}
	if (t->kind != SIM_TOKEN_FALSE && amount_cmp(&held, &amount) < 0) {
		reverts(o, "ERC20: transfer amount exceeds balance");
		return;
	}
	has = sim_balance(c, tip, moved, &to);
	o->gas += amount_is_zero(&has) ? GAS_TOKEN_FRESH : GAS_TOKEN_HOLDER;
	transfer(o, t, &to, &amount);
}

void sim_try(const struct sim_chain *c, const struct sim_block *tip,
    struct sim_outcome *ret, const struct address *from, const struct address *to,
    const struct amount *value, const uint8_t *data, size_t len)
{
	const struct sim_account *a = to ? sim_account_find(c, to) : NULL;

	*ret = (struct sim_outcome){ .status = TX_OK };
	ret->gas = sim_gas_intrinsic(data, len, !to);
	if (!a)
		return;
	switch (a->code) {
	case SIM_CODE_NONE:
		break;
	case SIM_CODE_WALLET:
	case SIM_CODE_DELEGATED:
		ret->gas += a->extra_gas;
		break;
	case SIM_CODE_REVERTS:
		reverts(ret, "no coin here");
		break;
	case SIM_CODE_TOKEN:
		try_token(c, tip, ret, sim_token_find(c, to), from, value, data, len);
		break;
	}
}

/* -- doing it -------------------------------------------------------------- */

static struct sim_holding *holding_get(
    struct sim_chain *c, struct sim_account *a, const struct sim_token *t)
{
	struct sim_holding *h = a->holdings;

	while (h && h->token != t)
		h = h->next;
	if (h)
		return h;
	h = sim_chain_take(c, sizeof *h);
	h->token = t;
	h->next = a->holdings;
	a->holdings = h;
	return h;
}

void sim_balance_put(struct sim_chain *c, const struct sim_block *b,
    const struct sim_token *token, struct sim_account *a, const struct amount *amount)
{
	if (token)
		sim_version_put(c, &holding_get(c, a, token)->newest, b, 0, amount);
	else
		sim_version_put(c, &a->newest, b, sim_count_of(c, b, a), amount);
}

static void move(struct sim_chain *c, const struct sim_block *b,
    const struct sim_token *token, struct sim_account *from, struct sim_account *to,
    const struct amount *amount)
{
	struct amount left = sim_balance_of(c, b, token, from), sum;

	CHECK(amount_sub(&left, &left, amount));
	sim_balance_put(c, b, token, from, &left);
	sum = sim_balance_of(c, b, token, to);
	CHECK(amount_add(&sum, &sum, amount));
	sim_balance_put(c, b, token, to, &sum);
}

bool sim_executable(
    const struct sim_chain *c, const struct sim_block *b, const struct sim_tx *t)
{
	struct amount cost = sim_tx_cost(t), has = sim_balance_of(c, b, NULL, t->from);

	return t->nonce == sim_count_of(c, b, t->from) && t->max_fee >= b->base_fee &&
	    t->chain_id == c->options.chain_id && amount_cmp(&has, &cost) >= 0 &&
	    t->gas <= c->options.gas_limit - b->gas_used &&
	    t->gas >= sim_gas_intrinsic(t->data, t->data_len, !t->to);
}

static void charge(
    struct sim_chain *c, struct sim_block *b, const struct sim_inclusion *i)
{
	struct sim_account *from = i->tx->from;
	struct amount fee = amount_u64(i->gas_price);
	struct amount left = sim_balance_of(c, b, NULL, from);

	CHECK(amount_mul_u64(&fee, &fee, i->gas_used));
	CHECK(amount_sub(&left, &left, &fee));
	sim_version_put(c, &from->newest, b, i->tx->nonce + 1, &left);
}

static struct sim_inclusion *include(
    struct sim_chain *c, struct sim_block *b, struct sim_tx *t)
{
	struct sim_inclusion *i = sim_chain_take(c, sizeof *i);

	i->tx = t;
	i->block = b;
	i->index = b->tx_n++;
	i->first_log = b->log_n;
	i->gas_used_before = b->gas_used;
	i->gas_price = b->base_fee + sim_tip_at(t, b->base_fee);
	i->older = t->newest;
	t->newest = i;
	if (b->last)
		b->last->next = i;
	else
		b->first = i;
	b->last = i;
	return i;
}

static void apply(struct sim_chain *c, struct sim_block *b, struct sim_inclusion *i,
    const struct sim_outcome *o)
{
	struct sim_tx *t = i->tx;

	i->log_n = o->log_n;
	memcpy(i->log, o->log, sizeof i->log);
	b->log_n += o->log_n;
	for (uint32_t n = 0; n < o->log_n; n++)
		move(c, b, o->log[n].token, t->from, sim_account_get(c, &o->log[n].to),
		    &o->log[n].amount);
	if (t->to)
		move(c, b, NULL, t->from, t->to, &t->value);
}

void sim_execute(struct sim_chain *c, struct sim_block *b, struct sim_tx *t)
{
	struct sim_inclusion *i = include(c, b, t);
	struct sim_outcome o;

	sim_try(c, b, &o, &t->from->at, t->to ? &t->to->at : NULL, &t->value, t->data,
	    t->data_len);
	i->status = o.gas <= t->gas ? o.status : TX_REVERTED;
	i->gas_used = o.gas <= t->gas ? o.gas : t->gas;
	b->gas_used += i->gas_used;
	charge(c, b, i);
	if (i->status == TX_OK)
		apply(c, b, i, &o);
}

/* A sender's turn: its next transaction, and the rest behind it. */
struct turn {
	const struct sim_wait *at; /* NULL: it has no more for this block */
	uint64_t tip;
};

static void turn_next(
    const struct sim_chain *c, const struct sim_block *b, struct turn *turn)
{
	while (turn->at && turn->at->tx->nonce < sim_count_of(c, b, turn->at->tx->from))
		turn->at = turn->at->next;
	if (turn->at && !sim_executable(c, b, turn->at->tx))
		turn->at = NULL;
	turn->tip = turn->at ? sim_tip_at(turn->at->tx, b->base_fee) : 0;
}

static struct turn *turn_best(struct turn *turns, uint32_t n)
{
	struct turn *best = NULL;

	for (uint32_t i = 0; i < n; i++)
		if (turns[i].at && (!best || turns[i].tip > best->tip))
			best = &turns[i];
	return best;
}

void sim_execute_pool(struct sim_chain *c, struct sim_block *b, const struct sim_pool *p)
{
	struct turn *turns, *best;
	uint32_t n = 0;

	if (!p || !p->n)
		return;
	turns = mem_array(p->n, sizeof *turns);
	for (const struct sim_line *l = p->lines; l; l = l->next)
		if (l->first)
			turns[n++].at = l->first;
	for (uint32_t i = 0; i < n; i++)
		turn_next(c, b, &turns[i]);
	while ((best = turn_best(turns, n))) {
		/* another sender may have taken the gas since */
		if (sim_executable(c, b, best->at->tx)) {
			sim_execute(c, b, best->at->tx);
			best->at = best->at->next;
		}
		turn_next(c, b, best);
	}
	mem_free(turns);
}
