#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/mutant.h"
#include "base/shell.h"
#include "cli/cli.h"
#include "cli/config/ref.h"
#include "cli/daemon/backups.h"
#include "cli/node/folder.h"
#include "cli/node/newest.h"
#include "cli/node/refuse.h"
#include "cli/report/node.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/link.h"
#include "kinds/node/state/book.h"

static void tell_json(const struct l2_restore_plan *p, const struct l2_restored *r)
{
	json_t *o = json_pack("{s:o, s:b, s:b, s:b}", "backup",
	    cli_text(r->time[0] ? r->time : p->log_file), "log", r->log, "reorg_db",
	    r->reorg_db, "summed", r->summed);

	if (r->log) {
		json_object_set_new(o, "root", json_string(r->root));
		json_object_set_new(
		    o, "log_kept", cli_text(r->log_kept[0] ? r->log_kept : NULL));
	}
	if (r->reorg_db)
		json_object_set_new(o, "reorg_db_kept",
		    cli_text(r->reorg_db_kept[0] ? r->reorg_db_kept : NULL));
	cli_json(o);
}

static void tell_kept(const char *kept)
{
	if (kept[0])
		printf("  what it replaces is kept: %s\n", kept);
}

/* It was damaged when the backup was made, or there was none. */
static void tell_without_database(
    const struct cli *c, const struct l2_restore_plan *p, const struct l2_restored *r)
{
	struct stat st;

	if (!p->reorg_db || p->log_file || r->reorg_db ||
	    MUTANT(restore_lacks_in_silence))
		return;
	cli_warn(c,
	    "the backup %s has no reorg database: it was damaged when that was made, or "
	    "not there. %s %s. To make it of what the journal has: pawl node "
	    "rebuild-reorg-db%s%s",
	    r->time, p->reorg_db,
	    stat(p->reorg_db, &st) == 0 ? "stays as it is" : "is not there either",
	    r->has_db[0] ? "; that of another backup: pawl node restore --only reorg-db "
			 : "",
	    r->has_db);
}

static void tell(
    const struct cli *c, const struct l2_restore_plan *p, const struct l2_restored *r)
{
	const char *from = r->time[0] ? r->time : p->log_file;

	if (c->args.json) {
		tell_json(p, r);
		return;
	}
	if (r->log) {
		printf("%s is that of the backup %s, root %s\n", p->log, from, r->root);
		tell_kept(r->log_kept);
	}
	if (r->reorg_db) {
		printf("%s is that of the backup %s\n", p->reorg_db, from);
		tell_kept(r->reorg_db_kept);
	}
	tell_without_database(c, p, r);
	if (r->lacking[0])
		cli_warn(c, "the newest backup, %s, has %s: it is that of %s", r->lacking,
		    p->log && p->reorg_db ? "neither"
			: p->log          ? "no log"
					  : "no reorg database",
		    from);
	if (r->others && !r->other)
		cli_warn(c,
		    "%zu newer backup%s in %s %s another journal's, and %s not taken",
		    r->others, r->others == 1 ? "" : "s", p->folder,
		    r->others == 1 ? "is" : "are", r->others == 1 ? "is" : "are");
	if (r->copy)
		cli_warn(c,
		    "the backup %s is not of this journal's past: a copy of this node "
		    "made it, or this one did before its journal was put back from an "
		    "older copy",
		    from);
	if (!r->summed)
		cli_warn(c,
		    "%s has no sums: what it holds was checked, and nobody knows "
		    "whether it is all that was copied",
		    from);
	if (r->failed)
		cli_warn(c,
		    "the newest %zu snapshot%s of it do%s not hold: pawl node verify",
		    r->failed, r->failed == 1 ? "" : "s", r->failed == 1 ? "es" : "");
	if (r->doubted)
		cli_warn(c,
		    "its newest snapshot is whole, and not verified: %s. What the "
		    "journal knows of anchors, and what is left of the database, is put "
		    "together by: pawl node rebuild-reorg-db",
		    r->why);
	cli_say(c,
	    "The state itself is the journal's, and goes on from there. Then: pawl "
	    "node verify, and start the node.");
}

