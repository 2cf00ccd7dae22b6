#include "sim/story/receiver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "codec/json.h"
#include "sim/judge/judge.h"
#include "sim/story/chat.h"
#include "sim/story/story.h"

#define ARRIVES_PER_MILLE 500 /* of letters whose process dies while they are out */
#define LONG_ANSWER 100000
#define RETRY_AFTER_MS_MAX 60000

static const char *const targets[SIM_RECEIVERS_MAX] = { "http://receiver-0.sim/pawl",
	"http://receiver-1.sim/pawl", "http://receiver-2.sim/pawl?key=5e", "70000001",
	"-1001234500002", "@pawl_news" };

const char *sim_receiver_channel(int receiver)
{
	return sim_receiver_is_chat(receiver) ? "telegram" : "webhook";
}

const char *sim_receiver_target(int receiver)
{
	return targets[receiver];
}

bool sim_receiver_is_chat(int receiver)
{
	return receiver >= SIM_WEBHOOKS;
}

int sim_receiver_of(const struct sim_story *s, const char *target)
{
	for (int i = 0; i < s->receivers; i++)
		if (!strcmp(target, targets[i]))
			return i;
	return -1;
}

bool sim_letter_tells(const struct sim_letter *t, const char *event_id)
{
	for (size_t i = 0; i < t->events; i++)
		if (!strcmp(t->event_id[i], event_id))
			return true;
	return false;
}

/* -- acts ----------------------------------------------------------------- */

/* As many as somebody ever wants told. */
void sim_receivers_begin(struct sim_story *s)
{
	const struct sim_fate *f = s->fate;

	s->receivers = 0;
	s->letters = NULL;
	s->receiver_dice.state = f->seed ^ 0x7e11;
	s->chat_dice.state = f->seed ^ 0xc4a7;
	memset(s->posts, 0, sizeof s->posts);
	memset(s->receiver, 0, sizeof s->receiver);
	s->followed_n = 0;
	s->tracks = false;
	for (size_t i = 0; i < f->acts_n; i++) {
		const struct sim_act *a = &f->acts[i];
		int64_t at = a->kind == SIM_SUBSCRIBE ? a->b : a->a;

		if (a->kind != SIM_SUBSCRIBE && a->kind != SIM_TRACK)
			continue;
		s->tracks |= a->kind == SIM_TRACK;
		if (at >= s->receivers)
			s->receivers = (int)at + 1;
	}
}

void sim_receivers_asked_again(struct sim_life *l)
{
	for (int i = 0; i < l->story->fate->lists; i++)
		if (l->story->list[i].hears)
			l->asked[i] = l->listed[i] = false;
}

/* The command is typed again, with one more --notify. */
static void subscribe(struct sim_story *s, int list, int receiver)
{
	s->list[list].hears |= 1u << receiver;
	for (int i = 0; i < SIM_LIVES; i++)
		sim_receivers_asked_again(&s->life[i]);
}

static void say(struct sim_story *s, const struct sim_act *a)
{
	struct request q = { .route = ROUTE_TELL };
	int n = snprintf(q.text, sizeof q.text, "act %" PRIu32, a->number);

	while (n < a->a && n < (int)sizeof q.text - 1)
		n += snprintf(q.text + n, sizeof q.text - (size_t)n, ", and so on");
	sim_people_wish(s, &q, 0, false);
}

/* The newest first; luck: how many of them are passed over. */
static const struct sim_tx *chosen(const struct sim_story *s, int64_t what, int64_t luck)
{
	const struct sim_tx *t = s->chain->all;
	int64_t n = 0;

	for (const struct sim_tx *i = t; i; i = i->next_all)
		n++;
	if (what == 2 || !n)
		return NULL;
	for (luck = what ? 0 : luck % n; luck; luck--)
		t = t->next_all;
	return t;
}

