/* judge_letter.c - what subscribers get: each message once but for answers that nobody
 * got, in its order, behind its commit. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "sim/judge/judge_notice.h"
#include "tell/channel/webhook.h"

#define PROMPT_MS 2000 /* docs/webhooks.md */

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
		judge_wrong(l->story, receiver, "it gets what is not signed for now");
	snprintf(line, sizeof line, "Pawl-Timestamp: %s", stamp);
	if (!has_line(r, line))
		judge_wrong(l->story, receiver, "it gets another time than that");
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
	bool of_list = n->list >= 0, stuck = n->milestone == MILESTONE_STUCK;
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
	    !json_str(o, "stage") == !stuck && !json_str(o, "text") == of_list &&
	    json_object_size(o) == (of_list ? 6u + stuck : 5);

	json_decref(o);
	return so;
}

static int64_t tries_of(const struct sim_story *s, int receiver, const char *event_id)
{
	int64_t n = 0;

	for (const struct sim_letter *t = s->letters; t; t = t->older)
		n +=
		    !t->stray && t->receiver == receiver && sim_letter_tells(t, event_id);
	return n;
}

/* He was suspended when it went into an archive: who is resumed is not sent it. */
static bool is_archived(struct sim_life *l, const struct judge_notice *n, int receiver)
{
	struct sql_notice_one_in in = { .subject_kind = n->kind,
		.subject = n->subject,
		.milestone = n->milestone,
		.nth = n->nth };
	struct sql_message_of_notice_out row;
	struct sql_notice_one_out kept;

	return l->story->fate->keep_ms && sql_notice_one_one(l->journal, &in, &kept) &&
	    !kept.bytes && judge_message_read(l, n->id, receiver, &row) &&
	    row.state == MESSAGE_GONE;
}

/* A chat shows no id, and what who was robbed posted there was not read. */
static bool is_unread(const struct sim_letter *t, int receiver)
{
	return t->receiver == receiver && t->stray && t->accepted && !t->events;
}

/* Its process had the answer, and may have lost its journal right behind the commit. */
static bool is_done(struct sim_life *l, const struct judge_notice *n, int receiver)
{
	struct sql_message_of_notice_out row;
	bool answered = false;

	if (n->done >> receiver & 1)
		return true;
	for (const struct sim_letter *t = l->story->letters; t; t = t->older)
		answered |= is_unread(t, receiver) ||
		    (t->receiver == receiver && t->accepted && t->answered && !t->vague &&
			sim_letter_tells(t, n->event_id));
	return answered && judge_message_read(l, n->id, receiver, &row) &&
	    row.state == MESSAGE_ACCEPTED;
}

/* One after the other, and none again that is known to be there. */
static void is_next(struct sim_life *l, const struct judge_heard *h,
    const struct judge_notice *n, const struct sim_letter *of)
{
	struct sim_story *s = l->story;
	int at = of->receiver;

	if (n->done >> at & 1)
		judge_wrong(
		    s, at, "%s comes again, and it is known to be there", n->event_id);
	for (const struct judge_notice *o = h->first; o && o->id < n->id; o = o->next)
		if (o->to >> at & 1 && !sim_letter_tells(of, o->event_id) &&
		    !is_done(l, o, at) && !is_archived(l, o, at))
			judge_wrong(
			    s, at, "%s comes before %s", n->event_id, o->event_id);
}

static void is_welcome(struct sim_story *s, const struct sim_letter *of)
{
	const struct sim_receiver *r = &s->receiver[of->receiver];

	for (const struct sim_letter *t = s->letters; t; t = t->older)
		if (!t->stray && t->receiver == of->receiver && t->life == of->life &&
		    t->state <= SIM_LETTER_ANSWERED)
			judge_wrong(s, of->receiver, "%s comes while %s is on its way",
			    of->event_id[0], t->event_id[0]);
	if (r->suspended)
		judge_wrong(s, of->receiver, "it is gone, and something comes");
	if (s->chain->now_ms < r->not_before_ms && r->asked == of->life)
		judge_wrong(s, of->receiver, "something comes %" PRId64 " ms too early",
		    r->not_before_ms - s->chain->now_ms);
}

/* A webhook whose last answer was good gets what is due at once: whoever is slow keeps
 * nobody else waiting. */
static void is_prompt(
    struct sim_story *s, const struct judge_notice *n, const struct sim_letter *of)
{
	int64_t free_ms = n->known_ms, late_ms;
	const struct sim_letter *t = s->letters;

