/* outcome.c - what came of a message that left: a fact of a later turn. */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mutant.h"
#include "journal/sql.gen.h"
#include "tell/subscriber/held.h"
#include "tell/tell_in.h"

#define BACKOFF_MS ((uint64_t)1000)
#define BACKOFF_MAX_MS ((uint64_t)600000)
#define CLOSED_MS 60000

/* Up to the double of the time before, from a second to ten minutes; all of it is luck,
 * so that many who failed together do not come back together. */
static int64_t backoff_ms(const struct tell *t, int64_t tries, int64_t retry_after_ms)
{
	uint64_t most = BACKOFF_MAX_MS, dice;
	int64_t delay;

	if (tries <= 10 && BACKOFF_MS << (tries > 0 ? tries - 1 : 0) < most)
		most = BACKOFF_MS << (tries > 0 ? tries - 1 : 0);
	world_random(t->world, &dice, sizeof dice);
	delay = 1 + (int64_t)(dice % most);
	return delay > retry_after_ms ? delay : retry_after_ms;
}

static void event_put(const struct sending *s, const char *to, const char *why)
{
	char what[40];

	snprintf(what, sizeof what, "subscriber %" PRId64, s->subscriber);
	journal_event(s->tell->journal,
	    &(struct event){ .what = what, .from = "", .to = to, .why = why });
}

static void suspend(const struct sending *s)
{
	char shown[TARGET_MAX];
	struct journal *j = s->tell->journal;
	const char *why = s->verdict.why;

	message_target_shown(shown, s->target);
	for (size_t i = 0; i < s->n; i++)
		sql_message_gone(j,
		    &(struct sql_message_gone_in){ .notice = s->notices[i],
			.subscriber = s->subscriber,
			.why = why });
	if (!MUTANT(gone_is_asked_again))
		held_suspend(j, s->subscriber, why);
	s->tell->look = true;
	event_put(s, "suspended", why);
	log_warn("tell",
	    "%s %s: %s; nothing more is sent there until: pawl resume notify:%" PRId64,
	    s->channel->name, shown, why, s->subscriber);
}

void outcome_accepted(const struct sending *s)
{
	struct journal *j = s->tell->journal;
	int64_t now_ms = world_wall_ms(s->tell->world);

	for (size_t i = 0; i < s->n; i++)
		sql_message_accepted(j,
		    &(struct sql_message_accepted_in){ .notice = s->notices[i],
			.subscriber = s->subscriber,
			.accepted_ms = now_ms });
	if (s->of.kind == SUBJECT_ANSWER)
		answer_forget(j, s->notices[0]);
	else if (s->channel->showing)
		posted_keep(j, s->subscriber, s->subjects, s->n,
		    s->n > 1 ? SHOWING_ENDS : s->showing,
		    s->verdict.message ? s->verdict.message : s->edits);
}

/* Counted as lost when it left; where the answer is known it is not. */
static void counted_back(const struct sending *s)
{
	for (size_t i = 0; i < s->n; i++)
		sql_message_again(s->tell->journal,
		    &(struct sql_message_again_in){ .notice = s->notices[i],
			.subscriber = s->subscriber,
			.known = !s->verdict.unknown && !MUTANT(answer_uncounted),
			.why = s->verdict.why });
}

/* The service speaks of one target's rate, or of its own, and does not say which. Two
 * targets in a row, and none accepted between: its own. */
static void slow_down(const struct sending *s, struct lane *l, int64_t until_ms)
{
	if (l->slowed && l->slowed != s->subscriber)
		lane_hold(l, until_ms);
	l->slowed = s->subscriber;
}

static void close_up(struct sending *s, struct lane *l, int64_t until_ms)
{
	struct tell *t = s->tell;

	lane_hold(l, until_ms);
	if (!t->closed)
		log_error("tell", "%s: %s; its messages wait, and it is asked again",
		    s->channel->name, s->verdict.why);
	t->closed = true;
}

static void follow(const struct sending *s)
{
	char to[24], what[64];

	snprintf(to, sizeof to, "%" PRId64, s->verdict.moved_to);
	subscriber_follow(s->tell->journal, s->subscriber, s->channel->name, to);
	snprintf(what, sizeof what, "it is %s now", to);
	event_put(s, "moved", what);
	log_info("tell", "subscriber %" PRId64 " %s", s->subscriber, what);
}

