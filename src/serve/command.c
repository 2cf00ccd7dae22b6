#include "serve/command.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "kinds/fence/fence.h"

#define NATIVE_DECIMALS 18
#define NOBODY (-1) /* an operation that there is not: none is moved on */

static enum err no_key(
    void *ctx, const char *name, const struct secret **ret, struct fail *f)
{
	(void)ctx;
	(void)name;
	(void)f;
	*ret = NULL;
	return ERR_OK;
}

const struct keyring_face command_no_keys = { NULL, no_key };

/* -- the operation --------------------------------------------------------- */

static bool id_parse(const char *word, int64_t *ret)
{
	int64_t id = 0;

	for (size_t i = 0; word[i]; i++) {
		if (word[i] < '0' || word[i] > '9' || i > 17)
			return false;
		id = id * 10 + (word[i] - '0');
	}
	*ret = id;
	return id > 0;
}

enum err command_operation(
    struct journal *j, const char *word, struct operation *ret, struct fail *f)
{
	struct sql_operation_by_name_in in = { .name = word };
	struct sql_operation_by_name_out found;
	int64_t id;

	if (utf8_valid(word, strlen(word)) && sql_operation_by_name_one(j, &in, &found) &&
	    operation_read(j, found.id, ret))
		return ERR_OK;
	if (id_parse(word, &id) && operation_read(j, id, ret))
		return ERR_OK;
	return fail_set(f, ERR_NOT_FOUND, "there is no operation %.60s", word);
}

/* An operation in a runner: the owner's where it knows the chain, else one made for the
 * command alone. The journal says which chain it is: no node is asked, nothing is
 * signed. */
struct hand {
	struct runner *runner;
	bool own;
	struct operation *operation, before;
	struct account *account;
};

static enum err runner_find(struct hand *h, const struct command_at *at,
    const struct operation *read, struct fail *f)
{
	const struct chain_config *chain;
	enum err e;

	h->runner = at->runner;
	if (h->runner && runner_chain_by_id(h->runner, read->chain))
		return ERR_OK;
	e = at->face->chain(at->face->ctx, at->journal, read->chain, &chain, f);
	if (e != ERR_OK)
		return e;
	h->own = true;
	h->runner = runner_new(&(struct runner_setup){ .world = at->world,
	    .journal = at->journal,
	    .chains = chain,
	    .chains_n = 1,
	    .keys = command_no_keys,
	    .kinds = at->face->kinds,
	    .kinds_n = at->face->kinds_n,
	    .only_operation = NOBODY });
	h->runner->chains[0].id = read->chain;
	return ERR_OK;
}

static enum err hand_take(struct hand *h, const struct command_at *at,
    const struct operation *read, struct fail *f)
{
	enum err e = runner_find(h, at, read, f);

	if (e != ERR_OK)
		return e;
	h->operation = operation_load(h->runner, read->id);
	if (!h->operation)
		return fail_set(
		    f, ERR_DAMAGED, "operation %s can't be loaded", read->name);
	h->before = *h->operation;
	h->account = account_of(h->runner, read->account);
	CHECK(h->account);
	return ERR_OK;
}

/* The owner's runner puts what changed at the end of its turn. */
static void hand_release(struct hand *h, bool good)
{
	if (!good && h->operation)
		*h->operation = h->before;
	if (!h->own)
		return;
	if (h->operation)
		operation_put(h->runner, h->operation);
	runner_free(h->runner);
}

/* -- a chain: the nodes name the ancestor ---------------------------------- */

/* All operations, also those that are ended: their rows may have been in the blocks that
 * vanished. true: one came. */
static bool load_all(struct runner *r, struct chain_run *c)
{
	struct sql_operation_all_out row;
	size_t before = r->operations_n;

	sql_operation_all_begin(r->s.journal);
	while (sql_operation_all_next(r->s.journal, &row)) {
		struct operation o;

		if (operation_read(r->s.journal, row.id, &o) && o.chain == c->id)
			(void)operation_load(r, row.id);
	}
	c->watch_changed = true;
	return r->operations_n > before;
}

/* A stopped chain goes back to the highest block that a quorum has, with all operations
 * that may have rows above it. fails: NO_QUORUM. */
