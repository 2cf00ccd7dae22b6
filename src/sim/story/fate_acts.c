/* fate_acts.c - acts of one kind, as often as it comes. */
#include "sim/disk/disk.h"
#include "sim/node/fault.h"
#include "sim/node/vice.h"
#include "sim/story/fate_in.h"
#include "sim/story/story.h"

void act_draw(struct draw *d, enum sim_act_kind kind, int64_t a, int64_t b, int64_t c)
{
	sim_fate_add(d->fate,
	    (struct sim_act){ .at_ms = from_to(d, 0, d->span_ms),
		.kind = kind,
		.a = a,
		.b = b,
		.c = c });
}

static void deaths_draw(struct draw *d)
{
	static const enum sim_act_kind by[] = { SIM_DIE_OP, SIM_DIE_POINT,
		SIM_DIE_EVENT };
	bool power;

	begin(d, OF_DEATHS);
	power = hit(d, 600);
	for (uint64_t n = often(d, 900, 14); n; n--) {
		int64_t kind = from_to(d, 0, 2);

		ACT_DRAW(d, by[kind], skewed(d, kind == 0 ? 60 : 20),
		    power && hit(d, 500) ? from_to(d, 1, 1 + SIM_LOSE_ALL) : 0, 0);
	}
	for (uint64_t n = often(d, 150, 3); n; n--)
		ACT_DRAW(d, SIM_STOP, 0, 0, 0);
}

static void disk_draw(struct draw *d)
{
	begin(d, OF_DISK);
	for (uint64_t n = often(d, 200, 3); n; n--)
		ACT_DRAW(d, SIM_SYNC_FAILS, skewed(d, 6), 0, 0);
	for (uint64_t n = often(d, 100, 2); n; n--)
		ACT_DRAW(d, SIM_DISK_FULL, from_to(d, 0, 60000),
		    from_to(d, 1, 20) * d->fate->interval_ms, 0);
}

/* Sooner or later after a start: what was read once is remembered. */
static void reads_draw(struct draw *d)
{
	begin(d, OF_READS);
	for (uint64_t n = often(d, 120, 3); n; n--)
		ACT_DRAW(d, SIM_READ_FAILS, skewed(d, 60), skewed(d, 12), 0);
}

static void flips_draw(struct draw *d)
{
	begin(d, OF_FLIPS);
	for (uint64_t n = often(d, 30, 2); n; n--)
		ACT_DRAW(d, SIM_FLIP, hit(d, 300), from_to(d, 0, INT32_MAX), 0);
}

static void processes_draw(struct draw *d)
{
	int64_t interval_ms = d->fate->interval_ms;

	begin(d, OF_PROCESSES);
	for (uint64_t n = often(d, 150, 3); n; n--)
		ACT_DRAW(d, SIM_DIE_AGAIN, skewed(d, 12), skewed(d, 60),
		    hit(d, 300) ? 1000 : from_to(d, 0, 1000));
	for (uint64_t n = often(d, 120, 3); n; n--)
		ACT_DRAW(d, SIM_SECOND, from_to(d, 1, 40) * interval_ms, 0, 0);
	for (uint64_t n = often(d, 150, 3); n; n--)
		ACT_DRAW(d, SIM_STAND, skewed(d, 40), from_to(d, 1, 20) * interval_ms,
		    hit(d, 600));
}

/* One act, and later another one. */
static void pair_draw(struct draw *d, struct sim_act first, struct sim_act then)
{
	int64_t a_ms = from_to(d, 0, d->span_ms), b_ms = from_to(d, 0, d->span_ms);

	first.at_ms = a_ms < b_ms ? a_ms : b_ms;
	then.at_ms = a_ms < b_ms ? b_ms : a_ms;
	sim_fate_add(d->fate, first);
	sim_fate_add(d->fate, then);
}

/* What is put back was kept before. */
static void back_draw(struct draw *d, enum sim_keep what, enum sim_back how)
{
	pair_draw(d, (struct sim_act){ .kind = SIM_KEEP, .a = what },
	    (struct sim_act){ .kind = SIM_BACK, .a = how });
}

/* What people do besides: they pay by hand, edit, repair. */
static void hands_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;
	int64_t lists = f->lists - 1;

	begin(d, OF_HANDS);
	f->run = hit(d, 200);
	for (uint64_t n = often(d, 120, 3); n; n--)
		ACT_DRAW(d, SIM_BY_HAND, from_to(d, 0, lists), from_to(d, 0, f->rows),
		    hit(d, 300));
	for (uint64_t n = often(d, 60, 2); n; n--) {
		int64_t key = from_to(d, 0, f->keys - 1);

		pair_draw(d, (struct sim_act){ .kind = SIM_DRAIN, .a = key },
		    (struct sim_act){ .kind = SIM_FUND, .a = key });
	}
	for (uint64_t n = often(d, 100, 2); n; n--)
		ACT_DRAW(d, SIM_EDIT, from_to(d, 0, lists), from_to(d, 1, 3), 0);
	for (uint64_t n = often(d, 80, 2); n; n--)
		ACT_DRAW(d, SIM_RETRY, from_to(d, 0, lists), from_to(d, 1, f->rows),
		    hit(d, 300));
	for (uint64_t n = often(d, 80, 3); n; n--)
		ACT_DRAW(d, SIM_SKIP, from_to(d, 0, lists), from_to(d, 0, f->rows), 0);
	for (uint64_t n = often(d, 80, 3); n; n--)
		ACT_DRAW(d, SIM_RELEASE, 0, 0, 0);
}

