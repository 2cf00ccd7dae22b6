/* people_act.c - what people do at their times: with their lists, and with the key by
 * another program. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "codec/abi.h"
#include "sim/chain/mempool.h"
#include "sim/story/people_in.h"

#define GWEI 1000000000ull
#define GAS 100000                /* enough for any recipient */
#define LEFT 10000000000000000ull /* wei: a hundredth of a coin */

static struct sim_list *list_of(struct sim_story *s, const struct sim_act *a)
{
	return &s->list[a->a % s->fate->lists];
}

static int64_t row_of(const struct sim_list *l, int64_t n)
{
	return 1 + n % l->rows;
}

/* -- another program uses the key ----------------------------------------- */

/* collides: on the nonce of what waits. */
static void sends(
    struct sim_story *s, const struct sim_key *k, const struct payload *p, bool collides)
{
	const struct sim_account *at = sim_account_find(s->chain, &k->address);
	struct sign_job job = {
		.key = k->secret, .nonce = SIM_NONCE_NEXT, .payload = *p
	};
	struct sim_word word;

	job.fees.gas = GAS;
	if (collides && at && sim_pool_lowest(at)) {
		job.nonce = sim_pool_lowest(at)->nonce;
		job.fees = (struct fees){ .type = FEE_1559,
			.gas = GAS,
			.max_fee = 600 * GWEI,
			.tip = 60 * GWEI };
	}
	sim_pool_send_foreign(s->chain, &word, &job);
}

static void foreign(struct sim_story *s, const struct sim_act *a)
{
	const struct payload p = { .to = { { 0xaa } }, .value = amount_u64(77) };

	sends(s, &s->key[a->a], &p, a->b != 0);
}

static void token_transfer(struct payload *ret, const struct sim_token *t,
    const struct address *to, const struct amount *amount)
{
	*ret = (struct payload){ .to = t->at, .data_len = ABI_TRANSFER_LEN };
	abi_transfer_encode(ret->data, to->at, amount);
}

/* What a row is owed. */
static void by_hand(
    struct sim_story *s, const struct sim_list *l, int64_t row, bool collides)
{
	struct payload p = { .to = l->to[row], .value = l->amount[row] };

	if (s->token)
		token_transfer(&p, s->token, &l->to[row], &l->amount[row]);
	sends(s, &s->key[l->key], &p, collides);
	s->by_hand = true;
}

/* As much as a row is owed, in what it is not owed. */
static void beside(struct sim_story *s, const struct sim_act *a)
{
	const struct sim_list *l = list_of(s, a);
	int64_t row = row_of(l, a->b);
	struct payload p = { .to = l->to[row], .value = l->amount[row] };

	if (a->c || !s->token) {
		sim_fund(s->chain, &s->key[l->key].address, s->other, &l->amount[row]);
		token_transfer(&p, s->other, &l->to[row], &l->amount[row]);
	}
	sends(s, &s->key[l->key], &p, false);
}

/* All coin but for some payments. */
static void drain(struct sim_story *s, const struct sim_act *a)
{
	const struct sim_key *k = &s->key[a->a];
	struct payload p = { .to = { { 0xaa } },
		.value = sim_balance(s->chain, s->chain->head, NULL, &k->address) };
	struct amount left = amount_u64(LEFT);

	if (amount_sub(&p.value, &p.value, &left))
		sends(s, k, &p, false);
}

/* -- lists ---------------------------------------------------------------- */

static void wish_so(struct sim_story *s, const struct sim_list *l, struct request q,
    enum route route, int64_t after_ms, bool insists)
{
	q.route = route;
	snprintf(q.name, sizeof q.name, "%s", l->name);
	sim_people_wish(s, &q, after_ms, insists);
}

static void wish(struct sim_story *s, const struct sim_list *l, struct request q,
    enum route route, int64_t after_ms)
{
	wish_so(s, l, q, route, after_ms, false);
}

