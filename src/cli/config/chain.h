/* chain.h - what follows from several keys of a chain, and what only fits together.
 * Internal to src/cli/config/. */
#ifndef PAWL_CLI_CONFIG_CHAIN_H
#define PAWL_CLI_CONFIG_CHAIN_H

#include "cli/config/reader.h"

/* d: its mapping, which has been read into chain. */
void chain_finish(struct reader *r, struct chain_config *chain, const struct doc *d);

#endif
