#include "tell/tell.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "engine/message.h"
#include "journal/sql.gen.h"

#define BUSY_MAX 64 /* requests under way in all.. */
#define HOST_MAX 8  /* ..and to one host */
#define VISITS_MAX 256
#define TURN_BYTES_MAX ((size_t)256 * 1024)
#define BACKOFF_MS ((uint64_t)1000)
#define BACKOFF_MAX_MS ((uint64_t)600000)
#define HOST_NAME_MAX 256
#define WHY_MAX 200
#define BODY_MAX ((size_t)32 * 1024)

/* A subscriber that is asked just now, or is left alone for a while. */
struct target {
	int64_t subscriber;
	bool busy;
	int64_t not_before_ms;
	char host[HOST_NAME_MAX];
};

struct tell {
	struct world *world;
	struct journal *journal;
	struct channel_config channels;
	struct target *targets; /* by subscriber */
	size_t targets_n;
	int busy;
	bool look;       /* at what is due, whoever's turn it is */
	bool unready;    /* and it was said */
	int64_t after;   /* the subscriber that was looked at last */
	int64_t next_ms; /* somebody is left alone until then */
};

/* A message on its way: an effect, then a fact. */
struct sending {
	struct fact fact; /* first */
	struct tell *tell;
	struct runner *runner;
	const struct channel *channel;
	int64_t subscriber, notice, tries;
	char *target, *body;
	enum http_end end;
	int status;
	int64_t retry_after_ms;
	char why[WHY_MAX];
};

struct tell *tell_new(
    struct world *world, struct journal *journal, const struct channel_config *channels)
{
	struct tell *t = mem_new(sizeof *t);

	*t = (struct tell){ .world = world,
		.journal = journal,
		.channels = *channels,
		.look = true,
		.next_ms = INT64_MAX };
	return t;
}

void tell_free(struct tell *t)
{
	if (!t)
		return;
	mem_free(t->targets);
	mem_free(t);
}

/* -- who is left alone ------------------------------------------------------ */

static size_t target_place(const struct tell *t, int64_t subscriber)
{
	size_t low = 0, high = t->targets_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->targets[mid].subscriber < subscriber)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct target *target_find(const struct tell *t, int64_t subscriber)
{
	size_t at = target_place(t, subscriber);

	return at < t->targets_n && t->targets[at].subscriber == subscriber
	    ? &t->targets[at]
	    : NULL;
}

static struct target *target_get(struct tell *t, int64_t subscriber)
{
	struct target *found = target_find(t, subscriber);
	size_t at = target_place(t, subscriber);

	if (found)
		return found;
	t->targets = mem_grow(t->targets, t->targets_n + 1, sizeof *t->targets);
	memmove(&t->targets[at + 1], &t->targets[at],
	    (t->targets_n - at) * sizeof *t->targets);
	t->targets[at] = (struct target){ .subscriber = subscriber };
	t->targets_n++;
	return &t->targets[at];
}

static void target_drop(struct tell *t, int64_t subscriber)
{
	size_t at = target_place(t, subscriber);

	if (!target_find(t, subscriber))
		return;
	t->targets_n--;
	memmove(&t->targets[at], &t->targets[at + 1],
	    (t->targets_n - at) * sizeof *t->targets);
}

static void host_put(char out[HOST_NAME_MAX], const char *target)
{
	const char *host = strstr(target, "://");
	size_t len;

	host = host ? host + 3 : target;
	len = strcspn(host, "/?#");
	if (len >= HOST_NAME_MAX)
		len = HOST_NAME_MAX - 1;
	memcpy(out, host, len);
	out[len] = '\0';
}

