#include "cli/report/track.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "cli/config/ref.h"
#include "cli/report/report.h"
#include "codec/json.h"
#include "engine/message.h"
#include "journal/sql.gen.h"
#include "serve/command/tracking.h"

#define SENTENCE_MAX 256
#define WHY_MAX (TRACKING_LABEL_MAX + 1)

bool track_hash(struct hash *ret, const char *word)
{
	return hex_parse_0x(ret->at, sizeof ret->at, word);
}

bool track_word(const char *word)
{
	struct hash hash;

	return track_hash(&hash, word);
}

static enum err find(struct journal *j, const char *word,
    struct tracked found[TRACKING_CHAINS_MAX], size_t *ret_n, struct fail *f)
{
	struct hash hash;

	if (!track_hash(&hash, word))
		return fail_set(f, ERR_USAGE, "no hash of a transaction");
	*ret_n = track_find(j, &hash, found, TRACKING_CHAINS_MAX);
	return *ret_n
	    ? ERR_OK
	    : fail_set(f, ERR_NOT_FOUND,
		  "nobody follows this transaction; to begin: pawl track %.66s", word);
}

static void chain_name(struct journal *j, int64_t id, char out[64])
{
	struct sql_chain_get_out chain;

	snprintf(out, 64, "?");
	if (sql_chain_get_one(j, &(struct sql_chain_get_in){ .id = id }, &chain))
		snprintf(out, 64, "%s", chain.name);
	utf8_plain(out);
}

static int64_t confirmations_of(struct journal *j, const struct tracked *t)
{
	struct sql_report_head_in in = { .chain = t->chain };
	struct sql_report_head_out head;

	if (!sql_report_head_one(j, &in, &head) || head.no_height ||
	    head.height < (int64_t)t->height)
		return 0;
	return head.height - (int64_t)t->height + 1;
}

/* A final block of it vanished: what it has may be gone, too. */
static bool is_stopped(struct journal *j, int64_t chain)
{
	struct sql_chain_get_out row;

	return sql_chain_get_one(j, &(struct sql_chain_get_in){ .id = chain }, &row) &&
	    !row.no_stopped;
}

/* "included in block 17, 3 of 20 confirmations" */
static void sentence(char out[SENTENCE_MAX], struct journal *j, const struct tracked *t)
{
	int len =
	    snprintf(out, SENTENCE_MAX, "%s", state_name(MACHINE_TRACKED, t->state));
	char by[2 + 64 + 1];

	if (t->in_block)
		len += snprintf(out + len, (size_t)(SENTENCE_MAX - len),
		    " in block %" PRIu64, t->height);
	if (t->in_block && !track_ended(t) && t->state == TRACKED_INCLUDED)
		len += snprintf(out + len, (size_t)(SENTENCE_MAX - len),
		    ", %" PRId64 " of %u confirmations", confirmations_of(j, t),
		    t->confirmations);
	if (t->state == TRACKED_MEMPOOL && t->misses)
		len += snprintf(out + len, (size_t)(SENTENCE_MAX - len),
		    ", but no node had it in the last %" PRId64 " look%s", t->misses,
		    t->misses == 1 ? "" : "s");
	else if (t->state == TRACKED_MEMPOOL && t->unasked)
		len += snprintf(out + len, (size_t)(SENTENCE_MAX - len),
		    ", perhaps: its block vanished, and no node was asked since");
	if (t->has_by) {
		hex_format(by, t->by.at, sizeof t->by.at);
		len += snprintf(out + len, (size_t)(SENTENCE_MAX - len), " by 0x%s", by);
	}
	if (t->in_block && is_stopped(j, t->chain))
		snprintf(out + len, (size_t)(SENTENCE_MAX - len), ", IN DOUBT");
}