	while (t && (t->receiver != of->receiver || t->stray))
		t = t->older;
	if (sim_receiver_is_chat(of->receiver) || s->figures.acts[SIM_STAND] ||
	    s->figures.acts[SIM_DISK_FULL] || !(n->to >> of->receiver & 1) || !t ||
	    t->life != of->life || t->left_ms < s->judge->rise_ms[of->life->id] ||
	    !t->answered || !t->accepted)
		return;
	if (t->until_ms > free_ms)
		free_ms = t->until_ms;
	late_ms = of->left_ms - free_ms;
	if (late_ms > PROMPT_MS)
		judge_wrong(s, of->receiver,
		    "%s comes %" PRId64 " ms later than it could", n->event_id, late_ms);
}

/* What this commit decided was not looked at yet. */
static struct judge_notice *decided_now(
    struct sim_life *l, const struct judge_heard *h, const char *event_id)
{
	struct sql_notice_from_in in = { .id = h->last ? h->last->id + 1 : 0 };
	struct sql_notice_from_out row;
	struct judge_notice *n = NULL;

	sql_notice_from_begin(l->journal, &in);
	while (!n && sql_notice_from_next(l->journal, &row)) {
		n = judge_notice_new(l, &row);
		if (strcmp(n->event_id, event_id) != 0)
			n = NULL;
	}
	sql_notice_from_end(l->journal);
	return n;
}

/* What it said went into an archive, and who asked again is told it anew. */
static bool is_refilled(
    struct sim_life *l, const struct judge_notice *n, const char *body)
{
	struct sql_notice_from_in in = { .id = n->id };
	struct sql_notice_from_out row;
	bool so;

	if (!l->story->figures.deeds[SIM_DID_FILED])
		return false;
	sql_notice_from_begin(l->journal, &in);
	so = sql_notice_from_next(l->journal, &row) && row.id == n->id &&
	    strcmp(row.body, body) == 0;
	sql_notice_from_end(l->journal);
	return so;
}

static void leaves(struct sim_life *l, const struct sim_letter *t, const char *event_id)
{
	struct sim_story *s = l->story;
	const struct judge_heard *h = &judge_view_of(l)->heard;
	struct judge_notice *n = judge_notice_of(h, event_id);
	struct sql_message_of_notice_out message;

	if (!n)
		n = decided_now(l, h, event_id);
	if (!n) {
		judge_wrong(
		    s, t->receiver, "%s comes, and the journal has it not", event_id);
		return;
	}
	if (!says(s, n->body, n) ||
	    (!sim_receiver_is_chat(t->receiver) && strcmp(n->body, t->body) != 0 &&
		!(says(s, t->body, n) && is_refilled(l, n, t->body))))
		judge_wrong(s, t->receiver, "%.200s", t->body);
	if (!judge_message_read(l, n->id, t->receiver, &message) ||
	    message.state != MESSAGE_DUE ||
	    message.tries <= tries_of(s, t->receiver, event_id))
		judge_wrong(s, t->receiver, "%s comes, and is not counted", event_id);
	is_next(l, h, n, t);
	is_prompt(s, n, t);
}

/* Who keeps the ids that he has seen would drop it. */
static void is_of_this_journal(struct sim_story *s, const struct sim_letter *of)
{
	for (const struct sim_letter *t = s->letters; t && !of->stray; t = t->older)
		for (size_t i = 0; i < of->events && t->of_another; i++)
			if (sim_letter_tells(t, of->event_id[i]))
				judge_wrong(s, of->receiver,
				    "%s came from another journal already",
				    of->event_id[i]);
}

/* Of a webhook: one, and signed. */
static void posted(struct sim_life *l, struct sim_letter *t, const struct http_request *r)
{
	t->events = 1;
	t->event_id = sim_chain_take(l->story->chain, sizeof *t->event_id);
	judge_event_id(t->event_id[0], t->body);
	is_signed(l, t->receiver, r);
}

void sim_judge_letter(
    struct sim_life *l, struct sim_letter *t, const struct http_request *r)
{
	bool of_chat = sim_receiver_is_chat(t->receiver);

	if (of_chat)
		judge_chat_letter(l, t);
	else
		posted(l, t, r);
	if (journal_writing(l->journal))
		judge_wrong(
		    l->story, t->receiver, "something comes before it is committed");
	is_of_this_journal(l->story, t);
	if (t->stray || !judge_hears_strictly(l->story))
		return;
	sim_disk_spare(l->process.disk, true);
	for (size_t i = 0; i < t->events; i++)
		leaves(l, t, t->event_id[i]);
	sim_disk_spare(l->process.disk, false);
	is_welcome(l->story, t);
	if (of_chat)
		judge_chat_next(l, t);
}

