/* submit.h - an airdrop in one request: its list, who pays it, and what it may cost.
 *
 * All that `pawl airdrop run` looks at is looked at here, in the turn that takes it in:
 * the list's own mistakes, what the account did before, what is paid here already. So
 * nothing can come between. What the nodes have not said yet is awaited: who asked is
 * answered in a later turn.
 */
#ifndef PAWL_SERVE_SUBMIT_SUBMIT_H
#define PAWL_SERVE_SUBMIT_SUBMIT_H

#include "serve/command/command.h"
#include "serve/submit/scout.h"

/* The operation, with all its rows, as rows of the open transaction. OK, and
 * ret->operation is 0: it waits for what f says, nothing is decided. *ret_made false:
 * it was there already, as this very plan, and goes on. fails: as command_do, INPUT (the
 * list, the cap), CONFLICT (it is paid, or may be, already), KEY, DISK_FULL. */
NODISCARD enum err submit_do(struct scouts *scouts, const struct command_at *at,
    const char *body, size_t len, struct told *ret, bool *ret_made, struct fail *f);

/* Only the reading of it. Pure: the fuzzer runs it. fails: USAGE. */
NODISCARD enum err submit_check(const char *body, size_t len, struct fail *f);

#endif
