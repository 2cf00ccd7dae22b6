#include "sim/story/chat.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "codec/json.h"
#include "sim/story/story.h"

#define ANSWER_MAX 512
#define LONG_ANSWER 200000 /* more than anybody reads */
#define RETRY_AFTER_S_MAX 60
#define DELETED_PER_MILLE 30 /* of posts that are to be rewritten */
#define ARRIVES_PER_MILLE 500
#define CLOSED_MS 60000 /* docs/telegram.md: asked again each minute */

static const char send[] = SIM_CHAT_API "/bot" SIM_CHAT_TOKEN "/sendMessage";
static const char edit[] = SIM_CHAT_API "/bot" SIM_CHAT_TOKEN "/editMessageText";

/* -- what is asked -------------------------------------------------------- */

static json_t *chat_id(const char *target)
{
	return *target == '@' ? json_string(target)
			      : json_integer(strtoll(target, NULL, 10));
}

int sim_chat_of(const struct sim_story *s, const struct http_request *r)
{
	json_t *o, *whom;
	int at = -1;

	if (strcmp(r->url, send) != 0 && strcmp(r->url, edit) != 0)
		return -1;
	o = json_read(r->body, r->body_len, NULL);
	for (int i = SIM_WEBHOOKS; i < s->receivers && at < 0; i++) {
		whom = chat_id(sim_receiver_target(i));
		if (json_equal(json_object_get(o, "chat_id"), whom))
			at = i;
		json_decref(whom);
	}
	json_decref(o);
	return at;
}

struct sim_post *sim_chat_post(const struct sim_story *s, int receiver, int64_t id)
{
	struct sim_post *p = s->posts[receiver - SIM_WEBHOOKS];

	while (p && p->id != id)
		p = p->older;
	return p;
}

/* -- what is answered ----------------------------------------------------- */

static void PRINTF(3, 4)
    says(struct sim_story *s, struct sim_reply *y, const char *fmt, ...)
{
	char *body = sim_chain_take(s->chain, ANSWER_MAX);
	va_list args;

	va_start(args, fmt);
	y->len = (size_t)vsnprintf(body, ANSWER_MAX, fmt, args);
	va_end(args);
	CHECK(y->len < ANSWER_MAX);
	y->body = body;
}

static void refuses(
    struct sim_story *s, struct sim_reply *y, int code, const char *description)
{
	y->status = code;
	says(s, y, "{\"ok\":false,\"error_code\":%d,\"description\":\"%s\"}", code,
	    description);
}

/* Of whoever stands before it. */
static void page(struct sim_story *s, struct sim_reply *y, int status)
{
	y->status = status;
	says(s, y, "<html><body>%d</body></html>", status);
}

static void ok(struct sim_story *s, struct sim_reply *y, const struct sim_post *p)
{
	y->status = 200;
	says(s, y,
	    "{\"ok\":true,\"result\":{\"message_id\":%" PRId64
	    ",\"date\":1,\"chat\":{\"id\":1,\"type\":\"private\"},\"text\":\"..\"}}",
	    p->id);
}

/* -- what it does ----------------------------------------------------------- */

static void post_add(struct sim_story *s, struct sim_letter *t, const char *text)
{
	struct sim_post **newest = &s->posts[t->receiver - SIM_WEBHOOKS];
	struct sim_post *p = sim_chain_take(s->chain, sizeof *p);

	*p = (struct sim_post){ .older = *newest,
		.id = *newest ? (*newest)->id + 1 : 7,
		.of = t,
		.text = text };
	*newest = p;
	t->post = p->id;
}

/* It took it, and t->accepted; or it refuses, and says why. */
static void does(struct sim_story *s, struct sim_letter *t, struct sim_reply *y)
{
	json_t *o = json_read(t->body, strlen(t->body), NULL);
	const char *text = json_str(o, "text");
	struct sim_post *p = NULL;

	t->accepted = true;
	if (text)
		text = sim_chain_text(s->chain, text);
	if (t->edits && json_i64(o, "message_id", &t->post))
		p = sim_chat_post(s, t->receiver, t->post);
	json_decref(o);
	if (p)
		p->deleted |= sim_random_hit(&s->chat_dice, DELETED_PER_MILLE);
	if (!text || !*text) {
		t->accepted = false;
		refuses(s, y, 400, "Bad Request: message text is empty");
	} else if (t->edits && (!p || p->deleted)) {
		t->accepted = false;
		refuses(s, y, 400, "Bad Request: message to edit not found");
	} else if (p && !strcmp(p->text, text)) {
		refuses(s, y, 400,
		    "Bad Request: message is not modified: specified new message "
		    "content and reply markup are exactly the same");
	} else {
		if (p)
			p->text = text;
		else
			post_add(s, t, text);
		ok(s, y, sim_chat_post(s, t->receiver, t->post));
	}
}

