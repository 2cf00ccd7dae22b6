#include "kinds/fence/fence.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "engine/account.h"
#include "engine/doubt.h"
#include "engine/intent.h"
#include "engine/money.h"
#include "engine/operation.h"
#include "engine/recount.h"
#include "journal/sql.gen.h"

#define PRICE_TEXT_MAX 150

bool fence_read(struct journal *j, int64_t operation, struct fence_facts *ret)
{
	struct sql_fence_get_in in = { .operation = operation };
	struct sql_fence_get_out row;

	sql_fence_get_begin(j, &in);
	if (!sql_fence_get_next(j, &row))
		return false;
	*ret = (struct fence_facts){ .below = (uint64_t)row.below,
		.has_accepted = !row.no_accepted,
		.asked = row.asked,
		.accepted = row.accepted };
	snprintf(ret->why, sizeof ret->why, "%s", row.why);
	sql_fence_get_end(j);
	return true;
}

static void facts_read(struct runner *r, struct operation *o, struct fence_facts *f)
{
	if (!fence_read(r->s.journal, o->id, f) && !journal_numb(r->s.journal))
		operation_damaged(r, o, "what it fences is gone");
}

static void *fence_open(struct runner *r, struct operation *o)
{
	struct fence_facts *f = mem_new(sizeof *f);

	facts_read(r, o, f);
	return f;
}

static void fence_close(void *of_kind)
{
	mem_free(of_kind);
}

/* -- its price ------------------------------------------------------------- */

/* Of the nonces that nothing of ours is on. */
struct price {
	uint64_t n;
	struct amount likely, highest;
};

/* Below `below`, and neither consumed nor an intent's. */
static uint64_t open_nonces(struct runner *r, const struct account *a, uint64_t below)
{
	struct sql_intent_taken_in in = {
		.account = a->id, .nonce = (int64_t)a->count, .below = (int64_t)below
	};
	struct sql_intent_taken_out taken = { 0 };
	uint64_t n = below > a->count ? below - a->count : 0;

	if (!a->known)
		return 0;
	(void)sql_intent_taken_one(r->s.journal, &in, &taken);
	return n > (uint64_t)taken.n ? n - (uint64_t)taken.n : 0;
}

static unsigned coin_decimals(const struct account *a)
{
	return a->chain->connector->decimals;
}

/* Of n empty attempts. */
static struct amount gas_at(const struct account *a, uint64_t n, uint64_t fee)
{
	struct amount gas = amount_u64(a->chain->connector->gas_coin);

	CHECK(amount_mul_u64(&gas, &gas, n) && amount_mul_u64(&gas, &gas, fee));
	return gas;
}

static void price_read(
    struct price *ret, struct runner *r, const struct account *a, uint64_t below)
{
	const struct fee_market *m = &a->chain->market;
	uint64_t tip = a->chain->config->max_priority_fee_per_gas;
	uint64_t ceiling = money_fee_ceiling(a), fee;

	fee = m->next_base_fee + (m->tip < tip ? m->tip : tip);
	ret->n = open_nonces(r, a, below);
	ret->likely = gas_at(a, ret->n, fee < ceiling ? fee : ceiling);
	ret->highest = gas_at(a, ret->n, ceiling);
}

static void price_say(
    const struct account *a, const struct price *p, char *out, size_t size)
{
	char likely[AMOUNT_TEXT_MAX], highest[AMOUNT_TEXT_MAX];

	amount_format(likely, &p->likely, coin_decimals(a));
	amount_format(highest, &p->highest, coin_decimals(a));
	snprintf(out, size,
	    "%llu nonces, likely for %.30s of the native coin, for %.30s if fees rise "
	    "to their cap",
	    (unsigned long long)p->n, likely, highest);
}

/* -- it begins --------------------------------------------------------------- */

static void name_find(struct journal *j, char out[OPERATION_NAME_MAX])
{
	struct sql_operation_by_name_in in = { .name = out };
	struct sql_operation_by_name_out taken;
	int n = 0;

	do
		snprintf(out, OPERATION_NAME_MAX, "fence-%d", ++n);
	while (sql_operation_by_name_one(j, &in, &taken));
}

static void plan_of(uint8_t out[32], const char *name, const struct account *a)
{
	struct sha256 *s = sha256_begin();

	sha256_add(s, "pawl fence 1", 12);
	sha256_add(s, name, strlen(name) + 1);
	sha256_add(s, a->address.at, sizeof a->address.at);
	sha256_end(s, out);
}

static const char *fence_settles(const struct operation *o)
{
	const struct fence_facts *f = o->of_kind;

	return f->why;
}