/* pawl track HASH --notify .. */
static void track(struct sim_story *s, const struct sim_act *a)
{
	struct sim_followed *f = &s->followed[s->followed_n];
	struct request q = { .route = ROUTE_TRACK };
	struct hash hash = { { 0x0b, (uint8_t)a->c, (uint8_t)(a->c >> 8) } };

	if (s->followed_n == SIM_FOLLOWED_MAX)
		return;
	s->followed_n++;
	*f = (struct sim_followed){ .tx = chosen(s, a->b, a->c),
		.receiver = (int)a->a,
		.confirmations = 1 + a->c % (2 * (int64_t)s->fate->depth) };
	if (f->tx)
		hash = f->tx->hash;
	memcpy(f->hash, "0x", 2);
	hex_format(f->hash + 2, hash.at, sizeof hash.at);
	snprintf(q.text, sizeof q.text,
	    "{\"hash\":\"%s\",\"chain\":\"%s\",\"confirmations\":%" PRId64
	    ",\"notify\":[\"%s:%s\"]}",
	    f->hash, s->config.name, f->confirmations, sim_receiver_channel((int)a->a),
	    sim_receiver_target((int)a->a));
	sim_people_wish(s, &q, 0, false);
}

void sim_receivers_follow(struct sim_story *s, const char *line)
{
	for (int i = 0; i < s->followed_n; i++)
		s->followed[i].known |= strstr(line, s->followed[i].hash) != NULL;
	sim_story_did(s, SIM_DID_TRACKED);
}

void sim_receivers_act(struct sim_story *s, const struct sim_act *a)
{
	struct sim_receiver *r = &s->receiver[a->a % SIM_RECEIVERS_MAX];

	if (a->kind == SIM_TRACK)
		track(s, a);
	else if (a->kind == SIM_SUBSCRIBE) {
		subscribe(s, (int)(a->a % s->fate->lists), (int)a->b);
	} else if (a->kind == SIM_SAY) {
		say(s, a);
	} else {
		r->how = (enum sim_receives)a->b;
		r->until_ms = a->c ? s->chain->now_ms + a->c : 0;
	}
}

void sim_receivers_end(struct sim_story *s)
{
	for (int i = 0; i < s->receivers; i++) {
		struct sim_receiver *r = &s->receiver[i];

		if (s->calm || (r->until_ms && s->chain->now_ms >= r->until_ms)) {
			r->how = SIM_RECEIVES_ALL;
			r->until_ms = 0;
		}
	}
}

int64_t sim_receivers_due_ms(const struct sim_story *s)
{
	int64_t due_ms = INT64_MAX;

	for (int i = 0; i < s->receivers; i++)
		if (s->receiver[i].until_ms && s->receiver[i].until_ms < due_ms)
			due_ms = s->receiver[i].until_ms;
	return due_ms;
}

/* -- a letter comes ------------------------------------------------------- */

static int64_t up_to(struct sim_random *dice, int64_t most)
{
	return 1 + (int64_t)sim_random_below(dice, (uint64_t)most);
}

static void answers(
    struct sim_random *dice, struct sim_reply *y, const int *status, size_t n)
{
	y->end = HTTP_ANSWERED;
	y->status = status[sim_random_below(dice, n)];
}

