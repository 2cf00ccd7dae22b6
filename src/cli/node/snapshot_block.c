#include "cli/node/snapshot_block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask/probe.h"
#include "cli/node/database.h"
#include "cli/node/folder.h"
#include "cli/node/snapshots.h"

static enum err newest(struct cli *c, const char *path, const char *db_path,
    char ret_anchor[L2_HEX], struct fail *f)
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
	e = store_init(&store, c, db_path, path, f);
	if (e == ERR_OK) {
		e = l2_log_newest(log, &demand, &block, &v, NULL, NULL, f);
		if (e == ERR_OK)
			e = judge_trouble(&store.judge, f);
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

static enum err database_beside(struct reorgdb **ret, struct cli *c, const char *file,
    const char *db_path, struct fail *f)
{
	const char *slash = strrchr(file, '/');
	char path[DATABASE_PATH_MAX];
	int dir = slash ? (int)(slash - file) : 1, n;

	n = db_path
	    ? snprintf(path, sizeof path, "%s", db_path)
	    : snprintf(path, sizeof path, "%.*s/reorg_db", dir, slash ? file : ".");
	if (n < 0 || (size_t)n >= sizeof path)
		return fail_set(
		    f, ERR_USAGE, "the path of the reorg database is too long");
	folder_plain(path);
	return database_absent(c, path, reorgdb_open(ret, path, REORGDB_READ, f), f);
}

enum err snapshot_block(struct cli *c, const char *file, const char *db_path,
    struct snapshot_block *ret, struct fail *f)
{
	struct anchor_record a = { .height = 0 };
	struct reorgdb *db;
	bool there = false;
	enum err e = newest(c, file, db_path, ret->anchor, f);

	if (e == ERR_OK)
		e = database_beside(&db, c, file, db_path, f);
	if (e != ERR_OK)
		return e;
	e = reorgdb_anchor(db, ret->anchor, &a, &there, f);
	/* the journal wins */
	ret->lacks = e == ERR_OK ? database_lacks(c, db, ret->anchor) : 0;
	reorgdb_close(db);
	/* A block that a reorg took has it no more. */
	ret->in_block =
	    there && !ret->lacks && a.height && a.status != ANCHOR_INVALIDATED_REORG;
	ret->height = a.height;
	ret->known = there;
	ret->status = a.status;
	return e;
}

const char *snapshot_block_none(const struct snapshot_block *b, bool *ret_ill)
{
	*ret_ill = true;
	if (!b->known)
		return "is one that the reorg database does not know";
	if (b->status == ANCHOR_INVALIDATED_REORG)
		return "is INVALIDATED_REORG: a reorg took its block";
	if (b->status == ANCHOR_FAILED_ORPHANED)
		return "is FAILED_ORPHANED: no block has it";
	*ret_ill = false;
	return "is in no block yet";
}

/* -- Bitcoin --------------------------------------------------------------- */

static int highest_first(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

enum err bitcoin_block_now(struct cli *c, struct world *w, uint64_t *ret, struct fail *f)
{
	const struct chain_config *chain;
	uint64_t heads[POOL_NODES_MAX];
	struct probe p;
	struct fail why = { ERR_NO_QUORUM, "" };
	int n = 0;
	enum err e;

	if (!c->config->node.chain)
		return fail_set(f, ERR_CONFIG,
		    "the config names no node.chain: it is the chain whose blocks are "
		    "compared");
	e = config_chain(c->config, c->config->node.chain, &chain, f);
	for (int i = 0; e == ERR_OK && i < chain->endpoints_n; i++) {
		e = probe_node(w, chain, i, cli_waits, c, &p, f);
		if (e == ERR_OK && p.reachable && p.has_head &&
		    p.identity.chain_id == chain->chain_id)
			heads[n++] = p.head.height;
		else if (e == ERR_OK && !p.off && !why.why[0])
			snprintf(why.why, sizeof why.why, "%.64s: %.800s", p.name,
			    p.fail.why[0] ? p.fail.why : "it serves another chain");
	}
	if (e != ERR_OK)
		return e;
	if (n < chain->quorum)
		return fail_set(f, ERR_NO_QUORUM,
		    "%d of the %d nodes of %s that it takes show their head; %s", n,
		    chain->quorum, chain->name, why.why);
	qsort(heads, (size_t)n, sizeof *heads, highest_first);
	*ret = heads[chain->quorum - 1];
	return ERR_OK;
}
