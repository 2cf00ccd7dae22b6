/* progress.h - what there is to say about an operation while it runs. */
#ifndef PAWL_CLI_OWNER_PROGRESS_H
#define PAWL_CLI_OWNER_PROGRESS_H

#include "cli/term/term.h"
#include "serve/watch/standing.h"

/* now_ms: any clock that only goes forward. */
void progress_tell(struct progress *p, const struct standing *s, int64_t now_ms);

/* How long to wait at most before it is told again; INT64_MAX: it is silent. */
int64_t progress_pause_ms(const struct progress *p);

#endif
