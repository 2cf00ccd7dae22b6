/* judge_heard.c - what subscribers hear: all that was decided, each once but for answers
 * that nobody got, in its order, and nothing that is not so. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "codec/json.h"
#include "journal/sql.gen.h"
#include "sim/judge/judge_in.h"
#include "tell/webhook.h"

#define CHANNEL "webhook"

static void PRINTF(3, 4) wrong(struct sim_story *s, int receiver, const char *fmt, ...)
{
	char why[JUDGE_WHY_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof why, fmt, args);
	va_end(args);
	sim_story_wrong(s, "receiver-%d: %s", receiver, why);
}

/* Nobody else tells, and the journal is what it was. */
static bool is_strict(const struct sim_story *s)
{
	return !(s->broken & (unsigned)(SIM_GROUND_ALONE | SIM_GROUND_SYNC)) &&
	    !s->flipped;
}

/* -- rows ----------------------------------------------------------------- */

static int64_t subscriber_of(struct sim_life *l, int receiver)
{
	struct sql_subscriber_by_target_in in = { .channel = CHANNEL,
		.target = sim_receiver_url(receiver) };
	struct sql_subscriber_by_target_out row;

	return sql_subscriber_by_target_one(l->journal, &in, &row) ? row.id : 0;
}

int64_t sim_judge_suspended(struct sim_life *l, int receiver)
{
	struct sql_subscriber_get_in in = { .id = subscriber_of(l, receiver) };
	struct sql_subscriber_get_out row;

	return in.id && sql_subscriber_get_one(l->journal, &in, &row) && !row.no_suspended
	    ? in.id
	    : 0;
}

static int receiver_of(struct sim_life *l, int64_t subscriber)
{
	for (int i = 0; i < l->story->receivers; i++)
		if (subscriber_of(l, i) == subscriber)
			return i;
	return -1;
}

/* Who hears of a list now. */
static uint32_t hears(struct sim_life *l, int64_t operation)
{
	struct sql_report_subscribers_in in = { .subject = operation };
	struct sql_report_subscribers_out row;
	uint32_t all = 0;

	sql_report_subscribers_begin(l->journal, &in);
	while (sql_report_subscribers_next(l->journal, &row)) {
		int at = sim_receiver_of(l->story, row.target);

		CHECK(at >= 0);
		all |= 1u << at;
	}
	sql_report_subscribers_end(l->journal);
	return all;
}

static bool message_read(struct sim_life *l, int64_t notice, int receiver,
    struct sql_message_of_notice_out *ret)
{
	struct sql_message_of_notice_in in = { .notice = notice };
	int64_t subscriber = subscriber_of(l, receiver);
	bool found = false;

	sql_message_of_notice_begin(l->journal, &in);
	while (!found && sql_message_of_notice_next(l->journal, ret))
		found = ret->subscriber == subscriber;
	sql_message_of_notice_end(l->journal);
	return found;
}

/* Its receivers, and those that it is known to have reached. */
static void messages_read(struct sim_life *l, struct judge_notice *n)
{
	struct sql_message_of_notice_in in = { .notice = n->id };
	struct sql_message_of_notice_out row;
	int64_t subscriber[SIM_RECEIVERS_MAX], state[SIM_RECEIVERS_MAX];
	uint32_t before = n->to;
	int rows = 0;

	sql_message_of_notice_begin(l->journal, &in);
	while (rows < SIM_RECEIVERS_MAX && sql_message_of_notice_next(l->journal, &row)) {
		subscriber[rows] = row.subscriber;
		state[rows++] = row.state;
	}
	sql_message_of_notice_end(l->journal);
	for (int i = 0; i < rows; i++) {
		int at = receiver_of(l, subscriber[i]);

		CHECK(at >= 0);
		n->to |= 1u << at;
		n->done |= (uint32_t)(state[i] == MESSAGE_ACCEPTED) << at;
	}
	n->late |= before ? n->to & ~before : 0;
}

