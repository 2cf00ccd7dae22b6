/* What a chat reads: an event in some lines, or several in one line each. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "tell/channel/telegram.h"

#define BODY_MAX ((size_t)64 * 1024)
#define HEAD_UNITS 120 /* of a digest */
#define CUT_UNITS 40   /* left for what ends a text that was cut */
#define WORD_UNITS 256 /* of a name, however long it is */
#define SHORT_BEGIN 10
#define SHORT_END 6

static const struct words {
	const char *type, *title;
	enum showing showing;
} all_words[] = {
#define WORDS(type, title, showing) { type, title, SHOWING_##showing },
#include "tell/channel/words.def"
#undef WORDS
};

static const struct words *words_of(const char *type)
{
	for (size_t i = 0; i < sizeof all_words / sizeof *all_words; i++)
		if (strcmp(all_words[i].type, type) == 0)
			return &all_words[i];
	return NULL;
}

enum showing telegram_showing(const char *type)
{
	const struct words *w = words_of(type);

	return w ? w->showing : SHOWING_ENDS;
}

/* -- text, bounded in the units that the service counts ---------------------------- */

struct text {
	struct buf out;
	size_t units;
	size_t max;
	bool plain, over;
};

static void text_init(struct text *t, size_t max, bool plain)
{
	*t = (struct text){ .max = max, .plain = plain };
	buf_init(&t->out, BODY_MAX);
}

static void one_add(struct text *t, const char *bytes, size_t len, size_t units)
{
	t->over |= t->units + units > t->max;
	if (t->over)
		return;
	buf_add(&t->out, bytes, len);
	t->units += units;
}

/* Of ours: ASCII. */
static void ours_add(struct text *t, const char *text)
{
	one_add(t, text, strlen(text), strlen(text));
}

static void tag_add(struct text *t, const char *tag)
{
	if (!t->plain)
		ours_add(t, tag);
}

/* A character of others: it can't be markup, nor anything but a line or a letter. */
static size_t letter_add(struct text *t, const char *at)
{
	size_t len = utf8_next(at, strnlen(at, 4));

	if (!len || (*at < ' ' && *at >= 0 && *at != '\n') || *at == 127)
		one_add(t, "?", 1, 1);
	else if (!t->plain && *at == '<')
		one_add(t, "&lt;", 4, 4);
	else if (!t->plain && *at == '>')
		one_add(t, "&gt;", 4, 4);
	else if (!t->plain && *at == '&')
		one_add(t, "&amp;", 5, 5);
	else
		one_add(t, at, len, len == 4 ? 2 : 1);
	return len ? len : 1;
}

static void theirs_add(struct text *t, const char *text)
{
	for (const char *at = text; *at && !t->over;)
		at += letter_add(t, at);
}

/* A name, a hash: its beginning. */
static void word_add(struct text *t, const char *text)
{
	size_t end = t->units + WORD_UNITS;

	for (const char *at = text; *at && !t->over && t->units < end;)
		at += letter_add(t, at);
}

/* What may be long; it is cut, and that is said. */
static void long_add(struct text *t, const char *text)
{
	size_t max = t->max;

	if (max > t->units + 2 * CUT_UNITS)
		t->max = max - CUT_UNITS;
	theirs_add(t, text);
	t->max = max;
	if (!t->over)
		return;
	t->over = false;
	ours_add(t, "\n[...]");
}

static void number_add(struct text *t, int64_t n)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRId64, n);
	ours_add(t, digits);
}

/* A string or a number of the event. false: it has none of the name. */
static bool fact_add(
    struct text *t, const json_t *event, const char *name, const char *lead)
{
	const char *text = json_str(event, name);
	int64_t n;

	if (text && *text) {
		ours_add(t, lead);
		word_add(t, text);
	} else if (json_i64(event, name, &n)) {
		ours_add(t, lead);
		number_add(t, n);
	} else {
		return false;
	}
	return true;
}

/* -- an event ----------------------------------------------------------------------- */

static void hash_add(struct text *t, const char *hash, bool whole)
{
	char small[SHORT_BEGIN + 2 + SHORT_END + 1];
	size_t len = strlen(hash);

	if (!whole && len > sizeof small) {
		snprintf(small, sizeof small, "%.*s..%s", SHORT_BEGIN, hash,
		    hash + len - SHORT_END);
		hash = small;
	}
	tag_add(t, "<code>");
	word_add(t, hash);
	tag_add(t, "</code>");
}

static void title_add(struct text *t, const json_t *event)
{
	const char *type = json_str(event, "type");
	const struct words *w = type ? words_of(type) : NULL;

	tag_add(t, "<b>");
	word_add(t, w ? w->title : type ? type : "News");
	tag_add(t, "</b>");
}

/* "12 of 20 confirmations (60 %)" */
static void depth_add(struct text *t, const json_t *event, const char *lead)
{
	int64_t depth, of, percent;

	if (!json_i64(event, "confirmations", &depth))
		return;
	ours_add(t, lead);
	number_add(t, depth);
	if (json_i64(event, "of", &of)) {
		ours_add(t, " of ");
		number_add(t, of);
	}
	ours_add(t, " confirmations");
	if (json_i64(event, "percent", &percent)) {
		ours_add(t, " (");
		number_add(t, percent);
		ours_add(t, " %)");
	}
}

/* "2026-11-22T03:00:00Z" as people write it. */
static void time_add(struct text *t, const json_t *event, const char *lead)
{
	const char *time = json_str(event, "time");
	char shown[32];

	if (!time || strlen(time) != 20)
		return;
	snprintf(shown, sizeof shown, "%.10s %.8s UTC", time, time + 11);
	ours_add(t, lead);
	word_add(t, shown);
}

