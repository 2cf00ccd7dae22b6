#include <stdio.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/daemon/backups.h"

static void tell(const struct cli *c, const char *log, const struct l2_recovered *r)
{
	if (c->args.json) {
		cli_json(json_pack("{s:o, s:I, s:I, s:s, s:I, s:b, s:o}", "log",
		    cli_text(log), "number", (json_int_t)r->number, "snapshots",
		    (json_int_t)r->blocks, "root", r->root, "timestamp_ms",
		    (json_int_t)r->snapshot_ms, "changed", r->changed, "kept",
		    cli_text(r->kept[0] ? r->kept : NULL)));
		return;
	}
	printf("Found valid snapshot: number %zu of %zu, root %s\n", r->number, r->blocks,
	    r->root);
	if (r->changed)
		printf("It is the newest of %s; the log as it was is kept: %s\n", log,
		    r->kept);
	else
		printf("It is the newest of %s, and nothing is behind it: the log stays "
		       "as it is\n",
		    log);
}

enum err cmd_node_recover(struct cli *c, struct fail *f)
{
	const char *to = args_get(&c->args, "--to");
	struct backup_paths paths;
	struct l2_recovered r;
	uint64_t number = 0;
	enum err e = cli_config(c, f);

	if (e == ERR_OK && !to == !args_has(&c->args, "--latest-valid"))
		e = fail_set(f, ERR_USAGE, "--to N or --latest-valid: one of the two");
	if (e == ERR_OK && to)
		e = args_number(&number, "--to", to, 1, SIZE_MAX, f);
	if (e == ERR_OK)
		e = backup_paths(&paths, &c->config->node, NULL, f);
	if (e == ERR_OK)
		e = l2_log_recover(&files_of_system, paths.log, paths.reorg_db, number,
		    clock_wall_ms(), &r, f);
	if (e == ERR_OK)
		tell(c, paths.log, &r);
	return e;
}