static const char *copied(struct sim_story *s, const char *text)
{
	size_t len = strlen(text) + 1;
	char *to = sim_chain_take(s->chain, len);

	memcpy(to, text, len);
	return to;
}

static void event_id_put(char out[EVENT_ID_MAX], const char *body)
{
	json_t *o = json_read(body, strlen(body), NULL);
	const char *id = o ? json_str(o, "event_id") : NULL;

	snprintf(out, EVENT_ID_MAX, "%s", id ? id : "");
	json_decref(o);
}

static struct judge_notice *notice_new(
    struct sim_life *l, const struct sql_notice_from_out *row)
{
	struct judge_notice *n = sim_chain_take(l->story->chain, sizeof *n);

	*n = (struct judge_notice){ .id = row->id,
		.commit = row->commit_no,
		.nth = row->nth,
		.kind = (enum subject_kind)row->subject_kind,
		.subject = row->subject,
		.milestone = (enum milestone)row->milestone,
		.list = row->subject_kind == SUBJECT_OPERATION
		    ? judge_list_of(l, row->subject)
		    : -1,
		.body = copied(l->story, row->body) };
	event_id_put(n->event_id, n->body);
	return n;
}

static void notice_add(struct judge_heard *h, struct judge_notice *n)
{
	if (h->last)
		h->last->next = n;
	else
		h->first = n;
	h->last = n;
}

/* The rows behind what is known, in their order; the first of them. */
static struct judge_notice *notices_read(struct sim_life *l)
{
	struct judge_heard *h = &judge_view_of(l)->heard;
	struct sql_notice_from_in in = { .id = h->last ? h->last->id + 1 : 0 };
	struct judge_notice *before = h->last;
	struct sql_notice_from_out row;

	sql_notice_from_begin(l->journal, &in);
	while (sql_notice_from_next(l->journal, &row))
		notice_add(h, notice_new(l, &row));
	sql_notice_from_end(l->journal);
	before = before ? before->next : h->first;
	for (struct judge_notice *n = before; n; n = n->next)
		messages_read(l, n);
	return before;
}

static struct judge_notice *notice_of(const struct judge_heard *h, const char *event_id)
{
	struct judge_notice *n = h->first;

	while (n && strcmp(n->event_id, event_id) != 0)
		n = n->next;
	return n;
}

/* -- what is decided ------------------------------------------------------ */

static const char *list_name(const struct sim_story *s, int list)
{
	return list < 0 ? "all" : s->list[list].name;
}

void judge_heard_cause(struct sim_life *l, int list, enum milestone m, int64_t commit)
{
	struct judge_heard *h = &judge_view_of(l)->heard;
	struct judge_cause *c;

	if (!l->story->receivers)
		return;
	c = sim_chain_take(l->story->chain, sizeof *c);
	*c = (struct judge_cause){ h->causes, list, m, commit };
	h->causes = c;
}

static bool cause_take(struct judge_heard *h, const struct judge_notice *n)
{
	for (struct judge_cause **at = &h->causes; *at; at = &(*at)->next)
		if ((*at)->list == n->list && (*at)->milestone == n->milestone &&
		    (*at)->commit == n->commit) {
			*at = (*at)->next;
			return true;
		}
	return false;
}

/* The same one may come again, and is counted. */
static int64_t nth_before(const struct judge_heard *h, const struct judge_notice *n)
{
	int64_t nth = 0;

	for (const struct judge_notice *o = h->first; o != n; o = o->next)
		if (o->list == n->list && o->milestone == n->milestone)
			nth = o->nth;
	return nth;
}

/* Each row that it calls final is in a final block. */
static void completed_is_so(struct sim_life *l, int list)
{
	const struct sim_story *s = l->story;
	const struct judge_told *told = &judge_view_of(l)->list[list];

	for (int i = 1; i <= s->list[list].rows && !s->broken && told->row; i++) {
		const struct judge_due *d = s->judge->list[list].row[i].due;

		if (told->row[i] != ITEM_VOID && !d->paid && !d->by_hand)
			sim_story_wrong(l->story,
			    "%s is told to be completed, and row %d is in no final block",
			    s->list[list].name, i);
	}
}

