#include "tell/bot/bot_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "journal/sql.gen.h"
#include "tell/channel/telegram.h"

#define POLL_S 50
#define POLL_MS 65000
#define PAUSE_MS 1000  /* between two of which the first has nothing new */
#define UPDATES_MAX 20 /* of one poll */
#define ANSWER_MAX ((size_t)1024 * 1024)
#define BACKOFF_MAX_MS 60000
#define CONFLICT_MS 30000
#define ANEW_BELOW 1000 /* so far below what was asked for no answer is an old one */

/* -- its life ------------------------------------------------------------------- */

struct bot *bot_new(struct world *world, struct journal *journal, struct roster *roster,
    const struct channel_config *channels)
{
	struct bot *b = mem_new(sizeof *b);

	*b = (struct bot){ .world = world,
		.journal = journal,
		.roster = roster,
		.channels = channels,
		.limit = UPDATES_MAX };
	return b;
}

void bot_free(struct bot *b)
{
	if (!b)
		return;
	mem_free(b->allow);
	mem_free(b);
}

void bot_lend(struct bot *b, const struct bot_rules *rules, const struct bot_face *face)
{
	size_t n = (size_t)rules->allow_n;

	mem_free(b->allow);
	b->allow = mem_array(n + 1, sizeof *b->allow);
	if (n)
		memcpy(b->allow, rules->allow, n * sizeof *b->allow);
	b->rules = *rules;
	b->rules.allow = b->allow;
	b->face = *face;
	b->lent = true;
	b->talkers_n = 0;
	b->not_before_ms = 0;
}

/* -- updates ---------------------------------------------------------------------------
 */

static void update_take(struct bot *b, struct runner *r, const json_t *update)
{
	struct asking a = { .bot = b, .runner = r };

	if (!json_i64(update, "update_id", &a.update) || a.update < b->next_update ||
	    a.update == INT64_MAX)
		return;
	b->next_update = a.update + 1;
	if (bot_command_parse(&a.said, update))
		command_take(&a);
}

struct poll {
	struct fact fact; /* first */
	struct bot *bot;
	struct runner *runner;
	int64_t id; /* of the bot that it asks for */
	char *body;
	struct verdict verdict;
	bool too_long;
	json_t *updates;
};

static void poll_free(struct fact *fact)
{
	struct poll *p = (struct poll *)fact;

	json_decref(p->updates);
	mem_free(p->body);
	mem_free(p);
}

/* After a week without any, Telegram numbers them anew, from anywhere; all above are no
 * more, and nothing below is what was asked for. */
static bool numbered_anew(const struct bot *b, const json_t *updates)
{
	int64_t id, highest = 0;
	const json_t *update;
	size_t i;

	json_array_foreach(updates, i, update)
	{
		if (json_i64(update, "update_id", &id) && id > highest)
			highest = id;
	}
	return highest > 0 && highest < b->next_update - ANEW_BELOW &&
	    !MUTANT(numbers_only_rise);
}

static void updates_take(struct bot *b, struct runner *r, const json_t *updates)
{
	int64_t before = b->next_update;
	const json_t *update;
	size_t i;

	b->failures = 0;
	b->said = false;
	b->limit = UPDATES_MAX;
	b->not_before_ms = 0;
	if (numbered_anew(b, updates))
		b->next_update = 0;
	json_array_foreach(updates, i, update) update_take(b, r, update);
	if (b->next_update == before)
		b->not_before_ms = b->asked_ms + PAUSE_MS;
	if (b->next_update != before && !MUTANT(updates_not_kept))
		sql_bot_put(b->journal,
		    &(struct sql_bot_put_in){
			.id = b->id, .next_update = b->next_update });
}

