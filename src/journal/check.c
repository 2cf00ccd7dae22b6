#include <stdio.h>
#include <string.h>

#include "base/amount.h"
#include "base/check.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "journal/inside.h"

#define OPERATIONS 2 /* the migration that knows them */

/* No row of an operation is ever deleted, and its first commit has an event. */
static enum err check_newest(struct journal *j, struct fail *f)
{
	struct sql_link_newest_out told = { .operation = 0 };
	struct sql_operation_newest_out is = { .id = 0 };
	int have = 0;
	enum err e = migrate_compare(j, &have, f);
	bool whole;

	if (e != ERR_OK || have < OPERATIONS)
		return e;
	whole = sql_link_newest_one(j, &told) && sql_operation_newest_one(j, &is);
	e = journal_start_error(j, f);
	if (e != ERR_OK || !whole || told.no_operation ||
	    told.operation <= (is.no_id ? 0 : is.id) || MUTANT(lost_operation_believed))
		return e;
	return fail_set(f, ERR_DAMAGED,
	    "its events name operation %lld, and that has no row",
	    (long long)told.operation);
}

enum err check_tail(
    struct journal *j, const struct sql_journal_get_out *o, struct fail *f)
{
	struct sql_event_last_out last = { .commit_no = 0 };
	struct sql_link_last_out link = { .commit_no = 0 };
	bool any = sql_event_last_one(j, &(struct sql_event_last_in){ .max = 1 }, &last);
	bool linked = sql_link_last_one(j, &link);
	enum err e = journal_start_error(j, f);

	if (e != ERR_OK)
		return e;
	if (any != linked || last.commit_no != link.commit_no ||
	    last.commit_no > o->commit_no)
		return fail_set(f, ERR_DAMAGED,
		    "its events end with commit %lld, their links"
		    " with %lld, and the journal with %lld",
		    (long long)last.commit_no, (long long)link.commit_no,
		    (long long)o->commit_no);
	if ((any ? last.id : 0) != o->events ||
	    (linked && memcmp(link.hash, o->link, 32) != 0))
		return fail_set(f, ERR_DAMAGED,
		    "its last event is not the one that commit %lld"
		    " ended with",
		    (long long)o->commit_no);
	return check_newest(j, f);
}

/* -- the pair -------------------------------------------------------------- */

#define COPIES 4 /* the migration that knows `base` */

static enum err misfit(struct journal *j, const struct db_alone *alone,
    const struct sql_journal_get_out *both, struct fail *f)
{
	char wal[NAME_SIZE], move[SHELL_WORD_MAX], word[SHELL_WORD_MAX];

	journal_name_with(wal, j->path, "-wal");
	return fail_set(f, ERR_DAMAGED,
	    "the database (commit %lld) and its -wal (to commit %lld) do not belong"
	    " together: one is an older copy, and nothing was read into the other."
	    " Put the right one back; or move %s away and type: pawl restore %s",
	    (long long)alone->commit_no, (long long)both->commit_no,
	    shell_word(move, sizeof move, wal), shell_word(word, sizeof word, j->path));
}

/* Each owner begins it with its epoch, and nothing shortens it. It is empty behind
 * `init`, behind a restore, whose commit is its own base, and beside a copy that was put
 * there by hand, which is doubted. The first owner after these moves its epoch into the
 * database, so that this is none of them any more. */
static enum err check_begun(struct journal *j, int have, struct fail *f)
{
	struct sql_journal_copy_get_out c;
	struct sql_journal_get_out o;
	struct sql_owner_get_out owner;
	char name[NAME_SIZE], word[SHELL_WORD_MAX];

	journal_name_with(name, j->path, "-wal");
	if (have < COPIES || journal_files->size(name) != 0 ||
	    !sql_owner_get_one(j, &owner) || !owner.epoch ||
	    !sql_journal_get_one(j, &o) || !sql_journal_copy_get_one(j, &c) || c.marked ||
	    o.commit_no <= c.base || MUTANT(empty_wal_believed))
		return ERR_OK;
	return fail_set(f, ERR_DAMAGED,
	    "%s: is empty, and with it the last commits are gone; what the database"
	    " holds is certain, and nothing was sent now. Put it back; if it is lost,"
	    " go on in doubt: pawl restore %s",
	    name, shell_word(word, sizeof word, j->path));
}

static enum err check_uncut(struct journal *j, struct fail *f)
{
	char word[SHELL_WORD_MAX];
	struct fail why = { 0 };
	enum err e = j->drv->uncut(j->db, &why);

	if (e == ERR_DAMAGED)
		return fail_set(f, e,
		    "%.200s; what stands before them is certain. To go on with that, in"
		    " doubt: pawl restore %s",
		    why.why, shell_word(word, sizeof word, j->path));
	return e == ERR_OK ? e : fail_set(f, e, "%s", why.why);
}

enum err check_pair(struct journal *j, int have, struct fail *f)
{
	struct sql_journal_get_out both;
	struct sql_journal_copy_get_out c = { .base = 0 };
	struct db_alone alone;
	bool told;
	enum err e;

	if (!sql_journal_get_one(j, &both) ||
	    (have >= COPIES && !sql_journal_copy_get_one(j, &c)))
		return journal_start_error(j, f); /* and who reads it next says so */
	e = j->drv->alone(j->db, &alone, &told, f);
	if (e != ERR_OK || !told || MUTANT(pair_not_compared))
		return e;
	if (memcmp(alone.name, both.name, sizeof(alone.name)) != 0 ||
	    alone.commit_no < c.base || alone.commit_no > both.commit_no)
		return misfit(j, &alone, &both, f);
	return ERR_OK;
}

