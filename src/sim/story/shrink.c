#include "sim/story/shrink.h"

#include <string.h>

#include "base/mem.h"

static uint32_t last_number(const struct sim_fate *f)
{
	uint32_t last = 0;

	for (size_t i = 0; i < f->acts_n; i++)
		last = f->acts[i].number > last ? f->acts[i].number : last;
	return last;
}

/* Without `n` of its acts from the at-th on: is it wrong still? Then it is the story. */
static bool wrong_without(struct sim_story *s, struct sim_fate *fate, size_t at, size_t n)
{
	uint32_t last = last_number(fate);
	bool *keep = mem_array((size_t)last + 1, sizeof *keep), wrong = false;
	struct sim_fate less;
	size_t left = 0;

	for (size_t i = 0; i < fate->acts_n; i++) {
		bool out = i >= at && i < at + n && sim_act_is_fault(&fate->acts[i]);

		keep[fate->acts[i].number] = !out;
		left += out;
	}
	sim_fate_copy(&less, fate);
	sim_fate_keep(&less, keep);
	if (left)
		wrong = !sim_story_tell(s, &less, NULL);
	if (wrong) {
		sim_fate_release(fate);
		*fate = less;
	} else {
		sim_fate_release(&less);
	}
	mem_free(keep);
	return wrong;
}

void sim_shrink(struct sim_story *s, struct sim_fate *fate, int tells)
{
	for (size_t n = fate->acts_n; n > 0; n /= 2)
		for (size_t at = 0; at < fate->acts_n && tells > 0; tells--)
			if (!wrong_without(s, fate, at, n))
				at += n;
}
