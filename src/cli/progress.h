/* progress.h - what there is to say about an operation while it runs. */
#ifndef PAWL_CLI_PROGRESS_H
#define PAWL_CLI_PROGRESS_H

#include "cli/term.h"
#include "engine/engine.h"

/* o may be read from the journal, while its chain is not known. now_ms: the world's. */
void progress_tell(struct progress *p, const struct runner *r, const struct operation *o,
    int64_t now_ms);

/* How long to wait at most before it is told again; INT64_MAX: it is silent. */
int64_t progress_pause_ms(const struct progress *p);

#endif
