#include "serve/watch/standing.h"

#include <stdio.h>
#include <string.h>

/* What it waits for: its chain, if that is silent, else its own word. */
static const char *waits_for(const struct runner *r, const struct operation *o)
{
	for (int i = 0; i < r->s.chains_n; i++) {
		const struct chain_run *c = &r->chains[i];
		const char *why = follower_waits_for(c->follower);

		if (why && (!c->id || c->id == o->chain))
			return why;
	}
	return o->waits_for;
}

void standing_of(const struct runner *r, const struct operation *o, struct standing *ret)
{
	const struct totals *t = o->by_state;

	memset(ret, 0, sizeof *ret);
	ret->done = t[ITEM_FINAL].n + t[ITEM_VOID].n + t[ITEM_REFUNDED].n;
	ret->total = o->items;
	ret->void_n = t[ITEM_VOID].n;
	ret->unknown = r->unknown > 0 ? r->unknown : 0;
	snprintf(
	    ret->state, sizeof ret->state, "%s", state_name(MACHINE_OPERATION, o->state));
	snprintf(ret->waits, sizeof ret->waits, "%s", waits_for(r, o));
}