static void decided(struct sim_life *l, struct judge_notice *n)
{
	struct sim_story *s = l->story;
	struct judge_heard *h = &judge_view_of(l)->heard;
	int64_t nth = nth_before(h, n);
	const char *name = list_name(s, n->list), *word = milestone_name(n->milestone);
	uint32_t must = n->list < 0 ? h->any : h->hears[n->list];

	if (n->kind == SUBJECT_HASH) {
		judge_tracked(l, h->first, n);
		return;
	}
	if (must & ~n->to)
		sim_story_wrong(
		    s, "%s of %s is not told to all who hear of it", word, name);
	if (n->milestone == MILESTONE_TOLD) {
		h->says++;
	} else if (n->milestone == MILESTONE_STUCK) {
		sim_story_did(s, SIM_DID_STUCK);
		if (n->nth <= nth)
			sim_story_wrong(
			    s, "%s is told twice to be stuck in a stage", name);
		return;
	} else if (!cause_take(h, n)) {
		sim_story_wrong(
		    s, "%s of %s is told, and did not happen then", word, name);
	}
	if (n->nth != nth + 1)
		sim_story_wrong(s,
		    "%s of %s is told as the %" PRId64 "th behind %" PRId64, word, name,
		    n->nth, nth);
	if (n->milestone == MILESTONE_RETRACTED)
		sim_story_did(s, SIM_DID_RETRACTED);
	if (n->milestone == MILESTONE_COMPLETED)
		completed_is_so(l, n->list);
}

/* By its rows; who came in what is read may have been told of what is in it. */
static void hears_read(struct sim_life *l, bool all)
{
	struct judge_view *v = judge_view_of(l);

	for (int i = 0; i < l->story->fate->lists; i++) {
		uint32_t wanted = l->story->list[i].hears;

		if (l->id_of[i] && (all || (v->heard.hears[i] & wanted) != wanted))
			v->heard.hears[i] = hears(l, l->id_of[i]);
		v->heard.any |= v->heard.hears[i];
	}
}

/* Is it known who hears of it? */
static bool known(const struct sim_life *l, const struct judge_notice *n)
{
	if (n->list < 0 && l->story->tracks)
		return false;
	for (int i = 0; i < l->story->fate->lists; i++)
		if ((n->list < 0 || n->list == i) && !l->id_of[i] &&
		    l->story->list[i].hears)
			return false;
	return true;
}

void judge_heard(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct judge_heard *h = &judge_view_of(l)->heard;
	struct judge_notice *new;

	if (!s->receivers)
		return;
	new = notices_read(l);
	for (struct judge_notice *n = new; n; n = n->next)
		decided(l, n);
	for (const struct judge_cause *c = h->causes; c; c = c->next)
		if (h->hears[c->list])
			sim_story_wrong(s, "%s is %s, and nobody is told",
			    list_name(s, c->list), milestone_name(c->milestone));
	h->causes = NULL;
	hears_read(l, false);
	for (const struct judge_notice *n = new; n; n = n->next)
		if (n->to & ~(n->list < 0 ? h->any : h->hears[n->list]) && known(l, n))
			sim_story_wrong(s, "%s of %s is told to who does not hear of it",
			    milestone_name(n->milestone), list_name(s, n->list));
}

void judge_heard_again(struct sim_life *l)
{
	struct judge_view *v = judge_view_of(l);

	if (!l->story->receivers)
		return;
	if (!l->is_copy)
		sim_receivers_older(l->story);
	memset(&v->heard, 0, sizeof v->heard);
	for (const struct judge_notice *n = notices_read(l); n; n = n->next)
		v->heard.says += n->milestone == MILESTONE_TOLD;
	hears_read(l, true);
}

/* -- a letter leaves ------------------------------------------------------ */

static bool has_line(const struct http_request *r, const char *line)
{
	for (const char *const *at = r->lines; at && *at; at++)
		if (!strcmp(*at, line))
			return true;
	return false;
}

