/* fate_subscribers.c - who hears of lists, and what receivers do meanwhile. Only some
 * stories have any; what happens to the others, and to the chain, is as without them. */
#include "base/mem.h"
#include "sim/disk/disk.h"
#include "sim/story/fate_in.h"
#include "sim/story/story.h"

#define SAID_MAX 2000 /* bytes; pawl tell takes no more than some */
#define STUCK_MS (3600 * 1000ll)

static void add(struct draw *d, struct sim_act act)
{
	struct sim_fate *f = d->fate;

	act.number = (uint32_t)f->acts_n + 1;
	sim_fate_add(f, act);
}

/* Receivers are those from the first on. */
static void subscriptions_draw(struct draw *d, int64_t first, int64_t receivers)
{
	struct sim_fate *f = d->fate;

	for (int64_t i = 0; i < f->lists; i++)
		for (int64_t k = 0; k < receivers; k++)
			if (k == i % receivers || hit(d, 500))
				add(d,
				    (struct sim_act){ .at_ms = hit(d, 600)
					    ? 0
					    : from_to(d, 0, d->span_ms),
					.kind = SIM_SUBSCRIBE,
					.a = i,
					.b = first + k });
}

static void receivers_draw(struct draw *d, int64_t first, int64_t receivers)
{
	struct sim_fate *f = d->fate;

	for (int64_t k = 0; k < receivers; k++)
		if (hit(d, 500))
			add(d,
			    (struct sim_act){ .kind = SIM_RECEIVER,
				.a = first + k,
				.b = SIM_RECEIVES_ANY });
	for (uint64_t n = often(d, 800, 12); n; n--) {
		struct sim_act act = { .kind = SIM_RECEIVER };

		act.at_ms = from_to(d, 0, d->span_ms);
		act.a = first + from_to(d, 0, receivers - 1);
		act.b = from_to(d, SIM_RECEIVES_ANY, SIM_RECEIVES_GONE);
		act.c = from_to(d, 1, 15) * f->interval_ms;
		add(d, act);
	}
}

/* It dies about when something is sent. */
static void deaths_draw(struct draw *d, int64_t at_ms)
{
	static const enum sim_act_kind by[] = { SIM_DIE_OP, SIM_DIE_POINT,
		SIM_DIE_EVENT };
	int64_t kind = from_to(d, 0, 2);
	struct sim_act act = { .kind = by[kind] };

	act.at_ms = at_ms + from_to(d, 0, 2000);
	act.a = skewed(d, kind == 0 ? 30 : 12);
	act.b = hit(d, 400) ? from_to(d, 1, 1 + SIM_LOSE_ALL) : 0;
	add(d, act);
}

static void sayings_draw(struct draw *d)
{
	for (uint64_t n = often(d, 700, 8); n; n--) {
		int64_t at_ms = from_to(d, 0, d->span_ms);

		add(d, (struct sim_act){ .at_ms = at_ms, .kind = SIM_SAY });
		if (hit(d, 300))
			deaths_draw(d, at_ms);
	}
}

static void tracks_draw(struct draw *d, int64_t first, int64_t receivers)
{
	if (!hit(d, 400))
		return;
	for (int64_t n = skewed(d, 8); n; n--) {
		struct sim_act act = { .kind = SIM_TRACK };

		act.at_ms = from_to(d, 0, d->span_ms);
		act.a = first + from_to(d, 0, receivers - 1);
		act.b = hit(d, 100) ? 2 : hit(d, 500);
		act.c = from_to(d, 0, INT32_MAX);
		add(d, act);
	}
}

/* What is followed is taken back soon, or has a rival. */
static void followed_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_FOLLOWED);
	for (size_t i = 0, n = f->acts_n; i < n; i++) {
		struct sim_act act = { .kind = SIM_REORG, .at_ms = f->acts[i].at_ms };

		if (f->acts[i].kind != SIM_TRACK || !hit(d, 500))
			continue;
		act.at_ms += from_to(d, 0, 4 * f->interval_ms);
		act.a = from_to(d, 1, (int64_t)f->depth);
		act.b = hit(d, 600);
		if (hit(d, 250)) {
			act.kind = SIM_FOREIGN;
			act.a = from_to(d, 0, f->keys - 1);
			act.b = 1;
		}
		add(d, act);
		n++; /* it comes behind this one */
	}
}

/* Whoever looks into pools by filters finds nothing there. */
static void filters_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_FILTERS);
	for (uint64_t n = often(d, 300, 3); n; n--)
		ACT_DRAW(d, SIM_VICE, SIM_VICE_FILTERS,
		    from_to(d, 1, (1 << f->nodes) - 1),
		    from_to(d, 1, 20) * f->interval_ms);
}

