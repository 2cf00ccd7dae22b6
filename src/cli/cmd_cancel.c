#include <stdio.h>

#include "base/check.h"
#include "base/utf8.h"
#include "cli/own.h"
#include "cli/report.h"

/* The wish is durable before a node is asked: it holds also when this process dies. */
static enum err record(struct cli *c, int64_t *ret_id, struct fail *f)
{
	bool now = args_has(&c->args, "--now");
	struct own own;
	enum err e = own_operation(&own, c, args_word(&c->args, 0), f);

	if (e == ERR_OK)
		e = operation_cancel(own.loop.runner, own.operation, now, f);
	if (e == ERR_OK)
		e = own_commit(&own, f);
	if (e == ERR_OK)
		*ret_id = own.operation->id;
	own_close(&own);
	return e;
}

static enum err settle(struct cli *c, int64_t id, struct fail *f)
{
	const struct chain_config *chain = NULL;
	struct operation o = { 0 };
	struct loop loop;
	enum err e = loop_open(&loop, c, f);

	if (e == ERR_OK && !operation_read(loop.journal, id, &o))
		e = fail_set(f, ERR_NOT_FOUND, "the operation is gone");
	if (e == ERR_OK && o.state != OPERATION_CANCELLED) {
		e = own_chain(c->config, loop.journal, o.chain, &chain, f);
		if (e == ERR_OK) {
			loop_start(&loop, chain, 1, id);
			e = loop_operation(&loop, id, f);
		}
	}
	if (loop.journal)
		CHECK(operation_read(loop.journal, id, &o));
	loop_close(&loop);
	if (e == ERR_OK)
		own_tell(c, &o, "cancelled: everything that was signed is settled", NULL);
	return e;
}

enum err cmd_cancel(struct cli *c, struct fail *f)
{
	int64_t id = 0;
	enum err e = record(c, &id, f);

	return e == ERR_OK ? settle(c, id, f) : e;
}