static enum err chain_accept(struct runner *r, struct chain_run *c, struct fail *f)
{
	if (c->id && !follower_stopped(c->follower))
		return ERR_OK;
	if (!c->id || load_all(r, c))
		return fail_set(f, ERR_NO_QUORUM, "chain %s: its nodes do not answer",
		    c->config->name);
	return follower_accept(c->follower, f);
}

struct chain_run *command_chain(struct runner *r, const struct chain_config *config)
{
	struct chain_run *c = runner_chain(r, config->name);

	if (!c)
		c = runner_chain_add(r, config);
	r->again = true;
	return c;
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
	return chain_accept(at->runner, command_chain(at->runner, config), f);
}

static enum err resume_chain(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	const struct chain_config *config;
	enum err e = at->face->chain_named(at->face->ctx, q->name, &config, f);

	if (e != ERR_OK)
		return e;
	ret->moved = stopped_in_journal(at->journal, config->chain_id);
	return ret->moved ? chain_resume(at, config, f) : ERR_OK;
}

/* -- payments that the journal does not know --------------------------------- */

#define SUSPECTS_TOLD 2

static bool in_its_asset(
    struct journal *j, int64_t operation, const struct sql_consumed_suspects_out *s)
{
	struct airdrop_facts a;

	return airdrop_read(j, operation, &a) && a.has_token == !s->no_asset &&
	    (s->no_asset || !memcmp(a.token.at, s->asset, sizeof s->asset));
}

/* The row that it may pay, the next one for each that pays the same before it (nth); 0:
 * none. */
static int64_t suspect_row(struct journal *j, int64_t account,
    const struct sql_consumed_suspects_out *s, int nth, struct operation *ret)
{
	struct sql_item_alike_in in = { .account = account, .amount = s->amount };
	struct sql_item_alike_out row;
	int64_t found = 0;

	memcpy(in.recipient, s->payee, sizeof in.recipient);
	sql_item_alike_begin(j, &in);
	while (!found && sql_item_alike_next(j, &row))
		if ((row.state == ITEM_PENDING || row.state == ITEM_LIVE) &&
		    in_its_asset(j, row.operation, s) &&
		    operation_read(j, row.operation, ret) && !operation_ended(ret) &&
		    !nth--)
			found = row.row;
	sql_item_alike_end(j);
	return found;
}

/* Whose service fee it may be. */
static bool suspect_fee(struct journal *j, int64_t account,
    const struct sql_consumed_suspects_out *s, struct operation *ret)
{
	struct sql_report_open_of_account_in in = { .account = account };
	struct sql_report_open_of_account_out row;
	bool found = false;

	sql_report_open_of_account_begin(j, &in);
	while (!found && sql_report_open_of_account_next(j, &row)) {
		struct airdrop_facts a;

		found = in_its_asset(j, row.id, s) && airdrop_read(j, row.id, &a) &&
		    !memcmp(a.fee_to.at, s->payee, sizeof s->payee) &&
		    !amount_cmp(&a.fee_amount, &s->amount) &&
		    operation_read(j, row.id, ret);
	}
	sql_report_open_of_account_end(j);
	return found;
}

/* The line that says that it is the row's payment. */
static void suspect_tell(struct journal *j, int64_t account,
    const struct sql_consumed_suspects_out *s, int nth, char *out, size_t size)
{
	bool pays = !s->no_payee && !s->no_amount;
	struct operation o;
	int64_t row = pays ? suspect_row(j, account, s, nth, &o) : 0;
	char hash[65];

	hex_format(hash, s->hash, sizeof s->hash);
	if (row)
		snprintf(out, size, "pawl repair %s %lld adopt 0x%s", o.name,
		    (long long)row, hash);
	else if (pays && suspect_fee(j, account, s, &o))
		snprintf(out, size, "pawl repair %s fee adopt 0x%s", o.name, hash);
	else
		snprintf(out, size, "pawl repair OPERATION ROW adopt 0x%s", hash);
}

static bool pays_alike(
    const struct sql_consumed_suspects_out *x, const struct sql_consumed_suspects_out *y)
{
	return x->no_asset == y->no_asset &&
	    !memcmp(x->asset, y->asset, sizeof x->asset) &&
	    !memcmp(x->payee, y->payee, sizeof x->payee) &&
	    !amount_cmp(&x->amount, &y->amount);
}

