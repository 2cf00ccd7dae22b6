#include "life.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "desk.h"
#include "engine/account.h"
#include "engine/intent.h"
#include "engine/past.h"
#include "journal/journal.h"
#include "journal/sql.gen.h"
#include "kinds/fence/fence.h"

#define JOURNAL "/disk/pawl.db"
#define BLOCKS_MAX 1024
#define BROKEN "of an advance that failed"
#define FULL_PAUSE_MS 5000
#define LIFE_SECONDS 30         /* of real time */
#define LAST_MS (3600 * 1000ll) /* of the chain's */

/* -- ends ------------------------------------------------------------------ */

static struct notes *notes;
static struct runner *runner; /* of this life */
static int64_t freeze_at, copy_at;

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
		_exit(LIFE_DIED);
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

static bool sent_by_us(const struct stage *s, const struct sim_tx *t)
{
	for (int i = 0; i < s->keys; i++)
		if (address_same(&t->from->at, &s->key[i].address))
			return true;
	return false;
}

static bool attempt_of(
    struct journal *j, const struct sim_tx *t, struct sql_attempt_by_hash_out *ret)
{
	struct sql_account_by_address_in who = { .chain = 1 };
	struct sql_account_by_address_out account;
	struct sql_attempt_by_hash_in in;

	memcpy(who.address, t->from->at.at, sizeof who.address);
	memcpy(in.hash, t->hash.at, sizeof in.hash);
	if (!sql_account_by_address_one(j, &who, &account))
		return false;
	in.account = account.id;
	return sql_attempt_by_hash_one(j, &in, ret);
}