/* Another doubt came while it was under way. */
static void fence_raise(
    struct runner *r, struct operation *o, const struct account *a, uint64_t below)
{
	struct fence_facts *f = o->of_kind;

	if (below <= f->below && !strcmp(f->why, a->doubt))
		return;
	if (below > f->below)
		f->below = below;
	snprintf(f->why, sizeof f->why, "%s", a->doubt);
	sql_fence_raise(r->s.journal,
	    &(struct sql_fence_raise_in){
		.operation = o->id, .below = (int64_t)f->below, .why = f->why });
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.what = "operation",
		.from = "",
		.to = "raised",
		.why = f->why });
}

static int64_t fence_new(struct runner *r, struct account *a, uint64_t below)
{
	char name[OPERATION_NAME_MAX];
	struct sql_operation_add_in in = { .kind = kind_fence.name,
		.name = name,
		.chain = a->chain->id,
		.account = a->id,
		.state = OPERATION_DISTRIBUTING,
		.cap = a->chain->config->fence_max_fee,
		.started_ms = world_wall_ms(r->s.world) };
	struct sql_operation_add_out out;
	char price[PRICE_TEXT_MAX];
	struct price p;

	name_find(r->s.journal, name);
	plan_of(in.plan, name, a);
	price_read(&p, r, a, below);
	price_say(a, &p, price, sizeof price);
	if (!sql_operation_add_one(r->s.journal, &in, &out))
		return 0;
	sql_fence_add(r->s.journal,
	    &(struct sql_fence_add_in){
		.operation = out.id, .below = (int64_t)below, .why = a->doubt });
	sql_stage_add(r->s.journal,
	    &(struct sql_stage_add_in){
		.operation = out.id, .state = in.state, .entered_ms = in.started_ms });
	journal_event(r->s.journal,
	    &(struct event){ .operation = out.id,
		.what = "operation",
		.from = "",
		.to = state_name(MACHINE_OPERATION, OPERATION_DISTRIBUTING),
		.why = a->doubt });
	log_warn("account", "%s begins on key %s: %s", name, a->key_name, price);
	return out.id;
}

/* Before anything of it is out: likely more than was allowed. */
static bool is_dear(const struct operation *o, const struct price *p)
{
	struct amount sum;

	return p->n && amount_is_zero(&o->fees_held) &&
	    (!amount_add(&sum, &o->fees_final, &p->likely) ||
		amount_cmp(&sum, &o->cap) > 0);
}

/* The next one of the account that is under way; *at: where to look from. Two are, where
 * a block vanished that an older one had as final. */
static struct operation *next_open(struct runner *r, const struct account *a, size_t *at)
{
	while (*at < r->operations_n) {
		struct operation *o = r->operations[(*at)++];

		if (o->account == a->id && operation_fences(o) && !operation_ended(o))
			return o;
	}
	return NULL;
}

/* All that are under way are for it: none is whole before it is settled. */
static int64_t fence_begin(struct runner *r, struct account *a, uint64_t below)
{
	const struct operation *o;
	struct operation *raised;
	int64_t id = 0;

	for (size_t at = 0; (o = next_open(r, a, &at)) != NULL;) {
		const struct fence_facts *f = o->of_kind;

		if (f->below > below)
			below = f->below;
	}
	for (size_t at = 0; (raised = next_open(r, a, &at)) != NULL;) {
		fence_raise(r, raised, a, below);
		id = raised->id;
	}
	return id ? id : fence_new(r, a, below);
}

/* -- offers ------------------------------------------------------------------ */

static void offer_fill(struct offer *ret, const struct account *a)
{
	*ret = (struct offer){ .row = ROW_HOLE,
		.empty = true,
		.why = "forgotten bytes may be on its nonce",
		.payload = { .to = a->address },
		.gas = a->chain->connector->gas_coin };
}

/* What moves is left to win by itself. */
static bool fence_offer(struct runner *r, struct operation *o, struct offer *ret)
{
	const struct fence_facts *f = o->of_kind;
	struct account *a = account_of(r, o->account);
	struct price p;

	offer_fill(ret, a);
	price_read(&p, r, a, f->below);
	return doubt_still(a) && account_next_nonce(r, a) < f->below && !is_dear(o, &p);
}

static uint64_t fence_gas(struct runner *r, const struct operation *o, int64_t row)
{
	(void)row;
	return account_of(r, o->account)->chain->connector->gas_coin;
}

static bool fence_token(const struct operation *o, struct address *ret)
{
	(void)o;
	(void)ret;
	return false;
}

