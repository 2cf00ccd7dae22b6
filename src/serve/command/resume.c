#include "serve/command/resume.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "serve/command/hand.h"
#include "serve/command/suspect.h"

#define THEN "; then: " /* behind a stop: the line to type */

/* -- a chain: the nodes name the ancestor ---------------------------------- */

/* All operations, also those that are ended: their rows may have been in the blocks that
 * vanished. */
static void load_all(struct runner *r, struct chain_run *c)
{
	struct sql_operation_all_out row;

	sql_operation_all_begin(r->s.journal);
	while (sql_operation_all_next(r->s.journal, &row)) {
		struct operation o;

		if (operation_read(r->s.journal, row.id, &o) && o.chain == c->id)
			(void)operation_load(r, row.id);
	}
}

/* A stopped chain goes back to the highest block that a quorum has, with all operations
 * that may have rows above it: those that came just now are watched first. What can be
 * refused is asked before, for the follower has gone back then. fails: NO_QUORUM. */
static enum err chain_accept(struct chain_run *c, struct fail *f)
{
	if (c->id && !follower_stopped(c->follower))
		return ERR_OK;
	if (!c->id || c->watch_changed)
		return fail_set(f, ERR_NO_QUORUM, "chain %s: its nodes do not answer",
		    c->config->name);
	return follower_accept(c->follower, f);
}

/* Is a chain of this number stopped in the journal? Nothing is asked when none is. */
static bool stopped_in_journal(struct journal *j, uint64_t chain_id)
{
	struct sql_report_chains_out row;
	bool stopped = false;

	sql_report_chains_begin(j);
	while (sql_report_chains_next(j, &row))
		stopped |= (uint64_t)row.chain_id == chain_id && !row.no_stopped;
	return stopped;
}

/* Only an owner can: it takes turns, and a command that owns for itself takes them
 * before it comes here. */
static enum err chain_resume(
    const struct command_at *at, const struct chain_config *config, struct fail *f)
{
	if (!at->runner)
		return fail_set(f, ERR_NO_QUORUM, "chain %s is stopped", config->name);
	return chain_accept(command_chain(at->runner, config), f);
}

void resume_prepare(const struct command_at *at, const struct chain_config *config)
{
	struct chain_run *c;

	if (!stopped_in_journal(at->journal, config->chain_id))
		return;
	c = command_chain(at->runner, config);
	if (c->id)
		load_all(at->runner, c);
}

enum err resume_stopped_chain(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	const struct chain_config *config;
	enum err e = at->face->chain_named(at->face->ctx, q->name, &config, f);

	if (e != ERR_OK)
		return e;
	ret->moved = stopped_in_journal(at->journal, config->chain_id);
	return ret->moved ? chain_resume(at, config, f) : ERR_OK;
}

/* -- an account: foreign use of it ----------------------------------------- */

/* How high foreign use of an account was seen: what a resume accepts. */
static int64_t seen_height(struct journal *j, int64_t chain, int64_t account)
{
	struct sql_report_head_in head_in = { .chain = chain };
	struct sql_report_consumed_height_in seen_in = { .account = account };
	struct sql_report_head_out head = { 0 };
	struct sql_report_consumed_height_out seen = { 0 };
	int64_t height = 0;

	if (sql_report_head_one(j, &head_in, &head) && !head.no_height)
		height = head.height;
	if (sql_report_consumed_height_one(j, &seen_in, &seen) && !seen.no_height &&
	    seen.height > height)
		height = seen.height;
	return height;
}

/* What is accepted with a stop, for a person: why it was, and the foreign use since the
 * last time. */
static void accepted_tell(struct told *ret, struct journal *j, int64_t account,
    const char *stopped, int64_t since)
{
	struct sql_report_consumed_range_in in = { .account = account, .height = since };
	struct sql_report_consumed_range_out row = { 0 };
	const char *end = strstr(stopped, THEN);
	size_t len = end ? (size_t)(end - stopped) : strlen(stopped);
	char uses[96] = "";

	if (sql_report_consumed_range_one(j, &in, &row) && row.n)
		snprintf(uses, sizeof uses,
		    ", by %lld transaction%s; nonces %lld to %lld", (long long)row.n,
		    row.n == 1 ? "" : "s", (long long)row.lowest, (long long)row.highest);
	snprintf(ret->accepted, sizeof ret->accepted, "%.*s%s", (int)len, stopped, uses);
}

