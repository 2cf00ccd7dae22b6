#include "serve/command/command.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "engine/account.h"
#include "engine/message.h"
#include "engine/operation.h"
#include "engine/recount.h"
#include "engine/retry.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"
#include "kinds/airdrop/airdrop.h"
#include "kinds/fence/fence.h"
#include "serve/command/changes.h"
#include "serve/command/endpoint.h"
#include "serve/command/hand.h"
#include "serve/command/resume.h"
#include "serve/command/suspect.h"
#include "serve/command/tracking.h"
#include "tell/channel/channel.h"
#include "tell/subscriber/backlog.h"

static enum err no_key(
    void *ctx, const char *name, const struct secret **ret, struct fail *f)
{
	(void)ctx;
	(void)name;
	(void)f;
	*ret = NULL;
	return ERR_OK;
}

const struct keyring_face command_no_keys = { .get = no_key };

struct chain_run *command_chain(struct runner *r, const struct chain_config *config)
{
	struct chain_run *c = runner_chain(r, config->name);

	if (!c)
		c = runner_chain_add(r, config);
	r->again = true;
	return c;
}

/* -- the operation --------------------------------------------------------- */

bool command_id(const char *word, int64_t *ret)
{
	int64_t id = 0;

	for (size_t i = 0; word[i]; i++) {
		if (word[i] < '0' || word[i] > '9' || i > 17)
			return false;
		id = id * 10 + (word[i] - '0');
	}
	*ret = id;
	return id > 0;
}

enum err command_operation(
    struct journal *j, const char *word, struct operation *ret, struct fail *f)
{
	struct sql_operation_by_name_in in = { .name = word };
	struct sql_operation_by_name_out found;
	int64_t id;

	if (utf8_valid(word, strlen(word)) && sql_operation_by_name_one(j, &in, &found) &&
	    operation_read(j, found.id, ret))
		return ERR_OK;
	if (command_id(word, &id) && operation_read(j, id, ret))
		return ERR_OK;
	return fail_set(f, ERR_NOT_FOUND, "there is no operation %.60s", word);
}

static bool waits_for_somebody(const struct operation *o)
{
	return o->state == OPERATION_NEEDS_OPERATOR || o->state == OPERATION_PAUSED;
}

bool command_fence(struct journal *j, int64_t account, struct operation *ret)
{
	struct sql_report_open_of_account_in in = { .account = account };
	struct sql_report_open_of_account_out row;
	struct operation o;
	bool found = false;

	sql_report_open_of_account_begin(j, &in);
	while (sql_report_open_of_account_next(j, &row)) {
		if (!operation_read(j, row.id, &o) ||
		    strcmp(o.kind_name, kind_fence.name) != 0 ||
		    (found && !waits_for_somebody(&o)))
			continue;
		*ret = o;
		found = true;
	}
	return found;
}

bool command_fence_stuck(struct journal *j, const struct operation *o, char *why,
    size_t size, struct operation *ret)
{
	if (!operation_wants_more(o) || !command_fence(j, o->account, ret) ||
	    ret->id == o->id)
		return false;
	if (ret->state == OPERATION_NEEDS_OPERATOR)
		snprintf(why, size, "%s: %s", ret->name, ret->waits_for);
	else if (ret->state == OPERATION_PAUSED)
		snprintf(why, size, "%s: it is paused; then: pawl resume %s", ret->name,
		    ret->name);
	else
		return false;
	return true;
}

/* -- what is asked of it --------------------------------------------------- */

enum err command_cap(
    struct amount *ret, const struct request *q, const struct account *a, struct fail *f)
{
	enum amount_fault fault =
	    amount_parse(ret, q->cap, strlen(q->cap), a->chain->connector->decimals);

	if (fault == AMOUNT_OK)
		return ERR_OK;
	return fail_set(
	    f, ERR_USAGE, "max_total_fee: %s: %s", q->cap, amount_fault_text(fault));
}

/* A plan that its own rows are not of is damage, and no other plan. */
static enum err other_plan(const struct hand *h, struct fail *f)
{
	const struct operation *o = h->operation;

	if (!MUTANT(other_plan_believed) &&
	    recount_plan(h->runner->s.journal, o->id, o->kind, f) != ERR_OK)
		operation_damaged(h->runner, o, f->why);
	return fail_set(f, ERR_CONFLICT, "%s is another plan already", o->name);
}

static enum err notify_one(
    const struct command_at *at, int64_t operation, const char *text, struct fail *f)
{
	const struct subject of = { .kind = SUBJECT_OPERATION, .id = operation };
	const struct channel *channel;
	const char *target;
	enum err e = channel_parse(&channel, &target, text, f);

	if (e == ERR_OK && !at->face->channel_ready)
		e = fail_set(f, ERR_CONFIG, "messages can't leave from here");
	if (e == ERR_OK)
		e = at->face->channel_ready(at->face->ctx, channel->name, target, f);
	if (e == ERR_OK &&
	    !message_subscribe(at->journal, channel->name, target, &of, NULL))
		e = fail_set(f, ERR_DISK_FULL, "the disk is full");
	return e;
}