/* The newest one is a link to that: its own name says of which backup it is. */
static void follow(const char **file, char out[PATH_MAX])
{
	struct stat st;

	if (*file && lstat(*file, &st) == 0 && S_ISLNK(st.st_mode) &&
	    realpath(*file, out))
		*file = out;
}

/* -- is it of this node? ------------------------------------------------------ */

struct asking {
	const struct cli *cli;
	struct journal *journal; /* NULL: there is none */
	const struct l2_restore_plan *plan;
	const char *from, *only; /* as they were typed; NULL */
	uint32_t yes;
};

static bool any(void *ctx, struct l2_bytes hash)
{
	(void)ctx;
	(void)hash;
	return true;
}

static bool is_own(struct journal *j, const struct l2_verdict *v)
{
	struct anchor a;
	struct hash h;

	return hex_parse(h.at, sizeof h.at, v->anchor_hash, strlen(v->anchor_hash)) &&
	    anchor_find(j, &h, &a) && a.own;
}

/* Has the journal made the anchor of a snapshot of this log, or had its newest state? An
 * older copy of the journal knows the older ones. */
static bool is_known(struct journal *j, const char *path)
{
	static const struct l2_demand demand = { .stored = any };
	struct l2_block block;
	struct l2_verdict v;
	struct l2_log *log;
	bool known = false, newest = true;

	if (l2_log_open(&log, &files_of_system, path, NULL) != ERR_OK)
		return false;
	for (size_t i = l2_log_survey(log, NULL) == ERR_OK ? l2_log_n(log) : 0;
	     !known && i-- > 0;) {
		block = l2_log_at(log, i);
		if (l2_log_check(log, block, &demand, &v, NULL) != ERR_OK ||
		    v.fault != L2_HOLDS)
			continue;
		known = is_own(j, &v) || (newest && node_had(j, path, block, &v));
		newest = false;
	}
	l2_log_close(log);
	return known;
}

/* The same line, with the time that it is of. */
static const char *typed(
    char out[REFUSE_LINE_MAX], const struct asking *a, const char *time)
{
	char word[500];
	const char *file = a->plan->log_file, *at = file ? file : a->from;

	snprintf(out, REFUSE_LINE_MAX, "pawl node restore%s%s%s%s%s%s", file ? "" : " ",
	    file ? "" : time,
	    file     ? " --file "
		: at ? " --from "
		     : "",
	    at ? shell_word(word, sizeof word, at) : "", a->only ? " --only " : "",
	    a->only ? a->only : "");
	return out;
}

/* What another one has made is so by its sums: an anchor in common says that one of the
 * two began with the log of the other. */
static void other_tell(
    struct buf *out, const struct asking *a, const struct l2_restored *r, const char *log)
{
	const char *journal = a->cli->config->journal;
	bool known = *log && a->plan->name[0] && is_known(a->journal, log);

	if (!a->plan->name[0] || r->own || r->copy || (!*log && !r->other) ||
	    MUTANT(restore_of_another_silent) ||
	    (known && (!r->other || MUTANT(restore_of_another_in_common))))
		return;
	if (!a->plan->time && !a->plan->log_file && r->other)
		buf_addf(out, "no backup in %s is of %s: the newest there, %s, is ",
		    a->plan->folder, journal, r->time);
	else
		buf_addf(out, "the backup %s is ", r->time[0] ? r->time : log);
	buf_addf(out,
	    "%s: %s has %s of its %s. With it in place this node would have another "
	    "node's files",
	    r->other ? "another journal's" : "not known to be of this node", journal,
	    known ? "some" : "none",
	    known      ? "anchors, as one has that began with the same log"
		: *log ? "anchors, and never had its newest state"
		       : "name");
}

