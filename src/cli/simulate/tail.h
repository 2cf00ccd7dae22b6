/* tail.h - a file that keeps the last lines written to it, in memory.
 *
 * It may be written to from anywhere, a simulated process too: only its birth takes
 * memory. Who reads flushes `out` before. A line longer than TAIL_LINE_MAX is cut. */
#ifndef PAWL_CLI_SIMULATE_TAIL_H
#define PAWL_CLI_SIMULATE_TAIL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TAIL_LINES 20
#define TAIL_LINE_MAX 1000

struct tail {
	FILE *out;
	uint64_t lines; /* that were written whole */
	size_t len;     /* of the one that is being written */
	char kept[TAIL_LINES + 1][TAIL_LINE_MAX + 1];
};

struct tail *tail_new(void);
void tail_free(struct tail *t);
void tail_clear(struct tail *t);

uint64_t tail_first(const struct tail *t); /* of the lines that are kept */
const char *tail_line(const struct tail *t, uint64_t number); /* without its end */

#endif
