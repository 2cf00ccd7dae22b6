#include "cli/airdrop/cmd_airdrop_run.h"
#include "cli/owner/channels.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/config/keys.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "engine/repair.h"
#include "journal/sql.gen.h"

#define AGAIN_MS 300 /* who was faster gets on with it; whom nobody hears waits */

/* -- the command line ------------------------------------------------------ */

static enum err name_check(const char *name, struct fail *f)
{
	if (handover_name_good(name))
		return ERR_OK;
	return fail_set(f, ERR_USAGE,
	    "a name is letters, digits, '.', '_' and '-', at most %d of them "
	    "and not digits or dots alone: choose one with --name",
	    OPERATION_NAME_MAX - 1);
}

static enum err name_find(struct run *r, struct fail *f)
{
	const char *name = args_get(&r->cli->args, "--name");

	if (!name)
		draft_name(&r->draft, r->name);
	else if (strlen(name) < sizeof r->name)
		snprintf(r->name, sizeof r->name, "%s", name);
	return name_check(r->name, f);
}

/* Whoever owns the journal looks at the secrets of channels; that they are named is
 * looked at here, too, before anything is planned. */
static enum err notify_args(struct run *r, struct fail *f)
{
	const struct args *a = &r->cli->args;
	struct request q = { .route = ROUTE_RUN };
	enum err e = ERR_OK;

	for (int i = 0; i < a->again_n && e == ERR_OK; i++) {
		const struct channel *channel;
		const char *target;

		e = channel_parse(&channel, &target, a->again[i], f);
		if (e == ERR_OK)
			e = channels_named(r->cli->config, channel, target, f);
		if (e == ERR_OK)
			e = request_notify(&q, a->again[i], f);
	}
	memcpy(r->notify, q.text, sizeof r->notify);
	return e == ERR_OK ? ERR_OK : fail_wrap(f, e, "--notify");
}

enum err run_notify(struct run *r, struct fail *f)
{
	struct command_at at = { .world = r->world,
		.journal = r->journal,
		.runner = r->loop.runner,
		.face = &r->loop.face };

	return command_notify(&at, r->operation, r->notify, f);
}

static enum err run_args(struct run *r, struct fail *f)
{
	const char *cap;
	const struct secret *key;
	enum err e = draft_args(&r->draft, r->cli, f);

	if (e != ERR_OK)
		return e;
	cap = args_get(&r->cli->args, "--max-total-fee");
	r->has_cap = cap != NULL;
	if (cap)
		e = args_amount(
		    &r->cap, "--max-total-fee", cap, draft_coin_decimals(&r->draft), f);
	if (e == ERR_OK)
		e = name_find(r, f);
	if (e == ERR_OK)
		e = notify_args(r, f);
	if (e == ERR_OK)
		e = keyring_get(
		    r->cli->keyring, r->draft.key_name, &key, &r->draft.sender, f);
	return e;
}

/* The bar and the last lines say what the log would; its warnings stay. */
static enum err log_calm(const struct cli *c, struct fail *f)
{
	const struct log_config *log = &c->config->log;

	if (log->file || log->level != LOG_INFO)
		return ERR_OK;
	return log_open(NULL, LOG_WARN, log->format == LOG_JSON, f);
}

/* -- the journal ----------------------------------------------------------- */

bool run_signalled(struct run *r)
{
	world_wait(r->world, 0);
	return world_signalled(r->world) != 0;
}

static bool import_stop(void *ctx)
{
	return run_signalled(ctx);
}

/* The file that was given holds the plan, wherever the first one is now. */
void run_moved_tell(const struct run *r, const struct airdrop_facts *a)
{
	char *path = realpath(r->draft.file, NULL);

	if (path && strcmp(path, a->file) != 0)
		cli_say(r->cli, "The list is read from %s (it was %s).", path, a->file);
	free(path);
}

/* The list into the journal, if it is not there whole. */
static enum err import(struct run *r, struct fail *f)
{
	struct list_rules rules = draft_rules(&r->draft);
	struct airdrop_facts a;
	struct operation o;

	CHECK(operation_read(r->journal, r->operation, &o));
	CHECK(airdrop_read(r->journal, r->operation, &a));
	if (a.imported >= o.items)
		return ERR_OK;
	rules.judge = false;
	run_moved_tell(r, &a);
	return airdrop_import(r->journal, r->operation, r->draft.file,
	    r->draft.sum.file_hash, &rules, import_stop, r, f);
}

void run_cap_tell(const struct run *r, const struct operation *before)
{
	char from[AMOUNT_TEXT_MAX], to[AMOUNT_TEXT_MAX];

	amount_format(from, &before->cap, draft_coin_decimals(&r->draft));
	amount_format(to, &r->cap, draft_coin_decimals(&r->draft));
	cli_say(r->cli, "The cap on fees of %s was %s and is now %s.", before->name, from,
	    to);
}

static enum err cap_put(struct run *r, struct operation *o, struct fail *f)
{
	if (!r->has_cap || amount_cmp(&o->cap, &r->cap) == 0)
		return ERR_OK;
	run_cap_tell(r, o);
	operation_cap(r->loop.runner, o, &r->cap);
	operation_put(r->loop.runner, o);
	return journal_commit(r->journal, f);
}

enum err run_verdict(struct journal *j, const struct operation *o, struct fail *f)
{
	const struct totals *t = o->by_state;
	int64_t skipped = repair_skips(j, o), voids = t[ITEM_VOID].n - skipped;
	struct sql_item_flagged_as_in twice = { .operation = o->id,
		.reason = REASON_TWICE };
	struct sql_item_flagged_as_out row;
	struct airdrop_facts a;

