#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/utf8.h"
#include "cli/config/scalar.h"
#include "cli/owner/loop.h"
#include "cli/report/report.h"
#include "engine/archiver.h"
#include "journal/archive.h"
#include "journal/sql.gen.h"

/* What was asked for: all that ended so long ago, or one, however young. */
struct asked {
	struct cli *cli;
	struct journal *journal;
	int64_t wall_ms;
	bool dry, has_age;
	int64_t age_ms;
	int64_t only; /* 0: all */
	int64_t n;    /* that were archived, or would be */
};

static enum err asked_read(struct asked *a, struct fail *f)
{
	const char *age = args_get(&a->cli->args, "--older-than");

	a->dry = args_has(&a->cli->args, "--dry-run");
	a->has_age = age != NULL;
	if (age && !duration_parse(age, &a->age_ms))
		return fail_set(f, ERR_USAGE,
		    "--older-than is a time such as 90s, 15m, 1h or 2d, not %.40s", age);
	return ERR_OK;
}

static int64_t keep_of(const struct asked *a, const char *kind)
{
	const struct retention_config *r = &a->cli->config->retention;

	if (a->has_age)
		return a->age_ms;
	return !strcmp(kind, "fence") ? r->fence : r->airdrop;
}

/* true: it is old enough, as far as that is looked at. */
static bool is_old(const struct asked *a, const struct operation *o)
{
	int64_t keep_ms = keep_of(a, o->kind_name);

	return a->only ||
	    (operation_ended(o) && (keep_ms || a->has_age) &&
		o->ended_ms + keep_ms <= a->wall_ms);
}

static void tell(const struct asked *a, const struct operation *o)
{
	struct archived is;

	if (!archive_of(a->journal, o->id, &is))
		return;
	if (a->cli->args.json)
		cli_json(json_pack("{s:s, s:s, s:I, s:b}", "operation", o->name,
		    "archive", is.file, "bytes", (json_int_t)is.size, "archived", true));
	else
		printf("%s: its rows are in %s, %" PRId64 " bytes\n", o->name, is.file,
		    is.size);
}

/* Why it stays, or that it would go. */
static void tell_dry(const struct asked *a, const struct operation *o, const char *why)
{
	if (a->cli->args.json)
		cli_json(json_pack("{s:s, s:b, s:o}", "operation", o->name, "archived",
		    false, "why", cli_text(why[0] ? why : NULL)));
	else if (why[0])
		printf("%s: stays for now: %s\n", o->name, why);
	else
		printf("%s: can be archived\n", o->name);
}

/* Until there is nothing more to do; how many files came of it. */
static enum err archive_all(
    struct asked *a, const struct archiver_setup *setup, int64_t *ret_n, struct fail *f)
{
	struct archiver *r = archiver_new(setup);
	enum err e = ERR_OK;
	bool more = true;

	while (more && e == ERR_OK) {
		more = archiver_turn(r, a->wall_ms);
		e = journal_commit(a->journal, f);
		if (e != ERR_OK)
			break;
		more |= archiver_between(r, a->wall_ms, f);
		e = f->err;
		journal_tend(a->journal);
	}
	*ret_n = archiver_done(r);
	archiver_free(r);
	return e;
}

static enum err archive_one(struct asked *a, const struct operation *o, struct fail *f)
{
	const struct kind *kind = loop_kind(o->kind_name);
	struct archiver_setup setup = { .journal = a->journal,
		.only = o->id,
		.kinds = &kind,
		.kinds_n = kind != NULL };
	int64_t n;
	enum err e = archive_all(a, &setup, &n, f);

	if (e == ERR_OK)
		tell(a, o);
	return e;
}

/* -- what is no operation -------------------------------------------------- */

static int64_t due_of(const struct asked *a, const struct retention *keep)
{
	if (!keep->keep_ms)
		return 0;
	return !strcmp(keep->kind, "track")
	    ? archiver_tracked_due(a->journal, keep->keep_ms, a->wall_ms)
	    : archiver_changes_due(a->journal, keep->keep_ms, a->wall_ms);
}

static void tell_others(struct asked *a, const struct retention *keep, int64_t n)
{
	bool track = !strcmp(keep->kind, "track");

	if (!n)
		return;
	a->n += n;
	if (a->cli->args.json)
		cli_json(json_pack("{s:I, s:b}", track ? "transactions" : "changes",
		    (json_int_t)n, "archived", !a->dry));
	else
		printf("%s: %" PRId64 " %s\n",
		    track ? "transactions that are followed no more"
			  : "changes of the layer 2",
		    n, a->dry ? "can be archived" : "are in archives alone");
}

