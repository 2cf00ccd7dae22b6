#include "callers.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "engine/intent.h"
#include "engine/operation.h"
#include "engine/past.h"
#include "journal/sql.gen.h"
#include "serve/submit/handover.h"

#define PART_ROWS 3
#define BODY_MAX ((size_t)64 * 1024)
#define PAUSED_BLOCKS 3

static struct request request(enum route route, const char *name)
{
	struct request q = { .route = route };

	snprintf(q.name, sizeof q.name, "%s", name);
	return q;
}

static void act_done(struct stage *s)
{
	s->told->acts++;
	s->told->act_height = s->chain->head->height;
}

/* -- a list is handed over ----------------------------------------------------- */

static void plan_fill(struct stage *s, const struct stage_list *l, struct journal *j,
    int64_t chain, struct handover *ret)
{
	struct sql_account_by_address_in in = { .chain = chain };
	struct sql_account_by_address_out account;
	struct sql_operation_newest_out newest;
	struct list_sum sum;

	*ret = (struct handover){ .chain_id = s->config.chain_id,
		.genesis = s->chain->genesis->hash,
		.sender = l->key->address,
		.past = -1 };
	life_plan(s, l, &sum, ret->plan);
	life_facts(s, l, &ret->facts);
	ret->rows = sum.rows;
	ret->planned = sum.total;
	CHECK(amount_parse(&ret->cap, "10", 2, 18) == AMOUNT_OK);
	memcpy(ret->facts.file_hash, sum.file_hash, sizeof sum.file_hash);
	snprintf(ret->name, sizeof ret->name, "%s", l->name);
	snprintf(ret->key, sizeof ret->key, "%s", l->key->name);
	snprintf(ret->chain, sizeof ret->chain, "%s", s->config.name);
	if (sql_operation_newest_one(j, &newest) && !newest.no_id)
		ret->seen = newest.id;
	memcpy(in.address, l->key->address.at, sizeof in.address);
	if (sql_account_by_address_one(j, &in, &account))
		ret->past = past_payments(j, account.id);
}

static void ask_create(struct stage *s, struct desk *d, int64_t chain)
{
	struct request q = request(ROUTE_CREATE, "");
	struct handover h;
	struct buf body;

	plan_fill(s, &s->all[1], desk_journal(d), chain, &h);
	buf_init(&body, BODY_MAX);
	CHECK(handover_encode(&body, &h));
	desk_ask_with(d, &q, &body);
}

static void ask_rows(struct stage *s, struct desk *d)
{
	const struct stage_list *l = &s->all[1];
	struct request q = request(ROUTE_ROWS, l->name);
	struct buf body;

	buf_init(&body, BODY_MAX);
	for (int64_t i = s->told->row; i <= s->rows && i < s->told->row + PART_ROWS; i++)
		handover_row_encode(&body,
		    &(struct list_row){ .row = i,
			.line = i + 1,
			.to = l->to[i],
			.amount = l->amount[i] });
	desk_ask_with(d, &q, &body);
}

static bool hand_over(struct stage *s, struct desk *d, const struct runner *r)
{
	const struct stage_list *l = &s->all[1];
	struct request q = request(ROUTE_RUN, l->name);
	struct list_sum sum;
	struct operation o;

	if (!desk_look(d, l->name, &o)) {
		if (r->chains[0].id)
			ask_create(s, d, r->chains[0].id);
	} else if (!s->told->row) {
		q.has_plan = true;
		life_plan(s, l, &sum, q.plan);
		desk_ask(d, &q);
	} else if (s->told->row <= s->rows) {
		ask_rows(s, d);
	} else {
		return false;
	}
	return true;
}

/* Once, and for a while. */
static void pause_first(struct stage *s, struct desk *d)
{
	struct request q = request(ROUTE_PAUSE, s->all[0].name);
	struct operation o;

	if (!desk_look(d, s->all[0].name, &o))
		return;
	if (s->told->acts == 0 && o.state == OPERATION_PAUSED)
		act_done(s); /* he got no answer */
	if (s->told->acts == 0 && o.by_state[ITEM_LIVE].n >= 2)
		desk_ask(d, &q);
	q.route = ROUTE_RESUME;
	if (s->told->acts == 1 && o.state == OPERATION_PAUSED &&
	    s->chain->head->height >= s->told->act_height + PAUSED_BLOCKS)
		desk_ask(d, &q);
	else if (s->told->acts == 1 && o.state != OPERATION_PAUSED)
		act_done(s);
}

void callers_hand_over(struct stage *s, struct desk *d, struct runner *r)
{
	struct operation o;

	if (!desk_look(d, s->all[0].name, &o))
		return;
	if (o.by_state[ITEM_FINAL].n < 1 || !hand_over(s, d, r))
		pause_first(s, d);
}

void callers_handed(
    struct stage *s, const struct request *q, enum err e, const struct told *told)
{
	if (q->route == ROUTE_CREATE && e == ERR_OK && told->operation)
		s->told->created[1] = true;
	if ((q->route == ROUTE_RUN || q->route == ROUTE_ROWS) && e == ERR_OK)
		s->told->row = q->route == ROUTE_RUN && told->imported < told->rows
		    ? 1
		    : told->imported + 1;
	else if (q->route == ROUTE_ROWS)
		s->told->row = 0;
	if (q->route == ROUTE_PAUSE && e == ERR_OK)
		act_done(s);
}

/* -- rows are repaired ------------------------------------------------------------ */

static int64_t bare_row(struct journal *j)
{
	struct sql_intent_unsigned_in in = { .account = 1, .max = 1 };
	struct sql_intent_unsigned_out row;
	struct intent i;

	return sql_intent_unsigned_one(j, &in, &row) && intent_read(j, row.id, &i) ? i.row
										   : 0;
}

bool callers_may_release(const struct stage *s, struct journal *j)
{
	return s->told->skipped && !s->told->released && bare_row(j) > 0;
}

void callers_repair(struct stage *s, struct desk *d, struct runner *r)
{
	struct request q = request(ROUTE_REPAIR, s->all[0].name);
	struct operation o;

	(void)r;
	q.has_row = true;
	if (!desk_look(d, s->all[0].name, &o))
		return;
	if (callers_may_release(s, desk_journal(d))) {
		q.repair = REPAIR_RELEASE;
		q.row = bare_row(desk_journal(d));
	} else if (!s->told->skipped) {
		q.repair = REPAIR_SKIP;
		q.row = CALLERS_SKIPPED;
	}
	if (q.repair != REPAIR_NOT)
		desk_ask(d, &q);
}

void callers_repaired(
    struct stage *s, const struct request *q, enum err e, const struct told *told)
{
	(void)told;
	if (e != ERR_OK)
		return;
	s->told->skipped |= q->repair == REPAIR_SKIP;
	s->told->released |= q->repair == REPAIR_RELEASE;
	act_done(s);
}
