/* mutant.h - what several defects of base/mutant.def do. Not in a build without them. */
#ifndef PAWL_ENGINE_MUTANT_H
#define PAWL_ENGINE_MUTANT_H

#include "base/mutant.h"
#include "engine/engine.h"
#include "engine/message.h"

/* Take the live intents of these nonces, from first up to before last, for dead without
 * proof: their rows are paid by others. */
void mutant_give_up(struct runner *r, int64_t account, uint64_t first, uint64_t last);

/* Decide in the next turn to tell it. */
void mutant_note_later(struct runner *r, const struct subject *of, enum milestone m,
    int64_t nth, json_t *facts);

#endif
