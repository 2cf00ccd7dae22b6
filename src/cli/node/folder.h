/* folder.h - the folder of a node: a command that needs one, and finds none, names it,
 * what it wants there, and what makes one.
 */
#ifndef PAWL_CLI_NODE_FOLDER_H
#define PAWL_CLI_NODE_FOLDER_H

#include "cli/cli.h"

/* Without slashes at its end, as shells put them there: behind one a link is what it
 * points to, and a name beside it is one in it. */
void folder_plain(char *path);

/* The folder that the file is to be in is there; what: "the log of snapshots". Nothing is
 * said of the file. NOT_FOUND */
NODISCARD enum err folder_of(
    const struct cli *c, const char *file, const char *what, struct fail *f);

/* The data folder of the config is not there: so many states the journal has anchored,
 * the log of which was in it. 0: it is there, or no journal tells. */
int64_t folder_lost(const struct cli *c);

/* Not beside the daemon of another journal, whose data folder the file is in: OWNED. */
NODISCARD enum err folder_ours(struct cli *c, const char *file, struct fail *f);

/* Before a log or database is written: both of these; no reset is half done there
 * (CONFLICT, with what finishes it, and takes it back); it is no link (link.h). Then this
 * process is whose folder it is (behalf.h). */
NODISCARD enum err folder_to_write(
    struct cli *c, const char *file, const char *what, struct fail *f);
/* Before the reorg database is replaced as a whole: its daemon does not run. OWNED. */
NODISCARD enum err folder_at_rest(struct cli *c, const char *file, struct fail *f);
/* Who reads there is told of a reset that is half done. */
void folder_warn(const struct cli *c, const char *file);

/* The same of one that is to be made: what it is made in. */
NODISCARD enum err folder_above(const char *folder, struct fail *f);

#endif
