#include "cli/owner/bot_face.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/report/track.h"
#include "codec/json.h"
#include "engine/quotes.h"
#include "journal/sql.gen.h"
#include "serve/command/tracking.h"
#include "tell/tell.h"

#define LINE_MAX_HERE 512
#define FOLLOWED_MAX 100 /* by one chat, at a time */
#define SHOWN_MAX 10

static struct command_at at_of(const struct loop *l, struct runner *r)
{
	return (struct command_at){
		.world = l->world, .journal = l->journal, .runner = r, .face = &l->face
	};
}

/* What POST /v1/track takes: a line. The words of others are checked before. */
static struct request request_of(const struct bot_asked *q, char line[LINE_MAX_HERE])
{
	char chain[BOT_WORD_MAX + 16] = "";
	int len;

	if (q->chain[0])
		snprintf(chain, sizeof chain, ",\"chain\":\"%s\"", q->chain);
	len = snprintf(line, LINE_MAX_HERE, "{\"hash\":\"%s\"%s,\"notify\":[\"%s:%s\"]}",
	    q->hash, chain, channel_telegram.name, q->target);
	CHECK(len > 0 && len < LINE_MAX_HERE);
	return (struct request){ .lines = line, .lines_len = (size_t)len };
}

static bool chain_is_here(const struct loop *l, const char *name, struct buf *out)
{
	const struct config *config = l->cli->config;

	for (int i = 0; i < config->chains_n; i++)
		if (!name[0] || strcmp(config->chains[i].name, name) == 0)
			return true;
	buf_add_str(out, "There is no chain of this name here. There are:");
	for (int i = 0; i < config->chains_n; i++)
		buf_addf(out, " %s", config->chains[i].name);
	return false;
}

static bool words_are_good(
    const struct loop *l, const struct bot_asked *q, struct buf *out)
{
	if (track_word(q->hash))
		return chain_is_here(l, q->chain, out);
	buf_add_str(out, "That is no hash of a transaction: 0x and 64 digits.");
	return false;
}

typedef enum err change_fn(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f);

/* Rows of a command that is refused are undone. */
static bool change(const struct loop *l, struct runner *r, const struct bot_asked *q,
    change_fn *do_it, struct told *ret, struct buf *out)
{
	const struct command_at at = at_of(l, r);
	struct fail f = { ERR_OK, "" };
	char line[LINE_MAX_HERE];
	struct request request = request_of(q, line);
	enum err e;

	*ret = (struct told){ .operation = 0 };
	journal_save(l->journal);
	e = do_it(&at, &request, ret, &f);
	if (e == ERR_OK) {
		journal_save_keep(l->journal);
		return true;
	}
	journal_save_drop(l->journal);
	buf_add_str(out, f.why + (strncmp(f.why, "line 1: ", 8) == 0 ? 8 : 0));
	return false;
}

static bool is_full(const struct loop *l, const struct bot_asked *q)
{
	struct sql_followed_count_in in = { .subscriber = q->subscriber };
	struct sql_followed_count_out row;

	return sql_followed_count_one(l->journal, &in, &row) && row.n >= FOLLOWED_MAX;
}

/* "main: included, 3 of 20 confirmations, block 17" */
static void where_add(const struct loop *l, const struct tracked *t, struct buf *out)
{
	json_t *o = tracked_json(l->journal, t);
	int64_t depth, block;

	buf_addf(out, "%s: %s", json_str(o, "chain"), json_str(o, "state"));
	if (json_i64(o, "confirmations", &depth))
		buf_addf(out, ", %" PRId64 " of %u confirmations", depth,
		    (unsigned)t->confirmations);
	if (json_i64(o, "block", &block))
		buf_addf(out, ", block %" PRId64, block);
	if (json_str(o, "by"))
		buf_addf(out, ", by %s", json_str(o, "by"));
	if (json_str(o, "in_doubt"))
		buf_add_str(out, ", in doubt: its chain stands still");
	if (json_i64(o, "missed", &depth))
		buf_add_str(out, ", but no node is known to have it now");
	buf_add_byte(out, '\n');
	json_decref(o);
}

/* On which chains it is, or is looked for; and what that means. */
static void chains_add(const struct loop *l, const struct bot_asked *q, struct buf *out)
{
	struct tracked found[TRACKING_CHAINS_MAX];
	struct hash hash;
	size_t n, guesses = 0, live = 0, open = 0, there = 0;

	if (!track_hash(&hash, q->hash))
		return;
	n = track_find(l->journal, &hash, found, TRACKING_CHAINS_MAX);
	for (size_t i = 0; i < n; i++) {
		guesses += found[i].guess && !track_ended(&found[i]);
		live += !found[i].guess && found[i].state != TRACKED_UNTRACKED;
		open += !found[i].guess && !track_ended(&found[i]);
		there += track_there(&found[i]);
	}
	for (size_t i = 0; i < n; i++)
		if (!live || found[i].state != TRACKED_UNTRACKED)
			where_add(l, &found[i], out);
	if (guesses > 1 && !live)
		buf_addf(out,
		    "It was found on no chain yet: it is looked for on these %zu, until "
		    "a block of one has it.",
		    guesses);
	else if (there > 1 || open > 1)
		buf_addf(out,
		    "It is %s %zu chains, and each is told by itself; for one alone: "
		    "/untrack HASH, then /track HASH CHAIN.",
		    there > 1 ? "on" : "looked for on", there > 1 ? there : open);
	if (!n)
		buf_addf(out, "Nobody follows it. To begin: /track %s", q->hash);
}

