/* Which cap on fees would suffice, as far as the journal knows the fees of the day. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/report/report.h"
#include "journal/sql.gen.h"

/* A figure that a person can type: rounded up to a millionth of the coin. */
#define STEP 1000000000000u

#define PATIENCE                                                                       \
	" (at what its rows did cost so far it does: to wait for lower fees is safe, " \
	"and then a resume without another cap)"

/* Gas of all that is not settled, and of a service fee. */
static struct amount gas_left(
    struct journal *j, const struct operation *o, const struct airdrop_facts *a)
{
	struct sql_report_gas_left_in in = { .operation = o->id };
	struct sql_report_gas_left_out own = { 0 };
	int64_t others = o->by_state[ITEM_PENDING].n + o->by_state[ITEM_LIVE].n;
	struct amount gas = amount_u64(a->gas), more;

	(void)sql_report_gas_left_one(j, &in, &own);
	others = others > own.n ? others - own.n : 0;
	CHECK(amount_mul_u64(&gas, &gas, (uint64_t)others));
	more = amount_u64(own.gas > 0 ? (uint64_t)own.gas : 0);
	CHECK(amount_add(&gas, &gas, &more));
	more = amount_u64(amount_is_zero(&a->fee_amount) ? 0 : a->fee_gas);
	CHECK(amount_add(&gas, &gas, &more));
	return gas;
}

/* Per gas, as the last block has it; a dear attempt of a spike that is over says nothing
 * of today. */
static struct fee_market market_of_day(
    struct journal *j, const struct operation *o, const struct chain_config *c)
{
	struct sql_report_base_fee_in base_in = { .chain = o->chain };
	struct sql_report_signed_last_in last_in = { .account = o->account };
	struct sql_report_base_fee_out base = { 0 };
	struct sql_report_signed_last_out last;
	struct fee_market m = { .has_1559 = true, .tip = c->max_priority_fee_per_gas };

	if (sql_report_base_fee_one(j, &base_in, &base))
		m.next_base_fee = (uint64_t)base.base_fee;
	if (sql_report_signed_last_one(j, &last_in, &last))
		m.tip = (uint64_t)last.tip;
	return m;
}

static struct amount times(struct amount a, uint64_t n)
{
	CHECK(amount_mul_u64(&a, &a, n));
	return a;
}

/* What is left costs what a block takes today, and a quarter more; what is in flight at
 * once also holds a bump and an empty attempt, twice the first attempt each. */
static struct amount fees_left(struct journal *j, const struct operation *o,
    const struct airdrop_facts *a, const struct chain_config *c)
{
	uint64_t rows =
	    (uint64_t)(o->by_state[ITEM_PENDING].n + o->by_state[ITEM_LIVE].n);
	uint64_t window = (uint64_t)c->max_in_flight, rest;
	struct fee_market m = market_of_day(j, o, c);
	uint64_t first = airdrop_first_fee(c, &m), now = m.next_base_fee + m.tip;
	struct amount gas = gas_left(j, o, a), held = gas, sum;

	if (window < rows)
		held = times(amount_div_u64(&gas, rows, &rest), window);
	if (now < m.tip || now > first)
		now = first;
	first = first > c->max_fee_per_gas / 2 ? c->max_fee_per_gas : 2 * first;
	sum = times(gas, now);
	gas = amount_div_u64(&sum, 4, &rest);
	CHECK(amount_add(&sum, &sum, &gas));
	held = times(held, first);
	CHECK(amount_add(&sum, &sum, &held));
	return sum;
}

/* Would the cap do for what is left, at what its final rows did cost? */
static bool patience_helps(const struct operation *o)
{
	uint64_t done = (uint64_t)o->by_state[ITEM_FINAL].n, rest;
	uint64_t left =
	    (uint64_t)(o->by_state[ITEM_PENDING].n + o->by_state[ITEM_LIVE].n);
	struct amount sum;

	if (!done || !left)
		return false;
	sum = times(o->fees_final, left);
	sum = amount_div_u64(&sum, done, &rest);
	return amount_add(&sum, &sum, &o->fees_final) && amount_cmp(&sum, &o->cap) < 0;
}

/* What suffices as the cap on its fees: what is spent and held, and what is left at the
 * fees of the day. false: its chain is not configured. */
static bool cap_that_suffices(struct cli *c, struct journal *j, const struct operation *o,
    char out[AMOUNT_TEXT_MAX])
{
	const struct chain_config *chain = NULL;
	struct amount sum, step = amount_u64(STEP);
	struct airdrop_facts a;
	uint64_t rest;

	if (report_chain(c->config, j, o->chain, &chain, NULL) != ERR_OK ||
	    !airdrop_read(j, o->id, &a))
		return false;
	sum = fees_left(j, o, &a, chain);
	CHECK(amount_add(&sum, &sum, &o->fees_final));
	CHECK(amount_add(&sum, &sum, &o->fees_held));
	sum = amount_div_u64(&sum, STEP, &rest);
	CHECK(amount_mul_u64(&sum, &sum, STEP) && amount_add(&sum, &sum, &step));
	amount_format(out, &sum, chain_connector(chain)->decimals);
	return true;
}

/* A stop at the cap names the option, and how much is this one's to say. */
void report_stop(struct cli *c, struct journal *j, const struct operation *o,
    char out[REPORT_STOP_MAX])
{
	static const char then[] = "; then: ", option[] = " --max-total-fee";
	const char *why = o->waits_for, *end = strstr(why, then);
	char cap[AMOUNT_TEXT_MAX];

	snprintf(out, REPORT_STOP_MAX, "%s", why);
	if (end && strstr(why, option) && cap_that_suffices(c, j, o, cap))
		snprintf(out, REPORT_STOP_MAX, "%.*s%s%spawl resume %s%s %s",
		    (int)strcspn(why, ";"), why, patience_helps(o) ? PATIENCE : "", then,
		    o->name, option, cap);
}
