/* ledger.c - what balances, escrows and tasks may become. */
#include "kinds/node/state/book_in.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/mutant.h"

/* -- balances -------------------------------------------------------------- */

enum err ledger_credit(
    struct book *b, struct l2_bytes peer, uint64_t amount, struct fail *f)
{
	uint64_t was = balance_get(b, peer), is;
	char shown[CHANGE_SHOWN_MAX];

	if (__builtin_add_overflow(was, amount, &is) && !MUTANT(balance_overflows))
		return fail_set(f, ERR_INPUT,
		    "peer %s has %" PRIu64 ", and with %" PRIu64
		    " more it would be more than 64 bits hold",
		    change_shown(shown, peer), was, amount);
	balance_put(b, peer, was, is);
	return ERR_OK;
}

enum err ledger_debit(
    struct book *b, struct l2_bytes peer, uint64_t amount, struct fail *f)
{
	uint64_t was = balance_get(b, peer);
	char shown[CHANGE_SHOWN_MAX];

	if (was < amount && !MUTANT(debit_below_zero))
		return fail_set(f, ERR_INPUT,
		    "peer %s has %" PRIu64 ", and %" PRIu64 " are asked of it",
		    change_shown(shown, peer), was, amount);
	balance_put(b, peer, was, was - amount);
	return ERR_OK;
}

enum err ledger_mint(
    struct book *b, struct l2_bytes peer, uint64_t amount, struct fail *f)
{
	struct amount more = amount_u64(amount);
	enum err e = ledger_credit(b, peer, amount, f);

	if (e == ERR_OK && !MUTANT(mint_not_counted))
		CHECK(amount_add(&b->minted, &b->minted, &more));
	return e;
}

enum err ledger_burn(
    struct book *b, struct l2_bytes peer, uint64_t amount, struct fail *f)
{
	struct amount more = amount_u64(amount);
	enum err e = ledger_debit(b, peer, amount, f);

	if (e == ERR_OK)
		CHECK(amount_add(&b->burned, &b->burned, &more));
	return e;
}

static enum err transfer(struct book *b, const struct change *c, struct fail *f)
{
	enum err e;

	if (l2_same(c->from, c->to))
		return fail_set(f, ERR_INPUT, "to: it is the peer that it comes from");
	e = ledger_debit(b, c->from, c->amount, f);
	return e == ERR_OK ? ledger_credit(b, c->to, c->amount, f) : e;
}

/* -- escrows --------------------------------------------------------------- */

static enum err escrow_make(struct book *b, const struct change *c, struct fail *f)
{
	struct l2_escrow is = { .task = c->task,
		.client = c->client,
		.amount = c->amount,
		.locked = c->locked,
		.created_ms = (uint64_t)b->at_ms };
	char shown[CHANGE_SHOWN_MAX];
	struct l2_escrow was;
	enum err e;

	if (escrow_get(b, c->task, &was))
		return fail_set(f, ERR_INPUT, "task %s has an escrow already",
		    change_shown(shown, c->task));
	e = ledger_debit(b, c->client, c->amount, f);
	if (e == ERR_OK)
		row_put(b, L2_ESCROWS, NULL, &is);
	return e;
}

static enum err escrow_lock(
    struct book *b, const struct l2_escrow *was, bool locked, struct fail *f)
{
	struct l2_escrow is = *was;
	char shown[CHANGE_SHOWN_MAX];

	if (was->locked == locked)
		return fail_set(f, ERR_INPUT, "the escrow of task %s is %s already",
		    change_shown(shown, was->task), locked ? "locked" : "not locked");
	is.locked = locked;
	row_put(b, L2_ESCROWS, was, &is);
	return ERR_OK;
}

/* It goes, and somebody has it. */
static enum err escrow_end(
    struct book *b, const struct l2_escrow *was, struct l2_bytes to, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];

	if (was->locked && !MUTANT(locked_escrow_leaves))
		return fail_set(f, ERR_INPUT,
		    "the escrow of task %s is locked: escrow_unlock comes first",
		    change_shown(shown, was->task));
	row_put(b, L2_ESCROWS, was, NULL);
	return ledger_credit(b, to, was->amount, f);
}

static enum err escrow_do(struct book *b, const struct change *c, struct fail *f)
{
	char shown[CHANGE_SHOWN_MAX];
	struct l2_escrow was;

	if (c->kind == CHANGE_ESCROW)
		return escrow_make(b, c, f);
	if (!escrow_get(b, c->task, &was))
		return fail_set(
		    f, ERR_INPUT, "task %s has no escrow", change_shown(shown, c->task));
	if (c->kind == CHANGE_ESCROW_RELEASE)
		return escrow_end(b, &was, c->worker, f);
	if (c->kind == CHANGE_ESCROW_REFUND)
		return escrow_end(b, &was, was.client, f);
	return escrow_lock(b, &was, c->kind == CHANGE_ESCROW_LOCK, f);
}

enum err ledger_do(struct book *b, const struct change *c, struct fail *f)
{
	if (c->kind == CHANGE_CREDIT)
		return ledger_mint(b, c->peer, c->amount, f);
	if (c->kind == CHANGE_DEBIT)
		return ledger_burn(b, c->peer, c->amount, f);
	return c->kind == CHANGE_TRANSFER ? transfer(b, c, f) : escrow_do(b, c, f);
}

/* -- tasks ----------------------------------------------------------------- */

enum err task_do(struct book *b, const struct change *c, struct fail *f)
{
	struct l2_task is = { .id = c->task,
		.type = (int32_t)c->type,
		.priority = (int32_t)c->priority,
		.submitter = c->submitter,
		.submitted_ms = (uint64_t)b->at_ms,
		.payload_hash = c->payload_hash,
		.anchor = c->anchor };
	char shown[CHANGE_SHOWN_MAX];
	struct l2_task was;
	bool there = task_get(b, c->task, &was);

	if (there == (c->kind == CHANGE_TASK))
		return fail_set(f, ERR_INPUT,
		    there ? "task %s is there already" : "there is no task %s",
		    change_shown(shown, c->task));
	if (c->kind == CHANGE_TASK_ANCHOR) {
		is = was;
		is.anchor = c->anchor;
	}
	row_put(
	    b, L2_TASKS, there ? &was : NULL, c->kind == CHANGE_TASK_FINISH ? NULL : &is);
	return ERR_OK;
}
