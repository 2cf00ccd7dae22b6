#include "sim/judge/oracle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define WRONGS_MAX 20

/* -- reading --------------------------------------------------------------- */

struct payments {
	struct sim_due *at;
	size_t n, cap;
	bool foreign; /* those that were put in by the director, or all others */
};

static void payment_add(struct payments *p, const struct address *token,
    const struct address *to, const struct amount *amount)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->at = mem_grow(p->at, p->cap, sizeof *p->at);
	}
	p->at[p->n] = (struct sim_due){ .to = *to, .amount = *amount };
	if (token)
		p->at[p->n].token = *token;
	p->n++;
}

static bool is_empty(const struct sim_tx *t)
{
	return t->to == t->from && amount_is_zero(&t->value) && t->data_len == 0;
}

/* A token's own fee is its second log; the log of another token is no payment. */
static void payments_of(struct payments *p, const struct sim_inclusion *i)
{
	if (i->status != TX_OK || i->tx->foreign != p->foreign)
		return;
	if (i->log_n && address_same(&i->log[0].token->at, &i->tx->to->at))
		payment_add(p, &i->log[0].token->at, &i->log[0].to, &i->log[0].amount);
	if (i->tx->to && !amount_is_zero(&i->tx->value))
		payment_add(p, NULL, &i->tx->to->at, &i->tx->value);
}

static void payments_read(struct payments *ret, const struct sim_chain *c,
    const struct address *from, bool foreign)
{
	*ret = (struct payments){ .foreign = foreign };
	for (uint64_t h = 0; h <= c->head->height; h++)
		for (const struct sim_inclusion *i = c->trail[h]->first; i; i = i->next)
			if (memcmp(&i->tx->from->at, from, sizeof *from) == 0)
				payments_of(ret, i);
}

static void ledger_add(struct sim_ledger *l, const struct sim_inclusion *i)
{
	struct amount fee = amount_u64(i->gas_price);

	if (i->tx->foreign) {
		l->foreign++;
		return;
	}
	CHECK(amount_mul_u64(&fee, &fee, i->gas_used) &&
	    amount_add(&l->fees, &l->fees, &fee));
	if (i->status != TX_OK)
		l->failed++;
	else if (is_empty(i->tx))
		l->empty++;
	else
		l->payments++;
}

void sim_ledger_read(
    struct sim_ledger *ret, const struct sim_chain *c, const struct address *from)
{
	*ret = (struct sim_ledger){ .payments = 0 };
	for (uint64_t h = 0; h <= c->head->height; h++)
		for (const struct sim_inclusion *i = c->trail[h]->first; i; i = i->next)
			if (memcmp(&i->tx->from->at, from, sizeof *from) == 0)
				ledger_add(ret, i);
}

uint64_t sim_paid(const struct sim_chain *c, const struct address *from,
    const struct address *token, const struct address *to, struct amount *ret_sum)
{
	static const struct address native;
	struct payments p;
	uint64_t n = 0;

	token = token ? token : &native;
	*ret_sum = AMOUNT_ZERO;
	payments_read(&p, c, from, false);
	for (size_t i = 0; i < p.n; i++) {
		if (memcmp(&p.at[i].token, token, sizeof *token) != 0 ||
		    memcmp(&p.at[i].to, to, sizeof *to) != 0)
			continue;
		CHECK(amount_add(ret_sum, ret_sum, &p.at[i].amount));
		n++;
	}
	mem_free(p.at);
	return n;
}

/* -- saying what is wrong -------------------------------------------------- */

struct verdict {
	struct buf *why;
	int wrongs;
	struct payments by_hand;
	uint64_t most, more; /* payments that are too many */
};

static bool wrong(struct verdict *v)
{
	return ++v->wrongs <= WRONGS_MAX;
}

static void wrong_payment(
    struct verdict *v, const struct sim_due *d, uint64_t paid, uint64_t due)
{
	char amount[AMOUNT_TEXT_MAX];

	if (!wrong(v))
		return;
	amount_format(amount, &d->amount, 0);
	buf_add_str(v->why, "0x");
	buf_add_hex(v->why, d->to.at, sizeof d->to.at);
	buf_addf(v->why, " got %s", amount);
	buf_add_str(v->why, " of 0x");
	buf_add_hex(v->why, d->token.at, sizeof d->token.at);
	buf_addf(v->why, " %" PRIu64 " times, %" PRIu64 " are due\n", paid, due);
}

static void wrong_nonce(struct verdict *v, uint64_t nonce, const char *what)
{
	if (wrong(v))
		buf_addf(v->why, "nonce %" PRIu64 ": %s\n", nonce, what);
}

/* -- what is due against what was paid ------------------------------------- */

static int by_payment(const void *a, const void *b)
{
	const struct sim_due *x = a, *y = b;
	int order = memcmp(&x->token, &y->token, sizeof x->token);

	if (!order)
		order = memcmp(&x->to, &y->to, sizeof x->to);
	return order ? order : amount_cmp(&x->amount, &y->amount);
}

