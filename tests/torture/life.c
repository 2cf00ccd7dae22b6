#include "life.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/intent.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"

#define JOURNAL "/disk/pawl.db"
#define NAME "wages"
#define BLOCKS_MAX 1024
#define LIFE_SECONDS 30         /* of real time */
#define LAST_MS (3600 * 1000ll) /* of the chain's */

/* -- ends ------------------------------------------------------------------ */

static struct told *notes;
static struct runner *runner; /* of this life */

static void NORETURN PRINTF(1, 2) wrong(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(notes->why, sizeof notes->why, fmt, args);
	va_end(args);
	_exit(LIFE_WRONG);
}

static void journal_died(enum err e, const char *why)
{
	notes->err = e;
	snprintf(
	    notes->why, sizeof notes->why, "the journal died: %s: %s", err_name(e), why);
	_exit(LIFE_JOURNAL);
}

static void at_point(enum crash_point p)
{
	notes->reached[p]++;
	if (++notes->points == notes->die_at)
		_exit(LOSSY_DEATH);
}

static void stuck(void *ctx, const char *why)
{
	struct stage *s = ctx;
	const struct operation *o =
	    runner && runner->operations_n ? runner->operations[0] : NULL;

	wrong("stuck at height %llu: %s; the operation is %s and waits for: %s",
	    (unsigned long long)s->chain->head->height, why,
	    o ? state_name(MACHINE_OPERATION, o->state) : "not loaded",
	    o ? o->waits_for : "");
}

/* -- what must hold whenever it rises -------------------------------------- */

/* G1: whatever was ever shown to anybody is in the journal. */
static void check_remembered(struct stage *s, struct journal *j)
{
	for (const struct sim_tx *t = s->chain->all; t; t = t->next_all) {
		struct sql_attempt_by_hash_in in;
		struct sql_attempt_by_hash_out out;

		if (t->foreign || !address_same(&t->from->at, &s->sender))
			continue;
		memcpy(in.hash, t->hash.at, sizeof in.hash);
		if (!sql_attempt_by_hash_one(j, &in, &out))
			wrong("bytes of nonce %llu left, and the journal has them not",
			    (unsigned long long)t->nonce);
	}
}

/* What the journal sees in a block is in a block of its trail. */
static void check_included(struct stage *s, struct journal *j)
{
	static struct sql_block_from_out trail[BLOCKS_MAX];
	struct sql_block_from_in from = { .chain = 1 };
	int64_t first, n = 0;

	sql_block_from_begin(j, &from);
	while (n < BLOCKS_MAX && sql_block_from_next(j, &trail[n]))
		n++;
	first = n ? trail[0].height : 0;
	for (const struct sim_tx *t = s->chain->all; t; t = t->next_all) {
		struct sql_attempt_by_hash_in in;
		struct sql_attempt_by_hash_out at;

		memcpy(in.hash, t->hash.at, sizeof in.hash);
		if (!sql_attempt_by_hash_one(j, &in, &at) || at.no_height ||
		    at.height < first)
			continue;
		if (at.height >= first + n ||
		    memcmp(trail[at.height - first].hash, at.block_hash, 32) != 0)
			wrong("an attempt is in block %lld, which is not in the trail",
			    (long long)at.height);
	}
}

struct count {
	struct totals by_state[5];
};

static void count_items(struct journal *j, const struct operation *o, struct count *ret)
{
	struct sql_item_from_in in = {
		.operation = o->id, .row = 1, .max = ROWS_MAX + 1
	};
	struct sql_item_from_out row;

	memset(ret, 0, sizeof *ret);
	sql_item_from_begin(j, &in);
	while (sql_item_from_next(j, &row)) {
		struct totals *t = &ret->by_state[row.state];

		t->n++;
		CHECK(amount_add(&t->sum, &t->sum, &row.amount));
	}
}

static struct amount count_held(struct journal *j, const struct operation *o)
{
	struct sql_intent_of_operation_in in = { .operation = o->id, .max = 100000 };
	struct sql_intent_of_operation_out row;
	struct amount sum = AMOUNT_ZERO;
	int64_t *ids = NULL;
	size_t n = 0;

