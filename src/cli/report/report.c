#include "cli/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "engine/intent.h"
#include "engine/repair.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"
#include "kinds/fence/fence.h"
#include "serve/command/command.h"

enum err report_open(struct cli *c, struct journal **ret, struct fail *f)
{
	enum err e = cli_config(c, f);

	return e == ERR_OK ? journal_read(ret, c->config->journal, f) : e;
}

enum err report_chain(struct config *c, struct journal *j, int64_t chain,
    const struct chain_config **ret, struct fail *f)
{
	struct sql_chain_get_in in = { .id = chain };
	struct sql_chain_get_out row;
	const char *name = NULL;

	if (!sql_chain_get_one(j, &in, &row))
		return fail_set(
		    f, ERR_DAMAGED, "chain %lld is not in the journal", (long long)chain);
	for (int i = 0; i < c->chains_n; i++) {
		bool named = strcmp(c->chains[i].name, row.name) == 0;

		if (c->chains[i].chain_id == (uint64_t)row.chain_id && (named || !name))
			name = c->chains[i].name;
	}
	if (name)
		return config_chain(c, name, ret, f);
	return fail_set(f, ERR_CONFIG,
	    "%s has no chain with chain_id %lld (it was %.40s when the journal met it)",
	    c->path, (long long)row.chain_id, row.name);
}

/* -- which operation ------------------------------------------------------- */

/* Names of journals hold what a file's name held: not all of it is fit for a terminal. */
static void name_nearest(
    struct journal *j, const char *word, char out[OPERATION_NAME_MAX])
{
	struct nearest near = { NULL, 0 };
	struct sql_operation_all_out row;

	out[0] = '\0';
	sql_operation_all_begin(j);
	while (sql_operation_all_next(j, &row)) {
		struct operation o;

		near.best = out[0] ? out : NULL;
		if (!operation_read(j, row.id, &o))
			continue;
		nearest_add(&near, word, o.name);
		if (near.best == o.name)
			snprintf(out, OPERATION_NAME_MAX, "%s", o.name);
	}
	utf8_plain(out);
}

enum err report_find(
    struct journal *j, const char *word, struct operation *ret, struct fail *f)
{
	char near[OPERATION_NAME_MAX], shown[REF_SHOWN_MAX];

	if (command_operation(j, word, ret, NULL) == ERR_OK)
		return ERR_OK;
	name_nearest(j, word, near);
	return fail_set(f, ERR_NOT_FOUND, "there is no operation %s%s%s%s",
	    ref_shown(shown, word), near[0] ? "; did you mean " : "; see: pawl status",
	    near, near[0] ? "?" : "");
}

/* -- its account and asset ------------------------------------------------- */

static void stops_take(struct journal *j, int64_t id, struct report_account *a,
    const struct sql_account_get_out *account, const struct sql_chain_get_out *chain)
{
	/* The chain's is to be lifted first: nothing is adopted before. */
	if (!chain->no_stopped) {
		snprintf(a->how, sizeof a->how, "pawl resume chain:%.40s", a->chain_name);
		snprintf(a->stopped, sizeof a->stopped, "chain %.40s: %.200s; then: %s",
		    a->chain_name, chain->stopped, a->how);
	} else if (!account->no_stopped) {
		suspects_stop(j, id, account->stopped, a->stopped);
		suspects_next(j, id, a->how);
		a->suspected = a->how[0];
		if (!a->suspected)
			snprintf(
			    a->how, sizeof a->how, "pawl resume key:%.40s", a->key_name);
	}
}

enum err report_archive(struct cli *c, struct journal *j, const struct operation *o,
    bool needed, struct fail *f)
{
	struct fail why = { ERR_OK, "" };
	enum err e = archive_show(j, o->id, &why);

	if (e == ERR_NOT_FOUND && !needed) {
		cli_warn(c, "%s", why.why);
		return ERR_OK;
	}
	return e == ERR_OK ? e : fail_set(f, e, "%s", why.why);
}

