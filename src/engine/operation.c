#include "engine/operation.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "crypto/sha256.h"
#include "engine/account.h"
#include "engine/intent.h"
#include "engine/message.h"
#include "engine/mutant.h"
#include "engine/recount.h"
#include "journal/sql.gen.h"

static void note_state(struct runner *r, const struct operation *o);

static void text_put(char *out, size_t len, bool none, const char *text)
{
	snprintf(out, len, "%s", none ? "" : text);
}

bool operation_read(struct journal *j, int64_t id, struct operation *ret)
{
	struct sql_operation_get_out row;
	struct sql_operation_get_in in = { .id = id };

	sql_operation_get_begin(j, &in);
	if (!sql_operation_get_next(j, &row))
		return false;
	*ret = (struct operation){
		.id = row.id,
		.again = row.again,
		.chain = row.chain,
		.account = row.account,
		.state = (int)row.state,
		.back_to = (int)row.back_to,
		.cap = row.cap,
		.planned = row.planned,
		.fees_final = row.fees_final,
		.fees_held = row.fees_held,
		.items = row.items,
		.by_state = { { row.pending_n, row.pending_sum },
		    { row.live_n, row.live_sum }, { row.final_n, row.final_sum },
		    { row.void_n, row.void_sum }, { row.refunded_n, row.refunded_sum } },
		.started_ms = row.started_ms,
		.ended_ms = row.no_ended_ms ? 0 : row.ended_ms,
	};
	memcpy(ret->plan, row.plan, sizeof ret->plan);
	text_put(ret->name, sizeof ret->name, false, row.name);
	text_put(ret->kind_name, sizeof ret->kind_name, false, row.kind);
	text_put(ret->waits_for, sizeof ret->waits_for, row.no_waits_for, row.waits_for);
	sql_operation_get_end(j);
	return true;
}

static const struct kind *kind_find(const struct runner *r, const char *name)
{
	for (int i = 0; i < r->s.kinds_n; i++)
		if (!strcmp(r->s.kinds[i]->name, name))
			return r->s.kinds[i];
	return NULL;
}

#define ELSEWHERE "its own chain: "

static bool is_elsewhere(const struct operation *o)
{
	return !strncmp(o->waits_for, ELSEWHERE, strlen(ELSEWHERE));
}

/* An account is watched from when it is loaded; for a token from when one pays in it.
 * What is known of it stays so, where an operation comes to it that has not begun. */
static bool is_watched(const struct account *a, const struct operation *o)
{
	struct address token;

	if (a->watch_at == WATCH_NOT || o->state != OPERATION_AWAITING_FUNDS ||
	    o->by_state[ITEM_PENDING].n < o->items)
		return false;
	if (!o->kind->token(o, &token))
		return true;
	for (size_t i = 0; i < a->tokens_n; i++)
		if (address_same(&a->tokens[i].token, &token))
			return true;
	return false;
}

struct operation *operation_load(struct runner *r, int64_t id)
{
	struct operation *o = runner_operation(r, id);
	struct operation read;
	struct chain_run *c;
	struct account *a;
	size_t at;

	if (o)
		return o;
	if (!operation_read(r->s.journal, id, &read))
		return NULL;
	c = runner_chain_by_id(r, read.chain);
	read.kind = kind_find(r, read.kind_name);
	a = c && read.kind ? account_load(r, c, read.account) : NULL;
	if (!a)
		return NULL;
	account_use(r, a);
	o = mem_copy(&read, sizeof read);
	if (is_elsewhere(o))
		operation_waits(o, NULL);
	r->operations =
	    mem_grow(r->operations, r->operations_n + 1, sizeof(struct operation *));
	for (at = r->operations_n; at > 0 && r->operations[at - 1]->id > id; at--)
		r->operations[at] = r->operations[at - 1];
	r->operations[at] = o;
	r->operations_n++;
	o->of_kind = o->kind->open(r, o);
	c->watch_changed |= !is_watched(a, o);
	if (MUTANT(start_tells_again))
		note_state(r, o);
	if (r->s.set_aside == id)
		operation_stop(r, o, "three starts in a row ended while it was advanced");
	return o;
}