enum err check_files(struct journal *j, int have, struct fail *f)
{
	enum err e = check_begun(j, have, f);

	if (e == ERR_OK)
		e = check_uncut(j, f);
	return e == ERR_OK ? check_pair(j, have, f) : e;
}

/* -- events ---------------------------------------------------------------- */

enum err journal_check_past(struct journal *j, struct fail *f)
{
	struct sql_journal_get_out o;
	int64_t commit_no, operation;
	enum err e;

	if (!sql_journal_get_one(j, &o)) {
		e = journal_start_error(j, f);
		return e != ERR_OK ? e
				   : fail_set(f, ERR_DAMAGED, "its own row is missing");
	}
	e = check_tail(j, &o, f);
	if (e != ERR_OK)
		return e;
	commit_no = events_check(j, 1, 0, &operation);
	e = journal_start_error(j, f);
	if (e == ERR_OK && commit_no)
		e = fail_set(f, ERR_DAMAGED,
		    "the event chain of operation %lld breaks at commit %lld: somebody"
		    " edited the past",
		    (long long)operation, (long long)commit_no);
	return e;
}

bool journal_check_pages(struct journal *j, char *why, size_t why_len)
{
	return j->drv->check(j->db, why, why_len) == ERR_OK;
}

void journal_trust_pages(struct journal *j)
{
	char why[200];
	enum err e = j->drv->check(j->db, why, sizeof(why));

	if (e != ERR_OK)
		journal_failed(j, e, "%s", why);
}

int64_t journal_check_events(struct journal *j, int64_t *ret_operation)
{
	bool alone = j->reader && !j->snapshot;
	int64_t commit_no;

	CHECK(!j->writing);
	if (alone)
		journal_read_begin(j);
	commit_no = events_check(j, 1, 0, ret_operation);
	if (alone)
		journal_read_end(j);
	return commit_no;
}

/* -- sums ------------------------------------------------------------------ */

bool journal_sums_add(struct journal_sums *s, int64_t state, const struct amount *a)
{
	struct journal_sum *at;

	if (state < 0 || state >= JOURNAL_SUMS)
		return false;
	at = &s->by_state[state];
	at->n++;
	return amount_add(&at->sum, &at->sum, a);
}

bool journal_sums_sub(struct journal_sums *s, int64_t state, const struct amount *a)
{
	struct journal_sum *at;

	if (state < 0 || state >= JOURNAL_SUMS)
		return false;
	at = &s->by_state[state];
	at->n--;
	return amount_sub(&at->sum, &at->sum, a);
}

static bool sums_equal(
    const struct sql_operation_get_out *o, const struct journal_sums *s)
{
	const struct journal_sum told[JOURNAL_SUMS] = { { o->pending_n, o->pending_sum },
		{ o->live_n, o->live_sum }, { o->final_n, o->final_sum },
		{ o->void_n, o->void_sum }, { o->refunded_n, o->refunded_sum } };
	struct amount all = AMOUNT_ZERO;
	int64_t rows = 0;

	for (int i = 0; i < JOURNAL_SUMS; i++) {
		const struct journal_sum *is = &s->by_state[i];

		rows += is->n;
		if (is->n != told[i].n || amount_cmp(&is->sum, &told[i].sum) != 0 ||
		    !amount_add(&all, &all, &told[i].sum))
			return false;
	}
	return amount_cmp(&all, &o->planned) == 0 && rows == o->items;
}

bool journal_sums_hold(struct journal *j, int64_t operation, const struct journal_sums *s)
{
	struct sql_operation_get_in in = { .id = operation };
	struct sql_operation_get_out o;

	return sql_operation_get_one(j, &in, &o) && sums_equal(&o, s);
}

/* false: they are not what the operation says. */
static bool rows_hold(struct journal *j, int64_t operation)
{
	struct sql_item_from_in in = { operation, INT64_MIN, INT64_MAX };
	struct sql_operation_get_in get = { .id = operation };
	struct journal_sums sums = { 0 };
	struct sql_operation_get_out o;
	struct sql_item_from_out item;
	bool good = true;
	int64_t rows = 0;

	sql_item_from_begin(j, &in);
	while (good && sql_item_from_next(j, &item)) {
		good = journal_sums_add(&sums, item.state, &item.amount);
		rows++;
	}
	sql_item_from_end(j);
	if (!good || !sql_operation_get_one(j, &get, &o))
		return false;
	/* its list is still being read: nothing of it was reserved */
	if (rows < o.items && o.pending_n == o.items)
		return sums.by_state[0].n == rows;
	return sums_equal(&o, &sums);
}

bool check_sums(struct journal *j, char *why, size_t why_len)
{
	struct sql_operation_all_out row;
	int64_t bad = 0;

	sql_operation_all_begin(j);
	while (!bad && sql_operation_all_next(j, &row))
		bad = rows_hold(j, row.id) ? 0 : row.id;
	sql_operation_all_end(j);
	if (bad)
		snprintf(why, why_len,
		    "the totals of operation %lld are not the sums of its rows",
		    (long long)bad);
	return !bad;
}
