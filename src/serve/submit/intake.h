/* intake.h - an owner takes in what another process planned: the operation in one turn,
 * its rows in the turns after it. */
#ifndef PAWL_SERVE_SUBMIT_INTAKE_H
#define PAWL_SERVE_SUBMIT_INTAKE_H

#include "serve/command/command.h"

/* A list on its way: only in memory. It begins anew with whoever owns the journal. */
struct intake;

/* Both within a savepoint of the caller's. fails: USAGE, STALE (plan again), CONFLICT,
 * CONFIG, KEY, WRONG_CHAIN; NO_QUORUM: the nodes have not said which chain it is, ask
 * again. OK without an operation: what the account did before the journal knew it is
 * being read, ask again. */
NODISCARD enum err intake_create(const struct command_at *at, const char *body,
    size_t len, struct told *ret, struct fail *f);

/* all: the lists on their way, NULL at first. */
NODISCARD enum err intake_rows(struct intake **all, const struct command_at *at,
    const struct request *q, const char *body, size_t len, struct told *ret,
    struct fail *f);
void intake_free(struct intake *all);

#endif