static uint64_t run_length(
    const struct sim_due *sorted, size_t n, const struct sim_due *like)
{
	uint64_t run = 0;

	while (run < n && by_payment(&sorted[run], like) == 0)
		run++;
	return run;
}

/* What another program paid may be a row's: then nobody pays it again. */
static uint64_t times_by_hand(const struct verdict *v, const struct sim_due *like)
{
	uint64_t times = 0;

	for (size_t i = 0; i < v->by_hand.n; i++)
		times += by_payment(&v->by_hand.at[i], like) == 0;
	return times;
}

static void compare(
    struct verdict *v, const struct payments *paid, const struct payments *due)
{
	size_t p = 0, d = 0;

	while (p < paid->n || d < due->n) {
		const struct sim_due *next = p < paid->n ? &paid->at[p] : &due->at[d];
		uint64_t times_paid, times_due;

		if (d < due->n && by_payment(&due->at[d], next) < 0)
			next = &due->at[d];
		times_paid = run_length(paid->at + p, paid->n - p, next);
		times_due = run_length(due->at + d, due->n - d, next);
		if (times_paid > times_due)
			v->more += times_paid - times_due;
		if (times_paid + times_by_hand(v, next) < times_due || v->more > v->most)
			wrong_payment(v, next, times_paid, times_due);
		p += times_paid;
		d += times_due;
	}
}

static void judge_payments(struct verdict *v, const struct sim_chain *c,
    const struct address *from, const struct sim_due *due, size_t n)
{
	struct payments paid, wanted = { .n = 0 };

	payments_read(&v->by_hand, c, from, true);
	payments_read(&paid, c, from, false);
	for (size_t i = 0; i < n; i++)
		payment_add(&wanted, &due[i].token, &due[i].to, &due[i].amount);
	if (paid.n)
		qsort(paid.at, paid.n, sizeof *paid.at, by_payment);
	if (wanted.n)
		qsort(wanted.at, wanted.n, sizeof *wanted.at, by_payment);
	compare(v, &paid, &wanted);
	mem_free(v->by_hand.at);
	mem_free(paid.at);
	mem_free(wanted.at);
}

/* -- nonces ---------------------------------------------------------------- */

static void judge_order(
    struct verdict *v, const struct sim_chain *c, const struct address *from)
{
	uint64_t next = 0;

	for (uint64_t h = 0; h <= c->head->height; h++)
		for (const struct sim_inclusion *i = c->trail[h]->first; i; i = i->next) {
			if (memcmp(&i->tx->from->at, from, sizeof *from) != 0)
				continue;
			if (i->tx->nonce != next)
				wrong_nonce(v, i->tx->nonce, "out of order");
			next = i->tx->nonce + 1;
		}
	if (next != sim_count(c, c->head, from))
		wrong_nonce(v, next, "is not the account's count");
}

static int by_nonce(const void *a, const void *b)
{
	const struct sim_tx *const *x = a, *const *y = b;

	return ((*x)->nonce > (*y)->nonce) - ((*x)->nonce < (*y)->nonce);
}

static bool same_payload(const struct sim_tx *a, const struct sim_tx *b)
{
	return a->to == b->to && amount_cmp(&a->value, &b->value) == 0 &&
	    a->data_len == b->data_len && memcmp(a->data, b->data, a->data_len) == 0;
}

static void judge_payloads(
    struct verdict *v, const struct sim_chain *c, const struct address *from)
{
	const struct sim_tx **all, *last = NULL;
	size_t n = 0, i = 0;

	for (const struct sim_tx *t = c->all; t; t = t->next_all)
		n++;
	all = mem_array(n + 1, sizeof *all);
	for (const struct sim_tx *t = c->all; t; t = t->next_all)
		if (memcmp(&t->from->at, from, sizeof *from) == 0 && !t->foreign &&
		    !is_empty(t))
			all[i++] = t;
	qsort(all, i, sizeof *all, by_nonce);
	for (size_t k = 0; k < i; last = all[k++])
		if (last && last->nonce == all[k]->nonce && !same_payload(last, all[k]))
			wrong_nonce(v, last->nonce, "signed for two payloads");
	mem_free(all);
}

bool sim_oracle_bounds(const struct sim_chain *c, const struct address *from,
    const struct sim_due *due, size_t n, uint64_t most, struct buf *why)
{
	struct verdict v = { .why = why, .most = most };

	judge_payments(&v, c, from, due, n);
	judge_order(&v, c, from);
	return v.wrongs == 0;
}

bool sim_oracle_holds(const struct sim_chain *c, const struct address *from,
    const struct sim_due *due, size_t n, struct buf *why)
{
	struct verdict v = { .why = why };

	judge_payments(&v, c, from, due, n);
	judge_order(&v, c, from);
	judge_payloads(&v, c, from);
	if (v.wrongs > WRONGS_MAX)
		buf_addf(why, "and %d more\n", v.wrongs - WRONGS_MAX);
	return v.wrongs == 0;
}
