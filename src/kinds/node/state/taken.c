/* taken.c - whose state it is: that it came from elsewhere, and with it no id of what
 * made it. */
#include "kinds/node/anchor/anchor.h"
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

void book_name(struct journal *j, char out[JOURNAL_NAME])
{
	struct book_sums sums;

	book_sums(j, &sums);
	out[0] = '\0';
	if (sums.changes || anchors_n(j))
		journal_name(j, out);
}

int64_t book_taken(struct journal *j)
{
	struct book b = { .journal = j };

	(void)totals_get(&b);
	return path_begins(j, b.changes);
}
