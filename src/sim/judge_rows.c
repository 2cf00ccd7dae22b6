/* judge_rows.c - what the journal says of rows, move by move, against what the chain did
 * and what people asked for. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/operation.h"
#include "journal/sql.gen.h"
#include "sim/judge_in.h"

struct move {
	struct sim_life *life;
	struct sim_story *story;
	struct sim_judge *judge;
	struct judge_list *list;
	struct judge_row *row;
	int at, from, to; /* at: which list */
	int64_t n;        /* of the row */
};

#define WRONG(m, fmt, ...)                                       \
	sim_story_wrong((m)->story, "%s, row %" PRId64 ": " fmt, \
	    (m)->story->list[(m)->at].name, (m)->n, ##__VA_ARGS__)

static int state_find(enum machine machine, int states, const char *name)
{
	for (int i = 0; i < states; i++)
		if (!strcmp(name, state_name(machine, i)))
			return i;
	return -1;
}

/* -- the moves of a row ----------------------------------------------------------------
 */

/* The nonce on which its payment left. */
static const struct judge_nonce *nonce_of(const struct move *m)
{
	int key = m->story->list[m->at].key;

	return m->row->nonce < 0
	    ? NULL
	    : judge_nonce_get(m->judge, key, (uint64_t)m->row->nonce);
}

static void reserved(const struct move *m)
{
	if (m->list->state != OPERATION_DISTRIBUTING)
		WRONG(m, "it is reserved while its list is %s",
		    state_name(MACHINE_OPERATION, m->list->state));
}

/* G6 */
static void becomes_final(const struct move *m)
{
	struct judge_due *d = m->row->due;

	d->told++;
	if (d->told > d->paid + d->by_hand)
		WRONG(m, "it is called final, and %u of %u are in final blocks",
		    d->paid + d->by_hand, d->told);
}

static void failed(const struct move *m)
{
	const struct judge_nonce *n = nonce_of(m);

	if (!n || !n->final)
		WRONG(m, "it is void, and nonce %" PRId64 " is in no final block",
		    m->row->nonce);
	else if (n->final->tx->foreign || judge_is_empty(n->final->tx) ||
	    judge_paid(m->story, n->final))
		WRONG(m, "it is void, and nonce %" PRId64 " did not fail", m->row->nonce);
}

/* G5: nothing that left for it can pay it. */
static void let_go(const struct move *m)
{
	const struct judge_nonce *n = nonce_of(m);

	if (!n)
		return;
	if (!n->final)
		WRONG(m, "it is let go, and nonce %" PRId64 " is in no final block",
		    m->row->nonce);
	else if (!n->final->tx->foreign && judge_paid(m->story, n->final))
		WRONG(
		    m, "it is let go, and nonce %" PRId64 " has paid it", m->row->nonce);
}

static void refused(const struct move *m)
{
	const struct sim_account *to =
	    sim_account_find(m->story->chain, &m->row->due->to);

	if (!to || to->code != SIM_CODE_REVERTS)
		WRONG(m, "it is void, and nobody refuses it");
}

static void tried_again(const struct move *m)
{
	if (!m->list->retried)
		WRONG(m, "it is tried again, and nobody asked for that");
}

static void move_judge(const struct move *m)
{
	if (m->row->state != m->from)
		WRONG(m, "it moves from %s, and was %s",
		    state_name(MACHINE_ITEM, m->from),
		    state_name(MACHINE_ITEM, m->row->state));
	if (m->from == ITEM_PENDING && m->to == ITEM_LIVE)
		reserved(m);
	else if (m->from == ITEM_LIVE && m->to == ITEM_FINAL)
		becomes_final(m);
	else if (m->from == ITEM_LIVE && m->to == ITEM_VOID)
		failed(m);
	else if (m->from == ITEM_LIVE && m->to == ITEM_PENDING)
		let_go(m);
	else if (m->from == ITEM_PENDING && m->to == ITEM_VOID)
		refused(m);
	else if (m->from == ITEM_VOID && m->to == ITEM_PENDING)
		tried_again(m);
	else
		WRONG(m, "it moves from %s to %s", state_name(MACHINE_ITEM, m->from),
		    state_name(MACHINE_ITEM, m->to));
}

static void row_moves(struct sim_life *l, int at, const struct sql_event_from_out *e)
{
	struct move m = { .life = l,
		.story = l->story,
		.judge = l->story->judge,
		.list = &l->story->judge->list[at],
		.at = at,
		.n = e->row,
		.from = state_find(MACHINE_ITEM, 5, e->from_state),
		.to = state_find(MACHINE_ITEM, 5, e->to_state) };
	const struct amount *amount;

	if (m.from < 0 || m.to < 0)
		return; /* what it says besides */
	CHECK(e->row > 0 && e->row <= l->story->list[at].rows);
	m.row = &m.list->row[e->row];
	amount = &m.row->due->amount;
	move_judge(&m);
	if (m.from == ITEM_LIVE)
		judge_proofs(l, e->operation, e->row);
	m.list->by_state[m.row->state]--;
	CHECK(amount_sub(&m.list->sum[m.row->state], &m.list->sum[m.row->state], amount));
	m.row->state = m.to;
	m.list->by_state[m.to]++;
	CHECK(amount_add(&m.list->sum[m.to], &m.list->sum[m.to], amount));
}

/* -- the moves of an operation
 * ----------------------------------------------------------- */

/* What was signed for it is consumed, and no row is on its way. */
static void list_ends(struct sim_life *l, int at, int to)
{
	struct sim_story *s = l->story;
	const struct judge_list *of = &s->judge->list[at];

	if (of->by_state[ITEM_LIVE] ||
	    (to == OPERATION_COMPLETED && of->by_state[ITEM_PENDING]))
		sim_story_wrong(s, "%s is %s, and not all of its rows are settled",
		    s->list[at].name, state_name(MACHINE_OPERATION, to));
	if (of->open)
		sim_story_wrong(s,
		    "%s is %s, and %" PRIu64 " of its nonces are in no final block",
		    s->list[at].name, state_name(MACHINE_OPERATION, to), of->open);
}

static void list_moves(struct sim_life *l, int at, const struct sql_event_from_out *e)
{
	struct judge_list *of = &l->story->judge->list[at];
	int to = state_find(MACHINE_OPERATION, OPERATION_NEEDS_OPERATOR + 1, e->to_state);

	if (to < 0)
		return;
	if (to == OPERATION_COMPLETED || to == OPERATION_CANCELLED)
		list_ends(l, at, to);
	of->state = to;
}

/* -- what was committed
 * -------------------------------------------------------------------- */

static void event_read(struct sim_life *l, const struct sql_event_from_out *e)
{
	struct sim_judge *j = l->story->judge;
	int at;

	if (e->id != j->event + 1)
		sim_story_wrong(
		    l->story, "event %" PRId64 " follows %" PRId64, e->id, j->event);
	j->event = e->id;
	at = judge_list_of(l, e->operation);
	if (at < 0)
		return;
	judge_list_begin(j, at);
	j->touched[at] = true;
	if (!strcmp(e->what, "item"))
		row_moves(l, at, e);
	else if (!strcmp(e->what, "operation"))
		list_moves(l, at, e);
	else if (!strcmp(e->what, "command") && !strncmp(e->to_state, "retry", 5))
		j->list[at].retried = true;
}

/* G10: its totals are those of its rows. */
static void sums_hold(struct sim_life *l, int at)
{
	struct sim_story *s = l->story;
	const struct judge_list *of = &s->judge->list[at];
	struct operation o;

	if (!l->id_of[at] || !operation_read(l->journal, l->id_of[at], &o))
		return;
	if (o.items != s->list[at].rows)
		sim_story_wrong(s, "%s has %" PRId64 " rows", o.name, o.items);
	for (int i = 0; i < 5; i++)
		if (o.by_state[i].n != of->by_state[i] ||
		    amount_cmp(&o.by_state[i].sum, &of->sum[i]) != 0)
			sim_story_wrong(s,
			    "%s: %" PRId64 " rows are %s, its totals say %" PRId64,
			    o.name, of->by_state[i], state_name(MACHINE_ITEM, i),
			    o.by_state[i].n);
	if (o.state != of->state)
		sim_story_wrong(s, "%s is %s, its last event says %s", o.name,
		    state_name(MACHINE_OPERATION, o.state),
		    state_name(MACHINE_OPERATION, of->state));
}

void judge_rows(struct sim_life *l)
{
	struct sim_judge *j = l->story->judge;
	struct sql_event_from_in in = { .id = j->event + 1 };
	struct sql_event_from_out e;
	int64_t commit = journal_commit_no(l->journal);

	if (commit == j->commit)
		return;
	j->commit = commit;
	judge_follow(j);
	sql_event_from_begin(l->journal, &in);
	while (sql_event_from_next(l->journal, &e))
		event_read(l, &e);
	sql_event_from_end(l->journal);
	for (int i = 0; i < l->story->fate->lists; i++)
		if (j->touched[i]) {
			j->touched[i] = false;
			sums_hold(l, i);
		}
}
