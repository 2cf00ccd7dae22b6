#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"

bool airdrop_read(struct journal *j, int64_t operation, struct airdrop_facts *ret)
{
	struct sql_airdrop_get_out row;
	struct sql_airdrop_get_in in = { .operation = operation };

	sql_airdrop_get_begin(j, &in);
	if (!sql_airdrop_get_next(j, &row))
		return false;
	*ret = (struct airdrop_facts){
		.has_token = !row.no_token,
		.decimals = (unsigned)row.decimals,
		.fee_amount = row.fee_amount,
		.imported = row.imported,
		.built = row.built,
		.frozen = row.frozen,
		.adopt = row.adopt,
		.compares = !row.no_compared,
		.compared = (uint64_t)row.compared,
		.gas = (uint64_t)row.gas,
		.fee_gas = (uint64_t)row.fee_gas,
	};
	if (!row.no_token)
		memcpy(ret->token.at, row.token, sizeof ret->token.at);
	if (!row.no_fee_recipient)
		memcpy(ret->fee_to.at, row.fee_recipient, sizeof ret->fee_to.at);
	memcpy(ret->file_hash, row.file_hash, sizeof ret->file_hash);
	snprintf(ret->symbol, sizeof ret->symbol, "%s", row.symbol);
	snprintf(ret->file, sizeof ret->file, "%s", row.file);
	sql_airdrop_get_end(j);
	return true;
}

int64_t airdrop_account(struct journal *j, const struct airdrop_new *n)
{
	struct sql_account_by_address_in in = { .chain = n->chain };
	struct sql_account_by_address_out found;
	struct sql_account_add_in add = { .chain = n->chain,
		.key_name = n->key_name,
		.in_flight_max = n->in_flight_max,
		.fee_cap_max = (int64_t)n->fee_cap };
	struct sql_account_add_out added;

	memcpy(in.address, n->sender.at, sizeof in.address);
	if (sql_account_by_address_one(j, &in, &found))
		return found.id;
	memcpy(add.address, n->sender.at, sizeof add.address);
	return sql_account_add_one(j, &add, &added) ? added.id : 0;
}

/* All that is known of the account now was held against the plan. */
static int64_t compared(struct journal *j, int64_t account)
{
	struct sql_consumed_highest_in in = { .account = account };
	struct sql_consumed_highest_out row;

	return sql_consumed_highest_one(j, &in, &row) && !row.no_nonce ? row.nonce + 1
								       : 0;
}

static void facts_put(
    struct journal *j, int64_t operation, int64_t account, const struct airdrop_facts *a)
{
	struct sql_airdrop_add_in in = {
		.operation = operation,
		.no_token = !a->has_token,
		.decimals = a->decimals,
		.symbol = a->symbol,
		.fee_amount = a->fee_amount,
		.no_fee_recipient = amount_is_zero(&a->fee_amount),
		.file = a->file,
		.adopt = a->adopt,
		.compared = compared(j, account),
		.gas = (int64_t)a->gas,
		.fee_gas = (int64_t)a->fee_gas,
	};

	memcpy(in.token, a->token.at, sizeof in.token);
	memcpy(in.fee_recipient, a->fee_to.at, sizeof in.fee_recipient);
	memcpy(in.file_hash, a->file_hash, sizeof in.file_hash);
	sql_airdrop_add(j, &in);
}

int64_t airdrop_create(struct journal *j, const struct airdrop_new *n)
{
	int64_t account = airdrop_account(j, n);
	struct sql_operation_add_in in = {
		.kind = "airdrop",
		.name = n->name,
		.again = n->again,
		.chain = n->chain,
		.account = account,
		.state = OPERATION_AWAITING_FUNDS,
		.cap = n->cap,
		.items = n->items,
		.planned = n->planned,
		.started_ms = n->now_ms,
	};
	struct sql_operation_add_out out;

	memcpy(in.plan, n->plan, sizeof in.plan);
	if (!account || !sql_operation_add_one(j, &in, &out))
		return 0;
	facts_put(j, out.id, account, &n->facts);
	sql_stage_add(j,
	    &(struct sql_stage_add_in){ .operation = out.id,
		.state = OPERATION_AWAITING_FUNDS,
		.entered_ms = n->now_ms });
	journal_event(j,
	    &(struct event){ .operation = out.id,
		.what = "operation",
		.from = "",
		.to = state_name(MACHINE_OPERATION, OPERATION_AWAITING_FUNDS),
		.why = n->facts.file });
	return out.id;
}

