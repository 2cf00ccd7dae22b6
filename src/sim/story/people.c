/* people.c - whoever types commands, and what they are answered.
 *
 * They outlive the processes: who was not answered asks again. A command is the program's
 * own (serve/command/command.h), in a turn of the owner, and counts when that is
 * committed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "engine/intent.h"
#include "journal/sql.gen.h"
#include "serve/submit/intake.h"
#include "sim/judge/judge.h"
#include "sim/story/people_in.h"

#define LOOK_MS 3000
#define AGAIN_MS 2000
#define NOT_YET "is not read to its end"

/* -- wishes ---------------------------------------------------------------------- */

static void wish_add(struct sim_story *s, const struct sim_wish *w, int64_t after_ms)
{
	struct sim_people *p = &s->people;
	struct sim_wish *to = &p->wish[p->wishes];

	if (p->wishes == SIM_WISHES)
		return; /* nobody has so much patience */
	*to = *w;
	to->id = ++p->ids;
	to->not_before_ms = s->chain->now_ms + after_ms;
	p->wishes++;
}

void sim_people_wish(
    struct sim_story *s, const struct request *q, int64_t after_ms, bool insists)
{
	wish_add(s, &(struct sim_wish){ .q = *q, .insists = insists }, after_ms);
}

void sim_operator_wishes(struct sim_story *s, const struct request *q)
{
	wish_add(s, &(struct sim_wish){ .q = *q, .by_operator = true }, 0);
}

static void wish_drop(struct sim_people *p, int i)
{
	memmove(
	    &p->wish[i], &p->wish[i + 1], (size_t)(--p->wishes - i) * sizeof *p->wish);
}

/* -- answers -------------------------------------------------------------- */

static enum err answer(void *ctx, const struct command_at *at, struct fail *f)
{
	struct sim_answer *a = ctx;
	struct runner *r = at->runner;
	enum err e;

	if (a->q.route == ROUTE_CREATE)
		return intake_create(at, buf_text(&a->body), a->body.len, &a->told, f);
	if (a->q.route == ROUTE_ROWS)
		return intake_rows(&a->life->intake, at, &a->q, buf_text(&a->body),
		    a->body.len, &a->told, f);
	e = command_do(at, &a->q, &a->told, f);
	if (e != ERR_OK || (a->q.route != ROUTE_RUN && a->q.route != ROUTE_CANCEL))
		return e;
	if (r->s.only_operation)
		runner_only(r, a->told.operation);
	else
		(void)operation_load(r, a->told.operation);
	return e;
}

static void answer_take(struct runner *r, struct fact *fact)
{
	struct sim_answer *a = (struct sim_answer *)fact;
	struct command_at at = { .world = a->life->world,
		.journal = a->life->journal,
		.runner = r,
		.face = &a->life->story->face };

	a->e = command_whole(&at, &a->q, answer, a, &a->f);
	a->given = true;
}

static void answer_free(struct sim_answer *a)
{
	buf_release(&a->body);
	mem_free(a);
}

/* The answer is told after the commit, if there is one. */
static void answer_keep(struct fact *fact)
{
	struct sim_answer *a = (struct sim_answer *)fact;

	if (!a->given)
		answer_free(a);
}

void sim_people_ask(
    struct sim_life *l, const struct request *q, int list, const struct buf *body)
{
	struct sim_answer *a = mem_new(sizeof *a);

	a->fact = (struct fact){ .take = answer_take, .free = answer_keep };
	a->life = l;
	a->q = *q;
	if (q->route == ROUTE_TRACK) {
		a->q.lines = a->q.text;
		a->q.lines_len = strlen(a->q.text);
	}
	a->list = list;
	if (body)
		a->body = *body;
	else
		buf_init(&a->body, 1);
	l->answer = a;
	runner_fact(l->runner, &a->fact);
}

void sim_people_dropped(struct sim_life *l)
{
	if (l->answer && l->answer->given)
		answer_free(l->answer);
	l->answer = NULL;
	intake_free(l->intake);
	l->intake = NULL;
}

void sim_people_look_anew(struct sim_story *s)
{
	struct sim_people *p = &s->people;

	p->yes = false;
	for (int i = p->wishes; i-- > 0;)
		if (p->wish[i].by_operator)
			wish_drop(p, i);
}

/* What somebody asks for is the measure from then on, whatever answer he gets. */
static void cap_is_asked(struct sim_story *s, const struct request *q)
{
	struct amount cap;

	for (int i = 0; i < s->fate->lists && q->cap[0]; i++)
		if (!strcmp(q->name, s->list[i].name) &&
		    amount_parse(&cap, q->cap, strlen(q->cap), 18) == AMOUNT_OK &&
		    amount_cmp(&cap, &s->list[i].cap) > 0)
			s->list[i].cap = cap;
}