	if (sql_item_flagged_as_one(j, &twice, &row) && row.n)
		return fail_set(f, ERR_MISMATCH,
		    "%s: %" PRId64 " rows were paid twice; see: pawl explain %s %" PRId64
		    ", pawl verify %s",
		    o->name, row.n, o->name, row.row, o->name);
	if (voids)
		return fail_set(f, ERR_OPERATOR,
		    "%s: %" PRId64
		    " rows are void; see why: pawl status %s; then: pawl retry "
		    "%s",
		    o->name, voids, o->name, o->name);
	if (airdrop_read(j, o->id, &a) && a.imported < o->items)
		return fail_set(f, ERR_OPERATOR,
		    "%s was cancelled before its list was read to its end, and paid "
		    "nobody; to pay it, give it another --name",
		    o->name);
	if (t[ITEM_FINAL].n + skipped < o->items)
		return fail_set(f, ERR_OPERATOR,
		    "%s was cancelled: %" PRId64
		    " rows are not paid; to pay them, put them into a list of their own: "
		    "pawl export %s --unpaid > rest.csv",
		    o->name, o->items - t[ITEM_FINAL].n - skipped, o->name);
	return ERR_OK;
}

/* Its owner is here: on to its end. */
static enum err run_on(struct run *r, struct fail *f)
{
	struct operation o;
	enum err e = loop_operation(&r->loop, r->operation, f);

	if (e != ERR_OK)
		return e;
	CHECK(operation_read(r->journal, r->operation, &o));
	return run_verdict(r->journal, &o, f);
}

static enum err run_known(struct run *r, struct fail *f)
{
	struct operation o;
	enum err e = run_compare(r, f);

	if (e != ERR_OK)
		return e;
	loop_start(&r->loop, r->draft.chain, 1, r->operation);
	CHECK(operation_read(r->journal, r->operation, &o));
	e = run_notify(r, f);
	if (e == ERR_OK)
		e = journal_commit(r->journal, f);
	if (e == ERR_OK)
		e = cap_put(r, &o, f);
	if (e == ERR_OK && operation_ended(&o))
		return run_verdict(r->journal, &o, f);
	if (e == ERR_OK)
		e = loop_stuck(&r->loop, &o, f);
	if (e == ERR_OK)
		e = import(r, f);
	return e == ERR_OK ? run_on(r, f) : e;
}

static enum err run_new(struct run *r, struct fail *f)
{
	enum err e = run_create(r, f);

	if (e == ERR_OK)
		e = import(r, f);
	if (e != ERR_OK)
		return e;
	loop_take(&r->loop, r->operation);
	return run_on(r, f);
}

static enum err run_here(struct run *r, struct fail *f)
{
	struct sql_operation_by_name_in in = { .name = r->name };
	struct sql_operation_by_name_out found;
	enum err e;

	r->journal = r->loop.journal;
	r->world = r->loop.world;
	keyring_asks(r->cli->keyring, false); /* from now on for others */
	loop_listen(&r->loop);
	if (sql_operation_by_name_one(r->journal, &in, &found))
		r->operation = found.id;
	e = r->operation ? run_known(r, f) : run_new(r, f);
	if (r->operation && r->loop.runner)
		loop_deliver(&r->loop, r->operation);
	return e;
}

static enum err run_reader(struct run *r, struct fail *f)
{
	enum err e = journal_read(&r->journal, r->cli->config->journal, f);

	r->world = client_world(r->client);
	return e == ERR_OK ? run_there(r, f) : e;
}

/* Did the owner that was asked end, or the journal move on, so that all begins again? */
static bool is_again(const struct run *r, enum err e)
{
	return client_lost(r->client, e) || e == ERR_STALE;
}

static void run_close(struct run *r)
{
	if (r->client) {
		client_close(r->client);
		journal_close(r->journal);
	} else {
		loop_close(&r->loop);
	}
	r->client = NULL;
	r->journal = NULL;
	r->world = NULL;
}

static enum err run_once(struct run *r, bool *ret_again, struct fail *f)
{
	enum err e = own_or_reach(&r->loop, &r->client, r->cli,
	    r->joined ? OWNER_PATIENCE_LONG_MS : OWNER_PATIENCE_MS, f);

	*ret_again = false;
	r->joined |= r->client != NULL;
	if (e == ERR_OK)
		e = r->client ? run_reader(r, f) : run_here(r, f);
	progress_end(&r->loop.progress);
	*ret_again = is_again(r, e);
	if (*ret_again && r->world && run_signalled(r)) {
		*ret_again = false; /* it came with the end of the owner */
		e = fail_set(f, ERR_STOPPED,
		    "stopped; it is safe: the same command goes on from here");
	}
	if (!*ret_again && r->operation && e != ERR_CONFLICT && e != ERR_INPUT) {
		airdrop_tell(r->cli, r->journal, r->operation);
		r->cli->told = true;
	}
	run_close(r);
	return e;
}

/* Whoever owns the journal pays; when he ends, another does, maybe this process. */
enum err cmd_airdrop_run(struct cli *c, struct fail *f)
{
	struct run r = { .cli = c };
	bool again = true;
	enum err e = run_args(&r, f);

	if (e == ERR_OK)
		e = log_calm(c, f);
	if (e != ERR_OK)
		return e;
	while (again) {
		e = run_once(&r, &again, f);
		if (again && e != ERR_UNANSWERED)
			poll(NULL, 0, AGAIN_MS);
	}
	return e;
}
