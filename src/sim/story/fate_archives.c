/* fate_archives.c - how long what ended stays in the journal. */
#include "sim/story/fate_in.h"

#define LISTS_MOST 6 /* a file for each, and for the fences of their accounts */

/* As many final blocks as ever vanish: no resume goes further back. */
static int64_t undone(const struct sim_fate *f)
{
	int64_t blocks = 0;

	for (size_t i = 0; i < f->acts_n; i++) {
		const struct sim_act *a = &f->acts[i];

		if ((a->kind == SIM_REORG || a->kind == SIM_ASTRAY) &&
		    a->a > (int64_t)f->depth)
			blocks += a->a - (int64_t)f->depth;
	}
	return blocks;
}

void fate_archives(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_ARCHIVES);
	if (f->lists > LISTS_MOST || !hit(d, 80))
		return;
	f->keep_ms = from_to(d, 1, from_to(d, 1, 30)) * f->interval_ms;
	f->archive_depth = undone(f) + from_to(d, 1, 6);
}
