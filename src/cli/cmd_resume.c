#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "cli/ask.h"
#include "cli/keys.h"
#include "cli/own.h"
#include "cli/report.h"
#include "engine/account.h"
#include "journal/sql.gen.h"

/* -- a chain: the nodes name the ancestor ---------------------------------- */

/* All operations, also those that are ended: their rows may have been in the blocks that
 * vanished. */
static void load_all(struct loop *l)
{
	struct sql_operation_all_out row;

	sql_operation_all_begin(l->journal);
	while (sql_operation_all_next(l->journal, &row)) {
		struct operation o;

		if (operation_read(l->journal, row.id, &o) &&
		    o.chain == l->runner->chains[0].id)
			(void)operation_load(l->runner, row.id);
	}
	l->runner->chains[0].watch_changed = true;
}

static enum err turn(struct loop *l, struct fail *f)
{
	if (world_signalled(l->world))
		return fail_set(f, ERR_STOPPED, "stopped; nothing was resumed");
	return runner_turn(l->runner, f) ? ERR_OK : ERR_DISK_FULL;
}

/* Ask until a quorum names a block that the journal still has. */
static enum err accept_loop(struct loop *l, struct fail *f)
{
	int64_t until_ms = world_now_ms(l->world) + ASK_PATIENCE_MS;
	struct chain_run *c = &l->runner->chains[0];
	bool loaded = false;
	enum err e;

	while ((e = turn(l, f)) == ERR_OK) {
		int64_t wake_ms = runner_wake_ms(l->runner);

		if (c->id && !loaded) {
			load_all(l);
			loaded = true;
		} else if (c->id) {
			e = follower_accept(c->follower, f);
			if (e == ERR_OK)
				return turn(l, f);
		}
		if (world_now_ms(l->world) >= until_ms)
			return fail_set(f, ERR_NO_QUORUM,
			    "chain %s: no quorum of nodes for %d s: %s", c->config->name,
			    ASK_PATIENCE_MS / 1000,
			    e != ERR_OK && f ? f->why : "they do not answer");
		world_wait(l->world, wake_ms < until_ms ? wake_ms : until_ms);
	}
	return e;
}

static enum err chain_accept(
    struct cli *c, const struct chain_config *chain, struct fail *f)
{
	struct loop loop;
	enum err e = loop_open(&loop, c, f);

	if (e == ERR_OK) {
		loop_start(&loop, chain, 1, LOOP_NONE);
		loop.runner->s.keys = own_no_keys;
		e = accept_loop(&loop, f);
	}
	loop_close(&loop);
	return e;
}

static bool chain_stopped(struct journal *j, int64_t chain)
{
	struct sql_chain_get_in in = { .id = chain };
	struct sql_chain_get_out row;

	return sql_chain_get_one(j, &in, &row) && !row.no_stopped;
}

/* Is a chain of this number stopped in the journal? Nothing is asked when none is. */
static enum err chain_look(
    struct cli *c, const struct chain_config *chain, bool *ret, struct fail *f)
{
	struct sql_report_chains_out row;
	struct journal *j;
	enum err e = report_open(c, &j, f);

	*ret = false;
	if (e != ERR_OK)
		return e;
	sql_report_chains_begin(j);
	while (sql_report_chains_next(j, &row))
		if ((uint64_t)row.chain_id == chain->chain_id && !row.no_stopped)
			*ret = true;
	journal_close(j);
	return ERR_OK;
}

static void tell(const struct cli *c, const char *key, const char *name, bool was)
{
	if (c->args.json)
		cli_json(json_pack("{s:o, s:b}", key, cli_text(name), "resumed", was));
	else
		cli_say(c, "%s %s %s", key, name,
		    was ? "takes new intents again" : "was not stopped");
}

static enum err resume_chain(struct cli *c, const char *name, struct fail *f)
{
	const struct chain_config *chain = NULL;
	bool stopped = false;
	enum err e = cli_config(c, f);

	if (e == ERR_OK)
		e = config_chain(c->config, name, &chain, f);
	if (e == ERR_OK)
		e = chain_look(c, chain, &stopped, f);
	if (e == ERR_OK && stopped)
		e = chain_accept(c, chain, f);
	if (e == ERR_OK)
		tell(c, "chain", name, stopped);
	return e;
}

/* -- payments that the journal does not know --------------------------------- */

#define SUSPECTS_SHOWN 1