static bool is_reserved(struct sim_life *l, int64_t id)
{
	struct intent i;

	return intent_read(l->journal, id, &i) && i.state == INTENT_RESERVED &&
	    !i.has_attempt;
}

/* Who skips a row that is reserved, and has no bytes yet, gives its nonce back. */
static bool gives_back(struct sim_life *l, const struct request *q)
{
	struct sql_operation_by_name_in of;
	struct sql_operation_by_name_out o;
	struct sql_intent_by_row_in in = { .row = q->row };
	struct sql_intent_by_row_out row;
	int64_t newest = 0;

	of.name = q->name;
	if (q->route != ROUTE_REPAIR || q->repair != REPAIR_SKIP ||
	    !sql_operation_by_name_one(l->journal, &of, &o))
		return false;
	in.operation = o.id;
	sql_intent_by_row_begin(l->journal, &in);
	while (sql_intent_by_row_next(l->journal, &row))
		newest = row.id;
	return newest && is_reserved(l, newest);
}

static void is_resumed(struct sim_life *l, const struct request *q)
{
	for (int i = 0; i < l->story->receivers; i++)
		if (sim_judge_suspended(l, i) == strtoll(q->name, NULL, 10))
			l->story->receiver[i].suspended = false;
}

static uint32_t node_named(const struct request *q)
{
	const char *at = strchr(q->name, '-');

	CHECK(at);
	return 1u << (strtoll(at + 1, NULL, 10) & 31);
}

/* He was told: whoever goes on from here knows it, but for who stands still. */
static void is_off(struct sim_life *l, const struct request *q)
{
	struct sim_story *s = l->story;

	s->people.off |= node_named(q);
	for (int i = 0; i < SIM_LIVES; i++)
		s->life[i].sees_off = &s->life[i] == l;
	sim_story_did(s, SIM_DID_SWITCHED_OFF);
}

static bool is_resume(const struct sim_wish *w)
{
	return w->by_operator && w->q.route == ROUTE_RESUME_CHAIN;
}

bool sim_people_resume_alone(struct sim_story *s, bool drop)
{
	struct sim_people *p = &s->people;
	int at = 0;

	while (at < p->wishes && !is_resume(&p->wish[at]))
		at++;
	if (!p->alone || at == p->wishes)
		return false;
	if (drop)
		wish_drop(p, at);
	return true;
}

/* The first whose time has come. The operator types a line when the one before has its
 * answer. */
static bool somebody_asks(struct sim_life *l)
{
	struct sim_people *p = &l->story->people;
	bool typing = false;

	for (int i = 0; i < p->wishes; i++) {
		struct sim_wish *w = &p->wish[i];
		bool waits = w->by_operator && typing;

		if (p->alone && is_resume(w) != (l->command_until_ms > 0))
			continue;

		typing |= w->by_operator;
		if (waits || w->not_before_ms > l->story->chain->now_ms)
			continue;
		cap_is_asked(l->story, &w->q);
		p->said_yes |= w->q.yes != WORD_NONE;
		p->says += w->q.route == ROUTE_TELL;
		if (w->q.route == ROUTE_RESUME_NOTIFY)
			is_resumed(l, &w->q);
		if (w->q.route == ROUTE_ENDPOINT_ON)
			p->off &= ~node_named(&w->q);
		l->story->released |= gives_back(l, &w->q);
		sim_people_ask(l, &w->q, SIM_OF_NO_LIST, NULL);
		l->answer->wish = w->id;
		return true;
	}
	return false;
}

/* Whoever holds things up: a row that is reserved, and has no bytes yet. */
static bool releases(struct sim_life *l)
{
	struct sql_intent_unsigned_in in = { .max = 1 };
	struct sql_intent_unsigned_out of;
	struct request q = {
		.route = ROUTE_REPAIR, .has_row = true, .repair = REPAIR_RELEASE
	};
	struct operation o;
	struct intent i;

	for (size_t k = 0; l->story->people.releases && !in.account &&
	     k < l->runner->chains[0].accounts_n;
	     k++) {
		in.account = l->runner->chains[0].accounts[k]->id;
		if (!sql_intent_unsigned_one(l->journal, &in, &of))
			in.account = 0;
	}
	if (!in.account || !intent_read(l->journal, of.id, &i) || i.row <= 0 ||
	    !operation_read(l->journal, i.operation, &o))
		return false;
	l->story->people.releases--;
	l->story->released = true;
	snprintf(q.name, sizeof q.name, "%s", o.name);
	q.row = i.row;
	sim_people_ask(l, &q, SIM_OF_NO_LIST, NULL);
	return true;
}