static void elsewhere_say(struct runner *r, const struct chain_run *c, int64_t id)
{
	struct operation o;
	char why[WAITS_MAX];

	if (!operation_read(r->s.journal, id, &o) || runner_chain_by_id(r, o.chain) ||
	    o.state == OPERATION_NEEDS_OPERATOR || o.state == OPERATION_PAUSED)
		return;
	snprintf(why, sizeof why,
	    ELSEWHERE "the nodes of %.40s show another genesis than the one it was "
		      "begun on; correct its endpoints in pawl.yaml",
	    c->config->name);
	operation_waits(&o, why);
	operation_put(r, &o);
	log_warn("operation", "%s waits for %s", o.name, why);
}

/* Another chain that is configured may be theirs, and is not known yet. */
static bool may_be_known(const struct runner *r, const struct chain_run *c)
{
	for (int i = 0; i < r->s.chains_n; i++)
		if (!r->chains[i].id &&
		    r->chains[i].config->chain_id == c->config->chain_id)
			return true;
	return !c->id;
}

static void chain_elsewhere(struct runner *r, const struct chain_run *c)
{
	struct sql_operation_elsewhere_in in = { .chain = c->id };
	struct sql_operation_elsewhere_out row;
	struct ids ids = { .n = 0 };

	sql_operation_elsewhere_begin(r->s.journal, &in);
	while (sql_operation_elsewhere_next(r->s.journal, &row))
		ids_add(&ids, row.id);
	for (size_t i = 0; i < ids.n; i++)
		elsewhere_say(r, c, ids.at[i]);
	ids_release(&ids);
}

void operations_elsewhere(struct runner *r)
{
	for (int i = 0; i < r->s.chains_n && !r->s.only_operation; i++)
		if (!may_be_known(r, &r->chains[i]))
			chain_elsewhere(r, &r->chains[i]);
}

void operation_free(struct operation *o)
{
	if (o && o->of_kind)
		o->kind->close(o->of_kind);
	if (o)
		recount_free(o->recount);
	mem_free(o);
}

void operation_put(struct runner *r, struct operation *o)
{
	const struct totals *t = o->by_state;

	if (!o->dirty)
		return;
	o->dirty = false;
	sql_operation_put(r->s.journal,
	    &(struct sql_operation_put_in){
		.id = o->id,
		.state = o->state,
		.back_to = o->back_to,
		.waits_for = o->waits_for,
		.no_waits_for = !o->waits_for[0],
		.cap = o->cap,
		.pending_n = t[ITEM_PENDING].n,
		.pending_sum = t[ITEM_PENDING].sum,
		.live_n = t[ITEM_LIVE].n,
		.live_sum = t[ITEM_LIVE].sum,
		.final_n = t[ITEM_FINAL].n,
		.final_sum = t[ITEM_FINAL].sum,
		.void_n = t[ITEM_VOID].n,
		.void_sum = t[ITEM_VOID].sum,
		.refunded_n = t[ITEM_REFUNDED].n,
		.refunded_sum = t[ITEM_REFUNDED].sum,
		.fees_final = o->fees_final,
		.fees_held = o->fees_held,
		.ended_ms = o->ended_ms,
		.no_ended_ms = !o->ended_ms,
	    });
}

bool operation_ended(const struct operation *o)
{
	return o->state == OPERATION_COMPLETED || o->state == OPERATION_CANCELLED;
}

bool operation_fences(const struct operation *o)
{
	return o->kind->fence != NULL;
}

bool operation_reserves(const struct operation *o)
{
	return o->state == OPERATION_DISTRIBUTING || o->state == OPERATION_PAYING_FEE;
}

bool operation_wants_more(const struct operation *o)
{
	return !operation_ended(o) && o->state != OPERATION_CANCELLING &&
	    (o->state != OPERATION_DISTRIBUTING || o->by_state[ITEM_PENDING].n);
}

