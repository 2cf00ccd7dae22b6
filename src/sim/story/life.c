#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "journal/driver.h"
#include "kinds/airdrop/airdrop.h"
#include "kinds/fence/fence.h"
#include "kinds/track/track.h"
#include "sim/judge/judge.h"
#include "sim/story/chat.h"
#include "sim/story/story.h"
#include "tell/tell.h"

#define JOURNAL "/disk/pawl.db"
#define NOBODY (-1) /* an operation that there is not */
#define REBOOT_MS 3600000
#define FULL_PAUSE_MS 5000
#define EXPIRE_MS 300000

static struct sim_life *now; /* whose step it is */

struct sim_life *sim_life_now(void)
{
	return now;
}

/* -- death --------------------------------------------------------------------- */

static void NORETURN die(struct sim_life *l, enum sim_end end)
{
	l->end = end;
	longjmp(l->death, 1);
}

static void died_on_disk(void *ctx)
{
	die(ctx, SIM_DIED);
}

static void stand(struct sim_life *l);

static void at_point(enum crash_point p)
{
	(void)p;
	if (now->stand_points && !--now->stand_points)
		stand(now);
	if (now->die_points && !--now->die_points)
		die(now, SIM_DIED);
}

static void before_event(void *ctx)
{
	struct sim_life *l = ctx;

	if (l->die_events && !--l->die_events)
		die(l, SIM_DIED);
}

/* Of its disk, and what a process may end by. */
static uint64_t disk_faults(const struct sim_life *l)
{
	const struct sim_disk *d = l->process.disk;

	return sim_disk_faults(d, SIM_DISK_DID_SYNC_FAILED) +
	    sim_disk_faults(d, SIM_DISK_DID_READ_FAILED) +
	    sim_disk_faults(d, SIM_DISK_DID_FULL);
}

/* Who is well, and owns its journal, does not end. */
static bool has_reason(const struct sim_life *l)
{
	return l->lost_commit || l->story->flipped || disk_faults(l) != l->faults;
}

/* The files that a robbed one goes on with are another's: to it they may be damaged. */
static void journal_died(enum err e, const char *why)
{
	char text[SIM_WHY_MAX];
	bool excused;

	/* the real one says behind it what to type */
	snprintf(text, sizeof text, "%s; pawl restore FILE", why);
	if (e == ERR_JOURNAL)
		excused = has_reason(now);
	else
		excused = (now->lost_commit && now->robbed == SIM_ROBBED_DISK) ||
		    sim_older_damaged(now->story, text);
	if (excused)
		sim_story_line(now->story, "fatal: %s", why);
	else
		sim_story_wrong(
		    now->story, "the journal ended it: %s: %s", err_name(e), why);
	die(now, SIM_FATAL);
}

static void stuck(void *ctx, const char *why)
{
	struct sim_life *l = ctx;

	sim_story_wrong(l->story, "it goes round and does nothing: %s", why);
	die(l, SIM_WRONG);
}

static int64_t wall_ms(void)
{
	return now && now->world ? world_wall_ms(now->world) : 0;
}

/* -- a step ---------------------------------------------------------------------- */

static void enter(struct sim_life *l)
{
	CHECK(!now);
	now = l;
	sim_region_use(l->region);
	sim_disk_use(&l->process);
	sim_disk_spare(l->process.disk, false);
	crash_hook = at_point;
	journal_die = journal_died;
	clock_set(wall_ms);
}

static void leave(void)
{
	crash_hook = NULL;
	clock_set(NULL);
	sim_region_use(NULL);
	now = NULL;
}

static void forget(struct sim_life *l)
{
	if (l->world)
		l->story->trace ^= sim_world_trace(sim_world_of(l->world));
	l->alive = false;
	l->journal = NULL;
	l->world = NULL;
	l->runner = NULL;
	l->tell = NULL;
	l->track = NULL;
	l->answer = NULL;
	l->intake = NULL;
	sim_receivers_lose(l);
	l->over = false;
	l->full_until_ms = 0;
	l->die_points = l->die_events = l->stand_points = 0;
	l->robbed = SIM_ROBBED_NOT;
	l->lost_commit = 0;
	memset(l->id_of, 0, sizeof l->id_of);
	memset(l->listed, 0, sizeof l->listed);
	memset(l->compared, 0, sizeof l->compared);
	memset(l->asked, 0, sizeof l->asked);
	l->command_until_ms = 0;
	sim_disk_process_end(&l->process);
	sim_disk_die_at(l->process.disk, 0);
	sim_disk_fail_sync_at(l->process.disk, 0);
	sim_region_empty(l->region);
}

