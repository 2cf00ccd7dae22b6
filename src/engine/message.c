#include "engine/message.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/mutant.h"
#include "codec/json.h"
#include "codec/url.h"
#include "crypto/sha256.h"
#include "journal/sql.gen.h"

#define BODY_MAX ((size_t)16 * 1024)
#define EVENT_ID_BYTES 16
#define TAG_BYTES 4
#define TO_ALL (-1)
#define NTH_MAX ((int64_t)1 << 32) /* of one number */

const char *milestone_name(enum milestone m)
{
	switch (m) {
#define MILESTONE(name, code, word, when) \
	case MILESTONE_##name:            \
		return word;
#include "engine/milestone.def"
#undef MILESTONE
	}
	BUG("a milestone of no name");
}

/* -- who hears of what ----------------------------------------------------- */

/* What is not said stays as it is. */
static void hearing_put(struct journal *j, const struct subject *of, int64_t subscriber,
    const struct hearing *how)
{
	struct sql_subscription_get_in get = {
		.subject_kind = of->kind, .subject = of->id, .subscriber = subscriber
	};
	struct sql_subscription_get_out row;
	int64_t number = how->number ? how->number : how->usual;

	if (!sql_subscription_get_one(j, &get, &row)) {
		sql_subscription_add(j,
		    &(struct sql_subscription_add_in){ .subject_kind = of->kind,
			.subject = of->id,
			.subscriber = subscriber,
			.label = how->label,
			.no_label = !how->label,
			.confirmations = number,
			.no_confirmations = !number });
		return;
	}
	if (MUTANT(label_stays))
		return;
	sql_subscription_put(j,
	    &(struct sql_subscription_put_in){ .subject_kind = of->kind,
		.subject = of->id,
		.subscriber = subscriber,
		.label = how->label ? how->label : row.label,
		.no_label = !how->label && row.no_label,
		.confirmations = how->number ? how->number : row.confirmations,
		.no_confirmations = !how->number && row.no_confirmations });
}

int64_t message_hear(struct journal *j, const char *channel, const char *target,
    const struct subject *of, const struct hearing *how)
{
	struct sql_subscriber_by_target_in in = { .channel = channel, .target = target };
	struct sql_subscriber_by_target_out found;

	if (!sql_subscriber_by_target_one(j, &in, &found)) {
		sql_subscriber_add(j,
		    &(struct sql_subscriber_add_in){
			.channel = channel, .target = target });
		if (!sql_subscriber_by_target_one(j, &in, &found))
			return 0;
	}
	hearing_put(j, of, found.id, how);
	return found.id;
}

int64_t message_subscribe(struct journal *j, const char *channel, const char *target,
    const struct subject *of, const char *label)
{
	return message_hear(j, channel, target, of, &(struct hearing){ .label = label });
}

int64_t message_number(struct journal *j, const struct subject *of, int64_t subscriber)
{
	struct sql_subscription_get_in get = {
		.subject_kind = of->kind, .subject = of->id, .subscriber = subscriber
	};
	struct sql_subscription_get_out row;

	return sql_subscription_get_one(j, &get, &row) && !row.no_confirmations
	    ? row.confirmations
	    : 0;
}

void message_numbers(struct journal *j, const struct subject *of, struct ids *ret)
{
	struct sql_subscription_numbers_in in = { .subject_kind = of->kind,
		.subject = of->id };
	struct sql_subscription_numbers_out row;

	sql_subscription_numbers_begin(j, &in);
	while (sql_subscription_numbers_next(j, &row))
		ids_add(ret, row.number);
}

int64_t message_subscriber(struct journal *j, const char *channel, const char *target)
{
	struct sql_subscriber_by_target_in in = { .channel = channel, .target = target };
	struct sql_subscriber_by_target_out found;

	return sql_subscriber_by_target_one(j, &in, &found) ? found.id : 0;
}

bool message_unsubscribe(struct journal *j, int64_t subscriber, const struct subject *of)
{
	struct sql_subscription_get_in get = {
		.subject_kind = of->kind, .subject = of->id, .subscriber = subscriber
	};
	struct sql_subscription_get_out row;

	if (!sql_subscription_get_one(j, &get, &row))
		return false;
	sql_subscription_drop(j,
	    &(struct sql_subscription_drop_in){
		.subject_kind = of->kind, .subject = of->id, .subscriber = subscriber });
	if (!MUTANT(who_left_is_told))
		sql_message_leave(j,
		    &(struct sql_message_leave_in){ .subject_kind = of->kind,
			.subject = of->id,
			.subscriber = subscriber });
	return true;
}

bool message_silence(struct journal *j, int64_t subscriber)
{
	struct sql_subscription_of_in in = { .subscriber = subscriber };
	struct sql_subscription_of_out row;

	if (!sql_subscription_of_one(j, &in, &row))
		return false;
	sql_subscription_none(
	    j, &(struct sql_subscription_none_in){ .subscriber = subscriber });
	if (!MUTANT(silence_is_late))
		sql_message_silence(
		    j, &(struct sql_message_silence_in){ .subscriber = subscriber });
	return true;
}