/* It goes on by itself, until it can't. */
static bool is_stage(int state)
{
	return state_edge(MACHINE_OPERATION, state, OPERATION_NEEDS_OPERATOR);
}

/* -- what subscribers are told ---------------------------------------------- */

static void note(
    struct runner *r, const struct operation *o, enum milestone m, int64_t nth)
{
	const struct subject of = { .kind = SUBJECT_OPERATION, .id = o->id };
	const struct chain_run *c = runner_chain_by_id(r, o->chain);
	json_t *facts;

	if (!message_heard(r->s.journal, &of))
		return;
	facts = json_pack("{s:s}", "operation", o->name);
	if (facts && c)
		(void)json_object_set_new(facts, "chain", json_string(c->config->name));
	if (facts && m == MILESTONE_STUCK)
		(void)json_object_set_new(
		    facts, "stage", json_string(state_name(MACHINE_OPERATION, o->state)));
	if (MUTANT(told_a_turn_later)) {
		mutant_note_later(r, &of, m, nth, facts);
		return;
	}
	r->noted |=
	    message_note(r->s.journal, &of, m, nth, world_wall_ms(r->s.world), facts);
}

static void note_state(struct runner *r, const struct operation *o)
{
	if (o->state == OPERATION_COMPLETED)
		note(r, o, MILESTONE_COMPLETED, 0);
	else if (o->state == OPERATION_CANCELLED)
		note(r, o, MILESTONE_CANCELLED, 0);
	else if (o->state == OPERATION_NEEDS_OPERATOR && !MUTANT(stop_not_told))
		note(r, o, MILESTONE_NEEDS_OPERATOR, 0);
}

static void stuck_look(struct runner *r, struct operation *o, int64_t wall_ms)
{
	const struct subject of = { .kind = SUBJECT_OPERATION, .id = o->id };
	struct sql_stage_last_in in = { .operation = o->id };
	struct sql_stage_last_out stage;

	o->stuck_look_ms = INT64_MAX;
	if ((!is_stage(o->state) && o->state != OPERATION_CANCELLING) ||
	    !message_heard(r->s.journal, &of) ||
	    !sql_stage_last_one(r->s.journal, &in, &stage))
		return;
	if (wall_ms - stage.entered_ms <= r->s.stuck_after_ms)
		o->stuck_look_ms = stage.entered_ms + r->s.stuck_after_ms + 1;
	else
		note(r, o, MILESTONE_STUCK, stage.ordinal);
}

void operation_stuck(struct runner *r, struct operation *o)
{
	int64_t wall_ms;

	if (!r->s.stuck_after_ms || o->stuck_look_ms == INT64_MAX)
		return;
	wall_ms = world_wall_ms(r->s.world);
	if (wall_ms >= o->stuck_look_ms)
		stuck_look(r, o, wall_ms);
	if (o->stuck_look_ms != INT64_MAX)
		runner_wake_at(r, world_now_ms(r->s.world) + o->stuck_look_ms - wall_ms);
}

/* -- along its edges -------------------------------------------------------- */

void operation_move(struct runner *r, struct operation *o, int to, const char *why)
{
	int from = o->state;
	int64_t now_ms = world_wall_ms(r->s.world);

	if (from == to)
		return;
	state_check(r->s.journal, MACHINE_OPERATION, from, to, o->id, 0);
	if (is_stage(from))
		o->back_to = from;
	o->state = to;
	o->ended_ms = operation_ended(o) ? now_ms : 0;
	o->waits_for[0] = '\0';
	o->dirty = true;
	o->stuck_look_ms = 0;
	r->again = true;
	sql_stage_add(r->s.journal,
	    &(struct sql_stage_add_in){
		.operation = o->id, .state = to, .entered_ms = now_ms });
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.what = "operation",
		.from = state_name(MACHINE_OPERATION, from),
		.to = state_name(MACHINE_OPERATION, to),
		.why = why });
	log_info("operation", "%s: %s -> %s%s%s", o->name,
	    state_name(MACHINE_OPERATION, from), state_name(MACHINE_OPERATION, to),
	    why[0] ? ": " : "", why);
	note_state(r, o);
}