enum err command_notify(
    const struct command_at *at, int64_t operation, const char *text, struct fail *f)
{
	struct operation *loaded =
	    at->runner ? runner_operation(at->runner, operation) : NULL;
	char line[REQUEST_TEXT_MAX];
	enum err e = ERR_OK;

	for (; *text && e == ERR_OK; text += strcspn(text, "\n") + 1) {
		snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
		e = notify_one(at, operation, line, f);
	}
	if (loaded)
		loaded->stuck_look_ms = 0;
	return e;
}

static enum err tell_all(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	const struct subject all = { .kind = SUBJECT_JOURNAL };
	json_t *facts = q->text[0] ? json_pack("{s:s}", "text", q->text) : NULL;
	bool noted;

	if (!facts)
		return fail_set(f, ERR_USAGE, "what is told is UTF-8, and not nothing");
	ret->subscribers = message_subscribers(at->journal, &ret->suspended);
	noted = message_note(
	    at->journal, &all, MILESTONE_TOLD, 0, world_wall_ms(at->world), facts);
	if (at->runner)
		at->runner->noted |= noted;
	return ERR_OK;
}

static enum err resume_notify(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	int64_t id;
	enum err e;

	if (!command_id(q->name, &id))
		return fail_set(f, ERR_NOT_FOUND,
		    "notify: is followed by the number of a subscriber; see: pawl status "
		    "OPERATION");
	e = backlog_resume(at->journal, id, &ret->moved, f);
	if (at->runner)
		at->runner->noted = true;
	return e;
}

/* Its owner moves it on from now: the key must be one that he can use. */
static enum err run(const struct command_at *at, const struct request *q, struct hand *h,
    struct told *ret, struct fail *f)
{
	struct operation *o = h->operation;
	struct airdrop_facts a;
	struct amount cap;
	enum err e;

	if (!q->has_plan || memcmp(q->plan, o->plan, sizeof o->plan) != 0 ||
	    !airdrop_read(at->journal, o->id, &a))
		return other_plan(h, f);
	e = at->face->key_usable(
	    at->face->ctx, h->account->key_name, &h->account->address, f);
	if (e == ERR_OK && q->cap[0])
		e = command_cap(&cap, q, h->account, f);
	if (e == ERR_OK)
		e = command_notify(at, o->id, q->text, f);
	if (e == ERR_OK && q->cap[0])
		operation_cap(h->runner, o, &cap);
	ret->rows = o->items;
	ret->imported = a.imported;
	return e;
}

/* What still keeps it from going on. */
static void then_tell(struct told *ret, struct journal *j, const struct hand *h)
{
	const struct operation *o = h->operation;
	char next[SUSPECT_LINE_MAX] = "";

	if (h->account->stopped)
		suspects_next(j, h->account->id, next);
	if (next[0])
		snprintf(ret->then, sizeof ret->then, "%s", next);
	else if (o->state == OPERATION_NEEDS_OPERATOR || o->state == OPERATION_PAUSED)
		snprintf(ret->then, sizeof ret->then, "pawl resume %s", o->name);
	else if (h->account->stopped)
		snprintf(ret->then, sizeof ret->then, "pawl resume key:%s",
		    h->account->key_name);
}

/* Rows of a list that is not read to its end are dropped when it is read again. */
static enum err repair(const struct command_at *at, const struct request *q,
    struct hand *h, struct told *ret, struct fail *f)
{
	struct operation *o = h->operation;
	struct airdrop_facts a;
	struct hash hash;
	enum err e;

	if (!q->has_row || q->repair == REPAIR_NOT ||
	    q->has_hash != (q->repair == REPAIR_ADOPT))
		return fail_set(f, ERR_USAGE,
		    "a repair needs row, do, and to adopt, and only then, hash");
	if (!airdrop_read(at->journal, o->id, &a))
		return fail_set(f, ERR_CONFLICT, "%s has no rows", o->name);
	if (a.imported < o->items)
		return fail_set(f, ERR_CONFLICT,
		    "the list of %s is not read to its end: run the same command again",
		    o->name);
	memcpy(hash.at, q->hash, sizeof hash.at);
	if (q->repair == REPAIR_ADOPT)
		e = repair_adopt(h->runner, o, q->row, &hash, ret->checked, f);
	else if (q->repair == REPAIR_SKIP)
		e = repair_skip(h->runner, o, q->row, ret->checked, f);
	else
		e = repair_release(h->runner, o, q->row, ret->checked, f);
	if (e == ERR_OK)
		then_tell(ret, at->journal, h);
	return e;
}

static enum err operation_do(const struct command_at *at, const struct request *q,
    struct hand *h, struct told *ret, struct fail *f)
{
	struct operation *o = h->operation;
	int64_t before = o->by_state[ITEM_VOID].n;
	struct archived archived;
	enum err e;

