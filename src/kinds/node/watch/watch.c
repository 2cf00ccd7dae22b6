#include "kinds/node/watch/watch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/outbox.h"
#include "kinds/node/watch/inside.h"
#include "kinds/node/watch/trouble.h"

#define LOOK_MS 60000
#define PATIENCE_MS 30000 /* then a step that waits for others is in trouble */
#define ANEW_MANY 3       /* so often it is begun anew, and it may never end */
#define ASKED_A_TURN 1024 /* anchors, of the journal */

int64_t watch_rows_a_turn = 8192;

const char *l2_step_name(enum l2_step step)
{
	static const char *const names[L2_STEPS] = {
		[L2_STEP_FOLDER] = "data folder",
		[L2_STEP_DATABASE] = "reorg database",
		[L2_STEP_SNAPSHOT] = "snapshots",
		[L2_STEP_STATE] = "state",
		[L2_STEP_BITCOIN] = "Bitcoin",
	};

	return names[step];
}

/* -- steps ----------------------------------------------------------------- */

static void started(struct l2_watch *w)
{
	int troubles = 0;

	for (int i = 0; i < L2_STEPS; i++) {
		if (w->now.steps[i].how == L2_WAITS)
			return;
		troubles += w->now.steps[i].how == L2_TROUBLE;
	}
	w->now.started = true;
	if (troubles)
		log_warn(
		    "node", "started: %d of %d steps are in trouble", troubles, L2_STEPS);
	else
		log_info("node", "started: all is well");
}

void step_end(
    struct l2_watch *w, enum l2_step step, enum l2_how how, const char *fmt, ...)
{
	struct l2_step_now *s = &w->now.steps[step];
	enum l2_how before = s->how;
	char said[sizeof s->said];
	va_list ap;
	bool other;

	va_start(ap, fmt);
	vsnprintf(said, sizeof said, fmt, ap);
	va_end(ap);
	other = strcmp(said, s->said) != 0;
	s->how = how;
	memcpy(s->said, said, sizeof said);
	/* Later it is told when it changes, and not of each snapshot. */
	if (how == L2_TROUBLE && (other || before != how))
		log_warn("node", "%s %d of %d, %s: %s", w->now.started ? "step" : "start",
		    (int)step + 1, L2_STEPS, l2_step_name(step), said);
	else if (how == L2_WELL && before != how)
		log_info("node", "%s %d of %d, %s: %s", w->now.started ? "step" : "start",
		    (int)step + 1, L2_STEPS, l2_step_name(step), said);
	if (!w->now.started)
		started(w);
}

/* -- files, by a worker ---------------------------------------------------- */

static void job_run(void *ctx)
{
	struct watch_job *job = ctx;
	const struct l2_watch *w = job->watch;
	struct judge judge = { .worker = &job->anchors, .reorg_db = w->paths.reorg_db };
	const struct l2_demand demand = {
		.anchor_needed = true, .stored = judge_knows, .ctx = &judge
	};

	job->err = ERR_OK;
	job->unsure = false;
	l2_look(&job->look, &w->paths);
	job->read = job->judges && job->look.has_log &&
	    (!job->knows || job->look.log_bytes != job->before.log_bytes ||
		job->look.log_file != job->before.log_file ||
		job->look.log_changed_ns != job->before.log_changed_ns);
	if (job->read)
		job->err = l2_log_end(&job->end, &files_until_stopped, w->paths.log,
		    &demand, L2_END_ALL, &job->fail);
	if (job->read && job->err == ERR_OK)
		job->unsure = judge_trouble(&judge, &job->fail) != ERR_OK;
	judge_release(&judge);
}

static void job_done(void *ctx)
{
	struct watch_job *job = ctx;

	job->watch->out = NULL;
	job->watch->back = job;
}

static void job_release(void *ctx)
{
	struct watch_job *job = ctx;

	world_work(job->watch->world, job_run, job_done, job);
}

static void job_free(struct watch_job *job)
{
	if (job)
		judge_anchors_release(&job->anchors);
	mem_free(job);
}

static void job_drop(void *ctx)
{
	struct watch_job *job = ctx;

	job->watch->out = NULL;
	job_free(job);
}

static void job_queue(struct l2_watch *w, struct runner *r, struct watch_job *job)
{
	w->out = job;
	outbox_add(r->outbox,
	    &(struct effect){ .release = job_release, .drop = job_drop, .job = job });
}

static void look_begin(struct l2_watch *w, struct runner *r)
{
	struct watch_job *job = mem_new(sizeof *job);

	job->watch = w;
	book_name(w->journal, w->name);
	job->judges = w->now.steps[L2_STEP_DATABASE].how != L2_WAITS;
	job->knows = w->now.looked && w->read;
	job->before = w->now.look;
	w->look_ms = world_now_ms(w->world) + LOOK_MS;
	job_queue(w, r, job);
}

