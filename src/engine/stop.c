/* stop.c - an account that takes no new intents until the operator says so: why, and the
 * line to type. */
#include "engine/account.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "journal/sql.gen.h"

/* Why it is stopped, without the line to type. */
static void reasons_of(const struct account *a, char ret[WAITS_MAX])
{
	const char *from = a->stopped ? strstr(a->why_stopped, ": ") : NULL;
	char *end;

	snprintf(ret, WAITS_MAX, "%s", from ? from + strlen(": ") : "");
	end = strstr(ret, "; then: pawl resume key:");
	if (end)
		*end = '\0';
}

static void reasons_put(
    struct runner *r, struct account *a, const char *why, const char *before)
{
	a->stopped = true;
	snprintf(a->why_stopped, sizeof a->why_stopped,
	    "key %s: %.440s%s%.340s; then: pawl resume key:%s", a->key_name, why,
	    before[0] ? "; and " : "", before, a->key_name);
	sql_account_stop(r->s.journal,
	    &(struct sql_account_stop_in){ .id = a->id,
		.stopped = a->why_stopped,
		.accepted_height = (int64_t)a->accepted_height });
}

/* A second reason stands before the first: who resumes accepts both. */
void account_stop(struct runner *r, struct account *a, const char *why)
{
	char before[WAITS_MAX] = "";

	if (a->stopped && strstr(a->why_stopped, why))
		return;
	reasons_of(a, before);
	reasons_put(r, a, why, before);
	journal_event(r->s.journal,
	    &(struct event){
		.what = "account", .from = "", .to = "stopped", .why = a->why_stopped });
	log_error("account", "%s", a->why_stopped);
}

void account_accept(struct runner *r, struct account *a)
{
	struct head head;

	if (follower_head(a->chain->follower, &head) && head.height > a->accepted_height)
		a->accepted_height = head.height;
	sql_account_stop(r->s.journal,
	    &(struct sql_account_stop_in){ .id = a->id,
		.stopped = a->why_stopped,
		.no_stopped = !a->stopped,
		.accepted_height = (int64_t)a->accepted_height });
}

void account_resume(struct runner *r, struct account *a)
{
	a->stopped = false;
	a->unsigned_left = true;
	a->strangers_settled = false; /* suspect ones may be foreign by now */
	a->why_stopped[0] = '\0';
	account_accept(r, a);
	journal_event(r->s.journal,
	    &(struct event){ .what = "account",
		.from = "stopped",
		.to = "",
		.why = "resumed: what was seen is accepted" });
	r->again = true;
}

void account_stop_reread(struct runner *r, struct account *a)
{
	struct sql_account_get_in in = { .id = a->id };
	struct sql_account_get_out row;

	sql_account_get_begin(r->s.journal, &in);
	if (!sql_account_get_next(r->s.journal, &row))
		return;
	a->stopped = !row.no_stopped;
	snprintf(a->why_stopped, sizeof a->why_stopped, "%s",
	    row.no_stopped ? "" : row.stopped);
	a->accepted_height = (uint64_t)row.accepted_height;
	sql_account_get_end(r->s.journal);
	a->strangers_settled = false; /* and what was judged is looked at again */
}

void account_stop_renamed(struct runner *r, struct account *a)
{
	char why[WAITS_MAX] = "";

	reasons_of(a, why);
	if (why[0])
		reasons_put(r, a, why, "");
}
