/* archive_drop.c - what is archived goes out of the journal, some rows at a time. */
#include "base/mutant.h"
#include "journal/archive_in.h"

#define DROP_ROWS 256
#define DROP_EVENTS 4096 /* that are looked at, whosever they are */

static bool rows_drop(struct journal *j, int64_t operation)
{
	struct sql_archive_rows_in in = { operation, DROP_ROWS };
	struct sql_archive_rows_out next;

	if (!sql_archive_rows_one(j, &in, &next) || next.no_row)
		return false;
	if (!MUTANT(archived_attempts_forgotten))
		sql_archive_keep_attempts(
		    j, &(struct sql_archive_keep_attempts_in){ operation, next.row });
	sql_archive_drop_attempts(
	    j, &(struct sql_archive_drop_attempts_in){ operation, next.row });
	sql_archive_drop_intents(
	    j, &(struct sql_archive_drop_intents_in){ operation, next.row });
	return true;
}

/* Their ids are known to be gone, with those beside them in one row. */
static void ids_put(struct journal *j, int64_t first, int64_t last)
{
	struct sql_archived_event_to_in to = { .last = first - 1 };
	struct sql_archived_event_to_out before;
	struct sql_archived_event_from_in from = { .first = last + 1 };
	struct sql_archived_event_from_out behind;

	if (sql_archived_event_to_one(j, &to, &before)) {
		first = before.first;
		sql_archived_event_drop(
		    j, &(struct sql_archived_event_drop_in){ .first = first });
	}
	if (sql_archived_event_from_one(j, &from, &behind)) {
		sql_archived_event_drop(
		    j, &(struct sql_archived_event_drop_in){ .first = last + 1 });
		last = behind.last;
	}
	sql_archived_event_add(j, &(struct sql_archived_event_add_in){ first, last });
}

static void events_drop_from(struct journal *j, int64_t first, int64_t last)
{
	sql_archive_drop_events(j, &(struct sql_archive_drop_events_in){ first, last });
	ids_put(j, first, last);
}

/* The next stretch of ids that are the operation's alone, among those from *at on.
 * false: there is none. */
static bool stretch_next(struct journal *j, int64_t operation, int64_t commit_no,
    int64_t *at, int64_t *left, int64_t *ret_first, int64_t *ret_last, bool *ret_end)
{
	struct sql_event_from_in in = { .id = *at };
	struct sql_event_from_out o;
	bool more = true;

	*ret_first = *ret_last = 0;
	sql_event_from_begin(j, &in);
	while (*left > 0 && (more = sql_event_from_next(j, &o)) &&
	    o.commit_no <= commit_no) {
		bool mine = o.operation == operation;

		--*left;
		if (*ret_first && (!mine || o.id != *ret_last + 1))
			break;
		*at = o.id + 1;
		if (mine && !*ret_first)
			*ret_first = o.id;
		if (mine)
			*ret_last = o.id;
	}
	*ret_end = !more || (*left > 0 && o.commit_no > commit_no);
	sql_event_from_end(j);
	return *ret_first > 0;
}

/* true: none is there any more. */
static bool events_drop(
    struct journal *j, int64_t operation, int64_t commit_no, int64_t *at)
{
	struct sql_archive_event_first_in in = { .operation = operation };
	struct sql_archive_event_first_out first;
	int64_t left = DROP_EVENTS, from, to;
	bool end = false;

	if (!*at && (!sql_archive_event_first_one(j, &in, &first) || first.no_id))
		return true;
	if (!*at)
		*at = first.id;
	while (left > 0 && !end)
		if (stretch_next(j, operation, commit_no, at, &left, &from, &to, &end))
			events_drop_from(j, from, to);
	return end;
}

bool archive_drop(struct journal *j, int64_t operation, int64_t *at)
{
	struct archived a;

	if (!archive_of(j, operation, &a) || a.whole)
		return true;
	if (rows_drop(j, operation) || !events_drop(j, operation, a.commit_no, at))
		return false;
	sql_archive_empty_notices(
	    j, &(struct sql_archive_empty_notices_in){ .operation = operation });
	sql_archive_whole(j, &(struct sql_archive_whole_in){ .operation = operation });
	return true;
}

void archive_drop_tracked(struct journal *j, int64_t track_archive)
{
	sql_track_archive_empty(
	    j, &(struct sql_track_archive_empty_in){ .id = track_archive });
	sql_track_archive_whole(
	    j, &(struct sql_track_archive_whole_in){ .id = track_archive });
}