	ret->moved = o->state !=
	    (q->route == ROUTE_CANCEL ? OPERATION_CANCELLED : OPERATION_PAUSED);
	if (q->route == ROUTE_PAUSE)
		return operation_pause(h->runner, o, f);
	if (q->route == ROUTE_CANCEL)
		return operation_cancel(h->runner, o, q->now, f);
	if (q->route == ROUTE_RESUME)
		return resume_operation(at, q, h->runner, o, ret, f);
	if (q->route == ROUTE_RUN)
		return run(at, q, h, ret, f);
	if (archive_of(at->journal, o->id, &archived))
		return fail_set(f, ERR_CONFLICT,
		    "the rows of %s are archived (%s), and are not moved any more; to"
		    " pay what it did not: pawl export %s --unpaid > rest.csv, and run"
		    " that",
		    o->name, archived.file, o->name);
	if (q->route == ROUTE_REPAIR)
		return repair(at, q, h, ret, f);
	CHECK(q->route == ROUTE_RETRY);
	e = q->has_row ? operation_retry_row(h->runner, o, q->row, q->yes, f)
		       : operation_retry(h->runner, o, q->yes, f);
	ret->retried = before - o->by_state[ITEM_VOID].n;
	return e;
}

/* What is adopted is read from the nodes: only who takes turns can. */
static enum err follows(
    const struct command_at *at, const struct operation *o, struct fail *f)
{
	if (at->runner && runner_operation(at->runner, o->id))
		return ERR_OK;
	return fail_set(f, ERR_NO_QUORUM, "the nodes do not answer; see: pawl doctor");
}

static void operation_prepare(const struct command_at *at, const struct request *q)
{
	const struct chain_config *chain;
	struct operation o;
	bool wanted = q->route == ROUTE_RESUME || q->repair == REPAIR_ADOPT;

	if (command_operation(at->journal, q->name, &o, NULL) != ERR_OK)
		return;
	if (runner_chain_by_id(at->runner, o.chain))
		(void)operation_load(at->runner, o.id);
	if (!wanted ||
	    at->face->chain(at->face->ctx, at->journal, o.chain, &chain, NULL) != ERR_OK)
		return;
	if (q->route == ROUTE_RESUME)
		resume_prepare(at, chain);
	else
		(void)command_chain(at->runner, chain);
}

void command_prepare(const struct command_at *at, const struct request *q)
{
	const struct serve_face *face = at->face;
	const struct chain_config *chain;

	if (!at->runner || q->route == ROUTE_RESUME_KEY || q->route == ROUTE_TELL ||
	    q->route == ROUTE_RESUME_NOTIFY || q->route == ROUTE_UNTRACK ||
	    q->route == ROUTE_NODE_CHANGES || request_of_endpoint(q->route))
		return;
	if (q->route == ROUTE_TRACK)
		tracking_prepare(at, q);
	else if (q->route != ROUTE_RESUME_CHAIN)
		operation_prepare(at, q);
	else if (face->chain_named(face->ctx, q->name, &chain, NULL) == ERR_OK)
		resume_prepare(at, chain);
}

static enum err of_operation(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	struct hand h = { .runner = NULL };
	struct operation read;
	enum err e = command_operation(at->journal, q->name, &read, f);

	if (e == ERR_OK && q->repair == REPAIR_ADOPT)
		e = follows(at, &read, f);
	if (e == ERR_OK)
		e = hand_take(&h, at, &read, f);
	if (e == ERR_OK)
		e = operation_do(at, q, &h, ret, f);
	if (e == ERR_OK) {
		ret->operation = h.operation->id;
		ret->state = h.operation->state;
		snprintf(ret->name, sizeof ret->name, "%s", h.operation->name);
	}
	hand_release(&h, e == ERR_OK);
	return e;
}

enum err command_do(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f)
{
	*ret = (struct told){ .operation = 0 };
	if (q->route == ROUTE_RESUME_CHAIN)
		return resume_stopped_chain(at, q, ret, f);
	if (q->route == ROUTE_RESUME_KEY)
		return resume_key(at, q, ret, f);
	if (q->route == ROUTE_TELL)
		return tell_all(at, q, ret, f);
	if (q->route == ROUTE_RESUME_NOTIFY)
		return resume_notify(at, q, ret, f);
	if (request_of_endpoint(q->route))
		return endpoint_do(at, q, ret, f);
	if (q->route == ROUTE_TRACK)
		return tracking_add(at, q, ret, f);
	if (q->route == ROUTE_UNTRACK)
		return tracking_drop(at, q, ret, f);
	if (q->route == ROUTE_NODE_CHANGES)
		return changes_do(at, q, ret, f);
	return of_operation(at, q, ret, f);
}

enum err command_whole(const struct command_at *at, const struct request *q,
    request_fn *do_it, void *ctx, struct fail *f)
{
	size_t mark = outbox_mark(at->runner->outbox);
	enum err e;

	if (q->route != ROUTE_CREATE && q->route != ROUTE_ROWS &&
	    q->route != ROUTE_SUBMIT)
		command_prepare(at, q);
	journal_save(at->journal);
	e = do_it(ctx, at, f);
	if (e == ERR_OK || MUTANT(refused_keeps_rows))
		journal_save_keep(at->journal);
	else
		journal_save_drop(at->journal);
	if (e != ERR_OK)
		outbox_truncate(at->runner->outbox, mark);
	at->runner->again |= e == ERR_OK;
	return e;
}