	sql_intent_of_operation_begin(j, &in);
	while (sql_intent_of_operation_next(j, &row)) {
		ids = mem_grow(ids, n + 1, sizeof *ids);
		ids[n++] = row.id;
	}
	for (size_t i = 0; i < n; i++) {
		struct intent at;

		if (!intent_read(j, ids[i], &at))
			wrong("intent %lld can't be read", (long long)ids[i]);
		CHECK(amount_add(&sum, &sum, &at.held));
	}
	free(ids);
	return sum;
}

static void check_planned(const struct operation *o)
{
	struct amount sum = AMOUNT_ZERO;
	int64_t n = 0;

	for (size_t i = 0; i < 5; i++) {
		n += o->by_state[i].n;
		CHECK(amount_add(&sum, &sum, &o->by_state[i].sum));
	}
	if (n != o->items || amount_cmp(&sum, &o->planned) != 0)
		wrong("the states of %lld items don't add up to the plan", (long long)n);
}

/* G10: the totals are those of the rows. */
static void check_totals(struct journal *j, int64_t id)
{
	struct airdrop_facts a;
	struct operation o;
	struct amount held;
	struct count c;

	if (!operation_read(j, id, &o) || !airdrop_read(j, id, &a))
		wrong("operation %lld can't be read", (long long)id);
	check_planned(&o);
	held = count_held(j, &o);
	if (amount_cmp(&held, &o.fees_held) != 0)
		wrong("fees_held is not the sum of what intents hold");
	if (a.imported < o.items)
		return;
	count_items(j, &o, &c);
	for (size_t i = 0; i < 5; i++)
		if (c.by_state[i].n != o.by_state[i].n ||
		    amount_cmp(&c.by_state[i].sum, &o.by_state[i].sum) != 0)
			wrong("%lld items are %s, the totals say %lld",
			    (long long)c.by_state[i].n, state_name(MACHINE_ITEM, (int)i),
			    (long long)o.by_state[i].n);
}

static void check_journal(struct journal *j)
{
	int64_t operation = 0, commit = journal_check_events(j, &operation);
	char why[300];

	if (commit)
		wrong("the chain of events breaks at commit %lld, operation %lld",
		    (long long)commit, (long long)operation);
	if (!journal_check_pages(j, why, sizeof why))
		wrong("%s", why);
}

/* -- rising ---------------------------------------------------------------- */

static int64_t find_operation(struct journal *j)
{
	struct sql_operation_by_name_in in = { .name = NAME };
	struct sql_operation_by_name_out out;

	return sql_operation_by_name_one(j, &in, &out) ? out.id : 0;
}

static struct journal *own(struct stage *s)
{
	struct owner me = { .pid = 1, .host = "lathe" }, now;
	struct fail f = { 0 };
	struct journal *j;
	bool held;

	if (journal_own(&j, JOURNAL, &me, &f)) {
		if (f.err == ERR_JOURNAL)
			journal_died(f.err, f.why);
		wrong("no owner: %s", f.why);
	}
	if (!journal_owner(JOURNAL, &now, &held) || !held)
		wrong("it owns a journal that has no owner");
	if (now.epoch <= s->told->epoch)
		wrong("epoch %lld after %lld", (long long)now.epoch,
		    (long long)s->told->epoch);
	s->told->epoch = now.epoch;
	if (journal_commit_no(j) <= s->told->commits)
		wrong("%lld commits were answered with OK, %lld are there",
		    (long long)s->told->commits, (long long)journal_commit_no(j) - 1);
	if (s->told->created && !find_operation(j))
		wrong("the operation is gone");
	check_remembered(s, j);
	check_included(s, j);
	return j;
}

/* -- the operation --------------------------------------------------------- */

static struct list_rules rules_of(const struct stage *s)
{
	struct list_rules rules = { .decimals = 18,
		.base_units = true,
		.token = s->scenario->token,
		.sender = s->sender,
		.allow_duplicates = true };