static int host_busy(const struct tell *t, const char *host)
{
	int n = 0;

	for (size_t i = 0; i < t->targets_n; i++)
		n += t->targets[i].busy && strcmp(t->targets[i].host, host) == 0;
	return n;
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

static void suspend(const struct sending *s)
{
	char what[40], shown[TARGET_MAX];
	struct journal *j = s->tell->journal;

	message_target_shown(shown, s->target);
	snprintf(what, sizeof what, "subscriber %" PRId64, s->subscriber);
	sql_message_gone(j,
	    &(struct sql_message_gone_in){
		.notice = s->notice, .subscriber = s->subscriber, .why = s->why });
	if (!MUTANT(gone_is_asked_again))
		sql_subscriber_suspend(j,
		    &(struct sql_subscriber_suspend_in){
			.id = s->subscriber, .why = s->why });
	journal_event(j,
	    &(struct event){
		.what = what, .from = "", .to = "suspended", .why = s->why });
	log_warn("tell",
	    "%s %s: %s; nothing more is sent there until: pawl resume notify:%" PRId64,
	    s->channel->name, shown, s->why, s->subscriber);
}

static void again(struct sending *s)
{
	struct target *target = target_get(s->tell, s->subscriber);
	int64_t delay_ms = backoff_ms(s->tell, s->tries, s->retry_after_ms);
	char shown[TARGET_MAX];

	target->busy = false;
	target->not_before_ms = world_now_ms(s->tell->world) + delay_ms;
	sql_message_again(s->tell->journal,
	    &(struct sql_message_again_in){ .notice = s->notice,
		.subscriber = s->subscriber,
		.known = s->end != HTTP_UNKNOWN,
		.why = s->why });
	message_target_shown(shown, s->target);
	log_debug("tell", "%s %s: %s; again in %" PRId64 " ms", s->channel->name, shown,
	    s->why, delay_ms);
}

static void outcome_take(struct runner *r, struct fact *fact)
{
	struct sending *s = (struct sending *)fact;
	struct tell *t = s->tell;
	enum delivery d = s->channel->judge(s->end, s->status);

	(void)r;
	t->busy--;
	t->look = true;
	if (MUTANT(lost_is_accepted) && s->end == HTTP_UNKNOWN)
		d = DELIVERY_ACCEPTED;
	if (d == DELIVERY_AGAIN) {
		again(s);
		return;
	}
	target_drop(t, s->subscriber);
	if (d == DELIVERY_GONE)
		suspend(s);
	else
		sql_message_accepted(t->journal,
		    &(struct sql_message_accepted_in){ .notice = s->notice,
			.subscriber = s->subscriber,
			.accepted_ms = world_wall_ms(t->world) });
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

	s->end = a->end;
	s->status = a->status;
	s->retry_after_ms = a->retry_after_ms;
	if (a->end == HTTP_ANSWERED)
		snprintf(s->why, sizeof s->why, "it answered %d", a->status);
	else
		snprintf(s->why, sizeof s->why, "%s", a->why);
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
	size_t len = strlen(s->body);

	s->channel->write(
	    &letter, &t->channels, s->target, s->body, len, world_wall_ms(t->world));
	s->body = NULL;
	letter.request.done = on_answer;
	letter.request.ctx = s;
	world_http(t->world, &letter.request);
}

static void sending_drop(void *job)
{
	struct sending *s = job;

	s->tell->busy--;
	target_drop(s->tell, s->subscriber);
	sending_free(&s->fact);
}

/* The same for all subscribers, but for the word that each has for it. */
static char *body_of(const struct sql_message_next_out *row)
{
	struct fail f;
	struct buf text;
	json_t *body;
	size_t len;

	if (row->no_label)
		return mem_str(row->body);
	body = json_read(row->body, strlen(row->body), &f);
	if (!body)
		return mem_str(row->body);
	(void)json_object_set_new(body, "label", json_string(row->label));
	buf_init(&text, BODY_MAX);
	json_line_add(&text, body);
	CHECK(buf_ok(&text) && text.len > 0);
	text.data[text.len - 1] = '\0'; /* the end of the line */
	return (char *)buf_take(&text, &len);
}

static size_t send_one(struct tell *t, struct runner *r, const struct channel *c,
    const struct sql_message_next_out *row)
{
	struct sending *s = mem_new(sizeof *s);
	struct target *target = target_get(t, row->subscriber);
	size_t len;

	*s = (struct sending){ .tell = t,
		.runner = r,
		.channel = c,
		.subscriber = row->subscriber,
		.notice = row->notice,
		.tries = row->tries + 1,
		.target = mem_str(row->target),
		.body = body_of(row) };
	len = strlen(s->body);
	host_put(target->host, s->target);
	target->busy = true;
	t->busy++;
	if (!MUTANT(try_not_counted))
		sql_message_try(t->journal,
		    &(struct sql_message_try_in){
			.notice = s->notice, .subscriber = s->subscriber });
	outbox_add(r->outbox,
	    &(struct effect){ .release = sending_release,
		.drop = sending_drop,
		.job = s,
		.commits = true });
	return len;
}

/* -- what is due -------------------------------------------------------------- */

static bool is_free(struct tell *t, const struct sql_message_next_out *row)
{
	const struct target *target = target_find(t, row->subscriber);
	char host[HOST_NAME_MAX];

	if (!row->no_suspended)
		return false;
	if (target && target->busy && !MUTANT(next_overtakes))
		return false;
	if (target && target->not_before_ms > world_now_ms(t->world))
		return false;
	host_put(host, row->target);
	return host_busy(t, host) < HOST_MAX;
}

static const struct channel *channel_ready(
    struct tell *t, const struct sql_message_next_out *row)
{
	const struct channel *c = channel_named(row->channel);
	struct fail f;

	if (c && c->ready(&t->channels, &f) == ERR_OK)
		return c;
	if (!t->unready)
		log_warn("tell", "messages wait: %s",
		    c ? f.why : "their channel is one of a newer pawl");
	t->unready = true;
	return NULL;
}

/* The next subscriber behind t->after that has something due. false: there is none. */
static bool visit(struct tell *t, struct runner *r, size_t *bytes)
{
	struct sql_message_next_in in = { .after = t->after };
	struct sql_message_next_out row;
	const struct channel *c;

	sql_message_next_begin(t->journal, &in);
	if (!sql_message_next_next(t->journal, &row))
		return false;
	t->after = row.subscriber;
	c = is_free(t, &row) ? channel_ready(t, &row) : NULL;
	if (c)
		*bytes += send_one(t, r, c, &row);
	sql_message_next_end(t->journal);
	return true;
}

/* Round once, from where the last turn ended. */
static void round_go(struct tell *t, struct runner *r)
{
	int64_t from = t->after;
	bool wrapped = from == 0;
	size_t bytes = 0;

	for (int visits = 0; t->busy < BUSY_MAX; visits++) {
		if (visits == VISITS_MAX || bytes > TURN_BYTES_MAX) {
			t->look = r->again = true;
			return;
		}
		if (!visit(t, r, &bytes)) {
			t->after = 0;
			if (wrapped)
				return;
			wrapped = true;
		} else if (wrapped && from && t->after >= from) {
			return;
		}
	}
}

void tell_turn(void *tell, struct runner *r)
{
	struct tell *t = tell;
	int64_t now_ms = world_now_ms(t->world);

	t->look |= r->noted;
	r->noted = false;
	if (t->look || now_ms >= t->next_ms) {
		t->look = false;
		round_go(t, r);
		t->next_ms = INT64_MAX;
		for (size_t i = 0; i < t->targets_n; i++)
			if (!t->targets[i].busy && t->targets[i].not_before_ms > now_ms &&
			    t->targets[i].not_before_ms < t->next_ms)
				t->next_ms = t->targets[i].not_before_ms;
	}
	runner_wake_at(r, t->next_ms);
}

/* -- what the operator asks ---------------------------------------------------- */

enum err tell_resume(
    struct journal *j, int64_t subscriber, bool *ret_moved, struct fail *f)
{
	struct sql_subscriber_get_in in = { .id = subscriber };
	struct sql_subscriber_get_out row;
	char what[40];

	if (!sql_subscriber_get_one(j, &in, &row))
		return fail_set(f, ERR_NOT_FOUND,
		    "there is no subscriber %" PRId64 "; see: pawl status", subscriber);
	*ret_moved = !row.no_suspended;
	if (row.no_suspended)
		return ERR_OK;
	sql_subscriber_resume(j, &(struct sql_subscriber_resume_in){ .id = subscriber });
	sql_message_back(j, &(struct sql_message_back_in){ .subscriber = subscriber });
	snprintf(what, sizeof what, "subscriber %" PRId64, subscriber);
	journal_event(
	    j, &(struct event){ .what = what, .from = "suspended", .to = "", .why = "" });
	return ERR_OK;
}

int tell_busy(const struct tell *t)
{
	return t->busy;
}

int64_t tell_due(struct journal *j, int64_t operation)
{
	struct sql_message_due_of_in in = { .subject_kind = SUBJECT_OPERATION,
		.subject = operation };
	struct sql_message_due_of_out row;

	return sql_message_due_of_one(j, &in, &row) ? row.n : 0;
}
