/* node divergence: the guide's cross-validation with Bitcoin, with its lines. */
#include <inttypes.h>
#include <stdio.h>

#include "base/mutant.h"
#include "cli/node/database.h"
#include "cli/node/snapshot_block.h"
#include "cli/node/snapshots.h"
#include "kinds/node/watch/trouble.h"

static enum err tell(struct cli *c, const struct snapshot_block *b, const char *database,
    uint64_t head, struct fail *f)
{
	uint64_t behind, most = c->config->node.max_divergence;
	struct l2_trouble unsaid;
	bool large;

	if (database_height_trouble(c, database, b->height, head, &behind, &unsaid))
		return fail_set(f, ERR_INPUT, "%s; %s", unsaid.why, unsaid.remedy);
	large = behind > most && !MUTANT(divergence_is_never_large);

	if (c->args.json)
		cli_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:b}", "anchor", b->anchor,
		    "snapshot_block", (json_int_t)b->height, "bitcoin_block",
		    (json_int_t)head, "divergence", (json_int_t)behind, "max",
		    (json_int_t)most, "large", large));
	else
		printf("Snapshot is %" PRIu64 " blocks behind Bitcoin\n", behind);
	if (large && !c->args.json)
		printf("Warning: Large divergence detected\n");
	return large ? fail_set(f, ERR_INPUT,
			   "more than %" PRIu64 " blocks, node.max_divergence: a newer "
			   "anchor may be needed: " L2_NEWER_ANCHOR,
			   most)
		     : ERR_OK;
}

static enum err in_no_block(const struct snapshot_block *b, struct fail *f)
{
	const char *helps = "";
	bool ill;
	const char *why = snapshot_block_none(b, &ill);

	if (b->lacks)
		return fail_set(f, ERR_INPUT,
		    "the anchor %s of the newest valid snapshot is not in the reorg "
		    "database as the journal has it: how far it is behind can't be "
		    "said. " DATABASE_LACKS,
		    b->anchor, b->lacks);
	if (ill)
		helps = b->known ? "; what helps: pawl node create-anchor"
				 : "; what helps: pawl node doctor says it";
	return fail_set(f, ERR_INPUT,
	    "the anchor %s of the newest valid snapshot %s: how far it is behind can't "
	    "be said%s",
	    b->anchor, why, helps);
}

enum err cmd_node_divergence(struct cli *c, struct fail *f)
{
	char log[SNAPSHOTS_PATH_MAX], database[DATABASE_PATH_MAX];
	struct snapshot_block b;
	struct world *w = NULL;
	uint64_t head = 0;
	enum err e = cli_config(c, f);

	if (e == ERR_OK)
		e = snapshots_path(c, "--snapshot", args_get(&c->args, "--snapshot"),
		    SNAPSHOTS_NAME, log, f);
	if (e == ERR_OK)
		e = database_path(c, "--db-path", database, f);
	if (e == ERR_OK)
		e = snapshot_block(c, log, database, &b, f);
	if (e == ERR_OK && !b.in_block)
		e = in_no_block(&b, f);
	if (e == ERR_OK)
		e = world_open(&w, f);
	if (e == ERR_OK)
		e = bitcoin_block_now(c, w, &head, f);
	world_free(w);
	return e == ERR_OK ? tell(c, &b, database, head, f) : e;
}
