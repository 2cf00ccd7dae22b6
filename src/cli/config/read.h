/* read.h - from text, environment and found keystores to a struct config.
 * Internal to config.c. */
#ifndef PAWL_CLI_CONFIG_READ_H
#define PAWL_CLI_CONFIG_READ_H

#include "cli/config/config.h"

#define CONFIG_KEYSTORES "keys" /* the folder beside the file */

struct config_input {
	const char *path, *text;
	size_t len;
	char *const *env;
	const char *const *keystores; /* names in CONFIG_KEYSTORES, without .json */
	int keystores_n;
};

NODISCARD enum err config_read(
    struct config **ret, const struct config_input *in, struct fail *f);

#endif