/* How many there are, and the first ones in words. */
static int64_t suspects_tell(struct journal *j, int64_t account, struct buf *out)
{
	struct sql_consumed_suspects_in in = { .account = account };
	struct sql_consumed_suspects_out row, told[SUSPECTS_TOLD];
	char line[OPERATION_NAME_MAX + 120];
	int64_t n = 0;

	sql_consumed_suspects_begin(j, &in);
	while (sql_consumed_suspects_next(j, &row)) {
		int nth = 0;

		if (n++ >= SUSPECTS_TOLD)
			continue;
		for (int64_t k = 0; k < n - 1; k++)
			nth += pays_alike(&told[k], &row);
		told[n - 1] = row;
		suspect_tell(j, account, &row, nth, line, sizeof line);
		buf_addf(out, "%s%s", n > 1 ? "; " : "", line);
	}
	if (n > SUSPECTS_TOLD)
		buf_add_str(out, "; ...");
	return n;
}

/* They may be payments of the very rows, sent by another copy of this journal or by a
 * life that it has lost: going on pays these rows again. Only who has looked may say that
 * they were for something else. */
static enum err suspects_clear(
    const struct command_at *at, const struct request *q, int64_t account, struct fail *f)
{
	struct buf lines;
	int64_t n;

	buf_init(&lines, SUSPECTS_TOLD * 512);
	n = suspects_tell(at->journal, account, &lines);
	if (n && !q->yes)
		fail_set(f, ERR_CONFLICT,
		    "%lld transaction%s that this journal does not know pay%s its rows. "
		    "To go on would pay these rows again. Is another copy of the journal "
		    "running, or is this one old? See man pawl, DAMAGE. What was a row's "
		    "payment is adopted: %s. Only if they were for something else: pawl "
		    "resume %s%s --yes",
		    (long long)n, n > 1 ? "s" : "", n > 1 ? "" : "s", buf_text(&lines),
		    q->route == ROUTE_RESUME_KEY ? "key:" : "", q->name);
	buf_release(&lines);
	if (!n || !q->yes)
		return n ? ERR_CONFLICT : ERR_OK;
	sql_consumed_clear(
	    at->journal, &(struct sql_consumed_clear_in){ .account = account });
	journal_event(at->journal,
	    &(struct event){ .what = "account",
		.from = "suspect",
		.to = "foreign",
		.why = "the operator says that they were not for its rows" });
	return ERR_OK;
}

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
	const char *end = strstr(stopped, "; then: ");
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

static void fence_accept(const struct command_at *at, int64_t id)
{
	struct operation *loaded = at->runner ? runner_operation(at->runner, id) : NULL;

	if (loaded) {
		loaded->kind->resumed(at->runner, loaded);
		at->runner->again = true;
	} else {
		sql_fence_accept(
		    at->journal, &(struct sql_fence_accept_in){ .operation = id });
	}
	journal_event(at->journal,
	    &(struct event){ .operation = id,
		.what = "command",
		.from = "",
		.to = "resume",
		.why = "its price is accepted" });
}

/* What its fence asks for is accepted; the next run or serve goes on with it. */
static bool fences_accept(const struct command_at *at, int64_t account)
{
	struct sql_report_open_of_account_in in = { .account = account };
	struct sql_report_open_of_account_out row;
	bool accepted = false;

	sql_report_open_of_account_begin(at->journal, &in);
	while (sql_report_open_of_account_next(at->journal, &row)) {
		struct operation o;

		if (!operation_read(at->journal, row.id, &o) ||
		    strcmp(o.kind_name, kind_fence.name) != 0 ||
		    o.state != OPERATION_NEEDS_OPERATOR)
			continue;
		fence_accept(at, o.id);
		accepted = true;
	}
	sql_report_open_of_account_end(at->journal);
	return accepted;
}

/* The accounts by this name, and those of the key's address whatever it was called. In
 * two rounds: what is refused has changed nothing. */