	if (s->token)
		rules.token_address = s->token->at;
	return rules;
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

static enum err plan_row(void *ctx, const struct list_row *row, struct fail *f)
{
	(void)f;
	plan_hash_row(ctx, &row->to, &row->amount, row->memo, row->memo_len);
	return ERR_OK;
}

static void plan_of(const struct stage *s, struct list_sum *sum, uint8_t plan[32])
{
	struct plan_header header = { .chain_id = s->config.chain_id,
		.genesis = s->chain->genesis->hash,
		.token = s->scenario->token,
		.decimals = 18,
		.sender = s->sender,
		.service_fee = amount_u64(s->scenario->service_fee) };
	struct list_rules rules = rules_of(s);
	struct plan_hash *h;
	struct fail f = { 0 };

	if (s->token)
		header.token_address = s->token->at;
	if (s->scenario->service_fee)
		header.service_fee_to = s->fee_to;
	h = plan_hash_begin(&header);
	if (list_read(sum, NULL, s->list, &rules, plan_row, h, &f))
		wrong("the list: %s", f.why);
	plan_hash_end(h, plan);
}

static void import(struct stage *s, struct journal *j, int64_t id)
{
	struct list_rules rules = rules_of(s);
	struct fail f = { 0 };

	if (airdrop_import(j, id, &rules, never, NULL, &f))
		wrong("import: %s", f.why);
}

static int64_t create(struct stage *s, struct journal *j, int64_t chain)
{
	struct airdrop_new new = { .name = NAME,
		.key_name = "treasury",
		.chain = chain,
		.sender = s->sender,
		.in_flight_max = s->config.max_in_flight,
		.fee_cap = s->config.max_fee_per_gas };
	struct airdrop_facts *a = &new.facts;
	struct fail f = { 0 };
	struct list_sum sum;
	int64_t id;

	plan_of(s, &sum, new.plan);
	new.items = sum.rows;
	new.planned = sum.total;
	CHECK(amount_parse(&new.cap, "10", 2, 18) == AMOUNT_OK);
	a->has_token = s->scenario->token;
	a->decimals = 18;
	a->fee_amount = amount_u64(s->scenario->service_fee);
	a->fee_to = s->fee_to;
	a->gas = a->fee_gas = s->token ? AIRDROP_GAS_TOKEN : AIRDROP_GAS_NATIVE;
	if (s->token)
		a->token = s->token->at;
	snprintf(a->symbol, sizeof a->symbol, "%s", s->token ? "TKN" : "");
	snprintf(a->file, sizeof a->file, "%s", s->list);
	memcpy(a->file_hash, sum.file_hash, sizeof a->file_hash);
	id = airdrop_create(j, &new);
	if (!id || journal_commit(j, &f))
		wrong("create: %s", f.why);
	s->told->created = true;
	s->told->commits = journal_commit_no(j) - 1;
	return id;
}

/* -- the runner ------------------------------------------------------------ */

static enum err key_get(
    void *ctx, const char *name, const struct secret **ret, struct fail *f)
{
	struct stage *s = ctx;

	if (strcmp(name, "treasury") != 0)
		return fail_set(f, ERR_KEY, "there is no key %s", name);
	*ret = s->key;
	return ERR_OK;
}

static void before_event(void *ctx)
{
	struct stage *s = ctx;

	if (s->scenario->direct)
		s->scenario->direct(s);
}

static struct world *world_of(struct stage *s)
{
	struct sim_world_options o = { .chain = s->chain,
		.nodes = s->nodes,
		.nodes_n = s->scenario->nodes ? s->scenario->nodes : 1,
		.seed = s->seed,
		.last_ms = LAST_MS,
		.stuck = stuck,
		.before = before_event,
		.ctx = s };

