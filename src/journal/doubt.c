#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mutant.h"
#include "journal/inside.h"

#define DOUBT_SIZE 1000 /* of the sentence; what comes when it is full adds nothing */

/* A file system that says no time of birth leaves the number alone. */
bool doubt_is_other_file(const struct journal *j, const struct sql_journal_get_out *o,
    const struct sql_journal_copy_get_out *c)
{
	return o->inode != j->id.inode ||
	    (c->born && j->id.born && c->born != j->id.born &&
		!MUTANT(birth_not_compared));
}

void doubt_find(struct journal *j)
{
	struct sql_journal_copy_get_out c;
	struct sql_journal_get_out o;
	char why[200];

	if (!sql_journal_get_one(j, &o) || !sql_journal_copy_get_one(j, &c))
		return;
	if (c.marked)
		snprintf(why, sizeof(why),
		    "it is a copy that `pawl backup` made at commit %lld",
		    (long long)o.commit_no);
	else if (doubt_is_other_file(j, &o, &c) && !MUTANT(copy_not_doubted))
		snprintf(why, sizeof(why),
		    "it is another file than commit %lld was written to, so a copy",
		    (long long)o.commit_no);
	else
		return;
	log_warn("journal", "%s may be older than what was sent: %s", j->path, why);
	journal_doubt_add(j, why);
	sql_journal_unmark(j);
}

void doubt_restored(struct journal *j, bool latest, const char *why)
{
	sql_journal_unmark(j);
	if (!latest) {
		journal_doubt_add(j, why);
		return;
	}
	sql_journal_older_clear(j);
	journal_event(j,
	    &(struct event){ .what = "journal", .from = "", .to = "latest", .why = why });
}

const char *journal_older(struct journal *j)
{
	struct sql_journal_older_get_out o;

	if (!sql_journal_older_get_one(j, &o) || o.no_older)
		return NULL;
	return o.older;
}

const char *journal_doubt(struct journal *j)
{
	struct sql_journal_copy_get_out o;

	if (!sql_journal_copy_get_one(j, &o) || o.no_doubt)
		return NULL;
	return o.doubt;
}

void journal_doubt_add(struct journal *j, const char *why)
{
	const char *before = journal_doubt(j);
	char text[DOUBT_SIZE];
	int len;

	if (before && strstr(before, why))
		return;
	len = snprintf(
	    text, sizeof(text), "%s%s%s", before ? before : "", before ? "; " : "", why);
	if (before && len >= (int)sizeof(text))
		return;
	sql_journal_doubt(j, &(struct sql_journal_doubt_in){ .doubt = text });
	journal_event(j,
	    &(struct event){
		.what = "journal", .from = "", .to = "doubted", .why = why });
}

void journal_doubt_clear(struct journal *j, const char *why)
{
	if (!journal_doubt(j))
		return;
	sql_journal_doubt_clear(j);
	journal_event(j,
	    &(struct event){
		.what = "journal", .from = "doubted", .to = "certain", .why = why });
}
