#include "serve/vital/health.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/mutant.h"
#include "chain/pool/pool.h"
#include "codec/json.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/node/watch/watch.h"

#define HEAD_OLD_MS 300000 /* no chain that we know is so slow */
#define DISK_LOW 10        /* of 100 */
#define STILL_MS 1800000

enum how { HEALTHY, DEGRADED, UNHEALTHY };

static const char *const hows[] = { "healthy", "degraded", "unhealthy" };

static void put(json_t *o, const char *key, json_t *value)
{
	CHECK(json_object_set_new(o, key, value) == 0);
}

static void put_n(json_t *o, const char *key, int64_t value)
{
	put(o, key, json_integer(value));
}

/* Its status comes last, since it is known then, and is the worst of what was noted. */
struct part {
	json_t *o;
	enum how how;
	const char *name;
	json_t *alerts; /* of all parts */
};

static struct part part_begin(const char *name, json_t *alerts)
{
	struct part p = { json_object(), HEALTHY, name, alerts };

	CHECK(p.o);
	return p;
}

/* The first of what is worst says why; all of it is an alert. */
static void part_note(struct part *p, enum how how, const char *why)
{
	json_t *alert = json_pack(
	    "{s:o, s:o}", "component", json_text(p->name), "why", json_text(why));

	CHECK(alert && json_array_append_new(p->alerts, alert) == 0);
	if (how <= p->how)
		return;
	p->how = how;
	put(p->o, "why", json_text(why));
}

static enum how part_end(struct part *p, json_t *around)
{
	put(p->o, "status", json_string(hows[p->how]));
	put(around, p->name, p->o);
	return p->how;
}

static enum how worse(enum how a, enum how b)
{
	return a > b ? a : b;
}

