#include <inttypes.h>
#include <stdio.h>

#include "cli/node/database.h"

enum err cmd_node_prune_reorg_db(struct cli *c, struct fail *f)
{
	const char *n = args_get(&c->args, "--keep");
	uint64_t keep = REORGDB_BLOCKS_KEPT, dropped;
	struct reorgdb *db;
	enum err e = n ? args_number(&keep, "--keep", n, 1, UINT64_MAX, f) : ERR_OK;

	if (e == ERR_OK)
		e = database_open(&db, c, "--db-path", REORGDB_WRITE, f);
	if (e != ERR_OK)
		return e;
	e = reorgdb_prune(db, keep, &dropped, f);
	if (e == ERR_OK && c->args.json)
		cli_json(json_pack("{s:I}", "dropped", (json_int_t)dropped));
	else if (e == ERR_OK)
		printf("%" PRIu64 " block%s dropped\n", dropped, dropped == 1 ? "" : "s");
	reorgdb_close(db);
	return e;
}
