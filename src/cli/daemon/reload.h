/* reload.h - the config, taken up anew by a daemon that goes on (SIGHUP).
 *
 * Who may ask, the log, how subscribers are told, how fast nodes are asked, and how often
 * the files of a layer 2 are copied. What the
 * journal and its accounts stand on is not: a restart takes that up, and is as safe as
 * this. One that has an error, or names a secret that can't be read, is refused as a
 * whole.
 */
#ifndef PAWL_CLI_DAEMON_RELOAD_H
#define PAWL_CLI_DAEMON_RELOAD_H

#include "cli/owner/loop.h"

/* The tokens and the door of serve, for a gate on the loop's listener. fails: CONFIG,
 * KEY; *ret is the caller's, or NULL. */
NODISCARD enum err gate_make(struct gate **ret, const struct loop *l,
    const struct serve_config *c, struct fail *f);

struct backups; /* of a layer 2; NULL: none are made */

/* Between two turns. Each key that changed is named on the log: taken up, or not. */
void reload(struct loop *l, struct backups *backups);

#endif
