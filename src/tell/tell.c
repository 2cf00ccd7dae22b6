#include "tell/tell.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "engine/message.h"
#include "journal/sql.gen.h"
#include "tell/posted.h"
#include "tell/target.h"

#define VISITS_MAX 1024
#define TURN_BYTES_MAX ((size_t)256 * 1024)
#define FOLD_MAX 64 /* events in one message */
#define BACKOFF_MS ((uint64_t)1000)
#define BACKOFF_MAX_MS ((uint64_t)600000)
#define CLOSED_MS 60000

struct tell {
	struct world *world;
	struct journal *journal;
	struct channel_config channels;
	struct roster roster;
	struct bot *bot;
	size_t lane_at; /* the lane whose turn it is */
	bool look;      /* at who has something due, from the first on */
	bool looking;   /* behind `after` */
	int64_t after;  /* the subscriber that was looked at last */
	bool unready;   /* and it was said */
	bool closed;    /* a service can't be used, and it was said */
	int64_t counts[CHANNELS_MAX][TELL_OUTCOMES];
};

/* A message on its way: an effect, then a fact. */
struct sending {
	struct fact fact; /* first */
	struct tell *tell;
	struct runner *runner;
	const struct channel *channel;
	int64_t subscriber, tries;
	struct subject of; /* of the first.. */
	enum showing showing;
	int64_t notices[FOLD_MAX]; /* ..of those that it holds */
	struct subject subjects[FOLD_MAX];
	size_t n;
	char *target, *body;
	int64_t edits;
	struct verdict verdict;
};

struct tell *tell_new(
    struct world *world, struct journal *journal, const struct channel_config *channels)
{
	struct tell *t = mem_new(sizeof *t);

	*t = (struct tell){
		.world = world, .journal = journal, .channels = *channels, .look = true
	};
	roster_init(&t->roster, world_now_ms(world));
	t->bot = bot_new(world, journal, &t->roster, &t->channels);
	return t;
}

void tell_free(struct tell *t)
{
	if (!t)
		return;
	bot_free(t->bot);
	roster_release(&t->roster);
	mem_free(t);
}

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

/* -- its outcome ------------------------------------------------------------- */

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
	if (!MUTANT(gone_is_asked_again)) {
		if (!MUTANT(gone_waits_with_others))
			sql_message_hold(j,
			    &(struct sql_message_hold_in){
				.subscriber = s->subscriber, .why = why });
		sql_subscriber_suspend(j,
		    &(struct sql_subscriber_suspend_in){
			.id = s->subscriber, .why = why });
	}
	event_put(s, "suspended", why);
	log_warn("tell",
	    "%s %s: %s; nothing more is sent there until: pawl resume notify:%" PRId64,
	    s->channel->name, shown, why, s->subscriber);
}

static void accepted(const struct sending *s)
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

static void wait_until(struct tell *t, struct target *target, int64_t ready_ms)
{
	int64_t held_ms = bot_held_ms(t->bot, target->subscriber);

	target->free_ms = ready_ms;
	target_wait(&t->roster, target, held_ms > ready_ms ? held_ms : ready_ms);
}

