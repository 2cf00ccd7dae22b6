#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/node/database.h"
#include "cli/node/snapshots.h"

static enum err newest(
    struct cli *c, const char *path, char ret_anchor[L2_HEX], struct fail *f)
{
	struct store store;
	const struct l2_demand demand = {
		.anchor_needed = true, .stored = store_knows, .ctx = &store
	};
	struct l2_verdict v;
	struct l2_block block = { 0 };
	struct l2_log *log;
	enum err e = snapshots_open(&log, c, path, f);

	if (e != ERR_OK)
		return e;
	e = store_init(&store, c, args_get(&c->args, "--db-path"), path, f);
	if (e == ERR_OK) {
		e = l2_log_newest(log, &demand, &block, &v, NULL, NULL, f);
		store_close(&store);
	}
	l2_log_close(log);
	if (e == ERR_OK && !block.len)
		return fail_set(
		    f, ERR_INPUT, "%s has no valid snapshot with an anchor", path);
	if (e == ERR_OK)
		memcpy(ret_anchor, v.anchor_hash, L2_HEX);
	return e;
}

/* Where the line names none: the database that lies beside the file. */
static enum err database_beside(
    struct reorgdb **ret, struct cli *c, const char *file, struct fail *f)
{
	const char *slash = strrchr(file, '/');
	char path[DATABASE_PATH_MAX];
	int dir = slash ? (int)(slash - file) : 1, n;

	if (args_get(&c->args, "--db-path"))
		return database_open(ret, c, "--db-path", REORGDB_READ, f);
	n = snprintf(path, sizeof path, "%.*s/reorg_db", dir, slash ? file : ".");
	if (n < 0 || (size_t)n >= sizeof path)
		return fail_set(
		    f, ERR_USAGE, "the path of the reorg database is too long");
	return reorgdb_open(ret, path, REORGDB_READ, f);
}

static enum err unknown(const struct cli *c, const char *anchor, struct fail *f)
{
	if (!c->args.json)
		printf("unknown\n");
	return fail_set(f, ERR_INPUT,
	    "the anchor %s of the newest valid snapshot is in no block that the reorg "
	    "database knows",
	    anchor);
}

enum err cmd_node_get_snapshot_block(struct cli *c, struct fail *f)
{
	const char *file = args_word(&c->args, 0);
	char anchor[L2_HEX];
	struct anchor_record a;
	struct reorgdb *db;
	bool there;
	enum err e = newest(c, file, anchor, f);

	if (e == ERR_OK)
		e = database_beside(&db, c, file, f);
	if (e != ERR_OK)
		return e;
	e = reorgdb_anchor(db, anchor, &a, &there, f);
	reorgdb_close(db);
	if (e != ERR_OK)
		return e;
	/* A block that a reorg took has it no more. */
	if (!there || !a.height || a.status == ANCHOR_INVALIDATED_REORG)
		return unknown(c, anchor, f);
	if (c->args.json)
		cli_json(json_pack(
		    "{s:s, s:I}", "anchor", anchor, "height", (json_int_t)a.height));
	else
		printf("%" PRIu64 "\n", a.height);
	return ERR_OK;
}