enum err report_account(struct journal *j, const struct operation *o,
    struct report_account *ret, struct fail *f)
{
	struct sql_account_get_in account_in = { .id = o->account };
	struct sql_chain_get_in chain_in = { .id = o->chain };
	struct sql_report_head_in head_in = { .chain = o->chain };
	struct sql_account_get_out account;
	struct sql_chain_get_out chain;
	struct sql_report_head_out head;
	const char *doubt;

	if (!sql_account_get_one(j, &account_in, &account) ||
	    !sql_chain_get_one(j, &chain_in, &chain) ||
	    !sql_report_head_one(j, &head_in, &head))
		return fail_set(f, ERR_DAMAGED,
		    "operation %lld has no account or no chain in the journal",
		    (long long)o->id);
	*ret = (struct report_account){
		.chain_id = (uint64_t)chain.chain_id,
		.final_height = chain.no_final_height ? -1 : chain.final_height,
		.head = head.no_height ? -1 : head.height,
	};
	memcpy(ret->address.at, account.address, sizeof ret->address.at);
	memcpy(ret->genesis.at, chain.genesis, sizeof ret->genesis.at);
	snprintf(ret->key_name, sizeof ret->key_name, "%s", account.key_name);
	snprintf(ret->chain_name, sizeof ret->chain_name, "%s", chain.name);
	if (!chain.no_nodes)
		snprintf(ret->nodes, sizeof ret->nodes, "%s", chain.nodes);
	utf8_plain(ret->nodes);
	stops_take(j, o->account, ret, &account, &chain);
	doubt = journal_doubt(j);
	snprintf(ret->doubt, sizeof ret->doubt, "%s", doubt ? doubt : "");
	return ERR_OK;
}

bool report_fences(const struct operation *o)
{
	return strcmp(o->kind_name, kind_fence.name) == 0;
}

/* Of a kind that this program does not know: in base units. */
struct report_asset report_coin(struct journal *j, int64_t chain)
{
	struct sql_chain_get_in in = { .id = chain };
	struct sql_chain_get_out row;
	const struct connector *connector = NULL;

	if (sql_chain_get_one(j, &in, &row))
		connector = chain_connector_find(row.kind);
	return (struct report_asset){ .decimals = connector ? connector->decimals : 0 };
}

enum err report_asset(struct journal *j, const struct operation *o,
    struct report_asset *ret, struct fail *f)
{
	struct airdrop_facts a;

	*ret = report_coin(j, o->chain);
	if (report_fences(o))
		return ERR_OK;
	if (!airdrop_read(j, o->id, &a))
		return fail_set(f, ERR_DAMAGED,
		    "operation %lld is an airdrop without its asset", (long long)o->id);
	*ret = (struct report_asset){
		.decimals = a.decimals, .token = a.has_token, .at = a.token
	};
	snprintf(ret->symbol, sizeof ret->symbol, "%s", a.symbol);
	return ERR_OK;
}

enum err report_fee(
    struct journal *j, const struct operation *o, struct report_fee *ret, struct fail *f)
{
	struct sql_intent_by_row_in in = { .operation = o->id };
	struct sql_intent_by_row_out found;
	struct airdrop_facts a;
	struct archived archived;
	struct intent i;

	*ret = (struct report_fee){ .due = false };
	if (report_fences(o))
		return ERR_OK;
	if (!airdrop_read(j, o->id, &a))
		return fail_set(f, ERR_DAMAGED, "the airdrop's facts are missing");
	*ret = (struct report_fee){ .due = !amount_is_zero(&a.fee_amount),
		.amount = a.fee_amount,
		.to = a.fee_to,
		.state = ITEM_PENDING };
	sql_intent_by_row_begin(j, &in);
	while (ret->due && sql_intent_by_row_next(j, &found)) {
		if (!intent_read(j, found.id, &i))
			continue;
		ret->intent = found.id;
		ret->state = i.state == INTENT_FINAL ? ITEM_FINAL
		    : i.state == INTENT_VOID         ? ITEM_VOID
						     : ITEM_LIVE;
	}
	sql_intent_by_row_end(j);
	if (ret->due && !ret->intent && o->state == OPERATION_COMPLETED &&
	    archive_of(j, o->id, &archived))
		ret->state = ITEM_FINAL;
	return ERR_OK;
}

