#include "cli/own.h"

#include <string.h>

#include "base/check.h"
#include "cli/report.h"
#include "engine/account.h"
#include "journal/sql.gen.h"

static enum err no_key(
    void *ctx, const char *name, const struct secret **ret, struct fail *f)
{
	(void)ctx;
	(void)name;
	(void)f;
	*ret = NULL;
	return ERR_OK;
}

const struct keyring_face own_no_keys = { NULL, no_key };

enum err own_chain(struct config *c, struct journal *j, int64_t chain,
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

int64_t own_seen_height(struct journal *j, int64_t chain, int64_t account)
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

/* The journal says which chain it is: no node is asked. */
static enum err load(struct own *o, const struct operation *read,
    const struct chain_config *chain, struct fail *f)
{
	struct runner *r;

	loop_start(&o->loop, chain, 1, LOOP_NONE);
	r = o->loop.runner;
	r->s.keys = own_no_keys;
	r->chains[0].id = read->chain;
	o->operation = operation_load(r, read->id);
	if (!o->operation)
		return fail_set(
		    f, ERR_DAMAGED, "operation %s can't be loaded", read->name);
	o->account = account_of(r, read->account);
	CHECK(o->account);
	return ERR_OK;
}

enum err own_operation(struct own *o, struct cli *c, const char *word, struct fail *f)
{
	const struct chain_config *chain = NULL;
	struct operation read;
	enum err e;

	*o = (struct own){ .operation = NULL };
	e = loop_open(&o->loop, c, f);
	if (e == ERR_OK)
		e = report_find(o->loop.journal, word, &read, f);
	if (e == ERR_OK)
		e = own_chain(c->config, o->loop.journal, read.chain, &chain, f);
	return e == ERR_OK ? load(o, &read, chain, f) : e;
}

enum err own_commit(struct own *o, struct fail *f)
{
	operation_put(o->loop.runner, o->operation);
	return journal_commit(o->loop.journal, f);
}

void own_close(struct own *o)
{
	loop_close(&o->loop);
}

void own_tell(
    const struct cli *c, const struct operation *o, const char *said, json_t *more)
{
	json_t *told;

	if (!c->args.json) {
		cli_say(c, "%s", said);
		json_decref(more);
		return;
	}
	told = json_pack("{s:o, s:s}", "operation", cli_text(o->name), "state",
	    state_name(MACHINE_OPERATION, o->state));
	CHECK(told);
	if (more)
		json_object_update(told, more);
	json_decref(more);
	cli_json(told);
}
