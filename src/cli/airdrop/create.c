/* `airdrop run` of a plan that is new to the journal. */
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/shell.h"
#include "cli/airdrop/cmd_airdrop_run.h"
#include "engine/past.h"
#include "journal/sql.gen.h"

#define SIGNAL_ROWS 4096
#define ANSWER_POLL_MS 100
/* About 3 s without a row. */
#define HALF_LOOKS 10

/* -- what the journal pays already ----------------------------------------- */

static enum err row_look(void *ctx, const struct list_row *row, struct fail *f)
{
	if (row->row % SIGNAL_ROWS == 0 && run_signalled(ctx))
		return fail_set(f, ERR_STOPPED, "stopped; nothing was journaled");
	return ERR_OK;
}

static enum err again_check(const struct draft *d, struct fail *f)
{
	if (d->again)
		return ERR_OK;
	if (d->same_name[0])
		return fail_set(f, ERR_CONFLICT,
		    "this very plan is the operation %s (pawl status %s); to go on with "
		    "it: --name %s; to pay it all again: --again",
		    d->same_name, d->same_name, d->same_name);
	if (d->equal)
		return fail_set(f, ERR_CONFLICT,
		    "%" PRId64 " of %" PRId64
		    " rows equal rows of other operations in this "
		    "journal, which are paid or will be; to pay them again: --again",
		    d->equal, d->sum.rows);
	return ERR_OK;
}

/* Nobody knows yet whether rows that are still to come equal these. The owner may be
 * reading them: then all begins again, as long as they come. */
static enum err half_check(struct run *r, struct fail *f)
{
	struct sql_airdrop_half_in in = { .chain_id = (int64_t)r->draft.chain->chain_id };
	struct sql_airdrop_half_out half;

	if (r->draft.again || !sql_airdrop_half_one(r->journal, &in, &half))
		return ERR_OK;
	if (r->half_rows != half.imported)
		r->half_looks = 0;
	r->half_rows = half.imported;
	if (r->client && r->half_looks++ < HALF_LOOKS)
		return fail_set(f, ERR_STALE, "the list of %s is being read", half.name);
	return fail_set(f, ERR_CONFLICT,
	    "the list of %s was not read to its end, and its other rows may equal these: "
	    "run it again, or: pawl cancel %s; to pay also what it pays: --again",
	    half.name, half.name);
}

/* What was not read may have paid the rows that no payment was found for. */
static enum err unread_check(const struct draft *d, struct fail *f)
{
	bool some = d->unread && d->unclaimed < d->sum.rows;

	if (d->adopt && d->again && !some)
		return fail_set(f, ERR_USAGE,
		    "--again pays what is paid already, --adopt does not: choose one");
	if (!d->adopt || d->again || !some)
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT,
	    "%" PRId64 " of %" PRId64 " rows equal payments, and %" PRIu64
	    " older transactions of this account were not read: one of them may have "
	    "paid another row. To read them: `lookback:` of chain %s in %s, which is %d "
	    "blocks, must reach them; to adopt what was read and pay the other rows: "
	    "--adopt --again",
	    d->unclaimed, d->sum.rows, d->unread, d->chain->name, d->cli->config->path,
	    d->chain->lookback);
}

static enum err unclaimed_check(const struct draft *d, struct fail *f)
{
	char unread[80] = "";

	if ((!d->unclaimed && !d->fee_unclaimed) || d->again || d->adopt)
		return unread_check(d, f);
	if (!d->unclaimed)
		return fail_set(f, ERR_CONFLICT,
		    "the service fee equals a payment that this account made and no "
		    "operation of this journal knows: of a journal that is lost, or by "
		    "hand. To take it as this list's: --adopt; to pay it again: --again");
	if (d->unread)
		snprintf(unread, sizeof unread,
		    " (%" PRIu64 " older ones were not read: see `lookback`)", d->unread);
	return fail_set(f, ERR_CONFLICT,
	    "%" PRId64 " of %" PRId64
	    " rows equal payments that this account made and no operation of this "
	    "journal knows%s: of a journal that is lost, or by hand. To take them as "
	    "these rows': --adopt; to pay these rows again: --again",
	    d->unclaimed, d->sum.rows, unread);
}

/* -- the plan -------------------------------------------------------------- */

static enum err consent_possible(const struct run *r, struct fail *f)
{
	char word[SHELL_WORD_MAX];

	if (args_has(&r->cli->args, "--yes") || term_present())
		return ERR_OK;
	return fail_set(f, ERR_USAGE,
	    "there is no terminal to ask on: look at the plan (pawl airdrop plan %s ..), "
	    "then run with --yes",
	    shell_word(word, sizeof word, r->draft.file));
}

/* A signal is the world's to catch, and would not end a read. An owner goes on with what
 * others have given it. */