void report_amount(char out[REPORT_AMOUNT_MAX], const struct report_asset *asset,
    const struct amount *amount)
{
	char text[AMOUNT_TEXT_MAX];

	amount_format(text, amount, asset->decimals);
	snprintf(out, REPORT_AMOUNT_MAX, "%s%s%s", text, asset->symbol[0] ? " " : "",
	    asset->symbol);
}

/* -- how far, how fast ----------------------------------------------------- */

/* Milliseconds in which it was paying: a stop of the process between two moves counts,
 * for nothing says how long it was. */
static int64_t paying_ms(struct journal *j, const struct operation *o, int64_t until_ms)
{
	struct sql_report_stages_in in = { .operation = o->id };
	struct sql_report_stages_out row;
	int64_t since_ms = -1, sum = 0;

	sql_report_stages_begin(j, &in);
	while (sql_report_stages_next(j, &row)) {
		if (since_ms >= 0 && row.entered_ms > since_ms)
			sum += row.entered_ms - since_ms;
		since_ms = row.state == OPERATION_DISTRIBUTING ? row.entered_ms : -1;
	}
	if (since_ms >= 0 && until_ms > since_ms)
		sum += until_ms - since_ms;
	return sum;
}

static void rate_take(
    struct journal *j, const struct operation *o, struct report_progress *p)
{
	const struct totals *t = o->by_state;
	int64_t done = t[ITEM_FINAL].n + t[ITEM_VOID].n;
	int64_t left = t[ITEM_PENDING].n + t[ITEM_LIVE].n;
	struct sql_report_last_move_in in = { .operation = o->id };
	struct sql_report_last_move_out last;
	int64_t until_ms = clock_wall_ms(), ms;

	p->rate_milli = p->eta_s = -1;
	if (!p->owned && sql_report_last_move_one(j, &in, &last))
		until_ms = last.at_ms;
	ms = paying_ms(j, o, until_ms);
	if (ms > 0 && done > 0)
		p->rate_milli = done * 1000000 / ms;
	if (operation_ended(o))
		p->eta_s = 0;
	else if (p->owned && operation_reserves(o) && p->rate_milli > 0)
		p->eta_s = (left * 1000 + p->rate_milli - 1) / p->rate_milli;
}

/* A stop ends with the line to type, which is more than its state could tell. */
static void unblock_take(
    struct journal *j, const struct operation *o, struct report_progress *p)
{
	static const char mark[] = "; then: ";
	const char *at = strstr(p->waits_for, mark);

	if (at)
		snprintf(p->unblock, sizeof p->unblock, "%s", at + sizeof mark - 1);
	else if (o->state == OPERATION_NEEDS_OPERATOR || o->state == OPERATION_PAUSED)
		snprintf(p->unblock, sizeof p->unblock, "pawl resume %s", o->name);
	else if (o->by_state[ITEM_VOID].n > repair_skips(j, o) &&
	    o->state == OPERATION_COMPLETED)
		snprintf(p->unblock, sizeof p->unblock, "pawl retry %s", o->name);
}

bool report_unexplained(
    struct journal *j, const struct operation *o, struct report_unexplained *ret)
{
	struct sql_report_unexplained_in in = { .account = o->account,
		.operation = o->id };
	struct sql_report_unexplained_out row;

	if (!sql_report_unexplained_one(j, &in, &row) || !row.n)
		return false;
	*ret = (struct report_unexplained){ row.n, row.row, row.nonce };
	return true;
}

/* Nothing is paid on such a nonce, and without a proof nothing elsewhere (EIP-7702 uses
 * nonces so): only the chain can be asked. */
