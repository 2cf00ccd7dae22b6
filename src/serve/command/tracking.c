#include "serve/command/tracking.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "journal/sql.gen.h"
#include "serve/command/hearer.h"
#include "tell/channel/channel.h"

#define FOUND_MAX TRACKING_CHAINS_MAX
/* That a node may take until its first answer, if it does not fail before. */
#define SILENCE_MS 10000

/* A line. */
struct wish {
	bool has_hash;
	struct hash hash;
	const char *chain, *label, *operation; /* borrowed from its JSON; or NULL */
	int64_t row, confirmations;            /* 0: not said */
	const json_t *notify;                  /* an array, or NULL */
};

/* -- a line ---------------------------------------------------------------- */

static enum err text_read(
    const char **ret, const json_t *o, const char *key, size_t max, struct fail *f)
{
	const json_t *value = json_object_get(o, key);
	const char *text = json_string_value(value);

	*ret = text;
	if (!value ||
	    (text && *text && strlen(text) == json_string_length(value) &&
		strlen(text) < max))
		return ERR_OK;
	return fail_set(f, ERR_USAGE, "%s: no text of 1 to %zu bytes", key, max - 1);
}

static enum err number_read(
    int64_t *ret, const json_t *o, const char *key, int64_t max, struct fail *f)
{
	*ret = 0;
	if (!json_object_get(o, key) ||
	    (json_i64(o, key, ret) && *ret > 0 && *ret <= max))
		return ERR_OK;
	return fail_set(
	    f, ERR_USAGE, "%s: no whole number from 1 to %lld", key, (long long)max);
}

static bool members_known(const json_t *o)
{
	static const char *const names[] = { "hash", "chain", "label", "operation", "row",
		"confirmations", "notify" };
	size_t known = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		known += json_object_get(o, names[i]) != NULL;
	return json_is_object(o) && json_object_size(o) == known;
}

static enum err members_read(struct wish *w, const json_t *o, struct fail *f)
{
	const char *hash;
	enum err e = text_read(&hash, o, "hash", 67, f);

	if (e == ERR_OK && hash && !hex_parse_0x(w->hash.at, sizeof w->hash.at, hash))
		e = fail_set(f, ERR_USAGE,
		    "hash: %.20s.. is none of a transaction: 0x and 64 digits", hash);
	w->has_hash = e == ERR_OK && hash;
	if (e == ERR_OK)
		e = text_read(&w->chain, o, "chain", 64, f);
	if (e == ERR_OK)
		e = text_read(&w->label, o, "label", TRACKING_LABEL_MAX + 1, f);
	if (e == ERR_OK)
		e = text_read(&w->operation, o, "operation", OPERATION_NAME_MAX, f);
	if (e == ERR_OK)
		e = number_read(&w->row, o, "row", INT64_MAX, f);
	if (e == ERR_OK)
		e = number_read(
		    &w->confirmations, o, "confirmations", TRACK_CONFIRMATIONS_MAX, f);
	return e;
}

static enum err wish_read(struct wish *w, const json_t *o, struct fail *f)
{
	enum err e;

	*w = (struct wish){ .notify = json_object_get(o, "notify") };
	if (!members_known(o))
		return fail_set(
		    f, ERR_USAGE, "it has a member that is not known, or none");
	e = members_read(w, o, f);
	if (e == ERR_OK && w->notify && !json_is_array(w->notify))
		e = fail_set(f, ERR_USAGE, "notify: no array");
	if (e == ERR_OK && w->label && !json_array_size(w->notify))
		e = fail_set(f, ERR_USAGE,
		    "label: it is what messages call it: say with notify who gets them");
	return e;
}

typedef enum err wish_fn(void *ctx, const struct wish *w, struct fail *f);

