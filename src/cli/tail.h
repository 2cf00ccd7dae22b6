/* tail.h - a file that keeps the last lines written to it, in memory.
 *
 * Who reads flushes `out` before. A line longer than TAIL_LINE_MAX is cut. */
#ifndef PAWL_CLI_TAIL_H
#define PAWL_CLI_TAIL_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

#define TAIL_LINES 20
#define TAIL_LINE_MAX 1000

struct tail {
	FILE *out;
	uint64_t lines;                  /* that were written whole */
	struct buf kept[TAIL_LINES + 1]; /* the last one is being written */
};

void tail_open(struct tail *t); /* it must stay where it is */
void tail_close(struct tail *t);
void tail_clear(struct tail *t);

uint64_t tail_first(const struct tail *t); /* of the lines that are kept */
const char *tail_line(const struct tail *t, uint64_t number); /* without its end */

#endif