/* The journal wins: what it has of anchors that the worker has not found is told to it,
 * and it judges again. false: that is not over yet. */
static bool journal_asked(struct l2_watch *w, struct runner *r)
{
	struct watch_job *job = w->back;

	if (job->anchors.answered || !job->anchors.n || MUTANT(start_asks_no_journal))
		return true;
	if (!judge_anchors_ask(&job->anchors, w->journal, ASKED_A_TURN)) {
		r->again = true;
		return false;
	}
	if (!job->anchors.n)
		return true; /* nor has the journal */
	w->back = NULL;
	job_queue(w, r, job);
	return false;
}

/* -- what of the files is told --------------------------------------------- */

/* Told once when it begins to be so. */
static void warn_once(bool *was, bool is, const char *fmt, ...) PRINTF(3, 4);

static void warn_once(bool *was, bool is, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (is && !*was)
		log_warn("node", "%s", text);
	*was = is;
}

static void growth_tell(struct l2_watch *w)
{
	struct l2_figures *n = &w->now;

	warn_once(&n->log_large, l2_log_is_large(&n->look),
	    "%s is %" PRIu64 " MB: pawl node prune makes a smaller one", w->paths.log,
	    n->look.log_bytes / L2_MB);
	warn_once(&n->database_large, l2_database_is_large(&n->look),
	    "%s is %" PRIu64 " MB: pawl node prune-reorg-db, while the node is stopped",
	    w->paths.reorg_db, n->look.database_bytes / L2_MB);
	warn_once(&n->disk_low, l2_disk_is_low(&n->look),
	    "less than %d %% of the file system of %s is free", L2_DISK_LOW,
	    w->paths.folder);
	/* where none was ever made, that is what the backup says itself */
	warn_once(&n->backup_old,
	    n->backup_every_ms && n->look.backup_ms &&
		world_wall_ms(w->world) - n->look.backup_ms > 2 * n->backup_every_ms,
	    "the newest backup in %s is older than twice node.backup.every: pawl node "
	    "backup",
	    w->paths.backups);
}

static void folder_tell(struct l2_watch *w)
{
	const struct l2_look *l = &w->now.look;

	if (l->findings_n)
		step_end(w, L2_STEP_FOLDER, L2_TROUBLE, "%s: %s; do: %s",
		    l->findings[0].of ? l->findings[0].of : w->paths.folder,
		    l->findings[0].why, l->findings[0].remedy);
	else
		step_end(w, L2_STEP_FOLDER, L2_WELL,
		    "%s and what is in it is this process' to use", w->paths.folder);
}

/* true: its newest snapshot, or that there is none, is in trouble. */
static bool snapshot_trouble(
    struct l2_watch *w, const struct watch_job *job, struct l2_trouble *ret)
{
	const struct fail *unsure = job->unsure ? &job->fail : NULL;
	struct book_sums sums;

	if (trouble_of_reading(ret, job->err, &job->fail, &job->look))
		return true;
	if (!w->end.size)
		return trouble_of_lost(ret, w->journal, &job->look);
	book_sums(w->journal, &sums);
	return trouble_of_log(ret, w->paths.log, &w->end, &sums, unsure);
}

static void snapshot_tell(struct l2_watch *w, const struct watch_job *job)
{
	const struct l2_end *end = &w->end;
	struct l2_trouble trouble;
	char time[L2_TIME_MAX];

	watch_time(time, (int64_t)end->verdict.timestamp_ms);
	if (snapshot_trouble(w, job, &trouble))
		step_end(w, L2_STEP_SNAPSHOT, L2_TROUBLE, "%.700s; %s", trouble.why,
		    trouble.remedy);
	else if (!end->size)
		step_end(w, L2_STEP_SNAPSHOT, L2_WELL, "%s has none yet", w->paths.log);
	else
		step_end(w, L2_STEP_SNAPSHOT, L2_WELL,
		    "the newest valid one is of %s, at byte %" PRIu64
		    " of %s, root %s%s%s",
		    time, end->block.offset, w->paths.log, end->verdict.root,
		    end->torn ? "; what is torn behind it is passed over" : "",
		    end->mixed ? "; the file has two formats: pawl node doctor" : "");
}

static void snapshot_take(struct l2_watch *w, const struct watch_job *job)
{
	struct l2_figures *n = &w->now;

	if (job->look.has_log && !job->read)
		return; /* as it was, or it is not its turn */
	w->end = job->read && job->err == ERR_OK ? job->end : (struct l2_end){ 0 };
	w->read = !job->read || job->err == ERR_OK;
	n->has_snapshot = w->end.block.len != 0;
	n->snapshot_ms = w->end.verdict.timestamp_ms;
	n->snapshot_bytes = w->end.block.len;
	w->has_anchor = n->has_snapshot &&
	    hex_parse(w->anchor.at, sizeof w->anchor.at, w->end.verdict.anchor_hash,
		strlen(w->end.verdict.anchor_hash));
	snapshot_tell(w, job);
}

