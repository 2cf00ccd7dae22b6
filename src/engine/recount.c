#include "engine/recount.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "engine/operation.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"

#define ROWS_MAX 4096 /* that are read at once */
/* Behind so many it is said what the operation waits for. */
#define LONG_MAX 500000

#define ITEM_STATES 5
#define OPERATION_STATES 9

int64_t recount_turn_max = RECOUNT_TURN_MAX;

struct recount {
	struct journal *j;
	struct operation o; /* as the journal has it now */
	const struct kind *kind;
	struct journal_walk *walk;
	bool rows_alone; /* events are followed from now on, to know what moves */
	const char *item_names[ITEM_STATES], *operation_names[OPERATION_STATES];
	int stage;      /* what its events say of it; -1: nothing */
	uint8_t *state; /* and of its rows; those behind are pending */
	int64_t state_n, state_max;
	int64_t row; /* the next one to be counted */
	void *plan;  /* of the rows before it; NULL: not begun */
	bool counted;
	struct journal_sums sums;
	int64_t read;    /* so far */
	struct fail bad; /* of an event */
};

struct recount *recount_new(
    struct journal *j, int64_t operation, const struct kind *kind, bool rows_alone)
{
	struct recount *c = mem_new(sizeof *c);

	c->j = j;
	c->o.id = operation;
	c->kind = kind;
	c->rows_alone = rows_alone;
	c->walk = journal_walk_new(j, operation, rows_alone);
	c->stage = -1;
	c->row = 1;
	for (int i = 0; i < ITEM_STATES; i++)
		c->item_names[i] = state_name(MACHINE_ITEM, i);
	for (int i = 0; i < OPERATION_STATES; i++)
		c->operation_names[i] = state_name(MACHINE_OPERATION, i);
	return c;
}

void recount_free(struct recount *c)
{
	if (!c)
		return;
	journal_walk_free(c->walk);
	if (c->plan)
		(void)c->kind->plan_end(c->plan, &c->o);
	mem_free(c->state);
	mem_free(c);
}

/* -- what its events say --------------------------------------------------- */

