/* settled.c - peg-ins that were minted, and have nothing behind them, or nothing that
 * this journal knows of; and that people have settled one of them. It moves no row of the
 * state. */
#include "base/mutant.h"
#include "engine/states.h"
#include "kinds/node/anchor/missed.h"
#include "kinds/node/anchor/pegin_tx.h"
#include "kinds/node/state/book_in.h"

#include <inttypes.h>

/* A restore takes it back with the state that it was said of. */
static bool holds(struct journal *j, int64_t last, int64_t change)
{
	return path_on(j, last, change) == PATH_HAS || MUTANT(settled_outlives_restore);
}

/* What another node took for less than its fee may be minted, too. */
#define WITHOUT_FEE(amount) \
	((uint64_t)(amount) > PEG_FEE ? (uint64_t)(amount)-PEG_FEE : 0)

/* Of a row of each statement. */
#define UNCOVERED(row)                                                                 \
	{                                                                              \
		.id = { (row).id, (row).id_len },                                      \
		.dest = { (row).dest, (row).dest_len },                                \
		.amount = (uint64_t)(row).amount, .minted = WITHOUT_FEE((row).amount), \
		.change = (row).no_change ? 0 : (row).change,                          \
		.looked = (row).no_looked ? 0 : (row).looked, .at_ms = (row).at_ms,    \
		.why = { (row).why, (row).why_len },                                   \
	}

static void tell(struct journal *j, int64_t last, struct uncovered u, bool again,
    uncovered_fn *each, void *ctx)
{
	if (u.looked && (u.looked == u.change || !holds(j, last, u.looked)))
		u.looked = 0;
	if (u.change && (again || !holds(j, last, u.change))) {
		u.before = MUTANT(settled_before_unsaid) ? 0 : u.change;
		u.change = 0;
	}
	each(ctx, &u);
}

void book_uncovered(struct journal *j, uncovered_fn *each, void *ctx)
{
	struct sql_node_pegins_uncovered_out row;
	struct book b = { .journal = j };

	(void)totals_get(&b);
	sql_node_pegins_uncovered_begin(j);
	while (sql_node_pegins_uncovered_next(j, &row))
		tell(
		    j, b.changes, (struct uncovered)UNCOVERED(row), row.again, each, ctx);
}

static void unseen(struct journal *j, const struct book *b, uncovered_fn *each, void *ctx)
{
	struct sql_node_pegins_unseen_out row;

	sql_node_pegins_unseen_begin(j);
	while (sql_node_pegins_unseen_next(j, &row))
		tell(j, b->changes, (struct uncovered)UNCOVERED(row), row.again, each,
		    ctx);
}

void book_unseen(struct journal *j, uncovered_fn *each, void *ctx)
{
	struct book b = { .journal = j };

	(void)totals_get(&b);
	if (path_begins(j, b.changes) && !MUTANT(taken_pegins_are_well))
		unseen(j, &b, each, ctx);
}

void book_by_word(struct journal *j, uncovered_fn *each, void *ctx)
{
	struct book b = { .journal = j };

	(void)totals_get(&b);
	if (!path_begins(j, b.changes) && !MUTANT(word_stands_unlisted))
		unseen(j, &b, each, ctx);
}

void book_settled_again(struct journal *j, uncovered_fn *each, void *ctx)
{
	struct sql_node_pegins_again_out row;
	struct book b = { .journal = j };

	(void)totals_get(&b);
	sql_node_pegins_again_begin(j);
	while (sql_node_pegins_again_next(j, &row)) {
		struct uncovered u = UNCOVERED(row);

		if (holds(j, b.changes, u.change) &&
		    (row.no_looked || !holds(j, b.changes, row.looked)))
			each(ctx, &u);
	}
}

static bool settled_get(
    struct book *b, struct l2_bytes id, struct sql_node_settled_get_out *ret)
{
	struct sql_node_settled_get_in in = { .id = id.at, .id_len = id.len };

	return sql_node_settled_get_one(b->journal, &in, ret) &&
	    holds(b->journal, b->changes, ret->change);
}

/* It was settled, a block has it again, and nobody has looked at that. */
static bool is_again(struct book *b, const struct l2_pegin *p)
{
	struct sql_node_settled_get_out was;

	return settled_get(b, p->id, &was) && was.again &&
	    (was.no_looked || !holds(b->journal, b->changes, was.looked));
}

/* Is there anything to settle? *ret_again: it has a block, and that is to be looked at.
 */
static enum err uncovered(
    struct book *b, const struct change *c, bool *ret_again, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];
	struct pegin_tx tx = { .seen = false };
	struct l2_pegin p;

	if (!pegin_get(b, c->peg, &p))
		return fail_set(
		    f, ERR_INPUT, "there is no peg-in %s", change_shown(shown, c->peg));
	if (p.status != PEGIN_MINTED)
		return fail_set(f, ERR_INPUT,
		    "peg-in %s is %s: only what was minted, and lost its block, is to be "
		    "settled",
		    change_shown(shown, c->peg), state_name(MACHINE_PEGIN, p.status));
	(void)pegin_tx_get(b->journal, p.btc_tx, &tx);
	*ret_again = tx.in_block && is_again(b, &p);
	if (tx.in_block && !*ret_again)
		return fail_set(f, ERR_INPUT,
		    "block %" PRIu64
		    " has the transaction of peg-in %s: there is nothing "
		    "to settle",
		    tx.height, change_shown(shown, c->peg));
	if (!tx.seen && !path_begins(b->journal, b->changes))
		return fail_set(f, ERR_INPUT,
		    "no block that this node read ever had the transaction of peg-in %s, "
		    "which was minted by somebody's word: nothing warns of it, so "
		    "there is nothing to settle",
		    change_shown(shown, c->peg));
	return ERR_OK;
}

enum err pegin_settle(struct book *b, const struct change *c, struct fail *f)
{
	struct sql_node_settle_in in = { .id = c->peg.at,
		.id_len = c->peg.len,
		.change = b->changes + 1,
		.at_ms = b->at_ms,
		.why = c->why.at,
		.why_len = c->why.len };
	struct sql_node_settled_look_in look = {
		.id = c->peg.at, .id_len = c->peg.len, .change = b->changes + 1
	};
	struct sql_node_settled_get_out was;
	char shown[CHANGE_SHOWN_MAX];
	bool again = false;
	enum err e = uncovered(b, c, &again, f);

	if (e != ERR_OK && !MUTANT(settled_while_covered))
		return e;
	if (again) {
		sql_node_settled_look(b->journal, &look);
		return ERR_OK;
	}
	if (settled_get(b, c->peg, &was) && !was.again)
		return fail_set(f, ERR_INPUT,
		    "peg-in %s was settled by change %" PRId64 ": see pawl node settle",
		    change_shown(shown, c->peg), was.change);
	sql_node_settle(b->journal, &in);
	return ERR_OK;
}

enum err pegin_look(struct book *b, const struct change *c, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];
	struct pegin_tx tx = { .seen = false };
	struct l2_pegin p;

	if (!pegin_get(b, c->peg, &p))
		return fail_set(
		    f, ERR_INPUT, "there is no peg-in %s", change_shown(shown, c->peg));
	(void)pegin_tx_get(b->journal, p.btc_tx, &tx);
	if (tx.in_block)
		return fail_set(f, ERR_INPUT,
		    "block %" PRIu64 " has the transaction of peg-in %s already",
		    tx.height, change_shown(shown, c->peg));
	return missed_want(b->journal, c->height, f);
}
