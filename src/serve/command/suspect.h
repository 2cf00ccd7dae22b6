/* suspect.h - transactions that this journal does not know, and that pay its rows.
 *
 * They may be payments of the very rows, sent by another copy of this journal or by a
 * life that it has lost: going on pays these rows again. Only who has looked may say that
 * they were for something else.
 */
#ifndef PAWL_SERVE_COMMAND_SUSPECT_H
#define PAWL_SERVE_COMMAND_SUSPECT_H

#include "serve/command/command.h"

/* The line that adopts the first that nobody has settled, of an account that is stopped;
 * "": there is none. */
#define SUSPECT_LINE_MAX TOLD_THEN_MAX
void suspects_next(struct journal *j, int64_t account, char ret[SUSPECT_LINE_MAX]);

/* Why the account is stopped, with the lines to type as it stands now: that one comes
 * before the resume. */
#define SUSPECT_STOP_MAX (WAITS_MAX + SUSPECT_LINE_MAX + 60)
void suspects_stop(
    struct journal *j, int64_t account, const char *why, char ret[SUSPECT_STOP_MAX]);

/* A resume of these accounts at once. They are foreign from here on if q->yes is the word
 * of all of them, on all of these accounts, as they are now. fails: CONFLICT, with that
 * word, and the line that adopts each of the first ones. */
NODISCARD enum err suspects_clear(const struct command_at *at, const struct request *q,
    const int64_t *accounts, size_t n, struct fail *f);

#endif
