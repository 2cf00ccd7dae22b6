/* track.h - what status and explain tell of a transaction that is followed. */
#ifndef PAWL_CLI_REPORT_TRACK_H
#define PAWL_CLI_REPORT_TRACK_H

#include "cli/cli.h"
#include "journal/journal.h"
#include "kinds/track/track.h"

/* 0x and 64 digits: it is a hash, and no name. */
bool track_word(const char *word);
bool track_hash(struct hash *ret, const char *word);

/* Where it stands on each of its chains. fails: NOT_FOUND. */
NODISCARD enum err track_status(
    const struct cli *c, struct journal *j, const char *word, struct fail *f);
/* A line: where it stands; state is another name than that of its row where it has moved
 * on since, or NULL. */
void track_line(const struct cli *c, struct journal *j, const struct tracked *t,
    const char *state, const char *why);
/* How many there are; false: none, and nothing is said. */
bool track_status_all(const struct cli *c, struct journal *j);
/* The subscribers that no message reaches, and why. */
void unreached_show(const struct cli *c, struct journal *j);
/* And what became of it, move by move, and message by message. fails: NOT_FOUND. */
NODISCARD enum err track_explain(
    const struct cli *c, struct journal *j, const char *word, struct fail *f);

#endif
