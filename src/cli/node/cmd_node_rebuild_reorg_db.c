#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/shell.h"
#include "cli/node/database.h"
#include "cli/node/folder.h"
#include "kinds/node/reorgdb/rebuild.h"

static void tell(const struct cli *c, const char *path, const struct rebuilt *r)
{
	char word[SHELL_WORD_MAX];

	if (c->args.json) {
		cli_json(json_pack("{s:o, s:I, s:I, s:I, s:I, s:b, s:o}", "reorg_db",
		    cli_text(path), "blocks", (json_int_t)r->blocks, "anchors",
		    (json_int_t)r->anchors, "reorgs", (json_int_t)r->events, "salvaged",
		    (json_int_t)r->salvaged, "cut_short", r->cut_short, "old",
		    cli_text(r->aside)));
		return;
	}
	printf("Reorg database rebuilt: %s has %" PRIu64 " block%s, %" PRIu64
	       " anchor%s and %" PRIu64 " reorg%s\n",
	    path, r->blocks, r->blocks == 1 ? "" : "s", r->anchors,
	    r->anchors == 1 ? "" : "s", r->events, r->events == 1 ? "" : "s");
	if (r->aside)
		cli_say(c, "The old one is %s.", r->aside);
	if (r->cut_short)
		cli_say(c,
		    "Not all of it could be read (%s). Older block hashes come back by: "
		    "pawl node resync --start-height HEIGHT --db-path %s --bitcoin-rpc "
		    "URL",
		    r->why, shell_word(word, sizeof word, path));
}

enum err cmd_node_rebuild_reorg_db(struct cli *c, struct fail *f)
{
	char path[DATABASE_PATH_MAX];
	struct rebuilt r = { .blocks = 0 };
	struct journal *j;
	enum err e = cli_config(c, f);

	if (e == ERR_OK)
		e = database_path(c, "--db-path", path, f);
	if (e == ERR_OK)
		e = folder_to_write(c, path, "the reorg database", f);
	if (e == ERR_OK)
		e = folder_at_rest(c, path, f);
	if (e == ERR_OK)
		e = journal_read(&j, c->config->journal, f);
	if (e != ERR_OK)
		return e;
	journal_read_begin(j);
	(void)cli_until_stopped();
	e = reorgdb_rebuild(&r, j, path, f);
	journal_read_end(j);
	journal_close(j);
	if (e == ERR_OK)
		tell(c, path, &r);
	mem_free(r.aside);
	return e;
}