/* -- a key: its accounts on all chains ------------------------------------- */

static void account_clear(
    const struct command_at *at, const struct sql_report_accounts_of_key_out *row)
{
	int64_t seen = seen_height(at->journal, row->chain, row->id);
	struct account *a = at->runner ? account_of(at->runner, row->id) : NULL;

	if (seen < row->accepted_height)
		seen = row->accepted_height;
	if (a) {
		if ((uint64_t)seen > a->accepted_height)
			a->accepted_height = (uint64_t)seen;
		account_resume(at->runner, a);
		return;
	}
	sql_account_stop(at->journal,
	    &(struct sql_account_stop_in){
		.id = row->id, .no_stopped = true, .accepted_height = seen });
	journal_event(at->journal,
	    &(struct event){ .what = "account",
		.from = "stopped",
		.to = "",
		.why = "resumed: what was seen is accepted" });
}

static void key_clear(const struct command_at *at,
    const struct sql_report_accounts_of_key_out *row, struct told *ret)
{
	accepted_tell(ret, at->journal, row->id, row->stopped, row->accepted_height);
	account_clear(at, row);
}

/* What the fence of an account asks for is accepted, and it goes on. */
static enum err fence_accept(
    const struct command_at *at, int64_t account, bool *moved, struct fail *f)
{
	struct hand h = { .runner = NULL };
	struct operation read;
	enum err e;

	if (!command_fence(at->journal, account, &read) ||
	    read.state != OPERATION_NEEDS_OPERATOR)
		return ERR_OK;
	e = hand_take(&h, at, &read, f);
	if (e == ERR_OK)
		operation_go_on(h.runner, h.operation);
	hand_release(&h, e == ERR_OK);
	*moved |= e == ERR_OK;
	return e;
}

/* Those of them that are stopped: what they suspect is told, and accepted, as one. */
static enum err key_check(const struct command_at *at, const struct request *q,
    const struct sql_report_accounts_of_key_in *in, bool *known, struct fail *f)
{
	struct sql_report_accounts_of_key_out row;
	int64_t *stopped = NULL;
	size_t n = 0;
	enum err e;

	sql_report_accounts_of_key_begin(at->journal, in);
	while (sql_report_accounts_of_key_next(at->journal, &row)) {
		*known = true;
		if (row.no_stopped)
			continue;
		stopped = mem_grow(stopped, n + 1, sizeof *stopped);
		stopped[n++] = row.id;
	}
	sql_report_accounts_of_key_end(at->journal);
	e = suspects_clear(at, q, stopped, n, f);
	mem_free(stopped);
	return e;
}

enum err resume_key(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	struct sql_report_accounts_of_key_in in = { .key_name = q->name };
	struct sql_report_accounts_of_key_out row;
	struct address address = { { 0 } };
	enum err e = at->face->key_peek(at->face->ctx, q->name, &address, f), refused;
	bool known = e != ERR_CONFIG;

	if (e == ERR_OK)
		memcpy(in.address, address.at, sizeof in.address);
	refused = key_check(at, q, &in, &known, f);
	if (refused != ERR_OK)
		return refused;
	sql_report_accounts_of_key_begin(at->journal, &in);
	while (refused == ERR_OK && sql_report_accounts_of_key_next(at->journal, &row)) {
		refused = fence_accept(at, row.id, &ret->moved, f);
		if (row.no_stopped || refused != ERR_OK)
			continue;
		ret->moved = true;
		key_clear(at, &row, ret);
	}
	sql_report_accounts_of_key_end(at->journal);
	if (refused != ERR_OK)
		return refused;
	return known ? ERR_OK : e;
}

/* -- an operation ---------------------------------------------------------- */

