/* fate_plots.c - acts that belong together, so that rare things meet. */
#include <string.h>

#include "sim/disk/disk.h"
#include "sim/node/vice.h"
#include "sim/story/fate_in.h"
#include "sim/story/story.h"

static void stumbles_draw(struct draw *d)
{
	begin(d, OF_STUMBLES);
	for (uint64_t n = often(d, 60, 3); n; n--)
		ACT_DRAW(d, SIM_STUMBLE, from_to(d, 0, d->fate->lists - 1), 0, 0);
}

/* Where somebody skips rows, or another program uses the key. */
static void mistakes_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;
	size_t n = f->acts_n;

	begin(d, OF_MISTAKES);
	for (size_t i = 0; i < n; i++) {
		struct sim_act act = f->acts[i];

		if (act.kind == SIM_SKIP && hit(d, 400))
			ACT_DRAW(d, SIM_PAY_SKIPPED, act.a,
			    from_to(d, 1, 3 * (int64_t)f->depth) * f->interval_ms, 0);
		else if ((act.kind == SIM_FOREIGN || act.kind == SIM_BY_HAND) &&
		    hit(d, 300))
			ACT_DRAW(d, SIM_MISTAKE, from_to(d, 0, f->lists - 1),
			    from_to(d, 0, f->rows), 0);
	}
}

static void create_at(struct sim_fate *f, int list, int64_t at_ms)
{
	size_t i = 0;

	while (i < f->acts_n && (f->acts[i].kind != SIM_CREATE || f->acts[i].a != list))
		i++;
	if (i == f->acts_n)
		return;
	f->acts_n--;
	memmove(&f->acts[i], &f->acts[i + 1], (f->acts_n - i) * sizeof *f->acts);
	sim_fate_add(
	    f, (struct sim_act){ .at_ms = at_ms, .kind = SIM_CREATE, .a = list });
}

/* A list whose key the copy has never seen. */
static void late_draw(struct draw *d, int64_t still_from_ms)
{
	struct sim_fate *f = d->fate;

	if (f->lists == 1 || !hit(d, 400))
		return;
	f->keys = 2;
	create_at(f, 1, still_from_ms + from_to(d, -2, 1) * f->interval_ms / 2);
}

/* And once more: a copy that was made while its fence was under way. */
static void again_draw(struct draw *d, int64_t from_ms)
{
	struct sim_fate *f = d->fate;
	int64_t at_ms = from_ms + from_to(d, 1, 5) * f->interval_ms;

	if (!hit(d, 300))
		return;
	sim_fate_add(
	    f, (struct sim_act){ .at_ms = at_ms, .kind = SIM_KEEP, .a = SIM_KEEP_FILES });
	at_ms += ((int64_t)f->depth + from_to(d, 3, 9)) * f->interval_ms;
	sim_fate_add(f,
	    (struct sim_act){
		.at_ms = at_ms, .kind = SIM_NO_BLOCKS, .a = 4 * f->interval_ms });
	at_ms += from_to(d, 1, 3) * f->interval_ms;
	sim_fate_add(f, (struct sim_act){ .at_ms = at_ms, .kind = SIM_EVICT, .a = 1000 });
	sim_fate_add(f,
	    (struct sim_act){ .at_ms = at_ms, .kind = SIM_BACK, .a = SIM_BACK_COPIED });
	if (at_ms > d->span_ms)
		d->span_ms = at_ms;
}

/* As many bytes as may be out are, in no block and mostly in no pool, when a journal is
 * put back that knows none of them. */