/* Files that an earlier run began are ended, too. */
static enum err look_at_others(struct asked *a, struct fail *f)
{
	const struct retention_config *c = &a->cli->config->retention;
	int64_t at_least = a->age_ms ? a->age_ms : 1; /* 0 would be never */
	struct retention keep[] = {
		{ "track", a->has_age ? at_least : c->track },
		{ "node", a->has_age ? at_least : c->node },
	};
	struct archiver_setup setup = {
		.journal = a->journal, .keep = keep, .keep_n = 2
	};
	int64_t due[] = { due_of(a, &keep[0]), due_of(a, &keep[1]) }, files = 0;
	enum err e = a->dry ? ERR_OK : archive_all(a, &setup, &files, f);

	for (int i = 0; i < 2 && e == ERR_OK; i++)
		tell_others(a, &keep[i], a->dry ? due[i] : due[i] - due_of(a, &keep[i]));
	if (e == ERR_OK && files && !a->n) {
		a->n = files;
		cli_say(a->cli, "What an earlier run began to archive is whole.");
	}
	return e;
}

static enum err look_at(struct asked *a, int64_t id, struct fail *f)
{
	char why[ARCHIVER_WHY_MAX];
	struct archived is;
	struct operation o;
	int64_t height;
	bool known;

	if (!operation_read(a->journal, id, &o) || !is_old(a, &o))
		return ERR_OK;
	utf8_plain(o.name);
	known = archive_of(a->journal, id, &is);
	if (known && is.whole) {
		if (a->only)
			tell(a, &o);
		return ERR_OK;
	}
	archiver_why_not(a->journal, id, why, &height);
	if (why[0] && a->only && !a->dry)
		return fail_set(f, ERR_CONFLICT, "%s stays for now: %s", o.name, why);
	if (why[0] || a->dry) {
		tell_dry(a, &o, why);
		a->n += !why[0];
		return ERR_OK;
	}
	a->n++;
	return archive_one(a, &o, f);
}

static enum err look_at_all(struct asked *a, struct fail *f)
{
	struct sql_operation_all_out row;
	struct ids ids = { .n = 0 };
	enum err e = ERR_OK;

	if (a->only)
		return look_at(a, a->only, f);
	sql_operation_all_begin(a->journal);
	while (sql_operation_all_next(a->journal, &row))
		ids_add(&ids, row.id);
	for (size_t i = 0; i < ids.n && e == ERR_OK; i++)
		e = look_at(a, ids.at[i], f);
	ids_release(&ids);
	if (e == ERR_OK)
		e = look_at_others(a, f);
	if (e == ERR_OK && !a->n)
		cli_say(a->cli, "Nothing is old enough to be archived.");
	return e;
}

static enum err only_read(struct asked *a, struct journal *j, struct fail *f)
{
	const char *word = args_word(&a->cli->args, 0);
	struct operation o;
	enum err e = word ? report_find(j, word, &o, f) : ERR_OK;

	if (word && e == ERR_OK)
		a->only = o.id;
	return e;
}

static enum err do_dry(struct asked *a, struct fail *f)
{
	enum err e = report_open(a->cli, &a->journal, f);

	if (e != ERR_OK)
		return e;
	a->wall_ms = clock_wall_ms();
	e = only_read(a, a->journal, f);
	if (e == ERR_OK)
		e = look_at_all(a, f);
	journal_close(a->journal);
	return e;
}

static enum err do_it(struct asked *a, struct fail *f)
{
	struct loop l = { .cli = a->cli };
	enum err e = loop_open(&l, a->cli, f);

	if (e == ERR_OWNED)
		(void)fail_wrap(f, e, "pawl serve archives what is due by itself");
	if (e == ERR_OK) {
		a->journal = l.journal;
		a->wall_ms = world_wall_ms(l.world);
		e = only_read(a, l.journal, f);
	}
	if (e == ERR_OK)
		e = look_at_all(a, f);
	loop_close(&l);
	return e;
}

enum err cmd_archive(struct cli *c, struct fail *f)
{
	struct asked a = { .cli = c };
	enum err e = asked_read(&a, f);

	if (e == ERR_OK)
		e = cli_config(c, f);
	if (e != ERR_OK)
		return e;
	return a.dry ? do_dry(&a, f) : do_it(&a, f);
}
