#include <inttypes.h>
#include <stdio.h>

#include "base/utf8.h"
#include "cli/owner/own.h"

static void tell(const struct cli *c, const struct request *q, const struct told *t)
{
	char said[2 * OPERATION_NAME_MAX + 160];

	if (t->retried == 0 && q->has_row)
		snprintf(said, sizeof said,
		    "%s: row %" PRId64 " is not void: it is tried already", t->name,
		    q->row);
	else if (t->retried == 0)
		snprintf(said, sizeof said,
		    "%s has no void row that was not skipped: nothing is tried again",
		    t->name);
	else if (t->state == OPERATION_NEEDS_OPERATOR || t->state == OPERATION_PAUSED)
		snprintf(said, sizeof said,
		    "%s: %" PRId64 " void row%s tried again; it is %s, so then: pawl "
		    "resume %s",
		    t->name, t->retried, t->retried == 1 ? " is" : "s are",
		    state_name(MACHINE_OPERATION, t->state), t->name);
	else
		snprintf(said, sizeof said,
		    "%s: %" PRId64 " void row%s tried again, by pawl serve or by the "
		    "run's own command",
		    t->name, t->retried, t->retried == 1 ? " is" : "s are");
	utf8_plain(said);
	own_tell(c, t, said, json_pack("{s:I}", "retried", (json_int_t)t->retried));
}

enum err cmd_retry(struct cli *c, struct fail *f)
{
	const char *row = args_word(&c->args, 1);
	struct request q;
	struct told t;
	enum err e = own_request(&q, ROUTE_RETRY, args_word(&c->args, 0), f);

	if (e == ERR_OK && row)
		e = args_row(&q.row, row, f);
	q.has_row = row != NULL;
	if (e == ERR_OK)
		e = args_yes(&q.yes, &c->args, f);
	if (e == ERR_OK)
		e = own_command(c, &q, &t, f);
	if (e == ERR_OK)
		tell(c, &q, &t);
	return e;
}
