#include "serve/vital/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chain/pool/pool.h"
#include "codec/eip55.h"
#include "engine/account.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/watch/watch.h"
#include "tell/tell.h"

enum metric {
#define METRIC(name, ...) METRIC_##name,
#include "serve/vital/metrics.def"
#undef METRIC
};

static const struct {
	const char *name, *type, *help;
} metrics[] = {
#define TYPE_COUNTER "counter"
#define TYPE_GAUGE "gauge"
#define TYPE_HISTOGRAM "histogram"
#define METRIC(id, name, type, labels, help) { name, TYPE_##type, help },
#include "serve/vital/metrics.def"
#undef METRIC
};

/* -- lines ----------------------------------------------------------------- */

struct label {
	const char *name, *value; /* NULL: there is none */
};

#define LABELS_MAX 3

static void head(struct buf *out, enum metric m)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[m].name, metrics[m].help,
	    metrics[m].name, metrics[m].type);
}

static void value_escape(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n') {
			buf_add_str(out, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			buf_add_byte(out, '\\');
		buf_add_byte(out, (uint8_t)*value);
	}
}

/* name + suffix and labels: what stands before a value. */
static void series(
    struct buf *out, enum metric m, const char *suffix, const struct label *labels)
{
	int n = 0;

	buf_addf(out, "%s%s", metrics[m].name, suffix);
	for (; n < LABELS_MAX && labels[n].value; n++) {
		buf_addf(out, "%s%s=\"", n ? "," : "{", labels[n].name);
		value_escape(out, labels[n].value);
		buf_add_str(out, "\"");
	}
	buf_add_str(out, n ? "} " : " ");
}

#define LABELS(...) ((const struct label[LABELS_MAX]){ __VA_ARGS__ })
#define NO_LABELS LABELS({ NULL, NULL })

static void sample(
    struct buf *out, enum metric m, const struct label *labels, int64_t value)
{
	series(out, m, "", labels);
	buf_addf(out, "%" PRId64 "\n", value);
}

static void sample_ms(struct buf *out, enum metric m, const char *suffix,
    const struct label *labels, int64_t ms)
{
	series(out, m, suffix, labels);
	buf_addf(out, "%" PRId64 ".%03d\n", ms / 1000, (int)(ms % 1000));
}

static void alone(struct buf *out, enum metric m, int64_t value)
{
	head(out, m);
	sample(out, m, NO_LABELS, value);
}

/* -- process and journal --------------------------------------------------- */

static void process_add(struct buf *out, const struct health_at *at)
{
	head(out, METRIC_BUILD);
	sample(out, METRIC_BUILD, LABELS({ "version", at->version }), 1);
	head(out, METRIC_START);
	sample_ms(out, METRIC_START, "", NO_LABELS, at->since_wall_ms);
	alone(out, METRIC_COMMITS, journal_commit_no(at->journal) - 1);
	alone(out, METRIC_WRITABLE, at->runner != NULL);
	if (at->disk_free < 0)
		return;
	alone(out, METRIC_DISK_FREE, at->disk_free);
	alone(out, METRIC_DISK_SIZE, at->disk_size);
}

static void items_add(struct buf *out, const struct health_at *at)
{
	struct sql_metric_items_out n;

	if (!sql_metric_items_one(at->journal, &n))
		return;
	head(out, METRIC_ITEMS);
	sample(out, METRIC_ITEMS, LABELS({ "state", "pending" }), n.pending);
	sample(out, METRIC_ITEMS, LABELS({ "state", "live" }), n.live);
	sample(out, METRIC_ITEMS, LABELS({ "state", "final" }), n.final);
	sample(out, METRIC_ITEMS, LABELS({ "state", "void" }), n.voided);
	sample(out, METRIC_ITEMS, LABELS({ "state", "refunded" }), n.refunded);
}

static void operations_add(struct buf *out, const struct health_at *at)
{
	struct sql_metric_operations_out row;

	head(out, METRIC_OPERATIONS);
	sql_metric_operations_begin(at->journal);
	while (sql_metric_operations_next(at->journal, &row))
		sample(out, METRIC_OPERATIONS,
		    LABELS({ "kind", row.kind },
			{ "state", state_name(MACHINE_OPERATION, (int)row.state) }),
		    row.n);
	if (at->runner) {
		alone(out, METRIC_STUCK, stuck_count(at->runner));
		head(out, METRIC_STILL);
		sample_ms(out, METRIC_STILL, "", NO_LABELS,
		    pulse_still_ms(at->pulse, world_now_ms(at->world)));
	}
	items_add(out, at);
}

