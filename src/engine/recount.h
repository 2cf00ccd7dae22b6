/* recount.h - is what the journal says of an operation true of its rows?
 *
 * Its events are held against their chain; what they say of it and of each item, against
 * the rows; each item, against its intents and their attempts; its totals, against the
 * sum of it all; what is to be paid, against the plan; and what is signed and not
 * settled, against that. What does not fit was edited, or is damaged. Read some at a
 * time, between transactions: what is committed meanwhile is followed. It changes
 * nothing.
 */
#ifndef PAWL_ENGINE_RECOUNT_H
#define PAWL_ENGINE_RECOUNT_H

#include "engine/engine.h"

struct recount;

/* rows_alone: its events up to now are left out; they are by far the most of it, and
 * what may pay a row twice is seen without them. */
struct recount *recount_new(
    struct journal *j, int64_t operation, const struct kind *kind, bool rows_alone);
void recount_free(struct recount *c);

/* At most *left events and rows are read, and taken off it. done: all of it fits.
 * fails: DAMAGED, with the first thing that does not fit */
NODISCARD enum err recount_some(
    struct recount *c, int64_t *left, bool *ret_done, struct fail *f);

/* All of it at once. fails: DAMAGED */
NODISCARD enum err recount_whole(
    struct journal *j, int64_t operation, const struct kind *kind, struct fail *f);

/* Its rows are those of its plan, where all are there; at any time, for neither moves.
 * fails: DAMAGED */
NODISCARD enum err recount_plan(
    struct journal *j, int64_t operation, const struct kind *kind, struct fail *f);

/* What live intents have signed pays what their rows are to get, on their nonces, or it
 * is empty. fails: DAMAGED */
NODISCARD enum err recount_signed(struct journal *j, const struct operation *o,
    const struct connector *connector, struct fail *f);

/* After a turn: some more of each operation that is open and was not counted in this
 * life, first the rows of all, then all. Damage ends the process. */
void recount_turn(struct runner *r);
#define RECOUNT_TURN_MAX 8192
extern int64_t recount_turn_max; /* events and rows of a turn; a test may lower it */
/* Its rows are what the journal says: more may be reserved for it. */
bool recounted(const struct operation *o);
/* And its events what was written: it may end, after which no start reads them again. */
bool recount_proved(const struct operation *o);
#define RECOUNT_UNPROVED "its events to be compared with what was written"

#endif
