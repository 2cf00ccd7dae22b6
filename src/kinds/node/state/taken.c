/* taken.c - that a state came from elsewhere, and with it no id of what made it. */
#include "kinds/node/state/book_in.h"

int64_t book_dated(struct journal *j, int64_t change)
{
	struct sql_node_changes_in in = { .first = change, .last = change };
	struct sql_node_changes_out row;
	int64_t at_ms = -1;

	sql_node_changes_begin(j, &in);
	if (sql_node_changes_next(j, &row))
		at_ms = row.at_ms;
	sql_node_changes_end(j);
	return at_ms;
}

int64_t book_taken(struct journal *j)
{
	struct book b = { .journal = j };

	(void)totals_get(&b);
	return path_begins(j, b.changes);
}
