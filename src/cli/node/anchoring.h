/* anchoring.h - a state gets a snapshot at the end of the log, and an anchor in the
 * journal, where it waits for its transaction.
 *
 * The snapshot is on the medium before the journal has the anchor: an anchor whose state
 * nobody has would be of no use. Killed between the two and done again, the snapshot is
 * found, and gone on with. A state that is anchored already is not anchored anew, unless
 * that is asked for. Behind
 * it the reorg database is told all that the journal has.
 *
 * The newest snapshot is what a node that lost its journal goes on from, so none is put
 * on top silently of one that this journal never had, nor one of a state that it never
 * had, or has not any more, where it has one: only the line that bears the word for just
 * that does it. Nor is one anchored that no verification would pass, because of a peg-out
 * on an anchor that is not known.
 */
#ifndef PAWL_CLI_NODE_ANCHORING_H
#define PAWL_CLI_NODE_ANCHORING_H

#include "cli/node/snapshots.h"

struct anchored {
	char root[L2_HEX], hash[L2_HEX];
	uint64_t made_ms;
	int status; /* of the anchor, states.def */
	bool sent;  /* its transaction is known.. */
	bool in_block;
	uint64_t height; /* ..and is in this block */
	bool known;      /* the journal had it */
	bool written;    /* the log did not have its snapshot */
	char log[SNAPSHOTS_PATH_MAX];
};

struct anchoring_plan {
	const char *file; /* as pawl node state --json wrote it; NULL: the journal's */
	bool agreed;      /* whoever calls has looked and asked already */
	bool doubted;     /* that no verification of it passes, too */
	bool again;       /* a state that is anchored is anchored anew */
	uint32_t yes;
};

/* By the owner, if another process is it: the caller is not. fails: CONFLICT, what is
 * given up, and the lines to type; as judge_trouble, where that is not known. */
NODISCARD enum err anchoring_do(struct cli *c, const struct anchoring_plan *plan,
    struct anchored *ret, struct fail *f);

#endif
