/* rehearse.h - a reorg, played over the files of a node that was copied for it.
 *
 * Blocks go the way of a follower's: into the journal, and from there into the reorg
 * database. Those above a height give way to others; the anchors in them must be
 * invalidated, then be in a block again, and confirmed in the end; and the database must
 * say the same each time.
 */
#ifndef PAWL_CLI_NODE_REHEARSE_H
#define PAWL_CLI_NODE_REHEARSE_H

#include "journal/journal.h"

#define REHEARSE_DEPTH_MAX 1000

struct rehearsed {
	uint64_t height; /* the lowest block that is another one now */
	size_t anchors;  /* that were in the blocks that went */
	bool made_up;    /* one, because there was none */
};

/* j: owned, and of the copy alone. fails: DAMAGED: something is not as it must be, and
 * what; as the database does. */
NODISCARD enum err rehearse_reorg(struct journal *j, const char *reorg_db, uint64_t depth,
    int64_t wall_ms, struct rehearsed *ret, struct fail *f);

#endif
