/* tracking.h - commands about transactions that are followed.
 *
 * A line each, JSON: `hash`, or `operation` and `row` for the transaction of a row that
 * was signed; `chain`, `confirmations`, `notify` (an array of CHANNEL:TARGET), `label`.
 * Without a chain a hash is looked for on all of the config's that the journal has met;
 * those of which no node answers, for ten seconds or with a failure each (or as one of
 * another chain), are named. All
 * lines are taken, or none. No node is asked for it here: whoever runs `pawl serve`
 * follows it.
 */
#ifndef PAWL_SERVE_COMMAND_TRACKING_H
#define PAWL_SERVE_COMMAND_TRACKING_H

#include <jansson.h>

#include "kinds/track/track.h"
#include "serve/command/command.h"

#define TRACKING_LABEL_MAX 200
#define TRACKING_CHAINS_MAX 64

/* Chains that the journal has not met yet are followed from now on. */
void tracking_prepare(const struct command_at *at, const struct request *q);

/* ret->tracked: lines; fresh: those that nobody had asked for. fails: USAGE (with the
 * line), CONFIG, NOT_FOUND, CONFLICT; NO_QUORUM: a chain's nodes have not said yet which
 * one it is, ask again; WRONG_CHAIN: they serve another one. */
NODISCARD enum err tracking_add(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f);

/* With notify, these do not hear of it any more; without it, nobody does and it is not
 * followed. ret->tracked: those that were; fails also: NOT_FOUND. */
NODISCARD enum err tracking_drop(const struct command_at *at, const struct request *q,
    struct told *ret, struct fail *f);

/* {"tracked":[..]}: a hash on all chains where it is. fails: USAGE, NOT_FOUND. */
NODISCARD enum err tracking_encode(
    struct buf *out, struct journal *j, const char *hash, struct fail *f);
json_t *tracked_json(struct journal *j, const struct tracked *t);

#endif
