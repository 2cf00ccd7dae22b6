#include "cli/progress.h"

#define BAR_MS 250
#define LINE_MS 1000

/* What it waits for: its chain, if that is silent, else its own word. */
static const char *waits_for(const struct runner *r, const struct operation *o)
{
	for (int i = 0; i < r->s.chains_n; i++) {
		const struct chain_run *c = &r->chains[i];
		const char *why = follower_waits_for(c->follower);

		if (why && (!c->id || c->id == o->chain))
			return why;
	}
	return o->waits_for[0] ? o->waits_for : NULL;
}

void progress_tell(
    struct progress *p, const struct runner *r, const struct operation *o, int64_t now_ms)
{
	const struct totals *t = o->by_state;
	struct progress_facts facts = { .what = state_name(MACHINE_OPERATION, o->state),
		.done = t[ITEM_FINAL].n + t[ITEM_VOID].n + t[ITEM_REFUNDED].n,
		.total = o->items,
		.void_n = t[ITEM_VOID].n,
		.unknown = r->unknown > 0 ? r->unknown : 0,
		.waits = waits_for(r, o) };

	progress_show(p, &facts, now_ms);
}

int64_t progress_pause_ms(const struct progress *p)
{
	if (!p->out)
		return INT64_MAX;
	return p->drawn_over ? BAR_MS : LINE_MS;
}
