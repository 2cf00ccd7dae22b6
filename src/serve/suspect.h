/* suspect.h - transactions that this journal does not know, and that pay its rows.
 *
 * They may be payments of the very rows, sent by another copy of this journal or by a
 * life that it has lost: going on pays these rows again. Only who has looked may say that
 * they were for something else.
 */
#ifndef PAWL_SERVE_SUSPECT_H
#define PAWL_SERVE_SUSPECT_H

#include "serve/command.h"

/* A resume of the account. With q->yes they are foreign from here on. fails: CONFLICT,
 * with the line that adopts each of the first ones. */
enum err suspects_clear(const struct command_at *at, const struct request *q,
    int64_t account, struct fail *f);

#endif