static void now_add(const struct loop *l, const struct bot_asked *q,
    const struct told *told, struct buf *out)
{
	const char *at = told->unreached;

	buf_addf(out, "You hear of %s from now on.\n", q->hash);
	chains_add(l, q, out);
	while (*at) {
		int len = (int)strcspn(at, "\n");

		buf_addf(out,
		    "\nOn %.*s it is not looked for: no node of it answers. Later: "
		    "/track HASH %.*s",
		    len, at, len, at);
		at += len + (at[len] != '\0');
	}
}

static void face_track(void *ctx, struct runner *r, const struct bot_asked *q,
    struct buf *out, bool *ret_table)
{
	const struct loop *l = ctx;
	struct told told;

	(void)ret_table;
	if (!words_are_good(l, q, out))
		return;
	if (is_full(l, q))
		buf_addf(
		    out, "You follow %d already; /untrack one of them.", FOLLOWED_MAX);
	else if (change(l, r, q, tracking_add, &told, out))
		now_add(l, q, &told, out);
}

static bool hears(const struct loop *l, const struct bot_asked *q)
{
	struct tracked found[TRACKING_CHAINS_MAX];
	struct hash hash;
	size_t n;

	if (!track_hash(&hash, q->hash))
		return false;
	n = track_find(l->journal, &hash, found, TRACKING_CHAINS_MAX);
	for (size_t i = 0; i < n; i++) {
		struct sql_followed_one_in in = { .subject = found[i].id,
			.subscriber = q->subscriber };
		struct sql_followed_one_out row;

		if (sql_followed_one_one(l->journal, &in, &row))
			return true;
	}
	return false;
}

static void face_untrack(void *ctx, struct runner *r, const struct bot_asked *q,
    struct buf *out, bool *ret_table)
{
	const struct loop *l = ctx;
	struct told told;

	(void)ret_table;
	if (!words_are_good(l, q, out))
		return;
	if (!hears(l, q))
		buf_addf(out, "You do not follow %s.", q->hash);
	else if (change(l, r, q, tracking_drop, &told, out))
		buf_addf(out, "You hear no more of %s.", q->hash);
}

static void status_one(const struct loop *l, const struct bot_asked *q, struct buf *out)
{
	if (words_are_good(l, q, out))
		chains_add(l, q, out);
}

static void status_all(const struct loop *l, const struct bot_asked *q, struct buf *out)
{
	struct sql_followed_last_in in = { .subscriber = q->subscriber,
		.most = SHOWN_MAX + 1 };
	struct sql_followed_last_out row;
	int64_t ids[SHOWN_MAX + 1];
	int n = 0;

	sql_followed_last_begin(l->journal, &in);
	while (sql_followed_last_next(l->journal, &row))
		ids[n++] = row.subject;
	for (int i = 0; i < n && i < SHOWN_MAX; i++) {
		struct tracked t;

		if (!track_read(l->journal, ids[i], &t))
			continue;
		buf_add_str(out, "0x");
		buf_add_hex(out, t.hash.at, sizeof t.hash.at);
		buf_add_byte(out, '\n');
		where_add(l, &t, out);
	}
	if (n > SHOWN_MAX)
		buf_addf(out, "These are the last %d; /status HASH tells of others.",
		    SHOWN_MAX);
	if (!n)
		buf_add_str(out, "You follow nothing. To begin: /track HASH");
}

static void face_status(void *ctx, struct runner *r, const struct bot_asked *q,
    struct buf *out, bool *ret_table)
{
	(void)r;
	(void)ret_table;
	if (q->hash[0])
		status_one(ctx, q, out);
	else
		status_all(ctx, q, out);
}

/* quotes_text asks the nodes anew for who comes next. */
static void face_fees(void *ctx, struct runner *r, const struct bot_asked *q,
    struct buf *out, bool *ret_table)
{
	(void)ctx;
	*ret_table = true;
	if (!quotes_text(r, q->chain[0] ? q->chain : NULL, out))
		buf_addf(out, "There is no chain %.40s here.", q->chain);
}

static bool face_fees_known(void *ctx, struct runner *r, const char *chain)
{
	(void)ctx;
	return quotes_fresh(r, chain[0] ? chain : NULL);
}

void bot_face_lend(struct loop *l)
{
	const struct telegram_config *t = &l->cli->config->tell.telegram;
	const struct bot_rules rules = { .allow = t->allow.at,
		.allow_n = t->allow.n,
		.anyone = t->allow.anyone,
		.max_users = (int)t->max_users };
	const struct bot_face face = { .ctx = l,
		.track = face_track,
		.untrack = face_untrack,
		.status = face_status,
		.fees = face_fees,
		.fees_known = face_fees_known };

	tell_lend(l->tell, &rules, &face);
}