static void copies_draw(struct draw *d)
{
	static const enum sim_keep kept[SIM_BACKS] = {
		[SIM_BACK_RESTORED] = SIM_KEEP_BACKUP,
		[SIM_BACK_MACHINE] = SIM_KEEP_MACHINE,
	};

	begin(d, OF_COPIES);
	for (uint64_t n = often(d, 100, 2); n; n--) {
		int64_t how = from_to(d, 0, SIM_BACK_MACHINE);

		back_draw(d, kept[how], (enum sim_back)how);
	}
	for (uint64_t n = often(d, 80, 2); n; n--)
		ACT_DRAW(d, SIM_KEEP, from_to(d, 0, SIM_KEEPS - 1), 0, 0);
	if (hit(d, 30))
		ACT_DRAW(d, SIM_TWIN, from_to(d, 1, 40) * d->fate->interval_ms,
		    hit(d, 500), 0);
}

/* What people do to the files of a journal with their tools. */
static void files_draw(struct draw *d)
{
	begin(d, OF_FILES);
	for (uint64_t n = often(d, 40, 2); n; n--)
		back_draw(d, SIM_KEEP_FILES, SIM_BACK_BENEATH);
	for (uint64_t n = often(d, 20, 2); n; n--)
		back_draw(d, SIM_KEEP_BACKUP, SIM_BACK_OVER);
	for (uint64_t n = often(d, 20, 2); n; n--)
		back_draw(d, SIM_KEEP_BACKUP, SIM_BACK_EMPTY_WAL);
}

/* Who is robbed while it stands still may have lost only that by which it owns. */
static void locks_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_LOCKS);
	for (size_t i = 0; i < f->acts_n; i++)
		if (f->acts[i].kind == SIM_STAND && f->acts[i].c && hit(d, 400))
			f->acts[i].c = SIM_ROBBED_LOCK;
}

/* A final block vanishes. */
static void undone_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_UNDONE);
	for (uint64_t n = often(d, 30, 2); n; n--)
		ACT_DRAW(d, SIM_REORG, (int64_t)f->depth + skewed(d, 8), hit(d, 700), 0);
}

/* What had moved a payload to another nonce vanishes with its final block. */
static void contests_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_CONTESTS);
	for (size_t i = 0, n = f->acts_n; i < n; i++) {
		struct sim_act undone = f->acts[i];
		int64_t at_ms = undone.at_ms -
		    (undone.a - from_to(d, 0, undone.a / 2)) * f->interval_ms;

		if (undone.kind != SIM_REORG || undone.a <= (int64_t)f->depth ||
		    at_ms < 0 || !hit(d, 700))
			continue;
		sim_fate_add(f,
		    (struct sim_act){ .at_ms = at_ms,
			.kind = SIM_FOREIGN,
			.a = from_to(d, 0, f->keys - 1),
			.b = 1 });
		i++;
		n++;
	}
}

static void chain_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_CHAIN);
	for (uint64_t n = often(d, 800, 10); n; n--)
		ACT_DRAW(d, SIM_REORG, from_to(d, 1, (int64_t)f->depth), hit(d, 700), 0);
	for (uint64_t n = often(d, 250, 3); n; n--)
		ACT_DRAW(d, SIM_EVICT, hit(d, 300) ? 1000 : from_to(d, 1, 999), 0, 0);
	for (uint64_t n = often(d, 300, 2); n; n--)
		ACT_DRAW(d, SIM_SPIKE, skewed(d, 200), from_to(d, 1, 10), 0);
	for (uint64_t n = often(d, 100, 2); n; n--)
		ACT_DRAW(d, SIM_NO_BLOCKS, from_to(d, 1, 30) * f->interval_ms, 0, 0);
}

static void net_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;
	bool bad;

	begin(d, OF_NET);
	bad = hit(d, 700);
	for (int k = 1; k < SIM_FAULT_COUNT; k++) {
		if (bad && hit(d, 400))
			sim_fate_add(f,
			    (struct sim_act){
				.kind = SIM_NET, .a = k, .b = skewed(d, 80) });
		for (uint64_t n = often(d, 80, 2); n; n--)
			ACT_DRAW(d, SIM_NET, k, from_to(d, 100, 1000),
			    from_to(d, 1, 15) * f->interval_ms);
	}
}

