#include "tell/subscriber/backlog.h"

#include <inttypes.h>
#include <stdio.h>

#include "engine/message.h"
#include "journal/sql.gen.h"
#include "tell/subscriber/held.h"

enum err backlog_resume(
    struct journal *j, int64_t subscriber, bool *ret_moved, struct fail *f)
{
	struct sql_subscriber_get_in in = { .id = subscriber };
	struct sql_subscriber_get_out row;
	char what[40];

	if (!sql_subscriber_get_one(j, &in, &row))
		return fail_set(f, ERR_NOT_FOUND,
		    "there is no subscriber %" PRId64 "; see: pawl status", subscriber);
	*ret_moved = !row.no_suspended;
	if (row.no_suspended)
		return ERR_OK;
	held_resume(j, subscriber);
	snprintf(what, sizeof what, "subscriber %" PRId64, subscriber);
	journal_event(
	    j, &(struct event){ .what = what, .from = "suspended", .to = "", .why = "" });
	return ERR_OK;
}

int64_t backlog_due(struct journal *j, int64_t operation)
{
	struct sql_message_due_of_in in = { .subject_kind = SUBJECT_OPERATION,
		.subject = operation };
	struct sql_message_due_of_out of;
	struct sql_message_due_all_out all;

	if (operation)
		return sql_message_due_of_one(j, &in, &of) ? of.n : 0;
	return sql_message_due_all_one(j, &all) ? all.n : 0;
}
