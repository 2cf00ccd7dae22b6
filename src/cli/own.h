/* own.h - one command to one operation: own the journal, load the operation, let the
 * command change it, commit. No node is asked and nothing is signed, so it works with
 * the chain's nodes down and without a password.
 */
#ifndef PAWL_CLI_OWN_H
#define PAWL_CLI_OWN_H

#include "cli/loop.h"
#include "engine/operation.h"

struct own {
	struct loop loop;
	struct operation *operation;
	struct account *account; /* of the operation */
};

/* own_close ends it in any case. fails: as loop_open; NOT_FOUND, CONFIG (the chain is
 * not configured any more). */
NODISCARD enum err own_operation(
    struct own *o, struct cli *c, const char *word, struct fail *f);
NODISCARD enum err own_commit(struct own *o, struct fail *f);
void own_close(struct own *o);

/* Keys that sign nothing: an account that is loaded with them is only looked at. */
extern const struct keyring_face own_no_keys;

/* The config's chain of a row in the journal: by name, else by chain id. */
NODISCARD enum err own_chain(struct config *c, struct journal *j, int64_t chain,
    const struct chain_config **ret, struct fail *f);

/* How high foreign use of an account was seen: what a resume accepts. */
int64_t own_seen_height(struct journal *j, int64_t chain, int64_t account);

/* The state as it is now, for a person or as {"operation","state"} with more. more is
 * given away; NULL: nothing. */
void own_tell(
    const struct cli *c, const struct operation *o, const char *said, json_t *more);

#endif
