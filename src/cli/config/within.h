/* within.h - is a path below a folder, or the folder? However both are written: links
 * and ".." are followed, and what is not there is as it would be made in what is. A path
 * that can't be followed is in none. */
#ifndef PAWL_CLI_CONFIG_WITHIN_H
#define PAWL_CLI_CONFIG_WITHIN_H

#include <stdbool.h>

bool path_within(const char *path, const char *folder);

#endif
