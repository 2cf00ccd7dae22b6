/* holder.h - who has a node's files open.
 *
 * A data folder is of one journal: its daemon has the lock of the folder for as long as
 * it lives. Two nodes on one folder would write one log, and each take the state of the
 * other for a strange one; only one of them gets the reorg database.
 */
#ifndef PAWL_KINDS_NODE_WATCH_HOLDER_H
#define PAWL_KINDS_NODE_WATCH_HOLDER_H

#include "kinds/node/watch/trouble.h"

struct l2_holder {
	bool there;  /* a process has one of them: */
	bool folder; /* the folder, as a daemon has it; else the reorg database */
	bool own;    /* it owns this journal, too */
	bool reset;  /* it resets the node of that folder, and is no daemon */
	int pid;     /* 0: the system does not say */
};
/* Asked of the system; nothing stays locked for it. paths->journal is that of who asks;
 * NULL: he has none. Not for who has them open himself. */
void l2_holder_look(struct l2_holder *ret, const struct l2_paths *paths);
/* One that is of another journal, or of none. */
bool trouble_of_holder(
    struct l2_trouble *ret, const struct l2_paths *paths, const struct l2_holder *holder);

/* Who writes in the folder beside its daemon: OWNED, it is that of another journal, or
 * a reset runs. */
NODISCARD enum err l2_folder_check(const struct l2_paths *paths, struct fail *f);
/* Who puts another reorg database in the place of what there is: OWNED, its daemon runs,
 * which has that open, even where somebody moved it away. */
NODISCARD enum err l2_folder_at_rest(const struct l2_paths *paths, struct fail *f);
/* A daemon's, who owns its journal: the folder, until it leaves it; -1: it is not
 * there, which its first step says. fails: OWNED, another daemon has it. */
NODISCARD enum err l2_folder_take(const char *folder, int *ret, struct fail *f);
/* While the journal is his yet: who has the folder and not its journal is taken for the
 * daemon of another one. */
void l2_folder_leave(int *folder);

#endif