static enum err resume_key(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	struct sql_report_accounts_of_key_in in = { .key_name = q->name };
	struct sql_report_accounts_of_key_out row;
	struct address address = { { 0 } };
	enum err e = at->face->key_peek(at->face->ctx, q->name, &address, f);
	bool known = e != ERR_CONFIG;

	if (e == ERR_OK)
		memcpy(in.address, address.at, sizeof in.address);
	for (int round = 0; round < 2; round++) {
		enum err refused = ERR_OK;

		sql_report_accounts_of_key_begin(at->journal, &in);
		while (refused == ERR_OK &&
		    sql_report_accounts_of_key_next(at->journal, &row)) {
			known = true;
			if (round == 1)
				ret->moved |= fences_accept(at, row.id);
			if (row.no_stopped)
				continue;
			ret->moved = true;
			if (round == 0)
				refused = suspects_clear(at, q, row.id, f);
			else
				key_clear(at, &row, ret);
		}
		sql_report_accounts_of_key_end(at->journal);
		if (refused != ERR_OK)
			return refused;
	}
	return known ? ERR_OK : e;
}

/* -- an operation ---------------------------------------------------------- */

static enum err cap_put(struct hand *h, const struct amount *cap, struct fail *f)
{
	struct operation *o = h->operation;
	char least[AMOUNT_TEXT_MAX];
	struct amount spent;

	CHECK(amount_add(&spent, &o->fees_final, &o->fees_held));
	amount_format(least, &spent, NATIVE_DECIMALS);
	if (amount_cmp(cap, &spent) < 0)
		return fail_set(f, ERR_INPUT,
		    "--max-total-fee: %s is spent or held for what is live already",
		    least);
	operation_cap(h->runner, o, cap);
	return ERR_OK;
}

static bool chain_stopped(struct journal *j, int64_t chain)
{
	struct sql_chain_get_in in = { .id = chain };
	struct sql_chain_get_out row;

	return sql_chain_get_one(j, &in, &row) && !row.no_stopped;
}

/* It resumes what it waits for: first the chain, if that is what was stopped. */
static enum err resume(const struct command_at *at, const struct request *q,
    struct hand *h, struct told *ret, struct fail *f)
{
	struct operation *o = h->operation;
	struct account *a = h->account;
	uint64_t seen = (uint64_t)seen_height(at->journal, o->chain, a->id);
	int before = o->state;
	enum err e = ERR_OK;

	if (chain_stopped(at->journal, o->chain))
		e = chain_resume(at, a->chain->config, f);
	if (e == ERR_OK && q->has_cap)
		e = cap_put(h, &q->cap, f);
	if (e == ERR_OK && a->stopped)
		e = suspects_clear(at, q, a->id, f);
	if (e != ERR_OK)
		return e;
	if (a->stopped)
		accepted_tell(
		    ret, at->journal, a->id, a->why_stopped, (int64_t)a->accepted_height);
	if (a->stopped && seen > a->accepted_height)
		a->accepted_height = seen;
	e = operation_resume(h->runner, o, f);
	ret->moved = o->state != before;
	return e;
}

/* Its owner moves it on from now: the key must be one that he can use. */
static enum err run(const struct command_at *at, const struct request *q, struct hand *h,
    struct told *ret, struct fail *f)
{
	struct operation *o = h->operation;
	struct airdrop_facts a;
	enum err e;

	if (!q->has_plan || memcmp(q->plan, o->plan, sizeof o->plan) != 0 ||
	    !airdrop_read(at->journal, o->id, &a))
		return fail_set(f, ERR_CONFLICT, "%s is another plan already", o->name);
	e = at->face->key_usable(
	    at->face->ctx, h->account->key_name, &h->account->address, f);
	if (e == ERR_OK && q->has_cap)
		operation_cap(h->runner, o, &q->cap);
	ret->rows = o->items;
	ret->imported = a.imported;
	return e;
}

/* What still keeps it from going on. */
static void then_tell(struct told *ret, const struct hand *h)
{
	const struct operation *o = h->operation;

	if (o->state == OPERATION_NEEDS_OPERATOR || o->state == OPERATION_PAUSED)
		snprintf(ret->then, sizeof ret->then, "pawl resume %s", o->name);
	else if (h->account->stopped)
		snprintf(ret->then, sizeof ret->then, "pawl resume key:%s",
		    h->account->key_name);
}

