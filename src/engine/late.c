#include "engine/late.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/doubt.h"
#include "engine/quorum.h"
#include "journal/journal.h"

/* -- what the pools show ---------------------------------------------------- */

struct pool_look {
	struct fact fact;
	struct runner *runner;
	struct chain_run *chain;
	int64_t account;
	int node;
	enum err err;
	enum pool_shows shows;
};

/* One node that shows something is enough, and one that hides something: its word costs
 * a fence at most. */
static void look_take(struct runner *r, struct fact *f)
{
	struct pool_look *q = (struct pool_look *)f;
	struct account *a = account_of(r, q->account);

	CHECK(a);
	a->late.busy = false;
	r->again = true;
	if (q->err && q->err != ERR_NODE_REFUSED)
		return;
	a->late.said |= 1u << q->node;
	a->late.shown |= !q->err && q->shows == POOL_SOMETHING;
	a->late.hidden |=
	    (q->err || q->shows == POOL_HIDDEN) && !MUTANT(hidden_pool_is_empty);
}

static void look_done(void *ctx, struct pool_answer *answer)
{
	struct pool_look *q = ctx;
	struct fail f;

	q->err = answer->err;
	if (!q->err)
		q->err = q->chain->connector->pool_read(
		    &q->shows, answer->answer, answer->len, &f);
	runner_fact(q->runner, &q->fact);
}

static void look(struct runner *r, struct account *a, int node)
{
	struct pool_look *q = mem_new(sizeof *q);
	struct buf body;

	*q = (struct pool_look){ .fact = { .take = look_take },
		.runner = r,
		.chain = a->chain,
		.account = a->id,
		.node = node };
	a->late.busy = true;
	a->late.asked |= 1u << node;
	buf_init(&body, 4096);
	a->chain->connector->pool(&body, &a->address);
	runner_ask(r, a->chain, node, &body, false, look_done, q);
}

/* Each node that answers has said what it shows, a quorum at least. */
static bool pools_looked(struct runner *r, struct account *a)
{
	int64_t at_ms;
	int node;

	if (a->late.busy)
		return false;
	node = quorum_next(a->chain, a->late.asked, &at_ms);
	if (node >= 0) {
		look(r, a, node);
		return false;
	}
	if (follower_quorum(a->chain->follower, a->late.said))
		return true;
	a->late.asked = 0;
	runner_wake_at(r, at_ms);
	return false;
}

/* -- the judgement ------------------------------------------------------------ */

bool late_judged(struct runner *r, struct account *a)
{
	const char *older = a->doubt[0] ? NULL : journal_older(r->s.journal);
	char why[WAITS_MAX];

	if (!older || MUTANT(later_not_doubted))
		return true;
	if (!a->count && !pools_looked(r, a))
		return false;
	snprintf(why, sizeof why,
	    "it is used first%s, and the journal may be older: %.250s",
	    a->count || a->late.shown ? "" : ", a node's pool is hidden", older);
	if (a->count || a->late.shown || a->late.hidden)
		account_doubt(r, a, why);
	return true;
}
