/* Commands of chats: who may, and what is done. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "engine/message.h"
#include "journal/sql.gen.h"
#include "tell/bot/bot_in.h"
#include "tell/channel/telegram.h"
#include "tell/subscriber/backlog.h"

#define REFUSAL_MAX 600
#define COMMANDS 20 /* of a chat in a minute */
#define COMMAND_MS 3000
#define REFUSED_MS 600000 /* who is not allowed hears it so often */

/* -- answers ----------------------------------------------------------------------- */

char *answer_body(const char *text, bool table)
{
	json_t *body = json_pack("{s:s, s:s}", "type", "answer", "text", text);
	struct buf out;
	size_t len;

	if (!body)
		return NULL;
	if (table)
		(void)json_object_set_new(body, "table", json_true());
	buf_init(&out, 8 * BOT_TEXT_MAX);
	json_line_add(&out, body);
	CHECK(buf_ok(&out) && out.len > 0);
	out.data[out.len - 1] = '\0'; /* the end of the line */
	return (char *)buf_take(&out, &len);
}

/* The notice; 0: there is none. */
static int64_t answer(const struct asking *a, const char *text, bool table)
{
	struct bot *b = a->bot;
	struct sql_notice_add_in in = { .subject_kind = SUBJECT_ANSWER,
		.subject = a->update,
		.milestone = MILESTONE_ANSWER,
		.nth = b->id,
		.commit_no = journal_commit_no(b->journal) };
	const struct sql_notice_one_in same = { .subject_kind = SUBJECT_ANSWER,
		.subject = a->update,
		.milestone = MILESTONE_ANSWER,
		.nth = b->id };
	struct sql_notice_one_out other;
	struct sql_notice_add_out notice = { 0 };
	char *body = answer_body(text, table);

	if (!body)
		return 0; /* no UTF-8: ours is */
	in.body = body;
	/* of this number one may wait already */
	if (!sql_notice_one_one(b->journal, &same, &other) &&
	    sql_notice_add_one(b->journal, &in, &notice)) {
		sql_answer_add(b->journal,
		    &(struct sql_answer_add_in){
			.notice = notice.id, .subscriber = a->subscriber });
		a->runner->noted = true;
	}
	mem_free(body);
	return notice.id;
}

/* -- who may ------------------------------------------------------------------------ */

static bool is_allowed(const struct bot *b, const struct bot_command *c)
{
	for (int i = 0; i < b->rules.allow_n; i++)
		if (b->rules.allow[i] == c->chat || b->rules.allow[i] == c->user)
			return true;
	return b->rules.anyone || MUTANT(allow_not_looked_at);
}

/* One that is quiet for long enough gives its place to another. */
static struct talker *talker_get(struct bot *b, int64_t chat, int64_t now_ms)
{
	struct talker *free = NULL;

	for (size_t i = 0; i < b->talkers_n; i++) {
		if (b->talkers[i].chat == chat)
			return &b->talkers[i];
		if (b->talkers[i].full_ms <= now_ms && b->talkers[i].refused_ms <= now_ms)
			free = &b->talkers[i];
	}
	if (!free && b->talkers_n < TALKERS_MAX)
		free = &b->talkers[b->talkers_n++];
	if (free)
		*free = (struct talker){ .chat = chat, .full_ms = now_ms };
	return free;
}

static bool may_say(struct talker *t, int64_t now_ms)
{
	int64_t full_ms = t->full_ms > now_ms ? t->full_ms : now_ms;

	if (full_ms + COMMAND_MS > now_ms + COMMAND_MS * COMMANDS)
		return false;
	t->full_ms = full_ms + COMMAND_MS;
	return true;
}

struct courtesy {
	struct fact fact; /* first */
	struct bot *bot;
	struct runner *runner;
	char *body;
};

static void refusal_free(struct fact *fact)
{
	struct courtesy *s = (struct courtesy *)fact;

	mem_free(s->body);
	mem_free(s);
}

