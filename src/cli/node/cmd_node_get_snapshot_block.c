#include <inttypes.h>
#include <stdio.h>

#include "cli/node/database.h"
#include "cli/node/snapshot_block.h"

/* Whoever counts with the height gets a word that is no number wherever there is none. */
static void unknown(const struct cli *c)
{
	if (!c->args.json)
		printf("unknown\n");
}

static enum err in_no_block(const struct snapshot_block *b, struct fail *f)
{
	if (b->lacks)
		return fail_set(f, ERR_INPUT,
		    "the anchor %s of the newest valid snapshot is not in the reorg "
		    "database as the journal has it; " DATABASE_LACKS,
		    b->anchor, b->lacks);
	return fail_set(f, ERR_INPUT,
	    "the anchor %s of the newest valid snapshot is in no block that the reorg "
	    "database knows",
	    b->anchor);
}

enum err cmd_node_get_snapshot_block(struct cli *c, struct fail *f)
{
	struct snapshot_block b;
	enum err e = snapshot_block(
	    c, args_word(&c->args, 0), args_get(&c->args, "--db-path"), &b, f);

	if (e == ERR_OK && !b.in_block)
		e = in_no_block(&b, f);
	if (e == ERR_INPUT)
		unknown(c);
	if (e != ERR_OK)
		return e;
	if (c->args.json)
		cli_json(json_pack(
		    "{s:s, s:I}", "anchor", b.anchor, "height", (json_int_t)b.height));
	else
		printf("%" PRIu64 "\n", b.height);
	return ERR_OK;
}