/* -- of each chain --------------------------------------------------------- */

static void chain_add(
    struct buf *out, enum metric m, const struct health_at *at, int number)
{
	const struct chain_run *c = &at->runner->chains[number];
	const struct label *labels = LABELS({ "chain", c->config->name });
	int64_t age_ms = pulse_head_age_ms(at->pulse, number, world_now_ms(at->world));
	struct head block;

	if (m == METRIC_CHAIN_STOPPED)
		sample(out, m, labels, follower_stopped(c->follower));
	else if (m == METRIC_CHAIN_WAITS)
		sample(out, m, labels, follower_waits_for(c->follower) != NULL);
	else if (m == METRIC_REORGS)
		sample(out, m, labels, c->reorgs);
	else if (m == METRIC_HEAD && follower_head(c->follower, &block))
		sample(out, m, labels, (int64_t)block.height);
	else if (m == METRIC_FINAL && follower_final(c->follower, &block))
		sample(out, m, labels, (int64_t)block.height);
	else if (m == METRIC_HEAD_AGE && age_ms >= 0)
		sample_ms(out, m, "", labels, age_ms);
}

static void sends_add(struct buf *out, const struct chain_run *c)
{
	static const char *const outcomes[SENDS] = {
		[SENDS_ACCEPTED] = "accepted",
		[SENDS_KNOWN] = "known",
		[SENDS_REFUSED] = "refused",
		[SENDS_UNKNOWN] = "unknown",
	};

	for (int i = 0; i < SENDS; i++)
		sample(out, METRIC_SENDS,
		    LABELS({ "chain", c->config->name }, { "outcome", outcomes[i] }),
		    c->sends[i]);
}

static void chains_add(struct buf *out, const struct health_at *at)
{
	static const enum metric of_chain[] = { METRIC_CHAIN_STOPPED, METRIC_CHAIN_WAITS,
		METRIC_HEAD, METRIC_HEAD_AGE, METRIC_FINAL, METRIC_REORGS };

	for (size_t k = 0; k < sizeof of_chain / sizeof *of_chain; k++) {
		head(out, of_chain[k]);
		for (int i = 0; i < at->runner->s.chains_n; i++)
			chain_add(out, of_chain[k], at, i);
	}
	head(out, METRIC_SENDS);
	for (int i = 0; i < at->runner->s.chains_n; i++)
		sends_add(out, &at->runner->chains[i]);
}

/* -- of each endpoint ------------------------------------------------------ */

static void latency_add_to(
    struct buf *out, const char *chain, const char *endpoint, const struct latency *l)
{
	const struct label *labels = LABELS({ "chain", chain }, { "endpoint", endpoint });
	int64_t below = 0;

	for (int i = 0; i < LATENCY_BOXES; i++) {
		int64_t bound_ms = latency_bound_ms(i);
		char le[32] = "+Inf";

		if (bound_ms != INT64_MAX)
			snprintf(le, sizeof le, "%" PRId64 ".%03d", bound_ms / 1000,
			    (int)(bound_ms % 1000));
		below += l->box[i];
		series(out, METRIC_LATENCY, "_bucket",
		    LABELS({ "chain", chain }, { "endpoint", endpoint }, { "le", le }));
		buf_addf(out, "%" PRId64 "\n", below);
	}
	sample_ms(out, METRIC_LATENCY, "_sum", labels, l->sum_ms);
	series(out, METRIC_LATENCY, "_count", labels);
	buf_addf(out, "%" PRId64 "\n", l->n);
}

static void endpoint_add(
    struct buf *out, enum metric m, const char *chain, const struct pool_figures *f)
{
	const struct label *labels = LABELS({ "chain", chain }, { "endpoint", f->name });

