/* judge_rows.c - what the journal says of rows, move by move, against what the chain did
 * and what people asked for. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "sim/judge/judge_in.h"

struct move {
	struct sim_life *life;
	struct sim_story *story;
	struct sim_judge *judge;
	struct judge_view *view;
	struct judge_told *told;
	struct judge_list *list;
	struct judge_row *row;
	int at, from, to; /* at: which list */
	int64_t n;        /* of the row */
	int64_t commit;   /* that it is of */
	const char *why;
};

static void PRINTF(2, 3) wrong(const struct move *m, const char *fmt, ...)
{
	char why[JUDGE_WHY_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof why, fmt, args);
	va_end(args);
	sim_story_wrong(
	    m->story, "%s, row %" PRId64 ": %s", m->story->list[m->at].name, m->n, why);
}

static int state_find(enum machine machine, int states, const char *name)
{
	for (int i = 0; i < states; i++)
		if (!strcmp(name, state_name(machine, i)))
			return i;
	return -1;
}

/* -- the moves of a row --------------------------------------------------- */

/* The nonce on which its payment left. */
static const struct judge_nonce *nonce_of(const struct move *m)
{
	int key = m->story->list[m->at].key;

	return m->row->nonce < 0
	    ? NULL
	    : judge_nonce_get(m->judge, key, (uint64_t)m->row->nonce);
}

/* What is adopted becomes live with a word about it. */
static void reserved(const struct move *m)
{
	m->row->adopted = m->why[0];
	if (m->why[0])
		return;
	if (m->told->state != OPERATION_DISTRIBUTING)
		wrong(m, "it is reserved while its list is %s",
		    state_name(MACHINE_OPERATION, m->told->state));
	m->view->reserves[m->story->list[m->at].key] = true;
	m->row->due->reserved = true;
	m->row->due->lost += judge_lost_is_hidden(m->judge, m->row->due);
}

/* G6 */
static void becomes_final(const struct move *m)
{
	struct judge_due *d = m->row->due;
	uint32_t told = ++d->told[m->view->n];

	/* the block may have been final when that was written, and be undone by now */
	if (told > d->paid + d->by_hand && !(m->story->broken & SIM_GROUND_FINAL))
		wrong(m, "it is called final, and %u of %u are in final blocks",
		    d->paid + d->by_hand, told);
	if (m->view->stopped && follower_stopped(m->life->runner->chains[0].follower))
		wrong(m, "it is called final on a chain that is stopped");
}

static void failed(const struct move *m)
{
	const struct judge_nonce *n = nonce_of(m);

	if (m->story->broken)
		return; /* what it knows of is not what left last */
	if (m->story->by_hand)
		return; /* a payment that is not by the program failed for it */
	if (!n || !n->final)
		wrong(m, "it is void, and nonce %" PRId64 " is in no final block",
		    m->row->nonce);
	else if (n->final->tx->foreign || judge_is_empty(n->final->tx) ||
	    judge_paid(m->story, n->final))
		wrong(m, "it is void, and nonce %" PRId64 " did not fail", m->row->nonce);
}

/* G5: nothing that left for it can pay it; what another journal sent it can't know. */
static void let_go(const struct move *m)
{
	const struct judge_nonce *n = nonce_of(m);

	if (!n || m->story->broken)
		return;
	if (!n->final)
		wrong(m, "it is let go, and nonce %" PRId64 " is in no final block",
		    m->row->nonce);
	else if (!n->final->tx->foreign && judge_paid(m->story, n->final))
		wrong(
		    m, "it is let go, and nonce %" PRId64 " has paid it", m->row->nonce);
}

static void refused(const struct move *m)
{
	const struct sim_account *to =
	    sim_account_find(m->story->chain, &m->row->due->to);

	if (m->story->list[m->at].skipped[m->n])
		return;
	if (!to || to->code != SIM_CODE_REVERTS)
		wrong(m, "it is void, and nobody refuses it");
}

/* By a transaction that the journal has read, that had an effect, and that no row has. Of
 * a commit that is not the newest, as a copy's are when it rises, nobody knows what it
 * had read then. */
static bool is_paid_by_hand(const struct move *m)
{
	const struct sim_chain *c = m->story->chain;
	int key = m->story->list[m->at].key;
	struct address to;
	struct amount amount;

	if (m->commit != m->view->commit)
		return false;
	for (const struct sim_tx *t = c->all; t; t = t->next_all) {
		const struct sim_inclusion *i;

		if (!t->foreign || judge_key(m->story, &t->from->at) != key ||
		    !judge_payment(m->story, t, &to, &amount) ||
		    !address_same(&to, &m->row->due->to) ||
		    amount_cmp(&amount, &m->row->due->amount) != 0)
			continue;
		i = sim_inclusion_find(c, c->head, t);
		if (i && judge_paid(m->story, i) && judge_is_unclaimed(m->life, key, t))
			return true;
	}
	return false;
}

