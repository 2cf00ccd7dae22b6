/* check.c - what lies there, read as a whole. */
#include "kinds/node/state/book_in.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/mutant.h"
#include "kinds/node/snapshot/root.h"

struct counting {
	struct book seen;
	struct root *root;
};

static void count(void *ctx, enum l2_list list, const void *record)
{
	struct counting *c = ctx;

	root_record(c->root, list, record);
	row_count(&c->seen, list, record, true);
}

static enum err compare(const struct book *told, const struct book *seen, struct fail *f)
{
	for (int i = 0; i < L2_LISTS; i++)
		if (told->n[i] != seen->n[i] ||
		    amount_cmp(&told->sums[i], &seen->sums[i]) != 0)
			return fail_set(f, ERR_DAMAGED,
			    "the layer-2 state has %" PRId64 " %s where its totals say "
			    "%" PRId64 "%s",
			    seen->n[i], l2_kinds[i].many, told->n[i],
			    told->n[i] == seen->n[i] ? ", and they are not worth the same"
						     : "");
	if (!totals_hold(told))
		return fail_set(f, ERR_DAMAGED,
		    "of the layer-2 state, what was minted less what was burned is not "
		    "what lies in balances and escrows");
	if (amount_cmp(&told->digest, &seen->digest) != 0 &&
	    !MUTANT(altered_rows_believed))
		return fail_set(f, ERR_DAMAGED,
		    "a row of the layer-2 state was altered: they are not those that its "
		    "changes left");
	return ERR_OK;
}

enum err book_check(struct journal *j, char ret_root[L2_HEX], struct fail *f)
{
	struct counting c = { .seen = { .journal = j }, .root = root_begin() };
	struct book told = { .journal = j };

	(void)totals_get(&told);
	for (int i = 0; i < L2_LISTS; i++) {
		root_list(c.root, (enum l2_list)i, (uint64_t)told.n[i]);
		book_each(j, (enum l2_list)i, count, &c);
	}
	root_end(c.root, ret_root);
	return compare(&told, &c.seen, f);
}

enum err book_check_told(struct journal *j, struct fail *f)
{
	struct book told = { .journal = j };
	struct sql_node_event_get_in in;
	struct sql_node_event_get_out event;
	char why[TOLD_MAX];

	if (!totals_get(&told))
		return ERR_OK;
	totals_tell(&told, why);
	in.row = told.changes;
	if (MUTANT(altered_totals_believed) ||
	    (sql_node_event_get_one(j, &in, &event) && strcmp(event.why, why) == 0))
		return ERR_OK;
	return fail_set(f, ERR_DAMAGED,
	    "the totals of the layer-2 state were altered: its event log tells of others "
	    "behind change %" PRId64,
	    told.changes);
}

enum err book_check_changes(struct journal *j, struct fail *f)
{
	struct book told = { .journal = j };
	struct sql_node_changes_out row;
	uint8_t link[32] = { 0 };
	int64_t no = 0;

	(void)totals_get(&told);
	sql_node_changes_begin(j);
	while (sql_node_changes_next(j, &row)) {
		if (row.no != no + 1)
			break;
		link_next(link, ++no, row.at_ms, row.line, row.line_len);
	}
	sql_node_changes_end(j);
	if (no != told.changes)
		return fail_set(f, ERR_DAMAGED,
		    "of the changes of the layer-2 state, %" PRId64 " is gone", no + 1);
	if (memcmp(link, told.link, sizeof link) != 0 && !MUTANT(altered_change_believed))
		return fail_set(f, ERR_DAMAGED,
		    "a change of the layer-2 state was altered after it was done");
	return ERR_OK;
}