void track_line(const struct cli *c, struct journal *j, const struct tracked *t,
    const char *state, const char *why)
{
	char chain[64], says[SENTENCE_MAX], hash[2 * 32 + 1];
	json_t *o;

	if (c->args.json) {
		o = tracked_json(j, t);
		if (state)
			CHECK(json_object_set_new(o, "state", json_string(state)) == 0);
		if (why)
			CHECK(json_object_set_new(o, "why", cli_text(why)) == 0);
		cli_json(o);
		return;
	}
	chain_name(j, t->chain, chain);
	sentence(says, j, t);
	hex_format(hash, t->hash.at, sizeof t->hash.at);
	printf("0x%s on %s: %s%s\n", hash, chain, state ? state : says,
	    t->guess ? " (it is looked for on other chains, too)" : "");
}

static void show(const struct cli *c, struct journal *j, const struct tracked *t)
{
	track_line(c, j, t, NULL, NULL);
}

/* Of one hash on several chains: what that means. */
static void chains_show(
    const struct cli *c, struct journal *j, const struct tracked *found, size_t n)
{
	size_t guesses = 0, live = 0, open = 0, there = 0;
	char chain[64];

	for (size_t i = 0; i < n; i++) {
		guesses += found[i].guess && !track_ended(&found[i]);
		live += !found[i].guess && found[i].state != TRACKED_UNTRACKED;
		open += !found[i].guess && !track_ended(&found[i]);
		there += track_there(&found[i]);
	}
	if (c->args.json || n < 2)
		return;
	if (guesses > 1 && !live)
		printf(
		    "It was found on no chain yet: it is looked for on these %zu, until "
		    "a block of one has it.\n",
		    guesses);
	else if (there > 1)
		printf("It is on %zu chains: each is followed, and told, by itself.\n",
		    there);
	else if (open > 1)
		printf("It is looked for on %zu chains, and told of each by itself.\n",
		    open);
	for (size_t i = 0; i < n && live; i++) {
		if (found[i].state != TRACKED_UNTRACKED)
			continue;
		chain_name(j, found[i].chain, chain);
		printf("On %s it is not followed; if it is there, too: pawl track HASH "
		       "--chain %s\n",
		    chain, chain);
	}
}

static void subscribers_show(const struct cli *c, struct journal *j, int64_t id)
{
	struct sql_report_hearers_in in = { .subject_kind = SUBJECT_HASH, .subject = id };
	struct sql_report_hearers_out s;
	char target[TARGET_MAX], why[WHY_MAX];

	if (c->args.json)
		return;
	sql_report_hearers_begin(j, &in);
	while (sql_report_hearers_next(j, &s)) {
		message_target_shown(target, s.target);
		utf8_plain(target);
		printf("  notify:%" PRId64 " %s:%s hears of it", s.id, s.channel, target);
		if (!s.no_label) {
			snprintf(why, sizeof why, "%s", s.label);
			utf8_plain(why);
			printf(" as \"%s\"", why);
		}
		if (!s.no_confirmations)
			printf(", by %" PRId64 " confirmations", s.confirmations);
		if (!s.no_suspended)
			printf("; SUSPENDED, then: pawl resume notify:%" PRId64, s.id);
		else if (s.due)
			printf("; %" PRId64 " message%s to go", s.due,
			    s.due == 1 ? "" : "s");
		if (s.no_suspended && s.due && !s.no_why) {
			snprintf(why, sizeof why, "%s", s.why);
			utf8_plain(why);
			printf(": %s", why);
		}
		printf("\n");
	}
}

/* A final block vanished: nothing is told of this chain until somebody lets it go on. */
static void stop_show(const struct cli *c, const char *chain, const char *why)
{
	if (!c->args.json)
		printf("Chain %s stands still: %s. What it has of transactions is in "
		       "doubt, and nobody is told of it until somebody looks at it, and "
		       "types: pawl resume chain:%s\n",
		    chain, why, chain);
}

static void chain_stop_show(const struct cli *c, struct journal *j, int64_t id)
{
	struct sql_chain_get_in in = { .id = id };
	struct sql_chain_get_out row;

	if (sql_chain_get_one(j, &in, &row) && !row.no_stopped)
		stop_show(c, row.name, row.stopped);
}

static void stops_show(const struct cli *c, struct journal *j)
{
	struct sql_report_chains_out row;

	sql_report_chains_begin(j);
	while (sql_report_chains_next(j, &row))
		if (!row.no_stopped)
			stop_show(c, row.name, row.stopped);
	sql_report_chains_end(j);
}

