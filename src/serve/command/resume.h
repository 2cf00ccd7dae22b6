/* resume.h - what a resume accepts: a chain's vanished block, the foreign use of a key's
 * accounts, the price of a fence, a raised cap.
 *
 * Each is command_do for one thing that can be resumed, and fails as that does.
 */
#ifndef PAWL_SERVE_COMMAND_RESUME_H
#define PAWL_SERVE_COMMAND_RESUME_H

#include "serve/command/command.h"

/* Before anything that may be undone: all operations of a chain that is stopped are in
 * the owner's memory. */
void resume_prepare(const struct command_at *at, const struct chain_config *config);

/* Only an owner that takes turns can resume what is stopped: else NO_QUORUM. */
enum err resume_stopped_chain(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f);

/* The accounts by this name, and those of the key's address whatever it was called: what
 * all of them suspect is accepted by one word. */
enum err resume_key(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f);

/* It resumes what it waits for: first the chain, if that is what was stopped. */
enum err resume_operation(const struct command_at *at, const struct request *q,
    struct runner *r, struct operation *o, struct told *ret, struct fail *f);

#endif