void operation_reopen(struct runner *r, struct operation *o, int to)
{
	CHECK(operation_ended(o));
	operation_move(r, o, to, "a final block vanished");
	if (!MUTANT(retraction_not_told))
		note(r, o, MILESTONE_RETRACTED, 0);
}

void operation_stop_how(
    struct runner *r, struct operation *o, const char *why, const char *how)
{
	char line[WAITS_MAX];

	if (o->state == OPERATION_NEEDS_OPERATOR || !is_stage(o->state))
		return;
	snprintf(line, sizeof line, "%.250s; then: %.200s", why, how);
	operation_move(r, o, OPERATION_NEEDS_OPERATOR, why);
	operation_waits(o, line);
}

void operation_stop(struct runner *r, struct operation *o, const char *why)
{
	char how[OPERATION_NAME_MAX + 16];

	snprintf(how, sizeof how, "pawl resume %s", o->name);
	operation_stop_how(r, o, why, how);
}

void operation_waits(struct operation *o, const char *why)
{
	if (!strcmp(o->waits_for, why ? why : ""))
		return;
	snprintf(o->waits_for, sizeof o->waits_for, "%s", why ? why : "");
	o->dirty = true;
}

void operation_pinched(struct runner *r, struct operation *o, const char *what)
{
	char why[120], line[WAITS_MAX];

	o->pinched = true;
	if (operation_fences(o))
		return; /* it asks for what it needs */
	snprintf(why, sizeof why, "the cap on fees does not cover %s", what);
	snprintf(line, sizeof line, "%s; then: pawl resume %s --max-total-fee AMOUNT",
	    why, o->name);
	if (is_stage(o->state))
		operation_move(r, o, OPERATION_NEEDS_OPERATOR, why);
	else if (o->state != OPERATION_CANCELLING && o->state != OPERATION_PAUSED)
		return;
	operation_waits(o, line);
}

void operation_damaged(
    const struct runner *r, const struct operation *o, const char *what)
{
	journal_damaged(r->s.journal, "operation %s: %s", o->name, what);
}

void operation_item(struct runner *r, struct operation *o, int64_t row,
    const struct amount *amount, int from, int to, int64_t intent, const char *why)
{
	struct totals *t = o->by_state;
	int64_t moved;

	state_check(r->s.journal, MACHINE_ITEM, from, to, o->id, row);
	moved = sql_item_move(r->s.journal,
	    &(struct sql_item_move_in){
		.operation = o->id,
		.row = row,
		.from = from,
		.to = to,
		.intent = intent,
		.no_intent = to != ITEM_LIVE,
		.reason = why,
		.no_reason = !why || to == ITEM_LIVE || to == ITEM_PENDING,
	    });
	if (journal_numb(r->s.journal))
		return; /* this turn is dropped */
	if (!moved || t[from].n < 1 || !amount_sub(&t[from].sum, &t[from].sum, amount) ||
	    !amount_add(&t[to].sum, &t[to].sum, amount))
		operation_damaged(r, o, "its totals are not the sums of its rows");
	t[from].n--;
	t[to].n++;
	o->dirty = true;
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.row = row,
		.what = "item",
		.from = state_name(MACHINE_ITEM, from),
		.to = state_name(MACHINE_ITEM, to),
		.why = why ? why : "" });
}

static void command_event(
    struct runner *r, struct operation *o, const char *what, const char *why)
{
	journal_event(r->s.journal,
	    &(struct event){ .operation = o->id,
		.what = "command",
		.from = "",
		.to = what,
		.why = why });
}

