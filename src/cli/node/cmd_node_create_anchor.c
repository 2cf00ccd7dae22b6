/* node create-anchor: what is to be put on Bitcoin for a state. */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/hex.h"
#include "cli/node/anchoring.h"
#include "engine/states.h"
#include "kinds/node/anchor/anchor.h"
#include "kinds/node/state/book.h"

#define OP_RETURN_MAX 80   /* bytes that a node relays */
#define COMMITMENT_MAX 256 /* in hexadecimal */

/* The script of an output that commits to it: the payload, or what it is short for. */
static void commitment(char out[COMMITMENT_MAX], const struct anchored *a)
{
	char payload[ANCHOR_PAYLOAD];
	uint8_t hash[32], script[128] = { 0x6a };
	int n = anchor_payload(payload, hash, l2_text(a->root), a->made_ms);
	size_t len = 1;

	CHECK(n <= OP_RETURN_MAX);
	if (n > 75)
		script[len++] = 0x4c; /* OP_PUSHDATA1 */
	script[len++] = (uint8_t)n;
	memcpy(script + len, payload, (size_t)n);
	hex_format(out, script, len + (size_t)n);
}

/* Of an anchor that is pending: who waits for what. */
static void transaction_tell(const struct cli *c, const struct anchored *a)
{
	if (a->known && a->in_block)
		cli_say(c,
		    "Block %" PRIu64
		    " has its transaction, which counts as confirmed with %d blocks.",
		    a->height, ANCHOR_CONFIRMS);
	else if (a->known && a->sent)
		cli_say(c, "Its transaction was sent, and is in no block yet.");
	else
		cli_say(c,
		    "The transaction waits: Bitcoin is only read so far. Whoever sends "
		    "one puts the commitment into an output of it.");
}

static void tell(const struct cli *c, const struct anchored *a)
{
	const char *status = anchor_status_name(a->status);
	char script[COMMITMENT_MAX];

	commitment(script, a);
	if (c->args.json) {
		cli_json(json_pack("{s:s, s:s, s:s, s:s, s:o, s:b}", "root", a->root,
		    "anchor", a->hash, "status", status, "commitment", script, "snapshot",
		    cli_text(a->log), "fresh", !a->known));
		return;
	}
	printf("L2StateRoot: %s\nAnchor: %s %s\nCommitment: %s\nSnapshot: %s\n", a->root,
	    a->hash, status, script, a->log);
	if (a->known)
		cli_say(c,
		    "This state was anchored before. Another anchor of it, of now: pawl "
		    "node create-anchor --again");
	if (a->status == ANCHOR_PENDING)
		transaction_tell(c, a);
}

enum err cmd_node_create_anchor(struct cli *c, struct fail *f)
{
	struct anchoring_plan plan = { .file = args_get(&c->args, "--l2-state-file"),
		.again = args_has(&c->args, "--again") };
	struct anchored done;
	enum err e = args_yes(&plan.yes, &c->args, f);

	if (e == ERR_OK)
		e = anchoring_do(c, &plan, &done, f);
	if (e == ERR_OK)
		tell(c, &done);
	return e;
}