static void tried_again(const struct move *m)
{
	if (!m->list->retried)
		wrong(m, "it is tried again, and nobody asked for that");
	else if (!m->list->said_yes && is_paid_by_hand(m))
		wrong(m, "it is tried again without --yes, and was paid by hand");
}

/* What only happens where a final block is undone, or a payment is adopted. */
static void comes_back(const struct move *m)
{
	if (m->from == ITEM_FINAL)
		m->row->due->told[m->view->n]--;
	if (!m->story->broken)
		wrong(m, "it moves from %s to %s", state_name(MACHINE_ITEM, m->from),
		    state_name(MACHINE_ITEM, m->to));
}

/* A person pays by hand what is void, and says so. */
static void adopted(const struct move *m)
{
	m->row->adopted = true;
	if (!m->story->by_hand)
		comes_back(m);
}

static void move_judge(const struct move *m)
{
	static void (*const see[5][5])(const struct move *m) = {
		[ITEM_PENDING] = { [ITEM_LIVE] = reserved, [ITEM_VOID] = refused },
		[ITEM_LIVE] = { [ITEM_FINAL] = becomes_final,
		    [ITEM_VOID] = failed,
		    [ITEM_PENDING] = let_go },
		[ITEM_VOID] = { [ITEM_PENDING] = tried_again, [ITEM_LIVE] = adopted }
	};

	if (see[m->from][m->to])
		see[m->from][m->to](m);
	else
		comes_back(m);
}

static void told_add(struct judge_told *t, int state, const struct amount *amount)
{
	t->by_state[state]++;
	CHECK(amount_add(&t->sum[state], &t->sum[state], amount));
}

static void row_moves(struct sim_life *l, int at, const struct sql_event_from_out *e)
{
	struct move m = { .life = l,
		.story = l->story,
		.judge = l->story->judge,
		.view = judge_view_of(l),
		.list = &l->story->judge->list[at],
		.at = at,
		.n = e->row,
		.commit = e->commit_no,
		.why = e->why,
		.from = state_find(MACHINE_ITEM, 5, e->from_state),
		.to = state_find(MACHINE_ITEM, 5, e->to_state) };
	const struct amount *amount;
	int8_t *state;

	m.told = &m.view->list[at];
	if (m.from < 0 || m.to < 0) { /* what it says besides */
		if (e->row > 0 && !strcmp(e->to_state, "adopted"))
			m.list->row[e->row].adopted = true;
		return;
	}
	CHECK(e->row > 0 && e->row <= l->story->list[at].rows);
	m.row = &m.list->row[e->row];
	amount = &m.row->due->amount;
	state = &m.told->row[e->row];
	if (*state != m.from)
		wrong(&m, "it moves from %s, and was %s",
		    state_name(MACHINE_ITEM, m.from), state_name(MACHINE_ITEM, *state));
	move_judge(&m);
	if (m.from == ITEM_LIVE)
		judge_proofs(l, e->operation, e->row);
	m.told->by_state[*state]--;
	CHECK(amount_sub(&m.told->sum[*state], &m.told->sum[*state], amount));
	*state = (int8_t)m.to;
	told_add(m.told, m.to, amount);
}

/* -- the moves of an operation --------------------------------------------- */

/* What was signed for it is consumed, and no row is on its way. */
static void list_ends(struct sim_life *l, int at, int to)
{
	struct sim_story *s = l->story;
	const struct judge_list *of = &s->judge->list[at];
	const struct judge_told *told = &judge_view_of(l)->list[at];

	if (told->by_state[ITEM_LIVE] ||
	    (to == OPERATION_COMPLETED && told->by_state[ITEM_PENDING]))
		sim_story_wrong(s, "%s is %s, and not all of its rows are settled",
		    s->list[at].name, state_name(MACHINE_OPERATION, to));
	if (of->open && !s->broken)
		sim_story_wrong(s,
		    "%s is %s, and %" PRIu64 " of its nonces are in no final block",
		    s->list[at].name, state_name(MACHINE_OPERATION, to), of->open);
}

/* G9: what its subscribers must hear. */
static void list_is_told(
    struct sim_life *l, int at, const struct sql_event_from_out *e, int to)
{
	int from = judge_view_of(l)->list[at].state;