static enum err lines_each(
    const struct request *q, wish_fn *each, void *ctx, struct fail *f)
{
	const char *at = q->lines, *end = at + q->lines_len;
	long long line = 0;
	bool any = false;
	enum err e = ERR_OK;

	while (at < end && e == ERR_OK) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = stop ? (size_t)(stop - at) : (size_t)(end - at);
		json_t *o = len ? json_read(at, len, f) : NULL;
		struct wish w;

		line++;
		any |= len > 0;
		if (len)
			e = o ? wish_read(&w, o, f) : ERR_USAGE;
		if (len && e == ERR_OK)
			e = each(ctx, &w, f);
		else if (e != ERR_OK && (line > 1 || (stop && stop + 1 < end)))
			(void)fail_wrap(f, e, "line %lld", line);
		json_decref(o);
		at += len + 1;
	}
	if (e == ERR_OK && !any)
		e = fail_set(f, ERR_USAGE, "there is nothing to follow: a line each");
	return e;
}

/* -- chains ---------------------------------------------------------------- */

static enum err chain_at(const struct command_at *at, int number,
    const struct chain_config **ret, struct fail *f)
{
	if (!at->face->chain_at)
		return fail_set(f, ERR_NOT_FOUND, "there are no chains");
	return at->face->chain_at(at->face->ctx, number, ret, f);
}

static struct chain_run *run_of(
    const struct command_at *at, const struct chain_config *config)
{
	return at->runner ? runner_chain(at->runner, config->name) : NULL;
}

/* The journal's row: the runner's, else the only one that there is of this id. */
static int64_t chain_row(const struct command_at *at, const struct chain_config *config)
{
	struct chain_run *c = run_of(at, config);
	struct sql_chain_of_id_in in = { .chain_id = (int64_t)config->chain_id };
	struct sql_chain_of_id_out row;
	int64_t id = 0;
	int n = 0;

	if (c && c->id)
		return c->id;
	sql_chain_of_id_begin(at->journal, &in);
	while (sql_chain_of_id_next(at->journal, &row)) {
		id = row.id;
		n++;
	}
	return n == 1 ? id : 0;
}

/* Each of its nodes failed to answer, or serves another chain. */
static bool all_failed(const struct chain_run *c)
{
	bool failed = true;

	for (int i = 0; i < pool_size(c->pool); i++)
		failed &= pool_node(c->pool, i)->off ||
		    pool_node(c->pool, i)->failures_in_a_row > 0 ||
		    follower_stranger(c->follower, i);
	return failed;
}

/* Or it was asked long enough. */
static bool is_silent(const struct command_at *at, const struct chain_config *config)
{
	struct chain_run *c = run_of(at, config);

	if (!c || MUTANT(unreached_holds_all_up))
		return false;
	return all_failed(c) || world_now_ms(at->world) - c->begun_ms >= SILENCE_MS;
}

/* false: there is no room for more. */
static bool unreached_add(struct told *told, const char *name)
{
	char line[80];
	size_t len = strlen(told->unreached);

	snprintf(line, sizeof line, "%s\n", name);
	if (strstr(told->unreached, line))
		return true;
	if (len + strlen(line) >= sizeof told->unreached)
		return false;
	memcpy(told->unreached + len, line, strlen(line) + 1);
	return true;
}

struct places {
	int n;
	const struct chain_config *config[TRACKING_CHAINS_MAX];
	int64_t chain[TRACKING_CHAINS_MAX];
};

/* To be asked again, but where nodes serve another chain, and no other answers. */
static enum err unknown_yet(
    const struct command_at *at, const struct chain_config *config, struct fail *f)
{
	struct chain_run *c = run_of(at, config);
	char words[400] = "";
	size_t len = 0;

	for (int i = 0; c && i < pool_size(c->pool) && len < sizeof words; i++) {
		const char *serves = follower_stranger(c->follower, i);

		if (serves && !pool_node(c->pool, i)->off)
			len += (size_t)snprintf(words + len, sizeof words - len,
			    "%s%s: it %s", len ? "; " : "", pool_node(c->pool, i)->name,
			    serves);
	}
	if (len && all_failed(c) && !MUTANT(stranger_is_waited_for))
		return fail_set(f, ERR_WRONG_CHAIN, "chain %s: %s", config->name, words);
	return fail_set(f, ERR_NO_QUORUM,
	    "the nodes of chain %s have not said which one it is; see: pawl doctor%s%s",
	    config->name, len ? "; " : "", words);
}

/* Their rows. Those that were never reached hold up no others, unless one is named. */
static enum err places_known(const struct command_at *at, const struct wish *w,
    struct places *p, struct told *told, struct fail *f)
{
	int known = 0;