enum err operation_pause(struct runner *r, struct operation *o, struct fail *f)
{
	if (o->state == OPERATION_PAUSED)
		return ERR_OK;
	if (operation_ended(o) || o->state == OPERATION_CANCELLING)
		return fail_set(f, ERR_CONFLICT, "%s is %s: there is nothing to pause",
		    o->name, state_name(MACHINE_OPERATION, o->state));
	command_event(r, o, "pause", "");
	operation_move(r, o, OPERATION_PAUSED, "the operator asked for it");
	return ERR_OK;
}

void operation_go_on(struct runner *r, struct operation *o)
{
	if (o->state != OPERATION_PAUSED && o->state != OPERATION_NEEDS_OPERATOR)
		return;
	command_event(r, o, "resume", "");
	if (o->kind->resumed && o->state == OPERATION_NEEDS_OPERATOR)
		o->kind->resumed(r, o);
	operation_move(r, o, o->back_to, "resumed");
}

enum err operation_resume(struct runner *r, struct operation *o, struct fail *f)
{
	struct account *a = account_of(r, o->account);

	CHECK(a);
	if (a->stopped)
		account_resume(r, a);
	if (follower_stopped(a->chain->follower)) {
		enum err e = follower_accept(a->chain->follower, f);

		if (e)
			return e;
	}
	operation_go_on(r, o);
	return ERR_OK;
}

enum err operation_cancel(struct runner *r, struct operation *o, bool now, struct fail *f)
{
	struct account *a = account_of(r, o->account);
	struct sql_intent_live_of_operation_out row;
	struct sql_intent_live_of_operation_in in = { .operation = o->id };
	struct ids ids = { .n = 0 };

	if (operation_fences(o))
		return fail_set(f, ERR_CONFLICT,
		    "%s is a fence: its account pays nobody before it is whole", o->name);
	if (o->state == OPERATION_CANCELLED)
		return ERR_OK;
	if (o->state == OPERATION_COMPLETED)
		return fail_set(f, ERR_CONFLICT,
		    "%s is completed: there is nothing to cancel", o->name);
	if (o->state != OPERATION_CANCELLING) {
		command_event(r, o, now ? "cancel --now" : "cancel", "");
		operation_move(r, o, OPERATION_CANCELLING, "the operator cancels");
	}
	if (!now)
		return ERR_OK;
	sql_intent_live_of_operation_begin(r->s.journal, &in);
	while (sql_intent_live_of_operation_next(r->s.journal, &row))
		ids_add(&ids, row.id);
	/* From here on no payload of theirs is signed or sent; bump.c signs the
	 * empties. */
	for (size_t i = 0; i < ids.n; i++)
		sql_intent_empty(
		    r->s.journal, &(struct sql_intent_empty_in){ .id = ids.at[i] });
	ids_release(&ids);
	CHECK(a);
	a->bumped_height = 0;
	return ERR_OK;
}

void operation_cap(struct runner *r, struct operation *o, const struct amount *cap)
{
	char text[AMOUNT_TEXT_MAX];
	struct account *a = account_of(r, o->account);

	if (!amount_cmp(&o->cap, cap))
		return;
	CHECK(a);
	o->cap = *cap;
	o->dirty = true;
	a->bumped_height = 0; /* what did not fit is looked at again */
	amount_format(text, cap, a->chain->connector->decimals);
	command_event(r, o, "max-total-fee", text);
}

void operation_tag(const struct operation *o, int64_t row, uint8_t tag[5])
{
	struct sha256 *s = sha256_begin();
	uint8_t out[32], number[8];
	const int64_t numbers[] = { o->again, row };

	sha256_add(s, "pawl tag 1", 10);
	sha256_add(s, o->name, strlen(o->name) + 1);
	sha256_add(s, o->plan, sizeof o->plan);
	for (size_t i = 0; i < 2; i++) {
		for (int k = 0; k < 8; k++)
			number[k] = (uint8_t)((uint64_t)numbers[i] >> (56 - 8 * k));
		sha256_add(s, number, sizeof number);
	}
	sha256_end(s, out);
	memcpy(tag, out, 5);
}