static void forgotten_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;
	int64_t at_ms, still_ms, end_ms;
	bool copied;

	begin(d, OF_FORGOTTEN);
	if (!hit(d, 50))
		return;
	copied = hit(d, 500);
	if (hit(d, 700))
		f->in_flight = (int)from_to(d, 1, 6);
	at_ms = from_to(d, f->interval_ms, d->span_ms / 2 + f->interval_ms);
	still_ms = from_to(d, 2, 6) * f->interval_ms;
	sim_fate_add(f,
	    (struct sim_act){ .at_ms = at_ms,
		.kind = SIM_KEEP,
		.a = copied ? SIM_KEEP_FILES : SIM_KEEP_BACKUP });
	at_ms += from_to(d, 0, 4) * f->interval_ms;
	late_draw(d, at_ms);
	sim_fate_add(
	    f, (struct sim_act){ .at_ms = at_ms, .kind = SIM_NO_BLOCKS, .a = still_ms });
	end_ms = at_ms + still_ms;
	at_ms += from_to(d, f->interval_ms, still_ms);
	if (hit(d, 600))
		sim_fate_add(
		    f, (struct sim_act){ .at_ms = at_ms, .kind = SIM_EVICT, .a = 1000 });
	if (f->liars && hit(d, 400))
		sim_fate_add(f,
		    (struct sim_act){ .at_ms = at_ms,
			.kind = SIM_VICE,
			.a = SIM_VICE_READS_WRONG,
			.b = f->liars,
			.c = 20 * f->interval_ms });
	sim_fate_add(f,
	    (struct sim_act){ .at_ms = at_ms,
		.kind = SIM_BACK,
		.a = copied ? SIM_BACK_COPIED : SIM_BACK_RESTORED });
	again_draw(d, end_ms);
}

static void besides_draw(struct draw *d)
{
	begin(d, OF_BESIDES);
	for (uint64_t n = often(d, 60, 2); n; n--)
		ACT_DRAW(d, SIM_BESIDE, from_to(d, 0, d->fate->lists - 1),
		    from_to(d, 0, d->fate->rows), hit(d, 500));
}

/* Of a list that has ended nothing is counted, until one of its rows is tried again. */
static void meddlers_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;
	int64_t at_ms;

	begin(d, OF_MEDDLERS);
	if (!hit(d, 30))
		return;
	f->counted = hit(d, 600) ? skewed(d, 40) : 0;
	at_ms = from_to(d, d->span_ms / 4, 2 * d->span_ms);
	sim_fate_add(f,
	    (struct sim_act){ .at_ms = at_ms,
		.kind = SIM_MEDDLE,
		.a = hit(d, 400),
		.b = from_to(d, 0, INT32_MAX) });
	d->span_ms = at_ms > d->span_ms ? at_ms : d->span_ms;
	if (f->token || !hit(d, 700))
		return;
	f->refuse = f->refuse ? f->refuse : 1;
	for (int i = 0; i < f->lists; i++)
		sim_fate_add(f,
		    (struct sim_act){ .at_ms = at_ms + from_to(d, 1, 12) * f->interval_ms,
			.kind = SIM_RETRY,
			.a = i });
}

/* A part of a list comes when it does: somebody waits for it. */
static void handovers_draw(struct draw *d)
{
	begin(d, OF_HANDOVERS);
	for (uint64_t n = often(d, 80, 3); n; n--) {
		int64_t how = from_to(d, SIM_EDIT_UNSEEN, SIM_EDIT_PART);
		int64_t at_ms = how == SIM_EDIT_PART ? 0 : from_to(d, 0, d->span_ms);

		sim_fate_add(d->fate,
		    (struct sim_act){ .at_ms = at_ms,
			.kind = SIM_EDIT,
			.a = from_to(d, 0, d->fate->lists - 1),
			.b = how });
	}
}

/* Somebody has paid some rows before he makes a list of them; the last rows are those
 * that refuse. */
static void past_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;
	int64_t from_ms, list;

	begin(d, OF_PASTS);
	if (!hit(d, 60))
		return;
	from_ms = from_to(d, 0, d->span_ms / 2);
	list = from_to(d, 0, f->lists - 1);
	create_at(f, (int)list, from_ms + from_to(d, 0, 4 * f->interval_ms));
	for (int64_t n = skewed(d, 4); n; n--)
		sim_fate_add(f,
		    (struct sim_act){ .at_ms = from_to(d, 0, from_ms),
			.kind = SIM_BY_HAND,
			.a = list,
			.b = hit(d, 500) ? 2 * f->rows - 1 - from_to(d, 0, f->refuse)
					 : from_to(d, 0, f->rows) });
}