	for (int i = 0; i < p->n; i++) {
		int64_t chain = chain_row(at, p->config[i]);

		if (!chain &&
		    (w->chain || !is_silent(at, p->config[i]) ||
			!unreached_add(told, p->config[i]->name)))
			return unknown_yet(at, p->config[i], f);
		p->config[known] = p->config[i];
		p->chain[known] = chain;
		known += chain != 0;
	}
	if (p->n && !known)
		return unknown_yet(at, p->config[0], f);
	p->n = known;
	return ERR_OK;
}

static enum err places_find(const struct command_at *at, const struct wish *w,
    struct places *ret, struct told *told, struct fail *f)
{
	const struct chain_config *config;
	enum err e = ERR_OK;

	ret->n = 0;
	if (w->chain) {
		ret->n = 1;
		e = at->face->chain_named(at->face->ctx, w->chain, &ret->config[0], f);
		if (e == ERR_OK)
			e = chain_tracks(ret->config[0], f);
	}
	for (int i = 0; !w->chain && ret->n < TRACKING_CHAINS_MAX &&
	     chain_at(at, i, &config, NULL) == ERR_OK;
	     i++)
		if (chain_tracks(config, NULL) == ERR_OK)
			ret->config[ret->n++] = config;
	if (e == ERR_OK && !ret->n)
		e = fail_set(f, ERR_CONFIG,
		    "the config names no chain on which transactions are followed; what "
		    "one takes: pawl help config");
	return e == ERR_OK ? places_known(at, w, ret, told, f) : e;
}

static enum err prepare_one(void *ctx, const struct wish *w, struct fail *f)
{
	const struct command_at *at = ctx;
	const struct chain_config *config;

	if (w->chain) {
		if (at->face->chain_named(at->face->ctx, w->chain, &config, f) ==
			ERR_OK &&
		    chain_tracks(config, NULL) == ERR_OK)
			(void)command_chain(at->runner, config);
		return ERR_OK;
	}
	for (int i = 0;
	     i < TRACKING_CHAINS_MAX && chain_at(at, i, &config, NULL) == ERR_OK; i++)
		if (chain_tracks(config, NULL) == ERR_OK)
			(void)command_chain(at->runner, config);
	return ERR_OK;
}

void tracking_prepare(const struct command_at *at, const struct request *q)
{
	struct command_at *with = (struct command_at *)(uintptr_t)at;

	(void)!lines_each(q, prepare_one, with, NULL);
}

/* -- what is followed ------------------------------------------------------ */

/* The transaction of a row: the newest attempt of its intent. */
static enum err row_find(const struct command_at *at, const struct wish *w,
    struct track_wish *ret, struct fail *f)
{
	struct operation o;
	struct sql_item_get_in get = { .row = w->row };
	struct sql_item_get_out item;
	struct sql_attempt_newest_in in;
	struct sql_attempt_newest_out attempt;
	enum err e = command_operation(at->journal, w->operation, &o, f);

	if (e != ERR_OK)
		return e;
	get.operation = o.id;
	if (!sql_item_get_one(at->journal, &get, &item))
		return fail_set(
		    f, ERR_NOT_FOUND, "%s has no row %lld", o.name, (long long)w->row);
	if (item.state == ITEM_FINAL || item.state == ITEM_VOID ||
	    item.state == ITEM_REFUNDED)
		return fail_set(f, ERR_CONFLICT,
		    "row %lld of %s is %s: nothing more comes of it; see: pawl explain "
		    "%s %lld",
		    (long long)w->row, o.name, state_name(MACHINE_ITEM, (int)item.state),
		    o.name, (long long)w->row);
	in.intent = item.no_intent ? 0 : item.intent;
	if (item.no_intent || !sql_attempt_newest_one(at->journal, &in, &attempt))
		return fail_set(f, ERR_CONFLICT,
		    "row %lld of %s is %s, and has no transaction yet; what becomes of "
		    "the whole list is told to: pawl airdrop run --notify",
		    (long long)w->row, o.name, state_name(MACHINE_ITEM, (int)item.state));
	ret->chain = o.chain;
	ret->intent = item.intent;
	memcpy(ret->hash.at, attempt.hash, sizeof ret->hash.at);
	return ERR_OK;
}

