/* track, untrack: what is followed, and who hears of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "cli/command/track_tail.h"
#include "cli/config/ref.h"
#include "cli/owner/own.h"
#include "cli/report/report.h"
#include "cli/report/track.h"
#include "codec/json.h"
#include "serve/command/tracking.h"
#include "serve/watch/wire.h"

/* Of one request, which is one turn of its owner: others wait for so long. What a
 * database does to be able to take a turn back grows faster than the turn. */
#define PART_MAX ((size_t)96 * 1024)
#define HASHES_MAX 10000000
#define LOOK_MS 500

/* Of the hashes that are waited for. */
struct ends {
	size_t open, bad;
};

struct asked {
	struct cli *cli;
	enum route route;
	json_t *base; /* what all lines have */
	struct buf part;
	struct told all;
	struct hash *hashes; /* that are waited for */
	size_t hashes_n;
	struct track_tail tail;
	struct ends ends;
};

/* -- lines ----------------------------------------------------------------- */

static enum err part_send(struct asked *a, struct fail *f)
{
	struct request q = { .route = a->route };
	struct told t;
	enum err e;

	if (!a->part.len)
		return ERR_OK;
	CHECK(buf_ok(&a->part));
	q.lines = (const char *)a->part.data;
	q.lines_len = a->part.len;
	e = own_command(a->cli, &q, &t, f);
	buf_clear(&a->part);
	a->all.tracked += t.tracked;
	a->all.fresh += t.fresh;
	a->all.moved |= t.moved;
	if (t.unreached[0])
		memcpy(a->all.unreached, t.unreached, sizeof t.unreached);
	return e;
}

/* o is given away. */
static enum err line_add(struct asked *a, json_t *o, struct fail *f)
{
	CHECK(o && json_object_update(o, a->base) == 0);
	json_line_add(&a->part, o);
	return a->part.len > PART_MAX ? part_send(a, f) : ERR_OK;
}

static enum err hash_add(
    struct asked *a, const char *word, const char *where, struct fail *f)
{
	char shown[REF_SHOWN_MAX];
	struct hash hash;

	if (!track_hash(&hash, word))
		return fail_set(f, ERR_INPUT,
		    "%s%s is no hash of a transaction: 0x and 64 digits", where,
		    ref_shown(shown, word));
	if (a->hashes_n == HASHES_MAX)
		return fail_set(f, ERR_INPUT, "more than %d hashes", HASHES_MAX);
	if (a->route == ROUTE_TRACK && args_has(&a->cli->args, "--wait")) {
		a->hashes = mem_grow(a->hashes, a->hashes_n + 1, sizeof *a->hashes);
		a->hashes[a->hashes_n++] = hash;
	}
	return line_add(a, json_pack("{s:s}", "hash", word), f);
}

static enum err row_add(
    struct asked *a, const char *operation, const char *word, struct fail *f)
{
	int64_t row;
	enum err e = args_row(&row, word, f);

	if (e == ERR_OK && !row)
		e = fail_set(f, ERR_USAGE, "--of: a row is a number from 1 on");
	return e == ERR_OK
	    ? line_add(a,
		  json_pack("{s:s, s:I}", "operation", operation, "row", (json_int_t)row),
		  f)
	    : e;
}

/* A hash a line; what is empty or begins with # is passed over. Nobody asks for nothing:
 * what was to say them has failed. */
static enum err stdin_add(struct asked *a, struct fail *f)
{
	char line[256], where[40];
	enum err e = ERR_OK;
	bool any = false;

	for (long long n = 1; e == ERR_OK && fgets(line, sizeof line, stdin); n++) {
		char *at = line + strspn(line, " \t\r\n");
		size_t len = strlen(at);

		snprintf(where, sizeof where, "standard input:%lld: ", n);
		while (len && strchr(" \t\r\n", at[len - 1]))
			at[--len] = '\0';
		any |= len && *at != '#';
		if (len && *at != '#')
			e = hash_add(a, at, where, f);
	}
	if (e == ERR_OK && ferror(stdin))
		e = fail_set(f, ERR_SYSTEM, "standard input: %s", strerror(errno));
	if (e == ERR_OK && !any)
		e = fail_set(f, ERR_INPUT,
		    "standard input names no transaction: a hash a line, 0x and "
		    "64 digits");
	return e;
}

/* Nothing but what all lines have. */
static enum err bare_add(struct asked *a, struct fail *f)
{
	if (!a->cli->args.again_n || args_get(&a->cli->args, "--chain"))
		return fail_set(f, ERR_USAGE,
		    "pawl untrack HASH.., or --notify alone for who hears of nothing any "
		    "more");
	return line_add(a, json_object(), f);
}

/* It stands there before, perhaps with other letters. */
static bool word_again(const struct args *args, int at)
{
	struct hash hash, before;
	bool again = false;

	for (int i = 0; i < at; i++)
		again |= strcmp(args->words[i], args->words[at]) == 0 ||
		    (track_hash(&hash, args->words[at]) &&
			track_hash(&before, args->words[i]) &&
			memcmp(&hash, &before, sizeof hash) == 0);
	return again;
}