/* Another program takes the updates, or sends them elsewhere; or the token is wrong. */
static void poll_failed(struct bot *b, const struct poll *p)
{
	const struct verdict *v = &p->verdict;
	bool conflict = strstr(v->why, "Conflict") != NULL;
	int64_t wait_ms = 1000ll << (b->failures < 6 ? b->failures : 6);

	b->failures++;
	if (p->too_long)
		b->limit = 1;
	if (conflict && wait_ms < CONFLICT_MS)
		wait_ms = CONFLICT_MS;
	if (wait_ms > BACKOFF_MAX_MS || v->delivery == DELIVERY_CLOSED)
		wait_ms = BACKOFF_MAX_MS;
	if (v->retry_after_ms > wait_ms)
		wait_ms = v->retry_after_ms;
	b->not_before_ms = world_now_ms(b->world) + wait_ms;
	if (!b->said && (conflict || v->delivery == DELIVERY_CLOSED))
		log_warn("tell", "telegram: commands can't be read: %s%s", v->why,
		    conflict ? "; only one program may ask for a bot's updates: stop the "
			       "other, or take its webhook away (deleteWebhook)"
			     : "");
	else
		log_debug("tell", "telegram: commands: %s", v->why);
	b->said |= conflict || v->delivery == DELIVERY_CLOSED;
}

static void poll_take(struct runner *r, struct fact *fact)
{
	struct poll *p = (struct poll *)fact;
	struct bot *b = p->bot;

	b->polling = false;
	if (p->id != b->id)
		return;
	if (p->verdict.delivery == DELIVERY_ACCEPTED && json_is_array(p->updates))
		updates_take(b, r, p->updates);
	else
		poll_failed(b, p);
}

/* From world_wait. */
static void on_updates(void *ctx, struct http_answer *a)
{
	struct poll *p = ctx;

	telegram_judge(&p->verdict, p->bot->channels, a, &p->updates);
	p->too_long = a->end == HTTP_UNKNOWN && strstr(a->why, "answer over") != NULL;
	p->fact.take = poll_take;
	p->fact.free = poll_free;
	runner_fact(p->runner, &p->fact);
}

static void poll_release(void *job)
{
	struct poll *p = job;
	struct http_request q = { .body = p->body,
		.body_len = strlen(p->body),
		.timeout_ms = POLL_MS,
		.answer_max = ANSWER_MAX,
		.done = on_updates,
		.ctx = p };
	char url[LETTER_URL_MAX];

	telegram_url(url, p->bot->channels, "getUpdates");
	q.url = url;
	p->body = NULL;
	world_http(p->bot->world, &q);
	secret_wipe(url, sizeof url);
}

static void poll_drop(void *job)
{
	struct poll *p = job;

	p->bot->polling = false;
	poll_free(&p->fact);
}

static void poll(struct bot *b, struct runner *r)
{
	struct poll *p = mem_new(sizeof *p);
	struct buf body;
	size_t len;

	buf_init(&body, 200);
	buf_addf(&body,
	    "{\"offset\":%" PRId64
	    ",\"limit\":%d,\"timeout\":%d,\"allowed_updates\":[\"message\"]}",
	    b->next_update, b->limit, POLL_S);
	CHECK(buf_ok(&body));
	*p = (struct poll){
		.bot = b, .runner = r, .id = b->id, .body = (char *)buf_take(&body, &len)
	};
	b->polling = true;
	b->asked_ms = world_now_ms(b->world);
	outbox_add(r->outbox,
	    &(struct effect){ .release = poll_release, .drop = poll_drop, .job = p });
}

static void whose(struct bot *b)
{
	int64_t id = telegram_bot_id(b->channels);
	struct sql_bot_get_in in = { .id = id };
	struct sql_bot_get_out row = { .next_update = 0 };

	if (id == b->id)
		return;
	(void)sql_bot_get_one(b->journal, &in, &row);
	b->id = id;
	b->next_update = row.next_update;
	b->not_before_ms = 0;
}

void bot_turn(struct bot *b, struct runner *r)
{
	if (!b->lent || !b->channels->telegram_token)
		return;
	whose(b);
	later_turn(b, r);
	if (b->polling)
		return;
	if (world_now_ms(b->world) >= b->not_before_ms)
		poll(b, r);
	else
		runner_wake_at(r, b->not_before_ms);
}
