#include "sim/story/fate.h"

#include <string.h>

#include "sim/disk/disk.h"
#include "sim/node/fault.h"
#include "sim/node/vice.h"
#include "sim/random.h"
#include "sim/story/story.h"

#define DAY_MS (24 * 3600 * 1000ll)

/* -- the draw ------------------------------------------------------------------ */

/* Each purpose has luck of its own: what is added to one leaves the others as they
 * were. */
enum purpose {
	OF_WORLD = 1,
	OF_DEATHS,
	OF_DISK,
	OF_CHAIN,
	OF_NET,
	OF_PEOPLE,
	OF_PROCESSES,
	OF_COPIES,
	OF_HANDS,
	OF_MONEY,
	OF_VICES,
	OF_PROVIDERS,
	OF_WORK,
	OF_UNDONE,
	OF_CROWD,
	OF_MEETINGS,
	OF_READS,
	OF_FLIPS,
	OF_FRONTS,
	OF_BESIDES,
	OF_PASTS,
	OF_ABSENCES,
	OF_FORGOTTEN,
	OF_HANDOVERS,
	OF_MEDDLERS,
	OF_CONTESTS,
	OF_LEAVING,
	OF_FILES,
	OF_LOCKS,
	OF_MISTAKES,
	OF_STUMBLES,
	OF_LIARS
};

struct draw {
	struct sim_random dice;
	struct sim_fate *fate;
	int64_t span_ms; /* in which things happen */
	uint64_t times;  /* as often as in a short story */
};

static int64_t from_to(struct draw *d, int64_t least, int64_t most)
{
	return least + (int64_t)sim_random_below(&d->dice, (uint64_t)(most - least + 1));
}

static bool hit(struct draw *d, uint32_t per_mille)
{
	return sim_random_hit(&d->dice, per_mille);
}

/* Small numbers mostly, large ones at times. */
static int64_t skewed(struct draw *d, int64_t most)
{
	return from_to(d, 1, from_to(d, 1, from_to(d, 1, most)));
}

static void begin(struct draw *d, enum purpose purpose)
{
	d->dice.state = d->fate->seed ^ ((uint64_t)purpose << 56);
	sim_random_next(&d->dice);
}

static void world_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_WORLD);
	f->lists = (int)(hit(d, 400) ? from_to(d, 2, 3) : 1);
	f->rows = (int)from_to(d, 1, 100 / f->lists);
	f->keys = f->lists > 1 && hit(d, 250) ? 2 : 1;
	f->token = hit(d, 350);
	f->token_kind = hit(d, 250) ? SIM_TOKEN_NO_RETURN : SIM_TOKEN_PLAIN;
	f->service_fee = hit(d, 300) ? (uint64_t)from_to(d, 1, 500) : 0;
	f->nodes = (uint32_t)(hit(d, 500) ? 1 : from_to(d, 2, 4));
	f->own = f->nodes;
	f->quorum = (int)(f->nodes / 2 + 1);
	f->depth = (uint64_t)from_to(d, 2, 8);
	f->interval_ms = from_to(d, 1, 6) * 2000;
	f->poll_ms = f->interval_ms / 2;
	f->in_flight = (int)(hit(d, 500) ? from_to(d, 1, 8) : from_to(d, 9, 64));
	f->bump_after = (int)from_to(d, 2, 5);
	f->is_free = hit(d, 60);
	f->legacy = !f->is_free && hit(d, 120);
	f->poor = hit(d, 120);
	f->wallets = hit(d, 200) ? from_to(d, 1, 3) : 0;
	f->refuse = hit(d, 120) ? from_to(d, 1, 2) : 0;
	f->gas_limit = hit(d, 150) ? (uint64_t)from_to(d, 4, 20) * 65000 : 30000000;
	f->base_fee = (uint64_t)skewed(d, 30) * 1000000000u;
	f->latency_ms = hit(d, 200) ? from_to(d, 20, 1500) : from_to(d, 1, 40);
}

/* Many lists at a time, of which a commit moves more than a few. */
static void crowd_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_CROWD);
	if (f->lists == 1 || !hit(d, 250))
		return;
	f->lists = (int)from_to(d, 4, 7);
	f->rows = 1 + f->rows / 3;
}

/* Two nodes of one provider have one vote. */
static void providers_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_PROVIDERS);
	if (f->nodes < 3 || !hit(d, 300))
		return;
	f->own = f->nodes - 2;
	f->quorum = (int)((f->own + 1) / 2 + 1);
}

