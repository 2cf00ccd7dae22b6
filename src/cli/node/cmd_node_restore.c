#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mutant.h"
#include "cli/cli.h"
#include "cli/config/ref.h"
#include "cli/daemon/backups.h"
#include "cli/node/folder.h"
#include "kinds/node/link.h"

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
	char shown[REF_SHOWN_MAX], linked[PATH_MAX];
	enum err e = cli_config(c, f);

	follow(&plan.log_file, linked);
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
	plan.folder = from ? from : paths.folder;
	plan.log = only && strcmp(only, "log") ? NULL : paths.log;
	plan.reorg_db = only && strcmp(only, "reorg-db") ? NULL : paths.reorg_db;
	plan.store = paths.reorg_db;
	if (journal_read(&plan.journal, c->config->journal, NULL) != ERR_OK)
		plan.journal = NULL;
	e = l2_backup_restore(&plan, &r, f);
	if (plan.journal)
		journal_close(plan.journal);
	if (e == ERR_OK)
		tell(c, &plan, &r);
	return e;
}
