/* hand.h - an operation in a runner, for the moment of a command: the owner's where it
 * knows the chain, else one made for the command alone. The journal says which chain it
 * is: no node is asked, nothing is signed.
 */
#ifndef PAWL_SERVE_COMMAND_HAND_H
#define PAWL_SERVE_COMMAND_HAND_H

#include "serve/command/command.h"

struct hand {
	struct runner *runner, *owner; /* owner: that has not this chain; NULL: none */
	bool own;
	struct operation *operation, before;
	struct account *account;
};

/* read: as the journal has it. Release it also when that failed. fails: CONFIG,
 * DAMAGED. */
NODISCARD enum err hand_take(struct hand *h, const struct command_at *at,
    const struct operation *read, struct fail *f);
/* good: what changed is the journal's with its next commit; else nothing did. */
void hand_release(struct hand *h, bool good);

#endif