/* Rows of a list that is not read and hashed yet are dropped when it is read again. */
static enum err repair(const struct command_at *at, const struct request *q,
    struct hand *h, struct told *ret, struct fail *f)
{
	struct operation *o = h->operation;
	struct airdrop_facts a;
	struct hash hash;
	enum err e;

	if (!q->has_row || q->repair == REPAIR_NOT ||
	    q->has_hash != (q->repair == REPAIR_ADOPT))
		return fail_set(f, ERR_USAGE,
		    "a repair needs row, do, and to adopt, and only then, hash");
	if (!airdrop_read(at->journal, o->id, &a))
		return fail_set(f, ERR_CONFLICT, "%s has no rows", o->name);
	if (!a.frozen)
		return fail_set(f, ERR_CONFLICT,
		    "the list of %s is not checked yet: nothing of it was reserved",
		    o->name);
	memcpy(hash.at, q->hash, sizeof hash.at);
	if (q->repair == REPAIR_ADOPT)
		e = repair_adopt(h->runner, o, q->row, &hash, ret->checked, f);
	else if (q->repair == REPAIR_SKIP)
		e = repair_skip(h->runner, o, q->row, ret->checked, f);
	else
		e = repair_release(h->runner, o, q->row, ret->checked, f);
	if (e == ERR_OK)
		then_tell(ret, h);
	return e;
}

static enum err operation_do(const struct command_at *at, const struct request *q,
    struct hand *h, struct told *ret, struct fail *f)
{
	struct operation *o = h->operation;
	int64_t before = o->by_state[ITEM_VOID].n;
	enum err e;

	if (q->route == ROUTE_PAUSE)
		return operation_pause(h->runner, o, f);
	if (q->route == ROUTE_CANCEL)
		return operation_cancel(h->runner, o, q->now, f);
	if (q->route == ROUTE_RESUME)
		return resume(at, q, h, ret, f);
	if (q->route == ROUTE_RUN)
		return run(at, q, h, ret, f);
	if (q->route == ROUTE_REPAIR)
		return repair(at, q, h, ret, f);
	CHECK(q->route == ROUTE_RETRY);
	e = q->has_row ? operation_retry_row(h->runner, o, q->row, f)
		       : operation_retry(h->runner, o, f);
	ret->retried = before - o->by_state[ITEM_VOID].n;
	return e;
}

/* What is adopted is read from the nodes: only who takes turns can. */
static enum err follows(
    const struct command_at *at, const struct operation *o, struct fail *f)
{
	if (at->runner && runner_operation(at->runner, o->id))
		return ERR_OK;
	return fail_set(f, ERR_NO_QUORUM, "the nodes do not answer; see: pawl doctor");
}

void command_prepare(const struct command_at *at, const struct request *q)
{
	const struct chain_config *chain;
	struct operation o;

	if (q->repair != REPAIR_ADOPT || !at->runner ||
	    command_operation(at->journal, q->name, &o, NULL) != ERR_OK)
		return;
	if (runner_chain_by_id(at->runner, o.chain))
		(void)operation_load(at->runner, o.id);
	else if (at->face->chain(at->face->ctx, at->journal, o.chain, &chain, NULL) ==
	    ERR_OK)
		(void)command_chain(at->runner, chain);
}

static enum err of_operation(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	struct hand h = { .runner = NULL };
	struct operation read;
	enum err e = command_operation(at->journal, q->name, &read, f);

	if (e == ERR_OK && q->repair == REPAIR_ADOPT)
		e = follows(at, &read, f);
	if (e == ERR_OK)
		e = hand_take(&h, at, &read, f);
	if (e == ERR_OK)
		e = operation_do(at, q, &h, ret, f);
	if (e == ERR_OK) {
		ret->operation = h.operation->id;
		ret->state = h.operation->state;
		snprintf(ret->name, sizeof ret->name, "%s", h.operation->name);
	}
	hand_release(&h, e == ERR_OK);
	return e;
}

enum err command_do(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	*ret = (struct told){ .operation = 0 };
	if (q->route == ROUTE_RESUME_CHAIN)
		return resume_chain(at, q, ret, f);
	if (q->route == ROUTE_RESUME_KEY)
		return resume_key(at, q, ret, f);
	return of_operation(at, q, ret, f);
}