void sim_people_turn(struct sim_life *l)
{
	struct sim_people *p = &l->story->people;
	int64_t now_ms = l->story->chain->now_ms;

	if (!p->wishes && now_ms >= p->look_ms && !l->command_until_ms) {
		p->look_ms = now_ms + LOOK_MS;
		sim_operator_looks(l);
	}
	if (l->answer || somebody_asks(l) || l->command_until_ms || releases(l))
		return;
	sim_people_edit(l);
	sim_people_create(l);
}

static void wish_told(struct sim_story *s, const struct sim_answer *a, int at)
{
	struct sim_wish w = s->people.wish[at];

	if (a->e == ERR_NO_QUORUM) {
		s->people.wish[at].not_before_ms = s->chain->now_ms + AGAIN_MS;
		return;
	}
	wish_drop(&s->people, at);
	if (w.by_operator && a->e == ERR_CONFLICT && strstr(a->f.why, NOT_YET))
		s->people.yes = false; /* he tries again later */
	else if (w.by_operator && a->e == ERR_CONFLICT)
		sim_operator_refused(a->life, a->f.why);
	else if (w.by_operator && a->e == ERR_OK && a->q.route != ROUTE_REPAIR)
		s->people.yes = false;
	else if (w.insists && a->e == ERR_CONFLICT &&
	    sim_operator_word(&w.q.yes, a->f.why))
		wish_add(s, &w, AGAIN_MS);
}

static enum sim_deed repair_deed(enum repair repair)
{
	if (repair == REPAIR_ADOPT)
		return SIM_DID_REPAIRED;
	return repair == REPAIR_SKIP ? SIM_DID_SKIPPED : SIM_DID_RELEASED;
}

static void said(struct sim_story *s, const struct told *told)
{
	s->people.said += told->subscribers > 0;
	sim_story_did(s, SIM_DID_SAID);
}

/* What was asked for came to pass. */
static void done(struct sim_story *s, const struct request *q, const struct told *told)
{
	if (q->cap[0])
		sim_story_did(s, SIM_DID_CAP_RAISED);
	if (q->route == ROUTE_PAUSE)
		sim_story_did(s, SIM_DID_PAUSED);
	else if (q->route == ROUTE_CANCEL)
		sim_story_did(s, SIM_DID_CANCELLED);
	else if (q->route == ROUTE_RETRY)
		sim_story_did(s, SIM_DID_RETRIED);
	else if (q->route == ROUTE_REPAIR)
		sim_story_did(s, repair_deed(q->repair));
	else if (q->route == ROUTE_TELL)
		said(s, told);
	else if (q->route == ROUTE_TRACK)
		sim_receivers_follow(s, q->text);
	else if (q->route == ROUTE_RESUME_NOTIFY)
		sim_story_did(s, SIM_DID_COME_BACK);
	else if (q->route == ROUTE_ENDPOINT_ON && told->moved)
		sim_story_did(s, SIM_DID_SWITCHED_ON);
	else if (q->route == ROUTE_ENDPOINT_OFF || q->route == ROUTE_ENDPOINT_ON)
		return;
	else
		sim_story_did(s, q->yes ? SIM_DID_SAID_YES : SIM_DID_RESUMED);
}

static int wish_find(const struct sim_people *p, uint64_t id)
{
	for (int i = 0; i < p->wishes; i++)
		if (p->wish[i].id == id)
			return i;
	return -1; /* of a process that was set back: nobody waits for it */
}

static const char *route_name(enum route route)
{
	static const char *const names[] = {
#define ROUTE(name, ...) #name,
#include "serve/request/routes.def"
#undef ROUTE
	};

	return names[route];
}

void sim_people_told(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct sim_answer *a = l->answer;
	int at;

	if (!a)
		return;
	l->answer = NULL;
	at = wish_find(&s->people, a->wish);
	if (a->list >= 0)
		sim_people_list_told(l, a);
	else if (a->list == SIM_EDITED && a->e == ERR_OK &&
	    (a->q.route != ROUTE_CREATE || a->told.operation))
		sim_story_wrong(s, "what is not the list is taken for %s", a->q.name);
	else if (a->list == SIM_EDITED)
		sim_story_did(s, SIM_DID_EDITED);
	else
		sim_story_line(s, "asked %s %s: %s%s%s", route_name(a->q.route),
		    a->q.name, err_name(a->e), a->e ? ": " : "", a->e ? a->f.why : "");
	if (a->e == ERR_OK && a->q.route == ROUTE_ENDPOINT_OFF && at >= 0)
		is_off(l, &a->q);
	if (l->command_until_ms && a->e == ERR_OK)
		sim_story_did(s, SIM_DID_RESUMED_ALONE);
	if (a->list == SIM_OF_NO_LIST && a->e == ERR_OK)
		done(s, &a->q, &a->told);
	if (a->list == SIM_OF_NO_LIST && at >= 0)
		wish_told(s, a, at);
	answer_free(a);
}
