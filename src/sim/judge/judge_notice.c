/* judge_notice.c - what a journal has of notices, and of the messages of each. */
#include "sim/judge/judge_notice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "codec/json.h"

void PRINTF(3, 4) judge_wrong(struct sim_story *s, int receiver, const char *fmt, ...)
{
	char why[JUDGE_WHY_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof why, fmt, args);
	va_end(args);
	sim_story_wrong(s, "receiver-%d: %s", receiver, why);
}

bool judge_hears_strictly(const struct sim_story *s)
{
	return !(s->broken & (unsigned)(SIM_GROUND_ALONE | SIM_GROUND_SYNC)) &&
	    !s->flipped;
}

int64_t judge_subscriber_of(struct sim_life *l, int receiver)
{
	struct sql_subscriber_by_target_in in = { .channel =
						      sim_receiver_channel(receiver),
		.target = sim_receiver_target(receiver) };
	struct sql_subscriber_by_target_out row;

	return sql_subscriber_by_target_one(l->journal, &in, &row) ? row.id : 0;
}

int64_t sim_judge_suspended(struct sim_life *l, int receiver)
{
	struct sql_subscriber_get_in in = { .id = judge_subscriber_of(l, receiver) };
	struct sql_subscriber_get_out row;

	return in.id && sql_subscriber_get_one(l->journal, &in, &row) && !row.no_suspended
	    ? in.id
	    : 0;
}

static int receiver_of(struct sim_life *l, int64_t subscriber)
{
	for (int i = 0; i < l->story->receivers; i++)
		if (judge_subscriber_of(l, i) == subscriber)
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

/* By its rows; who came in what is read may have been told of what is in it. */
void judge_hears_read(struct sim_life *l, bool all)
{
	struct judge_view *v = judge_view_of(l);

	for (int i = 0; i < l->story->fate->lists; i++) {
		uint32_t wanted = l->story->list[i].hears;

		if (l->id_of[i] && (all || (v->heard.hears[i] & wanted) != wanted))
			v->heard.hears[i] = hears(l, l->id_of[i]);
		v->heard.any |= v->heard.hears[i];
	}
}

bool judge_message_read(struct sim_life *l, int64_t notice, int receiver,
    struct sql_message_of_notice_out *ret)
{
	struct sql_message_of_notice_in in = { .notice = notice };
	int64_t subscriber = judge_subscriber_of(l, receiver);
	bool found = false;

	sql_message_of_notice_begin(l->journal, &in);
	while (!found && sql_message_of_notice_next(l->journal, ret))
		found = ret->subscriber == subscriber;
	sql_message_of_notice_end(l->journal);
	return found;
}

void judge_messages_read(struct sim_life *l, struct judge_notice *n)
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

void judge_event_id(char out[EVENT_ID_MAX], const char *body)
{
	json_t *o = json_read(body, strlen(body), NULL);
	const char *id = o ? json_str(o, "event_id") : NULL;

	snprintf(out, EVENT_ID_MAX, "%s", id ? id : "");
	json_decref(o);
}

struct judge_notice *judge_notice_new(
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
		.of = row->subject_kind == SUBJECT_HASH ? row->nth >> 32 : 0,
		.known_ms = l->story->chain->now_ms,
		.body = sim_chain_text(l->story->chain, row->body) };
	judge_event_id(n->event_id, n->body);
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

struct judge_notice *judge_notices_read(struct sim_life *l)
{
	struct judge_heard *h = &judge_view_of(l)->heard;
	struct sql_notice_from_in in = { .id = h->last ? h->last->id + 1 : 0 };
	struct judge_notice *before = h->last;
	struct sql_notice_from_out row;

	sql_notice_from_begin(l->journal, &in);
	while (sql_notice_from_next(l->journal, &row))
		notice_add(h, judge_notice_new(l, &row));
	sql_notice_from_end(l->journal);
	before = before ? before->next : h->first;
	for (struct judge_notice *n = before; n; n = n->next)
		judge_messages_read(l, n);
	return before;
}

struct judge_notice *judge_notice_of(const struct judge_heard *h, const char *event_id)
{
	struct judge_notice *n = h->first;

	while (n && strcmp(n->event_id, event_id) != 0)
		n = n->next;
	return n;
}
