/* percents.h - a list of percents: [25, 50, 75], or in the environment 25 50 75.
 */
#ifndef PAWL_CLI_CONFIG_PERCENTS_H
#define PAWL_CLI_CONFIG_PERCENTS_H

#include "cli/config/reader.h"

void percents_read(struct reader *r, struct track_percents *ret, const struct doc *d);

#endif