/* What stands there is of the last time that somebody looked. */
static void nobody_show(const struct cli *c, const char *whom)
{
	struct owner owner;
	bool owned;

	if (c->args.json || (journal_owner(c->config->journal, &owner, &owned) && owned))
		return;
	printf("Nobody follows %s now: that is how it was last seen. To go on: pawl "
	       "serve\n",
	    whom);
}

enum err track_status(
    const struct cli *c, struct journal *j, const char *word, struct fail *f)
{
	struct tracked found[TRACKING_CHAINS_MAX];
	bool open = false;
	size_t n;
	enum err e = find(j, word, found, &n, f);

	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		show(c, j, &found[i]);
		subscribers_show(c, j, found[i].id);
		chain_stop_show(c, j, found[i].chain);
		open |= !track_ended(&found[i]);
	}
	if (e == ERR_OK)
		chains_show(c, j, found, n);
	if (open)
		nobody_show(c, "it");
	return e;
}

bool track_status_all(const struct cli *c, struct journal *j)
{
	struct sql_tracked_count_out row;
	json_t *states = c->args.json ? json_object() : NULL;
	char text[400] = "";
	size_t len = 0;
	int64_t all = 0;

	sql_tracked_count_begin(j);
	while (sql_tracked_count_next(j, &row)) {
		const char *name = state_name(MACHINE_TRACKED, (int)row.state);
		json_t *before = states ? json_object_get(states, name) : NULL;

		all += row.n;
		if (states)
			json_object_set_new(states, name,
			    json_integer(row.n + json_integer_value(before)));
		else if (!row.ended && len < sizeof text - 60)
			len += (size_t)snprintf(text + len, sizeof text - len,
			    "%s%" PRId64 " %s", len ? ", " : "", row.n, name);
	}
	if (all && states)
		cli_json(json_pack("{s:O}", "tracked", states));
	else if (all)
		cli_say(c, "Transactions that are followed: %s.",
		    len ? text : "none any more");
	if (all)
		stops_show(c, j);
	if (len)
		nobody_show(c, "them");
	json_decref(states);
	return all > 0;
}

/* Whom nothing reaches, whatever he hears of. */
void unreached_show(const struct cli *c, struct journal *j)
{
	struct sql_report_unreached_out s;
	char target[TARGET_MAX], why[WHY_MAX];

	sql_report_unreached_begin(j);
	while (sql_report_unreached_next(j, &s)) {
		message_target_shown(target, s.target);
		utf8_plain(target);
		snprintf(why, sizeof why, "%s",
		    !s.no_suspended ? s.suspended
			: s.no_why  ? "it is not known why"
				    : s.why);
		utf8_plain(why);
		if (c->args.json)
			cli_json(json_pack("{s:{s:I, s:s, s:o, s:b, s:o, s:I}}",
			    "subscriber", "id", (json_int_t)s.id, "channel", s.channel,
			    "target", cli_text(target), "suspended", !s.no_suspended,
			    "why", cli_text(why), "due", (json_int_t)s.due));
		else if (s.no_suspended)
			cli_say(c,
			    "notify:%" PRId64 " %s:%s is not reached, %" PRId64
			    " to go: %s",
			    s.id, s.channel, target, s.due, why);
		else
			cli_say(c,
			    "notify:%" PRId64
			    " %s:%s is SUSPENDED: %s; then: pawl resume notify:%" PRId64,
			    s.id, s.channel, target, why, s.id);
	}
}

/* -- the story ------------------------------------------------------------- */

static json_t *events_json(struct journal *j, int64_t id)
{
	struct sql_report_events_in in = { .operation = 0, .row = id };
	struct sql_report_events_out e;
	char at[REPORT_TIME_MAX];
	json_t *ret = json_array();

	CHECK(ret);
	sql_report_events_begin(j, &in);
	while (sql_report_events_next(j, &e)) {
		report_time(at, e.no_at_ms ? 0 : e.at_ms);
		json_array_append_new(ret,
		    json_pack("{s:I, s:o, s:o, s:o, s:o}", "commit",
			(json_int_t)e.commit_no, "at", cli_text(e.no_at_ms ? NULL : at),
			"from", cli_text(e.from_state), "to", cli_text(e.to_state), "why",
			cli_text(e.why)));
	}
	return ret;
}

