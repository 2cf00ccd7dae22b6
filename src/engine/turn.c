/* turn.c - the loop: facts in, decide, commit, effects out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crash.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/account.h"
#include "engine/archiver.h"
#include "engine/attempt.h"
#include "engine/doubt.h"
#include "engine/endpoint.h"
#include "engine/intent.h"
#include "engine/market.h"
#include "engine/operation.h"
#include "engine/quotes.h"
#include "engine/recount.h"
#include "engine/scrap.h"
#include "engine/sign.h"
#include "engine/watch.h"
#include "journal/sql.gen.h"

/* After so long a turn takes nothing more in. */
#define TURN_MS_MAX 50

/* -- facts and questions --------------------------------------------------- */

void runner_fact(struct runner *r, struct fact *f)
{
	f->next = NULL;
	*r->facts_end = f;
	r->facts_end = &f->next;
}

void runner_wake_at(struct runner *r, int64_t at_ms)
{
	if (at_ms < r->wake_ms)
		r->wake_ms = at_ms;
}

struct ask {
	struct pool *pool;
	int node;
	struct buf body;
	pool_done_fn *done;
	void *ctx;
};

static void ask_drop(void *job)
{
	struct ask *q = job;
	struct pool_answer a = { .node = q->node, .err = ERR_NOT_SENT };

	buf_release(&q->body);
	q->done(q->ctx, &a);
	mem_free(q);
}

/* It may have been switched off since it was chosen, in this very turn. */
static void ask_release(void *job)
{
	struct ask *q = job;

	if (pool_node(q->pool, q->node)->off) {
		ask_drop(job);
		return;
	}
	pool_ask(q->pool, q->node, &q->body, q->done, q->ctx);
	mem_free(q);
}

void runner_ask(struct runner *r, struct chain_run *c, int node, struct buf *body,
    bool commits, pool_done_fn *done, void *ctx)
{
	struct ask *q = mem_new(sizeof *q);

	*q = (struct ask){
		.pool = c->pool, .node = node, .body = *body, .done = done, .ctx = ctx
	};
	memset(body, 0, sizeof *body);
	outbox_add(r->outbox,
	    &(struct effect){
		.release = ask_release, .drop = ask_drop, .job = q, .commits = commits });
}

static void follower_asks(
    void *ctx, int node, struct buf *body, pool_done_fn *done, void *done_ctx)
{
	struct chain_run *c = ctx;

	runner_ask(c->runner, c, node, body, false, done, done_ctx);
}

/* Also those that have nothing to do: no use of their nonces may go by unseen. */
static void accounts_all(struct runner *r, struct chain_run *c)
{
	struct sql_account_of_chain_in in = { .chain = c->id };
	struct sql_account_of_chain_out row;
	struct ids ids = { .n = 0 };

	sql_account_of_chain_begin(r->s.journal, &in);
	while (sql_account_of_chain_next(r->s.journal, &row))
		ids_add(&ids, row.id);
	for (size_t i = 0; i < ids.n; i++)
		account_load(r, c, ids.at[i]);
	ids_release(&ids);
	c->watch_changed = true;
}

/* -- chains ---------------------------------------------------------------- */

struct chain_run *runner_chain(struct runner *r, const char *name)
{
	for (int i = 0; i < r->s.chains_n; i++)
		if (!strcmp(r->chains[i].config->name, name))
			return &r->chains[i];
	return NULL;
}

struct chain_run *runner_chain_by_id(struct runner *r, int64_t id)
{
	for (int i = 0; i < r->s.chains_n; i++)
		if (id && r->chains[i].id == id)
			return &r->chains[i];
	return NULL;
}