	if (to == OPERATION_COMPLETED)
		judge_heard_cause(l, at, MILESTONE_COMPLETED, e->commit_no);
	else if (to == OPERATION_CANCELLED)
		judge_heard_cause(l, at, MILESTONE_CANCELLED, e->commit_no);
	else if (to == OPERATION_NEEDS_OPERATOR)
		judge_heard_cause(l, at, MILESTONE_NEEDS_OPERATOR, e->commit_no);
	if ((from == OPERATION_COMPLETED || from == OPERATION_CANCELLED) &&
	    !strcmp(e->why, "a final block vanished"))
		judge_heard_cause(l, at, MILESTONE_RETRACTED, e->commit_no);
}

static void list_moves(struct sim_life *l, int at, const struct sql_event_from_out *e)
{
	int to = state_find(MACHINE_OPERATION, OPERATION_NEEDS_OPERATOR + 1, e->to_state);

	if (to < 0)
		return;
	if (to == OPERATION_COMPLETED || to == OPERATION_CANCELLED)
		list_ends(l, at, to);
	list_is_told(l, at, e, to);
	judge_view_of(l)->list[at].state = to;
}

/* -- what was committed ---------------------------------------------------- */

static void told_begin(struct sim_life *l, int at)
{
	struct judge_told *t = &judge_view_of(l)->list[at];
	const struct sim_list *list = &l->story->list[at];

	judge_list_begin(l->story->judge, at);
	if (t->row)
		return;
	t->row = sim_chain_take(l->story->chain, (size_t)list->rows + 1);
	for (int i = 1; i <= list->rows; i++)
		told_add(t, ITEM_PENDING, &list->amount[i]);
}

static void is_asked(struct judge_list *l, bool yes)
{
	l->retried = true;
	l->said_yes = yes;
}

/* G3 */
static void bytes_are_made(struct sim_life *l, int at, const struct sql_event_from_out *e)
{
	struct sim_story *s = l->story;

	if (!s->broken && judge_view_of(l)->list[at].given_up && !e->from_state[0] &&
	    !strstr(e->why, "empty"))
		sim_story_wrong(s,
		    "%s, row %" PRId64 ": a payload is signed that was given up",
		    s->list[at].name, e->row);
}

static void event_read(struct sim_life *l, const struct sql_event_from_out *e)
{
	struct sim_judge *j = l->story->judge;
	struct judge_view *v = judge_view_of(l);
	int at;

	if (e->id != v->event + 1 && !judge_events_gone(l, v->event + 1, e->id - 1))
		sim_story_wrong(
		    l->story, "event %" PRId64 " follows %" PRId64, e->id, v->event);
	v->event = e->id;
	if (!strcmp(e->what, "account") || !strcmp(e->what, "journal"))
		judge_stops(l, e);
	if (!strcmp(e->what, "archive"))
		judge_archives(l, e);
	if (!strcmp(e->what, "archive of tracked"))
		sim_story_did(l->story, SIM_DID_FILED);
	if (!strcmp(e->to_state, SIM_STUMBLED))
		sim_story_wrong(l->story, "a row of an advance that failed is committed");
	j->said_so |= strstr(e->to_state, "twice") != NULL;
	at = judge_list_of(l, e->operation);
	if (at < 0 && !strcmp(e->what, "operation") && !strcmp(e->to_state, "completed"))
		judge_fence_ends(l, e->operation);
	if (at < 0)
		return;
	told_begin(l, at);
	v->list[at].touched = true;
	if (!strcmp(e->what, "item"))
		row_moves(l, at, e);
	else if (!strcmp(e->what, "operation"))
		list_moves(l, at, e);
	else if (!strncmp(e->what, "attempt ", 8) && !strcmp(e->to_state, "signed"))
		bytes_are_made(l, at, e);
	else if (!strcmp(e->what, "command") && !strcmp(e->to_state, "cancel --now"))
		v->list[at].given_up = true;
	else if (!strcmp(e->what, "command") && !strncmp(e->to_state, "retry", 5))
		is_asked(&j->list[at], !strcmp(e->to_state, "retry --yes"));
}

/* G10: of what left on a nonce the dearest may land, until a final block has used it. */
static void fees_hold(struct sim_life *l, int at, const struct operation *o)
{
	struct sim_story *s = l->story;
	const struct amount *could = &s->judge->list[at].could;
	char held[AMOUNT_TEXT_MAX], most[AMOUNT_TEXT_MAX];

	if (s->broken || amount_cmp(&o->fees_held, could) >= 0)
		return;
	amount_format(held, &o->fees_held, 18);
	amount_format(most, could, 18);
	sim_story_wrong(s, "%s holds %s for fees, and %s can land", o->name, held, most);
}