/* Of providers that make no quorum. */
static uint32_t last_ones(const struct sim_fate *f)
{
	uint32_t providers = f->own + (f->own < f->nodes), all = (1u << f->nodes) - 1;
	uint32_t honest = providers - (uint32_t)f->quorum + 1;

	return all & ~((1u << honest) - 1);
}

/* Who lies, lies for ever: the others are a quorum. */
static void liars_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_LIARS);
	f->liars = last_ones(f);
	if (!hit(d, 25))
		return;
	f->nodes = f->own = SIM_NODES_MAX;
	f->quorum = SIM_NODES_MAX / 2 + 1;
	f->liars = 1 | 1 << 2; /* between the others */
	f->latency_ms = 1;     /* so that they are asked in their order */
	sim_fate_add(f,
	    (struct sim_act){
		.kind = SIM_VICE, .a = SIM_VICE_READS_WRONG, .b = f->liars });
	sim_fate_add(f,
	    (struct sim_act){ .at_ms = from_to(d, 1, 20) * f->interval_ms,
		.kind = SIM_FOREIGN,
		.b = hit(d, 500) });
}

/* What is short, or less than it seems. */
static void money_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_MONEY);
	f->covered = hit(d, 250) ? skewed(d, f->rows) : 0;
	if (f->covered && hit(d, 500))
		f->covered += f->in_flight;
	f->max_fee = hit(d, 250) ? f->base_fee * (uint64_t)from_to(d, 2, 12) : 0;
	if (f->token && hit(d, 200))
		f->token_kind =
		    f->service_fee || hit(d, 700) ? SIM_TOKEN_FEE : SIM_TOKEN_FALSE;
}

/* A contract with the face of one token, and another one behind it. */
static void front_draw(struct draw *d)
{
	struct sim_fate *f = d->fate;

	begin(d, OF_FRONTS);
	if (f->token && !f->service_fee && hit(d, 40))
		f->token_kind = SIM_TOKEN_FRONT;
}

/* Some keys sign slowly: much happens between a question for bytes and their coming. */
static void work_draw(struct draw *d)
{
	begin(d, OF_WORK);
	d->fate->work_ms = hit(d, 250) ? skewed(d, 4 * d->fate->interval_ms) : 0;
}

static void act_draw(
    struct draw *d, enum sim_act_kind kind, int64_t a, int64_t b, int64_t c)
{
	sim_fate_add(d->fate,
	    (struct sim_act){ .at_ms = from_to(d, 0, d->span_ms),
		.kind = kind,
		.a = a,
		.b = b,
		.c = c });
}

/* Its parameters are drawn in one order, whatever the compiler's is: the last one
 * first. */
#define ACT_DRAW(d, kind, a, b, c)                    \
	do {                                          \
		int64_t c_ = (c), b_ = (b), a_ = (a); \
		act_draw((d), (kind), a_, b_, c_);    \
	} while (0)

/* How often, if at all in this story. */
static uint64_t often(struct draw *d, uint32_t per_mille, int64_t most)
{
	return hit(d, per_mille) ? (uint64_t)skewed(d, most) * d->times : 0;
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
		act_draw(d, SIM_REORG, (int64_t)f->depth + skewed(d, 8), hit(d, 700), 0);
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
	for (int k = 0; k < SIM_VICES; k++)
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
	world_draw(&d);
	crowd_draw(&d);
	providers_draw(&d);
	liars_draw(&d);
	money_draw(&d);
	front_draw(&d);
	work_draw(&d);
	d.span_ms = work_blocks(ret) * ret->interval_ms;
	if (days) {
		ret->lists = SIM_LISTS_MAX;
		ret->interval_ms = 12000;
		ret->poll_ms = 6000;
		d.span_ms = days * DAY_MS;
		d.times = 4 * (uint64_t)days;
	}
	deaths_draw(&d);
	processes_draw(&d);
	locks_draw(&d);
	copies_draw(&d);
	files_draw(&d);
	hands_draw(&d);
	disk_draw(&d);
	reads_draw(&d);
	flips_draw(&d);
	chain_draw(&d);
	undone_draw(&d);
	contests_draw(&d);
	net_draw(&d);
	vices_draw(&d);
	people_draw(&d);
	forgotten_draw(&d);
	besides_draw(&d);
	handovers_draw(&d);
	meddlers_draw(&d);
	past_draw(&d);
	absence_draw(&d);
	mistakes_draw(&d);
	stumbles_draw(&d);
	ret->calm_ms = d.span_ms + from_to(&d, 0, 10) * ret->interval_ms;
	leaving_draw(&d);
	meetings_draw(&d);
	for (size_t i = 0; i < ret->acts_n; i++)
		ret->acts[i].number = (uint32_t)i + 1;
}