	if (m == METRIC_REQUESTS)
		sample(out, m, labels, f->asked);
	else if (m == METRIC_BREAKER)
		sample(out, m, labels, f->standing == NODE_SHUT);
	else if (m == METRIC_LEFT_OUT)
		sample(out, m, labels, f->standing == NODE_LEFT_OUT);
	else if (m == METRIC_LATENCY)
		latency_add_to(out, chain, f->name, f->latency);
	for (int i = 0; m == METRIC_ERRORS && i < FAILURE_COUNT; i++)
		sample(out, m,
		    LABELS({ "chain", chain }, { "endpoint", f->name },
			{ "kind", node_failure_name((enum node_failure)i) }),
		    f->failed[i]);
}

static void endpoints_add(struct buf *out, const struct health_at *at)
{
	static const enum metric of_endpoint[] = { METRIC_REQUESTS, METRIC_ERRORS,
		METRIC_BREAKER, METRIC_LEFT_OUT, METRIC_LATENCY };

	for (size_t k = 0; k < sizeof of_endpoint / sizeof *of_endpoint; k++) {
		head(out, of_endpoint[k]);
		for (int i = 0; i < at->runner->s.chains_n; i++) {
			const struct chain_run *c = &at->runner->chains[i];

			for (int node = 0; node < pool_size(c->pool); node++) {
				struct pool_figures f;

				pool_figures(c->pool, node, &f);
				endpoint_add(out, of_endpoint[k], c->config->name, &f);
			}
		}
	}
}

/* -- of each account ------------------------------------------------------- */

static void coin_add(
    struct buf *out, enum metric m, const struct label *labels, const struct amount *coin)
{
	char text[AMOUNT_TEXT_MAX];

	amount_format(text, coin, 0);
	series(out, m, "", labels);
	buf_addf(out, "%s\n", text);
}

static void need_add(struct buf *out, const struct health_at *at, const struct account *a,
    const struct label *labels)
{
	struct amount need;

	pulse_need(at->pulse, at->runner, a, world_now_ms(at->world), &need);
	coin_add(out, METRIC_NEED, labels, &need);
}

static void attempts_add(struct buf *out, const struct health_at *at,
    const struct account *a, const char *address)
{
	struct sql_metric_attempts_in in = { .account = a->id };
	struct sql_metric_attempts_out row;

	sql_metric_attempts_begin(at->journal, &in);
	while (sql_metric_attempts_next(at->journal, &row))
		sample(out, METRIC_ATTEMPTS,
		    LABELS({ "chain", a->chain->config->name }, { "account", address },
			{ "state", state_name(MACHINE_ATTEMPT, (int)row.state) }),
		    row.n);
}

static void account_add(
    struct buf *out, enum metric m, const struct health_at *at, struct account *a)
{
	struct sql_metric_live_in in = { .account = a->id };
	struct sql_metric_live_out live;
	char address[43];
	const struct label *labels =
	    LABELS({ "chain", a->chain->config->name }, { "account", address });

	eip55_format(address, a->address.at);
	if (m == METRIC_BALANCE && a->has_balance)
		coin_add(out, m, labels, &a->balance);
	else if (m == METRIC_NEED && a->has_balance)
		need_add(out, at, a, labels);
	else if (m == METRIC_ACCOUNT_STOPPED)
		sample(out, m, labels, a->stopped);
	else if (m == METRIC_NONCE && a->has_first_nonce)
		sample(out, m, labels, (int64_t)account_above(at->runner, a));
	else if (m == METRIC_INTENTS && sql_metric_live_one(at->journal, &in, &live))
		sample(out, m, labels, live.n);
	else if (m == METRIC_ATTEMPTS)
		attempts_add(out, at, a, address);
}

static void accounts_add(struct buf *out, const struct health_at *at)
{
	static const enum metric of_account[] = { METRIC_BALANCE, METRIC_NEED,
		METRIC_ACCOUNT_STOPPED, METRIC_NONCE, METRIC_INTENTS, METRIC_ATTEMPTS };

	for (size_t k = 0; k < sizeof of_account / sizeof *of_account; k++) {
		head(out, of_account[k]);
		for (int i = 0; i < at->runner->s.chains_n; i++) {
			const struct chain_run *c = &at->runner->chains[i];

			for (size_t n = 0; n < c->accounts_n; n++)
				account_add(out, of_account[k], at, c->accounts[n]);
		}
	}
}