static enum err cap_put(const struct request *q, struct runner *r, struct operation *o,
    const struct account *a, struct fail *f)
{
	char least[AMOUNT_TEXT_MAX];
	struct amount cap, spent;
	enum err e = command_cap(&cap, q, a, f);

	if (e != ERR_OK)
		return e;
	if (!amount_add(&spent, &o->fees_final, &o->fees_held))
		operation_damaged(r, o, "its fees are more than an amount can be");
	amount_format(least, &spent, a->chain->connector->decimals);
	if (amount_cmp(&cap, &spent) < 0)
		return fail_set(f, ERR_INPUT,
		    "max_total_fee: %s is spent or held for what is live already", least);
	operation_cap(r, o, &cap);
	return ERR_OK;
}

static bool chain_stopped(struct journal *j, int64_t chain)
{
	struct sql_chain_get_in in = { .id = chain };
	struct sql_chain_get_out row;

	return sql_chain_get_one(j, &in, &row) && !row.no_stopped;
}

/* Of a chain that is stopped they may be in the very blocks that vanished. */
static enum err stop_check(const struct command_at *at, const struct request *q,
    const struct account *a, bool chain_is_stopped, struct fail *f)
{
	const char *chain = a->chain->config->name;
	enum err e = a->stopped ? suspects_clear(at, q, &a->id, 1, f) : ERR_OK;

	if (e == ERR_OK || !chain_is_stopped)
		return e;
	return fail_set(f, e,
	    "chain %s is stopped, and transactions that this journal does not know "
	    "pay its rows, perhaps in the blocks that vanished. First: pawl resume "
	    "chain:%s",
	    chain, chain);
}

static void stop_accept(const struct command_at *at, struct account *a, struct told *ret)
{
	uint64_t seen = (uint64_t)seen_height(at->journal, a->chain->id, a->id);

	accepted_tell(
	    ret, at->journal, a->id, a->why_stopped, (int64_t)a->accepted_height);
	if (seen > a->accepted_height)
		a->accepted_height = seen;
}

/* Its own stop is over, and the fence of its account has one: a price is accepted for the
 * key that pays it. Where that is all that it waits for nothing was resumed. */
static enum err fence_tell(const struct command_at *at, const struct operation *o,
    struct told *ret, bool resumed, struct fail *f)
{
	char why[WAITS_MAX + OPERATION_NAME_MAX];
	const char *then;
	struct operation fence;

	if (!command_fence_stuck(at->journal, o, why, sizeof why, &fence))
		return ERR_OK;
	then = strstr(why, THEN);
	if (then)
		snprintf(ret->then, sizeof ret->then, "%s", then + strlen(THEN));
	return resumed ? ERR_OK
		       : fail_set(f, ERR_OPERATOR, "%s waits for %s", o->name, why);
}

static enum err no_way_back(const struct operation *o, struct fail *f)
{
	return fail_set(f, ERR_CONFLICT,
	    "%s is cancelled, and does not go on; to pay its other rows, put them into a "
	    "list of their own: pawl export %s --unpaid > rest.csv",
	    o->name, o->name);
}

enum err resume_operation(const struct command_at *at, const struct request *q,
    struct runner *r, struct operation *o, struct told *ret, struct fail *f)
{
	struct account *a = account_of(r, o->account);
	bool chain_is_stopped = chain_stopped(at->journal, o->chain);
	bool was_stopped = q->cap[0] || a->stopped || chain_is_stopped;
	int before = o->state;
	enum err e = o->state == OPERATION_CANCELLED
	    ? no_way_back(o, f)
	    : stop_check(at, q, a, chain_is_stopped, f);

	if (e == ERR_OK && q->cap[0])
		e = cap_put(q, r, o, a, f);
	if (e == ERR_OK && chain_is_stopped)
		e = chain_resume(at, a->chain->config, f);
	if (e != ERR_OK)
		return e;
	if (a->stopped)
		stop_accept(at, a, ret);
	e = operation_resume(r, o, f);
	ret->moved = o->state != before;
	return e == ERR_OK ? fence_tell(at, o, ret, ret->moved || was_stopped, f) : e;
}
