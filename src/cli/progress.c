#include "cli/progress.h"

#define BAR_MS 250
#define LINE_MS 1000

/* What it waits for: the operation's own word, else its chain's. */
static const char *waits_for(const struct runner *r, const struct operation *o)
{
	if (o && o->waits_for[0])
		return o->waits_for;
	for (int i = 0; i < r->s.chains_n; i++) {
		const struct chain_run *c = &r->chains[i];
		const char *why = follower_waits_for(c->follower);

		if (why && (!o || c->id == o->chain))
			return why;
	}
	return o ? NULL : "the nodes to answer";
}

void progress_tell(
    struct progress *p, const struct runner *r, const struct operation *o, int64_t now_ms)
{
	struct progress_facts facts = { .what = "starting",
		.total = 1,
		.unknown = r->unknown > 0 ? r->unknown : 0,
		.waits = waits_for(r, o) };

	if (o) {
		facts.what = state_name(MACHINE_OPERATION, o->state);
		facts.total = o->items;
		facts.done = o->by_state[ITEM_FINAL].n + o->by_state[ITEM_VOID].n +
		    o->by_state[ITEM_REFUNDED].n;
	}
	progress_show(p, &facts, now_ms);
}

int64_t progress_pause_ms(const struct progress *p)
{
	if (!p->out)
		return INT64_MAX;
	return p->drawn_over ? BAR_MS : LINE_MS;
}