#define ANSWERS(dice, y, ...)                              \
	answers((dice), (y), (const int[]){ __VA_ARGS__ }, \
	    sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static enum sim_receives by_luck(struct sim_random *dice)
{
	if (sim_random_hit(dice, 400))
		return SIM_RECEIVES_ALL;
	return SIM_RECEIVES_BREAKS +
	    sim_random_below(dice, SIM_RECEIVES_GONE - SIM_RECEIVES_BREAKS + 1);
}

static struct sim_random *dice_of(struct sim_story *s, int receiver)
{
	return sim_receiver_is_chat(receiver) ? &s->chat_dice : &s->receiver_dice;
}

/* What is not said here is as where no answer comes, and it is not accepted. */
static void receive(struct sim_story *s, struct sim_letter *t, struct sim_reply *y,
    enum sim_receives how, int64_t timeout_ms)
{
	struct sim_random *dice = dice_of(s, t->receiver);
	int64_t there_ms = up_to(dice, s->fate->latency_ms);
	int64_t back_ms = there_ms + up_to(dice, s->fate->latency_ms);

	*y = (struct sim_reply){
		.end = HTTP_UNKNOWN, .retry_after_ms = -1, .after_ms = back_ms
	};
	t->arrives_ms = s->chain->now_ms + there_ms;
	t->accepted = how == SIM_RECEIVES_ALL || how == SIM_RECEIVES_LOSES ||
	    how == SIM_RECEIVES_LATE || how == SIM_RECEIVES_BABBLES ||
	    how == SIM_RECEIVES_SLOW;
	t->gone = how == SIM_RECEIVES_GONE;
	if (how == SIM_RECEIVES_ALL || how == SIM_RECEIVES_BABBLES ||
	    how == SIM_RECEIVES_SLOW)
		ANSWERS(dice, y, 200, 200, 201, 202, 204);
	else if (how == SIM_RECEIVES_BREAKS)
		ANSWERS(dice, y, 500, 502, 504, 400, 401);
	else if (how == SIM_RECEIVES_BUSY)
		ANSWERS(dice, y, 503);
	else if (how == SIM_RECEIVES_LIMITS)
		ANSWERS(dice, y, 429);
	else if (how == SIM_RECEIVES_MOVED)
		ANSWERS(dice, y, 301, 302, 308);
	else if (how == SIM_RECEIVES_GONE)
		ANSWERS(dice, y, 404, 410, 403);
	else if (how == SIM_RECEIVES_HANGS || how == SIM_RECEIVES_LATE)
		y->after_ms = timeout_ms;
	else if (how == SIM_RECEIVES_DOWN)
		y->end = HTTP_NOT_SENT;
	t->unsent = how == SIM_RECEIVES_DOWN;
	if (how == SIM_RECEIVES_LIMITS || sim_random_hit(dice, 100))
		y->retry_after_ms = up_to(dice, RETRY_AFTER_MS_MAX);
	if (how == SIM_RECEIVES_BABBLES)
		y->len = LONG_ANSWER;
	if (how == SIM_RECEIVES_LATE)
		t->arrives_ms += timeout_ms + up_to(dice, 2 * timeout_ms);
	if (how == SIM_RECEIVES_DOWN || how == SIM_RECEIVES_RESETS)
		t->arrives_ms = INT64_MAX;
	if (how == SIM_RECEIVES_SLOW)
		y->after_ms = there_ms + up_to(dice, timeout_ms - there_ms - 1);
	y->dice = sim_random_next(dice);
}

/* "final", "replaced by"; "": a chat's words tell it. */
static const char *kind_of(struct sim_story *s, const struct sim_letter *t)
{
	json_t *o = json_read(t->body, strlen(t->body), NULL);
	const char *type = json_str(o, "type"), *by = json_str(o, "by");
	char text[40];

	snprintf(text, sizeof text, "%s%s", type ? type : "", by ? " by" : "");
	json_decref(o);
	return sim_chain_text(s->chain, text);
}

static void letter_tell(struct sim_story *s, const struct sim_letter *t, const char *how)
{
	const char *kind = s->out ? kind_of(s, t) : "";

	if (t->events > 1)
		sim_story_line(
		    s, "receiver-%d gets %zu at once:", t->receiver, t->events);
	for (size_t i = 0; i < t->events; i++)
		sim_story_line(s, "receiver-%d gets %.32s%s%s: %s", t->receiver,
		    t->event_id[i], *kind ? ", " : "", kind, how);
}

bool sim_receivers_take(void *life, const struct http_request *r, struct sim_reply *ret)
{
	struct sim_life *l = life;
	struct sim_story *s = l->story;
	int at = sim_receiver_of(s, r->url), chat = sim_chat_of(s, r);
	enum sim_receives how;
	struct sim_letter *t;
	char *body;

	if (at < 0)
		at = chat;
	if (at < 0)
		return false;
	how = s->receiver[at].how;
	if (how == SIM_RECEIVES_ANY)
		how = by_luck(dice_of(s, at));
	body = sim_chain_take(s->chain, r->body_len + 1);
	memcpy(body, r->body, r->body_len);
	t = sim_chain_take(s->chain, sizeof *t);
	*t = (struct sim_letter){ .older = s->letters,
		.receiver = at,
		.life = l,
		.body = body,
		.left_ms = s->chain->now_ms,
		.stray = l->is_copy || l->lost_commit };
	receive(s, t, ret, how, r->timeout_ms);
	t->retry_after_ms = ret->retry_after_ms;
	if (chat >= 0)
		sim_chat_receive(s, t, ret, how, r);
	t->until_ms = s->chain->now_ms + ret->after_ms;
	ret->of = t;
	sim_receivers_committed(l); /* with what lets this leave */
	sim_judge_letter(l, t, r);
	s->letters = t;
	if (chat >= 0 && t->accepted)
		sim_chat_did(s, t);
	letter_tell(s, t, sim_receives_name(how));
	return true;
}

/* -- and its answer goes -------------------------------------------------- */

void sim_receivers_answered(void *life, void *letter, bool whole)
{
	struct sim_letter *t = letter;

	if (t->state != SIM_LETTER_OUT || t->life != life)
		return; /* of a machine that was set back */
	t->answered = whole;
	t->state = whole || t->unsent ? SIM_LETTER_ANSWERED : SIM_LETTER_LOST;
}

static void known(struct sim_life *l, struct sim_letter *t)
{
	struct sim_receiver *r = &l->story->receiver[t->receiver];

	t->state = SIM_LETTER_KNOWN;
	if (t->stray)
		return;
	if (t->gone && !r->suspended)
		sim_story_did(l->story, SIM_DID_SUSPENDED);
	r->suspended |= t->gone;
	if (t->answered && !t->accepted && !t->gone && t->retry_after_ms > 0) {
		r->asked = l;
		r->not_before_ms = t->until_ms + t->retry_after_ms;
	}
	if (t->closes)
		sim_chats_closed(l, t);
	if (t->accepted && !t->vague)
		sim_judge_accepted(l, t);
}

void sim_receivers_committed(struct sim_life *l)
{
	for (struct sim_letter *t = l->story->letters; t; t = t->older)
		if (t->life == l && t->state == SIM_LETTER_ANSWERED)
			known(l, t);
}

void sim_receivers_lose(struct sim_life *l)
{
	struct sim_story *s = l->story;

	for (struct sim_letter *t = s->letters; t; t = t->older) {
		if (t->life != l || t->state > SIM_LETTER_ANSWERED)
			continue;
		t->state = SIM_LETTER_LOST;
		if (t->arrives_ms > s->chain->now_ms &&
		    !sim_random_hit(&s->receiver_dice, ARRIVES_PER_MILLE))
			t->arrives_ms = INT64_MAX;
	}
	for (int i = 0; i < s->receivers; i++)
		s->receiver[i].not_before_ms = 0;
}

void sim_receivers_older(struct sim_story *s)
{
	for (struct sim_letter *t = s->letters; t; t = t->older) {
		t->stray = true;
		if (t->state == SIM_LETTER_KNOWN)
			t->state = SIM_LETTER_LOST;
	}
	for (int i = 0; i < s->receivers; i++)
		s->receiver[i].suspended = false;
}

void sim_receivers_another(struct sim_story *s, bool is_new)
{
	for (struct sim_letter *t = s->letters; t; t = t->older)
		t->of_another = is_new;
}
