/* keys.h - the keys of the config, each resolved when it is first used.
 *
 * The keyring owns the secrets and wipes them when it is freed; what keyring_get gives
 * is borrowed and may be used by workers until then. Two names for one address are
 * refused as soon as both are known.
 */
#ifndef PAWL_CLI_CONFIG_KEYS_H
#define PAWL_CLI_CONFIG_KEYS_H

#include "cli/config/config.h"
#include "crypto/secret.h"

struct keyring;

struct keyring *keyring_new(const struct config *c); /* c is borrowed */
void keyring_free(struct keyring *k);                /* NULL is fine */

/* May ask for a password on the terminal. ret_address may be NULL. fails: CONFIG (no
 * such key), KEY. */
NODISCARD enum err keyring_get(struct keyring *k, const char *name,
    const struct secret **ret, struct address *ret_address, struct fail *f);

/* May anybody be asked for a password from now on? Gives back what was so until now. */
bool keyring_asks(struct keyring *k, bool may);

/* The address alone. A keystore names it without its password; nothing is signed by
 * that claim: keyring_get compares it with the key. */
NODISCARD enum err keyring_address(
    struct keyring *k, const char *name, struct address *ret, struct fail *f);

/* The same without ever asking: a keystore that does not name it is ERR_KEY. */
NODISCARD enum err keyring_peek(
    struct keyring *k, const char *name, struct address *ret, struct fail *f);

/* What the key of that address, which was called so, is called now; NULL: there is no
 * such key. Nobody is asked. */
const char *keyring_called(
    struct keyring *k, const char *name, const struct address *address);

#endif
