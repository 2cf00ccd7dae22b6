/* rooted.h - has the log a snapshot of the state that an anchor is to be of? Has anybody
 * the anchor that a peg-out stands on?
 *
 * An anchor of a state that nobody has is of no use. So whoever makes one is asked: one
 * of the snapshots, that is not malformed nor contradicts itself, has that root, and
 * where it has an anchor this is it. The log is read for it, from its end.
 *
 * A peg-out that is completed on an anchor that nobody has is in each later snapshot, and
 * none of these is valid. So of one that the journal has not, the reorg database and the
 * snapshots are asked.
 */
#ifndef PAWL_KINDS_NODE_JUDGE_ROOTED_H
#define PAWL_KINDS_NODE_JUDGE_ROOTED_H

#include "kinds/node/state/change.h"
#include "world/world.h"

/* Where it is looked for; a reorg_db of "": there is none. */
#define L2_ROOTER_PATH 4096
struct l2_rooter_paths {
	char log[L2_ROOTER_PATH], reorg_db[L2_ROOTER_PATH];
};
/* Those of a data folder. fails: CONFIG, too long. */
NODISCARD enum err l2_rooter_paths_in(
    struct l2_rooter_paths *ret, const char *data_dir, struct fail *f);

/* The states that snapshots of a log have, as far as it was read, and the anchors that
 * these have. All zero at first. */
struct l2_sight {
	struct l2_rooted_one *at;
	size_t n;
	unsigned looks;
};
void l2_sight_release(struct l2_sight *s);

/* asked: as book_rooted_fn has it. Who asks for several of one log keeps the sight: it is
 * read for none that was seen, and behind the first one as a whole. fails: INPUT, there
 * is none, with the way out; what log and database say. */
NODISCARD enum err l2_rooted(struct l2_sight *s, const struct files *files,
    const struct l2_rooter_paths *paths, const struct change *asked, struct fail *f);

/* The same for who may not wait: workers read. All zero at first. */
struct l2_rooters {
	struct l2_rooter *list;
	size_t n;
};
/* fails: also NO_QUORUM: it is being read, ask again. What was found is so for some
 * seconds, for all whose snapshots were read; that nothing was is told once. */
NODISCARD enum err l2_rooters_ask(struct l2_rooters *r, struct world *w,
    const struct l2_rooter_paths *paths, const struct change *asked, struct fail *f);
void l2_rooters_release(struct l2_rooters *r); /* after the world */

#endif