static enum err words_add(struct asked *a, const char *operation, struct fail *f)
{
	enum err e = a->cli->args.words_n ? ERR_OK : bare_add(a, f);

	for (int i = 0; i < a->cli->args.words_n && e == ERR_OK; i++) {
		const char *word = args_word(&a->cli->args, i);

		if (word_again(&a->cli->args, i))
			continue;
		if (operation)
			e = row_add(a, operation, word, f);
		else if (!strcmp(word, "-"))
			e = stdin_add(a, f);
		else
			e = hash_add(a, word, "", f);
	}
	return e == ERR_OK ? part_send(a, f) : e;
}

static enum err text_put(json_t *o, const char *key, const char *text, struct fail *f)
{
	json_t *value = text ? json_string(text) : NULL;

	if (text && !value)
		return fail_set(f, ERR_USAGE, "--%s: no UTF-8", key);
	if (value)
		CHECK(json_object_set_new(o, key, value) == 0);
	return ERR_OK;
}

static enum err base_make(struct asked *a, struct fail *f)
{
	const struct args *args = &a->cli->args;
	bool adds = a->route == ROUTE_TRACK;
	const char *number = adds ? args_get(args, "--confirmations") : NULL;
	char shown[REF_SHOWN_MAX];
	json_t *notify = args->again_n ? json_array() : NULL;
	enum err e = text_put(a->base, "chain", args_get(args, "--chain"), f);
	int64_t n;

	if (e == ERR_OK && adds)
		e = text_put(a->base, "label", args_get(args, "--label"), f);
	if (e == ERR_OK && adds && args_get(args, "--label") && !args->again_n)
		e = fail_set(f, ERR_USAGE,
		    "--label: it is what messages call it: say with --notify who gets "
		    "them");
	for (int i = 0; i < args->again_n && e == ERR_OK; i++)
		if (json_array_append_new(notify, json_string(args->again[i])))
			e = fail_set(f, ERR_USAGE, "--notify: no UTF-8");
	if (e == ERR_OK && notify)
		CHECK(json_object_set(a->base, "notify", notify) == 0);
	json_decref(notify);
	if (e != ERR_OK || !number)
		return e;
	if (args_row(&n, number, NULL) == ERR_OK && n > 0 &&
	    n <= TRACK_CONFIRMATIONS_MAX) {
		CHECK(json_object_set_new(
			  a->base, "confirmations", json_integer((json_int_t)n)) == 0);
		return ERR_OK;
	}
	return fail_set(f, ERR_USAGE,
	    "--confirmations is a whole number from 1 to %d, and not %s",
	    TRACK_CONFIRMATIONS_MAX, ref_shown(shown, number));
}

/* -- to the end ------------------------------------------------------------ */

/* Of a hash that is looked for on several chains one that ends is enough. */
static void ends_count(struct journal *j, struct asked *a)
{
	a->ends = (struct ends){ 0, 0 };
	for (size_t i = 0; i < a->hashes_n; i++) {
		struct tracked found[TRACKING_CHAINS_MAX];
		size_t n = track_find(j, &a->hashes[i], found, TRACKING_CHAINS_MAX);
		bool open = false, good = false;

		for (size_t k = 0; k < n; k++) {
			open |= !track_ended(&found[k]);
			good |= found[k].state == TRACKED_FINAL;
		}
		a->ends.open += open && !good;
		a->ends.bad += !open && !good;
	}
}

/* Somebody else follows them. */
static enum err wait_beside(void *ctx, struct client *client, struct fail *f)
{
	struct asked *a = ctx;
	struct world *w = client_world(client);
	struct journal *j;
	enum err e = report_open(a->cli, &j, f);

	if (e != ERR_OK)
		return e;
	for (;;) {
		track_tail_turn(&a->tail, a->cli, j);
		ends_count(j, a);
		if (!a->ends.open)
			break;
		world_wait(w, world_now_ms(w) + LOOK_MS);
		if (world_signalled(w)) {
			e = fail_set(f, ERR_STOPPED, "stopped; pawl serve follows them");
			break;
		}
	}
	journal_close(j);
	return e;
}

/* The others are followed by who serves: what is read of them here would be missed there.
 * They live as long as the config. */
static enum err chains_tracked(
    struct config *c, struct chain_config **ret, int *ret_n, struct fail *f)
{
	const struct chain_config *chain;
	enum err e = ERR_OK;

	*ret = arena_take(&c->memory, (size_t)c->chains_n * sizeof **ret);
	CHECK(*ret);
	*ret_n = 0;
	for (int i = 0; e == ERR_OK && i < c->chains_n; i++) {
		if (chain_tracks(&c->chains[i], NULL) != ERR_OK)
			continue;
		e = config_chain(c, c->chains[i].name, &chain, f);
		if (e == ERR_OK)
			(*ret)[(*ret_n)++] = *chain;
	}
	return e;
}

static enum err wait_here(void *ctx, struct loop *l, struct fail *f)
{
	struct asked *a = ctx;
	struct chain_config *chains;
	int n;
	enum err e = chains_tracked(a->cli->config, &chains, &n, f);

