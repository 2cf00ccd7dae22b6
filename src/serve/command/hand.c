#include "serve/command/hand.h"

#include "base/check.h"
#include "engine/account.h"
#include "engine/operation.h"

#define NOBODY (-1) /* an operation that there is not: none is moved on */

static enum err runner_find(struct hand *h, const struct command_at *at,
    const struct operation *read, struct fail *f)
{
	const struct chain_config *chain;
	enum err e;

	h->runner = at->runner;
	if (h->runner && runner_chain_by_id(h->runner, read->chain))
		return ERR_OK;
	e = at->face->chain(at->face->ctx, at->journal, read->chain, &chain, f);
	if (e != ERR_OK)
		return e;
	h->own = true;
	h->owner = at->runner;
	h->runner = runner_new(&(struct runner_setup){ .world = at->world,
	    .journal = at->journal,
	    .chains = chain,
	    .chains_n = 1,
	    .keys = command_no_keys,
	    .kinds = at->face->kinds,
	    .kinds_n = at->face->kinds_n,
	    .only_operation = NOBODY });
	h->runner->chains[0].id = read->chain;
	return ERR_OK;
}

enum err hand_take(struct hand *h, const struct command_at *at,
    const struct operation *read, struct fail *f)
{
	enum err e = runner_find(h, at, read, f);

	if (e != ERR_OK)
		return e;
	h->operation = operation_load(h->runner, read->id);
	if (!h->operation)
		return fail_set(
		    f, ERR_DAMAGED, "operation %s can't be loaded", read->name);
	h->before = *h->operation;
	h->account = account_of(h->runner, read->account);
	CHECK(h->account);
	return ERR_OK;
}

/* The owner's runner puts what changed at the end of its turn. */
void hand_release(struct hand *h, bool good)
{
	if (!good && h->operation)
		*h->operation = h->before;
	if (!h->own)
		return;
	if (h->operation)
		operation_put(h->runner, h->operation);
	runner_free(h->runner);
	if (h->owner)
		operations_elsewhere(h->owner);
}