static void events_show(struct journal *j, int64_t id)
{
	struct sql_report_events_in in = { .operation = 0, .row = id };
	struct sql_report_events_out e;
	char at[REPORT_TIME_MAX];

	sql_report_events_begin(j, &in);
	while (sql_report_events_next(j, &e)) {
		report_time(at, e.no_at_ms ? 0 : e.at_ms);
		printf("  %s  %s%s%s: %s\n", at, e.from_state,
		    *e.from_state ? " -> " : "", e.to_state, e.why);
	}
}

static void messages_show(struct journal *j, int64_t id)
{
	struct sql_report_told_in in = { .subject_kind = SUBJECT_HASH, .subject = id };
	struct sql_report_told_out m;
	char target[TARGET_MAX], at[REPORT_TIME_MAX];

	sql_report_told_begin(j, &in);
	while (sql_report_told_next(j, &m)) {
		json_t *body = m.body[0] ? json_read(m.body, strlen(m.body), NULL) : NULL;

		message_target_shown(target, m.target);
		utf8_plain(target);
		printf("  %s  %s to %s:%s, event %s: %s",
		    body ? json_str(body, "time") : "(archived)",
		    milestone_name((enum milestone)m.milestone), m.channel, target,
		    body ? json_str(body, "event_id") : "(archived)",
		    m.state == MESSAGE_ACCEPTED  ? "accepted"
			: m.state == MESSAGE_DUE ? "due"
						 : "not sent: its target is gone, or it "
						   "was given up");
		json_decref(body);
		report_time(at, m.no_accepted_ms ? 0 : m.accepted_ms);
		if (!m.no_accepted_ms)
			printf(" at %s", at);
		if (m.unknown)
			printf(", and %" PRId64 " tries of which nobody knows the answer",
			    m.unknown);
		printf("\n");
	}
}

static json_t *told_json(struct journal *j, int64_t id)
{
	struct sql_report_told_in in = { .subject_kind = SUBJECT_HASH, .subject = id };
	struct sql_report_told_out m;
	char target[TARGET_MAX], at[REPORT_TIME_MAX];
	json_t *ret = json_array();

	CHECK(ret);
	sql_report_told_begin(j, &in);
	while (sql_report_told_next(j, &m)) {
		json_t *body = m.body[0] ? json_read(m.body, strlen(m.body), NULL) : NULL;

		message_target_shown(target, m.target);
		utf8_plain(target);
		report_time(at, m.no_accepted_ms ? 0 : m.accepted_ms);
		json_array_append_new(ret,
		    json_pack("{s:s, s:o, s:o, s:s, s:o, s:s, s:o}", "type",
			milestone_name((enum milestone)m.milestone), "time",
			cli_text(json_str(body, "time")), "event_id",
			cli_text(json_str(body, "event_id")), "channel", m.channel,
			"target", cli_text(target), "state",
			m.state == MESSAGE_ACCEPTED  ? "accepted"
			    : m.state == MESSAGE_DUE ? "due"
						     : "gone",
			"accepted", cli_text(m.no_accepted_ms ? NULL : at)));
		json_decref(body);
	}
	return ret;
}

enum err track_explain(
    const struct cli *c, struct journal *j, const char *word, struct fail *f)
{
	struct tracked found[TRACKING_CHAINS_MAX];
	size_t n;
	enum err e = find(j, word, found, &n, f);

	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		json_t *o;

		if (!c->args.json) {
			show(c, j, &found[i]);
			events_show(j, found[i].id);
			messages_show(j, found[i].id);
			continue;
		}
		o = tracked_json(j, &found[i]);
		json_object_set_new(o, "events", events_json(j, found[i].id));
		json_object_set_new(o, "told", told_json(j, found[i].id));
		cli_json(o);
	}
	return e;
}
