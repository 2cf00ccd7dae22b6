/* taken.c - that a state came from elsewhere, and with it no id of what made it. */
#include <string.h>

#include "kinds/node/state/book_in.h"

static bool dated(struct journal *j, int64_t change, int64_t *ret_ms, bool *ret_taken)
{
	static const char restore[] = "{\"do\":\"restore\"", never[] = ",\"after\":-1}";
	struct sql_node_changes_in in = { .first = change, .last = change };
	struct sql_node_changes_out row;
	bool there;

	sql_node_changes_begin(j, &in);
	there = sql_node_changes_next(j, &row);
	if (there) {
		*ret_ms = row.at_ms;
		*ret_taken = row.line_len > sizeof restore &&
		    memcmp(row.line, restore, sizeof restore - 1) == 0 &&
		    memmem(row.line, row.line_len, never, sizeof never - 1);
	}
	sql_node_changes_end(j);
	return there;
}

int64_t book_dated(struct journal *j, int64_t change)
{
	int64_t at_ms;
	bool taken;

	return dated(j, change, &at_ms, &taken) ? at_ms : -1;
}

/* It is the one behind all whose ids are not sure; the first of all makes none unsure. */
int64_t book_taken(struct journal *j)
{
	struct book b = { .journal = j };
	int64_t at_ms;
	bool taken;

	(void)totals_get(&b);
	if (dated(j, b.unsure + 1, &at_ms, &taken))
		return taken ? b.unsure + 1 : 0;
	return b.unsure ? b.unsure + 1 : 0;
}
