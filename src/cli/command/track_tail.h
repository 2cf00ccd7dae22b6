/* track_tail.h - what becomes of transactions that somebody waits for, as it comes: a
 * line for each move, and for each part of its confirmations.
 */
#ifndef PAWL_CLI_COMMAND_TRACK_TAIL_H
#define PAWL_CLI_COMMAND_TRACK_TAIL_H

#include "cli/cli.h"
#include "journal/journal.h"
#include "kinds/track/track.h"

struct track_tail {
	const struct hash *hashes; /* in order, borrowed */
	size_t n;
	uint8_t *percents; /* that was said last of each */
	bool begun;
	int64_t after; /* the event that was looked at last */
};

/* Puts them in order. */
void track_tail_begin(struct track_tail *t, struct hash *hashes, size_t n);
void track_tail_end(struct track_tail *t);
/* Where they stand, the first time; then what moved since. */
void track_tail_turn(struct track_tail *t, const struct cli *c, struct journal *j);

#endif