struct operation *runner_operation(struct runner *r, int64_t id)
{
	size_t low = 0, high = r->operations_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->operations[mid]->id == id)
			return r->operations[mid];
		if (r->operations[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void chain_open(
    struct runner *r, struct chain_run *c, const struct chain_config *config)
{
	c->runner = r;
	c->config = config;
	c->connector = chain_connector(config);
	c->begun_ms = world_now_ms(r->s.world);
	c->pool = pool_new(
	    r->s.world, config->endpoints, config->endpoints_n, config->timeout_ms);
	if (!MUTANT(off_forgotten))
		endpoints_load(r->s.journal, config, c->pool);
	for (int i = 0; i < pool_size(c->pool); i++)
		if (pool_node(c->pool, i)->off)
			log_warn("chain",
			    "%s: node %s is switched off, and asked nothing: pawl "
			    "endpoints on %s/%s",
			    config->name, pool_node(c->pool, i)->name, config->name,
			    pool_node(c->pool, i)->name);
	c->follower = follower_new(&(struct follower_setup){
	    .config = config,
	    .connector = c->connector,
	    .pool = c->pool,
	    .world = r->s.world,
	    .journal = r->s.journal,
	    .told = watch_told(c),
	    .ask = follower_asks,
	    .ask_ctx = c,
	});
}

/* The journal's operations of a chain are loaded as soon as the chain is known. */
static void operations_load(struct runner *r, struct chain_run *c)
{
	struct sql_operation_open_out row;
	struct sql_operation_open_in in = { .chain = c->id };
	struct ids ids = { .n = 0 };

	sql_operation_open_begin(r->s.journal, &in);
	while (sql_operation_open_next(r->s.journal, &row))
		ids_add(&ids, row.id);
	for (size_t i = 0; i < ids.n; i++)
		operation_load(r, ids.at[i]);
	ids_release(&ids);
	c->watch_changed = true;
}

static void take(struct runner *r, int64_t operation)
{
	struct chain_run *c;
	struct operation only;

	if (!operation_read(r->s.journal, operation, &only))
		return;
	c = runner_chain_by_id(r, only.chain);
	if (!c)
		return;
	idset_add(&r->mine, only.account);
	account_key(r, only.account);
	operation_load(r, operation);
	operations_load(r, c);
}

void runner_only(struct runner *r, int64_t operation)
{
	r->s.only_operation = operation;
	for (size_t i = 0; i < r->taken_n; i++)
		if (r->taken[i] == operation)
			return;
	r->taken = mem_grow(r->taken, r->taken_n + 1, sizeof *r->taken);
	r->taken[r->taken_n++] = operation;
	take(r, operation);
}

bool runner_moves_on(const struct runner *r, int64_t account)
{
	return !r->s.only_operation || idset_has(&r->mine, account);
}

static void chain_known(struct runner *r, struct chain_run *c)
{
	c->id = follower_chain(c->follower);
	if (!r->s.only_operation) {
		operations_load(r, c);
		operations_elsewhere(r);
	}
	for (size_t i = 0; i < r->taken_n; i++)
		take(r, r->taken[i]);
	if (!MUTANT(unused_not_watched))
		accounts_all(r, c);
	c->watch_changed = true;
}

/* -- the runner ------------------------------------------------------------ */

struct runner *runner_new(const struct runner_setup *s)
{
	struct runner *r = mem_new(sizeof *r);

	r->s = *s;
	r->outbox = outbox_new();
	r->signed_end = &r->signed_in;
	r->facts_end = &r->facts;
	if (r->s.chains_room < s->chains_n)
		r->s.chains_room = s->chains_n;
	r->chains = mem_array((size_t)r->s.chains_room, sizeof *r->chains);
	for (int i = 0; i < s->chains_n; i++)
		chain_open(r, &r->chains[i], &s->chains[i]);
	if (s->retention_n)
		r->archiver =
		    archiver_new(&(struct archiver_setup){ .journal = s->journal,
			.keep = s->retention,
			.keep_n = s->retention_n,
			.kinds = s->kinds,
			.kinds_n = s->kinds_n });
	if (s->only_operation > 0)
		runner_only(r, s->only_operation);
	return r;
}

struct chain_run *runner_chain_add(struct runner *r, const struct chain_config *config)
{
	struct chain_run *c = &r->chains[r->s.chains_n];

	CHECK(r->s.chains_n < r->s.chains_room);
	r->s.chains_n++;
	chain_open(r, c, config);
	return c;
}

static void fact_free(struct fact *f)
{
	if (f->free)
		f->free(f);
	else
		mem_free(f);
}

/* The world must have been freed, or have nothing of this runner under way. */
void runner_free(struct runner *r)
{
	if (!r)
		return;
	outbox_free(r->outbox);
	while (r->facts) {
		struct fact *f = r->facts;

		r->facts = f->next;
		fact_free(f);
	}
	sign_free(r);
	archiver_free(r->archiver);
	for (size_t i = 0; i < r->operations_n; i++)
		operation_free(r->operations[i]);
	mem_free(r->operations);
	for (int i = 0; i < r->s.chains_n; i++) {
		for (size_t k = 0; k < r->chains[i].accounts_n; k++)
			account_free(r->chains[i].accounts[k]);
		mem_free(r->chains[i].accounts);
		follower_free(r->chains[i].follower);
		pool_free(r->chains[i].pool);
	}
	mem_free(r->chains);
	idset_release(&r->signing);
	idset_release(&r->mine);
	mem_free(r->taken);
	mem_free(r);
}

static void take_facts(struct runner *r)
{
	while (r->facts) {
		struct fact *f = r->facts;

		r->facts = f->next;
		if (!r->facts)
			r->facts_end = &r->facts;
		f->take(r, f);
		fact_free(f);
	}
}

/* Rows and effects of one operation live and die together. */
/* What it wrote is rolled back; so is what is remembered of it. */
static void as_journaled(
    struct runner *r, struct operation *o, const struct operation *before)
{
	struct account *a = account_of(r, o->account);

	*o = *before;
	if (MUTANT(memory_of_a_failure))
		return;
	o->kind->close(o->of_kind);
	o->of_kind = o->kind->open(r, o);
	if (a)
		account_stop_reread(r, a);
}

static void advance(struct runner *r, struct operation *o)
{
	size_t mark = outbox_mark(r->outbox);
	struct operation before = *o;
	struct fail f = { 0 };
	enum err e;

	journal_save(r->s.journal);
	scrap_enter(o->id);
	e = o->kind->advance(r, o, &f);
	scrap_leave();
	if (!e) {
		journal_save_keep(r->s.journal);
		return;
	}
	journal_save_drop(r->s.journal);
	if (!MUTANT(queue_not_truncated))
		outbox_truncate(r->outbox, mark);
	as_journaled(r, o, &before);
	operation_stop(r, o, f.why);
}

static void decide(struct runner *r)
{
	if (!r->doubt_taken)
		doubt_take(r);
	for (int i = 0; i < r->s.chains_n; i++) {
		struct chain_run *c = &r->chains[i];

		follower_turn(c->follower);
		if (!c->id && follower_chain(c->follower))
			chain_known(r, c);
		if (c->watch_changed) {
			c->watch_changed = false;
			watch_put(r, c);
		}
		market_turn(r, c);
		quotes_turn(r, c);
		runner_wake_at(r, follower_wake_ms(c->follower));
	}
	sign_take(r);
	take_facts(r);
	/* One that had ended is looked at whenever something changed: a final block that
	 * vanished begins it again, whosever turn it is. */
	for (size_t i = 0; i < r->operations_n; i++) {
		struct operation *o = r->operations[i];

		if (operation_ended(o) ? o->dirty : runner_moves_on(r, o->account))
			advance(r, o);
	}
	for (int i = 0; i < r->s.chains_n; i++)
		for (size_t k = 0; k < r->chains[i].accounts_n; k++) {
			struct account *a = r->chains[i].accounts[k];

			account_turn(r, a);
			account_fill(r, a);
			account_send(r, a);
		}
	sign_flush(r);
	for (size_t i = 0; i < r->operations_n; i++) {
		operation_put(r, r->operations[i]);
		operation_stuck(r, r->operations[i]);
	}
	for (int i = 0; i < r->s.blocks_n; i++)
		if (r->s.blocks[i].turn)
			r->s.blocks[i].turn(r->s.blocks[i].ctx, r);
	if (r->s.tell.turn)
		r->s.tell.turn(r->s.tell.ctx, r);
	if (r->archiver)
		r->again |= archiver_turn(r->archiver, world_wall_ms(r->s.world));
}

/* Files are written when all else of the turn is done. */
static void archive_more(struct runner *r)
{
	int64_t wall_ms = world_wall_ms(r->s.world), look_ms;
	struct fail f;

	r->again |= archiver_between(r->archiver, wall_ms, &f);
	look_ms = archiver_look_ms(r->archiver);
	if (look_ms != INT64_MAX)
		runner_wake_at(r,
		    world_now_ms(r->s.world) +
			(look_ms > wall_ms ? look_ms - wall_ms : 0));
}

static void begin_turn(struct runner *r)
{
	r->again = false;
	r->turn_ms = world_now_ms(r->s.world);
	r->wake_ms = INT64_MAX;
}

/* false: the disk is full, and nothing of the turn is left. */
static bool end_turn(struct runner *r, struct fail *f)
{
	if (outbox_commits(r->outbox))
		journal_must_commit(r->s.journal);
	if (journal_writing(r->s.journal)) {
		CRASH_POINT(turn_before_commit);
		if (journal_commit(r->s.journal, f)) {
			outbox_truncate(r->outbox, 0);
			return false;
		}
		CRASH_POINT(turn_after_commit);
	}
	/* What leaves may take long; no transaction is open meanwhile. */
	CHECK(journal_at_rest(r->s.journal));
	outbox_release(r->outbox);
	CRASH_POINT(turn_after_effects);
	return true;
}

bool runner_turn(struct runner *r, struct fail *f)
{
	begin_turn(r);
	decide(r);
	if (MUTANT(send_before_commit))
		outbox_release(r->outbox);
	if (!end_turn(r, f))
		return false;
	journal_tend(r->s.journal);
	recount_turn(r);
	if (r->archiver)
		archive_more(r);
	return true;
}

bool runner_settle(struct runner *r, struct fail *f)
{
	begin_turn(r);
	sign_take(r);
	take_facts(r);
	for (size_t i = 0; i < r->operations_n; i++)
		operation_put(r, r->operations[i]);
	return end_turn(r, f);
}

bool runner_turn_long(struct runner *r)
{
	if (world_now_ms(r->s.world) - r->turn_ms < TURN_MS_MAX)
		return false;
	r->again = true;
	return true;
}

int64_t runner_wake_ms(const struct runner *r)
{
	return r->again ? 0 : r->wake_ms;
}