static int fence_fee(struct runner *r, struct operation *o, const struct payment *p)
{
	(void)r;
	(void)o;
	(void)p;
	return -1;
}

static void fence_retry(struct runner *r, struct operation *o, int64_t row)
{
	(void)r;
	(void)o;
	(void)row;
}

/* -- the stages ---------------------------------------------------------------- */

/* Of its own empty attempts. */
static uint64_t live_n(struct runner *r, const struct operation *o)
{
	struct sql_intent_live_of_operation_in in = { .operation = o->id };
	struct sql_intent_live_of_operation_out row;
	uint64_t n = 0;

	sql_intent_live_of_operation_begin(r->s.journal, &in);
	while (sql_intent_live_of_operation_next(r->s.journal, &row))
		n++;
	return n;
}

/* Many blocks may be final at once, and what is above them is looked at behind that. */
static bool has_caught_up(const struct account *a)
{
	return a->known && a->height >= a->final_height;
}

/* A block that holds what is needed may vanish, and a pool shows what it likes: only
 * final blocks count, and each transaction in them is judged before they are final. */
static bool is_whole(struct runner *r, const struct operation *o, const struct account *a)
{
	const struct fence_facts *f = o->of_kind;

	if (MUTANT(fence_ends_at_inclusion))
		return a->known && a->count >= f->below;
	return (!strcmp(f->why, a->doubt) || MUTANT(fence_not_raised)) &&
	    a->fence_measured && a->has_final_count && a->final_count >= f->below &&
	    has_caught_up(a) && !a->strangers_n && !live_n(r, o);
}

/* Where another one is under way, what that settles is in doubt yet. */
static void end(struct runner *r, struct operation *o, struct account *a)
{
	const struct fence_facts *f = o->of_kind;
	size_t from = 0;
	char why[160];

	snprintf(why, sizeof why, "every nonce below %llu is consumed in final blocks",
	    (unsigned long long)f->below);
	operation_move(r, o, OPERATION_COMPLETED, why);
	if (!next_open(r, a, &from) || MUTANT(first_fence_ends_doubt))
		account_trust(r, a, why);
}

/* All that it can come to: what is spent, and the ceiling for the rest. */
static struct amount highest_of(
    struct runner *r, const struct operation *o, const struct account *a, uint64_t open)
{
	struct amount sum = gas_at(a, open + live_n(r, o), money_fee_ceiling(a));

	if (!amount_add(&sum, &sum, &o->fees_final))
		operation_damaged(r, o, "its fees are more than an amount can be");
	return sum;
}

/* It may cost more than was allowed: the operator accepts what is asked. */
static void ask(
    struct runner *r, struct operation *o, const struct account *a, const struct price *p)
{
	struct fence_facts *f = o->of_kind;
	char price[PRICE_TEXT_MAX], line[WAITS_MAX], cap[AMOUNT_TEXT_MAX],
	    all[AMOUNT_TEXT_MAX];

	f->asked = highest_of(r, o, a, p->n);
	sql_fence_ask(r->s.journal,
	    &(struct sql_fence_ask_in){ .operation = o->id, .asked = f->asked });
	price_say(a, p, price, sizeof price);
	amount_format(cap, &o->cap, coin_decimals(a));
	amount_format(all, &f->asked, coin_decimals(a));
	snprintf(line, sizeof line,
	    "%s%s; fence_max_fee allows %.30s, and it asks for %.30s in all; then: pawl "
	    "resume key:%s",
	    p->n ? "it fences " : "its empty attempts have to offer more",
	    p->n ? price : "", cap, all, a->key_name);
	operation_move(r, o, OPERATION_NEEDS_OPERATOR, line);
	operation_waits(o, line);
}

/* What is left to be signed; else what it waits for. */
static void stand(struct runner *r, struct operation *o, struct account *a)
{
	const struct fence_facts *f = o->of_kind;
	const char *why = account_keeps_back(r, a);
	char price[PRICE_TEXT_MAX], line[WAITS_MAX];
	struct price p;

	price_read(&p, r, a, f->below);
	price_say(a, &p, price, sizeof price);
	if (why)
		snprintf(line, sizeof line, "%.300s", why);
	else if (p.n && o->blocked)
		snprintf(line, sizeof line, "%.100s; it fences %s", o->blocked, price);
	else if (p.n)
		snprintf(line, sizeof line,
		    "what was forgotten to be mined, or the count to stand still; then "
		    "it fences %s",
		    price);
	else
		snprintf(line, sizeof line, "every nonce below %llu to be final",
		    (unsigned long long)f->below);
	operation_waits(o, line);
	if (a->known && (o->pinched || (!why && doubt_still(a) && is_dear(o, &p))))
		ask(r, o, a, &p);
}