static void subject_add(
    struct text *t, const json_t *event, const char *label, bool whole)
{
	const char *hash = json_str(event, "hash"), *lead = whole ? "\n" : " ";

	if (label && *label) {
		ours_add(t, ": ");
		word_add(t, label);
	}
	(void)fact_add(t, event, "operation", label && *label ? lead : ": ");
	(void)fact_add(t, event, "row", " row ");
	if (hash) {
		ours_add(t, lead);
		hash_add(t, hash, whole);
	}
	(void)fact_add(t, event, "chain", whole && !hash ? "\n" : " ");
	(void)fact_add(t, event, "stage", whole ? "\nstage " : ", stage ");
}

static void answer_add(struct text *t, const json_t *event)
{
	const char *text = json_str(event, "text");
	bool table = false;

	(void)json_bool(event, "table", &table);
	if (table)
		tag_add(t, "<pre>");
	long_add(t, text ? text : "");
	if (table)
		tag_add(t, "</pre>");
}

static void event_add(struct text *t, const json_t *event, const char *label)
{
	const char *type = json_str(event, "type"), *text = json_str(event, "text");
	const char *by = json_str(event, "by"), *why = json_str(event, "why");

	if (type && strcmp(type, "answer") == 0) {
		answer_add(t, event);
		return;
	}
	title_add(t, event);
	subject_add(t, event, label, true);
	if (by) {
		ours_add(t, "\nby ");
		hash_add(t, by, true);
	}
	(void)fact_add(t, event, "block", "\nblock ");
	depth_add(t, event, "\n");
	time_add(t, event, "\n");
	if (text || why) {
		ours_add(t, "\n");
		long_add(t, text ? text : why);
	}
}

static void line_add(struct text *t, const json_t *event, const char *label, size_t nth)
{
	const char *text = json_str(event, "text"), *by = json_str(event, "by");

	ours_add(t, "\n");
	number_add(t, (int64_t)nth);
	ours_add(t, ". ");
	title_add(t, event);
	subject_add(t, event, label, false);
	if (by) {
		ours_add(t, " by ");
		hash_add(t, by, false);
	}
	depth_add(t, event, ", ");
	time_add(t, event, ", ");
	if (text) {
		ours_add(t, ": ");
		theirs_add(t, text);
	}
}

/* -- a message ----------------------------------------------------------------------- */

static json_t *event_read(const struct event_text *e)
{
	struct fail f = { ERR_OK, "" };
	json_t *event = json_read(e->body, strlen(e->body), &f);

	return event ? event : json_object();
}

static void alone_add(struct text *t, const struct event_text *e)
{
	json_t *event = event_read(e);

	event_add(t, event, e->label);
	json_decref(event);
}

/* As many as fit, whole; a first one that fits nowhere is told alone. */
static size_t lines_add(struct text *t, const struct parcel *p)
{
	size_t n = 0;

	while (n < p->events_n) {
		struct text before = *t;
		size_t len = t->out.len;
		json_t *event = event_read(&p->events[n]);

		line_add(t, event, p->events[n].label, n + 1);
		json_decref(event);
		if (t->over) {
			t->out.len = len;
			t->units = before.units;
			break;
		}
		n++;
	}
	return n;
}

static size_t digest_add(struct text *t, const struct parcel *p)
{
	struct text lines;
	size_t n;

	text_init(&lines, t->max - HEAD_UNITS, p->plain);
	n = lines_add(&lines, p);
	if (n > 1) {
		tag_add(t, "<b>");
		number_add(t, (int64_t)n);
		ours_add(t, " messages that waited, in their order");
		tag_add(t, "</b>");
		if (p->more || n < p->events_n)
			ours_add(t, " (more follow)");
		CHECK(!t->over);
		one_add(t, buf_text(&lines.out), lines.out.len, lines.units);
	}
	buf_release(&lines.out);
	if (MUTANT(digest_drops_one) && n > 1 && n < p->events_n)
		n++;
	return n;
}

/* JSON's numbers are as long as those of chats. */
static json_t *chat_of(const char *target)
{
	if (*target == '@')
		return json_string(target);
	return json_integer(strtoll(target, NULL, 10));
}

char *telegram_compose(const struct parcel *p, size_t *ret_n)
{
	struct text t;
	struct buf out;
	json_t *body;
	size_t n = 0, len;

	text_init(&t, TELEGRAM_TEXT_MAX, p->plain);
	if (p->events_n > 1)
		n = digest_add(&t, p);
	if (n <= 1) {
		alone_add(&t, &p->events[0]);
		n = 1;
	}
	CHECK(!t.over);
	body = json_pack("{s:o, s:s, s:{s:b}}", "chat_id", chat_of(p->target), "text",
	    buf_text(&t.out), "link_preview_options", "is_disabled", 1);
	CHECK(body);
	if (!p->plain)
		CHECK(json_object_set_new(body, "parse_mode", json_string("HTML")) == 0);
	if (p->edits)
		CHECK(
		    json_object_set_new(body, "message_id", json_integer(p->edits)) == 0);
	buf_init(&out, BODY_MAX);
	json_line_add(&out, body);
	CHECK(buf_ok(&out) && out.len > 0);
	out.data[out.len - 1] = '\0'; /* the end of the line */
	buf_release(&t.out);
	*ret_n = n;
	return (char *)buf_take(&out, &len);
}