/* -- of transactions that are followed --------------------------------------- */

static void states_add(
    struct buf *out, enum metric m, const struct health_at *at, const struct chain_run *c)
{
	struct sql_metric_tracked_in in = { .chain = c->id };
	struct sql_metric_tracked_out row;
	const char *chain = c->config->name;
	int64_t due = 0;

	sql_metric_tracked_begin(at->journal, &in);
	while (sql_metric_tracked_next(at->journal, &row)) {
		if (row.state == TRACKED_UNSEEN || row.state == TRACKED_MEMPOOL ||
		    row.state == TRACKED_DROPPED)
			due += row.n;
		if (m == METRIC_TRACKED)
			sample(out, m,
			    LABELS({ "chain", chain },
				{ "state", state_name(MACHINE_TRACKED, (int)row.state) }),
			    row.n);
	}
	if (m == METRIC_TRACKED_DUE)
		sample(out, m, LABELS({ "chain", chain }), due);
}

static void unseen_add(
    struct buf *out, const struct health_at *at, const struct chain_run *c)
{
	struct sql_metric_tracked_unseen_in in = { .chain = c->id };
	struct sql_metric_tracked_unseen_out oldest;
	int64_t age_ms;

	if (!sql_metric_tracked_unseen_one(at->journal, &in, &oldest))
		return;
	age_ms = world_wall_ms(at->world) - oldest.since_ms;
	sample_ms(out, METRIC_TRACKED_UNSEEN, "", LABELS({ "chain", c->config->name }),
	    age_ms > 0 ? age_ms : 0);
}

static void tracked_add(struct buf *out, const struct health_at *at)
{
	static const enum metric of_tracked[] = { METRIC_TRACKED, METRIC_TRACKED_DUE,
		METRIC_TRACKED_UNSEEN };

	for (size_t k = 0; k < sizeof of_tracked / sizeof *of_tracked; k++) {
		head(out, of_tracked[k]);
		for (int i = 0; i < at->runner->s.chains_n; i++) {
			const struct chain_run *c = &at->runner->chains[i];

			if (of_tracked[k] == METRIC_TRACKED_UNSEEN)
				unseen_add(out, at, c);
			else
				states_add(out, of_tracked[k], at, c);
		}
	}
}

/* -- of what subscribers are told ------------------------------------------ */

static void deliveries_add(struct buf *out, const struct health_at *at)
{
	static const char *const outcomes[TELL_OUTCOMES] = {
		[TELL_ACCEPTED] = "accepted",
		[TELL_REFUSED] = "refused",
		[TELL_UNKNOWN] = "unknown",
		[TELL_GONE] = "gone",
	};
	const struct tell *t = tell_of(at->runner);
	struct due due;

	due_read(&due, at);
	alone(out, METRIC_DUE, due.n);
	head(out, METRIC_DUE_AGE);
	sample_ms(out, METRIC_DUE_AGE, "", NO_LABELS, due.oldest_ms);
	alone(out, METRIC_SUSPENDED, due.suspended);
	if (!t)
		return;
	head(out, METRIC_DELIVERIES);
	for (int k = 0; channel_at(k); k++)
		for (int i = 0; i < TELL_OUTCOMES; i++)
			sample(out, METRIC_DELIVERIES,
			    LABELS({ "channel", channel_at(k)->name },
				{ "outcome", outcomes[i] }),
			    tell_count(t, k, (enum tell_outcome)i));
}

/* -- of a layer 2 ---------------------------------------------------------- */

static void ages_add(struct buf *out, const struct health_at *at)
{
	const struct l2_figures *n = at->node;
	int64_t now_ms = world_wall_ms(at->world);
	int64_t snapshot_ms = now_ms - (int64_t)n->snapshot_ms;
	int64_t backup_ms = now_ms - n->look.backup_ms;

	head(out, METRIC_NODE_SNAPSHOT_AGE);
	if (n->has_snapshot)
		sample_ms(out, METRIC_NODE_SNAPSHOT_AGE, "", NO_LABELS,
		    snapshot_ms > 0 ? snapshot_ms : 0);
	head(out, METRIC_NODE_BACKUP_AGE);
	if (n->look.backup_ms)
		sample_ms(out, METRIC_NODE_BACKUP_AGE, "", NO_LABELS,
		    backup_ms > 0 ? backup_ms : 0);
	head(out, METRIC_NODE_BACKUP_EVERY);
	sample_ms(out, METRIC_NODE_BACKUP_EVERY, "", NO_LABELS, n->backup_every_ms);
}

