/* check.c - what lies there, read as a whole. */
#include "kinds/node/state/book_in.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "journal/archive.h"
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

/* -- some at a time -------------------------------------------------------- */

struct book_recount {
	struct counting c;
	struct book told; /* what the totals said when it was begun */
	int list;         /* L2_LISTS: all are read */
	int64_t left;     /* rows of this call; those of the list that came in it */
	int64_t came;
	int64_t anew;
	char *last; /* the id of the row that was read last of this list */
	size_t last_len, last_cap;
};

static void begin(struct book_recount *c)
{
	struct journal *j = c->c.seen.journal;
	char unused[L2_HEX];

	if (c->c.root)
		root_end(c->c.root, unused);
	c->told = (struct book){ .journal = j };
	(void)totals_get(&c->told);
	c->c = (struct counting){ .seen = { .journal = j }, .root = root_begin() };
	c->list = 0;
	c->last_len = 0;
	root_list(c->c.root, L2_BALANCES, (uint64_t)c->told.n[L2_BALANCES]);
}

struct book_recount *book_recount_new(struct journal *j)
{
	struct book_recount *c = mem_new(sizeof *c);

	c->c.seen.journal = j;
	begin(c);
	return c;
}

void book_recount_free(struct book_recount *c)
{
	char unused[L2_HEX];

	if (!c)
		return;
	if (c->c.root)
		root_end(c->c.root, unused);
	mem_free(c->last);
	mem_free(c);
}

static void count_some(void *ctx, enum l2_list list, const void *record)
{
	struct book_recount *c = ctx;
	struct l2_bytes id = l2_field_text(record, &l2_kinds[list].fields[0]);

	count(&c->c, list, record);
	if (id.len > c->last_cap)
		c->last = mem_grow(c->last, c->last_cap = id.len, 1);
	if (id.len)
		memcpy(c->last, id.at, id.len);
	c->last_len = id.len;
	c->came++;
}

static void list_some(struct book_recount *c)
{
	int64_t n = c->left;

	c->came = 0;
	rows_from(c->told.journal, (enum l2_list)c->list,
	    (struct l2_bytes){ c->last ? c->last : "", c->last_len }, n, count_some, c);
	c->left -= c->came;
	if (c->came == n)
		return;
	c->last_len = 0;
	if (++c->list < L2_LISTS)
		root_list(c->c.root, (enum l2_list)c->list, (uint64_t)c->told.n[c->list]);
}

/* Did something change since it was begun? What is drawn from no change is damage. */
static bool has_moved(const struct book_recount *c)
{
	struct book now = { .journal = c->told.journal };

	(void)totals_get(&now);
	return (now.changes != c->told.changes ||
		   amount_cmp(&now.digest, &c->told.digest) != 0) &&
	    !MUTANT(recount_mixes_states);
}

enum err book_recount_some(
    struct book_recount *c, int64_t rows, struct book_counted *ret, struct fail *f)
{
	struct journal *j = c->told.journal;
	enum err e = ERR_OK;

	if (has_moved(c)) {
		begin(c);
		c->anew++;
	}
	for (c->left = rows; c->left > 0 && c->list < L2_LISTS;)
		list_some(c);
	*ret = (struct book_counted){ .done = c->list == L2_LISTS, .anew = c->anew };
	if (!ret->done)
		return ERR_OK;
	root_end(c->c.root, ret->root);
	c->c.root = NULL;
	book_sums(j, &ret->sums);
	e = compare(&c->told, &c->c.seen, f);
	return e == ERR_OK ? book_check_told(j, f) : e;
}

enum err book_check_changes(struct journal *j, struct fail *f)
{
	struct book told = { .journal = j };
	struct sql_node_changes_in in = { .last = INT64_MAX };
	struct sql_node_changes_out row;
	uint8_t link[32];
	int64_t no;

	(void)totals_get(&told);
	no = told.base;
	memcpy(link, told.base_link, sizeof link);
	sql_node_changes_begin(j, &in);
	while (sql_node_changes_next(j, &row)) {
		if (row.no != no + 1)
			break;
		archive_link_next(link, ++no, row.at_ms, row.line, row.line_len);
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