void message_unsubscribe_all(struct journal *j, const struct subject *of)
{
	sql_subscription_drop_all(j,
	    &(struct sql_subscription_drop_all_in){
		.subject_kind = of->kind, .subject = of->id });
	if (!MUTANT(who_left_is_told))
		sql_message_leave_all(j,
		    &(struct sql_message_leave_all_in){
			.subject_kind = of->kind, .subject = of->id });
}

int64_t message_subscribers(struct journal *j, int64_t *ret_suspended)
{
	struct sql_subscriber_count_out all = { .n = 0 };

	(void)sql_subscriber_count_one(j, &all);
	if (ret_suspended)
		*ret_suspended = all.suspended;
	return all.n;
}

bool message_heard(struct journal *j, const struct subject *of)
{
	struct sql_subscription_any_in in = { .subject_kind = of->kind,
		.subject = of->id };
	struct sql_subscription_any_out row;

	if (of->kind == SUBJECT_JOURNAL)
		return message_subscribers(j, NULL) > 0;
	return sql_subscription_any_one(j, &in, &row);
}

/* -- what is told ---------------------------------------------------------- */

/* A journal that was put back gives a number to something else, and a name to the same:
 * so it goes by what people call it, and a receiver that has seen it drops no other. */
static void names_add(struct sha256 *s, const json_t *facts)
{
	static const char *const names[] = { "operation", "chain", "hash", "text" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *word = json_str(facts, names[i]);

		if (word && !MUTANT(ids_by_number_alone))
			sha256_add(s, word, strlen(word));
		sha256_add(s, "", 1);
	}
}

void message_event_id(struct journal *j, enum subject_kind kind, enum milestone m,
    int64_t nth, const json_t *facts, char out[EVENT_ID_MAX])
{
	const int64_t numbers[] = { kind, m, nth };
	struct sql_message_journal_out row = { 0 };
	struct sha256 *s = sha256_begin();
	uint8_t hash[32], number[8];

	(void)sql_message_journal_one(j, &row);
	sha256_add(s, "pawl event 2", 12);
	if (!MUTANT(ids_of_any_journal))
		sha256_add(s, row.name, sizeof row.name);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		for (int k = 0; k < 8; k++)
			number[k] = (uint8_t)((uint64_t)numbers[i] >> (56 - 8 * k));
		sha256_add(s, number, sizeof number);
	}
	names_add(s, facts);
	sha256_end(s, hash);
	hex_format(out, hash, EVENT_ID_BYTES);
}

static void time_put(char *out, size_t size, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(out, size, "%FT%TZ", &tm))
		snprintf(out, size, "1970-01-01T00:00:00Z");
}

static json_t *body_new(struct journal *j, const struct subject *of, enum milestone m,
    int64_t nth, int64_t wall_ms, const json_t *facts)
{
	char id[EVENT_ID_MAX], when[32];
	json_t *body;

	message_event_id(j, of->kind, m, nth, facts, id);
	time_put(when, sizeof when, wall_ms);
	body = json_pack(
	    "{s:i, s:s, s:s}", "schema", 1, "event_id", id, "type", milestone_name(m));
	CHECK(body);
	if (facts)
		CHECK(json_object_update_missing(body, (json_t *)(uintptr_t)facts) == 0);
	CHECK(json_object_set_new(body, "time", json_string(when)) == 0);
	return body;
}

static int64_t next_nth(struct journal *j, const struct subject *of, enum milestone m)
{
	struct sql_notice_last_in in = {
		.subject_kind = of->kind, .subject = of->id, .milestone = m
	};
	struct sql_notice_last_out last;

	if (MUTANT(first_is_the_only))
		return 1;
	return sql_notice_last_one(j, &in, &last) && !last.no_nth ? last.nth + 1 : 1;
}

/* The key of what is told by a number; 0 and TO_ALL have the same. */
static int64_t nth_by(int64_t number, int64_t nth)
{
	return number > 0 ? number * NTH_MAX + nth : nth;
}

/* Its id; 0: it was not noted. nth: with its number. *ret_bytes: of what it says. */
static int64_t notice_id(struct journal *j, const struct subject *of, enum milestone m,
    int64_t nth, int64_t *ret_bytes)
{
	struct sql_notice_one_in in = {
		.subject_kind = of->kind, .subject = of->id, .milestone = m, .nth = nth
	};
	struct sql_notice_one_out row;

	if (!sql_notice_one_one(j, &in, &row))
		return 0;
	*ret_bytes = row.bytes;
	return row.id;
}

bool message_noted(struct journal *j, const struct subject *of, int64_t number,
    enum milestone m, int64_t nth)
{
	int64_t bytes;