static void files_add(struct buf *out, const struct health_at *at)
{
	const struct l2_figures *n = at->node;

	alone(out, METRIC_NODE_STARTED, n->started);
	head(out, METRIC_NODE_TROUBLE);
	for (int i = 0; i < L2_STEPS; i++)
		sample(out, METRIC_NODE_TROUBLE,
		    LABELS({ "step", l2_step_name((enum l2_step)i) }),
		    n->steps[i].how == L2_TROUBLE);
	head(out, METRIC_NODE_HEIGHT);
	if (n->has_height)
		sample(out, METRIC_NODE_HEIGHT, NO_LABELS, (int64_t)n->height);
	head(out, METRIC_NODE_DIVERGENCE);
	if (n->has_divergence)
		sample(out, METRIC_NODE_DIVERGENCE, NO_LABELS, (int64_t)n->divergence);
	alone(out, METRIC_NODE_MAX_DIVERGENCE, (int64_t)n->max_divergence);
	alone(out, METRIC_NODE_ANCHOR_LOST, n->anchor_why[0] != '\0');
	alone(out, METRIC_NODE_BACKUP_FAILED, n->backup_failed);
	if (!n->looked)
		return;
	alone(out, METRIC_NODE_LOG, (int64_t)n->look.log_bytes);
	alone(out, METRIC_NODE_DATABASE, (int64_t)n->look.database_bytes);
	alone(out, METRIC_NODE_BACKUPS, (int64_t)n->look.backups);
	ages_add(out, at);
}

static void statuses_add(struct buf *out, struct journal *j, int list, enum metric m,
    enum machine machine, const char *direction)
{
	struct sql_node_statuses_in in = { .list = list };
	struct sql_node_statuses_out row;

	sql_node_statuses_begin(j, &in);
	while (sql_node_statuses_next(j, &row)) {
		const char *status = state_name(machine, (int)row.status);

		sample(out, m,
		    direction ? LABELS({ "direction", direction }, { "status", status })
			      : LABELS({ "status", status }),
		    row.n);
	}
}

static void ledger_add(struct buf *out, const struct health_at *at)
{
	struct journal *j = at->journal;
	struct book_sums s;
	struct amount supply;

	book_sums(j, &s);
	supply = book_supply(&s);
	head(out, METRIC_NODE_MINTED);
	coin_add(out, METRIC_NODE_MINTED, NO_LABELS, &s.minted);
	head(out, METRIC_NODE_BURNED);
	coin_add(out, METRIC_NODE_BURNED, NO_LABELS, &s.burned);
	head(out, METRIC_NODE_SUPPLY);
	coin_add(out, METRIC_NODE_SUPPLY, NO_LABELS, &supply);
	head(out, METRIC_NODE_RECORDS);
	for (int i = 0; i < L2_LISTS; i++)
		sample(out, METRIC_NODE_RECORDS, LABELS({ "list", l2_kinds[i].many }),
		    s.n[i]);
	head(out, METRIC_NODE_PEGS);
	statuses_add(out, j, L2_PEGINS, METRIC_NODE_PEGS, MACHINE_PEGIN, "in");
	statuses_add(out, j, L2_PEGOUTS, METRIC_NODE_PEGS, MACHINE_PEGOUT, "out");
	head(out, METRIC_NODE_ANCHORS);
	statuses_add(
	    out, j, ANCHOR_STATUS_LIST, METRIC_NODE_ANCHORS, MACHINE_ANCHOR, NULL);
}

void metrics_encode(struct buf *out, const struct health_at *at)
{
	process_add(out, at);
	operations_add(out, at);
	if (!at->runner)
		return;
	chains_add(out, at);
	endpoints_add(out, at);
	accounts_add(out, at);
	tracked_add(out, at);
	deliveries_add(out, at);
	if (!at->node)
		return;
	files_add(out, at);
	ledger_add(out, at);
}
