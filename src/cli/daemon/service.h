/* service.h - the life of a daemon: up, told to its service manager, and drained when it
 * is to end.
 *
 * Nothing depends on an orderly end. It is for those who wait: what was asked gets its
 * answer, and what is out gets its outcome into the journal, as far as that comes soon.
 */
#ifndef PAWL_CLI_DAEMON_SERVICE_H
#define PAWL_CLI_DAEMON_SERVICE_H

#include "cli/owner/loop.h"

struct backups; /* of a layer 2; NULL: there are none to make */

/* Behind loop_start: turns until a signal, OK then. It is said to be up when the first
 * turn has ended, whatever its nodes say: who waits for those is found at /ready, and a
 * manager that ends and starts it again brings no node back. */
NODISCARD enum err service_run(struct loop *l, struct backups *backups, struct fail *f);

#endif