/* The log in place may be all that has what its newest snapshot is of. */
static void foreign_tell(struct buf *out, const struct asking *a,
    const struct l2_restored *r, const char *log, char root[L2_HEX])
{
	struct newest is = { .number = 0 }, comes = is;
	char told[NEWEST_TOLD];

	if (*log && newest_goes(&is, &comes, a->journal, a->plan->log, log) &&
	    !MUTANT(foreign_replaced_silently)) {
		memcpy(root, is.root, L2_HEX);
		newest_tell(&is, a->journal != NULL, a->plan->log, told);
		buf_addf(out, "%s%s. With the backup %s in its place the newest one has ",
		    out->len ? ". And " : "", told, r->time[0] ? r->time : log);
		newest_lost_tell(out, &is.state, &comes.state);
		buf_add_str(out,
		    ". To go on from that snapshot: pawl node recover "
		    "--latest-valid");
	}
	l2_state_release(&comes.state);
	l2_state_release(&is.state);
}

static enum err agree(
    void *ctx, const struct l2_restored *r, const char *log, struct fail *f)
{
	const struct asking *a = ctx;
	struct sha256 *s = sha256_begin();
	char line[REFUSE_LINE_MAX], foreign[L2_HEX] = "";
	struct word_asked no = { a->yes, 0, "Only if that is meant",
		typed(line, a, r->time) };
	struct buf why;
	enum err e = ERR_OK;

	buf_init(&why, 1400);
	other_tell(&why, a, r, log);
	foreign_tell(&why, a, r, log, foreign);
	sha256_add(s, "restore", 7);
	sha256_add(s, r->time, sizeof r->time);
	sha256_add(s, r->root, sizeof r->root);
	sha256_add(s, foreign, sizeof foreign);
	no.word = word_end(s);
	if (why.len && no.said != no.word)
		e = refuse_word(f, &no, "%s", buf_text(&why));
	buf_release(&why);
	return e;
}

enum err cmd_node_restore(struct cli *c, struct fail *f)
{
	const char *from = args_get(&c->args, "--from");
	const char *only = args_get(&c->args, "--only");
	struct backup_paths paths;
	struct l2_restore_plan plan = { .files = cli_until_stopped(),
		.time = args_word(&c->args, 0),
		.log_file = args_get(&c->args, "--file"),
		.wall_ms = clock_wall_ms() };
	struct l2_restored r;
	struct asking asking;
	uint32_t yes;
	char shown[REF_SHOWN_MAX], linked[PATH_MAX];
	enum err e = cli_config(c, f);

	follow(&plan.log_file, linked);
	if (e == ERR_OK)
		e = args_yes(&yes, &c->args, f);
	if (e == ERR_OK)
		e = backup_paths(&paths, &c->config->node, NULL, f);
	if (e == ERR_OK)
		e = folder_to_write(c, paths.log, "log and reorg database", f);
	if (e == ERR_OK)
		e = l2_itself(paths.reorg_db, f);
	if (e == ERR_OK && plan.time && plan.log_file)
		e = fail_set(f, ERR_USAGE, "TIME or --file, and not both");
	if (e == ERR_OK && only && strcmp(only, "log") && strcmp(only, "reorg-db"))
		e = fail_set(f, ERR_USAGE, "--only is log or reorg-db, and not %s",
		    ref_shown(shown, only));
	if (e == ERR_OK && plan.log_file && only)
		e = fail_set(f, ERR_USAGE, "--file is a log: --only says nothing to it");
	if (e != ERR_OK)
		return e;
	if (!only || strcmp(only, "log") != 0)
		e = folder_at_rest(c, paths.reorg_db, f);
	if (e != ERR_OK)
		return e;
	plan.folder = from ? from : paths.folder;
	plan.log = only && strcmp(only, "log") ? NULL : paths.log;
	plan.reorg_db = only && strcmp(only, "reorg-db") ? NULL : paths.reorg_db;
	plan.store = paths.reorg_db;
	if (journal_read(&plan.journal, c->config->journal, NULL) != ERR_OK)
		plan.journal = NULL;
	asking = (struct asking){ c, plan.journal, &plan, from, only, yes };
	plan.ctx = &asking;
	plan.agree = agree;
	if (plan.journal)
		book_name(plan.journal, plan.name);
	e = l2_backup_restore(&plan, &r, f);
	if (plan.journal)
		journal_close(plan.journal);
	if (e == ERR_OK)
		tell(c, &plan, &r);
	return e;
}