/* Who stands still finds it when it goes on. */
void sim_life_kill(struct sim_life *l)
{
	l->killed |= l->stands;
	if (l->alive || l->stands)
		forget(l);
}

/* All that the others do is done from here, by the same stack. In the middle of a
 * transaction, or of a start, who loses the locks that SQLite stands on leaves a damaged
 * journal: no program can help that. */
static void stand(struct sim_life *l)
{
	if (!l->journal || journal_writing(l->journal))
		l->robbed = SIM_ROBBED_NOT;
	sim_story_did(l->story, l->robbed ? SIM_DID_WAS_ROBBED : SIM_DID_STOOD_STILL);
	if (l->robbed) {
		sim_disk_rob(&l->process, l->robbed == SIM_ROBBED_DISK);
		l->lost_commit = journal_commit_no(l->journal);
	}
	l->stands = true;
	l->killed = false;
	leave();
	sim_story_meanwhile(l->story, l->stand_ms);
	enter(l);
	l->stands = false;
	if (l->killed)
		die(l, SIM_DIED);
}

static enum sim_end guarded(struct sim_life *l, void (*step)(struct sim_life *l))
{
	enter(l);
	l->end = SIM_GOES_ON;
	if (setjmp(l->death) == 0)
		step(l);
	leave();
	if (l->end != SIM_GOES_ON)
		forget(l);
	return l->end;
}

/* The judge and the people are no part of the process: what they look up is there. */
static void looks_on(struct sim_life *l, void (*look)(struct sim_life *l))
{
	sim_disk_spare(l->process.disk, true);
	look(l);
	sim_disk_spare(l->process.disk, false);
}

/* -- rising -------------------------------------------------------------------- */

static void sent(void *ctx, const struct sim_tx *t)
{
	struct sim_life *l = ctx;

	sim_disk_spare(l->process.disk, true);
	sim_judge_sent(l, t);
	sim_disk_spare(l->process.disk, false);
}

static void asked(void *ctx, int node)
{
	sim_judge_asked(ctx, node);
}

static struct world *world_of(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct sim_world_options o = { .chain = s->chain,
		.nodes = s->nodes,
		.nodes_n = s->fate->nodes,
		.seed = s->fate->seed,
		.latency_ms = s->fate->latency_ms,
		.work_ms = s->fate->work_ms,
		.clock_ms = l->clock_ms,
		.stuck = stuck,
		.before = before_event,
		.sent = sent,
		.asked = asked,
		.host = sim_receivers_take,
		.answered = sim_receivers_answered,
		.faults = s->figures.net,
		.ctx = l };
	struct world *w;

	memcpy(o.per_mille, s->per_mille, sizeof o.per_mille);
	w = sim_world_open(&o);
	sim_world_jump(sim_world_of(w), s->jump_ms);
	return w;
}

/* Signing is real. The chain is told by whom, and need not find it out. */
static enum err sign(struct signed_bytes *ret, const struct sign_job *job, struct fail *f)
{
	struct sim_story *s = now->story;
	enum err e = connector_evm.sign(ret, job, f);

	for (int i = 0; e == ERR_OK && i < s->fate->keys; i++)
		if (job->key == s->key[i].secret)
			sim_sender_known(s->chain, &ret->hash, &s->key[i].address);
	return e;
}

static const struct connector *telling(void)
{
	static struct connector evm;

	evm = connector_evm;
	evm.sign = sign;
	return &evm;
}

/* Where nobody ever hears of anything, nothing asks who does. */
static void tell_make(struct sim_life *l, struct runner_setup *setup)
{
	const struct channel_config channels = { .webhook_secret = l->story->webhook,
		.telegram_token = l->story->telegram,
		.telegram_api = SIM_CHAT_API };

	if (!l->story->receivers)
		return;
	l->tell = tell_new(l->world, l->journal, &channels);
	setup->tell.ctx = l->tell;
	setup->tell.turn = tell_turn;
	setup->stuck_after_ms = l->story->fate->stuck_ms;
}

static void track_make(struct sim_life *l, struct runner_setup *setup)
{
	const struct track_config config = {
		.expire_after_ms = EXPIRE_MS, .percents_n = 2, .percents = { 30, 70 }
	};

	if (!l->story->tracks)
		return;
	l->track = track_new(l->world, l->journal, &config);
	setup->blocks[0] = track_watcher(l->track);
	setup->blocks_n = 1;
}

