/* judge_chat.c - what a chat reads. It shows no id of ours: by the journal of who sends
 * it is known what it must be, and then it must say that, all of it and in its order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "codec/json.h"
#include "sim/judge/judge_notice.h"
#include "sim/story/chat.h"

#define TEXT_MAX 8192
#define FOLD_MAX 64
#define PAUSE_MS 1000 /* docs/telegram.md */
#define GROUP_PAUSE_MS 3000

static const struct {
	const char *type, *title;
} titles[] = {
#define WORDS(type, title, showing) { type, title },
#include "tell/channel/words.def"
#undef WORDS
};

static const char *title_of(const char *type)
{
	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
		if (!strcmp(titles[i].type, type))
			return titles[i].title;
	return "?";
}

/* -- its text ----------------------------------------------------------------- */

static bool starts(const char **at, const char *with)
{
	size_t len = strlen(with);

	if (strncmp(*at, with, len) != 0)
		return false;
	*at += len;
	return true;
}

/* As people see it. false: it has other markup than is known here. */
static bool plain_put(char out[TEXT_MAX], const char *text, bool markup)
{
	static const char *const tags[] = { "<b>", "</b>", "<code>", "</code>", "<pre>",
		"</pre>" };
	static const struct {
		const char *is;
		char shows;
	} signs[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' } };
	size_t n = 0;

	while (*text && n < TEXT_MAX - 1) {
		bool found = false;

		for (size_t i = 0; markup && !found && i < sizeof tags / sizeof *tags;
		     i++)
			found = starts(&text, tags[i]);
		if (found)
			continue;
		for (size_t i = 0; markup && !found && i < 3; i++)
			if (starts(&text, signs[i].is)) {
				out[n++] = signs[i].shows;
				found = true;
			}
		if (!found && markup && strchr("<>&", *text))
			return false;
		if (!found)
			out[n++] = *text++;
	}
	out[n] = '\0';
	return !*text;
}

/* How many events it holds. */
static size_t events_in(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	return end != text && n > 0 && n <= FOLD_MAX &&
		starts(&(const char *){ end }, " messages that waited, in their order")
	    ? (size_t)n
	    : 1;
}

static bool has(const char *text, const char *what)
{
	return !what || strstr(text, what);
}

static bool has_hash(const char *text, const char *hash, bool whole)
{
	char small[24];

	if (!hash || whole)
		return has(text, hash);
	snprintf(small, sizeof small, "%.10s..%s", hash, hash + strlen(hash) - 6);
	return has(text, small);
}

static bool has_depth(const char *text, const json_t *o)
{
	int64_t depth, of;
	char words[64];

	if (!json_i64(o, "confirmations", &depth) || !json_i64(o, "of", &of))
		return true;
	snprintf(
	    words, sizeof words, "%" PRId64 " of %" PRId64 " confirmations", depth, of);
	return has(text, words);
}

/* text: of this event alone. */
static bool says_it(const char *text, const char *body, bool whole)
{
	json_t *o = json_read(body, strlen(body), NULL);
	const char *type = json_str(o, "type"), *time = json_str(o, "time");
	char stamp[32] = "?";
	bool so;

	if (time && strlen(time) == 20)
		snprintf(stamp, sizeof stamp, "%.10s %.8s UTC", time, time + 11);
	so = type && starts(&text, title_of(type)) && has(text, stamp) &&
	    has(text, json_str(o, "operation")) && has(text, json_str(o, "text")) &&
	    has(text, json_str(o, "chain")) &&
	    has_hash(text, json_str(o, "hash"), whole) &&
	    has_hash(text, json_str(o, "by"), whole) && has_depth(text, o);
	json_decref(o);
	return so;
}

/* The nth line of several, cut out of them. */
static char *line_of(char *text, size_t nth)
{
	char lead[24], *at, *end;

	snprintf(lead, sizeof lead, "\n%zu. ", nth);
	at = strstr(text, lead);
	if (!at)
		return NULL;
	at += strlen(lead);
	end = strchr(at, '\n');
	if (end)
		*end = '\0';
	return at;
}

static bool says_all(char *text, const char *const *body, size_t n)
{
	bool so = true;

	if (n == 1)
		return says_it(text, body[0], true);
	for (size_t i = n; i-- > 0 && so;) {
		const char *line = line_of(text, i + 1);

		so = line && says_it(line, body[i], false);
	}
	return so;
}

/* -- a letter ------------------------------------------------------------------- */

/* What is due of him, in its order: the first most. */
static size_t due_read(
    struct sim_life *l, struct sim_letter *t, const char *body[FOLD_MAX], size_t most)
{
	struct sql_message_first_in in = { .most = (int64_t)most,
		.subscriber = judge_subscriber_of(l, t->receiver) };
	struct sql_message_first_out row;

	t->events = 0;
	t->event_id = sim_chain_take(l->story->chain, most * sizeof *t->event_id);
	sql_message_first_begin(l->journal, &in);
	while (t->events < most && sql_message_first_next(l->journal, &row)) {
		body[t->events] = sim_chain_text(l->story->chain, row.body);
		judge_event_id(t->event_id[t->events++], row.body);
	}
	sql_message_first_end(l->journal);
	return t->events;
}

void judge_chat_letter(struct sim_life *l, struct sim_letter *t)
{
	struct sim_story *s = l->story;
	json_t *o = json_read(t->body, strlen(t->body), NULL);
	const char *said = json_str(o, "text"), *mode = json_str(o, "parse_mode");
	const char *body[FOLD_MAX];
	char text[TEXT_MAX];
	size_t n;

	if (!said || (mode && strcmp(mode, "HTML") != 0) ||
	    !plain_put(text, said, mode != NULL)) {
		judge_wrong(s, t->receiver, "it can't be read: %.300s", t->body);
		n = 0;
	} else {
		n = events_in(text);
	}
	if (l->lost_commit) {
		json_decref(o);
		return; /* what is due is another's to say by now */
	}
	sim_disk_spare(l->process.disk, true);
	if (n && (due_read(l, t, body, n) != n || !says_all(text, body, n))) {
		/* of a robbed one, whoever took over has sent it meanwhile */
		if (!t->stray)
			judge_wrong(
			    s, t->receiver, "it does not say what is due: %.300s", said);
		t->events = 0;
	}
	sim_disk_spare(l->process.disk, false);
	json_decref(o);
}

/* -- and those before it ---------------------------------------------------------- */

static int64_t pause_ms(int receiver)
{
	const char *target = sim_receiver_target(receiver);

	return *target == '-' || *target == '@' ? GROUP_PAUSE_MS : PAUSE_MS;
}

/* A letter that tells of this subject was the last one that is known to be there, and by
 * itself; NULL: there is none. */
static const struct sim_letter *last_of(
    const struct sim_story *s, const struct judge_heard *h, int receiver, int64_t subject)
{
	for (const struct sim_letter *t = s->letters; t; t = t->older) {
		const struct judge_notice *n;

		if (t->receiver != receiver)
			continue;
		for (size_t i = 0; i < t->events; i++) {
			n = judge_notice_of(h, t->event_id[i]);
			if (n && n->kind == SUBJECT_HASH && n->subject == subject)
				return t->events == 1 && t->state == SIM_LETTER_KNOWN &&
					t->accepted && !t->vague
				    ? t
				    : NULL;
		}
	}
	return NULL;
}

void judge_chat_next(struct sim_life *l, const struct sim_letter *t)
{
	struct sim_story *s = l->story;
	const struct judge_heard *h = &judge_view_of(l)->heard;
	const struct judge_notice *n =
	    t->events == 1 ? judge_notice_of(h, t->event_id[0]) : NULL;
	const struct sim_letter *before = s->letters, *last;
	const struct sim_post *p =
	    t->edits ? sim_chat_post(s, t->receiver, t->post) : NULL;

	while (before && (before->receiver != t->receiver || before->unsent))
		before = before->older;
	if (before && t->left_ms - before->left_ms < pause_ms(t->receiver))
		judge_wrong(s, t->receiver,
		    "something comes %" PRId64 " ms behind another",
		    t->left_ms - before->left_ms);
	if (!n || n->kind != SUBJECT_HASH)
		return;
	last = last_of(s, h, t->receiver, n->subject);
	if (n->milestone == MILESTONE_PROGRESS && !t->edits && last && last->post)
		judge_wrong(s, t->receiver, "%s floods it", t->event_id[0]);
	if (p && p->of->events == 1) {
		const struct judge_notice *was = judge_notice_of(h, p->of->event_id[0]);

		if (was && (was->kind != n->kind || was->subject != n->subject))
			judge_wrong(s, t->receiver, "%s is written over %s",
			    t->event_id[0], p->of->event_id[0]);
	}
}