/* docs/webhooks.md */
static void is_signed(struct sim_life *l, int receiver, const struct http_request *r)
{
	char signature[WEBHOOK_SIGNATURE_MAX], stamp[24], line[128];

	snprintf(stamp, sizeof stamp, "%" PRId64, world_wall_ms(l->world) / 1000);
	webhook_sign(signature, l->story->webhook, stamp, r->body, r->body_len);
	snprintf(line, sizeof line, "Pawl-Signature: %s", signature);
	if (!has_line(r, line))
		wrong(l->story, receiver, "it gets what is not signed for now");
	snprintf(line, sizeof line, "Pawl-Timestamp: %s", stamp);
	if (!has_line(r, line))
		wrong(l->story, receiver, "it gets another time than that");
}

static bool is_text(const json_t *o, const char *key, const char *wanted)
{
	const char *is = json_str(o, key);

	return is ? wanted && !strcmp(is, wanted) : !wanted;
}

static bool says(
    const struct sim_story *s, const char *body, const struct judge_notice *n)
{
	json_t *o = json_read(body, strlen(body), NULL);
	bool of_list = n->list >= 0;
	int64_t schema = 0;
	bool so;

	if (n->kind == SUBJECT_HASH) {
		so = o && is_text(o, "type", milestone_name(n->milestone)) &&
		    is_text(o, "chain", s->config.name) && json_str(o, "hash");
		json_decref(o);
		return so;
	}
	so = o && json_i64(o, "schema", &schema) && schema == 1 &&
	    is_text(o, "type", milestone_name(n->milestone)) &&
	    is_text(o, "operation", of_list ? s->list[n->list].name : NULL) &&
	    is_text(o, "chain", of_list ? s->config.name : NULL) && json_str(o, "time") &&
	    json_object_size(o) == (of_list ? 6 : 5) && !json_str(o, "text") == of_list;

	json_decref(o);
	return so;
}

static int64_t tries_of(const struct sim_story *s, const struct sim_letter *like)
{
	int64_t n = 0;

	for (const struct sim_letter *t = s->letters; t; t = t->older)
		n += !t->stray && t->receiver == like->receiver &&
		    !strcmp(t->event_id, like->event_id);
	return n;
}

/* Its process had the answer, and may have lost its journal right behind the commit. */
static bool is_done(struct sim_life *l, const struct judge_notice *n, int receiver)
{
	struct sql_message_of_notice_out row;
	bool answered = false;

	if (n->done >> receiver & 1)
		return true;
	for (const struct sim_letter *t = l->story->letters; t; t = t->older)
		answered |= t->receiver == receiver && t->accepted && t->answered &&
		    !strcmp(t->event_id, n->event_id);
	return answered && message_read(l, n->id, receiver, &row) &&
	    row.state == MESSAGE_ACCEPTED;
}

/* One after the other, and none again that is known to be there. */
static void is_next(struct sim_life *l, const struct judge_heard *h,
    const struct judge_notice *n, const struct sim_letter *of)
{
	struct sim_story *s = l->story;
	int at = of->receiver;

	if (n->done >> at & 1)
		wrong(s, at, "%s comes again, and it is known to be there", n->event_id);
	for (const struct judge_notice *o = h->first; o && o->id < n->id; o = o->next)
		if (o->to >> at & 1 && !is_done(l, o, at))
			wrong(s, at, "%s comes before %s", n->event_id, o->event_id);
	for (const struct sim_letter *t = s->letters; t; t = t->older)
		if (!t->stray && t->receiver == at && t->life == l &&
		    t->state <= SIM_LETTER_ANSWERED)
			wrong(s, of->receiver, "%s comes while %s is on its way",
			    n->event_id, t->event_id);
}

static void is_welcome(struct sim_story *s, const struct sim_letter *of)
{
	const struct sim_receiver *r = &s->receiver[of->receiver];

	if (r->suspended)
		wrong(s, of->receiver, "it is gone, and something comes");
	if (s->chain->now_ms < r->not_before_ms && r->asked == of->life)
		wrong(s, of->receiver, "something comes %" PRId64 " ms too early",
		    r->not_before_ms - s->chain->now_ms);
}

