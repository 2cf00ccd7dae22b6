/* await.c - turns are taken until the nodes have said what a command needs first. */
#include "cli/ask/ask.h"
#include "cli/owner/loop.h"
#include "engine/account.h"
#include "engine/past.h"

#include <stdio.h>
#include <string.h>

/* What arrives ends a wait before. */
#define LOOK_MS 1000

/* instead: what it waits for, where the follower does not say. */
static enum err out_of_patience(
    const struct chain_run *c, const char *instead, const char *not_done, struct fail *f)
{
	const char *waits_for = follower_waits_for(c->follower);

	return fail_set(f, ERR_NO_QUORUM,
	    "%s (for %d s; nothing was %s); see: pawl doctor",
	    waits_for ? waits_for : instead, ASK_PATIENCE_MS / 1000, not_done);
}

enum err loop_chain(struct loop *l, int64_t *ret, struct fail *f)
{
	int64_t until_ms = world_now_ms(l->world) + ASK_PATIENCE_MS;

	for (;;) {
		const struct chain_run *c;
		enum err e = loop_step(l, LOOK_MS, f);

		if (e != ERR_OK)
			return e;
		c = &l->runner->chains[0];
		*ret = c->id;
		if (*ret)
			return ERR_OK;
		if (world_now_ms(l->world) >= until_ms)
			return out_of_patience(
			    c, "the nodes do not answer", "journaled", f);
	}
}

/* What is told of it, when it is another sentence than before. */
static bool past_told(struct loop *l, const struct account *a, char *said, size_t size)
{
	const char *says = past_says(a);

	if (!strcmp(said, says))
		return false;
	if (!said[0])
		cli_say(l->cli,
		    "The account was used before: the last %d blocks are read.",
		    a->chain->config->lookback);
	snprintf(said, size, "%s", says);
	return true;
}

enum err loop_past(struct loop *l, int64_t account, uint64_t *ret_unread, struct fail *f)
{
	int64_t until_ms = world_now_ms(l->world) + ASK_PATIENCE_MS;
	char said[160] = "";

	for (;;) {
		struct chain_run *c;
		struct account *a;
		enum err e = loop_step(l, LOOK_MS, f);

		if (e != ERR_OK)
			return e;
		c = &l->runner->chains[0];
		a = c->id ? account_begin(l->runner, c, account) : NULL;
		if (a && past_read(a)) {
			*ret_unread = past_unread(l->journal, a->id);
			return ERR_OK;
		}
		if (a && a->past && past_told(l, a, said, sizeof said))
			until_ms = world_now_ms(l->world) + ASK_PATIENCE_MS;
		if (world_now_ms(l->world) >= until_ms)
			return out_of_patience(
			    c, "the past of the account can't be read", "sent", f);
	}
}