static void refusal_take(struct runner *r, struct fact *fact)
{
	struct bot *b = ((struct courtesy *)fact)->bot;

	(void)r;
	lane_place_put(
	    lane_get(b->roster, &channel_telegram, ""), world_now_ms(b->world));
}

static void on_refusal(void *ctx, struct http_answer *a)
{
	struct courtesy *s = ctx;

	(void)a; /* he asks again, or does not */
	s->fact.take = refusal_take;
	s->fact.free = refusal_free;
	runner_fact(s->runner, &s->fact);
}

static void refusal_release(void *job)
{
	struct courtesy *s = job;
	struct letter letter = { .request = { .url = NULL } };
	const struct parcel parcel = { .target = "" };

	channel_telegram.write(
	    &letter, s->bot->channels, &parcel, s->body, strlen(s->body), 0);
	s->body = NULL;
	letter.request.done = on_refusal;
	letter.request.ctx = s;
	world_http(s->bot->world, &letter.request);
	secret_wipe(letter.url, sizeof letter.url);
}

static void refusal_drop(void *job)
{
	struct courtesy *s = job;

	refusal_take(s->runner, &s->fact);
	refusal_free(&s->fact);
}

/* Without a row, and without a promise: one a second at the most, and to one chat once
 * in a while. */
static void refuse(const struct asking *a, const char *text)
{
	struct bot *b = a->bot;
	int64_t now_ms = world_now_ms(b->world);
	struct talker *t = talker_get(b, a->said.chat, now_ms);
	struct event_text event = { .body = text };
	struct parcel p = {
		.target = a->target, .events = &event, .events_n = 1, .plain = true
	};
	struct courtesy *s;
	size_t n;

	if (now_ms < b->refuse_ms || !t || now_ms < t->refused_ms ||
	    !lane_place_take(lane_get(b->roster, &channel_telegram, ""), now_ms))
		return;
	b->refuse_ms = now_ms + 1000;
	t->refused_ms = now_ms + REFUSED_MS;
	s = mem_new(sizeof *s);
	*s = (struct courtesy){
		.bot = b, .runner = a->runner, .body = channel_telegram.compose(&p, &n)
	};
	outbox_add(a->runner->outbox,
	    &(struct effect){
		.release = refusal_release, .drop = refusal_drop, .job = s });
}

static void refuse_stranger(const struct asking *a)
{
	char text[REFUSAL_MAX];

	snprintf(text, sizeof text,
	    "{\"type\":\"answer\",\"text\":\"This bot answers those whom its operator "
	    "named. To be one of them, give him this number: %" PRId64
	    " (he writes it into tell.telegram.allow).\"}",
	    a->said.chat);
	refuse(a, text);
}

static void refuse_one_more(const struct asking *a)
{
	char text[REFUSAL_MAX];

	snprintf(text, sizeof text,
	    "{\"type\":\"answer\",\"text\":\"This bot has %d users already, as many "
	    "as its operator allows (tell.telegram.max_users).\"}",
	    a->bot->rules.max_users);
	refuse(a, text);
}

/* His row. Who writes is there, also where he was gone. false: there is none for him. */
static bool subscriber_take(struct asking *a)
{
	struct bot *b = a->bot;
	struct sql_subscriber_by_target_in in = { .channel = channel_telegram.name,
		.target = a->target };
	struct sql_subscriber_by_target_out row;
	struct sql_bot_users_out all = { 0 };
	struct fail f;
	bool moved;

	if (sql_subscriber_by_target_one(b->journal, &in, &row)) {
		a->subscriber = row.id;
		return backlog_resume(b->journal, row.id, &moved, &f) == ERR_OK;
	}
	(void)sql_bot_users_one(b->journal, &all);
	if (all.n >= b->rules.max_users && !MUTANT(max_users_not_kept)) {
		refuse_one_more(a);
		return false;
	}
	sql_subscriber_add(b->journal,
	    &(struct sql_subscriber_add_in){
		.channel = channel_telegram.name, .target = a->target });
	if (!sql_subscriber_by_target_one(b->journal, &in, &row))
		return false;
	a->subscriber = row.id;
	return true;
}

