/* operation.h - operations in memory and in the journal. */
#ifndef PAWL_ENGINE_OPERATION_H
#define PAWL_ENGINE_OPERATION_H

#include "engine/engine.h"

/* Read it from the journal (also on a reader's connection); false: no such id. */
NODISCARD bool operation_read(struct journal *j, int64_t id, struct operation *ret);

/* Load it into the runner, with its account. NULL: its chain is not configured. */
struct operation *operation_load(struct runner *r, int64_t id);
void operation_free(struct operation *o);
/* Those of a chain whose id one of ours has, and none its genesis, say what they wait
 * for. */
void operations_elsewhere(struct runner *r);

/* Write what changed. Once a turn. */
void operation_put(struct runner *r, struct operation *o);

/* Along an edge of the table; records the stage and an event. */
void operation_move(struct runner *r, struct operation *o, int to, const char *why);

/* It had ended, and a final block vanished: who was told so hears of it. */
void operation_reopen(struct runner *r, struct operation *o, int to);
/* In the same stage for too long: said once a stage, whatever restarts lie between. */
void operation_stuck(struct runner *r, struct operation *o);

/* Needs an operator: says why, and the very line to type. */
void operation_stop(struct runner *r, struct operation *o, const char *why);
void operation_stop_how(
    struct runner *r, struct operation *o, const char *why, const char *how);
void operation_waits(struct operation *o, const char *why); /* NULL: nothing */
/* The cap on fees does not cover `what`: it stops, or where it is not paying says so,
 * with the line to type. A fence only remembers it. */
void operation_pinched(struct runner *r, struct operation *o, const char *what);

/* Whether new intents may be reserved for it. */
bool operation_reserves(const struct operation *o);
/* Whether it will want new ones, or may: else what keeps its account back is no matter of
 * its. */
bool operation_wants_more(const struct operation *o);
bool operation_ended(const struct operation *o);  /* completed or cancelled */
bool operation_fences(const struct operation *o); /* an account in doubt */

/* An item moves: the row, the totals, the event. amount: the item's. */
void operation_item(struct runner *r, struct operation *o, int64_t row,
    const struct amount *amount, int from, int to, int64_t intent, const char *why);

/* What the journal says of it can't be: see journal_damaged. */
void operation_damaged(
    const struct runner *r, const struct operation *o, const char *what) NORETURN;

/* The commands. Each is journaled, and OK also when there was nothing to do. */
NODISCARD enum err operation_pause(struct runner *r, struct operation *o, struct fail *f);
/* From a stop or a pause, whatever keeps its account or its chain back. */
void operation_go_on(struct runner *r, struct operation *o);
NODISCARD enum err operation_resume(
    struct runner *r, struct operation *o, struct fail *f);
/* now: empty attempts over everything live; else what is live is settled. */
NODISCARD enum err operation_cancel(
    struct runner *r, struct operation *o, bool now, struct fail *f);
void operation_cap(struct runner *r, struct operation *o, const struct amount *cap);

/* The first 5 bytes of SHA-256("pawl tag 1", name, plan, ordinal of --again, row). */
void operation_tag(const struct operation *o, int64_t row, uint8_t tag[5]);

#endif
