/* rebuild.h - the reorg database made anew (procedure 3 of the guide). */
#ifndef PAWL_KINDS_NODE_REORGDB_REBUILD_H
#define PAWL_KINDS_NODE_REORGDB_REBUILD_H

#include "journal/journal.h"
#include "kinds/node/reorgdb/reorgdb.h"
#include "world/files.h"

struct rebuilt {
	uint64_t blocks, anchors, events; /* in the new one */
	uint64_t salvaged;                /* values that only the old one had */
	bool cut_short; /* the old one could not be read to its end; why says where */
	char why[1000];
	char
	    *aside; /* what the old one is called now; NULL: there was none. mem_free() */
};

/* All that the journal has, and what can be read of the old one besides: blocks that are
 * older, anchors and reorgs that the journal does not know, peer reputations. It is made
 * under another name, `PATH.new`, and takes the place of the old one when it is whole;
 * that one is called `PATH.corrupted`, or `.corrupted.2` and so on, and is kept. Dying in
 * it leaves the old one or the new one, at any instant; typed again it begins anew.
 * fails: OWNED; SYSTEM, the old one may not be written; as reorgdb_open and reorgdb_write
 * of the new one */
NODISCARD enum err reorgdb_rebuild(
    struct rebuilt *ret, struct journal *j, const char *path, struct fail *f);

/* What a swap of this database that was killed left, and the next one would be called:
 * one that is FRESH goes. fails: CONFLICT, it is not, and people have to say what it is
 */
NODISCARD enum err reorgdb_swap_clear(const char *path, struct fail *f);
/* What is whole at fresh gets the name; what has it is called aside from then on, which
 * nothing else is. NULL: nothing has it. By files_swap_begin. */
NODISCARD enum err reorgdb_take_place(const struct files *files, const char *fresh,
    const char *path, const char *aside, struct fail *f);

#endif
