#include "cli/owner/progress.h"

#include <string.h>

#include "engine/states.h"

#define BAR_MS 250
#define LINE_MS 1000

void progress_tell(struct progress *p, const struct standing *s, int64_t now_ms)
{
	const char *cancelling = state_name(MACHINE_OPERATION, OPERATION_CANCELLING);
	struct progress_facts facts = { .what = s->state,
		.done = s->done,
		.total = s->total,
		.void_n = s->void_n,
		.unknown = s->unknown,
		.waits = s->waits[0] ? s->waits : NULL,
		.cancelled = strcmp(s->state, cancelling) == 0 };

	progress_show(p, &facts, now_ms);
}

int64_t progress_pause_ms(const struct progress *p)
{
	if (!p->out)
		return INT64_MAX;
	return p->drawn_over ? BAR_MS : LINE_MS;
}