/* What this commit decided was not looked at yet. */
static void leaves(struct sim_life *l, const struct sim_letter *t)
{
	struct sim_story *s = l->story;
	const struct judge_heard *h = &judge_view_of(l)->heard;
	struct sql_notice_from_in in = { .id = h->last ? h->last->id + 1 : 0 };
	struct judge_notice *n = notice_of(h, t->event_id);
	struct sql_message_of_notice_out message;
	struct sql_notice_from_out row;

	sql_notice_from_begin(l->journal, &in);
	while (!n && sql_notice_from_next(l->journal, &row)) {
		n = notice_new(l, &row);
		if (strcmp(n->event_id, t->event_id) != 0)
			n = NULL;
	}
	sql_notice_from_end(l->journal);
	if (!n) {
		wrong(
		    s, t->receiver, "%s comes, and the journal has it not", t->event_id);
		return;
	}
	if (strcmp(n->body, t->body) != 0 || !says(s, t->body, n))
		wrong(s, t->receiver, "%.200s", t->body);
	if (!message_read(l, n->id, t->receiver, &message) ||
	    message.state != MESSAGE_DUE || message.tries <= tries_of(s, t))
		wrong(s, t->receiver, "%s comes, and is not counted", t->event_id);
	is_next(l, h, n, t);
}

/* Who keeps the ids that he has seen would drop it. */
static void is_of_this_journal(struct sim_story *s, const struct sim_letter *of)
{
	for (const struct sim_letter *t = s->letters; t; t = t->older)
		if (t->of_another && !of->stray && !strcmp(t->event_id, of->event_id))
			wrong(s, of->receiver, "%s came from another journal already",
			    of->event_id);
}

void sim_judge_letter(
    struct sim_life *l, struct sim_letter *t, const struct http_request *r)
{
	event_id_put(t->event_id, t->body);
	is_signed(l, t->receiver, r);
	if (journal_writing(l->journal))
		wrong(l->story, t->receiver, "something comes before it is committed");
	is_of_this_journal(l->story, t);
	if (t->stray || !is_strict(l->story))
		return;
	sim_disk_spare(l->process.disk, true);
	leaves(l, t);
	sim_disk_spare(l->process.disk, false);
	is_welcome(l->story, t);
}

void sim_judge_accepted(struct sim_life *l, const struct sim_letter *t)
{
	struct judge_notice *n = notice_of(&judge_view_of(l)->heard, t->event_id);

	if (n)
		n->done |= 1u << t->receiver;
}

/* -- a start -------------------------------------------------------------- */

void judge_heard_rise(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct judge_heard *h = &judge_view_of(l)->heard;
	struct sql_notice_from_in in = { .id = h->last ? h->last->id + 1 : 0 };

	for (const struct sim_letter *t = s->letters; t && !s->broken && !s->flipped;
	     t = t->older) {
		bool there = t->stray || notice_of(h, t->event_id);
		struct sql_notice_from_out row;

		sql_notice_from_begin(l->journal, &in);
		while (!there && sql_notice_from_next(l->journal, &row))
			there = strstr(row.body, t->event_id) != NULL;
		sql_notice_from_end(l->journal);
		if (!there)
			wrong(s, t->receiver, "%s came, and the journal has it not",
			    t->event_id);
	}
}

/* -- the end -------------------------------------------------------------- */

bool judge_heard_all(struct sim_life *l)
{
	struct sql_message_due_next_in in = { .after = 0 };
	struct sql_message_due_next_out row;

	if (!l->story->receivers)
		return true;
	for (int i = 0; i < l->story->fate->lists; i++)
		if (!l->listed[i])
			return false;
	for (int i = 0; i < l->story->receivers; i++)
		if (sim_judge_suspended(l, i))
			return false;
	if (!judge_tracked_all(l))
		return false;
	return !sql_message_due_next_one(l->journal, &in, &row);
}