/* As where a command owns the journal for as long as it takes (own.c). */
static void is_command(struct runner *r)
{
	r->s.keys = command_no_keys;
	r->s.only_operation = NOBODY;
	r->s.retention_n = 0;
	r->s.tell.turn = NULL;
	for (int i = 0; i < r->s.blocks_n; i++)
		r->s.blocks[i].turn = NULL;
}

static void runner_make(struct sim_life *l)
{
	static const struct kind *kinds[2];
	struct runner_setup setup = { .journal = l->journal,
		.chains = &l->story->config,
		.chains_n = 1,
		.keys = sim_lender_keyring(&l->story->lender),
		.kinds = kinds,
		.kinds_n = 2,
		.only_operation = l->story->fate->run ? NOBODY : 0,
		.retention = l->story->retention,
		.retention_n = l->story->fate->keep_ms ? 3 : 0 };

	kinds[0] = sim_stumbling();
	kinds[1] = &kind_fence;
	setup.world = l->world = world_of(l);
	tell_make(l, &setup);
	track_make(l, &setup);
	l->runner = runner_new(&setup);
	l->runner->chains[0].connector = telling();
	if (l->command_until_ms)
		is_command(l->runner);
}

static void runner_drop(struct sim_life *l)
{
	world_free(l->world);
	runner_free(l->runner);
	tell_free(l->tell);
	track_free(l->track);
	l->track = NULL;
	sim_receivers_lose(l);
	l->world = NULL;
	l->runner = NULL;
	l->tell = NULL;
}

static void rise(struct sim_life *l)
{
	struct owner me = { .pid = 1 + l->id, .host = "sim" };
	struct fail f = { 0 };
	enum err e = journal_own(&l->journal, JOURNAL, &me, &f);

	if (e == ERR_OWNED || e == ERR_DISK_FULL ||
	    (e == ERR_DAMAGED && sim_older_damaged(l->story, f.why)))
		die(l, SIM_STARTED_NOT);
	if (e == ERR_JOURNAL)
		journal_died(e, f.why);
	if (e != ERR_OK) {
		sim_story_wrong(l->story, "it can't start: %s: %s", err_name(e), f.why);
		die(l, SIM_WRONG);
	}
	l->alive = true;
	if (!l->is_copy)
		l->story->older.is_mixed = false;
	l->sees_off = true;
	looks_on(l, sim_judge_rise);
	runner_make(l);
}

/* A connection that knows the schema already would not see that a bit of that flipped. */
enum sim_end sim_life_rise(struct sim_life *l)
{
	enum sim_end end;

	l->clock_ms += REBOOT_MS;
	l->faults = disk_faults(l);
	if (l->begun && !l->story->flipped) {
		sim_region_put_back(l->region, l->begun);
		db_sqlite_spare_set(l->spare);
	}
	end = guarded(l, rise);
	db_sqlite_spare_set(NULL);
	return end;
}

void sim_life_spare(struct sim_life *l)
{
	enter(l);
	l->spare = db_sqlite_spare_new(JOURNAL);
	leave();
	mem_free(l->begun);
	l->begun = sim_region_keep(l->region);
	forget(l);
}

static void make(struct sim_life *l)
{
	struct fail f = { 0 };

	if (journal_create(JOURNAL, &f))
		BUG(f.why);
	l->end = SIM_ENDED;
}

void sim_life_make(struct sim_life *l)
{
	CHECK(guarded(l, make) == SIM_ENDED);
}

enum sim_end sim_life_use(struct sim_life *l, void (*do_it)(struct sim_life *l))
{
	return guarded(l, do_it);
}

/* -- a turn ---------------------------------------------------------------------- */

/* All that was cached is worth nothing now. */
static void disk_full(struct sim_life *l, const char *why)
{
	if (l->story->room_until_ms == 0)
		sim_story_wrong(l->story, "a full disk, it says: %s", why);
	sim_people_dropped(l);
	runner_drop(l);
	l->full_until_ms = l->story->chain->now_ms + FULL_PAUSE_MS;
	l->over = false;
	memset(l->id_of, 0, sizeof l->id_of);
	memset(l->listed, 0, sizeof l->listed);
	memset(l->asked, 0, sizeof l->asked);
	runner_make(l);
}

static void is_it_over(struct sim_life *l)
{
	l->over = sim_judge_over(l);
	l->over_at = l->story->chain->head;
}

/* Whom it takes for a liar. */
static void names(struct sim_life *l)
{
	struct sim_story *s = l->story;

	for (uint32_t i = 0; i < s->fate->nodes; i++) {
		const struct node_state *n = pool_node(l->runner->chains[0].pool, (int)i);
		bool liar = n->left_out && strstr(n->left_out, "says otherwise");

		if (liar && !s->is_named[i])
			sim_story_line(s, "%s %s", n->name, n->left_out);
		s->is_named[i] = liar;
	}
}