static bool waited(struct run *r)
{
	if (!r->client)
		return loop_step(&r->loop, ANSWER_POLL_MS, NULL) == ERR_OK;
	world_wait(r->world, world_now_ms(r->world) + ANSWER_POLL_MS);
	return !world_signalled(r->world);
}

static bool answered_yes(struct run *r)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	fputs("Pay this list? [y/N] ", stderr);
	while (poll(&in, 1, 0) <= 0)
		if (!waited(r))
			return false;
	return term_yes();
}

static enum err consent(struct run *r, struct fail *f)
{
	bool yes = args_has(&r->cli->args, "--yes");

	if (r->consented && memcmp(r->agreed, r->draft.plan, sizeof r->agreed) == 0)
		return ERR_OK; /* it was planned anew since */
	memcpy(r->agreed, r->draft.plan, sizeof r->agreed);
	if (!yes || !(r->cli->args.json || r->cli->args.quiet))
		draft_tell(&r->draft, &r->cap);
	else
		draft_warn_unseen(&r->draft);
	r->consented = yes || answered_yes(r);
	if (r->consented)
		return ERR_OK;
	return fail_set(f, ERR_STOPPED, "nothing was journaled, nothing was sent");
}

static enum err read_list(struct run *r, struct fail *f)
{
	struct list_rules rules = draft_rules(&r->draft);

	rules.allow_duplicates = args_has(&r->cli->args, "--allow-duplicates");
	rules.allow_self = args_has(&r->cli->args, "--allow-self");
	return draft_list(&r->draft, &rules, row_look, r, f);
}

static enum err check_list(struct run *r, struct fail *f)
{
	struct draft *d = &r->draft;
	enum err e = draft_readable(d) ? draft_service_fee(d, f) : ERR_OK;

	return e == ERR_OK ? read_list(r, f) : e;
}

/* Nodes first, because the list is hashed under what they say. Where they are out of
 * reach, a list that is wrong is told so at once, and only then they are waited for. */
static enum err ask_and_read(struct run *r, struct fail *f)
{
	struct draft *d = &r->draft;
	struct world *w = r->world;
	int64_t until_ms = world_now_ms(w) + ASK_PATIENCE_MS;
	enum err e = draft_ask(d, w, ASK_PATIENCE_MS, true, f);

	if (e == ERR_NO_QUORUM) {
		int64_t left_ms = until_ms - world_now_ms(w);

		e = check_list(r, f);
		if (e == ERR_OK)
			e = left_ms > 0 ? draft_ask(d, w, left_ms, false, f)
					: ERR_NO_QUORUM;
	}
	if (e == ERR_NO_QUORUM || e == ERR_WRONG_CHAIN)
		return fail_set(
		    f, e, "%.400s; nothing was journaled; see: pawl doctor", f->why);
	if (e == ERR_OK)
		e = check_list(r, f);
	if (e == ERR_OK && d->sender_has_code)
		e = fail_set(f, ERR_KEY,
		    "key %s: its account has code (EIP-7702): others may spend from it; "
		    "use another one",
		    d->key_name);
	return e;
}

static enum err cap_check(struct run *r, struct fail *f)
{
	struct amount least = draft_fees(&r->draft, draft_base_fee(&r->draft));
	struct amount good = draft_fees(&r->draft, 2 * draft_first_fee(&r->draft));
	char text[AMOUNT_TEXT_MAX], enough[AMOUNT_TEXT_MAX];

	if (!r->has_cap) {
		r->cap = draft_cap(&r->draft);
		return ERR_OK;
	}
	if (amount_cmp(&r->cap, &least) >= 0)
		return ERR_OK;
	amount_format(text, &least, draft_coin_decimals(&r->draft));
	amount_format(enough, &good, draft_coin_decimals(&r->draft));
	return fail_set(f, ERR_INPUT,
	    "--max-total-fee: at today's base fee the fees are about %.80s; with room "
	    "for bumps: --max-total-fee %.80s",
	    text, enough);
}

/* -- the journal ----------------------------------------------------------- */

/* The runner's follower found the chain by itself; it must be the one that was asked. */
static enum err chain_get(struct run *r, int64_t *ret, struct fail *f)
{
	struct sql_chain_get_out row;
	enum err e = loop_chain(&r->loop, ret, f);

	if (e != ERR_OK)
		return e;
	CHECK(sql_chain_get_one(
	    r->journal, &(struct sql_chain_get_in){ .id = *ret }, &row));
	if (memcmp(row.genesis, r->draft.genesis.at, sizeof row.genesis) == 0)
		return ERR_OK;
	return fail_set(f, ERR_WRONG_CHAIN,
	    "the nodes of %s changed their genesis while they were asked",
	    r->draft.chain->name);
}

/* The file is read again when an import was cut short, maybe from another folder. */
static enum err file_put(struct airdrop_facts *a, const char *file, struct fail *f)
{
	char *path = realpath(file, NULL);
	bool fits = path && strlen(path) < sizeof a->file;

