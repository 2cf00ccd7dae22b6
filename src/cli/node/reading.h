/* reading.h - while a long log is read, a terminal shows how far that is.
 *
 * A bar on standard error, taken back when the reading is over; nothing where that is no
 * terminal, with --quiet or --json, or of a file that is read in a moment. One thread:
 * what another one reads meanwhile is not shown.
 */
#ifndef PAWL_CLI_NODE_READING_H
#define PAWL_CLI_NODE_READING_H

#include "cli/cli.h"
#include "kinds/node/snapshot/log.h"
#include "world/files.h"

/* The system's files; what is read through them is shown until reading_end, which comes
 * before anything else is said. */
const struct files *reading_begin(const struct cli *c, const char *path);
void reading_end(void); /* nothing, when it has not begun */

/* l2_log_open, shown. */
NODISCARD enum err reading_log(
    struct l2_log **ret, const struct cli *c, const char *path, struct fail *f);

#endif