static void await_funds(struct runner *r, struct operation *o, struct account *a)
{
	const struct fence_facts *f = o->of_kind;
	char text[AMOUNT_TEXT_MAX], line[WAITS_MAX];
	struct amount lack;
	struct offer offer;

	if (!a->known || !a->has_balance || !a->chain->has_market)
		return;
	offer_fill(&offer, a);
	if (!open_nonces(r, a, f->below) ||
	    intent_would(a, o, &offer, &lack) != RESERVE_NO_FUNDS) {
		operation_move(r, o, OPERATION_DISTRIBUTING, "the funds are there");
		return;
	}
	amount_format(text, &lack, coin_decimals(a));
	snprintf(line, sizeof line,
	    "funds: %.80s of the native coin are missing on key %s for the next empty "
	    "attempt",
	    text, a->key_name);
	operation_waits(o, line);
}

/* The cap is what was accepted, or what the configuration allows by now. */
static bool cap_raise(struct runner *r, struct operation *o, const struct account *a)
{
	const struct fence_facts *f = o->of_kind;
	const struct amount *allowed = &a->chain->config->fence_max_fee;

	if (f->has_accepted && amount_cmp(&f->accepted, allowed) > 0)
		allowed = &f->accepted;
	if (amount_cmp(allowed, &o->cap) <= 0)
		return false;
	operation_cap(r, o, allowed);
	return true;
}

/* It goes on when the operator allows more, or when nothing is left to sign. */
static void await_operator(
    struct runner *r, struct operation *o, struct account *a, bool raised)
{
	if (raised)
		operation_move(r, o, o->back_to, "the operator accepted its price");
	else if (is_whole(r, o, a))
		operation_move(r, o, o->back_to, "it is whole");
}

/* Nothing that was out when it was measured can be above it: all that the nodes showed
 * then was old. Above one that is open again our own may be. */
static void outgrow(struct runner *r, const struct operation *o, struct account *a)
{
	const struct fence_facts *f = o->of_kind;

	if (a->fence_measured && a->known && a->count > f->below && !f->reopened &&
	    !MUTANT(fence_outgrown))
		doubt_outgrown(r, a);
}

/* What its account's other operations wait for. */
static void say(const struct operation *o, struct account *a)
{
	snprintf(a->fenced, sizeof a->fenced, "%.40s: %.900s", o->name, o->waits_for);
}

/* A final block vanished under a fence that was whole: so did what it had settled. */
static void reopen(struct runner *r, struct operation *o, struct account *a)
{
	struct fence_facts *f = o->of_kind;

	if (!live_n(r, o))
		return;
	f->reopened = true;
	account_doubt(r, a, f->why);
	operation_reopen(r, o, OPERATION_DISTRIBUTING);
}

static enum err fence_advance(struct runner *r, struct operation *o, struct fail *fail)
{
	struct account *a = account_of(r, o->account);
	bool raised;

	(void)fail;
	if (o->state == OPERATION_COMPLETED) {
		reopen(r, o, a);
		return ERR_OK;
	}
	outgrow(r, o, a);
	raised = cap_raise(r, o, a);
	switch (o->state) {
	case OPERATION_AWAITING_FUNDS:
		await_funds(r, o, a);
		break;
	case OPERATION_DISTRIBUTING:
		if (is_whole(r, o, a) && recount_proved(o)) {
			end(r, o, a);
			return ERR_OK;
		}
		if (is_whole(r, o, a))
			operation_waits(o, RECOUNT_UNPROVED);
		else
			stand(r, o, a);
		break;
	case OPERATION_NEEDS_OPERATOR:
		await_operator(r, o, a, raised);
		break;
	case OPERATION_PAUSED:
		break;
	default:
		operation_damaged(r, o, "it is in a stage that a fence does not have");
	}
	say(o, a);
	return ERR_OK;
}

static void fence_resumed(struct runner *r, struct operation *o)
{
	struct fence_facts *f = o->of_kind;
	bool reopened = f->reopened;

	sql_fence_accept(
	    r->s.journal, &(struct sql_fence_accept_in){ .operation = o->id });
	facts_read(r, o, f);
	f->reopened = reopened;
}

const struct kind kind_fence = {
	.name = "fence",
	.open = fence_open,
	.close = fence_close,
	.advance = fence_advance,
	.offer = fence_offer,
	.gas = fence_gas,
	.retry = fence_retry,
	.fee = fence_fee,
	.token = fence_token,
	.resumed = fence_resumed,
	.fence = fence_begin,
	.settles = fence_settles,
};