	if (fits)
		snprintf(a->file, sizeof a->file, "%s", path);
	free(path);
	return fits ? ERR_OK : fail_set(f, ERR_INPUT, "%s: its path is too long", file);
}

static enum err plan_put(struct run *r, int64_t seen, struct fail *f)
{
	const struct draft *d = &r->draft;
	struct handover *h = &r->plan;

	*h = (struct handover){ .chain_id = d->chain->chain_id,
		.genesis = d->genesis,
		.sender = d->sender,
		.again = d->same,
		.rows = d->sum.rows,
		.seen = seen,
		.past = d->journal_account ? past_payments(r->journal, d->journal_account)
					   : -1,
		.cap = r->cap,
		.planned = d->sum.total,
		.facts = { .has_token = d->has_token,
		    .token = d->token,
		    .decimals = d->decimals,
		    .fee_amount = d->fee_amount,
		    .fee_to = d->fee_to,
		    .adopt = d->adopt,
		    .gas = d->gas,
		    .fee_gas = d->gas } };
	snprintf(h->name, sizeof h->name, "%s", r->name);
	snprintf(h->key, sizeof h->key, "%s", d->key_name);
	snprintf(h->chain, sizeof h->chain, "%s", d->chain->name);
	memcpy(h->plan, d->plan, sizeof h->plan);
	memcpy(h->facts.symbol, d->symbol, sizeof h->facts.symbol);
	memcpy(h->facts.file_hash, d->sum.file_hash, sizeof h->facts.file_hash);
	return file_put(&h->facts, d->file, f);
}

static int64_t newest(struct journal *j)
{
	struct sql_operation_newest_out row;

	return sql_operation_newest_one(j, &row) && !row.no_id ? row.id : 0;
}

/* What the account did before the journal knew it, and which rows equal it. */
static enum err past_compare(struct run *r, struct fail *f)
{
	struct draft *d = &r->draft;
	int64_t was = r->plan.past;
	struct airdrop_new n;
	uint64_t unread = 0;
	int64_t account;
	enum err e;

	loop_start(&r->loop, d->chain, 1, LOOP_NONE);
	e = chain_get(r, &r->chain, f);
	if (e != ERR_OK)
		return e;
	n = handover_plan(&r->plan, r->chain, d->chain, world_wall_ms(r->world));
	account = airdrop_account(r->journal, &n);
	e = journal_commit(r->journal, f);
	if (e == ERR_OK)
		e = loop_past(&r->loop, account, &unread, f);
	if (e == ERR_OK && was != past_payments(r->journal, account))
		e = read_list(r, f); /* again: its rows are compared with what was read */
	d->unseen = d->unread = unread;
	return e;
}

/* Turns were taken while it was planned, here or by the owner: what another process wants
 * to pay may have come, even this very list. */
static enum err overtaken(const struct run *r, int64_t seen, struct fail *f)
{
	if (newest(r->journal) == seen)
		return ERR_OK;
	return fail_set(
	    f, ERR_STALE, "another operation came while %s was planned", r->name);
}

static enum err plan_steps(struct run *r, int64_t seen, struct fail *f)
{
	struct draft *d = &r->draft;
	enum err e = half_check(r, f);

	if (e == ERR_OK)
		e = ask_and_read(r, f);
	if (e == ERR_OK)
		e = again_check(d, f);
	if (e == ERR_OK)
		e = cap_check(r, f);
	if (e == ERR_OK)
		e = plan_put(r, seen, f);
	if (e == ERR_OK && !r->client)
		e = past_compare(r, f);
	if (e == ERR_OK)
		e = unclaimed_check(d, f);
	return e;
}

enum err run_plan(struct run *r, struct fail *f)
{
	struct draft *d = &r->draft;
	int64_t seen = newest(r->journal);
	enum err e = consent_possible(r, f);

	d->journal = r->journal;
	d->again = args_has(&r->cli->args, "--again");
	d->adopt = args_has(&r->cli->args, "--adopt");
	if (e == ERR_OK)
		e = plan_steps(r, seen, f);
	if (e == ERR_CONFLICT && overtaken(r, seen, f) != ERR_OK)
		return ERR_STALE;
	return e == ERR_OK ? consent(r, f) : e;
}

static enum err journal_put(struct run *r, struct fail *f)
{
	struct airdrop_new n =
	    handover_plan(&r->plan, r->chain, r->draft.chain, world_wall_ms(r->world));
	enum err e = overtaken(r, r->plan.seen, f);

	if (e != ERR_OK)
		return e;
	r->operation = airdrop_create(r->journal, &n);
	e = r->operation ? run_notify(r, f) : ERR_OK;
	if (e == ERR_OK)
		e = journal_commit(r->journal, f);
	else
		journal_rollback(r->journal);
	if (e != ERR_OK)
		r->operation = 0;
	return e;
}

enum err run_create(struct run *r, struct fail *f)
{
	enum err e = run_plan(r, f);

	return e == ERR_OK ? journal_put(r, f) : e;
}