bool airdrop_header(struct journal *j, const struct operation *o,
    const struct airdrop_facts *a, struct plan_header *ret)
{
	struct sql_chain_get_out chain;
	struct sql_account_get_out account;
	struct sql_chain_get_in chain_in = { .id = o->chain };
	struct sql_account_get_in account_in = { .id = o->account };

	if (!sql_chain_get_one(j, &chain_in, &chain) ||
	    !sql_account_get_one(j, &account_in, &account))
		return false;
	*ret = (struct plan_header){
		.chain_id = (uint64_t)chain.chain_id,
		.token = a->has_token,
		.token_address = a->token,
		.decimals = (uint8_t)a->decimals,
		.service_fee = a->fee_amount,
		.service_fee_to = a->fee_to,
	};
	memcpy(ret->genesis.at, chain.genesis, sizeof ret->genesis.at);
	memcpy(ret->sender.at, account.address, sizeof ret->sender.at);
	return true;
}

/* What is more than there can be is as much as there can be: nobody has it. */
static void add_up(struct amount *sum, const struct amount *more)
{
	if (!amount_add(sum, sum, more))
		memset(sum, 0xff, sizeof *sum);
}

void airdrop_need(const struct airdrop_facts *a, const struct airdrop_left *left,
    uint64_t fee_per_gas, uint64_t gas_more, struct amount *ret_native,
    struct amount *ret_token)
{
	uint64_t payments = (uint64_t)left->n + left->fee_due;
	struct amount gas = amount_u64(a->gas), assets = left->sum, more;

	CHECK(amount_mul_u64(&gas, &gas, (uint64_t)(left->n - left->own_n)));
	more = amount_u64(left->own_gas);
	CHECK(amount_add(&gas, &gas, &more));
	more = amount_u64(gas_more);
	CHECK(amount_mul_u64(&more, &more, payments) && amount_add(&gas, &gas, &more));
	if (left->fee_due) {
		more = amount_u64(a->fee_gas);
		CHECK(amount_add(&gas, &gas, &more));
		add_up(&assets, &a->fee_amount);
	}
	CHECK(amount_mul_u64(&gas, &gas, fee_per_gas));
	*ret_token = AMOUNT_ZERO;
	if (a->has_token) {
		*ret_token = assets;
		*ret_native = gas;
		return;
	}
	*ret_native = gas;
	add_up(ret_native, &assets);
}

int64_t airdrop_equal(struct journal *j, const struct airdrop_facts *a, int64_t chain,
    int64_t operation, const struct address *to, const struct amount *amount)
{
	struct sql_airdrop_equal_in in = { .amount = *amount,
		.chain = chain,
		.native = !a->has_token,
		.operation = operation };
	struct sql_airdrop_equal_out out;

	memcpy(in.recipient, to->at, sizeof in.recipient);
	memcpy(in.token, a->token.at, sizeof in.token);
	return sql_airdrop_equal_one(j, &in, &out) ? out.n : 0;
}

int64_t airdrop_unclaimed(struct journal *j, const struct airdrop_facts *a,
    int64_t account, const struct address *to, const struct amount *amount)
{
	struct sql_consumed_equal_in in = {
		.account = account, .amount = *amount, .native = !a->has_token
	};
	struct sql_consumed_equal_out out;

	memcpy(in.payee, to->at, sizeof in.payee);
	memcpy(in.asset, a->token.at, sizeof in.asset);
	return sql_consumed_equal_one(j, &in, &out) ? out.n : 0;
}

uint64_t airdrop_first_fee(const struct chain_config *c, const struct fee_market *m)
{
	static const uint8_t no_tag[5];
	const struct connector *connector = chain_connector(c);
	struct fees fees;

	connector->fees_first(&fees, m, connector->gas_coin,
	    m->has_1559 ? FEE_1559 : FEE_LEGACY, c->max_fee_per_gas,
	    c->max_priority_fee_per_gas, no_tag);
	return fees.max_fee;
}

/* Has its service fee been paid, or may it still be? */
static bool fee_taken(struct journal *j, int64_t operation)
{
	struct sql_intent_states_of_row_in in = { .operation = operation, .row = 0 };
	struct sql_intent_states_of_row_out row;
	bool taken = false;

	sql_intent_states_of_row_begin(j, &in);
	while (sql_intent_states_of_row_next(j, &row))
		taken |= row.state != INTENT_VOID;
	return taken;
}

bool airdrop_pays(struct journal *j, int64_t operation)
{
	struct operation o;

	return operation_read(j, operation, &o) &&
	    (o.state != OPERATION_CANCELLED || o.by_state[ITEM_FINAL].n ||
		o.by_state[ITEM_LIVE].n || fee_taken(j, operation));
}
