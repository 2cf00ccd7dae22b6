/* Which cap on fees would suffice, as far as the journal knows the fees of the day. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/own.h"
#include "cli/report.h"
#include "journal/sql.gen.h"

/* A figure that a person can type: rounded up to a millionth of the coin. */
#define STEP 1000000000000u

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

/* Per gas: twice the first attempt of today, for a bump and an empty attempt over it. */
static uint64_t fee_of_day(
    struct journal *j, const struct operation *o, const struct chain_config *c)
{
	struct sql_report_base_fee_in base_in = { .chain = o->chain };
	struct sql_report_signed_last_in last_in = { .account = o->account };
	struct sql_report_base_fee_out base = { 0 };
	struct sql_report_signed_last_out last = { .tip = -1 };
	struct fee_market m = { .has_1559 = true, .tip = c->max_priority_fee_per_gas };
	uint64_t fee;

	if (sql_report_base_fee_one(j, &base_in, &base))
		m.next_base_fee = (uint64_t)base.base_fee;
	if (sql_report_signed_last_one(j, &last_in, &last))
		m.tip = (uint64_t)last.tip;
	fee = airdrop_first_fee(c, &m);
	if ((uint64_t)last.max_fee > fee)
		fee = (uint64_t)last.max_fee;
	return fee > c->max_fee_per_gas / 2 ? c->max_fee_per_gas : 2 * fee;
}

bool report_cap(struct cli *c, struct journal *j, const struct operation *o,
    char out[AMOUNT_TEXT_MAX])
{
	const struct chain_config *chain = NULL;
	struct amount sum, step = amount_u64(STEP);
	struct airdrop_facts a;
	uint64_t rest;

	if (own_chain(c->config, j, o->chain, &chain, NULL) != ERR_OK ||
	    !airdrop_read(j, o->id, &a))
		return false;
	sum = gas_left(j, o, &a);
	CHECK(amount_mul_u64(&sum, &sum, fee_of_day(j, o, chain)));
	CHECK(amount_add(&sum, &sum, &o->fees_final));
	CHECK(amount_add(&sum, &sum, &o->fees_held));
	sum = amount_div_u64(&sum, STEP, &rest);
	CHECK(amount_mul_u64(&sum, &sum, STEP) && amount_add(&sum, &sum, &step));
	amount_format(out, &sum, REPORT_NATIVE_DECIMALS);
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
	if (end && strstr(why, option) && report_cap(c, j, o, cap))
		snprintf(out, REPORT_STOP_MAX, "%.*s%spawl resume %s%s %s",
		    (int)strcspn(why, ";"), why, then, o->name, option, cap);
}