/* What became of all tries of a message. */
struct arrivals {
	int64_t first_ms; /* INT64_MAX: it was never accepted */
	int64_t tries, accepted, lost;
	bool stray;
};

static struct arrivals arrivals_of(
    const struct sim_story *s, int receiver, const char *event_id)
{
	struct arrivals a = { .first_ms = INT64_MAX };

	for (const struct sim_letter *t = s->letters; t; t = t->older) {
		if (t->receiver != receiver || strcmp(t->event_id, event_id) != 0)
			continue;
		a.stray |= t->stray;
		a.tries++;
		a.lost += t->state == SIM_LETTER_LOST;
		if (!t->accepted || t->arrives_ms == INT64_MAX)
			continue;
		a.accepted++;
		if (t->arrives_ms < a.first_ms)
			a.first_ms = t->arrives_ms;
	}
	return a;
}

/* Tries that were counted, and died before they left, count as lost, too. */
static void is_counted(struct sim_story *s, const struct judge_notice *n, int receiver,
    const struct arrivals *a, const struct sql_message_of_notice_out *row)
{
	if (a->accepted - 1 > row->unknown)
		wrong(s, receiver,
		    "%s came %" PRId64 " times, and %" PRId64 " answers were lost",
		    n->event_id, a->accepted, row->unknown);
	if (row->unknown > a->lost + row->tries - a->tries)
		wrong(s, receiver,
		    "%s: %" PRId64 " answers are called lost, %" PRId64 " were",
		    n->event_id, row->unknown, a->lost);
}

static int64_t heard_by(
    struct sim_life *l, const struct judge_notice *n, int receiver, int64_t before_ms)
{
	struct sim_story *s = l->story;
	struct sql_message_of_notice_out row;
	struct arrivals a = arrivals_of(s, receiver, n->event_id);
	int64_t ms = a.first_ms;

	sim_story_did(s, SIM_DID_HEARD);
	s->figures.deeds[SIM_DID_HEARD_TWICE] +=
	    (uint64_t)(a.accepted > 1 ? a.accepted - 1 : 0);
	if (!message_read(l, n->id, receiver, &row) || row.state != MESSAGE_ACCEPTED)
		wrong(s, receiver, "%s is not told in the end", n->event_id);
	else if (ms == INT64_MAX && !(s->broken & SIM_GROUND_ALONE))
		wrong(s, receiver, "%s is called accepted, and it did not come",
		    n->event_id);
	else if (ms < before_ms && !a.stray && is_strict(s) && !(n->late >> receiver & 1))
		wrong(s, receiver, "%s came before one that was decided before",
		    n->event_id);
	else if (!a.stray && is_strict(s))
		is_counted(s, n, receiver, &a, &row);
	return ms > before_ms && !(n->late >> receiver & 1) && ms != INT64_MAX
	    ? ms
	    : before_ms;
}

void judge_heard_end(struct sim_life *l)
{
	struct sim_story *s = l->story;
	struct judge_heard *h = &judge_view_of(l)->heard;

	if (!s->receivers)
		return;
	hears_read(l, true);
	for (int i = 0; i < s->fate->lists; i++)
		if (s->list[i].hears & ~h->hears[i])
			sim_story_wrong(
			    s, "%s: not all hear of it who were to", s->list[i].name);
	for (struct judge_notice *n = h->first; n; n = n->next)
		messages_read(l, n);
	judge_tracked_end(l, h->first);
	for (int k = 0; k < s->receivers; k++) {
		int64_t ms = 0;

		for (const struct judge_notice *n = h->first; n; n = n->next)
			if (n->to >> k & 1)
				ms = heard_by(l, n, k, ms);
	}
	if (!s->broken && (h->says < s->people.said || h->says > s->people.says))
		sim_story_wrong(s,
		    "%" PRId64 " sayings are told, %" PRId64 " of %" PRId64 " were heard",
		    h->says, s->people.said, s->people.says);
}