void sim_judge_accepted(struct sim_life *l, const struct sim_letter *t)
{
	const struct judge_heard *h = &judge_view_of(l)->heard;

	for (size_t i = 0; i < t->events; i++) {
		struct judge_notice *n = judge_notice_of(h, t->event_id[i]);

		if (n)
			n->done |= 1u << t->receiver;
	}
}

/* -- a start -------------------------------------------------------------- */

static bool is_kept(struct sim_life *l, const char *event_id)
{
	const struct judge_heard *h = &judge_view_of(l)->heard;
	struct sql_notice_from_in in = { .id = h->last ? h->last->id + 1 : 0 };
	bool there = judge_notice_of(h, event_id);
	struct sql_notice_from_out row;

	if (there)
		return true;
	sql_notice_from_begin(l->journal, &in);
	while (!there && sql_notice_from_next(l->journal, &row))
		there = strstr(row.body, event_id) != NULL;
	sql_notice_from_end(l->journal);
	return there;
}

void judge_heard_rise(struct sim_life *l)
{
	struct sim_story *s = l->story;

	for (const struct sim_letter *t = s->letters; t && !s->broken && !s->flipped;
	     t = t->older)
		for (size_t i = 0; i < t->events && !t->stray; i++)
			if (!is_kept(l, t->event_id[i]))
				judge_wrong(s, t->receiver,
				    "%s came, and the journal has it not",
				    t->event_id[i]);
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
	if (sql_message_due_next_one(l->journal, &in, &row) || !judge_tracked_all(l))
		return false;
	for (int i = 0; i < l->story->receivers; i++)
		if (sim_judge_suspended(l, i))
			return false;
	return true;
}

/* What became of all tries of a message. */
struct arrivals {
	int64_t first_ms; /* INT64_MAX: it was never accepted */
	int64_t tries, accepted, lost;
	bool stray;
	bool unread; /* or perhaps */
};

static struct arrivals arrivals_of(
    const struct sim_story *s, int receiver, const char *event_id)
{
	struct arrivals a = { .first_ms = INT64_MAX };

	for (const struct sim_letter *t = s->letters; t; t = t->older) {
		if (t->receiver != receiver)
			continue;
		a.unread |= is_unread(t, receiver);
		if (!sim_letter_tells(t, event_id))
			continue;
		a.stray |= t->stray;
		a.tries++;
		a.lost += t->state == SIM_LETTER_LOST || t->vague;
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
		judge_wrong(s, receiver,
		    "%s came %" PRId64 " times, and %" PRId64 " answers were lost",
		    n->event_id, a->accepted, row->unknown);
	if (row->unknown > a->lost + row->tries - a->tries)
		judge_wrong(s, receiver,
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
	if (!judge_message_read(l, n->id, receiver, &row) ||
	    row.state != MESSAGE_ACCEPTED)
		judge_wrong(s, receiver, "%s is not told in the end", n->event_id);
	else if (ms == INT64_MAX && !a.unread && !(s->broken & SIM_GROUND_ALONE))
		judge_wrong(s, receiver, "%s is called accepted, and it did not come",
		    n->event_id);
	else if (ms < before_ms && !a.stray && judge_hears_strictly(s) &&
	    !(n->late >> receiver & 1))
		judge_wrong(s, receiver, "%s came before one that was decided before",
		    n->event_id);
	else if (!a.stray && judge_hears_strictly(s))
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
	judge_hears_read(l, true);
	for (int i = 0; i < s->fate->lists; i++)
		if (s->list[i].hears & ~h->hears[i])
			sim_story_wrong(
			    s, "%s: not all hear of it who were to", s->list[i].name);
	for (struct judge_notice *n = h->first; n; n = n->next)
		judge_messages_read(l, n);
	judge_tracked_end(l, h->first);
	for (int k = 0; k < s->receivers; k++) {
		int64_t ms = 0;

		for (const struct judge_notice *n = h->first; n; n = n->next)
			if (n->to >> k & 1 && n->event_id[0] && !is_archived(l, n, k))
				ms = heard_by(l, n, k, ms);
	}
	if (!s->broken && (h->says < s->people.said || h->says > s->people.says))
		sim_story_wrong(s,
		    "%" PRId64 " sayings are told, %" PRId64 " of %" PRId64 " were heard",
		    h->says, s->people.said, s->people.says);
}
