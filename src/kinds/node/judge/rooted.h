/* rooted.h - has the log a snapshot of the state that an anchor is to be of?
 *
 * An anchor of a state that nobody has is of no use. So whoever makes one is asked: one
 * of the snapshots, that is not malformed nor contradicts itself, has that root, and
 * where it has an anchor this is it. The log is read for it, from its end.
 */
#ifndef PAWL_KINDS_NODE_JUDGE_ROOTED_H
#define PAWL_KINDS_NODE_JUDGE_ROOTED_H

#include "kinds/node/state/change.h"
#include "world/world.h"

/* The states that snapshots of a log have, as far as it was read, and the anchors that
 * these have. All zero at first. */
struct l2_sight {
	struct l2_rooted_one *at;
	size_t n;
	unsigned looks;
};
void l2_sight_release(struct l2_sight *s);

/* anchor: of the kind anchor. Who asks for several of one log keeps the sight: it is read
 * for none that was seen, and behind the first one as a whole. fails: INPUT, there is
 * none, with the way out; what the log says. */
NODISCARD enum err l2_rooted(struct l2_sight *s, const struct files *files,
    const char *log, const struct change *anchor, struct fail *f);

/* The same for who may not wait: workers read. All zero at first. */
#define L2_ROOTER_PATH 1024 /* of the log */
struct l2_rooters {
	struct l2_rooter *list;
	size_t n;
};
/* fails: also NO_QUORUM: it is being read, ask again. What was found is so for some
 * seconds, for all whose snapshots were read; that nothing was is told once. */
NODISCARD enum err l2_rooters_ask(struct l2_rooters *r, struct world *w, const char *log,
    const struct change *anchor, struct fail *f);
void l2_rooters_release(struct l2_rooters *r); /* after the world */

#endif