static int state_of(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

static int said(const struct recount *c, int64_t row)
{
	return row <= c->state_n ? c->state[row - 1] : ITEM_PENDING;
}

/* It was counted already, as it was before. */
static bool count_again(struct recount *c, int64_t row, int from, int to)
{
	struct sql_item_get_in in = { .operation = c->o.id, .row = row };
	struct sql_item_get_out item;

	return sql_item_get_one(c->j, &in, &item) &&
	    journal_sums_sub(&c->sums, from, &item.amount) &&
	    journal_sums_add(&c->sums, to, &item.amount);
}

static void say(struct recount *c, int64_t row, int was, int state)
{
	if (row > c->state_max) {
		int64_t room = row < c->o.items / 2 ? 2 * row : c->o.items;

		c->state = mem_grow(c->state, (size_t)room, 1);
		memset(
		    c->state + c->state_max, ITEM_PENDING, (size_t)(room - c->state_max));
		c->state_max = room;
	}
	if (row > c->state_n)
		c->state_n = row;
	c->state[row - 1] = (uint8_t)state;
	if (row < c->row && !count_again(c, row, was, state))
		fail_set(
		    &c->bad, ERR_DAMAGED, "row %" PRId64 " was edited meanwhile", row);
}

static void take_event(void *ctx, const struct event *e)
{
	struct recount *c = ctx;
	int from, to;

	if (!strcmp(e->what, "operation")) {
		to = state_of(c->operation_names, OPERATION_STATES, e->to);
		if (to >= 0)
			c->stage = to;
		return;
	}
	if (strcmp(e->what, "item") != 0 || e->row < 1)
		return;
	from = state_of(c->item_names, ITEM_STATES, e->from);
	to = state_of(c->item_names, ITEM_STATES, e->to);
	if (from < 0 || to < 0)
		return;
	if (e->row > c->o.items)
		fail_set(&c->bad, ERR_DAMAGED,
		    "it has events of row %" PRId64 ", and %" PRId64 " rows", e->row,
		    c->o.items);
	else
		say(c, e->row, from, to);
}

/* -- a row and its intents ------------------------------------------------- */

/* The intents of a row, and the one of them that is looked at. */
struct lives {
	struct sql_intent_recount_out in;
	bool more;             /* in is there */
	bool won, ended;       /* a final attempt of it: with the payload, and any */
	bool has_attempt;      /* the one that it sends */
	int live, open, final; /* of the row; open: the payload may still be sent */
	bool carries;          /* one of the live ones is the item's */
};

static enum err bad_intent(
    const struct sql_intent_recount_out *i, const char *what, struct fail *f)
{
	return fail_set(f, ERR_DAMAGED, "intent %" PRId64 " (row %" PRId64 ") %s", i->id,
	    i->row, what);
}

static bool is_live(int64_t state)
{
	return state == INTENT_RESERVED || state == INTENT_SIGNED;
}

static enum err intent_end(const struct recount *c, const struct lives *l,
    const struct sql_intent_recount_out *i, struct fail *f)
{
	if (i->state < INTENT_RESERVED || i->state > INTENT_VOID || i->emptied < 0 ||
	    i->emptied > 2)
		return bad_intent(i, "is in no state", f);
	if (i->account != c->o.account)
		return bad_intent(i, "is of another account", f);
	if (!i->no_attempt && !l->has_attempt)
		return bad_intent(i, "sends an attempt that is not its own", f);
	if (i->state == INTENT_FINAL && !l->won)
		return bad_intent(i, "is final, and none of its attempts paid", f);
	if (i->state == INTENT_VOID && l->won)
		return bad_intent(i, "is void, and an attempt of it paid", f);
	if (is_live(i->state) && l->ended)
		return bad_intent(i, "is live, and an attempt of it is final", f);
	return ERR_OK;
}

static void attempt_see(struct lives *l)
{
	const struct sql_intent_recount_out *in = &l->in;

	if (in->no_signed_id)
		return;
	l->has_attempt |= !in->no_attempt && in->attempt == in->signed_id;
	if (in->moved != ATTEMPT_FINAL)
		return;
	l->ended = true;
	l->won |= !in->empty && !in->no_status && in->status == TX_OK && !in->no_paid;
}

/* The intent that stands next, with all its attempts; carrier: the item's, or 0. */
static enum err intent_see(
    const struct recount *c, struct lives *l, int64_t carrier, struct fail *f)
{
	struct sql_intent_recount_out i = l->in;

	l->won = l->ended = l->has_attempt = false;
	do {
		attempt_see(l);
		l->more = sql_intent_recount_next(c->j, &l->in);
	} while (l->more && l->in.id == i.id);
	l->live += is_live(i.state);
	l->open += is_live(i.state) && !i.emptied;
	l->final += i.state == INTENT_FINAL;
	l->carries |= is_live(i.state) && i.id == carrier;
	return intent_end(c, l, &i, f);
}

/* Those up to a row, which begin with its own: what is before has no item. */
static enum err intents_see(const struct recount *c, struct lives *l, int64_t row,
    int64_t carrier, struct fail *f)
{
	enum err e = ERR_OK;

	while (e == ERR_OK && l->more && l->in.row < 1)
		e = intent_see(c, l, 0, f);
	l->live = l->open = l->final = 0;
	l->carries = false;
	while (e == ERR_OK && l->more && l->in.row == row)
		e = intent_see(c, l, carrier, f);
	if (e == ERR_OK && l->more && l->in.row < row)
		return bad_intent(&l->in, "carries a row that there is not", f);
	return e;
}

static enum err bad_row(int64_t row, const char *what, struct fail *f)
{
	return fail_set(f, ERR_DAMAGED, "row %" PRId64 " %s", row, what);
}

/* What its intents must be for it to be in this state. */
static enum err state_see(
    const struct sql_item_from_out *item, const struct lives *l, struct fail *f)
{
	if ((item->state == ITEM_LIVE) != !item->no_intent ||
	    (item->state == ITEM_LIVE && !l->carries))
		return bad_row(item->row,
		    "is live, and no live intent of its own carries it;"
		    " or one does, and it is not",
		    f);
	if ((item->state == ITEM_PENDING || item->state == ITEM_VOID) &&
	    (l->live || l->final))
		return bad_row(item->row,
		    "is pending or void, and has an intent that may pay it, or did", f);
	if (item->state == ITEM_FINAL && !l->final)
		return bad_row(item->row, "is final, and no intent of it is", f);
	if (item->state == ITEM_FINAL && l->open)
		return bad_row(
		    item->row, "is final, and has an intent that would pay it again", f);
	return ERR_OK;
}

static void plan_see(struct recount *c, const struct sql_item_from_out *item)
{
	struct address to;

	if (c->row == 1 && c->kind->plan_begin)
		c->plan = c->kind->plan_begin(c->j, &c->o);
	if (!c->plan)
		return;
	memcpy(to.at, item->recipient, sizeof to.at);
	c->kind->plan_row(c->plan, &to, &item->amount, item->no_memo ? NULL : item->memo);
}

static enum err row_see(struct recount *c, struct lives *l,
    const struct sql_item_from_out *item, struct fail *f)
{
	int is = said(c, c->row);
	enum err e;

	if (item->row != c->row || item->row > c->o.items)
		return fail_set(f, ERR_DAMAGED,
		    "row %" PRId64 " stands where row %" PRId64 " of %" PRId64
		    " should be",
		    item->row, c->row, c->o.items);
	if (item->state != is && !c->rows_alone)
		return fail_set(f, ERR_DAMAGED,
		    "row %" PRId64 " is %s, and its events say that it is %s", item->row,
		    state_name(MACHINE_ITEM, (int)item->state), c->item_names[is]);
	e = intents_see(c, l, item->row, item->no_intent ? 0 : item->intent, f);
	if (e == ERR_OK)
		e = state_see(item, l, f);
	if (e == ERR_OK && !journal_sums_add(&c->sums, item->state, &item->amount))
		return bad_row(item->row, "is more than can be added", f);
	plan_see(c, item);
	c->row++;
	return e;
}

/* The next rows, and all their intents. */
static enum err rows_see(struct recount *c, int64_t *left, struct fail *f)
{
	int64_t n = *left < ROWS_MAX ? *left : ROWS_MAX;
	bool last = c->row + n > c->o.items;
	int64_t first = c->row, from = first == 1 ? INT64_MIN : first;
	struct sql_item_from_in rows = { c->o.id, from, last ? n + 1 : n };
	struct sql_intent_recount_in in = { c->o.id, from,
		last ? INT64_MAX : c->row + n - 1 };
	struct sql_item_from_out item;
	struct lives l = { .more = false };
	enum err e = ERR_OK;

	sql_item_from_begin(c->j, &rows);
	sql_intent_recount_begin(c->j, &in);
	l.more = sql_intent_recount_next(c->j, &l.in);
	while (e == ERR_OK && sql_item_from_next(c->j, &item)) {
		e = row_see(c, &l, &item, f);
		--*left;
	}
	if (e == ERR_OK)
		e = intents_see(c, &l, INT64_MAX, 0, f);
	sql_item_from_end(c->j);
	sql_intent_recount_end(c->j);
	/* Where none came, none will. */
	c->counted = last || c->row == first;
	return e;
}

/* -- all of it ------------------------------------------------------------- */

/* Its list is still being read: nothing of it was ever reserved. */
static bool is_partial(const struct recount *c)
{
	int stage = state_edge(MACHINE_OPERATION, c->o.state, OPERATION_NEEDS_OPERATOR)
	    ? c->o.state
	    : c->o.back_to;

	return stage == OPERATION_AWAITING_FUNDS && c->row <= c->o.items &&
	    c->o.by_state[ITEM_PENDING].n == c->o.items && !c->state_n;
}

static enum err held_see(const struct recount *c, struct fail *f)
{
	struct sql_intent_held_of_in in = { c->o.account, c->o.id };
	struct sql_intent_held_of_out i;
	struct amount held = AMOUNT_ZERO;
	bool good = true;

	sql_intent_held_of_begin(c->j, &in);
	while (good && sql_intent_held_of_next(c->j, &i))
		good = amount_add(&held, &held, &i.held);
	sql_intent_held_of_end(c->j);
	if (good && !amount_cmp(&held, &c->o.fees_held))
		return ERR_OK;
	return fail_set(f, ERR_DAMAGED,
	    "the fees that it holds are not those of its"
	    " live intents");
}

static bool plan_end(struct recount *c)
{
	void *plan = c->plan;

	c->plan = NULL;
	return !plan || c->kind->plan_end(plan, &c->o);
}

static enum err other_rows(struct fail *f)
{
	return fail_set(f, ERR_DAMAGED, "its rows are not those of its plan");
}

static enum err totals_see(struct recount *c, struct fail *f)
{
	if (c->o.state != c->stage && !c->rows_alone)
		return fail_set(f, ERR_DAMAGED,
		    "it is %s, and its events say that it is %s",
		    state_name(MACHINE_OPERATION, c->o.state),
		    state_name(MACHINE_OPERATION, c->stage));
	if (is_partial(c))
		return ERR_OK;
	if (!journal_sums_hold(c->j, c->o.id, &c->sums))
		return fail_set(
		    f, ERR_DAMAGED, "its totals are not the sums of its rows");
	return plan_end(c) ? held_see(c, f) : other_rows(f);
}

enum err recount_some(struct recount *c, int64_t *left, bool *ret_done, struct fail *f)
{
	bool whole = false;
	enum err e;

	*ret_done = false;
	if (!operation_read(c->j, c->o.id, &c->o))
		return fail_set(f, ERR_DAMAGED, "it is gone");
	c->read += *left;
	e = journal_walk_next(c->walk, left, take_event, c, &whole, f);
	if (e == ERR_OK && c->bad.err != ERR_OK)
		e = fail_set(f, c->bad.err, "%s", c->bad.why);
	while (e == ERR_OK && whole && !c->counted && *left > 0)
		e = rows_see(c, left, f);
	if (e == ERR_OK && whole && c->counted) {
		*ret_done = true;
		e = totals_see(c, f);
	}
	c->read -= *left;
	return e;
}

enum err recount_whole(
    struct journal *j, int64_t operation, const struct kind *kind, struct fail *f)
{
	struct recount *c;
	struct archived archived;
	enum err e = ERR_OK;
	bool done = false;

	/* The rest is in its file, which is compared as a whole. */
	if (archive_of(j, operation, &archived))
		return recount_plan(j, operation, kind, f);
	c = recount_new(j, operation, kind, false);

	while (e == ERR_OK && !done) {
		int64_t left = INT64_MAX;

		e = recount_some(c, &left, &done, f);
	}
	recount_free(c);
	return e;
}

enum err recount_plan(
    struct journal *j, int64_t operation, const struct kind *kind, struct fail *f)
{
	struct recount *c = recount_new(j, operation, kind, true);
	struct sql_item_from_in rows = { operation, 1, INT64_MAX };
	struct sql_item_from_out item;
	bool good = operation_read(j, operation, &c->o);

	sql_item_from_begin(j, &rows);
	for (; good && sql_item_from_next(j, &item); c->row++)
		plan_see(c, &item);
	sql_item_from_end(j);
	good = good && (c->row <= c->o.items || plan_end(c));
	recount_free(c);
	return good ? ERR_OK : other_rows(f);
}

/* -- the engine's ---------------------------------------------------------- */

bool recounted(const struct operation *o)
{
	return o->recounted || MUTANT(rows_believed);
}

static bool is_whole(const struct operation *o)
{
	return !o->kind->whole || o->kind->whole(o);
}

/* Of a list that is not read to its end nothing was reserved: nothing is to be proved. */
bool recount_proved(const struct operation *o)
{
	return o->proved || !is_whole(o) || MUTANT(ends_unproved);
}

/* A list that is still being read comes later; what has ended, when it goes on. */
static bool wants(const struct runner *r, const struct operation *o, bool rows_alone)
{
	return !(rows_alone ? o->recounted : o->proved) && !operation_ended(o) &&
	    runner_moves_on(r, o->account) && is_whole(o);
}

static void has_counted(struct runner *r, struct operation *o)
{
	const struct chain_run *c = runner_chain_by_id(r, o->chain);
	struct fail f = { ERR_OK, "" };

	recount_free(o->recount);
	o->recount = NULL;
	o->proved = o->recounted;
	if (o->recounted)
		return;
	if (recount_signed(r->s.journal, o, c->connector, &f) != ERR_OK)
		operation_damaged(r, o, f.why);
	o->recounted = true;
	o->blocked = NULL;
}

static void some_more(struct runner *r, struct operation *o, int64_t *left)
{
	struct fail f = { ERR_OK, "" };
	bool done;

	if (!o->recount)
		o->recount = recount_new(r->s.journal, o->id, o->kind, !o->recounted);
	if (recount_some(o->recount, left, &done, &f) != ERR_OK)
		operation_damaged(r, o, f.why);
	if (done)
		has_counted(r, o);
	else if (!o->recounted && o->recount->read > LONG_MAX)
		o->blocked = "its rows to be counted";
}

void recount_turn(struct runner *r)
{
	int64_t left = recount_turn_max;

	for (int events = 0; events < 2; events++)
		for (size_t i = 0; i < r->operations_n && left > 0; i++)
			if (wants(r, r->operations[i], !events)) {
				some_more(r, r->operations[i], &left);
				r->again = true;
			}
}
