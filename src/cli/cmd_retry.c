#include <inttypes.h>
#include <stdio.h>

#include "base/utf8.h"
#include "cli/own.h"

static void tell(const struct cli *c, const struct operation *o, int64_t rows)
{
	char said[2 * OPERATION_NAME_MAX + 160];

	if (rows == 0)
		snprintf(said, sizeof said, "%s has no void row: nothing is tried again",
		    o->name);
	else if (o->state == OPERATION_NEEDS_OPERATOR || o->state == OPERATION_PAUSED)
		snprintf(said, sizeof said,
		    "%s: %" PRId64 " void rows are tried again; it is %s, so then: pawl "
		    "resume %s",
		    o->name, rows, state_name(MACHINE_OPERATION, o->state), o->name);
	else
		snprintf(said, sizeof said,
		    "%s: %" PRId64 " void rows are tried again, by pawl serve or by the "
		    "run's own command",
		    o->name, rows);
	utf8_plain(said);
	own_tell(c, o, said, json_pack("{s:I}", "retried", (json_int_t)rows));
}

enum err cmd_retry(struct cli *c, struct fail *f)
{
	struct own own;
	enum err e = own_operation(&own, c, args_word(&c->args, 0), f);
	int64_t before = 0;

	if (e == ERR_OK) {
		before = own.operation->by_state[ITEM_VOID].n;
		e = operation_retry(own.loop.runner, own.operation, f);
	}
	if (e == ERR_OK)
		e = own_commit(&own, f);
	if (e == ERR_OK)
		tell(c, own.operation, before - own.operation->by_state[ITEM_VOID].n);
	own_close(&own);
	return e;
}