static void backup_tell(struct l2_watch *w, const char *why)
{
	w->now.backup_failed = why != NULL;
	snprintf(w->now.backup_why, sizeof w->now.backup_why, "%s", why ? why : "");
}

/* Who makes backups tells it, too: a person, or one before a restart. */
static void backup_take(struct l2_watch *w)
{
	const char *why = w->now.look.backup_failed;

	if (why[0])
		backup_tell(w, why);
	else if (w->backup_noted)
		backup_tell(w, NULL);
	w->backup_noted = why[0] != '\0';
}

static void look_take(struct l2_watch *w)
{
	struct watch_job *job = w->back;

	w->back = NULL;
	if (job->err == ERR_STOPPED) { /* the process ends: it says nothing of the log */
		job_free(job);
		return;
	}
	w->now.look = job->look;
	l2_look_anchored(&w->now.look, anchors_n(w->journal));
	w->now.looked = true;
	folder_tell(w);
	snapshot_take(w, job);
	backup_take(w);
	growth_tell(w);
	job_free(job);
}

/* -- the state ------------------------------------------------------------- */

/* Each change between two turns begins it anew: it goes on, and is no longer waited for.
 */
static void recount_late(struct l2_watch *w)
{
	if (w->counted.anew < ANEW_MANY || MUTANT(recount_late_unsaid) ||
	    world_now_ms(w->world) - w->since_ms < PATIENCE_MS)
		return;
	step_end(w, L2_STEP_STATE, L2_TROUBLE,
	    "changes come faster than the rows are counted, so nobody knows yet whether "
	    "these hold. The count goes on: let changes rest for a while, or type pawl "
	    "node state, which counts them at one instant");
}

static void recount(struct l2_watch *w, struct runner *r)
{
	struct fail f;

	if (!w->recount)
		w->recount = book_recount_new(w->journal);
	if (book_recount_some(w->recount, watch_rows_a_turn, &w->counted, &f) != ERR_OK)
		journal_damaged(w->journal, "%s", f.why);
	if (!w->counted.done) {
		r->again = true;
		recount_late(w);
		return;
	}
	book_recount_free(w->recount);
	w->recount = NULL;
}

static void state_turn(struct l2_watch *w, struct runner *r)
{
	if (w->now.steps[L2_STEP_STATE].how != L2_WAITS &&
	    (w->counted.done || MUTANT(start_recounts_nothing)))
		return;
	if (!w->counted.done && !MUTANT(start_recounts_nothing))
		recount(w, r);
	if ((w->counted.done || MUTANT(start_recounts_nothing)) &&
	    w->now.steps[L2_STEP_SNAPSHOT].how != L2_WAITS)
		state_tell(w);
}

/* -- the others ------------------------------------------------------------ */

static void database_turn(struct l2_watch *w, const struct watch_seen *seen)
{
	enum l2_how before = w->now.steps[L2_STEP_DATABASE].how;

	if (seen->database_trouble)
		step_end(
		    w, L2_STEP_DATABASE, L2_TROUBLE, "%.850s", seen->database_trouble);
	else if (seen->database_whole && w->now.steps[L2_STEP_DATABASE].how != L2_WELL)
		step_end(w, L2_STEP_DATABASE, L2_WELL,
		    "%s has all that the journal has; %zu value%s of it %s missing or "
		    "%s",
		    w->paths.reorg_db, seen->database_written,
		    seen->database_written == 1 ? "" : "s",
		    seen->database_written == 1 ? "was" : "were",
		    seen->database_written == 1 ? "another" : "others");
	/* The log is judged by it. */
	if (w->now.steps[L2_STEP_DATABASE].how != before) {
		w->read = false;
		w->look_ms = 0;
	}
}

static void bitcoin_turn(struct l2_watch *w, const struct watch_seen *seen)
{
	struct l2_figures *n = &w->now;
	char from[80] = "";

	n->has_height = seen->has_head;
	n->height = seen->head;
	if (seen->chain_trouble &&
	    (n->started || world_now_ms(w->world) - w->since_ms >= PATIENCE_MS)) {
		step_end(w, L2_STEP_BITCOIN, L2_TROUBLE, "%.850s", seen->chain_trouble);
	} else if (!seen->chain_trouble && seen->at_head &&
	    n->steps[L2_STEP_BITCOIN].how != L2_WELL) {
		if (seen->had_height)
			snprintf(from, sizeof from,
			    ", which was %" PRIu64 " before; %d reorg%s since",
			    seen->height_before, seen->reorgs,
			    seen->reorgs == 1 ? "" : "s");
		step_end(w, L2_STEP_BITCOIN, L2_WELL,
		    "%s is followed up to block %" PRIu64 "%s", w->chain, seen->head,
		    from);
	}
}