/* It is away for more blocks than are read one by one, and comes back among liars. */
static void absence_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;
	int64_t from_ms, away_ms;

	begin(d, OF_ABSENCES);
	if (!hit(d, 15))
		return;
	from_ms = from_to(d, 0, d->span_ms);
	away_ms = ((int64_t)f->depth + from_to(d, 258, 330)) * f->interval_ms;
	sim_fate_add(
	    f, (struct sim_act){ .at_ms = from_ms, .kind = SIM_STOP, .a = away_ms });
	if (hit(d, 500))
		sim_fate_add(f,
		    (struct sim_act){ .at_ms = from_ms + from_to(d, 1, away_ms),
			.kind = SIM_FOREIGN,
			.a = from_to(d, 0, f->keys - 1) });
	if (f->liars && hit(d, 700))
		sim_fate_add(f,
		    (struct sim_act){ .at_ms = from_ms + away_ms - f->interval_ms,
			.kind = SIM_VICE,
			.a = SIM_VICE_COUNTS,
			.b = f->nodes == SIM_NODES_MAX || hit(d, 500)
			    ? f->liars
			    : (1u << (f->quorum - 1)) - 1,
			.c = 20 * f->interval_ms });
	d->span_ms = from_ms + away_ms + 20 * f->interval_ms;
}

static int64_t created_ms(const struct sim_fate *f, int64_t list)
{
	for (size_t i = 0; i < f->acts_n; i++)
		if (f->acts[i].kind == SIM_CREATE && f->acts[i].a == list)
			return f->acts[i].at_ms;
	return 0;
}

/* And somebody pays a row by hand meanwhile. */
static void leaving_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_LEAVING);
	for (uint64_t n = often(d, 60, 2); n; n--) {
		int64_t list = from_to(d, 0, f->lists - 1), at_ms = created_ms(f, list);
		int64_t ms = from_to(d, 1, 20) * f->interval_ms;
		int64_t paid_ms = at_ms + from_to(d, 0, ms);

		sim_fate_add(f,
		    (struct sim_act){
			.at_ms = at_ms, .kind = SIM_LEAVE, .a = list, .b = ms });
		if (hit(d, 500))
			sim_fate_add(f,
			    (struct sim_act){
				.at_ms = paid_ms < d->span_ms ? paid_ms : d->span_ms,
				.kind = SIM_BY_HAND,
				.a = list,
				.b = from_to(d, 0, f->rows) });
	}
}

/* What would happen far apart happens within two blocks. */
static void meetings_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_MEETINGS);
	for (uint64_t n = often(d, 300, 6); n && f->acts_n; n--) {
		size_t at = (size_t)from_to(d, 0, (int64_t)f->acts_n - 1);
		int64_t ms = f->acts[sim_random_below(&d->dice, f->acts_n)].at_ms;
		struct sim_act act = f->acts[at];

		if (!sim_act_is_fault(&act))
			continue;
		f->acts_n--;
		memmove(
		    &f->acts[at], &f->acts[at + 1], (f->acts_n - at) * sizeof *f->acts);
		act.at_ms = ms + from_to(d, 0, 2 * f->interval_ms);
		if (act.at_ms > d->span_ms)
			act.at_ms = d->span_ms;
		sim_fate_add(f, act);
	}
}

void fate_plots(struct draw *d)
{
	forgotten_draw(d);
	besides_draw(d);
	handovers_draw(d);
	meddlers_draw(d);
	past_draw(d);
	absence_draw(d);
	mistakes_draw(d);
	stumbles_draw(d);
}

void fate_meetings(struct draw *d)
{
	leaving_draw(d);
	meetings_draw(d);
}