	memcpy(o.per_mille, s->scenario->per_mille, sizeof o.per_mille);
	return sim_world_open(&o);
}

static void turn(struct stage *s, struct runner *r, struct journal *j)
{
	struct fail f = { 0 };

	if (!runner_turn(r, &f))
		wrong("a full disk, it says: %s", f.why);
	s->told->commits = journal_commit_no(j) - 1;
	for (size_t i = 0; i < r->operations_n; i++)
		check_planned(r->operations[i]);
}

/* Turns until the journal knows the chain: only then can an operation be made. */
static int64_t begin(struct stage *s, struct runner *r, struct journal *j)
{
	struct chain_run *c = runner_chain(r, s->config.name);
	int64_t id;

	for (;;) {
		turn(s, r, j);
		if (c->id)
			break;
		world_wait(r->s.world, runner_wake_ms(r));
	}
	id = create(s, j, c->id);
	import(s, j, id);
	if (!operation_load(r, id))
		wrong("the operation can't be loaded");
	return id;
}

static void run(struct stage *s, struct journal *j, int64_t id)
{
	static const struct kind *const kinds[] = { &kind_airdrop };
	struct world *w = world_of(s);
	struct runner_setup setup = { .world = w,
		.journal = j,
		.chains = &s->config,
		.chains_n = 1,
		.keys = { .ctx = s, .get = key_get },
		.kinds = kinds,
		.kinds_n = 1,
		.only_operation = id };
	struct runner *r = runner = runner_new(&setup);
	struct operation *o;

	if (!id)
		id = begin(s, r, j);
	for (;;) {
		o = runner_operation(r, id);
		if (o && operation_ended(o))
			break;
		if (o && s->scenario->command)
			s->scenario->command(s, r, o);
		turn(s, r, j);
		o = runner_operation(r, id);
		if (o && operation_ended(o))
			break;
		world_wait(w, runner_wake_ms(r));
	}
	world_free(w);
	runner_free(r);
}

/* -- the end --------------------------------------------------------------- */

static void tell_end(struct stage *s, struct journal *j, int64_t id)
{
	struct sql_item_from_in in = { .operation = id, .row = 1, .max = ROWS_MAX + 1 };
	struct sql_item_from_out row;
	struct sql_intent_by_row_in fee = { .operation = id, .row = 0 };
	struct sql_intent_by_row_out fee_intent;
	struct operation o;

	check_journal(j);
	check_totals(j, id);
	check_remembered(s, j);
	check_included(s, j);
	if (!operation_read(j, id, &o))
		wrong("the operation can't be read");
	if (!amount_is_zero(&o.fees_held))
		wrong("fees are held for an operation that has ended");
	s->told->state = o.state;
	s->told->fees_final = o.fees_final;
	sql_item_from_begin(j, &in);
	while (sql_item_from_next(j, &row))
		s->told->paid[row.row] = row.state == ITEM_FINAL;
	sql_intent_by_row_begin(j, &fee);
	while (sql_intent_by_row_next(j, &fee_intent)) {
		struct sql_intent_get_out got;

		if (sql_intent_get_one(
			j, &(struct sql_intent_get_in){ .id = fee_intent.id }, &got) &&
		    got.state == INTENT_FINAL)
			s->told->fee_paid = true;
	}
}

static void arm(struct stage *s, const struct armed *death)
{
	struct fail f = { 0 };

	if (death->create && journal_create(JOURNAL, &f))
		wrong("no journal: %s", f.why);
	s->told->points = 0;
	s->told->die_at = (uint64_t)death->point;
	lossy_die_at(s->disk, death->op);
	lossy_fail_sync_at(s->disk, death->sync);
	crash_hook = at_point;
}

static void log_setup(void)
{
	struct fail f;
	bool loud = getenv("TORTURE_LOUD");

	if (log_open(loud ? NULL : "/dev/null", loud ? LOG_DEBUG : LOG_ERROR, false, &f))
		wrong("no log: %s", f.why);
}

void life_live(struct stage *s, const struct armed *death)
{
	struct airdrop_facts a;
	struct operation o;
	struct journal *j;
	int64_t id;

	notes = s->told;
	notes->why[0] = '\0';
	journal_die = journal_died;
	alarm(LIFE_SECONDS);
	log_setup();
	lossy_install(s->disk);
	arm(s, death);
	j = own(s);
	id = find_operation(j);
	if (id) {
		check_totals(j, id);
		if (!airdrop_read(j, id, &a) || !operation_read(j, id, &o))
			wrong("the operation can't be read");
		if (a.imported < o.items)
			import(s, j, id);
	}
	if (!id || !operation_ended(&o))
		run(s, j, id);
	tell_end(s, j, find_operation(j));
	journal_close(j);
	_exit(LIFE_DONE);
}