static void anchor_tell(struct l2_figures *n, const struct l2_trouble *trouble)
{
	if (!n->anchor_why[0])
		log_warn("node", "%s; %s", trouble->why, trouble->remedy);
	snprintf(n->anchor_why, sizeof n->anchor_why, "%.390s; %s", trouble->why,
	    trouble->remedy);
}

static void divergence_turn(struct l2_watch *w)
{
	struct l2_figures *n = &w->now;
	struct anchor a;
	struct l2_trouble trouble;
	bool was = n->diverged,
	     known = w->has_anchor && anchor_find(w->journal, &w->anchor, &a);

	n->has_divergence = n->has_height && known && anchor_stands(&a) &&
	    !trouble_of_height(&trouble, w->journal, a.height, n->height, &n->divergence);
	n->diverged = n->has_divergence &&
	    trouble_of_distance(&trouble, n->divergence, n->max_divergence);
	if (n->diverged)
		warn_once(&was, true, "%.300s: %s", trouble.why, trouble.remedy);
	if (known &&
	    trouble_of_anchor(&trouble, &a, world_wall_ms(w->world), n->max_divergence))
		anchor_tell(n, &trouble);
	else
		n->anchor_why[0] = '\0';
}

/* was: what was said of it before, of PEGS_MAX bytes. */
static void pegs_tell(
    struct l2_watch *w, char *was, bool is, const struct l2_trouble *trouble)
{
	char text[PEGS_MAX] = "";

	if (is)
		snprintf(
		    text, sizeof text, "%.500s; %.390s", trouble->why, trouble->remedy);
	if (strcmp(text, was) == 0)
		return;
	memcpy(was, text, sizeof text);
	state_tell_again(w);
}

static void minted_turn(struct l2_watch *w)
{
	struct l2_trouble trouble;
	bool is = trouble_of_minted(&trouble, w->journal) ||
	    trouble_of_settled(&trouble, w->journal);

	pegs_tell(w, w->uncovered, is, &trouble);
}

/* With each look, and not with each change: it reads all peg-outs. */
static void pegouts_turn(struct l2_watch *w)
{
	struct l2_trouble trouble;
	bool is = trouble_of_pegouts(&trouble, w->journal) && !MUTANT(stranded_unsaid);

	pegs_tell(w, w->stranded, is, &trouble);
}

void watch_turn(struct l2_watch *w, struct runner *r, const struct watch_seen *seen)
{
	database_turn(w, seen);
	if (w->back && journal_asked(w, r)) {
		look_take(w);
		pegouts_turn(w);
	}
	if (!w->out && !w->back && world_now_ms(w->world) >= w->look_ms)
		look_begin(w, r);
	runner_wake_at(r, w->look_ms);
	if (seen->pegins_moved)
		minted_turn(w);
	state_turn(w, r);
	bitcoin_turn(w, seen);
	divergence_turn(w);
}

void watch_backed(struct l2_watch *w, const char *why)
{
	backup_tell(w, why);
	w->look_ms = 0; /* there is another one, or it is said why not */
}

const struct l2_figures *watch_figures(const struct l2_watch *w)
{
	return &w->now;
}

void watch_configure(struct l2_watch *w, int64_t backup_every_ms, uint64_t max_divergence)
{
	w->now.backup_every_ms = backup_every_ms;
	w->now.max_divergence = max_divergence;
}

/* -- its life -------------------------------------------------------------- */

struct l2_watch *watch_new(
    struct world *w, struct journal *j, const struct l2_node_config *config)
{
	struct l2_watch *watch = mem_new(sizeof *watch);

	watch->world = w;
	watch->journal = j;
	watch->since_ms = world_now_ms(w);
	watch_configure(watch, config->backup_every_ms, config->max_divergence);
	watch->chain = mem_str(config->chain);
	watch->own[0] = mem_str(config->folder);
	watch->own[1] = mem_str(config->log);
	watch->own[2] = mem_str(config->reorg_db);
	watch->own[3] = mem_str(config->backups);
	watch->paths = (struct l2_paths){ watch->own[0], watch->own[1], watch->own[2],
		watch->own[3], NULL, watch->name, NULL };
	return watch;
}

void watch_free(struct l2_watch *w)
{
	if (!w)
		return;
	job_free(w->back);
	book_recount_free(w->recount);
	for (size_t i = 0; i < sizeof w->own / sizeof *w->own; i++)
		mem_free(w->own[i]);
	mem_free(w->chain);
	mem_free(w);
}
