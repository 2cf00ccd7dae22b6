/* rooted.h - has the log a snapshot of the state that an anchor is to be of? */
#ifndef PAWL_CLI_NODE_ROOTED_H
#define PAWL_CLI_NODE_ROOTED_H

#include "cli/cli.h"
#include "kinds/node/state/change.h"

/* A change of the kind anchor, by the config's log: one of its snapshots, that is not
 * malformed nor contradicts itself, has that root, and where it has an anchor this is it.
 * Each time the log is read, from its end. fails: INPUT, there is none, with the way out;
 * what the log says. */
NODISCARD enum err rooted(struct cli *c, const struct change *anchor, struct fail *f);

#endif