/* G1: whatever was ever shown to anybody is in the journal, unless it is a copy. */
static void check_remembered(struct stage *s, struct journal *j)
{
	for (const struct sim_tx *t = s->told->older ? NULL : s->chain->all; t;
	     t = t->next_all) {
		struct sql_attempt_by_hash_out out;

		if (t->foreign || !sent_by_us(s, t))
			continue;
		if (!attempt_of(j, t, &out))
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
		struct sql_attempt_by_hash_out at;

		if (!attempt_of(j, t, &at) || at.no_height || at.height < first)
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

static int64_t find_operation(struct journal *j, const char *name)
{
	struct sql_operation_by_name_in in = { .name = name };
	struct sql_operation_by_name_out out;

	return sql_operation_by_name_one(j, &in, &out) ? out.id : 0;
}

/* As a start finds it in a copy that is marked, or in another file. */
static void doubt(struct stage *s, struct journal *j)
{
	struct fail f = { 0 };

	if (!s->told->doubts)
		return;
	journal_doubt_add(j, "it is a copy");
	if (journal_commit(j, &f))
		wrong("no doubt: %s", f.why);
	s->told->commits = journal_commit_no(j) - 1;
	s->told->doubts = false;
}

static struct journal *own(struct stage *s)
{
	struct owner me = { .pid = 1, .host = "lathe" }, now;
	struct fail f = { 0 };
	struct journal *j;
	bool held;

	if (journal_own(&j, JOURNAL, &me, &f)) {
		if (f.err == ERR_DISK_FULL && s->scenario->fills)
			_exit(LIFE_FULL);
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
	for (int i = 0; i < s->lists; i++)
		if (s->told->created[i] && !find_operation(j, stage_list(s, i)->name))
			wrong("operation %s is gone", stage_list(s, i)->name);
	check_remembered(s, j);
	check_included(s, j);
	doubt(s, j);
	return j;
}

/* -- the operation --------------------------------------------------------- */

static struct list_rules rules_of(const struct stage *s, const struct stage_list *l)
{
	struct list_rules rules = { .decimals = 18,
		.base_units = true,
		.token = s->scenario->token,
		.sender = l->key->address,
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

void life_plan(const struct stage *s, const struct stage_list *l, struct list_sum *sum,
    uint8_t plan[32])
{
	struct plan_header header = { .chain_id = s->config.chain_id,
		.genesis = s->chain->genesis->hash,
		.token = s->scenario->token,
		.decimals = 18,
		.sender = l->key->address,
		.service_fee = amount_u64(s->scenario->service_fee) };
	struct list_rules rules = rules_of(s, l);
	struct plan_hash *h;
	struct fail f = { 0 };

	if (s->token)
		header.token_address = s->token->at;
	if (s->scenario->service_fee)
		header.service_fee_to = l->fee_to;
	h = plan_hash_begin(&header);
	if (list_read(sum, NULL, l->path, &rules, plan_row, h, &f))
		wrong("the list: %s", f.why);
	plan_hash_end(h, plan);
}

static void import(
    struct stage *s, struct journal *j, const struct stage_list *l, int64_t id)
{
	struct list_rules rules = rules_of(s, l);
	struct airdrop_facts a;
	struct fail f = { 0 };

	if (!airdrop_read(j, id, &a) ||
	    airdrop_import(j, id, a.file, a.file_hash, &rules, never, NULL, &f))
		wrong("import: %s", f.why);
}

void life_facts(
    const struct stage *s, const struct stage_list *l, struct airdrop_facts *a)
{
	a->has_token = s->scenario->token;
	a->decimals = 18;
	a->fee_amount = amount_u64(s->scenario->service_fee);
	a->fee_to = l->fee_to;
	a->gas = a->fee_gas = s->token ? connector_evm.gas_token : connector_evm.gas_coin;
	if (s->token)
		a->token = s->token->at;
	snprintf(a->symbol, sizeof a->symbol, "%s", s->token ? "TKN" : "");
	snprintf(a->file, sizeof a->file, "%s", l->path);
}

static struct airdrop_new new_of(
    const struct stage *s, const struct stage_list *l, int64_t chain)
{
	struct airdrop_new new = { .name = l->name,
		.key_name = l->key->name,
		.chain = chain,
		.sender = l->key->address,
		.in_flight_max = s->config.max_in_flight,
		.fee_cap = s->config.max_fee_per_gas };

	life_facts(s, l, &new.facts);
	return new;
}

static int64_t create(
    struct stage *s, struct journal *j, int list, int64_t chain, bool adopt)
{
	const struct stage_list *l = stage_list(s, list);
	struct airdrop_new new = new_of(s, l, chain);
	struct fail f = { 0 };
	struct list_sum sum;
	int64_t id;

	new.facts.adopt = adopt;
	life_plan(s, l, &sum, new.plan);
	new.items = sum.rows;
	new.planned = sum.total;
	CHECK(amount_parse(&new.cap, "10", 2, 18) == AMOUNT_OK);
	memcpy(new.facts.file_hash, sum.file_hash, sizeof new.facts.file_hash);
	id = airdrop_create(j, &new);
	if (!id || journal_commit(j, &f))
		wrong("create: %s", f.why);
	s->told->created[list] = true;
	s->told->commits = journal_commit_no(j) - 1;
	return id;
}

/* -- a kind that can fail -------------------------------------------------- */

static struct stage *breaks_for;

static void leaves(void *job)
{
	(void)job;
	wrong("an effect of an advance that failed was released");
}

static void dropped(void *job)
{
	(void)job;
}

/* It does all that it does, and then fails: nothing of it may stay. */
static enum err advance(struct runner *r, struct operation *o, struct fail *f)
{
	const struct scenario *sc = breaks_for->scenario;
	enum err e = kind_airdrop.advance(r, o, f);

	if (e || !sc->breaks || !sc->breaks(breaks_for, o))
		return e;
	outbox_add(r->outbox,
	    &(struct effect){ .release = leaves, .drop = dropped, .commits = true });
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.what = "item",
		.from = "",
		.to = "",
		.why = BROKEN });
	return fail_set(f, ERR_CONFLICT, "it breaks here");
}

static void check_events(struct stage *s, struct journal *j)
{
	const char *wanted = s->scenario->event;
	struct sql_event_from_out o;

	sql_event_from_begin(j, &(struct sql_event_from_in){ .id = 1 });
	while (sql_event_from_next(j, &o)) {
		if (!strcmp(o.why, BROKEN))
			wrong("a row of an advance that failed was committed");
		if (wanted && !strcmp(o.to_state, wanted))
			s->told->event = true;
	}
}

/* -- the runner ------------------------------------------------------------ */

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

struct life {
	struct stage *s;
	struct journal *j;
	struct world *w;
	struct runner *r;
	struct desk *desk;     /* NULL: nobody asks */
	int64_t id[LISTS_MAX]; /* 0: not made yet */
};

static void runner_make(struct life *l)
{
	static struct kind breakable;
	static const struct kind *const kinds[] = { &breakable, &kind_fence };

	breakable = kind_airdrop;
	breakable.advance = advance;
	breaks_for = l->s;
	l->w = world_of(l->s);
	l->r = runner = runner_new(&(struct runner_setup){ .world = l->w,
	    .journal = l->j,
	    .chains = &l->s->config,
	    .chains_n = 1,
	    .keys = sim_lender_keyring(&l->s->lender),
	    .kinds = kinds,
	    .kinds_n = 2,
	    .only_operation = l->s->lists == 1 ? l->id[0] : 0 });
	if (l->s->scenario->operated && !l->s->baton->alive[l->s->me])
		l->desk = desk_open(l->s, l->w, l->j);
}

static void runner_drop(struct life *l)
{
	desk_close(l->desk);
	world_free(l->w);
	runner_free(l->r);
	desk_free(l->desk);
	l->r = runner = NULL;
	l->desk = NULL;
}

static void baton_pass(struct baton *b, int me)
{
	CHECK(sem_post(&b->go[!me]) == 0);
	while (sem_wait(&b->go[me]))
		CHECK(errno == EINTR);
}

/* Until its time comes; where two live, whoever is next. */
static void wait_until(struct life *l, int64_t until_ms)
{
	struct baton *b = l->s->baton;
	int me = l->s->me;

	while (b->alive[me] && b->alive[!me]) {
		int64_t due_ms = sim_world_due_ms(sim_world_of(l->w));

		b->due_ms[me] = due_ms < until_ms ? due_ms : until_ms;
		if (b->due_ms[me] <= b->due_ms[!me]) {
			if (b->due_ms[!me] < until_ms)
				until_ms = b->due_ms[!me];
			break;
		}
		baton_pass(b, me);
	}
	world_wait(l->w, until_ms);
}

/* The turn did not happen: all that was cached is worth nothing now. */
static void disk_full(struct life *l, const char *why)
{
	int64_t until_ms;

	if (!l->s->scenario->fills)
		wrong("a full disk, it says: %s", why);
	l->s->told->dropped++;
	runner_drop(l);
	runner_make(l);
	until_ms = world_now_ms(l->w) + FULL_PAUSE_MS;
	while (world_now_ms(l->w) < until_ms)
		world_wait(l->w, until_ms);
}

static bool all_listed(const struct life *l)
{
	bool all = true;

	for (int i = 0; i < l->s->lists; i++)
		all &= l->id[i] != 0;
	return all;
}

static void arm(struct stage *s, const struct armed *death)
{
	s->told->points = 0;
	s->told->die_at = (uint64_t)death->point;
	sim_disk_die_at(s->disk, death->op);
	sim_disk_fail_sync_at(s->disk, death->sync);
	freeze_at = death->freeze;
	copy_at = death->copy;
	crash_hook = at_point;
}

/* As a machine whose memory and disk were copied at one instant, and are put back. The
 * chain goes on meanwhile. */
static void freeze(struct stage *s)
{
	struct timespec late = { .tv_sec = time(NULL) + LIFE_SECONDS };
	const struct notes then = *s->told;
	struct sim_disk_image *image;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid) {
		s->told->frozen = pid;
		while (sem_wait(&s->told->kept))
			CHECK(errno == EINTR);
		return;
	}
	image = sim_disk_keep(s->disk);
	CHECK(sem_post(&s->told->kept) == 0);
	if (sem_timedwait(&s->told->thaw, &late))
		_exit(LIFE_DONE); /* nobody is there any more */
	sim_disk_put_back(s->disk, image);
	mem_free(image);
	s->told->commits = then.commits;
	s->told->epoch = then.epoch;
	memcpy(s->told->created, then.created, sizeof then.created);
	s->told->older = true;
	alarm(LIFE_SECONDS);
	arm(s, &s->told->thawed);
}

static void turn(struct life *l)
{
	struct fail f = { 0 };

	if (l->desk)
		desk_turn(l->desk, l->r);
	if (!runner_turn(l->r, &f)) {
		disk_full(l, f.why);
		return;
	}
	if (l->desk)
		desk_tell(l->desk, l->r);
	l->s->told->commits = journal_commit_no(l->j) - 1;
	for (int i = 0; i < l->s->lists; i++)
		if (!l->id[i])
			l->id[i] = find_operation(l->j, stage_list(l->s, i)->name);
	l->s->told->listed = all_listed(l);
	if (freeze_at && l->s->told->listed && sim_disk_ops(l->s->disk) >= freeze_at) {
		freeze_at = 0;
		freeze(l->s);
	}
	for (size_t i = 0; i < l->r->operations_n; i++)
		check_planned(l->r->operations[i]);
}

static void turn_and_wait(struct life *l)
{
	turn(l);
	wait_until(l, runner_wake_ms(l->r));
}

/* As `run` does in a journal that may be new to the account: what that did before is read
 * first, and rows that it has paid are only taken with --adopt. */
static bool adopts(struct life *l, int list, struct chain_run *c)
{
	const struct stage_list *of = stage_list(l->s, list);
	struct airdrop_new new = new_of(l->s, of, c->id);
	struct account *a;
	struct fail f = { 0 };
	int64_t id, paid = 0;

	id = airdrop_account(l->j, &new);
	if (journal_commit(l->j, &f))
		wrong("no account: %s", f.why);
	while (!(a = account_begin(l->r, c, id)) || !past_read(a))
		turn_and_wait(l);
	for (int64_t i = 1; i <= l->s->rows && l->s->told->lost; i++)
		paid +=
		    airdrop_unclaimed(l->j, &new.facts, id, &of->to[i], &of->amount[i]);
	return paid > 0;
}

/* The one that comes over the socket. */
static bool is_handed(const struct stage *s, int list)
{
	return s->scenario->handed && list == 1;
}

/* Turns until the journal knows the chain: only then can operations be made. */
static void begin(struct life *l)
{
	for (int i = 0; i < l->s->lists; i++) {
		struct chain_run *c = runner_chain(l->r, l->s->config.name);

		if (l->id[i] || is_handed(l->s, i))
			continue;
		while (!c->id)
			turn_and_wait(l);
		l->id[i] = create(l->s, l->j, i, c->id, adopts(l, i, c));
		import(l->s, l->j, stage_list(l->s, i), l->id[i]);
		if (!operation_load(l->r, l->id[i]))
			wrong("the operation can't be loaded");
	}
}

/* The lists, and the fences that were begun meanwhile. */
static bool ended(struct life *l)
{
	struct sql_operation_all_out row;
	struct operation fence;
	bool open = false;

	sql_operation_all_begin(l->j);
	while (sql_operation_all_next(l->j, &row))
		open |= operation_read(l->j, row.id, &fence) &&
		    !strcmp(fence.kind_name, kind_fence.name) && !operation_ended(&fence);
	sql_operation_all_end(l->j);
	if (open)
		return false;
	for (int i = 0; i < l->s->lists; i++) {
		const struct operation *o =
		    l->r ? runner_operation(l->r, l->id[i]) : NULL;
		struct operation unloaded;

		if (!o && l->id[i] && operation_read(l->j, l->id[i], &unloaded))
			o = &unloaded;
		if (!o || !operation_ended(o))
			return false;
	}
	return true;
}

static void command(struct life *l)
{
	if (!l->s->scenario->command)
		return;
	for (int i = 0; i < l->s->lists; i++) {
		struct operation *o = runner_operation(l->r, l->id[i]);

		if (o)
			l->s->scenario->command(l->s, l->r, o);
	}
}

static bool is_stopped(const struct runner *r)
{
	const struct chain_run *c = &r->chains[0];
	bool stopped = false;

	for (size_t i = 0; i < c->accounts_n; i++)
		stopped |= c->accounts[i]->stopped;
	for (size_t i = 0; i < r->operations_n; i++)
		stopped |= r->operations[i]->state == OPERATION_NEEDS_OPERATOR;
	return stopped;
}

/* It ends where a copy is to be made, and where two run as `run` does: with 4. */
static void look_around(struct life *l)
{
	bool copy = copy_at && l->s->told->listed && sim_disk_ops(l->s->disk) >= copy_at;

	if (!copy && !(l->s->baton->alive[l->s->me] && is_stopped(l->r)))
		return;
	runner_drop(l);
	journal_close(l->j);
	_exit(copy ? LIFE_COPIED : LIFE_STOPPED);
}

/* As whoever is killed, and unhurt. */
static void leave(struct life *l)
{
	if (!l->s->scenario->leaves || !l->s->scenario->leaves(l->s, l->j))
		return;
	runner_drop(l);
	runner_make(l);
}

static void run(struct life *l)
{
	runner_make(l);
	begin(l);
	while (!ended(l)) {
		command(l);
		turn(l);
		if (ended(l))
			break;
		look_around(l);
		leave(l);
		wait_until(l, runner_wake_ms(l->r));
	}
	runner_drop(l);
}

/* -- the end --------------------------------------------------------------- */

static void tell_list(struct told_list *t, struct journal *j, int64_t id)
{
	struct sql_item_from_in in = { .operation = id, .row = 1, .max = ROWS_MAX + 1 };
	struct sql_item_from_out row;
	struct sql_intent_by_row_in fee = { .operation = id, .row = 0 };
	struct sql_intent_by_row_out fee_intent;
	struct operation o;

	check_totals(j, id);
	if (!operation_read(j, id, &o))
		wrong("the operation can't be read");
	if (!amount_is_zero(&o.fees_held))
		wrong("fees are held for an operation that has ended");
	t->state = o.state;
	t->fees_final = o.fees_final;
	sql_item_from_begin(j, &in);
	while (sql_item_from_next(j, &row))
		t->paid[row.row] = row.state == ITEM_FINAL;
	sql_intent_by_row_begin(j, &fee);
	while (sql_intent_by_row_next(j, &fee_intent)) {
		struct sql_intent_get_out got;

		if (sql_intent_get_one(
			j, &(struct sql_intent_get_in){ .id = fee_intent.id }, &got) &&
		    got.state == INTENT_FINAL)
			t->fee_paid = true;
	}
}

/* Of which key is it? */
static int key_of(const struct stage *s, struct journal *j, const struct operation *o)
{
	struct sql_account_get_in in = { .id = o->account };
	struct sql_account_get_out account;

	if (!sql_account_get_one(j, &in, &account))
		wrong("%s has no account", o->name);
	for (int i = 0; i < s->keys; i++)
		if (!memcmp(account.address, s->key[i].address.at, 20))
			return i;
	wrong("%s is of no key", o->name);
}

static void tell_fences(struct stage *s, struct journal *j)
{
	struct sql_operation_all_out row;
	struct operation o;

	memset(s->told->fence_fees, 0, sizeof s->told->fence_fees);
	sql_operation_all_begin(j);
	while (sql_operation_all_next(j, &row)) {
		struct amount *sum;

		if (!operation_read(j, row.id, &o))
			wrong("the operation can't be read");
		if (strcmp(o.kind_name, kind_fence.name) != 0)
			continue;
		if (o.state != OPERATION_COMPLETED || !amount_is_zero(&o.fees_held))
			wrong("%s is %s and waits for: %s", o.name,
			    state_name(MACHINE_OPERATION, o.state), o.waits_for);
		sum = &s->told->fence_fees[key_of(s, j, &o)];
		CHECK(amount_add(sum, sum, &o.fees_final));
	}
	sql_operation_all_end(j);
}

static void tell_end(struct life *l)
{
	tell_fences(l->s, l->j);
	check_journal(l->j);
	check_remembered(l->s, l->j);
	check_included(l->s, l->j);
	check_events(l->s, l->j);
	for (int i = 0; i < l->s->lists; i++)
		tell_list(&l->s->told->list[i], l->j, l->id[i]);
}

static void log_setup(void)
{
	struct fail f;
	bool loud = getenv("TORTURE_LOUD");

	if (log_open(loud ? NULL : "/dev/null", loud ? LOG_DEBUG : LOG_ERROR, false, &f))
		wrong("no log: %s", f.why);
}

/* An operation that a former life made is whole, or its import goes on. */
static void find(struct life *l, int list)
{
	int64_t id = l->id[list] = find_operation(l->j, stage_list(l->s, list)->name);
	struct airdrop_facts a;
	struct operation o;

	if (!id)
		return;
	check_totals(l->j, id);
	if (!airdrop_read(l->j, id, &a) || !operation_read(l->j, id, &o))
		wrong("the operation can't be read");
	if (a.imported < o.items && !is_handed(l->s, list))
		import(l->s, l->j, stage_list(l->s, list), id);
}

static void die(void *ctx)
{
	(void)ctx;
	_exit(LIFE_DIED);
}

static struct sim_disk_process process = { .id = 1, .die = die };

static void begin_life(struct stage *s)
{
	notes = s->told;
	notes->why[0] = '\0';
	journal_die = journal_died;
	alarm(LIFE_SECONDS);
	log_setup();
	process.disk = s->disk;
	sim_disk_process_end(&process); /* the one before */
	sim_disk_use(&process);
	sim_disk_install();
	stage_warm(s);
}

void life_make(struct stage *s)
{
	struct fail f = { 0 };

	begin_life(s);
	if (journal_create(JOURNAL, &f))
		wrong("no journal: %s", f.why);
	_exit(LIFE_DONE);
}

void life_live(struct stage *s, const struct armed *death)
{
	struct life l = { .s = s };

	begin_life(s);
	if (s->baton->alive[s->me])
		while (sem_wait(&s->baton->go[s->me]))
			CHECK(errno == EINTR);
	arm(s, death);
	l.j = own(s);
	for (int i = 0; i < s->lists; i++)
		find(&l, i);
	if (!ended(&l))
		run(&l);
	tell_end(&l);
	journal_close(l.j);
	_exit(LIFE_DONE);
}