static void turn(struct sim_life *l)
{
	struct fail f = { 0 };

	if (!l->is_copy)
		looks_on(l, sim_people_turn);
	if (!runner_turn(l->runner, &f)) {
		disk_full(l, f.why);
		return;
	}
	looks_on(l, sim_judge_step);
	if (l->is_copy)
		return;
	names(l);
	looks_on(l, sim_people_told);
	if (!l->command_until_ms)
		looks_on(l, is_it_over);
}

/* What is left then was lost on the way. */
static void stop(struct sim_life *l)
{
	sim_people_dropped(l);
	runner_drop(l);
	journal_close(l->journal);
	if (sim_region_pieces(l->region))
		sim_story_wrong(l->story, "%zu pieces of memory were not given back",
		    sim_region_pieces(l->region));
	l->end = SIM_ENDED;
}

/* Its line has an answer, which is committed; or its nodes say nothing. */
static bool command_ends(struct sim_life *l)
{
	struct sim_story *s = l->story;
	bool late = s->chain->now_ms >= l->command_until_ms;

	return l->command_until_ms && !l->answer &&
	    (!sim_people_resume_alone(s, late) || late);
}

static void step(struct sim_life *l)
{
	int64_t wake_ms, most = l->until_ms + l->clock_ms;

	if (command_ends(l)) {
		stop(l);
		return;
	}
	if (l->story->chain->now_ms >= l->full_until_ms)
		turn(l);
	wake_ms = runner_wake_ms(l->runner);
	if (wake_ms < l->full_until_ms + l->clock_ms)
		wake_ms = l->full_until_ms + l->clock_ms;
	world_wait(l->world, wake_ms < most ? wake_ms : most);
}

enum sim_end sim_life_step(struct sim_life *l, int64_t until_ms)
{
	l->until_ms = until_ms;
	return guarded(l, step);
}

int64_t sim_life_due_ms(const struct sim_life *l)
{
	int64_t wake_ms, due_ms;

	if (l->stands)
		return INT64_MAX;
	if (!l->alive)
		return l->wanted ? l->rise_at_ms : INT64_MAX;
	wake_ms = runner_wake_ms(l->runner);
	if (wake_ms < l->full_until_ms + l->clock_ms)
		wake_ms = l->full_until_ms + l->clock_ms;
	due_ms = sim_world_due_ms(sim_world_of(l->world));
	due_ms = wake_ms < due_ms ? wake_ms : due_ms;
	if (due_ms == INT64_MAX)
		return INT64_MAX;
	due_ms -= l->clock_ms;
	return due_ms > l->story->chain->now_ms ? due_ms : l->story->chain->now_ms;
}

enum sim_end sim_life_stop(struct sim_life *l)
{
	return guarded(l, stop);
}

static void read_journal(struct sim_life *l)
{
	if (l->story->flipped) {
		if (!sim_flip_is_harmless(l))
			die(l, SIM_FATAL);
		sim_story_did(l->story, SIM_DID_HARMLESS);
		looks_on(l, sim_judge_step);
	}
	looks_on(l, sim_judge_journal);
}

bool sim_life_read(struct sim_life *l)
{
	if (guarded(l, read_journal) == SIM_GOES_ON)
		return true;
	if (l->story->older.damage[0])
		return false;
	sim_story_wrong(l->story, "it ends while its journal is read");
	return true;
}

void sim_life_says(struct sim_life *l)
{
	const struct runner *r = l->runner;

	for (size_t i = 0; i < r->operations_n; i++)
		if (!operation_ended(r->operations[i]))
			sim_story_wrong(l->story,
			    "it does not go on: %s is %s and waits for: %s",
			    r->operations[i]->name,
			    state_name(MACHINE_OPERATION, r->operations[i]->state),
			    r->operations[i]->waits_for);
	for (size_t i = 0; i < r->chains[0].accounts_n; i++)
		if (r->chains[0].accounts[i]->stopped)
			sim_story_wrong(l->story, "it does not go on: %s",
			    r->chains[0].accounts[i]->why_stopped);
}

void sim_life_explain(struct sim_life *l)
{
	if (l->alive)
		(void)guarded(l, sim_life_says);
	if (!l->story->why[0])
		sim_story_wrong(l->story, "it does not go on, and says not why");
}

void sim_life_open(struct sim_life *l)
{
	l->process.id = 1 + l->id;
	l->process.die = died_on_disk;
	l->process.ctx = l;
}
