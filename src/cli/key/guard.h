/* guard.h - may this key be deleted for ever?
 *
 * Only when no configured chain shows a balance at its address and the journal has no
 * live nonce of it. Both must be known: what can't be asked is a no.
 */
#ifndef PAWL_CLI_KEY_GUARD_H
#define PAWL_CLI_KEY_GUARD_H

#include "cli/cli.h"

/* fails: CONFLICT, with what is still there. */
NODISCARD enum err key_remove_check(
    struct cli *c, const char *name, const struct address *address, struct fail *f);

#endif