static void unexplained_take(const struct operation *o,
    const struct report_unexplained *u, struct report_progress *p)
{
	char more[48] = "";

	if (u->n > 1)
		snprintf(more, sizeof more, " (and %lld more)", (long long)u->n - 1);
	snprintf(p->waits_for, sizeof p->waits_for,
	    "row %lld: nonce %lld was consumed, and no transaction that did it is "
	    "known%s; then: pawl verify %s",
	    (long long)u->row, (long long)u->nonce, more, o->name);
}

static void waits_take(struct cli *c, struct journal *j, const struct operation *o,
    const struct report_account *a, struct report_progress *p)
{
	bool stopped = o->state == OPERATION_NEEDS_OPERATOR && o->waits_for[0];
	struct report_unexplained u;
	struct operation fence;

	/* A resume of the list is refused while its account has suspects. */
	if (!operation_ended(o) && a->stopped[0] && (!stopped || a->suspected)) {
		snprintf(p->waits_for, sizeof p->waits_for, "%s", a->stopped);
		snprintf(p->unblock, sizeof p->unblock, "%s", a->how);
	} else if (o->state == OPERATION_PAUSED && !o->waits_for[0]) {
		snprintf(p->waits_for, sizeof p->waits_for,
		    "the operator: it is paused; then: pawl resume %s", o->name);
	} else if (!operation_ended(o) && !stopped && a->doubt[0] &&
	    o->state != OPERATION_PAUSED) {
		snprintf(p->waits_for, sizeof p->waits_for,
		    "key %s is in doubt: %s; the next run, or pawl serve, begins its "
		    "fence, whose nonces and fees are told here then",
		    a->key_name, a->doubt);
	} else if (!operation_ended(o) && !stopped && report_unexplained(j, o, &u)) {
		unexplained_take(o, &u, p);
	} else if (!stopped && o->state != OPERATION_PAUSED &&
	    command_fence_stuck(j, o, p->waits_for, sizeof p->waits_for, &fence)) {
		/* told as it stands: the run that it ended has not said it of the list */
	} else if (!operation_ended(o)) {
		report_stop(c, j, o, p->waits_for);
	}
	if (!p->unblock[0])
		unblock_take(j, o, p);
	utf8_plain(p->waits_for);
	utf8_plain(p->unblock);
}

bool report_lacks(const struct report_progress *p)
{
	return strncmp(p->waits_for, "funds: ", strlen("funds: ")) == 0;
}

enum err report_progress(struct cli *c, struct journal *j, const struct operation *o,
    struct report_progress *ret, struct fail *f)
{
	struct sql_report_unknown_in in = { .account = o->account, .operation = o->id };
	struct sql_report_unknown_out unknown = { 0 };
	struct report_account a;
	enum err e = report_account(j, o, &a, f);

	if (e != ERR_OK)
		return e;
	memset(ret, 0, sizeof *ret);
	if (!journal_owner(c->config->journal, &ret->owner, &ret->owned))
		ret->owned = false;
	if (o->by_state[ITEM_LIVE].n || !operation_ended(o))
		(void)sql_report_unknown_one(j, &in, &unknown);
	ret->unknown = unknown.n;
	rate_take(j, o, ret);
	waits_take(c, j, o, &a, ret);
	if (report_lacks(ret))
		ret->eta_s = -1; /* nobody knows when they come */
	return ERR_OK;
}

/* -- small things ---------------------------------------------------------- */

void report_time(char out[REPORT_TIME_MAX], int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(out, REPORT_TIME_MAX, "%FT%TZ", &tm))
		snprintf(out, REPORT_TIME_MAX, "-");
}

void report_hash(char out[REPORT_HASH_MAX], const uint8_t hash[32])
{
	out[0] = '0';
	out[1] = 'x';
	hex_format(out + 2, hash, 32);
}

void report_tail(char out[REPORT_HASH_MAX], struct journal *j, int64_t operation)
{
	char tail[65];

	journal_tail(j, operation, tail);
	snprintf(out, REPORT_HASH_MAX, "%s%s", *tail ? "0x" : "", tail);
}
