/* asked.h - what `pawl simulate` is asked for, and the line that asks for one of
 * its stories again.
 *
 * Borrows from the command line. What can't be told is refused with ERR_USAGE. */
#ifndef PAWL_CLI_SIMULATE_ASKED_H
#define PAWL_CLI_SIMULATE_ASKED_H

#include "cli/args.h"
#include "sim/story/scenario.h"

#define SIMULATE_ACTS_MAX 100000 /* of a story */

struct simulate_asked {
	uint64_t seed, lives, days;
	const struct sim_scenario *scenario; /* NULL: a story is drawn */
	const char *acts;                    /* NULL: all */
	bool shrinks;
	bool traces; /* all that happens is shown, not only the end of what went wrong */
};

/* Switches the defect on that is named. */
NODISCARD enum err simulate_asked_read(
    struct simulate_asked *ret, const struct args *a, struct fail *f);

/* The next number of a list such as "3,7"; false: there is none. */
bool simulate_acts_next(const char **at, uint64_t *ret);

/* "pawl simulate --seed 7 ...": with these acts; NULL: as it was asked. */
void simulate_again(
    struct buf *out, const struct simulate_asked *a, uint64_t seed, const char *acts);

#endif