static void with_list(struct sim_story *s, struct sim_list *l, const struct sim_act *a)
{
	struct request q = { .now = false };

	if (a->kind == SIM_PAUSE) {
		wish(s, l, q, ROUTE_PAUSE, 0);
		wish(s, l, q, ROUTE_RESUME, a->b);
	} else if (a->kind == SIM_CANCEL) {
		l->cancelled = true;
		q.now = a->b != 0;
		wish(s, l, q, ROUTE_CANCEL, 0);
	} else if (a->kind == SIM_RETRY) {
		q.has_row = a->b != 0;
		q.row = q.has_row ? row_of(l, a->b) : 0;
		wish_so(s, l, q, ROUTE_RETRY, 0, a->c != 0);
	} else if (a->kind == SIM_SKIP) {
		q.has_row = true;
		q.row = row_of(l, a->b);
		q.repair = REPAIR_SKIP;
		l->skipped[q.row] = true;
		wish(s, l, q, ROUTE_REPAIR, 0);
	}
}

static void wish_switched(
    struct sim_story *s, int64_t node, enum route route, int64_t after_ms, bool sure)
{
	struct request q = { .route = route, .by = "ada", .sure = sure };

	snprintf(q.name, sizeof q.name, "sim/node-%lld.sim:80", (long long)node);
	sim_people_wish(s, &q, after_ms, false);
}

/* A journal that was put back may have them off again. */
static void all_on(struct sim_story *s)
{
	for (uint32_t i = 0; i < s->fate->nodes; i++)
		if (s->people.switched >> i & 1)
			wish_switched(s, i, ROUTE_ENDPOINT_ON, 0, false);
}

void sim_people_calm(struct sim_story *s)
{
	all_on(s);
	for (int i = 0; i < s->fate->lists; i++) {
		s->list[i].leaves_ms = 0;
		if (s->list[i].not_before_ms > s->chain->now_ms)
			s->list[i].not_before_ms = s->chain->now_ms;
	}
}

/* Somebody pays what he skipped, and forgets about it. */
static void pay_skipped(struct sim_story *s, const struct sim_list *l, int64_t again_ms)
{
	struct request q = { .has_row = true };

	while (q.row <= l->rows && !l->skipped[q.row])
		q.row++;
	if (q.row > l->rows)
		return;
	by_hand(s, l, q.row, false);
	wish(s, l, q, ROUTE_RETRY, again_ms);
}

/* The newest transaction of the other program is taken for a row's payment. */
static void mistake(struct sim_story *s, const struct sim_list *l, int64_t row)
{
	struct request q = { .has_row = true, .row = row, .repair = REPAIR_ADOPT };

	for (const struct sim_tx *t = s->chain->all; t && !q.has_hash; t = t->next_all)
		if (t->foreign && address_same(&t->from->at, &s->key[l->key].address)) {
			q.has_hash = true;
			memcpy(q.hash, t->hash.at, sizeof q.hash);
		}
	if (q.has_hash)
		wish(s, l, q, ROUTE_REPAIR, 0);
}

static void switched(struct sim_story *s, const struct sim_act *a)
{
	int64_t node = a->a % s->fate->nodes;

	s->people.switched |= 1u << node;
	wish_switched(s, node, ROUTE_ENDPOINT_OFF, 0, a->c != 0);
	wish_switched(s, node, ROUTE_ENDPOINT_ON, a->b, false);
}

void sim_people_act(struct sim_story *s, const struct sim_act *a)
{
	struct sim_list *l = list_of(s, a);

	if (a->kind == SIM_FOREIGN)
		foreign(s, a);
	else if (a->kind == SIM_BY_HAND)
		by_hand(s, l, row_of(l, a->b), a->c != 0);
	else if (a->kind == SIM_BESIDE)
		beside(s, a);
	else if (a->kind == SIM_DRAIN)
		drain(s, a);
	else if (a->kind == SIM_CREATE)
		l->wanted = true;
	else if (a->kind == SIM_EDIT)
		l->edit = (int)a->b;
	else if (a->kind == SIM_SWITCH)
		switched(s, a);
	else if (a->kind == SIM_LEAVE)
		l->leaves_ms = a->b;
	else if (a->kind == SIM_RELEASE)
		s->people.releases++;
	else if (a->kind == SIM_ALONE)
		s->people.alone = true;
	else if (a->kind == SIM_STUMBLE)
		l->stumbles = true;
	else if (a->kind == SIM_PAY_SKIPPED)
		pay_skipped(s, l, a->b);
	else if (a->kind == SIM_MISTAKE)
		mistake(s, l, row_of(l, a->b));
	else if (l->known)
		with_list(s, l, a);
}
