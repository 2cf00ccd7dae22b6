/* scalar.h - one value of the config into its field, by its row of the table.
 * What doesn't fit is noted as a problem and the field left alone. */
#ifndef PAWL_CLI_CONFIG_SCALAR_H
#define PAWL_CLI_CONFIG_SCALAR_H

#include "cli/config/reader.h"
#include "cli/config/table.h"

void scalar_read(
    struct reader *r, const struct config_row *row, void *field, const struct doc *d);

/* "90s", "15m", "1h", "2d"; 0 is none. */
bool duration_parse(const char *text, int64_t *ret_ms);

/* NULL: fine; else what is wrong with it, without repeating it. */
const char *config_url_fault(const char *url);

#endif