/* CHANNEL and TARGET of each, checked. */
typedef enum err hearer_fn(
    void *ctx, const char *channel, const char *target, struct fail *f);

static enum err hearers_each(
    const struct wish *w, hearer_fn *each, void *ctx, struct fail *f)
{
	const json_t *one;
	size_t i;
	enum err e = ERR_OK;

	json_array_foreach(w->notify, i, one)
	{
		const char *text = json_string_value(one), *target;
		const struct channel *channel;

		if (!text)
			e = fail_set(f, ERR_USAGE, "notify: no text");
		if (e == ERR_OK)
			e = channel_parse(&channel, &target, text, f);
		if (e == ERR_OK)
			e = each(ctx, channel->name, target, f);
		if (e != ERR_OK)
			break;
	}
	return e;
}

struct adding {
	const struct command_at *at;
	struct told *told;
	int64_t row; /* that is heard of */
	struct hearing how;
};

static enum err hearer_add(
    void *ctx, const char *channel, const char *target, struct fail *f)
{
	struct adding *a = ctx;
	const struct subject of = { .kind = SUBJECT_HASH, .id = a->row };
	const struct serve_face *face = a->at->face;
	enum err e = face->channel_ready
	    ? face->channel_ready(face->ctx, channel, target, f)
	    : fail_set(f, ERR_CONFIG, "messages can't leave from here");
	int64_t id;

	if (e != ERR_OK)
		return e;
	id = message_hear(a->at->journal, channel, target, &of, &a->how);
	if (!id)
		return fail_set(f, ERR_DISK_FULL, "the disk is full");
	track_retell(a->at->journal, a->row, id, world_wall_ms(a->at->world));
	if (a->at->runner)
		a->at->runner->noted = true;
	return ERR_OK;
}

/* It is called confirmed by a smaller number, and stays so: who wants more without being
 * told of it would see the same. */
static enum err too_late(const struct tracked *t, const struct wish *w, struct fail *f)
{
	if (t->state != TRACKED_CONFIRMED || json_array_size(w->notify) ||
	    w->confirmations <= (int64_t)t->confirmations ||
	    MUTANT(stricter_is_told_the_same))
		return ERR_OK;
	return fail_set(f, ERR_CONFLICT,
	    "confirmations: it is confirmed already, by the %" PRIu32
	    " that were asked for before, and %lld can't be waited for any more; who is "
	    "named by notify hears of it by his own number, and without one it ends when "
	    "it is final",
	    t->confirmations, (long long)w->confirmations);
}

static enum err add_at(struct adding *a, const struct wish *w, struct track_wish *wish,
    const struct chain_config *config, struct fail *f)
{
	struct tracked before[FOUND_MAX];
	size_t n = track_find(a->at->journal, &wish->hash, before, FOUND_MAX);
	bool known = false;
	enum err e = ERR_OK;

	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		if (before[i].chain != wish->chain)
			continue;
		known = true;
		e = too_late(&before[i], w, f);
	}
	if (e != ERR_OK)
		return e;
	wish->confirmations =
	    (uint32_t)(w->confirmations ? w->confirmations : config->confirmations);
	a->row = track_add(a->at->journal, wish, world_wall_ms(a->at->world));
	a->how = (struct hearing){ .label = w->label,
		.number = w->confirmations,
		.usual = config->confirmations };
	if (!a->row)
		return fail_set(f, ERR_DISK_FULL, "the disk is full");
	a->told->fresh += !known;
	return hearers_each(w, hearer_add, a, f);
}

/* A hash that is found on one chain already is looked for nowhere else. */
static bool narrow(const struct command_at *at, const struct wish *w, struct places *p)
{
	struct tracked found[FOUND_MAX];
	size_t n = w->chain ? 0 : track_find(at->journal, &w->hash, found, FOUND_MAX);
	int kept = 0;

	for (int i = 0; i < p->n; i++)
		for (size_t k = 0; k < n; k++)
			if (found[k].chain == p->chain[i] && !found[k].guess &&
			    found[k].state != TRACKED_UNTRACKED &&
			    found[k].state != TRACKED_EXPIRED) {
				p->chain[kept] = p->chain[i];
				p->config[kept++] = p->config[i];
				break;
			}
	if (kept)
		p->n = kept;
	return kept > 0;
}

