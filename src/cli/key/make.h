/* make.h - what `key new` and `key import` share: one way to make a keystore. */
#ifndef PAWL_CLI_KEY_MAKE_H
#define PAWL_CLI_KEY_MAKE_H

#include "cli/cli.h"
#include "crypto/secret.h"

/* Is the name free and sayable? Asked before anybody types a password. */
NODISCARD enum err key_name_check(struct cli *c, const char *name, struct fail *f);

/* Under a password (--password, or asked twice), into keys/NAME.json beside the config;
 * read back and compared before its address is told. key is borrowed. */
NODISCARD enum err key_keep(
    struct cli *c, const char *name, const struct secret *key, struct fail *f);

#endif
