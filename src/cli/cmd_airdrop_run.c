#include "cli/cmd_airdrop_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/keys.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"

/* -- the command line ------------------------------------------------------ */

static bool name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || (c & 0x80);
}

/* It is typed behind other words, where a number is an id. */
static enum err name_check(const char *name, struct fail *f)
{
	size_t len = strlen(name), digits = strspn(name, "0123456789");
	bool good = len > 0 && len < OPERATION_NAME_MAX && digits < len && name[0] != '-';

	for (size_t i = 0; i < len; i++)
		good = good && name_byte(name[i]);
	if (good)
		return ERR_OK;
	return fail_set(f, ERR_USAGE,
	    "a name is letters, digits, '.', '_' and '-', at most %d of them "
	    "and not digits alone: choose one with --name",
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
		e = args_amount(&r->cap, "--max-total-fee", cap, NATIVE_DECIMALS, f);
	if (e == ERR_OK)
		e = name_find(r, f);
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
	world_wait(r->loop.world, 0);
	return world_signalled(r->loop.world) != 0;
}

static bool import_stop(void *ctx)
{
	return run_signalled(ctx);
}

/* The file that was given holds the plan, wherever the first one is now. */
static void moved_tell(const struct run *r, const struct airdrop_facts *a)
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

	CHECK(operation_read(r->loop.journal, r->operation, &o));
	CHECK(airdrop_read(r->loop.journal, r->operation, &a));
	if (a.imported >= o.items)
		return ERR_OK;
	rules.judge = false;
	moved_tell(r, &a);
	return airdrop_import_from(r->loop.journal, r->operation, r->draft.file,
	    r->draft.sum.file_hash, &rules, import_stop, r, f);
}

static enum err cap_put(struct run *r, struct operation *o, struct fail *f)
{
	char from[AMOUNT_TEXT_MAX], to[AMOUNT_TEXT_MAX];

	if (!r->has_cap || amount_cmp(&o->cap, &r->cap) == 0)
		return ERR_OK;
	amount_format(from, &o->cap, NATIVE_DECIMALS);
	amount_format(to, &r->cap, NATIVE_DECIMALS);
	operation_cap(r->loop.runner, o, &r->cap);
	operation_put(r->loop.runner, o);
	cli_say(r->cli, "The cap on fees of %s was %s and is now %s.", o->name, from, to);
	return journal_commit(r->loop.journal, f);
}

static enum err verdict(const struct operation *o, struct fail *f)
{
	const struct totals *t = o->by_state;

	if (t[ITEM_VOID].n)
		return fail_set(f, ERR_OPERATOR,
		    "%s: %" PRId64
		    " rows are void; see why: pawl status %s; then: pawl retry "
		    "%s",
		    o->name, t[ITEM_VOID].n, o->name, o->name);
	if (t[ITEM_FINAL].n < o->items)
		return fail_set(f, ERR_OPERATOR,
		    "%s was cancelled: %" PRId64
		    " rows are not paid; to pay them, put them into a list of their own: "
		    "pawl export %s --unpaid > rest.csv",
		    o->name, o->items - t[ITEM_FINAL].n, o->name);
	return ERR_OK;
}

/* Its owner is here: on to its end. */
static enum err run_on(struct run *r, struct fail *f)
{
	struct operation o;
	enum err e = loop_operation(&r->loop, r->operation, f);

	if (e != ERR_OK)
		return e;
	CHECK(operation_read(r->loop.journal, r->operation, &o));
	return verdict(&o, f);
}

static enum err run_known(struct run *r, struct fail *f)
{
	struct operation o;
	enum err e = run_compare(r, f);

	if (e != ERR_OK)
		return e;
	loop_start(&r->loop, r->draft.chain, 1, r->operation);
	CHECK(operation_read(r->loop.journal, r->operation, &o));
	e = cap_put(r, &o, f);
	if (e == ERR_OK && operation_ended(&o))
		return verdict(&o, f);
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

static enum err run_owned(struct run *r, struct fail *f)
{
	struct sql_operation_by_name_in in = { .name = r->name };
	struct sql_operation_by_name_out found;

	if (!sql_operation_by_name_one(r->loop.journal, &in, &found))
		return run_new(r, f);
	r->operation = found.id;
	return run_known(r, f);
}

enum err cmd_airdrop_run(struct cli *c, struct fail *f)
{
	struct run r = { .cli = c };
	enum err e = run_args(&r, f);

	if (e == ERR_OK)
		e = log_calm(c, f);
	if (e != ERR_OK)
		return e;
	e = loop_open(&r.loop, c, f);
	if (e == ERR_OK)
		loop_listen(&r.loop);
	if (e == ERR_OK)
		e = run_owned(&r, f);
	progress_end(&r.loop.progress);
	if (r.operation && e != ERR_CONFLICT && e != ERR_INPUT) {
		airdrop_tell(c, r.loop.journal, r.operation);
		c->told = true;
	}
	loop_close(&r.loop);
	return e;
}
