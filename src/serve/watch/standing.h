/* standing.h - where an operation stands, for whoever watches it: as a bar, as a line, or
 * as an event on the socket. */
#ifndef PAWL_SERVE_WATCH_STANDING_H
#define PAWL_SERVE_WATCH_STANDING_H

#include "engine/engine.h"

struct standing {
	int64_t done, total;
	int64_t void_n;  /* of those that are done */
	int64_t unknown; /* outcomes that are not known yet */
	char state[24];
	char waits[WAITS_MAX]; /* for what it waits; "": for nothing */
};

/* o may be read from the journal, while its chain is not known. All of ret is written:
 * two that are equal are equal byte by byte. */
void standing_of(const struct runner *r, const struct operation *o, struct standing *ret);

#endif
