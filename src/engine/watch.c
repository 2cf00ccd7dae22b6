#include "engine/watch.h"

#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/attempt.h"
#include "engine/stranger.h"

/* -- what the follower tells ----------------------------------------------- */

static void told_adopted(void *ctx, const struct block_facts *b)
{
	struct chain_run *c = ctx;

	for (size_t i = 0; i < c->accounts_n; i++)
		if (c->accounts[i]->watch_at < b->accounts_n)
			account_adopted(
			    c->runner, c->accounts[i], b, c->accounts[i]->watch_at);
}

static void told_retracted(void *ctx, uint64_t above)
{
	struct chain_run *c = ctx;
	const struct runner_setup *w = &c->runner->s;

	c->reorgs++;
	for (size_t i = 0; i < c->accounts_n; i++)
		account_retracted(c->runner, c->accounts[i], above);
	for (int i = 0; i < w->blocks_n; i++)
		if (w->blocks[i].turn && w->blocks[i].retracted)
			w->blocks[i].retracted(w->blocks[i].ctx, c, above);
}

static bool told_may_final(void *ctx, const struct block_facts *b)
{
	struct chain_run *c = ctx;

	for (size_t i = 0; i < c->accounts_n; i++)
		if (c->accounts[i]->watch_at < b->accounts_n &&
		    !strangers_read(c->accounts[i], b, c->accounts[i]->watch_at) &&
		    !MUTANT(unread_stranger_final))
			return false;
	return true;
}

static void told_final(void *ctx, const struct block_facts *b)
{
	struct chain_run *c = ctx;
	const struct runner_setup *w = &c->runner->s;

	for (size_t i = 0; i < c->accounts_n; i++)
		if (c->accounts[i]->watch_at < b->accounts_n)
			attempts_final(
			    c->runner, c->accounts[i], b, c->accounts[i]->watch_at);
	for (int i = 0; i < w->blocks_n; i++)
		if (w->blocks[i].turn && w->blocks[i].final)
			w->blocks[i].final(w->blocks[i].ctx, c, b);
}

static void told_passed(void *ctx, uint64_t height)
{
	struct chain_run *c = ctx;
	const struct runner_setup *w = &c->runner->s;

	for (size_t i = 0; i < c->accounts_n; i++)
		attempts_passed(c->runner, c->accounts[i], height);
	for (int i = 0; i < w->blocks_n; i++)
		if (w->blocks[i].turn && w->blocks[i].passed)
			w->blocks[i].passed(w->blocks[i].ctx, c, height);
}

static void told_undone(void *ctx, uint64_t ancestor)
{
	struct chain_run *c = ctx;
	const struct runner_setup *w = &c->runner->s;

	for (size_t i = 0; i < c->accounts_n; i++) {
		account_retracted(c->runner, c->accounts[i], ancestor);
		attempts_undone(c->runner, c->accounts[i], ancestor);
	}
	/* Nobody is told of these blocks again: what had ended in them goes on. */
	for (int i = 0; i < w->blocks_n; i++)
		if (w->blocks[i].undone &&
		    (w->blocks[i].turn || !MUTANT(undone_by_who_follows)))
			w->blocks[i].undone(w->blocks[i].ctx, c, ancestor);
}

struct follower_told watch_told(struct chain_run *c)
{
	return (struct follower_told){ .ctx = c,
		.adopted = told_adopted,
		.retracted = told_retracted,
		.may_final = told_may_final,
		.final = told_final,
		.passed = told_passed,
		.undone = told_undone };
}

/* -- whom it watches ------------------------------------------------------- */

static void token_add(struct account *a, const struct address *token)
{
	for (size_t i = 0; i < a->tokens_n; i++)
		if (address_same(&a->tokens[i].token, token))
			return;
	a->tokens = mem_grow(a->tokens, a->tokens_n + 1, sizeof *a->tokens);
	a->tokens[a->tokens_n++] = (struct token_held){ .token = *token };
}

/* An account of which no final block has told is as one that was never used: what it had
 * used when it was first seen may be in blocks that are not final yet, and move. */
static void count_known(
    const struct chain_run *c, const struct account *a, struct watched *w)
{
	struct head final = { 0 };
	bool back = follower_final(c->follower, &final) && a->final_height > final.height;

	w->has_count = a->has_final_count || a->has_first_nonce;
	w->exact = a->has_final_count && a->final_height == final.height;
	if (a->has_final_count && !back)
		w->count = a->final_count;
	else if (MUTANT(adopted_is_passed))
		w->count = a->first_nonce;
}

void watch_put(struct runner *r, struct chain_run *c)
{
	struct watched *w = NULL;
	uint32_t n = 0;

	for (size_t i = 0; i < c->accounts_n; i++) {
		struct account *a = c->accounts[i];
		struct address token;

		for (size_t k = 0; k < r->operations_n; k++)
			if (r->operations[k]->account == a->id &&
			    r->operations[k]->kind->token(r->operations[k], &token))
				token_add(a, &token);
		a->watch_at = n;
		w = mem_grow(w, n + (a->tokens_n ? a->tokens_n : 1), sizeof *w);
		w[n++] = (struct watched){ .account = a->address,
			.balance = true,
			.token_balance = a->tokens_n > 0,
			.token = a->tokens_n ? a->tokens[0].token
					     : (struct address){ { 0 } } };
		count_known(c, a, &w[n - 1]);
		for (size_t k = 1; k < a->tokens_n; k++)
			w[n++] = (struct watched){ .account = a->address,
				.token_balance = true,
				.token = a->tokens[k].token };
		a->known = false;
	}
	follower_watch(c->follower, w, n);
	mem_free(w);
}
