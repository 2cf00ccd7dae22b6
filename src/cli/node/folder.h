/* folder.h - the folder of a node: a command that needs one, and finds none, names it,
 * what it wants there, and what makes one.
 */
#ifndef PAWL_CLI_NODE_FOLDER_H
#define PAWL_CLI_NODE_FOLDER_H

#include "cli/cli.h"

/* The folder that the file is to be in is there; what: "the log of snapshots". Nothing is
 * said of the file. NOT_FOUND */
NODISCARD enum err folder_of(
    const struct cli *c, const char *file, const char *what, struct fail *f);

/* Not beside the daemon of another journal, whose data folder the file is in: OWNED. */
NODISCARD enum err folder_ours(struct cli *c, const char *file, struct fail *f);

/* The same, and no reset of the node whose folder the file is in is half done: who writes
 * there is refused (CONFLICT, with what finishes it, and takes it back), who reads is
 * told. */
NODISCARD enum err folder_settled(struct cli *c, const char *file, struct fail *f);
void folder_warn(const struct cli *c, const char *file);

/* The same of one that is to be made: what it is made in. */
NODISCARD enum err folder_above(const char *folder, struct fail *f);

#endif