static enum err add_one(void *ctx, const struct wish *w, struct fail *f)
{
	struct adding *a = ctx;
	struct track_wish wish = { .hash = w->hash };
	struct places places = { .n = 1 };
	size_t mark = strlen(a->told->unreached);
	enum err e;

	if (w->has_hash == (w->operation && w->row))
		return fail_set(f, ERR_USAGE,
		    "it names a hash, or an operation and its row, and not both");
	if (w->operation) {
		e = row_find(a->at, w, &wish, f);
		if (e == ERR_OK)
			e = a->at->face->chain(a->at->face->ctx, a->at->journal,
			    wish.chain, &places.config[0], f);
		places.chain[0] = wish.chain;
	} else {
		e = places_find(a->at, w, &places, a->told, f);
	}
	if (e == ERR_OK && !w->operation && narrow(a->at, w, &places))
		a->told->unreached[mark] = '\0';
	wish.guess = places.n > 1;
	for (int i = 0; i < places.n && e == ERR_OK; i++) {
		wish.chain = places.chain[i];
		e = add_at(a, w, &wish, places.config[i], f);
	}
	a->told->tracked++;
	return e;
}

enum err tracking_add(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	struct adding a = { .at = at, .told = ret };

	return lines_each(q, add_one, &a, f);
}

/* -- what is not ----------------------------------------------------------- */

static enum err drop_row(
    struct adding *a, const struct wish *w, int64_t row, struct fail *f)
{
	const struct subject of = { .kind = SUBJECT_HASH, .id = row };

	if (w->notify)
		return hearers_drop(a->at->journal, w->notify, &of, &a->told->moved, f);
	a->told->moved |= track_drop(a->at->journal, row, world_wall_ms(a->at->world));
	return ERR_OK;
}

/* They hear of nothing any more. */
static enum err drop_all(struct adding *a, const struct wish *w, struct fail *f)
{
	enum err e;

	if (!json_array_size(w->notify) || w->operation || w->chain)
		return fail_set(f, ERR_USAGE,
		    "it names no hash; without one, only who is told no more is said");
	e = hearers_drop(a->at->journal, w->notify, NULL, &a->told->moved, f);
	if (e == ERR_OK && !a->told->moved)
		e = fail_set(f, ERR_NOT_FOUND,
		    "none of these hears of anything; who does: pawl status OPERATION "
		    "or HASH");
	return e;
}

static enum err drop_one(void *ctx, const struct wish *w, struct fail *f)
{
	struct adding *a = ctx;
	struct tracked found[FOUND_MAX];
	const struct chain_config *config = NULL;
	struct sql_chain_get_out chain;
	size_t n = track_find(a->at->journal, &w->hash, found, FOUND_MAX), dropped = 0;
	enum err e = ERR_OK;

	if (!w->has_hash)
		return drop_all(a, w, f);
	if (w->chain)
		e = a->at->face->chain_named(a->at->face->ctx, w->chain, &config, f);
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		struct sql_chain_get_in get = { .id = found[i].chain };

		if (config &&
		    (!sql_chain_get_one(a->at->journal, &get, &chain) ||
			(uint64_t)chain.chain_id != config->chain_id))
			continue;
		e = drop_row(a, w, found[i].id, f);
		dropped++;
	}
	if (e == ERR_OK && !dropped)
		e = fail_set(f, ERR_NOT_FOUND, "nobody follows this hash%s%s",
		    w->chain ? " on chain " : "", w->chain ? w->chain : "");
	if (e == ERR_OK && w->notify && !a->told->moved)
		e = fail_set(f, ERR_NOT_FOUND,
		    "none of these hears of it; who does: pawl status HASH");
	a->told->tracked += dropped > 0;
	return e;
}

enum err tracking_drop(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	struct adding a = { .at = at, .told = ret };

	return lines_each(q, drop_one, &a, f);
}
