#include <inttypes.h>
#include <stdio.h>

#include "cli/behalf.h"
#include "cli/node/database.h"

static void empty_tell(struct cli *c, const char *path)
{
	int64_t n = database_of_journal(c, path);

	if (n)
		cli_warn(c,
		    "%s is empty, and the journal has %" PRId64
		    " anchor%s: pawl node rebuild-reorg-db makes it with what the "
		    "journal has",
		    path, n, n == 1 ? "" : "s");
}

enum err cmd_node_init_reorg_db(struct cli *c, struct fail *f)
{
	char path[DATABASE_PATH_MAX];
	struct reorgdb *db;
	bool made = false;
	enum err e = database_path(c, "--path", path, f);

	if (e == ERR_OK)
		e = behalf_of(c, path, f);
	if (e != ERR_OK)
		return e;
	e = reorgdb_open(&db, path, REORGDB_WRITE, f);
	if (e == ERR_NOT_FOUND) {
		made = true;
		e = reorgdb_open(&db, path, REORGDB_CREATE, f);
	}
	if (e != ERR_OK)
		return e;
	reorgdb_close(db);
	if (made)
		empty_tell(c, path);
	if (c->args.json)
		cli_json(
		    json_pack("{s:o, s:b}", "reorg_db", cli_text(path), "created", made));
	else
		printf(made ? "Reorg database created: %s\n"
			    : "Reorg database is there already: %s\n",
		    path);
	return ERR_OK;
}