/* What was told to have ended goes on. */
static void retractions_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;
	struct sim_act act = { .kind = SIM_REORG };

	if (!hit(d, 80))
		return;
	act.at_ms = from_to(d, d->span_ms / 3, d->span_ms);
	act.a = (int64_t)f->depth + from_to(d, 1, 30);
	act.b = hit(d, 700);
	add(d, act);
}

void fate_subscribers(struct draw *d)
{
	int64_t receivers;

	begin(d, OF_SUBSCRIBERS);
	if (!hit(d, 250))
		return;
	receivers = from_to(d, 1, SIM_RECEIVERS_MAX);
	d->fate->stuck_ms =
	    hit(d, 300) ? from_to(d, 3, 30) * d->fate->interval_ms : STUCK_MS;
	subscriptions_draw(d, 0, receivers);
	receivers_draw(d, 0, receivers);
	sayings_draw(d);
	retractions_draw(d);
	tracks_draw(d, 0, receivers);
	followed_draw(d);
	filters_draw(d);
}

/* Much is said while a chat can't be reached, and becomes due at once. */
static void outage_draw(struct draw *d, int64_t chat)
{
	static const enum sim_receives how[] = { SIM_RECEIVES_DOWN, SIM_RECEIVES_BUSY,
		SIM_RECEIVES_HANGS, SIM_RECEIVES_GONE, SIM_RECEIVES_LOSES };
	struct sim_act act = { .kind = SIM_RECEIVER, .a = chat };

	act.at_ms = from_to(d, 0, d->span_ms / 2);
	act.b = (int64_t)how[from_to(d, 0, sizeof how / sizeof *how - 1)];
	act.c = from_to(d, 10, 60) * d->fate->interval_ms;
	add(d, act);
	for (int64_t n = from_to(d, 2, 12); n; n--)
		add(d,
		    (struct sim_act){ .at_ms = from_to(d, act.at_ms, act.at_ms + act.c),
			.kind = SIM_SAY });
	if (hit(d, 500))
		deaths_draw(d, act.at_ms + act.c);
}

static bool is_heard(const struct sim_fate *f)
{
	for (size_t i = 0; i < f->acts_n; i++)
		if (f->acts[i].kind == SIM_SUBSCRIBE)
			return true;
	return false;
}

void fate_chats(struct draw *d)
{
	int64_t chats;

	begin(d, OF_CHATS);
	if (!is_heard(d->fate) || !hit(d, 400))
		return;
	chats = from_to(d, 1, SIM_CHATS);
	subscriptions_draw(d, SIM_WEBHOOKS, chats);
	receivers_draw(d, SIM_WEBHOOKS, chats);
	if (hit(d, 400))
		outage_draw(d, SIM_WEBHOOKS + from_to(d, 0, chats - 1));
	tracks_draw(d, SIM_WEBHOOKS, chats);
}

/* Each at its own pace, for a while. */
static void speeds_draw(struct draw *d, uint32_t receivers)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_SPEEDS);
	if (!hit(d, 300))
		return;
	for (int64_t k = 0; k < SIM_RECEIVERS_MAX; k++) {
		struct sim_act act = {
			.kind = SIM_RECEIVER, .a = k, .b = SIM_RECEIVES_SLOW
		};

		if (!(receivers >> k & 1) || !hit(d, 500))
			continue;
		act.at_ms = from_to(d, 0, d->span_ms / 2);
		act.c = from_to(d, 5, 60) * f->interval_ms;
		add(d, act);
	}
}

static void lengths_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_LENGTHS);
	for (size_t i = 0; i < f->acts_n; i++)
		if (f->acts[i].kind == SIM_SAY && hit(d, 150))
			f->acts[i].a = from_to(d, 100, SAID_MAX);
}

void fate_paces(struct draw *d)
{
	uint32_t receivers = 0;

	for (size_t i = 0; i < d->fate->acts_n; i++)
		if (d->fate->acts[i].kind == SIM_SUBSCRIBE)
			receivers |= 1u << d->fate->acts[i].b;
	if (!receivers)
		return;
	speeds_draw(d, receivers);
	lengths_draw(d);
}

/* Their numbers are behind those of all others. */
bool sim_fate_unheard(struct sim_fate *f)
{
	bool *keep = mem_array(f->acts_n + 1, sizeof *keep);
	uint32_t first = UINT32_MAX;

	for (size_t i = 0; i < f->acts_n; i++)
		if (f->acts[i].kind == SIM_SUBSCRIBE && f->acts[i].number < first)
			first = f->acts[i].number;
	for (size_t i = 0; i <= f->acts_n; i++)
		keep[i] = i < first;
	for (size_t i = 0; i < f->acts_n; i++)
		if (f->acts[i].kind == SIM_SWITCH || f->acts[i].kind == SIM_ALONE)
			keep[f->acts[i].number] = true;
	sim_fate_keep(f, keep);
	mem_free(keep);
	return first < UINT32_MAX;
}
