#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "cli/behalf.h"
#include "cli/cli.h"
#include "cli/daemon/backups.h"
#include "cli/node/folder.h"

/* What there is of it; what there is not is the error. */
static void tell(
    const struct cli *c, const struct backup_paths *p, const struct l2_backup *b)
{
	if (b->others)
		cli_warn(c,
		    "%zu of the backups in %s %s another journal's, and stay%s. Where it "
		    "is another node's, let each have its own node.backup.folder",
		    b->others, p->folder, b->others == 1 ? "is" : "are",
		    b->others == 1 ? "s" : "");
	if (b->copies)
		cli_warn(c,
		    "%zu of the backups in %s %s of this journal by name, and not of its "
		    "past, and stay%s: a copy of this node made %s, or this one did "
		    "before its journal was put back from an older copy. A copy that "
		    "runs is to have its own node.backup.folder",
		    b->copies, p->folder, b->copies == 1 ? "is" : "are",
		    b->copies == 1 ? "s" : "", b->copies == 1 ? "it" : "them");
	if (c->args.json) {
		json_t *o = json_pack("{s:s, s:o, s:I}", "time", b->time, "folder",
		    cli_text(p->folder), "removed", (json_int_t)b->removed);

		if (b->log[0])
			json_object_set_new(o, "log",
			    json_pack("{s:s, s:I, s:s, s:I, s:I, s:I}", "file", b->log,
				"bytes", (json_int_t)b->log_bytes, "root", b->root,
				"timestamp_ms", (json_int_t)b->snapshot_ms, "snapshots",
				(json_int_t)b->snapshots, "failed",
				(json_int_t)b->failed));
		if (b->reorg_db[0])
			json_object_set_new(o, "reorg_db",
			    json_pack("{s:s, s:I, s:I}", "file", b->reorg_db, "bytes",
				(json_int_t)b->reorg_db_bytes, "values",
				(json_int_t)b->values));
		cli_json(o);
		return;
	}
	if (b->log[0])
		printf("%s/%s: %zu snapshot%s, %" PRIu64 " bytes, root %s\n", p->folder,
		    b->log, b->snapshots, b->snapshots == 1 ? "" : "s", b->log_bytes,
		    b->root);
	if (b->reorg_db[0])
		printf("%s/%s: %" PRIu64 " value%s, %" PRIu64 " bytes\n", p->folder,
		    b->reorg_db, b->values, b->values == 1 ? "" : "s", b->reorg_db_bytes);
	printf("%s/%s: the sums of %s\n", p->folder, b->sums,
	    b->log[0] && b->reorg_db[0] ? "both" : "it");
	cli_say(c, "To put it back: pawl node restore %s", b->time);
}

enum err cmd_node_backup(struct cli *c, struct fail *f)
{
	const char *to = args_get(&c->args, "--to"), *n = args_get(&c->args, "--keep");
	struct node_backup_config config;
	struct backup_paths paths;
	struct l2_backup b = { .time = "" };
	uint64_t keep;
	bool tried;
	enum err e = cli_config(c, f);

	if (e == ERR_OK)
		e = backup_paths(&paths, &c->config->node, NULL, f);
	if (e == ERR_OK)
		e = folder_of(c, paths.log, "log and reorg database", f);
	if (e == ERR_OK)
		folder_warn(c, paths.log);
	if (e == ERR_OK)
		e = behalf_of(c, paths.log, f);
	if (e != ERR_OK)
		return e;
	config = c->config->node.backup;
	if (n)
		e = args_number(&keep, "--keep", n, 1, 100000, f);
	if (e == ERR_OK && n)
		config.keep = (unsigned)keep;
	if (to)
		config.copy_to = to;
	tried = e == ERR_OK;
	if (tried) {
		(void)cli_until_stopped();
		if (journal_read(&paths.journal, c->config->journal, NULL) != ERR_OK)
			paths.journal = NULL;
		e = backup_now(&paths, &config, clock_wall_ms(), &b, f);
		journal_close(paths.journal);
	}
	if (tried && !to) /* as the config wants it */
		backup_note(&paths, e, &b, f);
	if (e != ERR_OK && !b.sums[0])
		return e;
	if (b.failed)
		cli_warn(c,
		    "the newest %zu snapshot%s of %s do%s not hold, and %s in the copy "
		    "all the same; the root is of the newest that does: pawl node verify",
		    b.failed, b.failed == 1 ? "" : "s", paths.log,
		    b.failed == 1 ? "es" : "", b.failed == 1 ? "is" : "are");
	if (b.doubted)
		cli_warn(c, "its newest snapshot is whole, and not verified: %s", b.why);
	tell(c, &paths, &b);
	return e;
}
