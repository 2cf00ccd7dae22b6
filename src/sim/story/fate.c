#include "sim/story/fate.h"

#include <string.h>

#include "sim/story/fate_in.h"

/* In blocks: about as long as it takes to pay all when nothing happens, twice. */
static int64_t work_blocks(const struct sim_fate *f)
{
	int64_t a_block = (int64_t)(f->gas_limit / 65000);

	if (a_block > f->in_flight)
		a_block = f->in_flight;
	return 2 * (f->rows * f->lists / a_block + (int64_t)f->depth + 3);
}

void sim_fate_draw(struct sim_fate *ret, uint64_t seed, int days)
{
	struct draw d = { .fate = ret, .times = 1 };

	memset(ret, 0, sizeof *ret);
	ret->seed = seed;
	fate_world(&d);
	d.span_ms = work_blocks(ret) * ret->interval_ms;
	if (days) {
		ret->lists = SIM_LISTS_MAX;
		ret->interval_ms = 12000;
		ret->poll_ms = 6000;
		d.span_ms = days * DAY_MS;
		d.times = 4 * (uint64_t)days;
	}
	fate_acts(&d);
	fate_plots(&d);
	ret->calm_ms = d.span_ms + from_to(&d, 0, 10) * ret->interval_ms;
	fate_meetings(&d);
	for (size_t i = 0; i < ret->acts_n; i++)
		ret->acts[i].number = (uint32_t)i + 1;
	fate_subscribers(&d);
	fate_switches(&d);
	fate_chats(&d);
	fate_archives(&d);
	fate_alone(&d);
	fate_paces(&d);
}