static int64_t suspects_list(struct journal *j, int64_t account, char *out, size_t size)
{
	struct sql_consumed_suspects_in in = { .account = account };
	struct sql_consumed_suspects_out row;
	int64_t n = 0;
	size_t at = 0;

	out[0] = '\0';
	sql_consumed_suspects_begin(j, &in);
	while (sql_consumed_suspects_next(j, &row)) {
		char hash[65];

		if (n++ >= SUSPECTS_SHOWN)
			continue;
		hex_format(hash, row.hash, sizeof row.hash);
		at +=
		    (size_t)snprintf(out + at, size - at, "%s0x%s", at ? ", " : "", hash);
		CHECK(at < size);
	}
	return n;
}

/* They may be payments of the very rows, sent by another copy of this journal or by a
 * life that it has lost: going on pays these rows again. Only who has looked may say that
 * they were for something else. */
static enum err suspects_clear(
    const struct cli *c, struct journal *j, int64_t account, struct fail *f)
{
	char list[SUSPECTS_SHOWN * 70];
	int64_t n = suspects_list(j, account, list, sizeof list);
	const char *word = args_word(&c->args, 0);

	if (!n)
		return ERR_OK;
	if (!args_has(&c->args, "--yes"))
		return fail_set(f, ERR_CONFLICT,
		    "%lld transaction%s that this journal does not know pay%s its rows: "
		    "%s%s. To go on would pay these rows again. Is another copy of the "
		    "journal running, or is this one old? See man pawl, DAMAGE. Only if "
		    "they were for something else: pawl resume %s --yes",
		    (long long)n, n > 1 ? "s" : "", n > 1 ? "" : "s", list,
		    n > SUSPECTS_SHOWN ? ", ..." : "", word);
	sql_consumed_clear(j, &(struct sql_consumed_clear_in){ .account = account });
	journal_event(j,
	    &(struct event){ .what = "account",
		.from = "suspect",
		.to = "foreign",
		.why = "the operator says that they were not for its rows" });
	return ERR_OK;
}

/* -- a key: its accounts on all chains ------------------------------------- */

static enum err account_clear(const struct cli *c, struct journal *j,
    const struct sql_report_accounts_of_key_out *a, struct fail *f)
{
	int64_t seen = own_seen_height(j, a->chain, a->id);
	enum err e = suspects_clear(c, j, a->id, f);

	if (e != ERR_OK)
		return e;
	sql_account_stop(j,
	    &(struct sql_account_stop_in){ .id = a->id,
		.no_stopped = true,
		.accepted_height =
		    seen > a->accepted_height ? seen : a->accepted_height });
	journal_event(j,
	    &(struct event){ .what = "account",
		.from = "stopped",
		.to = "",
		.why = "resumed: what was seen is accepted" });
	return ERR_OK;
}

/* What its fence asks for is accepted; the next run or serve goes on with it. */
static void fences_accept(struct journal *j, int64_t account, bool *ret_cleared)
{
	struct sql_report_open_of_account_in in = { .account = account };
	struct sql_report_open_of_account_out row;

	sql_report_open_of_account_begin(j, &in);
	while (sql_report_open_of_account_next(j, &row)) {
		struct operation o;

		if (!operation_read(j, row.id, &o) || !report_fences(&o) ||
		    o.state != OPERATION_NEEDS_OPERATOR)
			continue;
		sql_fence_accept(j, &(struct sql_fence_accept_in){ .operation = o.id });
		journal_event(j,
		    &(struct event){ .operation = o.id,
			.what = "command",
			.from = "",
			.to = "resume",
			.why = "its price is accepted" });
		*ret_cleared = true;
	}
	sql_report_open_of_account_end(j);
}

/* The accounts by this name, and those of the key's address whatever it was called. */
static enum err key_clear(struct cli *c, struct journal *j, const char *name,
    bool *ret_known, bool *ret_cleared, struct fail *f)
{
	struct sql_report_accounts_of_key_in in = { .key_name = name };
	struct sql_report_accounts_of_key_out row;
	struct address address = { { 0 } };
	enum err e = ERR_OK;

	*ret_known = keyring_peek(c->keyring, name, &address, NULL) == ERR_OK;
	memcpy(in.address, address.at, sizeof in.address);
	sql_report_accounts_of_key_begin(j, &in);
	while (e == ERR_OK && sql_report_accounts_of_key_next(j, &row)) {
		*ret_known = true;
		fences_accept(j, row.id, ret_cleared);
		if (row.no_stopped)
			continue;
		e = account_clear(c, j, &row, f);
		*ret_cleared = true;
	}
	sql_report_accounts_of_key_end(j);
	return e;
}