static void time_put(json_t *o, const char *key, int64_t wall_ms)
{
	time_t now_s = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	gmtime_r(&now_s, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	put(o, key, json_string(text));
}

/* When a notice was written, as its body has it; -1: it does not say. */
static int64_t noted_wall_ms(const char *body)
{
	json_t *o = json_read(body, strlen(body), NULL);
	const char *text = json_str(o, "time");
	struct tm tm = { 0 };
	int64_t ms = -1;

	if (text && strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		ms = (int64_t)timegm(&tm) * 1000;
	json_decref(o);
	return ms;
}

#define DUE_SHARE 20 /* of all time, one part is for counting */

static void due_count(struct due *ret, const struct health_at *at)
{
	struct sql_metric_suspended_out suspended;
	struct sql_metric_notice_in in;
	struct sql_metric_notice_out notice;
	struct sql_metric_due_out due;

	*ret = (struct due){ 0 };
	if (sql_metric_suspended_one(at->journal, &suspended))
		ret->suspended = suspended.n;
	if (!sql_metric_due_one(at->journal, &due) || due.no_oldest)
		return;
	ret->n = due.n;
	in.id = due.oldest;
	sql_metric_notice_begin(at->journal, &in);
	if (sql_metric_notice_next(at->journal, &notice)) {
		int64_t noted_ms = noted_wall_ms(notice.body);

		if (noted_ms >= 0 && world_wall_ms(at->world) > noted_ms)
			ret->oldest_ms = world_wall_ms(at->world) - noted_ms;
	}
	sql_metric_notice_end(at->journal);
}

void due_read(struct due *ret, const struct health_at *at)
{
	int64_t now_ms = world_now_ms(at->world), took_ms;

	if (at->due && now_ms < at->due->until_ms && !MUTANT(counted_each_time)) {
		*ret = at->due->due;
		return;
	}
	due_count(ret, at);
	if (!at->due)
		return;
	took_ms = world_now_ms(at->world) - now_ms;
	at->due->due = *ret;
	at->due->until_ms = now_ms + took_ms * DUE_SHARE;
}

/* -- components ------------------------------------------------------------ */

static enum how journal_part(json_t *around, const struct health_at *at, json_t *alerts)
{
	struct part p = part_begin("journal", alerts);

	put_n(p.o, "commits", journal_commit_no(at->journal) - 1);
	if (at->disk_free >= 0) {
		put_n(p.o, "disk_free_bytes", at->disk_free);
		put_n(p.o, "disk_bytes", at->disk_size);
		if (at->disk_free / DISK_LOW < at->disk_size / 100)
			part_note(
			    &p, DEGRADED, "less than 10 % of its file system is free");
	}
	if (!at->runner)
		part_note(&p, UNHEALTHY, at->full);
	return part_end(&p, around);
}

/* What is out of the way is named, and its chain is worse for it. */
static bool endpoints_part(json_t *around, const struct chain_run *c)
{
	json_t *list = json_array();
	bool all_well = true;

	CHECK(list);
	for (int i = 0; i < pool_size(c->pool); i++) {
		struct pool_figures f;
		json_t *o;

		pool_figures(c->pool, i, &f);
		o = json_pack("{s:o, s:s}", "name", json_text(f.name), "standing",
		    node_standing_name(f.standing));
		CHECK(o);
		if (f.standing != NODE_WELL && f.why[0])
			put(o, "why", json_text(f.why));
		all_well = all_well && f.standing == NODE_WELL;
		CHECK(json_array_append_new(list, o) == 0);
	}
	put(around, "endpoints", list);
	return all_well;
}

static void heads_part(
    json_t *o, const struct health_at *at, const struct chain_run *c, int64_t age_ms)
{
	uint64_t best = follower_quorum_height(c->follower);
	struct head head;

	(void)at;
	if (follower_head(c->follower, &head)) {
		put_n(o, "head", (int64_t)head.height);
		put_n(o, "head_age_ms", age_ms);
		put_n(o, "lag", best > head.height ? (int64_t)(best - head.height) : 0);
	}
	if (follower_final(c->follower, &head))
		put_n(o, "final", (int64_t)head.height);
}

/* What it has, and what it needs within the hour: as the metrics tell. */
static void accounts_part(
    struct part *p, const struct health_at *at, const struct chain_run *c)
{
	struct amount need;

	for (size_t i = 0; i < c->accounts_n; i++) {
		struct account *a = c->accounts[i];

		if (a->stopped)
			part_note(p, DEGRADED, a->why_stopped);
		if (!a->has_balance)
			continue;
		pulse_need(at->pulse, at->runner, a, world_now_ms(at->world), &need);
		if (amount_cmp(&a->balance, &need) < 0)
			part_note(p, DEGRADED,
			    "an account has less coin than the next hour takes; send "
			    "some there: pawl status");
	}
}

static enum how chain_part(
    json_t *around, const struct health_at *at, json_t *alerts, int i)
{
	const struct chain_run *c = &at->runner->chains[i];
	int64_t age_ms = pulse_head_age_ms(at->pulse, i, world_now_ms(at->world));
	const char *waits_for = follower_waits_for(c->follower);
	bool stopped = follower_stopped(c->follower);
	struct part p = part_begin(c->config->name, alerts);

	put(p.o, "quorum", json_boolean(!waits_for && age_ms >= 0));
	put(p.o, "stopped", json_boolean(stopped));
	heads_part(p.o, at, c, age_ms);
	if (c->last_send_wall_ms)
		time_put(p.o, "last_tx", c->last_send_wall_ms);
	if (stopped)
		part_note(&p, UNHEALTHY, waits_for ? waits_for : "it was stopped");
	if (waits_for)
		part_note(&p, DEGRADED, waits_for);
	if (age_ms < 0)
		part_note(&p, DEGRADED, "its head is not known yet");
	if (age_ms > HEAD_OLD_MS)
		part_note(&p, DEGRADED, "its head has not moved for five minutes");
	if (!endpoints_part(p.o, c))
		part_note(&p, DEGRADED, "an endpoint is not well");
	accounts_part(&p, at, c);
	return part_end(&p, around);
}

static enum how chains_part(json_t *around, const struct health_at *at, json_t *alerts)
{
	json_t *chains = json_object();
	enum how how = HEALTHY;

	CHECK(chains);
	for (int i = 0; i < at->runner->s.chains_n; i++)
		how = worse(how, chain_part(chains, at, alerts, i));
	put(around, "chains", chains);
	return how;
}

static enum how operations_part(
    json_t *around, const struct health_at *at, json_t *alerts)
{
	int64_t open = 0, needs_operator = 0, paused = 0, stuck = stuck_count(at->runner);
	struct part p = part_begin("operations", alerts);

	for (size_t i = 0; i < at->runner->operations_n; i++) {
		const struct operation *o = at->runner->operations[i];

		open += !operation_ended(o);
		needs_operator += o->state == OPERATION_NEEDS_OPERATOR;
		paused += o->state == OPERATION_PAUSED;
	}
	put_n(p.o, "open", open);
	put_n(p.o, "tasks_queued", open - paused - needs_operator);
	put_n(p.o, "needs_operator", needs_operator);
	put_n(p.o, "paused", paused);
	put_n(p.o, "stuck", stuck);
	if (needs_operator)
		part_note(&p, DEGRADED, "an operation needs an operator: pawl status");
	if (pulse_still_ms(at->pulse, world_now_ms(at->world)) > STILL_MS)
		part_note(&p, DEGRADED,
		    "a distribution is paid in part, and no row of it has moved for "
		    "half an hour: pawl status");
	if (stuck)
		part_note(&p, DEGRADED,
		    "an operation is in the same stage for longer than tell.stuck_after: "
		    "pawl status");
	return part_end(&p, around);
}

#define DUE_OLD_MS 600000

static enum how deliveries_part(
    json_t *around, const struct health_at *at, json_t *alerts)
{
	struct part p = part_begin("deliveries", alerts);
	struct due due;

	due_read(&due, at);
	put_n(p.o, "due", due.n);
	if (due.n)
		put_n(p.o, "oldest_due_ms", due.oldest_ms);
	put_n(p.o, "suspended", due.suspended);
	if (due.oldest_ms > DUE_OLD_MS)
		part_note(&p, DEGRADED,
		    "a subscriber has not been reached for ten minutes: pawl status");
	if (due.suspended && !MUTANT(suspended_is_well))
		part_note(&p, DEGRADED,
		    "nothing is sent to a subscriber any more, since nobody is there: "
		    "pawl status");
	return part_end(&p, around);
}

/* -- of a layer 2 ---------------------------------------------------------- */

static const char *const step_hows[] = {
	[L2_WAITS] = "waits",
	[L2_WELL] = "well",
	[L2_TROUBLE] = "trouble",
};

static void steps_part(struct part *p, const struct l2_figures *n)
{
	json_t *steps = json_object();

	CHECK(steps);
	for (int i = 0; i < L2_STEPS; i++) {
		json_t *o = json_pack("{s:s, s:o}", "how", step_hows[n->steps[i].how],
		    "said", json_text(n->steps[i].said));

		CHECK(o);
		put(steps, l2_step_name((enum l2_step)i), o);
		if (n->steps[i].how == L2_TROUBLE)
			part_note(p, DEGRADED, n->steps[i].said);
	}
	put(p->o, "started", json_boolean(n->started));
	put(p->o, "steps", steps);
}

/* What grows is an alert, and no reason to be called ill. */
static void growth_note(struct part *p, const struct l2_figures *n)
{
	if (n->log_large)
		part_note(p, HEALTHY,
		    "the log of snapshots is larger than 5000 MB: pawl node prune");
	if (n->database_large)
		part_note(p, HEALTHY,
		    "the reorg database is larger than 1000 MB: pawl node "
		    "prune-reorg-db");
	if (n->diverged)
		part_note(p, HEALTHY,
		    "the newest snapshot's anchor is more than node.max_divergence "
		    "blocks behind Bitcoin: pawl node create-anchor --again");
	if (n->anchor_why[0])
		part_note(p, HEALTHY, n->anchor_why);
}

static void files_part(struct part *p, const struct health_at *at)
{
	const struct l2_figures *n = at->node;

	put_n(p->o, "snapshot_log_bytes", (int64_t)n->look.log_bytes);
	put_n(p->o, "reorg_db_bytes", (int64_t)n->look.database_bytes);
	put_n(p->o, "backups", (int64_t)n->look.backups);
	if (n->look.backup_ms)
		put_n(
		    p->o, "backup_age_ms", world_wall_ms(at->world) - n->look.backup_ms);
	if (n->has_snapshot)
		time_put(p->o, "snapshot", (int64_t)n->snapshot_ms);
	if (n->disk_low)
		part_note(p, DEGRADED, "less than 10 % of its file system is free");
	if (n->backup_old)
		part_note(p, DEGRADED,
		    "the newest backup is older than twice node.backup.every: pawl node "
		    "backup");
}

static enum how node_part(json_t *around, const struct health_at *at, json_t *alerts)
{
	const struct l2_figures *n = at->node;
	struct part p = part_begin("node", alerts);

	steps_part(&p, n);
	if (n->has_height)
		put_n(p.o, "height", (int64_t)n->height);
	if (n->has_divergence)
		put_n(p.o, "divergence", (int64_t)n->divergence);
	if (n->looked)
		files_part(&p, at);
	if (n->backup_failed)
		part_note(&p, DEGRADED, n->backup_why);
	growth_note(&p, n);
	return part_end(&p, around);
}

/* -- the whole ------------------------------------------------------------- */

int health_encode(struct buf *out, const struct health_at *at)
{
	json_t *components = json_object(), *alerts = json_array(), *o = json_object();
	enum how how;

	CHECK(components && alerts && o);
	how = journal_part(components, at, alerts);
	if (at->runner) {
		how = worse(how, chains_part(components, at, alerts));
		how = worse(how, operations_part(components, at, alerts));
		how = worse(how, deliveries_part(components, at, alerts));
		if (at->node)
			how = worse(how, node_part(components, at, alerts));
	}
	put(o, "status", json_string(hows[how]));
	time_put(o, "timestamp", world_wall_ms(at->world));
	put(o, "components", components);
	put(o, "alerts", alerts);
	json_line_add(out, o);
	return how == UNHEALTHY ? 503 : 200;
}

void health_line(char *out, size_t size, const struct runner *r)
{
	size_t open = 0, needs_operator = 0;
	int n;

	for (size_t i = 0; i < r->operations_n; i++) {
		open += !operation_ended(r->operations[i]);
		needs_operator += r->operations[i]->state == OPERATION_NEEDS_OPERATOR;
	}
	n = snprintf(
	    out, size, "%zu operation%s open", open, open == 1 ? " is" : "s are");
	if (needs_operator)
		n += snprintf(out + n, size - (size_t)n,
		    ", %zu of them need%s an operator", needs_operator,
		    needs_operator == 1 ? "s" : "");
	for (int i = 0; i < r->s.chains_n && n < (int)size; i++) {
		const char *why = follower_waits_for(r->chains[i].follower);

		if (why)
			n += snprintf(out + n, size - (size_t)n, "; %s", why);
	}
}

/* Are there operations of it that are not ended? */
static bool chain_is_needed(const struct health_at *at, const struct chain_run *c)
{
	struct sql_report_open_in in = { .chain_id = (int64_t)c->config->chain_id };
	struct sql_report_open_out row;

	return sql_report_open_one(at->journal, &in, &row) && row.n > 0;
}

int ready_encode(struct buf *out, const struct health_at *at)
{
	const char *why = at->runner ? NULL : at->full;
	char text[400];
	json_t *o;

	for (int i = 0; at->runner && !why && i < at->runner->s.chains_n; i++) {
		const struct chain_run *c = &at->runner->chains[i];
		const char *waits_for = follower_waits_for(c->follower);
		struct head head;

		if (follower_head(c->follower, &head) || !chain_is_needed(at, c))
			continue;
		snprintf(text, sizeof text, "the head of %.40s is not known yet%s%.200s",
		    c->config->name, waits_for ? ": " : "", waits_for ? waits_for : "");
		why = text;
	}
	o = json_pack("{s:b}", "ready", !why);
	CHECK(o);
	if (why)
		put(o, "why", json_text(why));
	json_line_add(out, o);
	return why ? 503 : 200;
}