static int64_t pause_of(struct sending *s, struct target *target)
{
	struct tell *t = s->tell;
	const struct verdict *v = &s->verdict;
	int64_t pause_ms = s->channel->pause_ms(s->target);
	int64_t now_ms = world_now_ms(t->world), wait_ms;
	bool marked = !target->plain;

	target->plain = v->delivery == DELIVERY_PLAIN;
	switch (v->delivery) {
	case DELIVERY_PLAIN:
		if (marked)
			return now_ms + pause_ms;
		break;
	case DELIVERY_ANEW:
		posted_forget(t->journal, s->subscriber, &s->of);
		return now_ms + pause_ms;
	case DELIVERY_SLOW:
		wait_ms = backoff_ms(
		    t, v->retry_after_ms < 0 ? s->tries : 1, v->retry_after_ms);
		slow_down(s, target->lane, now_ms + wait_ms);
		return now_ms +
		    (wait_ms > pause_ms || MUTANT(slowed_is_not_paused) ? wait_ms
									: pause_ms);
	case DELIVERY_CLOSED:
		close_up(s, target->lane, now_ms + CLOSED_MS);
		break;
	case DELIVERY_AGAIN:
	case DELIVERY_ACCEPTED:
	case DELIVERY_GONE:
	case DELIVERY_MOVED:
		break;
	}
	wait_ms = backoff_ms(t, s->tries, MUTANT(wait_unread) ? -1 : v->retry_after_ms);
	return now_ms + (wait_ms > pause_ms ? wait_ms : pause_ms);
}

static void again(struct sending *s, struct target *target)
{
	struct tell *t = s->tell;
	int64_t until_ms = pause_of(s, target);
	char shown[TARGET_MAX];

	counted_back(s);
	tell_wait(t, target, until_ms);
	message_target_shown(shown, s->target);
	log_debug("tell", "%s %s: %s; again in %" PRId64 " ms", s->channel->name, shown,
	    s->verdict.why, until_ms - world_now_ms(t->world));
}

/* More of its, if there is more. */
static void next_of(struct tell *t, struct sending *s, struct target *target)
{
	struct sql_message_first_in in = { .subscriber = s->subscriber, .most = 1 };
	struct sql_message_first_out row;
	int64_t ready_ms = world_now_ms(t->world) + s->channel->pause_ms(s->target);

	target->plain = false;
	target->lane->slowed = 0;
	t->closed = false;
	if (sql_message_first_one(t->journal, &in, &row))
		tell_wait(t, target, ready_ms);
	else
		target->ready_ms = ready_ms;
}

static enum tell_outcome outcome_of(const struct verdict *v)
{
	if (v->delivery == DELIVERY_ACCEPTED || v->delivery == DELIVERY_GONE)
		return v->delivery == DELIVERY_GONE ? TELL_GONE : TELL_ACCEPTED;
	return v->unknown ? TELL_UNKNOWN : TELL_REFUSED;
}

/* Whoever is resumed soon had a message just now. */
static void pause_begin(const struct sending *s, struct target *target)
{
	target->plain = false;
	target->ready_ms = world_now_ms(s->tell->world) + s->channel->pause_ms(s->target);
}

void outcome_take(struct runner *r, struct fact *fact)
{
	struct sending *s = (struct sending *)fact;
	struct tell *t = s->tell;
	struct target *target = target_find(&t->roster, s->subscriber);

	(void)r;
	CHECK(target);
	target_took(&t->roster, target, world_now_ms(t->world));
	target_done(&t->roster, target, world_now_ms(t->world));
	t->counts[channel_number(s->channel)][outcome_of(&s->verdict)]++;
	if (MUTANT(lost_is_accepted) && s->verdict.unknown)
		s->verdict.delivery = DELIVERY_ACCEPTED;
	switch (s->verdict.delivery) {
	case DELIVERY_ACCEPTED:
		outcome_accepted(s);
		next_of(t, s, target);
		break;
	case DELIVERY_GONE:
		suspend(s);
		if (MUTANT(back_at_once))
			target_drop(&t->roster, target);
		else
			pause_begin(s, target);
		break;
	case DELIVERY_MOVED:
		counted_back(s);
		follow(s);
		target_drop(&t->roster, target);
		t->look = true;
		break;
	case DELIVERY_AGAIN:
	case DELIVERY_SLOW:
	case DELIVERY_CLOSED:
	case DELIVERY_PLAIN:
	case DELIVERY_ANEW:
		again(s, target);
		break;
	}
}