/* Whether it was done does the answer not say. */
static void breaks(struct sim_story *s, struct sim_letter *t, struct sim_reply *y)
{
	t->vague = true;
	if (sim_random_hit(&s->chat_dice, ARRIVES_PER_MILLE))
		does(s, t, y);
	if (sim_random_hit(&s->chat_dice, 500))
		refuses(s, y, 500, "Internal Server Error");
	else
		page(s, y, 502);
}

static bool has_markup(const struct sim_letter *t)
{
	return strstr(t->body, "\"parse_mode\"") != NULL;
}

static void errs(struct sim_story *s, struct sim_letter *t, struct sim_reply *y)
{
	uint64_t dice = sim_random_below(&s->chat_dice, 4);

	if (dice == 0 && has_markup(t))
		refuses(s, y, 400, "Bad Request: can't parse entities: unsupported tag");
	else if (dice == 1)
		refuses(s, y, 401, "Unauthorized");
	else
		breaks(s, t, y);
	t->closes = y->status == 401;
}

static void is_gone(struct sim_story *s, struct sim_reply *y)
{
	static const struct {
		int code;
		const char *description;
	} of[] = { { 403, "Forbidden: bot was blocked by the user" },
		{ 403, "Forbidden: bot was kicked from the group chat" },
		{ 400, "Bad Request: chat not found" },
		{ 403, "Forbidden: user is deactivated" } };
	size_t at = sim_random_below(&s->chat_dice, sizeof of / sizeof *of);

	refuses(s, y, of[at].code, of[at].description);
}

static void limits(struct sim_story *s, struct sim_letter *t, struct sim_reply *y)
{
	int64_t seconds = 1 + (int64_t)sim_random_below(&s->chat_dice, RETRY_AFTER_S_MAX);

	y->status = 429;
	t->retry_after_ms = 1000 * seconds; /* no header says it */
	says(s, y,
	    "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: "
	    "retry after %" PRId64 "\",\"parameters\":{\"retry_after\":%" PRId64 "}}",
	    seconds, seconds);
}

void sim_chat_receive(struct sim_story *s, struct sim_letter *t, struct sim_reply *y,
    enum sim_receives how, const struct http_request *r)
{
	t->edits = !strcmp(r->url, edit);
	y->retry_after_ms = t->retry_after_ms = -1;
	if (t->accepted)
		does(s, t, y);
	if (how == SIM_RECEIVES_BABBLES) {
		t->vague = true;
		y->body = NULL;
		y->len = LONG_ANSWER;
	} else if (how == SIM_RECEIVES_BREAKS) {
		errs(s, t, y);
	} else if (how == SIM_RECEIVES_BUSY || how == SIM_RECEIVES_MOVED) {
		t->vague = how == SIM_RECEIVES_BUSY;
		page(s, y, t->vague ? 503 : 302);
	} else if (how == SIM_RECEIVES_LIMITS) {
		limits(s, t, y);
	} else if (how == SIM_RECEIVES_GONE) {
		is_gone(s, y);
	}
}

void sim_chat_did(struct sim_story *s, const struct sim_letter *t)
{
	sim_story_did(s, SIM_DID_POSTED);
	if (t->events > 1)
		sim_story_did(s, SIM_DID_FOLDED);
	if (t->edits)
		sim_story_did(s, SIM_DID_REWRITTEN);
}

void sim_chats_closed(struct sim_life *l, const struct sim_letter *t)
{
	for (int i = SIM_WEBHOOKS; i < l->story->receivers; i++) {
		l->story->receiver[i].asked = l;
		l->story->receiver[i].not_before_ms = t->until_ms + CLOSED_MS;
	}
}