/* G10: its totals are those of its rows. */
static void sums_hold(struct sim_life *l, int at)
{
	struct sim_story *s = l->story;
	const struct judge_told *t = &judge_view_of(l)->list[at];
	struct operation o;

	if (!l->id_of[at] || !operation_read(l->journal, l->id_of[at], &o))
		return;
	if (o.items != s->list[at].rows)
		sim_story_wrong(s, "%s has %" PRId64 " rows", o.name, o.items);
	for (int i = 0; i < 5; i++)
		if (o.by_state[i].n != t->by_state[i] ||
		    amount_cmp(&o.by_state[i].sum, &t->sum[i]) != 0)
			sim_story_wrong(s,
			    "%s: %" PRId64 " rows are %s, its totals say %" PRId64,
			    o.name, t->by_state[i], state_name(MACHINE_ITEM, i),
			    o.by_state[i].n);
	fees_hold(l, at, &o);
	if (o.state != t->state)
		sim_story_wrong(s, "%s is %s, its last event says %s", o.name,
		    state_name(MACHINE_OPERATION, o.state),
		    state_name(MACHINE_OPERATION, t->state));
}

void judge_rows(struct sim_life *l)
{
	struct judge_view *v = judge_view_of(l);
	struct sql_event_from_in in = { .id = v->event + 1 };
	struct sql_event_from_out e;
	int64_t commit = journal_commit_no(l->journal) - 1;

	if (commit == v->commit)
		return;
	v->commit = commit;
	judge_follow(l->story->judge);
	sql_event_from_begin(l->journal, &in);
	while (sql_event_from_next(l->journal, &e))
		event_read(l, &e);
	sql_event_from_end(l->journal);
	judge_heard(l);
	for (int i = 0; i < l->story->fate->lists; i++)
		if (v->list[i].touched) {
			v->list[i].touched = false;
			sums_hold(l, i);
		}
	for (int i = 0; i < l->story->fate->keys; i++)
		if (v->reserves[i]) {
			v->reserves[i] = false;
			judge_reserves(l, i);
		}
}

/* -- an older journal ----------------------------------------------------- */

static void told_again(struct sim_life *l, const struct operation *o, int at)
{
	struct judge_view *v = judge_view_of(l);
	struct judge_told *t = &v->list[at];
	struct sql_item_from_in in = {
		.operation = o->id, .row = 1, .max = SIM_ROWS_MAX
	};
	struct sql_item_from_out row;

	told_begin(l, at);
	memset(t->by_state, 0, sizeof t->by_state);
	memset(t->sum, 0, sizeof t->sum);
	t->state = o->state;
	for (int i = 1; i <= l->story->list[at].rows; i++) {
		t->row[i] = ITEM_PENDING;
		told_add(t, ITEM_PENDING, &l->story->list[at].amount[i]);
	}
	sql_item_from_begin(l->journal, &in);
	while (sql_item_from_next(l->journal, &row)) {
		struct judge_due *d = l->story->judge->list[at].row[row.row].due;

		t->row[row.row] = (int8_t)row.state;
		t->by_state[ITEM_PENDING]--;
		CHECK(amount_sub(
		    &t->sum[ITEM_PENDING], &t->sum[ITEM_PENDING], &row.amount));
		told_add(t, (int)row.state, &row.amount);
		d->told[v->n] += row.state == ITEM_FINAL;
	}
}

/* What nobody looked at while a bit was another one was said all the same. */
static void was_said(struct sim_life *l)
{
	struct sql_event_from_in in = { .id = 1 };
	struct sql_event_from_out e;

	sql_event_from_begin(l->journal, &in);
	while (sql_event_from_next(l->journal, &e))
		l->story->judge->said_so |= strstr(e.to_state, "twice") ||
		    (!strcmp(e.what, "account") && judge_is_stop(e.to_state));
	sql_event_from_end(l->journal);
}

void judge_rows_again(struct sim_life *l)
{
	struct sim_judge *j = l->story->judge;
	struct judge_view *v = judge_view_of(l);
	struct sql_event_last_in in = { .max = 1 };
	struct sql_event_last_out last = { .id = 0 };
	struct sql_operation_all_out row;
	struct operation o;

	judge_forget(j, v->n);
	if (!sql_event_last_one(l->journal, &in, &last))
		last.id = 0;
	v->event = last.id;
	v->commit = journal_commit_no(l->journal) - 1;
	v->stopped = false;
	was_said(l);
	sql_operation_all_begin(l->journal);
	while (sql_operation_all_next(l->journal, &row)) {
		int at = judge_list_of(l, row.id);

		if (at >= 0 && operation_read(l->journal, row.id, &o))
			told_again(l, &o, at);
	}
	sql_operation_all_end(l->journal);
	judge_heard_again(l);
}