	return notice_id(j, of, m, nth_by(number, nth), &bytes) != 0;
}

/* Its id; 0: the journal is numb. */
static int64_t notice_put(struct journal *j, const struct subject *of, enum milestone m,
    int64_t nth, const char *body)
{
	struct sql_notice_add_in in = { .subject_kind = of->kind,
		.subject = of->id,
		.milestone = m,
		.nth = nth,
		.body = body,
		.commit_no = journal_commit_no(j) };
	struct sql_notice_add_out row;

	return sql_notice_add_one(j, &in, &row) ? row.id : 0;
}

static void messages_add(
    struct journal *j, const struct subject *of, int64_t number, int64_t notice)
{
	if (of->kind == SUBJECT_JOURNAL)
		sql_message_add_all(
		    j, &(struct sql_message_add_all_in){ .notice = notice });
	else if (number == TO_ALL)
		sql_message_add(j,
		    &(struct sql_message_add_in){
			.notice = notice, .subject_kind = of->kind, .subject = of->id });
	else
		sql_message_add_by(j,
		    &(struct sql_message_add_by_in){ .notice = notice,
			.subject_kind = of->kind,
			.subject = of->id,
			.number = number,
			.no_number = !number });
}

/* Its id, and whether it is new; 0: the journal is numb. What it said may be in an
 * archive: who asks again is told it anew. */
static int64_t notice_make(struct journal *j, const struct subject *of, enum milestone m,
    int64_t nth, int64_t wall_ms, const json_t *facts, bool *ret_new)
{
	struct buf body;
	int64_t bytes = 0, id = notice_id(j, of, m, nth, &bytes);

	*ret_new = !id;
	if (id && bytes)
		return id;
	buf_init(&body, BODY_MAX);
	json_line_add(&body, body_new(j, of, m, nth, wall_ms, facts));
	CHECK(buf_ok(&body) && body.len > 0);
	body.data[body.len - 1] = '\0'; /* the end of the line */
	if (id)
		sql_notice_refill(j,
		    &(struct sql_notice_refill_in){ .id = id, .body = buf_text(&body) });
	else
		id = notice_put(j, of, m, nth, buf_text(&body));
	buf_release(&body);
	return id;
}

static bool note(struct journal *j, const struct subject *of, int64_t number,
    enum milestone m, int64_t nth, int64_t wall_ms, const json_t *facts)
{
	bool new = false;
	int64_t id = message_heard(j, of)
	    ? notice_make(j, of, m, nth_by(number, nth), wall_ms, facts, &new)
	    : 0;

	if (!id || !new)
		return false;
	messages_add(j, of, number, id);
	return true;
}

bool message_note(struct journal *j, const struct subject *of, enum milestone m,
    int64_t nth, int64_t wall_ms, json_t *facts)
{
	bool noted =
	    note(j, of, TO_ALL, m, nth ? nth : next_nth(j, of, m), wall_ms, facts);

	json_decref(facts);
	return noted;
}

bool message_note_by(struct journal *j, const struct subject *of, int64_t number,
    enum milestone m, int64_t nth, int64_t wall_ms, json_t *facts)
{
	bool noted = note(j, of, number, m, nth, wall_ms, facts);

	json_decref(facts);
	return noted;
}

void message_tell(struct journal *j, const struct subject *of, int64_t number,
    enum milestone m, int64_t nth, int64_t wall_ms, json_t *facts, int64_t subscriber)
{
	bool new;
	int64_t id = notice_make(j, of, m, nth_by(number, nth), wall_ms, facts, &new);

	if (id)
		sql_message_add_to(j,
		    &(struct sql_message_add_to_in){
			.notice = id, .subscriber = subscriber });
	json_decref(facts);
}

void message_again(struct journal *j, const struct subject *of, int64_t subscriber)
{
	struct sql_notice_newest_in in = { .subject_kind = of->kind, .subject = of->id };
	struct sql_notice_newest_out newest;

	if (sql_notice_newest_one(j, &in, &newest) && !newest.no_id)
		sql_message_add_to(j,
		    &(struct sql_message_add_to_in){
			.notice = newest.id, .subscriber = subscriber });
}

/* -- what is shown --------------------------------------------------------- */

void message_target_shown(char out[TARGET_MAX], const char *target)
{
	char shown[URL_SHOWN_MAX], tag[2 * TAG_BYTES + 1];
	uint8_t hash[32];
	size_t len;

	url_shown(shown, target);
	len = strlen(shown);
	if (!len || MUTANT(targets_are_shown)) {
		snprintf(out, TARGET_MAX, "%s", target);
		return;
	}
	sha256(hash, target, strlen(target));
	hex_format(tag, hash, TAG_BYTES);
	if (len > 3 && strcmp(shown + len - 3, "...") == 0)
		snprintf(out, TARGET_MAX, "%s#%s", shown, tag);
	else
		snprintf(out, TARGET_MAX, "%s", shown);
}