static enum err resume_key(struct cli *c, const char *name, struct fail *f)
{
	const struct key_config *key;
	bool known = false, cleared = false;
	struct loop loop;
	enum err e = loop_open(&loop, c, f);

	if (e == ERR_OK)
		e = key_clear(c, loop.journal, name, &known, &cleared, f);
	if (e == ERR_OK && !known)
		e = config_key(c->config, name, &key, f);
	if (e == ERR_OK)
		e = journal_commit(loop.journal, f);
	loop_close(&loop);
	if (e == ERR_OK)
		tell(c, "key", name, cleared);
	return e;
}

/* -- an operation ---------------------------------------------------------- */

static enum err cap_put(struct own *own, const char *text, struct fail *f)
{
	struct operation *o = own->operation;
	char least[AMOUNT_TEXT_MAX];
	struct amount cap, spent;
	enum err e =
	    args_amount(&cap, "--max-total-fee", text, REPORT_NATIVE_DECIMALS, f);

	if (e != ERR_OK)
		return e;
	CHECK(amount_add(&spent, &o->fees_final, &o->fees_held));
	amount_format(least, &spent, REPORT_NATIVE_DECIMALS);
	if (amount_cmp(&cap, &spent) < 0)
		return fail_set(f, ERR_INPUT,
		    "--max-total-fee: %s is spent or held for what is live already",
		    least);
	operation_cap(own->loop.runner, o, &cap);
	return ERR_OK;
}

static void operation_tell(const struct cli *c, const struct operation *o, bool moved)
{
	char said[2 * OPERATION_NAME_MAX + 160];
	const char *state = state_name(MACHINE_OPERATION, o->state);

	if (operation_ended(o))
		snprintf(said, sizeof said, "%s is %s: there is nothing to resume",
		    o->name, state);
	else
		snprintf(said, sizeof said,
		    "%s is %s%s; pawl serve or the run's own command goes on with it",
		    o->name, state, moved ? " again" : "");
	utf8_plain(said);
	own_tell(c, o, said, NULL);
}

static enum err operation_do(struct cli *c, struct own *own, struct fail *f)
{
	const char *cap = args_get(&c->args, "--max-total-fee");
	struct operation *o = own->operation;
	struct account *a = own->account;
	uint64_t seen = (uint64_t)own_seen_height(own->loop.journal, o->chain, a->id);
	int before = o->state;
	enum err e = cap ? cap_put(own, cap, f) : ERR_OK;

	if (e == ERR_OK && a->stopped)
		e = suspects_clear(c, own->loop.journal, a->id, f);
	if (e != ERR_OK)
		return e;
	if (a->stopped && seen > a->accepted_height)
		a->accepted_height = seen;
	e = operation_resume(own->loop.runner, o, f);
	if (e == ERR_OK)
		e = own_commit(own, f);
	if (e == ERR_OK)
		operation_tell(c, o, o->state != before);
	return e;
}

/* It resumes what it waits for: first the chain, if that is what was stopped. */
static enum err resume_operation(struct cli *c, const char *word, struct fail *f)
{
	const struct chain_config *chain;
	struct own own;
	bool stopped = false;
	enum err e = own_operation(&own, c, word, f);

	if (e == ERR_OK)
		stopped = chain_stopped(own.loop.journal, own.operation->chain);
	if (e == ERR_OK && stopped) {
		chain = own.loop.runner->chains[0].config;
		own_close(&own);
		e = chain_accept(c, chain, f);
		if (e != ERR_OK)
			return e;
		e = own_operation(&own, c, word, f);
	}
	if (e == ERR_OK)
		e = operation_do(c, &own, f);
	own_close(&own);
	return e;
}

enum err cmd_resume(struct cli *c, struct fail *f)
{
	const char *word = args_word(&c->args, 0);
	bool chain = strncmp(word, "chain:", 6) == 0, key = strncmp(word, "key:", 4) == 0;

	if ((chain || key) && args_has(&c->args, "--max-total-fee"))
		return fail_set(f, ERR_USAGE, "--max-total-fee is of an operation");
	if (chain)
		return resume_chain(c, word + 6, f);
	if (key)
		return resume_key(c, word + 4, f);
	return resume_operation(c, word, f);
}