static void again(struct sending *s, struct target *target)
{
	struct tell *t = s->tell;
	int64_t until_ms = pause_of(s, target);
	char shown[TARGET_MAX];

	counted_back(s);
	wait_until(t, target, until_ms);
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
		wait_until(t, target, ready_ms);
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

static void outcome_take(struct runner *r, struct fact *fact)
{
	struct sending *s = (struct sending *)fact;
	struct tell *t = s->tell;
	struct target *target = target_find(&t->roster, s->subscriber);

	(void)r;
	CHECK(target);
	lane_took(target->lane, world_now_ms(t->world) - target->since_ms);
	target_done(&t->roster, target, world_now_ms(t->world));
	t->counts[channel_number(s->channel)][outcome_of(&s->verdict)]++;
	if (MUTANT(lost_is_accepted) && s->verdict.unknown)
		s->verdict.delivery = DELIVERY_ACCEPTED;
	switch (s->verdict.delivery) {
	case DELIVERY_ACCEPTED:
		accepted(s);
		next_of(t, s, target);
		break;
	case DELIVERY_GONE:
		suspend(s);
		if (MUTANT(back_at_once))
			target_drop(&t->roster, target);
		else
			pause_begin(s, target);
		t->look |= MUTANT(gone_is_asked_again);
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

static void sending_free(struct fact *fact)
{
	struct sending *s = (struct sending *)fact;

	mem_free(s->target);
	mem_free(s->body);
	mem_free(s);
}

/* From world_wait. */
static void on_answer(void *ctx, struct http_answer *a)
{
	struct sending *s = ctx;

	s->channel->judge(&s->verdict, &s->tell->channels, a);
	s->fact.take = outcome_take;
	s->fact.free = sending_free;
	runner_fact(s->runner, &s->fact);
}

/* -- a message leaves -------------------------------------------------------- */

static void sending_release(void *job)
{
	struct sending *s = job;
	struct tell *t = s->tell;
	struct letter letter = { .request = { .url = NULL } };
	const struct parcel parcel = { .target = s->target, .edits = s->edits };
	size_t len = strlen(s->body);

	s->channel->write(
	    &letter, &t->channels, &parcel, s->body, len, world_wall_ms(t->world));
	s->body = NULL;
	letter.request.done = on_answer;
	letter.request.ctx = s;
	world_http(t->world, &letter.request);
	secret_wipe(letter.url, sizeof letter.url);
}

/* The turn is no more, and this with it. */
static void sending_drop(void *job)
{
	struct sending *s = job;
	struct roster *roster = &s->tell->roster;
	struct target *target = target_find(roster, s->subscriber);

	target_done(roster, target, world_now_ms(s->tell->world));
	target_wait(roster, target, target->ready_ms);
	sending_free(&s->fact);
}

struct due {
	struct event_text events[FOLD_MAX];
	char *bodies[FOLD_MAX], *labels[FOLD_MAX];
	size_t n;
	bool more;
};

/* To the first n. */
static void due_cut(struct due *d, size_t n)
{
	while (d->n > n) {
		d->n--;
		mem_free(d->bodies[d->n]);
		mem_free(d->labels[d->n]);
	}
}

static void due_add(
    struct due *d, struct sending *s, const struct sql_message_first_out *row)
{
	d->bodies[d->n] = mem_str(row->body);
	d->labels[d->n] = row->no_label ? NULL : mem_str(row->label);
	d->events[d->n] = (struct event_text){ d->bodies[d->n], d->labels[d->n] };
	s->notices[d->n] = row->notice;
	s->subjects[d->n] =
	    (struct subject){ (enum subject_kind)row->subject_kind, row->subject };
	d->n++;
}

/* What is due of one subscriber, from the first on: one event, or as many as are
 * folded. What answers a command stays by itself. */
static void due_read(struct due *d, struct sending *s)
{
	const struct channel *c = s->channel;
	struct sql_message_first_in in = { .subscriber = s->subscriber,
		.most = c->fold_from ? FOLD_MAX + 1 : 1 };
	struct sql_message_first_out row;

	sql_message_first_begin(s->tell->journal, &in);
	while (sql_message_first_next(s->tell->journal, &row)) {
		bool alone = row.milestone == MILESTONE_ANSWER;

		d->more = d->n == FOLD_MAX;
		if (d->more || (alone && d->n)) {
			sql_message_first_end(s->tell->journal);
			break;
		}
		if (!d->n) {
			s->tries = row.tries + 1;
			s->showing = c->showing
			    ? c->showing(milestone_name((enum milestone)row.milestone))
			    : SHOWING_ENDS;
		}
		due_add(d, s, &row);
		if (alone) {
			sql_message_first_end(s->tell->journal);
			break;
		}
	}
	if (d->n > 1 && d->n < (size_t)c->fold_from)
		due_cut(d, 1);
}

static void compose(struct sending *s, const struct due *d, bool plain)
{
	struct parcel p = { .target = s->target,
		.events = d->events,
		.events_n = d->n,
		.more = d->more,
		.plain = plain };

	s->of = s->subjects[0];
	if (d->n == 1 && s->showing == SHOWING_REWRITES && !MUTANT(progress_floods))
		s->edits = posted_get(s->tell->journal, s->subscriber, &s->of);
	p.edits = s->edits;
	s->body = s->channel->compose(&p, &s->n);
	CHECK(s->n > 0 && s->n <= d->n);
}

static void count_try(const struct sending *s)
{
	for (size_t i = 0;
	     i < s->n && !MUTANT(try_not_counted) && !(i && MUTANT(digest_counts_one));
	     i++)
		sql_message_try(s->tell->journal,
		    &(struct sql_message_try_in){
			.notice = s->notices[i], .subscriber = s->subscriber });
}

/* The target is busy now. How much leaves; 0: nothing is due any more. */
static size_t send_one(struct tell *t, struct runner *r, struct target *target)
{
	struct sql_subscriber_get_in in = { .id = target->subscriber };
	struct sql_subscriber_get_out who;
	struct sending *s = mem_new(sizeof *s);
	struct due *due = mem_new(sizeof *due);
	size_t len = 0;

	*s = (struct sending){ .tell = t,
		.runner = r,
		.channel = target->lane->channel,
		.subscriber = target->subscriber };
	if (sql_subscriber_get_one(t->journal, &in, &who) && who.no_suspended)
		s->target = mem_str(who.target);
	if (s->target)
		due_read(due, s);
	if (due->n) {
		compose(s, due, target->plain);
		len = strlen(s->body);
		count_try(s);
		if (MUTANT(accepted_as_it_leaves))
			accepted(s);
		outbox_add(r->outbox,
		    &(struct effect){ .release = sending_release,
			.drop = sending_drop,
			.job = s,
			.commits = true });
	} else {
		target_done(&t->roster, target, world_now_ms(t->world));
		sending_free(&s->fact);
	}
	due_cut(due, 0);
	mem_free(due);
	return len;
}

/* -- what is due -------------------------------------------------------------- */

static const struct channel *channel_ready(struct tell *t, const char *name)
{
	const struct channel *c = channel_named(name);
	struct fail f;

	if (c && c->ready(&t->channels, &f) == ERR_OK)
		return c;
	if (!t->unready)
		log_warn("tell", "messages wait: %s",
		    c ? f.why : "their channel is one of a newer pawl");
	t->unready = true;
	return NULL;
}

static void enlist(struct tell *t, const struct sql_message_due_next_out *row)
{
	const struct channel *c = channel_ready(t, row->channel);
	int64_t now_ms = world_now_ms(t->world);
	struct target *target;

	if (!c)
		return;
	target = target_get(&t->roster, row->subscriber, c, row->target);
	if (target->state == TARGET_IDLE)
		wait_until(
		    t, target, target->ready_ms > now_ms ? target->ready_ms : now_ms);
}

/* Who has something due, in order; the rest of them in the next turn. */
static void look(struct tell *t, struct runner *r)
{
	struct sql_message_due_next_in in = { .after = t->after };
	struct sql_message_due_next_out row;

	if (t->look) {
		/* what comes before it in the order may have come just now */
		t->look = t->looking;
		t->looking = true;
		roster_sweep(&t->roster, world_now_ms(t->world));
	}
	for (int visits = 0; t->looking && visits < VISITS_MAX; visits++) {
		t->looking = sql_message_due_next_one(t->journal, &in, &row);
		if (t->looking)
			enlist(t, &row);
		in.after = t->looking ? row.subscriber : 0;
	}
	t->after = in.after;
	r->again |= t->looking || t->look;
}

/* One of each lane, round and round, as far as they go. */
static void lanes_go(struct tell *t, struct runner *r)
{
	int64_t now_ms = world_now_ms(t->world);
	size_t bytes = 0, idle = 0;

	roster_age(&t->roster, now_ms);
	while (idle < t->roster.lanes_n) {
		struct lane *l = t->roster.lanes[t->lane_at++ % t->roster.lanes_n];
		struct target *target = lane_take(&t->roster, l, now_ms);

		idle = target ? 0 : idle + 1;
		if (target)
			bytes += send_one(t, r, target);
		if (bytes > TURN_BYTES_MAX) {
			r->again = true;
			return;
		}
	}
}

void tell_turn(void *tell, struct runner *r)
{
	struct tell *t = tell;

	bot_turn(t->bot, r);
	t->look |= r->noted;
	r->noted = false;
	if (t->look || t->looking)
		look(t, r);
	lanes_go(t, r);
	runner_wake_at(r, roster_next_ms(&t->roster));
}

/* -- its owner ---------------------------------------------------------------- */

void tell_channels(struct tell *t, const struct channel_config *channels)
{
	t->channels = *channels;
	t->unready = false;
	t->look = true;
}

const struct tell *tell_of(const struct runner *r)
{
	return r->s.tell.turn == tell_turn ? r->s.tell.ctx : NULL;
}

int64_t tell_count(const struct tell *t, int channel, enum tell_outcome outcome)
{
	return t->counts[channel][outcome];
}

void tell_lend(struct tell *t, const struct bot_rules *rules, const struct bot_face *face)
{
	bot_lend(t->bot, rules, face);
}

int tell_busy(const struct tell *t)
{
	return (int)t->roster.asked_n;
}
