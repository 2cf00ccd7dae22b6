/* path.c - which changes led to a state.
 *
 * A restore goes on from an earlier change: those between that and itself led elsewhere,
 * until a later restore goes on from one of them. So changes are a tree, and a path from
 * its root to the newest one is a few stretches of numbers:
 *
 *	1 2 3        4 = back to 2      5 6        7 = back to 3      8
 *	the path to 6 is 1 2, 5 6; the path to 8 is 1 2 3, 8
 *
 * One of a state that this journal never had begins a path: what led there is not known.
 */
#include <inttypes.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "kinds/node/state/book_in.h"

#define BELOW_UNKNOWN (-1)

/* The stretch that ends with a change: the first of it is behind a restore (or is 1), and
 * the path goes on downwards at *below; 0: it is over. */
static int64_t stretch(struct journal *j, int64_t last, int64_t *below)
{
	struct sql_node_restore_below_in in = { .no = last };
	struct sql_node_restore_below_out r;

	*below = 0;
	if (!sql_node_restore_below_one(j, &in, &r))
		return 1;
	*below = r.no_after ? BELOW_UNKNOWN : r.after;
	return r.no + 1;
}

static bool has(struct journal *j, int64_t last, int64_t change)
{
	int64_t below;

	for (; last >= change; last = below) {
		if (change >= stretch(j, last, &below))
			return true;
		if (MUTANT(path_ends_at_a_restore))
			break;
	}
	return false;
}

int64_t path_begins(struct journal *j, int64_t last)
{
	int64_t first = 1, below = last;

	while (below > 0)
		first = stretch(j, below, &below);
	return below == BELOW_UNKNOWN ? first - 1 : 0;
}

enum on_path path_on(struct journal *j, int64_t last, int64_t change)
{
	int64_t begin;

	if (has(j, last, change))
		return PATH_HAS;
	begin = path_begins(j, last);
	/* what was done to that state itself was no part of it */
	if (!begin || path_begins(j, change) == begin ||
	    (MUTANT(used_since_is_free) && change > begin))
		return PATH_LACKS;
	return PATH_MAY_HAVE;
}

/* The last restore before which it led to what there was. */
static int64_t taken_by(struct journal *j, int64_t change, int64_t last)
{
	struct sql_node_restore_below_in in = { .no = last };
	struct sql_node_restore_below_out r;

	for (; sql_node_restore_below_one(j, &in, &r) && r.no > change; in.no = r.no - 1)
		if (has(j, r.no - 1, change))
			return r.no;
	journal_damaged(
	    j, "change %" PRId64 " led nowhere, and no restore took it back", change);
}

/* By which change the state was replaced last; 0: it never was. */
static int64_t replaced_by(struct journal *j, int64_t last)
{
	struct sql_node_restore_below_in in = { .no = last };
	struct sql_node_restore_below_out r;

	return sql_node_restore_below_one(j, &in, &r) ? r.no : 0;
}

enum book_stands book_stood(struct journal *j, int64_t change, int64_t behind)
{
	static const enum book_stands of[] = {
		[PATH_HAS] = BOOK_STANDS,
		[PATH_MAY_HAVE] = BOOK_MAY_STAND,
		[PATH_LACKS] = BOOK_TAKEN_BACK,
	};

	return of[path_on(j, behind, change)];
}

enum book_stands book_stands(struct journal *j, int64_t change, int64_t *ret_by)
{
	enum on_path is = PATH_HAS;
	struct book_sums now;

	*ret_by = 0;
	book_sums(j, &now);
	if (!change) {
		*ret_by = replaced_by(j, now.changes);
		return *ret_by ? BOOK_MAY_STAND : BOOK_STANDS;
	}
	if (!MUTANT(request_keys_outlive_a_restore))
		is = path_on(j, now.changes, change);
	if (is == PATH_HAS)
		return BOOK_STANDS;
	*ret_by = is == PATH_MAY_HAVE ? path_begins(j, now.changes)
				      : taken_by(j, change, now.changes);
	return is == PATH_MAY_HAVE ? BOOK_MAY_STAND : BOOK_TAKEN_BACK;
}

/* -- two of them --------------------------------------------------------------- */

struct path {
	struct {
		int64_t first, last;
	} * at; /* the highest stretch first */
	size_t n;
};

static void path_read(struct path *p, struct journal *j, int64_t last)
{
	size_t room = 0;
	int64_t below;

	*p = (struct path){ .at = NULL };
	for (; last > 0; last = below) {
		int64_t first = stretch(j, last, &below);

		if (first > last)
			continue;
		if (p->n == room) {
			room = room ? 2 * room : 8;
			p->at = mem_grow(p->at, room, sizeof *p->at);
		}
		p->at[p->n].first = first;
		p->at[p->n++].last = last;
	}
}

/* How many changes of a path another one has not. */
static int64_t count_without(const struct path *p, const struct path *other)
{
	int64_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		n += p->at[i].last - p->at[i].first + 1;
		for (size_t k = 0; k < other->n; k++) {
			int64_t from = p->at[i].first, to = p->at[i].last;

			if (from < other->at[k].first)
				from = other->at[k].first;
			if (to > other->at[k].last)
				to = other->at[k].last;
			n -= from <= to ? to - from + 1 : 0;
		}
	}
	return n;
}

void path_compare(
    struct journal *j, int64_t is, int64_t will, int64_t *ret_left, int64_t *ret_back)
{
	struct path from, to;

	path_read(&from, j, is);
	path_read(&to, j, will);
	*ret_left = count_without(&from, &to);
	*ret_back = count_without(&to, &from);
	mem_free(from.at);
	mem_free(to.at);
}