/* -- commands ------------------------------------------------------------------------ */

static int64_t lent(const struct asking *a, bot_do_fn *what, const char *missing)
{
	struct bot_asked q = { .subscriber = a->subscriber,
		.target = a->target,
		.hash = a->said.hash,
		.chain = a->said.chain };
	bool table = false;
	struct buf out;

	int64_t notice;

	if (!what)
		return answer(a, missing, false);
	buf_init(&out, BOT_TEXT_MAX);
	what(a->bot->face.ctx, a->runner, &q, &out, &table);
	notice =
	    answer(a, out.len ? buf_text(&out) : "There is nothing to say of it.", table);
	buf_release(&out);
	return notice;
}

static void help(const struct asking *a)
{
	(void)answer(a,
	    "Pawl follows transactions through confirmations and reorgs, and tells what "
	    "becomes of them.\n"
	    "/track HASH [CHAIN] - follow a transaction\n"
	    "/untrack HASH - hear no more of it\n"
	    "/status [HASH] - where it is, or all that you follow\n"
	    "/fees [CHAIN] - what a transaction costs now\n"
	    "/help - this",
	    false);
}

static void track(const struct asking *a)
{
	if (a->said.hash[0])
		(void)lent(
		    a, a->bot->face.track, "Following transactions is not set up here.");
	else
		(void)answer(a, "Which one? /track HASH, or /track HASH CHAIN", false);
}

static void untrack(const struct asking *a)
{
	if (a->said.hash[0])
		(void)lent(a, a->bot->face.untrack,
		    "Following transactions is not set up here.");
	else
		(void)answer(a, "Which one? /untrack HASH", false);
}

static void status(const struct asking *a)
{
	(void)lent(a, a->bot->face.status, "Following transactions is not set up here.");
}

/* Its first word is the chain. The nodes are asked, and the answer waits for them. */
static void fees(const struct asking *a)
{
	const struct bot_face *face = &a->bot->face;
	struct asking of = *a;
	int64_t notice;

	memcpy(of.said.chain, a->said.hash, sizeof of.said.chain);
	of.said.hash[0] = '\0';
	notice = lent(&of, face->fees, "Fees are not looked at here.");
	if (notice && face->fees &&
	    !face->fees_known(face->ctx, a->runner, of.said.chain))
		later_add(a->bot, notice, a->subscriber, of.said.chain);
}

static const struct command {
	const char *word;
	void (*run)(const struct asking *a);
} commands[] = { { "/start", help }, { "/help", help }, { "/track", track },
	{ "/untrack", untrack }, { "/status", status }, { "/fees", fees } };

/* In a group others may be meant. */
static void command_run(const struct asking *a)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].word, a->said.word) == 0) {
			commands[i].run(a);
			return;
		}
	if (a->said.alone)
		(void)answer(a, "That is no command of this bot; see /help", false);
}

void command_take(struct asking *a)
{
	struct bot *b = a->bot;
	int64_t now_ms = world_now_ms(b->world);
	struct talker *t;
	bool told;

	snprintf(a->target, sizeof a->target, "%" PRId64, a->said.chat);
	if (!is_allowed(b, &a->said)) {
		refuse_stranger(a);
		return;
	}
	t = talker_get(b, a->said.chat, now_ms);
	if (!t)
		return; /* hundreds talk at once */
	told = t->told;
	t->told = !may_say(t, now_ms);
	if ((t->told && told) || !subscriber_take(a))
		return;
	if (t->told)
		(void)answer(a, "That is too much in a minute: wait a little.", false);
	else
		command_run(a);
}
