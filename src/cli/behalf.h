/* behalf.h - root, who writes in the folder of another user, does it as that user: what
 * is left there is his, whoever typed it, and a kill leaves nothing that is root's.
 *
 * It is for good: the process is that user's from then on, and says so. Where the journal
 * of the config is root's, root is who runs the node, and stays root. Nobody else than
 * root becomes anybody.
 */
#ifndef PAWL_CLI_BEHALF_H
#define PAWL_CLI_BEHALF_H

#include "cli/cli.h"

/* Before anything is written in the folder that the file is to be in. One that is not
 * there is nobody's. fails: SYSTEM, the system does not let it; names the line to type.
 */
NODISCARD enum err behalf_of(const struct cli *c, const char *file, struct fail *f);
/* The same for what is written in the folder itself. */
NODISCARD enum err behalf_in(const struct cli *c, const char *folder, struct fail *f);

/* A folder that was made just now is the journal's owner's, if there is a journal. */
NODISCARD enum err behalf_give(const struct cli *c, const char *folder, struct fail *f);

#endif
