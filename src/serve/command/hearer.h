/* hearer.h - a subscriber by a word that names him: CHANNEL:TARGET, or notify:ID, by
 * which `pawl status` shows one whose target is a secret.
 */
#ifndef PAWL_SERVE_COMMAND_HEARER_H
#define PAWL_SERVE_COMMAND_HEARER_H

#include <jansson.h>

#include "engine/message.h"
#include "serve/command/command.h"

/* *ret 0: nobody was ever named so. fails: USAGE. */
NODISCARD enum err hearer_find(
    struct journal *j, const char *word, int64_t *ret, struct fail *f);

/* Those of the array of words hear no more of the subject, or of anything (NULL). Part of
 * the open transaction. *ret_moved: one of them heard of it. fails: USAGE. */
NODISCARD enum err hearers_drop(struct journal *j, const json_t *words,
    const struct subject *of, bool *ret_moved, struct fail *f);

#endif
