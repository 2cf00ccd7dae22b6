/* What the journal knows of a plan before it is paid: the chain, the token, what it paid
 * to the same recipients, and whether the account's past is its own. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/airdrop/draft.h"
#include "engine/operation.h"
#include "engine/past.h"
#include "journal/sql.gen.h"

/* -- the chain and the account --------------------------------------------- */

static void chain_find(struct draft *d)
{
	struct sql_chain_by_identity_in in = { .chain_id = (int64_t)d->chain->chain_id };
	struct sql_chain_by_identity_out found;

	memcpy(in.genesis, d->genesis.at, sizeof in.genesis);
	if (d->identified && sql_chain_by_identity_one(d->journal, &in, &found))
		d->journal_chain = found.id;
}

/* The journal may have met several chains of this id, as tests do: then it is none. */
static bool genesis_recall(struct draft *d, int64_t *ret_chain)
{
	struct sql_report_chains_out row;
	int n = 0;

	sql_report_chains_begin(d->journal);
	while (sql_report_chains_next(d->journal, &row)) {
		if ((uint64_t)row.chain_id != d->chain->chain_id)
			continue;
		n++;
		*ret_chain = row.id;
		memcpy(d->genesis.at, row.genesis, sizeof d->genesis.at);
	}
	return n == 1;
}

static bool token_recall(struct draft *d, int64_t chain)
{
	struct sql_report_token_in in = { .chain = chain };
	struct sql_report_token_out found;

	memcpy(in.token, d->token.at, sizeof in.token);
	sql_report_token_begin(d->journal, &in);
	if (!sql_report_token_next(d->journal, &found))
		return false;
	d->decimals = (unsigned)found.decimals;
	snprintf(d->symbol, sizeof d->symbol, "%s", found.symbol);
	sql_report_token_end(d->journal);
	return true;
}

void draft_remember(struct draft *d)
{
	int64_t chain = 0;

	if (!d->identified && d->journal && genesis_recall(d, &chain) &&
	    (!d->has_token || token_recall(d, chain)))
		d->identified = d->remembered = true;
}

/* The account, if the journal knows what it did before. */
static int64_t account_find(const struct draft *d)
{
	struct sql_account_by_address_in in = { .chain = d->journal_chain };
	struct sql_account_by_address_out found;
	struct sql_account_get_out row;

	memcpy(in.address, d->sender.at, sizeof in.address);
	if (!d->journal_chain || !sql_account_by_address_one(d->journal, &in, &found) ||
	    !sql_account_get_one(
		d->journal, &(struct sql_account_get_in){ .id = found.id }, &row) ||
	    row.no_past_from)
		return 0;
	return found.id;
}

static void own_find(struct draft *d)
{
	struct sql_operation_by_name_in in = { .name = d->name };
	struct sql_operation_by_name_out found;

	if (d->name[0] && utf8_valid(d->name, strlen(d->name)) &&
	    sql_operation_by_name_one(d->journal, &in, &found))
		d->own_id = found.id;
}

static bool is_unclaimed(
    const struct draft *d, const struct address *to, const struct amount *amount)
{
	struct airdrop_facts asset = { .has_token = d->has_token, .token = d->token };

	return d->journal_account &&
	    airdrop_unclaimed(d->journal, &asset, d->journal_account, to, amount) > 0;
}

void draft_recall(struct draft *d)
{
	d->journal_chain = d->equal = d->equal_own = d->own_id = 0;
	d->journal_account = d->unclaimed = 0;
	d->fee_unclaimed = false;
	d->unread = 0;
	d->other_row = 0;
	if (!d->journal)
		return;
	chain_find(d);
	own_find(d);
	d->journal_account = account_find(d);
	d->unseen = d->priced && !d->journal_account ? d->count : 0;
	if (d->journal_account)
		d->unread = past_unread(d->journal, d->journal_account);
	d->fee_unclaimed = !amount_is_zero(&d->fee_amount) &&
	    is_unclaimed(d, &d->fee_to, &d->fee_amount);
}

/* -- rows and plans -------------------------------------------------------- */

void draft_row_recall(struct draft *d, const struct list_row *row)
{
	struct airdrop_facts asset = { .has_token = d->has_token, .token = d->token };

	if (d->journal)
		draft_row_differs(d, row);
	if (!d->journal_chain)
		return;
	d->unclaimed += is_unclaimed(d, &row->to, &row->amount);
	if (airdrop_equal(d->journal, &asset, d->journal_chain, d->own_id, &row->to,
		&row->amount)) {
		d->equal++;
	} else if (d->own_id &&
	    airdrop_equal(
		d->journal, &asset, d->journal_chain, 0, &row->to, &row->amount)) {
		d->equal++;
		d->equal_own++;
	}
}

/* Whether the operation of the name that `run` would choose is this plan: then its rows
 * are those of the list, and no others. */
static void own_judge(struct draft *d)
{
	struct operation o;

	d->own = OWN_NONE;
	if (!d->own_id || !operation_read(d->journal, d->own_id, &o))
		return;
	d->own = memcmp(o.plan, d->plan, sizeof o.plan) != 0 ? OWN_OTHER
	    : o.state == OPERATION_CANCELLED                 ? OWN_CANCELLED
							     : OWN_OPEN;
	if (d->own == OWN_OPEN)
		d->equal -= d->equal_own;
	if (d->own == OWN_OTHER)
		draft_differs(d, &o, d->own_differs, sizeof d->own_differs);
}

void draft_plan_recall(struct draft *d)
{
	struct sql_operation_by_plan_in in = { 0 };
	struct sql_operation_by_plan_out row;

	d->same = 0;
	d->same_name[0] = '\0';
	if (!d->journal || !d->hashed)
		return;
	own_judge(d);
	memcpy(in.plan, d->plan, sizeof in.plan);
	sql_operation_by_plan_begin(d->journal, &in);
	while (sql_operation_by_plan_next(d->journal, &row)) {
		d->same++;
		if (airdrop_pays(d->journal, row.id))
			snprintf(d->same_name, sizeof d->same_name, "%s", row.name);
	}
	sql_operation_by_plan_end(d->journal);
	utf8_plain(d->same_name);
}
