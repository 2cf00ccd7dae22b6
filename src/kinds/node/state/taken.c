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

/* It is the one behind all whose ids are not sure; the first of all makes none unsure. */
int64_t book_taken(struct journal *j)
{
	struct sql_node_restore_below_in first = { .no = 1 };
	struct sql_node_restore_below_out row;
	struct book b = { .journal = j };

	(void)totals_get(&b);
	if (b.unsure)
		return b.unsure + 1;
	return sql_node_restore_below_one(j, &first, &row) && row.no_after ? 1 : 0;
}