	if (e != ERR_OK)
		return e;
	loop_listen(l);
	loop_start(l, chains, n, LOOP_NONE);
	do {
		e = loop_step(l, LOOK_MS, f);
		track_tail_turn(&a->tail, a->cli, l->journal);
		ends_count(l->journal, a);
	} while (e == ERR_OK && a->ends.open);
	if (e == ERR_OK)
		loop_deliver(l, 0);
	return e;
}

static enum err wait_end(struct asked *a, struct fail *f)
{
	enum err e;

	track_tail_begin(&a->tail, a->hashes, a->hashes_n);
	e = own_do(a->cli,
	    &(struct deed){ .here = wait_here,
		.there = wait_beside,
		.ctx = a,
		.patience_ms = OWNER_PATIENCE_MS,
		.lasts = true },
	    f);
	track_tail_end(&a->tail);
	if (e == ERR_OK && a->ends.bad)
		e = fail_set(f, ERR_OPERATOR,
		    "%zu of %zu did not come to a good end; see: pawl status HASH",
		    a->ends.bad, a->hashes_n);
	return e;
}

/* One that is on several chains, or none yet, is said to be. */
static enum err where_it_is(struct cli *c, const char *word, struct fail *f)
{
	struct journal *j;
	enum err e = report_open(c, &j, f);

	if (e != ERR_OK)
		return e;
	e = track_status(c, j, word, f);
	journal_close(j);
	return e;
}

/* -- the commands ---------------------------------------------------------- */

static enum err ask(struct asked *a, struct cli *c, enum route route,
    const char *operation, struct fail *f)
{
	enum err e = cli_config(c, f);

	*a = (struct asked){ .cli = c, .route = route, .base = json_object() };
	CHECK(a->base);
	buf_init(&a->part, REQUEST_LINES_MAX);
	if (e == ERR_OK)
		e = base_make(a, f);
	return e == ERR_OK ? words_add(a, operation, f) : e;
}

static void asked_release(struct asked *a)
{
	json_decref(a->base);
	buf_release(&a->part);
	mem_free(a->hashes);
}

static void followed_tell(const struct asked *a, bool waits)
{
	const struct cli *c = a->cli;
	json_t *o;

	if (!c->args.json) {
		cli_say(c, "%" PRId64 " transaction%s followed%s", a->all.tracked,
		    a->all.tracked == 1 ? " is" : "s are",
		    waits ? "." : ": pawl serve does it; see: pawl status HASH");
		return;
	}
	o = json_pack("{s:I, s:I}", "tracked", (json_int_t)a->all.tracked, "fresh",
	    (json_int_t)a->all.fresh);
	if (a->all.unreached[0])
		CHECK(json_object_set_new(o, "unreached", wire_lines(a->all.unreached)) ==
		    0);
	cli_json(o);
}

/* Where it is not looked for, and what to type. Who hears of it may be a secret. */
static void unreached_tell(const struct asked *a)
{
	const struct args *args = &a->cli->args;
	const char *word = args->words_n == 1 ? args_word(args, 0) : "HASH..";

	for (const char *at = a->all.unreached; *at && !args->json;) {
		int len = (int)strcspn(at, "\n");

		cli_say(a->cli,
		    "On chain %.*s it is not looked for: none of its nodes ever answered "
		    "as one of it; "
		    "see: pawl doctor. When one does: pawl track %s --chain %.*s%s",
		    len, at, track_word(word) ? word : "HASH..", len, at,
		    args->again_n ? " --notify .." : "");
		at += len + (at[len] != '\0');
	}
}

enum err cmd_track(struct cli *c, struct fail *f)
{
	const char *operation = args_get(&c->args, "--of");
	bool waits = args_has(&c->args, "--wait");
	const char *word = args_word(&c->args, 0);
	struct asked a;
	enum err e;

	if (operation && waits)
		return fail_set(f, ERR_USAGE,
		    "--wait is for hashes: a run of the list itself stays to its end");
	e = ask(&a, c, ROUTE_TRACK, operation, f);
	if (e == ERR_OK)
		followed_tell(&a, waits);
	if (e == ERR_OK && !waits && !c->args.json && !operation &&
	    c->args.words_n == 1 && track_word(word))
		e = where_it_is(c, word, f);
	if (e == ERR_OK)
		unreached_tell(&a);
	if (e == ERR_OK && waits)
		e = wait_end(&a, f);
	asked_release(&a);
	return e;
}

enum err cmd_untrack(struct cli *c, struct fail *f)
{
	struct asked a;
	enum err e = ask(&a, c, ROUTE_UNTRACK, NULL, f);

	if (e == ERR_OK && c->args.json)
		cli_json(json_pack("{s:I, s:b}", "tracked", (json_int_t)a.all.tracked,
		    "moved", a.all.moved));
	else if (e == ERR_OK && !c->args.words_n)
		cli_say(c, "They hear of nothing any more.");
	else if (e == ERR_OK)
		cli_say(c, "%" PRId64 " transaction%s", a.all.tracked,
		    c->args.again_n   ? ": they do not hear of it any more"
			: a.all.moved ? ": not followed any more"
				      : ": not followed already");
	asked_release(&a);
	return e;
}