static void vices_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;
	uint32_t all = (1u << f->nodes) - 1;

	begin(d, OF_VICES);
	f->apart = f->nodes > 1 && hit(d, 300);
	/* who invents headers does it for ever: liars_draw; lists_draw has the last */
	for (int k = 0; k < SIM_VICE_INVENTS; k++)
		for (uint64_t n = often(d, 50, 3); n; n--) {
			bool harmless = sim_vice_is_harmless((enum sim_vice)k);
			uint32_t who = harmless ? all : f->liars;
			uint32_t some = (uint32_t)from_to(d, 1, all);

			who = hit(d, 500) ? who : who & some;
			if (who)
				ACT_DRAW(d, SIM_VICE, k, who,
				    from_to(d, 1, 20) * f->interval_ms);
		}
	for (uint64_t n = often(d, 250, 4); n; n--)
		ACT_DRAW(d, SIM_ASTRAY, from_to(d, 1, (int64_t)f->depth),
		    from_to(d, 1, 6) * f->interval_ms, 0);
}

/* Of blocks that used gas they have lists of no receipts. */
static void lists_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_LISTS);
	for (uint64_t n = often(d, 30, 2); n; n--)
		ACT_DRAW(d, SIM_VICE, SIM_VICE_EMPTY_LISTS,
		    from_to(d, 1, (1 << f->nodes) - 1),
		    from_to(d, 1, 20) * f->interval_ms);
}

static void people_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_PEOPLE);
	for (int i = 0; i < f->lists; i++)
		sim_fate_add(f,
		    (struct sim_act){ .at_ms = i ? from_to(d, 0, d->span_ms) : 0,
			.kind = SIM_CREATE,
			.a = i });
	for (uint64_t n = often(d, 150, 3); n; n--)
		ACT_DRAW(d, SIM_FOREIGN, from_to(d, 0, f->keys - 1), hit(d, 500), 0);
	for (uint64_t n = often(d, 150, 2); n; n--)
		ACT_DRAW(d, SIM_PAUSE, from_to(d, 0, f->lists - 1),
		    from_to(d, 1, 10) * f->interval_ms, 0);
	if (hit(d, 120))
		ACT_DRAW(d, SIM_CANCEL, from_to(d, 0, f->lists - 1), hit(d, 600), 0);
	for (uint64_t n = often(d, 100, 2); n; n--)
		ACT_DRAW(d, SIM_RETRY, from_to(d, 0, f->lists - 1), 0, 0);
	for (uint64_t n = often(d, 100, 2); n; n--)
		ACT_DRAW(d, SIM_JUMP, from_to(d, -DAY_MS, DAY_MS), 0, 0);
	if (f->poor)
		for (int i = 0; i < f->keys; i++)
			ACT_DRAW(d, SIM_FUND, i, 0, 0);
}

void fate_acts(struct draw *d)
{
	deaths_draw(d);
	processes_draw(d);
	locks_draw(d);
	copies_draw(d);
	files_draw(d);
	hands_draw(d);
	disk_draw(d);
	reads_draw(d);
	flips_draw(d);
	chain_draw(d);
	undone_draw(d);
	contests_draw(d);
	net_draw(d);
	vices_draw(d);
	lists_draw(d);
	people_draw(d);
}

/* Rather one that is not needed; with --yes, also one that is. */
void fate_switches(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_SWITCHES);
	for (uint64_t n = often(d, 100, 3); n; n--) {
		struct sim_act act = { .kind = SIM_SWITCH };

		act.number = (uint32_t)f->acts_n + 1;
		act.at_ms = from_to(d, 0, d->span_ms);
		act.a = from_to(d, 0, (int64_t)f->nodes - 1);
		act.b = from_to(d, 1, 20) * f->interval_ms;
		act.c = hit(d, 400);
		sim_fate_add(f, act);
	}
	f->hedge_ms = hit(d, 300) ? skewed(d, 1000) : 0;
}

/* And what is followed has a final block that vanishes. */
void fate_alone(struct draw *d)
{
	struct sim_fate *f = d->fate;
	bool undone = false, follows = false;
	struct sim_act act = { .kind = SIM_REORG };

	begin(d, OF_ALONE);
	for (size_t i = 0; i < f->acts_n; i++) {
		follows |= f->acts[i].kind == SIM_TRACK;
		undone |=
		    f->acts[i].kind == SIM_REORG && f->acts[i].a > (int64_t)f->depth;
	}
	if (!(undone && hit(d, 400)) && !(follows && !f->keep_ms && hit(d, 200)))
		return;
	sim_fate_add(
	    f, (struct sim_act){ .kind = SIM_ALONE, .number = (uint32_t)f->acts_n + 1 });
	if (undone)
		return;
	act.number = (uint32_t)f->acts_n + 1;
	act.at_ms = from_to(d, d->span_ms / 2, d->span_ms);
	act.a = (int64_t)f->depth + from_to(d, 1, 12);
	act.b = hit(d, 600);
	sim_fate_add(f, act);
}
