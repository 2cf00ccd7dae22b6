/* tell.c - who has something due, and what leaves. */
#include "tell/tell_in.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "journal/sql.gen.h"
#include "tell/subscriber/held.h"

#define VISITS_MAX 1024
#define TURN_BYTES_MAX ((size_t)256 * 1024)

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
	if (sql_subscriber_get_one(t->journal, &in, &who) && who.no_suspended &&
	    (who.no_back || MUTANT(back_is_overtaken)))
		s->target = mem_str(who.target);
	if (s->target)
		due_read(due, s);
	if (due->n) {
		compose(s, due, target->plain);
		len = strlen(s->body);
		count_try(s);
		if (MUTANT(accepted_as_it_leaves))
			outcome_accepted(s);
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

void tell_wait(struct tell *t, struct target *target, int64_t ready_ms)
{
	int64_t held_ms = bot_held_ms(t->bot, target->subscriber);

	target->free_ms = ready_ms;
	target_wait(&t->roster, target, held_ms > ready_ms ? held_ms : ready_ms);
}

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
		tell_wait(
		    t, target, target->ready_ms > now_ms ? target->ready_ms : now_ms);
}

/* false: not all of him could be looked at. */
static bool visit(
    struct tell *t, const struct sql_message_due_next_out *row, int64_t *moved)
{
	int64_t n;
	bool whole;

	if (row->no_suspended && row->no_back) {
		enlist(t, row);
		return true;
	}
	if (*moved >= HELD_STEP)
		return false;
	whole = held_step(t->journal, row, &n);
	*moved += n;
	if ((whole || MUTANT(back_is_overtaken)) && row->no_suspended)
		enlist(t, row);
	return whole;
}

/* Who has something due, in order; the rest of them in the next turn. */
static void look(struct tell *t, struct runner *r)
{
	struct sql_message_due_next_in in = { .after = t->after };
	struct sql_message_due_next_out row;
	bool whole = true;
	int64_t moved = 0;

	if (t->look) {
		/* what comes before it in the order may have come just now */
		t->look = t->looking;
		t->looking = true;
		roster_sweep(&t->roster, world_now_ms(t->world));
	}
	for (int visits = 0; t->looking && visits < VISITS_MAX; visits++) {
		t->looking = sql_message_due_next_one(t->journal, &in, &row);
		if (t->looking)
			whole &= visit(t, &row, &moved);
		in.after = t->looking ? row.subscriber : 0;
	}
	t->after = in.after;
	t->look |= !whole;
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
